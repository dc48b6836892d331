"""scipy.linalg: Sylvester, Lyapunov and Riccati equations, declared by their residuals.

The linearised Riccati equation at a solution X is a Sylvester or Stein equation with the matrix of the closed loop, so that one
solve of that kind serves every mode and order.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.kinds import implicit
from hoad.core.kinds.batching import align_ranks
from hoad.core.primitive import expose
from hoad.rules.scipy.linalg.structure import adjoint, as_matrix, matmul, transposed


def _of_one_kind(solver: Callable[..., Any]) -> Callable[..., Any]:
    """SciPy's solvers take the real Schur form of a real matrix, which is wrong beside a complex one: all become complex then."""

    def native(*xs: Any, **kw: Any) -> Any:
        if any(x.dtype.kind == "c" for x in xs):
            xs = tuple(x if x.dtype.kind == "c" else x.astype(np.result_type(x.dtype, np.complex64)) for x in xs)
        return solver(*xs, **kw)

    return native


def _checked(solver: Callable[..., Any]) -> Callable[..., Any]:
    """For solves in derivatives: where SciPy warns of a singular equation and solves a perturbed one, there is no solution."""

    def native(*xs: Any, derived: bool = False, **kw: Any) -> Any:
        if not derived:
            return solver(*xs, **kw)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("error", scipy.linalg.LinAlgWarning)
            try:
                return solver(*xs, **kw)
            except RuntimeWarning:
                raise np.linalg.LinAlgError(SINGULAR) from None

    return native


SINGULAR = (
    "the linearised matrix equation is singular (two eigenvalues add up to zero, or multiply to one, to rounding), expected a "
    "regular one: the solution, or the square root, has no derivative there."
)

# -- A X + X B = Q ----------------------------------------------------------------------------------------------------------------


def _sylvester_native(a: Any, b: Any, q: Any, derived: bool = False) -> Any:
    """In derivatives by LAPACK's trsyl as in SciPy, which does not say that LAPACK has perturbed a singular equation."""
    if not derived or not q.size:
        return scipy.linalg.solve_sylvester(a, b, q)
    lead = np.broadcast_shapes(*[x.shape[:-2] for x in (a, b, q)])
    if lead:
        a, b, q = (np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (a, b, q))
        return np.stack([_sylvester_native(*rows, derived=True) for rows in zip(a, b, q, strict=True)])
    r, u = scipy.linalg.schur(a, output="real")
    s, v = scipy.linalg.schur(adjoint(b), output="real")
    f = adjoint(u) @ q @ v
    (trsyl,) = scipy.linalg.get_lapack_funcs(("trsyl",), (r, s, f))
    y, scale, info = trsyl(r, s, f, tranb="C")
    if info:
        raise np.linalg.LinAlgError(SINGULAR)
    return u @ (scale * y) @ adjoint(v)


sylvester: Any = implicit(
    "scipy.linalg.solve_sylvester",
    _of_one_kind(_sylvester_native),
    lambda x, a, b, q, **kw: matmul(a, x) + matmul(x, b) - q,
    lambda r, x, xs, **kw: sylvester.bind(xs[0], xs[1], r, derived=True),
    lambda g, x, xs, **kw: sylvester.bind(adjoint(xs[0]), adjoint(xs[1]), g, derived=True),
    batch=align_ranks,
)


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    return sylvester.bind(as_matrix(a), as_matrix(b), as_matrix(q))


# -- A X + X A^H = Q and A X A^H - X + Q = 0 --------------------------------------------------------------------------------------

lyapunov: Any = implicit(
    "scipy.linalg.solve_continuous_lyapunov",
    _of_one_kind(_checked(scipy.linalg.solve_continuous_lyapunov)),
    lambda x, a, q, **kw: matmul(a, x) + matmul(x, adjoint(a)) - q,
    lambda r, x, xs, **kw: lyapunov.bind(xs[0], r, derived=True),
    lambda g, x, xs, **kw: lyapunov.bind(adjoint(xs[0]), g, derived=True),
    batch=align_ranks,
)


def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    return lyapunov.bind(as_matrix(a), as_matrix(q))


stein: Any = implicit(
    "scipy.linalg.solve_discrete_lyapunov",
    _of_one_kind(_checked(scipy.linalg.solve_discrete_lyapunov)),
    lambda x, a, q, **kw: matmul(a, matmul(x, adjoint(a))) - x + q,
    lambda r, x, xs, **kw: stein.bind(xs[0], -r, **{**kw, "derived": True}),
    lambda g, x, xs, **kw: stein.bind(adjoint(xs[0]), -g, **{**kw, "derived": True}),
    batch=align_ranks,
)


def solve_discrete_lyapunov(a: Any, q: Any, method: str | None = None) -> Any:
    return stein.bind(as_matrix(a), as_matrix(q), method=method)


# -- Riccati ----------------------------------------------------------------------------------------------------------------------


