"""Bessel functions and their relatives, in the argument and in the order."""

from functools import cache

import mpmath as mp
from scipy import special

from hoad.scipy import special as hs

from .reference import reference

ORDERS = [0.0, 1.0, 2.5, 10.0]


def in_argument(name, exact, domain, orders=ORDERS, call=None, **options):
    call = call or getattr(special, name)
    reference(f"scipy.special.{name}", call, exact, orders, domain, argument=1, **options)


def unary(name, exact, domain, **options):
    reference(f"scipy.special.{name}", getattr(special, name), exact, domain, **options)


def output(name, index, exact, domain, **options):
    """An output of a function with several."""
    reference(f"scipy.special.{name}", lambda x: getattr(special, name)(x)[index], exact, domain, **options)


@cache
def bessel(kind, v, x):
    """mpmath's are slow at whole orders: each value once."""
    return {"j": mp.besselj, "y": mp.bessely, "i": mp.besseli, "k": mp.besselk}[kind](v, x)


SIGNS = {"j": (1, -1), "y": (1, -1), "i": (1, 1), "k": (-1, -1)}


def neighbours(kind, v, x, n):
    """n-th derivative of J, Y, I or K by neighbouring orders, in which mpmath is exact."""
    if n == 0:
        return bessel(kind, abs(v) if v == int(v) else v, x) * ((-1) ** int(v) if v < 0 and v == int(v) and kind in "jy" else 1)
    a, b = SIGNS[kind]
    return (a * neighbours(kind, v - 1, x, n - 1) + b * neighbours(kind, v + 1, x, n - 1)) / 2


def derivatives(kind, rate=0, v=None):
    """Exact derivatives of exp(rate x) times J, Y, I or K."""

    def exact(n, *args):
        order = args[0] if v is None else v
        x = args[-1]
        return mp.exp(rate * x) * sum(
            mp.binomial(n, k) * mp.mpc(rate) ** (n - k) * neighbours(kind, order, x, k) for k in range(n + 1) if rate or k == n
        )

    return exact


def hankel(rate=0):
    def exact(n, v, x):
        return (derivatives("j", rate)(n, v, x) + 1j * derivatives("y", rate)(n, v, x)).imag

    return exact


for _name, _kind in (("jv", "j"), ("yv", "y"), ("kv", "k"), ("iv", "i")):
    in_argument(_name, None, (0.01, 100.0), logarithmic=True, exact_derivative=derivatives(_kind))
in_argument(
    "kv",
    None,
    (0.01, 100.0),
    [1 / 3],
    logarithmic=True,
    exact_derivative=derivatives("k"),
    limit=500.0,
    reason="SciPy's K of orders that are not multiples of 1/2 is 240 units off about x = 2",
)
in_argument("ive", None, (0.01, 1000.0), logarithmic=True, exact_derivative=derivatives("i", -1))
in_argument("kve", None, (0.01, 1000.0), logarithmic=True, exact_derivative=derivatives("k", 1))
for _v in (0, 1):
    unary(f"j{_v}", None, (-50.0, 50.0), exact_derivative=derivatives("j", v=_v))
    unary(f"i{_v}", None, (-50.0, 50.0), exact_derivative=derivatives("i", v=_v))
    unary(f"y{_v}", None, (0.01, 100.0), logarithmic=True, exact_derivative=derivatives("y", v=_v))
    unary(f"k{_v}", None, (0.01, 100.0), logarithmic=True, exact_derivative=derivatives("k", v=_v))
    unary(f"i{_v}e", None, (0.01, 1e4), logarithmic=True, exact_derivative=derivatives("i", -1, _v))
    unary(f"k{_v}e", None, (0.01, 1e4), logarithmic=True, exact_derivative=derivatives("k", 1, _v))
for _name, _rate in (("hankel1", 0), ("hankel1e", -1j)):
    in_argument(
        _name, None, (0.1, 100.0), call=lambda v, x, _n=_name: getattr(special, _n)(v, x).imag, exact_derivative=hankel(_rate)
    )

for _name, _exact in (("jv", mp.besselj), ("yv", mp.bessely), ("iv", mp.besseli), ("kv", mp.besselk)):
    reference(
        f"scipy.special.{_name}",
        getattr(special, _name),
        _exact,
        (0.25, 20.0),
        [0.01, 0.5, 3.0, 12.0, 40.0],
        argument=0,
    )

