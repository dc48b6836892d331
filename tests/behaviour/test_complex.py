"""Complex numbers: one inner product Re⟨u, v⟩, gradients ∂f/∂x + i ∂f/∂y, holomorphic derivatives on request (rows 30, 31)."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import hoad
from hoad.errors import DTypeError

Z = np.array([0.3 - 0.7j, 1.1 + 0.4j, -0.5 + 0.2j])
M = np.array([[1 + 1j, 2, 0.5j], [0, 1 - 2j, 1]])


def pair(f):
    """The same function of real and imaginary parts."""
    return lambda p: f(p[0] + 1j * p[1])


REAL_FUNCTIONS = {
    "|z|²": lambda z: np.sum(np.abs(z) ** 2),
    "|z|": lambda z: np.sum(np.abs(z)),
    "z conj": lambda z: np.sum((z * np.conj(z) * 1j).imag),
    "mixed": lambda z: np.sum(np.exp(z).real * z.imag) + np.real(np.prod(z)),
    "matrix": lambda z: np.sum(np.abs(M @ np.sin(z)) ** 3),
    "norm": lambda z: np.linalg.norm(z) * np.angle(z[0]),
    "vdot": lambda z: np.vdot(z, z**2).real,
    "einsum": lambda z: np.einsum("i,ij,j->", z[:2], M, np.conj(z)).imag,
    "where": lambda z: np.sum(np.where(z.real > 0, z, z**2).imag),
    "in place": lambda z: _in_place(z),
}


def _in_place(z):
    w = np.zeros_like(z)
    w.real[:] = z.imag
    w += z**2
    w.imag *= 2
    return np.sum(np.abs(w) ** 2)


@pytest.mark.parametrize("name", REAL_FUNCTIONS)
def test_gradient_is_the_real_gradient_of_the_pair(name):
    f = REAL_FUNCTIONS[name]
    p = np.stack([Z.real, Z.imag])
    gx, gy = hoad.grad(pair(f))(p)
    np.testing.assert_allclose(hoad.grad(f)(Z), gx + 1j * gy, rtol=1e-12, atol=1e-13)
    h, v = 1e-6, np.array([1 + 2j, -0.5j, 0.3])
    numerical = (f(Z + h * v) - f(Z - h * v)) / (2 * h)
    assert hoad.jvp(f, (Z,), (v,))[1] == pytest.approx(numerical, rel=1e-7, abs=1e-8)
    assert np.vdot(v, hoad.grad(f)(Z)).real == pytest.approx(numerical, rel=1e-7, abs=1e-8)
    assert hoad.taylor(f, Z, v, 1)[1] == pytest.approx(numerical, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("name", REAL_FUNCTIONS)
def test_second_derivatives_of_the_pair(name):
    f = REAL_FUNCTIONS[name]
    p, v = np.stack([Z.real, Z.imag]), np.array([[1.0, 0.0, 0.3], [2.0, -0.5, 0.0]])
    hx, hy = hoad.hvp(pair(f), p, v)
    for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
        np.testing.assert_allclose(hoad.hvp(f, Z, v[0] + 1j * v[1], mode=mode), hx + 1j * hy, rtol=1e-10, atol=1e-11, err_msg=mode)
    np.testing.assert_allclose(hoad.vhv(f, Z, v[0] + 1j * v[1]), np.sum(v * np.stack([hx, hy])), rtol=1e-10)


def test_steepest_ascent_of_the_squared_modulus():
    np.testing.assert_allclose(hoad.grad(lambda z: np.abs(z) ** 2)(3 + 4j), 6 + 8j, rtol=1e-15)


def test_modulus_along_the_imaginary_axis():
    assert hoad.jvp(np.abs, (3 + 4j,), (1j,))[1] == pytest.approx(0.8, rel=1e-15)
    assert hoad.grad(np.abs)(0j) == 0


@pytest.mark.parametrize(
    ("f", "z", "slopes"),
    [
        (np.exp, 1j, [np.exp(1j)] * 3),
        (np.sin, 0.3 + 1j, [np.cos(0.3 + 1j), -np.sin(0.3 + 1j)]),
        (lambda z: z**3, 2j, [-12, 12j, 6]),
    ],
)
def test_holomorphic_derivatives(f, z, slopes):
    g = f
    for slope in slopes:
        g = hoad.grad(g, holomorphic=True)
        np.testing.assert_allclose(g(z), slope, rtol=1e-14)
    for n, slope in enumerate(slopes, 1):
        np.testing.assert_allclose(hoad.taylor(f, z, 1.0 + 0j, n)[n] * np.prod(range(1, n + 1)), slope, rtol=1e-14)
    np.testing.assert_allclose(hoad.jacfwd(f, holomorphic=True)(z), slopes[0], rtol=1e-14)
    np.testing.assert_allclose(hoad.jacrev(f, holomorphic=True)(z), slopes[0], rtol=1e-14)


@pytest.mark.parametrize(
    ("a", "b"),
    list(
        product(
            [np.real, np.imag, np.conj, np.abs, np.exp, np.sqrt, lambda z: z * M[0], lambda z: M @ z, lambda z: z / (2 + 1j)],
            repeat=2,
        )
    ),
)
def test_adjoint(a, b):
    """Re⟨u, J v⟩ = Re⟨Jᴴ u, v⟩."""

    def f(z):
        return b(a(z) + 0.1j)

    rng = np.random.default_rng(0)
    try:
        y = f(Z)
    except ValueError:
        pytest.skip("the shapes of these two maps do not fit")
    v = rng.normal(size=3) + 1j * rng.normal(size=3)
    u = rng.normal(size=np.shape(y)) + 1j * rng.normal(size=np.shape(y)) * np.iscomplexobj(y)
    u = u if np.iscomplexobj(y) else u.real
    t = hoad.jvp(f, (Z,), (v,))[1]
    assert np.vdot(u, t).real == pytest.approx(np.vdot(hoad.vjp(f, Z)[1](u)[0], v).real, rel=1e-12, abs=1e-12)


def test_real_argument_of_a_complex_program():
    """dtype of the gradient is that of the argument, whatever happens inside."""
    x = np.array([0.3, 0.9])
    f = lambda x: np.sum(np.abs(np.exp(1j * x) + x) ** 2)
    expected = -2 * x * np.sin(x) + 2 * np.cos(x) + 2 * x
    found = hoad.grad(f)(x)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert hoad.hvp(f, x, x).dtype == np.float64


def test_errors():
    with pytest.raises(DTypeError, match="returned a complex value, expected a real one"):
        hoad.grad(np.exp)(1j)
    with pytest.raises(DTypeError, match="needs complex arguments"):
        hoad.grad(np.exp, holomorphic=True)(1.0)
    for transform in (hoad.jacfwd, hoad.jacrev, hoad.hessian):
        with pytest.raises(DTypeError, match="of a complex argument is not one matrix"):
            transform(lambda z: np.abs(z))(1j)


def test_complex64_is_kept():
    z = Z.astype(np.complex64)
    f = REAL_FUNCTIONS["matrix"]
    assert hoad.grad(f)(z).dtype == np.complex64
    assert hoad.jvp(np.exp, (z,), (z,))[1].dtype == np.complex64
