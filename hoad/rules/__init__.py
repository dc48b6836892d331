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
    convolutions,
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
    construction,
    fft,
)
from importlib import import_module
from hoad.core.primitive import later
from hoad.rules.scipy import load_all

# Functions that only their twins in hoad.numpy and hoad.scipy can reach: imported when a twin is first used.
later.append(lambda: import_module("hoad.rules.polynomial_series"))
later.append(load_all)
