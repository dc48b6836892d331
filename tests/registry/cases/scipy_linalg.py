"""Cases: scipy.linalg."""

import numpy as np

import hoad.scipy.linalg as la

from .case import A1, LAPACK, SPD, P, R, W, case, uniform

S = uniform(-0.6, 0.6)
COMMON = {**LAPACK, "device": "SciPy computes on the host"}
SIGNS = {"double_only": "the signs of vectors, and the order of conjugate eigenvalues, differ between precisions"}



def lin(name, call, *args, **options):
    case(f"scipy.linalg.{name}", call, *args, **{**COMMON, **options})


# -- solves -----------------------------------------------------------------------------------------------------------------------

for _kind in (None, "gen", "sym", "her", "pos", "diagonal", "tridiagonal", "banded", "upper triangular", "lower triangular"):
    for _lower in (False, True):
        if _lower and _kind not in ("sym", "her", "pos"):
            continue
        _matrix = SPD(3, 3) if _kind in ("her", "pos") else W(3, 3)
        _hermitian = {"holomorphic": False} if _kind in ("her", "pos") else {}
        _options = {"real_only": "the values of a complex matrix decide which solver is taken"} if _kind == "banded" else {}
        lin("solve", lambda a, b, _k=_kind, _l=_lower: la.solve(a, b, assume_a=_k, lower=_l), _matrix, R(3), label=f"{_kind},lower={_lower}", **_hermitian, **_options)
lin("solve", lambda a, b: la.solve(a, b, transposed=True), W(3, 3), R(3, 2), label="transposed", real_only="SciPy does not transpose complex matrices", holomorphic=False)
lin("solve", la.solve, W(2, 3, 3), R(3, 2), label="stack")
lin("solve", la.solve, W(1, 1), R(3), label="one number")
for _trans in (0, 1, 2, "C"):
    for _lower, _unit in ((False, False), (True, False), (True, True)):
        lin("solve_triangular", lambda a, b, _kw={"trans": _trans, "lower": _lower, "unit_diagonal": _unit}: la.solve_triangular(a, b, **_kw), W(3, 3), R(3), label=f"{_trans},{_lower},{_unit}", holomorphic=_trans in (0, 1))
lin("solve_triangular", la.solve_triangular, W(2, 3, 3), R(3, 2), label="stack")


def band(lower, upper, n, dominant=4.0):
    """A band with a large main diagonal."""

    def sample(rng):
        ab = rng.uniform(-1, 1, (lower + upper + 1, n))
        ab[upper] += dominant
        return ab

    sample.complexify = lambda x, rng: x + 1j * rng.uniform(-0.4, 0.4, x.shape)
    return sample


for _l, _u in ((1, 2), (1, 1), (0, 1), (2, 0)):
    lin("solve_banded", lambda ab, b, _k=(_l, _u): la.solve_banded(_k, ab, b), band(_l, _u, 4), R(4), label=f"{_l},{_u}")
lin("solve_banded", lambda ab, b: la.solve_banded((1, 1), ab, b), band(1, 1, 4), R(4, 2), label="columns")
for _lower in (False, True):
    for _k in (1, 2):
        _ab = band(_k, 0, 4) if _lower else band(0, _k, 4)
        _ab = band(0, _k, 4) if not _lower else (lambda rng, _k=_k: band(0, _k, 4)(rng)[::-1].copy())
        lin("solveh_banded", lambda ab, b, _l=_lower: la.solveh_banded(ab, b, lower=_l), _ab, R(4), label=f"{_k},{_lower}", holomorphic=False)
        lin("cholesky_banded", lambda ab, _l=_lower: la.cholesky_banded(ab, lower=_l), _ab, label=f"{_k},{_lower}", holomorphic=False)
        lin("cho_solve_banded", lambda cb, b, _l=_lower: la.cho_solve_banded((cb, _l), b), _ab, R(4), label=f"{_k},{_lower}", holomorphic=False)
        lin("eig_banded", lambda ab, _l=_lower: phaseless(la.eig_banded(ab, lower=_l)), _ab, label=f"{_k},{_lower}", holomorphic=False)
        lin("eigvals_banded", lambda ab, _l=_lower: la.eigvals_banded(ab, lower=_l), _ab, label=f"{_k},{_lower}", holomorphic=False)


