"""Materials: stored energies, and incremental potentials with internal variables, each in a file of its own."""

from hoad.mechanics.materials.arruda_boyce import ArrudaBoyce
from hoad.mechanics.materials.base import Inelastic, Material
from hoad.mechanics.materials.conduction import AnisotropicConduction, Conduction
from hoad.mechanics.materials.gent import Gent, GentTwoDimensional
from hoad.mechanics.materials.holzapfel_gasser_ogden import HolzapfelGasserOgden
from hoad.mechanics.materials.linear import LinearElastic
from hoad.mechanics.materials.mooney_rivlin import MooneyRivlin
from hoad.mechanics.materials.neo_hooke import NeoHooke
from hoad.mechanics.materials.orthotropic import Orthotropic
from hoad.mechanics.materials.power_law import PowerLaw
from hoad.mechanics.materials.saint_venant_kirchhoff import StVenantKirchhoff
from hoad.mechanics.materials.triclinic import Triclinic
from hoad.mechanics.materials.yeoh import Yeoh

__all__ = [
    "AnisotropicConduction",
    "ArrudaBoyce",
    "Conduction",
    "Gent",
    "GentTwoDimensional",
    "HolzapfelGasserOgden",
    "Inelastic",
    "LinearElastic",
    "Material",
    "MooneyRivlin",
    "NeoHooke",
    "Orthotropic",
    "PowerLaw",
    "StVenantKirchhoff",
    "Triclinic",
    "Yeoh",
]
