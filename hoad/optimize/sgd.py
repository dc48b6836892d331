"""Gradient descent with momentum, as in ``torch.optim.SGD``: Polyak's heavy ball, or Nesterov's look-ahead.

Source: Sutskever, Martens, Dahl & Hinton (2013), On the importance of initialization and momentum in deep learning.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hoad.optimize.containers import leafwise, zeros_of
from hoad.optimize.method import Transform, optimiser
from hoad.optimize.schedules import Schedule, as_schedule

__all__ = ["sgd"]


class SgdState(NamedTuple):
    """Steps taken and the velocity (None without momentum)."""

    taken: int
    velocity: Any


@optimiser("sgd")
def sgd(lr: float | Schedule = 1e-2, *, momentum: float = 0.0, nesterov: bool = False) -> Transform:
    """Gradient descent: -lr g, or with momentum -lr b, b ← momentum b + g.

    Parameters
    ----------
    lr : float or schedule
        Step size.
    momentum : float
        Fraction of the velocity that is kept.
    nesterov : bool
        Use g + momentum b in place of b.

    Returns
    -------
    Transform
        ``init(params)``, ``update(gradient, state, params=None)``.

    Examples
    --------
    >>> import hoad.optimize as ho
    >>> method = ho.sgd(0.1, momentum=0.9)
    >>> step, state = method.update(1.0, method.init(0.0))
    >>> float(method.update(1.0, state)[0])
    -0.19
    """
    rate = as_schedule(lr)

    def init(params: Any) -> SgdState:
        return SgdState(0, zeros_of(params) if momentum else None)

    def update(g: Any, state: SgdState, params: Any = None) -> tuple[Any, SgdState]:
        eta = rate(state.taken)
        if not momentum:
            return leafwise(lambda a: -eta * a, g), SgdState(state.taken + 1, None)
        b = leafwise(lambda a, v: a + momentum * v, g, state.velocity)
        direction = leafwise(lambda a, v: a + momentum * v, g, b) if nesterov else b
        return leafwise(lambda a: -eta * a, direction), SgdState(state.taken + 1, b)

    return Transform(init, update)
