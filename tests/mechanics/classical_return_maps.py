"""Textbook stress updates of one point in plain NumPy and SciPy: the yardstick for the incremental potentials.

They solve the stress-based equations of the cited books (trial stress, consistency, flow rule) with SciPy's root finders, and never
form a potential. Each returns the stress of the law's kinematics and the new state.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq, root

I = np.eye(3)
TIGHT = dict(xtol=1e-300, rtol=4 * np.finfo(float).eps, maxiter=1000)


def padded(e):
    """Plane strain in space."""
    wide = np.zeros((3, 3))
    wide[: len(e), : len(e)] = e
    return wide


def yield_stress(law, a):
    if law.hardening == "linear":
        return law.sigma_y + law.H * a
    if law.hardening == "saturation":
        return law.sigma_inf + law.H * a - (law.sigma_inf - law.sigma_y) * np.exp(-law.delta * a)
    h = law.linear_below
    if a < h:
        return law.sigma_y + law.H * h**law.n + law.n * law.H * h ** (law.n - 1) * (a - h)
    return law.sigma_y + law.H * a**law.n


def consistency(law, q, a):
    """Plastic multiplier of the radial return."""
    if q <= yield_stress(law, a):
        return 0.0
    return brentq(lambda x: q - 3 * law.mu * x - yield_stress(law, a + x), 0.0, q / (3 * law.mu), **TIGHT)


def radial_return(law, strain, state, dt):
    """Simo & Hughes (1998), section 3.3."""
    d = 2 if law.plane == "two-dimensional" else 3
    e, unit = (strain if d == 2 else padded(strain)), np.eye(d)
    trial = e - state["plastic_strain"]
    s = 2 * law.mu * (trial - np.trace(trial) / d * unit)
    q = np.sqrt(1.5 * np.sum(s * s))
    x = consistency(law, q, float(state["accumulated"]))
    flow = 1.5 * s / q
    sigma = law.K * np.trace(e) * unit + s - 2 * law.mu * x * flow
    new = {"plastic_strain": state["plastic_strain"] + x * flow, "accumulated": state["accumulated"] + x}
    return sigma[: len(strain), : len(strain)], new


def overstress(law, strain, state, dt):
    """Perzyna's law by backward Euler, solved for the increment of plastic strain."""
    e = padded(strain)
    trial = e - state["plastic_strain"]
    s = 2 * law.mu * (trial - np.trace(trial) / 3 * I)
    q, a = np.sqrt(1.5 * np.sum(s * s)), float(state["accumulated"])
    excess = q - law.sigma_y - law.H * a

    def rate(x):
        return x - dt * law.gamma0 * (max(excess - (3 * law.mu + law.H) * x, 0.0) / law.sigma0) ** law.n

    x = brentq(rate, 0.0, excess / (3 * law.mu + law.H), **TIGHT) if excess > 0 else 0.0
    flow = 1.5 * s / q
    sigma = law.K * np.trace(e) * I + s - 2 * law.mu * x * flow
    new = {"plastic_strain": state["plastic_strain"] + x * flow, "accumulated": state["accumulated"] + x}
    return sigma[: len(strain), : len(strain)], new


def dashpots(law, strain, state, dt):
    """Each branch from its own differential equation."""
    e = padded(strain)
    rate = (e - state["strain"]) / dt
    sigma = law.K * np.trace(e) * I + 2 * law.mu * (e - np.trace(e) / 3 * I)
    branches = []
    for i, tau in enumerate(law.tau):
        old = state["branch_strain"][i]
        if law.integrator == "backward-euler":
            new = np.linalg.solve((1 + dt / tau) * I, old + rate * dt)
        else:
            new = (
                np.exp(-dt / tau) * old + rate * quad(lambda t, tau=tau: np.exp(-(dt - t) / tau), 0, dt, epsabs=0, epsrel=1e-13)[0]
            )
        branches.append(new)
        bulk = 0.0 if law.branch_K is None else law.branch_K[i]
        sigma = sigma + bulk * np.trace(new) * I + 2 * law.branch_mu[i] * (new - np.trace(new) / 3 * I)
    return sigma[: len(strain), : len(strain)], {"branch_strain": np.array(branches), "strain": e}


