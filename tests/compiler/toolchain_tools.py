"""Compilers that misbehave, and a tool chain without memory, for the tests of the tool chain and its cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import hoad
from hoad.compiler.toolchain import cache, compilers, library

PATH = os.environ.get("PATH", os.defpath)
REAL = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(REAL is None, reason="no C compiler on this machine")
posix = pytest.mark.skipif(os.name != "posix", reason="permissions and processes of POSIX")

_SCRIPT = """\
#!{python} -IS
import os, sys
words = sys.argv[1:]
def real(*more):
    os.environ["PATH"] = {path!r}
    os.execv({real!r}, [{real!r}, *words, *more])
def write(content):
    with open(words[words.index("-o") + 1], "wb") as made:
        made.write(content)
if "--version" in words:
    print("fake compiler 1.0")
    sys.exit()
if {only_kernels} and "probe" in open("kernel.c").read():
    real()
{behaviour}
"""


def fake(path: Path, behaviour: str, *, only_kernels: bool = True) -> str:
    """A program that compiles as the real compiler, but does something else to a kernel, or to every source."""
    text = _SCRIPT.format(python=sys.executable, path=PATH, real=REAL, behaviour=behaviour, only_kernels=only_kernels)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def forget(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """As a new process with its own cache folder."""
    monkeypatch.setenv("HOAD_COMPILE_TRIAL", "always")
    monkeypatch.setenv("HOAD_CACHE_DIR", str(folder))
    monkeypatch.delenv("HOAD_CACHE_SIZE", raising=False)
    monkeypatch.delenv("HOAD_COMPILE_TIMEOUT", raising=False)
    for module, name in (
        (compilers, "_known"), (library, "_loaded"), (library, "_failed"), (cache, "_refused"), (cache, "_private"),
        (cache, "_sizes"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, {})
    monkeypatch.setattr(cache, "_told", set())


def folder_after(first: Callable[[], object], factory: pytest.TempPathFactory) -> Path:
    """The cache folder of a process that has called a function."""
    folder = factory.mktemp("known") / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CC", raising=False)
        forget(patch, folder)
        first()
    return folder


def only(monkeypatch: pytest.MonkeyPatch, compiler: str) -> None:
    """No compiler but one."""
    monkeypatch.setenv("CC", compiler)
    monkeypatch.setenv("PATH", os.path.dirname(compiler))
    monkeypatch.setattr(compilers.importlib.util, "find_spec", lambda name: None)


def python(code: str, folder: Path, **variables: str) -> subprocess.Popen[str]:
    """A process of its own that runs some code with a cache folder."""
    environment = {
        **os.environ, "PYTHONPATH": str(Path(hoad.__file__).parents[1]), "HOAD_CACHE_DIR": str(folder), **variables,
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def content(folder: Path) -> list[str]:
    """Kinds of all files below a folder."""
    return sorted(p.suffix for p in folder.rglob("*") if not p.is_dir())
