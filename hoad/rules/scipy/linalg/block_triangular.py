"""Functions of matrices, differentiated by the block triangular identity: one declaration for all of them.

For a function f that is analytic on the spectrum of A, f([[A, E], [0, A]]) = [[f(A), L(A, E)], [0, f(A)]] with L the derivative of
f at A along E.  It holds where eigenvalues coincide and where A is defective, and it is applied to itself for higher orders, on
matrices of twice the size.  Coefficients of series come from one matrix: block (i, j) holds the coefficient of A that multiplies
the j-th power of t to the i-th, and f of it holds those of f(A(t)) in its first row.  The adjoint needs no other function, since
tr(X L(A, E)) = tr(L(A, X) E).
Sources: Mathias (1996), SIAM J. Matrix Anal. Appl. 17, 610-620; Higham (2008), Functions of Matrices, theorem 3.6.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import ops, peek, shape_of
from hoad.core.kinds.cotangents import fit, is_real
from hoad.core.primitive import Primitive, register
from hoad.core.series import Algebra, Series
from hoad.rules.scipy.linalg.structure import adjoint, plain_value, stacked

__all__ = ["block", "matrix_function"]


def _power_of_two(a: Any, e: Any) -> float:
    """A factor that brings E to the size of A, so that neither decides how the function is computed for the other."""
    sizes = [float(np.max(np.abs(x), initial=0.0)) if np.size(x) else 0.0 for x in (plain_value(a), plain_value(e))]
    if not all(np.isfinite(sizes)) or sizes[1] == 0.0:
        return 1.0
    return 2.0 ** int(np.clip(np.round(np.log2((sizes[0] or 1.0) / sizes[1])), -1000, 1000))


def _of_blocks(rows: list[list[Any]]) -> Any:
    return np.concatenate([np.concatenate(row, axis=-1) for row in rows], axis=-2)


def block(f: Callable[[Any], Any], a: Any, e: Any, *, real: bool) -> Any:
    """L(A, E) by ``f`` of a matrix of twice the size."""
    n = shape_of(a)[-1]
    scale = _power_of_two(a, e)
    lead = np.broadcast_shapes(shape_of(a)[:-2], shape_of(e)[:-2])
    a, e = (ops.broadcast_to(x, (*lead, n, n)) if shape_of(x)[:-2] != lead else x for x in (a, e))
    dtype = np.result_type(peek(a).dtype, peek(e).dtype)
    found = f(_of_blocks([[a, (e * scale).astype(dtype)], [a * 0, a]]))[..., :n, n:] / scale
    return ops.real(found) if real and found.dtype.kind == "c" else found


LARGE = 64
"""Rows from which a derivative that is computed in Python is faster than one of twice the size in compiled code."""


def _is_plain(x: Any) -> bool:
    return type(x) is np.ndarray and x.ndim == 2 and len(x) >= LARGE and x.dtype in (np.float64, np.complex128)


def matrix_function(name: str, native: Callable[..., Any], frechet: Callable[..., Any] | None = None) -> Primitive:
    """Register an analytic function of square matrices.

    Parameters
    ----------
    native : callable
        ``native(a, **kw)`` for stacks of matrices.  It is called on the block matrices too, with ``derived=True``, where it may
        not assume that eigenvalues are distinct, nor warn.
    frechet : callable, optional
        ``frechet(a, e)`` is L(a, e) by a method of its own, for large plain matrices, where nothing is left to differentiate.
    """

    def value(a: Any, derived: bool = False, **kw: Any) -> Any:
        if not derived:
            return native(a, **kw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return native(a, derived=True, **kw) if wants_derived else native(a, **kw)

    wants_derived = "derived" in getattr(getattr(native, "__code__", None), "co_varnames", ())

    def derived(kw: Any) -> Callable[[Any], Any]:
        kw = {**kw, "derived": True}
        return lambda x: prim.bind(x, **kw)

    def along(kw: Any, a: Any, e: Any, *, real: bool) -> Any:
        if frechet is not None and _is_plain(a) and _is_plain(e):
            return frechet(a, e)
        return block(derived(kw), a, e, real=real)

    def tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        return along(kw, xs[0], ts[0], real=is_real(y) and is_real(ts[0]))

    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        x = xs[0]

        def pull(g: Any) -> Any:
            real = is_real(y) and is_real(x) and is_real(g)
            return (fit(adjoint(along(kw, x, adjoint(g), real=real)), shape_of(x), is_real(x)),)

        return pull

    def taylor(algebra: Algebra, y: Series, xs: list[Series], kw: dict[str, Any], memo: Any) -> Callable[[int], Any]:
        x = xs[0]
        n = shape_of(x.c[0])[-1]
        known: dict[int, list[Any]] = {}

        def upto(last: int) -> list[Any]:
            """Coefficients 0 ... last of f, from f of one block triangular matrix."""
            zero = x.c[0] * 0
            scale = _scale(algebra, x, last)
            coefficients = [x.c[0]] + [None if (c := x[i]) is None else c * scale(i) for i in range(1, last + 1)]
            rows: list[list[Any]] = [[zero] * (last + 1) for _ in range(last + 1)]
            for k in range(last + 1):
                for i, j in algebra.products[k]:  # index k is the sum of index i (a row) and of index j (a coefficient)
                    if coefficients[j] is not None:
                        rows[i][k] = coefficients[j]
            first = derived(kw)(_of_blocks(rows))[..., :n, :]
            parts = [first[..., n * k : n * (k + 1)] / scale(k) for k in range(last + 1)]
            real = is_real(y.c[0]) and all(is_real(c) for c in x.c if c is not None)
            return [ops.real(p) if real and p.dtype.kind == "c" else p for p in parts]

        def rule(k: int) -> Any:
            if not known:
                last = len(algebra) - 1 if x.rule is None else k  # later coefficients may depend on this one
                if all(x[i] is None for i in range(1, last + 1)):
                    return None
                found = upto(last)
                if last == k:
                    return found[k]
                known[0] = found
            return known[0][k]

        return rule

    prim = register(
        Primitive(name, value, "opaque", forward=tangent, reverse=reverse, taylor=taylor, batch=stacked, declaration=tangent)
    )
    return prim


def _scale(algebra: Algebra, x: Series, last: int) -> Callable[[int], float]:
    """t -> t times a power of two, so that the coefficients of A have the size of A."""
    sizes = [_power_of_two(x.c[0], c) ** (1 / sum(algebra.indices[i])) for i in range(1, last + 1) if (c := x[i]) is not None]
    unit = 2.0 ** int(np.round(np.log2(min(sizes)))) if sizes else 1.0
    return lambda i: unit ** sum(algebra.indices[i])
