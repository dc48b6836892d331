"""Sparse derivatives: patterns contain what is there, colourings keep entries apart, and the matrices are the dense ones."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp

import hoad
from hoad.errors import DTypeError, SparsityError, StructureError
from hoad.modes.pattern import dependences
from hoad.sparse import (
    compress,
    hessian_pattern,
    jacobian_pattern,
    plan_sparse_hessian,
    plan_sparse_jacobian,
    sparse_hessian,
    sparse_jacobian,
)
from hoad.sparse.coloring import color_columns, color_star
from tests.registry.harness import SMOOTH, leaves, over, silent

RNG = np.random.default_rng(4)


# -- patterns --------------------------------------------------------------------------------------------------------------


@over(SMOOTH, lambda c: c.label != "large")
def test_pattern_of_every_function_contains_its_jacobian(case):
    """Entry (i, j) of a derivative along a unit direction is not zero only where the pattern says so."""
    xs = case.point
    f = lambda *xs: tuple(leaves(case(*xs)))
    with silent():
        rows = [set(r) for part in dependences(f, xs) for r in part]
        _, push = hoad.linearize(lambda xs: f(*xs), tuple(xs))
        start = 0
        for k, x in enumerate(xs):
            for j in range(x.size):
                unit = np.zeros(x.size, x.dtype)
                unit[j] = 1
                ts = push(tuple(unit.reshape(x.shape) if i == k else np.zeros_like(z) for i, z in enumerate(xs)))
                entries = np.concatenate([np.ravel(t) for t in ts]) if ts else np.zeros(0)
                for i in np.flatnonzero(entries != 0):
                    if np.isfinite(entries[i]):
                        assert start + j in rows[i]
            start += x.size


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x[1:] * x[:-1], [[0, 1], [1, 2], [2, 3]]),
        (np.cumsum, [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]),
        (lambda x: x - x, [[0], [1], [2], [3]]),  # cancels at every point, which no pattern knows
        (lambda x: 0.0 * x, [[], [], [], []]),
        (lambda x: x * np.array([1.0, 0.0, 2.0, 0.0]), [[0], [], [2], []]),
        (lambda x: np.array([[1.0, 0, 0, 3], [0, 0, 2, 0]]) @ x, [[0, 3], [2]]),
        (lambda x: np.where(x > 2, x[::-1], x), [[0, 3], [1, 2], [1, 2], [0, 3]]),  # both branches
        (lambda x: np.maximum(x[:2], x[2:]), [[0, 2], [1, 3]]),
        (lambda x: np.sum(x.reshape(2, 2), axis=0) ** 2, [[0, 2], [1, 3]]),
        (lambda x: np.max(x.reshape(2, 2), axis=1, keepdims=True), [[0, 1], [2, 3]]),
        (lambda x: np.concatenate([x[:1], np.ones(2)]), [[0], [], []]),
        (lambda x: np.linalg.solve(np.eye(4), x), [[0, 1, 2, 3]] * 4),
        (lambda x: np.einsum("ij,j->i", np.diag([1.0, 0.0, 1.0, 1.0]), x), [[0], [], [2], [3]]),
    ],
)  # fmt: skip
def test_known_patterns(f, expected):
    found = jacobian_pattern(f, np.array([1.0, 2.0, 3.0, 4.0]))
    assert [sorted(found.indices[a:b]) for a, b in zip(found.indptr[:-1], found.indptr[1:])] == expected


def test_in_place_updates_are_followed():
    def f(x):
        y = np.zeros_like(x)
        y[1:] = x[:-1] ** 2
        y[0] += x[3]
        return y

    np.testing.assert_array_equal(jacobian_pattern(f, np.ones(4)).toarray(), np.roll(np.eye(4, dtype=bool), 1, axis=0))


def test_constants_and_linear_functions_have_no_hessian():
    x = np.ones(5)
    assert hessian_pattern(lambda x: np.sum(3 * x) + 1, x).nnz == 0
    assert hessian_pattern(lambda x: 2.0 * np.sum(np.ones(3)), x).nnz == 0
    assert sparse_hessian(lambda x: np.sum(3 * x))(x).nnz == 0


# -- colours ---------------------------------------------------------------------------------------------------------------


def tridiagonal(n):
    return sp.csr_array(sp.diags([1.0, 1.0, 1.0], [-1, 0, 1], shape=(n, n)).astype(bool))


def arrow(n):
    a = np.eye(n, dtype=bool)
    a[0] = a[:, 0] = True
    return sp.csr_array(a)


def banded(n, width):
    return sp.csr_array(sp.diags([1.0] * (2 * width + 1), range(-width, width + 1), shape=(n, n)).astype(bool))


def bipartite(a, b):
    """Every row of one part meets every column of the other."""
    m = np.eye(a + b, dtype=bool)
    m[:a, a:] = m[a:, :a] = True
    return sp.csr_array(m)


@pytest.mark.parametrize(
    ("pattern", "columns", "star"),
    [
        (tridiagonal(50), 3, 3),
        (arrow(50), 50, 2),
        (banded(60, 2), 5, 5),
        (banded(60, 4), 9, 9),
        (bipartite(3, 20), 23, 4),  # the small part one by one, the large part together
        (sp.csr_array(np.eye(30, dtype=bool)), 1, 1),
        (sp.csr_array(np.ones((7, 7), bool)), 7, 7),
        (sp.csr_array((5, 5), dtype=bool), 0, 0),
    ],
    ids=["tridiagonal", "arrow", "five bands", "nine bands", "bipartite", "diagonal", "dense", "empty"],
)
def test_numbers_of_colors(pattern, columns, star):
    assert color_columns(pattern).max(initial=-1) + 1 == columns
    assert color_star(pattern).max(initial=-1) + 1 <= star


@pytest.mark.parametrize("seed", range(40))
def test_star_colorings_by_their_definition(seed):
    """Neighbours differ, and no path of four vertices has two colours: all paths are tried."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 16))
    a = rng.random((n, n)) < rng.uniform(0.05, 0.5)
    a = a | a.T | np.eye(n, dtype=bool)
    c = color_star(sp.csr_array(a))
    near = [[j for j in np.flatnonzero(row) if j != i] for i, row in enumerate(a)]
    for i in range(n):
        for j in near[i]:
            assert c[i] != c[j]
            for k in near[j]:
                for m in near[k]:
                    assert k == i or m == j or c[i] != c[k] or c[j] != c[m]


