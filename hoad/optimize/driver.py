"""The loop around hoad's own methods: budget, tolerance, callback, points that are not finite, and the best point found."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature
from time import perf_counter
from typing import Any

import numpy as np

from hoad.core.space import as_leaf, map_leaves
from hoad.errors import OptimizeError
from hoad.optimize.checks import check_limits, finite
from hoad.optimize.containers import all_finite, apply_updates, global_norm, leafwise
from hoad.optimize.method import Method, Report
from hoad.optimize.objective import COUNTERS, Objective
from hoad.optimize.result import History, Result, RunState

__all__ = ["STATUS", "notifier", "progress_bar", "run"]

STATUS = {
    "converged": 0,
    "budget": 1,
    "stuck": 2,
    "time": 3,
    "not finite": 4,
    "interrupted": 5,
    "callback": 99,
}
"""Values of ``Result.status``; 0 is success."""

MAX_HALVINGS = 60


class Ended(Exception):
    """The run is over: why, and in which words."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why


def notifier(callback: Callable[..., Any] | None) -> Callable[[Result], None]:
    """Call the user's callback as SciPy does: with ``intermediate_result`` where it has a parameter of that name, else with x."""
    if callback is None:
        return lambda result: None
    call = callback
    try:
        by_name = "intermediate_result" in signature(callback).parameters
    except (TypeError, ValueError):
        by_name = False

    def notify(result: Result) -> None:
        try:
            call(intermediate_result=result) if by_name else call(result.x)
        except StopIteration:
            raise Ended("callback", "`callback` raised `StopIteration`.") from None

    return notify


@contextmanager
def progress_bar(wanted: bool, total: int | None) -> Iterator[Callable[[int, float], None]]:
    """A function (iteration, loss) that shows them on a terminal, by tqdm where it is installed; silent in a pipe."""
    if not wanted or not sys.stderr.isatty():
        yield lambda n, loss: None
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda n, loss: print(f"\r{n}/{total}  loss {loss:.6g}", end="", file=sys.stderr)
        print(file=sys.stderr)
        return
    with tqdm(total=total) as bar:

        def show(n: int, loss: float) -> None:
            bar.set_postfix(loss=f"{loss:.6g}", refresh=False)
            bar.update(n - bar.n)

        yield show


def run(
    name: str,
    method: Method,
    objective: Objective,
    x0: Any,
    *,
    callback: Callable[..., Any] | None = None,
    maxiter: int = 1000,
    tol: float = 1e-6,
    target: float = -np.inf,
    progress: bool = False,
    time_limit: float | None = None,
    state: RunState | None = None,
) -> Result:
    """Iterate ``method`` from x0, or from the ``state`` of an earlier run."""
    check_limits(maxiter, tol, time_limit)
    finite("target", target, infinite=True)
    if state is None:
        point = map_leaves(lambda leaf: np.array(as_leaf(leaf, "x0"))[()], x0)
        now = RunState(name, point, method.init(point))
    elif not isinstance(state, RunState):
        raise OptimizeError(f"state is {type(state).__name__}, expected result.state of an earlier run.")
    elif state.method != name:
        raise OptimizeError.start_differs(state.method, name)
    else:
        now = replace(state, counts=dict(state.counts), points=list(state.points), steps=list(state.steps))
        objective.counts.update(now.counts)
    loop = _Loop(method, objective, now, notifier(callback), tol, target, time_limit)
    why, message = "budget", ""
    with progress_bar(progress, now.nit + maxiter) as show:
        try:
            for _ in range(int(maxiter)):
                loop.step()
                show(loop.now.nit, loop.now.points[-1]["loss"])
            loop.finish()
            message = f"The budget of {maxiter} iterations is exhausted."
        except Ended as end:
            why, message = end.why, str(end)
        except KeyboardInterrupt:
            why, message = "interrupted", "Interrupted; the best point found so far is returned."
    return loop.result(why, message)


