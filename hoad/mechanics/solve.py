"""Load paths: step after step, with automatic cut-back."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hoad.errors import CellError, ConvergenceError, LoadError
from hoad.mechanics.blocks import own_threads
from hoad.mechanics.cell import Cell
from hoad.mechanics.equilibrium import FORMULATIONS
from hoad.mechanics.fixed_point import FIXED_POINTS, make, stiffness_of
from hoad.mechanics.history import Passage, step_of
from hoad.mechanics.load import Control, LoadPath, resolve
from hoad.mechanics.materials.base import Material
from hoad.mechanics.newton import EquilibriumState, Newton, StepResult
from hoad.mechanics.predictor import PREDICTORS
from hoad.mechanics.problem import Problem
from hoad.mechanics.solution import Solution
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
    keep_path: bool = False,
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
    keep_path : bool
        Keep the strain field and the internal variables of each (sub-)step, as derivatives by parameters need them for materials
        with internal variables and along the path. This takes the memory of these fields for each step; a path that goes on from
        another solution needs one that kept its own, and a checkpoint does not hold it.

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
        if not isinstance(cell, Cell):
            raise CellError(f"solve was given a {type(cell).__name__}, expected a Cell: me.Cell(image).")
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
    if callback is not None and not callable(callback):
        raise LoadError(f"the callback is a {type(callback).__name__}, expected a function of the solution, called in each step.")
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
    if start is not None:
        _require_fitting(start, problem)
    if start is not None and start.state is not None:
        if keep_path and start.steps and start.passages is None:
            raise LoadError(
                f"keep_path=True was asked for a path that goes on from time {start.state.time:g}, and the steps up to there were "
                "not kept. Solve the whole path with keep_path=True, without a checkpoint."
            )
        solution = replace(start, newton=newton, steps=list(start.steps), converged=False)
        solution.passages = list(start.passages or []) if keep_path else None
        controls = [c for c in controls if c.time > start.state.time + 1e-12 * abs(start.state.time)]
    else:
        solution = Solution(problem, newton, passages=[] if keep_path else None)
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


def _require_fitting(start: Any, problem: Problem) -> None:
    """Raise unless a solution is one of this cell, with internal variables that its materials know."""
    if not isinstance(start, Solution):
        raise LoadError(f"start is a {type(start).__name__}, expected a Solution that the path goes on from.")
    if start.state is None:
        return

    def shapes(variables: Any) -> Any:
        return [s and {k: v.shape for k, v in s.items()} for s in variables]

    found, here = start.state.strain.shape, problem.field_shape
    if found != here or shapes(start.state.variables) != shapes(problem.constitutive.initial_state()):
        raise LoadError(
            f"start has strain fields of shape {found} and internal variables {shapes(start.state.variables)}, but this cell and "
            f"its materials have {here} and {shapes(problem.constitutive.initial_state())}. Go on with the problem of the solution."
        )


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
    passages: list[Passage] = []
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
            if solution.passages is not None:
                load = len(solution.steps) if to == 1.0 else None
                passages.append(Passage(state.strain, before[0].variables, dt, partial, state.energy, load))
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
                "Use smaller load steps, a larger max_cg or max_newton, or check the materials." + _hint(problem, failed, control)
            )
            error.solution = solution
            raise error
    _warn_of_inversion(problem, state)
    # only now, so that a solution whose next step fails or is interrupted stays that of the last whole step
    solution.state, (solution.previous, solution.dt), solution.control = state, before, control
    solution.steps.append(step_of(problem, results, cutbacks))
    if solution.passages is not None:
        solution.passages.extend(passages)


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


def _hint(problem: Problem, failed: StepResult, control: Control) -> str:
    scheme, kin = problem.cell.scheme, problem.kinematics
    if kin.kind == "finite" and control.prescribed.all():
        f = kin.macroscopic(control.rotation @ control.strain)
        if np.linalg.det(f) <= 0.0:
            return (
                f" The load has the deformation gradient {f.tolist()} with det F <= 0, which turns the cell inside out; laws of "
                "finite strain take F = 1 + du/dx, not a strain."
            )
    if failed.residual > 0.5 and not control.prescribed.all():
        return " Perhaps the cell has no stiffness against the stress that is prescribed, as with a layer of voids."
    if problem.inelastic and any(np.any(np.asarray(m.parameters.get("H", 1.0)) == 0.0) for m in problem.phases.values()):
        return (
            " Perfectly plastic flow leaves strains undetermined once it crosses the cell: a little hardening, such as 1e-4 of the "
            "shear modulus, or viscosity determines them."
        )
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
