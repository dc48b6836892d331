"""scipy.linalg: defective and repeated spectra, known values, equations that hold in Taylor arithmetic, and bad input."""

from __future__ import annotations

from math import factorial

import mpmath
import numpy as np
import pytest
import scipy.linalg

import hoad
import hoad.scipy.linalg as la
from hoad.core.level import Level
from hoad.core.primitive import exposed
from hoad.core.series import curve
from hoad.errors import HoadError, ShapeError, TracedConversionError, UnsupportedFunctionError
from hoad.modes.forward import Dual
from hoad.modes.taylor import expand, unpack
from hoad.rules.scipy.linalg import block_triangular
from hoad.rules.scipy.linalg.undetermined import REASONS

from .agreement import all_modes_agree

JORDAN = np.array([[4.0, 1.0, 0.0], [0.0, 4.0, 1.0], [0.0, 0.0, 4.0]])


def matrix(*shape, scale=1.0):
    return scale * np.random.default_rng(sum(shape)).uniform(-1, 1, shape)


def coefficients(f, *lines, order=4):
    """Taylor coefficients of f along (value, direction) lines; zeros where a coefficient is absent."""
    out, level = expand(curve(order), f, [[x, v] for x, v in lines])
    found = unpack(out, level, order + 1)
    return [np.zeros_like(found[0]) if c is None else c for c in found]


# -- functions of matrices ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["expm", "sqrtm", "logm", "cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm", "signm"])
def test_functions_are_exact_at_a_defective_matrix(name):
    """f of a Jordan block has the Taylor coefficients of f above its diagonal; so has the derivative along the identity, of f'."""
    f = getattr(la, name)
    at = 0.3 if name in ("tanm", "tanhm") else 0.9
    block = JORDAN - (4 - at) * np.eye(3)
    scalar = {
        "expm": np.exp, "sqrtm": np.sqrt, "logm": np.log, "cosm": np.cos, "sinm": np.sin, "tanm": np.tan, "coshm": np.cosh,
        "sinhm": np.sinh, "tanhm": np.tanh, "signm": lambda x: x / x,
    }[name]  # fmt: skip
    c = hoad.taylor(scalar, at, 1.0, 5)
    # f(B + t 1): entry (0, k) has the coefficients of f^(k)/k! at `at`
    series = coefficients(f, (block, np.eye(3)), order=3)
    for n in range(4):
        expected = [c[n + k] * factorial(n + k) / (factorial(n) * factorial(k)) if n + k < 6 else 0.0 for k in range(3)]
        np.testing.assert_allclose(series[n][0], expected, rtol=0, atol=2e-12 * max(1.0, np.abs(expected).max()))


def test_second_derivative_of_the_exponential_at_zero():
    e = matrix(3, 3)
    (_, first, second) = hoad.taylor(la.expm, np.zeros((3, 3)), e, 2)
    np.testing.assert_allclose(first, e, atol=1e-15)
    np.testing.assert_allclose(second, e @ e / 2, atol=1e-15)


def test_derivative_of_the_exponential_against_50_digits():
    a, e = matrix(4, 4, scale=3.0), matrix(4, 4, scale=0.01)
    with mpmath.workdps(50):
        h = mpmath.mpf(10) ** -20
        plus, minus = (mpmath.expm(mpmath.matrix(a.tolist()) + s * h * mpmath.matrix(e.tolist()), method="taylor") for s in (1, -1))
        exact = np.array([[float((plus[i, j] - minus[i, j]) / (2 * h)) for j in range(4)] for i in range(4)])
    found = hoad.jvp(la.expm, (a,), (e,))[1]
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-14 * np.abs(exact).max())


@pytest.mark.parametrize("size", [1e-12, 1e12])
def test_size_of_the_direction_does_not_matter(size):
    a, e = matrix(4, 4), matrix(4, 4)
    one = hoad.jvp(la.expm, (a,), (e,))[1]
    np.testing.assert_allclose(hoad.jvp(la.expm, (a,), (size * e,))[1], size * one, rtol=1e-13)


