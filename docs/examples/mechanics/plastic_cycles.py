"""A metal with ceramic fibres in cyclic shear: hysteresis, energy balance and consistent tangent.

The matrix is von Mises plastic with linear hardening, in GPa about an aluminium alloy; the fibres are elastic. Three accounts of
the energy are kept. The work of the macroscopic stress around the loops is what is stored elastically, stored by hardening, and
dissipated in the cell. The consistent tangent of each step is exact, and shows when the matrix yields.

Source: Simo & Hughes, Computational Inelasticity (1998), ch. 2 and 3 (return map, consistent tangent).

    python docs/examples/mechanics/plastic_cycles.py [--quick] [--out figure.png]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from presentation import BLUE, GREEN, GREY, ORANGE, RED, canvas, command_line, label, legend, save

from hoad import mechanics as me

Array = np.ndarray

METAL = me.J2Plasticity(K=70.0, mu=26.0, sigma_y=0.1, H=1.0)
CERAMIC = me.LinearElastic(mu=190.0, lmbda=93.0)
PHASES = {0: METAL, 1: CERAMIC}
UNIT = np.array([[0.0, 1.0], [1.0, 0.0]])


def fibres(n: int) -> Array:
    """A fibre in the middle and one at the corners of the cell: a quarter of it, seen along the fibres."""
    x = (np.arange(n) + 0.5) / n
    near = lambda c: (x[:, None] - c + 0.5) % 1 - 0.5, lambda c: (x - c + 0.5) % 1 - 0.5
    radius = np.sqrt(0.25 / 2 / np.pi)
    return np.any([near[0](c) ** 2 + near[1](c) ** 2 < radius**2 for c in (0.0, 0.5)], axis=0).astype(int)


def cycles(amplitude: float, quarter: int, count: int) -> Array:
    """Shear strains ε12 of a triangular wave: from 0 to the amplitude in ``quarter`` steps, and so on for ``count`` cycles."""
    wave = np.concatenate([np.arange(1, quarter + 1), np.arange(quarter - 1, -quarter - 1, -1), np.arange(-quarter + 1, 1)])
    return np.tile(amplitude * wave / quarter, count)


def shear_path(strains: Sequence[float]) -> me.LoadPath:
    """Load path through these shear strains."""
    return me.strain_path(np.multiply.outer(np.asarray(strains), UNIT))


@dataclass
class Accounts:
    """Energies per volume after each load step, and the shear modulus of its consistent tangent if ``tangents``."""

    tangents: bool = True
    elastic: list[float] = field(default_factory=list)
    hardening: list[float] = field(default_factory=list)
    dissipated: list[float] = field(default_factory=list)
    modulus: list[float] = field(default_factory=list)

    def __call__(self, solution: me.Solution) -> None:
        """The solver calls this after each step."""
        metal = solution.problem.cell.image == 0
        plastic = np.where(metal, solution.variables["plastic_strain"][:, :, 0], 0.0)
        a = np.where(metal, solution.variables["accumulated"][0], 0.0)
        strain = np.zeros_like(plastic)
        strain[:2, :2] = solution.strain_field[:, :, 0]  # plane strain: the rest is zero
        law = me.LinearElastic(mu=METAL.mu, lmbda=METAL.K - 2 * METAL.mu / 3)
        self.elastic.append(float(np.where(metal, law.energy(strain - plastic), CERAMIC.energy(strain)).mean()))
        self.hardening.append(float((METAL.H * a**2 / 2).mean()))
        self.dissipated.append(float((METAL.sigma_y * a).mean()))
        if self.tangents:
            self.modulus.append(float(solution.tangent()[0, 1, 0, 1]))

    @property
    def total(self) -> Array:
        """All energy that the load has brought in."""
        return np.array(self.elastic) + self.hardening + self.dissipated


def run(cell: me.Cell, strains: Sequence[float], *, tangents: bool = True) -> tuple[me.Solution, Accounts]:
    """Solve along a path of shear strains and keep the accounts."""
    accounts = Accounts(tangents)
    return me.solve(cell, PHASES, shear_path(strains), tol=1e-9, callback=accounts), accounts


def work(solution: me.Solution) -> Array:
    """Work of the macroscopic stress from the start to each step, by the trapezoidal rule."""
    strain, stress = (np.concatenate([[0.0], a[:, 0, 1]]) for a in (solution.strain, solution.stress))
    return np.cumsum(np.diff(strain) * (stress[1:] + stress[:-1]))  # σ:dε has the shear twice


def difference_modulus(cell: me.Cell, strains: Sequence[float], step: int, h: float = 1e-7) -> float:
    """Shear modulus of a step from two more solves of it."""
    before = me.solve(cell, PHASES, shear_path(strains[:step]), tol=1e-9) if step else None
    ends = []
    for shift in (h, -h):
        path = [*strains[:step], strains[step] + shift]
        ends.append(me.solve(cell, PHASES, shear_path(path), tol=1e-11, start=before).stress[-1, 0, 1])
    return float((ends[0] - ends[1]) / 4 / h)


def draw(out: Path, solution: me.Solution, accounts: Accounts, missing: dict[int, float]) -> None:
    """Loop, fields; accounts, modulus, and how they close as the steps shrink."""
    title = "Metal with ceramic fibres in cyclic shear"
    drawing, (loop, flow, rest, energy, modulus, closing) = canvas(3, title, rows=2, height=6.6)
    strain, stress = (np.concatenate([[0.0], a[:, 0, 1]]) for a in (solution.strain, solution.stress))
    loop.plot(100 * strain, 1000 * stress, color=BLUE, marker="o", markersize=2.5, linewidth=1.2)
    label(loop, "hysteresis", xlabel="shear strain, %", ylabel="shear stress, MPa")
    solution.plot("accumulated", ax=flow, vmin=0.0, cmap="magma")
    label(flow, "accumulated plastic strain", xlabel="", ylabel="", xticks=[], yticks=[])
    most = np.abs(solution.stress_field[0, 1]).max()
    solution.plot("stress_12", ax=rest, cmap="RdBu_r", vmin=-most, vmax=most)
    label(rest, "shear stress at the end, GPa", xlabel="", ylabel="", xticks=[], yticks=[])
    for axes in (flow, rest):
        axes.grid(False)
    steps = np.arange(1, len(solution.steps) + 1)
    parts = [1000 * np.array(a) for a in (accounts.dissipated, accounts.hardening, accounts.elastic)]
    energy.stackplot(steps, parts, colors=(RED, ORANGE, GREEN), alpha=0.55, labels=("dissipated", "hardening", "elastic"))
    energy.plot(steps, 1000 * work(solution), color="black", linewidth=1.2, label="work")
    label(energy, "energy, MJ/m³", xlabel="load step")
    legend(energy, loc="upper left")
    modulus.plot(steps, accounts.modulus, color=BLUE, marker="o", markersize=2.5, linewidth=1.2)
    label(modulus, "shear modulus of the tangent, GPa", xlabel="load step", ylim=(0, None))
    closing.loglog(missing.keys(), missing.values(), color=GREY, marker="o", markersize=4)
    label(closing, "work not accounted for, relative", xlabel="steps in a quarter of a cycle")
    closing.set_xticks(list(missing), [str(m) for m in missing])
    closing.minorticks_off()
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the cycles, close the accounts, print, draw."""
    options = command_line(__doc__, "plastic_cycles", argv)
    n, quarter, count = (12, 4, 1) if options.quick else (64, 10, 2)
    strains = cycles(0.006, quarter, count)
    cell = me.Cell(fibres(n))
    solution, accounts = run(cell, strains)
    print(f"{cell}\n")
    print("step, strain in %, stress in MPa, work, elastic, hardening, dissipated in MJ/m³, tangent modulus in GPa, Newton steps")
    table = zip(solution.strain[:, 0, 1], solution.stress[:, 0, 1], work(solution), accounts.elastic, accounts.hardening)
    for k, (e, s, w, elastic, hardening) in enumerate(table):
        if (k + 1) % (quarter // 2):
            continue
        row = f"{k + 1:3d} {100 * e:6.2f} {1000 * s:9.4f} {1000 * w:8.5f} {1000 * elastic:8.5f} {1000 * hardening:8.5f}"
        print(f"{row} {1000 * accounts.dissipated[k]:8.5f} {accounts.modulus[k]:9.5f} {solution.steps[k].newton:3d}")
    coarse = me.Cell(fibres(12))
    missing = {}
    for m in (4, 8, 16) if options.quick else (5, 10, 20, 40):
        found, kept = run(coarse, cycles(0.006, m, 1), tangents=False)
        missing[m] = abs(kept.total[-1] / work(found)[-1] - 1)
    print("\nsteps in a quarter of a cycle, share of the loop's work that is not accounted for")
    for m, share in missing.items():
        print(f"{m:3d} {share:10.2e}")
    print("\nstep, modulus of the consistent tangent, by differences")
    for k in (0, quarter - 1, quarter, quarter + 1):
        print(f"{k + 1:3d} {accounts.modulus[k]:12.7f} {difference_modulus(cell, strains, k):12.7f}")
    print()
    draw(options.out, solution, accounts, missing)


if __name__ == "__main__":
    main()
