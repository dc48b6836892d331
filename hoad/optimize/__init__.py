"""Optimisation with exact derivatives: forward gradients, hyperplane search, first- and second-order methods."""

from hoad.optimize import schedules
from hoad.optimize.adagrad import adagrad
from hoad.optimize.adam import adam, adamw
from hoad.optimize.ask_tell import AskTell
from hoad.optimize.chain import chain
from hoad.optimize.clipping import clip, clip_by_global_norm
from hoad.optimize.containers import apply_updates, global_norm
from hoad.optimize.descent import descend
from hoad.optimize.estimators import curvature_matrix, forward_gradient
from hoad.optimize.fomoh import fomoh, fomoh_bp
from hoad.optimize.forward_descent import fgd
from hoad.optimize.gauss_newton import gauss_newton, levenberg_marquardt
from hoad.optimize.hessian_free import hessian_free
from hoad.optimize.hyperplane import fomoh_kd, hyperplane_search
from hoad.optimize.lbfgs import lbfgs
from hoad.optimize.lion import lion
from hoad.optimize.method import OPTIMISERS, Method, Report, State, Transform
from hoad.optimize.minimize import minimize
from hoad.optimize.natural_gradient import natural_gradient
from hoad.optimize.newton_cg import newton_cg
from hoad.optimize.result import Result, RunState
from hoad.optimize.rmsprop import rmsprop
from hoad.optimize.sgd import sgd
from hoad.optimize.systems import least_squares, root
from hoad.optimize.trust_region import trust_region
from hoad.optimize.weight_decay import add_decayed_weights

__all__ = [
    "OPTIMISERS",
    "AskTell",
    "Method",
    "Report",
    "Result",
    "RunState",
    "State",
    "Transform",
    "adagrad",
    "adam",
    "adamw",
    "add_decayed_weights",
    "apply_updates",
    "chain",
    "clip",
    "clip_by_global_norm",
    "curvature_matrix",
    "descend",
    "fgd",
    "fomoh",
    "fomoh_bp",
    "fomoh_kd",
    "forward_gradient",
    "gauss_newton",
    "global_norm",
    "hessian_free",
    "hyperplane_search",
    "lbfgs",
    "least_squares",
    "levenberg_marquardt",
    "lion",
    "minimize",
    "natural_gradient",
    "newton_cg",
    "rmsprop",
    "root",
    "schedules",
    "sgd",
    "trust_region",
]
