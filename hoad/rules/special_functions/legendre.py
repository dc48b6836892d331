"""Legendre functions and spherical harmonics, by neighbouring orders.

SciPy's newer functions stack results on a leading axis; their primitives are single entries.  Source: NIST Digital Library of
Mathematical Functions, 14.10, 14.30, 18.9.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.core.box import peek
from hoad.core.kinds import elementwise
from hoad.core.kinds.cotangents import is_complex
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.arguments import as_array
from hoad.rules.special_functions.declarations import declare, refusing
from hoad.rules.special_functions.orthogonal_polynomials import gegenbauer


def _precision(x: Any) -> Any:
    return getattr(peek(x), "dtype", np.dtype(float)).type(0).real.dtype


def _root(x: Any) -> Any:
    """sqrt(1 - x^2)."""
    return np.sqrt((1 - x) * (1 + x))


def _lpmv_slope(y: Any, m: Any, v: Any, x: Any) -> Any:
    """On the cut; SciPy knows no order below minus the degree, whose factor is 0."""
    m, v = np.asarray(m, float), np.asarray(v, float)
    factor = ((v + m) * (v - m + 1)).astype(_precision(x))[()]
    lower = np.where(factor == 0, m, m - 1)[()].astype(_precision(x))
    return (
        factor * lpmv.bind(lower, v.astype(_precision(x)), x) - lpmv.bind((m + 1).astype(_precision(x)), v.astype(_precision(x)), x)
    ) / (2 * _root(x))


lpmv: Any = declare("lpmv", None, None, _lpmv_slope)


def _factors(n: Any, m: Any, like: Any) -> tuple[Any, Any]:
    """sqrt((n - m)(n + m + 1)) and sqrt((n + m)(n - m + 1)), 0 where the order exceeds the degree."""
    n, m = np.asarray(n, float), np.asarray(m, float)
    up = np.sqrt(np.maximum((n - m) * (n + m + 1), 0.0))
    down = np.sqrt(np.maximum((n + m) * (n - m + 1), 0.0))
    return up.astype(_precision(like))[()], down.astype(_precision(like))[()]


def _refused(name: str) -> list[Any]:
    return [refusing(name, "its degree n"), refusing(name, "its order m")]


# -- with diff_n: entry d of the leading axis is the d-th derivative ---------------------------------------------------------


def _legendre_slope(y: Any, n: Any, z: Any, d: int) -> Any:
    """The derivative of order d + 1 is (2 d + 1)!! times a Gegenbauer polynomial of degree n - d - 1."""
    n = np.asarray(n)
    factor = np.where(n > d, float(math.prod(range(1, 2 * d + 2, 2))), 0.0).astype(_precision(z))[()]
    return factor * gegenbauer.bind(np.maximum(n - d - 1, 0)[()], d + 1.5, z)


legendre: Any = elementwise(
    "legendre_p",
    lambda n, z, d: special.legendre_p(n, z, diff_n=d)[d][()],
    refusing("legendre_p", "its degree n"),
    _legendre_slope,
)


def _spherical_slope(y: Any, n: Any, m: Any, theta: Any, d: int) -> Any:
    up, down = _factors(n, m, theta)
    return (up * spherical.bind(n, np.add(m, 1), theta, d=d) - down * spherical.bind(n, np.subtract(m, 1), theta, d=d)) / 2


spherical: Any = elementwise(
    "sph_legendre_p",
    lambda n, m, theta, d: special.sph_legendre_p(n, m, theta, diff_n=d)[d][()],
    *_refused("sph_legendre_p"),
    _spherical_slope,
)


def _associated_slope(y: Any, n: Any, m: Any, z: Any, norm: bool) -> Any:
    if is_complex(z):
        raise UnsupportedFunctionError.no_rule("scipy.special.assoc_legendre_p of complex values")
    up, down = _factors(n, m, z)
    if not norm:
        up, down = (up > 0).astype(_precision(z)), down * down
    above, below = (associated.bind(n, np.add(m, k), z, norm=norm) for k in (1, -1))
    return (down * below - up * above) / (2 * _root(z))


associated: Any = elementwise(
    "assoc_legendre_p",
    lambda n, m, z, norm: special.assoc_legendre_p(n, m, z, norm=norm)[0][()],
    *_refused("assoc_legendre_p"),
    _associated_slope,
)


def _in_theta(y: Any, n: Any, m: Any, theta: Any, phi: Any) -> Any:
    up, down = _factors(n, m, theta)
    turn = np.exp(-1j * phi)
    above, below = (harmonic.bind(n, np.add(m, k), theta, phi) for k in (1, -1))
    return (up * turn * above - down * np.conjugate(turn) * below) / 2


harmonic: Any = elementwise(
    "sph_harm_y",
    lambda n, m, theta, phi: np.asarray(special.sph_harm_y(n, m, theta, phi))[()],
    *_refused("sph_harm_y"),
    _in_theta,
    lambda y, n, m, theta, phi: 1j * np.asarray(m, float).astype(_precision(phi))[()] * y,
)


# -- the public functions ----------------------------------------------------------------------------------------------------


def _derivatives(prim: Any, diff_n: int, *args: Any) -> Any:
    return np.stack([prim.bind(*args, d=d) for d in range(diff_n + 1)])


def _plain_derivatives(name: str, diff_n: int) -> None:
    if diff_n:
        raise UnsupportedFunctionError.no_rule(
            f"scipy.special.{name} with diff_n > 0 on traced values: differentiate it, its own derivatives", ""
        )


def _orders(n: Any, m: Any, *xs: Any) -> tuple[Any, Any]:
    """All degrees and orders as arrays that broadcast against the arguments, in SciPy's places: negative orders last."""
    axes = (1,) * max(np.ndim(x) for x in xs)
    n, m = int(n), abs(int(m))
    return np.arange(n + 1).reshape(-1, 1, *axes), np.r_[0 : m + 1, -m:0].reshape(1, -1, *axes)


