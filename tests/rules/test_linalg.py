"""numpy.linalg: every mode against central differences and each other, and what only this area can get wrong."""

from itertools import permutations

import numpy as np
import pytest

import hoad
import hoad.numpy as hnp
from hoad.core.kinds import implicit
from hoad.core.primitive import primitives
from hoad.core.series import curve
from hoad.modes.forward import push
from hoad.modes.reverse import pull
from hoad.modes.taylor import expand, unpack

from .agreement import all_modes_agree, close

L = np.linalg
RNG = np.random.default_rng(7)


def real(*shape):
    return RNG.normal(size=shape)


def cplx(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


A, STACK, AC = real(3, 3) + 2 * np.eye(3), real(2, 3, 3) + 3 * np.eye(3), cplx(3, 3) + 2 * np.eye(3)
SPD, HERMITIAN = A @ A.T + np.eye(3), AC @ AC.conj().T + np.eye(3)
b, bc, M, X = real(3), cplx(3), real(2, 3, 2), real(3, 4)
P, Q, R = real(3, 5), real(5, 2), real(2, 4)
T, TB = real(2, 3, 6), real(2, 3)
SINGULAR = real(4, 4)
SINGULAR[3] = SINGULAR[0] - 2 * SINGULAR[1]

CASES = {
    "solve: matrix": (lambda a: L.solve(a, b), A),
    "solve: both": (lambda a: L.solve(a, a[0]), A),
    "solve: vector": (lambda x: L.solve(A, x), b),
    "solve: one vector for a stack": (lambda x: L.solve(STACK, x), b),
    "solve: stack of matrices": (lambda a: L.solve(a, b), STACK),
    "solve: broadcast": (lambda a: L.solve(a, M), A),
    "solve: complex": (lambda a: L.solve(a, bc), AC),
    "solve: real in complex": (lambda x: L.solve(AC, x), b),
    "inv": (L.inv, STACK),
    "inv: complex": (L.inv, AC),
    "det": (L.det, STACK),
    "det: complex": (L.det, AC),
    "det: singular": (L.det, SINGULAR),
    "det: stack with a singular one": (L.det, np.stack([SINGULAR, np.eye(4)])),
    "det: rank 1": (L.det, np.outer(real(4), real(4))),
    "det: zero": (L.det, np.zeros((3, 3))),
    "det: complex singular": (L.det, SINGULAR * (1 + 2j)),
    "slogdet": (lambda a: L.slogdet(a)[1], STACK),
    "slogdet: complex": (lambda a: L.slogdet(a).logabsdet, AC),
    "slogdet: phase": (lambda a: L.slogdet(a).sign, AC),
    "cholesky": (L.cholesky, SPD + np.triu(real(3, 3), 1)),
    "cholesky: upper": (lambda a: L.cholesky(a, upper=True), SPD + np.tril(real(3, 3), -1)),
    "cholesky: complex": (L.cholesky, HERMITIAN + np.triu(cplx(3, 3), 1) + 1j * np.eye(3)),
    "cholesky: stack": (L.cholesky, STACK @ STACK.swapaxes(1, 2) + np.eye(3)),
    "norm: axes": (lambda a: L.norm(a, axis=(2, 0)), real(2, 3, 2)),
    "norm: 3-d": (L.norm, real(2, 2, 2)),
    "norm: complex": (lambda a: L.norm(a, 3), bc),
    "vector_norm": (lambda a: L.vector_norm(a, axis=(0, 2), keepdims=True), real(2, 3, 2)),
    "matrix_norm": (lambda a: L.matrix_norm(a, ord=1, keepdims=True), STACK),
    "cond": (lambda a: L.cond(a, "fro"), A),
    "matrix_power: 7": (lambda a: L.matrix_power(a, 7), A / 3),
    "matrix_power: -3": (lambda a: L.matrix_power(a, -3), A),
    "matrix_power: 0": (lambda a: L.matrix_power(a, 0) @ a, A),
    "multi_dot": (lambda a: L.multi_dot([P, a, R, R.T]), Q),
    "multi_dot: vectors": (lambda a: L.multi_dot([a, A, a]), b),
    "tensorsolve": (lambda a: L.tensorsolve(a, TB), T),
    "tensorinv": (lambda a: L.tensorinv(a, 2), T + 3 * np.eye(6).reshape(T.shape)),
    "outer": (lambda a: L.outer(a, a), b),
    "cross": (lambda a: L.cross(a, np.ones(3)), b),
    "trace": (lambda a: L.trace(a, offset=1), STACK),
    "diagonal": (lambda a: L.diagonal(a, offset=-1), STACK),
    "tensordot": (lambda a: L.tensordot(a, a, axes=1), A),
    "vecdot": (lambda a: L.vecdot(a, a), A),
}
CASES |= {f"norm: {o} of a vector": (lambda a, o=o: L.norm(a, o), real(4)) for o in (None, 2, 1, np.inf, -np.inf, 0, 3, 4, 2.5, -2)}
CASES |= {f"norm: {o} of a matrix": (lambda a, o=o: L.norm(a, o), X) for o in (None, "fro", 1, -1, np.inf, -np.inf)}


@pytest.mark.parametrize("name", CASES)
def test_all_modes_agree(name):
    all_modes_agree(*CASES[name])


def test_determinant_at_a_singular_matrix_is_the_polynomial():
    """Leibniz' formula needs no inverse: its derivatives of every order are products of the other factors."""

    def leibniz(a):
        n = a.shape[0]
        total = 0.0
        for p in permutations(range(n)):
            term = L.det(np.eye(n)[list(p)])
            for i, j in enumerate(p):
                term = term * a[i, j]
            total = total + term
        return total

    for a in (SINGULAR, np.outer(SINGULAR[0], SINGULAR[1]), np.zeros((4, 4)), np.diag([1.0, 1e-13, 2.0, 3.0])):
        v = np.arange(16.0).reshape(4, 4) % 5 - 2
        ours, theirs = (unpack(*expand(curve(4), f, [[a, v]]), 5) for f in (L.det, leibniz))
        for n in range(1, 5):
            close(ours[n], theirs[n], 1e-10)
        close(hoad.hessian(L.det)(a), hoad.hessian(leibniz)(a), 1e-10)


def test_second_derivative_of_determinant_at_zero():
    h = hoad.hessian(L.det)(np.zeros((2, 2)))
    expected = np.zeros((2, 2, 2, 2))
    expected[0, 0, 1, 1] = expected[1, 1, 0, 0] = 1
    expected[0, 1, 1, 0] = expected[1, 0, 0, 1] = -1
    np.testing.assert_array_equal(h, expected)


@pytest.mark.parametrize(
    ("name", "args", "kw"),
    [
        ("solve", [A, b], {"vector": True}), ("solve", [STACK, real(3, 2)], {"vector": False}),
        ("solve", [AC, bc], {"vector": True}),
        ("inv", [STACK], {}), ("inv", [AC], {}), ("cholesky", [SPD], {}), ("cholesky", [HERMITIAN], {}),
    ],
)  # fmt: skip
def test_hand_written_rules_equal_the_residual(name, args, kw):
    """The rules that follow from the residual alone are the oracle of the faster ones."""
    prim = primitives[name]
    derived = implicit(f"{name} from its residual", prim.native, *prim.declaration, batch=prim.batch)
    del primitives[derived.name]
    rng = np.random.default_rng(3)
    ts = [rng.normal(size=a.shape) + (1j * rng.normal(size=a.shape) if np.iscomplexobj(a) else 0) for a in args]
    every = range(len(args))
    f, g = (lambda *xs, p=p: p.bind(*xs, **kw) for p in (prim, derived))
    close(push(f, args, ts)[1], push(g, args, ts)[1], 1e-12)
    (y, one), (_, two) = pull(f, args, every), pull(g, args, every)
    if name == "cholesky":
        y = np.tril(y)
    for c, d in zip(one(y), two(y)):
        close(c, d, 1e-12)
    series = [[a, t, t] for a, t in zip(args, ts)]
    for c, d in zip(unpack(*expand(curve(4), f, series), 5), unpack(*expand(curve(4), g, series), 5)):
        close(c, d, 1e-9)


def test_solve_reads_a_stack_of_columns_as_numpy_2_does():
    square = real(3, 3)
    assert hoad.jacrev(lambda x: L.solve(STACK[0], x))(square).shape == (3, 3, 3, 3)
    assert hoad.jacfwd(lambda x: L.solve(STACK, x))(square).shape == (2, 3, 3, 3, 3)


def test_one_factorisation_serves_a_block_of_right_hand_sides(monkeypatch):
    shapes = []
    native = primitives["solve"].native
    monkeypatch.setattr(primitives["solve"], "native", lambda a, b, vector: shapes.append(a.shape) or native(a, b, vector))
    hoad.jacrev(lambda x: L.solve(A, x))(b)
    assert shapes == [(3, 3), (3, 3)]


def test_cholesky_reads_one_triangle():
    a = SPD + np.triu(real(3, 3), 1)
    gradient = hoad.grad(lambda a: np.sum(L.cholesky(a) ** 2))(a)
    np.testing.assert_array_equal(np.triu(gradient, 1), 0)
    close(np.diag(gradient), np.ones(3), 1e-12)  # sum(L^2) is the trace


@pytest.mark.parametrize("order", [None, 2, 3, 4])
def test_norm_at_zero_has_slope_zero_and_no_curvature(order):
    norm = lambda x: L.norm(x, order)
    np.testing.assert_array_equal(hoad.grad(norm)(np.zeros(2)), 0)
    np.testing.assert_array_equal(hoad.jvp(norm, (np.zeros(2),), (np.ones(2),))[1], 0)
    with np.errstate(invalid="ignore"):
        assert np.isnan(hoad.hessian(norm)(np.zeros(2))).all()


def test_even_norms_are_smooth_where_one_component_vanishes():
    """The fourth derivative in e_0 of (x_0^4 + 1)^(1/4) at 0 is 6."""
    out = unpack(*expand(curve(4), lambda x: L.norm(x, 4), [[np.array([0.0, 1.0]), np.array([1.0, 0.0])]]), 5)
    close([out[2], out[4]], [0, 0.25], 1e-14)


def test_gradient_of_a_real_function_of_complex_matrices_is_steepest_ascent():
    f = lambda a: np.real(L.det(a))
    g = hoad.grad(f)(AC)
    h = 1e-6
    for i, j in np.ndindex(3, 3):
        e = np.zeros((3, 3))
        e[i, j] = h
        slope = (f(AC + e) - f(AC - e)) / (2 * h) + 1j * (f(AC + 1j * e) - f(AC - 1j * e)) / (2 * h)
        assert abs(slope - g[i, j]) < 1e-7


def test_namespace_takes_lists_of_traced_values():
    close(hoad.grad(lambda x: hnp.linalg.norm([x[0], x[1]]))(np.array([3.0, 4.0])), [0.6, 0.8], 1e-15)
    close(hoad.grad(lambda x: hnp.linalg.det([[x[0], 1.0], [x[1], x[0]]]))(np.array([3.0, 4.0])), [6, -1], 1e-15)
    assert hnp.linalg.LinAlgError is L.LinAlgError
    assert "solve" in dir(hnp.linalg)


def test_values_of_lapack_errors_are_numpys():
    with pytest.raises(L.LinAlgError):
        hoad.grad(lambda a: L.inv(a)[0, 0])(np.zeros((2, 2)))
