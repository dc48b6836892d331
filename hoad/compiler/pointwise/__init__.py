"""Functions that act at each point by themselves, run once on symbols and compiled into one loop over any number of points."""

from hoad.compiler.pointwise.kernel import PointwiseKernel

__all__ = ["PointwiseKernel"]
