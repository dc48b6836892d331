"""hoad.numpy as the array-api-tests suite sees it when every floating-point array it makes is a traced value.

One forward level stays open.  Arrays that the suite creates, real or complex, carry a tangent of ones; whatever it then calls,
functions, methods, operators and assignments, works on traced values.  The suite looks into its arrays with float(), int() and
bool(), which hoad refuses with good reason, so these look at the value here.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np

import hoad.numpy as native
from hoad.core.box import Box
from hoad.core.level import Level
from hoad.modes.forward import Dual

_LEVEL = Level(True).__enter__()
_CREATION = (
    "asarray", "arange", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace", "ones", "ones_like",
    "zeros", "zeros_like", "astype",
)  # fmt: skip

for _name in ("__float__", "__int__", "__complex__", "__index__"):
    setattr(Box, _name, lambda self, _name=_name: getattr(_plain(self)[()], _name)())
Box.__array__ = lambda self, dtype=None, copy=None: np.array(_plain(self), dtype)
Box.__dlpack__ = lambda self, *, stream=None, max_version=None, dl_device=None, copy=None: _plain(self).__dlpack__(
    stream=stream, max_version=max_version, dl_device=dl_device, copy=copy
)
Box.__dlpack_device__ = lambda self: _plain(self).__dlpack_device__()


def _plain(x: Any) -> Any:
    while isinstance(x, Box):
        x = x.value
    return np.asarray(x)


def traced(x: Any) -> Any:
    """A floating-point array as a traced one; others as they are."""
    if isinstance(x, Dual):
        return x
    x = _plain(x) if isinstance(x, Box) else x
    return Dual(_LEVEL, x, np.ones_like(x)) if isinstance(x, np.ndarray) and x.dtype.kind in "fc" else x


def _creates(name: str) -> Any:
    f = getattr(native, name)

    @wraps(f)
    def create(*args: Any, **kwargs: Any) -> Any:
        return traced(f(*args, **kwargs))

    return create


for _name in _CREATION:
    globals()[_name] = _creates(_name)


def __getattr__(name: str) -> Any:
    return getattr(native, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(native)})
