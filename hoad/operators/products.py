"""Linear operators on arrays of a device, which SciPy's own would turn into NumPy arrays."""

from __future__ import annotations

from typing import Any

from scipy.sparse.linalg import LinearOperator

from hoad.backends import on_device

__all__ = ["DeviceLinearOperator"]


class DeviceLinearOperator(LinearOperator):
    """A linear operator whose products with arrays of a device stay there."""

    def dot(self, x: Any) -> Any:
        """Product with a vector, a block of columns, or another operator."""
        if not on_device(x):
            return super().dot(x)
        return self.matvec(x) if x.ndim == 1 else self.matmat(x)

    def matvec(self, x: Any) -> Any:
        """Product with a vector."""
        return self._matvec(x) if on_device(x) else super().matvec(x)

    def rmatvec(self, x: Any) -> Any:
        """Product of the adjoint with a vector."""
        return self._rmatvec(x) if on_device(x) else super().rmatvec(x)

    def matmat(self, X: Any) -> Any:
        """Product with a block of columns."""
        return self._matmat(X) if on_device(X) else super().matmat(X)

    def _adjoint(self) -> LinearOperator:
        return _Adjoint(self)

    def _transpose(self) -> LinearOperator:
        return super()._transpose() if self.dtype.kind == "c" else self._adjoint()


class _Adjoint(DeviceLinearOperator):
    """The adjoint of an operator."""

    def __init__(self, of: Any) -> None:
        super().__init__(of.dtype, (of.shape[1], of.shape[0]))
        self.of = of

    def _matvec(self, x: Any) -> Any:
        return self.of._rmatvec(x)

    def _rmatvec(self, x: Any) -> Any:
        return self.of._matvec(x)

    def _rmatmat(self, X: Any) -> Any:
        return self.of._matmat(X)

    def _adjoint(self) -> Any:
        return self.of
