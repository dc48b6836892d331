"""scan, fori_loop, while_loop: the same numbers as a loop of Python in every mode, order and nesting; typed errors for the rest."""

from __future__ import annotations

import threading
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest

import hoad
from hoad.errors import LeakedTraceError, LoopError, TracedConversionError

from .compositions import derivative, words

X, V = np.array([0.7, 0.4, 0.9]), np.array([0.5, -1.0, 0.8])
A = np.array([[0.2, -0.7, 0.1], [0.5, 0.3, -0.4], [-0.6, 0.2, 0.4]])
POLICIES = (None, 1, 2, 3, 50, "all")


def close(found, expected, rtol=1e-11):
    expected = np.asarray(expected)
    assert np.shape(found) == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * max(1.0, np.abs(expected).max(initial=0)))


class State(NamedTuple):
    position: np.ndarray
    speed: np.ndarray


def python_scan(f, init, xs=None, length=None, reverse=False):
    """The meaning of scan, for xs and ys that are arrays."""
    n = len(xs) if xs is not None else length
    rows = [None] * n
    for k in reversed(range(n)) if reverse else range(n):
        init, rows[k] = f(init, None if xs is None else xs[k])
    return init, np.stack(rows) if n and rows[0] is not None else None


def rolled(policy):
    return partial(hoad.scan, checkpoint=policy)


# Each case takes the scan to use and returns a function of X; between them they cover what a step can do.


def recurrence(scan):
    """x in init, xs and closure; ys used."""

    def f(x):
        c, ys = scan(lambda c, a: (np.tanh(A @ c + a * x), c[0] * a), x * 0.5, np.outer(np.linspace(0.1, 1, 7), x)[:, 1])
        return np.sum(c**2) + np.sum(ys**3)

    return f


def closed_over_only(scan):
    """Nothing traced but what the step closes over, through two functions and a default."""

    def f(x):
        def inner(c, y=x[1]):
            return np.sin(c * x[0]) + y

        def step(c, a):
            return inner(c) + a * x[2], c * 2.0

        c, ys = scan(step, 0.3, np.linspace(0, 1, 5))
        return c + np.sum(ys**2)

    return f


def backwards(scan):
    def f(x):
        c, ys = scan(lambda c, a: (c * np.cos(a) + x, c * a[0]), x, np.outer(np.arange(1.0, 6.0), x), reverse=True)
        return np.sum(c) + np.sum(ys * np.arange(5.0)[:, None])

    return f


def containers(scan):
    def f(x):
        def step(s, _):
            a = -np.sin(s["s"].position) * x[0]
            speed = s["s"].speed + 0.1 * a
            return {"s": State(s["s"].position + 0.1 * speed, speed), "n": s["n"] + 1}, None

        out, ys = scan(step, {"s": State(x, 0 * x), "n": 0}, length=6)
        assert ys is None
        assert out["n"] == 6
        return np.sum(out["s"].position ** 2) + np.sum(out["s"].speed)

    return f


def in_place(scan):
    """The carry is updated in place."""

    def f(x):
        def step(c, a):
            c[1:] *= a * x[:-1]
            c[0] += np.sum(c)
            return c, c[0] * 1.0

        c, ys = scan(step, np.ones(3) * x, np.linspace(0.5, 1, 6))
        return np.sum(c * x) + np.sum(ys)

    return f


def branches(scan):
    """The step depends on values and on its number."""

    def f(x):
        def step(c, a):
            if c[0] > 0.8:
                return c * x, np.sum(c)
            bent = np.where(c > 0.5, np.sqrt(c + 2.0), c * c)
            return c + 0.3 * np.sin(bent + a), c[1] * a

        c, ys = scan(step, x, np.linspace(0, 1, 8))
        return np.sum(c**2) + np.sum(ys)

    return f


def nested(scan):
    """A loop in a loop, which closes over the carry of the outer one."""

    def f(x):
        def outer(c, a):
            d, ys = scan(lambda d, b: (np.sin(d * b + c[0] * x[2]), d * c[1]), a * x[1], np.linspace(0.2, 1, 4))
            return c * 0.9 + d * x, np.sum(ys) + d

        c, ys = scan(outer, x, np.linspace(0, 1, 5))
        return np.sum(c**2) + np.sum(ys)

    return f


