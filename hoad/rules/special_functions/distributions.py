"""Distribution functions and their inverses in every real argument: gamma, chi-square, Poisson, beta, binomial, F, Student, normal.

Each is an incomplete gamma or beta function of transformed arguments.  An inverse is differentiated implicitly, with the partial
derivatives of its distribution function.  Numbers of trials and of events that SciPy rounds to integers have no derivative.
Source: NIST Digital Library of Mathematical Functions, 8.23, 8.17; SciPy's definitions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from hoad.backends import asarray, maybe_any
from hoad.core.box import bare, peek
from hoad.core.kinds import constant
from hoad.rules.special_functions import incomplete_beta, incomplete_gamma
from hoad.rules.special_functions.box_cox import in_power
from hoad.rules.special_functions.declarations import declare
from hoad.rules.special_functions.densities import beta_density, gamma_density
from hoad.rules.special_functions.error_functions import hazard
from hoad.rules.special_functions.student import student_density, student_derivative

Partial = Callable[..., Any]


def inverse(name: str, value: Callable[..., Any], partials: dict[str, Partial], unknown: str, order: str) -> None:
    """Declare the solution for one variable of F = p, where ``value`` is F(**variables) and ``partials`` are its derivatives.

    ``order`` names the arguments of the inverse, separated by blanks; p is the value of F.  Where SciPy finds no solution, so that
    it returns the end of its search interval, the derivative is NaN.  Where its search has stopped early, the derivative is that at
    the solution itself, one step of Newton's method further.
    """
    names = order.split()
    place = names.index("p")

    def at(y: Any, xs: tuple[Any, ...]) -> dict[str, Any]:
        return {n: x for n, x in zip(names, xs, strict=True) if n != "p"} | {unknown: y}

    def find(y: Any, *xs: Any) -> Any:
        dtype = np.result_type(y)
        p = np.asarray(xs[place])
        with np.errstate(all="ignore"):
            missing = p - value(**at(y, xs))
            good = np.abs(missing) <= max(1e-3, float(np.cbrt(np.finfo(dtype).eps))) * p
            early = good & (np.abs(missing) > np.sqrt(np.finfo(dtype).eps) * 1e-2 * p)
            step = missing / partials[unknown](**at(y, xs)) if np.any(early) else 0.0
            return np.where(early, step, np.where(good, 0.0, np.nan)).astype(dtype)[()]

    correction = constant(f"{name}_correction", find)

    def slope_of(argument: str) -> Partial:
        def slope(y: Any, *xs: Any) -> Any:
            variables = at(y + correction.bind(y, *xs), xs)
            ahead = partials[unknown](**variables)
            return 1 / ahead if argument == "p" else -partials[argument](**variables) / ahead

        return slope

    declare(name, *[slope_of(n) for n in names])


def negative(partials: dict[str, Partial]) -> dict[str, Partial]:
    """Partial derivatives of the complement."""
    return {n: lambda _f=f, **at: -_f(**at) for n, f in partials.items()}


def distribution(name: str, partials: dict[str, Partial], order: str) -> None:
    """Declare F itself."""
    names = order.split()

    def slope_of(argument: str) -> Partial:
        return lambda y, *xs: partials[argument](**dict(zip(names, xs, strict=True)))

    declare(name, *[slope_of(n) if n in partials else None for n in names])


# -- gamma, chi-square, Poisson ---------------------------------------------------------------------------------------------


def _gamma_in_a(a: Any, x: Any) -> Any:
    return incomplete_gamma.parameter_derivative.bind(a, x, k=1)


def _gamma_in_x(a: Any, x: Any) -> Any:
    return gamma_density.bind(a, x)


def _whole(k: Any, x: Any) -> Any:
    """SciPy's number of events, in the precision of x."""
    return np.floor(k).astype(asarray(peek(x)).dtype)


GAMMA: dict[str, Partial] = {
    "a": lambda a, b, x: x * _gamma_in_x(b, a * x),
    "b": lambda a, b, x: _gamma_in_a(b, a * x),
    "x": lambda a, b, x: a * _gamma_in_x(b, a * x),
}
CHI_SQUARE: dict[str, Partial] = {
    "v": lambda v, x: _gamma_in_a(0.5 * v, 0.5 * x) / 2, "x": lambda v, x: _gamma_in_x(0.5 * v, 0.5 * x) / 2,
}  # fmt: skip
POISSON: dict[str, Partial] = {  # the number k is continuous
    "k": lambda k, m: -_gamma_in_a(k + 1, m), "m": lambda k, m: -_gamma_in_x(k + 1, m),
}  # fmt: skip
COUNTED_POISSON: dict[str, Partial] = {"m": lambda k, m: -_gamma_in_x(_whole(k, m) + 1, m)}

