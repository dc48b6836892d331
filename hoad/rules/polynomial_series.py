"""numpy.polynomial: series of powers, Chebyshev, Legendre, Hermite and Laguerre polynomials, and what is done with them.

The six modules differ in one recurrence, P_(k+1) = (a_k + b_k x) P_k - c_k P_(k-1), from which values follow. Linear maps between
coefficients (derivatives, integrals, changes of basis) are the matrices that NumPy's functions give on unit vectors. NumPy turns
the arguments into arrays itself, so traced ones go through ``hoad.numpy.polynomial``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial, reduce
from importlib import import_module
from typing import Any

import numpy as np

from hoad.backends import filled, like
from hoad.core.box import Box, bare, ops, peek, shape_of, strip
from hoad.core.kinds import composite, implicit
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array, together
from hoad.rules.polynomials import least_squares

__all__ = ["FAMILIES", "Family"]


@dataclass(frozen=True, eq=False)
class Family:
    """One module of numpy.polynomial.

    Attributes
    ----------
    module : str
    prefix : str
        Of its functions: ``cheb`` in ``chebval``.
    first : tuple of float
        P_1 = first[0] + first[1] x.
    step : callable
        k -> (a_k, b_k, c_k).
    """

    module: str
    prefix: str
    first: tuple[float, float]
    step: Callable[[int], tuple[float, float, float]]

    def native(self, name: str) -> Any:
        return getattr(import_module(f"numpy.polynomial.{self.module}"), self.prefix + name)

    def basis(self, x: Any, count: int) -> list[Any]:
        """The first ``count`` polynomials at x."""
        p = [filled(shape_of(x), 1, peek(x).dtype, peek(x)), self.first[0] + self.first[1] * x if any(self.first) else x]
        for k in range(1, count - 1):
            a, b, c = self.step(k)
            leading = b * x if a == 0 else a + b * x
            p.append(leading * p[k] if c == 0 else leading * p[k] - c * p[k - 1])
        return p[:count]


FAMILIES = (
    Family("polynomial", "poly", (0.0, 1.0), lambda k: (0.0, 1.0, 0.0)),
    Family("chebyshev", "cheb", (0.0, 1.0), lambda k: (0.0, 2.0, 1.0)),
    Family("legendre", "leg", (0.0, 1.0), lambda k: (0.0, (2 * k + 1) / (k + 1), k / (k + 1))),
    Family("hermite", "herm", (0.0, 2.0), lambda k: (0.0, 2.0, 2.0 * k)),
    Family("hermite_e", "herme", (0.0, 1.0), lambda k: (0.0, 1.0, float(k))),
    Family("laguerre", "lag", (1.0, -1.0), lambda k: ((2 * k + 1) / (k + 1), -1 / (k + 1), k / (k + 1))),
)

# -- coefficients ------------------------------------------------------------------------------------------------------------


def _series(c: Any) -> Any:
    """Coefficients as a floating array of one dimension or more."""
    c = np.atleast_1d(as_array(c))
    return ops.astype(c, np.result_type(peek(c).dtype, 0.0)) if peek(c).dtype.kind in "iub" else c


def _length(native: Callable[..., Any], *arrays: Any) -> int | None:
    """Length of NumPy's result, which drops vanishing leading coefficients; of a batch, whatever the formula gives."""
    if any(isinstance(a, Box) and a.shape != peek(a).shape for a in arrays):
        return None
    return len(native(*map(strip, arrays)))


def _trimmed(c: Any, n: int | None) -> Any:
    return c if n is None or shape_of(c)[0] == n else c[:n]


def _applied(matrix: Any, c: Any, axis: int = 0) -> Any:
    """A plain matrix times the coefficients along an axis."""
    matrix = like(matrix.astype(np.result_type(peek(c).dtype)), peek(c))
    return ops.moveaxis(np.tensordot(matrix, c, axes=([1], [axis])), 0, axis)


def _sum(a: Any, b: Any, sign: float) -> Any:
    n = max(shape_of(a)[0], shape_of(b)[0])
    full = [np.concatenate([c, filled((n - shape_of(c)[0],), 0, peek(c).dtype, peek(c))]) for c in (a, b)]
    return full[0] + full[1] if sign > 0 else full[0] - full[1]


@cache
def _products(family: Family, n: int, m: int) -> Any:
    """Coefficients of P_i P_j for i < n, j < m."""
    table = np.zeros((n, m, n + m - 1))
    for i in range(n):
        for j in range(m):
            product = family.native("mul")(np.eye(n)[i, : i + 1], np.eye(m)[j, : j + 1])
            table[i, j, : len(product)] = product
    return table


