"""custom_jvp, custom_vjp, primitive, checkpoint, stop_gradient in every mode and order (rows 59, 61)."""

from __future__ import annotations

import numpy as np
import pytest

import hoad

from .compositions import derivative, words

X, V = np.array([0.7, 1.3, 0.4]), np.array([0.5, -1.0, 0.8])


def plain(x):
    return np.sum(np.sin(x) * x**2) * x[0]


@hoad.custom_jvp
def forward_rule(x):
    return plain(x)


forward_rule.defjvp(
    lambda p, t: (
        forward_rule(*p),
        np.sum((np.cos(p[0]) * p[0] ** 2 + 2 * np.sin(p[0]) * p[0]) * t[0]) * p[0][0] + np.sum(np.sin(p[0]) * p[0] ** 2) * t[0][0],
    )
)


@hoad.custom_vjp
def reverse_rule(x):
    return plain(x)


def _bwd(x, u):
    e = np.array([1.0, 0.0, 0.0])
    return (u * ((np.cos(x) * x**2 + 2 * np.sin(x) * x) * x[0] + np.sum(np.sin(x) * x**2) * e),)


reverse_rule.defvjp(lambda x: (plain(x), x), _bwd)

cubed = hoad.primitive(lambda x: x * x * x, name="behaviour_cubed", elementwise=lambda y, x: 3 * x * x)
weighted = hoad.primitive(lambda x: np.cumsum(x), name="behaviour_cumsum", linear=lambda g, shape: np.cumsum(g[::-1])[::-1])
product = hoad.primitive(
    lambda a, b: a * b, name="behaviour_product", multilinear=(lambda g, xs: g * xs[1], lambda g, xs: g * xs[0])
)
root = hoad.primitive(
    lambda x: np.cbrt(x),
    name="behaviour_root",
    implicit=(lambda y, x: y**3 - x, lambda r, y, xs: r / (3 * y**2), lambda g, y, xs: g / (3 * y**2)),
)
composed = hoad.primitive(lambda x: np.log1p(np.exp(x)), name="behaviour_softplus", composite=lambda x: np.logaddexp(0.0, x))
by_tangent = hoad.primitive(lambda x: np.sin(x), name="behaviour_sin", tangent=lambda y, xs, ts, kw: np.cos(xs[0]) * ts[0])
steps = hoad.primitive(lambda x: np.floor(x), name="behaviour_floor", constant=True)

PAIRS = {
    "custom_jvp": (forward_rule, plain),
    "custom_vjp": (reverse_rule, plain),
    "checkpoint": (hoad.checkpoint(plain), plain),
    "checkpoint of checkpoint": (
        hoad.checkpoint(lambda x: hoad.checkpoint(plain)(np.sin(x)) * x[1]),
        lambda x: plain(np.sin(x)) * x[1],
    ),
    "custom in custom": (
        hoad.checkpoint(lambda x: forward_rule(x) * reverse_rule(np.cos(x))),
        lambda x: plain(x) * plain(np.cos(x)),
    ),
    "elementwise": (lambda x: np.sum(cubed(x) * x), lambda x: np.sum(x**4)),
    "linear": (lambda x: np.sum(weighted(x**2) ** 2), lambda x: np.sum(np.cumsum(x**2) ** 2)),
    "multilinear": (lambda x: np.sum(product(np.sin(x), x) ** 2), lambda x: np.sum((np.sin(x) * x) ** 2)),
    "implicit": (lambda x: np.sum(root(x) * x), lambda x: np.sum(np.cbrt(x) * x)),
    "composite": (lambda x: np.sum(composed(x) ** 2), lambda x: np.sum(np.log1p(np.exp(x)) ** 2)),
    "tangent": (lambda x: np.sum(by_tangent(x * x) * x), lambda x: np.sum(np.sin(x * x) * x)),
    "constant": (lambda x: np.sum(steps(x) * x**3), lambda x: np.sum(np.floor(x) * x**3)),
}


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", PAIRS)
def test_every_composition_equals_the_plain_function(name, order):
    f, g = PAIRS[name]
    expected = derivative(g, X, "F" * order, V)
    for word in words(order, "FRT" if order < 3 else "FR"):
        assert derivative(f, X, word, V, order) == pytest.approx(expected, rel=1e-10, abs=1e-11), word
    assert f(X) == pytest.approx(g(X), rel=1e-15)


