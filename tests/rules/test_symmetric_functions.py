"""Functions of symmetric matrices: divided differences and derivatives against mpmath, at equal and nearly equal eigenvalues."""

from collections import Counter
from functools import partial
from itertools import product
from math import factorial

import mpmath as mp
import numpy as np
import pytest

import hoad
from hoad.errors import DTypeError, ShapeError
from hoad.rules.linear_algebra import divided_differences
from hoad.rules.linear_algebra.symmetric_functions import (
    expm_symmetric,
    funm_symmetric,
    inverse_sqrtm_symmetric,
    logm_symmetric,
    sqrtm_symmetric,
)
from hoad.testing import check_batching, check_series, check_transpose

from ..backends.guarded import BACKEND, Guarded


def _power(p):
    return lambda k, x: mp.ff(p, k) * x ** (p - k)


SCALAR = {
    "log": lambda k, x: mp.log(x) if k == 0 else -((-1) ** k) * mp.factorial(k - 1) / x**k,
    "exp": lambda k, x: mp.exp(x),
    "sqrt": _power(mp.mpf(1) / 2),
    "inverse-sqrt": _power(-mp.mpf(1) / 2),
    "sin": lambda k, x: mp.sin(x + k * mp.pi / 2),
}


def _cube(k, x):
    return [x**3, 3 * x**2, 6 * x, 6 + 0 * x][k] if k < 4 else 0 * x


def _sine(k, x):
    return np.sin(x + k * np.pi / 2)


MATRIX = {
    "log": logm_symmetric,
    "exp": expm_symmetric,
    "sqrt": sqrtm_symmetric,
    "inverse-sqrt": inverse_sqrtm_symmetric,
    "sin": partial(funm_symmetric, derivatives=_sine),
}
DIFFERENCE = {
    "log": divided_differences.log,
    "exp": divided_differences.exp,
    "sqrt": divided_differences.sqrt,
    "inverse-sqrt": divided_differences.inverse_sqrt,
    "sin": divided_differences.of_derivatives(_sine),
}
SPECTRA = {
    "identity": (1.0, 1.0, 1.0),
    "two equal": (0.5, 2.0, 2.0),
    "distinct": (0.3, 1.1, 2.5),
    "far apart": (0.01, 1.0, 30.0),
    **{f"gap 1e-{k}": (0.8, 0.8 + 10.0**-k, 1.7) for k in (1, 2, 4, 6, 8, 10, 12, 14, 15)},
    "three close": (1.2, 1.2 + 1e-9, 1.2 + 3e-5),
}
over_functions = pytest.mark.parametrize("name", MATRIX)
over_spectra = pytest.mark.parametrize("spectrum", SPECTRA)


def matrix(values, seed=0):
    """A symmetric matrix with these eigenvalues, up to rounding."""
    values = np.array(values)
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values),) * 2))
    a = (q * values) @ q.T
    return np.eye(len(values)) * values[0] if np.ptp(values) == 0 else (a + a.T) / 2


def directions(count, n=3, seed=1):
    return np.random.default_rng(seed).uniform(-1, 1, (count, n, n))


def symmetric(x):
    return (x + x.swapaxes(-1, -2)) / 2


# -- mpmath -------------------------------------------------------------------------------------------------------------------


def exact_difference(f, x):
    if x[0] == x[-1]:
        return f(len(x) - 1, x[0]) / mp.factorial(len(x) - 1)
    return (exact_difference(f, x[1:]) - exact_difference(f, x[:-1])) / (x[-1] - x[0])


def exact_function(name, a):
    w, q = mp.eigsy(a)
    return q * mp.diag([SCALAR[name](0, v) for v in w]) * q.T


def exact_derivative(name, a, es):
    """D^k f(A)[E_1..E_k] by central differences of step 1e-25 in 180 digits."""
    with mp.workdps(180):
        h = mp.mpf(10) ** -25
        total, es = mp.zeros(len(a)), list(es)
        different = list({id(e): e for e in es}.values())
        exact = [mp.matrix(e.tolist()) for e in different]
        weights: Counter[tuple[int, ...]] = Counter()  # of the points, which are few where directions repeat
        for signs in product((1, -1), repeat=len(es)):
            steps = tuple(sum(s for s, e in zip(signs, es, strict=True) if e is d) for d in different)
            weights[steps] += int(np.prod(signs))
        for steps, weight in weights.items():
            at = mp.matrix(a.tolist())
            for s, e in zip(steps, exact, strict=True):
                at += s * h * e
            total += weight * exact_function(name, at)
        return np.array((total / (2 * h) ** len(es)).tolist(), float)


def close(found, expected, tolerance):
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


# -- divided differences --------------------------------------------------------------------------------------------------------


