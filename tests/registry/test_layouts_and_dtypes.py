"""Memory layout changes nothing, inputs stay as they were, and dtypes are kept in values, tangents, cotangents and series."""

import numpy as np
import pytest

import hoad

from .harness import SMOOTH, assert_close, leaves, over, silent


def _strided(x):
    wide = np.full((*x.shape, 2), np.nan, x.dtype)
    wide[..., 0] = x
    return wide[..., 0]


def _negative(x):
    everywhere = (slice(None, None, -1),) * x.ndim
    return x[everywhere].copy()[everywhere] if x.ndim else x.copy()


def _read_only(x):
    x = x.copy()
    x.setflags(write=False)
    return x


def _fortran(x):
    return np.array(x, order="F")


LAYOUTS = {"strided": _strided, "fortran": _fortran, "negative": _negative, "read-only": _read_only}
IN_PLACE = {"numpy.copy", "numpy.add"}


@over(SMOOTH)
def test_layout_changes_nothing(case):
    flat = lambda *xs: tuple(leaves(case(*xs)))
    xs, vs = case.point, case.directions(case.point)
    with silent():
        y, t = hoad.jvp(flat, tuple(xs), tuple(vs))
        u = tuple(np.ones_like(a) for a in y)
        g = hoad.vjp(flat, *xs)[1](u)
    for name, layout in LAYOUTS.items():
        arranged = [layout(x) for x in xs]
        before = [x.copy() for x in arranged]
        with silent():
            native = flat(*arranged)
            y2, t2 = hoad.jvp(flat, tuple(arranged), tuple(layout(v) for v in vs))
            g2 = hoad.vjp(flat, *arranged)[1](tuple(map(layout, u)))
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(native, y2)), name
        assert_close(y2, y, f"value, {name}", case.tolerance)
        assert_close(t2, t, f"tangent, {name}", case.tolerance)
        assert_close(g2, g, f"cotangent, {name}", case.tolerance)
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(arranged, before)), f"an input was modified, {name}"


DTYPES = {"float32": np.float32, "complex64": np.complex64, "complex128": np.complex128}


@pytest.mark.parametrize("dtype", DTYPES)
@over(SMOOTH, lambda c: not c.double_only)
def test_dtype_is_kept(case, dtype):
    dtype = np.dtype(DTYPES[dtype])
    if dtype.kind == "c" and case.real_only:
        pytest.skip(case.real_only)
    flat = lambda *xs: tuple(leaves(case(*xs)))
    wide = np.complex128 if dtype.kind == "c" else np.float64
    xs = [x.astype(dtype) for x in case.sample(wide)]
    vs = [v.astype(dtype) for v in case.directions(xs)]
    exact = [x.astype(wide) for x in xs]
    with silent():
        native = flat(*xs)
        y, t = hoad.jvp(flat, tuple(xs), tuple(vs))
        _, t2 = hoad.jvp(flat, tuple(exact), tuple(v.astype(wide) for v in vs))
        u = tuple(np.ones_like(a) for a in y)
        cotangents = hoad.vjp(flat, *xs)[1](u)
        exact_cotangents = hoad.vjp(flat, *exact)[1](tuple(a.astype(np.asarray(b).dtype) for a, b in zip(u, flat(*exact))))
        _, series = hoad.jet(flat, tuple(xs), tuple([v, v] for v in vs))
    for a, b in zip(native, y):
        assert np.asarray(b).dtype == np.asarray(a).dtype
    for part in (t, *series):
        for a, b in zip(native, part):
            assert np.asarray(b).dtype == np.asarray(a).dtype, "tangent"
    assert [c.dtype for c in cotangents] == [x.dtype for x in xs]
    assert_close(t, t2, "tangent", 4 * case.tolerance, dtype)
    assert_close(cotangents, exact_cotangents, "cotangent", 4 * case.tolerance, dtype)


@over(SMOOTH, lambda c: c.elementwise and all(x.ndim == 0 for x in c.point))
def test_python_numbers_and_numpy_scalars_are_0d_arrays(case):
    xs = case.point
    y, t = hoad.jvp(case, tuple(xs), tuple(np.ones_like(x) for x in xs))
    for make in (float, np.float64):
        y2, t2 = hoad.jvp(case, tuple(make(x) for x in xs), tuple(make(1.0) for _ in xs))
        assert y2 == y
        assert t2 == t
        gradients = hoad.grad(case, tuple(range(len(xs))))(*(make(x) for x in xs))
        assert all(isinstance(g, np.float64) for g in gradients)
