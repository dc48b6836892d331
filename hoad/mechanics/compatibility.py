"""Strain of a displacement, force of a stress, Green operator and compatibility projection of one discretisation on one grid.

With B the discrete strain operator (symbols of the scheme), W the weights of the points in a voxel and C0 a reference stiffness,

    force        Bᴴ W s              minus the divergence of a stress field s
    Green        (Bᴴ W C0 B)⁻¹       displacement of the homogeneous reference medium under a force
    Γ0           B Green Bᴴ W        strain of the reference medium; for C0 = 1 the orthogonal projection onto compatible fields

Fields in space have shape (components, points of a voxel, *grid), spectra (displacements, frequencies) with all frequencies
of the half spectrum on one axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hoad.mechanics.blocks import in_blocks
from hoad.mechanics.grid import Grid
from hoad.mechanics.kinematics import Kinematics
from hoad.mechanics.schemes import symbols_of
from hoad.mechanics.tensors import inverse
from hoad.mechanics.transforms import Transform, default_transform, half_weights

__all__ = ["Compatibility"]

Array = Any
BLOCK = 16384


class Compatibility:
    """Operators of a scheme on a grid.

    Parameters
    ----------
    grid : Grid
    scheme : str
        A key of :data:`hoad.mechanics.schemes.SCHEMES`.
    kinematics : Kinematics
    transform : Transform, optional
        ducc0's if it is installed, else SciPy's.
    nyquist : {"free", "zero"}
        What the Fourier scheme does with Nyquist frequencies of even grids, where the sign of a wave number is not determined:
        ``"free"`` takes every strain there as compatible, so that the stress vanishes there, unless the wave runs along one axis
        alone, where the sign does not matter: this keeps laminates exact; ``"zero"`` has no strain at any of them. For finite
        deformations ``"free"`` has strains of waves along one axis only: others would be rotations that cost no energy.
    """

    def __init__(
        self, grid: Grid, scheme: str, kinematics: Kinematics, transform: Transform | None = None, nyquist: str = "free"
    ) -> None:
        self.grid = grid
        self.scheme = scheme
        self.nyquist = nyquist
        self.kinematics = kinematics
        self.transform = transform if transform is not None else default_transform(grid)
        part = self.transform.spectral_part
        symbols = symbols_of(scheme, grid, part)
        self.local = tuple(s.stop - s.start for s in part)
        values = symbols.values
        self.symbols = np.ascontiguousarray(values.reshape((*values.shape[:2], -1)))
        self._factor = symbols.factor
        self.weights = symbols.weights
        self.points = symbols.points
        self.free: Array | None = None
        if symbols.free is not None:
            at = symbols.free.reshape(-1)
            if nyquist == "free":
                # a wave along one axis: the sign of its wave vector cancels in every product of two symbols
                at &= np.count_nonzero(self.symbols[0], axis=0) > 1
                if _has_mixed_nyquist(grid) and kinematics.kind != "finite":
                    self.free = np.flatnonzero(at)
            self.symbols[..., at] = 0
        self.frequencies = self.symbols.shape[-1]
        self.shape = tuple(s.stop - s.start for s in self.transform.real_part)
        self._half = half_weights(self.transform)
        self.set_reference(np.eye(kinematics.components))

    @property
    def factor(self) -> Any:
        """Common complex factor (of modulus one) of the symbols: an array over the frequencies, a number, or None."""
        return self._factor() if callable(self._factor) else self._factor

    @property
    def turn(self) -> Any:
        """The same for each frequency of a spectrum; 1 where there is none."""
        factor = self.factor
        return 1.0 if factor is None else factor.reshape(-1) if np.ndim(factor) else factor

    # -- reference medium -----------------------------------------------------------------------------------------------------

    def set_reference(self, reference: Array) -> None:
        """Choose C0: a symmetric positive definite matrix (m, m) of the strain components."""
        self.reference = np.asarray(reference, float)
        c = self.kinematics.displacements
        upper = [(i, j) for i in range(c) for j in range(i, c)]
        hermitian = np.iscomplexobj(self.symbols)  # then both triangles are kept
        entries = [(i, j) for i in range(c) for j in range(c)] if hermitian else upper
        self.green = np.empty((len(entries), self.frequencies), self.symbols.dtype)
        self._row = [[entries.index((i, j) if hermitian or i <= j else (j, i)) for j in range(c)] for i in range(c)]
        scale = np.trace(self.reference) * float(sum(1 / h**2 for h in self.grid.spacing))

        def work(piece: slice) -> None:
            parts = zip(self.weights, self.symbols[..., piece], strict=True)
            acoustic = sum(w * self.kinematics.acoustic(d, self.reference) for w, d in parts)
            moving = np.abs(np.einsum("ii...->...", acoustic).real) > 1e-15 * scale
            acoustic = np.where(moving, acoustic, np.reshape(np.eye(c), (c, c, 1)))
            full = np.where(moving, inverse(acoustic), 0)
            for k, (i, j) in enumerate(entries):
                self.green[k, piece] = full[i, j]

        in_blocks(work, self.frequencies, BLOCK)
        self.compliance = np.linalg.inv(self.reference)

    # -- pieces in Fourier space ------------------------------------------------------------------------------------------------

    def precondition(self, force: Array, out: Array | None = None) -> Array:
        """Displacement spectrum Green · force, for spectra (displacements, frequencies)."""
        out = np.empty_like(force) if out is None else out
        c = len(force)

        def work(piece: slice) -> None:
            f = force[:, piece]
            rows = []
            for i in range(c):
                row = self.green[self._row[i][0], piece] * f[0]
                for j in range(1, c):
                    row += self.green[self._row[i][j], piece] * f[j]
                rows.append(row)
            for i, row in enumerate(rows):
                out[i, piece] = row

        in_blocks(work, self.frequencies, BLOCK)
        return out

    def green_square(self, force: Array) -> float:
        """Volume average of f · Green f for a force spectrum, without a further array of its size."""
        pieces = range(0, self.frequencies, BLOCK)
        weight = np.broadcast_to(self._half, self.local).reshape(-1) if self.frequencies else np.zeros(0)
        sums = np.zeros(len(pieces))

        def work(piece: slice) -> None:
            f = force[:, piece]
            total = np.zeros(f.shape[1])
            for i in range(len(f)):
                row = sum(self.green[self._row[i][j], piece] * f[j] for j in range(len(f)))
                total += (np.conj(f[i]) * row).real
            sums[piece.start // BLOCK] = total @ weight[piece]

        in_blocks(work, self.frequencies, BLOCK)
        return float(self.transform.total(float(sums.sum()))) / self.grid.size**2

    def strain(self, u: Array) -> Array:
        """Strain field (m, points, *grid) of a displacement spectrum (displacements, frequencies)."""
        kin = self.kinematics
        out = np.empty((kin.components, self.points, *self.shape), u.real.dtype)
        hat = np.empty((kin.components, self.frequencies), u.dtype)
        for r in range(self.points):

            def work(piece: slice, r: int = r) -> None:
                kin.spread(self.symbols[r, :, piece], u[:, piece], hat[:, piece])

            in_blocks(work, self.frequencies, BLOCK)
            out[:, r] = self.transform.backward(hat.reshape((kin.components, *self.local)))
        return out

    def force(self, stress: Array) -> Array:
        """Force spectrum (displacements, frequencies) of a stress field (m, points, *grid): minus its divergence."""
        kin = self.kinematics
        total: Array | None = None
        for r in range(self.points):
            hat = self.transform.forward(stress[:, r]).reshape((kin.components, -1))
            part = np.empty((kin.displacements, self.frequencies), hat.dtype)

            def work(piece: slice, r: int = r, hat: Array = hat, part: Array = part) -> None:
                kin.gather(self.symbols[r, :, piece], hat[:, piece], part[:, piece])
                if self.points > 1:
                    part[:, piece] *= self.weights[r]

            in_blocks(work, self.frequencies, BLOCK)
            total = part if total is None else total + part
        return total

    def green_strain(self, stress: Array) -> Array:
        """Γ0 applied to a stress field: the compatible strain that the reference medium has under it."""
        if self.points == 1:
            return self._green_strain_in_place(stress)
        return self.strain(self.precondition(self.force(stress)))

    def _green_strain_in_place(self, stress: Array) -> Array:
        """The same for one point in a voxel, in one sweep over the frequencies."""
        kin = self.kinematics
        hat = self.transform.forward(stress[:, 0]).reshape((kin.components, -1))
        held = None if self.free is None else self.compliance @ hat[:, self.free]
        c = kin.displacements
        d = self.symbols[0]

        def work(piece: slice) -> None:
            s = hat[:, piece]
            f = np.empty((c, s.shape[1]), s.dtype)
            kin.gather(d[:, piece], s, f)
            u = np.empty_like(f)
            for i in range(c):
                np.multiply(self.green[self._row[i][0], piece], f[0], out=u[i])
                for j in range(1, c):
                    u[i] += self.green[self._row[i][j], piece] * f[j]
            kin.spread(d[:, piece], u, s)

        in_blocks(work, self.frequencies, BLOCK)
        if held is not None:
            hat[:, self.free] = held
        return self.transform.backward(hat.reshape((kin.components, *self.local)))[:, None]

    def nodal(self, spectrum: Array) -> Array:
        """Nodal field (n, *grid) of displacements or forces whose spectrum was formed with the symbols without their factor."""
        return self.transform.backward((np.conj(self.turn) * spectrum).reshape((-1, *self.local)).astype(complex, copy=False))

    def spectrum(self, nodal: Array) -> Array:
        """Inverse of :meth:`nodal`."""
        return self.turn * self.transform.forward(nodal).reshape((len(nodal), -1))

    # -- inner products ------------------------------------------------------------------------------------------------------------

    def mean_dot(self, a: Array, b: Array) -> float:
        """Volume average of the product of two fields (m, points, *grid)."""
        if self.points == 1:
            value = np.vdot(a, b)
        else:
            value = sum(w * np.vdot(a[:, r].copy(), b[:, r].copy()) for r, w in enumerate(self.weights))
        return float(self.transform.total(value)) / self.grid.size

    def spectral_dot(self, a: Array, b: Array) -> float:
        """Volume average of the product of two real fields given by spectra (displacements, frequencies)."""
        if a.size == 0:
            value = 0.0
        else:
            a, b = a.reshape((-1, self.local[-1])), b.reshape((-1, self.local[-1]))
            value = 2.0 * np.vdot(a, b).real
            for k in np.flatnonzero(self._half == 1.0):
                value -= np.vdot(a[:, k].copy(), b[:, k].copy()).real
        return float(self.transform.total(value)) / self.grid.size**2

    def mean(self, field: Array) -> Array:
        """Volume average (m,) of a field (m, points, *grid)."""
        sums = field.reshape((len(field), self.points, -1)).sum(-1) @ self.weights
        return np.asarray(self.transform.total(sums)) / self.grid.size

    def displacement(self, strain: Array) -> Array:
        """Nodal periodic displacement (displacements, *grid), of mean zero, of a compatible strain fluctuation."""
        kept = self.reference
        self.set_reference(np.eye(self.kinematics.components))
        u = self.precondition(self.force(strain))
        self.set_reference(kept)
        return self.nodal(u)


def _has_mixed_nyquist(grid: Grid) -> bool:
    """Whether some Nyquist frequency of the whole grid has a part along another axis."""
    return any(n % 2 == 0 and any(m > 1 for b, m in enumerate(grid.shape) if b != a) for a, n in enumerate(grid.shape))