def _nodes(kind, count, rng):
    x = rng.uniform(0.1, 3, count)
    if kind == "clustered":
        x = x[0] + 10.0 ** rng.uniform(-16, -1, count) * rng.uniform(0, 1, count)
    if kind == "confluent":
        x = x[rng.integers(0, 2, count)]
    if kind == "two clusters":
        x = x[rng.integers(0, 2, count)] * (1 + 10.0 ** rng.uniform(-16, 0, count) * rng.integers(0, 2, count))
    if kind == "far apart":
        x = 10.0 ** rng.uniform(-3, 1.5, count)
    return np.sort(x)


def _size_of_parts(x):
    """What a difference of sin is made of: two differences over their distance, or the mean of a derivative."""
    mean = 1 / factorial(len(x) - 1)
    return mean if x[0] == x[-1] else min(mean, (_size_of_parts(x[1:]) + _size_of_parts(x[:-1])) / (x[-1] - x[0]))


@over_functions
@pytest.mark.parametrize("kind", ["random", "clustered", "confluent", "two clusters", "far apart"])
@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_divided_differences(name, kind, order):
    rng = np.random.default_rng(order)
    rows = np.array([_nodes(kind, order + 1, rng) for _ in range(12)])
    with mp.workdps(200):
        expected = np.array([float(exact_difference(SCALAR[name], [mp.mpf(float(v)) for v in row])) for row in rows])
    found = DIFFERENCE[name](list(rows.T))
    scale = np.abs(expected)
    if name == "sin":  # the others have differences of one sign; this one's vanish somewhere
        scale = np.maximum(scale, [_size_of_parts(row) for row in rows])
    assert (np.abs(found - expected) <= 2e-14 * scale).all()


def test_divided_differences_do_not_depend_on_the_units():
    x = [np.array([v]) for v in (1.0, 1.5, 1.5 + 1e-12, 40.0)]
    for name, power in (("log", 0.0), ("sqrt", 0.5), ("inverse-sqrt", -0.5)):
        f = DIFFERENCE[name]
        for unit in (1e-60, 1e60):
            np.testing.assert_allclose(f([unit * v for v in x]) * unit ** (3 - power), f(x), rtol=1e-13)


# -- derivatives of matrix functions --------------------------------------------------------------------------------------------


@over_functions
@over_spectra
def test_value(name, spectrum):
    a = matrix(SPECTRA[spectrum])
    y = MATRIX[name](a)
    close(y, exact_derivative(name, a, []), 2e-14)
    assert np.array_equal(y, y.T)


@over_functions
@over_spectra
def test_derivatives_along_different_directions(name, spectrum):
    a, es = matrix(SPECTRA[spectrum]), directions(3)
    f = MATRIX[name]
    g = f
    for k in range(3):
        g = (lambda inner, e: lambda x: hoad.jvp(inner, (x,), (e,))[1])(g, es[k])
        close(g(a), exact_derivative(name, a, symmetric(es[: k + 1])), 1e-12)


@over_functions
@over_spectra
def test_taylor_to_order_five(name, spectrum):
    a, (e,) = matrix(SPECTRA[spectrum]), directions(1)
    found = hoad.taylor(MATRIX[name], a, e, 5)
    for n in range(1, 6):
        close(found[n] * factorial(n), exact_derivative(name, a, [symmetric(e)] * n), 1e-11)


@over_functions
def test_closed_series_at_a_multiple_of_the_identity(name):
    """f(c 1 + t E) = sum of f^(n)(c) / n! t^n E^n, to order 7; with log(1 + t E) among them."""
    (e,) = symmetric(directions(1, 4))
    for c in (1.0, 0.4):
        found = hoad.taylor(MATRIX[name], c * np.eye(4), e, 7)
        power = np.eye(4)
        for n in range(8):
            expected = float(SCALAR[name](n, mp.mpf(c)) / mp.factorial(n)) * power
            np.testing.assert_allclose(found[n], expected, rtol=0, atol=1e-13 * max(1.0, np.abs(expected).max()))
            power = power @ e


@over_functions
@over_spectra
def test_modes_agree(name, spectrum):
    a, (v, u) = matrix(SPECTRA[spectrum]), directions(2)
    f = MATRIX[name]
    check_transpose(f, (a,), rtol=1e-13)
    check_series(f, a, v, 4, rtol=1e-11)
    loss = lambda a: np.sum(u * f(a)) + 0.5 * np.sum(f(a) ** 2)
    modes = ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse")
    first, *others = (hoad.hvp(loss, a, v, mode=m) for m in modes)
    for h in others:
        close(h, first, 1e-12)
    assert abs(hoad.vhv(loss, a, v) - np.sum(v * first)) <= 1e-12 * np.abs(first).max()
    close(hoad.linearize_hvp(loss, a)[2](v), first, 1e-12)
    close(np.tensordot(hoad.hessian(loss)(a), v, 2), first, 1e-12)
    third = [
        hoad.grad(lambda a: np.sum(v * hoad.hvp(loss, a, v)))(a),
        hoad.jvp(lambda a: hoad.jvp(hoad.grad(loss), (a,), (v,))[1], (a,), (v,))[1],
        2 * hoad.taylor(hoad.grad(loss), a, v, 2)[2],
    ]
    close(third[1], third[0], 1e-11)
    close(third[2], third[0], 1e-11)


