"""Isotropic hardening and the radial return in scalars, shared by von Mises plasticity at small and at finite strains.

With the trial equivalent stress q and the accumulated plastic strain a, the increment x of plastic strain minimises

    π(x) = -q x + 3/2 μ x² + ∫_a^(a+x) σ_y,    so that  q - 3 μ x = σ_y(a + x)  if q > σ_y(a), else x = 0.

Sources: Simo & Hughes, Computational Inelasticity (1998), ch. 2 and 3 (return map); Ortiz & Stainier, Comput. Methods Appl. Mech.
Eng. 171 (1999) 419-444 (the step as a minimisation).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.mechanics.materials.local_solve import scalar_root
from hoad.mechanics.tensors import eye_like, symmetric, trace

__all__ = ["flow_energy", "flow_stress", "plastic_increment", "relief", "require_hardening", "trial_deviator"]

Array = Any
LAWS = ("linear", "power", "saturation")


def require_hardening(law: Any) -> None:
    """Raise :class:`~hoad.errors.MaterialError` unless the hardening of ``law`` is one that does not soften."""
    law.require(law.hardening in LAWS, f"hardening to be one of {', '.join(LAWS)}")
    law.require(law.sigma_y >= 0, "sigma_y >= 0")
    law.require(law.H >= 0, "H >= 0")
    law.require((law.n is not None) == (law.hardening == "power"), "n to be given if and only if hardening is 'power'")
    law.require(
        (law.sigma_inf is not None) == (law.hardening == "saturation") == (law.delta is not None),
        "sigma_inf and delta to be given if and only if hardening is 'saturation'",
    )
    if law.hardening == "power":
        law.require(law.n > 0, "n > 0")
    law.require(law.linear_below >= 0, "linear_below >= 0")
    if law.hardening == "saturation":
        law.require(law.sigma_inf >= law.sigma_y, "sigma_inf >= sigma_y")
        law.require(law.delta >= 0, "delta >= 0")


def _power(a: Array, exponent: Array) -> Array:
    """a**exponent, 0 at a = 0 with derivative 0: there, a is the virgin state, which depends on nothing."""
    positive = a > 0
    return np.where(positive, np.where(positive, a, 1.0) ** exponent, 0.0)


def _secant(law: Any) -> tuple[Array, Array]:
    """Value and slope, at the end of the initial straight piece, of the power law."""
    h = np.where(law.linear_below > 0, law.linear_below, 1.0)
    return law.H * h**law.n, law.n * law.H * h ** (law.n - 1.0)


def flow_stress(law: Any, a: Array) -> Array:
    """Yield stress σ_y(a)."""
    if law.hardening == "linear":
        return law.sigma_y + law.H * a
    if law.hardening == "saturation":
        return law.sigma_y + law.H * a + (law.sigma_inf - law.sigma_y) * -np.expm1(-law.delta * a)
    h, (value, slope) = law.linear_below, _secant(law)
    return law.sigma_y + np.where(a < h, value + slope * (a - h), law.H * _power(a, law.n))


def flow_energy(law: Any, a: Array) -> Array:
    """∫_0^a σ_y: energy stored by hardening and energy dissipated together."""
    if law.hardening == "linear":
        return law.sigma_y * a + 0.5 * law.H * a * a
    if law.hardening == "saturation":
        # δ = 0 is linear hardening; the quotient is then not looked at
        d = np.where(law.delta > 0, law.delta, 1.0)
        rest = np.where(law.delta > 0, a + np.expm1(-d * a) / d, 0.0)
        return law.sigma_y * a + 0.5 * law.H * a * a + (law.sigma_inf - law.sigma_y) * rest
    h, (value, slope) = law.linear_below, _secant(law)
    curved = law.H / (law.n + 1.0) * _power(a, law.n + 1.0)
    shift = np.where(h > 0, h * value * (law.n / (law.n + 1.0) - 0.5 * law.n), 0.0)
    return law.sigma_y * a + np.where(a < h, (value - slope * h) * a + 0.5 * slope * a * a, curved + shift)


def plastic_increment(law: Any, q: Array, a: Array) -> Array:
    """Δγ of a curved hardening law, where q is above the flow stress: 3 μ Δγ + σ_y(a + Δγ) = q."""
    return scalar_root(
        lambda x, q, a, p: q - 3 * p["mu"] * x - flow_stress(law.with_parameters(**p), a + x),
        lambda q, a, p: _bracket(law.with_parameters(**p), q, a),
        q,
        a,
        law.parameters,
    )


def _bracket(law: Any, q: Array, a: Array) -> tuple[Array, Array, Array, Array]:
    """The increment of perfect plasticity is too large, and so is the one that gives the whole stress to the power law."""
    excess = q - flow_stress(law, a)
    high = np.maximum(excess, 0.0) / (3 * law.mu)
    start = 0.0 * high
    if law.hardening == "power":
        if np.all(law.linear_below == 0):
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                other = (np.maximum(q - law.sigma_y, 0.0) / law.H) ** (1.0 / law.n) - a
            high = np.where(other < high, np.maximum(other, 0.0), high) * (1 + 1e-12) + 1e-12 * a
        start = high
    return 0.0 * high, high, start, q


def relief(law: Any, q2: Array, a: Array) -> tuple[Array, Array, Array]:
    """What plastic flow takes off the trial elastic energy, Δγ, and Δγ/q, for the squared trial equivalent stress ``q2``.

    The square root is never taken at zero. A yield stress of zero with linear hardening is smooth at zero stress,
    because the energy is then a polynomial in ``q2``.
    """
    y = flow_stress(law, a)
    q = np.sqrt(np.where(q2 > 0, q2, 1.0))
    plastic = np.logical_and(q2 > 0, q > y)
    if law.hardening == "linear":
        modulus = 3 * law.mu + law.H
        smooth = np.logical_or(plastic, y <= 0)
        ratio = np.where(plastic, (1.0 - y / q) / modulus, 0.0)
        return np.where(smooth, 0.5 * (q2 - np.where(plastic, 2 * y * q, 0.0) + y * y) / modulus, 0.0), ratio * q, ratio
    x = plastic_increment(law, np.where(plastic, q, _some_stress(law, y)), a)
    gain = q * x - 1.5 * law.mu * x * x - flow_energy(law, a + x) + flow_energy(law, a)
    return np.where(plastic, gain, 0.0), np.where(plastic, x, 0.0), np.where(plastic, x / q, 0.0)


def trial_deviator(strain: Array, plastic: Array) -> Array:
    """Deviator of the elastic strain if the step were elastic; a - tr(a)/2 · 1 for two-dimensional tensors."""
    e = symmetric(strain - plastic)
    return e - trace(e) / e.shape[0] * eye_like(e)


def _some_stress(law: Any, y: Array) -> Array:
    """A plastic stress for elastic points, whose result is discarded."""
    return y + law.mu
