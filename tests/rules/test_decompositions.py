"""qr, svd, eig, pinv and lstsq: defining equations in Taylor arithmetic, the choices that LAPACK makes, and bad input."""

import numpy as np
import pytest

import hoad

L = np.linalg
RNG = np.random.default_rng(11)
ORDER = 6


def random(shape, dtype=float):
    a = RNG.normal(size=shape)
    return a + 1j * RNG.normal(size=shape) if dtype is complex else a


def adjoint(x):
    return np.swapaxes(x, -1, -2).conj()


def coefficients(f, a, v, order=ORDER):
    """Series of each result of f along a + t v, by result."""
    found = hoad.taylor(lambda a: tuple(f(a)), a, v, order)
    return [[c[i] for c in found] for i in range(len(found[0]))]


def product(*factors):
    """Coefficients of a product of matrices from those of the factors."""
    first, *rest = factors
    for other in rest:
        first = [sum(first[i] @ other[n - i] for i in range(n + 1)) for n in range(len(first))]
    return first


def star(series):
    return [adjoint(c) for c in series]


def diagonal(series):
    return [c[..., None] * np.eye(c.shape[-1]) for c in series]


def is_curve(series, a, v, tolerance=1e-10):
    for n, c in enumerate(series):
        expected = a if n == 0 else v if n == 1 else np.zeros_like(a)
        scale = max(np.abs(x).max() for x in series[: n + 1])
        np.testing.assert_allclose(c, expected, rtol=0, atol=tolerance * max(1.0, scale) * 10**n)


def is_identity(series, tolerance=1e-10):
    eye = np.broadcast_to(np.eye(series[0].shape[-1]), series[0].shape)
    is_curve(series, eye, np.zeros_like(eye), tolerance)


SHAPES = [(5, 3), (3, 5), (4, 4), (2, 4, 3)]
over_shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)
over_dtypes = pytest.mark.parametrize("dtype", [float, complex])


def matrix(shape, dtype):
    """A matrix with singular values 1, 2, ... and a direction, so that series converge."""
    k = min(shape[-2:])
    u, v = (L.qr(random((*shape[:-2], n, k), dtype))[0] for n in shape[-2:])
    return (u * np.arange(1.0, k + 1)) @ adjoint(v), 0.2 * random(shape, dtype)


# -- defining equations -----------------------------------------------------------------------------------------------------------


@over_dtypes
@over_shapes
@pytest.mark.parametrize("mode", ["reduced", "complete"])
def test_qr(shape, dtype, mode):
    a, v = matrix(shape, dtype)
    q, r = coefficients(lambda a: L.qr(a, mode), a, v)
    assert np.abs(q[3]).max() > 1e-4
    is_curve(product(q, r), a, v)
    is_identity(product(star(q), q))
    for c in r:
        assert not np.tril(c, -1).any()
        np.testing.assert_allclose(np.diagonal(c, 0, -2, -1).imag, 0, atol=1e-11)
    (alone,) = coefficients(lambda a: (L.qr(a, "r"),), a, v)
    np.testing.assert_allclose(alone, [c[..., : min(shape[-2:]), :] for c in r], rtol=0, atol=1e-10)


@over_dtypes
@over_shapes
def test_raw_qr_holds_r_and_reflectors_of_q(shape, dtype):
    """The product of H_i = 1 - tau_i v_i v_i^H is Q."""
    a, v = matrix(shape, dtype)
    h, tau = coefficients(lambda a: L.qr(a, "raw"), a, v)
    m, n = shape[-2:]
    k = min(m, n)
    stored = [np.swapaxes(c, -1, -2) for c in h]
    q = [np.broadcast_to(np.eye(m), (*shape[:-2], m, m)) * (n == 0) for n in range(ORDER + 1)]
    for i in range(k):
        column = [np.where(np.arange(m) > i, c[..., i], (np.arange(m) == i) * (order == 0)) for order, c in enumerate(stored)]
        column = [c[..., None] for c in column]
        outer = product(column, star(column))
        scaled = product([t[..., i, None, None] * np.eye(m) for t in tau], outer)
        q = product(q, [np.eye(m) * (order == 0) - c for order, c in enumerate(scaled)])
    is_curve(product(q, [np.triu(c) for c in stored]), a, v)


