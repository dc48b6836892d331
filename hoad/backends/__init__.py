"""Backends: what hoad needs from an array library beyond NumPy's protocols, found by the type of an array.

Functions of NumPy and ufuncs of SciPy dispatch on device arrays by themselves (``np.sin(x)`` of a CuPy array runs on its
device); what remains is making arrays from host data, coming back, waiting, adding at repeated indices, and those functions
of SciPy that are not ufuncs (``logsumexp``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

__all__ = [
    "Backend", "answers", "arange", "asarray", "filled", "is_host", "like", "maybe_any", "of", "on_device", "register", "to_host",
    "truth",
]  # fmt: skip


@dataclass(frozen=True)
class Backend:
    """The functions of one array library.

    Attributes
    ----------
    name : str
    asarray : callable
        Numbers, lists or a host array as an array of this library, on the current device.
    arange : callable
        ``arange(n)``, made where it is used.
    to_host : callable
        An array of this library as a NumPy array; the only transfer to the host.
    synchronise : callable
        Wait until everything queued has run; for clocks.
    scatter_add : callable
        ``scatter_add(array, index, values)``: ``np.add.at``, in place.
    special : callable
        Returns the module that plays the part of ``scipy.special``.
    place : callable
        Number of the device that holds an array.
    address : callable
        A number that is the same for two arrays that begin at the same place.
    device : callable or None
        What compiled programs need of the devices (``hoad.compiler.cuda.Device``); None where they are repeated step by step.
    """

    name: str
    asarray: Callable[[Any], Any]
    arange: Callable[[int], Any]
    to_host: Callable[[Any], Any]
    synchronise: Callable[[], None]
    scatter_add: Callable[[Any, Any, Any], None]
    special: Callable[[], Any]
    place: Callable[[Any], int] = lambda array: 0
    address: Callable[[Any], int] = id
    device: Callable[[], Any] | None = None


_HOST = (np.ndarray, np.generic, int, float, complex, list, tuple)
_by_type: dict[type, Backend] = {}
_modules = {"cupy": "hoad.backends.cupy"}
"""Package that defines an array type -> the file that supports it."""


_answering: Any = _HOST
"""What :func:`maybe_any` and :func:`truth` may ask: what NumPy computes with, and recorded values, which note the answer."""


def answers(box_type: type) -> None:
    """Let :func:`maybe_any` and :func:`truth` ask values of ``box_type`` by ``bool(np.any(x))``."""
    global _answering
    _answering = (*_answering, box_type)


def register(array_type: type, backend: Backend) -> None:
    """Use ``backend`` for arrays of ``array_type``."""
    _by_type[array_type] = backend


def of(array: Any) -> Backend:
    """The backend of a plain array (or number, which is the host's), without importing any library that is not in use."""
    kind = type(array)
    found = _by_type.get(kind)
    if found is None:
        names = (base.__module__.partition(".")[0] for base in kind.__mro__)
        module = next((_modules[name] for name in names if name in _modules), "hoad.backends.numpy")
        found = _by_type[kind] = import_module(module).BACKEND
    return found


def is_host(array: Any) -> bool:
    """True for what NumPy computes with: arrays, NumPy scalars, numbers, lists."""
    return isinstance(array, _HOST)


_devices: dict[type, bool] = {}


def on_device(x: Any) -> bool:
    """True for arrays of a library that keeps their numbers elsewhere than NumPy does."""
    kind = type(x)
    found = _devices.get(kind)
    if found is None:
        found = hasattr(x, "dtype") and hasattr(x, "shape") and not isinstance(x, _HOST)
        found = _devices[kind] = found and of(x).name != "numpy"
    return found


def to_host(x: Any) -> Any:
    """An array of any library as a NumPy array; waits for a device."""
    return of(x).to_host(x)


def like(host: Any, array: Any) -> Any:
    """Host data as an array beside ``array``: unchanged for NumPy, moved to its device otherwise."""
    return host if isinstance(array, _HOST) or not isinstance(host, np.ndarray) else of(array).asarray(host)


def arange(n: int, array: Any) -> Any:
    """``np.arange(n)`` beside ``array``."""
    return np.arange(n) if isinstance(array, _HOST) else of(array).arange(n)


def asarray(x: Any) -> Any:
    """Numbers and lists as NumPy arrays; arrays of any library and traced values as they are."""
    return np.asarray(x) if isinstance(x, _HOST) else x


def filled(shape: tuple[int, ...], value: Any, dtype: Any, array: Any) -> Any:
    """``np.full(shape, value, dtype)`` beside ``array``."""
    if isinstance(array, _HOST):
        return np.full(shape, value, dtype) if value else np.zeros(shape, dtype)
    return np.full_like(array, value, dtype=dtype, shape=shape)


def maybe_any(condition: Any) -> bool:
    """``np.any(condition)`` where that is known on the host; True for a device array, whose answer would have to be waited for."""
    known = isinstance(condition, _answering) and getattr(condition, "device", "cpu") == "cpu"
    return bool(np.any(condition)) if known else True


def truth(condition: Any) -> bool:
    """``bool(condition)`` of a 0-d array; waits for the device if the array is there, so not for use in every step."""
    return bool(condition if isinstance(condition, _answering) else of(condition).to_host(condition))
