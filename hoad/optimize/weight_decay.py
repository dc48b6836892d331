"""Weight decay as a transform: the parameters, times a factor, are added to what passes through."""

from __future__ import annotations

from typing import Any

from hoad.errors import OptimizeError
from hoad.optimize.containers import leafwise
from hoad.optimize.method import Transform

__all__ = ["add_decayed_weights"]


def add_decayed_weights(weight_decay: float) -> Transform:
    """Add ``weight_decay * params`` to the gradient.

    Parameters
    ----------
    weight_decay : float
        Factor.

    Returns
    -------
    Transform
        Before an optimiser in a ``chain`` it is the gradient of weight_decay/2 ‖params‖².

    Raises
    ------
    OptimizeError
        If ``update`` is not given the parameters.

    Examples
    --------
    >>> import hoad.optimize as ho
    >>> ho.add_decayed_weights(0.1).update(1.0, None, 5.0)[0]
    1.5
    """

    def update(g: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        if params is None:
            raise OptimizeError("weight decay needs the parameters: call update(gradient, state, params).")
        return leafwise(lambda a, p: a + weight_decay * p, g, params), state

    return Transform(lambda params: None, update)
