"""numpy.linalg: solve, inverse and Cholesky.  Determinants, norms and products of matrices have files of their own.

solve, inv and cholesky are declared by their residual; their hand-written rules are faster forms of the derived ones, and the
tests compare the two.  Sources: Giles (2008), Collected matrix derivative results for forward and reverse mode AD; Griewank &
Walther (2008), ch. 13 and 15, for Taylor coefficients.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import like, of
from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.kinds import composite, implicit
from hoad.core.kinds.batching import expand
from hoad.core.kinds.cotangents import conjugated, fit, is_real
from hoad.core.primitive import expose
from hoad.core.series import add_term
from hoad.rules.products import matmul

# -- small helpers ---------------------------------------------------------------------------------------------------


def plain_or_traced(x: Any) -> Any:
    return x if isinstance(x, Box) else of(x).asarray(x)


def swapped(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def adjoint(x: Any) -> Any:
    return conjugated(swapped(x))


def _minus(x: Any) -> Any:
    return None if x is None else -x


def _convolved(algebra: Any, a: Any, b: Any, n: int) -> Any:
    """Sum over i + j = n with i > 0 of a_i b_j (matrix products): what the product's coefficient n holds beside a_0 b_n."""
    total = None
    for i, j in algebra.products[n]:
        if i and (ai := a[i]) is not None and (bj := b[j]) is not None:
            total = add_term(total, matmul(ai, bj))
    return total


def identity(a: Any) -> Any:
    """The identity with the size, the dtype and the device of a matrix."""
    plain = peek(a)
    return like(np.eye(shape_of(a)[-1], dtype=plain.dtype), plain)


# -- solve: A x = b --------------------------------------------------------------------------------------------------
#
# ``vector`` tells what the last axes of b are: a stack of vectors or of matrices.  NumPy 2 reads b as a vector only if it is
# one-dimensional; with hidden axes it may have more.


def _solve_native(a: Any, b: Any, vector: bool) -> Any:
    if not vector or np.ndim(b) == 1:
        return np.linalg.solve(a, b)
    return np.linalg.solve(a, b[..., None])[..., 0]


def _times(a: Any, x: Any, vector: bool) -> Any:
    return matmul(a, x[..., None])[..., 0] if vector else matmul(a, x)


def _solve_residual(x: Any, a: Any, b: Any, vector: bool) -> Any:
    return _times(a, x, vector) - b


def _solve_tangent(r: Any, x: Any, xs: Any, vector: bool) -> Any:
    return solve_.bind(xs[0], r, vector=vector)


def _solve_adjoint(g: Any, x: Any, xs: Any, vector: bool) -> Any:
    return solve_.bind(adjoint(xs[0]), g, vector=vector)


def _solve_forward(x: Any, xs: Any, ts: Any, kw: Any) -> Any:
    da, db = ts
    r = db if da is None else _minus(_times(da, x, **kw)) if db is None else db - _times(da, x, **kw)
    if shape_of(r) != shape_of(x):
        r = ops.broadcast_to(r, shape_of(x))
    return solve_.bind(xs[0], r, **kw)


def _solve_reverse(x: Any, xs: Any, kw: Any, which: Any) -> Any:
    a, _ = xs
    spec = [(i, shape_of(xs[i]), is_real(xs[i])) for i in which]
    vector = kw["vector"]

    def pull(g: Any) -> Any:
        w = _solve_adjoint(g, x, (a,), vector)
        out = []
        for i, shape, real in spec:
            if i == 0:
                column, row = (w[..., None], x[..., None]) if vector else (w, x)
                out.append(fit(-matmul(column, adjoint(row)), shape, real))
            else:
                out.append(fit(w, shape, real))
        return out

    return pull


def _solve_taylor(algebra: Any, x: Any, xs: Any, kw: Any, memo: Any) -> Any:
    """x_n = A_0^-1 (b_n - sum of A_j x_(n-j) over j > 0)."""
    a, b = xs
    vector = kw["vector"]

    def rule(n: int) -> Any:
        total = None
        for i, j in algebra.products[n]:
            if i and (ai := a[i]) is not None and (xj := x[j]) is not None:
                total = add_term(total, _times(ai, xj, vector))
        r = b[n] if total is None else -total if b[n] is None else b[n] - total
        if r is None:
            return None
        if shape_of(r) != shape_of(x[0]):
            r = ops.broadcast_to(r, shape_of(x[0]))
        return solve_.bind(a[0], r, **kw)

    return rule


def _solve_batch(prim: Any, size: int, xs: Any, flags: Any, vector_kw: Any) -> Any:
    a, b = xs
    vector = vector_kw["vector"]
    rank_a = len(shape_of(a)) - flags[0]
    if not flags[0] and rank_a == 2:  # one matrix, many right-hand sides: one factorisation
        shape = shape_of(b)
        core = shape[-1:] if vector else shape[-2:]
        if vector:
            columns = ops.reshape(b, (-1, *core)) if len(shape) > 2 else b
            return ops.reshape(swapped(prim.bind(a, swapped(columns), vector=False)), shape)
        if len(shape) == 3:
            wide = ops.reshape(ops.transpose(b, (1, 0, 2)), (core[0], shape[0] * core[1]))
            y = ops.reshape(prim.bind(a, wide, vector=False), (core[0], shape[0], core[1]))
            return ops.transpose(y, (1, 0, 2))
    stack = max(rank_a - 2, len(shape_of(b)) - flags[1] - (1 if vector else 2))
    if flags[0]:
        a = expand(a, stack + 2)
    if flags[1]:
        b = expand(b, stack + (1 if vector else 2))
    return prim.bind(a, b, vector=vector)


