# a table: one case, one line where it fits
"""Cases: np.pad in every mode."""

import numpy as np

from .case import ORDERED, D, R, case, variants

_WIDTH = ((2, 1), (0, 3))
variants("numpy.pad", lambda x, **kw: np.pad(x, _WIDTH, **kw), (R(3, 2),), {"mode": "edge"}, {"mode": "wrap"}, {"mode": "reflect"},
    {"mode": "reflect", "reflect_type": "odd"}, {"mode": "symmetric"}, {"mode": "symmetric", "reflect_type": "odd"},
    {"mode": "mean"}, {"mode": "mean", "stat_length": ((2, 1), (1, 2))}, {"mode": "linear_ramp"})  # fmt: skip
variants("numpy.pad", lambda x, **kw: np.pad(x, 2, **kw), (R(4),), {"mode": "constant"}, {"mode": "linear_ramp", "end_values": (3.0, -1.0)},
    {"mode": "constant", "constant_values": ((1.0, 2.0),)}, affine=True)  # fmt: skip
for _mode, _type in (("reflect", "odd"), ("symmetric", "even")):
    case("numpy.pad", lambda x, _m=_mode, _t=_type: np.pad(x, (7, 9), _m, reflect_type=_t), R(4), label=f"wide {_mode}")
for _mode in ("maximum", "minimum", "median"):
    for _n in (None, 2):
        _call = lambda x, _m=_mode, _n=_n: np.pad(x, 1, _m, stat_length=_n)
        case("numpy.pad", _call, D(3, 2), label=f"{_mode} of {_n}", real_only=ORDERED, holomorphic=False)


def _doubled(vector, width, axis, kwargs):
    vector[: width[0]] = 2 * vector[width[0]]
    vector[len(vector) - width[1] :] = kwargs["scale"] * vector[-width[1] - 1]


case("numpy.pad", lambda x: np.pad(x, 1, _doubled, scale=3.0), R(2, 3), label="function", device="calls Python for each row")
