"""Norms of matrices that are functions of singular values: their sum, the largest and the smallest one.

The gradient of the sum is the polar factor U V^H, that of one simple singular value u v^H; both are odd functions of the dilation,
so that further derivatives exist whatever other singular values coincide.  Where the singular value itself is r-fold, the norm has
a kink: the derivative is that of the mean of the r singular values (as those of the maximum of equal numbers), and there is no
second one: NaN.  A vanishing singular value contributes 0, as to the absolute value, and no second derivative.
Source: Watson (1992), Characterization of the subdifferential of some matrix norms, Linear Algebra Appl. 170.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.core.box import ops, peek, shape_of
from hoad.core.primitive import Primitive, register
from hoad.rules.linear_algebra.clusters import Clusters, signs
from hoad.rules.linear_algebra.dilation import Continued, block, dilation_frames, spectral_sum
from hoad.rules.linear_algebra.symmetric_functions import family

__all__ = ["nuclear_norm", "spectral_norm"]


def _one(x: list[Any]) -> Any:
    """Divided differences of the constant 1."""
    return np.ones_like(x[0]) if len(x) == 1 else np.zeros_like(x[0])


def _structural(a: Any) -> int:
    m, n = shape_of(a)[-2:]
    return abs(m - n)


def _in_precision_of(a: Any, y: Any) -> Any:
    """Single precision where NumPy has it; the frames have none."""
    kind = peek(a).real.dtype
    return ops.astype(y, kind) if kind.kind == "f" else y


# -- nuclear norm -----------------------------------------------------------------------------------------------------------------

_polar: dict[int, Primitive] = {}


def _polar_factor(a: Any, w: Any, q: Any) -> Any:
    structural = _structural(a)
    if structural not in _polar:
        _polar[structural] = family("polar_factor", Continued(_one, structural, None, signs))
    return block(_polar[structural], a, w, q)


nuclear = register(spectral_sum("nuclear_norm", lambda a, w, q: np.sum(np.abs(w), axis=-1) / 2, _polar_factor))


def nuclear_norm(a: Any) -> Any:
    """Sum of the singular values of matrices (..., m, n)."""
    return _in_precision_of(a, nuclear.bind(a, *dilation_frames.bind(a)))


# -- the largest and the smallest singular value ----------------------------------------------------------------------------------


def _chosen(w: Any, k: int, largest: bool) -> Any:
    """1 and -1 at the eigenvalues of the dilation that are, to rounding, the singular value that is meant and its negative."""
    s = w[..., -1:] if largest else w[..., w.shape[-1] - k : w.shape[-1] - k + 1]
    rounding = 4 * w.shape[-1] * np.finfo(w.dtype).eps * w[..., -1:]
    return np.where((np.abs(np.abs(w) - s) <= rounding) & (np.abs(w) > rounding), np.sign(w), 0).astype(int)


class _Projector(Clusters):
    """Odd continuation of the function that is 1/r at the r-fold singular value that is meant, and 0 at the others."""

    def __init__(self, k: int, largest: bool) -> None:
        super().__init__(self._runs, self._sign)
        self.mergeable = False
        self.k, self.largest = k, largest

    def _runs(self, w: Any) -> Any:
        """Number of the run of equal signs, times 3, plus 1 plus the sign."""
        sign = _chosen(w, self.k, self.largest)
        return 3 * np.cumsum(np.diff(sign, axis=-1, prepend=sign[..., :1]) != 0, axis=-1) + 1 + sign

    def _sign(self, x: list[Any], label: Any) -> Any:
        return (label % 3 - 1.0) if len(x) == 1 else np.zeros_like(x[0])

    def at(self, w: Any, ascending: Any) -> Any:
        values = super().at(w, ascending)
        count = (_chosen(w, self.k, self.largest) > 0).sum(-1)[..., None]
        if len(ascending) > 1:
            return np.where(count == 1, values, np.nan)
        return values / np.maximum(count, 1)


_projectors: dict[tuple[int, bool], Primitive] = {}


def _sum(name: str, largest: bool) -> Primitive:
    def slope(a: Any, w: Any, q: Any) -> Any:
        k = min(shape_of(a)[-2:])
        if (k, largest) not in _projectors:
            _projectors[k, largest] = family(f"{name}_projector", _Projector(k, largest))
        return block(_projectors[k, largest], a, w, q)

    def value(a: Any, w: Any, q: Any) -> Any:
        return w[..., -1] if largest else w[..., w.shape[-1] - min(a.shape[-2:])]

    return register(spectral_sum(name, value, slope))


largest_ = _sum("largest_singular_value", True)
smallest_ = _sum("smallest_singular_value", False)


def spectral_norm(a: Any, *, largest: bool = True) -> Any:
    """The largest (or smallest) singular value of matrices (..., m, n); 0 if there is none."""
    if not min(shape_of(a)[-2:]):
        return np.sum(ops.abs2(a), axis=(-2, -1))
    return _in_precision_of(a, (largest_ if largest else smallest_).bind(a, *dilation_frames.bind(a)))
