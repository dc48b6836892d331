"""Any operator in any other, on scalars, arrays and containers.

Each operator is turned into a map from a function of a vector to another function of the same vector, which equals the
function itself or its derivative along V; so any two can be composed, and the oracle is nested central differences or the
same pair in nested forward mode.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import hoad

V = np.array([0.5, -1.0, 0.8])
X = np.array([0.7, 1.3, 0.4])


def _dot(c, d):
    leaves = []
    hoad.core.space.map_leaves(lambda x: leaves.append(x) or x, c)
    other = []
    hoad.core.space.map_leaves(lambda x: other.append(x) or x, d)
    total = 0.0
    for p, q in zip(leaves, other, strict=True):
        total = total + np.sum(p * q)
    return total


class Wrap:
    """How the vector is given to the inner function: as an array, or in a container."""

    def __init__(self, pack, unpack):
        self.pack, self.unpack = pack, unpack


SHAPES = {
    "array": Wrap(lambda x: x, lambda p: p),
    "dict": Wrap(lambda x: {"a": x[:1], "b": x[1:]}, lambda p: np.concatenate([p["a"], p["b"]])),
    "scalars": Wrap(lambda x: [x[0], x[1], x[2]], lambda p: np.stack(p)),
    "tuple": Wrap(lambda x: (x[1:], [x[0]]), lambda p: np.concatenate([np.stack(p[1]), p[0]])),
}

# name -> (order of the derivative it takes along V, operator)
OPERATORS = {
    "grad": (1, lambda f, s: lambda x: _dot(hoad.grad(lambda p: f(s.unpack(p)))(s.pack(x)), s.pack(V))),
    "grad by name": (
        1,
        lambda f, s: lambda x: _dot(hoad.grad(lambda a, point: a * f(s.unpack(point)), "point")(1.0, point=s.pack(x)), s.pack(V)),
    ),
    "grad with aux": (
        1,
        lambda f, s: lambda x: _dot(hoad.grad(lambda p: (f(s.unpack(p)), {"aux": p}), has_aux=True)(s.pack(x))[0], s.pack(V)),
    ),
    "grad argnums tuple": (
        1,
        lambda f, s: lambda x: _dot(hoad.grad(lambda a, p: a * f(s.unpack(p)), (0, 1))(1.0, s.pack(x))[1], s.pack(V)),
    ),
    "value_and_grad": (1, lambda f, s: lambda x: _dot(hoad.value_and_grad(lambda p: f(s.unpack(p)))(s.pack(x))[1], s.pack(V))),
    "jvp": (1, lambda f, s: lambda x: hoad.jvp(lambda p: f(s.unpack(p)), (s.pack(x),), (s.pack(V),))[1]),
    "vjp": (1, lambda f, s: lambda x: _dot(hoad.vjp(lambda p: f(s.unpack(p)), s.pack(x))[1](np.float64(1))[0], s.pack(V))),
    "jacfwd": (1, lambda f, s: lambda x: _dot(hoad.jacfwd(lambda p: f(s.unpack(p)))(s.pack(x)), s.pack(V))),
    "jacrev": (1, lambda f, s: lambda x: _dot(hoad.jacrev(lambda p: f(s.unpack(p)))(s.pack(x)), s.pack(V))),
    "jacobian": (1, lambda f, s: lambda x: _dot(hoad.jacobian(lambda p: f(s.unpack(p)))(s.pack(x)), s.pack(V))),
    "linearize": (1, lambda f, s: lambda x: hoad.linearize(lambda p: f(s.unpack(p)), s.pack(x))[1](s.pack(V))),
    "taylor": (1, lambda f, s: lambda x: hoad.taylor(lambda p: f(s.unpack(p)), s.pack(x), s.pack(V), 1)[1]),
    "jet": (1, lambda f, s: lambda x: hoad.jet(lambda p: f(s.unpack(p)), (s.pack(x),), ([s.pack(V)],))[1][0]),
    "partial": (1, lambda f, s: lambda x: hoad.partial(lambda t: f(x + t * V), 0.0, 1)),
    "linear_transpose": (1, lambda f, s: lambda x: hoad.linear_transpose(lambda t: t * hoad.jvp(f, (x,), (V,))[1], 1.0)(1.0)[0]),
    "derivative_tensor": (1, lambda f, s: lambda x: np.sum(hoad.derivative_tensor(f, 1)(x) * V)),
    "hessian": (2, lambda f, s: lambda x: V @ hoad.hessian(f)(x) @ V),
    "hvp": (2, lambda f, s: lambda x: _dot(hoad.hvp(lambda p: f(s.unpack(p)), s.pack(x), s.pack(V)), s.pack(V))),
    "hvp fr": (
        2,
        lambda f, s: (
            lambda x: _dot(hoad.hvp(lambda p: f(s.unpack(p)), s.pack(x), s.pack(V), mode="forward-over-reverse"), s.pack(V))
        ),
    ),
    "hvp rr": (
        2,
        lambda f, s: (
            lambda x: _dot(hoad.hvp(lambda p: f(s.unpack(p)), s.pack(x), s.pack(V), mode="reverse-over-reverse"), s.pack(V))
        ),
    ),
    "vhv": (2, lambda f, s: lambda x: hoad.vhv(lambda p: f(s.unpack(p)), s.pack(x), s.pack(V))),
    "vhw": (2, lambda f, s: lambda x: hoad.vhv(lambda p: f(s.unpack(p)), s.pack(x), s.pack(V), s.pack(V))),
    "linearize_hvp": (
        2,
        lambda f, s: lambda x: _dot(hoad.linearize_hvp(lambda p: f(s.unpack(p)), s.pack(x))[2](s.pack(V)), s.pack(V)),
    ),
    "taylor 2": (2, lambda f, s: lambda x: 2 * hoad.taylor(lambda p: f(s.unpack(p)), s.pack(x), s.pack(V), 2)[2]),
    "partial 2": (2, lambda f, s: lambda x: hoad.partial(lambda t: f(x + t * V), 0.0, 2)),
    "vmap": (0, lambda f, s: lambda x: hoad.vmap(f)(np.stack([x, x + V]))[0]),
    "vmap axis 1": (0, lambda f, s: lambda x: hoad.vmap(f, in_axes=1)(np.stack([x + V, x], axis=1))[1]),
    "vmap container": (
        0,
        lambda f, s: (
            lambda x: hoad.vmap(lambda q: f(q["x"] * q["s"]), in_axes=({"x": None, "s": 0},))({"x": x, "s": np.ones(2)})[1]
        ),
    ),
    "checkpoint": (0, lambda f, s: lambda x: hoad.checkpoint(f)(x)),
    "stop_gradient of a constant": (0, lambda f, s: lambda x: f(x) * hoad.stop_gradient(x[0] / x[0])),
    "in place": (0, lambda f, s: lambda x: _through_buffer(f, x)),
}


def _through_buffer(f, x):
    buffer = np.zeros_like(x)
    for i in range(3):
        buffer[i] = x[i]
    return f(buffer)


def base(x):
    y = np.sin(x) * x[::-1] + x
    return np.sum(y**3) + np.prod(x) * np.exp(0.3 * x[0]) + np.dot(x, y) / (1 + x[2] ** 2)


def _exact(order):
    f = base
    for _ in range(order):
        f = (lambda g: lambda x: hoad.jvp(g, (x,), (V,))[1])(f)
    return f(X)


EXACT = [_exact(n) for n in range(7)]


def test_the_oracle():
    """Nested forward mode against Taylor coefficients in 40 digits."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(40):
        x, v = [mpmath.mpf(float(a)) for a in X], [mpmath.mpf(float(a)) for a in V]

        def along(t):
            p = [a + t * b for a, b in zip(x, v, strict=True)]
            y = [mpmath.sin(p[i]) * p[2 - i] + p[i] for i in range(3)]
            return (
                sum(c**3 for c in y)
                + p[0] * p[1] * p[2] * mpmath.exp(mpmath.mpf(0.3) * p[0])
                + sum(a * b for a, b in zip(p, y, strict=True)) / (1 + p[2] ** 2)
            )

        expected = [float(c * mpmath.factorial(n)) for n, c in enumerate(mpmath.taylor(along, 0, 6))]
    np.testing.assert_allclose(EXACT, expected, rtol=1e-11)