@over_dtypes
@over_shapes
@pytest.mark.parametrize("full", [False, True])
def test_svd(shape, dtype, full):
    a, v = matrix(shape, dtype)
    u, s, vh = coefficients(lambda a: L.svd(a, full), a, v)
    k = min(shape[-2:])
    is_curve(product([c[..., :k] for c in u], diagonal(s), [c[..., :k, :] for c in vh]), a, v)
    is_identity(product(star(u), u))
    is_identity(product(vh, star(vh)))
    (values,) = coefficients(lambda a: (L.svdvals(a),), a, v)
    np.testing.assert_allclose(values, s, rtol=0, atol=1e-11)


@over_dtypes
@pytest.mark.parametrize("shape", [(4, 4), (2, 3, 3)], ids=str)
def test_eig(shape, dtype):
    """A V = V L, with columns of norm one whose largest component stays real."""
    a, v = random(shape, dtype) + np.diag(3.0 * np.arange(shape[-1])), 0.2 * random(shape, dtype)
    w, x = coefficients(L.eig, a, v)
    series = [a, v, *[np.zeros_like(a)] * (ORDER - 1)]
    for left, right in zip(product(series, x), product(x, diagonal(w))):
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-10)
    for n, c in enumerate(product(star(x), x)):
        np.testing.assert_allclose(np.diagonal(c, 0, -2, -1), n == 0, rtol=0, atol=1e-10)
    place = np.abs(x[0]).argmax(-2)[..., None, :]
    for c in x:
        np.testing.assert_allclose(np.take_along_axis(c, place, -2).imag, 0, atol=1e-11)
    (values,) = coefficients(lambda a: (L.eigvals(a),), a, v)
    np.testing.assert_allclose(values, w, rtol=0, atol=1e-10)


def test_complex_eigenvalues_of_a_real_matrix():
    """l = m +- i r of [[m, -r], [r, m]], and the conjugate pair keeps real gradients."""
    a = np.array([[0.3, -0.7], [0.7, 0.3]])
    jacobian = hoad.jacrev(lambda a: np.imag(L.eigvals(a)))(a)
    np.testing.assert_allclose(jacobian[0], [[0, -0.5], [0.5, 0]], atol=1e-15)
    assert hoad.grad(lambda a: np.sum(np.abs(L.eigvals(a)) ** 2))(a).dtype == float
    product_of_both = hoad.hessian(lambda a: np.real(np.prod(L.eigvals(a))))(a)
    np.testing.assert_allclose(product_of_both, hoad.hessian(L.det)(a), atol=1e-13)


@over_dtypes
@over_shapes
def test_pinv(shape, dtype):
    """Penrose's four conditions."""
    a, v = matrix(shape, dtype)
    (y,) = coefficients(lambda a: (L.pinv(a),), a, v)
    x = [a, v, *[np.zeros_like(a)] * (ORDER - 1)]
    xy, yx = product(x, y), product(y, x)
    for found, expected in ((product(xy, x), x), (product(yx, y), y), (star(xy), xy), (star(yx), yx)):
        for c, d in zip(found, expected):
            np.testing.assert_allclose(c, d, rtol=0, atol=1e-9)


@over_dtypes
@pytest.mark.parametrize("shape", [(5, 3), (3, 5)])
@pytest.mark.parametrize("columns", [(), (2,)])
def test_lstsq(shape, dtype, columns):
    """A^H (A x - b) = 0, the residual, and x in the row space."""
    a, v = matrix(shape, dtype)
    b = random((shape[0], *columns), dtype)
    matrix_of = lambda c: c.reshape(len(c), -1)
    x, residuals, s = coefficients(lambda a: [L.lstsq(a, b)[i] for i in (0, 1, 3)], a, v)
    series = [a, v, *[np.zeros_like(a)] * (ORDER - 1)]
    rest = [c - matrix_of(b) * (n == 0) for n, c in enumerate(product(series, [matrix_of(c) for c in x]))]
    for c in product(star(series), rest):
        np.testing.assert_allclose(c, 0, atol=1e-9)
    if shape[0] > shape[1]:
        squares = [sum(np.sum(rest[i].conj() * rest[n - i], axis=0) for i in range(n + 1)) for n in range(ORDER + 1)]
        np.testing.assert_allclose(residuals, squares, rtol=0, atol=1e-9)
    else:
        assert residuals[0].shape == (0,)
    (values,) = coefficients(lambda a: (L.svdvals(a),), a, v)
    np.testing.assert_allclose(s, values, rtol=0, atol=1e-10)


