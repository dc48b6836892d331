"""Phase-field fracture: profiles and responses in closed form, irreversibility, energies, and other minimisers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import scipy.optimize

import hoad
from hoad import mechanics as me
from hoad.errors import ConvergenceError, LoadError, MaterialError, MechanicsError
from hoad.mechanics.fracture import SurfaceEnergy, fracture
from hoad.mechanics.materials.damage import SPLITS
from hoad.mechanics.phase_field import MODELS, DamageProblem

E, GC, L = 2.0, 0.3, 0.7
CRITICAL = {"AT1": np.sqrt(3 * GC / (8 * L * E)), "AT2": np.sqrt(GC / (3 * L * E))}
"""Strain at the largest stress of a bar that stays homogeneous."""
PEAK = {"AT1": np.sqrt(3 * GC * E / (8 * L)), "AT2": 9 / 16 * np.sqrt(E * GC / (3 * L))}
FACTOR = {"AT1": lambda h, l: 1 + h * h / (32 * l * l), "AT2": lambda h, l: np.sqrt(1 + h * h / (4 * l * l))}
"""Surface energy over Gc of the best damage around one broken voxel: sums of a parabola and of a geometric series."""


def homogeneous(model, strain):
    """Damage of a bar of modulus E under growing strain, from the stationarity of (1 - d)² E ε²/2 + Gc/c_w w(d)/l."""
    drive = E * strain**2
    if model == "AT2":
        return drive / (drive + GC / L)
    return np.where(drive > 0, np.maximum(1 - 3 * GC / (8 * L) / np.maximum(drive, 1e-300), 0), 0)


def at_rest(grid):
    """A problem without strain, for damage alone."""
    problem = me.Problem(me.Cell(np.zeros(grid.shape, int), lengths=grid.lengths), {0: me.DegradedElastic(1.0, 1.0)})
    return problem, problem.uniform(np.zeros(problem.kinematics.components))


def relaxed(grid, lower, *, tol=1e-9, **surface):
    surface = SurfaceEnergy(grid, **surface)
    damage, _ = DamageProblem(at_rest(grid)[0], surface, at_rest(grid)[1]).minimise(lower, lower, tol)
    return damage, float(surface(damage)) * np.prod(grid.lengths)


def bar(model, strains, cell=None, phases=None, **options):
    cell = cell or me.Cell(np.zeros(3, int))
    phases = phases or {0: me.DegradedElastic(mu=E / 2, lmbda=0.0)}
    d = cell.grid.dimension
    load = me.strain_path([e * np.eye(d)[:1].T @ np.eye(d)[:1] for e in strains])
    return fracture(cell, phases, load, **{"gc": GC, "length": L, "model": model, "damage_tol": 1e-8, **options})


def notched(n=24, split="none", model="AT1", **options):
    notch = np.zeros((n, n))
    notch[: n // 3, n // 2] = 1.0
    phases = {0: me.DegradedElastic(mu=1.0, lmbda=1.0, damage=notch, split=split, residual=1e-6)}
    steps = options.pop("strains", [0.05, 0.16])
    load = me.mixed_path([[[options.pop("across", np.nan), 0.0], [0.0, e]] for e in steps])
    return fracture(me.Cell(np.zeros((n, n), int)), phases, load, gc=0.01, length=0.08, model=model, **options)


# -- the surface energy ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("peak", [1.0, 0.49])
def test_the_profile_of_a_localised_damage(peak):
    """AT1: α = (√α0 - |x|/2l)²₊, with the energy 8l/3 (for Gc = 8l/3) times α0^(3/2)."""
    grid = me.Grid((69,), (10.0,))
    x = grid.centres()[0] - grid.centres()[0][34]
    lower = np.where(x == 0, peak, 0.0)
    found, energy = relaxed(grid, lower, gc=8 / 3, length=1.0, model="AT1")
    np.testing.assert_allclose(found, np.maximum(np.sqrt(peak) - np.abs(x) / 2, 0) ** 2, atol=4e-3)
    assert energy == pytest.approx(8 / 3 * peak**1.5, rel=3e-3)
    assert 0.2 < np.count_nonzero(found) / found.size < 0.45


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("cells", [4, 10])
def test_a_straight_crack_costs_gc_times_its_area(model, cells):
    """One broken row of voxels, l/h = 2 and 5, in two dimensions: to rounding what the sums over the voxels give."""
    h, l, width = 0.1, 0.05 * cells, 0.8
    grid = me.Grid((8, 300), (width, 30.0))
    lower = np.zeros(grid.shape)
    lower[:, 17] = 1.0
    found, energy = relaxed(grid, lower, gc=3.0, length=l, model=model)
    assert energy == pytest.approx(3.0 * width * FACTOR[model](h, l), rel=1e-8)
    assert np.ptp(found, axis=0).max() < 1e-9
    y = np.arange(12)
    exact = np.maximum(1 - y * h / (2 * l), 0) ** 2
    if model == "AT2":
        s = (h / l) ** 2
        exact = (1 + s / 2 - np.sqrt(s + s * s / 4)) ** y
    np.testing.assert_allclose(found[0, 17:29], exact, atol=1e-7)


@pytest.mark.parametrize("model", MODELS)
def test_fields_of_toughness_and_length(model):
    grid = me.Grid((6, 5, 4), (1.0, 2.0, 3.0))
    rng = np.random.default_rng(0)
    d, ones = rng.random(grid.shape), np.ones(grid.shape)
    plain = SurfaceEnergy(grid, 0.3, 0.7, model)
    assert SurfaceEnergy(grid, 0.3 * ones, 0.7 * ones, model)(d) == pytest.approx(plain(d), rel=1e-14)
    w, c = (d, 8 / 3) if model == "AT1" else (d**2, 2.0)
    squares = sum(((np.roll(d, -1, a) - d) / h) ** 2 for a, h in enumerate(grid.spacing))
    assert plain(d) == pytest.approx(np.mean(0.3 / c * (w / 0.7 + 0.7 * squares)), rel=1e-14)
    gc = np.where(np.arange(4) < 2, 1.0, 3.0) * ones
    cut = np.where(np.arange(4) < 2, d, 0.0)
    assert SurfaceEnergy(grid, gc, 0.7, model)(cut) > SurfaceEnergy(grid, 1.0, 0.7, model)(cut)  # faces take the mean of both sides
    hoad.check_derivatives(SurfaceEnergy(grid, gc, 0.7 * gc, model), d, order=2)


def test_a_crack_chooses_the_weaker_layer():
    gc = np.full((4, 40), 1.0)
    gc[:, 25:30] = 0.5
    load = me.strain_path([[[0.0, 0.0], [0.0, e]] for e in (0.3, 0.5, 0.7)])
    phases = {0: me.DegradedElastic(mu=1.0, lmbda=1.0, residual=1e-6)}
    sol = fracture(me.Cell(np.zeros((4, 40), int), lengths=(0.4, 4.0)), phases, load, gc=gc, length=0.2)
    assert 25 <= np.argmax(sol.damage[0]) < 30
    assert sol.damage.max() > 0.99
    assert sol.stress[-1, 1, 1] < 1e-3 * sol.stress.max()
    assert 0.5 < sol.surface[-1] * 4.0 < 0.7  # Gc of the layer, and a little of the damage that reaches beyond it


# -- homogeneous responses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_response_of_a_homogeneous_bar(model):
    strains = CRITICAL[model] * np.array([0.4, 0.9, 1.0, 1.1, 1.4])
    states = []
    sol = bar(model, strains, callback=lambda s: states.append(s.damage))
    exact = homogeneous(model, strains)
    np.testing.assert_allclose([d[0] for d in states], exact, atol=3e-7)
    np.testing.assert_allclose(sol.stress[:, 0, 0], (1 - exact) ** 2 * E * strains, rtol=2e-6)
    np.testing.assert_allclose(sol.stored, (1 - exact) ** 2 * E * strains**2 / 2, rtol=2e-6)
    np.testing.assert_allclose(sol.surface, GC / L * (3 / 8 * exact if model == "AT1" else exact**2 / 2), rtol=2e-6, atol=1e-8)
    assert sol.stress.max() == pytest.approx(PEAK[model], rel=2e-6)
    assert np.argmax(sol.stress[:, 0, 0]) == 2
    assert all(np.ptp(d) < 1e-9 for d in states)


@pytest.mark.parametrize("options", [dict(scheme="hexahedra"), dict(scheme="fourier"), dict(plane="stress")], ids=str)
@pytest.mark.parametrize("model", MODELS)
def test_schemes_and_plane_stress(model, options):
    """Free lateral contraction, so that the modulus is E whatever Poisson's ratio."""
    nu = 0.3 if options.get("plane") else 0.0
    material = me.DegradedElastic(mu=E / (2 + 2 * nu), lmbda=E * nu / ((1 + nu) * (1 - 2 * nu)), residual=1e-9)
    strain = 1.2 * CRITICAL[model]
    cell = me.Cell(np.zeros((4, 3), int), **options)
    load = me.mixed_path([[[strain, np.nan], [np.nan, np.nan]]])
    sol = fracture(cell, {0: material}, load, gc=GC, length=L, model=model, damage_tol=1e-7, tol=1e-10)
    exact = homogeneous(model, strain)
    np.testing.assert_allclose(sol.damage, exact, atol=2e-6)
    np.testing.assert_allclose(sol.stress[0], [[(1 - exact) ** 2 * E * strain, 0], [0, 0]], atol=1e-5 * PEAK[model])


