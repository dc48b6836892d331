"""How uncertain are effective moduli? Exact first and second derivatives beside Monte Carlo.

The moduli of both phases are log-normal; the effective ones are expanded to second order in their logarithms. The gradient of an
effective energy needs no further solve, a Hessian-vector product two, so that mean, variance and distribution come at the price of
a few solves, where Monte Carlo takes a thousand. In a second study every voxel has a modulus of its own.

Source of the second-order moments: Benaroya & Rehak, Appl. Mech. Rev. 41 (1988); of the trace by random signs: Hutchinson, Commun.
Stat. Simul. Comput. 18 (1989).

    python docs/examples/mechanics/uncertainty.py [--quick] [--out figure.png]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import gaussian_kde, norm

sys.path.append(str(Path(__file__).resolve().parents[1]))
from presentation import BLUE, GREEN, GREY, ORANGE, PURPLE, canvas, command_line, label, legend, save

from hoad import mechanics as me

Array = np.ndarray

PHASES = {0: me.LinearElastic(mu=1.0, lmbda=1.5), 1: me.LinearElastic(mu=10.0, lmbda=10.0)}
NAMES = [(0, "mu"), (0, "lmbda"), (1, "mu"), (1, "lmbda")]
STRAINS = np.array([[[0.5, 0.0], [0.0, 0.5]], [[0.0, 0.5], [0.5, 0.0]]])
"""Under these the effective energy is half the bulk modulus of the plane, and half the shear modulus."""
OPPOSED = np.array([1.0, 1.0, -1.0, -1.0])
MODULI: dict[str, Callable[[Any, Any], Any]] = {
    "bulk modulus": lambda energy, stress: 2 * energy[0],
    "shear modulus": lambda energy, stress: 2 * energy[1],
}


def disk(n: int, fraction: float = 0.3) -> Array:
    """One fibre, seen along its axis."""
    x = (np.arange(n) + 0.5) / n - 0.5
    return (x[:, None] ** 2 + x**2 < fraction / np.pi).astype(int)


@dataclass(frozen=True)
class Quadratic:
    """Expansion q(ξ) of a modulus in standard normal variables ξ; a parameter is its median times exp(s ξ)."""

    value: float
    gradient: Array
    hessian: Array

    def __call__(self, xi: Array) -> Array:
        """Values for samples (count, variables)."""
        return self.value + xi @ self.gradient + np.einsum("si,ij,sj->s", xi, self.hessian, xi) / 2

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation, exactly those of the quadratic."""
        spread = self.gradient @ self.gradient + np.sum(self.hessian**2) / 2
        return float(self.value + np.trace(self.hessian) / 2), float(np.sqrt(spread))


def expand(response: me.Response, modulus: Callable[[Any, Any], Any], s: float) -> Quadratic:
    """Derivatives by the logarithms of the parameters: a gradient, and a Hessian-vector product for each of them."""
    p = np.array(response.parameters.values)
    value, slopes = response.value_and_gradient(modulus, p)
    rows = [response.hvp(modulus, p, list(unit)) for unit in np.eye(len(p))]
    first = s * p * np.array(slopes)
    return Quadratic(value, first, s**2 * np.outer(p, p) * np.array(rows) + s * np.diag(first))


def monte_carlo(response: me.Response, medians: Sequence[Array], s: float, samples: Sequence[Any]) -> Array:
    """Moduli (samples, 2) by a full solve for each sample."""
    return np.array([2 * response([p * np.exp(s * x) for p, x in zip(medians, xi)])[0] for xi in samples])


def series(response: me.Response, s: float) -> Array:
    """Coefficients of the shear modulus, to fifth order, when the matrix grows stiffer by s per unit and the fibre softer."""
    line = {name: s * d * float(p) for name, d, p in zip(NAMES, OPPOSED, response.parameters.values)}
    return 2 * me.solve(response.parameters.problem, load=me.strain_path(STRAINS[1:]), tol=1e-11).taylor(order=5, parameters=line)


def series_errors(response: me.Response, s: float, sizes: Sequence[float]) -> dict[int, list[float]]:
    """Errors of that series, cut after orders 1, 2, 3 and 5, at some distances in standard deviations."""
    coefficients, medians = series(response, s), response.parameters.values
    exact = [2 * response([p * (1 + s * t * d) for p, d in zip(medians, OPPOSED)])[0][1] for t in sizes]
    cut = {order: np.polynomial.Polynomial(coefficients[: order + 1]) for order in (1, 2, 3, 5)}
    return {order: [abs(f(t) - x) for t, x in zip(sizes, exact)] for order, f in cut.items()}


# ---------------------------------------------------------------------------------------------------------------------
# Every voxel a modulus of its own


@dataclass(frozen=True)
class Field:
    """Shear modulus of a cell whose voxels have independent log-normal moduli: mean and deviation to first and second order."""

    first: tuple[float, float]
    second: tuple[float, float]
    probes: int


def of_field(response: me.Response, s: float, probes: int, seed: int = 0) -> Field:
    """Trace and norm of the Hessian H by the logarithms from probes v with random signs: means of v·Hv and of |Hv|²."""
    modulus = MODULI["shear modulus"]
    (p,) = response.parameters.values
    value, (slope,) = response.value_and_gradient(modulus, [p])
    first = s * p * slope
    rng = np.random.default_rng(seed)
    trace, square = 0.0, 0.0
    for _ in range(probes):
        signs = rng.choice([-1.0, 1.0], p.shape)
        (product,) = response.hvp(modulus, [p], [s * p * signs])
        product = s * (p * product + first * signs)
        trace += float(np.sum(signs * product)) / probes
        square += float(np.sum(product**2)) / probes
    variance = float(np.sum(first**2))
    return Field((value, variance**0.5), (value + trace / 2, (variance + square / 2) ** 0.5), probes)


