"""Recording: steps without values, constants kept as they were, two recordings compared, questions taken down."""

import gc
import weakref

import numpy as np
import pytest

import hoad
from hoad.compiler.recording import record_twice
from hoad.compiler.steps import ArraySpec
from hoad.core.box import Box, Buffer, bare, held, peek, strip
from hoad.core.level import STATE, any_open
from hoad.errors import ArgumentWriteError, CompileError, LeakedTraceError
from hoad.modes.captured import COPIED
from hoad.modes.constants import Constants, bits
from hoad.modes.watched import Watched, watch

RNG = np.random.default_rng(5)
X = RNG.normal(size=4)
F8 = np.dtype(float)


def recorded(f, *args):
    return record_twice(lambda xs: f(*xs), args, "f")


def names(r):
    return [step.primitive.name for step in r.steps.steps]


def test_steps_slots_and_specs():
    r = recorded(lambda x, y: np.sum(np.sin(x)[1:] * y), X, 2.0)
    steps = r.steps.check()
    assert names(r) == ["sin", "getitem", "multiply", "sum"]
    assert steps.inputs == (ArraySpec((4,), F8), ArraySpec((), F8))
    assert steps.specs[steps.outputs[0][0]] == ArraySpec((), F8)
    assert set(steps.specs) == set(range(2)) | {o for s in steps.steps for o in s.outputs}
    assert r.scalars == (True,)
    assert not r.steps.guards
    assert not r.path


def test_steps_that_nothing_needs_are_left_out():
    r = recorded(lambda x: (np.sin(x), np.cos(x), x * 3)[1], X)
    assert names(r) == ["cos"]


def test_no_values_are_kept():
    kept = []

    def f(x):
        y = np.sin(x)
        kept.append(weakref.ref(held(y)))
        return y * 2

    r = recorded(f, np.resize(X, 5000))
    gc.collect()
    assert [k() for k in kept] == [None, None]
    assert all(step.value is None for step in r.steps.steps)


def test_constants_in_results():
    r = recorded(lambda x: (x, 3, np.ones(2), "a", None), X)
    assert [slot for slot, _ in r.steps.outputs] == [0, None, None, None]
    assert r.steps.outputs[2][1].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("size", [4, COPIED, COPIED + 1, 70_000])
def test_constants_are_kept_as_they_were_at_their_use(size):
    data = np.arange(size * 1.0)
    x = np.resize(X, size)

    def f(x):
        temporary = np.full(size, 2.0)
        y = x * temporary + data
        temporary[:] = 3.0
        return y * temporary

    r = recorded(f, x)
    first, added, second = (next(a for a in step.args if isinstance(a, np.ndarray)) for step in r.steps.steps)
    assert first.tolist() == [2.0] * size
    assert second.tolist() == [3.0] * size
    assert added.tolist() == data.tolist()
    assert (added is data) == (size > COPIED)  # large data is not copied
    assert any(a is data for a in r.lasting)
    assert not any(a is first for a in r.lasting)


def test_one_copy_serves_an_array_that_is_used_often():
    def f(x):
        weights = np.ones(5000)
        for _ in range(5):
            x = x * weights
        return x

    r = recorded(f, np.resize(X, 5000))
    assert len({id(step.args[1]) for step in r.steps.steps}) == 1


def test_index_arrays_are_kept_as_they_were():
    index = np.array([0, 2, 1])

    def f(x):
        index[:] = [0, 2, 1]
        y = x[index]
        index[:] = 3
        return y

    (step,) = recorded(f, X).steps.steps
    assert step.kw["index"].tolist() == [0, 2, 1]


def test_fingerprints_of_long_doubles_do_not_see_padding():
    a = np.full(3, 1.1, np.longdouble)
    raw = bytearray(a.tobytes())
    if np.finfo(np.longdouble).nmant == 63:  # 80 bits of x86 in 12 or 16 bytes
        for k in range(3):
            raw[k * a.itemsize + 10] ^= 255
    b = np.frombuffer(raw, np.longdouble)
    assert np.array_equal(a, b)
    assert bits(a) == bits(b)
    assert bits(a) != bits(a + np.finfo(np.longdouble).eps)
    assert bits(np.array(-0.0)) != bits(np.array(0.0))
    assert Constants().keep(3) == 3


@pytest.mark.parametrize(
    ("f", "place"),
    [
        (lambda x, k: x * (1.0 + k), r"first at step 1 \(multiply\)"),
        (lambda x, k: np.sin(x) + np.full(4, k), r"first at step 2 \(add\)"),
        (lambda x, k: np.sin(np.cos(x)) + np.full(5000, k).sum(), r"first at step 3 \(add\)"),
        (lambda x, k: np.sin(x) if k == 1 else np.cos(x), r"first at step 1 \(sin, then cos\)"),
        (lambda x, k: x * 2 if k == 1 else (x * 2) * 3, r"first at step 2 \(multiply, then nothing\)"),
        (lambda x, k: x[np.array([k, 0])], r"first at step 1 \(getitem\)"),
        (lambda x, k: x[k:], r"first at step 1 \(getitem\)"),
        (lambda x, k: np.sum(x.reshape(2, 2), axis=k - 1), r"first at step 2 \(sum\)"),
        (lambda x, k: (x * 2, k), r"first at step 2 \(a result, then another one\)"),
        (lambda x, k: (x * 2, np.full(3, k)), r"first at step 2 \(a result"),
        (lambda x, k: [x * 2] * k, r"first at step 2 \(a result"),
        (lambda x, k: bool(x[k] > 0) and x, "recorded twice"),
    ],
)
def test_two_recordings_that_differ_raise(f, place):
    calls = []

    def g(x):
        calls.append(1)
        return f(x, len(calls))

    with pytest.raises(CompileError, match=place):
        recorded(g, X)


