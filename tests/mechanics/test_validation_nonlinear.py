"""Non-linear cells against closed forms and published numbers.

GooseFFT: de Geus, Vondřejc, Zeman, Peerlings & Geers, Comput. Methods Appl. Mech. Eng. 318 (2017) 412-430, and its programs.
Other numbers are those of the published examples of the xpektra package, reproduced with an independent program.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from hoad import mechanics as me
from hoad.mechanics.materials.j2_plasticity import J2Plasticity
from hoad.mechanics.materials.logarithmic_plasticity import LogarithmicJ2
from hoad.mechanics.materials.perzyna import Perzyna


def lame(young, poisson):
    return {"mu": young / 2 / (1 + poisson), "lmbda": young * poisson / (1 + poisson) / (1 - 2 * poisson)}


def half_a_unit(text):
    """Value of a printed number, and half a unit of its last digit."""
    digits = text.lower().split("e")[0].partition(".")[2]
    power = int(text.lower().partition("e")[2] or 0)
    return float(text), 0.5001 * 10.0 ** (power - len(digits))


def assert_printed(found, printed):
    """The found numbers round to the printed ones."""
    for x, text in zip(np.ravel(found), printed.split(), strict=True):
        value, atol = half_a_unit(text)
        assert abs(x - value) <= atol, f"{x!r} is not {text}"


# -- laminates in shear along the layers: the shear stress is the same in both -------------------------------

SOFT = 26 / 31
SHEAR = np.zeros((3, 3))
SHEAR[0, 1] = SHEAR[1, 0] = 0.05
ELASTIC = me.LinearElastic(mu=1.0, lmbda=2 - 2 / 3)
FLOWING = {
    "power law": me.PowerLaw(sigma0=0.5, eps0=0.1, n=10.0, K=2.0),
    "plasticity": J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01, H=0.05),
}


def laminate(scheme="fourier", width=31):
    image = np.zeros((31, width, 1), int)
    image[26:] = 1
    return me.Cell(image, scheme=scheme)


def stress_of(name, strain):
    """Shear stress of pure shear in closed form."""
    if name == "power law":
        q = 2 / np.sqrt(3) * strain
        return 0.5 * (q / 0.1) ** 10 / np.sqrt(3)
    yielding = 0.01 / np.sqrt(3) / 2
    if strain <= yielding:
        return 2 * strain
    # σ_eq = 0.01 + 0.05 a and σ_eq = 3 (2/√3 ε - a)
    a = (3 * 2 / np.sqrt(3) * strain - 0.01) / (3 + 0.05)
    return (0.01 + 0.05 * a) / np.sqrt(3)


@pytest.mark.parametrize("method", ["displacement", "strain"])
@pytest.mark.parametrize("scheme", ["fourier", "rotated"])
@pytest.mark.parametrize("name", FLOWING)
def test_laminate_in_shear(name, scheme, method):
    solution = me.solve(laminate(scheme), {0: FLOWING[name], 1: ELASTIC}, me.strain_path([SHEAR]), method=method, tol=1e-13)
    field = solution.strain_field[0, 1, 0, :, 0, 0]
    soft = brentq(lambda e: stress_of(name, e) - 2 * (0.05 - SOFT * e) / (1 - SOFT), 0.0, 0.1, xtol=1e-17, rtol=1e-15)
    np.testing.assert_allclose(field[:26], soft, rtol=1e-12)
    np.testing.assert_allclose(field[26:], (0.05 - SOFT * soft) / (1 - SOFT), rtol=1e-12)
    assert solution.stress[0, 0, 1] == pytest.approx(stress_of(name, soft), rel=1e-11)
    printed = {
        "power law": "0.059015922524871 0.003117202870670 0.006234405741340",
        "plasticity": "0.058883704963052 0.003804734192130 0.007609468384260",
    }
    assert_printed([field[0], field[-1], solution.stress[0, 0, 1]], printed[name])
    if name == "plasticity":
        assert_printed([solution.variables["accumulated"][0, 0, 0, 0]], "0.063599717202558")
        assert solution.steps[0].newton <= 3


def test_newton_updates_of_the_power_law_laminate():
    load = me.strain_path([SHEAR])
    step = me.solve(laminate(), {0: FLOWING["power law"], 1: ELASTIC}, load, tol=1e-14, forcing=1e-10).steps[0]
    assert_printed(step.updates, "4.39e-1 2.72e-2 1.21e-4 2.24e-9")


def test_viscoplastic_laminate_is_backward_euler():
    """The mean strain rate is that of a Maxwell element, 0.1 t' = σ' + f √3 σ, whose backward Euler recursion is scalar."""
    n = 200
    law = Perzyna(K=2.0, mu=1.0, gamma0=0.1 / np.sqrt(3), sigma0=0.1, n=1.0)
    times = np.arange(1, n + 1) / n
    load = me.strain_path(SHEAR * times[:, None, None], times=times)
    solution = me.solve(laminate(width=1), {0: law, 1: ELASTIC}, load, tol=1e-12)
    rate, stress, expected = SOFT * np.sqrt(3), 0.0, []
    for _ in range(n):
        stress = (stress + 0.1 / n) / (1 + rate / n)
        expected.append(stress)
    np.testing.assert_allclose(solution.stress[:, 0, 1], expected, rtol=1e-10)
    assert_printed([solution.stress[-1, 0, 1]], "0.052649154998")
    exact = 0.1 / rate * (1 - np.exp(-rate))
    assert_printed([exact], "0.052733928858")
    assert abs(solution.stress[-1, 0, 1] - exact) < rate / n * exact


# -- plane cells ---------------------------------------------------------------------------------------------


def test_st_venant_kirchhoff_square():
    image = np.zeros((99, 99), int)
    image[:33, :33] = 1
    phases = {0: me.StVenantKirchhoff(**lame(0.57, 0.386)), 1: me.StVenantKirchhoff(**lame(5.7, 0.386))}
    load = me.strain_path([(1 + e) * np.eye(2) for e in (0.02, 0.04, 0.06)])
    solution = me.solve(me.Cell(image), phases, load, tol=1e-8, forcing=1e-8, reference="identity")
    assert_printed(solution.stress[:, 0, 0], "0.042487666 0.088022647 0.136650063")
    assert_printed(solution.energy, "8.396684e-4 3.439643e-3 7.9227119e-3")
    assert [s.newton for s in solution.steps] == [3, 3, 3]
    adapted = me.solve(me.Cell(image), phases, load)
    assert_printed(adapted.stress[:, 0, 0], "0.042487666 0.088022647 0.136650063")
    assert adapted.iterations.sum() < solution.iterations.sum() / 2


def test_gent_tangent_of_the_paper():
    image = np.zeros((199, 199), int)
    image[:49, :49] = 1
    cell = me.Cell(image, scheme="fourier", plane="two-dimensional")
    phases = {0: me.GentTwoDimensional(mu=50.0, Jm=0.2), 1: me.GentTwoDimensional(mu=16.0, Jm=0.4)}
    solution = me.solve(cell, phases, me.strain_path([np.diag([1.001, 1.002])]), tol=1e-9)
    assert_printed(np.diag(solution.stress[0]), "-1.62359708 -1.60583333")
    c = solution.tangent()
    found = [c[0, 0, 0, 0], c[0, 0, 1, 1], c[1, 1, 1, 1], c[0, 1, 0, 1], c[0, 1, 1, 0]]
    assert_printed(found, "31.11666062 13.35683290 31.12451666 8.04693004 9.65919803")
    assert solution.steps[0].newton <= 4


def test_gent_law_of_plane_strain_has_a_stress_free_cell_and_an_exact_tangent():
    image = np.zeros((49, 49), int)
    image[:12, :12] = 1
    cell = me.Cell(image, scheme="fourier")
    phases = {0: me.Gent(mu=50.0, Jm=0.2), 1: me.Gent(mu=16.0, Jm=0.4)}
    rest = me.solve(cell, phases, me.strain_path([np.eye(2)]))
    assert np.abs(rest.stress[0]).max() < 1e-13
    load = np.diag([1.001, 1.002])
    solution = me.solve(cell, phases, me.strain_path([load]), tol=1e-11)
    d, h = np.array([[0.5, 0.3], [-0.2, 0.4]]), 1e-6
    sides = [me.solve(cell, phases, me.strain_path([load + s * h * d]), tol=1e-12).stress[0] for s in (1, -1)]
    np.testing.assert_allclose(np.einsum("ijkl,kl", solution.tangent(), d), (sides[0] - sides[1]) / 2 / h, rtol=2e-7)


def test_start_of_the_topology_optimisation():
    n = 99
    x, y = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    density = np.where(np.hypot(x - n / 2 - 0.5, y - n / 2 - 0.5) < n / 3, 0.15, 0.3)
    young = 1e-3 + (1 - 1e-3) * (density + 0.01) ** 5
    cell = me.Cell(np.zeros((n, n), int), plane="stress")
    law = me.LinearElastic(**lame(young, 0.3))
    solution = me.solve(cell, {0: law}, me.strain_path([[[0.0, 0.5], [0.5, 0.0]]]), tol=1e-9)
    assert_printed(solution.stress[0, 0, 1:], "0.000878794286")


def two_dimensional_plasticity(steps, tol=1e-8):
    n = 99
    x, y = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    image = ((x - 57) ** 2 + (y - 60) ** 2 <= 20**2).astype(int)
    phases = {
        k: J2Plasticity(K=0.833 * c, mu=0.386 * c, sigma_y=0.003 * c, H=0.01 * c, plane="two-dimensional")
        for k, c in enumerate((1.0, 2.0))
    }
    strains = 0.1 * np.sqrt(3) / 2 / 199 * np.arange(1, steps + 1)
    cell = me.Cell(image, plane="two-dimensional")
    return me.solve(cell, phases, me.strain_path([np.diag([e, -e]) for e in strains]), tol=tol)


def test_two_dimensional_plasticity():
    printed = (
        "0.000364541 0.000729081 0.001093622 0.001458163 0.001701045 0.001735631 "
        "0.001741141 0.001746236 0.001751124 0.001755885 0.001760532 0.001765116"
    )
    solution = two_dimensional_plasticity(12)
    assert_printed(solution.stress[:, 0, 0], printed)
    assert sum(s.cutbacks for s in solution.steps) == 0
    assert max(s.newton for s in solution.steps) <= 10


# -- space ---------------------------------------------------------------------------------------------------


def corner_cube():
    image = np.zeros((31, 31, 31), int)
    image[-9:, :9, -9:] = 1
    law = lambda K, mu: me.StVenantKirchhoff(mu=mu, lmbda=K - 2 * mu / 3)
    return me.Cell(image, scheme="fourier"), {0: law(0.833, 0.386), 1: law(8.33, 3.86)}


SHEARED = np.eye(3) + np.outer([1, 0, 0], [0, 1, 0])
CUBE = "0.71825929 1.13417678 0.41397659 0.72020018 0.30445002"


def cube_stress(solution):
    p = solution.stress[0]
    return [p[0, 0], p[0, 1], p[1, 0], p[1, 1], p[2, 2]]


@pytest.mark.filterwarnings("ignore:.*inside out")  # 28 voxels of the published solution are
def test_cube_under_a_large_shear():
    """100 % shear in one step; the iterations adapt to the progress, and there are less than half as many as published."""
    solution = me.solve(*corner_cube(), me.strain_path([SHEARED]), max_cutbacks=0)
    assert_printed(cube_stress(solution), CUBE)
    assert_printed(solution.energy, "0.3849169486394")
    assert solution.iterations[0] < 0.5 * (42 + 119 + 132 + 143 + 144)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*inside out")
def test_cube_under_a_large_shear_step_by_step():
    """The published course of Newton's method and of its linear solves, with their tolerances and no preconditioner."""
    options = {"forcing": 1e-8, "reference": "identity", "line_search": False, "max_cutbacks": 0}
    solution = me.solve(*corner_cube(), me.strain_path([SHEARED]), tol=1e-6, **options)
    assert_printed(cube_stress(solution), CUBE)
    assert_printed(solution.energy, "0.3849169486394")
    step = solution.steps[0]
    assert_printed(step.updates, "8.86e-2 3.79e-2 6.83e-3 6.26e-4 8.96e-6")
    # rounding, which depends on threads, moves the end of a linear solve by an iteration or two
    assert all(ours <= 1.02 * published for ours, published in zip(step.iterations, (42, 119, 132, 143, 144), strict=True))


