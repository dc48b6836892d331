"""scipy.sparse: arrays with a fixed pattern and values that may be traced.  Importing this package fills the registry."""

# isort: skip_file

from hoad.rules.scipy.sparse import (  # noqa: F401  # imported for their declarations, in the order they need
    pattern,
    products,
    arrays,
    construction,
    direct,
    iterative,
    exponential,
    norms,
)
