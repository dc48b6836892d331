"""CUDA devices: CuPy arrays.  The one file that imports CuPy; it is imported when the first CuPy array is met."""

from __future__ import annotations

from typing import Any

import cupy
import cupyx

from hoad.backends import Backend

__all__ = ["BACKEND"]


def _special() -> Any:
    import cupyx.scipy.special

    return cupyx.scipy.special


BACKEND = Backend(
    name="cupy",
    asarray=cupy.asarray,
    arange=cupy.arange,
    to_host=cupy.asnumpy,
    synchronise=lambda: cupy.cuda.get_current_stream().synchronize(),
    scatter_add=cupyx.scatter_add,
    special=_special,
)
