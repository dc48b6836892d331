# a table: one case, one line where it fits
"""Cases: linear algebra."""

import numpy as np

from .case import LACKS, LAPACK, SPD, D, R, V, W, case, variants

for _label, _a, _b in (
    ("vector", W(3, 3), R(3)), ("matrix", W(3, 3), R(3, 2)), ("stack", W(2, 3, 3), R(2, 3, 2)), ("broadcast", W(3, 3), R(2, 3, 1)),
):  # fmt: skip
    case("numpy.linalg.solve", np.linalg.solve, _a, _b, label=_label, **LAPACK)
for _shape in ((3, 3), (2, 2, 2)):
    for _name in ("inv", "det"):
        case(f"numpy.linalg.{_name}", getattr(np.linalg, _name), W(*_shape), label=f"{len(_shape)}-d", **LAPACK)
    case(
        "numpy.linalg.slogdet",
        lambda a: np.linalg.slogdet(a).logabsdet,
        W(*_shape),
        label=f"{len(_shape)}-d",
        holomorphic=False,
        **LAPACK,
    )
    case("numpy.linalg.cholesky", np.linalg.cholesky, SPD(*_shape), label=f"{len(_shape)}-d", holomorphic=False, **LAPACK)
case("numpy.linalg.slogdet", lambda a: tuple(np.linalg.slogdet(a)), W(2, 2), label="sign", holomorphic=False, **LAPACK)
case(
    "numpy.linalg.det",
    np.linalg.det,
    V([[1.0, 2.0, 0.5, 0.3], [2.0, 4.0, 1.0, 0.6], [0.0, 1.0, 3.0, -1.0], [1.0, 0.5, 0.2, 2.0]]),
    label="singular",
    in_double=True,
    holomorphic=False,
    **LAPACK,
)
case(
    "numpy.linalg.cholesky",
    lambda a: np.linalg.cholesky(a, upper=True),
    SPD(3, 3),
    label="upper",
    holomorphic=False,
    device="CuPy's cholesky has no upper=",
    **LAPACK,
)


def H(*shape):
    """Symmetric matrices, Hermitian if complex, with eigenvalues far apart."""

    def sample(rng):
        a = rng.uniform(-0.3, 0.3, shape)
        return a + np.swapaxes(a, -1, -2) + np.diag(2.0 * np.arange(shape[-1]) - 1.5)

    def complexify(x, rng):
        b = rng.uniform(-0.3, 0.3, x.shape)
        return x + 1j * (b - np.swapaxes(b, -1, -2))

    sample.complexify = complexify
    return sample


def _without_phases(a, **kw):
    """Eigenvalues and the squared moduli of the eigenvectors, whose phases are a matter of convention."""
    w, v = np.linalg.eigh(a, **kw)
    return w, np.real(v * np.conj(v))


for _shape in ((3, 3), (2, 2, 2)):
    for _kw in ({}, {"UPLO": "U"}):
        _label = f"{len(_shape)}-d{'-upper' if _kw else ''}"
        for _name, _f in (("eigh", _without_phases), ("eigvalsh", np.linalg.eigvalsh)):
            case(
                f"numpy.linalg.{_name}",
                lambda a, _f=_f, _kw=_kw: _f(a, **_kw),
                H(*_shape),
                label=_label,
                holomorphic=False,
                **LAPACK,
            )
for _kw in ({}, {"axis": 0}, {"axis": 1, "ord": 1}, {"axis": 1, "ord": 3}, {"axis": 1, "ord": np.inf}, {"axis": 0, "ord": -np.inf}, {"axis": (0, 1), "ord": "fro"},
            {"axis": (0, 1), "ord": 1}, {"axis": (0, 1), "ord": np.inf}, {"axis": -1, "keepdims": True}):  # fmt: skip
    variants("numpy.linalg.norm", np.linalg.norm, (D(2, 3),), _kw, holomorphic=False, step=2e-3)
variants(
    "numpy.linalg.vector_norm",
    np.linalg.vector_norm,
    (D(2, 3),),
    {},
    {"axis": 0, "ord": 1},
    {"axis": -1, "keepdims": True, "ord": 3},
    holomorphic=False,
    device=LACKS.format("vector_norm"),
)
variants(
    "numpy.linalg.matrix_norm",
    np.linalg.matrix_norm,
    (D(2, 3, 3),),
    {},
    {"ord": 1, "keepdims": True},
    holomorphic=False,
    device=LACKS.format("matrix_norm"),
)
for _p in (1, "fro", np.inf):
    variants("numpy.linalg.cond", np.linalg.cond, (W(3, 3),), {"p": _p}, holomorphic=False, step=5e-3, **LAPACK)
for _n in (0, 1, 3, -2):
    variants("numpy.linalg.matrix_power", np.linalg.matrix_power, (W(2, 2),), {"n": _n}, **LAPACK)
case("numpy.linalg.multi_dot", lambda *xs: np.linalg.multi_dot(xs), R(2, 3), R(3, 4), R(4, 2), device=LACKS.format("multi_dot"))
case("numpy.linalg.tensorsolve", np.linalg.tensorsolve, lambda rng: W(4, 4)(rng).reshape(2, 2, 4), R(2, 2), **LAPACK)
case("numpy.linalg.tensorinv", lambda a: np.linalg.tensorinv(a, ind=2), lambda rng: W(4, 4)(rng).reshape(2, 2, 4), **LAPACK)
case("numpy.linalg.cross", np.linalg.cross, R(2, 3), R(3), device=LACKS.format("linalg.cross"))
case("numpy.linalg.outer", np.linalg.outer, R(2), R(3), device=LACKS.format("linalg.outer"))
case("numpy.linalg.matmul", np.linalg.matmul, R(2, 3), R(3, 2))
case("numpy.linalg.tensordot", np.linalg.tensordot, R(2, 3, 2), R(3, 2), device=LACKS.format("linalg.tensordot"))
case("numpy.linalg.vecdot", np.linalg.vecdot, R(2, 3), R(2, 3), holomorphic=False, device=LACKS.format("linalg.vecdot"))
case("numpy.linalg.trace", np.linalg.trace, R(2, 3, 3), device=LACKS.format("linalg.trace"))
case("numpy.linalg.diagonal", np.linalg.diagonal, R(2, 3, 3), device=LACKS.format("linalg.diagonal"))
case("numpy.linalg.matrix_transpose", np.linalg.matrix_transpose, R(2, 2, 3))
