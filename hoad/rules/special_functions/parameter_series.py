"""Hypergeometric series differentiated with respect to their parameters and their argument, to every order, term by term.

Where all terms have one sign nothing cancels.  Source: NIST Digital Library of Mathematical Functions, 13.2, 15.2, 16.2, 16.3.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hoad.errors import UnsupportedFunctionError

MOST_TERMS = 6000
LOST_DIGITS = 1e7
"""The sum of all moduli over the modulus of the sum that is too much."""


def series(name: str, upper: list[Any], lower: list[Any], z: Any, orders: tuple[int, ...]) -> Any:
    """d^orders of the sum of products of (a)_k over products of (b)_k times z^k / k!.

    Parameters
    ----------
    name : str
        For the error.
    upper, lower : list of arrays
        Parameters a and b, of the shape of z.
    z : ndarray
    orders : tuple of int
        How often in each upper parameter, each lower one, and z.

    Raises
    ------
    UnsupportedFunctionError
        Where the sum does not converge or cancels.
    """
    *of_parameters, in_z = orders
    parameters = [*upper, *lower]
    # Taylor coefficients in each parameter of (a)_k / k! and of k! / (b)_k; the powers of k! that remain are in the last factor.
    factors = [[np.ones_like(z)] + [np.zeros_like(z)] * n for n in of_parameters]
    factorials = 1 + len(upper) - len(lower)
    total, moduli, term = np.zeros_like(z), np.zeros_like(z), np.ones_like(z)
    quiet = 0
    for k in range(MOST_TERMS):
        if k >= in_z:
            part = term * 1.0
            for factor in factors:
                part = part * factor[-1]
            total, moduli = total + part, moduli + np.abs(part)
            quiet = quiet + 1 if np.all((np.abs(part) <= 1e-18 * np.abs(moduli)) | ~np.isfinite(moduli)) else 0
            if quiet > 5 and k > in_z + sum(of_parameters) + 5:
                break
        for i, (p, factor) in enumerate(zip(parameters, factors, strict=True)):
            if i < len(upper):
                new = [((p + k) * c + (factor[j - 1] if j else 0)) / (k + 1) for j, c in enumerate(factor)]
            else:
                new = []
                for j, c in enumerate(factor):
                    new.append(((k + 1) * c - (new[j - 1] if j else 0)) / (p + k))
            factors[i] = new
        if k + 1 > in_z:
            # z^(k - n) / (k - n)! and (k!)^(factorials - 1)
            term = term * (z * (k + 1) / (k + 1 - in_z)) * float(k + 1) ** (factorials - 2)
        else:
            term = term * float(k + 1) ** (factorials - 1)
    else:
        raise UnsupportedFunctionError.no_rule(f"scipy.special.{name} with respect to its parameters so far from z = 0")
    lost = moduli > LOST_DIGITS * np.abs(total)
    if np.any(lost):
        at = f"z = {z[lost][0]:g}"
        raise UnsupportedFunctionError.no_rule(
            f"scipy.special.{name} with respect to its parameters where the series cancels ({at})"
        )
    return total * math.prod(map(math.factorial, of_parameters))
