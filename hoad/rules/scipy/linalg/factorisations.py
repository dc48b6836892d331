"""scipy.linalg: the factorisation L D L^H of symmetric and Hermitian matrices.

Where the order of the rows and the places of the 2 x 2 blocks of D do not change, X = L^-1 dA L^-H splits into the blocks of dD and
L^-1 dL D, so that dL = L (X_below D^-1) with the part of X below the blocks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.box import peek, shape_of
from hoad.core.kinds import constant, opaque
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose, register
from hoad.rules.scipy.linalg.structure import adjoint, as_matrix, hermitian, matmul, over_stack, swapped, take_rows


def _native(a: Any, **kw: Any) -> Any:
    return tuple(scipy.linalg.ldl(a, **kw))


def _blocks_native(d: Any, lower: bool) -> Any:
    """1 within the blocks of D, 2 on the side of L's triangle, 0 on the other."""
    n = d.shape[-1]
    block = np.zeros(n, int)
    for i in range(1, n):
        block[i] = block[i - 1] + (d[i, i - 1] == 0 and d[i - 1, i] == 0)
    row, column = (block[:, None], block[None, :]) if lower else (block[None, :], block[:, None])
    return np.where(row == column, 1, np.where(row > column, 2, 0))


_blocks = constant("scipy.linalg.blocks_of_ldl", _blocks_native, batch=by_loop)


def _tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    outer, d, order = y
    lower, is_hermitian = kw["lower"], kw["hermitian"]
    turn = adjoint if is_hermitian else swapped
    factor = take_rows(outer, order)
    da = take_rows(hermitian(ts[0], lower, symmetric=not is_hermitian), order)
    da = swapped(take_rows(swapped(da), order))
    inverse = np.linalg.inv(factor)
    x = matmul(inverse, matmul(da, turn(inverse)))
    place = _blocks.bind(d, lower=lower)
    zero = peek(x).dtype.type(0)
    dl = matmul(factor, matmul(np.where(place == 2, x, zero), np.linalg.inv(d)))
    return take_rows(dl, np.argsort(order)), np.where(place == 1, x, zero), np.zeros(shape_of(order))


ldl_ = register(opaque("scipy.linalg.ldl", _native, _tangent, multi=True))


def ldl(A: Any, lower: bool = True, hermitian: bool = True, overwrite_a: bool = False, check_finite: bool = True) -> Any:  # SciPy's
    a = as_matrix(A)
    kw = {"lower": bool(lower), "hermitian": bool(hermitian) or a.dtype.kind != "c", "check_finite": check_finite}
    return over_stack(lambda x: tuple(ldl_.bind(x, **kw)), [a], (2,))


expose(ldl, "scipy.linalg.ldl", scipy.linalg.ldl, "opaque")
