"""Phase-field fracture of periodic cells: alternate minimisation of stored and surface energy with damage that never heals.

With a damage field d between 0 (sound) and 1 (broken), the total energy density is

    <W(ε; d)> + <Gc/c_w (w(d)/l + l |∇d|²)>,    AT1: w = d, c_w = 8/3;    AT2: w = d², c_w = 2,

whose surface part tends to Gc times the area of cracks for small l. Materials enter by their energy alone: any law with a parameter
``damage`` breaks, the others do not. A load step minimises over strain and damage in turns, each convex, with d bounded from below
by its value at the end of the previous step.

Sources: Ambrosio & Tortorelli, Comm. Pure Appl. Math. 43 (1990) 999-1036; Bourdin, Francfort & Marigo, J. Mech. Phys. Solids 48
(2000) 797-826; Pham, Amor, Marigo & Maurini, Int. J. Damage Mech. 20 (2011) 618-652 (both models, their critical stresses).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hoad.errors import ConvergenceError, LoadError, MaterialError, MechanicsError
from hoad.mechanics.cell import Cell
from hoad.mechanics.follower import nominal_target
from hoad.mechanics.load import LoadPath, LoadStep, resolve
from hoad.mechanics.materials.base import Material
from hoad.mechanics.newton import EquilibriumState, Newton
from hoad.mechanics.phase_field import DamageProblem, SurfaceEnergy
from hoad.mechanics.problem import Problem
from hoad.mechanics.solution import Solution
from hoad.mechanics.solve import initial_state, solve

__all__ = ["FractureSolution", "FractureStep", "SurfaceEnergy", "fracture"]

Array = Any


@dataclass(frozen=True)
class FractureStep:
    """One converged load step.

    Parameters
    ----------
    time : float
    strain, stress : array
        Mean strain and stress at the end.
    stored, surface : float
        Mean densities of the stored energy and of the surface energy at the end.
    alternations : int
        How often the damage was minimised.
    change : float
        Largest change of damage in the last alternation.
    energies : tuple of float
        Total potential (energy less the work of prescribed stresses) after each equilibrium and after each damage.
    iterations : int
        Conjugate gradient iterations for all equilibria.
    """

    time: float
    strain: Array
    stress: Array
    stored: float
    surface: float
    alternations: int
    change: float
    energies: tuple[float, ...]
    iterations: int


@dataclass
class FractureSolution:
    """What :func:`fracture` returns; arrays along the path have the step as their first axis.

    Parameters
    ----------
    equilibrium : Solution
        Fields, tangent and sensitivities at the damage of the end.
    damage : array of the shape of the grid
        Damage at the end.
    steps : list of FractureStep
        Converged load steps.
    converged : bool
        Whether the whole path was reached.
    message : str
        How it ended.
    """

    equilibrium: Solution
    damage: Array
    steps: list[FractureStep] = field(default_factory=list)
    converged: bool = False
    message: str = ""

    def _along(self, name: str) -> Array:
        return np.array([getattr(s, name) for s in self.steps])

    @property
    def time(self) -> Array:
        """Times (steps,)."""
        return self._along("time")

    @property
    def strain(self) -> Array:
        """Mean strain measure (steps, d, d)."""
        return self._along("strain")

    @property
    def stress(self) -> Array:
        """Mean stress (steps, d, d)."""
        return self._along("stress")

    @property
    def stored(self) -> Array:
        """Mean density (steps,) of the stored energy."""
        return self._along("stored")

    @property
    def surface(self) -> Array:
        """Mean density (steps,) of the surface energy; times the volume of the cell it is what cracks have cost."""
        return self._along("surface")

    @property
    def alternations(self) -> Array:
        """Alternations (steps,)."""
        return self._along("alternations")

    def __repr__(self) -> str:
        word = "converged" if self.converged else "NOT converged"
        return f"FractureSolution({len(self.steps)} steps, {word}, {int(self.alternations.sum())} alternations; {self.message})"


def fracture(
    cell: Cell,
    phases: Mapping[Any, Material],
    load: LoadPath,
    *,
    gc: Any,
    length: Any,
    model: str = "AT1",
    damage_tol: float = 1e-4,
    max_alternations: int = 500,
    callback: Callable[[FractureSolution], Any] | None = None,
    **solver: Any,
) -> FractureSolution:
    """Quasi-static phase-field fracture of a periodic cell along a load path.

    Parameters
    ----------
    cell : Cell
    phases : mapping
        Material of each label. Laws with a parameter ``damage`` (such as :class:`DegradedElastic`, which splits the energy into
        tension and compression) break; its value, a number or a field of the grid, is the damage at the start (1 in a notch).
        A ``residual`` stiffness of about 1e-6 keeps what is broken solvable.
    load : LoadPath
        Beyond the strength, a prescribed stress is carried by the residual stiffness alone: prescribe the strain across cracks.
    gc, length : float or array of shape (cell.grid.shape)
        Fracture toughness Gc and internal length l.
    model : {"AT1", "AT2"}
    damage_tol : float
        A step has converged when an alternation changes no voxel's damage by more than this.
    max_alternations : int
        Most alternations in a load step.
    callback : callable, optional
        Called with the solution after each step; raising StopIteration ends the path there.
    **solver
        Options of :func:`solve` for each equilibrium, such as ``method``, ``tol`` or ``preconditioner``.

    Returns
    -------
    FractureSolution

    Raises
    ------
    ConvergenceError
        If a step does not converge; ``error.solution`` holds every step up to there.
    MaterialError, LoadError, MechanicsError
        For input that does not fit together.

    Notes
    -----
    Each alternation solves one equilibrium at fixed damage (Newton's method with conjugate gradients, started from the previous
    strains) and one damage at fixed strains: Newton's method on derivatives of the energy, with projected Newton steps between the
    bounds and conjugate gradients on the free voxels. The total energy goes down in every half of an alternation; what is found is
    a stationary point, which for unstable cracks need not be the global minimum.

    Examples
    --------
    A bar of AT1 without flaws stays sound up to the stress (3 Gc E/(8 l))^½, which is √1.5 here:

    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> from hoad.mechanics.fracture import fracture
    >>> bar = {0: me.DegradedElastic(mu=0.5, lmbda=0.0, residual=1e-6)}
    >>> load = me.strain_path([[[1.2]], [[1.25]]])
    >>> sol = fracture(me.Cell(np.zeros(4, int)), bar, load, gc=4.0, length=1.0)
    >>> np.round(sol.stress[:, 0, 0], 5), np.round(sol.damage, 5)
    (array([1.2  , 1.152]), array([0.04, 0.04, 0.04, 0.04]))
    """
    settings = _checked(load, damage_tol, max_alternations, solver)
    surface = SurfaceEnergy(cell.grid, gc, length, model)
    labels = [k for k in cell.phases if k in phases and "damage" in getattr(phases[k], "parameters", {})]
    if not labels:
        raise MaterialError(
            f"no material among {[type(m).__name__ for m in phases.values()]} has a parameter 'damage', expected one that can "
            "break, such as me.DegradedElastic."
        )
    first = Problem(cell, phases)
    if first.inelastic or first.operators.shape != cell.grid.shape:
        what = "materials with internal variables" if first.inelastic else "cells spread over processes"
        raise MechanicsError(f"fracture was asked for with {what}, expected stored energies on one process: this is not supported.")
    damage = np.zeros(cell.grid.shape)
    for label in labels:
        damage = np.where(cell.image == label, np.asarray(phases[label].parameters["damage"], float), damage)
    equilibrium = Solution(first, Newton(first), state=initial_state(first))
    solution = FractureSolution(equilibrium, damage)

    def broken(d: Array) -> Problem:
        with_damage = {k: phases[k].with_parameters(damage=d) for k in labels}
        return Problem(cell, {**phases, **with_damage}, operators=first.operators)

    try:
        for step in load.steps:
            _advance(solution, surface, step, broken, damage_tol, max_alternations, settings)
            if callback is not None:
                callback(solution)
    except ConvergenceError as error:
        solution.message = f"the step to time {step.time:g} failed: {error}"
        kept = f"Converged were {len(solution.steps)} steps, kept in this error's `solution`."
        raised = ConvergenceError(f"{solution.message} {kept}")
        raised.solution = solution
        raise raised from error
    except StopIteration:
        solution.message = f"stopped by the callback after {len(solution.steps)} steps"
    solution.converged = True
    solution.message = solution.message or f"{len(solution.steps)} steps, largest damage {solution.damage.max():.3g}"
    return solution


def _checked(load: Any, damage_tol: Any, max_alternations: Any, solver: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(load, LoadPath) or len(load) == 0:
        raise LoadError(f"the load is {load!r}, expected a path with steps, from strain_path, stress_path or mixed_path.")
    if any(s.measure == "cauchy" for s in load.steps):
        raise LoadError("fracture was asked for with prescribed Cauchy stresses, which have no potential. Use measure='nominal'.")
    if not (isinstance(damage_tol, int | float) and 0 < damage_tol < 1):
        raise LoadError(f"damage_tol is {damage_tol!r}, expected a number between 0 and 1.")
    if not (isinstance(max_alternations, int) and max_alternations > 0):
        raise LoadError(f"max_alternations is {max_alternations!r}, expected a positive integer.")
    taken = {"start", "checkpoint", "callback", "progress"} & set(solver)
    if taken:
        raise LoadError(f"{', '.join(sorted(taken))} cannot be passed on to the solver of each equilibrium. Leave it out.")
    return solver


def _advance(
    solution: FractureSolution,
    surface: SurfaceEnergy,
    step: LoadStep,
    broken: Callable[[Array], Problem],
    tol: float,
    limit: int,
    settings: dict[str, Any],
) -> None:
    """One load step: the solution is extended by it."""
    lower = d = solution.damage
    control = resolve(step, solution.equilibrium.problem.kinematics)
    energies: list[float] = []
    iterations = 0

    def equilibrium(d: Array, state: EquilibriumState) -> Solution:
        nonlocal iterations
        problem = broken(d)
        energy, stress = problem.energy_and_stress(state.strain, state.variables)
        begin = replace(state, stress=stress, energy=energy, time=step.time - 1.0)
        found = solve(problem, load=LoadPath((step,)), start=Solution(problem, Newton(problem), state=begin), **settings)
        iterations += int(found.iterations[-1])
        end = found.state
        assert end is not None
        target = nominal_target(problem, control, end.macro, problem.operators.mean(end.stress))
        work = float(target @ (control.free.T @ end.macro))
        energies.append(end.energy + float(surface(d)) - work)
        return found

    state = solution.equilibrium.state
    assert state is not None
    now = equilibrium(d, state)
    for count in range(1, limit + 1):  # noqa: B007
        assert now.state is not None
        new, stored = DamageProblem(now.problem, surface, now.state.strain).minimise(d, lower, 0.01 * tol)
        energies.append(energies[-1] + stored / surface.grid.size + float(surface(new) - surface(d)))
        change = float(np.abs(new - d).max())
        d = new
        if change > 0.0:
            now = equilibrium(d, now.state)
        if change <= tol:
            break
    else:
        raise ConvergenceError(
            f"damage still changes by {change:.1e} after {limit} alternations, expected {tol:.1e}. Use smaller load steps, "
            "a larger max_alternations or a larger damage_tol."
        )
    last = now.steps[-1]
    solution.damage = d
    solution.equilibrium = replace(now, steps=[*solution.equilibrium.steps, last])
    spent = float(surface(d))
    solution.steps.append(
        FractureStep(step.time, last.strain, last.stress, last.energy, spent, count, change, tuple(energies), iterations)
    )
