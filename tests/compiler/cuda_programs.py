"""Functions whose CUDA code is tried, and what they give."""

from __future__ import annotations

import shutil
import warnings

import numpy as np
import pytest
import scipy.special

import hoad
from hoad.compiler.passes import optimise
from hoad.compiler.recording import record_twice
from hoad.compiler.steps import ArraySpec, Step, Steps, spec_of
from hoad.modes.loop_steps import Body, loop_
from tests.compiler import passes_corpus

emulated = pytest.mark.skipif(shutil.which("g++") is None, reason="the emulator needs g++")
rng = np.random.default_rng(3)


def normal(*shape):
    return rng.standard_normal(shape)


def uniform(*shape):
    return rng.uniform(0.2, 0.9, shape)


def with_derivatives(f):
    return lambda x, v: (f(x), hoad.grad(f)(x), hoad.hvp(f, x, v))


def transcendental(x):
    return np.sum(np.tanh(x) * np.exp(-0.5 * x) + np.sin(x) * np.log(x))


def neo_hooke(F):
    J = np.linalg.det(F)
    return np.sum(0.5 * (np.einsum("...ij,...ij->...", F, F) - 3) - np.log(J) + 5 * np.log(J) ** 2)


DATA = rng.standard_normal((1100, 40))
LABELS = rng.choice([-1.0, 1.0], 1100)


def logistic(w):
    return np.mean(np.log1p(np.exp(-LABELS * (DATA @ w)))) + 0.5 * np.sum(w**2)


def many_functions(x):
    y = x[::-1]
    one = [
        np.sqrt, np.cbrt, np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.sin, np.cos, np.tan, np.arcsin,
        np.arccos, np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.arctanh, np.floor, np.ceil, np.trunc, np.rint,
        np.abs, np.sign, scipy.special.erf, scipy.special.erfc, scipy.special.expit,
    ]  # fmt: skip
    two = [np.power, np.arctan2, np.hypot, np.copysign, np.fmod, np.fmax, np.fmin, np.maximum, np.minimum]
    total = sum(f(x) for f in one) + sum(f(x, y) for f in two) + np.arccosh(1 + x)
    strange = np.where(np.isnan(x) | np.isinf(y) | ~np.isfinite(x) | np.signbit(x) | (x > y), np.nan, np.inf)
    return total, np.where(x > 0.5, -np.inf, strange), x <= y


def extremes(x):
    wild = np.where(x > 2.5, np.nan, x)
    return (
        np.max(wild, 1), np.min(wild, 0), np.max(x), np.min(x, 1), np.max(x, 0), np.prod(1 + 1e-3 * x, 0), np.prod(1 + 1e-3 * x, 1),
        np.any(x > 3, 1), np.any(x > 3, 0), np.all(x > -3, 0), np.all(x > -3), np.any(x > 30), np.max(wild),
    )  # fmt: skip


def pieces(x):
    """Boundaries and residues: boxes that begin anywhere, rows and columns that only some boxes have."""
    u = np.pad(x, 2)
    lap = u[3:-1, 2:-2] + u[1:-3, 2:-2] + u[2:-2, 3:-1] + u[2:-2, 1:-3] - 4 * x
    return np.sum(lap**2) + np.sum(np.sum(x[1::2, ::3] ** 3, 0) ** 2)


def rows_of_boxes(x):
    inside = np.zeros_like(x)
    inside[1::3, 2:-4] = np.sin(x[1::3, 2:-4])
    y = x + inside
    return np.sum(y * x, 1), np.sum(y * x, 0), np.max(y, 1), np.min(y, 0), np.sum(y), y


def sums_of_everything(x):
    return (
        x.sum(), x.sum(0), x.sum(1), x.sum(2), x.sum((0, 1)), x.sum((1, 2)), x.sum((0, 2)), (x * x).sum((0, 1, 2)),
        np.sin(x).sum((0, 1)), x[:, 1:].sum(0) * x[:, :-1].sum(0),
    )  # fmt: skip