def _symmetric(q: Any) -> Any:
    """SciPy demands Hermitian Q and R; derivatives are those within these matrices."""
    return 0.5 * (q + adjoint(q))


def _riccati_arguments(xs: Any, kw: dict[str, Any]) -> Any:
    """A, B, Q, R, and E and S or None."""
    a, b, q, r, *rest = xs
    e = rest.pop(0) if kw["has_e"] else None
    s = rest.pop(0) if kw["has_s"] else None
    return a, b, _symmetric(q), _symmetric(r), e, s


def _native(solver: Callable[..., Any]) -> Callable[..., Any]:
    def native(*xs: Any, has_e: bool, has_s: bool, balanced: bool) -> Any:
        a, b, q, r, *rest = xs
        e = rest.pop(0) if has_e else None
        s = rest.pop(0) if has_s else None
        return solver(a, b, q, r, e, s, balanced)

    return native


def _over(e: Any, r: Any) -> Any:
    """E^-H r E^-1."""
    if e is None:
        return r
    return adjoint(np.linalg.solve(adjoint(e), adjoint(np.linalg.solve(adjoint(e), r))))


def _times_inverse(x: Any, e: Any) -> Any:
    """x E^-1."""
    return x if e is None else adjoint(np.linalg.solve(adjoint(e), adjoint(x)))


def _care_residual(x: Any, *xs: Any, **kw: Any) -> Any:
    a, b, q, r, e, s = _riccati_arguments(xs, kw)
    ex = x if e is None else matmul(adjoint(e), x)
    xe = x if e is None else matmul(x, e)
    left, right = matmul(ex, b), matmul(adjoint(b), xe)
    if s is not None:
        left, right = left + s, right + adjoint(s)
    return matmul(ex, a) + matmul(adjoint(a), xe) - matmul(left, np.linalg.solve(r, right)) + q


def _care_solve(res: Any, x: Any, xs: Any, **kw: Any) -> Any:
    a, b, _, r, e, s = _riccati_arguments(xs, kw)
    right = matmul(adjoint(b), x if e is None else matmul(x, e))
    gain = np.linalg.solve(r, right if s is None else right + adjoint(s))
    closed = _times_inverse(a - matmul(b, gain), e)
    return sylvester.bind(adjoint(closed), closed, _over(e, res), derived=True)


def _dare_parts(x: Any, xs: Any, kw: dict[str, Any]) -> Any:
    a, b, q, r, e, s = _riccati_arguments(xs, kw)
    bx = matmul(adjoint(b), x)
    right = matmul(bx, a)
    right = right if s is None else right + adjoint(s)
    return a, b, q, e, s, right, np.linalg.solve(r + matmul(bx, b), right)


def _dare_residual(x: Any, *xs: Any, **kw: Any) -> Any:
    a, b, q, e, s, _, gain = _dare_parts(x, xs, kw)
    ax = matmul(adjoint(a), x)
    left = matmul(ax, b) if s is None else matmul(ax, b) + s
    mass = x if e is None else matmul(adjoint(e), matmul(x, e))
    return matmul(ax, a) - mass - matmul(left, gain) + q


def _dare_solve(res: Any, x: Any, xs: Any, **kw: Any) -> Any:
    a, b, _, e, _, _, gain = _dare_parts(x, xs, kw)
    closed = _times_inverse(a - matmul(b, gain), e)
    return stein.bind(adjoint(closed), -_over(e, res), method=None, derived=True)


care = implicit(
    "scipy.linalg.solve_continuous_are",
    _native(scipy.linalg.solve_continuous_are),
    _care_residual,
    _care_solve,
    transposed(_care_solve),
    batch=align_ranks,
)
dare = implicit(
    "scipy.linalg.solve_discrete_are",
    _native(scipy.linalg.solve_discrete_are),
    _dare_residual,
    _dare_solve,
    transposed(_dare_solve),
    batch=align_ranks,
)


def _riccati(prim: Any, a: Any, b: Any, q: Any, r: Any, e: Any, s: Any, balanced: bool) -> Any:
    optional = [as_matrix(x) for x in (e, s) if x is not None]
    xs = [as_matrix(x) for x in (a, b, q, r)]
    return prim.bind(*xs, *optional, has_e=e is not None, has_s=s is not None, balanced=balanced)


def solve_continuous_are(a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True) -> Any:
    return _riccati(care, a, b, q, r, e, s, balanced)


def solve_discrete_are(a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True) -> Any:
    return _riccati(dare, a, b, q, r, e, s, balanced)


for _name, _f in (
    ("solve_sylvester", solve_sylvester), ("solve_continuous_lyapunov", solve_continuous_lyapunov),
    ("solve_lyapunov", solve_continuous_lyapunov), ("solve_discrete_lyapunov", solve_discrete_lyapunov),
    ("solve_continuous_are", solve_continuous_are), ("solve_discrete_are", solve_discrete_are),
):  # fmt: skip
    expose(_f, f"scipy.linalg.{_name}", getattr(scipy.linalg, _name), "implicit")
