"""Cases: scipy.signal."""

import numpy as np
import scipy.signal as ss

import hoad.scipy.signal as hs

from .case import LACKS, D, P, R, V, case

HOST = {"device": LACKS.format("scipy.signal under that name")}


def _narrow(x):
    """Most of scipy.signal has no extended precision."""
    return x.astype(complex if x.dtype.kind == "c" else float) if getattr(x, "dtype", None) in (np.longdouble, np.clongdouble) else x


def signal(name, *args, label="", pick=None, space=hs, **kw):
    """A call with keywords, on double-precision arrays; options of the case start with an underscore."""
    options = {k[1:]: kw.pop(k) for k in list(kw) if k.startswith("_")}
    f = getattr(space, name)
    label = label or ",".join(f"{k}={v}" for k, v in kw.items()).replace(" ", "")
    full = f"scipy.signal.{name}" if space is hs else f"scipy.signal.windows.{name}"
    case(full, lambda *xs: f(*map(_narrow, xs), **kw) if pick is None else f(*map(_narrow, xs), **kw)[pick], *args, label=label, **{**HOST, **options})


PLAIN = {"_in_double": True}
HERMITIAN = {"_in_double": True, "_holomorphic": False}
REAL = {"_real_only": "real signals only", "_holomorphic": False, "_in_double": True}
SLOPE = {**REAL, "_step": 0.005}

for _mode in ("full", "same", "valid"):
    for _method in ("direct", "fft"):
        for _label, _a, _b in (("odd", R(6), R(3)), ("even", R(6), R(4)), ("short", R(3), R(6)), ("2-d", R(3, 4), R(2, 3))):
            _kw = {"mode": _mode, "method": _method, "label": f"{_mode},{_method},{_label}"}
            signal("convolve", _a, _b, **_kw, **(PLAIN if _method == "direct" else HERMITIAN))
            signal("correlate", _a, _b, **_kw, **HERMITIAN)
    signal("fftconvolve", R(2, 5), R(2, 3), mode=_mode, axes=1, **HERMITIAN)
    signal("oaconvolve", R(2, 12), R(2, 3), mode=_mode, axes=-1, **HERMITIAN)
    for _boundary in ("fill", "wrap", "symm"):
        signal("convolve2d", R(3, 4), R(2, 3), mode=_mode, boundary=_boundary, **PLAIN)
        signal("correlate2d", R(3, 4), R(2, 2), mode=_mode, boundary=_boundary, **HERMITIAN)
    signal("convolve2d", R(2, 2), R(3, 3), mode=_mode, label=f"short,{_mode}", **PLAIN)
    signal("correlate2d", R(2, 2), R(3, 3), mode=_mode, label=f"short,{_mode}", **HERMITIAN)
signal("convolve", R(5), R(3), label="auto", **PLAIN)
signal("correlate", R(5, 2), R(3, 2), label="auto", **HERMITIAN)
signal("fftconvolve", R(3, 5), R(1, 3), axes=[1], label="broadcast", **HERMITIAN)
signal("fftconvolve", R(3, 5), R(2, 3), label="2-d", **HERMITIAN)
signal("convolve2d", R(3, 4), R(2, 2), fillvalue=0.7, **REAL, _affine=True)
signal("correlate2d", R(3, 4), R(2, 2), fillvalue=0.7, mode="same", **REAL, _affine=True)

POLES = V([1.3, 0.2, -0.3])
for _label, _b, _a in (("", R(3), POLES), ("long", R(5), POLES), ("fir", R(3), V([1.5])), ("all-pole", V([0.7]), POLES)):
    signal("lfilter", _b, _a, R(2, 6), label=_label or "iir", **PLAIN)
signal("lfilter", R(3), POLES, R(6, 2), axis=0, **PLAIN)
case("scipy.signal.lfilter", lambda x: hs.lfilter([0.5, 0.2], [1.0, -0.4], _narrow(x)), R(2, 6), label="signal", in_double=True, double_only="the coefficients are double", **HOST)
case("scipy.signal.lfilter", lambda b, a, x, zi: hs.lfilter(*map(_narrow, (b, a, x)), zi=_narrow(zi)), R(3), POLES, R(2, 6), R(2, 2), label="state", in_double=True, **HOST)
case("scipy.signal.lfilter", lambda b, a, x, zi: hs.lfilter(*map(_narrow, (b, a, x)), zi=_narrow(zi), axis=0), R(5), POLES, R(3, 2), R(4, 1), label="long-state", in_double=True, **HOST)
signal("lfilter_zi", P(3), POLES, **SLOPE)
for _pad in ("odd", "even", "constant", None):
    signal("filtfilt", P(3), POLES, R(2, 12), padtype=_pad, **REAL)
signal("filtfilt", P(2), POLES, R(8, 2), axis=0, padlen=4, **REAL)

