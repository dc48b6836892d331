"""The rules for scipy.ndimage: filters, interpolation, measurements."""

# isort: skip_file

from hoad.rules.scipy.ndimage import (  # noqa: F401  # imported for their declarations, in the order they need
    boundary,
    correlation,
    derivatives,
    splines,
    interpolation,
    ranking,
    measurements,
    fourier,
)
