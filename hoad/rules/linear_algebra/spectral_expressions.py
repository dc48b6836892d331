"""Functions of eigenvalues and singular values that have derivatives where these coincide.

A function f given entry by entry makes, of a Hermitian A = V L V^H, the sum of f(l), the matrix f(A) = V f(L) V^H and the products
f(A) b; of any A = U S V^H, the sum of f(s) and the matrices U f(S) V^H, U f(S) U^H and V f(S) V^H.  All are made here from divided
differences of f, whose derivatives come from its Taylor series.  A function may be restricted to some of the eigenvalues, if the
others lie apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hoad.core.box import ops, shape_of
from hoad.core.primitive import Primitive
from hoad.rules.linear_algebra.clusters import derivatives, smooth
from hoad.rules.linear_algebra.dilation import block, continued, dilation_frames, spectral_sum
from hoad.rules.linear_algebra.symmetric_functions import family, frames

__all__ = ["Decomposition", "Eigen", "General", "Singular", "real_and_imaginary"]

Scalar = Callable[[Any], Any]


class Decomposition:
    """A decomposed matrix (a box), to which values and vectors refer.

    Attributes
    ----------
    matrix : Box
    values : (..., k) array
        Plain eigenvalues or singular values, in the order in which NumPy returns them.
    """

    def __init__(self, matrix: Any, values: Any) -> None:
        self.matrix = matrix
        self.values = values
        self._frames: Any = None

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The matrix, and the eigenvalues and eigenvectors that the families of functions use."""
        if self._frames is None:
            self._frames = self._frame_function().bind(self.matrix)
        return (self.matrix, *self._frames)

    def _frame_function(self) -> Primitive:
        raise NotImplementedError

    def member(self, kept: tuple[int, ...] | None) -> Any:
        """Which eigenvalues of the families' frames are meant; None for all."""
        raise NotImplementedError

    def apart(self, kept: tuple[int, ...]) -> bool:
        """Whether the values that are kept lie apart from the others."""
        chosen = np.zeros(self.values.shape[-1], bool)
        chosen[list(kept)] = True
        w = self.values
        scale = np.abs(w).max(-1)[..., None, None]
        gaps = np.abs(w[..., chosen][..., :, None] - w[..., ~chosen][..., None, :])
        return bool((gaps > 1e-9 * scale).all())


class Eigen(Decomposition):
    """A Hermitian matrix; the basis of its eigenvectors is called v."""

    def _frame_function(self) -> Primitive:
        return frames

    def member(self, kept: tuple[int, ...] | None) -> Any:
        return None if kept is None else np.isin(np.arange(self.values.shape[-1]), kept)

    def total(self, f: Scalar, kept: tuple[int, ...] | None) -> Callable[..., Any]:
        """Sum of f(l) as a function of the arguments."""
        slope = family("spectral_slope", smooth(derivatives(f, 1), self.member(kept)))
        member = self.member(kept)
        pick = slice(None) if member is None else member
        total = spectral_sum("spectral_sum", lambda a, w, q: np.sum(f(w[..., pick]), axis=-1), slope.bind)
        return total.bind

    def matrix_function(self, f: Scalar, kept: tuple[int, ...] | None, sides: str = "vv") -> Callable[..., Any]:
        """f(A) as a function of the arguments."""
        return family("spectral_function", smooth(derivatives(f), self.member(kept))).bind


class General(Decomposition):
    """A matrix without symmetry, of which sums and products over all eigenvalues are known for rational functions."""

    @property
    def arguments(self) -> tuple[Any, ...]:
        return (self.matrix,)


class Singular(Decomposition):
    """Any matrix; the bases are called u and v."""

    def _frame_function(self) -> Primitive:
        return dilation_frames

    @property
    def structural(self) -> int:
        m, n = shape_of(self.matrix)[-2:]
        return abs(m - n)

    def member(self, kept: tuple[int, ...] | None) -> Any:
        if kept is None:
            return None
        size, k = sum(shape_of(self.matrix)[-2:]), self.values.shape[-1]
        member = np.zeros(size, bool)
        for i in range(k):
            member[i] = member[size - 1 - i] = i in kept
        return member

    def total(self, f: Scalar, kept: tuple[int, ...] | None) -> Callable[..., Any]:
        """Sum of f(s) as a function of the arguments."""
        slope = continued("singular_slope", derivatives(f, 1), self.structural, member=self.member(kept))
        k = self.values.shape[-1]
        places = slice(None) if kept is None else list(kept)

        def value(a: Any, w: Any, q: Any) -> Any:
            return np.sum(f(w[..., ::-1][..., :k][..., places]), axis=-1)

        return spectral_sum("singular_sum", value, lambda a, w, q: block(slope, a, w, q)).bind

    def matrix_function(self, f: Scalar, kept: tuple[int, ...] | None, sides: str = "uv") -> Callable[..., Any]:
        """U f(S) V^H, or another pair of bases, as a function of the arguments."""
        even = sides[0] == sides[1]
        function = continued("singular_function", derivatives(f), self.structural, even=even, member=self.member(kept))
        return lambda a, w, q: block(function, a, w, q, *sides)


def real_and_imaginary(f: Scalar, of: Callable[[Scalar], Callable[..., Any]], complex_: bool) -> Callable[..., Any]:
    """``of(f)`` for a real function; a complex one is the sum of two."""
    if not complex_:
        return of(f)
    real, imag = of(lambda x: ops.real(f(x))), of(lambda x: ops.imag(f(x)))
    return lambda *xs: real(*xs) + 1j * imag(*xs)
