"""Derivatives by parameters through the history of materials: against differences of whole paths, dot products, and symmetry."""

from __future__ import annotations

import numpy as np
import pytest

import hoad
from hoad import mechanics as me
from hoad.errors import LoadError, MaterialError
from hoad.mechanics.newton import Newton, StepResult
from hoad.mechanics.schemes import SCHEMES

from .inelastic_cases import CASES as LAWS

FREE = np.nan
PLASTIC = dict(K=2.0, mu=1.0, H=0.1)


def dot(a, b):
    return sum(float((x * y).sum()) for x, y in zip(a, b, strict=True))


def central(function, step):
    """Derivative at zero of fourth order."""
    up2, up, down, down2 = (function(s * step) for s in (2, 1, -1, -2))
    return (-up2 + 8 * up - 8 * down + down2) / 12 / step


def strain_history(rng, case, d, steps=3):
    finite = case.law.kinematics == "finite"
    e, out = np.zeros((d, d)), []
    for _ in range(steps):
        v = rng.standard_normal((d, d))
        v = v if finite else (v + v.T) / 2
        e = e + case.amount * v / np.linalg.norm(v)
        out.append(e + (np.eye(d) if finite else 0.0))
    return np.array(out)


def problem_of(case, shape, **options):
    """A cell of a law with internal variables and one without, and a functional of the whole path."""
    rng = case.rng("path")
    d, law = len(shape), case.law
    image = rng.integers(0, 2, shape)
    image.flat[:2] = 0, 1
    if law.kinematics == "finite":
        other = me.NeoHooke(mu=rng.uniform(1, 2, shape), lmbda=2.0)
    else:
        other = me.LinearElastic(mu=rng.uniform(1, 2, shape), lmbda=1.0)
    names = [n for n in law.parameters if n not in ("rotation", "systems", "linear_below")]
    wrt = [(0, n) for n in names] + [(1, "mu")]
    plane = "two-dimensional" if getattr(law, "plane", "") == "two-dimensional" else "strain"
    response = me.Response(
        me.Cell(image, plane=plane), {0: law, 1: other}, strain_history(rng, case, d), wrt,
        tol=1e-13, times=case.dt * np.arange(1, 4), **options,
    )  # fmt: skip
    by_energy, by_stress = rng.standard_normal(3), rng.standard_normal((3, d, d))

    def functional(energy, stress):
        along = (by_stress * stress).sum() / case.unit
        return (by_energy * energy).sum() / case.unit / case.amount + along + along**2

    x = response.parameters.values
    # parameters at the edge of what is physical stay there, and exponents of one
    edge = [(a == 0) | ((a == 1) & (n == "n")) for a, (_, n) in zip(x, wrt, strict=True)]
    v, w = ([np.where(k, 0.0, a * rng.standard_normal(a.shape)) for a, k in zip(x, edge, strict=True)] for _ in range(2))
    return response, functional, x, v, w


CHEAP = ("J2Plasticity-linear-2d", "GeneralisedMaxwell-exponential-2d")
SAME = ("LogarithmicJ2-perfect", "LogarithmicJ2-no", "LogarithmicJ2-power", "LogarithmicJ2-saturation")  # hardening of J2Plasticity
PICKED = [c if c.id in CHEAP else pytest.param(c, marks=pytest.mark.slow) for c in LAWS if not c.id.startswith(SAME)]


@pytest.mark.parametrize("case", PICKED, ids=lambda c: c.id)
def test_gradient_and_hessian_through_the_history_of_every_law(case):
    response, functional, x, v, w = problem_of(case, (3, 2) if case.d == 2 else (3, 2, 2))
    energy, stress = response(x)
    _, slope = response.value_and_gradient(functional, x)
    hv, hw = response.hvp(functional, x, v), response.hvp(functional, x, w)
    d_energy, d_stress = response.jvp(x, v)
    by_energy, by_stress = hoad.grad(functional, argnums=(0, 1))(energy, stress)
    forward = float((by_energy * d_energy).sum() + (by_stress * d_stress).sum())
    assert forward == pytest.approx(dot(slope, v), rel=1e-12, abs=1e-13)
    assert dot(hv, w) == pytest.approx(dot(hw, v), rel=1e-11, abs=1e-12)

    def moved(t):
        return [a + t * b for a, b in zip(x, v, strict=True)]

    difference = central(lambda t: functional(*response(moved(t))), 1e-4)
    assert difference == pytest.approx(dot(slope, v), rel=1e-7)
    difference = central(lambda t: dot(response.value_and_gradient(functional, moved(t))[1], v), 1e-4)
    assert difference == pytest.approx(dot(hv, v), rel=1e-6)


def plastic_cell(shape, seed=0, **options):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 2, shape)
    image.flat[:2] = 0, 1
    cell = me.Cell(image, **options)

    def phases(sigma_y):
        return {0: me.J2Plasticity(sigma_y=sigma_y, **PLASTIC), 1: me.LinearElastic(mu=3.0, lmbda=2.0)}

    return cell, phases, rng.uniform(0.008, 0.015, shape), 0.01 * rng.standard_normal(shape), rng


