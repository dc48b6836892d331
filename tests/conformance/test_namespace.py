"""Code written for the array API standard, which asks its arrays for their namespace, runs on traced values."""

from __future__ import annotations

import numpy as np
import pytest

import hoad
import hoad.numpy as hnp


def softmax_entropy(x):
    """In the names of the standard only."""
    xp = x.__array_namespace__()
    shifted = x - xp.max(x, axis=-1, keepdims=True)
    e = xp.exp(shifted)
    p = e / xp.sum(e, axis=-1, keepdims=True)
    return -xp.sum(p * xp.log(p)) + xp.linalg.vector_norm(xp.matrix_transpose(x)) + xp.sum(xp.pow(xp.abs(x), 3.0))


def ordered(x):
    xp = hnp if isinstance(x, np.ndarray) else x.__array_namespace__(api_version="2022.12")  # NumPy cannot sort downward
    best = xp.sort(x, axis=-1, descending=True)[..., :2]
    order = xp.argsort(x, axis=-1, descending=True, stable=True)
    picked = xp.take_along_axis(x, order, axis=-1)
    return xp.sum(best**2) + xp.sum(xp.clip(picked, min=-0.5, max=0.5)) + xp.sum(xp.concat([x, xp.permute_dims(x, (1, 0))]))


X = np.array([[0.3, -1.2, 0.8], [1.1, 0.2, -0.4], [0.7, 1.9, -2.1]])


@pytest.mark.parametrize("f", [softmax_entropy, ordered])
def test_every_mode(f):
    v = np.cos(np.arange(9.0)).reshape(3, 3)
    h = 1e-5
    first = (f(X + h * v) - f(X - h * v)) / (2 * h)
    gradient = hoad.grad(f)(X)
    np.testing.assert_allclose(np.sum(gradient * v), first, rtol=1e-8)
    np.testing.assert_allclose(hoad.jvp(f, (X,), (v,))[1], np.sum(gradient * v), rtol=1e-13)
    second = 2 * hoad.taylor(f, X, v, 2)[2]
    np.testing.assert_allclose(hoad.vhv(f, X, v), second, rtol=1e-11)
    for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
        np.testing.assert_allclose(np.sum(hoad.hvp(f, X, v, mode=mode) * v), second, rtol=1e-11)
    np.testing.assert_allclose(hoad.vmap(f)(np.stack([X, 2 * X])), [f(X), f(2 * X)], rtol=1e-14)


def test_descending_order_keeps_equal_entries_in_order():
    x = np.array([2.0, 3.0, 2.0, 1.0, 3.0])
    np.testing.assert_array_equal(hnp.argsort(x, descending=True, stable=True), [1, 4, 0, 2, 3])
    np.testing.assert_array_equal(hnp.sort(x, descending=True), [3, 3, 2, 2, 1])
    np.testing.assert_array_equal(hnp.argsort(x.reshape(1, 5), axis=None, descending=True, stable=True), [1, 4, 0, 2, 3])
    np.testing.assert_array_equal(hoad.grad(lambda x: hnp.sort(x, descending=True)[0] ** 2)(np.array([1.0, 3.0])), [0, 6])


def test_devices_and_versions():
    def f(x):
        assert x.device == "cpu"
        assert x.to_device("cpu") is x
        with pytest.raises(ValueError, match="a traced value stays on its device, 'cpu'"):
            x.to_device("gpu")
        with pytest.raises(ValueError, match=r"version '9999\.12' of the array API standard was asked for"):
            x.__array_namespace__(api_version="9999.12")
        assert x.__array_namespace__() is hnp
        assert hnp.from_dlpack(x) is x
        return np.sum(x) + np.sum(hnp.from_dlpack(x, copy=True))

    np.testing.assert_array_equal(hoad.grad(f)(np.ones(2)), [2, 2])
    assert hnp.__array_api_version__ == np.__array_api_version__
    assert hnp.__array_namespace_info__().capabilities() == np.__array_namespace_info__().capabilities()
