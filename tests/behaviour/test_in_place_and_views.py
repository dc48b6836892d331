"""In-place updates have NumPy's meaning: value and derivative, through views, buffers and aliases, or a typed error.

The oracle for values is the same function on plain arrays; for derivatives the same mathematics written without updates.
"""

from __future__ import annotations

import numpy as np
import pytest

import hoad
from hoad.errors import InPlaceError
from hoad.rules.creation import zeros

from .compositions import derivative, words

X = np.array([[0.3, -1.2, 0.7], [1.1, 0.4, -0.6]])
V = np.array([[1.0, 0.5, -2.0], [0.25, -1.0, 3.0]])


def copied(f):
    """``f`` on a copy, so that plain NumPy leaves X alone."""
    return lambda x: f(x.copy())


def alias(x):  # row 37: x is y
    y = x
    y += 1
    return np.sum(x * y)


def assign_scalar(x):
    y = x * 1.0
    y[0, 1] = y[1, 2] * 2
    return np.sum(y**3)


def assign_row(x):
    y = np.sin(x)
    y[0] = y[1] ** 2
    y[1] = y[0] * x[0]
    return np.sum(y * x)


def mask(x):
    y = x**2
    y[x > 0] += x[x > 0] * 3
    y[x < 0] = 0.0
    return np.sum(y**2)


def fancy_repeats(x):  # the last write wins
    y = np.zeros_like(x[0])
    y[[0, 0, 1]] = x[1] * 2
    return np.sum(y**3)


def add_at(x):
    y = np.zeros_like(x[0])
    np.add.at(y, [0, 0, 1], x[1] ** 2)
    np.subtract.at(y, [2], x[0, :1])
    return np.sum(y**3)


def out_argument(x):
    y = np.empty_like(x)
    np.multiply(x, x, out=y)
    np.exp(y, out=y)
    np.add(y, 1.0, out=y)
    z = np.zeros_like(x[0])
    np.sum(y, axis=0, out=z)
    return np.sum(z**2)


def augmented(x):
    y = x * 2
    y += x
    y -= 0.5
    y *= x
    y /= 1 + x**2
    y **= 2
    return np.sum(y)


def view_written(x):  # the parent changes when a slice does
    y = x * 1.0
    row = y[0]
    row *= -2
    row[1:] = row[1:] ** 2
    return np.sum(y**3)


def parent_written(x):  # a slice changes when the parent does
    y = x * 1.0
    row = y[0]
    y *= 3
    y[0, 0] = x[1, 1]
    return np.sum(row**3)


def transpose_written(x):
    y = x * 1.0
    t = y.T
    t[0] *= 2
    y[1] += t[:, 0].sum()
    return np.sum(t**3) + np.sum(y[0] * t[:, 0])


def reshape_written(x):
    y = x * 1.0
    flat = y.reshape(-1)
    flat[2:4] = flat[0:2] ** 2
    np.transpose(y)[0] += 1
    return np.sum(y**3) + np.sum(flat)


def ravel_written(x):
    y = x * 1.0
    y.ravel()[1] = 5.0
    return np.sum(y**2)


def view_of_a_view(x):
    y = x * 1.0
    inner = y[:, 1:][1]
    inner += x[0, 0]
    return np.sum(y**3)


def flatten_is_a_copy(x):
    y = x * 1.0
    flat = y.flatten()
    flat[:] = 0.0
    picked = y[[0, 1]]
    picked[:] = 0.0
    return np.sum(y**2)


def swap(x):
    y = x * 1.0
    y[0], y[1] = y[1].copy(), y[0].copy()
    return np.sum(y[0] ** 3 * y[1])


def buffer_loop(x):
    y = zeros(4)
    y[0] = x[0, 0]
    for i in range(3):
        y[i + 1] = np.sin(y[i]) + x[1, i] * y[i]
    return np.sum(y**2)


