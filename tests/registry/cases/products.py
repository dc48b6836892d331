# a table: one case, one line where it fits
"""Cases: products."""

import numpy as np

from .case import LACKS, R, case, variants

for _label, _a, _b in (
    ("mm", R(2, 3), R(3, 2)), ("mv", R(2, 3), R(3)), ("vm", R(3), R(3, 2)), ("vv", R(3), R(3)), ("stack", R(2, 2, 3), R(3, 2)),
    ("stack-v", R(2, 2, 3), R(3)), ("v-stack", R(3), R(2, 3, 2)), ("broadcast", R(2, 1, 2, 3), R(3, 3, 2)), ("empty", R(2, 0), R(0, 3)),
):  # fmt: skip
    case("numpy.matmul", np.matmul, _a, _b, label=_label)
case("numpy.matmul", lambda a, b: a @ b, R(2, 3), R(3, 2), label="operator")
for _label, _a, _b in (
    ("mm", R(2, 3), R(3, 2)), ("mv", R(2, 3), R(3)), ("vv", R(3), R(3)), ("3d-2d", R(2, 2, 3), R(3, 2)), ("3d-3d", R(2, 2, 3), R(2, 3, 2)),
    ("0-d", R(), R(2, 3)), ("3d-1d", R(2, 2, 3), R(3)),
):  # fmt: skip
    case("numpy.dot", np.dot, _a, _b, label=_label)
for _label, _a, _b in (("vv", R(3), R(3)), ("mm", R(2, 3), R(4, 3)), ("mv", R(2, 3), R(3)), ("0-d", R(), R(3))):
    case("numpy.inner", np.inner, _a, _b, label=_label)
case("numpy.outer", np.outer, R(2), R(3))
case("numpy.outer", np.outer, R(2, 2), R(3), label="n-d")
case("numpy.vdot", np.vdot, R(2, 3), R(2, 3), holomorphic=False)
case("numpy.tensordot", np.tensordot, R(2, 3, 2), R(3, 2, 2), label="2")
case("numpy.tensordot", lambda a, b: np.tensordot(a, b, axes=0), R(2), R(3), label="0")
case("numpy.tensordot", lambda a, b: np.tensordot(a, b, axes=([0, -1], [1, 0])), R(2, 3, 2), R(2, 2, 3), label="axes")
case("numpy.kron", np.kron, R(2, 2), R(2, 3))
case("numpy.kron", np.kron, R(2), R(2, 2), label="ranks")
variants("numpy.cross", np.cross, (R(2, 3), R(2, 3)), {}, {"axisc": 0})
case("numpy.cross", np.cross, R(3), R(4, 3), label="broadcast")
case("numpy.cross", lambda a, b: np.cross(a, b, axis=0), R(3, 2), R(3, 2), label="axis")
variants("numpy.trace", np.trace, (R(3, 3, 2),), {}, {"offset": 1}, {"axis1": 0, "axis2": 1})
for _name in ("tril", "triu"):
    variants(f"numpy.{_name}", getattr(np, _name), (R(2, 3, 3),), {}, {"k": 1}, {"k": -1})
for _name in ("convolve", "correlate"):
    for _mode in ("full", "same", "valid"):
        _f = getattr(np, _name)
        case(
            f"numpy.{_name}",
            lambda a, v, _f=_f, _m=_mode: _f(a, v, mode=_m),
            R(5),
            R(3),
            label=_mode,
            holomorphic=_name == "convolve",
        )
        case(
            f"numpy.{_name}",
            lambda a, v, _f=_f, _m=_mode: _f(a, v, mode=_m),
            R(2),
            R(4),
            label=f"{_mode}-short",
            holomorphic=_name == "convolve",
        )
for _sub, *_shapes in (
    ("ij,jk->ik", (2, 3), (3, 2)), ("ij,jk", (2, 3), (3, 2)), ("ii", (3, 3)), ("ii->i", (3, 3)), ("ij->ji", (2, 3)), ("ij->", (2, 3)),
    ("...ij,...jk->...ik", (2, 2, 3), (3, 2)), ("i,j,k->ijk", (2,), (3,), (2,)), ("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)), ("iij,j->i", (2, 2, 3), (3,)),
    ("bij,bj->bi", (2, 2, 3), (2, 3)), ("i,i->", (3,), (3,)), ("ij,j->ij", (2, 3), (1,)),
):  # fmt: skip
    case("numpy.einsum", lambda *xs, _s=_sub: np.einsum(_s, *xs), *[R(*s) for s in _shapes], label=_sub)
case("numpy.einsum", lambda a, b: np.einsum("ij,jk->ik", a, b, optimize=True), R(2, 3), R(3, 2), label="optimize")
case("numpy.einsum", lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]), R(2, 3), R(3, 2), label="lists")
if hasattr(np, "vecdot"):
    case("numpy.vecdot", np.vecdot, R(2, 3), R(3), holomorphic=False, device=LACKS.format("vecdot"))
    case(
        "numpy.vecdot",
        lambda a, b: np.vecdot(a, b, axis=0),
        R(3, 2),
        R(3, 2),
        label="axis",
        holomorphic=False,
        device=LACKS.format("vecdot"),
    )
if hasattr(np, "matvec"):
    case("numpy.matvec", np.matvec, R(2, 2, 3), R(3), device=LACKS.format("matvec"))
    case("numpy.vecmat", np.vecmat, R(2, 3), R(2, 3, 2), holomorphic=False, device=LACKS.format("vecmat"))