def mixed(x):
    y = np.exp(-x)
    return y, y.sum(0), y.sum(1), y.sum(), np.max(y), y * x


def gathers(x):
    index = np.array([3, 1, 1, 0, 5, 2])
    return np.sum(x[index] ** 2 * x[2]) + np.sum(np.take(x, index[::-1], axis=0) ** 3)


PROGRAMS = {
    "Rosenbrock 9": (with_derivatives(passes_corpus.rosenbrock), uniform(9), normal(9)),
    "Rosenbrock 30000": (with_derivatives(passes_corpus.rosenbrock), uniform(30_000), normal(30_000)),
    "transcendental 10": (with_derivatives(transcendental), uniform(10), normal(10)),
    "transcendental 20000": (with_derivatives(transcendental), uniform(20_000), normal(20_000)),
    "neo-Hooke 1": (with_derivatives(neo_hooke), np.eye(3) + 0.1 * normal(3, 3), normal(3, 3)),
    "neo-Hooke 700": (with_derivatives(neo_hooke), np.eye(3) + 0.05 * normal(700, 3, 3), normal(700, 3, 3)),
    "logistic": (with_derivatives(logistic), 0.1 * normal(40), normal(40)),
    "network": (with_derivatives(passes_corpus.network), normal(67), normal(67)),
    "control loop": (with_derivatives(passes_corpus.control_loop), normal(12), normal(12)),
    "heat": (with_derivatives(passes_corpus.heat), normal(12), normal(12)),
    "pieces": (with_derivatives(pieces), normal(41, 37), normal(41, 37)),
    "rows of boxes": (rows_of_boxes, normal(60, 50)),
    "columns of boxes": (lambda x: rows_of_boxes(x.T), normal(45, 400)),
    "gathers": (with_derivatives(gathers), normal(6, 9), normal(6, 9)),
    "functions": (many_functions, uniform(300)),
    "functions in single precision": (many_functions, uniform(300).astype(np.float32)),
    "short rows": (lambda x: x.sum(1), normal(500, 13)),
    "rows of a warp": (lambda x: (x.sum(1), np.sin(x).sum(1)), normal(90, 200)),
    "long rows": (lambda x: x.sum(1), normal(11, 9000)),
    "rows of several blocks": (lambda x: (x.sum(1), x), normal(6, 20_000)),
    "narrow columns": (lambda x: x.sum(0), normal(5000, 7)),
    "wide columns": (lambda x: (x.sum(0), np.cos(x).sum(0), np.sum(x * x)), normal(300, 150)),
    "columns of several blocks": (lambda x: x.sum(0), normal(12_000, 6)),
    "full sums": (lambda x: (np.sum(x), np.sum(x * x), np.sum(np.abs(x))), normal(40_000)),
    "three axes": (sums_of_everything, normal(13, 17, 31)),
    "sums of single precision": (lambda x: (x.sum(0), x.sum(1), x.sum()), normal(700, 90).astype(np.float32)),
    "extremes": (extremes, normal(200, 70)),
    "mixed": (mixed, uniform(130, 60)),
    "products": (lambda a, b: (np.tanh(a @ b), a.T @ a, (b @ a).sum(0)), normal(40, 50), normal(50, 40)),
    "transposed products": (
        lambda a, b: (a.T @ b, np.sin(b.T @ a), a @ a.T, np.einsum("ki,kj->ji", a, b)),
        normal(40, 50),
        normal(40, 30),
    ),
    "a library in between": (
        lambda a, x: np.sum(np.sin(np.linalg.solve(a + 12 * np.eye(12), np.exp(x)))) * x,
        normal(12, 12),
        normal(12),
    ),
}


def steps_of(f, *arguments, passes=True):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        steps = record_twice(lambda xs: f(*xs), list(arguments), "program").steps
    return optimise(steps) if passes else steps


def expected_of(f, *arguments):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = f(*arguments)
    return list(y) if isinstance(y, tuple) else [y]


