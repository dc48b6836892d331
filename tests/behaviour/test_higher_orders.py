"""Orders beyond two: known series, agreement of all compositions, symmetry, Laplacians."""

from __future__ import annotations

from itertools import permutations, product
from math import factorial

import numpy as np
import pytest

import hoad

from .compositions import derivative, words

mpmath = pytest.importorskip("mpmath")

SERIES = {
    "1/x": (lambda x: 1 / x, lambda x: 1 / x, 0.8),
    "exp": (np.exp, mpmath.exp, 0.4),
    "log": (np.log, mpmath.log, 1.7),
    "tan": (np.tan, mpmath.tan, 0.6),
    "x^a": (lambda x: x**2.7, lambda x: x ** mpmath.mpf(2.7), 1.3),
    "sqrt": (np.sqrt, mpmath.sqrt, 2.3),
    "sin cos": (lambda x: np.sin(x) * np.cos(x), lambda x: mpmath.sin(x) * mpmath.cos(x), 0.3),
    "tanh": (np.tanh, mpmath.tanh, 0.5),
    "arctan": (np.arctan, mpmath.atan, 0.7),
    "log1p(exp)": (lambda x: np.log1p(np.exp(x)), lambda x: mpmath.log1p(mpmath.exp(x)), 0.2),
}


@pytest.mark.parametrize("order", [10, 20, 30])
@pytest.mark.parametrize("name", SERIES)
def test_taylor_coefficients_of_high_order(name, order):
    f, exact, x = SERIES[name]
    with mpmath.workdps(60):
        expected = [float(c) for c in mpmath.taylor(exact, mpmath.mpf(x), order)]
    found = hoad.taylor(f, x, 1.0, order)
    scale = np.maximum.accumulate(np.abs(expected[::-1]))[::-1]  # zero crossings are measured against what follows
    assert np.max(np.abs(np.array(found) - expected) / scale) < 1e-12


def test_order_two_hundred_does_not_overflow():
    """n! overflows at 171; coefficients are not scaled by it."""
    c = hoad.taylor(np.exp, 0.0, 1.0, 200)
    assert all(np.isfinite(c))
    assert c[170] == pytest.approx(float(1 / mpmath.factorial(170)), rel=1e-12)
    c = hoad.taylor(lambda x: 1 / (1 - x), 0.0, 1.0, 200)
    np.testing.assert_array_equal(c, np.ones(201))