def test_large_matrices_have_the_same_derivatives(monkeypatch):
    a, v, w = (np.random.default_rng(k).normal(size=(70, 70)) / 8 for k in range(3))
    loss = lambda a: np.sum(w * la.expm(a))
    found = hoad.jvp(la.expm, (a,), (v,))[1], hoad.grad(loss)(a), hoad.hvp(loss, a, v)
    monkeypatch.setattr(block_triangular, "LARGE", 10**9)
    for fast, slow in zip(found, (hoad.jvp(la.expm, (a,), (v,))[1], hoad.grad(loss)(a), hoad.hvp(loss, a, v))):
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-13 * np.abs(slow).max())
        assert not np.array_equal(fast, slow)


def test_identities_hold_in_taylor_arithmetic():
    line = (matrix(3, 3), np.random.default_rng(5).uniform(-1, 1, (3, 3)))
    for n, c in enumerate(coefficients(lambda a: la.cosm(a) @ la.cosm(a) + la.sinm(a) @ la.sinm(a), line)):
        np.testing.assert_allclose(c, np.eye(3) if n == 0 else np.zeros((3, 3)), atol=1e-12)
    for n, c in enumerate(coefficients(lambda a: la.logm(la.expm(a)), line)):
        np.testing.assert_allclose(c, line[n] if n < 2 else np.zeros((3, 3)), atol=1e-11)
    positive = (JORDAN, line[1])
    for n, c in enumerate(coefficients(lambda a: la.sqrtm(a) @ la.sqrtm(a), positive)):
        np.testing.assert_allclose(c, positive[n] if n < 2 else np.zeros((3, 3)), atol=1e-12)
    for n, c in enumerate(
        coefficients(lambda a: la.fractional_matrix_power(a, 0.25) @ la.fractional_matrix_power(a, 0.75), positive)
    ):
        np.testing.assert_allclose(c, positive[n] if n < 2 else np.zeros((3, 3)), atol=1e-11)


def test_gradient_of_the_trace_of_the_exponential_is_the_transposed_exponential():
    a = matrix(3, 3)
    np.testing.assert_allclose(hoad.grad(lambda a: np.trace(la.expm(a)))(a), scipy.linalg.expm(a).T, rtol=1e-13)


@pytest.mark.parametrize("name", ["expm", "cosm", "tanhm"])
def test_all_modes_of_functions_agree(name):
    f = getattr(la, name)
    all_modes_agree(f, matrix(2, 2), plain=getattr(scipy.linalg, name))
    all_modes_agree(f, matrix(2, 2) + 0.5j * matrix(2, 2).T, plain=getattr(scipy.linalg, name), order=3)


def test_logarithm_of_a_real_matrix_may_be_complex():
    a = np.array([[-1.0, 0.2], [0.3, 2.0]])
    e = matrix(2, 2)
    y, t = hoad.jvp(la.logm, (a,), (e,))
    assert y.dtype.kind == t.dtype.kind == "c"
    h = 1e-5
    np.testing.assert_allclose(t, (scipy.linalg.logm(a + h * e) - scipy.linalg.logm(a - h * e)) / (2 * h), atol=1e-8)


# -- funm --------------------------------------------------------------------------------------------------------------------------


def test_funm_is_the_exponential_where_func_is():
    a, e = matrix(4, 4), np.random.default_rng(3).uniform(-1, 1, (4, 4))
    for found, expected in zip(hoad.taylor(lambda a: la.funm(a, np.exp), a, e, 3)[1:], hoad.taylor(la.expm, a, e, 3)[1:]):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


def test_funm_needs_no_distinct_eigenvalues_for_its_derivatives():
    a = np.diag([1.0, 1.0, 1.0 + 1e-7, 2.0])
    e = matrix(4, 4)
    found = hoad.jvp(lambda a: la.funm(a, np.log), (a,), (e,))[1]
    np.testing.assert_allclose(found, hoad.jvp(la.logm, (a,), (e,))[1], atol=1e-10)


