"""scipy.sparse.linalg: the action of the exponential, exp(A) B, differentiated through its truncated Taylor series.

exp(t A) B = (exp(t A / s))^s B with s so large that 40 terms of the series hold to rounding, derivatives included; that takes about
10 products with A for each unit of its 1-norm.  A multiple of the identity is split off first, as SciPy does.
Source: Al-Mohy & Higham (2011), SIAM J. Sci. Comput. 33, 488-511.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse.linalg

from hoad.core.box import shape_of, strip
from hoad.core.kinds import composite
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array
from hoad.rules.products import matmul
from hoad.rules.scipy.linalg.matrix_functions import expm as scipy_expm
from hoad.rules.scipy.linalg.matrix_functions import expm_
from hoad.rules.scipy.sparse.arrays import SparseArray, as_sparse
from hoad.rules.scipy.sparse.pattern import Pattern
from hoad.rules.scipy.sparse.products import batch_columns, dense, product

TERMS = 40
REACH = 4.0
"""1-norm of A t / s; 4^40 / 40! is 1e-24."""


def _action(multiply: Callable[[Any], Any], trace: Any, norm: float, b: Any, n: int) -> Any:
    """exp(A) b."""
    mean = trace / n
    steps = max(int(np.ceil(norm / REACH)), 1)
    factor = np.exp(mean / steps)
    for _ in range(steps):
        term = total = b
        for k in range(1, TERMS + 1):
            term = (multiply(term) - mean * term) / (steps * k)
            total = total + term
        b = factor * total
    return b


def _norm(plain: Any, pattern: Pattern | None, n: int) -> float:
    """Largest 1-norm of A - (trace A / n), among all that a batch holds."""
    if pattern is None:
        each = [plain] if plain.ndim == 2 else list(plain.reshape(-1, n, n))
    else:
        each = [pattern.matrix(d).toarray() if n <= 64 else pattern.matrix(d) for d in plain.reshape(-1, plain.shape[-1])]
    sizes = []
    for a in each:
        mean = a.trace() / n
        columns = np.asarray(abs(a).sum(axis=0)).ravel()
        diagonal = a.diagonal()
        sizes.append(float(np.max(columns - abs(diagonal) + abs(diagonal - mean), initial=0.0)))
    return max(sizes, default=0.0)


def _body(data: Any, b: Any, pattern: Pattern | None, times: Any, trace: Any, stacked: bool) -> Any:
    n = shape_of(b)[0]
    if pattern is None:
        whole = np.trace(data)

        def multiply(x: Any) -> Any:
            return matmul(data, x)
    else:
        whole = SparseArray(data, pattern).trace()

        def multiply(x: Any) -> Any:
            return product.bind(data, x, pattern=pattern)

    norm = _norm(np.asarray(strip(data)), pattern, n)
    rows, before = [], 0.0
    for t in times:
        step = t - before
        if step:
            b = _action(lambda x, s=step: s * multiply(x), step * whole, abs(step) * norm, b, n)  # type: ignore[misc]
        rows.append(b)
        before = t
    return np.stack(rows) if stacked else rows[0]


def _native(data: Any, b: Any, pattern: Pattern | None, times: Any, trace: Any, stacked: bool) -> Any:
    a = data if pattern is None else pattern.matrix(data)
    if not stacked:
        return scipy.sparse.linalg.expm_multiply(a, b, traceA=trace)
    start, stop, num, endpoint = times.given
    return scipy.sparse.linalg.expm_multiply(a, b, start=start, stop=stop, num=num, endpoint=endpoint, traceA=trace)


class _Times(tuple):
    """The times of a grid, with what SciPy was asked for."""

    given: tuple[Any, ...] = ()


def _batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    return by_loop(prim, size, xs, flags, kw) if kw["stacked"] else batch_columns(prim, size, xs, flags, kw)


action = composite("scipy.sparse.linalg.expm_multiply", _native, _body, batch=_batch)


def expm_multiply(
    A: Any, B: Any, start: Any = None, stop: Any = None, num: Any = None, endpoint: Any = None, traceA: Any = None
) -> Any:  # SciPy's names
    b = as_array(B)
    stacked = any(v is not None for v in (start, stop, num, endpoint))
    times = _Times((1.0,))
    if stacked:
        grid = np.linspace(start, stop, 50 if num is None else num, True if endpoint is None else endpoint)
        times = _Times(float(t) for t in grid)
        times.given = (start, stop, num, endpoint)
    if isinstance(A, SparseArray) or scipy.sparse.issparse(A):
        a = as_sparse(A)
        return action.bind(a.data, b, pattern=a.pattern, times=times, trace=traceA, stacked=stacked)
    return action.bind(as_array(A), b, pattern=None, times=times, trace=traceA, stacked=stacked)


def _exponential_native(data: Any, pattern: Pattern) -> Any:
    return scipy.sparse.linalg.expm(pattern.matrix(data)).toarray()


exponential_ = composite(
    "scipy.sparse.linalg.expm",
    _exponential_native,
    lambda data, pattern: expm_.bind(dense.bind(data, pattern=pattern)),
    batch=by_loop,
)


def expm(A: Any) -> Any:  # SciPy's names
    """All entries of the result are stored; a dense argument gives a dense result."""
    if not isinstance(A, SparseArray) and not scipy.sparse.issparse(A):
        return scipy_expm(A)
    a = as_sparse(A, "csc")
    return as_sparse(exponential_.bind(a.data, pattern=a.pattern), "csc")


expose(expm, "scipy.sparse.linalg.expm", scipy.sparse.linalg.expm, "composite")
expose(expm_multiply, "scipy.sparse.linalg.expm_multiply", scipy.sparse.linalg.expm_multiply, "composite")
