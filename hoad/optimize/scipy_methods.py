"""SciPy's minimisers with exact derivatives: each receives the gradient, Hessian-vector product or Hessian that it can use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import scipy.optimize

from hoad.errors import OptimizeError
from hoad.operators import HessianOperator
from hoad.optimize.driver import STATUS, Ended, notifier, progress_bar
from hoad.optimize.objective import COUNTERS, Objective, Problem
from hoad.optimize.result import History, Result
from hoad.transforms.jacobian import jacobian
from hoad.transforms.second import hessian

__all__ = ["SCIPY_METHODS", "run_scipy"]

SCIPY_METHODS: dict[str, tuple[str, ...]] = {
    "nelder-mead": (),
    "powell": (),
    "cobyla": (),
    "cobyqa": (),
    "cg": ("jac",),
    "bfgs": ("jac",),
    "l-bfgs-b": ("jac",),
    "tnc": ("jac",),
    "slsqp": ("jac",),
    "newton-cg": ("jac", "hessp"),
    "trust-ncg": ("jac", "hessp"),
    "trust-krylov": ("jac", "hessp"),
    "trust-constr": ("jac", "hessp"),
    "trust-exact": ("jac", "hess"),
    "dogleg": ("jac", "hess"),
}
"""Name in lower case -> the derivatives that SciPy's method takes."""

VALUE_WITH_GRADIENT = ("bfgs", "cg", "l-bfgs-b", "tnc")
"""Methods that want the gradient at nearly every point at which they want the value: one pass gives both."""


class _Watched:
    """Objective for SciPy: flat, counted, its best point kept, its time limited."""

    def __init__(
        self, problem: Problem, notify: Callable[[Result], None], time_limit: float | None, show: Any, together: bool
    ) -> None:
        self.problem, self.notify, self.limit, self.show, self.together = problem, notify, time_limit, show, together
        self.begin = perf_counter()
        self.best: tuple[float, Any] = (np.inf, problem.x)
        self.points: list[dict[str, float]] = []
        self.steps: list[dict[str, float]] = []
        self.last = problem.x.copy()
        self._linear: tuple[Any, Any] | None = None

    def fun(self, x: Any) -> float:
        value = self.problem.value_and_grad(np.array(x))[0] if self.together else self.problem.value(np.array(x))
        self.seen(x, value)
        return value

    def jac(self, x: Any) -> Any:
        value, g = self.problem.value_and_grad(np.array(x))
        self.seen(x, value)
        return g.copy()

    def hessp(self, x: Any, v: Any) -> Any:
        if self._linear is None or not np.array_equal(self._linear[0], x):
            self._linear = (np.array(x), self.problem.linearized(np.array(x))[2])
        return self._linear[1](np.reshape(v, (-1,)))

    def hess(self, x: Any) -> Any:
        self.problem.objective.count(nhev=1)
        return HessianOperator(self.problem.objective, self.problem.unpack(np.array(x))).to_dense()

    def seen(self, x: Any, value: float) -> None:
        if value < self.best[0]:
            self.best = (value, np.array(x))
        if self.limit is not None and perf_counter() - self.begin >= self.limit:
            raise Ended("time", f"The time limit of {self.limit:g} s is reached.")

    def record(self, x: Any, value: float) -> None:
        if self.points:
            self.steps.append({"step_norm": float(np.linalg.norm(x - self.last))})
        self.points.append({"loss": value, "time": perf_counter() - self.begin})
        self.last = np.array(x)

    def callback(self, x: Any, *rest: Any) -> None:
        value = self.problem.value(np.array(x))
        self.record(x, value)
        self.show(len(self.points) - 1, value)
        self.notify(Result(x=self.problem.unpack(np.array(x)), fun=value, nit=len(self.points) - 1))


