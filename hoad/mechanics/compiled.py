"""Stress and tangent of a law as one native loop over points (:class:`hoad.compiler.pointwise.PointwiseKernel`).

A law is compiled if it holds at enough points; the number alone decides, so that a run gives the same digits each time. Laws that
iterate until convergence, or use functions without a scalar form, and machines without a C compiler,
keep to NumPy; results agree to rounding either way, which is examined on some points when compiled code is first used.
``HOAD_COMPILE=0`` turns compiling off.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hoad.compiler.pointwise import PointwiseKernel
from hoad.errors import HoadError
from hoad.mechanics.kinematics import Kinematics
from hoad.mechanics.materials.base import Inelastic, Material, State
from hoad.transforms.first import grad, jvp, value_and_grad

__all__ = ["CompiledLaw", "symmetric_product"]

Array = Any
log = logging.getLogger("hoad")
LEAST = 4096
"""Points of a law from which on it is compiled: below, NumPy is done before a compiler would be."""
SAMPLES = 64
_lock = threading.Lock()
_kernels: dict[Any, PointwiseKernel | None] = {}
_checked: set[Any] = set()


def _compiled(key: Any, build: Any) -> PointwiseKernel | None:
    """A kernel from the memory of this process, or built; None if it cannot be."""
    with _lock:
        if key not in _kernels:
            try:
                _kernels[key] = build()
            except (HoadError, TypeError, AttributeError, ValueError) as error:
                log.info("%s is computed with NumPy: %s", key[0], error)
                _kernels[key] = None
        return _kernels[key]


def enabled() -> bool:
    """Whether compiling is allowed."""
    return os.environ.get("HOAD_COMPILE", "1") != "0"


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
        self._varying = {n: np.shape(v)[: own[n]] for n, v in m.parameters.items() if np.ndim(v) > own[n]}
        self._fixed = {n: np.shape(v) for n, v in m.parameters.items() if n not in self._varying}
        static = tuple((f.name, repr(getattr(m, f.name))) for f in fields(m) if f.name not in m.parameters)
        self._key = (
            type(m).__qualname__, type(m), static, self.kinematics, tuple(self._varying.items()), tuple(self._fixed.items()),
        )  # fmt: skip

    # -- the functions at one point ------------------------------------------------------------------------------------------------

    def _density(self, arguments: dict[str, Any]) -> Any:
        """Energy density as a function of the strain components, at one point."""
        parameters = {n: arguments[f"p_{n}"] for n in (*self._varying, *self._fixed)}
        law = self.material.with_parameters(**parameters)
        kin = self.kinematics
        if isinstance(law, Inelastic):
            state = {n[2:]: v for n, v in arguments.items() if n.startswith("s_")}
            return lambda e: law.energy(kin.tensor(e), state, arguments["dt"])
        return lambda e: law.energy(kin.tensor(e))

    def _function(self, kind: str) -> Any:
        def run(**arguments: Any) -> Any:
            e = arguments["e"]
            density = self._density(arguments)
            if kind == "energy":
                return [density(e)]
            if kind == "stress":
                return list(value_and_grad(density)(e))
            m = self.kinematics.components
            slope = grad(density)
            rows = [jvp(slope, (e,), (unit,))[1] for unit in np.eye(m)]
            return [np.stack([rows[i][j] for i, j in zip(*np.triu_indices(m), strict=True)])]

        return run

    # -- kernels ------------------------------------------------------------------------------------------------------

    def kernel(self, kind: str, state: State | None) -> PointwiseKernel | None:
        """The kernel of ``"energy"``, ``"stress"`` (energy and stress) or ``"tangent"`` (upper triangle), if there is one."""
        if self.count < LEAST or not enabled():
            return None
        shapes = {n: v.shape[:-1] for n, v in (state or {}).items()}
        key = (*self._key, kind, tuple(shapes.items()))
        varying = {"e": (self.kinematics.components,), **{f"p_{n}": s for n, s in self._varying.items()}}
        varying |= {f"s_{n}": s for n, s in shapes.items()}
        fixed = {f"p_{n}": s for n, s in self._fixed.items()}
        if isinstance(self.material, Inelastic):
            fixed["dt"] = ()
        return _compiled(key, lambda: PointwiseKernel(self._function(kind), varying, fixed))

    def arguments(self, e: Array, state: State | None, dt: Any, piece: slice) -> dict[str, Array]:
        """What a kernel takes, for strains ``e`` of a piece of the points and the state there."""
        given = {f"p_{n}": self.material.parameters[n][..., piece] for n in self._varying}
        given |= {f"p_{n}": self.material.parameters[n] for n in self._fixed}
        given |= {f"s_{n}": v for n, v in (state or {}).items()}
        if isinstance(self.material, Inelastic):
            given["dt"] = np.asarray(dt, float)
        return {"e": e, **given}

    def is_checked(self, kind: str) -> bool:
        """Whether compiled numbers of a kind were compared with NumPy's in this process."""
        return (*self._key, kind) in _checked

    def agrees(self, kind: str, found: list[Array], interpreted: Callable[[float], list[Array]]) -> bool:
        """Whether compiled numbers are those of NumPy up to rounding; if not, the kernel is not used again.

        ``interpreted(factor)`` evaluates at strains times a factor: at a kink, rounding may choose either side.
        """
        missing = np.ones(np.shape(found[0])[-1], bool)
        modulus = max((float(np.max(np.abs(v), initial=0.0)) for v in self.material.parameters.values()), default=1.0)
        for factor, rtol in ((1.0, 1e-9), (1.0 + 1e-7, 1e-5), (1.0 - 1e-7, 1e-5)):
            if missing.any():
                missing &= ~_same(found, interpreted(factor), rtol, 1e-12 * modulus)
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
    if not enabled():
        return None

    def product(c: Any, x: Any) -> Any:
        row = np.zeros((m, m), int)
        row[np.triu_indices(m)] = np.arange(m * (m + 1) // 2)
        row = np.maximum(row, row.T)
        return [np.stack([sum((c[row[i, j]] * x[j] for j in range(1, m)), c[row[i, 0]] * x[0]) for i in range(m)])]

    return _compiled(("product", m), lambda: PointwiseKernel(product, {"c": (m * (m + 1) // 2,), "x": (m,)}))
