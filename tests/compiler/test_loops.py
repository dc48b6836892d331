"""What is stored, which loops compute it, and that sums are as accurate as NumPy's."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

import hoad
from hoad.compiler.executor import arena

RNG = np.random.default_rng(7)


def compiled(f, *args):
    """A compiled function after its first call, its result checked against that of ``f``."""
    g = hoad.compile(f)
    found, expected = g(*args), f(*args)
    pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
    for a, b in pairs:
        scale = np.abs(b).max(initial=1e-300)
        assert np.abs(a - b).max(initial=0.0) <= 1e-13 * scale
    return g


def native(g):
    if g.program.backend != "c" or g.program.executor.source.startswith("def"):
        pytest.skip("no C compiler")
    return g.program.executor.native


def kernels(g):
    native(g)
    return re.findall(r"static void k\d+\(.*?\n}\n", g.source, re.DOTALL)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


# -- boundaries -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [10, 50, 1001])
def test_slices_become_bounds_of_loops(n):
    g = compiled(lambda x, v: hoad.hvp(rosenbrock, x, v), RNG.standard_normal(n), RNG.standard_normal(n))
    (kernel,) = kernels(g)
    assert f"< {n - 2}; ++t0" in kernel
    assert "?" not in kernel
    assert "if" not in kernel.replace("#ifdef", "")
    assert native(g).buffers.scratch == []


@pytest.mark.parametrize("index", [np.s_[::2], np.s_[1::3], np.s_[::-1], np.s_[-2:3:-2], np.s_[5:5]])
def test_strides_become_loops_of_their_own(index):
    x = RNG.standard_normal(23)
    g = compiled(lambda x: hoad.grad(lambda x: np.sum(np.sin(x[index])))(x), x)
    assert native(g).buffers.scratch == []
    assert all("%" not in k for k in kernels(g))


def test_pads_in_two_dimensions():
    def energy(u):
        dx, dy = u[1:, :] - u[:-1, :], u[:, 1:] - u[:, :-1]
        return np.sum(dx**2) * 0.5 + np.sum(np.cos(dy))

    u = RNG.standard_normal((31, 17))
    g = compiled(lambda u, v: hoad.hvp(energy, u, v), u, RNG.standard_normal(u.shape))
    (kernel,) = kernels(g)
    assert "?" not in kernel


def test_two_sided_cut_of_every_affine_condition():
    """Against a definition by loops: pieces at all offsets, forwards and backwards."""
    for n, start, count, step in itertools.product((1, 2, 5), (0, 1, 3), (1, 2, 4), (1, 2, 3)):
        size = start + (count - 1) * step + n
        x = RNG.standard_normal(count)

        def f(x, size=size, start=start, stop=start + (count - 1) * step + 1, step=step):
            y = np.zeros_like(x, shape=(size,)) + 0.0 * x[0]
            y[start:stop:step] = x * x
            return y[::-1]

        assert np.array_equal(hoad.compile(f)(x), f(x))


# -- fusion ---------------------------------------------------------------------------------------------------------------------


def test_a_chain_is_one_loop_without_temporaries():
    def f(x):
        for _ in range(30):
            x = np.sin(x) * 0.9 + x.T.copy().T
        return x

    g = compiled(f, RNG.standard_normal((40, 50)))
    assert len(kernels(g)) == 1
    assert native(g).buffers.scratch == []


def test_small_axes_are_written_out():
    def energy(F):
        (a, b, c), (p, q, r), (x, y, z) = [[F[:, i, j] for j in range(3)] for i in range(3)]
        J = a * (q * z - r * y) - b * (p * z - r * x) + c * (p * y - q * x)
        return np.sum(0.5 * (np.einsum("nij,nij->n", F, F) - 3) - np.log(J) + np.log(J) ** 2)

    F = np.eye(3) + 0.1 * RNG.standard_normal((200, 3, 3))
    g = compiled(lambda F, V: hoad.hvp(energy, F, V), F, RNG.standard_normal(F.shape))
    (kernel,) = kernels(g)
    assert kernel.count("for (long") == 1


def test_hessians_of_small_tensors_are_one_loop():
    """All 81 entries at once, where points are many: nothing is stored between, and units of directions are no factors."""

    def energy(F):
        (a, b, c), (p, q, r), (x, y, z) = F
        J = a * (q * z - r * y) - b * (p * z - r * x) + c * (p * y - q * x)
        return 0.5 * np.sum(F * F) - np.log(J) + np.log(J) ** 2

    F = np.eye(3)[:, :, None] + 0.1 * RNG.standard_normal((3, 3, 10_000))
    g = compiled(hoad.vmap(hoad.hessian(energy), in_axes=-1, out_axes=-1), F)
    (kernel,) = kernels(g)
    assert native(g).buffers.scratch == []
    assert not re.search(r"= p\d+\[\d+\];", kernel)


def test_what_a_loop_repeats_is_computed_before_it():
    """exp of a row is not computed for each element of a matrix."""
    x = RNG.standard_normal(300)
    g = compiled(lambda x: np.sum(np.exp(x) * np.cos(x[:, None]), axis=1), x)
    assert native(g).operations < 300 * 300 * 6


def test_repeated_bodies_are_compiled_once():
    def f(x, steps):
        w = np.linspace(0.1, 1.0, 20)
        for _ in range(steps):
            x = np.tanh(w * np.sum(w * x)) + 0.9 * x
        return x

    x = RNG.standard_normal(20)
    short, long = (native(compiled(lambda x, n=n: f(x, n), x)) for n in (20, 200))
    assert long.kernels <= short.kernels + 2
    assert len(long.source) - long.tables < 1.2 * (len(short.source) - short.tables) + 1000  # a body that threads may share
    assert long.calls > 5 * short.calls


def test_rows_are_read_once():
    A = RNG.standard_normal((3000, 40))
    g = compiled(lambda x, v: hoad.hvp(lambda x: np.sum(np.log1p(np.exp(A @ x))), x, v), *RNG.standard_normal((2, 40)) / 10)
    assert any("run together on" in line for line in g.program.executor.explain)


def test_long_straight_code_is_cut_into_kernels():
    def f(x):
        for i in range(700):
            x = x * (1.0 + i * 1e-6) + np.sin(x) * 1e-3
        return x

    g = compiled(f, RNG.standard_normal(10))
    longest = max(len(k.splitlines()) for k in kernels(g))
    assert native(g).kernels >= 2
    assert longest < 1500


def test_carries_of_loops_are_updated_in_place():
    def f(x):
        (y, total), _ = hoad.scan(lambda c, _: ((np.cos(c[0]), c[1] + c[0]), None), (x, 0.0 * x), None, length=50)
        return y, total

    g = compiled(f, RNG.standard_normal(64))
    assert "loops[]" in g.source
    copies = re.search(r"struct move copies\[\] = \{(.*?)\};", g.source, re.DOTALL)[1]
    assert copies.count("{") <= 1


def test_two_carries_that_change_places():
    def f(x, y):
        (a, b), _ = hoad.scan(lambda c, _: ((c[1], 0.5 * c[0]), c[0] - c[1]), (x, y), None, length=7)
        return a, b

    compiled(f, *RNG.standard_normal((2, 30)))


# -- sums -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "axis"), [((100_003,), None), ((300, 1001), None), ((7, 20_011), 1), ((5, 5, 4001), (0, 2))])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sums_are_as_accurate_as_numpys(shape, axis, dtype):
    x = (RNG.uniform(0.5, 1.5, shape) * 10.0 ** RNG.integers(-3, 4, shape)).astype(dtype)
    found = np.asarray(hoad.compile(lambda x: np.sum(x * dtype(1.0), axis=axis))(x), np.float64)
    ours, theirs = [], []
    axes = tuple(range(x.ndim)) if axis is None else np.atleast_1d(axis)
    kept = [k for k in range(x.ndim) if k not in axes]
    rows = np.transpose(x, (*kept, *axes)).reshape(-1, math.prod(shape[k] for k in axes))
    for row, value, other in zip(rows, found.reshape(-1), np.asarray(np.sum(x, axis=axis), np.float64).reshape(-1), strict=True):
        exact = math.fsum(map(float, row))
        ours.append(abs(value - exact) / exact)
        theirs.append(abs(other - exact) / exact)
    unit = np.finfo(dtype).eps
    assert max(ours) <= max(theirs) + 2 * unit


def test_the_largest_number_wins_as_in_numpy():
    x = RNG.standard_normal((40, 70))
    x[3, 5] = np.nan
    for f in (np.max, np.min):
        for axis in (None, 0, 1):
            assert np.array_equal(hoad.compile(lambda x, f=f, a=axis: f(x * 1.0, axis=a))(x), f(x, axis=axis), equal_nan=True)


def test_differences_of_equal_products_vanish():
    """A contraction to fma would leave a rounding error, and the root of it NaN."""
    x = RNG.random(1000)
    found = hoad.compile(lambda x, y: np.sqrt(x * x - y * y))(x, x.copy())
    assert not found.any()


# -- memory ---------------------------------------------------------------------------------------------------------------------


def test_buffers_in_use_at_once_do_not_overlap():
    for _ in range(200):
        count = int(RNG.integers(1, 30))
        first = RNG.integers(0, 40, count)
        sizes = [(int(RNG.integers(1, 5000)), int(a), int(a + RNG.integers(0, 12))) for a in first]
        offsets, total = arena(sizes)
        places = [(o, o + size) for o, (size, _, _) in zip(offsets, sizes, strict=True)]
        assert all(end <= total and start % 64 == 0 for start, end in places)
        for (i, a), (j, b) in itertools.combinations(enumerate(sizes), 2):
            if a[1] <= b[2] and b[1] <= a[2]:
                assert places[i][1] <= places[j][0] or places[j][1] <= places[i][0]
        most = max(sum(-(-s // 64) * 64 for s, a, b in sizes if a <= t <= b) for t in range(60))
        assert total <= 2.5 * most


def test_constants_are_not_copied():
    A = RNG.standard_normal((500, 300))
    g = compiled(lambda x: A.T @ np.sin(A @ x), RNG.standard_normal(300))
    constants = [c.array for c in native(g).buffers.constants]
    assert len(constants) == 1
    assert np.shares_memory(constants[0], A)
