"""Composite functions: a body in other primitives gives the derivatives, the native function stays the value.

Where the body gives bitwise the native value (it only moves elements, or it is the definition), ``exact_body=True`` skips the
second evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hoad.core.primitive import Primitive, register

__all__ = ["composite"]


def composite(
    name: str, native: Callable[..., Any], body: Callable[..., Any], *, exact_body: bool = False, **overrides: Any
) -> Primitive:
    """Register a function whose derivatives are those of ``body``.

    Parameters
    ----------
    body : callable
        ``body(*args, **kw)`` equals ``native(*args, **kw)`` mathematically and uses only differentiable functions.
    exact_body : bool
        The body returns bitwise the native value, so that no second evaluation is needed.
    """
    return register(Primitive(name, native, "composite", body=body, exact_body=exact_body, declaration=body, **overrides))
