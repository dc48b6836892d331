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


def _refuses(prim):
    """Whether it has no derivative in any argument, so that traced values may only be batches."""
    slopes = prim.declaration if prim.kind == "elementwise" and isinstance(prim.declaration, tuple) else ()
    return bool(slopes) and all(getattr(s, "__qualname__", "").startswith("refusing.") for s in slopes)


def test_every_primitive_is_met():
    ours = {name for name, prim in primitives.items() if not name.startswith("tests.") and not _refuses(prim)}
    missing = sorted(ours - {prim.name for prim, *_ in spy.applications()})
    assert not missing, f"no case reaches {missing}"
