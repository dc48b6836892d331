"""scipy.linalg: solve_triangular and the solves with a Cholesky factor."""

from __future__ import annotations

from typing import Any

import scipy.linalg

from hoad.core.kinds import implicit
from hoad.core.primitive import expose
from hoad.rules.scipy.linalg.structure import adjoint, as_array, batch_columns, columns, matmul, swapped, triangle

_TURNS = {0: lambda a: a, 1: swapped, 2: adjoint}
_TRANS: dict[Any, int] = {0: 0, 1: 1, 2: 2, "N": 0, "T": 1, "C": 2}


def _native(a: Any, b: Any, trans: int, lower: bool, unit: bool, check_finite: bool) -> Any:
    return scipy.linalg.solve_triangular(a, b, trans=trans, lower=lower, unit_diagonal=unit, check_finite=check_finite)


def _residual(x: Any, a: Any, b: Any, trans: int, lower: bool, unit: bool, check_finite: bool) -> Any:
    return matmul(_TURNS[trans](triangle(a, lower, unit=unit)), x) - b


def _adjoint(g: Any, x: Any, xs: Any, lower: bool, **kw: Any) -> Any:
    """The adjoint of op(A) is op(A^H), for the transpose and for the adjoint as well."""
    return solve_triangular_.bind(adjoint(xs[0]), g, lower=not lower, **kw)


solve_triangular_: Any = implicit(
    "scipy.linalg.solve_triangular",
    _native,
    _residual,
    lambda r, x, xs, **kw: solve_triangular_.bind(xs[0], r, **kw),
    _adjoint,
    batch=batch_columns,
)


def solve_triangular(
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    b, vector = columns(b)
    # an unknown trans goes to SciPy, which says what is wrong with it
    x = solve_triangular_.bind(
        as_array(a), b, trans=_TRANS.get(trans, trans), lower=bool(lower), unit=unit_diagonal, check_finite=check_finite
    )
    return x[..., 0] if vector else x


# -- A x = b with A = L L^H or U^H U: only the triangle of the factor is read -----------------------------------------------------


def _cho_native(c: Any, b: Any, lower: bool, check_finite: bool) -> Any:
    return scipy.linalg.cho_solve((c, lower), b, check_finite=check_finite)


def _cho_residual(x: Any, c: Any, b: Any, lower: bool, check_finite: bool) -> Any:
    t = triangle(c, lower)
    left, right = (t, adjoint(t)) if lower else (adjoint(t), t)
    return matmul(left, matmul(right, x)) - b


cho_solve_: Any = implicit(
    "scipy.linalg.cho_solve",
    _cho_native,
    _cho_residual,
    lambda r, x, xs, **kw: cho_solve_.bind(xs[0], r, **kw),
    lambda g, x, xs, **kw: cho_solve_.bind(xs[0], g, **kw),
    batch=batch_columns,
)


def cho_solve(c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    c, lower = c_and_lower
    b, vector = columns(b)
    x = cho_solve_.bind(as_array(c), b, lower=bool(lower), check_finite=check_finite)
    return x[..., 0] if vector else x


expose(solve_triangular, "scipy.linalg.solve_triangular", scipy.linalg.solve_triangular, "implicit")
expose(cho_solve, "scipy.linalg.cho_solve", scipy.linalg.cho_solve, "implicit")
