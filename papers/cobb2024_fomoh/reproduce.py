"""Line and hyperplane search by exact forward-mode curvature: Rosenbrock functions, dimension of the plane, digits.

Source: A. D. Cobb, A. G. Baydin, B. A. Pearlmutter and S. Jha, Second-Order Forward-Mode Automatic Differentiation for
Optimization, arXiv 2408.10419 (2024); settings of the experiments from their code, SRI-CSL/fomoh.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import hoad
import hoad.optimize as ho
from papers.reproduction import FOLDER, Check, Numbers, Result, at_most, between, needs, progress, put

TITLE = "Cobb et al. (2024): FoMoH, line and hyperplane search by forward-mode curvature"

ORACLE = FOLDER.parent / "tests" / "optimize" / "data" / "fomoh_rosenbrock.npz"
START = np.tile([-1.2, 1.0], 5)
METHODS = ("FGD", "FoMoH", "FoMoH-2D", "Adam", "Newton")
CURVES = {2: (1000, 1.0), 10: (2000, 0.5)}  # dimension -> iterations, learning rate of FoMoH
RAW, SAFE = (2, 3, 5, 7, 8, 9, 10), (5, 8, 10)
PRINTED = (1, 2, 3, 5, 10)  # iterations at which the oracle's losses are compared
DIGITS: dict[str, tuple[str, dict[str, Any], int]] = {  # -> method, options, iterations
    "FGD": ("fgd", {"lr": 0.15}, 1000),
    "FoMoH": ("fomoh", {}, 1000),
    "FoMoH-2D": ("fomoh-kd", {"k": 2, "curvature": "raw"}, 1000),
    "FoMoH-3D": ("fomoh-kd", {"k": 3, "curvature": "raw"}, 1000),
    "FoMoH-10D": ("fomoh-kd", {"k": 10, "curvature": "raw"}, 300),
    "FoMoH-BP": ("fomoh-bp", {}, 1000),
    "GD": ("sgd", {"lr": 1.0}, 1000),
}
FORWARD = tuple(DIGITS)[:5]
SHOWN = (100, 300, 1000)
UNITS = {"FoMoH": 3, "FoMoH-2D": 6, "FoMoH-3D": 10, "FoMoH-10D": 66}  # coefficients that a step carries
BUDGET = 3 * 1000  # those of FoMoH's run


def rosenbrock(x: Any) -> Any:
    """The function in any dimension, of each row."""
    return np.sum((1.0 - x[..., :-1]) ** 2 + 100.0 * (x[..., 1:] - x[..., :-1] ** 2) ** 2, axis=-1)


def losses(f: Any, x0: Any, method: str, steps: int, **options: Any) -> Any:
    """Loss after 0 to ``steps`` iterations."""
    return ho.minimize(f, x0, method=method, options=options, maxiter=steps, tol=-1.0).history["loss"]


def run(reduced: bool = False) -> Result:
    """The oracle's numbers, loss curves of ten starts, planes of 2 to 10 dimensions, and the table for digits."""
    numbers: Numbers = {}
    compare(numbers)
    seeds = 3 if reduced else 10
    for n, (steps, lr) in CURVES.items():
        for method in progress(METHODS, f"{n} dimensions"):
            found = curves(method, n, lr, 20 if reduced else 100 if method == "Newton" else steps)
            found[~np.isfinite(found)] = np.inf
            put(numbers, f"starts of 10 that diverge, {n}D", method, np.sum(np.isinf(found[-1])))
            curve = np.median(found, axis=1)
            for i in places(len(curve)):
                put(numbers, f"median loss, {n}D, {method}", i, curve[i])
    for title, dimensions in (("raw", RAW), ("safeguarded", SAFE)):
        options = {"curvature": "raw"} if title == "raw" else {}
        for k in progress([k for k in dimensions if not reduced or k in (2, 10)], f"{title} planes"):
            count = seeds if title == "raw" or k == 10 else min(seeds, 5)
            starts = [np.random.default_rng(1000 + s).standard_normal(10) for s in range(count)]
            found = np.array([full(losses(rosenbrock, x, "fomoh-kd", 100, k=k, seed=s, **options)) for s, x in enumerate(starts)])
            put(numbers, f"median loss at 100, {title}", k, np.median(found[:, -1]))
            put(numbers, f"fraction below 1e-8 at 100, {title}", k, np.mean(found[:, -1] < 1e-8))
            put(numbers, f"largest rise, {title}", k, np.max(np.diff(found, axis=1)))
            for i in places(101):
                put(numbers, f"median loss, K = {k}, {title}", i, np.median(found[:, i]))
    for name in progress(FORWARD[:3] if reduced else DIGITS, "digits"):
        digits(numbers, name, reduced)
    return Result(numbers, accept(numbers, reduced), reduced)


