"""Colours: groups of columns whose entries can be told apart after they were added up.

Columns of a Jacobian may share a colour if no row meets two of them (Curtis, Powell & Reid 1974).  For a symmetric matrix, whose
entry (i, j) may be read from either of its two places, star colourings need fewer: neighbours differ, and no path of four vertices
has only two colours.  Source: Gebremedhin, Manne & Pothen (2005), What color is your Jacobian? SIAM Review 47, sections 3 and 4;
vertices are taken by falling degree.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

__all__ = ["color_columns", "color_star"]

Colors = NDArray[np.intp]


def color_columns(pattern: csr_array) -> Colors:
    """Colour of each column, such that the columns of one colour have no row in common.

    Parameters
    ----------
    pattern : csr_array, shape (m, n)

    Returns
    -------
    array of int, shape (n,)
        Colours 0, 1, …; columns without entries have colour -1.

    Notes
    -----
    Greedy; time proportional to the sum over rows of the squared number of their entries.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from hoad.sparse.coloring import color_columns
    >>> color_columns(sp.csr_array(sp.diags([1, 1, 1], [-1, 0, 1], shape=(5, 5)))).max() + 1
    np.int64(3)
    """
    rows = _lists(pattern)
    columns = _lists(csr_array(pattern.T))
    color = np.full(pattern.shape[1], -1, np.intp)
    for j in _by_degree(columns):
        if columns[j]:
            color[j] = _least({color[k] for i in columns[j] for k in rows[i]})
    return color


def color_star(pattern: csr_array) -> Colors:
    """A star colouring of the graph of a symmetric matrix.

    Parameters
    ----------
    pattern : csr_array, shape (n, n)
        Symmetric; its diagonal does not matter.

    Returns
    -------
    array of int, shape (n,)
        Colours 0, 1, …; columns without any entry have colour -1.

    Notes
    -----
    Greedy; time proportional to n times the third power of the mean degree.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> from hoad.sparse.coloring import color_star
    >>> arrow = np.eye(6); arrow[0] = arrow[:, 0] = 1
    >>> color_star(sp.csr_array(arrow)).max() + 1
    np.int64(2)
    """
    full = _lists(pattern)
    near = [[j for j in row if j != i] for i, row in enumerate(full)]
    color = np.full(pattern.shape[0], -1, np.intp)
    for v in _by_degree(near):
        if not full[v]:
            continue
        taken: set[int] = set()
        for w in near[v]:
            if color[w] < 0:  # v and x, both coloured before the w between them, differ; so paths with v in the middle are safe too
                taken.update(color[x] for x in near[w])
            else:
                for x in near[w]:  # v - w - x - y must not have the colours c, d, c, d
                    if color[x] >= 0 and x != v and any(y != w and color[y] == color[w] for y in near[x]):
                        taken.add(color[x])
            taken.add(color[w])
        color[v] = _least(taken)
    return color


def _lists(pattern: csr_array) -> list[list[int]]:
    return [pattern.indices[a:b].tolist() for a, b in zip(pattern.indptr[:-1], pattern.indptr[1:], strict=True)]


def _by_degree(neighbours: list[list[int]]) -> list[int]:
    return sorted(range(len(neighbours)), key=lambda i: -len(neighbours[i]))


def _least(taken: set[int]) -> int:
    color = 0
    while color in taken:
        color += 1
    return color
