"""Single primitives as native code, many of them in one program, beside the primitives themselves."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import mpmath
import numpy as np

from hoad.compiler.build import build
from hoad.compiler.lower import lower
from hoad.compiler.passes.rewriting import Slot, make_step
from hoad.compiler.steps import ArraySpec, Steps, spec_of
from hoad.core.primitive import primitives


@dataclass(eq=False)
class Case:
    """A primitive with its arguments.

    Attributes
    ----------
    name : str
    args : tuple          arrays and constants; arrays are inputs of the program
    kw : dict
    fixed : tuple         positions of arrays that are constants of the program
    bitwise : bool        the value is the very one of the primitive, signs of zeros included
    ulps : float          allowed distance otherwise, in units of the last place
    scaled : bool         these are units of the largest element: sums that cancel
    exact : callable      the function in mpmath, where SciPy itself is less accurate than this
    library : bool        it is known to have no loop form
    label : str
    """

    name: str
    args: tuple[Any, ...]
    kw: dict[str, Any] = field(default_factory=dict)
    fixed: tuple[int, ...] = ()
    bitwise: bool = False
    ulps: float = 4.0
    scaled: bool = False
    exact: Callable[..., Any] | None = None
    library: bool = False
    label: str = ""

    def __str__(self) -> str:
        shapes = ", ".join(f"{spec_of(a).dtype.name}{list(spec_of(a).shape)}" for a in self.args if not isinstance(a, bool | None))
        return f"{self.name}({shapes}; {self.kw}) {self.label}"

    def at(self, dtype: Any) -> Case:
        """The same case with floating-point arguments of a dtype."""

        def cast(a: Any) -> Any:
            return a.astype(dtype) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a

        return replace(self, args=tuple(map(cast, self.args)))

    @cached_property
    def expected(self) -> list[Any]:
        """What the primitive itself gives."""
        prim = primitives[self.name]
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            y = prim.native(*self.args, **self.kw)
        if self.exact is not None:
            with mpmath.workdps(40):
                points = [
                    float(self.exact(mpmath.mpf(float(x)))) if np.isfinite(x) else z for x, z in zip(self.args[0].flat, y.flat)
                ]
            y = np.array(points, y.dtype).reshape(y.shape)
        return list(y) if prim.multi else [y]


def program(cases: list[Case]) -> tuple[Steps, list[Any]]:
    """All cases side by side, and the inputs."""
    inputs: list[Any] = []
    places = []
    for case in cases:
        row: list[Any] = []
        for k, a in enumerate(case.args):
            if isinstance(a, np.ndarray) and k not in case.fixed:
                row.append(Slot(len(inputs)))
                inputs.append(a)
            else:
                row.append(a)
        places.append(row)
    specs: dict[int, ArraySpec] = {k: spec_of(a) for k, a in enumerate(inputs)}
    steps, outputs = [], []
    for case, row in zip(cases, places, strict=True):
        slots = []
        for y in case.expected:
            slots.append(len(specs))
            specs[slots[-1]] = spec_of(y)
        steps.append(make_step(case.name, row, case.kw, tuple(slots)))
        outputs += [(s, None) for s in slots]
    return Steps(tuple(specs[k] for k in range(len(inputs))), tuple(steps), tuple(outputs), (), specs), inputs


def ulps_apart(a: Any, b: Any, scaled: bool = False) -> float:
    """The largest distance of two arrays in units of the last place of ``b`` (of its largest element if ``scaled``).

    Infinite where special values differ.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind != "f":
        return 0.0 if np.array_equal(a, b) else float("inf")
    special = ~(np.isfinite(a) & np.isfinite(b))
    if not np.array_equal(a[special], b[special], equal_nan=True):
        return float("inf")
    a, b = a[~special], b[~special]
    with np.errstate(all="ignore"):
        gap = np.abs(a.astype(float) - b.astype(float))
        size = np.maximum(np.abs(b), np.abs(b).max(initial=0.0)) if scaled else np.abs(b)
        unit = np.where(size < np.finfo(b.dtype).max, np.spacing(size), np.inf).astype(float)
    return float((gap / unit).max(initial=0.0))


def same_bits(a: Any, b: Any) -> bool:
    """Equal with the signs of zeros; any NaN is as good as another."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    number = ~np.isnan(b)
    return bool(
        np.array_equal(np.isnan(a), ~number)
        and np.array_equal(a[number], b[number])
        and np.array_equal(np.signbit(a[number]), np.signbit(b[number]))
    )


def wrong(case: Case, found: list[Any]) -> str:
    """What is wrong with the results of a case, or nothing."""
    for y, z in zip(found, case.expected, strict=True):
        y, z = np.asarray(y), np.asarray(z)
        if y.shape != z.shape or y.dtype != z.dtype:
            return f"{case}: {y.dtype}{list(y.shape)}, expected {z.dtype}{list(z.shape)}"
        if case.bitwise:
            if not same_bits(y, z):
                return f"{case}:\n{y}\nexpected\n{z}"
        elif not ulps_apart(y, z, case.scaled) <= case.ulps:
            return f"{case}: {ulps_apart(y, z, case.scaled)} ulps\n{y}\nexpected\n{z}"
    return ""


def failures(cases: list[Case], dtype: Any = np.float64, optimise: str | None = None) -> list[str]:
    """What does not agree, and what stayed a call of its library although it has a loop form."""
    cases = [c.at(dtype) for c in cases]
    problems = []
    for case in cases:
        calls = lower(program([case])[0]).calls
        if bool(calls) != case.library:
            problems.append(f"{case}: {'a call of its library' if calls else 'no call of its library'}")
    steps, inputs = program(cases)
    executor = build(steps, optimise)
    with np.errstate(all="ignore"):
        outputs, _ = executor(inputs)
        assert outputs is not None
        again = executor.fast(*[np.array(x, order="C") for x in inputs]) if executor.fast else None
    at = 0
    for case in cases:
        n = len(case.expected)
        problems.append(wrong(case, outputs[at : at + n]))
        if again is not None:
            whole = again if isinstance(again, tuple) else (again,)
            problems.append(wrong(case, list(whole[at : at + n])))
        at += n
    return [p for p in dict.fromkeys(problems) if p]
