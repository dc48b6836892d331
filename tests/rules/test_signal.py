# ruff: noqa: B023  # functions are called in the turn of the loop that makes them
"""Convolutions, recursive filters, resampling, spectra and windows: exact adjoints, known derivatives, and bad arguments."""

from inspect import signature
from itertools import product

import numpy as np
import pytest
import scipy.signal as ss

import hoad
import hoad.scipy.signal as hs
from hoad.errors import UnsupportedFunctionError
from hoad.rules.scipy.signal import spectra

from .test_ndimage import assert_adjoint, assert_linear

RNG = np.random.default_rng(9)


def real(*shape):
    return RNG.normal(size=shape)


B, A = ss.butter(3, 0.3)
SOS = ss.butter(4, 0.3, output="sos")


def sections(v):
    """Sections near a Butterworth filter; SciPy wants a0 to be exactly one."""
    v = 1 + 0.01 * v
    return np.concatenate([SOS[:, :3] * v[:, :3], np.ones((2, 1)), SOS[:, 4:] * v[:, 3:]], axis=1)


# -- convolution --------------------------------------------------------------------------------------------------------------

SHAPES = (
    ((7,), (3,)), ((7,), (4,)), ((3,), (7,)), ((4,), (7,)), ((5, 6), (2, 3)), ((2, 3), (5, 6)), ((1,), (1,)), ((3, 4), (5, 6)),
    ((3, 5, 4), (2, 2, 3)),
)  # fmt: skip


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("method", ["direct", "fft", "auto"])
def test_convolutions_have_exact_adjoints(mode, method):
    for (first, second), f in product(SHAPES, (hs.convolve, hs.correlate)):
        assert_adjoint(lambda a, v, f=f: f(a, v, mode=mode, method=method), real(*first), real(*second))
    for f in (hs.fftconvolve, hs.oaconvolve):
        for first, second, axes in (((7,), (3,), None), ((4, 7), (4, 3), 1), ((4, 7), (1, 3), 1), ((3, 20), (3, 9), [1])):
            assert_adjoint(lambda a, v, f=f: f(a, v, mode=mode, axes=axes), real(*first), real(*second))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
def test_convolutions_in_the_plane_have_exact_adjoints(mode, boundary):
    shapes = (((5, 6), (2, 3)), ((5, 6), (3, 4)), ((2, 3), (5, 6)), ((1, 1), (1, 1)), ((2, 2), (4, 4)), ((3, 3), (7, 8)))
    for (first, second), fill, f in product(shapes, (0, 0.7), (hs.convolve2d, hs.correlate2d)):
        kw = {"mode": mode, "boundary": boundary, "fillvalue": fill}
        assert_adjoint(lambda a, v, f=f: f(a, v, **kw), real(*first), real(*second))


def test_a_valid_convolution_of_equal_lengths_is_a_scalar_product_with_a_cheap_transpose():
    """The transposes of mode valid have the size of the result, not of the padded input."""
    a, v = real(400), real(400)
    g = hoad.grad(lambda a: np.sum(hs.convolve(a, v, "valid", "direct") ** 2))(a)
    np.testing.assert_allclose(g, 2 * np.dot(a, v[::-1]) * v[::-1], rtol=1e-13)


def test_batches_are_one_call_where_scipy_has_one():
    a, v = real(3, 8), real(3, 4)
    for method in ("direct", "fft"):
        f = lambda a, v, method=method: hs.convolve(a, v, "same", method)
        for axes in ((0, 0), (0, None), (None, 0)):
            xs = [x if axis == 0 else x[0] for x, axis in zip((a, v), axes)]
            rows = [f(*[x[i] if axis == 0 else x for x, axis in zip(xs, axes)]) for i in range(3)]
            np.testing.assert_allclose(hoad.vmap(f, axes)(*xs), rows, rtol=0, atol=1e-14)
            hoad.check_derivatives(lambda a: np.sum(hoad.vmap(f, axes)(a, xs[1]) ** 2), xs[0], order=2)


