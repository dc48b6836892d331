# a table: one case, one line where it fits
"""Cases: shapes."""

import numpy as np

from .case import R, moves, variants

for _label, _f in {
    "int": lambda x: np.reshape(x, 12), "minus": lambda x: np.reshape(x, (2, -1)), "F": lambda x: np.reshape(x, (4, 3), order="F"),
    "method": lambda x: x.reshape(3, -1),
}.items():  # fmt: skip
    moves("reshape", _label, _f, R(2, 3, 2))
for _label, _f in {"C": np.ravel, "F": lambda x: np.ravel(x, order="F"), "method": lambda x: x.flatten()}.items():
    moves("ravel", _label, _f, R(2, 3))
moves("ravel", "0-d", np.ravel, R())
for _label, _f in {
    "plain": np.transpose, "axes": lambda x: np.transpose(x, (1, 2, 0)), "negative": lambda x: np.transpose(x, (-1, 0, 1)), "T": lambda x: x.T,
}.items():  # fmt: skip
    moves("transpose", _label, _f, R(2, 3, 2))
moves("matrix_transpose", "", np.matrix_transpose, R(2, 3, 2))
moves("swapaxes", "", lambda x: np.swapaxes(x, 0, -1), R(2, 3, 2))
moves("moveaxis", "one", lambda x: np.moveaxis(x, 0, -1), R(2, 3, 2))
moves("moveaxis", "two", lambda x: np.moveaxis(x, (0, 1), (-1, 0)), R(2, 3, 2))
moves("rollaxis", "", lambda x: np.rollaxis(x, 2, 0), R(2, 3, 2))
moves("rollaxis", "later", lambda x: np.rollaxis(x, 0, 3), R(2, 3, 2))
moves("broadcast_to", "", lambda x: np.broadcast_to(x, (4, 2, 3)), R(2, 1))
moves("broadcast_to", "0-d", lambda x: np.broadcast_to(x, (2,)), R())
moves("broadcast_arrays", "", np.broadcast_arrays, R(3), R(2, 1))
moves("expand_dims", "one", lambda x: np.expand_dims(x, -1), R(2, 3))
moves("expand_dims", "two", lambda x: np.expand_dims(x, (0, 2)), R(2, 3))
moves("squeeze", "all", np.squeeze, R(1, 3, 1))
moves("squeeze", "axis", lambda x: np.squeeze(x, 0), R(1, 3, 1))
moves("concatenate", "0", lambda a, b: np.concatenate([a, b]), R(2, 3), R(1, 3))
moves("concatenate", "-1", lambda a, b: np.concatenate((a, b), axis=-1), R(2, 3), R(2, 1))
moves("concatenate", "None", lambda a, b: np.concatenate((a, b), axis=None), R(2, 3), R(2))
moves("concatenate", "empty", lambda a, b: np.concatenate((a, b)), R(0, 3), R(2, 3))
moves("stack", "0", lambda a, b: np.stack([a, b]), R(2, 3), R(2, 3))
moves("stack", "-1", lambda a, b: np.stack([a, b], axis=-1), R(2, 3), R(2, 3))
moves("hstack", "1-d", lambda a, b: np.hstack([a, b]), R(2), R(3))
moves("hstack", "2-d", lambda a, b: np.hstack([a, b]), R(2, 2), R(2, 1))
moves("vstack", "", lambda a, b: np.vstack([a, b]), R(3), R(2, 3))
moves("dstack", "", lambda a, b: np.dstack([a, b]), R(3), R(1, 3))
moves("column_stack", "", lambda a, b: np.column_stack([a, b]), R(3), R(3, 2))
moves("append", "flat", lambda a, b: np.append(a, b), R(2, 3), R(2))
moves("append", "axis", lambda a, b: np.append(a, b, axis=0), R(2, 3), R(1, 3))
moves("block", "", lambda a, b: np.block([[a, b], [b, a]]), R(2, 2), R(2, 2), device="CuPy has no block")
moves("block", "1-d", lambda a, b: np.block([a, b]), R(2), R(3), device="CuPy has no block")
moves("astype", "", lambda x: x.astype(x.dtype), R(2, 3))
moves("astype", "double", lambda x: x.astype(np.complex128) if x.dtype.kind == "c" else x.astype(np.float64), R(2, 3))
moves("astype", "complex", lambda x: x.astype(complex), R(2, 3), double_only="to complex128")
moves("copy", "", np.copy, R(2, 3))
moves("copy", "method", lambda x: x.copy(), R(2, 3))
moves("repeat", "flat", lambda x: np.repeat(x, 2), R(2, 3))
moves("repeat", "axis", lambda x: np.repeat(x, 3, axis=-1), R(2, 3))
moves("repeat", "counts", lambda x: np.repeat(x, [2, 0, 1], axis=1), R(2, 3))
moves("tile", "int", lambda x: np.tile(x, 2), R(2, 3))
moves("tile", "tuple", lambda x: np.tile(x, (2, 1, 2)), R(2, 3))
for _kw in ({}, {"axis": 0}, {"axis": (0, -1)}):
    variants("numpy.flip", np.flip, (R(2, 3),), _kw)
moves("fliplr", "", np.fliplr, R(2, 3))
moves("flipud", "", np.flipud, R(2, 3))
for _k in (0, 1, 2, 3, -1):
    variants("numpy.rot90", np.rot90, (R(2, 3),), {"k": _k})
moves("rot90", "axes", lambda x: np.rot90(x, 1, (1, 2)), R(2, 3, 2))
moves("roll", "flat", lambda x: np.roll(x, 2), R(2, 3))
moves("roll", "axis", lambda x: np.roll(x, -1, axis=1), R(2, 3))
moves("roll", "axes", lambda x: np.roll(x, (1, 2), axis=(0, 1)), R(2, 3))
moves("array_split", "", lambda x: np.array_split(x, 3), R(5, 2))
moves("array_split", "axis", lambda x: np.array_split(x, 2, axis=-1), R(5, 3))
moves("split", "int", lambda x: np.split(x, 2), R(4, 2))
moves("split", "at", lambda x: np.split(x, [1, 3], axis=0), R(4, 2))
moves("hsplit", "", lambda x: np.hsplit(x, 2), R(3, 4))
moves("vsplit", "", lambda x: np.vsplit(x, 2), R(4, 2))
moves("dsplit", "", lambda x: np.dsplit(x, 2), R(1, 2, 4))
if hasattr(np, "unstack"):
    moves("unstack", "", lambda x: np.unstack(x, axis=1), R(2, 3), device="CuPy has no unstack")
moves("meshgrid", "xy", np.meshgrid, R(2), R(3))
moves("meshgrid", "ij", lambda a, b: np.meshgrid(a, b, indexing="ij", sparse=True), R(2), R(3))
for _rank in (1, 2, 3):
    for _shape in ((), (2,), (2, 3)):
        moves(f"atleast_{_rank}d", f"{len(_shape)}-d", getattr(np, f"atleast_{_rank}d"), R(*_shape))
moves("pad", "constant", lambda x: np.pad(x, 1), R(2, 3))
moves("pad", "value", lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=2.0), R(2, 3), affine=True)
for _mode in ("edge", "reflect", "symmetric", "wrap"):
    moves("pad", _mode, lambda x, _mode=_mode: np.pad(x, ((1, 1), (2, 0)), mode=_mode), R(2, 3))
