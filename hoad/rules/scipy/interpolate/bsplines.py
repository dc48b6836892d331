"""B-splines: BSpline, make_interp_spline, splev; by de Boor's recurrence, which is differentiable in knots, coefficients and x.

Source: de Boor, A Practical Guide to Splines (2001), ch. X, algorithm 14 and formula (15).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import interpolate

from hoad.core.box import ops, shape_of, strip
from hoad.core.kinds import composite
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.scipy.interpolate.pieces import as_float, columns, gather, interval, is_traced, known, placed

__all__ = ["BSpline", "collocation", "make_interp_spline", "spline_values"]


def spline_values(t: Any, c: Any, x: Any, k: int, nu: int, extrapolate: bool) -> Any:
    """The spline at x (points,), or its derivative of order nu."""
    n = shape_of(t)[0] - k - 1
    rank = len(shape_of(c)) - 1
    there = columns(known(x, t[k], t[n], extrapolate), rank)
    if nu > k:
        return 0 * columns(x, rank) * c[:1] * there
    at = interval(t, x, k, n - 1)
    rows = [gather(c, at - k + j) for j in range(k + 1)]
    knots = [gather(t, at - k + 1 + j) for j in range(2 * k)]
    for degree in range(k, k - nu, -1):  # coefficients of the derivative
        offset = k - degree
        rows = [columns(degree / (knots[j + k] - knots[j + offset]), rank) * (rows[j + 1] - rows[j]) for j in range(degree)]
    for level in range(1, k - nu + 1):
        for j in range(k - nu - level + 1):
            low, high = knots[j + nu + level - 1], knots[j + k]
            weight = columns((x - low) / (high - low), rank)
            rows[j] = (1 - weight) * rows[j] + weight * rows[j + 1]
    return (rows[0] + 0 * columns(x, rank)) * there


values_ = composite(
    "scipy.interpolate.BSpline",
    lambda t, c, x, k, nu, extrapolate: interpolate.BSpline.construct_fast(t, np.ascontiguousarray(c), k, extrapolate)(x, nu),
    spline_values,
    batch=by_loop,
)


class BSpline:
    """:class:`scipy.interpolate.BSpline` whose knots, coefficients and arguments may be traced.

    Parameters
    ----------
    t, c, k, extrapolate, axis
        As SciPy's.

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.interpolate
    >>> t = np.array([0.0, 0, 0, 1, 2, 2, 2])
    >>> f = lambda c: hoad.scipy.interpolate.BSpline(t, c, 2)(0.5)
    >>> hoad.grad(f)(np.ones(4))
    array([0.25 , 0.625, 0.125, 0.   ])
    """

    def __init__(self, t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0) -> None:
        self.t, self.c, self.k = as_float(t), as_float(c, real=False), int(k)
        self.axis = axis % self.c.ndim
        self.c = ops.moveaxis(self.c, self.axis, 0)
        self.extrapolate = extrapolate if extrapolate == "periodic" else bool(extrapolate)
        rows = np.ones(shape_of(self.c)[:1])
        plain = strip(self.t)
        for knots in plain if plain.ndim > 1 else plain[None]:
            interpolate.BSpline(knots, rows, k, extrapolate)  # SciPy's examination of knots and degree

    @property
    def tck(self) -> tuple[Any, Any, int]:
        return self.t, self.c, self.k

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        """Values at x, or derivatives of order ``nu``; the axes of x replace the interpolation axis."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        x = as_float(x)
        flat = np.reshape(x, (-1,))
        if extrapolate == "periodic":
            a, b = self.t[self.k], self.t[shape_of(self.t)[0] - self.k - 1]
            flat, extrapolate = a + (flat - a) % (b - a), False
        y = values_.bind(self.t, self.c, flat, k=self.k, nu=int(nu), extrapolate=bool(extrapolate))
        return placed(np.reshape(y, (*x.shape, *shape_of(self.c)[1:])), x.ndim, self.axis)

    def derivative(self, nu: int = 1) -> BSpline:
        """The derivative of order ``nu`` as a spline."""
        if nu < 0:
            raise UnsupportedFunctionError.no_rule("BSpline.antiderivative", "; integrate with hoad.scipy.integrate.quad")
        t, c, k = self.t, self.c, self.k
        for _ in range(nu):
            n = shape_of(t)[0] - k - 1
            width = t[k + 1 : n + k] - t[1:n]
            flat = width == 0
            scale = columns(np.where(flat, 0.0, k / np.where(flat, 1.0, width)), len(shape_of(c)) - 1)
            t, c, k = t[1:-1], scale * (c[1:n] - c[: n - 1]), k - 1
        return BSpline._of(t, c, k, self.extrapolate, self.axis)

    @staticmethod
    def _of(t: Any, c: Any, k: int, extrapolate: Any, axis: int) -> BSpline:
        new = BSpline.__new__(BSpline)
        new.t, new.c, new.k, new.extrapolate, new.axis = t, c, k, extrapolate, axis
        return new

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in ("t", "c", "k", "axis", "extrapolate"):
            raise AttributeError(name)
        if is_traced(self.t, self.c):
            raise UnsupportedFunctionError.no_rule(f"BSpline.{name} of a traced spline")
        return getattr(interpolate.BSpline(self.t, np.moveaxis(self.c, 0, self.axis), self.k, self.extrapolate, self.axis), name)


