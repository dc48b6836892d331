"""One step of every optimiser, one hyperplane step on the network of the paper, and what each example computes at its core."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import hoad
import hoad.optimize as ho

from .counting import numpy_calls, passes
from .hyperplane import hoad_step, make_network

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"
RESIDUALS = ("gauss-newton", "levenberg-marquardt", "natural-gradient")
RANDOM = ("fgd", "fomoh", "fomoh-kd")


def residuals(x: Any) -> Any:
    """Rosenbrock's function as a sum of squares over 2."""
    return np.sqrt(2.0) * np.concatenate([10.0 * (x[1:] - x[:-1] ** 2), 1.0 - x[:-1]])


def objective(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def step_of(name: str, size: int) -> tuple[Callable[[Any], Any], Callable[[Callable[[Any], Any]], Any]]:
    """The function that an optimiser is given, and its second update from the usual start: the first only makes the state."""
    made = ho.OPTIMISERS[name](**({"seed": 0} if name in RANDOM else {}))
    method = ho.descend(made) if isinstance(made, ho.Transform) else made
    f = residuals if name in RESIDUALS else objective
    start = np.resize([-1.2, 1.0], size)
    step, state = method.update(f, start, method.init(start))
    x = start + step
    return f, lambda f: method.update(f, x, state)


class OptimiserStep:
    params = [list(ho.OPTIMISERS), [10, 100]]
    param_names = ["optimiser", "size"]

    def setup(self, name: str, size: int) -> None:
        self.f, self.step = step_of(name, size)

    def time_step(self, name: str, size: int) -> None:
        self.step(self.f)

    def peakmem_step(self, name: str, size: int) -> None:
        self.step(self.f)

    def track_passes(self, name: str, size: int) -> int:
        return passes(self.step, self.f)


class HyperplaneStep:
    """784-100-10, as published, along given directions."""

    params = [[1, 2, 5, 10], [256, 2048]]
    param_names = ["directions", "batch"]

    def setup(self, directions: int, batch: int) -> None:
        self.net = make_network((784, 100, 10), batch, directions)
        self.step = hoad_step(self.net)

    def time_step(self, directions: int, batch: int) -> None:
        self.step()

    def peakmem_step(self, directions: int, batch: int) -> None:
        self.step()

    def track_numpy_calls(self, directions: int, batch: int) -> int:
        net = self.net
        return numpy_calls(lambda *layers: ho.curvature_matrix(net.loss, layers, net.V), *net.layers)


# -- examples ---------------------------------------------------------------------------------------------------------------


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _digits(module: Any) -> tuple[Any, Any]:
    X, y, _, _ = module.data()
    return X, np.eye(10)[y]


def _backpropagation(module: Any) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    X, Y = rng.uniform(size=(1797, module.WIDTHS[0])), np.eye(10)[rng.integers(10, size=1797)]
    return partial(hoad.value_and_grad(module.loss), module.initial_weights(), X, Y)


def _binary(module: Any) -> Callable[[], Any]:
    w, X, y = module.data()
    return partial(module.newton, lambda v: module.cross_entropy(v, X, y), np.zeros_like(w), 5)


def _classifier(way: int) -> Callable[[Any], Callable[[], Any]]:
    def core(module: Any) -> Callable[[], Any]:
        X, Y = _digits(module)
        w = np.zeros(X.shape[1] * 10)
        return lambda: module.train(lambda v: module.loss(v, X, Y), module.WAYS[way].method(0), w, 5)

    return core


def _regression(module: Any) -> Callable[[], Any]:
    weights, X, y = module.problem()
    return partial(module.fit, lambda w: module.mean_square(w, X, y, np.tanh), weights, 10)


def _eigenvalues(module: Any) -> Callable[[], Any]:
    problem = module.digits(200)
    return partial(module.largest_eigenvalues, problem.f, np.zeros(problem.size), 3)


def _idx(module: Any) -> Callable[[], Any]:
    """Writes and reads 100 images."""
    images = np.random.default_rng(0).integers(256, size=(100, 28, 28)).astype(np.uint8)

    def there_and_back() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "images.gz"
            module.write_idx(path, images)
            return module.read_idx(path)

    return there_and_back


CORES: dict[str, tuple[str, Callable[[Any], Callable[[], Any]]]] = {
    "backpropagation: gradient": ("backpropagation_walkthrough", _backpropagation),
    "binary classification: 5 Newton steps": ("binary_classification", _binary),
    "digits: 5 forward gradients": ("digits_classifier", _classifier(0)),
    "digits: 5 hyperplane steps, K = 10": ("digits_classifier", _classifier(4)),
    "digits: 5 steps of back-propagation": ("digits_classifier", _classifier(5)),
    "evaluation traces: trace": ("evaluation_traces", lambda m: partial(hoad.trace(m.textbook), 2.0, 4.0)),
    "expression swell: 8 derivatives": ("expression_swell", lambda m: partial(m.derivatives, m.smooth, 1.0, 8)),
    "Hessian of real data: 3 eigenvalues": ("hessian_of_real_data", _eigenvalues),
    "idx: 100 images": ("idx", _idx),
    "iLQR on the pendulum: 3 iterations": ("ilqr", lambda m: partial(m.optimise, m.TASKS["pendulum"], False, 3)),
    "DDP on the cart-pole: 3 iterations": ("ilqr", lambda m: partial(m.optimise, m.TASKS["cart-pole"], True, 3)),
    "regression: 10 epochs of Adam": ("mlp_regression", _regression),
    "rigid body: Newton step": (
        "rigid_body",
        lambda m: partial(m.newton, m.running_loss, {"force": np.array([0.1, 0.0]), "torque": np.array(0.01)}, 1),
    ),
    "spring-damper: epoch of Adam": (
        "spring_damper", lambda m: partial(m.adam, m.running_loss, m.initial_weights(), 1e-3, 1),
    ),
    "spring-damper: Levenberg-Marquardt step": (
        "spring_damper", lambda m: partial(m.levenberg_marquardt, m.initial_weights(), 1),
    ),
}  # fmt: skip
"""What is measured, from the name of the example's module; its drawing is left out."""


def core_of(key: str) -> Callable[[], Any]:
    name, make = CORES[key]
    with _importable(EXAMPLES):
        return make(import_module(name))


class Example:
    params = list(CORES)
    param_names = ["core"]

    def setup(self, key: str) -> None:
        try:
            self.core = core_of(key)
        except ImportError as error:  # an example needs the extra `examples`; asv skips what is not there
            raise NotImplementedError(str(error)) from error

    def time_core(self, key: str) -> None:
        self.core()

    def peakmem_core(self, key: str) -> None:
        self.core()
