"""scipy.special: error, gamma and Bessel functions, logistic maps, entropies, and sums of exponentials; also np.sinc, np.i0.

Slopes are written so that they keep their relative accuracy in the tails.  Source: NIST Digital Library of Mathematical
Functions, chapters 5, 7, 8, 10.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import asarray, filled, is_host, like, maybe_any, of
from hoad.core.box import Box, ops, shape_of, strip
from hoad.core.kinds import composite, constant, contraction, elementwise, opaque
from hoad.core.kinds.cotangents import is_complex
from hoad.core.primitive import expose, register
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.reductions import normal_axes, spread, sum_
from hoad.rules.special_functions.bessel import bessel_native
from hoad.rules.special_functions.ladders import exprel_derivative, scaled_erfc, sinc_derivative

SQRT2 = math.sqrt(2.0)
SQRT_PI = math.sqrt(math.pi)
SQRT_TAU = math.sqrt(2 * math.pi)
LN2, LN10 = math.log(2.0), math.log(10.0)

# -- elementwise functions -------------------------------------------------------------------------------------------


def _one(x: Any) -> Any:
    """1 in the precision of x: SciPy's functions read Python numbers as double precision."""
    return asarray(strip(x)).dtype.type(1)


def _log(x: Any) -> Any:
    """Logarithm without a warning at 0."""
    return special.xlogy(_one(x), x)


def _quotient(x: Any, y: Any) -> Any:
    """x / y, and 0 for 0 / 0."""
    both = np.logical_and(x == 0, y == 0)
    if not maybe_any(strip(both)):
        return x / y
    return np.where(both, 0.0, x / np.where(both, 1.0, y))


def _log_ratio_native(x: Any, y: Any) -> Any:
    """log(x / y), accurate also where x is near y."""
    with np.errstate(divide="ignore", invalid="ignore"):
        r = x / y
        return np.where(np.abs(r - 1) < 0.5, np.log1p((x - y) / y), np.log(r))[()]


log_ratio = elementwise("log_ratio", _log_ratio_native, lambda r, x, y: 1 / x, lambda r, x, y: -1 / y)


def _density(x: Any) -> Any:
    return np.exp(-0.5 * x * x) / SQRT_TAU


def _hazard(y: Any, x: Any) -> Any:
    """Normal density over normal distribution, without underflow on the left and without overflow on the right."""
    right = np.greater(x, 0)
    if not maybe_any(strip(right)):
        return math.sqrt(2 / math.pi) / special.erfcx(x / -SQRT2)
    left = math.sqrt(2 / math.pi) / special.erfcx(np.where(right, 0.0, x) / -SQRT2)
    return np.where(right, _density(x) / special.ndtr(np.where(right, x, 0.0)), left)


def _huber_r(y: Any, d: Any, r: Any) -> Any:
    return np.where(np.abs(r) <= d, r, d * np.sign(r))


_special: dict[str, Any] = {}
"""Primitives whose slopes need them with other orders; in a slope the order may be a series of its own, with no derivative."""

