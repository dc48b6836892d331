"""Sampled functions and polynomials: interp, trapezoid, gradient, polyval …, grids of points, and pieces of functions.

Mostly written out in other functions, in the order in which NumPy computes, so that values agree to the bit; where NumPy's
own code stays the value, the function is composite.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from hoad.core.box import Box, assign, ops, shape_of, strip
from hoad.core.kinds import composite, constant, elementwise
from hoad.core.kinds.batching import align_ranks
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.reductions import diff


def _array(x: Any) -> Any:
    if isinstance(x, list | tuple):
        return ops.array(x)
    return x if isinstance(x, Box) else np.asarray(x)


def _number(x: Any) -> Any:
    """Lists as arrays; Python numbers stay, because they do not promote the dtype."""
    return x if type(x) in (int, float, complex) else _array(x)


def _ones(y: Any, *xs: Any, **kw: Any) -> Any:
    return np.ones(shape_of(y), strip(y).dtype)


# -- interpolation ---------------------------------------------------------------------------------------------------


def _picked(x: Any, index: Any) -> Any:
    """Elements of a one-dimensional array at an index that may be batched."""
    return ops.take_along_axis(x, index, 0) if isinstance(index, Box) else x[index]


def _interp_body(x: Any, xp: Any, fp: Any, left: Any, right: Any) -> Any:
    """The interval right of a knot is the one that counts, except at the last knot; outside the value is constant."""
    shape = shape_of(x)
    x = np.reshape(x, (-1,))
    n = shape_of(xp)[0]
    left = fp[0] if left is None else left
    right = fp[n - 1] if right is None else right
    low, high = x < xp[0], x > xp[n - 1]
    if n == 1:
        y = np.where(low, left, np.where(high, right, fp[0]))
    else:
        at = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, n - 2)
        x0, x1, f0, f1 = _picked(xp, at), _picked(xp, at + 1), _picked(fp, at), _picked(fp, at + 1)
        inside = np.where(np.logical_or(low, high), x0, x)
        y = np.where(low, left, np.where(high, right, (f1 - f0) / (x1 - x0) * (inside - x0) + f0))
    return np.reshape(y, shape)


interp_ = composite(
    "interp",
    lambda x, xp, fp, left, right: np.interp(x, xp, fp, left, right),
    lambda x, xp, fp, left, right: _interp_body(x, xp, fp, left, right),
)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    x, xp, fp = (ops.astype(_array(v), np.promote_types(strip(_array(v)).dtype, float)) for v in (x, xp, fp))
    if period is not None:
        if period == 0:
            raise ValueError("period must be a non-zero value")
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = _picked(xp, order), _picked(fp, order)
        xp = np.concatenate((xp[-1:] - period, xp, xp[0:1] + period))
        fp = np.concatenate((fp[-1:], fp, fp[0:1]))
        left = right = None
    if isinstance(left, Box) or isinstance(right, Box):
        return _interp_body(x, xp, fp, left, right)
    return interp_.bind(x, xp, fp, left=left, right=right)


# -- integrals and differences ---------------------------------------------------------------------------------------


def _at(ndim: int, axis: int, index: Any) -> tuple[Any, ...]:
    return tuple(index if i == axis else slice(None) for i in range(ndim))


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = _array(y)
    n = y.ndim
    axis %= n
    if x is None:
        d = dx
    else:
        x = _array(x)
        if x.ndim == 1:
            d = np.reshape(diff(x), tuple(-1 if i == axis else 1 for i in range(n)))
        else:
            d = diff(x, axis=axis)
    return np.sum(d * (y[_at(n, axis, slice(1, None))] + y[_at(n, axis, slice(None, -1))]) / 2.0, axis=axis)


def _spacings(f: Any, axes: tuple[int, ...], varargs: tuple[Any, ...]) -> list[Any]:
    if not varargs:
        return [1.0] * len(axes)
    if len(varargs) == 1 and len(shape_of(varargs[0])) == 0:
        return [varargs[0]] * len(axes)
    if len(varargs) != len(axes):
        raise TypeError("invalid number of arguments")
    spacings = []
    for axis, h in zip(axes, varargs, strict=True):
        h = h if len(shape_of(h)) == 0 else _array(h)
        if len(shape_of(h)) == 1:
            if h.shape[0] != f.shape[axis]:
                raise ValueError("when 1d, distances must match the length of the corresponding dimension")
            h = diff(h)
            plain = strip(h)
            if not isinstance(h, Box) and (plain == plain[0]).all():
                h = h[0]
        elif len(shape_of(h)) > 1:
            raise ValueError("distances must be either scalars or 1d")
        spacings.append(h)
    return spacings


def _first_weights(h1: Any, h2: Any) -> tuple[Any, Any, Any]:
    return -(2.0 * h1 + h2) / (h1 * (h1 + h2)), (h1 + h2) / (h1 * h2), -h1 / (h2 * (h1 + h2))


def _last_weights(h1: Any, h2: Any) -> tuple[Any, Any, Any]:
    return h2 / (h1 * (h1 + h2)), -(h2 + h1) / (h1 * h2), (2.0 * h2 + h1) / (h2 * (h1 + h2))


def _gradient_along(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    n = f.ndim
    if f.shape[axis] < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are required."
        )

    def part(start: Any, stop: Any) -> Any:
        return f[_at(n, axis, slice(start, stop))]

    uniform = len(shape_of(h)) == 0
    if uniform:
        middle = (part(2, None) - part(None, -2)) / (2.0 * h)
    else:
        h1, h2 = h[0:-1], h[1:]
        a, b, c = -h2 / (h1 * (h1 + h2)), (h2 - h1) / (h1 * h2), h1 / (h2 * (h1 + h2))
        a, b, c = (np.reshape(w, tuple(-1 if i == axis else 1 for i in range(n))) for w in (a, b, c))
        middle = a * part(None, -2) + b * part(1, -1) + c * part(2, None)
    if edge_order == 1:
        first = (part(1, 2) - part(0, 1)) / (h if uniform else h[0])
        last = (part(-1, None) - part(-2, -1)) / (h if uniform else h[-1])
    else:
        if uniform:
            begin, end = (-1.5 / h, 2.0 / h, -0.5 / h), (0.5 / h, -2.0 / h, 1.5 / h)
        else:
            begin, end = _first_weights(h[0], h[1]), _last_weights(h[-2], h[-1])
        first = begin[0] * part(0, 1) + begin[1] * part(1, 2) + begin[2] * part(2, 3)
        last = end[0] * part(-3, -2) + end[1] * part(-2, -1) + end[2] * part(-1, None)
    y = ops.concatenate([first, middle, last], axis)
    return ops.astype(y, strip(f).dtype) if strip(f).dtype.kind in "fc" else y


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = _array(f)
    axes = tuple(range(f.ndim)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, f.ndim)
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    results = tuple(_gradient_along(f, h, a, edge_order) for a, h in zip(axes, _spacings(f, axes, varargs), strict=True))
    return results[0] if len(axes) == 1 else results


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    ary = np.ravel(_array(ary))
    inner = ary[1:] - ary[:-1]
    ends = [None if e is None else ops.astype(np.ravel(_array(e)), strip(ary).dtype) for e in (to_begin, to_end)]
    parts = [p for p in (ends[0], inner, ends[1]) if p is not None]
    return inner if len(parts) == 1 else ops.concatenate(parts, 0)


def _unwrap_batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    return prim.bind(*xs, **{**kw, "axis": kw["axis"] + 1})


unwrap_ = elementwise(
    "unwrap", lambda p, discont, axis, period: np.unwrap(p, discont, axis, period=period), _ones, batch=_unwrap_batch
)


def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    if isinstance(discont, Box) or isinstance(period, Box):
        raise UnsupportedFunctionError.no_rule("np.unwrap with respect to discont or period")
    return unwrap_.bind(p, discont=discont, axis=axis % max(p.ndim, 1), period=period)


# -- polynomials -----------------------------------------------------------------------------------------------------


def polyval(p: Any, x: Any) -> Any:
    p, x = _array(p), _array(x)
    y = np.zeros(shape_of(x), strip(x).dtype)
    for i in range(shape_of(p)[0]):
        y = y * x + p[i]
    return y


def polyder(p: Any, m: int = 1) -> Any:
    p = _array(p)
    for _ in range(operator.index(m)):
        p = p[:-1] * np.arange(shape_of(p)[0] - 1, 0, -1)
    return p


def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    p, m = _array(p), operator.index(m)
    constants = np.zeros(m) if k is None else np.atleast_1d(_array(k))
    for i in range(m):
        k_i = constants[i if shape_of(constants)[0] > 1 else 0]
        p = ops.concatenate([p / np.arange(shape_of(p)[0], 0, -1), np.reshape(k_i, (1,))], 0)
    return p


def _padded(a: Any, n: int) -> Any:
    missing = n - shape_of(a)[0]
    return ops.concatenate([np.zeros(missing, strip(a).dtype), a], 0) if missing else a


def polyadd(a1: Any, a2: Any) -> Any:
    a1, a2 = np.atleast_1d(_array(a1)), np.atleast_1d(_array(a2))
    n = max(shape_of(a1)[0], shape_of(a2)[0])
    return _padded(a1, n) + _padded(a2, n)


def polysub(a1: Any, a2: Any) -> Any:
    a1, a2 = np.atleast_1d(_array(a1)), np.atleast_1d(_array(a2))
    n = max(shape_of(a1)[0], shape_of(a2)[0])
    return _padded(a1, n) - _padded(a2, n)


def polymul(a1: Any, a2: Any) -> Any:
    return ops.convolve(np.atleast_1d(_array(a1)), np.atleast_1d(_array(a2)))


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:  # NumPy's name
    x = _array(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    x = ops.astype(x, np.promote_types(strip(x).dtype, int))
    n = x.shape[0] if N is None else N
    if n <= 0:
        return np.zeros((x.shape[0], 0), strip(x).dtype)
    columns = [np.ones(x.shape[0], strip(x).dtype)]
    for k in range(1, n):
        columns.append(columns[-1] * x if k > 1 else x)
    return ops.stack(columns if increasing else columns[::-1], 1)


# -- grids -----------------------------------------------------------------------------------------------------------


def _steps(num: int, endpoint: bool, *ends: Any) -> Any:
    """The fractions of the way from one end to the other, in the precision of the ends."""
    dtype = np.result_type(*[v if type(v) in (int, float, complex) else strip(v).dtype for v in ends], 0.0)
    shape = (-1, *(1,) * max(len(shape_of(v)) for v in ends))
    return np.reshape((np.arange(num) / max(num - 1 if endpoint else num, 1)).astype(dtype), shape)


def _moved(y: Any, axis: int) -> Any:
    return y if axis == 0 else np.moveaxis(y, 0, axis)


def _linspace_body(start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> Any:
    s = _steps(num, endpoint, start, stop)
    return _moved(start * (1 - s) + stop * s, axis)


def _geomspace_body(start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> Any:
    return _moved(start * (stop / start) ** _steps(num, endpoint, start, stop), axis)


def _logspace_body(start: Any, stop: Any, base: Any, num: int, endpoint: bool, axis: int) -> Any:
    s = _steps(num, endpoint, start, stop, base)
    return _moved(base ** (start * (1 - s) + stop * s), axis)


linspace_ = composite("linspace", lambda a, b, num, endpoint, axis: np.linspace(a, b, num, endpoint, axis=axis), _linspace_body)
geomspace_ = composite("geomspace", lambda a, b, num, endpoint, axis: np.geomspace(a, b, num, endpoint, axis=axis), _geomspace_body)
logspace_ = composite(
    "logspace", lambda a, b, base, num, endpoint, axis: np.logspace(a, b, num, endpoint, base, axis=axis), _logspace_body
)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    **kwargs: Any,
) -> Any:
    start, stop, num = _number(start), _number(stop), operator.index(num)
    y = linspace_.bind(start, stop, num=num, endpoint=bool(endpoint), axis=axis)
    y = y if dtype is None else ops.astype(y, dtype)
    div = num - 1 if endpoint else num
    return (y, (stop - start) / div if div > 0 else np.nan) if retstep else y


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    start, stop = (ops.astype(v, np.promote_types(strip(v).dtype, float)) for v in (_array(start), _array(stop)))
    y = geomspace_.bind(start, stop, num=operator.index(num), endpoint=bool(endpoint), axis=axis)
    return y if dtype is None else ops.astype(y, dtype)


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    y = logspace_.bind(_number(start), _number(stop), _number(base), num=operator.index(num), endpoint=bool(endpoint), axis=axis)
    return y if dtype is None else ops.astype(y, dtype)


# -- functions in pieces ---------------------------------------------------------------------------------------------


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not len(condlist):
        raise ValueError("select with an empty condition list is not possible")
    dtype = np.result_type(*[v if type(v) in (int, float, complex) else strip(_array(v)).dtype for v in (*choicelist, default)])
    y = np.asarray(default, dtype) if type(default) in (int, float, complex) else default
    for condition, choice in zip(reversed(list(condlist)), reversed(list(choicelist)), strict=True):
        y = ops.where(condition, np.asarray(choice, dtype) if type(choice) in (int, float, complex) else _array(choice), y)
    return y


def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    x = _array(x)
    if isinstance(condlist, bool | np.bool) or (x.ndim and len(shape_of(condlist[0])) == 0):  # one condition alone
        condlist = [condlist]
    conditions = [c if isinstance(c, Box) else np.asarray(c, bool) for c in condlist]
    functions = list(funclist)
    if len(conditions) == len(functions) - 1:
        covered = conditions[0]
        for c in conditions[1:]:
            covered = np.logical_or(covered, c)
        conditions.append(np.logical_not(covered))
    elif len(conditions) != len(functions):
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    y: Any = np.zeros(shape_of(x), strip(x).dtype)
    for condition, f in zip(conditions, functions, strict=True):
        if isinstance(condition, Box):  # batched: evaluated everywhere, then chosen
            y = np.where(condition, f(x, *args, **kw) if callable(f) else f, y)
        elif not callable(f):
            y = np.where(condition, f, y)
        elif np.any(condition):
            y = ops.index_update(y, condition, f(x[condition], *args, **kw))
    return y


def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    arr = _array(arr)
    axis %= arr.ndim
    moved = np.moveaxis(arr, axis, -1)
    lead = tuple(moved.shape[:-1])
    rows = np.reshape(moved, (-1, moved.shape[-1]))
    if not rows.shape[0]:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    y = ops.stack([_array(func1d(rows[i], *args, **kwargs)) for i in range(rows.shape[0])])
    inner = tuple(y.shape[1:])
    y = np.reshape(y, lead + inner)
    source = tuple(range(len(lead), len(lead) + len(inner)))
    return np.moveaxis(y, source, tuple(range(axis, axis + len(inner))))


# -- parts of numbers ------------------------------------------------------------------------------------------------


def _nan_to_num_slope(y: Any, x: Any, **kw: Any) -> Any:
    return np.isfinite(x).astype(strip(y).real.dtype)


nan_to_num_ = elementwise(
    "nan_to_num", lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf), _nan_to_num_slope
)


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """The slope is 1 where x is finite and 0 where it was replaced."""
    y = nan_to_num_.bind(x, nan=nan, posinf=posinf, neginf=neginf)
    if not copy:
        assign(x, y)
        return x
    return y


heaviside = elementwise("heaviside", np.heaviside, None, lambda y, x, h: np.equal(x, 0).astype(strip(y).dtype))
ldexp_: Any = elementwise("ldexp", np.ldexp, lambda y, x, i: ldexp_.bind(_ones(y), i), None)
modf_fraction = elementwise("modf_fraction", lambda x: np.modf(x)[0], _ones)
_exponent = constant("frexp_exponent", lambda x: np.frexp(x)[1])


def ldexp(x: Any, i: Any) -> Any:
    if isinstance(i, Box) and not isinstance(x, Box):
        raise UnsupportedFunctionError.no_rule("np.ldexp with respect to its exponent")
    return ldexp_.bind(x, i)


def modf(x: Any) -> Any:
    return modf_fraction.bind(x), np.trunc(x)


def frexp(x: Any) -> Any:
    exponent = _exponent.bind(x)
    return ldexp_.bind(x, -exponent), exponent


def real_if_close(a: Any, tol: float = 100) -> Any:
    if a.dtype.kind != "c":
        return a
    return np.real(a) if np.isrealobj(np.real_if_close(strip(a), tol)) else a


def _angle_body(z: Any, deg: bool) -> Any:
    turn = np.arctan2(ops.imag(z), ops.real(z))
    return turn * (180 / np.pi) if deg else turn


angle_ = composite("angle", lambda z, deg: np.angle(z, deg), _angle_body)
angle_real = constant("angle_real", lambda z, deg: np.angle(z, deg))


def angle(z: Any, deg: bool = False) -> Any:
    return (angle_ if strip(z).dtype.kind == "c" else angle_real).bind(z, deg=bool(deg))


def _parts_constant(name: str) -> Any:
    native = getattr(np, name)
    return constant(name, lambda x, **kw: native(x, **kw), batch=align_ranks)


_round = _parts_constant("round")


def round_(a: Any, decimals: int = 0, out: Any = None) -> Any:
    return _round.bind(a, decimals=int(decimals))


for _name in ("fix", "iscomplex", "isreal", "isneginf", "isposinf"):
    expose(_parts_constant(_name), f"numpy.{_name}", getattr(np, _name), "constant")
expose(round_, "numpy.round", np.round, "constant")
expose(round_, "numpy.around", np.around, "constant")

_digitize = constant("digitize", lambda x, bins, right: np.digitize(x, bins, right))
expose(lambda x, bins, right=False: _digitize.bind(x, bins, right=bool(right)), "numpy.digitize", np.digitize, "constant")

for _name, _f, _kind in (
    ("interp", interp, "composite"), ("trapezoid", trapezoid, "multilinear"),
    ("gradient", gradient, "linear"), ("ediff1d", ediff1d, "linear"),
    ("unwrap", unwrap, "elementwise"), ("polyval", polyval, "composite"),
    ("polyder", polyder, "linear"), ("polyint", polyint, "linear"),
    ("polyadd", polyadd, "linear"), ("polysub", polysub, "linear"),
    ("polymul", polymul, "multilinear"), ("vander", vander, "composite"),
    ("linspace", linspace, "linear"), ("geomspace", geomspace, "composite"), ("logspace", logspace, "composite"),
    ("select", select, "linear"),
    ("piecewise", piecewise, "composite"), ("apply_along_axis", apply_along_axis, "composite"),
    ("nan_to_num", nan_to_num, "elementwise"), ("heaviside", heaviside, "elementwise"), ("ldexp", ldexp, "elementwise"),
    ("modf", modf, "elementwise"), ("frexp", frexp, "elementwise"),
    ("real_if_close", real_if_close, "linear"), ("angle", angle, "composite"),
):  # fmt: skip
    if hasattr(np, _name):
        expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
