"""Cases: numpy.fft and scipy.fft."""

import numpy as np

import hoad.scipy.fft as sf

from .case import LACKS, R, case, variants

HALF = {"real_only": "of real samples", "holomorphic": False}
SPECTRUM = {"holomorphic": False}
HOST = {"device": LACKS.format("transforms of scipy.fft under that name")}
REAL_PLAIN = {**HALF, **HOST}



def sizes(name, function, n, *keywords, **options):
    """Cases for one length of the last axis."""
    for kw in keywords:
        label = ",".join([f"{n}", *(f"{k}={v}" for k, v in kw.items())])
        case(name, lambda *xs, _kw=kw: function(*xs, **_kw), R(2, n), label=label, **options)


ONE = ({}, {"axis": 0}, {"n": 3}, {"n": 6, "axis": 0}, {"norm": "ortho"}, {"norm": "forward", "n": 7}, {"norm": "backward", "n": 1})
SEVERAL = ({}, {"axes": (0, 1)}, {"s": (3, 4), "axes": (1, -1)}, {"s": (5, -1), "axes": (0, 1), "norm": "ortho"}, {"axes": (1,), "norm": "forward"})
for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    _options = HALF if _name in ("rfft", "ihfft") else SPECTRUM
    variants(f"numpy.fft.{_name}", getattr(np.fft, _name), (R(4, 5),), *ONE, **_options)
    variants(f"scipy.fft.{_name}", getattr(sf, _name), (R(4, 5),), *ONE, {"workers": 2, "overwrite_x": True}, **_options, **HOST)
    for _suffix, _some in (("2", SEVERAL), ("n", SEVERAL)):
        _f = f"{_name}{_suffix}"
        if hasattr(np.fft, _f):
            variants(f"numpy.fft.{_f}", getattr(np.fft, _f), (R(2, 4, 3),), *_some, **_options)
        variants(f"scipy.fft.{_f}", getattr(sf, _f), (R(2, 4, 3),), *_some, {"s": (3, 5), "axes": None, "workers": 1}, **_options, **HOST)
for _name in ("fftn", "ifftn", "rfftn", "irfftn"):
    _options = HALF if _name == "rfftn" else SPECTRUM
    variants(f"numpy.fft.{_name}", getattr(np.fft, _name), (R(3, 4),), {"axes": (0, 1, 1)} if _name != "irfftn" else {"axes": (1, 1)}, {"axes": (0, 0), "s": (5, 4)}, **_options)
for _name in ("fftshift", "ifftshift"):
    variants(f"numpy.fft.{_name}", getattr(np.fft, _name), (R(4, 5),), {}, {"axes": 1}, {"axes": (0, -1)})
    variants(f"scipy.fft.{_name}", getattr(sf, _name), (R(4, 5),), {}, {"axes": 1}, **HOST)
for _name in ("dct", "idct", "dst", "idst"):
    for _n in (4, 5):
        _types = [{"type": t, "norm": m} for t in (1, 2, 3, 4) for m in (None, "ortho", "forward")][:: 1 if _n == 5 else 5]
        _rest = ({"type": 2, "norm": "ortho", "orthogonalize": False}, {"type": 3, "orthogonalize": True, "n": _n + 2}, {"axis": 0, "n": 3})
        sizes(f"scipy.fft.{_name}", getattr(sf, _name), _n, *_types, **HOST)
        sizes(f"scipy.fft.{_name}", getattr(sf, _name), _n, *_rest, holomorphic=False, **HOST)  # complex: orthogonalize is ignored
    variants(f"scipy.fft.{_name}n", getattr(sf, _name + "n"), (R(2, 4, 3),), {}, {"type": 1, "axes": (1, 2)}, {"type": 3, "s": (5, 2), "axes": (0, 2), "norm": "ortho", "workers": 1}, **HOST)
for _name in ("fht", "ifht"):
    for _n in (6, 7):
        sizes(f"scipy.fft.{_name}", lambda x, _f=getattr(sf, _name), **kw: _f(x, 0.1, 1.5, **kw), _n, {}, {"offset": 0.2, "bias": 0.3}, **REAL_PLAIN)
