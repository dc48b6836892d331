"""Taylor series of a network along a line: time by order, and the number of NumPy calls, which is quadratic in it."""

from __future__ import annotations

import hoad

from .counting import numpy_calls, passes
from .scenarios import SCENARIOS


class Taylor:
    params = [1, 2, 4, 8, 16]
    param_names = ["order"]

    def setup(self, order: int) -> None:
        case = SCENARIOS["tanh_network"].make(100, 0)
        self.f, self.x, self.v = case.function, case.point, case.direction

    def time_taylor(self, order: int) -> None:
        hoad.taylor(self.f, self.x, self.v, order)

    def peakmem_taylor(self, order: int) -> None:
        hoad.taylor(self.f, self.x, self.v, order)

    def track_numpy_calls(self, order: int) -> int:
        return numpy_calls(lambda x, v: hoad.taylor(self.f, x, v, order), self.x, self.v)

    def track_passes(self, order: int) -> int:
        return passes(lambda f: hoad.taylor(f, self.x, self.v, order), self.f)