class _Loop:
    """The moving parts of a run; ``now`` is replaced as a whole, so that an interruption leaves it consistent."""

    def __init__(
        self,
        method: Method,
        objective: Objective,
        now: RunState,
        notify: Callable[[Result], None],
        tol: float,
        target: float,
        time_limit: float | None,
    ) -> None:
        self.method, self.objective, self.now, self.notify = method, objective, now, notify
        self.tol, self.target, self.time_limit = tol, target, time_limit
        self.begin = perf_counter()
        self.before = now.seconds
        self.known = len(now.points) > now.nit  # the point at which an earlier run ended is in the history already

    def seconds(self) -> float:
        return self.before + perf_counter() - self.begin

    def step(self) -> None:
        """One update from a point that is finite."""
        for _ in range(MAX_HALVINGS):
            now = self.now
            with np.errstate(all="ignore"):
                updates, new = self.method.update(self.objective, now.params, now.state)
            report = new.report
            assert report is not None
            if not np.isfinite(report.value):
                self.retreat(report)
                continue
            finite = all_finite(updates)
            if not finite and new.rng is None:
                self.retreat(report)
                continue
            self.arrive(report)
            details = dict(report.details)
            if not finite:  # other directions may do better
                updates = leafwise(np.zeros_like, updates)
                new = replace(now.state, count=new.count, rng=new.rng)
                details["skipped"] = 1.0
            size = float(global_norm(updates))
            now = self.now
            now.steps.append({"step_norm": size, **details})
            self.now = replace(
                now,
                params=apply_updates(now.params, updates),
                state=replace(new, report=None),
                previous=now.params,
                moved=updates,
                nit=now.nit + 1,
            )
            self.known = False
            return
        raise Ended("not finite", f"No finite value was found within {MAX_HALVINGS} halvings of the last step.")

    def finish(self) -> None:
        """Evaluate the point that the last step led to."""
        for _ in range(MAX_HALVINGS):
            if self.known:
                return
            with np.errstate(all="ignore"):
                report = self.method.evaluate(self.objective, self.now.params)
            if np.isfinite(report.value):
                return self.arrive(replace(report, stop=""))
            self.retreat(report)
        raise Ended("not finite", f"No finite value was found within {MAX_HALVINGS} halvings of the last step.")

    def retreat(self, report: Report) -> None:
        """Halve the last step, which led to a point where something is not finite."""
        now = self.now
        if now.previous is None:
            if np.isfinite(report.value):
                self.now = replace(now, best=(report.value, now.params, report.gradient))
                raise Ended("not finite", "The derivative is not finite at the starting point.")
            raise OptimizeError.start_not_finite(report.value)
        moved = leafwise(lambda u: u * 0.5, now.moved)
        row = now.steps[-1]
        now.steps[-1] = {**row, "halved": row.get("halved", 0.0) + 1, "step_norm": row["step_norm"] / 2}
        self.now = replace(now, params=apply_updates(now.previous, moved), moved=moved)

    def arrive(self, report: Report) -> None:
        """Record a point; raise :class:`Ended` where the run should stop at it."""
        now = self.now
        if not self.known:
            row = {"loss": report.value, "time": self.seconds()}
            if report.gradient_norm is not None:
                row["gradient_norm"] = report.gradient_norm
            now.points.append(row)
            if report.value < now.best[0]:
                self.now = now = replace(now, best=(report.value, now.params, report.gradient))
            self.known = True
            if now.nit:
                self.notify(
                    Result(x=now.params, fun=report.value, jac=report.gradient, nit=now.nit, nfev=self.objective.counts["nfev"])
                )
        last = [row.get("gradient_norm", np.inf) for row in now.points[-report.confirm :]]
        if report.gradient_norm is not None and len(last) == report.confirm and max(last) <= self.tol:
            raise Ended("converged", f"The gradient ({report.gradient_norm:.3g}) is within the tolerance {self.tol:.3g}.")
        if report.value <= self.target:
            raise Ended("converged", f"The target value {self.target:.6g} is reached.")
        if report.stop:
            raise Ended("stuck", f"Stopped: {report.stop}.")
        if self.time_limit is not None and perf_counter() - self.begin >= self.time_limit:
            raise Ended("time", f"The time limit of {self.time_limit:g} s is reached.")

    def result(self, why: str, message: str) -> Result:
        now = replace(self.now, counts=dict(self.objective.counts), seconds=self.seconds())
        value, x, gradient = now.best
        skipped = sum(int(row.get("halved", 0) + row.get("skipped", 0)) for row in now.steps)
        if skipped:
            message += f" {skipped} steps to points that are not finite were halved or skipped."
        return Result(
            x=now.params if x is None else x,
            fun=value,
            jac=gradient,
            nit=now.nit,
            **{name: now.counts[name] for name in COUNTERS},
            success=why == "converged",
            status=STATUS[why],
            message=message,
            history=History(tuple(now.points), tuple(now.steps)).arrays(),
            state=now,
        )
