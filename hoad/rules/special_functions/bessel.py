"""Bessel functions in the argument, by neighbouring orders, and in the order.

Source: NIST Digital Library of Mathematical Functions, 10.6, 10.29; for the order, 10.9, 10.32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.core.primitive import expose
from hoad.rules.special_functions.declarations import declare, real_only
from hoad.rules.special_functions.integer_orders import bessel_native
from hoad.rules.special_functions.orders import in_order


def _circular(name: str) -> Any:
    """f' = (f of order v - 1, less f of order v + 1) / 2."""
    return lambda y, v, x: (_of[name].bind(v - 1, x) - _of[name].bind(v + 1, x)) / 2


def _growing(y: Any, v: Any, x: Any) -> Any:
    return (_of["iv"].bind(v - 1, x) + _of["iv"].bind(v + 1, x)) / 2


def _decaying(y: Any, v: Any, x: Any) -> Any:
    return (_of["kv"].bind(v - 1, x) + _of["kv"].bind(v + 1, x)) / -2


def _order(name: str) -> Any:
    return lambda y, v, x: in_order[name].bind(v, x, n=1)


_of: dict[str, Any] = {}
_of["jv"] = declare("jv", _order("jv"), _circular("jv"), native=bessel_native("jv"))
_of["yv"] = declare("yv", _order("yv"), _circular("yv"), native=bessel_native("yv"))
_of["iv"] = declare("iv", _order("iv"), _growing, native=bessel_native("iv"))
_of["kv"] = declare("kv", _order("kv"), _decaying, native=bessel_native("kv"))
jv, yv, iv, kv = (_of[_name] for _name in ("jv", "yv", "iv", "kv"))
for _name in ("hankel1", "hankel2"):
    _of[_name] = declare(_name, None, _circular(_name))
for _name in ("jve", "yve"):  # on the real axis the same as jv and yv
    _of[_name] = declare(_name, None, real_only(_name, _circular(_name)))
declare("yn", None, _circular("yv"))
declare("kn", None, _decaying)

declare("j0", lambda y, x: -special.j1(x))
declare("j1", lambda y, x: (special.j0(x) - jv.bind(2, x)) / 2)
declare("y0", lambda y, x: -special.y1(x))
declare("y1", lambda y, x: (special.y0(x) - yv.bind(2, x)) / 2)
declare("i0", lambda y, x: special.i1(x))
declare("i1", lambda y, x: (special.i0(x) + iv.bind(2, x)) / 2)
declare("k0", lambda y, x: -special.k1(x))
declare("k1", lambda y, x: (special.k0(x) + kv.bind(2, x)) / -2)

expose(elementwise("numpy.i0", np.i0, lambda y, x: special.i1(x)), "numpy.i0", np.i0, "elementwise")
