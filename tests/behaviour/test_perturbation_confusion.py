"""Nested derivatives keep their perturbations apart (Siskind & Pearlmutter 2005; ForwardDiff.jl issues 83, 238, 313)."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import hoad
from hoad.errors import LeakedTraceError

from .compositions import OPERATORS

PAIRS = list(product("FRT", repeat=2))


def D(letter, f):  # the operator's name in the literature
    return OPERATORS[letter](f, 1.0)


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_siskind_and_pearlmutter(outer, inner):
    assert D(outer, lambda x: x * D(inner, lambda y: x + y)(1.0))(1.0) == 1


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_product_of_both_levels(outer, inner):
    assert D(outer, lambda x: x * D(inner, lambda y: x * y)(1.0))(4.0) == 8


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_inner_function_without_its_argument(outer, inner):
    assert D(outer, lambda x: D(inner, lambda y: x)(x))(1.0) == 0


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_one_callable_at_both_levels(outer, inner):
    class Confuse:
        def __init__(self, value):
            self.value = value

        def __call__(self, y):
            return self.value + y

    assert D(outer, lambda x: x * D(inner, Confuse(x))(1.0))(1.0) == 1


@pytest.mark.parametrize("letter", "FRT")
def test_shift_operator(letter):
    """The amazing bug (Manzyuk et al. 2019): d/dx cube'(x + 1) at 2."""

    def shift(x):
        return lambda f: lambda y: f(x + y)

    cube_slope = D(letter, lambda z: z**3)
    assert D(letter, lambda x: shift(x)(cube_slope)(1.0))(2.0) == 18


@pytest.mark.parametrize("transform", [hoad.grad, hoad.jacfwd, hoad.jacrev, lambda f: lambda x: hoad.taylor(f, x, 1.0, 2)])
def test_function_valued_output_is_an_error(transform):
    with pytest.raises(TypeError, match="A function that returns functions cannot be differentiated"):
        transform(lambda x: lambda y: x + y)(1.0)


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_traced_value_leaked_through_a_closed_over_list(outer, inner):
    """Two inner derivatives that both multiply a closed-over value: 2 or an error, never 4 (ForwardDiff2.jl issue 37)."""

    def f(x):
        state = [x]

        def g(y):
            state[0] = state[0] * y
            return state[0]

        D(inner, g)(1.0)
        return D(inner, g)(1.0)

    with pytest.raises(LeakedTraceError, match="was used after its differentiation had ended"):
        D(outer, f)(1.0)


@pytest.mark.parametrize(("outer", "inner"), list(product([hoad.jacfwd, hoad.jacrev], [hoad.grad, hoad.jacfwd, hoad.jacrev])))
def test_jacobian_of_a_gradient_over_the_outer_variable(outer, inner):
    rng = np.random.default_rng(1)
    a, x, y = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=3)
    np.testing.assert_array_equal(outer(lambda x: inner(lambda y: np.dot(y, a @ x))(y))(x), a)


@pytest.mark.parametrize("outer", [hoad.jacfwd, hoad.jacrev])
def test_lagrangian_and_hamiltonian(outer):
    """L = |v|²/2 - g q₂: the momentum is v, does not depend on q, and the force is (0, -g)."""
    g = 9.81

    def lagrangian(q, v):
        return 0.5 * np.dot(v, v) - g * q[1]

    def momentum(q, v):
        return hoad.grad(lagrangian, 1)(q, v)

    def hamiltonian(q, v):
        return np.dot(v, momentum(q, v)) - lagrangian(q, v)

    q, v = np.array([0.3, 0.7]), np.array([1.0, -2.0])
    np.testing.assert_array_equal(outer(momentum)(q, v), np.zeros((2, 2)))
    np.testing.assert_array_equal(outer(momentum, 1)(q, v), np.eye(2))
    np.testing.assert_allclose(hoad.grad(hamiltonian)(q, v), [0.0, g], rtol=1e-15)
    np.testing.assert_allclose(hoad.grad(hamiltonian, 1)(q, v), v, rtol=1e-15)


@pytest.mark.parametrize("word", ["".join(w) for w in product("FRT", repeat=3)])
def test_three_levels(word):
    """d/dx x · d/dy (x y · d/dz (x y z)²) at z = y, y = 2: by hand 20 x⁴ y⁴ ... with every level closed over the next."""
    a, b, c = word

    def f(x):
        return D(b, lambda y: x * y * D(c, lambda z: (x * y * z) ** 2)(y))(2.0)

    # d/dz = 2 x² y² z -> 2 x² y³; times x y: 2 x³ y⁴; d/dy: 8 x³ y³ = 64 x³; d/dx: 192 x² at x = 3.
    assert D(a, f)(3.0) == pytest.approx(1728, rel=1e-14)