def test_funm_raises_at_a_branch_point():
    with pytest.raises(np.linalg.LinAlgError, match="analytic"), np.errstate(all="ignore"):
        hoad.jvp(lambda a: la.funm(a, np.sqrt), (np.diag([0.0, 1.0]),), (np.ones((2, 2)),))


def test_funm_of_a_function_without_rules_raises():
    with pytest.raises(HoadError):
        hoad.jvp(lambda a: la.funm(a, lambda x: np.array([complex(v) ** 2 for v in x])), (np.diag([1.0, 2.0]),), (np.eye(2),))


# -- entries that are not read -----------------------------------------------------------------------------------------------------


def spd(n=3):
    a = matrix(n, n)
    return a @ a.T + 2 * np.eye(n)


B = np.array([1.0, -2.0, 0.5])
UNREAD = {
    "solve sym lower": (lambda a: la.solve(a, B, assume_a="sym", lower=True), np.tri(3)),
    "solve sym upper": (lambda a: la.solve(a, B, assume_a="sym"), np.tri(3).T),
    "solve pos lower": (lambda a: la.solve(a, B, assume_a="pos", lower=True), np.tri(3)),
    "solve diagonal": (lambda a: la.solve(a, B, assume_a="diagonal"), np.eye(3)),
    "solve upper triangular": (lambda a: la.solve(a, B, assume_a="upper triangular"), np.tri(3).T),
    "solve tridiagonal": (lambda a: la.solve(a, B, assume_a="tridiagonal"), np.tri(3, k=1) - np.tri(3, k=-2)),
    "solve_triangular": (lambda a: la.solve_triangular(a, B, lower=True), np.tri(3)),
    "solve_triangular unit": (lambda a: la.solve_triangular(a, B, unit_diagonal=True), np.tri(3, k=-1).T),
    "cholesky": (la.cholesky, np.tri(3).T),
    "cholesky lower": (lambda a: la.cholesky(a, lower=True), np.tri(3)),
    "eigvalsh": (la.eigvalsh, np.tri(3)),
    "eigvalsh upper": (lambda a: la.eigvalsh(a, lower=False), np.tri(3).T),
    "pinvh": (la.pinvh, np.tri(3)),
    "ldl": (lambda a: la.ldl(a)[1], np.tri(3)),
    "cho_solve": (lambda c: la.cho_solve((c, True), B), np.tri(3)),
    "inv pos": (lambda a: la.inv(a, assume_a="pos", lower=True), np.tri(3)),
}


@pytest.mark.parametrize("name", UNREAD)
def test_entries_that_are_not_read_have_derivative_zero(name):
    f, read = UNREAD[name]
    a = spd()
    jacobian = hoad.jacobian(f)(a)
    assert np.all(jacobian[..., read == 0] == 0)
    h = 1e-5
    for i, j in np.ndindex(3, 3):
        e = np.zeros((3, 3))
        e[i, j] = h
        np.testing.assert_allclose(jacobian[..., i, j], (f(a + e) - f(a - e)) / (2 * h), atol=1e-7)


def test_numbers_in_the_unread_triangle_do_not_matter():
    a = np.tril(spd()) + np.triu(np.full((3, 3), 1e300), 1)
    gradient = hoad.grad(lambda a: np.sum(la.solve(a, B, assume_a="pos", lower=True)))(a)
    expected = hoad.grad(lambda a: np.sum(la.solve(a, B, assume_a="pos", lower=True)))(spd())
    np.testing.assert_array_equal(gradient, expected)


# -- matrix equations --------------------------------------------------------------------------------------------------------------


def adjoint(x):
    return np.conj(np.swapaxes(x, -1, -2))


