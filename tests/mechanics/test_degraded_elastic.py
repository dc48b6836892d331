"""Degraded elasticity: splits against principal strains, and exact derivatives where principal strains are equal."""

from __future__ import annotations

import numpy as np
import pytest

import hoad
from hoad.errors import MaterialError
from hoad.mechanics.materials.damage import SPLITS, DegradedElastic, positive_square
from hoad.mechanics.materials.linear import LinearElastic

from .material_cases import rotation

MU, LMBDA = 1.5, 2.0
PRINCIPAL = {
    "three positive": (0.3, 0.2, 0.1),
    "two positive": (0.3, 0.1, -0.2),
    "one positive": (0.3, -0.1, -0.15),
    "none positive": (-0.1, -0.2, -0.3),
    "two equal, positive": (0.2, 0.2, -0.1),
    "two equal, negative": (0.4, -0.1, -0.1),
    "three equal": (0.1, 0.1, 0.1),
    "plane": (0.3, 0.0, -0.1),
    "plane, stretched": (0.3, 0.2, 0.0),
}
SMOOTH = {name: w for name, w in PRINCIPAL.items() if 0.0 not in w}


def over(cases):
    return pytest.mark.parametrize("w", cases.values(), ids=cases.keys())


def strain(w, seed=0):
    Q = rotation(np.random.default_rng(seed), len(w))
    return (Q * np.asarray(w)) @ Q.T


def split_energies(split, e):
    """ψ⁺ and ψ⁻ from the principal strains."""
    w = np.linalg.eigvalsh(e)
    t, plus = np.sum(w), lambda x: np.maximum(x, 0.0)
    if split == "none":
        return LMBDA / 2 * t**2 + MU * np.sum(w**2), 0.0
    if split == "spectral":
        return tuple(LMBDA / 2 * plus(s * t) ** 2 + MU * np.sum(plus(s * w) ** 2) for s in (1, -1))
    K = LMBDA + 2 * MU / 3
    return K / 2 * plus(t) ** 2 + MU * np.sum((w - t / 3) ** 2), K / 2 * plus(-t) ** 2


@pytest.mark.parametrize("split", SPLITS)
@over(PRINCIPAL)
def test_energy_of_the_split(split, w):
    e = strain(w)
    stretching, rest = split_energies(split, e)
    for d, k in ((0.0, 0.0), (0.3, 0.0), (1.0, 1e-3)):
        law = DegradedElastic(MU, LMBDA, damage=d, split=split, residual=k)
        g = (1 - k) * (1 - d) ** 2 + k
        assert law.energy(e) == pytest.approx(g * stretching + rest, rel=1e-13, abs=1e-16)


@pytest.mark.parametrize("split", SPLITS)
@over(PRINCIPAL)
def test_sound_material_is_elastic(split, w):
    law, sound = DegradedElastic(MU, LMBDA, split=split), LinearElastic(MU, LMBDA)
    e = strain(w)
    np.testing.assert_allclose(hoad.grad(law.energy)(e), hoad.grad(sound.energy)(e), atol=1e-14)
    v = strain((1.0, -0.3, 0.2), 1)
    np.testing.assert_allclose(hoad.hvp(law.energy, e, v), hoad.hvp(sound.energy, e, v), atol=1e-13)


@over(PRINCIPAL)
def test_spectral_stress_has_the_principal_axes_of_strain(w):
    """σ⁺ = λ ⟨tr ε⟩₊ 1 + 2 μ Σ ⟨ε_i⟩₊ n_i ⊗ n_i, also at equal and at zero principal strains."""
    law = DegradedElastic(MU, LMBDA, damage=0.5, split="spectral")
    e = strain(w)
    v, n = np.linalg.eigh(e)
    plus = [LMBDA * max(s * np.sum(v), 0) * np.eye(3) + 2 * MU * (n * np.maximum(s * v, 0)) @ n.T for s in (1, -1)]
    np.testing.assert_allclose(hoad.grad(law.energy)(e), 0.25 * plus[0] - plus[1], atol=1e-13)


def divided(f, df, a, b):
    return df((a + b) / 2) if a == b else (f(a) - f(b)) / (a - b)


