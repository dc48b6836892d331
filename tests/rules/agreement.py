"""One function, all modes: nested forward is compared with central differences, and every other mode with nested forward."""

from __future__ import annotations

from math import factorial

import numpy as np

import hoad
from hoad.core.series import curve
from hoad.modes.taylor import expand, unpack


def close(found, expected, tolerance):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1.0, np.max(np.abs(expected), initial=0.0)))


def all_modes_agree(f, x, *, plain=None, order=4, tolerance=1e-9, seed=0):
    """``f`` returns one array; ``plain`` is the function of NumPy or SciPy whose value must be met to the bit."""
    plain = plain or f
    rng = np.random.default_rng(seed)
    x = np.asarray(x)

    def like(a):
        r = rng.normal(size=np.shape(a))
        return r + 1j * rng.normal(size=np.shape(a)) if np.iscomplexobj(a) else r

    v, value = like(x), plain(x)
    w = like(value)
    weighted = lambda y: np.sum(np.real(np.conj(w) * y))

    np.testing.assert_array_equal(hoad.jvp(f, (x,), (v,))[0], value)
    np.testing.assert_array_equal(hoad.vjp(f, x)[0], value)
    line = derivative = lambda t: f(x + t * v)
    nested = []
    for _ in range(order):
        derivative = (lambda g: lambda t: hoad.jvp(g, (t,), (1.0,))[1])(derivative)
        nested.append(derivative(0.0))
    h = 1e-3
    q = lambda t: plain(x + t * v)
    close(nested[0], (8 * (q(h) - q(-h)) - (q(2 * h) - q(-2 * h))) / (12 * h), 1e-7)

    out, level = expand(curve(order), f, [[x, v]])
    for n, c in enumerate(unpack(out, level, order + 1)[1:], 1):
        close(np.zeros_like(value) if c is None else c * factorial(n), nested[n - 1], tolerance * 10**n)
    scalar = lambda t: weighted(line(t))
    for n in range(1, 4):
        scalar = hoad.grad(scalar)
        close(scalar(0.0), weighted(nested[n - 1]), tolerance * 10**n)
    gradient = hoad.grad(lambda x: weighted(f(x)))(x)
    close(np.sum(np.real(np.conj(gradient) * v)), weighted(nested[0]), tolerance)
    if not np.iscomplexobj(x):
        modes = (hoad.jacfwd, hoad.jacrev)
        hessians = [a(b(lambda x: weighted(f(x))))(x) for a in modes for b in modes]
        for other in hessians:
            close(np.tensordot(np.tensordot(other, v, v.ndim), v, v.ndim), weighted(nested[1]), 100 * tolerance)
            close(other, hessians[0], 100 * tolerance)
