# ruff: noqa: E501  # tables of names
"""``import hoad`` imports NumPy, SciPy's basic parts and optree, and nothing that is optional or slow."""

import subprocess
import sys

import pytest

OPTIONAL = (
    "cupy", "cupyx", "matplotlib", "tqdm", "sympy", "mpmath", "sklearn", "pandas", "jax", "torch", "autograd", "tensortrax", "graphviz",
    "scipy.optimize", "scipy.stats", "scipy.integrate", "scipy.interpolate", "pytest", "hypothesis",
)  # fmt: skip


@pytest.fixture(scope="module")
def modules():
    code = "import hoad, hoad.testing, hoad.numpy, hoad.scipy, sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", OPTIONAL)
def test_import_leaves_out(modules, name):
    assert name not in modules


def test_the_cupy_backend_is_not_imported(modules):
    assert "hoad.backends.cupy" not in modules


def test_one_file_imports_cupy():
    from pathlib import Path

    import hoad

    root = Path(hoad.__file__).parent
    found = {
        str(p.relative_to(root))
        for p in root.rglob("*.py")
        if any(
            line.split()[:1] in (["import"], ["from"]) and line.split()[1].split(".")[0] in ("cupy", "cupyx")
            for line in p.read_text().splitlines()
            if len(line.split()) > 1
        )
    }
    assert found == {"backends/cupy.py"}


def test_backend_of_host_values():
    import numpy as np

    from hoad import backends

    for x in (np.ones(2), np.float32(1.0), 1.0, [1.0]):
        assert backends.of(x).name == "numpy"
        assert backends.is_host(x)
    z = np.zeros(2)
    backends.of(z).scatter_add(z, [0, 0], 1.0)
    assert z.tolist() == [2.0, 0.0]