def _product(family: Family, a: Any, b: Any) -> Any:
    if family.prefix == "poly":
        return np.convolve(a, b)
    table = like(_products(family, shape_of(a)[0], shape_of(b)[0]), peek(a))
    return np.einsum("i,j,ijk->k", a, b, table)


def _quotient(family: Family, a: Any, b: Any) -> tuple[Any, Any]:
    n, m = shape_of(a)[0], shape_of(b)[0]
    if n < m:
        return a[:1] * 0, a
    quotient, rest = [], a
    for i in range(n - m, -1, -1):
        shifted = _product(family, np.eye(i + 1)[i], b)
        factor = rest[i + m - 1] / shifted[i + m - 1]
        rest = rest[: i + m - 1] - factor * shifted[: i + m - 1]
        quotient.append(factor)
    return ops.stack(quotient[::-1]), rest if m > 1 else a[:1] * 0


def _from_powers(family: Family, c: Any) -> Any:
    if family.prefix == "poly":
        return c
    n = shape_of(c)[0]
    convert = getattr(import_module(f"numpy.polynomial.{family.module}"), f"poly2{family.prefix}")
    columns = [np.pad(convert(np.eye(n)[i, : i + 1]), (0, n - i - 1)) for i in range(n)]
    return _applied(np.stack(columns, 1), c)


def _expanded_roots(roots: Any) -> Any:
    """Powers of the product of x - r."""
    c = filled((1,), 1, peek(roots).dtype, peek(roots))
    zero = filled((1,), 0, peek(roots).dtype, peek(roots))
    for i in range(shape_of(roots)[0]):
        c = np.concatenate([zero, c]) - roots[i] * np.concatenate([c, zero])
    return c


# -- the functions of one module ---------------------------------------------------------------------------------------------


