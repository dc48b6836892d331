"""SciPy's odeint with derivatives: its numbers, and the derivatives of the flow by the same method with the same tolerances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import Box, shape_of, strip
from hoad.errors import IntegrationError
from hoad.transforms.closures import Parametrised, any_traced, array_of, is_batched
from hoad.transforms.differential_equations.integration import Settings, as_vector
from hoad.transforms.differential_equations.odeint import as_state, trajectory
from hoad.transforms.differential_equations.results import with_scipy_value

__all__ = ["odeint"]

Function = Callable[..., Any]


def odeint(
    func: Function,
    y0: Any,
    t: Any,
    args: Any = (),
    Dfun: Any = None,  # SciPy's name
    col_deriv: Any = 0,
    full_output: Any = 0,
    ml: Any = None,
    mu: Any = None,
    rtol: Any = None,
    atol: Any = None,
    tcrit: Any = None,
    h0: float = 0.0,
    hmax: float = 0.0,
    hmin: float = 0.0,
    ixpr: Any = 0,
    mxstep: int = 0,
    mxhnil: int = 0,
    mxordn: int = 12,
    mxords: int = 5,
    printmessg: Any = 0,
    tfirst: bool = False,
) -> Any:
    """:func:`scipy.integrate.odeint` with derivatives with respect to ``y0``, ``t``, ``args`` and what ``func`` closes over.

    Parameters
    ----------
    func, y0, t, args, ...
        As SciPy's.

    Returns
    -------
    array, or (array, dict) with ``full_output``
        States of shape (times, n), traced; their numbers are SciPy's.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.integrate
    >>> end = lambda k: hoad.scipy.integrate.odeint(lambda y, t, k: -k * y, [1.0], [0, 2], (k,))[-1, 0]
    >>> bool(abs(hoad.grad(end)(0.5) + 2 * np.exp(-1)) < 1e-6)
    True
    """
    from scipy import integrate

    given = args if isinstance(args, tuple) else (args,)
    problem = Parametrised("scipy.integrate.odeint", [func, Dfun], given)
    y0, t = array_of(y0), array_of(t)

    controls = (ml, mu, rtol, atol, tcrit, h0, hmax, hmin, ixpr, mxstep, mxhnil, mxordn, mxords, printmessg, tfirst)
    if not problem.params and not any_traced(y0, t):
        return integrate.odeint(func, y0, t, args, Dfun, col_deriv, full_output, *controls)

    def run(y0: Any, t: Any, params: Any, full: Any) -> Any:
        slope = None if Dfun is None else problem.plain(1, params)
        return integrate.odeint(problem.plain(0, params), y0, t, (), slope, col_deriv, full, *controls)

    right = problem.function(0)

    def rhs(t: Any, y: Any, *params: Any) -> Any:
        return as_vector(right(t, y, *params) if tfirst else right(y, t, *params), y)

    settings = Settings(
        "LSODA",
        1.49012e-8 if rtol is None else rtol,
        1.49012e-8 if atol is None else atol,
        hmax or np.inf,
        what="scipy.integrate.odeint",
    )

    def value(y0: Any, t: Any, *params: Any) -> Any:
        return run(y0, t, params, 0)

    def body(y0: Any, t: Any, *params: Any) -> Any:
        return trajectory(rhs, y0, t, params, settings)

    if len(shape_of(y0)) > 1:
        raise ValueError("Initial condition y0 must be one-dimensional.")
    start = as_state(np.reshape(y0, (-1,)))
    y = with_scipy_value(value, body).bind(start, t if isinstance(t, Box) else np.asarray(t, float), *problem.params)
    if not full_output:
        return y
    if any(map(is_batched, (y0, t, *problem.params))):
        raise IntegrationError(
            "odeint under hoad.vmap has one output of each entry, expected full_output=0. Leave full_output out."
        )
    return y, run(strip(start), strip(t), [strip(p) for p in problem.params], 1)[1]
