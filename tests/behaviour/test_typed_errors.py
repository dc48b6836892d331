"""What a user does wrong: one typed error each, worded for him, and nothing is left behind.

Every message is compared word for word up to the end of its first sentences.
"""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

import hoad
from hoad import errors

X = np.array([1.0, 2.0])
leaked: list = []


def leak(x):
    leaked.append(x)
    return np.sum(x**2)


def use_leaked(_):
    leaked.clear()
    hoad.grad(leak)(X)
    return np.sum(leaked[0] * 2)


@hoad.custom_jvp
def wrong_jvp(x):
    return np.sum(x)


wrong_jvp.defjvp(lambda primals, tangents: (np.sum(primals[0]), tangents[0]))


@hoad.custom_vjp
def wrong_vjp(x):
    return np.sum(x)


wrong_vjp.defvjp(lambda x: (np.sum(x), None), lambda _, u: (u,))


@hoad.custom_jvp
def ruleless(x):
    return np.sum(x)


def conversion(how, instead):
    return f"{how} on a traced value would drop its derivative. Use {instead}"


SHAPE = "has shape (3,), expected (2,): the shape of the point. Reshape or broadcast it explicitly, for example np.broadcast_to("
INTEGER = (
    "has dtype int64, expected a real or complex floating dtype: derivatives of integers and booleans do "
    "not exist. Convert it with x.astype(float)."
)

