"""Kinds of maps: each turns one declaration into the rules of every mode.

A function is declared once, with the constructor of its kind: :func:`constant`, :func:`elementwise`, :func:`contraction`,
:func:`linear`, :func:`jointly_linear`, :func:`multilinear`, :func:`selecting`, :func:`implicit`, :func:`composite`,
:func:`opaque`.
"""

from hoad.core.kinds.composite import composite
from hoad.core.kinds.elementwise import constant, contraction, elementwise
from hoad.core.kinds.implicit import implicit
from hoad.core.kinds.linear import jointly_linear, linear, multilinear
from hoad.core.kinds.opaque import opaque
from hoad.core.kinds.selecting import selecting

__all__ = [
    "composite",
    "constant",
    "contraction",
    "elementwise",
    "implicit",
    "jointly_linear",
    "linear",
    "multilinear",
    "opaque",
    "selecting",
]
