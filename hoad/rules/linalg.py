"""numpy.linalg: solve, inverse, determinants, Cholesky, norms, and the products that live there too.

solve, inv and cholesky are declared by their residual; their hand-written rules are faster forms of the derived ones, and the
tests compare the two.  Sources: Giles (2008), Collected matrix derivative results for forward and reverse mode AD; Griewank &
Walther (2008), ch. 13 and 15, for Taylor coefficients.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import Box, ops, shape_of, strip
from hoad.core.kinds import composite, constant, contraction, elementwise, implicit, opaque
from hoad.core.kinds.batching import align_ranks, expand
from hoad.core.kinds.cotangents import conjugated, fit, is_complex, is_real
from hoad.core.primitive import expose, register
from hoad.core.series import add_term
from hoad.errors import UnsupportedFunctionError
from hoad.rules.kinks import undefined_slope
from hoad.rules.products import matmul, vecdot
from hoad.rules.reductions import normal_axes, sum_, two_norm

# -- small helpers ---------------------------------------------------------------------------------------------------


def _array(x: Any) -> Any:
    return x if isinstance(x, Box) else np.asarray(x)


def _swap(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _adjoint(x: Any) -> Any:
    return conjugated(_swap(x))


def _minus(x: Any) -> Any:
    return None if x is None else -x


def _convolved(algebra: Any, a: Any, b: Any, n: int) -> Any:
    """Sum over i + j = n with i > 0 of a_i b_j (matrix products): what the product's coefficient n holds beside a_0 b_n."""
    total = None
    for i, j in algebra.products[n]:
        if i and (ai := a[i]) is not None and (bj := b[j]) is not None:
            total = add_term(total, matmul(ai, bj))
    return total


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
    return solve_.bind(_adjoint(xs[0]), g, vector=vector)


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
                out.append(fit(-matmul(column, _adjoint(row)), shape, real))
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
            return ops.reshape(_swap(prim.bind(a, _swap(columns), vector=False)), shape)
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
    a, b = _array(a), _array(b)
    return solve_.bind(a, b, vector=b.ndim == 1)


# -- inverse: A Y = 1 ------------------------------------------------------------------------------------------------


def _inv_residual(y: Any, a: Any) -> Any:
    return matmul(a, y) - np.eye(shape_of(a)[-1], dtype=strip(a).dtype)


def _inv_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    def pull(g: Any) -> Any:
        adjoint = _adjoint(y)
        return (-matmul(adjoint, matmul(g, adjoint)),)

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
    lambda g, y, xs: matmul(_adjoint(y), g),
    forward=lambda y, xs, ts, kw: -matmul(y, matmul(ts[0], y)),
    reverse=_inv_reverse,
    taylor=_inv_taylor,
)

# -- Cholesky: L L^H = A, where A is read from its lower triangle ----------------------------------------------------


def _lower(x: Any, diagonal: float) -> Any:
    """Strict lower triangle, and the diagonal times ``diagonal``."""
    n = shape_of(x)[-1]
    return x * (np.tri(n, k=-1) + diagonal * np.eye(n)).astype(strip(x).real.dtype)


def _read_lower(a: Any) -> Any:
    """The Hermitian matrix of which ``a`` holds the lower triangle; the imaginary part of the diagonal is not read."""
    half = _lower(a, 0.5)
    return half + _adjoint(half)


def _cholesky_residual(y: Any, a: Any) -> Any:
    return matmul(y, _adjoint(y)) - _read_lower(a)


def _cholesky_solve(r: Any, y: Any, xs: Any = None) -> Any:
    """The lower triangular X with X L^H + L X^H = r (r Hermitian)."""
    inverse = np.linalg.inv(y)
    return matmul(y, _lower(matmul(inverse, matmul(r, _adjoint(inverse))), 0.5))


def _cholesky_solve_adjoint(g: Any, y: Any, xs: Any = None) -> Any:
    inverse = np.linalg.inv(y)
    return matmul(_adjoint(inverse), matmul(_lower(matmul(_adjoint(y), g), 0.5), inverse))