def test_equations_hold_in_taylor_arithmetic():
    rng = np.random.default_rng(11)
    line = lambda *shape: (rng.uniform(-0.6, 0.6, shape), rng.uniform(-1, 1, shape))
    symmetric = lambda n: tuple(m + m.T + (3 * n * np.eye(n) if k == 0 else 0) for k, m in enumerate(line(n, n)))
    a, b, q, r = line(3, 3), line(3, 2), symmetric(3), symmetric(2)

    def continuous(a, b, q, r):
        x = la.solve_continuous_are(a, b, q, r)
        return adjoint(a) @ x + x @ a - x @ b @ np.linalg.solve(r, adjoint(b) @ x) + q

    def discrete(a, b, q, r):
        x = la.solve_discrete_are(a, b, q, r)
        gain = np.linalg.solve(r + adjoint(b) @ x @ b, adjoint(b) @ x @ a)
        return adjoint(a) @ x @ a - x - adjoint(a) @ x @ b @ gain + q

    def sylvester(a, q):
        x = la.solve_sylvester(a, a, q)
        return a @ x + x @ a - q

    def lyapunov(a, q):
        x = la.solve_continuous_lyapunov(a, q)
        return a @ x + x @ a.T - q

    far = (a[0] + 3 * np.eye(3), a[1])
    lines = {
        "sylvester": (sylvester, [far, q]),
        "lyapunov": (lyapunov, [far, q]),
        "stein": (lambda a, q: a @ la.solve_discrete_lyapunov(a, q) @ a.T - la.solve_discrete_lyapunov(a, q) + q, [a, q]),
        "continuous riccati": (continuous, [a, b, q, r]),
        "discrete riccati": (discrete, [a, b, q, r]),
    }  # fmt: skip
    for name, (f, given) in lines.items():
        for c in coefficients(f, *given):
            assert np.abs(c).max() < 2e-10, name


def test_riccati_equation_of_one_unknown_has_the_derivatives_of_its_formula():
    def formula(p):
        a, b, q, r = p
        return r * (a + np.sqrt(a * a + b * b * q / r)) / (b * b)

    solve = lambda p: la.solve_continuous_are(*[np.reshape(v, (1, 1)) for v in p])[0, 0]
    p, v = np.array([0.4, 1.3, 2.0, 0.7]), np.array([0.3, -0.5, 0.2, 0.4])
    np.testing.assert_allclose(hoad.taylor(solve, p, v, 5), hoad.taylor(formula, p, v, 5), rtol=1e-10)
    np.testing.assert_allclose(hoad.hessian(solve)(p), hoad.hessian(formula)(p), rtol=1e-10)


def test_real_matrices_beside_complex_ones_are_solved_correctly():
    """SciPy takes the real Schur form of the real one, which has 2 x 2 blocks, and returns something else."""
    a, b, q = matrix(3, 3) + 3 * np.eye(3), np.array([[2.0, 1.0], [-1.0, 2.0]]), matrix(3, 2) + 1j
    x = hoad.jvp(la.solve_sylvester, (a, b, q), (a, b, q))[0]
    np.testing.assert_allclose(a @ x + x @ b, q, atol=1e-13)


# -- factors at degenerate points --------------------------------------------------------------------------------------------------


def test_polar_factors_are_smooth_at_repeated_singular_values():
    e = matrix(3, 3)
    u, p = hoad.jvp(lambda a: tuple(la.polar(a)), (np.eye(3),), (e,))[1]
    np.testing.assert_allclose(u, (e - e.T) / 2, atol=1e-14)
    np.testing.assert_allclose(p, (e + e.T) / 2, atol=1e-14)
    for n, c in enumerate(coefficients(lambda a: la.polar(a)[0].T @ la.polar(a)[0], (np.eye(3), e))):
        np.testing.assert_allclose(c, np.eye(3) if n == 0 else np.zeros((3, 3)), atol=1e-13)
    np.testing.assert_allclose(
        hoad.jvp(lambda b: la.orthogonal_procrustes(np.eye(3), b)[0], (np.eye(3),), (e,))[1], (e - e.T) / 2, atol=1e-14
    )