def run_scipy(
    name: str,
    objective: Objective,
    x0: Any,
    *,
    options: Mapping[str, Any],
    bounds: Any = None,
    constraints: Any = (),
    callback: Callable[..., Any] | None = None,
    maxiter: int | None = None,
    tol: float | None = None,
    progress: bool = False,
    time_limit: float | None = None,
) -> Result:
    """``scipy.optimize.minimize`` with the derivatives that ``name`` can use."""
    problem = Problem(objective, x0)
    takes = SCIPY_METHODS[name.lower()]
    settings = dict(options)
    if maxiter is not None:
        settings["maxfun" if name.lower() == "tnc" else "maxiter"] = maxiter
    with progress_bar(progress, maxiter) as show:
        watch = _Watched(problem, notifier(callback), time_limit, show, name.lower() in VALUE_WITH_GRADIENT)
        if bounds is None and not constraints:
            start = problem.value(problem.x)
            if not np.isfinite(start):
                raise OptimizeError.start_not_finite(start)
            watch.record(problem.x, start)
        given = {key: getattr(watch, key) for key in takes}
        found: Any = None
        try:
            with np.errstate(all="ignore"):
                found = scipy.optimize.minimize(
                    watch.fun,
                    problem.x,
                    method=name,
                    bounds=bounds,
                    constraints=_exact(constraints, problem),
                    callback=watch.callback,
                    tol=tol,
                    options=settings,
                    **given,
                )
            end = None
        except Ended as stop:
            end = stop
        except KeyboardInterrupt:
            end = Ended("interrupted", "Interrupted; the best point found so far is returned.")
    return _result(watch, found, end, bounds is None and not constraints, "jac" in takes)


def _result(watch: _Watched, found: Any, end: Ended | None, free: bool, wants_gradient: bool) -> Result:
    problem = watch.problem
    fields = dict(found) if found is not None else {}
    if end is not None:
        fields.update(success=False, status=STATUS[end.why], message=str(end), nit=max(len(watch.points) - 1, 0))
        value, x = watch.best if free else (np.nan, watch.last)
        if not free:
            value = problem.value(x)
        fields.update(x=x, fun=value)
    elif free and not watch.best[0] >= fields["fun"]:  # also where SciPy ended at a NaN
        fields.update(fun=watch.best[0], x=watch.best[1])
    if "grad" in fields:  # trust-constr, whose ``jac`` is the list of Jacobians of the constraints
        fields["constraint_jac"] = fields.pop("jac", [])
    gradient = fields.get("jac", fields.get("grad"))
    if end is None and wants_gradient:  # SciPy's may belong to the point before the last
        gradient = problem.value_and_grad(fields["x"])[1]
    fields["jac"] = None if gradient is None else problem.unpack(np.asarray(gradient, dtype=problem.x.dtype))
    fields["x"] = problem.unpack(np.asarray(fields["x"], dtype=problem.x.dtype))
    fields["fun"] = float(fields["fun"])
    fields.setdefault("nit", max(len(watch.points) - 1, 0))
    fields.update({name: problem.objective.counts[name] for name in COUNTERS})
    fields.update(history=History(tuple(watch.points), tuple(watch.steps)).arrays(), state=None)
    return Result(**fields)


def _exact(constraints: Any, problem: Problem) -> Any:
    """Constraints with exact Jacobians (and Hessians) where none are given; their functions get the container."""
    if not constraints:
        return constraints
    many = constraints if isinstance(constraints, Sequence) and not isinstance(constraints, Mapping) else [constraints]
    return [_exact_constraint(c, problem) for c in many]


def _exact_constraint(c: Any, problem: Problem) -> Any:
    if isinstance(c, Mapping):
        fun, args = c["fun"], c.get("args", ())
        flat = lambda x: fun(problem.unpack(x), *args)
        jac = c.get("jac")
        given = (lambda x: jac(problem.unpack(x), *args)) if callable(jac) else jacobian(flat)
        return {"type": c["type"], "fun": flat, "jac": given}
    if isinstance(c, scipy.optimize.NonlinearConstraint):
        outer = c.fun
        flat = lambda x: outer(problem.unpack(x))
        if not callable(c.jac):
            weighted = lambda x, v: hessian(lambda y: np.sum(np.atleast_1d(flat(y)) * v))(x)
            hess = c.hess if callable(c.hess) else weighted
            return scipy.optimize.NonlinearConstraint(
                flat, c.lb, c.ub, jacobian(flat), hess, c.keep_feasible, c.finite_diff_rel_step, c.finite_diff_jac_sparsity
            )
    return c
