"""dtype, shape, layout: kept by every derivative (rows 35, 36, 39 to 45)."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pytest

import hoad
from hoad.errors import DTypeError

from .compositions import OPERATORS, derivative, words

FLOATS = [np.float16, np.float32, np.float64, np.longdouble]


def model(x):
    """Reductions, products, Python scalars."""
    a = np.max(x) + np.mean(x) * 2 - np.std(x) / 3.0
    b = np.sum(x * 0.5 + 1) + np.dot(x, x)
    return a * b + np.sum(np.where(x > 1, x, x**2)) + np.prod(x[:2]) + np.sort(x)[0] + np.clip(x, 0, 1).sum()


@pytest.mark.parametrize("dtype", FLOATS)
def test_derivatives_keep_the_dtype(dtype):
    x = np.array([0.5, 1.5, 2.5, 0.25], dtype)
    assert model(x).dtype == dtype
    found = [
        *hoad.value_and_grad(model)(x),
        *hoad.jvp(model, (x,), (x,)),
        hoad.hvp(model, x, x),
        hoad.hvp(model, x, x, mode="reverse-over-reverse"),
        hoad.hvp(model, x, x, mode="forward-over-reverse"),
        hoad.hessian(model)(x),
        hoad.vhv(model, x, x),
        *hoad.taylor(model, x, x, 3),
        hoad.jacfwd(np.sin)(x),
        hoad.jacrev(np.sin)(x),
        hoad.vmap(np.sin)(x),
        hoad.linearize(np.sin, x)[1](x),
        *hoad.vjp(np.sin, x)[1](x),
        hoad.partial(model, x, (1, 1, 0, 0)),
        hoad.linearize_hvp(model, x)[2](x),
    ]
    assert {f.dtype for f in found} == {np.dtype(dtype)}
    exact = hoad.grad(model)(x.astype(np.float64))
    exact = exact.astype(float)
    np.testing.assert_allclose(hoad.grad(model)(x).astype(float), exact, rtol=20 * float(np.finfo(dtype).eps) + 1e-14)


IN_BATCHES = {
    "model": lambda x: model(x.ravel()),
    "std": lambda x: np.std(x, axis=0, ddof=1), "nanstd": lambda x: np.nanstd(x, axis=0), "nanvar": lambda x: np.nanvar(x, axis=1),
    "masked var": lambda x: np.var(x, axis=0, where=np.array([[True], [True], [False]])),
    "nuclear": lambda x: np.linalg.norm(x, "nuc"), "spectral": lambda x: np.linalg.norm(x, 2),
    "smallest": lambda x: np.linalg.norm(x, -2), "cond": lambda x: np.linalg.cond(x),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_BATCHES)
def test_batches_keep_the_dtype(name):
    f = IN_BATCHES[name]
    x = np.random.default_rng(1).normal(size=(2, 3, 2)).astype(np.float32)
    found = hoad.vmap(f)(x)
    assert found.dtype == f(x[0]).dtype == np.float32
    np.testing.assert_allclose(found, [f(a) for a in x], rtol=2e-6)
    for y in hoad.vmap(lambda x: hoad.jvp(f, (x,), (x,)))(x):
        assert y.dtype == np.float32


def test_float64_constants_promote_inside_and_are_cast_back():
    x, a = np.ones(3, np.float32), np.arange(3.0)
    value, gradient = hoad.value_and_grad(lambda x: np.sum(x * a))(x)
    assert (value.dtype, gradient.dtype) == (np.float64, np.float32)
    np.testing.assert_array_equal(gradient, a)
    assert hoad.hvp(lambda x: np.sum(x**2 * a), x, x).dtype == np.float32
    b = np.ones(3)
    ga, gb = hoad.grad(lambda a, b: np.sum(a * b), (0, 1))(x, b)
    assert (ga.dtype, gb.dtype) == (np.float32, np.float64)


def test_accumulation_is_as_accurate_as_numpys_sum():
    x = np.full(100_000, 0.1, np.float32)
    value, gradient = hoad.value_and_grad(lambda w: np.sum(w * x))(np.float32(1))
    assert abs(float(gradient) - 1e4 * 1.0000000149) <= 8 * np.spacing(np.float32(1e4))
    assert value.dtype == gradient.dtype == np.float32


@pytest.mark.parametrize(
    ("x", "kind"), [(2.0, np.float64), (2, np.float64), (np.float32(2), np.float32), (np.float64(2), np.float64)]
)
def test_scalars_give_numpy_scalars(x, kind):
    for found in (
        hoad.grad(lambda x: x**3)(x),
        hoad.jvp(np.exp, (x,), (x,))[1],
        hoad.hvp(np.exp, x, 1.0),
        *hoad.taylor(np.exp, x, 1.0, 2),
        hoad.hessian(np.exp)(x),
        hoad.jacrev(np.exp)(x),
        hoad.partial(np.exp, x, 2),
        hoad.vhv(np.exp, x, 1.0),
        hoad.vjp(np.exp, x)[1](1.0)[0],
    ):
        assert type(found) is kind


def test_zero_dimensional_arrays():
    x = np.array(2.0)
    for found in (hoad.grad(lambda x: x**3)(x), hoad.hvp(lambda x: x**3, x, x) / 2, hoad.hessian(lambda x: x**3)(x)):
        assert np.shape(found) == ()
        assert float(found) == 12


@pytest.mark.parametrize("argument", [np.arange(3), np.array([True, False]), np.array([1], object), "abc", None])
def test_integers_and_others_are_refused(argument):
    for call in (
        lambda: hoad.grad(np.sum)(argument),
        lambda: hoad.jvp(np.sum, (argument,), (argument,)),
        lambda: hoad.taylor(np.sum, argument, argument, 1),
        lambda: hoad.hessian(np.sum)(argument),
        lambda: hoad.vjp(np.sum, argument),
    ):
        with pytest.raises(DTypeError, match="expected a real or complex floating dtype"):
            call()


LAYOUTS = {
    "strided": lambda x: np.repeat(x, 2, axis=0)[::2],
    "reversed": lambda x: x[::-1][::-1],
    "fortran": np.asfortranarray,
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "read-only": lambda x: _frozen(x.copy()),
    "broadcast": lambda x: np.broadcast_to(x[:1], x.shape),
}


def _frozen(x):
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_give_the_same_derivatives(layout):
    x = LAYOUTS[layout](np.random.default_rng(0).normal(size=(4, 3)))
    plain = np.array(x, order="C")

    def f(x):
        y = x.T @ np.sin(x)
        return np.sum(y**2) + np.sum(x.reshape(-1)[::2] * x.ravel()[1::2]) + np.prod(x[0]) + np.max(x, axis=0).sum()

    before = x.copy()
    for g in (
        hoad.grad(f),
        lambda x: hoad.hvp(f, x, x),
        lambda x: hoad.jvp(f, (x,), (x,))[1],
        lambda x: hoad.taylor(f, x, x, 2)[2],
        hoad.hessian(f),
    ):
        found = g(x)
        np.testing.assert_allclose(found, g(plain), rtol=1e-12, atol=1e-13)
        assert np.ndim(found) == 0 or found.flags.writeable
    np.testing.assert_array_equal(x, before)


REDUCTIONS = ["sum", "mean", "prod", "max", "min", "var", "std", "ptp", "nansum", "nanmean", "nanmax", "median"]
AXES = [None, 0, -1, 1, (0, 2), (-1, 0), (0, 1, 2)]


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_keep_shapes(name):
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    v = np.random.default_rng(1).normal(size=x.shape)
    for axis, keepdims in product(AXES, (False, True)):

        def f(x, axis=axis, keepdims=keepdims):
            return getattr(np, name)(x, axis=axis, keepdims=keepdims)

        y, t = hoad.jvp(f, (x,), (v,))
        assert np.shape(t) == np.shape(y) == np.shape(f(x))
        np.testing.assert_array_equal(y, f(x))
        u = np.random.default_rng(2).normal(size=np.shape(y))
        np.testing.assert_allclose(np.sum(hoad.vjp(f, x)[1](u)[0] * v), np.sum(u * t), rtol=1e-11)
        np.testing.assert_allclose(hoad.taylor(f, x, v, 1)[1], t, rtol=1e-11, atol=1e-13)
    for axis in ((0, 0), 3, (1, -2)):
        with pytest.raises(ValueError):
            getattr(np, name)(x, axis=axis)
        with pytest.raises(ValueError):
            hoad.grad(lambda x, axis=axis: np.sum(getattr(np, name)(x, axis=axis)))(x)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 2)])
def test_empty_arrays(shape):
    x = np.zeros(shape)
    n = (*shape, *shape)
    for f in (np.sum, np.prod, lambda x: np.sum(np.sin(x) ** 2), lambda x: np.sum(x.T @ x)):
        assert hoad.grad(f)(x).shape == shape
        assert hoad.hessian(f)(x).shape == n
        assert hoad.hvp(f, x, x).shape == shape
        assert hoad.taylor(f, x, x, 2)[2] == 0
        assert hoad.jvp(f, (x,), (x,))[1] == 0
    assert hoad.jacfwd(np.sin)(x).shape == hoad.jacrev(np.sin)(x).shape == n
    with pytest.raises(ValueError, match="zero-size array"):
        hoad.grad(np.max)(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert hoad.grad(np.mean)(x).shape == shape


@pytest.mark.parametrize("word", ["".join(w) for n in (1, 2) for w in product("FRT", repeat=n)])
def test_unused_argument_and_constant_output(word):
    for f in (
        lambda x: 3.0,
        lambda x: np.float32(2),
        lambda x: np.sum(np.floor(x)),
        lambda x: np.sum(np.zeros_like(x)),
        lambda x: hoad.stop_gradient(np.sum(x)),
    ):
        found = derivative(f, np.array([1.5, 2.5]), word, np.ones(2))
        assert found == 0
        assert np.shape(found) == ()
    a, b = hoad.grad(lambda a, b: np.sum(a), (0, 1))(np.ones(2, np.float32), np.ones((3, 1)))
    assert (a.shape, a.dtype, b.shape, b.dtype) == ((2,), np.float32, (3, 1), np.float64)
    np.testing.assert_array_equal(b, 0)
    assert OPERATORS.keys() == {"F", "R", "T"}


INDICES = [
    [0, 0, 1],
    (slice(None), [1, 1]),
    np.array([], int),
    (0, None),
    (..., -1),
    (None, slice(None, None, -2)),
    ([2, 0], [1, 1]),
    (slice(1, None), None, [0, 1]),
    (np.array([[0, 1], [2, 2]]),),
    ([0, 2], slice(None)),
    (np.array([True, False, True]),),
    -1,
    (-1, -1),
    (Ellipsis,),
    ([1], None, [0, 1]),
    np.array([[True, False], [False, False], [True, True]]),
    np.zeros((3, 2), bool),
    (slice(0, 0),),
    (np.int64(1),),
    True,
    (slice(None), np.array([False, True])),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing(index):
    x, v = np.arange(1.0, 7).reshape(3, 2), np.arange(6.0).reshape(3, 2) ** 2
    y, t = hoad.jvp(lambda x: x[index], (x,), (v,))
    np.testing.assert_array_equal(y, x[index])
    np.testing.assert_array_equal(t, v[index])
    u = np.random.default_rng(0).normal(size=np.shape(y))
    expected = np.zeros_like(x)
    np.add.at(expected, index, u)
    np.testing.assert_array_equal(hoad.vjp(lambda x: x[index], x)[1](u)[0], expected)
    for word in words(2):
        np.testing.assert_allclose(derivative(lambda x: np.sum(x[index] ** 2), x, word, v, 2), 2 * np.sum(v[index] ** 2))
    np.testing.assert_array_equal(hoad.vmap(lambda x: x[index])(np.stack([x, -x])), np.stack([x[index], -x[index]]))


def test_repeated_index_by_hand():
    np.testing.assert_array_equal(hoad.grad(lambda x: np.sum(x[[0, 0, 1]] ** 2))(np.array([1.0, 0.0, 5.0])), [4, 0, 0])


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_assignment(index):
    x = np.arange(1.0, 7).reshape(3, 2)
    w = np.random.default_rng(0).normal(size=np.shape(x[index]))

    def f(x):
        y = x**2
        y[index] = w * np.sum(x)
        z = np.zeros_like(x)
        np.add.at(z, index, x[index] * w)
        return np.sum(y * x) + np.sum(z**2 * x)

    value, gradient = hoad.value_and_grad(f)(x)
    assert value == f(x)
    h = 1e-30j  # the complex step needs complex buffers of its own

    def shifted(i):
        e = np.zeros(6, complex)
        e[i] = h
        return (f(x + e.reshape(3, 2)) / 1e-30).imag

    np.testing.assert_allclose(gradient.ravel(), [shifted(i) for i in range(6)], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("f", [np.add, np.arctan2, np.power, np.hypot, np.maximum], ids=lambda f: f.__name__)
def test_lists_beside_traced_values(f):
    x, other = np.array([1.5, 0.7]), [0.9, 2.0]
    array = np.array(other)
    for of_list, of_array in ((lambda x: f(x, other), lambda x: f(x, array)), (lambda x: f(other, x), lambda x: f(array, x))):
        np.testing.assert_array_equal(hoad.jacobian(of_list)(x), hoad.jacobian(of_array)(x))
        np.testing.assert_array_equal(hoad.taylor(of_list, x, x, 3), hoad.taylor(of_array, x, x, 3))


def test_products_of_truth_values_with_themselves_are_truth_values():
    x = np.array([True, False])
    for g in (hoad.compile(lambda x: x * x), hoad.compile(lambda x: x * x, backend="numpy"), hoad.vmap(lambda x: x * x)):
        found = g(x)
        assert found.dtype == bool
        np.testing.assert_array_equal(found, x)
