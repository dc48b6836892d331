"""Exact derivatives of any order of ordinary NumPy code."""

from hoad import errors, rules  # noqa: F401  # rules fills the registry
from hoad.core.primitive import registry
from hoad.modes.debug import debug_nans
from hoad.transforms.first import grad, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
from hoad.transforms.second import hessian, hvp, value_grad_and_hvp, vhv

__version__ = "0.1.0"