def phaseless(found):
    """Eigenvalues and the squared moduli of eigenvectors."""
    w, v = found
    return w, np.real(v * np.conj(v))


for _lower in (False, True):
    lin("cholesky", lambda a, _l=_lower: la.cholesky(a, lower=_l), SPD(3, 3), label=f"{_lower}", holomorphic=False)
    lin("cho_factor", lambda a, _l=_lower: la.cho_factor(a, lower=_l)[0], SPD(3, 3), label=f"{_lower}", holomorphic=False)
    lin("cho_solve", lambda c, b, _l=_lower: la.cho_solve((c, _l), b), W(3, 3), R(3), label=f"{_lower}", holomorphic=False)
lin("cho_solve", lambda c, b: la.cho_solve((c, True), b), W(2, 3, 3), R(3, 2), label="stack", holomorphic=False)
lin("cholesky", la.cholesky, SPD(2, 3, 3), label="stack", holomorphic=False)

lin("inv", la.inv, W(3, 3))
lin("inv", la.inv, W(2, 2, 2), label="stack")
lin("inv", lambda a: la.inv(a, assume_a="pos", lower=True), SPD(3, 3), label="pos", holomorphic=False)
lin("det", la.det, W(3, 3), double_only="SciPy's determinant of single precision is in double precision")
lin("det", la.det, W(2, 2, 2), label="stack", double_only="SciPy's determinant of single precision is in double precision")

# -- factors ---------------------------------------------------------------------------------------------------------------------------

for _shape in ((3, 3), (4, 2), (2, 4), (2, 3, 3)):
    lin("lu", lambda a: tuple(la.lu(a)[1:]), R(*_shape), label=f"{_shape}")
    lin("lu", lambda a: tuple(la.lu(a, permute_l=True)), R(*_shape), label=f"permuted,{_shape}")
lin("lu", lambda a: tuple(la.lu(a, p_indices=True)[1:]), R(3, 3), label="indices")
lin("lu_factor", lambda a: la.lu_factor(a)[0], R(3, 3))
lin("lu_factor", lambda a: la.lu_factor(a)[0], R(2, 3, 3), label="stack")
_PIVOTS = np.array([2, 2, 2], np.int32)
for _trans in (0, 1, 2):
    lin("lu_solve", lambda f, b, p, _t=_trans: la.lu_solve((f, p), b, trans=_t), W(3, 3), R(3), extra=(_PIVOTS,), label=f"{_trans}", holomorphic=_trans < 2)
lin("lu_solve", lambda a, b: la.lu_solve(la.lu_factor(a), b), R(2, 3, 3), R(3, 2), label="stack")


def indefinite(rng):
    """A symmetric matrix that needs a 2 x 2 block."""
    a = rng.uniform(-0.2, 0.2, (4, 4))
    return a + a.T + np.array([[0.1, 2.0, 0, 0], [2.0, 0.1, 0, 0], [0, 0, 3.0, 0.2], [0, 0, 0.2, -1.0]])


def _hermitian_part(x, rng):
    b = rng.uniform(-0.3, 0.3, x.shape)
    return x + 1j * (b - b.T)


indefinite.complexify = _hermitian_part
for _lower in (True, False):
    lin("ldl", lambda a, _l=_lower: tuple(la.ldl(a, lower=_l)[:2]), indefinite, label=f"{_lower}", holomorphic=False)
lin("ldl", lambda a: tuple(la.ldl(a, hermitian=False)[:2]), indefinite, label="symmetric")
lin("ldl", lambda a: tuple(la.ldl(np.stack([a, 2 * a]))[:2]), indefinite, label="stack", holomorphic=False)

for _shape in ((3, 3), (4, 2), (2, 4), (2, 3, 2)):
    for _mode in ("full", "economic", "r"):
        lin("qr", lambda a, _m=_mode: tuple(la.qr(a, mode=_m)), R(*_shape), label=f"{_mode},{_shape}", holomorphic=False)
    for _mode in ("full", "economic", "r"):
        lin("rq", lambda a, _m=_mode: la.rq(a, mode=_m), R(*_shape), label=f"{_mode},{_shape}", holomorphic=False)
