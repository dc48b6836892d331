"""Determinants, inverses and solutions of stacks of small matrices, written out.

Gaussian elimination with partial pivoting, as LAPACK does it: the rows are exchanged by selections, so that all matrices of a stack
take the same path.  Cofactors need fewer operations; where several singular values are small they lose twice as many digits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import prod
from operator import add, or_
from typing import Any, NamedTuple

from hoad.compiler.loops.values import INLINE_SUM, Pieces, Pointwise, Reduced, Uniform, Value
from hoad.compiler.lower.lowering import Checked, code, known_here, lowers
from hoad.compiler.lower.shaping import moved
from hoad.compiler.lower.terms import Term, number, select

__all__: list[str] = []

LARGEST = 4
"""Rows of the largest matrices that are written out."""
OPERATIONS = {1: 1, 2: 20, 3: 90, 4: 250}
"""About how many operations an inverse takes, by the number of rows."""
MOST = 800
"""Operations up to which a short stack is written out."""
Rows = list[list[Term]]


class _Factors(NamedTuple):
    """P A = L U for every matrix of a stack."""

    lower: Rows
    upper: Rows
    swaps: list[tuple[int, int, Term]]
    """(row, other row, whether they were exchanged), in the order of the exchanges."""


def _entry(x: Value, dtype: str, *index: int) -> Term:
    """The elements at an index of the last axes, one for each matrix of a stack."""
    rank = len(x.shape) - len(index)
    maps: list[Any] = [(0, ((k, 1),) if x.shape[k] != 1 else ()) for k in range(rank)] + [(i, ()) for i in index]
    return Term(moved(x, maps, x.shape[:rank]), dtype)


def _stacked(rows: list[Any], shape: Any, axis: int, dtype: str) -> Value:
    """Arrays side by side along a new axis."""
    pieces, places = [], []
    rank = len(shape)
    axis %= rank
    for n, row in enumerate(rows):
        value = row.value if isinstance(row, Term) else row
        lead = rank - 1 - len(value.shape)
        maps: list[Any] = []
        for k, m in enumerate(value.shape):
            at = k + lead
            maps.append((0, ((at + (at >= axis), 1),) if m != 1 else ()))
        box = [1 if k == axis else m for k, m in enumerate(shape)]
        pieces.append(moved(value, maps, box))
        places.append([(n if k == axis else 0, 1) for k in range(rank)])
    return Pieces(pieces, places, 0.0, shape, dtype)


def _wide(x: Value) -> Value:
    """In double precision, in which NumPy computes for single precision too."""
    return x if x.dtype == "f8" else Pointwise("convert", (x,), x.shape, "f8")


def _narrow(x: Value, spec: Any) -> Value:
    dtype = code(spec.dtype)
    return x if x.dtype == dtype else Pointwise("convert", (x,), x.shape, dtype)


def _matrices(a: Value, spec: Any) -> int:
    """Rows of the matrices, or 0 if they are not written out."""
    if len(a.shape) < 2 or a.shape[-1] != a.shape[-2] or 0 in a.shape or a.shape[-1] > LARGEST or a.dtype != code(spec.dtype):
        return 0
    n, stack = a.shape[-1], prod(a.shape[:-2])
    several = stack if stack <= INLINE_SUM else 1  # a short stack is written out as well
    return 0 if isinstance(a, Uniform) or several * OPERATIONS[n] > MOST else n


def _factored(a: Value, n: int) -> _Factors:
    known = known_here()
    key = ("factors", id(a))
    if key not in known:
        known[key] = (a, _eliminated(_wide(a), n))
    return known[key][1]


def _eliminated(a: Value, n: int) -> _Factors:
    dtype = a.dtype
    m: Rows = [[_entry(a, dtype, i, j) for j in range(n)] for i in range(n)]
    lower: Rows = [[] for _ in range(n)]
    swaps = []
    for k in range(n):
        for i in range(k + 1, n):  # the row with the largest element of this column comes first
            swap = abs(m[i][k]) > abs(m[k][k])
            for j in range(k, n):
                m[k][j], m[i][j] = select(swap, m[i][j], m[k][j]), select(swap, m[k][j], m[i][j])
            for j in range(k):
                lower[k][j], lower[i][j] = select(swap, lower[i][j], lower[k][j]), select(swap, lower[k][j], lower[i][j])
            swaps.append((k, i, swap))
        pivot = m[k][k]
        for i in range(k + 1, n):
            factor = m[i][k] / select(pivot.equals(0.0), 1.0, pivot)  # a column of zeros needs no elimination
            lower[i].append(factor)
            for j in range(k + 1, n):
                m[i][j] = m[i][j] - factor * m[k][j]
    return _Factors(lower, m, swaps)


def _pivots(f: _Factors) -> list[Term]:
    return [f.upper[k][k] for k in range(len(f.upper))]


def _zero_pivot(f: _Factors) -> Term:
    return reduce(or_, [pivot.equals(0.0) for pivot in _pivots(f)])


def _singular(f: _Factors) -> Value:
    """Whether a matrix of the stack has a pivot that is zero."""
    return _anywhere(_zero_pivot(f).value)


def _anywhere(condition: Value) -> Value:
    return Reduced("logical_or", condition, range(len(condition.shape))) if condition.shape else condition


def _sign(f: _Factors) -> Term:
    """1 or -1: the determinant of the exchanges."""
    odd = None
    for _, _, swap in f.swaps:
        odd = swap if odd is None else odd ^ swap
    one = number(1.0, f.upper[0][0])
    return one if odd is None else select(odd, -1.0, one)


def _solved(f: _Factors, rhs: list[Term]) -> list[Term]:
    """A^-1 b by substitution; ``rhs`` are the rows of b."""
    n = len(f.upper)
    b = list(rhs)
    for k, i, swap in f.swaps:
        b[k], b[i] = select(swap, b[i], b[k]), select(swap, b[k], b[i])
    for i in range(n):
        for j in range(i):
            b[i] = b[i] - f.lower[i][j] * b[j]
    for i in reversed(range(n)):
        for j in range(i + 1, n):
            b[i] = b[i] - f.upper[i][j] * b[j]
        b[i] = b[i] / f.upper[i][i]
    return b


def _inverted(f: _Factors) -> Rows:
    """U^-1 L^-1 with its columns put back into the order before the exchanges."""
    n = len(f.upper)
    columns = []
    for c in range(n):
        column: list[Any] = [0.0] * n
        column[c] = number(1.0, f.upper[0][0])
        for i in range(c + 1, n):
            total: Any = 0.0
            for j in range(c, i):
                term = f.lower[i][j] * column[j]
                total = -term if isinstance(total, float) else total - term
            column[i] = total
        for i in reversed(range(n)):
            for j in range(i + 1, n):
                if not isinstance(column[j], float):
                    term = f.upper[i][j] * column[j]
                    column[i] = -term if isinstance(column[i], float) else column[i] - term
            column[i] = column[i] / f.upper[i][i]
        columns.append(column)
    for k, i, swap in reversed(f.swaps):
        pairs = list(zip(columns[k], columns[i], strict=True))
        columns[k] = [select(swap, q, p) for p, q in pairs]
        columns[i] = [select(swap, p, q) for p, q in pairs]
    return [[columns[j][i] for j in range(n)] for i in range(n)]


def _of_factors(formula: Callable[[_Factors], Term]) -> Callable[..., Value | None]:
    """The rule of a function of the factors alone."""

    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        n = _matrices(args[0], spec)
        return None if kw or not n else _narrow(formula(_factored(args[0], n)).value, spec)

    return rule


@lowers("det")
@_of_factors
def _det(f: _Factors) -> Term:
    return select(_zero_pivot(f), 0.0, prod(_pivots(f), start=_sign(f)))


@lowers("log_abs_det")
@_of_factors
def _log_abs_det(f: _Factors) -> Term:
    return reduce(add, [abs(pivot).log() for pivot in _pivots(f)])


@lowers("det_sign_real")
@_of_factors
def _det_sign(f: _Factors) -> Term:
    y = _sign(f)
    for pivot in _pivots(f):
        y = y * select(pivot.isnan(), pivot, select(pivot < 0.0, -1.0, select(pivot.equals(0.0), 0.0, number(1.0, pivot))))
    return y


@lowers("cholesky")
def _cholesky(args: list[Value], kw: dict[str, Any], spec: Any) -> Any:
    """From the lower triangle, row by row."""
    n = _matrices(args[0], spec)
    if not n or kw:
        return None
    a = _wide(args[0])
    rows: list[list[Term]] = []
    failed = None
    for i in range(n):
        row: list[Term] = []
        for j in range(i + 1):
            x = _entry(a, "f8", i, j)
            for p, q in zip(row[:j], rows[j] if j < i else row, strict=False):
                x = x - p * q
            if j < i:
                row.append(x / rows[j][j])
            else:
                bad = ~(x > 0.0)
                failed = bad if failed is None else failed | bad
                row.append(x.sqrt())
        rows.append(row)
    assert failed is not None
    zero = Uniform(0.0, rows[0][0].value.shape, "f8")
    stacked = [_stacked([*row, *[zero] * (n - len(row))], (*spec.shape[:-2], n), -1, "f8") for row in rows]
    y = _narrow(_stacked(stacked, spec.shape, -2, "f8"), spec)
    return Checked(y, _anywhere(failed.value), "Matrix is not positive definite")


@lowers("inv")
def _inv(args: list[Value], kw: dict[str, Any], spec: Any) -> Any:
    n = _matrices(args[0], spec)
    if not n or kw:
        return None
    f = _factored(args[0], n)
    rows = [_stacked(row, (*spec.shape[:-2], n), -1, "f8") for row in _inverted(f)]
    return Checked(_narrow(_stacked(rows, spec.shape, -2, "f8"), spec), _singular(f))


@lowers("solve")
def _solve(args: list[Value], kw: dict[str, Any], spec: Any) -> Any:
    a, b = args
    n = _matrices(a, spec)
    dtype = code(spec.dtype)
    if not n or set(kw) != {"vector"} or b.dtype != dtype or 0 in spec.shape:
        return None
    f = _factored(a, n)
    b = _wide(b)
    if kw["vector"]:
        rhs = [_entry(b, "f8", i) for i in range(n)]
        return Checked(_narrow(_stacked(_solved(f, rhs), spec.shape, -1, "f8"), spec), _singular(f))
    columns = spec.shape[-1]
    maps: list[Any]
    rhs = []
    for i in range(n):  # rows of b, whose last axis stays
        rank = len(b.shape)
        maps = [(0, ((k, 1),) if b.shape[k] != 1 else ()) for k in range(rank - 2)] + [(i, ()), (0, ((rank - 2, 1),))]
        rhs.append(Term(moved(b, maps, (*b.shape[:-2], columns)), "f8"))

    def wide(x: Term) -> Term:
        shape = x.value.shape
        return Term(moved(x.value, [(0, ((k, 1),) if m != 1 else ()) for k, m in enumerate(shape)], (*shape, 1)), x.dtype)

    spread = _Factors(
        [[wide(x) for x in r] for r in f.lower], [[wide(x) for x in r] for r in f.upper], [(k, i, wide(s)) for k, i, s in f.swaps]
    )
    rows = _solved(spread, rhs)
    return Checked(_narrow(_stacked(rows, spec.shape, -2, "f8"), spec), _singular(f))
