"""What every law with internal variables must satisfy, looped over all of them: a new law needs a case and nothing else."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import hoad
from hoad.errors import MaterialError
from hoad.mechanics.materials.crystal_slip import CrystalSlip
from hoad.mechanics.materials.incremental_potential import IncrementalPotential
from hoad.mechanics.materials.j2_plasticity import J2Plasticity
from hoad.mechanics.materials.logarithmic_plasticity import LogarithmicJ2
from hoad.mechanics.materials.maxwell import GeneralisedMaxwell
from hoad.mechanics.materials.perzyna import Perzyna

from .inelastic_cases import CASES, concrete_laws, stress

POINTS = (2, 3)
STENCIL = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}  # central difference of order 8
FLOWING = (J2Plasticity, LogarithmicJ2, Perzyna)


def over(where=lambda case: True):
    chosen = [c for c in CASES if where(c)]
    return pytest.mark.parametrize("case", chosen, ids=[c.id for c in chosen])


def difference(f, x, v, h=4e-3):
    """Derivative of ``f`` along ``v``, from eight values."""
    return sum(w * (f(x + k * h * v) - f(x - k * h * v)) for k, w in STENCIL.items()) / h


def near(found, expected, tolerance):
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def total(case, state):
    return lambda e: np.sum(case.law.energy(e, state, case.dt))


def test_every_law_has_a_case():
    assert concrete_laws() == {type(c.law) for c in CASES}


@over()
def test_stress_and_state_are_those_of_the_classical_update(case):
    state = case.law.initial_state(())
    for e in case.history():
        expected, new = case.update(case.law, e, state, case.dt)
        near(stress(case.law, e, state, case.dt), expected, 4 * case.exact * case.unit)
        found = case.law.update(e, state, case.dt)
        assert set(found) == set(new) == set(state)
        for name in new:
            assert np.shape(found[name]) == np.shape(state[name])
            near(found[name], new[name], 4 * case.exact * max(1.0, np.max(np.abs(new[name]))))
        state = found


@over()
def test_virgin_material_at_rest(case):
    """No stress, and the tangent is the one next to rest: zero stress is no singular point."""
    state, rest = case.law.initial_state(()), case.rest()
    near(case.law.energy(rest), 0.0, 1e-15)
    near(stress(case.law, rest, state, case.dt), 0 * rest, 1e-14)
    at_rest = hoad.hessian(total(case, state))(rest)
    close = hoad.hessian(total(case, state))(rest + 1e-5 * case.direction())
    near(close, at_rest, 2e-3 * np.max(np.abs(at_rest)))
    found = case.law.update(rest, state, case.dt)
    assert all(np.array_equal(found[name], state[name]) for name in state)


@over()
def test_tangent_is_the_derivative_of_the_stress(case):
    *before, e = case.history(POINTS)
    state, v = case.after(before), case.direction(POINTS)
    expected = difference(lambda e: stress(case.law, e, state, case.dt), e, v)
    near(hoad.hvp(total(case, state), e, v), expected, 1e-8 * case.unit)


@over()
def test_tangent_is_symmetric(case):
    *before, e = case.history()
    state = case.after(before)
    H = hoad.hessian(total(case, state))(e)
    unit = np.max(np.abs(H))
    near(H, H.transpose(2, 3, 0, 1), 1e-12 * unit)
    if case.law.kinematics == "small" and not isinstance(case.law, IncrementalPotential):
        near(H, H.transpose(1, 0, 2, 3), 1e-14 * unit)


@over()
def test_third_and_fourth_derivatives(case):
    """Taylor coefficients of the potential along a line against differences of the tangent."""
    *before, e = case.history(POINTS)
    state, v = case.after(before), case.direction(POINTS)
    series = hoad.taylor(lambda e: case.law.energy(e, state, case.dt), e, v, 4)

    def curvature(e):
        return (hoad.hvp(total(case, state), e, v) * v).sum((0, 1))

    unit = case.unit * case.amount
    third = difference(curvature, e, v)
    near(6 * series[3], third, 1e-7 * unit + 1e-7 * np.max(np.abs(third)))
    fourth = difference(lambda e: 6 * hoad.taylor(lambda x: case.law.energy(x, state, case.dt), e, v, 3)[3], e, v)
    near(24 * series[4], fourth, 1e-6 * unit + 1e-6 * np.max(np.abs(fourth)))


@over()
def test_points_are_independent(case):
    strains = case.history(POINTS)
    state = case.after(strains[:-1])
    energy, force = case.law.energy(strains[-1], state, case.dt), stress(case.law, strains[-1], state, case.dt)
    final = case.law.update(strains[-1], state, case.dt)
    for point in np.ndindex(POINTS):
        at = (..., *point)
        one = {name: value[at] for name, value in state.items()}
        e = strains[-1][at]
        near(energy[point], case.law.energy(e, one, case.dt), 1e-12 * case.unit * case.amount)
        near(force[at], stress(case.law, e, one, case.dt), 1e-11 * case.unit)
        for name, value in case.law.update(e, one, case.dt).items():
            near(final[name][at], value, 1e-12 * max(1.0, np.max(np.abs(value))))


@over()
def test_fields_of_parameters(case):
    """A parameter that varies from point to point is that parameter at each point."""
    count = 3
    factors = {name: 1 + 0.1 * case.rng(name).uniform(size=count) for name in case.law.parameters}
    for name in ("rotation", "systems"):
        factors.pop(name, None)
    if case.law.parameters.get("n") == 1:
        factors["n"] = np.ones(count)
    changed = {name: np.multiply.outer(np.asarray(case.law.parameters[name], float), factors[name]) for name in factors}
    law, (e,) = case.law.with_parameters(**changed), case.history((count,), 1)
    state = law.initial_state((count,))
    force = stress(law, e, state, case.dt)
    for i in range(count):
        one = case.law.with_parameters(**{name: changed[name][..., i] for name in changed})
        expected = stress(one, e[..., i], one.initial_state(()), case.dt)
        near(force[..., i], expected, 1e-12 * case.unit)
        near(stress(law.at([i]), e[..., [i]], law.initial_state((1,)), case.dt)[..., 0], expected, 1e-12 * case.unit)


@over()
def test_sensitivity_of_a_path_to_every_parameter(case):
    """Through two steps: the state carries the parameters' influence into the stress."""
    first, second = case.history(steps=2)

    def path(law):
        state = law.update(first, law.initial_state(()), case.dt)
        return stress(law, second, state, case.dt)

    for name, value in case.law.parameters.items():
        if name in ("rotation", "systems") or (name == "n" and value == 1) or np.any(np.asarray(value) == 0):
            continue  # not free numbers; at a bound of its parameters, a central difference leaves the law
        v = case.rng(name).uniform(0.5, 1, np.shape(value)) * value

        def along(t, name=name, value=value, v=v):
            return path(case.law.with_parameters(**{name: value + t * v}))

        found = hoad.jvp(along, (0.0,), (1.0,))[1]
        expected = sum(w * (along(4e-3 * k) - along(-4e-3 * k)) for k, w in STENCIL.items()) / 4e-3
        near(found, expected, 1e-8 * case.unit)


