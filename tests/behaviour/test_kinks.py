"""Kinks, ties and singular points: one convention, the same in every mode and order."""

from __future__ import annotations

import numpy as np
import pytest

import hoad
from hoad.core.primitive import primitives

from .compositions import assert_derivative, derivative, words

NAN = np.nan


@pytest.mark.parametrize(
    ("f", "x", "derivatives"),
    [
        pytest.param(np.abs, 0.0, [0, 0, 0], id="abs"),
        pytest.param(lambda x: np.maximum(x, 1.0), 1.0, [0.5, 0], id="maximum(x, 1)"),
        pytest.param(lambda x: np.minimum(1.0, x), 1.0, [0.5, 0], id="minimum(1, x)"),
        pytest.param(lambda x: np.maximum(x, 0), 0.0, [0, 0], id="relu"),
        pytest.param(lambda x: np.maximum(x, 0) ** 2, 0.0, [0, 0, 0], id="relu squared"),
        pytest.param(lambda x: np.clip(x, 0.0, 1.0), 1.0, [1, 0], id="clip at the upper end"),
        pytest.param(lambda x: np.clip(x, 0.0, 1.0), 0.0, [1, 0], id="clip at the lower end"),
        pytest.param(lambda x: x**0.0, 0.0, [0, 0, 0], id="x**0.0"),
        pytest.param(lambda x: x**1, 0.0, [1, 0, 0], id="x**1"),
        pytest.param(lambda x: x**2, 0.0, [0, 2, 0, 0], id="x**2"),
        pytest.param(lambda x: x**2.0, 0.0, [0, 2, 0, 0], id="x**2.0"),
        pytest.param(lambda x: x**3.0, 0.0, [0, 0, 6, 0], id="x**3.0"),
        pytest.param(lambda x: np.power(x, 3.0), 0.0, [0, 0, 6, 0], id="power(x, 3.0)"),
        pytest.param(lambda x: np.sum(np.power(x, np.array([3.0]))), 0.0, [0, 0, 6, 0], id="x**array"),
        pytest.param(lambda x: np.power(x, 3.0), -2.0, [12, -12, 6, 0], id="power of a negative number"),
        pytest.param(lambda y: 0.0**y, 2.0, [0, 0, 0], id="0.0**y"),
        pytest.param(np.sinc, 0.0, [0, -(np.pi**2) / 3, 0, np.pi**4 / 5], id="sinc"),
        pytest.param(np.tanh, 800.0, [0, 0, 0], id="tanh far out"),
        pytest.param(lambda x: np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), x), -1.0, [1, 0], id="double where"),
        pytest.param(np.arctan, 0.0, [1, 0, -2, 0], id="arctan"),
    ],
)
def test_scalar_function(f, x, derivatives):
    for order, expected in enumerate(derivatives, 1):
        assert_derivative(f, x, order, expected, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_where_does_not_let_the_other_branch_in(order):
    with np.errstate(divide="ignore", invalid="ignore"):
        assert_derivative(lambda x: np.where(x < 1, x, np.sqrt(x)), 0.0, order, 1 if order == 1 else 0)
        assert_derivative(lambda x: np.sum(np.where(x < 1, x, np.log(x))), np.zeros(3), order, 3 if order == 1 else 0)


def test_where_elsewhere_does_not_hide_an_indeterminate_slope():
    """sqrt(x)² at 0 is 0 · inf: NaN by the chain rule; a where in another term must not turn it into a silent 0 (1 is right)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = hoad.grad(lambda x: np.sqrt(x) ** 2 + np.where(x > 1, x, 0.0))(0.0)
    assert np.isnan(found) or found == 1


@pytest.mark.parametrize("word", words(1))
def test_sqrt_at_zero_is_infinite_without_an_exception(word):
    with np.errstate(divide="ignore"):
        assert derivative(np.sqrt, 0.0, word, order=1) == np.inf


def test_norm_at_zero():
    """Gradient 0 (a subgradient); the second derivative does not exist and says so: NaN, never 0."""
    x = np.zeros(3)
    np.testing.assert_array_equal(hoad.grad(np.linalg.norm)(x), x)
    np.testing.assert_array_equal(hoad.jvp(np.linalg.norm, (x,), (np.ones(3),))[1], 0)
    with np.errstate(invalid="ignore"):
        for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
            assert np.isnan(hoad.hvp(np.linalg.norm, x, np.ones(3), mode=mode)).any()
            assert np.isnan(hoad.hvp(lambda x: np.linalg.norm(x) ** 2, x, np.ones(3), mode=mode)).any()
        assert np.isnan(hoad.vhv(np.linalg.norm, x, np.ones(3)))


def test_exponent_of_a_negative_base_is_nan():
    with np.errstate(invalid="ignore"):
        assert np.isnan(hoad.grad(lambda y: np.power(-2.0, y))(3.0))


def test_ties_of_max_share_equally_in_every_mode():
    x, v = np.ones(3), np.array([1.0, 2.0, 6.0])
    for f in (np.max, np.min, lambda x: np.sort(x)[::-1][:].max()):
        np.testing.assert_allclose(hoad.grad(f)(x), np.full(3, 1 / 3), rtol=1e-15)
        assert_derivative(f, x, 1, 3.0, v)
        assert_derivative(f, x, 2, 0.0, v)


def test_logsumexp_with_minus_infinity():
    from hoad.rules.special_functions.elementary import logsumexp

    x = np.array([-np.inf, 0.0])
    np.testing.assert_array_equal(hoad.grad(logsumexp)(x), [0, 1])
    np.testing.assert_array_equal(hoad.hessian(logsumexp)(x), np.zeros((2, 2)))
    empty = np.full(3, -np.inf)
    value, gradient = hoad.value_and_grad(logsumexp)(empty)
    assert value == -np.inf
    assert np.isfinite(gradient).all()
    value, gradient = hoad.value_and_grad(np.logaddexp, (0, 1))(-np.inf, -np.inf)
    assert value == -np.inf
    assert gradient == (0.5, 0.5)


def test_length_and_angle_at_the_origin():
    assert hoad.grad(np.hypot, (0, 1))(0.0, 0.0) == (0, 0)
    with np.errstate(invalid="ignore"):
        assert np.isnan(hoad.grad(np.arctan2, (0, 1))(0.0, 0.0)).all()


def test_xlogy_at_zero():
    from scipy.special import xlogy

    assert hoad.grad(xlogy, 1)(0.0, 0.0) == 0
    assert hoad.grad(xlogy, 1)(2.0, 4.0) == 0.5


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (np.log1p, 1e-20, 1.0),
        (np.expm1, 1e-20, 1.0),
        (np.arcsinh, -1e10, 1e-10),
        (np.tanh, -800.0, 0.0),
    ],
)
def test_full_relative_precision(f, x, expected):
    for word in words(1):
        np.testing.assert_allclose(derivative(f, x, word, order=1), expected, rtol=1e-15)
    for n in (0, 1, 2):
        assert hoad.taylor(f, x, 1.0, n)[0] == f(x)


def test_values_in_the_tails():
    from scipy.special import erfc, expit

    assert hoad.value_and_grad(erfc)(10.0)[0] == pytest.approx(2.0884875837625446e-45, rel=1e-13)
    assert hoad.value_and_grad(np.arcsinh)(-1e10)[0] == pytest.approx(-23.718998110500402, rel=1e-15)
    for x in (-800.0, 800.0):
        assert_derivative(expit, x, 1, 0.0)
        assert_derivative(expit, x, 2, 0.0)


@pytest.mark.parametrize(
    ("x", "hessian"),
    [
        ([0.0, 2.0, 3.0], [[0, 3, 2], [3, 0, 0], [2, 0, 0]]),
        ([0.0, 0.0, 3.0], [[0, 3, 0], [3, 0, 0], [0, 0, 0]]),
    ],
)
def test_product_with_zeros(x, hessian):
    x = np.array(x)
    for f in (np.prod, lambda x: np.cumprod(x)[-1], np.multiply.reduce):
        np.testing.assert_array_equal(hoad.hessian(f)(x), hessian)
        v = np.array([1.0, 2.0, -1.0])
        assert_derivative(f, x, 2, v @ np.array(hessian) @ v, v)
        assert_derivative(f, x, 3, 6 * np.prod(v), v)


def test_standard_deviation_of_constants():
    x = np.full(4, 2.5)
    np.testing.assert_array_equal(hoad.grad(np.std)(x), np.zeros(4))
    np.testing.assert_array_equal(hoad.jvp(np.std, (x,), (np.arange(4.0),))[1], 0)


@pytest.mark.parametrize("ddof", [0, 1])
def test_hessian_of_the_variance(ddof):
    n = 5
    x = np.random.default_rng(0).normal(size=n)
    expected = 2 / (n - ddof) * (np.eye(n) - 1 / n)
    np.testing.assert_allclose(hoad.hessian(lambda x: np.var(x, ddof=ddof))(x), expected, atol=1e-15)
    np.testing.assert_allclose(hoad.hessian(lambda x: np.std(x, ddof=ddof) ** 2)(x), expected, atol=1e-14)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, None])
@pytest.mark.parametrize("name", ["sort", "partition", "median"])
def test_sorting_takes_tangents_along(name, axis):
    rng = np.random.default_rng(2)
    x, v = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 4, 5))
    w = None

    def f(x):
        y = np.sort(x, axis) if name == "sort" else np.partition(x, 1, axis) if name == "partition" else np.median(x, axis)
        return y

    flat = (x.ravel(), v.ravel(), 0) if axis is None else (x, v, axis)
    order = np.argsort(flat[0], flat[2]) if name == "sort" else np.argpartition(flat[0], 1, flat[2])
    if name == "median":
        h = 1e-7  # exact: the median is linear near x
        expected = (f(x + h * v) - f(x - h * v)) / (2 * h)
        tolerance = 1e-6
    else:
        expected, tolerance = np.take_along_axis(flat[1], order, flat[2]), 0
    y, t = hoad.jvp(f, (x,), (v,))
    np.testing.assert_array_equal(y, f(x))
    np.testing.assert_allclose(t, expected, atol=tolerance)
    w = rng.normal(size=np.shape(y))
    gradient = hoad.vjp(f, x)[1](w)[0]
    np.testing.assert_allclose(np.sum(gradient * v), np.sum(w * t), rtol=1e-12)
    np.testing.assert_allclose(hoad.taylor(f, x, v, 2)[1], t)


def test_every_weight_is_a_partition_of_one():
    """At ties the weights of maximum, minimum, fmax, fmin add up to one."""
    assert {"maximum", "minimum", "fmax", "fmin"} <= set(primitives)
    for name in ("maximum", "minimum", "fmax", "fmin"):
        a, b = hoad.grad(getattr(np, name), (0, 1))(2.0, 2.0)
        assert (a, b) == (0.5, 0.5)


def _written(write):
    def f(x):
        y = np.sqrt(x)
        write(y, x)
        return np.sum(y * W)

    return f


W = np.array([1.0, -2.0, 0.5, 3.0])
LEFT_OUT = {
    "read at a mask": lambda x: np.log(x)[x > 0] @ W[2:], "compress": lambda x: np.compress(x > 0, np.sqrt(x)) @ W[2:],
    "extract": lambda x: np.extract(x > 0, np.sqrt(x)) @ W[2:], "read at places": lambda x: np.sqrt(x)[[2, 3, 3]] @ W[1:],
    "nonzero": lambda x: np.sum(np.sqrt(x)[np.nonzero(x > 0)]), "take": lambda x: np.take(np.sqrt(x), [3, 2]) @ W[2:],
    "delete": lambda x: np.delete(np.sqrt(x), [0, 1]) @ W[2:], "write at a mask": _written(lambda y, x: y.__setitem__(x <= 0, 0.0)),
    "write at places": _written(lambda y, x: y.__setitem__([0, 1], x[:2])),
    "write at a slice": _written(lambda y, x: y.__setitem__(slice(0, 2), 1.0)),
    "write elements": _written(lambda y, x: (y.__setitem__(0, 2.0), y.__setitem__(-3, x[0]))),
    "put": _written(lambda y, x: np.put(y, [0, 1], 1.0)), "putmask": _written(lambda y, x: np.putmask(y, x <= 0, x)),
    "copyto": _written(lambda y, x: np.copyto(y, 0.0, where=x <= 0)),
    "out and where": lambda x: np.sum(np.log(x, out=x**3, where=x > 0)),
    "piecewise": lambda x: np.sum(np.piecewise(x, [x > 0], [np.log, lambda x: x**2])),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_has_no_derivative(name):
    """Infinite slopes of elements that are overwritten, or not read."""
    f = LEFT_OUT[name]
    x, v = np.array([0.0, -1.0, 2.0, 0.5]), np.array([0.5, 1.0, -2.0, 3.0])
    with np.errstate(all="ignore"):
        gradient, hessian = hoad.jacfwd(f)(x), hoad.jacfwd(hoad.jacfwd(f))(x)
        assert np.isfinite(gradient).all()
        assert np.isfinite(hessian).all()
        np.testing.assert_allclose(hoad.grad(f)(x), gradient, rtol=1e-14)
        np.testing.assert_allclose(hoad.taylor(f, x, v, 2)[2] * 2, v @ hessian @ v, rtol=1e-13)
        for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
            np.testing.assert_allclose(hoad.hvp(f, x, v, mode=mode), hessian @ v, rtol=1e-13, err_msg=mode)
        np.testing.assert_allclose(hoad.compile(hoad.grad(f), backend="numpy")(x), gradient, rtol=1e-14)


def test_a_zero_by_chance_still_meets_an_infinite_slope():
    with np.errstate(all="ignore"):
        assert np.isnan(hoad.grad(lambda x: np.sum(np.sqrt(x)[[0, 1]] * np.array([0.0, 1.0])))(np.array([0.0, 1.0])))[0]
        assert np.isnan(hoad.grad(lambda x: np.sum((np.sqrt(x)[x >= 0]) ** 2))(np.array([0.0, 1.0])))[0]
