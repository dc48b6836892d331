"""hoad.compile: results, containers, keywords and static arguments, dtypes, scalars and layouts as without it."""

import copy
import functools
import logging
import pickle
import threading
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

import hoad
from hoad.errors import CompileError, InPlaceError

pytestmark = pytest.mark.usefixtures("quiet_log")


@pytest.fixture(autouse=True)
def quiet_log(caplog):
    caplog.set_level(logging.ERROR, logger="hoad")


def compiled(f=None, **options):
    return hoad.compile(f, backend="numpy", **options)


def leaves_of(y):
    if isinstance(y, dict):
        return [leaf for k in sorted(y) for leaf in leaves_of(y[k])]
    if isinstance(y, tuple | list):
        return [leaf for part in y for leaf in leaves_of(part)]
    return [y]


def assert_same(found, expected):
    """Structure, types of leaves, dtypes, shapes and bits; NumPy's scalars stand for Python's floats."""
    assert type(found) is type(expected) or (isinstance(expected, float | complex) and isinstance(found, type(expected)))
    if isinstance(expected, dict):
        assert list(found) == list(expected)
    found, expected = leaves_of(found), leaves_of(expected)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert isinstance(a, np.ndarray) == isinstance(b, np.ndarray)
        a, b = np.asarray(a), np.asarray(b)
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tobytes() == b.tobytes() or (a.dtype.char in "gG" and np.array_equal(a, b))


def check(f, *calls, **options):
    """Three calls with each set of arguments give what ``f`` gives."""
    g = compiled(f, **options)
    for _ in range(3):
        for args in calls:
            assert_same(g(*args), f(*args))
    return g


RNG = np.random.default_rng(7)
X, V = RNG.normal(size=6), RNG.normal(size=6)


def energy(x):
    return np.sum(np.sin(x) * x**3) + np.prod(np.tanh(x))


