"""Cases: elliptic integrals and functions, hypergeometric functions, Legendre functions, orthogonal polynomials, and those of
Mathieu, spheroids and parabolic cylinders."""

from scipy import special

from hoad.scipy import special as hs

from .bessel_family import IN_DOUBLE, one, several
from .case import P, R, uniform

ENDLESS = "SciPy's float32 version does not return"
NAN = "SciPy's float32 version gives NaN"
U = uniform(0.1, 0.9)
W = uniform(-0.9, 0.9)

for _name in ("ellipk", "ellipe"):
    one(_name, getattr(special, _name), W(2, 3))
one("ellipkm1", special.ellipkm1, U(2, 3))
for _name in ("ellipkinc", "ellipeinc"):
    one(_name, getattr(special, _name), uniform(-1.4, 1.4)(2, 3), uniform(-0.8, 0.8)(3))
    one(_name, getattr(special, _name), uniform(4.0, 7.0)(2, 3), uniform(-0.8, 0.6)(3), label="beyond")
one("elliprc", special.elliprc, P(2, 3), P(3), real_only="")
for _name in ("elliprf", "elliprd", "elliprg"):
    one(_name, getattr(special, _name), P(2, 3), P(3), P(3), real_only="")
one("elliprj", special.elliprj, P(3), P(3), P(3), P(3), real_only="", order=2)
several("ellipj", special.ellipj, R(2, 3), U(3), order=2)

one("hyp0f1", special.hyp0f1, P(2, 3), R(3))
one("hyp0f1", lambda z: special.hyp0f1(1.5, z), R(2, 3), label="z", real_only="")
one("hyp1f1", special.hyp1f1, P(3), P(3), uniform(-4.0, 3.0)(3), tolerance=10.0, order=2)
one("hyp1f1", lambda z: special.hyp1f1(0.7, 1.5, z), R(2, 3), label="z", real_only="")
one("hyp2f1", special.hyp2f1, P(3), P(3), uniform(1.0, 3.0)(3), uniform(-0.6, 0.6)(3), tolerance=10.0, order=2)
one("hyp2f1", lambda z: special.hyp2f1(0.7, 1.5, 2.2, z), uniform(-0.7, 0.7)(2, 3), label="z")
one("hyperu", lambda x: special.hyperu(0.7, 1.5, x), P(2, 3), tolerance=10.0)

for _name in (
    "eval_legendre", "eval_chebyt", "eval_chebyu", "eval_chebyc", "eval_chebys", "eval_sh_legendre", "eval_sh_chebyt",
    "eval_sh_chebyu", "eval_laguerre",
):  # fmt: skip
    _domain = U if "sh_" in _name else W
    one(_name, lambda x, _f=getattr(special, _name): _f(4, x), _domain(2, 3), double_only=IN_DOUBLE)
    one(_name, lambda x, _f=getattr(special, _name): _f(2.5, x), _domain(2, 3), label="real degree", tolerance=10.0)
for _name in ("eval_hermite", "eval_hermitenorm"):
    one(_name, lambda x, _f=getattr(special, _name): _f(4, x), R(2, 3), double_only=IN_DOUBLE)
one("eval_jacobi", lambda a, b, x: special.eval_jacobi(4, a, b, x), P(3), P(3), W(2, 3), double_only=IN_DOUBLE)
one("eval_jacobi", lambda x: special.eval_jacobi(2.5, 0.3, 1.2, x), W(2, 3), label="real degree", tolerance=10.0)
one("eval_sh_jacobi", lambda x: special.eval_sh_jacobi(4, 2.5, 1.2, x), U(2, 3), double_only=IN_DOUBLE)
one("eval_gegenbauer", lambda a, x: special.eval_gegenbauer(4, a, x), P(3), W(2, 3), double_only=IN_DOUBLE)
one("eval_genlaguerre", lambda a, x: special.eval_genlaguerre(4, a, x), P(3), R(2, 3), double_only=IN_DOUBLE)
one("assoc_laguerre", lambda x: hs.assoc_laguerre(x, 4, 1.5), R(2, 3), double_only=IN_DOUBLE)

