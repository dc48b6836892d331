"""Lion: the sign of an interpolated momentum, with decoupled weight decay, as in optax.

Source: Chen et al. (2023), Symbolic discovery of optimization algorithms, program 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hoad.errors import OptimizeError
from hoad.optimize.containers import leafwise, zeros_of
from hoad.optimize.method import Transform, optimiser
from hoad.optimize.schedules import Schedule, as_schedule

__all__ = ["lion"]


class LionState(NamedTuple):
    """Steps taken and the momentum."""

    taken: int
    mean: Any


@optimiser("lion")
def lion(lr: float | Schedule = 1e-4, *, b1: float = 0.9, b2: float = 0.99, weight_decay: float = 0.0) -> Transform:
    """Lion: -lr (sign(b1 m + (1 - b1) g) + weight_decay params), then m ← b2 m + (1 - b2) g.

    Parameters
    ----------
    lr : float or schedule
        Step size: every entry moves by it.
    b1, b2 : float
        Interpolation for the step and for the momentum.
    weight_decay : float
        Factor of the parameters.

    Returns
    -------
    Transform
        ``init(params)``, ``update(gradient, state, params)``.

    Raises
    ------
    OptimizeError
        If there is weight decay and ``update`` is not given the parameters.

    Examples
    --------
    >>> import numpy as np, hoad.optimize as ho
    >>> method = ho.lion(0.1)
    >>> method.update(np.array([3.0, -0.2]), method.init(np.zeros(2)))[0]
    array([-0.1,  0.1])
    """
    rate = as_schedule(lr)

    def init(params: Any) -> LionState:
        return LionState(0, zeros_of(params))

    def update(g: Any, state: LionState, params: Any = None) -> tuple[Any, LionState]:
        eta = rate(state.taken)
        step = leafwise(lambda a, m: -eta * np.sign(b1 * m + (1 - b1) * a), g, state.mean)
        if weight_decay:
            if params is None:
                raise OptimizeError("weight decay needs the parameters: call update(gradient, state, params).")
            step = leafwise(lambda s, p: s - eta * weight_decay * p, step, params)
        mean = leafwise(lambda a, m: b2 * m + (1 - b2) * a, g, state.mean)
        return step, LionState(state.taken + 1, mean)

    return Transform(init, update)