def tension_and_back(d):
    """Extension along the first axis out and back with some shear; all other stresses vanish."""
    path = []
    for g in (0.01, 0.03, 0.0, -0.03):
        e = np.full((d, d), FREE)
        e[0, 0], e[0, 1], e[1, 0] = g, 0.3 * g, 0.3 * g
        path.append(e)
    return me.mixed_path(path)


SHAPES = [(4, 6), (5, 3), (3, 2, 4)]
GRIDS = [(s, n) for s in SCHEMES for n in SHAPES if s != "tetrahedra" or len(n) == 3]
QUICK = {("rotated", (5, 3)), ("fourier", (4, 6))}
PARAMS = [g if g in QUICK else pytest.param(*g, marks=pytest.mark.slow) for g in GRIDS]


@pytest.mark.parametrize(("scheme", "shape"), PARAMS)
def test_yield_stress_of_every_voxel_under_mixed_control(scheme, shape):
    """Free strains follow the stresses that are prescribed, and the functional sees them at all steps."""
    cell, phases, x, v, rng = plastic_cell(shape, scheme=scheme)
    load = tension_and_back(len(shape))
    weights = rng.standard_normal((3, len(load), len(shape), len(shape)))

    def functional(energy, stress, strain):
        return 50 * (weights[0, :, 0, 0] * energy).sum() + (weights[1] * stress).sum() + (weights[2] * strain).sum()

    def value(t):
        sol = me.solve(cell, phases(x + t * v), load, tol=1e-13)
        return functional(sol.energy, sol.stress, sol.strain)

    slope = me.solve(cell, phases(x), load, tol=1e-13, keep_path=True).sensitivity(
        (0, "sigma_y"), of=functional, along_path=True, tol=1e-13
    )
    assert slope.shape == shape
    assert np.all(slope[cell.image == 1] == 0.0)
    assert central(value, 1e-4) == pytest.approx(float((slope * v).sum()), rel=1e-7)


def test_steps_that_were_divided_are_differentiated_as_they_were(monkeypatch):
    step = Newton.step

    def short(self, start, control, dt, progress=None):
        return StepResult(None, False, "too long") if dt > 0.6 else step(self, start, control, dt, progress)

    monkeypatch.setattr(Newton, "step", short)
    cell, phases, x, v, _ = plastic_cell((3, 4))
    load = me.LoadPath(tension_and_back(2).steps[:2])
    sol = me.solve(cell, phases(x), load, tol=1e-13, keep_path=True)
    assert [p.load for p in sol.passages] == [None, 0, None, 1]
    slope = sol.sensitivity((0, "sigma_y"), of=lambda energy, stress, strain: strain[1, 1] + stress[0, 0], tol=1e-13)

    def value(t):
        end = me.solve(cell, phases(x + t * v), load, tol=1e-13)
        return end.strain[-1, 1, 1] + end.stress[-1, 0, 0]

    assert central(value, 1e-4) == pytest.approx(float((slope * v).sum()), rel=1e-7)


@pytest.mark.parametrize("of", ["energy", "stress", "strain"])
@pytest.mark.parametrize("finite", [True, False])
def test_stored_energies_under_prescribed_stresses(of, finite):
    rng = np.random.default_rng(5)
    cell = me.Cell(rng.integers(0, 2, (4, 5)))
    x, v = rng.uniform(1, 2, (4, 5)), rng.standard_normal((4, 5))
    law = me.NeoHooke if finite else me.LinearElastic
    load = me.mixed_path([[[1.2, FREE], [0, FREE]]] if finite else [[[0.1, FREE], [FREE, FREE]]])

    def solved(t):
        return me.solve(cell, {0: law(mu=x + t * v, lmbda=2.0), 1: law(mu=3.0, lmbda=2.0)}, load, tol=1e-13)

    slope = solved(0.0).sensitivity((0, "mu"), of=of, tol=1e-13)
    found = (slope * v).sum((-1, -2))
    np.testing.assert_allclose(central(lambda t: getattr(solved(t), of)[-1], 1e-3), found, rtol=1e-7, atol=1e-10)


def test_parameters_of_an_elastic_phase_feel_the_history_of_the_other():
    cell, phases, x, _, _ = plastic_cell((4, 4))
    load = me.strain_path([[[g, 0.0], [0.0, -g]] for g in (0.02, 0.03)])
    sol = me.solve(cell, phases(x), load, tol=1e-13, keep_path=True)
    slope = sol.sensitivity((1, "mu"), of=lambda energy, stress: stress[0, 0], tol=1e-13)

    def value(t):
        return me.solve(cell, {**phases(x), 1: me.LinearElastic(mu=3.0 + t, lmbda=2.0)}, load, tol=1e-13).stress[-1, 0, 0]

    assert central(value, 1e-3) == pytest.approx(float(slope), rel=1e-7)


