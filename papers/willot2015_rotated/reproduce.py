"""The rotated scheme beside the Fourier one: iterations at any contrast, exact conductivities, local fields without ringing.

Source: F. Willot, Fourier-based schemes for computing the mechanical response of composites with accurate local fields,
C. R. Mécanique 343 (2015) 232-245, arXiv 1412.8398.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import hoad
import hoad.mechanics as me
from papers.measure import slope
from papers.reproduction import Check, Numbers, Result, at_most, between, near, needs, progress, put

TITLE = "Willot (2015): the rotated scheme, convergence at infinite contrast and accurate local fields"

SCHEMES = {"fourier": "Fourier", "rotated": "rotated"}
RINGING = {"fourier": "Fourier", "central-2": "central", "rotated": "rotated", "hexahedra": "hexahedra"}
METHODS = {"basic": "basic", "eyre-milton": "Eyre-Milton", "augmented-lagrangian": "augmented Lagrangian", "displacement": "CG"}
CONTRASTS = (0.0, 1e-4, 1e-3, 1e-2, 0.1, 10.0, 1e2, 1e3, 1e4, 1e6)
MOST = 1000  # iterations after which a solver is stopped
VOID = {"f": 0.3, "s = 0": 0.53757998, "s = ∞": 1.86018831}  # Rayleigh's system
FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
SIDE, CORNER = 99, (25, 74)  # voxels along an edge of the cell, and where the square inclusion begins and ends
ZOOM = slice(13, 37)


def run(reduced: bool = False) -> Result:
    """Iterations, conductivities with closed forms, a neutral inclusion, and the square whose corners ring."""
    numbers: Numbers = {}
    n = 31 if reduced else 127
    iterations(numbers, n, (0.0, 0.1, 10.0, 1e3, 1e6) if reduced else CONTRASTS)
    schemes_of_iteration(numbers, n, (10.0,) if reduced else (10.0, 100.0))
    conductivities(numbers, (32, 64) if reduced else (32, 64, 128, 256))
    disks(numbers, (64,) if reduced else (64, 128, 256))
    neutral(numbers, (63,) if reduced else (63, 127, 255))
    ringing(numbers)
    return Result(numbers, accept(numbers, reduced), reduced)


def disk(n: int, fraction: float) -> Any:
    """Voxels whose centres lie in a disk in the middle of the unit cell."""
    x = (np.arange(n) + 0.5) / n - 0.5
    return (x[:, None] ** 2 + x**2 <= fraction / np.pi).astype(int)


def elastic(contrast: float) -> dict[int, Any]:
    """Matrix and inclusion of proportional stiffness; 0 is a void."""
    return {k: me.LinearElastic(mu=0.5 * c, lmbda=1.0 * c) for k, c in enumerate((1.0, contrast))}


def solved(cell: Any, phases: dict[int, Any], load: Any, **options: Any) -> Any:
    """The solution, or None if it takes more than ``MOST`` iterations."""
    try:
        return me.solve(cell, phases, load, max_cg=MOST, max_cutbacks=0, **options)
    except hoad.errors.ConvergenceError:
        return None


# -- iterations --------------------------------------------------------------------------------------------------------------------


def iterations(numbers: Numbers, n: int, contrasts: tuple[float, ...]) -> None:
    """Iterations of conjugate gradients and of the basic scheme against contrast, from voids to nearly rigid disks."""
    load = me.strain_path([np.diag([1.0, 0.0])])
    for name, title in SCHEMES.items():
        cell = me.Cell(disk(n, 0.2), scheme=name)
        for contrast in progress(contrasts, title):
            for method in ("displacement", "basic"):
                found = solved(cell, elastic(contrast), load, method=method)
                count = np.inf if found is None else found.iterations[0]
                put(numbers, f"iterations, {title}, {METHODS[method]}, {n} x {n}", contrast, count)
                if found is not None and method == "displacement":
                    put(numbers, f"σ11, {title}, {n} x {n}", contrast, found.stress[0, 0, 0])
    for name, title in SCHEMES.items():  # voids: how far the residual falls in so many iterations
        cell = me.Cell(disk(n, 0.2), scheme=name)
        residuals: tuple[float, ...] = ()
        for tol in (1e-2, 3e-3, 2e-3, 1.5e-3, 1e-3, 1e-5, 1e-8):
            found = solved(cell, elastic(0.0), load, method="basic", tol=tol)
            if found is None:
                break
            residuals = found.steps[0].residuals
        numbers[f"residual, voids, {title}, {n} x {n}"] = {float(i): float(r) for i, r in enumerate(residuals)}


def schemes_of_iteration(numbers: Numbers, n: int, contrasts: tuple[float, ...]) -> None:
    """Iterations of the rotated scheme until the strain changes by less than 1e-8."""
    cell = me.Cell(disk(n, 0.2))
    for contrast in contrasts:
        for method, title in METHODS.items():
            options = {"forcing": 1e-8, "tol": 1e-6} if method == "displacement" else {}
            found = me.solve(cell, elastic(contrast), me.strain_path([np.diag([1.0, 0.0])]), method=method, **options)
            count = found.iterations[0]
            if method != "displacement":
                count = np.argmax(np.array(found.steps[0].updates) <= 1e-8) + 1
            put(numbers, f"rotated, {title}, iterations until the strain changes by 1e-8, {n} x {n}", contrast, count)
            put(numbers, f"rotated, {title}, σ11, {n} x {n}", contrast, found.stress[0, 0, 0])
            put(numbers, f"rotated, {title}, σ22, {n} x {n}", contrast, found.stress[0, 1, 1])


# -- conductivities ----------------------------------------------------------------------------------------------------------------


def obnosov(s: Any) -> Any:
    """Effective conductivity of a square array of squares of conductivity s in a unit matrix, area fraction one quarter."""
    return np.sqrt((1.0 + 3.0 * s) / (3.0 + s))


def conductivity(image: Any, s: float, scheme: str = "rotated", tol: float = 1e-10) -> Any:
    """Solution of conduction along the first axis."""
    cell = me.Cell(image, scheme=scheme, nyquist="zero")
    return me.solve(cell, {0: me.Conduction(k=1.0), 1: me.Conduction(k=s)}, me.strain_path([[1.0, 0.0]]), tol=tol, max_cg=5000)


def conductivities(numbers: Numbers, sizes: tuple[int, ...]) -> None:
    """Squares (Obnosov) and the checkerboard (Keller), with contrast ten; the derivative by the conductivity of the squares."""
    for n in progress(sizes, "conductivities"):
        half = np.arange(n) >= n // 2
        images = {"squares": (half[:, None] & half).astype(int), "checkerboard": (half[:, None] ^ half).astype(int)}
        for name, image in images.items():
            exact = obnosov(10.0) if name == "squares" else 10.0**0.5
            for scheme, title in SCHEMES.items():
                found = conductivity(image, 10.0, scheme)
                put(numbers, f"error of the conductivity, {name}, {title}", n, abs(found.stress[0, 0] / exact - 1))
                put(numbers, f"CG iterations, {name}, {title}", n, found.iterations[0])
                if name == "squares":
                    slope_found = found.sensitivity((1, "k"), of="stress")[0]
                    slope_exact = hoad.grad(obnosov)(10.0)
                    put(numbers, f"error of its derivative by s, squares, {title}", n, abs(slope_found / slope_exact - 1))


def disks(numbers: Numbers, sizes: tuple[int, ...]) -> None:
    """Square array of disks: conductivities of Rayleigh's system, and infinite contrast of both signs."""
    for n in progress(sizes, "disks"):
        image = disk(n, VOID["f"])
        for s in (10.0, 100.0):
            put(numbers, f"conductivity of disks, f = 0.3, s = {s:g}", n, conductivity(image, s).stress[0, 0])
        for name, s in (("s = 0", 0.0), ("s = ∞", 1e8)):
            found = conductivity(image, s, tol=1e-8)
            put(numbers, f"error of the conductivity, disks, {name}", n, abs(found.stress[0, 0] / VOID[name] - 1))
            put(numbers, f"CG iterations, disks, {name}", n, found.iterations[0])
    for fraction in FRACTIONS:
        put(numbers, f"conductivity of disks, s = 10, {n} x {n}", fraction, conductivity(disk(n, fraction), 10.0).stress[0, 0])