OPERATORS = {
    "value": lambda x, v: energy(x),
    "grad": lambda x, v: hoad.grad(energy)(x),
    "value_and_grad": lambda x, v: hoad.value_and_grad(energy)(x),
    "hvp": lambda x, v: hoad.hvp(energy, x, v),
    "hvp forward over reverse": lambda x, v: hoad.hvp(energy, x, v, mode="forward-over-reverse"),
    "hvp reverse over reverse": lambda x, v: hoad.hvp(energy, x, v, mode="reverse-over-reverse"),
    "hessian": lambda x, v: hoad.hessian(energy)(x),
    "jvp": lambda x, v: hoad.jvp(lambda x: np.exp(x) * x, (x,), (v,)),
    "vjp": lambda x, v: hoad.vjp(lambda x: np.exp(x) * x, x)[1](v)[0],
    "jacobian": lambda x, v: hoad.jacobian(lambda x: np.outer(x, x))(x),
    "taylor": lambda x, v: hoad.taylor(energy, x, v, 4),
    "vmap": lambda x, v: hoad.vmap(lambda a, b: np.sin(a) * b)(x, v),
    "vmap of grad": lambda x, v: hoad.vmap(hoad.grad(lambda a: np.sin(a) * a))(x),
    "third": lambda x, v: hoad.grad(lambda y: hoad.vhv(energy, y, v))(x),
    "scan": lambda x, v: hoad.scan(lambda c, a: (c * 0.5 + np.sin(a), c), v[0], x),
    "grad of scan": lambda x, v: hoad.grad(lambda y: hoad.scan(lambda c, a: (c * 0.5 + np.sin(a), None), v[0], y)[0])(x),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_give_the_same_bits(name):
    f = OPERATORS[name]
    g = check(f, (X, V), (V, X), (X[:4], V[:4]))
    assert sorted(len(p) for p in g.programs.values()) == [1, 1]


def test_a_compiled_function_is_differentiated_as_the_function():
    g = compiled(energy)
    g(X)
    assert_same(hoad.grad(g)(X), hoad.grad(energy)(X))
    assert_same(hoad.hvp(g, X, V), hoad.hvp(energy, X, V))
    assert_same(hoad.vmap(compiled(np.sin))(X), np.sin(X))
    assert_same(hoad.jvp(g, (X,), (V,)), hoad.jvp(energy, (X,), (V,)))
    assert_same(hoad.grad(g, argnums="x")(X), hoad.grad(energy)(X))


def test_compiled_functions_nest():
    inner = compiled(lambda x: np.sin(x) * x)
    outer = check(lambda x: np.sum(inner(x) ** 2), (X,), (V,))
    assert len(outer.program) > 3  # the steps of the inner function, not a call of it
    check(lambda x: hoad.scan(lambda c, a: (c + inner(a), c), 0.0, x), (X,))
    check(lambda x: hoad.grad(lambda y: np.sum(inner(y)))(x), (X,))
    assert_same(hoad.scan(lambda c, a: (c + inner(a), c), 0.0, X), hoad.scan(lambda c, a: (c + a * np.sin(a), c), 0.0, X))


def test_a_function_that_closes_over_a_traced_value_keeps_its_derivative():
    def f(w):
        return compiled(lambda x: np.sum(np.sin(w * x)))(X)

    assert_same(hoad.grad(f)(2.0), hoad.grad(lambda w: np.sum(np.sin(w * X)))(2.0))
    scale = {"w": 1.5}
    g = compiled(lambda x: np.sum(np.sin(scale["w"] * x)))

    def outer(w):
        scale["w"] = w
        return g(X)

    assert_same(g(X), np.sum(np.sin(1.5 * X)))
    assert_same(hoad.grad(outer)(2.0), hoad.grad(lambda w: np.sum(np.sin(w * X)))(2.0))
    scale["w"] = 3.0
    assert_same(g(X), np.sum(np.sin(3.0 * X)))


# -- containers, keywords, static arguments -------------------------------------------------------------------------------------


class Pair(NamedTuple):
    a: object
    b: object


@dataclass
class State:
    position: object
    speed: object


@dataclass(frozen=True)
class Later:
    value: object


def test_containers_go_in_and_out():
    check(lambda p: p["w"] @ p["b"], ({"w": RNG.normal(size=(3, 2)), "b": RNG.normal(size=2)},))
    check(lambda p: {"z": p[0] * 2, "a": [p[1], (p[0] + 1,)]}, ((X, V),), ([X, V],))
    check(lambda p: Pair(p.b, p.a * 2), (Pair(X, V),))
    check(lambda p: (p, None, "text", 3), ([X, {}],))
    check(lambda *xs: xs, (X,), (X, V), ())
    check(lambda x: (), (X,))
    check(lambda x: [np.float64(2.0), 1.5, x], (X,))


def test_dataclasses_go_in_and_out():
    step = compiled(lambda s, dt: State(s.position + dt * s.speed, s.speed * 0.9))
    for _ in range(2):
        out = step(State(X, V), 0.1)
        assert type(out) is State
        assert_same(out.position, X + 0.1 * V)
        assert_same(out.speed, V * 0.9)
    assert_same(compiled(lambda q: q.value * 2)(Later(X)), X * 2)  # a class that was not met before


def test_keywords_and_static_arguments():
    def f(x, n, *, mode="sum", scale=1.0):
        y = x
        for _ in range(n):
            y = np.sin(y) * scale
        return np.sum(y) if mode == "sum" else y

    g = compiled(f)
    for _ in range(2):
        for n in (1, 3):
            for mode in ("sum", "all"):
                assert_same(g(X, n, mode=mode, scale=0.5), f(X, n, mode=mode, scale=0.5))
                assert_same(g(X, n=n, mode=mode), f(X, n, mode=mode))
    assert len(g.programs) == 8
    assert_same(g(X, 1, scale=0.25), f(X, 1, scale=0.25))


def test_true_and_one_are_different_static_values():
    g = compiled(lambda x, flag: x * 2 if flag is True else x)
    assert_same(g(X, True), X * 2)
    assert_same(g(X, 1), X)
    assert_same(g(X, True), X * 2)


def test_static_arguments_by_number_and_name():
    def f(x, options, weights=(1.0, 2.0)):
        return x * options[0] + weights[1]

    for g in (compiled(f, static_argnums=1, static_argnames="weights"), compiled(f, static_argnames=["options", "weights"])):
        for _ in range(2):
            assert_same(g(X, (2.0, "a")), X * 2.0 + 2.0)
            assert_same(g(X, options=(3.0,), weights=(0.0, 5.0)), X * 3.0 + 5.0)
            assert_same(g(X, (3.0,), (0.0, 7.0)), X * 3.0 + 7.0)
        assert [len(s.steps.inputs) for p in g.programs.values() for s in p] == [1, 1, 1]


def test_functions_and_objects_are_static():
    g = compiled(lambda f, x: f(x) * 2)
    assert_same(g(np.sin, X), np.sin(X) * 2)
    assert_same(g(np.cos, X), np.cos(X) * 2)
    assert_same(g(np.sin, X), np.sin(X) * 2)
    assert len(g.programs) == 2


class Unhashable:
    __hash__ = None


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: compiled(lambda x, o: x)(X, Unhashable()), r"argument 1 of .* is a value of type Unhashable, which"),
        (lambda: compiled(lambda x, o: x)(X, o={"k": Unhashable()}), r"argument .*\['k'\] of"),
        (lambda: compiled(lambda x, o: x, static_argnums=1)(X, [1]), "a static value of type list"),
        (lambda: compiled(np.sin)(np.array(["a"])), "an array of dtype <U1"),
        (lambda: compiled(np.sin)(np.array([None])), "an array of dtype object"),
        (lambda: compiled(np.sin)(np.ma.array(X)), "a MaskedArray"),
        (lambda: compiled(np.sin)(np.array(["2020"], "datetime64[D]")), "datetime64"),
        (lambda: compiled(np.sin)(X.astype(">f8")), "an array of dtype >f8"),
        (lambda: compiled(lambda x: x, static_argnums="x"), "static_argnums is 'x', expected int or a sequence"),
        (lambda: compiled(lambda x: x, static_argnums=3), r"static_argnums is \(3,\), expected positions below 1"),
        (lambda: compiled(lambda x: x, static_argnames="y"), r"static_argnames is \['y'\], expected names of arguments: x"),
        (lambda: hoad.compile(np.sin, backend="fortran"), "backend is 'fortran', expected one of off, numpy, c, cuda"),
    ],
)
def test_bad_input_raises_typed_errors(call, text):
    with pytest.raises(CompileError, match=text):
        call()


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match=r"hoad\.compile got float, expected a function"):
        hoad.compile(2.0)