# -- recursive filters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 5, 9])
@pytest.mark.parametrize(
    ("b", "a"),
    [
        (real(3), np.array([1.7, 0.3, -0.2, 0.1])), (real(5), np.array([2.0, 0.4])), (real(3), np.array([2.0])),
        (real(1), np.array([1.7, 0.3, -0.2, 0.1])), (real(1), np.array([2.0])),
    ],
    ids=["iir", "long-b", "fir", "all-pole", "gain"],
)  # fmt: skip
def test_lfilter_in_every_argument(n, b, a):
    x, size = real(2, n), max(len(b), len(a)) - 1
    assert_adjoint(hs.lfilter, b, a, x)
    assert_adjoint(lambda x: hs.lfilter(b, a, x, axis=0), x)
    hoad.check_derivatives(hs.lfilter, (b, a, x), order=3)
    if size:
        for i in (0, 1):
            f = lambda b, a, x, zi, i=i: hs.lfilter(b, a, x, zi=zi)[i]
            assert_adjoint(f, b, a, x, real(2, size))
            hoad.check_derivatives(f, (b, a, x, real(2, size)), order=2)
        hoad.check_derivatives(hs.lfilter_zi, (b, a), order=2)


def test_impulse_response_of_one_pole():
    """y[n] = p^n, so that its k-th derivative is n (n - 1) ... p^(n - k)."""
    n, p = np.arange(8), 0.7
    impulse = (n == 0).astype(float)
    f = lambda p: hs.lfilter([1.0], np.stack([1.0 + 0 * p, -p]), impulse)
    series = hoad.taylor(f, p, 1.0, 4)
    factor = np.ones(8)
    for k, c in enumerate(series):
        np.testing.assert_allclose(c, factor * p ** np.maximum(n - k, 0), rtol=0, atol=1e-14)
        factor = factor * (n - k) / (k + 1)


def test_sections_in_every_argument():
    x, v = real(2, 30), real(2, 5)
    for f, *xs in (
        (lambda x: hs.sosfilt(SOS, x), x), (lambda v, x: hs.sosfilt(sections(v), x, axis=0), v, x),
        (lambda v, x, zi: hs.sosfilt(sections(v), x, zi=zi)[0], v, x, real(2, 2, 2)),
        (lambda v, x, zi: hs.sosfilt(sections(v), x, zi=zi)[1], v, x, real(2, 2, 2)),
        (lambda v: hs.sosfilt_zi(sections(v)), v), (lambda v, x: hs.sosfiltfilt(sections(v), x), v, x),
    ):  # fmt: skip
        assert_adjoint(f, *xs, tolerance=1e-12)
        hoad.check_derivatives(f, tuple(xs) if len(xs) > 1 else xs[0], order=2)


@pytest.mark.parametrize("padtype", ["odd", "even", "constant", None])
def test_zero_phase_filters(padtype):
    for n in (25, 30):
        for f in (
            lambda x: hs.filtfilt(B, A, x, padtype=padtype), lambda x: hs.sosfiltfilt(SOS, x, padtype=padtype),
            lambda x: hs.filtfilt([1.0, 0.5], [1.5], x, padtype=padtype),
            lambda x: hs.filtfilt(B, A, x.T, 0, padtype=padtype, padlen=4 if padtype else None),
        ):  # fmt: skip
            assert_adjoint(f, real(2, n))
            assert_linear(f, real(2, n))
    hoad.check_derivatives(lambda b, a, x: hs.filtfilt(b, a, x, padtype=padtype), (B, A, real(20)), order=2)


# -- rates --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("up", [1, 2, 3, 4])
@pytest.mark.parametrize("down", [1, 2, 3, 5])
def test_filters_between_rates(up, down):
    for taps, n in product((1, 2, 3, 7), (1, 2, 6)):
        h, x = real(taps), real(2, n)
        assert_adjoint(lambda h, x: hs.upfirdn(h, x, up, down, axis=0), h, x.T.copy())
        assert_linear(lambda x: hs.upfirdn(h, x, up, down), x)
        assert_linear(lambda h: hs.upfirdn(h, x, up, down), h)
        for mode in ("symmetric", "reflect", "edge", "wrap") if n > 1 else ():
            assert_adjoint(lambda x: hs.upfirdn(h, x, up, down, mode=mode), x)
            assert_linear(lambda x: hs.upfirdn(h, x, up, down, mode=mode), x)
        for padtype in ("constant", "mean", "edge"):
            assert_linear(lambda x: hs.resample_poly(x, up, down, padtype=padtype), x.T.copy())
            assert_adjoint(lambda x: hs.resample_poly(x, up, down, padtype=padtype), x.T.copy())


