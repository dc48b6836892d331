"""vmap is the loop: over axes, containers, shared arguments, in and around derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import hoad
from hoad.errors import ShapeError

RNG = np.random.default_rng(0)
XS, M = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 4))

FUNCTIONS = {
    "elementwise": lambda x: np.sin(x) * x + 1,
    "reduce": lambda x: np.sum(x, axis=0) * np.max(x) + np.mean(x, keepdims=True),
    "matmul": lambda x: x @ M,
    "matmul left": lambda x: M.T @ x,
    "outer": lambda x: np.outer(x, x),
    "dot": lambda x: np.dot(x, x),
    "inner": lambda x: np.inner(x, M.T),
    "tensordot": lambda x: np.tensordot(x, M, 1),
    "einsum": lambda x: np.einsum("i,ij,i->j", x, M, x),
    "reshape": lambda x: x.reshape(3, 1).T.squeeze(0)[None],
    "transpose": lambda x: np.outer(x, x[:2]).T,
    "index": lambda x: x[[0, 2, 2]] + x[::-1],
    "mask": lambda x: x[np.array([True, False, True])],
    "separated index": lambda x: np.einsum("i,j,k->ijk", x, x, x)[[0, 1], :, [1, 2]],
    "where": lambda x: np.where(x > 0, x, np.exp(x)),
    "clip": lambda x: np.clip(x, -0.5, 0.5),
    "sort": lambda x: np.sort(x)[::-1],
    "argsort": lambda x: np.take_along_axis(x, np.argsort(x), 0),
    "concatenate": lambda x: np.concatenate([x, np.ones(2), x[:1]]),
    "stack": lambda x: np.stack([x, x**2], axis=-1),
    "cumsum": lambda x: np.cumsum(x) * np.cumprod(x),
    "assign": lambda x: _assign(x),
    "pad": lambda x: np.pad(x, (1, 2)),
    "roll": lambda x: np.roll(x, 1) + np.flip(x),
    "tile": lambda x: np.tile(x, 2),
    "repeat": lambda x: np.repeat(x, 2),
    "solve": lambda x: np.linalg.solve(np.outer(x, x) + np.eye(3), x),
    "det": lambda x: np.linalg.det(np.outer(x, x) + np.eye(3)),
    "inv": lambda x: np.linalg.inv(np.outer(x, x) + np.eye(3)),
    "norm": lambda x: np.linalg.norm(x),
    "prod": np.prod,
    "var": lambda x: np.var(x) + np.std(x),
    "broadcast": lambda x: np.broadcast_to(x, (2, 3)) + x[:, None][:2],
    "diag": lambda x: np.diag(x) + np.tril(np.outer(x, x)),
    "kron": lambda x: np.kron(x, x[:2]),
    "trace": lambda x: np.trace(np.outer(x, x)),
    "median": np.median,
    "constant": lambda x: np.ones(2),
    "comparison": lambda x: (x > 0) * 1.0,
    "floor": lambda x: np.floor(x) + np.argmax(x),
    "convolve": lambda x: np.convolve(x, [1.0, 2.0, 0.5]),
    "split": lambda x: np.split(x, 3)[1] * 2,
    "meshgrid": lambda x: np.meshgrid(x, x[:2])[0],
    "interp": lambda x: np.diff(x, prepend=0.0),
}


def _assign(x):
    y = np.zeros_like(x)
    y[1:] = x[:-1] ** 2
    y[[0, 0]] = x[1]
    z = x * 1.0
    z[0] += 3
    return y * z


def rows(f, xs):
    return np.stack([f(x) for x in xs])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_is_the_loop(name):
    f = FUNCTIONS[name]
    np.testing.assert_allclose(hoad.vmap(f)(XS), rows(f, XS), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(hoad.vmap(f, in_axes=1)(XS.T), rows(f, XS), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(hoad.vmap(f, in_axes=-1, out_axes=-1)(XS.T), np.moveaxis(rows(f, XS), 0, -1), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_around_and_inside_derivatives(name):
    f = FUNCTIONS[name]

    def scalar(x):
        return np.sum(np.sin(f(x)) * 0.5)

    for g in (
        hoad.grad(scalar),
        lambda x: hoad.hvp(scalar, x, M[:, 0]),
        lambda x: hoad.taylor(scalar, x, M[:, 1], 3)[3],
        hoad.hessian(scalar),
        hoad.jacrev(f),
        hoad.jacfwd(f),
    ):
        np.testing.assert_allclose(hoad.vmap(g)(XS), rows(g, XS), rtol=1e-10, atol=1e-11)
    v = RNG.normal(size=XS.shape)
    inside = lambda xs: np.sum(hoad.vmap(scalar)(xs) ** 2)
    loop = lambda xs: sum(scalar(x) ** 2 for x in xs)
    np.testing.assert_allclose(hoad.grad(inside)(XS), hoad.grad(loop)(XS), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(hoad.hvp(inside, XS, v), hoad.hvp(loop, XS, v), rtol=1e-10, atol=1e-11)
    assert hoad.taylor(inside, XS, v, 3)[3] == pytest.approx(hoad.taylor(loop, XS, v, 3)[3], rel=1e-10, abs=1e-11)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_of_vmap(name):
    f = FUNCTIONS[name]
    xs = RNG.normal(size=(2, 4, 3))
    expected = np.stack([rows(f, x) for x in xs])
    np.testing.assert_allclose(hoad.vmap(hoad.vmap(f))(xs), expected, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(hoad.vmap(hoad.vmap(f), in_axes=2)(xs.transpose(1, 2, 0)), expected, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(
        hoad.vmap(hoad.vmap(f, in_axes=1), in_axes=2)(xs.transpose(2, 1, 0)), expected, rtol=1e-13, atol=1e-14
    )


def test_two_batches_over_different_arguments():
    a, b = RNG.normal(size=(2, 3)), RNG.normal(size=(4, 3))
    outer = hoad.vmap(hoad.vmap(np.dot, in_axes=(None, 0)), in_axes=(0, None))
    np.testing.assert_allclose(outer(a, b), a @ b.T)
    mixed = hoad.vmap(lambda x: hoad.vmap(lambda y: x * np.sum(y) + y)(b))(a)
    np.testing.assert_allclose(mixed, [[x * y.sum() + y for y in b] for x in a])
    np.testing.assert_allclose(hoad.grad(lambda a: np.sum(outer(a, b) ** 2))(a), 2 * (a @ b.T) @ b)


def test_containers_and_shared_arguments():
    p = {"w": RNG.normal(size=(5, 3)), "s": 2.0}
    found = hoad.vmap(lambda p, x: {"y": p["w"] * p["s"] + x, "n": x.sum()}, in_axes=({"w": 0, "s": None}, None))(p, M[:, 0])
    np.testing.assert_allclose(found["y"], p["w"] * 2 + M[:, 0])
    np.testing.assert_allclose(found["n"], np.full(5, M[:, 0].sum()))
    out = hoad.vmap(lambda x: (x, x.sum()), out_axes=(1, 0))(XS)
    assert out[0].shape == (3, 5)
    assert out[1].shape == (5,)


def test_shape_of_a_batched_value_is_that_of_one_example():
    def f(x):
        assert (x.shape, x.ndim, x.size, len(x)) == ((3,), 1, 3, 3)
        return sum(r for r in x)

    np.testing.assert_allclose(hoad.vmap(f)(XS), XS.sum(1))


@pytest.mark.parametrize("size", [0, 1])
def test_small_batches(size):
    xs = np.ones((size, 3))
    assert hoad.vmap(lambda x: np.sin(x) @ M)(xs).shape == (size, 4)
    assert hoad.vmap(hoad.grad(lambda x: np.sum(x**2)))(xs).shape == (size, 3)


def test_lengths_must_agree():
    with pytest.raises(ShapeError, match="one common length"):
        hoad.vmap(np.add)(np.ones(2), np.ones(3))
