# ruff: noqa: B023  # functions are called in the turn of the loop that makes them
"""Transforms against dense matrices written from their definitions, and what only real transforms have."""

import numpy as np
import pytest
import scipy.fft

import hoad
import hoad.numpy as hnp
import hoad.rules.fft as rules
import hoad.scipy.fft as sf
from hoad.errors import InPlaceError, UnsupportedFunctionError

RNG = np.random.default_rng(11)
NORMS = ("backward", "ortho", "forward", None)


def scale(n, norm, inverse):
    power = {"ortho": 0.5, "forward": 0.0 if inverse else 1.0}.get(norm, 1.0 if inverse else 0.0)
    return float(n) ** -power


def dft(n, norm, inverse=False):
    """The matrix of the discrete Fourier transform, from its definition."""
    k = np.arange(n)
    return np.exp((2j if inverse else -2j) * np.pi * np.outer(k, k) / n) * scale(n, norm, inverse)


def cut(m, n):
    """The matrix that crops or pads m entries to n."""
    return np.eye(n, m)


def from_half(n, norm):
    """Real part of the inverse transform of a half spectrum: of bins 0 and n/2 only the real part counts.  Acts on (re, im)."""
    h = n // 2 + 1
    angle = 2 * np.pi * np.outer(np.arange(n), np.arange(h)) / n
    weight = np.where((np.arange(h) == 0) | (2 * np.arange(h) == n), 1.0, 2.0) * scale(n, norm, True)
    return np.hstack([np.cos(angle) * weight, -np.sin(angle) * np.where(weight == weight[0], 0.0, weight) if n > 2 else 0 * angle])


def jacobian(f, x):
    """The real-linear matrix of f on (re, im) in every mode; the modes have to agree."""
    if x.dtype.kind == "c":
        return jacobian(lambda v: f(v[0] + 1j * v[1]), np.stack([x.real, x.imag]))
    both = lambda v: np.concatenate([np.ravel(np.real(f(v))), np.ravel(np.imag(f(v) + 0j))])
    forward, reverse = hoad.jacfwd(both)(x), hoad.jacrev(both)(x)
    np.testing.assert_allclose(reverse, forward, rtol=0, atol=1e-13)
    batched = hoad.vmap(both)(np.eye(x.size).reshape(x.size, *x.shape))
    np.testing.assert_allclose(batched.T, forward.reshape(-1, x.size), rtol=0, atol=1e-13)
    return forward.reshape(-1, x.size)


def as_real(matrix):
    return np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])


def near(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-13 * max(1.0, np.abs(b).max()))


