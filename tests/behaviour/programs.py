"""Random programs out of the functions of the registry.

A program is a list of steps on a growing list of values.  It is built at a point: each step is first tried on plain arrays, and
taken only if its values are moderate and the point lies well inside its domain and away from ties and kinks, so that all
derivatives exist there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import special

MARGIN = 0.02
LARGEST = 20.0


class Refused(Exception):
    """The step does not fit the values at hand."""


def need(condition):
    if not condition:
        raise Refused


def positive(x):
    return 0.6 + x * x


def inside(x):
    return 0.7 * np.tanh(x)


def after(inner, name):
    return lambda x: getattr(np, name)(inner(x))


def apart(x, axis=None):
    """No two entries are close: the order is the same in a neighbourhood."""
    y = np.sort(x, axis=axis)
    y = y if axis is not None else y.ravel()
    need(y.size and np.all(np.diff(y, axis=-1 if axis is None else axis) > MARGIN))


def away(x, y=0.0):
    need(np.size(x) and np.all(np.abs(x - y) > MARGIN))


UNARY = {
    **{
        n: getattr(np, n)
        for n in (
            "sin",
            "cos",
            "tanh",
            "arctan",
            "arcsinh",
            "sinc",
            "negative",
            "square",
            "deg2rad",
            "positive",
            "exp2",
            "sinh",
            "cosh",
            "expm1",
            "exp",
        )
    },
    **{n: after(positive, n) for n in ("sqrt", "log", "log2", "log10", "log1p", "reciprocal", "cbrt")},
    **{n: after(inside, n) for n in ("arcsin", "arccos", "arctanh", "tan")},
    "arccosh": lambda x: np.arccosh(1 + positive(x)),
    "erf": special.erf,
    "expit": special.expit,
    "gammaln": lambda x: special.gammaln(positive(x)),
    "digamma": lambda x: special.digamma(positive(x)),
    "logit": lambda x: special.logit(0.5 + 0.6 * inside(x)),
    "cube": lambda x: x**3,
    "power 2.5": lambda x: positive(x) ** 2.5,
    "inverse square": lambda x: positive(x) ** -2,
}
KINKED = {
    "absolute": np.abs,
    "sign": lambda x: np.sign(x) * x,
    "maximum 0": lambda x: np.maximum(x, 0),
    "clip": lambda x: np.clip(x, 0.0, None),
    "where": lambda x: np.where(x > 0, np.sin(x), x**2),
    "select": lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), x),
    "minimum": lambda x: np.minimum(0.0, x * 2),
    "fabs": np.fabs,
}
BINARY = {
    **{n: getattr(np, n) for n in ("add", "subtract", "multiply", "hypot", "logaddexp", "logaddexp2")},
    "divide": lambda a, b: a / positive(b),
    "arctan2": lambda a, b: np.arctan2(a, positive(b)),
    "power": lambda a, b: positive(a) ** b,
    "float_power": lambda a, b: np.float_power(positive(a), np.sin(b)),
    "xlogy": lambda a, b: special.xlogy(positive(a), positive(b)),
}
TIED = {n: getattr(np, n) for n in ("maximum", "minimum", "fmax", "fmin")}
REDUCTIONS = (
    "sum",
    "mean",
    "prod",
    "max",
    "min",
    "var",
    "std",
    "median",
    "nansum",
    "ptp",
    "nanmean",
    "logsumexp",
    "norm",
    "average",
)
SCANS = ("cumsum", "cumprod", "diff", "sort")


@dataclass
class Program:
    """Steps and the weights of the final sum."""

    steps: list = field(default_factory=list)
    names: list = field(default_factory=list)
    weights: list = field(default_factory=list)

    def values(self, x):
        values = [x]
        for operands, f in self.steps:
            values.append(f(*[values[i] for i in operands]))
        return values

    def __call__(self, x):
        total = 0.0
        for w, v in zip(self.weights, self.values(x)[1:], strict=True):
            total = total + np.sum(v * w)
        return total


def reduce_with(name, axis, keepdims):
    if name == "logsumexp":
        return lambda x: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))
    if name == "norm":
        return lambda x: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims) + 0.1)
    return lambda x: getattr(np, name)(x, axis=axis, keepdims=keepdims)


def shaping(rng, x):
    """Name and function that moves elements of x."""
    n = x.ndim
    axis = int(rng.integers(n)) if n else 0
    choices = {"ravel": lambda x: x.ravel(), "newaxis": lambda x: x[..., None], "copy": lambda x: x.copy()}
    if n:
        k = int(rng.integers(1, 3))
        choices |= {
            "flip": lambda x: np.flip(x, axis),
            "roll": lambda x: np.roll(x, k, axis),
            "tile": lambda x: np.tile(x, 2),
            "repeat": lambda x: np.repeat(x, k, axis),
            "concatenate": lambda x: np.concatenate([x, 2 * x], axis),
            "stack": lambda x: np.stack([x, -x], axis),
            "pad": lambda x: np.pad(x, 1),
            "edge": lambda x: np.pad(x, 1, "edge"),
            "expand_dims": lambda x: np.expand_dims(x, axis),
            "broadcast_to": lambda x: np.broadcast_to(x, (2, *x.shape)),
            "swapaxes": lambda x: np.swapaxes(x, 0, -1),
            "transpose": lambda x: x.T,
            "squeeze": lambda x: np.squeeze(x[None]),
            "reshape": lambda x: x.reshape(-1, *x.shape[:-1]) if x.shape[-1] else x,
            "split": lambda x: np.array_split(x, 2, axis)[0],
            "moveaxis": lambda x: np.moveaxis(x, 0, -1),
            "column_stack": lambda x: np.column_stack([x, x]),
        }
    if n == 2:
        choices |= {"tril": np.tril, "triu": np.triu, "rot90": np.rot90, "diag": np.diag, "trace": np.trace}
    if n == 1:
        choices |= {"diag": np.diag, "outer": lambda x: np.outer(x, x[:2]), "kron": lambda x: np.kron(x, x[:2])}
    return pick(rng, choices)


def indexing(rng, x):
    need(x.ndim and x.size)
    n = x.shape[0]
    i = rng.integers(n, size=3)
    mask = rng.random(x.shape) < 0.6
    need(mask.any())
    choices = {
        "int": lambda x: x[int(i[0])],
        "slice": lambda x: x[::2],
        "negative": lambda x: x[::-1],
        "fancy": lambda x: x[i],
        "mask": lambda x: x[mask],
        "take": lambda x: np.take(x, i, 0),
        "ellipsis": lambda x: x[..., -1],
        "along": lambda x: np.take_along_axis(x, np.argsort(x, 0), 0) if apart_along(x) is None else x,
        "assign": lambda x: assigned(x, i),
        "add at": lambda x: added(x, i),
        "rows in place": in_place,
        "masked": lambda x: masked_update(x, mask),
        "out": with_out,
        "view": through_view,
    }
    name, f = pick(rng, choices)
    if name == "along":
        apart(x, 0)
    return name, f


def apart_along(x):
    return None


def assigned(x, i):
    y = np.zeros_like(x)
    y[i] = x[i[::-1]] ** 2
    y[0] = x[-1]
    return y


def added(x, i):
    y = np.zeros_like(x)
    np.add.at(y, i, x[i] * 2)
    return y


def in_place(x):
    y = x * 1.0
    y[0] += y[-1] * x[0]
    y *= 0.5
    return y


def masked_update(x, mask):
    y = np.sin(x)
    y[mask] *= x[mask]
    return y


def with_out(x):
    y = np.empty_like(x)
    np.multiply(x, x, out=y)
    np.sin(y, out=y)
    return y


def through_view(x):
    y = x * 1.0
    flat = y.reshape(-1)
    flat[:1] = flat[-1:] * 2
    y.T[...] *= 0.5
    return y


def products(rng, a, b):
    need(a.ndim and b.ndim and a.size and b.size)
    if a.ndim == b.ndim == 1 and a.shape == b.shape:
        return pick(
            rng,
            {
                "dot": np.dot,
                "inner": np.inner,
                "outer": np.outer,
                "einsum": lambda a, b: np.einsum("i,i->i", a, b),
                "vdot": np.vdot,
                "convolve": np.convolve,
                "tensordot": lambda a, b: np.tensordot(a, b, 1),
            },
        )
    if a.ndim == 2 and b.ndim == 2 and a.shape == b.shape:
        n = a.shape[0]
        choices = {
            "matmul": lambda a, b: a @ b.T,
            "inner": np.inner,
            "einsum": lambda a, b: np.einsum("ij,kj->ik", a, b),
            "sum of products": lambda a, b: np.einsum("ij,ij->", a, b),
            "tensordot": lambda a, b: np.tensordot(a, b, 2),
            "dot": lambda a, b: np.dot(a.T, b),
            "solve": lambda a, b: np.linalg.solve(0.1 * (a @ a.T) + np.eye(n), b),
            "inv": lambda a, b: np.linalg.inv(0.1 * (a @ a.T) + np.eye(n)) @ b,
            "det": lambda a, b: np.linalg.det(0.1 * (a @ b.T) + 2 * np.eye(n)),
        }
        return pick(rng, choices)
    if a.ndim == 2 and b.ndim == 1 and a.shape[1] == b.shape[0]:
        return pick(rng, {"matvec": np.matmul, "dot": np.dot, "einsum": lambda a, b: np.einsum("ij,j->i", a, b)})
    if a.ndim == 1 and b.ndim == 2 and a.shape[0] == b.shape[0]:
        return pick(rng, {"vecmat": np.matmul, "einsum": lambda a, b: np.einsum("i,ij->j", a, b)})
    raise Refused


def pick(rng, choices):
    name = list(choices)[rng.integers(len(choices))]
    return name, choices[name]


def draw(rng, values):
    """One step: its name, its operands and its function."""
    i, j = (int(k) for k in rng.integers(len(values), size=2))
    i = len(values) - 1 if rng.random() < 0.5 else i
    a, b = values[i], values[j]
    kind = rng.integers(9)
    if kind <= 1:
        name, f = pick(rng, UNARY)
        return name, (i,), f
    if kind == 2:
        name, f = pick(rng, KINKED)
        away(a)
        return name, (i,), f
    if kind == 3:
        need(np.broadcast_shapes(np.shape(a), np.shape(b)) is not None)
        name, f = pick(rng, BINARY)
        if name == "hypot":
            need(np.all(np.hypot(a, b) > MARGIN))
        return name, (i, j), f
    if kind == 4:
        name, f = pick(rng, TIED)
        away(a, b)
        return name, (i, j), f
    if kind == 5:
        need(np.ndim(a))
        name = REDUCTIONS[rng.integers(len(REDUCTIONS))]
        axis = None if rng.random() < 0.3 else int(rng.integers(-np.ndim(a), np.ndim(a)))
        if name in ("max", "min", "median", "ptp"):
            apart(a, axis)
        if name == "std":
            need(np.all(np.std(a, axis=axis) > 0.1))
        keepdims = bool(rng.integers(2)) and name != "average"
        return (
            f"{name} over {axis}",
            (i,),
            reduce_with(name, axis, keepdims) if name != "average" else lambda x: np.average(x, axis=axis),
        )
    if kind == 6:
        if rng.random() < 0.2:
            need(np.ndim(a))
            name = SCANS[rng.integers(len(SCANS))]
            if name == "sort":
                apart(a, -1)
            return name, (i,), lambda x: getattr(np, name)(x, axis=-1)
        name, f = shaping(rng, a)
        return name, (i,), f
    if kind == 7:
        name, f = indexing(rng, a)
        return name, (i,), f
    name, f = products(rng, a, b)
    return name, (i, j), f


def build(rng, x, length):
    """A random program of ``length`` steps at x."""
    program, values = Program(), [x]
    for _ in range(length * 12):
        if len(program.steps) == length:
            break
        try:
            name, operands, f = draw(rng, values)
            with np.errstate(all="raise"):
                y = f(*[values[k] for k in operands])
        except (Refused, FloatingPointError, ValueError, np.linalg.LinAlgError):
            continue
        if np.size(y) == 0 or np.size(y) > 60 or not np.all(np.isfinite(y)) or np.max(np.abs(y)) > LARGEST or np.ndim(y) > 4:
            continue
        program.steps.append((operands, f))
        program.names.append(f"v{len(values)} = {name}({', '.join(f'v{k}' for k in operands)}) {np.shape(y)}")
        program.weights.append(rng.normal(size=np.shape(y)) * (rng.random() < 0.4 or len(program.steps) == length))
        values.append(y)
    return program
