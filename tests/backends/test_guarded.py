# ruff: noqa: E501  # tables of names
"""No rule leaks to the host: every case in every mode on an array type that refuses conversion and mixing."""

import numpy as np
import pytest

import hoad
from hoad.rules.special_functions.bessel import bessel_native
from hoad.rules.special_functions.ladders import exprel_derivative, scaled_erfc, sinc_derivative
from hoad.scipy import special

from ..registry.harness import KNOWN, over
from .device_modes import compare
from .guarded import BACKEND, Guarded, HostError


@over(KNOWN)
def test_every_mode_stays_on_the_device(case):
    if case.device:
        pytest.skip(case.device)
    compare(case, BACKEND.asarray, BACKEND.to_host, Guarded)


@pytest.mark.parametrize(
    "leak",
    [
        lambda x: np.asarray(x), lambda x: x + np.ones(2), lambda x: np.ones(2) * x, lambda x: x + np.array(1.0), lambda x: bool(x[0]), lambda x: float(x[0]),
        lambda x: x[np.array([0])], lambda x: x[[0]], lambda x: np.where(np.array([True, False]), x, 0.0), lambda x: np.concatenate([x, np.ones(2)]),
        lambda x: np.maximum.reduce(x), lambda x: np.sum(x, where=x > 0), lambda x: np.block([x, x]), lambda x: np.multiply.at(x, BACKEND.asarray([0]), 2.0),
    ],
)  # fmt: skip
def test_the_guard_refuses(leak):
    with pytest.raises((HostError, TypeError)):
        leak(Guarded(np.array([1.0, 2.0])))


def test_the_guard_computes():
    x = Guarded(np.array([1.0, 2.0]))
    y = 2.0 * x + np.sin(x) * np.float64(3.0)
    assert type(y) is Guarded
    assert type(np.sum(y)) is Guarded
    assert y.dtype == np.float64
    x += 1.0
    np.testing.assert_array_equal(x.data, [2.0, 3.0])


D, H = BACKEND.asarray(np.array([0.5, 1.5, 2.5])), np.array([1.0, -1.0, 2.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.polyval([1.0, 2.0, 3.0], x), lambda x: np.polyval(x, 2.0), lambda x: np.polyint(x, 2, k=[1.0, 2.0]),
        lambda x: np.interp(x, H.cumsum(), H), lambda x: np.trapezoid(x, [0.0, 1.0, 3.0]), lambda x: np.gradient(x, [0.0, 1.0, 3.0]),
        lambda x: np.linspace(x, H, 3), lambda x: np.select([H > 0], [x], 1.0), lambda x: np.piecewise(x, [H > 0, H < -3], [np.sin, np.cos, 2.0]),
        lambda x: np.bincount(np.array([0, 2, 2]), x), lambda x: np.cov(x, aweights=np.abs(H)), lambda x: special.logsumexp(x, b=H),
        lambda x: special.polygamma([1, 2, 0], x),
    ],
)  # fmt: skip
def test_host_data_is_moved_beside_traced_arrays(f):
    on_device = hoad.jvp(f, (D,), (D,))
    on_host = hoad.jvp(f, (D.data,), (D.data,))
    for a, b in zip(on_device, on_host):
        assert type(a) is Guarded
        np.testing.assert_allclose(a.data, b, rtol=1e-13)


@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax", "multigammaln"])
def test_functions_that_are_no_ufuncs_take_plain_device_arrays(name):
    more = (1,) if name == "multigammaln" else ()
    y = getattr(special, name)(D, *more)
    assert type(y) is Guarded
    np.testing.assert_array_equal(y.data, getattr(special, name)(D.data, *more))


@pytest.mark.parametrize("order", [-3, -2, 0, 1, 2, 3, 6])
@pytest.mark.parametrize("name", ["jv", "yv", "iv", "kv"])
def test_bessel_functions_of_whole_order(name, order):
    x = np.geomspace(1e-2, 100.0, 200)
    expected = getattr(special, name)(order, x)
    wave = 1e-14 / np.sqrt(x) if name in ("jv", "yv") else 0.0
    found = bessel_native(name)(order, BACKEND.asarray(x))
    np.testing.assert_array_less(np.abs(found.data - expected), wave + 3e-14 * np.abs(expected))


@pytest.mark.parametrize("n", [0, 1, 4, 7])
@pytest.mark.parametrize("ladder", [exprel_derivative, sinc_derivative, scaled_erfc], ids=lambda p: p.name)
def test_rungs_of_ladders_agree(ladder, n):
    x = np.concatenate([np.linspace(-5.0, 30.0, 141), [1.0, 8.0, 700.0]])
    expected = ladder.native(x, n=n)
    found = ladder.native(BACKEND.asarray(x), n=n)
    np.testing.assert_allclose(found.data, expected, rtol=3e-13, atol=0)


def test_determinants_beyond_minors():
    """Beyond 3 x 3 the device is waited for, and singular matrices have right second derivatives as on the host."""
    a = np.random.default_rng(0).normal(size=(2, 4, 4))
    a[1, 3] = a[1, 2]
    v = np.random.default_rng(1).normal(size=a.shape)
    f = lambda a: np.sum(np.linalg.det(a) ** 2)
    found = hoad.hvp(f, BACKEND.asarray(a), BACKEND.asarray(v))
    assert type(found) is Guarded
    np.testing.assert_allclose(found.data, hoad.hvp(f, a, v), rtol=1e-11)


@pytest.mark.parametrize("p", [3, 2.5])
def test_norms_of_device_arrays_at_zero(p):
    """Rows of zeros have derivative zero, and other rows keep their second derivative."""
    x = np.array([[0.0, 0.0], [1.0, -2.0]])
    f = lambda x: np.sum(np.linalg.norm(x, p, axis=1))
    np.testing.assert_allclose(hoad.grad(f)(BACKEND.asarray(x)).data, hoad.grad(f)(x), rtol=1e-14)
    found = hoad.hvp(f, BACKEND.asarray(x), BACKEND.asarray(np.ones_like(x))).data
    np.testing.assert_allclose(found, hoad.hvp(f, x, np.ones_like(x)), rtol=1e-13)
    assert np.isnan(found[0]).all()


def test_the_seed_of_a_mapped_gradient_has_the_visible_shape():
    x = np.arange(12.0).reshape(4, 3)
    found = hoad.vmap(hoad.grad(lambda a: (a**2).sum()))(BACKEND.asarray(x))
    np.testing.assert_array_equal(BACKEND.to_host(found), 2 * x)
