"""Functions, their derivatives, and random programs as steps: what passes are tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import hoad
from hoad.compiler.passes.rewriting import Slot, make_step, operands
from hoad.compiler.recording import record_twice
from hoad.compiler.steps import ArraySpec, Steps, spec_of
from hoad.core.primitive import primitives

rng = np.random.default_rng(20)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def waves(x):
    return np.sum(np.tanh(x) * np.exp(-x) + np.sin(x) * np.log(2 + x**2))


_X = rng.normal(size=(7, 4))
_LAYERS = [(4, 5), (5, 5), (5, 2)]


def network(p):
    h, at = _X, 0
    for n, m in _LAYERS:
        h = np.tanh(h @ p[at : at + n * m].reshape(n, m) + p[at + n * m : at + n * m + m])
        at += n * m + m
    return np.sum((h - 0.25) ** 2) / h.size


_WEIGHTS = [rng.normal(size=s) for s in _LAYERS]


def fixed_network(x):
    h = x.reshape(6, 4)
    for w in _WEIGHTS:
        h = np.tanh(h @ w)
    return np.sum(h)


def neo_hooke(f):
    f = f.reshape(-1, 3, 3) + np.eye(3)
    j = np.linalg.det(f)
    c = np.einsum("...ki,...kj->...ij", f, f)
    return np.sum(0.5 * (np.trace(c, axis1=-2, axis2=-1) * j ** (-2 / 3) - 3) + 10 * (j - 1) ** 2)


_A = rng.normal(size=(12, 6))
_LABELS = rng.choice([-1.0, 1.0], 12)


def logistic(w):
    return np.mean(np.log1p(np.exp(-_LABELS * (_A @ w)))) + 0.5 * np.sum(w**2) / 12


def control_loop(p):
    x = np.array([1.0, 0.0])
    w, u = p[:8].reshape(4, 2), p[8:12]
    cost = 0.0
    for _ in range(6):
        force = np.tanh(w @ x) @ u
        x = x + 0.1 * np.stack([x[1], -x[0] - 0.2 * x[1] + force])
        cost = cost + 0.1 * (x @ x) + 0.01 * force**2
    return cost


def heat(x):
    u = np.pad(x.reshape(3, 4), 1)
    residual = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
    return 0.5 * np.sum(residual**2) + np.sum(np.concatenate([u[0], u[-1]]) ** 2)


def powers(x):
    return sum(x[i] ** p for i, p in enumerate([0, 1, 2, 3, 4, -1, -2, 0.5, 1.5])) + np.sum(x**3.0 / 3 - x**2.0 / 2)


def branches(x):
    y = np.where(x > 0, x, -x) * np.maximum(x, 0.5) + np.abs(-x) - np.where(np.logical_not(x > 1), x**2, 2 * x)
    return np.sum(np.clip(y, -1, 2)) + np.max(x)


def statistics(x):
    z = (x - np.mean(x)) / np.std(x)
    return np.sum(z.reshape(3, 1, 4).transpose(1, 0, 2) ** 4) + np.var(x.reshape(4, 3), axis=0).sum() + np.prod(1 + 0.1 * x)


def solved(x):
    a = x[:9].reshape(3, 3) + 4 * np.eye(3)
    return np.sum(np.linalg.solve(a, x[9:12]) ** 2) + np.linalg.slogdet(a @ a.T)[1]


def integer_start(x):
    return sum(x[i] * x[i + 1] for i in range(4)) + 0 * x[0] + np.cumsum(x)[-1] - (0.0 - x[1])


def single_precision(x):
    h = (x.astype(np.float32) * 2) ** 2 + 1
    return np.sum(h * h.dtype.type(0.1) * 3 / 2)


FUNCTIONS: dict[str, tuple[Callable[[Any], Any], int]] = {
    f.__name__: (f, n)
    for f, n in [
        (rosenbrock, 9), (waves, 6), (network, 67), (fixed_network, 24), (neo_hooke, 18), (logistic, 6), (control_loop, 12),
        (heat, 12), (powers, 9), (branches, 8), (statistics, 12), (solved, 12), (integer_start, 6), (single_precision, 5),
    ]
}  # fmt: skip


def _curve(f):
    return lambda x, v: hoad.taylor(f, x, v, 4)


OPERATORS: dict[str, Callable[..., Any]] = {
    "value": lambda f: lambda x, v: f(x),
    "gradient": lambda f: lambda x, v: hoad.grad(f)(x),
    "hvp": lambda f: lambda x, v: hoad.hvp(f, x, v),
    "reverse over reverse": lambda f: lambda x, v: hoad.grad(lambda y: np.sum(hoad.grad(f)(y) * v))(x),
    "Taylor": _curve,
}


def record(call: Callable[..., Any], *leaves: Any) -> Steps:
    """The steps of a function of arrays."""
    return record_twice(lambda xs: call(*xs), leaves, "corpus").steps.check()


def run(steps: Steps, inputs: Any) -> list[Any]:
    """The results by the functions of NumPy, every shape and dtype checked."""
    values = dict(enumerate(inputs))
    specs = dict(enumerate(steps.inputs)) | steps.specs
    for step in steps.steps:
        found = step.primitive.native(*[values[a] if type(a) is Slot else a for a in operands(step)], **step.kw)
        for slot, y in zip(step.outputs, found if step.primitive.multi else (found,), strict=True):
            assert spec_of(y) == specs[slot], f"{step.primitive.name}: {spec_of(y)}, recorded {specs[slot]}"
            values[slot] = y
    for guard in steps.guards:
        assert guard.slot in values
    return [constant if slot is None else values[slot] for slot, constant in steps.outputs]


_VIEWS = {"reshape", "transpose", "broadcast_to"}


def work(steps: Steps) -> int:
    """The number of steps that compute something; views are free, and a power that becomes two steps counts as two."""
    total = 0
    for step in steps.steps:
        name = step.primitive.name
        basic = name == "getitem" and not _has_array(step.kw["index"])
        twice = name in ("pow", "power") and type(step.args[1]) in (int, float) and step.args[1] in (3, 4, -2)
        total += 0 if name in _VIEWS or basic else 2 if twice else 1
    return total


def _has_array(index: Any) -> bool:
    return any(isinstance(i, np.ndarray) for i in (index if type(index) is tuple else (index,)))


# -- random programs in which all arithmetic is exact -----------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 4.0, 3.0, np.inf, -np.inf, np.nan]
_BITS = {np.dtype(np.float32): 6, np.dtype(np.float64): 13, np.dtype(bool): 1}


def _exact(y: Any) -> bool:
    """Whether all numbers are infinite, NaN, or multiples of 2**-b below 2**b, so that sums of their products need no rounding."""
    limit = 2.0 ** _BITS[y.dtype]
    y = np.asarray(y, float)
    finite = y[np.isfinite(y)]
    return bool((np.abs(finite) <= limit).all() and (finite * limit == np.rint(finite * limit)).all())


class RandomProgram:
    """Steps drawn at random, which are evaluated as they are drawn, so that only exact ones are taken."""

    def __init__(self, seed: int, length: int, dtype: Any = np.float64) -> None:
        self.rng = np.random.default_rng(seed)
        self.dtype = np.dtype(dtype)
        shapes = [(3, 4), (4,), (3, 1), (), (3, 4)]
        self.inputs = [self.rng.choice(SPECIAL, size=s, p=_CHANCES).astype(dtype)[()] for s in shapes]
        self.values: list[Any] = list(self.inputs)
        self.steps: list[Any] = []
        self.factors: dict[int, Any] = {}
        while len(self.steps) < length:
            self._try()

    def _slot(self, shape: Any = None, dtype: Any = None) -> Any:
        fit = [i for i, v in enumerate(self.values) if v.dtype == (dtype or self.dtype) and (shape is None or v.shape == shape)]
        if not fit:
            return True
        recent = fit[-8:] if self.rng.random() < 0.7 else fit
        return Slot(recent[self.rng.integers(len(recent))])

    def _constant(self, shape: Any) -> Any:
        value = float(self.rng.choice(SPECIAL, p=_CHANCES))
        kind = self.rng.integers(6)
        if kind == 0:
            return self.dtype.type(value)
        if kind == 1:
            return np.full(shape, value, self.dtype)
        if kind == 2:
            return np.broadcast_to(self.dtype.type(value), shape)
        if kind == 3:
            return self.rng.choice(SPECIAL, size=shape, p=_CHANCES).astype(self.dtype)[()]
        return int(value) if kind == 4 and np.isfinite(value) else value

    def _try(self) -> None:
        name, args, kw = self._drawn()
        primitive = primitives[name]
        with np.errstate(all="ignore"):
            try:
                y = primitive.native(*[self.values[a] if type(a) is Slot else a for a in args], **kw)
            except (ValueError, IndexError, TypeError):
                return
        if y.dtype not in (self.dtype, bool) or y.size > 400 or not _exact(y) or not any(type(a) is Slot for a in args):
            return
        self.steps.append(make_step(primitive, args, kw, (len(self.values),)))
        self.values.append(y)

    def _drawn(self) -> tuple[str, list[Any], dict[str, Any]]:
        r = self.rng
        x = self._slot()
        v = self.values[x]
        match r.integers(22):
            case 0 | 1 | 2 | 3 | 4:
                name = str(r.choice(["add", "subtract", "multiply", "multiply", "divide", "maximum"]))
                other = self._slot(v.shape) if r.random() < 0.4 else self._slot() if r.random() < 0.4 else self._constant(v.shape)
                return name, [x, other] if r.random() < 0.6 else [other, x], {}
            case 5 | 6:
                return (
                    str(r.choice(["negative", "negative", "square", "absolute", "reciprocal", "sign", "copy", "positive"])),
                    [x],
                    {},
                )
            case 7:
                return str(r.choice(["pow", "power"])), [x, [0, 1, 2, 3, 4, -1, -2, 0.5, 2.0][r.integers(9)]], {}
            case 8 | 9 | 10:
                return "getitem", [x], {"index": tuple(self._part(n) for n in v.shape[: r.integers(0, v.ndim + 1)])}
            case 11:
                return "reshape", [x], {"shape": [v.shape[::-1], (v.size,), (1, *v.shape), (-1, 1)][r.integers(3)]}
            case 12:
                return "transpose", [x], {"axes": tuple(int(a) for a in r.permutation(v.ndim))}
            case 13:
                return "broadcast_to", [x], {"shape": (*[(), (2,), (1,)][r.integers(3)], *v.shape)}
            case 14 | 15:
                axis = tuple(int(a) for a in range(v.ndim) if r.random() < 0.6)
                return "sum", [x], {"axis": axis, "keepdims": bool(r.random() < 0.3)}
            case 16:
                axis = int(r.integers(max(v.ndim, 1)))
                return "concatenate", [x, *[self._slot(v.shape) for _ in range(r.integers(3))]], {"axis": axis}
            case 17:
                return self._placed(x, v)
            case 18:
                known = [True, np.array(False), np.full(v.shape, True), r.random(v.shape) < 0.5]
                condition = self._slot(v.shape, np.dtype(bool)) if r.random() < 0.6 else known[r.integers(4)]
                return ("where", [condition, x, self._slot(v.shape)], {}) if r.random() < 0.6 else ("gate", [True, x], {})
            case 19:
                negated = r.random() < 0.3
                flag = self._slot(None, np.dtype(bool))
                return ("logical_not", [flag], {}) if negated else ("less", [x, self._slot(v.shape)], {})
            case _:
                x = self._slot(self.values[self._slot()].shape) if v.ndim != 2 else x
                v = self.values[x]
                if v.ndim != 2:
                    return "transpose", [x], {"axes": tuple(range(v.ndim))}
                return "matmul", [x, self._slot() if r.random() < 0.3 else self._factor(v.shape[1])], {}

    def _factor(self, n: int) -> Any:
        """A matrix with n rows, the same one each time."""
        if n not in self.factors:
            self.factors[n] = self.rng.choice([0.0, 1.0, -1.0, 2.0], size=(n, 3)).astype(self.dtype)
        return self.factors[n]

    def _placed(self, x: Slot, v: Any) -> tuple[str, list[Any], dict[str, Any]]:
        kind = self.rng.integers(4)
        if kind == 0:
            return "pad_constant", [x], {"width": tuple((int(self.rng.integers(3)), 1) for _ in v.shape)}
        shape = tuple(n + 3 for n in v.shape)
        index = tuple(slice(1, n + 1) for n in v.shape)
        if kind == 1:
            return "scatter", [x], {"index": index, "shape": shape, "order": None}
        if kind == 2:
            other = tuple(slice(k, n + k) for n, k in zip(v.shape, self.rng.integers(4, size=v.ndim), strict=True))
            return "assemble", [x, self._slot(v.shape)], {"indices": (index, other), "shape": shape, "order": None}
        first = [Ellipsis, (Ellipsis, None), slice(None)][self.rng.integers(3)]
        return "assemble", [x, x], {"indices": (first, Ellipsis), "shape": v.shape, "order": None}

    def _part(self, n: int) -> Any:
        r = self.rng
        match r.integers(6):
            case 0:
                return int(r.integers(-n, n)) if n else slice(None)
            case 1:
                return slice(None)
            case 2:
                return None
            case 3:
                return slice(None, None, -1)
            case _:
                a, b = sorted(int(k) for k in r.integers(0, n + 1, size=2))
                return slice(a, b, int(r.choice([1, 1, 2]))) if r.random() < 0.8 else slice(-1, None, -2)

    @property
    def program(self) -> Steps:
        specs = {i: ArraySpec(v.shape, v.dtype) for i, v in enumerate(self.values)}
        count = len(self.inputs)
        chosen = {int(i) for i in self.rng.integers(count, len(self.values), size=4)} | {len(self.values) - 1}
        return Steps(
            tuple(specs[i] for i in range(count)), tuple(self.steps), tuple((i, None) for i in sorted(chosen)), specs=specs
        )


_CHANCES = np.array([4, 3, 4, 2, 3, 1, 2, 1, 1, 2, 0.3, 0.3, 0.3])
_CHANCES = _CHANCES / _CHANCES.sum()
