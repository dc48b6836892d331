"""Shortcuts for plain arrays (masks for weights, quotients for products) give what the general rules give."""

import numpy as np
import pytest

import hoad
from hoad.core.primitive import primitives

RNG = np.random.default_rng(11)
A, B = RNG.normal(size=(4, 5)), RNG.normal(size=(4, 5))
TIED = np.where(RNG.uniform(size=(4, 5)) < 0.4, A, B)
WITH_NAN = np.where(RNG.uniform(size=(4, 5)) < 0.3, np.nan, B)
SEED = RNG.normal(size=(4, 5))


def gradients(f, *xs):
    """By reverse mode alone, and with every value traced once more, where no shortcut is taken."""
    argnums = tuple(range(len(xs)))
    loss = lambda *xs: np.sum(SEED * f(*xs))
    plain = hoad.grad(loss, argnums)(*xs)
    traced = hoad.jvp(lambda s: hoad.grad(loss, argnums)(*[x + s * 0.0 for x in xs]), (1.0,), (1.0,))[0]
    forward = [
        np.reshape([hoad.jvp(loss, xs, [e if k == i else np.zeros_like(x) for k in argnums])[1] for e in units(x)], x.shape)
        for i, x in enumerate(xs)
    ]
    return plain, traced, forward


def units(x):
    return np.eye(x.size).reshape(-1, *x.shape)


@pytest.mark.parametrize("function", [np.maximum, np.minimum, np.fmax, np.fmin], ids=lambda f: f.__name__)
@pytest.mark.parametrize("b", [B, TIED, WITH_NAN], ids=["distinct", "tied", "nan"])
def test_pairs(function, b):
    plain, traced, forward = gradients(function, A, b)
    for p, t, f in zip(plain, traced, forward, strict=True):
        np.testing.assert_array_equal(p, t)
        np.testing.assert_allclose(p, f, rtol=1e-13, atol=1e-15)
    only_second = hoad.grad(lambda b: np.sum(SEED * function(A, b)))(b)
    np.testing.assert_array_equal(only_second, plain[1])
    share = 0.5 * SEED[b == A]
    np.testing.assert_array_equal(plain[0][b == A], share)
    np.testing.assert_array_equal(plain[1][b == A], share)


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("x", [A, np.round(A), WITH_NAN], ids=["distinct", "tied", "nan"])
@pytest.mark.parametrize("function", [np.max, np.min], ids=["max", "min"])
def test_extrema(function, x, axis, keepdims):
    plain, traced, forward = gradients(lambda x: function(x, axis=axis, keepdims=True if axis != 1 else keepdims).sum() * 0.3, x)
    np.testing.assert_array_equal(plain[0], traced[0])
    np.testing.assert_allclose(plain[0], forward[0], rtol=1e-12)
    if not np.isnan(x).any():
        chosen = x == function(x, axis=axis, keepdims=True)
        share = chosen / chosen.sum(axis=axis, keepdims=True)
        np.testing.assert_allclose(plain[0], 0.3 * SEED.sum() * share, rtol=1e-12)


def test_clip_between_arrays_that_cross():
    low, high = np.full((4, 5), -0.5), np.where(RNG.uniform(size=(4, 5)) < 0.3, -0.7, 0.5)
    x = A.copy()
    x[0, 0], x[1, 1] = low[0, 0], high[1, 1]
    plain, traced, forward = gradients(np.clip, x, low, high)
    alone = hoad.grad(lambda x: np.sum(SEED * np.clip(x, low, high)))(x)
    np.testing.assert_array_equal(alone, plain[0])
    for p, t, f in zip(plain, traced, forward, strict=True):
        np.testing.assert_array_equal(p, t)
        np.testing.assert_allclose(p, f, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("cotangent", [np.inf, -np.inf, np.nan])
def test_what_is_not_chosen_stays_zero(cotangent):
    for n in (3, 5000):
        x, other = np.linspace(0.0, 1.0, n), np.full(n, 0.6)
        g = hoad.vjp(lambda x: np.maximum(x, other), x)[1](np.full(n, cotangent))[0]  # noqa: B023
        np.testing.assert_array_equal(g[x < 0.6], 0.0)
        np.testing.assert_array_equal(g[x > 0.6], cotangent)


@pytest.mark.parametrize(
    "x",
    [
        A, np.where(A < 0, 0.0, A), 1e-160 * A, 1e160 * A, np.where(A < 0, np.inf, A), A.astype(np.float32), A[:, :1], A[:0],
        1e-20 * A.astype(np.float32),
    ],
    ids=["regular", "zeros", "underflow", "overflow", "inf", "float32", "single", "empty", "float32 underflow"],
)  # fmt: skip
@pytest.mark.parametrize("axis", [0, 1])
def test_running_product(x, axis):
    """Beside the sums of products without one factor, in long doubles, which neither overflow nor underflow here."""
    seed = SEED[: x.shape[0], : x.shape[1]].astype(x.dtype)
    rows, weights = (np.moveaxis(a, axis, -1).astype(np.longdouble) for a in (x, seed))
    expected = np.zeros(rows.shape, np.longdouble)
    with np.errstate(all="ignore"):
        for i in range(rows.shape[-1]):
            without = rows.copy()
            without[:, i] = 1
            expected[:, i] = np.sum((weights * np.cumprod(without, axis=-1))[:, i:], axis=-1)
        expected = np.moveaxis(expected, -1, axis).astype(x.dtype)
        found = hoad.grad(lambda x: np.sum(seed * np.cumprod(x, axis=axis)))(x)
    assert found.dtype == x.dtype
    known = np.isfinite(expected)
    assert not np.isfinite(found[~known]).any()
    double = x.dtype == np.float64
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-12 if double else 2e-5, atol=1e-300 if double else 1e-40)


