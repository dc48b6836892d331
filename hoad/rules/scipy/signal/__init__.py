"""The rules for scipy.signal: convolution, filters, spectra, windows."""

# isort: skip_file

from hoad.rules.scipy.signal import (  # noqa: F401  # imported for their declarations, in the order they need
    convolution,
    recursive,
    cascades,
    resampling,
    smoothing,
    spectra,
    windows,
    synthesis,
)
