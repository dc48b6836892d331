"""Cases for the primitives that have a loop form: ordinary and special values, odd shapes, broadcasting, empty arrays."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import scipy.sparse as sp

from .lowering_tools import Case

rng = np.random.default_rng(11)
INF, NAN = np.inf, np.nan


def r(*shape: int) -> Any:
    return np.asarray(rng.standard_normal(shape))


def specials(dtype: Any) -> Any:
    """Zeros, infinities, NaN, and numbers at the ends of the range and of what functions distinguish."""
    f = np.finfo(dtype)
    small = [f.tiny, f.smallest_subnormal, f.eps, 1e-8, 1e-3]
    positive = [0.0, *small, 0.3, 0.5, 0.65, 1, 2, 3.5, 88, 700, 1e3, 1e8, f.max, INF]
    return np.array([*positive, *[-x for x in positive], NAN], dtype)


def with_specials(*shape: int) -> Any:
    x = r(*shape)
    x.flat[: min(5, x.size)] = [-0.0, NAN, INF, -INF, 0.0][: x.size]
    return x


# -- functions of one point --------------------------------------------------------------------------------------------

ONE = [
    "absolute",
    "apex",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "cbrt",
    "ceil",
    "cos",
    "cosh",
    "deg2rad",
    "degrees",
    "entr",
    "exp",
    "exp10",
    "exp2",
    "expit",
    "expm1",
    "exprel",
    "fix",
    "floor",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "log",
    "log10",
    "log1p",
    "log2",
    "log_expit",
    "logical_not",
    "logit",
    "modf_fraction",
    "negative",
    "positive",
    "rad2deg",
    "radians",
    "reciprocal",
    "rint",
    "scipy.cbrt",
    "scipy.exp2",
    "scipy.expm1",
    "scipy.log1p",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sincos",
    "sinh",
    "softplus",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "trunc",
    "copy",
    "conjugate",
    "real",
    "frozen",
    "erf",
]
TWO = [
    "add",
    "arctan2",
    "copysign",
    "divide",
    "equal",
    "float_power",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "gate",
    "greater",
    "greater_equal",
    "heaviside",
    "huber",
    "hypot",
    "kl_div",
    "less",
    "less_equal",
    "log_ratio",
    "logaddexp",
    "logical_and",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "multiply",
    "not_equal",
    "pow",
    "power",
    "pseudo_huber",
    "rel_entr",
    "remainder",
    "subtract",
    "undefined_slope",
    "valued",
    "value_of",
    "xlog1py",
    "xlogy",
]
EXACT = {
    "absolute",
    "add",
    "apex",
    "ceil",
    "conjugate",
    "copy",
    "copysign",
    "divide",
    "equal",
    "fix",
    "floor",
    "floor_divide",
    "fmod",
    "frozen",
    "gate",
    "greater",
    "greater_equal",
    "heaviside",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "modf_fraction",
    "multiply",
    "negative",
    "not_equal",
    "positive",
    "real",
    "reciprocal",
    "remainder",
    "rint",
    "sign",
    "signbit",
    "sqrt",
    "square",
    "subtract",
    "trunc",
    "undefined_slope",
    "value_of",
    "valued",
}
SCALED = {"logaddexp", "kl_div", "softplus"}
BOOLEAN = {"undefined_slope", "apex"}


def points(dtype: Any) -> list[Case]:
    x = specials(dtype)
    a, b = np.repeat(x, len(x)), np.tile(x, len(x))
    found = []
    for name in ONE:
        for arg in (x, r(301) * 3, np.abs(r(64)) / 4, r(64) * 50, r(0), r()):
            args = (arg > 0, arg) if name == "apex" else (arg,)
            underflows = name == "expit" and arg.size == 64  # SciPy's own expit does in single precision
            exact = (lambda t: 1 / (1 + mpmath.exp(-t))) if underflows else None
            found.append(Case(name, args, bitwise=name in EXACT, exact=exact))
    for name in TWO:
        for p, q in ((a, b), (r(301) * 3, r(301) * 3), (np.abs(r(64)), np.abs(r(64))), (r(4, 1), r(3)), (r(), r(2, 0))):
            if name in ("value_of", "valued") and np.shape(p) != np.shape(q):
                continue
            p = p > 0 if name in BOOLEAN else p
            found.append(Case(name, (p, q), bitwise=name in EXACT, scaled=name in SCALED))
    found += [
        Case("gate", (a > 0, b), bitwise=True),
        Case("where", (a > 0, a, b), bitwise=True),
        Case("where", (a, b, 2.0), bitwise=True),
    ]
    found += [Case(n, (a > 0, b > 1), bitwise=True) for n in ("bitwise_and", "bitwise_or", "bitwise_xor", "equal", "logical_and")]
    found += [Case("invert", (a > 0,), bitwise=True), Case("logical_not", (a > 0,), bitwise=True)]
    found += [Case("pow", (r(5), p)) for p in (2, 3, -1, 2.0, 0.5)] + [Case("add", (r(3, 1), 2)), Case("divide", (1, r(4)))]
    found += [Case(n, (x, p)) for n in ("float_power", "power") for p in (0.5, np.float64(2.0), np.float64(3.0))]
    found += [Case(n, (np.abs(r(9)) + 1, 1e-310), bitwise=True) for n in ("floor_divide", "remainder", "heaviside")]
    found.append(Case("heaviside", (1e-310, r(9)), bitwise=True))
    for kw in ({"nan": 0.0, "posinf": None, "neginf": None}, {"nan": 2.0, "posinf": 3.0, "neginf": -1}):
        found.append(Case("nan_to_num", (x,), kw, bitwise=True))
    found += [Case("round", (r(50) * 30,), kw, bitwise=True) for kw in ({}, {"decimals": 0}, {"decimals": 2}, {"decimals": -1})]
    found += [Case("angle_real", (x,), {"deg": deg}) for deg in (True, False)]
    found += [Case("isclose", (a, b), kw, bitwise=True) for kw in ({}, {"equal_nan": True}, {"rtol": 0.5, "atol": 0.0})]
    found += [Case("clip", (a, b, b[::-1].copy())), Case("clip", (x, -1.0, 2.0), bitwise=True)]
    found += [Case("astype", (x,), {"dtype": np.dtype(d)}, bitwise=True) for d in ("f8", "f4", "?")]
    found.append(Case("astype", (x > 0,), {"dtype": np.dtype("f4")}, bitwise=True))
    found.append(Case("logaddexp2", (a, b)))
    found.append(Case("logaddexp2", (r(99), r(99)), scaled=True))
    wide = 4.0 if dtype == np.float32 else 6.0
    found += [Case("cosm1", (y,), exact=lambda t: -2 * mpmath.sin(t / 2) ** 2, ulps=wide) for y in (r(99), r(99) * 40)]
    far = r(99) * 8  # x / sqrt(2) is rounded, here and in SciPy: x**2 units
    found += [Case("ndtr", (y,), exact=mpmath.ncdf, ulps=8 + np.max(y * y)) for y in (r(99), far)]
    found += [Case("ndtr", (np.array([INF, -INF, NAN]),))]
    found += [Case("erfc", (y,), exact=mpmath.erfc) for y in (r(99), r(99) * 8)] + [Case("erfc", (np.array([INF, -INF, NAN]),))]
    return found


# -- functions that move elements --------------------------------------------------------------------------------------

SOME = np.array([3, 0, -1, 3, 2])
INDICES: list[Any] = [
    (SOME,),
    SOME,
    (slice(None), SOME),
    (SOME, slice(1, 6, 2)),
    (SOME, np.arange(5)),
    (SOME[:, None], np.array([1, 2, 0])),
    (None, SOME),
    (..., SOME),
    (slice(None, None, -1), SOME),
    (np.arange(3), np.arange(3)),
    np.array([], int),
    (SOME, None, slice(2)),
    (SOME, 0),
    (slice(0, 0), SOME),
    np.array([[0, 1], [2, 3]]),
    (np.int64(2), slice(None)),
    (np.array(2), slice(None)),
    np.tile([True, False, True, True, False], (7, 1)).T,
    (np.array([True, False, True, True, False]),),
    (slice(None), np.array([True] * 3 + [False] * 4)),
    np.zeros((5, 7), bool),
    2,
    slice(None),
    slice(4, None, -2),
    (1, slice(None, None, 3)),
    (..., None),
    (slice(1, 1),),
    (-1, -2),
]


def gathers(dtype: Any) -> list[Case]:
    shape = (5, 7)
    x = with_specials(*shape)
    found = [Case("getitem", (x,), {"index": i}, bitwise=True) for i in INDICES]
    found += [Case("getitem", (x > 0,), {"index": i}, bitwise=True) for i in INDICES[:3]]
    y = r(3, 4, 5)
    for i in (
        (np.array([0, 2]), slice(None), np.array([1, 1])),
        (slice(None), np.array([3, 1]), slice(None, None, 2)),
        (0, np.array([1, 2])),
    ):
        found.append(Case("getitem", (y,), {"index": i}, bitwise=True))
    for i in INDICES:
        inner = np.shape(np.zeros(shape)[i])
        found.append(Case("scatter", (with_specials(*inner),), {"index": i, "shape": shape, "order": None}, bitwise=True))
        found.append(Case("index_update", (r(*shape), with_specials(*inner)), {"index": i}, bitwise=True))
        found.append(Case("index_add", (r(*shape), r(*inner)), {"index": i}, bitwise=True))
    often = (rng.integers(0, 3, 50),)
    found.append(Case("scatter", (r(50, 2),), {"index": often, "shape": (3, 2), "order": None}, scaled=True))
    found.append(Case("scatter", (r(4000),), {"index": (np.zeros(4000, int),), "shape": (4000,), "order": None}, library=True))
    found.append(Case("index_update", (r(3), 0.0), {"index": (np.array([[1, 0], [0, 0]]), None)}, bitwise=True))
    found += [Case("index_update", (r(*shape), v), {"index": (SOME,)}, bitwise=True) for v in (np.array(2.5), r(1, 1, 7), r(7))]
    found += [Case("index_add", (r(*shape), v), {"index": (SOME,)}, bitwise=True) for v in (np.array(2.5), r(1, 7))]
    pieces = {"indices": (..., (SOME,), (slice(None), slice(1, 4))), "shape": shape, "order": None}
    found.append(Case("assemble", (r(*shape), r(*shape), r(5, 3)), pieces, scaled=True))
    found.append(Case("assemble", (r(*shape),), {**pieces, "indices": ((SOME,),)}, bitwise=True))
    many = tuple((slice(None), slice(k % 5, k % 5 + 3)) for k in range(12))
    found.append(Case("assemble", tuple(r(5, 3) for _ in many), {**pieces, "indices": many}, scaled=True))
    k = np.array([[0, 1, 1], [2, 2, 0]])
    found.append(Case("take_along_axis", (r(2, 3), k), {"axis": 1}, fixed=(1,), bitwise=True))
    found.append(Case("take_along_axis", (r(2, 3), np.array([[1]])), {"axis": 0}, fixed=(1,), bitwise=True))
    found.append(Case("take_along_axis", (r(2, 3), k), {"axis": 1}, bitwise=True, library=True))
    found.append(Case("put_along_axis_zeros", (r(2, 3), k), {"axis": 1, "shape": (2, 4)}, fixed=(1,), bitwise=True))
    for offset in (-1, 0, 2):
        found += [
            Case("diagonal", (r(4, 5, 3),), {"offset": offset, "axes": axes}, bitwise=True) for axes in ((0, 1), (2, 0), (0, 2))
        ]
    return found


def moving(dtype: Any) -> list[Case]:
    x = with_specials(3, 4)
    found = [Case("fit_length", (x,), {"axis": a, "n": n}, bitwise=True) for a in (0, 1) for n in (1, 3, 4, 7)]
    plain: Any = ((1, 2), (0, 3))
    for width, kw in (
        (plain, {}),
        (((0, 0), (0, 0)), {}),
        (plain, {"constant_values": ((1.0, 2.0), (3.0, -0.0))}),
        (plain, {"constant_values": -0.0}),
        (plain, {"constant_values": (NAN, INF)}),
    ):
        found.append(Case("pad_constant", (x,), {"width": width, **kw}, bitwise=True))
    found += [Case("pad_constant", (r(0),), {"width": ((2, 1),)}, bitwise=True)]
    found += [Case("tile", (x,), {"reps": reps}, bitwise=True) for reps in ((2, 3), (1, 1), (2, 1, 3))] + [
        Case("tile", (r(),), {"reps": (3,)})
    ]
    found += [
        Case("concatenate", (x, r(0, 4), r(2, 4)), {"axis": 0}, bitwise=True),
        Case("concatenate", (x, r(3, 1)), {"axis": 1}, bitwise=True),
    ]
    found += [Case("concatenate", tuple(r(2) for _ in range(12)), {"axis": 0}, bitwise=True)]
    found += [
        Case("roll", (x,), {"shift": s, "axis": a}, bitwise=True) for s, a in (((1, -2), (0, 1)), ((0,), (1,)), ((9, 1), (1, 1)))
    ]
    found += [Case("transpose", (r(2, 3, 4),), {"axes": axes}, bitwise=True) for axes in ((2, 0, 1), (0, 2, 1))]
    found += [Case("broadcast_to", (r(3, 1),), {"shape": shape}, bitwise=True) for shape in ((3, 4), (2, 3, 5), (0, 3, 2))]
    for old, new in (
        ((3, 4), (12,)),
        ((12,), (2, 6)),
        ((3, 4), (2, 6)),
        ((2, 3, 4), (2, 12)),
        ((0, 3), (3, 0)),
        ((1, 4), (4, 1, 1)),
        ((), (1, 1)),
    ):
        found.append(Case("reshape", (r(*old),), {"shape": new}, bitwise=True))
    for a in (0, 1):
        found.append(Case("diff", (x,), {"axis": a}, bitwise=True))
        found.append(Case("diff_transpose", (np.diff(r(3, 4), axis=a),), {"shape": (3, 4), "axis": a}))
        found += [Case(n, (y,), {"axis": a}, bitwise=True) for n in ("cumsum", "cumprod") for y in (x, r(1, 5), r(12, 3), r(0, 2))]
    found += [Case("diff", (r(2, 0),), {"axis": 0}, bitwise=True), Case("diff_transpose", (r(2, 0),), {"shape": (2, 1), "axis": 1})]
    found += [Case(n, (r(40),), {"axis": 0}, bitwise=True, library=True) for n in ("cumsum", "cumprod")]
    return found


# -- sums, statistics, products ----------------------------------------------------------------------------------------


def reductions(dtype: Any) -> list[Case]:
    rows = [
        [INF] * 4,
        [-INF] * 4,
        [1, INF, -INF, 2],
        [NAN, 1, 2, 3],
        [-INF, 1, 2, 1],
        [1e30, -1e30, 0, 1e30],
        [0.0, -0.0, 0, 0],
        [3, 3, 1, 3],
    ]
    found = []
    places = [
        (r(7) / 4 + 1, (0,)),
        (r(5, 7) / 4 + 1, (0, 1)),
        (r(5, 7), (1,)),
        (r(3, 4, 5) / 4 + 1, (0, 2)),
        (r(4, 300) / 4 + 1, (0,)),
        (r(4, 300) / 4 + 1, (1,)),
        (r(900, 3) / 4 + 1, (0,)),
        (r(900, 3) / 4 + 1, (0, 1)),
        (r(2, 3, 4, 5), (1, 2)),
        (r(1, 6), (0,)),
        (r(), ()),
        (np.array(rows), (1,)),
        (np.array(rows), (0, 1)),
    ]
    for k, (x, axis) in enumerate(places):
        kw: dict[str, Any] = {"axis": axis, "keepdims": k % 2 == 1}
        found += [Case(n, (x,), kw, bitwise=True) for n in ("max", "min")]
        found += [Case(n, (x,), kw, ulps=16, scaled=True) for n in ("sum", "mean")]
        found += [
            Case("prod", (x,), kw, ulps=64),
            Case("two_norm", (x,), kw, ulps=16),
            Case("logsumexp", (x,), kw, ulps=16, scaled=True),
        ]
        found += [Case(n, (x,), {**kw, "ddof": (0, 1, 9)[k % 3]}, ulps=32) for n in ("var", "std", "real_var")]
        found += [Case(n, (x > 0.5,), kw, bitwise=True) for n in ("any", "all")] + [Case("mean", (x > 0.5,), kw)]
        found += [Case("softmax", (x,), {"axis": axis}, ulps=32), Case("log_softmax", (x,), {"axis": axis}, ulps=32, scaled=True)]
    found += [Case("sum", (r(0, 3),), {"axis": (a,), "keepdims": False}) for a in (0, 1)] + [
        Case("prod", (r(0),), {"axis": (0,), "keepdims": True})
    ]
    y = r(5, 7, 2)
    hard = [np.array(v, float) for v in ([0, 0, 0], [INF, -1, 0], [NAN, -1, 0])]
    for order in (3, 2.5, -1, -2, 4, 1, 2, INF, -INF, 0):
        found += [Case("norm", (y,), {"ord": order, "axis": 1, "keepdims": False}, ulps=24)]
        found += [Case("vector_norm", (y,), {"ord": order, "axis": axis, "keepdims": True}, ulps=24) for axis in (1, (0, 2), None)]
        found += [Case("norm", (v,), {"ord": order, "axis": None, "keepdims": False}, ulps=24) for v in hard]
    for order in ("fro", 1, -1, INF, -INF):
        found += [
            Case("norm", (y,), {"ord": order, "axis": (0, 1), "keepdims": False}, ulps=24),
            Case("matrix_norm", (y,), {"ord": order, "keepdims": True}, ulps=24),
        ]
    found += [Case("norm", (y,), {"ord": None, "axis": None, "keepdims": False}, ulps=24)]
    return found


def bodies(dtype: Any) -> list[Case]:
    found = []
    for x in (r(4, 5), with_specials(4, 5)):
        mask = np.resize([True, True, False], (4, 5))
        with np.errstate(all="ignore"):
            means = {axis: x.mean(axis, keepdims=True) for axis in ((0,), (1,), (0, 1))}
        for axis in ((0,), (1,), (0, 1)):
            kw: dict[str, Any] = {"axis": axis, "keepdims": False}
            found += [Case(n, (x, mask, 0.5), kw, ulps=16, scaled=True) for n in ("sum_with_keywords", "prod_with_keywords")]
            found += [Case(n, (x, mask, 0.5), kw, bitwise=True) for n in ("max_with_keywords", "min_with_keywords")]
            found += [
                Case("sum_with_keywords", (x, mask), kw, ulps=16, scaled=True),
                Case("masked_mean", (x, mask), kw, ulps=16, scaled=True),
            ]
            found += [Case(n, (x, mask), {**kw, "ddof": 0}, ulps=32) for n in ("masked_var", "masked_std")]
            found += [Case(n, (x, means[axis], mask), {**kw, "ddof": 1}, ulps=32) for n in ("var_about", "std_about")]
            found += [Case(n, (x,), {**kw, "ddof": 0}, ulps=32) for n in ("nanvar", "nanstd")] if np.isfinite(x).all() else []
            found += [Case(n, (x,), kw, bitwise=True) for n in ("nanmax", "nanmin")]
    x = with_specials(3, 4)
    for mode in ("edge", "wrap", "reflect", "symmetric", "maximum", "minimum", "mean", "linear_ramp"):
        found.append(
            Case("pad", (x if mode != "linear_ramp" else r(3, 4),), {"width": ((2, 1), (0, 3)), "mode": mode}, scaled=True)
        )
    found.append(
        Case("pad", (r(3, 4),), {"width": ((2, 1), (0, 3)), "mode": "reflect", "reflect_type": "odd"}, ulps=16, scaled=True)
    )
    found.append(Case("pad", (r(3),), {"width": ((2, 1),), "mode": "median"}, library=True))
    kw = {"rowvar": True, "ddof": 1, "fweights": None}
    if dtype == np.float64:  # what they are given is in double precision
        found += [Case("cov", (r(3, 9), None, None), kw, ulps=32, scaled=True)]
        found += [Case("corrcoef", (r(3, 9), r(2, 9)), {"rowvar": True}, ulps=32, scaled=True)]
    found += [Case("linspace", (r(2), r(2)), {"num": 5, "endpoint": e, "axis": 0}, scaled=True) for e in (True, False)]
    found += [Case("matvec (ufunc)", (r(2, 3, 4), r(4)), scaled=True), Case("vecmat (ufunc)", (r(3), r(2, 3, 4)), scaled=True)]
    found += [Case("vecdot (ufunc)", (r(2, 3), r(3)), scaled=True)]
    return found


def products(dtype: Any) -> list[Case]:
    found = []
    for text, *args in (
        ("...ij,...jk->...ik", r(4, 3, 3), r(4, 3, 3)),
        ("...ij,...jk->...ik", r(2, 4, 3, 3), r(4, 3, 2)),
        ("ij,jk", r(3, 4), r(4, 5)),
        ("ii", r(4, 4)),
        ("ii->i", r(4, 4)),
        ("iij,jk->ik", r(3, 3, 4), r(4, 2)),
        ("i,i", r(5), r(5)),
        ("i,j", r(5), r(4)),
        ("ij->", r(3, 4)),
        ("ij->j", r(3, 4)),
        ("...->...", r(3, 4)),
        ("i...,i...->...", r(3, 4), r(3, 1)),
        ("ij,jk,kl->il", r(3, 4), r(4, 5), r(5, 2)),
        ("ij,ij->ij", r(3, 1), r(3, 4)),
        ("ij,jk->ik", r(0, 4), r(4, 2)),
        ("...ki,...kj->...ij", r(99, 3, 3), r(99, 3, 3)),
        ("i->i", r(0)),
        ("ij,jk->ik", r(40, 30), r(30, 20)),
    ):
        found += [Case(n, tuple(args), {"subscripts": text}, ulps=32, scaled=True) for n in ("einsum", "einsum_fast")]
    found += [Case("einsum_view", (with_specials(4, 4),), {"subscripts": text}, bitwise=True) for text in ("ii->i", "ij->ji")]
    for name, *args in (
        ("matmul", r(3, 4), r(4, 5)),
        ("matmul", r(4), r(4)),
        ("matmul", r(2, 1, 3, 4), r(5, 4, 2)),
        ("matmul", r(50, 60), r(60, 7)),
        ("matmul", r(3, 4), r(4)),
        ("dot", r(3, 4), r(4, 5)),
        ("dot", r(2, 3, 4), r(5, 4, 2)),
        ("dot", r(), r(3)),
        ("inner", r(3, 4), r(5, 4)),
        ("outer", r(3), r(4)),
        ("vecdot", r(4, 3), r(4, 3)),
        ("vecdot", r(3), r(5, 4, 3)),
        ("vecdot", r(2, 1, 3), r(4, 3)),
    ):
        found.append(Case(name, tuple(args), ulps=32, scaled=True))
    found += [Case("tensordot", (r(2, 3, 4), r(3, 4, 5)), {"axes": axes}, ulps=32, scaled=True) for axes in (([1, 2], [0, 1]), 0)]
    found.append(Case("tensordot", (r(2, 3, 4), r(3, 4, 5)), {"axes": ((1,), (0,))}, ulps=32, scaled=True))
    long = r(9)
    long[3] = INF
    found += [Case("convolve", args, ulps=16) for m in (1, 2, 8) for args in ((long, r(m)), (r(m), long))]
    found.append(Case("convolve", (r(30), r(20)), ulps=16, library=True))
    return found


# -- small matrices, series --------------------------------------------------------------------------------------------


def matrices(dtype: Any) -> list[Case]:
    found = []
    for n in (1, 2, 3, 4):
        for shape in ((n, n), (3, n, n), (2, 7, n, n)):
            a = r(*shape) + 3 * np.eye(n)
            found += [Case(name, (a,), ulps=64, scaled=True) for name in ("inv", "det", "log_abs_det")] + [
                Case("det_sign_real", (-a,))
            ]
            found.append(Case("cholesky", (a @ np.swapaxes(a, -1, -2),), ulps=64, scaled=True))
            for b in (r(*shape), r(n, 3), r(*shape[:-1], 1)):
                found.append(Case("solve", (a, b), {"vector": False}, ulps=64, scaled=True))
            found += [Case("solve", (a, b), {"vector": True}, ulps=64, scaled=True) for b in (r(n), r(*shape[:-1]))]
    special = np.array([[[0.0, 0], [0, 0]], [[1, 2], [2, 4]], [[0, 1], [1, 0]], [[0, 2], [3, 1]]])
    found += [Case(name, (special,)) for name in ("det", "log_abs_det", "det_sign_real")]
    for large in (r(5, 5) + 5 * np.eye(5), r(4, 4, 4) + 5 * np.eye(4)):
        found += [Case(name, (large,), ulps=64, scaled=True, library=True) for name in ("inv", "det")]
    return found


def series(dtype: Any) -> list[Case]:
    x = np.r_[r(6), 0, -0.0, INF, -INF, NAN]
    found = []
    for p in ("poly", "cheb", "leg", "herm", "herme", "lag"):
        for n in (1, 2, 3, 6):
            found += [Case(f"{p}val (series)", (at, r(n)), {"tensor": True}, ulps=16, scaled=True) for at in (x, r(5), r(2, 3))]
        found += [Case(f"{p}val (series)", (r(4), r(3, 2)), {"tensor": True}, ulps=16, scaled=True)]
        found += [Case(f"{p}val (series)", (r(4), r(3, 4)), {"tensor": False}, ulps=16, scaled=True)]
        for c in (r(5), r(5, 3)):
            found += [Case(f"{p}der (series)", (c,), {"m": m, "scl": 0.5, "axis": 0}, ulps=16, scaled=True) for m in (1, 2)]
            found += [Case(f"{p}int (series)", (c,), {"m": 1, "scl": 1, "axis": 0, "lbnd": 0}, ulps=16, scaled=True)]
        found += [Case(f"{p}vander (series)", (r(4),), {"deg": 4}, ulps=32, scaled=True)]
        found += [Case(f"{p}{f} (series)", (r(4), r(3)), {"n": 4}, scaled=True) for f in ("add", "sub")]
        if dtype == np.float64:
            found += [
                Case(f"{p}mul (series)", (r(4), r(3)), {"n": 6}, ulps=32, scaled=True),
                Case(f"{p}mulx (series)", (r(4),), {"n": 5}, ulps=16, scaled=True),
            ]
    if dtype == np.float64:
        w = with_specials(6)
        found += [Case("bincount", (w,), {"x": np.array([0, 2, 2, 5, 0, 2]), "minlength": n}, bitwise=True) for n in (0, 9)]
    return found


def sparse(dtype: Any) -> list[Case]:
    found = []
    from hoad.rules.scipy.sparse.pattern import Pattern

    dense = np.where(np.random.default_rng(3).random((7, 5)) < 0.4, 1.0, 0.0)
    dense[2] = 0
    for kind in ("csr", "csc", "coo"):
        pattern = Pattern.of(sp.coo_array(dense).asformat(kind))
        kw = {"pattern": pattern}
        bad = r(5)
        bad[0] = NAN
        found += [Case("scipy.sparse.matmul", (r(pattern.nnz), x), kw, ulps=8, scaled=True) for x in (r(5), r(5, 3), r(5, 1), bad)]
        found += [Case("scipy.sparse.matmul", (r(pattern.nnz), r(5)), kw, fixed=(0,), ulps=8, scaled=True)]
        found += [Case("scipy.sparse.inner_products", (r(7, *n), r(5, *n)), kw, ulps=8, scaled=True) for n in ((), (3,))]
        found.append(Case("scipy.sparse.toarray", (r(pattern.nnz),), kw, bitwise=True))
    one = Pattern.of(sp.csr_array(np.concatenate([np.ones((1, 3000)), np.zeros((2999, 3000))])))
    found.append(Case("scipy.sparse.matmul", (r(3000), r(3000)), {"pattern": one}, scaled=True, library=True))
    for mode in ("nearest", "wrap", "reflect", "mirror", "constant"):
        for axis, before, after in ((0, 1, 2), (1, 6, 5), (1, 0, 0), (0, 0, 9)):
            kw = {"axis": axis, "before": before, "after": after, "mode": mode}
            shape = [3, 4]
            shape[axis] += before + after
            found += [
                Case("extend", (with_specials(3, 4),), kw, bitwise=True),
                Case("fold", (r(*shape),), kw, ulps=16, scaled=True),
            ]
    return found


AREAS = (sparse, points, gathers, moving, reductions, bodies, products, matrices, series)
