"""scipy.linalg: Toeplitz and circulant matrices that are never formed.

A Toeplitz matrix is kept as the vector t of its diagonals, T[i, j] = t[i - j + m - 1] for m columns.  T x is linear in t and in x;
the adjoint in x is the product with the reversed conjugate of t, and the adjoint in t is a product with a longer Toeplitz matrix,
so that one primitive is closed under transposition, in O((n + m) log(n + m)) operations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.box import ops, peek, shape_of
from hoad.core.kinds import composite, implicit, multilinear
from hoad.core.kinds.batching import expand
from hoad.core.kinds.cotangents import conjugated, is_complex
from hoad.core.primitive import expose
from hoad.rules.scipy.linalg.structure import as_array, columns, over_stack

# -- products ---------------------------------------------------------------------------------------------------------------------


def _column_and_row(t: Any, m: int) -> tuple[Any, Any]:
    return t[..., m - 1 :], t[..., m - 1 :: -1] if m > 1 else t[..., :1]


def _product_native(t: Any, x: Any, workers: Any = None, check_finite: bool = False) -> Any:
    return scipy.linalg.matmul_toeplitz(_column_and_row(t, x.shape[-2]), x, check_finite=check_finite, workers=workers)


def _diagonals_pull(g: Any, xs: Any, **kw: Any) -> Any:
    """Sum over columns of the full convolution of g with conj(x) backwards."""
    x = conjugated(xs[1])
    m = shape_of(x)[-2]
    zero = np.zeros((*shape_of(g)[:-2], shape_of(g)[-1], m - 1), peek(g).dtype)
    wide = np.concatenate([zero, np.swapaxes(g, -1, -2), zero], axis=-1)
    x = np.swapaxes(x[..., ::-1, :], -1, -2)[..., None]
    return np.sum(product.bind(wide, ops.broadcast_to(x, (*shape_of(wide)[:-1], m, 1)), **kw)[..., 0], axis=-2)


def _vector_pull(g: Any, xs: Any, **kw: Any) -> Any:
    return product.bind(conjugated(xs[0])[..., ::-1], g, **kw)


def _batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    t, x = xs
    rank = max(len(shape_of(t)) - flags[0] + 1, len(shape_of(x)) - flags[1])
    return prim.bind(expand(t, rank - 1) if flags[0] else t, expand(x, rank) if flags[1] else x, **kw)


product: Any = multilinear("scipy.linalg.matmul_toeplitz", _product_native, _diagonals_pull, _vector_pull, batch=_batch)


def _diagonals(c_or_cr: Any) -> Any:
    """t, from the first column and the first row, or from the first column of a Hermitian matrix."""
    if isinstance(c_or_cr, tuple):
        c, r = (as_array(v) for v in c_or_cr)
    else:
        c = as_array(c_or_cr)
        r = np.conjugate(c)
    lead = np.broadcast_shapes(shape_of(c)[:-1], shape_of(r)[:-1])
    c, r = (ops.broadcast_to(v, (*lead, shape_of(v)[-1])) for v in (c, r))
    return np.concatenate([r[..., :0:-1], c], axis=-1)


def matmul_toeplitz(c_or_cr: Any, x: Any, check_finite: bool = False, workers: Any = None) -> Any:
    x, vector = columns(x)
    t = _diagonals(c_or_cr)

    def one(t: Any, x: Any) -> Any:
        return product.bind(t, x, check_finite=check_finite, workers=workers)

    y = over_stack(one, [t, x], (1, 2))
    return y[..., 0] if vector else y


# -- solves -----------------------------------------------------------------------------------------------------------------------


def _solve_native(t: Any, b: Any, check_finite: bool) -> Any:
    return scipy.linalg.solve_toeplitz(_column_and_row(t, b.shape[-2]), b, check_finite=check_finite)


solve_: Any = implicit(
    "scipy.linalg.solve_toeplitz",
    _solve_native,
    lambda x, t, b, check_finite: product.bind(t, x) - b,
    lambda r, x, xs, **kw: solve_.bind(xs[0], r, **kw),
    lambda g, x, xs, **kw: solve_.bind(conjugated(xs[0])[..., ::-1], g, **kw),
    batch=_batch,
)


def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    b, vector = columns(b)
    y = over_stack(lambda t, b: solve_.bind(t, b, check_finite=check_finite), [_diagonals(c_or_cr), b], (1, 2))
    return y[..., 0] if vector else y


# -- circulant matrices are diagonal in the basis of the Fourier transform --------------------------------------------------------


def _circulant_native(c: Any, b: Any, **kw: Any) -> Any:
    return scipy.linalg.solve_circulant(c, b, **kw)


def _circulant_body(c: Any, b: Any, singular: str, tol: Any, caxis: int, baxis: int, outaxis: int) -> Any:
    fc = np.fft.fft(np.moveaxis(c, caxis, -1), axis=-1)
    size = np.abs(fc)
    if tol is None:
        tol = np.max(size, axis=-1, keepdims=True) * (shape_of(fc)[-1] * np.finfo(float).eps)
    small = size <= tol
    fb = np.fft.fft(np.moveaxis(b, baxis, -1), axis=-1)
    x = np.fft.ifft(np.where(small, 0.0, fb / np.where(small, 1.0, fc)), axis=-1)
    if not (is_complex(c) or is_complex(b)):
        x = np.real(x)
    return np.moveaxis(x, -1, outaxis)


circulant_ = composite("scipy.linalg.solve_circulant", _circulant_native, _circulant_body)


def solve_circulant(
    c: Any, b: Any, singular: str = "raise", tol: Any = None, caxis: int = -1, baxis: int = 0, outaxis: int = 0
) -> Any:
    return circulant_.bind(as_array(c), as_array(b), singular=singular, tol=tol, caxis=caxis, baxis=baxis, outaxis=outaxis)


for _name, _f, _kind in (
    ("matmul_toeplitz", matmul_toeplitz, "multilinear"), ("solve_toeplitz", solve_toeplitz, "implicit"),
    ("solve_circulant", solve_circulant, "composite"),
):  # fmt: skip
    expose(_f, f"scipy.linalg.{_name}", getattr(scipy.linalg, _name), _kind)
