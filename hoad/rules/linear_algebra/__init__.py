"""numpy.linalg and functions of matrices.  Importing this package fills the registry."""

# isort: skip_file

from hoad.rules.linear_algebra import (  # noqa: F401  # imported for their declarations, in the order they need
    solving,
    determinant,
    norms,
    matrix_products,
    symmetric_functions,
    eigen,
)
