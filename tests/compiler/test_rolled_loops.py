"""Loops under compilation: their step is recorded once, at every level of differentiation, and gives what the loop itself gives."""

import logging
from dataclasses import dataclass

import numpy as np
import pytest

import hoad
from hoad.core.space import flatten
from hoad.errors import CompileError
from hoad.modes.loop_steps import Body, loop_
from hoad.transforms.control import recorded

RNG = np.random.default_rng(11)
MATRIX = RNG.normal(size=(3, 3)) * 0.4


@pytest.fixture(autouse=True)
def no_warnings_in_the_log(caplog):
    caplog.set_level(logging.ERROR, logger="hoad")


def xs_of(n, *shape):
    return np.random.default_rng(n).uniform(0.2, 1.0, (n, *shape))


def loops_in(program):
    return [s for s in program.steps.steps if s.primitive is loop_]


def nested_loops(body):
    found = [s.kw["body"] for s in body.steps if s.primitive is loop_]
    return found + [b for one in found for b in nested_loops(one)]


def agree(f, *args, rolled=True, tolerance=1e-13, moved=None):
    """A Program of ``f`` that gives what ``f`` gives, at other arguments too."""
    g = hoad.compile(f, backend="numpy")
    for given in (args, args, tuple(a + 0.05 if moved is None else moved(a) for a in args)):
        with np.errstate(all="ignore"):
            found, expected = flatten(g(*given))[0], flatten(f(*given))[0]
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            a, b = np.asarray(a), np.asarray(b)
            assert a.shape == b.shape
            assert a.dtype == b.dtype
            scale = np.nan_to_num(np.abs(b)).max(initial=1e-300)
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)
    assert g.program is not None
    if rolled is not None:
        assert bool(loops_in(g.program)) == rolled
    return g.program


# -- bodies: functions of a vector of three and the number of steps --------------------------------------------------------------


def recurrence(x, n):
    def step(c, a):
        return np.sin(c) * a + 0.1 * x, c * c

    c, ys = hoad.scan(step, x * 0.5, xs_of(n))
    return np.sum(c) + np.sum(ys * ys)


def constant_start(x, n):
    c, _ = hoad.scan(lambda c, a: (np.tanh(c * a + x), None), np.full(3, 0.3), xs_of(n))
    return np.sum(c * x)


def root_of_zero(x, n):
    """The first step has no derivative, where the slope is infinite."""

    def step(c, a):
        return np.sqrt(c) * 0.5 + a * x, c

    c, ys = hoad.scan(step, np.zeros(3), xs_of(n))
    return np.sum(c * c) + np.sum(ys)


def closure_of_parameters(x, n):
    w = np.outer(x, x) * 0.3 + MATRIX

    def step(h, a):
        h = np.tanh(w @ h + a)
        return h, np.sum(h * x)

    h, ys = hoad.scan(step, np.zeros(3), xs_of(n, 3))
    return np.sum(h) + np.sum(ys)


def containers(x, n):
    def step(c, a):
        p, q = c["p"], c["q"][0]
        p = p - 0.1 * np.sin(q) * a["u"]
        q = q + 0.1 * p + a["v"]
        return {"p": p, "q": [q]}, (p * q, {"e": np.sum(p * p)})

    xs = {"u": xs_of(n), "v": x * xs_of(n, 3) * 0.1}
    c, (ys, e) = hoad.scan(step, {"p": x, "q": [np.cos(x)]}, xs)
    return np.sum(c["p"] * c["q"][0]) + np.sum(ys) + np.sum(e["e"])


def whole_numbers(x, n):
    """A counter and a flag in the carry beside numbers that have derivatives."""

    def step(c, a):
        y, k, positive = c
        y = np.where(positive, np.sin(y) * a + x * 0.2, y - 0.1 * x * y)
        return (y, k + np.int64(2), np.sum(y) > k), k * y

    c, ys = hoad.scan(step, (x, np.int64(1), np.bool_(True)), xs_of(n))
    return np.sum(c[0]) + np.sum(ys) / c[1]


def from_the_end(x, n):
    def step(c, a):
        return c * a + x, c * x

    c, ys = hoad.scan(step, x, xs_of(n), reverse=True)
    return np.sum(c) + np.sum(ys * xs_of(n, 3))


def counted(x, n):
    return np.sum(hoad.fori_loop(0, n, lambda k, c: np.sin(c) + 0.1 * x, x))


