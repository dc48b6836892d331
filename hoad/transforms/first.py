"""First derivatives: jvp, vjp, gradients and Jacobians."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from hoad.core.box import Box, shape_of, strip
from hoad.core.level import Level
from hoad.core.space import apart, cast_like, flatten, flatten_like, leaf_zeros, unflatten
from hoad.errors import DTypeError
from hoad.modes.batch import Batched
from hoad.modes.forward import Dual
from hoad.modes.forward import unpack as unpack_dual
from hoad.modes.reverse import Node, backward, prune
from hoad.transforms.arguments import ArgNums, Selection, as_outputs, scalar_output, select, split_aux

__all__ = ["grad", "jacfwd", "jacobian", "jacrev", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]


def dual_call(selection: Selection, tangents: Sequence[Any], has_aux: bool = False) -> tuple[list[Any], list[Any], Any, Any]:
    """Values, tangents (None if zero), structure and auxiliary output of a call with dual numbers."""
    with Level(True) as level:
        boxes = [Dual(level, x, t) for x, t in zip(selection.leaves, tangents, strict=True)]
        out, aux = split_aux(selection.call(boxes), has_aux)
    leaves, spec = as_outputs(out)
    pairs = [unpack_dual(leaf, level) for leaf in leaves]
    return [v for v, _ in pairs], [t for _, t in pairs], spec, _below(aux, level) if has_aux else None


def _below(aux: Any, level: float) -> Any:
    """Auxiliary output without the boxes of a closed level."""
    leaves, spec = flatten(aux)
    return unflatten(spec, [leaf.value if isinstance(leaf, Box) and leaf.level in (level, 0) else leaf for leaf in leaves])


def tangent_like(t: Any, y: Any) -> Any:
    """A tangent with the dtype of the value; complex where the value is, or where the map is not real."""
    return cast_like(t, y) if t is None or t.dtype.kind != "c" or strip(y).dtype.kind == "c" else t


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool = False) -> tuple[Any, ...]:
    """Value and directional derivative: f(x) and J v.

    Parameters
    ----------
    f : callable
        Function of ``len(primals)`` arguments; returns numbers, arrays or containers of them.
    primals : tuple
        The point: one array or container for each argument.
    tangents : tuple
        The direction, with the structure, shapes and dtypes of ``primals``.
    has_aux : bool
        ``f`` returns ``(output, auxiliary)``; the auxiliary output is appended to the result.

    Returns
    -------
    y, t : value and derivative, with the structure and shapes of the output of ``f``

    Raises
    ------
    ShapeError, StructureError, DTypeError
        If a direction does not fit the point, or the point is not of a floating dtype.

    Notes
    -----
    One evaluation of ``f`` with dual numbers: between one and three times the cost of ``f``; memory does not grow with depth.
    Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), section 3.1.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.jvp(np.sin, (0.0,), (2.0,))
    (np.float64(0.0), np.float64(2.0))
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise TypeError("jvp needs tuples of primals and tangents: hoad.jvp(f, (x,), (v,))")
    selection = select(f, tuple(range(len(primals))), tuple(primals), {})
    spec = flatten(tuple(selection.pack(selection.leaves)))[1]
    vs = flatten_like(tuple(tangents), selection.leaves, spec, "tangents")
    values, ts, out_spec, aux = dual_call(selection, vs, has_aux)
    y = unflatten(out_spec, values)
    t = unflatten(out_spec, [tangent_like(t, v) for t, v in zip(ts, values, strict=True)])
    return (y, t, aux) if has_aux else (y, t)