def derivatives_inside(scan):
    """Steps that differentiate: a gradient, a Taylor coefficient and a batch."""

    def f(x):
        potential = lambda q: np.sum(np.cos(q * x[0]) * q)

        def step(c, a):
            force = hoad.grad(potential)(c)
            bend = hoad.taylor(lambda q: np.sum(np.sin(q) * x), c, c + a, 2)[2]
            many = hoad.vmap(lambda s: np.sin(s * x[1]) * s)(c)
            return c - 0.1 * force + 0.05 * many, bend

        c, ys = scan(step, x, np.linspace(0, 0.4, 4))
        return np.sum(c**2) + np.sum(ys)

    return f


def ys_of_other_levels(scan):
    """Some steps return results that do not depend on x at all."""

    def f(x):
        def step(c, k):
            new = c + (x if k[0] > 2 else 0.5)
            return new, (c * x if k[0] > 3 else c) * 1.0

        c, ys = scan(step, np.ones(3), np.arange(5.0)[:, None])
        return np.sum(c**3) + np.sum(ys**2)

    return f


CASES = [
    recurrence,
    closed_over_only,
    backwards,
    containers,
    in_place,
    branches,
    nested,
    derivatives_inside,
    ys_of_other_levels,
]
over_cases = pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
over_policies = pytest.mark.parametrize("policy", POLICIES, ids=str)


@over_cases
@over_policies
def test_values_and_first_derivatives_are_those_of_a_python_loop(case, policy):
    f, g = case(rolled(policy)), case(python_scan)
    assert f(X) == g(X)
    close(hoad.grad(f)(X), hoad.grad(g)(X))
    close(hoad.jvp(f, (X,), (V,))[1], hoad.jvp(g, (X,), (V,))[1])
    close(hoad.taylor(f, X, V, 4), hoad.taylor(g, X, V, 4))
    _, pull = hoad.vjp(f, X)
    close(pull(1.0)[0], hoad.grad(g)(X))
    close(pull(2.0)[0], 2 * hoad.grad(g)(X))  # again, after the first sweep has used the states


@over_cases
@pytest.mark.parametrize("policy", [None, 2, "all"], ids=str)
@pytest.mark.parametrize("order", [2, 3])
def test_every_composition_of_modes(case, policy, order):
    f, g = case(rolled(policy)), case(python_scan)
    expected = derivative(g, X, "F" * order, V)
    chosen = words(order, "FRT") if order == 2 else ["FFR", "FRF", "RFF", "RRF", "RFR", "FRR", "RRR", "TRF", "RTF", "RFT", "taylor"]
    for word in chosen:
        assert derivative(f, X, word, V, order) == pytest.approx(expected, rel=1e-9, abs=1e-9), word


@over_cases
@pytest.mark.parametrize("policy", [None, 3], ids=str)
def test_second_derivatives_and_batches(case, policy):
    f, g = case(rolled(policy)), case(python_scan)
    h = hoad.hessian(g)(X)
    for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
        close(hoad.hvp(f, X, V, mode=mode), h @ V)
    close(hoad.hessian(f)(X), h)
    close(hoad.jacrev(hoad.grad(f))(X), h)
    close(hoad.jacfwd(hoad.grad(f))(X), h)
    close(hoad.vhv(f, X, V), V @ h @ V)
    close(hoad.linearize_hvp(f, X)[2](V), h @ V)
    close(hoad.linearize(f, X)[1](V), hoad.grad(g)(X) @ V)
    close(hoad.trace(f)(X).check()(X), g(X))
    close(hoad.HessianOperator(f, X) @ V, h @ V)
    hoad.check_derivatives(f, (X,), order=2)


@pytest.mark.parametrize("case", [c for c in CASES if c is not branches], ids=lambda c: c.__name__)
@pytest.mark.parametrize("policy", [None, 2, "all"], ids=str)
def test_vmap_around_inside_and_between(case, policy):
    f, g = case(rolled(policy)), case(python_scan)
    xs = np.stack([X, X[::-1], X * 0.5, X + 0.1])
    close(hoad.vmap(f)(xs), [g(x) for x in xs])
    gradients = np.stack([hoad.grad(g)(x) for x in xs])
    close(hoad.vmap(hoad.grad(f))(xs), gradients)
    close(hoad.grad(lambda xs: np.sum(hoad.vmap(f)(xs)))(xs), gradients)
    total = lambda xs: np.sum(hoad.vmap(f)(xs) ** 2)
    h = [2 * np.outer(a, a) @ V + 2 * g(x) * hoad.hvp(g, x, V) for a, x in zip(gradients, xs)]
    close(hoad.hvp(total, xs, np.stack([V] * 4)), h, 1e-10)
    close(hoad.vmap(hoad.hessian(f))(xs), [hoad.hessian(g)(x) for x in xs], 1e-10)
    close(hoad.vmap(lambda x: hoad.taylor(f, x, V, 3)[3])(xs), [hoad.taylor(g, x, V, 3)[3] for x in xs])


