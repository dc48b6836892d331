"""What a derivative costs beside the same derivative written by hand in NumPy: one function of each family at 10⁵ elements.

``python -m benchmarks.families [--rounds N] [--markdown docs/benchmarks.md] [NAME ...]``.  Both sides compute ⟨w, f(x)⟩ and its
gradient.  What is written by hand is what a careful author would write: it uses the value where the slope needs it.  Results are
compared before anything is timed; repetitions are interleaved; times are of one processor.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import scipy.fft
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.signal
from scipy import special

import hoad
import hoad.numpy as hnp
from benchmarks.peers import write_markdown
from hoad.scipy import fft, interpolate, linalg, ndimage, signal, stats
from papers.measure import keep_freed_memory

BEGIN, END = "<!-- families:begin -->", "<!-- families:end -->"
LIMIT = 2.0
N = 100_000
Array = Any


@dataclass(frozen=True)
class Row:
    """One function.

    Attributes
    ----------
    name, family : str
    function : callable     x -> y, differentiated by hoad
    point : array
    by_hand : callable      (x, w) -> (y, gradient of the inner product of w and y)
    reason : str            why it may take more than twice the time by hand
    """

    name: str
    family: str
    function: Callable[[Array], Array]
    point: Array
    by_hand: Callable[[Array, Array], tuple[Array, Array]]
    reason: str = ""


ROWS: dict[str, Row] = {}
RNG = np.random.default_rng(7)
X = RNG.uniform(0.5, 1.5, N)
C = RNG.uniform(0.5, 1.5, N)
SIDE = 316
M = RNG.uniform(-1, 1, (SIDE, SIDE))
WELL = M + 20 * np.eye(SIDE)
SPD = M @ M.T + SIDE * np.eye(SIDE)
FEW = RNG.uniform(-1, 1, 31)


FIXED = "near 2: the fixed cost of a call, and of the samples that tell whether a constant was overwritten"


def row(name: str, family: str, function: Any, point: Array, by_hand: Any, reason: str = "") -> None:
    ROWS[name] = Row(name, family, function, point, by_hand, reason)


def slope(name: str, family: str, function: Any, derivative: Any, point: Array = X, reason: str = "") -> None:
    """An elementwise function; ``derivative(x, y)``."""

    def by_hand(x: Array, w: Array) -> tuple[Array, Array]:
        y = function(x)
        return y, w * derivative(x, y)

    row(name, family, function, point, by_hand, reason)


# -- elementwise ---------------------------------------------------------------------------------------------------------

slope("multiply", "arithmetic", lambda x: x * C, lambda x, y: C, reason=FIXED)
slope("divide", "arithmetic", lambda x: 1.0 / x, lambda x, y: -y * y, reason="near 2: the fixed cost of a call")
slope("power", "arithmetic", lambda x: x**2.5, lambda x, y: 2.5 * x**1.5)
slope("square", "arithmetic", np.square, lambda x, y: 2 * x)
slope("sqrt", "arithmetic", np.sqrt, lambda x, y: 0.5 / y)
slope("exp", "exponential", np.exp, lambda x, y: y)
slope("log", "exponential", np.log, lambda x, y: 1 / x)
slope("logaddexp", "exponential", lambda x: np.logaddexp(x, C), lambda x, y: np.exp(x - y))
slope("sin", "trigonometric", np.sin, lambda x, y: np.cos(x))
slope("tanh", "trigonometric", np.tanh, lambda x, y: (1 - y) * (1 + y))
slope("arctan2", "trigonometric", lambda x: np.arctan2(x, C), lambda x, y: C / (x * x + C * C))
slope("hypot", "trigonometric", lambda x: np.hypot(x, C), lambda x, y: x / y)
slope("absolute", "selection", np.abs, lambda x, y: np.sign(x))
slope("where", "selection", lambda x: np.where(x > 1, x * x, x), lambda x, y: np.where(x > 1, 2 * x, 1.0))
slope("clip", "selection", lambda x: np.clip(x, 0.8, 1.2), lambda x, y: (x >= 0.8) & (x <= 1.2))
slope("maximum", "selection", lambda x: np.maximum(x, C), lambda x, y: x > C)
slope("erf", "special functions", special.erf, lambda x, y: (2 / np.sqrt(np.pi)) * np.exp(-x * x))
slope("expit", "special functions", special.expit, lambda x, y: y * special.expit(-x))
slope("gammaln", "special functions", special.gammaln, lambda x, y: special.digamma(x))
slope("log_ndtr", "special functions", special.log_ndtr, lambda x, y: np.exp(-0.5 * x * x - y) / np.sqrt(2 * np.pi))
slope("j0", "special functions", special.j0, lambda x, y: -special.j1(x))
slope("jv", "special functions", lambda x: special.jv(1.5, x), lambda x, y: 0.5 * (special.jv(0.5, x) - special.jv(2.5, x)))
slope(
    "gammainc", "special functions", lambda x: special.gammainc(2.5, x),
    lambda x, y: np.exp(1.5 * np.log(x) - x - special.gammaln(2.5)),
)  # fmt: skip
slope(
    "betainc", "special functions", lambda x: special.betainc(2.0, 3.0, x),
    lambda x, y: np.exp(np.log(x) + 2 * np.log1p(-x) - special.betaln(2.0, 3.0)), X / 2,
)  # fmt: skip
slope(
    "ellipk", "special functions", special.ellipk, lambda x, y: (special.ellipe(x) - (1 - x) * y) / (2 * x * (1 - x)), X / 2,
    reason="a sum without the difference that costs the formula by hand its digits at small arguments",
)  # fmt: skip
slope("xlogy", "special functions", lambda x: special.xlogy(C, x), lambda x, y: C / x)
slope("norm.logpdf", "distributions", lambda x: stats.norm.logpdf(x, 0.3, 1.2), lambda x, y: -(x - 0.3) / 1.44)
slope("gamma.logpdf", "distributions", lambda x: stats.gamma.logpdf(x, 2.5), lambda x, y: 1.5 / x - 1)

# -- reductions and scans ------------------------------------------------------------------------------------------------

row("sum", "reductions", np.sum, X, lambda x, w: (np.sum(x), np.full(N, w)))
row("mean", "reductions", np.mean, X, lambda x, w: (np.mean(x), np.full(N, w / N)), FIXED)


def _var(x: Array, w: Array) -> tuple[Array, Array]:
    centred = x - np.mean(x)
    return np.var(x), (2 * w / N) * centred


def _norm(x: Array, w: Array) -> tuple[Array, Array]:
    y = np.linalg.norm(x)
    return y, (w / y) * x


def _max(x: Array, w: Array) -> tuple[Array, Array]:
    y = np.max(x)
    chosen = x == y
    return y, (w / np.count_nonzero(chosen)) * chosen


def _logsumexp(x: Array, w: Array) -> tuple[Array, Array]:
    y = special.logsumexp(x)
    return y, w * np.exp(x - y)


def _sort(x: Array, w: Array) -> tuple[Array, Array]:
    order = np.argsort(x, kind="stable")
    g = np.empty(N)
    g[order] = w
    return x[order], g


def _median(x: Array, w: Array) -> tuple[Array, Array]:
    order = np.argpartition(x, [N // 2 - 1, N // 2])[N // 2 - 1 : N // 2 + 1]
    g = np.zeros(N)
    g[order] = w / 2
    return np.median(x), g


row("var", "reductions", np.var, X, _var)
row("norm", "reductions", np.linalg.norm, X, _norm, "the value is computed twice: by NumPy, and where its slope is known")
row("max", "reductions", np.max, X, _max)
row("logsumexp", "reductions", lambda x: hoad.scipy.special.logsumexp(x), X, _logsumexp)
row("median", "order statistics", np.median, X, _median)
row("sort", "order statistics", np.sort, X, _sort)
row("cumsum", "scans", np.cumsum, X, lambda x, w: (np.cumsum(x), np.cumsum(w[::-1])[::-1]))


def _cumprod(x: Array, w: Array) -> tuple[Array, Array]:
    y = np.cumprod(x, axis=1)
    return y, np.cumsum((w * y)[:, ::-1], axis=1)[:, ::-1] / x


row("cumprod", "scans", lambda x: np.cumprod(x, axis=1), X.reshape(1000, 100), _cumprod)

# -- indexing and shapes -------------------------------------------------------------------------------------------------

INDEX = RNG.integers(0, N, N)
ONCE = RNG.permutation(N)


def _slice(x: Array, w: Array) -> tuple[Array, Array]:
    g = np.zeros(N)
    g[1:-1] = w
    return x[1:-1].copy(), g


def _assigned(x: Array) -> Array:
    y = hnp.zeros(N)
    y[1:] = x[:-1]
    y[0] = x[-1]
    return y * x


def _assigned_by_hand(x: Array, w: Array) -> tuple[Array, Array]:
    y = np.empty(N)
    y[1:], y[0] = x[:-1], x[-1]
    g = w * y
    back = w * x
    g[:-1] += back[1:]
    g[-1] += back[0]
    return y * x, g


row("slice", "indexing", lambda x: x[1:-1], X, _slice)
row("gather", "indexing", lambda x: x[ONCE], X, lambda x, w: (x[ONCE], _scattered(w, ONCE)))
row("gather with repeats", "indexing", lambda x: x[INDEX], X, lambda x, w: (x[INDEX], np.bincount(INDEX, w, N)))
row("assignment", "indexing", _assigned, X, _assigned_by_hand, "each assignment makes a new array: what a rule kept never changes")


def _scattered(w: Array, index: Array) -> Array:
    g = np.empty(N)
    g[index] = w
    return g


row("transpose and reshape", "shapes", lambda x: x.reshape(250, 400).T.ravel(), X, lambda x, w: (
    x.reshape(250, 400).T.ravel(), w.reshape(400, 250).T.ravel(),
))  # fmt: skip
row("concatenate", "shapes", lambda x: np.concatenate([x, x]), X, lambda x, w: (np.concatenate([x, x]), w[:N] + w[N:]))
row("pad", "shapes", lambda x: np.pad(x, 3), X, lambda x, w: (np.pad(x, 3), w[3:-3].copy()))
row("roll", "shapes", lambda x: np.roll(x, 5), X, lambda x, w: (np.roll(x, 5), np.roll(w, -5)))
row("diff", "shapes", np.diff, X, lambda x, w: (np.diff(x), np.concatenate([[-w[0]], -np.diff(w), [w[-1]]])))
row("tile", "shapes", lambda x: np.tile(x, 3), X, lambda x, w: (np.tile(x, 3), w.reshape(3, N).sum(0)))

# -- products and linear algebra -----------------------------------------------------------------------------------------

row("matmul", "products", lambda a: a @ M, WELL, lambda a, w: (a @ M, w @ M.T))
row("einsum", "products", lambda a: np.einsum("ij,ij->i", a, M), WELL, lambda a, w: (
    np.einsum("ij,ij->i", a, M), w[:, None] * M,
), FIXED)  # fmt: skip
row("outer", "products", lambda x: np.outer(x, x), X[:SIDE], lambda x, w: (np.outer(x, x), w @ x + x @ w))
row("convolve", "products", lambda x: np.convolve(x, FEW), X, lambda x, w: (np.convolve(x, FEW), np.correlate(w, FEW, "valid")))


def _solve(a: Array, w: Array) -> tuple[Array, Array]:
    y = np.linalg.solve(a, M[0])
    back = np.linalg.solve(a.T, w)
    return y, -np.outer(back, y)


def _inv(a: Array, w: Array) -> tuple[Array, Array]:
    y = np.linalg.inv(a)
    return y, -y.T @ w @ y.T


def _slogdet(a: Array, w: Array) -> tuple[Array, Array]:
    return np.linalg.slogdet(a)[1], w * np.linalg.inv(a).T


def _cholesky(a: Array, w: Array) -> tuple[Array, Array]:
    y = np.linalg.cholesky(a)
    phi = np.tril(y.T @ np.tril(w))
    phi[np.diag_indices(SIDE)] *= 0.5
    s = scipy.linalg.solve_triangular(y, scipy.linalg.solve_triangular(y, phi.T, trans=1, lower=True).T, trans=1, lower=True)
    return y, np.tril(s + s.T) - np.diag(np.diag(s))


def _eigvalsh(a: Array, w: Array) -> tuple[Array, Array]:
    y, v = np.linalg.eigh(a)
    s = (v * w) @ v.T
    return y, np.tril(2 * s) - np.diag(np.diag(s))


def _svdvals(a: Array, w: Array) -> tuple[Array, Array]:
    u, y, vt = np.linalg.svd(a)
    return y, (u * w) @ vt


row("solve", "linear algebra", lambda a: np.linalg.solve(a, M[0]), WELL, _solve)
row("inv", "linear algebra", np.linalg.inv, WELL, _inv)
row("slogdet", "linear algebra", lambda a: np.linalg.slogdet(a)[1], WELL, _slogdet)
row("cholesky", "linear algebra", np.linalg.cholesky, SPD, _cholesky)
row("eigvalsh", "linear algebra", np.linalg.eigvalsh, SPD, _eigvalsh)
row("svdvals", "linear algebra", np.linalg.svdvals, WELL, _svdvals)


def _expm(a: Array, w: Array) -> tuple[Array, Array]:
    y = scipy.linalg.expm(a)
    return y, scipy.linalg.expm_frechet(a.T, w, compute_expm=False)


SMALL = M[:100, :100] / 10
row("expm", "matrix functions", linalg.expm, SMALL, _expm)
LOWER = np.tril(WELL)


def _triangular(b: Array, w: Array) -> tuple[Array, Array]:
    return scipy.linalg.solve_triangular(LOWER, b, lower=True), scipy.linalg.solve_triangular(LOWER, w, trans=1, lower=True)


row("solve_triangular", "matrix functions", lambda b: linalg.solve_triangular(LOWER, b, lower=True), M, _triangular)

# -- transforms, filters, interpolation ----------------------------------------------------------------------------------


def _rfft(x: Array, w: Array) -> tuple[Array, Array]:
    y = np.fft.rfft(x)
    weighted = w * 0.5
    weighted[0] *= 2
    weighted[-1] *= 2
    return y, N * np.fft.irfft(weighted, N)


row("fft", "Fourier transforms", np.fft.fft, X, lambda x, w: (np.fft.fft(x), N * np.fft.ifft(w).real))
row("rfft", "Fourier transforms", np.fft.rfft, X, _rfft)
row("dct", "Fourier transforms", lambda x: fft.dct(x, norm="ortho"), X, lambda x, w: (
    scipy.fft.dct(x, norm="ortho"), scipy.fft.idct(w, norm="ortho"),
))  # fmt: skip
B, A = scipy.signal.butter(4, 0.2)


def _lfilter(x: Array, w: Array) -> tuple[Array, Array]:
    return scipy.signal.lfilter(B, A, x), scipy.signal.lfilter(B, A, w[::-1])[::-1]


row("lfilter", "signals", lambda x: signal.lfilter(B, A, x), X, _lfilter)
row("fftconvolve", "signals", lambda x: signal.fftconvolve(x, C[:5000], "same"), X, lambda x, w: (
    scipy.signal.fftconvolve(x, C[:5000], "same"), scipy.signal.correlate(w, C[:5000], "full", "fft")[2500 : 2500 + N],
))  # fmt: skip
IMAGE = X.reshape(250, 400)


def _gaussian(x: Array, w: Array) -> tuple[Array, Array]:
    blurred = lambda v: scipy.ndimage.gaussian_filter(v, 2.0, mode="wrap")
    return blurred(x), blurred(w)


row("gaussian_filter", "images", lambda x: ndimage.gaussian_filter(x, 2.0, mode="wrap"), IMAGE, _gaussian)
KNOTS = np.linspace(0, 2, 200)
VALUES = np.sin(5 * KNOTS)
SPLINE = scipy.interpolate.CubicSpline(KNOTS, VALUES)
slope("CubicSpline", "interpolation", interpolate.CubicSpline(KNOTS, VALUES), lambda x, y: SPLINE(x, 1))
slope("interp", "interpolation", lambda x: np.interp(x, KNOTS, VALUES), lambda x, y: (
    np.diff(VALUES) / np.diff(KNOTS)
)[np.clip(np.searchsorted(KNOTS, x, "right") - 1, 0, len(KNOTS) - 2)])  # fmt: skip

# -- measuring -----------------------------------------------------------------------------------------------------------


def runners(r: Row) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The two sides, by hoad and by hand: the inner product of w with the value, and its gradient."""
    y = r.function(r.point)
    w = RNG.uniform(-1, 1, np.shape(y))
    w = w.astype(complex) if np.iscomplexobj(y) else w
    w = w[()] if np.ndim(w) == 0 else w

    def weighted(y: Any) -> Any:
        return np.vdot(w, y).real if np.iscomplexobj(w) else np.vdot(w, y) if np.ndim(w) else w * y

    of_hoad = hoad.value_and_grad(lambda x: weighted(r.function(x)))

    def by_hand() -> Any:
        y, gradient = r.by_hand(r.point, w)
        return weighted(y), gradient

    return lambda: of_hoad(r.point), by_hand