@pytest.mark.slow
def test_plane_stress_with_a_history():
    cell, phases, x, v, _ = plastic_cell((4, 3), plane="stress")
    load = me.strain_path([[[g, 0.0], [0.0, 0.2 * g]] for g in (0.02, 0.03)])
    sol = me.solve(cell, phases(x), load, tol=1e-12, keep_path=True)
    slope = sol.sensitivity((0, "sigma_y"), of=lambda energy, stress: stress[0, 0], tol=1e-12)
    difference = central(lambda t: me.solve(cell, phases(x + t * v), load, tol=1e-12).stress[-1, 0, 0], 1e-4)
    assert difference == pytest.approx(float((slope * v).sum()), rel=1e-7)


def test_densities_of_a_plastic_cell():
    rng = np.random.default_rng(7)
    shape, strains = (5, 4), [[[0.0, g], [g, 0.0]] for g in (0.01, 0.03, -0.01)]
    solid = me.J2Plasticity(sigma_y=0.01, **PLASTIC)
    law = me.InelasticSIMP(solid, rng.uniform(0.3, 1.0, shape))
    response = me.Response(me.Cell(np.zeros(shape, int)), {0: law}, strains, [(0, "density")], tol=1e-13)
    x, v = response.parameters.values[0], rng.standard_normal(shape)

    def functional(energy, stress):
        return 100 * (stress[:, 0, 1] * np.array([0.0, 1.0, -1.0])).sum()

    (slope,) = response.value_and_gradient(functional, [x])[1]
    (product,) = response.hvp(functional, [x], [v])
    assert central(lambda t: functional(*response([x + t * v])), 1e-4) == pytest.approx(float((slope * v).sum()), rel=1e-7)
    turned = central(lambda t: response.value_and_gradient(functional, [x + t * v])[1][0], 1e-4)
    np.testing.assert_allclose(turned, product, rtol=0, atol=1e-7 * np.abs(product).max())
    assert functional(*response([np.ones(shape)])) == pytest.approx(
        functional(*me.Response(me.Cell(np.zeros(shape, int)), {0: solid}, strains, [])()), rel=1e-10
    )


def test_relaxation_times_are_one_array():
    law = me.GeneralisedMaxwell(2.0, 1.0, branch_mu=np.array([0.5, 2.0]), tau=np.array([0.2, 5.0]))
    cell, load = me.Cell(np.array([[0, 1], [1, 1]])), me.strain_path([[[0, 0.1], [0.1, 0]]] * 3)
    sol = me.solve(cell, {0: law, 1: me.LinearElastic(mu=1.0, lmbda=1.0)}, load, tol=1e-12, keep_path=True)
    by_tau = sol.sensitivity((0, "tau"), of="stress", tol=1e-12)
    assert by_tau.shape == (2, 2, 2)
    assert np.all(by_tau[0, 1] > 0)  # what relaxes later bears more now


def test_a_path_that_was_not_kept_is_an_error():
    cell, phases, x, _, _ = plastic_cell((4, 3))
    load = me.strain_path([[[0.0, g], [g, 0.0]] for g in (0.01, 0.02)])
    sol = me.solve(cell, phases(x), load)
    with pytest.raises(LoadError, match="keep_path=True"):
        sol.sensitivity((0, "sigma_y"))
    with pytest.raises(LoadError, match="keep_path=True"):
        sol.sensitivity((1, "mu"))
    with pytest.raises(LoadError, match="were not kept"):
        me.solve(cell, phases(x), me.strain_path([[[0.0, 0.03], [0.03, 0.0]]], times=[3.0]), start=sol, keep_path=True)
    with pytest.raises(MaterialError, match="pair of a phase and a name"):
        sol.sensitivity(["mu"])
    kept = me.solve(cell, phases(x), load, keep_path=True)
    with pytest.raises(LoadError, match="one number"):
        kept.sensitivity((0, "sigma_y"), of=lambda energy, stress: stress)
    longer = me.solve(cell, phases(x), me.strain_path([[[0.0, 0.03], [0.03, 0.0]]], times=[3.0]), start=kept, keep_path=True)
    assert len(longer.passages) == 3
    whole = me.solve(cell, phases(x), me.strain_path([[[0.0, g], [g, 0.0]] for g in (0.01, 0.02, 0.03)]), keep_path=True)
    of = lambda energy, stress: stress[0, 1]
    a, b = (s.sensitivity((0, "sigma_y"), of=of) for s in (longer, whole))
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-7 * np.abs(b).max())


def test_prescribed_cauchy_stress_is_an_error():
    cell = me.Cell(np.array([[0, 1], [1, 1]]))
    phases = {k: me.NeoHooke(mu=1.0 + k, lmbda=2.0) for k in (0, 1)}
    load = me.mixed_path([[[1.1, FREE], [0, FREE]]], measure="cauchy")
    sol = me.solve(cell, phases, load)
    with pytest.raises(LoadError, match="prescribed Cauchy stress"):
        sol.sensitivity((0, "mu"))