@over_policies
def test_a_batch_that_appears_on_the_way(policy):
    """grad over vmap where carry, xs and some ys have no batch axis at first, which the cotangents have to lose again."""
    b = np.linspace(0.5, 1.5, 4)

    def one(scan, x, b):
        def step(c, k):
            return (c * b + x if k > 1 else c * x), (c if k < 3 else c * b)

        c, ys = scan(step, x, np.arange(5.0) * x)
        return c + np.sum(ys**2)

    f = lambda x: np.sum(hoad.vmap(lambda b: one(rolled(policy), x, b))(b))
    g = lambda x: sum(one(python_scan, x, v) for v in b)
    close(f(0.8), g(0.8))
    close(hoad.grad(f)(0.8), hoad.grad(g)(0.8))
    close(hoad.grad(hoad.grad(f))(0.8), hoad.grad(hoad.grad(g))(0.8))
    close(hoad.hvp(f, 0.8, 1.0), hoad.hvp(g, 0.8, 1.0))


def test_xs_and_ys_are_containers_and_batched_along_any_axis():
    def f(w, xs):
        def step(c, x):
            c = np.tanh(w @ c + x["a"] * x["b"][0])
            return c, (c[0], {"d": np.outer(c, c)})

        c, (first, rest) = hoad.scan(step, np.zeros(3), xs)
        return np.sum(c) + np.sum(first**2) + np.sum(rest["d"][:, 0, 1])

    rng = np.random.default_rng(0)
    xs = {"a": rng.normal(size=(6, 3)), "b": (rng.normal(size=6),)}
    gw, gx = hoad.grad(f, (0, 1))(A, xs)
    assert gx["a"].shape == (6, 3)
    t = hoad.jvp(f, (A, xs), (A, xs))[1]
    close(np.sum(gw * A) + np.sum(gx["a"] * xs["a"]) + np.sum(gx["b"][0] * xs["b"][0]), t)
    many = np.moveaxis(np.stack([xs["a"], 2 * xs["a"]]), 0, 2)
    g = lambda a: f(A, {"a": a, "b": xs["b"]})
    total = lambda many: np.sum(hoad.vmap(g, in_axes=2)(many))
    close(hoad.grad(total)(many)[:, :, 1], hoad.grad(g)(2 * xs["a"]))


def test_jacobians_by_blocks_of_directions():
    f = lambda x: hoad.scan(lambda c, a: (np.sin(A @ c) * a * x[0], c * x), x, np.linspace(0.5, 1, 4))
    g = lambda x: python_scan(lambda c, a: (np.sin(A @ c) * a * x[0], c * x), x, np.linspace(0.5, 1, 4))
    for transform in (hoad.jacrev, hoad.jacfwd, lambda f: hoad.jacrev(hoad.jacrev(f)), lambda f: hoad.jacfwd(hoad.jacrev(f))):
        for found, expected in zip(transform(f)(X), transform(g)(X)):
            close(found, expected)


def test_an_inner_gradient_closes_over_an_outer_one():
    """The inner function of each level closes over values of all outer levels, and over nothing of its own."""

    def f(x):
        def g(y):
            def h(z):
                return hoad.scan(lambda c, a: (np.sin(c * z) * y + a * x, None), x * y, np.arange(1.0, 5.0))[0]

            return hoad.grad(h)(y * x)

        return hoad.grad(g)(x) * hoad.grad(lambda y: hoad.fori_loop(0, 3, lambda i, c: c * x + y, 1.0))(x)

    def plain(x):
        def g(y):
            def h(z):
                c = x * y
                for a in np.arange(1.0, 5.0):
                    c = np.sin(c * z) * y + a * x
                return c

            return hoad.grad(h)(y * x)

        return hoad.grad(g)(x) * (1 + x + x * x)

    close(f(0.6), plain(0.6))
    close(hoad.grad(f)(0.6), hoad.grad(plain)(0.6))
    close(hoad.taylor(f, 0.6, 1.0, 3), hoad.taylor(plain, 0.6, 1.0, 3))


