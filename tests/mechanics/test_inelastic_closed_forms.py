"""Laws with internal variables against closed forms and published numbers: tangents, energies, laminates, relaxation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

import hoad
from hoad.errors import ConvergenceError, ImplicitError, ShapeError
from hoad.mechanics.materials.crystal_slip import CrystalSlip
from hoad.mechanics.materials.incremental_potential import IncrementalPotential
from hoad.mechanics.materials.j2_plasticity import J2Plasticity
from hoad.mechanics.materials.maxwell import GeneralisedMaxwell
from hoad.mechanics.materials.perzyna import Perzyna

from .classical_return_maps import yield_stress
from .inelastic_cases import CASES, stress

I = np.eye(3)
CUBIC = dict(C11=1.68, C12=1.21, C44=0.75)
METALS = [c for c in CASES if isinstance(c.law, J2Plasticity) and c.d == 3]
METALS_AND_CREEP = [c for c in CASES if isinstance(c.law, J2Plasticity | Perzyna) and c.d == 3]


def over(cases):
    return pytest.mark.parametrize("case", cases, ids=[c.id for c in cases])


def shear(value):
    e = np.zeros((3, 3))
    e[0, 1] = e[1, 0] = value
    return e


def equivalent(sigma):
    s = sigma - np.trace(sigma) / 3 * I
    return np.sqrt(1.5 * np.sum(s * s))


def slope_of_flow_stress(law, x, a, dt):
    """Derivative of the stress that flow needs, by its increment x; differentiated by hand."""
    if isinstance(law, Perzyna):
        return law.H + law.sigma0 / (law.n * dt * law.gamma0) * (x / (dt * law.gamma0)) ** (1 / law.n - 1)
    if law.hardening == "linear":
        return law.H
    if law.hardening == "saturation":
        return law.H + (law.sigma_inf - law.sigma_y) * law.delta * np.exp(-law.delta * (a + x))
    return law.n * law.H * max(a + x, law.linear_below) ** (law.n - 1)


@over(METALS_AND_CREEP)
def test_consistent_tangent_in_closed_form(case):
    """As in de Geus et al. (2017): C = K 1⊗1 + (2μ - 6μ² Δγ/q) I_d + 4μ²(Δγ/q - 1/(3μ + H')) N⊗N."""
    law, (first, e) = case.law, case.history(steps=2)
    state = case.after([first])
    new = law.update(e, state, case.dt)
    trial = e - state["plastic_strain"]
    s = 2 * law.mu * (trial - np.trace(trial) / 3 * I)
    q = equivalent(s)
    x = float(new["accumulated"] - state["accumulated"])
    assert x > 1e-4
    N = 1.5 * s / q
    II, I4 = np.einsum("ij,kl->ijkl", I, I), np.einsum("ik,jl->ijkl", I, I)
    Id = (I4 + I4.transpose(0, 1, 3, 2)) / 2 - II / 3
    slope = slope_of_flow_stress(law, x, float(state["accumulated"]), case.dt)
    C = law.K * II + (2 * law.mu - 6 * law.mu**2 * x / q) * Id
    C = C + 4 * law.mu**2 * (x / q - 1 / (3 * law.mu + slope)) * np.einsum("ij,kl->ijkl", N, N)
    found = hoad.hessian(lambda e: law.energy(e, state, case.dt))(e)
    np.testing.assert_allclose(found, C, rtol=0, atol=1e-11 * np.abs(C).max())


@over(METALS)
def test_stress_is_on_the_yield_surface(case):
    law, state = case.law, case.law.initial_state(())
    for e in case.history():
        new = law.update(e, state)
        sigma, a = stress(law, e, state, 1.0), float(new["accumulated"])
        if law.hardening == "saturation":
            expected = law.sigma_y + law.H * a + (law.sigma_inf - law.sigma_y) * (1 - np.exp(-law.delta * a))
        elif a < law.linear_below:
            expected = None  # the straight piece is checked by the classical update
        else:
            expected = law.sigma_y + law.H * a ** (law.n or 1.0)
        if expected is not None and a > state["accumulated"]:
            assert equivalent(sigma) == pytest.approx(expected, rel=1e-12)
        state = new


@over(METALS)
def test_the_potential_is_stored_and_dissipated_energy(case):
    """Π = elastic energy at the end of the step + ∫ σ_y over the step, by quadrature."""
    law, state = case.law, case.law.initial_state(())
    for e in case.history():
        new = law.update(e, state)
        elastic = e - new["plastic_strain"]
        deviator = elastic - np.trace(elastic) / 3 * I
        start, end = float(state["accumulated"]), float(new["accumulated"])
        kinks = [a for a in (start, law.linear_below, end) if start <= a <= end]
        flow = sum(quad(lambda a: yield_stress(law, a), a, b, epsabs=1e-13)[0] for a, b in pairwise(kinks))
        expected = 0.5 * law.K * np.trace(elastic) ** 2 + law.mu * np.sum(deviator**2) + flow
        assert law.energy(e, state) == pytest.approx(expected, rel=1e-9)
        state = new


def test_dissipation_of_linear_hardening():
    """σ : Δε_p less what hardening stores is σ_y Δa + H Δa²/2 by backward Euler, at each step and never negative."""
    law, rng = J2Plasticity(2.0, 1.0, 0.01, H=0.3), np.random.default_rng(2)
    state, e = law.initial_state((50,)), np.zeros((3, 3, 50))
    for _ in range(6):
        v = rng.normal(size=e.shape) * 0.01
        e = e + v + v.swapaxes(0, 1)
        new = law.update(e, state)
        work = (stress(law, e, state, 1.0) * (new["plastic_strain"] - state["plastic_strain"])).sum((0, 1))
        stored = 0.5 * law.H * (new["accumulated"] ** 2 - state["accumulated"] ** 2)
        grown = new["accumulated"] - state["accumulated"]
        np.testing.assert_allclose(work - stored, law.sigma_y * grown + 0.5 * law.H * grown**2, rtol=1e-11, atol=1e-17)
        assert np.all(work - stored >= 0)
        state = new
    assert np.all(state["accumulated"] > 0)


def balance(steps):
    """Work less stored and dissipated energy along loading, unloading and reversed loading, relative to the work."""
    law = J2Plasticity(2.0, 1.0, 0.01, H=0.3)
    corners = [np.zeros((3, 3)), shear(0.03) + np.diag([0.01, 0, -0.004]), shear(0.02), shear(-0.02)]
    state, work, last = law.initial_state(()), 0.0, np.zeros((3, 3))
    for a, b in pairwise(corners):
        for k in range(1, steps + 1):
            e = a + (b - a) * k / steps
            sigma = stress(law, e, state, 1.0)
            work += 0.5 * np.sum((sigma + last) * (b - a)) / steps
            state, last = law.update(e, state), sigma
    elastic = e - state["plastic_strain"]
    deviator = elastic - np.trace(elastic) / 3 * I
    a = state["accumulated"]
    stored = 0.5 * law.K * np.trace(elastic) ** 2 + law.mu * np.sum(deviator**2) + 0.5 * law.H * a**2
    return abs(work - stored - law.sigma_y * a) / work


def test_energy_balance_of_loading_and_unloading():
    """To the second order of the trapezoidal rule, but for the steps that yield within."""
    coarse, fine = balance(40), balance(160)
    assert fine < 2e-4
    assert fine < 0.35 * coarse


# -- laminates: Moulinec & Suquet's two-phase layers in shear, as computed by de Geus et al.'s scripts ---------------------------


def laminate(law, steps, time, most=0.05, fraction=26 / 31, mu=1.0):
    """Shear strain of the inelastic layers, common shear stress and state, by Newton's method with hoad's tangent."""
    state, e = law.initial_state(()), 0.0
    for k in range(1, steps + 1):
        mean = most * k / steps

        def energy(e, mean=mean):
            """Of the cell per volume, in the shear strain of the inelastic layers; its stationary point is equilibrium."""
            strain = np.multiply.outer(I[0], I[1]) * e
            other = (mean - fraction * e) / (1 - fraction)
            inelastic = law.energy(strain + strain.T, state, time / steps)  # noqa: B023
            return fraction * inelastic + (1 - fraction) * 2 * mu * other**2

        for _ in range(20):
            change = hoad.grad(energy)(e) / hoad.hessian(energy)(e)
            e = e - change
            if abs(change) < 1e-15:
                break
        state = law.update(shear(e), state, time / steps)
    return e, 2 * mu * (most - fraction * e) / (1 - fraction), state


def test_laminate_with_linear_hardening():
    e, sigma, state = laminate(J2Plasticity(2.0, 1.0, 0.01, H=0.05), 1, 1.0)
    assert e == pytest.approx(0.058883704963052, abs=1e-14)
    assert sigma == pytest.approx(0.007609468384260, abs=1e-14)
    assert state["accumulated"] == pytest.approx(0.063599717202558, abs=1e-14)


def test_viscoplastic_laminate_by_backward_euler():
    law = Perzyna(2.0, 1.0, gamma0=0.1 / np.sqrt(3), sigma0=0.1)
    assert laminate(law, 200, 1.0)[1] == pytest.approx(0.052649154998, abs=1e-12)
    f = 26 / 31
    exact = 0.1 / (f * np.sqrt(3)) * (1 - np.exp(-f * np.sqrt(3)))
    assert exact == pytest.approx(0.052733928858, abs=1e-12)
    coarse = laminate(law, 100, 1.0)[1]
    assert (exact - coarse) / (exact - 0.052649154998) == pytest.approx(2, abs=0.02)


# -- rates -------------------------------------------------------------------------------------------------------------------------


def relaxed(law, e, time, steps):
    """Stress after a jump of strain that is then held."""
    state = law.update(e, law.initial_state(e.shape[2:]), 0.0)
    for _ in range(steps - 1):
        state = law.update(e, state, time / steps)
    return stress(law, e, state, time / steps)


def test_linear_viscosity_relaxes_exponentially():
    """dq/dt = -3 μ γ₀ q/σ₀, and backward Euler divides by 1 + 3 μ γ₀ Δt/σ₀ in each step."""
    law = Perzyna(2.0, 1.0, gamma0=0.05, sigma0=0.1)
    first, rate = 2 * 0.05, 3 * 1.0 * 0.05 / 0.1
    errors = []
    for steps in (20, 40, 80):
        found = relaxed(law, shear(0.05), 1.0, steps)[0, 1]
        assert found == pytest.approx(first * (1 + rate / steps) ** -steps, rel=1e-13)
        errors.append(abs(found - first * np.exp(-rate)))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.05)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(1, abs=0.03)


def prony(law, time):
    return law.mu + np.sum(law.branch_mu * np.exp(-time / law.tau))


def test_maxwell_relaxation():
    branches = dict(branch_mu=np.array([0.5, 2.0]), tau=np.array([0.2, 0.7]))
    exponential = GeneralisedMaxwell(2.0, 1.0, **branches)
    for steps in (1, 7):
        found = relaxed(exponential, shear(0.05), 0.6, steps)[0, 1]
        assert found == pytest.approx(2 * prony(exponential, 0.6) * 0.05, rel=1e-14)
    euler, errors = GeneralisedMaxwell(2.0, 1.0, **branches, integrator="backward-euler"), []
    for steps in (40, 80, 160):
        errors.append(abs(relaxed(euler, shear(0.05), 0.6, steps)[0, 1] - 2 * prony(euler, 0.6) * 0.05))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.08)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize(("integrator", "order"), [("exponential", 2), ("backward-euler", 1)])