distribution("gdtr", GAMMA, "a b x")
distribution("gdtrc", negative(GAMMA), "a b x")
inverse("gdtria", lambda a, b, x: special.gdtr(a, b, x), GAMMA, "a", "p b x")
inverse("gdtrib", lambda a, b, x: special.gdtr(a, b, x), GAMMA, "b", "a p x")
inverse("gdtrix", lambda a, b, x: special.gdtr(a, b, x), GAMMA, "x", "a b p")
distribution("chdtr", CHI_SQUARE, "v x")
distribution("chdtrc", negative(CHI_SQUARE), "v x")
inverse("chdtri", lambda v, x: special.chdtrc(v, x), negative(CHI_SQUARE), "x", "v p")
inverse("chdtriv", lambda v, x: special.chdtr(v, x), CHI_SQUARE, "v", "p x")
distribution("pdtr", COUNTED_POISSON, "k m")
distribution("pdtrc", negative(COUNTED_POISSON), "k m")
inverse("pdtrik", lambda k, m: special.gammaincc(k + 1, m), POISSON, "k", "p m")
declare("pdtri", None, lambda y, k, p: -1 / _gamma_in_x(_whole(k, y) + 1, y))

# -- beta, binomial, F -------------------------------------------------------------------------------------------------------


def _sided(f: Callable[[Any, Any, Any], Any], g: Callable[[Any, Any, Any], Any], a: Any, b: Any, x: Any, rest: Any) -> Any:
    """f(a, b, x) where x is below 1/2 and g(b, a, rest) elsewhere, with ``rest`` = 1 - x to all its digits."""
    low = np.less_equal(x, 0.5)
    if not maybe_any(~bare(low)):
        return f(a, b, x)
    return np.where(low, f(a, b, np.where(low, x, 0.5)), g(b, a, np.where(low, 0.5, rest)))


def _beta_in_a(a: Any, b: Any, x: Any, rest: Any) -> Any:
    return _sided(incomplete_beta.in_a, lambda b, a, r: -incomplete_beta.in_b(b, a, r), a, b, x, rest)


def _beta_in_b(a: Any, b: Any, x: Any, rest: Any) -> Any:
    return _sided(incomplete_beta.in_b, lambda b, a, r: -incomplete_beta.in_a(b, a, r), a, b, x, rest)


def _beta_in_x(a: Any, b: Any, x: Any, rest: Any) -> Any:
    return _sided(beta_density.bind, beta_density.bind, a, b, x, rest)


BETA: dict[str, Partial] = {
    "a": incomplete_beta.in_a, "b": incomplete_beta.in_b, "x": lambda a, b, x: beta_density.bind(a, b, x),
}  # fmt: skip
inverse("btdtria", lambda a, b, x: special.betainc(a, b, x), BETA, "a", "p b x")
inverse("btdtrib", lambda a, b, x: special.betainc(a, b, x), BETA, "b", "a p x")

BINOMIAL: dict[str, Partial] = {  # I_(1-q)(n - k, k + 1) with continuous k and n
    "k": lambda k, n, q: _beta_in_b(n - k, k + 1, 1 - q, q) - _beta_in_a(n - k, k + 1, 1 - q, q),
    "n": lambda k, n, q: _beta_in_a(n - k, k + 1, 1 - q, q),
    "q": lambda k, n, q: -_beta_in_x(n - k, k + 1, 1 - q, q),
}
NEGATIVE_BINOMIAL: dict[str, Partial] = {  # I_q(n, k + 1)
    "k": lambda k, n, q: incomplete_beta.in_b(n, k + 1, q),
    "n": lambda k, n, q: incomplete_beta.in_a(n, k + 1, q),
    "q": lambda k, n, q: beta_density.bind(n, k + 1, q),
}


def _binomial(k: Any, n: Any, q: Any) -> Any:
    return special.betainc(n - k, k + 1, 1 - q)


