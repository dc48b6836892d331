# ruff: noqa: E501  # a table: one function, one line
"""Functions of eigenvalues and singular values that coincide or nearly do, against closed forms without a decomposition."""

import gc

import numpy as np
import pytest

import hoad
import hoad.numpy as hnp
from hoad.rules.linear_algebra import spectral_meanings, spectral_recognition
from hoad.rules.linear_algebra.symmetric_functions import expm_symmetric, inverse_sqrtm_symmetric, logm_symmetric
from hoad.scipy.special import logsumexp

L = np.linalg
RNG = np.random.default_rng(17)


def adjoint(x):
    return np.conj(np.swapaxes(x, -1, -2))


def symmetric(a):
    return (a + adjoint(a)) / 2


def rotation(n, dtype=float):
    return L.qr(RNG.normal(size=(n, n)) + (1j * RNG.normal(size=(n, n)) if dtype is complex else 0))[0]


def turned(values, dtype=float):
    q = rotation(len(values), dtype)
    return symmetric((q * np.array(values)) @ adjoint(q))


def rectangular(values, m, n, dtype=float):
    k = len(values)
    return (rotation(m, dtype)[:, :k] * np.array(values)) @ adjoint(rotation(n, dtype)[:, :k])


SYMMETRIC = {
    "identity": np.eye(3),
    "pair": np.diag([1.0, 2.0, 2.0]),
    "pair to rounding": turned([1.0, 2.0, 2.0]),
    "gap 1e-9": turned([1.0, 2.0, 2.0 + 1e-9]),
    "gaps 1e-7 and 1e-9": turned([2.0 - 1e-7, 2.0, 2.0 + 1e-9]),
    "gaps 1e-4 and 1e-9": turned([2.0 - 1e-4, 2.0, 2.0 + 1e-9]),
}
HERMITIAN = {
    "identity": np.eye(3) + 0j,
    "pair to rounding": turned([1.0, 2.0, 2.0], complex),
    "gap 1e-9": turned([1.0, 2.0, 2.0 + 1e-9], complex),
}
FULL_RANK = {
    "identity": np.eye(3),
    "pair": np.diag([2.0, 2.0, 1.0]),
    "pair to rounding": rectangular([2.0, 2.0, 1.0], 3, 3),
    "gap 1e-9": rectangular([2.0 + 1e-9, 2.0, 1.0], 3, 3),
    "tall": rectangular([2.0, 2.0], 3, 2),
    "wide": rectangular([2.0, 2.0], 2, 3),
}
LOWER_RANK = {"rank one": np.diag([1.0, 0.0, 0.0]), "tall of rank one": np.ones((3, 2)), "zero": np.zeros((2, 2))}
ANY_RANK = FULL_RANK | LOWER_RANK
COMPLEX = {
    "identity": np.eye(3) + 0j,
    "pair to rounding": rectangular([2.0, 2.0, 1.0], 3, 3, complex),
    "gap 1e-9": rectangular([2.0 + 1e-9, 2.0, 1.0], 3, 3, complex),
    "tall": rectangular([2.0, 2.0], 3, 2, complex),
    "wide": rectangular([2.0, 2.0], 2, 3, complex),
}
TALL = {k: a for k, a in FULL_RANK.items() if k != "wide"}
JORDAN = np.array([[2.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 0.0, 2.0]])
BASIS = RNG.normal(size=(3, 3)) + 2 * np.eye(3)
GENERAL = {
    "identity": np.eye(3),
    "defective": JORDAN,
    "semisimple": BASIS @ np.diag([1.0, 1.0, 2.0]) @ L.inv(BASIS),
    "defective, turned": BASIS @ JORDAN @ L.inv(BASIS),
    "complex pair": np.array([[1.0, -1e-9, 0.3], [1e-9, 1.0, 0.2], [0.0, 0.0, 3.0]]),
}
SIMPLE_TOP = {"pair below": turned([1.0, 1.0, 2.0]), "near pair below": turned([1.0, 1.0 + 1e-9, 2.0])}


