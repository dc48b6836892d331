"""First derivatives: gradient, forward and reverse directional derivatives, beside the function itself."""

from __future__ import annotations

from typing import Any

import hoad

from .counting import numpy_calls, passes, tape_length
from .scenarios import SCENARIOS, Case, available

CASES = [(s.name, size) for s in SCENARIOS.values() if s.scalar and s.name != "scalar_loop" for size in s.sizes]


def case_of(key: str) -> Case:
    """The case of a parameter such as ``"rosenbrock 1000"``; asv skips what has no rule yet."""
    name, size = key.split()
    if not available(SCENARIOS[name]):
        raise NotImplementedError(f"{name} needs {SCENARIOS[name].needs}")
    return SCENARIOS[name].make(int(size), 0)


class _OnCases:
    params = [f"{name} {size}" for name, size in CASES]
    param_names = ["case"]

    def setup(self, key: str) -> None:
        case = case_of(key)
        self.f, self.x, self.v = case.function, case.point, case.direction


class Function(_OnCases):
    """The function alone: what the derivatives are compared with."""

    def time_call(self, key: str) -> None:
        self.f(self.x)

    def track_numpy_calls(self, key: str) -> int:
        return numpy_calls(self.f, self.x)


class Gradient(_OnCases):
    def time_grad(self, key: str) -> None:
        hoad.grad(self.f)(self.x)

    def peakmem_grad(self, key: str) -> None:
        hoad.grad(self.f)(self.x)

    def time_value_and_grad(self, key: str) -> None:
        hoad.value_and_grad(self.f)(self.x)

    def track_numpy_calls(self, key: str) -> int:
        return numpy_calls(hoad.grad(self.f), self.x)

    def track_tape_length(self, key: str) -> int:
        return tape_length(self.f, self.x)

    def track_passes(self, key: str) -> int:
        return passes(lambda f: hoad.grad(f)(self.x), self.f)


class Forward(_OnCases):
    def time_jvp(self, key: str) -> None:
        hoad.jvp(self.f, (self.x,), (self.v,))

    def peakmem_jvp(self, key: str) -> None:
        hoad.jvp(self.f, (self.x,), (self.v,))

    def track_numpy_calls(self, key: str) -> int:
        return numpy_calls(lambda x, v: hoad.jvp(self.f, (x,), (v,)), self.x, self.v)


class Pullback(_OnCases):
    """One pull through a tape that is kept."""

    def setup(self, key: str) -> None:
        super().setup(key)
        y, self.pull = hoad.vjp(self.f, self.x)
        self.u: Any = y.dtype.type(1)

    def time_vjp(self, key: str) -> None:
        hoad.vjp(self.f, self.x)

    def time_pull(self, key: str) -> None:
        self.pull(self.u)
