"""Branches, loops and every other question that Python asks about numbers: right on every path, with one Program for each."""

import logging
import math

import numpy as np
import pytest
import scipy.optimize

import hoad
from hoad.compiler import paths as module
from hoad.compiler import settings
from hoad.errors import CompileError
from tests.compiler.toolchain_tools import needs_compiler

RNG = np.random.default_rng(3)
X = RNG.normal(size=6)


@pytest.fixture(autouse=True)
def no_warnings_in_the_log(caplog):
    caplog.set_level(logging.ERROR, logger="hoad")


def compiled(f):
    return hoad.compile(f, backend="numpy")


def count(g):
    return sum(len(p) for p in g.programs.values())


def agree(g, f, *points):
    for x in points:
        for _ in range(2):
            a, b = g(x), f(x)
            assert type(a) is type(b) or isinstance(a, np.float64)
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_a_branch_has_two_programs():
    def f(x):
        if np.sum(x) > 0:
            return x * 2
        return -x

    g = compiled(f)
    agree(g, f, X, -X, X + 1, -X, -X - 5, X)
    assert count(g) == 2


def test_nested_branches_have_a_program_for_each_path(monkeypatch):
    def f(x):
        y = x * 1.5
        if x[0] > 0:
            y = y + 1 if x[1] > 0 else y - 1
            if x[2] > 0 and x[3] > 0:
                y = y * 3
        elif x[4] > 0:
            y = -y
        return y

    g = compiled(f)
    points = [np.array([1.0 if k & 1 << i else -1.0 for i in range(5)]) * 2 for k in range(32)]
    order = RNG.permutation(32)
    agree(g, f, *[points[k] for k in order], *points)
    # x0, x1, then (x2 false | x2 true, x3 false | true): 2 * 3; and x0 false: x4
    assert count(g) == 6 + 2

    def again(*_):
        raise CompileError("recorded again")

    monkeypatch.setattr("hoad.compiler.compiled.record_twice", again)
    agree(g, f, *[points[k] for k in order])  # the answers of one Program lead to the next


def newton(x):
    y = x
    steps = 0
    while abs(y * y - x) > 1e-9:
        y = 0.5 * (y + x / y)
        steps += 1
    return y, np.float64(steps)


def test_loops_that_end_by_a_value():
    g = compiled(newton)
    lengths = set()
    for x in (1.0, 2.0, 1e3, 1e-2, 2.5, 1e6, 3.0, 1e3):
        x = np.float64(x)
        assert g(x) == newton(x)
        lengths.add(newton(x)[1])
    assert count(g) == len(lengths) > 3
    h = compiled(hoad.grad(lambda x: newton(x)[0]))
    for x in (2.0, 1e3, 5.0):
        assert h(x) == hoad.grad(lambda x: newton(x)[0])(x)


def test_loops_over_recorded_integers():
    def f(x):
        k = np.argmax(x)
        total = x[k] * 1.0
        for i in range(k):
            total = total + x[i]
        return total

    g = compiled(f)
    agree(g, f, *[np.roll(X, i) for i in range(6)], X * 2)
    assert count(g) == 6


