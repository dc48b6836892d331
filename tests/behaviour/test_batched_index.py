"""An index or a mask that differs from example to example: reading, writing and adding are those of the loop, in every mode."""

import numpy as np
import pytest

import hoad
from hoad.errors import UnsupportedFunctionError

X = np.random.default_rng(0).normal(size=(3, 4))
XS = np.stack([X, X[::-1], -X])


def updated(update):
    def f(x):
        y = x * 1.0
        update(y, x)
        return y

    f.__name__ = update.__name__
    return f


def row(y, x):
    y[np.argmax(x[:, 0])] = x[0] * 2


def part_of_a_column(y, x):
    y[np.argsort(x[:, 0])[:2], 1] = [1.0, 2.0]


def last_write_wins(y, x):
    y[np.argsort(x[:, 0]) // 2] = x


def one_element(y, x):
    y[np.argmax(x[:, 0]), np.argmax(x[0])] *= x[1, 1]


def column(y, x):
    y[:, np.argmax(x[0])] += x[:, 0]


def add_at(y, x):
    np.add.at(y, (np.argsort(x[:, 0]) // 2, 0), x[:, 1])


def subtract_at(y, x):
    np.subtract.at(y, np.argmax(x[:, 0]), x[1])


def mask_to_a_number(y, x):
    y[x > 0] = 3.0


def mask_to_a_traced_number(y, x):
    y[x > 0] = x[0, 0] * x[1, 1]


def mask_of_rows(y, x):
    y[x[:, 0] > 0] = x[1]


def masked_by_putmask(y, x):
    np.putmask(y, x > 0.2, x[0])


def into_zeros(y, x):
    b = np.zeros_like(x)
    b[np.argmax(x, axis=0), np.arange(4)] = x[0]
    y += b**2


READS = {
    "rows": lambda x: x[np.argsort(x[:, 0])],
    "elements": lambda x: x[np.argsort(x[:, 0]), 1],
    "columns": lambda x: x[:, np.argsort(x[0])[:2]],
    "one of each column": lambda x: x[np.argmax(x, axis=0), np.arange(4)],
    "one row": lambda x: x[np.argmax(x[:, 1])],
    "from the end": lambda x: x[-1 - np.argmax(x[:, 1]), ::2],
    "columns from the end": lambda x: x[:, -1 - np.argmax(x[0])],
    "separated": lambda x: (x[:, :, None] * np.ones(2))[np.argsort(x[:, 0]), :, 0],
    "ellipsis": lambda x: x[..., np.argmax(x[0])],
    "two dimensions": lambda x: x[np.reshape(np.argsort(x[0, :4]) // 2, (2, 2))],
    "table": lambda x: np.linspace(0, 1, 5)[np.searchsorted([-0.5, 0.0, 0.5], 0.3)] * x[np.searchsorted([-0.5, 0.5], x[0, 0])],
}
WRITES = {
    f.__name__: updated(f)
    for f in (
        row, part_of_a_column, last_write_wins, one_element, column, add_at, subtract_at, mask_to_a_number, mask_to_a_traced_number,
        mask_of_rows, masked_by_putmask, into_zeros,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", [*READS, *WRITES])
def test_is_the_loop(name):
    f = {**READS, **WRITES}[name]
    scalar = lambda x: np.sum(f(x) ** 2 * 1.5 + np.sin(f(x)))
    loop = lambda g: np.stack([g(x) for x in XS])
    np.testing.assert_array_equal(hoad.vmap(f)(XS), loop(f))
    for transform in (hoad.grad, hoad.hessian, lambda g: lambda x: hoad.taylor(g, x, X, 3)[3]):
        np.testing.assert_allclose(hoad.vmap(transform(scalar))(XS), loop(transform(scalar)), rtol=1e-12, atol=1e-12)
    outer = hoad.grad(lambda xs: np.sum(hoad.vmap(scalar)(xs)))(XS)
    np.testing.assert_allclose(outer, loop(hoad.grad(scalar)), rtol=1e-12, atol=1e-13)
    twice = hoad.vmap(hoad.vmap(f))(np.stack([XS, 2 * XS]))
    np.testing.assert_array_equal(twice[0], loop(f))


def test_what_stays_unsupported_says_so():
    cases = {
        lambda x: np.sum(x[x > 0]): "reading at a batched mask",
        lambda x: np.sum(x[np.argmax(x[:, 0]), None]): "beside None or a mask",
    }
    for f, text in cases.items():
        with pytest.raises(UnsupportedFunctionError, match=text):
            hoad.vmap(f)(XS)

    def array_at_mask(x):
        y = x * 1.0
        y[x > 0] = np.ones(3)
        return y

    with pytest.raises(UnsupportedFunctionError, match="assignment of an array at a batched mask"):
        hoad.vmap(array_at_mask)(XS)
    with pytest.raises(IndexError, match="out of bounds for axis 0 with size 3"):
        hoad.vmap(lambda x: x[np.argmax(x[:, 0]) + 3])(XS)
    with pytest.raises(IndexError, match="too many indices"):
        hoad.vmap(lambda x: x[np.argmax(x[:, 0]), 0, 0])(XS)
