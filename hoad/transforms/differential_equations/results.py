"""What a solver of SciPy returned, as functions of the parameters: states, events, the continuous solution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import ops, strip
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import Primitive
from hoad.errors import IntegrationError
from hoad.transforms.closures import Parametrised, array_of
from hoad.transforms.differential_equations.clocks import clock, still
from hoad.transforms.differential_equations.integration import Settings, as_vector
from hoad.transforms.differential_equations.odeint import trajectory
from hoad.transforms.implicit import implicit

__all__ = ["TracedSolution", "ending", "events_of", "states_by_flow", "with_scipy_value"]

Function = Callable[..., Any]


def states_by_flow(rhs: Function, settings: Settings) -> Function:
    """(y0, t0, times, *params) -> states at the times, by the flow."""

    def states(y0: Any, t0: Any, times: Any, *params: Any) -> Any:
        whole = ops.concatenate([np.reshape(t0, (1,)), times], 0)
        return trajectory(rhs, y0, whole, params, settings)[1:]

    return states


def with_scipy_value(value: Function, body: Function) -> Primitive:
    """A primitive with SciPy's value and the derivatives of the flow."""
    return Primitive("initial value problem", value, "composite", body=body, batch=by_loop)


def events_of(problem: Parametrised, events: list[Any], first: Any, at: Function) -> tuple[Any, Any]:
    """Times and states of events: the root t of g(t, y(t)) = 0, where y(t) is known around the root as a series in time."""
    if not events:
        return first.t_events, first.y_events
    right = problem.function(0)

    def rhs(t: Any, y: Any, *params: Any) -> Any:
        return as_vector(right(t, y, *params), y)

    tick = clock(rhs)
    times, states = [], []
    for number, (roots, values) in enumerate(zip(first.t_events, first.y_events, strict=True)):
        event = problem.function(2 + number)
        ts, ys = [], []
        for root, value in zip(roots, values, strict=True):
            there = at(np.array([root]), value[None])[0]

            def residual(t: Any, s: Any, y: Any, *params: Any, event: Function = event) -> Any:
                return np.reshape(event(t, tick.bind(y, s, t, *params), *params), ())

            def solver(*_: Any, root: Any = root) -> Any:
                return np.float64(root)

            t = implicit(residual, solver, check=False)(np.float64(root), there, *problem.params)
            ts.append(t)
            ys.append(tick.bind(there, still(t), t, *problem.params))
        times.append(ops.stack(ts) if ts else roots)
        states.append(ops.stack(ys) if ys else values)
    return times, states


def ending(first: Any, result: Any) -> Any:
    """The traced time at which an event ended the integration."""
    if first.status != 1:
        return first.t[-1]
    for roots, traced in zip(first.t_events, result.t_events, strict=True):
        if len(roots) and roots[-1] == first.t[-1]:
            return traced[-1]
    return first.t[-1]


class TracedSolution:
    """``sol`` of a result: SciPy's continuous solution with derivatives.

    Calling it with a time or an array of times within the interval gives states of shape (n,) or (n, times).  Other attributes are
    those of SciPy's OdeSolution, as plain numbers.
    """

    def __init__(self, plain: Any, at: Function) -> None:
        self._plain = plain
        self._at = at

    def __call__(self, t: Any) -> Any:
        t = array_of(t)
        times = np.reshape(t, (-1,))
        plain = strip(times)
        inside = (plain >= self._plain.t_min) & (plain <= self._plain.t_max)
        if not inside.all():
            raise IntegrationError.times("times outside the interval of integration, where the solution is not known")
        order = np.argsort(plain if self._plain.ascending else -plain, kind="stable")
        states = self._at(times[order], self._plain(plain[order]).T)[np.argsort(order)]
        return states[0] if t.ndim == 0 else np.transpose(states)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)
