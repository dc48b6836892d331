"""Second derivatives: Hessian-vector products in three compositions, linearised, Hessians, and vᵀ H v."""

from __future__ import annotations

import numpy as np

import hoad

from .bench_gradient import CASES, _OnCases
from .counting import numpy_calls, passes
from .scenarios import SCENARIOS, neo_hooke_density

MODES = ["reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"]


class HessianVector(_OnCases):
    params = [[f"{name} {size}" for name, size in CASES], MODES]  # type: ignore[assignment]
    param_names = ["case", "mode"]

    def setup(self, key: str, mode: str) -> None:  # type: ignore[override]
        super().setup(key)

    def time_hvp(self, key: str, mode: str) -> None:
        hoad.hvp(self.f, self.x, self.v, mode=mode)

    def peakmem_hvp(self, key: str, mode: str) -> None:
        hoad.hvp(self.f, self.x, self.v, mode=mode)

    def track_numpy_calls(self, key: str, mode: str) -> int:
        return numpy_calls(lambda x, v: hoad.hvp(self.f, x, v, mode=mode), self.x, self.v)

    def track_passes(self, key: str, mode: str) -> int:
        return passes(lambda f: hoad.hvp(f, self.x, self.v, mode=mode), self.f)


class Together(_OnCases):
    def time_value_grad_and_hvp(self, key: str) -> None:
        hoad.value_grad_and_hvp(self.f, self.x, self.v)

    def time_vhv(self, key: str) -> None:
        hoad.vhv(self.f, self.x, self.v)

    def track_vhv_numpy_calls(self, key: str) -> int:
        return numpy_calls(lambda x, v: hoad.vhv(self.f, x, v), self.x, self.v)


class Linearized(_OnCases):
    """``linearize_hvp``: the preparation, and one product afterwards."""

    def setup(self, key: str) -> None:
        super().setup(key)
        _, _, self.product = hoad.linearize_hvp(self.f, self.x)

    def time_prepare(self, key: str) -> None:
        hoad.linearize_hvp(self.f, self.x)

    def time_apply(self, key: str) -> None:
        self.product(self.v)

    def peakmem_apply(self, key: str) -> None:
        self.product(self.v)

    def track_apply_numpy_calls(self, key: str) -> int:
        return numpy_calls(self.product, self.v)


class Hessian(_OnCases):
    """Full Hessians, where they fit."""

    params = [
        "rosenbrock 10",
        "rosenbrock 1000",
        "transcendental 1000",
        "logistic 1000",
        "helmholtz 10",
        "helmholtz 100",
        "log_determinant 10",
    ]

    def time_hessian(self, key: str) -> None:
        hoad.hessian(self.f)(self.x)

    def peakmem_hessian(self, key: str) -> None:
        hoad.hessian(self.f)(self.x)

    def track_passes(self, key: str) -> int:
        return passes(lambda f: hoad.hessian(f)(self.x), self.f)


class TensorHessians:
    """The 9 x 9 Hessian of the neo-Hooke density of many tensors, components first."""

    params = [10, 1_000, 100_000]
    param_names = ["tensors"]

    def setup(self, size: int) -> None:
        self.F = SCENARIOS["neo_hooke"].make(size, 0).point
        self.mapped = hoad.vmap(hoad.hessian(neo_hooke_density(np)), in_axes=-1, out_axes=-1)

    def time_vmap_hessian(self, size: int) -> None:
        self.mapped(self.F)

    def peakmem_vmap_hessian(self, size: int) -> None:
        self.mapped(self.F)

    def track_numpy_calls(self, size: int) -> int:
        return numpy_calls(self.mapped, self.F)