def test_reading_at_recorded_places_needs_no_guard():
    def f(x):
        order = np.argsort(x)
        return x[order] * np.arange(6), x[np.argmin(x)], x[order[-1]], x.reshape(2, 3)[:, order[:2] // 3]

    g = compiled(f)
    for x in (X, -X, np.roll(X, 2), RNG.normal(size=6)):
        for a, b in zip(g(x), f(x), strict=True):
            assert type(a) is type(b)
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    assert count(g) == 1
    assert not g.program.guards
    h = compiled(hoad.grad(lambda x: np.sum(f(x)[0]) + f(x)[1] ** 2))
    for x in (X, -X):
        assert h(x).tobytes() == hoad.grad(lambda x: np.sum(f(x)[0]) + f(x)[1] ** 2)(x).tobytes()


def test_a_row_at_a_recorded_place_is_a_view():
    def f(x):
        y = x * 1.0
        row = y[np.argmax(x[:, 0])]
        row[:] = 0.0
        y[np.argmin(x[:, 0])] += 1.0
        return y

    g = compiled(f)
    x = RNG.normal(size=(3, 2))
    agree(g, f, x, x[::-1].copy(), np.roll(x, 1, 0))


def test_masks_hold_for_one_mask():
    def f(x):
        return np.sum(x[x > 0] ** 2) + len(np.nonzero(x > 0.5)[0])

    g = compiled(f)
    agree(g, f, X, X * 1.0001, -X, np.abs(X))
    assert count(g) == 3
    agree(g, f, *[RNG.normal(size=6) for _ in range(12)])  # more masks than are worth a Program
    assert not count(g)
    assert "looks at the numbers of arrays, in plain_index (rules/indexing.py:" in g.explain()
    assert "for test_masks_hold_for_one_mask" not in g.explain()
    assert "for f (compiler/test_guards.py:" in g.explain()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * (2 if x.any() else 3),
        lambda x: x if not x[0] else x * 2,
        lambda x: x * int(x[0] * 10),
        lambda x: x * float(np.max(x)),
        lambda x: x * math.sin(x[1]),
        lambda x: x * x[2].item(),
        lambda x: x * x.tolist()[3],
        lambda x: x * len(f"{x[0]}"),
        lambda x: x * np.float64(repr(x[0].item())),
        lambda x: x * sum(np.asarray(x)),
        lambda x: x * np.array([1.0, 2.0, 3.0])[int(x[0] > 0)],
        lambda x: x[: int(np.sum(x > 0)) + 1] * 2,
        lambda x: x * sorted(x)[0],
        lambda x: x * (3.0 if x[1] in x[:1] else 2.0),
        lambda x: x * max(x[0], x[1]),
        lambda x: x * np.linspace(0, 1, int(np.round(abs(x[0]) * 3)) + 6)[:6],
        lambda x: np.where(x > 0, x, 0.0) if np.allclose(x, np.abs(x)) else x,
        lambda x: x if np.array_equal(x, np.sort(x)) else x * 2,
        lambda x: np.ldexp(x, 3),
        lambda x: np.array(str(x).count("-")) * x,
        lambda x: x * scipy.optimize.brentq(lambda t: t**3 - float(abs(x[0])), 0, 10),
    ],
)
def test_every_question_is_guarded(f):
    g = compiled(f)
    agree(g, f, X, -X, X, RNG.normal(size=6), np.sort(X), np.abs(np.sort(X)), X + 1e-12)


LOOKS = [
    lambda x: np.sin(x) * float(np.hypot(x[0], x[1])),
    lambda x: (np.exp(x), float(np.sum(x * x)), x * 2 if x[2] > 0 else x),
    lambda x: x * math.sin(np.cos(x[1]) + 1) if np.sum(np.tan(x)) > 0 else x * float(np.max(np.exp(x))),
    lambda x: (lambda a: np.linalg.inv(a) * a.tolist()[0][1])(np.sin(x[:4].reshape(2, 2))) if x[0] > 0 else x[:4].reshape(2, 2),
]


@pytest.mark.parametrize("f", LOOKS)
def test_native_code_for_what_python_did_not_look_at(f):
    """What it looked at comes out bit for bit, or another Program is made; the rest may be rounded in its own way."""
    g = hoad.compile(f)
    for x in (X, X, np.nextafter(X, 9), X, -X, X * 0, X, -X):
        with np.errstate(all="ignore"):
            try:
                expected = f(x)
            except np.linalg.LinAlgError:
                continue
            found = g(x)
        for a, b in zip(*(v if isinstance(v, tuple) else (v,) for v in (found, expected)), strict=True):
            assert type(a) is type(b) or isinstance(a, np.float64)
            np.testing.assert_allclose(a, b, rtol=1e-13)
            assert not isinstance(b, float) or float(a).hex() == float(b).hex()
    assert 1 < count(g) <= 4


