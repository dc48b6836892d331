"""Solvers of SciPy as implicit functions of their parameters.

- solution.py: what a solver returned as a primitive of the parameters of its functions.
- roots.py: equations; minima.py: minimisation; fits.py: least squares.

The numbers are the solver's, which runs once on plain arrays.  Derivatives are those of the exact solution of the equations that
it solves, by the implicit function theorem: how the solver found it does not matter.
"""