@over_functions
def test_gradient_is_that_of_the_symmetric_part(name):
    a, (skew, u) = matrix(SPECTRA["distinct"]), directions(2)
    f = MATRIX[name]
    skew = skew - skew.T
    close(f(a + skew), f(a), 1e-15)
    assert np.abs(hoad.jvp(f, (a,), (skew,))[1]).max() < 1e-16
    g = hoad.grad(lambda a: np.sum(u * f(a)))(a)
    assert np.abs(g).max() > 0.1
    close(g, g.T, 1e-15)
    close(np.sum(g * skew) + np.ones(1), np.ones(1), 1e-15)


@over_functions
def test_batch_is_loop(name):
    f = MATRIX[name]
    a = np.stack([matrix(s, seed) for seed, s in enumerate(SPECTRA.values())])
    v = np.random.default_rng(3).normal(size=a.shape)
    for call in (f, lambda a: hoad.grad(lambda a: np.sum(f(a) ** 2))(a), lambda a: hoad.hvp(lambda a: np.sum(f(a) ** 2), a, a)):
        rows = np.stack([call(m) for m in a])
        close(call(a), rows, 1e-13)
        close(call(a.reshape(2, -1, 3, 3)).reshape(a.shape), rows, 1e-13)
        close(hoad.vmap(call)(a), rows, 1e-13)
    mixed = hoad.vmap(lambda t: hoad.jvp(f, (a[0],), (t,))[1])(v)
    close(mixed, np.stack([hoad.jvp(f, (a[0],), (t,))[1] for t in v]), 1e-13)
    second = lambda m, t: hoad.jvp(lambda x: hoad.jvp(f, (x,), (t,))[1], (m,), (t,))[1]
    rows = np.stack([np.stack([second(m, t) for t in v[:3]]) for m in a])
    close(hoad.vmap(lambda m: hoad.vmap(lambda t: second(m, t))(v[:3]))(a), rows, 1e-13)
    close(hoad.vmap(lambda t: hoad.vmap(lambda m: second(m, t))(a))(v[:3]), rows.swapaxes(0, 1), 1e-13)
    check_batching(f, (a[2],))


def test_one_by_one_and_empty():
    for name, f in MATRIX.items():
        scalar = lambda x, name=name: float(SCALAR[name](0, mp.mpf(x)))
        np.testing.assert_allclose(f(np.array([[0.7]])), [[scalar(0.7)]], rtol=1e-15)
        c = hoad.taylor(f, np.array([[0.7]]), np.ones((1, 1)), 4)
        expected = [float(SCALAR[name](n, mp.mpf(0.7)) / mp.factorial(n)) for n in range(5)]
        np.testing.assert_allclose(np.ravel(c), expected, rtol=1e-13)
        for shape in ((0, 0), (0, 3, 3)):
            y, t = hoad.jvp(f, (np.ones(shape),), (np.ones(shape),))
            assert y.shape == t.shape == shape


# -- identities -------------------------------------------------------------------------------------------------------------------


@over_spectra
def test_trace_of_log_is_log_of_determinant(spectrum):
    a, (v,) = matrix(SPECTRA[spectrum]), symmetric(directions(1))
    ours, theirs = lambda a: np.trace(logm_symmetric(a)), lambda a: np.linalg.slogdet(a)[1]
    tolerance = 1e-12 * np.linalg.cond(a)
    for transform in (lambda f: f(a), lambda f: hoad.grad(f)(a), lambda f: hoad.hvp(f, a, v), lambda f: hoad.taylor(f, a, v, 5)):
        found, expected = np.asarray(transform(ours)), np.asarray(transform(theirs))
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