def with_its_number(x, n):
    return np.sum(hoad.fori_loop(1, n + 1, lambda k, c: c + x * x / k**2 + np.cos(k * x) / (k + 1), x * 0.0 + 1.0))


def nested(x, n):
    def inner(c, a):
        return 0.9 * c + a * np.sin(x), c

    def outer(c, a):
        d, ys = hoad.scan(inner, c * a, xs_of(6))
        return d / (1 + np.sum(ys * ys)), np.sum(ys)

    c, ys = hoad.scan(outer, x, xs_of(n))
    return np.sum(c) + np.sum(ys)


def masked(x, n):
    def step(c, a):
        return np.where(c > 0.4, np.sqrt(np.abs(c) + 0.01), c * c + a * x), np.maximum(c, x)

    c, ys = hoad.scan(step, x, xs_of(n))
    return np.sum(c) + np.sum(ys)


def derivative_inside(x, n):
    """Newton's method with the derivative of the step's own."""

    def step(c, a):
        g = hoad.grad(lambda y: np.sum(np.cosh(y) - a * x * y))(c)
        return c - 0.5 * g, None

    return np.sum(hoad.scan(step, x * 0.1, xs_of(n))[0])


def two_loops(x, n):
    a = hoad.scan(lambda c, a: (c * a + x, c), x, xs_of(n))[1]
    c, _ = hoad.scan(lambda c, a: (np.sin(c) + a, None), x, a)
    return np.sum(c * c)


BODIES = [
    recurrence, constant_start, root_of_zero, closure_of_parameters, containers, whole_numbers, from_the_end, counted,
    with_its_number, nested, masked, derivative_inside, two_loops,
]  # fmt: skip

X = np.array([0.35, 0.6, 0.85])
D = np.array([1.0, -0.5, 0.25])

OPERATORS = {
    "value": lambda f: f,
    "grad": hoad.grad,
    "jvp": lambda f: lambda x: hoad.jvp(f, (x,), (D,)),
    "hvp": lambda f: lambda x: hoad.hvp(f, x, D),
    "hessian": hoad.hessian,
    "vmap": lambda f: lambda x: hoad.vmap(f)(np.stack([x, 0.5 * x, x + 0.1])),
    "taylor": lambda f: lambda x: hoad.taylor(f, x, D, 3),
    "grad of grad": lambda f: hoad.grad(lambda x: np.sum(hoad.grad(f)(x) * D)),
    "grad of jvp": lambda f: hoad.grad(lambda x: hoad.jvp(f, (x,), (D,))[1]),
    "vmap of grad": lambda f: lambda x: hoad.vmap(hoad.grad(f))(np.stack([x, 0.5 * x, x + 0.1])),
}


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("body", BODIES, ids=lambda f: f.__name__)
def test_derivatives_of_loops(body, operator):
    counts = []
    for n in (10, 13):
        program = agree(OPERATORS[operator](lambda x, n=n: body(x, n)), X)
        counts.append(len(program.steps.steps))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("operator", ["value", "grad", "hvp"])
