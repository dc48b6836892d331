"""Makes data/first_order.npz: steps of torch.optim and optax on fixed gradients, and values of optax's schedules.

Run it once, where torch and optax are installed: ``python tests/optimize/make_golden.py``.  The tests read only the file, so
neither library is needed for them.  Made with torch 2.13.0 and optax 0.2.8 (jax 0.10.2, float64).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

STEPS, SIZE = 25, 6


def fixed_problem() -> tuple[np.ndarray, np.ndarray]:
    """A start, and one gradient for each step; one entry of the gradient is always zero."""
    rng = np.random.default_rng(20240819)
    gradients = rng.standard_normal((STEPS, SIZE)) * 10.0 ** rng.uniform(-3, 2, SIZE)
    gradients[:, -1] = 0.0
    return rng.standard_normal(SIZE), gradients


def torch_path(make, start, gradients):
    """Parameters after each step of a torch optimiser."""
    import torch

    p = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimiser = make([p])
    path = []
    for g in gradients:
        p.grad = torch.tensor(g, dtype=torch.float64)
        optimiser.step()
        path.append(p.detach().numpy().copy())
    return np.array(path)


def optax_path(transform, start, gradients):
    """Parameters after each step of an optax transform."""
    import jax.numpy as jnp
    import optax

    p = jnp.asarray(start)
    state = transform.init(p)
    path = []
    for g in gradients:
        updates, state = transform.update(jnp.asarray(g), state, p)
        p = optax.apply_updates(p, updates)
        path.append(np.asarray(p))
    return np.array(path)


def main() -> None:
    import jax
    import optax
    import torch

    jax.config.update("jax_enable_x64", True)
    start, gradients = fixed_problem()
    out = {"start": start, "gradients": gradients}
    for name, make in {
        "torch_sgd": lambda p: torch.optim.SGD(p, lr=0.03),
        "torch_momentum": lambda p: torch.optim.SGD(p, lr=0.03, momentum=0.9),
        "torch_nesterov": lambda p: torch.optim.SGD(p, lr=0.03, momentum=0.9, nesterov=True),
        "torch_sgd_l2": lambda p: torch.optim.SGD(p, lr=0.03, momentum=0.9, weight_decay=0.1),
        "torch_adam": lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.8, 0.99), eps=1e-6),
        "torch_adamw": lambda p: torch.optim.AdamW(p, lr=0.02, betas=(0.9, 0.999), weight_decay=0.05),
        "torch_rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.02, alpha=0.95),
        "torch_rmsprop_centered": lambda p: torch.optim.RMSprop(p, lr=0.02, alpha=0.95, momentum=0.5, centered=True, eps=1e-4),
        "torch_adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, initial_accumulator_value=0.1),
    }.items():
        out[name] = torch_path(make, start, gradients)
    cosine = optax.cosine_decay_schedule(0.02, 20)
    for name, transform in {
        "optax_adam_cosine": optax.adam(cosine),
        "optax_adamw": optax.adamw(0.02, weight_decay=0.05),
        "optax_lion": optax.lion(0.02, b1=0.9, b2=0.99, weight_decay=0.03),
        "optax_momentum": optax.sgd(0.03, momentum=0.9, nesterov=True),
        "optax_clip": optax.chain(optax.clip(0.5), optax.sgd(0.1)),
        "optax_clip_by_global_norm": optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.1)),
        "optax_decayed": optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.1)),
    }.items():
        out[name] = optax_path(transform, start, gradients)
    counts = np.arange(60)
    for name, schedule in {
        "constant": optax.constant_schedule(0.3),
        "linear": optax.linear_schedule(1.0, 0.1, 30, 10),
        "polynomial": optax.polynomial_schedule(1.0, 0.1, 2.5, 30, 10),
        "cosine_decay": optax.cosine_decay_schedule(0.7, 40, 0.1, 1.5),
        "exponential_decay": optax.exponential_decay(0.7, 10, 0.5, 5, False, 0.05),
        "exponential_staircase": optax.exponential_decay(0.7, 10, 0.5, 5, True),
        "piecewise_constant": optax.piecewise_constant_schedule(1.0, {10: 0.5, 30: 0.2}),
        "warmup_cosine": optax.warmup_cosine_decay_schedule(0.01, 1.0, 10, 50, 0.02),
        "join": optax.join_schedules([optax.constant_schedule(1.0), optax.linear_schedule(1.0, 0.0, 20)], [15]),
    }.items():
        out[f"schedule_{name}"] = np.array([float(schedule(int(c))) for c in counts])
    np.savez_compressed(Path(__file__).parent / "data" / "first_order.npz", **out)


if __name__ == "__main__":
    main()