class Pullback:
    """Result of :func:`vjp`: maps a cotangent of the output to a tuple of cotangents of the arguments."""

    __slots__ = ("inputs", "outputs", "places", "selection", "spec", "tape")

    def __init__(self, selection: Selection, tape: list[Any], outputs: list[Any], places: list[Any], spec: Any) -> None:
        self.selection, self.tape, self.outputs, self.places, self.spec = selection, tape, outputs, places, spec
        self.inputs = len(selection.leaves)

    def leaves(self, cotangents: Sequence[Any]) -> list[Any]:
        seeds: dict[int, Any] = {}
        for p, c in zip(self.places, cotangents, strict=True):
            if p is not None:
                seeds[p] = seeds[p] + c if p in seeds else c
        found = [cast_like(c, x) for c, x in zip(backward(self.tape, -1, seeds, self.inputs), self.selection.leaves, strict=True)]
        return apart(found, cotangents)

    def __call__(self, u: Any) -> tuple[Any, ...]:
        return tuple(self.selection.parts(self.leaves(flatten_like(u, self.outputs, self.spec, "the cotangent"))))


def tape_call(selection: Selection, has_aux: bool = False) -> tuple[Pullback, Any]:
    """Run a call on a new tape."""
    tape: list[Any] = [None] * len(selection.leaves)
    with Level(tape) as level:
        boxes = [Node(level, x, i) for i, x in enumerate(selection.leaves)]
        out, aux = split_aux(selection.call(boxes), has_aux)
    leaves, spec = as_outputs(out)
    places = [o.aux if isinstance(o, Box) and o.level == level else None for o in leaves]
    values = [o.value if p is not None else o for o, p in zip(leaves, places, strict=True)]
    return Pullback(selection, tape, values, places, spec), _below(aux, level) if has_aux else None


