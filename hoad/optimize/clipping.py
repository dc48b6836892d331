"""Bounds on gradients: by element, or by the norm over all leaves."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.optimize.containers import global_norm, leafwise
from hoad.optimize.method import Transform

__all__ = ["clip", "clip_by_global_norm"]


def clip(limit: float) -> Transform:
    """Clip each element to [-limit, limit].

    Parameters
    ----------
    limit : float
        Largest absolute value.

    Returns
    -------
    Transform
        To put before an optimiser with ``chain``.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> ho.clip(1.0).update(np.array([3.0, -0.5]), None)[0]
    array([ 1. , -0.5])
    """
    return Transform(lambda params: None, lambda g, state, params=None: (leafwise(lambda a: np.clip(a, -limit, limit), g), state))


def clip_by_global_norm(limit: float) -> Transform:
    """Scale all leaves by one factor so that their common norm is at most ``limit``.

    Parameters
    ----------
    limit : float
        Largest Euclidean norm.

    Returns
    -------
    Transform
        To put before an optimiser with ``chain``.

    Notes
    -----
    Source: Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural networks.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> ho.clip_by_global_norm(1.0).update(np.array([3.0, 4.0]), None)[0]
    array([0.6, 0.8])
    """

    def update(g: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        norm = global_norm(g)
        return (g, state) if norm <= limit else (leafwise(lambda a: a / norm * limit, g), state)

    return Transform(lambda params: None, update)
