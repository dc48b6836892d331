"""scipy.sparse.linalg: norms of sparse arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse.linalg

from hoad.core.primitive import expose
from hoad.errors import UnsupportedFunctionError
from hoad.rules.scipy.sparse.arrays import as_sparse

NAME = "scipy.sparse.linalg.norm"


def norm(x: Any, ord: Any = None, axis: Any = None) -> Any:
    a = as_sparse(x).sum_duplicates()
    if isinstance(axis, tuple) and len(axis) == 1:
        axis = axis[0]
    if axis is None or isinstance(axis, tuple):
        if ord in (None, "fro", "f"):
            return np.linalg.norm(a.data)
        if ord in (1, -1, np.inf, -np.inf):
            sums = abs(a).sum(axis=0 if abs(ord) == 1 else 1)
            return np.max(sums) if ord > 0 else np.min(sums)
        raise UnsupportedFunctionError.no_rule(f"{NAME} with ord={ord!r}", "; scipy.linalg.norm of x.toarray() may have one")
    if ord in (None, 2):
        return np.sqrt(abs(a).power(2).sum(axis=axis))
    if ord == 1:
        return abs(a).sum(axis=axis)
    raise UnsupportedFunctionError.no_rule(f"{NAME} with ord={ord!r} and axis", "; np.linalg.norm of x.toarray() has one")


expose(norm, NAME, scipy.sparse.linalg.norm, "composite")