# -- local fields ------------------------------------------------------------------------------------------------------------------


def neutral(numbers: Numbers, sizes: tuple[int, ...]) -> None:
    """Hashin's coated disk, which does not disturb a uniform strain outside: error of the strain there and in the core."""
    phases = {
        0: me.LinearElastic(mu=1.0, lmbda=1 + 0.25 / (1 / 18 + 0.25)),
        1: me.LinearElastic(mu=1.0, lmbda=1.0),
        2: me.LinearElastic(mu=10.0, lmbda=10.0),
    }
    for n in progress(sizes, "neutral inclusion"):
        x = (np.arange(n) + 0.5) / n - 0.5
        r = np.hypot(x[:, None], x)
        image = np.where(r <= 0.2, 2, np.where(r <= 0.4, 1, 0))
        for scheme, title in SCHEMES.items():
            found = me.solve(me.Cell(image, scheme=scheme), phases, me.strain_path([np.eye(2)]), tol=1e-10)
            put(
                numbers,
                f"neutral inclusion, error of the stress, {title}",
                n,
                found.stress[0, 0, 0] / (2 * phases[0].lmbda + 2) - 1,
            )
            strain = found.strain_field[:, :, 0]
            for where, inside, exact in (("matrix", r > 0.45, 1.0), ("core", r < 0.15, 2 / 11)):
                error = (strain - exact * np.eye(2)[:, :, None, None])[:, :, inside]
                size = np.sqrt(np.mean(np.sum(error**2, (0, 1))) / 2) / exact
                put(numbers, f"neutral inclusion, error of the strain in the {where}, {title}", n, size)