@pytest.mark.parametrize("model", MODELS)
def test_prescribed_stresses(model):
    """Up to 95 % of the strength: strain and damage of the rising branch, and a potential that goes down."""
    stress = 0.95 * PEAK[model]
    load = me.stress_path(stress * np.array([[[1.0, 0.0], [0.0, 0.0]]]))
    phases = {0: me.DegradedElastic(mu=E / 2, lmbda=0.0)}
    sol = fracture(me.Cell(np.zeros((3, 2), int)), phases, load, gc=GC, length=L, model=model, damage_tol=1e-9, tol=1e-11)
    carried = lambda e: (1 - homogeneous(model, e)) ** 2 * E * e - stress
    strain = scipy.optimize.brentq(carried, 0, CRITICAL[model], xtol=1e-15)
    assert sol.strain[0, 0, 0] == pytest.approx(strain, rel=1e-7)
    np.testing.assert_allclose(sol.damage, homogeneous(model, strain), atol=1e-8)
    energies = np.array(sol.steps[0].energies)
    assert energies[-1] == pytest.approx(sol.stored[0] + sol.surface[0] - stress * sol.strain[0, 0, 0], rel=1e-12)
    assert np.diff(energies).max() <= 1e-12 * abs(energies[0])


def test_one_voxel():
    sol = bar("AT1", [0.0, 2 * CRITICAL["AT1"]], cell=me.Cell(np.zeros((1, 1), int)))
    np.testing.assert_allclose(sol.damage, 0.75, atol=1e-6)  # 1 - 1/2²


