"""scipy.integrate with traced values: differential equations, integrals of functions and of samples."""

import scipy.integrate as _scipy_integrate

import hoad.rules.scipy.integrate  # noqa: F401  # its declarations
from hoad.rules.namespace import mirror as _mirror
from hoad.transforms import quadrature as _quadrature
from hoad.transforms.differential_equations.initial_values import solve_ivp as _solve_ivp
from hoad.transforms.differential_equations.scipy_odeint import odeint as _odeint

_functions = {
    "odeint": _odeint,
    "solve_ivp": _solve_ivp,
    **{name: getattr(_quadrature, name) for name in _quadrature.__all__},
}

__getattr__, __dir__ = _mirror(_scipy_integrate, globals(), _functions)
