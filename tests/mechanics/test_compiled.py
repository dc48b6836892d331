"""Laws compiled into native loops: the numbers of NumPy, or NumPy."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from hoad import mechanics as me
from hoad.compiler.toolchain import capabilities
from hoad.errors import NoCompilerError
from hoad.mechanics import compiled
from hoad.mechanics.kinematics import Kinematics
from hoad.mechanics.pointwise import Constitutive

from .inelastic_cases import CASES as INELASTIC
from .material_cases import CASES as ELASTIC

try:
    capabilities()
except NoCompilerError:
    pytest.skip("no C compiler on this machine", allow_module_level=True)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Compile whatever the number of points; forget what was found about kernels."""
    monkeypatch.setattr(compiled, "LEAST", 1)
    monkeypatch.setattr(compiled, "_checked", set())


COMPILED = {
    "LinearElastic": me.LinearElastic(mu=1.0, lmbda=np.linspace(1.0, 2.0, 50)),
    "StVenantKirchhoff": me.StVenantKirchhoff(mu=1.0, lmbda=2.0),
    **{f"NeoHooke {v}": me.NeoHooke(mu=1.0, lmbda=2.0, volumetric=v) for v in ("log", "quadratic", "simo-miehe", "isochoric")},
    "MooneyRivlin": me.MooneyRivlin(c10=1.0, c01=0.3, K=4.0),
    "Yeoh": me.Yeoh(c1=1.0, c2=0.1, c3=0.02, K=4.0),
    "Gent": me.Gent(mu=np.linspace(1.0, 2.0, 50), Jm=1.5, lmbda=2.0),
    "ArrudaBoyce": me.ArrudaBoyce(mu=1.0, lambda_m=2.5, K=4.0),
    "PowerLaw": me.PowerLaw(sigma0=0.5, eps0=0.1, n=10.0, K=2.0),
    "Conduction": me.Conduction(k=np.linspace(1.0, 2.0, 50)),
}


def evaluate(law, kin, strain):
    law_at = Constitutive(kin, {0: law}, np.zeros(strain.shape[1], int))
    states = law_at.initial_state()
    energy, stress = law_at.energy_and_stress(strain, states)
    return law_at, energy, stress, law_at.tangent(strain, states)


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_laws_give_the_numbers_of_numpy(name, dimension, monkeypatch):
    law = COMPILED[name]
    kin = Kinematics(law.kinematics, dimension)
    strain = 0.05 * np.random.default_rng(0).standard_normal((kin.components, 50))
    law_at, energy, stress, tangent = evaluate(law, kin, strain)
    for kind in ("stress", "tangent"):
        assert law_at.groups[0].native.kernel(kind, None) is not None, "the law was not compiled"
    monkeypatch.setenv("HOAD_COMPILE", "0")
    _, energy_numpy, stress_numpy, tangent_numpy = evaluate(law, kin, strain)
    np.testing.assert_allclose(energy, energy_numpy, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(stress, stress_numpy, rtol=1e-11, atol=1e-13 * np.abs(stress_numpy).max())
    np.testing.assert_allclose(tangent.upper, tangent_numpy.upper, rtol=1e-11, atol=1e-12 * np.abs(tangent_numpy.upper).max())


def test_outside_its_domain_a_compiled_law_has_infinite_energy():
    law = me.NeoHooke(mu=1.0, lmbda=2.0)
    strain = np.zeros((4, 20))
    strain[0, ::2] = -1.5
    _, energy, stress, _ = evaluate(law, Kinematics("finite", 2), strain)
    np.testing.assert_array_equal(np.isinf(energy), strain[0] != 0)
    assert np.all(np.isfinite(stress[:, 1::2]))


def test_laws_that_iterate_are_left_to_numpy(caplog):
    """A law whose local equation is solved by iteration needs values, which is said once, in the log."""
    law = me.J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01, H=0.05, n=0.5, hardening="power")
    kin = Kinematics("small", 2)
    strain = 0.05 * np.random.default_rng(0).standard_normal((kin.components, 50))
    with caplog.at_level(logging.INFO, "hoad"):
        law_at, *_ = evaluate(law, kin, strain)
    assert law_at.groups[0].native.kernel("stress", law_at.initial_state()[0]) is None
    assert sum("is computed with NumPy" in r.message for r in caplog.records) == 2