SLOPES: dict[str, tuple[Any, ...]] = {
    "erf": (lambda y, x: (2 / SQRT_PI) * np.exp(-x * x),),
    "erfc": (lambda y, x: (-2 / SQRT_PI) * np.exp(-x * x),),
    "erfcx": (lambda y, x: -2 * scaled_erfc.bind(x, n=1),),
    "erfinv": (lambda y, x: (SQRT_PI / 2) * np.exp(y * y),),
    "erfcinv": (lambda y, x: (-SQRT_PI / 2) * np.exp(y * y),),
    "ndtr": (lambda y, x: _density(x),),
    "log_ndtr": (_hazard,),
    "ndtri": (lambda y, x: SQRT_TAU * np.exp(0.5 * y * y),),
    "expit": (lambda y, x: y * special.expit(-x),),
    "log_expit": (lambda y, x: special.expit(-x),),
    "logit": (lambda y, x: 1 / (x * (1 - x)),),
    "gamma": (lambda y, x: y * special.digamma(x),),
    "gammaln": (lambda y, x: special.digamma(x),),
    "loggamma": (lambda y, x: special.digamma(x),),
    "digamma": (lambda y, x: _polygamma_rung.bind(1, x),),
    "beta": (
        lambda y, a, b: y * (special.digamma(a) - special.digamma(a + b)),
        lambda y, a, b: y * (special.digamma(b) - special.digamma(a + b)),
    ),
    "betaln": (lambda y, a, b: special.digamma(a) - special.digamma(a + b),
        lambda y, a, b: special.digamma(b) - special.digamma(a + b)),
    "xlogy": (lambda y, a, b: _log(b), lambda y, a, b: _quotient(a, b)),
    "xlog1py": (lambda y, a, b: special.xlog1py(_one(b), b), lambda y, a, b: _quotient(a, 1 + b)),
    "entr": (lambda y, x: -1 - _log(x),),
    "rel_entr": (lambda y, a, b: log_ratio.bind(a, b) + 1, lambda y, a, b: -_quotient(a, b)),
    "kl_div": (lambda y, a, b: log_ratio.bind(a, b), lambda y, a, b: 1 - _quotient(a, b)),
    "huber": (lambda y, d, r: np.where(np.abs(r) <= d, 0.0, np.abs(r) - d), _huber_r),
    "pseudo_huber": (
        lambda y, d, r: 2 * y / d - r * r / np.hypot(d, r), lambda y, d, r: d * r / np.hypot(d, r),
    ),
    "exprel": (lambda y, x: exprel_derivative.bind(x, n=1),),
    "cosm1": (lambda y, x: -np.sin(x),),
    "exp10": (lambda y, x: LN10 * y,),
    "i0": (lambda y, x: special.i1(x),),
    "i1": (lambda y, x: (special.i0(x) + _special["iv"].bind(2, x)) / 2,),
    "j0": (lambda y, x: -special.j1(x),),
    "j1": (lambda y, x: (special.j0(x) - _special["jv"].bind(2, x)) / 2,),
    "k0": (lambda y, x: -special.k1(x),),
    "k1": (lambda y, x: (special.k0(x) + _special["kv"].bind(2, x)) / -2,),
    "y0": (lambda y, x: -special.y1(x),),
    "y1": (lambda y, x: (special.y0(x) - _special["yv"].bind(2, x)) / 2,),
    "jv": (None, lambda y, v, x: (_special["jv"].bind(v - 1, x) - _special["jv"].bind(v + 1, x)) / 2),
    "yv": (None, lambda y, v, x: (_special["yv"].bind(v - 1, x) - _special["yv"].bind(v + 1, x)) / 2),
    "iv": (None, lambda y, v, x: (_special["iv"].bind(v - 1, x) + _special["iv"].bind(v + 1, x)) / 2),
    "kv": (None, lambda y, v, x: (_special["kv"].bind(v - 1, x) + _special["kv"].bind(v + 1, x)) / -2),
    "gammainc": (None, lambda y, a, x: np.exp(special.xlogy(a - 1, x) - x - special.gammaln(a))),
    "gammaincc": (None, lambda y, a, x: -np.exp(special.xlogy(a - 1, x) - x - special.gammaln(a))),
    "betainc": (
        None, None, lambda y, a, b, x: np.exp(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x)
                                      - special.betaln(a, b)).astype(strip(y).dtype),
    ),
}  # fmt: skip


def _only(prim: Any, slopes: tuple[Any, ...], name: str) -> Any:
    """The primitive, refusing traced values for arguments that have no slope (the order of a Bessel function)."""
    if all(slopes):
        return prim

    def function(*args: Any) -> Any:
        for i, (slope, a) in enumerate(zip(slopes, args, strict=True)):
            if slope is None and isinstance(a, Box):
                raise UnsupportedFunctionError.no_rule(f"scipy.special.{name} with respect to argument {i}")
        return prim.bind(*args)

    return function


for _name, _slopes in SLOPES.items():
    _native = getattr(special, _name)
    _of_any_array = bessel_native(_name) if _name in ("jv", "yv", "iv", "kv") else _native
    _special[_name] = elementwise(_name, _of_any_array, *_slopes)
    expose(_only(_special[_name], _slopes, _name), f"scipy.special.{_name}", _native, "elementwise")

