"""The layers of the design hold: nothing imports upward or sideways, and importing hoad imports nothing optional."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hoad

ROOT = Path(hoad.__file__).parent
LAYERS = {
    "errors": 0,
    "atomic": 0,
    "backends": 1,
    "core": 2,
    "modes": 3,
    "rules": 3,
    "transforms": 4,
    "compiler": 5,
    "operators": 5,
    "optimize": 6,
    "testing": 6,
    "numpy": 6,
    "scipy": 6,
    "sparse": 6,
    "mechanics": 7,
    "cli": 7,
    "__main__": 8,
}
NAMESPACES = {"numpy", "scipy"}  # mirrors of the registry: they see the rules that fill it


def imports(path: Path) -> set[str]:
    """Names of the packages of hoad that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        modules = [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        if isinstance(node, ast.Import):
            modules = [a.name for a in node.names]
        for module in modules:
            parts = module.split(".")
            if parts[0] == "hoad" and len(parts) > 1:
                found.add(parts[1])
    return found


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


FILES = sorted(p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_only_lower_layers(path):
    package = package_of(path)
    assert package in LAYERS, f"{package} has no place in the layers"
    for other in imports(path) - {package}:
        assert LAYERS[other] < LAYERS[package], f"{path.relative_to(ROOT)} imports hoad.{other}"


def test_modes_and_rules_do_not_see_each_other():
    for path in FILES:
        if package_of(path) == "modes":
            assert "rules" not in imports(path)
        if package_of(path) == "rules":
            assert "modes" not in imports(path)


def test_cupy_is_imported_in_one_file():
    found = [p for p in FILES if any(line.strip().startswith(("import cupy", "from cupy")) for line in p.read_text().splitlines())]
    assert [str(p.relative_to(ROOT)) for p in found] == ["backends/cupy.py"]


def test_importing_hoad_imports_nothing_optional():
    code = (
        "import sys, hoad; "
        "print([m for m in ('cupy', 'matplotlib', 'sympy', 'tqdm', 'sklearn', 'jax', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_exist_and_are_sorted():
    assert hoad.__all__ == sorted(hoad.__all__, key=lambda n: (not n[0].isupper(), n))
    for name in hoad.__all__:
        assert hasattr(hoad, name)
