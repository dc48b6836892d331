"""Adam, and AdamW with decoupled weight decay, as in ``torch.optim`` and optax.

Source: Kingma & Ba (2015), Adam, algorithm 1; Loshchilov & Hutter (2019), Decoupled weight decay regularization, algorithm 2.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hoad.errors import OptimizeError
from hoad.optimize.containers import leafwise, zeros_of
from hoad.optimize.method import Transform, optimiser
from hoad.optimize.schedules import Schedule, as_schedule

__all__ = ["adam", "adamw"]


class AdamState(NamedTuple):
    """Steps taken and the running means of g and g²."""

    taken: int
    mean: Any
    square: Any


@optimiser("adam")
def adam(lr: float | Schedule = 1e-3, *, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Transform:
    """Adam: -lr m̂ / (sqrt(v̂) + eps) with bias-corrected running means of g and g².

    Parameters
    ----------
    lr : float or schedule
        Step size.
    b1, b2 : float
        Fractions of the running means that are kept.
    eps : float
        Added to the square root.

    Returns
    -------
    Transform
        ``init(params)``, ``update(gradient, state, params=None)``.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> method = ho.adam(0.1)
    >>> method.update(np.array([3.0, -0.2]), method.init(np.zeros(2)))[0].round(6)
    array([-0.1,  0.1])
    """
    return _adam(lr, b1, b2, eps, 0.0)


@optimiser("adamw")
def adamw(
    lr: float | Schedule = 1e-3, *, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8, weight_decay: float = 1e-2
) -> Transform:
    """Adam with decoupled weight decay: -lr (m̂ / (sqrt(v̂) + eps) + weight_decay params).

    Parameters
    ----------
    lr : float or schedule
        Step size.
    b1, b2 : float
        Fractions of the running means that are kept.
    eps : float
        Added to the square root.
    weight_decay : float
        Factor of the parameters.

    Returns
    -------
    Transform
        ``init(params)``, ``update(gradient, state, params)``.

    Raises
    ------
    OptimizeError
        If ``update`` is not given the parameters.

    Examples
    --------
    >>> import hoad.optimize as ho
    >>> method = ho.adamw(0.1, weight_decay=0.5)
    >>> round(float(method.update(0.0, method.init(2.0), 2.0)[0]), 12)
    -0.1
    """
    return _adam(lr, b1, b2, eps, weight_decay)


def _adam(lr: float | Schedule, b1: float, b2: float, eps: float, weight_decay: float) -> Transform:
    rate = as_schedule(lr)

    def init(params: Any) -> AdamState:
        return AdamState(0, zeros_of(params), zeros_of(params))

    def update(g: Any, state: AdamState, params: Any = None) -> tuple[Any, AdamState]:
        t = state.taken + 1
        m = leafwise(lambda a, m: b1 * m + (1 - b1) * a, g, state.mean)
        v = leafwise(lambda a, v: b2 * v + (1 - b2) * a * a, g, state.square)
        eta = rate(state.taken)
        step = leafwise(lambda m, v: -eta * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps), m, v)
        if weight_decay:
            if params is None:
                raise OptimizeError("weight decay needs the parameters: call update(gradient, state, params).")
            step = leafwise(lambda s, p: s - eta * weight_decay * p, step, params)
        return step, AdamState(t, m, v)

    return Transform(init, update)
