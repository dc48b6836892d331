"""Fixed-point schemes and the Jacobi-Green preconditioner: same solutions as Newton's method, known rates, typed failures."""

from __future__ import annotations

import numpy as np
import pytest

from hoad import mechanics as me
from hoad.errors import ConvergenceError, LoadError, MaterialError
from hoad.mechanics.fixed_point import FIXED_POINTS, FixedPoint, isotropic_reference, make, stiffness_of
from hoad.mechanics.fixed_point.barzilai_borwein import BarzilaiBorwein
from hoad.mechanics.jacobi_green import JacobiGreen, stiffness_diagonal
from hoad.mechanics.newton import Newton

free = np.nan
POLARISATION = ("eyre-milton", "augmented-lagrangian")


def disk(n: int, fraction: float = 0.2) -> np.ndarray:
    x = (np.arange(n) + 0.5) / n - 0.5
    return (x[:, None] ** 2 + x**2 <= fraction / np.pi).astype(int)


def elastic(contrast: float) -> dict:
    return {0: me.LinearElastic(mu=0.5, lmbda=1.0), 1: me.LinearElastic(mu=0.5 * contrast, lmbda=contrast)}


def power(n: float) -> dict:
    return {
        0: me.PowerLaw(sigma0=0.5, eps0=0.1, n=n, K=2.0, delta=0.01),
        1: me.LinearElastic(mu=1.0, lmbda=4 / 3),
    }


def anisotropic() -> dict:
    c = np.diag([3.0, 5.0, 4.0, 1.0, 0.7, 1.3]) + 0.4
    return {0: me.Triclinic(c), 1: me.Triclinic(7.0 * c[::-1, ::-1])}


X = np.linspace(0, 1, 15)
PROBLEMS = {
    "strain": (elastic(10.0), me.strain_path([[[1e-2, 2e-3], [2e-3, -3e-3]]])),
    "anisotropic": (anisotropic(), me.strain_path([[[1e-2, 2e-3], [2e-3, -3e-3]]])),
    "mixed": (elastic(10.0), me.mixed_path([[[1e-2, free], [free, free]]])),
    "stress": (elastic(5.0), me.stress_path([[[0.02, 0.01], [0.01, 0.0]]])),
    "parameter field": (
        {0: me.LinearElastic(mu=1 + X[:, None] ** 2 + 0 * X, lmbda=1.0), 1: me.LinearElastic(mu=5.0, lmbda=5.0)},
        me.strain_path([[[1e-2, 0.0], [0.0, 0.0]]]),
    ),
    "hardening law": (power(3.0), me.strain_path([[[0.0, 0.03], [0.03, 0.0]], [[0.01, 0.05], [0.05, 0.0]]])),
    "law and stress": (power(3.0), me.mixed_path([[[0.02, free], [free, free]]])),
    "conduction": ({0: me.Conduction(1.0), 1: me.Conduction(20.0)}, me.strain_path([[1.0, 0.5]])),
    "finite strains": (
        {0: me.NeoHooke(mu=1.0, lmbda=1.0), 1: me.NeoHooke(mu=5.0, lmbda=5.0)},
        me.strain_path([[[1.1, 0.05], [0.0, 0.95]]]),
    ),
}


def solved(scheme: str, name: str, discretisation: str = "rotated", n: int = 15, **options) -> me.Solution:
    phases, path = PROBLEMS[name]
    return me.solve(me.Cell(disk(n), scheme=discretisation), phases, path, method=scheme, **options)


@pytest.fixture(scope="module")
def exact():
    kept = {}

    def at(name: str, discretisation: str) -> me.Solution:
        if (name, discretisation) not in kept:
            kept[name, discretisation] = solved("displacement", name, discretisation, tol=1e-12)
        return kept[name, discretisation]

    return at


