"""Every pass gives valid steps, the same results and not more work; the rules one by one on special values; cost."""

from __future__ import annotations

import sys
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

import hoad
from hoad.compiler.passes import PASSES, SAME_BITS, optimise
from hoad.compiler.passes.common import Constants, merge_common
from hoad.compiler.passes.dead import remove_dead
from hoad.compiler.passes.rewriting import Slot, make_step
from hoad.compiler.passes.uniform import compact, element
from hoad.compiler.steps import ArraySpec, Guard, Steps
from tests.compiler.passes_corpus import FUNCTIONS, OPERATORS, SPECIAL, RandomProgram, record, run, work

EVERY = (*PASSES, optimise)

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def names(steps):
    return [step.primitive.name for step in steps.steps]


def assert_same(new, old):
    """Bit for bit, but for the payload of NaN."""
    new, old = np.asarray(new), np.asarray(old)
    assert (new.shape, new.dtype) == (old.shape, old.dtype)
    np.testing.assert_array_equal(new, old)
    for a, b in ((new.real, old.real), (new.imag, old.imag)):
        np.testing.assert_array_equal(np.signbit(a[b == 0]), np.signbit(b[b == 0]))


def ulps(new, old):
    """The largest difference in units of the last place; everything that is not finite has to be the same."""
    finite = np.isfinite(old) & np.isfinite(new)
    assert_same(new[~finite], old[~finite])
    assert_same(np.signbit(new[finite & (old == 0)]), np.signbit(old[finite & (old == 0)]))
    return np.max(np.abs(new[finite] - old[finite]) / np.spacing(np.abs(old[finite])), initial=0.0)


@cache
def recorded(function, operator):
    f, n = FUNCTIONS[function]
    rng = np.random.default_rng(n)
    inputs = (rng.uniform(0.3, 1.2, size=n), rng.normal(size=n))
    return record(OPERATORS[operator](f), *inputs), inputs


