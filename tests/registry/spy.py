"""Which primitives the cases apply, to which arguments: in values, bodies, tangents, cotangents and series."""

from __future__ import annotations

from functools import cache

import numpy as np

import hoad
from hoad.core.box import Box, Buffer, strip
from hoad.core.level import Level

from .harness import KNOWN, leaves, silent


class Spy(Box):
    """A value that notes every primitive that it meets; ``aux`` is unused."""

    __slots__ = ()
    seen: list = []

    def vanishes(self, of):
        return of(self.value)

    @staticmethod
    def process(prim, level, args, kw):
        xs = [a.value if isinstance(a, Box) and (a.level == level or type(a) is Buffer) else a for a in args]
        y = prim.bind(*xs, **kw)
        Spy.seen.append((prim, xs, kw, y))
        if prim.body is not None:
            prim.body(*args, **kw)
        if prim.forward is None and prim.body is None:  # a constant: it may be an index
            return y
        if isinstance(y, tuple):
            return tuple(Spy(level, v, None) for v in y)
        return Spy(level, y, None)


def _run(case, xs):
    """A case in value and in every mode, on spies."""
    vs = case.directions(xs)
    with Level(True) as level:
        spies = [Spy(level, x, None) for x in xs]
        case(*spies)
        if not all(getattr(y, "dtype", None) is not None and y.dtype.kind in "fc" for y in leaves(case(*xs))):
            return
        flat = lambda *a: tuple(leaves(case(*a)))
        y, t = hoad.jvp(flat, tuple(spies), tuple(vs))
        t = tuple(Spy(level, strip(c), None) for c in t)
        hoad.vjp(flat, *spies)[1](t)
        hoad.jvp(lambda *a: hoad.jvp(flat, a, tuple(vs))[1], tuple(spies), tuple(vs))
        hoad.jet(flat, tuple(spies), tuple([v] for v in vs))
        if case.name in BATCHED:
            pairs = [Spy(level, np.stack([x, x]), None) for x in xs]
            hoad.vmap(lambda *a: hoad.vjp(flat, *a)[1](t))(*pairs)


BATCHED = {"numpy.sort", "numpy.take_along_axis"}
"""Cases that meet further primitives in a batch."""


@cache
def applications():
    """(primitive, plain arguments, keywords, value) for up to four applications of each primitive."""
    Spy.seen = []
    kept: dict[str, list] = {}
    with silent(), Level(True) as level:
        Spy(level, np.array([1.5, -2.5]), None).astype(int)
        np.linalg.norm(Spy(level, np.zeros(2), None), 3)
        for ufunc in (np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift, np.gcd, np.lcm):
            ufunc(Spy(level, np.array([1, 6]), None), 3)  # integers are traced in batches alone
        for ufunc in (np.invert, np.bitwise_count):
            ufunc(Spy(level, np.array([1, 6]), None))
    for case in KNOWN:
        with silent():
            _run(case, case.point)
            if not case.real_only:
                _run(case, case.sample(np.complex128))
        for entry in Spy.seen:
            rows = kept.setdefault(entry[0].name, [])
            if len(rows) < 4:
                rows.append(entry)
        Spy.seen = []
    return [entry for rows in kept.values() for entry in rows]
