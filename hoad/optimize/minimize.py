"""One door to every minimiser: hoad's own methods and SciPy's, with exact derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import numpy as np
import scipy.optimize

from hoad.errors import OptimizeError
from hoad.optimize.checks import check_limits
from hoad.optimize.descent import descend
from hoad.optimize.driver import run
from hoad.optimize.method import OPTIMISERS, Method, Transform
from hoad.optimize.objective import Objective
from hoad.optimize.result import Result, RunState
from hoad.optimize.scipy_methods import SCIPY_METHODS, run_scipy

__all__ = ["minimize"]

ALIASES = {"hyperplane-search": "fomoh-kd", "forward-gradient-descent": "fgd", "gd": "sgd", "hf": "hessian-free"}
DRIVER_OPTIONS = ("maxiter", "tol", "target", "progress", "time_limit", "state")


def minimize(
    f: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    *,
    method: Any = "L-BFGS-B",
    options: Mapping[str, Any] | None = None,
    bounds: Any = None,
    constraints: Any = (),
    callback: Callable[..., Any] | None = None,
    maxiter: int | None = None,
    tol: float | None = None,
    progress: bool = False,
    time_limit: float | None = None,
    state: RunState | None = None,
    seed: Any = None,
    jac: Callable[..., Any] | None = None,
) -> Result:
    """Minimum of a function, with exact derivatives for whatever the method can use.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` returns a real scalar; for Gauss–Newton methods residuals, or the output of a model.
    x0 : array or container
        Starting point, as ``f`` takes it: a list is a container, so a vector is ``np.array([...])``.
    args : tuple
        Further arguments of ``f``.
    method : str, optimiser or callable
        One of hoad's own ("fomoh-kd", "fomoh", "fomoh-bp", "fgd", "sgd", "adam", "adamw", "rmsprop", "adagrad", "lion", "lbfgs",
        "truncated-newton", "trust-region", "gauss-newton", "levenberg-marquardt", "hessian-free", "natural-gradient"), any
        of SciPy's ("BFGS", "Newton-CG", "trust-exact", …), an optimiser such as ``chain(...)``, or a callable as for SciPy.
    options : dict, optional
        Options of the method, such as ``{"k": 5, "lr": 0.5, "seed": 0}``.  For own methods also "target", a value to stop at.
    bounds, constraints : optional
        As for SciPy, for its methods that take them.  Constraints get exact Jacobians.
    callback : callable, optional
        ``callback(intermediate_result)`` or ``callback(x)`` after each iteration; may raise StopIteration.
    maxiter : int, optional
        Iterations of this call; 1000 by default for own methods.
    tol : float, optional
        Own methods stop where the largest entry of the gradient (forward-only methods: its estimated norm) is at most ``tol``,
        1e-6 by default.
    progress : bool
        Show a progress bar on a terminal.
    time_limit : float, optional
        Seconds.
    state : RunState, optional
        ``result.state`` of an earlier run with the same method and options, to go on from; x0 is then not used.
    seed : int or numpy.random.Generator, optional
        Source of random directions, the same as ``options["seed"]``.
    jac : callable, optional
        A gradient to use instead of the exact one.

    Returns
    -------
    Result
        The best point found with counts, history, ``plot()`` and a state to resume from.

    Raises
    ------
    OptimizeError
        For unknown names and options, numbers out of their range, and a start where ``f`` is not finite.
    NotScalarError
        If the objective does not return a real scalar.

    Notes
    -----
    A step to a point where something is not finite is halved (or, with random directions, skipped) and counted in the message and
    in ``history``.  On KeyboardInterrupt the best point is returned with ``success=False``.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> f = lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
    >>> res = hoad.optimize.minimize(f, np.zeros(4), method="fomoh-kd", options={"k": 4, "seed": 0})
    >>> res.success, res.x.round(6)
    (True, array([1., 1., 1., 1.]))
    """
    settings = dict(options or {})
    if not isinstance(args, tuple):
        args = (args,)
    if seed is not None:
        settings["seed"] = seed
    check_limits(maxiter, tol, time_limit)
    objective = Objective(f, args, jac if callable(jac) else None)
    limited: dict[str, Any] = {"callback": callback, "progress": progress, "time_limit": time_limit}
    kind, name = _resolve(method)
    if kind == "scipy":
        if state is not None:
            raise OptimizeError(f"method {name!r} is SciPy's and cannot resume from a state: start it at state.params instead.")
        settings.pop("seed", None)
        return run_scipy(
            name, objective, x0, options=settings, bounds=bounds, constraints=constraints, maxiter=maxiter, tol=tol, **limited
        )
    if kind == "foreign":
        found = scipy.optimize.minimize(
            f,
            x0,
            args,
            method=method,
            jac=jac,
            bounds=bounds,
            constraints=constraints,
            callback=callback,
            tol=tol,
            options=settings,
        )
        return Result(**found)
    if bounds is not None or constraints:
        raise OptimizeError.no_bounds(name)
    given = {"maxiter": maxiter, "tol": tol, "state": state}
    settings.update({key: value for key, value in given.items() if value is not None})
    driven = {key: settings.pop(key) for key in DRIVER_OPTIONS if key in settings}
    settings.pop("disp", None)
    made = method if kind == "made" else _make(name, settings)
    return run(name, descend(made) if isinstance(made, Transform) else made, objective, x0, **{**limited, **driven})


def _resolve(method: Any) -> tuple[str, str]:
    """Whose method it is, and its name."""
    if isinstance(method, Method | Transform):
        return "made", "a method of the user's"
    if callable(method):
        name = next((name for name, make in OPTIMISERS.items() if make is method), None)
        return ("own", name) if name else ("foreign", "")
    if isinstance(method, str):
        name = method.lower().replace("_", "-")
        name = ALIASES.get(name, name)
        if name in OPTIMISERS:
            return "own", name
        if name in SCIPY_METHODS:
            return "scipy", name
    raise OptimizeError.unknown("method", method, [*OPTIMISERS, *SCIPY_METHODS])


def _make(name: str, options: dict[str, Any]) -> Any:
    """The optimiser with these options, each of which it must know."""
    make = OPTIMISERS[name]
    known = signature(make).parameters
    if "seed" not in known:
        options.pop("seed", None)
    for key in options:
        if key not in known:
            raise OptimizeError.unknown(f"option of method {name!r}", key, [*known, *DRIVER_OPTIONS])
    return make(**options)


def called_by_scipy(
    name: str,
    fun: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    callback: Callable[..., Any] | None = None,
    **options: Any,
) -> Result:
    """An own method as ``scipy.optimize.minimize(method=...)`` calls it; second derivatives are hoad's."""
    return minimize(
        fun, np.asarray(x0), args, method=name, options=options, bounds=bounds, constraints=constraints, callback=callback, jac=jac
    )
