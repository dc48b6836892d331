"""scipy.linalg: exponential, logarithm, square root, sine and cosine, sign, powers and any function of a square matrix.

Exponential, logarithm and ``funm`` are declared once as analytic functions (``block_triangular``); the square root by its residual
Y Y = A, whose linearisation is a Sylvester equation; the others are written with these.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.box import ops, shape_of, strip
from hoad.core.kinds import composite, implicit
from hoad.core.kinds.batching import by_loop
from hoad.core.kinds.cotangents import is_complex
from hoad.core.primitive import expose
from hoad.errors import ShapeError
from hoad.rules.scipy.linalg.block_triangular import block, matrix_function
from hoad.rules.scipy.linalg.matrix_equations import sylvester
from hoad.rules.scipy.linalg.schur_parlett import of_function
from hoad.rules.scipy.linalg.structure import as_matrix, matmul, plain_value, stacked


def _square(a: Any) -> Any:
    """A stack of square matrices of floating dtype."""
    a = as_matrix(a)
    shape = shape_of(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError(f"the matrix has shape {shape}, expected (..., n, n): square matrices along the last two axes.")
    return a


def _frechet(a: Any, e: Any) -> Any:
    return scipy.linalg.expm_frechet(a, e, compute_expm=False, check_finite=False)


expm_ = matrix_function("scipy.linalg.expm", scipy.linalg.expm, _frechet)


def _logm_native(a: Any, derived: bool = False) -> Any:
    """SciPy estimates norms with NumPy's global random numbers; derivatives do not depend on their state, nor change it."""
    if not derived:
        return scipy.linalg.logm(a)
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        warnings.filterwarnings("error", "The logm input matrix .*singular")  # undone by whoever asked for the derivative
        return scipy.linalg.logm(a)
    except UserWarning as e:
        raise np.linalg.LinAlgError(
            f"{e}, expected eigenvalues away from zero: the logarithm has no derivative at a singular matrix."
        ) from None
    finally:
        np.random.set_state(state)  # noqa: NPY002


logm_ = matrix_function("scipy.linalg.logm", _logm_native)


def _signed(root: Any, r: Any) -> Any:
    return sylvester.bind(root, root, r, derived=True)


sqrtm_ = implicit(
    "scipy.linalg.sqrtm",
    scipy.linalg.sqrtm,
    lambda y, a: matmul(y, y) - a,
    lambda r, y, xs: _signed(y, r),
    lambda g, y, xs: _signed(np.conjugate(np.swapaxes(y, -1, -2)), g),
    batch=stacked,
)


def expm(A: Any) -> Any:  # SciPy's name
    return expm_.bind(_square(A))


def logm(A: Any) -> Any:  # SciPy's name
    return logm_.bind(_square(A))


def sqrtm(A: Any) -> Any:  # SciPy's name
    return sqrtm_.bind(_square(A))


# -- the derivative of the exponential as a function of its own -------------------------------------------------------------------


def _frechet_native(a: Any, e: Any, **kw: Any) -> Any:
    return tuple(scipy.linalg.expm_frechet(a, e, **kw))


def _frechet_body(a: Any, e: Any, **kw: Any) -> Any:
    return expm_.bind(a), block(expm_.bind, a, e, real=not (is_complex(a) or is_complex(e)))


expm_frechet_ = composite("scipy.linalg.expm_frechet", _frechet_native, _frechet_body, multi=True)


def expm_frechet(A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True) -> Any:  # SciPy's names
    exponential, derivative = expm_frechet_.bind(_square(A), _square(E), method=method, check_finite=check_finite)
    return (exponential, derivative) if compute_expm else derivative


# -- written with the exponential -------------------------------------------------------------------------------------------------


def _cos(a: Any) -> Any:
    if is_complex(a):
        return 0.5 * (expm_.bind(1j * a) + expm_.bind(-1j * a))
    return ops.real(expm_.bind(1j * a))


def _sin(a: Any) -> Any:
    if is_complex(a):
        return -0.5j * (expm_.bind(1j * a) - expm_.bind(-1j * a))
    return ops.imag(expm_.bind(1j * a))


def _cosh(a: Any) -> Any:
    return 0.5 * (expm_.bind(a) + expm_.bind(-a))


