"""Finite-strain plasticity: Hencky's elasticity below yield, objectivity, uniaxial tension with free sides, inverted gradients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

import hoad
from hoad.mechanics.materials.logarithmic_plasticity import LogarithmicJ2

from .inelastic_cases import CASES, stress
from .material_cases import rotation

I = np.eye(3)


def over(cases):
    return pytest.mark.parametrize("case", cases, ids=[c.id for c in cases])


def shear(value):
    e = np.zeros((3, 3))
    e[0, 1] = e[1, 0] = value
    return e


def test_below_yield_the_logarithmic_law_is_hencky():
    law, rng = LogarithmicJ2(2.0, 1.0, sigma_y=10.0), np.random.default_rng(5)
    F = I + 0.3 * rng.uniform(-1, 1, (3, 3))
    w, v = np.linalg.eigh(F @ F.T)
    log = 0.5 * np.log(w)
    deviator = log - log.mean()
    assert law.energy(F) == pytest.approx(np.sum(log) ** 2 + np.sum(deviator**2), rel=1e-14)
    tau = (v * (2.0 * np.sum(log) + 2 * deviator)) @ v.T
    np.testing.assert_allclose(stress(law, F, law.initial_state(()), 1.0) @ F.T, tau, atol=1e-14)


@over([c for c in CASES if isinstance(c.law, LogarithmicJ2) and c.d == 3])
def test_objectivity_at_finite_strain(case):
    """Turned after the deformation, energy and state are the same and the stress turns; turned before it, the state turns."""
    first, F = case.history(steps=2)
    Q, law = rotation(case.rng("turn"), 3), case.law
    state = case.after([first])
    assert law.energy(Q @ F, state) == pytest.approx(law.energy(F, state), rel=1e-13)
    np.testing.assert_allclose(stress(law, Q @ F, state, 1.0), Q @ stress(law, F, state, 1.0), atol=1e-13)
    new, turned = law.update(F, state), law.update(Q @ F, state)
    np.testing.assert_allclose(turned["inverse_plastic_metric"], new["inverse_plastic_metric"], atol=1e-13)
    before = {**state, "inverse_plastic_metric": Q.T @ state["inverse_plastic_metric"] @ Q}
    np.testing.assert_allclose(stress(law, F @ Q, before, 1.0), stress(law, F, state, 1.0) @ Q, atol=1e-13)


def test_pressure_of_the_logarithmic_law():
    law, stretch = LogarithmicJ2(2.0, 1.0, sigma_y=0.01), 1.3
    P = stress(law, stretch * I, law.initial_state(()), 1.0)
    np.testing.assert_allclose(P, 2.0 * 3 * np.log(stretch) / stretch * I, atol=1e-14)
    assert law.update(stretch * I, law.initial_state(()))["accumulated"] == 0


def test_uniaxial_tension_at_finite_strain():
    """Free sides: τ = E ln λ_e along the axis, so that τ follows from one scalar equation for the plastic elongation."""
    K, mu, tau_y, H, n = 0.833, 0.386, 0.003, 0.02, 0.4
    law = LogarithmicJ2(K, mu, tau_y, H=H, n=n, hardening="power")
    E, nu = 9 * K * mu / (3 * K + mu), (3 * K - 2 * mu) / (2 * (3 * K + mu))
    state, side = law.initial_state(()), 1.0
    for stretch in np.linspace(1.0, 1.25, 11)[1:]:
        plastic = brentq(lambda a, stretch=stretch: E * (np.log(stretch) - a) - tau_y - H * a**n, 0, np.log(stretch), xtol=1e-16)
        elastic = np.log(stretch) - plastic
        for _ in range(30):
            F = np.diag([stretch, side, side])
            P = stress(law, F, state, 1.0)
            v = np.diag([0.0, 1.0, 1.0])
            change = P[1, 1] / (0.5 * np.sum(hoad.hvp(lambda F: law.energy(F, state), F, v) * v))  # noqa: B023
            side -= change
            if abs(change) < 1e-15:
                break
        F = np.diag([stretch, side, side])
        assert (stress(law, F, state, 1.0) @ F.T)[0, 0] == pytest.approx(E * elastic, rel=1e-12)
        state = law.update(F, state)
        assert state["accumulated"] == pytest.approx(plastic, rel=1e-12)
        assert np.log(side) == pytest.approx(-nu * elastic - plastic / 2, rel=1e-12)


def test_an_inverted_gradient_has_infinite_energy():
    law = LogarithmicJ2(2.0, 1.0, sigma_y=0.01, H=0.1)
    F = np.stack([I, np.diag([1.0, 1.0, -1.0]), 1.1 * I + shear(0.1)], -1)
    energy = law.energy(F)
    assert energy[1] == np.inf
    force = stress(law, F, law.initial_state((3,)), 1.0)
    np.testing.assert_array_equal(force[..., [0, 2]], stress(law, F[..., [0, 2]], law.initial_state((2,)), 1.0))
    assert np.isfinite(force).all()