@over(lambda case: case.threshold)
def test_below_yield_the_law_is_elastic(case):
    state = case.law.initial_state(POINTS)
    e = case.rest(POINTS) + 0.01 * case.direction(POINTS)
    found = case.law.update(e, state, case.dt)
    assert all(np.array_equal(found[name], state[name]) for name in state)
    once = stress(case.law, e, state, case.dt)
    assert np.max(np.abs(once)) > 0
    if case.law.kinematics == "small":
        near(stress(case.law, 0.5 * e, state, case.dt), 0.5 * once, 1e-15)


@over(lambda case: isinstance(case.law, FLOWING))
def test_plastic_flow_keeps_the_volume_and_accumulates(case):
    strains = case.history(POINTS)
    state = case.law.initial_state(POINTS)
    for e in strains:
        new = case.law.update(e, state, case.dt)
        grown = new["accumulated"] - state["accumulated"]
        assert np.all(grown >= 0)
        assert np.mean(grown > 0) > 0.5
        if "plastic_strain" in new:
            near(np.trace(new["plastic_strain"]), np.zeros(POINTS), 1e-15)
            near(new["plastic_strain"], new["plastic_strain"].swapaxes(0, 1), 0)
        else:
            metric = np.moveaxis(new["inverse_plastic_metric"], (0, 1), (-2, -1))
            near(np.linalg.det(metric), np.ones(POINTS), 1e-14)
            assert np.all(np.linalg.eigvalsh(metric) > 0)
        state = new


@over(lambda case: not isinstance(case.law, IncrementalPotential) or case.law.kinematics == "small")
def test_a_closed_path_takes_work(case):
    """Second law for a cycle of strain from rest: the work is what is stored and dissipated, and clearly positive."""
    far = [case.direction((), "there"), case.direction((), "aside")]
    corners = [case.rest(), case.rest() + far[0], case.rest() + far[1], case.rest()]
    state, work, last = case.law.initial_state(()), 0.0, case.rest() * 0
    for a, b in pairwise(corners):
        for k in range(1, 21):
            e = a + (b - a) * k / 20
            force = stress(case.law, e, state, case.dt / 20)
            work += np.sum(0.5 * (force + last) * (b - a) / 20)
            state, last = case.law.update(e, state, case.dt / 20), force
    assert work > 1e-3 * case.unit * case.amount


