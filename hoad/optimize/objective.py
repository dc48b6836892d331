"""The objective as optimisers see it: derivatives at flat points, counted, the last ones remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import strip
from hoad.errors import NotScalarError
from hoad.operators.vectors import Vectors
from hoad.optimize.checks import real_point
from hoad.optimize.estimators import curvature_matrix, forward_gradient
from hoad.transforms.batching import vmap
from hoad.transforms.first import value_and_grad
from hoad.transforms.higher import taylor
from hoad.transforms.linear import linearize_hvp

__all__ = ["COUNTERS", "Objective", "Problem"]

COUNTERS = ("nfev", "njev", "nhev", "njvp", "nhvp", "nhyperdual", "passes")
"""Values, gradients, Hessians, first derivatives along a direction, Hessian-vector products, second derivatives vᵀ H w from forward
passes, and calls of the function in any mode."""


class Objective:
    """A function that counts what is asked of it; calling it is calling the function.

    Parameters
    ----------
    f : callable
        The function.
    args : tuple
        Its further arguments.
    jac : callable, optional
        A gradient to use instead of ``hoad.grad(f)``.
    """

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...] = (), jac: Callable[..., Any] | None = None) -> None:
        self.f, self.args, self.jac = f, args, jac
        self.counts = dict.fromkeys(COUNTERS, 0)
        self._recent: list[tuple[Any, float, Any]] = []

    def __call__(self, x: Any) -> Any:
        self.counts["passes"] += 1
        return self.f(x, *self.args)

    @classmethod
    def of(cls, f: Any) -> Objective:
        """``f`` itself if it counts already, so that one run has one count."""
        return f if isinstance(f, Objective) else cls(f)

    def count(self, **more: int) -> None:
        for name, n in more.items():
            self.counts[name] += n


def number(value: Any, what: str = "minimize") -> float:
    """The value of an objective as a float; anything but one real number is an error."""
    plain = strip(value)
    if isinstance(plain, dict | list | tuple):
        raise NotScalarError.found(what, f"a {type(plain).__name__}")
    if np.ndim(plain) or getattr(plain, "dtype", np.dtype(float)).kind not in "fiub":
        raise NotScalarError.found(what, f"shape {np.shape(plain)}, dtype {getattr(plain, 'dtype', type(plain).__name__)}")
    return float(plain)


class Problem:
    """Derivatives of an objective at flat vectors that stand for containers like ``params``, by default of real variables."""

    def __init__(self, f: Any, params: Any, *, real: bool = True) -> None:
        self.objective = Objective.of(f)
        self.vectors = Vectors(params)
        if real:
            real_point(self.vectors.dtype, "this method")
        self.x = self.vectors.pack(self.vectors.point())
        self.size = self.vectors.size

    def unpack(self, x: Any) -> Any:
        return self.vectors.unpack(x)

    def _found(self, x: Any) -> tuple[Any, float, Any] | None:
        return next((known for known in self.objective._recent if np.array_equal(known[0], x)), None)

    def _remember(self, x: Any, value: float, gradient: Any) -> None:
        self.objective._recent = [(x, value, gradient), *self.objective._recent[:1]]

    def value(self, x: Any) -> float:
        """f(x)."""
        known = self._found(x)
        if known is not None:
            return known[1]
        self.objective.count(nfev=1)
        value = number(self.objective(self.unpack(x)))
        self._remember(x, value, None)
        return value

    def value_and_grad(self, x: Any) -> tuple[float, Any]:
        """f(x) and the gradient, flat."""
        known = self._found(x)
        if known is not None and known[2] is not None:
            return known[1], known[2]
        self.objective.count(nfev=1, njev=1)
        point = self.unpack(x)
        if self.objective.jac is not None:
            value = self.objective(point)
            gradient = self.vectors.pack(self.objective.jac(point, *self.objective.args))
        else:
            value, g = value_and_grad(self.objective)(point)
            gradient = self.vectors.pack(g)
        self._remember(x, number(value), gradient)
        return number(value), gradient

    def linearized(self, x: Any) -> tuple[float, Any, Callable[[Any], Any]]:
        """f(x), the gradient, and v -> H v, all flat."""
        self.objective.count(nfev=1, njev=1)
        value, gradient, push = linearize_hvp(self.objective, self.unpack(x))

        def product(v: Any) -> Any:
            self.objective.count(nhvp=1)
            return self.vectors.pack(push(self.unpack(v)))

        return number(value), self.vectors.pack(gradient), product

    def slopes(self, x: Any, V: Any, batch: int | None = None) -> tuple[float, Any]:
        """f(x) and the derivatives along the rows of V."""
        self.objective.count(nfev=1, njvp=len(V))
        found = forward_gradient(self.objective, self.unpack(x), V, batch=batch)
        return number(found.value), found.derivatives

    def curves(self, x: Any, V: Any) -> tuple[float, Any, Any]:
        """f(x), first and second derivatives along each row of V by itself: v·g and vᵀ H v."""
        self.objective.count(nfev=1, njvp=len(V), nhyperdual=len(V))
        point = self.unpack(x)
        c = vmap(lambda v: taylor(self._scalar, point, v, 2))(self.vectors.unpack_columns(V.T))
        return number(c[0][0]), c[1], 2 * c[2]

    def _scalar(self, point: Any) -> Any:
        value = self.objective(point)
        if getattr(value, "shape", ()) != () or isinstance(value, dict | list | tuple):
            raise NotScalarError.found("minimize", f"shape {getattr(value, 'shape', type(value).__name__)}")
        return value

    def curvature(self, x: Any, V: Any, batch: int | None = None) -> tuple[float, Any, Any]:
        """f(x), V g and V H Vᵀ."""
        k = len(V)
        self.objective.count(nfev=1, njvp=k, nhyperdual=k * (k + 1) // 2)
        found = curvature_matrix(self.objective, self.unpack(x), V, batch=batch)
        return number(found.value), found.slopes, found.matrix
