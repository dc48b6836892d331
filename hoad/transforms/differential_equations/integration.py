"""The one place where a flow is solved: by SciPy's solvers, on plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hoad.core.box import Box, Buffer, ops, shape_of
from hoad.core.engine import engine
from hoad.core.space import leaf_zeros
from hoad.errors import ClosureError, IntegrationError

if TYPE_CHECKING:
    from hoad.transforms.differential_equations.flows import Flow

__all__ = ["Settings", "as_vector", "jacobian_of", "mesh_of", "solution"]

NODES = {"RK23": 5, "RK45": 6, "DOP853": 9, "Radau": 5, "BDF": 7, "LSODA": 9}
"""Points in each step that determine the solver's own interpolant, a polynomial of smaller degree (of degree up to 12 for LSODA,
whose high-order coefficients are below its tolerance)."""

KEPT = 4
"""Solutions that a flow remembers, because an adjoint asks for the same one at other times."""


@dataclass(frozen=True)
class Settings:
    """Solver, tolerances and the way to reverse derivatives."""

    method: Any = "RK45"
    rtol: float = 1e-3
    atol: Any = 1e-6
    max_step: float = np.inf
    sensitivity: Literal["auto", "forward", "adjoint"] = "auto"
    what: str = "hoad.odeint"

    @property
    def name(self) -> str:
        return self.method if isinstance(self.method, str) else self.method.__name__

    @property
    def nodes(self) -> int:
        return NODES.get(self.name, 9)

    @property
    def needs_jacobian(self) -> bool:
        return self.name in ("Radau", "BDF", "LSODA")


def as_vector(out: Any, like: Any) -> Any:
    """What a right-hand side returned (an array, a number, a list of traced values) as a vector of the length of ``like``."""
    if type(out) is Buffer:
        out = out.value
    if isinstance(out, list | tuple):
        out = ops.array(out)
    if not isinstance(out, Box) and not hasattr(out, "dtype"):
        out = np.asarray(out)
    shape = shape_of(like)
    if shape_of(out) != shape:
        out = np.reshape(out, shape) if np.prod(shape_of(out), dtype=int) == shape[0] else np.broadcast_to(out, shape)
    return ops.astype(out, np.result_type(out.dtype, float)) if out.dtype.kind not in "fc" else out


def jacobian_of(f: Any, y: Any) -> Any:
    """Matrix of derivatives of the vector f(y), from one pass with all unit directions."""

    def along(v: Any) -> Any:
        d = engine.push(f, [y], [v])[1]
        return leaf_zeros(y) if d is None else d

    columns = engine.batched(shape_of(y)[0], along, [np.eye(shape_of(y)[0], dtype=y.dtype)], [True])
    return np.transpose(columns)


def solution(flow: Flow, y0: Any, jumps: Any, times: Any, params: Any) -> Any:
    """States at ``times``, jumps included."""
    pieces = _pieces(flow, y0, jumps, times, params)
    if not pieces:
        out = np.tile(y0, (len(times), 1))
        return out if jumps is None else out + np.cumsum(jumps, 0)
    out = np.empty((len(times), len(y0)), np.result_type(y0.dtype, *[p.first.dtype for p in pieces]))
    for piece in pieces:
        rows = slice(piece.start, piece.stop)
        out[rows] = piece.at(times[rows])
    if jumps is not None:
        out[-1] += jumps[-1] if len(times) > 1 else 0
    return out


def mesh_of(flow: Flow, y0: Any, jumps: Any, times: Any, params: Any) -> Any:
    """The solver's steps between consecutive times, the times included: one row for each interval, filled with its end."""
    pieces = _pieces(flow, y0, jumps, times, params)
    rows = []
    for i in range(len(times) - 1):
        a, b = times[i], times[i + 1]
        steps = next((p.steps for p in pieces if p.start <= i < p.stop), None)
        inner = () if steps is None else steps[(steps > min(a, b)) & (steps < max(a, b))]
        rows.append([a, *inner, b])
    longest = max(map(len, rows))
    return np.array([r + [r[-1]] * (longest - len(r)) for r in rows])


class _Piece:
    """The solution between two jumps, for rows ``start`` ... ``stop`` - 1 of the output."""

    def __init__(self, start: int, stop: int, first: Any, found: Any) -> None:
        self.start, self.stop, self.first, self.found = start, stop, first, found
        self.steps: Any = None if found is None else found.t

    def at(self, times: Any) -> Any:
        if self.found is None:
            return np.tile(self.first, (len(times), 1))
        out = self.found.sol(times).T
        out[times == self.steps[0]] = self.first
        out[times == self.steps[-1]] = self.found.y[:, -1]
        return out


