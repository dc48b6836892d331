"""Cases: scipy.ndimage."""

import numpy as np

import hoad.scipy.ndimage as nd

from .case import LACKS, D, P, R, V, case

HOST = {"device": LACKS.format("scipy.ndimage under that name")}
MODES = ("reflect", "constant", "nearest", "mirror", "wrap")
GRID = ("grid-mirror", "grid-constant", "grid-wrap")


def _narrow(x):
    """SciPy has no filters in extended precision."""
    return x.astype(complex if x.dtype.kind == "c" else float) if getattr(x, "dtype", None) in (np.longdouble, np.clongdouble) else x


def image(name, *args, arrays=1, label="", **kw):
    """A call with keywords, on double-precision arrays; those that are options of the case start with an underscore."""
    options = {k[1:]: kw.pop(k) for k in list(kw) if k.startswith("_")}
    f = getattr(nd, name)
    label = label or ",".join(f"{k}={v}" for k, v in kw.items()).replace(" ", "")
    case(f"scipy.ndimage.{name}", lambda *xs: f(*map(_narrow, xs), **kw), *args, label=label, **{**HOST, **options})


LINEAR = {"_in_double": True}
REAL = {"_real_only": "real images only", "_holomorphic": False, "_in_double": True}
SLOPE = {**REAL, "_step": 0.005}
HERMITIAN = {"_holomorphic": False, "_in_double": True}
WEIGHTED = dict.fromkeys(("correlate1d", "correlate", "convolve1d", "convolve"), HERMITIAN)  # SciPy takes tiny weights for symmetric

for _name in ("correlate1d", "convolve1d"):
    for _mode in MODES + GRID:
        image(_name, R(2, 5), R(3), mode=_mode, **WEIGHTED[_name])
    image(_name, R(2, 5), R(4), mode="reflect", origin=1 if _name == "convolve1d" else -2, axis=0, **WEIGHTED[_name])
    image(_name, R(2, 3), R(7), mode="mirror", axis=-1, **WEIGHTED[_name])
    image(_name, R(2, 5), R(3), mode="constant", cval=0.7, **REAL, _affine=True)
for _name in ("correlate", "convolve"):
    for _mode in MODES:
        image(_name, R(3, 4), R(2, 3), mode=_mode, **WEIGHTED[_name])
    image(_name, R(3, 4, 2), R(3, 2), axes=(0, 1), origin=(1, 0), mode="nearest", **WEIGHTED[_name])
    image(_name, R(3, 4, 2), R(3, 1), axes=(2, 0), cval=0.4, mode="constant", **REAL, _affine=True)
for _name in ("uniform_filter1d", "uniform_filter"):
    for _mode in MODES:
        image(_name, R(3, 5), size=3, mode=_mode, **LINEAR)
    image(_name, R(3, 5), size=4, mode="reflect", origin=-2 if _name == "uniform_filter1d" else (1, -1), **LINEAR)
    image(_name, R(3, 5), size=3, mode="constant", cval=0.5, **REAL, _affine=True)
image("uniform_filter", R(3, 5, 2), size=(2, 3), axes=(0, 2), **LINEAR)
for _mode in MODES:
    image("gaussian_filter1d", R(3, 5), sigma=1.0, mode=_mode, **LINEAR)
    image("gaussian_filter", R(3, 5), sigma=(0.8, 1.2), mode=_mode, **LINEAR)
    image("sobel", R(3, 5), mode=_mode, **LINEAR)
    image("prewitt", R(3, 5), axis=0, mode=_mode, **LINEAR)
    image("laplace", R(3, 5), mode=_mode, **LINEAR)
    image("gaussian_laplace", R(3, 5), sigma=1.0, mode=_mode, **LINEAR)
    image("gaussian_gradient_magnitude", R(3, 5), sigma=1.0, mode=_mode, **SLOPE)
