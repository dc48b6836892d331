"""Exact derivatives of any order of ordinary NumPy code."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

from hoad import errors, rules
from hoad.compiler import Program, trace
from hoad.compiler.compiled import compile
from hoad.compiler.settings import get_num_threads, set_num_threads
from hoad.core.primitive import registry
from hoad.modes.debug import debug_nans
from hoad.operators import GaussNewtonOperator, HessianOperator, JacobianOperator
from hoad.transforms.batching import vmap
from hoad.transforms.check import check_derivatives
from hoad.transforms.control import fixed_point, fori_loop, linear_solve, revolve_schedule, root, scan, while_loop
from hoad.transforms.custom import checkpoint, custom_jvp, custom_vjp, primitive, stop_gradient
from hoad.transforms.differential_equations import odeint
from hoad.transforms.first import grad, jvp, value_and_grad, vjp
from hoad.transforms.higher import derivative_tensor, jet, partial, taylor
from hoad.transforms.implicit import implicit
from hoad.transforms.jacobian import jacfwd, jacobian, jacrev
from hoad.transforms.linear import linear_transpose, linearize, linearize_hvp
from hoad.transforms.second import hessian, hvp, value_grad_and_hvp, vhv

if TYPE_CHECKING:
    from hoad import mechanics, numpy, optimize, scipy, sparse, testing  # noqa: F401  # imported when they are first used, see below

__version__ = "0.1.0"

__all__ = [
    "GaussNewtonOperator",
    "HessianOperator",
    "JacobianOperator",
    "Program",
    "check_derivatives",
    "checkpoint",
    "compile",
    "custom_jvp",
    "custom_vjp",
    "debug_nans",
    "derivative_tensor",
    "errors",
    "fixed_point",
    "fori_loop",
    "get_num_threads",
    "grad",
    "hessian",
    "hvp",
    "implicit",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jet",
    "jvp",
    "linear_solve",
    "linear_transpose",
    "linearize",
    "linearize_hvp",
    "odeint",
    "partial",
    "primitive",
    "registry",
    "revolve_schedule",
    "root",
    "scan",
    "set_num_threads",
    "stop_gradient",
    "taylor",
    "trace",
    "value_and_grad",
    "value_grad_and_hvp",
    "vhv",
    "vjp",
    "vmap",
    "while_loop",
]


del rules  # imported only to fill the registry

_SUBPACKAGES = ("mechanics", "numpy", "optimize", "scipy", "sparse", "testing")


def __getattr__(name: str) -> _Any:
    """Subpackages that are imported when they are first used."""
    if name in _SUBPACKAGES:
        return _import_module(f"hoad.{name}")
    raise AttributeError(f"module 'hoad' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBPACKAGES, "__version__"})
