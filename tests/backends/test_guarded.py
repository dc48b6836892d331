# ruff: noqa: E501  # tables of names
"""No rule leaks to the host: every case in every mode on an array type that refuses conversion and mixing."""

import numpy as np
import pytest

from ..registry.harness import KNOWN
from .device_modes import compare
from .guarded import BACKEND, Guarded, HostError

# What does not run on a device yet: reason -> cases.  Each is expected to fail (strictly), so an entry goes when its rule is fixed.
KNOWN_LEAKS = {
    "hoad/rules/statistics.py: np.asarray of the bins": """
        numpy.bincount numpy.bincount-minlength
    """,
    "hoad/rules/calculus.py: host weights, grids or masks made without backends.like": """
        numpy.frexp numpy.ldexp numpy.modf numpy.unwrap numpy.unwrap-period numpy.interp numpy.linspace numpy.linspace-axis
        numpy.geomspace numpy.logspace numpy.select numpy.piecewise numpy.polyadd numpy.polysub numpy.polyval numpy.polyder
        numpy.polyder-m=2 numpy.polyint numpy.polyint-m=2 numpy.vander numpy.vander-N=2 numpy.vander-increasing=True
    """,
    "cupyx.scipy.special has no iv, jv, kv, yv, which second derivatives need": """
        numpy.i0 scipy.special.i0 scipy.special.i1 scipy.special.j0 scipy.special.j1 scipy.special.k0 scipy.special.k1
        scipy.special.y0 scipy.special.y1
    """,
    "hoad/rules/special.py: np.asarray of the argument, a SciPy function that is no ufunc, or `if` on values": """
        numpy.sinc scipy.special.erfcx scipy.special.loggamma scipy.special.gamma scipy.special.digamma scipy.special.log_ndtr
        scipy.special.exprel scipy.special.gammaln scipy.special.entr scipy.special.beta scipy.special.betaln
        scipy.special.xlogy scipy.special.xlog1py scipy.special.rel_entr scipy.special.kl_div scipy.special.gammainc
        scipy.special.gammaincc scipy.special.betainc scipy.special.polygamma scipy.special.zeta scipy.special.multigammaln
        scipy.special.logsumexp scipy.special.logsumexp-axis=0 scipy.special.logsumexp-axis=-1 scipy.special.softmax
        scipy.special.softmax-axis=0 scipy.special.softmax-axis=-1 scipy.special.log_softmax scipy.special.log_softmax-axis=0
        scipy.special.log_softmax-axis=-1 scipy.special.logsumexp-weights scipy.special.logsumexp-sign
    """,
    "hoad/rules/linalg.py: np.tri, np.eye or `if` on values": """
        numpy.linalg.det-2-d numpy.linalg.cholesky-2-d numpy.linalg.det-3-d numpy.linalg.cholesky-3-d numpy.linalg.det-singular
        numpy.linalg.norm-axis=1,ord=3 numpy.linalg.matrix_power-n=0 numpy.linalg.norm-ord=3
    """,
    "cupyx.scipy.special.gammasgn is no ufunc that SciPy dispatches to": """
        scipy.special.gammasgn
    """,
}
LEAKING = {case: reason for reason, cases in KNOWN_LEAKS.items() for case in cases.split()}


def _parameters():
    for case in KNOWN:
        marks = [pytest.mark.xfail(reason=LEAKING[case.id], strict=True)] if case.id in LEAKING else []
        yield pytest.param(case, id=case.id, marks=marks)


@pytest.mark.parametrize("case", list(_parameters()))
def test_every_mode_stays_on_the_device(case):
    if case.device:
        pytest.skip(case.device)
    compare(case, BACKEND.asarray, BACKEND.to_host, Guarded)


@pytest.mark.parametrize(
    "leak",
    [
        lambda x: np.asarray(x), lambda x: x + np.ones(2), lambda x: np.ones(2) * x, lambda x: x + np.array(1.0), lambda x: bool(x[0]), lambda x: float(x[0]),
        lambda x: x[np.array([0])], lambda x: x[[0]], lambda x: np.where(np.array([True, False]), x, 0.0), lambda x: np.concatenate([x, np.ones(2)]),
        lambda x: np.maximum.reduce(x), lambda x: np.sum(x, where=x > 0), lambda x: np.block([x, x]), lambda x: np.multiply.at(x, BACKEND.asarray([0]), 2.0),
    ],
)  # fmt: skip
def test_the_guard_refuses(leak):
    with pytest.raises((HostError, TypeError)):
        leak(Guarded(np.array([1.0, 2.0])))


def test_the_guard_computes():
    x = Guarded(np.array([1.0, 2.0]))
    y = 2.0 * x + np.sin(x) * np.float64(3.0)
    assert type(y) is Guarded
    assert type(np.sum(y)) is Guarded
    assert y.dtype == np.float64
    x += 1.0
    np.testing.assert_array_equal(x.data, [2.0, 3.0])
