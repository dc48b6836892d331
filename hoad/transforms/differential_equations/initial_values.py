"""SciPy's solve_ivp with derivatives.

The numbers are those of SciPy, which is called once with plain arrays; their derivatives are those of the flow (flows.py), computed
by the same method with the same tolerances.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import Box, ops, strip
from hoad.errors import IntegrationError
from hoad.transforms.closures import Parametrised, any_traced, array_of, is_batched
from hoad.transforms.differential_equations.integration import Settings, as_vector
from hoad.transforms.differential_equations.odeint import as_state
from hoad.transforms.differential_equations.results import (
    TracedSolution,
    ending,
    events_of,
    states_by_flow,
    with_scipy_value,
)

__all__ = ["solve_ivp"]

Function = Callable[..., Any]


def solve_ivp(
    fun: Function,
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    **options: Any,
) -> Any:
    """:func:`scipy.integrate.solve_ivp` with derivatives with respect to ``y0``, ``t_span``, ``t_eval``, ``args`` and what the
    functions close over.

    Parameters
    ----------
    fun, t_span, y0, method, t_eval, dense_output, events, vectorized, args, **options
        As SciPy's.  ``fun`` and ``events`` must be made of differentiable functions.  One more option, ``sensitivity``, is that of
        :func:`hoad.odeint`.

    Returns
    -------
    OdeResult
        SciPy's, with traced ``t``, ``y``, ``sol``, ``t_events`` and ``y_events``.  Steps chosen by the solver are constants; their
        first and last ones are the ends of ``t_span``, or the time of the event that ended the integration.

    Raises
    ------
    IntegrationError
        If derivatives cannot be computed to the tolerances, or a batch is asked for something whose length depends on its entries.
    ImplicitError
        If an event function touches zero without crossing it, where the time of the event has no derivative.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.integrate
    >>> def end(k):
    ...     r = hoad.scipy.integrate.solve_ivp(lambda t, y, k: -k * y, (0, 2), [1.0], args=(k,), rtol=1e-9, atol=1e-9)
    ...     return r.y[0, -1]
    >>> bool(abs(hoad.grad(end)(0.5) + 2 * np.exp(-1)) < 1e-8)
    True
    """
    from scipy import integrate  # imported when the first equation is solved

    sensitivity = options.pop("sensitivity", "auto")
    given = () if args is None else tuple(args) if isinstance(args, tuple | list) else args
    alone = callable(events)
    listed = [] if events is None else [events] if alone else list(events)
    jac = options.get("jac") if callable(options.get("jac")) else None
    problem = Parametrised("scipy.integrate.solve_ivp", [fun, jac, *listed], given)
    t0, t1 = t_span
    y0, t_eval = array_of(y0), None if t_eval is None else array_of(t_eval)
    if not problem.params and not any_traced(y0, t0, t1, t_eval):
        return integrate.solve_ivp(fun, t_span, y0, method, t_eval, dense_output, events, vectorized, args, **options)

    def run(y0: Any, a: Any, b: Any, at: Any, params: Any, dense: bool, watched: bool) -> Any:
        found = dict(options)
        if jac is not None:
            found["jac"] = problem.plain(1, params)
        watching = []
        for i, event in enumerate(listed if watched else ()):
            plain = problem.plain(2 + i, params)
            watching.append(_marked(plain, event))
        return integrate.solve_ivp(
            problem.plain(0, params), (float(a), float(b)), y0, method, at, dense, watching or None, vectorized, None, **found
        )

    settings = Settings(
        method,
        options.get("rtol", 1e-3),
        options.get("atol", 1e-6),
        options.get("max_step", np.inf),
        sensitivity,
        "scipy.integrate.solve_ivp",
    )
    right = problem.function(0)

    def rhs(t: Any, y: Any, *params: Any) -> Any:
        return as_vector(right(t, y, *params), y)

    t0, t1, y0 = _number(t0), _number(t1), as_state(y0)
    params = problem.params
    if any(map(is_batched, (y0, t0, t1, t_eval, *params))):
        return _mapped(run, rhs, settings, y0, t0, t1, t_eval, params, listed, dense_output)

    plain_params = [strip(p) for p in params]
    first = run(strip(y0), strip(t0), strip(t1), None if t_eval is None else strip(t_eval), plain_params, dense_output, True)
    states = states_by_flow(rhs, settings)

    def same(*xs: Any) -> bool:
        wanted = (y0, t0, *params)
        return all(np.array_equal(x, strip(w)) for x, w in zip(xs, wanted, strict=True))

    def at(times: Any, values: Any, sol: Any = None) -> Any:
        """States at times where SciPy's states are known."""

        def value(y0: Any, t0: Any, times_: Any, *ps: Any) -> Any:
            if same(y0, t0, *ps) and np.array_equal(times_, strip(times)):
                return values
            return run(y0, t0, max(times_, key=lambda t: abs(t - t0)), None, ps, True, False).sol(times_).T

        return with_scipy_value(value, states).bind(y0, t0, times, *params)

    result = first.__class__(first)
    result.t_events, result.y_events = events_of(problem, listed, first, at)
    if t_eval is None:
        last = t1 if first.status == 0 else ending(first, result)
        middle = first.t[1:-1] if len(first.t) > 1 else first.t[:0]
        result.t = ops.concatenate([np.reshape(t0, (1,)), middle, np.reshape(last, (1,))][: 3 if len(first.t) > 1 else 1], 0)
    else:
        result.t = t_eval[: len(first.t)]
    result.y = np.transpose(at(result.t, first.y.T)) if len(first.t) else first.y
    if dense_output:
        result.sol = TracedSolution(first.sol, at)
    return result


def _number(t: Any) -> Any:
    return ops.astype(t, float) if isinstance(t, Box) else np.float64(t)


def _marked(plain: Function, event: Function) -> Function:
    for name in ("terminal", "direction"):
        if hasattr(event, name):
            setattr(plain, name, getattr(event, name))
    return plain


def _mapped(
    run: Function, rhs: Function, settings: Settings, y0: Any, t0: Any, t1: Any, t_eval: Any, params: Any, events: Any, dense: bool
) -> Any:
    """A batch of solutions at given times."""
    from scipy.integrate._ivp.ivp import OdeResult

    if t_eval is None or events or dense:
        raise IntegrationError(
            "solve_ivp under hoad.vmap has steps or events whose number depends on the entry of the batch, expected the same times "
            "for all entries. Give t_eval, without events and without dense_output, or use a loop instead of hoad.vmap."
        )

    def value(y0: Any, t0: Any, times: Any, *ps: Any) -> Any:
        found = run(y0, t0, _far(t0, times), times, ps, False, False)
        if not found.success:
            raise IntegrationError.failed(settings.what, found.message, found.t[-1] if len(found.t) else t0, times[-1])
        return found.y.T

    end = np.max(np.abs(strip(t1) - strip(t0)))

    def _far(t0: Any, times: Any) -> Any:
        return strip(t1) if np.ndim(strip(t1)) == 0 else t0 + np.sign(times[-1] - t0) * end

    y = with_scipy_value(value, states_by_flow(rhs, settings)).bind(y0, t0, t_eval, *params)
    return OdeResult(
        t=t_eval,
        y=np.transpose(y),
        sol=None,
        t_events=None,
        y_events=None,
        nfev=None,
        njev=None,
        nlu=None,
        status=0,
        message="The solver successfully reached the end of the integration interval.",
        success=True,
    )
