"""What second derivatives of a real loss on real data are good for.

An ordinary NumPy function, the regularised logistic (or softmax) loss on a data set that ships with scikit-learn, is
handed to hoad. Out come a Hessian-vector product, checked against arithmetic with 50 digits, the largest curvatures
from SciPy's eigenvalue solver, a Newton-CG fit by SciPy's minimiser, and a figure of both.

    python docs/examples/hessian_of_real_data.py [--data digits] [--out figure.png]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import mpmath
import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import OptimizeResult, minimize
from scipy.sparse.linalg import eigsh
from sklearn.datasets import load_breast_cancer, load_digits
from tqdm import tqdm

import hoad

REGULARISATION = 1e-3
DIGITS = 50


# ---------------------------------------------------------------------------------------------------------------------
# The functions to differentiate: plain NumPy, which knows nothing of hoad


def logistic_loss(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> Any:
    """Mean of log(1 + exp(-yᵢ xᵢ·w)) with yᵢ = ±1, plus λ/2 ‖w‖²."""
    return np.mean(np.logaddexp(0.0, -y * (X @ w))) + REGULARISATION / 2 * np.sum(w**2)


def softmax_loss(w: np.ndarray, X: np.ndarray, y: np.ndarray) -> Any:
    """Mean of log Σⱼ exp(zᵢⱼ) - zᵢ,yᵢ with z = X W and W the vector w as a matrix, plus λ/2 ‖w‖²."""
    z = X @ w.reshape(X.shape[1], -1)
    z = z - np.max(z, axis=1, keepdims=True)
    chosen = z[np.arange(len(y)), y]
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - chosen) + REGULARISATION / 2 * np.sum(w**2)


# ---------------------------------------------------------------------------------------------------------------------
# The reference: the same Hessians on paper, evaluated with 50 digits


def exact(array: np.ndarray) -> list[Any]:
    """Doubles as numbers of mpmath, which holds them without rounding; rows of a matrix as lists."""
    return [mpmath.mpf(a) if isinstance(a, float) else [mpmath.mpf(b) for b in a] for a in array.tolist()]


def column(rows: list[Any], index: int) -> list[Any]:
    """One column of a matrix given as rows."""
    return [row[index] for row in rows]


def logistic_reference(w: np.ndarray, X: np.ndarray, v: np.ndarray, entries: Sequence[int]) -> list[Any]:
    """Entries of H v = Xᵀ D X v / n + λ v, where D has σ(xᵢ·w) (1 - σ(xᵢ·w)) on its diagonal."""
    rows, w, v = exact(X), exact(w), exact(v)
    weighted = []
    for row in rows:
        s = 1 / (1 + mpmath.exp(-mpmath.fdot(row, w)))
        weighted.append(s * (1 - s) * mpmath.fdot(row, v))
    return [mpmath.fdot(column(rows, i), weighted) / len(rows) + REGULARISATION * v[i] for i in entries]


def softmax_reference(w: np.ndarray, X: np.ndarray, v: np.ndarray, entries: Sequence[int]) -> list[Any]:
    """Entries (feature k, class c) of Xᵀ [p ∘ (t - (p·t) 1)] / n + λ v, where p = softmax(X W), t = X V, row by row."""
    rows, W, V = exact(X), exact(w.reshape(X.shape[1], -1).T), exact(v.reshape(X.shape[1], -1).T)
    weighted = []
    for row in rows:
        powers = [mpmath.exp(mpmath.fdot(row, weights)) for weights in W]
        total = mpmath.fsum(powers)
        p = [power / total for power in powers]
        t = [mpmath.fdot(row, direction) for direction in V]
        mean = mpmath.fdot(p, t)
        weighted.append([a * (b - mean) for a, b in zip(p, t)])
    places = [divmod(entry, len(W)) for entry in entries]
    return [mpmath.fdot(column(rows, k), column(weighted, c)) / len(rows) + REGULARISATION * V[c][k] for k, c in places]


# ---------------------------------------------------------------------------------------------------------------------
# The data


@dataclass(frozen=True)
class Problem:
    """A loss of one vector, where to look at it, and how to judge what is found."""

    name: str
    f: Callable[[Any], Any]
    size: int
    shape: tuple[int, ...]
    reference: Callable[[np.ndarray, np.ndarray, Sequence[int]], list[Any]]
    correct: Callable[[np.ndarray], float]


def standardised(X: np.ndarray) -> np.ndarray:
    """Features with mean 0 and variance 1 (constant ones stay 0), and a column of ones for the intercept."""
    deviation = X.std(axis=0)
    X = (X - X.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return np.column_stack([X, np.ones(len(X))])


def breast_cancer(samples: int | None = None) -> Problem:
    """Malignant or benign, from 30 measurements of cell nuclei (Wolberg, Street & Mangasarian, 1995)."""
    X, labels = load_breast_cancer(return_X_y=True)
    X, y = standardised(X[:samples]), np.where(labels[:samples] == 1, 1.0, -1.0)
    return Problem(
        name="breast cancer, logistic loss",
        f=lambda w: logistic_loss(w, X, y),
        size=X.shape[1],
        shape=X.shape,
        reference=lambda w, v, entries: logistic_reference(w, X, v, entries),
        correct=lambda w: float(np.mean(np.sign(X @ w) == y)),
    )


def digits(samples: int | None = None) -> Problem:
    """Ten handwritten digits as images of 8 by 8 pixels (Alpaydin & Kaynak, 1998)."""
    X, y = load_digits(return_X_y=True)
    X, y = standardised(X[:samples]), y[:samples]
    return Problem(
        name="digits, softmax loss",
        f=lambda w: softmax_loss(w, X, y),
        size=X.shape[1] * 10,
        shape=X.shape,
        reference=lambda w, v, entries: softmax_reference(w, X, v, entries),
        correct=lambda w: float(np.mean(np.argmax(X @ w.reshape(-1, 10), axis=1) == y)),
    )


# ---------------------------------------------------------------------------------------------------------------------
# The derivatives at work


def largest_eigenvalues(f: Callable[[Any], Any], w: np.ndarray, count: int) -> np.ndarray:
    """The ``count`` largest eigenvalues of the Hessian, largest first; SciPy sees only products H v."""
    H = hoad.HessianOperator(f, w)
    start = np.ones(len(w))  # ARPACK draws a random vector otherwise
    return eigsh(H, k=count, which="LA", v0=start, return_eigenvectors=False)[::-1]


@dataclass(frozen=True)
class Fit:
    """Where a minimiser ended, and (value, gradient norm, Hessian-vector products so far) after each iteration."""

    result: OptimizeResult
    history: list[tuple[float, float, int]]


NEWTON, QUASI_NEWTON = "Newton-CG with H v", "L-BFGS-B, gradients only"
METHODS: dict[str, dict[str, Any]] = {
    NEWTON: {"method": "trust-ncg", "options": {"gtol": 1e-8}},  # conjugate gradients inside a trust region
    QUASI_NEWTON: {"method": "L-BFGS-B", "options": {"gtol": 1e-8, "ftol": 0.0, "maxiter": 1000}},
}


def fit(problem: Problem, method: str, tick: Callable[[], None]) -> Fit:
    """Minimise the loss from zero by one of the METHODS of SciPy, with exact derivatives."""
    f, gradient = problem.f, hoad.grad(problem.f)
    start = np.zeros(problem.size)
    history = []
    products = 0

    def product(w: np.ndarray, v: np.ndarray) -> np.ndarray:
        nonlocal products
        products += 1
        return hoad.hvp(f, w, v)

    def note(w: np.ndarray) -> None:
        history.append((float(f(w)), float(np.linalg.norm(gradient(w))), products))
        tick()

    note(start)
    arguments = METHODS[method]
    if method == NEWTON:
        arguments = {**arguments, "hessp": product}
    result = minimize(f, start, jac=gradient, callback=lambda xk: note(xk), **arguments)
    return Fit(result, history)


def seconds(*calls: Callable[[], Any], repetitions: int) -> list[float]:
    """Median time of each call, taken in turns so that a busy machine slows all of them alike."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repetitions):
        for call, taken in zip(calls, times):
            start = perf_counter()
            call()
            taken.append(perf_counter() - start)
    return [median(taken) for taken in times]


