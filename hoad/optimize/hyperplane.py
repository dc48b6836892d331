"""FoMoH-KD, the hyperplane search: Newton's step within the span of K random directions, forward passes only.

With rows vᵢ of V, F = V g and H̃ = V H Vᵀ, the stationary point of the quadratic model is x - Vᵀ H̃⁻¹ F.  The paper's plain solve
goes to saddle points and explodes where H̃ is indefinite or nearly singular, so by default eigenvalues are taken by
their absolute values, directions are made orthonormal (with |λ| the basis matters) and the step is shortened until f decreases.
Source: Cobb, Baydin, Pearlmutter & Jha (2024), Second-order forward-mode automatic differentiation for optimization, section 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.errors import OptimizeError
from hoad.optimize.checks import finite
from hoad.optimize.descent import value_report
from hoad.optimize.directions import Distribution
from hoad.optimize.line_search import backtracking
from hoad.optimize.method import Method, Report, State, optimiser, start_rng
from hoad.optimize.objective import Problem
from hoad.optimize.random_directions import (
    check_distribution,
    confirmations,
    dimension_schedule,
    next_directions,
    orthonormal_rows,
    slope_norm,
)
from hoad.optimize.schedules import Schedule, as_schedule

__all__ = ["fomoh_kd", "hyperplane_search"]

CURVATURES = ("abs", "raw", "softabs", "damped")
LINE_SEARCHES = ("armijo", "auto", "none")


@optimiser("fomoh-kd")
def hyperplane_search(
    lr: float | Schedule = 1.0,
    *,
    k: int | Schedule = 2,
    curvature: str = "abs",
    damping: float | None = None,
    sharpness: float = 1e6,
    orthonormalise: bool | None = None,
    line_search: str | None = "auto",
    max_step: float = np.inf,
    clip: float = 0.0,
    warm: bool = False,
    distribution: Distribution = "normal",
    batch: int | None = None,
    replay: Any = None,
    seed: Any = None,
) -> Method:
    """Step to the minimum of the quadratic model in the plane of K random directions; K = N is Newton's method.

    Parameters
    ----------
    lr : float or schedule
        Fraction of the step.
    k : int or schedule
        Dimension of the plane.
    curvature : {"abs", "raw", "softabs", "damped"}
        What is done to the eigenvalues λ of V H Vᵀ: absolute values; nothing, as in the paper; λ coth(sharpness λ);
        a shift that makes the smallest at least ``damping``.
    damping : float, optional
        Added to the eigenvalues ("raw", "abs", "softabs"), or their least value ("damped", by default 1e-3).
    sharpness : float
        Of "softabs".
    orthonormalise : bool, optional
        Make the directions orthonormal first; by default True except for "raw", where the step does not depend on the basis.
    line_search : {"armijo", None}
        Halve the step until f decreases sufficiently; "armijo" by default, except for "raw".
    max_step : float
        Bound on the norm of the step.
    clip : float
        Bound on each entry of the step; 0 for none.
    warm : bool
        Use the last step as first direction, which is momentum within the plane.
    distribution : str or callable
        As for :func:`forward_gradient`.
    batch : int, optional
        Directions that one pass may carry, to bound memory.
    replay : array, shape (steps, K, N), optional
        Directions to use in place of random ones.
    seed : int or numpy.random.Generator, optional
        Source of the directions.

    Returns
    -------
    Method
        ``init(params)``, ``update(f, params, state)``.

    Raises
    ------
    OptimizeError
        If k is not a whole number from 1 to N, a number is out of its range, or a name is unknown.

    Notes
    -----
    One pass carries 1 + K + K(K+1)/2 coefficients; the line search adds plain evaluations.  Also a method of SciPy's:
    ``scipy.optimize.minimize(f, x0, method=hoad.optimize.hyperplane_search, options={"k": 5})``.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> method = ho.hyperplane_search(k=2, seed=0)
    >>> x = np.array([5.0, 7.0])
    >>> step, state = method.update(lambda x: x[0] ** 2 + 3.0 * x[1] ** 2, x, method.init(x))
    >>> (x + step).round(12) + 0.0
    array([0., 0.])
    """
    if curvature not in CURVATURES:
        raise OptimizeError.unknown("curvature", curvature, CURVATURES)
    line_search = line_search or "none"
    if line_search not in LINE_SEARCHES:
        raise OptimizeError.unknown("line_search", line_search, LINE_SEARCHES)
    check_distribution(distribution)
    safe = curvature != "raw"
    search = line_search == "armijo" or (line_search == "auto" and safe)
    orthonormal = safe if orthonormalise is None else orthonormalise
    shift = (1e-3 if curvature == "damped" else 0.0) if damping is None else damping
    rate, dimension = as_schedule(lr), dimension_schedule(k)
    for what, value, above in (("damping", shift, False), ("sharpness", sharpness, True), ("clip", clip, False)):
        finite(what, value, 0.0, above=above)
    finite("max_step", max_step, 0.0, above=True, infinite=True)

    def init(params: Any) -> State:
        return State(rng=start_rng(seed))

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        problem = Problem(f, params)
        x, n = problem.x, problem.size
        count = dimension(state.count)
        if count > n:
            raise OptimizeError.too_many_directions(count, n)
        V, rng = next_directions(state, count, n, x.dtype, distribution, replay)
        if warm and state.memory is not None and np.any(state.memory):
            V = np.concatenate([state.memory[None] * (np.sqrt(n) / np.linalg.norm(state.memory)), V[1:]])
        if orthonormal:
            V = orthonormal_rows(V)
        value, F, H = problem.curvature(x, V, batch)
        details = {"k": float(len(V))}
        if not (np.isfinite(value) and np.all(np.isfinite(F)) and np.all(np.isfinite(H))):
            step = np.full_like(x, np.nan)
        else:
            kappa, lowest = _solve(H, F, curvature, shift, sharpness)
            details["min_curvature"] = lowest
            eta = rate(state.count)
            step = np.asarray(eta * (kappa @ V), dtype=x.dtype)
            if clip:
                step = np.clip(step, -clip, clip)
            norm = float(np.linalg.norm(step))
            if norm > max_step:
                step = step * (max_step / norm)
            if search:
                # A clipped step is no longer -F·κ long downhill; the plain slope is then the safe estimate of none.
                slope = 0.0 if clip else float(F @ kappa) * eta * min(1.0, max_step / norm if norm else 1.0)
                t = backtracking(lambda t: problem.value(x + t * step), value, min(slope, 0.0))
                step, details["line_search"] = t * step, t
        report = Report(value, None, slope_norm(V, F), details, confirm=confirmations(V))
        return problem.unpack(step), State(state.count + 1, step if warm else None, rng, report)

    return Method(init, update, value_report)


fomoh_kd = hyperplane_search


def _solve(H: Any, F: Any, curvature: str, damping: float, sharpness: float) -> tuple[Any, float]:
    """κ = -H̃⁻¹ F with the chosen treatment of the eigenvalues, and the smallest of them."""
    if curvature == "raw":
        lowest = float(np.linalg.eigvalsh(H)[0])
        H = H + damping * np.eye(len(F), dtype=H.dtype)
        try:
            return -np.linalg.solve(H, F), lowest
        except np.linalg.LinAlgError:
            return -np.linalg.lstsq(H, F, rcond=None)[0], lowest
    lam, Q = np.linalg.eigh(H)
    if curvature == "damped":
        changed = lam + max(0.0, damping - lam[0])
    elif curvature == "abs":
        changed = np.abs(lam) + damping
    else:
        c = np.abs(sharpness * lam)
        changed = np.where(c > 1e-8, np.abs(lam) / np.tanh(np.maximum(c, 1e-8)), 1 / sharpness) + damping
    floor = np.finfo(H.dtype).eps * max(float(np.max(changed)), np.finfo(H.dtype).tiny)
    along = Q.T @ F
    kappa = np.divide(along, np.maximum(changed, floor), out=np.zeros_like(along), where=along != 0)  # flat there: stay
    return -Q @ kappa, float(lam[0])
