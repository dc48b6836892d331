"""Flows: solutions of ordinary differential equations as primitives, in a family that is closed under differentiation.

y' = f(t, y, p) from y(t_0) = y_0, at given times, may jump at these times: y_i = Phi(y_(i-1)) + j_i.  Differentiated along a
direction, in one tangent or in all coefficients of a series, this is again a flow, of a longer state (the variational equations);
transposed it is again a flow, backwards (see adjoint.py).  Each of them is solved by the solver of the original problem with error
control of all its components, so that every order and every mode are as accurate as the tolerances.
Source: Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I (1993), I.14; Cao, Li, Petzold & Serban (2003).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hoad.core.box import ops, peek, shape_of
from hoad.core.engine import engine
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import Primitive
from hoad.core.series import Algebra, Series
from hoad.core.space import leaf_zeros
from hoad.transforms.differential_equations.integration import Settings, mesh_of, solution

__all__ = ["Flow"]

Function = Callable[..., Any]


@dataclass(eq=False)
class Flow:
    """A differential equation and how it is solved.

    Attributes
    ----------
    rhs : callable
        ``rhs(t, y, *params)`` -> y', vectors of the same length, in differentiable functions.
    settings : Settings
        Solver and tolerances.
    groups : int
        The state consists of so many parts of equal length; those after the first are derivatives, whose absolute tolerance
        follows their size.
    reference : callable, optional
        ``reference(*params)``: the size of the state that the absolute tolerance refers to, if the first part is a derivative too
        (an adjoint).
    inside : bool
        The right-hand side jumps at the given times and is evaluated between them only.
    """

    rhs: Function
    settings: Settings
    groups: int = 1
    reference: Function | None = None
    inside: bool = False
    primitive: Primitive = field(init=False)
    mesh: Primitive = field(init=False)
    memory: list[Any] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.primitive = Primitive(
            "flow",
            lambda y0, jumps, times, *params: solution(self, y0, jumps, times, params),
            "implicit",
            forward=self._forward,
            reverse=self._reverse,
            taylor=self._taylor,
            batch=by_loop,
        )
        self.mesh = Primitive(
            "steps of a flow", lambda y0, jumps, times, *params: mesh_of(self, y0, jumps, times, params), "constant", batch=_padded
        )

    def __call__(self, y0: Any, jumps: Any, times: Any, *params: Any) -> Any:
        """States at ``times``, of shape (times, length); jumps (of that shape, or None) are included at their times."""
        return self.primitive.bind(y0, jumps, times, *params)

    def _wider(self, rhs: Function, factor: int) -> Flow:
        return Flow(rhs, self.settings, self.groups * factor, self.reference, self.inside)

    # -- forward ------------------------------------------------------------------------------------------------------------
    def _forward(self, y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        y0, jumps, times, *params = xs
        d0, dj, _, *dparams = map(_known_zero_as_none, ts)
        if d0 is None and dj is None and all(d is None for d in dparams):
            return None
        active = [i for i, d in enumerate(dparams) if d is not None]
        n, count = shape_of(y0)[0], len(params)

        def rhs(t: Any, state: Any, *given: Any) -> Any:
            ps = given[:count]
            ds: list[Any] = [None] * count
            for i, d in zip(active, given[count:], strict=True):
                ds[i] = d
            v, d = engine.push(lambda s, *p: self.rhs(t, s, *p), [state[:n], *ps], [state[n:], *ds])
            return ops.concatenate([v, leaf_zeros(v) if d is None else d], 0)

        wide = self._wider(rhs, 2)
        start = ops.concatenate([y0, leaf_zeros(y0) if d0 is None else d0], 0)
        return wide(start, _beside(jumps, [dj], y), times, *params, *[dparams[i] for i in active])[:, n:]

    def _taylor(self, algebra: Algebra, y: Series, xs: list[Series], kw: dict[str, Any], memo: Any) -> Callable[[int], Any]:
        known: dict[int, Any] = {}

        def rule(n: int) -> Any:
            if n not in known:
                complete = all(x.rule is None for x in xs)
                known.update(self._coefficients(algebra, xs, len(algebra) - 1 if complete else n))
            return known[n]

        return rule

    def _coefficients(self, algebra: Algebra, xs: list[Series], last: int) -> dict[int, Any]:
        """Coefficients 1 ... last, from one flow of all of them."""
        inner = Algebra(algebra.indices[: last + 1])
        y0, jumps, times, *params = xs
        cs = [[p[0], *[_known_zero_as_none(p[k]) for k in range(1, last + 1)]] for p in params]
        present = [[k for k in range(last + 1) if c[k] is not None] for c in cs]
        starts = [y0[0], *[_known_zero_as_none(y0[k]) for k in range(1, last + 1)]]
        jumping = [jumps[0], *[_known_zero_as_none(jumps[k]) for k in range(1, last + 1)]]
        if all(s is None for s in (*starts[1:], *jumping[1:])) and all(ks in ([], [0]) for ks in present):
            return dict.fromkeys(range(1, last + 1))
        n = shape_of(starts[0])[0]

        def rhs(t: Any, state: Any, *given: Any) -> Any:
            series = [Series([state[k * n : (k + 1) * n] for k in range(last + 1)])]
            at = 0
            for ks in present:
                row: list[Any] = [None] * (last + 1)
                for k in ks:
                    row[k] = given[at]
                    at += 1
                series.append(Series(row))
            out = engine.series(inner, lambda s, *p: self.rhs(t, s, *p), series, {})
            parts = [out[k] for k in range(last + 1)]
            return ops.concatenate([leaf_zeros(parts[0]) if c is None else c for c in parts], 0)

        start = ops.concatenate([leaf_zeros(starts[0]) if s is None else s for s in starts], 0)
        rows = np.zeros((shape_of(times[0])[0], n))
        out = self._wider(rhs, last + 1)(
            start, _beside(jumping[0], jumping[1:], rows), times[0], *[c[k] for c, ks in zip(cs, present, strict=True) for k in ks]
        )
        return {k: out[:, k * n : (k + 1) * n] for k in range(1, last + 1)}

    # -- reverse ------------------------------------------------------------------------------------------------------------
    def _reverse(self, y: Any, xs: Any, kw: Any, which: Any) -> Any:
        from hoad.transforms.differential_equations.adjoint import cotangents  # adjoint flows are flows

        def pull(g: Any) -> Any:
            if self._goes_forward(y, xs, which):
                return self._by_sensitivities(xs, which, g)
            return cotangents(self, xs, which, g)

        return pull

    def _goes_forward(self, y: Any, xs: Any, which: Any) -> bool:
        wanted = self.settings.sensitivity
        if 1 in which or peek(y).dtype.kind == "c" or any(peek(xs[i]).dtype.kind == "c" for i in which):
            return False
        if wanted != "auto":
            return wanted == "forward"
        return shape_of(xs[0])[0] * (1 + sum(_size(xs[i]) for i in which)) <= 64

    def _by_sensitivities(self, xs: Any, which: Any, g: Any) -> list[Any]:
        """Cotangents from the whole Jacobian, which one flow of few directions gives for any number of times."""
        y0, jumps, times, *params = xs
        n, count = shape_of(y0)[0], len(params)
        sizes = [_size(xs[i]) for i in which]
        k = sum(sizes)
        units = np.split(np.eye(k), np.cumsum(sizes)[:-1], axis=1)
        seeds = {i: u.reshape(k, *shape_of(xs[i])) for i, u in zip(which, units, strict=True)}
        active = [i for i in which if i >= 3]

        def rhs(t: Any, state: Any, *ps: Any) -> Any:
            value = self.rhs(t, state[:n], *ps)

            def along(d: Any, *vs: Any) -> Any:
                ds: list[Any] = [None] * count
                for i, v in zip(active, vs, strict=True):
                    ds[i - 3] = v
                tangent = engine.push(lambda s, *p: self.rhs(t, s, *p), [state[:n], *ps], [d, *ds])[1]
                return leaf_zeros(value) if tangent is None else tangent

            block = np.reshape(state[n:], (k, n))
            columns = engine.batched(k, along, [block, *[seeds[i] for i in active]], [True] * (1 + len(active)))
            return ops.concatenate([value, np.reshape(columns, (k * n,))], 0)

        first = np.reshape(seeds.get(0, np.zeros((k, n))), (k * n,))
        rows = shape_of(times)[0]
        wide_jumps = None if jumps is None else ops.concatenate([jumps, np.zeros((rows, k * n))], 1)
        out = self._wider(rhs, 1 + k)(ops.concatenate([y0, first], 0), wide_jumps, times, *params)
        jacobian = np.reshape(out[:, n:], (rows, k, n))
        flat = np.sum(jacobian * np.reshape(g, (rows, 1, n)), axis=(0, 2))
        out_parts, start = [], 0
        for i, size in zip(which, sizes, strict=True):
            out_parts.append(np.reshape(flat[start : start + size], shape_of(xs[i])))
            start += size
        return out_parts


def _known_zero_as_none(x: Any) -> Any:
    """A plain array of zeros is no direction, and needs no equation."""
    return None if isinstance(x, np.ndarray | np.generic) and not x.any() else x


def _size(x: Any) -> int:
    return int(np.prod(shape_of(x)))


def _beside(jumps: Any, others: Sequence[Any], rows: Any) -> Any:
    """Jumps of a wider state, None where there are none at all."""
    parts = [jumps, *others]
    if all(p is None for p in parts):
        return None
    zero = leaf_zeros(next(p for p in parts if p is not None))
    return ops.concatenate([zero if p is None else p for p in parts], 1)


def _padded(prim: Any, size: int, xs: list[Any], flags: list[bool], kw: dict[str, Any]) -> Any:
    """Steps of each entry of a batch; entries with fewer steps repeat their last time, which adds steps of length zero."""
    found = [prim(*[x[i] if flag else x for x, flag in zip(xs, flags, strict=True)]) for i in range(size)]
    longest = max(shape_of(m)[1] for m in found)
    wide = [ops.concatenate([m, np.repeat(m[:, -1:], longest - shape_of(m)[1], axis=1)], 1) for m in found]
    return ops.stack(wide)
