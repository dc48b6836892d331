# a table: one case, one line where it fits
"""Cases: functions that update their first argument, views that are written, parts of complex numbers."""

import numpy as np

from .case import ASSIGNS, MASK, R, case


def _updated(update):
    def f(x, v, *extra):
        y = x.copy()
        update(y, v, *extra)
        return y

    return f


HOST = {"together": ASSIGNS, "device": "CuPy's version has other keywords"}
case("numpy.copyto", _updated(lambda y, v: np.copyto(y, v)), R(2, 3), R(3), **HOST)
case("numpy.copyto", _updated(lambda y, v, m: np.copyto(y, v, where=m)), R(2, 3), R(2, 3), label="where", extra=(MASK,), **HOST)
case("numpy.put", _updated(lambda y, v: np.put(y, [0, 4, 4], v)), R(2, 3), R(3), **HOST)
case("numpy.put", _updated(lambda y, v: np.put(y, [-1, 7], v, mode="wrap")), R(2, 3), R(1), label="wrap", **HOST)
case("numpy.put", _updated(lambda y, v: np.put(y, [-3, 9], v, mode="clip")), R(2, 3), R(2), label="clip", **HOST)
case("numpy.putmask", _updated(lambda y, v, m: np.putmask(y, m, v)), R(2, 3), R(2), extra=(MASK,), **HOST)
case("numpy.place", _updated(lambda y, v, m: np.place(y, m, v)), R(2, 3), R(2), extra=(MASK,), **HOST)
case("numpy.put_along_axis", _updated(lambda y, v, i: np.put_along_axis(y, i, v, 1)), R(2, 3), R(2, 1), extra=(np.array([[1], [0]]),), **HOST)
case("numpy.put_along_axis", _updated(lambda y, v, i: np.put_along_axis(y, i, v, None)), R(5), R(2), label="flat", extra=(np.array([1, 0]),), **HOST)
case("numpy.fill_diagonal", _updated(lambda y, v: np.fill_diagonal(y, v)), R(3, 2), R(), **HOST)
case("numpy.fill_diagonal", _updated(lambda y, v: np.fill_diagonal(y, v, wrap=True)), R(7, 2), R(3), label="wrap", **HOST)
case("numpy.fill_diagonal", _updated(lambda y, v: np.fill_diagonal(y, v)), R(2, 2, 2), R(2), label="3-d", **HOST)


def _parts(x, v):
    z = x * (1 + 0.5j)
    z.real[0] *= 2
    z.imag[...] = z.imag + v
    return np.real(z), np.imag(z)


case("numpy.imag", _parts, R(2, 3), R(3), label="written", real_only="it makes complex numbers of real ones", holomorphic=False, in_double=True, together=ASSIGNS)