def test_what_is_closed_over_may_hide_in_an_object():
    class Model:
        def __init__(self, theta):
            self.parts = [{"theta": theta}]

        def step(self, c, x):
            return c * self.parts[0]["theta"] + x, None

    f = lambda theta: hoad.scan(Model(theta).step, 1.0, np.arange(4.0))[0]
    hidden = {}

    def through_a_global(theta):
        hidden["theta"] = theta
        return hoad.scan(lambda c, x: (c * eval("hidden['theta']", {"hidden": hidden}) + x, None), 1.0, np.arange(4.0))[0]

    for g in (f, through_a_global):
        assert hoad.grad(g)(2.0) == 4 * 8 + 4 + 2  # t^4 + t^2 + 2 t + 3
        assert hoad.grad(hoad.grad(g))(2.0) == 12 * 4 + 2
        assert hoad.hvp(g, 2.0, 1.0) == 50


# -- while_loop and fori_loop -----------------------------------------------------------------------------------------------


def heron(a, policy=None):
    return hoad.while_loop(
        lambda s: np.abs(s["y"] ** 2 - a) > 1e-13, lambda s: {"y": (s["y"] + a / s["y"]) / 2}, {"y": a}, checkpoint=policy
    )["y"]


@over_policies
def test_while_loop_in_every_mode(policy):
    """Newton's method doubles the number of correct digits of each derivative too, so a few steps more than the value needs."""

    def root(a):
        def body(s):
            return s[0] + 1, (s[1] + a / s[1]) / 2

        return hoad.while_loop(lambda s: s[0] < 9, body, (0, a), checkpoint=policy)[1]

    for order, expected in ((1, 0.25), (2, -1 / 32), (3, 3 / 256)):
        for word in words(order, "FRT"):
            assert derivative(root, 4.0, word, 1.0, order) == pytest.approx(expected, rel=1e-10), word
    assert heron(4.0, policy) == pytest.approx(2.0, rel=1e-14)
    assert hoad.grad(heron)(4.0, policy) == pytest.approx(0.25, rel=1e-9)
    _, pull = hoad.vjp(root, 4.0)
    assert pull(1.0) == pull(1.0)


@over_policies
def test_while_loop_under_vmap_ends_for_each_entry_by_itself(policy):
    def collatz(x):
        """Halve until below one: the number of halvings differs, and so does the slope."""
        return hoad.while_loop(lambda c: c[0] >= 1, lambda c: (c[0] / 2, c[1] + c[0] * x), (x, 0.0), checkpoint=policy)[1]

    def plain(x):
        c, s = x, 0.0
        while c >= 1:
            c, s = c / 2, s + c * x
        return s

    xs = np.array([0.5, 1.5, 9.0, 100.0, 3.0])
    np.testing.assert_array_equal(hoad.vmap(collatz)(xs), [plain(x) for x in xs])
    close(hoad.vmap(hoad.grad(collatz))(xs), [hoad.grad(plain)(x) for x in xs])
    close(hoad.grad(lambda xs: np.sum(hoad.vmap(collatz)(xs)))(xs), [hoad.grad(plain)(x) for x in xs])
    close(hoad.vmap(hoad.hessian(collatz))(xs), [hoad.hessian(plain)(x) for x in xs])
    close(hoad.vmap(lambda x: hoad.taylor(collatz, x, 1.0, 3)[2])(xs), [hoad.taylor(plain, x, 1.0, 3)[2] for x in xs])
    close(hoad.vmap(hoad.vmap(collatz))(xs[:4].reshape(2, 2)), [[plain(0.5), plain(1.5)], [plain(9.0), plain(100.0)]])


def test_an_entry_that_has_ended_does_not_spoil_the_others():
    """Ended entries keep being stepped; where that overflows or divides by zero nothing of it may reach a derivative."""

    def f(x):
        return hoad.while_loop(lambda c: c[0] > 0, lambda c: (c[0] - 1.0, c[1] * x + 1 / c[0]), (x, 1.0))[1]

    xs = np.array([1.0, 3.0, 5.0])
    with np.errstate(all="ignore"):
        values, gradients = hoad.vmap(f)(xs), hoad.grad(lambda xs: np.sum(hoad.vmap(f)(xs)))(xs)
        forward = hoad.vmap(lambda x: hoad.jvp(f, (x,), (1.0,))[1])(xs)
    np.testing.assert_allclose(values, [f(x) for x in xs], rtol=1e-15)
    np.testing.assert_allclose(gradients, [hoad.grad(f)(x) for x in xs], rtol=1e-13)
    np.testing.assert_allclose(forward, [hoad.grad(f)(x) for x in xs], rtol=1e-13)


