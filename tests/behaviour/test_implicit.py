"""hoad.implicit: solutions of equations, differentiated to any order in every mode, against closed forms and mpmath."""

from math import factorial

import mpmath as mp
import numpy as np
import pytest
from scipy.optimize import brentq, root

import hoad
from hoad.core.box import Box
from hoad.errors import ClosureError, ImplicitError
from hoad.rules.linear_algebra.symmetric_functions import sqrtm_symmetric
from hoad.testing import check_batching, check_series, check_transpose

from ..backends.guarded import BACKEND, Guarded

RNG = np.random.default_rng(11)
HVP_MODES = ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse")


def close(found, expected, tolerance=1e-12):
    expected = np.asarray(expected)
    assert np.shape(found) == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max(initial=1e-300))


def newton(residual, slope, start, steps=60):
    def solver(*args):
        assert not any(isinstance(a, Box) for a in args)
        z = start(*args)
        for _ in range(steps):
            z = z - residual(z, *args) / slope(z, *args)
        return z

    return solver


def kepler_residual(z, e, m):
    return z - e * np.sin(z) - m


kepler = hoad.implicit(kepler_residual, newton(kepler_residual, lambda z, e, m: 1 - e * np.cos(z), lambda e, m: m + 0 * e))
field = hoad.implicit(
    kepler_residual, newton(kepler_residual, lambda z, e, m: 1 - e * np.cos(z), lambda e, m: m + 0 * e), structure="pointwise"
)


def _exact_kepler(e, m):
    return mp.findroot(lambda z: z - e * mp.sin(z) - m, mp.mpf(m))


# -- one unknown -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solve", [kepler, field], ids=["dense", "pointwise"])
@pytest.mark.parametrize("at", [(0.5, 1.0), (0.9, 0.2), (0.1, 3.0)])
def test_kepler_to_order_six_in_every_mode(solve, at):
    with mp.workdps(60):
        exact = [
            [float(mp.diff(_exact_kepler, at, k)) for k in ((n, 0), (0, n), (1, n - 1))]  # three derivatives of order n
            for n in range(1, 7)
        ]
    line = [lambda t: solve(at[0] + t, at[1]), lambda t: solve(at[0], at[1] + t)]
    for i, f in enumerate(line):
        series = hoad.taylor(f, 0.0, 1.0, 6)
        forward = reverse = f
        for n in range(1, 7):
            close(series[n] * factorial(n), exact[n - 1][i], 1e-12)
            if n < 6:
                forward = (lambda g: lambda t: hoad.jvp(g, (t,), (1.0,))[1])(forward)
                close(forward(0.0), exact[n - 1][i], 1e-12)
            if n < 5:
                reverse = hoad.grad(reverse)
                close(reverse(0.0), exact[n - 1][i], 1e-12)
    for n in range(2, 7):
        close(hoad.partial(lambda x: solve(x[0], x[1]), np.array(at), (1, n - 1)), exact[n - 1][2], 1e-11)


def test_root_of_a_cubic():
    """z^3 + p z + q = 0, from SciPy's bracketing solver, which knows nothing of arrays."""
    solve = hoad.implicit(lambda z, p, q: z**3 + p * z + q, lambda p, q: brentq(lambda z: z**3 + p * z + q, -9, 9, xtol=1e-15))
    for order, index in ((6, (0, 6)), (6, (3, 3)), (5, (4, 1))):
        with mp.workdps(60):
            expected = mp.diff(lambda p, q: mp.findroot(lambda z: z**3 + p * z + q, -0.7), (1.5, 1.2), index)
        assert sum(index) == order
        close(hoad.partial(lambda x: solve(x[0], x[1]), np.array([1.5, 1.2]), index), float(expected), 1e-11)


# -- several unknowns ---------------------------------------------------------------------------------------------------------

# z0 + z1 = a0 and z0 z1 = a1 b: the roots of a quadratic equation.


def _vieta_residual(z, a, b):
    return np.stack([z[0] + z[1] - a[0], z[0] * z[1] - a[1] * b["product"]])


