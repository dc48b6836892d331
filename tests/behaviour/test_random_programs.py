"""Random programs: every composition of modes gives the same derivatives to order three, and NumPy's value to the last bit."""

from __future__ import annotations

from itertools import product
from math import factorial

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import hoad

from .compositions import derivative
from .programs import build

CHUNKS = 5
THOROUGH = settings().max_examples >= 1000  # the profile of `make test-all`
EXAMPLES = 4000 if THOROUGH else 500
SHAPES = [(), (1,), (3,), (4,), (2, 2), (2, 3), (3, 1), (2, 1, 2)]
FIRST, SECOND, THIRD = (["".join(w) for w in product("FR", repeat=n)] for n in (1, 2, 3))


def check(program, x, v, rng):
    value = program(x)
    series = hoad.taylor(program, x, v, 3)
    found, gradient = hoad.value_and_grad(program)(x)
    pushed = hoad.jvp(program, (x,), (v,))[0]
    assert np.shape(found) == ()
    for other in (found, pushed, series[0]):
        assert np.array_equal(other, value, equal_nan=True), ("value", value, other)
    assert np.shape(gradient) == x.shape
    exact = [c * factorial(n) for n, c in enumerate(series)]
    scale = 1 + np.max(np.abs(exact))
    for order, words in ((1, FIRST), (2, SECOND), (3, [THIRD[k] for k in rng.choice(8, size=2, replace=False)])):
        for word in words:
            d = derivative(program, x, word, v)
            assert abs(d - exact[order]) <= 1e-8 * scale, (word, d, exact[order])
    h = 1e-5
    with np.errstate(all="ignore"):
        numerical = (program(x + h * v) - program(x - h * v)) / (2 * h)
    assert abs(numerical - exact[1]) <= 1e-4 * scale, ("difference quotient", numerical, exact[1])


@pytest.mark.parametrize("chunk", [0, 1, *[pytest.param(chunk, marks=pytest.mark.slow) for chunk in range(2, CHUNKS)]])
def test_all_compositions_agree(chunk):
    names = set()

    @settings(max_examples=EXAMPLES)
    @given(st.integers(0, 2**32 - 1), st.integers(2, 10))
    def agree(seed, length):
        rng = np.random.default_rng([chunk, seed, length])
        shape = SHAPES[rng.integers(len(SHAPES))]
        x, v = rng.normal(size=shape), rng.normal(size=shape)
        x = x[()] if not shape else x
        program = build(rng, x, length)
        note("\n".join(program.names))
        names.update(n.split("= ")[1].split("(")[0].split(" over")[0] for n in program.names)
        check(program, x, v, rng)

    agree()
    assert len(names) > 60, "the generator draws from few functions"


def test_batched_programs():
    """vmap of a random program and of its gradient is the loop."""

    @settings(max_examples=EXAMPLES // 3)
    @given(st.integers(0, 2**32 - 1), st.integers(2, 10))
    def agree(seed, length):
        rng = np.random.default_rng([99, seed, length])
        shape = SHAPES[rng.integers(len(SHAPES))]
        x, v = rng.normal(size=shape), rng.normal(size=shape) * 1e-4  # all examples on one side of every kink
        program = build(rng, x[()] if not shape else x, length)
        note("\n".join(program.names))
        xs = np.stack([x, x + v, x - v])
        np.testing.assert_allclose(hoad.vmap(program)(xs), [program(p) for p in xs], rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(hoad.vmap(hoad.grad(program))(xs), [hoad.grad(program)(p) for p in xs], rtol=1e-8, atol=1e-8)
        dense = hoad.hessian(program)(x)
        assert np.sum(dense * np.multiply.outer(v, v)) == pytest.approx(
            float(hoad.vhv(program, x, v)), rel=1e-6, abs=1e-12 * (1 + np.max(np.abs(dense)))
        )

    agree()
