"""Run by ``make mpi`` under mpirun: the spread solve equals the serial one. Exit code 0 if it does on every process."""

from __future__ import annotations

import argparse
import sys

import numpy as np
from mpi4py import MPI

from hoad import mechanics as me

LINEAR = {0: me.LinearElastic(mu=1.0, lmbda=2.0), 1: me.LinearElastic(mu=20.0, lmbda=30.0)}
FINITE = {0: me.NeoHooke(mu=1.0, lmbda=2.0), 1: me.NeoHooke(mu=5.0, lmbda=10.0)}
SOME = {0: me.LinearElastic(mu=1.0, lmbda=2.0), 1: me.PowerLaw(sigma0=0.5, eps0=0.1, n=10.0, K=2.0)}
CASES = {
    "a non-linear phase on some processes only": ((8, 5, 6), SOME, "rotated", "displacement"),
    "linear, rotated, odd": ((9, 11, 7), LINEAR, "rotated", "displacement"),
    "linear, Fourier, even, strain form": ((8, 6, 10), LINEAR, "fourier", "strain"),
    "finite strain, tetrahedra": ((6, 7, 5), FINITE, "tetrahedra", "displacement"),
    "finite strain, rotated, even": ((8, 8, 6), FINITE, "rotated", "displacement"),
    "two axes": ((12, 9), LINEAR, "rotated", "displacement"),
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--decomposition", choices=("slab", "pencil"), default="slab")
    decomposition = parser.parse_args().decomposition
    rng = np.random.default_rng(0)
    worst = 0.0
    for name, (shape, phases, scheme, method) in CASES.items():
        image = rng.integers(0, 2, shape)
        if phases is SOME:
            image[shape[0] // 4 :] = 0
        d = len(shape)
        if decomposition == "pencil" and d == 2:
            continue
        finite = phases is FINITE
        strain = 0.1 * rng.standard_normal((d, d))
        load = me.strain_path([np.eye(d) + strain if finite else strain + strain.T])
        transform = me.MPITransform(shape, decomposition=decomposition)
        serial = me.solve(me.Cell(image, scheme=scheme), phases, load, method=method, tol=1e-13)
        spread = me.solve(me.Cell(image, scheme=scheme, transform=transform), phases, load, method=method, tol=1e-13)
        scale = np.abs(serial.stress).max()
        part = (slice(None),) * 3 + transform.real_part
        whole = transform.gather(spread.displacement)
        errors = {
            "stress": np.abs(spread.stress - serial.stress).max() / scale,
            "gathered": 0.0 if whole is None else np.abs(whole - serial.displacement).max(),
            "energy": abs(spread.energy[0] / serial.energy[0] - 1),
            "stress field": np.abs(spread.stress_field - serial.stress_field[part]).max() / np.abs(serial.stress_field).max(),
            "tangent": np.abs(spread.tangent(tol=1e-8) - serial.tangent(tol=1e-8)).max() / np.abs(serial.tangent()).max(),
            "displacement": np.abs(spread.displacement - serial.displacement[(slice(None), *transform.real_part)]).max(),
        }
        largest = MPI.COMM_WORLD.allreduce(max(errors.values()), op=MPI.MAX)
        worst = max(worst, largest)
        if MPI.COMM_WORLD.rank == 0:
            print(f"{decomposition}, {name}: largest difference {largest:.1e}; {errors}", flush=True)
    return 0 if worst < 1e-12 else 1


if __name__ == "__main__":
    sys.exit(main())