def _declare(family: Family) -> None:
    name = f"numpy.polynomial.{family.module}.{family.prefix}"
    native = family.native

    def prim(function: str, body: Callable[..., Any], **options: Any) -> Any:
        f = native(function)
        return composite(f"{family.prefix}{function} (series)", lambda *xs, n=None, **kw: f(*xs, **kw), body, **options)

    def value_body(x: Any, c: Any, n: Any = None, tensor: bool = True) -> Any:
        if tensor:
            c = np.reshape(c, shape_of(c) + (1,) * len(shape_of(x)))
        basis = family.basis(x, shape_of(c)[0])
        total = c[0] * basis[0]
        for k in range(1, len(basis)):
            total = total + c[k] * basis[k]
        return total

    value_ = prim("val", value_body)

    def value(x: Any, c: Any, tensor: bool = True) -> Any:
        x, c = together(x, _series(c))
        return value_.bind(x, c, tensor=bool(tensor))

    def value_nd(*points: Any, grid: bool) -> Any:
        *xs, c = points
        if not grid and len({shape_of(as_array(x)) for x in xs}) > 1:
            raise ValueError("x, y, z are incompatible" if len(xs) == 3 else "x, y are incompatible")
        for i, x in enumerate(xs):
            c = value(x, c, tensor=grid or i == 0)
        return c

    vander_ = prim("vander", lambda x, n=None, deg=0: ops.stack(family.basis(x, deg + 1), -1))

    def vander(x: Any, deg: Any) -> Any:
        deg = operator.index(deg)
        if deg < 0:
            raise ValueError("deg must be non-negative")
        return vander_.bind(_series(x), deg=deg)

    def vander_nd(*arguments: Any) -> Any:
        *xs, degrees = arguments
        if len(degrees) != len(xs):
            raise ValueError(f"Expected {len(xs)} dimensions of degrees, got {len(degrees)}")
        n = len(xs)
        parts = []
        for i, (x, deg) in enumerate(zip(xs, degrees, strict=True)):
            v = vander(x, deg)
            parts.append(np.reshape(v, (*shape_of(v)[:-1], *(-1 if k == i else 1 for k in range(n)))))
        full = reduce(operator.mul, parts)
        return np.reshape(full, (*shape_of(full)[:-n], -1))

    def der_body(c: Any, n: Any = None, m: int = 1, scl: Any = 1, axis: int = 0) -> Any:
        return _applied(np.atleast_2d(native("der")(np.eye(shape_of(c)[axis]), m, scl)), c, axis % len(shape_of(c)))

    der_ = prim("der", der_body)

    def der(c: Any, m: int = 1, scl: Any = 1, axis: int = 0) -> Any:
        return der_.bind(_series(c), m=operator.index(m), scl=scl, axis=operator.index(axis))

    def int_body(c: Any, *k: Any, n: Any = None, m: int = 1, lbnd: Any = 0, scl: Any = 1, axis: int = 0) -> Any:
        size = shape_of(c)[axis]
        y = _applied(native("int")(np.eye(size), m, [], lbnd, scl), c, axis % len(shape_of(c)))
        for i, constant in enumerate(k):
            column = native("int")(np.zeros(size), m, [0.0] * i + [1.0], lbnd, scl)
            y = y + constant * np.reshape(column, [-1 if j == axis % y.ndim else 1 for j in range(y.ndim)])
        return y

    integral = native("int")
    int_ = composite(
        f"{family.prefix}int (series)",
        lambda c, *k, m, lbnd, scl, axis: integral(c, m, list(k), lbnd, scl, axis),
        int_body,
    )

    def int_function(c: Any, m: int = 1, k: Any = (), lbnd: Any = 0, scl: Any = 1, axis: int = 0) -> Any:
        if isinstance(lbnd, Box) or isinstance(scl, Box):
            raise UnsupportedFunctionError.no_rule(f"{name}int with respect to lbnd or scl")
        k = tuple(k) if isinstance(k, list | tuple | Box) or np.iterable(k) else (k,)
        if len(k) > m:
            raise ValueError("Too many integration constants")
        if m == 0:
            return ops.copy(_series(c))
        return int_.bind(_series(c), *k, m=operator.index(m), lbnd=lbnd, scl=scl, axis=operator.index(axis))

    def algebraic(function: str, body: Callable[..., Any]) -> Any:
        f = native(function)
        made = prim(function, lambda *xs, n=None, **kw: _trimmed(body(*xs, **kw), n))

        def of_series(*args: Any, **kw: Any) -> Any:
            arrays = together(*map(_series, args))
            return made.bind(*arrays, n=_length(partial(f, **kw), *arrays), **kw)

        return of_series

    mul = algebraic("mul", partial(_product, family))
    powers = algebraic("pow", lambda c, pow, maxpower=16: reduce(partial(_product, family), [c] * pow) if pow else 0 * c[:1] + 1.0)

    def power(c: Any, pow: Any, maxpower: Any = 16) -> Any:
        n = int(pow)
        if n != pow or n < 0:
            raise ValueError("Power must be a non-negative integer.")
        if maxpower is not None and n > maxpower:
            raise ValueError("Power is too large")
        return powers(c, pow=n, maxpower=maxpower)

    from_roots = algebraic("fromroots", lambda r: _from_powers(family, _expanded_roots(r)))

    def companion_body(c: Any, n: Any = None) -> Any:
        k = shape_of(c)[0] - 1
        last = np.eye(k + 1)[k]
        base = native("companion")(last)
        columns = np.stack([native("companion")(last + np.eye(k + 1)[j]) - base for j in range(k)], -1)
        return base + np.matmul(like(columns, peek(c)), c[:-1] / c[-1])

    companion_ = prim("companion", companion_body)

    def companion(c: Any) -> Any:
        if shape_of(_series(c))[0] < 2:
            raise ValueError("Series must have maximum degree of at least 1.")
        return companion_.bind(_series(c))

    def slope(y: Any, c: Any) -> Any:
        return value(y, der(c))

    roots_ = implicit(
        f"{family.prefix}roots (series)",
        native("roots"),
        lambda y, c: value(y, c),
        lambda r, y, xs: r / slope(y, xs[0]),
        lambda g, y, xs: g / np.conjugate(slope(y, xs[0])),
        batch=by_loop,
    )

    quotient_: Any = prim("div", lambda a, b, n: tuple(map(_trimmed, _quotient(family, a, b), n)), multi=True)

    def div(c1: Any, c2: Any) -> Any:
        a, b = together(_series(c1), _series(c2))
        batched = any(isinstance(x, Box) and x.shape != peek(x).shape for x in (a, b))
        n = (None, None) if batched else tuple(map(len, native("div")(strip(a), strip(b))))
        return quotient_.bind(a, b, n=n)

    def fit(x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None) -> Any:
        x, y = together(x, y)
        degrees = np.sort(np.atleast_1d(np.asarray(deg)))
        wanted = None if np.ndim(deg) == 0 else degrees
        lhs = vander(x, int(degrees[-1]))
        lhs = lhs if wanted is None else lhs[:, wanted]
        rcond = shape_of(x)[0] * np.finfo(peek(x).dtype).eps if rcond is None else rcond
        f = partial(native("fit"), deg=deg, rcond=rcond)
        c, details = least_squares(f, lhs, x, y, w, rcond, wanted)
        return (c, list(details)) if full else c

    def trim(c: Any, tol: float = 0) -> Any:
        if tol < 0:
            raise ValueError("tol must be non-negative")
        n = _length(lambda c: native("trim")(c, tol), _series(c))
        kept = _trimmed(_series(c), n)
        return kept * 0 if n == 1 and np.all(np.abs(bare(_series(c))) <= tol) else kept

    functions: dict[str, tuple[Any, str]] = {
        "val": (value, "composite"), "val2d": (partial(value_nd, grid=False), "composite"),
        "val3d": (partial(value_nd, grid=False), "composite"), "grid2d": (partial(value_nd, grid=True), "composite"),
        "grid3d": (partial(value_nd, grid=True), "composite"), "vander": (vander, "composite"),
        "vander2d": (vander_nd, "composite"), "vander3d": (vander_nd, "composite"), "der": (der, "linear"),
        "int": (int_function, "linear"), "add": (algebraic("add", lambda a, b: _sum(a, b, 1.0)), "linear"),
        "sub": (algebraic("sub", lambda a, b: _sum(a, b, -1.0)), "linear"), "mul": (mul, "multilinear"),
        "mulx": (algebraic("mulx", lambda c: _product(family, _from_powers(family, np.array([0.0, 1.0])), c)), "linear"),
        "pow": (power, "composite"), "div": (div, "composite"), "fromroots": (from_roots, "composite"),
        "roots": (lambda c: roots_.bind(_series(c)), "implicit"), "companion": (companion, "composite"),
        "fit": (fit, "composite"), "trim": (trim, "linear"), "line": (lambda off, scl: _line(native("line"), off, scl), "linear"),
    }  # fmt: skip
    for function, (implementation, kind) in functions.items():
        expose(implementation, name + function, native(function), kind)
    _declare_conversions(family)


