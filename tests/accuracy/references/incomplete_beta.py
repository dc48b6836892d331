"""The incomplete beta function in its three arguments, and the distributions made of it."""

import mpmath as mp
from scipy import special

from .reference import reference


def lower(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def in_parameter(i, sign):
    """Derivatives with respect to a or b, as differences of the smaller of I and 1 - I, with digits to spare."""

    def exact(n, *xs):
        x = xs[2]
        if n == 0:
            return lower(*xs) if sign > 0 else 1 - lower(*xs)
        with mp.workdps(75):
            low = x < xs[0] / (xs[0] + xs[1])

            def f(t):
                a, b = (t, xs[1]) if i == 0 else (xs[0], t)
                return lower(a, b, x) if low else -lower(b, a, 1 - x)

            return sign * mp.diff(f, xs[i], n, h=xs[i] * mp.mpf(10) ** -13)

    return exact


def in_x(sign):
    """Derivatives of the density x^(a-1) (1-x)^(b-1) / B(a, b), by Leibniz's rule."""

    def exact(n, a, b, x):
        if n == 0:
            return lower(a, b, x) if sign > 0 else 1 - lower(a, b, x)
        terms = [
            mp.binomial(n - 1, k) * mp.ff(a - 1, k) * x ** (a - 1 - k)
            * (-1) ** (n - 1 - k) * mp.ff(b - 1, n - 1 - k) * (1 - x) ** (b - n + k)
            for k in range(n)
        ]  # fmt: skip
        return sign * mp.fsum(terms) / mp.beta(a, b)

    return exact


def inverse(native, f):
    """The inverse in x as a function of (a, b, p), from its value in double precision."""

    def exact(a, b, p):
        start = mp.mpf(float(native(float(a), float(b), float(p))))
        return mp.findroot(lambda x: f(a, b, x) - p, (start, start * (1 - mp.mpf(10) ** -12)))

    return exact


CANCELS = "near a zero of the derivative between its lobes, where the last digits of digamma count"
WIDE = (0.1, 100.0)
for _name, _sign in (("betainc", 1), ("betaincc", -1)):
    _f = getattr(special, _name)
    _exact = lower if _sign > 0 else lambda a, b, x: 1 - lower(a, b, x)
    for _i in (0, 1):
        reference(
            f"scipy.special.{_name}", _f, _exact, WIDE, WIDE, (0.01, 0.99), argument=_i, exact_derivative=in_parameter(_i, _sign),
            limit=150.0, reason=CANCELS,
        )  # fmt: skip
    reference(f"scipy.special.{_name}", _f, _exact, WIDE, WIDE, (0.001, 0.999), argument=2, exact_derivative=in_x(_sign))
STRAIGHT = "near the median x is almost linear in a and b: terms of the size of the first derivative over them cancel"
_solution, _domain = inverse(special.betaincinv, lower), ((0.5, 10.0), (0.5, 10.0), (0.05, 0.95))
reference("scipy.special.betaincinv", special.betaincinv, _solution, *_domain, argument=2)
for _i in (0, 1):
    reference("scipy.special.betaincinv", special.betaincinv, _solution, *_domain, argument=_i, orders=(1,))
    reference(
        "scipy.special.betaincinv", special.betaincinv, _solution, *_domain, argument=_i, orders=(2,), limit=1e4, reason=STRAIGHT
    )


def student(n, t):
    tail = lower(n / 2, mp.mpf(1) / 2, n / (n + t * t)) / 2
    return tail if t < 0 else 1 - tail


def fisher(n, m, x):
    return lower(n / 2, m / 2, n * x / (n * x + m))


reference("scipy.special.stdtr", special.stdtr, student, (0.3, 500.0), (-6.0, 6.0), limit=150.0, reason=CANCELS)
reference("scipy.special.stdtr", special.stdtr, student, (0.3, 500.0), (-6.0, 6.0), argument=1)
reference("scipy.special.fdtr", special.fdtr, fisher, (0.5, 20.0), (0.5, 20.0), (0.1, 5.0), argument=2)
COUNTS = ([3.0], [7.0, 12.0], (0.05, 0.95))
reference(
    "scipy.special.bdtr",
    lambda k, n, p: special.bdtr(k, int(n), p),
    lambda k, n, p: lower(n - k, k + 1, 1 - p),
    *COUNTS,
    argument=2,
)
reference(
    "scipy.special.nbdtr", lambda k, n, p: special.nbdtr(int(k), int(n), p), lambda k, n, p: lower(n, k + 1, p), *COUNTS, argument=2
)
