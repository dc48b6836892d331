"""Operations on eigenvalues, singular values and vectors whose results are not yet functions of the matrix, but may become so:
elementwise functions of values, scaled and selected columns of vectors, transposes, products V^H b.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hoad.core.box import Box, peek, shape_of, strip
from hoad.rules.linear_algebra.clusters import gaps_above
from hoad.rules.linear_algebra.spectral_expressions import General
from hoad.rules.linear_algebra.spectral_meanings import Projected, Scalar, Values, Vectors, recall

__all__ = ["follow"]

_ENTRYWISE = {"add", "subtract", "negative", "positive", "multiply", "conjugate", "real"}


def _is_number(x: Any) -> bool:
    return not isinstance(x, Box) and np.ndim(x) == 0 and np.asarray(x).dtype.kind in "biufc"


def _is_entrywise(prim: Any) -> bool:
    return prim.body is None and not prim.multi and (prim.kind == "elementwise" or prim.name in _ENTRYWISE)


def follow(prim: Any, level: float, args: Any, kw: Any, y: Any) -> Any:
    """What the result of an operation means, None if nothing that is known."""
    known = [recall(a, level) for a in args]
    if not isinstance(y, Box) or all(k is None for k in known):
        return None
    if any(k is not None and isinstance(k.of, General) for k in known):
        return _entrywise(prim, known, args, kw) if _is_entrywise(prim) else None
    if prim.name == "getitem":
        return _indexed(known[0], kw["index"], shape_of(args[0]), shape_of(y))
    if prim.name in ("reshape", "scatter") and isinstance(known[0], Values):
        return _reshaped(known[0], args[0], y)
    if prim.name == "transpose" and isinstance(known[0], Vectors):
        n = len(kw["axes"])
        last_two = (*range(n - 2), n - 1, n - 2)
        return replace(known[0], transposed=not known[0].transposed) if tuple(kw["axes"]) == last_two else None
    if prim.name == "conjugate" and isinstance(known[0], Vectors):
        return replace(known[0], conjugated=not known[0].conjugated)
    if prim.name in ("absolute", "abs") and isinstance(known[0], Values):
        return _of_one_sign(known[0], args[0])
    if prim.name == "matmul":
        return _scaled_by_diagonal(*known) or _projected(known, args)
    if _is_entrywise(prim):
        return _entrywise(prim, known, args, kw)
    return None


def _entrywise(prim: Any, known: Any, args: Any, kw: Any) -> Any:
    if all(isinstance(k, Values) or _is_number(a) for k, a in zip(known, args, strict=True)):
        first = next(k for k in known if k is not None)
        if any(k is not None and (k.of is not first.of or k.kept != first.kept or k.form != first.form) for k in known):
            return None
        if first.form == "diagonal":
            return None
        parts = [k.f if k is not None else (lambda x, a=a: a) for k, a in zip(known, args, strict=True)]
        return replace(first, f=lambda x: prim.bind(*[p(x) for p in parts], **kw))
    if prim.name not in ("multiply", "divide") or len(args) != 2:
        return None
    (one, two), (a, b) = known, args
    if prim.name == "multiply" and not isinstance(one, Vectors | Projected):
        one, two, a, b = two, one, b, a
    if not isinstance(one, Vectors | Projected):
        return None
    if _is_number(b):
        scale: Scalar = lambda x: b
    elif isinstance(two, Values) and two.of is one.of and two.kept == one.kept and two.form == _axis_of_values(one, two, a, b):
        scale = two.f
    else:
        return None
    return replace(one, f=_product(one.f, scale) if prim.name == "multiply" else _quotient(one.f, scale))


def _axis_of_values(one: Any, two: Values, a: Any, b: Any) -> str:
    """The form in which values scale the axis of ``one`` that runs along them."""
    if isinstance(one, Projected):
        along_last = len(shape_of(one.b)) == 1
    else:
        along_last = not one.transposed
    if not along_last:
        return "column"
    return "last" if len(shape_of(b)) == 1 else "row"


def _product(f: Scalar | None, g: Scalar) -> Scalar:
    return g if f is None else lambda x: f(x) * g(x)


def _quotient(f: Scalar | None, g: Scalar) -> Scalar:
    return lambda x: (1.0 if f is None else f(x)) / g(x)


def _indexed(known: Any, index: Any, old: tuple[int, ...], new: tuple[int, ...]) -> Any:
    parts = index if type(index) is tuple else (index,)
    if not all(p is None or p is Ellipsis or isinstance(p, slice) for p in parts):
        return None
    rank = len(old)
    if Ellipsis in parts:
        at = parts.index(Ellipsis)
        missing = rank - sum(p is not None for p in parts) + 1
        parts = (*parts[:at], *(slice(None),) * missing, *parts[at + 1 :])
    else:
        parts = (*parts, *(slice(None),) * (rank - sum(p is not None for p in parts)))
    slices = [p for p in parts if p is not None]
    if isinstance(known, Values) and known.form == "last":
        axis = rank - 1
    elif isinstance(known, Vectors):
        axis = rank - 2 if known.transposed else rank - 1
    else:
        return None
    if any(range(n)[s] != range(n) for i, (s, n) in enumerate(zip(slices, old, strict=True)) if i != axis):
        return None
    kept = _kept(known, slices[axis], old[axis])
    if kept is _CUT:
        return None
    known = replace(known, kept=kept)
    if None not in parts:
        return known
    if not isinstance(known, Values):
        return None
    return _with_form(known, new, old[:-1], len(range(old[-1])[slices[axis]]))


_CUT: Any = object()


def _kept(known: Any, part: slice, n: int) -> Any:
    """The places of the values that a slice keeps, in its order."""
    places = tuple(range(known.of.values.shape[-1])) if known.kept is None else known.kept
    kept = places[part]
    if kept == places:
        return known.kept
    if not kept or (len(kept) < known.of.values.shape[-1] and not known.of.apart(kept)):
        return _CUT
    return kept


def _with_form(known: Values, shape: tuple[int, ...], stack: tuple[int, ...], k: int) -> Values | None:
    if k < 2:
        return None
    if shape == (*stack, 1, k):
        return replace(known, form="row")
    if shape == (*stack, k, 1):
        return replace(known, form="column")
    return None


def _reshaped(known: Values, x: Any, y: Any) -> Any:
    if known.form != "last":
        return None
    found = _with_form(known, shape_of(y), shape_of(x)[:-1], shape_of(x)[-1])
    plain, made = strip(x), strip(y)
    n = shape_of(x)[-1]
    if shape_of(x) == (n,) and shape_of(y) == (n, n) and np.array_equal(made, plain[..., None] * np.eye(n)):
        found = replace(known, form="diagonal")
    return found


def _of_one_sign(known: Values, x: Any) -> Any:
    """abs is smooth on a cluster of values of which the argument has one sign."""
    if known.form == "diagonal":
        return None
    w = known.of.values if known.kept is None else known.of.values[..., list(known.kept)]
    sign = np.sign(strip(x)).reshape(w.shape)
    order = np.argsort(w, axis=-1)
    label, sign = gaps_above(np.take_along_axis(w, order, -1)), np.take_along_axis(sign, order, -1)
    together = np.diff(label, axis=-1) == 0
    if (sign == 0).any() or (together & (np.diff(sign, axis=-1) != 0)).any():
        return None
    return replace(known, f=lambda v: np.abs(known.f(v)))


def _scaled_by_diagonal(one: Any, two: Any) -> Any:
    if isinstance(one, Vectors) and isinstance(two, Values) and not one.transposed:
        vectors, values = one, two
    elif isinstance(two, Vectors) and isinstance(one, Values) and two.transposed:
        vectors, values = two, one
    else:
        return None
    if values.form != "diagonal" or values.of is not vectors.of or values.kept != vectors.kept:
        return None
    return replace(vectors, f=_product(vectors.f, values.f))


def _projected(known: Any, args: Any) -> Any:
    one, b = known[0], args[1]
    if not isinstance(one, Vectors) or not one.transposed or known[1] is not None or len(shape_of(args[0])) != 2:
        return None
    if not _adjoint_of_columns(one) or len(shape_of(b)) > 2:
        return None
    return Projected(one.of, one.basis, b.snapshot() if isinstance(b, Box) else b, one.f, one.kept)


def _adjoint_of_columns(one: Vectors) -> bool:
    return one.transposed and (one.conjugated or peek(one.of.matrix).dtype.kind != "c")
