"""How functions of scipy.special are declared: what their files share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import asarray
from hoad.core.box import peek, ufuncs
from hoad.core.kinds import elementwise
from hoad.core.kinds.cotangents import is_complex
from hoad.core.primitive import Primitive, expose
from hoad.errors import UnsupportedFunctionError

Slopes = tuple[Any, ...]


def one(x: Any) -> Any:
    """1 in the precision of x: SciPy's functions read Python numbers as double precision."""
    return asarray(peek(x)).dtype.type(1)


def refusing(name: str, argument: str) -> Callable[..., Any]:
    """What stands for a derivative that does not exist: it raises when it is asked for, and batches are no reason to ask."""

    def slope(*_: Any, **__: Any) -> Any:
        raise UnsupportedFunctionError.no_rule(f"scipy.special.{name} with respect to {argument}")

    return slope


def _complete(name: str, slopes: Slopes) -> Slopes:
    return tuple(s or refusing(name, f"argument {i}") for i, s in enumerate(slopes))


def real_only(name: str, slope: Callable[..., Any]) -> Callable[..., Any]:
    """A slope that holds on the real axis, of a function that is not holomorphic."""

    def checked(y: Any, *xs: Any, **kw: Any) -> Any:
        if is_complex(xs[-1]):
            raise UnsupportedFunctionError.no_rule(f"scipy.special.{name} of complex values (it is not holomorphic)")
        return slope(y, *xs, **kw)

    return checked


def declare(name: str, *slopes: Any, native: Callable[..., Any] | None = None) -> Primitive:
    """The primitive of a function of scipy.special, made public; a slope is None where there is no derivative."""
    public = getattr(special, name)
    prim = elementwise(name, native or public, *_complete(name, slopes))
    expose(prim, f"scipy.special.{name}", public, "elementwise")
    return prim


def declare_several(name: str, *outputs: Slopes) -> list[Primitive]:
    """The primitives of a function of scipy.special with several results, one tuple of slopes for each; made public together."""
    public = getattr(special, name)
    prims = [
        elementwise(f"{name}[{i}]", lambda *xs, _i=i: public(*xs)[_i], *_complete(name, slopes)) for i, slopes in enumerate(outputs)
    ]
    expose(lambda *xs: tuple(p.bind(*xs) for p in prims), f"scipy.special.{name}", public, "elementwise")
    return prims


def reach(private: str, implementation: Callable[..., Any]) -> None:
    """Let SciPy's own Python function work on traced values, where all it does is to call a ufunc of this name."""
    ufunc = getattr(special._ufuncs, private, None)
    if isinstance(ufunc, np.ufunc):
        ufuncs[ufunc, "__call__"] = implementation