@pytest.mark.parametrize("n", [2, 3])
def test_repeated_eigenvalues_give_nan_where_the_derivative_does_not_exist(n):
    a, e = np.eye(n), matrix(n, n) + matrix(n, n).T
    w, v = hoad.jvp(lambda a: tuple(la.eigh(a)), (a,), (e,))[1]
    assert np.isfinite(w).all()
    assert np.isnan(v).any()
    assert np.isnan(hoad.jvp(lambda a: la.eig(a)[1], (a,), (e,))[1]).any()
    assert not np.isfinite(hoad.hessian(lambda a: la.eigvalsh(a)[0])(a)).all()


INVARIANT = {
    "squares": (lambda a: np.sum(la.eigvalsh(a) ** 2), lambda a: np.sum(a * a)),
    "cubes": (lambda a: np.sum(la.eigh(a)[0] ** 3), lambda a: np.trace(a @ a @ a)),
    "function": (lambda a: np.sum((lambda w, v: (v * w**2) @ v.T)(*la.eigh(a)) ** 2), lambda a: np.sum((a @ a) ** 2)),
    "singular values": (lambda a: np.sum(la.svdvals(a) ** 2), lambda a: np.sum(a * a)),
}


@pytest.mark.parametrize("name", INVARIANT)
@pytest.mark.parametrize("a", [np.eye(3), np.diag([2.0, 2.0, 5.0])], ids=["identity", "pair"])
def test_functions_that_need_no_basis_have_derivatives_at_repeated_eigenvalues(name, a):
    f, exact = INVARIANT[name]
    v = matrix(3, 3) + matrix(3, 3).T
    along = lambda g: lambda t: g(a + t * v)
    np.testing.assert_allclose(hoad.grad(along(f))(0.0), hoad.grad(along(exact))(0.0), rtol=1e-12)
    np.testing.assert_allclose(hoad.hessian(along(f))(0.0), hoad.hessian(along(exact))(0.0), rtol=1e-12)


def test_generalised_eigenvectors_stay_normalised():
    m = matrix(3, 3)
    a, b = (m + m.T + np.diag([0.0, 2.0, 5.0]), 0.3 * (m @ m.T)), (spd(), m + m.T)

    def f(a, b):
        w, v = la.eigh(a, b)
        return np.concatenate([v.T @ b @ v - np.eye(3), v.T @ a @ v - w * np.eye(3)])

    for c in coefficients(f, a, b):
        assert np.abs(c).max() < 1e-10


@pytest.mark.parametrize("mode", ["full", "raw", "economic"])
def test_qr_holds_in_taylor_arithmetic(mode):
    line = (matrix(5, 2), np.random.default_rng(2).uniform(-1, 1, (5, 2)))
    if mode == "raw":
        f = lambda a: la.qr(a, mode="raw")[0][1] - hoad.stop_gradient(la.qr(a, mode="raw")[0][1])
        assert np.abs(coefficients(f, line)[1]).max() > 0.01
        return
    for n, c in enumerate(coefficients(lambda a: la.qr(a, mode=mode)[0] @ la.qr(a, mode=mode)[1], line)):
        np.testing.assert_allclose(c, line[n] if n < 2 else np.zeros((5, 2)), atol=1e-12)
    size = 5 if mode == "full" else 2
    for n, c in enumerate(coefficients(lambda a: la.qr(a, mode=mode)[0].T @ la.qr(a, mode=mode)[0], line)):
        np.testing.assert_allclose(c, np.eye(size) if n == 0 else np.zeros((size, size)), atol=1e-12)


