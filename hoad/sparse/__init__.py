"""Sparse Jacobians and Hessians: the pattern from one run of the program, colours, a few directional derivatives.

``pattern`` finds which entries can be non-zero, ``coloring`` groups columns that can share a direction, ``compress`` evaluates one
derivative per colour and puts its entries in their places.
"""

from hoad.sparse.compress import (
    SparseHessianPlan,
    SparseJacobianPlan,
    plan_sparse_hessian,
    plan_sparse_jacobian,
    sparse_hessian,
    sparse_jacobian,
)
from hoad.sparse.pattern import hessian_pattern, jacobian_pattern

__all__ = [
    "SparseHessianPlan",
    "SparseJacobianPlan",
    "hessian_pattern",
    "jacobian_pattern",
    "plan_sparse_hessian",
    "plan_sparse_jacobian",
    "sparse_hessian",
    "sparse_jacobian",
]