def check(r: Row) -> None:
    """Both sides agree, value and gradient."""
    ours, theirs = (side() for side in runners(r))
    for a, b in zip(ours, theirs, strict=True):
        scale = np.max(np.abs(b))
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9 * scale, err_msg=r.name)


def measure(r: Row, rounds: int, least: float = 5e-3) -> tuple[float, float]:
    """Median processor seconds by hoad and by hand, interleaved."""
    sides = runners(r)
    calls, samples = [], ([], [])
    for side in sides:
        side()
        start = time.process_time()
        side()
        calls.append(max(1, int(least / max(time.process_time() - start, 1e-7))))
    gc.disable()
    try:
        for _ in range(rounds):
            for k, side in enumerate(sides):
                start = time.process_time()
                for _ in range(calls[k]):
                    side()
                samples[k].append((time.process_time() - start) / calls[k])
    finally:
        gc.enable()
    return median(samples[0]), median(samples[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--markdown", type=Path, help="replace the table between its marks in this file")
    options = parser.parse_args()
    keep_freed_memory()
    lines = ["| function | family | by hoad | by hand | ratio | |", "|---|---|---|---|---|---|"]
    for r in ROWS.values():
        if options.names and not any(n in r.name for n in options.names):
            continue
        check(r)
        ours, theirs = measure(r, options.rounds)
        ratio = ours / theirs
        verdict = "" if ratio <= LIMIT else r.reason or "over"
        print(f"{r.name:24s} {r.family:20s} {1e6 * ours:10.0f} us {1e6 * theirs:10.0f} us {ratio:6.2f}  {verdict}", flush=True)
        lines.append(f"| {r.name} | {r.family} | {1e3 * ours:.3g} ms | {1e3 * theirs:.3g} ms | {ratio:.2f} | {verdict} |")
    if options.markdown:
        write_markdown(options.markdown, "\n".join(lines), BEGIN, END)


if __name__ == "__main__":
    main()
