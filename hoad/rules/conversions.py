"""The same elements in another dtype or another place in memory: astype, copy, real and imag.

A cotangent comes back in the dtype of the argument; a conversion to integers has the zero derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import asarray, filled
from hoad.core.box import Box, ops, strip
from hoad.core.kinds import constant, linear
from hoad.core.kinds.batching import align_ranks
from hoad.core.kinds.cotangents import is_real
from hoad.core.primitive import expose

astype_ = linear(
    "astype",
    lambda x, dtype: np.asarray(x).astype(dtype) if isinstance(x, np.generic) else x.astype(dtype),
    lambda g, old, dtype: g,
    batch=align_ranks,
)


def _keep_dtype(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    x = xs[0]
    dtype, real = x.dtype, is_real(x)

    def pull(g: Any) -> Any:
        g = ops.real(g) if real and not is_real(g) else g
        return (g if g.dtype == dtype else astype(g, dtype),)

    return pull


astype_.reverse = _keep_dtype
copy_ = linear("copy", lambda x: x.copy(), lambda g, old: g, batch=align_ranks)
real_ = linear(
    "real", np.real, lambda g, old: g, batch=align_ranks,
    write_back=lambda x, y, kw: y + 1j * imag(x) if not is_real(x) else y,
)  # fmt: skip
imag_ = linear(
    "imag", np.imag, lambda g, old: g * 1j, batch=align_ranks,
    write_back=lambda x, y, kw: real(x) + 1j * y,
)  # fmt: skip


def _truncate_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    return prim.bind(*xs, **kw)


_truncate = constant("astype_integer", lambda x, dtype: asarray(x).astype(dtype), batch=_truncate_batch)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    dtype = np.dtype(dtype)
    if not isinstance(x, Box):
        return asarray(x).astype(dtype)
    if x.dtype == dtype:
        return x
    if dtype.kind not in "fc":
        return _truncate(x, dtype=dtype)
    if dtype.kind == "f" and x.dtype.kind == "c":
        x = real(x)
    return astype_.bind(x, dtype=dtype)


def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return copy_.bind(a)


def real(val: Any) -> Any:
    if isinstance(val, Box) and val.dtype.kind != "c":
        return val
    return real_(val)


def imag(val: Any) -> Any:
    if isinstance(val, Box) and val.dtype.kind != "c":
        return filled(val.shape, 0, val.dtype, strip(val))
    return imag_(val)


ops.astype = astype  # np.astype is newer than hoad's oldest NumPy

for _f in (astype, copy, real, imag):
    if hasattr(np, _f.__name__):
        expose(_f, f"numpy.{_f.__name__}", getattr(np, _f.__name__), "linear")
