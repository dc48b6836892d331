"""The cases that tests and benchmarks share: a function in plain NumPy, a point, a direction and what must come out.

The expected numbers come from elsewhere than automatic differentiation: closed forms, or a gradient written by hand whose
derivative along the direction is a complex step, which is exact to rounding (Squire & Trapp, 1998).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["SCENARIOS", "Case", "Scenario", "available"]

Array = Any


@dataclass(frozen=True)
class Case:
    """A scenario at one size, with its data.

    Attributes
    ----------
    program : callable
        ``program(xp, *data)`` is the function in the array namespace ``xp``, so that peers run the very same lines.
    data : tuple of arrays
        What the function holds besides its argument.
    point, direction : array or tuple of arrays
    value, gradient, hvp : callable or None
        What is expected at the point, computed when asked for; None where there is no oracle at this size.
    """

    program: Callable[..., Callable[[Any], Any]]
    data: tuple[Array, ...]
    point: Any
    direction: Any
    value: Callable[[], Any] | None = None
    gradient: Callable[[], Any] | None = None
    hvp: Callable[[], Any] | None = None

    @property
    def function(self) -> Callable[[Any], Any]:
        """The function in plain NumPy."""
        return self.program(np, *self.data)


@dataclass(frozen=True)
class Scenario:
    """A family of cases.

    Attributes
    ----------
    name : str
    make : callable
        ``make(size, seed)`` builds the data and returns a :class:`Case`.
    sizes : tuple of int
        The sizes that are measured; the smallest is also tested, unless ``tested`` says otherwise.
    tested : int
        The size at which the tests compare with the oracle.
    elements : callable
        Number of array elements that one operation of the function handles at a size.
    scalar : bool
        The function returns a scalar, so it has a gradient and a Hessian.
    needs : tuple of str
        Functions that must be in ``hoad.registry()`` beyond NumPy's arithmetic.
    """

    name: str
    make: Callable[[int, int], Case]
    sizes: tuple[int, ...]
    tested: int
    elements: Callable[[int], int] = field(default=lambda size: size)
    scalar: bool = True
    needs: tuple[str, ...] = ()


def complex_step(gradient: Callable[[Any], Any], x: Any, v: Any, h: float = 1e-30) -> Any:
    """Derivative of ``gradient`` along ``v``: no difference is taken, so ``h`` may be tiny and nothing cancels."""
    if isinstance(x, tuple):
        return tuple(g.imag / h for g in gradient(tuple(a + 1j * h * b for a, b in zip(x, v, strict=True))))
    return gradient(x + 1j * h * v).imag / h


# -- Rosenbrock -----------------------------------------------------------------------------------------------------------


def rosenbrock(xp: Any) -> Callable[[Array], Array]:
    def f(x: Array) -> Array:
        return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return f


def _rosenbrock_gradient(x: Array) -> Array:
    a, b = x[:-1], x[1:]
    g = np.zeros_like(x)
    g[:-1] += -400 * a * (b - a**2) - 2 * (1 - a)
    g[1:] += 200 * (b - a**2)
    return g


def _rosenbrock_hvp(x: Array, v: Array) -> Array:
    """The Hessian is tridiagonal."""
    a, b = x[:-1], x[1:]
    h = np.zeros_like(x)
    h[:-1] += (1200 * a**2 - 400 * b + 2) * v[:-1] - 400 * a * v[1:]
    h[1:] += 200 * v[1:] - 400 * a * v[:-1]
    return h


def make_rosenbrock(size: int, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    x, v = rng.uniform(-2, 2, size), rng.standard_normal(size)
    return Case(rosenbrock, (), x, v, None, lambda: _rosenbrock_gradient(x), lambda: _rosenbrock_hvp(x, v))


# -- a sum of transcendental terms ----------------------------------------------------------------------------------------


def transcendental(xp: Any) -> Callable[[Array], Array]:
    def f(x: Array) -> Array:
        return xp.sum(xp.tanh(x) * xp.exp(-0.5 * x) + xp.sin(x) * xp.log(x))

    return f


def _transcendental_derivatives(x: Array) -> tuple[Array, Array]:
    t, e, s, c, log = np.tanh(x), np.exp(-0.5 * x), np.sin(x), np.cos(x), np.log(x)
    u = 1 - t**2
    first = e * (u - 0.5 * t) + c * log + s / x
    second = e * (-2 * t * u - u + 0.25 * t) - s * log + 2 * c / x - s / x**2
    return first, second


def make_transcendental(size: int, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    x, v = rng.uniform(0.5, 3, size), rng.standard_normal(size)
    return Case(
        transcendental, (), x, v, None,
        lambda: _transcendental_derivatives(x)[0], lambda: _transcendental_derivatives(x)[1] * v,
    )  # fmt: skip


# -- neo-Hooke energy of many deformation gradients, components first -------------------------------------------------------

MU, LAMBDA = 1.0, 2.0


def neo_hooke_density(xp: Any) -> Callable[[Array], Array]:
    """W = mu/2 (tr FᵀF - 3 - 2 ln J) + lambda/2 (ln J)² for each tensor of F, shape (3, 3, ...)."""

    def density(F: Array) -> Array:  # the symbol of the field
        J = (
            F[0, 0] * (F[1, 1] * F[2, 2] - F[1, 2] * F[2, 1])
            - F[0, 1] * (F[1, 0] * F[2, 2] - F[1, 2] * F[2, 0])
            + F[0, 2] * (F[1, 0] * F[2, 1] - F[1, 1] * F[2, 0])
        )
        squares = (
            F[0, 0] ** 2 + F[0, 1] ** 2 + F[0, 2] ** 2
            + F[1, 0] ** 2 + F[1, 1] ** 2 + F[1, 2] ** 2
            + F[2, 0] ** 2 + F[2, 1] ** 2 + F[2, 2] ** 2
        )  # fmt: skip
        log = xp.log(J)
        return MU / 2 * (squares - 3 - 2 * log) + LAMBDA / 2 * log**2

    return density


def neo_hooke(xp: Any) -> Callable[[Array], Array]:
    density = neo_hooke_density(xp)
    return lambda F: xp.sum(density(F))


def _inverse_transposed(F: Array) -> tuple[Array, Array]:
    """F⁻ᵀ and ln det F, components first."""
    stacked = np.moveaxis(F, -1, 0)
    inverse = np.linalg.inv(stacked)
    return np.moveaxis(inverse, 0, -1).swapaxes(0, 1), np.log(np.linalg.det(stacked))


def _neo_hooke_stress(F: Array) -> Array:
    """P = mu (F - F⁻ᵀ) + lambda ln J F⁻ᵀ."""
    G, log = _inverse_transposed(F)
    return MU * (F - G) + LAMBDA * log * G


def _neo_hooke_tangent(F: Array, V: Array) -> Array:
    """dP = mu V + (mu - lambda ln J) F⁻ᵀ Vᵀ F⁻ᵀ + lambda (F⁻ᵀ : V) F⁻ᵀ."""
    G, log = _inverse_transposed(F)
    return MU * V + (MU - LAMBDA * log) * np.einsum("ijn,kjn,kln->iln", G, V, G) + LAMBDA * np.sum(G * V, axis=(0, 1)) * G


def make_neo_hooke(size: int, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    F = np.eye(3)[:, :, None] + 0.1 * rng.standard_normal((3, 3, size))
    V = rng.standard_normal((3, 3, size))
    return Case(neo_hooke, (), F, V, None, lambda: _neo_hooke_stress(F), lambda: _neo_hooke_tangent(F, V))


# -- logistic regression --------------------------------------------------------------------------------------------------

FEATURES = 100
PENALTY = 1e-3


def logistic(xp: Any, A: Array, y: Array) -> Callable[[Array], Array]:
    """Mean loss log(1 + exp(-y A w)) with a quadratic penalty; labels are ±1."""

    def f(w: Array) -> Array:
        return xp.mean(xp.log1p(xp.exp(-y * (A @ w)))) + PENALTY / 2 * xp.sum(w**2)

    return f


def _make_logistic(features: int) -> Callable[[int, int], Case]:
    def make(size: int, seed: int) -> Case:
        """``size`` samples."""
        rng = np.random.default_rng(seed)
        A = rng.standard_normal((size, features))
        w, v = 0.1 * rng.standard_normal(features), rng.standard_normal(features)
        y = np.where(rng.uniform(size=size) < 0.5, -1.0, 1.0)

        def gradient() -> Array:
            return A.T @ (-y / (1 + np.exp(y * (A @ w)))) / size + PENALTY * w

        def hvp() -> Array:
            p = 1 / (1 + np.exp(A @ w))
            return A.T @ (p * (1 - p) * (A @ v)) / size + PENALTY * v

        return Case(logistic, (A, y), w, v, None, gradient, hvp)

    return make


# -- networks -------------------------------------------------------------------------------------------------------------


def _layers(rng: np.random.Generator, widths: tuple[int, ...]) -> tuple[Array, ...]:
    """Weights and biases in turn."""
    parts: list[Array] = []
    for n, m in zip(widths, widths[1:]):  # noqa: RUF007  # reads as layers
        parts += [rng.standard_normal((n, m)) / np.sqrt(n), 0.1 * rng.standard_normal(m)]
    return tuple(parts)


def tanh_network(xp: Any, *layers: Array) -> Callable[[Array], Array]:
    """Output of a tanh network as a function of its inputs."""

    def f(x: Array) -> Array:
        for W, b in zip(layers[:-2:2], layers[1:-2:2], strict=True):
            x = xp.tanh(x @ W + b)
        return x @ layers[-2] + layers[-1]

    return f


def make_tanh_network(size: int, seed: int) -> Case:
    """10-50-50-1, a batch of ``size`` inputs."""
    rng = np.random.default_rng(seed)
    return Case(tanh_network, _layers(rng, (10, 50, 50, 1)), rng.standard_normal((size, 10)), rng.standard_normal((size, 10)))


def classifier(xp: Any, inputs: Array, targets: Array) -> Callable[[Any], Array]:
    """Mean cross-entropy of a tanh network as a function of its layers; ``targets`` is one-hot."""

    def f(layers: Any) -> Array:
        a = inputs
        for W, b in zip(layers[:-2:2], layers[1:-2:2]):
            a = xp.tanh(a @ W + b)
        z = a @ layers[-2] + layers[-1]
        return xp.mean(xp.log(xp.sum(xp.exp(z), axis=1)) - xp.sum(z * targets, axis=1))

    return f


def _classifier_gradient(inputs: Array, targets: Array, layers: tuple[Array, ...]) -> tuple[Array, ...]:
    """Back-propagation by hand; analytic in the layers, so that a complex step may follow."""
    activations = [inputs]
    for W, b in zip(layers[:-2:2], layers[1:-2:2], strict=True):
        activations.append(np.tanh(activations[-1] @ W + b))
    e = np.exp(activations[-1] @ layers[-2] + layers[-1])
    delta = (e / e.sum(axis=1, keepdims=True) - targets) / len(inputs)
    parts: list[Array] = []
    for i in range(len(layers) - 2, -1, -2):
        a = activations[i // 2]
        parts = [a.T @ delta, delta.sum(axis=0), *parts]
        if i:
            delta = (delta @ layers[i].T) * (1 - a**2)
    return tuple(parts)


def _make_classifier(widths: tuple[int, ...]) -> Callable[[int, int], Case]:
    def make(size: int, seed: int) -> Case:
        rng = np.random.default_rng(seed)
        inputs = rng.standard_normal((size, widths[0]))
        targets = np.eye(widths[-1])[rng.integers(widths[-1], size=size)]
        point = _layers(rng, widths)
        direction = tuple(rng.standard_normal(p.shape) for p in point)
        return Case(
            classifier, (inputs, targets), point, direction, None,
            lambda: _classifier_gradient(inputs, targets, point),
            lambda: complex_step(lambda p: _classifier_gradient(inputs, targets, p), point, direction),
        )  # fmt: skip

    return make


# -- a long scalar program ------------------------------------------------------------------------------------------------


def scalar_loop(xp: Any, operations: Any) -> Callable[[Array], Array]:
    """Euler's method for y' = x y over unit time, three operations a step."""
    steps = int(operations) // 3
    h = 1.0 / steps

    def f(x: Array) -> Array:
        y = 1.0
        for _ in range(steps):
            y = y + h * (x * y)
        return y

    return f


def make_scalar_loop(size: int, seed: int) -> Case:
    """``size`` operations; the result is (1 + x/n)ⁿ."""
    n = size // 3
    x = np.float64(np.random.default_rng(seed).uniform(0.5, 1.5))

    def power(order: int) -> Array:
        return np.exp((n - order) * np.log1p(x / n))

    return Case(
        scalar_loop, (size,), x, np.float64(1.0),
        lambda: power(0), lambda: power(1), lambda: (1 - 1 / n) * power(2),
    )  # fmt: skip


# -- Helmholtz energy -----------------------------------------------------------------------------------------------------

_C1, _C2 = 1 + np.sqrt(2), 1 - np.sqrt(2)


def helmholtz(xp: Any, A: Array, b: Array) -> Callable[[Array], Array]:
    """Helmholtz energy of a mixed fluid (Griewank & Walther, 2nd ed., the running example of ch. 6), with R T = 1."""

    def f(x: Array) -> Array:
        u = b @ x
        mixing = xp.sum(x * xp.log(x / (1 - u)))
        return mixing - (x @ (A @ x)) / (8**0.5 * u) * xp.log((1 + _C1 * u) / (1 + _C2 * u))

    return f


def _helmholtz_gradient(A: Array, b: Array, x: Array) -> Array:
    u = b @ x
    log, dlog = np.log((1 + _C1 * u) / (1 + _C2 * u)), _C1 / (1 + _C1 * u) - _C2 / (1 + _C2 * u)
    q = x @ (A @ x)
    mixing = np.log(x / (1 - u)) + 1 + np.sum(x) * b / (1 - u)
    return mixing - ((A + A.T) @ x * log / u + q * (dlog / u - log / u**2) * b) / np.sqrt(8)


def make_helmholtz(size: int, seed: int) -> Case:
    """``size`` substances."""
    rng = np.random.default_rng(seed)
    A = rng.uniform(0, 1, (size, size))
    b = rng.uniform(0.5, 1, size)
    x, v = rng.uniform(0.2, 1, size) / size, rng.standard_normal(size) / size
    return Case(
        helmholtz,
        (A, b),
        x,
        v,
        None,
        lambda: _helmholtz_gradient(A, b, x),
        lambda: complex_step(lambda p: _helmholtz_gradient(A, b, p), x, v),
    )


# -- matrices -------------------------------------------------------------------------------------------------------------


def log_determinant(xp: Any) -> Callable[[Array], Array]:
    return lambda A: xp.linalg.slogdet(A)[1]


def compliance(xp: Any, b: Array) -> Callable[[Array], Array]:
    """bᵀ A⁻¹ b."""
    return lambda A: b @ xp.linalg.solve(A, b)


def _regular(rng: np.random.Generator, size: int) -> Array:
    return np.eye(size) + 0.3 * rng.standard_normal((size, size)) / np.sqrt(size)


def make_log_determinant(size: int, seed: int) -> Case:
    """A matrix of ``size`` rows: gradient A⁻ᵀ, H V = -A⁻ᵀ Vᵀ A⁻ᵀ."""
    rng = np.random.default_rng(seed)
    A, V = _regular(rng, size), rng.standard_normal((size, size))
    return Case(
        log_determinant, (), A, V, None,
        lambda: np.linalg.inv(A).T, lambda: -np.linalg.inv(A).T @ V.T @ np.linalg.inv(A).T,
    )  # fmt: skip


def make_compliance(size: int, seed: int) -> Case:
    """With y = A⁻¹ b and l = A⁻ᵀ b: gradient -l yᵀ, and its product rule."""
    rng = np.random.default_rng(seed)
    A, V, b = _regular(rng, size), rng.standard_normal((size, size)), rng.standard_normal(size)

    def states() -> tuple[Array, Array]:
        return np.linalg.solve(A, b), np.linalg.solve(A.T, b)

    def hvp() -> Array:
        y, l = states()
        dy, dl = -np.linalg.solve(A, V @ y), -np.linalg.solve(A.T, V.T @ l)
        return -np.outer(dl, y) - np.outer(l, dy)

    return Case(compliance, (b,), A, V, None, lambda: -np.outer(*states()[::-1]), hvp)


# -- a spring and damper with a network as controller ---------------------------------------------------------------------

DAMPING, STIFFNESS, DT = 0.5, 1.0, 0.01
HIDDEN = 20
START = np.array([1.0, 0.0])  # position and velocity of a unit mass; both should become zero


def _euler_step(xp: Any, p: Array) -> Callable[[Array], Array]:
    """A step of explicit Euler; the force is a 2-20-1 network of the state, ``p`` all of its 81 numbers in a row."""
    W1, b1, W2, b2 = p[: 2 * HIDDEN].reshape(HIDDEN, 2), p[2 * HIDDEN : 3 * HIDDEN], p[3 * HIDDEN : 4 * HIDDEN], p[4 * HIDDEN]

    def step(state: Array) -> Array:
        x, v = state[0], state[1]
        force = W2 @ xp.maximum(W1 @ state + b1, 0.0) + b2 - DAMPING * v - STIFFNESS * x
        return xp.stack([x + DT * v, v + DT * force])

    return step


def spring_damper(xp: Any, steps: Any) -> Callable[[Array], Array]:
    """Sum of the squares of all new states, as a Python loop."""

    def f(p: Array) -> Array:
        step, state, loss = _euler_step(xp, p), xp.asarray(START), 0.0
        for _ in range(int(steps)):
            state = step(state)
            loss = loss + xp.sum(state**2)
        return loss

    return f


def spring_damper_scan(xp: Any, steps: Any) -> Callable[[Array], Array]:
    """The same as a rolled loop: ``hoad.scan`` in NumPy, ``jax.lax.scan`` in ``jax.numpy``."""
    count = int(steps)  # a number before anything is traced

    def f(p: Array) -> Array:
        step = _euler_step(xp, p)

        def body(carry: Any, _: None) -> Any:
            state, loss = step(carry[0]), carry[1]
            return (state, loss + xp.sum(state**2)), None

        return _scan_of(xp)(body, (xp.asarray(START), 0.0), None, length=count)[0][1]

    return f


def _scan_of(xp: Any) -> Callable[..., Any]:
    if xp is np:
        import hoad

        return hoad.scan
    return importlib.import_module("jax").lax.scan


def _spring_damper_gradient(steps: int, p: Array) -> Array:
    """Adjoint states by hand; analytic in ``p`` beside the kinks of max(z, 0), so that a complex step may follow."""
    W1, b1, W2, b2 = np.split(p, (2 * HIDDEN, 3 * HIDDEN, 4 * HIDDEN))
    W1 = W1.reshape(HIDDEN, 2)
    states, slopes = [START.astype(p.dtype)], []
    for _ in range(steps):
        z = W1 @ states[-1] + b1
        slopes.append(z.real > 0)
        (x, v), force = states[-1], W2 @ (slopes[-1] * z) + b2[0]
        states.append(np.array([x + DT * v, v + DT * (force - DAMPING * v - STIFFNESS * x)]))
    gW1, gb1, gW2, gb2 = np.zeros_like(W1), np.zeros_like(b1), np.zeros_like(W2), np.zeros_like(b2)
    adjoint = np.zeros(2, p.dtype)
    for old, new, slope in zip(states[-2::-1], states[:0:-1], slopes[::-1], strict=True):
        adjoint = adjoint + 2 * new
        push = DT * adjoint[1]
        g = push * W2 * slope
        gW2, gb2 = gW2 + push * slope * (W1 @ old + b1), gb2 + push
        gW1, gb1 = gW1 + np.outer(g, old), gb1 + g
        adjoint = np.array([adjoint[0] - push * STIFFNESS, DT * adjoint[0] + adjoint[1] - push * DAMPING]) + W1.T @ g
    return np.concatenate([gW1.ravel(), gb1, gW2, gb2])


def _make_spring_damper(program: Callable[..., Any]) -> Callable[[int, int], Case]:
    def make(size: int, seed: int) -> Case:
        """``size`` steps."""
        rng = np.random.default_rng(seed)
        bound = np.repeat([1 / np.sqrt(2), 1 / np.sqrt(HIDDEN)], [3 * HIDDEN, HIDDEN + 1])
        p, v = rng.uniform(-bound, bound), rng.standard_normal(4 * HIDDEN + 1)
        return Case(
            program, (size,), p, v, None,
            lambda: _spring_damper_gradient(size, p), lambda: complex_step(lambda q: _spring_damper_gradient(size, q), p, v),
        )  # fmt: skip

    return make


# Old cases stay unchanged, new ones are appended, so that measurements remain comparable.
SCENARIOS: dict[str, Scenario] = {
    s.name: s
    for s in (
        Scenario("rosenbrock", make_rosenbrock, (10, 1_000, 100_000, 1_000_000), 10),
        Scenario("transcendental", make_transcendental, (10, 1_000, 100_000, 1_000_000), 10),
        Scenario("neo_hooke", make_neo_hooke, (10, 1_000, 100_000), 7),
        Scenario("logistic", _make_logistic(FEATURES), (1_000, 10_000), 50, lambda size: size * FEATURES),
        Scenario("tanh_network", make_tanh_network, (100,), 3, lambda size: 50 * size, scalar=False),
        Scenario("classifier", _make_classifier((64, 128, 128, 10)), (256,), 4, lambda size: 128 * size),
        Scenario("scalar_loop", make_scalar_loop, (1_000, 100_000, 1_000_000), 300, lambda size: 1),
        Scenario("helmholtz", make_helmholtz, (10, 100, 1_000), 6, lambda size: size * size),
        Scenario("log_determinant", make_log_determinant, (10, 100), 4, lambda size: size * size, needs=("numpy.linalg.slogdet",)),
        Scenario("compliance", make_compliance, (10, 100), 4, lambda size: size * size, needs=("numpy.linalg.solve",)),
        Scenario("logistic_200", _make_logistic(200), (10_000, 100_000), 50, lambda size: size * 200),
        Scenario("spring_damper", _make_spring_damper(spring_damper), (100,), 5, lambda size: HIDDEN),
        Scenario("spring_damper_scan", _make_spring_damper(spring_damper_scan), (100,), 5, lambda size: HIDDEN),
    )
}


def available(scenario: Scenario) -> bool:
    """Whether this version of hoad has rules for what the scenario calls."""
    import hoad

    return set(scenario.needs) <= {f.name for f in hoad.registry()}
