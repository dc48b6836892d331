"""What a case is, the domains that its arguments are drawn from, and how one is added to the list.

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


# -- domains --------------------------------------------------------------------------------------------------------------


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


CASES: list[Case] = []


def case(name, call, *args, **options):
    CASES.append(Case(name, call, args, **options))


def variants(name, function, args, *keywords, **options):
    """One case for each dict of keywords."""
    for kw in keywords:
        label = ",".join(f"{k}={v}" for k, v in kw.items()).replace(" ", "")
        case(name, lambda *xs, _kw=kw: function(*xs, **_kw), *args, label=label, **options)


def moves(name, label, call, *args, **options):
    """A function that moves elements, so that it is holomorphic and takes everything."""
    case(f"numpy.{name}", call, *args, label=label, **options)


# -- reasons and options that many cases share -------------------------------------------------------------------------------

ASSIGNS = "a plain array cannot take a traced value, nor a real one a complex value"
LACKS = "CuPy has no {}"
ORDERED = "complex numbers have no order"
NO_COMPLEX = "NumPy has no complex version"
NO_CUPYX = "cupyx.scipy.special has no {}"
REAL = {"real_only": "real version only", "holomorphic": False}
SPECIAL = {"elementwise": True, "in_double": True}
LAPACK = {"tolerance": 50.0}
REDUCED: tuple[dict[str, Any], ...] = (
    {}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, -1)}, {"axis": (1,)}, {"keepdims": True},
)  # fmt: skip
"""Ways to name the axes of a reduction of three axes."""
MASK = np.array([[True, False, True], [False, False, True]])
