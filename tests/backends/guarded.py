# ruff: noqa: E501  # tables of names
"""An array type that behaves as CuPy's does, made of a NumPy array, to find every silent transfer without a GPU.

It refuses conversion to NumPy, mixing with NumPy arrays (0-d ones too), functions and keywords that CuPy lacks, and what CuPy
allows but would wait for the device: ``bool``, ``float``, ``int``, ``item``, an index that is a host array.  Behaviour and
signatures were read in CuPy's sources (main, August 2026: cupy/_core/core.pyx, cupy/_core/_routines_indexing.pyx).
"""

from __future__ import annotations

import re
import weakref

import numpy as np

from hoad import backends

UFUNCS = {"absolute", "add", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "bitwise_and", "bitwise_count", "bitwise_or", "bitwise_xor", "cbrt", "ceil", "conjugate", "copysign", "cos", "cosh", "deg2rad", "degrees", "divide", "divmod", "equal", "exp", "exp2", "expm1", "fabs", "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "frexp", "gcd", "greater", "greater_equal", "heaviside", "hypot", "invert", "isfinite", "isinf", "isnan", "lcm", "ldexp", "left_shift", "less", "less_equal", "log", "log10", "log1p", "log2", "logaddexp", "logaddexp2", "logical_and", "logical_not", "logical_or", "logical_xor", "matmul", "maximum", "minimum", "modf", "multiply", "negative", "nextafter", "not_equal", "positive", "power", "rad2deg", "radians", "reciprocal", "remainder", "right_shift", "rint", "sign", "signbit", "sin", "sinh", "sqrt", "square", "subtract", "tan", "tanh", "trunc"}  # fmt: skip
METHODS = {
    "at": {"add", "subtract", "maximum", "minimum"},
    "reduce": {"add", "multiply"},
    "accumulate": {"add", "multiply"},
    "reduceat": {"add"},
}
SIGNATURES = {
    name: arguments.split()
    for name, arguments in re.findall(r"([\w.]+)\(([^)]*)\)", """
all(a axis out keepdims); allclose(a b rtol atol equal_nan); amax(a axis out keepdims); amin(a axis out keepdims); angle(z
deg); any(a axis out keepdims); append(arr values axis); apply_along_axis(func1d axis arr *); apply_over_axes(func a
axes); argmax(a axis dtype out keepdims); argmin(a axis dtype out keepdims); argpartition(a kth axis); argsort(a axis
kind); argwhere(a); around(a decimals out); array2string(a *); array_equal(a1 a2 equal_nan); array_equiv(a1 a2);
array_repr(arr max_line_width precision suppress_small); array_split(ary indices_or_sections axis); array_str(arr
max_line_width precision suppress_small); astype(x dtype copy device); atleast_1d(*); atleast_2d(*); atleast_3d(*);
average(a axis weights returned keepdims); bincount(x weights minlength); broadcast_arrays(*); broadcast_to(array shape);
can_cast(from_ to casting); choose(a choices out mode); clip(a a_min a_max out); column_stack(tup); common_type(*);
compress(condition a axis out); concatenate(tup axis out dtype casting); convolve(a v mode); copy(a order); copyto(dst src
casting where); corrcoef(a y rowvar bias ddof dtype); correlate(a v mode); count_nonzero(a axis); cov(a y rowvar bias ddof
fweights aweights dtype); cross(a b axisa axisb axisc axis); cumprod(a axis dtype out); cumsum(a axis dtype out);
cumulative_prod(x axis dtype out include_initial); cumulative_sum(x axis dtype out include_initial); delete(arr indices
axis); diag(v k); diag_indices_from(arr); diagflat(v k); diagonal(a offset axis1 axis2); diff(a n axis prepend append);
digitize(x bins right); dot(x y out); dsplit(ary indices_or_sections); dstack(tup); ediff1d(arr to_end to_begin); einsum(*
out optimize dtype order casting); empty_like(prototype dtype order subok shape); expand_dims(a axis); extract(condition
a); fft.fft(a n axis norm); fft.fft2(a s axes norm); fft.fftn(a s axes norm); fft.fftshift(x axes); fft.hfft(a n axis
norm); fft.ifft(a n axis norm); fft.ifft2(a s axes norm); fft.ifftn(a s axes norm); fft.ifftshift(x axes); fft.ihfft(a n
axis norm); fft.irfft(a n axis norm); fft.irfft2(a s axes norm); fft.irfftn(a s axes norm); fft.rfft(a n axis norm);
fft.rfft2(a s axes norm); fft.rfftn(a s axes norm); fill_diagonal(a val wrap); fix(x); flatnonzero(a); flip(a axis);
fliplr(a); flipud(a); full_like(a fill_value dtype order subok shape); gradient(f axis edge_order *); histogram(x bins
range density weights); histogram2d(x y bins range weights density); histogramdd(sample bins range weights density);
hsplit(ary indices_or_sections); hstack(tup dtype casting); i0(x); imag(val); inner(a b); interp(x xp fp left right
period); intersect1d(arr1 arr2 assume_unique return_indices); isclose(a b rtol atol equal_nan); iscomplex(x);
iscomplexobj(x); isin(element test_elements assume_unique invert); isneginf(x out); isposinf(x out); isreal(x);
isrealobj(x); ix_(*); kron(a b); lexsort(keys); linalg.cholesky(a); linalg.cond(x p); linalg.det(a); linalg.eig(a);
linalg.eigh(a UPLO); linalg.eigvals(a); linalg.eigvalsh(a UPLO); linalg.inv(a); linalg.lstsq(a b rcond); linalg.matmul(x1
x2); linalg.matrix_power(M n); linalg.matrix_rank(M tol); linalg.matrix_transpose(x); linalg.norm(x ord axis keepdims);
linalg.pinv(a rcond); linalg.qr(a mode); linalg.slogdet(a); linalg.solve(a b); linalg.svd(a full_matrices compute_uv);
linalg.tensorinv(a ind); linalg.tensorsolve(a b axes); linspace(start stop num endpoint retstep dtype axis);
logspace(start stop num endpoint base dtype axis); matrix_transpose(x); max(a axis out keepdims); may_share_memory(a b
max_work); mean(a axis dtype out keepdims); median(a axis out overwrite_input keepdims); meshgrid(*); min(a axis out
keepdims); min_scalar_type(a); moveaxis(a source destination); nan_to_num(x copy nan posinf neginf); nanargmax(a axis
dtype out keepdims); nanargmin(a axis dtype out keepdims); nancumprod(a axis dtype out); nancumsum(a axis dtype out);
nanmax(a axis out keepdims); nanmean(a axis dtype out keepdims); nanmedian(a axis out overwrite_input keepdims); nanmin(a
axis out keepdims); nanprod(a axis dtype out keepdims); nanstd(a axis dtype out ddof keepdims); nansum(a axis dtype out
keepdims); nanvar(a axis dtype out ddof keepdims); ndim(a); nonzero(a); ones_like(a dtype order subok shape); outer(a b
out); packbits(a axis bitorder); pad(* array pad_width mode); partition(a kth axis); percentile(a q axis out overwrite_input
method keepdims interpolation); piecewise(x condlist funclist); place(arr mask vals); poly(seq_of_zeros); polyadd(a1 a2);
polyfit(x y deg rcond full w cov); polymul(a1 a2); polysub(a1 a2); polyval(x c tensor); prod(a axis dtype out keepdims);
ptp(a axis out keepdims); put(a ind v mode); put_along_axis(arr indices values axis); putmask(a mask values); quantile(a q
axis out overwrite_input method keepdims interpolation); ravel(a order); ravel_multi_index(multi_index dims mode order);
real(val); real_if_close(a tol); repeat(a repeats axis); reshape(a newshape order copy); resize(a new_shape);
result_type(*); roll(a shift axis); rollaxis(a axis start); roots(p); rot90(a k axes); round(a decimals out); save(file
arr allow_pickle); savetxt(fname X *); savez(file *); savez_compressed(file *); searchsorted(a v side sorter);
select(condlist choicelist default); setdiff1d(ar1 ar2 assume_unique); setxor1d(ar1 ar2 assume_unique); shape(a);
shares_memory(a b max_work); sinc(x); size(a axis); sort(a axis kind); sort_complex(a); split(ary indices_or_sections
axis); squeeze(a axis); stack(tup axis out dtype casting); std(a axis dtype out ddof keepdims); sum(a axis dtype out
keepdims); swapaxes(a axis1 axis2); take(a indices axis out); take_along_axis(a indices axis); tensordot(a b axes); tile(A
reps); trace(a offset axis1 axis2 dtype out); transpose(a axes); trapezoid(y x dx axis); tril(m k); tril_indices_from(arr
k); trim_zeros(filt trim); triu(m k); triu_indices_from(arr k); union1d(arr1 arr2); unique(ar return_index return_inverse
return_counts axis equal_nan); unique_all(x); unique_counts(x); unique_inverse(x); unique_values(x); unpackbits(a axis
bitorder); unravel_index(indices dims order); unwrap(p discont axis period); vander(x N increasing); var(a axis dtype out
ddof keepdims); vdot(a b); vsplit(ary indices_or_sections); vstack(tup dtype casting); where(condition x y); zeros_like(a
dtype order subok shape)
""")
}  # fmt: skip


class HostError(TypeError):
    """What a device array must not do."""


def _inner(x):
    """The NumPy data of an argument; host arrays are refused."""
    if isinstance(x, Guarded):
        return x.data
    if isinstance(x, np.ndarray):
        raise HostError(f"a host array of shape {x.shape} met a device array")
    if isinstance(x, list | tuple):
        return type(x)(map(_inner, x))
    if isinstance(x, dict):
        return {k: _inner(v) for k, v in x.items()}
    return x


def _outer(y):
    """Results stay on the device, also 0-d ones."""
    if isinstance(y, np.ndarray | np.generic):
        return Guarded(np.asarray(y))
    if isinstance(y, tuple) and hasattr(y, "_fields"):
        return type(y)(*map(_outer, y))
    if isinstance(y, list | tuple):
        return type(y)(map(_outer, y))
    return y


def _holds_host(index):
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(p, np.ndarray | list) for p in parts)