CASES = {
    "vector to grad": (
        lambda: hoad.grad(np.sin)(X),
        errors.NotScalarError,
        (
            "grad needs a function that returns a scalar, but it returned shape (2,). Reduce the output (np.sum, "
            "np.mean), or use hoad.jacobian or hoad.vjp."
        ),
    ),
    "tuple to grad": (
        lambda: hoad.grad(lambda x: (np.sum(x), 1.0))(X),
        errors.NotScalarError,
        "grad needs a function that returns a scalar, but it returned a tuple.",
    ),
    "vector to hvp": (
        lambda: hoad.hvp(np.sin, X, X),
        errors.NotScalarError,
        "hvp needs a function that returns a scalar, but it returned shape (2,).",
    ),
    "vector to linearize_hvp": (
        lambda: hoad.linearize_hvp(np.sin, X),
        errors.NotScalarError,
        "linearize_hvp needs a function that returns a scalar",
    ),
    "None to grad": (
        lambda: hoad.grad(lambda x: None)(X),
        TypeError,
        "the function returned NoneType, expected numbers, arrays or containers of them.",
    ),
    "shape of v, hvp": (lambda: hoad.hvp(np.sum, X, np.ones(3)), errors.ShapeError, "v " + SHAPE + "v, (2,))."),
    "shape of v, jvp": (lambda: hoad.jvp(np.sum, (X,), (np.ones(3),)), errors.ShapeError, "tangents " + SHAPE),
    "shape of v, vhv": (lambda: hoad.vhv(np.sum, X, np.ones(3)), errors.ShapeError, "v " + SHAPE),
    "shape of w, vhv": (lambda: hoad.vhv(np.sum, X, X, np.ones(3)), errors.ShapeError, "w " + SHAPE),
    "shape of v, taylor": (lambda: hoad.taylor(np.sum, X, np.ones(3), 2), errors.ShapeError, "v " + SHAPE),
    "shape of a coefficient": (lambda: hoad.jet(np.sum, (X,), ([np.ones(3)],)), errors.ShapeError, "a coefficient " + SHAPE),
    "shape of u": (lambda: hoad.vjp(np.sin, X)[1](np.ones(3)), errors.ShapeError, "the cotangent " + SHAPE),
    "shape of v, linearize": (lambda: hoad.linearize(np.sin, X)[1](np.ones(3)), errors.ShapeError, "v " + SHAPE),
    "scalar direction": (
        lambda: hoad.hvp(np.sum, X, 1.0),
        errors.ShapeError,
        "v has shape (), expected (2,): the shape of the point.",
    ),
    "integer array": (lambda: hoad.grad(np.sum)(np.arange(3)), errors.DTypeError, "argument 0 " + INTEGER),
    "integer array, jvp": (lambda: hoad.jvp(np.sum, (np.arange(3),), (np.ones(3),)), errors.DTypeError, "argument 0 " + INTEGER),
    "bool array": (
        lambda: hoad.grad(np.sum)(np.array([True])),
        errors.DTypeError,
        "argument 0 has dtype bool, expected a real or complex floating dtype:",
    ),
    "string": (
        lambda: hoad.grad(np.sum)("x"),
        errors.DTypeError,
        "argument 0 has dtype str, expected a real or complex floating dtype:",
    ),
    "named integer": (
        lambda: hoad.grad(lambda a, b: np.sum(b), "b")(1.0, b=np.arange(3)),
        errors.DTypeError,
        "argument 'b' " + INTEGER,
    ),
    "unknown name": (
        lambda: hoad.grad(lambda a, b: a, "c")(1.0, 2.0),
        TypeError,
        "argnums='c' names no argument that was given; the function takes (a, b)",
    ),
    "position out of range": (
        lambda: hoad.grad(lambda a: a, 1)(1.0),
        TypeError,
        "argnums=1 but the function was called with 1 positional arguments.",
    ),
    "no rule": (
        lambda: hoad.grad(lambda x: np.sum(np.packbits(x)[0]))(X),
        errors.UnsupportedFunctionError,
        (
            "np.packbits has no derivative rule. If it is linear, elementwise or built from known functions, one statement in "
            "hoad/rules makes every mode work: docs/how_to/add_a_function."
        ),
    ),
    "no rule, ufunc method": (
        lambda: hoad.grad(lambda x: np.sum(np.power.outer(x, x).sum() + np.divmod.outer(x, x)[1]))(X),
        errors.UnsupportedFunctionError,
        "divmod.outer has no derivative rule.",
    ),
    "custom_jvp without rule": (
        lambda: hoad.grad(ruleless)(X),
        errors.RuleError,
        "ruleless has no forward rule, and its other rules do not determine one. Give it one with ruleless.defjvp.",
    ),
    "custom_jvp, wrong shape": (
        lambda: hoad.jvp(wrong_jvp, (X,), (X,)),
        errors.RuleError,
        (
            "the jvp rule of wrong_jvp returned shape (2,), expected (). A tangent has the shape of the output, "
            "a cotangent that of the argument."
        ),
    ),
    "custom_jvp, wrong shape in reverse": (
        lambda: hoad.grad(wrong_jvp)(X),
        errors.RuleError,
        "the jvp rule of wrong_jvp returned shape (2,), expected ().",
    ),
    "custom_vjp, wrong shape": (
        lambda: hoad.grad(wrong_vjp)(X),
        errors.RuleError,
        "the vjp rule of wrong_vjp returned shape (), expected (2,).",
    ),
    "custom_vjp, wrong shape forward": (
        lambda: hoad.jvp(wrong_vjp, (X,), (X,)),
        errors.RuleError,
        "the vjp rule of wrong_vjp returned shape (), expected (2,).",
    ),
    "leaked": (
        lambda: hoad.grad(use_leaked)(X),
        errors.LeakedTraceError,
        (
            "a traced value (node of a tape) was used after its differentiation had ended. It was probably stored in a global, "
            "an attribute or a list by the differentiated function."
        ),
    ),
    "leaked, plain": (
        lambda: use_leaked(X),
        errors.LeakedTraceError,
        "a traced value (node of a tape) was used after its differentiation had ended.",
    ),
    "float": (
        lambda: hoad.grad(float)(1.0),
        errors.TracedConversionError,
        conversion("float(x) or a function of the math module", "NumPy functions (np.sin, np.sqrt)"),
    ),
    "math": (
        lambda: hoad.grad(math.sin)(1.0),
        errors.TracedConversionError,
        conversion("float(x) or a function of the math module", "NumPy functions (np.sin, np.sqrt)"),
    ),
    "int": (lambda: hoad.grad(int)(1.0), errors.TracedConversionError, conversion("int(x)", "np.floor, np.trunc or np.rint")),
    "complex": (
        lambda: hoad.grad(lambda x: complex(x).real)(1.0),
        errors.TracedConversionError,
        conversion("complex(x) or a function of the cmath module", "x + 0j"),
    ),
    "asarray": (
        lambda: hoad.grad(lambda x: np.sum(np.asarray(x)))(X),
        errors.TracedConversionError,
        conversion(
            "np.asarray, np.array or an assignment into a plain array",
            "hoad.numpy.array, hoad.numpy.asarray or np.stack to build arrays, and",
        ),
    ),
    "array of": (
        lambda: hoad.grad(lambda x: np.sum(np.array([x, x])))(1.0),
        errors.TracedConversionError,
        "np.asarray, np.array or an assignment",
    ),
    "into plain": (
        lambda: hoad.grad(lambda x: np.zeros(2).__setitem__(0, x))(1.0),
        errors.TracedConversionError,
        "np.asarray, np.array or an assignment into a plain array on a traced value",
    ),
    "row into plain": (
        lambda: hoad.grad(lambda x: np.zeros((2, 2)).__setitem__(0, x))(X),
        errors.TracedConversionError,
        "np.asarray, np.array or an assignment",
    ),
    "item": (
        lambda: hoad.grad(lambda x: x.item())(1.0),
        errors.TracedConversionError,
        conversion("ndarray.item()", "an operation that stays on arrays"),
    ),
    "tolist": (
        lambda: hoad.grad(lambda x: sum(x.tolist()))(X),
        errors.TracedConversionError,
        conversion("ndarray.tolist()", "an operation that stays on arrays"),
    ),
    "index": (
        lambda: hoad.grad(lambda x: [1, 2][x])(1.0),
        errors.TracedConversionError,
        conversion("using x as an index", "an integer array that does not depend on x"),
    ),
    "traced index": (
        lambda: hoad.grad(lambda x: x[x])(X),
        errors.TracedConversionError,
        conversion("indexing with x", "an integer array"),
    ),
    "pickle": (
        lambda: hoad.grad(lambda x: len(pickle.dumps(x)))(X),
        errors.TracedConversionError,
        conversion("pickling or deep-copying", "x.copy()"),
    ),
    "complex output": (
        lambda: hoad.grad(lambda x: x * 1j)(1.0),
        errors.DTypeError,
        (
            "the function returned a complex value, expected a real one: a gradient needs a real objective. "
            "Return a real function of it"
        ),
    ),
    "complex hessian": (
        lambda: hoad.hessian(lambda z: np.abs(z) ** 2)(1j),
        errors.DTypeError,
        "the Hessian of a complex argument is not one matrix",
    ),
    "complex direction": (
        lambda: hoad.hvp(np.sum, X, X * 1j),
        errors.DTypeError,
        "v is complex, expected float64: the dtype of the point.",
    ),
    "structure": (lambda: hoad.hvp(lambda p: p["a"], {"a": 1.0}, {"b": 1.0}), errors.StructureError, "v has structure "),
    "structure, cotangent": (
        lambda: hoad.vjp(lambda x: {"y": x}, X)[1]([X]),
        errors.StructureError,
        "the cotangent has structure ",
    ),
    "dict for an array": (
        lambda: hoad.hvp(np.sum, X, {"a": X}),
        errors.StructureError,
        "v has structure dict, expected an array: the structure of the point.",
    ),
    "plain out": (
        lambda: hoad.grad(lambda x: np.sum(np.sin(x, out=np.zeros(2))))(X),
        errors.InPlaceError,
        (
            "out= is a plain ndarray, which cannot hold the derivative of a traced result. Use the returned "
            "value, or make the buffer with"
        ),
    ),
    "shape of out": (
        lambda: hoad.grad(lambda x: np.sum(np.sin(x, out=np.zeros_like(x[:1]))))(X),
        errors.InPlaceError,
        "out= has shape (1,), expected (2,)",
    ),
    "plain target": (
        lambda: hoad.grad(lambda x: np.copyto(np.zeros(2), x))(X),
        errors.InPlaceError,
        "np.copyto would write a traced value into a plain ndarray",
    ),
    "vmap lengths": (
        lambda: hoad.vmap(np.add)(np.ones(2), np.ones(3)),
        errors.ShapeError,
        "vmap found lengths [2, 3], expected one common length of all mapped axes.",
    ),
    "vmap nothing": (
        lambda: hoad.vmap(np.sin, in_axes=None)(X),
        errors.ShapeError,
        "vmap found no mapped axis, expected one common length",
    ),
    "vmap arguments": (
        lambda: hoad.vmap(np.add, in_axes=(0,))(X, X),
        errors.StructureError,
        "in_axes has structure 1 entries, expected 2, one for each argument",
    ),
    "bool of a batch": (
        lambda: hoad.vmap(lambda x: x if x > 0 else -x)(X),
        errors.TracedConversionError,
        conversion("bool(x) (an `if`, `while`, `and`, `or`)", "np.where, or a loop instead of hoad.vmap"),
    ),
    "multi-index": (
        lambda: hoad.partial(np.sum, X, (1,)),
        errors.ShapeError,
        "multi_index is (1,), expected 2 non-negative integers, one for each entry of x.",
    ),
    "negative order": (lambda: hoad.taylor(np.sin, 1.0, 1.0, -1), ValueError, "order=-1, expected at least 0"),
    "mode": (lambda: hoad.hvp(np.sum, X, X, mode="fast"), ValueError, "mode='fast', expected one of ('reverse-over-forward', "),
    "not linear": (
        lambda: hoad.linear_transpose(np.sin, X),
        errors.NotLinearError,
        "linear_transpose needs a linear function, but sin is applied to its argument in a way that is not linear.",
    ),
    "closure": (
        lambda: hoad.grad(lambda x: hoad.checkpoint(lambda y: np.sum(y * x))(x))(X),
        errors.ClosureError,
        "the function given to checkpoint uses a traced value from an enclosing scope, whose derivative the rule would not see.",
    ),
    "aux": (
        lambda: hoad.grad(np.sum, has_aux=True)(X),
        TypeError,
        "has_aux=True needs a function that returns (output, auxiliary), but it returned",
    ),
    "jvp without tuples": (
        lambda: hoad.jvp(np.sin, X, X),
        TypeError,
        "jvp needs tuples of primals and tangents: hoad.jvp(f, (x,), (v,))",
    ),
    "primitive": (
        lambda: hoad.primitive(np.sin, linear=1, elementwise=2),
        TypeError,
        "primitive got ['elementwise', 'linear'], expected exactly one of",
    ),
    "length": (lambda: hoad.grad(len)(1.0), TypeError, "len() of unsized object"),
    "hash": (lambda: hoad.grad(lambda x: {x: 1})(1.0), TypeError, "unhashable type"),
}


