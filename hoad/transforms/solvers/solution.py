"""What a solver returned, as a function of the parameters of the functions that it was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import Box, shape_of, strip
from hoad.core.engine import engine
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import Primitive
from hoad.core.space import leaf_zeros
from hoad.errors import ClosureError, ImplicitError, SolverError
from hoad.transforms.differential_equations.clocks import still
from hoad.transforms.implicit import implicit

__all__ = ["Solution", "gradient_of", "number_of", "with_value"]

Function = Callable[..., Any]

GOOD = 1e-6
"""A solver that reports failure is believed unless one Newton step changes its result by less than this part of it."""

NEAR = 1e-5
"""Roots whose distance is a smaller part of them count as one multiple root."""


class Solution:
    """The solution z of ``residual(z, *data) = 0`` that ``run(*data)`` finds.

    Parameters
    ----------
    what : str
        Name of the solver, for errors.
    run : callable
        ``run(*data)`` -> result object with ``x``, for plain data.
    residual : callable
        In differentiable functions, of the shape of z.
    data : list
        Starting values (constants in every differentiation) and parameters, traced or plain.
    pointwise : bool
        Each equation depends on the unknown at the same place only.
    adjust : callable, optional
        ``adjust(z, *data)``: a plain result with what the solver left undecided.
    examine : callable, optional
        ``examine(z, *data)`` raises where a plain solution has no derivative.
    """

    def __init__(
        self, what: str, run: Function, residual: Function, data: list[Any], *, pointwise: bool = False,
        adjust: Function | None = None, examine: Function | None = None,
    ) -> None:  # fmt: skip
        self.what, self.residual, self.data, self.pointwise = what, residual, data, pointwise
        self.adjust, self.examine = adjust, examine
        self._run = run
        self._memory: list[tuple[Any, Any]] = []
        self._implicit = implicit(
            residual, self._exact, structure="pointwise" if pointwise else "dense", components=1 if pointwise else None
        )

    @property
    def result(self) -> Any:
        """What the solver returned for the data as they are."""
        return self.run(*map(strip, self.data))

    def run(self, *data: Any) -> Any:
        """The solver's result for plain data, computed once."""
        key = tuple((shape_of(d), np.asarray(d).tobytes()) for d in data)
        for known, result in self._memory:
            if known == key:
                return result
        result = self._run(*data)
        self._memory[:] = [(key, result), *self._memory[:3]]
        return result

    def exact(self, *data: Any) -> Any:
        """The solution as an implicit function, its value improved by Newton's method; data of any level."""
        return self._implicit(*data)

    def x(self) -> Any:
        """The solution with the solver's own numbers."""
        return with_value(lambda *data: _array(self.run(*data).x), self.exact, self.data)

    def _exact(self, *data: Any) -> Any:
        result = self.run(*data)
        z = _array(result.x)
        if not np.isfinite(z).all():
            raise SolverError.failed(self.what, "the result is not finite")
        if self.adjust is not None:
            z = self.adjust(z, *data)
        better, change = self._improved(z, data)
        if not getattr(result, "success", True) and not change <= GOOD:
            raise SolverError.failed(self.what, getattr(result, "message", "no success"))
        if self.examine is not None:
            self.examine(better, *data)
        if change <= 0.05:
            self._examine_multiplicity(better, data)
        return better

    def _improved(self, z: Any, data: Any) -> tuple[Any, float]:
        """z after Newton steps as long as they become smaller, and the relative size of the first one."""
        best, first, last = z, np.inf, np.inf
        for _ in range(10):
            step = self._newton_step(best, data)
            size = np.abs(step).max(initial=0.0) / max(np.abs(best).max(initial=0.0), 1e-300)
            if not size < last / 2:
                break
            if last == np.inf:
                first = size
                if size > 0.05:  # not near: the examination of the implicit function says so
                    break
            best, last = best - step, size
            if size < 1e-15:
                break
        return best, first

    def _examine_multiplicity(self, z: Any, data: Any) -> None:
        """Raise at a multiple root.  Newton's method, started a little off the root in the direction that the equations see least,
        returns to a simple root and to half the distance from a double one."""
        size = np.abs(z).max(initial=0.0)
        if size == 0:
            return
        away = np.full_like(z, NEAR * size)
        if not self.pointwise and z.size > 1:
            jacobian = self._jacobian(z, data)
            scales = np.abs(jacobian).max(0)
            direction = np.linalg.svd(jacobian / np.where(scales > 0, scales, 1))[2][-1] / np.where(scales > 0, scales, 1)
            away = (NEAR * size / np.abs(direction).max() * direction).reshape(z.shape)
        for start in (away, -away):  # one of them may cross a bound, where other equations hold
            left = start - self._newton_step(z + start, data)
            if (np.abs(left) <= 0.3 * np.abs(away).max()).all():
                return
        raise ImplicitError.singular(NEAR)

    def _along(self, z: Any, data: Any, v: Any) -> Any:
        d = engine.push(lambda s: self.residual(s, *data), [z], [v])[1]
        return leaf_zeros(z) if d is None else d

    def _jacobian(self, z: Any, data: Any) -> Any:
        unit = np.eye(z.size).reshape(z.size, *z.shape)
        return engine.batched(z.size, lambda v: self._along(z, data, v), [unit], [True]).reshape(z.size, z.size).T

    def _newton_step(self, z: Any, data: Any) -> Any:
        r = self.residual(z, *data)
        if isinstance(r, Box):
            raise ClosureError.closes_over(self.what)
        if self.pointwise or z.size <= 1:
            slope = self._along(z, data, np.ones_like(z))
            with np.errstate(all="ignore"):
                return r / slope
        try:
            return np.linalg.solve(self._jacobian(z, data), r.reshape(-1)).reshape(z.shape)
        except np.linalg.LinAlgError:
            return np.full_like(z, np.nan)


def _array(x: Any) -> Any:
    x = np.asarray(x)[()]
    return x if x.dtype.kind in "fc" else x.astype(float)


def with_value(value: Function, body: Function, data: list[Any]) -> Any:
    """``body(*data)`` with the plain numbers of ``value(*data)``."""
    return Primitive("solution of a solver", value, "composite", body=body, batch=by_loop).bind(*data)


def gradient_of(f: Function, z: Any) -> Any:
    """Gradient of a scalar function at z, of any level."""
    (g,) = engine.pull(f, [z], [0])[1](np.float64(1.0))
    return leaf_zeros(z) if g is None else g


def number_of(out: Any, what: str) -> Any:
    """The result of an objective as a number without axes."""
    if shape_of(out) != ():
        if int(np.prod(shape_of(out))) != 1:
            raise ValueError(f"The user-provided objective function of {what} must return a scalar value.")
        out = np.reshape(out, ())
    return out


def constant(x: Any) -> Any:
    """A starting value as an array: its derivatives do not matter."""
    from hoad.transforms.closures import array_of

    x = still(array_of(x))
    return x if isinstance(x, Box) or x.dtype.kind in "fc" else x.astype(float)
