"""Passes: each takes :class:`~hoad.compiler.steps.Steps` and gives others with the same results and not more work.

A pass is a function of one file; :data:`PASSES` has them in the order in which they are run.  It returns the same object if there
was nothing to do.  Each is one sweep or two, of a cost proportional to the number of steps.  Values are the same bit for bit,
signed zeros, NaN and infinities included, but for the roundings that ``powers``, ``algebra`` and ``products`` document.
Most passes also change which arrays are copies and which are views; then NumPy may add their elements in another order.  Those in
:data:`SAME_BITS` do not.
"""

from __future__ import annotations

from collections.abc import Callable

from hoad.compiler.passes.algebra import simplify_algebra
from hoad.compiler.passes.common import merge_common
from hoad.compiler.passes.constants import fold_constants, fold_in_order
from hoad.compiler.passes.copies import remove_copies
from hoad.compiler.passes.dead import remove_dead
from hoad.compiler.passes.pieces import read_pieces
from hoad.compiler.passes.powers import expand_powers
from hoad.compiler.passes.products import join_products
from hoad.compiler.passes.selections import simplify_selections
from hoad.compiler.passes.views import join_views
from hoad.compiler.steps import Steps

__all__ = ["PASSES", "SAME_BITS", "optimise"]

PASSES: tuple[Callable[[Steps], Steps], ...] = (
    remove_dead,
    fold_constants,
    expand_powers,
    merge_common,
    simplify_selections,
    remove_copies,
    join_views,
    read_pieces,
    simplify_algebra,
    join_products,
)
"""In this order; dead steps are removed again at the end."""

SAME_BITS = (remove_dead, fold_in_order, merge_common, join_views)
"""Passes after which NumPy gives the same bits in every result."""

QUICK = (remove_dead, merge_common)
"""What level 1 does."""

ROUNDS = 4
"""The most rounds at level 3."""

LONG, VERY_LONG = 20_000, 200_000
"""Numbers of steps beyond which the level is 2, and 1."""


def optimise(steps: Steps, level: int | None = None) -> Steps:
    """Run the passes.

    Parameters
    ----------
    steps : Steps
    level : int, optional
        0: nothing; 1: dead and common steps; 2: all passes once; 3: all passes until nothing changes, at most four times.
        Default: 3 up to 20,000 steps, 2 up to 200,000, 1 beyond, so that the time is proportional to the number of steps.

    Returns
    -------
    Steps
        With the same inputs, and the same number of outputs in the same order.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> from hoad.compiler.steps import Steps, spec_of
    >>> program = hoad.trace(lambda x: np.sin(1.0 * x) - x * -np.sin(x))(3.0)
    >>> specs = {slot: spec_of(value) for slot, value in program.values.items()}
    >>> steps = Steps((specs[0],), program.steps, program.outputs, specs=specs)
    >>> [step.primitive.name for step in optimise(steps).steps]
    ['sin', 'multiply', 'add']
    """
    if level is None:
        level = 3 if len(steps) <= LONG else 2 if len(steps) <= VERY_LONG else 1
    if level <= 0:
        return steps
    passes = QUICK if level == 1 else PASSES
    unchanged = 0
    for k in range(len(passes) * (ROUNDS if level >= 3 else 1)):
        run = passes[k % len(passes)]
        done = run(steps)
        unchanged = unchanged + 1 if done is steps else run is remove_dead  # which would change nothing when run again
        steps = done
        if unchanged == len(passes):
            break
    return remove_dead(steps)
