"""Hypergeometric functions in the argument and in the parameters."""

import mpmath as mp
from scipy import special

from .reference import reference


def one(name, exact, *domain, **options):
    reference(f"scipy.special.{name}", getattr(special, name), exact, *domain, **options)


one("hyp0f1", mp.hyp0f1, [0.5, 1.5, 4.0], (-20.0, 50.0), argument=1)
one("hyp0f1", mp.hyp0f1, (0.5, 5.0), [-2.0, 1.0, 20.0], argument=0)
one("hyp1f1", mp.hyp1f1, [0.5, 2.0], [1.5, 4.0], (-10.0, 30.0), argument=2)
one("hyp1f1", mp.hyp1f1, (0.3, 3.0), [3.5, 5.0], [-10.0, -2.0, 0.5, 20.0], argument=0)
one("hyp1f1", mp.hyp1f1, [0.5, 2.0], (3.0, 6.0), [-3.0, 0.5, 20.0], argument=1)
one("hyp2f1", mp.hyp2f1, [0.5, 1.5], [0.7, 2.0], [1.2, 3.0], (-0.9, 0.9), argument=3)
for _i in (0, 1):
    one("hyp2f1", mp.hyp2f1, *[(0.3, 3.0) if j == _i else [0.7, 2.0] for j in (0, 1)], [1.2, 3.0], [-0.5, 0.3, 0.8], argument=_i)
one("hyp2f1", mp.hyp2f1, [0.5, 1.5], [0.7, 2.0], (1.2, 5.0), [-0.5, 0.3, 0.8], argument=2)
one("hyperu", mp.hyperu, [0.5, 2.0], [0.7, 1.5], (0.1, 1.0), argument=2)
