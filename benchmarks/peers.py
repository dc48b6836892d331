"""hoad beside autograd, PyTorch, JAX and tensortrax, in one process: ``make peers``, or ``python -m benchmarks.peers --quick``.

All libraries run the same lines on the same float64 data with the same number of threads.  Results are compared before
anything is timed; repetitions are interleaved (A B C A B C ...), so that a disturbance of the machine meets all of them.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import platform
import re
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

BEGIN, END = "<!-- peers:begin -->", "<!-- peers:end -->"
MODES = ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse")
RTOL = 1e-9


def limit_threads(count: int) -> None:
    """Before any library is imported: the same processors for all of them."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)
    if hasattr(os, "sched_setaffinity"):  # JAX takes its number of threads from here
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    os.environ.setdefault("JAX_PLATFORMS", "cpu")


# ---------------------------------------------------------------------------------------------------------------------
# Peers
# ---------------------------------------------------------------------------------------------------------------------


def _import(*names: str) -> Any:
    try:
        return [importlib.import_module(n) for n in names]
    except ImportError:
        return None


def load_peers(threads: int) -> tuple[dict[str, Any], list[str]]:
    """The installed peers by name, and a line for each that is missing."""
    peers: dict[str, Any] = {}
    if found := _import("autograd", "autograd.numpy"):
        peers["autograd"] = SimpleNamespace(package=found[0], numpy=found[1])
    if found := _import("torch"):
        found[0].set_num_threads(threads)
        peers["torch"] = SimpleNamespace(package=found[0])
    if found := _import("jax", "jax.numpy", "jax.experimental.jet"):
        found[0].config.update("jax_enable_x64", True)
        peers["jax"] = SimpleNamespace(package=found[0], numpy=found[1], jet=found[2])
    if found := _import("xpektra"):
        peers["xpektra"] = SimpleNamespace(package=found[0])
    if found := _import("tensortrax", "tensortrax.math"):
        peers["tensortrax"] = SimpleNamespace(package=found[0], math=found[1])
    missing = [
        f"{name} is not installed: its columns are left out."
        for name in ("autograd", "torch", "jax", "tensortrax", "xpektra")
        if name not in peers
    ]
    return peers, missing


def gradients(peers: dict[str, Any], case: Any) -> dict[str, Callable[[], Any]]:
    """The gradient of a case in every library."""
    import hoad

    of_hoad = hoad.grad(case.function)
    runners: dict[str, Callable[[], Any]] = {"hoad": lambda: of_hoad(case.point)}
    if p := peers.get("autograd"):
        of_autograd = p.package.grad(case.program(p.numpy, *case.data))
        runners["autograd"] = lambda: of_autograd(case.point)
    if p := peers.get("torch"):
        torch = p.package
        f, x, _ = _for_torch(torch, case)
        runners["torch"] = lambda: torch.autograd.grad(f(x), x)[0]
    if p := peers.get("jax"):
        jax, jx = p.package, p.numpy.asarray(case.point)
        of_jax = jax.grad(case.program(p.numpy, *[p.numpy.asarray(d) for d in case.data]))
        runners["jax eager"] = lambda: of_jax(jx).block_until_ready()
        compiled = jax.jit(of_jax)
        runners["jax jit"] = lambda: compiled(jx).block_until_ready()
    return runners


def products(peers: dict[str, Any], case: Any) -> dict[str, Callable[[], Any]]:
    """The Hessian-vector product of a case in every library."""
    import hoad

    f_hoad = case.function
    runners: dict[str, Callable[[], Any]] = {"hoad": lambda: hoad.hvp(f_hoad, case.point, case.direction)}
    if p := peers.get("autograd"):
        of_autograd = p.package.hessian_vector_product(case.program(p.numpy, *case.data))
        runners["autograd"] = lambda: of_autograd(case.point, case.direction)
    if p := peers.get("torch"):
        torch = p.package
        f, x, v = _for_torch(torch, case)

        def double_backward() -> Any:
            (g,) = torch.autograd.grad(f(x), x, create_graph=True)
            return torch.autograd.grad(g, x, v)[0]

        runners["torch"] = double_backward
    if p := peers.get("jax"):
        jax, jx, jv = p.package, p.numpy.asarray(case.point), p.numpy.asarray(case.direction)
        f_jax = case.program(p.numpy, *[p.numpy.asarray(d) for d in case.data])

        def of_jax(x: Any, v: Any) -> Any:
            return jax.jvp(jax.grad(f_jax), (x,), (v,))[1]

        runners["jax eager"] = lambda: of_jax(jx, jv).block_until_ready()
        compiled = jax.jit(of_jax)
        runners["jax jit"] = lambda: compiled(jx, jv).block_until_ready()
    return runners


