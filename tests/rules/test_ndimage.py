# ruff: noqa: B023  # functions are called in the turn of the loop that makes them
"""Filters and interpolation of images: exact adjoints at every boundary, splines between grid points, choices and regions."""

from itertools import product

import numpy as np
import pytest
import scipy.ndimage as nd

import hoad
import hoad.scipy.ndimage as hn
from hoad.errors import DTypeError, InPlaceError, UnsupportedFunctionError
from hoad.rules.scipy.ndimage import interpolation, splines

RNG = np.random.default_rng(3)
MODES = ("reflect", "grid-mirror", "constant", "grid-constant", "nearest", "mirror", "wrap", "grid-wrap")


def real(*shape):
    return RNG.normal(size=shape)


def assert_adjoint(f, *xs, tolerance=1e-14, native=None):
    """<J v, g> = <v, J' g> for each argument, and values that are SciPy's to the bit."""
    vs = tuple(real(*x.shape) for x in xs)
    np.testing.assert_array_equal(hoad.jvp(f, xs, vs)[0], (native or f)(*xs))
    y, pull = hoad.vjp(f, *xs)
    g = real(*y.shape)
    cotangents = pull(g)
    for i, (x, v) in enumerate(zip(xs, vs)):
        t = hoad.jvp(lambda xi, i=i: f(*xs[:i], xi, *xs[i + 1 :]), (x,), (v,))[1]
        size = np.linalg.norm(g) * max(np.linalg.norm(t), np.linalg.norm(v))
        assert abs(np.vdot(g, t) - np.vdot(cotangents[i], v)) <= tolerance * size


def assert_linear(f, x):
    """The tangent of a linear function is the function."""
    v = real(*x.shape)
    t = hoad.jvp(f, (x,), (v,))[1]
    expected = f(v)
    np.testing.assert_allclose(t, expected, rtol=0, atol=1e-14 * max(1, np.abs(expected).max(initial=0)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 8])
