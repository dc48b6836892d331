"""What random programs must agree on: bit for bit by replay, up to roundings in native code.

How far a result may be away is measured, not guessed: the recorded steps are run again with a small random error in the result of
every step that rounds.  That shows for each number how much the roundings on its way matter, cancellation and near ties included.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from hoad.compiler.build import build
from hoad.compiler.calls.stub import stub
from hoad.compiler.lower import lower
from hoad.compiler.passes import optimise
from hoad.compiler.recording import record_twice
from hoad.compiler.replay import Replay
from hoad.compiler.settings import optimised
from hoad.compiler.steps import Steps
from hoad.core.space import flatten
from hoad.errors import HoadError, NoCompilerError
from tests.compiler.random_programs import Program

__all__ = ["Disagreement", "Report", "compare", "kind_of", "recorded"]

NOISE = 2.0**10
"""Units in the last place that the random errors have at most."""
ULPS = 64.0
"""Units in the last place that a step of native code may be away, where the largest of the random runs counts."""
RUNS = 4
EXACT = {
    "getitem", "scatter", "assemble", "index_update", "index_add", "reshape", "transpose", "broadcast_to", "concatenate",
    "stack", "where", "gate", "copy", "negative", "positive", "absolute", "maximum", "minimum", "max", "min", "sort", "sign",
    "floor", "ceil", "rint", "trunc", "fmax", "fmin", "clip", "diagonal", "roll", "astype", "real", "conjugate", "value_of",
    "valued", "frozen", "take_along_axis", "repeat", "tile", "isnan", "copysign", "pad_constant",
}  # fmt: skip
"""Steps that only choose and move numbers: no error is put into their results, so that equal numbers stay equal."""
SIGNLESS = {
    "gate", "maximum", "minimum", "fmax", "fmin", "max", "min", "clip", "matmul", "dot", "inner", "outer", "vdot", "tensordot",
    "einsum", "einsum_fast", "kron", "vecdot", "convolve", "loop", "assemble", "index_add", "sum", "mean",
}  # fmt: skip
"""Steps with zeros whose sign depends in NumPy on the processor, on the BLAS or on other entries, or that add: it may be either."""


class Disagreement(AssertionError):
    """Results differ."""

    def __init__(self, position: int, text: str) -> None:
        super().__init__(f"result {position}: {text}")
        self.position = position


@dataclass
class Report:
    """How many numbers were compared, how many could be anything, and the largest error in units of what is allowed."""

    numbers: int = 0
    vague: int = 0
    steps: int = 0
    programs: int = 0
    skipped: int = 0
    fast: int = 0
    worst: float = 0.0

    def add(self, other: Report) -> None:
        for name in ("numbers", "vague", "steps", "programs", "skipped", "fast"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.worst = max(self.worst, other.worst)


def recorded(program: Program) -> Steps:
    """The steps of the program at the point where it was drawn."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return record_twice(lambda xs: program.function()(*xs), program.arguments(), "random").steps.check()


def kind_of(program: Program, most: float = np.inf) -> str:
    """``"loops"`` or ``"calls"``: whether native code does all of it; ``"long"`` for more than so many steps.

    It is ``""`` where hoad says by an error of its own that it has no such derivative, and where Python asked for numbers that
    steps round: native code would round them in another way, so that they are never the recorded ones; such programs are replayed.
    """
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program.function()(*program.arguments())
        steps = recorded(program)
    except (HoadError, np.linalg.LinAlgError):
        return ""
    if any(np.asarray(g.value).dtype.kind in "fc" for g in steps.guards):
        return ""
    if len(steps) > most:
        return "long"
    return "calls" if lower(steps).calls else "loops"


def joined(programs: Sequence[Program]) -> tuple[Any, list[int]]:
    """One function of the arguments of all programs, with all their results; and where the arguments of each begin."""
    starts = [0]
    for p in programs:
        starts.append(starts[-1] + len(p.leaves) + 1)
    functions = [p.function() for p in programs]

    def call(*leaves: Any) -> list[Any]:
        return [f(*leaves[a:b]) for f, (a, b) in zip(functions, pairwise(starts), strict=True)]

    return call, starts


