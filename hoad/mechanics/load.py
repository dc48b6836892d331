"""Loads: paths of macroscopic strain, stress, or both, in any frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hoad.errors import LoadError
from hoad.mechanics.kinematics import Kinematics

__all__ = ["Control", "LoadPath", "LoadStep", "StressMeasure", "mixed_path", "strain_path", "stress_path"]

Array = Any
StressMeasure = Literal["nominal", "cauchy"]


@dataclass(frozen=True)
class LoadStep:
    """Macroscopic state at the end of a step, as the user writes it.

    Parameters
    ----------
    strain : array
        Deformation gradient, strain or gradient; NaN where the component is not prescribed.
    stress : array or None
        Stress for those components; NaN elsewhere. None is zero stress.
    time : float
        Time at the end of the step.
    frame : array or None
        Rotation R: tensors are given with components in the rotated frame, A = R A_frame Rᵀ.
    measure : {"nominal", "cauchy"}
        Whether the stress is work conjugate to the strain (first Piola-Kirchhoff, or σ for small strains) or the Cauchy stress of
        a finite deformation.
    """

    strain: Array
    stress: Array | None
    time: float
    frame: Array | None = None
    measure: StressMeasure = "nominal"


@dataclass(frozen=True)
class LoadPath:
    """Load steps in order; made by :func:`strain_path`, :func:`stress_path` and :func:`mixed_path`.

    Parameters
    ----------
    steps : tuple of LoadStep
    """

    steps: tuple[LoadStep, ...]

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def strains(self) -> Array:
        """Prescribed strains (steps, d, d), NaN where a component is free."""
        return np.array([step.strain for step in self.steps])


@dataclass(frozen=True)
class Control:
    """A load step in strain components: Ē = given + V a with V = ``free``, and the stress target Vᵀ σ̄."""

    rotation: Array
    """Orthogonal matrix (m, m) from components in the frame to components of the cell."""
    prescribed: Array
    """Boolean (m,): which components in the frame are prescribed."""
    strain: Array
    """Values (m,) of prescribed components in the frame, 0 elsewhere."""
    stress: Array
    """Values (m,) of the stress in the frame, 0 where the strain is prescribed."""
    time: float
    measure: StressMeasure

    @property
    def free(self) -> Array:
        """Columns V (m, number of free components)."""
        return self.rotation[:, ~self.prescribed]

    @property
    def held(self) -> Array:
        """Columns of prescribed components."""
        return self.rotation[:, self.prescribed]


def _path(values: Any, what: str) -> Array:
    try:
        a = np.asarray(values)
        if a.dtype.kind not in "biuf":
            raise ValueError(f"dtype {a.dtype}")
        a = a.astype(float)
    except ValueError as error:
        raise LoadError(
            f"{what} was given {error}, expected real numbers: a list of tensors of one shape, one for each step."
        ) from None
    if a.ndim == 0 or len(a) == 0:
        raise LoadError(f"{what} is a path without steps, expected at least one. Pass a list of tensors, one for each step.")
    return a


def _times(times: Sequence[float] | None, n: int) -> Array:
    t = np.arange(1, n + 1, dtype=float) if times is None else np.asarray(times, dtype=float)
    if t.shape != (n,) or not np.all(np.isfinite(t)) or np.any(np.diff(np.concatenate([[0.0], t])) <= 0):
        raise LoadError(f"times are {np.asarray(times).tolist()}, expected {n} increasing positive numbers, one for each step.")
    return t


def strain_path(strain: Any, *, times: Sequence[float] | None = None) -> LoadPath:
    """Prescribe the macroscopic strain.

    Parameters
    ----------
    strain : array of shape (steps, d, d), or (steps, d) for scalar problems
        Deformation gradients F̄ for finite strains, strains ε̄ for small ones, gradients for scalar problems.
    times : sequence of float, optional
        Time at the end of each step, for materials with rates; 1, 2, ... by default.

    Returns
    -------
    LoadPath

    Raises
    ------
    LoadError
        For an empty path, or times that do not increase.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> len(me.strain_path([np.eye(3) + e * np.diag([1, 0, 0]) for e in (0.1, 0.2)]))
    2
    """
    a = _path(strain, "strain_path")
    if np.isnan(a).any():
        raise LoadError(
            "strain_path was given NaN, expected every component of the strain. Use mixed_path to leave some of them free."
        )
    return LoadPath(tuple(LoadStep(s, None, t) for s, t in zip(a, _times(times, len(a)), strict=True)))


def stress_path(stress: Any, *, times: Sequence[float] | None = None, measure: StressMeasure = "nominal") -> LoadPath:
    """Prescribe the macroscopic stress, all of its components.

    For finite strains rigid rotations must be excluded: the deformation gradient's lower triangle is held at zero, and the lower
    triangle of the stress follows from the balance of moments, whatever is given for it.

    Parameters
    ----------
    stress : array of shape (steps, d, d), or (steps, d) for scalar problems
    times : sequence of float, optional
    measure : {"nominal", "cauchy"}

    Returns
    -------
    LoadPath

    Raises
    ------
    LoadError
        For an empty path, or times that do not increase.

    Examples
    --------
    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> len(me.stress_path([0.1 * np.eye(3), 0.2 * np.eye(3)]))
    2
    """
    a = _path(stress, "stress_path")
    if np.isnan(a).any():
        raise LoadError(
            "stress_path was given NaN, expected every component of the stress. Use mixed_path to prescribe some of them."
        )
    return mixed_path(np.full_like(a, np.nan), a, times=times, measure=measure)


def mixed_path(
    strain: Any,
    stress: Any = None,
    *,
    times: Sequence[float] | None = None,
    frame: Any = None,
    measure: StressMeasure = "nominal",
) -> LoadPath:
    """Prescribe some components of strain, and the stress of the others.

    Parameters
    ----------
    strain : array of shape (steps, d, d), or (steps, d) for scalar problems
        NaN marks components that are not prescribed.
    stress : array of the same shape, optional
        Stress of those components; zero by default. Entries at prescribed strains must be NaN or zero.
    times : sequence of float, optional
    frame : array of shape (d, d), optional
        Rotation whose columns are the axes of the frame in which strain and stress are given.
    measure : {"nominal", "cauchy"}
        Stress measure of a finite deformation.

    Returns
    -------
    LoadPath

    Raises
    ------
    LoadError
        If shapes differ, a component has both a strain and a stress, or the frame is not a rotation.

    Examples
    --------
    Uniaxial tension: F_11 is prescribed, all other stresses vanish, and the lower triangle excludes rotations.

    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> free = np.nan
    >>> path = me.mixed_path([[[1.1, free, free], [0, free, free], [0, 0, free]]])
    """
    a = _path(strain, "mixed_path")
    s = np.full_like(a, np.nan) if stress is None else _path(stress, "the stress of mixed_path")
    if a.shape != s.shape:
        raise LoadError(f"strain has shape {a.shape} and stress {s.shape}, expected equal shapes: one entry for each component.")
    both = ~np.isnan(a) & ~np.isnan(s) & (s != 0)
    if both.any():
        where = np.argwhere(both)[0].tolist()
        raise LoadError(f"step {where[0]} has both strain and stress for component {where[1:]}, expected one. Set one to NaN.")
    if measure not in ("nominal", "cauchy"):
        raise LoadError(f"stress measure {measure!r} is unknown, expected 'nominal' or 'cauchy'.")
    r = None
    if frame is not None:
        r = np.asarray(frame, dtype=float)
        d = a.shape[-1]
        if r.shape != (d, d) or not np.allclose(r @ r.T, np.eye(d), atol=1e-10) or np.linalg.det(r) < 0:
            raise LoadError(f"frame is {r.tolist()}, expected a rotation matrix of shape {(d, d)}: orthonormal columns, det = 1.")
    t = _times(times, len(a))
    return LoadPath(tuple(LoadStep(x, y, z, r, measure) for x, y, z in zip(a, s, t, strict=True)))


def _require_in_plane(strain: Array, stress: Array, kin: Kinematics) -> None:
    """Raise unless a tensor of three dimensions has nothing out of plane, where a plane cell has nothing to prescribe."""
    rest = np.zeros((3, 3))
    rest[2, 2] = kin.kind == "finite"
    for a, what, usual in ((strain, "strain", rest), (stress, "stress", 0 * rest)):
        outside = np.nan_to_num(np.where(np.isnan(a), usual, a) - usual)
        outside[:2, :2] = 0
        if np.any(outside):
            raise LoadError(
                f"the load's {what} has out-of-plane components, {a.tolist()}, which a plane cell does not let you choose. "
                "Pass the 2 × 2 part, or use a cell with three axes."
            )


def resolve(step: LoadStep, kin: Kinematics) -> Control:
    """Strain components of a load step; raises :class:`LoadError` for shapes, mixtures and loads that do not fit the kinematics."""
    strain = np.asarray(step.strain, float)
    stress = np.zeros_like(strain) if step.stress is None else np.asarray(step.stress, float)
    if strain.shape == (3, 3) and kin.macro_shape == (2, 2):
        _require_in_plane(strain, stress, kin)
        strain, stress = strain[:2, :2], stress[:2, :2]
    if strain.shape != kin.macro_shape:
        raise LoadError(
            f"the load has shape {strain.shape} in a step, expected {kin.macro_shape} for this cell and its materials. "
            "A path is a list of tensors, one for each step."
        )
    if np.isinf(strain).any() or np.isinf(stress).any():
        raise LoadError("the load has infinite entries, expected finite numbers, or NaN where a component is not prescribed.")
    free = np.isnan(strain)
    if step.measure == "cauchy" and strain.ndim == 2:
        given = np.where(free & free.T, np.nan_to_num(stress), 0.0)
        if not np.allclose(given, given.T, rtol=1e-9, atol=1e-12 * np.abs(given).max()):
            raise LoadError(f"the load's Cauchy stress is not symmetric: {stress.tolist()}, expected a symmetric tensor.")
    if kin.kind == "finite" and free.all():
        free = np.triu(np.ones_like(strain)) > 0
        strain = np.where(free, np.nan, 0.0)
    if kin.kind == "small" and (free != free.T).any():
        raise LoadError(f"the prescribed components {(~free).tolist()} are not symmetric, as small strains need them to be.")
    if step.measure == "cauchy" and kin.kind != "finite":
        raise LoadError("Cauchy stress was prescribed without finite deformations, where it is the only stress. Use 'nominal'.")
    marks = kin.components_of(np.where(free, 1.0, 0.0), stress=True) != 0
    rest = np.eye(len(strain)) if kin.kind == "finite" else np.zeros_like(strain)
    e = kin.components_of(np.where(free, rest, strain), "the load's strain")
    s = kin.components_of(np.where(free & ~np.isnan(stress), stress, 0.0), "the load's stress", stress=True)
    m = kin.components
    rotation = np.eye(m)
    if step.frame is not None:
        r = step.frame

        def turned(a: Array) -> Array:
            if a.ndim == 1:
                return r @ a
            b = r @ a @ r.T
            return 0.5 * (b + b.T) if kin.kind == "small" else b  # symmetric but for rounding

        unit = np.eye(m)
        rotation = np.stack([kin.components_of(turned(kin.macroscopic(u, stress=True)), stress=True) for u in unit], axis=1)
    return Control(rotation, ~marks, np.where(marks, 0.0, e), s, float(step.time), step.measure)
