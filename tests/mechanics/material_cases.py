"""Every elastic material with the parameters and strains on which the automatic checks run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, get_origin
from zlib import crc32

import numpy as np
import pytest

import hoad
from hoad.mechanics import materials as package
from hoad.mechanics.materials import (
    SIMP,
    AnisotropicConduction,
    ArrudaBoyce,
    Conduction,
    DegradedElastic,
    Gent,
    GentTwoDimensional,
    HolzapfelGasserOgden,
    Hyperelastic,
    Inelastic,
    LinearElastic,
    Material,
    MooneyRivlin,
    NeoHooke,
    Ogden,
    Orthotropic,
    PowerLaw,
    StVenantKirchhoff,
    Triclinic,
    Yeoh,
)
from hoad.mechanics.tensors import det, double_dot

POINTS = (2, 3)


@dataclass(eq=False)
class MaterialCase:
    """One law with one set of parameters, for tensors of one size.

    Attributes
    ----------
    material : Material
    d : int                 size of the tensors
    label : str
    isotropic : bool        the energy does not see a rotation of the reference configuration
    prestressed : bool      stress and energy at rest are not 0
    amount : float          size of the random strains
    smooth : callable       of a strain field: where it is far enough from a kink of the energy for a difference quotient
    device : str            why it cannot run on arrays of a device
    """

    material: Material
    d: int = 3
    label: str = ""
    isotropic: bool = True
    prestressed: bool = False
    amount: float = 0.2
    smooth: Callable[[np.ndarray], np.ndarray] | None = None
    device: str = ""

    @property
    def id(self) -> str:
        return f"{type(self.material).__name__}{'-' + self.label if self.label else ''}-{self.d}d"

    @property
    def kinematics(self) -> str:
        return self.material.kinematics

    @cached_property
    def modulus(self) -> float:
        """Scale of the stiffness, for tolerances."""
        return float(np.abs(self.stiffness_at(self.strain())).max())

    def stiffness_at(self, strain: np.ndarray) -> np.ndarray:
        return hoad.hessian(lambda e: self.material.energy(self.embed(e)))(strain)

    def embed(self, e):
        """What the energy is given: small strains are symmetric."""
        return 0.5 * (e + np.swapaxes(e, 0, 1)) if self.kinematics == "small" else e

    def rng(self, salt: str = "") -> np.random.Generator:
        return np.random.default_rng(crc32((self.id + salt).encode()))

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.d,) if self.kinematics == "scalar" else (self.d, self.d)

    def rest(self, points: tuple[int, ...] = ()) -> np.ndarray:
        """Strain of the undeformed state."""
        start = np.eye(self.d) if self.kinematics == "finite" else np.zeros(self.shape)
        return np.broadcast_to(start.reshape(start.shape + (1,) * len(points)), start.shape + points).copy()

    def strain(self, points: tuple[int, ...] = (), salt: str = "strain") -> np.ndarray:
        """Random strains inside the domain of the law."""
        rng, rest = self.rng(salt), self.rest(points)
        e = rest + self.amount * rng.uniform(-1, 1, self.shape + points)
        while self.smooth is not None and not np.all(good := self.smooth(e)):
            e = np.where(good, e, rest + self.amount * rng.uniform(-1, 1, self.shape + points))
        return self.embed(e)

    def direction(self, points: tuple[int, ...] = (), salt: str = "direction") -> np.ndarray:
        return self.embed(self.rng(salt).uniform(-1, 1, self.shape + points))

    def built(self, **changed: Any) -> Material:
        """The law made anew by its constructor."""
        law = self.material
        if isinstance(law, Hyperelastic):
            values = {k: changed.pop(k, v) for k, v in law.values.items()}
            return Hyperelastic(**{**vars(law), "values": values, **changed})
        return type(law)(**{**vars(law), **changed})

    def fields(self, points: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Every parameter, 0 to 10 % larger from point to point; constant tensors by one factor at each point."""
        found = {}
        for name, value in self.material.parameters.items():
            factor = 1 + 0.1 * self.rng(name).uniform(0, 1, points)
            if name == "axes":
                found[name] = np.stack([np.asarray(value), np.asarray(value)[:, [1, 2, 0]]], -1)[..., np.arange(points[0]) % 2]
            else:
                found[name] = np.multiply.outer(np.asarray(value, float), factor)
        return found


