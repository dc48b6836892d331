"""FE²: a cantilever of finite elements whose every integration point is a periodic cell.

The macroscopic element gives a cell its deformation gradient and takes back the mean stress and the homogenised tangent, which is
exact, so that Newton's method converges quadratically on the large scale. Tangents from finite differences of the stress cost
non-linear solves instead of linear ones; with the mean tangent of the phases (Voigt's) it converges linearly.

Sources: Feyel & Chaboche, Comput. Methods Appl. Mech. Eng. 183 (2000); Miehe, Schröder & Schotte, ibid. 171 (1999).

    python docs/examples/mechanics/fe_squared.py [--quick] [--out figure.png]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from presentation import BLUE, GREEN, GREY, ORANGE, canvas, command_line, label, legend, save

import hoad
from hoad import mechanics as me

Array = np.ndarray
Law = Callable[[int, Array], tuple[Array, Array]]
"""From the number of an integration point and its deformation gradient: stress P and tangent dP/dF."""

PHASES = {0: me.NeoHooke(mu=1.0, lmbda=2.0), 1: me.NeoHooke(mu=10.0, lmbda=20.0)}


def disk(n: int) -> Array:
    """A fibre that fills a quarter of the cell, seen along its axis."""
    x = (np.arange(n) + 0.5) / n - 0.5
    return (x[:, None] ** 2 + x**2 < 0.25 / np.pi).astype(int)


# ---------------------------------------------------------------------------------------------------------------------
# The large scale: bilinear elements


@dataclass(frozen=True)
class Mesh:
    """A block of bilinear elements with four integration points each, fixed on the left, with a dead load on the right."""

    nodes: Array
    elements: Array
    gradients: Array
    """Derivatives of the shape functions, (elements, 4 points, 4 nodes, 2)."""
    weights: Array
    fixed: Array
    load: Array
    """Nodal forces (nodes, 2) of a unit traction upwards."""

    @classmethod
    def block(cls, nx: int, ny: int, length: float, height: float) -> Mesh:
        x, y = np.meshgrid(np.linspace(0, length, nx + 1), np.linspace(0, height, ny + 1), indexing="ij")
        nodes = np.stack([x.ravel(), y.ravel()], -1)
        first = (np.arange(nx)[:, None] * (ny + 1) + np.arange(ny)).ravel()
        elements = first[:, None] + np.array([0, ny + 1, ny + 2, 1])
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        points = corners / np.sqrt(3)
        local = corners * (1 + points[:, None, ::-1] * corners[:, ::-1]) / 4  # (points, nodes, 2)
        jacobian = np.einsum("pai,eaj->epji", local, nodes[elements])
        gradients = np.einsum("pai,epij->epaj", local, np.linalg.inv(jacobian))
        load = np.zeros_like(nodes)
        end = np.flatnonzero(np.isclose(nodes[:, 0], length))
        load[end, 1] = np.where(np.isin(end, end[[0, -1]]), 0.5, 1.0) * height / ny
        return cls(nodes, elements, gradients, np.linalg.det(jacobian), np.isclose(nodes[:, 0], 0.0), load)

    def deformation(self, u: Array) -> Array:
        """Deformation gradient at each integration point, (elements, 4, 2, 2)."""
        return np.eye(2) + np.einsum("eai,epaj->epij", u[self.elements], self.gradients)

    def assemble(self, u: Array, law: Law) -> tuple[Array, Array]:
        """Internal forces (nodes, 2) and stiffness (nodes, 2, nodes, 2)."""
        n = len(self.nodes)
        forces, stiffness = np.zeros((n, 2)), np.zeros((n, 2, n, 2))
        for e, points in enumerate(self.deformation(u)):
            where = self.elements[e]
            for p, F in enumerate(points):
                stress, tangent = law(4 * e + p, F)
                g, w = self.gradients[e, p], self.weights[e, p]
                forces[where] += w * np.einsum("ij,aj->ai", stress, g)
                block = w * np.einsum("ijkl,aj,bl->aibk", tangent, g, g)
                for a, row in enumerate(where):
                    stiffness[row, :, where] += block[a].transpose(1, 0, 2)
        return forces, stiffness


def equilibrium(mesh: Mesh, law: Law, traction: float, *, tol: float = 1e-9, most: int = 30) -> tuple[Array, list[float]]:
    """Newton's method from rest; displacements and the relative residuals before each step and at the end."""
    u = np.zeros_like(mesh.nodes)
    free = np.repeat(~mesh.fixed, 2)
    outside = traction * mesh.load
    residuals: list[float] = []
    while True:
        forces, stiffness = mesh.assemble(u, law)
        r = (outside - forces).ravel()[free]
        residuals.append(float(np.linalg.norm(r) / np.linalg.norm(outside)))
        if residuals[-1] < tol or len(residuals) > most:
            return u, residuals
        step = np.zeros(u.size)
        step[free] = np.linalg.solve(stiffness.reshape(u.size, -1)[np.ix_(free, free)], r)
        u = u + step.reshape(u.shape)


# ---------------------------------------------------------------------------------------------------------------------
# The small scale


