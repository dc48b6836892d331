"""fixed_point, root, linear_solve: derivatives of solutions against closed forms, mpmath and unrolled iterations."""

from __future__ import annotations

from functools import partial
from math import factorial

import mpmath as mp
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse.linalg as sparse

import hoad
from hoad.core.box import Box
from hoad.errors import ClosureError, ConvergenceError, DTypeError, ImplicitError

from ..backends.guarded import BACKEND, Guarded
from .compositions import derivative, words

RNG = np.random.default_rng(5)
N = 5
A0, A1 = RNG.normal(size=(N, N)) + 5 * np.eye(N), RNG.normal(size=(N, N))
B0 = RNG.normal(size=N)
CONTRACTION = RNG.normal(size=(N, N)) * 0.15
X, V = np.array([0.4, 0.9]), np.array([1.0, -0.7])


def close(found, expected, rtol=1e-11):
    expected = np.asarray(expected)
    assert np.shape(found) == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * max(1e-3, np.abs(expected).max(initial=0)))


def matrix(x):
    return A0 + np.sin(x[0]) * A1 + x[1] * np.eye(N)


def spd(x):
    return matrix(x) @ matrix(x).T


def rhs(x):
    return B0 * np.cos(x[1]) + x[0]


def unrolled(x, steps=90):
    z = np.zeros(N)
    for _ in range(steps):
        z = np.tanh(CONTRACTION @ z * x[0] + rhs(x))
    return z


def contraction(z, x):
    return np.tanh(CONTRACTION @ z * x[0] + rhs(x))


def krylov(of):
    return lambda product, b: of(sparse.LinearOperator((b.size, b.size), matvec=product, dtype=b.dtype), b, rtol=1e-14)[0]


def pair(x):
    """z0 + z1 = x0 + 3, z0 z1 = x1 exp(x0), as a container of numbers; its closed form."""
    s, p = x[0] + 3, x[1] * np.exp(x[0])
    r = np.sqrt(s * s - 4 * p)
    return np.stack([(s + r) / 2, (s - r) / 2])


def pair_equations(z, x):
    return {"sum": z["sum"] + z["other"] - x[0] - 3, "other": z["sum"] * z["other"] - x[1] * np.exp(x[0])}


def joined(z):
    return np.stack([z["sum"], z["other"]])


# name -> (solution by hoad, the same by another way), functions of X
CASES = {
    "linear": (
        lambda x: (lambda a: hoad.linear_solve(lambda v: a @ v, rhs(x)))(matrix(x)),
        lambda x: np.linalg.solve(matrix(x), rhs(x)),
    ),
    "linear, everything made in the product": (
        lambda x: hoad.linear_solve(lambda v: matrix(x) @ v, rhs(x)),
        lambda x: np.linalg.solve(matrix(x), rhs(x)),
    ),
    "linear, symmetric": (
        lambda x: hoad.linear_solve(partial(np.matmul, spd(x)), rhs(x), symmetric=True),
        lambda x: np.linalg.solve(spd(x), rhs(x)),
    ),
    "linear, conjugate gradients": (
        lambda x: hoad.linear_solve(lambda v: spd(x) @ v, rhs(x), solver=krylov(sparse.cg), symmetric=True),
        lambda x: np.linalg.solve(spd(x), rhs(x)),
    ),
    "linear, gmres and bicgstab": (
        lambda x: hoad.linear_solve(
            lambda v: matrix(x) @ v, rhs(x), solver=krylov(sparse.gmres), transpose_solve=krylov(sparse.bicgstab)
        ),
        lambda x: np.linalg.solve(matrix(x), rhs(x)),
    ),
    "linear, two right-hand sides": (
        lambda x: hoad.linear_solve(lambda v: matrix(x) @ v, np.stack([rhs(x), rhs(x) ** 2], axis=1)),
        lambda x: np.linalg.solve(matrix(x), np.stack([rhs(x), rhs(x) ** 2], axis=1)),
    ),
    "root": (lambda x: hoad.root(lambda z, x: matrix(x) @ z + z**3 - rhs(x), np.zeros(N), x), None),
    "root, closed over": (lambda x: hoad.root(lambda z: matrix(x) @ z + z**3 - rhs(x), np.zeros(N)), None),
    "root, container": (lambda x: joined(hoad.root(pair_equations, {"sum": 4.0, "other": 0.1}, x)), pair),
    "root, solver of scipy": (
        lambda x: hoad.root(
            lambda z, x: matrix(x) @ z + z**3 - rhs(x),
            np.zeros(N),
            x,
            solver=lambda f, z: scipy.optimize.root(f, z, tol=1e-13).x,
            linear_solver=krylov(sparse.gmres),
        ),
        None,
    ),
    "fixed point": (lambda x: hoad.fixed_point(contraction, np.zeros(N), x), unrolled),
    "fixed point, closed over": (lambda x: hoad.fixed_point(lambda z: contraction(z, x), np.zeros(N)), unrolled),
    "fixed point, anderson": (lambda x: hoad.fixed_point(contraction, np.zeros(N), x, method="anderson"), unrolled),
    "fixed point, newton": (lambda x: hoad.fixed_point(contraction, np.zeros(N), x, method="newton"), unrolled),
    "fixed point in a fixed point": (
        lambda x: hoad.fixed_point(
            lambda z: 0.2 * np.sin(z) + 0.1 * hoad.fixed_point(lambda w: contraction(w, x) + 0.1 * z, np.zeros(N)), np.zeros(N)
        ),
        None,
    ),
}


