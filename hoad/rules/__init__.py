"""The rules: one statement for each function of NumPy and SciPy.  Importing this package fills the registry."""

# isort: skip_file

from hoad.rules import (  # noqa: F401  # imported for their declarations, in the order they need
    kinks,
    arithmetic,
    exponential,
    trigonometric,
    shaping,
    indexing,
    selection,
    reductions,
    products,
    creation,
    linalg,
    special,
    calculus,
    statistics,
)
