"""What is given to cuBLAS, tried with a BLAS of the host that has the same conventions."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from hoad.backends import cublas
from hoad.compiler.build import blas_address


class Function:
    """A function with a place for the types of its arguments."""

    def __init__(self, run):
        self.run = run

    def __call__(self, *arguments):
        return self.run(*arguments)


class HostBlas:
    """The part of cuBLAS that is used, by columns as there."""

    def __init__(self, status=0):
        self.seen = []
        self.cublasSetStream_v2 = Function(lambda handle, stream: self.note(handle, stream))
        self.cublasSetWorkspace_v2 = Function(lambda handle, address, size: self.note(handle, address, size))
        self.cublasDgemm_v2 = Function(lambda *a: status or self.gemm("dgemm", *a))
        self.cublasSgemm_v2 = Function(lambda *a: status or self.gemm("sgemm", *a))

    def note(self, *what):
        self.seen.append(what)
        return 0

    def gemm(self, name, handle, op_a, op_b, m, n, k, alpha, a, lead_a, b, lead_b, beta, c, lead):
        whole = [ctypes.byref(ctypes.c_int(x)) for x in (m, n, k, lead_a, lead_b, lead)]
        assert lead_a >= max(1, k if op_a else m)
        assert lead_b >= max(1, n if op_b else k)
        assert lead >= max(1, m)
        letters = [ctypes.c_char_p(b"NT"[op : op + 1]) for op in (op_a, op_b)]
        run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(blas_address(name))
        pointers = [ctypes.cast(x, ctypes.c_void_p) for x in (*letters, *whole[:3], alpha)]
        rest = [ctypes.cast(x, ctypes.c_void_p) for x in (whole[3], whole[4], beta, whole[5])]
        run(*pointers, a, rest[0], b, rest[1], rest[2], c, rest[3])
        return 0


def stored(shape, how, dtype):
    """A matrix of this shape that lies in memory in one of several ways."""
    x = np.random.default_rng(sum(shape)).standard_normal((shape[0] + 3, shape[1] + 2)).astype(dtype)
    rows = x[: shape[0], : shape[1]]
    turned = x.T.copy().T[: shape[0], : shape[1]]
    return {"rows": rows.copy(), "columns": rows.T.copy().T, "a part": rows, "a part by columns": turned}[how]


SHAPES = [(2, 3, 4), (1, 5, 3), (4, 1, 3), (3, 5, 1), (1, 1, 6), (6, 1, 1), (1, 4, 1), (1, 1, 1), (0, 2, 3), (2, 3, 0)]
WAYS = ["rows", "columns", "a part", "a part by columns"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
def test_products_of_matrices_however_they_lie_in_memory(m, k, n, dtype):
    library = HostBlas()
    gemm = cublas.Gemm(library)
    for way_a in WAYS:
        for way_b in WAYS:
            a, b = stored((m, k), way_a, dtype), stored((k, n), way_b, dtype)
            out = np.full((m, n), np.nan, dtype)
            gemm(7, 8, (9, 10), (a, b, out), (a.ctypes.data, b.ctypes.data, out.ctypes.data))
            bound = 1e-5 if dtype == np.float32 else 1e-13
            np.testing.assert_allclose(out, a @ b, rtol=bound, atol=bound, err_msg=f"{way_a}, {way_b}")
    assert set(library.seen) == ({(7, 8), (7, 9, 10)} if m * n else set())


def test_what_is_refused():
    a = np.ones((4, 6))
    with pytest.raises(ValueError, match="strides"):
        cublas.gemm_arguments(a[:, ::2], np.ones((3, 2)), np.ones((4, 2)))
    x, gemm = np.ones((2, 2)), cublas.Gemm(HostBlas(13))
    with pytest.raises(RuntimeError, match="cuBLAS reported status 13"):
        gemm(0, 0, (0, 0), (x, x, x), [x.ctypes.data] * 3)
    with pytest.raises(OSError, match=r"libcublas|looked for"):
        cublas.loaded(1)