@pytest.mark.parametrize("policy", [None, 1, 2, "all"], ids=str)
@pytest.mark.parametrize("loop", ["scan", "while"])
def test_a_branch_that_a_later_step_drops_contributes_exactly_zero(policy, loop):
    """The infinite slope of sqrt at 0 meets the cotangent 0 of a branch not chosen, in the same step and in a later one."""
    drops = np.array([0.0, 1.0, 0.0, 1.0, 0.0])

    def step(c, drop, x):
        return np.where(drop > 0.5, x, np.sqrt(c))

    def f(x):
        if loop == "scan":
            return hoad.scan(lambda c, a: (step(c, a, x), None), 0 * x, drops, checkpoint=policy)[0]
        body = lambda s: (s[0] + 1, step(s[1], drops[s[0]], x))
        return hoad.while_loop(lambda s: s[0] < 5, body, (0, 0 * x), checkpoint=policy)[1]

    with np.errstate(all="ignore"):
        assert hoad.grad(f)(4.0) == 0.25
        assert hoad.jvp(f, (4.0,), (1.0,))[1] == 0.25
        outer = hoad.grad(lambda x: np.where(x > 9, f(x * 0), x))(4.0)
    assert outer == 1.0


def test_fori_loop_counts_with_python_integers():
    table = np.arange(10.0)
    f = lambda x: hoad.fori_loop(2, 6, lambda i, c: c * x + table[i], 0.0)
    assert f(2.0) == ((2 * 2 + 3) * 2 + 4) * 2 + 5
    assert hoad.grad(f)(2.0) == 2 * 12 + 3 * 4 + 4
    assert hoad.fori_loop(3, 3, None, {"a": 1.0}) == {"a": 1.0}
    assert hoad.fori_loop(np.int64(0), 4, lambda i, c: c + i, 0) == 6


# -- long, empty, small -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_many_steps(n):
    """No recursion: x_(n+1) = a x_n with a^n = 2 has the derivative 2 n / a."""
    a = 2.0 ** (1 / n)
    assert hoad.grad(lambda a: hoad.scan(lambda c, _: (c * a, None), 1.0, length=n)[0])(a) == pytest.approx(2 * n / a, rel=1e-9)


def test_thousands_of_steps_in_every_mode():
    n = 4000
    a = 2.0 ** (1 / n)
    f = lambda a, checkpoint=None: hoad.fori_loop(0, n, lambda i, c: c * a, 1.0, checkpoint=checkpoint)
    second = 2 * n * (n - 1) / a**2
    assert hoad.grad(f)(a, checkpoint=40) == pytest.approx(2 * n / a, rel=1e-9)
    assert hoad.hvp(f, a, 1.0) == pytest.approx(second, rel=1e-9)
    assert hoad.grad(hoad.grad(f))(a) == pytest.approx(second, rel=1e-9)
    assert hoad.taylor(f, a, 1.0, 2)[2] == pytest.approx(second / 2, rel=1e-9)
    assert hoad.linearize(f, a)[1](1.0) == pytest.approx(2 * n / a, rel=1e-9)
    growth = lambda a: hoad.while_loop(lambda c: c < 2 - 1e-9, lambda c: c * a, 1.0)
    assert hoad.grad(growth)(a) == pytest.approx(2 * n / a, rel=1e-9)

    @hoad.custom_jvp  # its flow evaluates the series of the loop on demand, coefficient by coefficient
    def under_a_rule(a):
        return f(a)

    under_a_rule.defjvp(lambda p, t: (f(p[0]), t[0] * n * f(p[0]) / p[0]))
    assert hoad.taylor(under_a_rule, a, 1.0, 3)[3] == pytest.approx(second * (n - 2) / a / 6, rel=1e-9)


@over_policies
def test_no_steps(policy):
    f = lambda c, x: ({"c": c["c"] * x}, (c["c"][0], {"y": x}))
    carry, ys = hoad.scan(f, {"c": X}, np.zeros((0, 3)), checkpoint=policy)
    np.testing.assert_array_equal(carry["c"], X)
    assert ys[0].shape == (0,)
    assert ys[1]["y"].shape == (0, 3)
    close(hoad.grad(lambda x: np.sum(hoad.scan(f, {"c": x * x}, np.zeros((0, 3)), checkpoint=policy)[0]["c"]))(X), 2 * X)
    close(hoad.grad(lambda x: np.sum(hoad.scan(lambda c, _: (c, c), X, x * np.zeros((0, 3)))[1]) + x[0])(X), [1, 0, 0])
    assert hoad.grad(lambda x: hoad.while_loop(lambda c: c < 0, lambda c: c * c, x, checkpoint=policy))(3.0) == 1
    assert hoad.grad(lambda x: hoad.fori_loop(0, 0, lambda i, c: c * c, x, checkpoint=policy))(3.0) == 1
    one = lambda x: hoad.scan(lambda c, a: (c * a, c), x, np.array([3.0]), checkpoint=policy)
    assert hoad.grad(lambda x: one(x)[0] + np.sum(one(x)[1]))(2.0) == 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_dtypes_are_kept(dtype):
    x = X.astype(dtype) * (1 + 0.5j if np.dtype(dtype).kind == "c" else 1)
    x = x.astype(dtype)

    def f(x, scan):
        c, ys = scan(lambda c, a: (c * a * x, c), x, x)
        return np.sum(np.abs(c) ** 2) + np.sum(np.abs(ys) ** 2)

    g = hoad.grad(f)(x, hoad.scan)
    assert g.dtype == dtype
    close(g, hoad.grad(f)(x, python_scan), 1e-5 if np.dtype(dtype).itemsize in (4, 8) and dtype != np.float64 else 1e-12)


