"""Derivatives of the effective response: against published numbers, differences, dot products and each other."""

from __future__ import annotations

from math import factorial

import numpy as np
import pytest

from hoad import mechanics as me
from hoad.errors import ConvergenceError, LoadError, MaterialError
from hoad.mechanics.schemes import SCHEMES


def lame(young: float, poisson: float) -> dict[str, float]:
    return {"mu": young / 2 / (1 + poisson), "lmbda": young * poisson / (1 + poisson) / (1 - 2 * poisson)}


SHAPES = [(7, 9), (8, 6), (5, 4, 6)]
CASES = [(s, n) for s in SCHEMES for n in SHAPES if s != "tetrahedra" or len(n) == 3]


def random_response(scheme, shape):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 2, shape)
    phases = {0: me.NeoHooke(mu=1.0, lmbda=2.0), 1: me.NeoHooke(mu=rng.uniform(0.5, 2.0, shape), lmbda=3.0)}
    d = len(shape)
    strains = np.eye(d) + 0.1 * rng.standard_normal((2, d, d))
    wrt = [(0, "mu"), (1, "mu"), (0, "lmbda")]
    return me.Response(me.Cell(image, scheme=scheme), phases, strains, wrt, tol=1e-12), rng


def functional(energy, stress):
    return (stress[0] * stress[1]).sum() + energy[0] * stress[1, 0, 1] + energy.sum() ** 2


@pytest.mark.parametrize(("scheme", "shape"), CASES, ids=[f"{s}-{'x'.join(map(str, n))}" for s, n in CASES])
def test_gradient_and_hessian_of_a_nonlinear_cell(scheme, shape):
    response, rng = random_response(scheme, shape)
    x = response.parameters.values
    v, w = ([rng.standard_normal(a.shape) for a in x] for _ in range(2))
    _, slope = response.value_and_gradient(functional, x)
    hv, hw = response.hvp(functional, x, v), response.hvp(functional, x, w)
    h = 1e-5
    up, slope_up = response.value_and_gradient(functional, [a + h * b for a, b in zip(x, v, strict=True)])
    down, slope_down = response.value_and_gradient(functional, [a - h * b for a, b in zip(x, v, strict=True)])
    along = sum((a * b).sum() for a, b in zip(slope, v, strict=True))
    assert (up - down) / 2 / h == pytest.approx(along, rel=1e-7)
    largest = max(np.abs(a).max() for a in hv)
    for a, b, c in zip(hv, slope_up, slope_down, strict=True):
        np.testing.assert_allclose((b - c) / 2 / h, a, atol=2e-7 * largest)
    pairing = [sum((a * b).sum() for a, b in zip(p, q, strict=True)) for p, q in ((hv, w), (hw, v))]
    assert pairing[0] == pytest.approx(pairing[1], rel=1e-11, abs=1e-12 * largest)


@pytest.mark.parametrize(("scheme", "shape"), CASES, ids=[f"{s}-{'x'.join(map(str, n))}" for s, n in CASES])
def test_adjoint_and_forward_sensitivities_are_transposes(scheme, shape):
    response, rng = random_response(scheme, shape)
    x = response.parameters.values
    v = [rng.standard_normal(a.shape) for a in x]
    weight_energy, weight_stress = rng.standard_normal(2), rng.standard_normal((2, len(shape), len(shape)))
    d_energy, d_stress = response.jvp(x, v)
    _, slope = response.value_and_gradient(lambda e, s: (weight_energy * e).sum() + (weight_stress * s).sum(), x)
    forward = (weight_energy * d_energy).sum() + (weight_stress * d_stress).sum()
    backward = sum((a * b).sum() for a, b in zip(slope, v, strict=True))
    assert forward == pytest.approx(backward, rel=1e-12)


@pytest.fixture(scope="module")
def sheared():
    """A St Venant-Kirchhoff cell, at a finite strain, with published derivatives of its energy."""
    image = np.zeros((31, 31), int)
    image[:10, :10] = 1
    cell = me.Cell(image, scheme="fourier")
    phases = {0: me.StVenantKirchhoff(**lame(0.57, 0.386)), 1: me.StVenantKirchhoff(**lame(5.7, 0.386))}
    load = np.array([[1.08, 0.05], [0.02, 0.97]])
    return cell, phases, load, me.solve(cell, phases, me.strain_path([load]), tol=1e-12)


DIRECTION = np.array([[0.6, 0.8], [-0.3, 0.2]])
PUBLISHED = [0.07273005760774, 1.01050255819473, 3.63178112320458, 5.10291609281670, 0.1767894581557]


