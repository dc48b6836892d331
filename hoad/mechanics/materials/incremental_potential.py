"""A material from one function: an incremental potential of strain and internal variables, minimised at each point."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hoad.errors import MaterialError
from hoad.mechanics.materials.base import Inelastic, Kinematics, Parameter, State
from hoad.mechanics.materials.local_solve import least
from hoad.mechanics.tensors import in_precision_of
from hoad.transforms.batching import vmap
from hoad.transforms.first import grad, jvp

__all__ = ["IncrementalPotential"]

Array = Any


@dataclass(frozen=True)
class IncrementalPotential(Inelastic):
    """Material that minimises a given potential over its internal variables in each step.

    Parameters
    ----------
    potential : callable
        ``potential(strain, z, state, dt, **constants)`` of shape (*points), in ordinary NumPy: stored energy at the end of the step
        plus what the step dissipates, for the internal variables ``z`` at its end and ``state`` at its beginning, dicts of the same
        names. It must be twice differentiable and strictly convex in z; with a viscous term where friction has a kink.
    internal : dict
        Shape of the components of each internal variable, () for a scalar; each is one array of the shape (*shape, *points).
    constants : dict, optional
        Numerical parameters, numbers or arrays that broadcast against the points; they can be differentiated.
    initial : dict, optional
        Values of internal variables in the virgin material, of the shape of their components; zero by default.
    kinematics : str
        "small", "finite" or "scalar", see :class:`~hoad.mechanics.materials.base.Material`.

    Raises
    ------
    MaterialError
        If nothing is internal, or an initial value does not fit.
    ConvergenceError
        If the minimisation fails at a point.
    ImplicitError
        When a derivative is taken, if the potential at one point depends on the internal variables of another.

    Notes
    -----
    With m internal components in all, one Newton iteration costs a gradient, m Hessian-vector products in one batch, and one m × m
    solve for each point. The condensed potential has the stress as its derivative, because the minimum is stationary.

    Examples
    --------
    Kelvin-Voigt beside a spring in series: half of the strain goes into the element where dt is long.

    >>> import numpy as np, hoad
    >>> from hoad.mechanics.materials.incremental_potential import IncrementalPotential
    >>> def potential(strain, z, state, dt, mu, eta):
    ...     elastic, creep = strain - z["creep"], z["creep"] - state["creep"]
    ...     return mu * ((elastic**2).sum((0, 1)) + (z["creep"] ** 2).sum((0, 1))) + eta / dt * (creep**2).sum((0, 1))
    >>> law = IncrementalPotential(potential, {"creep": (3, 3)}, {"mu": 1.0, "eta": 0.5})
    >>> strain = np.zeros((3, 3)); strain[0, 1] = strain[1, 0] = 0.1
    >>> stress = hoad.grad(lambda e: law.energy(e, law.initial_state(()), dt=1e12))(strain)
    >>> round(float(stress[0, 1]), 9)
    0.1
    """

    potential: Callable[..., Any]
    internal: Mapping[str, tuple[int, ...]]
    constants: Mapping[str, Parameter] = field(default_factory=dict)
    initial: Mapping[str, Any] = field(default_factory=dict)
    kinematics: Kinematics = field(default="small", kw_only=True)  # type: ignore[misc]

    def __post_init__(self) -> None:
        self.require_finite()
        self.require(callable(self.potential), "a function as its potential")
        self.require(self._size > 0, "at least one internal variable")
        self.require(self.kinematics in ("small", "finite", "scalar"), "kinematics 'small', 'finite' or 'scalar'")
        for name, value in self.initial.items():
            self.require(name in self.internal, f"initial values of {', '.join(self.internal)} alone")
            self.require(np.shape(value) == tuple(self.internal[name]), f"an initial {name} of shape {tuple(self.internal[name])}")

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The constants."""
        return dict(self.constants)

    def with_parameters(self, **changed: Parameter) -> IncrementalPotential:
        """The same law with other constants."""
        unknown = set(changed) - set(self.constants)
        if unknown:
            raise MaterialError.unknown_parameter(type(self).__name__, sorted(unknown), sorted(self.constants))
        new = object.__new__(type(self))
        for name in ("potential", "internal", "initial", "kinematics"):
            object.__setattr__(new, name, getattr(self, name))
        object.__setattr__(new, "constants", {**self.constants, **changed})
        return new

    @property
    def _size(self) -> int:
        return sum(math.prod(shape) for shape in self.internal.values())

    def initial_state(self, shape: tuple[int, ...]) -> State:
        """Initial values, the same at all points."""
        state = {}
        for name, components in self.internal.items():
            value = np.reshape(np.asarray(self.initial.get(name, np.zeros(components)), float), (*components, *(1,) * len(shape)))
            state[name] = np.broadcast_to(value, (*components, *shape)).copy()
        return state

    def energy(self, strain: Any, state: State | None = None, dt: Any = 1.0) -> Any:
        """Potential at its minimum over the internal variables."""
        state = self.initial_state(self._points(strain)) if state is None else state
        z = self._minimiser(strain, state, dt)
        return self.potential(strain, self._unpack(z), state, dt, **self.constants)

    def update(self, strain: Any, state: State, dt: Any = 1.0) -> State:
        """The internal variables that minimise the potential."""
        return self._unpack(self._minimiser(strain, state, dt))

    def _points(self, strain: Array) -> tuple[int, ...]:
        return tuple(strain.shape[1 if self.kinematics == "scalar" else 2 :])

    def _unpack(self, z: Array) -> State:
        """Internal variables by name from the array of all components, of shape (m, *points)."""
        state, at = {}, 0
        for name, shape in self.internal.items():
            size = math.prod(shape)
            state[name] = np.reshape(z[at : at + size], (*shape, *z.shape[1:]))
            at += size
        return state

    def _pack(self, state: State, points: tuple[int, ...]) -> Array:
        return np.concatenate(
            [np.broadcast_to(state[name], (*shape, *points)).reshape(-1, *points) for name, shape in self.internal.items()]
        )

    def _minimiser(self, strain: Array, state: State, dt: Any) -> Array:
        size = self._size

        def function(z: Array, strain: Array, state: State, dt: Any, constants: Any) -> Array:
            return self.potential(strain, self._unpack(z), state, dt, **constants)

        def gradient(z: Array, *args: Any) -> Array:
            return grad(lambda z: np.sum(function(z, *args)))(z)

        def hessian(z: Array, *args: Any) -> Array:
            units = in_precision_of(z, np.eye(size).reshape(size, size, *(1,) * (z.ndim - 1))) + np.zeros_like(z)
            return vmap(lambda v: jvp(lambda z: gradient(z, *args), (z,), (v,))[1], out_axes=1)(units)

        def start(strain: Array, state: State, dt: Any, constants: Any) -> Array:
            return self._pack(state, self._points(strain))

        return least(function, gradient, hessian, start, size, strain, state, dt, dict(self.constants), check=True)