def _cholesky_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    def pull(g: Any) -> Any:
        s = _cholesky_solve_adjoint(g, y)
        return (_lower(s + _adjoint(s), 0.5),)

    return pull


def _cholesky_taylor(algebra: Any, y: Any, xs: Any, kw: Any, memo: Any) -> Any:
    """L_n from A_n - sum of L_i L_j^H over i, j > 0."""
    a = xs[0]
    inverse: list[Any] = []

    def rule(n: int) -> Any:
        total = None if a[n] is None else _read_lower(a[n])
        for i, j in algebra.products[n]:
            if i and j and (yi := y[i]) is not None and (yj := y[j]) is not None:
                total = add_term(total, -matmul(yi, _adjoint(yj)))
        if total is None:
            return None
        if not inverse:
            inverse.append(np.linalg.inv(y[0]))
        li = inverse[0]
        return matmul(y[0], _lower(matmul(li, matmul(total, _adjoint(li))), 0.5))

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
    "cholesky_upper", lambda a: np.linalg.cholesky(a, upper=True), lambda a: _adjoint(cholesky_.bind(_adjoint(a)))
)


def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    return (cholesky_upper if upper else cholesky_).bind(a)


# -- determinants ----------------------------------------------------------------------------------------------------
#
# The slope of det is the cofactor matrix C.  Where A is well conditioned, C = det A^-T.  Elsewhere that formula divides by what
# is nearly zero, so orthogonal bases U, V from a singular value decomposition (constants: any basis gives the same polynomial)
# bring A to blocks B with a well conditioned B11 and a small B22, in which the adjugate needs no division by the small part:
#   adj B = det B11 [[det S B11^-1 + P adj S Q, -P adj S], [-adj S Q, adj S]],
#   S = B22 - B21 B11^-1 B12,  P = B11^-1 B12,  Q = B21 B11^-1.


def _frames_native(x: Any) -> Any:
    u, s, vh = np.linalg.svd(x)
    return u, s, vh, np.linalg.det(u) * np.linalg.det(vh)


_frames = constant("determinant_frames", _frames_native, multi=True)


def _condition_limit(x: Any) -> float:
    """Where dividing by det costs as many digits as second derivatives keep."""
    return float(np.finfo(strip(x).dtype).eps) ** (-1 / 3)


def _blocks(rows: Any) -> Any:
    return ops.concatenate([ops.concatenate(row, -1) for row in rows], -2)


def _minors(x: Any) -> Any:
    """Adjugate of matrices up to 3 x 3, written out."""
    n = shape_of(x)[-1]
    if n == 0:
        return x
    if n == 1:
        return np.ones_like(strip(x)) if not isinstance(x, Box) else x * 0 + 1
    e = [[x[..., i, j] for j in range(n)] for i in range(n)]
    if n == 2:
        rows = [[e[1][1], -e[0][1]], [-e[1][0], e[0][0]]]
    else:
        rows = [
            [
                e[(i + 1) % 3][(j + 1) % 3] * e[(i + 2) % 3][(j + 2) % 3]
                - e[(i + 1) % 3][(j + 2) % 3] * e[(i + 2) % 3][(j + 1) % 3]
                for i in range(3)
            ]
            for j in range(3)
        ]
    return ops.stack([ops.stack(row, -1) for row in rows], -2)


def _adjugate(x: Any) -> Any:
    """Adjugate without division by an element: Faddeev & LeVerrier's recursion beyond 3 x 3."""
    n = shape_of(x)[-1]
    if n <= 3:
        return _minors(x)
    eye = np.eye(n, dtype=strip(x).dtype)
    m = eye
    for k in range(1, n):
        product = matmul(x, m)
        c = -np.sum(np.diagonal(product, 0, -2, -1), axis=-1) / k
        m = product + c[..., None, None] * eye
    return m if n % 2 else -m


