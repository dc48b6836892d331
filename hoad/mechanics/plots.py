"""Figures of solutions: fields, load curves, convergence. Needs matplotlib."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from hoad.errors import MechanicsError
from hoad.mechanics.io.fields import component, nodal_displacement, node_coordinates, phase_numbers, unknown_name

if TYPE_CHECKING:
    from hoad.mechanics.solution import Solution

__all__ = ["path_names", "path_values", "plot_convergence", "plot_field", "plot_path"]

Array = Any


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install matplotlib, or pip install 'hoad[plot]'.") from error
    return pyplot.subplots(layout="constrained")[1]


def plot_field(
    solution: Solution,
    name: str = "phase",
    *,
    axis: int = 2,
    index: int | None = None,
    deformed: bool | float = False,
    colorbar: bool = True,
    ax: Any = None,
    **style: Any,
) -> Any:
    """Draw one component of a field at the end of a solution, voxel by voxel.

    Parameters
    ----------
    solution : Solution
    name : str
        ``"phase"``, ``"von_mises"``, ``"stress_12"``, ``"cauchy_12"`` (finite strains), ``"strain_11"``, ``"displacement_1"``, an
        internal variable (``"accumulated"``, ``"plastic_strain_11"``). Voxels of phases without the variable stay white.
    axis, index : int
        For three dimensions: the slice normal to ``axis`` (0, 1 or 2) through voxel ``index``; the middle one by default.
    deformed : bool or float
        Draw the deformed mesh; a number scales the displacement. A slice shows the displacements in its plane.
    colorbar : bool
        Add a colour bar, with the labels of the phases for ``"phase"``.
    ax : matplotlib Axes, optional
        Where to draw; by default new axes.
    **style
        For ``ax.pcolormesh`` (``ax.stairs`` in one dimension), such as ``cmap`` and ``vmin``.

    Returns
    -------
    matplotlib Axes
        The first remaining axis of the cell points to the right, the second upwards.

    Raises
    ------
    MechanicsError
        For an unknown name, slice or axis.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> cell = me.Cell(np.arange(16).reshape(4, 4) % 2)
    >>> phases = {0: me.LinearElastic(mu=1.0, lmbda=1.0), 1: me.LinearElastic(mu=2.0, lmbda=1.0)}
    >>> sol = me.solve(cell, phases, me.strain_path([0.01 * np.eye(2)]))
    >>> ax = sol.plot("stress_11")
    >>> ax.get_title()
    'stress 11'
    >>> from matplotlib import pyplot
    >>> pyplot.close(ax.figure)
    """
    values = phase_numbers(solution)[0] if name == "phase" else component(solution, name)
    x = node_coordinates(solution)
    d = solution.problem.cell.grid.dimension
    kin = solution.problem.kinematics
    moves = deformed is not False
    if moves and (d == 1 or kin.displacements != d):
        raise MechanicsError("deformed was asked for, expected a problem whose displacements have one component for each axis.")
    scale = float(deformed)
    left = list(range(d))
    where = ""
    corners = np.stack(np.meshgrid(*x, indexing="ij"))
    if moves:
        corners = corners + scale * nodal_displacement(solution)
    if d == 3:
        if axis not in (0, 1, 2):
            raise MechanicsError(f"axis is {axis}, expected 0, 1 or 2: the normal of the slice.")
        n = values.shape[axis]
        at = n // 2 if index is None else index
        if not -n <= at < n:
            raise MechanicsError(f"index {at} is outside of the {n} voxels along axis {axis}. Choose 0 to {n - 1}.")
        at %= n
        values = values.take(at, axis)
        left.remove(axis)
        corners = 0.5 * (corners.take(at, axis + 1) + corners.take(at + 1, axis + 1))
        where = f", $x_{axis + 1}$ = {(at + 0.5) * solution.problem.cell.grid.spacing[axis]:.4g}"
    ax = _axes(ax)
    ax.set_title(name.replace("_", " ") + where)
    ax.set_xlabel(f"$x_{left[0] + 1}$")
    if d == 1:
        ax.stairs(values, x[0], baseline=None, **style)
        return ax
    ax.set_ylabel(f"$x_{left[1] + 1}$")
    options: dict[str, Any] = _phase_colours(solution) if name == "phase" else {"cmap": "viridis"}
    ticks = options.pop("ticks", None)
    if name == "phase":
        values = np.searchsorted(ticks[0], values)
    mesh = ax.pcolormesh(corners[left[0]], corners[left[1]], values, **(options | style))
    ax.set_aspect("equal")
    if colorbar:
        # beside the axes and as high as they are, which a cell that is wide or tall would not get from matplotlib
        bar = ax.figure.colorbar(mesh, cax=ax.inset_axes((1.04, 0.0, 0.05, 1.0)))
        if ticks is not None and len(ticks[0]) <= 20:
            bar.set_ticks(np.arange(len(ticks[0])), labels=[str(label) for label in ticks[1]])
    return ax


def _phase_colours(solution: Solution) -> dict[str, Any]:
    """Options that give each phase a colour of its own."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    numbers, labels = phase_numbers(solution)
    present = np.unique(numbers)
    n = len(present)
    if n <= 10:
        table = ListedColormap(colormaps["tab10"].colors[:n])  # type: ignore[attr-defined]
    else:
        table = ListedColormap(colormaps["turbo"](np.linspace(0, 1, n)))
    return {"cmap": table, "vmin": -0.5, "vmax": n - 0.5, "ticks": (present, labels)}


