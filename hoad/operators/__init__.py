"""Derivatives as SciPy linear operators: they are applied, never formed."""

from hoad.operators.gauss_newton import GaussNewtonOperator
from hoad.operators.hessian import HessianOperator
from hoad.operators.jacobian import JacobianOperator

__all__ = ["GaussNewtonOperator", "HessianOperator", "JacobianOperator"]
