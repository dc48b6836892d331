"""Rules of one's own: custom_jvp, custom_vjp, checkpoint, stop_gradient, and ``primitive`` with hoad's own declarations."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import numpy as np

from hoad.core import kinds
from hoad.core.box import Box, Buffer
from hoad.core.engine import engine
from hoad.core.primitive import Primitive, expose, primitives
from hoad.core.space import Spec, flatten, leaf_zeros, map_leaves, unflatten
from hoad.errors import ClosureError, RuleError, StructureError
from hoad.modes.batch import Batched
from hoad.modes.forward import Dual
from hoad.modes.record import Recorded
from hoad.modes.reverse import Node
from hoad.modes.taylor import Jet
from hoad.transforms.arguments import as_outputs

__all__ = ["checkpoint", "custom_jvp", "custom_vjp", "primitive", "stop_gradient"]

Function = Callable[..., Any]


def stop_gradient(x: Any) -> Any:
    """The same numbers, without their derivatives.

    Parameters
    ----------
    x : array or container
        Traced or plain.

    Returns
    -------
    like x
        Constant in every differentiation in progress; still a batch under ``vmap``.

    Examples
    --------
    >>> import hoad
    >>> hoad.grad(lambda x: x * hoad.stop_gradient(x))(3.0)
    np.float64(3.0)
    """
    return map_leaves(_plain, x)


def _plain(x: Any) -> Any:
    if isinstance(x, Dual | Node | Jet | Buffer):
        value = _plain(x.value)
        if isinstance(value, Box):
            return value.snapshot()
        return value.copy() if type(value) is np.ndarray else value  # what the user writes into it must not reach x
    if isinstance(x, Batched | Recorded):
        return x.__class__(x.level, _plain(x.value), x.aux)
    return x


class _Call:
    """A function of leaves made from a function of containers, with the structures remembered."""

    __slots__ = ("f", "in_spec", "kwargs", "out_spec", "what")

    def __init__(self, f: Function, in_spec: Spec, kwargs: dict[str, Any], what: str) -> None:
        self.f, self.in_spec, self.kwargs, self.what = f, in_spec, kwargs, what
        self.out_spec: Spec = None

    def leaves(self, *leaves: Any) -> Any:
        """Outputs as a tuple of leaves."""
        out, self.out_spec = as_outputs(self.f(*unflatten(self.in_spec, leaves), **self.kwargs))
        return tuple(out)

    def native(self, *leaves: Any) -> Any:
        out = self.leaves(*leaves)
        batches = {x.level for x in leaves if isinstance(x, Batched)}  # vmap maps the function itself
        if any(isinstance(_under(y, batches), Box) for y in out):
            raise ClosureError.closes_over(self.what)
        return out


def _under(y: Any, batches: set[Any]) -> Any:
    while isinstance(y, Batched) and y.level in batches:
        y = y.value
    return y


def _flat(args: tuple[Any, ...]) -> tuple[list[Any], Spec]:
    leaves, spec = flatten(args)
    return leaves, spec


def _bind(prim: Primitive, call: _Call, leaves: list[Any]) -> Any:
    out = prim.bind(*leaves)
    return unflatten(call.out_spec, out)


def _checked(parts: Any, like: Any, name: str, mode: str) -> tuple[Any, ...]:
    """Leaves of what a rule returned, which must fit the leaves ``like``."""
    found = flatten(parts)[0] if not isinstance(parts, tuple) or len(parts) != len(like) else list(parts)
    found = [leaf for part in found for leaf in flatten(part)[0]] if len(found) == len(like) else found
    if len(found) != len(like):
        raise RuleError.shape(name, mode, f"{len(found)} arrays", f"{len(like)}")
    out = []
    for c, x in zip(found, like, strict=True):
        if c is None:
            out.append(leaf_zeros(x))
            continue
        c = as_outputs(c)[0][0]
        if c.shape != x.shape:
            raise RuleError.shape(name, mode, c.shape, x.shape)
        out.append(c)
    return tuple(out)


class custom_jvp:  # a decorator
    """Give a function its own forward rule, from which every other mode follows.

    Parameters
    ----------
    f : callable
        The function; called with plain numbers only.

    Notes
    -----
    ``f.defjvp(rule)`` with ``rule(primals, tangents) -> (y, t)``, linear in the tangents and written in differentiable
    functions.  Reverse mode transposes the rule, Taylor mode follows its flow, ``vmap`` maps it; higher orders differentiate
    it.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> @hoad.custom_jvp
    ... def log1pexp(x):
    ...     return np.log1p(np.exp(x))
    >>> @log1pexp.defjvp
    ... def _(primals, tangents):
    ...     (x,), (v,) = primals, tangents
    ...     return log1pexp(x), v / (1 + np.exp(-x))
    >>> hoad.grad(log1pexp)(0.0), hoad.hessian(log1pexp)(0.0)
    (np.float64(0.5), np.float64(0.25))
    """

    def __init__(self, f: Function) -> None:
        self.f = f
        self.rule: Function | None = None
        update_wrapper(self, f)

    def defjvp(self, rule: Function) -> Function:
        """Set the rule; usable as a decorator."""
        self.rule = rule
        return rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, spec = _flat(args)
        if not any(isinstance(x, Box) for x in leaves):
            return self.f(*args, **kwargs)
        name = getattr(self.f, "__name__", "the function")
        call = _Call(self.f, spec, kwargs, "custom_jvp")

        def tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
            if self.rule is None:
                raise RuleError.missing(name, "forward", f"one with {name}.defjvp")
            result = self.rule(unflatten(spec, xs), unflatten(spec, ts), **kwargs)
            if not isinstance(result, tuple) or len(result) != 2:
                raise StructureError(f"the jvp rule of {name} must return (value, tangent)")
            return _checked(flatten(result[1])[0], y, name, "jvp")

        prim = kinds.opaque(name, call.native, tangent, multi=True, batch=_mapped(call.native, tangent))
        return _bind(prim, call, leaves)


class custom_vjp:  # a decorator
    """Give a function its own reverse rule; forward and Taylor mode transpose it.

    Parameters
    ----------
    f : callable
        The function; called with plain numbers only.

    Notes
    -----
    ``f.defvjp(fwd, bwd)`` with ``fwd(*args) -> (y, residuals)`` and ``bwd(residuals, u) -> one cotangent for each argument``,
    linear in u and written in differentiable functions.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> @hoad.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda _, u: (u * 0.5,))
    >>> hoad.grad(clipped)(1.0), hoad.jvp(clipped, (1.0,), (1.0,))[1]
    (np.float64(0.5), np.float64(0.5))
    """

    def __init__(self, f: Function) -> None:
        self.f = f
        self.fwd: Function | None = None
        self.bwd: Function | None = None
        update_wrapper(self, f)

    def defvjp(self, fwd: Function, bwd: Function) -> None:
        """Set the rule."""
        self.fwd, self.bwd = fwd, bwd

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, spec = _flat(args)
        if not any(isinstance(x, Box) for x in leaves):
            return self.f(*args, **kwargs)
        name = getattr(self.f, "__name__", "the function")
        call = _Call(self.f, spec, kwargs, "custom_vjp")

        def cotangents(xs: Any, gs: Any) -> tuple[Any, ...]:
            if self.fwd is None or self.bwd is None:
                raise RuleError.missing(name, "reverse", f"one with {name}.defvjp")
            y, residuals = self.fwd(*unflatten(spec, xs), **kwargs)
            u = unflatten(flatten(y)[1], gs)
            return _checked(self.bwd(residuals, u), xs, name, "vjp")

        def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
            def pull(gs: Any) -> Any:
                found = cotangents(xs, [leaf_zeros(v) if g is None else g for g, v in zip(gs, y, strict=True)])
                return [found[i] for i in which]

            return pull

        def tangent(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
            """J t as the transpose of u -> Jᴴ u."""
            _, back = engine.pull(lambda *us: cotangents(xs, us), [leaf_zeros(v) for v in y], range(len(y)))
            return tuple(leaf_zeros(v) if c is None else c for c, v in zip(back(tuple(ts)), y, strict=True))

        prim = kinds.opaque(name, call.native, tangent, multi=True, reverse=reverse, batch=_mapped(call.native, tangent))
        return _bind(prim, call, leaves)


def _mapped(native: Function, tangent: Function) -> Function:
    """Batching rule: the same primitive with its function and its tangent rule mapped over the hidden axis."""

    def batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
        count = len(xs)

        def tangents(y: Any, xs2: Any, ts: Any, kw2: Any) -> Any:
            out_flags = [True] * len(y)
            return engine.batched(
                size,
                lambda *a: tuple(tangent(a[: len(y)], list(a[len(y) : len(y) + count]), list(a[len(y) + count :]), kw2)),
                [*y, *xs2, *ts],
                [*out_flags, *flags, *flags],
            )

        wide = kinds.opaque(prim.name, lambda *a: engine.batched(size, native, a, flags), tangents, multi=True)
        wide.batch = _mapped(wide.native, tangents)
        return wide.bind(*xs)

    return batch


def checkpoint(f: Function) -> Function:
    """The same function, whose intermediate values are computed again in the reverse sweep instead of being stored.

    Parameters
    ----------
    f : callable
        Any function; it must give the same result when it is called again (no hidden random state).

    Returns
    -------
    callable

    Raises
    ------
    ClosureError
        When called, if ``f`` uses a traced value that is not an argument.

    Notes
    -----
    Memory of the inputs and outputs only; one more evaluation of ``f`` in each reverse sweep.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> hoad.grad(hoad.checkpoint(lambda x: np.sin(np.sin(x))))(0.0)
    np.float64(1.0)
    """

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        leaves, spec = _flat(args)
        if not any(isinstance(x, Box) for x in leaves):
            return f(*args, **kwargs)
        call = _Call(f, spec, kwargs, "checkpoint")

        def forward(y: Any, xs: Any, ts: Any, kw: Any) -> Any:
            return engine.push(call.leaves, xs, ts)[1]

        def reverse(y: Any, xs: Any, kw: Any, which: Any) -> Any:
            return lambda gs: engine.pull(call.leaves, xs, which)[1](gs)

        def taylor(algebra: Any, y: Any, xs: Any, kw: Any, memo: Any) -> Any:
            parts: list[Any] = []

            def rule(n: int) -> Any:
                if not parts:
                    parts.extend(engine.series(algebra, call.leaves, xs, {}))
                return tuple(p[n] for p in parts)

            return rule

        def batch(prim: Any, size: int, xs: Any, flags: Any, kw: Any) -> Any:
            return engine.batched(size, call.leaves, xs, flags)

        prim = Primitive(
            "checkpoint",
            call.native,
            "composite",
            forward=forward,
            reverse=reverse,
            taylor=taylor,
            batch=batch,
            multi=True,
        )
        return _bind(prim, call, leaves)

    update_wrapper(wrapped, f)
    return wrapped


_KINDS = ("constant", "elementwise", "linear", "multilinear", "implicit", "composite", "tangent")


def primitive(native: Function | None = None, *, name: str | None = None, **declaration: Any) -> Any:
    """Register a function of one's own with the declarations that hoad itself uses; every mode follows.

    Parameters
    ----------
    native : callable, optional
        Computes the value from plain arrays; without it, ``primitive`` is a decorator.  If it is a ufunc, calls of the ufunc
        itself are differentiated too.
    name : str, optional
        By default the name of ``native``.
    **declaration
        Exactly one of

        - ``elementwise=slope`` or a tuple of slopes, ``slope(y, *xs)`` = ∂y/∂xᵢ;
        - ``linear=transpose``, ``transpose(g, shape)``;
        - ``multilinear=(transpose, ...)``, ``transpose(g, xs)`` for each argument;
        - ``implicit=(residual, solve, solve_adjoint)``, ``residual(y, *xs)`` = 0, ``solve(r, y, xs)`` = (∂F/∂y)⁻¹ r;
        - ``composite=body``, the same function in differentiable functions;
        - ``tangent=rule``, ``rule(y, xs, ts, kw)`` = tangent of y, linear in ts;
        - ``constant=True``, derivative zero.

    Returns
    -------
    callable
        Takes plain and traced arrays.

    Raises
    ------
    TypeError
        If not exactly one declaration is given.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> softplus = hoad.primitive(lambda x: np.log1p(np.exp(x)), name="softplus", elementwise=lambda y, x: 1 / (1 + np.exp(-x)))
    >>> hoad.grad(softplus)(0.0), hoad.hessian(softplus)(0.0)
    (np.float64(0.5), np.float64(0.25))
    """
    if len(declaration) != 1 or next(iter(declaration)) not in _KINDS:
        raise TypeError(f"primitive got {sorted(declaration)}, expected exactly one of {', '.join(_KINDS)}")
    if native is None:
        return lambda function: primitive(function, name=name, **declaration)
    kind, said = next(iter(declaration.items()))
    label = f"{getattr(native, '__module__', 'user')}.{name or getattr(native, '__name__', 'primitive')}"
    if label in _own:  # declared again, as in a notebook cell that is run twice
        del primitives[label]
    _own.add(label)
    if kind == "constant":
        prim = kinds.constant(label, native)
    elif kind == "elementwise":
        prim = kinds.elementwise(label, native, *(said if isinstance(said, tuple) else (said,)))
    elif kind == "linear":
        prim = kinds.linear(label, native, said)
    elif kind == "multilinear":
        prim = kinds.multilinear(label, native, *said)
    elif kind == "implicit":
        prim = kinds.implicit(label, native, *said)
    elif kind == "composite":
        prim = kinds.composite(label, native, said)
    else:
        prim = kinds.opaque(label, native, said)
    if hasattr(native, "reduceat"):
        expose(prim, label, native, prim.kind)
    return prim


_own: set[str] = set()