@pytest.mark.parametrize("name", CASES)
def test_message(name):
    call, kind, text = CASES[name]
    with pytest.raises(kind) as found:
        call()
    assert str(found.value).startswith(text), str(found.value)
    np.testing.assert_array_equal(hoad.grad(lambda x: np.sum(x**2))(X), 2 * X)  # the engine is clean


def test_every_error_class_is_a_hoad_error_and_has_a_builtin_base():
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, errors.HoadError)
        builtin = [
            base for base in kind.__mro__ if base.__module__ == "builtins" and base not in (Exception, BaseException, object)
        ]
        assert builtin or name in ("HoadError", "CommandError"), name


@pytest.mark.parametrize(
    "transform", [hoad.grad, lambda f: lambda x: hoad.jvp(f, (x,), (x,)), lambda f: lambda x: hoad.hvp(f, x, x)]
)
def test_debug_nans_names_operation_and_line(transform):
    def f(x):
        return np.sum(np.sqrt(x) ** 0.5 * 0.0) if False else np.sum(x * 0.0 * np.arctan2(x, 0.0 * x))

    def line():
        return f.__code__.co_firstlineno + 1

    with np.errstate(all="ignore"):
        assert np.isnan(np.asarray(transform(f)(np.zeros(2))[-1])).any()
        with hoad.debug_nans(), pytest.raises(errors.NonFiniteError) as found:
            transform(f)(np.zeros(2))
    text = str(found.value)
    assert text.startswith("the ")
    assert "derivative of arctan2 is NaN at " in text or "derivative of divide is NaN at " in text
    assert f"{__file__}:{line()}" in text
    with np.errstate(all="ignore"):
        transform(f)(np.zeros(2))  # off again


