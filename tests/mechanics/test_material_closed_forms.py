"""Stresses of elastic materials against the formulas of textbooks, written with principal stretches and not with tensors.

Nominal stresses of incompressible bodies are compared through the combination that no pressure enters: along a path of constant
volume, dW = P11 dλ1 + P22 dλ2 + P33 dλ3. Formulas: Holzapfel, Nonlinear Solid Mechanics (2000), ch. 6; Treloar, The Physics of
Rubber Elasticity (1975), ch. 4-5, 11; Rivlin (1948) for simple shear.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import hoad
from hoad.mechanics.materials import (
    ArrudaBoyce,
    Gent,
    GentTwoDimensional,
    HolzapfelGasserOgden,
    LinearElastic,
    MooneyRivlin,
    NeoHooke,
    Ogden,
    Orthotropic,
    PowerLaw,
    StVenantKirchhoff,
    Triclinic,
    Yeoh,
)
from hoad.mechanics.materials.volumetric import VOLUMETRIC

from .material_cases import AXES, ENGINEERING, rotation, stiffness_matrix

MU, JM, K = 1.3, 4.0, 7.0
C10, C01 = 0.4, 0.25
YEOH = (0.5, -0.1, 0.03)
TRELOAR = ((0.63, 0.0012, -0.01), (1.3, 5.0, -2.0))  # Ogden (1972), MPa
CHAIN = 2.5
CHAIN_SERIES = (1 / 2, 1 / 20, 11 / 1050, 19 / 7000, 519 / 673750)
STRETCHES = (0.5, 0.9, 1.2, 1.7)
FIBRE = dict(mu=MU, k1=2.0, k2=0.7, K=K)

# law, dW/dI1 and dW/dI2 at given invariants
RUBBERS = {
    "neo-Hooke": (NeoHooke(MU, 2.0, "isochoric"), lambda I1, I2: MU / 2, lambda I1, I2: 0.0),
    "neo-Hooke, coupled": (NeoHooke(MU, 2.0), lambda I1, I2: MU / 2, lambda I1, I2: 0.0),
    "Mooney-Rivlin": (MooneyRivlin(C10, C01, K), lambda I1, I2: C10, lambda I1, I2: C01),
    "Yeoh": (
        Yeoh(*YEOH, K),
        lambda I1, I2: sum(i * c * (I1 - 3) ** (i - 1) for i, c in enumerate(YEOH, 1)),
        lambda I1, I2: 0.0,
    ),
    "Gent": (Gent(MU, JM, 2.0, "isochoric"), lambda I1, I2: MU / 2 * JM / (JM - I1 + 3), lambda I1, I2: 0.0),
    "Gent, coupled": (Gent(MU, JM), lambda I1, I2: MU / 2 * JM / (JM - I1 + 3), lambda I1, I2: 0.0),
    "Arruda-Boyce": (
        ArrudaBoyce(MU, CHAIN, K),
        lambda I1, I2: MU * sum(i * c * (I1 / CHAIN**2) ** (i - 1) for i, c in enumerate(CHAIN_SERIES, 1)),
        lambda I1, I2: 0.0,
    ),
}


def nominal(law, F):
    return hoad.grad(law.energy)(F)


def cauchy(law, F):
    return nominal(law, F) @ F.T / np.linalg.det(F)


def uniaxial(law, x):
    """dW/dλ for stretches λ, λ^(-1/2), λ^(-1/2)."""
    P = nominal(law, np.diag([x, x**-0.5, x**-0.5]))
    return P[0, 0] - x**-1.5 * P[1, 1]


def biaxial(law, x):
    """Half of dW/dλ for stretches λ, λ, λ^(-2)."""
    P = nominal(law, np.diag([x, x, x**-2.0]))
    return P[0, 0] - x**-3 * P[2, 2]


def planar(law, x):
    """dW/dλ for stretches λ, 1, 1/λ (pure shear)."""
    P = nominal(law, np.diag([x, 1.0, 1 / x]))
    return P[0, 0] - x**-2 * P[2, 2]


def sheared(amount, d=3):
    F = np.eye(d)
    F[0, 1] = amount
    return F


@pytest.mark.parametrize("name", RUBBERS)
@pytest.mark.parametrize("x", STRETCHES)
def test_rubber_in_tension(name, x):
    law, W1, W2 = RUBBERS[name]
    I1, I2 = x**2 + 2 / x, 2 * x + x**-2
    np.testing.assert_allclose(uniaxial(law, x), 2 * (x - x**-2) * (W1(I1, I2) + W2(I1, I2) / x), rtol=1e-13)
    I1, I2 = 2 * x**2 + x**-4, x**4 + 2 * x**-2
    if I1 - 3 < JM:
        np.testing.assert_allclose(biaxial(law, x), 2 * (x - x**-5) * (W1(I1, I2) + x**2 * W2(I1, I2)), rtol=1e-13)
    I1 = x**2 + 1 + x**-2
    np.testing.assert_allclose(planar(law, x), 2 * (x - x**-3) * (W1(I1, I1) + W2(I1, I1)), rtol=1e-13)


@pytest.mark.parametrize("name", RUBBERS)
@pytest.mark.parametrize("shear", [-0.4, 0.1, 1.5])
def test_rubber_in_simple_shear(name, shear):
    law, W1, W2 = RUBBERS[name]
    s = cauchy(law, sheared(shear))
    invariant = 3 + shear**2
    np.testing.assert_allclose(s[0, 1], 2 * shear * (W1(invariant, invariant) + W2(invariant, invariant)), rtol=1e-13)
    np.testing.assert_allclose(s[0, 0] - s[1, 1], shear * s[0, 1], rtol=1e-12)  # universal relation
    np.testing.assert_allclose(s[1, 1] - s[2, 2], -2 * shear**2 * W2(invariant, invariant), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("x", STRETCHES)
def test_ogden(x):
    """The fit to Treloar's rubber in tension, and shear stress from the principal stretches λ, 1/λ with λ - 1/λ = γ."""
    law = Ogden(*TRELOAR, K)
    terms = list(zip(*TRELOAR))
    np.testing.assert_allclose(uniaxial(law, x), sum(m * (x ** (a - 1) - x ** (-a / 2 - 1)) for m, a in terms), rtol=1e-12)
    np.testing.assert_allclose(biaxial(law, x), sum(m * (x ** (a - 1) - x ** (-2 * a - 1)) for m, a in terms), rtol=1e-12)
    np.testing.assert_allclose(planar(law, x), sum(m * (x ** (a - 1) - x ** (-a - 1)) for m, a in terms), rtol=1e-12)
    s = cauchy(law, sheared(x - 1 / x))
    np.testing.assert_allclose(s[0, 1], sum(m * (x**a - x**-a) for m, a in terms) / (x + 1 / x), rtol=1e-12)


