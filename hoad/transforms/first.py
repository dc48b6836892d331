"""First derivatives: jvp, vjp and gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from hoad.core.box import Box, held, peek, shape_of
from hoad.core.level import Level
from hoad.core.space import apart, cast_like, flatten, flatten_like, unflatten
from hoad.errors import DTypeError
from hoad.modes import masked  # noqa: F401  # sweeps over a tape with a where need it
from hoad.modes.forward import Dual
from hoad.modes.forward import unpack as unpack_dual
from hoad.modes.reverse import Node, Tape, backward, prune
from hoad.transforms.arguments import ArgNums, Selection, as_outputs, scalar_output, select, split_aux

__all__ = ["grad", "jvp", "value_and_grad", "vjp"]

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
    return unflatten(spec, [held(leaf) if isinstance(leaf, Box) and leaf.level in (level, 0) else leaf for leaf in leaves])


def tangent_like(t: Any, y: Any) -> Any:
    """A tangent with the dtype of the value; complex where the value is, or where the map is not real."""
    return cast_like(t, y) if t is None or t.dtype.kind != "c" or peek(y).dtype.kind == "c" else t


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

    def __init__(self, selection: Selection, tape: Tape, outputs: list[Any], places: list[Any], spec: Any) -> None:
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
    tape = Tape(len(selection.leaves))
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


def seed_of(value: Any) -> Any:
    plain = peek(value)
    if isinstance(plain, np.generic | np.ndarray):
        return plain.dtype.type(1)
    return np.ones_like(plain, shape=shape_of(value))


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
        if holomorphic and any(peek(x).dtype.kind != "c" for x in selection.leaves):
            raise DTypeError("grad(holomorphic=True) needs complex arguments; give it x.astype(complex).")
        leaves = selection.leaves
        tape = Tape(len(leaves))
        with Level(tape) as level:
            out, aux = split_aux(selection.call([Node(level, x, i) for i, x in enumerate(leaves)]), has_aux)
        out = scalar_output(out, "grad", holomorphic)
        if isinstance(out, Box) and out.level == level:
            value = out.value
            gradient = backward(tape, out.aux, seed_of(value), len(leaves), once=True)
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