_owners = weakref.WeakValueDictionary()


class Guarded:
    """A device array in disguise."""

    __array_priority__ = 100
    __hash__ = None

    def __init__(self, data):
        assert type(data) is np.ndarray, type(data)
        self.data = data
        if data.base is None:
            _owners[id(data)] = self

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        known = ufunc.__name__ in UFUNCS or ufunc.__name__ in _Special.NAMES
        if not known or (method in METHODS and ufunc.__name__ not in METHODS[method]):
            return NotImplemented  # CuPy has no such function
        for x in inputs:
            if not isinstance(x, Guarded | np.ndarray | np.generic | int | float | complex) and method != "at":
                return NotImplemented
        if out is not None:
            kwargs["out"] = tuple(map(_inner, out))
        result = getattr(ufunc, method)(*map(_inner, inputs), **kwargs)
        if method == "at":
            return None
        return _outer(result) if out is None else out[0]

    def __array_function__(self, func, types, args, kwargs):
        name = (func.__module__.partition(".")[2] + "." if func.__module__ in ("numpy.linalg", "numpy.fft") else "") + func.__name__
        allowed = SIGNATURES.get(name)
        if allowed is None or not all(issubclass(t, Guarded | np.ndarray) for t in types):
            return NotImplemented
        if "*" not in allowed:
            if len(args) > len(allowed) or not set(kwargs) <= set(allowed):
                raise TypeError(f"cupy.{name}({', '.join(allowed)}) got {len(args)} arguments and keywords {sorted(kwargs)}")
        if name == "where" and not hasattr(args[0], "astype"):
            raise HostError("cupy.where with a condition on the host")
        return _outer(func(*map(_inner, args), **_inner(kwargs)))

    # -- what would leave the device -------------------------------------------------------------------------------
    def _refuse(self, *args, **kwargs):
        raise HostError("implicit conversion of a device array to a host value")

    __array__ = __bool__ = __float__ = __int__ = __index__ = __complex__ = item = tolist = tobytes = _refuse

    # -- attributes ------------------------------------------------------------------------------------------------
    shape = property(lambda self: self.data.shape)
    dtype = property(lambda self: self.data.dtype)
    device = "guarded"

    @property
    def base(self):
        """The array whose memory this one looks at."""
        root = self.data
        while isinstance(root.base, np.ndarray):
            root = root.base
        return None if root is self.data else _owners.get(id(root))

    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    itemsize = property(lambda self: self.data.itemsize)
    nbytes = property(lambda self: self.data.nbytes)
    strides = property(lambda self: self.data.strides)
    flags = property(lambda self: self.data.flags)
    T = property(lambda self: Guarded(self.data.T))
    mT = property(lambda self: Guarded(self.data.mT))
    real = property(lambda self: Guarded(self.data.real))
    imag = property(lambda self: Guarded(self.data.imag))

    def __len__(self):
        return len(self.data)

    def __iter__(self):
        return map(_outer, self.data)

    def __repr__(self):
        return f"Guarded({self.data!r})"

    def __getitem__(self, index):
        if _holds_host(index):
            raise HostError("a device array indexed by a host array")
        return _outer(self.data[_inner(index)])

    def __setitem__(self, index, value):
        if _holds_host(index):
            raise HostError("a device array indexed by a host array")
        self.data[_inner(index)] = _inner(value)