def test_ogden_by_its_exponents():
    x, law = 1.4, Ogden(*TRELOAR, K)
    F = np.diag([x, x**-0.5, x**-0.5])
    found = hoad.grad(lambda a: law.with_parameters(alpha=a).energy(F))(law.alpha)
    value = lambda a: x**a + 2 * x ** (-a / 2) - 3
    slope = lambda a: math.log(x) * (x**a - x ** (-a / 2))
    np.testing.assert_allclose(found, [m * (slope(a) / a - value(a) / a**2) for m, a in zip(*TRELOAR)], rtol=1e-12, atol=1e-15)
    by_mu = hoad.grad(lambda m: law.with_parameters(mu=m).energy(F))(law.mu)
    np.testing.assert_allclose(by_mu, [value(a) / a for a in TRELOAR[1]], rtol=1e-12)


def test_ogden_where_the_smallest_stretch_is_rounding_error():
    law = Ogden(*TRELOAR, K)
    for x, dtype in ((1e-6, np.float64), (1e-3, np.float32)):
        F = np.stack([np.diag([1.0, x, x]), np.diag([8.0, 8**-0.5, 8**-0.5])], -1).astype(dtype)
        energy = law.energy(F)
        assert energy[0] == np.inf
        np.testing.assert_allclose(energy[1], law.energy(F[..., 1].astype(float)), rtol=100 * np.finfo(dtype).eps)
        assert np.isfinite(hoad.grad(lambda F: np.sum(law.energy(F)))(F)).all()


