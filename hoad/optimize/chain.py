"""Transforms applied one after the other."""

from __future__ import annotations

from typing import Any

from hoad.optimize.method import Transform

__all__ = ["chain"]


def chain(*transforms: Transform) -> Transform:
    """Apply transforms in order, each to what the one before returned.

    Parameters
    ----------
    *transforms : Transform
        For example clipping, then Adam.

    Returns
    -------
    Transform
        Its state is the tuple of their states.

    Examples
    --------
    >>> import hoad.optimize as ho
    >>> slow = ho.chain(ho.clip(1.0), ho.sgd(0.1))
    >>> slow.update(5.0, slow.init(0.0))[0]
    np.float64(-0.1)
    """

    def init(params: Any) -> tuple[Any, ...]:
        return tuple(t.init(params) for t in transforms)

    def update(gradient: Any, state: tuple[Any, ...], params: Any = None) -> tuple[Any, tuple[Any, ...]]:
        states = []
        for t, s in zip(transforms, state, strict=True):
            gradient, new = t.update(gradient, s, params)
            states.append(new)
        return gradient, tuple(states)

    return Transform(init, update)