def test_derivatives_of_lstsq_in_both_arguments():
    a, _ = matrix((5, 3), float)
    b = random(5)
    np.testing.assert_allclose(hoad.jacrev(lambda b: L.lstsq(a, b)[0])(b), L.pinv(a), atol=1e-14)
    g = hoad.grad(lambda a, b: L.lstsq(a, b)[1][0], (0, 1))(a, b)
    r = b - a @ L.lstsq(a, b)[0]
    np.testing.assert_allclose(g[1], 2 * r, atol=1e-13)
    np.testing.assert_allclose(g[0], -2 * np.outer(r, L.lstsq(a, b)[0]), atol=1e-13)
    assert L.lstsq(a, b)[2] == 3


@pytest.mark.parametrize("function", ["qr", "eigh", "svd", "cholesky"])
def test_series_against_algopy(function):
    algopy = pytest.importorskip("algopy")
    a, v = matrix((3, 3), float)
    if function in ("eigh", "cholesky"):
        a, v = a @ a.T, v + v.T
    x = algopy.UTPM(np.zeros((ORDER, 1, 3, 3)))
    x.data[0, 0], x.data[1, 0] = a, v
    theirs = getattr(algopy, function)(x)
    theirs = theirs if isinstance(theirs, tuple) else (theirs,)
    ours = coefficients(lambda a: y if isinstance(y := getattr(L, function)(a), tuple) else (y,), a, v, ORDER - 1)
    for found, expected in zip(ours, theirs, strict=True):
        expected = expected.data[:, 0]
        if function == "svd" and expected.ndim == 3 and expected.shape[-1] == 3 and found is ours[2]:
            expected = np.swapaxes(expected, -1, -2)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=0, atol=1e-9 * scale)


# -- choices ---------------------------------------------------------------------------------------------------------------------


FREE = {
    "complete Q": (lambda a: L.qr(a, "complete")[0], (4, 2)),
    "full U": (lambda a: L.svd(a)[0], (4, 2)),
    "full V": (lambda a: L.svd(a)[2], (2, 4)),
    "thin U": (lambda a: L.svd(a, False)[0], (4, 2)),
    "eigenvectors": (lambda a: L.eigh(a)[1], (3, 3)),
    "general eigenvectors": (lambda a: L.eig(a)[1], (3, 3)),
}


@over_dtypes
@pytest.mark.parametrize("name", FREE)
def test_mixed_second_derivatives_of_free_choices_are_symmetric(name, dtype):
    """They belong to functions of the matrix: D_u D_v = D_v D_u also for columns and phases that are a matter of choice."""
    f, shape = FREE[name]
    a, u = matrix(shape, dtype)
    v = 0.3 * random(shape, dtype)
    along = lambda g, e: lambda x: hoad.jvp(g, (x,), (e,))[1]
    one, two = along(along(f, u), v)(a), along(along(f, v), u)(a)
    assert np.abs(one).max() > 1e-3
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-10)


def test_reflectors_and_eigenvectors_are_those_of_lapack():
    """Central differences of NumPy's own output, for factors that LAPACK determines completely."""
    for dtype in (float, complex):
        a, v = matrix((4, 3), dtype)
        square, w = random((3, 3), dtype) + np.diag([0.0, 3, 6]), random((3, 3), dtype)
        for f, x, e in ((lambda a: L.qr(a, "raw")[0], a, v), (lambda a: L.qr(a)[0], a, v), (lambda a: L.eig(a)[1], square, w)):
            h = 1e-5
            expected = (8 * (f(x + h * e) - f(x - h * e)) - (f(x + 2 * h * e) - f(x - 2 * h * e))) / (12 * h)
            np.testing.assert_allclose(hoad.jvp(f, (x,), (e,))[1], expected, atol=1e-9)


# -- where derivatives do not exist -----------------------------------------------------------------------------------------------