def newton_unrolled(x):
    z = np.zeros(N)
    for _ in range(30):
        z = z - np.linalg.solve(matrix(x) + np.diag(3 * z**2), matrix(x) @ z + z**3 - rhs(x))
    return z


def nested_unrolled(x, steps=90):
    """Both together, which has the same fixed point."""
    z = w = np.zeros(N)
    for _ in range(steps):
        z, w = 0.2 * np.sin(z) + 0.1 * w, contraction(w, x) + 0.1 * z
    return z


for name, (ours, other) in CASES.items():
    CASES[name] = (ours, other or (nested_unrolled if "in a" in name else newton_unrolled))
over_cases = pytest.mark.parametrize("name", CASES)


def loss(f):
    return lambda x: np.sum(f(x) ** 3) + np.sum(np.sin(f(x)))


@over_cases
def test_every_composition_of_modes(name):
    ours, other = CASES[name]
    close(ours(X), other(X), 1e-12)
    f, g = loss(ours), loss(other)
    close(hoad.grad(f)(X), hoad.grad(g)(X), 1e-10)
    close(hoad.jacrev(ours)(X), hoad.jacfwd(other)(X), 1e-10)
    close(hoad.taylor(ours, X, V, 4)[4], hoad.taylor(other, X, V, 4)[4], 1e-9)
    for order in (1, 2):
        expected = derivative(g, X, "F" * order, V)
        for word in words(order, "FRT" if "in a" not in name else "FR"):
            assert derivative(f, X, word, V, order) == pytest.approx(expected, rel=1e-9, abs=1e-10), word
    if "in a" not in name:
        expected = derivative(g, X, "FFF", V)
        for word in ("RRR", "RFF", "FRF", "FFR", "TRF", "taylor"):
            assert derivative(f, X, word, V, 3) == pytest.approx(expected, rel=1e-8, abs=1e-9), word


@over_cases
def test_batches_and_linearisations(name):
    ours, other = CASES[name]
    f, g = loss(ours), loss(other)
    xs = np.stack([X, X[::-1], X * 0.5])
    close(hoad.vmap(ours)(xs), [other(x) for x in xs], 1e-11)
    close(hoad.vmap(hoad.grad(f))(xs), [hoad.grad(g)(x) for x in xs], 1e-9)
    close(hoad.grad(lambda xs: np.sum(hoad.vmap(f)(xs)))(xs), [hoad.grad(g)(x) for x in xs], 1e-9)
    h = hoad.hessian(g)(X)
    close(hoad.hessian(f)(X), h, 1e-9)
    close(hoad.linearize(ours, X)[1](V), hoad.jacfwd(other)(X) @ V, 1e-10)
    close(hoad.linearize_hvp(f, X)[2](V), h @ V, 1e-9)
    for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
        close(hoad.hvp(f, X, V, mode=mode), h @ V, 1e-9)
    program = hoad.trace(f)(X)
    close(program(X * 1.1), g(X * 1.1), 1e-10)  # a Program solves again