def full(found: Any, steps: int = 100) -> Any:
    """All losses of a run; the last one stays where a run has stopped at the minimum."""
    return np.concatenate([found, np.full(steps + 1 - len(found), found[-1])])


def places(count: int) -> list[int]:
    """At most a hundred iterations, evenly spread on a logarithmic axis."""
    return sorted({0, count - 1, *np.geomspace(1, max(count - 1, 1), 100).astype(int).tolist()})


def compare(numbers: Numbers) -> None:
    """Slopes, curvatures and losses against a NumPy program with hand-written derivatives, and K = N against Newton."""
    oracle = np.load(ORACLE)
    for k in (1, 2, 10):
        x = START
        V, F, H = (oracle[f"K{k}_{part}"] for part in "VFH")
        worst = {"slopes": 0.0, "curvatures": 0.0}
        for i in range(10):
            found = ho.curvature_matrix(rosenbrock, x, V[i])
            worst["slopes"] = max(worst["slopes"], float(np.max(np.abs(found.slopes - F[i])) / np.max(np.abs(F[i]))))
            worst["curvatures"] = max(worst["curvatures"], float(np.max(np.abs(found.matrix - H[i])) / np.max(np.abs(H[i]))))
            x = x - V[i].T @ np.linalg.solve(H[i], F[i])
        for what, error in worst.items():
            put(numbers, f"error of {what}", k, error)
        curve = losses(rosenbrock, START, "fomoh-kd", 10, k=k, curvature="raw", replay=V)
        put(numbers, "error of the losses of 5 steps", k, np.max(np.abs(curve[:6] / oracle[f"K{k}_loss"][:6] - 1)))
        for i in PRINTED:
            put(numbers, f"loss of the oracle's run, K = {k}", i, curve[i])
    x, worst_step = START, 0.0
    method = ho.hyperplane_search(k=10, curvature="raw", seed=3)
    state = method.init(x)
    for _ in range(7):
        step, state = method.update(rosenbrock, x, state)
        newton = -np.linalg.solve(hoad.hessian(rosenbrock)(x), hoad.grad(rosenbrock)(x))
        worst_step = max(worst_step, float(np.linalg.norm(step - newton) / np.linalg.norm(newton)))
        x = x + newton
    put(numbers, "difference from Newton's step, K = N = 10", "", worst_step)


def curves(method: str, n: int, lr: float, steps: int) -> Any:
    """Losses (steps + 1, 10) from ten starts, which are the rows of one array."""
    x = np.array([np.random.default_rng(1000 + s).standard_normal(n) for s in range(10)])
    rng = np.random.default_rng(0)
    total = hoad.grad(lambda x: np.sum(rosenbrock(x)))
    adam = ho.adam(0.2)
    state = adam.init(x)
    found = [rosenbrock(x)]
    for _ in range(steps):
        with np.errstate(all="ignore"):  # where a start has arrived, or has diverged, as some do without safeguards
            match method:
                case "FGD":
                    v = rng.standard_normal(x.shape)
                    x = x - 1e-4 * hoad.jvp(rosenbrock, (x,), (v,))[1][:, None] * v
                case "FoMoH":
                    v = rng.standard_normal(x.shape)
                    slope, half = hoad.jet(rosenbrock, (x,), ([v, np.zeros_like(v)],))[1]
                    x = x - lr * np.nan_to_num(slope / np.abs(2 * half))[:, None] * v
                case "FoMoH-2D":
                    x = x + plane_step(x, rng.standard_normal((2, *x.shape)))
                case "Adam":
                    step, state = adam.update(total(x), state, x)
                    x = ho.apply_updates(x, step)
                case "Newton":
                    H = np.array([hoad.hessian(rosenbrock)(row) for row in x])
                    x = x - np.linalg.solve(H, total(x)[..., None])[..., 0]
            found.append(rosenbrock(x))
    return np.array(found)


