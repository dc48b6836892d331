"""Options, markers and profiles of the whole test suite."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("default", derandomize=True, deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("default")


def pytest_addoption(parser):
    parser.addoption("--runslow", action="store_true", help="also run tests marked slow")


def _no_device() -> str | None:
    """Why CuPy cannot compute here, or None."""
    try:
        import cupy

        cupy.zeros(1).sum()
    except Exception as error:
        return f"CuPy finds no device: {type(error).__name__}"
    return None


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--runslow"):
        skip = pytest.mark.skip(reason="slow: give --runslow")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)
    gpu = [item for item in items if "gpu" in item.keywords]
    if gpu and (reason := _no_device()):
        for item in gpu:
            item.add_marker(pytest.mark.skip(reason=reason))