def _vieta_closed(a, b):
    r = np.sqrt(a[0] * a[0] - 4 * a[1] * b["product"])
    return np.stack([(a[0] + r) / 2, (a[0] - r) / 2])


def _vieta_solver(a, b):
    found = root(lambda z: _vieta_residual(z, a, b), np.array([a[0], 0.0]), tol=1e-14)
    return found.x - np.linalg.solve([[1, 1], [found.x[1], found.x[0]]], _vieta_residual(found.x, a, b))


vieta = hoad.implicit(_vieta_residual, _vieta_solver)
VIETA_AT = (np.array([3.0, 0.9]), {"product": np.float64(1.7)})


def _matrix_root_solver(a, shift):
    return np.linalg.cholesky(np.eye(2)) * 0 + sqrtm_symmetric(a + shift * np.eye(2))


matrix_root = hoad.implicit(lambda z, a, shift: z @ z - a - shift * np.eye(2), _matrix_root_solver)
SPD = np.array([[2.0, 0.3], [0.3, 1.1]])


def _plane_residual(z, p):
    """Two unknowns at each point: a rotation and a square."""
    x, y = z
    return np.stack([x * x - y - p[0], x * y + 0.2 * np.sin(y) - p[1] * p[0]])


def _plane_solver(p):
    z = np.stack([1.2 + 0 * p[0], 0.6 + 0 * p[0]])
    for _ in range(60):
        x, y = z
        j = np.stack([np.stack([2 * x, -1 + 0 * x], -1), np.stack([y, x + 0.2 * np.cos(y)], -1)], -2)
        z = z - np.moveaxis(np.linalg.solve(j, np.moveaxis(_plane_residual(z, p), 0, -1)[..., None])[..., 0], -1, 0)
    return z


plane = hoad.implicit(_plane_residual, _plane_solver, structure="pointwise")
plane_at_one_point = hoad.implicit(_plane_residual, _plane_solver)
PLANE_AT = RNG.uniform(0.7, 1.3, (2, 3, 4))

PAIRS = {
    "kepler": (lambda x: kepler(x[0], x[1]), None, np.array([0.5, 1.0])),
    "vieta": (
        lambda x: vieta(x[:2], {"product": x[2]}),
        lambda x: _vieta_closed(x[:2], {"product": x[2]}),
        np.array([3.0, 0.9, 1.7]),
    ),
    "linear": (
        lambda x: hoad.implicit(lambda z, a, b: a @ z - b, np.linalg.solve)(x[:, :3], x[:, 3]),
        lambda x: np.linalg.solve(x[:, :3], x[:, 3]),
        RNG.uniform(-1, 1, (3, 4)) + 2 * np.eye(3, 4),
    ),
    "matrix root": (
        lambda a: matrix_root((a + a.T) / 2, 0.5),
        lambda a: sqrtm_symmetric(a + 0.5 * np.eye(2)),
        SPD,
    ),
    "field": (lambda x: field(0.3 * x, x[::-1]), None, RNG.uniform(0.5, 2, (3, 2))),
    "plane": (plane, lambda p: _by_point(plane_at_one_point, p), PLANE_AT),
}


def _by_point(f, p):
    points = np.reshape(p, (2, -1))
    return np.reshape(np.stack([f(points[:, k]) for k in range(points.shape[1])], axis=-1), np.shape(p))


over_pairs = pytest.mark.parametrize(("f", "closed", "x"), PAIRS.values(), ids=PAIRS)