def test_debug_nans_looks_into_cotangents_of_slices():
    with hoad.debug_nans():
        np.testing.assert_array_equal(hoad.grad(lambda x: x[0] * x[1] + x[0])(np.array([1.0, 2.0])), [3, 1])
        with np.errstate(all="ignore"), pytest.raises(errors.NonFiniteError, match="derivative of arctan2 is NaN at"):
            hoad.grad(lambda x: x[0] * np.arctan2(x[1], 0.0 * x[1]) + x[1])(np.zeros(2))


class Stop(Exception):
    pass


@pytest.mark.parametrize("kind", [Stop, KeyboardInterrupt, SystemExit, RecursionError, MemoryError])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_engine_is_clean_after_any_exception(kind, depth):
    from hoad.core.level import STATE, any_open

    def bad(x):
        y = np.where(x > 0, np.sin(x), x)
        y[0] = 3.0
        raise kind

    def nested(f, levels):
        return nested(lambda x: np.sum(hoad.grad(f)(x)), levels - 1) if levels else f

    f = nested(bad, depth - 1)
    for call in (
        lambda: hoad.grad(f)(X),
        lambda: hoad.jvp(f, (X,), (X,)),
        lambda: hoad.hvp(f, X, X),
        lambda: hoad.taylor(f, X, X, 3),
        lambda: hoad.vmap(f)(X[None]),
        lambda: hoad.hessian(f)(X),
        lambda: hoad.vjp(f, X),
        lambda: hoad.linearize(f, X),
        lambda: hoad.partial(f, X, (1, 1)),
        lambda: hoad.grad(hoad.checkpoint(f))(X),
        lambda: hoad.jacrev(f)(X),
    ):
        with pytest.raises(kind):
            call()
        assert not STATE
        assert not any_open()
        np.testing.assert_array_equal(hoad.hvp(lambda x: np.sum(x**3), X, np.ones(2)), 6 * X)


