"""FGD, FoMoH and hyperplane search against arrays and numbers computed without hoad, and the safe default on Rosenbrock.

The arrays come from a plain NumPy program with hand-written derivatives: x0 = (-1.2, 1, -1.2, 1, …), directions
default_rng(0).standard_normal((50, K, 10)), raw solve, lr 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hoad
import hoad.optimize as ho

ORACLE = dict(np.load(Path(__file__).parent / "data" / "fomoh_rosenbrock.npz"))
START = np.tile([-1.2, 1.0], 5)


def rosenbrock(x):
    return np.sum((1.0 - x[:-1]) ** 2 + 100.0 * (x[1:] - x[:-1] ** 2) ** 2)


def losses(method, x0, steps, **options):
    return ho.minimize(rosenbrock, x0, method=method, options=options, maxiter=steps, tol=-1.0).history["loss"]


def newton_losses(x, steps):
    out = [rosenbrock(x)]
    for _ in range(steps):
        x = x - np.linalg.solve(hoad.hessian(rosenbrock)(x), hoad.grad(rosenbrock)(x))
        out.append(rosenbrock(x))
    return np.array(out)


@pytest.mark.parametrize("k", [1, 2, 10])
def test_slopes_and_curvature_along_the_path(k):
    x = START
    for V, F, H in zip(ORACLE[f"K{k}_V"][:10], ORACLE[f"K{k}_F"], ORACLE[f"K{k}_H"], strict=False):
        for batch in (None, 4):
            found = ho.curvature_matrix(rosenbrock, x, V, batch=batch)
            np.testing.assert_allclose(found.slopes, F, rtol=1e-12, atol=1e-12 * np.max(np.abs(F)))
            np.testing.assert_allclose(found.matrix, H, rtol=1e-12, atol=1e-12 * np.max(np.abs(H)))
        x = x - V.T @ np.linalg.solve(H, F)  # along the oracle's own path: no error of ours is carried along


@pytest.mark.parametrize("k", [1, 2, 10])
@pytest.mark.parametrize("how", ["seed", "replay"])
def test_raw_search_reproduces_the_losses(k, how):
    given = {"seed": 0} if how == "seed" else {"replay": ORACLE[f"K{k}_V"]}
    found = losses("fomoh-kd", START, 5, k=k, curvature="raw", **given)
    np.testing.assert_allclose(found, ORACLE[f"K{k}_loss"][:6], rtol=1e-8)


@pytest.mark.parametrize(
    ("k", "printed"),
    [
        (1, [2034.549325, 1905.481098, 1767.532341, 1738.933961, 813.5084504, 246.5007966, 36.45339966]),
        (2, [1861.776831, 1593.071026, 1262.768042, 749.3050717, 200.4487563, 66.93699629, 14.68202679]),
        (10, [475.0236487, 92.22066623, 12.83464742, 9.657585059, 662.5430919, 3.94666383, 0.0]),
    ],
)
def test_raw_search_prints_the_reference_table(k, printed):
    found = losses("fomoh-kd", START, 50, k=k, curvature="raw", seed=0)[[1, 2, 3, 5, 10, 20, 50]]
    # K = 10 steps from a nearly singular Hessian at step 9, which amplifies rounding.
    tolerance = [6e-10] * 4 + [6e-10 if k < 10 else 1e-5] * 3
    for a, b, rtol in zip(found, printed, tolerance, strict=True):
        assert a == pytest.approx(b, rel=rtol, abs=1e-20)


@pytest.mark.parametrize("n", [2, 10])
@pytest.mark.parametrize("options", [{"distribution": "normal"}, {"distribution": "uniform"}, {"orthonormalise": True}], ids=str)
def test_full_dimension_is_newton(n, options):
    """Each step from the points of Newton's path; and, before a nearly singular Hessian amplifies rounding, the losses."""
    x = START[:n]
    method = ho.hyperplane_search(k=n, curvature="raw", seed=3, **options)
    state = method.init(x)
    for _ in range(7):
        step, state = method.update(rosenbrock, x, state)
        newton = -np.linalg.solve(hoad.hessian(rosenbrock)(x), hoad.grad(rosenbrock)(x))
        np.testing.assert_allclose(step, newton, rtol=0, atol=1e-10 * max(np.linalg.norm(newton), np.linalg.norm(x)))
        x = x + newton
    same = {2: 3, 10: 8}[n]
    found = losses("fomoh-kd", START[:n], same, k=n, curvature="raw", seed=3, **options)
    np.testing.assert_allclose(found, newton_losses(START[:n], same), rtol=1e-10)


