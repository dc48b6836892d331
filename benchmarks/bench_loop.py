"""A long loop of scalar operations: what the engine costs per operation, in time and memory."""

from __future__ import annotations

import tracemalloc

import hoad

from .counting import tape_length
from .scenarios import SCENARIOS


class ScalarLoop:
    params = list(SCENARIOS["scalar_loop"].sizes)
    param_names = ["operations"]
    timeout = 300

    def setup(self, operations: int) -> None:
        case = SCENARIOS["scalar_loop"].make(operations, 0)
        self.f, self.x, self.v = case.function, case.point, case.direction

    def time_function(self, operations: int) -> None:
        self.f(self.x)

    def time_jvp(self, operations: int) -> None:
        hoad.jvp(self.f, (self.x,), (self.v,))

    def time_grad(self, operations: int) -> None:
        hoad.grad(self.f)(self.x)

    def time_hvp(self, operations: int) -> None:
        hoad.hvp(self.f, self.x, self.v)

    def peakmem_grad(self, operations: int) -> None:
        hoad.grad(self.f)(self.x)

    def track_bytes_per_operation(self, operations: int) -> float:
        tracemalloc.start()
        try:
            hoad.grad(self.f)(self.x)
            return tracemalloc.get_traced_memory()[1] / operations
        finally:
            tracemalloc.stop()

    def track_tape_length(self, operations: int) -> int:
        return tape_length(self.f, self.x)