def rotation(rng: np.random.Generator, d: int) -> np.ndarray:
    Q, R = np.linalg.qr(rng.normal(size=(d, d)))
    Q = Q * np.sign(np.diag(R))
    return Q if np.linalg.det(Q) > 0 else np.diag([-1.0] + [1.0] * (d - 1)) @ Q


def stiffness_matrix() -> np.ndarray:
    """A positive definite matrix without any symmetry of a crystal."""
    A = np.random.default_rng(5).normal(size=(6, 6))
    return A @ A.T + 2 * np.eye(6)


ENGINEERING = dict(E1=14.0, E2=1.1, E3=0.9, nu12=0.3, nu13=0.25, nu23=0.4, G12=0.5, G13=0.55, G23=0.35)
AXES = rotation(np.random.default_rng(6), 3)
FAMILIES = np.array([[0.6, 0.8, 0.0], [0.6, -0.8, 0.3]])


def fibres_not_at_rest(kappa: float) -> Callable[[np.ndarray], np.ndarray]:
    """Where every family is clearly stretched or clearly slack, written with einsum, away from the law's own code."""

    def smooth(F: np.ndarray) -> np.ndarray:
        C = np.einsum("ki...,kj...->ij...", F, F) * np.linalg.det(np.moveaxis(F, (0, 1), (-2, -1))) ** (-2 / 3)
        a = FAMILIES / np.linalg.norm(FAMILIES, axis=1, keepdims=True)
        E = kappa * (np.einsum("ii...->...", C) - 3) + (1 - 3 * kappa) * (np.einsum("mi,ij...,mj->m...", a, C, a) - 1)
        return np.all(np.abs(E) > 0.04, axis=0)

    return smooth


def compressible_neo_hooke(F, mu, lmbda):
    """A user's energy function; in plane strain the third direction adds 1 to F:F and to the constant."""
    outside = det(F) <= 0
    ln_J = np.log(np.where(outside, 1.0, det(F)))
    return np.where(outside, np.inf, 0.5 * mu * (double_dot(F, F) - F.shape[0]) - mu * ln_J + 0.5 * lmbda * ln_J**2)


def power_conduction(g, k):
    return 0.5 * k * (g * g).sum(0) + 0.25 * (g * g).sum(0) ** 2


def no_principal_zero(e: np.ndarray) -> np.ndarray:
    """Where neither the trace nor a principal value of the symmetric part is near 0."""
    values = np.linalg.eigvalsh(np.moveaxis(e + np.swapaxes(e, 0, 1), (0, 1), (-2, -1))) / 2
    return np.all(np.abs(values) > 0.04, axis=-1) & (np.abs(values.sum(-1)) > 0.08)


