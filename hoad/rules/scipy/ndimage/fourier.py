"""Filters in Fourier space: products with fixed factors, whose transposes are products with the conjugate factors."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.ndimage as nd

from hoad.core.box import Box, ops
from hoad.core.kinds import linear
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.scipy.ndimage.boundary import stored

__all__: list[str] = []


def _function(name: str, conjugate: Any) -> None:
    native = getattr(nd, name)

    def value(x: Any, width: Any, n: int, axis: int) -> Any:
        return native(x, width, n, axis)

    prim: Any = linear(
        f"ndimage.{name}", value, lambda g, shape, width, n, axis: prim.bind(g, width=conjugate(width), n=n, axis=axis)
    )

    def function(input: Any, width: Any, n: int = -1, axis: int = -1, output: Any = None, **keywords: Any) -> Any:
        if isinstance(width, Box):
            detail = "; it has one in the input"
            raise UnsupportedFunctionError.no_rule(f"scipy.ndimage.{name} with a traced second argument", detail)
        x = as_array(input)
        axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
        width = tuple(map(float, width)) if np.iterable(width) else float(width)
        y = prim.bind(x, width=width, n=int(n), axis=axis)
        if output is None:
            return y
        dtype = np.dtype(getattr(output, "dtype", output)) if not isinstance(output, type) else np.dtype(output)
        return stored(y if y.dtype == dtype else ops.astype(y, dtype), output, input)

    def named(*args: Any, **keywords: Any) -> Any:
        second = {"fourier_gaussian": "sigma", "fourier_shift": "shift"}.get(name, "size")
        if second in keywords:
            keywords["width"] = keywords.pop(second)
        return function(*args, **keywords)

    expose(named, f"scipy.ndimage.{name}", native, "linear")


def _negative(width: Any) -> Any:
    return tuple(-w for w in width) if isinstance(width, tuple) else -width


for _name in ("fourier_gaussian", "fourier_uniform", "fourier_ellipsoid"):
    _function(_name, lambda width: width)
_function("fourier_shift", _negative)
