"""Materials: stored energies, and incremental potentials with internal variables, each in a file of its own."""

from hoad.mechanics.materials.arruda_boyce import ArrudaBoyce
from hoad.mechanics.materials.base import Inelastic, Material
from hoad.mechanics.materials.conduction import AnisotropicConduction, Conduction
from hoad.mechanics.materials.crystal_slip import CrystalSlip, bunge_rotation
from hoad.mechanics.materials.damage import DegradedElastic
from hoad.mechanics.materials.gent import Gent, GentTwoDimensional
from hoad.mechanics.materials.holzapfel_gasser_ogden import HolzapfelGasserOgden
from hoad.mechanics.materials.hyperelastic import Hyperelastic
from hoad.mechanics.materials.incremental_potential import IncrementalPotential
from hoad.mechanics.materials.interpolated import SIMP, InelasticSIMP
from hoad.mechanics.materials.j2_plasticity import J2Plasticity
from hoad.mechanics.materials.linear import LinearElastic
from hoad.mechanics.materials.logarithmic_plasticity import LogarithmicJ2
from hoad.mechanics.materials.maxwell import GeneralisedMaxwell
from hoad.mechanics.materials.mooney_rivlin import MooneyRivlin
from hoad.mechanics.materials.neo_hooke import NeoHooke
from hoad.mechanics.materials.ogden import Ogden
from hoad.mechanics.materials.orthotropic import Orthotropic
from hoad.mechanics.materials.perzyna import Perzyna
from hoad.mechanics.materials.plane_stress import PlaneStress
from hoad.mechanics.materials.power_law import PowerLaw
from hoad.mechanics.materials.saint_venant_kirchhoff import StVenantKirchhoff
from hoad.mechanics.materials.triclinic import Triclinic
from hoad.mechanics.materials.yeoh import Yeoh

__all__ = [
    "SIMP",
    "AnisotropicConduction",
    "ArrudaBoyce",
    "Conduction",
    "CrystalSlip",
    "DegradedElastic",
    "GeneralisedMaxwell",
    "Gent",
    "GentTwoDimensional",
    "HolzapfelGasserOgden",
    "Hyperelastic",
    "IncrementalPotential",
    "Inelastic",
    "InelasticSIMP",
    "J2Plasticity",
    "LinearElastic",
    "LogarithmicJ2",
    "Material",
    "MooneyRivlin",
    "NeoHooke",
    "Ogden",
    "Orthotropic",
    "Perzyna",
    "PlaneStress",
    "PowerLaw",
    "StVenantKirchhoff",
    "Triclinic",
    "Yeoh",
    "bunge_rotation",
]
