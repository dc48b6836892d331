"""Batching: a function of one example as a function of many, alone and around a gradient and a Hessian."""

from __future__ import annotations

import hoad

from .counting import numpy_calls
from .scenarios import SCENARIOS


class Vmap:
    params = [10, 1_000, 10_000]
    param_names = ["batch"]

    def setup(self, batch: int) -> None:
        case = SCENARIOS["tanh_network"].make(batch, 0)
        self.x = case.point
        self.f = lambda row: case.function(row)[0]

    def time_function(self, batch: int) -> None:
        hoad.vmap(self.f)(self.x)

    def time_gradient(self, batch: int) -> None:
        hoad.vmap(hoad.grad(self.f))(self.x)

    def peakmem_gradient(self, batch: int) -> None:
        hoad.vmap(hoad.grad(self.f))(self.x)

    def time_hessian(self, batch: int) -> None:
        hoad.vmap(hoad.hessian(self.f))(self.x)

    def track_gradient_numpy_calls(self, batch: int) -> int:
        return numpy_calls(hoad.vmap(hoad.grad(self.f)), self.x)
