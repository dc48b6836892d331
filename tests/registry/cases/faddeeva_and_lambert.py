"""Cases: the plasma dispersion function and its relatives, Lambert's W."""

from scipy import special

from hoad.scipy import special as hs

from .bessel_family import one, several
from .case import P, R, uniform

one("dawsn", special.dawsn, R(2, 3), real_only="")
one("dawsn", special.dawsn, uniform(3.0, 9.0)(2, 3), label="far")
one("wofz", lambda x: special.wofz(x + 0.3j), R(2, 3), label="near", real_only="")
one("wofz", lambda x: special.wofz(x + 0.3j), uniform(9.0, 12.0)(3), label="far")
one("voigt_profile", special.voigt_profile, R(2, 3), P(3), P(3))
several("fresnel", special.fresnel, R(2, 3), real_only="")
several("modfresnelp", special.modfresnelp, P(2, 3))
several("modfresnelm", special.modfresnelm, P(2, 3))
one("lambertw", lambda z: special.lambertw(z), P(2, 3), label="principal", double_only="SciPy returns complex128", real_only="")
one("lambertw", lambda z: hs.lambertw(z, -1), uniform(-0.3, -0.1)(2, 3), label="branch", double_only="SciPy returns complex128")
one("wrightomega", special.wrightomega, R(2, 3), real_only="")
