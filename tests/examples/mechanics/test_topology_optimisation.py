"""Optimised cells: published start and bounds, derivatives against differences and closed forms, minimisers on known problems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hoad.errors import ConvergenceError

DOCS = Path(__file__).parents[3] / "docs"
CASES = ["shear", "bulk", "auxetic", "spring"]


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("topology_optimisation")


@pytest.fixture(scope="module")
def minimisers(done):
    import volume_constrained

    return volume_constrained


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_page_shows_program_and_figure():
    page = (DOCS / "mechanics" / "topology_optimisation.md").read_text(encoding="utf-8")
    assert "examples/mechanics/topology_optimisation.py" in page
    assert "examples/mechanics/figures/topology_optimisation.png" in page
    figure = (DOCS / "examples" / "mechanics" / "figures" / "topology_optimisation.png").read_bytes()
    assert figure.startswith(b"\x89PNG\r\n\x1a\n")
    assert 4_000 < len(figure) <= 100_000


# -- the problems ------------------------------------------------------------------------------------------------------------------


def test_published_start_and_bound(done):
    """The start has the shear modulus that an independent program gives it, to all its digits, without the filter."""
    design = done.module.shear(99)
    start = done.module.disk(99, 0.3, 0.15, 1 / 3)
    energy, stress = design.response([start + 0.01])
    assert 2 * energy[0] == pytest.approx(0.000878794286, abs=1e-12)
    assert stress[0, 0, 1] == pytest.approx(0.000878794286, abs=1e-12)
    assert done.module.hashin_shtrikman(0.3)[1] == pytest.approx(0.0470219436, abs=1e-10)


def test_bounds_by_their_general_form(done):
    """Hashin and Shtrikman's plane bounds for two phases, in the limit of a phase without stiffness."""
    k, m = done.module.SHEET.lmbda + done.module.SHEET.mu, done.module.SHEET.mu
    small = 1e-9
    f, rest = 0.4, 0.6
    bulk = k + rest / (1 / (small * k - k) + f / (k + m))
    shear = m + rest / (1 / (small * m - m) + f * (k + 2 * m) / (2 * m * (k + m)))
    assert done.module.hashin_shtrikman(f) == pytest.approx((bulk, shear), rel=1e-7)


def test_fifty_steps_of_optimality_criteria(done, minimisers):
    """About -0.0752 by another program, whose filter is not the same."""
    design = done.module.shear(99)
    x, records = minimisers.optimality_criteria(design, done.module.disk(99, 0.3, 0.15, 1 / 3), 0.3, 50)
    assert records[-1].value == pytest.approx(-0.0752, rel=0.01)
    assert x.mean() == pytest.approx(0.3, abs=1e-12)


def test_plane_stress_by_reduced_parameters(done, rng):
    """The same response as that of the law in space with its out-of-plane strain eliminated."""
    me, module = done.module.me, done.module
    density = rng.uniform(0.2, 1.0, (5, 7))
    strain = [[[0.3, 0.2], [0.2, -0.1]]]
    found = []
    for plane, law in (("two-dimensional", module.SHEET), ("stress", me.LinearElastic.from_young(1.0, module.POISSON))):
        cell = me.Cell(np.zeros((5, 7), int), plane=plane)
        found.append(me.solve(cell, {0: me.SIMP(law, density)}, me.strain_path(strain), tol=1e-12))
    np.testing.assert_allclose(found[0].stress, found[1].stress, rtol=1e-10)
    np.testing.assert_allclose(found[0].energy, found[1].energy, rtol=1e-11)


@pytest.mark.parametrize("name", CASES)
def test_slope_and_product_against_differences(name, done, rng):
    design = getattr(done.module, name)(6)
    design.response.tol = design.response.product_tol = 1e-12
    x, v, w = rng.uniform(0.3, 0.8, (6, 6)), rng.standard_normal((6, 6)), rng.standard_normal((6, 6))
    h = 1e-5
    up, down = (design.value(x + s * h * v) for s in (1, -1))
    assert (up - down) / 2 / h == pytest.approx(np.mean(design.slope(x) * v), rel=1e-6)
    along = design.product(x, v)
    up, down = (design.slope(x + s * h * v) for s in (1, -1))
    np.testing.assert_allclose((up - down) / 2 / h, along, atol=1e-6 * np.abs(along).max())
    assert np.mean(along * w) == pytest.approx(np.mean(design.product(x, w) * v), rel=1e-9)