TABLE = {
    1: "0.0017313242 -0.0017451860 0.0038817507",
    5: "0.0017581267 -0.0018278456 0.0375998",
    10: "0.0017881811 -0.0019303823 0.0775224",
    20: "0.0018363390 -0.0021386724 0.1535253",
    30: "0.0018717004 -0.0023474455 0.2238051",
    49: "0.0019141074 -0.0027390732 0.3362309",
}


def logarithmic_plasticity(steps):
    image = np.zeros((11, 13, 15), int)
    image[:3, :3] = 1
    phases = {
        0: LogarithmicJ2(K=0.833, mu=0.386, sigma_y=0.003, H=0.004),
        1: LogarithmicJ2(K=0.833, mu=0.386, sigma_y=0.006, H=0.008),
    }
    stretches = 1 + 0.004 * np.arange(1, steps + 1)
    most = []
    load = me.strain_path([np.diag([x, 1 / x, 1.0]) for x in stretches])
    note = lambda s: most.append(s.variables["accumulated"].max())
    solution = me.solve(me.Cell(image, scheme="fourier"), phases, load, tol=1e-9, callback=note)
    for step, printed in TABLE.items():
        if step <= steps:
            p = solution.stress[step - 1]
            assert_printed([p[0, 0], p[1, 1], most[step - 1]], printed)
    return solution


def test_logarithmic_plasticity_in_a_few_steps():
    solution = logarithmic_plasticity(5)
    assert max(s.newton for s in solution.steps[1:]) <= 5


@pytest.mark.slow
def test_logarithmic_plasticity_to_twenty_per_cent():
    logarithmic_plasticity(49)
