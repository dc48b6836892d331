"""Cases: singular values, eigenvalues of general matrices, QR, least squares, and norms by singular values."""

import numpy as np

from .case import LAPACK, R, case

HOST = {"device": "computed on the host"}
FACTORS = {"holomorphic": False, "in_double": True, "step": 5e-3, **LAPACK, **HOST}


def SV(*shape, rank=None):
    """Matrices with singular values that lie apart; the last ones vanish beyond the rank."""

    def with_values(u, v, s):
        return (u * s) @ np.swapaxes(v, -1, -2).conj()

    def bases(draw):
        k = min(shape[-2:])
        u, v = (np.linalg.qr(draw((*shape[:-2], n, k)))[0] for n in shape[-2:])
        s = 1.0 + 0.8 * np.arange(k)
        return u, v, np.where(np.arange(k) < (k if rank is None else rank), s, 0.0)

    def sample(rng):
        return with_values(*bases(lambda size: rng.normal(size=size)))

    def complexify(x, rng):
        return with_values(*bases(lambda size: rng.normal(size=size) + 1j * rng.normal(size=size)))

    sample.complexify = complexify
    return sample


def E(*shape, rotation=False):
    """Matrices with eigenvalues that lie apart: real ones, or complex pairs."""

    def sample(rng):
        n = shape[-1]
        core = np.diag(1.5 * np.arange(n) - 1.0)
        if rotation:
            turn = np.diag([2.0 * (i % 2 == 0) for i in range(n - 1)], 1)
            core = core + turn - turn.T
        return core + rng.uniform(-0.2, 0.2, shape)

    return sample


def flat(*parts):
    return tuple(np.real(p * np.conj(p)) for p in parts)


def singular_vectors(a, **kw):
    """Singular values, and of the vectors what does not depend on phases and completions."""
    u, s, vh = np.linalg.svd(a, **kw)
    k = s.shape[-1]
    weights = np.arange(1.0, k + 1)
    u0, u1, v0, v1 = u[..., :k], u[..., k:], vh[..., :k, :], vh[..., k:, :]
    return s, (u0 * weights) @ v0, u1 @ np.swapaxes(u1, -1, -2).conj(), np.swapaxes(v1, -1, -2).conj() @ v1, *flat(u0, v0)


def complete(a):
    """Of the columns that complete Q only what does not depend on their choice."""
    q, r = np.linalg.qr(a, "complete")
    k = min(a.shape[-2:])
    return q[..., :k], r, q[..., k:] @ np.swapaxes(q[..., k:], -1, -2).conj()


for _shape in ((4, 2), (2, 4), (3, 3), (2, 3, 2)):
    _label = "x".join(map(str, _shape))
    for _name, _call, _kind in (
        ("svd", lambda a: singular_vectors(a, full_matrices=False), "thin-"),
        ("svd", singular_vectors, "full-"),
        ("svd", lambda a: np.linalg.svd(a, compute_uv=False), "values-"),
        ("svdvals", np.linalg.svdvals, ""),
        ("pinv", np.linalg.pinv, ""),
        ("pinv", lambda a: np.linalg.pinv(a, rcond=0.7), "cut-"),
        ("qr", lambda a: tuple(np.linalg.qr(a)), "reduced-"),
        ("qr", complete, "complete-"),
        ("qr", lambda a: np.linalg.qr(a, "r"), "r-"),
        ("qr", lambda a: np.linalg.qr(a, "raw"), "raw-"),
        ("norm", lambda a: np.linalg.norm(a, 2, (-2, -1)), "largest-"),
        ("norm", lambda a: np.linalg.norm(a, -2, (0, 1)), "smallest-"),
        ("norm", lambda a: np.linalg.norm(a, "nuc", (-1, -2)), "nuclear-"),
        ("matrix_norm", lambda a: np.linalg.matrix_norm(a, ord="nuc", keepdims=True), "nuclear-"),
        ("cond", np.linalg.cond, ""),
        ("cond", lambda a: np.linalg.cond(a, -2), "inverse-"),
    ):
        case(f"numpy.linalg.{_name}", _call, SV(*_shape), label=_kind + _label, **FACTORS)
    case("numpy.linalg.matrix_rank", np.linalg.matrix_rank, SV(*_shape), label=_label, **HOST)

