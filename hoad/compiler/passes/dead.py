"""Dead steps: those that neither a result nor a guard asks for."""

from __future__ import annotations

from hoad.compiler.steps import Steps

__all__ = ["remove_dead"]


def remove_dead(steps: Steps) -> Steps:
    """Leave out steps whose results nobody uses, and their slots.

    Notes
    -----
    One sweep from the last step to the first; a step of several results stays if one of them is used.
    """
    needed = steps.needed
    kept = []
    for step in reversed(steps.steps):
        for slot in step.outputs:
            if slot in needed:
                kept.append(step)
                needed.update([slot for _, slot in step.inputs])
                break
    if len(kept) == len(steps.steps):
        return steps
    kept.reverse()
    old = steps.specs
    specs = dict(enumerate(steps.inputs))
    specs.update((slot, old[slot]) for step in kept for slot in step.outputs if slot in old)
    return steps.with_steps(kept, specs=specs)
