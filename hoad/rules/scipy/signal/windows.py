"""Windows with a traced shape parameter, and frequency responses of filters with traced coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.signal as ss
from scipy.signal import windows
from scipy.special import i0

from hoad.core.box import Box, strip
from hoad.core.kinds import composite
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array

__all__: list[str] = []

# -- windows ------------------------------------------------------------------------------------------------------------------
# A periodic window of M points is a symmetric one of M + 1 points without the last.


def _points(m: int, sym: bool) -> tuple[np.ndarray, int]:
    full = m if sym else m + 1
    return np.arange(full, dtype=float), full


def _kaiser(beta: Any, m: int, sym: bool) -> Any:
    n, full = _points(m, sym)
    half = (full - 1) / 2.0
    return (i0(beta * np.sqrt(np.maximum(1 - ((n - half) / half) ** 2.0, 0.0))) / i0(beta))[:m]


def _gaussian(std: Any, m: int, sym: bool) -> Any:
    n, full = _points(m, sym)
    return np.exp(-((n - (full - 1.0) / 2.0) ** 2) / (2 * std * std))[:m]


def _general_gaussian(p: Any, sig: Any, m: int, sym: bool) -> Any:
    n, full = _points(m, sym)
    return np.exp(-0.5 * np.abs((n - (full - 1.0) / 2.0) / sig) ** (2 * p))[:m]


def _general_hamming(alpha: Any, m: int, sym: bool) -> Any:
    n, full = _points(m, sym)
    return (alpha - (1.0 - alpha) * np.cos(2 * np.pi * n / (full - 1)))[:m]


def _exponential(tau: Any, m: int, sym: bool, center: Any) -> Any:
    n, full = _points(m, sym)
    center = (full - 1) / 2 if center is None else center
    return np.exp(-np.abs(n - center) / tau)[:m]


def _tukey(alpha: Any, m: int, sym: bool) -> Any:
    n, full = _points(m, sym)
    distance = np.minimum(n, full - 1 - n) * 2.0 / (full - 1)  # from the nearer end, in halves of the window
    taper = 0.5 * (1 - np.cos(np.pi * distance / alpha))
    return np.where(distance < alpha, taper, 1.0)[:m]


def _general_cosine(a: Any, m: int, sym: bool) -> Any:
    n, full = _points(m, sym)
    angles = np.linspace(-np.pi, np.pi, full)
    return np.matmul(np.cos(np.outer(angles, np.arange(a.shape[0]))), a)[:m]


def _window(name: str, body: Any, parameters: int) -> None:
    native = getattr(windows, name)

    def value(*xs: Any, m: int, sym: bool, **kw: Any) -> Any:
        numbers = [x if np.ndim(x) else float(x) for x in xs]
        if name == "exponential":
            return native(m, kw["center"], *numbers, sym=sym)
        return native(m, *numbers, sym=sym)

    def formula(*xs: Any, m: int, sym: bool, **kw: Any) -> Any:
        return body(*xs, m, sym, **kw) if m > 1 else np.ones(m)

    prim = composite(f"signal.windows.{name}", value, formula)
    names = {"kaiser": ("beta",), "gaussian": ("std",), "general_gaussian": ("p", "sig"), "general_hamming": ("alpha",),
             "tukey": ("alpha",), "general_cosine": ("a",)}.get(name, ())  # fmt: skip

    def function(M: int, *args: Any, sym: bool = True, **kwargs: Any) -> Any:  # SciPy's name
        if len(args) > parameters:
            args, sym = args[:parameters], args[parameters]
        xs = [*args, *[kwargs.pop(k) for k in names[len(args) :] if k in kwargs]]
        return prim.bind(*map(as_array, xs), m=int(M), sym=bool(sym))

    def decaying(M: int, center: Any = None, tau: Any = 1.0, sym: bool = True, **kwargs: Any) -> Any:  # SciPy's name
        if isinstance(center, Box):
            raise UnsupportedFunctionError.no_rule("scipy.signal.windows.exponential with a traced center", "; it has one in tau")
        if sym and center is not None:
            raise ValueError("If sym==True, center must be None.")
        return prim.bind(as_array(tau), m=int(M), sym=bool(sym), center=center)

    expose(decaying if name == "exponential" else function, f"scipy.signal.windows.{name}", native, "composite")


for _name, _body, _count in (
    ("kaiser", _kaiser, 1), ("gaussian", _gaussian, 1), ("general_gaussian", _general_gaussian, 2), ("tukey", _tukey, 1),
    ("general_hamming", _general_hamming, 1), ("exponential", _exponential, 1), ("general_cosine", _general_cosine, 1),
):  # fmt: skip
    _window(_name, _body, _count)

# -- frequency responses ------------------------------------------------------------------------------------------------------


class Frequencies:
    """Where a response is evaluated: the keywords of freqz."""

    def __init__(self, worN: Any, **keywords: Any) -> None:  # SciPy's name
        if isinstance(worN, Box):
            raise UnsupportedFunctionError.no_rule("scipy.signal.freqz with traced frequencies", "; it has one in the coefficients")
        self.keywords = {"worN": worN, **keywords}

    def angles(self) -> tuple[Any, Any]:
        """Frequencies as SciPy returns them, and in radians per sample."""
        w = ss.freqz([1.0], [1.0], **self.keywords)[0]
        return w, w * (2 * np.pi / self.keywords.get("fs", 2 * np.pi))


def _polynomial(c: Any, angles: Any) -> Any:
    return np.matmul(np.exp(-1j * np.outer(angles, np.arange(c.shape[0]))), c)


def _response(b: Any, a: Any, angles: Any) -> Any:
    return _polynomial(b, angles) / _polynomial(a, angles)


def _response_body(b: Any, a: Any, at: Frequencies) -> Any:
    w, angles = at.angles()
    return w, _response(b, a, angles)


def _sections_body(sos: Any, at: Frequencies) -> Any:
    w, angles = at.angles()
    h: Any = 1.0
    for k in range(sos.shape[0]):
        h = h * _response(sos[k, :3], sos[k, 3:], angles)
    return w, h


def _delay_body(b: Any, a: Any, at: Frequencies) -> Any:
    w, angles = at.angles()
    c = np.convolve(b, np.conjugate(a[::-1]))
    below = _polynomial(c, angles)
    ratio = np.real(_polynomial(c * np.arange(c.shape[0]), angles) / below)
    # At a zero or pole on the unit circle SciPy warns and answers 0; there is no derivative.
    defined = np.where(np.real(below) ** 2 + np.imag(below) ** 2 < (10 * np.finfo(float).eps) ** 2, np.nan, 1.0)
    return w, ratio * defined - a.shape[0] + 1


_sections_native = getattr(ss, "freqz_sos", None) or ss.sosfreqz
response_ = composite("signal.freqz", lambda b, a, at: ss.freqz(b, a, **at.keywords), _response_body, multi=True)
sections_response_ = composite("signal.freqz_sos", lambda sos, at: _sections_native(sos, **at.keywords), _sections_body, multi=True)
delay_ = composite(
    "signal.group_delay",
    lambda b, a, at: ss.group_delay((b, a), at.keywords["worN"], **{k: v for k, v in at.keywords.items() if k != "worN"}),
    _delay_body,
    multi=True,
)


def _line(c: Any) -> Any:
    c = np.atleast_1d(as_array(c))
    if c.ndim != 1:
        raise UnsupportedFunctionError.no_rule("scipy.signal.freqz for several filters at once", "; it has one for 1-D b and a")
    return c


def freqz(
    b: Any, a: Any = 1.0, worN: Any = 512, whole: bool = False, plot: Any = None, fs: float = 2 * np.pi,
    include_nyquist: bool = False,
) -> Any:  # fmt: skip
    b, a = _line(b), _line(a)
    at = Frequencies(512 if worN is None else worN, whole=whole, fs=fs, include_nyquist=include_nyquist)
    w, h = response_.bind(b, a, at=at)
    if plot is not None:
        plot(w, strip(h))
    return w, h


def freqz_sos(sos: Any, worN: Any = 512, whole: bool = False, fs: float = 2 * np.pi) -> Any:  # SciPy's name
    return sections_response_.bind(np.atleast_2d(as_array(sos)), at=Frequencies(worN, whole=whole, fs=fs))


def group_delay(system: Any, w: Any = 512, whole: bool = False, fs: float = 2 * np.pi) -> Any:
    b, a = (_line(c) for c in system)
    return delay_.bind(b, a, at=Frequencies(512 if w is None else w, whole=whole, fs=fs))


expose(freqz, "scipy.signal.freqz", ss.freqz, "composite")
expose(freqz_sos, "scipy.signal.sosfreqz", ss.sosfreqz, "composite")
if hasattr(ss, "freqz_sos"):
    expose(freqz_sos, "scipy.signal.freqz_sos", ss.freqz_sos, "composite")
expose(group_delay, "scipy.signal.group_delay", ss.group_delay, "composite")
