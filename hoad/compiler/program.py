"""A Program is the list of primitive steps that a function took, topologically sorted, with their values.

Source of the tables: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), sections 2.2, 3.1 and 3.2 (evaluation trace,
forward and reverse derived traces); Baydin et al. (2018), tables 2 and 3.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from hoad.compiler import draw, symbolic, table
from hoad.core.space import Spec, as_leaf, flatten, paths, unflatten
from hoad.errors import RuleError
from hoad.modes.record import Recording, Step, record, slot_of
from hoad.transforms.arguments import as_outputs

__all__ = ["Program", "trace"]


@dataclass(frozen=True)
class Program:
    """The steps of one evaluation of a function; made by :func:`trace`.

    Parameters
    ----------
    names : tuple of str
        Names of the input leaves.
    steps : tuple of Step
        Primitive steps in the order of evaluation, which is a topological order; those that the result does not need
        are left out.
    outputs : tuple
        For each output leaf its slot, or None and a constant.
    values : dict of int to array
        Value of every slot at the traced point.
    in_spec, out_spec : object
        Structure of the arguments and of the result.
    recording : Recording
        The steps as they can be repeated.

    Notes
    -----
    A Program holds for the path that the function took: a branch on a value was decided by the traced point.
    """

    names: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[tuple[int | None, Any], ...]
    values: dict[int, Any]
    in_spec: Spec
    out_spec: Spec
    recording: Recording

    def __len__(self) -> int:
        """Number of operations."""
        return len(self.steps)

    def __call__(self, *args: Any) -> Any:
        """Evaluate the steps on other arguments of the same structure and shapes."""
        leaves, _ = flatten(args)
        return unflatten(self.out_spec, self.recording.keep()([as_leaf(x, "an argument") for x in leaves]))

    def __str__(self) -> str:
        return table.evaluation_trace(self)

    @property
    def edges(self) -> list[tuple[int, int]]:
        """Pairs (slot, slot) of the computational graph: from each argument of a step to its result; constants have none."""
        return [(slot, out) for step in self.steps for _, slot in step.inputs for out in step.outputs]

    def label(self, slot: int) -> str:
        """Name of a slot: of the input, or v1, v2, ... in the order of evaluation."""
        if slot < len(self.names):
            return self.names[slot]
        order = {out: k for k, out in enumerate(out for step in self.steps for out in step.outputs)}
        return f"v{order[slot] + 1}"

    def tangents(self, direction: Any = None) -> dict[int, Any]:
        """Tangent of every slot along ``direction``: one array for each input leaf (ones by default)."""
        return table.tangents(self, direction)

    def adjoints(self, seed: Any = None) -> dict[int, Any]:
        """Adjoint of every slot: the derivative of the (scalar) output, times ``seed``, with respect to it."""
        return table.adjoints(self, seed)

    def check(self) -> Program:
        """Raise unless every step uses only earlier results and repeating the steps gives the recorded values."""
        known = set(range(len(self.names)))
        for step in self.steps:
            if not {slot for _, slot in step.inputs} <= known:
                raise RuleError(f"step {step.primitive.name} uses a later result. This is a bug of hoad; please report it.")
            args = list(step.args)
            for position, slot in step.inputs:
                args[position] = self.values[slot]
            found = step.primitive.bind(*args, **step.kw)
            for slot, y in zip(step.outputs, found if step.primitive.multi else (found,), strict=True):
                if not np.array_equal(y, self.values[slot], equal_nan=np.asarray(y).dtype.kind in "fc"):
                    raise RuleError(
                        f"step {step.primitive.name} gives another value when it is repeated: it is not a pure function."
                    )
            known.update(step.outputs)
        return self

    def to_dot(self) -> str:
        """The computational graph in the DOT language of Graphviz."""
        return draw.to_dot(self)

    def to_svg(self) -> str:
        """The graph as SVG; needs the ``dot`` program of Graphviz."""
        return draw.to_svg(self)

    def to_sympy(self) -> Any:
        """The result as a SymPy expression in the input names (an object array for an array result); needs SymPy."""
        return symbolic.to_sympy(self)


def trace(f: Callable[..., Any]) -> Callable[..., Program]:
    """Function that records what ``f`` does at a point.

    Parameters
    ----------
    f : callable
        Any function of numbers, arrays or containers.

    Returns
    -------
    callable
        Takes the arguments of ``f`` and returns a :class:`Program`; ``print`` shows the evaluation trace with the primal,
        tangent and adjoint of every step.

    Raises
    ------
    DTypeError
        For integer arrays.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> program = hoad.trace(lambda x, y: x**2 + x * y + y**2)(1.0, 2.0)
    >>> len(program), len(program.edges)
    (5, 8)
    """

    @wraps(f)
    def wrapped(*args: Any) -> Program:
        leaves, in_spec = flatten(args)
        leaves = [as_leaf(x, "an argument") for x in leaves]
        out, recording, level = record(lambda *xs: f(*unflatten(in_spec, xs)), leaves)
        outs, out_spec = as_outputs(out)
        recording.outputs = [slot_of(y, level) for y in outs]
        outputs = tuple((slot, None if slot is not None else y) for (slot, y) in recording.outputs)
        steps = _needed(recording)
        values = dict(enumerate(leaves))
        for step in steps:
            values.update(zip(step.outputs, step.value if step.primitive.multi else (step.value,), strict=True))
        return Program(_names(f, args), steps, outputs, values, in_spec, out_spec, recording)

    return wrapped


def _needed(recording: Recording) -> tuple[Step, ...]:
    needed = {slot for slot, _ in recording.outputs}
    kept = []
    for step in reversed(recording.steps):
        if needed.intersection(step.outputs):
            kept.append(step)
            needed.update(slot for _, slot in step.inputs)
    return tuple(reversed(kept))


def _names(f: Callable[..., Any], args: tuple[Any, ...]) -> tuple[str, ...]:
    try:
        parameters = [
            p.name for p in inspect.signature(f).parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        parameters = []
    names = []
    for i, a in enumerate(args):
        name = parameters[i] if i < len(parameters) else f"x{i + 1}"
        names += [name + path for path in paths(a)]
    return tuple(names)
