"""eigh and eigvalsh: simple eigenvalues against closed forms and mpmath, repeated ones as documented."""

import mpmath as mp
import numpy as np
import pytest

import hoad
from hoad.rules.linear_algebra.symmetric_functions import funm_symmetric, logm_symmetric
from hoad.testing import check_batching, check_series, check_transpose

from .agreement import all_modes_agree

RNG = np.random.default_rng(5)
eigh, eigvalsh = np.linalg.eigh, np.linalg.eigvalsh


def hermitian(n, dtype=float, gap=1.0, stack=()):
    a = RNG.uniform(-1, 1, (*stack, n, n)) + (1j * RNG.uniform(-1, 1, (*stack, n, n)) if dtype is complex else 0)
    return a + a.swapaxes(-1, -2).conj() + gap * np.diag(np.arange(n))


def invariant(a, **kw):
    """Of the eigenvectors only what does not depend on their phases."""
    w, v = eigh(a, **kw)
    return np.concatenate([w, np.real(np.reshape(v * np.conj(v), (*np.shape(a)[:-2], -1)))], axis=-1)


def close(found, expected, tolerance=1e-12):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1.0, np.max(np.abs(expected), initial=0)))


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("uplo", ["L", "U"])
@pytest.mark.parametrize("function", [invariant, eigvalsh], ids=["eigh", "eigvalsh"])
@pytest.mark.parametrize("stack", [(), (2,)])
def test_all_modes(function, uplo, dtype, stack):
    """The matrix need not be Hermitian: only one triangle is read, and only it has derivatives."""
    a = hermitian(3, dtype, 2.0, stack) + RNG.uniform(-0.1, 0.1, (3, 3))
    f = lambda a: function(a, UPLO=uplo)
    all_modes_agree(f, a, order=3, tolerance=1e-9)
    check_transpose(f, (a,), rtol=1e-12)
    check_series(f, a, RNG.uniform(-1, 1, a.shape), 4, rtol=1e-10)
    check_batching(f, (a,))
    g = hoad.grad(lambda a: np.sum(f(a) * np.arange(f(a).size).reshape(f(a).shape)))(a)
    unread = np.triu(g, 1) if uplo == "L" else np.tril(g, -1)
    assert not unread.any()
    assert np.abs(g).max() > 0.1


def test_two_by_two_closed_form():
    """l = m -+ r, r = sqrt(d^2 + b^2); the angle of the second eigenvector is atan2(b, d) / 2."""
    m, d, b = 0.3, 0.7, -0.4
    matrix = lambda x: np.stack([np.stack([x[0] + x[1], x[2]]), np.stack([x[2], x[0] - x[1]])])
    closed = lambda x: np.stack([x[0] - np.hypot(x[1], x[2]), x[0] + np.hypot(x[1], x[2])])
    double_angle = lambda x: np.arctan2(x[2], x[1])

    def found_angle(x):
        v = eigh(matrix(x)).eigenvectors[:, 1]
        return np.arctan2(2 * v[0] * v[1], v[0] ** 2 - v[1] ** 2)

    at, v = np.array([m, d, b]), np.array([0.2, -1.0, 0.6])
    for ours, theirs in (
        (lambda x: eigvalsh(matrix(x)), closed),
        (lambda x: eigh(matrix(x))[0], closed),
        (found_angle, double_angle),
    ):
        close(hoad.taylor(ours, at, v, 6), hoad.taylor(theirs, at, v, 6))
        cubes = [hoad.hessian(lambda x, f=f: np.sum(f(x) ** 3))(at) for f in (ours, theirs)]
        close(*cubes)


def test_taylor_coefficients_against_mpmath():
    a, e = hermitian(4), hermitian(4)
    found = hoad.taylor(eigvalsh, a, e, 5)
    h = mp.mpf(10) ** -12
    with mp.workdps(120):
        exact_a, exact_e = mp.matrix(a.tolist()), mp.matrix(e.tolist())
        rows = [mp.eigsy(exact_a + k * h * exact_e, eigvals_only=True) for k in range(-3, 4)]
        for n in range(1, 6):
            for i in range(4):
                # The derivative of the polynomial through seven points.
                values = [row[i] for row in rows]
                weights = mp.lu_solve(
                    mp.matrix([[mp.mpf(k) ** p for k in range(-3, 4)] for p in range(7)]), mp.matrix([p == n for p in range(7)])
                )
                expected = sum(w * v for w, v in zip(weights, values, strict=True)) / h**n
                assert abs(found[n][i] - float(expected)) <= 1e-11 * max(1, abs(float(expected)))


@pytest.mark.parametrize("dtype", [float, complex])
def test_reconstruction_and_orthogonality_hold_to_every_order(dtype):
    a, e = hermitian(3, dtype, 2.0), hermitian(3, dtype)

    def rebuilt(a):
        w, v = eigh(a)
        return np.matmul(v * w, np.conj(np.swapaxes(v, -1, -2)))

    def product(a):
        v = eigh(a)[1]
        return np.matmul(np.conj(np.swapaxes(v, -1, -2)), v)

    c = hoad.taylor(rebuilt, a, e, 5)
    close(c[:2], np.stack([a, e]))
    close(c[2:], np.zeros((4, 3, 3)))
    close(hoad.taylor(product, a, e, 5)[1:], np.zeros((5, 3, 3)))
    if dtype is float:
        close(
            hoad.hessian(lambda a: np.sum(rebuilt((a + a.T) / 2) ** 2))(a), hoad.hessian(lambda a: np.sum(((a + a.T) / 2) ** 2))(a)
        )


