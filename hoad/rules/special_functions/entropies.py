"""Entropies and divergences, x log y, and the losses of Huber."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from hoad.backends import maybe_any
from hoad.core.box import bare
from hoad.core.kinds import elementwise
from hoad.rules.special_functions.declarations import declare, one


def log(x: Any) -> Any:
    """Logarithm without a warning at 0."""
    return special.xlogy(one(x), x)


def _quotient(x: Any, y: Any) -> Any:
    """x / y, and 0 for 0 / 0."""
    both = np.logical_and(x == 0, y == 0)
    if not maybe_any(bare(both)):
        return x / y
    return np.where(both, 0.0, x / np.where(both, 1.0, y))


def _log_ratio_native(x: Any, y: Any) -> Any:
    """log(x / y), accurate also where x is near y."""
    with np.errstate(divide="ignore", invalid="ignore"):
        r = x / y
        return np.where(np.abs(r - 1) < 0.5, np.log1p((x - y) / y), np.log(r))[()]


log_ratio = elementwise("log_ratio", _log_ratio_native, lambda r, x, y: 1 / x, lambda r, x, y: -1 / y)


def _huber_r(y: Any, d: Any, r: Any) -> Any:
    return np.where(np.abs(r) <= d, r, d * np.sign(r))


def _pseudo_huber_d(y: Any, d: Any, r: Any) -> Any:
    h = np.hypot(d, r)
    excess = r * (r / (h + d))  # h - d
    return excess * (excess / h)


declare("xlogy", lambda y, a, b: log(b), lambda y, a, b: _quotient(a, b))
declare("xlog1py", lambda y, a, b: special.xlog1py(one(b), b), lambda y, a, b: _quotient(a, 1 + b))
declare("entr", lambda y, x: -1 - log(x))
declare("rel_entr", lambda y, a, b: log_ratio.bind(a, b) + 1, lambda y, a, b: -_quotient(a, b))
declare("kl_div", lambda y, a, b: log_ratio.bind(a, b), lambda y, a, b: 1 - _quotient(a, b))
declare("huber", lambda y, d, r: np.where(np.abs(r) <= d, 0.0, np.abs(r) - d), _huber_r)
declare(
    "pseudo_huber",
    _pseudo_huber_d,
    lambda y, d, r: d * r / np.hypot(d, r),
)