@pytest.mark.parametrize("body", BODIES, ids=lambda f: f.__name__)
def test_native_loops(body, operator):
    f = OPERATORS[operator](lambda x: body(x, 40))
    g = hoad.compile(f)
    for x in (X, X, X + 0.05):
        with np.errstate(all="ignore"):
            expected = f(x)
            np.testing.assert_allclose(g(x), expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
    assert loops_in(g.program)


# -- what cannot be one step for all ---------------------------------------------------------------------------------------------


def test_a_branch_is_followed_on_both_paths():
    def f(x):
        def step(c, a):
            if np.sum(c) > 1.5:
                return c * 0.5, a
            return np.exp(c * a) * x, -a

        c, ys = hoad.scan(step, x, xs_of(9))
        return np.sum(c) + np.sum(ys)

    for operator in (lambda f: f, hoad.grad):
        g = hoad.compile(operator(f), backend="numpy")
        for x in (X, X + 0.5, X * 0.1, X):
            np.testing.assert_allclose(g(x), operator(f)(x), rtol=1e-13)
        assert sum(len(p) for p in g.programs.values()) > 1
        assert not loops_in(g.program)


def test_a_branch_on_what_the_loop_closes_over_is_one_guard():
    def f(x):
        def step(c, a):
            return (c * a + x if x[0] > 0 else c - a * x), None

        return hoad.scan(step, x, xs_of(50))[0]

    g = hoad.compile(f, backend="numpy")
    for x in (X, -X, X):
        np.testing.assert_allclose(g(x), f(x), rtol=1e-13)
        assert len(loops_in(g.program)) == 1
        assert len(g.program.steps.guards) == 1
    assert sum(len(p) for p in g.programs.values()) == 2


def test_the_state_of_a_step_is_seen():
    def counting(x):
        n = [0.0]

        def step(c, a):
            n[0] += 1.0
            return c * a + n[0] * x, None

        return hoad.scan(step, x, xs_of(8))[0]

    def counting_for_later(x):
        n = 0

        def step(c, a):
            nonlocal n
            n += 1
            return c * a + x, None

        c, _ = hoad.scan(step, x, xs_of(8))
        return c * n

    def keeping(x):
        seen = []

        def step(c, a):
            seen.append(c)
            return c * a + x, None

        c, _ = hoad.scan(step, x, xs_of(8))
        return c + sum(seen)

    def adding(x):
        total = x * 0.0

        def step(c, a):
            nonlocal total
            total = total + c
            return c * a + x, None

        c, _ = hoad.scan(step, x, xs_of(8))
        return c + total

    def leaving(x):
        last = x * 1.0

        def step(c, a):
            nonlocal last
            last = c
            return c * a + x, None

        c, _ = hoad.scan(step, x, xs_of(8))
        return c + last

    def drawing(x):
        rng = np.random.default_rng(0)
        c, _ = hoad.scan(lambda c, a: (c * a + rng.normal() * x, None), x, xs_of(8))
        return c

    def attribute(x):
        class Counter:
            def __init__(self):
                self.calls = 0

            def __call__(self, c, a):
                self.calls += 1
                return c * a + x, None

        counter = Counter()
        return hoad.scan(counter, x, xs_of(8))[0] * counter.calls

    def choosing(x):
        rng = np.random.default_rng(0)  # 1, 1, 1, 0, 0, ...: the first two steps are the same by chance
        return hoad.scan(lambda c, a: (c * a + int(rng.integers(2)) * x, None), x, xs_of(8))[0]

    def going_through(x):
        numbers = iter([1, 1, 2, 3, 5, 8, 13, 21])
        return hoad.scan(lambda c, a: (c * a + next(numbers) * x, None), x, xs_of(8))[0]

    def shared_draws(x):
        np.random.seed(1)
        return hoad.scan(lambda c, a: (c * a + np.random.randint(2) * x, None), x, xs_of(8))[0]

    def writing(x):
        numbers = np.zeros(3)

        def step(c, a):
            numbers[0] += 1
            return c * a + x, None

        return hoad.scan(step, x, xs_of(8))[0] * numbers[0]

    for f in (
        counting,
        counting_for_later,
        keeping,
        adding,
        leaving,
        drawing,
        attribute,
        choosing,
        going_through,
        shared_draws,
        writing,
    ):
        agree(f, X, rolled=False)


def test_draws_from_a_generator_outside_are_an_error():
    rng = np.random.default_rng(0)

    def f(x):
        return hoad.scan(lambda c, a: (c * a + rng.normal() * x, None), x, xs_of(8))[0]

    with pytest.raises(CompileError):
        hoad.compile(f, backend="numpy")(X)


def test_the_number_of_a_step_as_a_python_integer():
    table = [0.5, 0.25, 0.125, 1.0, 2.0, 3.0]

    def by_index(x):
        return hoad.fori_loop(0, 6, lambda k, c: c * table[k] + x, x)

    def by_branch(x):
        return hoad.fori_loop(0, 6, lambda k, c: c * 0.5 + x if k % 2 else c * x, x)

    def by_type(x):
        return hoad.fori_loop(0, 6, lambda k, c: c * 0.5 + x * (3.0 if isinstance(k, int) else 2.0), x)

    def by_type_and_value(x):
        return hoad.fori_loop(0, 6, lambda k, c: c * 0.5 + x * (k if isinstance(k, int) else k * 2), x)

    def by_range(x):
        return hoad.fori_loop(0, 6, lambda k, c: c * 0.5 + sum(x * j for j in range(k + 1)), x)

    for f in (by_index, by_branch, by_type, by_type_and_value, by_range):
        for operator in (lambda f: f, lambda f: hoad.grad(lambda x: np.sum(f(x) ** 2))):
            agree(operator(f), X, rolled=False)


# -- lengths, dtypes, containers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 1000])
@pytest.mark.parametrize("operator", ["value", "grad", "jvp", "grad of grad"])
def test_lengths(n, operator):
    n = 200 if n > 7 and operator == "grad of grad" else n
    for body in (recurrence, constant_start, from_the_end, counted) if n else (recurrence, counted):
        program = agree(OPERATORS[operator](lambda x, body=body: body(x, n) + np.sum(x**3)), X, rolled=None, tolerance=1e-12)
        if n > 7:
            assert loops_in(program)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.complex64])
