"""scipy.sparse.linalg with traced values and right-hand sides."""

from types import ModuleType as _ModuleType
from typing import Any as _Any

import scipy.sparse.linalg as _scipy_linalg

import hoad.rules.scipy.sparse as _rules
from hoad.rules.scipy.sparse.construction import guarded as _guarded

_DECLARED: dict[str, _Any] = {
    "spsolve": _rules.direct.spsolve,
    "spsolve_triangular": _rules.direct.spsolve_triangular,
    "splu": _rules.direct.splu,
    "factorized": _rules.direct.factorized,
    "inv": _rules.direct.inv,
    "matrix_power": _rules.direct.matrix_power,
    "expm": _rules.exponential.expm,
    "expm_multiply": _rules.exponential.expm_multiply,
    "norm": _rules.norms.norm,
    **_rules.iterative.METHODS,
}


def __getattr__(name: str) -> _Any:
    if name in _DECLARED:
        return _DECLARED[name]
    if name.startswith("_") or not hasattr(_scipy_linalg, name):
        raise AttributeError(f"module 'hoad.scipy.sparse.linalg' has no attribute {name!r}")
    value = getattr(_scipy_linalg, name)
    if not callable(value) or isinstance(value, type | _ModuleType):
        return value
    return _guarded(f"scipy.sparse.linalg.{name}", value)


def __dir__() -> list[str]:
    return sorted({n for n in dir(_scipy_linalg) if not n.startswith("_")} | set(_DECLARED))