@needs_compiler
def test_numbers_that_are_only_moved_need_no_repetition():
    g = hoad.compile(lambda x: np.sin(x) * math.sin(x[1:].reshape(5)[2]) + float(x[0]))
    g(X)
    assert not settings.looks_at_rounding(g.program.steps)
    h = hoad.compile(lambda x: np.sin(x) * float(x[0] + x[1]))
    h(X)
    assert settings.looks_at_rounding(h.program.steps)
    assert "1 native calls" in h.explain()
    assert "repeated by NumPy and compared bit for bit" in h.explain()


def test_questions_inside_derivatives_are_guarded():
    def f(x):
        y = np.sum(x**2)
        return y * 3 if y > 4 else np.sin(y) * np.sum(x)

    for operator in (hoad.grad(f), hoad.hessian(f), lambda x: hoad.hvp(f, x, x), lambda x: hoad.jvp(f, (x,), (x,))[1]):
        g = compiled(operator)
        agree(g, operator, X, X * 0.1, X * 3, X * 0.2)
        assert count(g) == 2


def test_a_nan_that_makes_the_reverse_sweep_look_again():
    f = hoad.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), 0.0)))
    g = compiled(f)
    with np.errstate(all="ignore"):
        agree(g, f, np.array([1.0, 2.0]), np.array([1.0, 0.0]), np.array([-1.0, 3.0]), np.array([0.0, 0.0]))


def test_more_paths_than_are_kept_run_without_compilation(monkeypatch, caplog):
    caplog.set_level(logging.WARNING, logger="hoad")
    monkeypatch.setattr(module, "MOST_PATHS", 4)

    def f(x):
        return x * sum(1 for v in x if v > 0)

    g = compiled(f)
    points = [np.arange(10.0) - k - 0.5 for k in range(8)]
    agree(g, f, *points)
    assert count(g) == 0
    lines = [r.message for r in caplog.records if "more than 4 paths" in r.message]
    assert len(lines) == 1
    assert "more than 4 paths" in g.explain()
    agree(g, f, X)  # another signature has Programs of its own
    assert count(g) == 1


def test_an_error_on_a_wrong_path_does_not_escape():
    def f(a):
        if np.linalg.det(a) != 0.0:
            return np.linalg.inv(a)
        return a * 0.0

    g = compiled(f)
    regular, singular = RNG.normal(size=(3, 3)), np.ones((3, 3))
    agree(g, f, regular, singular, regular * 2, singular * 0)
    assert count(g) == 2


def test_an_error_of_the_function_comes_out_and_leaves_nothing_behind():
    def f(a, limit):
        if a[0, 0] > limit:
            raise ValueError(f"too large: {limit}")
        return np.linalg.inv(a)

    g = compiled(f)
    a = RNG.normal(size=(3, 3))
    for _ in range(2):
        with pytest.raises(ValueError, match="too large: 1"):
            g(a * 0 + 5.0, 1)
        assert g(a, 100).tobytes() == np.linalg.inv(a).tobytes()
        with pytest.raises(np.linalg.LinAlgError):
            g(np.zeros((3, 3)), 100)
    assert count(g) == 1
    from hoad.core.level import any_open

    assert not any_open()


def test_an_error_that_the_function_catches():
    def f(a):
        try:
            return np.linalg.cholesky(a)
        except np.linalg.LinAlgError:
            return np.linalg.cholesky(a + 10 * np.eye(2))

    good, bad = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, 3.0], [3.0, 1.0]])
    for first, second in ((good, bad), (bad, good)):
        g = compiled(f)
        agree(g, f, first, second, first, second)
    assert "caught an error of cholesky" in g.explain()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 2 if isinstance(x, np.ndarray) else x * 3,
        lambda x: x * 2 if type(x) is np.ndarray else x[:2],
        lambda x: x[0] * 2 if isinstance(x[0], float) else x[0].astype(np.float32),
        lambda x: x if hasattr(x, "strides") else None,
    ],
)
def test_questions_for_types_are_noticed(f):
    g = compiled(f)
    agree(g, f, X, -X)
    assert "it asks for the types of values" in g.explain()
    harmless = compiled(lambda x: x * 2 if isinstance(x, object) else x * 3)
    agree(harmless, lambda x: x * 2, X)
    assert count(harmless) == 1