EQUAL = {
    "rest": np.eye(3),
    "two equal": np.diag([1.3, 0.8, 0.8]),
    "three equal": 1.2 * np.eye(3),
    "nearly equal": np.diag([1.1, 1.1 + 1e-9, 1.1 - 3e-8]),
    "distinct": np.diag([1.3, 0.9, 0.7]),
}


@pytest.mark.parametrize("state", EQUAL)
@pytest.mark.parametrize(
    ("powers", "polynomial"),
    [
        (Ogden([MU], [2.0], K), NeoHooke(MU, K - 2 * MU / 3, "isochoric")),
        (Ogden([2 * C10, -2 * C01], [2.0, -2.0], K), MooneyRivlin(C10, C01, K)),
    ],
    ids=["neo-Hooke", "Mooney-Rivlin"],
)
def test_ogden_with_whole_exponents(powers, polynomial, state):
    """Powers of stretches against polynomials of tensors: stress, tangent and a series, whichever stretches agree."""
    rng = np.random.default_rng(3)
    F = rotation(rng, 3) @ EQUAL[state] @ rotation(rng, 3)
    v = rng.normal(size=(3, 3))
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)
    close(powers.energy(F), polynomial.energy(F))
    close(nominal(powers, F), nominal(polynomial, F))
    close(hoad.hessian(powers.energy)(F), hoad.hessian(polynomial.energy)(F))
    for a, b in zip(hoad.taylor(powers.energy, F, v, 5), hoad.taylor(polynomial.energy, F, v, 5)):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("form", "pressure"),
    [("log", lambda J: math.log(J) / J), ("quadratic", lambda J: J - 1), ("simo-miehe", lambda J: (J - 1 / J) / 2)],
)
@pytest.mark.parametrize("J", [0.6, 1.5])
def test_change_of_volume(form, pressure, J):
    """The mean stress is K U'(J), and that of the coupled neo-Hookean law μ (J^(2/3) - 1)/J + λ U'(J)."""
    F = J ** (1 / 3) * np.eye(3)
    assert set(VOLUMETRIC) == {"log", "quadratic", "simo-miehe"}
    for law in (MooneyRivlin(C10, C01, K, form), Yeoh(*YEOH, K, form), ArrudaBoyce(MU, CHAIN, K, form), Ogden(*TRELOAR, K, form)):
        np.testing.assert_allclose(cauchy(law, F), K * pressure(J) * np.eye(3), rtol=1e-12, atol=1e-13)
    expected = MU * (J ** (2 / 3) - 1) / J + 2 * pressure(J)
    np.testing.assert_allclose(cauchy(NeoHooke(MU, 2.0, form), F), expected * np.eye(3), rtol=1e-12, atol=1e-13)


def test_arruda_boyce_states_the_published_shear_modulus():
    m = CHAIN**-2
    expected = MU * (1 + 3 / 5 * m + 99 / 175 * m**2 + 513 / 875 * m**3 + 42039 / 67375 * m**4)
    assert math.isclose(ArrudaBoyce(MU, CHAIN, K).small_strain().mu, expected, rel_tol=1e-14)


def test_gent_stops_at_its_limit():
    law = Gent(MU, JM)
    edge = math.sqrt(JM)
    assert np.isfinite(law.energy(sheared(edge * (1 - 1e-12))))
    for beyond in (edge, 2 * edge):
        assert law.energy(sheared(beyond)) == np.inf
    np.testing.assert_allclose(Gent(MU, 1e9).energy(sheared(0.7)), NeoHooke(MU, 0.0).energy(sheared(0.7)), rtol=1e-8)


