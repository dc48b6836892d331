"""Implicit functions: the solution of residual(z, *args) = 0, found by any solver and differentiated through the residual.

The solver sees plain arrays only.  With J = dR/dz at the solution,
  forward: dz = -J^-1 dR(dargs);  reverse: l = -J^-T g, then the cotangents of R at l;
  Taylor: z_n = -J^-1 of coefficient n of R evaluated with z_n = 0, because z_n enters that coefficient only through J.
J and the solves are written in differentiable functions at the solution of the next lower level, so the rules differentiate each
other to any order.
Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 15; Blondel et al. (2022), arXiv:2105.15183.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from hoad.backends import like, truth
from hoad.core.box import Box, bare, ops, peek, shape_of
from hoad.core.engine import engine
from hoad.core.primitive import Primitive
from hoad.core.series import Algebra, Series
from hoad.core.space import flatten, leaf_zeros, unflatten
from hoad.errors import ClosureError, ImplicitError
from hoad.transforms.arguments import as_outputs
from hoad.transforms.solutions import Equations, examine

__all__ = ["implicit", "implicit_primitive"]

Function = Callable[..., Any]


def implicit(
    residual: Function,
    solver: Function,
    *,
    structure: Literal["dense", "pointwise"] = "dense",
    components: int | None = None,
    check: bool = True,
    tolerance: float | None = None,
) -> Function:
    """The solution z of ``residual(z, *args) = 0`` as a function of ``args``, with derivatives of any order in every mode.

    Parameters
    ----------
    residual : callable
        ``residual(z, *args)``, an array of the shape of z, in differentiable functions; zero at the solution.
    solver : callable
        ``solver(*args)`` -> z, a real number or array.  It gets plain arrays and may be anything: an iteration, a root finder
        of SciPy, a table.  It is never differentiated.
    structure : {"dense", "pointwise"}
        "dense": every equation may depend on every unknown; the Jacobian is one matrix with ``z.size`` rows.
        "pointwise": z has the shape ``(m, *points)``, or ``(*points)`` for one unknown at each point, and equations depend only on
        the unknowns at their own point; the Jacobian is one m x m block for each point.
    components : int, optional
        The number m for "pointwise".  By default 1 if z has at most one axis, else the length of its first axis.  Give
        ``components=1`` for a field of scalars with several axes, which the default treats correctly but at the cost of a
        larger Jacobian, and ``components=m`` for z of the shape ``(m,)`` at a single point.
    check : bool
        Examine each solution: that it solves the equations, that the Jacobian is invertible and that the structure is as
        stated.
    tolerance : float, optional
        The largest Newton correction of a solution that is accepted, relative to the largest \\|z\\| or to the change of z when
        the arguments change by their own size, whichever is larger; ``eps**0.4`` by default, 5e-7 in double precision.  If z
        and this change are both zero, a correction below ``eps**0.5`` is accepted.

    Returns
    -------
    callable
        ``solve(*args)`` -> z.  Arguments are arrays, numbers or containers of them, traced or plain.

    Raises
    ------
    ImplicitError
        When called: the result does not solve the equations, the Jacobian is singular (reciprocal condition number below 8
        machine epsilons after its rows and columns were scaled), a shape does not fit, the structure is violated, or something
        is complex.  Singular Jacobians and wrong shapes are reported also with ``check=False``.
    ClosureError
        If ``residual`` or ``solver`` uses a traced value that is not an argument.

    Notes
    -----
    Derivatives are those of the exact solution through z, evaluated at the z that the solver returned: their error is of the
    order of the error of z.  One derivative costs one evaluation of the residual in its mode and one Jacobian with its solves
    (m directions for a block of m components); the solver runs once, whatever the order.  Under ``vmap`` the solver is called
    for each entry of the batch, the derivatives are computed for all entries at once.  The check costs one Jacobian, its
    inverse and one solve for each solution; the structure is examined, with one more Jacobian, when a derivative is taken.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> def newton(e, mean_anomaly):
    ...     z = mean_anomaly
    ...     for _ in range(50):
    ...         z = z - (z - e * np.sin(z) - mean_anomaly) / (1 - e * np.cos(z))
    ...     return z
    >>> kepler = hoad.implicit(lambda z, e, mean_anomaly: z - e * np.sin(z) - mean_anomaly, newton)
    >>> hoad.grad(kepler, 1)(0.5, 0.0), hoad.hessian(kepler, 0)(0.5, 0.0)
    (np.float64(2.0), np.float64(0.0))
    """
    if structure not in ("dense", "pointwise"):
        raise ValueError(f"structure is {structure!r}, expected 'dense' or 'pointwise'.")
    if components is not None and (structure == "dense" or components < 1):
        raise ValueError("components is the number of unknowns at one point, at least 1, for structure='pointwise'.")

    def solve(*args: Any) -> Any:
        leaves, spec = flatten(args)

        def of_leaves(z: Any, *xs: Any) -> Any:
            parts, container = as_outputs(residual(z, *unflatten(spec, xs)))
            if container is not None or shape_of(parts[0]) != shape_of(z):
                raise ImplicitError.shape(tuple(map(shape_of, parts)) if container is not None else shape_of(parts[0]), shape_of(z))
            return parts[0]

        traced = any(isinstance(x, Box) for x in leaves)
        equations = _equations(of_leaves, structure, components)

        def native(*xs: Any) -> Any:
            z = _plain_solution(solver(*unflatten(spec, xs)), xs)
            r = of_leaves(z, *xs)
            if isinstance(r, Box):
                raise ClosureError.closes_over("hoad.implicit")
            if peek(r).dtype.kind == "c":
                raise ImplicitError.complex_numbers("the residual")
            if check:
                examine(equations, z, r, xs, tolerance, pointwise=traced and structure == "pointwise")
            return z

        return implicit_primitive(native, equations, _mapped).bind(*leaves)

    return solve


def _plain_solution(z: Any, xs: Any) -> Any:
    """A solver's result as a real floating array (a NumPy scalar if it has no axes)."""
    if isinstance(z, Box):
        raise ClosureError.closes_over("hoad.implicit")
    if not hasattr(z, "dtype"):
        z = np.asarray(z)[()]
    if z.dtype.kind == "c":
        raise ImplicitError.complex_numbers("the solver's result")
    for x in xs:
        if getattr(x, "dtype", np.dtype(float)).kind == "c" or isinstance(x, complex):
            raise ImplicitError.complex_numbers("an argument")
    return z if z.dtype.kind == "f" else z.astype(float)


