"""Lambert's W on every branch, and Wright's omega.

W' = exp(-W) / (1 + W), which is right at 0 too.  Source: NIST Digital Library of Mathematical Functions, 4.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from hoad.core.kinds import elementwise
from hoad.core.primitive import expose
from hoad.rules.arguments import as_array
from hoad.rules.special_functions.declarations import declare, reach, refusing

_BRANCH, _TOLERANCE = refusing("lambertw", "the branch k"), refusing("lambertw", "tol")

lambertw_: Any = elementwise("lambertw", special.lambertw, lambda y, z, k, tol: np.exp(-y) / (1 + y), _BRANCH, _TOLERANCE)


def lambertw(z: Any, k: Any = 0, tol: float = 1e-8) -> Any:
    return lambertw_.bind(as_array(z), k, tol)


expose(lambertw, "scipy.special.lambertw", special.lambertw, "elementwise")
reach("_lambertw", lambertw)
declare("wrightomega", lambda y, z: y / (1 + y))
