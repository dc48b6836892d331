"""The program behind ``make run``: its printed numbers against closed forms, its figure, its quietness in a pipe."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hoad

pytest.importorskip("sklearn", reason="the example needs the extra `examples`")
pytest.importorskip("matplotlib", reason="the example needs the extra `examples`")

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "hessian_of_real_data.py"
REGULARISATION = 1e-3
SAMPLES = 100


def run(directory, *words):
    environment = {**os.environ, "PYTHONPATH": str(Path(hoad.__file__).parents[1])}
    environment.pop("MPLBACKEND", None)  # it must not need one
    command = [sys.executable, "-W", "error", str(SCRIPT), "--quick", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=directory, env=environment)


@pytest.fixture(scope="module", params=["breast_cancer", "digits"])
def finished(request, tmp_path_factory):
    """The data set, what the quick form printed about it, and where it ran."""
    directory = tmp_path_factory.mktemp(request.param)
    done = run(directory, "--data", request.param)
    assert done.returncode == 0, done.stderr
    return request.param, done, directory


def features(data):
    """The standardised features, an intercept, and the labels, once more by hand."""
    from sklearn import datasets

    X, labels = getattr(datasets, f"load_{data}")(return_X_y=True)
    X, labels = X[:SAMPLES], labels[:SAMPLES]
    deviation = np.std(X, axis=0)
    deviation[deviation == 0] = 1
    return np.hstack([(X - np.mean(X, axis=0)) / deviation, np.ones((SAMPLES, 1))]), labels


def closed_form(data):
    """Value, gradient and Hessian at the random point of the example, from the textbook formulas; and the direction v."""
    X, labels = features(data)
    rng = np.random.default_rng(0)
    size = X.shape[1] * (10 if data == "digits" else 1)
    w, v = 0.1 * rng.standard_normal(size), rng.standard_normal(size)
    if data == "breast_cancer":
        p = 1 / (1 + np.exp(-X @ w))  # probability of class 1
        value = -np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p))
        gradient = X.T @ (p - labels) / SAMPLES
        H = X.T @ np.diag(p * (1 - p)) @ X / SAMPLES
    else:
        powers = np.exp(X @ w.reshape(-1, 10))
        P = powers / powers.sum(axis=1, keepdims=True)
        value = -np.mean(np.log(P[np.arange(SAMPLES), labels]))
        gradient = (X.T @ (P - np.eye(10)[labels]) / SAMPLES).reshape(-1)
        D = np.array([np.diag(p) - np.outer(p, p) for p in P])
        H = np.einsum("sk,scd,sl->kcld", X, D, X).reshape(size, size) / SAMPLES
    identity = np.eye(size)
    return value + REGULARISATION / 2 * w @ w, gradient + REGULARISATION * w, H + REGULARISATION * identity, v


def number(text, label):
    return float(re.search(rf"^{label} +(\S+)", text, re.MULTILINE)[1])


def rows(text, title, count):
    """The lines after the one that starts with ``title``, as lists of numbers."""
    lines = text.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith(title)) + 1
    return [[float(word) for word in line.split()] for line in lines[start : start + count]]


def test_value_and_gradient_norm(finished):
    data, done, _ = finished
    value, gradient, _, _ = closed_form(data)
    assert number(done.stdout, "value") == pytest.approx(value, rel=1e-13)
    assert number(done.stdout, "gradient norm") == pytest.approx(np.linalg.norm(gradient), rel=1e-13)


def test_products_agree_with_fifty_digits_and_with_the_closed_form(finished):
    data, done, _ = finished
    _, _, H, v = closed_form(data)
    expected = H @ v
    found = rows(done.stdout, "  entry", 3)
    assert [int(row[0]) for row in found] == [0, len(v) // 2, len(v) - 1]
    scale = np.max(np.abs(expected))
    for entry, product, reference, error in found:
        assert error < 1e-12
        assert product == pytest.approx(expected[int(entry)], rel=1e-12, abs=1e-13 * scale)
        assert reference == pytest.approx(expected[int(entry)], rel=1e-12, abs=1e-13 * scale)


def test_eigenvalues_agree_with_those_of_the_dense_closed_form(finished):
    data, done, _ = finished
    expected = np.linalg.eigvalsh(closed_form(data)[2])[:-6:-1]
    found = np.ravel(rows(done.stdout, "largest eigenvalues", 5))
    np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_newton_converges_superlinearly(finished):
    _, done, _ = finished
    assert "Optimization terminated successfully." in done.stdout
    table = done.stdout[done.stdout.index("iteration  ") :].split("Optimization")[0].splitlines()[1:]
    iterations = np.array([[float(word) for word in line.split()] for line in table])
    numbers, values, norms, products = iterations.T
    np.testing.assert_array_equal(numbers, np.arange(len(numbers)))
    assert np.all(np.diff(values) <= 1e-14)
    assert np.all(np.diff(products) > 0)
    assert norms[-1] < 1e-8
    assert norms[-1] / norms[-2] < 1e-2  # a linear method keeps its ratio
    assert len(numbers) < 20


def test_the_time_of_a_product_is_compared_with_that_of_a_gradient(finished):
    _, done, _ = finished
    gradient = number(done.stdout, "time of one gradient")
    product, ratio = re.search(r"^time of one H v +(\S+) µs = (\S+) gradients$", done.stdout, re.MULTILINE).groups()
    assert float(product) / gradient == pytest.approx(float(ratio), rel=0.05, abs=0.02)


def test_the_figure_is_a_png_in_the_current_directory(finished):
    _, done, directory = finished
    assert done.stdout.endswith("figure saved: hessian_of_real_data.png\n")
    figure = (directory / "hessian_of_real_data.png").read_bytes()
    assert figure.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(figure) > 20_000


def test_a_pipe_gets_plain_lines_and_nothing_else(finished):
    _, done, _ = finished
    assert done.stderr == ""
    assert "\r" not in done.stdout
    assert "\x1b" not in done.stdout


def test_the_figure_goes_where_it_is_told(tmp_path):
    done = run(tmp_path, "--out", "spectrum.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["spectrum.png"]