def test_newton_prints_the_reference_numbers():
    two = losses("fomoh-kd", START[:2], 7, k=2, curvature="raw", orthonormalise=True, seed=0)
    for a, b in zip(two, [24.2, 4.731884, 1411.845, 0.05596552, 0.3131891, 1.85274e-11], strict=False):
        assert a == pytest.approx(b, rel=1e-6)
    assert two[7] < 1e-25
    ten = losses("fomoh-kd", START, 8, k=10, curvature="raw", orthonormalise=True, seed=0)
    for a, b in zip(ten, [2057, 475.0236, 92.22067, 12.83465, 9.62214, 9.657585, 9.557846, 10.62563, 9.525415], strict=True):
        assert a == pytest.approx(b, rel=1e-6)


def test_forward_gradient_descent_and_line_search_in_two_dimensions():
    fgd = losses("fgd", START[:2], 200, lr=1e-3, seed=0)
    np.testing.assert_allclose(fgd, ORACLE["fgd2_loss"], rtol=1e-10)
    np.testing.assert_allclose(
        fgd[[1, 2, 10, 100, 200]], [23.96132635, 8.689587728, 3.930776033, 3.576774229, 3.163302869], rtol=6e-10
    )
    fomoh = losses("fomoh", START[:2], 200, lr=1.0, eps=0.0, replay=ORACLE["fgd2_V"])
    np.testing.assert_allclose(fomoh, ORACLE["fomoh2_loss"], rtol=1e-8)
    np.testing.assert_allclose(
        fomoh[[1, 2, 10, 100, 200]], [7.318795177, 3.581622626, 3.475910792, 9.478842974e-08, 2.673860064e-09], rtol=6e-10
    )


def test_safe_search_converges_from_every_start_and_never_goes_up():
    """Section 1.6(d): |λ|, orthonormal directions, Armijo; K = 10 reaches the minimum from 10 of 10 starts."""
    medians = {}
    for k in (5, 8, 10):
        ends = []
        for s in range(10):
            x0 = np.random.default_rng(1000 + s).standard_normal(10)
            found = losses("fomoh-kd", x0, 100, k=k, seed=s)
            assert np.all(np.diff(found) <= 0)
            ends.append(found[-1])
        medians[k] = np.median(ends)
        if k == 10:
            assert max(ends) < 1e-8
    assert medians[5] == pytest.approx(5.65, rel=0.05)
    assert medians[10] < medians[8] < 0.2 < medians[5]


@pytest.mark.parametrize("curvature", ["abs", "softabs", "damped"])
def test_safe_curvatures_leave_a_saddle(curvature):
    saddle = lambda x: x[0] ** 4 - 2.0 * x[0] ** 2 + x[1] ** 2
    res = ho.minimize(saddle, np.array([0.1, 1.0]), method="fomoh-kd", options={"k": 2, "curvature": curvature}, seed=0)
    assert res.fun == pytest.approx(-1.0, abs=1e-10)
    assert np.all(np.diff(res.history["loss"]) <= 0)


def test_raw_goes_to_the_saddle_as_the_paper_does():
    saddle = lambda x: x[0] ** 4 - 2.0 * x[0] ** 2 + x[1] ** 2
    method = ho.hyperplane_search(k=2, curvature="raw", seed=0)
    x = np.array([0.1, 1.0])
    state = method.init(x)
    for _ in range(6):
        step, state = method.update(saddle, x, state)
        x = x + step
    np.testing.assert_allclose(x, 0.0, atol=1e-12)
    assert state.report.details["min_curvature"] < 0


