"""The Jacobian of a function at a point, as a linear operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from hoad.operators.products import DeviceLinearOperator
from hoad.operators.vectors import Vectors
from hoad.transforms.batching import vmap
from hoad.transforms.first import vjp
from hoad.transforms.linear import linearize

__all__ = ["JacobianOperator"]


class JacobianOperator(DeviceLinearOperator):
    """Jacobian of ``f`` at ``x`` as a SciPy linear operator, which ``lsqr``, ``lsmr`` and ``svds`` take.

    Parameters
    ----------
    f : callable
        Function of one argument; any output.
    x : array or container
        The point; containers are flattened leaf by leaf, in C order.
    compile : {"auto", True, False}
        Whether repeated products become native code; see :func:`hoad.linearize`.

    Attributes
    ----------
    shape : tuple of int
        (m, n): numbers of entries of f(x) and of x.
    value : container
        f(x).

    Raises
    ------
    DTypeError
        For integer points.

    Notes
    -----
    The non-linear work is done once, for J v when it is first needed and for Jᴴ u when the operator is made.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> J = hoad.JacobianOperator(lambda x: x**2, np.array([1.0, 3.0]))
    >>> J @ np.array([1.0, 1.0]), J.T @ np.array([1.0, 0.0])
    (array([2., 6.]), array([2., 0.]))
    """

    def __init__(self, f: Callable[..., Any], x: Any, *, compile: bool | str = "auto") -> None:
        self.f = f
        self.compile = compile
        self.inputs = Vectors(x)
        self.inputs.leaves = [leaf.copy() for leaf in self.inputs.leaves]
        self.value, self._pull = vjp(f, self.inputs.point())
        self.outputs = Vectors(self.value)
        self._push: Any = None
        super().__init__(np.result_type(self.inputs.dtype, self.outputs.dtype), (self.outputs.size, self.inputs.size))

    def _forward(self) -> Any:
        if self._push is None:
            self._push = linearize(self.f, self.inputs.point(), compile=self.compile)[1]
        return self._push

    def _matvec(self, v: Any) -> Any:
        return self.outputs.pack(self._forward()(self.inputs.unpack(np.reshape(v, (-1,)))))

    def _rmatvec(self, u: Any) -> Any:
        return self.inputs.pack(self._pull(self.outputs.unpack(np.reshape(u, (-1,))))[0])

    def _matmat(self, V: Any) -> Any:
        return self.outputs.pack_columns(vmap(self._forward())(self.inputs.unpack_columns(V)), V.shape[1])

    def _rmatmat(self, U: Any) -> Any:
        return self.inputs.pack_columns(vmap(lambda u: self._pull(u)[0])(self.outputs.unpack_columns(U)), U.shape[1])

    def to_dense(self) -> Any:
        """The matrix, shape (m, n), by the cheaper mode."""
        m, n = self.shape
        if n <= m:
            return self @ np.eye(n, dtype=self.inputs.dtype)
        return np.conjugate(self._rmatmat(np.eye(m, dtype=self.outputs.dtype))).T

    def to_sparse(self) -> csr_array:
        """The matrix in CSR format, its zeros dropped; formed densely first."""
        return csr_array(self.to_dense())
