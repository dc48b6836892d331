"""Laws compiled into native loops: the numbers of NumPy, or NumPy."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import hoad
from hoad import mechanics as me
from hoad.compiler.toolchain import capabilities
from hoad.errors import CompileError, NoCompilerError
from hoad.mechanics import compiled
from hoad.mechanics.blocks import threads
from hoad.mechanics.kinematics import Kinematics
from hoad.mechanics.pointwise import Constitutive, staggered

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


SIZES = [(name, d) for name in COMPILED for d in (2, 3)]


@pytest.mark.parametrize(
    ("name", "dimension"),
    [pytest.param(*s, marks=() if s[1] == 2 or s[0] == "NeoHooke log" else pytest.mark.slow, id=f"{s[0]}-{s[1]}") for s in SIZES],
)
def test_compiled_laws_give_the_numbers_of_numpy(name, dimension, monkeypatch):
    law = COMPILED[name]
    kin = Kinematics(law.kinematics, dimension)
    strain = 0.05 * np.random.default_rng(0).standard_normal((kin.components, 50))
    law_at, energy, stress, tangent = evaluate(law, kin, strain)
    for kind in ("stress", "tangent"):
        assert law_at.groups[0].native.kernel(kind, None) is not None, "the law was not compiled"
    monkeypatch.setenv("HOAD_COMPILE", "numpy")
    _, energy_numpy, stress_numpy, tangent_numpy = evaluate(law, kin, strain)
    np.testing.assert_allclose(energy, energy_numpy, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(stress, stress_numpy, rtol=1e-11, atol=1e-13 * np.abs(stress_numpy).max())
    np.testing.assert_allclose(tangent.upper, tangent_numpy.upper, rtol=1e-11, atol=1e-12 * np.abs(tangent_numpy.upper).max())


def test_laws_of_several_phases_are_one_call_each(monkeypatch):
    """Points of a phase lie apart; their parameters, fields among them, and internal variables do not."""
    labels = np.random.default_rng(1).integers(0, 3, 500)
    field = me.PowerLaw(sigma0=np.linspace(0.4, 0.5, 500), eps0=0.1, n=10.0, K=2.0)
    phases = {0: me.J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01, H=0.05), 1: field, 2: me.LinearElastic(mu=1.0, lmbda=2.0)}
    kin = Kinematics("small", 2)
    strain = 0.02 * np.random.default_rng(0).standard_normal((kin.components, 500))
    calls = []
    original = compiled.PointwiseKernel.__call__

    def counted(self, *args, **kwargs):
        calls.append(self)
        return original(self, *args, **kwargs)

    def results():
        law_at = Constitutive(kin, phases, labels)
        states = law_at.initial_state()
        rng = np.random.default_rng(2)
        states = [s and {k: v + 0.01 * rng.standard_normal(v.shape) for k, v in s.items()} for s in states]
        law_at.energy_and_stress(strain, states, 0.5)
        del calls[:]
        both, count = law_at.energy_and_stress(strain, states, 0.5), len(calls)
        return count, *both, law_at.tangent(strain, states, 0.5)

    monkeypatch.setattr(compiled.PointwiseKernel, "__call__", counted)
    count, *found, tangent = results()
    assert count == 2  # the linear law has a constant tangent
    monkeypatch.setenv("HOAD_COMPILE", "off")
    count, *expected, by_numpy = results()
    assert count == 0
    for a, b in zip([*found, tangent.upper], [*expected, by_numpy.upper], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12 * np.abs(b).max())
    direction = np.random.default_rng(3).standard_normal(strain.shape)
    product = by_numpy.apply(direction, np.empty_like(direction))
    monkeypatch.setenv("HOAD_COMPILE", "c")
    np.testing.assert_allclose(tangent.apply(direction, np.empty_like(direction)), product, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(tangent.apply(direction, direction), product, rtol=1e-11, atol=1e-13)  # in place


def test_the_environment_is_obeyed(monkeypatch):
    for setting, there in (("off", False), ("numpy", False), ("c", True), ("", True)):
        monkeypatch.setenv("HOAD_COMPILE", setting)
        assert (compiled.symmetric_product(3) is not None) is there
    monkeypatch.setenv("HOAD_COMPILE", "0")
    with pytest.raises(CompileError, match="HOAD_COMPILE is '0'"):
        compiled.symmetric_product(3)


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
    monkeypatch.setenv("HOAD_COMPILE", "numpy")
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
    monkeypatch.setenv("HOAD_COMPILE", "numpy")
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
    monkeypatch.setenv("HOAD_COMPILE", "numpy")
    _, energy_numpy, stress_numpy, tangent_numpy = evaluate(case.law, kin, strain)
    np.testing.assert_allclose(energy, energy_numpy, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(stress, stress_numpy, rtol=1e-8, atol=1e-11 * np.abs(stress_numpy).max())
    np.testing.assert_allclose(tangent.upper, tangent_numpy.upper, rtol=1e-7, atol=1e-9 * np.abs(tangent_numpy.upper).max())


def test_threads_of_blocks_and_of_compiled_code_are_the_same(monkeypatch):
    monkeypatch.delenv("HOAD_NUM_THREADS", raising=False)
    before = hoad.get_num_threads()
    try:
        for n in (1, 3):
            hoad.set_num_threads(n)
            assert threads() == n
    finally:
        hoad.set_num_threads(before)
    monkeypatch.setenv("HOAD_NUM_THREADS", "2")
    assert threads() == 2


@pytest.mark.parametrize("n", [1, 4096, 5000])
def test_rows_of_tangents_do_not_share_lines_of_the_cache(n):
    upper = staggered(45, n)
    assert upper.shape == (45, n)
    assert upper.strides == (upper.strides[0], 8)
    assert upper.strides[0] % 4096 == 1536
