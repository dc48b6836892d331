# a table: one case, one line where it fits
"""Cases: indexing."""

import numpy as np

from .case import ASSIGNS, MASK, ORDERED, D, R, moves

_index = np.array([0, 2, 2, 1])
moves("take", "axis", lambda x, i: np.take(x, i, axis=1), R(2, 3), extra=(_index,))
moves("take", "flat", lambda x, i: np.take(x, i), R(2, 3), extra=(_index,))
moves("take", "list", lambda x: np.take(x, [0, 1, 1], axis=-1), R(2, 3))
moves("take", "int", lambda x: np.take(x, 1, axis=0), R(2, 3))
moves("take", "wrap", lambda x, i: np.take(x, i, axis=0, mode="wrap"), R(2, 3), extra=(_index,), device="CuPy's take has no mode=")
moves(
    "lib.stride_tricks.sliding_window_view",
    "axes",
    lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(0, -1)),
    R(3, 2, 4),
    device="CuPy knows no protocol for it",
)
moves("take_along_axis", "", lambda x, i: np.take_along_axis(x, i, axis=1), R(2, 3), extra=(np.array([[0, 0], [2, 1]]),))
moves(
    "take_along_axis",
    "argsort",
    lambda x: np.take_along_axis(x, np.argsort(x, axis=0), axis=0),
    D(3, 2),
    real_only=ORDERED,
    holomorphic=False,
    affine=True,
)
moves("compress", "axis", lambda x: np.compress([True, False, True], x, axis=1), R(2, 3))
moves("compress", "flat", lambda x: np.compress([False, True, True], x), R(2, 3))
moves("extract", "", lambda x, m: np.extract(m, x), R(2, 3), extra=(MASK,))
moves("diagonal", "", np.diagonal, R(3, 3))
moves("diagonal", "offset", lambda x: np.diagonal(x, -1, 0, 2), R(3, 2, 3))
moves("diag", "vector", lambda x: np.diag(x, 1), R(3))
moves("diag", "matrix", lambda x: np.diag(x, -1), R(3, 3))
moves("diagflat", "", np.diagflat, R(2, 2))
moves("delete", "flat", lambda x: np.delete(x, 1), R(2, 3))
moves("delete", "axis", lambda x: np.delete(x, [0, 2], axis=1), R(2, 3))
moves("insert", "flat", lambda x: np.insert(x, 1, 5.0), R(4), affine=True, device="CuPy has no insert")
moves("insert", "values", lambda x, v: np.insert(x, 1, v, axis=1), R(2, 3), R(2), device="CuPy has no insert", together=ASSIGNS)
moves("insert", "several", lambda x, v: np.insert(x, [0, 2], v), R(4), R(2), device="CuPy has no insert", together=ASSIGNS)
for _label, _f in {
    "slice": lambda x: x[1:, ::-1], "int": lambda x: x[0], "negative": lambda x: x[-1, -2], "newaxis": lambda x: x[None, ..., 0],
    "ellipsis": lambda x: x[..., 1:], "list": lambda x: x[[0, 0, 1]], "empty": lambda x: x[:0], "mixed": lambda x: x[[0, 1], 1:],
    "separated": lambda x: x[[0, 1], :, [1, 0]] if x.ndim > 2 else x[[0, 1], None, [1, 0]], "iteration": lambda x: np.stack([2 * r for r in x]),
}.items():  # fmt: skip
    moves("take", f"getitem-{_label}", _f, R(2, 3))
moves("take", "getitem-separated-3d", lambda x: x[[0, 1], :, [1, 0]], R(2, 3, 2))
moves("take", "getitem-mask", lambda x, m: x[m], R(2, 3), extra=(MASK,))
moves("take", "getitem-array", lambda x, i: x[:, i], R(2, 3), extra=(_index,))


def _assigned(index, copy=True):
    def f(x, v):
        y = x.copy()
        y[index] = v
        return y

    return f


moves("copy", "setitem-slice", _assigned((slice(None), 1)), R(2, 3), R(2), together=ASSIGNS)
moves("copy", "setitem-broadcast", _assigned((slice(None), slice(1, None))), R(2, 3), R(2, 1), together=ASSIGNS)
moves("copy", "setitem-list", _assigned([0, 2]), R(3, 2), R(2), together=ASSIGNS)


def _added_at(x, v):
    y = np.zeros_like(x)
    np.add.at(y, [0, 1, 1], v)
    return y + x


moves("add", "at", _added_at, R(3), R(3), together=ASSIGNS)
