"""Local solvers: to the rounding error where Newton's method alone fails, and loud where there is no solution."""

from __future__ import annotations

import numpy as np
import pytest

import hoad
from hoad.errors import ConvergenceError
from hoad.mechanics.materials.local_solve import bracketed_newton, damped_newton, least, scalar_root


def test_roots_that_newton_alone_jumps_over():
    """arctan: from far away, each step of Newton's method goes further away."""
    centre = np.array([-3.0, 0.7, 90.0])
    found = bracketed_newton(
        lambda x: (np.arctan(centre - x), -1 / (1 + (centre - x) ** 2)), np.full(3, -1e3), np.full(3, 1e3), np.full(3, 500.0), 1.0
    )
    np.testing.assert_allclose(found, centre, rtol=1e-14)


def test_roots_of_very_different_size():
    """x^0.2 = c has roots from 1e-25 to 1, each to its own relative precision."""
    c = np.array([1e-5, 1e-2, 1.0])
    found = bracketed_newton(lambda x: (c - x**0.2, -0.2 * x**-0.8), 0 * c, 2 * c**5 + 0, 2 * c**5, c)
    np.testing.assert_allclose(found, c**5, rtol=2e-14)


@pytest.mark.parametrize("offset", [2.0, np.nan])
def test_no_root_is_an_error(offset):
    with pytest.raises(ConvergenceError, match=r"did not converge at 1 of 2 points after 200 iterations, .*smaller load step"):
        bracketed_newton(lambda x: (np.array([0.5, offset]) - x, -np.ones(2)), np.zeros(2), np.ones(2), np.full(2, 0.3), 1.0)


def test_minimum_that_full_steps_jump_over():
    """√(1 + z²): beyond |z| = 1, a full Newton step lands further away, at -z³."""
    centre = np.array([[0.3, -2.0], [5.0, 0.0]])

    def parts(z):
        return np.sqrt(1 + (z - centre) ** 2), z - centre

    found = damped_newton(
        lambda z: parts(z)[0].sum(0),
        lambda z: parts(z)[1] / parts(z)[0],
        lambda z: np.eye(2)[..., None] / parts(z)[0] ** 3,
        centre + 30.0,
    )
    np.testing.assert_allclose(found, centre, atol=1e-14)


def test_unbounded_function_is_an_error():
    with pytest.raises(ConvergenceError, match="local minimisation"):
        damped_newton(lambda z: np.exp(-z[0]) - z[0], lambda z: -np.exp(-z) - 1, lambda z: np.exp(-z)[None], np.zeros((1, 1)))


def test_derivatives_of_solutions():
    """x = c^5 from its equation, and the minimiser of ½ z·A z - b·z, through their implicit functions."""
    root = lambda c: scalar_root(lambda x, c: c - x**0.2, lambda c: (0 * c, 2 * c**5, 2 * c**5, c), c)
    np.testing.assert_allclose(
        hoad.taylor(root, np.array(1.5), np.array(1.0), 6), [1.5**5, 5 * 1.5**4, 10 * 1.5**3, 10 * 1.5**2, 7.5, 1, 0], atol=1e-10
    )
    A = np.array([[2.0, 0.5], [0.5, 1.0]])

    def minimiser(A, b):
        return least(
            lambda z, A, b: 0.5 * (z * (A @ z)).sum(0) - (b * z).sum(0),
            lambda z, A, b: A @ z - b,
            lambda z, A, b: A[..., None] * np.ones(b.shape[1]),
            lambda A, b: 0.0 * b,
            2,
            A,
            b,
        )

    b = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])
    np.testing.assert_allclose(minimiser(A, b), np.linalg.solve(A, b), atol=1e-14)
    found = hoad.jvp(minimiser, (A, b), (np.eye(2), 0 * b))[1]
    np.testing.assert_allclose(found, -np.linalg.solve(A, np.linalg.solve(A, b)), atol=1e-14)