@pytest.mark.parametrize("n", [1, 2, 5, 6, 9])
def test_resampling_by_transforms(n):
    for num, window in product((1, 2, 3, 4, 5, 6, 9, 12), (None, "hamming")):
        f = lambda x: hs.resample(x, num, axis=1, window=window)
        assert_adjoint(f, real(2, n), tolerance=1e-13)
        z, v = real(2, n) + 1j * real(2, n), real(2, n) + 1j * real(2, n)
        for domain in ("time", "freq"):
            g = lambda x, domain=domain: hs.resample(x, num, axis=1, window=window, domain=domain)
            np.testing.assert_allclose(hoad.jvp(g, (z,), (v,))[1], g(v), rtol=0, atol=1e-13)


def test_other_linear_operations():
    for kind in ("linear", "constant"):
        for f in (
            lambda x: hs.detrend(x, type=kind, bp=[3, 5]), lambda x: hs.decimate(x, 3), lambda x: hs.decimate(x, 3, ftype="fir"),
        ):  # fmt: skip
            assert_adjoint(f, real(2, 40), tolerance=1e-13)
    for n in (None, 5, 6, 9, 12):
        f = lambda x: np.real(hs.hilbert(x, n)) + 2 * np.imag(hs.hilbert(x, n))
        assert_adjoint(f, real(2, 8))
        assert_linear(f, real(2, 8))
    for mode, window, deriv in product(("mirror", "constant", "nearest", "interp", "wrap"), (5, 6), (0, 1, 2)):
        f = lambda x: hs.savgol_filter(x, window, 3, deriv, 0.5, axis=0, mode=mode)
        assert_adjoint(f, real(11, 2))
        v = real(11, 2)
        np.testing.assert_allclose(hoad.jvp(f, (v,), (v,))[1], f(v), rtol=0, atol=1e-12)


def test_envelope_of_a_modulated_tone_follows_its_amplitude():
    t = np.arange(64)
    amplitude = 1.5
    tone = np.cos(2 * np.pi * 8 * t / 64)
    envelope = lambda a: np.abs(hs.hilbert(a * tone))
    np.testing.assert_allclose(hoad.jacfwd(envelope)(amplitude), np.ones(64), rtol=1e-12)


# -- estimates ----------------------------------------------------------------------------------------------------------------

SETTINGS = (
    {"nperseg": 8}, {"nperseg": 7, "noverlap": 2, "nfft": 10, "window": "hamming", "detrend": "linear"},
    {"nperseg": 8, "scaling": "spectrum", "detrend": False, "fs": 3.0}, {"nperseg": 8, "return_onesided": False},
    {"window": ss.get_window("hann", 9)}, {"nperseg": 8, "average": "median"},
)  # fmt: skip


def _body_and_value(name, *xs, **keywords):
    s = spectra.Settings(getattr(ss, name), keywords)
    prim = {"csd": spectra.cross_density_, "coherence": spectra.coherence_, "spectrogram": spectra.time_frequency_}.get(name)
    prim = prim or (spectra.time_frequency_ if name == "stft" else spectra.own_density_)
    return prim.body(*xs, s=s), prim.native(*xs, s=s)


@pytest.mark.parametrize("name", ["welch", "csd", "coherence", "periodogram", "spectrogram", "stft"])
def test_what_is_differentiated_is_what_scipy_estimates(name):
    parameters = signature(getattr(ss, name)).parameters
    defaults = {k: p.default for k, p in parameters.items() if p.default is not p.empty}
    count = len(parameters) - len(defaults)
    for keywords in SETTINGS:
        keywords = {k: v for k, v in keywords.items() if k in parameters}
        if name == "periodogram":
            keywords.pop("window", None)
            keywords["nfft"] = 24 if "nfft" in keywords else None
        if name == "stft":
            keywords.pop("scaling", None)
            keywords.setdefault("nperseg", 9)
        for xs, axis in ((real(2, 2, 30), -1), (real(2, 30, 2), 0), (real(2, 2, 30) + 1j * real(2, 2, 30), -1)):
            if np.iscomplexobj(xs) and name in ("coherence", "spectrogram", "stft"):
                continue
            bodies, values = _body_and_value(name, *xs[:count], **{**defaults, **keywords, "axis": axis})
            for found, expected in zip(bodies, values):
                assert found.dtype == expected.dtype
                np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * max(1.0, np.abs(expected).max()))