@pytest.mark.parametrize(("name", "slopes", "products"), [("shear", 0, 1), ("bulk", 0, 1), ("auxetic", 0, 3), ("spring", 3, 6)])
def test_linear_solves(name, slopes, products, done, rng):
    """One for each load and product where the objective is one of energies; else one for the slope, kept, and two for a product."""
    design = getattr(done.module, name)(5)
    x = rng.uniform(0.3, 0.8, (5, 5))
    counts = []
    for work in (design.slope, lambda x: design.product(x, x), lambda x: design.product(x, 1 - x)):
        before = design.response.solves
        work(x)
        counts.append(design.response.solves - before)
    assert counts == [slopes, products, products]


@pytest.mark.parametrize(("i", "j"), [(1, 0), (2, 3), (0, 4)])
def test_curvature_of_the_bulk_modulus_of_a_uniform_cell(i, j, done):
    """Hydrostatic strains meet waves of stiffness: d²K = s″ K <v²> - 2 s′² K² <v²> / (s (K + μ)), in all directions.

    At density ρ with s = ρ³ (up to the void's part) that is negative: a uniform cell is a local optimum of the bulk modulus.
    """
    design = done.module.bulk(9)
    design.response.tol = design.response.product_tol = 1e-12
    rho, least, p = 0.4, 1e-3, 3
    n = np.arange(9)
    wave = np.cos(2 * np.pi * (i * n[:, None] + j * n) / 9)
    v = design.filtered(wave)
    s, slope, bend = least + (1 - least) * rho**p, (1 - least) * p * rho ** (p - 1), (1 - least) * p * (p - 1) * rho ** (p - 2)
    K, mu = done.module.SHEET.lmbda + done.module.SHEET.mu, done.module.SHEET.mu
    expected = (bend * K - 2 * slope**2 * K**2 / (s * (K + mu))) * np.mean(v * v)
    found = -np.mean(wave * design.product(np.full((9, 9), rho), wave))
    assert found == pytest.approx(expected, rel=1e-9)
    assert found < 0


def test_filter(done, rng):
    design = done.module.spring(9)
    a, b = rng.standard_normal((2, 9, 9))
    assert np.sum(a * design.filtered(b)) == pytest.approx(np.sum(b * design.filtered(a)), rel=1e-13)
    assert design.filtered(a).mean() == pytest.approx(a.mean(), rel=1e-13)
    assert np.count_nonzero(design.kernel) == 9  # radius 2: the neighbours at distances 1 and √2
    point = np.zeros((9, 9))
    point[0, 0] = 1.0
    assert design.filtered(point)[8, 8] == pytest.approx((2 - np.sqrt(2)) / (2 + 4 + 4 * (2 - np.sqrt(2))), rel=1e-13)


def test_moduli_of_a_uniform_sheet(done):
    design = done.module.auxetic(4)
    found = done.module.moduli(done.module.stiffness(design, np.full((4, 4), 0.5)))
    part = 1e-3 + (1 - 1e-3) / 8
    law = done.module.SHEET
    assert found["bulk"] == pytest.approx(part * (law.lmbda + law.mu), rel=1e-12)
    assert found["shear"] == pytest.approx(part * law.mu, rel=1e-12)
    assert found["shear 45"] == pytest.approx(part * law.mu, rel=1e-12)
    assert found["poisson"] == pytest.approx(0.3, rel=1e-12)
    assert found["anisotropy"] < 1e-12


