"""Optimisation with exact derivatives: forward gradients, hyperplane search, first- and second-order methods."""

from hoad.optimize.estimators import curvature_matrix, forward_gradient

__all__ = ["curvature_matrix", "forward_gradient"]