def test_energy_to_fifth_order_from_two_solves(sheared, monkeypatch):
    from hoad.mechanics.response.linearised import Linearised

    solves = []
    solve = Linearised.solve
    monkeypatch.setattr(Linearised, "solve", lambda self, s: solves.append(1) or solve(self, s))
    found = sheared[3].taylor(DIRECTION, order=5, tol=1e-13)
    assert len(solves) == 2
    np.testing.assert_allclose([factorial(n) * found[n] for n in range(1, 6)], PUBLISHED, rtol=1e-12)


def test_tangent_and_its_derivative_agree_with_the_expansion(sheared):
    solution = sheared[3]
    tangent, curvature = solution.tangent(), solution.tangent_derivative()
    assert np.einsum("ijkl,ij,kl", tangent, DIRECTION, DIRECTION) == pytest.approx(PUBLISHED[1], rel=1e-11)
    assert np.einsum("ijklmn,ij,kl,mn", curvature, *[DIRECTION] * 3) == pytest.approx(PUBLISHED[2], rel=1e-8)


def test_tangent_error_is_quadratic_in_the_tolerance(sheared):
    exact = sheared[3].tangent(tol=1e-13)
    errors = [np.abs(sheared[3].tangent(tol=t) - exact).max() for t in (1e-2, 1e-4)]
    assert errors[1] < 1e-3 * errors[0]
    assert errors[1] < 1e-7


def test_tangent_is_the_derivative_of_the_stress(sheared):
    cell, phases, load, solution = sheared
    h = 1e-5
    stress = [me.solve(cell, phases, me.strain_path([load + s * h * DIRECTION]), tol=1e-12).stress[0] for s in (1, -1)]
    found = np.einsum("ijkl,kl->ij", solution.tangent(), DIRECTION)
    np.testing.assert_allclose((stress[0] - stress[1]) / 2 / h, found, rtol=1e-7)


def test_expansion_in_strain_and_parameter_together(sheared):
    """Against a Chebyshev fit through full non-linear solves."""
    cell, phases, load, solution = sheared
    mu = phases[0].mu

    def energy(t):
        changed = {**phases, 0: phases[0].with_parameters(mu=mu * (1 + t))}
        return me.solve(cell, changed, me.strain_path([load + t * DIRECTION]), tol=1e-12).energy[0]

    points = 0.1 * np.cos(np.pi * (np.arange(12) + 0.5) / 12)
    fit = np.polynomial.Chebyshev.fit(points, [energy(t) for t in points], 11).convert(kind=np.polynomial.Polynomial).coef
    found = solution.taylor(DIRECTION, 5, parameters={(0, "mu"): mu}, tol=1e-12)
    np.testing.assert_allclose(found[:4], fit[:4], rtol=1e-8)
    np.testing.assert_allclose(found[4:], fit[4:6], rtol=2e-4)


def test_taylor_model_predicts_with_its_error_estimate(sheared):
    cell, phases, load, solution = sheared
    model = solution.taylor_model()
    errors = []
    for step in (0.02, 0.01):
        near = load + step * DIRECTION
        full = me.solve(cell, phases, me.strain_path([near]), tol=1e-12)
        assert abs(model(near) - full.energy[0]) < 0.1 * model.error_estimate(near)
        errors.append((abs(model(near) - full.energy[0]), np.abs(model.stress_at(near) - full.stress[0]).max()))
    (energy, stress), (energy_half, stress_half) = errors
    assert energy / energy_half == pytest.approx(16, rel=0.1)
    assert stress / stress_half == pytest.approx(8, rel=0.1)


def test_energy_sensitivity_needs_no_solve(sheared, monkeypatch):
    from hoad.mechanics.response.linearised import Linearised

    cell, phases, load, solution = sheared

    def stopped(*_):
        raise AssertionError("solved")

    monkeypatch.setattr(Linearised, "solve", stopped)
    found = solution.sensitivity((1, "mu"))
    h = 1e-5
    sides = [
        me.solve(cell, {**phases, 1: phases[1].with_parameters(mu=phases[1].mu + s)}, me.strain_path([load]), tol=1e-12).energy[0]
        for s in (h, -h)
    ]
    assert (sides[0] - sides[1]) / 2 / h == pytest.approx(float(found), rel=1e-7)


def test_stress_sensitivity_is_that_of_each_component(sheared):
    solution = sheared[3]
    whole = solution.sensitivity([(0, "mu"), (1, "lmbda")], of="stress")
    one = solution.sensitivity([(0, "mu"), (1, "lmbda")], of=lambda energy, stress: stress[1, 0])
    for a, b in zip(whole, one, strict=True):
        assert a.shape == (2, 2)
        assert a[1, 0] == pytest.approx(float(b), rel=1e-8)