for _shape in ((3, 3), (4, 2), (2, 4)):
    lin("qr", lambda a: tuple(la.qr(a, mode="raw")[0]), R(*_shape), label=f"raw,{_shape}", holomorphic=False)
    lin("qr", lambda a: tuple(la.qr(a, pivoting=True)[:2]), R(*_shape), label=f"pivoting,{_shape}", holomorphic=False)
for _mode, _c in (("right", (3, 4)), ("right", (4,)), ("left", (2, 3)), ("left", (2,))):
    for _conjugate in (False, True):
        lin("qr_multiply", lambda a, c, _m=_mode, _j=_conjugate: tuple(la.qr_multiply(a, c, _m, conjugate=_j)), R(4, 2), R(*_c), label=f"{_mode},{_c},{_conjugate}", holomorphic=False)
lin("qr_multiply", lambda a, c: tuple(la.qr_multiply(a, c, pivoting=True)[:2]), R(4, 2), R(4), label="pivoting", holomorphic=False)
for _shape in ((3, 3), (4, 2), (2, 4), (2, 2, 2)):
    for _side in ("right", "left"):
        lin("polar", lambda a, _s=_side: tuple(la.polar(a, _s)), R(*_shape), label=f"{_side},{_shape}", holomorphic=False, tolerance=2000.0)
lin("orthogonal_procrustes", lambda a, b: tuple(la.orthogonal_procrustes(a, b)), R(4, 3), R(4, 3), holomorphic=False, tolerance=2000.0)
lin("hessenberg", lambda a: tuple(la.hessenberg(a, calc_q=True)), R(4, 4), label="q", holomorphic=False)
lin("hessenberg", la.hessenberg, R(4, 4), holomorphic=False)


def distinct(rng):
    """Eigenvalues that are real and far apart."""
    return rng.uniform(-0.3, 0.3, (4, 4)) + np.diag([-2.0, -0.5, 1.0, 2.5])


distinct.complexify = lambda x, rng: x + 1j * rng.uniform(-0.3, 0.3, x.shape)
lin("schur", lambda a: tuple(la.schur(a)), distinct, real_only="the real form", holomorphic=False, **SIGNS)
lin("schur", lambda a: tuple(np.real(np.conj(x) * x) for x in la.schur(a, output="complex")), R(4, 4), label="complex", holomorphic=False)

for _shape in ((3, 3), (4, 2), (2, 4), (2, 3, 2)):
    lin("pinv", la.pinv, R(*_shape), label=f"{_shape}", holomorphic=False, tolerance=500.0)
lin("pinvh", la.pinvh, SPD(3, 3), label="lower", holomorphic=False)
lin("pinvh", lambda a: la.pinvh(a, lower=False), SPD(2, 3, 3), label="upper,stack", holomorphic=False)
for _shape, _b in (((4, 2), (4,)), ((4, 2), (4, 3)), ((2, 4), (2, 3)), ((3, 3), (3,))):
    for _driver in ("gelsd", "gelsy"):
        lin("lstsq", lambda a, b, _d=_driver: tuple(x for x in la.lstsq(a, b, lapack_driver=_d)[0:4:3] if x is not None), R(*_shape), R(*_b), label=f"{_driver},{_shape},{_b}", holomorphic=False, tolerance=500.0)
lin("lstsq", lambda a, b: la.lstsq(a, b)[1], R(4, 2), R(4, 3), label="residuals", holomorphic=False, tolerance=500.0)

# -- eigenvalues ------------------------------------------------------------------------------------------------------------------------


def H(*shape):
    """Symmetric matrices, Hermitian if complex, with eigenvalues far apart."""

    def sample(rng):
        a = rng.uniform(-0.3, 0.3, shape)
        return a + np.swapaxes(a, -1, -2) + np.diag(2.0 * np.arange(shape[-1]) - 1.5)

    def complexify(x, rng):
        b = rng.uniform(-0.3, 0.3, x.shape)
        return x + 1j * (b - np.swapaxes(b, -1, -2))

    sample.complexify = complexify
    return sample


for _lower in (True, False):
    lin("eigh", lambda a, _l=_lower: phaseless(la.eigh(a, lower=_l)), H(3, 3), label=f"{_lower}", holomorphic=False)
    lin("eigvalsh", lambda a, _l=_lower: la.eigvalsh(a, lower=_l), H(3, 3), label=f"{_lower}", holomorphic=False)