def test_dtypes(dtype):
    x = (X * (1 + 0.3j if np.dtype(dtype).kind == "c" else 1)).astype(dtype)

    def f(x):
        c, ys = hoad.scan(lambda c, a: (np.sin(c) * a + x, c * c), x, xs_of(9).astype(dtype))
        return np.sum(np.abs(c) ** 2) + np.sum(np.abs(ys) ** 2)

    single = np.dtype(dtype).itemsize in (4, 8) and np.dtype(dtype) != np.float64
    for operator in (lambda f: f, hoad.grad):
        agree(operator(f), x, tolerance=1e-5 if single else 1e-13, moved=lambda a: a * 0.5)


def test_a_python_number_times_its_number_keeps_single_precision():
    x = X.astype(np.float32)

    def f(x):
        return hoad.fori_loop(0, 9, lambda k, c: c * 0.5 + (k + 1) * x / 2**k, x)

    agree(f, x, tolerance=1e-6, moved=lambda a: a * 2)


def test_integers_that_outgrow_64_bits():
    def f(x):
        def step(c, a):
            n, y = c
            return (n * 3, y * a + x / n), None

        n, y = hoad.scan(step, (1, x), xs_of(50))[0]
        return y * float(n)

    agree(f, X, rolled=False)


def test_a_counter_stays_an_integer():
    def f(x):
        return hoad.scan(lambda c, a: ((c[0] + 2, c[1] * a + x), None), (1, x), xs_of(20))[0]

    g = hoad.compile(f, backend="numpy")
    n, y = g(X)
    assert n == 41
    np.testing.assert_allclose(y, f(X)[1], rtol=1e-13)
    agree(lambda x: np.ones(3, np.float32) * f(x)[0], X, rolled=None)


def test_dataclasses_and_several_results():
    @dataclass
    class State:
        position: np.ndarray
        velocity: np.ndarray

    def f(x):
        def step(s, dt):
            v = s.velocity - dt * np.sin(s.position)
            return State(s.position + dt * v, v), (s.position, {"energy": np.sum(v * v)})

        return hoad.scan(step, State(x, x * 0.1), xs_of(12) * 0.1)

    def plain(x):
        s, (p, e) = f(x)
        return s.position, s.velocity, p, e["energy"]

    agree(plain, X)
    agree(hoad.jacobian(lambda x: plain(x)[0]), X)
    agree(hoad.grad(lambda x: np.sum(plain(x)[2] ** 2) + np.sum(plain(x)[3])), X)


def test_steps_do_not_share_what_they_write_into():
    def f(x):
        def step(c, a):
            y = c.copy()
            c[0] = a * c[1]
            c *= x
            return c, y

        return hoad.scan(step, x * 1.0, xs_of(7))

    agree(f, X)
    agree(hoad.grad(lambda x: sum(np.sum(p**2) for p in f(x))), X)


def test_checkpoints_change_nothing():
    for policy in (None, 3, "all"):

        def f(x, policy=policy):
            return np.sum(hoad.scan(lambda c, a: (np.sin(c) * a + x, None), x, xs_of(12), checkpoint=policy)[0])

        agree(hoad.grad(f), X)


def test_ends_of_loops_that_nobody_uses():
    agree(hoad.grad(lambda x: np.sum(hoad.scan(lambda c, a: (c * a * x, c), x, xs_of(9))[1][3])), X)
    agree(hoad.grad(lambda x: np.sum(hoad.scan(lambda c, a: ((c[0] * a * x, c[1] + x), c[0]), (x, x), xs_of(9))[0][1] ** 2)), X)


