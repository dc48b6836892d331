"""Energy, stress and tangent of a law as one native loop over points (:class:`hoad.compiler.pointwise.PointwiseKernel`).

A law is compiled if it holds at enough points; the number alone decides, so that a run gives the same digits each time. Laws that
iterate until convergence, or use functions without a scalar form, and machines without a C compiler,
keep to NumPy; results agree to rounding either way, which is examined on some points when compiled code is first used.
``HOAD_COMPILE=off`` and ``numpy`` turn compiling off.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hoad.compiler.pointwise import PointwiseKernel
from hoad.compiler.settings import backend_of
from hoad.errors import HoadError
from hoad.mechanics.blocks import threads
from hoad.mechanics.kinematics import Kinematics
from hoad.mechanics.materials.base import Inelastic, Material, State
from hoad.transforms.batching import vmap
from hoad.transforms.custom import stop_gradient
from hoad.transforms.first import grad, jvp, value_and_grad

__all__ = ["RESPONSES", "CompiledLaw", "density", "second_derivatives", "symmetric_product"]

Array = Any
Density = Callable[[Array], Array]
log = logging.getLogger("hoad")
LEAST = 4096
"""Points of a law from which on it is compiled: below, NumPy is done before a compiler would be."""
SAMPLES = 64
_lock = threading.Lock()
_kernels: dict[Any, PointwiseKernel | None] = {}
_checked: set[Any] = set()


# -- what is asked of a law, at one point or at many ------------------------------------------------------------------------


def density(kinematics: Kinematics, material: Material, state: State | None, dt: Any) -> Density:
    """Function from strain components (m, *points) to energy densities (*points)."""
    if isinstance(material, Inelastic):
        return lambda e: material.energy(kinematics.tensor(e), state, dt)
    return lambda e: material.energy(kinematics.tensor(e))


def second_derivatives(total: Any, e: Array) -> Array:
    """Matrix (m, m, *points) of second derivatives of a sum over points, from one pass with m directions."""
    m = len(e)
    directions = np.zeros((m, *e.shape))
    directions[np.arange(m), np.arange(m)] = 1.0
    directions = directions.astype(e.dtype, copy=False)
    slope = grad(total)
    return vmap(lambda d: jvp(slope, (e,), (d,))[1])(directions)


def _stress(w: Density, e: Array) -> list[Array]:
    def total(e: Array) -> Any:
        found = w(e)
        return found.sum(), stop_gradient(found)

    (_, energy), slope = value_and_grad(total, has_aux=True)(e)
    return [energy, slope]


def _tangent(w: Density, e: Array) -> list[Array]:
    return [second_derivatives(lambda e: w(e).sum(), e)[np.triu_indices(len(e))]]


RESPONSES: dict[str, Callable[[Density, Array], list[Array]]] = {
    "energy": lambda w, e: [w(e)],
    "stress": _stress,
    "tangent": _tangent,
}
"""Energy density; energy density and stress; upper triangle of the tangent."""


# -- kernels ------------------------------------------------------------------------------------------------------------------


def _compiled(key: Any, build: Callable[[], PointwiseKernel]) -> PointwiseKernel | None:
    """A kernel from the memory of this process, or built; None if it cannot be."""
    if backend_of(None) not in ("c", "cuda"):
        return None
    with _lock:
        if key not in _kernels:
            try:
                _kernels[key] = build()
            except (HoadError, TypeError, AttributeError, ValueError) as error:
                log.info("%s is computed with NumPy: %s", key[0], error)
                _kernels[key] = None
        return _kernels[key]


@dataclass
class CompiledLaw:
    """Kernels of a law in a kinematics.

    Parameters
    ----------
    kinematics : Kinematics
    material : Material
        With parameters as they are in the cell: numbers, or fields over points.
    count : int
        Points at which the law holds.
    """

    kinematics: Kinematics
    material: Material
    count: int

    def __post_init__(self) -> None:
        m = self.material
        own = {name: m.field_axes.get(name, 0) for name in m.parameters}
        given = {n: v[..., 0] if np.ndim(v) > own[n] and np.shape(v)[-1] == 1 else v for n, v in m.parameters.items()}
        self._varying = {n: v for n, v in given.items() if np.ndim(v) > own[n]}
        self._fixed = {n: v for n, v in given.items() if n not in self._varying}
        static = tuple((f.name, repr(getattr(m, f.name))) for f in fields(m) if f.name not in m.parameters)
        shapes = [tuple((n, np.shape(v)[: own[n]]) for n, v in part.items()) for part in (self._varying, self._fixed)]
        self._key = (type(m).__qualname__, type(m), static, self.kinematics, *shapes)

    def _function(self, kind: str) -> Callable[..., list[Array]]:
        """What a law is asked for at one point, as a function of its arguments by name."""

        def run(e: Array, dt: Any = 1.0, **given: Array) -> list[Array]:
            law = self.material.with_parameters(**{n[2:]: v for n, v in given.items() if n.startswith("p_")})
            state = {n[2:]: v for n, v in given.items() if n.startswith("s_")}
            return RESPONSES[kind](density(self.kinematics, law, state, dt), e)

        return run

    def kernel(self, kind: str, state: State | None) -> PointwiseKernel | None:
        """The kernel of a key of :data:`RESPONSES`, if there is one."""
        if self.count < LEAST:
            return None
        varying = {f"p_{n}": np.shape(v)[:-1] for n, v in self._varying.items()}
        varying |= {f"s_{n}": v.shape[:-1] for n, v in (state or {}).items()}
        fixed = {f"p_{n}": np.shape(v) for n, v in self._fixed.items()}
        if isinstance(self.material, Inelastic):
            fixed["dt"] = ()
        strain = {"e": (self.kinematics.components,)}
        key = (*self._key, kind, tuple(varying.items()))
        return _compiled(key, lambda: PointwiseKernel(self._function(kind), strain | varying, fixed, indexed=("e",)))

    def respond(self, kind: str, places: list[Array], e: Array, index: Array | None, state: State | None, dt: Any) -> bool:
        """Results at strains (m, all points) into ``places``, at the points that ``index`` names; False if NumPy has to do it.

        ``state`` and the parameters are those of the points of the law.
        """
        if any(a.dtype != float for a in (e, *places)):
            return False
        kernel = self.kernel(kind, state)
        if kernel is None or not self._right(kind, kernel, e, index, state, dt):
            return False
        kernel(places, index, threads(), e=e, **self._arguments(state, dt))
        return True

    def _arguments(self, state: State | None, dt: Any, piece: slice = slice(None)) -> dict[str, Array]:
        """What a kernel takes besides strains, at a piece of the points of the law."""
        given = {f"p_{n}": v[..., piece] for n, v in self._varying.items()} | {f"p_{n}": v for n, v in self._fixed.items()}
        given |= {f"s_{n}": v[..., piece] for n, v in (state or {}).items()}
        return given | ({"dt": dt} if isinstance(self.material, Inelastic) else {})

    def _right(self, kind: str, kernel: PointwiseKernel, e: Array, index: Array | None, state: State | None, dt: Any) -> bool:
        """Whether a kernel gives NumPy's numbers at the first points, up to rounding; if not, it is not used again."""
        if (*self._key, kind) in _checked:
            return True
        some = slice(0, SAMPLES)
        x = np.ascontiguousarray(e[:, some if index is None else index[some]])
        found = kernel(e=x, **self._arguments(state, dt, some))
        here = None if state is None else {n: v[..., some] for n, v in state.items()}
        w = density(self.kinematics, self.material.at(some), here, dt)
        missing = np.ones(x.shape[1], bool)
        modulus = max((float(np.max(np.abs(v), initial=0.0)) for v in self.material.parameters.values()), default=1.0)
        for factor, rtol in ((1.0, 1e-9), (1.0 + 1e-7, 1e-5), (1.0 - 1e-7, 1e-5)):  # at a kink, rounding may choose either side
            if missing.any():
                with np.errstate(all="ignore"):
                    missing &= ~_same(found, RESPONSES[kind](w, factor * x), rtol, 1e-12 * modulus)
        _checked.add((*self._key, kind))
        if missing.any():
            for key in [k for k in _kernels if k[: len(self._key) + 1] == (*self._key, kind)]:
                _kernels[key] = None
            log.warning("compiled %s of %s differs from NumPy's and is not used. This is a bug of hoad; please report it.", kind,
                        type(self.material).__name__)  # fmt: skip
        return not missing.any()


def _same(found: list[Array], expected: list[Array], rtol: float, rounding: float) -> Array:
    """At which points two results agree; differences below ``rounding`` do not count."""
    same: Any = True
    for x, y in zip(found, expected, strict=True):
        scale = float(np.max(np.abs(y[np.isfinite(y)]), initial=0.0))
        with np.errstate(all="ignore"):
            close = np.isclose(x, y, rtol=rtol, atol=max(1e-2 * rtol * scale, rounding), equal_nan=True)
        same = same & close.reshape((-1, close.shape[-1])).all(0)
    return same


def symmetric_product(m: int) -> PointwiseKernel | None:
    """Kernel of the product of stored symmetric matrices (upper triangles ``c``) with vectors ``x``."""
    row = np.zeros((m, m), int)
    row[np.triu_indices(m)] = np.arange(m * (m + 1) // 2)
    row = np.maximum(row, row.T)
    shapes = {"c": (m * (m + 1) // 2,), "x": (m,)}
    return _compiled(("product", m), lambda: PointwiseKernel(lambda c, x: [(c[row] * x).sum(1)], shapes))
