"""Products of arrays: matmul, einsum, and everything that einsum can write.

Each product keeps its native function for the value and for the products of the product rule; transposes are products too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from string import ascii_letters
from typing import Any

import numpy as np

from hoad.backends import arange, asarray, filled, is_host
from hoad.core.box import Box, ops, peek, shape_of
from hoad.core.kinds import composite, linear, multilinear
from hoad.core.kinds.batching import expand
from hoad.core.kinds.cotangents import conjugated, fit, is_complex, is_real
from hoad.core.primitive import expose

# -- matmul: the work horse, transposed by matmul ------------------------------------------------------------------------------


def _times(g: Any, x: Any) -> Any:
    """g x; x itself, not to be written to, where g is the cotangent 1 with which a sweep begins."""
    if isinstance(g, np.floating) and g == 1 and type(x) is np.ndarray and x.dtype == g.dtype:
        x = x.view()
        x.flags.writeable = False
        return x
    return g * x


def _swap(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _no_lists(xs: Any) -> Any:
    """Operands, of which one may have been a list: ``x @ [1.0, 2.0]``."""
    return [np.asarray(x) if type(x) in (list, tuple) else x for x in xs]


def _matmul_left(g: Any, xs: Any) -> Any:
    a, b = xs if hasattr(xs[1], "shape") else _no_lists(xs)
    rank_a, rank_b = len(shape_of(a)), len(shape_of(b))
    b = conjugated(b)
    if rank_b == 1:
        if rank_a == 1:
            return _times(g, b)
        return g[..., None] * b
    if rank_a == 1:
        product = np.matmul(b, g[..., None])[..., 0]
        return product
    return np.matmul(g, _swap(b))


def _matmul_right(g: Any, xs: Any) -> Any:
    a, b = xs if hasattr(xs[0], "shape") else _no_lists(xs)
    rank_a, rank_b = len(shape_of(a)), len(shape_of(b))
    a = conjugated(a)
    if rank_a == 1:
        if rank_b == 1:
            return _times(g, a)
        return a[:, None] * g[..., None, :]
    if rank_b == 1:
        if rank_a == 2:
            return np.matmul(_swap(a), g)
        return np.matmul(_swap(a), g[..., None])[..., 0]
    return np.matmul(_swap(a), g)


def _matmul_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    """A vector becomes a matrix with one row or column, so that hidden axes are stack axes."""
    a, b = _no_lists(xs)
    ranks = len(shape_of(a)) - flags[0], len(shape_of(b)) - flags[1]
    if not all(ranks):
        raise ValueError(f"matmul: Input operand {ranks.index(0)} does not have enough dimensions (has 0)")
    row, column = ranks[0] == 1, ranks[1] == 1
    if row:
        a = ops.reshape(a, (*a.shape[:-1], 1, a.shape[-1]))
    if column:
        b = ops.reshape(b, (*b.shape, 1))
    rank = max(len(shape_of(a)) - flags[0], len(shape_of(b)) - flags[1])
    y = prim.bind(expand(a, rank) if flags[0] else a, expand(b, rank) if flags[1] else b)
    if column:
        y = y[..., 0]
    if row:
        y = y[..., 0] if column else y[..., 0, :]
    return y


matmul = multilinear("matmul", np.matmul, _matmul_left, _matmul_right, batch=_matmul_batch)
expose(matmul, "numpy.matmul", np.matmul, "multilinear")

# -- einsum: closed under transposition ------------------------------------------------------------------------------------------


def explicit_subscripts(subscripts: str, ranks: list[int]) -> tuple[list[str], str]:
    """Subscripts of the operands and of the result, with letters in place of the ellipsis."""
    terms, result = _read_subscripts(subscripts, tuple(ranks))
    return list(terms), result


@lru_cache
def _read_subscripts(subscripts: str, ranks: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    used = {c for c in subscripts if c.isalpha()}
    spare = [c for c in ascii_letters if c not in used]
    widest = max((r - len(t.replace("...", "")) for t, r in zip(terms, ranks, strict=True) if "..." in t), default=0)
    dots = "".join(spare[:widest])

    def filled(term: str, rank: int) -> str:
        n = rank - len(term.replace("...", ""))
        return term.replace("...", dots[len(dots) - n :] if n else "")

    terms = [filled(t, r) for t, r in zip(terms, ranks, strict=True)]
    if arrow:
        return tuple(terms), right.replace("...", dots)
    letters = "".join(terms)
    free = sorted(c for c in set(letters) if letters.count(c) == 1 and c not in dots)
    return tuple(terms), dots + "".join(free)


def _einsum_native(*xs: Any, subscripts: str) -> Any:
    return np.einsum(subscripts, *xs)


def _einsum_quick(subscripts: str, *xs: Any) -> Any:
    """An einsum whose value need not be bitwise NumPy's unoptimised one: contracted pairwise through BLAS."""
    if any(isinstance(x, Box) for x in xs):
        return einsum_fast.bind(*xs, subscripts=subscripts)
    left, _, right = subscripts.partition("->")
    terms = left.split(",")
    if len(terms) == 2 and set(left) - {","} == set(right) and all(len(set(t)) == len(t) for t in (*terms, right)):
        a, b = (_along_letters(np.asarray(x) if is_host(x) else x, t, right) for x, t in zip(xs, terms, strict=True))
        return a * b  # nothing is contracted
    return np.einsum(subscripts, *xs, optimize=True)