# -- dtypes, scalars, layouts ---------------------------------------------------------------------------------------------------

A = RNG.normal(size=(4, 5))
ARRAYS = {
    "float32": A.astype(np.float32), "float16": A.astype(np.float16), "longdouble": A.astype(np.longdouble),
    "complex128": A + 1j * A[::-1], "complex64": (A - 1j * A).astype(np.complex64), "int64": np.arange(20).reshape(4, 5),
    "int8": np.arange(20, dtype=np.int8).reshape(4, 5), "bool": A > 0, "transposed": A.T, "fortran": np.asfortranarray(A),
    "strided": A[::2, ::-1], "empty": A[:0], "no columns": A[:, :0], "0-d": np.array(1.5), "one": A[:1, :1], "1-d": A[0],
    "3-d": RNG.normal(size=(2, 3, 4)).transpose(1, 2, 0), "read-only": np.broadcast_to(A[0], (4, 5)), "scalar": np.float64(1.5),
    "float": 1.5, "float32 scalar": np.float32(1.5), "complex": 1.5 + 2j, "memmap": np.asarray(A).view(np.memmap),
}  # fmt: skip


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_kind_of_array(kind):
    x = ARRAYS[kind]
    check(lambda x: x * 2 + x, (x,))
    check(lambda x: (np.sum(x), np.ravel(x, order="K"), np.multiply(x, x).T), (x,))
    if np.asarray(x).dtype.kind == "f" and np.size(x):
        check(lambda x: hoad.grad(lambda y: np.sum(np.sin(y) * y))(x), (x,))


