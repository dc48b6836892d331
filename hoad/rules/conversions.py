"""The same elements in another dtype or another place in memory: astype, copy, real and imag.

A cotangent comes back in the dtype of the argument; a conversion to integers has the zero derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import asarray, filled, is_host
from hoad.core.box import Box, Buffer, ops, peek
from hoad.core.kinds import constant, jointly_linear, linear
from hoad.core.kinds.batching import align_ranks
from hoad.core.kinds.cotangents import fit, is_real
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
    write_back=lambda x, y, kw: y if is_real(x) else join_parts(y, imag(x), x.dtype),
)  # fmt: skip
imag_ = linear(
    "imag", np.imag, lambda g, old: g * 1j, batch=align_ranks,
    write_back=lambda x, y, kw: join_parts(real(x), y, x.dtype),
)  # fmt: skip


def _joined(a: Any, b: Any, dtype: Any) -> Any:
    """a + ib, right for infinite b too."""
    if not is_host(peek(a)):
        return (a + 1j * b).astype(dtype)
    z = filled(np.broadcast_shapes(a.shape, b.shape), 0, dtype, peek(a))
    z.real = a
    z.imag = b
    return z


def _join_forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    a, b = (filled(x.shape, 0, x.dtype, peek(x)) if t is None else t for x, t in zip(xs, ts, strict=True))
    return join_.bind(a, b, **kw)


def _join_reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
    spec = [(i, xs[i].shape) for i in which]
    return lambda g: [fit(imag(g) if i else real(g), shape, True) for i, shape in spec]


join_ = jointly_linear("join_parts", _joined, _join_forward, _join_reverse, batch=align_ranks)


def join_parts(a: Any, b: Any, dtype: Any) -> Any:
    """Complex array of a real and an imaginary part."""
    return join_.bind(real(a), real(b), dtype=dtype)


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


def astype_copied(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """np.astype: the same dtype gives a copy, unless ``copy=False``."""
    if not isinstance(x, Box) or np.dtype(dtype) != x.dtype:
        return astype(x, dtype)
    return kept_buffer(x, copy_.bind(x)) if copy else x


def kept_buffer(x: Any, y: Any) -> Any:
    """A copy of a buffer, or of parts of it, as one: ``b[i] += traced`` updates it before it goes back into b."""
    return Buffer(0, y, None) if type(x) is Buffer and type(y) is np.ndarray else y


def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return kept_buffer(a, copy_.bind(a))


def real(val: Any) -> Any:
    if isinstance(val, Box) and val.dtype.kind != "c":
        return val
    return real_(val)


def imag(val: Any) -> Any:
    if isinstance(val, Box) and val.dtype.kind != "c":
        return filled(val.shape, 0, val.dtype, peek(val))
    return imag_(val)


for _f in (copy, real, imag):
    expose(_f, f"numpy.{_f.__name__}", getattr(np, _f.__name__), "linear")
if hasattr(np, "astype"):  # newer than hoad's oldest NumPy
    expose(astype_copied, "numpy.astype", np.astype, "linear")
ops.astype = astype