SOS = ss.butter(4, 0.3, output="sos")


def sections(v):
    """Second-order sections; SciPy wants their a0 to be exactly one."""
    v = _narrow(v)
    return np.concatenate([v[:, :3], np.ones_like(v[:, :1]), v[:, 3:]], axis=1).copy()


FREE = V(SOS[:, [0, 1, 2, 4, 5]] + 0.01)
case("scipy.signal.sosfilt", lambda v, x: hs.sosfilt(sections(v), _narrow(x)), FREE, R(2, 6), in_double=True, holomorphic=False, **HOST)
case("scipy.signal.sosfilt", lambda v, x, zi: hs.sosfilt(sections(v), _narrow(x), zi=_narrow(zi), axis=0), FREE, R(6, 2), R(2, 2, 2), label="state", in_double=True, holomorphic=False, **HOST)
case("scipy.signal.sosfilt", lambda x: hs.sosfilt(SOS, _narrow(x)), R(2, 6), label="signal", in_double=True, double_only="the sections are double", **HOST)
case("scipy.signal.sosfilt_zi", lambda v: hs.sosfilt_zi(sections(v)), FREE, in_double=True, real_only="SciPy's states are real", holomorphic=False, step=0.002, **HOST)
case("scipy.signal.sosfiltfilt", lambda v, x: hs.sosfiltfilt(sections(v), _narrow(x)), FREE, R(2, 24), in_double=True, real_only="SciPy's states are real", holomorphic=False, step=0.002, tolerance=10.0, **HOST)

for _label, _up, _down in (("2/3", 2, 3), ("3/2", 3, 2), ("1/4", 1, 4)):
    signal("upfirdn", R(4), R(2, 5), up=_up, down=_down, label=_label, **PLAIN)
    case("scipy.signal.upfirdn", lambda x, _u=_up, _d=_down: hs.upfirdn(np.float32([0.3, 1.0, -0.4]), _narrow(x), _u, _d, axis=0), R(5, 2), label=f"signal,{_label}", in_double=True, **HOST)
for _mode in ("symmetric", "reflect", "edge", "wrap"):
    signal("upfirdn", R(4), R(2, 5), up=3, down=2, mode=_mode, **PLAIN)
for _pad in ("constant", "mean", "edge"):
    signal("resample_poly", R(7, 2), up=3, down=2, padtype=_pad, **REAL)
signal("resample_poly", D(7), up=2, down=3, padtype="median", **SLOPE)
signal("resample_poly", R(7), up=2, down=3, window=np.float32([0.2, 0.5, 1.0, 0.5, 0.2]), label="taps", **REAL)
for _n in (6, 7):
    for _num in (3, 4, 9, 10):
        signal("resample", R(_n, 2), num=_num, label=f"{_n},{_num}", **HERMITIAN)
signal("resample", R(2, 6), num=4, axis=1, window="hamming", label="window", **HERMITIAN)
case("scipy.signal.resample", lambda x: hs.resample(np.real(_narrow(x)) + 1j * np.imag(_narrow(x)), 9, domain="freq"), R(6), label="freq", in_double=True, holomorphic=False, double_only="1j is double", real_only="the real part is taken", **HOST)
for _type in ("iir", "fir"):
    for _zero in (True, False):
        signal("decimate", R(2, 40), q=2, ftype=_type, zero_phase=_zero, **REAL, _tolerance=10.0)
for _type in ("linear", "constant"):
    signal("detrend", R(2, 7), type=_type, bp=[0, 3], **PLAIN)
signal("detrend", R(7, 2), axis=0, **PLAIN)
for _n in (None, 5, 9):
    signal("hilbert", R(2, 6), N=_n, **REAL)
signal("hilbert", R(7, 2), axis=0, **REAL)
for _mode in ("interp", "mirror", "nearest", "wrap", "constant"):
    signal("savgol_filter", R(2, 9), window_length=5, polyorder=2, mode=_mode, **REAL)
signal("savgol_filter", R(9, 2), window_length=6, polyorder=3, deriv=1, delta=0.5, axis=0, **REAL)
signal("medfilt", D(3, 4), kernel_size=(3, 1), **SLOPE)
signal("medfilt", D(9), **SLOPE)
signal("medfilt2d", D(3, 4), kernel_size=3, **SLOPE)
signal("order_filter", D(3, 4), domain=np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]), rank=1, label="cross", **SLOPE)
signal("wiener", R(4, 5), mysize=3, **SLOPE)
signal("deconvolve", R(6), V([1.5, 0.3, -0.2]), **REAL, _double_only="SciPy's impulse is double")

