"""The declared kind of every function is numerically true, found from values alone; hand-written rules equal the derived ones."""

import numpy as np
import pytest

from hoad.core import kinds
from hoad.core.engine import engine
from hoad.core.primitive import primitives
from hoad.core.series import Series, curve

from . import spy
from .harness import CONSTANT, KIND, KNOWN, SMOOTH, assert_close, leaves, over, silent


def _of(kind):
    return over(SMOOTH, lambda c: KIND[c.name] == kind)


def _values(case, xs):
    return [np.asarray(y) for y in leaves(case(*xs))]


@over(CONSTANT)
def test_constants_do_not_change_along_small_steps(case):
    xs = case.point
    with silent():
        before, after = _values(case, xs), _values(case, [x + 1e-9 * v for x, v in zip(xs, case.directions(xs))])
    if case.name not in {"numpy.nonzero", "numpy.flatnonzero", "numpy.searchsorted"}:  # they jump at ties, which their cases have
        assert all(np.array_equal(a, b) for a, b in zip(before, after))


@_of("linear")
def test_linear_functions_are_linear_in_all_arguments_together(case):
    xs, ys = case.point, case.directions(case.point)
    if case.label in ("condition", "argsort") or case.name in ("numpy.select",):
        pytest.skip("linear in the branches, whose choice depends on the same argument here")
    ys = [np.where(np.isnan(x), x, y) for x, y in zip(xs, ys)]
    if case.label == "coordinates":
        pytest.skip("linear in the samples, not in their coordinates")
    a, b = (0.3, 0.7) if case.affine else (0.3, -1.1)
    with silent():
        expected = [a * f + b * g for f, g in zip(_values(case, xs), _values(case, ys))]
        assert_close(_values(case, [a * x + b * y for x, y in zip(xs, ys)]), expected, case.id)


@_of("multilinear")
def test_multilinear_functions_are_linear_in_each_argument(case):
    if case.label == "same-argument":
        pytest.skip("one argument in both places: quadratic")
    xs, ys = case.point, case.directions(case.point)
    a, b = 0.3, -1.1
    for i in range(len(xs)):
        with silent():
            f, g = _values(case, xs), _values(case, [*xs[:i], ys[i], *xs[i + 1 :]])
            mixed = [*xs[:i], a * xs[i] + b * ys[i], *xs[i + 1 :]]
            if case.affine or (case.name == "numpy.trapezoid" and case.label == "x"):
                continue
            assert_close(_values(case, mixed), [a * p + b * q for p, q in zip(f, g)], case.id)


@over(KNOWN, lambda c: c.elementwise)
def test_elementwise_functions_act_element_by_element(case):
    xs = case.point
    with silent():
        before = np.asarray(case(*xs))
        for i, x in enumerate(xs):
            for at in np.ndindex(x.shape):
                changed = x.copy()
                changed[at] = x[at] * 1.01 + 1e-3
                reached = np.zeros(x.shape, bool)
                reached[at] = True
                after = np.asarray(case(*xs[:i], changed, *xs[i + 1 :]))
                same = (after == before) | (np.isnan(after) & np.isnan(before))
                assert same[~np.broadcast_to(reached, before.shape)].all()


@_of("selecting")
def test_selecting_functions_are_linear_between_kinks(case):
    xs = case.point
    vs = case.directions(xs)
    t = 1e-3
    with silent():
        a, b, c = (_values(case, [x + k * t * v for x, v in zip(xs, vs)]) for k in (0, 1, 2))
    assert_close(
        [p - 2 * q + r for p, q, r in zip(a, b, c)], [np.zeros_like(p) if np.isfinite(p).all() else p - p for p in a], case.id
    )


def test_implicit_functions_satisfy_their_residual():
    seen = 0
    for prim, xs, kw, y in spy.applications():
        if prim.kind == "implicit":
            with silent():
                r = prim.declaration[0](_bare(y), *map(_bare, xs), **kw)
            assert np.max(np.abs(r), initial=0) < 1e-11, prim
            seen += 1
    assert seen


# -- hand-written rules -------------------------------------------------------------------------------------------------------