def test_two_dimensional_gent_law():
    """P = μ Jm (λᵢ/(Jm + 3 - λ1² - λ2²) - 1/λᵢ), at the mean deformation of the published example."""
    law, x = GentTwoDimensional(mu=16.0, Jm=0.4), np.array([1.001, 1.002])
    np.testing.assert_allclose(nominal(law, np.diag(x)), np.diag(6.4 * (x / (3.4 - x @ x) - 1 / x)), rtol=1e-13, atol=1e-15)
    assert np.all(np.diag(nominal(law, np.eye(2))) < -1.8)  # -16 · 0.16/1.4


@pytest.mark.parametrize("x", [0.5, 1 / math.sqrt(3), 1.0, 1.4])
def test_saint_venant_kirchhoff_in_uniaxial_strain(x):
    """P11 = (λ + 2μ)(x³ - x)/2, with its limit point at x = 1/√3."""
    law, F = StVenantKirchhoff(mu=1.5, lmbda=2.0), np.diag([x, 1.0, 1.0])
    np.testing.assert_allclose(nominal(law, F)[0, 0], 2.5 * (x**3 - x), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(hoad.hessian(law.energy)(F)[0, 0, 0, 0], 2.5 * (3 * x**2 - 1), rtol=1e-14, atol=1e-14)


# -- fibres --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", STRETCHES)
def test_fibres_carry_tension_only(x):
    law, matrix = HolzapfelGasserOgden(**FIBRE, fibres=[[1.0, 0.0, 0.0]]), NeoHooke(MU, K - 2 * MU / 3, "isochoric")
    pull = 2 * 2.0 * x * (x**2 - 1) * math.exp(0.7 * (x**2 - 1) ** 2) if x > 1 else 0.0
    np.testing.assert_allclose(uniaxial(law, x), MU * (x - x**-2) + pull, rtol=1e-13)
    if x < 1:
        F = np.diag([x, 1.1, 0.9]) + 0.1 * sheared(1.0)
        np.testing.assert_array_equal(law.energy(F), matrix.energy(F))


def test_fibres_at_the_switch():
    """The stress is continuous, the tangent gains 4 k1 (and the stress of the fibres, which is 0 there)."""
    law = HolzapfelGasserOgden(**FIBRE, fibres=[[1.0, 0.0, 0.0]])
    path = lambda x: law.energy(np.diag([x, x**-0.5, x**-0.5]) if isinstance(x, float) else _incompressible(x))
    above, below = (hoad.taylor(path, 1.0 + h, 1.0, 2) for h in (1e-9, -1e-9))
    np.testing.assert_allclose(above[1], below[1], atol=2e-8)
    np.testing.assert_allclose([2 * below[2], 2 * above[2]], [3 * MU, 3 * MU + 4 * 2.0], rtol=1e-7)


def _incompressible(x):
    zero = 0 * x
    return hoad.numpy.array([[x, zero, zero], [zero, x**-0.5, zero], [zero, zero, x**-0.5]])


@pytest.mark.parametrize("x", STRETCHES)
def test_dispersed_fibres_are_isotropic(x):
    """κ = 1/3: an exponential of I1, whichever way the fibres point."""
    I1 = x**2 + 2 / x
    E = (I1 - 3) / 3
    expected = 2 * (x - x**-2) * (MU / 2 + 2.0 * E * math.exp(0.7 * E**2) / 3)
    for direction in np.random.default_rng(1).normal(size=(3, 1, 3)):
        np.testing.assert_allclose(uniaxial(HolzapfelGasserOgden(**FIBRE, fibres=direction, kappa=1 / 3), x), expected, rtol=1e-12)


def test_fibres_have_a_direction_and_no_length():
    F = np.eye(3) + 0.3 * np.random.default_rng(2).normal(size=(3, 3))
    a = np.array([[0.3, -0.4, 1.2]])
    energies = [HolzapfelGasserOgden(**FIBRE, fibres=s * a).energy(F) for s in (1.0, -1.0, 7.0)]
    np.testing.assert_allclose(energies, energies[0], rtol=1e-14)
    slope = hoad.grad(lambda b: HolzapfelGasserOgden(**FIBRE, fibres=b).energy(np.linalg.inv(F)))(a)
    assert abs(np.sum(slope * a)) < 1e-14 * np.abs(slope).max()


def test_fibres_beyond_the_largest_number():
    law = HolzapfelGasserOgden(**FIBRE, fibres=[[1.0, 0.0, 0.0]])
    assert law.energy(np.diag([10.0, 0.3, 0.3])) == np.inf
    assert law.energy(np.diag([6.0, 0.4, 0.4]).astype(np.float32)) == np.inf
    assert np.isfinite(law.energy(np.diag([3.0, 0.6, 0.6])))


# -- small strains -------------------------------------------------------------------------------------------------------------


def test_youngs_modulus_and_poissons_ratio():
    E, nu = 2.0, 0.3
    strain = np.diag([1.0, -nu, -nu]) / E
    np.testing.assert_allclose(nominal(LinearElastic.from_young(E, nu), strain), np.diag([1.0, 0.0, 0.0]), atol=1e-15)
    assert LinearElastic.from_young(np.array([E, 2 * E]), nu).mu.shape == (2,)


def test_orthotropic_engineering_constants():
    """A bar pulled along an axis strains by 1/E and contracts by Poisson's ratios; shear stress is 2 G ε."""
    law, c = Orthotropic(**ENGINEERING), ENGINEERING
    for k, strain in enumerate(
        (
            [1 / c["E1"], -c["nu12"] / c["E1"], -c["nu13"] / c["E1"]],
            [-c["nu12"] / c["E1"], 1 / c["E2"], -c["nu23"] / c["E2"]],
            [-c["nu13"] / c["E1"], -c["nu23"] / c["E2"], 1 / c["E3"]],
        )
    ):
        np.testing.assert_allclose(nominal(law, np.diag(strain)), np.diag(np.eye(3)[k]), atol=1e-14)
    for (i, j), G in {(0, 1): c["G12"], (0, 2): c["G13"], (1, 2): c["G23"]}.items():
        e = np.zeros((3, 3))
        e[i, j] = e[j, i] = 0.5
        np.testing.assert_allclose(nominal(law, e)[[i, j], [j, i]], G, rtol=1e-14)


def test_orthotropic_with_equal_constants_is_isotropic():
    E, nu = 3.0, 0.3
    G = E / (2 * (1 + nu))
    e = np.random.default_rng(0).normal(size=(3, 3))
    law = Orthotropic(E, E, E, nu, nu, nu, G, G, G)
    np.testing.assert_allclose(law.energy(e + e.T), LinearElastic.from_young(E, nu).energy(e + e.T), rtol=1e-14)


def test_orthotropic_axes_are_columns():
    """A stiffness turned by the rule for tensors of order four, through the full stiffness matrix."""
    straight, turned = Orthotropic(**ENGINEERING), Orthotropic(**ENGINEERING, axes=AXES)
    symmetric = lambda e: 0.5 * (e + e.T)
    C = hoad.hessian(lambda e: straight.energy(symmetric(e)))(np.zeros((3, 3)))
    C = np.einsum("ia,jb,kc,ld,abcd", AXES, AXES, AXES, AXES, C)
    index = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])
    voigt = Triclinic(np.array([[C[i, j, k, l] for k, l in zip(*index)] for i, j in zip(*index)]))
    e = symmetric(np.random.default_rng(4).normal(size=(3, 3)))
    np.testing.assert_allclose(turned.energy(e), 0.5 * np.einsum("ij,ijkl,kl", e, C, e), rtol=1e-13)
    np.testing.assert_allclose(voigt.energy(e), turned.energy(e), rtol=1e-13)
    fibre = np.outer(AXES[:, 0], AXES[:, 0])
    along = turned.energy(fibre)
    np.testing.assert_allclose(along, straight.energy(np.diag([1.0, 0.0, 0.0])), rtol=1e-13)