for _n in (3, 4):
    case("numpy.linalg.eig", lambda a: tuple(np.linalg.eig(a)), E(_n, _n), label=f"real-{_n}", **FACTORS)
    case("numpy.linalg.eig", lambda a: tuple(np.linalg.eig(a)), E(_n, _n, rotation=True), label=f"pairs-{_n}", **FACTORS)
    case("numpy.linalg.eigvals", np.linalg.eigvals, E(_n, _n), label=f"real-{_n}", **FACTORS)
    case("numpy.linalg.eigvals", np.linalg.eigvals, E(_n, _n, rotation=True), label=f"pairs-{_n}", **FACTORS)
case("numpy.linalg.eig", lambda a: tuple(np.linalg.eig(a)), E(2, 3, 3), label="stack", **FACTORS)
case("numpy.linalg.eigvals", np.linalg.eigvals, E(2, 3, 3), label="stack", **FACTORS)


def without_rank(a, b, **kw):
    x, residuals, _, s = np.linalg.lstsq(a, b, **kw)
    return x, residuals, s


for _shape, _b in (((4, 2), R(4)), ((4, 2), R(4, 3)), ((2, 4), R(2)), ((3, 3), R(3, 1))):
    _label = f"{_shape[0]}x{_shape[1]}-{len(_b(np.random.default_rng(0)).shape)}-d"
    case("numpy.linalg.lstsq", without_rank, SV(*_shape), _b, label=_label, together="NumPy chooses one dtype", **FACTORS)
case(
    "numpy.linalg.lstsq",
    lambda a, b: without_rank(a, b, rcond=0.7),
    SV(4, 2),
    R(4),
    label="cut",
    together="NumPy chooses one dtype",
    **FACTORS,
)


def H(*shape):
    """Hermitian matrices with eigenvalues of both signs and distinct moduli."""

    def sample(rng):
        a = rng.uniform(-0.2, 0.2, shape)
        return a + np.swapaxes(a, -1, -2) + np.diag([-1.0, 2.0, 3.2, -4.5][: shape[-1]])

    def complexify(x, rng):
        b = rng.uniform(-0.2, 0.2, x.shape)
        return x + 1j * (b - np.swapaxes(b, -1, -2))

    sample.complexify = complexify
    return sample


for _shape in ((3, 3), (2, 4, 4)):
    _label = f"hermitian-{len(_shape)}-d"
    case("numpy.linalg.svd", lambda a: singular_vectors(a, hermitian=True), H(*_shape), label=_label, **FACTORS)
    case("numpy.linalg.svd", lambda a: np.linalg.svd(a, True, False, True), H(*_shape), label="values-" + _label, **FACTORS)
    case("numpy.linalg.pinv", lambda a: np.linalg.pinv(a, hermitian=True), H(*_shape), label=_label, **FACTORS)
    case("numpy.linalg.pinv", lambda a: np.linalg.pinv(a, 0.5, True), H(*_shape), label="cut-" + _label, **FACTORS)


def Q(*values):
    """Symmetric matrices with these eigenvalues; Hermitian if complex."""

    def around(q):
        a = (q * np.array(values)) @ q.conj().T
        return (a + a.conj().T) / 2

    def sample(rng):
        return around(np.linalg.qr(rng.normal(size=(len(values),) * 2))[0])

    def complexify(x, rng):
        return around(np.linalg.qr(rng.normal(size=x.shape) + 1j * rng.normal(size=x.shape))[0])

    sample.complexify = complexify
    return sample


def symmetric(a):
    return (a + np.swapaxes(a, -1, -2).conj()) / 2


def rebuilt(a):
    w, v = np.linalg.eigh(symmetric(a))
    return (v * w**3) @ v.conj().T


def rebuilt_from_singular(a):
    u, s, vh = np.linalg.svd(a)
    return (u * s**3) @ vh


for _values, _label in (((1.0, 2.0, 2.0), "repeated"), ((0.5, 2.0, 2.0 + 1e-9), "nearly-repeated")):
    for _name, _call, _kind in (
        ("eigvalsh", lambda a: np.sum(np.linalg.eigvalsh(symmetric(a)) ** 3), "sum"),
        ("eigh", rebuilt, "function"),
        ("svdvals", lambda a: np.sum(np.linalg.svdvals(a) ** 3), "sum"),
        ("svd", rebuilt_from_singular, "function"),
    ):
        case(f"numpy.linalg.{_name}", _call, Q(*_values), label=f"{_kind}-{_label}", **FACTORS)