# -- interpolating splines -----------------------------------------------------------------------------------------------------


def collocation(t: Any, x: Any, k: int, nu: int = 0) -> Any:
    """Matrix of the basis functions at x."""
    n = shape_of(t)[0] - k - 1
    return spline_values(t, np.eye(n), x, k, nu, True)


def _knots(x: Any, k: int, augmented: bool) -> Any:
    n = shape_of(x)[0]
    ends = [x[:1]] * (k + 1), [x[n - 1 :]] * (k + 1)
    if augmented or k == 1:
        inner = x[1:-1]
    elif k % 2:
        half = (k + 1) // 2
        inner = x[half : n - half]
    else:
        half = k // 2
        inner = ((x[1:] + x[:-1]) / 2)[half : n - 1 - half]
    return ops.concatenate([*ends[0], inner, *ends[1]], 0)


def _sides(bc_type: Any) -> list[list[tuple[int, Any]]]:
    """Derivatives prescribed at the two ends."""
    if bc_type is None or bc_type == "not-a-knot":
        return [[], []]
    given = (bc_type, bc_type) if isinstance(bc_type, str) else bc_type
    out: list[list[tuple[int, Any]]] = []
    for side in given:
        if side is None or side == "not-a-knot":
            out.append([])
        elif isinstance(side, str):
            if side not in ("clamped", "natural"):
                raise ValueError(f"Unknown boundary condition : {side}")
            out.append([(1 if side == "clamped" else 2, np.float64(0))])
        else:
            out.append([(int(order), as_float(value, real=False)) for order, value in side])
    return out


def _system(x: Any, y: Any, t: Any, *values: Any, k: int, orders: tuple[tuple[int, ...], tuple[int, ...]]) -> Any:
    left, right = orders
    rows = [collocation(t, x[:1], k, nu) for nu in left]
    rows.append(collocation(t, x, k))
    rows += [collocation(t, x[-1:], k, nu) for nu in right]
    extra = [np.broadcast_to(v, shape_of(y)[1:])[None] for v in values]
    b = ops.concatenate([*extra[: len(left)], y, *extra[len(left) :]], 0)
    a = ops.concatenate(rows, 0)
    return np.reshape(np.linalg.solve(a, np.reshape(b, (shape_of(b)[0], -1))), shape_of(b))


def _native_system(x: Any, y: Any, t: Any, *values: Any, k: int, orders: tuple[tuple[int, ...], tuple[int, ...]]) -> Any:
    left, right = orders
    full = [np.broadcast_to(v, y.shape[1:]) for v in values]
    bc = (list(zip(left, full, strict=False)) or None, list(zip(right, full[len(left) :], strict=True)) or None)
    return interpolate.make_interp_spline(x, y, k, t=t, bc_type=None if bc == (None, None) else bc).c


interpolating_ = composite("scipy.interpolate.make_interp_spline", _native_system, _system, batch=by_loop)


