"""scipy.interpolate: splines and interpolation in data, knots and arguments.

Each class of SciPy has a twin that SciPy's own code gives its numbers, and differentiable formulas its derivatives.
"""

from scipy import interpolate as _native

from hoad.core.primitive import expose as _expose
from hoad.rules.scipy.interpolate.bsplines import BSpline, make_interp_spline, splev
from hoad.rules.scipy.interpolate.cubic import Akima1DInterpolator, CubicHermiteSpline, CubicSpline, PchipInterpolator
from hoad.rules.scipy.interpolate.grids import RegularGridInterpolator, interpn
from hoad.rules.scipy.interpolate.one_dimensional import (
    BarycentricInterpolator,
    KroghInterpolator,
    barycentric_interpolate,
    interp1d,
    krogh_interpolate,
)
from hoad.rules.scipy.interpolate.pieces import Piecewise

__all__ = ["TWINS"]

TWINS = {
    "Akima1DInterpolator": Akima1DInterpolator,
    "BSpline": BSpline,
    "BarycentricInterpolator": BarycentricInterpolator,
    "CubicHermiteSpline": CubicHermiteSpline,
    "CubicSpline": CubicSpline,
    "KroghInterpolator": KroghInterpolator,
    "PPoly": Piecewise,
    "PchipInterpolator": PchipInterpolator,
    "RegularGridInterpolator": RegularGridInterpolator,
    "interp1d": interp1d,
}
"""Classes of hoad.scipy.interpolate by SciPy's names."""

for _name, _twin in TWINS.items():
    _expose(_twin, f"scipy.interpolate.{_name}", getattr(_native, _name), "composite")

FUNCTIONS = {f.__name__: f for f in (make_interp_spline, splev, interpn, krogh_interpolate, barycentric_interpolate)}
"""Functions that also return twins or take containers of arrays."""