def test_schur_form_stays_triangular_in_taylor_arithmetic():
    a = np.diag([1.0, 2.0, 4.0]) + 0.3 * matrix(3, 3)
    line = (a, matrix(3, 3))
    for n, c in enumerate(coefficients(lambda a: (lambda t, z: z @ t @ z.T)(*la.schur(a)), line)):
        np.testing.assert_allclose(c, line[n] if n < 2 else np.zeros((3, 3)), atol=1e-12)
    for c in coefficients(lambda a: np.tril(la.schur(a)[0], -1), line):
        np.testing.assert_allclose(c, 0, atol=1e-13)


# -- bad input ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REASONS)
def test_undetermined_functions_raise_and_say_why(name):
    with pytest.raises(UnsupportedFunctionError) as caught:
        hoad.jvp(lambda a: getattr(la, name)(a, a), (spd(),), (np.eye(3),))
    assert name in str(caught.value)
    assert REASONS[name] in str(caught.value)


@pytest.mark.parametrize("name", sorted(f.name for f in exposed() if f.name.startswith("scipy.linalg.")))
def test_scipy_itself_never_drops_a_derivative(name):
    native = getattr(scipy.linalg, name.rpartition(".")[2])
    count = 4 if name.endswith("_are") else 2 if name.rpartition(".")[2] not in ONE_ARGUMENT else 1
    with Level(True) as level:
        box = Dual(level, spd(), np.eye(3))
        given = {"solve_banded": ((1, 1), box, box), "cho_solve": ((box, True), box), "cho_solve_banded": ((box, True), box)}
        args = given.get(name.rpartition(".")[2], (box,) * count)
        if name == "scipy.linalg.lu_solve":
            args = ((box, np.arange(3)), box)
        try:
            found = native(*args)
        except (TracedConversionError, UnsupportedFunctionError, TypeError, ValueError, AttributeError):
            return
    leaves = found if isinstance(found, tuple) else (found,)
    assert any(isinstance(y, Dual) for y in leaves), "a plain result of traced arguments"


ONE_ARGUMENT = {
    "expm", "logm", "sqrtm", "cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm", "signm", "inv", "det", "lu", "lu_factor", "ldl",
    "qr", "rq", "polar", "pinv", "pinvh", "cholesky", "cho_factor", "cholesky_banded", "eig", "eigvals", "eigh", "eigvalsh",
    "eig_banded", "eigvals_banded", "svd", "svdvals", "schur", "hessenberg", "norm", "matrix_balance", "bandwidth", "issymmetric",
    "ishermitian", "circulant", "companion", "fiedler", "fiedler_companion",
}  # fmt: skip


def test_singular_matrices_raise_as_scipy_does():
    singular = np.ones((3, 3))
    for f in (lambda a: la.solve(a, B), la.inv, lambda a: la.solve_triangular(np.tril(a, -1), B, lower=True)):
        with pytest.raises(np.linalg.LinAlgError):
            hoad.grad(lambda a, f=f: np.sum(f(a)))(singular)