def test_in_loops_under_rules_and_checkpoints():
    """A solve in each step of a loop; a loop in the equations; both under checkpoint."""

    def implicit_euler(x, root):
        step = lambda y, _: (root(lambda z, y: z - y - 0.1 * (np.sin(z) * x[0] - z**3 * x[1]), y), None)
        return hoad.scan(step, 1.0, length=6, checkpoint=2)[0]

    def by_newton(f, y):
        z = y
        for _ in range(25):
            z = z - f(z, y) / (1 - 0.1 * (np.cos(z) * X[0] - 3 * z**2 * X[1]))
        return z

    ours = lambda x: implicit_euler(x, lambda f, y: hoad.root(f, y, y))
    assert ours(X) == pytest.approx(implicit_euler(X, by_newton), rel=1e-14)
    hoad.check_derivatives(ours, (X,), order=3)
    close(hoad.grad(hoad.checkpoint(ours))(X), hoad.grad(ours)(X))

    looped = lambda z, x: hoad.fori_loop(0, 3, lambda i, c: np.cos(c * x[0]) * x[1] * 0.5, z)
    f = lambda x: hoad.fixed_point(looped, 0.3, x)

    def plain(x):
        z = 0.3
        for _ in range(120):
            z = np.cos(z * x[0]) * x[1] * 0.5
        return z

    for order in (1, 2, 3):
        expected = derivative(plain, X, "F" * order, V)
        for word in words(order, "FR"):
            assert derivative(f, X, word, V, order) == pytest.approx(expected, rel=1e-9), word


def test_kepler_to_order_six_against_mpmath():
    f = lambda t: hoad.root(lambda z: z - 0.5 * np.sin(z) - t, 1.0)
    with mp.workdps(50):
        exact = [float(mp.diff(lambda t: mp.findroot(lambda z: z - mp.sin(z) / 2 - t, 1), 1.2, n)) for n in range(7)]
    close([c * factorial(n) for n, c in enumerate(hoad.taylor(f, 1.2, 1.0, 6))], exact, 1e-12)


def test_large_systems_by_products_only():
    """3,000 unknowns, no matrix: a diffusion problem with known solution, its sensitivity in closed form."""
    n = 3000
    calls = []

    def diffusion(k, u):
        calls.append(0)
        return u + k * (2 * u - np.roll(u, 1) - np.roll(u, -1))

    wave = np.sin(2 * np.pi * np.arange(n) / n * 7)
    symbol = 2 - 2 * np.cos(2 * np.pi * 7 / n)
    solution = lambda k: hoad.linear_solve(lambda u: diffusion(k, u), wave, symmetric=True)
    close(solution(2.0), wave / (1 + 2 * symbol), 1e-9)
    energy = lambda k: np.sum(wave * solution(k))
    square = np.sum(wave**2)
    assert hoad.grad(energy)(2.0) == pytest.approx(-square * symbol / (1 + 2 * symbol) ** 2, rel=1e-9)
    assert hoad.grad(hoad.grad(energy))(2.0) == pytest.approx(2 * square * symbol**2 / (1 + 2 * symbol) ** 3, rel=1e-7)
    assert len(calls) < 500
    close(hoad.jvp(solution, (2.0,), (1.0,))[1], -wave * symbol / (1 + 2 * symbol) ** 2, 1e-6)
    big = hoad.grad(lambda a: np.sum(hoad.root(lambda z: z + 0.1 * np.sin(np.roll(z, 1)) - a, np.zeros(n))))
    a = np.full(n, 0.7)
    z = scipy.optimize.brentq(lambda z: z + 0.1 * np.sin(z) - 0.7, 0, 1, xtol=1e-15)
    close(big(a), np.full(n, 1 / (1 + 0.1 * np.cos(z))), 1e-9)


def test_complex_linear_systems():
    a = matrix(X) + 1j * A1
    f = lambda t: np.sum(np.abs(hoad.linear_solve(lambda v: a @ v * (1 + t * 1j), B0 + 0j)) ** 2)
    g = lambda t: np.sum(np.abs(np.linalg.solve(a * (1 + t * 1j), B0 + 0j)) ** 2)
    for order in (1, 2, 3):
        assert derivative(f, 0.3, "R" * order) == pytest.approx(derivative(g, 0.3, "F" * order), rel=1e-10)
    u = hoad.grad(lambda b: np.sum(np.abs(hoad.linear_solve(lambda v: a @ v, b)) ** 2))(B0 + 0.5j)
    close(u, hoad.grad(lambda b: np.sum(np.abs(np.linalg.solve(a, b)) ** 2))(B0 + 0.5j))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_are_kept(dtype):
    x = X.astype(dtype)
    root = lambda x: hoad.root(lambda z, x: z**3 + z - x, np.zeros(2, dtype), x)
    assert root(x).dtype == dtype
    g = hoad.grad(lambda x: np.sum(root(x)))(x)
    assert g.dtype == dtype
    close(g, 1 / (3 * root(x) ** 2 + 1), 100 * np.finfo(dtype).eps)
    fixed = hoad.grad(lambda x: np.sum(hoad.fixed_point(lambda z, x: np.cos(z) * x * dtype(0.5), np.zeros(2, dtype), x)))(x)
    assert fixed.dtype == dtype


