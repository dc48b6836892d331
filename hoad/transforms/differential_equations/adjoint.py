"""Cotangents of a flow, from the adjoint equation solved backwards.

l' = -(df/dy)^T l from the last time to the first, with a jump by the cotangent of each output; the cotangent of a parameter is the
integral of l . df/dp.  The state is not integrated backwards, which would be unstable where the flow contracts: its values come
from the forward solution, at nodes in each step that determine the solver's own interpolating polynomial.  States and adjoints at
the nodes are flows, and what connects them is ordinary differentiable code, so the result has derivatives of any order.
Source: Cao, Li, Petzold & Serban, SIAM J. Sci. Comput. 24 (2003) 1076; Hairer, Norsett & Wanner (1993), I.14.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from hoad.core.box import Box, ops, shape_of
from hoad.core.engine import engine
from hoad.core.space import leaf_zeros
from hoad.errors import HoadError

if TYPE_CHECKING:
    from hoad.transforms.differential_equations.flows import Flow

__all__ = ["cotangents"]


@lru_cache(maxsize=16)
def _lobatto(q: int) -> tuple[Any, Any]:
    """Nodes and weights of Gauss-Lobatto quadrature on [0, 1], the ends included; exact for polynomials of degree 2q - 3."""
    legendre = np.polynomial.legendre.Legendre.basis(q - 1)
    x = np.concatenate([[-1.0], np.sort(legendre.deriv().roots().real), [1.0]])
    return (1 + x) / 2, 1 / (q * (q - 1) * legendre(x) ** 2)


def _spread(mesh: Any, q: int) -> Any:
    """Nodes in each step of a mesh (intervals, steps + 1), as (intervals, steps, q); ends of steps are exact."""
    lo, hi = mesh[:, :-1, None], mesh[:, 1:, None]
    return ops.concatenate([lo, lo + (hi - lo) * _lobatto(q)[0][1:-1], hi], 2)


def _basis(x: Any, q: int) -> Any:
    """The q Lagrange polynomials of the nodes at x in [0, 1]."""
    nodes = _lobatto(q)[0]
    others = np.array([[m for m in range(q) if m != j] for j in range(q)])
    gaps = nodes[:, None] - nodes[others]
    return np.prod((x - nodes[others]) / gaps, axis=1)


def _between(t: Any, mesh: Any, values: Any) -> Any:
    """The polynomial through ``values`` (steps, q, n) in the step of the mesh that contains t."""
    lo, hi = np.ravel(mesh[:, :-1]), np.ravel(mesh[:, 1:])
    sign = np.sign(hi[-1] - lo[0])
    steps = shape_of(lo)[0]
    at = np.minimum(np.sum(sign * (t - hi) > 0), steps - 1)
    if isinstance(at, Box):
        lo, hi = (np.take_along_axis(v, np.reshape(at, (1,)), 0)[0] for v in (lo, hi))
        chosen = np.take_along_axis(values, np.broadcast_to(np.reshape(at, (1, 1, 1)), (1, *shape_of(values)[1:])), 0)[0]
    else:
        lo, hi, chosen = lo[at], hi[at], values[int(at)]
    width = hi - lo
    x = (t - lo) / np.where(width == 0, 1.0, width)
    return _basis(x, shape_of(values)[1]) @ chosen


def _at_nodes(flow: Flow, y0: Any, jumps: Any, mesh: Any, params: Any) -> Any:
    """States at the nodes of a mesh, (intervals * steps, q, n); at a jump, each step has the value of its own side."""
    q = flow.settings.nodes
    nodes = _spread(mesh, q)
    intervals, steps, _ = shape_of(nodes)
    n = shape_of(y0)[0]
    wide = None
    if jumps is not None:
        rest = np.zeros((intervals, steps * q - 1, n))
        wide = np.reshape(ops.concatenate([jumps[:-1][:, None, :], rest], 1), (intervals * steps * q, n))
    return np.reshape(flow(y0, wide, np.reshape(nodes, (-1,)), *params), (intervals * steps, q, n))


def cotangents(flow: Flow, xs: Any, which: Any, g: Any) -> list[Any]:
    """Cotangents of the arguments ``which`` of a flow for the cotangent ``g`` of its output."""
    y0, jumps, times, *params = xs
    rows, n = shape_of(times)[0], shape_of(y0)[0]
    if rows < 2 or n == 0:
        whole = {0: np.sum(g, axis=0), 1: g}
        return [whole[i] if i in whole else leaf_zeros(xs[i]) for i in which]
    mesh = flow.mesh.bind(y0, jumps, times, *params)
    states = _at_nodes(flow, y0, jumps, mesh, params)
    backward = _adjoint_flow(flow, len(params))
    rising, g_rising = times[::-1], g[::-1]
    active = [i - 3 for i in which if i >= 3]
    watched = _watched(flow, backward, active)
    start, jumps_of_g = leaf_zeros(g[0]), g_rising
    if watched is not backward:
        start, jumps_of_g = np.zeros(2 * n, g.dtype), ops.concatenate([g_rising, leaf_zeros(g_rising)], 1)
    steps = watched.mesh.bind(start, jumps_of_g, rising, mesh, states, *params)
    fine = _union(mesh, steps[::-1, ::-1])
    adjoints = _at_nodes(backward, leaf_zeros(g[0]), g_rising, fine[::-1, ::-1], [mesh, states, *params])
    found: dict[int, Any] = {0: adjoints[-1, -1] + g[0]}
    if 1 in which:
        starts = np.reshape(adjoints, (rows - 1, -1, n))[::-1, 0]
        found[1] = ops.concatenate([found[0][None], starts], 0)
    if active:
        here = _at_nodes(flow, y0, jumps, fine, params)
        there = np.reshape(adjoints, (-1, n))[::-1]
        found.update(zip([i + 3 for i in active], _integrals(flow, fine, here, there, params, active), strict=True))
    return [leaf_zeros(xs[i]) if found[i] is None else found[i] for i in which]


def _union(a: Any, b: Any) -> Any:
    """All steps of two meshes of the same intervals; common ones become steps of length zero."""
    both = ops.concatenate([a, b], 1)
    sign = np.sign(a[-1, -1] - a[0, 0])
    return sign * np.sort(sign * both, axis=1)


def _adjoint_flow(flow: Flow, count: int) -> Flow:
    from hoad.transforms.differential_equations.flows import Flow  # flows call this module in their reverse rule

    def rhs(t: Any, adjoint: Any, mesh: Any, states: Any, *params: Any) -> Any:
        y = _between(t, mesh, states)
        back = engine.pull(lambda s: flow.rhs(t, s, *params), [y], [0])[1]
        (c,) = back(adjoint)
        return leaf_zeros(adjoint) if c is None else -c

    def relative(mesh: Any, states: Any, *params: Any) -> float:
        """The absolute tolerance in units of the state, for the component where that is smallest."""
        settings = flow.settings
        atol = np.atleast_1d(np.asarray(settings.atol, float))
        largest = np.abs(states).max((0, 1))[: len(atol)] if len(atol) > 1 else np.abs(states).max(keepdims=True).ravel()
        known = largest > 0
        least = np.min(atol[known] / largest[known]) if known.any() else settings.rtol
        return float(np.clip(least, 1e-15, settings.rtol))

    return Flow(rhs, flow.settings, 1, relative, inside=True)


def _watched(flow: Flow, backward: Flow, active: list[int]) -> Flow:
    """The adjoint flow beside the integrals for one direction of the parameters, entry by entry of the state.

    Its steps, chosen with error control of both, resolve how df/dp varies in time, also where neither the state nor the adjoint
    shows it (a force whose amplitude is zero).
    """
    from hoad.transforms.differential_equations.flows import Flow

    if not active:
        return backward
    rng = np.random.default_rng(0)
    amounts = {}

    def direction(i: int, p: Any) -> Any:
        if i not in amounts:
            amounts[i] = rng.uniform(0.5, 1.5, shape_of(p)) * rng.choice([-1.0, 1.0], shape_of(p))
        return (amounts[i] * np.where(p == 0, 1.0, np.abs(p))).astype(p.dtype)

    def rhs(t: Any, state: Any, mesh: Any, states: Any, *params: Any) -> Any:
        n = shape_of(state)[0] // 2
        adjoint = state[:n]
        tangents = [direction(i, np.asarray(p)) if i in active else None for i, p in enumerate(params)]
        moved = engine.push(lambda *p: flow.rhs(t, _between(t, mesh, states), *p), params, tangents)[1]
        gain = leaf_zeros(adjoint) if moved is None else adjoint * moved
        return ops.concatenate([backward.rhs(t, adjoint, mesh, states, *params), gain], 0)

    return Flow(rhs, flow.settings, 2, backward.reference, inside=True)


def _integrals(flow: Flow, mesh: Any, states: Any, adjoints: Any, params: Any, active: list[int]) -> list[Any]:
    """Integrals of l . df/dp for each active parameter."""
    q = flow.settings.nodes
    ends = mesh[:, :-1, None], mesh[:, 1:, None]
    weights = np.reshape((ends[1] - ends[0]) * _lobatto(q)[1], (-1, 1))
    nodes = _spread(mesh, q)
    if flow.inside:  # the right-hand side belongs to the inside of a step
        nodes = ends[0] + (ends[1] - ends[0]) * np.clip(_lobatto(q)[0], 1e-12, 1 - 1e-12)
    times = np.reshape(nodes, (-1,))
    count = shape_of(times)[0]
    flat = np.reshape(states, (count, -1))

    def together(*ps: Any) -> Any:
        return engine.batched(count, lambda t, y: flow.rhs(t, y, *ps), [times, flat], [True, True])

    def one_by_one(*ps: Any) -> Any:
        return ops.stack([flow.rhs(times[i], flat[i], *ps) for i in range(count)])

    try:
        back = engine.pull(together, params, active)[1]
    except (HoadError, TypeError):  # a branch or a conversion that needs one time or one state
        back = engine.pull(one_by_one, params, active)[1]
    return back(adjoints * weights)
