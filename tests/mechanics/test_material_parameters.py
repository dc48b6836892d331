"""Parameters of elastic materials: fields, derivatives, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import hoad
from hoad.errors import MaterialError
from hoad.mechanics.materials import (
    SIMP,
    AnisotropicConduction,
    ArrudaBoyce,
    Conduction,
    DegradedElastic,
    Gent,
    GentTwoDimensional,
    HolzapfelGasserOgden,
    Hyperelastic,
    J2Plasticity,
    LinearElastic,
    MooneyRivlin,
    NeoHooke,
    Ogden,
    Orthotropic,
    PowerLaw,
    StVenantKirchhoff,
    Triclinic,
    Yeoh,
)

from .material_cases import CASES, FAMILIES, POINTS, assert_near, concrete_materials, difference, over, stress, total


@over()
def test_fields_of_parameters(case):
    """Parameters that vary from point to point are a loop over the points, built directly or by ``at``."""
    points = (5,)
    fields = case.fields(points)
    law = case.built(**fields)
    e = case.strain(points)
    energy, force = law.energy(e), stress(law, e)
    assert energy.shape == points
    single = case.strain()
    everywhere = law.energy(single)  # one strain at all points
    for p in range(points[0]):
        alone = case.built(**{k: v[..., p] for k, v in fields.items()})
        assert_near(energy[p], alone.energy(e[..., p]), 1e-14 * case.modulus)
        assert_near(force[..., p], stress(alone, e[..., p]), 1e-13 * case.modulus)
        assert_near(everywhere[p], alone.energy(single), 1e-14 * case.modulus)
    part = np.array([3, 1])
    assert_near(law.at(part).energy(e[..., part]), energy[part], 1e-14 * case.modulus)


PARAMETERS = [(c, name) for c in CASES for name in c.material.parameters]


@pytest.mark.parametrize(("case", "name"), PARAMETERS, ids=[f"{c.id}-{name}" for c, name in PARAMETERS])
def test_derivatives_by_a_parameter(case, name):
    """Energy and stress against differences; the law may also be built inside the differentiated function."""
    e, v = case.strain(POINTS), case.direction(POINTS)
    value = np.asarray(case.material.parameters[name], float)
    step = case.rng(name).uniform(0.5, 1, value.shape) * max(0.2, 0.1 * np.abs(value).max())
    if name == "delta":
        value = value + step  # at 0 a power of it has too few derivatives for a difference quotient
    if name in ("stiffness", "conductivity"):
        step = step + np.swapaxes(step, 0, 1)

    def changed(p):
        return case.material.with_parameters(**{name: p})

    def built(p):
        return case.built(**{name: p})

    def work(p):
        return np.sum(stress(changed(p), e) * v)

    found = np.sum(hoad.grad(lambda p: total(changed(p))(e))(value) * step)
    expected = difference(lambda p: total(changed(p))(e), value, step)
    scale = max(case.modulus, abs(expected))
    assert_near(found, expected, 1e-10 * scale)
    assert_near(np.sum(hoad.grad(lambda p: total(built(p))(e))(value) * step), found, 1e-13 * scale)
    slope = lambda p: np.sum(hoad.grad(lambda q: total(changed(q))(e))(p) * step)
    curvature = difference(slope, value, step)
    second = 2 * hoad.taylor(lambda p: total(changed(p))(e), value, step, 2)[2]
    assert_near(second, curvature, 1e-10 * max(case.modulus, abs(curvature)))
    mixed = difference(work, value, step)
    assert_near(np.sum(hoad.grad(work)(value) * step), mixed, 1e-10 * max(case.modulus, abs(mixed)))


@over()
def test_representation(case):
    text = repr(case.material)
    assert text.startswith(type(case.material).__name__ + "(")
    for name, value in case.material.parameters.items():
        assert f"{name}={value!r}" in text


# -- parameters that are no material ------------------------------------------------------------------------------------------

VOLUME = dict(volumetric="hencky")
REFUSED = {
    LinearElastic: [dict(mu=-1.0), dict(lmbda=-2.0)],
    StVenantKirchhoff: [dict(mu=-1.0), dict(lmbda=-2.0)],
    NeoHooke: [dict(mu=-1.0), dict(lmbda=-2.0), VOLUME],
    Gent: [dict(mu=-1.0), dict(Jm=0.0), dict(lmbda=-2.0), VOLUME],
    GentTwoDimensional: [dict(mu=-1.0), dict(Jm=0.0)],
    MooneyRivlin: [dict(c01=-1.0), dict(K=-1.0), VOLUME],
    Ogden: [
        dict(mu=np.ones(2)),
        dict(mu=np.zeros(0), alpha=np.zeros(0)),
        dict(mu=1.0, alpha=2.0),
        dict(mu=np.array([-1.0]), alpha=np.array([2.0])),
        dict(mu=np.array([1.0]), alpha=np.array([0.0])),
        dict(K=-1.0),
        VOLUME,
    ],
    Yeoh: [dict(c1=-1.0), dict(K=-1.0), VOLUME],
    ArrudaBoyce: [dict(mu=-1.0), dict(lambda_m=1.0), dict(K=-1.0), VOLUME],
    PowerLaw: [dict(sigma0=-1.0), dict(eps0=0.0), dict(n=0.0), dict(K=-1.0), dict(delta=-0.1), dict(n=0.5, delta=0.0)],
    DegradedElastic: [dict(mu=-1.0), dict(lmbda=-2.0), dict(damage=1.1), dict(residual=-0.1), dict(split="tension")],
    SIMP: [dict(density=-0.1), dict(exponent=0.9), dict(smallest=0.0), dict(smallest=1.1)],
    Hyperelastic: [dict(density=3.0), dict(kinematics="large")],
    Conduction: [dict(k=-1.0)],
    AnisotropicConduction: [
        dict(conductivity=np.diag([1.0, -1.0])),
        dict(conductivity=np.array([[1.0, 0.5], [0.0, 1.0]])),
        dict(conductivity=np.eye(4)),
        dict(conductivity=2.0),
    ],
    Triclinic: [
        dict(stiffness=np.diag([1.0, 1, 1, 1, 1, -1])),
        dict(stiffness=np.eye(6) + np.eye(6, k=1)),
        dict(stiffness=np.eye(3)),
        dict(stiffness=2.0),
    ],
    Orthotropic: [
        *(dict.fromkeys([name], 0.0) for name in ("E1", "E2", "E3", "G12", "G13", "G23")),
        dict(nu12=4.0),
        dict(nu23=1.2),
        dict(axes=np.diag([1.0, 2.0, 1.0])),
        dict(axes=np.eye(2)),
    ],
    HolzapfelGasserOgden: [
        *(dict.fromkeys([name], -1.0) for name in ("mu", "k1", "K", "kappa")),
        dict(k2=0.0),
        dict(kappa=0.4),
        dict(fibres=np.zeros((1, 3))),
        dict(fibres=FAMILIES[0]),
        VOLUME,
    ],
}


def test_every_material_refuses_something():
    assert set(REFUSED) == concrete_materials()


@over(lambda case: not case.label)
def test_parameters_that_are_no_numbers(case):
    law = type(case.material).__name__
    for name, value in case.material.parameters.items():
        for wrong in (np.nan, np.inf, 1j, np.full(np.shape(value) + (2,), np.nan)):
            with pytest.raises(MaterialError, match=rf"{name} of {law} is .* expected a finite real number"):
                case.built(**{name: wrong})


@over()
def test_parameters_outside_their_bounds(case):
    for wrong in REFUSED[type(case.material)]:
        with pytest.raises(MaterialError, match="is not a physical material, expected"):
            case.built(**wrong)


def test_one_bad_point_of_a_field_is_refused():
    with pytest.raises(MaterialError, match=r"mu=array of shape \(3,\) in \[-1, 1\].*expected mu >= 0"):
        NeoHooke(mu=np.array([1.0, -1.0, 0.5]), lmbda=1.0)


def test_unknown_parameter():
    with pytest.raises(MaterialError, match="NeoHooke has no parameter E, expected one of lmbda, mu"):
        NeoHooke(1.0, 2.0).with_parameters(E=1.0)


@pytest.mark.parametrize("nu", [0.5, -1.0, 0.7])
def test_impossible_poisson_ratio(nu):
    with pytest.raises(MaterialError, match="-1 < nu < 1/2"):
        LinearElastic.from_young(1.0, nu)


@pytest.mark.parametrize("law", [3.0, NeoHooke, J2Plasticity(K=1.0, mu=1.0, sigma_y=0.1)], ids=["number", "class", "plasticity"])
def test_an_interpolation_of_what_has_no_stored_energy(law):
    with pytest.raises(MaterialError, match="expected a material with a stored energy"):
        SIMP(law, 0.5)


def test_an_interpolation_of_a_solid_that_varies():
    with pytest.raises(MaterialError, match=r"NeoHooke in a SIMP material has fields as parameters \(mu\)"):
        SIMP(NeoHooke(mu=np.ones(3), lmbda=1.0), 0.5)
    SIMP(Orthotropic(14.0, 1.1, 0.9, 0.3, 0.25, 0.4, 0.5, 0.55, 0.35, axes=np.eye(3)), 0.5)  # a tensor is no field


def test_an_energy_function_that_adds_up_the_points():
    law = Hyperelastic(lambda F, mu: mu * np.sum(F * F), {"mu": 1.0})
    with pytest.raises(MaterialError, match=r"returned shape \(\) for \(4,\) points.*Sum over the components"):
        law.energy(np.ones((3, 3, 4)))


def test_an_energy_function_with_a_direction():
    law = Hyperelastic(lambda F, a, k: k * ((F * a[None]).sum(1) ** 2).sum(0), {"a": np.ones(3), "k": 2.0}, field_axes={"a": 1})
    assert law.energy(np.eye(3)) == 6.0
    fields = law.with_parameters(a=np.arange(12.0).reshape(3, 4))
    np.testing.assert_array_equal(fields.at(np.array([2])).parameters["a"], [[2.0], [6.0], [10.0]])
    with pytest.raises(MaterialError, match="Hyperelastic has no parameter b, expected one of a, k"):
        law.with_parameters(b=1.0)