one("lpmv", lambda x: special.lpmv(1, 3.5, x), W(2, 3), tolerance=10.0)
one("lpmv", lambda x: special.lpmv(-2, 2, x), W(2, 3), label="negative order")
several("legendre_p", lambda x: hs.legendre_p(4, x, diff_n=1), W(2, 3), double_only=IN_DOUBLE)
several("legendre_p_all", lambda x: hs.legendre_p_all(4, x), W(2, 3), double_only=IN_DOUBLE)
several("sph_legendre_p", lambda t: hs.sph_legendre_p(4, 2, t, diff_n=1), P(2, 3), double_only=IN_DOUBLE)
several("sph_legendre_p_all", lambda t: hs.sph_legendre_p_all(3, 2, t), P(2, 3), double_only=IN_DOUBLE)
several("assoc_legendre_p", lambda x: hs.assoc_legendre_p(4, 2, x), W(2, 3), double_only=IN_DOUBLE)
several("assoc_legendre_p", lambda x: hs.assoc_legendre_p(4, 3, x, norm=True), W(2, 3), label="norm", double_only=IN_DOUBLE)
several("assoc_legendre_p_all", lambda x: hs.assoc_legendre_p_all(3, 2, x), W(2, 3), double_only=IN_DOUBLE)
one("sph_harm_y", lambda t, p: hs.sph_harm_y(3, 2, t, p), P(2, 3), R(3), double_only=IN_DOUBLE)
several("sph_harm_y_all", lambda t, p: hs.sph_harm_y_all(3, 2, t, p), P(3), R(3), double_only=IN_DOUBLE)

several("pbdv", lambda x: special.pbdv(1.5, x), R(2, 3))
several("pbvv", lambda x: special.pbvv(1.5, x), R(2, 3))
several("pbwa", lambda x: special.pbwa(1.5, x), R(2, 3))
for _name in ("mathieu_a", "mathieu_b"):
    for _m in (1, 2):
        one(_name, lambda q, _f=getattr(special, _name), _m=_m: _f(_m, q), P(2, 3), label=f"m={_m}", tolerance=100.0)
for _name in ("mathieu_cem", "mathieu_sem"):
    several(_name, lambda x, _f=getattr(special, _name): _f(2, 1.5, x), uniform(10.0, 80.0)(2, 3), tolerance=100.0, double_only=NAN)
for _name in ("mathieu_modcem1", "mathieu_modcem2", "mathieu_modsem1", "mathieu_modsem2"):
    several(_name, lambda x, _f=getattr(special, _name): _f(2, 1.5, x), uniform(0.2, 0.8)(2, 3), tolerance=100.0, double_only=NAN)
for _name in ("pro_ang1", "obl_ang1"):
    several(_name, lambda x, _f=getattr(special, _name): _f(1, 2, 1.5, x), W(2, 3), tolerance=100.0, double_only=ENDLESS)
    _cv = float(getattr(special, _name[:3] + "_cv")(1, 2, 1.5))
    several(
        _name + "_cv",
        lambda x, _f=getattr(special, _name + "_cv"), _cv=_cv: _f(1, 2, 1.5, _cv, x),
        W(2, 3),
        tolerance=100.0,
        double_only=NAN,
    )
for _kind, _domain in (("pro", uniform(1.2, 2.0)), ("obl", uniform(0.3, 1.5))):
    _name = f"{_kind}_rad1"
    several(_name, lambda x, _f=getattr(special, _name): _f(1, 2, 1.5, x), _domain(2, 3), tolerance=100.0, double_only=ENDLESS)
    _cv = float(getattr(special, f"{_kind}_cv")(1, 2, 1.5))
    several(
        _name + "_cv",
        lambda x, _f=getattr(special, _name + "_cv"), _cv=_cv: _f(1, 2, 1.5, _cv, x),
        _domain(2, 3),
        tolerance=100.0,
        double_only=NAN,
    )
