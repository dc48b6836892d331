"""Displacements as the unknowns of FFT homogenisation: the same solution as with strains, from a third to a half of the unknowns.

Source: S. Lucarini and J. Segurado, DBFFT: a displacement based FFT approach for non-linear homogenization of the mechanical
behavior, Int. J. Eng. Sci. 144 (2019) 103131, arXiv 1905.12725. Memory: H. Grimm-Strele and M. Kabel, Runtime optimization of a
memory efficient CG solver for FFT-based homogenization, Comput. Mech. 64 (2019) 1339-1345.
"""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np

import hoad
import hoad.errors
import hoad.mechanics as me
from papers.measure import times
from papers.reproduction import Check, Numbers, Result, at_most, between, needs, progress, put

TITLE = "Lucarini & Segurado (2019): displacement-based FFT homogenisation against the strain-based one"

FORMS: dict[str, dict[str, Any]] = {
    "displacement": dict(method="displacement"),
    "strain": dict(method="strain"),
    "Galerkin": dict(method="strain", reference="identity"),
}
"""The first two have the mean stiffness as reference medium; the third is the projection of Galerkin methods, without one."""
SCHEMES = ("rotated", "fourier")
CONTRASTS = (0.0, 1e-4, 1e-2, 1e-1, 10.0, 1e2, 1e3, 1e4, 1e5)
LIMIT = 300


def ball(n: int, fraction: float, dimension: int = 3) -> Any:
    """One disk or sphere in the middle, with that fraction of the voxels."""
    x = np.meshgrid(*[np.arange(n) - (n - 1) / 2] * dimension, indexing="ij")
    distance = sum(a * a for a in x).reshape(-1)
    image = np.zeros(distance.size, int)
    image[np.argsort(distance, kind="stable")[: round(fraction * distance.size)]] = 1
    return image.reshape(x[0].shape)


def tension(dimension: int, size: float) -> Any:
    """A macroscopic strain along the first axis, the others held."""
    return me.strain_path([size * np.diag([1.0, *[0.0] * (dimension - 1)])])


def run(reduced: bool = False) -> Result:
    """Closed forms, iterations over the contrast in two schemes, odd and even grids, a hyperelastic cell, memory, time."""
    numbers: Numbers = {}
    known(numbers)
    for n in (16,) if reduced else (31, 32):
        for scheme in SCHEMES:
            for contrast in progress((0.0, 1e-2, 1e2) if reduced else CONTRASTS, f"{n} voxels, {scheme}"):
                compare(numbers, n, scheme, contrast)
    hyperelastic(numbers, 16 if reduced else 31)
    unknowns(numbers)
    for name in ("displacement", "strain", "basic"):
        put(numbers, "peak memory in bytes per voxel", name, peak(name, 24 if reduced else 64))
    cost(numbers, 16 if reduced else 31, 1 if reduced else 3)
    return Result(numbers, accept(numbers, reduced), reduced)


def known(numbers: Numbers) -> None:
    """A disk in plane strain, a laminate, and holes, all with displacements as unknowns."""
    x = (np.arange(127) + 0.5) / 127 - 0.5
    image = (np.add.outer(x * x, x * x) <= 0.2 / np.pi).astype(int)
    for contrast in (10, 100):
        phases = {0: me.LinearElastic(mu=0.5, lmbda=1.0), 1: me.LinearElastic(mu=0.5 * contrast, lmbda=float(contrast))}
        for scheme in ("fourier", "rotated"):
            sol = me.solve(me.Cell(image, scheme=scheme), phases, tension(2, 1.0), method="displacement")
            for k in (0, 1):
                put(numbers, f"disk, contrast {contrast}: stress {k + 1}{k + 1}", scheme, sol.stress[0, k, k])
            put(numbers, "iterations for the disk", f"{contrast}, {scheme}", sol.iterations[0])
    layers = np.repeat([0, 1], [7, 3])[:, None, None] * np.ones((1, 2, 2), int)
    phases = {0: me.LinearElastic(mu=1.0, lmbda=2.0), 1: me.LinearElastic(mu=5.0, lmbda=10.0)}
    c = me.solve(me.Cell(layers), phases, me.strain_path(np.zeros((1, 3, 3)))).tangent(tol=1e-9)
    for name in ("C1111", "C1122", "C2222", "C2233", "C1212", "C2323"):
        put(numbers, "laminate", name, c[tuple(int(i) - 1 for i in name[1:])])
    holes = {0: me.Conduction(k=1.0), 1: me.Conduction(k=0.0)}
    sol = me.solve(me.Cell(ball(255, 0.3, 2)), holes, me.strain_path([[1.0, 0.0]]))
    put(numbers, "conductivity with holes", 0.3, sol.stress[0, 0])


