"""Compilers as they are found: good ones, partly good ones, and ones that hang, die or make rubbish."""

from __future__ import annotations

import ctypes
import math
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hoad.compiler.toolchain import NoCompilerError, cache, capabilities, flags, shared_library, vector_declarations
from hoad.compiler.toolchain.process import KEPT, run
from hoad.errors import SettingError
from tests.compiler.toolchain_tools import REAL, content, fake, folder_after, forget, needs_compiler, only, posix, python

pytestmark = [needs_compiler, posix]
SOURCE = "double twice(double x) { return 2 * x; }\n"


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """A cache that knows the compiler of this machine."""
    return folder_after(capabilities, tmp_path_factory)


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path, tried):
    monkeypatch.delenv("CC", raising=False)
    forget(monkeypatch, shutil.copytree(tried, tmp_path / "cache"))


@pytest.fixture
def untried(monkeypatch, tmp_path):
    forget(monkeypatch, tmp_path / "empty")
    return tmp_path / "empty"


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """A library with a loop over each vector function."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CC", raising=False)
        forget(patch, tmp_path_factory.mktemp("vectors"))
        names = capabilities().vector_functions
        lines = ["#include <math.h>", vector_declarations(names)]
        for name in names:
            real = "double" if name in flags.ONE + flags.TWO else "float"
            lines += [f"void loop_{name}(long n, const {real} *restrict x, {real} *restrict y)", "{", "#pragma omp simd"]
            lines += [f"for (long i = 0; i < n; ++i) y[i] = {name}({', '.join(['x[i]'] * flags.FUNCTIONS[name])});", "}"]
        library = shared_library("\n".join(lines) + "\n")
        return library


def twice(source=SOURCE, **options):
    f = shared_library(source, **options).twice
    f.restype, f.argtypes = ctypes.c_double, (ctypes.c_double,)
    return f(21.0)


def builds(folder):
    return list(folder.glob("build-*"))


def test_a_source_becomes_a_library(tmp_path):
    assert twice() == 42.0
    assert shared_library(SOURCE) is shared_library(SOURCE)
    assert content(tmp_path / "cache") == [".json", ".so"]
    assert builds(tmp_path / "cache") == []


def test_what_differs_is_another_library():
    source = "#ifndef FACTOR\n#define FACTOR 2\n#endif\ndouble twice(double x) { return FACTOR * x; }\n"
    assert twice(source) == 42.0
    assert twice(source, extra=("-DFACTOR=3",)) == 63.0
    assert twice(source, optimise="-O1") == 42.0
    assert twice(source.replace("FACTOR *", "FACTOR +")) == 23.0


def test_a_source_with_an_error_tells_it(tmp_path):
    with pytest.raises(NoCompilerError, match=r"exit code 1.*unknown_name"):
        shared_library("double twice(double x) { return unknown_name; }\n")
    assert content(tmp_path / "cache") == [".json"]
    assert builds(tmp_path / "cache") == []


def test_contraction_can_be_switched_off():
    source = "double f(double a, double b, double c) { return a * b - c; }\n"
    f = shared_library(source, extra=("-ffp-contract=off",)).f
    f.restype, f.argtypes = ctypes.c_double, (ctypes.c_double,) * 3
    x = np.random.default_rng(0).standard_normal(100)
    assert all(f(a, a, a * a) == 0.0 for a in x)


@pytest.mark.parametrize("name", sorted(flags.FUNCTIONS))
def test_vector_functions_are_right(vectors, name):
    if name not in capabilities().vector_functions:
        pytest.skip(f"{name} has no vector form on this machine")
    single = name not in flags.ONE + flags.TWO
    base, count = (name[:-1] if single else name), flags.FUNCTIONS[name]
    x = np.linspace(*((1.0, 9.0) if base == "acosh" else (0.0, 1.0)), 999)[1:-1].astype("f4" if single else "f8")
    y = np.empty_like(x)
    f = getattr(vectors, f"loop_{name}")
    f(ctypes.c_long(x.size), ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data))
    expected = np.array([getattr(math, base)(*[a] * count) for a in x.tolist()])
    np.testing.assert_allclose(y, expected, rtol=4 * np.finfo(x.dtype).eps, atol=0)


def test_vector_functions_are_called(vectors):
    content = Path(vectors._name).read_bytes()
    assert all(re.search(rb"_ZGV\w+v_" + name.encode() + rb"\0", content) for name in capabilities().vector_functions)


def test_arithmetic_keeps_special_values():
    lines = "y[0] = a - a; y[1] = a == a; y[2] = 1 / (b * -1.0); y[3] = t / 2; y[4] = 0.0 * a; y[5] = 1 / (-b + b);"
    f = shared_library(f"void f(double a, double b, double t, double *y) {{ {lines} }}\n").f
    f.argtypes = (ctypes.c_double,) * 3 + (ctypes.c_void_p,)
    y = np.zeros(6)
    f(np.inf, 0.0, 1e-320, y.ctypes.data)
    np.testing.assert_array_equal(y, [np.nan, 1.0, -np.inf, 1e-320 / 2, np.nan, np.inf])


def test_a_compiler_for_fast_mathematics_is_refused(monkeypatch, tmp_path):
    only(monkeypatch, fake(tmp_path / "fast", "real('-ffast-math')", only_kernels=False))
    with pytest.raises(NoCompilerError, match="IEEE"):
        capabilities()


def test_a_function_of_libm_that_is_wrong_is_not_used_in_vector_form(monkeypatch, tmp_path):
    best = set(capabilities().vector_functions)
    changes = """