def sort_and_fill(x):
    y = x * 1.0
    y.sort(axis=1)
    z = y[0] * 1.0
    z.fill(x[0, 0])
    return np.sum(y[:, 0] * y[:, 2]) + np.sum(z**2)


def updated_after_use(x):
    """What was computed before an update keeps its derivative."""
    y = x * 2
    z = y**2
    y[...] = 0.0
    return np.sum(z) + np.sum(y)


def numpy_functions(x):
    y, z = x * 1.0, np.zeros_like(x)
    np.copyto(z, y**2, where=x > 0)
    np.put(y, [0, 4], [1.0, 2.0])
    np.putmask(z, np.array([[True, False, False], [False, True, True]]), y[0] * 2)
    np.place(y, np.array([[False, True, True], [False, False, False]]), x[1, :1])
    np.put_along_axis(z, np.array([[1], [0]]), y[:, :1] * y[:, 1:2], 1)
    np.fill_diagonal(z, x[1, 1] ** 2)
    return np.sum(y**3) + np.sum(z**2 * x)


def buffer_views(x):
    b = np.zeros_like(x)
    row, flat, t = b[0], b.reshape(-1), b.T
    row[:] = x[1] ** 2
    flat[4] = x[0, 0]
    t[2] += x[:, 0]
    b *= 2
    return np.sum(b**3) + np.sum(flat * t.reshape(-1)) + np.sum(row)


def other_views(x):
    y = x * 1.0
    np.squeeze(y[None])[0, 0] = x[1, 1] ** 2
    np.expand_dims(y, 0)[0, 1] *= 2
    np.moveaxis(y, 0, 1)[1] += x[0, 0]
    np.split(y, 3, axis=1)[2][:] *= x[1, 0]
    np.flip(y)[0, 0] -= 1.0
    for r in y:
        r[0] *= 1.5
    return np.sum(y**3)


PROGRAMS = [
    numpy_functions,
    buffer_views,
    other_views,
    alias,
    assign_scalar,
    assign_row,
    mask,
    fancy_repeats,
    add_at,
    out_argument,
    augmented,
    view_written,
    parent_written,
    transpose_written,
    reshape_written,
    ravel_written,
    view_of_a_view,
    flatten_is_a_copy,
    swap,
    buffer_loop,
    sort_and_fill,
    updated_after_use,
]


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_value_and_every_composition(f):
    f = copied(f)
    plain = f(X)
    value, gradient = hoad.value_and_grad(f)(X)
    assert value == plain
    h = 1e-6
    numerical = (f(X + h * V) - f(X - h * V)) / (2 * h)
    np.testing.assert_allclose(np.sum(gradient * V), numerical, rtol=1e-7, atol=1e-8)
    second = (np.sum(hoad.grad(f)(X + h * V) * V) - np.sum(hoad.grad(f)(X - h * V) * V)) / (2 * h)
    for word in words(2):
        np.testing.assert_allclose(derivative(f, X, word, V, 2), second, rtol=1e-6, atol=1e-6, err_msg=word)
    third = {word: derivative(f, X, word, V, 3) for word in ("FFF", "RFR", "FRF", "taylor")}
    np.testing.assert_allclose(list(third.values()), third["FFF"], rtol=1e-11, atol=1e-11, err_msg=str(third))


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_batched_is_the_loop(f):
    if f is mask:
        pytest.skip("the chosen elements depend on the example: np.where under vmap")
    f = copied(f)
    xs = np.stack([X, 2 * X, X - 0.3])
    if f is not buffer_loop:
        np.testing.assert_allclose(hoad.vmap(f)(xs), [f(x) for x in xs], rtol=1e-13)
    np.testing.assert_allclose(hoad.vmap(hoad.grad(f))(xs), [hoad.grad(f)(x) for x in xs], rtol=1e-12, atol=1e-13)


def test_aliased_update_by_hand():
    """Row 37: y = x; y += 1; sum(x y) at [1, 2] is 13 with gradient 2 (x + 1)."""
    value, gradient = hoad.value_and_grad(alias)(np.array([1.0, 2.0]))
    assert value == 13
    np.testing.assert_array_equal(gradient, [4, 6])