def make_interp_spline(
    x: Any, y: Any, k: int = 3, t: Any = None, bc_type: Any = None, axis: int = 0, check_finite: bool = True
) -> BSpline:
    """:func:`scipy.interpolate.make_interp_spline` whose ``x``, ``y``, ``t`` and end conditions may be traced.

    Parameters
    ----------
    x, y, k, t, bc_type, axis, check_finite
        As SciPy's; ``bc_type="periodic"`` for plain arrays only (:class:`CubicSpline` has it for traced ones).

    Returns
    -------
    BSpline

    Examples
    --------
    >>> import numpy as np, hoad, hoad.scipy.interpolate
    >>> x = np.linspace(0, 1, 6)
    >>> f = lambda y: hoad.scipy.interpolate.make_interp_spline(x, y, k=5)(0.5)
    >>> hoad.grad(f)(x).sum().round(9)
    np.float64(1.0)
    """
    if not is_traced(x, y, t) and (bc_type is None or isinstance(bc_type, str)):
        plain = interpolate.make_interp_spline(x, y, k, t, bc_type, axis, check_finite)
        return BSpline._of(plain.t, plain.c, plain.k, plain.extrapolate, plain.axis)
    if isinstance(bc_type, str) and bc_type == "periodic":
        raise UnsupportedFunctionError.no_rule(
            "make_interp_spline with bc_type='periodic'", "; CubicSpline(..., bc_type='periodic') has one"
        )
    x, y = as_float(x), as_float(y, real=False)
    axis %= y.ndim
    y = ops.moveaxis(y, axis, 0)
    sides = _sides(bc_type)
    if k == 0 or (k == 1 and t is None):
        if sides != [[], []] or t is not None:
            raise ValueError(f"Too much info for k={k}: bc_type can only be None.")
        ends = [x, x[-1:]] if k == 0 else [x[:1], x, x[-1:]]
        return BSpline._of(ops.concatenate(ends, 0), y, k, True, axis)
    t = _knots(x, k, bool(sides[0] or sides[1])) if t is None else as_float(t)
    orders = (tuple(o for o, _ in sides[0]), tuple(o for o, _ in sides[1]))
    values = [v for side in sides for _, v in side]
    return BSpline._of(t, interpolating_.bind(x, y, t, *values, k=k, orders=orders), k, True, axis)


# -- FITPACK's form ------------------------------------------------------------------------------------------------------------


def _splev_body(x: Any, t: Any, c: Any, k: int, der: int, ext: int) -> Any:
    n = shape_of(t)[0] - k - 1
    lo, hi = t[k], t[n]
    outside = (x < lo) | (x > hi)
    if ext == 3:
        x = np.where(x < lo, lo, np.where(x > hi, hi, x))
    y = spline_values(t, c[:n], x, k, der, True)
    return np.where(outside, 0.0, y) if ext == 1 else y


splev_ = composite(
    "scipy.interpolate.splev",
    lambda x, t, c, k, der, ext: np.asarray(interpolate.splev(x, (t, c, k), der, ext)),
    _splev_body,
    batch=by_loop,
)


def splev(x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
    """Evaluate a B-spline given by knots, coefficients and degree, all but the degree traced or plain."""
    if isinstance(tck, BSpline | interpolate.BSpline):
        tck = (tck.t, tck.c, tck.k)
    t, c, k = tck
    if not is_traced(x, t, c):
        return interpolate.splev(x, tck, der, ext)
    if isinstance(c, list | tuple) and len(shape_of(c[0])) > 0:
        return [splev(x, (t, part, k), der, ext) for part in c]
    x, t, c = as_float(x), as_float(t), as_float(c)
    if c.ndim != 1:
        raise UnsupportedFunctionError.no_rule("splev with coefficients of several axes", "; use BSpline")
    y = splev_.bind(np.reshape(x, (-1,)), t, c, k=int(k), der=int(der), ext=int(ext))
    return np.reshape(y, x.shape)


expose(splev, "scipy.interpolate.splev", interpolate.splev, "composite")
expose(make_interp_spline, "scipy.interpolate.make_interp_spline", interpolate.make_interp_spline, "composite")
