"""Hessian-free optimisation: damped Gauss–Newton models minimised by conjugate gradients, never formed.

Source: Martens (2010), Deep learning via Hessian-free optimization: damping (section 4.1), stopping rule (4.4), start from the
last solution (4.5), search back along the iterates (4.6), preconditioner (4.7).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.space import flatten_like, unflatten
from hoad.errors import OptimizeError
from hoad.operators.vectors import Vectors
from hoad.optimize.conjugate_gradient import martens
from hoad.optimize.descent import gradient_report
from hoad.optimize.empirical_fisher import empirical_fisher_diagonal
from hoad.optimize.line_search import backtracking
from hoad.optimize.method import Method, Report, State, optimiser
from hoad.optimize.model_problem import ModelProblem, model_report, scalar_model
from hoad.optimize.objective import Problem

__all__ = ["hessian_free"]

PRECONDITIONERS = ("empirical-fisher",)


@optimiser("hessian-free")
def hessian_free(
    damping: float = 1.0,
    *,
    loss: Callable[..., Any] | None = None,
    eps: float = 5e-4,
    max_cg: int = 250,
    decay: float = 0.95,
    preconditioner: str | Callable[[Any], Any] | None = None,
    exponent: float = 0.75,
    example_loss: Callable[..., Any] | None = None,
    examples: Any = None,
    reduction: str = "mean",
) -> Method:
    """Hessian-free optimisation of loss(model(params)).

    Parameters
    ----------
    damping : float
        First λ; it becomes 3/2 λ where the model predicts badly (ratio < 1/4) and 2/3 λ where it predicts well (> 3/4).
    loss : callable, optional
        Scalar function of the model's output; half the sum of squares by default.
    eps : float
        The inner iteration stops when its relative progress over k steps falls below k eps.
    max_cg : int
        Bound on the products of a step.
    decay : float
        The inner iteration starts from the last solution times this.
    preconditioner : {None, "empirical-fisher"} or callable
        Diagonal D of the preconditioner (D + λ)^exponent of the inner iteration: the squared gradients of the examples, or what
        ``preconditioner(params)`` returns, like params and nowhere negative.
    exponent : float
        From 0 (no preconditioner) to 1.
    example_loss : callable, optional
        For "empirical-fisher": ``example_loss(params, *example)``, the scalar loss of one example.
    examples : tuple of arrays or containers, optional
        For "empirical-fisher": the further arguments of ``example_loss``; their leading axes run over the examples.
    reduction : {"mean", "sum"}
        How the losses of the examples make up the objective, and so their squared gradients D.

    Returns
    -------
    Method
        ``init(params)``, ``update(model, params, state)``.

    Raises
    ------
    OptimizeError
        If options of the preconditioner are unknown, missing or not used, or the diagonal is negative or not finite.
    ShapeError, StructureError
        If the examples differ in number, or the diagonal is not like params.

    Notes
    -----
    A model that returns a scalar and has no ``loss`` is an objective; its Hessian then takes the place of Jᵀ L J, and the inner
    iteration ends at the first direction of negative curvature.

    The history has "damping", "ratio" (decrease over predicted decrease), "cg" (products with Jᵀ L J), "min_curvature" (least
    vᵀ B v / vᵀ v among them, without damping), "negative_curvature" (1 where one ended the inner iteration) and "line_search".
    The squared gradients of all examples cost as much arithmetic as one gradient at each step and are counted as one; at most
    32 MB of single gradients are held at once.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> ho.minimize(lambda x: np.exp(x) - 2.0, np.zeros(2), method="hessian-free").x.round(6)
    array([0.693147, 0.693147])

    A preconditioner from the losses of single examples:

    >>> t = np.linspace(0.0, 1.0, 20)
    >>> y = 3.0 * np.exp(-2.0 * t)
    >>> model = lambda p: p[0] * np.exp(-p[1] * t) - y
    >>> example_loss = lambda p, t, y: 0.5 * (p[0] * np.exp(-p[1] * t) - y) ** 2
    >>> method = ho.hessian_free(preconditioner="empirical-fisher", example_loss=example_loss, examples=(t, y), reduction="sum")
    >>> ho.minimize(model, np.ones(2), method=method).x.round(6)
    array([3., 2.])
    """
    if not 0.0 <= exponent <= 1.0:
        raise OptimizeError(f"exponent is {exponent}, expected a number from 0 to 1: Martens recommends 0.75.")
    squares = _diagonal(preconditioner, example_loss, examples, reduction)
    evaluate_model = model_report("hessian-free", loss)

    def evaluate(f: Any, params: Any) -> Report:
        return gradient_report(f, params) if loss is None and scalar_model(f, params) else evaluate_model(f, params)

    def init(params: Any) -> State:
        return State(memory=(float(damping), None, None))

    def update(f: Any, params: Any, state: State) -> tuple[Any, State]:
        lam, start, scalar = state.memory
        if scalar is None:
            scalar = loss is None and scalar_model(f, params)
        problem: Any
        if scalar:
            problem = Problem(f, params)
            value, g, product = problem.linearized(problem.x)
        else:
            problem = ModelProblem(f, params, loss, "hessian-free")
            value, g, operator = problem.linearized(problem.x)
            product = problem.counted(operator)
        x = problem.x
        size = float(np.max(np.abs(g), initial=0.0))
        step, details = np.zeros_like(x), {"damping": lam}
        if not np.isfinite(size):
            step = g
        elif size:
            scale = 1.0
            if squares is not None:
                problem.objective.count(njev=int(not callable(preconditioner)))
                scale = _scale(squares(params) + lam, exponent).astype(x.dtype)
            inner = _Damped(product, lam, scale)
            first = None if start is None else decay * start / scale
            candidates = [(scale * q, m) for q, m in martens(inner, scale * g, first, eps, max_cg)]
            searched = inner.curvatures[start is not None :]  # a start from the last solution is multiplied first
            start = candidates[-1][0]
            p, model = candidates[-1]
            if searched and searched[0] < 0:  # a gradient step, whose model the inner iteration has not evaluated
                model = float(g @ p) + 0.5 * float(p @ product(p)) + 0.5 * lam * float(p @ p)
            details |= {
                "cg": float(len(inner.curvatures)),
                "min_curvature": inner.least,
                "negative_curvature": float(min(searched, default=0.0) < 0),
            }
            best = problem.value(x + p)
            for q, m in reversed(candidates[:-1]):
                found = problem.value(x + q)
                if np.isfinite(best) and found >= best:
                    break
                p, model, best = q, m, found
            undamped = model - 0.5 * lam * float(p @ p)
            ratio = (best - value) / undamped if undamped < 0 and np.isfinite(best) else -1.0
            details["ratio"] = ratio
            lam = lam * 1.5 if ratio < 0.25 else lam * (2 / 3) if ratio > 0.75 else lam
            slope = float(g @ p)
            if not slope < 0:
                p, slope, start = -g, -float(g @ g), None
            t = backtracking(lambda t: problem.value(x + t * p), value, slope, c1=1e-2, shrink=0.8, trials=60)
            step, details["line_search"] = t * p, t
            if not t:
                start = None
        report = Report(value, problem.unpack(g), size, details)
        return problem.unpack(step), State(state.count + 1, (lam, start, scalar), None, report)

    return Method(init, update, evaluate)


class _Damped:
    """v -> S (B + λ) S v for a diagonal S, which is B + λ preconditioned by S⁻²; keeps the curvatures that it meets."""

    def __init__(self, product: Callable[[Any], Any], lam: float, scale: Any) -> None:
        self.product, self.lam, self.scale = product, lam, scale
        self.curvatures: list[float] = []
        self.least = np.inf

    def __call__(self, v: Any) -> Any:
        w = self.scale * v
        Bw = self.product(w)
        ww, wBw = float(w @ w), float(w @ Bw)
        self.curvatures.append(wBw + self.lam * ww)
        if ww:
            self.least = min(self.least, wBw / ww)
        return self.scale * (Bw + self.lam * w)


def _scale(diagonal: Any, exponent: float) -> Any:
    """Square root of the inverse of the preconditioner; entries that are nothing beside the largest are raised to rounding."""
    if not np.all(np.isfinite(diagonal)) or np.any(diagonal < 0):
        raise OptimizeError(
            "the preconditioner's diagonal with damping has negative entries or ones that are not finite, expected squares: return "
            "nonnegative numbers, such as sums of squared gradients."
        )
    largest = float(np.max(diagonal))
    if not largest:
        return np.ones_like(diagonal)
    return np.maximum(diagonal, np.finfo(diagonal.dtype).eps * largest) ** (-0.5 * exponent)


def _diagonal(preconditioner: Any, example_loss: Any, examples: Any, reduction: str) -> Callable[[Any], Any] | None:
    """The function ``params -> D``, flat, or None without a preconditioner."""
    given = example_loss is not None or examples is not None
    if isinstance(preconditioner, str) and preconditioner in PRECONDITIONERS:
        if example_loss is None or examples is None:
            raise OptimizeError(
                "preconditioner 'empirical-fisher' was given without example_loss or examples, expected both: a function "
                "example_loss(params, *example), and examples=(arrays whose leading axis runs over the examples,). "
                "Or give a function params -> diagonal as the preconditioner."
            )
        return empirical_fisher_diagonal(example_loss, examples, reduction)
    if given:
        raise OptimizeError(
            f"example_loss or examples were given with preconditioner={preconditioner!r}, which does not use them: "
            "use preconditioner='empirical-fisher'."
        )
    if preconditioner is None:
        return None
    if not callable(preconditioner):
        raise OptimizeError.unknown("preconditioner", preconditioner, PRECONDITIONERS)

    def diagonal(params: Any) -> Any:
        vectors = Vectors(params)
        leaves = flatten_like(preconditioner(params), vectors.leaves, vectors.spec, "the preconditioner's diagonal")
        return vectors.pack(unflatten(vectors.spec, leaves))

    return diagonal
