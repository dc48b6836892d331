"""Measurements of labelled regions: sums, means, variances, extremes, medians and centres of mass.

Labels and the index of regions are plain integers.  A sum over regions is linear, its transpose gives every entry the cotangent
of its region; the rest are formulas of sums, or choose an entry.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.ndimage as nd

from hoad.core.box import Box, ops
from hoad.core.kinds import composite, constant, linear
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array

__all__: list[str] = []


class Regions:
    """Which entries of an array belong to which entries of the index."""

    def __init__(self, labels: Any, index: Any, shape: tuple[int, ...]) -> None:
        for name, given in (("labels", labels), ("index", index)):
            if isinstance(given, Box):
                raise UnsupportedFunctionError.no_rule(f"a measurement with traced {name}", "; it has one in the input")
        self.labels = None if labels is None else np.array(np.broadcast_to(labels, shape))
        self.index = index if index is None or np.ndim(index) == 0 else np.array(index)
        self.scalar = self.index is None or np.ndim(self.index) == 0
        self.shape = shape

    def masks(self) -> list[np.ndarray]:
        """One mask for each entry of the index."""
        if self.labels is None:
            return [np.ones(self.shape, bool)]
        if self.index is None:
            return [self.labels > 0]
        return [self.labels == i for i in np.ravel(self.index)]

    def spread(self, g: Any) -> Any:
        """Every entry gets what belongs to its region; zero outside all regions."""
        if self.labels is None or self.scalar:
            return np.where(self.masks()[0], g, np.zeros((), g.dtype))
        known, place = np.unique(self.index, return_inverse=True)
        sums = np.zeros(known.size, g.dtype)
        np.add.at(sums, place.ravel(), np.ravel(g))
        at = np.minimum(np.searchsorted(known, self.labels), known.size - 1)
        return np.where(known[at] == self.labels, sums[at], np.zeros((), g.dtype))


def _sum(x: Any, regions: Regions, dtype: Any) -> Any:
    return np.asarray(nd.sum_labels(x, regions.labels, regions.index))[()]


sum_: Any = linear("ndimage.sum_labels", _sum, lambda g, shape, regions, dtype: spread_.bind(g, regions=regions, dtype=dtype))
spread_: Any = linear(
    "ndimage.spread_labels",
    lambda g, regions, dtype: regions.spread(np.asarray(g)).astype(dtype),
    lambda x, shape, regions, dtype: sum_.bind(x, regions=regions, dtype=dtype),
)


def _total(x: Any, regions: Regions) -> Any:
    return sum_.bind(x, regions=regions, dtype=x.dtype)


def _counts(regions: Regions) -> Any:
    return nd.sum_labels(np.ones(regions.shape), regions.labels, regions.index)


def _mean_body(x: Any, regions: Regions) -> Any:
    return _total(x, regions) / _counts(regions)


def _variance_body(x: Any, regions: Regions) -> Any:
    if regions.labels is None or regions.scalar:
        d = x - _mean_body(x, regions)
    else:
        d = x - spread_.bind(_mean_body(x, _once(regions)), regions=_once(regions), dtype=x.dtype)
    return _total(d * d, regions) / _counts(regions)


def _once(regions: Regions) -> Regions:
    """The same regions, each named once."""
    return Regions(regions.labels, np.unique(regions.index), regions.shape)


def _median_body(x: Any, regions: Regions) -> Any:
    found = [np.median(x[mask]) if mask.any() else np.nan for mask in regions.masks()]
    return found[0] if regions.scalar else np.reshape(ops.array(found), np.shape(regions.index))


def _formula(name: str, body: Any) -> None:
    native = getattr(nd, name)
    prim = composite(f"ndimage.{name}", lambda x, regions: np.asarray(native(x, regions.labels, regions.index))[()], body)

    def function(input: Any, labels: Any = None, index: Any = None) -> Any:
        x = as_array(input)
        return prim.bind(x, regions=Regions(labels, index, x.shape))

    expose(function, f"scipy.ndimage.{name}", native, "composite")


for _name, _body in (
    ("mean", _mean_body), ("variance", _variance_body), ("median", _median_body),
    ("standard_deviation", lambda x, regions: np.sqrt(_variance_body(x, regions))),
):  # fmt: skip
    _formula(_name, _body)


def sum_labels(input: Any, labels: Any = None, index: Any = None) -> Any:
    x = as_array(input)
    return _total(x, Regions(labels, index, x.shape))


def _flat_positions(x: Any, regions: Regions, which: str) -> Any:
    found = getattr(nd, which)(x, regions.labels, regions.index)
    rows = [found] if regions.scalar else found
    flat = np.array([np.ravel_multi_index(tuple(map(int, p)), regions.shape) for p in rows])
    return flat[0] if regions.scalar else flat.reshape(np.shape(regions.index))


extreme_at_ = constant("ndimage.extreme_position", _flat_positions, batch=by_loop)


def _extreme(which: str) -> Any:
    def function(input: Any, labels: Any = None, index: Any = None) -> Any:
        x = as_array(input)
        regions = Regions(labels, index, x.shape)
        at = extreme_at_.bind(x, regions=regions, which=f"{which}_position")
        y = np.take_along_axis(np.reshape(x, (-1,)), np.reshape(at, (-1,)), axis=0)
        return np.reshape(y, at.shape)

    return function


def center_of_mass(input: Any, labels: Any = None, index: Any = None) -> Any:
    x = as_array(input)
    regions = Regions(labels, index, x.shape)
    mass = _total(x, regions)
    grids = np.ogrid[tuple(slice(0, n) for n in x.shape)]
    rows = [_total(x * grid.astype(float), regions) / mass for grid in grids]
    return tuple(rows) if regions.scalar else [tuple(r[i] for r in rows) for i in range(np.size(index))]


expose(sum_labels, "scipy.ndimage.sum_labels", nd.sum_labels, "linear")
for _which in ("minimum", "maximum"):
    expose(_extreme(_which), f"scipy.ndimage.{_which}", getattr(nd, _which), "selecting")
expose(center_of_mass, "scipy.ndimage.center_of_mass", nd.center_of_mass, "composite")
expose(sum_labels, "scipy.ndimage.sum", nd.sum, "linear")
