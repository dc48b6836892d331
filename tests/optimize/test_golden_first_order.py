"""First-order optimisers take the steps of torch.optim and optax; the file of their steps is made by make_golden.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hoad.optimize as ho
from hoad.optimize import schedules

GOLDEN = dict(np.load(Path(__file__).parent / "data" / "first_order.npz"))

TRANSFORMS = {
    "torch_sgd": ho.sgd(0.03),
    "torch_momentum": ho.sgd(0.03, momentum=0.9),
    "torch_nesterov": ho.sgd(0.03, momentum=0.9, nesterov=True),
    "torch_sgd_l2": ho.chain(ho.add_decayed_weights(0.1), ho.sgd(0.03, momentum=0.9)),
    "torch_adam": ho.adam(0.02, b1=0.8, b2=0.99, eps=1e-6),
    "torch_adamw": ho.adamw(0.02, weight_decay=0.05),
    "torch_rmsprop": ho.rmsprop(0.02, decay=0.95),
    "torch_rmsprop_centered": ho.rmsprop(0.02, decay=0.95, momentum=0.5, centered=True, eps=1e-4),
    "torch_adagrad": ho.adagrad(0.1, initial=0.1),
    "optax_adam_cosine": ho.adam(schedules.cosine_decay(0.02, 20)),
    "optax_adamw": ho.adamw(0.02, weight_decay=0.05),
    "optax_lion": ho.lion(0.02, b1=0.9, b2=0.99, weight_decay=0.03),
    "optax_momentum": ho.sgd(0.03, momentum=0.9, nesterov=True),
    "optax_clip": ho.chain(ho.clip(0.5), ho.sgd(0.1)),
    "optax_clip_by_global_norm": ho.chain(ho.clip_by_global_norm(1.0), ho.adam(0.1)),
    "optax_decayed": ho.chain(ho.add_decayed_weights(0.1), ho.sgd(0.1)),
}

SCHEDULES = {
    "constant": schedules.constant(0.3),
    "linear": schedules.linear(1.0, 0.1, 30, 10),
    "polynomial": schedules.polynomial(1.0, 0.1, 2.5, 30, 10),
    "cosine_decay": schedules.cosine_decay(0.7, 40, 0.1, 1.5),
    "exponential_decay": schedules.exponential_decay(0.7, 10, 0.5, 5, False, 0.05),
    "exponential_staircase": schedules.exponential_decay(0.7, 10, 0.5, 5, True),
    "piecewise_constant": schedules.piecewise_constant(1.0, {10: 0.5, 30: 0.2}),
    "warmup_cosine": schedules.warmup_cosine(0.01, 1.0, 10, 50, 0.02),
    "join": schedules.join([schedules.constant(1.0), schedules.linear(1.0, 0.0, 20)], [15]),
}


def path_of(transform, start, gradients):
    params, state, path = start, transform.init(start), []
    for g in gradients:
        updates, state = transform.update(g, state, params)
        params = ho.apply_updates(params, updates)
        path.append(params)
    return path


def test_every_golden_array_is_compared():
    assert set(GOLDEN) == {"start", "gradients", *TRANSFORMS, *(f"schedule_{name}" for name in SCHEDULES)}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_steps_agree(name):
    path = path_of(TRANSFORMS[name], GOLDEN["start"], GOLDEN["gradients"])
    np.testing.assert_allclose(path, GOLDEN[name], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_containers_take_the_same_steps(name):
    split = lambda a: {"b": [a[:2], (a[2:5].reshape(1, 3),)], "c": a[5]}
    path = path_of(TRANSFORMS[name], split(GOLDEN["start"]), [split(g) for g in GOLDEN["gradients"]])
    end = path[-1]
    found = np.concatenate([end["b"][0], end["b"][1][0].ravel(), np.reshape(end["c"], 1)])
    np.testing.assert_allclose(found, GOLDEN[name][-1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_agree(name):
    found = [SCHEDULES[name](count) for count in range(60)]
    np.testing.assert_allclose(found, GOLDEN[f"schedule_{name}"], rtol=1e-12, atol=1e-15)


def test_float32_stays_float32():
    params = np.ones(3, np.float32)
    for transform in TRANSFORMS.values():
        updates, _ = transform.update(params * np.float32(0.1), transform.init(params), params)
        assert updates.dtype == np.float32


def test_ask_and_tell_is_the_transform():
    teller = ho.AskTell(ho.adam(0.02, b1=0.8, b2=0.99, eps=1e-6), GOLDEN["start"])
    for n, g in enumerate(GOLDEN["gradients"]):
        teller.tell(g, value=abs(n - 7.0))
        if n == 7:
            at_seven = teller.best[1]
    np.testing.assert_allclose(teller.ask(), GOLDEN["torch_adam"][-1], rtol=1e-12)
    assert teller.best[0] == 0.0
    assert teller.best[1] is at_seven
