"""linearize, linearize_hvp, linear_transpose, vjp: maps that are applied many times, and Hessian operators (row 58)."""

from __future__ import annotations

import numpy as np
import pytest

import hoad
from hoad.errors import NotLinearError

RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 3))
X, V, W = RNG.normal(size=(3, 3))


def residual(x):
    return np.tanh(A @ x) + np.sum(x**2) * np.arange(4.0)


def loss(x):
    return np.sum(residual(x) ** 2) / 2


def test_linearize_equals_jvp_and_repeats_no_primal_work():
    calls = []
    noted = hoad.primitive(lambda x: calls.append(0) or np.sin(x), name="noted_sin", elementwise=lambda y, x: np.cos(x))
    y, push = hoad.linearize(lambda x: noted(A @ x), X)
    count = len(calls)
    for v in (V, W):
        np.testing.assert_array_equal(push(v), np.cos(A @ X) * (A @ v))
    assert len(calls) == count == 1
    np.testing.assert_array_equal(y, np.sin(A @ X))


def test_linearize_hvp_repeats_no_primal_work():
    calls = []
    noted = hoad.primitive(lambda x: calls.append(0) or np.sin(x), name="noted_sin", elementwise=lambda y, x: np.cos(x))
    value, gradient, product = hoad.linearize_hvp(lambda x: np.sum(noted(A @ x) ** 2), X)
    count = len(calls)
    for v in (V, W):
        np.testing.assert_allclose(product(v), hoad.hvp(lambda x: np.sum(np.sin(A @ x) ** 2), X, v), rtol=1e-13)
    assert len(calls) == count
    np.testing.assert_allclose(gradient, hoad.grad(lambda x: np.sum(np.sin(A @ x) ** 2))(X), rtol=1e-14)
    assert value == np.sum(np.sin(A @ X) ** 2)


def test_adjoint_linear_and_symmetric():
    _, push = hoad.linearize(residual, X)
    _, pull = hoad.vjp(residual, X)
    u = RNG.normal(size=4)
    assert u @ push(V) == pytest.approx(pull(u)[0] @ V, rel=1e-12)
    np.testing.assert_allclose(push(2 * V - W), 2 * push(V) - push(W), rtol=1e-12)
    _, _, h = hoad.linearize_hvp(loss, X)
    np.testing.assert_allclose(h(2 * V - W), 2 * h(V) - h(W), rtol=1e-12)
    assert W @ h(V) == pytest.approx(V @ h(W), rel=1e-12)
    dense = hoad.hessian(loss)(X)
    np.testing.assert_allclose(np.stack([h(e) for e in np.eye(3)]), dense, rtol=1e-12, atol=1e-13)
    j = hoad.jacobian(residual)(X)
    gauss_newton = np.stack([pull(push(e))[0] for e in np.eye(3)])
    np.testing.assert_allclose(gauss_newton, j.T @ j, rtol=1e-12)
    assert np.linalg.eigvalsh((gauss_newton + gauss_newton.T) / 2).min() >= -1e-12


def test_operators_agree_with_dense_matrices():
    h = hoad.HessianOperator(loss, X)
    dense = hoad.hessian(loss)(X)
    np.testing.assert_allclose(h @ np.eye(3), dense, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(h @ V, dense @ V, rtol=1e-12)
    j = hoad.JacobianOperator(residual, X)
    u = RNG.normal(size=4)
    assert u @ (j @ V) == pytest.approx(V @ j.rmatvec(u), rel=1e-12)
    np.testing.assert_allclose(j @ np.eye(3), hoad.jacobian(residual)(X), rtol=1e-12)


def test_vjp_is_called_many_times():
    y, pull = hoad.vjp(residual, X)
    j = hoad.jacrev(residual)(X)
    for u in np.eye(4):
        np.testing.assert_allclose(pull(u)[0], u @ j, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: A @ x,
        lambda x: x[1:] - 2 * x[:-1],
        lambda x: np.sum(x) * np.ones(2),
        lambda x: np.einsum("i,ij->j", x, A.T),
        lambda x: np.cumsum(x)[::-1] / 3,
        lambda x: np.concatenate([x, x[:1]]),
        lambda x: np.outer(x, [1.0, 2.0]),
        lambda x: -x.reshape(3, 1).T,
        lambda x: np.where([True, False, True], x, 0.0),
        lambda x: np.mean(x),
    ],
)
def test_linear_transpose_is_the_matrix_transpose(f):
    matrix = np.stack([np.ravel(f(e)) for e in np.eye(3)], axis=1)
    u = RNG.normal(size=np.shape(f(X)))
    np.testing.assert_allclose(hoad.linear_transpose(f, X)(u)[0], matrix.T @ u.ravel(), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    "f",
    [
        np.sin,
        lambda x: x * x,
        lambda x: x / x,
        lambda x: 1 / x,
        lambda x: np.linalg.norm(x),
        np.abs,
        np.max,
        lambda x: np.dot(x, x),
    ],
)
def test_nonlinear_functions_are_refused(f):
    with np.errstate(all="ignore"), pytest.raises(NotLinearError, match="linear_transpose needs a linear function, but "):
        hoad.linear_transpose(f, X)


def test_maps_nest():
    """The recorded map is made of primitives: it can be differentiated in the point and in the direction."""
    f = lambda x: np.sum(hoad.linearize(residual, x)[1](V) ** 2)
    g = lambda x: np.sum(hoad.jvp(residual, (x,), (V,))[1] ** 2)
    np.testing.assert_allclose(hoad.grad(f)(X), hoad.grad(g)(X), rtol=1e-11)
    np.testing.assert_allclose(hoad.hvp(f, X, W), hoad.hvp(g, X, W), rtol=1e-11)
    _, push = hoad.linearize(residual, X)
    np.testing.assert_allclose(hoad.jacrev(push)(V), hoad.jacobian(residual)(X), rtol=1e-12)
    np.testing.assert_allclose(hoad.vmap(push)(np.eye(3)), hoad.jacobian(residual)(X).T, rtol=1e-12)
    _, _, h = hoad.linearize_hvp(loss, X)
    np.testing.assert_allclose(hoad.vmap(h)(np.eye(3)), hoad.hessian(loss)(X), rtol=1e-11)
    _, pull = hoad.vjp(residual, X)
    np.testing.assert_allclose(hoad.vmap(lambda u: pull(u)[0])(np.eye(4)), hoad.jacobian(residual)(X), rtol=1e-11)
