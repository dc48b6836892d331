"""Elliptic integrals and functions."""

import mpmath as mp
from scipy import special

from .reference import reference


def one(name, exact, *domain, **options):
    reference(f"scipy.special.{name}", getattr(special, name), exact, *domain, **options)


one("ellipk", mp.ellipk, (-100.0, 0.9999))
one("ellipe", mp.ellipe, (-100.0, 0.9999))
one("ellipkm1", lambda p: mp.ellipk(1 - p), (1e-10, 1.0), logarithmic=True)
for _name, _exact in (("ellipkinc", mp.ellipf), ("ellipeinc", mp.ellipe)):
    for _i in (0, 1):
        one(_name, _exact, (-1.5, 5.0), (-4.0, 0.95), argument=_i)
SIZES = [0.01, 0.3, 1.0, 20.0]
one("elliprc", mp.elliprc, (0.01, 100.0), SIZES, logarithmic=True)
one("elliprc", mp.elliprc, SIZES, (0.01, 100.0), argument=1, logarithmic=True)
one("elliprf", mp.elliprf, (0.01, 100.0), [0.0, *SIZES], SIZES, logarithmic=True)
one("elliprg", mp.elliprg, (0.01, 100.0), [0.0, *SIZES], SIZES, logarithmic=True)
one("elliprd", mp.elliprd, (0.01, 100.0), SIZES, SIZES, logarithmic=True)
one("elliprd", mp.elliprd, SIZES, SIZES, (0.01, 100.0), argument=2, logarithmic=True)
one("elliprj", mp.elliprj, (0.01, 100.0), SIZES, SIZES, SIZES, logarithmic=True)
one("elliprj", mp.elliprj, SIZES, SIZES, SIZES, (0.01, 100.0), argument=3, logarithmic=True)

for _index, _kind in enumerate(("sn", "cn", "dn")):
    for _i in (0, 1):
        reference(
            "scipy.special.ellipj",
            lambda u, m, _k=_index: special.ellipj(u, m)[_k],
            lambda u, m, _k=_kind: mp.ellipfun(_k, u=u, m=m),
            (-3.0, 3.0),
            (0.01, 0.99),
            argument=_i,
        )