def test_power_is_conserved():
    """The density of white noise integrates to its variance: the gradient of the integral is that of the mean square."""
    x = real(64)
    total = lambda x: np.sum(hs.periodogram(x, detrend=False)[1]) / 64
    np.testing.assert_allclose(hoad.grad(total)(x), 2 * x / 64, rtol=0, atol=1e-15)
    np.testing.assert_allclose(hoad.hessian(total)(x), 2 * np.eye(64) / 64, rtol=0, atol=1e-15)


def test_a_signal_with_itself():
    x, v = real(30), real(30)
    f = lambda x: hs.csd(x, x, nperseg=8)[1]
    assert hoad.jvp(f, (x,), (v,))[0].dtype == ss.csd(x, x, nperseg=8)[1].dtype == float
    g = lambda x: hs.welch(x, nperseg=8)[1]
    np.testing.assert_allclose(hoad.jvp(f, (x,), (v,))[1], hoad.jvp(g, (x,), (v,))[1], rtol=1e-13)


# -- windows and responses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1, 5, 6])
@pytest.mark.parametrize("sym", [True, False])
def test_windows_in_their_parameters(m, sym):
    for name, *values in (
        ("kaiser", 2.5), ("gaussian", 1.7), ("general_gaussian", 1.5, 2.0), ("tukey", 0.6), ("general_hamming", 0.6),
        ("general_cosine", np.array([0.5, 0.3, 0.2])),
    ):  # fmt: skip
        f = lambda *p, name=name: getattr(hs.windows, name)(m, *p, sym=sym)
        np.testing.assert_array_equal(hoad.jvp(f, tuple(values), tuple(values))[0], getattr(ss.windows, name)(m, *values, sym=sym))
        hoad.check_derivatives(f, tuple(values) if len(values) > 1 else values[0], order=3)
    hoad.check_derivatives(lambda tau: hs.windows.exponential(m, tau=tau, sym=sym), 1.3, order=3)


def test_frequency_responses():
    b = B * np.array([1, 0.9, 0.8, 0.5])
    for kw in ({"worN": 7}, {"worN": 6, "whole": True}, {"worN": [0.1, 0.5], "fs": 2.0}):
        hoad.check_derivatives(lambda b, a: np.real(hs.freqz(b, a, **kw)[1]), (b, A), order=2)
        hoad.check_derivatives(lambda v: np.imag(hs.sosfreqz(sections(v), **kw)[1]), real(2, 5), order=2)
        delay = {"w" if k == "worN" else k: v for k, v in kw.items()}
        hoad.check_derivatives(lambda b, a: hs.group_delay((b, a), **delay)[1], (b, A), order=2)
    with pytest.warns(UserWarning, match="singular"):
        t = hoad.jvp(lambda b: hs.group_delay((b, A), w=[np.pi])[1], (B,), (B,))[1]
    assert np.isnan(t).all()


def test_chosen_samples():
    x = RNG.permutation(30) * 0.1 - 1.43
    for f in (lambda x: hs.medfilt(x, 5), lambda x: hs.medfilt2d(x.reshape(5, 6), 3), lambda x: hs.order_filter(x, np.ones(3), 1)):
        assert_adjoint(f, x)
        assert set(np.unique(hoad.jacfwd(f)(x))) <= {0.0, 1.0}
    hoad.check_derivatives(lambda x: hs.wiener(x.reshape(5, 6), 3), x, order=2)
    for i in (0, 1):
        hoad.check_derivatives(lambda x, d, i=i: hs.deconvolve(x, d)[i], (x[:8], np.array([1.4, 0.3, -0.2])), order=2)