def test_functions_through_eigenvectors_are_those_of_the_matrix():
    a, v = hermitian(3, gap=2.0), hermitian(3)
    a = a @ a + np.eye(3)

    def log(a):
        w, q = eigh(a)
        return (q * np.log(w)) @ q.T

    weights = RNG.uniform(-1, 1, (3, 3))
    loss = lambda f: lambda a: np.sum(weights * f((a + a.T) / 2))
    close(hoad.grad(loss(log))(a), hoad.grad(loss(logm_symmetric))(a))
    for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
        close(hoad.hvp(loss(log), a, v, mode=mode), hoad.hvp(loss(logm_symmetric), a, v), 1e-11)
    close(hoad.taylor(log, a, v, 4), hoad.taylor(logm_symmetric, a, v, 4), 1e-11)


# -- repeated eigenvalues -------------------------------------------------------------------------------------------------------


def _rotated(values):
    q, _ = np.linalg.qr(RNG.normal(size=(len(values),) * 2))
    a = (q * np.array(values)) @ q.T
    return (a + a.T) / 2


REPEATED = {
    "identity": np.eye(3),
    "two equal, diagonal": np.diag([1.0, 2.0, 2.0]),
    "two equal to rounding": _rotated([1.0, 2.0, 2.0]),
    "three equal to rounding": _rotated([0.7, 0.7, 0.7]),
}
over_repeated = pytest.mark.parametrize("a", REPEATED.values(), ids=REPEATED)


@over_repeated
def test_first_derivatives_of_symmetric_functions_of_eigenvalues(a):
    """Whatever basis of the eigenspace NumPy chose: the gradient is f'(A)."""
    s = lambda a: (a + a.T) / 2
    close(hoad.grad(lambda a: np.sum(eigvalsh(s(a)) ** 2))(a), 2 * a)
    close(hoad.grad(lambda a: np.sum(np.log(eigvalsh(s(a)))))(a), np.linalg.inv(a))
    close(hoad.grad(lambda a: np.sum(eigh(s(a))[0] ** 3))(a), 3 * a @ a)
    v = hermitian(3)
    close(hoad.jvp(lambda a: np.sum(np.log(eigvalsh(a))), (a,), (v,))[1], np.trace(np.linalg.solve(a, v)))


@over_repeated
def test_what_does_not_exist_is_nan(a):
    """Second derivatives of single eigenvalues, and first ones of the eigenvectors, in every mode."""
    v, weights = hermitian(3), RNG.uniform(-1, 1, (3, 3))
    s = lambda a: (a + a.T) / 2
    f = lambda a: np.sum(np.array([1.0, -2.0, 0.5]) * eigvalsh(s(a)) ** 2)
    for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
        assert np.isnan(hoad.hvp(f, a, v, mode=mode)).any()
    assert np.isnan(hoad.taylor(f, a, v, 2)[2])
    assert np.isfinite(hoad.taylor(f, a, v, 2)[:2]).all()
    vectors = lambda a: np.sum(weights * eigh(s(a))[1])
    assert np.isnan(hoad.grad(vectors)(a)).any()
    assert np.isnan(hoad.jvp(vectors, (a,), (v,))[1])
    squares = lambda k, x: [x**2, 2 * x, 2 + 0 * x][k] if k < 3 else 0 * x
    close(hoad.hvp(lambda a: np.trace(funm_symmetric(a, squares)), a, v), 2 * v)


def test_other_matrices_of_a_stack_are_not_touched():
    a, v = np.stack([np.eye(3), hermitian(3, gap=2.0)]), np.stack([hermitian(3), hermitian(3)])
    f = lambda a: np.sum(np.array([1.0, -2.0, 0.5]) * eigvalsh(a) ** 3)
    together = hoad.hvp(f, a, v)
    assert np.isnan(together[0]).any()
    close(together[1], hoad.hvp(f, a[1], v[1]))


def test_close_eigenvalues_are_not_repeated_ones():
    """A gap of 1e-6 is a gap: the second derivative of an eigenvalue is 2 E_12^2 / gap."""
    gap, e = 1e-6, np.array([[0.3, 0.5], [0.5, -0.2]])
    c = hoad.taylor(eigvalsh, np.diag([1.0, 1.0 + gap]), e, 2)
    np.testing.assert_allclose(c[2], np.array([-1, 1]) * 0.25 / gap, rtol=1e-9)


def test_result_has_names():
    def f(a):
        result = eigh(a)
        return np.sum(result.eigenvalues[0] * result.eigenvectors[:, 0])

    a = hermitian(3)
    w, v = eigh(a)
    close(hoad.value_and_grad(f)(a)[0], np.sum(w[0] * v[:, 0]), 1e-15)


def test_single_precision_and_empty():
    a = hermitian(3, gap=2.0).astype(np.float32)
    g = hoad.grad(lambda a: np.sum(eigvalsh(a) ** 2))(a)
    assert g.dtype == np.float32
    for shape in ((0, 0), (0, 3, 3)):
        assert hoad.grad(lambda a: np.sum(eigvalsh(a)))(np.ones(shape)).shape == shape
        assert hoad.jvp(lambda a: eigh(a)[1], (np.ones(shape),), (np.ones(shape),))[1].shape == shape