@pytest.mark.parametrize("model", MODELS)
def test_damage_does_not_heal(model):
    top = 1.3 * CRITICAL[model]
    sol = bar(model, [top, 0.5 * top, -0.1 * top, 1.0 * top, 1.5 * top])
    kept = homogeneous(model, top)
    np.testing.assert_allclose(sol.stress[1:4, 0, 0], (1 - kept) ** 2 * E * top * np.array([0.5, -0.1, 1.0]), rtol=1e-5)
    np.testing.assert_allclose(sol.surface[1:4], sol.surface[0], rtol=1e-6)
    np.testing.assert_allclose(sol.damage, homogeneous(model, 1.5 * top), atol=1e-6)


@pytest.mark.parametrize("split", SPLITS)
def test_what_a_split_does_under_pressure(split):
    """All-round compression breaks the material only where the energy is not split."""
    phases = {0: me.DegradedElastic(mu=1.0, lmbda=1.0, split=split)}
    load = me.strain_path([-s * np.eye(3) for s in (0.3, 0.6)])
    sol = fracture(me.Cell(np.zeros((2, 2, 2), int)), phases, load, gc=GC, length=L)
    assert (sol.damage.max() > 0.5) == (split == "none")
    if split != "none":
        assert sol.damage.max() == 0


@dataclass(frozen=True)
class Cubic(me.Material):
    """Neo-Hookean, degraded by a function of damage that is not quadratic."""

    damage: float = 0.0
    dimensions = (2, 3)

    def energy(self, F):
        J = me.tensors.det(F)
        whole = 0.5 * (me.tensors.double_dot(F, F) - F.shape[0] - 2 * np.log(J)) + 0.5 * np.log(J) ** 2
        return ((1 - self.damage) ** 3 + 1e-3) * whole