def test_running_product_of_higher_order():
    x = np.array([0.7, -1.3, 2.1, 0.4])
    loss = lambda x: np.sum(np.cumprod(x) ** 2)
    direct = lambda x: x[0] ** 2 * (1 + x[1] ** 2 * (1 + x[2] ** 2 * (1 + x[3] ** 2)))
    for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
        np.testing.assert_allclose(hoad.hvp(loss, x, np.ones(4), mode=mode), hoad.hvp(direct, x, np.ones(4), mode=mode), rtol=1e-13)


@pytest.mark.parametrize(
    "x", [np.array([3.0, 4.0]), np.array([3e-40, 4e-40]), np.array([3e-150, 4e-150]), np.array([3e100, 4e100])]
)
@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e150, 0.0, -2.0])
def test_norm_far_from_one(x, scale):
    g = hoad.vjp(np.linalg.norm, x)[1](np.float64(scale))[0]
    np.testing.assert_allclose(g, scale * np.array([0.6, 0.8]), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_variance(dtype, ddof, axis):
    x = A.astype(dtype)
    n = x.size if axis is None else x.shape[axis]
    w = np.asarray(RNG.normal(size=np.shape(np.var(x, axis=axis))), dtype)
    found = hoad.grad(lambda x: np.sum(w * np.var(x, axis=axis, ddof=ddof)))(x)
    full = w if axis is None else np.expand_dims(w, axis)
    assert found.dtype == dtype
    tolerance = 1e-14 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(
        found, 2 * full * (x - x.mean(axis=axis, keepdims=True)) / (n - ddof), rtol=tolerance, atol=tolerance
    )
    hessian = hoad.hessian(lambda x: np.var(x, ddof=ddof))(A[0])
    np.testing.assert_allclose(hessian, 2 * (np.eye(5) - 0.2) / (5 - ddof), atol=1e-15)
    assert hoad.jvp(lambda x: np.var(x, ddof=ddof), (A[0],), (np.full(5, 1e9),))[1] == 0.0  # a shift


@pytest.mark.parametrize("x", [A[0], np.array([1.0, 2.0, 2.0, 2.0, 3.0]), np.array([2.0, 2.0, 1.0, 2.0]), np.round(A)], ids=str)
@pytest.mark.parametrize("axis", [None, -1])
def test_median_takes_the_first_of_equal_elements(x, axis):
    order = np.argsort(x, axis=axis, kind="stable")
    n = x.size if axis is None else x.shape[-1]
    middle = [n // 2] if n % 2 else [n // 2 - 1, n // 2]
    expected = np.zeros(x.shape)
    places = np.take(order.reshape(-1, n), middle, axis=1)
    np.put_along_axis(expected.reshape(-1, n), places, 1 / len(middle), axis=1)
    np.testing.assert_array_equal(hoad.grad(lambda x: np.sum(np.median(x, axis=axis)))(x), expected)


@pytest.mark.parametrize("product", [np.vdot, np.dot, np.vecdot, np.inner], ids=lambda f: f.__name__)
def test_gradient_of_a_product_is_an_array_of_its_own(product):
    w, x = RNG.normal(size=3000), RNG.normal(size=3000)
    before = w.copy()
    for found in (
        hoad.grad(lambda x: product(w, x))(x), hoad.vjp(lambda x: product(w, x), x)[1](np.float64(1.0))[0],
        hoad.jacrev(lambda x: product(w, x))(x), *hoad.grad(product, (0, 1))(w, x),
        hoad.linearize(lambda x: product(w, x), x)[1](x),
    ):  # fmt: skip
        found *= 0.0
    np.testing.assert_array_equal(w, before)
    np.testing.assert_allclose(hoad.grad(lambda x: product(x, x) + product(w, x))(x), 2 * x + w, rtol=1e-13)


def test_shortcuts_are_taken(monkeypatch):
    """The weights of the general rules are not computed where masks do."""

    def refuse(*args, **kw):
        raise AssertionError("general weights")

    for name in ("maximum", "minimum", "fmax", "fmin", "clip", "max", "min"):
        reverse = primitives[name].reverse
        cells = dict(zip(reverse.__code__.co_freevars, reverse.__closure__, strict=True))
        inner = cells["weights_for"].cell_contents
        weights = dict(zip(inner.__code__.co_freevars, inner.__closure__, strict=True))["weights"]
        monkeypatch.setattr(weights, "cell_contents", refuse)
    x = A.ravel()
    for f in (np.maximum, np.minimum, np.fmax, np.fmin):
        hoad.grad(lambda x, f=f: np.sum(f(x, B.ravel())))(x)
        with pytest.raises(AssertionError, match="general weights"):
            hoad.grad(lambda x, f=f: np.sum(f(x, TIED.ravel())))(x)
    hoad.grad(lambda x: np.sum(np.clip(x, -0.5, 0.5)))(x)
    hoad.grad(np.max)(x)
    hoad.grad(np.min)(x)
