"""Higher derivatives by Taylor mode: jets along curves and lines, single mixed partial derivatives, derivative tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from itertools import product
from math import factorial, prod
from typing import Any

import numpy as np

from hoad.backends import maybe_any
from hoad.core.box import Box, peek, shape_of
from hoad.core.series import curve, mixed
from hoad.core.space import cast_like, flatten, flatten_like, leaf_zeros, unflatten
from hoad.errors import ShapeError, StructureError
from hoad.modes import taylor as mode
from hoad.transforms.arguments import as_outputs, select
from hoad.transforms.jacobian import jacfwd

__all__ = ["derivative_tensor", "jet", "partial", "taylor"]

Function = Callable[..., Any]


def _coefficients(out: Any, level: float, size: int) -> tuple[list[list[Any]], Any]:
    """Coefficients of each output leaf as arrays, and the structure."""
    leaves, spec = as_outputs(out)
    rows = []
    for y in leaves:
        c = mode.unpack(y, level, size)
        rows.append(
            [
                c[0],
                *[cast_like(a, c[0]) if a is None or peek(c[0]).dtype.kind == "c" or a.dtype.kind != "c" else a for a in c[1:]],
            ]
        )
    return rows, spec


def jet(f: Function, primals: Sequence[Any], series: Sequence[Sequence[Any]]) -> tuple[Any, list[Any]]:
    """Taylor coefficients of ``f`` along a curve.

    Parameters
    ----------
    f : callable
        Function of ``len(primals)`` arguments.
    primals : tuple
        Coefficient 0 of each argument: the point.
    series : tuple of sequences
        For each argument its coefficients 1, 2, ... K (not multiplied by factorials): x(t) = x0 + c1 t + c2 t² + ...;
        shorter sequences are continued by zeros.

    Returns
    -------
    y, coefficients
        Value, and the list of coefficients 1 ... K of t -> f(x(t)), each with the structure and shapes of the output.
        The n-th derivative is n! times coefficient n.

    Raises
    ------
    ShapeError, StructureError, DTypeError
        If coefficients do not fit the point.

    Notes
    -----
    One evaluation of ``f``; about K²/2 products for each elementwise step.  Coefficients are not scaled by n!, which would
    overflow at n = 171.
    Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 13.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.jet(np.exp, (0.0,), ([1.0, 0.0, 0.0],))[1]
    [np.float64(1.0), np.float64(0.5), np.float64(0.16666666666666666)]
    """
    if not isinstance(primals, tuple | list) or not isinstance(series, tuple | list) or len(primals) != len(series):
        raise StructureError("jet needs tuples of primals and of series, one for each argument: hoad.jet(f, (x,), ([c1, c2],))")
    selection = select(f, tuple(range(len(primals))), tuple(primals), {})
    order = max((len(s) for s in series), default=0)
    rows: list[list[Any]] = [[x] for x in selection.leaves]
    start = 0
    for s, (count, spec) in zip(series, selection.specs, strict=True):
        for c in s:
            part = flatten_like(c, selection.leaves[start : start + count], spec, "a coefficient")
            for row, leaf in zip(rows[start : start + count], part, strict=True):
                row.append(leaf if isinstance(leaf, Box) or maybe_any(leaf) else None)
        start += count
    out, level = mode.expand(curve(order), lambda *a: selection.call(a), rows)
    found, out_spec = _coefficients(out, level, order + 1)
    ys = [unflatten(out_spec, [row[n] for row in found]) for n in range(order + 1)]
    return ys[0], ys[1:]


def taylor(f: Function, x: Any, v: Any, order: int) -> list[Any]:
    """Taylor coefficients of t -> f(x + t v) up to ``order``.

    Parameters
    ----------
    f : callable
        Function of one argument.
    x : array or container
        The point.
    v : like x
        The direction.
    order : int, at least 0

    Returns
    -------
    list of order + 1 results
        Entry n is the n-th derivative divided by n!, with the structure and shapes of the output.

    Raises
    ------
    ShapeError, StructureError, DTypeError
        If v does not fit x.

    Notes
    -----
    One evaluation of ``f``; about order²/2 products for each elementwise step.
    Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 13.

    Examples
    --------
    >>> import hoad
    >>> [float(c) for c in hoad.taylor(lambda x: 1 / (1 - x), 0.0, 1.0, 4)]
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    if order < 0:
        raise ValueError(f"order={order}, expected at least 0")
    selection = select(f, 0, (x,), {})
    vs = flatten_like(v, selection.leaves, selection.specs[0][1], "v")
    rows = [[p, d][: order + 1] for p, d in zip(selection.leaves, vs, strict=True)]
    out, level = mode.expand(curve(order), lambda *a: selection.call(a), rows)
    found, spec = _coefficients(out, level, order + 1)
    return [unflatten(spec, [row[n] for row in found]) for n in range(order + 1)]