def test_results_that_follow_the_layout_in_memory():
    f = lambda x: (np.ravel(x, order="A"), np.ravel(x * 2, order="A"))
    g = check(f, (A,), (np.asfortranarray(A),), (A.T.copy().T,))
    assert len(g.programs) == 2
    check(f, (np.asfortranarray(A),), (A,), (A.T,))


def test_python_numbers_do_not_promote():
    x = X.astype(np.float32)
    check(lambda x, a: x * a, (x, 0.1), (x, np.float32(0.1)), (x, np.float64(0.1)), (X, 0.1), (x.astype(complex), 0.1))
    check(lambda x, a, b: (x * (a * b), x + -a, (a + 1) * x, x / (2 - b)), (x, 0.1, 0.7), (X, 0.1, 0.7))
    check(lambda x, a: x * np.multiply(a, 2), (x, 0.1))
    check(lambda x, a: hoad.grad(lambda b: np.sum(x * b))(a), (x, 0.1))  # which is a NumPy scalar for the derivative
    check(lambda x, a: hoad.jvp(lambda y: y * a, (x,), (x,)), (x, 0.1))
    check(lambda x, a: x * a, (x.astype(np.complex64), 0.1j), (x, 0.1j), (np.arange(3), 0.5), (np.arange(3), 0.5j))


def test_scalars_stay_scalars():
    check(lambda x: (x[0], x[0] * 2, np.sum(x), x[:1], x[0, ...], np.array(3.0) * x[0]), (X,))
    check(lambda x, a: (a * 2, a + x, np.sin(a)), (X, np.float64(0.3)), (X, np.array(0.3)))


def test_results_share_no_memory():
    scratch = np.ones(3)
    f = lambda x: (x, x[1:], x, x.T, scratch, scratch, np.sin(x), np.asarray(2.0))
    x = X.copy()
    for size in (6, 30_000):
        x = np.resize(X, size)
        g = compiled(f)
        for _ in range(3):
            found = [y for y in g(x) if isinstance(y, np.ndarray)]
            for i, y in enumerate(found):
                assert not np.shares_memory(y, x)
                assert not np.shares_memory(y, scratch)
                assert not any(np.shares_memory(y, z) for z in found[:i])
                assert y.flags.writeable
                y[...] = -1.0  # reaches nothing else
    assert_same(g(x), f(x))


def test_aliasing_inputs():
    check(lambda a, b, c: a * b + np.sum(c), (X, X, X[2:]), (X, X[::-1], X))


# -- in-place updates -----------------------------------------------------------------------------------------------------------


def test_in_place_updates_inside():
    def f(x):
        y = np.zeros_like(x)
        y[1:] = x[:-1]
        y[0] += x[2]
        row = y[2:4]
        row *= 3.0
        np.multiply(y, 2.0, out=y)
        z = hoad.numpy.zeros((2, x.shape[0]))
        z[0] = y
        z[1, ::2] = 7.0
        y[...] = y * x
        return y, z, np.add(y, 1.0, out=np.empty_like(y))

    expected_y = np.zeros_like(X)
    g = compiled(lambda x: hoad.jvp(f, (x,), (x,)))
    for _ in range(2):
        assert_same(g(X), hoad.jvp(f, (X,), (X,)))
    h = compiled(f)
    expected_y[1:] = X[:-1]
    expected_y[0] += X[2]
    expected_y[2:4] *= 3.0
    expected_y *= 2.0
    z = np.zeros((2, 6))
    z[0] = expected_y
    z[1, ::2] = 7.0
    expected_y *= X
    for _ in range(2):
        assert_same(h(X), (expected_y, z, expected_y + 1.0))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x.__setitem__(0, 1.0) or x),
        lambda x: x.sort() or x,
        lambda x: x[2:].fill(0.0) or x,
        lambda x: np.sin(x, out=x),
        lambda x: x.__imul__(2),
    ],
)
def test_writing_into_an_argument_raises(f):
    x = X.copy()
    with pytest.raises(InPlaceError, match="writes into one of its arguments"):
        compiled(f)(x)
    assert_same(x, X)