def test_equal_constants_of_every_kind_are_the_same():
    def f(x):
        y = x * np.float32(2.5) + complex(1, 2) * np.nan
        y = y[np.array([True, False, True, True]), ...]
        y = np.where(np.array([True, False, True]), y, np.array([np.nan, -0.0, 1.0]))
        return hoad.vmap(lambda a: a * 2)(y)

    assert len(recorded(f, X).steps) >= 4


def test_functions_made_anew_for_each_recording_are_the_same():
    def f(x):
        @hoad.custom_jvp
        def g(y):
            return np.sin(y)

        g.defjvp(lambda primals, tangents: (g(primals[0]), np.cos(primals[0]) * tangents[0]))
        return hoad.jvp(g, (x,), (x,))[1] + hoad.checkpoint(lambda y: y * 2)(x)

    assert "multiply" in names(recorded(f, X))


def test_an_error_leaves_no_level_open():
    def f(x):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        recorded(f, X)
    assert not any_open()


def test_values_that_leave_the_recording_are_of_no_use():
    leaked = []
    recorded(lambda x: leaked.append(x * 2) or x, X)
    for use in (lambda y: y + 1, bool, float, lambda y: y.value, np.sum):
        with pytest.raises(LeakedTraceError):
            use(leaked[0])
    assert "has ended" in repr(leaked[0])
    assert leaked[0].shape == (4,)  # the shape is known all the same


def asked(f, *args):
    return [(type(g.value).__name__, np.asarray(g.value).tolist()) for g in recorded(f, *args).steps.guards]


def test_what_counts_as_a_question():
    assert asked(lambda x: (x.shape, x.dtype, x.ndim, x.size, len(x), x.nbytes, x.itemsize, x.T.shape, x.device) and x, X) == []
    assert asked(lambda x: x * (1 if x[0] > 0 else 2), np.ones(2)) == [("bool", True)]
    assert asked(lambda x: x * (1 if x[0] else 2), np.zeros(2)) == [("bool", False)]
    assert asked(lambda x: x * (1 if x[:1] else 2), np.ones(2)) == [("bool", True)]
    assert asked(lambda x: x * [4.0, 5.0][np.argmax(x)], X[:2]) == [("int", int(np.argmax(X[:2])))]
    assert asked(lambda x: x * int(x[0]), np.array([7.9])) == [("int", 7)]
    assert asked(lambda x: x * int(x[0]), np.array([1e300])) == [("float64", 1e300)]
    assert asked(lambda x: x * float(x[0]), np.array([7.9])) == [("float64", 7.9)]
    assert asked(lambda x: x * sum(x.tolist()), np.array([1.0, 2.0])) == [("ndarray", [1.0, 2.0])]
    assert asked(lambda x: x * (1 if x[0] > 0 else 2) * (3 if x[0] > 0 else 4), np.ones(1)) == [("bool", True)] * 2
    assert asked(lambda x: x * sum(1.0 for _ in range(3) if x.dtype), X) == []

    def one_question(x):
        positive = x[0] > 0
        return x if positive and bool(positive) and positive else -x

    assert asked(one_question, np.ones(2)) == [("bool", True)]


def test_peek_bare_and_strip():
    def f(x):
        y = held(x)
        assert peek(x) is y
        assert bare(x) is x
        assert hoad.grad(lambda z: bare(z) is bare(z) and peek(z) is not None and np.sum(z))(x) is not None
        return x

    assert asked(f, X) == []
    assert asked(lambda x: x * strip(x), X[:2]) == [("ndarray", X[:2].tolist())]
    assert strip(X) is peek(X) is bare(X) is X


def test_watch_gives_boxes_and_levels():
    out, boxes, state, level = watch(lambda x, y: x + y, [X, 2.0], Constants())
    assert isinstance(out, Watched)
    assert out.aux == 2
    assert [b.aux for b in boxes] == [0, 1]
    assert len(state.steps) == 1
    assert level not in STATE
    buffer = Buffer(0, np.zeros(4), None)
    out, *_ = watch(lambda x: buffer.__setitem__(slice(None), x) or buffer, [X], Constants())
    assert isinstance(out, Box)
    assert out.aux == 1


def test_writing_into_an_argument():
    with pytest.raises(ArgumentWriteError, match="f writes into one of its arguments, expected one that leaves them as they are"):
        recorded(lambda x: x.sort() or x, X)
    assert names(recorded(lambda x: x.copy().__setitem__(0, 1.0) or x * 2, X)) == ["multiply"]
