"""Functions of symmetric and Hermitian matrices, f(A) = Q f(L) Q^H: log, exp, square roots, and any smooth f.

With divided differences f[...] at eigenvalues, and E' = Q^H E Q for Hermitian E,
  D^k f(A)[E_1..E_k] = Q (sum over permutations and over i_1..i_(k-1) of f[l_i0, ..., l_ik] E'_(i0 i1) ... E'_(i_(k-1) i_k)) Q^H,
which has a limit where eigenvalues meet, and needs none where they nearly do.  M_k(A; E_1..E_k) = D^k f(A)[E_1..E_k] is a family
closed under differentiation: along dA it is M_(k+1)(A; E.., dA), linear in each E, and symmetric, so that the transposes are
members too.  Coefficient n of f(A(t)) is the sum over all ways to write n as a sum of p positive indices of M_p / p!.  The named
functions are for real matrices; the families serve Hermitian ones also.
Sources: Daleckii & Krein (1965), AMS Transl. 47; Higham (2008), Functions of Matrices, ch. 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import combinations_with_replacement, permutations
from math import factorial, prod
from string import ascii_letters
from typing import Any, Protocol

import numpy as np

from hoad.backends import like, of, truth
from hoad.core.box import Box, peek, shape_of
from hoad.core.kinds.batching import expand
from hoad.core.kinds.cotangents import fit, is_real
from hoad.core.primitive import Primitive
from hoad.core.series import Algebra, Series, add_term
from hoad.errors import DTypeError, ShapeError
from hoad.rules.linear_algebra import divided_differences
from hoad.rules.linear_algebra.divided_differences import DividedDifference

__all__ = [
    "align",
    "expm_symmetric",
    "family",
    "frames",
    "funm_symmetric",
    "inverse_sqrtm_symmetric",
    "logm_symmetric",
    "sqrtm_symmetric",
]


def _adjoint(x: Any) -> Any:
    y = np.swapaxes(x, -1, -2)
    return y.conj() if y.dtype.kind == "c" else y


class Clustered(Protocol):
    """A divided difference that sees the whole spectrum, and which of its eigenvalues are the nodes."""

    def at(self, w: Any, ascending: Any) -> Any: ...


# -- eigenvalues and eigenvectors: one decomposition serves the value and all derivatives ------------------------------------------


def _frames_native(a: Any) -> Any:
    wide = a.astype(np.result_type(a, np.float64), copy=False)
    return tuple(np.linalg.eigh((wide + _adjoint(wide)) / 2))


frames = Primitive("symmetric_frames", _frames_native, "constant", multi=True, batch=lambda prim, size, xs, flags, kw: prim(*xs))
"""Any eigenvectors give the same f(A) and M_k, so that they need no derivatives."""


# -- M_k on plain arrays -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _tuples(n: int, count: int) -> tuple[Any, Any]:
    """The ascending tuples of ``count`` numbers below n, and for all n^count tuples the place of the sorted one among them."""
    ascending = np.array(list(combinations_with_replacement(range(n), count)), int).reshape(-1, count)
    everything = np.sort(np.indices((n,) * count).reshape(count, -1), axis=0)
    weights = n ** np.arange(count)[::-1]
    return ascending.T, np.searchsorted(ascending @ weights, weights @ everything)


def _difference_tensor(difference: Any, w: Any, k: int) -> Any:
    """f[l_i0, ..., l_ik] for all indices, of shape (..., n, ..., n); where the difference allows it,
    eigenvalues that are equal to rounding are taken once.

    See :class:`Clustered` for differences with a method ``at``.
    """
    n = w.shape[-1]
    if k and w.ndim == 1 and n > 1 and getattr(difference, "mergeable", False):
        new = np.diff(w) > 4 * np.finfo(w.dtype).eps * np.abs(w).max()
        if not truth(new.all()):
            place = np.concatenate([np.zeros_like(new[:1], dtype=int), np.cumsum(new)])
            first = np.concatenate([np.ones_like(new[:1]), new])
            return _difference_tensor(difference, w[first], k)[np.ix_(*[place] * (k + 1))]
    ascending, place = _tuples(n, k + 1)
    at = getattr(difference, "at", None)
    values = difference([w[..., like(i, w)] for i in ascending]) if at is None else at(w, ascending)
    return values[..., like(place, w)].reshape(*w.shape[:-1], *(n,) * (k + 1))


def _chain(f: Any, es: list[Any]) -> Any:
    """Sum over i_1..i_(k-1) of f_(i0..ik) E_(i0 i1) ... E_(i_(k-1) ik)."""
    k = len(es)
    a, whole = ascii_letters[0], ascii_letters[1 : k + 1]
    t = np.einsum(f"...{a}{whole},...{a}{whole[0]}->...{a}{whole}", f, es[0])
    for i in range(1, k):
        summed, kept = whole[i - 1], whole[i:]
        t = np.einsum(f"...{a}{summed}{kept},...{summed}{kept[0]}->...{a}{kept}", t, es[i])
    return t


def _multilinear_native(difference: Any, a: Any, w: Any, q: Any, *es: Any) -> Any:
    """M_k; arguments that are the same array are permuted once, and a chain read backwards is its adjoint."""
    dtype = np.result_type(a, *es)
    if not es:
        y = np.matmul(q * _difference_tensor(difference, w, 0)[..., None, :], _adjoint(q))
        return (0.5 * (y + _adjoint(y))).astype(dtype, copy=False)
    labels = [next(i for i, e in enumerate(es) if e is given) for given in es]
    rotated = {i: np.matmul(_adjoint(q), np.matmul(0.5 * (es[i] + _adjoint(es[i])), q)) for i in set(labels)}
    f = _difference_tensor(difference, w, len(es))
    total: Any = None
    for order in sorted(set(permutations(labels))):
        backwards = order[::-1]
        if backwards < order:
            continue
        term = _chain(f, [rotated[i] for i in order])
        total = add_term(total, term if backwards == order else term + _adjoint(term))
    repeats = prod(factorial(c) for c in Counter(labels).values())
    y = np.matmul(q, np.matmul(total, _adjoint(q)))
    return (y if repeats == 1 else repeats * y).astype(dtype, copy=False)


# -- M_k as a primitive of (A, eigenvalues, eigenvectors, E_1, ..., E_k) -----------------------------------------------------------


def _partitions(algebra: Algebra, n: int, largest: int) -> Iterator[tuple[int, ...]]:
    """All ways to write index n as a sum of nonzero indices, without regard to their order."""
    if n == 0:
        yield ()
    for i, j in algebra.products[n]:
        if 0 < i <= largest:
            for rest in _partitions(algebra, j, i):
                yield (i, *rest)


def _splits(algebra: Algebra, n: int, count: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """One index for each of ``count`` factors and what remains of index n."""
    if count == 0:
        yield (), n
        return
    for i, j in algebra.products[n]:
        for rest, left in _splits(algebra, j, count - 1):
            yield (i, *rest), left


def align(prim: Primitive, size: int, xs: list[Any], flags: list[bool], kw: dict[str, Any]) -> Any:
    """Equal visible ranks: everything broadcasts over the leading axes."""
    rank = max(len(shape_of(x)) - flag + (i == 1) for i, (x, flag) in enumerate(zip(xs, flags, strict=True)))
    return prim.bind(*[expand(x, rank - (i == 1)) if flag else x for i, (x, flag) in enumerate(zip(xs, flags, strict=True))])


def family(name: str, difference: DividedDifference | Clustered) -> Primitive:
    """The primitive M of (A, eigenvalues, eigenvectors, E_1, ..., E_k) for the function with this divided difference."""

    def native(a: Any, w: Any, q: Any, *es: Any) -> Any:
        return _multilinear_native(difference, a, w, q, *es)

    def replaced(xs: Any, i: int, e: Any) -> Any:
        """The derivative in argument i along e: one more factor for A, another factor for E_i; eigenvalues and eigenvectors vary
        with A alone."""
        if i in (1, 2):
            return None
        return prim.bind(*xs, e) if i == 0 else prim.bind(*xs[:i], e, *xs[i + 1 :])

    def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
        total = None
        for i, t in enumerate(ts):
            if t is not None:
                total = add_term(total, replaced(xs, i, t))
        return total

    def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
        spec = [(i, shape_of(xs[i]), is_real(xs[i])) for i in which]

        def pull(g: Any) -> Any:
            found = [(replaced(xs, i, g), shape, real) for i, shape, real in spec]
            return [c if c is None else fit(c, shape, real) for c, shape, real in found]

        return pull

    def taylor(algebra: Algebra, y: Series, xs: list[Series], kw: dict[str, Any], memo: Any) -> Callable[[int], Any]:
        a, w, q, *es = xs

        def rule(n: int) -> Any:
            total = None
            for chosen, left in _splits(algebra, n, len(es)):
                factors = [e[i] for e, i in zip(es, chosen, strict=True)]
                if any(e is None for e in factors):
                    continue
                for parts in _partitions(algebra, left, left):
                    along = [a[i] for i in parts]
                    if any(e is None for e in along):
                        continue
                    term = prim.bind(a[0], w[0], q[0], *factors, *along)
                    repeats = prod(factorial(c) for c in Counter(parts).values())
                    total = add_term(total, term if repeats == 1 else term / repeats)
            return total

        return rule

    prim = Primitive(name, native, "opaque", forward=forward, reverse=reverse, taylor=taylor, batch=align)
    return prim


def _apply(family: Primitive, a: Any) -> Any:
    a = a if isinstance(a, Box) else of(a).asarray(a)
    shape = shape_of(a)
    kind = peek(a).dtype.kind
    if kind == "c":
        raise DTypeError(
            f"the matrix has dtype {a.dtype}, expected real numbers: functions of symmetric matrices are real. "
            "Pass the real part, or use the eigenvalues of the Hermitian matrix."
        )
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError(f"the matrix has shape {shape}, expected (..., n, n): square matrices along the last two axes.")
    if kind != "f":
        a = a.astype(float)
    return family.bind(a, *frames.bind(a))


_log = family("logm_symmetric", divided_differences.log)
_exp = family("expm_symmetric", divided_differences.exp)
_sqrt = family("sqrtm_symmetric", divided_differences.sqrt)
_inverse_sqrt = family("inverse_sqrtm_symmetric", divided_differences.inverse_sqrt)


def logm_symmetric(a: Any) -> Any:
    """Logarithm of real symmetric positive definite matrices.

    Parameters
    ----------
    a : (..., n, n) array
        float32 or float64, traced or plain.  The symmetric part (a + a^T) / 2 is what counts, for the value and the derivatives.

    Returns
    -------
    (..., n, n) array
        Symmetric, of the dtype of ``a``.

    Raises
    ------
    DTypeError
        For complex matrices.
    ShapeError
        If the last two axes are not equally long.
    numpy.linalg.LinAlgError
        If the eigenvalues of a matrix cannot be computed (it holds NaN or infinity).

    Notes
    -----
    Derivatives of every order are exact also where eigenvalues coincide or nearly do.  Where an eigenvalue is not positive, value
    and derivatives of that matrix are NaN, with NumPy's warning.  The k-th derivative costs k! / 2 chains (one, if all directions
    are the same array) of n^(k+1) terms for each matrix; the eigenvalues are computed once.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> from hoad.rules.linear_algebra.symmetric_functions import logm_symmetric
    >>> hoad.grad(lambda a: np.trace(logm_symmetric(a)))(np.diag([1.0, 4.0]))
    array([[1.  , 0.  ],
           [0.  , 0.25]])
    """
    return _apply(_log, a)


def expm_symmetric(a: Any) -> Any:
    """Exponential of real symmetric matrices; see :func:`logm_symmetric` for arguments, errors and costs.

    Parameters
    ----------
    a : (..., n, n) array

    Returns
    -------
    (..., n, n) array

    Examples
    --------
    >>> import numpy as np, hoad
    >>> from hoad.rules.linear_algebra.symmetric_functions import expm_symmetric
    >>> hoad.grad(lambda a: np.trace(expm_symmetric(a)))(np.zeros((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    return _apply(_exp, a)


def sqrtm_symmetric(a: Any) -> Any:
    """Square root of real symmetric positive semidefinite matrices; see :func:`logm_symmetric` for arguments, errors and costs.

    Parameters
    ----------
    a : (..., n, n) array

    Returns
    -------
    (..., n, n) array
        NaN for matrices with a negative eigenvalue.  The derivatives exist where all eigenvalues are positive; at a zero
        eigenvalue they are infinite or NaN.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> from hoad.rules.linear_algebra.symmetric_functions import sqrtm_symmetric
    >>> hoad.grad(lambda a: np.trace(sqrtm_symmetric(a)))(np.diag([1.0, 4.0]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    return _apply(_sqrt, a)


def inverse_sqrtm_symmetric(a: Any) -> Any:
    """a^(-1/2) of real symmetric positive definite matrices; see :func:`logm_symmetric` for arguments, errors and costs.

    Parameters
    ----------
    a : (..., n, n) array

    Returns
    -------
    (..., n, n) array

    Examples
    --------
    >>> import numpy as np, hoad
    >>> from hoad.rules.linear_algebra.symmetric_functions import inverse_sqrtm_symmetric
    >>> hoad.grad(lambda a: np.trace(inverse_sqrtm_symmetric(a)))(np.diag([1.0, 4.0]))
    array([[-0.5   ,  0.    ],
           [ 0.    , -0.0625]])
    """
    return _apply(_inverse_sqrt, a)


def funm_symmetric(a: Any, derivatives: Callable[[int, Any], Any]) -> Any:
    """A smooth function f of real symmetric matrices; see :func:`logm_symmetric` for arguments, errors and costs.

    Parameters
    ----------
    a : (..., n, n) array
    derivatives : callable
        ``derivatives(k, x)``: the k-th derivative of the scalar function at an array x, f itself for k = 0.  It is called for k
        up to the order of the derivative, at points between the smallest and the largest eigenvalue.

    Returns
    -------
    (..., n, n) array

    Notes
    -----
    The derivative of order k evaluates ``derivatives`` at some 34 k^2 points for each set of k + 1 eigenvalues, all of them in one
    array for each order.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> from hoad.rules.linear_algebra.symmetric_functions import funm_symmetric
    >>> sine = lambda k, x: np.sin(x + k * np.pi / 2)
    >>> hoad.grad(lambda a: np.trace(funm_symmetric(a, sine)))(np.zeros((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    return _apply(family("funm_symmetric", divided_differences.of_derivatives(derivatives)), a)