def compare(numbers: Numbers, n: int, scheme: str, contrast: float) -> None:
    """Iterations of each form for a sphere of that contrast, and how far their fields and mean stresses are apart."""
    cell = me.Cell(ball(n, 0.2), scheme=scheme, nyquist="zero")
    phases = {0: me.LinearElastic(mu=1.0, lmbda=1.0), 1: me.LinearElastic(mu=contrast, lmbda=contrast)}
    fields = {}
    for name, options in FORMS.items():
        case = f"{scheme}, {n} voxels, {name}"
        try:
            sol = me.solve(cell, phases, tension(3, 0.01), tol=1e-6, max_cg=LIMIT, max_cutbacks=0, **options)
        except hoad.errors.ConvergenceError:
            put(numbers, f"not converged in {LIMIT}: {case}", contrast, 1)
            continue
        put(numbers, f"iterations: {case}", contrast, sol.iterations[0])
        fields[name] = sol.stress_field
    if "displacement" in fields:
        scale = np.sqrt(np.mean(fields["displacement"] ** 2))
        for name in set(fields) - {"displacement"}:
            difference = np.sqrt(np.mean((fields[name] - fields["displacement"]) ** 2)) / scale
            put(numbers, f"stress field, {name} from displacement: {scheme}, {n} voxels", contrast, difference)


def hyperelastic(numbers: Numbers, n: int) -> None:
    """A stiff sphere in a neo-Hookean matrix stretched by 20 % in one step."""
    phases = {0: me.NeoHooke(mu=1.0, lmbda=2.0), 1: me.NeoHooke(mu=10.0, lmbda=20.0)}
    load = me.strain_path([np.diag([1.2, 1.0, 1.0])])
    found = {}
    for name, options in FORMS.items():
        sol = me.solve(me.Cell(ball(n, 0.2)), phases, load, tol=1e-9, **options)
        found[name] = sol
        put(numbers, "hyperelastic: Newton steps", name, sol.steps[0].newton)
        put(numbers, "hyperelastic: iterations", name, sol.iterations[0])
        put(numbers, "hyperelastic: P11", name, sol.stress[0, 0, 0])
    mean = found["displacement"].strain[0]
    energy = lambda F: sum(f * phases[k].energy(F) for k, f in ((0, 0.8), (1, 0.2)))
    put(numbers, "hyperelastic: P11 without fluctuation", "", hoad.grad(energy)(mean)[0, 0])