image("gaussian_filter1d", R(3, 5), sigma=1.0, order=2, axis=0, radius=3, **LINEAR)
image("gaussian_filter", R(3, 5, 2), sigma=1.0, axes=(0, 1), order=(0, 1), truncate=2.0, **LINEAR)
for _order in (0, 1, 2, 3):
    case("scipy.ndimage.gaussian_filter1d", lambda x, s, _k=_order: nd.gaussian_filter1d(_narrow(x), s, order=_k), R(2, 5), V(0.9), label=f"sigma,order={_order}", real_only="a real width", holomorphic=False, in_double=True, step=0.005, affine=True, together="the width of a complex kernel", **HOST)
case("scipy.ndimage.gaussian_filter", lambda x, s: nd.gaussian_filter(_narrow(x), s, mode="wrap"), R(3, 5), V([0.9, 1.3]), label="sigma", real_only="a real width", holomorphic=False, in_double=True, step=0.005, affine=True, **HOST)

for _mode in MODES:
    image("spline_filter1d", R(3, 6), order=3, mode=_mode, _double_only="SciPy makes double precision of it", **REAL)
for _order in (0, 1, 2, 4, 5):
    image("spline_filter1d", R(3, 6), order=_order, axis=0, mode="reflect", _double_only="SciPy makes double precision of it", **REAL)
image("spline_filter1d", R(2, 30), order=5, mode="reflect", _double_only="SciPy makes double precision of it", **REAL)
for _order in (2, 3):
    image("spline_filter", R(3, 6), order=_order, _double_only="SciPy makes double precision of it", **REAL)

PLACES = np.array([[0.3, 1.7, 2.4, -1.3, 5.2], [1.6, 0.2, 3.3, 2.3, -2.6]])


def coordinates(rng):
    return PLACES + rng.uniform(-0.1, 0.1, PLACES.shape)


for _mode in MODES + GRID:
    for _order in (0, 1, 2, 3):
        image("map_coordinates", R(3, 4), coordinates=PLACES, order=_order, mode=_mode, label=f"image,{_mode},{_order}", **LINEAR)
        if _order:
            image("map_coordinates", R(3, 4), coordinates, order=_order, mode=_mode, label=f"both,{_mode},{_order}", **SLOPE)
    _kw = {"mode": _mode, "cval": 0.3}
    image("affine_transform", R(3, 4), matrix=np.array([[0.9, 0.2], [-0.3, 1.1]]), offset=(0.3, -0.4), label=f"image,{_mode}", **_kw, **{**REAL, "_affine": "constant" in _mode})
    image("shift", R(3, 4), shift=(0.4, -1.3), label=f"image,{_mode}", **_kw, **{**REAL, "_affine": "constant" in _mode})
    image("zoom", R(3, 4), zoom=1.6, label=f"image,{_mode}", mode=_mode, **LINEAR)
    image("rotate", R(3, 4), angle=23.0, label=f"image,{_mode}", mode=_mode, **LINEAR)
image("map_coordinates", R(3, 4), coordinates, order=5, mode="mirror", cval=0.3, prefilter=False, label="both,5", **SLOPE)
image("map_coordinates", R(7), coordinates=PLACES[:1].reshape(1, 5, 1), order=4, label="image,4", **LINEAR)
image("map_coordinates", R(3, 4), coordinates=PLACES, order=3, mode="constant", cval=0.5, label="image,cval", _affine=True, **REAL)
for _order in (1, 3):
    _f = {"order": _order, "label": f"both,{_order}"}
    image("affine_transform", R(3, 4), lambda rng: np.array([[0.93, 0.21], [-0.32, 1.1]]) + rng.uniform(-0.01, 0.01, (2, 2)), V([0.31, -0.42]), mode="mirror", **_f, **SLOPE)
    image("affine_transform", R(3, 4), lambda rng: np.array([0.93, 1.1]) + rng.uniform(-0.01, 0.01, 2), V([0.31, -0.42]), mode="reflect", **(_f | {"label": f"diagonal,{_order}"}), **SLOPE)
    image("affine_transform", R(3, 4), lambda rng: np.array([[0.93, 0.21, 0.31], [-0.32, 1.1, -0.42]]) + rng.uniform(-0.01, 0.01, (2, 3)), mode="nearest", **(_f | {"label": f"homogeneous,{_order}"}), **SLOPE)
    image("shift", R(3, 4), V([0.41, -1.33]), mode="grid-wrap", **_f, **SLOPE)
    image("rotate", R(3, 4), V(23.0), reshape=False, mode="nearest", **_f, **SLOPE)
