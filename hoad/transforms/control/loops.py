"""scan, fori_loop and while_loop: loops that every mode differentiates, with the memory of their states in reverse mode."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from hoad.core.box import Box, Buffer, bare, peek, shape_of
from hoad.core.space import unflatten
from hoad.errors import LoopError
from hoad.modes.batch import Batched
from hoad.transforms.control.carry import Carry, closed_over, leaves_of, text_of, what_is
from hoad.transforms.control.rolled import run_loop

__all__ = ["fori_loop", "scan", "while_loop"]

Function = Callable[..., Any]
Checkpoint = int | Literal["all"] | None


def _policy(checkpoint: Any) -> Any:
    if checkpoint is None or (isinstance(checkpoint, str) and checkpoint == "all"):
        return checkpoint
    if isinstance(checkpoint, bool | str) or not isinstance(checkpoint, int | np.integer) or checkpoint < 1:
        raise LoopError.checkpoints(checkpoint)
    return int(checkpoint)


def _count(name: str, what: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise LoopError.no_length(name, f"{what} of type {type(value).__name__}") from None


def _guarded(x: Any) -> Any:
    """A plain array that a step cannot overwrite, since a repetition of the step would see the change."""
    if type(x) is np.ndarray:
        x = x.view()
        x.flags.writeable = False
    return x


def scan(
    f: Function,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    *,
    checkpoint: Checkpoint = None,
) -> tuple[Any, Any]:
    """A loop that carries a state and goes through arrays: ``carry, y = f(carry, x)`` for each x along the first axis of xs.

    Parameters
    ----------
    f : callable
        ``f(carry, x)`` -> ``(carry, y)``.  The new carry has the structure, shapes and dtypes of the old one; y is anything, or
        None.  It may close over traced values.  It must give the same result when it is called again.
    init : array or container
        The first carry.
    xs : array or container, optional
        Arrays with a common first axis; ``f`` gets their entries.  None if there are none: then ``f`` gets None.
    length : int, optional
        The number of steps, needed if there are no xs.
    reverse : bool
        Go through xs from the end; the ys stand where their xs stand.
    checkpoint : None, int or "all"
        What reverse mode keeps.  None: the carry of each step; each step is run again in the sweep.  A number s: at most s
        carries at a time, placed so that the fewest steps are repeated (see :func:`hoad.revolve_schedule`).  "all": the tape of
        all steps; nothing is repeated.

    Returns
    -------
    carry, ys
        The last carry, and the ys stacked along a new first axis.

    Raises
    ------
    LoopError
        If lengths differ or are missing, the carry changes its structure, shape or dtype, ``f`` does not return a pair, or a
        repeated step gives another result.

    Notes
    -----
    Forward, Taylor and batched derivatives run the loop once and keep nothing.  Reverse mode keeps, for l steps, l carries
    (None), s carries (a number), or all intermediate values ("all"), beside xs and ys; it runs 2 l - 1 steps (None), l + t(l, s)
    (a number), or l ("all").  If a derivative in reverse mode is itself differentiated in reverse mode, the outer one
    keeps what the inner one did.  For ``length`` 0, ``f`` is called once, on zeros, to learn the shapes of the ys.
    Source: Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008), ch. 12.

    Examples
    --------
    >>> import numpy as np, hoad
    >>> def horner(total, a, x):
    ...     return total * x + a, None
    >>> def polynomial(x):
    ...     return hoad.scan(lambda total, a: horner(total, a, x), 0.0, np.array([1.0, 2.0, 3.0]))[0]
    >>> polynomial(2.0), hoad.grad(polynomial)(2.0)
    (np.float64(11.0), np.float64(6.0))
    """
    policy = _policy(checkpoint)
    carry = Carry("scan", init)
    leaves, x_spec = leaves_of(xs)
    if any(not shape_of(x) for x in leaves):
        raise LoopError.no_length("scan", "xs with a number, or an array that has no axis")
    lengths = {shape_of(x)[0] for x in leaves}
    if length is not None:
        lengths.add(_count("scan", "a length", length))
    if len(lengths) > 1:
        raise LoopError.lengths("scan", sorted({shape_of(x)[0] for x in leaves}), length)
    if not lengths or min(lengths) < 0:
        raise LoopError.no_length("scan", "neither xs nor a length" if not lengths else f"length={length}")
    count = lengths.pop()
    leaves = [_guarded(x[::-1] if reverse else x) for x in leaves]
    y_spec: list[Any] = []

    def step(k: int, old: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        out = f(carry.unpack(old), unflatten(x_spec, x)[0])
        if not isinstance(out, tuple) or len(out) != 2:
            raise LoopError.not_a_pair("scan", f"a tuple of {len(out)}" if isinstance(out, tuple) else f"one {what_is(out)}")
        y, spec = leaves_of(out[1])
        if not y_spec:
            y_spec.append(spec)
        elif spec != y_spec[0]:
            raise LoopError.carry("scan", "a y of structure", text_of(spec), text_of(y_spec[0]))
        return carry.checked(out[0]), y

    if count == 0:
        return init, _no_rows(step, carry.leaves, leaves, y_spec)
    last, ys, _ = run_loop(step, carry.leaves, leaves, count, None, closed_over(f), policy, [f])
    return carry.last(last), unflatten(y_spec[0], [y[::-1] for y in ys] if reverse else ys)[0]


def _no_rows(step: Function, carry: list[Any], xs: list[Any], y_spec: list[Any]) -> Any:
    """Empty ys: what a step would return, of length 0."""
    zeros = [np.zeros(shape_of(x)[1:], peek(x).dtype)[()] for x in xs]
    with np.errstate(all="ignore"):
        y = step(0, [c.copy() if type(c) is np.ndarray else c for c in carry], zeros)[1]
    return unflatten(y_spec[0], [np.zeros((0, *shape_of(a)), getattr(peek(a), "dtype", int)) for a in y])[0]


def fori_loop(lower: int, upper: int, body: Function, init: Any, *, checkpoint: Checkpoint = None) -> Any:
    """``carry = body(i, carry)`` for i from ``lower`` to ``upper - 1``.

    Parameters
    ----------
    lower, upper : int
        Plain integers.
    body : callable
        ``body(i, carry)`` -> carry of the same structure, shapes and dtypes; i is a Python integer.  It may close over traced
        values.  It must give the same result when it is called again.
    init : array or container
        The first carry.
    checkpoint : None, int or "all"
        What reverse mode keeps, as for :func:`hoad.scan`.

    Returns
    -------
    like init
        The last carry; ``init`` if ``upper <= lower``.

    Raises
    ------
    LoopError
        If a bound is no plain integer, the carry changes its structure, shape or dtype, or a repeated step gives another result.

    Notes
    -----
    Cost and memory are those of :func:`hoad.scan`.

    Examples
    --------
    >>> import hoad
    >>> power = lambda x: hoad.fori_loop(0, 5, lambda i, y: y * x, 1.0)
    >>> hoad.taylor(power, 1.0, 1.0, 3)
    [np.float64(1.0), np.float64(5.0), np.float64(10.0), np.float64(10.0)]
    """
    policy = _policy(checkpoint)
    first, last = _count("fori_loop", "a lower bound", lower), _count("fori_loop", "an upper bound", upper)
    carry = Carry("fori_loop", init)
    if last <= first:
        return init

    def step(k: int, old: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        return carry.checked(body(first + k, carry.unpack(old))), []

    return carry.last(run_loop(step, carry.leaves, [], last - first, None, closed_over(body), policy, [body])[0])


def while_loop(cond: Function, body: Function, init: Any, *, checkpoint: Checkpoint = None) -> Any:
    """``carry = body(carry)`` as long as ``cond(carry)``.

    Parameters
    ----------
    cond : callable
        ``cond(carry)`` -> one boolean.
    body : callable
        ``body(carry)`` -> carry of the same structure, shapes and dtypes.  It may close over traced values.  It must give the
        same result when it is called again.
    init : array or container
        The first carry.
    checkpoint : None, int or "all"
        What reverse mode keeps, as for :func:`hoad.scan`.

    Returns
    -------
    like init
        The first carry for which ``cond`` does not hold.

    Raises
    ------
    LoopError
        If ``cond`` does not return one boolean, the carry changes its structure, shape or dtype, or a repeated step gives
        another result.

    Notes
    -----
    The derivative is that of the steps that were taken; the number of steps is piecewise constant.  Under ``vmap`` the loop runs
    until no entry goes on, and entries that have ended keep their carry.  Memory in reverse mode is that of
    :func:`hoad.scan`; since the number of steps is not known beforehand, the sweep runs l steps (None) or l + t(l, s) (a number)
    beside the l steps of the loop itself.

    Examples
    --------
    >>> import hoad
    >>> root = lambda a: hoad.while_loop(lambda y: abs(y * y - a) > 1e-14, lambda y: (y + a / y) / 2, a)
    >>> round(root(4.0), 12), round(hoad.grad(root)(4.0), 12)
    (np.float64(2.0), np.float64(0.25))
    """
    policy = _policy(checkpoint)
    carry = Carry("while_loop", init)
    goes_on: list[Any] = []

    def more(k: int, leaves: list[Any]) -> bool:
        flag = _flag(cond(carry.unpack(leaves)))
        del goes_on[k:]  # the loop may be started again
        goes_on.append(flag)
        return bool(np.any(bare(flag)))

    def step(k: int, old: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        flag = goes_on[k]
        if not isinstance(flag, Box):
            return carry.checked(body(carry.unpack(old))), []
        kept = [a.copy() if type(a) is np.ndarray else a.snapshot() if isinstance(a, Box) else a for a in old]
        new = carry.checked(body(carry.unpack(old)))
        return [np.where(flag, a, b) for a, b in zip(new, kept, strict=True)], []

    return carry.last(run_loop(step, carry.leaves, [], None, more, closed_over(cond, body), policy)[0])


def _flag(x: Any) -> Any:
    """The boolean that cond returned: plain, or one for each entry of a batch."""
    if type(x) is Buffer:
        x = x.value
    inner = x
    while isinstance(inner, Batched):
        inner = inner.value
    kind = "b" if isinstance(x, bool) else getattr(getattr(peek(x), "dtype", None), "kind", "?")
    if kind != "b" or shape_of(x) != ():
        what = type(peek(x)).__name__ if kind == "?" else f"{peek(x).dtype} of shape {tuple(shape_of(x))}"
        raise LoopError.condition(what)
    return x if inner is not x else bool(bare(x))