def partial(f: Function, x: Any, multi_index: Any) -> Any:
    """One mixed partial derivative ∂^|α| f / ∂x^α.

    Parameters
    ----------
    f : callable
        Function of one argument; any output.
    x : array or container
        The point.
    multi_index : like x, or a flat sequence of ints
        How often to differentiate with respect to each entry of x.

    Returns
    -------
    like the output of f

    Raises
    ------
    ShapeError
        If the number of entries differs from that of x, or one is negative.

    Notes
    -----
    One evaluation with a series in as many variables as α has non-zero entries, with Π(αᵢ + 1) coefficients.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.partial(lambda x: x[0] ** 3 * x[1] ** 2, np.array([1.0, 2.0]), (2, 1))
    np.float64(24.0)
    """
    selection = select(f, 0, (x,), {})
    alpha = (
        np.concatenate([np.ravel(np.asarray(a)) for a in flatten(multi_index)[0]])
        if not isinstance(multi_index, int)
        else np.array([multi_index])
    )
    total = sum(prod(shape_of(p)) for p in selection.leaves)
    if alpha.size != total or alpha.dtype.kind not in "iu" or (alpha < 0).any():
        raise ShapeError(f"multi_index is {multi_index!r}, expected {total} non-negative integers, one for each entry of x.")
    active = np.flatnonzero(alpha)
    index = tuple(int(alpha[i]) for i in active)
    algebra = mixed(index)
    rows: list[list[Any]] = [[p, *[None] * (len(algebra) - 1)] for p in selection.leaves]
    for k, i in enumerate(active):
        at = algebra.position[tuple(int(j == k) for j in range(len(active)))]
        start = 0
        for row, p in zip(rows, selection.leaves, strict=True):
            n = prod(shape_of(p))
            if start <= i < start + n:
                unit = np.zeros(n, peek(p).dtype)
                unit[i - start] = 1
                row[at] = leaf_zeros(p) + np.reshape(unit, shape_of(p))
            start += n
    out, level = mode.expand(algebra, lambda *a: selection.call(a), rows)
    found, spec = _coefficients(out, level, len(algebra))
    scale = prod(factorial(a) for a in index)
    return unflatten(spec, [row[algebra.position[index]] * scale for row in found])


def derivative_tensor(f: Function, order: int, argnums: int = 0, *, storage: str = "dense") -> Function:
    """Function that returns all partial derivatives of one order.

    Parameters
    ----------
    f : callable
        Any output.
    order : int, at least 0
    argnums : int
        What to differentiate with respect to: one array argument.
    storage : {"dense", "symmetric"}
        "dense": an array of shape t + s·order, exactly symmetric in the last axes.  "symmetric": a dict from sorted index
        tuples (i ≤ j ≤ ...) of the flattened argument to arrays of shape t, each derivative once.

    Returns
    -------
    callable
        Same arguments as ``f``.

    Raises
    ------
    DTypeError
        For integer or complex arguments.

    Notes
    -----
    Nested forward mode with a block of n directions for each order; values are computed once for each order.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.derivative_tensor(lambda x: x[0] ** 2 * x[1], 3)(np.array([1.0, 2.0]))[0, 0, 1]
    np.float64(2.0)
    """
    if order < 0 or storage not in ("dense", "symmetric"):
        raise ValueError(f"order={order}, storage={storage!r}; expected order >= 0 and storage 'dense' or 'symmetric'")

    def nested(n: int) -> Function:
        return f if n == 0 else jacfwd(nested(n - 1), argnums)

    full = nested(order)

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        dense = full(*args, **kwargs)
        if order == 0:
            return dense
        if isinstance(dense, dict | list | tuple):
            raise StructureError(
                "derivative_tensor needs a function from one array to one array, but the argument or the result is a "
                "container. Use hoad.jacobian and hoad.hessian, which return containers of blocks."
            )
        shape = shape_of(args[argnums])
        n = prod(shape)
        t = dense.shape[: dense.ndim - order * len(shape)]
        flat: Any = np.reshape(dense, (*t, *(n,) * order))
        keys = list(product(range(n), repeat=order))
        if storage == "symmetric":
            return {k: flat[(..., *k)] for k in keys if tuple(sorted(k)) == k}
        if order > 1 and keys:  # every entry from its sorted index, so that the symmetry is exact
            grid = np.sort(np.indices((n,) * order).reshape(order, -1), axis=0)
            flat = flat[(..., *tuple(grid))]
        return np.reshape(flat, (*t, *shape * order))

    return wrapped
