"""Choosing: where, maximum, clip, abs, sorting and order statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import is_host, maybe_any
from hoad.core.box import bare, ops, peek, shape_of
from hoad.core.engine import engine, sweep
from hoad.core.kinds import composite, constant, jointly_linear, selecting
from hoad.core.kinds.batching import align_ranks, by_loop, shift_axis
from hoad.core.kinds.cotangents import fit, is_real
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import normal_axis

# -- where: linear in both branches, and a branch that is not chosen contributes exactly zero -----------------------------------


def _where_forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    condition, _, _ = xs
    a, b = (0.0 if t is None else t for t in ts[1:])
    t = where_.bind(condition, a, b)
    return t if shape_of(t) == shape_of(y) else ops.broadcast_to(t, shape_of(y))


def _where_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    condition = xs[0]
    spec = [(i, shape_of(xs[i]), is_real(xs[i])) for i in which]

    def pull(g: Any) -> Any:
        if sweep.tracking is not None:
            g = engine.tracked(g)
        return [
            None if i == 0 else fit(where_.bind(condition, g, 0.0) if i == 1 else where_.bind(condition, 0.0, g), shape, real)
            for i, shape, real in spec
        ]

    return pull


where_ = jointly_linear("where", np.where, _where_forward, _where_reverse, batch=align_ranks, masks=True)


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return nonzero(condition)
    return where_.bind(condition if hasattr(condition, "dtype") else np.asarray(condition)[()], x, y)


# gate(w, x) = w x with 0 where w is 0, whatever x is there: how weights of a selection act.


def _gate(w: Any, x: Any) -> Any:
    if is_host(x) and _finite(x):
        return w * x
    if getattr(getattr(w, "dtype", None), "kind", "") == "b":
        return np.where(w, x, x.dtype.type(0))
    with np.errstate(invalid="ignore"):  # 0 * inf, which is not taken
        return np.where(w == 0, x.dtype.type(0), w * x)


def _finite(x: Any) -> bool:
    """Whether every element is finite; the sum of squares answers for most arrays, in a quarter of the time."""
    if type(x) is np.ndarray and x.size > 1024 and x.ndim == 1 and x.dtype.char in "df" and np.isfinite(x.dot(x)):
        return True
    return bool(np.isfinite(x).all())


gate_: Any = jointly_linear(
    "gate",
    _gate,
    lambda y, xs, ts, kw: None if ts[1] is None else gate_.bind(xs[0], ts[1]),
    lambda y, xs, kw, which: (
        lambda g: [None if i == 0 else fit(gate_.bind(xs[0], g), shape_of(xs[1]), is_real(xs[1])) for i in which]
    ),
    batch=align_ranks,
)
ops.gate = gate_


def _scaled_gradient(g: Any, s: Any) -> Any:
    return g * s


ops.scaled_gradient = _scaled_gradient

# -- maximum, minimum, clip, abs ------------------------------------------------------------------------------------------------


def _weights_of(prefers: Any) -> Any:
    def weights(y: Any, a: Any, b: Any) -> tuple[Any, Any]:
        """1 for the chosen argument, 1/2 each for ties; a tie with the literal number 0 goes to the 0 (relu'(0) = 0)."""
        first = prefers(a, b)
        tie = np.where(a == b, _tie(a, b), 0.0)
        w = np.where(np.logical_or(first, np.isnan(a)), 1.0, tie).astype(_weight_dtype(y))
        return w, 1 - w

    return weights


def _weight_dtype(y: Any) -> Any:
    dtype = peek(y).dtype
    return dtype if dtype.kind == "f" else np.dtype(float)


def _tie(a: Any, b: Any) -> float:
    if type(b) in (int, float):
        return 0.0 if b == 0 else 0.5
    if type(a) in (int, float):
        return 1.0 if a == 0 else 0.5
    return 0.5


def _fweights_of(prefers: Any) -> Any:
    plain = _weights_of(prefers)

    def weights(y: Any, a: Any, b: Any) -> tuple[Any, Any]:
        w, _ = plain(y, a, b)
        w = np.where(np.isnan(a), 0.0, np.where(np.isnan(b), 1.0, w)).astype(_weight_dtype(y))
        return w, 1 - w

    return weights


def _masks_of(prefers: Any) -> Any:
    def masks(y: Any, xs: Any, which: Any, kw: Any) -> Any:
        """Where neither ties nor NaN occur, which shows in the counts: the comparisons themselves."""
        a, b = xs
        first, second = prefers(a, b), prefers(b, a)
        if np.count_nonzero(first) + np.count_nonzero(second) != first.size:
            return None
        return [second if i else first for i in which]

    return masks


_f: Any
for _name, _w, _prefers in (
    ("maximum", _weights_of(np.greater), np.greater), ("minimum", _weights_of(np.less), np.less),
    ("fmax", _fweights_of(np.greater), np.greater), ("fmin", _fweights_of(np.less), np.less),
):  # fmt: skip
    _chosen = selecting(_name, getattr(np, _name), _w, masks_of=_masks_of(_prefers))
    expose(_chosen, f"numpy.{_name}", getattr(np, _name), "selecting")


def _clip_weights(y: Any, x: Any, low: Any, high: Any) -> Any:
    inside = np.logical_and(x >= low, x <= high)
    below = x < low
    dtype = _weight_dtype(y)
    # np.clip is minimum(maximum(x, low), high): where low > high the upper bound wins.
    above = np.logical_or(x > high, np.logical_and(below, low > high))
    below = np.logical_and(below, np.logical_not(above))
    return inside.astype(dtype), below.astype(dtype), above.astype(dtype)


def _clip_masks(y: Any, xs: Any, which: Any, kw: Any) -> Any:
    x, low, high = xs
    return [np.logical_and(x >= low, x <= high)] if list(which) == [0] else None


clip_ = selecting("clip", lambda x, low, high: np.clip(x, low, high), _clip_weights, masks_of=_clip_masks)


def clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """The slope is 1 on the closed interval, also at its ends."""
    low = a_min if min is None else min
    high = a_max if max is None else max
    return clip_.bind(a, -np.inf if low is None else low, np.inf if high is None else high)


abs_real = selecting("absolute", np.absolute, lambda y, x: (np.sign(x),))


def absolute(x: Any) -> Any:
    """|x|; at 0 the derivative is 0."""
    return abs_real.bind(x) if x.dtype.kind != "c" else ops.two_norm(x)


def _modulus(x: Any) -> Any:
    from hoad.rules.reductions import two_norm

    return two_norm.bind(ops.reshape(x, (1, *x.shape)), axis=(0,), keepdims=False)


modulus = composite("complex_absolute", np.absolute, _modulus)
ops.two_norm = modulus


def fabs(x: Any) -> Any:
    return abs_real.bind(x)


def copysign(x1: Any, x2: Any) -> Any:
    return _copysign.bind(x1, x2)


_copysign = selecting(
    "copysign",
    np.copysign,
    lambda y, a, b: (np.where(np.signbit(a) == np.signbit(b), 1.0, -1.0) * np.abs(np.sign(a)), 0.0 * np.sign(a)),
)

for _name, _f in (("absolute", absolute), ("fabs", fabs), ("copysign", copysign), ("clip", clip)):
    expose(_f, f"numpy.{_name}", getattr(np, _name), "selecting")
expose(where, "numpy.where", np.where, "linear")

# -- sorting: the permutation is constant between ties -----------------------------------------------------------------------------

argsort_ = constant(
    "argsort", lambda x, axis, stable: np.argsort(x, axis=axis, kind="stable" if stable else None), batch=shift_axis
)
argpartition_ = constant("argpartition", lambda x, axis, kth: np.argpartition(x, kth, axis=axis), batch=shift_axis)


def argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    if axis is None or not a.ndim:  # the order of a number is that of a vector of one
        a, axis = ops.ravel(a), 0 if axis is None else axis
    return argsort_.bind(a, axis=normal_axis(axis, a.ndim), stable=bool(stable) or kind == "stable")


def argpartition(a: Any, kth: Any, axis: Any = -1, kind: Any = None, order: Any = None) -> Any:
    if axis is None or not a.ndim:
        a, axis = ops.ravel(a), 0 if axis is None else axis
    return argpartition_.bind(a, axis=normal_axis(axis, a.ndim), kth=kth)


def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    if axis is None:
        a, axis = ops.ravel(a), 0
    axis = normal_axis(axis, a.ndim)
    return ops.take_along_axis(a, argsort(a, axis, stable=True), axis)


def partition(a: Any, kth: Any, axis: Any = -1, kind: Any = None, order: Any = None) -> Any:
    if axis is None:
        a, axis = ops.ravel(a), 0
    axis = normal_axis(axis, a.ndim)
    return ops.take_along_axis(a, argpartition(a, kth, axis), axis)


def _ranked(x: Any, first: int, last: int) -> Any:
    """Where along the last axis the elements of these ranks are; of equal elements the first has the lowest rank."""
    ranks = slice(first, last + 1)
    if is_host(x):
        places = np.argpartition(x, (first, last), axis=-1)[..., ranks]
        found = np.take_along_axis(x, places, -1)
        if all(np.all(np.count_nonzero(x == found[..., k : k + 1], axis=-1) == 1) for k in range(last + 1 - first)):
            return places  # no ties and no NaN
    return np.argsort(x, axis=-1, kind="stable")[..., ranks]


ranked_ = constant("ranked", _ranked)


def _median_body(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    shape = shape_of(x)
    rest = tuple(i for i in range(len(shape)) if i not in axis)
    flat = ops.reshape(ops.transpose(x, (*rest, *axis)), (*(shape[i] for i in rest), -1))
    n = flat.shape[-1]
    middle = ops.take_along_axis(flat, ranked_.bind(flat, first=(n - 1) // 2, last=n // 2), -1)
    y = middle[..., 0] if n % 2 else (middle[..., 0] + middle[..., 1]) / 2
    y = np.where(np.any(np.isnan(flat), axis=-1), np.nan, y) if maybe_any(np.isnan(bare(flat))) else y
    return ops.reshape(y, tuple(1 if i in axis else m for i, m in enumerate(shape))) if keepdims else y


median_ = composite("median", lambda x, axis, keepdims: np.median(x, axis=axis, keepdims=keepdims), _median_body)


def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    from hoad.rules.reductions import normal_axes

    return median_.bind(a, axis=normal_axes(axis, a.ndim), keepdims=bool(keepdims))


for _name, _f in (("sort", sort), ("partition", partition), ("median", median)):
    expose(_f, f"numpy.{_name}", getattr(np, _name), "selecting")
for _name, _f in (("argsort", argsort), ("argpartition", argpartition)):
    expose(_f, f"numpy.{_name}", getattr(np, _name), "constant")

# -- results that carry no derivative: their shape depends on the values ----------------------------------------------------------


def _nonzero_of_a_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    raise UnsupportedFunctionError.no_rule("np.nonzero of batched values", ", which decide its shape; np.where has one")


nonzero_ = constant("nonzero", np.nonzero, batch=_nonzero_of_a_batch)


def nonzero(a: Any) -> Any:
    return nonzero_.bind(a)


def flatnonzero(a: Any) -> Any:
    return nonzero_.bind(ops.ravel(a))[0]


def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    return searchsorted_.bind(a if sorter is None else ops.take(a, sorter), v, side=side)


searchsorted_ = constant("searchsorted", lambda a, v, side: np.searchsorted(a, v, side=side), batch=by_loop)
for _name, _f in (("nonzero", nonzero), ("flatnonzero", flatnonzero), ("searchsorted", searchsorted)):
    expose(_f, f"numpy.{_name}", getattr(np, _name), "constant")
