"""What every elastic material must satisfy, looped over all of them: a new law needs a case and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import hoad
from hoad.mechanics.materials import DegradedElastic, LinearElastic, PowerLaw, StVenantKirchhoff

from ..backends.guarded import BACKEND, Guarded
from .material_cases import CASES, POINTS, assert_near, concrete_materials, difference, over, rotation, stress, total


def test_every_material_has_a_case():
    assert concrete_materials() == {type(c.material) for c in CASES}


@over()
def test_rest(case):
    for points in ((), POINTS):
        e = case.rest(points)
        energy, force = case.material.energy(e), stress(case.material, e)
        assert np.shape(energy) == points
        assert force.shape == e.shape
        if case.prestressed:
            assert np.abs(force).max() > 0.1 * case.modulus
        else:
            assert np.abs(energy).max() <= 1e-15 * case.modulus
            assert np.abs(force).max() <= 2e-15 * case.modulus


@over(lambda case: case.kinematics == "finite")
def test_objectivity(case):
    F, Q = case.strain(), rotation(case.rng("Q"), case.d)
    assert_near(case.material.energy(Q @ F), case.material.energy(F), 1e-14 * case.modulus)
    assert_near(stress(case.material, Q @ F), Q @ stress(case.material, F), 1e-14 * case.modulus)


@over()
def test_isotropy_or_the_lack_of_it(case):
    e, Q = case.strain(), rotation(case.rng("Q"), case.d)
    turned = {"finite": lambda: e @ Q, "small": lambda: Q.T @ e @ Q, "scalar": lambda: Q @ e}[case.kinematics]()
    change = abs(case.material.energy(turned) - case.material.energy(e))
    assert change <= 1e-14 * case.modulus if case.isotropic else change > 1e-5 * case.modulus


@over()
def test_stress_is_the_derivative_of_the_energy(case):
    e, v = case.strain(POINTS), case.direction(POINTS)
    assert_near(np.sum(stress(case.material, e) * v), difference(total(case.material), e, v), 1e-10 * case.modulus)


@over()
def test_tangent_is_the_derivative_of_the_stress(case):
    e, v, w = case.strain(POINTS), case.direction(POINTS), case.direction(POINTS, "w")
    Cv = hoad.hvp(total(case.material), e, v)
    assert_near(Cv, difference(lambda x: stress(case.material, x), e, v), 1e-10 * case.modulus)
    for mode in ("forward-over-reverse", "reverse-over-reverse"):
        assert_near(hoad.hvp(total(case.material), e, v, mode=mode), Cv, 1e-13 * case.modulus)
    assert_near(hoad.vhv(total(case.material), e, v, w), np.sum(Cv * w), 1e-13 * case.modulus)


@over()
def test_major_symmetry(case):
    n = int(np.prod(case.shape))
    C = case.stiffness_at(case.strain()).reshape(n, n)
    assert_near(C, C.T, 1e-14 * case.modulus)


@over()
def test_batched_directions(case):
    """All columns of the tangent in one sweep, as a solver takes them."""
    e = case.strain((4,))
    n = int(np.prod(case.shape))
    units = np.broadcast_to(np.eye(n).reshape(n, *case.shape, 1), (n, *e.shape)).copy()
    slope = hoad.grad(total(case.material))
    columns = hoad.vmap(lambda u: hoad.jvp(slope, (e,), (u,))[1])(units)
    for u, column in zip(units, columns):
        assert_near(column, hoad.hvp(total(case.material), e, u), 1e-13 * case.modulus)


@over()
def test_third_derivative(case):
    e, v = case.strain(POINTS), case.direction(POINTS)
    found = 6 * hoad.taylor(case.material.energy, e, v, 3)[3]
    curvature = lambda x: 2 * hoad.taylor(case.material.energy, x, v, 2)[2]
    expected = difference(curvature, e, v)
    assert_near(found, expected, 1e-9 * max(case.modulus, np.abs(expected).max()))


@over()
def test_points_are_independent(case):
    """A field is a loop over its points."""
    e = case.strain(POINTS)
    energy, force = case.material.energy(e), stress(case.material, e)
    for p in np.ndindex(POINTS):
        one = e[(..., *p)]
        assert_near(energy[p], case.material.energy(one), 1e-15 * case.modulus)
        assert_near(force[(..., *p)], stress(case.material, one), 1e-14 * case.modulus)


@over(lambda case: hasattr(case.material, "small_strain"))
def test_small_strains(case):
    """The tangent at rest is the one of linear elasticity with the moduli that the law states."""
    rest, h = case.rest(), case.direction()
    h = 0.5 * (h + h.T)
    found = hoad.hvp(case.material.energy, rest, h)
    law = case.material.small_strain()
    assert isinstance(law, LinearElastic)
    expected = law.lmbda * np.trace(h) * np.eye(case.d) + 2 * law.mu * h
    assert_near(found, expected, 1e-14 * case.modulus)
    if case.kinematics == "finite" and not case.prestressed:  # infinitesimal rotations cost nothing
        skew = np.triu(np.ones((case.d, case.d)), 1)
        assert_near(hoad.hvp(case.material.energy, rest, skew - skew.T), 0 * h, 1e-14 * case.modulus)


@over(lambda case: case.d == 2 and case.kinematics != "scalar" and 3 in case.material.dimensions)
def test_two_dimensional_tensors_mean_plane_strain(case):
    e = case.strain(POINTS)
    whole = np.zeros((3, 3, *POINTS))
    whole[:2, :2] = e
    whole[2, 2] = 1 if case.kinematics == "finite" else 0
    assert_near(case.material.energy(e), case.material.energy(whole), 1e-14 * case.modulus)
    assert_near(stress(case.material, e), stress(case.material, whole)[:2, :2], 1e-14 * case.modulus)


@over()
def test_linear_laws_say_so(case):
    """``linear`` is true if and only if the tangent is the same everywhere (and, by the test of rest, the stress there 0)."""
    change = np.abs(case.stiffness_at(case.strain()) - case.stiffness_at(case.strain(salt="elsewhere"))).max()
    constant = change <= 1e-13 * case.modulus
    assert constant or change > 1e-3 * case.modulus
    sometimes = isinstance(case.material, PowerLaw | DegradedElastic)  # linear for certain parameters only
    assert case.material.linear == (constant and not sometimes)


@over()
def test_single_precision_is_kept(case):
    e, v = case.strain(POINTS).astype(np.float32), case.direction(POINTS).astype(np.float32)
    for found, exact in (
        (case.material.energy(e), case.material.energy(e.astype(float))),
        (stress(case.material, e), stress(case.material, e.astype(float))),
        (hoad.hvp(total(case.material), e, v), hoad.hvp(total(case.material), e.astype(float), v.astype(float))),
    ):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, exact, rtol=0, atol=2e-5 * case.modulus)


@over(lambda case: case.kinematics == "finite")
def test_outside_the_domain_the_energy_is_infinite(case):
    """Without a warning, without a trace at the other points, and without hiding a NaN."""
    F = case.strain((4,))
    inside = [0, 2]
    F[0, :, 1] *= -1
    F[0, :, 3] = 0
    energy, force = hoad.vjp(case.material.energy, F)[0], stress(case.material, F)
    if not isinstance(case.material, StVenantKirchhoff):  # a polynomial, defined everywhere
        assert np.all(energy[[1, 3]] == np.inf)
    assert_near(energy[inside], case.material.energy(F[..., inside]), 1e-15 * case.modulus)
    assert_near(force[..., inside], stress(case.material, F[..., inside]), 1e-15 * case.modulus)
    assert np.isfinite(hoad.hvp(total(case.material), F, case.direction((4,)))).all()
    F[0, 0, 0] = np.nan
    assert np.isnan(case.material.energy(F)[0])


@over()
def test_on_a_device(case):
    """Fields on a device stay there, with numbers and constant tensors of the host as parameters; so do parameter fields."""
    if case.device:
        pytest.skip(case.device)
    e, v = case.strain(POINTS), case.direction(POINTS)
    there, along = BACKEND.asarray(e), BACKEND.asarray(v)
    fields = {k: np.asarray(x)[..., None, None] + np.zeros(POINTS) for k, x in case.material.parameters.items()}
    moved = case.material.with_parameters(**{k: BACKEND.asarray(x) for k, x in fields.items()})
    for law in (case.material, moved):
        for found, expected in (
            (law.energy(there), case.material.energy(e)),
            (hoad.grad(total(law))(there), stress(case.material, e)),
            (hoad.hvp(total(law), there, along), hoad.hvp(total(case.material), e, v)),
        ):
            assert type(found) is Guarded
            assert_near(BACKEND.to_host(found), expected, 1e-13 * case.modulus)
