"""Orthogonal polynomials: in the argument by a lower degree and shifted parameters, in the parameters by recurrence.

Source: NIST Digital Library of Mathematical Functions, 18.5, 18.7, 18.9.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from hoad.core.box import peek, strip
from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.special_functions.declarations import declare


def _below(prim: Any, n: Any, *args: Any) -> Any:
    """Of degree n - 1; of degree -1 it is 0, where SciPy may say NaN."""
    plain = strip(n)
    constant = np.equal(plain, 0)
    if not np.any(constant):
        return prim.bind(n - 1, *args)
    lower = np.where(constant, 1, n)
    if np.ndim(lower) == 0:
        lower = type(plain)(lower)
    precision = getattr(peek(args[-1]), "dtype", np.dtype(float)).type(0).real.dtype
    return np.where(constant, 0.0, 1.0).astype(precision)[()] * prim.bind(lower - 1, *args)


def _degrees(name: str, n: Any) -> Any:
    n = np.asarray(strip(n))
    if np.any(n != np.rint(n)) or np.any(n < 0):
        raise UnsupportedFunctionError.no_rule(
            f"scipy.special.{name} with respect to its parameters for degrees that are not whole"
        )
    return n.astype(int)


def _in_parameter(name: str, n: Any, steps: Any, first: Any, slope: Any) -> Any:
    """The derivative in a parameter of p_n with p_(k+1) = a p_k - c p_(k-1), from steps(k) = (a, a', c, c') and p_1, p_1'."""
    n = _degrees(name, n)
    before, p = 1.0, first
    before_slope, p_slope = 0.0, slope
    result = np.where(n == 0, 0.0, p_slope)
    for k in range(1, int(np.max(n, initial=1))):
        a, da, c, dc = steps(k)
        before, p, before_slope, p_slope = (
            p, a * p - c * before, p_slope, a * p_slope + da * p - c * before_slope - dc * before,
        )  # fmt: skip
        result = np.where(n == k + 1, p_slope, result)
    return result


def _jacobi_in_a(name: str, n: Any, a: Any, b: Any, x: Any) -> Any:
    s = a + b

    def steps(k: int) -> Any:
        t, e, u = 2 * k + s, 2 * (k + 1), k + s + 1
        one = (t + 1) * (t + 2) / (e * u)
        one_slope = one * (1 / (t + 1) + 1 / (t + 2) - 1 / u)
        two = (t + 1) / (e * u * t)
        difference = (a - b) * s
        two_slope = two * (difference * (1 / (t + 1) - 1 / u - 1 / t) + 2 * a)
        three = 2 * (k + b) * (t + 2) / (e * u * t)
        return (
            one * x + two * difference,
            one_slope * x + two_slope,
            three * (k + a),
            three * (1 + (k + a) * (1 / (t + 2) - 1 / u - 1 / t)),
        )

    return _in_parameter(name, n, steps, (a + 1) + (s + 2) * (x - 1) / 2, 1 + (x - 1) / 2)


def _gegenbauer_in_a(n: Any, a: Any, x: Any) -> Any:
    def steps(k: int) -> Any:
        return 2 * (k + a) * x / (k + 1), 2 * x / (k + 1), (k + 2 * a - 1) / (k + 1), 2 / (k + 1)

    return _in_parameter("eval_gegenbauer", n, steps, 2 * a * x, 2 * x)


def _laguerre_in_a(n: Any, a: Any, x: Any) -> Any:
    def steps(k: int) -> Any:
        return (2 * k + 1 + a - x) / (k + 1), 1 / (k + 1), (k + a) / (k + 1), 1 / (k + 1)

    return _in_parameter("eval_genlaguerre", n, steps, 1 + a - x, 1 + 0 * x)


def _mirrored(n: Any, a: Any, b: Any, x: Any) -> Any:
    """In the second parameter: P_n with a and b exchanged at -x."""
    sign = 1.0 - 2.0 * np.remainder(_degrees("eval_jacobi", n), 2)
    return sign * _jacobi_in_a("eval_jacobi", n, b, a, -x)


jacobi: Any = declare(
    "eval_jacobi",
    None,
    lambda y, n, a, b, x: _jacobi_in_a("eval_jacobi", n, a, b, x),
    lambda y, n, a, b, x: _mirrored(n, a, b, x),
    lambda y, n, a, b, x: (n + a + b + 1) / 2 * _below(jacobi, n, a + 1, b + 1, x),
)
gegenbauer: Any = declare(
    "eval_gegenbauer",
    None,
    lambda y, n, a, x: _gegenbauer_in_a(n, a, x),
    lambda y, n, a, x: 2 * a * _below(gegenbauer, n, a + 1, x),
)
genlaguerre: Any = declare(
    "eval_genlaguerre",
    None,
    lambda y, n, a, x: _laguerre_in_a(n, a, x),
    lambda y, n, a, x: -_below(genlaguerre, n, a + 1, x),
)
sh_jacobi: Any = declare("eval_sh_jacobi", None, None, None, lambda y, n, p, q, x: n * _below(sh_jacobi, n, p + 2, q + 1, x))

declare("eval_legendre", None, lambda y, n, x: _below(gegenbauer, n, 1.5, x))
declare("eval_sh_legendre", None, lambda y, n, x: 2 * _below(gegenbauer, n, 1.5, 2 * x - 1))
chebyu: Any = declare("eval_chebyu", None, lambda y, n, x: 2 * _below(gegenbauer, n, 2.0, x))
declare("eval_chebyt", None, lambda y, n, x: n * _below(chebyu, n, x))
chebys: Any = declare("eval_chebys", None, lambda y, n, x: _below(gegenbauer, n, 2.0, x / 2))
declare("eval_chebyc", None, lambda y, n, x: n * _below(chebys, n, x))
sh_chebyu: Any = declare("eval_sh_chebyu", None, lambda y, n, x: 4 * _below(gegenbauer, n, 2.0, 2 * x - 1))
declare("eval_sh_chebyt", None, lambda y, n, x: 2 * n * _below(sh_chebyu, n, x))
declare("eval_laguerre", None, lambda y, n, x: -_below(genlaguerre, n, 1.0, x))
hermite: Any = declare("eval_hermite", None, lambda y, n, x: 2 * n * _below(hermite, n, x))
hermitenorm: Any = declare("eval_hermitenorm", None, lambda y, n, x: n * _below(hermitenorm, n, x))

expose(lambda x, n, k=0.0: genlaguerre.bind(n, k, x), "scipy.special.assoc_laguerre", special.assoc_laguerre, "elementwise")
