"""Fields of a solution by name, one value for each voxel or node: what files and plots show."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from hoad.errors import MechanicsError
from hoad.mechanics.materials.plane_stress import PlaneStress
from hoad.mechanics.tensors import det, deviator, dot, double_dot, transpose
from hoad.transforms.first import grad

if TYPE_CHECKING:
    from hoad.mechanics.materials.base import Material, State
    from hoad.mechanics.solution import Solution

__all__ = [
    "component", "component_names", "field", "field_names", "full_strain", "full_stress", "node_coordinates",
    "nodal_displacement", "phase_numbers", "unknown_name",
]  # fmt: skip

Array = Any

NODE_OFFSET = {"rotated": 0, "hexahedra": 0, "tetrahedra": 0, "forward": 0, "backward": 1}
"""Corner of voxel i at which node i of a scheme lies: 0 the lower, 1 the upper one; schemes not named have it at the centre."""


def unknown_name(what: str, found: str, known: list[str]) -> MechanicsError:
    """Error for a name, which lists the known ones."""
    close = get_close_matches(found, known, n=1, cutoff=0.6)
    hint = f"Did you mean {close[0]!r}?" if close else "Choose one of them."
    return MechanicsError(f"{what} {found!r} is unknown, expected one of {', '.join(known)}. {hint}")


def require_whole(solution: Solution) -> None:
    """Raise if this process holds a part of the cell only."""
    problem = solution.problem
    if tuple(problem.operators.shape) != tuple(problem.cell.grid.shape):
        raise MechanicsError(
            f"this process holds {tuple(problem.operators.shape)} of {problem.cell.grid.shape} voxels, expected the whole cell: "
            "files and plots of distributed fields are not supported. Gather the fields first."
        )


# -- tensors at every point ---------------------------------------------------------------------------------------------------


def full_strain(solution: Solution) -> Array:
    """Strain measure as the materials see it, (size, size, points, *grid), out-of-plane components included.

    Scalar problems have (d, points, *grid).
    """
    problem, state = solution.problem, solution._end()
    kin = problem.kinematics
    if problem.cell.plane != "stress" or kin.kind not in ("finite", "small"):
        return kin.tensor(state.strain)
    e = state.strain.reshape((len(state.strain), -1))
    out = np.empty((kin.size, kin.size, e.shape[1]))

    def work(where: Any, material: Material, variables: State | None, _: int, __: slice) -> None:
        strain = kin.tensor(e[:, where])
        out[..., where] = material._completed(strain, variables or {}, solution.dt) if isinstance(material, PlaneStress) else strain

    problem.constitutive.each(work, _begin(solution))
    return out.reshape((kin.size, kin.size, *state.strain.shape[1:]))


def _begin(solution: Solution) -> list[State | None]:
    """Internal variables at the beginning of the last step, to which the stress at its end refers."""
    if solution.previous is not None:
        return solution.previous.variables
    return solution.problem.constitutive.initial_state()


def full_stress(solution: Solution) -> Array:
    """Stress at every point, (size, size, points, *grid): derivative of the energies by the whole tensor.

    In plane strain this has the stress normal to the plane, which :attr:`Solution.stress_field` leaves out; in plane stress
    out-of-plane components are zero. Scalar problems have (d, points, *grid).
    """
    problem, state = solution.problem, solution._end()
    kin = problem.kinematics
    if kin.kind == "scalar" or kin.size == kin.dimension:
        return solution.stress_field
    if problem.cell.plane == "stress" and kin.kind != "antiplane":
        inside = solution.stress_field
        return np.pad(inside, [(0, 1), (0, 1)] + [(0, 0)] * (inside.ndim - 2))
    e = state.strain.reshape((len(state.strain), -1))
    out = np.empty((kin.size, kin.size, e.shape[1]))

    def work(where: Any, material: Material, variables: State | None, _: int, __: slice) -> None:
        if variables is None:
            total = lambda f: material.energy(f).sum()
        else:
            total = lambda f: material.energy(f, variables, solution.dt).sum()  # type: ignore[call-arg]
        out[..., where] = grad(total)(kin.tensor(e[:, where]))

    problem.constitutive.each(work, _begin(solution))
    if takes_small_strains(solution):
        out = 0.5 * (out + transpose(out))
    return out.reshape((kin.size, kin.size, *state.strain.shape[1:]))


def takes_small_strains(solution: Solution) -> bool:
    """Whether materials take symmetric strains."""
    kin = solution.problem.kinematics
    return kin.kind == "small" or (kin.kind == "antiplane" and kin.small)


def _cauchy(solution: Solution) -> Array:
    """Cauchy stress of the same shape as :func:`full_stress`."""
    stress = full_stress(solution)
    if takes_small_strains(solution):
        return stress
    f = full_strain(solution)
    return dot(stress, transpose(f)) / det(f)


def _von_mises(solution: Solution) -> Array:
    """Equivalent Cauchy stress √(3/2 s:s) of the three-dimensional deviator s, (points, *grid)."""
    sigma = _cauchy(solution)
    if len(sigma) < 3:
        missing = 3 - len(sigma)
        sigma = np.pad(sigma, [(0, missing), (0, missing)] + [(0, 0)] * (sigma.ndim - 2))
    s = deviator(sigma)
    return np.sqrt(1.5 * double_dot(s, s))


# -- one value for each voxel -----------------------------------------------------------------------------------------------------


def field_names(solution: Solution) -> list[str]:
    """Names that :func:`field` knows: phase, displacement, strain, stress, cauchy, von_mises and the internal variables."""
    names = ["phase", "displacement", "strain", "stress"]
    if solution.problem.kinematics.kind != "scalar":
        names += ["von_mises"] if takes_small_strains(solution) else ["cauchy", "von_mises"]
    return names + [n for n in _variable_shapes(solution) if n not in names]


def _variable_shapes(solution: Solution) -> dict[str, tuple[int, ...]]:
    """Shape of each internal variable at a point."""
    return {name: value.shape[:-1] for group in solution._end().variables for name, value in (group or {}).items()}


def field(solution: Solution, name: str) -> Array:
    """Field at the end of a solution, (components..., *grid); for several points in a voxel their mean.

    ``"strain"`` and ``"stress"`` are the problem's measures (deformation gradient and first Piola-Kirchhoff stress for finite
    strains), with out-of-plane components; ``"displacement"`` is the mean of :func:`nodal_displacement` at the corners of a voxel.
    """
    require_whole(solution)
    if name == "phase":
        return phase_numbers(solution)[0]
    if name == "displacement":
        return _cell_mean(nodal_displacement(solution), solution.problem.cell.grid.dimension)
    known = field_names(solution)
    if name not in known:
        raise unknown_name("field", name, known)
    compute = {"strain": full_strain, "stress": full_stress, "cauchy": _cauchy, "von_mises": _von_mises}.get(name)
    values = compute(solution) if compute is not None else solution.variables[name]
    axis = -1 - solution.problem.cell.grid.dimension
    return np.moveaxis(values, axis, -1) @ solution.problem.operators.weights


def phase_numbers(solution: Solution) -> tuple[Array, list[Any]]:
    """Phase of each voxel as an integer, and the labels: integers stand for themselves, strings for their place in the list."""
    cell = solution.problem.cell
    if cell.image.dtype.kind in "iu":
        return cell.image, cell.phases
    return np.searchsorted(np.unique(cell.image), cell.image).reshape(cell.image.shape), cell.phases


def component_names(solution: Solution) -> list[str]:
    """Names that :func:`component` knows, such as ``"stress_12"``."""
    names: list[str] = []
    for name in field_names(solution):
        shape = _tensor_shape(solution, name)
        names += [name + s for s in _suffixes(shape)]
    if solution.problem.kinematics.kind == "antiplane":
        names = ["displacement_3" if n == "displacement_1" else n for n in names]
    return names


def component(solution: Solution, name: str) -> Array:
    """One component of a field, (*grid)."""
    known = component_names(solution)
    if name not in known:
        raise unknown_name("component", name, known)
    asked = "displacement_1" if name == "displacement_3" and solution.problem.kinematics.kind == "antiplane" else name
    for base in field_names(solution):
        shape = _tensor_shape(solution, base)
        for suffix, index in zip(_suffixes(shape), product(*map(range, shape)), strict=True):
            if base + suffix == asked:
                return field(solution, base)[index]
    raise AssertionError(name)  # pragma: no cover


def _tensor_shape(solution: Solution, name: str) -> tuple[int, ...]:
    problem = solution.problem
    kin = problem.kinematics
    if name in ("phase", "von_mises"):
        return ()
    if name == "displacement":
        return (kin.displacements,)
    if name in ("strain", "stress", "cauchy"):
        return (kin.size,) if kin.kind == "scalar" else (kin.size, kin.size)
    return _variable_shapes(solution)[name]


def _suffixes(shape: tuple[int, ...]) -> list[str]:
    """Endings of component names: _12 for tensors, joined by underscores where an index can have two digits."""
    if not shape:
        return [""]
    join = "" if max(shape) < 10 else "_"
    return ["_" + join.join(str(i + 1) for i in index) for index in product(*map(range, shape))]


# -- nodes -----------------------------------------------------------------------------------------------------------------------


def node_coordinates(solution: Solution) -> list[Array]:
    """Coordinates of the corners of the voxels along each axis."""
    grid = solution.problem.cell.grid
    return [np.arange(n + 1) * h for n, h in zip(grid.shape, grid.spacing, strict=True)]


def nodal_displacement(solution: Solution) -> Array:
    """Displacement of the corners of the voxels, (components, n + 1, ...): macroscopic part plus the periodic one.

    Schemes of finite elements and one-sided differences have their displacements there; for those whose displacements are at the
    centres (Fourier, central differences) a corner has the mean of the voxels around it. The corner at the origin of a cell
    without a periodic part does not move.
    """
    require_whole(solution)
    problem, kin = solution.problem, solution.problem.kinematics
    d = problem.cell.grid.dimension
    u = solution.displacement
    offset = NODE_OFFSET.get(problem.cell.scheme)
    axes = tuple(range(1, d + 1))
    if offset is None:
        u = sum(np.roll(u, shift, axes) for shift in product((0, 1), repeat=d)) / 2**d
    elif offset:
        u = np.roll(u, (offset,) * d, axes)
    u = np.pad(u, [(0, 0)] + [(0, 1)] * d, mode="wrap")
    mean = kin.macroscopic(problem.operators.mean(solution._end().strain))
    if kin.kind == "finite":
        mean = mean - np.eye(d)
    mean = np.reshape(mean, (-1, d))
    x = np.meshgrid(*node_coordinates(solution), indexing="ij")
    return u + np.tensordot(mean, np.stack(x), axes=1)


def _cell_mean(nodal: Array, d: int) -> Array:
    """Mean of the corners of each voxel, over the last ``d`` axes."""
    for axis in range(nodal.ndim - d, nodal.ndim):
        n = nodal.shape[axis]
        nodal = 0.5 * (nodal.take(range(n - 1), axis) + nodal.take(range(1, n), axis))
    return nodal
