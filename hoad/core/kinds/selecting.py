"""Selecting functions choose among their inputs given the values: max, clip, abs, maximum.

Between the kinks they are linear, with weights that depend on the values only through comparisons; so the same weights serve
tangents, cotangents and Taylor coefficients.  Ties are part of the declaration and the same in all modes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import ops, shape_of
from hoad.core.kinds.batching import align_ranks
from hoad.core.kinds.cotangents import fit, is_real
from hoad.core.primitive import Primitive, register
from hoad.core.series import Algebra, Series, add_term

__all__ = ["selecting"]


def selecting(
    name: str,
    native: Callable[..., Any],
    weights: Callable[..., Any],
    *,
    masks_of: Callable[..., Any] | None = None,
    combine: Callable[..., Any] | None = None,
    spread: Callable[..., Any] | None = None,
    **overrides: Any,
) -> Primitive:
    """Register a selecting function.

    Parameters
    ----------
    weights : callable
        ``weights(y, *xs, **kw)``: one weight array for each argument, zero where it is not chosen; computed by comparisons
        only, so that the weights are constants in every mode.
    masks_of : callable, optional
        ``masks_of(y, xs, which, kw)`` for plain real arrays: for each argument in ``which`` the array of truth values that
        equals its weights, or None where some weight is neither 0 nor 1.
    combine, spread : callable, optional
        For a reduction of one array: ``combine(weighted, kw)`` sums the weighted tangent over the reduced axes,
        ``spread(g, x, kw)`` gives a cotangent the reduced axes back with length one.
    """

    def weights_for(y: Any, xs: Any, which: Any, kw: Any) -> list[Any]:
        if masks_of is not None and _plain_and_real(y, xs):
            masks = masks_of(y, xs, which, kw)
            if masks is not None:
                return list(masks)
        ws = weights(y, *xs, **kw)
        return [ws[i] for i in which]

    def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        active = [i for i, t in enumerate(ts) if t is not None]
        return weighted(weights_for(y, xs, active, kw), [ts[i] for i in active], kw)

    def weighted(ws: Any, ts: Any, kw: Any) -> Any:
        total = None
        for w, t in zip(ws, ts, strict=True):
            if t is not None:
                total = add_term(total, ops.gate(w, t))
        return total if combine is None or total is None else combine(total, kw)

    def taylor(algebra: Algebra, y: Series, xs: list[Series], kw: dict[str, Any], memo: Any) -> Callable[[int], Any]:
        """The weights are compared once for all coefficients."""
        ws: list[Any] = []

        def rule(n: int) -> Any:
            ts = [x[n] for x in xs]
            if all(t is None for t in ts):
                return None
            if not ws:
                ws.extend(weights(y.c[0], *[x.c[0] for x in xs], **kw))
            return weighted(ws, ts, kw)

        return rule

    taylor.alone = True  # type: ignore[attr-defined]

    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        ws = weights_for(y, xs, which, kw)
        spec = [(w, shape_of(xs[i]), is_real(xs[i])) for w, i in zip(ws, which, strict=True)]
        x = xs[0]

        def pull(g: Any) -> Any:
            g = g if spread is None else spread(g, x, kw)
            return [fit(ops.gate(w, g), shape, real) for w, shape, real in spec]

        return pull

    rules: dict[str, Any] = {"forward": forward, "reverse": reverse, "taylor": taylor, "batch": align_ranks}
    rules.update(overrides)
    return register(Primitive(name, native, "selecting", declaration=weights, **rules))


def _plain_and_real(y: Any, xs: Any) -> bool:
    return (
        isinstance(y, np.ndarray | np.floating)
        and y.dtype.kind == "f"
        and all(isinstance(x, float | int) or (isinstance(x, np.ndarray) and x.dtype.kind in "fiu") for x in xs)
    )