def test_an_infinite_slope_of_a_branch_that_was_not_chosen():
    def f(x):
        def step(c, a):
            return np.where(c > 0, np.sqrt(np.where(c > 0, c, 0.0)), 0.0) * a, None

        return np.sum(hoad.scan(step, x, xs_of(8))[0])

    x = np.array([0.4, -0.3, 0.0])
    with np.errstate(all="ignore"):
        expected = hoad.grad(f)(x)
        g = hoad.compile(hoad.grad(f), backend="numpy")
        np.testing.assert_allclose(g(x), expected, rtol=1e-13)
        np.testing.assert_allclose(g(X), hoad.grad(f)(X), rtol=1e-13)
        np.testing.assert_allclose(g(x), expected, rtol=1e-13)
    assert np.isfinite(expected).all()


def root_in_a_branch(x, n):
    """The infinite slope is met by the carry itself, of which no tape knows while the loop runs."""
    c, ys = hoad.scan(lambda c, a: (np.where(c > 0, np.sqrt(c), 0.0) * a, c), x, np.ones(n))
    return np.sum(c) + np.sum(ys)


def root_times_closure(x, n):
    c, ys = hoad.scan(lambda c, a: (np.where(c > 0, np.sqrt(c) * x, 0.0) * a, c), x, xs_of(n))
    return np.sum(c) + np.sum(ys)


def root_of_a_slice(x, n):
    """Some steps send nothing back to what others take the root of."""
    roots = hoad.scan(lambda c, a: (c, np.sqrt(a * x)), 0.0, np.linspace(0.0, 1.0, n))[1]
    return np.sum(hoad.scan(lambda c, r: (c + np.where(r > 0, r, 1.0), None), x, roots)[0])


def genuine_nan(x, n):
    """No branch hides this infinite slope."""
    return np.sum(hoad.scan(lambda c, a: (np.where(c >= 0, np.sqrt(c) ** 2, 0.0) + a * x, None), x * 0, np.ones(n))[0])


def derivative_in_a_branch(x, n):
    def step(c, a):
        slope = hoad.grad(lambda y: np.sum(np.where(y > 0, np.sqrt(y), 0.0) * a))(c)
        return np.where(c > 0, c * 0.9 + 0.01 * slope * x, 0.0), None

    return np.sum(hoad.scan(step, x, xs_of(n))[0])


@pytest.mark.parametrize("name", ["grad", "hvp", "reverse over reverse"])
@pytest.mark.parametrize(
    "f", [root_in_a_branch, root_times_closure, root_of_a_slice, genuine_nan, derivative_in_a_branch], ids=lambda f: f.__name__
)
def test_a_sweep_that_meets_nan_stays_rolled(f, name):
    """It is repeated on masked cotangents, in as many steps for any length; what is NaN for the loop itself stays so."""
    x = np.array([0.4, -0.3, 0.0])
    operator = {**OPERATORS, "reverse over reverse": lambda f: lambda x: hoad.hvp(f, x, D, mode="reverse-over-reverse")}[name]
    lengths = []
    for n in (8, 11) if name == "grad" else (8,):
        program = agree(operator(lambda x, n=n: f(x, n)), x, moved=lambda x: x)
        lengths.append(len(program))
        assert len(program) < 800
    assert len(set(lengths)) == 1
    with np.errstate(all="ignore"):
        assert np.isfinite(operator(lambda x: f(x, 8))(x)).all() == (f is not genuine_nan)


def test_many_steps_that_are_recorded_one_by_one_are_in_the_log(caplog, monkeypatch):
    caplog.set_level(logging.WARNING, logger="hoad")
    monkeypatch.setattr(recorded, "MANY", 20)
    table = [1.0, 2.0, 3.0] * 7

    def f(x):
        return hoad.fori_loop(0, 21, lambda k, c: np.sin(c) * table[k] if k != 3 else c, x)

    program = agree(f, X, rolled=False)
    assert len(program) > 30
    assert [r.message.partition(":")[0] for r in caplog.records] == [
        "a loop of 21 steps is recorded step by step, because one step does not stand for all of them"
    ]
    agree(f, X, rolled=False)
    assert len(caplog.records) == 1


def test_errors_of_a_step_are_what_they_are():
    def f(x):
        return hoad.scan(lambda c, a: (np.concatenate([c, c]), None), x, xs_of(8))[0]

    with pytest.raises(hoad.errors.LoopError):
        hoad.compile(f, backend="numpy")(X)


# -- the body --------------------------------------------------------------------------------------------------------------------