@over_pairs
def test_modes_agree_with_each_other_and_with_the_closed_form(f, closed, x):
    v, w = RNG.normal(size=x.shape), RNG.normal(size=x.shape)
    check_transpose(f, (x,), rtol=1e-13)
    check_series(f, x, v, 5, rtol=1e-10)
    check_batching(f, (x,))
    u = RNG.normal(size=np.shape(f(x)))
    of = lambda f: lambda x: np.sum(u * f(x)) + np.sum(f(x) ** 3)
    loss = of(f)
    first, *others = (hoad.hvp(loss, x, v, mode=m) for m in HVP_MODES)
    for h in others:
        close(h, first, 1e-12)
    close(hoad.vhv(loss, x, v), np.sum(first * v), 1e-12)
    close(np.tensordot(hoad.hessian(loss)(x), v, x.ndim), first, 1e-12)
    close(hoad.linearize_hvp(loss, x)[2](v), first, 1e-12)
    close(hoad.linearize(f, x)[1](v), hoad.jvp(f, (x,), (v,))[1], 1e-13)
    close(hoad.jacfwd(f)(x), hoad.jacrev(f)(x), 1e-12)
    close(hoad.grad(hoad.checkpoint(loss))(x), hoad.grad(loss)(x), 1e-13)
    h = 1e-4
    q = lambda t: f(x + t * v)
    close(hoad.jvp(f, (x,), (v,))[1], (8 * (q(h) - q(-h)) - (q(2 * h) - q(-2 * h))) / (12 * h), 1e-9)
    if closed is None:
        return
    exact = of(closed)
    close(f(x), closed(x), 1e-14)
    close(hoad.grad(loss)(x), hoad.grad(exact)(x), 1e-13)
    close(first, hoad.hvp(exact, x, v), 1e-12)
    third = lambda loss: hoad.grad(lambda x: np.sum(w * hoad.hvp(loss, x, v)))(x)
    close(third(loss), third(exact), 1e-12)
    ours, theirs = hoad.taylor(f, x, v, 6), hoad.taylor(closed, x, v, 6)
    for n in range(7):
        close(ours[n], theirs[n], 1e-11)


@over_pairs
def test_program_solves_again(f, closed, x):
    loss = lambda x: hoad.grad(lambda x: np.sum(f(x) ** 2))(x)
    other = x * 1.01
    close(hoad.trace(loss)(x).check()(other), loss(other), 1e-14)


@over_pairs
def test_vmap_nests_with_every_mode(f, closed, x):
    xs = x * (1 + 0.01 * np.arange(3).reshape(3, *(1,) * x.ndim))
    v = RNG.normal(size=x.shape)
    loss = lambda x: np.sum(f(x) ** 2)
    calls = [
        f,
        hoad.grad(loss),
        lambda x: hoad.hvp(loss, x, v),
        lambda x: hoad.taylor(f, x, v, 3)[3],
        hoad.hessian(loss),
        lambda x: hoad.vmap(f)(np.stack([x, 1.01 * x])),
    ]
    for call in calls:
        close(hoad.vmap(call)(xs), np.stack([call(x) for x in xs]), 1e-13)
    total = lambda xs: np.sum(hoad.vmap(f)(xs) ** 2)
    close(hoad.grad(total)(xs), np.stack([hoad.grad(loss)(x) for x in xs]), 1e-13)
    close(hoad.hvp(total, xs, xs), np.stack([hoad.hvp(loss, x, x) for x in xs]), 1e-13)
    series = np.stack([hoad.taylor(f, x, v, 3)[3] for x in xs])
    close(hoad.taylor(hoad.vmap(f), xs, np.stack([v] * 3), 3)[3], series, 1e-13)


def test_pointwise_blocks_are_the_loop_over_points():
    v = RNG.normal(size=PLANE_AT.shape)
    found = hoad.jvp(plane, (PLANE_AT,), (v,))[1]
    for i in range(3):
        for j in range(4):
            expected = hoad.jvp(plane_at_one_point, (PLANE_AT[:, i, j],), (v[:, i, j],))[1]
            close(found[:, i, j], expected, 1e-14)


@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_any_number_of_components(m):
    """A linear system at each point, in both structures and with np.linalg.solve."""
    a, b = RNG.normal(size=(m, m, 6)) + 3 * np.eye(m)[:, :, None], RNG.normal(size=(m, 6))
    inner = lambda a, b: np.linalg.solve(np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0)[..., None])[..., 0].T
    residual = lambda z, a, b: np.sum(a * z, axis=1) - b
    solve = hoad.implicit(residual, inner, structure="pointwise", components=m)
    va, vb = RNG.normal(size=a.shape), RNG.normal(size=b.shape)
    ours, theirs = (hoad.jet(f, (a, b), ([va], [vb])) for f in (solve, inner))
    close(ours[0], theirs[0], 1e-13)
    loss = lambda f: lambda a, b: np.sum(f(a, b) ** 3)
    for argument in (0, 1):
        close(hoad.grad(loss(solve), argument)(a, b), hoad.grad(loss(inner), argument)(a, b), 1e-12)
    along = lambda f: hoad.taylor(lambda t: f(a + t * va, b + t * vb), 0.0, 1.0, 4)
    close(along(solve), along(inner), 1e-11)