@over(SMOOTH)
def test_second_derivative_by_divided_differences(w):
    """Daleckii and Krein: the derivative of Σ⟨ε_i⟩₊ n_i⊗n_i along v has the components f[ε_i, ε_j] v_ij in principal axes."""
    e, v = strain(w), strain((1.0, -0.3, 0.2), 1)
    x, n = np.linalg.eigh(e)
    x = np.array([min(w, key=lambda y, x=x: abs(y - x)) for x in x])
    f = np.array([[divided(lambda y: max(y, 0.0), lambda y: float(y > 0), a, b) for a in x] for b in x])
    expected = 2 * n @ (f * (n.T @ v @ n)) @ n.T
    np.testing.assert_allclose(hoad.hvp(positive_square, e, v), expected, atol=1e-12)


@over(SMOOTH)
def test_higher_derivatives_along_a_line(w):
    """Against principal strains on a circle around the point: Cauchy's formula needs an analytic function, which this is."""
    e, v = strain(w), strain((0.03, -0.01, 0.02), 1)
    order, count, radius = 5, 64, 1.0

    def on_circle(z):
        a = e + z * v
        values = np.linalg.eigvals(a)
        return np.sum(np.where(values.real > 0, values**2, 0.0))

    circle = np.exp(2j * np.pi * np.arange(count) / count)
    values = np.array([on_circle(radius * z) for z in circle])
    expected = [np.mean(values * circle**-k).real / radius**k for k in range(order + 1)]
    found = hoad.taylor(positive_square, e, v, order)
    np.testing.assert_allclose(found, expected, atol=1e-14)


@pytest.mark.parametrize("split", SPLITS)
def test_fields_planes_and_batches(split):
    """A field of strains and of damage is each point on its own; a 2 × 2 strain is the 3 × 3 one with zeros."""
    rng = np.random.default_rng(3)
    e, d = rng.normal(size=(3, 3, 4, 5)), rng.uniform(size=(4, 5))
    e = e + e.swapaxes(0, 1)
    law = DegradedElastic(MU, LMBDA, damage=d, split=split)
    force = hoad.grad(lambda e: law.energy(e).sum())(e)
    release = hoad.grad(lambda d: law.with_parameters(damage=d).energy(e).sum())(d)
    for p in np.ndindex(4, 5):
        one = DegradedElastic(MU, LMBDA, damage=d[p], split=split)
        np.testing.assert_allclose(force[(..., *p)], hoad.grad(one.energy)(e[(..., *p)]), atol=1e-13)
        assert release[p] == pytest.approx(-2 * (1 - d[p]) * split_energies(split, e[(..., *p)])[0], rel=1e-12)
    flat = e[:2, :2]
    wide = np.pad(flat, [(0, 1), (0, 1), (0, 0), (0, 0)])
    np.testing.assert_allclose(law.energy(flat), law.energy(wide), atol=1e-15)
    mapped = hoad.vmap(lambda e: DegradedElastic(MU, LMBDA, 0.3, split).energy(e), in_axes=2)(e[..., 0])
    np.testing.assert_allclose(mapped, DegradedElastic(MU, LMBDA, 0.3, split).energy(e[..., 0]), atol=1e-13)


def test_at_rest_nothing_is_singular():
    for split in SPLITS:
        law = DegradedElastic(MU, LMBDA, damage=0.5, split=split)
        e, v = np.zeros((3, 3)), strain((1.0, -0.3, 0.2), 1)
        assert law.energy(e) == 0
        np.testing.assert_array_equal(hoad.grad(law.energy)(e), 0 * e)
        assert np.isfinite(hoad.hvp(law.energy, e, v)).all()


@pytest.mark.parametrize(
    "wrong",
    [
        dict(mu=-1.0),
        dict(lmbda=-2.0),
        dict(damage=-0.1),
        dict(damage=1.1),
        dict(residual=-0.1),
        dict(residual=2.0),
        dict(split="amor"),
    ],
    ids=lambda w: next(iter(w)),
)
def test_parameters_outside_their_bounds(wrong):
    with pytest.raises(MaterialError, match=r"DegradedElastic\(.*\) is not a physical material, expected"):
        DegradedElastic(**{**dict(mu=1.0, lmbda=1.0), **wrong})
