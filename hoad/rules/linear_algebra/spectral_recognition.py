"""Operations on eigenvalues, singular values and vectors that give functions of the matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from hoad.core.box import bare, ops, peek, shape_of, strip
from hoad.core.kinds.cotangents import conjugated
from hoad.core.primitive import Primitive
from hoad.rules.linear_algebra.matrix_arguments import is_rational, of_matrix
from hoad.rules.linear_algebra.solving import adjoint
from hoad.rules.linear_algebra.spectral_expressions import Eigen, General, real_and_imaginary
from hoad.rules.linear_algebra.spectral_meanings import Projected, Scalar, Values, Vectors, is_complex_valued, recall
from hoad.rules.products import matmul

__all__ = ["Recognised", "recognise"]


class Recognised(Primitive):
    """An operation of which the derivatives are known as those of another function; the value is its own."""

    __slots__ = ()


def _replaced(prim: Any, args: Any, kw: Any, others: tuple[Any, ...], function: Callable[..., Any]) -> Any:
    """The value of ``prim(*args)`` with the derivatives of ``function(*others)``."""
    count = len(args)
    return Recognised(
        f"{prim.name}_of_spectrum",
        lambda *xs: prim.bind(*xs[:count], **kw),
        "composite",
        body=lambda *xs: function(*xs[count:]),
    ).bind(*args, *others)


def recognise(prim: Any, level: float, args: Any, kw: Any) -> Any:
    """The result of an operation that gives a function of the matrix, None if it does not."""
    name = prim.name
    known = [recall(a, level) for a in args]
    if isinstance(known[0], Values) and isinstance(known[0].of, General):
        return _of_general(prim, known, args, kw)
    if name in ("sum", "mean", "prod") and isinstance(known[0], Values) and known[0].form == "last":
        return _reduced(prim, known[0], args, kw)
    if name == "two_norm" and isinstance(known[0], Values) and known[0].form == "last":
        return _normed(prim, known[0], args, kw)
    if name in ("getitem", "max", "min", "logsumexp") and isinstance(known[0], Values) and known[0].form == "last":
        return _logsumexp(prim, known[0], args, kw) if name == "logsumexp" else _one_value(prim, known[0], args, kw)
    if name in ("matmul", "inner", "vecdot", "dot") and len(args) == 2:
        one, two = known
        if isinstance(one, Values) and isinstance(two, Values):
            return _dotted(prim, one, two, args, kw)
        if name != "matmul":
            return None
        if isinstance(one, Vectors) and isinstance(two, Vectors):
            return _matrix(prim, one, two, args, kw)
        if isinstance(one, Vectors) and isinstance(two, Projected):
            return _applied(prim, one, two, args, kw)
    if name in ("einsum", "einsum_fast"):
        return _einsum(prim, level, known, args, kw)
    return None


def _total(k: Values, f: Scalar) -> Callable[..., Any]:
    return real_and_imaginary(f, lambda g: k.of.total(g, k.kept), is_complex_valued(f, k.of))  # type: ignore[attr-defined]


def _reduced(prim: Any, k: Values, args: Any, kw: Any) -> Any:
    shape = shape_of(args[0])
    axes = tuple(a % len(shape) for a in kw["axis"])
    last = len(shape) - 1
    if last not in axes:
        return None
    others = tuple(a for a in axes if a != last)
    keepdims = kw.get("keepdims", False)
    result = tuple(1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes)
    if prim.name == "prod":
        if not isinstance(k.of, Eigen) or k.kept is not None or others or is_complex_valued(k.f, k.of):
            return None
        matrix = k.of.matrix_function(k.f, None)
        return _replaced(prim, args, kw, k.of.arguments, lambda *xs: np.reshape(ops.real(np.linalg.det(matrix(*xs))), result))
    total = _total(k, k.f)
    count = 1 if prim.name == "sum" else int(np.prod([shape[a] for a in axes]))

    def function(*xs: Any) -> Any:
        y = total(*xs)
        y = np.reshape(np.sum(y, axis=others) if others else y, result)
        return y if count == 1 else y / count

    return _replaced(prim, args, kw, k.of.arguments, function)


def _one_value(prim: Any, k: Values, args: Any, kw: Any) -> Any:
    """One value that lies apart from the others: w[-1], the largest, the smallest."""
    shape = shape_of(args[0])
    if prim.name == "getitem":
        parts = kw["index"] if type(kw["index"]) is tuple else (kw["index"],)
        rest = [p for p in parts[:-1] if p is not Ellipsis]
        whole = all(isinstance(p, slice) and p == slice(None) for p in rest)
        if not whole or type(parts[-1]) is not int or (Ellipsis not in parts and len(parts) != len(shape)):
            return None
        place, result = parts[-1] % shape[-1], shape[:-1]
    else:
        if tuple(kw["axis"]) != (len(shape) - 1,):
            return None
        places = np.unique((np.argmax if prim.name == "max" else np.argmin)(strip(args[0]), axis=-1))
        if places.size != 1:
            return None
        place, result = int(places[0]), (*shape[:-1], 1) if kw.get("keepdims", False) else shape[:-1]
    kept = (place if k.kept is None else k.kept[place],)
    if not k.of.apart(kept):
        return None
    total = _total(replace(k, kept=kept), k.f)
    return _replaced(prim, args, kw, k.of.arguments, lambda *xs: np.reshape(total(*xs), result))


def _logsumexp(prim: Any, k: Values, args: Any, kw: Any) -> Any:
    shape, plain = shape_of(args[0]), strip(args[0])
    if tuple(kw["axis"]) != (len(shape) - 1,) or plain.dtype.kind == "c" or not np.isfinite(plain).all():
        return None
    top = float(plain.max())
    total = _total(k, lambda x: np.exp(k.f(x) - top))
    result = (*shape[:-1], 1) if kw.get("keepdims", False) else shape[:-1]
    return _replaced(prim, args, kw, k.of.arguments, lambda *xs: np.reshape(np.log(total(*xs)), result) + top)


def _of_general(prim: Any, known: Any, args: Any, kw: Any) -> Any:
    """tr f(A) and det f(A)."""
    k, shape = known[0], shape_of(args[0])
    f, result = k.f, shape[:-1]
    if prim.name in ("matmul", "inner", "dot") and len(shape) == 1:
        other = known[1]
        if not isinstance(other, Values) or other.of is not k.of:
            return None
        f = _whole(k.f, other.f)
    elif prim.name not in ("sum", "mean", "prod") or tuple(kw["axis"]) != (len(shape) - 1,):
        return None
    elif kw.get("keepdims", False):
        result = (*result, 1)
    if k.kept is not None or k.form != "last" or not is_rational(f):
        return None

    def function(a: Any) -> Any:
        matrix = of_matrix(f, a)
        y = np.linalg.det(matrix) if prim.name == "prod" else np.trace(matrix, axis1=-2, axis2=-1)
        y = np.reshape(y / shape[-1] if prim.name == "mean" else y, result)
        return y * (1 + 0j) if peek(args[0]).dtype.kind == "c" else y

    return _replaced(prim, args, kw, k.of.arguments, function)


def _normed(prim: Any, k: Values, args: Any, kw: Any) -> Any:
    shape = shape_of(args[0])
    if is_complex_valued(k.f, k.of) or not bare(args[0]).any(-1).all() or tuple(kw["axis"]) != (len(shape) - 1,):
        return None
    total = _total(k, lambda x: k.f(x) * k.f(x))
    result = (*shape[:-1], 1) if kw.get("keepdims", False) else shape[:-1]
    return _replaced(prim, args, kw, k.of.arguments, lambda *xs: np.reshape(np.sqrt(total(*xs)), result))


def _dotted(prim: Any, one: Values, two: Values, args: Any, kw: Any) -> Any:
    if one.of is not two.of or one.kept != two.kept or one.form != "last" or two.form != "last" or kw:
        return None
    if len(shape_of(args[0])) != 1 or is_complex_valued(one.f, one.of):
        return None
    return _replaced(prim, args, kw, one.of.arguments, _total(one, lambda x: one.f(x) * two.f(x)))


def _function_of(k: Any, f: Scalar, sides: str) -> Callable[..., Any]:
    return real_and_imaginary(f, lambda g: k.of.matrix_function(g, k.kept, sides), is_complex_valued(f, k.of))


def _whole(f: Scalar | None, g: Scalar | None) -> Scalar:
    if f is None and g is None:
        return np.ones_like
    return g if f is None else f if g is None else lambda x: f(x) * g(x)  # type: ignore[return-value]


def _matrix(prim: Any, one: Vectors, two: Vectors, args: Any, kw: Any) -> Any:
    """V f(L) V^H and its relatives; V^H V and V V^T of complex vectors are left alone."""
    if one.of is not two.of or one.kept != two.kept or one.transposed or not two.transposed:
        return None
    if one.conjugated == two.conjugated and peek(one.of.matrix).dtype.kind == "c":
        return None
    sides, f = one.basis + two.basis, _whole(one.f, two.f)
    flipped, conjugate = sides == "vu", one.conjugated and peek(one.of.matrix).dtype.kind == "c"
    if (flipped or conjugate) and is_complex_valued(f, one.of):
        return None
    function = _function_of(one, f, "uv" if flipped else sides)

    def of_matrix(*xs: Any) -> Any:
        y = adjoint(function(*xs)) if flipped else function(*xs)
        return conjugated(y) if conjugate else y

    return _replaced(prim, args, kw, one.of.arguments, of_matrix)


def _applied(prim: Any, one: Vectors, two: Projected, args: Any, kw: Any) -> Any:
    """V f(L) (V^H b), also with a basis on each side: V f(S) (U^H b) solves least squares with f = 1/s."""
    complex_ = peek(one.of.matrix).dtype.kind == "c"
    if one.of is not two.of or one.kept != two.kept or one.transposed or (one.conjugated and complex_):
        return None
    f, sides = _whole(one.f, two.f), one.basis + two.basis
    flipped = sides == "vu"
    if flipped and is_complex_valued(f, one.of):
        return None
    function = _function_of(one, f, "uv" if flipped else sides)

    def of_matrix(*xs: Any) -> Any:
        y = function(*xs[:-1])
        return np.matmul(adjoint(y) if flipped else y, xs[-1])

    return _replaced(prim, args, kw, (*one.of.arguments, two.b), of_matrix)


def _einsum(prim: Any, level: float, known: Any, args: Any, kw: Any) -> Any:
    """ij,j,kj->ik and the like, as products of matrices."""
    left, arrow, right = kw["subscripts"].replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow or len(terms) != len(args) or any(len(set(t)) != len(t) or not t.isalpha() for t in (*terms, right)):
        return None
    vectors = [(k, t, a) for k, t, a in zip(known, terms, args, strict=True) if isinstance(k, Vectors)]
    values = [(k, t, a) for k, t, a in zip(known, terms, args, strict=True) if isinstance(k, Values)]
    if len(vectors) != 2 or len(values) + 2 != len(args) or len(right) != 2 or any(len(t) != 2 for _, t, _ in vectors):
        return None
    summed = [t[0] if k.transposed else t[1] for k, t, _ in vectors]
    outer = [t[1] if k.transposed else t[0] for k, t, _ in vectors]
    if summed[0] != summed[1] or set(right) != set(outer) or any(t != summed[0] or k.form != "last" for k, t, _ in values):
        return None
    if right[0] != outer[0]:
        vectors.reverse()
    (one, _, a), (two, _, b) = vectors
    a = np.swapaxes(a, -1, -2) if one.transposed else a
    b = b if two.transposed else np.swapaxes(b, -1, -2)
    for _, _, v in values:
        a = a * v
    pair = [recall(x, level) for x in (a, b)]
    if any(k is None for k in pair):
        return None
    product = _matrix(matmul, pair[0], pair[1], (a, b), {})
    return None if product is None else _replaced(prim, args, kw, (product,), lambda y: y)
