"""Functions of points compiled into one loop: NumPy's numbers, special values included, or a refusal."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import hoad
from hoad.compiler import pointwise
from hoad.compiler.loops.scalar import ARITHMETIC, BOOLEAN, ROUNDING, TRANSCENDENTAL
from hoad.compiler.pointwise import PointwiseKernel
from hoad.compiler.toolchain import capabilities
from hoad.errors import NoCompilerError, UnsupportedFunctionError

try:
    capabilities()
except NoCompilerError:
    pytest.skip("no C compiler on this machine", allow_module_level=True)

SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e308, -1e308, 1.0, -1.0, 0.5, 2.0, 1e-300])
RANDOM = np.random.default_rng(0).standard_normal(200)
TWO = {"power", "arctan2", "hypot", "fmod", "add", "subtract", "multiply", "divide", "maximum", "minimum", "fmax", "fmin",
       "copysign", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}  # fmt: skip
LOGICAL = {"logical_and", "logical_or", "logical_xor", "logical_not"}
ONE = (ARITHMETIC | ROUNDING | TRANSCENDENTAL | BOOLEAN) - TWO - LOGICAL


def function(name):
    return getattr(scipy.special, name) if name in ("erf", "erfc") else getattr(np, name)


def applied(names, *x):
    """Each function of these names; truth values as 0 and 1."""
    return [np.where(y, 1.0, 0.0) if y.dtype == bool else y for y in (function(n)(*x) for n in sorted(names))]


def same(found, expected, ulp):
    """Equal up to some units in the last place; NaN and infinities as they are."""
    found, expected = np.asarray(found), np.asarray(expected, float)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    fine = np.isfinite(expected)
    np.testing.assert_array_equal(found[~fine], expected[~fine])
    np.testing.assert_array_less(np.abs(found[fine] - expected[fine]), ulp * np.spacing(np.abs(expected[fine])) + 5e-324)


def test_functions_of_one_number():
    x = np.concatenate([SPECIAL, RANDOM, 10 * RANDOM])
    found = PointwiseKernel(lambda x: applied(ONE, x), {"x": ()})(x=x)
    with np.errstate(all="ignore"):
        expected = applied(ONE, x)
    for name, a, b in zip(sorted(ONE), found, expected, strict=True):
        same(a, b, 200 if name == "erfc" else 6)  # SciPy's erfc itself is wrong by that much in its tail


def test_functions_of_two_numbers():
    x, y = (a.reshape(-1) for a in np.meshgrid(*[np.concatenate([SPECIAL, RANDOM[:10]])] * 2))
    found = PointwiseKernel(lambda x, y: applied(TWO, x, y), {"x": (), "y": ()})(x=x, y=y)
    with np.errstate(all="ignore"):
        expected = applied(TWO, x, y)
    for a, b in zip(found, expected, strict=True):
        same(a, b, 6)


def test_logical_functions():
    f = lambda x, y: np.where(((x > 0) & (y > 0)) | ~(x < y) ^ (x > 1), 1.0, 0.0)
    x, y = RANDOM[:100], RANDOM[100:]
    np.testing.assert_array_equal(PointwiseKernel(lambda x, y: [f(x, y)], {"x": (), "y": ()})(x=x, y=y)[0], f(x, y))


def density(F):
    """Of a 3 x 3 tensor; a table is read at constant places, and there is a branch."""
    J = F[0, 0] * (F[1, 1] * F[2, 2] - F[1, 2] * F[2, 1]) + F[0, 1] * F[1, 2] * F[2, 0] + 1.5
    chosen = F.reshape(9)[np.array([0, 4, 8, 0])]
    return (F * F).sum() - np.log(J) + np.where(J > 1, np.sqrt(np.abs(J - 1)), 0.0) + chosen @ chosen


def test_derivatives_of_small_tensors():
    """What compiling is for: value, gradient and Hessian of a density of 3 x 3 tensors, at many points at once."""
    kernel = PointwiseKernel(lambda F: [density(F), hoad.grad(density)(F), hoad.hessian(density)(F)], {"F": (3, 3)})
    F = 0.2 * np.random.default_rng(1).standard_normal((3, 3, 9)) + np.eye(3)[:, :, None]
    value, slope, hessian = kernel(F=F)
    assert (slope.shape, hessian.shape) == ((3, 3, 9), (3, 3, 3, 3, 9))
    for k in range(9):
        assert value[k] == pytest.approx(density(F[..., k]), rel=1e-13)
        np.testing.assert_allclose(slope[..., k], hoad.grad(density)(F[..., k]), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(hessian[..., k], hoad.hessian(density)(F[..., k]), rtol=1e-11, atol=1e-12)


def test_a_masked_branch_leaks_nothing():
    f = lambda x: np.where(x > 0, np.sqrt(x), x)
    slope = hoad.grad(f)
    kernel = PointwiseKernel(lambda x: [slope(x), hoad.grad(slope)(x)], {"x": ()})
    first, second = kernel(x=np.array([-1.0, 0.0, 4.0]))
    np.testing.assert_array_equal(first, [1.0, 1.0, 0.25])
    np.testing.assert_array_equal(second, [0.0, 0.0, -1 / 32])


def test_zeros_of_unit_directions_cost_nothing():
    """The second derivatives of a sum of functions of one number each are those on the diagonal: one exponential for each."""
    f = hoad.hessian(lambda x: np.exp(x).sum())
    kernel = PointwiseKernel(lambda x: [f(x)], {"x": (5,)})
    assert kernel.operations == 10  # reads and exponentials
    np.testing.assert_allclose(kernel(x=np.ones((5, 1)))[0][..., 0], np.e * np.eye(5), rtol=1e-15)


def test_long_chains(monkeypatch):
    def f(x):
        for _ in range(200):
            x = 0.5 * (x + np.cos(x))
        return [x]

    np.testing.assert_allclose(PointwiseKernel(f, {"x": ()})(x=RANDOM)[0], f(RANDOM)[0], rtol=1e-14)
    monkeypatch.setattr(pointwise, "MOST", 500)
    with pytest.raises(UnsupportedFunctionError, match="too many for one loop"):
        PointwiseKernel(lambda x: [np.exp(x + np.arange(600.0)).sum()], {"x": ()})


STRIDED = np.arange(40.0).reshape(4, 10)


def affine():
    return PointwiseKernel(lambda x, a: [a[0] * x + a[1], np.stack([x, a[1] - x])], {"x": (2,)}, {"a": (2,)})


def test_constants_and_strided_arrays():
    kernel, x = affine(), STRIDED[::2, 3:8]
    first, both = kernel(x=x, a=np.array([2.0, 1.0]))
    np.testing.assert_array_equal(first, 2 * x + 1)
    np.testing.assert_array_equal(both, [x, 1 - x])
    np.testing.assert_array_equal(kernel(x=STRIDED[::2].T[:, :2].T, a=[1, 0])[0], STRIDED[::2])
    np.testing.assert_array_equal(kernel(x=STRIDED[:2].astype(np.float32), a=[1, 0])[0], STRIDED[:2])
    np.testing.assert_array_equal(kernel(x=np.zeros((2, 0)), a=[1, 0])[1], np.zeros((2, 2, 0)))
    out = [np.full((2, 12), -1.0)[:, ::-1][:, 2:7][:, ::-1], np.empty((2, 2, 5))]
    kernel(out, x=x, a=np.array([2.0, 1.0]))
    np.testing.assert_array_equal(out[0], first)


def test_results_in_place_of_fields():
    kernel = PointwiseKernel(lambda x: [np.stack([x[1], x[0] - x[1]])], {"x": (2,)})
    x = RANDOM.reshape(2, 100).copy()
    kernel([x], x=x)
    a, b = RANDOM.reshape(2, 100)
    np.testing.assert_array_equal(x, [b, a - b])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("n", [0, 1, 127, 40_000])
def test_points_that_lie_apart(n, threads):
    """Some fields and the results are those of all places, others of the points that an index names."""
    kernel = PointwiseKernel(lambda x, p: [p * x, x.sum()], {"p": (), "x": (2,)}, indexed=("x",))
    rng = np.random.default_rng(n)
    x, p, index = rng.standard_normal((2, 2 * n + 1)), rng.standard_normal(n), rng.permutation(2 * n + 1)[:n]
    out = [np.zeros_like(x), np.zeros(2 * n + 1)]
    kernel(out, index, threads, x=x, p=p)
    expected = [np.zeros_like(x), np.zeros(2 * n + 1)]
    expected[0][:, index], expected[1][index] = p * x[:, index], x[0, index] + x[1, index]
    np.testing.assert_array_equal(out[0], expected[0])
    np.testing.assert_array_equal(out[1], expected[1])


def test_bad_calls_are_refused():
    kernel = PointwiseKernel(lambda x: [x[0]], {"x": (2,)}, indexed=("x",))
    x = np.zeros((2, 5))
    with pytest.raises(ValueError, match=r"shape \(3, 5\), expected \(2, 5\)"):
        kernel(x=np.zeros((3, 5)))
    for places in ([5], [0, -1]):
        with pytest.raises(ValueError, match="outside of 0 to 4"):
            kernel([np.zeros(5)], np.array(places), x=x)
    with pytest.raises(ValueError, match="give out="):
        kernel(index=np.array([1]), x=x)
    for out in (np.zeros(5, np.float32), np.zeros(10)[::2]):
        with pytest.raises(ValueError, match="contiguous points"):
            kernel([out], x=x)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x if x > 0 else -x,
        lambda x: x * float(x),
        lambda x: np.asarray(x) + 1,
        lambda x: scipy.special.gamma(x),
        lambda x: np.linalg.eigvalsh(np.array([[x, 0.0], [0.0, 1.0]]))[0],
        lambda x: hoad.while_loop(lambda y: y > 1.5, lambda y: 0.5 * y, 4.0 + x),
    ],
)
def test_what_has_no_scalar_form_is_refused(f):
    with pytest.raises(UnsupportedFunctionError):
        PointwiseKernel(lambda x: [f(x)], {"x": ()})


def test_a_compiler_that_fails_is_reported(monkeypatch):
    def failing(source, **options):
        raise NoCompilerError("cc ended with exit code 1")

    monkeypatch.setattr(pointwise, "shared_library", failing)
    with pytest.raises(NoCompilerError, match="exit code 1"):
        PointwiseKernel(lambda x: [x + 1.0], {"x": ()})
