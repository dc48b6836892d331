"""scipy.linalg.  Importing this package fills the registry."""

# isort: skip_file

from hoad.rules.scipy.linalg import (  # noqa: F401  # imported for their declarations, in the order they need
    matrix_equations,
    matrix_functions,
    solving,
    triangular,
    banded,
    cholesky,
    factorisations,
    orthogonal,
    hermitian_eigen,
    general_eigen,
    schur,
    pseudoinverses,
    toeplitz,
    structured,
    blocks,
)
