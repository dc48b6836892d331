# ruff: noqa: B008, E501  # a table: one case, one line where it fits
"""Every function of the registry with the arguments on which the ten checks run it.

A case calls the plain NumPy or SciPy function on positional array arguments, each sampled from its domain; index arrays and
masks that carry no derivative come after them (``extra``), so that a backend can move them to its device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np
from scipy import special

from hoad.scipy import special as hs

Sample = Callable[[np.random.Generator], np.ndarray]


@dataclass(eq=False)
class Case:
    """One way to call one function.

    Attributes
    ----------
    name : str                 name in the registry
    call : callable            of the arguments, then of ``extra``
    args : tuple of samplers
    label : str
    extra : tuple of arrays    arguments without derivative: indices, masks
    real_only : str            why complex arguments are not allowed
    holomorphic : bool         the complex step works
    affine : bool              declared linear, but with a constant part here (a pad value)
    double_only : str          why float32 is not tested
    together : str             why its arguments must all be traced, with one dtype
    step : float               of the difference quotient, where a kink or pole is near
    device : str               why it cannot run on CuPy arrays
    tolerance : float          in units of the default
    order : int                highest Taylor coefficient compared
    in_double : bool           the difference quotient must be in double precision
    """

    name: str
    call: Callable[..., Any]
    args: tuple[Sample, ...]
    label: str = ""
    extra: tuple[Any, ...] = ()
    real_only: str = ""
    holomorphic: bool = True
    affine: bool = False
    double_only: str = ""
    together: str = ""
    step: float = 0.02
    in_double: bool = False
    device: str = ""
    tolerance: float = 1.0
    order: int = 4
    elementwise: bool = field(default=False)

    @property
    def id(self) -> str:
        return f"{self.name}-{self.label}" if self.label else self.name

    def rng(self, salt: str = "") -> np.random.Generator:
        return np.random.default_rng(crc32((self.id + salt).encode()))

    def sample(self, dtype: Any = np.float64, salt: str = "") -> list[np.ndarray]:
        """Arguments of ``dtype`` from the domain."""
        rng, dtype = self.rng(salt), np.dtype(dtype)
        xs = [s(rng) for s in self.args]
        if dtype.kind == "c":
            xs = [getattr(s, "complexify", _complexify)(x, rng) for s, x in zip(self.args, xs)]
        return [np.asarray(x, dtype) for x in xs]

    def directions(self, xs: list[np.ndarray], salt: str = "v") -> list[np.ndarray]:
        rng = self.rng(salt)

        def one(x):
            v = rng.uniform(-1, 1, x.shape)
            return np.asarray(v + 1j * rng.uniform(-1, 1, x.shape) if x.dtype.kind == "c" else v, x.dtype)

        return [one(x) for x in xs]

    def __call__(self, *xs: Any) -> Any:
        return self.call(*xs, *self.extra)

    @cached_property
    def point(self) -> list[np.ndarray]:
        return self.sample()


def _complexify(x, rng):
    return x + 1j * rng.uniform(-0.4, 0.4, x.shape)


# -- domains -------------------------------------------------------------------------------------------------------------


def uniform(low, high):
    return lambda *shape: lambda rng: np.asarray(rng.uniform(low, high, shape))


R = uniform(-2.0, 2.0)
P = uniform(0.4, 2.0)
U = uniform(-0.9, 0.9)
A1 = uniform(1.2, 3.0)


def D(*shape):
    """Distinct values, at least 0.1 apart and away from 0."""

    def sample(rng):
        n = int(np.prod(shape))
        values = (np.arange(n) - n // 2 + 0.5 + rng.uniform(-0.3, 0.3, n)) * 0.25
        return rng.permutation(values).reshape(shape)

    return sample


def V(values):
    """The very values given."""
    return lambda rng: np.array(values, float)


def N(*shape):
    """Distinct values with a NaN."""

    def sample(rng):
        x = D(*shape)(rng)
        x.flat[1] = np.nan
        return x

    def complexify(x, rng):
        return np.where(np.isnan(x), np.nan, x + 1j * np.round(x, 1) / 2)

    sample.complexify = complexify
    return sample


CASES: list[Case] = []


def case(name, call, *args, **options):
    CASES.append(Case(name, call, args, **options))


def variants(name, function, args, *keywords, **options):
    """One case for each dict of keywords."""
    for kw in keywords:
        label = ",".join(f"{k}={v}" for k, v in kw.items()).replace(" ", "")
        case(name, lambda *xs, _kw=kw: function(*xs, **_kw), *args, label=label, **options)


# -- elementwise -----------------------------------------------------------------------------------------------------------

ASSIGNS = "a plain array cannot take a traced value, nor a real one a complex value"
_LACKS = "CuPy has no {}"
ORDERED = "complex numbers have no order"
NO_COMPLEX = "NumPy has no complex version"

for _names, _domain in (
    ("exp exp2 expm1 sin cos sinh cosh tanh arctan arcsinh square", R),
    ("log log2 log10 log1p sqrt reciprocal", P),
    ("arcsin arccos arctanh tan", U),
    ("arccosh", A1),
):
    for _name in _names.split():
        case(f"numpy.{_name}", getattr(np, _name), _domain(2, 3), elementwise=True)
        case(f"numpy.{_name}", getattr(np, _name), _domain(), label="0-d", elementwise=True)
        case(f"numpy.{_name}", getattr(np, _name), _domain(0, 3), label="empty", elementwise=True)
case("numpy.cbrt", np.cbrt, P(2, 3), real_only=NO_COMPLEX, holomorphic=False, elementwise=True)
for _name in ("deg2rad", "radians", "rad2deg", "degrees"):
    case(f"numpy.{_name}", getattr(np, _name), R(2, 3), real_only=NO_COMPLEX, holomorphic=False)
for _name in ("negative", "positive", "conjugate", "real", "imag"):
    case(f"numpy.{_name}", getattr(np, _name), R(2, 3), holomorphic=_name in ("negative", "positive"))
for _name in ("add", "subtract", "multiply", "divide"):
    _f = getattr(np, _name)
    for _label, _a, _b in (
        ("same", R(2, 3), P(2, 3)), ("broadcast", R(3), P(2, 1)), ("0-d", R(), P(2, 2)), ("both-0-d", R(), P()), ("empty", R(0, 3), P(3)),
        ("one-axis", R(1, 3), P(2, 3)),
    ):  # fmt: skip
        case(f"numpy.{_name}", _f, _a, _b, label=_label, elementwise=_name == "divide")
    case(f"numpy.{_name}", lambda x, _f=_f: _f(x, 2.0), R(3), label="scalar-right", elementwise=_name == "divide", affine=True)
    case(f"numpy.{_name}", lambda x, _f=_f: _f(3.0, x), P(3), label="scalar-left", elementwise=_name == "divide", affine=True)
    case(f"numpy.{_name}", lambda x, _f=_f: _f(x, x), P(3), label="same-argument")
for _name in ("power", "float_power"):
    _f = getattr(np, _name)
    _o = {"double_only": "returns at least float64"} if _name == "float_power" else {}
    case(f"numpy.{_name}", _f, P(2, 3), R(3), label="arrays", elementwise=True, **_o)
    for _p in (0, 1, 2, 3, -1, 0.5, 2.0, 2.5):
        case(f"numpy.{_name}", lambda x, _p=_p, _f=_f: _f(x, _p), P(3), label=f"p={_p}", elementwise=True, **_o)
    case(f"numpy.{_name}", lambda p, _f=_f: _f(2.0, p), R(3), label="exponent", elementwise=True, **_o)
case("numpy.power", lambda x: x**3, R(3), label="operator", elementwise=True)
case("numpy.power", lambda x: x**-2.5, P(3), label="operator-real", elementwise=True)
case("numpy.power", lambda x: 2.0**x, R(3), label="operator-exponent", elementwise=True)
case("numpy.power", lambda x, y: x**y, P(3), R(2, 1), label="operator-broadcast", elementwise=True)
case("numpy.power", lambda x: x**3, V([0.0, -1.5, 2.0]), label="zero-base", elementwise=True)
for _name in ("arctan2", "hypot", "logaddexp", "logaddexp2"):
    for _label, _a, _b in (("same", R(2, 3), P(2, 3)), ("broadcast", P(3), R(2, 1)), ("0-d", R(), P(2))):
        case(f"numpy.{_name}", getattr(np, _name), _a, _b, label=_label, real_only=NO_COMPLEX, holomorphic=False, elementwise=True)
for _name in ("remainder", "fmod", "divmod"):
    _f = getattr(np, _name)
    case(
        f"numpy.{_name}",
        _f,
        V([[5.3, -4.2], [7.7, 1.1]]),
        V([2.0, -1.5]),
        real_only=ORDERED,
        holomorphic=False,
        elementwise=_name != "divmod",
    )
case("numpy.divmod", divmod, V([5.3, -4.2]), V([2.0]), label="builtin", real_only=ORDERED, holomorphic=False)
case("numpy.remainder", lambda x: x % 2.0, V([5.3, -4.2]), label="operator", real_only=ORDERED, holomorphic=False)
case("numpy.add", lambda x: np.add.outer(x, x), R(3), label="outer-method")
case("numpy.multiply", np.multiply.outer, R(2), R(3), label="outer-method", device="")

# -- constants ----------------------------------------------------------------------------------------------------------------

for _name in ("floor", "ceil", "trunc", "rint", "sign", "signbit", "isnan", "isinf", "isfinite", "logical_not"):
    case(f"numpy.{_name}", getattr(np, _name), D(2, 3), real_only=ORDERED)
for _name in (
    "less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_xor", "floor_divide",
):  # fmt: skip
    case(f"numpy.{_name}", getattr(np, _name), D(2, 3), D(3), real_only=ORDERED)
    case(f"numpy.{_name}", lambda x, _f=getattr(np, _name): _f(x, 0.3), D(2, 3), label="scalar", real_only=ORDERED)
for _name in ("all", "any", "count_nonzero"):
    variants(f"numpy.{_name}", getattr(np, _name), (D(2, 3),), {}, {"axis": 0}, {"axis": (0, -1)}, {"axis": -1, "keepdims": True})
for _name in ("argmax", "argmin"):
    variants(f"numpy.{_name}", getattr(np, _name), (D(2, 3),), {}, {"axis": 0}, {"axis": -1, "keepdims": True}, real_only=ORDERED)
for _name in ("nanargmax", "nanargmin"):
    variants(f"numpy.{_name}", getattr(np, _name), (N(2, 3),), {}, {"axis": 0}, real_only=ORDERED)
variants("numpy.argsort", np.argsort, (D(2, 3),), {}, {"axis": 0}, {"axis": None}, real_only=ORDERED)
variants("numpy.argpartition", np.argpartition, (D(2, 5),), {"kth": 1}, {"kth": 1, "axis": 0}, real_only=ORDERED)
case("numpy.nonzero", np.nonzero, V([[0.0, 1.0], [2.0, 0.0]]))
case("numpy.flatnonzero", np.flatnonzero, V([[0.0, 1.0], [2.0, 0.0]]))
case("numpy.searchsorted", np.searchsorted, V([-1.0, 0.0, 1.0]), R(2, 2), real_only=ORDERED)
case(
    "numpy.searchsorted",
    lambda a, v: np.searchsorted(a, v, side="right"),
    V([-1.0, 0.0, 1.0]),
    V([0.0, 5.0]),
    label="right",
    real_only=ORDERED,
)
for _name in ("allclose", "array_equal", "array_equiv", "isclose"):
    case(f"numpy.{_name}", getattr(np, _name), V([1.0, 2.0]), V([1.0, 2.5]))
for _name in ("zeros_like", "ones_like"):
    case(f"numpy.{_name}", getattr(np, _name), R(2, 3))
case("numpy.empty_like", lambda x: np.empty_like(x).shape, R(2, 3), label="shape")
case("numpy.full_like", lambda x: np.full_like(x, 1.5), R(2, 3))
case("numpy.zeros_like", lambda x: np.zeros_like(x, shape=(4,)), R(2, 3), label="shape")

# -- choosing -----------------------------------------------------------------------------------------------------------------

for _name in ("maximum", "minimum", "fmax", "fmin"):
    for _label, _a, _b in (("same", D(2, 3), R(2, 3)), ("broadcast", D(3), R(2, 1)), ("empty", D(0), R(0))):
        case(f"numpy.{_name}", getattr(np, _name), _a, _b, label=_label, real_only=ORDERED, holomorphic=False)
    case(f"numpy.{_name}", lambda x, _f=getattr(np, _name): _f(x, 0), D(4), label="with-0", real_only=ORDERED, holomorphic=False)
case("numpy.absolute", np.absolute, D(2, 3), holomorphic=False)
case("numpy.absolute", abs, D(3), label="builtin", holomorphic=False)
case("numpy.fabs", np.fabs, D(2, 3), real_only=NO_COMPLEX, holomorphic=False)
case("numpy.copysign", np.copysign, D(2, 3), D(3), real_only=NO_COMPLEX, holomorphic=False)
case("numpy.clip", lambda x: np.clip(x, -0.5, 0.5), D(2, 3), label="numbers", real_only=ORDERED, holomorphic=False)
case(
    "numpy.clip", np.clip, D(2, 3), V([-0.4, -0.3, -0.2]), V([0.4]), label="arrays", step=1e-3, real_only=ORDERED, holomorphic=False
)
case("numpy.clip", lambda x: np.clip(x, None, 0.5), D(4), label="one-sided", real_only=ORDERED, holomorphic=False)
_mask = np.array([[True, False, True], [False, False, True]])
case("numpy.where", lambda a, b, m: np.where(m, a, b), R(2, 3), R(2, 3), label="mask", extra=(_mask,))
case("numpy.where", lambda a, b, m: np.where(m, a, b), R(3), R(2, 1), label="broadcast", extra=(_mask,))
case("numpy.where", lambda a, m: np.where(m, a, 1.5), R(2, 3), label="scalar", extra=(_mask,), affine=True)
case(
    "numpy.where",
    lambda a: np.where(a > 0, a, 2 * a),
    D(2, 3),
    label="condition",
    real_only=ORDERED,
    holomorphic=False,
    affine=True,
)
for _kw in ({}, {"axis": 0}, {"axis": None}, {"axis": -2}):
    variants("numpy.sort", np.sort, (D(3, 4),), _kw, real_only=ORDERED, holomorphic=False)
variants(
    "numpy.partition",
    np.partition,
    (D(3, 4),),
    {"kth": 1},
    {"kth": 2, "axis": 0},
    {"kth": 3, "axis": None},
    real_only=ORDERED,
    holomorphic=False,
    in_double=True,
)  # the order within the parts depends on the dtype
_REDUCED = ({}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, -1)}, {"axis": (1,)}, {"keepdims": True})
for _name in ("max", "min", "ptp", "median"):
    variants(f"numpy.{_name}", getattr(np, _name), (D(2, 3, 2),), *_REDUCED, real_only=ORDERED, holomorphic=False)
case(
    "numpy.max",
    lambda x: np.maximum.reduce(x, axis=1),
    D(2, 3),
    label="ufunc-reduce",
    real_only=ORDERED,
    holomorphic=False,
    device="CuPy has no maximum.reduce",
)
case(
    "numpy.max",
    lambda x, m: np.max(x, axis=0, initial=-9.0, where=m),
    D(2, 3),
    label="where",
    extra=(_mask,),
    real_only=ORDERED,
    holomorphic=False,
    device="CuPy's max has no where=",
)
case("numpy.median", np.median, D(5), label="odd", real_only=ORDERED, holomorphic=False)
for _name in ("nanmax", "nanmin"):
    variants(
        f"numpy.{_name}",
        getattr(np, _name),
        (N(2, 3),),
        {},
        {"axis": 0},
        {"axis": 1, "keepdims": True},
        real_only=ORDERED,
        holomorphic=False,
    )
for _name, _q in (("quantile", 0.3), ("percentile", 30.0)):
    _f = getattr(np, _name)
    variants(f"numpy.{_name}", lambda x, _f=_f, _q=_q, **kw: _f(x, _q, **kw), (D(4, 3),), {}, {"axis": 0}, {"axis": -1, "keepdims": True},
        {"axis": (0, 1)}, *({"method": m} for m in ("lower", "higher", "midpoint", "nearest", "hazen", "weibull", "median_unbiased")),
        real_only=ORDERED, holomorphic=False)  # fmt: skip
    case(
        f"numpy.{_name}",
        lambda x, _f=_f, _q=_q: _f(x, [_q, 2 * _q], axis=0),
        D(4, 3),
        label="two",
        real_only=ORDERED,
        holomorphic=False,
    )

# -- reductions and scans -------------------------------------------------------------------------------------------------------

for _name in ("sum", "mean", "prod", "nansum", "nanmean", "nanprod"):
    _s = N if _name.startswith("nan") else R
    variants(f"numpy.{_name}", getattr(np, _name), (_s(2, 3, 2),), *_REDUCED, holomorphic="nan" not in _name)
for _name in ("var", "std", "nanvar", "nanstd"):
    _s = N if _name.startswith("nan") else D
    variants(
        f"numpy.{_name}", getattr(np, _name), (_s(3, 3, 2),), *_REDUCED, {"ddof": 1}, {"axis": 0, "ddof": 1}, holomorphic=False
    )
_EMPTY = ({}, {"axis": 0}, {"axis": 1})
for _name in ("sum", "prod"):
    variants(
        f"numpy.{_name}",
        lambda x, _f=getattr(np, _name), **kw: _f(x, **kw),
        (R(0, 3),),
        *({**k, "keepdims": False} for k in _EMPTY),
    )
    case(f"numpy.{_name}", getattr(np, _name), R(), label="0-d")
    case(
        f"numpy.{_name}",
        lambda x, m, _f=getattr(np, _name): _f(x, axis=0, where=m),
        R(2, 3),
        label="where",
        extra=(_mask,),
        device="CuPy's reductions have no where=",
    )
    case(
        f"numpy.{_name}",
        lambda x, _f=getattr(np, _name): _f(x, initial=2.0),
        R(2, 3),
        label="initial",
        affine=True,
        device="CuPy's reductions have no initial=",
    )
case(
    "numpy.mean",
    lambda x, m: np.mean(x, axis=1, where=m),
    R(2, 3),
    label="where",
    extra=(_mask,),
    device="CuPy's mean has no where=",
)
case(
    "numpy.var",
    lambda x, m: np.var(x, axis=1, where=m),
    R(2, 3),
    label="where",
    extra=(np.array([[True, True, False], [True, True, True]]),),
    holomorphic=False,
    device="CuPy's var has no where=",
)
case(
    "numpy.std",
    lambda x, m: np.std(x, axis=1, where=m),
    R(2, 3),
    label="where",
    extra=(np.array([[True, True, False], [True, True, True]]),),
    holomorphic=False,
    device="CuPy's std has no where=",
)
case("numpy.sum", lambda x: np.add.reduce(x), R(2, 3), label="ufunc-reduce")
case("numpy.sum", lambda x: np.add.reduceat(x, [0, 2, 1]), R(4), label="reduceat")
case("numpy.sum", lambda x: x.sum(-1), R(2, 3), label="method")
case("numpy.prod", np.prod, V([0.0, 2.0, 3.0]), label="with-one-zero")
case("numpy.prod", np.prod, V([0.0, 2.0, 0.0, 1.5]), label="two-zeros")
case("numpy.cumprod", np.cumprod, V([2.0, 0.0, 3.0, 1.5]), label="zero")
variants("numpy.average", np.average, (R(2, 3),), {}, {"axis": 0}, {"axis": 1, "keepdims": True})
case("numpy.average", lambda x, w: np.average(x, axis=0, weights=w), R(2, 3), P(2, 3), label="weights")
case("numpy.average", lambda x, w: np.average(x, axis=1, weights=w), R(2, 3), P(3), label="axis-weights")
case("numpy.average", lambda x, w: np.average(x, weights=w, returned=True), R(3), P(3), label="returned")
for _name in ("cumsum", "cumprod", "nancumsum", "nancumprod"):
    _s = N if _name.startswith("nan") else R
    variants(f"numpy.{_name}", getattr(np, _name), (_s(3, 4),), {}, {"axis": 0}, {"axis": -1}, holomorphic="nan" not in _name)
for _name in ("cumulative_sum", "cumulative_prod"):
    variants(f"numpy.{_name}", getattr(np, _name), (R(3, 4),), {"axis": 0}, {"axis": -1, "include_initial": True},
        affine=_name == "cumulative_sum")  # fmt: skip
    case(f"numpy.{_name}", getattr(np, _name), R(4), label="1-d")
variants("numpy.diff", np.diff, (R(4, 5),), {}, {"axis": 0}, {"n": 2}, {"n": 0})
case("numpy.diff", lambda x, e: np.diff(x, prepend=e, append=1.0), R(2, 3), R(2, 1), label="ends", affine=True)

# -- shapes ---------------------------------------------------------------------------------------------------------------------


def moves(name, label, call, *args, **options):
    """A function that moves elements, so that it is holomorphic and takes everything."""
    case(f"numpy.{name}", call, *args, label=label, **options)


for _label, _f in {
    "int": lambda x: np.reshape(x, 12), "minus": lambda x: np.reshape(x, (2, -1)), "F": lambda x: np.reshape(x, (4, 3), order="F"),
    "method": lambda x: x.reshape(3, -1),
}.items():  # fmt: skip
    moves("reshape", _label, _f, R(2, 3, 2))
for _label, _f in {"C": np.ravel, "F": lambda x: np.ravel(x, order="F"), "method": lambda x: x.flatten()}.items():
    moves("ravel", _label, _f, R(2, 3))
moves("ravel", "0-d", np.ravel, R())
for _label, _f in {
    "plain": np.transpose, "axes": lambda x: np.transpose(x, (1, 2, 0)), "negative": lambda x: np.transpose(x, (-1, 0, 1)), "T": lambda x: x.T,
}.items():  # fmt: skip
    moves("transpose", _label, _f, R(2, 3, 2))
moves("matrix_transpose", "", np.matrix_transpose, R(2, 3, 2))
moves("swapaxes", "", lambda x: np.swapaxes(x, 0, -1), R(2, 3, 2))
moves("moveaxis", "one", lambda x: np.moveaxis(x, 0, -1), R(2, 3, 2))
moves("moveaxis", "two", lambda x: np.moveaxis(x, (0, 1), (-1, 0)), R(2, 3, 2))
moves("rollaxis", "", lambda x: np.rollaxis(x, 2, 0), R(2, 3, 2))
moves("rollaxis", "later", lambda x: np.rollaxis(x, 0, 3), R(2, 3, 2))
moves("broadcast_to", "", lambda x: np.broadcast_to(x, (4, 2, 3)), R(2, 1))
moves("broadcast_to", "0-d", lambda x: np.broadcast_to(x, (2,)), R())
moves("broadcast_arrays", "", np.broadcast_arrays, R(3), R(2, 1))
moves("expand_dims", "one", lambda x: np.expand_dims(x, -1), R(2, 3))
moves("expand_dims", "two", lambda x: np.expand_dims(x, (0, 2)), R(2, 3))
moves("squeeze", "all", np.squeeze, R(1, 3, 1))
moves("squeeze", "axis", lambda x: np.squeeze(x, 0), R(1, 3, 1))
moves("concatenate", "0", lambda a, b: np.concatenate([a, b]), R(2, 3), R(1, 3))
moves("concatenate", "-1", lambda a, b: np.concatenate((a, b), axis=-1), R(2, 3), R(2, 1))
moves("concatenate", "None", lambda a, b: np.concatenate((a, b), axis=None), R(2, 3), R(2))
moves("concatenate", "empty", lambda a, b: np.concatenate((a, b)), R(0, 3), R(2, 3))
moves("stack", "0", lambda a, b: np.stack([a, b]), R(2, 3), R(2, 3))
moves("stack", "-1", lambda a, b: np.stack([a, b], axis=-1), R(2, 3), R(2, 3))
moves("hstack", "1-d", lambda a, b: np.hstack([a, b]), R(2), R(3))
moves("hstack", "2-d", lambda a, b: np.hstack([a, b]), R(2, 2), R(2, 1))
moves("vstack", "", lambda a, b: np.vstack([a, b]), R(3), R(2, 3))
moves("dstack", "", lambda a, b: np.dstack([a, b]), R(3), R(1, 3))
moves("column_stack", "", lambda a, b: np.column_stack([a, b]), R(3), R(3, 2))
moves("append", "flat", lambda a, b: np.append(a, b), R(2, 3), R(2))
moves("append", "axis", lambda a, b: np.append(a, b, axis=0), R(2, 3), R(1, 3))
moves("block", "", lambda a, b: np.block([[a, b], [b, a]]), R(2, 2), R(2, 2), device="CuPy has no block")
moves("block", "1-d", lambda a, b: np.block([a, b]), R(2), R(3), device="CuPy has no block")
moves("astype", "", lambda x: x.astype(x.dtype), R(2, 3))
moves("astype", "double", lambda x: x.astype(np.complex128) if x.dtype.kind == "c" else x.astype(np.float64), R(2, 3))
moves("astype", "complex", lambda x: x.astype(complex), R(2, 3), double_only="to complex128")
moves("copy", "", np.copy, R(2, 3))
moves("copy", "method", lambda x: x.copy(), R(2, 3))
moves("repeat", "flat", lambda x: np.repeat(x, 2), R(2, 3))
moves("repeat", "axis", lambda x: np.repeat(x, 3, axis=-1), R(2, 3))
moves("repeat", "counts", lambda x: np.repeat(x, [2, 0, 1], axis=1), R(2, 3))
moves("tile", "int", lambda x: np.tile(x, 2), R(2, 3))
moves("tile", "tuple", lambda x: np.tile(x, (2, 1, 2)), R(2, 3))
for _kw in ({}, {"axis": 0}, {"axis": (0, -1)}):
    variants("numpy.flip", np.flip, (R(2, 3),), _kw)
moves("fliplr", "", np.fliplr, R(2, 3))
moves("flipud", "", np.flipud, R(2, 3))
for _k in (0, 1, 2, 3, -1):
    variants("numpy.rot90", np.rot90, (R(2, 3),), {"k": _k})
moves("rot90", "axes", lambda x: np.rot90(x, 1, (1, 2)), R(2, 3, 2))
moves("roll", "flat", lambda x: np.roll(x, 2), R(2, 3))
moves("roll", "axis", lambda x: np.roll(x, -1, axis=1), R(2, 3))
moves("roll", "axes", lambda x: np.roll(x, (1, 2), axis=(0, 1)), R(2, 3))
moves("array_split", "", lambda x: np.array_split(x, 3), R(5, 2))
moves("array_split", "axis", lambda x: np.array_split(x, 2, axis=-1), R(5, 3))
moves("split", "int", lambda x: np.split(x, 2), R(4, 2))
moves("split", "at", lambda x: np.split(x, [1, 3], axis=0), R(4, 2))
moves("hsplit", "", lambda x: np.hsplit(x, 2), R(3, 4))
moves("vsplit", "", lambda x: np.vsplit(x, 2), R(4, 2))
moves("dsplit", "", lambda x: np.dsplit(x, 2), R(1, 2, 4))
if hasattr(np, "unstack"):
    moves("unstack", "", lambda x: np.unstack(x, axis=1), R(2, 3), device="CuPy has no unstack")
moves("meshgrid", "xy", np.meshgrid, R(2), R(3))
moves("meshgrid", "ij", lambda a, b: np.meshgrid(a, b, indexing="ij", sparse=True), R(2), R(3))
for _rank in (1, 2, 3):
    for _shape in ((), (2,), (2, 3)):
        moves(f"atleast_{_rank}d", f"{len(_shape)}-d", getattr(np, f"atleast_{_rank}d"), R(*_shape))
moves("pad", "constant", lambda x: np.pad(x, 1), R(2, 3))
moves("pad", "value", lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=2.0), R(2, 3), affine=True)
for _mode in ("edge", "reflect", "symmetric", "wrap"):
    moves("pad", _mode, lambda x, _mode=_mode: np.pad(x, ((1, 1), (2, 0)), mode=_mode), R(2, 3))

# -- indexing -------------------------------------------------------------------------------------------------------------------

_index = np.array([0, 2, 2, 1])
moves("take", "axis", lambda x, i: np.take(x, i, axis=1), R(2, 3), extra=(_index,))
moves("take", "flat", lambda x, i: np.take(x, i), R(2, 3), extra=(_index,))
moves("take", "list", lambda x: np.take(x, [0, 1, 1], axis=-1), R(2, 3))
moves("take", "int", lambda x: np.take(x, 1, axis=0), R(2, 3))
moves("take", "wrap", lambda x, i: np.take(x, i, axis=0, mode="wrap"), R(2, 3), extra=(_index,), device="CuPy's take has no mode=")
moves("take_along_axis", "", lambda x, i: np.take_along_axis(x, i, axis=1), R(2, 3), extra=(np.array([[0, 0], [2, 1]]),))
moves(
    "take_along_axis",
    "argsort",
    lambda x: np.take_along_axis(x, np.argsort(x, axis=0), axis=0),
    D(3, 2),
    real_only=ORDERED,
    holomorphic=False,
    affine=True,
)
moves("compress", "axis", lambda x: np.compress([True, False, True], x, axis=1), R(2, 3))
moves("compress", "flat", lambda x: np.compress([False, True, True], x), R(2, 3))
moves("extract", "", lambda x, m: np.extract(m, x), R(2, 3), extra=(_mask,))
moves("diagonal", "", np.diagonal, R(3, 3))
moves("diagonal", "offset", lambda x: np.diagonal(x, -1, 0, 2), R(3, 2, 3))
moves("diag", "vector", lambda x: np.diag(x, 1), R(3))
moves("diag", "matrix", lambda x: np.diag(x, -1), R(3, 3))
moves("diagflat", "", np.diagflat, R(2, 2))
moves("delete", "flat", lambda x: np.delete(x, 1), R(2, 3))
moves("delete", "axis", lambda x: np.delete(x, [0, 2], axis=1), R(2, 3))
moves("insert", "flat", lambda x: np.insert(x, 1, 5.0), R(4), affine=True, device="CuPy has no insert")
moves("insert", "values", lambda x, v: np.insert(x, 1, v, axis=1), R(2, 3), R(2), device="CuPy has no insert", together=ASSIGNS)
moves("insert", "several", lambda x, v: np.insert(x, [0, 2], v), R(4), R(2), device="CuPy has no insert", together=ASSIGNS)
for _label, _f in {
    "slice": lambda x: x[1:, ::-1], "int": lambda x: x[0], "negative": lambda x: x[-1, -2], "newaxis": lambda x: x[None, ..., 0],
    "ellipsis": lambda x: x[..., 1:], "list": lambda x: x[[0, 0, 1]], "empty": lambda x: x[:0], "mixed": lambda x: x[[0, 1], 1:],
    "separated": lambda x: x[[0, 1], :, [1, 0]] if x.ndim > 2 else x[[0, 1], None, [1, 0]], "iteration": lambda x: np.stack([2 * r for r in x]),
}.items():  # fmt: skip
    moves("take", f"getitem-{_label}", _f, R(2, 3))
moves("take", "getitem-separated-3d", lambda x: x[[0, 1], :, [1, 0]], R(2, 3, 2))
moves("take", "getitem-mask", lambda x, m: x[m], R(2, 3), extra=(_mask,))
moves("take", "getitem-array", lambda x, i: x[:, i], R(2, 3), extra=(_index,))


def _assigned(index, copy=True):
    def f(x, v):
        y = x.copy()
        y[index] = v
        return y

    return f


moves("copy", "setitem-slice", _assigned((slice(None), 1)), R(2, 3), R(2), together=ASSIGNS)
moves("copy", "setitem-broadcast", _assigned((slice(None), slice(1, None))), R(2, 3), R(2, 1), together=ASSIGNS)
moves("copy", "setitem-list", _assigned([0, 2]), R(3, 2), R(2), together=ASSIGNS)


def _added_at(x, v):
    y = np.zeros_like(x)
    np.add.at(y, [0, 1, 1], v)
    return y + x


moves("add", "at", _added_at, R(3), R(3), together=ASSIGNS)

# -- products -------------------------------------------------------------------------------------------------------------------

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
    case("numpy.vecdot", np.vecdot, R(2, 3), R(3), holomorphic=False, device=_LACKS.format("vecdot"))
    case(
        "numpy.vecdot",
        lambda a, b: np.vecdot(a, b, axis=0),
        R(3, 2),
        R(3, 2),
        label="axis",
        holomorphic=False,
        device=_LACKS.format("vecdot"),
    )
if hasattr(np, "matvec"):
    case("numpy.matvec", np.matvec, R(2, 2, 3), R(3), device=_LACKS.format("matvec"))
    case("numpy.vecmat", np.vecmat, R(2, 3), R(2, 3, 2), holomorphic=False, device=_LACKS.format("vecmat"))

# -- calculus and statistics ------------------------------------------------------------------------------------------------------

variants("numpy.angle", np.angle, (R(2, 3),), {}, {"deg": True}, holomorphic=False)
case(
    "numpy.apply_along_axis",
    lambda x: np.apply_along_axis(lambda r: r * np.sum(r), 1, x),
    R(2, 3),
    device="calls Python for each row",
)
for _name in ("around", "round"):
    variants(f"numpy.{_name}", getattr(np, _name), (D(2, 3),), {}, {"decimals": 1})
for _name in ("fix", "isneginf", "isposinf", "iscomplex", "isreal"):
    case(f"numpy.{_name}", getattr(np, _name), D(2, 3), real_only=ORDERED)
case("numpy.digitize", lambda x, b: np.digitize(x, b), D(4), extra=(np.array([-0.4, 0.0, 0.4]),), real_only=ORDERED)
case(
    "numpy.bincount",
    lambda w, i: np.bincount(i, weights=w),
    R(4),
    extra=(np.array([0, 2, 2, 1]),),
    real_only=NO_COMPLEX,
    holomorphic=False,
    double_only="np.bincount returns float64",
    in_double=True,
)
case(
    "numpy.bincount",
    lambda w, i: np.bincount(i, weights=w, minlength=5),
    R(4),
    extra=(np.array([0, 2, 2, 1]),),
    label="minlength",
    real_only=NO_COMPLEX,
    holomorphic=False,
    double_only="np.bincount returns float64",
    in_double=True,
)
variants(
    "numpy.cov",
    np.cov,
    (R(2, 4),),
    {},
    {"rowvar": False},
    {"ddof": 0},
    {"bias": True},
    holomorphic=False,
    double_only="np.cov returns float64",
)
case("numpy.cov", np.cov, R(4), R(4), label="two", holomorphic=False, double_only="np.cov returns float64")
variants(
    "numpy.corrcoef",
    np.corrcoef,
    (R(3, 5),),
    {},
    {"rowvar": False},
    holomorphic=False,
    double_only="np.corrcoef returns float64",
    step=5e-3,
)
case("numpy.ediff1d", np.ediff1d, R(2, 3))
case("numpy.frexp", lambda x: np.frexp(x)[0], V([1.3, -2.7, 5.5]), real_only=NO_COMPLEX, holomorphic=False, elementwise=True)
case(
    "numpy.ldexp",
    lambda x, i: np.ldexp(x, i),
    R(3),
    extra=(np.array([1, -2, 0]),),
    real_only=NO_COMPLEX,
    holomorphic=False,
    elementwise=True,
)
case("numpy.modf", np.modf, D(2, 3), real_only=NO_COMPLEX, holomorphic=False)
case("numpy.heaviside", np.heaviside, D(2, 3), R(3), real_only=NO_COMPLEX, holomorphic=False, elementwise=True)
case("numpy.nan_to_num", np.nan_to_num, V([1.0, np.nan, np.inf, -2.0]), real_only=ORDERED, holomorphic=False, elementwise=True)
case(
    "numpy.i0",
    np.i0,
    V([0.5, -1.5, 2.0]),
    real_only=NO_COMPLEX,
    holomorphic=False,
    in_double=True,
    elementwise=True,
    double_only="np.i0 computes in float64",
)
case("numpy.sinc", np.sinc, V([0.3, -1.4, 2.2, 0.0]), holomorphic=False, elementwise=True)
case("numpy.unwrap", np.unwrap, V([0.0, 2.0, 4.5, -3.0, -1.0]), real_only=ORDERED, holomorphic=False)
case(
    "numpy.unwrap",
    lambda x: np.unwrap(x, axis=0, period=4.0),
    V([[0.0, 2.3], [3.1, -1.0], [0.5, 0.4]]),
    label="period",
    real_only=ORDERED,
    holomorphic=False,
)
_grid = np.array([-2.0, -0.5, 0.0, 1.0, 2.5])
case(
    "numpy.interp",
    lambda x, fp, xp: np.interp(x, xp, fp),
    V([-1.0, 0.3, 2.0]),
    R(5),
    extra=(_grid,),
    real_only=ORDERED,
    holomorphic=False,
    in_double=True,
    double_only="np.interp returns float64",
)
case(
    "numpy.interp",
    np.interp,
    V([-1.0, 0.3, 2.0]),
    V(_grid),
    R(5),
    label="grid",
    real_only=ORDERED,
    holomorphic=False,
    in_double=True,
    double_only="np.interp returns float64",
)
case("numpy.trapezoid", np.trapezoid, R(2, 4))
case("numpy.trapezoid", np.trapezoid, R(2, 4), R(4), label="x")
case("numpy.trapezoid", lambda y: np.trapezoid(y, dx=0.5, axis=0), R(3, 2), label="dx")
case("numpy.gradient", np.gradient, R(4))
case("numpy.gradient", lambda x: np.gradient(x, 0.5, axis=1, edge_order=2), R(2, 4), label="edge_order")
case("numpy.gradient", lambda x: np.gradient(x), R(3, 4), label="2-d")
case("numpy.gradient", np.gradient, R(4), V([0.0, 0.5, 1.5, 2.0]), label="coordinates", affine=True, real_only="spacings are real")
case("numpy.linspace", lambda a, b: np.linspace(a, b, 4), R(), R(), holomorphic=True, double_only="np.linspace returns float64")
case(
    "numpy.linspace",
    lambda a, b: np.linspace(a, b, 3, endpoint=False, axis=-1),
    R(2),
    R(2),
    label="axis",
    double_only="np.linspace returns float64",
)
case(
    "numpy.geomspace",
    lambda a, b: np.geomspace(a, b, 4),
    P(),
    P(),
    holomorphic=False,
    in_double=True,
    real_only="branches of the logarithm",
    double_only="returns float64",
    device="CuPy has no geomspace",
)
case(
    "numpy.logspace", lambda a, b: np.logspace(a, b, 4), U(), U(), holomorphic=False, in_double=True, double_only="returns float64"
)
case(
    "numpy.select",
    lambda x, y: np.select([x > 0.5, x > -0.5], [x, 2 * y], 0.0),
    D(2, 3),
    R(2, 3),
    real_only=ORDERED,
    holomorphic=False,
    affine=True,
)
case(
    "numpy.piecewise",
    lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda u: u * u, lambda u: 3 * u]),
    D(5),
    real_only=ORDERED,
    holomorphic=False,
)
case("numpy.real_if_close", np.real_if_close, R(3), real_only="drops imaginary parts by their size", holomorphic=False)
case("numpy.polyadd", np.polyadd, R(3), R(2))
case("numpy.polysub", np.polysub, R(2), R(3))
case("numpy.polymul", np.polymul, R(3), R(2))
case("numpy.polyval", np.polyval, R(4), R(2, 2))
variants("numpy.polyder", np.polyder, (R(4),), {}, {"m": 2})
variants("numpy.polyint", np.polyint, (R(3),), {}, {"m": 2})
variants("numpy.vander", np.vander, (R(3),), {}, {"N": 2}, {"increasing": True})
case("numpy.unique", np.unique, V([1.0, 2.0, 1.5, 0.5]), real_only=ORDERED, holomorphic=False)

# -- linear algebra -----------------------------------------------------------------------------------------------------------------


def W(*shape):
    """Well-conditioned matrices."""
    return lambda rng: rng.uniform(-1, 1, shape) + 3 * np.eye(shape[-1])


def SPD(*shape):
    """Symmetric positive definite matrices; Hermitian if complex."""

    def sample(rng):
        a = rng.uniform(-1, 1, shape)
        return a @ np.swapaxes(a, -1, -2) + 2 * np.eye(shape[-1])

    def complexify(x, rng):
        b = rng.uniform(-0.4, 0.4, x.shape)
        return x + 1j * (b - np.swapaxes(b, -1, -2))

    sample.complexify = complexify
    return sample


LAPACK = {"tolerance": 50.0}
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
    device=_LACKS.format("vector_norm"),
)
variants(
    "numpy.linalg.matrix_norm",
    np.linalg.matrix_norm,
    (D(2, 3, 3),),
    {},
    {"ord": 1, "keepdims": True},
    holomorphic=False,
    device=_LACKS.format("matrix_norm"),
)
for _p in (1, "fro", np.inf):
    variants("numpy.linalg.cond", np.linalg.cond, (W(3, 3),), {"p": _p}, holomorphic=False, step=5e-3, **LAPACK)
for _n in (0, 1, 3, -2):
    variants("numpy.linalg.matrix_power", np.linalg.matrix_power, (W(2, 2),), {"n": _n}, **LAPACK)
case("numpy.linalg.multi_dot", lambda *xs: np.linalg.multi_dot(xs), R(2, 3), R(3, 4), R(4, 2), device=_LACKS.format("multi_dot"))
case("numpy.linalg.tensorsolve", np.linalg.tensorsolve, lambda rng: W(4, 4)(rng).reshape(2, 2, 4), R(2, 2), **LAPACK)
case("numpy.linalg.tensorinv", lambda a: np.linalg.tensorinv(a, ind=2), lambda rng: W(4, 4)(rng).reshape(2, 2, 4), **LAPACK)
case("numpy.linalg.cross", np.linalg.cross, R(2, 3), R(3), device=_LACKS.format("linalg.cross"))
case("numpy.linalg.outer", np.linalg.outer, R(2), R(3), device=_LACKS.format("linalg.outer"))
case("numpy.linalg.matmul", np.linalg.matmul, R(2, 3), R(3, 2))
case("numpy.linalg.tensordot", np.linalg.tensordot, R(2, 3, 2), R(3, 2), device=_LACKS.format("linalg.tensordot"))
case("numpy.linalg.vecdot", np.linalg.vecdot, R(2, 3), R(2, 3), holomorphic=False, device=_LACKS.format("linalg.vecdot"))
case("numpy.linalg.trace", np.linalg.trace, R(2, 3, 3), device=_LACKS.format("linalg.trace"))
case("numpy.linalg.diagonal", np.linalg.diagonal, R(2, 3, 3), device=_LACKS.format("linalg.diagonal"))
case("numpy.linalg.matrix_transpose", np.linalg.matrix_transpose, R(2, 2, 3))

# -- special functions ----------------------------------------------------------------------------------------------------------------

SPECIAL = {"elementwise": True, "in_double": True}
REAL = {"real_only": "real version only", "holomorphic": False}
NO_CUPYX = "cupyx.scipy.special has no {}"
for _name in ("erf", "erfc", "erfcx", "expm1", "expit", "loggamma", "log1p", "gamma", "digamma"):
    _o = (
        REAL
        if _name in ("expit", "erfcx", "digamma", "gamma", "loggamma", "erfc")
        else {"holomorphic": _name in ("expm1", "log1p", "erf")}
    )
    case(f"scipy.special.{_name}", getattr(special, _name), P(2, 3), **SPECIAL, **_o)
for _names, _domain in (
    ("log_ndtr ndtr exp10 exp2 log_expit cosm1 exprel i0 i1 j0 j1", R), ("gammaln k0 k1 y0 y1 entr", P), ("erfinv", U),
    ("logit ndtri", uniform(0.2, 0.8)), ("erfcinv", uniform(0.3, 1.7)), ("cbrt", P),
):  # fmt: skip
    for _name in _names.split():
        case(f"scipy.special.{_name}", getattr(special, _name), _domain(2, 3), **SPECIAL, **REAL)
for _name in ("beta", "betaln", "xlogy", "xlog1py", "rel_entr", "kl_div", "huber", "pseudo_huber"):
    case(f"scipy.special.{_name}", getattr(special, _name), P(2, 3), P(3), **SPECIAL, **REAL)
for _name in ("jv", "yv", "iv", "kv"):
    case(
        f"scipy.special.{_name}",
        lambda x, _f=getattr(special, _name): _f(1.5, x),
        P(2, 3),
        device=NO_CUPYX.format(_name),
        **SPECIAL,
        **REAL,
    )
for _name in ("gammainc", "gammaincc"):
    case(f"scipy.special.{_name}", lambda x, _f=getattr(special, _name): _f(1.5, x), P(2, 3), **SPECIAL, **REAL)
case("scipy.special.betainc", lambda x: special.betainc(1.5, 2.0, x), uniform(0.2, 0.8)(2, 3), **SPECIAL, **REAL)
case("scipy.special.gammasgn", special.gammasgn, D(2, 3), real_only=ORDERED)
case("scipy.special.polygamma", lambda x: hs.polygamma(1, x), P(3), **SPECIAL, **REAL)
case("scipy.special.zeta", lambda q: hs.zeta(2.5, q), P(3), **SPECIAL, **REAL)
case("scipy.special.multigammaln", lambda a: hs.multigammaln(a, 2), A1(), **{**SPECIAL, "elementwise": False}, **REAL)
if hasattr(special, "softplus"):
    case("scipy.special.softplus", hs.softplus, R(2, 3), **SPECIAL, **REAL)
for _name in ("logsumexp", "softmax", "log_softmax"):
    _o = {"in_double": True, "holomorphic": False, "real_only": "compared for real arguments"}
    variants(
        f"scipy.special.{_name}",
        lambda x, _n=_name, **kw: getattr(hs, _n)(x, **kw),
        (R(2, 3),),
        {},
        {"axis": 0},
        {"axis": -1},
        **_o,
    )
case(
    "scipy.special.logsumexp",
    lambda x, b: hs.logsumexp(x, axis=1, b=b, keepdims=True),
    R(2, 3),
    P(3),
    label="weights",
    in_double=True,
    **REAL,
)
case(
    "scipy.special.logsumexp",
    lambda x, b: hs.logsumexp(x, axis=1, b=b, return_sign=True),
    R(2, 3),
    V([0.5, -2.0, 0.7]),
    label="sign",
    in_double=True,
    **REAL,
)
for _name in ("sin", "cos"):
    case(f"numpy.{_name}", getattr(np, _name), R(4100), label="large", elementwise=False)
case("numpy.linalg.norm", lambda x: np.linalg.norm(x, ord=3), V([0.5, -1.0, 2.0]), label="ord=3", holomorphic=False)
