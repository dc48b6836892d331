"""Legendre's elliptic integrals in both arguments, and Jacobi's elliptic functions.

Derivatives with respect to m are symmetric integrals, which do not cancel at m = 0.  Source: NIST Digital Library of Mathematical
Functions, 19.2, 19.25, 22.13, 22.16.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.rules.special_functions.carlson import integral, integrals
from hoad.rules.special_functions.declarations import declare, declare_several

# K(m) = 1/2 of the integral of powers 1/2 at 0, 1 - m and 1; E has the slope -1/4 of that with the power 3/2 at 1.


def _one(x: Any) -> Any:
    return np.ones((), getattr(x, "dtype", float))[()]


def _complete(m: Any) -> Any:
    return 0.25 * integral(0 * _one(m), 1 - m, _one(m), powers=(0.5, 1.5, 0.5))


declare("ellipk", lambda y, m: _complete(m))
declare("ellipkm1", lambda y, p: -0.25 * integral(0 * _one(p), p, _one(p), powers=(0.5, 1.5, 0.5)))
declare("ellipe", lambda y, m: -0.25 * integral(0 * _one(m), 1 - m, _one(m), powers=(0.5, 0.5, 1.5)))


def _rising(start: float, n: int) -> float:
    return math.prod(start + k for k in range(n))


def _incomplete_native(phi: Any, m: Any, n: int, kind: int) -> Any:
    """n-th derivative in m: of the integral of 1 / D (kind 1) or of D (kind 2) over 0..phi, D^2 = 1 - m sin^2."""
    dtype = np.result_type(special.ellipkinc(phi, m))
    phi, m = (np.asarray(a, float) for a in np.broadcast_arrays(phi, m))
    turns = np.rint(phi / np.pi)
    rest = phi - turns * np.pi
    sine, cosine = np.sin(rest), np.cos(rest)
    powers = (0.5, 0.5 + n, 0.5) if kind == 1 else (0.5, n - 0.5, 1.5)
    factor = 0.5 * _rising(0.5 if kind == 1 else -0.5, n)
    square = sine**2
    inner = integrals[3].native(cosine**2, cosine**2 + (1 - m) * square, np.ones_like(square), powers=powers, s=0)
    y = factor * sine ** (2 * n) * sine * inner
    if np.any(turns):
        whole = integrals[3].native(np.zeros_like(m), 1 - m, np.ones_like(m), powers=powers, s=0)
        y = y + np.where(turns != 0, 2 * turns * factor * whole, 0.0)
    return np.asarray(y).astype(dtype)[()]


def _squared(phi: Any, m: Any) -> Any:
    """1 - m sin(phi)^2."""
    return np.cos(phi) ** 2 + (1 - m) * np.sin(phi) ** 2


def _in_phi(y: Any, phi: Any, m: Any, n: int, kind: int) -> Any:
    exponent = -0.5 - n if kind == 1 else 0.5 - n
    factor = _rising(0.5 if kind == 1 else -0.5, n)
    return factor * np.sin(phi) ** (2 * n) * _squared(phi, m) ** exponent


incomplete: Any = elementwise(
    "incomplete_elliptic_in_m",
    _incomplete_native,
    _in_phi,
    lambda y, phi, m, n, kind: incomplete.bind(phi, m, n=n + 1, kind=kind),
)

declare("ellipkinc", lambda y, phi, m: 1 / np.sqrt(_squared(phi, m)), lambda y, phi, m: incomplete.bind(phi, m, n=1, kind=1))
declare("ellipeinc", lambda y, phi, m: np.sqrt(_squared(phi, m)), lambda y, phi, m: incomplete.bind(phi, m, n=1, kind=2))


def _amplitude(u: Any, m: Any) -> Any:
    """d am / dm: F(am, m) = u."""
    return -dn.bind(u, m) * incomplete.bind(am.bind(u, m), m, n=1, kind=1)


def _dn_in_m(y: Any, u: Any, m: Any) -> Any:
    s = sn.bind(u, m)
    return -(s * s / 2 + m * s * cn.bind(u, m) * _amplitude(u, m)) / y


sn: Any
cn: Any
dn: Any
am: Any
sn, cn, dn, am = declare_several(
    "ellipj",
    (lambda y, u, m: cn.bind(u, m) * dn.bind(u, m), lambda y, u, m: cn.bind(u, m) * _amplitude(u, m)),
    (lambda y, u, m: -sn.bind(u, m) * dn.bind(u, m), lambda y, u, m: -sn.bind(u, m) * _amplitude(u, m)),
    (lambda y, u, m: -m * sn.bind(u, m) * cn.bind(u, m), _dn_in_m),
    (lambda y, u, m: dn.bind(u, m), lambda y, u, m: _amplitude(u, m)),
)
