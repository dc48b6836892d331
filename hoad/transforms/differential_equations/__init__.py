"""Ordinary differential equations: solutions with derivatives of any order in every mode.

- flows.py: a differential equation as a primitive; its tangents and series are flows again.
- adjoint.py: its cotangents, by a flow backwards.
- clocks.py: derivatives with respect to times.
- integration.py: the calls of SciPy's solvers.
- odeint.py: what users call; initial_values.py, results.py and scipy_odeint.py: SciPy's functions.
"""

from hoad.transforms.differential_equations.odeint import odeint

__all__ = ["odeint"]
