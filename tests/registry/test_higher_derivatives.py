"""Taylor mode against nested forward mode, and the compositions of forward and reverse against each other."""

import numpy as np
import pytest

import hoad
from hoad.testing import check_series

from .harness import SMOOTH, assert_close, leaves, over, silent


def _flat(case):
    return lambda xs: tuple(leaves(case(*xs)))


@over(SMOOTH)
def test_taylor_is_nested_forward(case):
    xs = tuple(case.point)
    with silent():
        check_series(_flat(case), xs, tuple(case.directions(xs)), case.order, rtol=1e-11 * case.tolerance)


@pytest.mark.slow
@over(SMOOTH, lambda c: not c.real_only)
def test_taylor_is_nested_forward_at_complex_points(case):
    xs = tuple(case.sample(np.complex128))
    with silent():
        check_series(_flat(case), xs, tuple(case.directions(xs)), 3, rtol=1e-11 * case.tolerance)


def _loss(case):
    """A real function that is curved also where the case is linear."""

    def loss(xs):
        total = 0.0
        for y in leaves(case(*xs)):
            for part in (np.real(y), np.imag(y)) if y.dtype.kind == "c" else (y,):
                weights = np.cos(np.arange(part.size)).reshape(part.shape)
                kept = np.where(np.isfinite(part), part, 0.0)
                total = total + np.sum(weights * (kept + 0.5 * kept * kept))
        return total

    return loss


def _compositions_agree(case, dtype):
    xs = tuple(case.sample(dtype))
    vs = tuple(case.directions(xs))
    loss = _loss(case)
    with silent():
        rf, fr, rr = (
            hoad.hvp(loss, xs, vs, mode=m) for m in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse")
        )
        curvature = hoad.vhv(loss, xs, vs)
    assert_close(fr, rf, "forward-over-reverse", 10 * case.tolerance)
    assert_close(rr, rf, "reverse-over-reverse", 10 * case.tolerance)
    inner = sum((np.conj(v) * h).real.sum() for v, h in zip(vs, rf))
    assert_close(curvature, inner, "taylor", 10 * case.tolerance)
    assert all(np.isfinite(h).all() for h in rf) or any(np.isnan(x).any() for x in xs)


@over(SMOOTH)
def test_compositions_agree(case):
    _compositions_agree(case, np.float64)


@over(SMOOTH, lambda c: not c.real_only)
def test_compositions_agree_at_complex_points(case):
    _compositions_agree(case, np.complex128)
