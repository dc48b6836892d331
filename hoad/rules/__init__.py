"""The rules: one statement for each function of NumPy and SciPy.  Importing this package fills the registry."""

# isort: skip_file

from hoad.rules import (  # noqa: F401  # imported for their declarations, in the order they need
    kinks,
    arithmetic,
    exponential,
    trigonometric,
    shaping,
    conversions,
    joining,
    indexing,
    assignment,
    picking,
    selection,
    reductions,
    scans,
    nan_versions,
    ufunc_methods,
    products,
    creation,
    linear_algebra,
    special_functions,
    calculus,
    polynomials,
    grids,
    piecewise,
    number_parts,
    statistics,
    order_statistics,
    padding,
    histograms,
    sets,
    sequences,
    polynomial_series,
    construction,
    fft,
)
from hoad.core.primitive import later
from hoad.rules.scipy import load_all

later.append(load_all)