def _for_torch(torch: Any, case: Any) -> tuple[Any, Any, Any]:
    f = case.program(torch, *[torch.tensor(d) for d in case.data])
    return f, torch.tensor(case.point, requires_grad=True), torch.tensor(case.direction)


# ---------------------------------------------------------------------------------------------------------------------
# Contests
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contest:
    """Runners that compute the same thing.

    ``limits`` maps (ours, theirs) to the largest allowed ratio of their times, or None for a ratio that is only shown.
    ``same`` is False where the results differ on purpose (a gradient beside a Hessian-vector product).  ``rtol`` is how far
    results may be apart, by default what float64 leaves.
    """

    work: str
    runners: dict[str, Callable[[], Any]]
    limits: dict[tuple[str, str], float | None]
    expected: Callable[[], Any] | None = None
    same: bool = True
    rtol: float = RTOL


@dataclass(frozen=True)
class Line:
    """One line of the printed table."""

    work: str
    ours: str
    theirs: str
    ratio: str
    limit: str
    verdict: str = field(default="")


def _flat(result: Any) -> Any:
    import numpy as np

    leaves = result if isinstance(result, tuple | list) else (result,)
    return np.concatenate([np.ravel(np.asarray(a.detach() if hasattr(a, "detach") else a)) for a in leaves])


def check_agreement(contest: Contest) -> None:
    """Every result against the oracle, or against the first; also warms everything up."""
    import numpy as np

    results = {name: _flat(run()) for name, run in contest.runners.items()}
    if not contest.same:
        return
    reference = _flat(contest.expected()) if contest.expected else next(iter(results.values()))
    scale = np.abs(reference).max()
    for name, result in results.items():
        error = np.abs(result - reference).max() / scale if result.shape == reference.shape else np.inf
        if not error <= contest.rtol:
            found = f"{name} differs by {error:.1e} of the largest entry, expected at most {contest.rtol:.0e}"
            raise SystemExit(f"{contest.work}: {found}. Nothing was timed.")


def measure(runners: dict[str, Callable[[], Any]], rounds: int, least: float) -> dict[str, list[float]]:
    """Seconds per call, ``rounds`` samples of each runner in turn; a sample lasts at least ``least`` seconds."""
    numbers = {}
    for name, run in runners.items():
        run()
        start = time.perf_counter()
        run()
        numbers[name] = max(1, int(least / max(time.perf_counter() - start, 1e-7)))
    samples: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            repeat = range(numbers[name])
            start = time.perf_counter()
            for _ in repeat:
                run()
            samples[name].append((time.perf_counter() - start) / numbers[name])
    return samples


def _quartiles(samples: list[float]) -> tuple[float, float, float]:
    import numpy as np

    low, middle, high = np.percentile(samples, (25, 50, 75))
    return float(low), float(middle), float(high)


def _time(samples: list[float]) -> str:
    """Median and interquartile range."""
    low, middle, high = _quartiles(samples)
    unit, scale = next((u, s) for u, s in (("s", 1.0), ("ms", 1e3), ("µs", 1e6), ("ns", 1e9)) if middle * s >= 1 or u == "ns")
    return f"{middle * scale:.3g} {unit} ({(high - low) * scale:.2g})"


def run_contest(contest: Contest, rounds: int, least: float) -> Iterator[Line]:
    check_agreement(contest)
    gc.collect()
    samples = measure(contest.runners, rounds, least)
    for (ours, theirs), limit in contest.limits.items():
        if ours not in samples or theirs not in samples:
            continue
        ratio = _quartiles(samples[ours])[1] / _quartiles(samples[theirs])[1]
        yield Line(
            contest.work, f"{ours} {_time(samples[ours])}", f"{theirs} {_time(samples[theirs])}", f"{ratio:.2f}",
            "" if limit is None else f"{limit:.2f}", "" if limit is None else "pass" if ratio <= limit else "FAIL",
        )  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# Rows
