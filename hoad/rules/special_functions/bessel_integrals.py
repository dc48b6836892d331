"""Integrals of Bessel and Struve functions of order 0.

Source: NIST Digital Library of Mathematical Functions, 10.22, 10.43, 11.7.
"""

from __future__ import annotations

from scipy import special

from hoad.rules.special_functions.declarations import declare, declare_several
from hoad.rules.special_functions.quotients import over_x
from hoad.rules.special_functions.struve import modstruve, struve

declare_several("itj0y0", (lambda y, x: special.j0(x),), (lambda y, x: special.y0(x),))
declare_several("iti0k0", (lambda y, x: special.i0(x),), (lambda y, x: special.k0(x),))
declare_several("it2j0y0", (lambda y, x: over_x["j0"].bind(x, n=0),), (lambda y, x: -special.y0(x) / x,))
declare_several("it2i0k0", (lambda y, x: over_x["i0"].bind(x, n=0),), (lambda y, x: -special.k0(x) / x,))
declare("itstruve0", lambda y, x: struve.bind(0, x))
declare("it2struve0", lambda y, x: -over_x["struve"].bind(x, n=0))
declare("itmodstruve0", lambda y, x: modstruve.bind(0, x))
