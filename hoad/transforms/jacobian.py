"""Jacobians: one pass with a block of directions, which tangents or cotangents carry as a hidden axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from hoad import backends
from hoad.core.box import Box, held, peek, shape_of
from hoad.core.level import Level
from hoad.core.space import leaf_zeros, unflatten
from hoad.errors import DTypeError
from hoad.modes.batch import Batched
from hoad.transforms.arguments import ArgNums, as_outputs, select, split_aux
from hoad.transforms.first import Function, dual_call, tangent_like, tape_call

__all__ = ["basis", "blocks", "check_real_or_holomorphic", "jacfwd", "jacobian", "jacrev", "over_block"]


def basis(leaves: Sequence[Any]) -> list[Any]:
    """Unit directions: for each leaf an array (number of all elements, *shape of the leaf)."""
    sizes = [int(np.prod(shape_of(x))) for x in leaves]
    total, start, out = sum(sizes), 0, []
    for x, n in zip(leaves, sizes, strict=True):
        plain = peek(x)
        block = np.zeros((total, n), plain.dtype)
        block[np.arange(start, start + n), np.arange(n)] = 1
        if not isinstance(plain, np.ndarray | np.generic):
            block = backends.of(plain).asarray(block)
        out.append(block.reshape(total, *shape_of(x)))
        start += n
    return out


def blocks(stacked: Any, leaves: Sequence[Any], shape: tuple[int, ...]) -> list[Any]:
    """Split (number of all elements, *shape) into one array (*shape, *shape of the leaf) for each leaf."""
    out, start = [], 0
    for x in leaves:
        n = int(np.prod(shape_of(x)))
        part = stacked[start : start + n]
        start += n
        block = np.reshape(np.moveaxis(part, 0, -1), (*shape, *shape_of(x)))
        out.append(block if block.ndim or isinstance(block, Box) else block[()])
    return out


def over_block(size: int, leaves: Sequence[Any], run: Callable[[float], Sequence[Any]]) -> list[Any]:
    """``run(level)`` within a batching level of ``size`` directions; its results with that axis visible and first.

    If a leaf is a batch itself, the directions are placed outside that batch, so that long batches stay innermost in memory.
    """
    outermost = None
    for x in leaves:
        while isinstance(x, Box):
            if type(x) is Batched:
                outermost = x.level if outermost is None else min(outermost, x.level)
            x = held(x)
    if outermost is not None:
        with Level(size, outermost) as level:
            found = run(level)
        if not any(_crossed(y, level) for y in found):
            return [unbatched(y, level, size) for y in found]
    with Level(size) as level:
        found = run(level)
    return [unbatched(y, level, size) for y in found]


def _crossed(y: Any, level: float) -> bool:
    """True if a derivative in progress lies between the block and the result: the block must then be innermost."""
    while isinstance(y, Box) and y.level > level:
        if type(y) is not Batched:
            return True
        y = y.value
    return False


def unbatched(y: Any, level: float, size: int) -> Any:
    """A result of a batching level with the hidden axis made visible (repeated if the result does not vary)."""
    found = _visible(y, level)
    return np.broadcast_to(y, (size, *shape_of(y))) if found is None else found


def _visible(y: Any, level: float) -> Any:
    if not isinstance(y, Box) or y.level < level:
        return None
    if y.level == level:
        return y.value
    inner = _visible(y.value, level)  # (block, batch, ...) in memory, (batch, block, ...) for the outer level
    return None if inner is None else Batched(y.level, np.moveaxis(inner, 0, 1), None)


def check_real_or_holomorphic(leaves: Sequence[Any], holomorphic: bool, name: str) -> None:
    if not holomorphic and any(peek(x).dtype.kind == "c" for x in leaves):
        raise DTypeError(
            f"{name} of a complex argument is not one matrix unless the function is holomorphic: "
            "use holomorphic=True, or differentiate with respect to the real and imaginary parts."
        )


def jacfwd(f: Function, argnums: ArgNums = 0, *, has_aux: bool = False, holomorphic: bool = False) -> Function:
    """Jacobian by forward mode: cost grows with the number of inputs.

    Parameters
    ----------
    f : callable
        Any output.
    argnums : int, str or tuple of them
        What to differentiate with respect to.
    has_aux : bool
        Return ``(jacobian, auxiliary)``.
    holomorphic : bool
        Complex derivative of a holomorphic function.

    Returns
    -------
    callable
        Returns the Jacobian: for output of shape t and argument of shape s, an array of shape t + s; nested containers of
        such blocks if the output or the argument is a container.

    Raises
    ------
    DTypeError
        For integer arguments, or complex ones without ``holomorphic``.

    Notes
    -----
    One evaluation of ``f`` with a block of n tangents (n the number of inputs); values are computed once.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.jacfwd(lambda x: x**2)(np.array([1.0, 3.0]))
    array([[2., 0.],
           [0., 6.]])
    """

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        selection = select(f, argnums, args, kwargs)
        leaves = selection.leaves
        check_real_or_holomorphic(leaves, holomorphic, "the Jacobian")
        units = basis(leaves)
        size = units[0].shape[0]
        call: list[Any] = []

        def run(level: float) -> list[Any]:
            call[:] = values, ts, spec, aux = dual_call(selection, [Batched(level, u, None) for u in units], has_aux)
            return [leaf_zeros(y) if t is None else tangent_like(t, y) for y, t in zip(values, ts, strict=True)]

        columns = over_block(size, leaves, run)
        values, _, spec, aux = call
        out = [selection.pack(blocks(c, leaves, shape_of(y))) for y, c in zip(values, columns, strict=True)]
        jac = unflatten(spec, out)
        return (jac, aux) if has_aux else jac

    return wrapped


def jacrev(f: Function, argnums: ArgNums = 0, *, has_aux: bool = False, holomorphic: bool = False) -> Function:
    """Jacobian by reverse mode: cost grows with the number of outputs.

    Parameters, result and errors are those of :func:`jacfwd`.

    Parameters
    ----------
    f : callable
        Any output.
    argnums : int, str or tuple of them
        What to differentiate with respect to.
    has_aux : bool
        Return ``(jacobian, auxiliary)``.
    holomorphic : bool
        Complex derivative of a holomorphic function.

    Returns
    -------
    callable
        Returns the Jacobian, of shape t + s.

    Raises
    ------
    DTypeError
        For integer arguments, or complex ones without ``holomorphic``.

    Notes
    -----
    One evaluation of ``f`` and one sweep with a block of m cotangents (m the number of outputs).

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.jacrev(lambda x: x[0] * x[1])(np.array([2.0, 3.0]))
    array([3., 2.])
    """

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        selection = select(f, argnums, args, kwargs)
        leaves = selection.leaves
        check_real_or_holomorphic(leaves, holomorphic, "the Jacobian")
        pullback, aux = tape_call(selection, has_aux)
        units = basis(pullback.outputs)
        size = units[0].shape[0]
        stacked = over_block(size, pullback.outputs, lambda level: pullback.leaves([Batched(level, u, None) for u in units]))
        if holomorphic:
            stacked = [np.conjugate(s) for s in stacked]
        out, start = [], 0
        for y in pullback.outputs:
            n = int(np.prod(shape_of(y)))
            part = [np.reshape(s[start : start + n], (*shape_of(y), *shape_of(x))) for s, x in zip(stacked, leaves, strict=True)]
            out.append(selection.pack([p[()] if type(p) is np.ndarray and not p.ndim else p for p in part]))
            start += n
        jac = unflatten(pullback.spec, out)
        return (jac, aux) if has_aux else jac

    return wrapped


def jacobian(f: Function, argnums: ArgNums = 0, *, has_aux: bool = False, holomorphic: bool = False) -> Function:
    """Jacobian by the cheaper mode for the sizes at hand.

    Parameters
    ----------
    f : callable
        Any output.
    argnums : int, str or tuple of them
        What to differentiate with respect to.
    has_aux : bool
        Return ``(jacobian, auxiliary)``.
    holomorphic : bool
        Complex derivative of a holomorphic function.

    Returns
    -------
    callable
        Returns the Jacobian, of shape t + s.

    Raises
    ------
    DTypeError
        For integer arguments, or complex ones without ``holomorphic``.

    Notes
    -----
    Forward mode if there are at most as many inputs as outputs, else reverse.  The number of outputs is found by an
    evaluation of ``f``.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.jacobian(lambda x: np.array([[1.0, 2.0], [3.0, 4.0]]) @ x)(np.zeros(2))
    array([[1., 2.],
           [3., 4.]])
    """
    forward = jacfwd(f, argnums, has_aux=has_aux, holomorphic=holomorphic)
    reverse = jacrev(f, argnums, has_aux=has_aux, holomorphic=holomorphic)

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        selection = select(f, argnums, args, kwargs)
        out, _ = split_aux(selection.call(selection.leaves), has_aux)
        outputs = sum(int(np.prod(shape_of(y))) for y in as_outputs(out)[0])
        inputs = sum(int(np.prod(shape_of(x))) for x in selection.leaves)
        return (forward if inputs <= outputs else reverse)(*args, **kwargs)

    return wrapped
