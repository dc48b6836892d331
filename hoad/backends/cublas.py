"""Products of matrices by cuBLAS through ctypes: CuPy's own calls refuse to be captured into a graph, these do not.

Rows are contiguous here and columns are in cuBLAS, so that the transpose of the result is computed: out' = b' a'.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

__all__ = ["Gemm", "gemm_arguments", "loaded"]

NORMAL, TRANSPOSED = 0, 1

FUNCTIONS = {"<f8": ("cublasDgemm_v2", ctypes.c_double), "<f4": ("cublasSgemm_v2", ctypes.c_float)}


def _leading(a: Any) -> tuple[bool, int]:
    """Whether a matrix lies in memory by columns, and how far its rows (or columns) are apart."""
    rows, columns = a.shape
    down, along = (s // a.itemsize for s in a.strides)
    if (along == 1 or columns == 1) and (down >= columns or rows == 1):
        return False, max(columns, 1) if rows == 1 else down
    if (down == 1 or rows == 1) and (along >= rows or columns == 1):
        return True, max(rows, 1) if columns == 1 else along
    raise ValueError(f"a matrix with strides {a.strides}")


def gemm_arguments(a: Any, b: Any, out: Any) -> tuple[int, int, int, int, int, int, int, int]:
    """(operation on b, operation on a, columns of out, rows of out, inner, leading dimensions of b, a and out).

    Parameters
    ----------
    a, b, out : array
        Matrices of one dtype, shapes (m, k), (k, n) and (m, n), none of them empty, ``out`` in C order.

    Raises
    ------
    ValueError
        If neither rows nor columns of a factor are contiguous.
    """
    (turned_a, lead_a), (turned_b, lead_b) = _leading(a), _leading(b)
    m, k = a.shape
    n = b.shape[1]
    return (
        TRANSPOSED if turned_b else NORMAL, TRANSPOSED if turned_a else NORMAL, n, m, k, lead_b, lead_a, max(n, 1),
    )  # fmt: skip


def loaded(version: int) -> ctypes.CDLL:
    """The cuBLAS that this process uses already, for a major version of CUDA; raises OSError if there is none."""
    if sys.platform != "linux":
        raise OSError(f"cuBLAS is not looked for on {sys.platform}")
    return ctypes.CDLL(f"libcublas.so.{version}", mode=os.RTLD_NOLOAD | os.RTLD_NOW)


class Gemm:
    """The matrix products of a cuBLAS."""

    def __init__(self, library: Any) -> None:
        self._stream, self._workspace = library.cublasSetStream_v2, library.cublasSetWorkspace_v2
        self._stream.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._workspace.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
        self._functions: dict[str, tuple[Any, Any, Any]] = {}
        for dtype, (name, number) in FUNCTIONS.items():
            f, pointer = getattr(library, name), ctypes.c_void_p
            whole, scalar = ctypes.c_int, ctypes.POINTER(number)
            f.argtypes = [pointer, *[whole] * 5, scalar, pointer, whole, pointer, whole, scalar, pointer, whole]
            f.restype = whole
            self._functions[dtype] = (f, number(1.0), number(0.0))

    def __call__(self, handle: int, stream: int, workspace: tuple[int, int], matrices: Any, pointers: Any) -> None:
        """out = a b for ``matrices`` a, b, out at ``pointers``, queued on a stream; ``workspace`` is an address and its bytes.

        ``a`` is not empty unless ``out`` is.
        """
        a, b, out = matrices
        if not out.size:
            return
        f, one, zero = self._functions[out.dtype.str]
        op_b, op_a, n, m, k, lead_b, lead_a, lead = gemm_arguments(a, b, out)
        at_a, at_b, at_out = pointers
        _check(self._stream(handle, stream))
        _check(self._workspace(handle, *workspace))
        _check(f(
            handle, op_b, op_a, n, m, k, ctypes.byref(one), at_b, lead_b, at_a, lead_a, ctypes.byref(zero), at_out, lead
        ))  # fmt: skip


def _check(status: int) -> None:
    if status:
        raise RuntimeError(f"cuBLAS reported status {status}")