DEFECTIVE = np.array([[2.0, 1.0], [0.0, 2.0]])
TURN = L.qr(np.array([[1.0, 2.0], [3.0, 4.0]]))[0]
NOT_A_NUMBER = {
    "eigenvalue of a defective matrix": (lambda a: np.real(L.eigvals(a)), DEFECTIVE),
    "eigenvalue of a turned defective matrix": (lambda a: np.real(L.eigvals(a)), TURN @ DEFECTIVE @ TURN.T),
    "eigenvector of a repeated eigenvalue": (lambda a: L.eig(a)[1], np.eye(3)),
    "eigenvector of a symmetric matrix": (lambda a: L.eigh(a)[1], np.diag([1.0, 2.0, 2.0])),
    "singular vector of a repeated value": (lambda a: L.svd(a)[0], np.eye(3)),
    "singular vector of a vanishing value": (lambda a: L.svd(a, False)[0], np.ones((3, 2))),
    "Q of dependent columns": (lambda a: L.qr(a)[0], np.ones((3, 2))),
    "R of dependent columns": (lambda a: L.qr(a, "r"), np.ones((3, 2))),
    "Q of zero": (lambda a: L.qr(a)[0], np.zeros((3, 2))),
    "reflector that LAPACK skips": (lambda a: L.qr(a, "raw")[1], np.eye(3)),
    "condition number of a singular matrix": (L.cond, np.ones((2, 2))),
    "power norm below one at a zero": (lambda a: L.vector_norm(a, ord=0.5), np.array([0.0, 1.0])),
}


@pytest.mark.parametrize("name", NOT_A_NUMBER)
def test_derivatives_that_do_not_exist_are_nan_in_every_mode(name):
    f, a = NOT_A_NUMBER[name]
    v = np.cos(np.arange(a.size)).reshape(a.shape)
    weights = np.sin(1 + np.arange(np.size(f(a)))).reshape(np.shape(f(a)))
    with np.errstate(all="ignore"):
        assert np.isnan(hoad.jvp(f, (a,), (v,))[1]).any()
        assert np.isnan(hoad.grad(lambda a: np.sum(weights * f(a)))(a)).any()
        assert np.isnan(hoad.taylor(f, a, v, 1)[1]).any()


def test_second_derivatives_of_repeated_general_eigenvalues():
    """NaN, but for rational functions, which are those of the matrix."""
    e = random((3, 3))
    irrational = lambda a: np.sum(np.exp(L.eigvals(a)))
    np.testing.assert_allclose(hoad.grad(irrational)(np.eye(3)), np.e * np.eye(3))
    assert np.isnan(hoad.hvp(irrational, np.eye(3), e)).any()
    np.testing.assert_allclose(hoad.hvp(lambda a: np.sum(L.eigvals(a) ** 2), np.eye(3), e), 2 * e.T)


def test_pseudo_inverse_of_lower_rank():
    """Along matrices of the same rank the derivative exists; towards a higher rank it does not."""
    a = np.outer([1.0, 2, 3], [1.0, -1])
    keeps, raises = np.outer([1.0, 0, 1], [1.0, -1]) + np.outer([1.0, 2, 3], [0.5, 1]), random((3, 2))
    h = 1e-4
    curve = lambda t: np.outer(np.array([1.0, 2, 3]) + t * np.array([1.0, 0, 1]), np.array([1.0, -1]) + t * np.array([0.5, 1]))
    expected = (L.pinv(curve(h), 1e-9) - L.pinv(curve(-h), 1e-9)) / (2 * h)
    found = hoad.jvp(L.pinv, (a,), (keeps,))[1]
    np.testing.assert_allclose(found, expected, atol=1e-7)
    assert np.isnan(hoad.jvp(L.pinv, (a,), (raises,))[1]).all()
    g = hoad.grad(lambda a: np.sum(L.pinv(a) * raises.T))(a)
    np.testing.assert_allclose(np.sum(g * keeps), np.sum(found * raises.T), atol=1e-12)


def test_pseudo_inverse_with_a_cut_is_that_of_the_large_singular_values():
    """By differences: the cut at 0.5 leaves out values that do not vanish."""
    u, v = L.qr(random((4, 3)))[0], L.qr(random((3, 3)))[0]
    a, e, h = (u * [3.0, 2.0, 0.5]) @ v.T, random((4, 3)), 1e-4
    cut = lambda a: L.pinv(a, 0.5)
    difference = lambda f: (8 * (f(a + h * e) - f(a - h * e)) - (f(a + 2 * h * e) - f(a - 2 * h * e))) / (12 * h)
    np.testing.assert_allclose(hoad.jvp(cut, (a,), (e,))[1], difference(cut), atol=1e-10)
    slope = lambda a: hoad.jvp(cut, (a,), (e,))[1]
    np.testing.assert_allclose(2 * hoad.taylor(cut, a, e, 2)[2], difference(slope), atol=1e-9)


