"""Any analytic function of a square matrix, also of a defective one: the Schur-Parlett algorithm with blocks.

Eigenvalues that lie close together form a block, on which f is a Taylor series about their mean; its coefficients are those that
``func`` has in hoad's own arithmetic of series.  Between blocks Parlett's recurrence is a Sylvester equation.
Source: Davies & Higham (2003), A Schur-Parlett algorithm for computing matrix functions, SIAM J. Matrix Anal. Appl. 25, 464-485.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.engine import engine
from hoad.core.series import Series, curve

__all__ = ["of_function"]

TERMS = 120
"""Of a Taylor series, before the block is split."""


class _SlowSeriesError(Exception):
    """The Taylor series of a block does not converge in TERMS terms."""


def of_function(a: Any, func: Callable[[Any], Any]) -> Any:
    """``func`` of each matrix of a stack, complex.

    Parameters
    ----------
    a : (..., n, n) array
    func : callable
        Acts elementwise; written in functions that hoad differentiates, for complex arguments.

    Returns
    -------
    (..., n, n) complex array

    Raises
    ------
    numpy.linalg.LinAlgError
        If the Taylor series at an eigenvalue does not converge: the function is not analytic there.
    """
    if a.ndim > 2:
        return np.stack([of_function(m, func) for m in a])
    t, z = scipy.linalg.schur(a.astype(complex), output="complex")
    for distance in (0.1, 0.03, 0.01, 3e-3):
        try:
            return _by_blocks(t, z, func, distance * max(1.0, float(np.max(np.abs(t.diagonal()), initial=0.0))))
        except _SlowSeriesError:
            continue
    raise np.linalg.LinAlgError(
        "the Taylor series of func does not converge at an eigenvalue, expected a function that is analytic on the spectrum. "
        "Keep the eigenvalues away from its poles and branch points."
    )


def _by_blocks(t: Any, z: Any, func: Callable[[Any], Any], distance: float) -> Any:
    t, z, edges = _ordered(t, z, _clusters(t.diagonal(), distance))
    blocks = [slice(i, j) for i, j in pairwise(edges)]
    f = np.zeros_like(t)
    for j, cols in enumerate(blocks):
        f[cols, cols] = _of_block(t[cols, cols], func)
        for rows in reversed(blocks[:j]):
            between = slice(rows.stop, cols.start)
            right = f[rows, rows] @ t[rows, cols] - t[rows, cols] @ f[cols, cols]
            right += f[rows, between] @ t[between, cols] - t[rows, between] @ f[between, cols]
            f[rows, cols] = scipy.linalg.solve_sylvester(t[rows, rows], -t[cols, cols], right)
    return z @ f @ z.conj().T


def _clusters(w: Any, distance: float) -> Any:
    """A label for each eigenvalue; those of one label are connected by steps of at most ``distance``."""
    labels = np.arange(w.size)
    for i in range(w.size):
        for j in range(i):
            if labels[i] != labels[j] and abs(w[i] - w[j]) <= distance:
                labels[labels == labels[i]] = labels[j]
    return labels


def _ordered(t: Any, z: Any, labels: Any) -> tuple[Any, Any, list[int]]:
    """The Schur form with equal labels side by side, and where the blocks begin and end."""
    (exchange,) = scipy.linalg.get_lapack_funcs(("trexc",), (t,))
    labels, edges, place = list(labels), [0], 0
    while place < len(labels):
        wanted = labels[place]
        for i in range(place, len(labels)):
            if labels[i] == wanted:
                if i != place:
                    t, z, _ = exchange(t, z, i + 1, place + 1)
                    labels.insert(place, labels.pop(i))
                place += 1
        edges.append(place)
    return t, z, edges


def _of_block(t: Any, func: Callable[[Any], Any]) -> Any:
    """Sum of c_k (T - s)^k with s the mean eigenvalue; three small terms in a row end it."""
    n = len(t)
    mean = np.complex128(t.diagonal().mean())
    series = engine.series(curve(TERMS), lambda x: _scalar(func, x), [Series([mean, np.complex128(1.0)])], {})
    power, shift = np.eye(n, dtype=complex), t - mean * np.eye(n)
    total = np.zeros((n, n), complex)
    small = 0
    for k in range(TERMS):
        c = series[k]
        if c is not None:
            term = c * power
            total = total + term
        size = 0.0 if c is None else float(np.abs(term).max(initial=0.0))
        small = small + 1 if size <= 1e-17 * float(np.abs(total).max(initial=0.0)) else 0
        if not np.isfinite(size):
            raise _SlowSeriesError
        power = power @ shift
        if small > 2 or not power.any():
            return total
    raise _SlowSeriesError


def _scalar(func: Callable[[Any], Any], x: Any) -> Any:
    """SciPy hands ``func`` a vector of eigenvalues."""
    return func(x[None])[0]
