"""The linear equations of one Newton step, in strains or in displacements.

Unknown are a periodic fluctuation and those macroscopic strain components that the load leaves free, Ē = given + V a. Both
forms are solved by the same conjugate gradients, preconditioned by the Green operator of a reference medium; both give the
same iterates, and differ in what is stored: strain components for each point, or displacement spectra.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.mechanics.compatibility import Compatibility
from hoad.mechanics.jacobi_green import JacobiGreen
from hoad.mechanics.krylov import Pair
from hoad.mechanics.pointwise import Tangent
from hoad.mechanics.stencil import Stencil

__all__ = ["FORMULATIONS", "DisplacementBased", "Formulation", "StrainBased"]

Array = Any


class Formulation:
    """Linear problem of a tangent, for :func:`hoad.mechanics.krylov.conjugate_gradients`.

    Parameters
    ----------
    operators : Compatibility
    free : array of shape (m, number of free macroscopic components)
        Orthonormal columns V; no columns for pure strain control.
    """

    def __init__(self, operators: Compatibility, free: Array) -> None:
        self.operators = operators
        self.free = free
        self.tangent: Tangent | None = None
        self.jacobi: JacobiGreen | None = None
        """Replaces the Green operator in the preconditioner."""
        self._macro = np.linalg.inv(free.T @ operators.reference @ free) if free.shape[1] else np.zeros((0, 0))

    # -- what the two forms say for themselves -----------------------------------------------------------------------------------

    def force(self, stress: Array) -> Array:
        """The field part of minus the residual's dual: stress itself, or its force."""
        raise NotImplementedError

    def fluctuation(self, x: Array) -> Array:
        """Strain field (m, points, *grid) of the field part of an unknown; may share its memory."""
        raise NotImplementedError

    def green(self, r: Array) -> Array:
        """Preconditioner of the field part."""
        raise NotImplementedError

    def field_dot(self, a: Array, b: Array) -> float:
        """Inner product of field parts."""
        raise NotImplementedError

    # -- shared -------------------------------------------------------------------------------------------------------------------

    def rhs(self, stress: Array, target: Array) -> Pair:
        """Right-hand side: minus the derivative of the potential <W> - target : V a, at a stress field."""
        a = target - self.free.T @ self.operators.mean(stress) if self.free.shape[1] else np.zeros(0)
        return [-self.force(stress), a]

    def strain(self, x: Pair) -> Array:
        """Strain field of an unknown, macroscopic part included."""
        e = self.fluctuation(x[0])
        if self.free.shape[1]:
            e = e + np.reshape(self.free @ x[1], (-1,) + (1,) * (e.ndim - 1))
        return e

    def apply(self, x: Pair) -> Pair:
        assert self.tangent is not None
        e = self.strain(x)
        m = len(e)
        out = np.empty_like(e)
        self.tangent.apply(e.reshape((m, -1)), out.reshape((m, -1)))
        a = self.free.T @ self.operators.mean(out) if self.free.shape[1] else np.zeros(0)
        return [self.force(out), a]

    def green_square(self, r: Array) -> float:
        """Product of a field part with its preconditioned self, without Jacobi scaling."""
        raise NotImplementedError

    def mean_stress(self, x: Pair) -> Array:
        """Volume average (m,) of the stress that the tangent gives an unknown."""
        assert self.tangent is not None
        flat = self.strain(x).reshape((len(self.free), -1))
        shape = (len(flat), self.operators.points, *self.operators.shape)
        return self.operators.mean(self.tangent.apply(flat, np.empty_like(flat)).reshape(shape))

    def precondition(self, r: Pair) -> Pair:
        return [self.green(r[0]), self._macro @ r[1]]

    def norm(self, r: Pair) -> float:
        """Norm of a residual in the energy of the reference medium, whatever the preconditioner."""
        square = self.green_square(r[0]) + float(r[1] @ self._macro @ r[1])
        return float(np.sqrt(max(square, 0.0))) if np.isfinite(square) else np.nan

    def dot(self, a: Pair, b: Pair) -> float:
        return self.field_dot(a[0], b[0]) + float(a[1] @ b[1])


class StrainBased(Formulation):
    """Unknown strain fields; the preconditioner is Γ0, which returns compatible fields only."""

    def force(self, stress: Array) -> Array:
        return stress

    def fluctuation(self, x: Array) -> Array:
        return x

    def green(self, r: Array) -> Array:
        return self.operators.green_strain(r)

    def field_dot(self, a: Array, b: Array) -> float:
        return self.operators.mean_dot(a, b)

    def green_square(self, r: Array) -> float:
        return self.operators.mean_dot(r, self.operators.green_strain(r))


class DisplacementBased(Formulation):
    """Unknown displacement spectra."""

    def force(self, stress: Array) -> Array:
        return self.operators.force(stress)

    def fluctuation(self, x: Array) -> Array:
        return self.operators.strain(x)

    def green(self, r: Array) -> Array:
        return self.operators.precondition(r) if self.jacobi is None else self.jacobi(r)

    def field_dot(self, a: Array, b: Array) -> float:
        return self.operators.spectral_dot(a, b)

    def green_square(self, r: Array) -> float:
        return self.operators.green_square(r)


class ElementBased(DisplacementBased):
    """Unknown nodal displacements in space, for schemes that are elements: only the preconditioner transforms."""

    def __init__(self, operators: Compatibility, free: Array) -> None:
        super().__init__(operators, free)
        self.stencil = Stencil(operators)

    def force(self, stress: Array) -> Array:
        return self.stencil.force(stress)

    def fluctuation(self, x: Array) -> Array:
        return self.stencil.strain(x)

    def green(self, r: Array) -> Array:
        operators = self.operators
        root = None if self.jacobi is None else self.jacobi.root
        hat = operators.transform.forward(r if root is None else root * r).reshape((len(r), -1))
        operators.precondition(hat, out=hat)
        z = operators.transform.backward(hat.reshape((len(r), *operators.local)))
        if root is not None:
            z *= root
        return z

    def field_dot(self, a: Array, b: Array) -> float:
        return float(np.vdot(a, b)) / self.operators.grid.size

    def green_square(self, r: Array) -> float:
        return self.operators.green_square(self.operators.transform.forward(r).reshape((len(r), -1)))

    def mean_stress(self, x: Pair) -> Array:
        assert self.tangent is not None
        return self.stencil.stiffness(x[0], self.tangent, self.free @ x[1], track=True)[1]

    def apply(self, x: Pair) -> Pair:
        assert self.tangent is not None
        some = self.free.shape[1] > 0
        force, mean = self.stencil.stiffness(x[0], self.tangent, self.free @ x[1] if some else None, track=some)
        return [force, self.free.T @ mean if some else np.zeros(0)]


def formulation_of(method: str, operators: Compatibility, free: Array) -> Formulation:
    """The form of the equations that a method uses on a discretisation."""
    if method == "displacement" and Stencil.fits(operators):
        return ElementBased(operators, free)
    return FORMULATIONS[method](operators, free)


FORMULATIONS: dict[str, type[Formulation]] = {"displacement": DisplacementBased, "strain": StrainBased}
