"""scipy.sparse: how sparse arrays with traced values are made and put together."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import scipy.sparse as sp

from hoad.core.box import Box, ops, shape_of
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.scipy.sparse.arrays import SparseArray, as_sparse, is_traced, moved
from hoad.rules.scipy.sparse.pattern import Pattern

__all__ = ["MADE", "guarded"]


def _values(data: Any, dtype: Any) -> Any:
    data = as_array(data)
    return data if dtype is None else data.astype(dtype)


def _compressed(format: str) -> Callable[..., Any]:
    def made(arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **kwargs: Any) -> SparseArray:
        if isinstance(arg1, SparseArray) or sp.issparse(arg1) or not isinstance(arg1, tuple):
            found = as_sparse(arg1, format)
            return found if dtype is None else found.astype(dtype)
        if len(arg1) == 2 and all(np.ndim(n) == 0 and not isinstance(n, Box) for n in arg1):  # a shape
            return as_sparse(getattr(sp, f"{format}_array")(arg1, dtype=dtype))
        if len(arg1) == 2:
            data, (rows, columns) = arg1
            found = _from_triplets(_values(data, dtype), rows, columns, shape)
            return found if format == "coo" else found.sum_duplicates().asformat(format)
        data, indices, indptr = arg1
        data = _values(data, dtype)
        checked = getattr(sp, f"{format}_array")((np.ones(shape_of(data)), indices, indptr), shape=shape)
        return SparseArray(data, Pattern.of(checked))

    made.__name__ = f"{format}_array"
    return made


def _from_triplets(data: Any, rows: Any, columns: Any, shape: Any) -> SparseArray:
    """Checked by SciPy, which also finds the shape."""
    checked = sp.coo_array((np.ones(shape_of(data)), (np.asarray(rows), np.asarray(columns))), shape=shape)
    return SparseArray(data, Pattern.of(checked))


def diags_array(diagonals: Any, /, *, offsets: Any = 0, shape: Any = None, format: Any = None, dtype: Any = None) -> SparseArray:
    if np.ndim(offsets) == 0:
        diagonals = [diagonals] if shape_of(diagonals)[:1] == () or len(shape_of(diagonals)) == 1 else diagonals
        offsets = [offsets]
    diagonals = [_at_least_1d(as_array(d)) for d in diagonals]
    if len(diagonals) != len(offsets):
        raise ValueError("Different number of diagonals and offsets.")
    if shape is None:
        m = shape_of(diagonals[0])[0] + abs(int(offsets[0]))
        shape = (m, m)
    values, rows, columns = [], [], []
    for d, k in zip(diagonals, map(int, offsets), strict=True):
        length = min(shape[0] + min(k, 0), shape[1] - max(k, 0))
        given = shape_of(d)[0]
        if length < 0 or given not in (length, 1):
            raise ValueError(f"Diagonal length (index of offset {k}: {given}) does not agree with array size {tuple(shape)}.")
        values.append(d if given == length else ops.broadcast_to(d, (length,)))
        at = np.arange(length)
        rows.append(at - min(k, 0))
        columns.append(at + max(k, 0))
    data = ops.concatenate(values) if values else np.zeros(0)
    found = _from_triplets(_values(data, dtype), np.concatenate(rows), np.concatenate(columns), shape)
    return found.asformat(format if format in ("csr", "csc", "coo") else "csr")


def _at_least_1d(x: Any) -> Any:
    return x if len(shape_of(x)) else ops.reshape(x, (1,))


def diags(diagonals: Any, offsets: Any = 0, shape: Any = None, format: Any = None, dtype: Any = None) -> SparseArray:
    return diags_array(diagonals, offsets=offsets, shape=shape, format=format, dtype=dtype)


def dia_array(arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **kwargs: Any) -> SparseArray:
    """Kept in CSR order."""
    if not isinstance(arg1, tuple) or isinstance(arg1, SparseArray):
        return _compressed("csr")(arg1, shape, dtype)
    data, offsets = as_array(arg1[0]), np.atleast_1d(arg1[1])
    rows = [data[i] for i in range(len(offsets))] if len(shape_of(data)) == 2 else [data]
    parts = []
    for d, k in zip(rows, map(int, offsets), strict=True):
        length = max(min(shape[0] + min(k, 0), shape[1] - max(k, 0)), 0)
        d = d[max(k, 0) : max(k, 0) + length]
        parts.append(ops.concatenate([d, np.zeros(length - shape_of(d)[0])]) if shape_of(d)[0] < length else d)
    return diags_array(parts, offsets=[int(k) for k in offsets], shape=shape, dtype=dtype)


def _joined(name: str) -> Callable[..., Any]:
    native = getattr(sp, name)

    def function(blocks: Any, format: Any = None, dtype: Any = None) -> SparseArray:
        arrays: list[SparseArray] = []

        def numbered(x: Any) -> Any:
            """None stays, an array becomes its number."""
            if x is None:
                return None
            if isinstance(x, list | tuple):
                return [numbered(v) for v in x]
            arrays.append(as_sparse(x))
            return len(arrays) - 1

        layout = numbered(list(blocks))

        def joined(*matrices: Any) -> Any:
            def placed(x: Any) -> Any:
                return x if x is None else [placed(v) for v in x] if isinstance(x, list) else matrices[x]

            return native(placed(layout), format=format or "csr")

        found = moved(joined, *arrays)
        return found if dtype is None else found.astype(dtype)

    function.__name__ = name
    return function


def _triangle(name: str) -> Callable[..., Any]:
    native = getattr(sp, name)

    def function(A: Any, k: int = 0, format: Any = None) -> SparseArray:  # SciPy's names
        return moved(lambda m: native(m, k, format or "csr"), as_sparse(A))

    function.__name__ = name
    return function


def kron(A: Any, B: Any, format: Any = None) -> SparseArray:  # SciPy's names
    a, b = as_sparse(A), as_sparse(B)
    (r1, c1), (r2, c2) = ((np.asarray(p, np.int64) for p in x.pattern.places) for x in (a, b))
    rows = (r1[:, None] * b.shape[0] + r2).ravel()
    columns = (c1[:, None] * b.shape[1] + c2).ravel()
    shape = (a.shape[0] * b.shape[0], a.shape[1] * b.shape[1])
    data = ops.reshape(a.data[:, None] * b.data[None, :], (a.nnz * b.nnz,))
    return _from_triplets(data, rows, columns, shape).asformat(format or "csr")


def kronsum(A: Any, B: Any, format: Any = None) -> SparseArray:  # SciPy's names
    a, b = as_sparse(A), as_sparse(B)
    left, right = (sp.eye_array(x.shape[0], dtype=x.dtype) for x in (b, a))
    return (kron(left, a) + kron(b, right)).asformat(format or "csr")


def spdiags(data: Any, diags: Any, m: Any = None, n: Any = None, format: Any = None) -> SparseArray:
    shape = m if n is None else (m, n)
    size = shape_of(as_array(data))[-1]
    return dia_array((data, diags), shape=(size, size) if shape is None else shape).asformat(format or "csr")


def swapaxes(A: Any, axis1: int, axis2: int) -> SparseArray:  # SciPy's names
    return moved(lambda m: sp.swapaxes(m, axis1, axis2), as_sparse(A))


def permute_dims(A: Any, axes: Any = None, copy: bool = False) -> SparseArray:  # SciPy's names
    return moved(lambda m: sp.permute_dims(m, axes), as_sparse(A))


def issparse(x: Any) -> bool:
    return isinstance(x, SparseArray) or sp.issparse(x)


def find(A: Any) -> tuple[Any, Any, Any]:  # SciPy's names
    """Rows, columns and values of the stored entries, each once; also of those that are zero."""
    a = as_sparse(A).sum_duplicates()
    rows, columns = a.pattern.places
    return rows, columns, a.data


def _uncovered(name: str, native: Any) -> Any:
    """A function of SciPy that has no rule: traced arguments raise, plain sparse arrays of hoad become SciPy's."""

    def plain(x: Any) -> Any:
        if isinstance(x, SparseArray):
            return x.to_scipy()
        return type(x)(map(plain, x)) if type(x) in (list, tuple) else x

    def traced(x: Any) -> bool:
        return any(map(traced, x)) if isinstance(x, list | tuple) else is_traced(x)

    @wraps(native, updated=())
    def function(*args: Any, **kwargs: Any) -> Any:
        if any(map(traced, (*args, *kwargs.values()))):
            raise UnsupportedFunctionError.no_rule(name)
        return native(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})

    return function


guarded = _uncovered

MADE: dict[str, Callable[..., Any]] = {
    **{f"{f}_array": _compressed(f) for f in ("csr", "csc", "coo")},
    "dia_array": dia_array, "diags_array": diags_array, "diags": diags, "spdiags": spdiags,
    "kron": kron, "kronsum": kronsum, "swapaxes": swapaxes, "permute_dims": permute_dims, "find": find, "issparse": issparse,
    **{name: _joined(name) for name in ("hstack", "vstack", "block_array", "bmat", "block_diag")},
    **{name: _triangle(name) for name in ("tril", "triu")},
}  # fmt: skip
"""By their names in scipy.sparse."""

_KINDS = {
    "kron": "multilinear",
    "issparse": "constant",
    "csr_array": "composite",
    "csc_array": "composite",
    "coo_array": "composite",
}
"""The three arrays stand for all that can be done with them."""

for _name, _f in MADE.items():
    expose(_f, f"scipy.sparse.{_name}", getattr(sp, _name), _KINDS.get(_name, "linear"))