for _name, _slope in {
    "expm1": lambda y, x: y + 1, "log1p": lambda y, x: 1 / (1 + x),
    "exp2": lambda y, x: LN2 * y, "cbrt": lambda y, x: 1.0 / (3 * y * y),
}.items():  # fmt: skip
    expose(
        elementwise(f"scipy.{_name}", getattr(special, _name), _slope),
        f"scipy.special.{_name}",
        getattr(special, _name),
        "elementwise",
    )

sinc = elementwise("sinc", np.sinc, lambda y, x: sinc_derivative.bind(x, n=1))
expose(sinc, "numpy.sinc", np.sinc, "elementwise")
expose(elementwise("numpy.i0", np.i0, lambda y, x: special.i1(x)), "numpy.i0", np.i0, "elementwise")
expose(constant("gammasgn", special.gammasgn), "scipy.special.gammasgn", special.gammasgn, "constant")

# -- functions of SciPy that are not ufuncs: reached through hoad.scipy.special --------------------------------------


# SciPy's polygamma returns double precision; as a slope it has the precision of its argument.
def _polygamma_native(n: Any, x: Any) -> Any:
    return of(x).special().polygamma(like(np.asarray(n), x), x)


_polygamma_rung: Any = elementwise(
    "polygamma_rung",
    lambda n, x: _polygamma_native(n, x).astype(asarray(x).dtype)[()],
    None,
    lambda y, n, x: _polygamma_rung.bind(n + 1, x),
)
polygamma_ = elementwise("polygamma", _polygamma_native, None, lambda y, n, x: _polygamma_rung.bind(n + 1, x))
zeta_: Any = elementwise("zeta", lambda s, q: of(q).special().zeta(s, q), None, lambda y, s, q: -s * zeta_.bind(s + 1, q))


def polygamma(n: Any, x: Any) -> Any:
    if isinstance(n, Box):
        raise UnsupportedFunctionError.no_rule("scipy.special.polygamma with respect to the order n")
    return polygamma_.bind(as_array(n)[()], as_array(x))


def zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    if isinstance(x, Box):
        raise UnsupportedFunctionError.no_rule("scipy.special.zeta with respect to its exponent")
    if q is None:
        return special.zeta(x, out=out)
    return zeta_.bind(x, as_array(q))


softplus_ = elementwise("softplus", getattr(special, "softplus", lambda x: np.logaddexp(0, x)), lambda y, x: special.expit(x))


def softplus(x: Any, **kwargs: Any) -> Any:
    return softplus_.bind(as_array(x))


def multigammaln(a: Any, d: int) -> Any:
    y = d * (d - 1) * 0.25 * math.log(math.pi)
    for j in range(1, d + 1):
        y = y + special.gammaln(a - (j - 1.0) / 2)
    return y


multigammaln_ = composite("multigammaln", lambda a, d: of(a).special().multigammaln(a, d), multigammaln)

# -- sums of exponentials --------------------------------------------------------------------------------------------


