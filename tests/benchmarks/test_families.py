"""The derivatives that are timed against each other are the same."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `benchmarks` is not installed: it belongs to the checkout
    sys.path.append(str(ROOT))

families = importlib.import_module("benchmarks.families")


@pytest.mark.parametrize("name", families.ROWS)
def test_both_sides_agree(name):
    families.check(families.ROWS[name])