@over()
def test_batches_of_steps(case):
    """Mapped over strains, as a solver for many right-hand sides does."""
    strains = np.stack([case.history()[0], case.history()[1], case.rest()])
    state = case.law.initial_state(())
    found = hoad.vmap(lambda e: stress(case.law, e, state, case.dt))(strains)
    for i, e in enumerate(strains):
        near(found[i], stress(case.law, e, state, case.dt), 1e-12 * case.unit)


METAL = dict(K=2.0, mu=1.0, sigma_y=0.01)
HARDENING = [
    dict(K=0.0),
    dict(mu=-1.0),
    dict(sigma_y=-1.0),
    dict(H=-1.0),
    dict(hardening="exponential"),
    dict(hardening="power"),
    dict(n=0.5),
    dict(n=-0.5, hardening="power"),
    dict(n=0.5, linear_below=-1.0, hardening="power"),
    dict(hardening="saturation", sigma_inf=0.02),
    dict(hardening="saturation", sigma_inf=0.005, delta=1.0),
    dict(hardening="saturation", sigma_inf=0.02, delta=-1.0),
]
REFUSED = {
    J2Plasticity: (METAL, [*HARDENING, dict(plane="stress")]),
    LogarithmicJ2: (METAL, HARDENING),
    Perzyna: (
        dict(K=2.0, mu=1.0, gamma0=0.1, sigma0=0.1),
        [dict(K=0.0), dict(mu=0.0), dict(gamma0=-1.0), dict(sigma0=0.0), dict(n=0.5), dict(sigma_y=-1.0), dict(H=-1.0)],
    ),
    GeneralisedMaxwell: (
        dict(K=2.0, mu=1.0, branch_mu=np.ones(2), tau=np.ones(2)),
        [
            dict(K=-1.0),
            dict(mu=-1.0),
            dict(branch_mu=np.array([1.0, -1.0])),
            dict(branch_mu=np.ones(3)),
            dict(branch_mu=1.0),
            dict(tau=np.array([1.0, 0.0])),
            dict(branch_K=-np.ones(2)),
            dict(branch_K=np.ones(3)),
            dict(integrator="trapezoidal"),
        ],
    ),
    CrystalSlip: (
        dict(C11=1.68, C12=1.21, C44=0.75, gamma0=0.05, n=5.0, g0=0.004),
        [
            dict(C11=1.0),
            dict(C11=-1.0, C12=-2.0),
            dict(C44=0.0),
            dict(gamma0=-1.0),
            dict(n=0.9),
            dict(g0=0.0),
            dict(h0=-1.0),
            dict(latent=-1.0),
            dict(rotation=2 * np.eye(3)),
            dict(rotation=np.eye(2)),
            dict(systems="hcp"),
            dict(systems=np.ones((1, 2, 3))),
            dict(systems=np.array([[[1.0, 0, 0], [1.0, 0, 0]]])),
            dict(systems=np.eye(3)),
        ],
    ),
    IncrementalPotential: (
        dict(potential=lambda e, z, s, dt: z["a"] ** 2, internal={"a": ()}),
        [
            dict(potential=1.0),
            dict(internal={}),
            dict(kinematics="large"),
            dict(initial={"b": 1.0}),
            dict(initial={"a": np.ones(3)}),
        ],
    ),
}
WRONG = [(law, given, wrong) for law, (given, all_wrong) in REFUSED.items() for wrong in all_wrong]


def test_every_law_refuses_something():
    assert set(REFUSED) == concrete_laws()


@pytest.mark.parametrize(("law", "given", "wrong"), WRONG, ids=[f"{law.__name__}-{'-'.join(wrong)}" for law, _, wrong in WRONG])
def test_parameters_outside_their_bounds(law, given, wrong):
    law(**given)
    with pytest.raises(MaterialError, match=rf"{law.__name__}\(.*\) is not a physical material, expected"):
        law(**{**given, **wrong})


@over()
def test_parameters_that_are_no_numbers(case):
    for name in case.law.parameters:
        for wrong in (np.nan, np.inf, 1j):
            with pytest.raises(MaterialError, match=rf"parameter {name} of {type(case.law).__name__} is .* expected a finite real"):
                case.law.with_parameters(**{name: wrong}).__post_init__()
    with pytest.raises(MaterialError, match="has no parameter colour, expected one of"):
        case.law.with_parameters(colour=1.0)