# ---------------------------------------------------------------------------------------------------------------------

Row = Callable[[dict[str, Any], bool, int, float], Iterator[Line]]


def _power(n: int) -> str:
    exponent = len(str(n)) - 1
    return f"10^{exponent}" if n == 10**exponent and n >= 10_000 else str(n)


def compared(kind: str, name: str, size: int, limits: dict[str, float]) -> Row:
    """A gradient or a Hessian-vector product against all peers; ``limits`` for those that have one."""

    def row(peers: dict[str, Any], quick: bool, rounds: int, least: float) -> Iterator[Line]:
        from benchmarks.scenarios import SCENARIOS

        n = min(size, 2_000) if quick else size
        case = SCENARIOS[name].make(n, 0)
        runners = gradients(peers, case) if kind == "gradient" else products(peers, case)
        ratios = {("hoad", p): limits.get(p) for p in runners if p != "hoad"}
        expected = case.gradient if kind == "gradient" else case.hvp
        yield from run_contest(Contest(f"{kind}, {name}, {_power(n)}", runners, ratios, expected), rounds, least)

    return row


def second_over_first(name: str, size: int) -> Row:
    """Each composition of a Hessian-vector product over a gradient, both of hoad."""

    def row(peers: dict[str, Any], quick: bool, rounds: int, least: float) -> Iterator[Line]:
        import hoad
        from benchmarks.scenarios import SCENARIOS, available

        if not available(SCENARIOS[name]):
            return
        n = SCENARIOS[name].tested if quick else size
        case = SCENARIOS[name].make(n, 0)
        f = case.function
        gradient = hoad.grad(f)
        products: dict[str, Callable[[], Any]] = {
            mode: (lambda mode=mode: hoad.hvp(f, case.point, case.direction, mode=mode)) for mode in MODES
        }
        check_agreement(Contest(f"HVP, {name}", products, {}, case.hvp))
        runners = {"gradient": lambda: gradient(case.point), **products}
        ratios: dict[tuple[str, str], float | None] = {(mode, "gradient"): 2.5 for mode in MODES}
        yield from run_contest(Contest(f"HVP over gradient, {name}, {_power(n)}", runners, ratios, same=False), rounds, least)

    return row


def neo_hooke_hessian(peers: dict[str, Any], quick: bool, rounds: int, least: float) -> Iterator[Line]:
    """All 9 x 9 second derivatives for each tensor, components first."""
    import numpy as np

    import hoad
    from benchmarks.scenarios import LAMBDA, MU, SCENARIOS, neo_hooke, neo_hooke_density

    n = 500 if quick else 100_000
    F = SCENARIOS["neo_hooke"].make(n, 0).point
    mapped = hoad.vmap(hoad.hessian(neo_hooke_density(np)), in_axes=-1, out_axes=-1)
    total = neo_hooke(np)
    units = np.eye(9).reshape(9, 3, 3, 1)

    def nine_products() -> Any:
        # The sum decouples: H e_i of it holds row i of every tensor's Hessian.
        out = np.empty((3, 3, *F.shape))
        rows = out.reshape(9, *F.shape)
        for row, unit in zip(rows, units, strict=True):
            row[...] = hoad.hvp(total, F, np.broadcast_to(unit, F.shape))
        return out

    runners: dict[str, Callable[[], Any]] = {"hvp along 9 units": nine_products, "vmap(hessian)": lambda: mapped(F)}
    if p := peers.get("tensortrax"):
        tm = p.math

        def density(F: Any) -> Any:
            log = tm.log(tm.linalg.det(F))
            return MU / 2 * (tm.trace(F.T @ F) - 3 - 2 * log) + LAMBDA / 2 * log**2

        of_tensortrax = p.package.hessian(density, ntrax=1)
        runners["tensortrax"] = lambda: of_tensortrax(F)
        by_components = p.package.hessian(neo_hooke_density(tm), ntrax=1)
        runners["tensortrax by components"] = lambda: by_components(F)
    ratios: dict[tuple[str, str], float | None] = {
        ("vmap(hessian)", "tensortrax"): 1.0,
        ("vmap(hessian)", "tensortrax by components"): 1.0,
        ("hvp along 9 units", "tensortrax"): None,
    }
    yield from run_contest(Contest(f"9 x 9 Hessian, neo-Hooke, {_power(n)}", runners, ratios), rounds, least)


