"""Effective moduli of laminates, fibre and particle composites, beside closed forms, multipole series and bounds.

A periodic cell is an array of labels; `me.solve(cell, phases, load).tangent()` is its homogenised stiffness or conductivity. The
discretised gradient decides how fast a voxel image converges and whether fields ring at a contrast of 1000.

Sources: Obnosov, SIAM J. Appl. Math. 59 (1999) (square inclusions); Perrins, McKenzie & McPhedran, Proc. R. Soc. A 369 (1979)
(disks); McPhedran & McKenzie, Proc. R. Soc. A 359 (1978) (spheres); Hashin & Shtrikman, J. Mech. Phys. Solids 11 (1963) (bounds);
Willot, C. R. Mécanique 343 (2015) (rotated scheme).

    python docs/examples/mechanics/effective_moduli.py [--quick] [--out figure.png]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from presentation import BLUE, GREEN, GREY, ORANGE, canvas, command_line, label, legend, save

from hoad import mechanics as me

Array = np.ndarray

DISKS = {0.1: 1.1782218, 0.2: 1.39145767, 0.3: 1.65203601, 0.4: 1.98062609, 0.5: 2.41546738, 0.6: 3.03722083, 0.7: 4.0617074}
"""Square array of disks ten times as conductive as the matrix: effective conductivity over the fraction of disks."""
SPHERES = {0.1: 1.243339, 0.2: 1.531724, 0.3: 1.88774, 0.4: 2.36443, 0.5: 3.144532}
"""Simple cubic array of spheres, at the same contrast."""
MATRIX, PARTICLE = me.LinearElastic(mu=1.0, lmbda=2.0), me.LinearElastic(mu=20.0, lmbda=20.0)


def effective(image: Array, phases: Mapping[int, Any], scheme: str = "rotated") -> Array:
    """Homogenised tangent of a linear cell: at rest, since it is the same everywhere."""
    d = image.ndim
    scalar = any(isinstance(m, me.Conduction) for m in phases.values())
    at_rest = me.strain_path(np.zeros((1, d) if scalar else (1, d, d)))
    return me.solve(me.Cell(image, scheme=scheme), phases, at_rest).tangent(tol=1e-9)


def ball(n: int, dimension: int, fraction: float) -> Array:
    """One disk or sphere in the middle of a cell of n voxels along each axis, with that fraction of the voxels."""
    x = np.meshgrid(*[(np.arange(n) + 0.5) / n - 0.5] * dimension, indexing="ij")
    distance = sum(a * a for a in x).ravel()
    image = np.zeros(distance.size, int)
    image[np.argsort(distance, kind="stable")[: round(fraction * distance.size)]] = 1
    return image.reshape(x[0].shape)


def random_balls(n: int, count: int, fraction: float, seed: int = 0) -> Array:
    """Equal spheres at random places of a periodic cube, without overlap (random sequential addition)."""
    rng = np.random.default_rng(seed)
    radius = (fraction / count * 3 / 4 / np.pi) ** (1 / 3)
    centres: list[Array] = []
    while len(centres) < count:
        new = rng.random(3)
        if all(np.linalg.norm((new - c + 0.5) % 1 - 0.5) > 2 * radius for c in centres):
            centres.append(new)
    x = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n] * 3, indexing="ij"), -1)
    inside = [np.linalg.norm((x - c + 0.5) % 1 - 0.5, axis=-1) < radius for c in centres]
    return np.any(inside, axis=0).astype(int)


# ---------------------------------------------------------------------------------------------------------------------
# What is known


def stiffness(material: Any) -> Array:
    """C_ijkl of an isotropic material."""
    i = np.eye(3)
    both = np.einsum("ik,jl->ijkl", i, i) + np.einsum("il,jk->ijkl", i, i)
    return material.lmbda * np.einsum("ij,kl->ijkl", i, i) + material.mu * both


def laminate(stiffnesses: Sequence[Array], fractions: Sequence[float], normal: Array) -> Array:
    """Effective stiffness of layers, exactly: the traction and the strain in the plane of the layers are the same in all."""
    mean = lambda a: np.tensordot(fractions, a, 1)
    c = np.stack(stiffnesses)
    cn = np.einsum("rijkl,l->rijk", c, normal)
    inverse = np.linalg.inv(np.einsum("rijk,j->rik", cn, normal))
    left, right = np.einsum("rijk,rkl->rijl", cn, inverse), np.einsum("rij,k,rjklm->rilm", inverse, normal, c)
    flexible = mean(np.einsum("rijk,rklm->rijlm", left, np.einsum("k,rjklm->rjlm", normal, c)))
    return mean(c) - flexible + np.einsum("ijk,kl,lmn->ijmn", mean(left), np.linalg.inv(mean(inverse)), mean(right))


def hashin_shtrikman(outer: Any, inner: Any, fraction: float) -> tuple[float, float]:
    """Bulk and shear modulus of Hashin and Shtrikman with the first phase as the outer one (the lower bound if it is softer)."""
    (k1, m1), (k2, m2) = [(a.lmbda + 2 * a.mu / 3, a.mu) for a in (outer, inner)]
    rest = 1 - fraction
    bulk = k1 + fraction / (1 / (k2 - k1) + 3 * rest / (3 * k1 + 4 * m1))
    return bulk, m1 + fraction / (1 / (m2 - m1) + 6 * rest * (k1 + 2 * m1) / (5 * m1 * (3 * k1 + 4 * m1)))


def isotropic_part(c: Array) -> tuple[float, float]:
    """Bulk and shear modulus of the rotational average of a stiffness."""
    volume = np.einsum("iijj", c)
    return volume / 9, (np.einsum("ijij", c) - volume / 3) / 10


def obnosov(contrast: float) -> float:
    """Conductivity of a square array of squares that fill a quarter of the plane."""
    return float(np.sqrt((1 + 3 * contrast) / (3 + contrast)))


# ---------------------------------------------------------------------------------------------------------------------
# Studies


def laminates() -> float:
    """Largest relative error of the stiffness of a laminate of seven soft and three stiff voxels, in both schemes."""
    image = np.repeat([0, 1], [7, 3])[:, None, None]
    phases = {0: MATRIX, 1: PARTICLE}
    exact = laminate([stiffness(MATRIX), stiffness(PARTICLE)], [0.7, 0.3], np.array([1.0, 0.0, 0.0]))
    errors = [np.abs(effective(image, phases, scheme) - exact).max() for scheme in ("rotated", "fourier")]
    return max(errors) / np.abs(exact).max()


def squares(sizes: Sequence[int], contrast: float = 10.0) -> dict[str, list[float]]:
    """Relative errors of the conductivity of the array of squares over the number of voxels along an axis."""
    errors: dict[str, list[float]] = {"rotated": [], "fourier": []}
    for n in sizes:
        image = np.zeros((n, n), int)
        image[: n // 2, : n // 2] = 1
        phases = {0: me.Conduction(k=1.0), 1: me.Conduction(k=contrast)}
        for scheme, found in errors.items():
            found.append(abs(effective(image, phases, scheme)[0, 0] / obnosov(contrast) - 1))
    return errors


def arrays(dimension: int, n: int, contrast: float = 10.0) -> dict[float, float]:
    """Conductivity of the array of disks or spheres over their fraction."""
    phases = {0: me.Conduction(k=1.0), 1: me.Conduction(k=contrast)}
    return {f: effective(ball(n, dimension, f), phases)[0, 0] for f in (DISKS if dimension == 2 else SPHERES)}


def particles(n: int, count: int, fractions: Sequence[float]) -> list[tuple[float, float, float]]:
    """Fraction of voxels in random spheres, effective bulk and shear modulus (of the rotational average)."""
    found = []
    for f in fractions:
        image = random_balls(n, count, f)
        found.append((float(image.mean()), *isotropic_part(effective(image, {0: MATRIX, 1: PARTICLE}))))
    return found


def ringing(n: int = 99, contrast: float = 1000.0) -> dict[str, Array]:
    """Shear stress in a plane cell with a stiff square of half its size, under a macroscopic shear, for both schemes."""
    image = np.zeros((n, n), int)
    image[n // 4 : n // 4 + n // 2, n // 4 : n // 4 + n // 2] = 1
    phases = {0: me.LinearElastic(mu=1.0, lmbda=1.0), 1: me.LinearElastic(mu=contrast, lmbda=contrast)}
    load = me.strain_path([[[0.0, 0.5], [0.5, 0.0]]])
    return {s: me.solve(me.Cell(image, scheme=s), phases, load).stress_field[0, 1, 0] for s in ("fourier", "rotated")}


def roughness(field: Array) -> float:
    """Root mean square of the second difference along a row in the upper third of the square, over the mean size of the field."""
    n = len(field)
    row = field[n // 4 + 3 : n // 4 + n // 2 - 3, n // 4 + 3]
    return float(np.sqrt(np.mean(np.diff(row, 2) ** 2)) / np.mean(np.abs(row)))


def draw(out: Path, errors: dict[str, Any], sizes: Sequence[int], disks: Any, spheres: Any, random: Any, fields: Any) -> None:
    """Conductivities, convergence, bounds; and the ringing."""
    drawing, (known, rate, bounds, left, right, cut) = canvas(3, "Effective moduli of periodic cells", rows=2, height=6.6)
    for table, found, colour, name in ((DISKS, disks, BLUE, "disks"), (SPHERES, spheres, ORANGE, "spheres")):
        known.plot(table.keys(), table.values(), color=colour, label=f"{name}, series")
        known.plot(found.keys(), found.values(), "o", color=colour, markersize=4, label=f"{name}, voxels")
    label(known, "conductivity, contrast 10", xlabel="fraction", ylabel="effective / matrix")
    legend(known)
    for (scheme, values), colour in zip(errors.items(), (BLUE, ORANGE)):
        rate.loglog(sizes, values, color=colour, marker="o", markersize=4, label=scheme)
    label(rate, "square inclusions: relative error", xlabel="voxels along an axis")
    rate.set_xticks(sizes, [str(n) for n in sizes])
    rate.minorticks_off()
    legend(rate, loc="lower left")
    f = np.linspace(0, 0.4, 50)
    lower = np.array([hashin_shtrikman(MATRIX, PARTICLE, x) for x in f])
    upper = np.array([hashin_shtrikman(PARTICLE, MATRIX, 1 - x) for x in f])
    for k, (colour, name) in enumerate(((BLUE, "bulk"), (ORANGE, "shear"))):
        bounds.fill_between(f, lower[:, k], upper[:, k], color=colour, alpha=0.18, linewidth=0)
        bounds.plot([r[0] for r in random], [r[1 + k] for r in random], "o", color=colour, markersize=4, label=f"{name} modulus")
    label(bounds, "random spheres and their bounds", xlabel="fraction", xlim=(0, 0.4), ylim=(0, 9))
    legend(bounds, loc="upper left")
    n = len(fields["fourier"])
    most = np.percentile(np.abs(fields["rotated"]), 99)
    for axes, scheme in ((left, "fourier"), (right, "rotated")):
        part = fields[scheme][n // 8 : n // 2, n // 8 : n // 2]
        shown = axes.pcolormesh(part.T, cmap="viridis", vmin=0, vmax=most)
        label(axes, f"shear stress at a corner, {scheme}", aspect="equal", xticks=[], yticks=[])
        axes.grid(False)
    drawing.colorbar(shown, ax=right, shrink=0.85)
    for (scheme, field), colour in zip(fields.items(), (GREY, GREEN)):
        cut.plot(np.arange(n), field[:, n // 4 + 3], color=colour, linewidth=1.2, label=scheme)
    label(cut, "along a row inside the square", xlabel="voxel", ylim=(1.2, 2.2))
    legend(cut, ncols=2, loc="upper center")
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare with what is known, print, draw."""
    options = command_line(__doc__, "effective_moduli", argv)
    quick = options.quick
    print(f"laminate: relative error of the stiffness {laminates():.1e}\n")
    sizes = [16, 32, 64] if quick else [16, 32, 64, 128, 256]
    errors = squares(sizes)
    print("squares, contrast 10: voxels along an axis, relative error of the rotated and of the Fourier scheme")
    for n, a, b in zip(sizes, errors["rotated"], errors["fourier"]):
        print(f"{n:5d} {a:10.2e} {b:10.2e}")
    disks, spheres = arrays(2, 64 if quick else 256), arrays(3, 20 if quick else 48)
    for name, table, found in (("disks", DISKS, disks), ("spheres", SPHERES, spheres)):
        print(f"\n{name}, contrast 10: fraction, conductivity of the voxel image, of the series, relative error")
        for f, value in table.items():
            print(f"{f:5.1f} {found[f]:11.6f} {value:11.6f} {found[f] / value - 1:10.1e}")
    random = particles(*((16, 4, (0.1, 0.2)) if quick else (48, 20, (0.05, 0.1, 0.15, 0.2, 0.25, 0.3))))
    print("\nrandom spheres: fraction, bulk modulus and its bounds, shear modulus and its bounds")
    for f, bulk, shear in random:
        low, high = hashin_shtrikman(MATRIX, PARTICLE, f), hashin_shtrikman(PARTICLE, MATRIX, 1 - f)
        print(f"{f:7.4f} {bulk:9.5f} {low[0]:9.5f} {high[0]:9.5f} {shear:9.5f} {low[1]:9.5f} {high[1]:9.5f}")
    fields = ringing()
    print("\ncontrast 1000, second differences along a row over its mean: ", end="")
    print(", ".join(f"{scheme} {roughness(field):.4f}" for scheme, field in fields.items()))
    draw(options.out, errors, sizes, disks, spheres, random, fields)


if __name__ == "__main__":
    main()