image("shift", R(3, 4), V(0.41), mode="mirror", label="one", **SLOPE)
image("affine_transform", R(3, 4), matrix=np.array([0.8, 1.2]), output_shape=(2, 5), order=1, label="diagonal,shape", **LINEAR)
image("zoom", R(3, 4), zoom=(1.6, 0.7), grid_mode=True, mode="grid-constant", order=1, label="grid", **REAL)
image("rotate", R(2, 3, 4), angle=23.0, axes=(2, 0), reshape=False, order=2, label="axes", **LINEAR)
image("rotate", R(2, 3, 4), V(23.0), axes=(2, 0), reshape=False, order=2, mode="mirror", label="both,axes", **SLOPE)

CHOOSE = {**REAL, "_step": 0.005}
for _name in ("minimum_filter1d", "maximum_filter1d"):
    for _mode in MODES:
        image(_name, D(3, 4), size=3, mode=_mode, **CHOOSE)
    image(_name, D(3, 4), size=2, axis=0, origin=-1, mode="constant", cval=0.07, **CHOOSE)
for _name in ("minimum_filter", "maximum_filter", "median_filter"):
    for _mode in MODES:
        image(_name, D(3, 4), size=3, mode=_mode, **CHOOSE)
    image(_name, D(3, 4), footprint=np.array([[0, 1], [1, 1]]), mode="nearest", origin=(0, -1), label="footprint", **CHOOSE)
image("median_filter", D(3, 4, 2), size=3, axes=(0, 1), **CHOOSE)
image("median_filter", D(9), size=3, **CHOOSE)
image("rank_filter", D(3, 4), rank=2, size=(2, 3), **CHOOSE)
image("percentile_filter", D(3, 4), percentile=30, size=3, mode="mirror", **CHOOSE)
for _name in ("grey_erosion", "grey_dilation", "grey_opening", "grey_closing", "white_tophat", "black_tophat", "morphological_gradient"):
    image(_name, D(4, 5), size=(2, 3), **CHOOSE)
    image(_name, D(4, 5), footprint=np.array([[0, 1, 0], [1, 1, 0]]), mode="nearest", label="footprint", **CHOOSE)

LABELS = np.array([[1, 1, 2, 0], [2, 3, 3, 1], [2, 2, 0, 3]])
for _kw, _label in (({}, "all"), ({"labels": LABELS}, "labels"), ({"labels": LABELS, "index": 2}, "one"), ({"labels": LABELS, "index": [3, 1, 2, 1]}, "index")):
    _wide = {"_double_only": "SciPy sums regions in double precision"} if _label != "all" else {}
    for _name in ("sum_labels", "sum"):
        image(_name, R(3, 4), label=_label, **_kw, **REAL, **_wide)
    for _name in ("mean", "variance", "standard_deviation"):
        image(_name, R(3, 4), label=_label, **_kw, **SLOPE, _double_only="SciPy sums regions in double precision")
    for _name in ("minimum", "maximum", "median"):
        image(_name, D(3, 4), label=_label, **_kw, **CHOOSE)
    image("center_of_mass", P(3, 4), label=_label, **_kw, **SLOPE, _double_only="SciPy sums regions in double precision")

for _name, _width in (("fourier_gaussian", 1.2), ("fourier_uniform", 2.0), ("fourier_ellipsoid", (1.5, 2.0)), ("fourier_shift", (0.3, -1.1))):
    _second = {"fourier_gaussian": "sigma", "fourier_shift": "shift"}.get(_name, "size")
    image(_name, R(3, 4), label="", **{_second: _width}, **HERMITIAN)
    image(_name, R(3, 4), label="half", **{_second: _width}, n=6, axis=1, **HERMITIAN)
