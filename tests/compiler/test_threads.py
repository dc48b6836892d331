"""The number of threads of compiled code: who sets it, who limits it, and what a fork makes of it."""

from __future__ import annotations

import ctypes
import os

import numpy as np
import pytest

from hoad.compiler.toolchain import (
    THREADS_SOURCE,
    NoCompilerError,
    capabilities,
    get_num_threads,
    set_num_threads,
    shared_library,
    threads,
    threads_address,
)
from hoad.errors import SettingError
from tests.compiler.toolchain_tools import needs_compiler, posix, python

SOURCE = (
    THREADS_SOURCE
    + """
int team(void) { return hoad_team(); }
int counted(void)
{
    int count = 0;
    const int team = hoad_team();
    #pragma omp parallel num_threads(team) if (team > 1) reduction(+ : count)
    count += 1;
    return count;
}
int inside(void)
{
    int most = 0;
    #pragma omp parallel num_threads(2) reduction(max : most)
    most = hoad_team();
    return most;
}
double total(long n, const double *x)
{
    double s = 0.0;
    const int team = hoad_team();
    #pragma omp parallel for num_threads(team) if (team > 1) reduction(+ : s)
    for (long i = 0; i < n; ++i) s += x[i];
    return s;
}
"""
)
HEAD = f"import ctypes, os, sys\nfrom hoad.compiler.toolchain import *\nf = shared_library({SOURCE!r})\n"


@pytest.fixture(autouse=True)
def restored():
    before = get_num_threads()
    yield
    set_num_threads(before)


@pytest.fixture(scope="module")
def openmp():
    try:
        if not capabilities().openmp:
            pytest.skip("OpenMP does not link on this machine")
    except NoCompilerError:
        pytest.skip("no C compiler on this machine")


@pytest.fixture
def folder(tmp_path_factory):
    return tmp_path_factory.getbasetemp() / "threads"


def printed(code, folder, **variables):
    out, error = python(HEAD + code, folder, **variables).communicate(timeout=60)
    assert error == ""
    return out.split()


def test_a_number_is_kept():
    for n in (1, 3, np.int64(2)):
        set_num_threads(n)
        assert get_num_threads() == n
        assert ctypes.c_int64.from_address(threads_address()).value == n


@pytest.mark.parametrize(
    ("wrong", "kind"), [(0, ValueError), (-2, ValueError), (2**40, ValueError), (2.0, TypeError), ("2", TypeError)]
)
def test_a_wrong_number_is_refused(wrong, kind):
    before = get_num_threads()
    with pytest.raises(kind):
        set_num_threads(wrong)
    assert get_num_threads() == before


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, 6), ({"OMP_NUM_THREADS": "4"}, 4), ({"OMP_NUM_THREADS": "3,2"}, 3), ({"OMP_NUM_THREADS": "64"}, 6),
        ({"OMP_NUM_THREADS": "many"}, 6), ({"OMP_NUM_THREADS": ""}, 6), ({"HOAD_THREADS": "9"}, 9),
        ({"HOAD_THREADS": "2", "OMP_NUM_THREADS": "4"}, 2), ({"HOAD_THREADS": " "}, 6),
    ],
)  # fmt: skip
def test_the_default(monkeypatch, variables, expected):
    for name in ("HOAD_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(threads, "usable_processors", lambda: 6)
    monkeypatch.setattr(threads, "_cell", ctypes.c_int64(0))
    assert get_num_threads() == expected


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "1.5"])
def test_a_wrong_variable_is_told(monkeypatch, wrong):
    monkeypatch.setenv("HOAD_THREADS", wrong)
    monkeypatch.setattr(threads, "_cell", ctypes.c_int64(0))
    with pytest.raises(SettingError, match=f"HOAD_THREADS is '{wrong}'"):
        get_num_threads()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen on this system")
def test_processors_that_may_not_be_used_do_not_count():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert threads.usable_processors() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert threads.usable_processors() == len(before)


@needs_compiler
def test_compiled_code_obeys(openmp, folder):
    code = "for n in (1, 2, 3, 4, 9):\n    set_num_threads(n)\n    print(f.team(), f.counted())\n"
    found = printed(code, folder, OMP_NUM_THREADS="4", OMP_DYNAMIC="false")
    assert found == list("1122334444")


@needs_compiler
def test_limits_of_threadpoolctl_and_of_regions_around_are_obeyed(openmp, folder):
    code = """
from threadpoolctl import threadpool_limits
set_num_threads(4)
print(f.counted())
with threadpool_limits(2):
    print(f.counted())
with threadpool_limits(limits=1, user_api="openmp"):
    print(f.counted())
print(f.counted(), f.inside())
"""
    assert printed(code, folder, OMP_NUM_THREADS="4", OMP_DYNAMIC="false") == list("42141")


@needs_compiler
def test_sums_do_not_depend_on_threads():
    f = shared_library(SOURCE).total
    f.restype = ctypes.c_double
    x = np.arange(100000.0)
    for n in (1, 2, 3):
        set_num_threads(n)
        assert f(ctypes.c_long(x.size), ctypes.c_void_p(x.ctypes.data)) == x.size * (x.size - 1) / 2


@needs_compiler
def test_without_openmp_there_is_one_thread():
    set_num_threads(3)
    assert shared_library(SOURCE, extra=("-fno-openmp",)).counted() == 1


@needs_compiler
@posix
def test_a_forked_child_uses_one_thread_and_does_not_hang(openmp, folder):
    code = """
import logging, signal
set_num_threads(2)
print(f.counted(), flush=True)
for depth in range(2):
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if depth == 0:
            print(status, get_num_threads(), f.counted())
        os._exit(status and 1) if depth else sys.exit()
    signal.alarm(20)
    print(get_num_threads(), f.team(), f.counted(), flush=True)
    logging.disable()
    set_num_threads(2)  # would wait for ever, if it were done
    print(get_num_threads(), f.counted(), flush=True)
os._exit(0)
"""
    assert printed(code, folder, OMP_NUM_THREADS="2") == list("2" + 2 * "11111" + "022")


@posix
def test_a_fork_while_the_number_is_being_found(folder):
    code = """
from hoad.compiler.toolchain import get_num_threads, threads
threads._lock.acquire()
threads._cell.value = 0
if os.fork() == 0:
    import signal
    signal.alarm(20)
    print(get_num_threads(), flush=True)
    os._exit(0)
print(os.wait()[1])
"""
    out, error = python("import os\n" + code, folder).communicate(timeout=60)
    assert (out, error) == ("1\n0\n", "")
