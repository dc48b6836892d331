"""The result of a solve: macroscopic response along the load path, and the fields at its end."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hoad.errors import ConvergenceError
from hoad.mechanics.history import Passage, Step
from hoad.mechanics.newton import EquilibriumState
from hoad.mechanics.problem import Problem

if TYPE_CHECKING:
    from hoad.mechanics.newton import Newton

__all__ = ["Solution", "Step"]

Array = Any


@dataclass
class Solution:
    """What :func:`hoad.mechanics.solve` returns: only ever converged states.

    Arrays along the path have the step as their first axis; :attr:`converged` is False for a path that ended early (such a
    solution is only reached through ``ConvergenceError.solution``).

    Parameters
    ----------
    problem : Problem
        Cell and materials.
    newton : Newton
        Settings of the solver.
    steps : list of Step
        Converged load steps.
    state : EquilibriumState or None
        Fields at the end.
    previous : EquilibriumState or None
        Fields at the beginning of the last (sub-)step.
    control : Control or None
        Last load.
    dt : float
        Length of the last (sub-)step.
    converged : bool
        Whether the whole path was reached.
    message : str
        How it ended.
    passages : list of Passage or None
        Strain fields and internal variables of all (sub-)steps, if the solve kept them.
    """

    problem: Problem
    newton: Newton
    steps: list[Step] = field(default_factory=list)
    state: EquilibriumState | None = None
    previous: EquilibriumState | None = None
    """State at the beginning of the last (sub-)step, whose internal variables the tangent refers to."""
    control: Any = None
    dt: float = 1.0
    converged: bool = False
    message: str = ""
    passages: list[Passage] | None = None

    # -- the path -----------------------------------------------------------------------------------------------------------------

    def _along(self, name: str) -> Array:
        return np.array([getattr(s, name) for s in self.steps])

    @property
    def time(self) -> Array:
        """Times (steps,)."""
        return self._along("time")

    @property
    def strain(self) -> Array:
        """Mean strain measure (steps, d, d): deformation gradient for finite strains, strain for small ones."""
        return self._along("strain")

    @property
    def stress(self) -> Array:
        """Mean stress (steps, d, d): first Piola-Kirchhoff for finite strains, Cauchy for small ones."""
        return self._along("stress")

    @property
    def cauchy(self) -> Array:
        """Cauchy stress (steps, d, d) of the mean deformation: P̄ F̄ᵀ / det F̄ for finite strains."""
        if self.problem.kinematics.kind != "finite":
            return self.stress
        return np.array([s.stress @ s.strain.T / np.linalg.det(s.strain) for s in self.steps])

    @property
    def energy(self) -> Array:
        """Mean energy density (steps,)."""
        return self._along("energy")

    @property
    def iterations(self) -> Array:
        """Conjugate gradient iterations (steps,), all Newton steps added."""
        return np.array([sum(s.iterations) for s in self.steps])

    @property
    def residual(self) -> Array:
        """Relative residual (steps,) at the end of each step."""
        return self._along("residual")

    # -- fields at the end -------------------------------------------------------------------------------------------

    def _end(self) -> EquilibriumState:
        if self.state is None:
            raise ConvergenceError("the solution has no converged step, so there are no fields. Use smaller load steps.")
        return self.state

    @property
    def strain_field(self) -> Array:
        """Strain measure at every point at the end, (d, d, points, *grid); (d, points, *grid) for scalar problems."""
        return self.problem.kinematics.macroscopic(self._end().strain)

    @property
    def stress_field(self) -> Array:
        """Stress at every point at the end, of the same shape."""
        return self.problem.kinematics.macroscopic(self._end().stress, stress=True)

    @property
    def displacement(self) -> Array:
        """Periodic part of the nodal displacement at the end, (components, *grid)."""
        e = self._end().strain
        mean = np.reshape(self.problem.operators.mean(e), (-1,) + (1,) * (e.ndim - 1))
        return self.problem.operators.displacement(e - mean)

    @property
    def variables(self) -> dict[str, Array]:
        """Internal variables at the end by name, (components..., points, *grid); NaN in phases that have none of that name."""
        problem = self.problem
        out: dict[str, Array] = {}
        for group, state in zip(problem.constitutive.groups, self._end().variables, strict=True):
            for name, value in (state or {}).items():
                full = out.setdefault(name, np.full((*value.shape[:-1], problem.constitutive.count), np.nan))
                full[..., slice(None) if group.index is None else group.index] = value
        return {k: v.reshape((*v.shape[:-1], *problem.field_shape[1:])) for k, v in out.items()}

    # -- derivatives at the end -----------------------------------------------------------------------------------------

    def _linearised(self, tol: float) -> Any:
        from hoad.mechanics.response.linearised import Linearised

        end = self._end()
        before = self.previous.variables if self.previous is not None else end.variables
        return Linearised(self.problem, end.strain, before, self.dt, self.newton, tol)

    def tangent(self, *, tol: float = 1e-8) -> Array:
        """Homogenised tangent dP̄/dF̄ (dσ̄/dε̄) at the end of the path, of shape macro_shape + macro_shape.

        Parameters
        ----------
        tol : float
            Relative residual of the linear solves; the error of the tangent is quadratic in it.

        Returns
        -------
        array of shape (d, d, d, d), or (d, d) for scalar problems
            With all components of the strain prescribed, whatever the load. For materials with internal variables the consistent
            tangent of the last (sub-)step.

        Raises
        ------
        ConvergenceError
            If a solve does not converge or the state is not stable.

        Notes
        -----
        One linear solve for each strain component; C̄_ab = <A_a : C A_b> with the strain fields A_a of unit loads.
        """
        linear = self._linearised(tol)
        return self.problem.kinematics.fourth_order(linear.effective(linear.concentrations()))

    def sensitivity(self, wrt: Any, of: Any = "energy", *, along_path: bool = False, tol: float = 1e-9) -> Any:
        """Derivative of the effective response by material parameters, at the load that was prescribed.

        Parameters
        ----------
        wrt : (label, name) or list of such pairs
            Phase and parameter; a parameter that is a field has a derivative at each voxel.
        of : "energy", "stress", "strain" or callable
            Mean energy, all components of the mean stress or strain at the end of the path, or a scalar function in ordinary NumPy
            of (energy, stress), or of (energy, stress, strain) where the load leaves strains free.
        along_path : bool
            Whether the response is that of all steps, with the step as the first axis, instead of that at the end.
        tol : float
            Relative residual of adjoint solves.

        Returns
        -------
        array or list of arrays
            Of the shape of the parameter; for ``"stress"`` and ``"strain"`` with their components first.

        Raises
        ------
        MaterialError
            For unknown parameters.
        LoadError
            For prescribed Cauchy stresses; and where the path is needed and was not kept (``solve(..., keep_path=True)``), that is
            for materials with internal variables, and with ``along_path``.
        ConvergenceError
            If a linear solve does not converge or a state is not stable.

        Notes
        -----
        Without internal variables ``"energy"`` under prescribed strains needs no solve, a scalar function one whatever the number
        of parameters, ``"stress"`` one for each component. Materials with internal variables take one solve for each step, back to
        the first, for each such function (see :mod:`hoad.mechanics.response.path`). Cotangents are projected onto compatible
        fields. Where a point is at its yield stress exactly, the response has a kink, and the derivative of its elastic side is
        taken.

        Examples
        --------
        By the yield stress of a phase, at the end of a path of two steps.

        >>> import numpy as np
        >>> from hoad import mechanics as me
        >>> cell = me.Cell(np.array([[0, 1], [1, 1]]))
        >>> phases = {0: me.J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01, H=0.1), 1: me.LinearElastic(mu=2.0, lmbda=1.0)}
        >>> load = me.strain_path([[[0.0, g], [g, 0.0]] for g in (0.01, 0.02)])
        >>> sol = me.solve(cell, phases, load, keep_path=True)
        >>> bool(sol.sensitivity((0, "sigma_y"), of=lambda energy, stress: stress[0, 1]) > 0)
        True
        """
        from hoad.mechanics.response.sensitivity import sensitivities

        single = isinstance(wrt, tuple | str)
        found = sensitivities(self, [wrt] if single else list(wrt), of, along_path, tol)
        return found[0] if single else found

    def taylor(self, direction: Any = None, order: int = 5, *, parameters: Any = None, tol: float = 1e-10) -> Array:
        """Taylor coefficients of the effective energy along a line of macroscopic strains, parameters, or both.

        Parameters
        ----------
        direction : array of the problem's macroscopic shape, optional
            D in F̄ + tD; zero by default.
        order : int
            Highest order; orders 2n and 2n + 1 take n linear solves.
        parameters : mapping from (label, name) to direction, optional
            Direction of material parameters.
        tol : float
            Relative residual of the linear solves.

        Returns
        -------
        array of shape (order + 1,)
            Coefficients of t^0 ... t^order of W̄; the n-th derivative is n! times coefficient n.
        """
        from hoad.mechanics.response.sensitivity import energy_series

        return energy_series(self, direction, order, parameters or {}, tol)

    def tangent_derivative(self, *, tol: float = 1e-9) -> Array:
        """Second derivative d²P̄/dF̄² of the mean stress, of shape macro_shape three times, from the solves of the tangent alone."""
        from hoad.mechanics.response.sensitivity import stress_curvature

        return stress_curvature(self, tol)

    def taylor_model(self, *, tol: float = 1e-9) -> Any:
        """Third-order model of W̄ in all components of the macroscopic strain, with an error estimate.

        Returns
        -------
        hoad.mechanics.response.expansion.TaylorModel
        """
        from hoad.mechanics.response.sensitivity import energy_model

        return energy_model(self, tol)

    # -- files and plots ------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str], fields: list[str] | None = None) -> None:
        """Write the result to a file.

        Parameters
        ----------
        path : path
            By suffix: ``.xdmf`` (with an ``.h5`` beside it) and ``.vti`` hold the fields at the end, for ParaView; ``.npz`` and
            ``.h5`` also the response along the path, by the names of the attributes.
        fields : list of str, optional
            Which fields; all by default. For ParaView: ``"phase"``, ``"displacement"`` (of the corners of the voxels, with the
            macroscopic part), ``"strain"``, ``"stress"``, ``"cauchy"`` (finite strains), ``"von_mises"``, internal variables. In
            ``.npz`` and ``.h5``: ``"strain_field"``, ``"stress_field"``, ``"displacement"``, ``"variable_<name>"``.

        Raises
        ------
        MechanicsError
            For another suffix or an unknown field.
        ImportError
            If h5py is needed and not installed.
        """
        from hoad.mechanics.io.archive import save

        save(self, path, fields)

    def plot(self, name: str = "phase", **options: Any) -> Any:
        """Draw a component of a field at the end.

        Parameters
        ----------
        name : str
            Such as ``"phase"``, ``"stress_12"``, ``"von_mises"``, ``"displacement_1"``, or an internal variable.
        **options
            Slice, deformed mesh, axes and style: see :func:`hoad.mechanics.plots.plot_field`.

        Returns
        -------
        matplotlib Axes
        """
        from hoad.mechanics.plots import plot_field

        return plot_field(self, name, **options)

    def plot_path(self, x: str = "strain_11", y: str = "stress_11", **options: Any) -> Any:
        """Draw one macroscopic quantity against another along the path.

        Parameters
        ----------
        x, y : str
            Such as ``"time"``, ``"strain_11"``, ``"stress_12"``, ``"energy"``.
        **options
            Axes and style: see :func:`hoad.mechanics.plots.plot_path`.

        Returns
        -------
        matplotlib Axes
        """
        from hoad.mechanics.plots import plot_path

        return plot_path(self, x, y, **options)

    def plot_convergence(self, **options: Any) -> Any:
        """Draw the relative residual after each Newton step.

        Parameters
        ----------
        **options
            Axes and style: see :func:`hoad.mechanics.plots.plot_convergence`.

        Returns
        -------
        matplotlib Axes
        """
        from hoad.mechanics.plots import plot_convergence

        return plot_convergence(self, **options)

    def __repr__(self) -> str:
        word = "converged" if self.converged else "NOT converged"
        total = int(self.iterations.sum()) if self.steps else 0
        return f"Solution({len(self.steps)} steps, {word}, {total} iterations; {self.message})"