# -- the linearised equations ------------------------------------------------------------------------------------------------


def _equations(residual: Function, structure: str, components: int | None) -> Equations:
    def layout(shape: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        """Components and points; one component needs no matrices."""
        m = math.prod(shape) if structure == "dense" else components or (shape[0] if len(shape) > 1 else 1)
        if m == 1:
            return 1, shape
        if structure == "dense":
            return m, ()
        if not shape or shape[0] != m:
            raise ImplicitError.components(shape, m)
        return m, shape[1:]

    def jacobian(z: Any, *xs: Any) -> Any:
        shape = shape_of(z)
        m, points = layout(shape)

        def along(v: Any) -> Any:
            t = engine.push(lambda z: residual(z, *xs), [z], [v])[1]
            return leaf_zeros(z) if t is None else t

        plain = peek(z)
        if m == 1:
            return along(like(np.ones(shape, plain.dtype)[()], plain))
        unit = np.broadcast_to(np.eye(m, dtype=plain.dtype).reshape(m, m, *(1,) * len(points)), (m, m, *points))
        columns = engine.batched(m, along, [like(unit.reshape(m, *shape), plain)], [True])
        columns = ops.reshape(columns, (m, m, *points))
        return ops.transpose(columns, (*range(2, 2 + len(points)), 1, 0))

    def solve(j: Any, r: Any) -> Any:
        shape = shape_of(r)
        m, points = layout(shape)
        if m == 1:
            if not truth((bare(j) != 0).all()):
                raise ImplicitError.singular(0.0)
            return r / j
        rank = len(points)
        columns = ops.transpose(ops.reshape(r, (m, *points)), (*range(1, rank + 1), 0))
        try:
            x = np.linalg.solve(j, columns[..., None])[..., 0]
        except np.linalg.LinAlgError:
            raise ImplicitError.singular(0.0) from None
        return ops.reshape(ops.transpose(x, (rank, *range(rank))), shape)

    def solve_adjoint(j: Any, g: Any) -> Any:
        return solve(j if layout(shape_of(g))[0] == 1 else ops.swapaxes(j, -1, -2), g)

    return Equations(residual, jacobian, solve, solve_adjoint)


def _mapped(equations: Equations, size: int, flags: list[bool]) -> Equations:
    """The equations of all entries of a hidden leading axis; z carries it, arguments as flagged."""

    def over(f: Function, *own: bool) -> Function:
        return lambda *a: engine.batched(size, f, a, [*own, *flags] if len(own) == 1 else own)

    return Equations(
        over(equations.residual, True),
        over(equations.jacobian, True),
        over(equations.solve, True, True),
        over(equations.solve_adjoint, True, True),
    )


Mapping = Callable[[Equations, int, list[bool]], Equations]


def implicit_primitive(native: Function, equations: Equations, mapped: Mapping) -> Primitive:
    """A primitive whose value is ``native(*xs)`` and whose derivatives in every mode are those of the equations.

    ``mapped`` gives the equations of all entries of a hidden axis.  What ``equations.jacobian`` returns is only ever handed to
    ``equations.solve`` and ``equations.solve_adjoint``, so it may be a matrix, blocks, or just the point.
    """

    def forward(z: Any, xs: Any, ts: Any, kw: Any) -> Any:
        r = engine.push(lambda *x: equations.residual(z, *x), xs, ts)[1]
        return None if r is None else -equations.solve(equations.jacobian(z, *xs), r)

    def reverse(z: Any, xs: Any, kw: Any, which: Any) -> Any:
        def pull(g: Any) -> Any:
            back = engine.pull(lambda *x: equations.residual(z, *x), xs, which)[1]
            return back(-equations.solve_adjoint(equations.jacobian(z, *xs), g))

        return pull

    def taylor(algebra: Algebra, z: Series, xs: list[Series], kw: dict[str, Any], memo: Any) -> Callable[[int], Any]:
        jacobian: list[Any] = []

        def rule(n: int) -> Any:
            guess = Series([*z.c[:n], None])
            known = [Series([x[i] for i in range(n + 1)]) for x in xs]
            r = engine.series(algebra, equations.residual, [guess, *known], {})[n]
            if r is None:
                return None
            if not jacobian:
                jacobian.append(equations.jacobian(z.c[0], *[x.c[0] for x in xs]))
            return -equations.solve(jacobian[0], r)

        return rule

    def batch(prim: Primitive, size: int, xs: Any, flags: list[bool], kw: Any) -> Any:
        def each(*values: Any) -> Any:
            rows = [native(*[x[i] if flag else x for x, flag in zip(values, flags, strict=True)]) for i in range(size)]
            return np.stack(rows)

        return implicit_primitive(each, mapped(equations, size, list(flags)), mapped).bind(*xs)

    return Primitive("implicit", native, "implicit", forward=forward, reverse=reverse, taylor=taylor, batch=batch)