def _along_letters(x: Any, term: str, result: str) -> Any:
    """``x`` with the axes of ``result``, of length one where it has none."""
    x = x.transpose([term.index(c) for c in result if c in term])
    return x[tuple(slice(None) if c in term else None for c in result)]


def _einsum_pull(i: int, g: Any, xs: Any, subscripts: str) -> Any:
    """Cotangent of operand i: contract the result's cotangent with the other operands."""
    terms, result = explicit_subscripts(subscripts, [len(shape_of(x)) for x in xs])
    target, shape = terms[i], shape_of(xs[i])
    unique = "".join(dict.fromkeys(target))
    others = [t for k, t in enumerate(terms) if k != i]
    operands = [conjugated(x) for k, x in enumerate(xs) if k != i]
    size = {c: n for t, x in zip(terms, xs, strict=True) for c, n in zip(t, shape_of(x), strict=True) if n != 1}
    present = set(result).union(*others) if others else set(result)
    kept = "".join(c for c in unique if c in present)
    y = _einsum_quick(",".join([result, *others]) + "->" + kept, g, *operands)
    full = tuple(size.get(c, 1) for c in unique)
    if kept != unique:  # an index that only this operand has was summed: its cotangent is the same along it
        y = ops.reshape(y, tuple(n if c in kept else 1 for c, n in zip(unique, full, strict=True)))
    y = ops.broadcast_to(y, full) if shape_of(y) != full else y
    if unique != target:  # a repeated index: the cotangent lives on a diagonal
        grids = np.meshgrid(*[arange(n, peek(g)) for n in full], indexing="ij", sparse=True)
        where = dict(zip(unique, grids, strict=True))
        y = ops.scatter(y, tuple(where[c] for c in target), tuple(size.get(c, 1) for c in target))
    if shape_of(y) != shape:  # an operand axis of length one was broadcast
        y = ops.sum_to(y, shape)
    return y


def _einsum_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    terms, result = explicit_subscripts(kw["subscripts"], [len(shape_of(x)) - f for x, f in zip(xs, flags, strict=True)])
    letter = next(c for c in ascii_letters if c not in result and all(c not in t for t in terms))
    terms = [letter + t if f else t for t, f in zip(terms, flags, strict=True)]
    return prim.bind(*xs, subscripts=",".join(terms) + "->" + letter + result)


einsum_ = multilinear("einsum", _einsum_native, many=_einsum_pull, batch=_einsum_batch)
einsum_fast = multilinear(
    "einsum_fast", lambda *xs, subscripts: np.einsum(subscripts, *xs, optimize=True), many=_einsum_pull, batch=_einsum_batch
)


def _einsum_places(subscripts: str, x: Any) -> Any:
    """Where in x, counted in C order, the elements of a view by einsum are."""
    return np.einsum(subscripts, np.arange(x.size).reshape(shape_of(x)))


einsum_view_ = linear(
    "einsum_view",
    lambda x, subscripts: np.einsum(subscripts, x),
    lambda g, shape, subscripts: _einsum_pull(0, g, [np.broadcast_to(0.0, shape)], subscripts),
    batch=lambda prim, size, xs, flags, kw: _einsum_batch(prim, size, xs, flags, kw),
    write_back=lambda x, y, kw: ops.reshape(
        ops.index_update(ops.ravel(x), _einsum_places(kw["subscripts"], x).ravel(), ops.ravel(y)), shape_of(x)
    ),
)


def _is_view(subscripts: str, x: Any) -> bool:
    """Whether einsum of one operand only moves elements: a transpose or a diagonal, which NumPy returns as a view."""
    (term,), result = explicit_subscripts(subscripts, [len(shape_of(x))])
    sizes: dict[str, int] = {}
    for c, n in zip(term, shape_of(x), strict=True):
        if sizes.setdefault(c, n) != n:  # NumPy, for no rows, gives numbers from outside of the array
            raise ValueError(f"dimensions in single operand for collapsing index '{c}' don't match ({sizes[c]} != {n})")
    return set(term) == set(result) and len(result) == len(set(result))