def unknowns(numbers: Numbers) -> None:
    """Components of each unknown field at a point, as the solutions have them."""
    small = me.solve(me.Cell(np.zeros((2, 2, 2), int)), {0: me.LinearElastic(mu=1.0, lmbda=1.0)}, tension(3, 0.01))
    put(numbers, "unknowns in a voxel", "displacement", len(small.displacement))
    put(numbers, "unknowns in a voxel", "strain", small.strain_field.shape[0] * (small.strain_field.shape[0] + 1) // 2)
    put(numbers, "unknowns in a voxel", "deformation gradient", small.strain_field.shape[0] ** 2)


def peak(method: str, n: int) -> float:
    """Most memory that arrays take during one solve of a linear cell, all operators included."""
    cell = me.Cell(ball(n, 0.2))
    phases = {0: me.LinearElastic(mu=1.0, lmbda=1.0), 1: me.LinearElastic(mu=10.0, lmbda=10.0)}
    load = tension(3, 0.01)
    me.solve(me.Cell(ball(4, 0.2)), phases, load, method=method)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    me.solve(cell, phases, load, method=method, tol=1e-4)
    most = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return most / n**3


def cost(numbers: Numbers, n: int, repeats: int) -> None:
    """Processor time of the displacement and of the Galerkin form, for an elastic sphere of contrast 10."""
    cell = me.Cell(ball(n, 0.2), scheme="fourier")
    phases = {0: me.LinearElastic(mu=1.0, lmbda=1.0), 1: me.LinearElastic(mu=10.0, lmbda=10.0)}
    one = lambda options: lambda: me.solve(cell, phases, tension(3, 0.01), tol=1e-6, **options)
    found = times({name: one(options) for name, options in FORMS.items()}, repeats)
    for name, seconds in found.items():
        put(numbers, "seconds for an elastic cell", name, seconds)
    put(numbers, "time over that of the Galerkin method", "elastic", found["displacement"] / found["Galerkin"])


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """The same solutions from fewer unknowns, in as many iterations; no bound on the contrast where the scheme is an element."""
    checks = []
    sizes = (16,) if reduced else (31, 32)
    for name in ("strain", "Galerkin"):
        worst = [max(v.values()) for k, v in numbers.items() if k.startswith(f"stress field, {name} from")]
        checks.append(at_most(f"stress fields: {name} from displacement, all converged cases", max(worst), 1e-4))
    for n in sizes:
        rotated = numbers[f"iterations: rotated, {n} voxels, displacement"]
        strain = numbers[f"iterations: rotated, {n} voxels, strain"]
        apart = max(abs(rotated[c] - strain[c]) for c in rotated)
        checks.append(at_most(f"rotated, {n} voxels: difference of iterations, displacement and strain", apart, 1))
        checks.append(at_most(f"rotated, {n} voxels: iterations for voids", rotated[0.0], 60))
        checks.append(at_most(f"rotated, {n} voxels: iterations, voids over contrast 0.01", rotated[0.0] / rotated[1e-2], 1.5))
        failed = sum(len(v) for k, v in numbers.items() if k.startswith("not converged") and f"rotated, {n} voxels, disp" in k)
        checks.append(at_most(f"rotated, {n} voxels: contrasts without convergence", failed, 0))
    if not reduced:
        odd, even = (numbers[f"iterations: rotated, {n} voxels, displacement"] for n in sizes)
        checks.append(at_most("rotated: difference of iterations, odd and even grid", max(abs(odd[c] - even[c]) for c in odd), 5))
        stiff = numbers["iterations: rotated, 31 voxels, displacement"]
        checks.append(at_most("rotated, 31 voxels: iterations, contrast 1e5 over 1e3", stiff[1e5] / stiff[1e3], 1.6))
    found = numbers["hyperelastic: P11"]
    spread = max(abs(v / found["displacement"] - 1) for v in found.values())
    checks.append(at_most("hyperelastic: relative difference of the mean stress", spread, 1e-8))
    bound = found["displacement"] / numbers["hyperelastic: P11 without fluctuation"][""]
    checks.append(between("hyperelastic: stress over that of a homogeneous strain", bound, 0.3, 0.95))
    count = numbers["unknowns in a voxel"]
    checks.append(at_most("unknowns, displacement over strain", count["displacement"] / count["strain"], 0.5))
    memory = numbers["peak memory in bytes per voxel"]
    if not reduced:  # blocks of a fixed size dominate in small cells
        checks.append(at_most("memory, displacement over strain", memory["displacement"] / memory["strain"], 1.0))
    ratio = numbers["time over that of the Galerkin method"]["elastic"]
    checks.append(at_most("time over that of the Galerkin method", ratio, 1.0, timing=True))
    return checks


def plot(result: Result, path: Path) -> None:
    """Iterations over the contrast in both schemes, differences of the fields, memory."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    figure, axes = plt.subplots(1, 4, figsize=(15.5, 4.3), layout="constrained")
    least = 1e-6  # where a contrast of zero is drawn
    place = lambda curve: [c if c > 0 else least for c in sorted(curve)]
    values = lambda curve: [curve[c] for c in sorted(curve)]
    looks = {"displacement": ("tab:blue", "-", "o"), "strain": ("tab:orange", "--", "s"), "Galerkin": ("tab:green", ":", "^")}
    for ax, scheme in zip(axes, SCHEMES):
        for name, (colour, style, marker) in looks.items():
            for n in (31, 32):
                curve = numbers.get(f"iterations: {scheme}, {n} voxels, {name}", {})
                face = colour if n == 31 else "none"
                size = 10 if name == "displacement" else 5  # they coincide with those in strains
                look = dict(marker=marker, markersize=size, color=colour, markerfacecolor=face, label=f"{name}, {n}³")
                ax.semilogx(place(curve), values(curve), style, **look)
        ax.axvline(least, color="0.8", linewidth=5, zorder=0)
        ax.set(xlabel="contrast (left: voids)", title=f"{scheme} scheme: iterations", xlim=(3e-7, 3e5), ylim=(0, LIMIT))
        ax.set_xticks([least, 1e-4, 1e-2, 1, 1e2, 1e4], ["0", "1e-4", "1e-2", "1", "1e2", "1e4"])
        ax.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    for name in ("strain", "Galerkin"):
        for scheme in SCHEMES:
            curve = numbers.get(f"stress field, {name} from displacement: {scheme}, 31 voxels", {})
            style = dict(color=looks[name][0], linestyle="-" if scheme == "rotated" else "--", marker=looks[name][2])
            axes[2].loglog(place(curve), np.maximum(values(curve), 1e-16), label=f"{name}, {scheme}", **style)
    axes[2].set(xlabel="contrast (left: voids)", title="stress field, from displacement", xlim=(3e-7, 3e5))
    axes[2].set_xticks([least, 1e-4, 1e-2, 1, 1e2, 1e4], ["0", "1e-4", "1e-2", "1", "1e2", "1e4"])
    axes[2].axhline(1e-6, color="0.5", linewidth=0.8, linestyle=":")
    axes[2].grid(alpha=0.3)
    axes[2].legend(fontsize=8)
    memory = numbers["peak memory in bytes per voxel"]
    published = {"displacement": 216, "strain": 360, "basic": 144}
    where = np.arange(len(memory))
    axes[3].bar(where - 0.2, list(memory.values()), 0.4, color="tab:blue", label="hoad, peak of a whole solve")
    axes[3].bar(where + 0.2, [published[k] for k in memory], 0.4, color="0.7", label="published, fields of the scheme")
    axes[3].set_xticks(where, list(memory))
    axes[3].set(title="memory in bytes per voxel", ylim=(0, 1.35 * max(memory.values())))
    axes[3].legend(fontsize=8)
    figure.suptitle("Displacements or strains as unknowns: the same solution in the same iterations")
    figure.savefig(path, dpi=120)
    plt.close(figure)
