"""A crack that runs from a notch through a plate, around two particles that cannot break.

The plate is pulled across the notch. Each load step minimises the stored energy and the energy of the crack in turns, with a damage
field that never heals. The cell is periodic, so the notch has two tips. One of them runs past the second particle and stops before
the first, in one step; there the crack waits, and then goes around the particle.

Sources: Bourdin, Francfort & Marigo, J. Mech. Phys. Solids 48 (2000) (alternate minimisation); Pham, Amor, Marigo & Maurini,
Int. J. Damage Mech. 20 (2011) (AT1 and AT2); Amor, Marigo & Maurini, J. Mech. Phys. Solids 57 (2009) (split of the energy).

    python docs/examples/mechanics/notched_crack.py [--quick] [--out figure.png]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from presentation import BLUE, GREEN, GREY, ORANGE, canvas, command_line, label, legend, save

from hoad import mechanics as me
from hoad.mechanics.fracture import FractureSolution, fracture

Array = np.ndarray

TOUGHNESS, LENGTH, NOTCH = 0.01, 1 / 32, 0.22
PARTICLES = ((0.52, 0.44, 0.11), (0.80, 0.63, 0.10))
"""Centre and radius of each; they are ten times as stiff as the plate."""


def particles(n: int) -> Array:
    """Label 1 in the particles, 0 in the plate."""
    x, y = np.meshgrid(*[(np.arange(n) + 0.5) / n] * 2, indexing="ij")
    return np.any([(x - a) ** 2 + (y - b) ** 2 < r * r for a, b, r in PARTICLES], axis=0).astype(int)


def notch(n: int) -> Array:
    """Damage at the start: a row of broken voxels from the left edge."""
    damage = np.zeros((n, n))
    damage[: round(NOTCH * n), n // 2] = 1.0
    return damage


@dataclass
class Record:
    """What one run has gone through."""

    solution: FractureSolution | None = None
    fields: list[Array] = field(default_factory=list)
    """Damage after each load step."""

    def keep(self, solution: FractureSolution) -> None:
        self.solution = solution
        self.fields.append(solution.damage)


def pulled(image: Array, strains: Sequence[float], model: str) -> Record:
    """Strain across the notch, no stress along it."""
    n = len(image)
    phases = {
        0: me.DegradedElastic(mu=1.0, lmbda=1.0, damage=notch(n), split="volumetric-deviatoric", residual=1e-6),
        1: me.LinearElastic(mu=10.0, lmbda=10.0),
    }
    load = me.mixed_path([[[np.nan, 0.0], [0.0, e]] for e in strains])
    gc = np.where(image == 1, 10 * TOUGHNESS, TOUGHNESS)
    record = Record()
    options: dict[str, Any] = dict(damage_tol=2e-3, tol=1e-5, callback=record.keep)
    fracture(me.Cell(image), phases, load, gc=gc, length=max(LENGTH, 1.5 / n), model=model, **options)
    return record


def straight(n: int, model: str) -> tuple[float, float]:
    """Energy of a crack through a plate without particles over Gc times its length, and what the sums over the voxels give."""
    length = max(LENGTH, 1.5 / n)
    cut = np.zeros((4, n))
    cut[:, n // 2] = 1.0
    phases = {0: me.DegradedElastic(mu=1.0, lmbda=1.0, damage=cut, residual=1e-6)}
    at_rest = me.strain_path(np.zeros((1, 2, 2)))
    sol = fracture(me.Cell(np.zeros((4, n), int), lengths=(4 / n, 1.0)), phases, at_rest, gc=TOUGHNESS, length=length, model=model)
    h = 1 / n
    factor = 1 + h**2 / (32 * length**2) if model == "AT1" else np.sqrt(1 + h**2 / (4 * length**2))
    return float(sol.surface[0]) / TOUGHNESS, float(factor)


def draw(out: Path, image: Array, records: dict[str, Record], strains: Sequence[float]) -> None:
    """Crack paths, load curves, energies, and the energy along the alternations of the step in which the crack runs."""
    drawing, panels = canvas(3, "A crack around two particles", rows=2, height=6.6)
    first = records["AT1"]
    run = int(np.argmax(first.solution.alternations))
    shown = [max(run - 1, 0), run, len(strains) - 1]
    x = (np.arange(len(image)) + 0.5) / len(image)
    for axes, k in zip(panels, shown):
        map_ = axes.pcolormesh(x, x, first.fields[k].T, cmap="magma_r", vmin=0, vmax=1)
        axes.contour(x, x, image.T, levels=[0.5], colors=[GREY], linewidths=1)
        label(axes, f"AT1: damage at strain {strains[k]:.3f}", aspect="equal", xticks=[], yticks=[])
        axes.grid(False)
    drawing.colorbar(map_, ax=panels[2], shrink=0.85)
    curve, energies, descent = panels[3:]
    for (model, record), colour in zip(records.items(), (BLUE, ORANGE)):
        curve.plot(strains, record.solution.stress[:, 1, 1], color=colour, marker="o", markersize=3, label=model)
    label(curve, "stress across the notch", xlabel="strain", ylim=(0, None))
    legend(curve)
    sol = first.solution
    for values, colour, name in (
        (sol.stored + sol.surface, GREY, "both"),
        (sol.stored, BLUE, "stored"),
        (sol.surface, GREEN, "crack"),
    ):
        energies.plot(strains, values, color=colour, marker="o", markersize=3, label=name)
    energies.axhline(TOUGHNESS, color=GREY, linestyle=":", linewidth=1)
    label(energies, "AT1: energies; dotted: Gc × width", xlabel="strain", ylim=(0, None))
    legend(energies)
    history = np.array(sol.steps[run].energies)
    descent.plot(np.arange(len(history)) / 2, history, color=BLUE)
    label(descent, f"AT1: both energies at strain {strains[run]:.3f}", xlabel="alternation")
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Break the plate with both models, print, draw."""
    options = command_line(__doc__, "notched_crack", argv)
    n = 32 if options.quick else 64
    strains = [0.05, 0.09, 0.13] if options.quick else [0.02, 0.04, 0.06, 0.08, 0.09, 0.1, 0.105, 0.11, 0.115, 0.12, 0.13]
    image = particles(n)
    print("straight crack: energy over Gc × length, the same from sums over voxels")
    for model in ("AT1", "AT2"):
        print(f"{model} {straight(n, model)[0]:10.7f} {straight(n, model)[1]:10.7f}")
    records = {model: pulled(image, strains, model) for model in ("AT1", "AT2")}
    for model, record in records.items():
        sol = record.solution
        print(f"\n{model}: strain, stress, stored energy, energy of the crack, alternations, largest rise of the energy")
        for e, step in zip(strains, sol.steps):
            rise = max(0.0, float(np.diff(step.energies).max()))
            print(f"{e:6.3f} {step.stress[1, 1]:9.5f} {step.stored:9.6f} {step.surface:9.6f} {step.alternations:5d} {rise:9.1e}")
    print()
    draw(options.out, image, records, strains)


if __name__ == "__main__":
    main()