def test_maxwell_oscillation(integrator, order):
    """Order of convergence to the complex modulus, μ + Σ μ_i iωτ_i/(1 + iωτ_i), with the transient of the start taken off."""
    law = GeneralisedMaxwell(2.0, 1.0, np.array([1.5]), np.array([0.4]), integrator=integrator)
    omega, end, tau = 3.0, 2.0, 0.4
    modulus = 1.5 * 1j * omega * tau / (1 + 1j * omega * tau)
    exact = 2 * 0.01 * ((1.0 + modulus) * np.exp(1j * omega * end)).imag - 2 * 0.01 * modulus.imag * np.exp(-end / tau)
    errors = []
    for steps in (50, 100, 200):
        state = law.initial_state(())
        for k in range(1, steps + 1):
            e = shear(0.01 * np.sin(omega * end * k / steps))
            found = stress(law, e, state, end / steps)[0, 1]
            state = law.update(e, state, end / steps)
        errors.append(abs(found - exact))
    assert np.log2(errors[1] / errors[2]) == pytest.approx(order, abs=0.08)


@pytest.mark.parametrize("ratio", [0.0, 1e-6, 0.0999, 0.1001, 3.0])
def test_derivatives_of_maxwell_by_the_step(ratio):
    """β(r) = (1 - exp(-r))/r is the mean of exp(-r u), u in [0, 1]: its derivatives are integrals without a singular point."""
    law = GeneralisedMaxwell(0.0, 0.0, np.array([1.0]), np.array([1.0]))
    u, w = np.polynomial.legendre.leggauss(30)
    u, w = (u + 1) / 2, w / 2
    found = hoad.taylor(
        lambda dt: law.energy(shear(np.sqrt(0.5)), law.initial_state(()), dt), np.float64(ratio), np.float64(1.0), 3
    )
    for k, coefficient in enumerate(found):
        exact = np.sum(w * (-u) ** k * np.exp(-ratio * u)) / np.prod(range(1, k + 1))
        assert coefficient == pytest.approx(exact, rel=1e-10)


