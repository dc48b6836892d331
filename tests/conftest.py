"""Options, markers and profiles of the whole test suite."""

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

settings.register_profile("default", derandomize=True, deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("default")


def pytest_addoption(parser):
    parser.addoption("--runslow", action="store_true", help="also run tests marked slow")


def pytest_configure():
    """What a test compiles is not taken from an earlier run, whose passes or limits may have been others."""
    from hoad.compiler import settings as compiling

    compiling.KEEPS = False


def _no_device() -> str | None:
    """Why CuPy cannot compute here, or None."""
    try:
        import cupy

        cupy.zeros(1).sum()
    except Exception as error:
        return f"CuPy finds no device: {type(error).__name__}"
    return None


def _skip(items, mark, reason):
    """Skip the items with a mark: the first of each function, which tells the reason; its other parameters are left out."""
    kept, left_out, told = [], [], set()
    for item in items:
        function = item.nodeid.partition("[")[0]
        if mark not in item.keywords:
            kept.append(item)
        elif function in told:
            left_out.append(item)
        else:
            told.add(function)
            item.add_marker(pytest.mark.skip(reason=reason))
            kept.append(item)
    items[:] = kept
    return left_out


def pytest_collection_modifyitems(config, items):
    left_out = []
    if not config.getoption("--runslow"):
        left_out += _skip(items, "slow", "slow: give --runslow")
    if any("gpu" in item.keywords for item in items) and (reason := _no_device()):
        left_out += _skip(items, "gpu", reason)
    if left_out:
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish():
    """The garbage collector need not look through tens of thousands of tests, which live until the end, again and again."""
    gc.collect()
    gc.freeze()
