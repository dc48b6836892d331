"""Carlson's symmetric elliptic integrals and all their derivatives.

Every derivative of one is an integral over t from 0 to infinity of t^s times half-integer powers of t + x, t + y, t + z and a whole
power of t + p, with one power lower: positive, and without cancellation.  Those that are R_F or R_D again are SciPy's; any other
is a trapezoidal sum in log(t).  Source: NIST Digital Library of Mathematical Functions, 19.16, 19.18.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.core.primitive import expose

STEP = 0.36
"""The integrand is analytic in |Im log(t)| < pi, so that the sum is exact to exp(-2 pi^2 / STEP) times what high powers add; for
complex arguments the strip is narrower, and the step with it."""
NEGLIGIBLE = 40.0


def _native(*zs: Any, powers: tuple[float, ...], s: int) -> Any:
    """Integral of t^s product of (t + z_i)^(-powers_i); NaN where an argument is negative."""
    dtype = np.result_type(*(getattr(z, "dtype", np.float16) for z in zs), np.float32)
    if all(isinstance(z, int | float) for z in zs):
        dtype = np.dtype(float)
    plain: Any = np.broadcast_arrays(*(np.asarray(z, complex if dtype.kind == "c" else float) for z in zs))
    shape = plain[0].shape
    plain = [np.atleast_1d(z) for z in plain]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        y = _by_known_integrals(plain, powers, s)
        if y is None:
            y = _by_quadrature(plain, powers, s)
        if dtype.kind != "c":
            y = np.where(np.any([z < 0 for z in plain], axis=0), np.nan, y)
    return y.reshape(shape).astype(dtype)[()]


def _by_known_integrals(zs: Any, powers: tuple[float, ...], s: int) -> Any:
    """Through SciPy's R_D and R_F, or None."""
    by_power = sorted(range(len(zs)), key=lambda i: powers[i])
    kind = [powers[i] for i in by_power]
    ordered = [zs[i] for i in by_power]
    if kind == [0.5, 0.5, 1.5]:
        first, last = ordered[:2], ordered[2]
    elif kind == [0.5, 2.0] and s == 0:
        first, last = ordered, ordered[1]
    elif kind == [1.0, 1.5] and s == 0:
        first, last = [ordered[0]] * 2, ordered[1]
    else:
        return None
    third = special.elliprd(*first, last) * (2 / 3)
    if s == 0:
        return third
    if s != 1 or last.dtype.kind == "c":
        return None
    whole = 2 * special.elliprf(*first, last)
    y = whole - last * third
    cancelling = ~(np.isfinite(y) & (y > 0.2 * whole))
    if cancelling.any():
        y[cancelling] = _by_quadrature([z[cancelling] for z in zs], powers, s)
    return y


def _by_quadrature(plain: Any, powers: tuple[float, ...], s: int) -> Any:
    sizes = np.sort(np.abs(plain), axis=0)
    # Left of the smallest argument that is not 0 the integrand falls like t^(s + 1 - powers of zeros), at least as sqrt(t);
    # right of the largest as t^(s + 1 - all powers).
    zeros = sum(np.where(z == 0, b, 0.0) for z, b in zip(plain, powers, strict=True))
    rate_left, rate_right = s + 1 - zeros, sum(powers) - s - 1
    smallest = np.min(np.where(sizes > 0, sizes, np.inf), axis=0)
    low = np.log(smallest) - NEGLIGIBLE / rate_left
    high = np.log(sizes[-1]) + NEGLIGIBLE / rate_right
    good = np.isfinite(low) & np.isfinite(high) & (rate_left > 0)
    low, high = np.where(good, low, 0.0), np.where(good, high, 0.0)
    turn = max((np.max(np.abs(np.angle(z[good])), initial=0.0) for z in plain if z.dtype.kind == "c"), default=0.0)
    count = int(np.ceil(np.max(high - low, initial=0.0) / (STEP * max(1 - turn / np.pi, 0.1)))) + 1
    step = (high - low) / count
    scale = np.log(np.where(good, sizes[-1], 1.0))  # sums in units of the largest argument neither overflow nor underflow
    scaled = [z / np.exp(scale) for z in plain]
    total: Any = 0.0
    for k in range(count + 1):
        t = np.exp(low - scale + k * step)
        term = t ** (s + 1)
        for z, b in zip(scaled, powers, strict=True):
            term = term * (t + z) ** -b
        total = total + term
    return np.where(good, total * step * np.exp((s + 1 - sum(powers)) * scale), np.where(rate_left > 0, np.nan, np.inf))


def _slopes(count: int) -> list[Any]:
    def slope(i: int) -> Any:
        def of(y: Any, *zs: Any, powers: tuple[float, ...], s: int) -> Any:
            higher = tuple(b + (j == i) for j, b in enumerate(powers))
            return -powers[i] * integrals[count].bind(*zs, powers=higher, s=s)

        return of

    return [slope(i) for i in range(count)]


integrals: dict[int, Any] = {k: elementwise(f"carlson_integral_{k}", _native, *_slopes(k)) for k in (2, 3, 4)}


def integral(*zs: Any, powers: tuple[float, ...], s: int = 0) -> Any:
    """Integral over t from 0 to infinity of t^s times the product of (t + z_i)^(-powers_i), differentiable."""
    return integrals[len(zs)].bind(*zs, powers=powers, s=s)


def _declare(name: str, factor: float, powers: tuple[float, ...]) -> None:
    """factor times the integral of the product of these powers."""

    def slope(i: int) -> Any:
        higher = tuple(b + (j == i) for j, b in enumerate(powers))
        return lambda y, *zs: -factor * powers[i] * integral(*zs, powers=higher)

    native = getattr(special, name)
    expose(elementwise(name, native, *[slope(i) for i in range(len(powers))]), f"scipy.special.{name}", native, "elementwise")


_declare("elliprf", 0.5, (0.5, 0.5, 0.5))
_declare("elliprc", 0.5, (0.5, 1.0))
_declare("elliprd", 1.5, (0.5, 0.5, 1.5))
_declare("elliprj", 1.5, (0.5, 0.5, 0.5, 1.0))


def _second_kind(i: int) -> Any:
    """The slope of R_G in argument i is 1/8 of the integral of t with one power lower."""
    powers = tuple(1.5 if j == i else 0.5 for j in range(3))
    return lambda y, *zs: 0.125 * integral(*zs, powers=powers, s=1)


expose(
    elementwise("elliprg", special.elliprg, *map(_second_kind, range(3))),
    "scipy.special.elliprg",
    special.elliprg,
    "elementwise",
)