def test_a_law_of_the_user_at_finite_strain():
    """Degraded by (1 - d)³: against the scalar minimum at a given stretch."""
    F = np.diag([1.5, 1.1])
    cell = me.Cell(np.zeros((3, 3), int), plane="two-dimensional")
    sol = fracture(cell, {0: Cubic()}, me.strain_path([F]), gc=0.2, length=0.6, model="AT2", damage_tol=1e-7)
    whole = Cubic().energy(F) / 1.001
    energy = lambda d: ((1 - d) ** 3 + 1e-3) * whole + 0.2 / (2 * 0.6) * d**2
    best = scipy.optimize.minimize_scalar(energy, bounds=(0, 1), method="bounded", options={"xatol": 1e-10})
    assert 0.1 < best.x < 0.9
    np.testing.assert_allclose(sol.damage, best.x, atol=1e-7)
    assert sol.stored[0] + sol.surface[0] == pytest.approx(best.fun, rel=1e-12)


# -- cracks -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cracked():
    kept = []
    return notched(callback=lambda s: kept.append((s.damage, s.equilibrium))), kept


def test_a_crack_runs_through_and_costs_its_length(cracked):
    sol, kept = cracked
    (before, _), (after, _) = kept
    assert before[16].max() < 0.1
    assert after[:, 12].min() > 0.98
    assert sol.surface[-1] == pytest.approx(0.01 * FACTOR["AT1"](1 / 24, 0.08), rel=0.02)
    assert abs(sol.stress[-1, 1, 1]) < 0.01 * abs(sol.stress[0, 1, 1])
    np.testing.assert_allclose(sol.stress[:, 0, 0], 0, atol=1e-7)
    assert np.all(after >= before)
    assert sol.converged


def test_energy_goes_down_in_every_half_of_an_alternation(cracked):
    sol, _ = cracked
    assert max(sol.alternations) > 5
    for step in sol.steps:
        energies = np.array(step.energies)
        assert np.diff(energies).max() <= 1e-13 * abs(energies[0])
        assert len(energies) >= 2 * step.alternations
        assert energies[-1] == pytest.approx(step.stored + step.surface, rel=1e-12)
        assert step.change <= 1e-4


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("split", SPLITS)
def test_a_step_ends_where_the_energy_is_stationary(split, model):
    """Karush, Kuhn and Tucker: no slope by free damage, none that would be negative where it cannot heal."""
    sol = notched(12, split, model, strains=[0.06], across=0.0, damage_tol=1e-6, tol=1e-9)
    surface = SurfaceEnergy(me.Grid((12, 12), (1.0, 1.0)), 0.01, 0.08, model)
    slope = 144 * (sol.equilibrium.sensitivity((0, "damage")) + hoad.grad(surface)(sol.damage))
    start = np.zeros((12, 12))
    start[:4, 6] = 1.0
    free = sol.damage > start
    scale = 0.01 / 0.08
    assert free.sum() > 10
    assert np.abs(slope[free]).max() < 1e-4 * scale
    if (~free & (start < 1)).any():
        assert slope[~free & (start < 1)].min() > -1e-4 * scale