def run(
    steps: Steps, leaves: Sequence[Any], rng: np.random.Generator | None = None, exact: bool = False, sign: float = 1.0
) -> list[Any]:
    """The results by the functions of NumPy; with a random error in every step that rounds, and in the arguments, if asked for.

    ``exact``: only in numbers of many digits; ``sign``: the sign of zeros that have none.
    """

    def shaken(x: Any) -> Any:
        if rng is None or getattr(x, "dtype", np.dtype(bool)).kind not in "fc" or not np.size(x):
            return x
        unit = float(np.finfo(x.dtype).eps) * NOISE * rng.uniform(-1, 1, np.shape(x))
        if exact:
            unit = np.where((x * 2.0**12 == np.rint(x * 2.0**12)) & (np.abs(x) < 2.0**8), 0, unit)
        return (x * (1 + unit).astype(x.dtype)).astype(x.dtype)

    same: dict[int, Any] = {}
    values = dict(enumerate(same.setdefault(id(x), shaken(x)) for x in leaves))
    for step in steps.steps:
        args = list(step.args)
        for position, slot in step.inputs:
            args[position] = values[slot]
        found = step.primitive.native(*args, **step.kw)
        for slot, y in zip(step.outputs, found if step.primitive.multi else (found,), strict=True):
            if rng is not None and step.primitive.name in SIGNLESS:
                y = np.where(y == 0, np.copysign(y, sign), y).astype(y.dtype)[()]
            values[slot] = y if step.primitive.name in EXACT else shaken(y)
    return [constant if slot is None else values[slot] for slot, constant in steps.outputs]


def same_bits(found: Any, expected: Any, position: int, what: str) -> None:
    x, y = np.asarray(found), np.asarray(expected)
    if x.shape != y.shape or x.dtype != y.dtype:
        raise Disagreement(position, f"{what} gave {x.dtype}{list(x.shape)}, expected {y.dtype}{list(y.shape)}")
    nan = (x != x) & (y != y) if x.dtype.kind in "fc" else np.zeros(x.shape, bool)
    same = nan | ((x == y) & (np.signbit(x) == np.signbit(y))) if x.dtype.kind == "f" else nan | (x == y)
    if not same.all():
        at = tuple(int(k) for k in np.unravel_index(int(np.argmin(same)), y.shape))
        text = f"{what} gave {x[at]!r} at {at} of {y.shape}, expected bit for bit {y[at]!r}\n{x}\nexpected\n{y}"
        raise Disagreement(position, text)


def close(
    found: Any,
    expected: Any,
    shaken: Sequence[Any],
    position: int,
    what: str,
    report: Report,
    signs: bool = False,
    rolled: bool = False,
) -> None:
    """Raise unless ``found`` is as near as the random runs allow, with NaN, infinities, and signs if asked for, in place."""
    x, y = np.asarray(found), np.asarray(expected)
    if x.shape != y.shape or x.dtype != y.dtype:
        raise Disagreement(position, f"{what} gave {x.dtype}{list(x.shape)}, expected {y.dtype}{list(y.shape)}")
    if not y.size:
        return
    if y.dtype.kind not in "fc":
        same_bits(x, y, position, what)
        return
    with np.errstate(all="ignore"):
        info = np.finfo(y.dtype)
        wide = np.longdouble if y.dtype.kind == "f" else np.clongdouble
        gaps = np.stack([np.abs(np.asarray(s).astype(wide) - y.astype(wide)) for s in shaken])
        firm = np.isfinite(gaps).all(axis=0)
        like = np.all([_kind(np.asarray(s)) == _kind(y) for s in shaken], axis=0)
        widest = np.abs(np.where(np.isfinite(y), y, 0)).max() if rolled else 0
        allowed = np.where(firm, gaps.max(axis=0, initial=0), 0) * (ULPS / NOISE) + ULPS * (info.tiny + info.eps * widest)
        zero = y == 0
        error = np.where(np.isfinite(x) & np.isfinite(y), np.abs(x.astype(wide) - y.astype(wide)), 0)
        bad = error > np.where(firm, allowed, np.inf)
        bad |= like & (_kind(x) != _kind(y))
        sure = zero & like & (gaps.max(axis=0, initial=0) == 0)
        bad |= sure & (x != 0)
        if signs and y.dtype.kind == "f":
            bad |= sure & np.all([np.signbit(s) == np.signbit(y) for s in shaken], axis=0) & (np.signbit(x) != np.signbit(y))
    report.numbers += y.size
    report.vague += int(((~like) | (allowed > 1e-3 * np.abs(y)) & ~zero & np.isfinite(y)).sum())
    ratio = np.where(firm & np.isfinite(error), error / allowed, 0)
    report.worst = max(report.worst, float(np.real(ratio).max(initial=0)))
    if bad.any():
        at = np.unravel_index(int(np.argmax(np.where(bad, np.where(np.isfinite(ratio), ratio + 1, 1), 0))), y.shape)
        place = tuple(int(k) for k in at)
        raise Disagreement(
            position,
            f"{what} gave {x[at]!r} at {place} of {y.shape}, expected {y[at]!r}; allowed {float(np.real(allowed[at])):.3g}; "
            f"{int(bad.sum())} of {y.size} numbers are wrong\n{x}\nexpected\n{y}",
        )