def _cases() -> Iterator[MaterialCase]:
    for d in (2, 3):
        yield MaterialCase(LinearElastic(mu=1.5, lmbda=2.0), d)
        yield MaterialCase(Orthotropic(**ENGINEERING), d, isotropic=False)
        yield MaterialCase(Orthotropic(**ENGINEERING, axes=AXES), d, "axes", isotropic=False)
        yield MaterialCase(Triclinic(stiffness_matrix()), d, isotropic=False)
        yield MaterialCase(PowerLaw(sigma0=0.5, eps0=0.1, n=3.0, K=2.0), d, "cubic")
        yield MaterialCase(PowerLaw(sigma0=0.5, eps0=0.1, n=1.0, K=2.0), d, "linear")
        yield MaterialCase(PowerLaw(sigma0=0.5, eps0=0.1, n=2.5, K=2.0), d, "n=2.5")
        yield MaterialCase(PowerLaw(sigma0=0.5, eps0=0.1, n=0.2, K=2.0, delta=0.2), d, "softening")
        yield MaterialCase(DegradedElastic(mu=1.5, lmbda=2.0, damage=0.3, residual=0.01), d)
        for split in ("volumetric-deviatoric", "spectral"):
            law = DegradedElastic(mu=1.5, lmbda=2.0, damage=0.3, residual=0.01, split=split)
            yield MaterialCase(law, d, split, smooth=no_principal_zero)
        yield MaterialCase(StVenantKirchhoff(mu=1.5, lmbda=2.0), d)
        for volumetric in ("log", "quadratic", "simo-miehe", "isochoric"):
            yield MaterialCase(NeoHooke(mu=1.5, lmbda=2.0, volumetric=volumetric), d, volumetric)
            yield MaterialCase(Gent(mu=1.5, Jm=6.0, lmbda=2.0, volumetric=volumetric), d, volumetric)
        for volumetric in ("log", "quadratic", "simo-miehe"):
            yield MaterialCase(MooneyRivlin(c10=0.5, c01=0.25, K=3.0, volumetric=volumetric), d, volumetric)
        host = "functions of symmetric matrices are indexed by arrays of the host"
        yield MaterialCase(Ogden(mu=[0.63, 0.0012, -0.01], alpha=[1.3, 5.0, -2.0], K=3.0), d, "Treloar", device=host)
        yield MaterialCase(Ogden(mu=[-1.5], alpha=[-3.0], K=3.0, volumetric="log"), d, "log", device=host)
        yield MaterialCase(Yeoh(c1=0.7, c2=0.2, c3=0.1, K=3.0), d)
        yield MaterialCase(ArrudaBoyce(mu=1.5, lambda_m=2.0, K=3.0), d)
        yield MaterialCase(Conduction(k=2.5), d)
        yield MaterialCase(SIMP(LinearElastic(mu=1.5, lmbda=2.0), density=0.6, exponent=3.0, smallest=0.02), d)
        yield MaterialCase(SIMP(NeoHooke(mu=1.5, lmbda=2.0), density=0.6, exponent=2.5, smallest=0.02), d, "finite")
        yield MaterialCase(SIMP(Conduction(k=2.5), density=0.6, exponent=4.0, smallest=0.02), d, "conduction")
        yield MaterialCase(Hyperelastic(compressible_neo_hooke, dict(mu=1.5, lmbda=2.0), dimensions=(2, 3)), d)
        yield MaterialCase(Hyperelastic(power_conduction, dict(k=1.5), "scalar", (2, 3)), d, "conduction")
        yield MaterialCase(AnisotropicConduction(stiffness_matrix()[:d, :d]), d, isotropic=False)
    yield MaterialCase(GentTwoDimensional(mu=2.0, Jm=4.0), 2, prestressed=True)
    for kappa, label in ((0.0, ""), (0.2, "dispersed")):
        law = HolzapfelGasserOgden(1.5, 2.0, 0.8, 3.0, FAMILIES, kappa)
        yield MaterialCase(law, label=label, isotropic=False, smooth=fibres_not_at_rest(kappa))


CASES = list(_cases())


def concrete_materials() -> set[type[Material]]:
    """Every class with a stored energy that a file of the package defines; those with internal variables are checked elsewhere."""
    found = set()
    for module in iter_modules(package.__path__):
        for value in vars(import_module(f"{package.__name__}.{module.name}")).values():
            if isinstance(value, type) and get_origin(value) is None and issubclass(value, Material):
                found.add(value)
    return {m for m in found if m is not Material and not issubclass(m, Inelastic)}


# -- what the checks share ----------------------------------------------------------------------------------------------------

STENCIL = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}  # central difference of order 8


def over(where=lambda case: True):
    """Parametrise a test over the cases."""
    chosen = [c for c in CASES if where(c)]
    return pytest.mark.parametrize("case", chosen, ids=[c.id for c in chosen])


def difference(f, x, v, h=2e-3):
    """Derivative of ``f`` along ``v``, from eight values."""
    return sum(w * (f(x + k * h * v) - f(x - k * h * v)) for k, w in STENCIL.items()) / h


def total(material):
    return lambda e: np.sum(material.energy(e))


def stress(material, e):
    return hoad.grad(total(material))(e)


def assert_near(found, expected, tolerance):
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
