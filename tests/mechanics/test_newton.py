"""Newton's method on load steps: its order, its economy, its safeguards, its predictors."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hoad import mechanics as me
from hoad.errors import ConvergenceError
from hoad.mechanics.load import resolve
from hoad.mechanics.materials.j2_plasticity import J2Plasticity
from hoad.mechanics.newton import Newton
from hoad.mechanics.predictor import stress_coefficient
from hoad.mechanics.solve import initial_state

FREE = np.nan


def inclusion(n=15):
    image = np.zeros((n, n), int)
    image[4:-4, 4:-4] = 1
    return me.Cell(image)


def neo_hooke(contrast=10.0):
    return {0: me.NeoHooke(mu=1.0, lmbda=2.0), 1: me.NeoHooke(mu=contrast, lmbda=2 * contrast)}


SHEAR = np.array([[1.1, 0.3], [0.0, 0.95]])


def test_convergence_is_quadratic_with_tight_linear_solves():
    step = me.solve(inclusion(), neo_hooke(), me.strain_path([SHEAR]), tol=1e-12, forcing=1e-10).steps[0]
    r = np.array(step.residuals)
    for a, b in pairwise(r):
        assert b <= 10 * a**2 + 1e-14
    assert r[-1] <= 1e-12
    assert len(r) <= 6


def test_adapted_linear_solves_save_iterations_at_the_same_result():
    exact = me.solve(inclusion(), neo_hooke(), me.strain_path([SHEAR]), tol=1e-8, forcing=1e-8)
    adapted = me.solve(inclusion(), neo_hooke(), me.strain_path([SHEAR]), tol=1e-8)
    assert adapted.iterations[0] <= 0.7 * exact.iterations[0]
    assert adapted.residual[0] <= 1e-8
    np.testing.assert_allclose(adapted.stress[0], exact.stress[0], rtol=1e-7)


def test_strain_and_displacement_form_do_the_same():
    a, b = (me.solve(inclusion(), neo_hooke(), me.strain_path([SHEAR]), method=m) for m in ("strain", "displacement"))
    assert a.steps[0].iterations == b.steps[0].iterations
    np.testing.assert_allclose(a.steps[0].residuals, b.steps[0].residuals, rtol=1e-4, atol=1e-13)


def test_line_search_where_full_steps_diverge():
    """The stress of a power law with n = 0.25 is so concave that unloading by full Newton steps swings ever further."""
    image = np.random.default_rng(0).integers(0, 2, (5, 5))
    phases = {k: me.PowerLaw(sigma0=1.0 + 2 * k, eps0=0.1, n=0.25, K=2.0, delta=0.01) for k in range(2)}
    loaded, released = me.strain_path([[[0.0, 0.1], [0.1, 0.0]]]), me.stress_path([np.zeros((2, 2))], times=[2.0])
    path = me.LoadPath(loaded.steps + released.steps)
    with pytest.raises(ConvergenceError):
        me.solve(me.Cell(image), phases, path, line_search=False, max_cutbacks=0)
    solution = me.solve(me.Cell(image), phases, path, max_cutbacks=0)
    np.testing.assert_allclose(solution.strain[1], 0.0, atol=1e-9)


@pytest.mark.parametrize("load", [[[0.5, 0.0], [0.0, 0.5]], [[1.0, 2.5], [0.0, 1.0]]])
def test_a_step_that_is_too_large_is_divided(load):
    cell, phases = inclusion(), neo_hooke(100.0)
    with pytest.raises(ConvergenceError, match="inverts"):
        me.solve(cell, phases, me.strain_path([load]), max_cutbacks=0)
    divided = me.solve(cell, phases, me.strain_path([load]))
    assert divided.steps[0].cutbacks > 0
    assert len(divided.steps) == 1
    parts = np.linspace(0, 1, 9)[1:, None, None]
    by_hand = me.solve(cell, phases, me.strain_path(np.eye(2) + parts * (np.array(load) - np.eye(2))))
    np.testing.assert_allclose(divided.stress[-1], by_hand.stress[-1], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("law", [me.NeoHooke, me.StVenantKirchhoff])
def test_an_inverting_load_ends_with_the_steps_before_it(law):
    phases = {0: law(mu=1.0, lmbda=2.0), 1: law(mu=5.0, lmbda=10.0)}
    loads = [np.diag([0.9, 1.0]), np.diag([0.8, 1.0]), np.diag([-0.5, 1.0])]
    with pytest.raises(ConvergenceError, match="cut-backs") as info:
        me.solve(inclusion(11), phases, me.strain_path(loads), max_cutbacks=3)
    kept = info.value.solution
    assert len(kept.steps) == 2
    assert not kept.converged
    whole = me.solve(inclusion(11), phases, me.strain_path(loads[:2]))
    np.testing.assert_allclose(kept.stress, whole.stress, atol=1e-9)
    np.testing.assert_allclose(kept.tangent(), whole.tangent(), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(kept.strain_field, whole.strain_field, rtol=1e-6, atol=1e-9)


def test_elements_that_a_law_lets_turn_inside_out_are_reported():
    """St Venant-Kirchhoff has no barrier: the cell is still right side out, some of its voxels are not."""
    image = np.zeros((15, 15), int)
    image[-5:, :5] = 1
    phases = {k: me.StVenantKirchhoff(mu=0.386 * c, lmbda=0.576 * c) for k, c in enumerate((1.0, 100.0))}
    load = me.strain_path([[[1.0, 1.5], [0.0, 1.0]]])
    with pytest.warns(RuntimeWarning, match="inside out") as record:
        solution = me.solve(me.Cell(image), phases, load)
    inside_out = np.linalg.det(np.moveaxis(solution.strain_field, (0, 1), (-2, -1))) <= 0
    assert 0 < inside_out.sum() < 20
    assert f"{inside_out.sum()} of 225 points" in str(record[0].message)


def plastic_cell():
    phases = {0: J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01, H=0.05), 1: me.LinearElastic(mu=5.0, lmbda=5.0)}
    strains = np.array([[[0.0, e], [e, 0.0]] for e in 0.004 * np.arange(1, 9)])
    return inclusion(), phases, strains


def test_a_failed_step_leaves_the_history_of_the_last_whole_step():
    """With parts of the failed step converged: its internal variables must not leak into the solution."""
    cell, phases, strains = plastic_cell()
    whole = me.solve(cell, phases, me.strain_path(strains[:3]))
    kept = []
    original = Newton.step

    def failing(self, start, control, dt, progress=None):
        if start.time >= 3.5 or control.time > 3.9:
            result = original(self, start, control, dt, progress)
            result.converged = False
            return result
        return original(self, start, control, dt, progress)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Newton, "step", failing)
        with pytest.raises(ConvergenceError) as info:
            me.solve(cell, phases, me.strain_path(strains), max_cutbacks=4, callback=lambda s: kept.append(len(s.steps)))
    solution = info.value.solution
    assert kept == [1, 2, 3]
    assert len(solution.steps) == 3
    np.testing.assert_allclose(solution.tangent(), whole.tangent(), rtol=1e-7, atol=1e-10)
    np.testing.assert_array_equal(solution.variables["accumulated"], whole.variables["accumulated"])


def test_the_tangent_of_a_plastic_state_starts_the_next_step():
    """At the yield surface a new step's tangent would be elastic, and Newton's method would take twice as many steps."""
    cell, phases, strains = plastic_cell()
    solution = me.solve(cell, phases, me.strain_path(strains))
    assert max(s.newton for s in solution.steps[1:]) <= 5
    reversed_ = me.solve(cell, phases, me.strain_path(np.concatenate([strains, strains[::-1][1:]])))
    assert max(s.newton for s in reversed_.steps) <= 6
    assert sum(s.cutbacks for s in reversed_.steps) == 0


def test_an_interrupted_path_can_be_used_and_continued():
    cell, phases, strains = plastic_cell()
    seen = []

    def stop(solution):
        seen.append(solution)
        if len(solution.steps) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        me.solve(cell, phases, me.strain_path(strains), callback=stop)
    solution = seen[-1]
    assert len(solution.steps) == 5
    assert not solution.converged
    whole = me.solve(cell, phases, me.strain_path(strains))
    np.testing.assert_array_equal(solution.stress, whole.stress[:5])
    assert np.all(np.isfinite(solution.tangent()))
    rest = me.solve(cell, phases, me.strain_path(strains), start=solution)
    np.testing.assert_allclose(rest.stress, whole.stress, atol=1e-10)


# -- predictors ----------------------------------------------------------------------------------------------


def curved_path(step, count):
    return [np.eye(2) + k * step * np.array([[0.5, 1.0], [0.0, -0.2]]) for k in range(1, count + 1)]


@pytest.mark.parametrize("control", ["strain", "mixed"])
def test_taylor_predictor_saves_newton_steps(control):
    loads = curved_path(0.05, 4)
    if control == "mixed":
        for f in loads:
            f[:, 1] = FREE
    path = me.mixed_path(loads)
    plain, taylor = (me.solve(inclusion(), neo_hooke(), path, predictor=p) for p in ("tangent", "taylor"))
    assert sum(s.newton for s in taylor.steps) <= sum(s.newton for s in plain.steps) - 4
    np.testing.assert_allclose(taylor.stress, plain.stress, rtol=1e-6, atol=1e-8)
    first = [s.residuals[0] for s in taylor.steps]
    assert all(r < 0.1 * s.residuals[0] for r, s in zip(first, plain.steps, strict=True))


def test_taylor_predictor_has_its_order(monkeypatch):
    """With exact linear solves the residual after one step is of fourth order in the load, that of the tangent of second."""
    from hoad.mechanics import newton, predictor

    exact = predictor.higher_coefficients
    tight = lambda *a: exact(*a[:-2], 1e-12, a[-1])
    monkeypatch.setattr(newton, "higher_coefficients", tight)
    for name, order in (("tangent", 2), ("taylor", 4)):
        found = []
        for h in (0.1, 0.05):
            problem = me.Problem(inclusion(), neo_hooke())
            settings = Newton(problem, tol=1e-14, forcing=1e-12, max_newton=1, predictor=name)
            load = resolve(me.strain_path(curved_path(h, 1)).steps[0], problem.kinematics)
            result = settings.step(initial_state(problem), load, 1.0)
            found.append(result.residual * np.linalg.norm(load.strain))
        assert np.log2(found[0] / found[1]) == pytest.approx(order, abs=0.5)


def test_taylor_predictor_beyond_its_radius_falls_back():
    cell, phases = inclusion(), neo_hooke(100.0)
    plain, taylor = (me.solve(cell, phases, me.strain_path([np.diag([0.7, 0.8])]), predictor=p) for p in ("tangent", "taylor"))
    np.testing.assert_allclose(taylor.stress, plain.stress, atol=1e-7)


def test_coefficients_of_the_stress_along_a_path():
    """Against a Chebyshev fit of the stress along the same curve."""
    problem = me.Problem(inclusion(), neo_hooke())
    rng = np.random.default_rng(0)
    e, a, b = (0.05 * rng.standard_normal(problem.field_shape) for _ in range(3))
    found = stress_coefficient(problem, e, [None] * len(problem.constitutive.groups), 1.0, [a, b], 3)
    t = 0.05 * np.cos(np.pi * (np.arange(10) + 0.5) / 10)
    states = problem.constitutive.initial_state()
    stress = [problem.energy_and_stress(e + x * a + x * x * b, states)[1].ravel() for x in t]
    fit = np.polynomial.chebyshev.Chebyshev.fit
    fitted = [fit(t, column, 9).convert(kind=np.polynomial.Polynomial).coef[3] for column in np.array(stress).T[:40]]
    np.testing.assert_allclose(found.ravel()[:40], fitted, atol=1e-6 * np.abs(found).max())