for _type in (1, 2, 3):
    lin("eigh", lambda a, b, _t=_type: phaseless(la.eigh(a, b, type=_t)), H(3, 3), SPD(3, 3), label=f"pair,{_type}", holomorphic=False, tolerance=500.0)
    lin("eigvalsh", lambda a, b, _t=_type: la.eigvalsh(a, b, type=_t), H(3, 3), SPD(3, 3), label=f"pair,{_type}", holomorphic=False, tolerance=500.0)
lin("eigh", lambda a: phaseless(la.eigh(a, subset_by_index=[1, 2])), H(4, 4), label="subset", holomorphic=False)
lin("eigh", lambda a: phaseless(la.eigh(a, subset_by_value=[-np.inf, 1.0])), H(4, 4), label="values", holomorphic=False)
lin("eigh", lambda a: phaseless(la.eigh(a)), H(2, 3, 3), label="stack", holomorphic=False)
lin("eigh", lambda a: la.eigh(a, eigvals_only=True, subset_by_index=[0, 1]), H(3, 3), label="subset of values", holomorphic=False)
for _kw in ({}, {"select": "i", "select_range": (1, 2)}, {"lapack_driver": "stebz"}):
    lin("eigh_tridiagonal", lambda d, e, _kw=_kw: phaseless(la.eigh_tridiagonal(d, e, **_kw)), lambda rng: 2.0 * np.arange(4) + rng.uniform(-0.3, 0.3, 4), P(3), label=f"{_kw}", holomorphic=False, real_only="real matrices only")
lin("eigvalsh_tridiagonal", la.eigvalsh_tridiagonal, lambda rng: 2.0 * np.arange(4) + rng.uniform(-0.3, 0.3, 4), P(3), holomorphic=False, real_only="real matrices only")
lin("eig", lambda a: tuple(la.eig(a)), distinct, holomorphic=False, **SIGNS)
lin("eig", lambda a: tuple(la.eig(a, left=True)), distinct, label="left", holomorphic=False, step=1e-3)
lin("eig", lambda a: tuple(la.eig(a, left=True, right=False)), W(3, 3), label="left alone", holomorphic=False, **SIGNS)
lin("eig", lambda a, b: phaseless(la.eig(a, b)), distinct, W(4, 4), label="pair", holomorphic=False, tolerance=500.0)
lin("eigvals", la.eigvals, R(3, 3), holomorphic=False)
lin("eigvals", la.eigvals, R(3, 3), W(3, 3), label="pair", holomorphic=False)
lin("eigvals", la.eigvals, R(2, 3, 3), label="stack", holomorphic=False)

# -- functions of matrices -----------------------------------------------------------------------------------------------------------------


def positive(*shape):
    """Eigenvalues off the negative real axis."""
    return lambda rng: rng.uniform(-0.5, 0.5, shape) + 2 * np.eye(shape[-1])


def repeatable(f):
    """SciPy's logm estimates norms with NumPy's global random numbers."""

    def seeded(*args):
        np.random.seed(0)
        return f(*args)

    return seeded


MATRIX = {"tolerance": 500.0}
BRANCHED = {"holomorphic": False}
"""Complex arguments are computed in another way, in which a tiny imaginary part is lost."""
for _shape in ((3, 3), (2, 2, 2)):
    for _name in ("expm", "coshm", "sinhm", "tanhm"):
        lin(_name, getattr(la, _name), S(*_shape), label=f"{len(_shape)}-d", **MATRIX)
    for _name in ("cosm", "sinm"):
        lin(_name, getattr(la, _name), S(*_shape), label=f"{len(_shape)}-d", **MATRIX, **BRANCHED)
    lin("tanm", la.tanm, uniform(-0.3, 0.3)(*_shape), label=f"{len(_shape)}-d", **MATRIX, **BRANCHED)
    for _name in ("logm", "sqrtm"):
        lin(_name, repeatable(getattr(la, _name)), positive(*_shape), label=f"{len(_shape)}-d", **MATRIX, **BRANCHED)