# ---------------------------------------------------------------------------------------------------------------------
# The figure


BLUE, ORANGE, GREY = "#2a5ea8", "#d9772b", "#8a8f98"


def figure(title: str, spectra: dict[str, np.ndarray], fits: dict[str, Fit]) -> Figure:
    """Left the eigenvalues of the Hessian before and after the fit, right the gradient norm of each method."""
    drawing = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = drawing.subplots(1, 2)
    drawing.suptitle(title, fontsize=11, color="#333333")

    for (label, values), colour, marker in zip(spectra.items(), (GREY, BLUE), ("o", "D")):
        left.semilogy(np.arange(1, len(values) + 1), values, marker, color=colour, markersize=4, label=label)
    left.axhline(REGULARISATION, color=ORANGE, linewidth=1, linestyle="--")
    name = f"regularisation λ = {REGULARISATION:g}"
    left.text(0.02, 1.1 * REGULARISATION, name, transform=left.get_yaxis_transform(), color=ORANGE, fontsize=9)
    left.set_ylim(top=10 * max(values[0] for values in spectra.values()))  # room for the legend
    left.set(title="Curvatures of the loss", xlabel="eigenvalue of the Hessian, largest first", ylabel="value")

    for (label, each), colour, marker in zip(fits.items(), (BLUE, GREY), ("D", "")):
        norms = [norm for _, norm, _ in each.history]
        right.semilogy(norms, marker=marker, color=colour, markersize=4, linewidth=1.5, label=label)
    right.set(title="Convergence from zero", xlabel="iteration", ylabel="norm of the gradient")

    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, which="major", color="#e4e6ea", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.legend(frameon=False, fontsize=9)
    return drawing


