"""Compiled derivatives: a warm call, the first result of a process, the same from the cache, memory, and the time of compiling."""

from __future__ import annotations

import tempfile
from typing import Any

from .fresh import BODIES, sample
from .scenarios import SCENARIOS
from .sides import hoad_side

HVPS = [
    f"HVP {name} {size}"
    for name in ("rosenbrock", "transcendental", "neo_hooke", "logistic_200", "classifier")
    for size in SCENARIOS[name].sizes
]
OTHERS = ["tensor Hessians neo_hooke 100000", "Taylor tanh_network 100"]
LOOPS = [f"{kind} spring_damper_scan 100" for kind in ("gradient", "HVP", "Hessian")]


def side_of(key: str) -> Any:
    """The compiled derivative of a parameter such as ``"HVP rosenbrock 1000"``."""
    kind, name, size = key.rsplit(maxsplit=2)
    return hoad_side(kind, SCENARIOS[name].make(int(size), 0))


class Warm:
    """Any call but the first."""

    params = [*HVPS, *LOOPS, *OTHERS]
    param_names = ["derivative"]
    timeout = 300

    def setup(self, key: str) -> None:
        self.run = side_of(key).run
        self.run()

    def time_call(self, key: str) -> None:
        self.run()

    def peakmem_call(self, key: str) -> None:
        self.run()


class Start:
    """The first result of a process, in seconds, imports excluded; each sample is a process of its own."""

    params = [
        "HVP rosenbrock 1000",
        "HVP transcendental 1000",
        "HVP neo_hooke 1000",
        "HVP logistic_200 10000",
        "HVP classifier 256",
        "HVP spring_damper_scan 100",
        "gradient spring_damper 100",
        "HVP spring_damper 100",
    ]
    param_names = ["derivative"]
    unit = "s"
    timeout = 600

    def track_cold(self, key: str) -> float:
        """Nothing is cached."""
        return min(sample("first", "hoad", *key.split())["seconds"] for _ in range(3))

    def track_cached(self, key: str) -> float:
        """An earlier process compiled the same function."""
        with tempfile.TemporaryDirectory(prefix="hoad-cache-") as cache:
            return min([sample("first", "hoad", *key.split(), cache=cache)["seconds"] for _ in range(4)][1:])


class Memory:
    """Bytes at the peak of a Hessian-vector product, arguments and result included."""

    params = ["rosenbrock 1000000", "transcendental 1000000", "neo_hooke 100000"]
    param_names = ["case"]
    unit = "bytes"
    timeout = 300

    def track_peak(self, key: str) -> float:
        return sample("memory", "hoad", *key.split())["bytes"]


class Length:
    """Seconds of compiling an unrolled loop, by the number of its operations."""

    params = [list(BODIES), [100, 1_000, 10_000, 100_000]]
    param_names = ["bodies", "operations"]
    unit = "s"
    timeout = 1800

    def track_compiling(self, body: str, operations: int) -> float:
        return sample("length", body, operations)["seconds"]
