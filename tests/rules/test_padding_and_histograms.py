"""np.pad in every mode with every keyword; histograms in weights, samples and edges; constructions of hoad.numpy."""

import numpy as np
import pytest

import hoad
import hoad.numpy as hnp
from hoad.errors import UnsupportedFunctionError

from .agreement import all_modes_agree, close

RNG = np.random.default_rng(3)
X = RNG.permutation(12).reshape(3, 4) / 5.0 + RNG.uniform(0, 0.05, (3, 4))
S = np.array([0.1, 0.5, 0.9, 0.35, 0.36, 1.4])

PADS = {
    f"{mode} {keywords}": (mode, keywords)
    for mode, options in {
        "constant": ({}, {"constant_values": 2.0}, {"constant_values": ((1.0, 2.0), (3.0, 4.0))}),
        "edge": ({},), "wrap": ({},), "empty": (),
        "reflect": ({}, {"reflect_type": "odd"}), "symmetric": ({}, {"reflect_type": "odd"}),
        "linear_ramp": ({}, {"end_values": -1.0}, {"end_values": ((1.0, 2.0), (3.0, 4.0))}),
        "mean": ({}, {"stat_length": 2}, {"stat_length": ((1, 2), (3, 9))}),
        "median": ({}, {"stat_length": 3}), "maximum": ({}, {"stat_length": 2}), "minimum": ({}, {"stat_length": ((1, 2), (3, 9))}),
    }.items()
    for keywords in options
}  # fmt: skip


@pytest.mark.parametrize("width", [2, (3, 0), ((0, 1), (7, 8)), 0], ids=str)
@pytest.mark.parametrize("name", PADS)
def test_pad(name, width):
    mode, keywords = PADS[name]
    all_modes_agree(lambda x: np.pad(x, width, mode, **keywords), X, order=3)
    xs = np.stack([X, X[::-1]])
    close(hoad.vmap(lambda x: np.pad(x, width, mode, **keywords))(xs), [np.pad(x, width, mode, **keywords) for x in xs], 1e-15)


def test_pad_of_one_element_and_of_float32():
    for mode in ("reflect", "symmetric"):
        all_modes_agree(lambda x, m=mode: np.pad(x, 3, m, reflect_type="odd"), np.array([0.7]), order=3)
    x = X.astype(np.float32)
    for mode, keywords in PADS.values():
        y, t = hoad.jvp(lambda x, m=mode, k=keywords: np.pad(x, 1, m, **k), (x,), (x,))
        assert y.dtype == t.dtype == np.float32


def test_pad_with_traced_values_and_a_function():
    fill = lambda v: np.sum(np.pad(X * v, ((1, 1), (0, 2)), "constant", constant_values=v) ** 2)
    plain = lambda v: np.sum((X * v) ** 2) + v**2 * (5 * 6 - 12)
    for n in (1, 2, 3):
        close(hoad.taylor(fill, 1.3, 1.0, 3)[n], hoad.taylor(plain, 1.3, 1.0, 3)[n], 1e-13)
    ends = np.array([1.0, -2.0])
    ramp = lambda e: hnp.pad(X[0], (2, 3), "linear_ramp", end_values=(e[0], e[1]))
    close(hoad.jacrev(ramp)(ends), hoad.jacfwd(ramp)(ends), 1e-15)
    close(hoad.jacfwd(ramp)(ends)[:2, 0], [1.0, 0.5], 1e-15)

    def scaled(vector, width, axis, kwargs):
        vector[: width[0]] = kwargs["by"] * vector[width[0]]
        vector[len(vector) - width[1] :] = vector[-width[1] - 1] ** 2

    all_modes_agree(lambda x: np.pad(x, ((1, 2), (2, 1)), scaled, by=3.0), X, order=3)


def test_bad_pads():
    for message, width, mode, keywords in (
        ("negative", -1, "edge", {}), ("not supported", 1, "nonsense", {}), ("unsupported keyword", 1, "edge", {"end_values": 1}),
        ("stat_length of 0", 1, "maximum", {"stat_length": 0}),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            hoad.jvp(lambda x, w=width, m=mode, k=keywords: np.pad(x, w, m, **k), (X,), (X,))
    with pytest.raises(TypeError, match="integral"):
        hoad.jvp(lambda x: np.pad(x, 1.5), (X,), (X,))
    with pytest.raises(ValueError, match="can't extend empty axis"):
        hoad.jvp(lambda x: np.pad(x[:0], 1, "edge"), (X,), (X,))


# -- histograms ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keywords", [{"bins": 3}, {"bins": [0.1, 0.36, 1.0]}, {"bins": 4, "range": (0.3, 1.0)}, {"bins": 7}], ids=str
)
@pytest.mark.parametrize("density", [False, True])
def test_histogram_of_weights(keywords, density):
    f = lambda w: np.histogram(S, weights=w, density=density, **keywords)[0]
    all_modes_agree(f, RNG.uniform(0.5, 2.0, 6), order=3)


@pytest.mark.parametrize("bins", [3, (2, 4), [np.array([0.0, 0.5, 2.0]), 3]], ids=str)
def test_histograms_of_several_dimensions(bins):
    w = RNG.uniform(0.5, 2.0, 6)
    for d in (False, True):
        all_modes_agree(lambda w, d=d: np.histogram2d(S, S**2, bins, weights=w, density=d)[0], w, order=3)
        all_modes_agree(lambda w, d=d: np.histogramdd(np.stack([S, S**2], 1), bins, weights=w, density=d)[0], w, order=3)


