"""Wright's generalised Bessel function and its logarithm, and weighted integrals of Bessel functions.

Source: NIST Digital Library of Mathematical Functions, 10.46, 10.22.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from hoad.rules.special_functions.declarations import declare

wright: Any = declare("wright_bessel", None, None, lambda y, a, b, x: wright.bind(a, a + b, x))
if hasattr(special, "log_wright_bessel"):
    log_wright: Any = declare("log_wright_bessel", None, None, lambda y, a, b, x: np.exp(log_wright.bind(a, a + b, x) - y))

polynomial: Any = declare(  # the integral over 0..1 of x^l J_nu(2 a x)
    "besselpoly", lambda y, a, l, nu: polynomial.bind(a, l + 1, nu - 1) - polynomial.bind(a, l + 1, nu + 1), None, None
)