def of_eigenvalues(f):
    return lambda a: f(L.eigvalsh(symmetric(a)))


def of_eigh(f):
    return lambda a: f(*L.eigh(symmetric(a)))


def of_svd(f):
    return lambda a: f(*L.svd(a, full_matrices=False))


def cube(a):
    return symmetric(a) @ symmetric(a) @ symmetric(a)


def gram_cube(a):
    return a @ adjoint(a) @ a


def right_side(a):
    return np.arange(1.0, 1 + a.shape[0])


def largest(a):
    """By Newton's method on A x = l x, x^T x = 1, from the plain eigenpair, so that derivatives to order 15 are exact."""
    a = symmetric(a)
    w, v = L.eigh(hoad.stop_gradient(a))
    x, top, n = v[:, -1], w[-1], len(w)
    for _ in range(4):
        rows = [np.concatenate([a - top * np.eye(n), -x[:, None]], 1), np.concatenate([-x[None, :], np.zeros((1, 1))], 1)]
        step = L.solve(np.concatenate(rows), np.concatenate([top * x - a @ x, np.reshape((x @ x - 1) / 2, (1,))]))
        x, top = x + step[:n], top + step[n]
    return top, x


def of_general(w):
    return 2 * w**3 - 1 / (w + 3.0) + w


def squared(w):
    return w @ w


def descending(w, v):
    w, v = w[::-1], v[:, ::-1]
    return (v * np.log(w)[None, :]) @ v.T


