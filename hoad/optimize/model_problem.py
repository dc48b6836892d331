"""Objectives loss(model(params)) as Gauss–Newton methods see them: value, gradient Jᵀ ∇loss, and products with Jᵀ L J."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.space import flatten
from hoad.errors import OptimizeError
from hoad.operators import GaussNewtonOperator
from hoad.operators.vectors import Vectors
from hoad.optimize.method import Report
from hoad.optimize.objective import Objective, Problem, number
from hoad.transforms.first import grad

__all__ = ["ModelProblem", "half_squares"]


def half_squares(y: Any) -> Any:
    """½ Σ |yᵢ|² over all leaves."""
    return 0.5 * sum(np.sum(np.abs(leaf) ** 2) for leaf in flatten(y)[0])


class ModelProblem:
    """Flat view of x -> loss(model(x)); the loss is half the sum of squares by default."""

    def __init__(self, model: Any, params: Any, loss: Callable[..., Any] | None, method: str) -> None:
        self.objective = Objective.of(model)
        self.vectors = Vectors(params)
        self.x = self.vectors.pack(self.vectors.point())
        self.loss = half_squares if loss is None else loss
        self.quadratic = loss is None
        self.method = method

    def unpack(self, x: Any) -> Any:
        return self.vectors.unpack(x)

    def _checked(self, y: Any) -> Any:
        if self.quadratic and not isinstance(y, dict | list | tuple) and np.ndim(y) == 0:
            raise OptimizeError.not_a_residual(self.method)
        return y

    def outputs(self, x: Any) -> Any:
        """model(x)."""
        self.objective.count(nfev=1)
        return self._checked(self.objective(self.unpack(x)))

    def value(self, x: Any) -> float:
        """loss(model(x))."""
        return number(self.loss(self.outputs(x)))

    def linearized(self, x: Any) -> tuple[float, Any, GaussNewtonOperator]:
        """Value, gradient, and the operator Jᵀ L J."""
        self.objective.count(nfev=1, njev=1)
        operator = GaussNewtonOperator(self.objective, self.unpack(x), None if self.quadratic else self.loss)
        y = self._checked(operator.jacobian.value)
        slope = y if self.quadratic else grad(self.loss)(y)
        gradient = operator.jacobian.H @ Vectors(slope).pack(slope)
        return number(self.loss(y)), gradient, operator

    def counted(self, operator: GaussNewtonOperator) -> Callable[[Any], Any]:
        """v -> Jᵀ L J v, counted."""

        def product(v: Any) -> Any:
            self.objective.count(nhvp=1)
            return operator @ v

        return product


def model_report(method: str, loss: Callable[..., Any] | None) -> Callable[[Any, Any], Report]:
    """The function that evaluates a point for a method with this loss."""

    def evaluate(f: Any, params: Any) -> Report:
        problem = ModelProblem(f, params, loss, method)
        value, g, _ = problem.linearized(problem.x)
        return Report(value, problem.unpack(g), float(np.max(np.abs(g), initial=0.0)))

    return evaluate


def scalar_model(f: Any, params: Any) -> bool:
    """Whether ``f`` is a scalar objective rather than a model."""
    problem = Problem(f, params)
    y = problem.objective(problem.unpack(problem.x))
    return not isinstance(y, dict | list | tuple) and np.ndim(y) == 0