def alternation(field: Any, axis: int) -> Any:
    """Amplitude of what changes its sign from voxel to voxel along an axis, at every voxel."""
    return (2 * field - np.roll(field, 1, axis) - np.roll(field, -1, axis)) / 4


def ringing(numbers: Numbers) -> None:
    """A square inclusion in shear, a thousand times stiffer or softer: oscillations of the strain inside."""
    begin, end = CORNER
    image = np.zeros((SIDE, SIDE), int)
    image[begin:end, begin:end] = 1
    inner = (slice(begin + 8, end - 8),) * 2
    load = me.strain_path([[[0.0, 0.5], [0.5, 0.0]]])
    for kind, contrast in (("stiff", 1e3), ("soft", 1e-3)):
        for scheme, title in RINGING.items():
            found = me.solve(me.Cell(image, scheme=scheme), elastic(contrast), load)
            strain = found.strain_field[0, 1].mean(0)
            along = alternation(strain, 0)
            for what, field in (("sawtooth", np.hypot(along, alternation(strain, 1))), ("checkerboard", alternation(along, 1))):
                size = np.sqrt(np.mean(field[inner] ** 2) / np.mean(strain[inner] ** 2))
                put(numbers, f"{what} in a {kind} square over the strain", title, size)
            put(numbers, f"CG iterations, {kind} square", title, found.iterations[0])
            if kind == "soft" and title in ("Fourier", "central", "rotated"):
                numbers[f"strain at the corner, soft square, {title}"] = dict(
                    enumerate(np.round(strain[ZOOM, ZOOM], 4).reshape(-1).tolist())
                )


