"""Load paths: step after step, with automatic cut-back."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hoad.errors import ConvergenceError, LoadError
from hoad.mechanics.blocks import own_threads
from hoad.mechanics.cell import Cell
from hoad.mechanics.equilibrium import FORMULATIONS
from hoad.mechanics.fixed_point import FIXED_POINTS, make, stiffness_of
from hoad.mechanics.load import Control, LoadPath, resolve
from hoad.mechanics.materials.base import Material
from hoad.mechanics.newton import EquilibriumState, Newton, StepResult
from hoad.mechanics.predictor import PREDICTORS
from hoad.mechanics.problem import Problem
from hoad.mechanics.solution import Solution, step_of
from hoad.mechanics.tensors import det

__all__ = ["solve"]

Array = Any


@own_threads
def solve(
    cell: Cell | Problem,
    phases: Mapping[Any, Material] | None = None,
    load: LoadPath | None = None,
    *,
    method: str = "displacement",
    tol: float = 1e-8,
    reference: Any = None,
    preconditioner: str = "green",
    predictor: str = "tangent",
    forcing: float | None = None,
    max_newton: int = 30,
    max_cg: int = 2000,
    max_cutbacks: int = 8,
    line_search: bool = True,
    progress: bool = False,
    callback: Callable[[Solution], Any] | None = None,
    start: Solution | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Solution:
    """Equilibrium of a periodic cell along a load path.

    Parameters
    ----------
    cell : Cell
        Voxel image, lengths and discretisation; or a :class:`Problem`, which already has its materials.
    phases : mapping
        Material of each label of the image.
    load : LoadPath
        Made by :func:`strain_path`, :func:`stress_path` or :func:`mixed_path`.
    method : str
        ``"displacement"`` or ``"strain"``: Newton's method with linear equations in displacements (less memory and time) or in
        strains. ``"basic"``, ``"eyre-milton"``, ``"augmented-lagrangian"``, ``"barzilai-borwein"``, ``"anderson"``: fixed-point
        schemes, slower, for comparisons; the two polarisation schemes need small strains.
    tol : float
        Relative residual: the norm of the compatible part of the stress over that of the mean stress, both in the energy norm of
        the reference medium.
    reference : None, "mean", "identity", material or array (m, m)
        Stiffness of the reference medium in the Green operator: mean of the tangent at each Newton step, the identity, that of a
        linear material, or a matrix of strain components. By default isotropic moduli halfway between the extremes of linear
        phases, ½ (min + max), and the mean of tangents that vary; fixed-point schemes have ½ (min + max) for all materials,
        polarisation schemes √(min · max).
    preconditioner : {"green", "jacobi-green"}
        Of the linear equations in displacements: the Green operator, or that between two scalings by the diagonal of the stiffness,
        for stiffness that varies smoothly over orders of magnitude.
    predictor : {"tangent", "taylor"}
        How a load step begins: along the tangent, or with an expansion of the equilibrium path to third order in the load, which
        takes two more linear solves with the same tangent and saves later Newton steps where materials are smooth.
    forcing : float, optional
        Relative tolerance of linear solves; adapted to the progress of Newton's method by default.
    max_newton, max_cg : int
        Most Newton steps in a (sub-)step and iterations of a linear solve (or of a fixed-point scheme in a step).
    max_cutbacks : int
        How often a load step may be halved.
    line_search : bool
        Whether Newton steps must lower the energy (they are always kept inside the admissible strains).
    progress : bool
        Show a progress bar (needs tqdm).
    callback : callable, optional
        Called with the solution after each step; raising StopIteration ends the path there.
    start : Solution, optional
        Continue from the end of a solution of the same problem; steps whose time is not later are skipped.
    checkpoint : path, optional
        A file (.npz, .h5) that is replaced in one step after each converged load step. If it exists already, the path goes on from
        the state in it, so that the same call continues a run that was stopped; cell, materials and the steps that are done must
        be those of the file.

    Returns
    -------
    Solution

    Raises
    ------
    ConvergenceError
        If a step does not converge even when it is divided; ``error.solution`` holds every step up to there.
    LoadError, CellError, MaterialError
        For input that does not fit together, or not to the checkpoint.

    Notes
    -----
    Newton's method on the energy, each step solved by conjugate gradients with a Green preconditioner; the first step of each load
    step is the tangent predictor. Zeman, de Geus, Vondřejc, Peerlings & Geers, Int. J. Numer. Meth. Eng. 111 (2017); Ladecký
    et al., Appl. Math. Comput. 446 (2023); forcing terms after Eisenstat & Walker, SIAM J. Sci. Comput. 17 (1996).

    Examples
    --------
    A laminate under shear along its layers: the softer layer is strained more.

    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> cell = me.Cell(np.repeat([0, 1], 4)[:, None] * np.ones((1, 2), int))
    >>> phases = {0: me.LinearElastic(mu=1.0, lmbda=2.0), 1: me.LinearElastic(mu=3.0, lmbda=2.0)}
    >>> sol = me.solve(cell, phases, me.strain_path([[[0.0, 0.01], [0.01, 0.0]]]))
    >>> np.round(sol.stress[-1], 6)
    array([[0.  , 0.03],
           [0.03, 0.  ]])
    """
    if isinstance(cell, Problem):
        problem = cell
    else:
        if phases is None:
            raise LoadError("solve needs the phases of the cell: a mapping from labels to materials.")
        problem = Problem(cell, phases)
    if not isinstance(load, LoadPath):
        raise LoadError(f"the load is a {type(load).__name__}, expected what strain_path, stress_path or mixed_path return.")
    if len(load) == 0:
        raise LoadError("the load path has no steps, expected at least one.")
    if not (isinstance(tol, int | float) and 0 < tol < 1):
        raise LoadError(f"tol is {tol!r}, expected a number between 0 and 1.")
    if forcing is not None and not (isinstance(forcing, int | float) and 0 < forcing < 1):
        raise LoadError(f"forcing is {forcing!r}, expected a number between 0 and 1, or None for one that adapts.")
    if max_newton < 1 or max_cg < 1 or max_cutbacks < 0:
        raise LoadError(
            f"max_newton={max_newton}, max_cg={max_cg}, max_cutbacks={max_cutbacks}: expected at least 1, 1 and 0 of these."
        )
    if predictor not in PREDICTORS:
        raise LoadError(f"predictor {predictor!r} is unknown, expected one of {', '.join(PREDICTORS)}.")
    controls = [resolve(step, problem.kinematics) for step in load.steps]
    newton: Newton
    if isinstance(reference, Material):
        reference = stiffness_of(problem, reference)
    if method in FIXED_POINTS:
        newton = make(method, problem, tol, reference, max_cg)
    elif method in FORMULATIONS:
        c0 = "auto" if reference is None else reference
        newton = Newton(problem, method, tol, c0, forcing, max_newton, max_cg, line_search, preconditioner, predictor)
    else:
        raise LoadError(f"method {method!r} is unknown, expected one of {', '.join([*FORMULATIONS, *FIXED_POINTS])}.")
    saved = None
    if checkpoint is not None:
        from hoad.mechanics.io.checkpoint import Checkpoint

        saved = Checkpoint(checkpoint, problem, load, controls)
        start = saved.restore(newton) or start
    if start is not None and start.state is not None:
        solution = replace(start, newton=newton, steps=list(start.steps), converged=False)
        controls = [c for c in controls if c.time > start.state.time + 1e-12 * abs(start.state.time)]
    else:
        solution = Solution(problem, newton)
        solution.state = initial_state(problem)
    bar = _bar(progress, len(controls))
    try:
        for control in controls:
            _advance(solution, control, max_cutbacks)
            if bar is not None:
                bar.update()
                bar.set_postfix(iterations=int(solution.iterations[-1]), residual=f"{solution.residual[-1]:.1e}")
            if saved is not None:
                saved.write(solution)
            if callback is not None:
                callback(solution)
    except StopIteration:
        solution.message = f"stopped by the callback after {len(solution.steps)} steps"
        solution.converged = True
        return solution
    finally:
        if bar is not None:
            bar.close()
    solution.converged = True
    worst = float(solution.residual.max()) if solution.steps else 0.0
    solution.message = f"{len(solution.steps)} steps, largest relative residual {worst:.1e}"
    return solution


def initial_state(problem: Problem) -> EquilibriumState:
    """The cell at rest."""
    e = problem.uniform(np.zeros(problem.kinematics.components))
    variables = problem.constitutive.initial_state()
    energy, stress = problem.energy_and_stress(e, variables)
    return EquilibriumState(e, stress, np.zeros(len(e)), variables, 0.0, energy)


def _advance(solution: Solution, control: Control, max_cutbacks: int) -> None:
    """One load step, halved where it does not converge; the solution is extended by it."""
    problem, newton, state = solution.problem, solution.newton, solution.state
    assert state is not None
    begin = state
    begin_strain = control.rotation.T @ begin.macro
    begin_stress = control.rotation.T @ _stress_at(problem, begin, control)
    done, size, cutbacks = 0.0, 1.0, 0
    before = begin, 1.0
    results: list[StepResult] = []
    failed = StepResult(None, False, "")
    while done < 1.0:
        to = min(1.0, done + size)
        strain = np.where(control.prescribed, begin_strain + to * (control.strain - begin_strain), 0.0)
        stress = np.where(control.prescribed, 0.0, begin_stress + to * (control.stress - begin_stress))
        time = begin.time + to * (control.time - begin.time)
        partial = replace(control, strain=strain, stress=stress, time=time) if to < 1.0 else control
        dt = time - state.time
        result = newton.step(state, partial, dt)
        if result.converged and result.state is not None:
            results.append(result)
            before = state, dt
            state = result.state
            state.variables = problem.update(state.strain, before[0].variables, dt)
            done = to
            size *= 2 if len(results) % 2 == 0 else 1
            continue
        failed = result
        cutbacks += 1
        size *= 0.5
        if cutbacks > max_cutbacks:
            solution.message = f"the step to time {control.time:g} failed after {max_cutbacks} cut-backs: {failed.message}"
            error = ConvergenceError(
                f"{solution.message}. Converged were {len(solution.steps)} steps, kept in this error's `solution`. "
                "Use smaller load steps, a larger max_cg or max_newton, or check the materials." + _hint(problem, failed)
            )
            error.solution = solution
            raise error
    _warn_of_inversion(problem, state)
    # only now, so that a solution whose next step fails or is interrupted stays that of the last whole step
    solution.state, (solution.previous, solution.dt), solution.control = state, before, control
    solution.steps.append(step_of(problem, results, cutbacks))


def _warn_of_inversion(problem: Problem, state: EquilibriumState) -> None:
    """Warn of elements turned inside out, which laws without a barrier at J = 0 do not forbid."""
    kin = problem.kinematics
    if kin.kind != "finite":
        return
    inside_out = int(problem.operators.transform.total(float(np.count_nonzero(det(kin.macroscopic(state.strain)) <= 0.0))))
    if inside_out:
        warnings.warn(
            f"{inside_out} of {problem.cell.grid.size * problem.operators.points} points are inside out, det F <= 0, at time "
            f"{state.time:g}: a law here has no barrier against that (St Venant-Kirchhoff has none). Use one that has, such as "
            "NeoHooke, or ignore this warning to reproduce a computation.",
            RuntimeWarning,
            stacklevel=4,
        )


def _hint(problem: Problem, failed: StepResult) -> str:
    scheme = problem.cell.scheme
    if "conjugate gradients" in failed.message and scheme in ("fourier", "central-4", "central-6", "central-8"):
        return f" With empty or nearly rigid phases scheme {scheme!r} converges slowly or not at all: use 'rotated' or 'hexahedra'."
    return ""


def _stress_at(problem: Problem, state: EquilibriumState, control: Control) -> Array:
    """Mean stress components of a state, in the measure of a control."""
    mean = problem.operators.mean(state.stress)
    if control.measure == "nominal":
        return mean
    kin = problem.kinematics
    f = kin.macroscopic(state.macro)
    return kin.components_of(kin.macroscopic(mean, stress=True) @ f.T / np.linalg.det(f), stress=True)


def _bar(progress: bool, total: int) -> Any:
    if not progress:
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError("progress=True needs tqdm: pip install tqdm, or leave progress out.") from error
    return tqdm(total=total, desc="load steps", disable=None)