lin("expm", la.expm, lambda rng: np.triu(rng.uniform(-1, 1, (3, 3))), label="defective", **MATRIX)
lin("signm", la.signm, lambda rng: rng.uniform(-0.3, 0.3, (3, 3)) + np.diag([2.0, -2.0, 1.5]), **{**MATRIX, "double_only": "SciPy takes the size of the rounding from the largest entry, not its modulus"})
lin("expm_frechet", lambda a, e: tuple(la.expm_frechet(a, e)), S(3, 3), R(3, 3), **MATRIX)
lin("expm_frechet", lambda a, e: la.expm_frechet(a, e, compute_expm=False), S(3, 3), R(3, 3), label="alone", **MATRIX)
lin("fractional_matrix_power", repeatable(lambda a: la.fractional_matrix_power(a, 0.3)), positive(3, 3), label="root", in_double=True, **MATRIX, **BRANCHED)
lin("fractional_matrix_power", lambda a: la.fractional_matrix_power(a, -2), positive(3, 3), label="whole", **MATRIX)
lin("fractional_matrix_power", repeatable(la.fractional_matrix_power), positive(2, 2), uniform(0.2, 1.8)(), label="exponent", real_only="SciPy's exponent is real", holomorphic=False, **MATRIX)
lin("funm", lambda a: la.funm(a, lambda x: np.exp(x) * np.cos(x)), lambda rng: distinct(rng) / 2, **MATRIX)

# -- equations -------------------------------------------------------------------------------------------------------------------------------

lin("solve_sylvester", la.solve_sylvester, W(3, 3), W(2, 2), R(3, 2), holomorphic=False)
lin("solve_sylvester", la.solve_sylvester, W(2, 3, 3), W(2, 2), R(3, 2), label="stack", holomorphic=False)
for _name in ("solve_continuous_lyapunov", "solve_lyapunov"):
    lin(_name, getattr(la, _name), W(3, 3), R(3, 3), holomorphic=False)
for _method in (None, "direct", "bilinear"):
    lin("solve_discrete_lyapunov", lambda a, q, _m=_method: la.solve_discrete_lyapunov(a, q, method=_m), S(3, 3), R(3, 3), label=f"{_method}", holomorphic=False, tolerance=500.0)


def _h(x):
    return x + np.conj(np.swapaxes(x, -1, -2))


def mass(rng):
    """Well-conditioned, and of the size of the identity."""
    return np.eye(3) + rng.uniform(-0.2, 0.2, (3, 3))


RICCATI = {"holomorphic": False, "tolerance": 5000.0, "step": 5e-3}
for _name in ("solve_continuous_are", "solve_discrete_are"):
    _f = getattr(la, _name)
    lin(_name, lambda a, b, q, r, _f=_f: _f(a, b, _h(q), _h(r)), S(3, 3), R(3, 2), SPD(3, 3), SPD(2, 2), **RICCATI)
    lin(_name, lambda a, b, q, r, e, s, _f=_f: _f(a, b, _h(q), _h(r), e, s), S(3, 3), R(3, 2), SPD(3, 3), SPD(2, 2), mass, uniform(-0.05, 0.05)(3, 2), label="e,s", order=3, **RICCATI)
    lin(_name, lambda a, b, q, r, s, _f=_f: _f(a, b, _h(q), _h(r), s=s), S(3, 3), R(3, 2), SPD(3, 3), SPD(2, 2), uniform(-0.1, 0.1)(3, 2), label="s", order=3, **RICCATI)

# -- structured matrices ---------------------------------------------------------------------------------------------------------------------

SINGLE = {"double_only": "SciPy computes in double precision"}
lin("toeplitz", la.toeplitz, R(3), label="hermitian", holomorphic=False)
lin("toeplitz", la.toeplitz, R(3), R(4))
lin("toeplitz", la.toeplitz, R(2, 3), R(4), label="stack")
lin("hankel", la.hankel, R(3))
lin("hankel", la.hankel, R(3), R(4), label="row")
lin("circulant", la.circulant, R(4))
lin("circulant", la.circulant, R(2, 3), label="stack")
lin("companion", la.companion, A1(4))
lin("companion", la.companion, A1(2, 3), label="stack")
lin("leslie", la.leslie, R(4), R(3))
lin("fiedler", la.fiedler, lambda rng: rng.permutation(np.arange(4) * 0.5) + rng.uniform(-0.1, 0.1, 4), holomorphic=False, real_only="moduli of differences, not selecting for complex numbers")
for _n in (2, 3, 6, 7):
    lin("fiedler_companion", la.fiedler_companion, A1(_n), label=f"{_n}")