def _method(name):
    return lambda self, *args, **kwargs: _outer(getattr(self.data, name)(*map(_inner, args), **_inner(kwargs)))


for _name in [
    "sum",
    "prod",
    "mean",
    "var",
    "std",
    "max",
    "min",
    "cumsum",
    "cumprod",
    "argmax",
    "argmin",
    "argsort",
    "all",
    "any",
    "nonzero",
    "clip",
    "round",
    "dot",
    "trace",
    "diagonal",
    "reshape",
    "transpose",
    "swapaxes",
    "ravel",
    "flatten",
    "squeeze",
    "repeat",
    "take",
    "compress",
    "astype",
    "conj",
    "conjugate",
    "copy",
    "sort",
    "partition",
    "ptp",
]:
    setattr(Guarded, _name, _method(_name))


def _operator(name):
    ufunc = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "floordiv": np.floor_divide, "mod": np.remainder,
        "pow": np.power, "matmul": np.matmul, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    }[name]  # fmt: skip

    def deferred(other):  # as CuPy: an array type with a higher priority and no __array_ufunc__ goes first
        return hasattr(other, "__array_priority__") and not hasattr(other, "__array_ufunc__")

    def forward(self, other):
        return NotImplemented if deferred(other) else ufunc(self, other)

    def backward(self, other):
        return ufunc(other, self)

    def inplace(self, other):
        return ufunc(self, other, out=(self,))

    return forward, backward, inplace


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"):
    _f, _r, _i = _operator(_name)
    setattr(Guarded, f"__{_name}__", _f)
    setattr(Guarded, f"__r{_name}__", _r)
    setattr(Guarded, f"__i{_name}__", _i)
