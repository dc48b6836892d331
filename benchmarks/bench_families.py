"""One function of each family at 10⁵ elements: value and gradient, by hoad and written by hand in NumPy."""

from __future__ import annotations

from .families import ROWS, runners


class Families:
    params = list(ROWS)
    param_names = ["function"]

    def setup(self, name: str) -> None:
        self.by_hoad, self.by_hand = runners(ROWS[name])

    def time_by_hoad(self, name: str) -> None:
        self.by_hoad()

    def time_by_hand(self, name: str) -> None:
        self.by_hand()

    def peakmem_by_hoad(self, name: str) -> None:
        self.by_hoad()
