"""Discrete gradients, divergences and projections against differences taken in space and against dense linear algebra."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from hoad import mechanics as me
from hoad.errors import CellError
from hoad.mechanics.compatibility import Compatibility
from hoad.mechanics.kinematics import Kinematics
from hoad.mechanics.pointwise import StoredTangent
from hoad.mechanics.schemes import PLACES
from hoad.mechanics.stencil import Stencil

LENGTHS = (1.0, 1.7, 0.6)
SHAPES = ((5,), (6,), (5, 4), (4, 6), (3, 3), (1, 4), (2, 1), (3, 4, 3), (4, 2, 2), (1, 1, 3))
ONE = ((1,), (1, 1), (1, 1, 1))
GAUSS = (0.5 - np.sqrt(1 / 12), 0.5 + np.sqrt(1 / 12))

# -- gradients in space, written without Fourier transforms ----------------------------------------------------------------------


def ahead(u: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    """u at the node that lies ``steps`` further along each of the last axes."""
    return np.roll(u, [-s for s in steps], axis=range(u.ndim - len(steps), u.ndim))


def unit(d: int, a: int, n: int = 1) -> tuple[int, ...]:
    return tuple(n if b == a else 0 for b in range(d))


def multilinear(u: np.ndarray, h: tuple[float, ...], place: tuple[float, ...]) -> np.ndarray:
    """Gradient at a place of each voxel of the multilinear interpolation of its corners."""
    d = len(h)
    g = np.zeros((d, *u.shape))
    for corner in product((0, 1), repeat=d):
        value = ahead(u, corner)
        for a in range(d):
            slope = (1 if corner[a] else -1) / h[a]
            others = np.prod([place[b] if corner[b] else 1 - place[b] for b in range(d) if b != a])
            g[a] += slope * others * value
    return g


def on_tetrahedron(u: np.ndarray, h: tuple[float, ...], parity: int) -> np.ndarray:
    """Gradient of the linear interpolation of the four corners with that parity."""
    corners = [c for c in product((0, 1), repeat=3) if sum(c) % 2 == parity]
    inverse = np.linalg.inv([[1, *(c * s for c, s in zip(corner, h, strict=True))] for corner in corners])
    values = np.stack([ahead(u, c) for c in corners])
    return np.tensordot(inverse[1:], values, 1)


def trigonometric(u: np.ndarray, h: tuple[float, ...]) -> np.ndarray:
    """Derivative of the trigonometric interpolation by its matrix; u has no Nyquist part along any axis."""
    out = []
    for a, step in enumerate(h):
        axis = u.ndim - len(h) + a
        n = u.shape[axis]
        x = np.arange(n) * step
        d = np.zeros((n, n))
        for k in range(1, (n + 1) // 2):
            w = 2 * np.pi * k / (n * step)
            d -= 2 / n * w * np.sin(w * (x[:, None] - x))
        out.append(np.moveaxis(np.tensordot(d, u, (1, axis)), 0, axis))
    return np.stack(out)


CENTRAL = {"central-2": (1 / 2,), "central-4": (2 / 3, -1 / 12), "central-6": (3 / 4, -3 / 20, 1 / 60)}
CENTRAL["central-8"] = (4 / 5, -1 / 5, 4 / 105, -1 / 280)


def gradients(scheme: str, u: np.ndarray, h: tuple[float, ...]) -> np.ndarray:
    """Gradient of the field u (..., *grid) at every point of a scheme, of shape (points, d, ..., *grid)."""
    d = len(h)
    if scheme == "fourier":
        return trigonometric(u, h)[None]
    if scheme == "rotated":
        return multilinear(u, h, (0.5,) * d)[None]
    if scheme == "forward":
        return np.stack([(ahead(u, unit(d, a)) - u) / h[a] for a in range(d)])[None]
    if scheme == "backward":
        return np.stack([(u - ahead(u, unit(d, a, -1))) / h[a] for a in range(d)])[None]
    if scheme in CENTRAL:
        return np.stack(
            [
                sum(c * (ahead(u, unit(d, a, n)) - ahead(u, unit(d, a, -n))) for n, c in enumerate(CENTRAL[scheme], 1)) / h[a]
                for a in range(d)
            ]
        )[None]
    if scheme == "hexahedra":
        return np.stack([multilinear(u, h, p) for p in product(GAUSS, repeat=d)])
    assert scheme == "tetrahedra", f"no differences in space for scheme {scheme}: write them"
    return np.stack([on_tetrahedron(u, h, parity) for parity in (0, 1)])


def components(kin: Kinematics, g: np.ndarray) -> np.ndarray:
    """Strain components (m, points, *grid) of gradients (points, d, displacements, *grid), in the order that is documented."""
    g = np.moveaxis(g, 0, 2)  # ∂_a u_i at [a, i]
    d = kin.dimension
    if kin.kind == "finite":
        return np.stack([g[j, i] for i in range(d) for j in range(d)])
    if kin.kind == "small":
        shear = {1: (), 2: ((0, 1),), 3: ((1, 2), (0, 2), (0, 1))}[d]
        return np.stack([g[i, i] for i in range(d)] + [(g[j, i] + g[i, j]) / np.sqrt(2) for i, j in shear])
    return g[:, 0]


# -- what is checked -------------------------------------------------------------------------------------------------------------


def kinematics(d: int) -> list[Kinematics]:
    kinds = [Kinematics(kind, d) for kind in ("finite", "small", "scalar")]
    return [*kinds, Kinematics("antiplane", 2), Kinematics("antiplane", 2, small=True)] if d == 2 else kinds


def cases(scheme: str, shapes: tuple[tuple[int, ...], ...] = SHAPES + ONE) -> Iterator[Compatibility]:
    for shape in shapes:
        d = len(shape)
        if scheme == "tetrahedra" and d != 3:
            with pytest.raises(CellError, match="expected 3"):
                Compatibility(me.Grid(shape, LENGTHS[:d]), scheme, Kinematics("scalar", d))
            continue
        for kin in kinematics(d):
            for nyquist in ("free", "zero") if scheme == "fourier" else ("free",):
                yield Compatibility(me.Grid(shape, LENGTHS[:d]), scheme, kin, nyquist=nyquist)


def stress(op: Compatibility, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(op.kinematics.components, op.points, *op.grid.shape))


def nodal(op: Compatibility, rng: np.random.Generator) -> np.ndarray:
    u = rng.normal(size=(op.kinematics.displacements, *op.grid.shape))
    return without_nyquist(op, u) if op.scheme == "fourier" else u


def without_nyquist(op: Compatibility, u: np.ndarray) -> np.ndarray:
    """u without the frequencies that alternate from node to node along an axis."""
    for a, n in enumerate(op.grid.shape):
        if n % 2 == 0:
            axis = u.ndim - op.grid.dimension + a
            sign = np.reshape((-1.0) ** np.arange(n), (n,) + (1,) * (u.ndim - 1 - axis))
            u = u - sign * (sign * u).mean(axis, keepdims=True)
    return u


def spd(rng: np.random.Generator, m: int) -> np.ndarray:
    a = rng.normal(size=(m, m))
    return a @ a.T + m * np.eye(m)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("scheme", me.SCHEMES)
def test_strain_is_that_of_differences_in_space(scheme, rng):
    for op in cases(scheme):
        u = nodal(op, rng)
        expected = components(op.kinematics, gradients(scheme, u, op.grid.spacing))
        found = op.strain(op.spectrum(u))
        assert found.shape == expected.shape
        assert found.dtype == np.float64
        assert np.abs(found - expected).max() <= 1e-13 * max(np.abs(expected).max(), np.abs(u).max() / min(op.grid.spacing))


@pytest.mark.parametrize("scheme", me.SCHEMES)
def test_divergence_is_the_adjoint_of_the_gradient_to_rounding(scheme, rng):
    for op in cases(scheme):
        u, s = nodal(op, rng), stress(op, rng)
        e = op.strain(op.spectrum(u))
        force = op.nodal(op.force(s))
        work = sum(w * (e[:, r] * s[:, r]).sum() for r, w in enumerate(op.weights)) / op.grid.size
        size = np.linalg.norm(u) * np.linalg.norm(s) / min(op.grid.spacing) / op.grid.size
        assert abs((force * u).sum() / op.grid.size - work) <= 1e-13 * size
        assert abs(op.mean_dot(s, e) - work) <= 1e-13 * size
        assert abs(op.spectral_dot(op.force(s), op.spectrum(u)) - work) <= 1e-13 * size


def dense(op: Compatibility) -> tuple[np.ndarray, np.ndarray]:
    """Matrix of the strain by differences in space, and the displacements that it acts on as columns."""
    kin = op.kinematics
    size = kin.displacements * op.grid.size
    basis = np.eye(size).reshape((size, kin.displacements, *op.grid.shape))
    if op.scheme == "fourier":
        basis = np.stack([without_nyquist(op, u) for u in basis])
    b = np.stack([components(kin, gradients(op.scheme, u, op.grid.spacing)).reshape(-1) for u in basis], axis=1)
    return b, basis.reshape((size, -1)).T


def waves_along_an_axis(op: Compatibility) -> list[np.ndarray]:
    """Fields that alternate from voxel to voxel along one axis and are constant along the others."""
    found = []
    for a, n in enumerate(op.grid.shape):
        if n % 2 == 0:
            sign = np.reshape((-1.0) ** np.arange(n), [n if b == a else 1 for b in range(op.grid.dimension)])
            found.append(np.broadcast_to(sign, op.grid.shape))
    return found


def nyquist_fields(op: Compatibility) -> np.ndarray:
    """Orthogonal projector onto the strains of the Fourier scheme at Nyquist frequencies.

    All strains (for finite deformations none), but those of waves along one axis: n ⊗ u (or its symmetric part) with the axis n.
    """
    kin, size = op.kinematics, op.grid.size
    m = kin.components
    identity = np.eye(m * size).reshape((m * size, m, *op.grid.shape))
    band = np.stack([(e - without_nyquist(op, e)).reshape(-1) for e in identity], axis=1)
    if kin.kind == "finite":
        band = np.zeros_like(band)
    even = [a for a, n in enumerate(op.grid.shape) if n % 2 == 0]
    for a, wave in zip(even, waves_along_an_axis(op), strict=True):
        alone = np.kron(np.eye(m), np.outer(wave, wave) / size)
        g = np.zeros((1, kin.dimension, kin.displacements, kin.displacements))
        g[0, a] = np.eye(kin.displacements)
        q = np.linalg.qr(components(kin, g)[:, 0])[0]
        if kin.kind != "finite":
            band = band - alone
        band = band + np.kron(q @ q.T, np.outer(wave, wave) / size)
    return band


@pytest.mark.parametrize("scheme", me.SCHEMES)
def test_projection_is_the_orthogonal_projector_onto_gradients(scheme, rng):
    for op in cases(scheme, ((4,), (3,), (3, 4), (4, 4), (2, 2), (1, 4), (2, 3, 2)) + ONE):
        shape = (op.kinematics.components, op.points, *op.grid.shape)
        b, _ = dense(op)
        q, values, _ = np.linalg.svd(b, full_matrices=False)
        q = q[:, values > 1e-10 * max(values.max(), 1.0)]
        expected = q @ q.T  # all points of a scheme have equal weights
        if scheme == "fourier" and op.nyquist == "free":
            expected = expected + nyquist_fields(op)
        columns = np.eye(len(b)).reshape((len(b), *shape))
        found = np.stack([op.green_strain(c).reshape(-1) for c in columns], axis=1)
        assert np.abs(found - expected).max() <= 1e-12
        if op.points > 1 or op.free is None:
            again = np.stack([op.strain(op.precondition(op.force(c))).reshape(-1) for c in columns], axis=1)
            assert np.abs(again - expected).max() <= 1e-12


@pytest.mark.parametrize("scheme", me.SCHEMES)
def test_projection_on_larger_grids(scheme, rng):
    for op in cases(scheme, ((15, 16), (16, 15), (8, 9, 10), (7, 8, 6))):
        a, b = stress(op, rng), stress(op, rng)
        ga, gb = op.green_strain(a), op.green_strain(b)
        assert np.abs(op.green_strain(ga) - ga).max() <= 1e-13 * np.abs(ga).max()
        assert abs(op.mean_dot(ga, b) - op.mean_dot(a, gb)) <= 1e-13 * np.sqrt(op.mean_dot(a, a) * op.mean_dot(b, b))
        assert np.abs(op.mean(ga)).max() <= 1e-14 * np.abs(ga).max()
        e = op.strain(op.spectrum(nodal(op, rng)))
        assert np.abs(op.green_strain(e) - e).max() <= 1e-13 * np.abs(e).max()
        rest = a - ga  # in equilibrium
        assert np.abs(op.nodal(op.force(rest))).max() <= 1e-13 * np.abs(op.nodal(op.force(a))).max()


@pytest.mark.parametrize("scheme", me.SCHEMES)
def test_green_operator_of_any_reference_medium(scheme, rng):
    for op in cases(scheme, ((5, 4), (4, 6), (1, 3), (3, 4, 2))):
        c0 = spd(rng, op.kinematics.components)
        op.set_reference(c0)

        def times(e: np.ndarray, c0: np.ndarray = c0) -> np.ndarray:
            return np.tensordot(c0, e, 1)

        a = stress(op, rng)
        g = op.green_strain(a)
        assert np.abs(op.green_strain(times(g)) - g).max() <= 1e-13 * np.abs(g).max() * np.linalg.cond(c0)
        assert np.abs(op.mean(g)).max() <= 1e-14
        # the stress left over is in equilibrium: Γ0 (a - C0 Γ0 a) = 0
        assert np.abs(op.green_strain(a - times(g))).max() <= 1e-13 * np.linalg.cond(c0)


def test_reference_media_are_kept_by_a_look_at_displacements(rng):
    op = Compatibility(me.Grid((4, 5), (1.0, 1.0)), "rotated", Kinematics("small", 2))
    op.set_reference(spd(rng, 3))
    kept, green = op.reference.copy(), op.green.copy()
    op.displacement(stress(op, rng))
    assert np.array_equal(op.reference, kept)
    assert np.array_equal(op.green, green)


@pytest.mark.parametrize("scheme", me.SCHEMES)
def test_displacements_are_recovered(scheme, rng):
    for op in cases(scheme, ((5,), (4,), (3, 4), (4, 4), (1, 4), (3, 3), (2, 3, 2), (3, 3, 3)) + ONE):
        b, basis = dense(op)
        u = nodal(op, rng)
        e = op.strain(op.spectrum(u))
        # the solution without rigid or other invisible parts
        expected = (basis @ np.linalg.lstsq(b, e.reshape(-1), rcond=1e-10)[0]).reshape(u.shape)
        found = op.displacement(e)
        assert np.abs(found - expected).max() <= 1e-12 * np.abs(u).max()
        odd = all(n % 2 for n in op.grid.shape)
        if odd or scheme in ("forward", "backward", "hexahedra"):  # nothing but constants is invisible
            expected = u - u.mean(tuple(range(1, u.ndim)), keepdims=True)
            assert np.abs(found - expected).max() <= 1e-12 * np.abs(u).max()


def test_nyquist_frequencies_of_the_fourier_scheme(rng):
    c0 = spd(rng, 3)
    for shape in ((4, 3), (3, 4), (4, 6)):
        grid = me.Grid(shape, LENGTHS[:2])
        free, zero = (Compatibility(grid, "fourier", Kinematics("small", 2), nyquist=n) for n in ("free", "zero"))
        a = stress(free, rng)
        band = a - without_nyquist(free, a)
        for wave in waves_along_an_axis(free):
            band = band - wave * (wave * band).mean((-2, -1), keepdims=True)
        for op in (free, zero):
            op.set_reference(c0)
        assert np.allclose(free.green_strain(band), np.tensordot(np.linalg.inv(c0), band, 1), atol=1e-14)
        assert np.abs(zero.green_strain(band)).max() <= 1e-14
        rest = without_nyquist(free, a)
        assert np.allclose(free.green_strain(rest), zero.green_strain(rest), atol=1e-14)


ORDERS = {
    "forward": 1,
    "backward": 1,
    "central-2": 2,
    "central-4": 4,
    "central-6": 6,
    "central-8": 8,
    "rotated": 2,
    "hexahedra": 1,
    "tetrahedra": 1,
    "fourier": np.inf,
}
"""Order of accuracy of the derivative at the points (the nodes, if the scheme has its points there)."""


def positions(scheme: str, grid: me.Grid) -> np.ndarray:
    """Places of the points in a voxel, from the node, in voxels: (points, d)."""
    d = grid.dimension
    if scheme == "hexahedra":
        return np.array(list(product(GAUSS, repeat=d)))
    return np.full((2 if scheme == "tetrahedra" else 1, d), 0.5 if scheme in ("rotated", "tetrahedra") else 0.0)


@pytest.mark.parametrize("scheme", me.SCHEMES)
def test_order_of_accuracy_on_a_plane_wave(scheme):
    modes = np.array([2, 1, 1])
    errors = []
    for n in (16, 24):
        grid = me.Grid((n, n, n), LENGTHS)
        op = Compatibility(grid, scheme, Kinematics("scalar", 3))
        k = 2 * np.pi * modes / LENGTHS
        x = np.stack(np.meshgrid(*(np.arange(n) * h for h in grid.spacing), indexing="ij"))
        g = op.strain(op.spectrum(np.sin(np.tensordot(k, x, 1))[None]))
        worst = 0.0
        for r, place in enumerate(positions(scheme, grid)):
            at = x + np.reshape(place * grid.spacing, (3, 1, 1, 1))
            worst = max(worst, np.abs(g[:, r] / k.reshape((3, 1, 1, 1)) - np.cos(np.tensordot(k, at, 1))).max())
        errors.append(worst)
    if np.isinf(ORDERS[scheme]):
        assert max(errors) <= 1e-13
    else:
        assert np.log(errors[0] / errors[1]) / np.log(24 / 16) == pytest.approx(ORDERS[scheme], abs=0.3)


@pytest.mark.parametrize("scheme", PLACES)
def test_elements_applied_in_space_are_those_of_the_symbols(scheme, rng):
    for op in cases(scheme, ((5, 4), (4, 6), (1, 4), (1, 1), (3, 4, 5), (1, 1, 3), (70, 90))):
        m = op.kinematics.components
        count = op.points * op.grid.size
        root = rng.normal(size=(m, m, count))
        upper = np.einsum("ikn,jkn->ijn", root, root)[np.triu_indices(m)]
        tangent = StoredTangent(upper, m)
        u = rng.normal(size=(op.kinematics.displacements, *op.grid.shape))
        macro = rng.normal(size=m)
        e = op.strain(op.spectrum(u)) + macro.reshape((m,) + (1,) * (op.grid.dimension + 1))
        s = tangent.apply(e.reshape((m, -1)), np.empty((m, count))).reshape(e.shape)
        force, mean = Stencil(op).stiffness(u, tangent, macro, track=True)
        expected = op.nodal(op.force(s))
        assert np.abs(force - expected).max() <= 1e-12 * max(np.abs(expected).max(), np.abs(s).max() / min(op.grid.spacing))
        assert np.abs(mean - op.mean(s)).max() <= 1e-13 * np.abs(s).max()


@pytest.mark.parametrize("scheme", me.SCHEMES)
def test_one_voxel_and_rows_of_voxels_have_the_response_of_their_material(scheme):
    c = {0: me.LinearElastic(mu=0.5, lmbda=1.0)}
    for shape in ((1, 1, 1), (1, 1, 4), (2, 1, 1)):
        sol = me.solve(me.Cell(np.zeros(shape, int), scheme=scheme), c, me.strain_path([np.diag([1.0, 0.0, 0.0])]))
        assert np.array_equal(sol.stress[0], np.diag([2.0, 1.0, 1.0]))
        assert sol.iterations[0] == 0
        assert np.all(sol.displacement == 0)


def test_an_unknown_scheme_is_refused_by_name():
    with pytest.raises(CellError, match="Did you mean 'rotated'"):
        me.Cell(np.zeros((2, 2), int), scheme="rotate")