def test_the_argument_itself_is_not_changed():
    x = np.array([1.0, 2.0])

    def f(x):
        x *= 3
        x[0] = 7.0
        return np.sum(x**2)

    np.testing.assert_array_equal(hoad.grad(f)(x), [0, 36])
    hoad.hvp(f, x, x), hoad.taylor(f, x, x, 3), hoad.jvp(f, (x,), (x,)), hoad.vmap(f)(x[None])
    np.testing.assert_array_equal(x, [1, 2])


def test_traced_value_in_an_outer_buffer():
    """Inner and outer traced values meet in one buffer of the outer function."""

    def f(x):
        buffer = zeros(2)

        def g(y):
            local = np.zeros_like(y)
            local[0] = x[0] * y[0] ** 2
            local[1] = y[1]
            return np.sum(local**2)

        buffer[:] = hoad.grad(g)(x)
        return np.sum(buffer**2)

    x = np.array([0.7, -0.4])

    def by_hand(x):  # gradient of x0² y0⁴ + y1² in y at y = x: (4 x0⁵, 2 x1)
        return 16 * x[0] ** 10 + 4 * x[1] ** 2

    for word in words(2):
        np.testing.assert_allclose(derivative(f, x, word, np.ones(2), 2), derivative(by_hand, x, "FF", np.ones(2)), rtol=1e-12)


@pytest.mark.parametrize(
    "view",
    [
        np.diag,
        np.diagonal,
        lambda y: y.diagonal(),
        lambda y: y.diagonal()[1:],
    ],
)
def test_read_only_views_cannot_be_written(view):

    def f(x):
        y = x * 1.0
        view(y)[0] = 0.0
        return np.sum(y)

    for transform in (hoad.grad(f), lambda x: hoad.jvp(f, (x,), (x,)), lambda x: hoad.taylor(f, x, x, 2)):
        with pytest.raises(InPlaceError, match="an in-place update of a read-only array"):
            transform(np.eye(3))


def test_broadcast_view_is_read_only():
    def f(x):
        y = np.broadcast_to(x, (2, 3))
        y[0] = 1.0
        return np.sum(y)

    with pytest.raises(InPlaceError, match="an in-place update of a read-only array"):
        hoad.grad(f)(np.ones(3))


def test_plain_out_is_an_error():
    out = np.zeros(2)
    for transform in (hoad.grad, lambda f: lambda x: hoad.jvp(f, (x,), (x,)), lambda f: lambda x: hoad.taylor(f, x, x, 2)):
        with pytest.raises(InPlaceError, match="out= is a plain ndarray, which cannot hold the derivative of a traced result"):
            transform(lambda x: np.sum(np.sin(x, out=out)))(np.ones(2))


@pytest.mark.parametrize("name", ["np.add.at", "np.subtract.at"])
def test_adding_traced_values_at_an_index_of_a_plain_array_is_an_error(name):
    add_at = {"np.add.at": np.add.at, "np.subtract.at": np.subtract.at}[name]

    def f(x):
        total = np.zeros(3)
        add_at(total, [0, 2, 0], x)
        return np.sum(total)

    text = (
        f"the first argument of {name} is a plain ndarray, which cannot hold the derivative of a traced result. "
        "Make the buffer with np.zeros_like(x) or hoad.numpy.zeros."
    )
    for transform in (hoad.grad(f), lambda x: hoad.jvp(f, (x,), (x,)), lambda x: hoad.taylor(f, x, x, 2)):
        with pytest.raises(InPlaceError) as error:
            transform(np.ones(3))
        assert str(error.value) == text


