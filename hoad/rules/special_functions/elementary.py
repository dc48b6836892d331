"""scipy.special: exponentials and logarithms, logistic maps, angles in degrees, and sums of exponentials; also np.sinc."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import filled, is_host, like, maybe_any, of
from hoad.core.box import Box, bare, ops, peek, shape_of
from hoad.core.kinds import composite, constant, contraction, elementwise, opaque
from hoad.core.kinds.batching import align_ranks
from hoad.core.kinds.cotangents import is_complex
from hoad.core.primitive import expose, register
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.reductions import normal_axes, spread, sum_
from hoad.rules.special_functions.declarations import declare
from hoad.rules.special_functions.ladders import exprel_derivative, sinc_derivative

DEGREE = math.pi / 180
LN2, LN10 = math.log(2.0), math.log(10.0)

# -- elementwise functions -------------------------------------------------------------------------------------------


SLOPES: dict[str, tuple[Any, ...]] = {
    "expit": (lambda y, x: y * special.expit(-x),),
    "log_expit": (lambda y, x: special.expit(-x),),
    "logit": (lambda y, x: 1 / (x * (1 - x)),),
    "exprel": (lambda y, x: exprel_derivative.bind(x, n=1),),
    "cosm1": (lambda y, x: -np.sin(x),),
    "exp10": (lambda y, x: LN10 * y,),
    "sindg": (lambda y, x: DEGREE * special.cosdg(x),),
    "cosdg": (lambda y, x: -DEGREE * special.sindg(x),),
    "tandg": (lambda y, x: DEGREE * (1 + y * y),),
    "cotdg": (lambda y, x: -DEGREE * (1 + y * y),),
    "radian": (
        lambda y, d, m, s: DEGREE + 0 * y, lambda y, d, m, s: DEGREE / 60 + 0 * y, lambda y, d, m, s: DEGREE / 3600 + 0 * y,
    ),
}  # fmt: skip


for _name, _slopes in SLOPES.items():
    declare(_name, *_slopes)

for _name, _slope in {
    "expm1": lambda y, x: np.exp(x), "log1p": lambda y, x: 1 / (1 + x),
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


def _agm_body(a: Any, b: Any) -> Any:
    """Gauss's iteration, often enough for ratios up to 1e300; of two negative numbers it is that of their negatives."""
    sign = np.sign(a)
    a, b = sign * a, sign * b
    for _ in range(13):
        a, b = 0.5 * (a + b), np.sqrt(a) * np.sqrt(b)
    return sign * (0.5 * (a + b))


agm_ = composite("agm", special.agm, _agm_body, batch=align_ranks)
expose(agm_, "scipy.special.agm", special.agm, "composite")
expose(constant("scipy.round", special.round), "scipy.special.round", special.round, "constant")

# -- functions of SciPy that are not ufuncs: reached through hoad.scipy.special --------------------------------------


softplus_ = elementwise("softplus", getattr(special, "softplus", lambda x: np.logaddexp(0, x)), lambda y, x: special.expit(x))


def softplus(x: Any, **kwargs: Any) -> Any:
    return softplus_.bind(as_array(x))


def _diric_body(x: Any, n: int) -> Any:
    """The kernel as the sum of cosines that it is: no quotient at multiples of 2 pi."""
    orders = np.arange(n) - (n - 1) / 2
    return np.sum(np.cos(np.expand_dims(x, -1) * orders), axis=-1) / n


diric_ = composite("diric", special.diric, _diric_body)


def diric(x: Any, n: Any) -> Any:
    if isinstance(n, Box) or np.ndim(n) or n != int(n) or n < 1:
        raise UnsupportedFunctionError.no_rule("scipy.special.diric", " for an n that is not one positive whole number")
    return diric_.bind(as_array(x), n=int(n))


# -- sums of exponentials --------------------------------------------------------------------------------------------


def _share(y: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """exp(x - y), the weights of a softmax.  Where y is infinite, equal weights for the elements that equal it."""
    full = spread(y, x, {"axis": axis, "keepdims": keepdims})
    plain = peek(full)
    if is_complex(x) or (is_host(plain) and not maybe_any(np.isinf(bare(full)))):
        return np.exp(x - full)
    infinite = np.isinf(full)
    ties = np.equal(x, full)
    weights = ties / np.maximum(np.sum(ties, axis=axis, keepdims=True), 1).astype(peek(full).dtype)
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
    b = filled((), 1, peek(a).dtype, peek(a)) if b is None else like(as_array(b), peek(a))
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
    ("softplus", softplus, "elementwise"), ("diric", diric, "composite"),
    ("logsumexp", logsumexp, "elementwise"),
    ("softmax", softmax, "composite"), ("log_softmax", log_softmax, "composite"),
):  # fmt: skip
    if hasattr(special, _name):
        expose(_f, f"scipy.special.{_name}", getattr(special, _name), _kind)
