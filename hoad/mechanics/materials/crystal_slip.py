"""Slip of a single crystal at small strains with a power law of the resolved shear stress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.mechanics.materials.base import Inelastic, Kinematics, Parameter, State
from hoad.mechanics.materials.local_solve import least
from hoad.mechanics.materials.plane_strain import in_space
from hoad.mechanics.tensors import dot, in_precision_of, symmetric, trace, transpose
from hoad.transforms.custom import stop_gradient

__all__ = ["CrystalSlip", "bunge_rotation"]

Array = Any


def bunge_rotation(phi1: Array, Phi: Array, phi2: Array) -> Array:
    """Rotation from crystal to sample axes for Bunge's Euler angles.

    Parameters
    ----------
    phi1, Phi, phi2 : float or array, shape (*points)
        Angles in radians about z, x and z.

    Returns
    -------
    array, shape (3, 3, *points)
        R_z(φ₁) R_x(Φ) R_z(φ₂); its columns are the crystal axes in the sample.

    Notes
    -----
    Bunge's orientation matrix g, from sample to crystal, is the transpose. Source: Bunge, Texture Analysis in Materials Science
    (1982).

    Examples
    --------
    >>> import numpy as np
    >>> from hoad.mechanics.materials.crystal_slip import bunge_rotation
    >>> np.round(bunge_rotation(np.pi / 2, 0.0, 0.0) @ np.array([1.0, 0.0, 0.0]), 12)
    array([0., 1., 0.])
    """
    c1, s1, c, s, c2, s2 = np.cos(phi1), np.sin(phi1), np.cos(Phi), np.sin(Phi), np.cos(phi2), np.sin(phi2)
    rows = [
        [c1 * c2 - s1 * c * s2, -c1 * s2 - s1 * c * c2, s1 * s],
        [s1 * c2 + c1 * c * s2, -s1 * s2 + c1 * c * c2, -c1 * s],
        [s * s2, s * c2, c],
    ]
    zero = 0.0 * (c1 + c + c2)
    return np.stack([np.stack([entry + zero for entry in row]) for row in rows])


def _fcc() -> Array:
    """Directions ⟨110⟩ and normals {111} of the twelve systems, of shape (12, 2, 3)."""
    systems = []
    for normal in ([1, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]):
        for direction in ([0, 1, -1], [1, 0, -1], [1, -1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]):
            if np.dot(normal, direction) == 0:
                systems.append([np.array(direction) / np.sqrt(2), np.array(normal) / np.sqrt(3)])
    return np.array(systems)


FCC = _fcc()


@dataclass(frozen=True)
class CrystalSlip(Inelastic):
    """Cubic crystal that slips at the rate γ̇_α = γ₀ |τ_α/g_α|ⁿ sign τ_α, τ_α = σ : sym(s_α ⊗ m_α).

    Plastic strain follows by backward Euler; the resistances g_α = g₀ + h₀ Σ_β (ϱ + (1 - ϱ) δ_αβ) Γ_β are those at the beginning of
    the step, with the accumulated slips Γ. The condensed potential of a step is the Legendre transform

        Π = K/2 (tr ε)² - min over s of { ½ s:C⁻¹:s - s:(ε - ε_p) + Δt γ₀ Σ_α g_α/(n + 1) |τ_α(s)/g_α|^(n+1) },

    a smooth convex problem for the five components of the stress deviator instead of one for all slips, which are not unique when
    n is large.

    Parameters
    ----------
    C11, C12, C44 : float or array
        Elastic constants of the cubic crystal, stable.
    gamma0 : float or array
        Rate of slip at τ = g, not negative.
    n : float or array
        Exponent, at least 1; Schmid's law is the limit of large n.
    g0 : float or array
        Initial resistance to slip, positive.
    h0 : float or array, optional
        Hardening modulus, not negative.
    latent : float or array, optional
        Ratio ϱ of latent to self hardening, not negative.
    rotation : array, shape (3, 3) or (3, 3, *points), optional
        Rotation from crystal to sample axes, see :func:`bunge_rotation`; by default the crystal is aligned with the sample.
    systems : "fcc" or array, shape (M, 2, 3)
        Unit directions and unit normals of the slip systems in crystal axes; "fcc" has the twelve ⟨110⟩{111} systems, whose
        Schmid tensors are also those of the ⟨111⟩{110} systems of bcc crystals.

    Raises
    ------
    MaterialError
        For parameters that are not physical.
    ConvergenceError
        If the stress of a point is not found.

    Notes
    -----
    A strain of shape (2, 2, *points) means plane strain. State: ``plastic_strain`` of shape (3, 3, *points), ``slip`` of shape
    (M, *points), the accumulated slips Γ. One 5 × 5 Newton iteration for each point. Sources: Hutchinson, Proc. R. Soc. A 348
    (1976) 101-127; Peirce, Asaro & Needleman, Acta Metall. 30 (1982) 1087-1119; Ortiz & Stainier, Comput. Methods Appl. Mech.
    Eng. 171 (1999) 419-444.

    Examples
    --------
    Tension along [001] with a large exponent: eight systems slip at σ/√6 = g₀.

    >>> import numpy as np, hoad
    >>> from hoad.mechanics.materials.crystal_slip import CrystalSlip
    >>> law = CrystalSlip(C11=168.0, C12=121.0, C44=75.0, gamma0=1e-3, n=200.0, g0=0.016)
    >>> strain = np.diag([-0.5, -0.5, 1.0]) * 0.01
    >>> stress = hoad.grad(lambda e: law.energy(e, law.initial_state(()), dt=5.0))(strain)
    >>> round(float((stress[2, 2] - stress[0, 0]) / np.sqrt(6)), 4)
    0.016
    """

    C11: Parameter
    C12: Parameter
    C44: Parameter
    gamma0: Parameter
    n: Parameter
    g0: Parameter
    h0: Parameter = 0.0
    latent: Parameter = 1.4
    rotation: Parameter | None = None
    systems: Any = "fcc"
    kinematics: ClassVar[Kinematics] = "small"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    field_axes: ClassVar[dict[str, int]] = {"rotation": 2, "systems": 3}

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.C11 - self.C12 > 0, "C11 > C12")
        self.require(self.C11 + 2 * self.C12 > 0, "C11 + 2 C12 > 0")
        self.require(self.C44 > 0, "C44 > 0")
        self.require(self.gamma0 >= 0, "gamma0 >= 0")
        self.require(self.n >= 1, "n >= 1")
        self.require(self.g0 > 0, "g0 > 0")
        self.require(self.h0 >= 0, "h0 >= 0")
        self.require(self.latent >= 0, "latent >= 0")
        if isinstance(self.systems, str):
            self.require(self.systems == "fcc", "systems 'fcc', or an array of shape (M, 2, 3)")
        else:
            s = self.systems
            self.require(np.ndim(s) == 3 and np.shape(s)[1:] == (2, 3), "systems 'fcc', or an array of shape (M, 2, 3)")
            self.require(abs((s * s).sum(-1) - 1) < 1e-9, "slip directions and normals of length one")
            self.require(abs((s[:, 0] * s[:, 1]).sum(-1)) < 1e-9, "slip directions in their planes")
        if self.rotation is not None:
            self.require(np.shape(self.rotation)[:2] == (3, 3), "a rotation of shape (3, 3, *points)")
            product = dot(self.rotation, transpose(self.rotation))
            unit = np.eye(3).reshape(3, 3, *(1,) * (np.ndim(self.rotation) - 2))
            self.require(abs(product - unit) < 1e-9, "a rotation matrix")

    @property
    def slip_systems(self) -> Array:
        """Directions and normals, of shape (M, 2, 3)."""
        return FCC if isinstance(self.systems, str) else self.systems

    def initial_state(self, shape: tuple[int, ...]) -> State:
        """No slip."""
        return {"plastic_strain": np.zeros((3, 3, *shape)), "slip": np.zeros((self.slip_systems.shape[0], *shape))}

    def energy(self, strain: Any, state: State | None = None, dt: Any = 1.0) -> Any:
        """Condensed potential of the step."""
        state = self.initial_state(strain.shape[2:]) if state is None else state
        arguments = self._arguments(strain, state, dt)
        s = _stress(arguments)
        bulk = (self.C11 + 2 * self.C12) / 3
        return 0.5 * bulk * trace(strain) ** 2 - _complementary(s, *arguments)

    def update(self, strain: Any, state: State, dt: Any = 1.0) -> State:
        """Plastic strain and accumulated slips at the end of the step."""
        arguments = self._arguments(strain, state, dt)
        _, _, schmid, g, c, n = arguments
        tau = _resolved(schmid, _stress(arguments))
        slip = c * _power(tau / g, n - 1) * (tau / g)
        increment = self._to_sample(_tensor(np.tensordot(schmid.T, slip, axes=1)))
        return {"plastic_strain": state["plastic_strain"] + increment, "slip": state["slip"] + abs(slip)}

    def _arguments(self, strain: Array, state: State, dt: Any) -> tuple[Array, ...]:
        """Elastic trial strain (5), compliances (5), Schmid tensors (M, 5), resistances (M), Δt γ₀, n."""
        elastic = symmetric(in_space(strain) - state["plastic_strain"])
        if self.rotation is not None:
            elastic = dot(dot(transpose(self._rotation(elastic)), elastic), self._rotation(elastic))
        e = _vector(elastic)
        one = 1.0 + 0.0 * stop_gradient(e[0])  # the shape of the points, for parameters that are numbers
        soft, hard = one / (self.C11 - self.C12), one / (2 * self.C44)
        systems = self.slip_systems
        schmid = in_precision_of(e, np.stack([_vector(symmetric(s[0][:, None] * s[1][None, :])) for s in systems]))
        slip = state["slip"]
        g = self.g0 + self.h0 * ((1 - self.latent) * slip + self.latent * slip.sum(0))
        return e, np.stack([soft, soft, hard, hard, hard]), schmid, g + 0.0 * one, dt * self.gamma0 * one, self.n * one

    def _rotation(self, like: Array) -> Array:
        """The rotation with as many axes as the strain."""
        r: Any = self.rotation
        return r if np.ndim(r) == like.ndim else np.reshape(r, np.shape(r) + (1,) * (like.ndim - np.ndim(r)))

    def _to_sample(self, a: Array) -> Array:
        if self.rotation is None:
            return a
        return dot(dot(self._rotation(a), a), transpose(self._rotation(a)))


# -- the deviator in an orthonormal basis in which cubic elasticity is diagonal ------------------------------------------------


def _vector(a: Array) -> Array:
    """Five components of the deviator of a symmetric tensor, with a:b = the scalar product of the vectors."""
    mean = trace(a) / 3
    return np.stack(
        [
            (a[0, 0] - a[1, 1]) / np.sqrt(2),
            (a[2, 2] - mean) * np.sqrt(1.5),
            a[1, 2] * np.sqrt(2),
            a[0, 2] * np.sqrt(2),
            a[0, 1] * np.sqrt(2),
        ]
    )


def _tensor(v: Array) -> Array:
    """The deviator with the components ``v``."""
    x, y = v[0] / np.sqrt(2), v[1] / np.sqrt(6)
    d, e, f = v[2] / np.sqrt(2), v[3] / np.sqrt(2), v[4] / np.sqrt(2)
    rows = [[x - y, f, e], [f, -x - y, d], [e, d, 2 * y]]
    return np.stack([np.stack(row) for row in rows])


def _resolved(schmid: Array, s: Array) -> Array:
    """τ_α for the stress deviator s."""
    return np.tensordot(schmid, s, axes=1)


def _power(r: Array, exponent: Array) -> Array:
    """\\|r\\|**exponent, smooth in the sense of its products with r at r = 0."""
    rest = r == 0
    return np.where(rest, np.where(exponent == 0, 1.0, 0.0), np.where(rest, 1.0, abs(r)) ** exponent)


def _complementary(s: Array, e: Array, soft: Array, schmid: Array, g: Array, c: Array, n: Array) -> Array:
    """Complementary potential of the step; c = Δt γ₀."""
    r = _resolved(schmid, s) / g
    return (0.5 * soft * s * s - s * e).sum(0) + c / (n + 1) * (g * r * r * _power(r, n - 1)).sum(0)


def _gradient(s: Array, e: Array, soft: Array, schmid: Array, g: Array, c: Array, n: Array) -> Array:
    """Elastic strain plus slip less the trial strain."""
    r = _resolved(schmid, s) / g
    return soft * s - e + c * np.tensordot(schmid.T, r * _power(r, n - 1), axes=1)


def _hessian(s: Array, e: Array, soft: Array, schmid: Array, g: Array, c: Array, n: Array) -> Array:
    slopes = c * n * _power(_resolved(schmid, s) / g, n - 1) / g
    pairs = (schmid[:, :, None] * schmid[:, None, :]).transpose(1, 2, 0)
    unit = in_precision_of(s, np.eye(5).reshape(5, 5, *(1,) * (s.ndim - 1)))
    return np.tensordot(pairs, slopes, axes=1) + unit * soft[None]


def _start(e: Array, soft: Array, schmid: Array, g: Array, c: Array, n: Array) -> Array:
    """The trial stress, shortened so that its flow would not exceed the trial strain: close to the surface that slip allows."""
    s = e / soft
    r = _resolved(schmid, s) / g
    top = np.maximum(abs(r).max(0), 1e-300)
    work = (s * e).sum(0)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        # λⁿ Δt γ₀ Σ g |r|^(n+1) = s:e, in logarithms so that large exponents do not overflow
        flow = np.log(c * (g * (abs(r) / top) ** (n + 1)).sum(0)) + (n + 1) * np.log(top)
        shorter = np.exp(np.minimum((np.log(work) - flow) / n, 0.0))
    return s * np.where(np.isfinite(shorter), shorter, 1.0)


def _stress(arguments: tuple[Array, ...]) -> Array:
    return least(_complementary, _gradient, _hessian, _start, 5, *arguments)