# -- acceptance --------------------------------------------------------------------------------------------------------------------


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Bounded iterations, orders of convergence, and oscillations."""
    checks = []
    n = 31 if reduced else 127
    for method in ("CG", "basic"):
        counts = numbers[f"iterations, rotated, {method}, {n} x {n}"]
        bound = 1.5 if method == "CG" else 2.0
        checks.append(at_most(f"rotated, {method}: iterations at contrast 1e6 over those at 1e3", counts[1e6] / counts[1e3], bound))
        checks.append(at_most(f"rotated, {method}: iterations for voids", counts[0.0], 60 if method == "CG" else 300))
    fourier = numbers[f"iterations, Fourier, CG, {n} x {n}"]
    checks.append(between("Fourier, CG: iterations for voids", fourier[0.0], MOST))
    rotated = numbers[f"iterations, rotated, CG, {n} x {n}"]
    checks.append(between("CG at contrast 1e3: iterations, Fourier over rotated", fourier[1e3] / rotated[1e3], 2))
    fall = list(numbers[f"residual, voids, rotated, {n} x {n}"].values())
    tail = np.log(fall[len(fall) // 3 :])
    checks.append(
        at_most(
            "basic, rotated, voids: correlation of log residual and iteration", np.corrcoef(np.arange(len(tail)), tail)[0, 1], -0.99
        )
    )
    for name, order in (("squares", {"Fourier": 2.1, "rotated": 2.9}), ("checkerboard", {"Fourier": 1.2, "rotated": 1.55})):
        for title, expected in order.items():
            errors = numbers[f"error of the conductivity, {name}, {title}"]
            power = -slope(list(errors), list(errors.values()))
            checks.append(near(f"order of the conductivity in the voxel size, {name}, {title}", power, expected, 0.15))
    for title in SCHEMES.values():
        errors = numbers[f"error of its derivative by s, squares, {title}"]
        last = list(errors.values())[-1]
        bound = 1e-4 if title == "rotated" else 2e-3
        checks.append(at_most(f"derivative of the conductivity by s, squares, {title}: error on the finest grid", last, bound))
    for name in ("s = 0", "s = ∞"):
        error = list(numbers[f"error of the conductivity, disks, {name}"].values())[-1]
        checks.append(at_most(f"disks, {name}: error on the finest grid", error, 1.5e-2 if reduced else 5e-3))
    for where in ("matrix", "core"):
        quantity = f"neutral inclusion, error of the strain in the {where}"
        errors = {title: list(numbers[f"{quantity}, {title}"].values()) for title in SCHEMES.values()}
        ratio = errors["Fourier"][-1] / errors["rotated"][-1]
        checks.append(between(f"{quantity}, finest grid: Fourier over rotated", ratio, 1.2 if reduced else 3))
    for kind, least in (("stiff", 3), ("soft", 20)):
        sizes = numbers[f"sawtooth in a {kind} square over the strain"]
        checks.append(between(f"sawtooth in a {kind} square: Fourier over rotated", sizes["Fourier"] / sizes["rotated"], least))
        checks.append(between(f"sawtooth in a {kind} square: central over rotated", sizes["central"] / sizes["rotated"], 2))
    return checks


def plot(result: Result, path: Path) -> None:
    """Iterations against contrast, residuals for voids, errors of conductivities and strains, and the ringing corner."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    figure, axes = plt.subplots(2, 3, figsize=(14, 8.6), layout="constrained")
    n = 127 if "iterations, rotated, CG, 127 x 127" in numbers else 31
    colours = {"Fourier": "tab:orange", "rotated": "tab:blue"}
    for title, colour in colours.items():
        for method, marker, line in (("CG", "o", "-"), ("basic", "s", "--")):
            counts = numbers[f"iterations, {title}, {method}, {n} x {n}"]
            finite = {max(c, 1e-6): i for c, i in counts.items() if np.isfinite(i)}
            axes[0, 0].loglog(list(finite), list(finite.values()), line, marker=marker, color=colour, label=f"{title}, {method}")
            beyond = [max(c, 1e-6) for c, i in counts.items() if not np.isfinite(i)]
            axes[0, 0].plot(beyond, [1.3 * MOST] * len(beyond), "^", color=colour, mfc="none")
    axes[0, 0].set_xticks([1e-6, 1e-3, 1, 1e3, 1e6], ["void", "1e-3", "1", "1e3", "1e6"])
    axes[0, 0].set(
        xlabel="contrast", ylabel="iterations to 1e-8", title=f"disk, 20 %, {n} × {n} (△: more than {MOST})", ylim=(10, 7000)
    )
    axes[0, 0].legend(fontsize=8, loc="upper center", ncol=2)
    for title, colour in colours.items():
        fall = numbers[f"residual, voids, {title}, {n} x {n}"]
        axes[0, 1].semilogy(list(fall), list(fall.values()), color=colour, label=title)
    axes[0, 1].set(xlabel="iteration of the basic scheme", ylabel="relative residual", title="voids, 20 %")
    axes[0, 1].legend()
    for title, colour in colours.items():
        for name, marker, line in (("squares", "s", "-"), ("checkerboard", "D", "--")):
            errors = numbers[f"error of the conductivity, {name}, {title}"]
            axes[0, 2].loglog(list(errors), list(errors.values()), line, marker=marker, color=colour, label=f"{name}, {title}")
        for where, marker, line in (("matrix", "o", ":"), ("core", "^", "-.")):
            errors = numbers[f"neutral inclusion, error of the strain in the {where}, {title}"]
            label = f"strain in the {where}, {title}"
            axes[0, 2].loglog(list(errors), list(errors.values()), line, marker=marker, color=colour, label=label)
    sizes = [32, 64, 128, 256]
    axes[0, 2].set_xticks(sizes, [str(size) for size in sizes])
    axes[0, 2].set_xticks([], minor=True)
    axes[0, 2].set(
        xlabel="voxels along an edge", ylabel="relative error", title="conductivities, and a neutral inclusion", ylim=(1e-10, 0.2)
    )
    axes[0, 2].legend(fontsize=8, loc="lower center", ncol=2)
    for ax in axes[0]:
        ax.grid(alpha=0.3)
    for ax, title in zip(axes[1], ("Fourier", "central", "rotated")):
        field = np.array(list(numbers[f"strain at the corner, soft square, {title}"].values()))
        side = int(len(field) ** 0.5)
        mesh = ax.pcolormesh(field.reshape(side, side).T, cmap="viridis", vmin=0, vmax=2.2)
        corner = CORNER[0] - ZOOM.start
        ax.plot([corner, corner, side], [side, corner, corner], color="white", linewidth=1)
        amplitude = numbers["sawtooth in a soft square over the strain"][title]
        ax.set(title=f"{title}: sawtooth {100 * amplitude:.2g} % of the strain", xticks=[], yticks=[])
        ax.set_aspect("equal")
    label = "ε₁₂ at the corner of a square that is 1000 times softer"
    figure.colorbar(mesh, ax=axes[1], location="bottom", shrink=0.5, aspect=50, label=label)
    figure.savefig(path, dpi=120)
    plt.close(figure)