def _singular_adjugate(x: Any, limit: float) -> Any:
    n = shape_of(x)[-1]
    if n <= 3:
        return _minors(x)
    u, s, vh, sign = _frames(x)
    plain = strip(s)
    r = int(np.min(np.sum(plain * limit > plain[..., :1], axis=-1)))
    b = matmul(matmul(_adjoint(u), x), _adjoint(vh))
    if r == 0:
        adjugate = _adjugate(b)
    else:
        b11, b12, b21, b22 = b[..., :r, :r], b[..., :r, r:], b[..., r:, :r], b[..., r:, r:]
        inverse = np.linalg.inv(b11)
        p, q = matmul(inverse, b12), matmul(b21, inverse)
        small = b22 - matmul(b21, p)
        adj = _adjugate(small)
        det_small = np.sum(small * _swap(adj), axis=(-2, -1)) / (n - r)
        right, below = matmul(p, adj), matmul(adj, q)
        whole = _blocks([[det_small[..., None, None] * inverse + matmul(right, q), -right], [-below, adj]])
        adjugate = det_.bind(b11)[..., None, None] * whole
    return sign[..., None, None] * matmul(_adjoint(vh), matmul(adjugate, _adjoint(u)))


def _well_conditioned(x: Any, inverse: Any, limit: float) -> bool:
    plain = [np.asarray(strip(m)) for m in (x, inverse)]
    if not all(np.isfinite(m).all() for m in plain):
        return not np.isfinite(plain[0]).all()
    one, two = (np.linalg.norm(m, axis=(-2, -1)) for m in plain)
    return not one.size or bool(np.max(one) * np.max(two) < limit * shape_of(x)[-1])


def cofactors(y: Any, x: Any) -> Any:
    """Slope of det, exact in every order at singular matrices too."""
    limit = _condition_limit(x)
    try:
        inverse = np.linalg.inv(x)
    except np.linalg.LinAlgError:
        return _swap(_singular_adjugate(x, limit))
    if _well_conditioned(x, inverse, limit):
        return y[..., None, None] * _swap(inverse)
    return _swap(_singular_adjugate(x, limit))


def _frobenius(s: Any, t: Any, kw: Any) -> Any:
    return sum_.bind(s * t, axis=(len(shape_of(t)) - 2, len(shape_of(t)) - 1), keepdims=False)


def _real_frobenius(s: Any, t: Any, kw: Any) -> Any:
    return ops.real(_frobenius(s, t, kw))


def _matrix_spread(g: Any, x: Any, kw: Any) -> Any:
    return g[..., None, None]


det_ = contraction("det", np.linalg.det, cofactors, _frobenius, _matrix_spread, batch=align_ranks)
log_abs_det = contraction(
    "log_abs_det", lambda a: np.linalg.slogdet(a).logabsdet, lambda y, a: _swap(np.linalg.inv(a)), _real_frobenius, _matrix_spread,
    batch=align_ranks,
)  # fmt: skip
det_sign_real = constant("det_sign_real", lambda a: np.linalg.slogdet(a).sign)
det_sign = register(
    opaque(
        "det_sign",
        lambda a: np.linalg.slogdet(a).sign,
        lambda y, xs, ts, kw: y * (1j * ops.imag(_frobenius(_swap(np.linalg.inv(xs[0])), ts[0], kw))),
        batch=align_ranks,
    )
)


def slogdet(a: Any) -> Any:
    """Phase and logarithm of the modulus; the phase of a real matrix is constant."""
    sign = (det_sign if is_complex(a) else det_sign_real).bind(a)
    return type(np.linalg.slogdet(np.ones((1, 1))))(sign, log_abs_det.bind(a))


# -- norms -----------------------------------------------------------------------------------------------------------


_apex = elementwise("apex", np.zeros_like, lambda y, x: undefined_slope(np.ones(shape_of(x), bool), x))
"""Zero with derivative zero and no second one: a norm at 0."""


