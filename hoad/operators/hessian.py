"""The Hessian of a scalar function at a point, as a linear operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator

from hoad.errors import DTypeError
from hoad.operators.products import DeviceLinearOperator
from hoad.operators.vectors import Vectors
from hoad.transforms.batching import vmap
from hoad.transforms.linear import linearize_hvp
from hoad.transforms.second import hvp, vhv

__all__ = ["HessianOperator"]


class HessianOperator(DeviceLinearOperator):
    """Hessian of ``f`` at ``x`` as a SciPy linear operator, which ``eigsh``, ``cg``, ``minres`` and ``lobpcg`` take.

    Parameters
    ----------
    f : callable
        Function of one argument that returns a real scalar.
    x : array or container
        The point; containers are flattened leaf by leaf, in C order.
    compile : {"auto", True, False}
        Whether repeated products become native code; see :func:`hoad.linearize`.

    Attributes
    ----------
    shape : tuple of int
        (n, n), n the number of entries of x.
    value, gradient : scalar, array of shape (n,)
        Of ``f`` at x.

    Raises
    ------
    DTypeError
        For integer or complex points.
    NotScalarError
        At the first product, if ``f`` does not return a real scalar.

    Notes
    -----
    The first product costs about two gradients.  From the second on, the work that does not depend on the direction is
    not repeated.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> H = hoad.HessianOperator(lambda x: np.sum(x**3), np.array([1.0, 2.0]))
    >>> H @ np.array([1.0, 1.0])
    array([ 6., 12.])
    """

    def __init__(self, f: Callable[..., Any], x: Any, *, compile: bool | str = "auto") -> None:
        self.f = f
        self.compile = compile
        self.vectors = Vectors(x)
        if self.vectors.dtype.kind == "c":
            raise DTypeError("HessianOperator needs a real point; differentiate with respect to real and imaginary parts.")
        # Later changes of the caller's array must not change the operator.
        self.vectors.leaves = [leaf.copy() for leaf in self.vectors.leaves]
        n = self.vectors.size
        super().__init__(self.vectors.dtype, (n, n))
        self._used = False
        self._linear: Any = None

    def _linearized(self) -> Any:
        if self._linear is None:
            self._linear = linearize_hvp(self.f, self.vectors.point(), compile=self.compile)
        return self._linear

    @property
    def value(self) -> Any:
        """f(x)."""
        return self._linearized()[0]

    @property
    def gradient(self) -> Any:
        """Gradient at x, flat."""
        return self.vectors.pack(self._linearized()[1])

    def _matvec(self, v: Any) -> Any:
        direction = self.vectors.unpack(np.reshape(v, (-1,)))
        if not self._used and self._linear is None:
            self._used = True
            return self.vectors.pack(hvp(self.f, self.vectors.point(), direction))
        return self.vectors.pack(self._linearized()[2](direction))

    def _matmat(self, V: Any) -> Any:
        product = self._linearized()[2]
        columns = vmap(product)(self.vectors.unpack_columns(V))
        return self.vectors.pack_columns(columns, V.shape[1])

    def _adjoint(self) -> LinearOperator:
        return self

    def diagonal(self) -> Any:
        """Exact diagonal, shape (n,); one pass with n directions, forward mode only."""
        units = self.vectors.unpack_columns(np.eye(self.vectors.size, dtype=self.dtype))
        point = self.vectors.point()
        return vmap(lambda e: vhv(self.f, point, e))(units)

    def trace(self, estimator: str | None = None, samples: int = 32, rng: Any = None) -> Any:
        """Trace: exact, or with ``estimator="hutchinson"`` from ``samples`` random sign vectors.

        The estimate is unbiased; its variance is 2 (‖H‖_F² - Σ Hᵢᵢ²) / samples.
        """
        if estimator is None:
            return np.sum(self.diagonal())
        if estimator != "hutchinson":
            raise ValueError(f"estimator={estimator!r}, expected None (exact) or 'hutchinson'")
        signs = np.random.default_rng(rng).choice([-1.0, 1.0], size=(self.vectors.size, samples)).astype(self.dtype)
        return np.sum(signs * (self @ signs)) / samples

    def to_dense(self) -> Any:
        """The matrix, shape (n, n)."""
        return self @ np.eye(self.vectors.size, dtype=self.dtype)

    def to_sparse(self) -> csr_array:
        """The matrix in CSR format, its zeros dropped; formed densely first."""
        return csr_array(self.to_dense())