# -- arguments ------------------------------------------------------------------------------------------------------------------


def test_containers_integers_and_arguments_without_derivative():
    residual = lambda z, p, k, unused: z**k - p["a"] * p["b"][0]
    solve = hoad.implicit(residual, lambda p, k, unused: (p["a"] * p["b"][0]) ** (1 / k))
    p = {"a": np.array([2.0, 3.0]), "b": (np.float64(1.5), None)}
    g, zero = hoad.grad(lambda p, k, unused: np.sum(solve(p, k, unused)), (0, 2))(p, 3, np.ones(4))
    z = solve(p, 3, np.ones(4))
    close(g["a"], 1.5 / (3 * z**2), 1e-14)
    close(g["b"][0], np.sum(p["a"] / (3 * z**2)), 1e-14)
    assert np.array_equal(zero, np.zeros(4))
    y, t = hoad.jvp(lambda u: solve(p, 3, u), (np.ones(4),), (np.ones(4),))
    assert np.array_equal(t, np.zeros(2))
    assert np.array_equal(hoad.taylor(lambda u: solve(p, 3, u), np.ones(4), np.ones(4), 3)[1:], np.zeros((3, 2)))
    assert np.array_equal(y, z)


def test_the_solver_runs_once_and_sees_plain_arrays():
    calls = []

    def solver(a):
        calls.append(type(a))
        return np.sqrt(a)

    solve = hoad.implicit(lambda z, a: z * z - a, solver, structure="pointwise")
    a = np.array([1.0, 2.0])
    hoad.hvp(lambda a: np.sum(solve(a)), a, a)
    hoad.taylor(solve, a, a, 8)
    hoad.hessian(lambda a: np.sum(solve(a)))(a)
    hoad.jvp(lambda a: hoad.jvp(lambda a: hoad.jvp(solve, (a,), (a,))[1], (a,), (a,))[1], (a,), (a,))
    assert calls == [np.ndarray] * 4
    hoad.vmap(solve)(np.ones((3, 2)))
    assert calls == [np.ndarray] * 7


def test_value_is_the_solvers():
    near = np.sqrt(2.0) * (1 + 1e-9)
    solve = hoad.implicit(lambda z, a: z * z - a, lambda a: near)
    for y in (
        solve(2.0),
        hoad.jvp(solve, (2.0,), (1.0,))[0],
        hoad.taylor(solve, 2.0, 1.0, 2)[0],
        hoad.value_and_grad(solve)(2.0)[0],
    ):
        assert y == near


def test_a_minimiser_is_a_root_of_the_gradient():
    """argmin of sum (z^4 / 4 + a z^2 / 2 - b z): the residual is itself a derivative taken by hoad."""
    energy = lambda z, a, b: np.sum(z**4 / 4 + a * z**2 / 2 - b * z)
    argmin = hoad.implicit(
        hoad.grad(energy), newton(lambda z, a, b: z**3 + a * z - b, lambda z, a, b: 3 * z**2 + a, lambda a, b: b / a)
    )
    cubic = hoad.implicit(lambda z, a, b: z**3 + a * z - b, argmin, structure="pointwise")
    a, b = np.array([1.0, 2.0, 0.7]), np.array([0.3, -1.0, 0.5])
    for f in (lambda f: hoad.grad(f, (0, 1))(a, b), lambda f: hoad.hessian(f, 1)(a, b)):
        ours, theirs = (f(lambda a, b, g=g: np.sum(g(a, b) ** 2)) for g in (argmin, cubic))
        for found, expected in zip(ours, theirs, strict=True):
            close(found, expected, 1e-13)
    close(hoad.taylor(lambda b: argmin(a, b), b, b, 5), hoad.taylor(lambda b: cubic(a, b), b, b, 5), 1e-12)