def einsum(
    *operands: Any, out: Any = None, optimize: Any = False, dtype: Any = None, order: str = "K", casting: str = "safe"
) -> Any:
    if not isinstance(operands[0], str):  # einsum(a, [0, 1], b, [1, 2], [0, 2])
        pairs, rest = operands[: len(operands) // 2 * 2], operands[len(operands) // 2 * 2 :]

        def letters(axes: Any) -> str:
            return "".join("..." if a is Ellipsis else ascii_letters[a] for a in axes)

        subscripts = ",".join(letters(a) for a in pairs[1::2])
        return einsum(subscripts + ("->" + letters(rest[0]) if rest else ""), *pairs[::2], optimize=optimize, dtype=dtype)
    subscripts, *xs = operands
    xs = [x if isinstance(x, Box) else np.asarray(x) for x in xs]
    if dtype is not None:
        xs = [ops.astype(x, dtype) for x in xs]
    if len(xs) == 1 and isinstance(xs[0], Box) and _is_view(subscripts, xs[0]):
        return einsum_view_(xs[0], subscripts=subscripts)
    return (einsum_fast if optimize is not False else einsum_).bind(*xs, subscripts=subscripts)


expose(einsum, "numpy.einsum", np.einsum, "multilinear")

# -- products that einsum can write -----------------------------------------------------------------------------------------------


def _written(name: str, native: Callable[..., Any], formula: Callable[..., str]) -> Any:
    """A product of two arrays; ``formula(rank_a, rank_b, **kw)`` gives its subscripts, used for the transposes."""

    def pull(i: int, g: Any, xs: Any, **kw: Any) -> Any:
        return _einsum_pull(i, g, xs, formula(len(shape_of(xs[0])), len(shape_of(xs[1])), **kw))

    def batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
        ranks = [len(shape_of(x)) - f for x, f in zip(xs, flags, strict=True)]
        return _einsum_batch(einsum_fast, size, xs, flags, {"subscripts": formula(*ranks, **kw)})

    prim = multilinear(name, native, many=pull, batch=batch)
    return prim


def _as_arrays(*xs: Any) -> list[Any]:
    return [asarray(x) for x in xs]


def _letters(n: int, start: int = 0) -> str:
    return ascii_letters[start : start + n]


def _dot_formula(p: int, q: int) -> str:
    if p == 0 or q == 0:
        return f"{_letters(p)},{_letters(q, p)}->{_letters(p + q)}"
    a, b = _letters(p), _letters(q, p)
    summed = a[-1]
    at = -2 if q > 1 else -1
    b = b[:at] + summed + (b[at + 1 :] if at != -1 else "")
    return f"{a},{b}->{a[:-1]}{b.replace(summed, '')}"


def _inner_formula(p: int, q: int) -> str:
    if p == 0 or q == 0:
        return f"{_letters(p)},{_letters(q, p)}->{_letters(p + q)}"
    a = _letters(p)
    b = _letters(q - 1, p) + a[-1]
    return f"{a},{b}->{a[:-1]}{b[:-1]}"


def _tensordot_formula(p: int, q: int, axes: Any) -> str:
    a, b = list(_letters(p)), list(_letters(q, p))
    for i, j in zip(*axes, strict=True):
        b[j] = a[i]
    kept = [c for i, c in enumerate(a) if i not in axes[0]] + [c for j, c in enumerate(b) if j not in axes[1]]
    return f"{''.join(a)},{''.join(b)}->{''.join(kept)}"


dot_ = _written("dot", np.dot, _dot_formula)
inner_ = _written("inner", np.inner, _inner_formula)
outer_ = _written("outer", np.outer, lambda p, q: "a,b->ab")


def _outer_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    spec = [(i, is_real(xs[i]), conjugated(xs[1 - i])) for i in which]
    return lambda g: [fit(np.matmul(other, g) if i else np.matmul(g, other), shape_of(xs[i]), real) for i, real, other in spec]


outer_.reverse = _outer_reverse
tensordot_ = _written("tensordot", lambda a, b, axes: np.tensordot(a, b, axes), _tensordot_formula)
vecdot_ = _written("vecdot", lambda a, b: np.vecdot(a, b) if is_host(a) else np.sum(a * b, axis=-1), lambda p, q: "...i,...i->...")


def _vecdot_reverse(derived: Any) -> Any:
    """Where nothing is broadcast, the contraction is with nothing: a product, without einsum's search for a path."""

    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        a, b = xs
        if shape_of(a) != shape_of(b) or is_complex(a) or is_complex(b):
            return derived(y, xs, kw, which)
        return lambda g: [_times(g if len(g.shape) == 0 else g[..., None], xs[1 - i]) for i in which]

    return reverse


vecdot_.reverse = _vecdot_reverse(vecdot_.reverse)


def dot(a: Any, b: Any, out: Any = None) -> Any:
    a, b = _as_arrays(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return (matmul if a.ndim <= 2 and b.ndim <= 2 else dot_).bind(a, b)


def inner(a: Any, b: Any, /) -> Any:
    a, b = _as_arrays(a, b)
    return a * b if a.ndim == 0 or b.ndim == 0 else inner_.bind(a, b)


def outer(a: Any, b: Any, out: Any = None) -> Any:
    a, b = _as_arrays(a, b)
    return outer_.bind(np.ravel(a), np.ravel(b))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = _as_arrays(a, b)
    if isinstance(axes, int | np.integer):
        axes = (tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes)))
    one, two = ((x,) if isinstance(x, int | np.integer) else tuple(x) for x in axes)
    pair = (tuple(int(i) % a.ndim for i in one), tuple(int(i) % b.ndim for i in two))
    return tensordot_.bind(a, b, axes=pair)


