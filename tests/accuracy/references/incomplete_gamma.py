"""Incomplete gamma functions in both arguments, their inverses, and the distributions made of them."""

import mpmath as mp
from scipy import special

from .reference import reference


def lower(a, x):
    return mp.gammainc(a, 0, x, regularized=True)


def upper(a, x):
    return mp.gammainc(a, x, mp.inf, regularized=True)


def in_a(sign):
    """Derivatives with respect to a, as differences of the smaller of the two functions, with digits to spare."""

    def exact(n, a, x):
        if n == 0:
            return lower(a, x) if sign > 0 else upper(a, x)
        f, s = (lower, sign) if x < a else (upper, -sign)
        with mp.workdps(75):
            return s * mp.diff(lambda t: f(t, x), a, n, h=a * mp.mpf(10) ** -13)

    return exact


def in_x(sign):
    """Derivatives of the density x^(a-1) exp(-x) / Gamma(a), by Leibniz's rule."""

    def exact(n, a, x):
        if n == 0:
            return lower(a, x) if sign > 0 else upper(a, x)
        total = mp.fsum(
            mp.binomial(n - 1, k) * mp.ff(a - 1, k) * x ** (a - 1 - k) * (-1) ** (n - 1 - k) * mp.exp(-x) for k in range(n)
        )
        return sign * total / mp.gamma(a)

    return exact


def inverse(f, native):
    """The inverse of f(a, x) in x as a function of (a, p), from its value in double precision."""

    def exact(a, p):
        start = mp.mpf(float(native(float(a), float(p))))
        return mp.findroot(lambda x: f(a, x) - p, (start, start * (1 + mp.mpf(10) ** -12)))

    return exact


STRAIGHT = "near the median x is almost linear in a: terms of the size of the first derivative over a cancel"
ROUNDED = "the result, rounded, is the argument of the density: in the tail x^(a-1) exp(-x) magnifies that"

for _name, _sign in (("gammainc", 1), ("gammaincc", -1)):
    _f = getattr(special, _name)
    _exact = lower if _sign > 0 else upper
    _high = 200.0 if _sign > 0 else 5.0
    reference(f"scipy.special.{_name}", _f, _exact, (0.05, _high), (0.01, 1.5 * _high), exact_derivative=in_a(_sign))
    reference(f"scipy.special.{_name}", _f, _exact, (0.05, 200.0), (1e-3, 300.0), argument=1, exact_derivative=in_x(_sign))
for _name, _exact, _tail in (("gammaincinv", lower, 0.02), ("gammainccinv", lambda a, x: 1 - lower(a, x), 1e-6)):
    _f = getattr(special, _name)
    _domain = ((0.3, 30.0), (_tail, 0.9))
    reference(f"scipy.special.{_name}", _f, inverse(_exact, _f), *_domain, orders=(1,))
    reference(f"scipy.special.{_name}", _f, inverse(_exact, _f), *_domain, orders=(2,), limit=3e5, reason=STRAIGHT)
    reference(
        f"scipy.special.{_name}", _f, inverse(_exact, _f), *_domain, argument=1, logarithmic=True, limit=150.0, reason=ROUNDED
    )
reference("scipy.special.chdtr", special.chdtr, lambda v, x: lower(v / 2, x / 2), (0.2, 40.0), [0.5, 4.0, 20.0])
reference("scipy.special.chdtrc", special.chdtrc, lambda v, x: upper(v / 2, x / 2), [0.5, 4.0, 20.0], (0.1, 60.0), argument=1)
reference("scipy.special.gdtr", special.gdtr, lambda a, b, x: lower(b, a * x), (0.2, 4.0), [0.5, 3.0], [0.5, 4.0])
reference("scipy.special.pdtr", special.pdtr, lambda k, m: upper(k + 1, m), [0.0, 3.0, 10.0], (0.2, 20.0), argument=1)
reference("scipy.special.pdtrc", special.pdtrc, lambda k, m: lower(k + 1, m), [0.0, 3.0, 10.0], (0.2, 20.0), argument=1)
