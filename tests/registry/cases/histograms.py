# a table: one case, one line where it fits
"""Cases: histograms, sets, and functions that trim, repeat and choose."""

import numpy as np

import hoad.numpy as hnp

from .case import NO_COMPLEX, ORDERED, D, P, R, V, case, variants

SAMPLES = np.array([0.1, 0.5, 0.9, 0.35, 0.36, 1.4])
WEIGHTED = {"double_only": "np.histogram returns float64", "device": "CuPy's histogram has other keywords"}
variants("numpy.histogram", lambda w, **kw: np.histogram(SAMPLES, weights=w, **kw)[0], (P(6),), {"bins": 3}, {"bins": 4, "range": (0.3, 1.0)}, **WEIGHTED)
case("numpy.histogram", lambda w: np.histogram(SAMPLES, [0.1, 0.35, 0.8, 1.0], weights=w)[0], P(6), label="edges", **WEIGHTED)
case("numpy.histogram", lambda a: np.histogram(a, 3)[0], D(7), label="samples", real_only=ORDERED, holomorphic=False, device="CuPy has no histogram_bin_edges")
REAL_WEIGHTS = {**WEIGHTED, "real_only": NO_COMPLEX, "holomorphic": False, "in_double": True}
case("numpy.histogram2d", lambda w: np.histogram2d(SAMPLES, SAMPLES**2, 3, weights=w)[0], P(6), **REAL_WEIGHTS)
case("numpy.histogramdd", lambda w: np.histogramdd(SAMPLES.reshape(2, 3), (2, 2, 3), weights=w)[0], P(2), **REAL_WEIGHTS)
variants("numpy.histogram_bin_edges", np.histogram_bin_edges, (D(7),), {"bins": 3}, {"bins": "sturges"}, real_only=ORDERED, holomorphic=False, double_only="returns float64", device="CuPy has no histogram_bin_edges")
case("numpy.kaiser", lambda b: hnp.kaiser(5, b), P(), real_only=NO_COMPLEX, holomorphic=False, in_double=True, double_only="np.i0 computes in float64")

TAKES = {"real_only": ORDERED, "holomorphic": False, "device": "the host decides which elements stay"}
for _name in ("union1d", "intersect1d", "setdiff1d", "setxor1d"):
    case(f"numpy.{_name}", lambda x, _f=getattr(np, _name): _f(x, 1.0 * x[1:3]), D(4), **TAKES)
for _name in ("unique_all", "unique_counts", "unique_inverse"):
    case(f"numpy.{_name}", lambda x, _f=getattr(np, _name): _f(x).values, V([1.0, 2.0, 1.5, 0.5]), **TAKES)
case("numpy.unique_values", lambda x: np.sort(np.unique_values(x)), V([1.0, 2.0, 1.5, 0.5]), **TAKES)
variants("numpy.isin", lambda x, y, **kw: np.isin(np.floor(3 * x), np.floor(3 * y), **kw), (D(5), D(4)), {}, {"invert": True}, real_only=ORDERED)
case("numpy.lexsort", lambda x, y: np.lexsort((x, y)), D(4), D(4), real_only=ORDERED)
case("numpy.argwhere", np.argwhere, D(3, 2))
case("numpy.sort_complex", np.sort_complex, D(5), real_only="sorted by two keys", holomorphic=False)
NUMBERS = np.array([[0, 1, 1], [1, 0, 1]])
case("numpy.choose", lambda x, y, i: np.choose(i, [x, y]), R(2, 3), R(3), extra=(NUMBERS,))
case("numpy.choose", lambda x, y, i: np.choose(i, [x, y], mode="wrap"), R(2, 3), R(3), extra=(NUMBERS + 3,), label="wrap")
case("numpy.choose", lambda x, y, i: np.choose(i, [x, y], mode="clip"), R(2, 3), R(3), extra=(NUMBERS * 5 - 1,), label="clip")
variants("numpy.resize", np.resize, (R(2, 3),), {"new_shape": (4, 2)}, {"new_shape": 3})
ZEROS = np.array([0, 0, 1, 0, 1, 0])
variants("numpy.trim_zeros", lambda x, **kw: np.trim_zeros(x * ZEROS, **kw), (P(6),), {}, {"trim": "f"}, {"trim": "b"}, device="the host decides which elements stay")
case("numpy.apply_over_axes", lambda x: np.apply_over_axes(np.sum, x, [0, -1]), R(2, 3, 2), device="CuPy has no apply_over_axes")
case("numpy.apply_over_axes", lambda x: np.apply_over_axes(np.prod, x, 1), R(2, 3), label="prod", device="CuPy has no apply_over_axes")

for _name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    case(f"numpy.{_name}", lambda x, y, _f=getattr(np, _name): _f(x > 0, y > 0), R(2, 3), R(3), real_only=ORDERED)
    case(f"numpy.{_name}", lambda x, _f=getattr(np, _name): _f(np.floor(3 * x).astype(int), 5), D(2, 3), label="integers", real_only=ORDERED)
case("numpy.bitwise_and", lambda x: (x > -0.3) & ~(x > 0.3) | (x < -0.5) ^ (x > 9), D(2, 3), label="operators", real_only=ORDERED)
case("numpy.invert", lambda x: np.invert(x > 0), D(2, 3), real_only=ORDERED)
for _name in ("left_shift", "right_shift"):
    case(f"numpy.{_name}", lambda x, _f=getattr(np, _name): _f(np.floor(3 * x).astype(int), 2), D(2, 3), real_only=ORDERED)
for _name in ("gcd", "lcm"):
    case(f"numpy.{_name}", lambda x, y, _f=getattr(np, _name): _f(np.floor(9 * x).astype(int), np.floor(9 * y).astype(int)), D(2, 3), D(3), real_only=ORDERED)
case("numpy.bitwise_count", lambda x: np.bitwise_count(np.floor(9 * x).astype(int)), D(2, 3), real_only=ORDERED)
case("numpy.spacing", np.spacing, D(2, 3), real_only=NO_COMPLEX, device="CuPy has no spacing")
case("numpy.nextafter", np.nextafter, D(2, 3), D(3), real_only=NO_COMPLEX, holomorphic=False, in_double=True, elementwise=True)
