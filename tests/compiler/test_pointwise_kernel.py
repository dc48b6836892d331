"""Functions of points compiled into one loop: NumPy's numbers, special values included, or a refusal."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import hoad
from hoad.compiler.pointwise import PointwiseKernel
from hoad.compiler.pointwise import kernel as pointwise
from hoad.compiler.pointwise.expression import BINARY, COMPARISONS, LOGICAL, TESTS, UNARY, Graph, Node, apply, select
from hoad.compiler.toolchain import capabilities
from hoad.errors import NoCompilerError, UnsupportedFunctionError

try:
    capabilities()
except NoCompilerError:
    pytest.skip("no C compiler on this machine", allow_module_level=True)

SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e308, -1e308, 1.0, -1.0, 0.5, 2.0, 1e-300])
RANDOM = np.random.default_rng(0).standard_normal(200)
NUMBERS = np.concatenate([SPECIAL, RANDOM, 10 * RANDOM])


def function(name):
    return getattr(scipy.special, name) if name in ("erf", "erfc") else getattr(np, name)


def same(found, expected, ulp):
    """Equal up to some units in the last place; NaN, infinities and signs of zeros as they are."""
    found, expected = np.asarray(found), np.asarray(expected, float)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    fine = np.isfinite(expected)
    np.testing.assert_array_equal(found[~fine], expected[~fine])
    np.testing.assert_array_less(np.abs(found[fine] - expected[fine]), ulp * np.spacing(np.abs(expected[fine])) + 5e-324)


@pytest.mark.parametrize("name", sorted(UNARY))
def test_functions_of_one_number(name):
    f = function(name)
    kernel = PointwiseKernel(lambda x: [f(x)], {"x": ()})
    with np.errstate(all="ignore"):
        expected = f(NUMBERS)
    same(kernel(x=NUMBERS)[0], expected, 200 if name == "erfc" else 6)  # SciPy's erfc itself is wrong by that much in its tail


@pytest.mark.parametrize("name", sorted(BINARY | COMPARISONS))
def test_functions_of_two_numbers(name):
    f = function(name)
    x, y = (a.reshape(-1) for a in np.meshgrid(np.concatenate([SPECIAL, RANDOM[:10]]), np.concatenate([SPECIAL, RANDOM[:10]])))
    kernel = PointwiseKernel(lambda x, y: [np.where(f(x, y), 1.0, 0.0) if name in COMPARISONS else f(x, y)], {"x": (), "y": ()})
    with np.errstate(all="ignore"):
        expected = f(x, y)
    same(kernel(x=x, y=y)[0], expected, 6)


@pytest.mark.parametrize("name", sorted(TESTS))
def test_questions_about_a_number(name):
    kernel = PointwiseKernel(lambda x: [np.where(function(name)(x), 1.0, 0.0)], {"x": ()})
    np.testing.assert_array_equal(kernel(x=SPECIAL)[0], function(name)(SPECIAL))


def test_logical_functions():
    assert {"logical_and", "logical_or", "logical_not"} == LOGICAL
    f = lambda x, y: np.where(((x > 0) & (y > 0)) | ~(x < y), 1.0, 0.0)
    x, y = RANDOM[:100], RANDOM[100:]
    np.testing.assert_array_equal(PointwiseKernel(lambda x, y: [f(x, y)], {"x": (), "y": ()})(x=x, y=y)[0], f(x, y))


def test_derivatives_of_small_tensors():
    """What compiling is for: gradient and Hessian of a density of 3 x 3 tensors, at many points at once."""

    def density(F):
        J = F[0, 0] * (F[1, 1] * F[2, 2] - F[1, 2] * F[2, 1]) + F[0, 1] * F[1, 2] * F[2, 0] + 1.5
        return (F * F).sum() - np.log(J) + np.where(J > 1, np.sqrt(np.abs(J - 1)), 0.0)

    F = 0.2 * np.random.default_rng(1).standard_normal((3, 3, 70)) + np.eye(3)[:, :, None]
    kernel = PointwiseKernel(lambda F: [density(F), hoad.grad(density)(F)], {"F": (3, 3)})
    value, slope = kernel(F=F)
    assert slope.shape == (3, 3, 70)
    for k in range(70):
        assert value[k] == pytest.approx(density(F[..., k]), rel=1e-13)
        np.testing.assert_allclose(slope[..., k], hoad.grad(density)(F[..., k]), rtol=1e-12, atol=1e-13)


def test_a_masked_branch_leaks_nothing():
    f = lambda x: np.where(x > 0, np.sqrt(np.where(x > 0, x, 0.0)), x)
    kernel = PointwiseKernel(lambda x: [hoad.grad(f)(x)], {"x": ()})
    np.testing.assert_allclose(kernel(x=np.array([-1.0, 0.0, 4.0]))[0], [1.0, 1.0, 0.25])


def test_constants_and_strided_arrays():
    kernel = PointwiseKernel(lambda x, a: [a[0] * x + a[1], np.stack([x, a[1] - x])], {"x": (2,)}, {"a": (2,)})
    big = np.arange(40.0).reshape(4, 10)
    first, both = kernel(x=big[::2, 3:8], a=np.array([2.0, 1.0]))
    np.testing.assert_array_equal(first, 2 * big[::2, 3:8] + 1)
    np.testing.assert_array_equal(both, [big[::2, 3:8], 1 - big[::2, 3:8]])
    np.testing.assert_array_equal(kernel(x=big[::2].T[:, :2].T, a=np.array([1, 0]))[0], big[::2])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x if x > 0 else -x,
        lambda x: x * float(x),
        lambda x: np.linalg.norm(np.stack([x, x])),
        lambda x: np.sort(np.stack([x, -x])),
        lambda x: np.asarray(x) + 1,
        lambda x: np.gamma(x) if hasattr(np, "gamma") else scipy.special.gamma(x),
    ],
)
def test_what_has_no_scalar_form_is_refused(f):
    with pytest.raises(UnsupportedFunctionError):
        PointwiseKernel(lambda x: [f(x)], {"x": ()})


def test_common_steps_are_one_and_constants_are_folded():
    graph = Graph()
    x = graph.input("x")
    assert apply("multiply", x, 2.0) is apply("multiply", x, 2.0)
    assert apply("add", x, graph.input("y")) is apply("add", graph.input("y"), x)
    assert apply("add", 1.0, 2.0) == 3.0
    assert apply("multiply", 0.0, apply("exp", x)) == 0.0
    assert apply("power", x, 1) is x
    assert select(True, x, 0.0) is x
    assert isinstance(apply("subtract", x, x), Node)  # not 0: x may be infinite


def test_a_compiler_that_fails_is_reported(monkeypatch):
    def failing(source, **options):
        raise NoCompilerError("cc ended with exit code 1")

    monkeypatch.setattr(pointwise, "shared_library", failing)
    with pytest.raises(NoCompilerError, match="exit code 1"):
        PointwiseKernel(lambda x: [x + 1.0], {"x": ()})


def test_wrong_shapes_are_refused():
    kernel = PointwiseKernel(lambda x: [x[0]], {"x": (2,)})
    with pytest.raises(ValueError, match="expected"):
        kernel(x=np.zeros((3, 5)))