def _key(y0: Any, jumps: Any, times: Any, params: Any) -> Any:
    jumping = (
        () if jumps is None else tuple((float(t), j.tobytes()) for t, j in zip(times[:-1], jumps[:-1], strict=True) if j.any())
    )
    return (y0.tobytes(), jumping, float(times[0]), float(times[-1]), tuple(np.asarray(p).tobytes() for p in params))


def _pieces(flow: Flow, y0: Any, jumps: Any, times: Any, params: Any) -> list[_Piece]:
    """The flow solved once for each set of arguments; row numbers are those of the present times."""
    if len(y0) == 0 or len(times) == 0:
        return []
    key = _key(y0, jumps, times, params)
    solved = next((s for k, s in flow.memory if k == key), None)
    cuts = [0] if jumps is None else [0, *[i for i in range(1, len(times) - 1) if jumps[i].any()]]
    ends = [*cuts[1:], len(times) - 1]
    if solved is None:
        solved = _solved(flow, y0, jumps, times, params, cuts, ends)
        flow.memory[:] = [(key, solved), *flow.memory[: KEPT - 1]]
    out = []
    for number, (i, j) in enumerate(zip(cuts, ends, strict=True)):
        first, found = solved[number]
        last = number == len(cuts) - 1
        out.append(_Piece(i, len(times) if last else j, first, found))
    return out


def _solved(flow: Flow, y0: Any, jumps: Any, times: Any, params: Any, cuts: list[int], ends: list[int]) -> list[Any]:
    """First state and SciPy's solution of each piece, with absolute tolerances that follow the size of derivatives."""
    relative = None if flow.reference is None else flow.reference(*params)
    sizes = _first_sizes(flow, y0, jumps)
    for _ in range(4):
        atol = _tolerances(flow, sizes, len(y0), relative)
        solved: list[Any] = []
        state = y0
        for i, j in zip(cuts, ends, strict=True):
            first = state if jumps is None else state + jumps[i]
            found = None if times[i] == times[j] else _integrate(flow, first, float(times[i]), float(times[j]), atol, params)
            solved.append((first, found))
            state = first if found is None else found.y[:, -1]
        largest = np.max([_sizes(flow, first if found is None else found.y) for first, found in solved], 0)
        scale = largest[0] / sizes[0] if relative is None and sizes[0] > 0 else 1.0
        if not np.any((largest > 0) & (largest < 0.1 * scale * sizes)):
            break  # no derivative is much smaller, relative to the state, than its tolerance presumed
        sizes = np.where(largest > 0, largest, scale * sizes)
    return solved


def _sizes(flow: Flow, states: Any) -> Any:
    """Largest absolute value in each part of the state."""
    return np.abs(states).reshape(flow.groups, -1).max(1)


def _first_sizes(flow: Flow, y0: Any, jumps: Any) -> Any:
    """Presumed sizes of the parts of the state; those that start from zero are taken to become as large as the others."""
    start = _sizes(flow, y0)
    if jumps is not None:
        start = np.maximum(start, _sizes(flow, jumps.T))
    other = start[0] if flow.reference is None else start.max()
    return np.where(start > 0, start, other if other > 0 else 1.0)


def _tolerances(flow: Flow, sizes: Any, length: int, relative: float | None) -> Any:
    """Absolute tolerances: the user's for the state, in proportion to their size for derivatives."""
    n = length // flow.groups
    if relative is not None:
        return np.repeat(relative * sizes, n)
    atol = np.atleast_1d(np.asarray(flow.settings.atol, float))
    atol = np.tile(atol, n // len(atol))
    ratio = sizes / sizes[0]
    ratio[0] = 1
    loose = np.maximum(atol, 0.01 * flow.settings.rtol * sizes[:, None])  # for derivatives that are larger than the state
    return np.minimum(ratio[:, None] * atol, loose).ravel()


def _integrate(flow: Flow, y: Any, a: float, b: float, atol: Any, params: Any) -> Any:
    from scipy.integrate import solve_ivp  # imported when the first equation is solved

    settings = flow.settings
    low, high = (np.nextafter(min(a, b), np.inf), np.nextafter(max(a, b), -np.inf)) if flow.inside else (-np.inf, np.inf)

    def rhs(t: Any, y: Any) -> Any:
        out = flow.rhs(min(max(t, low), high), y, *params)
        if isinstance(out, Box):
            raise ClosureError.closes_over(settings.what)
        return out

    options: dict[str, Any] = {"max_step": settings.max_step}
    if settings.needs_jacobian:
        options["jac"] = lambda t, y: jacobian_of(lambda s: flow.rhs(min(max(t, low), high), s, *params), y)
    found = solve_ivp(rhs, (a, b), y, method=settings.method, rtol=settings.rtol, atol=atol, dense_output=True, **options)
    if not found.success:
        raise IntegrationError.failed(settings.what, found.message, float(found.t[-1]), b)
    return found
