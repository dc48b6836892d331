"""scipy.optimize with traced values: solutions as implicit functions of the parameters of the functions that are solved."""

import scipy.optimize as _scipy_optimize

from hoad.rules.namespace import mirror as _mirror
from hoad.transforms.solvers import fits as _fits
from hoad.transforms.solvers import minima as _minima
from hoad.transforms.solvers import roots as _roots

_solvers = {
    **{f.__name__: f for f in (_roots.root, _roots.fsolve, _roots.fixed_point, _roots.root_scalar, _roots.newton)},
    **{name: _roots.bracketing(name) for name in ("brentq", "brenth", "ridder", "bisect", "toms748")},
    **{f.__name__: f for f in (_minima.minimize, _minima.minimize_scalar, _fits.least_squares, _fits.curve_fit)},
}

__getattr__, __dir__ = _mirror(_scipy_optimize, globals(), _solvers)