@dataclass
class Cells:
    """A cell at each integration point, which goes on from where it was."""

    problem: me.Problem
    tangent: str = "exact"
    tol: float = 1e-10
    solutions: dict[int, me.Solution] = field(default_factory=dict)
    solves: int = 0

    def solve(self, F: Array, start: me.Solution | None, **options: Any) -> me.Solution:
        self.solves += 1
        options = {"tol": self.tol, **options}
        time = 1.0 if start is None else start.time[-1] + 1.0
        return me.solve(self.problem, load=me.strain_path([F], times=[time]), start=start, **options)

    def __call__(self, point: int, F: Array) -> tuple[Array, Array]:
        found = self.solutions[point] = self.solve(F, self.solutions.get(point))
        return found.stress[-1], getattr(self, "_" + self.tangent)(found, F)

    def _exact(self, found: me.Solution, F: Array) -> Array:
        return found.tangent(tol=1e-5)  # its error is the square of the tolerance

    def _differences(self, found: me.Solution, F: Array, h: float = 1e-5) -> Array:
        """Forward differences, for which the stress is solved four times more."""
        columns = []
        for unit in np.eye(4).reshape(4, 2, 2):
            near = self.solve(F + h * unit, found, tol=1e-9)  # of a stress of size h: rounding allows no less
            columns.append((near.stress[-1] - found.stress[-1]) / h)
        return np.stack(columns, -1).reshape(2, 2, 2, 2)

    def _mixture(self, found: me.Solution, F: Array) -> Array:
        """Mean of the tangents that the phases would have under the same deformation gradient."""
        cell = self.problem.cell
        return sum(share * closed_form(self.problem.phases[k])(0, F)[1] for k, share in cell.fractions().items())


def closed_form(material: Any) -> Law:
    """The law of a homogeneous cell, with derivatives of the energy by hoad."""

    def energy(F: Array) -> Any:
        return material.energy(np.concatenate([np.concatenate([F, np.zeros((2, 1))], 1), np.array([[0.0, 0.0, 1.0]])]))

    return lambda point, F: (hoad.grad(energy)(F), hoad.hessian(energy)(F))


@dataclass(frozen=True)
class Run:
    """What one kind of tangent cost."""

    displacement: Array
    residuals: list[float]
    solves: int
    cells: Cells


def run(mesh: Mesh, image: Array, phases: Mapping[int, Any], traction: float, tangent: str = "exact", most: int = 30) -> Run:
    """Solve both scales."""
    cells = Cells(me.Problem(me.Cell(image), phases), tangent)
    u, residuals = equilibrium(mesh, cells, traction, most=most)
    return Run(u, residuals, cells.solves, cells)


def draw(out: Path, mesh: Mesh, runs: dict[str, Run]) -> None:
    """Large scale, residuals, and the cells where the stress is largest and smallest."""
    title = "A cantilever whose integration points are cells"
    drawing, (beam, residual, most, least) = canvas(2, title, rows=2, height=7.0)
    exact = runs["exact"]
    places = mesh.nodes + exact.displacement
    for nodes, colour in ((mesh.nodes, "#cfd3da"), (places, GREY)):
        for quad in mesh.elements:
            beam.plot(*nodes[[*quad, quad[0]]].T, color=colour, linewidth=1.0)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    shape = np.prod(1 + corners[:, None] * corners / np.sqrt(3), -1) / 4
    x = np.einsum("pa,eai->epi", shape, places[mesh.elements]).reshape(-1, 2)
    stress = np.array([exact.cells.solutions[k].cauchy[-1, 0, 0] for k in range(len(x))])
    high = np.abs(stress).max()
    dots = beam.scatter(*x.T, c=stress, s=36, cmap="RdBu_r", vmin=-high, vmax=high, zorder=3)
    drawing.colorbar(dots, ax=beam, shrink=0.8)
    label(beam, "mean Cauchy stress along the beam", aspect="equal")
    names = {"exact": "exact tangent", "differences": "differences", "mixture": "tangent of the mixture"}
    looks = {"exact": (BLUE, "-"), "differences": (ORANGE, ":"), "mixture": (GREEN, "-")}
    for (name, found), (colour, line) in zip(runs.items(), looks.values()):
        residual.semilogy(found.residuals, line, color=colour, marker="o", markersize=4, label=names[name])
    label(residual, "relative residual of the large scale", xlabel="Newton step", ylim=(1e-12, 100))
    legend(residual)
    for axes, k, where in ((most, int(stress.argmax()), "highest tension"), (least, int(stress.argmin()), "highest compression")):
        exact.cells.solutions[k].plot("cauchy_11", ax=axes, deformed=True, cmap="RdBu_r", vmin=-2 * high, vmax=2 * high)
        label(axes, f"cell with the {where}", xlabel="", ylabel="")
        axes.grid(False)
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """All tangents, and the homogeneous cell; print, draw."""
    options = command_line(__doc__, "fe_squared", argv)
    (nx, ny), n, traction = ((2, 1), 7, 0.03) if options.quick else ((4, 2), 21, 0.06)
    mesh, image = Mesh.block(nx, ny, 2.0, 1.0), disk(n)
    print(f"{nx} x {ny} elements, {4 * nx * ny} cells of {n} x {n} voxels\n")
    most = 6 if options.quick else 24
    runs = {name: run(mesh, image, PHASES, traction, name, most) for name in ("exact", "differences", "mixture")}
    end = np.argmax(mesh.nodes @ [1.0, 1.0])
    for name, found in runs.items():
        print(f"{name}: {found.solves} non-linear solves, end displacement {found.displacement[end, 1]:.10f}")
        print(f"  residuals {' '.join(f'{r:.1e}' for r in found.residuals)}")
    same = run(mesh, np.zeros((3, 3), int), PHASES, traction).displacement
    known = equilibrium(mesh, closed_form(PHASES[0]), traction)[0]
    print(f"\nhomogeneous cells and closed form: largest difference of displacements {np.abs(same - known).max():.1e}")
    draw(options.out, mesh, runs)


if __name__ == "__main__":
    main()
