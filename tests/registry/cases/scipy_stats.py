"""Cases: scipy.stats."""

import numpy as np

from hoad.scipy import stats

from .case import P, R, V, case, uniform

FLOAT = {"real_only": "distributions are real", "holomorphic": False, "in_double": True, "double_only": "SciPy returns float64"}
HOST = "SciPy's distributions compute on the host"

UNIT = uniform(0.2, 0.8)
SHAPES = {  # the variable within the support, and the shapes
    "beta": (UNIT, P, P), "cauchy": (R,), "chi2": (P, uniform(1.0, 4.0)), "expon": (P,), "f": (P, uniform(2.0, 5.0), uniform(2.0, 5.0)),
    "gamma": (P, P), "gennorm": (V([[-1.3, 0.7, 0.4], [1.1, -0.6, 2.0]]), uniform(0.8, 2.5)), "gumbel_l": (R,), "gumbel_r": (R,), "halfnorm": (P,),
    "invgamma": (P, P), "laplace": (V([[-1.3, 0.7, 0.4], [1.1, -0.6, 2.0]]),), "logistic": (R,), "lognorm": (P, P), "norm": (R,),
    "pareto": (uniform(1.2, 3.0), P), "rayleigh": (P,), "t": (R, uniform(1.0, 5.0)),
    "truncnorm": (UNIT, uniform(-1.0, -0.2), uniform(1.5, 2.5)), "uniform": (UNIT,), "vonmises": (uniform(-1.5, 1.5), P),
    "weibull_min": (P, P), "wrapcauchy": (uniform(0.3, 2.8), uniform(0.2, 0.7)),
}  # fmt: skip
SLOW = {"gamma", "chi2", "invgamma", "beta", "f", "t", "gennorm", "vonmises"}  # their distribution functions take series


def _sized(domain):
    return domain if domain.__code__.co_varnames[:1] == ("rng",) else domain(2, 3)


for _name, (_x, *_shapes) in SHAPES.items():
    for _kind in ("logpdf", "pdf", "cdf", "sf", "logcdf", "logsf"):
        _f = getattr(getattr(stats, _name), _kind)
        _o = {"order": 3} if _name in SLOW and _kind in ("cdf", "sf", "logcdf", "logsf") else {}
        case(f"scipy.stats.{_name}.{_kind}", _f, _sized(_x), *[s(3) for s in _shapes], device=HOST, **FLOAT, **_o)
    _near = {"beta", "uniform", "truncnorm"} & {_name}  # their support is short
    case(
        f"scipy.stats.{_name}.logpdf", lambda x, *p, _f=getattr(stats, _name).logpdf: _f(x, *p[:-2], loc=p[-2], scale=p[-1]),
        _sized(_x), *[s(3) for s in _shapes], V([0.1, 0.05, 0.02] if not _near else [0.01, 0.0, -0.1]), V([0.9, 0.8, 1.1] if not _near else [1.2, 1.0, 1.3]),
        label="loc-scale", device=HOST, **FLOAT,
    )  # fmt: skip
_K = np.array([[0.0, 1.0, 3.0], [2.0, 1.0, 0.0]])
for _name, _parameters, _counts, _extra in (
    ("poisson", (P(3),), _K, ()), ("bernoulli", (UNIT(3),), _K % 2, ()), ("geom", (UNIT(3),), _K + 1, ()),
    ("nbinom", (P(3), UNIT(3)), _K, ()), ("binom", (UNIT(3),), _K, (5,)), ("betabinom", (P(3), P(3)), _K, (5,)),
):  # fmt: skip
    for _kind in ("logpmf", "pmf", "cdf", "sf", "logcdf", "logsf"):
        _f = getattr(getattr(stats, _name), _kind)
        _shifted = np.zeros(3) if _name == "bernoulli" and _kind in ("logcdf", "logsf") else _counts  # else 0 = log 1, or log 0
        case(
            f"scipy.stats.{_name}.{_kind}", lambda *p, _f=_f, _k=_shifted, _e=_extra: _f(_k, *_e, *p), *_parameters,
            device=HOST, order=3, **FLOAT,
        )  # fmt: skip


def covariance(rng):
    a = rng.uniform(-1, 1, (3, 3))
    return a @ a.T + 2 * np.eye(3)


