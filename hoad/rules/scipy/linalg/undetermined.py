"""scipy.linalg: functions whose result is not determined by their arguments and has no derivative, and what to use instead."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import scipy.linalg

from hoad.errors import UnsupportedFunctionError
from hoad.rules.scipy.linalg.dispatch import holds_box

__all__ = ["RAISING", "REASONS"]

REASONS = {
    "null_space": "any rotation of the basis is as good; the projector 1 - pinv(A) @ A has a derivative",
    "orth": "any rotation of the basis is as good; the projector A @ pinv(A), and Q of qr, have a derivative",
    "qz": "its unitary factors are not determined; eig(A, B) has a derivative",
    "ordqz": "its unitary factors are not determined; eig(A, B) has a derivative",
    "rsf2csf": "the phases of its columns are not determined; schur(A, output='complex') has a derivative",
    "cossin": "its orthogonal factors are not determined; subspace_angles has a derivative",
    "cdf2rdf": "it pairs eigenvalues by their values",
    "qr_update": "compute qr of the updated matrix",
    "qr_insert": "compute qr of the updated matrix",
    "qr_delete": "compute qr of the updated matrix",
    "expm_cond": "it is an estimate; the derivative itself is expm_frechet",
}
"""Name of the function -> why, in the words of the error."""


def _uncovered(name: str, reason: str) -> Callable[..., Any]:
    native = getattr(scipy.linalg, name)

    @wraps(native)
    def function(*args: Any, **kwargs: Any) -> Any:
        if any(map(holds_box, (*args, *kwargs.values()))):
            raise UnsupportedFunctionError.no_rule(f"scipy.linalg.{name}", f" ({reason})")
        return native(*args, **kwargs)

    return function


RAISING = {name: _uncovered(name, reason) for name, reason in REASONS.items()}
