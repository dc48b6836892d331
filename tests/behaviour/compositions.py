"""The n-th derivative along a direction, by every composition of forward, reverse and Taylor mode.

A composition is a word: its first letter is the outermost operator.  F is ``jvp``, R is ``grad`` contracted with the
direction, T is the first coefficient of ``taylor``; "taylor" is one pass of the whole order.
"""

from __future__ import annotations

from itertools import product
from math import factorial

import numpy as np

import hoad


def forward(f, v):
    return lambda x: hoad.jvp(f, (x,), (v,))[1]


def reverse(f, v):
    return lambda x: np.sum(hoad.grad(f)(x) * v)


def series(f, v):
    return lambda x: hoad.taylor(f, x, v, 1)[1]


OPERATORS = {"F": forward, "R": reverse, "T": series}


def words(order, letters="FR"):
    """All compositions of ``order`` operators, and the single Taylor pass."""
    return ["".join(w) for w in product(letters, repeat=order)] + ["taylor"]


def derivative(f, x, word, v=1.0, order=None):
    """d^n/dt^n f(x + t v) at t = 0, for a scalar function f, by the composition ``word``."""
    if word == "taylor":
        return hoad.taylor(f, x, v, order)[order] * factorial(order)
    for letter in reversed(word):
        f = OPERATORS[letter](f, v)
    return f(x)


def assert_derivative(f, x, order, expected, v=None, rtol=1e-12, atol=1e-12, letters="FR"):
    """Every composition of ``order`` gives ``expected``."""
    v = (np.ones(np.shape(x)) if np.ndim(x) else 1.0) if v is None else v
    for word in words(order, letters):
        found = derivative(f, x, word, v, order)
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol, err_msg=f"composition {word}, order {order}")
