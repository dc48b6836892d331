"""Cases: scipy.interpolate, in data, knots and arguments; arguments are away from the knots, where pieces meet."""

import numpy as np

import hoad.scipy.interpolate as interpolate

from .case import R, V, case

OPTIONS = {
    "real_only": "knots and arguments are real",
    "holomorphic": False,
    "double_only": "SciPy converts to float64",
    "in_double": True,
    "step": 0.01,
    "device": "SciPy computes on the host",
}
X = V([0.0, 0.7, 1.5, 2.1, 3.0, 4.2])
Q = V([-0.3, 0.2, 1.1, 2.6, 3.9, 4.5])
INSIDE = V([0.2, 1.1, 2.6, 3.9])

_conditions = {
    "not-a-knot": "not-a-knot",
    "natural": "natural",
    "clamped": "clamped",
    "mixed": ("not-a-knot", "natural"),
}
for _label, _bc in _conditions.items():
    case(
        "scipy.interpolate.CubicSpline",
        lambda x, y, q, bc=_bc: interpolate.CubicSpline(x, y, bc_type=bc)(q),
        X,
        R(6, 2),
        Q,
        label=_label,
        **OPTIONS,
    )
case(
    "scipy.interpolate.CubicSpline",
    lambda x, y, a, b, q: interpolate.CubicSpline(x, y, bc_type=((1, a), (2, b)))(q),
    X,
    R(6),
    R(),
    R(),
    Q,
    label="given",
    **OPTIONS,
)
for _n in (2, 3):
    case(
        "scipy.interpolate.CubicSpline",
        lambda x, y, q: interpolate.CubicSpline(x, y)(q),
        V([0.0, 0.7, 1.5][:_n]),
        R(_n),
        Q,
        label=f"{_n}",
        **OPTIONS,
    )
for _n in (3, 4, 6):
    case(
        "scipy.interpolate.CubicSpline",
        lambda x, y, q: interpolate.CubicSpline(x, np.concatenate([y, y[:1]]), bc_type="periodic")(q),
        V([0.0, 0.7, 1.5, 2.1, 3.0, 4.2][:_n]),
        R(_n - 1, 2),
        V([0.2, 1.1, 1.3]),
        label=f"periodic,{_n}",
        **OPTIONS,
    )
case(
    "scipy.interpolate.CubicSpline",
    lambda x, y, q: interpolate.CubicSpline(x, y, axis=1)(q, 1),
    X,
    R(2, 6),
    V([[0.2, 1.1], [2.6, 3.9]]),
    label="axis,derivative",
    **OPTIONS,
)
case(
    "scipy.interpolate.PPoly",
    lambda c, x, q: interpolate.PPoly(c, x)(q),
    R(3, 5, 2),
    X,
    Q,
    **OPTIONS,
)
case(
    "scipy.interpolate.PPoly",
    lambda c, x, q: interpolate.PPoly(c, x, extrapolate=False)(q, 1),
    R(3, 5),
    X,
    INSIDE,
    label="derivative",
    **OPTIONS,
)
case(
    "scipy.interpolate.PPoly",
    lambda c, x, q: interpolate.PPoly(c, x).antiderivative(2)(q),
    R(3, 5),
    X,
    Q,
    label="antiderivative",
    **OPTIONS,
)
case(
    "scipy.interpolate.PPoly",
    lambda c, x, a, b: interpolate.PPoly(c, x).integrate(a, b),
    R(3, 5),
    X,
    V(0.3),
    V(3.3),
    label="integrate",
    **OPTIONS,
)
case(
    "scipy.interpolate.CubicHermiteSpline",
    lambda x, y, s, q: interpolate.CubicHermiteSpline(x, y, s)(q),
    X,
    R(6, 2),
    R(6, 2),
    Q,
    **OPTIONS,
)
case(
    "scipy.interpolate.PchipInterpolator",
    lambda x, y, q: interpolate.PchipInterpolator(x, y)(q),
    X,
    V([0.0, 0.4, 1.5, 1.2, 2.2, 2.9]),
    Q,
    **OPTIONS,
)
for _method in ("akima", "makima"):
    case(
        "scipy.interpolate.Akima1DInterpolator",
        lambda x, y, q, m=_method: interpolate.Akima1DInterpolator(x, y, method=m, extrapolate=True)(q),
        X,
        V([0.0, 0.4, 1.5, 1.2, 2.2, 2.9]),
        Q,
        label=_method,
        **OPTIONS,
    )

# -- B-splines ---------------------------------------------------------------------------------------------------------------
for _k in (0, 1, 2, 3, 5):
    _t = np.sort(np.concatenate([-0.4 * np.arange(1, _k + 1), [0.0, 0.8, 1.7, 2.4, 3.1, 4.0], 4 + 0.4 * np.arange(1, _k + 1)]))
    for _nu in (0, 1, 2):
        if _nu <= _k:
            case(
                "scipy.interpolate.BSpline",
                lambda t, c, q, k=_k, nu=_nu: interpolate.BSpline(t, c, k)(q, nu),
                V(_t),
                R(len(_t) - _k - 1, 2),
                Q,
                label=f"k={_k},nu={_nu}",
                tolerance=10.0,
                **OPTIONS,
            )