def test_stiffness_from_stresses_and_from_energies(done, rng):
    design = done.module.auxetic(7)
    x = rng.uniform(0.0, 1.0, (7, 7))
    C = done.module.stiffness(design, x)
    energy, _ = design.response(design.densities(x))
    assert C[0, 0, 0, 0] == pytest.approx(2 * energy[0], rel=1e-7)
    assert C[1, 1, 1, 1] == pytest.approx(2 * energy[1], rel=1e-7)
    assert C[0, 0, 1, 1] == pytest.approx(energy[2] - energy[0] - energy[1], rel=1e-6)
    assert C[0, 0, 1, 1] == pytest.approx(C[1, 1, 0, 0], rel=1e-6)
    target = np.zeros((2, 2, 2, 2))
    a, b = done.module.TARGET.values()
    target[0, 0, 0, 0] = target[1, 1, 1, 1] = a
    target[0, 0, 1, 1] = target[1, 1, 0, 0] = b
    normal = [(0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 1, 1), (1, 1, 0, 0)]
    distance = sum((C[k] - target[k]) ** 2 for k in normal) / sum(target[k] ** 2 for k in normal)
    assert design.value(x) == pytest.approx(distance, rel=1e-6)
    assert b / a == pytest.approx(-0.6)


# -- what was found ----------------------------------------------------------------------------------------------------------------


def phases(done):
    rows = {}
    for line in done.text.splitlines()[1:13]:
        name, phase, *numbers = line.split()
        rows[name, phase] = [float(word) for word in numbers]
    return rows


def test_every_phase_improves(done):
    rows = phases(done)
    assert len(rows) == 3 * len(CASES)
    for name in CASES:
        for phase in ("gradient", "newton"):
            assert rows[name, phase][1] <= rows[name, "first"][1]
            assert rows[name, phase][4] > 0
        assert rows[name, "newton"][3] > 0


def test_newton_ends_superlinearly(done, minimisers):
    """Near a minimum, each step reduces the departure by a larger factor than the one before."""
    design = done.module.bulk(13)
    design.response.tol, design.response.product_tol = 1e-12, 1e-8
    x, _ = minimisers.projected_gradient(design, done.module.seed(13, 0.4, 0.02, 0.4), 0.4, 60, tol=1e-3)
    x, records = minimisers.newton_cg(design, x, 0.4, 20, tol=1e-7)
    departures = np.array([r.departure for r in records])
    assert len(departures) >= 3
    factors = departures[1:] / departures[:-1]
    assert np.all(factors < 0.05)
    assert np.all(np.diff(factors) < 0)
    assert x.mean() == pytest.approx(0.4, abs=1e-12)
    assert 0 <= x.min() < x.max() <= 1


def test_moduli_respect_the_bounds(done, table):
    lines = [line.split() for line in done.text.splitlines()]
    moduli = {words[0]: [float(w) for w in words[1:]] for words in lines[15:18]}
    rows = phases(done)
    assert moduli["shear"][1] == pytest.approx(-rows["shear", "newton"][1], rel=1e-5)
    assert moduli["bulk"][0] == pytest.approx(-rows["bulk", "newton"][1], rel=1e-5)
    bulk, shear = done.module.hashin_shtrikman(0.4)[0], done.module.hashin_shtrikman(0.3)[1]
    assert 0.6 * bulk < moduli["bulk"][0] < bulk
    assert moduli["shear"][1] > shear  # along the axes only:
    assert (moduli["shear"][1] + moduli["shear"][2]) / 2 < shear
    assert 0 <= min(m[4] for m in moduli.values()) <= max(m[4] for m in moduli.values()) < 1


# -- the minimisers ----------------------------------------------------------------------------------------------------------------


class Quadratic:
    """½ <(x - c) A (x - c)> with a matrix that couples the entries."""

    work = products = 0

    def __init__(self, matrix, centre):
        self.matrix, self.centre = matrix, centre

    def slope(self, x):
        return (self.matrix @ (x - self.centre).ravel()).reshape(x.shape)

    def value(self, x):
        return 0.5 * np.mean((x - self.centre) * self.slope(x))

    def product(self, x, v):
        self.products += 1
        return (self.matrix @ v.ravel()).reshape(v.shape)


def test_projection(minimisers, rng):
    z = rng.normal(0.3, 1.0, (8, 8))
    y = minimisers.project(z, 0.4)
    assert y.mean() == pytest.approx(0.4, abs=1e-14)
    inside = (y > 0) & (y < 1)
    shift = (y - z)[inside]
    assert np.ptp(shift) < 1e-13
    assert np.all(z[y == 0] + shift[0] <= 1e-13)
    assert np.all(z[y == 1] + shift[0] >= 1 - 1e-13)
    np.testing.assert_allclose(minimisers.project(y, 0.4), y, atol=1e-15)


