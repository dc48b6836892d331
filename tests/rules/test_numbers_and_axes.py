"""Numbers (arrays without axes) where a vector is expected, and axes that an array does not have: NumPy's answer or its error."""

import numpy as np
import pytest

import hoad
import hoad.numpy as hnp

from .agreement import all_modes_agree

NUMBER = np.array(0.7)
WIDTHS = {"": 2, " by nothing": 0, " by two": (1, 2), " by axis": [(1, 2)]}
MODES = ("constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric", "wrap")

OF_A_NUMBER = {
    "take": lambda x: np.take(np.sin(x), 0), "take, list": lambda x: np.take(np.sin(x), [0, -1]),
    "take, axis": lambda x: np.take(np.sin(x), [0, 0], axis=0), "take, last axis": lambda x: np.take(np.exp(x), 0, axis=-1),
    "take, clip": lambda x: np.take(np.sin(x), [3, -2], mode="clip"), "take, wrap": lambda x: np.take(np.sin(x), 7, mode="wrap"),
    "take, method": lambda x: np.sin(x).take([0]),
    "take, truth values": lambda x: np.take(np.sin(np.array([1.0, 2.0]) * x), [True, False]),
    "convolve": lambda x: np.convolve(np.sin(x), x), "convolve with a vector": lambda x: np.convolve([1.0, 2.0, 3.0], np.sin(x)),
    "convolve, same": lambda x: np.convolve(np.sin(x), x * np.arange(3.0), "same"),
    "convolve, number of the mode": lambda x: np.convolve(x, x * np.arange(3.0), 0),
    **{f"pad, {m}{w}": lambda x, m=m, w=w: np.pad(np.sin(x), WIDTHS[w], m) for m in MODES for w in WIDTHS
       if m == "constant" or not w},
    "pad, values": lambda x: np.pad(np.sin(x), 1, constant_values=3.0),
    "pad, traced values": lambda x: np.pad(np.sin(x) * np.ones(2), 1, constant_values=x),
    "cumsum": lambda x: np.cumsum(np.sin(x), axis=0), "cumprod": lambda x: np.cumprod(np.sin(x)),
    "cumulative_sum": lambda x: np.cumulative_sum(np.sin(x)), "cov": lambda x: np.cov(np.stack([x, x * x, np.sin(x)])),
    "sum, axis": lambda x: np.sum(np.sin(x), axis=0), "max, axis": lambda x: np.max(np.sin(x), axis=-1),
    "prod, axis": lambda x: np.prod(np.sin(x), axis=0), "nansum, axis": lambda x: np.nansum(np.sin(x), axis=0),
    "repeat, axis": lambda x: np.repeat(np.sin(x), 3, axis=0), "compress, axis": lambda x: np.compress([True], np.sin(x), axis=0),
    "squeeze, axis": lambda x: np.squeeze(np.sin(x), axis=0), "argsort": lambda x: np.sin(x) * (1.0 + np.argsort(x)),
    "argmax, axis": lambda x: np.sin(x) * (1.0 + np.argmax(x, axis=0)),
    "digitize": lambda x: np.sin(x) * np.digitize(x, [0.0, 0.5]),
    "sort, no axis": lambda x: np.sort(np.sin(x), axis=None), "add.reduce": lambda x: np.add.reduce(np.sin(x), axis=0),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_A_NUMBER)
def test_functions_of_a_number(name):
    f = OF_A_NUMBER[name]
    all_modes_agree(f, NUMBER, order=3)
    batch = np.array([0.7, 0.2, -0.4])
    np.testing.assert_array_equal(hoad.vmap(f)(batch), np.stack([f(np.asarray(x)) for x in batch]))


def test_functions_of_a_number_compiled():
    f = lambda x: sum(np.sum(OF_A_NUMBER[name](x)) for name in OF_A_NUMBER)
    g = hoad.compile(hoad.grad(f), backend="numpy")
    np.testing.assert_array_equal(g(NUMBER), hoad.grad(f)(NUMBER))
    assert g.program is not None