def test_changing_a_container_that_was_given_raises():
    def f(p):
        p["a"] = p["a"] * 2
        return p["a"]

    with pytest.raises(InPlaceError, match="writes into one of its arguments"):
        compiled(f)({"a": X})


def test_arrays_that_are_overwritten_while_recording_are_kept_as_they_were():
    for size in (4, 4000):
        t = np.zeros(size)

        def f(x, t=t, size=size):
            t[:] = 1.0
            y = x * t
            t[:] = 2.0
            s = np.full(size, 3.0)
            y = y + s
            s[:] = 5.0
            return y * t + s * x

        x = np.resize(X, size)
        g = compiled(f)
        for _ in range(3):
            assert_same(g(x), (x * 1.0 + 3.0) * 2.0 + 5.0 * x)


# -- decorators, methods, copies ------------------------------------------------------------------------------------------------


@hoad.compile
def decorated(x):
    """Twice x."""
    return x * 2


@hoad.compile(static_argnames="n", backend="numpy")
def decorated_with_options(x, n):
    return x * n


def test_decorators():
    assert decorated.__name__ == "decorated"
    assert decorated.__doc__ == "Twice x."
    assert_same(decorated(X), X * 2)
    assert_same(decorated_with_options(X, n=3), X * 3)
    assert "decorated_with_options" in repr(decorated_with_options)


class Model:
    def __init__(self, scale):
        self.scale = scale
        self.weights = np.arange(6.0)

    @compiled
    def energy(self, x, power=2):
        return np.sum(self.scale * self.weights * x**power)

    @hoad.compile(static_argnames="options", static_argnums=1, backend="numpy")
    def chosen(self, kind, x, options=("a",)):
        return x * self.scale if kind == "scale" else x * len(options)

    @staticmethod
    @compiled
    def double(x):
        return 2 * x


def test_methods():
    one, two = Model(1.0), Model(3.0)
    for _ in range(2):
        for model in (one, two):
            assert_same(model.energy(X), np.sum(model.scale * model.weights * X**2))
            assert_same(model.energy(X, power=3), np.sum(model.scale * model.weights * X**3))
    assert_same(hoad.grad(one.energy)(X), hoad.grad(lambda x: np.sum(1.0 * one.weights * x**2))(X))
    one.scale = 5.0
    assert_same(one.energy(X), np.sum(5.0 * one.weights * X**2))
    one.weights[2] = -1.0
    assert_same(one.energy(X), np.sum(5.0 * one.weights * X**2))
    assert_same(Model(2.0).energy(X), np.sum(2.0 * np.arange(6.0) * X**2))  # of an instance that nobody else holds
    assert_same(Model.double(X), 2 * X)
    assert one.energy.program.cost.operations > 0


def test_static_arguments_of_methods():
    model = Model(2.0)
    for _ in range(2):
        assert_same(model.chosen("scale", X), X * 2.0)
        assert_same(model.chosen("other", X, ("a", "b")), X * 2)
        assert_same(model.chosen("other", x=X, options=("a", "b", "c")), X * 3)
    assert_same(hoad.grad(model.energy, argnums="x")(X), hoad.grad(lambda x: np.sum(2.0 * model.weights * x**2))(X))