@pytest.mark.parametrize("method", ["projected_gradient", "newton_cg"])
def test_the_nearest_density(method, minimisers, rng):
    """With A = 1 the minimum is the projection."""
    centre = rng.normal(0.4, 0.8, (6, 6))
    problem = Quadratic(np.eye(36), centre)
    x, records = getattr(minimisers, method)(problem, np.full((6, 6), 0.4), 0.4, 60, tol=1e-12)
    np.testing.assert_allclose(x, minimisers.project(centre, 0.4), atol=1e-10)
    assert records[-1].departure <= 1e-12


def test_newton_on_a_quadratic_with_bounds(minimisers, rng):
    """First-order conditions with a multiplier, on a matrix of condition 1e4; gradients need many more steps."""
    basis, _ = np.linalg.qr(rng.standard_normal((36, 36)))
    matrix = basis @ np.diag(np.logspace(-3, 1, 36)) @ basis.T
    problem = Quadratic(matrix, rng.normal(0.5, 0.6, (6, 6)))
    x, records = minimisers.newton_cg(problem, np.full((6, 6), 0.4), 0.4, 60, tol=1e-10, inner=40)
    assert records[-1].departure <= 1e-10
    assert x.mean() == pytest.approx(0.4, abs=1e-13)
    g = problem.slope(x)
    low, high = x < 1e-9, x > 1 - 1e-9
    inside = ~low & ~high
    assert 0 < inside.sum() < 36
    assert np.ptp(g[inside]) < 1e-8
    assert np.all(g[low] >= g[inside].mean() - 1e-8)
    assert np.all(g[high] <= g[inside].mean() + 1e-8)
    _, slow = minimisers.projected_gradient(problem, np.full((6, 6), 0.4), 0.4, len(records), tol=1e-10)
    assert slow[-1].departure > 1e3 * records[-1].departure


def test_newton_leaves_a_saddle_point(minimisers):
    """A concave problem: the minimum is at a corner of the feasible set."""
    problem = Quadratic(-np.eye(16), np.full((4, 4), 0.5) + 1e-3 * np.arange(16).reshape(4, 4) / 16)
    x, _ = minimisers.newton_cg(problem, np.full((4, 4), 0.5), 0.5, 100)
    assert np.all((x < 1e-9) | (x > 1 - 1e-9))


@pytest.mark.parametrize("method", ["projected_gradient", "newton_cg"])
def test_a_trial_without_equilibrium_is_no_step(method, minimisers, rng):
    """Here the far half of the box has no value; the minimum lies in the other."""

    class Half(Quadratic):
        refused = 0

        def value(self, x):
            if np.mean(np.abs(x - start)) > 0.05:
                self.refused += 1
                raise ConvergenceError("no equilibrium")
            return super().value(x)

    start = np.full((6, 6), 0.5)
    centre = start + 0.04 * rng.uniform(-1, 1, (6, 6))
    problem = Half(0.01 * np.eye(36), centre)
    if method == "newton_cg":
        problem.product = lambda x, v: 0.2 * Quadratic.product(problem, x, v)  # steps five times too long
    x, _ = getattr(minimisers, method)(problem, start, 0.5, 200, tol=1e-9)
    assert problem.refused > 0
    np.testing.assert_allclose(x, minimisers.project(centre, 0.5), atol=1e-5)


def test_optimality_criteria_on_a_separable_problem(minimisers, rng):
    """Least <c²/x> of a given <x>: x is proportional to c where that is below 1."""

    class Separable:
        work = 0

        def value(self, x):
            return np.mean(c * c / x)

        def slope(self, x):
            return -c * c / x**2

    c = rng.uniform(0.1, 2.0, (6, 6))
    x, records = minimisers.optimality_criteria(Separable(), np.full((6, 6), 0.7), 0.7, 60)
    below = x < 1 - 1e-9
    assert below.any()
    assert not below.all()
    assert np.ptp((x / c)[below]) < 1e-9
    assert np.all(c[~below] >= 1 / (x / c)[below][0] - 1e-9)
    assert records[-1].departure < 1e-9
