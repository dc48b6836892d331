"""scipy.linalg: block matrices, norms, balancing, singular values and angles."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.box import ops, peek, shape_of
from hoad.core.kinds import composite, constant
from hoad.core.kinds.batching import by_loop
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array
from hoad.rules.linear_algebra.spectral_outputs import mark_singular_values
from hoad.rules.scipy.linalg.orthogonal import thin_qr
from hoad.rules.scipy.linalg.structure import adjoint, as_matrix, matmul, over_stack, stacked

# -- blocks -----------------------------------------------------------------------------------------------------------------------


def _block_diag(*xs: Any) -> Any:
    width = sum(shape_of(x)[-1] for x in xs)
    lead = np.broadcast_shapes(*[shape_of(x)[:-2] for x in xs])
    rows, before = [], 0
    for x in xs:
        m, n = shape_of(x)[-2:]
        dtype = peek(x).dtype
        parts = [np.zeros((*lead, m, before), dtype), ops.broadcast_to(x, (*lead, m, n))]
        rows.append(np.concatenate([*parts, np.zeros((*lead, m, width - before - n), dtype)], axis=-1))
        before += n
    return np.concatenate(rows, axis=-2)


block_diag_ = composite("scipy.linalg.block_diag", scipy.linalg.block_diag, _block_diag)


def block_diag(*arrs: Any) -> Any:
    xs = [as_array(a) for a in arrs]
    return block_diag_.bind(*[np.reshape(x, (1, x.size)) if x.ndim < 2 else x for x in xs])


def _khatri_rao(a: Any, b: Any) -> Any:
    return np.reshape(a[:, None, :] * b[None, :, :], (shape_of(a)[0] * shape_of(b)[0], shape_of(a)[1]))


khatri_rao_ = composite("scipy.linalg.khatri_rao", scipy.linalg.khatri_rao, _khatri_rao)


def khatri_rao(a: Any, b: Any) -> Any:
    return over_stack(khatri_rao_.bind, [as_array(a), as_array(b)], (2, 2))


# -- norm -------------------------------------------------------------------------------------------------------------------------


def _norm_native(a: Any, ord: Any, axis: Any, keepdims: bool, check_finite: bool) -> Any:
    """Some of SciPy's norms are Python numbers."""
    y = scipy.linalg.norm(a, ord, axis, keepdims, check_finite)
    return np.float64(y) if isinstance(y, float) else y


norm_ = composite(
    "scipy.linalg.norm",
    _norm_native,
    lambda a, ord, axis, keepdims, check_finite: np.linalg.norm(a, ord, axis, keepdims),
)


def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Any:
    return norm_.bind(as_array(a), ord=ord, axis=axis, keepdims=keepdims, check_finite=check_finite)


# -- balancing: the scaling consists of powers of two and is piecewise constant ---------------------------------------------------


def _transformation_native(a: Any, permute: bool, scale: bool) -> Any:
    return scipy.linalg.matrix_balance(a, permute=permute, scale=scale)[1]


_transformation = constant("scipy.linalg.balancing", _transformation_native, batch=stacked)


def _balance_native(a: Any, permute: bool, scale: bool, separate: bool) -> Any:
    b, t = scipy.linalg.matrix_balance(a, permute=permute, scale=scale, separate=separate)
    return (b, *t) if separate else (b, t)


def _balance_body(a: Any, permute: bool, scale: bool, separate: bool) -> Any:
    t = _transformation.bind(a, permute=permute, scale=scale)
    b = np.linalg.solve(t, matmul(a, t))
    return (b, 0, 0) if separate else (b, 0)


balance_ = composite("scipy.linalg.matrix_balance", _balance_native, _balance_body, multi=True, batch=by_loop)


def matrix_balance(
    A: Any, permute: bool = True, scale: bool = True, separate: bool = False, overwrite_a: bool = False
) -> Any:  # SciPy's names
    kw = {"permute": permute, "scale": scale, "separate": separate}
    b, *t = over_stack(lambda a: tuple(balance_.bind(a, **kw)), [as_matrix(A)], (2,))
    return (b, tuple(t)) if separate else (b, t[0])


# -- singular values, by the rules of numpy.linalg.svd ----------------------------------------------------------------------------


def _alignment_native(a: Any, full_matrices: bool, lapack_driver: str) -> Any:
    """The phases that turn NumPy's singular vectors into SciPy's; NaN where they differ by more than phases."""
    k = min(a.shape[-2:])
    ours = np.linalg.svd(a, full_matrices=False)[0]
    theirs = scipy.linalg.svd(a, full_matrices=full_matrices, lapack_driver=lapack_driver)[0][..., :k]
    phases = np.sum(np.conjugate(ours) * theirs, axis=-2)
    exact = np.abs(np.abs(phases) - 1) < 1e3 * np.finfo(ours.dtype).eps ** 0.5
    unit = phases / np.where(phases == 0, 1, np.abs(phases))
    return np.where(exact, np.where(np.abs(unit - 1) < 1e-3, 1.0, unit), np.nan).astype(ours.dtype)