def test_integer_and_constant_parts_of_the_carry():
    def f(x):
        def step(c, _):
            k, table, y = c
            return (k + 1, table[::-1], y * x[k] + table[0]), k

        (k, table, y), ks = hoad.scan(step, (0, np.arange(3), 1.0), length=3)
        assert k == 3
        np.testing.assert_array_equal(ks, [0, 1, 2])
        np.testing.assert_array_equal(table, [2, 1, 0])
        return y

    g = lambda x: ((x[0] + 0) * x[1] + 2) * x[2] + 0
    close(hoad.grad(f)(X), hoad.grad(g)(X))
    close(hoad.hessian(f)(X), hoad.hessian(g)(X))


def test_integers_as_the_first_carry_become_what_the_step_returns():
    f = lambda x: hoad.scan(lambda c, a: (c + a * x, None), 0, np.arange(1.0, 4.0))[0]
    assert (f(2.0), hoad.grad(f)(2.0)) == (12, 6)


def test_user_arrays_are_not_changed():
    init, xs = np.ones(3), np.ones((4, 3))

    def step(c, x):
        c += x
        return c, c

    _, ys = hoad.scan(step, init, xs)
    np.testing.assert_array_equal(ys[:, 0], [2, 3, 4, 5])
    _, ys = python_scan(lambda c, x: (c + x, c + x), init, xs)
    hoad.grad(lambda x: np.sum(hoad.scan(lambda c, a: step(c, a * x), init, xs)[0]))(X)
    np.testing.assert_array_equal(init, 1)
    np.testing.assert_array_equal(xs, 1)


# -- errors ------------------------------------------------------------------------------------------------------------------

