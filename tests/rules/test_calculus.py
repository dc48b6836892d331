"""Interpolation, integrals, polynomials, grids, covariances: every mode, and the conventions at knots and infinities."""

import numpy as np
import pytest

import hoad
import hoad.numpy as hnp
from hoad.errors import UnsupportedFunctionError

from .agreement import all_modes_agree, close

RNG = np.random.default_rng(5)


def real(*shape):
    return RNG.normal(size=shape)


XP, FP = np.arange(6) + RNG.uniform(0, 0.5, 6), real(6)
AT = np.array([XP[0] - 0.3, *(XP[:-1] + 0.4 * np.diff(XP)), XP[-1] + 1])
Y, S, S3 = real(3, 4), np.arange(4) + RNG.uniform(0, 0.5, 4), np.arange(3) + RNG.uniform(0, 0.5, 3)
W = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
M5 = real(2, 5)

CASES = {
    "interp: x": (lambda x: np.interp(x, XP, FP), AT),
    "interp: fp": (lambda f: np.interp(AT, XP, f), FP),
    "interp: xp": (lambda q: np.interp(AT, q, FP), XP),
    "interp: ends": (lambda x: np.interp(x, XP, FP, left=-3, right=7), AT.reshape(7, 1)),
    "interp: period": (lambda x: np.interp(x, XP, FP, period=4.0), AT),
    "interp: complex": (lambda f: np.interp(AT, XP, f), FP + 1j * FP[::-1]),
    "trapezoid": (lambda y: np.trapezoid(y, dx=0.3, axis=0), Y),
    "trapezoid: x": (lambda x: np.trapezoid(x * x, x), S),
    "gradient: list": (lambda y: np.gradient(y)[1], Y),
    "gradient: steps": (lambda y: np.gradient(y, 0.3, 0.2, edge_order=2)[0], Y),
    "gradient: points": (lambda y: np.gradient(y, S3, S, edge_order=2)[0], Y),
    "gradient: in the points": (lambda x: np.gradient(Y, x, axis=-1, edge_order=2), S),
    "gradient: in the step": (lambda h: np.gradient(Y[0], h), np.float64(0.4)),
    "ediff1d": (lambda y: np.ediff1d(y, to_end=[1.0, 2.0], to_begin=3.0), Y),
    "unwrap": (lambda p: np.unwrap(p, axis=0, period=2.0), 3 * real(4, 2)),
    "polyval: p": (lambda p: np.polyval(p, np.array([0.3, -2.0])), real(4)),
    "polyval: x": (lambda x: np.polyval([1, 2, 3], x), real(3)),
    "polyder": (lambda p: np.polyder(p, 2), real(5)),
    "polyint": (lambda p: np.polyint(p, 2, [1.0, 2.0]), real(4)),
    "polyadd": (lambda p: np.polyadd(p, [1.0, 2.0]), real(3)),
    "polysub": (lambda p: np.polysub(p, [1.0, 2.0, 3.0, 4.0]), real(3)),
    "polymul": (lambda p: np.polymul(p, [1.0, 2.0]), real(3)),
    "vander": (np.vander, real(4)),
    "vander: 6": (lambda x: np.vander(x, 6, increasing=True), real(3)),
    "linspace": (lambda a: np.linspace(a[0], a[1], 7, axis=-1), real(2, 3)),
    "linspace: open": (lambda a: np.linspace(0.2, a, 5, endpoint=False), real(2)),
    "geomspace": (lambda a: np.geomspace(-a[0], -a[1], 5), RNG.uniform(1, 3, 2)),
    "logspace": (lambda a: np.logspace(a[0], a[1], 5, base=a[2]), RNG.uniform(1, 2, 3)),
    "select": (lambda x: np.select([x < -0.5, x < 0.5], [x**2, 1.5], x), real(6)),
    "piecewise": (lambda x: np.piecewise(x, [x < 0, x > 1], [lambda t: t**2, np.exp, 3.0]), real(6)),
    "piecewise: number": (lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda t: t**2, np.sin]), np.asarray(0.4)),
    "apply_along_axis": (lambda x: np.apply_along_axis(np.cumprod, 0, x), real(3, 2)),
    "apply_along_axis: outer": (lambda x: np.apply_along_axis(lambda v: np.outer(v, v), 1, x), real(2, 2, 2)),
    "heaviside": (lambda h: np.heaviside(np.array([-1.0, 0.0, 2.0]), h), real(3)),
    "ldexp": (lambda x: np.ldexp(x, np.array([1, -2, 3])), real(3)),
    "modf": (lambda x: np.modf(x)[0], 3 * real(4)),
    "frexp": (lambda x: np.frexp(x)[0], 3 * real(4)),
    "real_if_close": (lambda x: np.real_if_close(x + 0j), real(3)),
    "angle": (lambda z: np.angle(z, deg=True), real(3) + 1j),
    "round": (lambda x: np.round(x, 1) * x, real(4)),
    "cov": (lambda m: np.cov(m, np.arange(5.0) ** 2), real(3, 5)),
    "cov: weights": (lambda m: np.cov(m, fweights=[1, 2, 3, 1, 1], aweights=W), real(3, 5)),
    "cov: columns": (lambda m: np.cov(m, rowvar=False, bias=True), real(5, 3)),
    "cov: complex": (lambda m: np.cov(m, aweights=W), real(2, 5) + 1j * real(2, 5)),
    "cov: in the weights": (lambda w: np.cov(M5, aweights=w * w, fweights=[1, 2, 1, 1, 3]), W),
    "corrcoef": (np.corrcoef, real(3, 5)),
    "var: about a mean": (lambda x: np.var(x, axis=1, mean=x[:, :1] * 1.1, ddof=1), Y),
    "std: about a mean": (lambda x: np.std(x, axis=0, mean=x[:1] * 1.1, where=Y > -1.0), Y),
    "nanvar: about a mean": (lambda x: np.nanvar(np.where(Y > 1.0, np.nan, x), axis=0, mean=x[:1] * 1.1), Y),
    "sort: complex": (np.sort, real(5) + 1j * real(5)),
    "sort_complex": (np.sort_complex, real(5)),
    "clip: min, max": (lambda x: np.clip(x, min=-0.5, max=0.7), real(6)),
    "bincount": (lambda w: np.bincount([0, 2, 2, 1, 4], w, minlength=7), real(5)),
    "unique": (lambda x: np.unique(np.concatenate([x, x])), real(4)),
    "unique: rows": (lambda x: np.unique(x, axis=0), real(4, 2)),
}


