"""Plane stress: any three-dimensional law with its out-of-plane strain eliminated at each point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.errors import ConvergenceError, MaterialError
from hoad.mechanics.materials.base import Inelastic, Kinematics, Material, State
from hoad.transforms.batching import vmap
from hoad.transforms.first import grad, jvp
from hoad.transforms.implicit import implicit

__all__ = ["PlaneStress"]

Array = Any


@dataclass(frozen=True)
class PlaneStress(Inelastic):
    """A law whose out-of-plane strains make the out-of-plane stresses vanish: W(ε) = min over ε_33, ε_13, ε_23 of the law's W.

    Parameters
    ----------
    law : Material
        Small-strain or finite-strain law for 3 × 3 tensors. For finite strains F_33 is free and the other out-of-plane components
        of F are zero, which is right for laws with a plane of symmetry parallel to the sheet.

    Notes
    -----
    The strain that is passed in has zeros (F_33 = 1) out of plane, as in plane strain; these entries are ignored. Since the
    energy is stationary in what is eliminated, its gradient is the in-plane stress, and derivatives of every order follow from
    the implicit function theorem (:func:`hoad.implicit`).

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.mechanics import LinearElastic
    >>> from hoad.mechanics.materials.plane_stress import PlaneStress
    >>> law = PlaneStress(LinearElastic(mu=1.0, lmbda=1.0))
    >>> round(float(law.energy(np.diag([1.0, 0.0, 0.0]))), 12)   # E / (1 - nu²) / 2 with E = 2.5, nu = 0.25
    1.333333333333
    """

    law: Material
    dimensions: ClassVar[tuple[int, ...]] = (3,)

    def __post_init__(self) -> None:
        if self.law.kinematics not in ("small", "finite") or 3 not in self.law.dimensions:
            raise MaterialError(
                f"plane stress needs a law for 3 x 3 tensors, but {type(self.law).__name__} has kinematics {self.law.kinematics!r} "
                f"and dimensions {self.law.dimensions}. Use plane='strain' or plane='two-dimensional'."
            )

    @property
    def kinematics(self) -> Kinematics:  # type: ignore[override]
        """That of the law."""
        return self.law.kinematics

    @property
    def linear(self) -> bool:  # type: ignore[override]
        """Whether the law's energy is quadratic."""
        return self.law.linear

    @property
    def parameters(self) -> dict[str, Any]:
        return self.law.parameters

    @property
    def field_axes(self) -> dict[str, int]:  # type: ignore[override]
        """That of the law."""
        return self.law.field_axes

    def with_parameters(self, **changed: Any) -> PlaneStress:
        return PlaneStress(self.law.with_parameters(**changed))

    def initial_state(self, shape: tuple[int, ...]) -> State:
        return self.law.initial_state(shape) if isinstance(self.law, Inelastic) else {}

    def energy(self, strain: Array, state: State | None = None, dt: Any = 1.0) -> Array:
        return self._density(self._completed(strain, state or {}, dt), state or {}, dt, self.law.parameters)

    def update(self, strain: Array, state: State, dt: Any = 1.0) -> State:
        if not isinstance(self.law, Inelastic):
            return {}
        return self.law.update(self._completed(strain, state, dt), state, dt)

    # -- elimination ------------------------------------------------------------------------------------------------------------

    def _density(self, strain: Array, state: State, dt: Any, parameters: dict[str, Any]) -> Array:
        law = self.law.with_parameters(**parameters)
        return law.energy(strain, state or None, dt) if isinstance(law, Inelastic) else law.energy(strain)

    def _full(self, strain: Array, z: Array) -> Array:
        """The strain with out-of-plane components z: (ε_33, ε_13, ε_23), or (F_33 - 1,)."""
        zero = np.zeros_like(z[0])
        if self.kinematics == "finite":
            outside = [[zero, zero], [zero, zero]]
        else:
            outside = [[z[1], z[1]], [z[2], z[2]]]
        rows = [np.stack([strain[i, 0], strain[i, 1], outside[i][0]]) for i in range(2)]
        corner = z[0] + 1.0 if self.kinematics == "finite" else z[0]
        return np.stack([*rows, np.stack([outside[0][1], outside[1][1], corner])])

    def _completed(self, strain: Array, state: State, dt: Any) -> Array:
        """The strain with the out-of-plane components that minimise the energy."""
        points = strain.shape[2:]
        n = 1 if self.kinematics == "finite" else 3

        def total(z: Array, e: Array, s: State, p: dict[str, Any], step: Any) -> Array:
            return self._density(self._full(e, z), s, step, p).sum()

        def residual(z: Array, e: Array, *rest: Any) -> Array:
            return grad(total)(z.reshape((n, *points)), e.reshape((3, 3, *points)), *rest).reshape((n, -1))

        def solver(e: Array, *rest: Any) -> Array:
            return _minimised(total, np.zeros((n, *points)), e.reshape((3, 3, *points)), *rest).reshape((n, -1))

        find = implicit(residual, solver, structure="pointwise", components=n, check=False)  # the solver checks itself
        z = find(strain.reshape((3, 3, -1)), state, self.law.parameters, float(dt) if isinstance(dt, int) else dt)
        return self._full(strain, z.reshape((n, *points)))


def _minimised(total: Any, z: Array, *args: Any) -> Array:
    """Newton's method at all points at once, each with its own step length."""
    n = len(z)
    points = z.shape[1:]
    units = np.zeros((n, n, *points))
    units[np.arange(n), np.arange(n)] = 1.0

    def slope(y: Array) -> Array:
        return grad(total)(y, *args)

    for _ in range(60):
        r = slope(z)
        h = vmap(lambda u, z=z: jvp(slope, (z,), (u,))[1])(units)
        matrix = np.moveaxis(h.reshape((n, n, -1)), -1, 0)
        if not np.all(np.linalg.det(matrix) != 0.0):
            raise MaterialError(
                "plane stress has no out-of-plane strain where a material has no stiffness. Give empty phases a small stiffness, "
                "for example 1e-6 of the others', or use plane='strain'."
            )
        step = -np.linalg.solve(matrix, np.moveaxis(r.reshape((n, -1)), -1, 0)[..., None])[..., 0]
        step = np.moveaxis(step, 0, -1).reshape(z.shape)
        limit = np.minimum(1.0, 0.3 / np.maximum(np.abs(step).max(0), 1e-300))
        z = z + np.where(limit < 1.0, limit, 1.0) * step
        open_ = np.abs(step) > 1e-14 * (1.0 + np.abs(z))
        if not np.any(open_):
            return z
    if np.all(np.abs(step) <= 1e-10 * (1.0 + np.abs(z))):  # laws that end at a coarser rounding error
        return z
    raise ConvergenceError(
        f"plane stress: out-of-plane strains did not converge at {int(np.any(open_, axis=0).sum())} of {z[0].size} points after "
        "60 iterations. Take a smaller load step, or check the parameters."
    )