def _kind(x: Any) -> Any:
    """0 finite, 1 NaN, 2 and 3 infinite."""
    return np.where(x != x, 1, np.where(np.isinf(x), np.where(np.real(x) > 0, 2, 3), 0))


def compare(programs: Sequence[Program], optimise_steps: bool = True, level: str | None = "-O1") -> Report:
    """Run programs in one piece: eagerly, by replay, and as native code; raise where they differ.

    Programs are recorded at one point and compared at another one beside it, so that a number that was baked in shows.
    """
    call, starts = joined(programs)
    drawn = [a for p in programs for a in p.arguments()]
    leaves = [a for p in programs for a in p.arguments(moved=True)]
    report = Report(programs=len(programs))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        steps = record_twice(lambda xs: call(*xs), drawn, "random").steps.check()
        if any(slot is None and isinstance(c, np.ndarray) and c.dtype == object for slot, c in steps.outputs):
            raise AssertionError("an object array came out")
        report.steps = len(steps)
        expected = run(steps, leaves)
        for name, variant in (("replay", steps), ("replay of optimised steps", optimised(steps, "numpy"))):
            replayed = Replay(variant)
            for _ in range(2):
                found, answers = replayed(leaves)
                if found is None:
                    return _other_path(programs, optimise_steps, level)
                for k, (x, y) in enumerate(zip(found, expected, strict=True)):
                    same_bits(x, y, k, name)
        rng = np.random.default_rng(1)
        shaken = [run(steps, leaves, rng, any(p.special for p in programs), (-1.0) ** k) for k in range(RUNS)]
        at = 0
        rolled: list[bool] = []  # what is rounded within a step of a loop is not shaken: the error is one of the whole result
        signs: list[bool] = []  # derivatives are sums of products, whose zeros have any sign
        for p, a, b in zip(programs, starts, starts[1:], strict=False):
            eager = flatten(p.function()(*leaves[a:b]))[0]
            rolled += [any("hoad.scan" in line.text or "fori_loop" in line.text for line in p.lines)] * len(eager)
            for k, y in enumerate(eager, at):
                if p.operator == "value":
                    same_bits(expected[k], y, k, "replay beside the function itself")
                else:
                    near = [s[k] for s in shaken]
                    close(expected[k], y, near, k, "replay beside the derivative itself", report, rolled=rolled[k])
            at += len(eager)
            signs += [p.operator == "value"] * len(eager)
        with suppress(NoCompilerError):
            stub()  # not in the background
        executor = build(optimise(steps) if optimise_steps else steps, level)
        found, _ = executor(leaves)
        if found is None:
            return _other_path(programs, optimise_steps, level)
        for k, (x, y) in enumerate(zip(found, expected, strict=True)):
            close(x, y, [s[k] for s in shaken], k, "native code", report, signs[k], rolled[k])
        again, _ = executor(leaves)
        for k, (x, y) in enumerate(zip(again, found, strict=True)):
            same_bits(x, y, k, "the second call of native code")
        if executor.fast is not None:
            report.fast = 1
            plain = [np.array(x, order="C") for x in leaves]
            quick = executor.fast(*plain)
            if quick is NotImplemented:
                raise AssertionError("the fast call refuses C-contiguous arguments")
            quick = quick if isinstance(quick, tuple) else (quick,)
            for k, (x, y) in enumerate(zip(quick, found, strict=True)):
                same_bits(x, y, k, "the fast call of native code")
    return report


def _other_path(programs: Sequence[Program], optimise_steps: bool, level: str | None) -> Report:
    """A guard says that another path is taken beside: compare where the programs were drawn."""
    still = [replace(p, seed=-abs(p.seed) - 1) for p in programs]
    if all(p.seed < 0 for p in programs):
        raise AssertionError("a guard fails at the point where the steps were recorded")
    return compare(still, optimise_steps, level)