def network_taylor(peers: dict[str, Any], quick: bool, rounds: int, least: float) -> Iterator[Line]:
    """Coefficients up to order 8 of a network along a line of inputs; and the number of NumPy calls by order."""
    import numpy as np

    import hoad
    from benchmarks.counting import numpy_calls
    from benchmarks.scenarios import SCENARIOS

    case, order = SCENARIOS["tanh_network"].make(5 if quick else 100, 0), 8
    f = case.function
    runners: dict[str, Callable[[], Any]] = {"hoad": lambda: hoad.taylor(f, case.point, case.direction, order)}
    if p := peers.get("jax"):
        jnp, jet = p.numpy, p.jet.jet
        f_jax = case.program(jnp, *[jnp.asarray(d) for d in case.data])
        x, v = jnp.asarray(case.point), jnp.asarray(case.direction)
        series = [v] + [jnp.zeros_like(v)] * (order - 1)
        factorials = np.cumprod(np.arange(1.0, order + 1))

        def of_jax() -> Any:
            # JAX's coefficients are derivatives; the division by n! makes the results comparable and takes microseconds.
            y, ys = jet(f_jax, (x,), (series,))
            return [y, *[np.asarray(c) / n for c, n in zip(ys, factorials, strict=True)]]

        runners["jax eager jet"] = of_jax
    name = f"Taylor order {order}, tanh network, batch {len(case.point)}"
    yield from run_contest(Contest(name, runners, {("hoad", "jax eager jet"): 1.0}), rounds, least)
    orders = range(1, 13)
    calls = [numpy_calls(lambda x, v, k=k: hoad.taylor(f, x, v, k), case.point, case.direction) for k in orders]  # type: ignore[misc]
    third = np.diff(calls, 3)
    a, b = (calls[2] - 2 * calls[1] + calls[0]) / 2, 0.0
    b = calls[1] - calls[0] - 3 * a
    formula = f"{a:g} K² + {b:g} K + {calls[0] - a - b:g}"
    yield Line(
        "NumPy calls of a Taylor expansion of order K = 1 ... 12", formula, "exactly quadratic",
        f"residual {np.abs(third).max()}", "0", "pass" if not third.any() else "FAIL",
    )  # fmt: skip


