"""Slip of crystals: Schmid's law, one system against its scalar equation, turned crystals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from hoad.mechanics.materials.crystal_slip import FCC, CrystalSlip, bunge_rotation

from .inelastic_cases import stress
from .material_cases import rotation

I = np.eye(3)


def shear(value):
    e = np.zeros((3, 3))
    e[0, 1] = e[1, 0] = value
    return e


CUBIC = dict(C11=1.68, C12=1.21, C44=0.75)


def test_slip_systems_of_fcc():
    assert len(FCC) == 12
    tensors = {tuple(np.round(np.outer(s, m).ravel() * np.sign(s[np.flatnonzero(s)[0]]), 12)) for s, m in FCC}
    assert len(tensors) == 12
    for s, m in FCC:
        assert s @ m == pytest.approx(0)
        assert sorted(np.abs(s) * np.sqrt(2)) == pytest.approx([0, 1, 1])
        assert np.abs(m) * np.sqrt(3) == pytest.approx([1, 1, 1])


def test_schmid_law_in_the_rate_independent_limit():
    """No resolved stress exceeds the resistance, the most loaded systems reach it, and only these slip."""
    R, g0 = rotation(np.random.default_rng(8), 3), 0.004
    law = CrystalSlip(**CUBIC, gamma0=1.0, n=1000.0, g0=g0, rotation=R)
    for seed in range(5):
        v = np.random.default_rng(seed).normal(size=(3, 3))
        v = v + v.T - 2 * np.trace(v) / 3 * I
        e = 0.03 * v / np.linalg.norm(v)
        state = law.initial_state(())
        sigma, new = stress(law, e, state, 1.0), law.update(e, state, 1.0)
        tau = np.array([(R @ s) @ sigma @ (R @ m) for s, m in FCC])
        assert np.max(np.abs(tau)) == pytest.approx(g0, rel=0.01)
        assert np.all(new["slip"][np.abs(tau) < 0.98 * g0] < 1e-8)
        assert np.sum(new["slip"]) > 0.005


@pytest.mark.parametrize("n", [1.0, 3.0, 20.0])
def test_one_system_against_its_scalar_equation(n):
    """Shear on the plane: τ = C44 (2 ε - Γ) with Γ = Δt γ₀ (τ/g)ⁿ, g hardening after each step."""
    systems = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    law = CrystalSlip(**CUBIC, gamma0=0.2, n=n, g0=0.004, h0=0.1, systems=systems)
    state, slip, g = law.initial_state(()), 0.0, 0.004
    for value in (0.004, 0.012, 0.02):
        sigma = stress(law, shear(value), state, 0.3)
        tau = brentq(lambda t, v=value: 0.75 * (2 * v - slip - 0.06 * (t / g) ** n) - t, 0, 1.5 * value, xtol=1e-18)  # noqa: B023
        assert sigma[0, 1] == pytest.approx(tau, rel=1e-12)
        state = law.update(shear(value), state, 0.3)
        slip += 0.06 * (tau / g) ** n
        g = 0.004 + 0.1 * slip
        assert state["slip"][0] == pytest.approx(slip, rel=1e-11)
        np.testing.assert_allclose(state["plastic_strain"], shear(slip / 2), atol=1e-15)


def test_turned_crystal_and_strain():
    """A crystal turned with its strain has the turned stress; a field of orientations is one of each."""
    rng = np.random.default_rng(4)
    angles = rng.uniform(-2, 2, (3, 4))
    R = bunge_rotation(*angles)
    v = rng.normal(size=(3, 3))
    e = 0.01 * (v + v.T)
    aligned, turned = CrystalSlip(**CUBIC, gamma0=0.05, n=5.0, g0=0.004), None
    turned = CrystalSlip(**CUBIC, gamma0=0.05, n=5.0, g0=0.004, rotation=R)
    strains = np.einsum("aip,ij,bjp->abp", R, e, R)
    found = stress(turned, strains, turned.initial_state((4,)), 1.0)
    sigma = stress(aligned, e, aligned.initial_state(()), 1.0)
    np.testing.assert_allclose(found, np.einsum("aip,ij,bjp->abp", R, sigma, R), atol=1e-14)


def test_bunge_rotation():
    """z, x', z'': products of elementary rotations."""

    def about(axis, t):
        c, s = np.cos(t), np.sin(t)
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) if axis == "z" else np.array([[1, 0, 0], [0, c, -s], [0, s, c]])

    np.testing.assert_allclose(bunge_rotation(0.3, 1.1, -0.7), about("z", 0.3) @ about("x", 1.1) @ about("z", -0.7), atol=1e-15)