for _name, _count in (("welch", 1), ("csd", 2), ("coherence", 2), ("periodogram", 1), ("spectrogram", 1), ("stft", 1)):
    _args = (R(2, 20),) * _count
    for _kw in ({}, {"detrend": "linear", "nfft": 12}, {"axis": 0, "window": ("kaiser", 2.0)}):
        _kw = dict(_kw)
        _shape = (R(20, 2),) * _count if "axis" in _kw else _args
        if _name != "periodogram":
            _kw |= {"nperseg": 9, "noverlap": 4}
        elif "nfft" in _kw:
            _kw["nfft"] = 24
        signal(_name, *_shape, pick=-1, **_kw, **SLOPE)
signal("csd", R(2, 20), R(2, 15), nperseg=6, average="median", scaling="spectrum", pick=-1, **SLOPE)
signal("welch", R(2, 20), nperseg=6, average="median", return_onesided=False, pick=-1, **SLOPE)
for _mode in ("complex", "magnitude", "angle"):
    signal("spectrogram", R(20), nperseg=5, mode=_mode, detrend=False, pick=-1, **{**SLOPE, "_step": 0.0005})
for _boundary in ("even", "odd", "constant", None):
    signal("stft", R(20), nperseg=6, boundary=_boundary, padded=False, scaling="psd", pick=-1, **REAL)

DOUBLE = {"_double_only": "SciPy makes windows in double precision", **SLOPE}
for _sym in (True, False):
    for _name, *_values in (("kaiser", 2.5), ("gaussian", 1.7), ("general_gaussian", 1.5, 2.0), ("tukey", 0.6), ("general_hamming", 0.6), ("general_cosine", [0.5, 0.3, 0.2])):
        _f = getattr(hs.windows, _name)
        case(f"scipy.signal.windows.{_name}", lambda *xs, _f=_f, _s=_sym: _f(7, *map(_narrow, xs), sym=_s), *map(V, _values), label=f"sym={_sym}", **{k[1:]: v for k, v in DOUBLE.items()}, **HOST)
    case("scipy.signal.windows.exponential", lambda t, _s=_sym: hs.windows.exponential(7, tau=_narrow(t), sym=_s), V(1.3), label=f"sym={_sym}", **{k[1:]: v for k, v in DOUBLE.items()}, **HOST)

RESPONSE = {"in_double": True, "holomorphic": False, "step": 0.005, **HOST, "double_only": "SciPy's frequencies are double"}
for _label, _kw in (("7", {"worN": 7}), ("whole", {"worN": 6, "whole": True}), ("at", {"worN": [0.1, 0.5], "fs": 2.0})):
    case("scipy.signal.freqz", lambda b, a, _kw=_kw: hs.freqz(_narrow(b), _narrow(a), **_kw)[1], P(3), POLES, label=_label, **RESPONSE)
    for _name in ("sosfreqz", "freqz_sos"):
        if hasattr(ss, _name):
            case(f"scipy.signal.{_name}", lambda v, _f=getattr(hs, _name), _kw=_kw: _f(sections(v), **_kw)[1], FREE, label=_label, **RESPONSE, real_only="real sections")
    _kw = {"w" if k == "worN" else k: v for k, v in _kw.items()}
    case("scipy.signal.group_delay", lambda b, a, _kw=_kw: hs.group_delay((_narrow(b), _narrow(a)), **_kw)[1], V([1.0, 0.6, 0.3]), POLES, label=_label, **RESPONSE, real_only="real coefficients")
for _pad in ("odd", "even", "constant", None):
    case("scipy.signal.filtfilt", lambda x, _p=_pad: hs.filtfilt(np.float32([0.4, 0.3]), np.float32([1.2, -0.3]), _narrow(x), padtype=_p), R(2, 9), label=f"signal,{_pad}", in_double=True, holomorphic=False, **HOST)
case("scipy.signal.sosfiltfilt", lambda x: hs.sosfiltfilt(SOS.astype(np.float32), _narrow(x), axis=0), R(24, 2), label="signal", in_double=True, holomorphic=False, **HOST, tolerance=10.0)

for _label, _shape, _kw in (
    ("", (2, 5, 4), {}), ("odd", (5, 4), {"nperseg": 9, "noverlap": 3}), ("psd", (5, 4), {"scaling": "psd", "boundary": False, "window": "hamming"}),
    ("two-sided", (6, 4), {"input_onesided": False, "window": "hamming"}), ("axes", (4, 2, 5), {"time_axis": 0}),
):  # fmt: skip
    signal("istft", R(*_shape), pick=1, label=_label, **_kw, **HERMITIAN)
for _method in ("linear", "quadratic", "logarithmic", "hyperbolic"):
    signal("chirp", P(5), V(0.7), V(2.0), V(1.6), method=_method, **SLOPE, _together="frequencies are numbers", _double_only="frequencies are Python numbers")
signal("chirp", P(5), V(0.7), V(2.0), V(1.6), method="quadratic", vertex_zero=False, phi=20.0, **SLOPE, _together="frequencies are numbers", _double_only="frequencies are Python numbers")