# -- bad input and odd shapes -----------------------------------------------------------------------------------------------------

BAD = [
    (lambda a: L.qr(a, "nothing")[0], np.eye(2), ValueError, "Unrecognized mode"),
    (lambda a: L.eigh(a, "X")[0], np.eye(2), ValueError, "UPLO"),
    (lambda a: L.eigvalsh(a, "X"), np.eye(2), ValueError, "UPLO"),
    (lambda a: L.pinv(a, rcond=0.1, rtol=0.1), np.eye(2), ValueError, "rtol"),
    (lambda a: L.svd(a)[1], np.ones(3), L.LinAlgError, "two-dimensional"),
    (lambda a: L.eig(a)[0], np.ones((3, 2)), L.LinAlgError, "square"),
    (lambda a: L.svdvals(a), np.full((2, 2), np.nan), L.LinAlgError, "converge"),
    (lambda a: L.norm(a, 3), np.eye(2), ValueError, "Invalid norm order"),
    (lambda a: L.norm(a, "nuc"), np.ones(3), ValueError, "Invalid norm order"),
    (lambda a: L.cond(a, 1), np.ones((2, 2)), L.LinAlgError, "Singular"),
    (lambda a: L.slogdet(a)[1], np.ones((2, 2)), L.LinAlgError, "Singular"),
    (lambda a: L.lstsq(a, np.ones(3))[0], np.eye(2), L.LinAlgError, "Incompatible"),
    (lambda a: L.cholesky(a), -np.eye(2), L.LinAlgError, "positive definite"),
]


@pytest.mark.parametrize(("f", "a", "error", "text"), BAD)
def test_bad_input(f, a, error, text):
    with pytest.raises(error, match=text):
        hoad.jvp(f, (a,), (np.ones_like(a),))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (0, 3, 3), (2, 0, 0)], ids=str)
@pytest.mark.parametrize(
    "f",
    [
        L.svd, lambda a: L.svd(a, False), L.svdvals, L.qr, lambda a: L.qr(a, "complete"), lambda a: L.qr(a, "raw"),
        lambda a: L.qr(a, "r"), L.pinv, L.eig, L.eigvals, lambda a: L.matrix_norm(a, ord="nuc"), lambda a: L.matrix_norm(a, ord=2),
    ],
    ids=["svd", "thin svd", "svdvals", "qr", "complete", "raw", "r", "pinv", "eig", "eigvals", "nuclear", "spectral"],
)  # fmt: skip
def test_empty_matrices(f, shape):
    leaves = lambda y: tuple(y) if isinstance(y, tuple) else (y,)
    a = np.ones(shape)
    try:
        expected = leaves(f(a))
    except L.LinAlgError:
        pytest.skip("NumPy refuses it")
    y, t = hoad.jvp(lambda a: leaves(f(a)), (a,), (a,))
    assert [c.shape for c in t] == [np.shape(c) for c in expected]
    (g,) = hoad.vjp(lambda a: leaves(f(a)), a)[1](y)
    assert g.shape == shape


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_single_precision(dtype):
    a = matrix((3, 3), complex)[0].astype(dtype) if dtype is np.complex64 else matrix((3, 3), float)[0].astype(dtype)
    for f in (
        L.svdvals,
        L.pinv,
        lambda a: L.qr(a)[1],
        lambda a: L.norm(a, "nuc"),
        lambda a: L.norm(a, 2),
        L.cond,
        lambda a: L.pinv(a, 0.5),
    ):
        y, t = hoad.jvp(f, (a,), (a,))
        assert y.dtype == t.dtype == np.asarray(f(a)).dtype
        assert hoad.vjp(f, a)[1](y)[0].dtype == dtype


def test_rank_is_a_constant():
    a = matrix((3, 3), float)[0]
    np.testing.assert_array_equal(hoad.grad(lambda a: np.sum(a) * L.matrix_rank(a))(a), np.full((3, 3), 3.0))