# -- along the path ----------------------------------------------------------------------------------------------------------


def path_names(solution: Solution) -> list[str]:
    """Macroscopic quantities that :func:`plot_path` knows."""
    kin = solution.problem.kinematics
    shape = kin.macro_shape
    endings = ["".join(str(i + 1) for i in index) for index in product(*map(range, shape))]
    tensors = ["strain", "stress"] + (["cauchy"] if kin.kind == "finite" else [])
    return ["time", *(f"{t}_{e}" for t in tensors for e in endings), "energy", "newton", "iterations", "residual", "cutbacks"]


def path_values(solution: Solution, name: str) -> Array:
    """A macroscopic quantity after each load step, (steps,)."""
    known = path_names(solution)
    if name not in known:
        raise unknown_name("macroscopic quantity", name, known)
    if "_" in name:
        base, ending = name.split("_")
        return getattr(solution, base)[(slice(None), *(int(c) - 1 for c in ending))]
    if name == "iterations":
        return solution.iterations
    return np.array([getattr(step, name) for step in solution.steps])


def plot_path(solution: Solution, x: str = "strain_11", y: str = "stress_11", *, ax: Any = None, **style: Any) -> Any:
    """Draw one macroscopic quantity against another along the load path.

    Parameters
    ----------
    solution : Solution
    x, y : str
        ``"time"``, ``"energy"``, components of ``"strain"``, ``"stress"`` and ``"cauchy"`` such as ``"stress_12"``, ``"newton"``,
        ``"iterations"``, ``"residual"``, ``"cutbacks"``.
    ax : matplotlib Axes, optional
        Where to draw; by default new axes. Several solutions can share them.
    **style
        For ``ax.plot``, such as ``label``.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    MechanicsError
        For an unknown name.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> cell = me.Cell(np.arange(16).reshape(4, 4) % 2)
    >>> phases = {0: me.LinearElastic(mu=1.0, lmbda=1.0), 1: me.LinearElastic(mu=2.0, lmbda=1.0)}
    >>> sol = me.solve(cell, phases, me.strain_path([e * np.eye(2) for e in (0.01, 0.02)]))
    >>> ax = sol.plot_path("strain_11", "stress_11", label="cell")
    >>> len(ax.lines[0].get_xdata())
    2
    >>> from matplotlib import pyplot
    >>> pyplot.close(ax.figure)
    """
    a, b = path_values(solution, x), path_values(solution, y)
    ax = _axes(ax)
    ax.plot(a, b, **({"marker": "o", "markersize": 3} | style))
    ax.set_xlabel(_joined(ax.get_xlabel(), _words(solution, x)))
    ax.set_ylabel(_joined(ax.get_ylabel(), _words(solution, y)))
    return ax


def _joined(there: str, new: str) -> str:
    """Label of an axis that several quantities share."""
    return there if new in there.split(", ") else ", ".join(filter(None, (there, new)))


def _words(solution: Solution, name: str) -> str:
    """Axis label: which measure a component belongs to."""
    base, _, ending = name.partition("_")
    finite = solution.problem.kinematics.kind == "finite"
    scalar = solution.problem.kinematics.kind == "scalar"
    symbol = {
        "strain": r"\bar F" if finite else r"\bar g" if scalar else r"\bar\varepsilon",
        "stress": r"\bar P" if finite else r"\bar q" if scalar else r"\bar\sigma",
        "cauchy": r"\bar\sigma",
    }.get(base)
    return f"${symbol}_{{{ending}}}$" if symbol else name


def plot_convergence(solution: Solution, *, ax: Any = None, **style: Any) -> Any:
    """Draw the relative residual after each Newton step, one line for each load step, and the tolerance.

    Parameters
    ----------
    solution : Solution
    ax : matplotlib Axes, optional
        Where to draw; by default new axes.
    **style
        For ``ax.semilogy``.

    Returns
    -------
    matplotlib Axes
        Zero residuals, which a logarithmic axis cannot show, are drawn at 1e-17. For a divided load step its last part is shown.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> cell = me.Cell(np.arange(16).reshape(4, 4) % 2)
    >>> phases = {0: me.LinearElastic(mu=1.0, lmbda=1.0), 1: me.LinearElastic(mu=2.0, lmbda=1.0)}
    >>> sol = me.solve(cell, phases, me.strain_path([e * np.eye(2) for e in (0.01, 0.02)]))
    >>> ax = sol.plot_convergence()
    >>> [line.get_label() for line in ax.lines]
    ['t = 1', 't = 2', 'tolerance']
    >>> from matplotlib import pyplot
    >>> pyplot.close(ax.figure)
    """
    if not solution.steps:
        raise MechanicsError("the solution has no converged step, so there is no convergence to show.")
    ax = _axes(ax)
    from matplotlib import colormaps

    count = len(solution.steps)
    for number, step in enumerate(solution.steps):
        colour = colormaps["viridis"](number / max(1, count - 1))
        residuals = np.maximum(step.residuals, 1e-17)
        label = f"t = {step.time:.4g}" if count <= 8 or number in (0, count - 1) else None
        ax.semilogy(np.arange(1, len(residuals) + 1), residuals, **({"marker": "o", "color": colour, "label": label} | style))
    ax.axhline(solution.newton.tol, color="0.4", linestyle="--", linewidth=1, label="tolerance")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("Newton step")
    ax.set_ylabel("relative residual")
    ax.legend()
    return ax