_alignment = constant("scipy.linalg.alignment_of_singular_vectors", _alignment_native, batch=stacked)


def _svd_body(a: Any, full_matrices: bool, check_finite: bool, lapack_driver: str) -> Any:
    u, s, vh = np.linalg.svd(a, full_matrices=full_matrices)
    phases = _alignment.bind(a, full_matrices=full_matrices, lapack_driver=lapack_driver)

    def rest(n: int) -> Any:
        return np.ones((*shape_of(phases)[:-1], n - shape_of(phases)[-1]), peek(a).dtype)

    left = np.concatenate([phases, rest(shape_of(u)[-1])], axis=-1)
    right = np.concatenate([np.conjugate(phases), rest(shape_of(vh)[-2])], axis=-1)
    return u * left[..., None, :], s, vh * right[..., :, None]


svd_ = composite("scipy.linalg.svd", lambda a, **kw: tuple(scipy.linalg.svd(a, **kw)), _svd_body, multi=True, batch=stacked)
svdvals_ = composite(
    "scipy.linalg.svdvals",
    lambda a, lapack_driver, check_finite: scipy.linalg.svd(
        a, compute_uv=False, lapack_driver=lapack_driver, check_finite=check_finite
    ),
    lambda a, lapack_driver, check_finite: np.linalg.svd(a, compute_uv=False),
    batch=stacked,
)


def svd(
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    a = as_matrix(a)
    if not compute_uv:
        return mark_singular_values(a, svdvals_.bind(a, lapack_driver=lapack_driver, check_finite=check_finite))[0]
    u, s, vh = svd_.bind(a, full_matrices=full_matrices, lapack_driver=lapack_driver, check_finite=check_finite)
    return mark_singular_values(a, s, u, vh)


def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return svd(a, compute_uv=False, check_finite=check_finite)


def _angles(a: Any, b: Any) -> Any:
    """Small angles by their sines, large ones by their cosines, as SciPy does."""
    one, two = (thin_qr.bind(x, check_finite=True)[0] for x in (a, b))
    both = matmul(adjoint(one), two)
    if shape_of(one)[1] >= shape_of(two)[1]:
        rest = two - matmul(one, both)
    else:
        rest = one - matmul(two, adjoint(both))
    cosines, sines = (np.linalg.svd(m, compute_uv=False) for m in (both, rest))
    cosines = cosines[::-1]  # the largest angle first, as the sines are
    small = cosines**2 >= 0.5
    return np.where(small, np.arcsin(np.where(small, sines, 0.0)), np.arccos(np.where(small, 0.0, cosines)))


angles_ = composite("scipy.linalg.subspace_angles", scipy.linalg.subspace_angles, _angles)


def subspace_angles(A: Any, B: Any) -> Any:  # SciPy's names
    return angles_.bind(as_matrix(A), as_matrix(B))


# -- questions about a matrix -----------------------------------------------------------------------------------------------------


_bandwidth = constant("scipy.linalg.bandwidth", scipy.linalg.bandwidth, multi=True, batch=by_loop)
_issymmetric = constant("scipy.linalg.issymmetric", lambda a, **kw: scipy.linalg.issymmetric(a, **kw), batch=by_loop)
_ishermitian = constant("scipy.linalg.ishermitian", lambda a, **kw: scipy.linalg.ishermitian(a, **kw), batch=by_loop)


def bandwidth(a: Any) -> Any:
    return _bandwidth.bind(as_array(a))


def issymmetric(a: Any, atol: Any = None, rtol: Any = None) -> Any:
    return _issymmetric.bind(as_array(a), atol=atol, rtol=rtol)


def ishermitian(a: Any, atol: Any = None, rtol: Any = None) -> Any:
    return _ishermitian.bind(as_array(a), atol=atol, rtol=rtol)


for _name, _f, _kind in (
    ("block_diag", block_diag, "linear"), ("khatri_rao", khatri_rao, "multilinear"), ("norm", norm, "composite"),
    ("matrix_balance", matrix_balance, "composite"), ("svd", svd, "composite"), ("svdvals", svdvals, "composite"),
    ("subspace_angles", subspace_angles, "composite"), ("bandwidth", bandwidth, "constant"),
    ("issymmetric", issymmetric, "constant"), ("ishermitian", ishermitian, "constant"),
):  # fmt: skip
    expose(_f, f"scipy.linalg.{_name}", getattr(scipy.linalg, _name), _kind)
