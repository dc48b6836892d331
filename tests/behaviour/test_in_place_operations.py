"""Every way to update an array, through every view of it, in every mode: the plain NumPy program is the oracle.

The programs are polynomials of their argument, so that Cauchy's integral over a circle in the complex plane, which plain NumPy
evaluates on complex arrays, gives their Taylor coefficients to rounding.
"""

from __future__ import annotations

from math import factorial

import numpy as np
import pytest

import hoad
import hoad.numpy as hnp
from hoad.errors import InPlaceError

from .compositions import derivative

X = np.array([[0.3, -1.2, 0.7], [1.1, 0.4, -0.6], [-0.2, 0.9, 0.5]])
V = np.array([[1.0, 0.5, -2.0], [0.25, -1.0, 1.5], [0.75, -0.5, 1.0]])
WEIGHTS = np.arange(1.0, 10.0).reshape(3, 3) / 5

VIEWS = {
    "whole": lambda y: y,
    "row": lambda y: y[0],
    "column": lambda y: y[:, 1],
    "strided": lambda y: y[::-1, ::2],
    "block": lambda y: y[1:, :2],
    "transpose": lambda y: y.T,
    "row of transpose": lambda y: y.T[1],
    "transposed block": lambda y: y[1:, :2].T,
    "reshape": lambda y: y.reshape(-1),
    "ravel": lambda y: y.ravel(),
    "np.ravel": lambda y: np.ravel(y)[2:7],
    "part of a reshape": lambda y: np.reshape(y, (1, 9))[:, 3:8],
    "swapaxes": lambda y: np.swapaxes(y, 0, 1)[2],
    "moveaxis": lambda y: np.moveaxis(y, 0, 1)[:, 1:],
    "newaxis": lambda y: y[None, :, 1],
    "expand_dims": lambda y: np.expand_dims(y, 1)[2],
    "squeeze": lambda y: np.squeeze(y[:, :1]),
    "flip": lambda y: np.flip(y, 0)[0],
    "rot90": lambda y: np.rot90(y)[1],
    "split": lambda y: np.split(y, 3, axis=1)[2],
    "array_split": lambda y: np.array_split(y, 2)[0],
    "atleast_3d": lambda y: np.atleast_3d(y)[:, 0],
    "diagonal by einsum": lambda y: np.einsum("ii->i", y),
    "transpose by einsum": lambda y: np.einsum("ij->ji", y)[0],
    "ellipsis": lambda y: y[1, ...],
    "element with ellipsis": lambda y: y[1, 2, ...],
    "element as 0-d reshape": lambda y: y[2, 1:2].reshape(()),
    "view()": lambda y: y.view()[1],
    "iteration": lambda y: list(y)[1],
}


def operand(x, v):
    """An array of the shape of v, bilinear in x."""
    return np.reshape((x.ravel() * x[::-1].ravel())[: max(v.size, 1)], v.shape)


def at(ufunc):
    def update(v, x):
        if v.ndim:
            index = [0, -1, 0] if v.shape[0] > 1 else [0, 0, 0]
            ufunc.at(v, index, x[0, 1] * x[1, 1])
        else:
            ufunc.at(v, (), x[0, 1])

    return update


def add(v, x):
    v += operand(x, v)


def subtract(v, x):
    v -= x[1, 1] ** 2


def multiply(v, x):
    v *= operand(x, v)


def divide(v, x):
    v /= 1.7


def power(v, x):
    v **= 2


def assign(v, x):
    v[...] = operand(x, v)


def assign_itself_reversed(v, x):
    v[...] = v[::-1] if v.ndim else 2 * v


def assign_part(v, x):
    if v.ndim:
        v[1:] = x[0, 0] * x[2, 1]
        v[0] *= 3
    else:
        v[()] = x[0, 0] * x[2, 1]


def fancy(v, x):
    if v.ndim:
        v[[0, -1]] = v[[-1, 0]] * x[1, 2]
    else:
        v[()] *= x[1, 2]