@over_spectra
@pytest.mark.parametrize(
    "identity",
    [
        lambda a: sqrtm_symmetric(a) @ sqrtm_symmetric(a),
        lambda a: expm_symmetric(logm_symmetric(a)),
        lambda a: logm_symmetric(expm_symmetric(a)),
        lambda a: sqrtm_symmetric(a) @ inverse_sqrtm_symmetric(a) @ a,
        lambda a: np.linalg.inv(inverse_sqrtm_symmetric(a) @ inverse_sqrtm_symmetric(a)),
        lambda a: a + funm_symmetric(a, _cube) - a @ a @ a,
    ],
    ids=["root squared", "exp of log", "log of exp", "roots cancel", "inverse of inverse root", "cube"],
)
def test_functions_that_cancel(identity, spectrum):
    """The identity map: its first derivative is the direction, all higher ones vanish."""
    a, (v,) = matrix(SPECTRA[spectrum]), symmetric(directions(1))
    if spectrum == "far apart":
        a = a / 10
    c = hoad.taylor(identity, a, v, 4)
    condition = np.linalg.cond(a)
    close(c[0], a, 1e-13 * condition)
    close(c[1], v, 1e-13 * condition)
    for n in (2, 3, 4):
        assert np.abs(c[n]).max() < 1e-13 * condition**n


# -- dtypes, recordings, errors ---------------------------------------------------------------------------------------------------


@over_functions
def test_single_precision(name):
    f, a, (v,) = MATRIX[name], matrix(SPECTRA["gap 1e-4"]), directions(1)
    a4, v4 = a.astype(np.float32), v.astype(np.float32)
    loss = lambda a: np.sum(f(a) ** 3)
    for transform in (lambda a, v: f(a), lambda a, v: hoad.grad(loss)(a), lambda a, v: hoad.hvp(loss, a, v)):
        found = transform(a4, v4)
        assert found.dtype == np.float32
        close(found, transform(a4.astype(float), v4.astype(float)), 1e-6)
    assert hoad.taylor(f, a4, v4, 2)[2].dtype == np.float32
    assert np.array_equal(f(a4), f(a4.astype(float)).astype(np.float32))


@over_functions
def test_arrays_stay_on_their_device(name):
    f = MATRIX[name]
    a = np.stack([matrix(s) for s in SPECTRA.values()])
    v = np.random.default_rng(3).normal(size=a.shape)
    loss = lambda a: np.sum(f(a) ** 2)
    for call in (
        lambda a, v: f(a),
        lambda a, v: hoad.hvp(loss, a, v),
        lambda a, v: hoad.taylor(f, a, v, 3)[3],
        lambda a, v: hoad.vmap(f)(a),
    ):
        y = call(BACKEND.asarray(a), BACKEND.asarray(v))
        assert type(y) is Guarded
        close(BACKEND.to_host(y), call(a, v), 1e-13)


def test_a_program_decomposes_again():
    a, b, (v,) = matrix(SPECTRA["distinct"]), matrix(SPECTRA["two equal"], 5), directions(1)
    h = lambda a: hoad.hvp(lambda a: np.sum(logm_symmetric(a) ** 2), a, v)
    close(hoad.trace(h)(a).check()(b), h(b), 1e-14)


def test_adjoints_and_tangents_of_a_program():
    a, (v,) = matrix(SPECTRA["distinct"]), directions(1)
    f = lambda a: np.sum(v * logm_symmetric(a))
    program = hoad.trace(f)(a)
    close(program.adjoints()[0], hoad.grad(f)(a), 1e-14)
    tangents = program.tangents([v])
    close(tangents[program.outputs[0][0]], hoad.jvp(f, (a,), (v,))[1], 1e-14)


def test_integer_matrices_and_lists():
    close(logm_symmetric([[2, 1], [1, 2]]), np.full((2, 2), np.log(3) / 2), 1e-15)


@pytest.mark.parametrize("name", ["log", "sqrt", "inverse-sqrt"])
def test_negative_eigenvalues_give_nan_in_their_matrix_only(name):
    a = np.stack([np.diag([1.0, 2.0, -0.5]), matrix(SPECTRA["distinct"]), -matrix(SPECTRA["distinct"])])
    f = MATRIX[name]
    with pytest.warns(RuntimeWarning, match="invalid value"):
        y = f(a)
    assert np.isnan(y[[0, 2]]).all()
    close(y[1], f(a[1]), 1e-15)
    with np.errstate(invalid="ignore"):
        for g in (hoad.grad(lambda a: np.sum(f(a)))(a), hoad.hvp(lambda a: np.sum(f(a)), a, a)):
            assert np.isnan(g[[0, 2]]).all()
            assert np.isfinite(g[1]).all()


def test_errors():
    with pytest.raises(DTypeError, match="dtype complex128, expected real numbers"):
        logm_symmetric(np.eye(2) * 1j)
    for shape in ((3,), (2, 3), (4, 2, 3)):
        with pytest.raises(ShapeError, match=r"expected \(\.\.\., n, n\)"):
            expm_symmetric(np.ones(shape))
    with pytest.raises(np.linalg.LinAlgError):
        logm_symmetric(np.full((3, 3), np.nan))