for _k, _bc in ((1, None), (2, None), (3, None), (3, "natural"), (3, "clamped"), (5, None)):
    case(
        "scipy.interpolate.make_interp_spline",
        lambda x, y, q, k=_k, bc=_bc: interpolate.make_interp_spline(x, y, k, bc_type=bc)(q),
        V([0.0, 0.6, 1.1, 1.9, 2.5, 3.1, 4.0]),
        R(7, 2),
        V([0.2, 0.7, 1.3, 2.7, 3.9]),
        label=f"k={_k},bc={_bc}",
        tolerance=10.0,
        **OPTIONS,
    )
case(
    "scipy.interpolate.make_interp_spline",
    lambda x, y, a, q: interpolate.make_interp_spline(x, y, 3, bc_type=([(1, a)], [(2, 0 * a)]))(q),
    V([0.0, 0.6, 1.1, 1.9, 2.5]),
    R(5),
    R(),
    V([0.2, 0.7, 1.3]),
    label="given",
    tolerance=10.0,
    **OPTIONS,
)
for _ext in (0, 1, 3):
    case(
        "scipy.interpolate.splev",
        lambda q, t, c, e=_ext: interpolate.splev(q, (t, c, 3), ext=e),
        Q,
        V([-0.3, -0.2, -0.1, 0.0, 0.8, 1.7, 2.5, 4.0, 4.1, 4.2, 4.3]),
        R(7),
        label=f"ext={_ext}",
        **OPTIONS,
    )

# -- grids -------------------------------------------------------------------------------------------------------------------
A = V([0.0, 0.5, 1.2, 2.0, 2.7, 3.1])
B = V([0.0, 1.0, 1.8, 2.4, 3.3, 4.0])
PLACES = V([[0.3, 0.7], [1.5, 2.9], [2.95, 0.2]])
for _method in ("linear", "nearest", "slinear", "cubic", "quintic", "pchip"):
    _loose = dict(tolerance=1e6) if _method in ("cubic", "quintic") else {}  # SciPy's coefficients are those of an iteration
    case(
        "scipy.interpolate.RegularGridInterpolator",
        lambda v, a, b, p, m=_method: interpolate.RegularGridInterpolator((a, b), v, method=m)(p),
        R(6, 6, 2) if _method != "pchip" else R(6, 6),
        A,
        B,
        PLACES,
        label=_method,
        **OPTIONS,
        **_loose,
    )
for _fill in (None, 7.0):
    case(
        "scipy.interpolate.RegularGridInterpolator",
        lambda v, a, b, p, f=_fill: interpolate.RegularGridInterpolator((a, b), v, bounds_error=False, fill_value=f)(p),
        R(6, 6),
        A,
        B,
        V([[-0.3, 0.7], [1.6, 2.9], [2.95, 5.2]]),
        label=f"fill={_fill}",
        **OPTIONS,
    )
case(
    "scipy.interpolate.RegularGridInterpolator",
    lambda v, p: interpolate.RegularGridInterpolator((np.arange(3.0), np.arange(4.0), np.arange(3.0)[::-1]), v)(p),
    R(3, 4, 3),
    V([[0.3, 0.7, 1.2], [1.6, 2.9, 0.4]]),
    label="descending",
    **OPTIONS,
)
case(
    "scipy.interpolate.interpn",
    lambda v, a, b, p: interpolate.interpn((a, b), v, p),
    R(6, 6),
    A,
    B,
    PLACES,
    **OPTIONS,
)

# -- one variable -----------------------------------------------------------------------------------------------------------
for _kind in ("linear", "nearest", "nearest-up", "zero", "slinear", "quadratic", "cubic", "previous", "next"):
    case(
        "scipy.interpolate.interp1d",
        lambda x, y, q, k=_kind: interpolate.interp1d(x, y, k, axis=0)(q),
        X,
        R(6, 2),
        V([0.2, 1.2, 2.6, 3.9]),
        label=_kind,
        tolerance=10.0,
        **OPTIONS,
    )
case(
    "scipy.interpolate.interp1d",
    lambda x, y, q: interpolate.interp1d(x, y, bounds_error=False, fill_value=(1.0, 2.0))(q),
    X,
    R(2, 6),
    Q,
    label="fill",
    **OPTIONS,
)
for _name in ("KroghInterpolator", "BarycentricInterpolator"):
    case(
        f"scipy.interpolate.{_name}",
        lambda x, y, q, f=getattr(interpolate, _name): f(x, y)(q),
        X,
        R(6, 2),
        V([0.2, 1.1, 2.6, 3.9]),
        tolerance=100.0,
        **OPTIONS,
    )
for _name in ("krogh_interpolate", "barycentric_interpolate"):
    case(
        f"scipy.interpolate.{_name}",
        lambda x, y, q, f=getattr(interpolate, _name): f(x, y, q, der=1),
        X,
        R(6, 2),
        V([0.2, 1.1, 2.6, 3.9]),
        tolerance=1000.0,
        **OPTIONS,
    )
