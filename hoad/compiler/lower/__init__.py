"""From primitive steps to arrays defined by formulas.

Each module declares, by the name of a primitive, how it is written with the values of :mod:`hoad.compiler.loops.values`.  What has
no declaration, or declines by returning None, stays a call of NumPy or SciPy between native segments.
"""

from hoad.compiler.lower import (  # noqa: F401  (their declarations)
    bodies,
    counts,
    elementwise,
    gathers,
    joining,
    padding,
    points,
    polynomials,
    products,
    reductions,
    scans,
    shaping,
    small_matrices,
    sparse,
    statistics,
)
from hoad.compiler.lower.lowering import lower

__all__ = ["lower"]