def test_derivative_by_the_length_of_the_step():
    law, state = Perzyna(2.0, 1.0, 0.1, 0.05, n=3.5), {}
    state = law.initial_state(())
    force = lambda dt: stress(law, shear(0.03), state, dt)
    found = hoad.jvp(force, (0.5,), (1.0,))[1]
    np.testing.assert_allclose(found, (force(0.5 + 1e-5) - force(0.5 - 1e-5)) / 2e-5, atol=1e-9)
    assert np.abs(found).max() > 1e-3


def test_large_exponents_are_plasticity():
    rate, sharp = Perzyna(2.0, 1.0, 1.0, 1e-6, n=30.0, sigma_y=0.01, H=0.1), J2Plasticity(2.0, 1.0, 0.01, H=0.1)
    for e in (shear(0.03), shear(0.004), np.diag([0.02, -0.01, 0.0])):
        np.testing.assert_allclose(
            stress(rate, e, rate.initial_state(()), 1.0), stress(sharp, e, sharp.initial_state(()), 1.0), atol=2e-6
        )


@over([c for c in CASES if c.threshold and c.law.kinematics == "small" and c.d == 3])
def test_at_the_onset_of_flow(case):
    """Strains on both sides of the yield surface, down to the last bits: stress is continuous, and flow is never negative."""
    law, state = case.law, case.law.initial_state((41,))
    v = case.direction() - np.trace(case.direction()) / 3 * I
    onset = yield_stress(law, 0.0) if isinstance(law, J2Plasticity) else law.sigma_y
    v = v * (onset / equivalent(2 * law.mu * v))
    near_one = 1 + np.arange(-20, 21) * np.finfo(float).eps
    e = np.multiply.outer(v, near_one)
    sigma = stress(law, e, state, case.dt)
    np.testing.assert_allclose(sigma, 2 * law.mu * e, rtol=1e-13, atol=1e-16)
    assert np.all(law.update(e, state, case.dt)["accumulated"] >= 0)