@pytest.mark.parametrize("name", PAIRS)
def test_batched(name):
    f, g = PAIRS[name]
    xs = np.stack([X, X + 0.1, X * 0.5])
    np.testing.assert_allclose(hoad.vmap(f)(xs), [g(x) for x in xs], rtol=1e-13)
    np.testing.assert_allclose(hoad.vmap(hoad.grad(f))(xs), [hoad.grad(g)(x) for x in xs], rtol=1e-11)
    np.testing.assert_allclose(hoad.hessian(f)(X), hoad.hessian(g)(X), rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(hoad.vmap(hoad.hessian(f))(xs), [hoad.hessian(g)(x) for x in xs], rtol=1e-10, atol=1e-11)


def test_the_custom_rule_is_used_and_not_the_body():
    @hoad.custom_jvp
    def f(x):
        return np.sin(x)

    f.defjvp(lambda p, t: (f(*p), 100.0 * t[0]))
    for word in words(1):
        assert derivative(f, 0.3, word, order=1) == 100

    @hoad.custom_vjp
    def g(x):
        return np.sin(x)

    g.defvjp(lambda x: (np.sin(x), None), lambda _, u: (7.0 * u,))
    for word in words(1):
        assert derivative(g, 0.3, word, order=1) == 7


def test_containers_and_keywords_in_custom_rules():
    @hoad.custom_vjp
    def f(p, *, scale=1.0):
        return {"y": np.sum(p["a"] * p["b"]) * scale}

    f.defvjp(
        lambda p, scale=1.0: ({"y": np.sum(p["a"] * p["b"]) * scale}, (p, scale)),
        lambda r, u: ({"a": u["y"] * r[0]["b"] * r[1], "b": u["y"] * r[0]["a"] * r[1]},),
    )
    p = {"a": X, "b": V}
    g = hoad.grad(lambda p: f(p, scale=2.0)["y"])(p)
    np.testing.assert_allclose(g["a"], 2 * V)
    np.testing.assert_allclose(g["b"], 2 * X)
    assert hoad.jvp(lambda p: f(p)["y"], (p,), (p,))[1] == pytest.approx(2 * np.sum(X * V))
    h = hoad.hvp(lambda p: f(p)["y"], p, {"a": V, "b": X})
    np.testing.assert_allclose(h["a"], X)


def test_checkpoint_saves_memory_and_evaluates_once_more():
    import tracemalloc

    calls = []

    def block(x):
        calls.append(0)
        for _ in range(30):
            x = np.sin(x)
        return x

    def peak(f):
        hoad.grad(f)(x)
        tracemalloc.start()
        hoad.grad(f)(x)
        _, p = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return p

    x = np.ones(20_000)
    whole = lambda x: np.sum(block(block(block(block(x)))))
    saved = hoad.checkpoint(block)
    parts = lambda x: np.sum(saved(saved(saved(saved(x)))))
    np.testing.assert_array_equal(hoad.grad(parts)(x), hoad.grad(whole)(x))
    calls.clear()
    hoad.grad(parts)(x)
    assert len(calls) == 8
    assert peak(parts) < 0.5 * peak(whole)


def test_hidden_random_state():
    """Row 61: f draws random numbers.  Without checkpoint it is called once, so value and gradient belong together; checkpoint
    evaluates again, and its documented condition is that f repeats its result, as with a generator made from a seed inside."""

    def f(x, rng):
        return np.sum(x * rng.normal(size=3))

    rng = np.random.default_rng(1)
    value, gradient = hoad.value_and_grad(lambda x: f(x, rng))(X)
    noise = np.random.default_rng(1).normal(size=3)
    assert value == np.sum(X * noise)
    np.testing.assert_array_equal(gradient, noise)
    seeded = hoad.checkpoint(lambda x: f(x, np.random.default_rng(1)))
    np.testing.assert_array_equal(hoad.grad(seeded)(X), noise)
    assert "must give the same result when it is called again" in hoad.checkpoint.__doc__


def test_stop_gradient_at_every_level():
    f = lambda x: x * hoad.stop_gradient(x) ** 2
    assert hoad.grad(f)(3.0) == 9
    assert hoad.grad(hoad.grad(f))(3.0) == 0
    assert hoad.taylor(f, 3.0, 1.0, 2)[1:] == [9, 0]
    assert hoad.hvp(f, 3.0, 1.0) == 0
    np.testing.assert_array_equal(hoad.vmap(hoad.grad(f))(np.array([1.0, 2.0])), [1, 4])
    p = hoad.grad(lambda p: np.sum(p["a"] * hoad.stop_gradient(p)["b"]))({"a": X, "b": V})
    np.testing.assert_array_equal(p["a"], V)
    np.testing.assert_array_equal(p["b"], 0)


def test_solve_reads_what_numpy_reads():
    """Row 60: cholesky reads the lower triangle; solve takes (n,) and (n, 1) with NumPy 2's rule and broadcasts."""
    a = np.array([[3.0, 99.0], [1.0, 2.0]])
    _, pull = hoad.vjp(np.linalg.cholesky, a)
    g = pull(np.array([[1.0, 0.0], [2.0, 0.5]]))[0]
    h = 1e-6
    numerical = np.zeros((2, 2))
    for i, j in np.ndindex(2, 2):
        e = np.zeros((2, 2))
        e[i, j] = h
        numerical[i, j] = np.sum((np.linalg.cholesky(a + e) - np.linalg.cholesky(a - e)) * [[1.0, 0.0], [2.0, 0.5]]) / (2 * h)
    np.testing.assert_allclose(g, numerical, atol=1e-8)
    stack = np.random.default_rng(0).normal(size=(4, 3, 3)) + 3 * np.eye(3)
    for b in (np.arange(3.0), np.arange(3.0)[:, None], np.ones((4, 3, 2)), np.ones((1, 3, 1))):
        y, t = hoad.jvp(np.linalg.solve, (stack, b), (stack * 0.1, b + 1))
        np.testing.assert_array_equal(y, np.linalg.solve(stack, b))
        u = np.random.default_rng(1).normal(size=y.shape)
        ga, gb = hoad.vjp(np.linalg.solve, stack, b)[1](u)
        assert (ga.shape, gb.shape) == (stack.shape, b.shape)
        assert np.sum(ga * stack * 0.1) + np.sum(gb * (b + 1)) == pytest.approx(np.sum(u * t), rel=1e-11)
        numerical = (
            np.linalg.solve(stack * (1 + 0.1 * h), b + h * (b + 1)) - np.linalg.solve(stack * (1 - 0.1 * h), b - h * (b + 1))
        ) / (2 * h)
        np.testing.assert_allclose(t, numerical, rtol=1e-6, atol=1e-8)


# -- rules, loops and solvers in each other -----------------------------------------------------------------------------------


def cubic(a):
    """The real root of z + z**3 = a by Cardano's formula."""
    s = np.sqrt(a * a / 4 + 1 / 27)
    return np.cbrt(a / 2 + s) - np.cbrt(s - a / 2)


solved = hoad.implicit(lambda z, a: z + z**3 - a, cubic)


@hoad.custom_jvp
def by_its_tangent(a):
    return cubic(a)


by_its_tangent.defjvp(lambda p, t: (by_its_tangent(*p), t[0] / (1 + 3 * by_its_tangent(*p) ** 2)))


@hoad.custom_vjp
def by_its_cotangent(a):
    return cubic(a)


by_its_cotangent.defvjp(lambda a: (by_its_cotangent(a),) * 2, lambda z, u: (u / (1 + 3 * z**2),))
declared = hoad.primitive(lambda a: cubic(a), name="behaviour_declared", elementwise=lambda z, a: 1 / (1 + 3 * z**2))
found = lambda a: hoad.root(lambda z: z + z**3 - a, 0.5 + 0 * a)
iterated = lambda a: hoad.fixed_point(lambda z, a: (2 * z**3 + a) / (1 + 3 * z**2), 0.5 + 0 * a, a)
RULES = {
    "custom_jvp": by_its_tangent,
    "custom_vjp": by_its_cotangent,
    "primitive": declared,
    "implicit": solved,
    "root": found,
    "fixed_point": iterated,
    "checkpoint": hoad.checkpoint(cubic),
    "checkpoint of custom_vjp": hoad.checkpoint(by_its_cotangent),
}


def in_a_scan(rule):
    def f(x):
        c, ys = hoad.scan(lambda c, a: (rule(c * a), c), x, np.linspace(0.5, 1.5, 3), checkpoint=2)
        return np.sum(c**2) + np.sum(ys**3)

    return f


def in_a_while_loop(rule):
    body = lambda s: (s[0] + 1, s[1] * 0.5 + rule(s[1] + s[0]))
    return lambda x: np.sum(hoad.while_loop(lambda s: s[0] < 3, body, (0, x))[1] ** 2)


def in_a_checkpoint(rule):
    return lambda x: np.sum(hoad.checkpoint(lambda x: rule(x * x) * rule(x))(x))


def in_a_residual(rule):
    return lambda x: np.sum(hoad.root(lambda z, x: z + 0.3 * rule(z) - x, x * 0 + 0.3, x) ** 3)


def in_a_linear_solve(rule):
    return lambda x: np.sum(hoad.linear_solve(lambda v: (2 + rule(x)) * v - 0.3 * v[::-1], x) ** 3)


def under_a_custom_rule(rule):
    """The rule of an outer function is written with the inner one, and with a loop."""

    @hoad.custom_jvp
    def outer(x):
        return np.sum(rule(x) ** 3)

    def tangent(primals, tangents):
        (x,), (v,) = primals, tangents
        z, dz = hoad.jvp(rule, (x,), (v,))
        return outer(x), np.sum(hoad.fori_loop(0, 2, lambda i, c: c * z, 3 * dz))

    outer.defjvp(tangent)
    return outer


def under_a_custom_cotangent(rule):
    @hoad.custom_vjp
    def outer(x):
        return np.sum(rule(x) ** 3)

    def backward(x, u):
        z, pull = hoad.vjp(rule, x)
        return pull(hoad.scan(lambda c, _: (c * z, None), 3.0 * z**0 * u, length=2)[0])

    outer.defvjp(lambda x: (outer(x), x), backward)
    return outer


PLACES = [
    in_a_scan,
    in_a_while_loop,
    in_a_checkpoint,
    in_a_residual,
    in_a_linear_solve,
    under_a_custom_rule,
    under_a_custom_cotangent,
]


@pytest.mark.parametrize("place", PLACES, ids=lambda p: p.__name__)
@pytest.mark.parametrize("name", RULES)
def test_every_rule_in_every_place(name, place):
    """Each rule, put where functions may stand, is the closed form there: in every mode, to third order, and batched."""
    f, g = place(RULES[name]), place(cubic)
    for order in (1, 2, 3):
        expected = derivative(g, X, "F" * order, V)
        chosen = (
            words(order, "FRT")
            if order == 1
            else ["RR", "FR", "RF", "TR", "taylor"]
            if order == 2
            else ["RRR", "FRF", "RFR", "taylor"]
        )
        for word in chosen:
            assert derivative(f, X, word, V, order) == pytest.approx(expected, rel=1e-9, abs=1e-9), word
    xs = np.stack([X, X[::-1]])
    np.testing.assert_allclose(hoad.vmap(f)(xs), [g(x) for x in xs], rtol=1e-12)
    np.testing.assert_allclose(hoad.vmap(hoad.grad(f))(xs), [hoad.grad(g)(x) for x in xs], rtol=1e-10)
    np.testing.assert_allclose(hoad.hvp(f, X, V), hoad.hvp(g, X, V), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("mode", ["jvp", "grad", "taylor", "hvp"])
def test_a_missing_rule_is_named(mode):
    @hoad.custom_jvp
    def without_tangent(x):
        return x * x

    @hoad.custom_vjp
    def without_cotangent(x):
        return x * x

    call = {
        "jvp": lambda f: hoad.jvp(f, (2.0,), (1.0,)),
        "grad": lambda f: hoad.grad(f)(2.0),
        "taylor": lambda f: hoad.taylor(f, 2.0, 1.0, 2),
        "hvp": lambda f: hoad.hvp(f, 2.0, 1.0),
    }[mode]
    text = "without_tangent has no forward rule, and its other rules do not determine one. Give it one with without_tangent.defjvp"
    with pytest.raises(hoad.errors.RuleError, match=text):
        call(without_tangent)
    text = (
        "without_cotangent has no reverse rule, and its other rules do not determine one. Give it one with without_cotangent.defvjp"
    )
    with pytest.raises(hoad.errors.RuleError, match=text):
        call(without_cotangent)
    for f in (without_tangent, without_cotangent):
        with pytest.raises(hoad.errors.RuleError):
            call(lambda x, f=f: hoad.scan(lambda c, _: (f(c), None), x, length=3)[0])
        assert hoad.vmap(f)(np.array([1.0, 3.0]))[1] == 9  # a batch needs no rule


def test_a_rule_of_the_wrong_shape_says_so_in_a_loop():
    @hoad.custom_vjp
    def f(x):
        return np.sum(x) * np.ones(3)

    f.defvjp(lambda x: (f(x), None), lambda _, u: (u[:2],))
    with pytest.raises(hoad.errors.RuleError, match=r"the vjp rule of f returned shape \(2,\), expected \(3,\)"):
        hoad.grad(lambda x: np.sum(hoad.scan(lambda c, _: (f(c), None), x, length=3)[0]))(X)


def test_closing_over_a_traced_value_under_a_rule_is_an_error_and_never_detached():
    def rules(x):
        with_jvp = hoad.custom_jvp(lambda y: y * x)
        with_jvp.defjvp(lambda p, t: (with_jvp(*p), t[0] * x))
        with_vjp = hoad.custom_vjp(lambda y: y * x)
        with_vjp.defvjp(lambda y: (with_vjp(y), None), lambda _, u: (u * x,))
        return [with_jvp, with_vjp, hoad.checkpoint(lambda y: y * x)]

    for k in range(3):
        for call in (lambda f, y: f(y), lambda f, y: hoad.scan(lambda c, _: (f(c), None), y, length=2)[0]):
            for transform in (
                hoad.grad,
                lambda f: lambda x: hoad.jvp(f, (x,), (1.0,)),
                lambda f: lambda x: hoad.taylor(f, x, 1.0, 2),
            ):
                with pytest.raises(hoad.errors.ClosureError, match="uses a traced value from an enclosing scope"):
                    transform(lambda x, k=k, call=call: call(rules(x)[k], x))(2.0)