def draw(out: Path, expansions: dict[str, Quadratic], sampled: Array, errors: Any, field: Field, noisy: Array, voxels: int) -> None:
    """Distributions, shares of the variance, errors of the expansions, and the noisy cell."""
    drawing, panels = canvas(2, "Effective moduli of a composite with random constituents", rows=2, height=7.0)
    xi = np.random.default_rng(9).standard_normal((20000, len(NAMES)))
    for axes, (name, q), values in zip(panels, expansions.items(), sampled.T):
        at = np.linspace(values.min(), values.max(), 200)
        axes.hist(values, bins=30, density=True, color=GREY, alpha=0.45, label=f"Monte Carlo, {len(values)} solves")
        axes.plot(at, norm.pdf(at, q.value, np.linalg.norm(q.gradient)), "--", color=ORANGE, label="first order")
        axes.plot(at, gaussian_kde(q(xi))(at), color=BLUE, label="second order")
        label(axes, f"{name} of the plane", yticks=[])
        legend(axes)
    sizes, found = errors
    for (order, values), colour in zip(found.items(), (ORANGE, BLUE, PURPLE, GREEN)):
        panels[2].loglog(sizes, values, color=colour, marker="o", markersize=4, label=f"order {order}")
    label(panels[2], "error of the series, fibre and matrix opposed", xlabel="distance from the median, standard deviations")
    panels[2].set_xticks(sizes, [f"{t:g}" for t in sizes])
    panels[2].minorticks_off()
    legend(panels[2])
    axes = panels[3]
    (median, first), (mean, deviation) = field.first, field.second
    at = np.linspace(min(noisy.min(), mean - 3 * deviation), median + 3 * first, 300)
    axes.hist(noisy, bins=20, density=True, color=GREY, alpha=0.45, label=f"Monte Carlo, {len(noisy)} solves")
    axes.plot(at, norm.pdf(at, median, first), "--", color=ORANGE, label="first order")
    axes.plot(at, norm.pdf(at, mean, deviation), color=BLUE, label=f"second order, {field.probes} probes")
    label(axes, f"shear modulus if each of {voxels} voxels has its own", yticks=[], ylim=(0, 1.45 * axes.get_ylim()[1]))
    legend(axes, loc="upper right")
    save(drawing, out)


def main(argv: Sequence[str] | None = None) -> None:
    """Both studies: expand, sample, print, draw."""
    options = command_line(__doc__, "uncertainty", argv)
    n, count, s = (16, 100, 0.25) if options.quick else (32, 1000, 0.25)
    response = me.Response(me.Cell(disk(n)), PHASES, STRAINS, NAMES)
    expansions = {name: expand(response, modulus, s) for name, modulus in MODULI.items()}
    print(f"{n} x {n} voxels, standard deviation of the logarithms {s}; linear solves for both expansions: {response.solves}")
    xi = np.random.default_rng(0).standard_normal((count, len(NAMES)))
    medians = [float(p) for p in response.parameters.values]
    sampled = monte_carlo(response, medians, s, xi)
    for k, (name, q) in enumerate(expansions.items()):
        mean, deviation = q.moments()
        error = sampled[:, k].std(ddof=1) / np.sqrt(count)
        shares = 100 * q.gradient**2 / np.sum(q.gradient**2)
        print(f"\n{name}: mean, standard deviation; share of the variance", end=" ")
        print(", ".join(f"{parameter} of {phase} {x:.1f} %" for (phase, parameter), x in zip(NAMES, shares)))
        print(f"{q.value:10.6f} {np.linalg.norm(q.gradient):10.6f}  first order")
        print(f"{mean:10.6f} {deviation:10.6f}  second order")
        print(f"{sampled[:, k].mean():10.6f} {sampled[:, k].std(ddof=1):10.6f}  Monte Carlo, {count} solves, mean ± {error:.6f}")
        print(f"difference of sample and expansion, root mean square: {np.sqrt(np.mean((q(xi) - sampled[:, k]) ** 2)):.6f}")
    sizes = [0.25, 0.5, 1.0, 2.0]
    errors = series_errors(response, s, sizes)
    print("\ndistance in standard deviations, error of the series of the shear modulus to order 1, 2, 3 and 5")
    for k, t in enumerate(sizes):
        print(f"{t:5.2f} " + " ".join(f"{values[k]:10.2e}" for values in errors.values()))
    noise, rounds = 0.5, 60 if options.quick else 400
    medium = {0: me.LinearElastic(mu=np.ones((n, n)), lmbda=1.5)}
    voxels = me.Response(me.Cell(np.zeros((n, n), int)), medium, STRAINS, [(0, "mu")])
    field = of_field(voxels, noise, 10)
    samples = np.random.default_rng(1).standard_normal((rounds, 1, n, n))
    noisy = monte_carlo(voxels, [np.ones((n, n))], noise, samples)[:, 1]
    print(f"\n{n * n} random moduli, standard deviation of the logarithms {noise}: mean and deviation of the shear modulus")
    print(f"{field.first[0]:10.6f} {field.first[1]:10.6f}  first order")
    print(f"{field.second[0]:10.6f} {field.second[1]:10.6f}  second order, {field.probes} probes")
    deviation = noisy.std(ddof=1)
    print(f"{noisy.mean():10.6f} {deviation:10.6f}  Monte Carlo, {rounds} solves, mean ± {deviation / np.sqrt(rounds):.6f}")
    draw(options.out, expansions, sampled, (sizes, errors), field, noisy, n * n)


if __name__ == "__main__":
    main()