def test_mean_decrease_on_a_sphere_is_one_minus_k_over_n():
    """f = |x|²/2: E f_{t+1}/f_t = 1 - K/N; equation checked in section 1.6(g)."""
    n, x = 50, np.random.default_rng(7).standard_normal(50)
    f = lambda x: 0.5 * np.sum(x**2)
    for k in (1, 5, 25):
        ratios = []
        for s in range(200 if k < 25 else 40):
            method = ho.hyperplane_search(k=k, curvature="raw", seed=s)
            ratios.append(f(x + method.update(f, x, method.init(x))[0]) / f(x))
        error = np.std(ratios) / np.sqrt(len(ratios))
        assert abs(np.mean(ratios) - (1 - k / n)) < 4 * error


def test_limits_on_the_step():
    x = START
    for options in ({"max_step": 0.01}, {"clip": 0.003}):
        method = ho.hyperplane_search(k=5, seed=0, **options)
        step, _ = method.update(rosenbrock, x, method.init(x))
        assert 0 < np.linalg.norm(step) <= 0.01 * (1 + 1e-12)
        assert rosenbrock(x + step) < rosenbrock(x)


def test_schedules_for_dimension_and_step():
    res = ho.minimize(
        rosenbrock,
        START,
        method="fomoh-kd",
        options={"k": ho.schedules.piecewise_constant(2, {3: 5}), "lr": ho.schedules.constant(0.5), "warm": True},
        seed=1,
        maxiter=6,
    )
    assert list(res.history["k"]) == [2, 2, 2, 10, 10, 10]


def test_averaged_and_clipped_line_searches():
    x, V = START, np.random.default_rng(5).standard_normal((1, 4, 10))
    method = ho.fomoh(0.5, k=4, eps=1e-3, replay=V)
    step, _ = method.update(rosenbrock, x, method.init(x))
    g, H = hoad.grad(rosenbrock)(x), hoad.hessian(rosenbrock)(x)
    expected = -0.5 * np.mean([(g @ v) / (abs(v @ H @ v) + 1e-3) * v for v in V[0]], axis=0)
    np.testing.assert_allclose(step, expected, rtol=1e-12)
    clipped = ho.fomoh(0.5, k=4, eps=1e-3, clip=0.01, replay=V)
    np.testing.assert_allclose(clipped.update(rosenbrock, x, clipped.init(x))[0], np.clip(expected, -0.005, 0.005), rtol=1e-12)


def test_backpropagated_line_search_is_cauchys_step():
    x = START
    method = ho.fomoh_bp(eps=0.1)
    g, H = hoad.grad(rosenbrock)(x), hoad.hessian(rosenbrock)(x)
    np.testing.assert_allclose(method.update(rosenbrock, x, method.init(x))[0], -(g @ g) / (abs(g @ H @ g) + 0.1) * g, rtol=1e-12)


def test_updates_through_a_first_order_transform():
    x, V = START, np.random.default_rng(5).standard_normal((2, 1, 10))
    method = ho.fgd(transform=ho.adam(0.1), replay=V)
    state, outer = method.init(x), ho.adam(0.1)
    inner = outer.init(x)
    for v in V:
        step, state = method.update(rosenbrock, x, state)
        expected, inner = outer.update((hoad.grad(rosenbrock)(x) @ v[0]) * v[0], inner)
        np.testing.assert_allclose(step, expected, rtol=1e-10)
        x = x + step


def test_containers_and_minibatches():
    """A dict of weights, another batch of data at each update, the same directions as for the flat vector."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((3, 20, 4)), rng.standard_normal((3, 20))
    flat, tree = np.zeros(5), {"b": 0.0, "w": np.zeros(4)}
    a, b = ho.hyperplane_search(k=3, seed=2), ho.hyperplane_search(k=3, seed=2)
    sa, sb = a.init(flat), b.init(tree)
    for Xi, yi in zip(X, y, strict=True):
        step, sa = a.update(lambda p, X=Xi, y=yi: np.mean((X @ p[1:] + p[0] - y) ** 2), flat, sa)
        flat = ho.apply_updates(flat, step)
        step, sb = b.update(lambda p, X=Xi, y=yi: np.mean((X @ p["w"] + p["b"] - y) ** 2), tree, sb)
        tree = ho.apply_updates(tree, step)
    np.testing.assert_allclose(np.append(tree["b"], tree["w"]), flat, rtol=1e-10)
