"""Taylor expansion of the effective energy by the 2n + 1 theorem: n linear solves for a direction give orders up to 2n + 1.

Along a path F̄ + tD (and p + tv) the strain field is e(t) = e0 + t a1 + t² a2 + ...; a_k follows from a linear solve with the
unchanged tangent, whose right-hand side is coefficient k of the stress along the path truncated before it. Since the energy is
stationary at e(t), its coefficients up to order 2n + 1 are those along the path truncated after a_n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np

from hoad.mechanics.kinematics import Kinematics
from hoad.mechanics.response.linearised import Linearised
from hoad.mechanics.response.parameters import Fields, Parameters
from hoad.transforms.first import grad, jvp
from hoad.transforms.higher import jet

__all__ = ["TaylorModel", "energy_coefficients", "strain_path_coefficients", "third_derivative"]

Array = Any


def _along(
    linear: Linearised, parameters: Parameters, path: Sequence[Array], direction: Fields | None, order: int, stress: bool
) -> list[Array]:
    """Coefficients 1 ... ``order`` of the stress field, or of the energy density field, along a truncated path."""
    present = parameters.present()
    lines = direction if direction is not None else [{name: np.zeros_like(v) for name, v in g.items()} for g in present]

    def work(density: Any, points: Any, params: Any) -> Any:
        p, v = params
        x, *rest = points
        if len(rest) < order:
            rest = rest + [np.zeros_like(x)] * (order - len(rest))
        steps = [v] + [{name: np.zeros_like(u) for name, u in v.items()}] * (order - 1)

        def f(y: Array, q: Any) -> Array:
            return grad(lambda z: density(z, q).sum())(y) if stress else density(y, q)[None]

        if p:
            _, found = jet(f, (x, p), (rest[:order], steps))
        else:
            _, found = jet(lambda y: f(y, p), (x,), (rest[:order],))
        if not stress:
            found = [np.broadcast_to(c, x.shape) for c in found]
        return list(found), {}

    found, _ = parameters.pointwise(work, [linear.strain, *path], [present, lines])
    return found


def strain_path_coefficients(
    linear: Linearised, parameters: Parameters, macro: Array, direction: Fields | None, solves: int
) -> list[Array]:
    """Coefficients a_1 ... a_n of the strain field along F̄ + tD, p + tv, by ``solves`` = n linear solves."""
    path: list[Array] = []
    for k in range(1, solves + 1):
        first = linear.problem.uniform(macro) if k == 1 else np.zeros_like(linear.strain)
        guess = [*path, first]
        right = _along(linear, parameters, guess, direction, k, stress=True)[k - 1]
        path.append(first + linear.solve(right))
    return path


def energy_coefficients(
    linear: Linearised, parameters: Parameters, path: Sequence[Array], direction: Fields | None, order: int
) -> list[float]:
    """Coefficients 1 ... ``order`` of the mean energy along a truncated path; right up to order 2 len(path) + 1."""
    fields = _along(linear, parameters, path, direction, order, stress=False)
    return [float(linear.problem.operators.mean(c)[0]) for c in fields]


def third_derivative(linear: Linearised, fields: Sequence[Array], parameters: Parameters) -> Array:
    """Third derivatives (m, m, m) of the mean energy, <W'''[A_a, A_b, A_c]>, from the fields of the tangent alone."""
    m = len(fields)
    out = np.zeros((m, m, m))
    present = parameters.present()
    for a in range(m):
        for b in range(a, m):

            def work(density: Any, points: Any, params: Any) -> Any:
                x, u, v = points
                (p,) = params

                def slope(y: Array) -> Array:
                    return grad(lambda z: density(z, p).sum())(y)

                return [jvp(lambda y: jvp(slope, (y,), (u,))[1], (x,), (v,))[1]], {}

            (s,), _ = parameters.pointwise(work, [linear.strain, fields[a], fields[b]], [present])
            for c in range(b, m):
                value = linear.problem.operators.mean_dot(s, fields[c])
                for i, j, k in {(a, b, c), (a, c, b), (b, a, c), (b, c, a), (c, a, b), (c, b, a)}:
                    out[i, j, k] = value
    return out


@dataclass(frozen=True)
class TaylorModel:
    """Taylor polynomial of the effective energy in the macroscopic strain about a state.

    Parameters
    ----------
    kinematics : Kinematics
    point : array (m,)
        Strain components of the state.
    energy : float
    stress, tangent, third : arrays (m,), (m, m), (m, m, m)
        Derivatives of orders 1 to 3.

    Notes
    -----
    Everything follows from the linear solves of the tangent (2n + 1 theorem with n = 1).
    """

    kinematics: Kinematics
    point: Array
    energy: float
    stress: Array
    tangent: Array
    third: Array

    def _step(self, strain: Any) -> Array:
        return self.kinematics.components_of(strain) - self.point

    def __call__(self, strain: Any) -> float:
        """Effective energy at a macroscopic strain near the point."""
        d = self._step(strain)
        t2, t3 = self.tangent @ d, np.einsum("ijk,j,k->i", self.third, d, d)
        return float(self.energy + self.stress @ d + d @ t2 / 2 + d @ t3 / 6)

    def stress_at(self, strain: Any) -> Array:
        """Mean stress at a macroscopic strain, to second order."""
        d = self._step(strain)
        s = self.stress + self.tangent @ d + np.einsum("ijk,j,k->i", self.third, d, d) / 2
        return self.kinematics.macroscopic(s, stress=True)

    def error_estimate(self, strain: Any) -> float:
        """Size of the last term of the energy at a macroscopic strain: an estimate (no bound) of the error of the order below."""
        d = self._step(strain)
        return float(abs(np.einsum("ijk,i,j,k->", self.third, d, d, d)) / 6)


def derivatives(coefficients: Sequence[float]) -> Array:
    """n-th derivatives from Taylor coefficients 1, 2, ..."""
    return np.array([factorial(n + 1) * c for n, c in enumerate(coefficients)])
