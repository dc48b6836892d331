"""Parts of numbers: nan_to_num, heaviside, ldexp, modf, frexp, angle, rounding and tests of each element."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.backends import filled
from hoad.core.box import Box, ops, peek, shape_of, strip
from hoad.core.in_place import assign
from hoad.core.kinds import composite, constant, elementwise
from hoad.core.kinds.batching import align_ranks, by_loop
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError


def _ones(y: Any, *xs: Any, **kw: Any) -> Any:
    return filled(shape_of(y), 1, peek(y).dtype, peek(y))


def _nan_to_num_slope(y: Any, x: Any, **kw: Any) -> Any:
    return np.isfinite(x).astype(peek(y).real.dtype)


nan_to_num_ = elementwise(
    "nan_to_num", lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf), _nan_to_num_slope
)


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """The slope is 1 where x is finite and 0 where it was replaced."""
    y = nan_to_num_.bind(x, nan=nan, posinf=posinf, neginf=neginf)
    if not copy:
        assign(x, y)
        return x
    return y


heaviside = elementwise("heaviside", np.heaviside, None, lambda y, x, h: np.equal(x, 0).astype(peek(y).dtype))
ldexp_: Any = elementwise("ldexp", np.ldexp, lambda y, x, i: ldexp_.bind(_ones(y), i), None)
modf_fraction = elementwise("modf_fraction", lambda x: np.modf(x)[0], _ones)
_exponent = constant("frexp_exponent", lambda x: np.frexp(x)[1])


def ldexp(x: Any, i: Any) -> Any:
    if isinstance(i, Box) and not isinstance(x, Box):
        raise UnsupportedFunctionError.no_rule("np.ldexp with respect to its exponent")
    return ldexp_.bind(x, i)


def modf(x: Any) -> Any:
    return modf_fraction.bind(x), np.trunc(x)


def frexp(x: Any) -> Any:
    exponent = _exponent.bind(x)
    return ldexp_.bind(x, -exponent), exponent


def real_if_close(a: Any, tol: float = 100) -> Any:
    if a.dtype.kind != "c":
        return a
    return np.real(a) if np.isrealobj(np.real_if_close(strip(a), tol)) else a


def _angle_body(z: Any, deg: bool) -> Any:
    turn = np.arctan2(ops.imag(z), ops.real(z))
    return turn * (180 / np.pi) if deg else turn


angle_ = composite("angle", lambda z, deg: np.angle(z, deg), _angle_body)
angle_real = constant("angle_real", lambda z, deg: np.angle(z, deg))


def angle(z: Any, deg: bool = False) -> Any:
    return (angle_ if peek(z).dtype.kind == "c" else angle_real).bind(z, deg=bool(deg))


def _parts_constant(name: str) -> Any:
    native = getattr(np, name)
    return constant(name, lambda x, **kw: native(x, **kw), batch=align_ranks)


_round = _parts_constant("round")


def round_(a: Any, decimals: int = 0, out: Any = None) -> Any:
    return _round.bind(a, decimals=int(decimals))


for _name in ("fix", "iscomplex", "isreal", "isneginf", "isposinf"):
    expose(_parts_constant(_name), f"numpy.{_name}", getattr(np, _name), "constant")
expose(round_, "numpy.round", np.round, "constant")
expose(round_, "numpy.around", np.around, "constant")

_digitize = constant(
    "digitize",
    lambda x, bins, right: np.digitize(x, bins, right),
    batch=lambda prim, size, xs, flags, kw: by_loop(prim, size, xs, flags, kw) if flags[1] else prim.bind(*xs, **kw),
)
expose(lambda x, bins, right=False: _digitize.bind(x, bins, right=bool(right)), "numpy.digitize", np.digitize, "constant")


for _name, _f, _kind in (
    ("nan_to_num", nan_to_num, "elementwise"),
    ("heaviside", heaviside, "elementwise"),
    ("ldexp", ldexp, "elementwise"),
    ("modf", modf, "elementwise"),
    ("frexp", frexp, "elementwise"),
    ("real_if_close", real_if_close, "linear"),
    ("angle", angle, "composite"),
):
    expose(_f, f"numpy.{_name}", getattr(np, _name), _kind)