@pytest.mark.parametrize("outer", OPERATORS)
@pytest.mark.parametrize("inner", OPERATORS)
def test_pair(outer, inner):
    a, first = OPERATORS[outer]
    b, second = OPERATORS[inner]
    s = SHAPES["array"]
    assert first(second(base, s), s)(X) == pytest.approx(EXACT[a + b], rel=1e-9)


CONTAINED = [
    name
    for name, (_, op) in OPERATORS.items()
    if "s.pack" in str(op.__code__.co_names) or "pack" in op.__code__.co_consts[1].co_names
]


@pytest.mark.parametrize(
    ("outer_shape", "inner_shape"), [("dict", "array"), ("array", "dict"), ("dict", "tuple"), ("scalars", "scalars")]
)
@pytest.mark.parametrize("inner", CONTAINED)
def test_pair_with_containers(inner, outer_shape, inner_shape):
    for outer in CONTAINED:
        a, first = OPERATORS[outer]
        b, second = OPERATORS[inner]
        found = first(second(base, SHAPES[inner_shape]), SHAPES[outer_shape])(X)
        assert found == pytest.approx(EXACT[a + b], rel=1e-9), (outer, inner)


TRIPLES = ["grad", "jvp", "taylor", "vmap", "checkpoint", "hvp", "jacrev", "linearize", "in place"]