# -- laws from one function ----------------------------------------------------------------------------------------------------


def test_a_potential_written_down_is_the_law_in_closed_form():
    """Linear viscoplasticity, with the plastic strain itself as the internal variable."""
    K, mu, gamma0, sigma0 = 2.0, 1.0, 0.1, 0.05

    def potential(strain, z, state, dt):
        mean = (strain[0, 0] + strain[1, 1] + strain[2, 2]) / 3
        e = strain - mean * I.reshape(3, 3, *(1,) * (strain.ndim - 2)) - z["plastic_strain"]
        rate = z["plastic_strain"] - state["plastic_strain"]
        return 4.5 * K * mean**2 + mu * (e * e).sum((0, 1)) + sigma0 / (3 * dt * gamma0) * (rate * rate).sum((0, 1))

    free, closed = IncrementalPotential(potential, {"plastic_strain": (3, 3)}), Perzyna(K, mu, gamma0, sigma0)
    rng = np.random.default_rng(1)
    one, two, e = free.initial_state((4,)), closed.initial_state((4,)), np.zeros((3, 3, 4))
    for _ in range(3):
        v = 0.01 * rng.normal(size=e.shape)
        v = v + v.swapaxes(0, 1)
        e = e + v
        np.testing.assert_allclose(stress(free, e, one, 0.3), stress(closed, e, two, 0.3), atol=1e-15)
        found, exact = (
            hoad.hvp(lambda x, law=law, s=s: law.energy(x, s, 0.3).sum(), e, v) for law, s in ((free, one), (closed, two))
        )
        np.testing.assert_allclose(found, exact, atol=1e-13)
        one, two = free.update(e, one, 0.3), closed.update(e, two, 0.3)