def relative_residual(sol: me.Solution) -> float:
    """‖Γ0 σ‖ of the last fields in the norm of C0, over ‖σ̄‖ in that of its inverse."""
    operators, stress = sol.problem.operators, sol.state.stress
    mean = operators.mean(stress)
    norm = np.sqrt(operators.mean_dot(stress, operators.green_strain(stress)))
    return norm / np.sqrt(mean @ np.linalg.solve(operators.reference, mean))


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("scheme", FIXED_POINTS)
def test_every_scheme_finds_the_solution_of_newtons_method(scheme, name, exact):
    if name == "finite strains" and scheme in POLARISATION:
        with pytest.raises(MaterialError, match="finite deformations"):
            solved(scheme, name)
        return
    for discretisation in ("rotated", "fourier", "hexahedra") if name == "strain" else ("rotated",):
        sol, right = solved(scheme, name, discretisation), exact(name, discretisation)
        assert sol.converged
        assert np.all(sol.residual <= 1e-8)
        if not np.isnan(PROBLEMS[name][1].steps[-1].strain).any():
            assert relative_residual(sol) <= 1.001e-8
        assert sol.strain_field == pytest.approx(right.strain_field, abs=3e-7 * np.abs(right.strain_field).max())
        assert sol.stress == pytest.approx(right.stress, abs=1e-7 * np.abs(right.stress).max())
        assert sol.strain == pytest.approx(right.strain, abs=1e-7)
        assert sol.energy == pytest.approx(right.energy, rel=1e-7)


@pytest.mark.parametrize("scheme", FIXED_POINTS)
def test_even_grids_with_free_nyquist_frequencies(scheme):
    right = solved("strain", "strain", "fourier", 16, tol=1e-12)
    sol = solved(scheme, "strain", "fourier", 16)
    assert sol.strain_field == pytest.approx(right.strain_field, abs=1e-8)


@pytest.mark.parametrize("scheme", FIXED_POINTS)
def test_a_homogeneous_cell_and_a_cell_at_rest_take_no_iterations(scheme):
    phases = {0: me.LinearElastic(mu=0.5, lmbda=1.0)}
    for strain, stress in (([[1.0, 0.0], [0.0, 0.0]], [[2.0, 0.0], [0.0, 1.0]]), (np.zeros((2, 2)), np.zeros((2, 2)))):
        sol = me.solve(me.Cell(np.zeros((4, 5), int)), phases, me.strain_path([strain]), method=scheme)
        assert sol.iterations.tolist() == [0]
        assert np.abs(sol.stress[0] - stress).max() <= 1e-15


@pytest.mark.parametrize("scheme", FIXED_POINTS)
def test_running_out_of_iterations_is_an_error_that_keeps_the_converged_steps(scheme):
    path = me.strain_path([[[0.0, 0.0], [0.0, 0.0]], [[1e-2, 0.0], [0.0, 0.0]]])
    with pytest.raises(ConvergenceError, match="did not converge in 3 iterations") as error:
        me.solve(me.Cell(disk(9)), elastic(100.0), path, method=scheme, max_cg=3, max_cutbacks=0)
    assert len(error.value.solution.steps) == 1
    assert not error.value.solution.converged


def test_too_soft_a_reference_medium_diverges_and_says_so():
    soft = me.LinearElastic(mu=0.5, lmbda=1.0)
    with pytest.raises(ConvergenceError, match="diverged in iteration"):
        me.solve(me.Cell(disk(9)), elastic(100.0), PROBLEMS["strain"][1], method="basic", reference=soft, max_cutbacks=0)


def test_voids_need_a_reference_medium_in_polarisation_schemes():
    phases = {0: me.LinearElastic(mu=0.5, lmbda=1.0), 1: me.LinearElastic(mu=0.0, lmbda=0.0)}
    path = PROBLEMS["strain"][1]
    right = me.solve(me.Cell(disk(15)), phases, path)
    for scheme in FIXED_POINTS:
        if scheme in POLARISATION:
            with pytest.raises(MaterialError, match="voids"):
                me.solve(me.Cell(disk(15)), phases, path, method=scheme)
        given = me.LinearElastic(mu=0.25, lmbda=0.5) if scheme in POLARISATION else None
        sol = me.solve(me.Cell(disk(15)), phases, path, method=scheme, reference=given)
        assert sol.stress == pytest.approx(right.stress, abs=1e-7 * np.abs(right.stress).max())


def test_unknown_method():
    with pytest.raises(LoadError, match="eyre-milton"):
        solved("eyre", "strain")


# -- rates -----------------------------------------------------------------------------------------------------------------------


