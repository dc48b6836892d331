"""Small-strain plasticity of von Mises with isotropic hardening, as an incremental potential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hoad.errors import ShapeError
from hoad.mechanics.materials.base import Inelastic, Kinematics, Parameter, State
from hoad.mechanics.materials.hardening import relief, require_hardening, trial_deviator
from hoad.mechanics.materials.plane_strain import in_space
from hoad.mechanics.tensors import double_dot, trace

__all__ = ["J2Plasticity"]


@dataclass(frozen=True)
class J2Plasticity(Inelastic):
    """Von Mises plasticity with linear, power-law or saturating isotropic hardening.

    One step from the plastic strain ε_p and its accumulated value a has the potential

        Π = K/2 (tr ε)² + μ e:e - max over x ≥ 0 of { q x - 3/2 μ x² - ∫_a^(a+x) σ_y },
        e = dev(ε - ε_p),  q = √(3/2) · 2 μ |e|,

    whose derivative is the stress of the radial return (backward Euler), and whose second derivative the consistent tangent.

    Parameters
    ----------
    K, mu : float or array
        Bulk and shear modulus, positive.
    sigma_y : float or array
        Initial yield stress, not negative.
    H : float or array, optional
        Hardening modulus, not negative; 0 is perfect plasticity.
    n, sigma_inf, delta : float or array, optional
        Exponent of the power law; stress at saturation (at least ``sigma_y``) and its rate.
    linear_below : float or array, optional
        The power law is replaced by its tangent below this plastic strain, which keeps its slope finite; 0 for the law itself.
    hardening : {"linear", "power", "saturation"}
        - ``"linear"``: σ_y(a) = σ_y + H a;
        - ``"power"``: σ_y(a) = σ_y + H aⁿ;
        - ``"saturation"``: σ_y(a) = σ_y + H a + (σ_∞ - σ_y)(1 - exp(-δ a)).

    plane : {"strain", "two-dimensional"}
        What a strain of shape (2, 2, *points) means: plane strain, or a law of the plane alone, with the deviator a - tr(a)/2 · 1,
        K as bulk modulus of the plane, no stress normal to it, and a ``plastic_strain`` of shape (2, 2, *points).

    Raises
    ------
    MaterialError
        For parameters that are not physical, or that do not belong to the hardening.
    ShapeError
        For a three-dimensional strain of the two-dimensional law.

    Notes
    -----
    State: ``plastic_strain`` of shape (3, 3, *points), ``accumulated`` of shape (*points). Linear hardening is in closed form;
    the others solve one scalar equation for each point. At a stress that equals the yield stress, derivatives are the elastic
    ones. Sources: Simo & Hughes, Computational Inelasticity (1998), section 3.3; power law as in de Geus, Vondřejc, Zeman,
    Peerlings & Geers, Comput. Methods Appl. Mech. Eng. 318 (2017) 412-430.

    Examples
    --------
    Pure shear: the stress stays at the yield stress over √3.

    >>> import numpy as np, hoad
    >>> from hoad.mechanics.materials.j2_plasticity import J2Plasticity
    >>> law = J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01)
    >>> strain = np.zeros((3, 3)); strain[0, 1] = strain[1, 0] = 0.05
    >>> stress = hoad.grad(lambda e: law.energy(e, law.initial_state(())))(strain)
    >>> round(float(stress[0, 1] * np.sqrt(3)), 12)
    0.01
    """

    K: Parameter
    mu: Parameter
    sigma_y: Parameter
    H: Parameter = 0.0
    n: Parameter | None = None
    sigma_inf: Parameter | None = None
    delta: Parameter | None = None
    linear_below: Parameter = 0.0
    hardening: str = "linear"
    plane: str = "strain"
    kinematics: ClassVar[Kinematics] = "small"
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(self.K > 0, "K > 0")
        self.require(self.mu > 0, "mu > 0")
        self.require(self.plane in ("strain", "two-dimensional"), "plane 'strain' or 'two-dimensional'")
        require_hardening(self)

    def initial_state(self, shape: tuple[int, ...]) -> State:
        """No plastic strain."""
        d = 3 if self.plane == "strain" else 2
        return {"plastic_strain": np.zeros((d, d, *shape)), "accumulated": np.zeros(shape)}

    def energy(self, strain: Any, state: State | None = None, dt: Any = 1.0) -> Any:
        """Condensed potential of the step; ``dt`` has no influence."""
        state = self.initial_state(strain.shape[2:]) if state is None else state
        e = self._trial(strain, state)
        ee = double_dot(e, e)
        return 0.5 * self.K * trace(strain) ** 2 + self.mu * ee - relief(self, 6 * self.mu**2 * ee, state["accumulated"])[0]

    def update(self, strain: Any, state: State, dt: Any = 1.0) -> State:
        """Plastic strain at the end of the step, with Δε_p = Δγ · 3/2 s/q."""
        e = self._trial(strain, state)
        _, x, ratio = relief(self, 6 * self.mu**2 * double_dot(e, e), state["accumulated"])
        return {
            "plastic_strain": state["plastic_strain"] + 3 * self.mu * ratio * e,
            "accumulated": state["accumulated"] + x,
        }

    def _trial(self, strain: Any, state: State) -> Any:
        if self.plane == "strain":
            return trial_deviator(in_space(strain), state["plastic_strain"])
        if strain.shape[0] != 2:
            raise ShapeError(
                f"the strain has shape {strain.shape}, expected (2, 2, *points) for J2Plasticity(plane='two-dimensional'). "
                "Use plane='strain' for the law in space."
            )
        return trial_deviator(strain, state["plastic_strain"])