def plane_step(x: Any, v: Any) -> Any:
    """The raw step in a plane for each row; the mixed curvature by polarisation: q(v + w) = q(v) + q(w) + 2 vᵀHw."""
    a, b = v
    directions = np.concatenate([a, b, a + b])
    slope, half = hoad.jet(rosenbrock, (np.tile(x, (3, 1)),), ([directions, np.zeros_like(directions)],))[1]
    q = 2 * half.reshape(3, -1)
    mixed = (q[2] - q[0] - q[1]) / 2
    F = slope.reshape(3, -1)
    determinant = q[0] * q[1] - mixed**2
    kappa = -np.array([q[1] * F[0] - mixed * F[1], q[0] * F[1] - mixed * F[0]]) / determinant
    return np.sum(np.nan_to_num(kappa)[..., None] * v, axis=0)


def digits(numbers: Numbers, name: str, reduced: bool) -> None:
    """Softmax regression on scikit-learn's digits, full batch, from zero weights."""
    data = needs("sklearn.datasets").load_digits()
    X = np.column_stack([data.data / 16.0, np.ones(len(data.data))])
    train, labels = X[:1347], np.eye(10)[data.target[:1347]] / 1347

    def loss(W: Any) -> Any:
        z = train @ W
        return np.mean(np.log(np.sum(np.exp(z), axis=1))) - np.sum(z * labels)

    method, options, steps = DIGITS[name]
    steps = min(steps, 100) if reduced else steps
    random = method not in ("sgd", "fomoh-bp")
    found, accuracy = [], []
    for seed in range(1 if reduced or not random or name == "FoMoH-10D" else 2):
        given = {**options, "seed": seed} if random else options
        result = ho.minimize(loss, np.zeros((65, 10)), method=method, options=given, maxiter=steps, tol=-1.0)
        found.append(full(result.history["loss"], steps))
        accuracy.append(np.mean(np.argmax(X[1347:] @ result.x, axis=1) == data.target[1347:]))
    mean = np.mean(found, axis=0)
    for i in SHOWN:
        if i <= steps:
            put(numbers, f"digits, train loss, {name}", i, mean[i])
    if name in UNITS and BUDGET // UNITS[name] <= steps:
        put(numbers, "digits, train loss at the cost of 1000 steps of FoMoH", name, mean[BUDGET // UNITS[name]])
    put(numbers, f"digits, test accuracy after {steps}", name, np.mean(accuracy))
    for i in places(steps + 1):
        put(numbers, f"digits, curve, {name}", i, mean[i])


def accept(numbers: Numbers, reduced: bool = False) -> list[Check]:
    """Agreement with the oracle and with Newton, convergence by dimension of the plane, order of methods on digits."""
    checks = []
    for what, bound in (("slopes", 1e-12), ("curvatures", 1e-12), ("the losses of 5 steps", 1e-8)):
        checks.append(at_most(f"error of {what}, K = 1, 2, 10", max(numbers[f"error of {what}"].values()), bound))
    newton = "difference from Newton's step, K = N = 10"
    checks.append(at_most(newton, numbers[newton][""], 1e-10))
    raw = numbers["median loss at 100, raw"]
    if not reduced:
        checks.append(between("raw, K = 2: median loss at 100", raw[2], 7, 9))
        checks.append(at_most("raw, K = 8: median loss at 100", raw[8], 0.5))
        falls = max(b / a for a, b in pairwise(list(raw.values())[:5]))
        checks.append(at_most("raw: largest ratio of neighbouring medians at 100, K = 2, 3, 5, 7, 8", falls, 0.999))
    checks.append(between("raw, K = 10: fraction of starts below 1e-8", numbers["fraction below 1e-8 at 100, raw"][10], 0.6, 1))
    safe = numbers["fraction below 1e-8 at 100, safeguarded"]
    checks.append(between("safeguarded, K = 10: fraction of starts below 1e-8", safe[10], 1, 1))
    checks.append(at_most("safeguarded: largest rise of the loss", max(numbers["largest rise, safeguarded"].values()), 0))
    for i in SHOWN[: 1 if reduced else 3]:
        present = [name for name in FORWARD if i in numbers.get(f"digits, train loss, {name}", {})]
        values = [numbers[f"digits, train loss, {name}"][i] for name in present]
        rising = max(b / a for a, b in pairwise(values))
        checks.append(at_most(f"digits at {i}: largest ratio of neighbours in {' > '.join(present)}", rising, 0.999))
    if not reduced:
        cost = numbers["digits, train loss at the cost of 1000 steps of FoMoH"]
        line = cost["FoMoH"]
        checks.append(between("digits at equal cost: FoMoH-3D over FoMoH, which break even", cost["FoMoH-3D"] / line, 0.9, 1.1))
        checks.append(between("digits at equal cost: FoMoH-10D over FoMoH, which wins", cost["FoMoH-10D"] / line, 1.3))
    return checks


def plot(result: Result, path: Path) -> None:
    """Rosenbrock curves, planes of several dimensions raw and safeguarded, and digits."""
    plt = needs("matplotlib.pyplot")
    numbers = result.numbers
    figure, axes = plt.subplots(2, 3, figsize=(13, 7.6), layout="constrained")
    colours = dict(zip(METHODS, ("tab:gray", "tab:blue", "tab:orange", "tab:green", "tab:red")))
    for ax, n in zip(axes[0], CURVES):
        for method in METHODS:
            style = "--" if method == "Newton" else "-"
            draw(ax, numbers[f"median loss, {n}D, {method}"], color=colours[method], label=method, linestyle=style)
        ax.set(xlabel="iteration", title=f"Rosenbrock in {n} dimensions", ylim=(1e-12, 1e5))
    axes[0, 0].set_ylabel("median loss of ten starts")
    shades = plt.get_cmap("viridis")
    for ax, (title, dimensions) in zip((axes[1, 0], axes[1, 1]), (("raw", RAW), ("safeguarded", SAFE))):
        for k in dimensions:
            curve = numbers.get(f"median loss, K = {k}, {title}", {})
            draw(ax, curve, color=shades((k - 2) / 8.5), label=f"K = {k}")
        ax.set(xlabel="iteration", title=f"hyperplane search, {title}, N = 10", ylim=(1e-12, 1e5))
    axes[1, 0].set_ylabel("median loss")
    for name in (name for name in DIGITS if f"digits, curve, {name}" in numbers):
        style = dict(linestyle="--") if name in ("FoMoH-BP", "GD") else {}
        draw(axes[0, 2], numbers[f"digits, curve, {name}"], label=name, **style)
    axes[0, 2].set(xlabel="iteration", ylabel="train loss", title="softmax regression on digits, N = 650")
    fraction = numbers["fraction below 1e-8 at 100, raw"]
    axes[1, 2].plot(list(fraction), list(fraction.values()), "o-", label="raw")
    fraction = numbers["fraction below 1e-8 at 100, safeguarded"]
    axes[1, 2].plot(list(fraction), list(fraction.values()), "s--", label="safeguarded")
    axes[1, 2].set(xlabel="K", ylabel="fraction below 1e-8", ylim=(-0.05, 1.08), title="converged after 100 iterations")
    for ax in axes.flat:
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8, loc="upper left" if ax is axes[1, 2] else "lower left")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw(ax: Any, curve: dict[Any, float], **style: Any) -> None:
    """A curve on logarithmic axes from iteration 1; zero is drawn below the edge."""
    shown = {i: value for i, value in curve.items() if i >= 1}
    ax.loglog(list(shown), [max(value, 1e-30) for value in shown.values()], **style)