def test_properties_of_peaks():
    x = np.array([0.0, 1.0, 0.3, 2.0, 1.8, 0.4, 0.9, 0.2])
    keywords = {"height": 0.1, "threshold": 0.0, "prominence": 0.1, "width": 0.1}
    peaks, expected = ss.find_peaks(x, **keywords)
    assert peaks.size == 3
    for name, value in expected.items():
        if value.dtype.kind == "f":
            f = lambda x, name=name: hs.find_peaks(x, **keywords)[1][name]
            np.testing.assert_allclose(hoad.jvp(f, (x,), (x,))[0], value, rtol=0, atol=1e-15)
            hoad.check_derivatives(f, x, order=2)
    np.testing.assert_array_equal(hoad.jacfwd(lambda x: hs.find_peaks(x, 0.1)[1]["peak_heights"])(x), np.eye(8)[peaks])
    with pytest.raises(UnsupportedFunctionError, match="batch"):
        hoad.vmap(lambda x: hs.find_peaks(x, 0.1)[1]["peak_heights"])(np.stack([x, x]))
    with pytest.raises(UnsupportedFunctionError, match="condition"):
        hoad.grad(lambda h: np.sum(hs.find_peaks(x, h)[1]["peak_heights"]))(0.1)


def test_synthesis_inverts_analysis():
    x, v = real(2, 40), real(2, 40)
    there_and_back = lambda x: hs.istft(hs.stft(x, nperseg=8)[2], nperseg=8)[1][..., :40]
    np.testing.assert_allclose(hoad.jvp(there_and_back, (x,), (v,))[1], v, rtol=0, atol=1e-14)


@pytest.mark.parametrize("method", ["linear", "quadratic", "logarithmic"])
def test_chirps_also_of_equal_frequencies(method):
    t = np.linspace(0, 1, 7)
    f = lambda f0, f1: hs.chirp(t, f0, 2.0, f1, method)
    hoad.check_derivatives(f, (0.7, 1.6), order=3)
    hoad.check_derivatives(f, (1.1, 1.1), order=2)


# -- arguments ----------------------------------------------------------------------------------------------------------------


def test_bad_arguments():
    x = real(6)
    for f, error in (
        (lambda v: hs.convolve(v, [[1.0]]), ValueError), (lambda v: hs.convolve(v, [1.0], "x"), ValueError),
        (lambda v: hs.convolve(v, [1.0], method="x"), ValueError),
        (lambda v: hs.convolve(v.reshape(2, 3), np.ones((3, 2)), "valid"), ValueError),
        (lambda v: hs.convolve2d(v, v), ValueError),
        (lambda v: hs.convolve2d(v[None], v[None], boundary="x"), ValueError),
        (lambda v: hs.lfilter([1.0], [0.0, 1.0], v), ValueError), (lambda v: hs.lfilter([[1.0]], [1.0], v), ValueError),
        (lambda v: hs.lfilter([1.0, 2.0], [1.0], v, zi=np.ones(3)), ValueError),
        (lambda v: hs.sosfilt(np.ones((2, 5)), v), ValueError),
        (lambda v: hs.sosfilt(2 * np.ones((1, 6)), v), ValueError), (lambda v: hs.filtfilt(B, A, v), ValueError),
        (lambda v: hs.filtfilt(B, A, v, padtype="x"), ValueError), (lambda v: hs.hilbert(v + 0j), ValueError),
        (lambda v: hs.hilbert(v, 0), ValueError), (lambda v: hs.savgol_filter(v, 9, 2), ValueError),
        (lambda v: hs.medfilt(v, 2), ValueError), (lambda v: hs.upfirdn([1.0], v, 0), ValueError),
        (lambda v: hs.resample(v, 4, domain="x"), ValueError), (lambda v: hs.resample_poly(v, 0, 1), ValueError),
    ):  # fmt: skip
        with pytest.raises(error):
            f(x)
        with pytest.raises(error):
            hoad.jvp(f, (x,), (x,))


def test_unsupported_arguments_are_named():
    x = real(20)
    for f, name in (
        (lambda v: hs.filtfilt([1.0, 1.0], [1.0, 0.2], v, method="gust"), "gust"),
        (lambda v: hs.upfirdn([1.0], v, mode="smooth"), "smooth"),
        (lambda v: hs.resample(x, 4, window=v), "window"), (lambda v: hs.freqz([1.0], [1.0], v), "frequencies"),
        (lambda v: hs.welch(x, window=v), "window"), (lambda v: hs.lombscargle(x, v, [1.0]), "lombscargle"),
    ):  # fmt: skip
        with pytest.raises(UnsupportedFunctionError, match=name):
            hoad.jvp(f, (x,), (x,))