def of_symmetric(f, a):
    w, v = np.linalg.eigh(a)
    return (v * f(w)) @ v.T


def logarithmic_return(law, F, state, dt, last=None):
    """The update with the elastic Finger tensor pushed forward by F F_n⁻¹; the result cannot depend on F_n, so it is arbitrary."""
    d, F = len(F), padded(F) + (np.diag([0, 0, 1.0]) if len(F) == 2 else 0)
    last = np.array([[1.1, 0.2, -0.1], [0.05, 0.9, 0.3], [-0.2, 0.1, 1.2]]) if last is None else last
    be = last @ state["inverse_plastic_metric"] @ last.T
    push = F @ np.linalg.inv(last)
    lnbe = of_symmetric(np.log, push @ be @ push.T)
    tau = law.K * np.trace(lnbe) / 2 * I + law.mu * (lnbe - np.trace(lnbe) / 3 * I)
    s = tau - np.trace(tau) / 3 * I
    q = np.sqrt(1.5 * np.sum(s * s))
    x = consistency(law, q, float(state["accumulated"]))
    flow = 1.5 * s / q
    tau = tau - 2 * law.mu * x * flow
    be = of_symmetric(np.exp, lnbe - 2 * x * flow)
    back = np.linalg.inv(F)
    new = {"inverse_plastic_metric": back @ be @ back.T, "accumulated": state["accumulated"] + x}
    return (tau @ back.T)[:d, :d], new


def cubic_stiffness(law):
    C = np.zeros((3, 3, 3, 3))
    for i in range(3):
        for j in range(3):
            C[i, i, j, j] += law.C11 if i == j else law.C12
            if i != j:
                C[i, j, i, j] += law.C44
                C[i, j, j, i] += law.C44
    R = np.eye(3) if law.rotation is None else law.rotation
    return np.einsum("ai,bj,ck,dl,ijkl->abcd", R, R, R, R, C)


def slip_by_system(law, strain, state, dt):
    """One equation for the slip of each system, with the full stiffness in sample axes."""
    R = np.eye(3) if law.rotation is None else law.rotation
    C, e = cubic_stiffness(law), padded(strain) - state["plastic_strain"]
    schmid = []
    for s, m in law.slip_systems:
        a = np.outer(R @ s, R @ m)
        schmid.append((a + a.T) / 2)
    schmid, old = np.array(schmid), state["slip"]
    hardening = law.h0 * (law.latent + (1 - law.latent) * np.eye(len(schmid)))
    g = law.g0 + hardening @ old

    def resolved(slip):
        elastic = e - np.einsum("a,aij->ij", slip, schmid)
        return np.einsum("ijkl,kl->ij", C, elastic)

    def equations(tau):
        """In the resolved stresses, where the equations are smooth."""
        slip = dt * law.gamma0 * np.abs(tau / g) ** law.n * np.sign(tau)
        return (np.einsum("aij,ij->a", schmid, resolved(slip)) - tau) / law.g0

    tau = np.einsum("aij,ij->a", schmid, resolved(np.zeros(len(schmid))))
    scale = min(1.0, 1.2 * np.min(g) / np.max(np.abs(tau)))
    found = root(equations, tau * scale, tol=1e-14)
    assert np.max(np.abs(equations(found.x))) < 1e-10
    slip = dt * law.gamma0 * np.abs(found.x / g) ** law.n * np.sign(found.x)
    new = {"plastic_strain": state["plastic_strain"] + np.einsum("a,aij->ij", slip, schmid), "slip": old + np.abs(slip)}
    return resolved(slip)[: len(strain), : len(strain)], new
