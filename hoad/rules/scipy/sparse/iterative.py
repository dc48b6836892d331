"""scipy.sparse.linalg: Krylov methods.  The solution is a function of the values and of the right-hand side, not of the iteration.

Derivatives are solutions of systems with the same matrix or its adjoint, which the same method solves to the same tolerance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse.linalg

from hoad.core.box import Box
from hoad.core.kinds import implicit, linear
from hoad.core.kinds.batching import by_loop
from hoad.core.kinds.cotangents import conjugated
from hoad.core.primitive import expose
from hoad.errors import ImplicitError, UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.scipy.sparse.arrays import SparseArray, as_sparse
from hoad.rules.scipy.sparse.pattern import Pattern
from hoad.rules.scipy.sparse.products import product

NAMES = ("cg", "gmres", "minres", "bicg", "bicgstab", "cgs", "lgmres", "gcrotmk", "qmr", "tfqmr")


OF_THE_VALUE = ("x0", "callback", "callback_type", "outer_v", "CU", "M", "M1", "M2")
"""Options that the solves for derivatives do not take, or take another form of."""


class _Method:
    """One call of a solver: its options, and the outcome of the solve for the value."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self.name, self.options, self.info = name, options, 0
        self.solver = getattr(scipy.sparse.linalg, name)

    def value(self, matrix: Any, b: Any) -> Any:
        x, self.info = self.solver(matrix, b, **self.options)
        return x

    def derivative(self, matrix: Any, b: Any, adjoint: bool) -> Any:
        options = {k: v for k, v in self.options.items() if k not in OF_THE_VALUE}
        for k in ("M", "M1", "M2"):
            m = self.options.get(k)
            if m is not None:
                options[k] = scipy.sparse.linalg.aslinearoperator(m).H if adjoint else m
        if adjoint and "M1" in options and "M2" in options:
            options["M1"], options["M2"] = options["M2"], options["M1"]
        x, info = self.solver(matrix, b, **options)
        if info != 0:
            raise ImplicitError(
                f"{self.name} did not converge in the solve for a derivative (info={info}), expected 0. Allow more iterations or a "
                "larger rtol, give a preconditioner, or use spsolve."
            )
        return x


def _solved(method: _Method, role: str, matrix: Any, adjoint: Any, b: Any) -> Any:
    """By SciPy: ``adjoint()`` is the adjoint of ``matrix``."""
    if role == "value":
        return method.value(matrix, b)
    matrix = matrix if role == "solve" else adjoint()
    if b.dtype.kind == "c" and matrix.dtype.kind != "c":  # some methods compute in the dtype of the matrix
        return method.derivative(matrix, b.real, role == "adjoint") + 1j * method.derivative(matrix, b.imag, role == "adjoint")
    return method.derivative(matrix, b, role == "adjoint")


# -- a sparse array with traced values ---------------------------------------------------------------------------------------------


def _native(data: Any, b: Any, pattern: Pattern, method: _Method, role: str) -> Any:
    return _solved(method, role, pattern.matrix(np.array(data)), lambda: pattern.T.matrix(np.conj(data)), b)


def _residual(x: Any, data: Any, b: Any, pattern: Pattern, method: _Method, role: str) -> Any:
    if role == "adjoint":
        return product.bind(conjugated(data), x, pattern=pattern.T) - b
    return product.bind(data, x, pattern=pattern) - b


def _next(role: str, *, turned: bool) -> str:
    """The role of a solve within a rule of a solve: with the same matrix, or with its adjoint if ``turned``."""
    return "adjoint" if (role == "adjoint") != turned else "solve"


solve_: Any = implicit(
    "scipy.sparse.linalg.krylov",
    _native,
    _residual,
    lambda r, x, xs, role, **kw: solve_.bind(xs[0], r, role=_next(role, turned=False), **kw),
    lambda g, x, xs, role, **kw: solve_.bind(xs[0], g, role=_next(role, turned=True), **kw),
    batch=by_loop,
)

# -- a constant operator, of which only products are known -------------------------------------------------------------------------

applied: Any = linear(
    "scipy.sparse.linalg.matvec",
    lambda x, operator: operator.matvec(x),
    lambda g, shape, operator: applied.bind(g, operator=operator.H),
    batch=by_loop,
)

operator_solve: Any = implicit(
    "scipy.sparse.linalg.krylov_operator",
    lambda b, matrix, operator, method, role: _solved(method, role, matrix, lambda: operator.H, b),
    lambda x, b, matrix, operator, method, role: applied.bind(x, operator=operator.H if role == "adjoint" else operator) - b,
    lambda r, x, xs, role, **kw: operator_solve.bind(r, role=_next(role, turned=False), **kw),
    lambda g, x, xs, role, **kw: operator_solve.bind(g, role=_next(role, turned=True), **kw),
    batch=by_loop,
)


def _declared(name: str) -> Callable[..., Any]:
    native = getattr(scipy.sparse.linalg, name)

    def function(A: Any, b: Any, x0: Any = None, **options: Any) -> Any:  # SciPy's names
        for k, v in {"x0": x0, **options}.items():
            if isinstance(v, Box | SparseArray):
                detail = f" in {k}, on which the solution does not depend"
                raise UnsupportedFunctionError.no_rule(f"scipy.sparse.linalg.{name}", detail)
        if isinstance(A, Box):
            detail = " for a dense matrix with traced values; give hoad.scipy.sparse.csr_array(A), or use numpy.linalg.solve"
            raise UnsupportedFunctionError.no_rule(f"scipy.sparse.linalg.{name}", detail)
        b = as_array(b)
        b = np.reshape(b, (-1,)) if b.ndim == 2 else b
        b = b if b.dtype.kind in "fc" else b.astype(float)
        method = _Method(name, options if x0 is None else {"x0": x0, **options})
        if isinstance(A, SparseArray) or scipy.sparse.issparse(A):
            a = as_sparse(A)
            a = a if a.dtype.kind in "fc" else a.astype(float)
            x = solve_.bind(a.data, b, pattern=a.pattern, method=method, role="value")
        else:
            operator = scipy.sparse.linalg.aslinearoperator(A)
            x = operator_solve.bind(b, matrix=A, operator=operator, method=method, role="value")
        return x, method.info

    function.__name__ = name
    expose(function, f"scipy.sparse.linalg.{name}", native, "implicit")
    return function


METHODS = {name: _declared(name) for name in NAMES}
