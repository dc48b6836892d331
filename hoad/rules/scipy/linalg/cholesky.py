"""scipy.linalg: Cholesky factors of matrices and of bands.

A dense factor follows from numpy.linalg.cholesky of the triangle that is read.  ``cho_factor`` leaves what it finds in the other
triangle there, and so do the derivatives.  The derivative of a banded factor goes through the dense matrix: O(n^3) operations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from hoad.core.box import shape_of
from hoad.core.kinds import composite
from hoad.core.primitive import expose
from hoad.rules.scipy.linalg.banded import dense, in_band
from hoad.rules.scipy.linalg.structure import adjoint, as_matrix, stacked


def _factor(a: Any, lower: bool, check_finite: bool) -> Any:
    return np.linalg.cholesky(a) if lower else adjoint(np.linalg.cholesky(adjoint(a)))


def _factor_in_place(a: Any, lower: bool, check_finite: bool) -> Any:
    n = shape_of(a)[-1]
    mine = np.tri(n, dtype=bool) if lower else np.tri(n, dtype=bool).T
    return np.where(mine, _factor(a, lower, check_finite), a)


def _banded_factor(ab: Any, lower: bool, check_finite: bool) -> Any:
    k = shape_of(ab)[-2] - 1
    below, above = (k, 0) if lower else (0, k)
    band, inside = in_band(_factor(dense(ab, below, above), lower, check_finite), below, above)
    return np.where(inside, band, ab)


cholesky_ = composite("scipy.linalg.cholesky", lambda a, **kw: scipy.linalg.cholesky(a, **kw), _factor, batch=stacked)
cho_factor_ = composite(
    "scipy.linalg.cho_factor", lambda a, **kw: scipy.linalg.cho_factor(a, **kw)[0], _factor_in_place, batch=stacked
)
cholesky_banded_ = composite(
    "scipy.linalg.cholesky_banded", lambda ab, **kw: scipy.linalg.cholesky_banded(ab, **kw), _banded_factor, batch=stacked
)


def cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return cholesky_.bind(as_matrix(a), lower=bool(lower), check_finite=check_finite)


def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return cho_factor_.bind(as_matrix(a), lower=bool(lower), check_finite=check_finite), lower


def cholesky_banded(ab: Any, overwrite_ab: bool = False, lower: bool = False, check_finite: bool = True) -> Any:
    return cholesky_banded_.bind(as_matrix(ab), lower=bool(lower), check_finite=check_finite)


expose(cholesky, "scipy.linalg.cholesky", scipy.linalg.cholesky, "implicit")
expose(cho_factor, "scipy.linalg.cho_factor", scipy.linalg.cho_factor, "implicit")
expose(cholesky_banded, "scipy.linalg.cholesky_banded", scipy.linalg.cholesky_banded, "implicit")
