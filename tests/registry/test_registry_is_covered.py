"""Every function of the registry has a case, and every primitive is met by some case in some mode."""

import hoad
from hoad.core.primitive import primitives

from . import spy
from .cases import CASES


def test_every_function_has_a_case():
    missing = sorted({f.name for f in hoad.registry()} - {c.name for c in CASES})
    assert not missing, f"add cases in tests/registry/cases/ for {missing}"


def test_cases_have_distinct_names():
    ids = [c.id for c in CASES]
    assert sorted(ids) == sorted(set(ids))


def test_every_primitive_is_met():
    ours = {name for name in primitives if not name.startswith("tests.")}  # not those that other tests register
    missing = sorted(ours - {prim.name for prim, *_ in spy.applications()})
    assert not missing, f"no case reaches {missing}"
