"""Control flow: loops, the order in which their steps are reversed, and solutions of equations found by iteration."""

from hoad.transforms.control.linear_systems import linear_solve
from hoad.transforms.control.loops import fori_loop, scan, while_loop
from hoad.transforms.control.revolve import revolve_schedule
from hoad.transforms.control.roots import fixed_point, root

__all__ = ["fixed_point", "fori_loop", "linear_solve", "revolve_schedule", "root", "scan", "while_loop"]