def assert_close(found, expected, name):
    assert len(found) == len(expected)
    for k, (x, y) in enumerate(zip(found, map(np.asarray, expected), strict=True)):
        assert (x.shape, x.dtype) == (y.shape, y.dtype), (name, k)
        if y.dtype == bool:
            np.testing.assert_array_equal(x, y, err_msg=f"{name} {k}")
            continue
        finite = np.isfinite(y)
        scale = np.abs(y[finite]).max(initial=0.0)
        bound = (2e-12 if y.dtype == np.float64 else 3e-5) * scale
        np.testing.assert_allclose(np.where(finite, x, 0), np.where(finite, y, 0), rtol=0, atol=bound, err_msg=f"{name} {k}")
        np.testing.assert_array_equal(np.where(finite, 0, x), np.where(finite, 0, y), err_msg=f"{name} {k}")


def branches(x):
    y = np.exp(x)
    if np.sum(y) > 10:
        return y * 2
    return y / 2 if y[0] < 1 else y


# -- rolled loops -------------------------------------------------------------------------------------------------------------


def rolled(step, carry, xs, closed, length, reverse):
    """Steps of one loop, its arguments, and what it gives."""
    first = [*carry, *[x[0] for x in xs], *closed]
    body = record_twice(lambda v: step(*v), first, "step").steps
    specs = {k: tuple(s) for k, s in body.specs.items()}
    loop = Body(tuple(tuple(s) for s in body.inputs), tuple(body.steps), tuple(body.outputs), specs)
    arguments = [*carry, *xs, *closed]
    inputs = tuple(spec_of(a) for a in arguments)
    outputs = [
        ArraySpec((length, *shape) if k >= len(carry) else shape, dtype) for k, (shape, dtype) in enumerate(loop.output_specs())
    ]
    n = len(inputs)
    kw = {"body": loop, "length": length, "carry": len(carry), "slices": len(xs), "reverse": reverse}
    only = Step(loop_, (None,) * n, tuple((k, k) for k in range(n)), kw, tuple(range(n, n + len(outputs))))
    steps = Steps(inputs, (only,), tuple((n + k, None) for k in range(len(outputs))), (), dict(enumerate((*inputs, *outputs))))
    return steps.check(), arguments, list(loop_.native(*arguments, **kw))


def loops():
    for reverse in (False, True):
        for length in (1, 6, 400):
            yield f"recurrence {length} {reverse}", rolled(
                lambda s, n, u, w: (np.tanh(w @ s)[:3] + 0.5 * s * n + u, n * 0.9, np.sum(s**2), s[::-1] * u),
                [normal(3), np.ones(())], [normal(length, 3)], [normal(5, 3) * 0.3], length, reverse,
            )  # fmt: skip
            yield (
                f"swap {length} {reverse}",
                rolled(lambda a, b, u: (b, 0.5 * a + u, a * b), [normal(2), normal(2)], [normal(length, 2)], [], length, reverse),
            )
        yield (
            f"mirror {reverse}",
            rolled(lambda a, b, u: (b[::-1], a + u * b, a.sum()), [normal(300), normal(300)], [normal(4, 300)], [], 4, reverse),
        )
        yield (
            f"products {reverse}",
            rolled(
                lambda x, u, b: (np.tanh(b @ x) + u, np.sum(u @ x, 0)),
                [normal(40, 40)],
                [normal(5, 40, 40)],
                [normal(40, 40) * 0.1],
                5,
                reverse,
            ),
        )
        yield (
            f"lanes {reverse}",
            rolled(
                lambda x, s, u, w: (0.9 * x + u[:, None] * np.tanh(x @ w), s + np.sum(x, 1), x[:, ::-1] > 0.5),
                [normal(21, 4), normal(21)], [normal(5, 21)], [normal(4, 4) * 0.3], 5, reverse,
            ),
        )  # fmt: skip


LOOPS = dict(loops())
