"""What a run of an optimiser returns: SciPy's OptimizeResult with a history, counts, a picture, and a state to go on from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from hoad.optimize.method import State

__all__ = ["History", "Result", "RunState"]


class Result(OptimizeResult):
    """Result of :func:`minimize`: the attributes of SciPy's ``OptimizeResult``, and more.

    Attributes
    ----------
    x : like x0
        The best point found.
    fun : float
        The objective there.
    jac : like x0 or None
        Its gradient there, where the method computed it.
    nit, nfev, njev, nhev, njvp, nhvp, nhyperdual, passes : int
        Iterations, values, gradients, Hessians, directional derivatives, Hessian-vector products, second derivatives vᵀ H w from
        forward passes, and calls of the function in any mode.
    success, status, message : bool, int, str
        Whether the tolerance was reached, and why the run ended.
    history : dict of str to array
        "loss" and "time" (seconds) with nit + 1 entries, "step_norm" and what the method reports with nit entries.
    state : RunState or None
        Give it to :func:`minimize` to go on; it pickles.
    """

    def plot(self, ax: Any = None, key: str = "loss", **style: Any) -> Any:
        """Draw an entry of the history against the iteration; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default new axes.
        key : str
            Which entry.
        **style
            For ``ax.plot``.

        Returns
        -------
        matplotlib Axes
        """
        if ax is None:
            from matplotlib import pyplot

            ax = pyplot.subplots()[1]
        values = np.asarray(self["history"][key])
        ax.plot(values, **style)
        finite = values[np.isfinite(values)]
        if len(finite) and np.all(finite > 0):
            ax.set_yscale("log")
        ax.set_xlabel("iteration")
        ax.set_ylabel(key.replace("_", " "))
        return ax


@dataclass(frozen=True)
class History:
    """Rows that grow with the iterations; a row may lack entries of others."""

    points: tuple[dict[str, float], ...] = ()
    steps: tuple[dict[str, float], ...] = ()

    def arrays(self) -> dict[str, Any]:
        """One array for each name, NaN where a row lacks it."""
        out = {}
        for rows in (self.points, self.steps):
            for name in dict.fromkeys(name for row in rows for name in row):
                out[name] = np.array([row.get(name, np.nan) for row in rows])
        return out


@dataclass(frozen=True)
class RunState:
    """Everything that a run needs to go on as if it had not been stopped; plain data, so that it pickles.

    Parameters
    ----------
    method : str
        Name of the method.
    params : array or container
        The current point.
    state : State
        Of the method.
    nit : int
        Iterations so far.
    best : tuple
        Lowest value, its point, and the gradient there or None.
    previous, moved : like params
        The point before the last step, and the step.
    counts : dict
        Evaluations so far.
    points, steps : list of dict
        Rows of the history.
    seconds : float
        Time spent so far.
    """

    method: str
    params: Any
    state: State
    nit: int = 0
    best: tuple[float, Any, Any] = (float("inf"), None, None)
    previous: Any = None
    moved: Any = None
    counts: dict[str, int] = field(default_factory=dict)
    points: list[dict[str, float]] = field(default_factory=list)
    steps: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
