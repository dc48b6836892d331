"""Long and wide programs: no recursion, linear cost, each operation once."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import hoad


def chain(n):
    def f(x):
        y = x
        for _ in range(n):
            y = y * 0.9999 + 1e-5
        return y

    return f


@pytest.mark.parametrize("n", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_scalar_loop(n):
    n //= 2  # two operations in each step
    assert sys.getrecursionlimit() < n
    expected = 0.9999**n
    assert hoad.grad(chain(n))(1.0) == pytest.approx(expected, rel=1e-9)
    assert hoad.jvp(chain(n), (1.0,), (1.0,))[1] == pytest.approx(expected, rel=1e-9)


def test_deep_second_order_and_taylor():
    def logistic(x):
        for _ in range(3000):
            x = x + 1e-3 * x * (1 - x)
        return x

    second = hoad.jvp(lambda x: hoad.jvp(logistic, (x,), (1.0,))[1], (0.3,), (1.0,))[1]
    for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
        assert hoad.hvp(logistic, 0.3, 1.0, mode=mode) == pytest.approx(second, rel=1e-12)
    assert 2 * hoad.taylor(logistic, 0.3, 1.0, 2)[2] == pytest.approx(second, rel=1e-12)
    _, push = hoad.linearize(logistic, 0.3)
    assert push(1.0) == pytest.approx(hoad.grad(logistic)(0.3), rel=1e-12)


def test_the_tape_grows_by_the_same_number_of_entries_for_each_step():
    lengths = [len(hoad.vjp(chain(n), 1.0)[1].tape) for n in (1000, 2000, 3000)]
    assert lengths[1] - lengths[0] == lengths[2] - lengths[1] > 0


def test_diamonds_visit_each_node_once():
    """2^200 paths: x -> x + x, two hundred times."""
    calls = []
    double = hoad.primitive(
        lambda a, b: a + b, name="counted_add", multilinear=(lambda g, xs: calls.append(0) or g, lambda g, xs: g)
    )  # a linear map seen as multilinear, to count its transposes

    def f(x):
        for _ in range(200):
            x = double(x, x)
        return x

    assert hoad.grad(f)(1.0) == 2.0**200
    assert len(calls) == 200
    assert hoad.jvp(f, (1.0,), (1.0,))[0] == 2.0**200


@pytest.mark.parametrize("n", [20_000])
def test_wide_fan_out_and_fan_in(n):
    def f(x):
        parts = [x * (k + 1.0) for k in range(n)]
        total = parts[0]
        for p in parts[1:]:
            total = total + p
        return total

    assert hoad.grad(f)(2.0) == n * (n + 1) / 2
    x = np.ones(2000)
    np.testing.assert_array_equal(hoad.grad(lambda x: sum(x[i] ** 2 for i in range(2000)))(x), 2 * x)


def test_deep_nesting_of_levels():
    f = np.exp
    for _ in range(8):
        f = (lambda g: lambda x: hoad.jvp(g, (x,), (1.0,))[1])(f)
    assert f(0.5) == pytest.approx(np.exp(0.5), rel=1e-14)
    g = np.exp
    for _ in range(5):
        g = hoad.grad(g)
    assert g(0.5) == pytest.approx(np.exp(0.5), rel=1e-13)
