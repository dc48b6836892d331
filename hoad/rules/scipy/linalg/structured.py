"""scipy.linalg: matrices made from vectors: Toeplitz, circulant, Hankel, companion, Leslie, Fiedler, convolution."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.box import peek, shape_of
from hoad.core.kinds import composite
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array
from hoad.rules.scipy.linalg.structure import over_stack, plain_value


def _zeros(like: Any, *shape: int) -> Any:
    return np.zeros(shape, peek(like).dtype)


def _toeplitz(c: Any, r: Any) -> Any:
    n, m = shape_of(c)[0], shape_of(r)[0]
    i, j = np.indices((n, m))
    return np.concatenate([r[:0:-1], c])[i - j + m - 1]


def _circulant(c: Any) -> Any:
    i, j = np.indices((shape_of(c)[0],) * 2)
    return c[(i - j) % shape_of(c)[0]]


def _hankel(c: Any, r: Any) -> Any:
    i, j = np.indices((shape_of(c)[0], shape_of(r)[0]))
    return np.concatenate([c, r[1:]])[i + j]


def _companion(a: Any) -> Any:
    n = shape_of(a)[0] - 1
    return np.concatenate([(-a[1:] / a[:1])[None, :], np.eye(n - 1, n, dtype=peek(a).dtype)])


def _leslie(f: Any, s: Any) -> Any:
    n = shape_of(f)[0]
    return np.concatenate([f[None, :], s[:, None] * np.eye(n - 1, n, dtype=peek(s).dtype)])


def _fiedler(a: Any) -> Any:
    return np.abs(a[:, None] - a[None, :])


def _fiedler_companion(a: Any) -> Any:
    n = shape_of(a)[0] - 1
    if n == 1:
        return np.reshape(-a[1:] / a[0], (1, 1))
    ones = np.zeros((n, n))
    ones[range(3, n, 2), range(1, n - 2, 2)] = 1.0
    ones[range(0, n - 2, 2), range(2, n, 2)] = 1.0
    ones[1, 0] = 1.0
    rows = [*range(2, n, 2), *range(0, n - 1, 2), 0]
    cols = [*range(1, n - 1, 2), *range(1, n, 2), 0]
    which = [*range(3, n + 1, 2), *range(2, n + 1, 2), 1]
    place = np.zeros((n, n), int)
    place[rows, cols] = which
    return np.where(place > 0, -(a / a[0])[place], ones.astype(peek(a).dtype))


def _convolution_matrix(a: Any, n: int, mode: str) -> Any:
    size = shape_of(a)[0]
    shorter = min(n, size) - 1
    start, rows = {
        "full": (0, size + n - 1), "valid": (shorter, size + n - 1 - 2 * shorter), "same": (shorter // 2, size + n - 1 - shorter),
    }[mode]  # fmt: skip
    i, j = np.indices((rows, n))
    at = i + start - j
    return np.where((at >= 0) & (at < size), a[np.clip(at, 0, size - 1)], peek(a).dtype.type(0))


def _diagsvd(s: Any, M: int, N: int) -> Any:  # SciPy's names
    if shape_of(s)[0] not in (M, N):
        raise ValueError("Length of s must be M or N.")
    square = s[:, None] * np.eye(shape_of(s)[0], dtype=peek(s).dtype)
    if shape_of(s)[0] == M:
        return np.concatenate([square, _zeros(s, M, N - M)], axis=1)
    return np.concatenate([square, _zeros(s, M - N, N)], axis=0)


def _declared(name: str, body: Callable[..., Any], vectors: int, kind: str) -> Callable[..., Any]:
    """A function of ``vectors`` vectors, and stacks of them."""
    native = getattr(scipy.linalg, name)
    prim = composite(f"scipy.linalg.{name}", native, body)

    names = list(signature(native).parameters)[:vectors]

    def function(*args: Any, **kw: Any) -> Any:
        args = (*args, *[kw.pop(k) for k in names[len(args) :] if k in kw])
        given = [as_array(a) for a in args[:vectors]]
        given = [np.reshape(a, (1,)) if a.ndim == 0 else a for a in given]
        return over_stack(lambda *xs: prim.bind(*xs, **kw), given, (1,) * vectors)

    function.__name__ = name
    expose(function, f"scipy.linalg.{name}", native, kind)
    return function


_pair_of_toeplitz = _declared("toeplitz", _toeplitz, 2, "linear")
_pair_of_hankel = _declared("hankel", _hankel, 2, "linear")
circulant = _declared("circulant", _circulant, 1, "linear")
companion = _declared("companion", _companion, 1, "composite")
leslie = _declared("leslie", _leslie, 2, "linear")
fiedler = _declared("fiedler", _fiedler, 1, "selecting")
fiedler_companion = _declared("fiedler_companion", _fiedler_companion, 1, "composite")
_matrix_of_convolution = _declared("convolution_matrix", _convolution_matrix, 1, "linear")
_diagonal = _declared("diagsvd", _diagsvd, 1, "linear")


def toeplitz(c: Any, r: Any = None) -> Any:
    c = as_array(c)
    return _pair_of_toeplitz(c, np.conjugate(c) if r is None else r)


def hankel(c: Any, r: Any = None) -> Any:
    """SciPy ravels what it is given."""
    c = np.ravel(as_array(c))
    return _pair_of_hankel(c, np.zeros(c.shape, c.dtype) if r is None else np.ravel(as_array(r)))


def convolution_matrix(a: Any, n: int, mode: str = "full") -> Any:
    if n <= 0 or mode not in ("full", "valid", "same"):
        return scipy.linalg.convolution_matrix(plain_value(a), n, mode)  # SciPy says what is wrong
    return _matrix_of_convolution(a, n=n, mode=mode)


def diagsvd(s: Any, M: int, N: int) -> Any:  # SciPy's names
    return _diagonal(s, M=M, N=N)


expose(toeplitz, "scipy.linalg.toeplitz", scipy.linalg.toeplitz, "linear")
expose(hankel, "scipy.linalg.hankel", scipy.linalg.hankel, "linear")
expose(convolution_matrix, "scipy.linalg.convolution_matrix", scipy.linalg.convolution_matrix, "linear")
expose(diagsvd, "scipy.linalg.diagsvd", scipy.linalg.diagsvd, "linear")