def counts(scheme: str, contrasts: tuple[float, ...]) -> np.ndarray:
    cell = me.Cell(disk(31))
    path = me.strain_path([[[0.0, 1.0], [1.0, 0.0]]])
    return np.array([int(me.solve(cell, elastic(c), path, method=scheme, max_cg=9000).iterations[0]) for c in contrasts], float)


def test_iterations_of_the_basic_scheme_grow_with_the_contrast_and_of_polarisation_schemes_with_its_root():
    contrasts = (1 / 64, 1 / 16, 1 / 4)  # soft inclusions
    for scheme in POLARISATION:
        n = counts(scheme, contrasts)
        assert 1.7 < n[0] / n[1] < 2.3  # √4
    for contrast in (0.1, 10.0):  # the spectrum of 1 - Γ0 C lies within ±(c - 1)/(c + 1), of the other scheme (√c - 1)/(√c + 1)
        sol = me.solve(me.Cell(disk(31)), elastic(contrast), PROBLEMS["strain"][1], method="basic")
        r = np.array(sol.steps[0].residuals)
        rho = abs(contrast - 1) / (contrast + 1)
        assert np.all(r[2:] / r[1:-1] < rho * 1.01)
        assert (r[-1] / r[-4]) ** (1 / 3) > 0.75 * rho
        sol = me.solve(me.Cell(disk(31)), elastic(contrast), PROBLEMS["strain"][1], method="eyre-milton")
        gap = np.array(sol.steps[0].residuals)
        root = np.sqrt(contrast)
        assert (gap[-1] / gap[-9]) ** (1 / 8) < abs(root - 1) / (root + 1) * 1.05


def test_step_lengths_of_barzilai_and_borwein():
    problem = me.Problem(me.Cell(disk(9)), anisotropic())
    rng = np.random.default_rng(1)
    tangent = problem.tangent(problem.uniform(np.zeros(3)), [None, None])
    for columns in (np.eye(3)[:, :0], np.eye(3)[:, 1:]):
        linear = Newton(problem).formulation(columns, tangent)
        scheme = BarzilaiBorwein(linear)
        r = linear.rhs(rng.normal(size=problem.field_shape), rng.normal(size=columns.shape[1]))
        c0 = problem.operators.reference
        last = None
        for _ in range(4):
            z = linear.precondition(r)
            s = scheme.increment(r, z, linear.dot(r, z))
            length = 1.0
            if last is not None:
                work = problem.operators.mean_dot(last, tangent_times(tangent, last))
                length = problem.operators.mean_dot(last, np.tensordot(c0, last, 1)) / work
            assert linear.strain(s) == pytest.approx(length * linear.strain(z), rel=1e-9, abs=1e-12)
            last = linear.strain(s)
            r = [a - b for a, b in zip(r, linear.apply(s), strict=True)]


def tangent_times(tangent, e: np.ndarray) -> np.ndarray:
    flat = e.reshape((len(e), -1))
    return tangent.apply(flat, np.empty_like(flat)).reshape(e.shape)


