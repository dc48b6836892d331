"""At kinks, signed zeros, infinities and NaN: the modes agree with each other, NaN stays, and the documented values hold."""

import numpy as np
import pytest

import hoad

from .harness import SMOOTH, over, silent

INF, NAN = np.inf, np.nan
EDGES = np.array([0.0, -0.0, 1.0, -1.0, 0.5, INF, -INF, NAN, 1e-300, 1e300])


def _unary(case):
    return case.elementwise and len(case.args) == 1 and not case.label and not case.extra


@over(SMOOTH, _unary)
def test_modes_agree_at_edges(case):
    one = np.ones_like(EDGES)
    with silent():
        y, t = hoad.jvp(case, (EDGES,), (one,))
        (g,) = hoad.vjp(case, EDGES)[1](one)
        c = hoad.taylor(case, EDGES, one, 1)
        native = case(EDGES)
    np.testing.assert_array_equal(y, native)
    np.testing.assert_array_equal(g, t)
    np.testing.assert_array_equal(c[1], t)


@over(SMOOTH, _unary)
def test_nan_stays_nan(case):
    x = np.array([NAN])
    with silent():
        y, t = hoad.jvp(case, (x,), (np.ones(1),))
    assert np.isnan(t).all() == np.isnan(y).all() or case.name in WITHOUT_NAN


# They answer NaN with a number, so that their derivative is one too.
WITHOUT_NAN = {"numpy.nan_to_num", "numpy.frexp"}

# (function, arguments, derivative with respect to each): the table of kinks and singular points in the docs.
DOCUMENTED = [
    ("abs at 0", np.abs, (0.0,), (0.0,)),
    ("sqrt at 0", np.sqrt, (0.0,), (INF,)),
    ("maximum of equals", np.maximum, (1.0, 1.0), (0.5, 0.5)),
    ("minimum of equals", np.minimum, (1.0, 1.0), (0.5, 0.5)),
    ("relu at 0", lambda x: np.maximum(x, 0), (0.0,), (0.0,)),
    ("clip at its end", lambda x: np.clip(x, 0, 1), (1.0,), (1.0,)),
    ("clip outside", lambda x: np.clip(x, 0, 1), (1.5,), (0.0,)),
    ("x**0 at 0", lambda x: x**0, (0.0,), (0.0,)),
    ("x**0.0 at 0", lambda x: np.power(x, 0.0), (0.0,), (0.0,)),
    ("x**1 at 0", lambda x: x**1, (0.0,), (1.0,)),
    ("x**2 at 0", lambda x: x**2, (0.0,), (0.0,)),
    ("x**3 at negative", lambda x: x**3.0, (-2.0,), (12.0,)),
    ("0**y", lambda y: 0.0**y, (2.0,), (0.0,)),
    ("hypot at 0", np.hypot, (0.0, 0.0), (0.0, 0.0)),
    ("arctan2 at 0", np.arctan2, (0.0, 0.0), (NAN, NAN)),
    ("norm at 0", lambda x: np.linalg.norm(x * np.ones(3)), (0.0,), (0.0,)),
    ("std of equals", lambda x: np.std(x * np.ones(3)), (2.0,), (0.0,)),
    ("max of equals", lambda x: np.max(x * np.array([1.0, 1.0, 0.5])), (1.0,), (1.0,)),
    ("sign", np.sign, (0.0,), (0.0,)),
    ("floor", np.floor, (1.5,), (0.0,)),
    ("logaddexp(-inf, -inf)", np.logaddexp, (-INF, -INF), (0.5, 0.5)),
    ("logaddexp(-inf, 0)", np.logaddexp, (-INF, 0.0), (0.0, 1.0)),
    ("masked branch", lambda x: np.where(x < 1, x, np.sqrt(x)), (0.0,), (1.0,)),
    ("masked branch, infinite", lambda x: np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), x), (0.0,), (1.0,)),
    ("tanh far out", np.tanh, (800.0,), (0.0,)),
    ("arcsinh far out", np.arcsinh, (-1e10,), (1e-10,)),
    ("expm1 near 0", np.expm1, (1e-20,), (1.0,)),
]


@pytest.mark.parametrize(("f", "xs", "expected"), [row[1:] for row in DOCUMENTED], ids=[row[0] for row in DOCUMENTED])
def test_documented_values(f, xs, expected):
    with silent():
        reverse = hoad.grad(f, tuple(range(len(xs))))(*xs)
        for i, value in enumerate(expected):
            direction = tuple(float(i == k) for k in range(len(xs)))
            forward = hoad.jvp(f, xs, direction)[1]
            series = hoad.jet(f, xs, tuple([d] for d in direction))[1][0]
            if np.isnan(value):
                assert np.isnan([forward, reverse[i], series]).all()
            else:
                np.testing.assert_allclose([forward, reverse[i], series], value, rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    ("f", "at", "order", "expected"),
    [
        (lambda x: x**2, 0.0, 2, 2.0),
        (lambda x: x**2.0, 0.0, 2, 2.0),
        (lambda x: np.power(x, np.array(3.0)), 0.0, 3, 6.0),
        (lambda x: np.power(x, np.array(3.0)), 0.0, 4, 0.0),
        (lambda x: x**3.0, -2.0, 2, -12.0),
        (np.abs, 0.0, 2, 0.0),
        (np.tanh, 800.0, 2, 0.0),
        (lambda y: 0.0**y, 2.0, 2, 0.0),
    ],
    ids=["x**2", "x**2.0", "x**3. third", "x**3. fourth", "(-2)**3", "abs", "tanh", "0**y"],
)
def test_documented_higher_derivatives(f, at, order, expected):
    g = f
    for _ in range(order):
        g = hoad.grad(g)
    h = f
    for _ in range(order):
        h = (lambda inner: lambda x: hoad.jvp(inner, (x,), (1.0,))[1])(h)
    with silent():
        found = [g(at), h(at), hoad.taylor(f, at, 1.0, order)[order] * float(np.prod(np.arange(1, order + 1)))]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
