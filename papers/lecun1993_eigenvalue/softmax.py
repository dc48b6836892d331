"""Softmax regression on scikit-learn's digits, a stand-in for larger networks and data: 650 weights, 1,797 images."""

from __future__ import annotations

from typing import Any

import numpy as np

import hoad
from papers.reproduction import MissingPackageError

__all__ = ["SIZE", "digits", "loss", "trained"]

SIZE = 650


def digits() -> np.ndarray:
    """Images of 64 pixels between 0 and 1, a column of ones, and ten columns of one-hot labels: (1797, 75)."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingPackageError("this paper needs scikit-learn: python -m pip install scikit-learn") from error
    X, y = load_digits(return_X_y=True)
    return np.column_stack([X / 16, np.ones(len(X)), np.eye(10)[y]])


def loss(w: Any, data: np.ndarray) -> Any:
    """Mean negative log-likelihood of the labels."""
    z = data[:, :65] @ w.reshape(65, 10)
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(data[:, 65:] * z, axis=1))


def trained(data: np.ndarray, steps: int = 200) -> np.ndarray:
    """Weights after heavy-ball steps from zero with learning rate 0.1, momentum 0.9 and weight decay 0.001."""
    gradient = hoad.grad(loss)
    w, velocity = np.zeros(SIZE), np.zeros(SIZE)
    for _ in range(steps):
        velocity = 0.9 * velocity + gradient(w, data) + 1e-3 * w
        w = w - 0.1 * velocity
    return w