def legendre_p(n: Any, z: Any, *, diff_n: int = 0) -> Any:
    return _derivatives(legendre, diff_n, n, as_array(z))


def legendre_p_all(n: int, z: Any, *, diff_n: int = 0) -> Any:
    z = as_array(z)
    return _derivatives(legendre, diff_n, np.arange(int(n) + 1).reshape(-1, *(1,) * z.ndim), z)


def sph_legendre_p(n: Any, m: Any, theta: Any, *, diff_n: int = 0) -> Any:
    return _derivatives(spherical, diff_n, n, m, as_array(theta))


def sph_legendre_p_all(n: int, m: int, theta: Any, *, diff_n: int = 0) -> Any:
    theta = as_array(theta)
    return _derivatives(spherical, diff_n, *_orders(n, m, theta), theta)


def assoc_legendre_p(n: Any, m: Any, z: Any, *, branch_cut: Any = 2, norm: bool = False, diff_n: int = 0) -> Any:
    _plain_derivatives("assoc_legendre_p", diff_n)
    if np.any(np.asarray(branch_cut) != 2):
        raise UnsupportedFunctionError.no_rule("scipy.special.assoc_legendre_p with branch_cut 3")
    return associated.bind(n, m, as_array(z), norm=bool(norm))[None]


def assoc_legendre_p_all(n: int, m: int, z: Any, *, branch_cut: Any = 2, norm: bool = False, diff_n: int = 0) -> Any:
    z = as_array(z)
    return assoc_legendre_p(*_orders(n, m, z), z, branch_cut=branch_cut, norm=norm, diff_n=diff_n)


def sph_harm_y(n: Any, m: Any, theta: Any, phi: Any, *, diff_n: int = 0) -> Any:
    _plain_derivatives("sph_harm_y", diff_n)
    return harmonic.bind(n, m, as_array(theta), as_array(phi))


def sph_harm_y_all(n: int, m: int, theta: Any, phi: Any, *, diff_n: int = 0) -> Any:
    _plain_derivatives("sph_harm_y_all", diff_n)
    theta, phi = as_array(theta), as_array(phi)
    return harmonic.bind(*_orders(n, m, theta, phi), theta, phi)


for _f in (
    legendre_p, legendre_p_all, sph_legendre_p, sph_legendre_p_all, assoc_legendre_p, assoc_legendre_p_all, sph_harm_y,
    sph_harm_y_all,
):  # fmt: skip
    expose(_f, f"scipy.special.{_f.__name__}", getattr(special, _f.__name__), "elementwise")