REFUSED = {
    "sort": (np.sort, NUMBER), "partition": (lambda x: np.partition(x, 0), NUMBER), "diff": (np.diff, NUMBER),
    "unwrap": (np.unwrap, NUMBER), "add.accumulate": (np.add.accumulate, NUMBER), "cross": (lambda x: np.cross(x, x), NUMBER),
    "maximum.accumulate": (np.maximum.accumulate, NUMBER), "matmul": (lambda x: np.matmul(x, np.ones(2)), NUMBER),
    "correlate": (lambda x: np.correlate(x, x), NUMBER), "convolve 2-d": (lambda x: np.convolve(x, x), np.ones((2, 2))),
    "convolve nothing": (lambda x: np.convolve(x[:0], x), np.ones(2)),
    "convolve, mode": (lambda x: np.convolve(x, x, "all"), np.ones(2)),
    "correlate nothing": (lambda x: np.correlate(x, x[:0]), np.ones(2)), "take beyond": (lambda x: np.take(x, 1), NUMBER),
    "take, fractions": (lambda x: np.take(x, np.array([1.0])), np.ones(3)), "fliplr": (np.fliplr, np.ones(3)),
    "rot90": (np.rot90, np.ones(3)), "cross, length": (lambda x: np.cross(x, x), np.ones(4)),
    "transpose, twice": (lambda x: np.transpose(x, (0, 0)), np.ones((2, 2))),
    "transpose": (lambda x: np.transpose(x, (0,)), np.ones((2, 2))),
    "take_along_axis": (lambda x: np.take_along_axis(x, np.array([0]), 0), np.ones((2, 2))),
    "pad, widths": (lambda x: np.pad(x, np.zeros((0, 2), int)), NUMBER),
    "diagonal of no rows": (lambda x: np.einsum("ij->i", x) + np.einsum("ii->i", x), np.ones((0, 5))),
}  # fmt: skip


def _raises(f, x):
    try:
        f(x)
    except Exception as error:
        return type(error)
    return None


@pytest.mark.parametrize("name", REFUSED)
def test_what_numpy_refuses(name):
    f, x = REFUSED[name]
    expected = _raises(f, x) or ValueError
    kinds = next(k for k in (IndexError, ValueError, TypeError) if issubclass(expected, k))
    for run in (lambda x: hoad.jvp(f, (x,), (x,)), lambda x: hoad.vjp(f, x), lambda x: hoad.vmap(f)(np.stack([x, x]))):
        with pytest.raises((kinds, ValueError)):
            run(x)


ALONG = {
    name: getattr(np, name)
    for name in ("sort", "argsort", "cumsum", "cumprod", "argmax", "nanargmin", "sum",
                 "mean", "max", "nanmax", "var", "median", "any",
                 "diff", "flip", "expand_dims", "unwrap", "nancumsum", "ptp",
                 "trapezoid", "average", "nanmean")
} | {
    "partition": lambda x, axis: np.partition(x, 0, axis), "take": lambda x, axis: np.take(x, [0], axis),
    "take_along_axis": lambda x, axis: np.take_along_axis(x, np.zeros(x.shape, int), axis),
    "roll": lambda x, axis: np.roll(x, 1, axis),
    "delete": lambda x, axis: np.delete(x, 0, axis), "insert": lambda x, axis: np.insert(x, 0, 1.0, axis),
    "repeat": lambda x, axis: np.repeat(x, 2, axis), "concatenate": lambda x, axis: np.concatenate([x, x], axis),
    "stack": lambda x, axis: np.stack([x, x], axis), "array_split": lambda x, axis: np.array_split(x, 2, axis),
    "swapaxes": lambda x, axis: np.swapaxes(x, axis, 0), "moveaxis": lambda x, axis: np.moveaxis(x, axis, 0),
    "rollaxis": np.rollaxis, "norm": lambda x, axis: np.linalg.norm(x, axis=axis),
    "gradient": lambda x, axis: np.gradient(x, axis=axis),
    "add.accumulate": np.add.accumulate, "maximum.accumulate": np.maximum.accumulate, "logaddexp.reduce": np.logaddexp.reduce,
    "apply_along_axis": lambda x, axis: np.apply_along_axis(np.sum, axis, x), "quantile": lambda x, axis: np.quantile(x, 0.3, axis),
    "add.reduceat": lambda x, axis: np.add.reduceat(x, [0], axis), "compress": lambda x, axis: np.compress([True], x, axis),
}  # fmt: skip


@pytest.mark.parametrize("name", ALONG)
def test_an_axis_that_is_not_there(name):
    """Counting too far from the end must not meet the axis of a batch."""
    f = ALONG[name]
    for x in (np.array([0.3, 1.2, -0.4]), np.array([[0.3, 1.2], [-0.4, 0.9]])):
        for axis in (x.ndim + 1, -x.ndim - 2):
            g = lambda x, axis=axis: f(x, axis=axis)
            assert issubclass(_raises(g, x), ValueError | IndexError)
            for run in (lambda x: hoad.vjp(g, x), lambda x: hoad.vmap(g)(np.stack([x, x]))):  # noqa: B023  # called at once
                with pytest.raises((ValueError, IndexError)):
                    run(x)


def test_reading_a_plain_array_at_batched_places():
    table = np.array([5.0, 7.0, 11.0])
    xs = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_array_equal(hoad.vmap(lambda x: hnp.take(table, np.argsort(x)))(xs), table[np.argsort(xs, axis=1)])
    f = lambda x: np.sum(hnp.take(table, np.argmax(x)) * x**2)
    np.testing.assert_array_equal(hoad.vmap(hoad.grad(f))(xs), 2 * xs * table[np.argmax(xs, axis=1)][:, None])