def test_the_start_has_no_derivative_and_solvers_see_plain_numbers_once():
    seen = []

    def solver(f, z):
        seen.append(type(z))
        assert not isinstance(f(z), Box)
        return np.cbrt(8.0 + 0 * z)

    f = lambda x: hoad.root(lambda z, a: z**3 - a + 0 * x, x, 8.0 + 0 * x, solver=solver)
    assert hoad.grad(f)(1.5) == 0
    seen.clear()
    hoad.grad(hoad.grad(lambda a: hoad.root(lambda z, a: z**3 - a, 1.0, a, solver=solver)))(8.0)
    assert len(seen) == 1


def test_empty_and_plain_calls():
    assert hoad.root(lambda z: z**2 - 4, 1.0) == 2
    assert hoad.linear_solve(lambda v: 2 * v, np.zeros(0)).shape == (0,)
    assert hoad.fixed_point(lambda z: z * 0.5, np.zeros((0, 2))).shape == (0, 2)
    assert isinstance(hoad.jvp(lambda a: hoad.root(lambda z: z - a, 0.0), (2.0,), (1.0,))[1], np.float64)
    found = hoad.linear_solve(lambda v: (2 * v[1], v[0] * 3), (np.ones(2), np.ones(2)))
    close(found[0], [1 / 3, 1 / 3])
    close(found[1], [0.5, 0.5])


# -- what cannot be solved -----------------------------------------------------------------------------------------------------