def _negative_binomial(k: Any, n: Any, q: Any) -> Any:
    return special.betainc(n, k + 1, q)


def _counted_binomial(k: Any, n: Any, q: Any) -> Any:
    """Derivative of bdtr with respect to q: 0 where all outcomes are counted."""
    k, n = _whole(k, q), _whole(n, q)
    full = np.greater_equal(k, n)
    y = -beta_density.bind(np.where(full, 0.0, k) + 1, np.where(full, 1.0, n - k), q)
    return np.where(full, 0.0, y) if np.any(full) else y


def _counted_negative(k: Any, n: Any, q: Any) -> Any:
    return beta_density.bind(_whole(n, q), _whole(k, q) + 1, q)


inverse("bdtrik", _binomial, BINOMIAL, "k", "p n q")
inverse("bdtrin", _binomial, BINOMIAL, "n", "k p q")
inverse("nbdtrik", _negative_binomial, NEGATIVE_BINOMIAL, "k", "p n q")
inverse("nbdtrin", _negative_binomial, NEGATIVE_BINOMIAL, "n", "k p q")
declare("bdtr", None, None, lambda y, k, n, q: _counted_binomial(k, n, q))
declare("bdtrc", None, None, lambda y, k, n, q: -_counted_binomial(k, n, q))
declare("bdtri", None, None, lambda y, k, n, p: 1 / _counted_binomial(k, n, y))
declare("nbdtr", None, None, lambda y, k, n, q: _counted_negative(k, n, q))
declare("nbdtrc", None, None, lambda y, k, n, q: -_counted_negative(k, n, q))
declare("nbdtri", None, None, lambda y, k, n, p: 1 / _counted_negative(k, n, y))


def _of_f(n: Any, m: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """a, b, x and 1 - x of the beta distribution function that the F distribution function is."""
    total = n * x + m
    return 0.5 * n, 0.5 * m, n * x / total, m / total


def _f_in_x(n: Any, m: Any, x: Any) -> Any:
    return _beta_in_x(*_of_f(n, m, x)) * (n / (n * x + m)) * (m / (n * x + m))


F: dict[str, Partial] = {
    "n": lambda n, m, x: 0.5 * _beta_in_a(*_of_f(n, m, x)) + _f_in_x(n, m, x) * x / n,
    "m": lambda n, m, x: 0.5 * _beta_in_b(*_of_f(n, m, x)) - _f_in_x(n, m, x) * x / m,
    "x": _f_in_x,
}
distribution("fdtr", F, "n m x")
distribution("fdtrc", negative(F), "n m x")
inverse("fdtri", lambda n, m, x: special.fdtr(n, m, x), F, "x", "n m p")
inverse("fdtridfd", lambda n, m, x: special.fdtr(n, m, x), F, "m", "n p x")

# -- Student, normal, Tukey -------------------------------------------------------------------------------------------------

STUDENT: dict[str, Partial] = {
    "n": lambda n, t: student_derivative.bind(n, t, k=1), "t": lambda n, t: student_density.bind(n, t),
}  # fmt: skip
distribution("stdtr", STUDENT, "n t")
inverse("stdtrit", lambda n, t: special.stdtr(n, t), STUDENT, "t", "n p")
inverse("stdtridf", lambda n, t: special.stdtr(n, t), STUDENT, "n", "p t")


def _quantile_slope(p: Any) -> Any:
    """1 / density at the quantile of p."""
    z = special.ndtri(p)
    return 1 / (p * hazard(z))


declare(
    "nrdtrimn",
    lambda y, p, s, x: -s * _quantile_slope(p), lambda y, p, s, x: -special.ndtri(p), lambda y, p, s, x: 1 + 0 * y,
)  # fmt: skip
declare(
    "nrdtrisd",
    lambda y, m, p, x: -1 / special.ndtri(p),
    lambda y, m, p, x: -y * _quantile_slope(p) / special.ndtri(p),
    lambda y, m, p, x: 1 / special.ndtri(p),
)


def _tukey_in_x(y: Any, x: Any, p: Any) -> Any:
    return 1 / (y ** (p - 1) + (1 - y) ** (p - 1))


declare(
    "tklmbda",
    _tukey_in_x,
    lambda y, x, p: _tukey_in_x(y, x, p) * (in_power(np.log1p(-y), p) - in_power(np.log(y), p)),
)
