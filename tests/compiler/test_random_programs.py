"""Random programs give the same results eagerly, by replay and as native code.

Two thousand programs of orders 0 to 3 are compiled in pieces of 12, which share kernels and memory then.  Programs about NaN,
infinities and signed zeros have a class of their own, as have arrays that are long enough for threads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import hoad
from hoad.compiler.build import build
from hoad.compiler.passes import optimise
from hoad.compiler.recording import record_twice
from hoad.compiler.toolchain import NoCompilerError, capabilities, get_num_threads, set_num_threads
from hoad.core.space import flatten
from tests.compiler import agreement, random_programs
from tests.compiler.agreement import Disagreement, Report, compare, joined, kind_of
from tests.compiler.random_programs import Program, draw, smaller


def _compiler() -> bool:
    try:
        return bool(capabilities())
    except NoCompilerError:
        return False


pytestmark = pytest.mark.skipif(not _compiler(), reason="no C compiler")
EACH, GROUPS, SPECIAL_GROUPS, PIECE = 125, 16, 3, 12
MOST = 220
"""Steps of a program in the quick tests; longer ones, most of them third derivatives, take too long to compile by the hundred."""


# -- drawing, comparing, shrinking ------------------------------------------------------------------------------------------------


def programs(start: int, count: int, special: bool = False, most: float = MOST) -> dict[str, list[Program]]:
    """So many programs of at most so many steps that hoad can differentiate, by their kind."""
    found: dict[str, list[Program]] = {"loops": [], "calls": [], "long": [], "": []}
    tried = 0
    while len(found["loops"]) + len(found["calls"]) < count:
        p = draw(start + tried, special=special)
        found[kind_of(p, most)].append(p)
        tried += 1
    assert len(found[""]) <= 0.04 * count + 3, f"{len(found[''])} of {tried} programs have no derivative"
    assert len(found["long"]) <= 0.06 * count + 3
    return {"loops": found["loops"], "calls": found["calls"]}


def pieces(found: dict[str, list[Program]], size: int) -> Iterator[list[Program]]:
    """What is compiled together: programs that are native throughout, and those that call libraries."""
    for some in found.values():
        for k in range(0, len(some), size):
            yield some[k : k + size]


def error_of(some: list[Program], check: Callable[[list[Program]], object]) -> Exception | None:
    try:
        check(some)
    except Exception as error:
        return error
    return None


def _brief(error: Exception | None) -> str:
    return "" if error is None else f"{type(error).__name__} {re.sub(r'result [0-9]+', '', str(error))[:20]}"


def reproduction(some: list[Program], error: Exception, check: Callable[[list[Program]], object]) -> str:
    """The smallest part of the programs that fails in this way, as a script."""
    for p in some:
        alone = error_of([p], check)
        if alone is not None:
            brief = _brief(alone)
            p = smaller(p, lambda q, brief=brief: _brief(_possible(q, check)) == brief)
            return f"{p.script()}\n{type(alone).__name__}: {error_of([p], check)}"
    k = 0
    while k < len(some):
        rest = some[:k] + some[k + 1 :]
        if error_of(rest, check) is not None:
            some = rest
        else:
            k += 1
    return "\n\n".join([*(p.script() for p in some), f"only together: {type(error).__name__}: {error}"])


def _possible(p: Program, check: Callable[[list[Program]], object]) -> Exception | None:
    try:
        if not kind_of(p):
            return None
    except Exception:  # what is left makes no sense
        return None
    return error_of([p], check)


def agree(some: list[Program], check: Callable[[list[Program]], Report]) -> Report:
    try:
        return check(some)
    except Exception as error:
        raise AssertionError("\n" + reproduction(some, error, check)) from error


# -- the programs -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", range(GROUPS))
def test_programs_agree(group):
    """Every third piece without the passes, so that the native code of all steps is tried."""
    report = Report()
    for k, some in enumerate(pieces(programs(10_000 * group, EACH), PIECE)):
        report.add(agree(some, lambda p, k=k: compare(p, optimise_steps=(k + group) % 3 > 0)))
    assert report.programs == EACH
    assert report.fast >= 4, "most pieces should be one native call"
    assert report.numbers > 10 * EACH
    assert report.vague < 0.15 * report.numbers, "so many numbers are ill-conditioned that they show little"


@pytest.mark.parametrize("group", range(SPECIAL_GROUPS))
def test_special_numbers_agree(group):
    """NaN, infinities and zeros of either sign are where NumPy has them."""
    report = Report()
    for k, some in enumerate(pieces(programs(10_000 * group, EACH, special=True), PIECE)):
        report.add(agree(some, lambda p, k=k: compare(p, optimise_steps=k % 3 > 0)))
    assert report.programs == EACH
    assert report.vague < 0.05 * report.numbers


def test_programs_are_many_and_various():
    """At least two thousand, of all orders, both dtypes, views, aliases, empty arrays, calls of libraries."""
    assert GROUPS * EACH >= 2000
    drawn = [draw(k) for k in range(1000)]
    count = {name: sum(p.operator == name for p in drawn) for name in random_programs.OPERATORS}
    assert min(count.values()) >= 25
    assert {p.dtype for p in drawn} == {"float64", "float32"}
    leaves = [p.arguments() for p in drawn]
    arrays = [x for a in leaves for x in a[:-1] if isinstance(x, np.ndarray)]
    assert sum(not x.flags.c_contiguous for x in arrays) > 300
    assert sum(0 in x.shape for x in arrays) > 20
    assert sum(1 in x.shape for x in arrays) > 100
    assert sum(any(n < 0 for n in x.strides) for x in arrays) > 100
    assert sum(0 in x.strides and x.size > 1 for x in arrays) > 50
    assert sum(any(np.shares_memory(a[0], x) for x in a[1:-1]) for a in leaves) > 50
    assert sum(a[0] is a[1] for a in leaves) > 10
    assert sum(len(p.results) > 1 for p in drawn) > 300
    assert sum(len(set(p.results)) < len(p.results) for p in drawn) > 10
    assert sum(any(r.startswith("x") for r in p.results) for p in drawn) > 50
    assert draw(7).script() == draw(7).script()


@pytest.mark.slow
@pytest.mark.parametrize("group", range(20))
def test_single_programs_agree(group):
    """Each by itself, at the level of optimisation that users get."""
    for some in pieces(programs(500_000 + 1000 * group, 40, most=np.inf), 1):
        agree(some, lambda p: compare(p, level=None))
    for some in pieces(programs(500_000 + 1000 * group, 10, special=True), 1):
        agree(some, lambda p: compare(p, level=None))


@pytest.mark.parametrize("seed", [3, 4])
def test_what_users_call(seed):
    """hoad.compile gives what the executor gives, at the point of the recording and beside it."""
    some = programs(700_000 + 100 * seed, 12)["loops"]
    call, _ = joined(some)
    leaves = [a for p in some for a in p.arguments()]
    moved = [a for p in some for a in p.arguments(moved=True)]
    native, numpy = (hoad.compile(lambda *a: tuple(flatten(call(*a))[0]), backend=b) for b in ("c", "numpy"))
    steps = record_twice(lambda xs: call(*xs), leaves, "steps").steps
    executor = build(optimise(steps))
    for point in (leaves, moved, leaves):
        with np.errstate(all="ignore"):
            found, expected, replayed = native(*point), executor(point)[0], numpy(*point)
            recorded = agreement.run(steps, point)
        for k, (x, y, z, w) in enumerate(zip(found, expected, replayed, recorded, strict=True)):
            agreement.same_bits(x, y, k, "hoad.compile")
            agreement.same_bits(z, w, k, "hoad.compile with NumPy")


# -- long arrays ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", range(4))
def test_threads_do_not_change_results(group):
    """1, 2 and 3 threads give the same bits, near what NumPy gives."""
    shared = 0
    for seed in range(100 * group, 100 * group + 12):
        p = draw(seed, large=True)
        agree([p], lambda some: compare(some))
        executor = build(optimise(record_twice(lambda xs, p=p: p.function()(*xs), p.arguments(), "large").steps), "-O1")
        if not executor.native.threaded:
            continue
        shared += 1
        leaves = p.arguments(moved=True)
        before = get_num_threads()
        try:
            results = []
            for count in (1, 2, 3):
                set_num_threads(count)
                with threadpool_limits(count, user_api="openmp"):
                    results.append(executor(leaves)[0])
        finally:
            set_num_threads(before)
        for other in results[1:]:
            for k, (x, y) in enumerate(zip(other, results[0], strict=True)):
                agreement.same_bits(x, y, k, "another number of threads")
        if shared == 4:
            break
    assert shared == 4


# -- the test tests ---------------------------------------------------------------------------------------------------------------


def _program(text: str, base: np.ndarray, operator: str = "value") -> Program:
    line = random_programs.Line(f"v0 = {text}", "v0", ("x0",))
    return Program(1, "float64", (base,), ("b0",), (line,), ("v0",), operator)


def test_a_wrong_result_is_found(monkeypatch):
    """A native result that is off by 10⁻¹² of its value, and an infinity in its place."""
    p = _program("np.sin(x0) * 2", np.linspace(0.1, 1, 5))
    compare([p])
    for wrong in (1 + 1e-12, np.inf, np.nan, -1.0):

        def spoilt(steps, level=None, factor=wrong):
            executor = build(steps, level)
            return _Spoilt(executor, factor)

        monkeypatch.setattr(agreement, "build", spoilt)
        with pytest.raises(Disagreement, match="native code"):
            compare([p])


class _Spoilt:
    def __init__(self, executor, factor):
        self.executor, self.factor, self.fast = executor, factor, None

    def __call__(self, leaves):
        found, answers = self.executor(leaves)
        found[0] = found[0].copy()
        found[0][2] *= self.factor
        return found, answers


def test_cancellation_is_allowed_for():
    """(x + 10¹³) - 10¹³ has few digits; a sum that is rounded differently there is right."""
    base = np.linspace(0.1, 1, 5)
    p = _program("((x0 + 1e13) - 1e13) * 1e3", base)
    report = compare([p])
    assert report.vague == 5
    assert compare([_program("x0 * 3 - x0", base)]).vague == 0


def test_shrinking_keeps_what_fails():
    """A program is reduced to the line that a check refuses."""
    p = next(p for p in map(draw, range(200)) if any("np.tanh" in line.text for line in p.lines) and len(p.lines) > 4)

    def check(some):
        if any("np.tanh" in line.text for q in some for line in q.lines):
            raise Disagreement(0, "tanh")
        return Report()

    text = reproduction([draw(0), p], Disagreement(0, "tanh"), check)
    assert "np.tanh" in text
    assert "operator" not in text
    assert text.count(" = np.") + text.count("    v") <= len(p.lines) + 3
    with pytest.raises(AssertionError, match=r"np\.tanh"):
        agree([p], check)