def test_edges_move_with_the_extreme_samples():
    for f in (lambda a: np.histogram(a, 4)[1], lambda a: np.histogram_bin_edges(a, 4), lambda a: np.histogram(a, "auto")[1]):
        edges = f(S)
        along = (edges - S.min()) / (S.max() - S.min())
        jacobian = hoad.jacrev(f)(S)
        close(jacobian[:, np.argmin(S)], 1 - along, 1e-14)
        close(jacobian[:, np.argmax(S)], along, 1e-14)
        close(np.sum(np.abs(jacobian)), len(edges), 1e-13)
    counts, edges = hoad.jvp(lambda a: np.histogram(a, 4, density=True), (S,), (np.ones(6),))[1]
    close(counts, np.zeros(4), 1e-14)
    close(edges, np.ones(5), 1e-14)
    same = lambda a: np.histogram_bin_edges(a, 2)
    close(same(np.full(3, 2.0)), hoad.jvp(same, (np.full(3, 2.0),), (np.ones(3),))[0], 0)


def test_what_histograms_refuse():
    with pytest.raises(UnsupportedFunctionError, match="traced samples with weights"):
        hoad.grad(lambda a: np.sum(np.histogram(a, 3, weights=a)[0]))(S)
    with pytest.raises(UnsupportedFunctionError, match="histogramdd of traced samples"):
        hoad.grad(lambda a: np.sum(np.histogram2d(a, a, 3)[0]))(S)
    with pytest.raises(ValueError, match="same shape"):
        hoad.grad(lambda w: np.sum(np.histogram(S, 3, weights=w[:2])[0]))(S)


# -- constructions -------------------------------------------------------------------------------------------------------------

BUILT = {
    "r_": lambda x: hnp.r_[x[0], 2.0, x[1:, 0], 0:2:3j, 5:7],
    "r_ of numbers": lambda x: hnp.r_[x[0, 0], x[1, 1], 3],
    "r_ along the last axis": lambda x: hnp.r_["-1", x, 2 * x],
    "r_ of columns": lambda x: hnp.r_["0,2", x[0], x[1]],
    "r_ of transposed": lambda x: hnp.r_["1,2,0", x[0], x[1]],
    "c_": lambda x: hnp.c_[x[0], x[1] ** 2],
    "c_ of matrices": lambda x: hnp.c_[x, x[:, :1]],
    "arange": lambda x: hnp.arange(x[0, 0], 9.0, x[0, 1]),
    "array with ndmin": lambda x: hnp.array(x[0], ndmin=3),
    "fromiter": lambda x: hnp.fromiter((2 * v for v in x[0]), float),
    "require": lambda x: hnp.require(x[0], float, "C"),
    "asfortranarray": lambda x: hnp.asfortranarray([x[0], x[1]]),
    "asarray_chkfinite": lambda x: hnp.asarray_chkfinite([x[0, 0], 1.0]),
    "kaiser": lambda x: hnp.kaiser(6, x[0, 0]),
    "fromfunction": lambda x: np.fromfunction(lambda i, j: x[0, 0] * i + x[1, 1] ** 2 * j, (2, 3)),
}
PLAIN = {
    "r_": lambda x: np.r_[x[0], 2.0, x[1:, 0], 0:2:3j, 5:7],
    "r_ of numbers": lambda x: np.r_[x[0, 0], x[1, 1], 3],
    "r_ along the last axis": lambda x: np.r_["-1", x, 2 * x],
    "r_ of columns": lambda x: np.r_["0,2", x[0], x[1]],
    "r_ of transposed": lambda x: np.r_["1,2,0", x[0], x[1]],
    "c_": lambda x: np.c_[x[0], x[1] ** 2],
    "c_ of matrices": lambda x: np.c_[x, x[:, :1]],
    "arange": lambda x: np.arange(x[0, 0], 9.0, x[0, 1]),
    "array with ndmin": lambda x: np.array(x[0], ndmin=3),
    "fromiter": lambda x: np.fromiter((2 * v for v in x[0]), float),
    "require": lambda x: x[0],
    "asfortranarray": lambda x: np.stack([x[0], x[1]]),
    "asarray_chkfinite": lambda x: np.stack([x[0, 0], 1.0]),
    "kaiser": lambda x: np.kaiser(6, x[0, 0]),
    "fromfunction": BUILT["fromfunction"],
}


@pytest.mark.parametrize("name", BUILT)
def test_constructions(name):
    x = np.array([[0.7, 1.3], [2.1, 0.4]])
    all_modes_agree(BUILT[name], x, plain=PLAIN[name], order=3, tolerance=1e-8)


def test_constructions_of_plain_numbers_are_numpys():
    for name in ("eye", "identity", "tri"):
        assert type(getattr(hnp, name)(3)) is np.ndarray
    np.testing.assert_array_equal(hnp.r_[1, 2:4, 0:1:3j], np.r_[1, 2:4, 0:1:3j])
    np.testing.assert_array_equal(hnp.arange(3), np.arange(3))

    def filled(x):
        y = hnp.eye(2)
        y[0] = x
        return np.sum(y**2)

    close(hoad.grad(filled)(np.array([0.3, 0.4])), [0.6, 0.8], 1e-15)
    with pytest.raises(ValueError, match="infs or NaNs"):
        hoad.grad(lambda x: hnp.asarray_chkfinite([x[0], np.inf])[0])(np.ones(2))
    with pytest.raises(UnsupportedFunctionError, match="arange of batched ends"):
        hoad.vmap(lambda x: hnp.arange(x, 4.0))(np.ones(2))
