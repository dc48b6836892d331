"""Bad and degenerate input: an answer that is right, or an error that says what to do; never NaN, never a silent surprise."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hoad import mechanics as me
from hoad.errors import CellError, ConvergenceError, HoadError, LoadError, MaterialError, MechanicsError
from hoad.mechanics.materials.j2_plasticity import J2Plasticity
from hoad.mechanics.schemes import SCHEMES

FREE = np.nan
IMAGE = np.random.default_rng(0).integers(0, 2, (6, 6))
ELASTIC = {0: me.LinearElastic(mu=1.0, lmbda=2.0), 1: me.LinearElastic(mu=10.0, lmbda=20.0)}
FINITE = {0: me.NeoHooke(mu=1.0, lmbda=2.0), 1: me.NeoHooke(mu=10.0, lmbda=20.0)}
STRAIN = np.array([[0.01, 0.0], [0.0, 0.0]])


def small(load, **options):
    return me.solve(me.Cell(IMAGE), ELASTIC, load, **options)


def finite(load, **options):
    return me.solve(me.Cell(IMAGE), FINITE, load, **options)


def one(a):
    return me.strain_path([a])


BAD = {
    "a phase without a material": (CellError, "no material", lambda: me.solve(me.Cell(IMAGE), {0: ELASTIC[0]}, one(STRAIN))),
    "a negative modulus": (MaterialError, "mu >= 0", lambda: me.NeoHooke(mu=-1.0, lmbda=2.0)),
    "a modulus that is NaN": (MaterialError, "mu", lambda: me.LinearElastic(mu=np.nan, lmbda=2.0)),
    "a function for a material": (MaterialError, "Hyperelastic", lambda: me.solve(me.Cell(IMAGE), {0: sum, 1: sum}, one(STRAIN))),
    "a parameter field of another shape": (
        MaterialError,
        "shape",
        lambda: me.solve(me.Cell(IMAGE), {**ELASTIC, 0: me.LinearElastic(mu=np.ones((3, 3)), lmbda=1.0)}, one(STRAIN)),
    ),
    "materials of two kinds": (LoadError, "mix", lambda: me.solve(me.Cell(IMAGE), {0: ELASTIC[0], 1: FINITE[1]}, one(STRAIN))),
    "a law of the plane in space": (
        MaterialError,
        "size",
        lambda: me.solve(me.Cell(np.zeros((2, 2, 2), int)), {0: me.GentTwoDimensional(mu=1.0, Jm=1.0)}, one(np.eye(3))),
    ),
    "NaN in the image": (CellError, "NaN", lambda: me.Cell(np.where(IMAGE, np.nan, 1.0))),
    "fractions in the image": (CellError, "fractional", lambda: me.Cell(0.5 * IMAGE)),
    "an image without voxels": (CellError, "at least one voxel", lambda: me.Cell(np.zeros((0, 3), int))),
    "an image of four axes": (CellError, "1, 2 or 3", lambda: me.Cell(np.zeros((2, 2, 2, 2), int))),
    "a length of zero": (CellError, "positive", lambda: me.Cell(IMAGE, lengths=(0.0, 1.0))),
    "a length that is NaN": (CellError, "positive", lambda: me.Cell(IMAGE, lengths=(np.nan, 1.0))),
    "an unknown scheme": (CellError, "Did you mean 'rotated'", lambda: me.Cell(IMAGE, scheme="rotatd")),
    "an unknown plane": (CellError, "plane", lambda: me.Cell(IMAGE, plane="stresses")),
    "no steps": (LoadError, "at least one", lambda: me.strain_path([])),
    "no steps of a shape": (LoadError, "at least one", lambda: me.strain_path(np.zeros((0, 2, 2)))),
    "a number for a path": (LoadError, "at least one", lambda: me.strain_path(1.0)),
    "letters for a path": (LoadError, "real numbers", lambda: me.strain_path([[["a", "b"], ["c", "d"]]])),
    "a ragged path": (LoadError, "one shape", lambda: me.strain_path([[1.0, 2.0], [3.0]])),
    "complex strain": (LoadError, "real numbers", lambda: me.strain_path([1j * STRAIN])),
    "one tensor for a path": (LoadError, "list of tensors", lambda: small(me.strain_path(STRAIN))),
    "a tensor of another size": (LoadError, "expected \\(2, 2\\)", lambda: small(one(np.zeros((4, 4))))),
    "strain out of plane": (LoadError, "out-of-plane", lambda: small(one(0.01 * np.eye(3)))),
    "stress out of plane": (LoadError, "out-of-plane", lambda: small(me.stress_path([np.eye(3)]))),
    "a strain that is not symmetric": (LoadError, "not symmetric", lambda: small(one([[0.0, 0.1], [0.0, 0.0]]))),
    "a stress that is not symmetric": (LoadError, "not symmetric", lambda: small(me.stress_path([[[0.0, 0.1], [0.3, 0.0]]]))),
    "a Cauchy stress that is not": (
        LoadError,
        "not symmetric",
        lambda: finite(me.stress_path([[[0.0, 0.1], [0.3, 0.0]]], measure="cauchy")),
    ),
    "a Cauchy stress for small strains": (LoadError, "nominal", lambda: small(me.stress_path([STRAIN], measure="cauchy"))),
    "an unknown stress measure": (LoadError, "cauchy", lambda: me.stress_path([STRAIN], measure="kirchhoff")),
    "NaN in a strain path": (LoadError, "mixed_path", lambda: me.strain_path([[[0.1, FREE], [FREE, 0.0]]])),
    "NaN in a stress path": (LoadError, "mixed_path", lambda: me.stress_path([[[0.1, FREE], [FREE, 0.0]]])),
    "infinite strain": (LoadError, "infinite", lambda: small(one([[np.inf, 0.0], [0.0, 0.0]]))),
    "one of two equal components free": (LoadError, "symmetric", lambda: small(me.mixed_path([[[0.1, FREE], [0.0, FREE]]]))),
    "strain and stress of one component": (LoadError, "both", lambda: me.mixed_path([STRAIN], [STRAIN])),
    "strain and stress of different shapes": (LoadError, "equal shapes", lambda: me.mixed_path([STRAIN], [STRAIN, STRAIN])),
    "a frame that is no rotation": (LoadError, "rotation", lambda: me.mixed_path([STRAIN], frame=2 * np.eye(2))),
    "times that stand still": (LoadError, "increasing", lambda: me.strain_path([STRAIN, STRAIN], times=[1.0, 1.0])),
    "too few times": (LoadError, "2 increasing", lambda: me.strain_path([STRAIN, STRAIN], times=[1.0])),
    "a list for a load": (LoadError, "strain_path", lambda: small([STRAIN])),
    "no load": (LoadError, "strain_path", lambda: me.solve(me.Cell(IMAGE), ELASTIC)),
    "no phases": (LoadError, "phases", lambda: me.solve(me.Cell(IMAGE), None, one(STRAIN))),
    "an unknown method": (LoadError, "displacement, strain", lambda: small(one(STRAIN), method="newton")),
    "an unknown reference": (LoadError, "'mean', 'identity'", lambda: small(one(STRAIN), reference="max")),
    "a reference of another size": (LoadError, "positive definite", lambda: small(one(STRAIN), reference=np.eye(2))),
    "a negative reference": (LoadError, "positive definite", lambda: small(one(STRAIN), reference=-np.eye(3))),
    "a reference that is NaN": (LoadError, "positive definite", lambda: small(one(STRAIN), reference=np.nan * np.eye(3))),
    "an unknown predictor": (LoadError, "tangent, taylor", lambda: finite(one(np.eye(2)), predictor="euler")),
    "an unknown preconditioner": (LoadError, "'green'", lambda: finite(one(1.1 * np.eye(2)), preconditioner="ilu")),
    "a tolerance of 0": (LoadError, "between 0 and 1", lambda: small(one(STRAIN), tol=0)),
    "a negative tolerance": (LoadError, "between 0 and 1", lambda: small(one(STRAIN), tol=-1e-8)),
    "a tolerance that is NaN": (LoadError, "between 0 and 1", lambda: small(one(STRAIN), tol=np.nan)),
    "a negative forcing": (LoadError, "between 0 and 1", lambda: small(one(STRAIN), forcing=-1.0)),
    "no Newton steps": (LoadError, "at least 1", lambda: finite(one(1.1 * np.eye(2)), max_newton=0)),
    "no iterations": (LoadError, "at least 1", lambda: small(one(STRAIN), max_cg=0)),
    "a negative number of cut-backs": (LoadError, "at least 1", lambda: small(one(STRAIN), max_cutbacks=-1)),
    "a load that underflows": (LoadError, "underflow", lambda: small(one(1e-200 * STRAIN))),
    "a tolerance below rounding": (ConvergenceError, "residual is", lambda: small(one(STRAIN), tol=1e-30)),
    "a mirrored cell": (ConvergenceError, "cut-backs", lambda: finite(one(np.diag([-1.0, 1.0])))),
    "a flattened cell": (ConvergenceError, "inverts", lambda: finite(one(np.diag([0.0, 1.0])))),
    "a strain for a deformation gradient": (ConvergenceError, "du/dx, not a strain", lambda: finite(one(STRAIN), max_cutbacks=1)),
    "stress on a layer of voids": (
        ConvergenceError,
        "no stiffness against",
        lambda: me.solve(
            me.Cell([[0, 0], [1, 1]]),
            {0: ELASTIC[0], 1: me.LinearElastic(mu=0.0, lmbda=0.0)},
            me.stress_path([np.eye(2)]),
            max_cutbacks=0,
            max_newton=3,
        ),
    ),
    "masked voxels": (CellError, "masked", lambda: me.Cell(np.ma.masked_equal(IMAGE, 1))),
    "letters for lengths": (CellError, "positive number", lambda: me.Cell(IMAGE, "ab")),
    "an image for a cell": (CellError, "me.Cell", lambda: me.solve(IMAGE, ELASTIC, one(STRAIN))),
    "a callback that is none": (LoadError, "callback", lambda: small(one(STRAIN), callback="log")),
    "a start that is none": (LoadError, "expected a Solution", lambda: small(one(STRAIN), start=STRAIN)),
    "a start of another cell": (
        LoadError,
        "Go on with",
        lambda: small(one(STRAIN), start=me.solve(me.Cell([[0, 1]]), ELASTIC, one(STRAIN))),
    ),
    "half an order": (LoadError, "whole number", lambda: small(one(STRAIN)).taylor(STRAIN, order=2.5)),
    "a folder that is not there": (MechanicsError, "no folder", lambda: small(one(STRAIN)).save("missing_folder/a.vti")),
    "a checkpoint in no folder": (MechanicsError, "no folder", lambda: small(one(STRAIN), checkpoint="missing_folder/a.npz")),
    "free strains in a response": (
        LoadError,
        "prescribe all strains",
        lambda: me.Response(me.Cell(IMAGE), ELASTIC, me.mixed_path([[[0.1, FREE], [FREE, FREE]]]), []),
    ),
    "a stress beyond perfect plasticity": (
        ConvergenceError,
        "cut-backs",
        lambda: me.solve(
            me.Cell(np.zeros((3, 3), int)),
            {0: J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01)},
            me.stress_path([[[0.0, 0.02], [0.02, 0.0]]]),
            max_cutbacks=2,
        ),
    ),
    "chains stretched beyond their limit": (
        ConvergenceError,
        "limit is passed",
        lambda: me.solve(me.Cell(IMAGE), dict.fromkeys((0, 1), me.Gent(mu=1.0, Jm=0.1)), one(np.diag([2.0, 1.0]))),
    ),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_typed_error(name):
    expected, words, call = BAD[name]
    with pytest.raises(expected) as info:
        call()
    assert isinstance(info.value, HoadError)
    assert re.search(words, str(info.value)), str(info.value)


def test_iterations_that_run_out_are_named_and_leave_no_result():
    with pytest.raises(ConvergenceError, match=r"did not converge in 1 iterations.*max_cg") as info:
        small(one(STRAIN), max_cg=1)
    assert info.value.solution.steps == []
    with pytest.raises(ConvergenceError, match="no converged step"):
        me.Solution(info.value.solution.problem, info.value.solution.newton).stress_field


# -- degenerate cells, which have an answer ------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scheme", [s for s in SCHEMES if s != "tetrahedra"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (1,), (6,)])
@pytest.mark.parametrize("control", ["strain", "stress"])
def test_thin_grids_are_laminates(scheme, shape, control):
    """One voxel, one row, one column: layers normal to the long axis have the exact stiffness of a laminate."""
    rng = np.random.default_rng(1)
    d = len(shape)
    mu = rng.uniform(1.0, 3.0, shape)
    lmbda = rng.uniform(1.0, 3.0, shape)
    if shape == (2, 2):
        mu, lmbda = np.full(shape, 1.5), np.full(shape, 2.0)
    if scheme.startswith("central") or (scheme == "fourier" and max(shape) % 2 == 0):
        mu, lmbda = np.full(shape, 1.5), np.full(shape, 2.0)  # these do not see every difference between neighbours
    cell = me.Cell(np.zeros(shape, int), scheme=scheme)
    phases = {0: me.LinearElastic(mu=mu, lmbda=lmbda)}
    m = lmbda + 2 * mu
    if d == 1:
        stiffness = np.array([[1 / np.mean(1 / m)]])
    else:
        normal = 1 / np.mean(1 / m)
        coupled = normal * np.mean(lmbda / m)
        along = np.mean(m - lmbda**2 / m) + coupled**2 / normal
        stiffness = np.array([[normal, coupled], [coupled, along]])
        if shape[1] > shape[0]:
            stiffness = stiffness[::-1, ::-1]
    given = np.diag(rng.standard_normal(d)) * 0.01
    if control == "strain":
        solution = me.solve(cell, phases, one(given), tol=1e-12)
    else:
        solution = me.solve(cell, phases, me.stress_path([given]), tol=1e-12)
        np.testing.assert_allclose(solution.stress[0], given, atol=1e-13)
    np.testing.assert_allclose(np.diag(solution.stress[0]), stiffness @ np.diag(solution.strain[0]), rtol=1e-10)


def test_one_voxel_of_a_finite_law():
    load = np.array([[1.2, 0.1], [0.05, 0.9]])
    solution = me.solve(me.Cell(np.zeros((1, 1), int)), {0: FINITE[0]}, one(load))
    wide = me.solve(me.Cell(np.zeros((3, 4), int)), {0: FINITE[0]}, one(load))
    np.testing.assert_allclose(solution.stress, wide.stress, rtol=1e-14)
    assert solution.iterations[0] == 0


def test_units_do_not_matter():
    """Stresses in Pa and lengths in micrometres: the same iterations and strains as with numbers near one."""
    plain = small(me.stress_path([STRAIN]))
    scaled = {k: me.LinearElastic(mu=1e11 * p.mu, lmbda=1e11 * p.lmbda) for k, p in ELASTIC.items()}
    other = me.solve(me.Cell(IMAGE, lengths=(1e-6, 1e-6)), scaled, me.stress_path([1e11 * STRAIN]))
    assert other.iterations[0] == plain.iterations[0]
    np.testing.assert_allclose(other.strain, plain.strain, rtol=1e-6, atol=1e-12)


def test_labels_may_be_words_and_need_no_order():
    plain = small(one(STRAIN))
    words = me.solve(me.Cell(np.where(IMAGE, "fibre", "matrix")), {"matrix": ELASTIC[0], "fibre": ELASTIC[1]}, one(STRAIN))
    far = me.solve(me.Cell(np.where(IMAGE, -7, 300)), {300: ELASTIC[0], -7: ELASTIC[1], 5: ELASTIC[1]}, one(STRAIN))
    np.testing.assert_allclose(words.stress, plain.stress, rtol=1e-8)
    np.testing.assert_allclose(far.stress, plain.stress, rtol=1e-8)


# -- empty and rigid phases ----------------------------------------------------------------------------------

HOLE = np.zeros((15, 15), int)
HOLE[4:11, 4:11] = 1
STABLE = ["rotated", "forward", "backward", "hexahedra"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scheme", STABLE)
@pytest.mark.parametrize("kind", ["elastic", "conduction"])
def test_a_hole_is_the_limit_of_a_soft_phase(scheme, kind):
    """Exactly zero stiffness, few iterations, and the stress of a phase that is softer and softer."""

    def stress(factor):
        if kind == "elastic":
            phases, load = {0: ELASTIC[0], 1: me.LinearElastic(mu=factor, lmbda=factor)}, STRAIN
        else:
            phases, load = {0: me.Conduction(k=1.0), 1: me.Conduction(k=factor)}, STRAIN[0]
        solution = me.solve(me.Cell(HOLE, scheme=scheme), phases, one(load), tol=1e-9)
        return solution

    hole, soft = stress(0.0), stress(1e-7)
    assert hole.iterations[0] <= 60
    np.testing.assert_allclose(hole.stress, soft.stress, atol=1e-6 * np.abs(soft.stress).max())
    inside = hole.stress_field[..., 0, 7, 7] if kind == "conduction" else hole.stress_field[:, :, 0, 7, 7]
    assert np.all(inside == 0)
    assert np.all(np.isfinite(hole.tangent()))


def test_a_hole_in_a_finite_law_and_under_stress():
    phases = {0: FINITE[0], 1: me.NeoHooke(mu=0.0, lmbda=0.0)}
    stretched = me.solve(me.Cell(HOLE), phases, one(np.diag([1.1, 1.0])), tol=1e-9)
    soft = me.solve(me.Cell(HOLE), {0: FINITE[0], 1: me.NeoHooke(mu=1e-7, lmbda=1e-7)}, one(np.diag([1.1, 1.0])), tol=1e-9)
    np.testing.assert_allclose(stretched.stress, soft.stress, atol=1e-6)
    loaded = me.solve(me.Cell(HOLE), phases, me.stress_path(stretched.stress), tol=1e-9)
    np.testing.assert_allclose(loaded.strain, stretched.strain, atol=1e-7)


def test_without_convergence_the_message_names_the_scheme_to_use():
    with pytest.raises(ConvergenceError, match="use 'rotated' or 'hexahedra'"):
        me.solve(me.Cell(HOLE, scheme="fourier"), {0: ELASTIC[0], 1: me.LinearElastic(mu=0.0, lmbda=0.0)}, one(STRAIN), max_cg=200)


def test_an_empty_layer_carries_nothing():
    """No stress across an empty layer at any strain; a prescribed stress across it cannot be reached, and says so."""
    image = np.repeat([0, 1], [5, 5])[:, None] * np.ones((1, 3), int)
    phases = {0: ELASTIC[0], 1: me.LinearElastic(mu=0.0, lmbda=0.0)}
    opened = me.solve(me.Cell(image), phases, one(STRAIN))
    np.testing.assert_allclose(opened.stress, 0.0, atol=1e-14)
    along = me.solve(me.Cell(image), phases, one(STRAIN[::-1, ::-1]))
    # plane strain beside the layer, and free to contract across it
    assert along.stress[0, 1, 1] == pytest.approx(0.5 * 0.01 * (4.0 - 2.0**2 / 4.0), rel=1e-8)
    with pytest.raises(ConvergenceError):
        me.solve(me.Cell(image), phases, me.stress_path([STRAIN]), max_cg=100, max_cutbacks=1)


def test_a_cell_of_nothing_has_no_stress():
    nothing = {k: me.LinearElastic(mu=0.0, lmbda=0.0) for k in (0, 1)}
    solution = me.solve(me.Cell(IMAGE), nothing, one(STRAIN))
    assert np.all(solution.stress == 0)
    assert solution.iterations[0] == 0
    with pytest.raises(ConvergenceError):
        me.solve(me.Cell(IMAGE), nothing, me.stress_path([STRAIN]), max_cutbacks=1)


@pytest.mark.parametrize("scheme", STABLE)
def test_a_nearly_rigid_phase(scheme):
    rigid = {0: ELASTIC[0], 1: me.LinearElastic(mu=1e8, lmbda=1e8)}
    solution = me.solve(me.Cell(HOLE, scheme=scheme), rigid, one(STRAIN), tol=1e-8)
    stiff = me.solve(me.Cell(HOLE, scheme=scheme), {**rigid, 1: me.LinearElastic(mu=1e6, lmbda=1e6)}, one(STRAIN), tol=1e-8)
    assert np.abs(solution.strain_field[:, :, 0, 7, 7]).max() < 1e-6
    np.testing.assert_allclose(solution.stress, stiff.stress, rtol=1e-3, atol=1e-6)


def test_plane_stress_of_an_empty_phase_says_what_to_do():
    image = np.zeros((6, 6), int)
    image[2:4, 2:4] = 1
    phases = {0: me.LinearElastic(mu=1.0, lmbda=2.0), 1: me.LinearElastic(mu=0.0, lmbda=0.0)}
    with pytest.raises(MaterialError, match="small stiffness"):
        me.solve(me.Cell(image, plane="stress"), phases, me.strain_path([0.01 * np.eye(2)]))


@pytest.mark.parametrize("method", ["displacement", "strain", "barzilai-borwein"])
def test_steps_far_below_the_rounding_errors_of_the_law(method):
    """Laws see 1 + ∂u, whose last digit is 2e-16; the response is that of the linear law all the same."""
    image = np.zeros((9, 8), int)
    image[:4, :5] = 1
    cell, mean = me.Cell(image), np.array([[0.25, 1.0], [1.0, -0.5]])
    laws = [{k: law(mu=m, lmbda=2 * m) for k, m in ((0, 1.0), (1, 8.0))} for law in (me.LinearElastic, me.NeoHooke)]
    linear = me.solve(cell, laws[0], me.strain_path([mean]), tol=1e-11)
    for size in (2.0**-23, 2.0**-30, 2.0**-50):
        sizes = (1.0, 2.0, 2.0**20) if size == 2.0**-30 else (1.0,)
        sol = me.solve(cell, laws[1], me.strain_path([np.eye(2) + s * size * mean for s in sizes]), method=method, tol=1e-8)
        assert sol.converged
        np.testing.assert_allclose(sol.stress[0] / size, linear.stress[0], rtol=0, atol=3e-6 if size > 1e-8 else 1e-7)
        if size < 1e-8:
            assert sol.energy[0] / size**2 == pytest.approx(linear.energy[0], rel=1e-7)
    free = me.solve(cell, laws[1], me.stress_path([2.0**-40 * mean]), method=method)
    strain = np.linalg.norm((free.strain[0] - np.eye(2)) * 2.0**40)
    assert strain == pytest.approx(np.linalg.norm(_shear_form(cell, laws[0], mean)), rel=1e-3)


def _shear_form(cell, laws, stress):
    """Strain under a stress with the rotation that makes it upper triangular."""
    e = me.solve(cell, laws, me.stress_path([stress]), tol=1e-11).strain[0]
    return np.array([[e[0, 0], 2 * e[0, 1]], [0.0, e[1, 1]]])


@pytest.mark.parametrize("shape", [(6, 7), (9, 9)])
def test_perfectly_plastic_flow_across_the_cell_ends_at_the_limit_load(shape):
    """Strains are not unique there, and tangents singular; the stress is that of the matrix alone, σ_y / √3."""
    image = np.zeros(shape, int)
    image[: shape[0] // 2, : shape[1] // 2] = 1
    phases = {0: J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01), 1: ELASTIC[1]}
    sol = me.solve(me.Cell(image, antiplane=True), phases, me.strain_path([[0.1, 0.0]]), max_cutbacks=0)
    np.testing.assert_allclose(sol.stress[0], [0.01 / np.sqrt(3), 0.0], rtol=0, atol=1e-9)


def test_flow_that_stays_undetermined_says_what_helps():
    image = np.zeros((6, 7), int)
    image[:3, :3] = 1
    phases = {0: me.LogarithmicJ2(K=2.0, mu=1.0, sigma_y=0.01), 1: me.LogarithmicJ2(K=20.0, mu=10.0, sigma_y=0.01)}
    shear = [np.eye(2) + g * np.array([[0, 1], [0, 0]]) for g in (1e-3, 0.1)]
    with pytest.raises(ConvergenceError, match="a little hardening"):
        me.solve(me.Cell(image), phases, me.strain_path(shear), max_cutbacks=0)
