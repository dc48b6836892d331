"""Methods of every binary ufunc that has a derivative: values of NumPy, derivatives in every mode, keywords and bad input."""

import numpy as np
import pytest

import hoad
from hoad.errors import InPlaceError

from .agreement import all_modes_agree, close

RNG = np.random.default_rng(11)
BINARY = sorted(
    {
        f.native
        for f in hoad.registry()
        if isinstance(f.native, np.ufunc) and f.kind != "constant" and (f.native.nin, f.native.nout) == (2, 1)
        and f.native.signature is None and f.name.startswith("numpy.")
        and f.native not in (np.ldexp, np.heaviside, np.nextafter, np.copysign)
    },
    key=lambda u: u.__name__,
)  # fmt: skip
TOLERANCE = {np.power: 1e-6, np.float_power: 1e-6, np.arctan2: 1e-6, np.remainder: 1e-8, np.fmod: 1e-8}
M = 1.2 + 0.1 * RNG.permutation(12).reshape(3, 4) + RNG.uniform(0, 0.05, (3, 4))
over_ufuncs = pytest.mark.parametrize("ufunc", BINARY, ids=lambda u: u.__name__)


def names():
    return {u.__name__ for u in BINARY}


def test_the_list_is_not_empty():
    assert names() >= {"add", "multiply", "maximum", "fmin", "logaddexp", "hypot", "power", "divide", "arctan2"}


def one_by_one(ufunc):
    """``reduce`` as NumPy defines it; NumPy 2.4 itself differs for some ufuncs along an axis that is contiguous in memory."""

    def reduce(x, axis=0, initial=None, keepdims=False, where=True):
        where = np.moveaxis(np.broadcast_to(where, x.shape), axis, 0)
        rows = np.moveaxis(x, axis, 0)
        y = rows[0] if initial is None else np.full(rows.shape[1:], initial)
        for row, chosen in zip(rows[initial is None :], where[initial is None :]):
            y = np.where(chosen, ufunc(y, row), y)
        return np.expand_dims(y, axis) if keepdims else y

    return reduce


CONTIGUOUS_AXIS = {np.power, np.arctan2}


def agree(ufunc, f, x, plain=None):
    scale = 0.5 if ufunc in (np.power, np.float_power) else 1.0
    all_modes_agree(f, scale * x, order=3, tolerance=TOLERANCE.get(ufunc, 1e-9), plain=plain if ufunc in CONTIGUOUS_AXIS else None)