CASES = {
    "sum of squares": (of_eigenvalues(lambda w: np.sum(w**2)), lambda a: np.sum(symmetric(a) ** 2), SYMMETRIC),
    "sum of fourth powers": (of_eigh(lambda w, v: np.sum(w**4)), lambda a: np.trace(L.matrix_power(symmetric(a), 4)), SYMMETRIC),
    "log determinant": (of_eigenvalues(lambda w: np.sum(np.log(w))), lambda a: L.slogdet(symmetric(a))[1], SYMMETRIC),
    "product": (of_eigenvalues(np.prod), lambda a: L.det(symmetric(a)), SYMMETRIC),
    "mean of reciprocals": (of_eigenvalues(lambda w: np.mean(1 / w)), lambda a: np.trace(L.inv(symmetric(a))) / 3, SYMMETRIC),
    "norm": (of_eigenvalues(L.norm), lambda a: L.norm(symmetric(a)), SYMMETRIC),
    "norm of order 1": (of_eigenvalues(lambda w: L.norm(w, 1)), lambda a: np.trace(symmetric(a)), SYMMETRIC),
    "inner product": (of_eigenvalues(lambda w: w @ w), lambda a: np.sum(symmetric(a) ** 2), SYMMETRIC),
    "logsumexp": (of_eigenvalues(logsumexp), lambda a: np.log(np.trace(expm_symmetric(a))), SYMMETRIC),
    "rebuilt": (of_eigh(lambda w, v: (v * w) @ v.T), symmetric, SYMMETRIC),
    "V f(w) V^T": (of_eigh(lambda w, v: (v * np.log(w)) @ v.T), logm_symmetric, SYMMETRIC),
    "V diag(f(w)) V^T": (of_eigh(lambda w, v: v @ np.diag(np.log(w)) @ v.T), logm_symmetric, SYMMETRIC),
    "V (f(w) V^T)": (of_eigh(lambda w, v: v @ (np.log(w)[:, None] * v.T)), logm_symmetric, SYMMETRIC),
    "einsum": (of_eigh(lambda w, v: np.einsum("ij,j,kj->ik", v, np.log(w), v)), logm_symmetric, SYMMETRIC),
    "descending order": (of_eigh(descending), logm_symmetric, SYMMETRIC),
    "halves": (of_eigh(lambda w, v: (v * np.sqrt(np.log(1 + w))) @ (v * np.sqrt(np.log(1 + w))).T), lambda a: logm_symmetric(np.eye(3) + symmetric(a)), SYMMETRIC),
    "V (f(w) (V^T b))": (of_eigh(lambda w, v: v @ ((v.T @ np.arange(3.0)) / w)), lambda a: L.solve(symmetric(a), np.arange(3.0)), SYMMETRIC),
    "complex: sum of cubes": (of_eigenvalues(lambda w: np.sum(w**3)), lambda a: np.real(np.trace(cube(a))), HERMITIAN),
    "complex: V f(w) V^H": (of_eigh(lambda w, v: (v * w**3) @ v.conj().T), cube, HERMITIAN),
    "complex: conjugate": (of_eigh(lambda w, v: (v.conj() * w**3) @ v.T), lambda a: np.conj(cube(a)), HERMITIAN),
    "complex: complex function": (of_eigh(lambda w, v: (v * (w**3 + 1j * w)) @ v.conj().T), lambda a: cube(a) + 1j * symmetric(a), HERMITIAN),
    "U s V^H": (of_svd(lambda u, s, vh: (u * s) @ vh), lambda a: 1.0 * a, ANY_RANK),
    "U diag(s) V^H": (of_svd(lambda u, s, vh: u @ np.diag(s) @ vh), lambda a: 1.0 * a, ANY_RANK),
    "U s^3 V^H": (of_svd(lambda u, s, vh: (u * s**3) @ vh), gram_cube, ANY_RANK),
    "U s^2 U^H": (of_svd(lambda u, s, vh: (u * s**2) @ u.T), lambda a: a @ a.T, ANY_RANK),
    "V s^2 V^H": (of_svd(lambda u, s, vh: (vh.T * s**2) @ vh), lambda a: a.T @ a, ANY_RANK),
    "polar factor": (of_svd(lambda u, s, vh: u @ vh), lambda a: a @ inverse_sqrtm_symmetric(a.T @ a), TALL),
    "sum of squares of singular values": (lambda a: np.sum(L.svdvals(a) ** 2), lambda a: np.sum(a * a), ANY_RANK),
    "sum of singular values": (lambda a: np.sum(L.svdvals(a)), lambda a: np.sum(a * (a @ inverse_sqrtm_symmetric(a.T @ a))), TALL),
    "nuclear norm": (lambda a: L.norm(a, "nuc"), lambda a: np.sum(a * (a @ inverse_sqrtm_symmetric(a.T @ a))), TALL),
    "pseudo-inverse by hand": (of_svd(lambda u, s, vh: (vh.T / s) @ u.T), L.pinv, FULL_RANK),
    "pinv": (L.pinv, lambda a: L.solve(a.T @ a, a.T), TALL),
    "least squares by hand": (lambda a: of_svd(lambda u, s, vh: vh.T @ ((u.T @ right_side(a)) / s))(a), lambda a: L.pinv(a) @ right_side(a), FULL_RANK),
    "complex: U s V^H": (of_svd(lambda u, s, vh: (u * s) @ vh), lambda a: 1.0 * a, COMPLEX),
    "complex: U s^3 V^H": (of_svd(lambda u, s, vh: (u * s**3) @ vh), gram_cube, COMPLEX),
    "general: squares": (lambda a: np.real(np.sum(L.eigvals(a) ** 2)), lambda a: np.trace(a @ a), GENERAL),
    "general: rational": (lambda a: np.real(np.sum(of_general(L.eigvals(a)))), lambda a: np.trace(2 * a @ a @ a - L.inv(a + 3 * np.eye(3)) + a), GENERAL),
    "general: product": (lambda a: np.real(np.prod(L.eig(a)[0])), L.det, GENERAL),
    "general: mean": (lambda a: np.real(np.mean(L.eigvals(a))), lambda a: np.trace(a) / 3, GENERAL),
    "general: inner product": (lambda a: np.real(squared(L.eigvals(a))), lambda a: np.trace(a @ a), GENERAL),
    "largest eigenvalue": (of_eigenvalues(lambda w: w[-1]), lambda a: largest(a)[0], SIMPLE_TOP),
    "maximum": (of_eigenvalues(np.max), lambda a: largest(a)[0], SIMPLE_TOP),
    "spectral norm": (lambda a: L.norm(symmetric(a), 2), lambda a: largest(a)[0], SIMPLE_TOP),
    "sum of the others": (of_eigenvalues(lambda w: np.sum(w[:2])), lambda a: np.trace(a) - largest(a)[0], SIMPLE_TOP),
    "projector": (of_eigh(lambda w, v: v[:, :2] @ v[:, :2].T), lambda a: np.eye(3) - np.outer(largest(a)[1], largest(a)[1]), SIMPLE_TOP),
    "truncated": (lambda a: of_svd(lambda u, s, vh: (u[:, 1:] * s[1:]) @ vh[1:])(symmetric(a)), lambda a: symmetric(a) - largest(a)[0] * np.outer(largest(a)[1], largest(a)[1]), SIMPLE_TOP),
}  # fmt: skip
"""Name -> function through a decomposition, the same without one, matrices."""

