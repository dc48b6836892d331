"""Forward-only estimators: a gradient from directional derivatives, and the curvature in the span of some directions.

Source: Baydin et al. (2022), Gradients without backpropagation; Cobb et al. (2024), Second-order forward-mode optimization;
Flügel et al. (2024), Beyond backpropagation: multi-tangent forward gradients (projection).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from hoad.core.box import Box, peek, strip
from hoad.core.series import pairs
from hoad.core.space import flatten, unflatten
from hoad.errors import NotScalarError, OptimizeError, ShapeError
from hoad.modes import taylor
from hoad.operators.vectors import Vectors
from hoad.optimize.checks import check_block, natural, real_point
from hoad.optimize.directions import Distribution, draw, generator
from hoad.transforms.batching import vmap
from hoad.transforms.first import jvp

__all__ = ["Curvature", "ForwardGradient", "curvature_matrix", "forward_gradient"]

Function = Callable[..., Any]
COMBINE = ("mean", "project")


class ForwardGradient(NamedTuple):
    """Result of :func:`forward_gradient`: value, estimated gradient, directions (K, N) and derivatives along them (K,)."""

    value: Any
    gradient: Any
    directions: Any
    derivatives: Any


class Curvature(NamedTuple):
    """Result of :func:`curvature_matrix`: value, slopes F = V g (K,), and V H Vᵀ (K, K)."""

    value: Any
    slopes: Any
    matrix: Any


def forward_gradient(
    f: Function,
    x: Any,
    directions: Any = 1,
    *,
    distribution: Distribution = "normal",
    combine: str = "mean",
    rng: Any = None,
    batch: int | None = None,
) -> ForwardGradient:
    """Estimate of the gradient from derivatives along random directions; forward passes only, no tape.

    Parameters
    ----------
    f : callable
        Function of one argument that returns a real scalar.
    x : array or container
        The point, with N entries in all.
    directions : int or array, shape (K, N)
        How many directions to draw, or the directions.
    distribution : str or callable
        "normal", "rademacher", "uniform", "sphere", "orthonormal", "coordinate", or ``(rng, shape) -> array``; all with
        E[v vᵀ] = I.
    combine : {"mean", "project"}
        "mean": (1/K) Σ (g·vᵢ) vᵢ, unbiased.  "project": the orthogonal projection of g on the span, Vᵀ (V Vᵀ)⁻¹ V g,
        which is shorter than g and never farther from it than the mean.
    rng : int or numpy.random.Generator
        Source of the directions; never global state.
    batch : int, optional
        Directions that are pushed forward together, to bound memory; by default all.

    Returns
    -------
    ForwardGradient
        ``value``, ``gradient`` (like x), ``directions`` (K, N), ``derivatives`` (K,).

    Raises
    ------
    NotScalarError, ShapeError, DTypeError, OptimizeError
        If ``f`` does not return a real scalar, or the directions are none, do not fit x or are not finite; for unknown names and
        complex points.

    Notes
    -----
    For one direction ``E|ĝ - g|² / |g|²`` = N + κ₄ - 2 (κ₄ the kurtosis); K independent directions divide it by K; K orthonormal
    ones leave N/K - 1.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> f = lambda x: np.sum(x**2)
    >>> hoad.optimize.forward_gradient(f, np.array([1.0, 2.0]), 2, distribution="orthonormal", rng=0).gradient.round(12)
    array([2., 4.])
    """
    if combine not in COMBINE:
        raise OptimizeError.unknown("combine", combine, COMBINE)
    vectors = Vectors(x)
    real_point(vectors.dtype, "forward_gradient")
    V = _block(directions, distribution, vectors, rng)
    value: Any = None
    slopes = []
    for part in _chunks(V, batch):
        value, slope = _push_block(f, vectors, part)
        slopes.append(slope)
    F = np.concatenate(slopes)
    return ForwardGradient(value, vectors.unpack(combined(V, F, combine)), V, F)


def combined(V: Any, F: Any, combine: str) -> Any:
    """Estimate of g, flat, from directions and the derivatives along them."""
    return F @ V / len(V) if combine == "mean" else np.linalg.lstsq(V, F, rcond=None)[0]


def _block(directions: Any, distribution: Distribution, vectors: Vectors, rng: Any, *, copy: bool = True) -> Any:
    if isinstance(directions, int | float | np.number | str | None):
        shape = (natural("directions", directions), vectors.size)
        return check_block(draw(distribution, generator(rng), shape, vectors.dtype), vectors.dtype)
    try:
        V = np.asarray(directions)
    except ValueError as error:
        raise ShapeError(f"directions are rows of different lengths, expected an array (K, {vectors.size}): {error}.") from None
    if V.ndim != 2 or V.shape[1] != vectors.size or not len(V):
        raise ShapeError(f"directions have shape {V.shape}, expected (K, {vectors.size}) with K >= 1: one row per direction.")
    return check_block(V, vectors.dtype).astype(vectors.dtype, copy=copy)


def _chunks(V: Any, batch: int | None) -> Iterator[Any]:
    step = len(V) if batch is None else natural("batch", batch)
    for i in range(0, len(V), step):
        yield V[i : i + step]


def _push_block(f: Function, vectors: Vectors, V: Any) -> tuple[Any, Any]:
    """Value and derivatives along the rows of V, which share one evaluation of the value."""
    point = vectors.point()
    values: list[Any] = []

    def along(v: Any) -> Any:
        y, t = jvp(f, (point,), (v,))
        _scalar(y, "forward_gradient")
        values.append(strip(y))
        return t

    slopes = vmap(along)(vectors.unpack_columns(V.T))
    return values[0], slopes


def _scalar(y: Any, what: str) -> None:
    if getattr(y, "shape", None) != ():
        raise NotScalarError.found(what, f"shape {getattr(y, 'shape', type(y).__name__)}")
    if peek(y).dtype.kind not in "fiub":
        raise NotScalarError.found(what, f"dtype {peek(y).dtype}, which is not real")


def curvature_matrix(f: Function, x: Any, V: Any, *, batch: int | None = None) -> Curvature:
    """Value, slopes V g and curvatures V H Vᵀ in the span of the rows of V; forward passes only.

    Parameters
    ----------
    f : callable
        Function of one argument that returns a real scalar.
    x : array or container
        The point, with N entries in all.
    V : array, shape (K, N)
        Directions, one in each row.
    batch : int, optional
        Directions that one pass may carry, to bound memory; by default all K in one pass.

    Returns
    -------
    Curvature
        ``value``, ``slopes`` (K,), ``matrix`` (K, K), exactly symmetric.

    Raises
    ------
    NotScalarError, ShapeError, DTypeError, OptimizeError
        If ``f`` does not return a real scalar, V does not fit x or is not finite, or x is complex.

    Notes
    -----
    One pass with the 1 + K + K(K+1)/2 coefficients of a second-order series in K variables: K(K+1)/2 separate hyper-dual
    passes would carry four times K(K+1)/2.  With ``batch`` b, pairs of chunks of b/2 directions share a pass.
    Source: Fike & Alonso (2011); Cobb et al. (2024), section 3.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.optimize.curvature_matrix(lambda x: x[0] ** 2 * x[1], np.array([1.0, 2.0]), np.eye(2)).matrix
    array([[4., 2.],
           [2., 0.]])
    """
    vectors = Vectors(x)
    real_point(vectors.dtype, "curvature_matrix")
    V = _block(V if isinstance(V, np.ndarray | list | tuple) else np.asarray(V), "normal", vectors, None, copy=False)
    k = len(V)
    F = np.zeros(k, vectors.dtype)
    H = np.zeros((k, k), vectors.dtype)
    value: Any = None
    for rows in _groups(k, batch):
        value, slopes, block = _second_order(f, vectors, V if len(rows) == k else V[rows])
        F[rows] = slopes
        H[np.ix_(rows, rows)] = block
    return Curvature(value, F, H)


def _groups(k: int, batch: int | None) -> list[Any]:
    """Sets of at most ``batch`` directions that together contain every pair."""
    if batch is None or natural("batch", batch) >= k:
        return [np.arange(k)]
    half = max(int(batch) // 2, 1)
    parts = [np.arange(i, min(i + half, k)) for i in range(0, k, half)]
    return [np.concatenate([a, b]) for i, a in enumerate(parts) for b in parts[i + 1 :]]


def _second_order(f: Function, vectors: Vectors, V: Any) -> tuple[Any, Any, Any]:
    k = len(V)
    algebra = pairs(k)
    columns = vectors.unpack_columns(V.T)
    leaves = flatten(columns)[0]
    units = [algebra.position[tuple(int(i == j) for j in range(k))] for i in range(k)]
    rows: list[list[Any]] = []
    for point, block in zip(vectors.leaves, leaves, strict=True):
        row: list[Any] = [point, *[None] * (len(algebra) - 1)]
        for i, at in enumerate(units):
            row[at] = block[i]
        rows.append(row)
    out, level = taylor.expand(algebra, lambda *a: f(unflatten(vectors.spec, a)), rows, defers=True)
    if isinstance(out, dict | list | tuple):
        raise NotScalarError.found("curvature_matrix", f"a {type(out).__name__}")
    c = taylor.unpack(out if isinstance(out, Box) else np.asarray(out)[()], level, len(algebra))
    _scalar(c[0], "curvature_matrix")
    zero = np.zeros((), vectors.dtype)[()]
    F = np.array([zero if c[at] is None else c[at] for at in units])
    H = np.zeros((k, k), vectors.dtype)
    for i in range(k):
        for j in range(i, k):
            at = algebra.position[tuple((i == m) + (j == m) for m in range(k))]
            if c[at] is not None:
                H[i, j] = H[j, i] = c[at] * (2 if i == j else 1)
    return c[0], F, H