def test_integers_that_end_slices():
    f = lambda x, n: (x[:n], x[n:], np.outer(x, x)[1:n, ::n], hoad.grad(lambda y: np.sum(y[:n] ** 2))(x))
    g = compiled(f)
    for n in (1, 2, 3, 2):
        for a, b in zip(g(X, np.int64(n)), f(X, np.int64(n)), strict=True):
            assert a.tobytes() == b.tobytes()
    assert count(g) == 3


@pytest.mark.parametrize("f", [lambda x: (v * 2 for v in x), lambda x: ({1, 2}, x), lambda x: iter([x])])
def test_results_that_can_be_used_once_only(f):
    g = compiled(f)
    assert type(g(X)) is type(f(X))
    assert g(X) is not g(X)
    assert "its result holds a" in g.explain()


def test_a_traced_value_that_a_broad_except_hides():
    w = {"w": 2.0}

    def f(x):
        try:
            return x * w["w"]
        except Exception:
            return x

    g = compiled(f)
    assert hoad.grad(lambda v: (w.update(w=v), np.sum(g(X)))[1])(3.0) == np.sum(X)


# -- state ----------------------------------------------------------------------------------------------------------------------


def test_random_numbers_raise():
    generator = np.random.default_rng(1)
    for f in (lambda x: x * np.random.normal(size=6), lambda x: np.sin(x) + generator.normal()):
        with pytest.raises(CompileError, match=r"was recorded twice.*Pass random numbers and state"):
            compiled(f)(X)
    with pytest.raises(CompileError, match=r"first at step 2 \(multiply\)"):
        compiled(lambda x: np.sin(x) * np.random.normal(size=5000).sum())(X)
    with pytest.raises(CompileError, match=r"first at step 3 \(add\)"):
        compiled(lambda x: np.cos(np.sin(x)) + np.random.normal(size=(2000, 6)))(X)
    for f in (  # within functions that are made anew, and within loops
        lambda x: (lambda k: hoad.root(lambda y: y**3 + k * y - x, np.zeros_like(x)))(1 + np.random.random()),
        lambda x: (lambda k: hoad.checkpoint(lambda y: y * k)(x))(np.random.normal(size=6)),
        lambda x: (lambda k: hoad.scan(lambda c, a: (c * k + a, None), 0.0, x)[0])(np.random.random()),
        lambda x: (lambda k: hoad.scan(lambda c, a: (c * k + a, None), x, np.ones(9))[0])(np.random.random(6)),
    ):
        with pytest.raises(CompileError, match="recorded twice"):
            compiled(f)(X)
    g = compiled(lambda x, z: x * z)
    assert g(X, X + 1).tobytes() == (X * (X + 1)).tobytes()
    fixed = compiled(lambda x: x * np.random.default_rng(5).normal(size=6))
    assert fixed(X).tobytes() == (X * np.random.default_rng(5).normal(size=6)).tobytes()


def test_counters_and_clocks_raise():
    calls = []

    def counts(x):
        calls.append(1)
        return x * len(calls)

    def steps(x):
        calls.append(1)
        for _ in range(len(calls)):
            x = np.sin(x)
        return x

    def result(x):
        calls.append(1)
        return x, len(calls)

    for f in (counts, steps, result):
        with pytest.raises(CompileError, match="recorded twice"):
            compiled(f)(X)


def test_closed_over_arrays_that_change_are_seen():
    for size in (6, 5000, 200_000):
        data = np.random.default_rng(0).normal(size=size)
        x = np.resize(X, size)
        g = compiled(lambda x, d=data: np.sum(d**2) + d * x)
        f = lambda x, d=data: np.sum(d**2) + d * x
        agree(g, f, x)
        data *= 1.5
        agree(g, f, x)
        data[:] = 0.25
        agree(g, f, x)
        assert count(g) == 1


