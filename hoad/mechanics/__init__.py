"""FFT homogenisation: stresses, tangents and every higher derivative of periodic cells from stored energies.

See the page *Mechanics* of the documentation.
"""

from hoad.mechanics import materials, tensors
from hoad.mechanics.cell import Cell
from hoad.mechanics.distributed import MPITransform
from hoad.mechanics.fracture import FractureSolution, SurfaceEnergy, fracture
from hoad.mechanics.grid import Grid
from hoad.mechanics.io.images import read_image
from hoad.mechanics.io.xdmf import FieldWriter
from hoad.mechanics.load import LoadPath, mixed_path, strain_path, stress_path
from hoad.mechanics.materials import *  # noqa: F403
from hoad.mechanics.materials import __all__ as _materials
from hoad.mechanics.problem import Problem
from hoad.mechanics.response.functional import Response
from hoad.mechanics.schemes import SCHEMES
from hoad.mechanics.solution import Solution
from hoad.mechanics.solve import solve

__all__ = [
    "SCHEMES",
    "Cell",
    "FieldWriter",
    "FractureSolution",
    "Grid",
    "LoadPath",
    "MPITransform",
    "Problem",
    "Response",
    "Solution",
    "SurfaceEnergy",
    "fracture",
    "materials",
    "mixed_path",
    "read_image",
    "solve",
    "strain_path",
    "stress_path",
    "tensors",
]
__all__ += _materials
