"""Exponentially scaled modified Bessel functions, and those of Hankel.

Between exp(-x) I, its derivative and x nearly everything cancels for large x, so that the derivatives are means over a circle.
Source: NIST Digital Library of Mathematical Functions, 10.29; exp(-|x|) I has a kink at 0, where odd derivatives are 0, the mean
of both sides.
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.rules.special_functions.circles import derivative
from hoad.rules.special_functions.declarations import declare, real_only


def _flat(v: Any, x: Any) -> tuple[Any, Any, Any, tuple[int, ...]]:
    v, x = np.broadcast_arrays(np.asarray(v, float), np.asarray(x))
    return v.ravel(), x.ravel(), np.empty(x.size, complex if np.iscomplexobj(x) else float), x.shape


def _radius(v: Any, x: Any) -> Any:
    return np.abs(x) / np.maximum(2.0, np.abs(v))


def _growing_native(v: Any, x: Any, n: int) -> Any:
    """n-th derivative of exp(-|x|) I."""
    dtype = special.ive(v, x).dtype
    v, x, y, shape = _flat(v, x)
    w = np.abs(x)
    near = ~(w > 2)

    def far(v: Any, x: Any) -> Any:
        return derivative(lambda z: special.ive(v, z) * np.exp(-1j * z.imag), x, _radius(v, x), n)

    def close(v: Any, x: Any) -> Any:
        total = np.zeros_like(x)
        for k in range(n + 1):  # I^(k) by neighbours, exp(-x)^(n-k)
            for j in range(k + 1):
                total = total + comb(n, k) * (-1) ** (n - k) * comb(k, j) / 2**k * special.ive(v - k + 2 * j, x)
        return total

    y[near] = close(v[near], w[near])
    y[~near] = far(v[~near], w[~near])
    mirrored = np.where(np.remainder(v, 1) == 0, 1 - 2 * np.remainder(v + n, 2), np.nan)
    y = np.where(x < 0, mirrored * y, y)
    y[(x == 0) & (mirrored < 0)] = 0.0
    return y.reshape(shape).astype(dtype)[()]


def _decaying_native(v: Any, x: Any, n: int) -> Any:
    """n-th derivative of exp(x) K."""
    dtype = special.kve(v, x).dtype
    v, x, y, shape = _flat(v, x)
    inside = x > 0 if x.dtype.kind == "f" else np.ones(x.shape, bool)
    y[:] = np.nan
    v, x = v[inside], x[inside]
    y[inside] = derivative(lambda z: special.kve(v, z), x, _inside(v, x), n)
    return y.reshape(shape).astype(dtype)[()]


def _inside(v: Any, x: Any) -> Any:
    """A radius that keeps off the cut along the negative axis."""
    r = _radius(v, x)
    return np.where(x.real < 0, np.minimum(r, np.abs(x.imag) / 2), r) if np.iscomplexobj(x) else r


def _hankel_native(name: str) -> Any:
    native = getattr(special, name)

    def function(v: Any, x: Any, n: int) -> Any:
        dtype = native(v, x).dtype
        v, x, y, shape = _flat(v, x)
        z = x.astype(complex)
        y = derivative(lambda z: native(v, z), z, _inside(v, z), n)
        return np.where(x == 0, np.nan, y).reshape(shape).astype(dtype)[()]

    return function


ladders: dict[str, Any] = {}
for _name, _native in (
    ("ive", _growing_native), ("kve", _decaying_native),
    ("hankel1e", _hankel_native("hankel1e")), ("hankel2e", _hankel_native("hankel2e")),
):  # fmt: skip
    ladders[_name] = elementwise(f"{_name}_derivative", _native, None, lambda y, v, x, n, _f=_name: ladders[_f].bind(v, x, n=n + 1))

declare("ive", None, real_only("ive", lambda y, v, x: ladders["ive"].bind(v, x, n=1)))
declare("kve", None, lambda y, v, x: ladders["kve"].bind(v, x, n=1))
declare("hankel1e", None, lambda y, v, x: ladders["hankel1e"].bind(v, x, n=1))
declare("hankel2e", None, lambda y, v, x: ladders["hankel2e"].bind(v, x, n=1))
declare("i0e", lambda y, x: ladders["ive"].bind(0, x, n=1))
declare("i1e", lambda y, x: ladders["ive"].bind(1, x, n=1))
declare("k0e", lambda y, x: ladders["kve"].bind(0, x, n=1))
declare("k1e", lambda y, x: ladders["kve"].bind(1, x, n=1))