for _name, _ufunc in {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}.items():  # fmt: skip
    setattr(Guarded, f"__{_name}__", lambda self, other, _ufunc=_ufunc: _ufunc(self, other))
for _name, _ufunc in {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}.items():
    setattr(Guarded, f"__{_name}__", lambda self, _ufunc=_ufunc: _ufunc(self))


class _Special:
    """The functions of cupyx.scipy.special that the registry uses."""

    NAMES = {
        "i0",
        "i0e",
        "i1",
        "i1e",
        "j0",
        "j1",
        "k0",
        "k0e",
        "k1",
        "k1e",
        "y0",
        "y1",
        "yn",
        "ndtr",
        "log_ndtr",
        "ndtri",
        "logit",
        "expit",
        "log_expit",
        "boxcox",
        "boxcox1p",
        "inv_boxcox",
        "inv_boxcox1p",
        "entr",
        "huber",
        "kl_div",
        "pseudo_huber",
        "rel_entr",
        "gamma",
        "gammaln",
        "gammasgn",
        "loggamma",
        "gammainc",
        "gammaincc",
        "gammaincinv",
        "gammainccinv",
        "beta",
        "betaln",
        "betainc",
        "betaincinv",
        "digamma",
        "psi",
        "rgamma",
        "polygamma",
        "multigammaln",
        "poch",
        "erf",
        "erfc",
        "erfcx",
        "erfinv",
        "erfcinv",
        "binom",
        "exp1",
        "expi",
        "expn",
        "softmax",
        "log_softmax",
        "zeta",
        "lambertw",
        "sici",
        "shichi",
        "cbrt",
        "exp10",
        "exp2",
        "log1p",
        "expm1",
        "exprel",
        "cosm1",
        "xlogy",
        "xlog1py",
        "logsumexp",
        "sinc",
        "ellipk",
        "ellipkm1",
        "ellipj",
        "ellipkinc",
        "ellipeinc",
        "bdtr",
        "chdtr",
        "fdtr",
        "gdtr",
        "pdtr",
    }

    def __getattr__(self, name):
        import scipy.special

        if name not in self.NAMES:
            raise AttributeError(f"cupyx.scipy.special has no {name}")
        native = getattr(scipy.special, name)
        return lambda *args, **kwargs: _outer(native(*map(_inner, args), **_inner(kwargs)))


def _asarray(x):
    return x if isinstance(x, Guarded) else Guarded(np.array(x))


def _scatter_add(array, index, values):
    if _holds_host(index):
        raise HostError("a device array indexed by a host array")
    np.add.at(array.data, _inner(index), _inner(values))


BACKEND = backends.Backend(
    name="guarded",
    asarray=_asarray,
    arange=lambda n: Guarded(np.arange(n)),
    to_host=lambda x: x.data if isinstance(x, Guarded) else np.asarray(x),
    synchronise=lambda: None,
    scatter_add=_scatter_add,
    special=_Special,
    address=lambda x: x.data.ctypes.data,
)
backends.register(Guarded, BACKEND)