@pytest.mark.parametrize("seed", range(20))
def test_column_colorings_by_their_definition(seed):
    rng = np.random.default_rng(seed)
    a = rng.random((int(rng.integers(1, 15)), int(rng.integers(1, 15)))) < rng.uniform(0.05, 0.6)
    c = color_columns(sp.csr_array(a))
    for row in a:
        colors = c[np.flatnonzero(row)]
        assert len(set(colors)) == len(colors)
        assert (colors >= 0).all()


# -- matrices --------------------------------------------------------------------------------------------------------------


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def membrane(x):
    u = np.pad(x.reshape(5, 6), 1)
    return np.sum(np.sqrt(1 + (u[1:, 1:] - u[:-1, 1:]) ** 2 + (u[1:, 1:] - u[1:, :-1]) ** 2)) + np.sum(x**4)


def coupled(x):
    return np.sum(x**3) + x[0] * np.sum(np.sin(x))


def bratu(x):
    u = np.pad(x.reshape(5, 6), 1)
    laplacian = 4 * u[1:-1, 1:-1] - u[2:, 1:-1] - u[:-2, 1:-1] - u[1:-1, 2:] - u[1:-1, :-2]
    return (laplacian - np.exp(u[1:-1, 1:-1])).ravel()


@pytest.mark.parametrize("f", [rosenbrock, membrane, coupled], ids=lambda f: f.__name__)
def test_hessian_is_the_dense_one(f):
    x = RNG.normal(size=30)
    plan = plan_sparse_hessian(f, np.ones(30))
    assert plan.number_of_colors < 12
    for point in (x, np.linspace(-1, 1, 30)):
        found, dense = plan(point), hoad.hessian(f)(point)
        np.testing.assert_allclose(found.toarray(), dense, rtol=1e-12, atol=1e-12 * np.abs(dense).max())
        assert (found != found.T).nnz == 0
    assert sparse_hessian(f)(x).dtype == np.float64
    assert sparse_hessian(f)(x.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("f", "by_rows"),
    [(bratu, False), (lambda x: np.ones((1, 30)) @ x**2, True), (lambda x: x[0] * x[:3], False), (lambda x: x[:1] * x, False)],
    ids=["five points", "one long row", "short", "column"],
)
def test_jacobian_is_the_dense_one(f, by_rows):
    x = RNG.normal(size=30)
    plan = plan_sparse_jacobian(f, x)
    assert plan.by_rows is by_rows
    np.testing.assert_allclose(plan(x).toarray(), hoad.jacobian(f)(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(sparse_jacobian(f)(2 * x).toarray(), hoad.jacobian(f)(2 * x), rtol=1e-12, atol=1e-12)


def test_one_derivative_for_each_color(monkeypatch):
    """A Hessian for n = 2,000 with three colours takes four products, one of them the check."""
    widths = []
    block = compress._block
    monkeypatch.setattr(compress, "_block", lambda product, seeds: widths.append(seeds.shape) or block(product, seeds))
    plan = plan_sparse_hessian(rosenbrock, np.ones(2000))
    plan(RNG.normal(size=2000))
    plan(RNG.normal(size=2000), check=False)
    assert plan.number_of_colors == 3
    assert widths == [(4, 2000), (3, 2000)]


# -- what a user can get wrong -----------------------------------------------------------------------------------------------


def test_a_pattern_that_no_longer_holds_is_noticed():
    def f(x):
        return np.sum(np.sort(x)[:2] ** 2 * np.sort(x)[1:3])

    plan = plan_sparse_hessian(f, np.array([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_allclose(plan(np.array([1.1, 2.5, 3.0, 4.0])).toarray(), hoad.hessian(f)(np.array([1.1, 2.5, 3.0, 4.0])))
    with pytest.raises(SparsityError, match="entries outside the pattern, first seen in row"):
        plan(np.array([4.0, 3.0, 2.0, 1.0]))

    def branch(x):
        return x**2 if x[0] > 0 else x * x[::-1]

    jacobian = plan_sparse_jacobian(branch, np.ones(4))
    with pytest.raises(SparsityError, match="The Jacobian at this point"):
        jacobian(-np.ones(4) - np.arange(4))


def test_sizes_types_and_structures():
    with pytest.raises(SparsityError, match="made for 4 entries, and x has 5"):
        plan_sparse_hessian(rosenbrock, np.ones(4))(np.ones(5))
    with pytest.raises(DTypeError, match="real floating-point array, got dtype int64"):
        sparse_hessian(rosenbrock)(np.arange(4))
    with pytest.raises(StructureError, match="one array as argument, got dict"):
        sparse_jacobian(rosenbrock)({"a": np.ones(3)})
    with pytest.raises(StructureError, match="one array as result, got tuple"):
        sparse_jacobian(lambda x: (x, x))(np.ones(3))
    with pytest.raises(StructureError, match="cannot hold traced values"):
        hoad.grad(lambda x: np.sum(sparse_hessian(rosenbrock)(x)))(np.ones(3))
    with pytest.raises(hoad.errors.NotScalarError):
        sparse_hessian(partial(np.multiply, 2.0))(np.ones(3))
