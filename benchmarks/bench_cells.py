"""Homogenisation: conjugate gradients, load steps, derivatives of the response; time by grid and method."""

from __future__ import annotations

import numpy as np

from hoad import mechanics as me

from .cells import hoad_cg, hoad_newton, image_of, lame


class ConjugateGradients:
    params = [["displacement", "strain"], [(255, 255), (64, 64, 64)]]
    param_names = ["method", "grid"]

    def setup(self, method: str, grid: tuple[int, ...]) -> None:
        self.run = hoad_cg(grid, method, 10).run

    def time_ten_iterations(self, method: str, grid: tuple[int, ...]) -> None:
        self.run()

    def peakmem_ten_iterations(self, method: str, grid: tuple[int, ...]) -> None:
        self.run()


class LoadSteps:
    params = [33, 99]
    param_names = ["voxels along an edge"]

    def setup(self, n: int) -> None:
        self.run = hoad_newton(n)

    def time_three_steps(self, n: int) -> None:
        self.run()


class Derivatives:
    """At the end of a load step of a finite-strain cell."""

    def setup(self) -> None:
        cell = me.Cell(image_of((63, 63)))
        phases = {0: me.StVenantKirchhoff(**lame(0.57, 0.386)), 1: me.StVenantKirchhoff(**lame(5.7, 0.386))}
        self.direction = np.array([[0.6, 0.8], [-0.3, 0.2]])
        self.solution = me.solve(cell, phases, me.strain_path([np.eye(2) + 0.05 * self.direction]))
        density = np.full((63, 63), 5.0)
        phases = {0: phases[0], 1: me.StVenantKirchhoff(mu=density, lmbda=3.0)}
        self.response = me.Response(cell, phases, [np.eye(2) + 0.05 * self.direction], wrt=[(1, "mu")])
        self.point = [density]

    def time_tangent(self) -> None:
        self.solution.tangent()

    def time_fifth_order(self) -> None:
        self.solution.taylor(self.direction, order=5)

    def time_gradient_by_voxels(self) -> None:
        self.response.value_and_gradient(lambda energy, stress: stress[0, 0, 1], self.point)

    def time_hessian_product_by_voxels(self) -> None:
        self.response.hvp(lambda energy, stress: stress[0, 0, 1] ** 2, self.point, [np.ones((63, 63))])
