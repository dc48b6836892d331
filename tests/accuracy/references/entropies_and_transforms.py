"""Logistic functions, exponentials, entropies, losses, and the transformations of Box and Cox."""

import mpmath as mp
from scipy import special

from .reference import reference

SIZE = (0.01, 100.0)


def huberlike(d, r):
    return d * d * (mp.sqrt(1 + (r / d) ** 2) - 1)


reference("scipy.special.expit", special.expit, lambda x: 1 / (1 + mp.exp(-x)), (-700.0, 30.0))
reference("scipy.special.log_expit", special.log_expit, lambda x: -mp.log1p(mp.exp(-x)), (-40.0, 700.0))
reference("scipy.special.logit", special.logit, lambda x: mp.log(x / (1 - x)), (1e-20, 0.99), logarithmic=True)
reference("scipy.special.exprel", special.exprel, lambda x: mp.expm1(x) / x, (-100.0, 100.0))
reference("scipy.special.cosm1", special.cosm1, lambda x: mp.cos(x) - 1, (-10.0, 10.0))
reference("scipy.special.expm1", special.expm1, mp.expm1, (-30.0, 30.0))
reference("scipy.special.log1p", special.log1p, mp.log1p, (-0.99, 100.0))
reference("scipy.special.cbrt", special.cbrt, mp.cbrt, (1e-10, 1e10), logarithmic=True)
reference("scipy.special.exp10", special.exp10, lambda x: mp.mpf(10) ** x, (-10.0, 10.0))
reference("scipy.special.entr", special.entr, lambda x: -x * mp.log(x), (1e-10, 1e3), logarithmic=True)
for _argument in (0, 1):
    reference(
        "scipy.special.xlogy", special.xlogy, lambda x, y: x * mp.log(y), SIZE, SIZE, argument=_argument,
        orders=(1, 2) if _argument else (1,),
    )  # fmt: skip
    reference("scipy.special.rel_entr", special.rel_entr, lambda x, y: x * mp.log(x / y), SIZE, SIZE, argument=_argument)
    reference("scipy.special.kl_div", special.kl_div, lambda x, y: x * mp.log(x / y) - x + y, SIZE, SIZE, argument=_argument)
    reference("scipy.special.pseudo_huber", special.pseudo_huber, huberlike, SIZE, SIZE, argument=_argument, logarithmic=True)
    reference(
        "scipy.special.boxcox", special.boxcox, lambda x, p: (x**p - 1) / p, SIZE, (0.01, 3.0), argument=_argument, logarithmic=True
    )
    reference(
        "scipy.special.inv_boxcox", special.inv_boxcox, lambda y, p: (1 + p * y) ** (1 / p), SIZE, (0.01, 3.0), argument=_argument,
        logarithmic=True,
    )  # fmt: skip