@pytest.mark.parametrize("split", SPLITS)
def test_slope_of_the_total_energy_by_damage(split):
    """The energy at equilibrium, solved again for two changed damages: strains are stationary, do not enter the slope."""
    rng = np.random.default_rng(1)
    cell = me.Cell(rng.integers(0, 2, (6, 5)))
    d, v = 0.2 + 0.4 * rng.random((6, 5)), rng.normal(size=(6, 5))
    surface = SurfaceEnergy(cell.grid, 0.3, 0.2, "AT1")

    def solved(d):
        phases = {k: me.DegradedElastic(1.0 + k, 2.0, damage=d, split=split) for k in (0, 1)}
        return me.solve(cell, phases, me.strain_path([[[0.1, 0.02], [0.02, -0.03]]]), tol=1e-12)

    total = lambda d: solved(d).energy[-1] + float(surface(d))
    sol = solved(d)
    value, slope, curvature = DamageProblem(sol.problem, surface, sol.state.strain).bulk(d)
    assert value / 30 == pytest.approx(sol.energy[-1], rel=1e-13)
    found = np.vdot(slope / 30 + hoad.grad(surface)(d), v)
    h = 1e-4
    assert found == pytest.approx((total(d + h * v) - total(d - h * v)) / (2 * h), rel=1e-7)
    psi = -slope / (2 * (1 - d))  # g(d) ψ⁺ with g = (1 - d)²
    np.testing.assert_allclose(curvature, 2 * psi, rtol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_damage_between_bounds_against_another_minimiser(model):
    """L-BFGS-B on the same energy, with a lower bound that is partly reached, and a driving force that varies by 10⁵."""
    rng = np.random.default_rng(2)
    grid = me.Grid((9, 8), (1.0, 1.0))
    cell = me.Cell(np.zeros(grid.shape, int))
    problem = me.Problem(cell, {0: me.DegradedElastic(1.0, 1.0)})
    strain = problem.uniform([0.5, -0.2, 0.1]) * 10 ** rng.uniform(-2, 0.5, grid.shape)
    surface = SurfaceEnergy(grid, rng.uniform(0.5, 2, grid.shape), 0.15, model)
    lower = np.where(rng.random(grid.shape) < 0.5, 0.5 * rng.random(grid.shape), 0.0)
    found, change = DamageProblem(problem, surface, strain).minimise(lower, lower, 1e-10)
    psi = 0.5 * np.square(strain[:2, 0].sum(0)) + np.square(strain[:, 0]).sum(0)

    def total(d):
        return np.sum((1 - d.reshape(grid.shape)) ** 2 * psi) + surface.total(d.reshape(grid.shape))

    bounds = scipy.optimize.Bounds(lower.reshape(-1), 1.0)
    options = dict(maxiter=20000, maxfun=20000, ftol=1e-16, gtol=1e-11, maxcor=60)
    start = lower.reshape(-1)
    best = scipy.optimize.minimize(hoad.value_and_grad(total), start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    np.testing.assert_allclose(found.reshape(-1), best.x, atol=2e-6)
    assert total(found) <= best.fun * (1 + 1e-14)
    assert 5 < np.count_nonzero(found == lower) < 70
    assert change == pytest.approx(np.sum(((1 - found) ** 2 - (1 - lower) ** 2) * psi), rel=1e-10)


def test_materials_that_cannot_break():
    """A stiff layer in series: only the other one is damaged, and the stress is that of both in series."""
    image = np.repeat([0, 1], 20)
    phases = {0: me.DegradedElastic(mu=0.5, lmbda=0.0, residual=1e-6), 1: me.LinearElastic(mu=5.0, lmbda=0.0)}
    sol = fracture(me.Cell(image, lengths=(4.0,)), phases, me.strain_path([[[0.2]], [[0.9]]]), gc=0.5, length=0.2)
    stiffness = 1 / (0.5 / 1.0 + 0.5 / 10.0)
    assert sol.stress[0, 0, 0] == pytest.approx(0.2 * stiffness, rel=1e-6)
    assert 0 < np.argmax(sol.damage) < 20
    assert sol.damage.max() > 0.98
    assert sol.stress[1, 0, 0] < 0.01 * sol.stress[0, 0, 0]


# -- ends and errors ----------------------------------------------------------------------------------------------------------


def test_no_convergence_is_an_error_that_keeps_what_converged():
    with pytest.raises(ConvergenceError, match=r"damage still changes by .* after 2 alternations") as caught:
        notched(12, strains=[0.001, 0.16], max_alternations=2, damage_tol=1e-3)
    sol = caught.value.solution
    assert len(sol.steps) == 1
    assert not sol.converged
    assert "NOT converged" in repr(sol)
    assert sol.damage.shape == (12, 12)


def test_a_callback_may_end_the_path():
    def stop(solution):
        raise StopIteration

    sol = bar("AT1", [0.1, 0.2], callback=stop)
    assert len(sol.steps) == 1
    assert "stopped by the callback" in sol.message
    assert sol.converged


def test_the_end_is_an_equilibrium_with_all_its_derivatives():
    strain = 1.3 * CRITICAL["AT1"]
    sol = bar("AT1", [0.5 * strain, strain])
    kept = homogeneous("AT1", strain)
    assert sol.equilibrium.tangent()[0, 0, 0, 0] == pytest.approx((1 - kept) ** 2 * E, rel=1e-6)
    assert sol.equilibrium.stress.shape == (2, 1, 1)
    np.testing.assert_array_equal(sol.time, [1.0, 2.0])


BREAKABLE = {0: me.DegradedElastic(1.0, 1.0)}
CELL = me.Cell(np.zeros((3, 3), int))
TWO = me.Cell(np.eye(3, dtype=int))
PLASTIC = me.J2Plasticity(1.0, 1.0, 1.0)
PLAIN = me.strain_path([np.zeros((2, 2))])


@pytest.mark.parametrize(
    ("error", "message", "changed"),
    [
        (MaterialError, "gc has values", dict(gc=0.0)),
        (MaterialError, "gc has shape", dict(gc=np.ones(3))),
        (MaterialError, "length has values", dict(length=np.nan)),
        (MaterialError, "fracture model 'AT3' is unknown", dict(model="AT3")),
        (MaterialError, "has a parameter 'damage'", dict(phases={0: me.LinearElastic(1.0, 1.0)})),
        (LoadError, "expected a path with steps", dict(load=None)),
        (LoadError, "damage_tol is 0", dict(damage_tol=0)),
        (LoadError, "max_alternations is 0", dict(max_alternations=0)),
        (LoadError, "checkpoint, start cannot be passed on", dict(start=None, checkpoint="x.npz")),
        (LoadError, "Cauchy stresses", dict(load=me.mixed_path([[[0.1, 0], [0, np.nan]]], measure="cauchy"))),
        (MechanicsError, "materials with internal variables", dict(cell=TWO, phases={**BREAKABLE, 1: PLASTIC})),
    ],
    ids=lambda x: x if isinstance(x, str) else None,
)  # fmt: skip
def test_what_does_not_fit(error, message, changed):
    arguments = dict(cell=CELL, phases=BREAKABLE, load=PLAIN, gc=1.0, length=0.5)
    with pytest.raises(error, match=message):
        fracture(**{**arguments, **changed})
