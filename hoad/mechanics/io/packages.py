"""Import of optional packages, with a message that says what to install."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["need"]


def need(name: str, purpose: str) -> Any:
    """The module ``name``, or an ImportError that says what it is needed for and how to get it."""
    try:
        return import_module(name)
    except ImportError as error:
        package = {"PIL": "pillow"}.get(name.split(".")[0], name.split(".")[0])
        raise ImportError(f"{purpose} needs {package}: pip install {package}, or pip install 'hoad[mechanics]'.") from error