def test_default_reference_media_are_arithmetic_and_geometric_means_of_the_extreme_moduli():
    problem = me.Problem(me.Cell(disk(9)), {0: me.LinearElastic(mu=0.5, lmbda=1.0), 1: me.LinearElastic(mu=8.0, lmbda=16.0)})
    tangent = problem.tangent(problem.uniform(np.zeros(3)), [None, None])
    for mean, mu, lmbda in (("arithmetic", 4.25, 8.5), ("geometric", 2.0, 4.0)):
        found = isotropic_reference(tangent, problem.kinematics, problem.operators.transform, mean)
        assert found == pytest.approx(stiffness_of(problem, me.LinearElastic(mu=mu, lmbda=lmbda)), rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("scheme", ["basic", "anderson", "barzilai-borwein"])
def test_the_default_reference_medium_covers_anisotropic_phases(scheme):
    problem = me.Problem(me.Cell(disk(9)), anisotropic())
    tangent = problem.tangent(problem.uniform(np.zeros(3)), [None, None])
    c0 = isotropic_reference(tangent, problem.kinematics, problem.operators.transform, "arithmetic")
    for c, _ in tangent.parts:
        assert np.linalg.eigvalsh(c - 2 * c0).max() < 0  # the basic scheme is a contraction


def test_anderson_beats_the_basic_scheme_and_conjugate_gradients_beat_all():
    n = {m: int(solved(m, "strain", n=31).iterations[0]) for m in ("displacement", *FIXED_POINTS)}
    assert n["anderson"] < n["basic"]
    assert n["barzilai-borwein"] < n["basic"]
    assert all(n["displacement"] <= k for k in n.values())


def test_a_reference_material_of_other_kinematics_is_refused():
    with pytest.raises(MaterialError, match="scalar"):
        solved("basic", "strain", reference=me.Conduction(1.0))


def test_tangents_of_a_solution_of_a_fixed_point_scheme():
    a, b = solved("anderson", "strain", tol=1e-10), solved("displacement", "strain", tol=1e-10)
    assert isinstance(a.newton, FixedPoint)
    assert np.asarray(a.tangent()) == pytest.approx(np.asarray(b.tangent()), rel=1e-8, abs=1e-9)


def test_make_passes_its_options_on():
    problem = me.Problem(me.Cell(disk(5)), elastic(2.0))
    solver = make("augmented-lagrangian", problem, 1e-6, None, 7)
    assert (solver.tol, solver.max_cg, solver.reference, solver.alpha, solver.mean) == (1e-6, 7, "auto", 1.0, "geometric")


# -- the Jacobi-Green preconditioner ---------------------------------------------------------------------------------------------


def smooth(shape: tuple[int, ...], contrast: float) -> np.ndarray:
    parts = [np.sin(2 * np.pi * (np.arange(n) + 0.5) / n) for n in shape]
    total = parts[0]
    for p in parts[1:]:
        total = total[..., None] * p
    return np.exp(0.5 * np.log(contrast) * total)


def jacobi_problem(kind: str, shape: tuple[int, ...], scheme: str, seed: int = 0) -> me.Problem:
    rng = np.random.default_rng(seed)
    f, g = rng.uniform(1, 3, shape), rng.uniform(1, 3, shape)
    law = {
        "scalar": me.Conduction(f),
        "small": me.LinearElastic(mu=f, lmbda=g),
        "finite": me.StVenantKirchhoff(mu=f, lmbda=g),
    }[kind]
    cell = me.Cell(np.zeros(shape, int), (1.0, 1.3, 0.7)[: len(shape)], scheme=scheme, nyquist="zero")
    return me.Problem(cell, {0: law})


@pytest.mark.parametrize("kind", ["scalar", "small", "finite"])
@pytest.mark.parametrize("scheme", me.SCHEMES)
def test_the_diagonal_of_the_stiffness_is_that_of_its_quadratic_form(scheme, kind):
    for shape in ((3, 4), (5, 3), (3, 4, 2)):
        if scheme == "tetrahedra" and len(shape) == 2:
            continue
        problem = jacobi_problem(kind, shape, scheme)
        operators = problem.operators
        m = problem.kinematics.components
        tangent = problem.tangent(problem.uniform(np.zeros(m)), [None])
        diagonal = stiffness_diagonal(operators, tangent)
        factor = 1.0 if operators.factor is None else np.broadcast_to(operators.factor, operators.grid.spectral_shape)
        for i in range(len(diagonal)):
            u = np.zeros_like(diagonal)
            u[(i, *(1,) * len(shape))] = 1.0
            e = operators.strain((operators.transform.forward(u) * factor).reshape((len(u), -1)))
            s = tangent.apply(e.reshape((m, -1)), np.empty((m, e[0].size))).reshape(e.shape)
            expected = operators.mean_dot(e, s) * operators.grid.size
            assert diagonal[(i, *(1,) * len(shape))] == pytest.approx(expected, rel=1e-12, abs=1e-13 * diagonal.max())


def test_the_scaled_operator_is_symmetric_and_is_greens_for_a_constant_diagonal():
    rng = np.random.default_rng(2)
    for scheme in me.SCHEMES:
        shape = (4, 3, 5)
        problem = jacobi_problem("small", shape, scheme)
        operators = problem.operators
        tangent = problem.tangent(problem.uniform(np.zeros(6)), [None])
        m = JacobiGreen(operators, tangent)
        a, b = (operators.force(rng.normal(size=problem.field_shape)) for _ in range(2))
        ab, ba = operators.spectral_dot(a, m(b)), operators.spectral_dot(m(a), b)
        assert ab == pytest.approx(ba, rel=1e-10)
        assert operators.spectral_dot(a, m(a)) > 0
        same = me.Problem(problem.cell, {0: me.LinearElastic(mu=0.5, lmbda=0.0)})  # C = 1, the reference medium
        m = JacobiGreen(same.operators, same.tangent(same.uniform(np.zeros(6)), [None]))
        assert m.root == pytest.approx(np.ones_like(m.root), rel=1e-13)
        assert np.allclose(operators.strain(m(a)), operators.strain(operators.precondition(a)), atol=1e-12 * np.abs(a).max())


@pytest.mark.parametrize("kind", ["conduction", "elasticity", "finite"])
def test_smooth_high_contrast_takes_a_small_part_of_the_iterations(kind):
    f = smooth((32, 32), 1e4)
    law, load = {
        "conduction": (me.Conduction(f), [1.0, 0.0]),
        "elasticity": (me.LinearElastic(mu=f, lmbda=f), [[0.01, 0.0], [0.0, 0.0]]),
        "finite": (me.StVenantKirchhoff(mu=f, lmbda=f), [[1.01, 0.0], [0.0, 1.0]]),
    }[kind]
    cell = me.Cell(np.zeros(f.shape, int))
    green = me.solve(cell, {0: law}, me.strain_path([load]))
    scaled = me.solve(cell, {0: law}, me.strain_path([load]), preconditioner="jacobi-green")
    assert scaled.stress == pytest.approx(green.stress, rel=1e-7, abs=1e-7)
    assert np.all(scaled.residual <= 1e-8)
    assert scaled.iterations[0] * 8 < green.iterations[0]


def test_jacobi_green_refuses_voids_and_forms_that_it_is_not_made_for():
    path = me.strain_path([[1.0, 0.0]])
    image = np.zeros((8, 8), int)
    image[2:6, 2:6] = 1
    with pytest.raises(MaterialError, match="voids"):
        me.solve(me.Cell(image), {0: me.Conduction(1.0), 1: me.Conduction(0.0)}, path, preconditioner="jacobi-green")
    phases = {0: me.Conduction(1.0), 1: me.Conduction(2.0)}
    for options in ({"method": "strain"}, {"preconditioner": "jacobi"}):
        with pytest.raises(LoadError, match="jacobi"):
            me.solve(me.Cell(image), phases, path, **{"preconditioner": "jacobi-green", **options})
    for even in (image, image[:, :1], image[:, 0]):
        load = me.strain_path([[1.0, 0.0][: even.ndim]])
        with pytest.raises(LoadError, match="nyquist"):
            me.solve(me.Cell(even, scheme="fourier"), phases, load, preconditioner="jacobi-green")
    sol = me.solve(me.Cell(np.zeros((1, 1), int)), {0: me.Conduction(2.0)}, path, preconditioner="jacobi-green")
    assert sol.stress.tolist() == [[2.0, 0.0]]


def test_linear_problems_with_parameter_fields_are_solved_in_one_newton_step():
    sol = me.solve(me.Cell(np.zeros((16, 16), int)), {0: me.Conduction(smooth((16, 16), 100.0))}, me.strain_path([[1.0, 0.0]]))
    assert sol.steps[0].newton == 1


def test_prescribed_stress_is_reached_from_rest_and_taken_off_again():
    for scale in (1e-9, 1.0, 1e9):
        phases = {k: me.LinearElastic(mu=m.mu * scale, lmbda=m.lmbda * scale) for k, m in elastic(10.0).items()}
        stress = scale * np.array([[[0.02, 0.01], [0.01, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
        for method in ("displacement", "strain", "anderson"):
            sol = me.solve(me.Cell(disk(9)), phases, me.stress_path(stress), method=method)
            assert np.abs(sol.stress - stress).max() <= 1e-9 * scale
            assert np.abs(sol.strain[0]).max() > 1e-3
            assert np.abs(sol.strain[1]).max() < 1e-11
