"""Functions of singular values as functions of a Hermitian matrix, the dilation H = [[0, A], [A^H, 0]].

Its eigenvalues are the singular values, the same with negative signs, and |m - n| zeros.  An odd function g has
g(H) = [[0, U g(S) V^H], [V g(S) U^H, 0]], so that U g(S) V^H, of which the gradient of sum g'(S) is one, has derivatives of every
order through divided differences, whatever singular values coincide; g is continued from s > 0 as an odd function.
Zero eigenvalues that a rectangular matrix has at any rate do not restrict g; further ones do, where the continued function is not
smooth at 0: that derivative is NaN.
Source: Golub & Van Loan, Matrix Computations, section 8.6.1; Lewis & Sendov (2005), Nonsmooth analysis of singular values.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np

from hoad.backends import filled
from hoad.core.box import ops, peek, shape_of
from hoad.core.kinds import constant, opaque
from hoad.core.primitive import Primitive
from hoad.rules.linear_algebra import divided_differences
from hoad.rules.linear_algebra.clusters import Clusters, gaps_above, signs
from hoad.rules.linear_algebra.solving import adjoint
from hoad.rules.linear_algebra.symmetric_functions import align, family

__all__ = ["Continued", "block", "continued", "dilation_frames", "spectral_sum"]

Derivative = Callable[[int, Any], Any]


# -- the dilation -----------------------------------------------------------------------------------------------------------------


def _frames_native(a: Any) -> Any:
    """Ascending eigenvalues and the eigenvectors of H, in double precision."""
    m, n = a.shape[-2:]
    k = min(m, n)
    u, s, vh = np.linalg.svd(a.astype(np.result_type(a, np.float64), copy=False), full_matrices=True)
    v = np.swapaxes(vh, -1, -2).conj()
    half = np.sqrt(0.5)
    up, vp = half * u[..., :k], half * v[..., :k]
    w = np.zeros((*s.shape[:-1], m + n))
    w[..., :k], w[..., m + n - k :] = -s, s[..., ::-1]
    q = np.zeros((*s.shape[:-1], m + n, m + n), u.dtype)
    q[..., :m, :k], q[..., m:, :k] = up, -vp
    q[..., :m, m + n - k :], q[..., m:, m + n - k :] = up[..., ::-1], vp[..., ::-1]
    q[..., :m, k : k + m - k], q[..., m:, m : m + n - k] = u[..., k:], v[..., k:]
    return w, q


dilation_frames = constant("dilation_frames", _frames_native, multi=True, batch=lambda prim, size, xs, flags, kw: prim.bind(*xs))


def dilation(a: Any) -> Any:
    """H."""
    *stack, m, n = shape_of(a)
    plain = peek(a)
    zeros = [filled((*stack, k, k), 0, plain.dtype, plain) for k in (m, n)]
    return ops.concatenate([ops.concatenate([zeros[0], a], -1), ops.concatenate([adjoint(a), zeros[1]], -1)], -2)


def block(function: Primitive, a: Any, w: Any, q: Any, rows: str = "u", columns: str = "v") -> Any:
    """A block of a function of the dilation, by default the upper right one."""
    m = shape_of(a)[-2]
    part = {"u": slice(None, m), "v": slice(m, None)}
    return function.bind(dilation(a), w, q)[..., part[rows], part[columns]]


# -- functions of singular values, continued to negative ones ---------------------------------------------------------------------


def _sides(w: Any) -> Any:
    """Clusters on each side of zero, and what vanishes."""
    side = signs(w)
    return 2 * (w.shape[-1] + 1) * side + gaps_above(w) * (side != 0)


_FURTHER = 1 << 40


class Continued(Clusters):
    """Divided differences of the odd or even continuation of a function of singular values.

    Parameters
    ----------
    positive : callable
        The divided difference of the function at positive nodes of one cluster.
    structural : float
        How many eigenvalues of the dilation are zero at any rate; the function has the value 0 there.
    at_zero : callable or None
        ``at_zero(k)``: derivative k of the function at 0, where further singular values vanish; None: it jumps there, is given
        the value 0 and derivatives that are NaN (as the slope of the absolute value).
    labels : callable
        Clusters, positive ones having positive labels and what vanishes 0.
    member : bool array, optional
        See :class:`Clusters`.
    even : bool
    """

    def __init__(
        self,
        positive: Callable[[list[Any]], Any],
        structural: float,
        at_zero: Callable[[int], float] | None,
        labels: Callable[[Any], Any] = _sides,
        member: Any = None,
        even: bool = False,
    ) -> None:
        super().__init__(self._marked, self._by_sign, member)
        self.mergeable = False
        self.plain_labels = labels
        self.positive = positive
        self.structural = structural
        self.at_zero = at_zero
        self.even = even

    def _marked(self, w: Any) -> Any:
        """The labels, with one of its own for what vanishes where more than the structural zeros do."""
        label = self.plain_labels(w)
        zero = label == 0
        return np.where(zero & (zero.sum(-1) > self.structural)[..., None], _FURTHER, label)

    def _by_sign(self, x: list[Any], label: Any) -> Any:
        out = np.zeros_like(x[0])
        further, down = label == _FURTHER, label < 0
        up = (label > 0) & ~further
        if up.any():
            out[up] = self.positive([v[up] for v in x])
        if down.any():
            out[down] = (-1) ** (len(x) - self.even) * self.positive([-v[down] for v in reversed(x)])
        if further.any():
            out[further] = self._limit(len(x) - 1)
        return out

    def _limit(self, k: int) -> float:
        """f[0, ..., 0], NaN where the continuation is not smooth."""
        if self.at_zero is None or (self.at_zero(0) != 0 and (not self.even or self.structural > 0)):
            return np.nan if k else 0.0
        slope = self.at_zero(k)
        return np.nan if slope and k % 2 == self.even else slope / factorial(k)


def continued(name: str, derivative: Derivative, structural: int, *, even: bool = False, member: Any = None) -> Primitive:
    """Family of the continuation of a function that has derivatives."""
    difference = divided_differences.of_derivatives(derivative)
    at_zero = lambda k: float(derivative(k, np.zeros(1))[0])
    return family(name, Continued(difference, structural, at_zero, member=member, even=even))


# -- sums over singular values or eigenvalues -------------------------------------------------------------------------------------


def spectral_sum(name: str, value: Callable[..., Any], slope: Callable[..., Any]) -> Primitive:
    """A real function of (a, eigenvalues, eigenvectors) with the gradient ``slope(a, w, q)``; the last two do not vary."""

    def tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        s = slope(*xs)
        product = np.conjugate(s) * ts[0] if s.dtype.kind == "c" else s * ts[0]
        return np.sum(ops.real(product) if product.dtype.kind == "c" else product, axis=(-2, -1))

    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        return lambda g: [g[..., None, None] * slope(*xs) if i == 0 else None for i in which]

    return opaque(name, value, tangent, reverse=reverse, batch=align)