SPHERICAL = [0.0, 1.0, 4.0]
for _name, _exact in (
    ("spherical_jn", lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.besselj(n + 0.5, x)),
    ("spherical_yn", lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.bessely(n + 0.5, x)),
    ("spherical_in", lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.besseli(n + 0.5, x)),
    ("spherical_kn", lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.besselk(n + 0.5, x)),
):
    in_argument(_name, _exact, (0.01, 50.0), SPHERICAL, call=lambda n, x, _n=_name: getattr(hs, _n)(int(n), x), logarithmic=True)

output("airy", 0, mp.airyai, (-10.0, 8.0))
output("airy", 2, mp.airybi, (-10.0, 8.0))
output("airye", 0, lambda x: mp.airyai(x) * mp.exp(2 * x * mp.sqrt(x) / 3), (0.01, 1000.0), logarithmic=True)
output("airye", 2, lambda x: mp.airybi(x) * mp.exp(-2 * x * mp.sqrt(x) / 3), (0.01, 100.0), logarithmic=True)
in_argument("struve", mp.struveh, (0.01, 50.0), [0.0, 1.0, 2.5], logarithmic=True)
in_argument("modstruve", mp.struvel, (0.01, 50.0), [0.0, 1.0, 2.5], logarithmic=True)


def kelvin(kind, eighths, part):
    def exact(n, x):
        turn = mp.expjpi(mp.mpf(eighths) / 4)  # to the digits of the call
        return getattr(turn**n * neighbours(kind, 0, x * turn, n), part)

    return exact


for _name, _eighths, _kind in (("be", 3, "j"), ("ke", 1, "k")):  # on a diagonal of the complex plane
    unary(f"{_name}r", None, (0.05, 20.0), exact_derivative=kelvin(_kind, _eighths, "real"))
    unary(f"{_name}i", None, (0.05, 20.0), exact_derivative=kelvin(_kind, _eighths, "imag"))


def derivative_of(f):
    """Derivatives of a function given its first."""

    def exact(n, *xs):
        return mp.mpf(1) if n == 0 else mp.taylor(lambda t: f(*xs[:-1], t), xs[-1], n - 1, chop=False)[n - 1] * mp.factorial(n - 1)

    return exact


for _name, _index, _slope, _domain in (
    ("itj0y0", 0, lambda x: mp.besselj(0, x), (0.1, 50.0)),
    ("itj0y0", 1, lambda x: mp.bessely(0, x), (0.1, 50.0)),
    ("it2j0y0", 0, lambda x: (1 - mp.besselj(0, x)) / x, (0.01, 50.0)),
    ("it2j0y0", 1, lambda x: -mp.bessely(0, x) / x, (0.1, 50.0)),
    ("iti0k0", 0, lambda x: mp.besseli(0, x), (0.1, 50.0)),
    ("it2i0k0", 0, lambda x: (mp.besseli(0, x) - 1) / x, (0.01, 50.0)),
    ("itairy", 0, mp.airyai, (-8.0, 8.0)),
    ("itairy", 3, lambda x: mp.airybi(-x), (-8.0, 8.0)),
):
    output(_name, _index, None, _domain, exact_derivative=derivative_of(_slope))
for _name, _slope in (
    ("itstruve0", lambda x: mp.struveh(0, x)),
    ("it2struve0", lambda x: -mp.struveh(0, x) / x),
    ("itmodstruve0", lambda x: mp.struvel(0, x)),
):
    unary(_name, None, (0.05, 12.0 if "mod" in _name else 30.0), exact_derivative=derivative_of(_slope))


def of_quotient(n, x):
    """Derivatives of an integral of -K0(x) / x."""
    if n == 0:
        return mp.mpf(1)
    return -sum(
        mp.binomial(n - 1, k) * neighbours("k", 0, x, k) * (-1) ** (n - 1 - k) * mp.factorial(n - 1 - k) / x ** (n - k)
        for k in range(n)
    )


output("it2i0k0", 1, None, (0.1, 50.0), exact_derivative=of_quotient)