SCALE = 2.0
TABLE = {"a": np.ones(6), "b": [1.0, 2.0]}


class Settings:
    factor = 3.0


def helper(x):
    return x * SCALE


def test_globals_and_attributes_that_change_are_seen(monkeypatch):
    f = lambda x: helper(x) + TABLE["a"] * TABLE["b"][1] + Settings.factor
    g = compiled(f)
    agree(g, f, X)
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    agree(g, f, X)
    monkeypatch.setitem(TABLE, "a", np.arange(6.0))
    agree(g, f, X)
    TABLE["a"][3] = 77.0
    agree(g, f, X)
    TABLE["b"][1] = -1.0
    agree(g, f, X)
    monkeypatch.setattr(Settings, "factor", 0.5)
    agree(g, f, X)
    monkeypatch.setitem(globals(), "helper", lambda x: x)
    agree(g, f, X)
    assert count(g) == 1


energy = 0.0
"""A global with the name of an attribute."""


def test_a_global_that_is_only_the_name_of_an_attribute_is_not_watched(monkeypatch):
    class Part:
        energy = 2.0

    part = Part()
    g = compiled(lambda x: x * part.energy)
    agree(g, lambda x: x * 2.0, X)
    before = g.program
    monkeypatch.setitem(globals(), "energy", 1.0)
    agree(g, lambda x: x * 2.0, X)
    assert g.program is before
    part.energy = 3.0
    agree(g, lambda x: x * 3.0, X)


class Base:
    bias = 1.0

    @property
    def total(self):
        return self.scale + self._hidden

    def __matmul__(self, x):
        return self.rows * x

    def shifted(self, x):
        return x + self.bias


class Machine(Base):
    __slots__ = ("slot",)

    def __init__(self):
        self.scale, self._hidden, self.rows, self.slot = 2.0, 3.0, np.arange(6.0), 1.0
        self.calls = 0
        self.history = []

    def run(self, x):
        return self.shifted(self @ x) * self.total + self.slot

    def by_name(self, x):
        return x * getattr(self, "sc" + "ale")


def test_attributes_that_the_code_reads_are_watched_and_no_others():
    machine = Machine()
    g, f = compiled(machine.run), machine.run
    agree(g, f, X)
    for name, value in (("scale", 5.0), ("_hidden", 1.0), ("rows", np.ones(6)), ("bias", 7.0), ("slot", 9.0)):
        setattr(machine, name, value)
        agree(g, f, X)
    machine.rows[3] = 4.0
    agree(g, f, X)
    before = g.program
    machine.calls += 1
    machine.history.append(1)
    machine.new = 3
    agree(g, f, X)
    assert g.program is before
    h = compiled(machine.by_name)
    agree(h, machine.by_name, X)
    machine.scale = -1.0
    agree(h, machine.by_name, X)


def test_closure_cells_that_change_are_seen():
    rate, steps = 0.5, [1, 2, 3]

    def f(x):
        for s in steps:
            x = x + rate * s
        return x

    g = compiled(f)
    agree(g, f, X)
    rate = 0.25
    agree(g, f, X)
    steps.append(4)
    agree(g, f, X)
    rate = float("0.25")  # another object with the same value
    before = g.program
    agree(g, f, X)
    assert g.program is before


def test_what_changes_from_call_to_call_is_not_compiled_for_ever(caplog):
    caplog.set_level(logging.WARNING, logger="hoad")
    time = [0.0]
    g = compiled(lambda x: x * time[0])
    for k in range(200):
        time[0] = float(k)
        assert g(X).tobytes() == (X * float(k)).tobytes()
    assert "changes from call to call" in g.explain()
    assert sum("changes from call to call" in r.message for r in caplog.records) == 1


def test_the_check_of_a_large_array_is_cheap():
    import timeit

    data = np.random.default_rng(0).normal(size=2_000_000)
    g = compiled(lambda x: data[:6] * x)
    g(X)
    assert min(timeit.repeat(g._captures.unchanged, number=200, repeat=5)) / 200 < 20e-6
    data += 1
    assert not g._captures.unchanged()
