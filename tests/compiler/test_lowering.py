"""Every primitive with a loop form gives, as native code, what it gives by itself."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import hoad
from hoad.compiler.build import build
from hoad.compiler.lower.lowering import BODIES, RULES, lower
from hoad.compiler.recording import record_twice
from hoad.compiler.toolchain import capabilities
from hoad.core.primitive import primitives
from hoad.errors import NoCompilerError

from .lowering_cases import AREAS, moving, points, r
from .lowering_tools import Case, failures, program, same_bits, ulps_apart

try:
    capabilities()
except NoCompilerError:
    pytest.skip("no C compiler on this machine", allow_module_level=True)

hoad.registry()


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["f8", "f4"])
@pytest.mark.parametrize("area", AREAS, ids=[a.__name__ for a in AREAS])
def test_native_agrees(area, dtype):
    found = failures(area(dtype), dtype, None if area in (points, moving) else "-O1")
    assert not found, "\n".join(p[:600] for p in found[:20])


def test_every_declaration_has_a_case():
    declared = set(RULES) | BODIES
    assert sorted(declared - set(primitives)) == []
    reached = {case.name for area in AREAS for case in area(np.float64)}
    assert sorted(declared - reached) == ["count_nonzero"]  # gives integers: see the tests of whole numbers


def test_comparisons_can_fail():
    assert same_bits([0.0, np.nan], [0.0, -np.nan])
    assert not same_bits([0.0], [-0.0])
    assert not same_bits([1.0], [np.nan])
    assert ulps_apart([1.0], [1.0 + 2**-50]) == 4
    assert ulps_apart([1.0, np.inf], [1.0, 1e308]) == np.inf
    assert ulps_apart([1e-20, 1.0], [0.0, 1.0], scaled=True) < 1 < ulps_apart([1e-20, 1.0], [0.0, 1.0])


# -- small matrices ----------------------------------------------------------------------------------------------------


def _matrices(n, values, count=20):
    """Matrices with these singular values."""
    u, v = (np.linalg.qr(r(count, n, n))[0] for _ in range(2))
    return (u * values) @ v


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("small", ["last", "all but the first"])
def test_small_matrices_are_as_accurate_as_lapack(n, small):
    """Condition number 1e8, against 40 digits: errors up to twice those of LAPACK."""
    values = np.ones(n)
    values[-1 if small == "last" else slice(1, None)] = 1e-8
    a, b = _matrices(n, values), r(20, n)
    cases = [Case("inv", (a,)), Case("det", (a,)), Case("solve", (a, b), {"vector": True})]
    steps, inputs = program(cases)
    found = build(steps, "-O1")(inputs)[0]
    with mpmath.workdps(40):
        exact = [mpmath.matrix(m.tolist()) for m in a]
        references = [
            np.array([np.array((m**-1).tolist(), object).astype(float) for m in exact]),
            np.array([float(mpmath.det(m)) for m in exact]),
            np.array(
                [
                    np.array(mpmath.lu_solve(m, mpmath.matrix(v.tolist())).tolist(), object).astype(float)[:, 0]
                    for m, v in zip(exact, b)
                ]
            ),
        ]
    for case, y, reference in zip(cases, found, references):
        sizes = [np.sum(z.reshape(len(z), -1) ** 2, axis=1) for z in (reference, y - reference, case.expected[0] - reference)]
        mine, lapack = (np.sqrt(np.mean(size / sizes[0])) for size in sizes[1:])
        assert mine <= 2 * lapack + 1e-15, case


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("function", "good", "bad", "message"), [
    (np.linalg.inv, np.eye(2), np.array([[1.0, 2], [2, 4]]), "Singular matrix"),
    (lambda a: np.linalg.solve(a, np.ones(3)), np.eye(3), np.zeros((3, 3)), "Singular matrix"),
    (lambda a: np.linalg.solve(a, np.ones(20)), np.eye(20), np.zeros((20, 20)), "Singular matrix"),
    (np.linalg.cholesky, np.eye(2), -np.eye(2), "not positive definite"),
    (lambda a: np.linalg.inv(np.stack([a] * 30)), np.eye(2), np.zeros((2, 2)), "Singular matrix"),
])  # fmt: skip
def test_errors_of_lapack_are_raised(function, good, bad, message, dtype):
    compiled = hoad.compile(function)
    for _ in range(2):
        np.testing.assert_allclose(compiled(good.astype(dtype)), function(good.astype(dtype)), rtol=1e-6)
        with pytest.raises(np.linalg.LinAlgError, match=message):
            compiled(bad.astype(dtype))
    program = compiled.program
    compiled(good.astype(dtype))
    assert compiled.program is program


def test_native_code_says_that_a_matrix_is_singular():
    steps, _ = program([Case("inv", (np.eye(2),)), Case("add", (r(3), r(3)))])
    assert lower(steps).calls == []
    assert len(lower(steps).checks) == 1
    executor = build(steps, "-O1")
    x = r(3)
    assert executor.fast(np.zeros((2, 2)), x, x) is NotImplemented
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        executor([np.zeros((2, 2)), x, x])
    np.testing.assert_array_equal(executor([2 * np.eye(2), x, x])[0][0], np.eye(2) / 2)


# -- whole numbers -----------------------------------------------------------------------------------------------------


def _lowered(f, *xs):
    steps = record_twice(lambda leaves: f(*leaves), xs, "f").steps
    return steps, lower(steps)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_counts_are_computed_in_loops(dtype):
    def f(x):
        positive = np.sum(x > 0, axis=0)
        rest = np.maximum(x.shape[0] - positive, 1) + np.count_nonzero(x > 1, axis=0)
        return x / positive, x * rest.astype(x.dtype), np.mean(x > 0, axis=1), (positive == 2) & (rest < 3)

    x = np.array([[1, -2, 3], [4, 5, -6]], dtype)
    steps, lowered = _lowered(f, x)
    assert lowered.calls == []
    found = build(steps, "-O1")([x])[0]
    for y, z in zip(found, f(x), strict=True):
        assert y.dtype == z.dtype
        np.testing.assert_array_equal(y, z)


def test_a_count_that_is_a_result_stays_an_integer():
    def f(x):
        n = np.sum(x > 0, axis=0)
        return n, x / n, n + 1

    x = r(4, 3) + 2
    steps, lowered = _lowered(f, x)
    assert lowered.calls == ["sum", "add"]
    for y, z in zip(build(steps, "-O1")([x])[0], f(x), strict=True):
        assert y.dtype == z.dtype
        np.testing.assert_array_equal(y, z)


def test_a_branch_on_a_count():
    @hoad.compile
    def f(x):
        return np.sum(x) if np.count_nonzero(x > 0) == 2 else np.sum(x * x)

    for x in (np.array([1.0, 2, -1]), np.array([1.0, -2, -1]), np.array([3.0, 4, -1])):
        np.testing.assert_allclose(f(x), f._f(x), rtol=1e-15)
    assert [c for c in f.program.executor.explain if "not in loops" in c] == []


def test_gradients_of_ties_have_no_calls():
    g = hoad.grad(lambda x: np.sum(np.max(x, axis=1) ** 2) + np.max(x))
    x = np.array([[1.0, 3, 3], [0, 2, 1]])
    steps, lowered = _lowered(g, x)
    assert lowered.calls == []
    np.testing.assert_allclose(build(steps, "-O1")([x])[0][0], g(x), rtol=1e-15)


# -- tables of places --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transposed", [False, True])
def test_gathers_and_scatters_of_moved_arrays(transposed):
    """Slices, transposes and broadcasts before a gather are part of its places; what is scattered may be computed."""
    index, back = np.array([4, 0, 0, 2]), np.array([[1, 0], [2, 2]])

    def f(x):
        y = x.T[::-1] if transposed else x[:, 1:]
        z = np.broadcast_to(y[0], (6, y.shape[1]))
        return np.sum(np.sin(y[index]) ** 2) + np.sum(y[index] * y[:4]) + np.sum(z[:, back] ** 3)

    x = r(5, 5)
    for g in (hoad.grad(f), lambda x: hoad.hvp(f, x, np.cos(x))):
        steps, lowered = _lowered(g, x)
        assert lowered.calls == []
        np.testing.assert_allclose(build(steps, "-O1")([x])[0][0], g(x), rtol=1e-13)


def test_a_mesh_has_no_calls():
    """Forces on the nodes of a mesh of triangles: a gather, and its transpose with repeated places."""
    n = 6
    corner = np.add.outer(np.arange(n - 1) * n, np.arange(n - 1)).ravel()
    mesh = np.concatenate([np.stack([corner, corner + 1, corner + n], 1), np.stack([corner + n + 1, corner + n, corner + 1], 1)])

    def energy(x):
        a, b, c = (x[mesh[:, k]] for k in range(3))
        u, v = b - a, c - a
        return np.sum((u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0] - 1) ** 2)

    x = np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1).reshape(-1, 2) + 0.1 * r(n * n, 2)
    steps, lowered = _lowered(hoad.grad(energy), x)
    assert lowered.calls == []
    np.testing.assert_allclose(build(steps, "-O1")([x])[0][0], hoad.grad(energy)(x), rtol=1e-12, atol=1e-13)
