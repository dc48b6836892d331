"""One derivative of a case, compiled by ``hoad.compile`` and by ``jax.jit``, each in its best use.

hoad gets NumPy arrays and holds the data of the case as constants, as users write it.  JAX gets its own arrays, the data as
arguments (which was never slower than constants folded into the code) and float64; its results are waited for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.scenarios import Case, _neo_hooke_tangent, _spring_damper_gradient, complex_step, neo_hooke_density

__all__ = ["KINDS", "LIBRARIES", "ORDER", "RTOL", "Side", "error_of", "expected_of", "hoad_side", "jax_side"]

KINDS = ("gradient", "HVP", "Hessian", "Taylor", "tensor Hessians")
LIBRARIES = ("hoad", "jax")
ORDER = 8  # of the Taylor expansions
RTOL = 1e-12  # how far results may be apart, relative to the largest entry of each array


@dataclass(frozen=True)
class Side:
    """A compiled derivative and its arguments.

    Attributes
    ----------
    compiled : callable
        ``compiled(*arguments)``; nothing has been traced or compiled yet.
    arguments : tuple
    run : callable
        Calls it and waits for the result.
    """

    compiled: Any
    arguments: tuple[Any, ...]
    run: Callable[[], Any]


def _arguments(kind: str, case: Case) -> tuple[Any, ...]:
    return (case.point, case.direction) if kind in ("HVP", "Taylor") else (case.point,)


def hoad_side(kind: str, case: Case) -> Side:
    import hoad

    f = case.function
    derivatives: dict[str, Callable[[], Callable[..., Any]]] = {
        "gradient": lambda: hoad.grad(f),
        "HVP": lambda: lambda x, v: hoad.hvp(f, x, v),
        "Hessian": lambda: hoad.hessian(f),
        "Taylor": lambda: lambda x, v: hoad.taylor(f, x, v, ORDER),
        "tensor Hessians": lambda: hoad.vmap(hoad.hessian(neo_hooke_density(np)), in_axes=-1, out_axes=-1),
    }
    compiled = hoad.compile(derivatives[kind]())
    arguments = _arguments(kind, case)
    return Side(compiled, arguments, lambda: compiled(*arguments))


def jax_side(kind: str, case: Case, by_products: bool = False) -> Side:
    """``by_products``: tensor Hessians as nine Hessian-vector products of the sum, which decouples."""
    import jax
    import jax.numpy as jnp
    from jax.experimental.jet import jet

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_enable_compilation_cache", False)
    arrays = tuple(jnp.asarray(d) for d in case.data if np.ndim(d))

    def function(data: tuple[Any, ...]) -> Callable[[Any], Any]:
        rest = iter(data)
        return case.program(jnp, *[next(rest) if np.ndim(d) else d for d in case.data])

    def product(x: Any, v: Any, *data: Any) -> Any:
        return jax.jvp(jax.grad(function(data)), (x,), (v,))[1]

    def series(x: Any, v: Any, *data: Any) -> list[Any]:
        y, ys = jet(function(data), (x,), ([v] + [jnp.zeros_like(v)] * (ORDER - 1),))
        return [y, *[c / n for c, n in zip(ys, np.cumprod(np.arange(1.0, ORDER + 1)), strict=True)]]  # derivatives over n!

    def tensor_hessians(F: Any) -> Any:
        if by_products:
            units = jnp.eye(9).reshape(3, 3, 3, 3, 1)
            along = jax.vmap(lambda unit: product(F, jnp.broadcast_to(unit, F.shape)))
            return jax.vmap(along)(units)
        return jax.vmap(jax.hessian(neo_hooke_density(jnp)), in_axes=-1, out_axes=-1)(F)

    derivatives: dict[str, Callable[..., Any]] = {
        "gradient": lambda x, *data: jax.grad(function(data))(x),
        "HVP": product,
        "Hessian": lambda x, *data: jax.hessian(function(data))(x),
        "Taylor": series,
        "tensor Hessians": tensor_hessians,
    }
    compiled = jax.jit(derivatives[kind])
    arguments = (*jax.tree.map(jnp.asarray, _arguments(kind, case)), *arrays)
    if kind == "Taylor" or isinstance(case.point, tuple):
        return Side(compiled, arguments, lambda: jax.block_until_ready(compiled(*arguments)))
    return Side(compiled, arguments, lambda: compiled(*arguments).block_until_ready())


def expected_of(kind: str, case: Case) -> Callable[[], Any]:
    """An oracle that knows neither hoad.compile nor JAX: closed forms, complex steps, and for series what runs uncompiled."""

    def hessian() -> Any:
        rows = [complex_step(lambda p: _spring_damper_gradient(case.data[0], p), case.point, e) for e in np.eye(len(case.point))]
        return np.stack(rows)

    def series() -> Any:
        import hoad

        return hoad.taylor(case.function, case.point, case.direction, ORDER)

    def tensor_hessians() -> Any:
        shape = case.point.shape
        rows = [_neo_hooke_tangent(case.point, np.broadcast_to(e, shape)) for e in np.eye(9).reshape(9, 3, 3, 1)]
        return np.reshape(rows, (3, 3, *shape))

    others = {"Hessian": hessian, "Taylor": series, "tensor Hessians": tensor_hessians}
    found = case.gradient if kind == "gradient" else case.hvp if kind == "HVP" else others[kind]
    assert found is not None
    return found


def error_of(found: Any, expected: Any) -> float:
    """The largest difference in any array, over the largest entry of the array that is expected; infinite for other shapes."""
    found = list(found) if isinstance(found, tuple | list) else [found]
    expected = list(expected) if isinstance(expected, tuple | list) else [expected]
    if len(found) != len(expected):
        return np.inf
    errors = []
    for a, b in zip(found, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            return np.inf
        scale = np.max(np.abs(b), initial=0.0)
        worst = np.max(np.abs(a - b), initial=0.0)
        errors.append(worst / scale if scale else worst)
    return float(np.max(errors))