def test_growing_update_and_dtype_are_errors():
    def grow(x):
        y = x[:1] * 1.0
        y += x
        return np.sum(y)

    def complex_update(x):
        y = x * 1.0
        y += 1j
        return np.sum(np.abs(y) ** 2)

    with pytest.raises(InPlaceError, match=r"gave shape \(3,\)"):
        hoad.grad(grow)(np.ones(3))
    with pytest.raises(InPlaceError, match="gave complex128"):
        hoad.grad(complex_update)(np.ones(3))


# -- plain arrays that the tape keeps -------------------------------------------------------------------------------------------

SMALL, MIDDLE, LARGE = 7, 5000, 200_000


def workspace(n):
    """Σ_k Σ_i x_i t_ik² ... with one plain workspace t that is refilled in each step."""
    t = np.empty(n)
    base = np.linspace(0.5, 1.5, n)

    def f(x):
        y = 0.0
        for k in range(3):
            t[...] = base * (k + 1)
            y = y + np.sum(x * t)
        return y

    return f, 6 * base


def test_small_workspace_gives_the_right_derivative():
    f, expected = workspace(SMALL)
    x = np.ones(SMALL)
    np.testing.assert_allclose(hoad.grad(f)(x), expected, rtol=1e-15)
    np.testing.assert_allclose(hoad.vjp(f, x)[1](1.0)[0], expected, rtol=1e-15)
    np.testing.assert_allclose(hoad.jacrev(f)(x), expected, rtol=1e-15)
    np.testing.assert_allclose(hoad.grad(lambda x: hoad.vhv(lambda x: f(x**2), x, x) / 2)(x), 2 * expected, rtol=1e-14)
    for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
        np.testing.assert_allclose(hoad.hvp(lambda x: f(x**2), x, x, mode=mode), 2 * expected, rtol=1e-14)
    y, push = hoad.linearize(f, x)
    np.testing.assert_allclose(push(x), np.sum(expected), rtol=1e-14)


@pytest.mark.parametrize("n", [MIDDLE, LARGE])
def test_large_workspace_is_an_error(n):
    f, _ = workspace(n)
    x = np.ones(n)
    with pytest.raises(
        InPlaceError, match=rf"a plain array of shape \({n},\) and dtype float64 was overwritten after a traced operation"
    ):
        hoad.grad(f)(x)
    for mode in ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"):
        with pytest.raises(InPlaceError, match="was overwritten"):
            hoad.hvp(lambda x: f(x**2), x, x, mode=mode)
    np.testing.assert_allclose(hoad.grad(lambda x: np.sum(x**2))(x), 2 * x)  # nothing is left behind


@pytest.mark.parametrize(
    "update",
    [
        lambda t: t.__setitem__(slice(None), t[::-1].copy()),
        lambda t: np.multiply(t, 2, out=t),
        lambda t: t.__setitem__(slice(100, 200), 0),
        lambda t: t.sort(),
        lambda t: t.reshape(100, -1).__setitem__(7, 0.0),
        lambda t: t.reshape(100, -1).T.__setitem__(7, 0.0),
    ],
)
def test_every_regular_update_of_a_large_constant_is_noticed(update):
    t = np.random.default_rng(0).normal(size=LARGE)

    def f(x):
        y = np.sum(x * t)
        update(t)
        return y

    with pytest.raises(InPlaceError, match="was overwritten"):
        hoad.grad(f)(np.ones(LARGE))


@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.longdouble, bool])
@pytest.mark.parametrize("rows", [50, 300, 1090])
def test_one_element_of_a_middle_constant_is_noticed(rows, dtype, layout):
    t = layout(np.random.default_rng(0).normal(size=(rows, 60)).astype(dtype))

    def change(x, index, value):
        y = np.sum(np.abs(t @ x)) if dtype is not bool else np.sum(np.where(t, x, 0.0))
        t[index] = value
        return y

    x = np.ones(60)
    for index, value in (
        ((17, 3), 7.5 if dtype is not bool else ~t[17, 3]),
        ((-1, -1), 0.25 if dtype is not bool else ~t[-1, -1]),
        (slice(None), t[::-1].copy()),
    ):
        with pytest.raises(InPlaceError, match=rf"shape \({rows}, 60\)"):
            hoad.grad(lambda x, i=index, v=value: change(x, i, v))(x)
    hoad.grad(lambda x: change(x, (0, 0), t[0, 0]))(x)