for _mode in ("full", "same", "valid"):
    for _n in (2, 5):
        lin("convolution_matrix", lambda a, _n=_n, _m=_mode: la.convolution_matrix(a, _n, _m), R(4), label=f"{_mode},{_n}")
lin("diagsvd", lambda s: la.diagsvd(s, 2, 4), R(2), label="wide")
lin("diagsvd", lambda s: la.diagsvd(s, 4, 2), R(2), label="tall")
lin("matmul_toeplitz", lambda c, r, x: la.matmul_toeplitz((c, r), x), R(3), R(4), R(4), **SINGLE, affine=True, holomorphic=False)
lin("matmul_toeplitz", lambda c, x: la.matmul_toeplitz(c, x), R(3), R(3, 2), label="hermitian", holomorphic=False, **SINGLE)
lin("matmul_toeplitz", lambda c, r, x: la.matmul_toeplitz((c, r), x), R(2, 3), R(4), R(4, 2), label="stack", **SINGLE, affine=True, holomorphic=False)


def dominant(*shape):
    def sample(rng):
        c = rng.uniform(-0.5, 0.5, shape)
        c[..., 0] += 4
        return c

    sample.complexify = lambda x, rng: x + 1j * rng.uniform(-0.3, 0.3, x.shape)
    return sample


lin("solve_toeplitz", lambda c, r, b: la.solve_toeplitz((c, r), b), dominant(3), S(3), R(3), **SINGLE)
lin("solve_toeplitz", lambda c, b: la.solve_toeplitz(c, b), dominant(3), R(3, 2), label="hermitian", holomorphic=False, **SINGLE)
lin("solve_circulant", la.solve_circulant, dominant(3), R(3), double_only="the transforms of NumPy keep single precision in part", holomorphic=False)
lin("solve_circulant", lambda c, b: la.solve_circulant(c, b, caxis=0, baxis=-1, outaxis=-1), dominant(3), R(2, 3), label="axes", double_only="the transforms of NumPy keep single precision in part", holomorphic=False)

# -- blocks -----------------------------------------------------------------------------------------------------------------------------------

lin("block_diag", la.block_diag, R(2, 3), R(2), R(1, 1))
lin("block_diag", la.block_diag, R(2, 2, 3), R(1, 2), label="stack")
lin("khatri_rao", la.khatri_rao, R(2, 3), R(4, 3))
for _kw in ({}, {"ord": 1}, {"ord": np.inf}, {"axis": 0}, {"axis": (0, 1), "ord": "fro"}, {"axis": -1, "keepdims": True}):
    lin("norm", lambda a, _kw=_kw: la.norm(a, **_kw), R(3, 4), label=f"{_kw}", holomorphic=False, step=2e-3)
lin("matrix_balance", lambda a: la.matrix_balance(a)[0], lambda rng: rng.uniform(1, 2, (3, 3)) * np.array([[1, 100, 1e4], [0.01, 1, 100], [1e-4, 0.01, 1]]))
lin("matrix_balance", lambda a: la.matrix_balance(a, separate=True)[0], R(3, 3), label="separate")
lin("svdvals", la.svdvals, R(3, 4), holomorphic=False)


def spread(found):
    """Singular values and the squared moduli of singular vectors."""
    u, s, vh = found
    return np.real(u * np.conj(u)), s, np.real(vh * np.conj(vh))


for _shape in ((3, 3), (4, 2), (2, 4), (2, 3, 2)):
    lin("svd", lambda a: spread(la.svd(a, full_matrices=False)), R(*_shape), label=f"thin,{_shape}", holomorphic=False, tolerance=500.0)
lin("svd", lambda a: spread(la.svd(a, lapack_driver="gesvd")), R(3, 3), label="full,gesvd", holomorphic=False, tolerance=500.0)
lin("svd", lambda a: la.svd(a, compute_uv=False), R(3, 2), label="values", holomorphic=False)
lin("subspace_angles", la.subspace_angles, R(4, 2), R(4, 2), holomorphic=False, tolerance=500.0)
lin("bandwidth", lambda a: la.bandwidth(a), R(3, 3))
for _name in ("issymmetric", "ishermitian"):
    lin(_name, lambda a, _f=getattr(la, _name): _f(a), R(3, 3))
