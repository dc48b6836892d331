"""Cases: scipy.sparse, on a fixed pattern with values, factors and right-hand sides traced."""

import numpy as np

import hoad.scipy.sparse as sp
import hoad.scipy.sparse.linalg as spl

from .case import LAPACK, P, R, case, uniform

HOST = {"device": "SciPy computes on the host"}
SOLVE = {**LAPACK, **HOST}
INDICES, INDPTR = np.array([0, 2, 1, 2, 0, 3, 1, 3], np.int32), np.array([0, 2, 4, 6, 8], np.int32)
"""CSR, 4 x 4: rows of two entries each."""
ROWS, COLUMNS = np.array([0, 0, 1, 2, 3, 0]), np.array([0, 3, 1, 2, 0, 3])
"""COO, 4 x 5, with an entry given twice."""


def csr(data, shape=(4, 4)):
    return sp.csr_array((data, INDICES, INDPTR), shape=shape)


def dominant(rng):
    """Values that make the CSR pattern above with these places well conditioned."""
    data = rng.uniform(-0.5, 0.5, 8)
    data[[0, 2, 5, 7]] += [3.0, 3.0, -3.0, 3.0]
    data[4] += 1.0
    return data


def arr(name, call, *args, **options):
    case(f"scipy.sparse.{name}", call, *args, **{**HOST, **options})


# -- products and arithmetic -----------------------------------------------------------------------------------------------------------

for _format in ("csr", "csc", "coo"):
    _make = getattr(sp, f"{_format}_array")
    _extra = (INDICES, INDPTR)
    if _format == "coo":
        _new = lambda d: sp.coo_array((d, (ROWS, COLUMNS)), shape=(4, 5))
        _x, _y, _n = R(5), R(4), 6
    else:
        _new = lambda d, _make=_make: _make((d, INDICES, INDPTR), shape=(4, 4))
        _x, _y, _n = R(4), R(4), 8
    _m = 5 if _format == "coo" else 4
    arr(f"{_format}_array", lambda d, x, _new=_new: _new(d) @ x, R(_n), _x, label="vector")
    arr(f"{_format}_array", lambda d, x, _new=_new: _new(d) @ x, R(_n), R(_m, 2), label="columns")
    arr(f"{_format}_array", lambda d, y, _new=_new: _new(d).T @ y, R(_n), _y, label="transposed")
    arr(f"{_format}_array", lambda d, _new=_new: _new(d).toarray(), R(_n), label="dense")
    arr(f"{_format}_array", lambda d, _new=_new: (_new(d).sum(), _new(d).sum(axis=0), _new(d).sum(axis=1), _new(d).diagonal(), _new(d).diagonal(1), _new(d).trace()), R(_n), label="sums")
    arr(f"{_format}_array", lambda d, _new=_new: _new(d)[1:3, ::2].toarray(), R(_n), label="part")
    arr(f"{_format}_array", lambda d, _new=_new: (_new(d)[0, 0], _new(d)[0, 1] + 0 * d[0], _new(d)[0]), R(_n), label="entries")
arr("csr_array", lambda d, s: (csr(d) * s - 2 * csr(d) / s).toarray(), R(8), P(), label="scaled", holomorphic=True)
arr("csr_array", lambda d, e: (csr(d) + sp.csc_array((e, INDICES, INDPTR), shape=(4, 4))).toarray(), R(8), R(8), label="sum")
arr("csr_array", lambda d, e: (csr(d) @ csr(e)).toarray(), R(8), R(8), label="product")
arr("csr_array", lambda d, e, m: (csr(d).multiply(csr(e).T) + csr(d) * m).toarray(), R(8), R(8), R(4, 4), label="entrywise")
arr("csr_array", lambda d: sp.csr_array(d.reshape(2, 4)).T.toarray(), R(8), label="from dense")
arr("csr_array", lambda d: (csr(d).conj() - csr(d).real).toarray(), R(8), label="conjugate", holomorphic=False)
arr("csr_array", lambda d: (abs(csr(d)).toarray(), csr(d).power(2).toarray()), P(8), label="modulus", holomorphic=False)
arr("dia_array", lambda d: sp.dia_array((d, [0, 1, -2]), shape=(4, 4)).toarray(), R(3, 4))
arr("diags_array", lambda a, b: sp.diags_array([a, b], offsets=[0, 1]).toarray(), R(4), R(3))
arr("diags", lambda a, b: sp.diags([a, b], [0, -1], shape=(4, 3)).toarray(), R(3), R(1), label="broadcast")
arr("kron", lambda d, e: sp.kron(csr(d), sp.diags_array(e)).toarray(), R(8), R(2))
for _name in ("hstack", "vstack", "block_diag"):
    arr(_name, lambda d, e, _f=getattr(sp, _name): _f([csr(d), csr(e)]).toarray(), R(8), R(8))
arr("bmat", lambda d, e: sp.bmat([[csr(d), None], [csr(e), csr(d)]]).toarray(), R(8), R(8))
arr("kronsum", lambda d, e: sp.kronsum(csr(d), csr(e)).toarray(), R(8), R(8))
arr("spdiags", lambda d: sp.spdiags(d, [0, 1, -2], 4, 5).toarray(), R(3, 5))
for _name in ("swapaxes", "permute_dims"):
    arr(_name, lambda d, _f=getattr(sp, _name): _f(csr(d), *((0, 1) if _f.__name__ == "swapaxes" else ((1, 0),))).toarray(), R(8))