def vjp(f: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Value and the map of cotangents: f(x) and u -> (Jᴴ u for each argument).

    Parameters
    ----------
    f : callable
        Function of ``len(primals)`` arguments.
    *primals
        The point.
    has_aux : bool
        ``f`` returns ``(output, auxiliary)``; the auxiliary output is appended to the result.

    Returns
    -------
    y : value
    pull : callable
        ``pull(u)`` is a tuple with one cotangent for each argument, for ``u`` with the structure and shapes of ``y``; it can
        be called any number of times.

    Raises
    ------
    ShapeError, StructureError, DTypeError
        If the point is not of a floating dtype, or ``u`` does not fit the output.

    Notes
    -----
    The inner product is Re Σ conj(u) v; for complex arrays the map is its adjoint.  The tape holds the intermediate values;
    one pull costs between one and four times ``f``.
    Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), section 3.2.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> y, pull = hoad.vjp(np.multiply, 3.0, 4.0)
    >>> pull(1.0)
    (np.float64(4.0), np.float64(3.0))
    """
    selection = select(f, tuple(range(len(primals))), primals, {})
    # The tape outlives this call, so it must not see later changes of the caller's arrays.
    selection.leaves = [x.copy() if type(x) is np.ndarray else x for x in selection.leaves]
    pullback, aux = tape_call(selection, has_aux)
    prune(pullback.tape, [p for p in pullback.places if p is not None], pullback.inputs)
    y = unflatten(pullback.spec, [v.copy() if type(v) is np.ndarray else v for v in pullback.outputs])
    return (y, pullback, aux) if has_aux else (y, pullback)


def _seed(value: Any) -> Any:
    plain = strip(value)
    return plain.dtype.type(1) if isinstance(plain, np.generic | np.ndarray) else np.ones_like(plain)


def value_and_grad(f: Function, argnums: ArgNums = 0, *, has_aux: bool = False, holomorphic: bool = False) -> Function:
    """Function that returns the value of ``f`` and its gradient; see :func:`grad`.

    Parameters
    ----------
    f : callable
        Returns a real scalar (or ``(scalar, auxiliary)`` with ``has_aux``).
    argnums : int, str or tuple of them
        What to differentiate with respect to: positions or names.
    has_aux : bool
        The value part of the result becomes ``(value, auxiliary)``.
    holomorphic : bool
        ``f`` is a holomorphic function of complex arguments; returns its complex derivative.

    Returns
    -------
    callable
        Same arguments as ``f``; returns ``(value, gradient)``.

    Raises
    ------
    NotScalarError, DTypeError
        When called, if ``f`` does not return a real scalar or the argument is not of a floating dtype.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.value_and_grad(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    (np.float64(9.0), array([ 3., 12.]))
    """

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        selection = select(f, argnums, args, kwargs)
        if holomorphic and any(strip(x).dtype.kind != "c" for x in selection.leaves):
            raise DTypeError("grad(holomorphic=True) needs complex arguments; give it x.astype(complex).")
        leaves = selection.leaves
        tape: list[Any] = [None] * len(leaves)
        with Level(tape) as level:
            out, aux = split_aux(selection.call([Node(level, x, i) for i, x in enumerate(leaves)]), has_aux)
        out = scalar_output(out, "grad", holomorphic)
        if isinstance(out, Box) and out.level == level:
            value = out.value
            gradient = backward(tape, out.aux, _seed(value), len(leaves), once=True)
        else:
            value, gradient = out, [None] * len(leaves)
        done = [cast_like(c, x) for c, x in zip(gradient, leaves, strict=True)]
        done = apart(done) if len(done) > 1 else done
        if holomorphic:
            done = [np.conjugate(c) for c in done]
        return ((value, _below(aux, level)) if has_aux else value), selection.pack(done)

    return wrapped


def grad(f: Function, argnums: ArgNums = 0, *, has_aux: bool = False, holomorphic: bool = False) -> Function:
    """Function that returns the gradient of a scalar function.

    Parameters
    ----------
    f : callable
        Returns a real scalar (or ``(scalar, auxiliary)`` with ``has_aux``).
    argnums : int, str or tuple of them
        What to differentiate with respect to: positions or names.
    has_aux : bool
        Return ``(gradient, auxiliary)``.
    holomorphic : bool
        ``f`` is a holomorphic function of complex arguments; returns its complex derivative.

    Returns
    -------
    callable
        Same arguments as ``f``; returns the gradient with the structure, shapes and dtypes of the argument.  For a complex
        argument z = x + iy it is ∂f/∂x + i ∂f/∂y, the direction of steepest ascent.

    Raises
    ------
    NotScalarError, DTypeError
        When called, if ``f`` does not return a real scalar or the argument is not of a floating dtype.

    Notes
    -----
    One reverse sweep: at most about five times the cost of ``f``, whatever the number of arguments.
    Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), section 3.2.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.grad(lambda x: np.sum(np.sin(x)))(np.zeros(3))
    array([1., 1., 1.])
    """
    both = value_and_grad(f, argnums, has_aux=has_aux, holomorphic=holomorphic)

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


# -- Jacobians: one pass with a block of directions, carried as a hidden axis ------------------------------------------------------


def basis(leaves: Sequence[Any]) -> list[Any]:
    """Unit directions: for each leaf an array (number of all elements, *shape of the leaf)."""
    sizes = [int(np.prod(shape_of(x))) for x in leaves]
    total, start, out = sum(sizes), 0, []
    for x, n in zip(leaves, sizes, strict=True):
        plain = strip(x)
        block = np.zeros((total, n), plain.dtype)
        block[np.arange(start, start + n), np.arange(n)] = 1
        if not isinstance(plain, np.ndarray | np.generic):
            block = _on_device(plain, block)
        out.append(block.reshape(total, *shape_of(x)))
        start += n
    return out


def _on_device(like: Any, block: Any) -> Any:
    from hoad.backends import of

    return of(like).asarray(block)


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
            x = x.value
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


def _check_real_or_holomorphic(leaves: Sequence[Any], holomorphic: bool, name: str) -> None:
    if not holomorphic and any(strip(x).dtype.kind == "c" for x in leaves):
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
        _check_real_or_holomorphic(leaves, holomorphic, "the Jacobian")
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
        _check_real_or_holomorphic(leaves, holomorphic, "the Jacobian")
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