BAD = {
    "diverges": (
        lambda x: hoad.fixed_point(lambda z: 2 * z + x, 1.0, max_steps=50),
        ConvergenceError,
        "fixed_point ended after 50 steps",
    ),
    "overflows": (lambda x: hoad.fixed_point(lambda z: z * z + 2 * x, 1.0), ConvergenceError, "fixed_point met NaN or infinity"),
    "oscillates": (
        lambda x: hoad.fixed_point(lambda z: x - z, 0.3, max_steps=40),
        ConvergenceError,
        "fixed_point ended after 40 steps",
    ),
    "too few steps": (
        lambda x: hoad.fixed_point(lambda z: np.cos(z * x), 0.3, max_steps=3),
        ConvergenceError,
        "fixed_point ended after 3 steps",
    ),
    "anderson": (
        lambda x: hoad.fixed_point(lambda z: z * z + 1 + x, 0.3, method="anderson", max_steps=30),
        ConvergenceError,
        "fixed_point",
    ),
    "no root": (lambda x: hoad.root(lambda z: z * z + x, 1.0), (ConvergenceError, ImplicitError), ""),
    "turning point": (lambda x: hoad.root(lambda z: z * z - (x - 2), 1.0), ConvergenceError, "root ended after 100 steps"),
    "no root found by the solver": (
        lambda x: hoad.root(lambda z: z - x, 0.0, solver=lambda f, z: z + 1.1),
        ConvergenceError,
        "root ended after",
    ),
    "nan from the solver": (
        lambda x: hoad.root(lambda z: z - x, 0.0, solver=lambda f, z: np.nan * z),
        ConvergenceError,
        "root met NaN",
    ),
    "nan in the equations": (lambda x: hoad.root(lambda z: np.log(z) - x, -1.0), ConvergenceError, "root met NaN or infinity"),
    "singular matrix": (
        lambda x: np.sum(hoad.linear_solve(lambda v: np.ones((2, 2)) @ v * x, np.ones(2))),
        ImplicitError,
        "the Jacobian of the residual is singular",
    ),
    "a solver that does not solve": (
        lambda x: np.sum(hoad.linear_solve(lambda v: v * x, np.ones(2), solver=lambda a, b: b)),
        ConvergenceError,
        "linear_solve left a relative residual",
    ),
    "a solver that knows no adjoint": (
        lambda x: np.sum(
            hoad.linear_solve(lambda v: matrix(X) @ v * x, B0, solver=lambda a, b: np.linalg.solve(matrix(X) * 2.0, b))
        ),
        ConvergenceError,
        "linear_solve left a relative residual",
    ),
    "shape": (
        lambda x: np.sum(hoad.root(lambda z: np.sum(z) * x, np.ones(2))),
        ImplicitError,
        "the residual returned shape (), expected (2,)",
    ),
    "structure": (
        lambda x: hoad.fixed_point(lambda z: z["a"] * x, {"a": 1.0}),
        ImplicitError,
        "the residual returned shape (), expected [()]",
    ),
    "complex": (lambda x: hoad.root(lambda z: z * x, 1j), ImplicitError, "x0 is complex"),
    "integer": (lambda x: np.sum(hoad.root(lambda z: z * x - 1, np.array([1, 2]))), DTypeError, "x0 has dtype int64"),
    "method": (
        lambda x: hoad.fixed_point(lambda z: z * x, 1.0, method="magic"),
        ValueError,
        "method is 'magic', expected 'iteration'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_solved_is_an_error_and_never_a_number(name):
    call, kind, text = BAD[name]
    with np.errstate(all="ignore"), pytest.raises(kind) as found:
        hoad.grad(call)(2.0)
    assert str(found.value).startswith(text), str(found.value)
    assert hoad.grad(lambda x: x * x)(3.0) == 6


def test_the_last_point_is_in_the_error():
    with pytest.raises(ConvergenceError) as found:
        hoad.fixed_point(lambda z: {"a": z["a"] + 1}, {"a": np.zeros(2)}, max_steps=7)
    close(found.value.solution["a"], [7.0, 7.0])


def test_a_singular_derivative_is_an_error_where_the_solution_itself_is_fine():
    """z^3 = a at a = 0: the root is there, its derivative is infinite."""
    with pytest.raises((ImplicitError, ConvergenceError)):
        hoad.grad(lambda a: hoad.root(lambda z: z**3 - a, 0.0))(0.0)


class Scaled:
    def __init__(self, k):
        self.k = k

    def __call__(self, z):
        return z * self.k


def test_values_in_objects_are_found():
    assert hoad.grad(lambda k: np.sum(hoad.linear_solve(Scaled(k), np.ones(2))))(2.0) == pytest.approx(-0.5, rel=1e-14)
    assert hoad.grad(lambda k: hoad.root(lambda z: Scaled(k)(z) - 1, 1.0))(2.0) == pytest.approx(-0.25, rel=1e-14)
    assert hoad.grad(lambda k: hoad.fixed_point(partial(lambda s, z: 0.1 * s(z) + 1, Scaled(k)), 1.0))(2.0) == pytest.approx(
        0.15625
    )


STORE = {}


def test_values_that_cannot_be_found_are_an_error():
    def through_a_global(solve):
        def f(k):
            STORE["k"] = k
            return np.sum(solve())

        return f

    for solve in (
        lambda: hoad.root(lambda z: z * STORE["k"] - 1, 1.0),
        lambda: hoad.fixed_point(lambda z: z * STORE["k"] * 0.1 + 1, 1.0),
        lambda: hoad.fixed_point(lambda z: z * STORE["k"] * 0.1 + 1, 1.0, method="newton"),
        lambda: hoad.linear_solve(lambda z: z * STORE["k"], np.ones(2)),
        lambda: hoad.linear_solve(lambda z: z * STORE["k"], np.ones(300)),
    ):
        for transform in (hoad.grad, lambda f: lambda x: hoad.jvp(f, (x,), (1.0,)), lambda f: lambda x: hoad.taylor(f, x, 1.0, 2)):
            with pytest.raises(ClosureError, match="uses a traced value"):
                transform(through_a_global(solve))(2.0)


# -- arrays of a device -------------------------------------------------------------------------------------------------------


DEVICE = {
    "scan": lambda x: hoad.scan(lambda c, a: (np.tanh(c * a + x), c * c), x, x[:2], checkpoint=1)[1],
    "fori_loop": lambda x: hoad.fori_loop(0, 3, lambda i, c: c * x, x),
    "root": lambda x: hoad.root(lambda z, x: z**3 + z - x, x, x),
    "fixed_point": lambda x: hoad.fixed_point(lambda z, x: np.cos(z) * x * 0.5, x, x),
    "anderson": lambda x: hoad.fixed_point(lambda z, x: np.cos(z) * x * 0.5, x, x, method="anderson"),
    "linear_solve": lambda x: hoad.linear_solve(lambda v: v * (2 + x) - 0.1 * np.flip(v), x),
    "linear_solve, large": lambda x: hoad.linear_solve(lambda v: v * (2 + x) - 0.1 * np.flip(v), x, symmetric=False),
}


@pytest.mark.parametrize("name", DEVICE)
def test_arrays_of_a_device_stay_there(name):
    f = DEVICE[name]
    host = np.linspace(0.2, 0.9, 200 if "large" in name else 3)
    device = BACKEND.asarray(host)
    loss = lambda x: np.sum(f(x) ** 3)
    for transform in (
        lambda x: f(x),
        hoad.grad(loss),
        lambda x: hoad.hvp(loss, x, x),
        lambda x: hoad.taylor(f, x, x, 3)[3],
    ):
        found = transform(device)
        assert type(found) is Guarded
        close(BACKEND.to_host(found), transform(host), 1e-8 if "large" in name else 1e-12)