def test_second_moments_of_the_strain_from_a_parameter_derivative():
    """Kreher's relation, f <ε_dev : ε_dev>_r = Ē : ∂C̄/∂μ_r : Ē / 2, with no differences at all."""
    rng = np.random.default_rng(1)
    cell = me.Cell(rng.integers(0, 2, (9, 9, 9)))
    phases = {0: me.LinearElastic(mu=1.0, lmbda=2.0), 1: me.LinearElastic(mu=7.0, lmbda=4.0)}
    strain = rng.standard_normal((3, 3))
    strain = strain + strain.T
    solution = me.solve(cell, phases, me.strain_path([strain]), tol=1e-12)
    e = solution.strain_field[:, :, 0]
    # W = λ/2 tr² + μ ε:ε, so that ∂/∂μ at fixed λ brings the whole strain; at fixed bulk modulus, λ = K - 2μ/3
    dev = e - np.trace(e) / 3 * np.eye(3)[:, :, None, None, None]
    moment = ((dev**2).sum((0, 1)) * (cell.image == 1)).mean()
    by_mu, by_lmbda = solution.sensitivity([(1, "mu"), (1, "lmbda")])
    assert float(by_mu - 2 / 3 * by_lmbda) == pytest.approx(moment, rel=1e-10)


def test_an_unconverged_derivative_is_an_error(sheared):
    from dataclasses import replace

    solution = replace(sheared[3], newton=replace(sheared[3].newton, max_cg=2))
    with pytest.raises(ConvergenceError, match="max_cg"):
        solution.tangent()


def test_wrong_requests_are_typed_errors(sheared):
    solution = sheared[3]
    with pytest.raises(MaterialError, match="no parameter nu"):
        solution.sensitivity((0, "nu"))
    with pytest.raises(MaterialError, match="not in the cell"):
        solution.sensitivity((5, "mu"))
    with pytest.raises(LoadError, match="'energy', 'stress'"):
        solution.sensitivity((0, "mu"), of="displacement")
    with pytest.raises(LoadError, match="at least 0"):
        solution.taylor(DIRECTION, order=-1)


def test_loose_products_leave_values_and_gradients_alone():
    rng = np.random.default_rng(2)
    image = rng.integers(0, 2, (9, 9))
    phases = {0: me.NeoHooke(mu=rng.uniform(0.5, 2.0, (9, 9)), lmbda=2.0), 1: me.NeoHooke(mu=30.0, lmbda=30.0)}
    strains = [np.eye(2) + 0.2 * np.array([[0.3, 1.0], [0.0, -0.2]])]
    tight, loose = (me.Response(me.Cell(image), phases, strains, [(0, "mu")], tol=1e-11, product_tol=t) for t in (None, 1e-2))
    of_stress, v = lambda energy, stress: stress[0, 0, 1] ** 2, [rng.standard_normal((9, 9))]
    for response in (tight, loose):
        response.value_and_gradient(of_stress)
    spent = [r.iterations for r in (tight, loose)]
    assert spent[0] == spent[1]
    products = [r.hvp(of_stress, None, v)[0] for r in (tight, loose)]
    error = np.abs(products[1] - products[0]).max() / np.abs(products[0]).max()
    assert 1e-9 < error < 1e-2
    assert loose.iterations - spent[1] < 0.5 * (tight.iterations - spent[0])
    (a,), (b,) = (r.value_and_gradient(of_stress)[1] for r in (tight, loose))
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-14 * np.abs(a).max())


def test_solves_of_a_functional_of_energies_and_of_one_of_stresses():
    """Energies need no adjoint state; that of stresses is found once for a gradient and all products at the same parameters."""
    response, rng = random_response("rotated", (7, 9))
    x = response.parameters.values
    counts = []
    for of in (lambda energy, stress: (energy**2).sum(), lambda energy, stress: (stress**2).sum()):
        for _ in range(2):
            before = response.solves
            response.value_and_gradient(of, x)
            between = response.solves
            response.hvp(of, x, [rng.standard_normal(a.shape) for a in x])
            counts.append((between - before, response.solves - between))
    assert counts == [(0, 2), (0, 2), (2, 4), (0, 4)]


def test_kept_adjoint_states_are_those_of_functional_and_parameters():
    """Functionals that are linear in the stress have the same cotangents everywhere; a fresh response has nothing kept."""
    response, rng = random_response("rotated", (7, 9))
    one, other = (lambda energy, stress: stress[0, 0, 1]), (lambda energy, stress: stress[0, 1, 1])
    x = response.parameters.values
    moved = [a * rng.uniform(0.9, 1.1, a.shape) for a in x]
    for of, values in ((one, x), (other, x), (other, moved), (one, moved)):
        fresh, _ = random_response("rotated", (7, 9))
        for a, b in zip(response.value_and_gradient(of, values)[1], fresh.value_and_gradient(of, values)[1], strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-9 * np.abs(b).max())
