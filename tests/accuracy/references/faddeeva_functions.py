"""The plasma dispersion function and its relatives, and Lambert's W."""

import mpmath as mp
from scipy import special

from hoad.scipy import special as hs

from .reference import reference


def w(z):
    return mp.exp(-z * z) * mp.erfc(-1j * z)


def voigt(x, s, g):
    return (w((x + 1j * g) / (s * mp.sqrt(2))) / (s * mp.sqrt(2 * mp.pi))).real


reference(
    "scipy.special.dawsn",
    special.dawsn,
    lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
    (0.01, 1000.0),
    logarithmic=True,
)
for _part in ("real", "imag"):
    reference(
        "scipy.special.wofz",
        lambda x, y, _p=_part: getattr(special.wofz(x + y * 1j), _p),
        lambda x, y, _p=_part: getattr(w(x + 1j * y), _p),
        (-20.0, 20.0),
        [0.1, 1.0, 5.0],
    )
for _i in range(3):
    reference(
        "scipy.special.voigt_profile",
        special.voigt_profile,
        voigt,
        (-10.0, 10.0) if _i == 0 else [-3.0, 0.0, 0.5, 8.0],
        (0.1, 3.0) if _i == 1 else [0.5, 1.0, 2.0],
        (0.1, 5.0) if _i == 2 else [0.2, 1.0, 2.0],
        argument=_i,
    )
reference("scipy.special.fresnel", lambda x: special.fresnel(x)[0], mp.fresnels, (-10.0, 10.0))
reference("scipy.special.fresnel", lambda x: special.fresnel(x)[1], mp.fresnelc, (-10.0, 10.0))
for _k, _domain in ((0, (-0.3, 100.0)), (-1, (-0.36, -0.01))):
    reference("scipy.special.lambertw", lambda x, _k=_k: hs.lambertw(x, _k).real, lambda x, _k=_k: mp.lambertw(x, _k).real, _domain)
reference("scipy.special.wrightomega", special.wrightomega, lambda x: mp.lambertw(mp.exp(x)), (-20.0, 20.0))