@pytest.mark.parametrize("outer", TRIPLES)
def test_triples(outer):
    s = SHAPES["array"]
    for middle, inner in product(TRIPLES, repeat=2):
        chain = [OPERATORS[n] for n in (outer, middle, inner)]
        order = sum(n for n, _ in chain)
        f = base
        for _, op in reversed(chain):
            f = op(f, s)
        assert f(X) == pytest.approx(EXACT[order], rel=1e-8), (outer, middle, inner)


def test_scalar_arguments():
    """On one number, every pair of first-order operators gives the second derivative."""
    f = lambda x: np.sin(x) * np.exp(x) + x**3
    second = 2 * np.cos(0.6) * np.exp(0.6) + 6 * 0.6
    first_order = {
        "grad": hoad.grad,
        "jvp": lambda f: lambda x: hoad.jvp(f, (x,), (1.0,))[1],
        "vjp": lambda f: lambda x: hoad.vjp(f, x)[1](1.0)[0],
        "jacfwd": hoad.jacfwd,
        "jacrev": hoad.jacrev,
        "taylor": lambda f: lambda x: hoad.taylor(f, x, 1.0, 1)[1],
        "jet": lambda f: lambda x: hoad.jet(f, (x,), ([1.0],))[1][0],
        "linearize": lambda f: lambda x: hoad.linearize(f, x)[1](1.0),
        "partial": lambda f: lambda x: hoad.partial(f, x, 1),
        "vmap grad": lambda f: lambda x: hoad.vmap(hoad.grad(f))(np.stack([x, x]))[1],
        "tensor": lambda f: hoad.derivative_tensor(f, 1),
        "checkpoint": lambda f: hoad.grad(hoad.checkpoint(f)),
        "value_and_grad": lambda f: lambda x: hoad.value_and_grad(f)(x)[1],
    }
    for (a, outer), (b, inner) in product(first_order.items(), repeat=2):
        assert outer(inner(f))(0.6) == pytest.approx(second, rel=1e-12), (a, b)
