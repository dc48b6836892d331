"""Every primitive with a loop form gives, as native code, what it gives by itself."""

from __future__ import annotations

import numpy as np
import pytest

import hoad
from hoad.compile.build import build
from hoad.compile.lower.lowering import BODIES, RULES, lower
from hoad.compile.passes.rewriting import Slot, make_step
from hoad.compile.steps import ArraySpec, Guard, Steps
from hoad.compile.toolchain import capabilities
from hoad.errors import NoCompilerError

from .lowering_cases import AREAS, moving, points, r
from .lowering_tools import Case, failures, program, ulps_apart

hoad.registry()


try:
    capabilities()
except NoCompilerError:
    pytest.skip("no C compiler on this machine", allow_module_level=True)


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["f8", "f4"])
@pytest.mark.parametrize("area", AREAS, ids=[a.__name__ for a in AREAS])
def test_native_agrees(area, dtype):
    found = failures(area(dtype), dtype, None if area in (points, moving) else "-O1")
    assert not found, "\n".join(p[:600] for p in found[:20])


def test_every_rule_has_a_case():
    reached = {case.name for area in AREAS for case in area(np.float64)}
    assert sorted((set(RULES) | BODIES) - reached - {"count_nonzero"}) == []
