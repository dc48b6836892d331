"""Forward mode against references from outside hoad, and reverse mode as its adjoint."""

import numpy as np

import hoad
from hoad.testing import check_transpose

from .harness import SMOOTH, assert_close, directional, leaves, over, silent


def _flat(case):
    return lambda *xs: tuple(leaves(case(*xs)))


def _against_reference(case, dtype):
    xs = case.sample(dtype)
    vs = case.directions(xs)
    with silent():
        expected, factor = directional(case, xs, vs)
        y, t = hoad.jvp(_flat(case), tuple(xs), tuple(vs))
    assert_close(
        leaves(t),
        [np.asarray(e).astype(np.asarray(a).dtype) for e, a in zip(expected, leaves(t))],
        case.id,
        factor * case.tolerance,
    )
    assert all(np.asarray(a).shape == np.asarray(b).shape for a, b in zip(leaves(y), leaves(t)))


@over(SMOOTH)
def test_forward_is_the_derivative(case):
    _against_reference(case, np.float64)


@over(SMOOTH, lambda c: not c.real_only)
def test_forward_is_the_derivative_at_complex_points(case):
    _against_reference(case, np.complex128)


@over(SMOOTH)
def test_reverse_is_the_adjoint_of_forward(case):
    with silent():
        check_transpose(_flat(case), case.point, rtol=1e-12 * case.tolerance)


@over(SMOOTH, lambda c: not c.real_only)
def test_reverse_is_the_adjoint_of_forward_at_complex_points(case):
    with silent():
        check_transpose(_flat(case), case.sample(np.complex128), rtol=1e-12 * case.tolerance)


@over(SMOOTH, lambda c: not c.real_only and len(c.args) > 1 and not c.together)
def test_reverse_is_the_adjoint_for_mixed_real_and_complex_arguments(case):
    real, complex_ = case.sample(), case.sample(np.complex128)
    with silent():
        for i in range(len(real)):
            check_transpose(
                _flat(case), [c if k == i else r for k, (r, c) in enumerate(zip(real, complex_))], rtol=1e-12 * case.tolerance
            )
