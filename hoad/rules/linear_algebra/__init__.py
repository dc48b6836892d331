"""numpy.linalg and functions of matrices.  Importing this package fills the registry."""

# isort: skip_file

from hoad.rules.linear_algebra import (  # noqa: F401  # imported for their declarations, in the order they need
    solving,
    determinant,
    symmetric_functions,
    norms,
    matrix_products,
    eigen,
    nonsymmetric_eigen,
    singular_values,
    least_squares,
    orthogonal_factors,
)
