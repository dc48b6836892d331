"""Histograms: linear in the weights, constant in the samples, with edges that move with the smallest and the largest sample."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from hoad.core.box import Box, ops, peek, shape_of, strip
from hoad.core.kinds import composite, constant, linear
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array, holds_box

_native: Any = np

# -- edges ------------------------------------------------------------------------------------------------------------------


def _edges_body(a: Any, n: int) -> Any:
    low, high = np.min(a), np.max(a)
    flat = np.where(low == high, 0.5, 0.0)
    return np.linspace(low - flat, high + flat, n + 1)


edges_ = composite("histogram_bin_edges", lambda a, n: _native.histogram_bin_edges(a, n), _edges_body)


def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    a = np.ravel(as_array(a))
    bins = as_array(bins) if isinstance(bins, list | tuple) else bins
    if isinstance(bins, Box) or np.ndim(bins) == 1:
        return bins
    if isinstance(bins, str):
        if isinstance(a, Box) and a.shape != peek(a).shape:
            raise UnsupportedFunctionError.no_rule(f"np.histogram with bins={bins!r} of batched samples", "; bins= may be a number")
        n = len(_native.histogram_bin_edges(strip(a), bins, range)) - 1
    else:
        n = operator.index(bins)
        if n < 1:
            raise ValueError("`bins` must be positive, when an integer")
    if range is not None or not a.size or not isinstance(a, Box):
        return _native.histogram_bin_edges(np.zeros(0) if isinstance(a, Box) else a, n, range)
    return edges_.bind(a, n=n)


# -- counts -----------------------------------------------------------------------------------------------------------------


def _bins(samples: Any, edges: Any) -> Any:
    """The bin of each sample, by the edges of each dimension (counted in C order); the number of bins where there is none."""
    total, place, inside = 1, np.asarray(0), np.asarray(True)
    for x, e in zip(samples, edges, strict=True):
        n = len(e) - 1
        at = np.searchsorted(e, x, side="right") - 1
        at = np.where(x == e[-1], n - 1, at)
        inside = inside & (at >= 0) & (at < n)
        place, total = place * n + at, total * n
    return np.where(inside, place, total), total


def _weights_transpose(g: Any, shape: Any, samples: Any, edges: Any, **kw: Any) -> Any:
    at, _ = _bins(samples, edges)
    padded = np.concatenate([np.ravel(g), np.zeros(1, peek(g).dtype)])
    return np.reshape(padded[at], shape)


def _weighted(w: Any, samples: Any, edges: Any, bins: Any, range: Any) -> Any:
    if len(samples) == 1:
        return _native.histogram(samples[0], bins, range, weights=w)[0]
    return _native.histogramdd(samples, bins, range, weights=w)[0]


weighted_ = linear("histogram_weights", _weighted, _weights_transpose)
counts_ = constant("histogram_counts", lambda a, edges: _native.histogram(a, edges)[0], batch=by_loop)


def _density(counts: Any, *edges: Any) -> Any:
    y = counts
    for i, e in enumerate(edges):
        width = ops.astype(e[1:] - e[:-1], float)
        y = y / np.reshape(width, tuple(-1 if k == i else 1 for k in range(len(edges))))
    return y / np.sum(counts)


def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    a = np.ravel(as_array(a))
    edges = histogram_bin_edges(a, bins, range)
    if weights is None:
        counts = counts_.bind(a, edges)
    else:
        if isinstance(a, Box) or isinstance(edges, Box):
            raise UnsupportedFunctionError.no_rule("np.histogram of traced samples with weights", "; of traced weights it has one")
        weights = as_array(weights)
        if shape_of(weights) != shape_of(a) and np.prod(shape_of(weights)) != a.size:
            raise ValueError("weights should have the same shape as a.")
        plain = np.asarray(bins) if np.ndim(bins) else bins
        counts = weighted_.bind(np.ravel(weights), samples=(a,), edges=(edges,), bins=plain, range=range)
    return (_density(counts, edges) if density else counts), edges


def histogramdd(sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    if isinstance(sample, Box) or any(isinstance(s, Box) for s in sample) or holds_box(bins):
        raise UnsupportedFunctionError.no_rule("np.histogramdd of traced samples or edges", "; of traced weights it has one")
    rows = sample.T if isinstance(sample, np.ndarray) and sample.ndim == 2 else np.atleast_2d(sample)
    columns = tuple(np.asarray(c) for c in rows)
    _, edges = _native.histogramdd(columns, bins, range)
    counts = weighted_.bind(as_array(weights), samples=columns, edges=tuple(edges), bins=bins, range=range)
    return (_density(counts, *edges) if density else counts), tuple(edges)


def histogram2d(x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    if hasattr(bins, "__len__") and len(bins) not in (1, 2):
        bins = [np.asarray(bins), np.asarray(bins)]
    counts, edges = histogramdd([x, y], bins, range, density, weights)
    return counts, edges[0], edges[1]


for _name, _f, _kind in (
    ("histogram_bin_edges", histogram_bin_edges, "composite"), ("histogram", histogram, "composite"),
    ("histogramdd", histogramdd, "linear"), ("histogram2d", histogram2d, "linear"),
):  # fmt: skip
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