VECTOR_FUNCTIONS = {
    "products": lambda x: np.prod(x) * np.sin(x[0] * x[1]),
    "matrix": lambda x: np.sum(np.tanh(np.outer(x, x)) @ x),
    "norm": lambda x: np.linalg.norm(x) ** 3,
    "indexing": lambda x: np.sum(x[[0, 0, 2]] ** 3 * x[::-1]),
    "quotient": lambda x: x[0] / (1 + np.exp(x[1] * x[2])),
    "max": lambda x: np.max(x) ** 4 + np.sort(x)[0] ** 3,
    "power": lambda x: np.sum(x ** x[::-1]),
    "logsumexp": lambda x: np.logaddexp(np.logaddexp(x[0] * 2, x[1] * 2), x[2] * 2),
    "einsum": lambda x: np.einsum("i,j,k,ijk->", x, x, x, np.arange(27.0).reshape(3, 3, 3)),
    "cumulative": lambda x: np.sum(np.cumsum(np.exp(x)) * np.cumprod(x)),
}
X, V = np.array([0.7, 1.3, 0.4]), np.array([0.5, -1.0, 0.8])


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", VECTOR_FUNCTIONS)
def test_all_compositions_agree(name, order):
    f = VECTOR_FUNCTIONS[name]
    found = {w: derivative(f, X, w, V, order) for w in words(order, "FRT")}
    np.testing.assert_allclose(list(found.values()), found["taylor"], rtol=1e-10, atol=1e-12, err_msg=str(found))
    h = 1e-4
    lower = [derivative(f, X + s * h * V, "F" * (order - 1), V) if order > 1 else f(X + s * h * V) for s in (1, -1)]
    assert found["taylor"] == pytest.approx((lower[0] - lower[1]) / (2 * h), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", VECTOR_FUNCTIONS)
def test_order_four_and_five(name):
    f = VECTOR_FUNCTIONS[name]
    for word in ("FFFF", "RRRR", "FRFR", "RFFR"):
        assert derivative(f, X, word, V) == pytest.approx(derivative(f, X, "taylor", V, 4), rel=1e-9, abs=1e-10)
    assert derivative(f, X, "FFFFF", V) == pytest.approx(derivative(f, X, "taylor", V, 5), rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("name", VECTOR_FUNCTIONS)
def test_third_derivative_tensor(name):
    """Exactly symmetric; equal to mixed partials; polarisation recovers it from directional derivatives."""
    f = VECTOR_FUNCTIONS[name]
    t = hoad.derivative_tensor(f, 3)(X)
    assert t.shape == (3, 3, 3)
    for p in permutations(range(3)):
        np.testing.assert_array_equal(t, np.transpose(t, p))
    for i, j, k in [(0, 0, 0), (0, 1, 2), (1, 1, 2)]:
        alpha = [(i, j, k).count(n) for n in range(3)]
        assert t[i, j, k] == pytest.approx(hoad.partial(f, X, alpha), rel=1e-10, abs=1e-11)
    np.testing.assert_allclose(t, hoad.jacrev(hoad.hessian(f))(X), rtol=1e-10, atol=1e-11)
    a, b, c = np.random.default_rng(0).normal(size=(3, 3))

    def d3(v):
        return derivative(f, X, "taylor", v, 3)

    polar = sum(s1 * s2 * d3(a + s1 * b + s2 * c) for s1, s2 in product((1, -1), repeat=2)) / 24
    assert np.einsum("ijk,i,j,k", t, a, b, c) == pytest.approx(polar, rel=1e-8, abs=1e-8)
    stored = hoad.derivative_tensor(f, 3, storage="symmetric")(X)
    assert len(stored) == 10
    assert all(stored[k] == t[k] for k in stored)


def laplacian(f, d):
    return lambda x: sum(hoad.partial(f, x, 2 * np.eye(d, dtype=int)[i]) for i in range(d))


def test_laplacians_with_known_answers():
    x = np.array([0.3, -0.8, 1.1])
    assert laplacian(lambda x: np.sum(x**2), 3)(x) == pytest.approx(6, rel=1e-15)
    assert laplacian(lambda x: 1 / np.linalg.norm(x), 3)(x) == pytest.approx(0, abs=1e-14)
    assert np.trace(hoad.hessian(lambda x: 1 / np.linalg.norm(x))(x)) == pytest.approx(0, abs=1e-14)
    y = x[:2]
    assert laplacian(laplacian(lambda y: np.sum(y**2) * np.log(np.linalg.norm(y)), 2), 2)(y) == pytest.approx(0, abs=1e-11)
    f = VECTOR_FUNCTIONS["matrix"]
    assert laplacian(f, 3)(X) == pytest.approx(np.trace(hoad.hessian(f)(X)), rel=1e-11)
    assert laplacian(f, 3)(X) == pytest.approx(sum(hoad.vhv(f, X, e) for e in np.eye(3)), rel=1e-11)


def test_symmetry_of_every_hessian():
    for f in VECTOR_FUNCTIONS.values():
        h = hoad.hessian(f)(X)
        np.testing.assert_allclose(h, h.T, rtol=1e-12, atol=1e-13)
        for column, e in zip(h.T, np.eye(3), strict=True):
            np.testing.assert_allclose(hoad.hvp(f, X, e), column, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(hoad.jacfwd(hoad.grad(f))(X), h, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(hoad.jacrev(hoad.jacfwd(f))(X), h, rtol=1e-11, atol=1e-12)


def test_jets_along_a_curve():
    """f(x(t)) with x(t) = x0 + c1 t + c2 t² + c3 t³, against the composition differentiated in t."""
    x0, c = X, [V, X * 0.3, V**2]

    def curve(t):
        return x0 + c[0] * t + c[1] * t**2 + c[2] * t**3

    for f in VECTOR_FUNCTIONS.values():
        y, found = hoad.jet(f, (x0,), (c,))
        assert y == f(x0)
        for n in (1, 2, 3):
            expected = derivative(lambda t, f=f: f(curve(t)), 0.0, "F" * n) / factorial(n)
            assert found[n - 1] == pytest.approx(expected, rel=1e-10, abs=1e-11)


def test_a_power_whose_exponent_is_zero_depends_on_the_exponent():
    """∂²/∂x∂p x^p = x^(p-1) (1 + p log x), which is 1/x at p = 0."""
    f = lambda v: v[0] ** v[1]
    np.testing.assert_allclose(hoad.hessian(f)(np.array([2.0, 0.0])), [[0.0, 0.5], [0.5, np.log(2) ** 2]], rtol=1e-14)
    assert hoad.grad(lambda p: hoad.grad(lambda x: x**p)(2.0))(0.0) == 0.5
    assert hoad.taylor(f, np.array([2.0, 0.0]), np.array([1.0, 1.0]), 2)[2] == pytest.approx(0.5 + np.log(2) ** 2 / 2, rel=1e-14)
