"""Binomial checkpointing: in which order to store, repeat and reverse the steps of a loop with a given number of stored states.

Source: Griewank (1992), Optimization Methods and Software 1, 35-54; Griewank & Walther (2000), Algorithm 799: revolve,
ACM Transactions on Mathematical Software 26, 19-45.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
from typing import NamedTuple

__all__ = ["Action", "actions", "revolve_schedule"]


class Action(NamedTuple):
    """One action on the states of a loop; state k is what goes into step k.

    Attributes
    ----------
    kind : {"store", "restore", "advance", "reverse", "free"}
        Keep the current state; make a stored state the current one; take steps from the current state without recording
        them; record one step and run its reverse sweep; forget a stored state.
    step : int
        Number of the current state before the action, or of the state that is restored or freed.
    stop : int
        Number of the current state after the action (``stop - step`` steps are taken by "advance").
    """

    kind: str
    step: int
    stop: int


def reach(states: int, repetitions: int) -> int:
    """The largest number of steps that can be reversed with so many states if no step is repeated more often."""
    return comb(states + repetitions, states)


def _repetitions(length: int, states: int) -> int:
    """The smallest r with reach(states, r) >= length."""
    r = 0
    while reach(states, r) < length:
        r += 1
    return r


def split(length: int, states: int) -> int:
    """How far an optimal schedule advances before it stores the next state.

    With r repetitions the steps before that state can be reversed with all states and r - 1 further repetitions, those behind it
    with one state less and r repetitions; any split within both reaches is optimal.
    """
    r = _repetitions(length, states)
    return max(length - reach(states - 1, r), reach(states, r - 2) if r > 1 else 1, 1)


def actions(length: int, states: int) -> Iterator[Action]:
    """The actions that reverse a loop, one at a time."""
    if length < 1:
        return
    yield Action("store", 0, 0)
    current = 0
    waiting = [(0, length, states)]
    while waiting:
        first, end, left = waiting.pop()
        if left > 1 and end - first > 1:
            if current != first:
                yield Action("restore", first, first)
            current = first + split(end - first, left)
            yield Action("advance", first, current)
            yield Action("store", current, current)
            waiting += [(first, current, left), (current, end, left - 1)]
            continue
        for k in range(end - 1, first - 1, -1):
            if current != first:
                yield Action("restore", first, first)
            if k > first:
                yield Action("advance", first, k)
            yield Action("reverse", k, k)
            current = -1
        yield Action("free", first, first)


def revolve_schedule(length: int, states: int) -> list[Action]:
    """The actions by which a loop is reversed with a given number of stored states and the fewest repeated steps.

    Parameters
    ----------
    length : int
        Number of steps l of the loop.
    states : int
        Number of states s that may be stored at the same time, the initial state among them.

    Returns
    -------
    list of Action
        Named tuples ``(kind, step, stop)``.  The lengths ``stop - step`` of all "advance" actions add up to the optimum
        t(l, s) = r l - C(s + r, r - 1), with the smallest r for which C(s + r, s) >= l.

    Raises
    ------
    ValueError
        For fewer than one state or a negative length.

    Notes
    -----
    This is what ``checkpoint=s`` does in :func:`hoad.scan` and :func:`hoad.fori_loop`; the first advances are the run of the loop
    itself.
    Source: Griewank & Walther (2000), Algorithm 799, ACM Transactions on Mathematical Software 26, 19-45.

    Examples
    --------
    >>> import hoad
    >>> " ".join(f"{a.kind} {a.step}" for a in hoad.revolve_schedule(3, 2) if a.kind != "free")
    'store 0 advance 0 store 1 advance 1 reverse 2 restore 1 reverse 1 restore 0 reverse 0'
    >>> sum(a.stop - a.step for a in hoad.revolve_schedule(100, 5) if a.kind == "advance")
    316
    """
    if states < 1 or length < 0:
        raise ValueError(f"length is {length} and states is {states}, expected a length of at least 0 and at least one state.")
    return list(actions(length, states))
