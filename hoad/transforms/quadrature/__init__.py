"""Integrals of functions with derivatives in parameters and limits.

- integral.py: an integral as a primitive.
- one_variable.py: quad, quad_vec, fixed_quad; several_variables.py: dblquad, tplquad, nquad.
"""

from hoad.transforms.quadrature.one_variable import fixed_quad, quad, quad_vec
from hoad.transforms.quadrature.several_variables import dblquad, nquad, tplquad

__all__ = ["dblquad", "fixed_quad", "nquad", "quad", "quad_vec", "tplquad"]
