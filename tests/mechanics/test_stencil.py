"""Elements applied tile by tile in space equal the same scheme in Fourier space."""

from __future__ import annotations

import numpy as np
import pytest

from hoad import mechanics as me
from hoad.mechanics import stencil
from hoad.mechanics.equilibrium import DisplacementBased, ElementBased
from hoad.mechanics.schemes import PLACES

PHASES = {
    "linear": {0: me.LinearElastic(1.0, 2.0), 1: me.LinearElastic(3.0, 4.0)},
    "finite": {0: me.NeoHooke(1.0, 2.0), 1: me.NeoHooke(3.0, 4.0)},
    "scalar": {0: me.Conduction(1.0), 1: me.Conduction(5.0)},
}
SHAPES = [(7, 8), (6, 6), (5, 6, 7), (9, 11, 10), (1, 4), (2, 2, 2)]


@pytest.mark.parametrize("phases", PHASES)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))
@pytest.mark.parametrize("scheme", PLACES)
def test_stiffness_forces_and_preconditioner_agree(scheme, shape, phases, monkeypatch):
    monkeypatch.setattr(stencil, "TILE", {2: 40, 3: 40})  # several tiles along each axis, also at the periodic ends
    rng = np.random.default_rng(0)
    d = len(shape)
    cell = me.Cell(rng.integers(0, 2, shape), lengths=rng.uniform(1, 2, d), scheme=scheme)
    problem = me.Problem(cell, PHASES[phases])
    m = problem.kinematics.components
    strain = 0.05 * rng.standard_normal(problem.field_shape)
    tangent = problem.tangent(strain, [None] * len(problem.constitutive.groups))
    free = np.eye(m)[:, :1]
    fourier, elements = DisplacementBased(problem.operators, free), ElementBased(problem.operators, free)
    fourier.tangent = elements.tangent = tangent
    u = rng.standard_normal((problem.kinematics.displacements, *shape))
    a = np.array([0.3])
    first, second = fourier.apply([problem.operators.spectrum(u), a]), elements.apply([u, a])
    force = problem.operators.nodal(first[0])
    np.testing.assert_allclose(second[0], force, atol=1e-13 * np.abs(force).max())
    np.testing.assert_allclose(second[1], first[1], rtol=1e-12)
    stress = rng.standard_normal(problem.field_shape)
    exact = problem.operators.nodal(fourier.force(stress))
    np.testing.assert_allclose(elements.force(stress), exact, atol=1e-13 * np.abs(exact).max())
    z, w = fourier.precondition(first), elements.precondition(second)
    np.testing.assert_allclose(w[0], problem.operators.nodal(z[0]), atol=1e-13 * np.abs(w[0]).max())
    assert elements.dot(second, w) == pytest.approx(fourier.dot(first, z), rel=1e-11)
    np.testing.assert_allclose(elements.strain([u, a]), fourier.strain([problem.operators.spectrum(u), a]), atol=1e-12)