def test_a_solution_inside_a_residual():
    """w with w + sqrt(w) = a, where the root is itself implicit: z = (sqrt(1 + 4 a) - 1) / 2, w = z^2."""
    inner = hoad.implicit(lambda z, w: z * z - w, np.sqrt)
    outer = hoad.implicit(lambda w, a: w + inner(w) - a, lambda a: ((np.sqrt(1 + 4 * a) - 1) / 2) ** 2)
    closed = lambda a: ((np.sqrt(1 + 4 * a) - 1) / 2) ** 2
    close(hoad.taylor(outer, 2.0, 1.0, 5), hoad.taylor(closed, 2.0, 1.0, 5), 1e-12)
    close(hoad.grad(hoad.grad(hoad.grad(outer)))(2.0), hoad.grad(hoad.grad(hoad.grad(closed)))(2.0), 1e-12)


def test_single_precision():
    solve = hoad.implicit(lambda z, a: z * z - a, np.sqrt, structure="pointwise")
    a = np.array([2.0, 3.0], np.float32)
    loss = lambda a: np.sum(solve(a) ** 3)
    for found, expected in ((hoad.grad(loss)(a), 1.5 * np.sqrt(a)), (hoad.hvp(loss, a, np.ones_like(a)), 0.75 / np.sqrt(a))):
        assert found.dtype == np.float32
        close(found, expected, 1e-6)


@pytest.mark.parametrize("f", [field, plane, hoad.implicit(_plane_residual, _plane_solver)], ids=["field", "plane", "dense"])
def test_arrays_stay_on_their_device(f):
    x = PLANE_AT if f is plane else PLANE_AT[:, 0, 0]
    args = (0.3 * x, x[::-1]) if f is field else (x,)
    v = RNG.normal(size=x.shape)

    def calls(x, v, extra):
        g = lambda x: f(extra, x) if f is field else f(x)
        loss = lambda x: np.sum(g(x) ** 2)
        return [g(x), hoad.grad(loss)(x), hoad.hvp(loss, x, v), hoad.taylor(g, x, v, 3)[3], hoad.vmap(g)(np.stack([x, x]))]

    device = calls(BACKEND.asarray(x), BACKEND.asarray(v), BACKEND.asarray(args[0]))
    for found, expected in zip(device, calls(x, v, args[0]), strict=True):
        assert type(found) is Guarded
        close(BACKEND.to_host(found), expected, 1e-13)


@pytest.mark.parametrize("structure", ["dense", "pointwise"])
def test_scalars_and_empty_arrays(structure):
    solve = hoad.implicit(lambda z, a: z * z - a, np.sqrt, structure=structure)
    assert type(solve(np.float64(4.0))) is np.float64
    assert type(hoad.grad(solve)(4.0)) is np.float64
    assert hoad.grad(lambda a: np.sum(solve(a)))(np.ones((0, 2))).shape == (0, 2)
    close(hoad.grad(lambda a: np.sum(solve(a)))(np.full((1, 1), 4.0)), [[0.25]])


# -- errors ---------------------------------------------------------------------------------------------------------------------

square = lambda z, a: z * z - a


def _raises(match, residual, solver, a=2.0, call=None, **options):
    solve = hoad.implicit(residual, solver, **options)
    with pytest.raises(ImplicitError, match=match):
        (call or (lambda f, a: f(a)))(solve, a)


TRANSFORMS = [
    lambda f, a: f(a),
    lambda f, a: hoad.jvp(f, (a,), (a,)),
    lambda f, a: hoad.vjp(f, a),
    lambda f, a: hoad.taylor(f, a, a, 2),
]
over_transforms = pytest.mark.parametrize("call", TRANSFORMS, ids=["plain", "forward", "reverse", "taylor"])