class Slotted:
    __slots__ = ("scale",)

    def __init__(self):
        self.scale = 2.0

    @compiled
    def scaled(self, x):
        return self.scale * x


def test_methods_of_instances_without_weak_references():
    one = Slotted()
    assert_same(one.scaled(X), 2.0 * X)
    one.scale = 3.0
    assert_same(one.scaled(X), 3.0 * X)


def test_methods_do_not_keep_their_instances():
    import gc
    import weakref

    model = Model(1.0)
    model.energy(X)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_pickles_and_copies_compile_again():
    for f in (decorated, decorated_with_options, compiled(energy), compiled(functools.partial(np.multiply, 2.0))):
        for g in (pickle.loads(pickle.dumps(f)), copy.copy(f), copy.deepcopy(f)):
            args = (X, 2) if f is decorated_with_options else (X,)
            assert_same(g(*args), f(*args))
            assert g._options == f._options
    assert pickle.loads(pickle.dumps(decorated)) is decorated


def test_a_callable_object_and_a_partial():
    class Scale:
        def __call__(self, x):
            return 3 * x

    assert_same(compiled(Scale())(X), 3 * X)
    assert_same(compiled(functools.partial(np.power, 2.0))(X), 2.0**X)


# -- threads --------------------------------------------------------------------------------------------------------------------


def test_threads_call_one_function_at_once():
    f = lambda x: np.cumsum(np.sin(x) * x + np.sqrt(np.abs(x))) * np.exp(-x * x)
    g = compiled(f)
    points = [np.random.default_rng(k).normal(size=5000 + k % 2) for k in range(8)]
    expected = [f(x) for x in points]
    wrong = []
    start = threading.Barrier(8)

    def work(k):
        start.wait()
        for _ in range(30):
            if g(points[k]).tobytes() != expected[k].tobytes():
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert [len(p) for p in g.programs.values()] == [1, 1]


# -- back ends and what is told -------------------------------------------------------------------------------------------------


def test_off_runs_the_function(monkeypatch):
    calls = []
    monkeypatch.setenv("HOAD_COMPILE", "off")
    f = hoad.compile(lambda x: calls.append(1) or x * 2)
    assert_same(f(X), X * 2)
    assert_same(f(X), X * 2)
    assert len(calls) == 2
    assert f.program is None


def test_an_unknown_back_end_in_the_environment_raises(monkeypatch):
    monkeypatch.setenv("HOAD_COMPILE", "gpu")
    with pytest.raises(CompileError, match="HOAD_COMPILE is 'gpu'"):
        hoad.compile(np.sin)


def test_the_argument_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("HOAD_COMPILE", "off")
    f = hoad.compile(lambda x: x * 2, backend="numpy")
    f(X)
    assert f.program is not None


def test_what_is_told():
    f = compiled(lambda x, w: np.sum(w @ x) if x[0] > -100 else x)
    f(X, RNG.normal(size=(3, 6)))
    text = str(f.program)
    assert "matmul(v1, v0)" in text
    assert "guard" in text
    assert "asked by <lambda> (" in text
    assert f.program.cost.operations == f.cost.operations >= 2 * 18 + 3
    assert f.cost.least_bytes == 8 * (6 + 18 + 1)
    assert "f_matmul(v1, v0)" in f.source
    assert "holds where True is the answer to <lambda>" in f.explain()
    assert list(f.programs) == ["(float64[6], float64[3, 6])"]
    f.clear()
    assert f.program is None
    assert f.source is f.cost is None
    assert not f.programs


def test_the_function_and_the_package_live_together():
    import hoad.compiler.program as module
    from hoad.compiler import Program, trace

    assert module.Program is Program is hoad.Program
    assert trace is hoad.trace
    assert hoad.compiler.program is module
    assert pickle.loads(pickle.dumps(hoad.compile)) is hoad.compile