arr("block_array", lambda d, e: sp.block_array([[csr(d), None], [csr(e), csr(d)]]).toarray(), R(8), R(8))
arr("find", lambda d: sp.find(csr(d))[2], R(8))
arr("issparse", lambda d: sp.issparse(csr(d)), R(8))
for _name in ("tril", "triu"):
    arr(_name, lambda d, _f=getattr(sp, _name): _f(csr(d), -1).toarray(), R(8))

# -- solves ------------------------------------------------------------------------------------------------------------------------------

PERMUTED = {**SOLVE, "double_only": "the order of elimination may differ between precisions"}
for _b, _label in ((R(4), "vector"), (R(4, 2), "columns"), (R(4, 1), "column")):
    arr("linalg.spsolve", lambda d, b: spl.spsolve(csr(d), b), dominant, _b, label=_label, **SOLVE)
arr("linalg.spsolve", lambda d, b: spl.spsolve(csr(d).T, b, permc_spec="NATURAL"), dominant, R(4), label="csc", **SOLVE)
for _trans in ("N", "T", "H"):
    arr("linalg.splu", lambda d, b, _t=_trans: spl.splu(csr(d)).solve(b, _t), dominant, R(4), label=_trans, holomorphic=_trans != "H", **SOLVE)
arr("linalg.factorized", lambda d, b: spl.factorized(csr(d).tocsc())(b), dominant, R(4), **SOLVE)
_TRIANGLE = lambda d: sp.csr_array((d, (np.array([0, 1, 1, 2, 2, 2]), np.array([0, 0, 1, 0, 1, 2]))), shape=(3, 3))
for _unit in (False, True):
    arr("linalg.spsolve_triangular", lambda d, b, _u=_unit: spl.spsolve_triangular(_TRIANGLE(d), b, unit_diagonal=_u), P(6), R(3), label=f"{_unit}", **SOLVE)


arr("linalg.inv", lambda d: spl.inv(csr(d)).toarray(), dominant, **SOLVE)
for _n in (0, 1, 2, 5):
    arr("linalg.matrix_power", lambda d, _n=_n: (spl.matrix_power(csr(d), _n) + 0 * csr(d)).toarray(), R(8), label=f"{_n}")


def tridiagonal(d):
    """Symmetric positive definite."""
    return sp.diags_array([d[4:], d[:4] + 4, d[4:]], offsets=[-1, 0, 1])


KRYLOV = {**HOST, "tolerance": 5e4, "holomorphic": False, "in_double": True, "real_only": "the tolerance of the iteration", "double_only": "the tolerance of the iteration"}
TIGHT = {"rtol": 1e-13, "atol": 0.0}
for _name in ("cg", "bicg", "bicgstab", "cgs", "gmres", "lgmres", "gcrotmk", "qmr", "tfqmr"):
    arr(f"linalg.{_name}", lambda d, b, _f=getattr(spl, _name): _f(tridiagonal(d), b, **TIGHT)[0], uniform(-0.5, 0.5)(7), R(4), **KRYLOV)
_OPERATOR = np.array([[4.0, 1.0, 0.0], [0.5, 3.0, -1.0], [0.0, 0.2, 5.0]])
arr("linalg.gmres", lambda b: spl.gmres(_OPERATOR, b, **TIGHT)[0], R(3), label="operator", **KRYLOV)
arr("linalg.minres", lambda d, b: spl.minres(tridiagonal(d), b, rtol=1e-13)[0], uniform(-0.5, 0.5)(7), R(4), **KRYLOV)

# -- functions ------------------------------------------------------------------------------------------------------------------------------

arr("linalg.expm_multiply", lambda d, b: spl.expm_multiply(csr(d), b), R(8), R(4), label="vector", tolerance=500.0, in_double=True, holomorphic=False)
arr("linalg.expm_multiply", lambda d, b: spl.expm_multiply(csr(d), b), R(8), R(4, 2), label="columns", tolerance=500.0, in_double=True, holomorphic=False)
arr("linalg.expm_multiply", lambda d, b: spl.expm_multiply(csr(d), b, start=0.0, stop=1.5, num=3), R(8), R(4), label="times", tolerance=500.0, in_double=True, holomorphic=False, double_only="SciPy's grid of times is in double precision")
arr("linalg.expm_multiply", spl.expm_multiply, R(3, 3), R(3), label="dense", tolerance=500.0, in_double=True, holomorphic=False)
arr("linalg.expm", lambda d: spl.expm(csr(d)).toarray(), R(8), tolerance=500.0, in_double=True, holomorphic=False)
for _kw in ({}, {"ord": 1}, {"ord": np.inf}, {"ord": -1}, {"axis": 0}, {"axis": 1, "ord": 1}):
    arr("linalg.norm", lambda d, _kw=_kw: spl.norm(csr(d), **_kw), P(8), label=f"{_kw}", holomorphic=False, step=2e-3)