over_cases = pytest.mark.parametrize(
    ("name", "matrix"), [(name, m) for name, (_, _, matrices) in CASES.items() for m in matrices], ids=str
)


def close(found, expected, tolerance=1e-11):
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1.0, np.max(np.abs(expected), initial=0.0)))


def directions(a, count):
    return [RNG.normal(size=a.shape) + (1j * RNG.normal(size=a.shape) if a.dtype.kind == "c" else 0) for _ in range(count)]


def loss(f, a):
    weights = np.cos(np.arange(np.size(f(a)))).reshape(np.shape(f(a)))
    return lambda x: np.sum(weights * np.real(f(x)))


@over_cases
def test_value_gradient_and_series(name, matrix):
    f, reference, matrices = CASES[name]
    a = matrices[matrix]
    (v,) = directions(a, 1)
    np.testing.assert_array_equal(hoad.jvp(f, (a,), (v,))[0], f(a))
    close(hoad.grad(loss(f, a))(a), hoad.grad(loss(reference, a))(a))
    for n, (c, d) in enumerate(zip(hoad.taylor(f, a, v, 5), hoad.taylor(reference, a, v, 5), strict=True)):
        close(c, d, 1e-12 * 10**n)


@over_cases
def test_second_and_third_derivatives(name, matrix):
    f, reference, matrices = CASES[name]
    a = matrices[matrix]
    u, v, w = directions(a, 3)
    expected = hoad.hvp(loss(reference, a), a, v)
    for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
        close(hoad.hvp(loss(f, a), a, v, mode=mode), expected)
    close(hoad.vhv(loss(f, a), a, v), hoad.vhv(loss(reference, a), a, v))
    along = lambda g, e: lambda x: hoad.jvp(g, (x,), (e,))[1]
    third = lambda g: along(along(along(g, u), v), w)(a)
    close(third(f), third(reference), 1e-10)
    if a.dtype.kind == "f":
        close(hoad.hessian(loss(f, a))(a), hoad.hessian(loss(reference, a))(a))
        other = a + np.diag([0.1, 0.5, 0.9])[: a.shape[0], : a.shape[1]]
        close(hoad.vmap(hoad.grad(loss(f, a)))(np.stack([a, other]))[0], hoad.grad(loss(reference, a))(a))


def test_stacks():
    a = np.stack([np.eye(3), SYMMETRIC["gap 1e-9"], turned([1.0, 3.0, 5.0])])

    def rebuilt(a):
        w, v = L.eigh(symmetric(a))
        return (v * np.log(w)[..., None, :]) @ np.swapaxes(v, -1, -2)

    (v,) = directions(a, 1)
    for f, g in (
        (rebuilt, logm_symmetric),
        (lambda a: np.sum(L.eigvalsh(symmetric(a)) ** 3), lambda a: np.sum(cube(a) * np.eye(3))),
    ):
        close(hoad.hvp(loss(f, a), a, v), hoad.hvp(loss(g, a), a, v))
        close(hoad.taylor(f, a, v, 3)[3], hoad.taylor(g, a, v, 3)[3])


