"""Orthogonal polynomials, Legendre functions and spherical harmonics."""

import mpmath as mp
from scipy import special

from hoad.scipy import special as hs

from .reference import reference

DEGREES = [0.0, 1.0, 2.0, 5.0, 20.0]


def of_degree(name, exact, domain, degrees=DEGREES, **options):
    reference(
        f"scipy.special.{name}", lambda n, x: getattr(special, name)(int(n), x), exact, degrees, domain, argument=1, **options
    )


of_degree("eval_legendre", mp.legendre, (-1.0, 1.0))
of_degree("eval_sh_legendre", lambda n, x: mp.legendre(n, 2 * x - 1), (0.0, 1.0))
of_degree("eval_chebyt", mp.chebyt, (-1.0, 1.0))
of_degree("eval_chebyu", mp.chebyu, (-1.0, 1.0))
of_degree("eval_chebyc", lambda n, x: 2 * mp.chebyt(n, x / 2), (-2.0, 2.0))
of_degree("eval_chebys", lambda n, x: mp.chebyu(n, x / 2), (-2.0, 2.0))
of_degree("eval_sh_chebyt", lambda n, x: mp.chebyt(n, 2 * x - 1), (0.0, 1.0))
of_degree("eval_sh_chebyu", lambda n, x: mp.chebyu(n, 2 * x - 1), (0.0, 1.0))
of_degree("eval_laguerre", lambda n, x: mp.laguerre(n, 0, x), (0.0, 30.0))
of_degree("eval_hermite", mp.hermite, (-5.0, 5.0))
of_degree("eval_hermitenorm", lambda n, x: mp.hermite(n, x / mp.sqrt(2)) / mp.sqrt(2) ** n, (-5.0, 5.0))
for _i in (1, 2):
    _domains = [(0.3, 3.0) if _i == 1 else [0.5, 2.0], (-0.95, 0.95) if _i == 2 else [-0.6, 0.3, 0.9]]
    reference(
        "scipy.special.eval_gegenbauer",
        lambda n, a, x: special.eval_gegenbauer(int(n), a, x),
        mp.gegenbauer,
        [1.0, 4.0, 9.0],
        *_domains,
        argument=_i,
    )
    _domains = [(-0.5, 3.0) if _i == 1 else [0.5, 2.0], (0.0, 20.0) if _i == 2 else [0.5, 3.0, 10.0]]
    reference(
        "scipy.special.eval_genlaguerre",
        lambda n, a, x: special.eval_genlaguerre(int(n), a, x),
        mp.laguerre,
        [1.0, 4.0, 9.0],
        *_domains,
        argument=_i,
    )
for _i in (1, 2, 3):
    reference(
        "scipy.special.eval_jacobi",
        lambda n, a, b, x: special.eval_jacobi(int(n), a, b, x),
        mp.jacobi,
        [1.0, 4.0, 9.0],
        *[(-0.5, 3.0) if _i == j else [0.5, 2.0] for j in (1, 2)],
        (-1.0, 1.0) if _i == 3 else [-0.6, 0.3, 0.9],
        argument=_i,
    )


def associated(m, n, x):
    """P of whole degree and order, from the coefficients of the Legendre polynomial (mpmath's own takes a limit)."""
    n, m = int(n), int(m)
    if m < 0:
        return (-1) ** m * mp.factorial(n + m) / mp.factorial(n - m) * associated(-m, n, x)
    total = mp.mpf(0)
    for k in range((n - m) // 2 + 1):
        c = (-1) ** k * mp.binomial(n, k) * mp.binomial(2 * n - 2 * k, n) / mp.mpf(2) ** n
        total += c * mp.ff(n - 2 * k, m) * x ** (n - 2 * k - m)
    return (-1) ** m * mp.sqrt(1 - x * x) ** m * total


def harmonic(n, m, t, p):
    scale = mp.sqrt((2 * n + 1) / (4 * mp.pi) * mp.factorial(n - m) / mp.factorial(n + m))
    return scale * associated(m, n, mp.cos(t)) * mp.cos(m * p)


reference(
    "scipy.special.lpmv",
    lambda m, v, x: special.lpmv(int(m), v, x),
    associated,
    [0.0, 1.0, 2.0],
    [2.0, 3.0, 6.0],
    (-0.95, 0.95),
    argument=2,
)
reference(
    "scipy.special.assoc_legendre_p",
    lambda m, n, x: hs.assoc_legendre_p(int(n), int(m), x)[0],
    associated,
    [-1.0, 0.0, 2.0],
    [2.0, 3.0, 6.0],
    (-0.95, 0.95),
    argument=2,
)
reference("scipy.special.legendre_p", lambda n, x: hs.legendre_p(int(n), x)[0], mp.legendre, DEGREES, (-1.0, 1.0), argument=1)
reference(
    "scipy.special.sph_harm_y",
    lambda n, m, t, p: hs.sph_harm_y(int(n), int(m), t, p).real,
    harmonic,
    [2.0, 4.0],
    [-2.0, 0.0, 1.0],
    (0.1, 3.0),
    [0.4],
    argument=2,
)