def vdot(a: Any, b: Any, /) -> Any:
    a, b = _as_arrays(a, b)
    return vecdot(*(x if x.ndim == 1 else np.ravel(x) for x in (a, b)))


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    a, b = _as_arrays(x1, x2)
    if axis != -1:
        a, b = np.moveaxis(a, axis, -1), np.moveaxis(b, axis, -1)
    return (vecdot_ if a.dtype.kind != "c" else complex_vecdot_).bind(a, b)


def _with_value_of(name: str, body: Callable[..., Any]) -> Any:
    """A product by ``body``, with the value of NumPy's ufunc, whose complex products are rounded differently."""

    def value(a: Any, b: Any) -> Any:
        return getattr(np, name)(a, b) if hasattr(np, name) and is_host(a) and is_host(b) else body(a, b)

    return composite(f"{name} (ufunc)", value, body)


complex_vecdot_ = _with_value_of("vecdot", lambda a, b: np.sum(np.conjugate(a) * b, axis=-1))
matvec_ = _with_value_of("matvec", lambda a, b: np.matmul(a, b[..., None])[..., 0])
vecmat_ = _with_value_of("vecmat", lambda a, b: np.matmul(conjugated(a)[..., None, :], b)[..., 0, :])


def matvec(x1: Any, x2: Any, /) -> Any:
    return matvec_.bind(*_as_arrays(x1, x2))


def vecmat(x1: Any, x2: Any, /) -> Any:
    return vecmat_.bind(*_as_arrays(x1, x2))


def kron(a: Any, b: Any) -> Any:
    a, b = _as_arrays(a, b)
    n = max(a.ndim, b.ndim)
    sa = (1,) * (n - a.ndim) + tuple(a.shape)
    sb = (1,) * (n - b.ndim) + tuple(b.shape)
    left = np.reshape(a, tuple(m for s in sa for m in (s, 1)))
    right = np.reshape(b, tuple(m for s in sb for m in (1, s)))
    return np.reshape(left * right, tuple(p * q for p, q in zip(sa, sb, strict=True)))


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _as_arrays(a, b)
    if not (a.ndim and b.ndim):
        raise ValueError("At least one array has zero dimension")
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if not {a.shape[-1], b.shape[-1]} <= {2, 3}:
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")

    def component(x: Any, i: int) -> Any:
        return x[..., i] if i < x.shape[-1] else 0.0

    if a.shape[-1] == b.shape[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    terms = [component(a, i) * component(b, j) - component(a, j) * component(b, i) for i, j in ((1, 2), (2, 0), (0, 1))]
    return np.stack(np.broadcast_arrays(*terms), axis=axisc)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


def _triangle(native: Any) -> Any:
    def triangle(m: Any, k: int = 0) -> Any:
        return np.where(native(filled(m.shape[-2:], True, bool, peek(m)), k), m, m.dtype.type(0))

    return triangle


for _name, _f, _kind in (
    ("dot", dot, "multilinear"), ("inner", inner, "multilinear"), ("outer", outer, "multilinear"),
    ("tensordot", tensordot, "multilinear"),
    ("vdot", vdot, "multilinear"), ("kron", kron, "multilinear"), ("cross", cross, "multilinear"), ("trace", trace, "linear"),
    ("tril", _triangle(np.tril), "linear"), ("triu", _triangle(np.triu), "linear"), ("vecdot", vecdot, "multilinear"),
    ("matvec", matvec, "multilinear"), ("vecmat", vecmat, "multilinear"),
):  # fmt: skip
    if hasattr(np, _name):
        expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
