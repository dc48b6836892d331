"""RMSprop as in ``torch.optim.RMSprop``: gradients divided by a running root mean square.

Source: Tieleman & Hinton (2012), lecture 6.5; Graves (2013), Generating sequences with recurrent neural networks (centred form).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hoad.optimize.containers import leafwise, zeros_of
from hoad.optimize.method import Transform, optimiser
from hoad.optimize.schedules import Schedule, as_schedule

__all__ = ["rmsprop"]


class RmspropState(NamedTuple):
    """Steps taken, running means of g² and g (centred), velocity (momentum)."""

    taken: int
    square: Any
    mean: Any
    velocity: Any


@optimiser("rmsprop")
def rmsprop(
    lr: float | Schedule = 1e-2, *, decay: float = 0.99, eps: float = 1e-8, momentum: float = 0.0, centered: bool = False
) -> Transform:
    """RMSprop: -lr g / (sqrt(v) + eps), v the running mean of g².

    Parameters
    ----------
    lr : float or schedule
        Step size.
    decay : float
        Fraction of the running means that is kept.
    eps : float
        Added to the square root.
    momentum : float
        Fraction of the velocity that is kept.
    centered : bool
        Divide by the standard deviation: subtract the square of the running mean of g from v.

    Returns
    -------
    Transform
        ``init(params)``, ``update(gradient, state, params=None)``.

    Examples
    --------
    >>> import hoad.optimize as ho
    >>> method = ho.rmsprop(0.1)
    >>> round(float(method.update(2.0, method.init(0.0))[0]), 6)
    -1.0
    """
    rate = as_schedule(lr)

    def init(params: Any) -> RmspropState:
        return RmspropState(0, zeros_of(params), zeros_of(params) if centered else None, zeros_of(params) if momentum else None)

    def update(g: Any, state: RmspropState, params: Any = None) -> tuple[Any, RmspropState]:
        v = leafwise(lambda a, v: decay * v + (1 - decay) * a * a, g, state.square)
        mean = leafwise(lambda a, m: decay * m + (1 - decay) * a, g, state.mean) if centered else None
        spread = leafwise(lambda v, m: v - m * m, v, mean) if centered else v
        direction = leafwise(lambda a, v: a / (np.sqrt(v) + eps), g, spread)
        velocity = None
        if momentum:
            direction = velocity = leafwise(lambda d, b: momentum * b + d, direction, state.velocity)
        eta = rate(state.taken)
        return leafwise(lambda d: -eta * d, direction), RmspropState(state.taken + 1, v, mean, velocity)

    return Transform(init, update)
