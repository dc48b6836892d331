"""What the registry checks share: references that do not come from hoad, comparison, and calls at a chosen mode."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest

import hoad
from hoad.core.box import Box, strip
from hoad.core.level import Level
from hoad.core.series import Series, curve
from hoad.modes.forward import Dual
from hoad.modes.reverse import Node, Tape
from hoad.modes.taylor import Jet, _Expansion

from .cases import CASES

KIND = {f.name: f.kind for f in hoad.registry()}
KNOWN = [c for c in CASES if c.name in KIND]
CONSTANT = [c for c in KNOWN if KIND[c.name] == "constant"]
SMOOTH = [c for c in KNOWN if KIND[c.name] != "constant"]


def over(cases, where=None):
    """Parametrise a test over cases."""
    chosen = [c for c in cases if where is None or where(c)]
    return pytest.mark.parametrize("case", chosen, ids=[c.id for c in chosen])


def quiet():
    """Floating-point warnings are part of some cases (NaN, empty means)."""
    return np.errstate(all="ignore")


@contextmanager
def silent():
    import warnings

    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def leaves(out):
    """The arrays of a result."""
    return [leaf for part in out for leaf in leaves(part)] if isinstance(out, tuple | list) else [out]


def scale_of(b):
    b = np.abs(np.asarray(b))
    b = b[np.isfinite(b)]
    return max(1.0, float(b.max())) if b.size else 1.0


def assert_close(found, expected, what="", factor=1.0, dtype=None):
    """Equal to rounding: 2,000 machine epsilons of the largest entry, times ``factor``."""
    found, expected = leaves(found), leaves(expected)
    assert len(found) == len(expected), what
    for a, b in zip(found, expected):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape, f"{what}: shape {a.shape}, expected {b.shape}"
        kind = np.dtype(dtype or (a.dtype if a.dtype.kind in "fc" else float))
        tolerance = factor * 2e3 * float(np.finfo(kind).eps)
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale_of(b), equal_nan=True, err_msg=what)


# -- modes ---------------------------------------------------------------------------------------------------------------


def at_level(mode, case, xs, vs):
    """The result of a case on boxes of a mode, and the level."""
    if mode == "forward":
        with Level(True) as level:
            return case(*[Dual(level, x, v) for x, v in zip(xs, vs)]), level
    if mode == "reverse":
        with Level(Tape(len(xs))) as level:
            return case(*[Node(level, x, i) for i, x in enumerate(xs)]), level
    if mode == "taylor":
        with Level(_Expansion(curve(2), None)) as level:
            return case(*[Jet(level, x, Series([x, v, None])) for x, v in zip(xs, vs)]), level
    assert mode == "nested"
    with Level(Tape(len(xs))) as outer, Level(True) as level:
        return case(*[Dual(level, Node(outer, x, i), v) for i, (x, v) in enumerate(zip(xs, vs))]), level


MODES = ("forward", "reverse", "taylor", "nested")


def bare(out):
    """A result without boxes."""
    return type(out)(map(bare, out)) if isinstance(out, tuple | list) else strip(out)


def is_traced(out):
    return any(isinstance(y, Box) and type(y).__name__ != "Buffer" for y in leaves(out))


# -- references ------------------------------------------------------------------------------------------------------------


def complex_step(case, xs, vs):
    """Derivative of a function that continues analytically to complex arguments; exact to rounding (Squire & Trapp 1998)."""
    h = 1e-40
    return [np.imag(y) / h for y in leaves(case(*[x + 1j * h * v for x, v in zip(xs, vs)]))]


def richardson(f, levels=5, h=0.02):
    """Derivative at 0 of a list of arrays, by central differences extrapolated ``levels`` times."""
    table = []
    for k in range(levels + 1):
        step = h / 2**k
        row = [[(b - a) / (2 * step) for a, b in zip(f(-step), f(step))]]
        for j in range(k):
            row.append([p + (p - q) / (4 ** (j + 1) - 1) for p, q in zip(row[j], table[-1][j])])
        table.append(row)
    return table[-1][-1]


def difference(case, xs, vs):
    """Derivative by differences in extended precision where NumPy has it, else in double; and the tolerance factor."""
    wide = [x.astype(np.clongdouble if x.dtype.kind == "c" else np.longdouble) for x in xs]
    try:
        ys = leaves(case(*wide))
        extended = all(np.asarray(y).dtype in (np.longdouble, np.clongdouble) for y in ys)
    except TypeError:
        extended = False
    extended = extended and not case.in_double
    if not extended:
        wide = xs
    h = np.longdouble(case.step) if extended else case.step
    derivative = richardson(lambda t: leaves(case(*[x + t * v for x, v in zip(wide, vs)])), h=h)
    return derivative, 1.0 if extended and np.finfo(np.longdouble).eps < 1e-18 else 1e4


def directional(case, xs, vs):
    """Reference derivative and the factor on the tolerance."""
    if case.holomorphic and all(x.dtype.kind == "f" for x in xs):
        return complex_step(case, xs, vs), 1.0
    return difference(case, xs, vs)