def complex_(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


@pytest.mark.parametrize("module", [np.fft, sf], ids=["numpy", "scipy"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("m", "n"), [(5, 5), (6, 6), (5, 3), (6, 4), (4, 7), (1, 1), (2, 2), (3, 1)])
def test_one_axis_is_the_dense_matrix(module, norm, m, n):
    x, z = RNG.normal(size=m), complex_(m)
    for inverse in (False, True):
        f = module.ifft if inverse else module.fft
        near(jacobian(lambda v: f(v, n, norm=norm), z), as_real(dft(n, norm, inverse) @ cut(m, n)))
    half = (dft(n, norm) @ cut(m, n))[: n // 2 + 1]
    near(jacobian(lambda v: module.rfft(v, n, norm=norm), x), np.vstack([half.real, half.imag]))
    back = from_half(n, norm) @ np.kron(np.eye(2), cut(m, n // 2 + 1))
    near(jacobian(lambda v: module.irfft(v, n, norm=norm), z)[:n], back)
    other = {"forward": "backward", "ortho": "ortho"}.get(norm, "forward")
    hermitian = from_half(n, other) @ np.kron(np.diag([1, -1]), cut(m, n // 2 + 1))
    near(jacobian(lambda v: module.hfft(v, n, norm=norm), z)[:n], hermitian)
    inverse_half = (dft(n, norm, True) @ cut(m, n))[: n // 2 + 1]
    near(jacobian(lambda v: module.ihfft(v, n, norm=norm), x), np.vstack([inverse_half.real, inverse_half.imag]))


@pytest.mark.parametrize("norm", NORMS)
def test_several_axes_are_kronecker_products(norm):
    z, x = complex_(3, 4), RNG.normal(size=(3, 4))
    whole = np.kron(dft(5, norm) @ cut(3, 5), dft(2, norm) @ cut(4, 2))
    for module in (np.fft, sf):
        near(jacobian(lambda v: module.fftn(v, (5, 2), axes=(0, 1), norm=norm), z), as_real(whole))
        half = np.kron(dft(3, norm), dft(5, norm)[:3] @ cut(4, 5))
        near(
            jacobian(lambda v: module.rfftn(v, (3, 5), axes=(0, 1), norm=norm), x),
            np.vstack([half.real, half.imag]),
        )


def test_repeated_axes():
    z = complex_(4)
    near(jacobian(lambda v: np.fft.fftn(v, axes=(0, 0)), z), as_real(dft(4, None) @ dft(4, None)))
    near(
        jacobian(lambda v: np.fft.ifftn(v, (3, 6), axes=(0, 0)), z),
        as_real(dft(3, None, True) @ cut(6, 3) @ dft(6, None, True) @ cut(4, 6)),
    )


def test_energy_of_a_real_spectrum():
    """The gradient of sum |rfft(x)|^2 weighs paired bins once, not twice."""
    for f in (np.fft.rfft, sf.rfft):
        g = hoad.grad(lambda x: np.sum(np.abs(f(x)) ** 2))(np.arange(5.0))
        np.testing.assert_allclose(g, [10, 15, 20, 25, 30], rtol=1e-15)
        h = hoad.hessian(lambda x: np.sum(np.abs(f(x)) ** 2))(np.arange(5.0))
        np.testing.assert_allclose(h, 5 * np.eye(5) + 1, rtol=0, atol=1e-14)


@pytest.mark.parametrize("n", [6, 7])
def test_imaginary_parts_of_unpaired_bins_do_not_matter(n):
    z = complex_(n // 2 + 1)
    for f in (np.fft.irfft, sf.irfft, np.fft.hfft, sf.hfft):
        g = hoad.grad(lambda v: np.sum(np.cos(f(v, n))))(z)
        assert g[0].imag == 0
        assert (g[-1].imag == 0) == (n % 2 == 0)


def cosine(kind, n, type):
    """Matrices of the cosine and sine transforms, from their definitions."""
    k, j = np.arange(n)[:, None], np.arange(n)[None, :]
    if kind == "dct":
        if type == 1:
            inner = 2 * np.cos(np.pi * k * j / (n - 1))
            inner[:, [0, -1]] /= 2
            return inner
        if type == 2:
            return 2 * np.cos(np.pi * k * (2 * j + 1) / (2 * n))
        if type == 3:
            return np.where(j == 0, 1.0, 2 * np.cos(np.pi * (2 * k + 1) * j / (2 * n)))
        return 2 * np.cos(np.pi * (2 * k + 1) * (2 * j + 1) / (4 * n))
    if type == 1:
        return 2 * np.sin(np.pi * (k + 1) * (j + 1) / (n + 1))
    if type == 2:
        return 2 * np.sin(np.pi * (k + 1) * (2 * j + 1) / (2 * n))
    if type == 3:
        return np.where(j == n - 1, (-1.0) ** k, 2 * np.sin(np.pi * (2 * k + 1) * (j + 1) / (2 * n)))
    return 2 * np.sin(np.pi * (2 * k + 1) * (2 * j + 1) / (4 * n))


@pytest.mark.parametrize("kind", ["dct", "dst"])
@pytest.mark.parametrize("type", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [2, 5, 6])
def test_cosines_and_sines(kind, type, n):
    x = RNG.normal(size=n)
    size = 2 * (n - 1) if (kind, type) == ("dct", 1) else 2 * (n + 1) if type == 1 else 2 * n
    for norm in NORMS:
        power = {"ortho": 0.5, "forward": 1.0}.get(norm, 0.0)
        plain = norm != "ortho"
        matrix = cosine(kind, n, type) * float(size) ** -power
        found = jacobian(lambda v: getattr(sf, kind)(v, type, norm=norm, orthogonalize=False), x)[:n]
        near(found, matrix)
        inverse = jacobian(lambda v: getattr(sf, "i" + kind)(v, type, norm=norm), x)[:n]
        forward = jacobian(lambda v: getattr(sf, kind)(v, type, norm=norm), x)[:n]
        near(inverse @ forward, np.eye(n))
        if not plain:
            near(forward @ forward.T, np.eye(n))


def test_one_transform_each_way(monkeypatch):
    """A gradient costs one transform forward and one back: no dense matrix, no loop over rows."""
    calls = []
    for prim in (rules.rfft_, rules.irfft_):
        monkeypatch.setattr(prim, "native", lambda *a, _f=prim.native, _n=prim.name, **k: (calls.append(_n), _f(*a, **k))[1])
    hoad.grad(lambda x: np.sum(np.cos(np.abs(np.fft.rfft(x)) ** 2)))(RNG.normal(size=16))
    assert calls == ["rfft", "irfft"]
    calls.clear()
    hoad.vmap(lambda x: np.fft.rfft(x))(RNG.normal(size=(9, 16)))
    assert calls == ["rfft"]


def test_scipy_itself_takes_traced_values_in_a_backend():
    def f(x):
        with scipy.fft.set_backend(sf):
            return np.sum(scipy.fft.dct(x, workers=1) ** 3) + np.sum(np.abs(scipy.fft.rfft(np.ones(4))))

    x = RNG.normal(size=5)
    near(hoad.grad(f)(x), hoad.grad(lambda v: np.sum(sf.dct(v) ** 3))(x))
    assert f(x) == np.sum(scipy.fft.dct(x) ** 3) + 4


def test_arguments_are_checked():
    x = RNG.normal(size=6)
    for f, error in (
        (lambda v: np.fft.fft(v, 0), ValueError), (lambda v: np.fft.irfft(v, -2), ValueError),
        (lambda v: np.fft.fft(v, norm="x"), ValueError), (lambda v: np.fft.fft(v, axis=2), IndexError),
        (lambda v: np.fft.rfft(v + 0j), TypeError), (lambda v: sf.rfft(v + 0j), TypeError),
        (lambda v: sf.fftn(v, axes=(0, 0)), ValueError), (lambda v: sf.fft(v, plan=1), NotImplementedError),
        (lambda v: np.fft.hfft(v, norm="x"), ValueError), (lambda v: sf.dct(v, 7), ValueError),
        (lambda v: sf.fft2(v), ValueError), (lambda v: sf.fft(v, 0), ValueError),
    ):  # fmt: skip
        with pytest.raises(error):
            f(x)
        with pytest.raises(error):
            hoad.jvp(f, (x,), (x,))
    with pytest.raises(InPlaceError):
        hoad.jvp(lambda v: np.fft.fft(v, out=np.zeros(6, complex)), (x,), (x,))
    with pytest.raises(UnsupportedFunctionError, match="dln"):
        hoad.grad(lambda d: np.sum(sf.fht(x, d, 0.5)))(0.1)


def test_out_and_lists():
    x = RNG.normal(size=4)

    def into_a_buffer(v):
        out = hnp.zeros(4, complex)
        np.fft.fft(v, out=out)
        return out

    near(jacobian(into_a_buffer, x), jacobian(np.fft.fft, x))
    near(hoad.grad(lambda v: np.sum(np.abs(hnp.fft.fft([v[0], v[1]])) ** 2))(x), [4 * x[0], 4 * x[1], 0, 0])
    assert sf.next_fast_len(7) == scipy.fft.next_fast_len(7)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
def test_precision_is_kept(dtype):
    x = RNG.normal(size=6).astype(dtype)
    for f in (np.fft.rfft, sf.rfft, np.fft.fft, sf.fft):
        y, pull = hoad.vjp(f, x)
        assert y.dtype == f(x).dtype
        assert pull(y)[0].dtype == dtype


@pytest.mark.parametrize("n", [6, 7])
def test_hankel_transforms_are_inverse_and_symmetric(n):
    x = RNG.normal(size=n)
    a = jacobian(lambda v: sf.fht(v, 0.1, 1.5, 0.2, 0.3), x)[:n]
    near(a, a.T)
    near(jacobian(lambda v: sf.ifht(v, 0.1, 1.5, 0.2, 0.3), x)[:n] @ a, np.eye(n))