def test_what_is_the_same_in_each_step_is_computed_before_the_loop():
    def f(x):
        return hoad.scan(lambda c, a: (c * a + np.exp(np.sin(x)), None), x, xs_of(30))[0]

    program = agree(f, X)
    (loop,) = loops_in(program)
    assert [s.primitive.name for s in loop.kw["body"].steps] == ["multiply", "add"]
    assert {"sin", "exp"} <= {s.primitive.name for s in program.steps.steps}


def test_a_body_is_complete():
    for body in (recurrence, closure_of_parameters, nested, with_its_number):
        program = agree(hoad.grad(lambda x, body=body: body(x, 10)), X)
        for loop in loops_in(program):
            for found in [loop.kw["body"], *nested_loops(loop.kw["body"])]:
                known = set(range(len(found.inputs)))
                for step in found.steps:
                    assert known.issuperset(slot for _, slot in step.inputs)
                    known.update(step.outputs)
                assert known == set(found.specs)
                assert all(slot is None or slot in known for slot, _ in found.outputs)
                assert tuple(found.specs[i] for i in range(len(found.inputs))) == found.inputs


def test_bodies_are_equal_where_their_steps_and_constants_are():
    def body_of(factor):
        program = agree(lambda x: hoad.scan(lambda c, a: (c * a * factor, None), x, xs_of(9))[0], X)
        return loops_in(program)[0].kw["body"]

    a, b, c = body_of(np.arange(3.0)), body_of(np.arange(3.0)), body_of(np.arange(3.0) + 1)
    assert isinstance(a, Body)
    assert a == b
    assert hash(a) == hash(b)
    assert a != c


# -- reading at the number of the step -------------------------------------------------------------------------------------------


def reading(x, n):
    """Arrays that depend on x, read at the number of the step: before it, after it, along any axis."""
    a = np.cumsum(np.outer(xs_of(n + 2), x), axis=0) / n
    b = np.sin(a).T

    def step(k, c):
        return np.tanh(c * a[k]) + a[k + 2] * b[:, k] - b[1, k + 1] * a[k][0] + 0.1 * k * x

    return np.sum(hoad.fori_loop(0, n, step, x))


def reading_one_dimension(x, n):
    a = np.linspace(0.1, 0.5, n) * x[0] + np.arange(n) % 2
    c = hoad.fori_loop(1, n, lambda k, c: c * a[k - 1] + np.cos(c) * a[k], x)
    return np.sum(c)


def counting(x, n):
    """A counter in the carry, and one that is no counter of ones."""

    def step(c, a):
        i, y, j = c
        return (i + 1, np.sin(y) * a + x / (i + 1), j - 3), y * j

    c, ys = hoad.scan(step, (0, x, 7), xs_of(n))
    return np.sum(c[1]) + np.sum(ys) / c[0] + c[2]


def arithmetic(x, n):
    """Integers from the number of the step."""

    def step(k, c):
        y = np.where(k % 3 == 0, c * 0.5, np.sin(c) + k // 2 * x)
        return y + np.cos(x * (k - 5)) / (k * k + 1) - (k + 1) ** 2 * 1e-3 * x * c

    return np.sum(hoad.fori_loop(0, n, step, x))


def arithmetic_of_integers(x, n):
    """What floats would not give: a negative zero, bits."""

    def step(k, c):
        return np.sin(c) * x + np.arctan2(k * -1.0 * 0 + (k ^ 1) * (-k), -1.0) * 0.1 * x

    return np.sum(hoad.fori_loop(0, n, step, x))


def reading_from_inside(x, n):
    """An inner loop that uses the row of the outer one."""
    a = np.outer(xs_of(n), x)

    def outer(k, c):
        return hoad.scan(lambda d, e: (np.sin(d) * e + a[k], None), c, xs_of(5))[0]

    return np.sum(hoad.fori_loop(0, n, outer, x))


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize(
    "body",
    [reading, reading_one_dimension, counting, arithmetic, arithmetic_of_integers, reading_from_inside],
    ids=lambda f: f.__name__,
)
def test_derivatives_of_loops_with_numbers(body, operator):
    counts = []
    for n in (10, 13):
        program = agree(OPERATORS[operator](lambda x, n=n: body(x, n)), X)
        counts.append(len(program.steps.steps))
        for loop in loops_in(program):
            assert not any(size in shape for shape, _ in loop.kw["body"].specs.values() for size in (n - 1, n, n + 2))
    assert counts[0] == counts[1]