def test_engine_is_clean_after_an_exception_in_a_rule():
    @hoad.custom_vjp
    def f(x):
        return np.sum(x)

    def bwd(_, u):
        raise Stop

    f.defvjp(lambda x: (np.sum(np.where(x > 0, x, 0.0)), None), bwd)
    for _ in range(2):
        with pytest.raises(Stop):
            hoad.grad(lambda x: f(np.where(x > 1, x, 0.0)) + np.sum(x))(X)
    with np.errstate(divide="ignore", invalid="ignore"):  # the mask of where is off again: 0 · inf is NaN
        assert np.isnan(hoad.grad(lambda x: 0.0 * np.sqrt(x))(0.0))
    np.testing.assert_array_equal(hoad.grad(np.sum)(X), [1, 1])


def test_what_a_traced_value_answers():
    """Row 62: repr, print, bool, len, in, isinstance, copy, formatting."""
    seen = {}

    def f(x):
        seen.update(
            repr=repr(x),
            str=str(x),
            length=len(x),
            contains=2.0 in x,
            missing=5.0 in x,
            instance=isinstance(x, np.ndarray),
            first=bool(x[0] > 0),
            zero=bool(x[0] - 1.0),
            format=f"{x[0]:.2f}",
            shape=x.shape,
            dtype=x.dtype,
            ndim=x.ndim,
            size=x.size,
            nbytes=x.nbytes,
            rows=[float(hoad.stop_gradient(r)) for r in x],
        )
        y = copy.copy(x)
        z = copy.deepcopy(x)
        y[0], z[1] = 0.0, 0.0
        return np.sum(x * x) + np.sum(y) + np.sum(z)

    np.testing.assert_array_equal(hoad.grad(f)(X), [3, 5])
    assert seen["repr"].startswith("<node of a tape at level ")
    assert seen["str"] == seen["repr"]
    assert (seen["length"], seen["contains"], seen["missing"], seen["instance"], seen["first"]) == (2, True, False, False, True)
    assert (seen["format"], seen["shape"], seen["dtype"], seen["ndim"], seen["size"], seen["nbytes"]) == (
        "1.00",
        (2,),
        np.float64,
        1,
        2,
        16,
    )
    assert seen["zero"] is False
    assert seen["rows"] == [1.0, 2.0]
