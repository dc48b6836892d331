"""Ask and tell: an optimiser for gradients that come from outside, for example from another machine."""

from __future__ import annotations

from typing import Any

from hoad.core.space import map_leaves
from hoad.optimize.containers import apply_updates
from hoad.optimize.method import Transform

__all__ = ["AskTell"]


class AskTell:
    """A first-order optimiser that is asked for a point and told the gradient there.

    Parameters
    ----------
    transform : Transform
        For example ``adam(1e-3)``.
    params : array or container
        Starting point.

    Attributes
    ----------
    params, state
        Where it is; assign both to go on from a saved run.
    best : tuple
        Lowest value told so far and its point.

    Examples
    --------
    >>> import hoad.optimize as ho
    >>> optimiser = ho.AskTell(ho.sgd(0.25), 4.0)
    >>> for _ in range(3):
    ...     x = optimiser.ask()
    ...     optimiser.tell(2.0 * x, value=x**2)
    >>> float(optimiser.ask())
    0.5
    """

    def __init__(self, transform: Transform, params: Any) -> None:
        self.transform = transform
        self.params = map_leaves(lambda leaf: leaf, params)
        self.state = transform.init(params)
        self.best: tuple[float, Any] = (float("inf"), params)

    def ask(self) -> Any:
        """The point at which to evaluate next."""
        return self.params

    def tell(self, gradient: Any, value: Any = None) -> None:
        """Take a step, given the gradient (and the value) at the point that was asked for."""
        if value is not None and value < self.best[0]:
            self.best = (float(value), self.params)
        updates, self.state = self.transform.update(gradient, self.state, self.params)
        self.params = apply_updates(self.params, updates)
