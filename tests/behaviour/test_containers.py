"""Containers in, containers of the same structure out: dict, list, tuple, namedtuple, dataclass, nested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

import hoad


class Point(NamedTuple):
    a: object
    b: object


@dataclass
class Layer:
    w: object
    b: object


@dataclass(frozen=True)
class Frozen:
    w: object
    b: object


A, B = np.array([[0.3, -0.2], [0.5, 0.1]]), np.array([0.7, -0.4])
MAKERS = {
    "dict": lambda a, b: {"a": a, "b": b},
    "list": lambda a, b: [a, b],
    "tuple": lambda a, b: (a, b),
    "namedtuple": Point,
    "dataclass": Layer,
    "frozen dataclass": Frozen,
    "nested": lambda a, b: {"p": [Layer(a, (b,))], "q": Point({"x": a * 2}, [])},
    "scalar leaf": lambda a, b: {"a": a, "b": b, "s": 2.0},
}


def parts(p):
    if isinstance(p, dict) and "p" in p:
        return p["p"][0].w + p["q"].a["x"], p["p"][0].b[0], 1.0
    if isinstance(p, dict):
        return p["a"], p["b"], p.get("s", 1.0)
    if isinstance(p, list | tuple):
        return p[0], p[1], 1.0
    return p.w, p.b, 1.0


def f(p):
    a, b, s = parts(p)
    return np.sum(np.tanh(a @ b) ** 2) * s + np.sum(np.sin(a)) * np.prod(b)


def leaves(p):
    out = []
    hoad.core.space.map_leaves(lambda x: out.append(np.asarray(x)) or x, p)
    return out


def flat(p):
    return np.concatenate([x.ravel() for x in leaves(p)])


def unflat(p, vector):
    at = [0]

    def take(x):
        n = np.size(x)
        at[0] += n
        return vector[at[0] - n : at[0]].reshape(np.shape(x))

    return hoad.core.space.map_leaves(take, p)


@pytest.mark.parametrize("name", MAKERS)
def test_every_operator_gives_the_structure_of_the_argument(name):
    p, v = MAKERS[name](A, B), MAKERS[name](A * 0.5, B + 1.0)
    x, d = flat(p), flat(v)
    g = lambda x: f(unflat(p, x))
    gradient, product = hoad.grad(g)(x), hoad.hvp(g, x, d)

    def check(found, expected):
        assert type(found) is type(p)
        np.testing.assert_allclose(flat(found), expected, rtol=1e-12, atol=1e-13)

    check(hoad.grad(f)(p), gradient)
    check(hoad.value_and_grad(f)(p)[1], gradient)
    check(hoad.vjp(f, p)[1](1.0)[0], gradient)
    for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
        check(hoad.hvp(f, p, v, mode=mode), product)
    check(hoad.value_grad_and_hvp(f, p, v)[2], product)
    _, g2, h2 = hoad.linearize_hvp(f, p)
    check(g2, gradient)
    check(h2(v), product)
    assert hoad.jvp(f, (p,), (v,))[1] == pytest.approx(gradient @ d, rel=1e-12)
    assert hoad.linearize(f, p)[1](v) == pytest.approx(gradient @ d, rel=1e-12)
    assert hoad.vhv(f, p, v) == pytest.approx(d @ product, rel=1e-12)
    assert hoad.vhv(f, p, v, p) == pytest.approx(x @ product, rel=1e-12)
    assert 2 * hoad.taylor(f, p, v, 2)[2] == pytest.approx(d @ product, rel=1e-12)
    assert hoad.jet(f, (p,), ([v],))[1][0] == pytest.approx(gradient @ d, rel=1e-12)
    jacobian = hoad.jacfwd(f)(p)
    check(jacobian, gradient)
    check(hoad.jacrev(f)(p), gradient)
    dense = hoad.hessian(g)(x)
    rows = [flat(block) for block in _blocks(hoad.hessian(f)(p), p)]
    np.testing.assert_allclose(
        np.concatenate([r.ravel() for r in rows]),
        np.concatenate([b.ravel() for b in _dense_blocks(dense, p)]),
        rtol=1e-11,
        atol=1e-13,
    )
    index = [0] * x.size
    index[0] = index[-1] = 1
    assert hoad.partial(f, p, index) == pytest.approx(dense[0, -1], rel=1e-11)


def _blocks(h, p):
    """Blocks of a Hessian, row by row: a container of containers."""
    rows = []
    _descend(h, p, rows.append)
    return rows


def _descend(h, p, visit):
    if isinstance(p, dict):
        for k in p:
            _descend(h[k], p[k], visit)
    elif isinstance(p, list | tuple):
        for a, b in zip(h, p, strict=True):
            _descend(a, b, visit)
    elif hasattr(p, "__dataclass_fields__"):
        for k in p.__dataclass_fields__:
            _descend(getattr(h, k), getattr(p, k), visit)
    else:
        visit(h)


def _dense_blocks(dense, p):
    sizes = [x.size for x in leaves(p)]
    edges = np.cumsum([0, *sizes])
    return [dense[edges[i] : edges[i + 1], edges[j] : edges[j + 1]] for i in range(len(sizes)) for j in range(len(sizes))]


@pytest.mark.parametrize("name", MAKERS)
def test_container_outputs(name):
    make = MAKERS[name]

    def h(x):
        return make(np.outer(x, x), np.sin(x))

    y, t = hoad.jvp(h, (B,), (B,))
    assert type(y) is type(t) is type(make(A, B))
    u = hoad.core.space.map_leaves(np.ones_like, y)
    np.testing.assert_allclose(np.sum(hoad.vjp(h, B)[1](u)[0] * B), flat(t).sum(), rtol=1e-12)
    np.testing.assert_allclose(flat(hoad.taylor(h, B, B, 1)[1]), flat(t))
    np.testing.assert_allclose(flat(hoad.linearize(h, B)[1](B)), flat(t))
    assert type(hoad.jacrev(h)(B)) is type(hoad.jacfwd(h)(B)) is type(y)
    np.testing.assert_allclose(flat(hoad.jacrev(h)(B)), flat(hoad.jacfwd(h)(B)), rtol=1e-12)
    np.testing.assert_allclose(flat(hoad.vmap(h)(np.stack([B, B]))), np.concatenate([np.stack([x, x]).ravel() for x in leaves(y)]))


def test_argnums_and_auxiliary_output():
    def f(a, b, *, c=1.0):
        return np.sum(a * b["x"]) * c, {"a": a, "n": 3}

    a, b = np.array([1.0, 2.0]), {"x": np.array([3.0, 4.0])}
    (ga, gb), aux = hoad.grad(f, (0, 1), has_aux=True)(a, b)
    np.testing.assert_array_equal(ga, b["x"])
    np.testing.assert_array_equal(gb["x"], a)
    assert aux["n"] == 3
    assert type(aux["a"]) is np.ndarray
    assert hoad.grad(f, "c", has_aux=True)(a, b, c=2.0)[0] == 11
    gb, gc = hoad.grad(f, ("b", "c"), has_aux=True)(a, b, c=2.0)[0]
    np.testing.assert_array_equal(gb["x"], 2 * a)
    assert gc == 11
    np.testing.assert_array_equal(hoad.grad(f, -2, has_aux=True)(a, b)[0], b["x"])
    assert set(hoad.hessian(lambda a, b: f(a, b)[0], (0, 1))(a, b)[1]) == {"x"}
    (value, aux), g = hoad.value_and_grad(f, has_aux=True)(a, b)
    assert (value, aux["n"]) == (11, 3)
    y, t, aux = hoad.jvp(lambda a: f(a, b), (a,), (a,), has_aux=True)
    assert (y, t, aux["n"]) == (11, 11, 3)
    y, pull, aux = hoad.vjp(lambda a: f(a, b), a, has_aux=True)
    np.testing.assert_array_equal(pull(1.0)[0], g)
    for jac in (hoad.jacfwd, hoad.jacrev):
        j, aux = jac(f, has_aux=True)(a, b)
        np.testing.assert_array_equal(j, g)
        assert type(aux["a"]) is np.ndarray


def test_none_and_empty_containers():
    assert hoad.grad(lambda p: p["a"] ** 2)({"a": 3.0, "b": None}) == {"a": 6.0, "b": None}
    assert hoad.grad(lambda p: 1.0)({}) == {}
    assert hoad.grad(lambda p: p[0] * 2)([1.0, []]) == [2.0, []]


def test_the_same_array_twice_is_two_arguments():
    x = np.array([1.0, 2.0])
    a, b = hoad.grad(lambda p: np.sum(p[0] * p[1] ** 2))([x, x])
    np.testing.assert_array_equal(a, x**2)
    np.testing.assert_array_equal(b, 2 * x**2)
