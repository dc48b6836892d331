"""scipy.special, a file for each family.  Importing this package fills the registry."""

# isort: skip_file

from hoad.rules.special_functions import (  # noqa: F401  # imported for their declarations, in the order they need
    ladders,
    bessel,
    elementary,
)
