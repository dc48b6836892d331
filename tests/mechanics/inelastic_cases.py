"""Every law with internal variables, with the parameters, strains and steps on which the automatic checks run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from zlib import crc32

import numpy as np
from scipy.optimize import brentq, root

import hoad
from hoad.mechanics import materials as package
from hoad.mechanics.materials.base import Inelastic
from hoad.mechanics.materials.crystal_slip import CrystalSlip, bunge_rotation
from hoad.mechanics.materials.incremental_potential import IncrementalPotential
from hoad.mechanics.materials.j2_plasticity import J2Plasticity
from hoad.mechanics.materials.logarithmic_plasticity import LogarithmicJ2
from hoad.mechanics.materials.maxwell import GeneralisedMaxwell
from hoad.mechanics.materials.perzyna import Perzyna

from . import classical_return_maps as classical


@dataclass(eq=False)
class InelasticCase:
    """One law with one set of parameters, for strains of one size.

    Attributes
    ----------
    law : Inelastic
    label : str
    update : callable       (law, strain, state, dt) -> stress, new state of one point, from elsewhere
    amount : float          size of the strains; beyond yield where there is one
    dt : float              length of the steps
    d : int                 size of the strain tensors
    threshold : bool        strains of a hundredth of ``amount`` are elastic
    exact : float           relative error that the yardstick allows
    """

    law: Inelastic
    label: str
    update: Callable
    amount: float = 0.02
    dt: float = 0.3
    d: int = 3
    threshold: bool = False
    exact: float = 1e-12

    @property
    def id(self) -> str:
        return f"{type(self.law).__name__}-{self.label}-{self.d}d"

    @cached_property
    def unit(self) -> float:
        """Size of the stresses: the stiffness at rest times the size of the strains."""
        state = self.law.initial_state(())
        return float(np.max(np.abs(hoad.hessian(lambda e: self.law.energy(e, state, self.dt))(self.rest())))) * self.amount

    def rng(self, salt: str = "") -> np.random.Generator:
        return np.random.default_rng(crc32((self.id + salt).encode()))

    def rest(self, points: tuple[int, ...] = ()) -> np.ndarray:
        start = np.eye(self.d) if self.law.kinematics == "finite" else np.zeros((self.d, self.d))
        return np.broadcast_to(start.reshape(self.d, self.d, *(1,) * len(points)), (self.d, self.d, *points)).copy()

    def direction(self, points: tuple[int, ...] = (), salt: str = "direction") -> np.ndarray:
        """A change of strain of the size ``amount``; symmetric at small strains."""
        v = self.rng(salt).normal(size=(self.d, self.d, *points))
        v = v if self.law.kinematics == "finite" else (v + np.swapaxes(v, 0, 1)) / 2
        return self.amount * v / np.sqrt((v * v).sum((0, 1)))

    def history(self, points: tuple[int, ...] = (), steps: int = 3) -> list[np.ndarray]:
        """Strains at the ends of steps: out in one direction, then further in others."""
        strains, e = [], self.rest(points)
        for k in range(steps):
            e = e + self.direction(points, f"step {k}")
            strains.append(e)
        return strains

    def after(self, strains: list[np.ndarray]) -> dict:
        """State at the end of the given steps."""
        state = self.law.initial_state(strains[0].shape[2:] if strains else ())
        for e in strains:
            state = self.law.update(e, state, self.dt)
        return state


def stress(law, strain, state, dt):
    """Derivative of the potential."""
    return hoad.grad(lambda e: np.sum(law.energy(e, state, dt)))(strain)


# -- laws from one function ----------------------------------------------------------------------------------------------------


def square(a):
    return (a * a).sum((0, 1))


def creep_potential(strain, z, state, dt, mu, kelvin, quartic, eta):
    """A spring in series with a Kelvin element whose spring stiffens."""
    creep = square(z["creep"])
    rate = square(z["creep"] - state["creep"])
    return mu * square(strain - z["creep"]) + kelvin * creep + 0.25 * quartic * creep**2 + eta / dt * rate


def creep_update(law, strain, state, dt):
    p = law.constants
    old = state["creep"].reshape(-1)

    def equations(z):
        z = z.reshape(3, 3)
        force = -2 * p["mu"] * (strain - z) + (2 * p["kelvin"] + p["quartic"] * np.sum(z * z)) * z
        return (force + 2 * p["eta"] / dt * (z - old.reshape(3, 3))).reshape(-1)

    found = root(equations, old, tol=1e-15)
    assert np.max(np.abs(equations(found.x))) < 1e-14
    z = found.x.reshape(3, 3)
    return 2 * p["mu"] * (strain - z), {"creep": z}


def softening_potential(F, z, state, dt, mu, lmbda, kappa, eta):
    """Neo-Hooke that loses stiffness with a scalar that costs energy and time."""
    J = F[0, 0] * (F[1, 1] * F[2, 2] - F[1, 2] * F[2, 1]) - F[0, 1] * (F[1, 0] * F[2, 2] - F[1, 2] * F[2, 0])
    J = J + F[0, 2] * (F[1, 0] * F[2, 1] - F[1, 1] * F[2, 0])
    sound = 0.5 * mu * (square(F) - 3 - 2 * np.log(J)) + 0.5 * lmbda * np.log(J) ** 2
    loss = z["loss"]
    return np.exp(-loss) * sound + 0.5 * kappa * loss**2 + 0.5 * eta / dt * (loss - state["loss"]) ** 2


def softening_update(law, F, state, dt):
    p, inverse, J = law.constants, np.linalg.inv(F).T, np.linalg.det(F)
    sound = 0.5 * p["mu"] * (np.sum(F * F) - 3 - 2 * np.log(J)) + 0.5 * p["lmbda"] * np.log(J) ** 2
    old = float(state["loss"])
    z = brentq(lambda z: -np.exp(-z) * sound + p["kappa"] * z + p["eta"] / dt * (z - old), 0.0, 10.0, **classical.TIGHT)
    P = np.exp(-z) * (p["mu"] * (F - inverse) + p["lmbda"] * np.log(J) * inverse)
    return P, {"loss": np.asarray(z)}


CREEP = IncrementalPotential(creep_potential, {"creep": (3, 3)}, dict(mu=1.0, kelvin=0.7, quartic=400.0, eta=0.2))
SOFTENING = IncrementalPotential(
    softening_potential, {"loss": ()}, dict(mu=1.0, lmbda=1.5, kappa=0.1, eta=0.02), kinematics="finite"
)

ORIENTATION = bunge_rotation(0.3, 1.1, -0.7)
SINGLE = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])


def _cases() -> Iterator[InelasticCase]:
    base = dict(K=2.0, mu=1.0, sigma_y=0.01)
    for label, extra in {
        "perfect": dict(H=0.0),
        "linear": dict(H=0.05),
        "no-yield-stress": dict(sigma_y=0.0, H=0.3),
        "power": dict(H=0.05, n=0.2, hardening="power"),
        "power-quadratic": dict(H=0.9, n=2.0, hardening="power"),
        "power-with-tangent": dict(H=0.05, n=0.2, linear_below=0.012, hardening="power"),
        "saturation": dict(H=0.01, sigma_inf=0.03, delta=60.0, hardening="saturation"),
    }.items():
        given, threshold = {**base, **extra}, label != "no-yield-stress"
        yield InelasticCase(J2Plasticity(**given), label, classical.radial_return, threshold=threshold)
        yield InelasticCase(LogarithmicJ2(**given), label, classical.logarithmic_return, 0.2, threshold=threshold)
    yield InelasticCase(J2Plasticity(**base, H=0.05), "linear", classical.radial_return, d=2, threshold=True)
    flat = J2Plasticity(**base, H=0.05, plane="two-dimensional")
    yield InelasticCase(flat, "flat", classical.radial_return, d=2, threshold=True)
    yield InelasticCase(LogarithmicJ2(**base, H=0.05), "linear", classical.logarithmic_return, 0.2, d=2, threshold=True)
    rate = dict(K=2.0, mu=1.0, gamma0=0.1, sigma0=0.05)
    for label, extra in {
        "linear": dict(n=1.0),
        "linear-yield": dict(n=1.0, sigma_y=0.01, H=0.1),
        "norton": dict(n=3.5),
        "overstress": dict(n=8.0, sigma_y=0.01, H=0.1),
    }.items():
        threshold = "sigma_y" in extra
        yield InelasticCase(Perzyna(**rate, **extra), label, classical.overstress, threshold=threshold)
    yield InelasticCase(Perzyna(**rate, n=3.5), "norton", classical.overstress, d=2)
    branches = dict(branch_mu=np.array([0.5, 2.0]), tau=np.array([0.2, 5.0]))
    for integrator in ("exponential", "backward-euler"):
        law = GeneralisedMaxwell(2.0, 1.0, **branches, branch_K=np.array([0.3, 0.0]), integrator=integrator)
        yield InelasticCase(law, integrator, classical.dashpots)
        yield InelasticCase(GeneralisedMaxwell(2.0, 1.0, **branches, integrator=integrator), integrator, classical.dashpots, d=2)
    crystal = dict(C11=1.68, C12=1.21, C44=0.75, gamma0=0.05, g0=0.004)
    for label, extra in {
        "linear": dict(n=1.0, h0=0.02),
        "aligned": dict(n=5.0, h0=0.02, latent=1.4),
        "rotated": dict(n=8.0, h0=0.02, latent=1.0, rotation=ORIENTATION),
        "one-system": dict(n=3.0, systems=SINGLE, h0=0.1),
    }.items():
        yield InelasticCase(CrystalSlip(**crystal, **extra), label, classical.slip_by_system, exact=1e-10)
    yield InelasticCase(CrystalSlip(**crystal, n=5.0, rotation=ORIENTATION), "rotated", classical.slip_by_system, d=2, exact=1e-10)
    yield InelasticCase(CREEP, "creep", creep_update, amount=0.1)
    yield InelasticCase(SOFTENING, "softening", softening_update, amount=0.2)


CASES = list(_cases())


def wraps(law: type[Inelastic]) -> bool:
    return any(f.name == "law" for f in fields(law))


def concrete_laws() -> set[type[Inelastic]]:
    """Every law with internal variables that a file of the package defines, except wrappers, whose field ``law`` is a law."""
    found = set()
    for module in iter_modules(package.__path__):
        for value in vars(import_module(f"{package.__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Inelastic) and value is not Inelastic and not wraps(value):
                found.add(value)
    return found
