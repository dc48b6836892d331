"""Every case in every mode on a CUDA device; the same loop as on guarded arrays."""

import pytest

from ..registry.harness import KNOWN
from .device_modes import compare

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("case", KNOWN, ids=[c.id for c in KNOWN])
def test_every_mode_on_the_device(case):
    if case.device:
        pytest.skip(case.device)
    import cupy

    from hoad import backends

    backend = backends.of(cupy.zeros(1))
    compare(case, cupy.asarray, backend.to_host, cupy.ndarray, rtol=1e-8)


def test_plain_cupy_functions_reach_the_rules():
    import cupy

    import hoad

    x = cupy.linspace(0.1, 1.0, 5)
    gradient = hoad.grad(lambda x: cupy.sum(cupy.sin(x) * x))(x)
    assert isinstance(gradient, cupy.ndarray)
    cupy.testing.assert_allclose(gradient, cupy.cos(x) * x + cupy.sin(x), rtol=1e-12)


def test_backend():
    import cupy

    from hoad import backends

    backend = backends.of(cupy.zeros(1))
    assert backend.name == "cupy"
    z = cupy.zeros(3)
    backend.scatter_add(z, cupy.asarray([0, 0, 1]), cupy.asarray([1.0, 2.0, 3.0]))
    backend.synchronise()
    assert backend.to_host(z).tolist() == [3.0, 3.0, 0.0]
    assert hasattr(backend.special(), "logsumexp")