def masked(v, x):
    v[(np.arange(v.size).reshape(v.shape) % 2) == 0] += x[2, 2] ** 2


def fill(v, x):
    v.fill(1.25)
    v += x[1, 0]


def put(v, x):
    np.put(v, [0, v.size - 1], x[0, 1] ** 2)
    v.put([0], x[2, 0])


def putmask(v, x):
    np.putmask(v, (np.arange(v.size) % 2 == 1).reshape(v.shape), x[0])


def place(v, x):
    np.place(v, np.arange(v.size).reshape(v.shape) % 3 == 0, x[1, :2])


def copyto(v, x):
    np.copyto(v, operand(x, v), where=(np.arange(v.size) % 2 == 0).reshape(v.shape))


def flat(v, x):
    v.flat[::2] = x[0, :2] * x[1, :2]
    v.flat[v.size - 1] = x[1, 1] * x[0, 0]


def flat_all(v, x):
    v.flat = x[2]


def out(v, x):
    np.multiply(v, operand(x, v), out=v)
    np.add(v, x[0, 0], out=(v,))
    np.subtract(v, 0.5, v)


def out_where(v, x):
    np.multiply(v, x[0, 2], out=v, where=(np.arange(v.size) % 2 == 0).reshape(v.shape))


def out_of_functions(v, x):
    if v.ndim:
        np.cumsum(v, axis=0, out=v)
        np.cumsum(v, 0, None, v)
        v.cumsum(axis=0, out=v)
    else:
        np.sum(x[0] * x[1], out=v)


def out_of_products(v, x):
    if v.ndim == 2:
        np.matmul(operand(x, v), np.ones((v.shape[1], v.shape[1])), out=v)
    elif v.ndim == 1:
        np.matmul(np.reshape(operand(x, v), (-1, 1)), x[0, :1], v)
    else:
        np.matmul(x[0], x[2], out=v)


def growing_out(v, x):
    np.add(x[0, 0], x[1, 0] * x[1, 1], out=v)


OPERATIONS = [
    add, subtract, multiply, divide, power, assign, assign_itself_reversed, assign_part, fancy, masked, fill, put, putmask, place,
    copyto, flat, flat_all, out, out_where, out_of_functions, out_of_products, growing_out, at(np.add), at(np.subtract),
    at(np.multiply),
]  # fmt: skip
NAMES = [o.__name__ for o in OPERATIONS[:-3]] + ["add.at", "subtract.at", "multiply.at"]


def program(update, view, buffer=None):
    """An array, or a buffer filled from x; views made before and after, a copy made before."""

    def f(x):
        if buffer is None:
            y = x * 1.0
        else:
            y = buffer(x)
            y[...] = x
        before = y**2
        row = y[1]
        v = view(y)
        update(v, x)
        y[2, 2] *= x[0, 0]
        return np.sum(WEIGHTS * y**2) + np.sum(row * x[0]) + np.sum(v) * x[2, 0] + np.sum(before * x)

    return f


