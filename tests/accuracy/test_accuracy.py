"""First and second derivatives of special functions against mpmath, at a few points of each domain."""

import pytest

import hoad

from .references import REFERENCES


@pytest.mark.parametrize("points", [4, pytest.param(8, marks=pytest.mark.slow)])
@pytest.mark.parametrize("reference", REFERENCES, ids=lambda r: r.id)
def test_derivatives_agree_with_mpmath(reference, points):
    for order, (error, point) in reference.worst(points).items():
        assert error <= reference.limit, f"derivative {order} at {point}: {error:.3g} units in the last place"


def test_references_are_of_registered_functions():
    assert {r.name for r in REFERENCES} <= {f.name for f in hoad.registry()}


def test_looser_limits_have_reasons():
    assert all(r.limit <= 50 or r.reason for r in REFERENCES)
