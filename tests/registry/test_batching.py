"""Batched evaluation is the loop, alone and together with derivatives, with all or only some arguments mapped."""

from hoad.testing import check_batching

from .harness import KNOWN, leaves, over, silent

# Their result has a shape or a Python type that depends on the values, so that it cannot be a batch.
UNBATCHABLE = {
    "numpy.nonzero", "numpy.flatnonzero", "numpy.allclose", "numpy.array_equal", "numpy.array_equiv", "numpy.empty_like",
    "numpy.unique", "numpy.unique_all", "numpy.unique_counts", "numpy.unique_inverse", "numpy.unique_values", "numpy.union1d",
    "numpy.intersect1d", "numpy.setdiff1d", "numpy.setxor1d", "numpy.argwhere", "numpy.trim_zeros",
}  # fmt: skip


@over(KNOWN, lambda c: c.name not in UNBATCHABLE and c.label != "bins=sturges")
def test_batch_is_the_loop(case):
    with silent():
        check_batching(lambda *xs: tuple(leaves(case(*xs))), case.point, alone=not case.together, rtol=1e-11 * case.tolerance)