scan = hoad.scan
ERRORS = {
    "lengths": (lambda x: scan(lambda c, a: (c, None), x, (np.ones(3), np.ones(4))), "scan found leading axes of lengths [3, 4]"),
    "length and xs": (
        lambda x: scan(lambda c, a: (c, None), x, np.ones(3), length=4),
        "scan found leading axes of lengths [3] in xs and length=4",
    ),
    "no length": (lambda x: scan(lambda c, a: (c, None), x), "scan was given neither xs nor a length"),
    "negative": (lambda x: scan(lambda c, a: (c, None), x, length=-1), "scan was given length=-1"),
    "xs without axis": (
        lambda x: scan(lambda c, a: (c, None), x, 1.0),
        "scan was given xs with a number, or an array that has no axis",
    ),
    "traced length": (lambda x: scan(lambda c, a: (c, None), x, length=x), "scan was given a length of type"),
    "traced bound": (lambda x: hoad.fori_loop(0, x, lambda i, c: c, x), "fori_loop was given an upper bound of type"),
    "no pair": (
        lambda x: scan(lambda c, a: c, x, np.ones(3)),
        "the step of scan returned one array or number, expected a tuple (new carry, y)",
    ),
    "structure": (
        lambda x: hoad.fori_loop(0, 2, lambda i, c: {"b": c["a"]}, {"a": x}),
        "the step of fori_loop returned a carry with structure {'b': *}, expected {'a': *}",
    ),
    "leaf for container": (
        lambda x: hoad.while_loop(lambda c: True, lambda c: c[0], (x, x)),
        "the step of while_loop returned a carry with structure *",
    ),
    "shape": (
        lambda x: scan(lambda c, a: (np.stack([c, c]), None), x, np.ones(3)),
        "the step of scan returned a carry with shape (2,), expected ()",
    ),
    "dtype": (
        lambda x: scan(lambda c, a: (c * x, None), np.float32(1), np.ones(3)),
        "the step of scan returned a carry with dtype float64, expected float32",
    ),
    "y changes": (
        lambda x: scan(lambda c, a: (c, {"a": a} if a > 1 else a), x, np.arange(4.0)),
        "the step of scan returned a carry with a y of structure",
    ),
    "cond of an array": (
        lambda x: hoad.while_loop(lambda c: np.array([True, False]), lambda c: c, x),
        "cond of while_loop returned bool of shape (2,)",
    ),
    "cond of a number": (lambda x: hoad.while_loop(lambda c: c, lambda c: c, x), "cond of while_loop returned float64 of shape ()"),
    "cond of an integer": (lambda x: hoad.while_loop(lambda c: 1, lambda c: c, x), "cond of while_loop returned int"),
    "cond of None": (lambda x: hoad.while_loop(lambda c: None, lambda c: c, x), "cond of while_loop returned NoneType"),
    "checkpoint": (
        lambda x: scan(lambda c, a: (c, None), x, np.ones(3), checkpoint=0),
        "checkpoint is 0, expected None (keep all states)",
    ),
    "checkpoint name": (lambda x: scan(lambda c, a: (c, None), x, np.ones(3), checkpoint="some"), "checkpoint is 'some'"),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("traced", [False, True])
def test_what_makes_no_loop_is_an_error(name, traced):
    call, text = ERRORS[name]
    with pytest.raises(LoopError) as found:
        hoad.grad(call)(2.0) if traced else call(np.float64(2.0))
    assert str(found.value).startswith(text), str(found.value)
    assert hoad.grad(lambda x: x * x)(3.0) == 6  # the engine is clean


def test_a_step_that_fails_leaves_the_engine_clean():
    def failing(x):
        def step(c, k):
            if k == 2:
                raise ZeroDivisionError
            return c * x, None

        return hoad.scan(step, x, np.arange(4))[0]

    for transform in (hoad.grad, lambda f: lambda x: hoad.hvp(f, x, 1.0), hoad.hessian):
        with pytest.raises(ZeroDivisionError):
            transform(failing)(2.0)
        assert hoad.grad(lambda x: x * x)(3.0) == 6


@pytest.mark.parametrize("policy", [None, 2])
@pytest.mark.parametrize("loop", ["scan", "while"])
def test_a_step_that_cannot_be_repeated_is_an_error(policy, loop):
    rng = np.random.default_rng(0)
    calls = []

    def noisy(c):
        calls.append(0)
        return c * rng.normal(size=3)

    def f(x):
        if loop == "scan":
            return np.sum(hoad.scan(lambda c, _: (noisy(c) * x, None), x, length=5, checkpoint=policy)[0])
        return np.sum(hoad.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, noisy(c[1]) * x), (0, x), checkpoint=policy)[1])

    with pytest.raises(LoopError, match=r"step \d of a loop gave another result when the reverse sweep repeated it"):
        hoad.grad(f)(X)


def test_an_array_overwritten_between_loop_and_sweep_is_an_error():
    weights = np.ones(3)

    def f(x):
        y = hoad.scan(lambda c, _: (c * weights * x, None), x, length=4)[0]
        weights[:] = 5.0
        return np.sum(y)

    with pytest.raises(LoopError, match="uses an array that was overwritten"):
        hoad.grad(f)(X)

    def only_ys(x):
        ys = hoad.scan(lambda c, _: (c * x, np.sum(c * weights * x)), x, length=4)[1]
        weights[0] = -1.0
        return np.sum(ys)

    with pytest.raises(LoopError, match="uses an array that was overwritten"):
        hoad.grad(only_ys)(X)


def test_values_that_leave_a_step_are_an_error_and_never_a_wrong_derivative():
    kept = []

    def leak(x):
        def step(c, _):
            kept.append(c * x)
            return c * x, None

        c = hoad.scan(step, x, length=3)[0]
        return c + kept[-1]

    def within(x):
        kept.clear()

        def step(c, _):
            kept.append(c * x)
            return c * x + kept[0], None

        return hoad.scan(step, x, length=3)[0]

    with pytest.raises((LeakedTraceError, IndexError)):
        hoad.grad(leak)(2.0)
    with pytest.raises((LeakedTraceError, LoopError)):
        hoad.grad(within)(2.0)


