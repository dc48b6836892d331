"""Second derivatives: Hessian-vector products in three compositions, Hessians, and vᵀ H w without a backward pass."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal

from hoad.core.box import Box, shape_of
from hoad.core.level import Level
from hoad.core.series import curve, mixed
from hoad.core.space import cast_like, flatten_like, unflatten
from hoad.errors import NotScalarError
from hoad.modes import taylor
from hoad.modes.batch import Batched
from hoad.modes.forward import Dual
from hoad.modes.forward import unpack as unpack_dual
from hoad.modes.reverse import Node, Tape, backward
from hoad.transforms.arguments import ArgNums, Selection, scalar_output, select
from hoad.transforms.first import seed_of
from hoad.transforms.jacobian import basis, blocks, check_real_or_holomorphic, jacfwd, jacrev, over_block

__all__ = ["hessian", "hvp", "value_grad_and_hvp", "vhv"]

Function = Callable[..., Any]
Mode = Literal["reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"]
MODES: tuple[str, ...] = ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse")


def _directions(selection: Selection, v: Any, what: str = "v") -> list[Any]:
    spec = selection.specs[0][1]
    return flatten_like(v, selection.leaves, spec, what)


def reverse_over_forward(selection: Selection, vs: list[Any]) -> list[Any]:
    """Gradient of the directional derivative: a tape of dual arithmetic, swept once."""
    leaves = selection.leaves
    tape = Tape(len(leaves))
    with Level(tape) as outer:
        nodes = [Node(outer, x, i) for i, x in enumerate(leaves)]
        with Level(True) as inner:
            out = selection.call([Dual(inner, n, v) for n, v in zip(nodes, vs, strict=True)])
        _, t = unpack_dual(scalar_output(out, "hvp"), inner)
    if not isinstance(t, Box) or t.level != outer:
        return [cast_like(None, x) for x in leaves]
    return [cast_like(c, x) for c, x in zip(backward(tape, t.aux, seed_of(t.value), len(leaves), once=True), leaves, strict=True)]


def forward_over_reverse(selection: Selection, vs: list[Any]) -> tuple[Any, list[Any], list[Any]]:
    """Value, gradient and H v from one sweep in dual arithmetic."""
    leaves = selection.leaves
    with Level(True) as outer:
        duals = [Dual(outer, x, v) for x, v in zip(leaves, vs, strict=True)]
        tape = Tape(len(leaves))
        with Level(tape) as inner:
            out = selection.call([Node(inner, d, i) for i, d in enumerate(duals)])
        out = scalar_output(out, "hvp")
        if isinstance(out, Box) and out.level == inner:
            value, gradient = out.value, backward(tape, out.aux, seed_of(out.value), len(leaves), once=True)
        else:
            value, gradient = out, [None] * len(leaves)
    value, _ = unpack_dual(value, outer)
    pairs = [(None, None) if g is None else unpack_dual(g, outer) for g in gradient]
    return (
        value,
        [cast_like(g, x) for (g, _), x in zip(pairs, leaves, strict=True)],
        [cast_like(h, x) for (_, h), x in zip(pairs, leaves, strict=True)],
    )


def reverse_over_reverse(selection: Selection, vs: list[Any]) -> list[Any]:
    """Gradient of <gradient, v>."""
    leaves = selection.leaves
    tape = Tape(len(leaves))
    with Level(tape) as outer:
        nodes = [Node(outer, x, i) for i, x in enumerate(leaves)]
        inner_tape = Tape(len(leaves))
        with Level(inner_tape) as inner:
            out = selection.call([Node(inner, n, i) for i, n in enumerate(nodes)])
        out = scalar_output(out, "hvp")
        if not isinstance(out, Box) or out.level != inner:
            return [cast_like(None, x) for x in leaves]
        gradient = backward(inner_tape, out.aux, seed_of(out.value), len(leaves), once=True)
    seeds: dict[int, Any] = {}
    for g, v in zip(gradient, vs, strict=True):
        if isinstance(g, Box) and g.level == outer:
            seeds[g.aux] = seeds[g.aux] + v if g.aux in seeds else v
    return [cast_like(c, x) for c, x in zip(backward(tape, -1, seeds, len(leaves), once=True), leaves, strict=True)]


def hvp(f: Function, x: Any, v: Any, *, mode: Mode = "reverse-over-forward") -> Any:
    """Hessian-vector product H v of a scalar function.

    Parameters
    ----------
    f : callable
        Function of one argument that returns a real scalar.
    x : array or container
        The point.
    v : like x
        The direction.
    mode : {"reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"}
        The composition; the numbers are the same.

    Returns
    -------
    like x
        H v, exact to rounding.

    Raises
    ------
    NotScalarError, ShapeError, StructureError, DTypeError
        If ``f`` does not return a real scalar, or x and v do not fit.

    Notes
    -----
    About two gradients, in time and memory.
    Source: Pearlmutter (1994), Fast exact multiplication by the Hessian.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.hvp(lambda x: x[0] ** 2 * x[1], np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([4., 2.])
    """
    selection = select(f, 0, (x,), {})
    vs = _directions(selection, v)
    if mode == "reverse-over-forward":
        return selection.pack(reverse_over_forward(selection, vs))
    if mode == "forward-over-reverse":
        return selection.pack(forward_over_reverse(selection, vs)[2])
    if mode == "reverse-over-reverse":
        return selection.pack(reverse_over_reverse(selection, vs))
    raise ValueError(f"mode={mode!r}, expected one of {MODES}")


def value_grad_and_hvp(f: Function, x: Any, v: Any) -> tuple[Any, Any, Any]:
    """Value, gradient and Hessian-vector product from one pass.

    Parameters
    ----------
    f : callable
        Function of one argument that returns a real scalar.
    x : array or container
        The point.
    v : like x
        The direction.

    Returns
    -------
    value, gradient, hv

    Raises
    ------
    NotScalarError, ShapeError, StructureError, DTypeError
        If ``f`` does not return a real scalar, or x and v do not fit.

    Examples
    --------
    >>> import hoad
    >>> hoad.value_grad_and_hvp(lambda x: x**3, 2.0, 1.0)
    (np.float64(8.0), np.float64(12.0), np.float64(12.0))
    """
    selection = select(f, 0, (x,), {})
    value, gradient, product = forward_over_reverse(selection, _directions(selection, v))
    return value, selection.pack(gradient), selection.pack(product)


def vhv(f: Function, x: Any, v: Any, w: Any = None) -> Any:
    """Second directional derivative vᵀ H w, without a backward pass.

    Parameters
    ----------
    f : callable
        Function of one argument; any output.
    x : array or container
        The point.
    v, w : like x
        The directions; ``w`` is ``v`` by default.

    Returns
    -------
    like the output of f
        d²/ds dt of f(x + s v + t w) at 0.

    Raises
    ------
    ShapeError, StructureError, DTypeError
        If the directions do not fit the point.

    Notes
    -----
    One evaluation with hyper-dual numbers: four coefficients for v and w, three for v alone.
    Source: Fike & Alonso (2011), The development of hyper-dual numbers for exact second-derivative calculations.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.vhv(lambda x: x[0] ** 2 * x[1], np.array([1.0, 2.0]), np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    np.float64(2.0)
    """
    selection = select(f, 0, (x,), {})
    vs = _directions(selection, v)
    if w is None:
        algebra, rows, scale = curve(2), [[p, a] for p, a in zip(selection.leaves, vs, strict=True)], 2
    else:
        algebra, scale = mixed((1, 1)), 1
        rows = [[p, a, b] for p, a, b in zip(selection.leaves, vs, _directions(selection, w, "w"), strict=True)]
    out, level = taylor.expand(algebra, lambda *a: selection.call(a), rows)
    from hoad.transforms.arguments import as_outputs

    leaves, spec = as_outputs(out)
    results = []
    for y in leaves:
        c = taylor.unpack(y, level, len(algebra))
        results.append(cast_like(None if c[-1] is None else c[-1] * scale, c[0]))
    return unflatten(spec, results)


def hessian(f: Function, argnums: ArgNums = 0) -> Function:
    """Function that returns the Hessian of a scalar function.

    Parameters
    ----------
    f : callable
        Returns a real scalar, or an array, of which each entry has its own Hessian.
    argnums : int, str or tuple of them
        What to differentiate with respect to.

    Returns
    -------
    callable
        Returns second derivatives: for output of shape t and argument of shape s, an array of shape t + s + s; nested
        containers if the argument is one.

    Raises
    ------
    DTypeError
        For integer or complex arguments.

    Notes
    -----
    Scalar output: one pass with a block of n directions, about n Hessian-vector products whose values are shared.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        selection = select(f, argnums, args, kwargs)
        check_real_or_holomorphic(selection.leaves, False, "the Hessian")
        leaves = selection.leaves
        units = basis(leaves)
        size = units[0].shape[0]
        shapes: list[Any] = []

        def noted(*a: Any, **k: Any) -> Any:
            out = f(*a, **k)
            shapes.append(shape_of(out))
            return out

        selection.f = noted
        try:
            products = over_block(
                size, leaves, lambda level: reverse_over_forward(selection, [Batched(level, u, None) for u in units])
            )
        except NotScalarError:
            if shapes and shapes[-1] == ():
                raise
            return jacfwd(jacrev(f, argnums), argnums)(*args, **kwargs)
        out = [selection.pack(blocks(product, leaves, product.shape[1:])) for product in products]
        return selection.pack(out)

    return wrapped