@pytest.mark.parametrize(
    ("f", "a"),
    [
        (la.sqrtm, np.diag([1.0, 0.0])),
        (la.logm, np.diag([1.0, 0.0])),
        (lambda a: la.fractional_matrix_power(a, 0.5), np.diag([1.0, 0.0])),
        (la.signm, np.array([[0.0, 1.0], [-1.0, 0.0]])),
        (la.polar, np.diag([1.0, 0.0])),
        (lambda a: la.solve_sylvester(a, -a, np.zeros((2, 2))), np.diag([1.0, 2.0])),
        (lambda a: la.solve_continuous_lyapunov(a, np.zeros((2, 2))), np.diag([1.0, -1.0])),
        (lambda a: la.solve_discrete_lyapunov(a, np.zeros((2, 2)), method="bilinear"), np.diag([2.0, 0.5])),
        (lambda a: la.solve_discrete_lyapunov(a, np.zeros((2, 2)), method="direct"), np.diag([2.0, 0.5])),
    ],
    ids=["sqrtm", "logm", "power", "signm", "polar", "sylvester", "lyapunov", "stein bilinear", "stein direct"],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::scipy.linalg.LinAlgWarning", "ignore:The logm input")
def test_singular_equations_raise_in_derivatives(f, a):
    """SciPy solves a perturbed equation, which gives large numbers."""
    with pytest.raises(np.linalg.LinAlgError):
        hoad.grad(lambda a: np.sum(f(a)[0]))(a)
    with pytest.raises(np.linalg.LinAlgError):
        hoad.jvp(f, (a,), (np.ones((2, 2)),))


def test_schur_says_what_it_cannot_do():
    with pytest.raises(np.linalg.LinAlgError, match="distinct"):
        hoad.jvp(lambda a: la.schur(a)[0], (np.eye(3),), (np.ones((3, 3)),))
    rotation = np.array([[0.0, 1.0], [-1.0, 0.0]])
    with pytest.raises(UnsupportedFunctionError, match="complex"):
        hoad.jvp(lambda a: la.schur(a)[0], (rotation,), (np.ones((2, 2)),))
    assert np.isfinite(hoad.jvp(lambda a: la.schur(a, output="complex")[0], (rotation,), (np.ones((2, 2)),))[1]).all()
    with pytest.raises(UnsupportedFunctionError, match="sort"):
        hoad.jvp(lambda a: la.schur(a, sort="lhp")[0], (spd(),), (np.eye(3),))
    with pytest.raises(UnsupportedFunctionError, match="homogeneous"):
        hoad.jvp(lambda a: la.eig(a, homogeneous_eigvals=True)[0], (spd(),), (np.eye(3),))


@pytest.mark.parametrize("name", ["expm", "logm", "sqrtm", "cosm"])
def test_functions_of_matrices_that_are_not_square_raise(name):
    with pytest.raises(ShapeError, match="square"):
        hoad.jvp(getattr(la, name), (np.ones((2, 3)),), (np.ones((2, 3)),))


def test_flags_that_allow_overwriting_leave_the_inputs_alone():
    a, b = spd(), B.copy()
    kept = a.copy(), b.copy()
    hoad.grad(lambda a, b: np.sum(la.solve(a, b, overwrite_a=True, overwrite_b=True, check_finite=False)), (0, 1))(a, b)
    hoad.grad(lambda a: np.sum(la.lu_factor(a, overwrite_a=True)[0]))(a)
    np.testing.assert_array_equal(a, kept[0])
    np.testing.assert_array_equal(b, kept[1])


def test_lists_and_integers_are_taken():
    gradient = hoad.grad(lambda x: np.sum(la.solve([[2, 0], [0, 4]], [x, 1])))(3.0)
    assert gradient == 0.5
    np.testing.assert_array_equal(hoad.jacobian(lambda x: la.block_diag([x, 1], 2))(1.0), [[1, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(hoad.jacobian(lambda x: la.toeplitz([x, 2.0], [9.0, x]))(1.0), [[1, 1], [0, 1]])


def test_arguments_may_be_named():
    x, y = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.25])
    for f, given in (
        (la.circulant, {"c": x}), (la.companion, {"a": x}), (la.leslie, {"f": x, "s": y}), (la.toeplitz, {"c": x, "r": x}),
        (la.convolution_matrix, {"a": x, "n": 2, "mode": "same"}), (la.solve, {"a": np.diag(x), "b": x}),
        (la.expm, {"A": np.diag(x)}),
    ):  # fmt: skip
        name = next(iter(given))
        named = lambda v, f=f, name=name, given=given: f(**{**given, name: v})
        found = hoad.jvp(named, (given[name],), (given[name] ** 2,))
        np.testing.assert_array_equal(found[0], f(**given))
        assert np.any(found[1])


def test_empty_matrices_have_empty_derivatives():
    for f in (la.expm, la.sqrtm, lambda a: la.solve(a, np.zeros((0,)))):
        assert hoad.jvp(f, (np.zeros((0, 0)),), (np.zeros((0, 0)),))[1].size == 0