def _vector_norm(x: Any, order: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    if order is None or order == 2:
        return two_norm.bind(x, axis=axis, keepdims=keepdims)
    size = np.abs(x)
    if order == np.inf:
        return np.max(size, axis=axis, keepdims=keepdims)
    if order == -np.inf:
        return np.min(size, axis=axis, keepdims=keepdims)
    if order == 0:
        return np.sum(np.not_equal(x, 0), axis=axis, keepdims=keepdims).astype(strip(x).real.dtype)
    if order == 1:
        return np.sum(size, axis=axis, keepdims=keepdims)
    # |x|^p is smooth at 0 for even p, which |x| would hide.
    even = order > 0 and float(order).is_integer() and order % 2 == 0
    powers = ops.abs2(x) ** (float(order) / 2) if even else size ** float(order)
    total = np.sum(powers, axis=axis, keepdims=keepdims)
    if order < 0:
        return total ** (1.0 / order)
    zero = total == 0
    if not np.any(strip(zero)):
        return total ** (1.0 / order)
    at_zero = _apex.bind(np.sum(ops.real(x), axis=axis, keepdims=keepdims))
    return np.where(zero, at_zero, np.where(zero, 1.0, total) ** (1.0 / order))


def _matrix_norm(x: Any, order: Any, axis: tuple[int, ...], keepdims: bool, name: str) -> Any:
    if order in (None, "fro", "f"):
        return two_norm.bind(x, axis=axis, keepdims=keepdims)
    if order in (2, -2, "nuc"):
        raise UnsupportedFunctionError.no_rule(f"{name} with ord={order!r}", ", because it needs singular values")
    if order not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    row, column = axis
    summed, rest = (row, column) if order in (1, -1) else (column, row)
    return (np.max if order > 0 else np.min)(np.sum(np.abs(x), axis=summed, keepdims=True), axis=rest, keepdims=True).reshape(
        _dropped(shape_of(x), axis, keepdims)
    )


def _dropped(shape: tuple[int, ...], axis: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    return tuple(1 if i in axis else n for i, n in enumerate(shape) if keepdims or i not in axis)


def _norm_body(x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    n = x.ndim
    if axis is None and (ord is None or (ord in ("f", "fro") and n == 2) or (ord == 2 and n == 1)):
        return two_norm.bind(x, axis=tuple(range(n)), keepdims=keepdims)
    axes = tuple(range(n)) if axis is None else tuple(axis) if isinstance(axis, tuple) else (int(axis),)
    axes = tuple(a % n for a in axes)
    if len(axes) == 1:
        if isinstance(ord, str):
            raise ValueError(f"Invalid norm order '{ord}' for vectors")
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError("Improper number of dimensions to norm.")
    return _matrix_norm(x, ord, axes, keepdims, "np.linalg.norm")


norm_ = composite("norm", lambda x, ord, axis, keepdims: np.linalg.norm(x, ord, axis, keepdims), _norm_body)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return norm_.bind(x, ord=ord, axis=axis, keepdims=bool(keepdims))


def _vector_norm_body(x: Any, axis: Any, keepdims: bool, ord: Any) -> Any:
    return _vector_norm(x, ord, normal_axes(axis, x.ndim), keepdims)


vector_norm_ = composite(
    "vector_norm", lambda x, axis, keepdims, ord: np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord), _vector_norm_body
)
matrix_norm_ = composite(
    "matrix_norm",
    lambda x, keepdims, ord: np.linalg.matrix_norm(x, keepdims=keepdims, ord=ord),
    lambda x, keepdims, ord: _matrix_norm(x, ord, (x.ndim - 2, x.ndim - 1), keepdims, "np.linalg.matrix_norm"),
)


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    return vector_norm_.bind(x, axis=axis, keepdims=bool(keepdims), ord=ord)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return matrix_norm_.bind(x, keepdims=bool(keepdims), ord=ord)


cond_ = composite(
    "cond", lambda x, p: np.linalg.cond(x, p), lambda x, p: norm(x, p, (-2, -1)) * norm(np.linalg.inv(x), p, (-2, -1))
)


def cond(x: Any, p: Any = None) -> Any:
    if p in (None, 2, -2, "nuc"):
        raise UnsupportedFunctionError.no_rule(f"np.linalg.cond with p={p!r}", ", because it needs singular values")
    return cond_.bind(x, p=p)


# -- powers and products ---------------------------------------------------------------------------------------------


def matrix_power(a: Any, n: int) -> Any:
    """Repeated squaring, in the order in which NumPy multiplies."""
    if n == 0:
        return np.zeros(a.shape, a.dtype) + np.eye(a.shape[-2], dtype=a.dtype)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 3:
        return matmul(matmul(a, a), a)
    square = result = None
    while n:
        square = a if square is None else matmul(square, square)
        n, bit = divmod(n, 2)
        if bit:
            result = square if result is None else matmul(result, square)
    return result


def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    arrays = [_array(a) for a in arrays]
    if len(arrays) < 2:
        raise ValueError("Expecting at least two arrays.")
    first, last = arrays[0].ndim == 1, arrays[-1].ndim == 1
    if first:
        arrays[0] = arrays[0][None, :]
    if last:
        arrays[-1] = arrays[-1][:, None]
    y = _product(arrays, _chain_order([*[a.shape[0] for a in arrays], arrays[-1].shape[1]]), 0, len(arrays) - 1)
    if first and last:
        return y[0, 0]
    return np.ravel(y) if first or last else y


def _chain_order(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to split each product i..j (Cormen et al., Introduction to Algorithms, section 15.2)."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            choices = [(cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)]
            # NumPy multiplies three matrices from the right when both orders cost the same, and otherwise splits early.
            cost[i, j], split[i, j] = min(choices)
    return split


def _product(arrays: list[Any], split: Any, i: int, j: int) -> Any:
    if i == j:
        return arrays[i]
    k = split[i, j]
    return ops.dot(_product(arrays, split, i, k), _product(arrays, split, k + 1, j))


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = _array(a), _array(b)
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


def outer(x1: Any, x2: Any, /) -> Any:
    x1, x2 = _array(x1), _array(x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError("Input arrays must be one-dimensional")
    return ops.outer(x1, x2)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    x1, x2 = _array(x1), _array(x2)
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors")
    return ops.cross(x1, x2, axis=axis)


for _name, _f, _kind in (
    ("solve", solve, "implicit"), ("inv", inv, "implicit"),
    ("cholesky", cholesky, "implicit"), ("tensorsolve", tensorsolve, "implicit"),
    ("tensorinv", tensorinv, "implicit"), ("det", det_, "elementwise"),
    ("slogdet", slogdet, "elementwise"), ("norm", norm, "composite"),
    ("vector_norm", vector_norm, "composite"), ("matrix_norm", matrix_norm, "composite"), ("cond", cond, "composite"),
    ("matrix_power", matrix_power, "composite"),
    ("multi_dot", multi_dot, "multilinear"), ("outer", outer, "multilinear"),
    ("cross", cross, "multilinear"), ("matmul", lambda x1, x2, /: matmul(_array(x1), _array(x2)), "multilinear"),
    ("tensordot", lambda x1, x2, /, *, axes=2: ops.tensordot(x1, x2, axes), "multilinear"),
    ("vecdot", lambda x1, x2, /, *, axis=-1: vecdot(x1, x2, axis=axis), "multilinear"),
    ("trace", lambda x, /, *, offset=0, dtype=None: ops.trace(x, offset, -2, -1), "linear"),
    ("diagonal", lambda x, /, *, offset=0: ops.diagonal(x, offset, -2, -1), "linear"),
    ("matrix_transpose", lambda x, /: _swap(x), "linear"),
):  # fmt: skip
    expose(_f, f"numpy.linalg.{_name}", getattr(np.linalg, _name), _kind)
