"""The value of a traced call is bitwise NumPy's, with its dtype, in every mode."""

import numpy as np

from .harness import CONSTANT, KNOWN, MODES, at_level, bare, is_traced, leaves, over, silent


@over(KNOWN)
def test_value_is_bitwise_the_native_one(case):
    xs = case.point
    with silent():
        expected = leaves(case(*xs))
    for mode in MODES:
        with silent():
            found = leaves(bare(at_level(mode, case, xs, case.directions(xs))[0]))
        assert len(found) == len(expected), mode
        for a, b in zip(found, expected):
            assert np.array_equal(a, b, equal_nan=np.asarray(b).dtype.kind in "fc"), mode
            assert np.asarray(a).dtype == np.asarray(b).dtype, mode


@over(CONSTANT)
def test_constants_carry_no_derivative(case):
    xs = case.point
    for mode in MODES:
        with silent():
            out, _ = at_level(mode, case, xs, case.directions(xs))
        assert not is_traced(out), mode