# -- exact values -----------------------------------------------------------------------------------------------------------------


def test_sum_of_squares_at_the_identity():
    """Gradient 2 I; Hessian of the quadratic form of the symmetric part, or of the triangle that is read."""
    n = 3
    f = lambda a: np.sum(L.eigvalsh(symmetric(a)) ** 2)
    np.testing.assert_array_equal(hoad.grad(f)(np.eye(n)), 2 * np.eye(n))
    swap = np.einsum("ik,jl->ijkl", np.eye(n), np.eye(n)) + np.einsum("il,jk->ijkl", np.eye(n), np.eye(n))
    close(hoad.hessian(f)(np.eye(n)), swap, 1e-15)
    lower = hoad.hessian(lambda a: np.sum(L.eigvalsh(a) ** 2))(np.eye(2)).reshape(4, 4)
    np.testing.assert_array_equal(lower, np.diag([2.0, 0.0, 4.0, 2.0]))
    upper = hoad.hessian(lambda a: np.sum(L.eigvalsh(a, "U") ** 2))(np.eye(2)).reshape(4, 4)
    np.testing.assert_array_equal(upper, np.diag([2.0, 4.0, 0.0, 2.0]))


def test_reconstruction_at_the_identity():
    for f in (lambda u, s, vh: np.sum(u @ np.diag(s) @ vh), lambda u, s, vh: np.sum((u * s) @ vh)):
        close(hoad.grad(of_svd(f))(np.eye(3)), np.ones((3, 3)), 1e-15)


def test_nuclear_norm_at_the_identity():
    """sum s = tr sqrt(A^T A): gradient I, Hessian the square of the skew part."""
    e = directions(np.eye(3), 1)[0]
    f = lambda a: L.norm(a, "nuc")
    close(hoad.grad(f)(np.eye(3)), np.eye(3), 1e-15)
    close(hoad.hvp(f, np.eye(3), e), (e - e.T) / 2, 1e-15)


@pytest.mark.parametrize("order", [2, -2])
def test_a_multiple_extreme_singular_value_has_a_mean_slope_and_no_curvature(order):
    f = lambda a: L.norm(a, order)
    close(hoad.grad(f)(np.eye(3)), np.eye(3) / 3, 1e-15)
    assert np.isnan(hoad.hvp(f, np.eye(3), np.ones((3, 3)))).any()
    simple = np.diag([1.0, 2.0, 2.0, 5.0])
    expected = np.diag([0.0, 0, 0, 1]) if order == 2 else np.diag([1.0, 0, 0, 0])
    close(hoad.grad(f)(simple), expected, 1e-15)
    assert np.isfinite(hoad.hvp(f, simple, np.ones((4, 4)))).all()


def test_vanishing_singular_values_are_kinks_of_norms():
    a, e = np.diag([2.0, 0.0]), np.array([[0.3, 1.0], [-0.5, 0.7]])
    for f, expected in (
        (lambda a: L.norm(a, "nuc"), np.diag([1.0, 0.0])),
        (lambda a: np.sum(L.svdvals(a)), np.diag([1.0, 0.0])),
        (lambda a: L.norm(a, -2), np.zeros((2, 2))),
    ):
        close(hoad.grad(f)(a), expected, 1e-15)
        assert np.isnan(hoad.hvp(f, a, e)).any()
    close(hoad.jvp(of_svd(lambda u, s, vh: (u * s) @ vh), (a,), (e,))[1], e)


# -- what is not recognised ---------------------------------------------------------------------------------------------------------


UNRECOGNISED = {
    "a basis": of_eigh(lambda w, v: np.sum(v * np.arange(9.0).reshape(3, 3))),
    "unequal weights": of_eigh(lambda w, v: np.sum((v * (w * np.arange(3.0))) @ v.T)),
    "half of a cluster": of_eigh(lambda w, v: np.sum(v[:, 1:2] @ v[:, 1:2].T)),
    "phases": of_svd(lambda u, s, vh: np.sum(u * np.arange(9.0).reshape(3, 3))),
    "an irrational function of general eigenvalues, twice": lambda a: np.sum(
        hoad.grad(lambda a: np.real(np.sum(np.exp(L.eigvals(a)))))(a)
    ),
    "mixed bases": of_svd(lambda u, s, vh: np.sum((u * s) @ u @ vh)),
}


