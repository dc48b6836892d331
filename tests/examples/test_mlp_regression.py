"""The 10-20-1 network: three loss curves of PyTorch in float64."""

from __future__ import annotations

import numpy as np
import pytest

REFERENCE = {
    "ReLU, noise": ("1.35967504411", "1.02360589541", "0.179242845628", "0.174013282829"),
    "ReLU, sum of features": ("10.3077443826", "6.76599322892", "0.0137013094429", "0.0135134923171"),
    "tanh, noise": ("1.24824750368", "1.0487334096", "0.0463434019631", "0.0434353903302"),
}


@pytest.fixture(scope="module")
def done(run_example):
    return run_example("mlp_regression")


@pytest.mark.parametrize("case", list(REFERENCE))
def test_losses(case, done, printed):
    line = next(line for line in done.text.splitlines() if line.startswith(case))
    *losses, norm = (float(word) for word in line[len("ReLU, sum of features ") :].split())
    assert losses == [printed(text) for text in REFERENCE[case]]
    if case == "ReLU, noise":
        assert norm == printed("1.41737653677")


def test_whole_curve(done):
    module = done.module
    start, X, y = module.problem()
    losses = module.fit(lambda weights: module.mean_square(weights, X, y, np.tanh), start, 100)[1]
    with np.load(module.DATA / "mlp_regression.npz") as stored:
        np.testing.assert_allclose(losses, stored["loss_tanh_noise"], rtol=1e-9)