def test_values_of_an_earlier_differentiation():
    """Left in an object that the step knows, they do no harm unless they are used."""

    class Model:
        left = None

        def step(self, c, a):
            self.left = c * self.k
            return c * self.k + a, None

    model = Model()

    def f(k):
        model.k = k
        return hoad.scan(model.step, 1.0, np.arange(3.0))[0]

    for _ in range(2):
        assert hoad.grad(f)(2.0) == 12 + 1  # k^3 + k + 2
        assert hoad.hvp(f, 2.0, 1.0) == 12
    for left in (model.left, model.k):
        with pytest.raises(LeakedTraceError):
            hoad.scan(lambda c, a: (c * a, None), left, np.ones(3))
        with pytest.raises(LeakedTraceError):
            hoad.grad(lambda x, left=left: hoad.scan(lambda c, a: (c * left * x, None), 1.0, np.ones(3))[0])(1.0)


def test_xs_cannot_be_overwritten_in_a_step():
    def step(c, x):
        x += 1
        return c * x, None

    with pytest.raises(ValueError, match="read-only"):
        hoad.scan(lambda c, x: step(c, x[:1]), np.ones(1), np.ones((3, 2)))


def test_a_condition_on_a_batch_of_a_scan_step_says_so():
    with pytest.raises(TracedConversionError, match=r"bool\(x\)"):
        hoad.vmap(lambda x: hoad.scan(lambda c, _: (c * x if c > 0 else c, None), x, length=2)[0])(X)


def test_loops_in_threads_do_not_mix():
    found = {}

    def work(k):
        f = lambda x: hoad.scan(lambda c, a: (np.sin(c * a) * x, c), x, np.linspace(0.1, 1, 60), checkpoint=3)
        found[k] = hoad.hvp(lambda x: f(x)[0] + np.sum(f(x)[1]), 0.1 * k, 1.0)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 7)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    together = dict(found)
    for k in range(1, 7):
        work(k)
    assert together == found


# -- random nestings ------------------------------------------------------------------------------------------------------------

OPERATIONS = [
    lambda c, a, x: np.sin(c * a) + x * 0.3,
    lambda c, a, x: np.where(c > 0.3, c * x[0], x * a),
    lambda c, a, x: np.tanh(np.outer(c, x) @ c) * a,
    lambda c, a, x: hoad.vmap(lambda s: np.sin(s * x[1]) + a)(c),
    lambda c, a, x: hoad.jvp(lambda c: np.sin(c * x) * a, (c,), (x,))[1],
    lambda c, a, x: hoad.grad(lambda c: np.sum(np.cos(c * x) * a))(c),
    lambda c, a, x: hoad.taylor(lambda c: np.exp(0.3 * c) * x, c, c + a, 2)[2],
    lambda c, a, x: np.cumsum(c) * x[::-1] * 0.4,
    lambda c, a, x: hoad.hvp(lambda c: np.sum(np.sin(c) * x), c, c) * a,
]


def random_loops(rng, depth=2):
    """A function of x and a start with loops in loops, built on the scan of hoad or on that of Python."""
    first, second = (OPERATIONS[k] for k in rng.integers(0, len(OPERATIONS), 2))
    policy, length = POLICIES[rng.integers(len(POLICIES))], int(rng.integers(1, 6))
    backwards, traced_xs, traced_init = rng.random(3) < 0.5
    inner = random_loops(rng, depth - 1) if depth and rng.random() < 0.6 else None

    def build(scan_of):
        within = inner(scan_of) if inner else None

        def f(x, start):
            def step(c, a):
                d = first(c, a, x)
                if within is not None:
                    d = 0.5 * d + 0.2 * within(x, d)
                return np.tanh(d) * 0.9, np.sum(second(c, a, x)) + a

            xs = np.linspace(0.2, 1, length) * (x[0] if traced_xs else 1.0)
            c, ys = scan_of(policy)(step, start if traced_init else np.full(3, 0.4), xs, reverse=bool(backwards))
            return c + 0.1 * np.sum(ys) * x

        return f

    return build


@pytest.mark.parametrize("seed", range(16))
def test_random_nestings_of_loops_and_transforms(seed):
    rng = np.random.default_rng(seed)
    program = random_loops(rng)
    ours, plain = program(rolled), program(lambda policy: python_scan)
    f, g = (lambda x: np.sum(ours(x, np.sin(x)) ** 2)), (lambda x: np.sum(plain(x, np.sin(x)) ** 2))
    for _ in range(2):
        word = "".join(rng.choice(list("FRT"), size=rng.integers(1, 4)))
        assert derivative(f, X, word, V) == pytest.approx(derivative(g, X, word, V), rel=1e-8, abs=1e-9), word
    xs = np.stack([X, X * 0.5])
    found = hoad.grad(lambda xs: np.sum(np.sin(hoad.vmap(f)(xs))))(xs)
    close(found, [hoad.grad(lambda x: np.sin(g(x)))(x) for x in xs], 1e-9)