@over_ufuncs
@pytest.mark.parametrize("keywords", [{}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": 0, "initial": 1.3}], ids=str)
def test_reduce(ufunc, keywords):
    agree(ufunc, lambda x: ufunc.reduce(x, **keywords), M, lambda x: one_by_one(ufunc)(x, **keywords))


@over_ufuncs
def test_reduce_where(ufunc):
    mask = np.array([[True, False, True, True], [False, False, True, True], [True, True, False, True]])
    keywords = {"axis": 1, "where": mask, "initial": 0.9}
    agree(ufunc, lambda x: ufunc.reduce(x, **keywords), M, lambda x: one_by_one(ufunc)(x, **keywords))


@pytest.mark.parametrize("ufunc", [u for u in BINARY if u.identity is not None], ids=lambda u: u.__name__)
def test_reduce_over_all_axes_and_of_nothing(ufunc):
    if ufunc is not np.float_power and ufunc is not np.power:
        agree(ufunc, lambda x: ufunc.reduce(x, axis=None), M)
        agree(ufunc, lambda x: ufunc.reduce(x, axis=(0, 1), keepdims=True), M)
    value, t = hoad.jvp(lambda x: ufunc.reduce(x, axis=0), (np.ones((0, 2)),), (np.ones((0, 2)),))
    np.testing.assert_array_equal(value, ufunc.reduce(np.ones((0, 2)), axis=0))
    np.testing.assert_array_equal(t, np.zeros(2))


@over_ufuncs
@pytest.mark.parametrize("axis", [0, -1])
def test_accumulate(ufunc, axis):
    agree(ufunc, lambda x: ufunc.accumulate(x, axis=axis), M)


@over_ufuncs
@pytest.mark.parametrize("indices", [[0, 2], [0, 2, 1, 3], [1]], ids=str)
def test_reduceat(ufunc, indices):
    def plain(x):
        stops = [*indices[1:], x.shape[1]]
        return np.stack([one_by_one(ufunc)(x[:, i : max(j, i + 1)], axis=1) for i, j in zip(indices, stops)], axis=1)

    agree(ufunc, lambda x: ufunc.reduceat(x, indices, axis=1), M, plain)


@over_ufuncs
def test_outer(ufunc):
    agree(ufunc, lambda x: ufunc.outer(x[0, :2], 1.1 * x[:, 3]), M)
    agree(ufunc, lambda x: ufunc.outer([1.5, 2.5], x[0, :2]), M)


@over_ufuncs
def test_at_repeats_act_one_after_the_other(ufunc):
    index = [0, 2, 0, 1, 0]
    b = np.array([1.31, 0.87, 1.12, 0.95, 1.24])

    def updated(x):
        y = x[0] * 1.0
        ufunc.at(y, index, b * x[1, 1])
        return y

    def one_by_one(x):
        y = list(x[0])
        for i, v in zip(index, b * x[1, 1]):
            y[i] = ufunc(y[i], v)
        return np.stack(y)

    agree(ufunc, updated, M)
    for n in (1, 2, 3):
        found, expected = (hoad.taylor(f, M, M[::-1, ::-1].copy(), n)[n] for f in (updated, one_by_one))
        close(found, expected, 1e-12)


@pytest.mark.parametrize("index", [slice(1, 3), np.array([True, False, True, False]), ([0, 0, 1], [1, 1, 3]), 2], ids=str)
@pytest.mark.parametrize("ufunc", [np.multiply, np.maximum, np.subtract], ids=lambda u: u.__name__)
def test_at_takes_every_index(ufunc, index):
    def f(x):
        y = x * 1.0 if isinstance(index, tuple) else x[0] * 1.0
        ufunc.at(y, index, 1.7)
        return y

    agree(ufunc, f, M)


def test_unary_ufuncs_at():
    def f(x):
        y = x[0] * 0.3
        np.negative.at(y, [0, 0, 1])
        np.exp.at(y, [2, 2])
        np.sin.at(y, slice(1, 3))
        return y

    all_modes_agree(f, M, order=3)


def test_running_maximum_shares_ties_like_max():
    x = np.array([1.0, 3.0, 2.0, 3.0, 3.0, 1.0])
    third = [0, 1 / 3, 0, 1 / 3, 1 / 3, 0]
    expected = [np.eye(6)[0], np.eye(6)[1], np.eye(6)[1], [0, 0.5, 0, 0.5, 0, 0], third, third]
    for jacobian in (hoad.jacfwd, hoad.jacrev):
        close(jacobian(np.maximum.accumulate)(x), expected, 1e-15)
        close(jacobian(np.minimum.accumulate)(-x), expected, 1e-15)
    close(hoad.taylor(np.maximum.accumulate, x, np.ones(6), 2)[1], np.ones(6), 1e-15)
    close(hoad.grad(lambda x: np.maximum.reduce(x))(x), third, 1e-15)
    close(hoad.grad(lambda x: np.fmax.reduce(x))(np.where(x == 2, np.nan, x)), third, 1e-15)


def test_running_maximum_keeps_small_derivatives_beside_large_ones():
    x = np.array([0.0, 1.0, 2.0, 2.0])
    t = np.array([1e20, 1.0, 1e-20, 3e-20])
    assert hoad.jvp(np.maximum.accumulate, (x,), (t,))[1][3] == pytest.approx(2e-20)


@over_ufuncs
def test_batched_methods_are_the_loop(ufunc):
    xs = np.stack([M, M + 0.07, 1.5 * M])
    for f in (
        lambda x: ufunc.reduce(x, axis=0),
        lambda x: ufunc.accumulate(x, axis=1),
        lambda x: ufunc.reduceat(x, [0, 2], axis=1),
        lambda x: ufunc.outer(x[0], x[1]),
    ):
        close(hoad.vmap(f)(xs), [f(x) for x in xs], 1e-13)


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.logaddexp, np.maximum, np.subtract], ids=lambda u: u.__name__)
def test_float32_and_out(ufunc):
    x = M.astype(np.float32)
    for f in (ufunc.reduce, ufunc.accumulate, lambda x: ufunc.reduceat(x, [0, 1])):
        y, t = hoad.jvp(f, (x,), (x,))
        assert y.dtype == t.dtype == np.float32

    def stored(x):
        buffer = np.zeros_like(x[0])
        assert ufunc.reduce(x, axis=0, out=buffer) is buffer
        return buffer

    agree(ufunc, stored, M)


def test_reductions_with_a_mask_or_a_start_have_numpys_value_to_the_bit():
    x = RNG.normal(size=(5, 1000))
    mask = RNG.uniform(size=x.shape) < 0.6
    mask[0] = True
    for f in (
        lambda x: np.sum(x, axis=1, where=mask),
        lambda x: np.sum(x, initial=0.1),
        lambda x: np.mean(x, axis=0, where=mask),
        lambda x: np.prod(x, axis=1, initial=3.3, where=mask),
        lambda x: np.add.reduce(x, axis=1, initial=0.3, where=mask),
        lambda x: np.add.reduceat(x, [0, 300, 700], axis=1),
    ):
        value, t = hoad.jvp(f, (x,), (np.ones_like(x),))
        np.testing.assert_array_equal(value, f(x))


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.power], ids=lambda u: u.__name__)
def test_a_plain_array_cannot_be_updated_at_an_index(ufunc):
    a = np.ones(3)
    with pytest.raises(InPlaceError, match=rf"the first argument of np\.{ufunc.__name__}\.at is a plain ndarray"):
        hoad.grad(lambda x: ufunc.at(a, [0], x))(1.0)
    np.testing.assert_array_equal(a, np.ones(3))


def test_bad_input():
    with pytest.raises(ValueError, match="identity"):
        hoad.grad(lambda x: np.subtract.reduce(x[:0]))(np.ones(3))
    with pytest.raises(IndexError, match="out-of-bounds"):
        hoad.grad(lambda x: np.sum(np.add.reduceat(x, [0, 7])))(np.ones(3))
    with pytest.raises(np.exceptions.AxisError):
        hoad.grad(lambda x: np.sum(np.logaddexp.reduce(x, axis=4)))(np.ones(3))
    with pytest.raises(ValueError, match="binary"):
        hoad.grad(lambda x: np.sin.reduce(x))(np.ones(3))
    for ufunc in (np.multiply, np.add):
        with pytest.raises(InPlaceError, match=r"complex"):
            hoad.jvp(lambda x, u=ufunc: u.at(x, [0], 1j), (np.ones(2),), (np.ones(2),))