def test_a_kernel_that_differs_is_not_used(monkeypatch, caplog):
    law = me.Yeoh(c1=1.25, c2=0.1, c3=0.02, K=4.0)
    kin = Kinematics("finite", 2)
    strain = 0.05 * np.random.default_rng(0).standard_normal((kin.components, 50))
    monkeypatch.setattr(compiled, "_kernels", {})
    original = compiled.CompiledLaw._function

    def wrong(self, kind):
        return lambda **arguments: [1.001 * y for y in original(self, kind)(**arguments)]

    monkeypatch.setattr(compiled.CompiledLaw, "_function", wrong)
    _, energy, stress, tangent = evaluate(law, kin, strain)
    assert sum("differs from NumPy" in r.message for r in caplog.records) == 2
    monkeypatch.setenv("HOAD_COMPILE", "0")
    _, energy_numpy, stress_numpy, tangent_numpy = evaluate(law, kin, strain)
    np.testing.assert_array_equal(energy, energy_numpy)
    np.testing.assert_array_equal(stress, stress_numpy)
    np.testing.assert_array_equal(tangent.upper, tangent_numpy.upper)


def test_no_compiler_no_harm(monkeypatch, caplog):
    from hoad.compiler.toolchain import library

    def absent():
        raise NoCompilerError("no C compiler was found")

    monkeypatch.setattr(library, "capabilities", absent)
    monkeypatch.setattr(compiled, "_kernels", {})
    law = me.NeoHooke(mu=1.125, lmbda=2.0)
    strain = 0.05 * np.random.default_rng(0).standard_normal((4, 50))
    with caplog.at_level(logging.INFO, "hoad"):
        _, energy, _, _ = evaluate(law, Kinematics("finite", 2), strain)
    assert np.all(np.isfinite(energy))
    assert any("no C compiler" in r.message for r in caplog.records)


@pytest.mark.parametrize("case", [c for c in ELASTIC if c.d == 2], ids=lambda c: c.id)
def test_every_elastic_law_is_the_same_compiled_or_left_to_numpy(case, monkeypatch):
    law = case.material
    if any(np.ndim(v) > law.field_axes.get(k, 0) for k, v in law.parameters.items()):
        pytest.skip("its parameters are fields over points of their own")
    kin = Kinematics(law.kinematics, 2, out_of_plane=3 in law.dimensions)
    strain = 0.2 * case.amount * np.random.default_rng(0).standard_normal((kin.components, 30))
    _, energy, stress, tangent = evaluate(law, kin, strain)
    monkeypatch.setenv("HOAD_COMPILE", "0")
    _, energy_numpy, stress_numpy, tangent_numpy = evaluate(law, kin, strain)
    np.testing.assert_allclose(energy, energy_numpy, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(stress, stress_numpy, rtol=1e-10, atol=1e-12 * np.abs(stress_numpy).max())
    if hasattr(tangent, "upper"):
        np.testing.assert_allclose(tangent.upper, tangent_numpy.upper, rtol=1e-9, atol=1e-11 * np.abs(tangent_numpy.upper).max())


@pytest.mark.parametrize("case", [c for c in INELASTIC if c.d == 3], ids=lambda c: f"{type(c.law).__name__}-{c.label}")
def test_every_inelastic_law_is_the_same_compiled_or_left_to_numpy(case, monkeypatch):
    kin = Kinematics(case.law.kinematics, 3)
    strain = case.amount * np.random.default_rng(0).standard_normal((kin.components, 12))
    _, energy, stress, tangent = evaluate(case.law, kin, strain)
    monkeypatch.setenv("HOAD_COMPILE", "0")
    _, energy_numpy, stress_numpy, tangent_numpy = evaluate(case.law, kin, strain)
    np.testing.assert_allclose(energy, energy_numpy, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(stress, stress_numpy, rtol=1e-8, atol=1e-11 * np.abs(stress_numpy).max())
    np.testing.assert_allclose(tangent.upper, tangent_numpy.upper, rtol=1e-7, atol=1e-9 * np.abs(tangent_numpy.upper).max())