def test_order_of_the_stiffness_matrix():
    C = stiffness_matrix()
    e = np.array([[0.1, 0.6, 0.5], [0.6, 0.2, 0.4], [0.5, 0.4, 0.3]])
    s = C @ [0.1, 0.2, 0.3, 0.8, 1.0, 1.2]
    expected = np.array([[s[0], s[5], s[4]], [s[5], s[1], s[3]], [s[4], s[3], s[2]]])
    np.testing.assert_allclose(nominal(Triclinic(C), e), expected, rtol=1e-14)
    assert Triclinic(C.tolist()).energy(e) == Triclinic(C).energy(e)


def test_power_law_in_a_laminate():
    """The shear stress in both layers of a published laminate, 26 and 5 of 31 layers, mean shear strain 0.05."""
    soft, hard = PowerLaw(sigma0=0.5, eps0=0.1, n=10.0, K=2.0), LinearElastic(mu=1.0, lmbda=2.0 - 2 / 3)
    shear = lambda x: np.array([[0.0, x, 0.0], [x, 0.0, 0.0], [0.0, 0.0, 0.0]])
    x, y = 0.059015922524871, 0.003117202870670
    assert math.isclose(26 * x + 5 * y, 31 * 0.05, rel_tol=1e-14)
    np.testing.assert_allclose(nominal(soft, shear(x))[0, 1], 0.006234405741340, rtol=1e-12)
    np.testing.assert_allclose(nominal(hard, shear(y))[0, 1], 0.006234405741340, rtol=1e-12)


