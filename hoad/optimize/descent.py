"""A first-order transform as a method: the gradient by one backward pass, then the transform."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.optimize.method import Method, Report, State, Transform
from hoad.optimize.objective import Problem

__all__ = ["descend", "gradient_report", "value_report"]


def gradient_report(f: Any, params: Any, **details: float) -> Report:
    """Value and gradient at a point."""
    problem = Problem(f, params, real=False)
    value, g = problem.value_and_grad(problem.x)
    return Report(value, problem.unpack(g), float(np.max(np.abs(g), initial=0.0)), details)


def value_report(f: Any, params: Any) -> Report:
    """Value at a point, for methods that never form a gradient."""
    problem = Problem(f, params, real=False)
    return Report(problem.value(problem.x))


def descend(transform: Transform) -> Method:
    """A method that feeds exact gradients to a first-order transform.

    Parameters
    ----------
    transform : Transform
        For example ``adam(1e-3)`` or a ``chain``.

    Returns
    -------
    Method
        ``init(params)``, ``update(f, params, state)``.

    Examples
    --------
    >>> import hoad.optimize as ho
    >>> method = ho.descend(ho.sgd(0.25))
    >>> float(method.update(lambda x: x**2, 3.0, method.init(3.0))[0])
    -1.5
    """

    def init(params: Any) -> State:
        return State(memory=transform.init(params))

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        report = gradient_report(f, params)
        updates, memory = transform.update(report.gradient, state.memory, params)
        return updates, State(state.count + 1, memory, state.rng, report)

    return Method(init, update, gradient_report)