@pytest.mark.parametrize("apply", EVERY, ids=lambda p: p.__name__)
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_derivatives(function, operator, apply):
    steps, (x, v) = recorded(function, operator)
    done = apply(steps).check()
    assert done.inputs == steps.inputs
    assert len(done.outputs) == len(steps.outputs)
    assert len(done.guards) == len(steps.guards)
    assert work(remove_dead(done)) <= work(steps)
    special = x.copy()
    special[1::3] = np.resize([-0.0, np.inf, 0.0, np.nan, -np.inf], special[1::3].shape)
    for point in (x, special):
        try:
            old = run(steps, (point, v))
        except np.linalg.LinAlgError:
            continue
        for a, b in zip(run(done, (point, v)), old, strict=True):
            if apply in SAME_BITS:
                assert_same(a, b)
            else:
                np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))
                np.testing.assert_allclose(a, b, rtol=2e-14, atol=2e-14 * np.max(np.abs(b), initial=0, where=np.isfinite(b)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("seed", range(150))
def test_random_programs_without_rounding(seed, dtype):
    drawn = RandomProgram(seed, 40, dtype)
    steps = remove_dead(drawn.program)
    old = run(steps, drawn.inputs)
    for apply in EVERY:
        done = apply(steps).check()
        assert work(remove_dead(done)) <= work(steps), apply.__name__
        for a, b in zip(run(done, drawn.inputs), old, strict=True):
            assert_same(a, b)


LAYOUTS = {
    "copy": lambda x: np.sum(np.copy(x)),
    "positive": lambda x: np.sum(+x),
    "reshaped twice": lambda x: np.sum(x.reshape(-1).reshape(x.shape)),
    "reshaped to a column and back": lambda x: np.sum(x[:, :, None].reshape(x.shape) / 3),
    "transposed twice": lambda x: np.sum((0.1 * x.T).T, axis=0),
    "slice of slice": lambda x: np.sum(x[1:, ::-1][::2, 3:]),
    "slice of a joined array": lambda x: np.sum(np.concatenate([x, 2 * x])[: x.shape[0]]),
    "sum over one": lambda x: np.sum(x[None].sum(axis=0), axis=1),
    "ones": lambda x: np.sum(np.ones(x.shape) * x + np.ones(x.shape, order="F") * 3),
    "broadcast": lambda x: np.sum(np.broadcast_to(x[:1], x.shape) * x),
    "selected": lambda x: np.sum(np.where(True, x, 0.0)),
    "gradient": lambda x: np.sum(hoad.grad(lambda y: np.sum(y[::2].T.copy() ** 3))(x)),
}


@pytest.mark.parametrize("order", ["C", "F", "strided", "reversed"])
@pytest.mark.parametrize("case", LAYOUTS)
def test_memory_layouts(case, order):
    x = np.random.default_rng(8).normal(size=(148, 106)).astype(np.float32)
    x = {"C": x, "F": np.asfortranarray(x), "strided": x[::2, ::3], "reversed": x[::-1, ::-2].T}[order]
    steps = record(LAYOUTS[case], x)
    old = run(steps, (x,))[0]
    for apply in SAME_BITS:
        assert_same(run(apply(steps), (x,))[0], old)
    np.testing.assert_allclose(run(optimise(steps), (x,))[0], old, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("operator", ["hvp", "Taylor"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_optimised_steps_stay(function, operator):
    done = optimise(recorded(function, operator)[0])
    assert names(optimise(done)) == names(done)


# -- rules, one by one --------------------------------------------------------------------------------------------------------

X = np.array([*SPECIAL, 1e308, -1e308, 5e-324, -1e-310, 2.2250738585072014e-308, 1e200, 1e-200, 7.3, -0.1, 1 / 3])
Y = X[::-1].copy()

RULES = {
    "one": (lambda x, y: 1 * x, []),
    "one on the right": (lambda x, y: x * np.float64(1.0), []),
    "array of ones": (lambda x, y: np.ones(len(X)) * x, []),
    "ones that broadcast": (lambda x, y: np.ones((2, 1)) * x, ["broadcast_to"]),
    "minus one": (lambda x, y: x * -1, ["negative"]),
    "divided by one": (lambda x, y: x / 1, []),
    "divided by minus one": (lambda x, y: x / -1.0, ["negative"]),
    "divided by a power of two": (lambda x, y: x / 4, ["multiply"]),
    "reciprocal": (lambda x, y: 1 / x, ["reciprocal"]),
    "minus zero added": (lambda x, y: x + -0.0, []),
    "zero subtracted": (lambda x, y: x - 0.0, []),
    "zero added to a square": (lambda x, y: 0 + x * x, ["square"]),
    "zero added to a sum of squares": (lambda x, y: 0.0 + (x * x + y), ["square", "add"]),
    "double negation": (lambda x, y: np.negative(-x), []),
    "negative times negative": (lambda x, y: (-x) * (-y), ["multiply"]),
    "negative over negative": (lambda x, y: (-x) / (-y), ["divide"]),
    "negative times constant": (lambda x, y: (-x) * 3, ["multiply"]),
    "negative times integer zero": (lambda x, y: (-x) * 0, ["multiply"]),
    "negative of constant times": (lambda x, y: -(3 * x), ["multiply"]),
    "negative of constant inside": (lambda x, y: -((3 * x) * y / x), ["multiply", "multiply", "divide"]),
    "negative over constant": (lambda x, y: (-x) / 3, ["divide"]),
    "plus negative": (lambda x, y: x + (-y), ["subtract"]),
    "negative plus": (lambda x, y: (-x) + y, ["subtract"]),
    "minus negative": (lambda x, y: x - (-y), ["add"]),
    "minus a product with a negative": (lambda x, y: x - (-y) * x, ["multiply", "add"]),
    "minus a slice of a negative": (lambda x, y: x[1:] - (-y)[1:], ["getitem", "getitem", "add"]),
    "itself added": (lambda x, y: x + x, ["multiply"]),
    "negative minus itself": (lambda x, y: -x - x, ["multiply"]),
    "factors": (lambda x, y: 3 * (2 * x), ["multiply"]),
    "factors below one": (lambda x, y: (x * 0.25) * 0.3, ["multiply"]),
    "factors and signs": (lambda x, y: -2 * (-(3 * x)), ["multiply"]),
    "square": (lambda x, y: x * x, ["square"]),
    "square of a negative": (lambda x, y: (-x) ** 2 + np.abs(-x), ["square", "absolute", "add"]),
    "sum of negatives": (lambda x, y: np.sum(-x[:5]) * y, ["getitem", "sum", "subtract", "multiply"]),
    "power 0": (lambda x, y: y * x**0, []),
    "power 1": (lambda x, y: x**1, []),
    "power 2": (lambda x, y: x**2.0, ["square"]),
    "power -1": (lambda x, y: x**-1, ["reciprocal"]),
    "power with an array of exponents": (lambda x, y: x ** np.ones(len(X)) + y ** np.zeros(len(X)), ["add"]),
    "power 1/2": (lambda x, y: x**0.5, ["sqrt"]),
    "selected": (lambda x, y: np.where(np.ones(len(X), bool), x, y), []),
    "the same selected": (lambda x, y: np.where(x > y, x, x), []),
    "selected by not": (lambda x, y: np.where(np.logical_not(x > y), x, y), ["greater", "where"]),
    "reshape of reshape": (lambda x, y: x[:12].reshape(3, 4).reshape(2, 6), ["getitem", "reshape"]),
    "reshape and back": (lambda x, y: x.reshape(1, -1).reshape(-1), []),
    "transpose of transpose": (lambda x, y: x[:6].reshape(2, 3).T.T, ["getitem", "reshape"]),
    "transposed column": (lambda x, y: x.reshape(1, -1).T, ["reshape"]),
    "slice of slice": (lambda x, y: x[2:][::-2][1:4], ["getitem"]),
    "element of slice": (lambda x, y: x[3:, None][2, 0] * y, ["getitem", "multiply"]),
    "whole": (lambda x, y: x[...][:], []),
    "slice of padding": (lambda x, y: np.pad(x, 2)[2:-2], []),
    "slice beside padding": (lambda x, y: np.pad(x, 2)[3:9], ["getitem"]),
    "slice of a joined array": (lambda x, y: np.concatenate([x, y])[len(X) + 1 :], ["getitem"]),
    "slice of a scatter": (lambda x, y: hoad.grad(lambda z: z[2:5] @ x[:3])(y)[2:5], ["getitem"]),
    "slice of positive numbers added to zeros": (
        lambda x, y: hoad.grad(lambda z: z[2:5] @ x[:3] ** 2 + z[7:9] @ y[:2])(y)[2:5], ["getitem", "square"]
    ),
    "joined neighbours": (lambda x, y: np.concatenate([x[1:4], x[4:9]]), ["getitem"]),
    "all joined": (lambda x, y: np.concatenate([x[:4], x[4:]]), []),
    "broadcast operand": (lambda x, y: np.broadcast_to(x[:1], X.shape) * y, ["getitem", "multiply"]),
    "copy": (lambda x, y: np.copy(x).astype(float) + np.positive(y), ["add"]),
    "sum over one": (lambda x, y: x.reshape(1, -1).sum(axis=0), ["add"]),
    "sum of squares over one": (lambda x, y: (x * x).reshape(1, -1).sum(axis=0), ["square"]),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_exact_rules(rule):
    f, expected = RULES[rule]
    steps = record(f, X, Y)
    done = optimise(steps)
    assert names(done) == expected
    for a, b in zip(run(done, (X, Y)), run(steps, (X, Y)), strict=True):
        assert ulps(a, b) <= (2 if "factors" in rule else 0)


NO_RULES = {
    "zero times": lambda x, y: 0 * x,
    "zero added": lambda x, y: x + 0.0,
    "negative zero subtracted": lambda x, y: x - -0.0,
    "zero minus": lambda x, y: 0 - x,
    "itself subtracted": lambda x, y: x - x,
    "itself divided": lambda x, y: x / x,
    "negative of a difference": lambda x, y: -(x - y),
    "negative minus": lambda x, y: (-x) - y,
    "factors on both sides of one": lambda x, y: 0.5 * (4 * x),
    "factors that underflow": lambda x, y: 1e-200 * (1e-200 * x),
    "factors that overflow": lambda x, y: 1e200 * (1e200 * x),
    "broken factor before a large one": lambda x, y: 100 * (1.5 * x),
    "divided by three": lambda x, y: x / 3,
    "power -1/2": lambda x, y: x**-0.5,
    "power with an array of halves": lambda x, y: x ** np.full(len(X), 0.5),
    "power 3/2": lambda x, y: x**1.5,
    "slice across a joint": lambda x, y: np.concatenate([x, y])[len(X) - 1 : len(X) + 1],
    "neighbours in another order": lambda x, y: np.concatenate([x[4:9], x[1:4]]),
    "product of sines": lambda x, y: np.sin(x) * np.sin(y),
}


@pytest.mark.parametrize("case", NO_RULES)
def test_what_is_no_rule(case):
    steps = record(NO_RULES[case], X, Y)
    done = optimise(steps)
    assert names(done) == names(steps)
    for a, b in zip(run(done, (X, Y)), run(steps, (X, Y)), strict=True):
        assert_same(a, b)


ADDED_TO_ZEROS = {
    "that may be -0.0": lambda x, y: hoad.grad(lambda z: z[2:5] @ x[:3] + z[7:9] @ x[4:6])(y)[2:5],
    "that another touches": lambda x, y: hoad.grad(lambda z: z[2:5] @ x[:3] ** 2 + z[4:6] @ x[4:6] ** 2)(y)[2:5],
}


@pytest.mark.parametrize("case", ADDED_TO_ZEROS)
def test_pieces_added_to_zeros_stay(case):
    steps = record(ADDED_TO_ZEROS[case], X, Y)
    done = optimise(steps)
    assert "assemble" in names(done)
    assert_same(run(done, (X, Y))[0], run(steps, (X, Y))[0])


POWERS = [(0, 0), (1, 0), (2, 1), (-1, 1), (0.5, 0), (3, 1), (4, 2), (-2, 2), (1.5, 0), (7, 0)]


@pytest.mark.parametrize(("exponent", "allowed"), POWERS)
@pytest.mark.parametrize("shape", [(4000,), ()])
def test_powers_within_the_documented_distance(exponent, allowed, shape):
    rng = np.random.default_rng(3)
    for power in (lambda x: x**exponent, lambda x: np.power(x, float(exponent)), lambda x: np.float_power(x, exponent)):
        for dtype in (np.float64, np.float32):
            small = rng.choice([-1.0, 1.0], 4000) * 10 ** rng.uniform(-30, 30, 4000)
            x = np.concatenate([small, X]).astype(dtype)
            points = [x] if shape else list(x[::40]) + list(X.astype(dtype))
            steps = record(power, points[0])
            done = optimise(steps)
            for point in points:
                a, b = (np.atleast_1d(run(s, (point,))[0]) for s in (done, steps))
                assert a.dtype == b.dtype
                normal = ~((np.abs(b) < np.finfo(b.dtype).tiny) & (b != 0))  # of subnormal results the last place is large
                assert ulps(a[normal], b[normal]) <= allowed
                assert ulps(a, b) <= max(allowed, 1)


def test_joined_factors_never_over_or_underflow_elsewhere():
    rng = np.random.default_rng(5)
    joined = 0
    magnitudes = np.concatenate([rng.uniform(-324, 308, 400), [0]])
    x = rng.choice([-1.0, 1.0], 401) * 10.0**magnitudes
    x = np.concatenate([x, [np.inf, -np.inf, np.nan, 0.0, -0.0, 5e-324, 1.7e308]])
    for _ in range(300):
        wide = rng.random() < 0.5
        first, second = (float(rng.choice([-1, 1]) * 10 ** rng.uniform(-300 if wide else -3, 300 if wide else 3)) for _ in "ab")
        first = float(round(first)) if rng.random() < 0.5 and abs(first) < 1e15 and round(first) else first
        steps = record(lambda x, a=first, b=second: (x * a) * b, x)
        done = optimise(steps)
        joined += len(done) == 1
        (a,), (b,) = run(done, (x,)), run(steps, (x,))
        assert ulps(a, b) <= 2
    assert 50 < joined < 250


# -- constants ------------------------------------------------------------------------------------------------------------------


def test_uniform_constants_are_numbers_and_are_never_made():
    ones = np.broadcast_to(2.0, (1000, 1000))
    steps = record(lambda x: (np.ones((1000, 1000)) * x) * ones, np.zeros((1000, 1000)))
    (step,) = optimise(steps).steps
    assert [a for a in step.args if a is not None] == [2.0]
    powers = record(lambda x: np.exp(x**0) + x, np.zeros((300, 300)))
    (step,) = optimise(powers).steps
    assert [a for a in step.args if a is not None] == [np.exp(1.0)]
    (result,) = optimise(record(lambda x: np.exp(x**0), np.zeros((300, 300)))).outputs
    assert result[0] is None
    assert result[1].shape == (300, 300)
    assert not any(result[1].strides)


def test_compact():
    rng = np.random.default_rng(0)
    for a in (np.full((3, 4), -0.0), np.full(5, np.nan), np.full((2, 2), 1 + 2j), np.full(7, 3)):
        b = compact(a)
        assert element(b) is not None or np.isnan(a).all()
        assert_same(b, a)
    mixed = np.zeros(9)
    mixed[3] = -0.0
    for a in (mixed, rng.normal(size=5), np.array([1, 1, 2, 1, 1.0]), np.array([complex(1, z) for z in (0, -0.0, 0, 0, 0)])):
        assert compact(a) is a


def test_double_precision_constants_of_single_precision_arrays_stay():
    x = np.ones(3, np.float32)
    steps = record(lambda x: x * np.float64(1.0) + 1 * x, x)
    done = optimise(steps)
    assert names(done) == ["multiply", "add"]
    assert run(done, (x,))[0].dtype == np.float64


def test_guards_keep_their_slots():
    def f(x):
        y = 1 * x**2
        return y if y[0] * x[0] ** 0 > 0 else -y

    steps = record(f, np.array([2.0, 3.0]))
    assert steps.guards
    done = optimise(steps).check()
    assert [g.value for g in done.guards] == [g.value for g in steps.guards]
    for guard in done.guards:
        slots = Steps(done.inputs, done.steps, ((guard.slot, None),), specs=done.specs)
        assert_same(run(slots, (np.array([2.0, 3.0]),))[0], guard.value)
    constant = record(lambda x: x**0, np.array([2.0, 3.0]))
    asked = constant.with_steps(constant.steps, guards=(Guard(constant.outputs[0][0], np.ones(2), "test"),))
    done = optimise(asked).check()
    assert [g.slot for g in done.guards] == [step.outputs[0] for step in done.steps]


# -- common and dead steps ----------------------------------------------------------------------------------------------------


def test_what_is_common():
    def f(x, y):
        return [x * y - y * x, np.sin(x) - np.sin(x), x[1:] - x[1:], np.maximum(x, y) - np.maximum(y, x), 2 * x - 2.0 * x]

    steps = record(f, X, Y)
    done = merge_common(steps)
    count = names(done).count
    assert [count(name) for name in ("sin", "getitem", "maximum", "multiply")] == [1, 1, 2, 3]
    assert names(optimise(steps)).count("multiply") == 2  # there 2 and 2.0 are one number


def test_results_of_several_outputs_are_common():
    steps = record(lambda x: [np.linalg.eigh(x)[0] + 1, np.linalg.eigh(x)[1] * 2], np.diag([1.0, 2.0]))
    assert names(steps).count("eigh") == 2
    assert names(merge_common(steps)).count("eigh") == 1


def test_constants_are_told_apart_by_their_bits():
    c = Constants()
    large, other = np.arange(1e4), np.arange(1e4)
    changed = large.copy()
    changed[17] = 0
    numbers = [
        c.number(a)
        for a in (
            0.0,
            -0.0,
            0,
            False,
            np.float64(0),
            np.float32(0),
            np.zeros(1),
            np.zeros((1, 1)),
            large,
            changed,
            None,
            "0",
            1,
            True,
        )
    ]
    assert len(set(numbers)) == len(numbers)
    assert c.number(other) == c.number(large)
    assert c.number(np.zeros(1)) == c.number(np.zeros(1))
    assert c.number(float("nan")) == c.number(float("nan"))
    assert c.key((slice(1, None), Ellipsis, np.array([1, 2]))) == c.key((slice(1, None), Ellipsis, np.array([1, 2])))
    assert c.key(slice(1, 2)) != c.key(slice(1, 2, 1))


def test_dead_steps():
    steps = record(lambda x, y: [np.exp(x)], X, Y)
    dead = make_step("sin", [Slot(0)], {}, (99,))
    longer = steps.with_steps([dead, *steps.steps], specs=steps.specs | {99: ArraySpec(X.shape, X.dtype)})
    done = remove_dead(longer)
    assert names(done) == ["exp"]
    assert 99 not in done.specs
    assert remove_dead(done) is done


# -- products --------------------------------------------------------------------------------------------------------------------


def test_coefficients_go_through_weights_together():
    rng = np.random.default_rng(1)
    sizes = [3, 5, 5, 1]
    weights = [rng.normal(size=s) for s in pairwise(sizes)]

    def f(x):
        for w in weights:
            x = np.tanh(x @ w)
        return x

    x, v = rng.normal(size=(2, 10, 3))
    steps = record(lambda x, v: hoad.taylor(f, x, v, 4), x, v)
    assert names(steps).count("matmul") == 2 + 5 + 5
    done = optimise(steps).check()
    assert names(done).count("matmul") == 3
    for a, b in zip(run(done, (x, v)), run(steps, (x, v)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_products_that_depend_on_one_another_are_not_joined():
    w = np.random.default_rng(1).normal(size=(4, 4))

    def f(x, y):
        a = x @ w
        b = np.sin(a) @ w
        c = y @ w
        d = (c + b) @ w
        return [np.sin(c) @ w, d]

    x, y = np.random.default_rng(2).normal(size=(2, 6, 4))
    steps = record(f, x, y)
    done = optimise(steps).check()
    assert names(steps).count("matmul") == 5
    assert names(done).count("matmul") == 3
    for a, b in zip(run(done, (x, y)), run(steps, (x, y)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shapes", [((200, 100), (100, 100)), ((1, 100), (100, 100)), ((100, 100), (100,))])
def test_large_products_stay_alone(shapes):
    x, w = (np.ones(s) for s in shapes)
    steps = record(lambda x, y, w: [x @ w, y @ w], x, x, w)
    assert names(optimise(steps)) == ["matmul", "matmul"]


# -- cost -------------------------------------------------------------------------------------------------------------------------


def _chain(length):
    """A long program in which every pass finds something to do."""
    rng = np.random.default_rng(length)
    spec = ArraySpec((6, 4), np.dtype(float))
    w = rng.normal(size=(4, 4))
    constants = [2.0, np.ones((6, 4)), rng.normal(size=(6, 4)), 1.0, -1, rng.normal(size=(30, 6, 4))[3]]
    steps, specs = [], {0: spec, 1: spec}
    for slot in range(2, length + 2):
        a, b = (Slot(max(0, slot - 1 - int(rng.integers(7)))) for _ in "ab")
        name = ["add", "multiply", "subtract", "tanh", "negative", "pow", "transpose", "matmul"][rng.integers(8)]
        kw = {"axes": (0, 1)} if name == "transpose" else {}
        if name in ("tanh", "negative", "transpose"):
            args = [a]
        elif name in ("pow", "matmul"):
            args = [a, int(rng.integers(1, 5)) if name == "pow" else w]
        else:
            args = [a, constants[rng.integers(6)] if rng.random() < 0.4 else b]
        steps.append(make_step(name, args, kw, (slot,)))
        specs[slot] = spec
    return Steps((spec, spec), tuple(steps), tuple((length + 1 - i, None) for i in range(9)), specs=specs)


def _calls(apply, steps):
    """Calls of Python and C functions: what it costs, whatever else the computer does."""
    count = 0

    def profile(frame, event, arg):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        done = apply(steps)
    finally:
        sys.setprofile(None)
    return count, done


@pytest.mark.parametrize("apply", EVERY, ids=lambda p: p.__name__)
def test_cost_is_linear_in_the_number_of_steps(apply):
    short, long = (remove_dead(_chain(n)) for n in (2_000, 20_000))
    few, _ = _calls(apply, short)
    many, done = _calls(apply, long)
    rounds = 2 if apply is optimise else 1  # it stops when nothing changes: after two to four rounds
    assert many / len(long) < 1.3 * rounds * few / len(short)
    done.check()


def test_levels():
    steps = _chain(300)
    assert optimise(steps, 0) is steps
    sizes = [work(optimise(steps, level)) for level in range(4)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[1] > sizes[2]
    assert names(optimise(steps)) == names(optimise(steps, 3))