def test_initial_values():
    law = IncrementalPotential(lambda e, z, s, dt: (z["a"] ** 2).sum(0), {"a": (2,)}, initial={"a": np.array([1.0, 2.0])})
    np.testing.assert_array_equal(law.initial_state((3,))["a"], [[1.0] * 3, [2.0] * 3])


def test_failures_are_loud():
    e = np.full((3, 3, 2), 0.1)
    concave = IncrementalPotential(lambda e, z, s, dt: (e * e).sum((0, 1)) - z["a"] ** 2 + z["a"], {"a": ()})
    with pytest.raises(ConvergenceError, match=r"the local minimisation did not converge at 2 of 2 points .* convex"):
        concave.energy(e)
    idle = IncrementalPotential(lambda e, z, s, dt: (e * e).sum((0, 1)) + z["a"] ** 2, {"a": (), "b": ()})
    with pytest.raises(ConvergenceError, match="singular Hessian"):
        idle.energy(e)
    coupled = IncrementalPotential(lambda e, z, s, dt: (e * e).sum((0, 1)) + (z["a"] - z["a"].sum() / 9 - 1) ** 2, {"a": ()})
    with pytest.raises(ImplicitError):
        stress(coupled, np.full((3, 3, 7), 0.1), coupled.initial_state((7,)), 1.0)
    with pytest.raises(ShapeError, match=r"the strain has shape \(3, 3, 2\), expected \(2, 2, \*points\)"):
        J2Plasticity(2.0, 1.0, 0.01, plane="two-dimensional").energy(e)
    e[0, 0, 1] = np.nan
    for law in (
        CrystalSlip(**CUBIC, gamma0=0.1, n=5.0, g0=0.004),
        IncrementalPotential(lambda *a: (a[0] ** 2).sum((0, 1)), {"a": ()}),
    ):
        with pytest.raises(ConvergenceError):
            law.energy(e)
