"""The Gauss-Newton approximation of a Hessian, as a linear operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from hoad.operators.hessian import HessianOperator
from hoad.operators.jacobian import JacobianOperator
from hoad.operators.products import DeviceLinearOperator

__all__ = ["GaussNewtonOperator"]


class GaussNewtonOperator(DeviceLinearOperator):
    """Jᵀ L J, with J the Jacobian of ``residual`` at ``x`` and L the Hessian of ``loss`` at residual(x).

    Parameters
    ----------
    residual : callable
        Function of one argument; any output.
    x : array or container
        The point.
    loss : callable, optional
        Real scalar function of the output of ``residual``; by default half the sum of squares, for which L = 1.

    Attributes
    ----------
    shape : tuple of int
        (n, n), n the number of entries of x.

    Raises
    ------
    DTypeError
        For integer or complex points.

    Notes
    -----
    Positive semi-definite where ``loss`` is convex, which the Hessian need not be.
    Source: Schraudolph (2002), Fast curvature matrix-vector products for second-order gradient descent.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> G = hoad.GaussNewtonOperator(lambda x: x**2, np.array([1.0, 3.0]))
    >>> G @ np.array([1.0, 1.0])
    array([ 4., 36.])
    """

    def __init__(self, residual: Callable[..., Any], x: Any, loss: Callable[..., Any] | None = None) -> None:
        self.jacobian = JacobianOperator(residual, x)
        self.curvature = None if loss is None else HessianOperator(loss, self.jacobian.value)
        n = self.jacobian.shape[1]
        super().__init__(self.jacobian.dtype, (n, n))

    def _matvec(self, v: Any) -> Any:
        w = self.jacobian @ np.reshape(v, (-1,))
        return self.jacobian.H @ (w if self.curvature is None else self.curvature @ w)

    def _matmat(self, V: Any) -> Any:
        W = self.jacobian @ V
        return self.jacobian._rmatmat(W if self.curvature is None else self.curvature @ W)

    def _adjoint(self) -> LinearOperator:
        return self

    def to_dense(self) -> Any:
        """The matrix, shape (n, n)."""
        return self @ np.eye(self.shape[0], dtype=self.dtype)
