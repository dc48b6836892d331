"""Adagrad as in ``torch.optim.Adagrad``: gradients divided by the root of the sum of all their squares.

Source: Duchi, Hazan & Singer (2011), Adaptive subgradient methods for online learning and stochastic optimization.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hoad.optimize.containers import leafwise, zeros_of
from hoad.optimize.method import Transform, optimiser
from hoad.optimize.schedules import Schedule, as_schedule

__all__ = ["adagrad"]


class AdagradState(NamedTuple):
    """Steps taken and the sum of g²."""

    taken: int
    total: Any


@optimiser("adagrad")
def adagrad(lr: float | Schedule = 1e-2, *, eps: float = 1e-10, initial: float = 0.0) -> Transform:
    """Adagrad: -lr g / (sqrt(Σ g²) + eps).

    Parameters
    ----------
    lr : float or schedule
        Step size.
    eps : float
        Added to the square root.
    initial : float
        What the sum begins with.

    Returns
    -------
    Transform
        ``init(params)``, ``update(gradient, state, params=None)``.

    Examples
    --------
    >>> import hoad.optimize as ho
    >>> method = ho.adagrad(0.1)
    >>> round(float(method.update(2.0, method.init(0.0))[0]), 6)
    -0.1
    """
    rate = as_schedule(lr)

    def init(params: Any) -> AdagradState:
        return AdagradState(0, leafwise(lambda z: z + initial, zeros_of(params)))

    def update(g: Any, state: AdagradState, params: Any = None) -> tuple[Any, AdagradState]:
        total = leafwise(lambda a, s: s + a * a, g, state.total)
        eta = rate(state.taken)
        return leafwise(lambda a, s: -eta * a / (np.sqrt(s) + eps), g, total), AdagradState(state.taken + 1, total)

    return Transform(init, update)