def _sinh(a: Any) -> Any:
    return 0.5 * (expm_.bind(a) - expm_.bind(-a))


def _sign(a: Any) -> Any:
    """A (A^2)^(-1/2): the eigenvalues are off the imaginary axis, so those of A^2 are off the negative real one."""
    root = sqrtm_.bind(matmul(a, a))
    if is_complex(root) and not is_complex(a):
        raise np.linalg.LinAlgError(
            "an eigenvalue lies on the imaginary axis, expected all of them off it: the sign of the matrix has no derivative there."
        )
    return np.linalg.solve(root, a)


def _real_like(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A body whose result is real for real matrices, as SciPy's is."""

    def body(a: Any) -> Any:
        y = f(a)
        return ops.real(y) if is_complex(y) and not is_complex(a) else y

    return body


def _simple(name: str, body: Callable[[Any], Any]) -> Callable[[Any], Any]:
    native = getattr(scipy.linalg, name)
    prim = composite(f"scipy.linalg.{name}", native, _real_like(body), batch=stacked)

    def function(A: Any) -> Any:  # SciPy's name
        return prim.bind(_square(A))

    function.__name__ = name
    return function


# -- powers and functions of one's own --------------------------------------------------------------------------------------------


def _power_native(a: Any, t: Any) -> Any:
    return scipy.linalg.fractional_matrix_power(a, np.asarray(t)[()])


def _power_body(a: Any, t: Any) -> Any:
    """exp(t log A), and a product where the power is a constant whole number."""
    if isinstance(t, int | float | np.number) or (isinstance(t, np.ndarray) and t.ndim == 0):
        if float(t) == int(t):
            return np.linalg.matrix_power(a, int(t))
    y = expm_.bind(t * logm_.bind(a))
    return y + 0j if not is_complex(y) and _is_complex_power(a, t) else y


def _is_complex_power(a: Any, t: Any) -> bool:
    """SciPy's power of a real matrix may be complex with vanishing imaginary parts."""
    matrices, powers = np.reshape(plain_value(a), (-1, *shape_of(a)[-2:])), np.ravel(plain_value(t))
    return any(np.iscomplexobj(_power_native(m, p)) for m, p in np.broadcast(_as_objects(matrices), powers))


def _as_objects(matrices: Any) -> Any:
    out = np.empty(len(matrices), object)
    out[:] = list(matrices)
    return out


power_ = composite("scipy.linalg.fractional_matrix_power", _power_native, _power_body, batch=by_loop)


def fractional_matrix_power(A: Any, t: Any) -> Any:  # SciPy's names
    a = _square(A)
    if shape_of(t) != ():
        raise ShapeError(f"the power has shape {shape_of(t)}, expected (): one number. Loop over the powers, or use hoad.vmap.")
    return power_.bind(a, t)


def _funm_native(a: Any, func: Callable[[Any], Any], derived: bool = False) -> Any:
    return of_function(a, func) if derived else scipy.linalg.funm(a, func)


funm_ = matrix_function("scipy.linalg.funm", _funm_native)


def funm(A: Any, func: Callable[[Any], Any], disp: bool = True) -> Any:  # SciPy's names
    a = _square(A)
    if disp:
        return funm_.bind(a, func=func)
    return funm_.bind(a, func=func), scipy.linalg.funm(strip(a), func, disp=False)[1]


for _name, _f, _kind in (
    ("expm", expm, "opaque"), ("logm", logm, "opaque"), ("sqrtm", sqrtm, "implicit"), ("expm_frechet", expm_frechet, "composite"),
    ("cosm", _simple("cosm", _cos), "composite"), ("sinm", _simple("sinm", _sin), "composite"),
    ("tanm", _simple("tanm", lambda a: np.linalg.solve(_cos(a), _sin(a))), "composite"),
    ("coshm", _simple("coshm", _cosh), "composite"), ("sinhm", _simple("sinhm", _sinh), "composite"),
    ("tanhm", _simple("tanhm", lambda a: np.linalg.solve(_cosh(a), _sinh(a))), "composite"),
    ("signm", _simple("signm", _sign), "composite"), ("funm", funm, "opaque"),
    ("fractional_matrix_power", fractional_matrix_power, "composite"),
):  # fmt: skip
    expose(_f, f"scipy.linalg.{_name}", getattr(scipy.linalg, _name), _kind)
