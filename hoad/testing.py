"""Public checks that the modes agree: transposes, Taylor series, batches.  The slow definition is always the oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial
from typing import Any

import numpy as np

from hoad import backends
from hoad.core.box import strip
from hoad.core.space import flatten, map_leaves, unflatten
from hoad.errors import DerivativeMismatchError
from hoad.transforms.batching import vmap
from hoad.transforms.first import jvp, vjp
from hoad.transforms.higher import taylor

__all__ = ["check_batching", "check_series", "check_transpose"]

Function = Callable[..., Any]


def _host(x: Any) -> Any:
    x = strip(x)
    return np.asarray(backends.of(x).to_host(x))


def _random_like(x: Any, rng: np.random.Generator) -> Any:
    """Uniform numbers in [-1, 1] with the structure, shapes, dtypes and device of ``x``."""

    def leaf(a: Any) -> Any:
        dtype = getattr(a, "dtype", np.dtype(float))
        shape = np.shape(a)
        v = rng.uniform(-1, 1, shape)
        if dtype.kind == "c":
            v = v + 1j * rng.uniform(-1, 1, shape)
        return backends.like(np.asarray(v, dtype if dtype.kind in "fc" else float), a)

    return map_leaves(leaf, x)


def _tolerance(arrays: Sequence[Any], rtol: float | None) -> float:
    """``rtol``, or 4,000 machine epsilons of the coarsest dtype."""
    if rtol is not None:
        return rtol
    return max([4e3 * float(np.finfo(a.dtype).eps) for a in arrays if a.dtype.kind in "fc"], default=1e-12)


def _compare(found: Any, expected: Any, argument: Any, mode: str, order: int, rtol: float | None) -> None:
    """Raise at the first entry that differs by more than ``rtol`` times the largest expected entry."""
    ours, theirs = flatten(found)[0], flatten(expected)[0]
    for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        a, b = _host(a), _host(b)
        if a.shape != b.shape:
            raise DerivativeMismatchError.found(argument, k, mode, f"shape {a.shape}", f"shape {b.shape}", order)
        finite = np.abs(b[np.isfinite(b)]) if b.dtype.kind in "fc" else b[:0]
        scale = max(1.0, float(finite.max())) if finite.size else 1.0
        with np.errstate(invalid="ignore"):
            wrong = ~(a == b)
            if a.dtype.kind in "fc":
                wrong &= ~((np.abs(a - b) <= _tolerance([a], rtol) * scale) | (np.isnan(a) & np.isnan(b)))
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise DerivativeMismatchError.found(argument, at, mode, a[at], b[at], order)


def check_transpose(f: Function, args: Sequence[Any], *, seed: int = 0, rtol: float | None = None) -> None:
    """Check that reverse mode is the adjoint of forward mode: Re⟨u, J v⟩ = Re⟨Jᴴ u, v⟩.

    Parameters
    ----------
    f : callable
        Function of ``len(args)`` arguments.
    args : tuple
        The point: arrays or containers.
    seed : int
        Of the random direction v and cotangent u.
    rtol : float, optional
        Tolerance relative to the sum of the absolute values of all products; 4,000 machine epsilons by default.

    Returns
    -------
    None

    Raises
    ------
    DerivativeMismatchError
        If the two inner products differ.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.testing import check_transpose
    >>> check_transpose(np.matmul, (np.eye(2), np.ones(2)))
    """
    rng = np.random.default_rng(seed)
    v = _random_like(tuple(args), rng)
    y, t = jvp(f, tuple(args), v)
    u = _random_like(y, rng)
    _, pull = vjp(f, *args)
    cotangents = pull(u)

    def products(a: Any, b: Any) -> np.ndarray:
        parts = [(np.conj(_host(p)) * _host(q)).real.ravel() for p, q in zip(flatten(a)[0], flatten(b)[0], strict=True)]
        return np.concatenate([np.zeros(1), *parts])

    left, right = products(u, t), products(cotangents, v)
    scale = max(1.0, float(np.abs(left).sum()), float(np.abs(right).sum()))
    limit = _tolerance([_host(a) for a in flatten(tuple(args))[0]], rtol) * scale
    if not abs(left.sum() - right.sum()) <= limit:
        raise DerivativeMismatchError.found("all", "<u, Jv> and <J^H u, v>", "reverse against forward", right.sum(), left.sum(), 1)


def check_series(f: Function, x: Any, v: Any, order: int, *, rtol: float | None = None) -> None:
    """Check the Taylor coefficients of t -> f(x + t v) against forward mode nested in itself.

    Parameters
    ----------
    f : callable
        Function of one argument.
    x : array or container
        The point.
    v : like x
        The direction.
    order : int, at least 1
    rtol : float, optional
        Tolerance relative to the largest entry of each coefficient; 4,000 machine epsilons by default.

    Returns
    -------
    None

    Raises
    ------
    DerivativeMismatchError
        At the first coefficient that differs.

    Notes
    -----
    Costs 2**order evaluations of ``f`` in dual numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.testing import check_series
    >>> check_series(lambda x: np.sin(x) / x, np.array([0.5, 2.0]), np.ones(2), order=4)
    """
    coefficients = taylor(f, x, v, order)
    derivatives: Function = lambda x: (f(x),)
    for _ in range(order):
        derivatives = _and_the_next(derivatives, v)
    for n, derivative in enumerate(derivatives(x)):
        expected = map_leaves(lambda y, n=n: y / factorial(n), derivative)  # type: ignore[misc]
        if n:
            _compare(coefficients[n], expected, 0, "taylor against nested forward", n, rtol)


def _and_the_next(f: Function, v: Any) -> Function:
    """From a function that gives derivatives along ``v``, in a tuple: that which also gives one of the next order."""

    def more(x: Any) -> Any:
        known, slopes = jvp(f, (x,), (v,))
        return (*known, slopes[-1])

    return more


def check_batching(f: Function, args: Sequence[Any], *, size: int = 3, alone: bool = True, rtol: float | None = None) -> None:
    """Check ``vmap`` against a Python loop: all arguments mapped, each alone, and derivatives inside and outside.

    Parameters
    ----------
    f : callable
        Function of ``len(args)`` arguments; its values may not depend on random state.
    args : tuple
        One example: arrays or containers.  Example k of the batch is ``args`` times ``1 + k / 100``.
    size : int
        Number of examples.
    alone : bool
        Also map each argument alone; not possible for a function that assigns one argument into another.
    rtol : float, optional
        Tolerance relative to the largest entry; 4,000 machine epsilons by default.

    Returns
    -------
    None

    Raises
    ------
    DerivativeMismatchError
        At the first entry in which loop and batch differ.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.testing import check_batching
    >>> check_batching(np.dot, (np.ones(3), np.arange(3.0)))
    """
    rows = [[map_leaves(lambda a, k=k: a * (1 + k / 100), x) for k in range(size)] for x in args]  # type: ignore[misc]
    stacks = [_stack(r) for r in rows]
    each = [tuple(i == j for j in range(len(args))) for i in range(len(args))] if len(args) > 1 and alone else []
    for mapped in [(True,) * len(args), *each]:
        axes = tuple(0 if m else None for m in mapped)
        given = [s if m else r[0] for s, r, m in zip(stacks, rows, mapped, strict=True)]
        examples = [tuple(r[k if m else 0] for r, m in zip(rows, mapped, strict=True)) for k in range(size)]
        what = f"arguments {[i for i, m in enumerate(mapped) if m]}"
        _compare(vmap(f, axes)(*given), _stack([f(*e) for e in examples]), what, "batch against loop", 0, rtol)
    if not all(a.dtype.kind in "fc" for a in map(_host, flatten(_stack([f(*args)]))[0])):
        return
    full = [tuple(r[k] for r in rows) for k in range(size)]
    directions = [_random_like(e, np.random.default_rng(k)) for k, e in enumerate(full)]
    pushed = _stack([jvp(f, e, d)[1] for e, d in zip(full, directions, strict=True)])
    slopes = tuple(_stack([d[i] for d in directions]) for i in range(len(args)))
    _compare(vmap(lambda x, v: jvp(f, x, v)[1])(tuple(stacks), slopes), pushed, "all", "forward inside batch", 1, rtol)
    _compare(jvp(vmap(f), tuple(stacks), slopes)[1], pushed, "all", "batch inside forward", 1, rtol)
    outputs = [f(*e) for e in full]
    cotangents = [_random_like(y, np.random.default_rng(k)) for k, y in enumerate(outputs)]
    pulled = _stack([vjp(f, *e)[1](u) for e, u in zip(full, cotangents, strict=True)])
    _compare(vmap(lambda x, u: vjp(f, *x)[1](u))(tuple(stacks), _stack(cotangents)), pulled, "all", "reverse inside batch", 1, rtol)
    _compare(vjp(vmap(f), *stacks)[1](_stack(cotangents)), pulled, "all", "batch inside reverse", 1, rtol)


def _stack(rows: Sequence[Any]) -> Any:
    """Containers of stacked leaves."""
    spec = flatten(rows[0])[1]
    columns = zip(*[flatten(r)[0] for r in rows], strict=True)
    return unflatten(spec, [np.stack([c if hasattr(c, "dtype") else np.asarray(c) for c in column]) for column in columns])
