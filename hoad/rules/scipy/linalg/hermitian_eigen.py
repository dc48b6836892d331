"""scipy.linalg: eigenvalues and eigenvectors of Hermitian, banded and tridiagonal matrices, also of pairs A, B.

With A V = B V L and V^H B V = 1, let E = V^H (dA - dB V L V^-1) V, that is E_ij = v_i^H (dA - l_j dB) v_j.  Then dl_j = E_jj and
dv_j = sum over i of v_i E_ij / (l_j - l_i) - v_j (v_j^H dB v_j) / 2.  The sum needs all eigenvectors, those that a subset leaves
out as well; v_i v_i^H does not depend on their phases.  Where two eigenvalues agree to rounding, eigenvectors have no derivative,
nor have eigenvalues a second one: those derivatives are NaN; what is then computed without regard to a basis is recognised as a
function of the matrix.
Problems A B v = l v and B A v = l v are brought to this form with B A B and with B^-1.
Source: Giles (2008), Collected matrix derivative results for forward and reverse mode AD, section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.box import shape_of
from hoad.core.engine import engine
from hoad.core.kinds import constant, opaque
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import Primitive, expose, register
from hoad.rules.arguments import as_array
from hoad.rules.linear_algebra.spectral_outputs import mark_eigenvalues
from hoad.rules.scipy.linalg.banded import dense, hermitian_band
from hoad.rules.scipy.linalg.structure import adjoint, as_matrix, hermitian, matmul, over_stack

# -- 1 / (l_j - l_i), NaN where the difference is rounding ------------------------------------------------------------------------


def _chosen_native(found: Any, every: Any) -> Any:
    """S with ``every @ S`` the found ones among all eigenvalues; both ascend."""
    first = int(np.argmin([np.abs(every[k : k + len(found)] - found).sum() for k in range(len(every) - len(found) + 1)]))
    return np.eye(len(every), len(found), -first, dtype=every.dtype)


_chosen = constant("scipy.linalg.chosen_eigenvalues", _chosen_native, batch=by_loop)


def _offset_native(every: Any, chosen: Any) -> Any:
    """What is added to l_j - l_i: 1 where i is j, NaN where the two agree to rounding."""
    rounding = 4 * len(every) * np.finfo(every.dtype).eps * np.abs(every).max(initial=0.0)
    close = np.abs((every @ chosen)[None, :] - every[:, None]) <= rounding
    return np.where(chosen > 0, 1.0, np.where(close, np.nan, 0.0)).astype(every.dtype)


_offset = constant("scipy.linalg.separation_of_eigenvalues", _offset_native, batch=by_loop)


def _reciprocal_gaps(every: Any, chosen: Any) -> Any:
    gaps = matmul(every, chosen)[None, :] - every[:, None] + _offset.bind(every, chosen)
    return (1 - chosen) / gaps


# -- the full problem and its parts -----------------------------------------------------------------------------------------------


def _columns(v: Any, c: Any) -> Any:
    return np.sum(np.conjugate(v) * c, axis=-2)


def _variation(w: Any, v: Any, da: Any, db: Any) -> Any:
    """(dA - l_j dB) v_j as columns, and v_j^H dB v_j or None."""
    c = matmul(da, v)
    if db is None:
        return c, None
    d = matmul(db, v)
    return c - d * w[None, :], np.real(_columns(v, d))


def _pair_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    """For V^H B V = 1 with all or some of the eigenvectors; ``xs`` and ``ts`` hold A and perhaps B, both Hermitian."""
    w, v = y
    c, norm = _variation(w, v, ts[0], ts[1] if len(ts) > 1 else None)
    every, frame = y if shape_of(v)[0] == shape_of(v)[1] else frames.bind(*xs)
    dv = matmul(frame, _reciprocal_gaps(every, _chosen.bind(w, every)) * matmul(adjoint(frame), c))
    return np.real(_columns(v, c)), dv if norm is None else dv - 0.5 * v * norm[None, :]


frames = register(opaque("scipy.linalg.eigenvectors_of_pair", lambda *ab: tuple(scipy.linalg.eigh(*ab)), _pair_tangent, multi=True))
"""All eigenvalues and eigenvectors of Hermitian matrices given in full."""


def hermitian_problem(name: str, native: Callable[..., Any], pair: Callable[..., Any]) -> tuple[Primitive, Primitive]:
    """Register a Hermitian eigenvalue problem: eigenvalues and eigenvectors, and eigenvalues alone.

    Parameters
    ----------
    native : callable
        ``native(*xs, vectors=..., **kw)``: (w, v), or w without ``vectors``.
    pair : callable
        ``pair(*xs, **kw)``: the Hermitian A, or A and B, in full, in differentiable functions of the arrays that the problem is
        given by.
    """

    def matrices(xs: Any, ts: Any, kw: Any) -> Any:
        """A, B and their tangents."""
        values, tangents = engine.push(lambda *x: tuple(pair(*x, **kw)), list(xs), list(ts))
        return values, [engine.zeros(x) if t is None else t for x, t in zip(values, tangents, strict=True)]

    def both_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        ab, tangents = matrices(xs, ts, kw)
        return _pair_tangent(y, ab, tangents, {})

    def values_tangent(w: Any, xs: Any, ts: Any, kw: Any) -> Any:
        ab, tangents = matrices(xs, ts, kw)
        every, frame = frames.bind(*ab)
        v = matmul(frame, _chosen.bind(w, every))
        return np.real(_columns(v, _variation(w, v, tangents[0], tangents[1] if len(tangents) > 1 else None)[0]))

    both = register(opaque(name, lambda *xs, **kw: tuple(native(*xs, vectors=True, **kw)), both_tangent, multi=True, batch=by_loop))
    alone = register(opaque(f"{name}_values", lambda *xs, **kw: native(*xs, vectors=False, **kw), values_tangent, batch=by_loop))
    return both, alone


# -- eigh -------------------------------------------------------------------------------------------------------------------------


def _eigh_native(a: Any, b: Any = None, *, vectors: bool, **kw: Any) -> Any:
    return scipy.linalg.eigh(a, b, eigvals_only=not vectors, **kw)


def _eigh_pair(a: Any, b: Any = None, *, lower: bool, type: int, **kw: Any) -> Any:
    a = hermitian(a, lower)
    if b is None:
        return (a,)
    b = hermitian(b, lower)
    if type == 1:
        return a, b
    return (matmul(b, matmul(a, b)), b) if type == 2 else (a, np.linalg.inv(b))


eigh_, eigvalsh_ = hermitian_problem("scipy.linalg.eigh", _eigh_native, _eigh_pair)


def _marked(matrix: Callable[[], Any], found: Any) -> Any:
    """Results that know which matrix they belong to, for functions that do not depend on the basis at repeated eigenvalues."""
    if isinstance(found, tuple | list):
        return type(found)(mark_eigenvalues(matrix, *found))
    return mark_eigenvalues(matrix, found)[0]


def _subset(x: Any) -> Any:
    return None if x is None else tuple(x)


def eigh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: str | None = None,
) -> Any:
    kw = {
        "lower": bool(lower), "type": type, "check_finite": check_finite, "subset_by_index": _subset(subset_by_index),
        "subset_by_value": _subset(subset_by_value), "driver": driver,
    }  # fmt: skip
    arrays = [as_matrix(x) for x in (a, b) if x is not None]
    prim = eigvalsh_ if eigvals_only else eigh_
    found = over_stack(lambda *xs: prim.bind(*xs, **kw), arrays, (2,) * len(arrays))
    whole = b is None and subset_by_index is None and subset_by_value is None
    return _marked(lambda: hermitian(arrays[0], lower), found) if whole else found


def eigvalsh(a: Any, b: Any = None, **kw: Any) -> Any:
    return eigh(a, b, eigvals_only=True, **kw)


# -- bands and tridiagonal matrices -----------------------------------------------------------------------------------------------


def _banded_native(ab: Any, *, vectors: bool, **kw: Any) -> Any:
    return scipy.linalg.eig_banded(ab, eigvals_only=not vectors, **kw)


def _banded_pair(ab: Any, *, lower: bool, **kw: Any) -> Any:
    k = shape_of(ab)[-2] - 1
    return (dense(hermitian_band(ab, lower), k, k),)


eig_banded_, eigvals_banded_ = hermitian_problem("scipy.linalg.eig_banded", _banded_native, _banded_pair)


def eig_banded(
    a_band: Any,
    lower: bool = False,
    eigvals_only: bool = False,
    overwrite_a_band: bool = False,
    select: Any = "a",
    select_range: Any = None,
    max_ev: int = 0,
    check_finite: bool = True,
) -> Any:
    kw = {
        "lower": bool(lower), "select": select, "select_range": _subset(select_range), "max_ev": max_ev,
        "check_finite": check_finite,
    }  # fmt: skip
    prim = eigvals_banded_ if eigvals_only else eig_banded_
    ab = as_matrix(a_band)
    found = over_stack(lambda x: prim.bind(x, **kw), [ab], (2,))
    return _marked(lambda: _banded_pair(ab, lower=bool(lower))[0], found) if select in ("a", "all", 0) else found


def eigvals_banded(a_band: Any, lower: bool = False, overwrite_a_band: bool = False, select: Any = "a", select_range: Any = None,
                   check_finite: bool = True) -> Any:  # fmt: skip
    return eig_banded(a_band, lower, True, select=select, select_range=select_range, check_finite=check_finite)


def _tridiagonal_native(d: Any, e: Any, *, vectors: bool, **kw: Any) -> Any:
    return scipy.linalg.eigh_tridiagonal(d, e, eigvals_only=not vectors, **kw)


def _tridiagonal_pair(d: Any, e: Any, **kw: Any) -> Any:
    n = shape_of(d)[0]
    off = e[:, None] * np.eye(n - 1, n, 1)
    off = np.concatenate([off, np.zeros((1, n))])
    return (d[:, None] * np.eye(n) + off + np.swapaxes(off, 0, 1),)


tridiagonal_, tridiagonal_values = hermitian_problem("scipy.linalg.eigh_tridiagonal", _tridiagonal_native, _tridiagonal_pair)


def eigh_tridiagonal(
    d: Any,
    e: Any,
    eigvals_only: bool = False,
    select: Any = "a",
    select_range: Any = None,
    check_finite: bool = True,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Any:
    kw = {
        "select": select, "select_range": _subset(select_range), "check_finite": check_finite, "tol": tol,
        "lapack_driver": lapack_driver,
    }  # fmt: skip
    prim = tridiagonal_values if eigvals_only else tridiagonal_
    arrays = [as_array(d), as_array(e)]
    found = over_stack(lambda *xs: prim.bind(*xs, **kw), arrays, (1, 1))
    return _marked(lambda: _tridiagonal_pair(*arrays)[0], found) if select in ("a", "all", 0) and arrays[0].ndim == 1 else found


def eigvalsh_tridiagonal(d: Any, e: Any, select: Any = "a", select_range: Any = None, check_finite: bool = True, tol: float = 0.0,
                         lapack_driver: str = "auto") -> Any:  # fmt: skip
    return eigh_tridiagonal(d, e, True, select, select_range, check_finite, tol, lapack_driver)


for _name, _f in (
    ("eigh", eigh), ("eigvalsh", eigvalsh), ("eig_banded", eig_banded), ("eigvals_banded", eigvals_banded),
    ("eigh_tridiagonal", eigh_tridiagonal), ("eigvalsh_tridiagonal", eigvalsh_tridiagonal),
):  # fmt: skip
    expose(_f, f"scipy.linalg.{_name}", getattr(scipy.linalg, _name), "opaque")