def _line(native: Any, off: Any, scl: Any) -> Any:
    """off + scl x: both are linear in off and scl."""
    constant, slope = native(0.0, 1.0), native(1.0, 0.0)
    if np.ndim(peek(scl)) == 0 and bare(scl) == 0:
        return ops.stack([off * slope[0]])
    return ops.stack([off * slope[0] + scl * constant[0], scl * constant[1]])


def _declare_conversions(family: Family) -> None:
    """Weight functions, and changes between powers and another basis."""
    name = f"numpy.polynomial.{family.module}."
    module: Any = import_module(f"numpy.polynomial.{family.module}")
    if family.prefix == "poly":

        def from_roots(x: Any, r: Any, tensor: bool = True) -> Any:
            x, r = together(x, _series(r))
            r = np.reshape(r, shape_of(r) + (1,) * len(shape_of(x))) if tensor else r
            if not tensor and len(shape_of(x)) >= len(shape_of(r)):
                raise ValueError("x.ndim must be < r.ndim when tensor == False")
            return np.prod(x - r, axis=0)

        expose(from_roots, name + "polyvalfromroots", module.polyvalfromroots, "composite")
        return
    weight = {
        "cheb": lambda x: 1.0 / (np.sqrt(1.0 + x) * np.sqrt(1.0 - x)),
        "leg": lambda x: x * 0.0 + 1.0,
        "herm": lambda x: np.exp(-(x**2)),
        "herme": lambda x: np.exp(-0.5 * x**2),
        "lag": lambda x: np.exp(-x),
    }[family.prefix]
    expose(lambda x: weight(as_array(x)), name + f"{family.prefix}weight", family.native("weight"), "composite")
    for function in (f"poly2{family.prefix}", f"{family.prefix}2poly"):
        native = getattr(module, function)

        def body(c: Any, n: Any, native: Any = native) -> Any:
            size = shape_of(c)[0]
            columns = [np.pad(native(np.eye(size)[i, : i + 1]), (0, size - i - 1)) for i in range(size)]
            return _trimmed(_applied(np.stack(columns, 1), c), n)

        made = composite(f"{function} (series)", lambda c, n, native=native: native(c), body)

        def convert(c: Any, made: Any = made, native: Any = native) -> Any:
            return made.bind(_series(c), n=_length(native, _series(c)))

        expose(convert, name + function, native, "linear")


for _family in FAMILIES:
    _declare(_family)