# ---------------------------------------------------------------------------------------------------------------------
# The report


def report(problem: Problem, out: Path, quick: bool) -> None:
    """Print every number, save the figure."""
    f, size = problem.f, problem.size
    rng = np.random.default_rng(0)
    w, v = 0.1 * rng.standard_normal(size), rng.standard_normal(size)

    layout = "{desc} |{bar:30}| {n_fmt}/{total_fmt} {elapsed}{postfix}"
    with tqdm(total=6, desc=problem.name, bar_format=layout, leave=False, disable=not sys.stderr.isatty()) as bar:
        bar.set_postfix_str("H v")

        def line(text: str = "") -> None:
            bar.write(text, file=sys.stdout)

        def done(next_step: str) -> None:
            bar.update()
            bar.set_postfix_str(next_step)

        samples, features = problem.shape
        line(f"{problem.name}: {samples} samples, {features} features, {size} parameters, λ = {REGULARISATION:g}")
        line()
        value, gradient = hoad.value_and_grad(f)(w)
        line(f"value          {value:.15f}")
        line(f"gradient norm  {np.linalg.norm(gradient):.15f}")
        line()

        hv = hoad.hvp(f, w, v)
        entries = [0, size // 2, size - 1]
        with mpmath.workdps(DIGITS):
            reference = problem.reference(w, v, entries)
            errors = [float(abs((float(hv[i]) - exact) / exact)) for i, exact in zip(entries, reference)]
            line(f"H v, against the formula with {DIGITS} digits")
            line(f"{'entry':>7}  {'hoad':>23}  {'reference':>31}  {'relative error':>14}")
            for i, exact, error in zip(entries, reference, errors):
                line(f"{i:>7}  {hv[i]:>23.16e}  {mpmath.nstr(exact, 25):>31}  {error:>14.1e}")
        line()
        done("eigenvalues")

        line("largest eigenvalues of H, by scipy.sparse.linalg.eigsh")
        for eigenvalue in largest_eigenvalues(f, w, 5):
            line(f"{eigenvalue:>25.16e}")
        line()
        done("Newton-CG")

        newton = fit(problem, NEWTON, bar.refresh)
        line('Newton-CG fit by scipy.optimize.minimize(method="trust-ncg", jac=hoad.grad(f), hessp=…hoad.hvp…)')
        line(f"{'iteration':>9}  {'value':>18}  {'gradient norm':>13}  {'H v so far':>10}")
        for k, (value, norm, products) in enumerate(newton.history):
            line(f"{k:>9}  {value:>18.15f}  {norm:>13.2e}  {products:>10}")
        line(f"{newton.result.message} Gradient norm {np.linalg.norm(newton.result.jac):.1e}.")
        line(f"classified correctly: {100 * problem.correct(newton.result.x):.1f} %")
        line()
        done("timing")

        repetitions = 5 if quick else 51
        t_gradient, t_hvp = seconds(partial(hoad.grad(f), w), partial(hoad.hvp, f, w, v), repetitions=repetitions)
        line(f"time of one gradient  {1e6 * t_gradient:9.0f} µs")
        line(f"time of one H v       {1e6 * t_hvp:9.0f} µs = {t_hvp / t_gradient:.2f} gradients")
        done("L-BFGS, for comparison")

        fits = {NEWTON: newton, QUASI_NEWTON: fit(problem, QUASI_NEWTON, bar.refresh)}
        done("spectrum")

        count = min(size - 1, 10 if quick else 60)
        spectra = {
            "at a random point": largest_eigenvalues(f, w, count),
            "at the minimum": largest_eigenvalues(f, newton.result.x, count),
        }
        figure(problem.name, spectra, fits).savefig(out, dpi=150)
        done("")
    print(f"figure saved: {out}")


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Second derivatives of a real loss on real data.")
    parser.add_argument("--data", choices=("breast_cancer", "digits"), default="breast_cancer")
    parser.add_argument("--out", type=Path, default=Path("hessian_of_real_data.png"), help="where the figure goes")
    parser.add_argument("--quick", action="store_true", help="a hundred samples and few repetitions")
    options = parser.parse_args(argv)
    load = {"breast_cancer": breast_cancer, "digits": digits}[options.data]
    report(load(100 if options.quick else None), options.out, options.quick)


if __name__ == "__main__":
    main()
