"""Images at other places: map_coordinates, affine_transform, shift, zoom and rotate.

With fixed places the result is linear in the image, and its transpose adds each cotangent to the coefficients that it was made
of, then goes back through the prefilter.  With traced places (coordinates, matrix, offset, shift, angle) the derivative is that of
the spline: of order k it has k - 1 continuous derivatives, order 1 has kinks at the grid points, where the slope is that on the
side of growing coordinates, and order 0 is piecewise constant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import scipy.ndimage as nd

from hoad.core.box import Box, bare, ops, shape_of, strip
from hoad.core.kinds import composite, linear
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.scipy.ndimage.boundary import CONTINUED, fold, is_array, stored, target_dtype
from hoad.rules.scipy.ndimage.correlation import per_axis
from hoad.rules.scipy.ndimage.splines import PADDING, coefficients, spline_filter_, taps

__all__: list[str] = []

# -- fixed places: linear in the image ----------------------------------------------------------------------------------------


@dataclass(eq=False, repr=False)
class Plan:
    """Interpolation of images of one shape at fixed places.

    Attributes
    ----------
    native : callable            ``native(x, cval)``, SciPy's function
    places : callable            returns the coordinates, one array for each of ``axes``
    shape : tuple of int         of the image
    axes : tuple of int          axes that are interpolated; the others only stand beside them
    order, mode, prefilter       as in SciPy
    """

    native: Callable[[Any, Any], Any]
    places: Callable[[], Any]
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    order: int
    mode: str
    prefilter: bool

    @property
    def padding(self) -> int:
        return PADDING if self.prefilter and self.order > 1 and self.mode in ("nearest", "grid-constant") else 0

    @cached_property
    def _taps(self) -> tuple[list[Any], Any]:
        """Positions and weights along each axis, and the mask of places that a constant does not reach."""
        rows, inside = [], None
        for axis, x in zip(self.axes, self.places(), strict=True):
            at, w, outside = taps(np.ravel(x) + self.padding, self.shape[axis] + 2 * self.padding, self.order, self.mode)
            rows.append((at, w))
            if outside is not None:
                within = np.logical_not(outside)
                inside = within if inside is None else np.logical_and(inside, within)
        return rows, inside

    def adjoint(self, g: Any) -> Any:
        """The transpose, for a cotangent of the result."""
        if g.dtype.kind == "c":
            return (self.adjoint(g.real) + 1j * self.adjoint(g.imag)).astype(g.dtype)
        rows, inside = self._taps
        count = len(self.axes)
        sizes = [self.shape[a] + 2 * self.padding for a in self.axes]
        planes, beside = np.asarray(g, float), ()
        if count < len(self.shape):
            planes = np.moveaxis(planes, self.axes, range(-count, 0))
            beside = planes.shape[:-count]
        planes = planes.reshape(prod(beside), -1)
        planes = planes if inside is None else np.where(inside, planes, 0.0)
        sums = np.zeros((len(planes), prod(sizes)))
        strides = [prod(sizes[i + 1 :]) for i in range(count)]
        steps = [[positions * stride for positions in at] for (at, _), stride in zip(rows, strides, strict=True)]

        def add(axis: int, at: Any, total: Any, part: Any) -> None:
            """Spread ``part`` over the coefficients along this axis and those after it, from the place ``at`` on."""
            if axis == count:
                total += np.bincount(at, part, total.size)
                return
            for step, weight in zip(steps[axis], rows[axis][1], strict=True):
                add(axis + 1, step if at is None else at + step, total, part * weight)

        for total, plane in zip(sums, planes, strict=True):
            add(0, None, total, plane)
        c = np.moveaxis(sums.reshape(*beside, *sizes), range(-count, 0), self.axes)
        if self.prefilter and self.order > 1:
            for axis in self.axes:
                c = spline_filter_.declaration(c, c.shape, axis=axis, order=self.order, mode=self.mode)
        for axis in self.axes if self.padding else ():
            c = fold.bind(c, axis=axis, before=self.padding, after=self.padding, mode=CONTINUED[self.mode])
        return c.astype(g.dtype)


resample_: Any = linear("ndimage.resample", lambda x, plan: plan.native(x, 0.0), lambda g, shape, plan: spread_.bind(g, plan=plan))
spread_: Any = linear(
    "ndimage.resample_transposed", lambda g, plan: plan.adjoint(g), lambda x, shape, plan: resample_.bind(x, plan=plan)
)
resample_with_constant_ = composite(
    "ndimage.resample_with_constant",
    lambda x, c, plan: plan.native(x, c),
    lambda x, c, plan: ops.astype(resample_.bind(x - c, plan=plan) + c, x.dtype),
)


def _at_fixed_places(plan: Plan, x: Any, cval: Any) -> Any:
    if CONTINUED[plan.mode] == "constant" and (isinstance(cval, Box) or cval != 0):
        return resample_with_constant_.bind(x, cval, plan=plan)
    return resample_.bind(x, plan=plan)


# -- traced places ------------------------------------------------------------------------------------------------------------


def _at_places(x: Any, places: Any, c: Any, axes: tuple[int, ...], order: int, mode: str, prefilter: bool) -> Any:
    """Values of the spline through x at traced places along ``axes``, written in differentiable functions."""
    dtype, constant = x.dtype, CONTINUED[mode] == "constant"
    k, padding = coefficients(x - c if constant else x, order, mode, prefilter, axes)
    k = np.moveaxis(k, axes, range(-len(axes), 0))
    beside, sizes = shape_of(k)[: -len(axes)], shape_of(k)[-len(axes) :]
    shape = shape_of(places[0])
    at: Any = 0
    weights: list[Any] = []
    inside = None
    for p, size in zip(places, sizes, strict=True):
        positions, w, outside = taps(np.ravel(p) + padding, size, order, mode)
        at = np.expand_dims(at, -1) * size if weights else 0
        stacked = np.stack(positions, axis=-1)
        at = at + np.reshape(stacked, (shape_of(stacked)[0], *(1,) * len(weights), order + 1))
        weights.append(np.stack([v + 0.0 * positions[0] if order == 0 else v for v in w], axis=-1))
        if outside is not None:
            within = np.logical_not(outside)
            inside = within if inside is None else np.logical_and(inside, within)
    flat = np.broadcast_to(np.reshape(at, (1, -1)), (prod(beside), at.size))
    found = np.take_along_axis(np.reshape(k, (prod(beside), prod(sizes))), flat, axis=1)
    found = np.reshape(found, (prod(beside), *shape_of(at)))
    letters = "abc"[: len(axes)] if len(axes) <= 3 else "".join(chr(97 + i) for i in range(len(axes)))
    spec = ",".join([f"zp{letters}", *(f"p{i}" for i in letters)])
    y = np.einsum(spec + "->zp", found, *weights, optimize=True)
    y = y if inside is None else np.where(inside, y, 0.0)
    y = np.moveaxis(np.reshape(y, (*beside, *shape)), range(-len(axes), 0), axes) if beside else np.reshape(y, shape)
    return ops.astype(y + c if constant else y, dtype)


def _grid(shape: tuple[int, ...]) -> np.ndarray:
    return np.indices(shape).astype(float)


def _affine_places(matrix: Any, offset: Any, shape: tuple[int, ...]) -> Any:
    grid = _grid(shape)
    offset = np.reshape(offset, (-1, *(1,) * len(shape)))
    if matrix.ndim == 1:
        return np.reshape(matrix, (-1, *(1,) * len(shape))) * grid + offset
    return np.tensordot(matrix, grid, axes=([1], [0])) + offset


def _rotation(angle: Any, plane: tuple[int, int], out: tuple[int, int]) -> tuple[Any, Any]:
    """Matrix and offset that turn a plane about its centre by an angle in degrees."""
    radians = angle * (np.pi / 180)
    c, s = np.cos(radians), np.sin(radians)
    matrix = np.stack([np.stack([c, s]), np.stack([-s, c])])
    return matrix, (np.array(plane) - 1) / 2 - np.matmul(matrix, (np.array(out) - 1) / 2)


map_ = composite(
    "ndimage.map_coordinates",
    lambda x, places, c, **kw: nd.map_coordinates(x, places, cval=c, **kw),
    lambda x, places, c, **kw: _at_places(x, places, c, tuple(range(x.ndim)), **kw),
)
affine_ = composite(
    "ndimage.affine_transform",
    lambda x, matrix, offset, c, shape, **kw: nd.affine_transform(x, matrix, offset, shape, cval=c, **kw),
    lambda x, matrix, offset, c, shape, **kw: _at_places(x, _affine_places(matrix, offset, shape), c, tuple(range(x.ndim)), **kw),
)
shift_ = composite(
    "ndimage.shift",
    lambda x, by, c, **kw: nd.shift(x, by, cval=c, **kw),
    lambda x, by, c, **kw: _at_places(x, _grid(x.shape) - np.reshape(by, (-1, *(1,) * x.ndim)), c, tuple(range(x.ndim)), **kw),
)
rotate_ = composite(
    "ndimage.rotate",
    lambda x, angle, c, axes, reshape, out, **kw: nd.rotate(x, float(angle), axes, reshape, cval=c, **kw),
    lambda x, angle, c, axes, reshape, out, **kw: _at_places(
        x, _affine_places(*_rotation(angle, tuple(x.shape[a] for a in axes), out), out), c, axes, **kw
    ),
)

# -- the functions of SciPy ---------------------------------------------------------------------------------------------------


def _prepared(input: Any, output: Any, order: int, mode: str) -> tuple[Any, Any]:
    """The image, in the wider of its precision and that of the result, and the dtype of the result."""
    if order < 0 or order > 5:
        raise RuntimeError("spline order not supported")
    if mode not in CONTINUED:
        raise RuntimeError("boundary mode not supported")
    x = as_array(input)
    if not x.ndim:
        raise RuntimeError("input and output rank must be > 0")
    dtype = target_dtype(output, x)
    wide = np.promote_types(x.dtype, dtype)
    return (x if x.dtype == wide else ops.astype(x, wide)), dtype


def _finished(y: Any, dtype: Any, output: Any, input: Any) -> Any:
    return stored(y if y.dtype == dtype else ops.astype(y, dtype), output, input)


def map_coordinates(
    input: Any, coordinates: Any, output: Any = None, order: int = 3, mode: str = "constant", cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:  # fmt: skip
    x, dtype = _prepared(input, output, order, mode)
    places = as_array(coordinates)
    if places.dtype.kind == "c":
        raise TypeError("Complex type not supported")
    if places.ndim < 2:
        raise RuntimeError("input and output rank must be > 0")
    if places.shape[0] != x.ndim:
        raise RuntimeError("invalid shape for coordinate array")
    kw: dict[str, Any] = {"order": order, "mode": mode, "prefilter": bool(prefilter)}
    if isinstance(places, Box):
        return _finished(map_.bind(x, places, cval, **kw), dtype, output, input)
    places = np.array(places, float)
    plan = Plan(lambda v, c: nd.map_coordinates(v, places, cval=c, **kw), lambda: places, x.shape, tuple(range(x.ndim)), **kw)
    return _finished(_at_fixed_places(plan, x, cval), dtype, output, input)


def affine_transform(
    input: Any, matrix: Any, offset: Any = 0.0, output_shape: Any = None, output: Any = None, order: int = 3,
    mode: str = "constant", cval: Any = 0.0, prefilter: bool = True,
) -> Any:  # fmt: skip
    x, dtype = _prepared(input, output, order, mode)
    n = x.ndim
    shape = tuple(output_shape) if output_shape is not None else output.shape if is_array(output) else x.shape
    matrix = as_array(matrix)
    if matrix.ndim not in (1, 2) or matrix.shape[0] < 1:
        raise RuntimeError("no proper affine matrix provided")
    if matrix.ndim == 2 and matrix.shape[1] == n + 1 and matrix.shape[0] in (n, n + 1):
        if matrix.shape[0] == n + 1 and not np.all(bare(matrix)[..., n, :] == [0] * n + [1]):
            raise ValueError("Expected homogeneous transformation matrix, but its bottom row is not that of one")
        offset, matrix = matrix[:n, n], matrix[:n, :n]
    if matrix.shape[0] != n:
        raise RuntimeError("affine matrix has wrong number of rows")
    if matrix.ndim == 2 and matrix.shape[1] != len(shape):
        raise RuntimeError("affine matrix has wrong number of columns")
    offset = ops.array(per_axis(offset, n)) if not hasattr(offset, "ndim") or not offset.ndim else offset
    kw: dict[str, Any] = {"order": order, "mode": mode, "prefilter": bool(prefilter)}
    if isinstance(matrix, Box) or isinstance(offset, Box):
        return _finished(affine_.bind(x, matrix, offset, cval, shape=shape, **kw), dtype, output, input)
    matrix, offset = np.array(matrix, float), np.array(offset, float)
    plan = Plan(
        lambda v, c: nd.affine_transform(v, matrix, offset, shape, cval=c, **kw),
        lambda: _affine_places(matrix, offset, shape), x.shape, tuple(range(n)), **kw,
    )  # fmt: skip
    return _finished(_at_fixed_places(plan, x, cval), dtype, output, input)


def shift(
    input: Any, shift: Any, output: Any = None, order: int = 3, mode: str = "constant", cval: Any = 0.0, prefilter: bool = True
) -> Any:
    x, dtype = _prepared(input, output, order, mode)
    by = ops.array(per_axis(shift, x.ndim))
    kw: dict[str, Any] = {"order": order, "mode": mode, "prefilter": bool(prefilter)}
    if isinstance(by, Box):
        return _finished(shift_.bind(x, by, cval, **kw), dtype, output, input)

    def places() -> Any:
        return _grid(x.shape) - np.reshape(by, (-1, *(1,) * x.ndim))

    plan = Plan(lambda v, c: nd.shift(v, by, cval=c, **kw), places, x.shape, tuple(range(x.ndim)), **kw)
    return _finished(_at_fixed_places(plan, x, cval), dtype, output, input)


def zoom(
    input: Any, zoom: Any, output: Any = None, order: int = 3, mode: str = "constant", cval: Any = 0.0, prefilter: bool = True, *,
    grid_mode: bool = False,
) -> Any:  # fmt: skip
    x, dtype = _prepared(input, output, order, mode)
    by = per_axis(zoom, x.ndim)
    if any(isinstance(z, Box) for z in by):
        detail = "; the factor only chooses the shape of the result, so that no derivative with respect to it exists"
        raise UnsupportedFunctionError.no_rule("scipy.ndimage.zoom with traced zoom", detail)
    if grid_mode and x.dtype.kind == "c":
        raise UnsupportedFunctionError.no_rule("scipy.ndimage.zoom of complex images with grid_mode=True")
    kw: dict[str, Any] = {"order": order, "mode": mode, "prefilter": bool(prefilter)}
    out = tuple(round(n * z) for n, z in zip(x.shape, by, strict=True))

    def places() -> Any:
        if all(z == 1 for z in by) and prefilter:
            return _grid(out)
        rows = []
        for axis, p in enumerate(_grid(out)):
            inner, outer = (x.shape[axis], out[axis]) if grid_mode else (x.shape[axis] - 1, out[axis] - 1)
            ratio = inner / outer if outer else 1.0
            rows.append((p + 0.5) * ratio - 0.5 if grid_mode else p * ratio)
        return rows

    plan = Plan(
        lambda v, c: nd.zoom(v, by, cval=c, grid_mode=grid_mode, **kw), places, x.shape, tuple(range(x.ndim)), **kw
    )  # fmt: skip
    return _finished(_at_fixed_places(plan, x, cval), dtype, output, input)


def rotate(
    input: Any, angle: Any, axes: Any = (1, 0), reshape: bool = True, output: Any = None, order: int = 3, mode: str = "constant",
    cval: Any = 0.0, prefilter: bool = True,
) -> Any:  # fmt: skip
    x, dtype = _prepared(input, output, order, mode)
    if x.ndim < 2:
        raise ValueError("input array should be at least 2D")
    if len(axes) != 2:
        raise ValueError("axes should contain exactly two values")
    first, second = sorted(np.lib.array_utils.normalize_axis_tuple(axes, x.ndim))
    plane = (first, second)
    kw: dict[str, Any] = {"order": order, "mode": mode, "prefilter": bool(prefilter)}
    inner = (x.shape[first], x.shape[second])
    out = inner
    if reshape:
        degrees = strip(angle)
        if np.ndim(degrees):
            detail = "; the shape of the result depends on the angle, pass reshape=False"
            raise UnsupportedFunctionError.no_rule("scipy.ndimage.rotate for a batch of angles", detail)
        empty = np.zeros(inner, np.float32)
        out = nd.rotate(empty, float(degrees), order=0).shape
    if isinstance(angle, Box):
        y = rotate_.bind(x, angle, cval, axes=plane, reshape=reshape, out=out, **kw)
        return _finished(y, dtype, output, input)

    def places() -> Any:
        return _affine_places(*_rotation(np.float64(angle), inner, out), out)

    plan = Plan(lambda v, c: nd.rotate(v, angle, plane, reshape, cval=c, **kw), places, x.shape, plane, **kw)
    return _finished(_at_fixed_places(plan, x, cval), dtype, output, input)


for _f in (map_coordinates, affine_transform, shift, zoom, rotate):
    expose(_f, f"scipy.ndimage.{_f.__name__}", getattr(nd, _f.__name__), "linear" if _f is zoom else "composite")