def test_unchanged_and_unneeded_constants_are_fine():
    a = np.random.default_rng(0).normal(size=(300, 300))
    scratch = np.empty(MIDDLE)

    def f(x):
        scratch[...] = 1.0  # refilled, but never met by a traced value
        return np.sum(np.tanh(a @ (a @ x)))

    x = np.full(300, 0.01)
    gradient = hoad.grad(f)(x)
    np.testing.assert_allclose(hoad.grad(f)(x), gradient)


@pytest.mark.parametrize("index", [np.array([0, 1]), np.array([True, True, False])])
def test_reused_index_array(index):
    def f(x):
        i = index.copy()
        y = x[i] ** 2
        z = x * 1.0
        z[i] = y * 3
        i[:] = i[::-1].copy() if i.dtype != bool else ~i
        return np.sum(y[0] + y) + np.sum(z)

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(hoad.grad(f)(x), [2 * 3 + 6, 4 + 12, 1])


def test_vjp_and_linearize_keep_what_they_need():
    """Rows 50, 51: pull is called again after inputs, outputs and constants were overwritten."""
    x, w = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    y, pull = hoad.vjp(lambda x: np.exp(x) * w, x)
    first = pull(np.ones(2))[0]
    x[:], w[:], y[:] = 0, 0, 0
    np.testing.assert_array_equal(pull(np.ones(2))[0], first)
    np.testing.assert_allclose(first, np.exp([1, 2]) * [3, 4])
    first[:] = 0
    np.testing.assert_allclose(pull(np.array([1.0, 0.0]))[0], [np.exp(1) * 3, 0])

    x, w = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    y, push = hoad.linearize(lambda x: np.exp(x) * w, x)
    x[:], w[:], y[:] = 0, 0, 0
    np.testing.assert_allclose(push(np.ones(2)), np.exp([1, 2]) * [3, 4])

    x = np.array([1.0, 2.0])
    value, gradient, product = hoad.linearize_hvp(lambda x: np.sum(x * np.exp(x)), x)
    x[:], gradient[:] = 0, 0
    np.testing.assert_allclose(product(np.ones(2)), (2 + np.array([1, 2])) * np.exp([1, 2]))


def test_large_constant_overwritten_before_a_pull():
    t = np.ones(MIDDLE)
    _, pull = hoad.vjp(lambda x: np.sum(x * t), np.ones(MIDDLE))
    pull(1.0)
    t[5] = 2
    with pytest.raises(InPlaceError, match="was overwritten"):
        pull(1.0)


def test_results_share_no_memory_with_arguments_or_each_other():
    a, b, u = np.ones(2), np.ones(2), np.ones(2)
    ga, gb = hoad.vjp(lambda a, b: a + b, a, b)[1](u)
    assert not any(np.shares_memory(p, q) for p, q in ((ga, gb), (ga, u), (gb, u)))
    ga, gb = hoad.grad(lambda a, b: np.sum((a + b) ** 2), (0, 1))(a, b)
    assert not np.shares_memory(ga, gb)


def test_traced_array_updated_between_vjp_and_pull():
    def f(x):
        y = x * 1.0
        value, pull = hoad.vjp(lambda z: np.sum(z**3), y)
        y *= 10
        return np.sum(pull(1.0)[0])

    np.testing.assert_array_equal(hoad.grad(f)(np.array([1.0, 2.0])), [6, 12])


def test_stop_gradient_gives_an_array_of_its_own():
    def f(x):
        hoad.stop_gradient(x)[:] = 0
        return np.sum(x**2)

    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(hoad.grad(f)(x), [2, 4])
    np.testing.assert_array_equal(x, [1, 2])