for _kind in ("logpdf", "pdf"):
    _f = getattr(stats.multivariate_normal, _kind)
    case(f"scipy.stats.multivariate_normal.{_kind}", _f, R(4, 3), R(3), covariance, device=HOST, tolerance=50.0, **FLOAT)
    case(f"scipy.stats.multivariate_normal.{_kind}", _f, R(3), R(3), covariance, label="one", device=HOST, tolerance=50.0, **FLOAT)
    case(f"scipy.stats.multivariate_normal.{_kind}", lambda x, c, _f=_f: _f(x, cov=c), R(4), P(), label="one-variable", device=HOST, **FLOAT)
    case(f"scipy.stats.multivariate_normal.{_kind}", lambda x, c, _f=_f: _f(x, np.zeros(3), c), R(4, 3), P(3), label="diagonal", device=HOST, **FLOAT)
    _f = getattr(stats.dirichlet, _kind)
    for _label, _x in (("all", [0.2, 0.3, 0.5]), ("but-the-last", [0.2, 0.3])):
        case(f"scipy.stats.dirichlet.{_kind}", lambda a, _f=_f, _x=_x: _f(np.array(_x), a), P(3), label=_label, device=HOST, **FLOAT)
    case(f"scipy.stats.dirichlet.{_kind}", _f, V([[0.2, 0.1], [0.3, 0.6]]), P(3), label="points", device=HOST, **FLOAT)
case("scipy.stats.multivariate_normal.entropy", lambda c: stats.multivariate_normal.entropy(None, c), covariance, device=HOST, **FLOAT)
for _kind in ("logpmf", "pmf"):
    case(
        f"scipy.stats.multinomial.{_kind}", lambda p, _f=getattr(stats.multinomial, _kind): _f(np.array([1, 2, 2]), 5, np.append(p, 1 - np.sum(p))),
        V([0.2, 0.3]), device=HOST, **FLOAT,
    )  # fmt: skip

# -- descriptive statistics ----------------------------------------------------------------------------------------------------

for _name in ("gmean", "hmean", "gstd", "gzscore", "sem", "variation", "skew", "kurtosis", "moment", "zscore"):
    _f = getattr(stats, _name)
    for _kw in ({}, {"axis": 1}) if _name == "gzscore" else ({}, {"axis": 1}, {"axis": None}):
        _kw = {**_kw, "order": 3} if _name == "moment" else _kw
        _label = ",".join(f"{k}={v}" for k, v in _kw.items())
        case(f"scipy.stats.{_name}", lambda x, _f=_f, _kw=_kw: _f(x, **_kw), P(4, 5), label=_label, device=HOST, **FLOAT)
for _name, _kw in (
    ("skew", {"bias": False}), ("kurtosis", {"bias": False, "fisher": False}), ("sem", {"ddof": 0, "keepdims": True}), ("variation", {"ddof": 1}),
    ("moment", {"order": 2, "center": 0.5}), ("trim_mean", {"proportiontocut": 0.25}), ("trim_mean", {"proportiontocut": 0.1, "axis": None}),
    ("iqr", {}), ("iqr", {"axis": 0, "rng": (10, 80), "scale": 1.5}), ("median_abs_deviation", {}), ("median_abs_deviation", {"axis": 1, "scale": 2.0}),
    ("circmean", {}), ("circmean", {"axis": 0, "high": 3.0, "low": -1.0}), ("circvar", {"axis": 1}), ("circstd", {}), ("circstd", {"axis": 1, "normalize": True}),
    ("entropy", {}), ("entropy", {"axis": 1, "base": 2.0}),
):  # fmt: skip
    _label = ",".join(f"{k}={v}" for k, v in _kw.items()) + "*"
    case(f"scipy.stats.{_name}", lambda x, _f=getattr(stats, _name), _kw=_kw: _f(x, **_kw), P(4, 5), label=_label.replace(" ", ""), step=1e-3, device=HOST, **FLOAT)
for _name in ("gmean", "hmean"):
    case(f"scipy.stats.{_name}", lambda x, w, _f=getattr(stats, _name): _f(x, weights=w), P(4, 3), P(4, 3), label="weights", device=HOST, **FLOAT)
case(  # SciPy takes an exponent that is a float
    "scipy.stats.pmean", lambda x, p: stats.pmean(x, float(p) if isinstance(p, np.ndarray | np.generic) else p), P(4, 3), P(), device=HOST, **FLOAT
)
case("scipy.stats.pmean", lambda x, w: stats.pmean(x, 2.5, weights=w, axis=1), P(4, 3), P(4, 3), label="weights", device=HOST, **FLOAT)
case("scipy.stats.zmap", stats.zmap, P(4, 3), P(5, 3), device=HOST, **FLOAT)
case("scipy.stats.entropy", stats.entropy, P(4, 3), P(4, 3), label="relative", device=HOST, **FLOAT)
case("scipy.stats.boxcox", stats.boxcox, P(5), P(), device=HOST, **FLOAT)
case("scipy.stats.yeojohnson", stats.yeojohnson, V([-1.3, 0.7, 0.4, 1.1, -0.6]), P(), device=HOST, **FLOAT)
case("scipy.stats.boxcox_llf", stats.boxcox_llf, P(), P(5), device=HOST, **FLOAT)
case("scipy.stats.yeojohnson_llf", stats.yeojohnson_llf, P(), V([-1.3, 0.7, 0.4, 1.1, -0.6]), device=HOST, **FLOAT)