@pytest.mark.parametrize("name", CASES)
def test_all_modes_agree(name):
    all_modes_agree(*CASES[name])


def test_interp_at_a_knot_takes_the_slope_to_the_right():
    f = lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 5.0])
    np.testing.assert_array_equal([hoad.grad(f)(x) for x in (-1.0, 0.0, 1.0, 2.0, 3.0)], [0, 1, 4, 4, 0])
    assert hoad.grad(f)(np.nan) != hoad.grad(f)(0.5)


def test_nan_to_num_is_flat_where_it_replaced():
    x = np.array([1.0, np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(hoad.grad(lambda x: np.sum(np.nan_to_num(x, posinf=1.0, neginf=2.0) ** 2))(x), [2, 0, 0, 0])


def test_constants_have_derivative_zero():
    for f in (
        np.round,
        np.around,
        np.fix,
        lambda x: np.digitize(x, [0.0, 1.0]),
        lambda x: 1.0 * np.isposinf(x),
        lambda x: np.heaviside(x, 0.5),
    ):
        np.testing.assert_array_equal(hoad.jacrev(lambda x, f=f: x * 0 + f(x))(np.array([0.3, -1.7])), np.zeros((2, 2)))


def test_covariance_of_two_samples_by_hand():
    """d cov(x, y) / dx_i = (y_i - mean y) / (n - 1)."""
    x, y = real(5), real(5)
    close(hoad.grad(lambda x: np.cov(x, y)[0, 1])(x), (y - y.mean()) / 4, 1e-14)


def test_piecewise_does_not_evaluate_outside_its_pieces():
    f = lambda x: np.sum(np.piecewise(x, [x > 0], [np.sqrt, lambda t: 0 * t]))
    np.testing.assert_array_equal(hoad.grad(f)(np.array([-1.0, 4.0])), [0, 0.25])


def test_namespace_makes_arrays_of_traced_values():
    x = np.array([2.0, 3.0])
    close(hoad.grad(lambda x: hnp.sum(hnp.array([x[0], 3.0, x[1] * x[0]]) ** 2))(x), [4 + 2 * 2 * 9, 2 * 4 * 3], 1e-15)
    close(hoad.grad(lambda x: hnp.stack([x, [1.0, 2.0]])[0, 1])(x), [0, 1], 0)
    close(hoad.grad(lambda x: hnp.asarray([x[0], 1.0])[0])(x), [1, 0], 0)
    close(hoad.grad(lambda x: hnp.max([x[0], 3 * x[1]]))(x), [0, 3], 0)

    def filled(x):
        z = hnp.zeros(3)
        z[0] = x[0] * x[1]
        z[1] = z[0] ** 2
        return np.sum(z)

    close(hoad.grad(filled)(x), [3 + 2 * 6 * 3, 2 + 2 * 6 * 2], 1e-15)


def test_namespace_mirrors_numpy():
    assert hnp.pi == np.pi
    assert hnp.float32 is np.float32
    assert type(hnp.zeros(2)) is np.ndarray
    np.testing.assert_array_equal(hnp.linspace(0, 1, 3), [0, 0.5, 1])
    assert {"sin", "linalg", "lexsort", "float64"} <= set(dir(hnp))
    with pytest.raises(UnsupportedFunctionError, match=r"numpy\.packbits"):
        hoad.grad(lambda x: hnp.packbits(x))(np.ones(2))
    with pytest.raises(AttributeError, match="nonsense"):
        hnp.nonsense


def test_weights_that_count_are_refused():
    with pytest.raises(UnsupportedFunctionError, match="fweights"):
        hoad.grad(lambda w: np.cov(np.ones((2, 5)), fweights=w)[0, 0])(W)
    for wrong, message in ((W[:3], "incompatible numbers"), (-W, "negative"), (W[None], "multidimensional")):
        with pytest.raises((RuntimeError, ValueError), match=message):
            hoad.grad(lambda w: hnp.cov(np.ones((2, 5)), aweights=w)[0, 0])(wrong)