@over_transforms
def test_a_wrong_solution_is_reported(call):
    for factor in (1 + 1e-5, 1 - 1e-6, 2.0):
        for scale in (1e-12, 1.0, 1e12):
            solver = lambda a, factor=factor: np.sqrt(a) * factor
            _raises("does not solve .* Newton step would change it by", square, solver, 2.0 * scale**2, call)
            _raises("does not solve", square, solver, np.array([2.0, 3.0]) * scale**2, call, structure="pointwise")
            _raises("does not solve", square, solver, np.array([2.0, 3.0]) * scale**2, call)
    _raises("does not solve", square, lambda a: np.sqrt(a) * (1 + 1e-9), 2.0, call, tolerance=1e-10)
    accepted = hoad.implicit(square, lambda a: np.sqrt(a) * (1 + 1e-5), check=False)
    call(accepted, 2.0)
    call(hoad.implicit(square, lambda a: np.sqrt(a) * (1 + 1e-8)), 2.0)


def test_the_root_zero_is_accepted():
    """Rounding of the size of the arguments is no error, though nothing else gives z a scale."""
    solve = hoad.implicit(lambda z, a, b: np.sinh(z) - (a - b), lambda a, b: np.arcsinh(a - b) + 1e-14)
    close(hoad.grad(solve, (0, 1))(300.0, 300.0), (1.0, -1.0))
    solve = hoad.implicit(lambda z, a: np.sinh(z) - (a[0] - a[1]), lambda a: np.arcsinh(a[0] - a[1]) - 1e-14)
    close(hoad.grad(solve)(np.array([1e9, 1e9])), (1.0, -1.0))
    solve = hoad.implicit(lambda z, a: np.sinh(z) - a, lambda a: np.arcsinh(a) + 1e-17)
    close(hoad.grad(solve)(0.0), 1.0)
    _raises("does not solve", lambda z, a: np.sinh(z) - a, lambda a: np.arcsinh(a) + 1e-3, 0.0)


@over_transforms
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_is_reported(call):
    _raises("solver's result is NaN or infinite", square, lambda a: np.nan * a, 2.0, call)
    _raises("the residual is NaN or infinite", lambda z, a: np.log(-z) - a, np.exp, 2.0, call)
    _raises("the Jacobian of the residual is NaN or infinite", lambda z, a: np.sqrt(z) * a, lambda a: 0 * a, 2.0, call)


@over_transforms
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_singular_jacobian_is_reported(call):
    double = lambda z, a: (z - a) ** 2
    _raises("singular", double, lambda a: a, 2.0, call)
    _raises("singular", double, lambda a: a, np.array([2.0, 3.0]), call, structure="pointwise")
    dependent = lambda z, a: np.stack([z[0] + z[1] - a[0], 2 * z[0] + 2 * z[1] - 2 * a[0]])
    _raises("singular", dependent, lambda a: np.array([a[0], 0.0]), np.array([2.0, 3.0]), call)
    nearly = lambda z, a: np.stack([z[0] + z[1] - a[0], z[0] + (1 + 2e-16) * z[1] - a[0]])
    _raises("singular", nearly, lambda a: np.array([a[0], 0.0]), np.array([2.0, 3.0]), call)
    fields = lambda z, a: np.stack([z[0] * z[1] - a[0], z[0] * z[1] - a[0]])
    _raises("singular", fields, lambda a: np.stack([a[0], 0 * a[0] + 1]), np.ones((2, 5)), call, structure="pointwise")


def test_a_singular_jacobian_is_reported_without_check_too():
    for structure in ("dense", "pointwise"):
        solve = hoad.implicit(lambda z, a: (z - a) ** 2, lambda a: a, structure=structure, check=False)
        for a in (2.0, np.array([2.0, 3.0])):
            assert np.array_equal(solve(a), a)
            for call in (TRANSFORMS[1], lambda f, a: hoad.vjp(f, a)[1](a), TRANSFORMS[3]):
                with pytest.raises(ImplicitError, match="singular"):
                    call(solve, a)