def long_loop(peers: dict[str, Any], quick: bool, rounds: int, least: float) -> Iterator[Line]:
    """Time of a gradient of n and 10 n operations, and bytes per operation at the peak."""
    import hoad
    from benchmarks.scenarios import SCENARIOS

    n = 1_000 if quick else 100_000
    cases = [SCENARIOS["scalar_loop"].make(k, 0) for k in (n, 10 * n)]
    gradients = [hoad.grad(c.function) for c in cases]
    for c, g in zip(cases, gradients, strict=True):
        check_agreement(Contest("scalar loop", {"hoad": lambda c=c, g=g: g(c.point)}, {}, c.gradient))
    short, long = f"{_power(n)} operations", f"{_power(10 * n)} operations"
    samples = measure(
        {short: lambda: gradients[0](cases[0].point), long: lambda: gradients[1](cases[1].point)}, max(3, rounds // 3), least
    )
    ratio = _quartiles(samples[long])[1] / _quartiles(samples[short])[1]
    yield Line(
        "gradient of a scalar loop",
        f"{long} {_time(samples[long])}",
        f"{short} {_time(samples[short])}",
        f"{ratio:.2f}",
        "10 ± 2",
        "pass" if 8 <= ratio <= 12 else "FAIL",
    )
    gc.collect()
    tracemalloc.start()
    gradients[1](cases[1].point)
    bytes_each = tracemalloc.get_traced_memory()[1] / (10 * n)
    tracemalloc.stop()
    yield Line(
        "memory of that gradient", long, "", f"{bytes_each:.0f} B per operation", "1000 B", "pass" if bytes_each <= 1000 else "FAIL"
    )


def untraced_call(peers: dict[str, Any], quick: bool, rounds: int, least: float) -> Iterator[Line]:
    """A function of ``hoad.numpy`` without any traced argument."""
    import numpy as np

    try:
        mirrored = importlib.import_module("hoad.numpy").sin
    except (ImportError, AttributeError):
        return
    x = np.linspace(0, 1, 10)
    ten = range(10)

    def of_numpy(f: Any = np.sin) -> Any:
        for _ in ten:
            y = f(x)
        return y

    runners = {"hoad.numpy.sin": lambda: of_numpy(mirrored), "np.sin": lambda: of_numpy(np.sin)}
    # Nothing may be added; a tenth is left for the noise of the clock.
    contest = Contest("10 calls without traced arguments, 10 elements", runners, {("hoad.numpy.sin", "np.sin"): 1.1})
    yield from run_contest(contest, 3 * rounds, least)


def hyperplane_step(peers: dict[str, Any], quick: bool, rounds: int, least: float) -> Iterator[Line]:
    """One step of FoMoH-KD on a 784-100-10 network beside the published vectorised form, and its peak memory."""
    from benchmarks.hyperplane import hoad_step, make_network, peak_bytes, torch_step

    batch, k = (32, 4) if quick else (2048, 10)
    name = f"K = {k} hyperplane step, 784-100-10 network, batch {batch}"
    for dtype, limit, rtol in (("float64", 0.5, RTOL), ("float32", None, 1e-2)):
        net = make_network((784, 100, 10), batch, k, dtype)
        runners: dict[str, Callable[[], Any]] = {"hoad": hoad_step(net)}
        if p := peers.get("torch"):
            runners["torch, pairs at once"] = torch_step(p.package, net)
        ratios: dict[tuple[str, str], float | None] = {("hoad", "torch, pairs at once"): limit}
        yield from run_contest(Contest(f"{name}, {dtype}", runners, ratios, rtol=rtol), max(3, rounds // 3), least)
    copies = k + k * (k + 1) // 2

    def memory(depth: int, **options: Any) -> tuple[float, float]:
        """Bytes at the peak of the curvatures, and of a forward pass with the extra copies of the widest layer."""
        net = make_network((784, *(100,) * depth, 10), batch, k)
        pass_and_copies = peak_bytes(lambda: net.loss(net.layers)) + copies * net.widest
        return peak_bytes(lambda: curvature_matrix(net.loss, net.layers, net.V, **options)), pass_and_copies

    from hoad.optimize import curvature_matrix

    for depth, options, limit in ((1, {}, 1.5), (8, {}, 1.5), (8, {"batch": 6}, None)):
        ours, theirs = memory(depth, **options)
        how = "".join(f", {key}={value}" for key, value in options.items())
        layers = "784-100-10 network" if depth == 1 else f"{depth} hidden layers"
        yield Line(
            f"peak memory of K = {k} curvatures, {layers}, batch {batch}{how}", f"{ours / 1e6:.0f} MB",
            f"forward pass + {copies} x widest layer {theirs / 1e6:.0f} MB", f"{ours / theirs:.2f}",
            "" if limit is None else f"{limit:.2f}", "" if limit is None else "pass" if ours <= limit * theirs else "FAIL",
        )  # fmt: skip
    shallow, deep = memory(4)[0], memory(8)[0]
    yield Line(
        "growth of that memory with depth", f"8 hidden layers {deep / 1e6:.0f} MB", f"4 hidden layers {shallow / 1e6:.0f} MB",
        f"{deep / shallow:.2f}", "1.05", "pass" if deep <= 1.05 * shallow else "FAIL",
    )  # fmt: skip


EAGER_HVP = {"autograd": 0.33, "torch": 1.0}
ROWS: dict[str, Row] = {
    **{f"hvp rosenbrock {n}": compared("HVP", "rosenbrock", n, EAGER_HVP) for n in (10, 1_000)},
    **{f"gradient rosenbrock {n}": compared("gradient", "rosenbrock", n, {"autograd": 0.5}) for n in (10, 1_000)},
    **{f"hvp {name} 1000000": compared("HVP", name, 1_000_000, {"autograd": 0.4}) for name in ("rosenbrock", "transcendental")},
    "hvp logistic 10000": compared("HVP", "logistic", 10_000, {}),
    "hvp neo_hooke 100000": compared("HVP", "neo_hooke", 100_000, {}),
    **{
        f"second over first {name} {size}": second_over_first(name, size)
        for name, size in (
            ("rosenbrock", 100_000), ("rosenbrock", 1_000_000), ("transcendental", 100_000), ("transcendental", 1_000_000),
            ("neo_hooke", 100_000), ("logistic", 1_000), ("logistic", 10_000), ("classifier", 256), ("helmholtz", 100),
            ("helmholtz", 1_000), ("log_determinant", 100), ("compliance", 100),
        )
    },
    "hessian neo_hooke": neo_hooke_hessian,
    "taylor": network_taylor,
    "hyperplane": hyperplane_step,
    "loop": long_loop,
    "untraced": untraced_call,
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# Report
# ---------------------------------------------------------------------------------------------------------------------


def machine(peers: dict[str, Any], threads: int) -> str:
    import numpy as np
    import scipy

    import hoad

    cpu = platform.processor() or platform.machine()
    try:
        cpu = next(
            line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
        )
    except (OSError, StopIteration):
        pass
    versions = {"hoad": hoad.__version__, "NumPy": np.__version__, "SciPy": scipy.__version__}
    versions |= {name: version(name) for name in peers}
    return (
        f"{cpu}, {os.cpu_count()} cores, {threads} thread{'s' if threads > 1 else ''} used; {platform.system()}, "
        f"Python {platform.python_version()}, " + ", ".join(f"{k} {v}" for k, v in versions.items()) + "; float64."
    )


HEADER = (
    "| work | ours: median (IQR) | theirs: median (IQR) | ratio | at most | |",
    "|---|---|---|---|---|---|",
)


def _printed(line: Line) -> str:
    return f"| {line.work} | {line.ours} | {line.theirs} | {line.ratio} | {line.limit} | {line.verdict} |"


def write_markdown(path: Path, text: str, begin: str = BEGIN, end: str = END) -> None:
    """Put ``text`` between the markers of a page, or make it the page."""
    page = path.read_text(encoding="utf-8") if path.exists() else f"{begin}\n{end}\n"
    if begin not in page or end not in page:
        raise SystemExit(f"{path} holds no lines {begin} and {end} between which the table goes")
    head, tail = page.split(begin)[0], page.split(end)[1]
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")
    temporary.replace(path)


def main(
    argv: list[str] | None = None,
    rows: dict[str, Row] | None = None,
    module: str = "peers",
    text: str | None = None,
    threads: int = 1,
) -> int:
    """Run the rows of a module whose command line this is (those of this one by default) and print their table."""
    rows = ROWS if rows is None else rows
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{module}", description=(text or __doc__ or "").splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="small sizes and three rounds: shows that everything runs, measures nothing"
    )
    parser.add_argument("--rows", metavar="REGEX", default="", help=f"only rows whose key matches; keys: {', '.join(rows)}")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="also write the table into this page, between its markers")
    parser.add_argument("--rounds", type=int, help="interleaved samples of each runner (default 15)")
    parser.add_argument("--threads", type=int, default=threads, help="for every library (default %(default)s)")
    options = parser.parse_args(argv)
    limit_threads(options.threads)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    rounds = options.rounds or (3 if options.quick else 15)
    least = 1e-4 if options.quick else 1e-2
    peers, missing = load_peers(options.threads)
    page = [*missing, *([""] if missing else []), machine(peers, options.threads), ""]
    if options.quick:
        page += ["Quick run: small sizes, few repetitions; the ratios mean nothing.", ""]
    page += HEADER
    print("\n".join(page), flush=True)
    failed = 0
    for key, row in rows.items():
        if not re.search(options.rows, key):
            continue
        for line in row(peers, options.quick, rounds, least):
            page.append(_printed(line))
            failed += line.verdict == "FAIL"
            print(page[-1], flush=True)
    if options.markdown:
        write_markdown(options.markdown, "\n".join(page))
    verdict = "quick run: no verdict" if options.quick else f"{failed} above the limit" if failed else "all within their limits"
    print(f"\n{verdict}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