def test_power_law_in_tension():
    """At constant volume the equivalent strain is the axial one, and the axial deviator 2/3 of the equivalent stress."""
    s = nominal(PowerLaw(sigma0=3.0, eps0=0.2, n=1.7, K=5.0), np.diag([0.1, -0.05, -0.05]))
    np.testing.assert_allclose(s, 3.0 * 0.5**1.7 * np.diag([2, -1, -1]) / 3, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("n", [1.0, 2.5, 3.0, 4.0, 5.0])
def test_power_law_at_zero_strain(n):
    """The energy along shear is σ0 ε0/(n + 1) (2x/(√3 ε0))^(n+1); a derivative that exists is right, all others are 0."""
    law = PowerLaw(sigma0=0.5, eps0=0.1, n=n, K=2.0)
    direction = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    expected = np.zeros(8)
    if n % 2 == 1:
        expected[int(n) + 1] = 0.05 / (n + 1) * (2 / (math.sqrt(3) * 0.1)) ** (n + 1)
    zero = np.zeros((3, 3))
    np.testing.assert_allclose(hoad.taylor(law.energy, zero, direction, 7), expected, rtol=1e-13)
    assert np.isfinite(hoad.hessian(law.energy)(zero)).all()
    for name, value in law.parameters.items():
        mixed = hoad.jacobian(lambda p, name=name: nominal(law.with_parameters(**{name: p}), zero))(float(value))
        np.testing.assert_array_equal(mixed, zero)


def test_power_law_below_its_linear_range():
    law = PowerLaw(sigma0=0.5, eps0=0.1, n=0.2, K=2.0, delta=1e-3)
    mu = 0.5 / 0.3 * 0.01**-0.8
    assert math.isclose(law.small_strain().mu, mu, rel_tol=1e-13)
    e = np.array([[0.0, 1e-7, 0.0], [1e-7, 0.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(nominal(law, e)[0, 1], 2e-7 * mu, rtol=1e-6)