def test_units_are_no_singularity():
    """A stress near 1e9 beside a strain near 1e-9."""
    residual = lambda z, p: np.stack([z[0] - 2e17 * z[1] - p[0], z[0] + 1e9 * np.sin(1e9 * z[1]) - p[1]])

    def solver(p, wrong=0.0):
        z1 = brentq(lambda w: p[0] + 2e8 * w + 1e9 * np.sin(w) - p[1], 0, 2, xtol=1e-15) / 1e9
        return np.array([p[0] + 2e17 * z1, z1 * (1 + wrong)])

    p, step = np.array([1e8, 1.2e9]), np.array([1e3, 1e4])
    solve = hoad.implicit(residual, solver)
    difference = (solver(p + step) - solver(p - step)) / 2
    np.testing.assert_allclose(hoad.jvp(solve, (p,), (step,))[1], difference, rtol=1e-6)
    _raises("does not solve", residual, lambda p: solver(p, 1e-5), p)
    scaled = lambda z, p: np.stack([1e30 * (z[0] + z[1] - p[0]), z[0] - z[1] - p[1]])
    solve = hoad.implicit(scaled, lambda p: np.stack([p[0] + p[1], p[0] - p[1]]) / 2)
    close(hoad.jacobian(solve)(np.array([3.0, 1.0])), [[0.5, 0.5], [0.5, -0.5]], 1e-15)


@over_transforms
def test_shapes_are_reported(call):
    _raises(r"returned shape \(\), expected \(2,\)", lambda z, a: np.sum(z * z - a), np.sqrt, np.array([2.0, 3.0]), call)
    _raises(r"returned shape \(\(2,\), \(2,\)\)", lambda z, a: (z, a), np.sqrt, np.array([2.0, 3.0]), call, check=False)
    options = {"structure": "pointwise", "components": 3}
    _raises(r"returned shape \(2, 4\), expected a leading axis of components=3", square, np.sqrt, np.ones((2, 4)), call, **options)


@pytest.mark.parametrize("call", TRANSFORMS[1:], ids=["forward", "reverse", "taylor"])
def test_a_coupling_between_points_is_reported(call):
    neighbours = lambda z, a: z * z - a + 0.1 * (np.roll(z, 1) - z)
    _raises("couples unknowns of different points", neighbours, np.sqrt, np.full(5, 2.0), call, structure="pointwise")
    vanishing = lambda z, a: z * z - a + (np.roll(z, 1) - np.sqrt(2.0)) ** 2  # its slope is zero at this solution
    _raises("couples unknowns", vanishing, np.sqrt, np.full(5, 2.0), call, structure="pointwise")
    _raises("couples unknowns", lambda z, a: neighbours(z.T, a.T).T, np.sqrt, np.full((2, 5), 2.0), call, structure="pointwise")
    _raises(r"1 component\(s\)", _plane_residual, _plane_solver, PLANE_AT[:, 0, 0], call, structure="pointwise")
    call(hoad.implicit(_plane_residual, _plane_solver, structure="pointwise", components=2), PLANE_AT[:, 0, 0])


@over_transforms
def test_complex_numbers_are_reported(call):
    _raises("the solver's result is complex", square, lambda a: np.sqrt(a + 0j))
    _raises("the residual is complex", lambda z, a: 1j * square(z, a), np.sqrt)
    _raises("an argument is complex", lambda z, a: np.real(square(z, a)), lambda a: 1.0, 1 + 0j)


def test_traced_values_from_outside_are_reported():
    outside = [
        lambda p: hoad.implicit(lambda z, a: z * z - a * p, lambda a: np.sqrt(6.0))(2.0),
        lambda p: hoad.implicit(lambda z, a: z * z - a * p, lambda a: np.sqrt(6.0), check=False)(p),
        lambda p: hoad.implicit(lambda z, a: z * z - a, lambda a: np.sqrt(a) * p / 3.0)(2.0),
    ]
    for f in outside:
        with pytest.raises(ClosureError, match=r"hoad\.implicit uses a traced value"):
            hoad.grad(f)(3.0)


def test_options_are_examined():
    with pytest.raises(ValueError, match="structure is 'sparse', expected 'dense' or 'pointwise'"):
        hoad.implicit(square, np.sqrt, structure="sparse")
    with pytest.raises(ValueError, match="number of unknowns at one point"):
        hoad.implicit(square, np.sqrt, components=2)
    with pytest.raises(ValueError, match="number of unknowns at one point"):
        hoad.implicit(square, np.sqrt, structure="pointwise", components=0)