def coefficients(f, x, v, order, radius=0.5, points=64):
    """Taylor coefficients of f(x + t v) by Cauchy's integral; exact for polynomials of degree below ``points``."""
    t = radius * np.exp(2j * np.pi * np.arange(points) / points)
    values = np.array([f(x + s * v) for s in t])
    c = np.fft.fft(values) / points
    assert np.max(np.abs(c[points // 2 :])) < 1e-10 * np.max(np.abs(c))  # the degree is low enough
    return [np.real(c[n]) / radius**n for n in range(order + 1)]


def check(f, words, x=X, v=V):
    c = coefficients(f, x, v, 3)
    assert hoad.value_and_grad(f)(x.copy())[0] == f(x.copy())
    scale = max(map(abs, c))
    for word in words:
        n = 3 if word == "taylor" else len(word)
        found = derivative(f, x, word, v, n)
        np.testing.assert_allclose(found, factorial(n) * c[n], rtol=1e-11, atol=1e-11 * scale, err_msg=word)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("update", OPERATIONS, ids=NAMES)
def test_update_through_a_view(update, view):
    check(program(update, VIEWS[view]), ("F", "R", "RF", "FR", "taylor", "RFR"))


@pytest.mark.parametrize("update", OPERATIONS, ids=NAMES)
@pytest.mark.parametrize("view", ["whole", "strided", "ravel", "diagonal by einsum", "row of transpose"])
def test_every_composition_of_three(update, view):
    check(program(update, VIEWS[view]), ("RRR", "FFF", "FFR", "RRF", "FRF", "RFF", "FRR"))


BUFFERS = {
    "zeros_like": np.zeros_like,
    "empty_like": np.empty_like,
    "full_like": lambda x: np.full_like(x, 3.0),
    "zeros": lambda x: hnp.zeros((3, 3), x.dtype),
    "empty": lambda x: hnp.empty((3, 3), x.dtype),
    "ones": lambda x: hnp.ones((3, 3), x.dtype),
    "full": lambda x: hnp.full((3, 3), 2.0, x.dtype),
    "zeros_like with shape": lambda x: np.zeros_like(x[0], shape=(3, 3)),
    "reshaped zeros": lambda x: hnp.zeros(9, x.dtype).reshape(3, 3),
    "part of a larger one": lambda x: hnp.zeros((4, 5), x.dtype)[1:, ::2],
}


@pytest.mark.parametrize("buffer", BUFFERS)
@pytest.mark.parametrize("view", ["whole", "column", "diagonal by einsum", "reshape"])
def test_buffers(buffer, view):
    for update in (multiply, assign_part, flat, at(np.add), out):
        check(program(update, VIEWS[view], BUFFERS[buffer]), ("F", "R", "RF", "FR", "taylor"))


@pytest.mark.parametrize("view", VIEWS)
def test_batches(view):
    xs = np.stack([X, 0.5 * X[::-1], X + 0.1])
    for update, name in zip(OPERATIONS, NAMES):
        f = program(update, VIEWS[view])
        expected = [f(x.copy()) for x in xs]
        np.testing.assert_allclose(hoad.vmap(f)(xs), expected, rtol=1e-13, err_msg=name)
        gradients = hoad.vmap(hoad.grad(f))(xs)
        np.testing.assert_allclose(gradients, [hoad.grad(f)(x) for x in xs], rtol=1e-12, atol=1e-13, err_msg=name)


# -- parts of complex numbers, which no polynomial reaches ------------------------------------------------------------------

Z = X + 1j * V


@pytest.mark.parametrize("infinite", [False, True])
def test_real_and_imaginary_parts_are_views(infinite):
    def f(x):
        z = x * (1 + 0.5j)
        z.real[0] *= 2
        z.imag[:, 1] += x[0]
        z.real = z.real + x**2
        z.imag *= x[1, 1]
        z.T.imag[2] = x[:, 0] ** 2
        if infinite:
            z.imag[0, 0] = np.inf
        return np.sum(z.real**2 * WEIGHTS) + np.sum(z.imag[1:] * z.real[1:] * x[1:])

    plain = f(X)
    assert np.isfinite(plain)
    value, gradient = hoad.value_and_grad(f)(X)
    assert value == plain
    h = 1e-3
    line = lambda t: f(X + t * V)
    numerical = (8 * (line(h) - line(-h)) - (line(2 * h) - line(-2 * h))) / (12 * h)
    np.testing.assert_allclose(np.sum(gradient * V), numerical, rtol=1e-9)
    for words in (("FF", "FR", "RF", "RR"), ("FFF", "RFR", "taylor", "RRR")):
        found = [derivative(f, X, word, V, 3) for word in words]
        np.testing.assert_allclose(found, found[0], rtol=1e-12)


def test_read_only_views_follow_the_array():
    def f(x):
        y = x * 1.0
        d, b, e = np.diagonal(y), np.broadcast_to(y[0], (2, 3)), y.diagonal(1)
        first, _ = np.broadcast_arrays(y[1], np.ones((2, 3)))
        y *= x
        y[0, 1] = x[2, 2]
        return np.sum(d**2) + np.sum(b * b[::-1]) + np.sum(e) * x[0, 0] + np.sum(first**2)

    check(f, ("F", "R", "RF", "FR", "taylor", "RRR"))
    for read in (np.diagonal, np.diag, lambda y: y.diagonal(), lambda y: np.broadcast_to(y, (2, 3, 3)), lambda y: y.diagonal()[1:]):

        def g(x, read=read):
            y = x * 1.0
            read(y)[0] = 0.0
            return np.sum(y)

        for transform in (hoad.grad(g), lambda x, g=g: hoad.jvp(g, (x,), (x,)), lambda x, g=g: hoad.taylor(g, x, x, 2)):
            with pytest.raises(InPlaceError, match="an in-place update of a read-only array"):
                transform(X)


COPIES = {
    "copy": lambda y: y.copy(),
    "np.copy": np.copy,
    "np.array": lambda y: hnp.array(y),
    "astype": lambda y: y.astype(y.dtype),
    "astype function": lambda y: np.astype(y, y.dtype) if hasattr(np, "astype") else y.copy(),
    "flatten": lambda y: y.flatten(),
    "fancy": lambda y: y[[0, 1, 2]],
    "mask": lambda y: y[np.ones(3, bool)],
    "roll by nothing": lambda y: np.roll(y, 0, axis=0),
    "tile once": lambda y: np.tile(y, 1),
    "repeat once": lambda y: np.repeat(y, 1, axis=0),
    "positive": lambda y: +y,
    "concatenate": lambda y: np.concatenate([y]),
    "reshape with copy": lambda y: np.reshape(y, 9, copy=True) if np.__version__ > "2.1" else y.flatten(),
    "flat": lambda y: y.flat[:],
    "flat.copy": lambda y: y.flat.copy(),
    "sum with nothing": lambda y: np.add(y, 0),
    "pad by nothing": lambda y: np.pad(y, 0),
    "triu": lambda y: np.triu(y),
    "take": lambda y: np.take(y, [0, 1], axis=0),
}


@pytest.mark.parametrize("copy", COPIES)
def test_copies_are_no_views(copy):
    def f(x):
        y = x * 1.0
        c = COPIES[copy](y)
        c *= 0.0
        c[0] = x[0, 0]
        d = COPIES[copy](y)
        y *= 2.0
        return np.sum(WEIGHTS * y**2) + np.sum(d**2)

    check(f, ("F", "R", "taylor"))


def test_scalars_are_replaced_and_not_updated():
    def f(x):
        s = np.sum(x)
        t = s
        t += 1
        t *= x[0]
        u = x[1]
        u -= 2.0
        return s * x[1] + t + u

    x = np.array([0.3, 0.7])
    assert hoad.value_and_grad(f)(x)[0] == f(x)
    np.testing.assert_allclose(hoad.vmap(f)(np.stack([x, 2 * x])), [f(x), f(2 * x)], rtol=1e-15)


def test_elements_that_were_read_are_not_updated():
    def f(x):
        y = x * 1.0
        first = y[0]
        y[0], y[1] = y[1], y[0]
        y[2:] = y[0]
        element, view = y[2], y[2, ...]
        y *= first
        return y @ x + element * view * x[1]

    x = np.array([0.3, 0.7, -1.1])
    xs = np.stack([x, 2 * x])
    np.testing.assert_array_equal(hoad.vmap(f)(xs), [f(x), f(2 * x)])
    gradients = [hoad.grad(f)(x), hoad.grad(f)(2 * x)]
    np.testing.assert_allclose(gradients[0], [(f(x + h) - f(x - h)) / 2e-6 for h in 1e-6 * np.eye(3)], rtol=1e-8)
    np.testing.assert_allclose(hoad.vmap(hoad.grad(f))(xs), gradients, rtol=1e-14)
    np.testing.assert_allclose(hoad.grad(lambda xs: np.sum(hoad.vmap(f)(xs)))(xs), gradients, rtol=1e-14)


def test_positional_out_is_stored():
    calls = {
        "sum": lambda x, o: np.sum(x, 0, None, o),
        "mean": lambda x, o: np.mean(x, 0, None, o),
        "prod": lambda x, o: np.prod(x, 0, None, o),
        "cumsum": lambda x, o: np.cumsum(x[0], 0, None, o),
        "take": lambda x, o: np.take(x, 1, 0, o),
        "compress": lambda x, o: np.compress([True, True, True], x[1], None, o),
        "clip": lambda x, o: np.clip(x[1], -9, 9, o),
        "round": lambda x, o: np.add(np.round(x[1], 1, o), x[1], o),
        "dot": lambda x, o: np.dot(x, x[0], o),
        "max": lambda x, o: np.max(x, 0, o),
        "median": lambda x, o: np.median(x, 0, o),
        "quantile": lambda x, o: np.quantile(x, 0.3, 0, o),
        "trace": lambda x, o: np.trace(x[:, :, None] * np.ones(3), 0, 0, 1, None, o),
        "var": lambda x, o: np.var(x, 0, None, o),
        "method sum": lambda x, o: x.sum(0, None, o),
        "method take": lambda x, o: x.take(1, 0, o),
        "method compress": lambda x, o: x[1].compress([1, 1, 1], 0, o),
        "method clip": lambda x, o: x[1].clip(-9, 9, o),
        "method dot": lambda x, o: x.dot(x[0], o),
        "method max": lambda x, o: x.max(0, o),
    }
    for name, call in calls.items():

        def stored(x, call=call):
            o = np.zeros_like(x[0])
            y = call(x, o)
            assert y is o
            return o

        def returned(x, call=call):
            return call(x, None) + 0.0

        assert np.array_equal(hoad.jvp(stored, (X,), (V,))[0], stored(X)), name
        for jacobian in (hoad.jacfwd, hoad.jacrev):
            np.testing.assert_array_equal(jacobian(stored)(X), jacobian(returned)(X), err_msg=name)


def test_several_results_into_several_arrays():
    def f(x):
        a, b = np.zeros_like(x), np.zeros_like(x)
        np.divmod(x, 0.3, out=(a, b))
        c = np.zeros_like(x)
        _, d = np.modf(2.5 * x, out=(c, None))
        return a, b, c, d

    for a, b in zip(hoad.jvp(f, (X,), (V,))[0], f(X)):
        np.testing.assert_array_equal(a, b)
    a, b, c, d = hoad.jvp(f, (X,), (V,))[1]
    for t, expected in ((a, 0 * V), (b, V), (c, 2.5 * V), (d, 0 * V)):
        np.testing.assert_array_equal(t, expected)


UNCHANGED = {
    "complex into real": lambda y, x: y.__setitem__(0, 1j * x[0]),
    "out of another shape": lambda y, x: np.add(x, np.ones((2, 3, 3)), out=y),
    "out of another dtype": lambda y, x: np.multiply(x, 1j, out=y),
    "sum into another shape": lambda y, x: np.sum(x, axis=0, out=y),
    "augmented by complex": lambda y, x: y.__iadd__(1j * x),
    "growing": lambda y, x: y.__iadd__(np.ones((2, 3, 3))),
    "second of two results": lambda y, x: np.divmod(x, 0.3, out=(y, np.zeros((3, 3)))),
    "too many places": lambda y, x: y.__setitem__(5, x[0]),
    "values of another shape": lambda y, x: y.__setitem__(slice(None), x[:2]),
    "a mask of another size": lambda y, x: np.place(y, [True], x),
    "multiply.at": lambda y, x: np.multiply.at(y, [7], x[0]),
    "put beyond the end": lambda y, x: np.put(y, [99], x[0, 0]),
    "values of the wrong size": lambda y, x: np.put_along_axis(y, np.zeros((3, 1), int), x, 1),
    "copy of complex": lambda y, x: np.copyto(y, 1j * x),
    "an index that is traced": lambda y, x: y.__setitem__(x[0, 0], 1.0),
}


@pytest.mark.parametrize("name", UNCHANGED)
def test_a_refused_update_changes_nothing(name):
    def f(x):
        y = x * 2.0
        row, flat = y[0], y.reshape(-1)
        with pytest.raises((TypeError, ValueError, IndexError)):
            UNCHANGED[name](y, x)
        return np.sum(y**2) + np.sum(row * flat[:3])

    def untouched(x):
        return 4 * np.sum(x**2) + 4 * np.sum(x[0] ** 2)

    for word in ("F", "R", "taylor"):
        np.testing.assert_allclose(derivative(f, X, word, V, 2), derivative(untouched, X, word, V, 2), rtol=1e-13)


def test_traced_values_into_integers_are_truncated_without_derivative():
    def f(x):
        counts = np.zeros_like(x, dtype=int)
        counts[...] = 10 * x
        y = np.zeros_like(x, dtype=np.float32)
        y[...] = x
        return np.sum(counts * x) + np.sum(y)

    value, gradient = hoad.value_and_grad(f)(X)
    assert value == f(X)
    np.testing.assert_array_equal(gradient, np.trunc(10 * X) + 1)
    assert hoad.jvp(lambda x: np.copyto((y := np.zeros_like(x, dtype=np.float32)), x) or y, (X,), (V,))[1].dtype == np.float32


def places(y, x):
    y[[0, 2]] += x[:2]


def repeated_places(y, x):
    y[[0, 0, 1]] += x


def mask(y, x):
    chosen = np.array([[True, False, True], [False, False, True], [True, True, True]])
    y[chosen] -= x[chosen]


def copied(y, x):
    z = y.copy()
    z[1] = x[0]
    z[:, 0] += x[1]
    y[...] = z


def copied_part(y, x):
    z = np.copy(y[::2])
    z -= x[:2]
    y[1:] = z


@pytest.mark.parametrize("update", [places, repeated_places, mask, copied, copied_part], ids=lambda f: f.__name__)
@pytest.mark.parametrize("buffer", ["zeros_like", "empty_like", "ones"])
def test_updates_of_copies_of_buffers(update, buffer):
    def f(x):
        y = BUFFERS[buffer](x)
        if buffer == "empty_like":
            y[:] = 0.5
        update(y, x * x)
        return np.sum(y * WEIGHTS)

    check(f, ("F", "R", "RF", "FR", "taylor"))


def test_what_an_empty_array_holds_by_chance_is_no_constant():
    def f(x):
        y = np.empty_like(x)
        y[:] = x * x
        z = hnp.empty(3)
        z[:] = y[0]
        return np.sum(y) + np.sum(z * x[1])

    assert hoad.compile(hoad.grad(f), backend="numpy")(X).tobytes() == hoad.grad(f)(X).tobytes()


def test_an_update_of_a_plain_array_says_what_to_do():
    def f(x):
        y = np.zeros(3)
        y[[0, 1]] += x[0, :2]
        return np.sum(y)

    for transform in (hoad.grad(f), lambda x: hoad.jvp(f, (x,), (x,)), lambda x: hoad.taylor(f, x, x, 2)):
        with pytest.raises(InPlaceError, match=r"y in an update y \+= x or y\[i\] \+= x is a plain ndarray.*hoad.numpy.zeros"):
            transform(X)


def test_a_buffer_without_traced_values_is_a_plain_array():
    def f(x):
        b = np.zeros_like(x)
        b[0, 0] = 2.5
        n = np.zeros_like(x, dtype=int)
        n[1] = 1
        assert float(b[0, 0]) == 2.5
        assert b.tolist()[0][0] == 2.5
        assert int(n.max()) == 1
        assert np.array_equal(np.array(b), b.value)
        assert np.isin(1, n)
        return np.sum(x[n[1, 0]] * b[0]) + np.sum(x[n])

    assert hoad.value_and_grad(f)(X)[0] == pytest.approx(2.5 * X[1, 0] + np.sum(X[[[0, 0, 0], [1, 1, 1], [0, 0, 0]]]))
