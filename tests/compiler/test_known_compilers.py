"""What is known of a compiler is what its trial finds."""

from __future__ import annotations

import ctypes

import pytest

from hoad.compiler.toolchain import NoCompilerError, capabilities, known, library, shared_library
from hoad.compiler.toolchain.compilers import tried
from tests.compiler.toolchain_tools import forget

SOURCE = "double twice(double x) { return 2 * x; }\n"


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    monkeypatch.delenv("CC", raising=False)
    forget(monkeypatch, tmp_path / "cache")
    monkeypatch.delenv("HOAD_COMPILE_TRIAL")
    if capabilities().tried:
        pytest.skip("the compiler of this machine has to be tried out")


def test_what_is_known_is_what_the_trial_finds():
    guess = capabilities()
    found = tried()
    assert found.tried
    assert not guess.tried
    assert (found.command, found.flags, found.libraries, found.openmp) == (
        guess.command,
        guess.flags,
        guess.libraries,
        guess.openmp,
    )
    assert set(found.vector_functions) == set(guess.vector_functions)


def test_known_compilers_make_libraries():
    f = shared_library(SOURCE).twice
    f.restype, f.argtypes = ctypes.c_double, (ctypes.c_double,)
    assert f(2.5) == 5.0


def test_threads_are_linked_where_they_are_used():
    assert "-lgomp" in known.linking("#pragma omp parallel for")
    assert "-lgomp" not in known.linking("#pragma omp simd")


def test_the_trial_is_made_where_a_known_compiler_fails(monkeypatch):
    real = library.compile_object
    seen = []

    def failing(command, flags, *rest):
        seen.append("-nostdlib" in flags)
        if "-nostdlib" in flags:
            raise NoCompilerError("it links nothing without its start-up code")
        return real(command, flags, *rest)

    monkeypatch.setattr(library, "compile_object", failing)
    assert shared_library(SOURCE).twice
    assert seen == [True, False]
    assert capabilities().tried


@pytest.mark.parametrize("command", [("cc", "-ffast-math"), ("my-wrapper",)])
def test_others_are_tried_out(command):
    assert known.known(command, (("/usr/bin/my-wrapper", 1, 1),)) is None