@pytest.mark.parametrize("name", UNRECOGNISED)
@pytest.mark.parametrize("a", [np.eye(3), np.diag([1.0, 2.0, 2.0])], ids=["identity", "pair"])
def test_what_depends_on_the_basis_is_nan(name, a):
    f = UNRECOGNISED[name]
    with np.errstate(invalid="ignore"):
        assert np.isnan(hoad.grad(f)(a)).any()
        assert np.isnan(hoad.jvp(f, (a,), (np.arange(9.0).reshape(3, 3),))[1])
        assert np.isnan(hoad.taylor(f, a, np.arange(9.0).reshape(3, 3), 1)[1])


def test_an_update_in_place_makes_the_memory_void():
    def one_replaced(a):
        w = L.eigvalsh(a)
        w[0] = 5.0
        return np.sum(w**2)

    def all_shifted(a):
        w = L.eigvalsh(a)
        w += 1.0
        return np.sum(w**2)

    def scaled_vectors(a):
        w, v = L.eigh(a)
        v[0] *= 2.0
        return np.sum((v * w) @ v.T)

    a = np.diag([1.0, 2.0, 2.0])
    np.testing.assert_allclose(hoad.grad(one_replaced)(a), np.diag([0.0, 4.0, 4.0]), atol=1e-15)
    np.testing.assert_allclose(hoad.grad(all_shifted)(a), np.diag([4.0, 6.0, 6.0]), atol=1e-15)
    assert np.isnan(hoad.hvp(all_shifted, a, np.ones((3, 3)))).any()
    assert np.isnan(hoad.grad(scaled_vectors)(a)).any()


def test_an_outer_variable_in_the_function():
    """d/dt sum log(1 + t w) in an inner differentiation, then in the matrix."""
    inner = lambda a: hoad.grad(lambda t: np.sum(np.log(1 + t * L.eigvalsh(symmetric(a)))))(1.0)
    expected = lambda a: np.trace(symmetric(a) @ L.inv(np.eye(3) + symmetric(a)))
    for a in SYMMETRIC.values():
        close(hoad.grad(inner)(a), hoad.grad(expected)(a))


def test_recorded_programs():
    a = np.eye(3)
    program = hoad.trace(of_eigh(lambda w, v: (v * np.log(w)) @ v.T))(a)
    b = turned([1.0, 2.0, 4.0])
    close(program(b), logm_symmetric(b))
    push = hoad.linearize(of_eigh(lambda w, v: (v * np.log(w)) @ v.T), a)[1]
    close(push(b), b)


def test_results_keep_their_rules_and_nothing_is_kept(monkeypatch):
    """Without recognition the derivatives are NaN, so that the tests above see it work; and the memory is empty afterwards."""
    f = lambda a: np.sum(L.eigvalsh(a) ** 2)
    assert np.isfinite(hoad.hvp(f, np.eye(2), np.eye(2))).all()
    gc.collect()
    assert not spectral_meanings._memory
    monkeypatch.setattr(spectral_recognition, "_reduced", lambda *args: None)
    assert np.isnan(hoad.hvp(f, np.eye(2), np.ones((2, 2)))).any()


def test_lists_and_single_precision():
    close(hoad.grad(lambda x: np.sum(hnp.linalg.eigvalsh([[x[0], 0.0], [0.0, x[1]]]) ** 2))(np.ones(2)), [2.0, 2.0])
    a = np.eye(3, dtype=np.float32)
    h = hoad.hvp(lambda a: np.sum(L.eigvalsh(a) ** 2), a, a)
    assert h.dtype == np.float32
    np.testing.assert_allclose(h, 2 * a, rtol=1e-6)