def test_lines_have_exact_adjoints(mode, n):
    """Kernels longer than the line, even and odd, at every origin."""
    x = real(2, n)
    for m in (1, 2, 3, 6, 11):
        w = real(m)
        for origin in range(-(m // 2), (m - 1) // 2 + 1):
            for cval in (0.0, 1.5):
                kw = {"mode": mode, "cval": cval}
                assert_adjoint(lambda x, w: hn.correlate1d(x, w, origin=origin, **kw), x, w)
                assert_adjoint(lambda x, w: hn.convolve1d(x, w, origin=-origin - (m % 2 == 0), **kw), x, w)
                assert_adjoint(lambda x: hn.uniform_filter1d(x, m, origin=origin, **kw), x)


@pytest.mark.parametrize("mode", MODES)
def test_planes_have_exact_adjoints(mode):
    for shape, kernel in product(((4, 5), (2, 3)), ((2, 3), (3, 4), (5, 1), (3, 3))):
        x, w = real(*shape), real(*kernel)
        for origin in ((0, 0), (-1, 0), (0, (kernel[1] - 1) // 2)):
            assert_adjoint(lambda x, w: hn.correlate(x, w, mode=mode, origin=origin, cval=0.3), x, w)
        even = w + w[::-1]
        even = even + even[:, ::-1]
        assert_adjoint(lambda x: hn.convolve(x, even, mode=mode), x)
    x = real(4, 5, 3)
    for cval in (0.0, 0.5):
        kw = {"mode": mode, "cval": cval}
        assert_adjoint(lambda x, w: hn.convolve(x, w, axes=(2, 0), origin=(0, -1), **kw), x, real(2, 3))
        assert_adjoint(lambda x, s: hn.gaussian_filter(x, s, order=(0, 1, 2), **kw), x, np.array([0.8, 1.3, 0.4]))
        for f in (
            lambda x: hn.sobel(x, 0, **kw), lambda x: hn.prewitt(x, 1, **kw), lambda x: hn.laplace(x, **kw),
            lambda x: hn.gaussian_laplace(x, 1.1, **kw), lambda x: hn.uniform_filter(x, (2, 3, 1), **kw),
            lambda x: hn.gaussian_gradient_magnitude(x, 0.7, **kw), lambda x: hn.gaussian_filter(x, 1.0, axes=(0, 2), **kw),
        ):  # fmt: skip
            assert_adjoint(f, x)


@pytest.mark.parametrize("mode", MODES)
def test_complex_images_and_weights(mode):
    """With the inner product Re <u, v>; SciPy conjugates the weights of a correlation, not those of a convolution."""
    x, w = real(2, 7) + 1j * real(2, 7), real(4) + 1j * real(4)
    for f in (hn.correlate1d, hn.convolve1d):
        hoad.testing.check_transpose(lambda x, w, f=f: f(x, w, mode=mode), (x, w), rtol=1e-13)
        hoad.testing.check_transpose(lambda w, f=f: f(x.real, w, mode=mode), (w,), rtol=1e-13)
        v = real(4) + 1j * real(4)
        np.testing.assert_allclose(
            hoad.jvp(lambda w, f=f: f(x, w, mode=mode), (w,), (v,))[1], f(x, v, mode=mode), rtol=0, atol=1e-14
        )
    c = real(3, 9) + 1j * real(3, 9)
    filtered = lambda x: hn.spline_filter1d(x, 3, output=complex, mode=mode)
    hoad.testing.check_transpose(filtered, (c,), rtol=1e-13)


def test_tiny_weights_are_not_taken_for_symmetric():
    """SciPy compares the halves of a kernel with an absolute tolerance, which derivatives may be below."""
    x, w, v = real(9), real(3), real(3)
    small = 1e-30
    for scale in (1.0, small):
        t = hoad.jvp(lambda w: hn.correlate1d(x, w), (w,), (scale * v,))[1]
        np.testing.assert_allclose(t, scale * nd.correlate1d(x, v), rtol=1e-13)
    g = real(9)
    _, pull = hoad.vjp(lambda w: hn.correlate1d(x, w, mode="mirror"), w)
    np.testing.assert_allclose(pull(small * g)[0], small * pull(g)[0], rtol=1e-13)
    second = lambda s: hoad.vjp(lambda w: hn.correlate1d(x * x[0], w), w)[1](s * g)[0]
    np.testing.assert_allclose(hoad.jacfwd(second)(small), hoad.jacfwd(second)(1.0), rtol=1e-13)
    pixel = lambda s: hoad.grad(lambda x: np.sum(g * hn.correlate1d(x, s * w)))(x)
    np.testing.assert_allclose(pixel(small), small * pixel(1.0), rtol=1e-13)


def test_width_of_a_gaussian():
    x = real(30)
    f = lambda s: hn.gaussian_filter1d(x, s, radius=40, mode="constant")
    h = 1e-4
    expected = (f(2 + h) - f(2 - h)) / (2 * h)
    np.testing.assert_allclose(hoad.jacfwd(f)(2.0), expected, rtol=0, atol=1e-7)
    # The heat equation: d/dsigma = sigma d2/dx2, up to the sampling of the kernel.
    np.testing.assert_allclose(hoad.jacfwd(f)(2.0), 2 * nd.gaussian_filter1d(x, 2, order=2, radius=40, mode="constant"), atol=1e-3)
    assert hoad.hessian(lambda s: np.sum(f(s) ** 2))(2.0) > 0


def test_magnitude_of_a_flat_gradient_has_slope_zero():
    g = hoad.grad(lambda x: np.sum(hn.gaussian_gradient_magnitude(x, 1.0)))(np.ones((4, 5)))
    np.testing.assert_array_equal(g, 0)


# -- splines ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_prefilters_have_exact_adjoints(mode, order):
    for n in (1, 2, 3, 8, 23, 24, 25, 40):
        assert_adjoint(lambda x: hn.spline_filter1d(x, order, mode=mode), real(2, n))
        assert_linear(lambda x: hn.spline_filter1d(x, order, axis=0, mode=mode), real(n, 2))
    assert_adjoint(lambda x: hn.spline_filter(x, order, mode=mode), real(5, 6))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", range(6))
def test_differentiated_spline_is_the_one_that_scipy_evaluates(mode, order):
    """Far outside, at grid points and halfway, with and without prefilter."""
    for shape, prefilter, cval in product(((7,), (5, 6), (1, 4), (2, 3)), (True, False), (0.0, 1.5)):
        x = real(*shape)
        p = RNG.uniform(-40, 45, size=(len(shape), 90))
        p[:, :20], p[:, 20:30] = np.round(p[:, :20]), np.round(p[:, 20:30]) + 0.5
        p[:, 30:60] = RNG.uniform(-2, 8, size=(len(shape), 30))
        kw = {"order": order, "mode": mode, "prefilter": prefilter}
        found = interpolation._at_places(x, p, cval, tuple(range(x.ndim)), **kw)
        expected = nd.map_coordinates(x, p, cval=cval, **kw)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", range(6))
def test_interpolation_has_exact_adjoints(mode, order):
    for x, cval in product((real(5, 6), real(7), real(3, 4, 2)), (0.0, 1.5)):
        n, kw = x.ndim, {"order": order, "mode": mode, "cval": cval}
        p, m, o = RNG.uniform(-3, 9, size=(n, 6, 2)), real(n, n), real(n)
        linear = [
            lambda x: hn.map_coordinates(x, p, **kw), lambda x: hn.affine_transform(x, m, o, **kw),
            lambda x: hn.affine_transform(x, abs(o) + 0.2, o, **kw), lambda x: hn.shift(x, o, **kw),
            lambda x: hn.zoom(x, 1.7, **kw),
        ]  # fmt: skip
        curved = [
            (lambda x, p: hn.map_coordinates(x, p, **kw), p), (lambda x, m, o: hn.affine_transform(x, m, o, **kw), m, o),
            (lambda x, o: hn.affine_transform(x, abs(o) + 0.2, o, **kw), o), (lambda x, o: hn.shift(x, o, **kw), o),
        ]  # fmt: skip
        if mode.startswith("grid"):
            linear.append(lambda x: hn.zoom(x, 1.7, grid_mode=True, **kw))
        if n > 1:
            linear.append(lambda x: hn.rotate(x, 33.0, **kw))
            curved.append((lambda x, a: hn.rotate(x, a, reshape=False, **kw), np.array(33.0)))
        for f in linear:
            assert_adjoint(f, x, tolerance=1e-13)
        for f, *rest in curved if order else ():
            assert_adjoint(f, x, *rest, tolerance=1e-13)


def test_splines_reproduce_polynomials_and_their_derivatives():
    """Order 3 is exact for a cubic away from the ends, so derivatives at a place are those of the cubic."""
    t = np.arange(60.0)
    poly = np.polynomial.Polynomial([1.0, -2.0, 0.3, 0.01])
    f = lambda x: hn.map_coordinates(poly(t), np.stack([x]), order=3, mode="mirror")
    at = np.array([29.3, 30.0, 30.7])
    d1 = hoad.jvp(f, (at,), (np.ones(3),))[1]
    np.testing.assert_allclose(d1, poly.deriv()(at), rtol=1e-10)
    series = hoad.taylor(f, at, np.ones(3), 3)
    for k in (2, 3):
        np.testing.assert_allclose(series[k], poly.deriv(k)(at) / (2 if k == 2 else 6), rtol=1e-7)


def test_slopes_at_grid_points_of_order_one_are_those_to_the_right():
    x = np.array([0.0, 1.0, 4.0, 9.0])
    f = lambda p: hn.map_coordinates(x, p[None], order=1, mode="nearest")
    g = hoad.jvp(f, (np.array([1.0, 2.0, 2.5]),), (np.ones(3),))[1]
    np.testing.assert_array_equal(g, [3, 5, 5])
    zero = hoad.jvp(lambda p: hn.map_coordinates(x, p[None], order=0, mode="nearest"), (np.array([1.2]),), (np.ones(1),))[1]
    np.testing.assert_array_equal(zero, 0)


def test_basis_is_a_partition_of_unity():
    u = np.linspace(0, 1, 11)
    for order in range(6):
        w = splines.basis(u, order)
        assert len(w) == order + 1
        np.testing.assert_allclose(sum(w), np.ones(11) if order else 1.0, rtol=1e-15)


# -- choices and regions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES[:5])
def test_chosen_entries_carry_the_derivative(mode):
    x = RNG.permutation(20).reshape(4, 5) * 0.3 - 1.7
    for f in (
        lambda x: hn.maximum_filter(x, 3, mode=mode), lambda x: hn.minimum_filter(x, (2, 3), mode=mode, cval=0.05),
        lambda x: hn.median_filter(x, 3, mode=mode), lambda x: hn.percentile_filter(x, 30, 3, mode=mode),
        lambda x: hn.rank_filter(x, 2, footprint=[[0, 1, 1], [1, 1, 0]], mode=mode), lambda x: hn.grey_closing(x, 3, mode=mode),
    ):  # fmt: skip
        assert_adjoint(f, x)
        jacobian = hoad.jacfwd(f)(x).reshape(20, 20)
        outside = f(x).ravel() - jacobian @ x.ravel()
        assert set(np.unique(jacobian)) <= {0.0, 1.0}
        assert np.all((jacobian.sum(1) == 1) | np.isin(outside, [0.0, 0.05]))


def test_nan_leaves_no_finite_derivative_where_the_choice_is_unknown():
    x = real(9)
    x[4] = np.nan
    y, t = hoad.jvp(lambda x: hn.median_filter(x, 3), (x,), (np.ones(9),))
    np.testing.assert_array_equal(y, nd.median_filter(x, 3))
    assert np.isnan(t[np.isnan(y)]).all()
    assert np.isfinite(t[[0, 1, 8]]).all()


LABELS = np.array([[1, 1, 2, 0], [2, 3, 3, 1], [2, 2, 0, 3]])


def test_regions():
    x = real(3, 4)
    g = hoad.grad(lambda x: np.sum(hn.sum_labels(x, LABELS, [3, 1, 3]) * np.array([10.0, 1.0, 5.0])))(x)
    np.testing.assert_array_equal(g, np.choose(LABELS, [0, 1, 0, 15]))
    for name in ("mean", "variance", "standard_deviation", "median", "minimum", "maximum"):
        f = lambda x, name=name: getattr(hn, name)(x, LABELS, [3, 1, 2, 1])
        hoad.check_derivatives(f, x, order=2)
    centre = hoad.jacfwd(lambda x: np.stack(hn.center_of_mass(x)))(np.ones((3, 4)))
    np.testing.assert_allclose(centre[0], (np.arange(3) - 1.0)[:, None] / 12 * np.ones(4), atol=1e-15)


# -- arguments ----------------------------------------------------------------------------------------------------------------


def test_output():
    x = real(3, 4)
    for output in (np.float32, "f4", np.dtype("f4"), np.float64):
        f = lambda x, output=output: hn.gaussian_filter(x, 1.0, output=output)
        y, t = hoad.jvp(f, (x,), (x,))
        np.testing.assert_array_equal(y, f(x))
        assert t.dtype == f(x).dtype

    def into(buffer):
        def f(x):
            out = buffer(x)
            hn.sobel(x, output=out)
            return out

        return f

    np.testing.assert_array_equal(hoad.jvp(into(np.zeros_like), (x,), (x,))[1], nd.sobel(x))
    with pytest.raises(InPlaceError):
        hoad.jvp(into(lambda x: np.zeros((3, 4))), (x,), (x,))


def test_whole_numbers_are_refused():
    """SciPy would round the result to the dtype of the image."""
    with pytest.raises(DTypeError, match="int64"):
        hoad.grad(lambda s: np.sum(hn.gaussian_filter1d(np.arange(9), s)))(1.0)
    with pytest.raises(DTypeError, match="int64"):
        hoad.jvp(lambda x: hn.sobel(x, output=int), (real(4),), (real(4),))


def test_bad_and_unsupported_arguments():
    x = real(3, 4)
    for f, error in (
        (lambda v: hn.correlate1d(v, [1.0, 2.0], origin=3), ValueError),
        (lambda v: hn.correlate1d(v, [1.0], mode="x"), RuntimeError),
        (lambda v: hn.correlate(v, [1.0]), RuntimeError), (lambda v: hn.uniform_filter1d(v, 0), RuntimeError),
        (lambda v: hn.gaussian_filter(v, 1.0, order=-1), ValueError), (lambda v: hn.gaussian_filter1d(v, -2.0), ValueError),
        (lambda v: hn.map_coordinates(v, np.zeros((1, 2))), RuntimeError),
        (lambda v: hn.map_coordinates(v, np.zeros((2, 2)), order=7), RuntimeError),
        (lambda v: hn.rotate(v[0], 3.0), ValueError), (lambda v: hn.affine_transform(v, np.eye(2), mode="x"), RuntimeError),
        (lambda v: hn.maximum_filter(v + 0j, 3), TypeError), (lambda v: hn.spline_filter(v, 7), RuntimeError),
    ):  # fmt: skip
        with pytest.raises(error):
            hoad.jvp(f, (x,), (x,))
    for f, name in (
        (lambda v: hn.generic_filter(v, np.max, 3), "generic_filter"),
        (lambda v: hn.grey_erosion(v, structure=np.ones((2, 2))), "structure"),
        (lambda v: hn.zoom(x, v[0, 0]), "zoom"), (lambda v: hn.fourier_shift(x, v[0, 0]), "fourier_shift"),
        (lambda v: hn.sum_labels(x, v), "labels"), (lambda v: hn.label(v), "label"),
    ):  # fmt: skip
        with pytest.raises(UnsupportedFunctionError, match=name):
            hoad.jvp(f, (x,), (x,))


def test_empty_images():
    for shape in ((0,), (0, 3), (3, 0)):
        x = np.zeros(shape)
        for f in (lambda x: hn.gaussian_filter(x, 1.0), lambda x: hn.maximum_filter(x, 3), lambda x: hn.uniform_filter(x, 3)):
            y, pull = hoad.vjp(f, x)
            assert y.shape == pull(y)[0].shape == shape
