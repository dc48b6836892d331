"""What users compute from eigenvalues and eigenvectors, or singular values and vectors, that coincide or nearly do.

Results of eigh, eigvalsh, svd and svdvals with nearly equal values remember where they come from (``spectral_meanings``), as do
results of elementwise functions of them and of scaled columns of vectors (``spectral_following``).  Where such results meet in
something that does not depend on the choice of a basis, a sum over all values, V f(L) V^H, f(A) b, U f(S) V^H, a product of values
(``spectral_recognition``), the derivatives are those of this function of the matrix, exact at coinciding values.  The value is
NumPy's own.  Everything else takes the ordinary rules, whose derivatives are NaN where they do not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import Box, Buffer, bare, peek, shape_of, strip
from hoad.rules.linear_algebra.spectral_expressions import Eigen, General, Singular
from hoad.rules.linear_algebra.spectral_following import follow
from hoad.rules.linear_algebra.spectral_meanings import Values, Vectors, note
from hoad.rules.linear_algebra.spectral_recognition import Recognised, recognise

__all__ = ["mark_eigenvalues", "mark_general_eigenvalues", "mark_singular_values"]

NEAR = 1e-3
"""Gaps below this fraction of the largest value are near, for up to 32 values; then in proportion to the square of 32/n."""

# -- boxes that are asked what they mean ------------------------------------------------------------------------------------------

_marked: dict[type, type] = {}


def _marked_class(base: type) -> type:
    """A box of the same mode, which is asked first what its operations mean."""
    if base not in _marked:

        def process(prim: Any, level: float, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
            ordinary = base.process  # type: ignore[attr-defined]
            if isinstance(prim, Recognised):
                return ordinary(prim, level, args, kw)
            found = recognise(prim, level, args, kw)
            if found is not None:
                return found
            y = ordinary(prim, level, args, kw)
            meaning = follow(prim, level, args, kw, y)
            return y if meaning is None else _remember(y, meaning)

        _marked[base] = type(base.__name__, (base,), {"__slots__": (), "process": staticmethod(process)})
    return _marked[base]


def _remember(box: Any, meaning: Any) -> Any:
    if not isinstance(box, Box) or type(box) is Buffer:
        return box
    kind = type(box)
    if kind not in _marked.values():
        box.__class__ = _marked_class(kind)
    note(box, meaning)
    return box


# -- where it begins --------------------------------------------------------------------------------------------------------------


def _near(w: Any, *, zero: bool = False) -> bool:
    """Whether two of the values along the last axis are near, or with ``zero`` one of them is near zero."""
    if not isinstance(peek(w), np.ndarray) or not w.size:
        return False
    limit = NEAR * min(1.0, (32 / w.shape[-1]) ** 2) * np.abs(w).max(-1)[..., None]
    return bool((np.diff(np.sort(w, axis=-1), axis=-1) <= limit).any() or (zero and (np.abs(w) <= limit).any()))


def mark_eigenvalues(matrix: Callable[[], Any], w: Any, v: Any = None) -> tuple[Any, ...]:
    """The eigenvalues (and eigenvectors) of ``matrix()``, which is called only if eigenvalues are near."""
    outputs = (w,) if v is None else (w, v)
    if not isinstance(w, Box) or not _near(bare(w)):
        return outputs
    of = Eigen(matrix(), strip(w))
    _remember(w, Values(of))
    if v is not None:
        _remember(v, Vectors(of, "v"))
    return outputs


def mark_general_eigenvalues(a: Any, w: Any) -> Any:
    """The eigenvalues of a matrix without symmetry."""
    plain = bare(w)
    if not isinstance(w, Box) or not isinstance(peek(w), np.ndarray) or not plain.size:
        return w
    limit = NEAR * min(1.0, (32 / plain.shape[-1]) ** 2) * np.linalg.norm(bare(a), axis=(-2, -1))[..., None, None]
    others = ~np.eye(plain.shape[-1], dtype=bool)
    if (others & (np.abs(plain[..., None] - plain[..., None, :]) <= limit)).any():
        _remember(w, Values(General(a.snapshot(), strip(w))))
    return w


def mark_singular_values(a: Any, s: Any, u: Any = None, vh: Any = None) -> tuple[Any, ...]:
    """The singular values (or u, s, vh) of ``a``."""
    outputs = (s,) if u is None else (u, s, vh)
    if not isinstance(s, Box) or not _near(bare(s), zero=True):
        return outputs
    of = Singular(a.snapshot(), strip(s))
    k = shape_of(s)[-1]
    _remember(s, Values(of))
    if u is not None and shape_of(u)[-1] == k:
        _remember(u, Vectors(of, "u"))
    if vh is not None and shape_of(vh)[-2] == k:
        _remember(vh, Vectors(of, "v", transposed=True, conjugated=True))
    return outputs
