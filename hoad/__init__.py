"""Exact derivatives of any order of ordinary NumPy code."""

from hoad import errors, rules  # noqa: F401  # rules fills the registry
from hoad.core.primitive import registry
from hoad.modes.debug import debug_nans
from hoad.transforms.batching import vmap
from hoad.transforms.custom import checkpoint, custom_jvp, custom_vjp, primitive, stop_gradient
from hoad.transforms.first import grad, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
from hoad.transforms.higher import derivative_tensor, jet, partial, taylor
from hoad.transforms.linear import linear_transpose, linearize, linearize_hvp
from hoad.transforms.second import hessian, hvp, value_grad_and_hvp, vhv

__version__ = "0.1.0"
