"""Softmax regression on scikit-learn's digits, which two papers take for their networks: 650 weights, 1,797 images."""

from __future__ import annotations

from typing import Any

import numpy as np

import hoad
import hoad.optimize as ho
from papers.reproduction import needs

__all__ = ["CLASSES", "PIXELS", "SIZE", "accuracy", "images", "loss", "trained"]

PIXELS, CLASSES = 65, 10  # 64 and a column of ones
SIZE = PIXELS * CLASSES


def images() -> Any:
    """All images, one a row: 64 pixels between 0 and 1, a one, and ten columns of one-hot labels; shape (1797, 75)."""
    X, y = needs("sklearn.datasets").load_digits(return_X_y=True)
    return np.column_stack([X / 16.0, np.ones(len(X)), np.eye(CLASSES)[y]])


def scores(w: Any, data: Any) -> Any:
    """Logits, shape (images, classes)."""
    return data[:, :PIXELS] @ np.reshape(w, (PIXELS, CLASSES))


def loss(w: Any, data: Any) -> Any:
    """Mean negative log-likelihood of the labels."""
    z = scores(w, data)
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(data[:, PIXELS:] * z, axis=1))


def accuracy(w: Any, data: Any) -> float:
    """Fraction of images whose largest score is that of their label."""
    return float(np.mean(np.argmax(scores(w, data), axis=1) == np.argmax(data[:, PIXELS:], axis=1)))


def trained(data: Any, steps: int = 200) -> Any:
    """Weights after heavy-ball steps from zero: learning rate 0.1, momentum 0.9, weight decay 0.001 added to the gradient."""
    gradient, method, w = hoad.grad(loss), ho.sgd(0.1, momentum=0.9), np.zeros(SIZE)
    state = method.init(w)
    for _ in range(steps):
        step, state = method.update(gradient(w, data) + 1e-3 * w, state, w)
        w = ho.apply_updates(w, step)
    return w
