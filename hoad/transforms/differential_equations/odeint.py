"""odeint: the solution of an ordinary differential equation at given times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from hoad.core.box import Box, ops, peek, shape_of, strip
from hoad.core.space import flatten, unflatten
from hoad.errors import IntegrationError
from hoad.transforms.closures import lift
from hoad.transforms.differential_equations.clocks import at_times, clock, is_differentiated, still
from hoad.transforms.differential_equations.flows import Flow
from hoad.transforms.differential_equations.integration import Settings, as_vector

__all__ = ["odeint", "trajectory"]

Function = Callable[..., Any]


def odeint(
    func: Function,
    y0: Any,
    t: Any,
    *args: Any,
    rtol: float = 1e-8,
    atol: Any = 1e-8,
    method: Any = "DOP853",
    max_step: float = np.inf,
    sensitivity: Literal["auto", "forward", "adjoint"] = "auto",
) -> Any:
    """The solution of ``y' = func(y, t, *args)``, ``y(t[0]) = y0`` at the times ``t``, with derivatives of any order in every mode.

    Parameters
    ----------
    func : callable
        ``func(y, t, *args)`` -> dy/dt with the structure of ``y0``, in differentiable functions.
    y0 : array or container of arrays
        State at ``t[0]``; real or complex.
    t : array
        Times in increasing or decreasing order, at least one.
    *args : arrays or containers
        Parameters.  Traced values that ``func`` closes over count as parameters too.
    rtol, atol : float (or array of the length of the state, for ``atol``)
        Tolerances of each step.  They hold for the state and for every derivative of it; absolute tolerances follow the size of
        a derivative.
    method : str or subclass of scipy.integrate.OdeSolver
        "DOP853", "RK45", "RK23" for equations that are not stiff, "Radau", "BDF", "LSODA" for stiff ones, whose Jacobian is
        computed by hoad.
    max_step : float
        Largest step.
    sensitivity : {"auto", "forward", "adjoint"}
        How reverse mode works: "adjoint" solves the adjoint equation backwards, at a cost that does not grow with the number of
        parameters; "forward" solves for the whole Jacobian, which is faster for few parameters or many times; "auto" takes
        "forward" if the state and all its derivatives have at most 64 entries.

    Returns
    -------
    array or container
        States at the times, along a new first axis.

    Raises
    ------
    IntegrationError
        If the solver cannot keep the tolerance up to the last time, or the times are not in order.
    ClosureError
        If ``func`` uses a traced value that can neither be passed as an argument nor be found in its closure.

    Notes
    -----
    Derivatives are those of the solution, not of the numerical scheme, computed with error control of their own; they agree with
    differences of the numerical solution to the tolerances.  Derivatives with respect to times are exact given the state.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> from hoad import odeint
    >>> decay = lambda k: odeint(lambda y, t, k: -k * y, np.array([1.0]), np.array([0.0, 2.0]), k)[-1, 0]
    >>> bool(abs(hoad.grad(decay)(0.5) + 2 * np.exp(-1)) < 1e-7), bool(abs(hoad.hessian(decay)(0.5) - 4 * np.exp(-1)) < 1e-7)
    (True, True)
    """
    settings = Settings(method, rtol, atol, max_step, sensitivity)
    leaves, spec = flatten(y0)
    leaves = [x if isinstance(x, Box) or hasattr(x, "dtype") else np.asarray(x) for x in leaves]
    shapes = [shape_of(x) for x in leaves]
    ends = np.cumsum([int(np.prod(s)) for s in shapes])
    state = ops.concatenate([np.reshape(x, (-1,)) for x in leaves], 0) if leaves else np.zeros(0)

    def split(y: Any, lead: tuple[int, ...] = ()) -> Any:
        parts = np.split(y, ends[:-1], axis=-1) if len(shapes) > 1 else [y]
        return unflatten(spec, [np.reshape(p, (*lead, *s)) for p, s in zip(parts, shapes, strict=True)])

    def rhs_of(f: Function) -> Function:
        def rhs(t: Any, y: Any, *args: Any) -> Any:
            out = flatten(f(split(y), t, *args))[0] if spec is not None else [f(split(y), t, *args)]
            parts = [as_vector(p, np.empty(int(np.prod(s)))) for p, s in zip(out, shapes, strict=True)]
            return ops.concatenate(parts, 0) if len(parts) > 1 else parts[0]

        return rhs

    build, values = lift(func)
    count = len(args)

    def rhs(t: Any, y: Any, *given: Any) -> Any:
        return rhs_of(build(list(given[count:])))(t, y, *given[:count])

    if isinstance(t, list | tuple):
        t = ops.array(t) if any(isinstance(s, Box) for s in t) else np.asarray(t, float)
    out = trajectory(rhs, state, t, (*args, *values), settings)
    return split(out, (shape_of(t)[0],))


def trajectory(rhs: Function, y0: Any, t: Any, args: tuple[Any, ...], settings: Settings) -> Any:
    """States (times, length) of ``y' = rhs(t, y, *args)`` for a vector ``y0``; args are containers of anything."""
    rhs, params = of_leaves(rhs, args)
    y0 = as_state(y0)
    t = ops.astype(t, float) if isinstance(t, Box) else np.asarray(t, float)
    times = still(t)
    plain = strip(times)
    if t.ndim != 1 or shape_of(t)[0] == 0:
        raise IntegrationError.times(f"shape {shape_of(t)}")
    steps = np.diff(plain, axis=-1)
    if not (np.isfinite(plain).all() and ((steps >= 0).all(-1) | (steps <= 0).all(-1)).all()):
        raise IntegrationError.times("times that are not in order")
    moving = is_differentiated(t)
    start = clock(rhs).bind(y0, t[0], times[0], *params) if moving else y0
    states = Flow(rhs, settings)(start, None, times, *params)
    return at_times(rhs, states, times, t, params) if moving else states


def as_state(y0: Any) -> Any:
    """A vector of float64 or complex128."""
    y0 = y0 if isinstance(y0, Box) else np.asarray(y0)
    kind = np.complex128 if peek(y0).dtype.kind == "c" else np.float64
    return y0 if y0.dtype == kind else ops.astype(y0, kind)


def of_leaves(rhs: Function, args: tuple[Any, ...]) -> tuple[Function, list[Any]]:
    """The right-hand side as a function of the traced leaves of ``args`` alone, and these leaves."""
    leaves, spec = flatten(args)
    places = [i for i, x in enumerate(leaves) if isinstance(x, Box)]

    def inner(t: Any, y: Any, *params: Any) -> Any:
        filled = list(leaves)
        for i, p in zip(places, params, strict=True):
            filled[i] = p
        return as_vector(rhs(t, y, *unflatten(spec, filled)), y)

    return inner, [leaves[i] for i in places]