def _bare(x):
    from hoad.core.box import Box

    while isinstance(x, Box):
        x = x.value
    return x


def _derived(prim):
    """The primitive as its kind derives it from the declaration alone, or None where it keeps no declaration to derive from."""
    name = prim.name + " (derived)"
    d = prim.declaration
    try:
        if (
            prim.kind == "elementwise"
            and isinstance(d, tuple)
            and prim.batch.__name__ == "align_ranks"
            and all(s is None or callable(s) for s in d)
        ):
            return kinds.elementwise(name, prim.native, *d)
        if prim.kind == "multilinear":
            return (
                kinds.multilinear(name, prim.native, *d) if isinstance(d, tuple) else kinds.multilinear(name, prim.native, many=d)
            )
        if prim.kind == "linear" and callable(d):
            return kinds.linear(name, prim.native, d)
        if prim.kind == "implicit":
            return kinds.implicit(name, prim.native, *d)
        if prim.kind == "opaque":
            return kinds.opaque(name, prim.native, d)
        return None
    finally:
        primitives.pop(name, None)


def _written(prim, derived, rule):
    """Whether a rule is another function than the one that the kind derives."""
    mine, theirs = getattr(prim, rule), getattr(derived, rule)
    return getattr(mine, "__code__", mine) is not getattr(theirs, "__code__", theirs)


def _dense(c):
    return c.dense() if type(c) is engine.Scattered else c


def _same(a, b, what):
    if a is None or b is None:
        value = a if b is None else b
        assert value is None or not np.any(value), what
    else:
        assert_close(a, b, what, 50.0)


@pytest.mark.parametrize("name", sorted(n for n in primitives if not n.startswith("tests.")))
def test_hand_written_rules_equal_the_derived_ones(name):
    prim = primitives[name]
    derived = _derived(prim)
    if derived is None or prim.multi:
        pytest.skip(f"{prim.kind}: rules follow from the body, the weights or the forward rule; nothing is written twice")
    if name in ("det", "log_abs_det", "two_norm", "logsumexp"):
        pytest.skip("a contraction: the slope is the only rule")
    if not any(_written(prim, derived, rule) for rule in ("forward", "reverse", "taylor")):
        pytest.skip("all rules are the derived ones")
    rng = np.random.default_rng(1)

    def random(x):
        x = np.asarray(x)
        v = rng.uniform(-1, 1, x.shape)
        return v + 1j * rng.uniform(-1, 1, x.shape) if x.dtype.kind == "c" else v

    samples = [a for a in spy.applications() if a[0] is prim]
    compared = 0
    for _, xs, kw, y in samples:
        xs, y = [_bare(x) for x in xs], _bare(y)
        active = [i for i, x in enumerate(xs) if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "fc"]
        if prim.kind == "elementwise":
            active = [i for i in active if prim.declaration[i] is not None]
        if not active or np.asarray(y).dtype.kind not in "fc":
            continue
        xs = [np.asarray(x, x.dtype) if isinstance(x, np.generic) else x for x in xs]
        with silent():
            for chosen in {tuple(active), *((i,) for i in active)}:
                ts = [random(x) if i in chosen else None for i, x in enumerate(xs)]
                _same(prim.forward(y, xs, ts, kw), derived.forward(y, xs, ts, kw), f"forward of {name}")
                g = random(y)
                mine, theirs = prim.reverse(y, xs, kw, list(chosen))(g), derived.reverse(y, xs, kw, list(chosen))(g)
                for a, b in zip(mine, theirs, strict=True):
                    _same(_dense(a), _dense(b), f"reverse of {name}")
                rows = []
                for p in (prim, derived):
                    series = Series([y])
                    inputs = [Series([x, *([t, 0.5 * t, None] if t is not None else [])]) for x, t in zip(xs, ts)]
                    for s in inputs:
                        s.c += [None] * (4 - len(s.c))
                    series.rule = p.taylor(curve(3), series, inputs, kw, {})
                    rows.append([series[n] for n in range(1, 4)])
                for n, (a, b) in enumerate(zip(*rows), 1):
                    _same(a, b, f"Taylor coefficient {n} of {name}")
                compared += 1
    assert compared or not samples or prim.kind != "elementwise"
