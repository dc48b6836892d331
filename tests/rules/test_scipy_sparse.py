"""scipy.sparse: the dense arrays are the oracle, one factorisation serves all orders, and patterns stay as they are."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

import hoad
import hoad.scipy.linalg as la
import hoad.scipy.sparse as sp
import hoad.scipy.sparse.linalg as spl
from hoad.errors import HoadError, ImplicitError, ShapeError, TracedConversionError, UnsupportedFunctionError

from .agreement import all_modes_agree

INDICES, INDPTR = np.array([0, 2, 1, 2, 0, 3, 1, 3]), np.array([0, 2, 4, 6, 8])
ROWS = np.repeat(np.arange(4), 2)
DATA = np.array([3.0, 0.2, 3.0, -0.4, 0.9, -3.0, 0.3, 3.0])
X = np.array([0.3, -1.2, 0.7, 2.0])


def sparse(data):
    return sp.csr_array((data, INDICES, INDPTR), shape=(4, 4))


def full(data):
    a = hoad.numpy.zeros((4, 4), data.dtype)
    a[ROWS, INDICES] = data
    return a


FUNCTIONS = {
    "product": (lambda a, x: a @ x, lambda a, x: a @ x),
    "transposed product": (lambda a, x: a.T @ x, lambda a, x: a.T @ x),
    "square": (lambda a, x: (a @ a) @ x, lambda a, x: (a @ a) @ x),
    "sum and scale": (lambda a, x: (2 * a + a.T / x[0] - a) @ x, lambda a, x: (2 * a + a.T / x[0] - a) @ x),
    "entrywise": (lambda a, x: (a * a.T + a.multiply(x)) @ x, lambda a, x: (a * a.T + a * x) @ x),
    "solve": (spl.spsolve, np.linalg.solve),
    "factors": (lambda a, x: spl.splu(a).solve(x, "T"), lambda a, x: np.linalg.solve(a.T, x)),
    "exponential": (spl.expm_multiply, lambda a, x: la.expm(a) @ x),
    "norm": (lambda a, x: spl.norm(a) * x, lambda a, x: np.linalg.norm(a) * x),
    "column sums": (lambda a, x: a.sum(axis=0) * x, lambda a, x: a.sum(axis=0) * x),
    "part": (lambda a, x: a[[2, 0], :] @ x, lambda a, x: a[[2, 0], :] @ x),
    "diagonal": (lambda a, x: a.diagonal(-1) + a.trace(), lambda a, x: np.diagonal(a, -1) + np.trace(a)),
    "kron": (lambda a, x: sp.kron(a, a[:2, :2]).sum(axis=1), lambda a, x: np.kron(a, a[:2, :2]).sum(axis=1)),
    "inverse": (lambda a, x: spl.inv(a) @ x, lambda a, x: np.linalg.solve(a, x)),
    "power": (lambda a, x: spl.matrix_power(a, 3) @ x, lambda a, x: np.linalg.matrix_power(a, 3) @ x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sparse_equals_dense_in_every_mode(name):
    f, g = FUNCTIONS[name]
    ours, dense = lambda d, x: f(sparse(d), x), lambda d, x: g(full(d), x)
    tolerance = {"rtol": 0, "atol": 1e-10}
    np.testing.assert_allclose(ours(DATA, X), dense(DATA, X), **tolerance)
    for argument in (0, 1):
        for jacobian in (hoad.jacfwd, hoad.jacrev):
            np.testing.assert_allclose(jacobian(ours, argument)(DATA, X), jacobian(dense, argument)(DATA, X), **tolerance)
    loss = lambda h: lambda p: np.sum(np.cos(h(p[:8], p[8:])) * np.arange(1, 1 + np.shape(h(DATA, X))[0]))
    p, v = np.concatenate([DATA, X]), np.linspace(-1, 1, 12)
    np.testing.assert_allclose(hoad.hessian(loss(ours))(p), hoad.hessian(loss(dense))(p), rtol=0, atol=1e-8)
    for a, b in zip(hoad.taylor(loss(ours), p, v, 4), hoad.taylor(loss(dense), p, v, 4)):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    many = np.stack([DATA, 1.1 * DATA])
    np.testing.assert_allclose(hoad.vmap(ours, (0, None))(many, X), np.stack([ours(d, X) for d in many]), **tolerance)


def test_solutions_agree_in_all_modes_at_complex_points():
    z = DATA + 0.3j * np.cos(np.arange(8))
    all_modes_agree(lambda d: spl.spsolve(sparse(d), X + 1j), z, order=3)


def test_mixed_real_and_complex():
    b = X + 1j * X[::-1]
    for solve in (lambda d, b: spl.spsolve(sparse(d), b), lambda d, b: spl.splu(sparse(d)).solve(b)):
        found = hoad.jvp(solve, (DATA, b), (DATA[::-1].copy(), b[::-1].copy()))[1]
        expected = hoad.jvp(lambda d, b: np.linalg.solve(full(d), b), (DATA, b), (DATA[::-1].copy(), b[::-1].copy()))[1]
        np.testing.assert_allclose(found, expected, atol=1e-13)


@pytest.mark.parametrize("trans", ["N", "T", "H"])
def test_one_factorisation_serves_all_orders_and_the_adjoint(trans, monkeypatch):
    made = []
    original = scipy.sparse.linalg.splu
    monkeypatch.setattr(scipy.sparse.linalg, "splu", lambda *a, **k: made.append(1) or original(*a, **k))
    loss = lambda p: np.sum(spl.splu(sparse(p[:8])).solve(p[8:], trans) ** 3)
    p = np.concatenate([DATA, X])
    hoad.hessian(loss)(p)
    hoad.taylor(loss, p, np.ones(12), 5)
    hoad.grad(lambda p: np.sum(hoad.grad(loss)(p) ** 2))(p)
    assert len(made) == 3  # each call makes a pattern, and one factorisation
    made.clear()
    fixed = sp.csc_array(sparse(DATA).to_scipy()).pattern
    loss = lambda p: np.sum(spl.splu(sp.SparseArray(p[:8], fixed)).solve(p[8:], trans) ** 3)
    hoad.hessian(loss)(p)
    hoad.taylor(loss, p, np.ones(12), 5)
    assert len(made) == 1


def test_stored_zeros_and_repeated_entries_have_derivatives():
    rows, columns = np.array([0, 0, 1, 0]), np.array([0, 1, 1, 1])
    x = np.array([2.0, 3.0])
    make = lambda d: sp.coo_array((d, (rows, columns)), shape=(2, 2))
    d = np.array([1.0, 0.0, 2.0, 0.0])
    jacobian = hoad.jacobian(lambda d: make(d) @ x)(d)
    np.testing.assert_array_equal(jacobian, [[2, 3, 0, 3], [0, 0, 3, 0]])
    for f in (lambda d: make(d).tocsr() @ x, lambda d: make(d).sum_duplicates() @ x, lambda d: (make(d) + make(0 * d)) @ x):
        np.testing.assert_array_equal(hoad.jacobian(f)(d), jacobian)
    np.testing.assert_array_equal(hoad.jacobian(lambda d: sp.csr_array(np.reshape(d, (2, 2))) @ x)(d), [[2, 3, 0, 0], [0, 0, 2, 3]])


KEYS = [
    (1, 2), (2, 1), 0, (slice(None), 1), (slice(1, 3), slice(None, None, 2)), ([0, 2], [1, 2]), ([2, 0],), (slice(None, None, -1),),
    np.array([True, False, True, False]),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing_is_scipys(key):
    def values(a):
        part = a[key]
        return part.toarray() if hasattr(part, "toarray") else part

    expected = values(sparse(DATA).to_scipy())
    y, t = hoad.jvp(lambda d: values(sparse(d)) + 0 * d[0], (DATA,), (DATA,))
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(t, expected)


def test_arrays_of_scipy_may_be_mixed_in():
    a = scipy.sparse.csr_array(full(DATA))
    s = sparse(2 * DATA)
    for found, expected in (
        (s + a, 3 * a), (s - a, a), (s @ a, 2 * (a @ a)), (s.multiply(a), 2 * a.multiply(a)), (a.T @ X, None), (sp.csc_array(a), a),
    ):  # fmt: skip
        if expected is not None:
            np.testing.assert_allclose(found.toarray(), expected.toarray(), atol=1e-14)
    np.testing.assert_array_equal(X @ s, X @ s.to_scipy())
    np.testing.assert_array_equal(hoad.jacobian(lambda x: sp.csr_array(a) @ x)(X), a.toarray())
    np.testing.assert_array_equal(hoad.jacobian(lambda b: spl.spsolve(a, b))(X).shape, (4, 4))


# -- iterations --------------------------------------------------------------------------------------------------------------------


def poisson(d):
    return sp.diags_array([d[:5], d[5:] + 4, d[:5]], offsets=[-1, 0, 1])


@pytest.mark.parametrize("name", sorted(spl._rules.iterative.METHODS))
def test_krylov_methods_have_the_derivatives_of_the_solution(name):
    options = {"rtol": 1e-14} if name == "minres" else {"rtol": 1e-14, "atol": 0.0}
    d, b = np.linspace(-0.8, 0.9, 11), np.arange(1.0, 7.0)
    preconditioner = scipy.sparse.diags_array(1 / (d[5:] + 4))
    operator = scipy.sparse.linalg.aslinearoperator(preconditioner)
    extra = (
        {"M1": operator, "M2": scipy.sparse.linalg.aslinearoperator(np.eye(6))}
        if name == "qmr"
        else {}
        if name == "tfqmr"
        else {"M": preconditioner}
    )
    f = lambda p: np.sum(getattr(spl, name)(poisson(p[:11]), p[11:], **options, **extra)[0] ** 2)
    g = lambda p: np.sum(spl.spsolve(poisson(p[:11]), p[11:]) ** 2)
    p = np.concatenate([d, b])
    np.testing.assert_allclose(hoad.grad(f)(p), hoad.grad(g)(p), rtol=0, atol=1e-10)
    v = np.cos(np.arange(17))
    np.testing.assert_allclose(hoad.hvp(f, p, v), hoad.hvp(g, p, v), rtol=0, atol=1e-9)
    np.testing.assert_allclose(hoad.taylor(f, p, v, 3), hoad.taylor(g, p, v, 3), rtol=1e-9)


def test_iterations_tell_how_they_ended():
    d, b = np.linspace(-0.8, 0.9, 11), np.arange(1.0, 7.0)
    assert spl.cg(poisson(d), b)[1] == 0
    assert spl.cg(poisson(d), b, maxiter=1, rtol=1e-14)[1] == 1
    with pytest.raises(ImplicitError, match="did not converge"):
        hoad.grad(lambda b: np.sum(spl.cg(poisson(d), b, maxiter=1, rtol=1e-14)[0]))(b)
    with pytest.raises(UnsupportedFunctionError, match="x0"):
        hoad.grad(lambda x: np.sum(spl.cg(poisson(d), b, x0=x)[0]))(b)
    with pytest.raises(UnsupportedFunctionError, match="dense"):
        hoad.grad(lambda a: np.sum(spl.cg(a, b)[0]))(np.eye(6))


def test_constant_operators_are_solved_without_a_matrix():
    a = full(DATA)
    operator = scipy.sparse.linalg.LinearOperator((4, 4), matvec=lambda x: a @ x, rmatvec=lambda x: a.T @ x, dtype=float)
    options = {"rtol": 1e-13, "atol": 0.0}
    for given in (operator, a):
        f = lambda b, given=given: spl.gmres(given, b**2, **options)[0]
        exact = lambda b: np.linalg.solve(a, b**2)
        for jacobian in (hoad.jacfwd, hoad.jacrev):
            np.testing.assert_allclose(jacobian(f)(X), jacobian(exact)(X), atol=1e-11)
        for found, expected in zip(hoad.taylor(f, X, X[::-1].copy(), 3), hoad.taylor(exact, X, X[::-1].copy(), 3)):
            np.testing.assert_allclose(found, expected, atol=1e-12)
        many = np.stack([X, X + 1])
        np.testing.assert_allclose(hoad.vmap(f)(many), np.stack([f(b) for b in many]), atol=1e-12)


# -- exp(A) b ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0.01, 1.0, 30.0])
def test_action_of_the_exponential_is_that_of_the_dense_one(size):
    a = size * DATA
    found = hoad.jvp(lambda d: spl.expm_multiply(sparse(d), X), (a,), (DATA[::-1].copy(),))[1]
    expected = hoad.jvp(lambda d: la.expm(full(d)) @ X, (a,), (DATA[::-1].copy(),))[1]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * (1 + 10 * size) * np.abs(expected).max())


def test_action_of_the_exponential_at_several_times():
    grid = {"start": 0.5, "stop": 2.0, "num": 4}
    jacobian = hoad.jacobian(lambda d: spl.expm_multiply(sparse(d), X, **grid))(DATA)
    for t, found in zip(np.linspace(0.5, 2.0, 4), jacobian):
        expected = hoad.jacobian(lambda d, t=t: la.expm(t * full(d)) @ X)(DATA)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


# -- size and bad input ------------------------------------------------------------------------------------------------------------


def test_nothing_dense_is_made():
    n = 40_000
    diagonal = 4 + np.cos(np.arange(n))
    off = np.full(n - 1, -1.0)
    loss = lambda d: np.sum(spl.spsolve(sp.diags_array([off, d, off], offsets=[-1, 0, 1], format="csc"), np.ones(n)) ** 2)
    gradient = hoad.grad(loss)(diagonal)
    v = 1 + np.sin(np.arange(n))
    h = 1e-5
    np.testing.assert_allclose(gradient @ v, (loss(diagonal + h * v) - loss(diagonal - h * v)) / (2 * h), rtol=1e-6)


def test_singular_matrices_have_no_derivative():
    d = np.zeros(8)
    with pytest.warns(scipy.sparse.linalg.MatrixRankWarning), pytest.raises(np.linalg.LinAlgError, match="factorised"):
        hoad.grad(lambda d: np.sum(spl.spsolve(sparse(d), X)))(d)
    with pytest.raises(np.linalg.LinAlgError, match="factorised"):
        hoad.grad(lambda d: np.sum(spl.splu(sparse(d)).solve(X)))(d)


def test_nothing_is_dropped_in_silence():
    a = scipy.sparse.csr_array(full(DATA))
    for f in (lambda x: a @ x, lambda x: a * x, lambda x: scipy.sparse.linalg.spsolve(a, x), lambda x: scipy.sparse.diags_array(x)):
        with pytest.raises((HoadError, TypeError, ValueError)):
            hoad.jvp(f, (X,), (X,))
    with pytest.raises(TracedConversionError):
        hoad.jvp(lambda d: np.asarray(sparse(d)), (DATA,), (DATA,))
    with pytest.raises(TracedConversionError):
        hoad.jvp(lambda d: sparse(d).to_scipy(), (DATA,), (DATA,))
    for f in (
        lambda s: spl.eigsh(s),
        lambda s: spl.spilu(s),
        lambda s: spl.lsqr(s, X),
        lambda s: sp.csr_matrix(s),
        lambda s: spl.splu(s).L,
    ):
        with pytest.raises(UnsupportedFunctionError):
            hoad.jvp(lambda d, f=f: f(sparse(d)), (DATA,), (DATA,))


def test_functions_without_rules_take_plain_arrays():
    s = sparse(DATA)
    np.testing.assert_allclose(spl.svds(s, k=1)[1], scipy.sparse.linalg.svds(s.to_scipy(), k=1)[1])
    assert sp.issparse(s)
    assert sp.csr_matrix(s).nnz == 8


def test_shapes_that_do_not_fit_raise():
    with pytest.raises(ShapeError, match="factor"):
        hoad.jvp(lambda d: sparse(d) @ np.ones(3), (DATA,), (DATA,))
    with pytest.raises(ShapeError, match="second factor"):
        sparse(DATA) @ scipy.sparse.eye_array(3)
    with pytest.raises(ShapeError, match="other array"):
        sparse(DATA) + scipy.sparse.eye_array(3)
    with pytest.raises(ValueError, match="Diagonal length"):
        hoad.jvp(lambda d: sp.diags_array([d, d], offsets=[0, 1]).data, (X,), (X,))


def test_a_traced_operand_on_the_left():
    matrix = np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [0.5, 0.0, 1.0]])
    ours, theirs = sp.csr_array(matrix), scipy.sparse.csr_array(matrix)
    x = np.array([1.0, -2.0, 0.5])
    np.testing.assert_array_equal(hoad.jacobian(lambda x: x @ ours)(x), matrix.T)
    np.testing.assert_array_equal(hoad.jacobian(lambda x: (x[0] * ours).toarray())(x)[..., 0], matrix)
    for operate in (lambda x: x @ theirs, lambda x: x * theirs, lambda x: x + theirs):
        with pytest.raises(TracedConversionError, match=r"hoad.scipy.sparse.csr_array\(a\)"):
            hoad.jacobian(operate)(x)