text = open("kernel.c").read().replace("= sin(x[i])", "= (1 + 1e-9) * sin(x[i])").replace("= powf(x[i]", "= 1.001f * powf(x[i]")
open("kernel.c", "w").write(text)
real()"""
    only(monkeypatch, fake(tmp_path / "wrong", changes, only_kernels=False))
    assert set(capabilities().vector_functions) == best - {"sin", "powf"}


def test_what_a_compiler_refuses_is_left_out(monkeypatch, tmp_path):
    refused = "for w in words:\n    if w in ('-march=native', '-fopenmp', '-pipe'): sys.exit('error: ' + w)\nreal()"
    only(monkeypatch, fake(tmp_path / "old", refused, only_kernels=False))
    found = capabilities()
    assert not {"-march=native", "-fopenmp", "-pipe"} & set(found.flags)
    assert "-fopenmp-simd" in found.flags
    assert "-fno-math-errno" in found.flags
    assert not found.openmp
    assert twice() == 42.0


DIES = """
if {condition}:
    with open("kernel.c", "a") as source:
        source.write("__attribute__((constructor)) static void dies(void) {{ __builtin_trap(); }}\\n")
real()"""


@pytest.mark.parametrize(
    ("condition", "lost"),
    [
        ("'-march=native' in words", {"-march=native"}),
        pytest.param("'-fopenmp' in words", {"-fopenmp"}, marks=pytest.mark.slow),
        pytest.param("'-march=native' in words or '-fopenmp' in words", {"-march=native", "-fopenmp"}, marks=pytest.mark.slow),
        ("'probe_exp' in open('kernel.c').read()", {"vector"}),
        (
            "{'-march=native', '-fopenmp'} & {*words} or 'probe_exp' in open('kernel.c').read()",
            {"-march=native", "-fopenmp", "vector"},
        ),
    ],
    ids=["processor", "threads", "processor, threads", "vectors", "all"],
)
def test_what_compiles_but_does_not_run_is_left_out(monkeypatch, tmp_path, condition, lost):
    best = capabilities()
    only(monkeypatch, fake(tmp_path / "virtual", DIES.format(condition=condition), only_kernels=False))
    found = capabilities()
    assert {*best.flags} - {*found.flags} == lost & {*best.flags}
    assert found.openmp == (best.openmp and "-fopenmp" not in lost)
    assert found.vector_functions == (() if "vector" in lost else best.vector_functions)
    assert twice() == 42.0


def test_a_trial_that_does_not_end_is_not_tried_with_less(monkeypatch, tmp_path):
    log = tmp_path / "log"
    hangs = f"import time\nopen({str(log)!r}, 'a').write('x')\ntime.sleep(60)"
    only(monkeypatch, fake(tmp_path / "hangs", hangs, only_kernels=False))
    monkeypatch.setenv("HOAD_COMPILE_TIMEOUT", "1.5")
    with pytest.raises(NoCompilerError, match=r"did not end within 1.5 seconds"):
        capabilities()
    assert log.read_text() == "x"


def test_square_roots_are_instructions():
    if platform.machine() != "x86_64":
        pytest.skip("the instruction set is not known here")
    source = "#include <math.h>\nvoid f(double *x) {\n#pragma omp simd\nfor (int i = 0; i < 64; ++i) x[i] = sqrt(x[i]);\n}\n"
    assert b"\0sqrt\0" not in Path(shared_library(source)._name).read_bytes()  # no call that would set errno


def test_the_compiler_of_the_environment_comes_first(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", fake(tmp_path / "mine", "real()"))
    assert (capabilities().command, capabilities().version) == ((str(tmp_path / "mine"),), "fake compiler 1.0")


def test_a_compiler_named_by_a_relative_path(monkeypatch, tmp_path):
    fake(tmp_path / "mine", "real()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CC", "./mine -O1")
    assert capabilities().command == (str(tmp_path / "mine"), "-O1")
    assert twice() == 42.0


@pytest.mark.parametrize("compiler", [sys.executable, "absent"])
def test_a_bad_compiler_gives_way_to_the_next(monkeypatch, caplog, compiler):
    monkeypatch.setenv("CC", "no-such-compiler --with 'words'")
    assert os.path.realpath(capabilities().command[0]) == os.path.realpath(REAL)
    monkeypatch.setenv("CC", "'unclosed")
    assert os.path.realpath(capabilities().command[0]) == os.path.realpath(REAL)
    monkeypatch.setenv("CC", compiler)  # Python has a version, but compiles nothing
    with caplog.at_level("INFO", "hoad"):
        assert os.path.realpath(capabilities().command[0]) == os.path.realpath(REAL)
    assert any(f"{compiler} is not used" in r.message for r in caplog.records)


def test_no_compiler_at_all_says_what_was_tried(monkeypatch, tmp_path):
    only(monkeypatch, str(tmp_path / "absent"))
    with pytest.raises(NoCompilerError, match=r"absent: not found.*pip install 'hoad\[compile\]'"):
        capabilities()
    with pytest.raises(NoCompilerError, match="absent: not found"):
        twice()


HALF = """
if not os.fork(): real()
os.wait()
whole = open(words[words.index("-o") + 1], "rb").read()
write(whole[:len(whole) // 2])
"""
BAD = {
    "no library": ("print('garbage ' * 1000)", "made no library"),
    "text for a library": ("write(b'garbage' * 100)", "starts with b'garb'"),
    "an empty library": ("write(b'')", "no library: it starts with b''"),
    "half a library": (HALF, "cut off"),
    "a library of zeros": ("write(b'\\x7fELF\\x02\\x01\\x01' + bytes(100000))", "cannot be loaded"),
    "an object in place of a library": ("words[words.index('-shared')] = '-c'\nreal()", "cannot be loaded"),
    "an error": ("sys.exit('kernel.c: error: \\x1b[31mnothing works\\x07')", r"kernel.c: error: \?\[31mnothing works\?"),
    "death": ("os.kill(os.getpid(), 9)", "was killed by SIGKILL"),
    "a crash": ("write(b'x')\nos.abort()", "was killed by SIGABRT"),
    "no end": ("import time\ntime.sleep(60)", "did not end within 0.5 seconds"),
    "no end of words": ("while True: os.write(1, b'error ' * 1000)", "did not end within 0.5 seconds"),
    "a link": ("os.symlink('/etc/hosts', words[words.index('-o') + 1])", "made no library"),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(BAD))
def test_a_compiler_that_fails_on_a_kernel(monkeypatch, tmp_path, what):
    behaviour, message = BAD[what]
    only(monkeypatch, fake(tmp_path / "bad", behaviour))
    capabilities()
    before = content(tmp_path / "cache")
    monkeypatch.setenv("HOAD_COMPILE_TIMEOUT", "0.5")
    for _ in range(2):
        start = time.monotonic()
        with pytest.raises(NoCompilerError, match=message):
            twice()
    assert time.monotonic() - start < 0.3  # the second time it was known
    assert content(tmp_path / "cache") == before == [".json", ".json"]
    assert builds(tmp_path / "cache") == []


@pytest.mark.parametrize("what", sorted(BAD))
def test_a_compiler_that_fails_from_the_start(monkeypatch, tmp_path, untried, what):
    only(monkeypatch, fake(tmp_path / "bad", BAD[what][0], only_kernels=False))
    monkeypatch.setenv("HOAD_COMPILE_TIMEOUT", "0.5")
    with pytest.raises(NoCompilerError, match=r"no C compiler works \(.*bad: "):
        twice()
    assert content(untried) == []
    assert builds(untried) == []


def test_a_compiler_that_hangs_is_stopped_with_all_that_it_started(monkeypatch, tmp_path):
    pids = tmp_path / "pids"
    hangs = f"import time\nos.fork()\nopen({str(pids)!r}, 'a').write(f'{{os.getpid()}} ')\ntime.sleep(60)"
    only(monkeypatch, fake(tmp_path / "hangs", hangs))
    capabilities()
    monkeypatch.setenv("HOAD_COMPILE_TIMEOUT", "1.5")
    with pytest.raises(NoCompilerError, match=r"within 1.5 seconds"):
        twice()
    found = [int(pid) for pid in pids.read_text().split()]
    assert len(found) == 2
    deadline = time.monotonic() + 5
    while any(_runs(pid) for pid in found) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(_runs(pid) for pid in found)


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def test_what_a_compiler_leaves_running_does_not_hold_up(monkeypatch, tmp_path):
    only(monkeypatch, fake(tmp_path / "leaves", "import time\nif os.fork() == 0:\n    time.sleep(4)\n    os._exit(0)\nreal()"))
    capabilities()
    start = time.monotonic()
    assert twice() == 42.0
    assert time.monotonic() - start < 3.5


def test_output_is_bounded_in_memory():
    status, output = run([sys.executable, "-c", "import os\nfor _ in range(500): os.write(1, b'x' * 65536)"], limit=60)
    assert (status, len(output)) == (0, KEPT)


def test_ctrl_c_stops_the_compiler(monkeypatch, tmp_path):
    hangs = f"import time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    monkeypatch.setenv("CC", fake(tmp_path / "hangs", hangs))
    listens = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"  # it may be ignored where tests run
    code = f"{listens}from hoad.compiler.toolchain import shared_library\nshared_library({SOURCE!r})"
    process = python(code, tmp_path / "cache")
    deadline = time.monotonic() + 30
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in error
    assert not _runs(int((tmp_path / "pid").read_text()))
    assert builds(tmp_path / "cache") == []


@pytest.mark.parametrize("executable", ["", "/usr/bin/server", "/no/such/python"])
def test_an_interpreter_inside_another_program_finds_another_one(monkeypatch, untried, executable):
    best = capabilities()
    forget(monkeypatch, untried.with_name("other"))
    monkeypatch.setattr(sys, "executable", executable)
    assert capabilities() == best


def test_a_new_compiler_is_tried_anew(monkeypatch, tmp_path):
    path = tmp_path / "changing"
    only(monkeypatch, fake(path, "real('-DFACTOR=2')"))
    source = "double twice(double x) { return FACTOR * x; }\n"
    assert twice(source) == 42.0
    fake(path, "real('-DFACTOR=50')")
    forget(monkeypatch, tmp_path / "cache")  # a new process; the source and the name of the compiler are the same
    assert twice(source) == 1050.0
    assert content(tmp_path / "cache") == [".json", ".json", ".json", ".so", ".so"]


WARM = """
import sys, time
from hoad.compiler.toolchain import shared_library
def hook(event, arguments):
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system", "os.exec"):
        raise SystemExit("a process was started: " + str(arguments))
sys.addaudithook(hook)
start = time.perf_counter()
f = shared_library(SOURCE).twice
import ctypes
f.restype, f.argtypes = ctypes.c_double, (ctypes.c_double,)
print(f(21.0), time.perf_counter() - start)
""".replace("SOURCE", repr(SOURCE))


def test_a_warm_start_runs_no_other_process(tmp_path):
    cold = python(WARM, tmp_path / "cache")
    assert "a process was started" in cold.communicate(timeout=60)[1]  # the hook sees it
    twice()
    out, error = python(WARM, tmp_path / "cache").communicate(timeout=60)
    assert out.startswith("42.0"), error
    assert float(out.split()[1]) < 0.1  # some 3 ms


@pytest.mark.parametrize(
    ("name", "value"), [("HOAD_COMPILE_TIMEOUT", "soon"), ("HOAD_COMPILE_TIMEOUT", "-1"), ("HOAD_COMPILE_TIMEOUT", "nan"),
                        ("HOAD_CACHE_SIZE", "large"), ("HOAD_CACHE_SIZE", "-5")],
)  # fmt: skip
def test_wrong_settings_are_told(monkeypatch, name, value):
    capabilities()
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=f"{name} is '{value}', expected"):
        twice()


def test_zig_compiles_where_nothing_else_is(monkeypatch, tmp_path):
    pytest.importorskip("ziglang", reason="the package ziglang is not installed")
    monkeypatch.setenv("CC", str(tmp_path / "absent"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(Path.home() / ".cache" / "zig"))
    found = capabilities()
    assert found.command[-1] == "cc"
    assert "zig" in found.command[0]
    assert twice() == 42.0
    if platform.libc_ver()[0] == "glibc" and platform.machine() == "x86_64":
        assert "exp" in found.vector_functions


def test_the_trial_compiles_once(monkeypatch, tmp_path):
    log = tmp_path / "log"
    only(monkeypatch, fake(tmp_path / "counted", f"open({str(log)!r}, 'a').write('x')\nreal()", only_kernels=False))
    capabilities()
    assert log.read_text() == "x"
    forget(monkeypatch, tmp_path / "cache")
    capabilities()
    assert log.read_text() == "x"


def test_a_cache_that_cannot_be_had_is_no_reason_to_fail(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOAD_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert twice() == 42.0
    place = cache.current().path
    assert cache.current().private
    assert content(place) == [".json", ".so"]
    subprocess.run(["rm", "-r", str(place)], check=True)
