"""Effective moduli: laminates and squares in closed form, series for disks and spheres, bounds, ringing."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("effective_moduli")


def test_laminates_are_exact(done):
    assert done.module.laminates() < 1e-13


def test_the_formula_for_laminates_gives_known_numbers(done):
    soft, stiff = (done.module.stiffness(done.module.me.LinearElastic(mu=m, lmbda=l)) for m, l in ((1.0, 2.0), (5.0, 10.0)))
    along = done.module.laminate([soft, stiff], [0.7, 0.3], np.array([1.0, 0.0, 0.0]))
    found = [along[k] for k in ((0, 0, 0, 0), (0, 0, 1, 1), (1, 1, 1, 1), (1, 1, 2, 2), (0, 1, 0, 1), (1, 2, 1, 2))]
    expected = [5.263157894736842, 2.631578947368421, 7.915789473684211, 3.515789473684211, 1.315789473684211, 2.2]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    oblique = done.module.laminate([soft, stiff], [0.7, 0.3], np.array([1.0, 1.0, 0.0]) / np.sqrt(2))
    found = [oblique[k] for k in ((0, 0, 0, 0), (0, 0, 1, 1), (0, 0, 0, 1), (0, 1, 0, 1))]
    np.testing.assert_allclose(found, [5.926315789473682, 3.294736842105261, -0.663157894736843, 1.978947368421053], rtol=1e-14)


def test_squares_converge_to_the_closed_form(done, table):
    rows = np.array(table(done.text, "squares"))
    assert np.all(rows[1:, 1] < 0.15 * rows[:-1, 1])  # almost third order
    assert np.all(rows[1:, 2] < 0.25 * rows[:-1, 2])
    assert rows[-1, 1] < 2e-6
    assert rows[-1, 2] < 4e-5
    assert done.module.obnosov(10.0) == pytest.approx(1.544219992298826, rel=1e-14)
    assert done.module.obnosov(2.0) * done.module.obnosov(0.5) == pytest.approx(1.0, rel=1e-14)  # duality


@pytest.mark.parametrize(("name", "limit"), [("disks", 0.01), ("spheres", 0.03)])
def test_arrays_agree_with_the_series(name, limit, done, table):
    rows = table(done.text, name)
    assert len(rows) == len(getattr(done.module, name.upper()))
    for fraction, found, series, error in rows:
        assert abs(error) < (limit if fraction < 0.45 or name == "disks" else 0.12)  # spheres nearly touch at 0.5
        assert found / series - 1 == pytest.approx(error, abs=0.06 * abs(error) + 1e-6)


def test_finer_images_are_closer_to_the_series(done):
    coarse, fine = done.module.arrays(3, 12)[0.3], done.module.arrays(3, 32)[0.3]
    exact = done.module.SPHERES[0.3]
    assert abs(fine - exact) < 0.6 * abs(coarse - exact)


def test_random_spheres_lie_between_the_bounds(done, table):
    rows = table(done.text, "random spheres")
    assert len(rows) == 2
    for _, bulk, bulk_low, bulk_high, shear, shear_low, shear_high in rows:
        assert bulk_low < bulk < 0.5 * (bulk_low + bulk_high)  # stiff particles in a soft matrix: near the lower bound
        assert shear_low < shear < 0.5 * (shear_low + shear_high)


def test_bounds_are_attained_by_coated_spheres(done):
    """The bulk modulus of coated spheres, which is the bound, in the form of Hashin's assemblage."""
    me = done.module.me
    shell, core = me.LinearElastic(mu=1.0, lmbda=2 - 2 / 3), me.LinearElastic(mu=10.0, lmbda=20 - 20 / 3)
    assert done.module.hashin_shtrikman(shell, core, 0.125)[0] == pytest.approx(2.393013100436681, rel=1e-14)


def test_isotropic_part_of_an_isotropic_stiffness(done):
    material = done.module.me.LinearElastic(mu=3.0, lmbda=5.0)
    assert done.module.isotropic_part(done.module.stiffness(material)) == pytest.approx((7.0, 3.0), rel=1e-14)


def test_the_fourier_scheme_rings_and_the_rotated_one_does_not(done):
    fields = done.module.ringing()
    fourier, rotated = (done.module.roughness(fields[s]) for s in ("fourier", "rotated"))
    assert rotated < 0.25 * fourier
    for field in fields.values():
        assert field.mean() == pytest.approx(fields["rotated"].mean(), rel=0.01)


def test_a_ball_has_its_fraction(done):
    image = done.module.ball(20, 3, 0.3)
    assert image.mean() == pytest.approx(0.3, abs=1e-4)
    assert np.all(image[5:15, 10, 10] == 1)
