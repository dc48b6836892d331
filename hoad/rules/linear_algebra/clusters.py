"""Divided differences of functions that are smooth only on parts of the line, where the eigenvalues lie in clusters.

A cluster is a run of eigenvalues with small gaps.  Nodes of one cluster take the divided difference that is right for close and
for equal nodes; nodes of different clusters lie apart, and the quotient of the definition loses little:
  f[x_0..x_k] = (f[x_1..x_k] - f[x_0..x_(k-1)]) / (x_k - x_0).
So a function needs to be smooth in the neighbourhood of each cluster only, and jumps and poles between clusters do no harm: the
projector on an invariant subspace, the pseudo-inverse, the polar factor are of this kind.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np

from hoad.core.engine import engine
from hoad.core.series import Series, curve
from hoad.rules.linear_algebra import divided_differences

__all__ = ["Clusters", "derivatives", "gaps_above", "signs", "smooth"]

Inside = Callable[[list[Any], Any], Any]

GAP = 1e-2
"""Gap between clusters, as a fraction of the largest eigenvalue in modulus."""


def gaps_above(w: Any, fraction: float = GAP) -> Any:
    """Number of the cluster of each of the ascending eigenvalues; they end at gaps above this fraction of the largest modulus."""
    if not w.shape[-1]:
        return np.zeros(w.shape, int)
    apart = np.diff(w, axis=-1) > fraction * np.abs(w).max(-1)[..., None]
    return np.concatenate([np.zeros((*w.shape[:-1], 1), int), np.cumsum(apart, axis=-1)], axis=-1)


def signs(w: Any, limit: Any = None) -> Any:
    """-1, 0 or 1: clusters of negative, vanishing and positive eigenvalues; ``limit`` (rounding by default) is what vanishes."""
    if not w.shape[-1]:
        return np.zeros(w.shape, int)
    if limit is None:
        limit = w.shape[-1] * np.finfo(w.dtype).eps * np.abs(w).max(-1)
    return (np.sign(w) * (np.abs(w) > np.asarray(limit)[..., None])).astype(int)


class Clusters:
    """The divided difference of a function that is smooth inside clusters.

    Parameters
    ----------
    labels : callable
        ``labels(w)``: for ascending eigenvalues w (..., n) one integer each, equal inside a cluster, clusters being runs.
    inside : callable
        ``inside(x, label)``: the divided difference at nodes x, a list of 1-d arrays in ascending order; entry by entry, all
        nodes belong to the cluster ``label``.
    member : (n,) bool array, optional
        The eigenvalues to which the function is restricted; it is 0 at the others, which must lie apart.

    Attributes
    ----------
    mergeable : bool
        Whether equal eigenvalues may be taken once: neither their number nor their places matter.
    """

    def __init__(self, labels: Callable[[Any], Any], inside: Inside, member: Any = None) -> None:
        self.labels = labels
        self.inside = inside
        self.member = member
        self.mergeable = member is None

    def at(self, w: Any, ascending: Any) -> Any:
        """At eigenvalues w (..., n), for each tuple of places ``ascending`` (k + 1, tuples)."""
        label = run = self.labels(w)
        if self.member is not None:
            ends = (np.diff(label, axis=-1, prepend=label[..., :1]) != 0) | np.diff(self.member, prepend=self.member[:1])
            run = np.cumsum(ends, axis=-1)
        x = [w[..., i] for i in ascending]
        values = [self._inside(x[i : i + 1], label, ascending[i]) for i in range(len(x))]
        for width in range(1, len(x)):
            for i in range(len(x) - width):
                j = i + width
                same = run[..., ascending[i]] == run[..., ascending[j]]
                with np.errstate(invalid="ignore"):
                    quotient = (values[i + 1] - values[i]) / np.where(same, 1.0, x[j] - x[i])
                if same.any():
                    inner = self._inside(x[i : j + 1], label, ascending[i], same)
                    quotient = quotient.astype(np.result_type(quotient, inner), copy=False)
                    quotient[same] = inner
                values[i] = quotient
            values.pop()
        return values[0]

    def _inside(self, x: list[Any], label: Any, first: Any, same: Any = None) -> Any:
        """At nodes of one cluster, that of the first node; flat where ``same`` picks them."""
        shape, at = x[0].shape, label[..., first]
        picked = [v.ravel() for v in x] if same is None else [v[same] for v in x]
        values = self.inside(picked, at.ravel() if same is None else at[same])
        if self.member is not None:
            kept = np.broadcast_to(self.member[first], shape)
            values = np.where(kept.ravel() if same is None else kept[same], values, 0.0)
        return values.reshape(shape) if same is None else values


def derivatives(f: Callable[[Any], Any], first: int = 0) -> Callable[[int, Any], Any]:
    """``derivative(k, x)``: derivative k + ``first`` of ``f``, a function of arrays entry by entry, from its Taylor series."""

    def derivative(k: int, x: Any) -> Any:
        n = k + first
        with np.errstate(all="ignore"):
            if n == 0:
                return np.broadcast_to(f(x), x.shape)
            found = engine.series(curve(n), f, [Series([x, np.ones_like(x), *[None] * (n - 1)])], {})[n]
        return np.zeros_like(x) if found is None else np.broadcast_to(found, x.shape) * float(factorial(n))

    return derivative


def smooth(derivative: Callable[[int, Any], Any], member: Any = None) -> Clusters:
    """Of a function that has derivatives ``derivative(k, x)`` wherever eigenvalues are close to each other."""
    inside = divided_differences.of_derivatives(derivative)
    return Clusters(gaps_above, lambda x, label: inside(x), member)