solve_ = implicit(
    "solve", _solve_native, _solve_residual, _solve_tangent, _solve_adjoint,
    forward=_solve_forward, reverse=_solve_reverse, taylor=_solve_taylor, batch=_solve_batch,
)  # fmt: skip


def solve(a: Any, b: Any) -> Any:
    a, b = plain_or_traced(a), plain_or_traced(b)
    return solve_.bind(a, b, vector=b.ndim == 1)


# -- inverse: A Y = 1 ------------------------------------------------------------------------------------------------


def _inv_residual(y: Any, a: Any) -> Any:
    return matmul(a, y) - identity(a)


def _inv_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    def pull(g: Any) -> Any:
        yh = adjoint(y)
        return (-matmul(yh, matmul(g, yh)),)

    return pull


def _inv_taylor(algebra: Any, y: Any, xs: Any, kw: Any, memo: Any) -> Any:
    def rule(n: int) -> Any:
        total = _convolved(algebra, xs[0], y, n)
        return None if total is None else -matmul(y[0], total)

    return rule


inv = implicit(
    "inv",
    np.linalg.inv,
    _inv_residual,
    lambda r, y, xs: matmul(y, r),
    lambda g, y, xs: matmul(adjoint(y), g),
    forward=lambda y, xs, ts, kw: -matmul(y, matmul(ts[0], y)),
    reverse=_inv_reverse,
    taylor=_inv_taylor,
)

# -- Cholesky: L L^H = A, where A is read from its lower triangle ----------------------------------------------------


def _lower(x: Any, diagonal: float) -> Any:
    """Strict lower triangle, and the diagonal times ``diagonal``."""
    n = shape_of(x)[-1]
    plain = peek(x)
    return x * like((np.tri(n, k=-1) + diagonal * np.eye(n)).astype(plain.real.dtype), plain)


def _read_lower(a: Any) -> Any:
    """The Hermitian matrix of which ``a`` holds the lower triangle; the imaginary part of the diagonal is not read."""
    half = _lower(a, 0.5)
    return half + adjoint(half)


def _cholesky_residual(y: Any, a: Any) -> Any:
    return matmul(y, adjoint(y)) - _read_lower(a)


def _cholesky_solve(r: Any, y: Any, xs: Any = None) -> Any:
    """The lower triangular X with X L^H + L X^H = r (r Hermitian)."""
    inverse = np.linalg.inv(y)
    return matmul(y, _lower(matmul(inverse, matmul(r, adjoint(inverse))), 0.5))


def _cholesky_solve_adjoint(g: Any, y: Any, xs: Any = None) -> Any:
    inverse = np.linalg.inv(y)
    return matmul(adjoint(inverse), matmul(_lower(matmul(adjoint(y), g), 0.5), inverse))


def _cholesky_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    def pull(g: Any) -> Any:
        s = _cholesky_solve_adjoint(g, y)
        return (_lower(s + adjoint(s), 0.5),)

    return pull


def _cholesky_taylor(algebra: Any, y: Any, xs: Any, kw: Any, memo: Any) -> Any:
    """L_n from A_n - sum of L_i L_j^H over i, j > 0."""
    a = xs[0]
    inverse: list[Any] = []

    def rule(n: int) -> Any:
        total = None if a[n] is None else _read_lower(a[n])
        for i, j in algebra.products[n]:
            if i and j and (yi := y[i]) is not None and (yj := y[j]) is not None:
                total = add_term(total, -matmul(yi, adjoint(yj)))
        if total is None:
            return None
        if not inverse:
            inverse.append(np.linalg.inv(y[0]))
        li = inverse[0]
        return matmul(y[0], _lower(matmul(li, matmul(total, adjoint(li))), 0.5))

    return rule


cholesky_ = implicit(
    "cholesky",
    np.linalg.cholesky,
    _cholesky_residual,
    _cholesky_solve,
    _cholesky_solve_adjoint,
    forward=lambda y, xs, ts, kw: _cholesky_solve(_read_lower(ts[0]), y),
    reverse=_cholesky_reverse,
    taylor=_cholesky_taylor,
)
cholesky_upper = composite(
    "cholesky_upper", lambda a: np.linalg.cholesky(a, upper=True), lambda a: adjoint(cholesky_.bind(adjoint(a)))
)


def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    return (cholesky_upper if upper else cholesky_).bind(a)


# -- tensors as matrices -----------------------------------------------------------------------------------------------


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = plain_or_traced(a), plain_or_traced(b)
    if axes is not None:
        order = list(range(a.ndim))
        for k in axes:
            order.remove(k)
            order.insert(a.ndim, k)
        a = np.transpose(a, order)
    shape = tuple(a.shape[b.ndim - a.ndim :])
    size = int(np.prod(shape))
    if a.size != size**2:
        raise np.linalg.LinAlgError("Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])")
    return np.reshape(solve(np.reshape(a, (size, size)), np.ravel(b)), shape)


def tensorinv(a: Any, ind: int = 2) -> Any:
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = tuple(a.shape)
    size = int(np.prod(shape[ind:]))
    return np.reshape(np.linalg.inv(np.reshape(a, (size, -1))), shape[ind:] + shape[:ind])


for _name, _f in (
    ("solve", solve), ("inv", inv), ("cholesky", cholesky), ("tensorsolve", tensorsolve), ("tensorinv", tensorinv),
):  # fmt: skip
    expose(_f, f"numpy.linalg.{_name}", getattr(np.linalg, _name), "implicit")
