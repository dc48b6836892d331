"""Airy functions, scaled ones, and their integrals: y'' = x y.

Source: NIST Digital Library of Mathematical Functions, 9.2, 9.10.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.rules.special_functions.circles import derivative
from hoad.rules.special_functions.declarations import declare_several, real_only

ai: Any
ai_slope: Any
bi: Any
bi_slope: Any
ai, ai_slope, bi, bi_slope = declare_several(
    "airy",
    (lambda y, x: ai_slope.bind(x),),
    (lambda y, x: x * ai.bind(x),),
    (lambda y, x: bi_slope.bind(x),),
    (lambda y, x: x * bi.bind(x),),
)


def _macdonald(v: float, z: Any) -> Any:
    """exp(z) K of order v for Re z > 0, by a trapezoidal sum: SciPy's is 200 units in the last place off about z = 2."""
    top = np.arccosh(1 + 42.0 / z.real)
    step = top / 80
    total = 0.5 * np.ones_like(z)
    for k in range(1, 81):
        t = k * step
        total = total + np.cosh(v * t) * np.exp(-2 * z * np.sinh(t / 2) ** 2)
    return total * step


def _by_bessel(z: Any, output: int) -> Any:
    """The outputs of airye by Bessel functions of order 1/3 and 2/3, analytic about the positive axis."""
    zeta = 2 / 3 * z * np.sqrt(z)
    if output < 2:
        third = _macdonald((output + 1) / 3, zeta) / np.pi
        return np.sqrt(z / 3) * third if output == 0 else -z / math.sqrt(3) * third
    order = (output - 1) / 3
    # I of negative order is I + 2 / pi sin K; SciPy scales I by the modulus of the exponential only.
    recessive = 2 / np.pi * math.sin(np.pi * order) * _macdonald(order, zeta) * np.exp(-2 * zeta)
    both = 2 * special.ive(order, zeta) * np.exp(-1j * zeta.imag) + recessive
    return (np.sqrt(z / 3) if output == 2 else z / math.sqrt(3)) * both


def _scaled_native(x: Any, output: int, n: int) -> Any:
    """n-th derivative of an output of airye for x > 0."""
    dtype = special.airye(x)[output].dtype
    plain = np.atleast_1d(np.asarray(x, complex if dtype.kind == "c" else float))

    def f(z: Any) -> Any:
        return _by_bessel(z, output)

    radius = np.abs(plain) / 2
    if dtype.kind == "c":  # off the cut
        radius = np.where(plain.real < 0, np.minimum(radius, np.abs(plain.imag) / 2), radius)
        y = derivative(f, plain, radius, n)
    else:
        y = np.full(plain.shape, np.nan)
        y[plain > 0] = derivative(f, plain[plain > 0], radius[plain > 0], n)
    return y.reshape(np.shape(x)).astype(dtype)[()]


scaled_airy: Any = elementwise(
    "airye_derivative", _scaled_native, lambda y, x, output, n: scaled_airy.bind(x, output=output, n=n + 1)
)


def _scaled_slope(output: int) -> Any:
    """Beyond 1/4 a mean over a circle; below, where nothing cancels, by the definition; Bi of negative x is not scaled at all."""
    sign = 1 if output < 2 else -1

    def slope(y: Any, x: Any) -> Any:
        large = np.greater(x, 0.25)
        inside = np.where(large, 0.25, x)
        negative = np.less(inside, 0)
        root = np.sqrt(inside) if output < 2 else np.where(negative, 0.0, np.sqrt(np.where(negative, 1.0, inside)))
        plain = scaled[output + 1].bind(inside) if output % 2 == 0 else inside * scaled[output - 1].bind(inside)
        # The factor exp(sign 2/3 x^(3/2)) has the slope sign sqrt(x).
        near = plain + sign * root * scaled[output].bind(inside)
        return np.where(large, scaled_airy.bind(np.where(large, x, 2.0), output=output, n=1), near)

    return slope


def _holomorphic_scaled(output: int) -> Any:
    def slope(y: Any, x: Any) -> Any:
        if np.iscomplexobj(x) or getattr(x, "dtype", np.dtype(float)).kind == "c":
            return scaled_airy.bind(x, output=output, n=1)
        return _scaled_slope(output)(y, x)

    return slope


scaled = declare_several(
    "airye",
    (_holomorphic_scaled(0),),
    (_holomorphic_scaled(1),),
    (real_only("airye (Bi)", _scaled_slope(2)),),
    (real_only("airye (Bi')", _scaled_slope(3)),),
)

declare_several(
    "itairy",
    (lambda y, x: ai.bind(x),),
    (lambda y, x: bi.bind(x),),
    (lambda y, x: ai.bind(-x),),
    (lambda y, x: bi.bind(-x),),
)
