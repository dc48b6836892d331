"""Every mode of every case on arrays of a backend, compared with the host."""

from __future__ import annotations

import numpy as np

import hoad
from hoad.core.box import strip

from ..registry.harness import CONSTANT, at_level, bare, leaves, silent
from ..registry.test_batching import UNBATCHABLE


def results(case, move):
    """Name -> arrays, for each mode, with arguments and extras moved to the backend."""
    xs = [move(x) for x in case.point]
    vs = [move(v) for v in case.directions(case.point)]
    extra = [move(e) for e in case.extra]
    flat = lambda *a: tuple(leaves(case.call(*a, *extra)))
    found = {}
    with silent():
        if case in CONSTANT:
            for mode in ("forward", "reverse", "taylor"):
                out, _ = at_level(mode, flat, xs, vs)
                found[mode] = bare(out)
            return found
        y, t = hoad.jvp(flat, tuple(xs), tuple(vs))
        found["value"], found["forward"] = y, t
        found["reverse"] = hoad.vjp(flat, *xs)[1](t)
        found["taylor"] = hoad.jet(flat, tuple(xs), tuple([v, v] for v in vs))[1]
        found["second order"] = hoad.hvp(
            lambda p: sum(np.sum(np.real(k * np.conjugate(k))) for a in flat(*p) for k in [np.where(np.isfinite(a), a, 0.0)]),
            tuple(xs),
            tuple(vs),
        )
        if case.name not in UNBATCHABLE and not case.together:
            stacks = [np.stack([x, x]) for x in xs]
            slopes = [np.stack([v, v]) for v in vs]
            found["batch"] = hoad.vmap(lambda x, v: hoad.jvp(flat, x, v)[1])(tuple(stacks), tuple(slopes))
    return found


def flat_host(out, to_host):
    return [np.asarray(to_host(strip(y))) if hasattr(y, "dtype") else np.asarray(y) for y in leaves(out)]


def compare(case, move, to_host, array_type, rtol=1e-9):
    expected, found = results(case, lambda x: x), results(case, move)
    for mode, host in expected.items():
        ours = leaves(found[mode])
        for a in ours:
            plain = strip(a)
            assert isinstance(plain, array_type) or not isinstance(plain, np.ndarray | np.generic), (
                f"{mode} of {case.id} left the device"
            )
        for a, b in zip(flat_host(found[mode], to_host), flat_host(host, np.asarray), strict=True):
            assert a.shape == b.shape, mode
            assert a.dtype == b.dtype, mode
            scale = max(1.0, float(np.max(np.abs(b[np.isfinite(b)]), initial=0.0))) if b.dtype.kind in "fc" else 1.0
            np.testing.assert_allclose(a, b, rtol=0, atol=rtol * scale, equal_nan=True, err_msg=f"{mode} of {case.id}")