def _share(y: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """exp(x - y), the weights of a softmax.  Where y is infinite, equal weights for the elements that equal it."""
    full = spread(y, x, {"axis": axis, "keepdims": keepdims})
    plain = strip(full)
    if is_complex(x) or (is_host(plain) and not np.isinf(plain).any()):
        return np.exp(x - full)
    infinite = np.isinf(full)
    ties = np.equal(x, full)
    weights = ties / np.maximum(np.sum(ties, axis=axis, keepdims=True), 1).astype(strip(full).dtype)
    regular = np.exp(np.where(infinite, 0.0, x) - np.where(infinite, 0.0, full))
    return np.where(infinite, weights, regular)


def _shifted(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
    """Hidden axis first; the arguments have equal visible shapes."""
    axis = tuple(a + 1 for a in kw["axis"])
    full = [x if f else ops.broadcast_to(x, (size, *shape_of(x))) for x, f in zip(xs, flags, strict=True)]
    return prim.bind(*full, **{**kw, "axis": axis})


def _reduced(t: Any, kw: Any) -> Any:
    return sum_.bind(t, axis=kw["axis"], keepdims=kw["keepdims"])


def _axis(x: Any, axis: tuple[int, ...]) -> Any:
    """SciPy reads the axes () of a number as one axis; None is right for all axes."""
    return None if len(axis) == np.ndim(x) else axis


logsumexp_ = contraction(
    "logsumexp",
    lambda x, axis, keepdims: of(x).special().logsumexp(x, axis=_axis(x, axis), keepdims=keepdims),
    _share,
    lambda s, t, kw: _reduced(s * t, kw),
    spread,
    batch=_shifted,
)


def _weighted_native(x: Any, b: Any, axis: tuple[int, ...], keepdims: bool, signed: bool) -> Any:
    y = of(x).special().logsumexp(x, axis=_axis(x, axis), b=b, keepdims=keepdims, return_sign=signed)
    return y[0] if signed else y


def _weighted_tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
    x, b = xs
    dx, db = ts
    t = _reduced(_share(y, x, kw["axis"], kw["keepdims"]) * (b * dx + db), kw)
    return t * _sum_sign.bind(x, b, axis=kw["axis"], keepdims=kw["keepdims"]) if kw["signed"] else t


_weighted = register(opaque("logsumexp_weighted", _weighted_native, _weighted_tangent, batch=_shifted))
_sum_sign = constant(
    "logsumexp_sign",
    lambda x, b, axis, keepdims: of(x).special().logsumexp(x, axis=_axis(x, axis), b=b, keepdims=keepdims, return_sign=True)[1],
    batch=_shifted,
)


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """Where every element is -inf the gradient is the softmax limit 1/n, with zero second derivative."""
    a = as_array(a)
    keepdims = bool(keepdims)
    if b is None and not return_sign:
        return logsumexp_.bind(a, axis=normal_axes(axis, a.ndim), keepdims=keepdims)
    b = filled((), 1, strip(a).dtype, strip(a)) if b is None else like(as_array(b), strip(a))
    if is_complex(a) or is_complex(b):
        raise UnsupportedFunctionError.no_rule("scipy.special.logsumexp of complex values with b or return_sign")
    a, b = np.broadcast_arrays(a, b)
    axes = normal_axes(axis, a.ndim)
    y = _weighted.bind(a, b, axis=axes, keepdims=keepdims, signed=return_sign)
    return (y, _sum_sign.bind(a, b, axis=axes, keepdims=keepdims)) if return_sign else y


def _softmax_body(x: Any, axis: tuple[int, ...]) -> Any:
    return np.exp(x - logsumexp_.bind(x, axis=axis, keepdims=True))


def _log_softmax_body(x: Any, axis: tuple[int, ...]) -> Any:
    return x - logsumexp_.bind(x, axis=axis, keepdims=True)


softmax_ = composite("softmax", lambda x, axis: of(x).special().softmax(x, axis=axis), _softmax_body)
log_softmax_ = composite("log_softmax", lambda x, axis: of(x).special().log_softmax(x, axis=axis), _log_softmax_body)


def softmax(x: Any, axis: Any = None) -> Any:
    x = as_array(x)
    return softmax_.bind(x, axis=normal_axes(axis, x.ndim))


def log_softmax(x: Any, axis: Any = None) -> Any:
    x = as_array(x)
    return log_softmax_.bind(x, axis=normal_axes(axis, x.ndim))


for _name, _f, _kind in (
    ("polygamma", polygamma, "elementwise"), ("zeta", zeta, "elementwise"), ("softplus", softplus, "elementwise"),
    ("multigammaln", lambda a, d: multigammaln_.bind(as_array(a), d=d), "composite"),
    ("logsumexp", logsumexp, "elementwise"),
    ("softmax", softmax, "composite"), ("log_softmax", log_softmax, "composite"),
):  # fmt: skip
    if hasattr(special, _name):
        expose(_f, f"scipy.special.{_name}", getattr(special, _name), _kind)
