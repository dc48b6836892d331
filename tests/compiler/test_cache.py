"""Compiled code on disk: damaged, hostile, full, crowded, bounded, and after a kill."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import hoad
from hoad.compiler.toolchain import NoCompilerError, cache, capabilities, library, report, settings, shared_library
from hoad.compiler.toolchain.trust import UntrustedError
from hoad.errors import SettingError
from tests.compiler.toolchain_tools import content, fake, folder_after, forget, needs_compiler, posix, python

pytestmark = [needs_compiler, posix]
SOURCE = "double twice(double x) { return 2 * x; }\n"


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache with the trial of the compiler and one library."""
    return folder_after(twice, tmp_path_factory)


@pytest.fixture
def folder(monkeypatch, tmp_path, filled):
    monkeypatch.delenv("CC", raising=False)
    path = shutil.copytree(filled, tmp_path / "cache")
    forget(monkeypatch, path)
    yield path
    for place in cache._private.values():
        shutil.rmtree(place.path, ignore_errors=True)


@pytest.fixture
def compiled(monkeypatch):
    """Each entry is one run of the compiler on a kernel."""
    runs = []
    compile_object = library.compile_object
    monkeypatch.setattr(library, "compile_object", lambda *a: runs.append(1) or compile_object(*a))
    return runs


def twice(source=SOURCE):
    f = shared_library(source).twice
    f.restype, f.argtypes = ctypes.c_double, (ctypes.c_double,)
    return f(21.0)


def entry(folder, kind=".so"):
    (path,) = folder.rglob(f"*{kind}")
    return path


def number(k):
    """One of many sources."""
    return f"double twice(double x) {{ return 2 * x + 0 * {k}; }}\n"


def test_an_entry_is_used_by_the_next_process(folder, compiled):
    assert twice() == 42.0
    assert compiled == []
    assert not cache.current().private


def test_the_folder_is_private(folder, compiled, monkeypatch, tmp_path):
    old = os.umask(0)
    try:
        forget(monkeypatch, tmp_path / "deep" / "new")
        assert twice() == 42.0
    finally:
        os.umask(old)
    new = tmp_path / "deep" / "new"
    modes = {stat.S_IMODE(p.stat().st_mode) for p in new.rglob("*") if p.is_dir()} | {stat.S_IMODE(new.stat().st_mode)}
    assert modes == {0o700}
    assert {stat.S_IMODE(p.stat().st_mode) for p in new.rglob("*") if p.is_file()} == {0o600}


def spoil(content, how):
    if how == "cut":
        return content[: len(content) // 2]
    if how == "longer":
        return content + b"\0"
    if how == "one bit":
        middle = len(content) // 2
        return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    return {"empty": b"", "zeros": bytes(len(content)), "text": b"#!/bin/sh\n"}[how]


@pytest.mark.parametrize("how", ["cut", "longer", "one bit", "empty", "zeros", "text"])
@pytest.mark.parametrize("kind", [".so", ".json"])
def test_a_damaged_entry_is_made_again(folder, compiled, kind, how):
    path = entry(folder, kind)
    good = path.read_bytes()
    path.write_bytes(spoil(good, how))
    assert twice() == 42.0
    assert len(compiled) == (kind == ".so")
    assert content(folder) == [".json", ".so"]
    if kind == ".so":
        assert entry(folder).read_bytes()[:4] == good[:4]
    assert len(list(folder.iterdir())) == 2  # no build remains


def test_an_entry_of_another_key_is_not_used(folder, compiled):
    twice(number(1))
    paths = sorted(folder.rglob("*.so"), key=os.path.getmtime)
    wrong = paths[0].parent / (paths[0].name[: cache.KEY] + paths[1].name[cache.KEY :])
    shutil.copyfile(paths[0], wrong)  # the content of one under the digest of the other
    wrong.chmod(0o600)
    paths[0].unlink()
    library._loaded.clear()
    assert twice() == 42.0
    assert len(compiled) == 2
    assert not wrong.exists()


def others_can_write(path):
    path.chmod(path.stat().st_mode | 0o022)


def of_another_user(path):
    os.chown(path, 65534, -1)


def through_a_link(path):
    moved = path.rename(path.with_name("moved-" + path.name))
    path.symlink_to(moved)


def a_link_elsewhere(path):
    target = path.parents[2] / "elsewhere"
    path.rename(target)
    path.symlink_to(target)


def a_pipe(path):
    path.unlink()
    os.mkfifo(path, 0o600)


HOSTILE = {
    "the folder, writable by others": (lambda f: f, others_can_write),
    "the folder, of another user": (lambda f: f, of_another_user),
    "a part, writable by others": (lambda f: entry(f).parent, others_can_write),
    "a part, of another user": (lambda f: entry(f).parent, of_another_user),
    "a part, a link": (lambda f: entry(f).parent, through_a_link),
    "an entry, writable by others": (entry, others_can_write),
    "an entry, of another user": (entry, of_another_user),
    "an entry, a link": (entry, a_link_elsewhere),
    "an entry, a pipe": (entry, a_pipe),
    "the trial, writable by others": (lambda f: entry(f, ".json"), others_can_write),
    "the trial, a link": (lambda f: entry(f, ".json"), a_link_elsewhere),
    "the folder above, writable by others": (lambda f: f.parent, others_can_write),
    "the folder above, of another user": (lambda f: f.parent, of_another_user),
}  # fmt: skip


def listing(folder):
    """All files with their mode and content."""
    return {str(p): (p.lstat().st_mode, p.is_file() and p.read_bytes()) for p in folder.rglob("*")}


@pytest.mark.parametrize("what", sorted(HOSTILE))
def test_what_others_could_have_written_is_not_loaded(folder, compiled, caplog, what):
    where, change = HOSTILE[what]
    if change is of_another_user and os.getuid() != 0:
        pytest.skip("only root can give files away")
    change(where(folder))
    before = listing(folder)
    with caplog.at_level("WARNING", "hoad"):
        assert twice() == 42.0
        library._loaded.clear()
        assert twice() == 42.0
    assert len(compiled) == 1  # the second time it was in the private folder
    assert cache.current().private
    assert stat.S_IMODE(cache.current().path.stat().st_mode) == 0o700
    assert content(cache.current().path)[-1] == ".so"
    assert len([r for r in caplog.records if "kept for this process only" in r.message]) == 1
    assert listing(folder) == before


def test_a_sticky_folder_above_is_safe(folder, compiled):
    folder.parent.chmod(0o1777)
    assert twice() == 42.0
    assert not cache.current().private
    assert compiled == []


def test_a_group_of_one_is_nobody_else(folder, compiled, monkeypatch):
    import grp
    import pwd

    folder.chmod(0o770)
    user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(folder.stat().st_gid)
    if user.pw_gid != group.gr_gid or user.pw_name != group.gr_name:
        pytest.skip("this user has no group of one")
    assert not cache.current().private
    monkeypatch.setattr(grp, "getgrgid", lambda gid: grp.struct_group((group.gr_name, "x", gid, [user.pw_name, "somebody"])))
    assert cache.current().private


def test_a_folder_reached_by_a_link_counts_as_itself(folder, compiled, monkeypatch, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.setenv("HOAD_CACHE_DIR", str(tmp_path / "link"))
    assert twice() == 42.0
    assert compiled == []
    folder.chmod(0o777)
    library._loaded.clear()
    assert twice() == 42.0
    assert len(compiled) == 1


def test_the_private_folder_is_gone_at_the_end(folder):
    folder.chmod(0o777)
    code = f"from hoad.compiler.toolchain import cache, shared_library\nshared_library({SOURCE!r})\nprint(cache.current().path)"
    out, error = python(code, folder).communicate(timeout=60)
    assert "kept for this process only" in error
    assert out.strip()
    assert not Path(out.strip()).exists()


# ---------------------------------------------------------------------------------------------------------------------
# Full disks


FULL = """
import ctypes, sys
from hoad.compiler.toolchain import NoCompilerError, cache, shared_library
try:
    f = shared_library(SOURCE).twice
    f.restype, f.argtypes = ctypes.c_double, (ctypes.c_double,)
    print(f(21.0), cache.current().private)
except NoCompilerError as error:
    print(error)
""".replace("SOURCE", repr(SOURCE))


def limited(size, folder, temporary):
    """A process for which a folder, with a temporary one in it, lies on a disk of some kilobytes."""
    mount = f"mount -t tmpfs -o mode=700,size={size}k tmpfs {folder} && mkdir {temporary} || exit 1"
    work = f'{sys.executable} -c "$CODE" || exit 3; echo left:; find {folder} -type f; exit 0'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", f"{mount}; {work}"]


@pytest.mark.parametrize("size", [4, 40, *[pytest.param(size, marks=pytest.mark.slow) for size in (8, 16, 200)]])
@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_full_disk(folder, tmp_path, size, elsewhere):
    shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    (tmp_path / "other").mkdir()
    environment = {
        **os.environ, "PYTHONPATH": str(Path(hoad.__file__).parents[1]), "HOAD_CACHE_DIR": str(folder / "cache"), "CODE": FULL,
        "TMPDIR": str(tmp_path / "other" if elsewhere else folder / "temporary"),
    }  # fmt: skip
    command = limited(size, folder, folder / "temporary")
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    except FileNotFoundError:
        pytest.skip("no unshare on this machine")
    if done.returncode == 1 or "unshare" in done.stderr:
        pytest.skip("no rights to mount a small disk")
    answer, left = done.stdout.split("left:")
    names = [line for line in left.split() if line]
    assert all(cache.ENTRY.fullmatch(os.path.basename(name)) for name in names), names  # nothing half written
    if elsewhere:
        assert answer.strip() in ("42.0 True", "42.0 False"), done.stderr
        assert answer.strip() == "42.0 True" or size >= 40
    else:
        assert answer.startswith(("42.0", "no C compiler works", "there is no room")), done.stderr
        assert answer.startswith("42.0") or "No space left" in answer or "no place" in answer or size >= 40
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.parametrize("what", ["write", "replace"])
def test_no_room_for_an_entry_is_room_elsewhere(folder, compiled, monkeypatch, what):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    write, replace = Path.write_text, os.replace
    ours = str(folder)
    if what == "write":
        monkeypatch.setattr(Path, "write_text", lambda p, *a, **k: (full if str(p).startswith(ours) else write)(p, *a, **k))
    else:
        monkeypatch.setattr(os, "replace", lambda a, b: full() if str(b).startswith(ours) else replace(a, b))
    assert twice(number(2)) == 42.0
    assert cache.current().private
    assert content(folder) == [".json", ".so"]
    assert not list(folder.glob("build-*"))
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(NoCompilerError, match=r"no room for compiled code.*No space left"):
        twice(number(3))


def test_a_compiler_that_finds_the_disk_full_tries_elsewhere(folder, monkeypatch, tmp_path):
    says = f"if {str(folder)!r} in os.getcwd():\n    sys.exit('as: kernel.o: No space left on device')\nreal()"
    monkeypatch.setenv("CC", fake(tmp_path / "full", says))
    assert twice() == 42.0
    assert cache.current().private


def test_a_folder_that_cannot_be_written_is_not_needed(folder, compiled, monkeypatch):
    if os.getuid() == 0:
        pytest.skip("root can write everywhere")
    folder.chmod(0o500)
    assert twice() == 42.0
    assert twice(number(4)) == 42.0
    folder.chmod(0o700)


# ---------------------------------------------------------------------------------------------------------------------
# Many processes


MANY = """
import ctypes, sys, time
from hoad.compiler.toolchain import shared_library
time.sleep(max(0.0, START - time.time()))
for k in range(3):
    f = shared_library(f"double twice(double x) {{ return 2 * x + 0 * {k}; }}\\n").twice
    f.restype, f.argtypes = ctypes.c_double, (ctypes.c_double,)
    print(f(21.0))
"""


def test_many_processes_that_start_at_once(tmp_path):
    folder = tmp_path / "shared"
    code = MANY.replace("START", repr(time.time() + 3))
    processes = [python(code, folder) for _ in range(6)]
    for process in processes:
        out, error = process.communicate(timeout=120)
        assert (out, error) == ("42.0\n" * 3, "")
    assert content(folder)[-3:] == [".so", ".so", ".so"]
    assert ".so" not in content(folder)[:-3]
    assert not list(folder.glob("build-*"))


def test_clearing_while_others_compile(folder):
    code = MANY.replace("START", "0").replace("range(3)", "range(12)")
    process = python(code, folder)
    while process.poll() is None:
        cache.clear()
        time.sleep(0.01)
    out, error = process.communicate()
    assert (out, error) == ("42.0\n" * 12, "")


def test_an_entry_that_is_dropped_before_it_is_loaded_is_made_again(folder, compiled, monkeypatch):
    load, dropped = library._load, []

    def late(path):
        if len(dropped) < 2:
            dropped.append(path)
            path.unlink()
        return load(path)

    monkeypatch.setattr(library, "_load", late)
    assert twice() == 42.0
    assert len(dropped) == 2
    assert len(compiled) == 2


def test_threads_that_ask_at_once_compile_once(folder, compiled):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda k: shared_library(number(k % 2)), range(16)))
    assert len(compiled) == 2
    assert len(set(map(id, found))) == 2


def test_a_fork_while_a_thread_compiles(folder, monkeypatch):
    import threading

    reached, go = threading.Event(), threading.Event()
    compile_object = library.compile_object

    def slow(*arguments):
        reached.set()
        go.wait(20)
        return compile_object(*arguments)

    monkeypatch.setattr(library, "compile_object", slow)
    thread = threading.Thread(target=shared_library, args=(number(5),))
    thread.start()
    reached.wait(20)
    child = os.fork()
    if child == 0:  # the lock of the source is held by a thread that does not exist here
        library.compile_object = compile_object
        signal.alarm(20)
        os._exit(0 if twice(number(5)) == 42.0 else 1)
    _, status = os.waitpid(child, 0)
    go.set()
    thread.join()
    assert status == 0
    assert twice(number(5)) == 42.0


def test_a_kill_while_compiling_leaves_nothing(folder, monkeypatch, tmp_path):
    pid = tmp_path / "pid"
    hangs = f"import time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\nwrite(b'half')\ntime.sleep(60)"
    process = python(f"from hoad.compiler.toolchain import shared_library\nshared_library({number(6)!r})", folder,
                     CC=fake(tmp_path / "hangs", hangs))  # fmt: skip
    deadline = time.monotonic() + 60
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    os.kill(int(pid.read_text()), signal.SIGKILL)
    (build,) = folder.glob("build-*")
    assert {p.name for p in build.iterdir()} == {"kernel.c", "kernel.so"}
    assert twice(number(6)) == 42.0
    assert not list(folder.glob("build-*"))
    assert sorted(content(folder)) == [".json", ".json", ".so", ".so"]


def test_builds_of_the_living_and_of_other_machines_stay(folder):
    node = cache._node()
    living = folder / f"build-{node}-{os.getppid()}-abc"
    elsewhere = folder / f"build-00000000-{2**22 + 7}-abc"  # no process has such a number
    forgotten = folder / f"build-00000000-{2**22 + 8}-abc"
    dead = folder / f"build-{node}-{2**22 + 7}-abc"
    for path in (living, elsewhere, forgotten, dead):
        path.mkdir(mode=0o700)
    os.utime(forgotten, (0, time.time() - cache.FORGOTTEN - 10))
    twice(number(7))
    assert set(folder.glob("build-*")) == {living, elsewhere}


# ---------------------------------------------------------------------------------------------------------------------
# Size


def test_the_least_recently_used_go_first(folder, monkeypatch):
    size = entry(folder).stat().st_size
    sources = [number(k) for k in range(10, 18)]
    made = {}
    for k, source in enumerate(sources):
        before = set(folder.rglob("*.so"))
        assert twice(source) == 42.0
        (made[source],) = set(folder.rglob("*.so")) - before
        os.utime(made[source], (0, 1000 + k))
    os.utime(entry(folder, ".json"), (0, 3000))
    os.utime(next(p for p in folder.rglob("*.so") if p not in made.values()), (0, 999))
    library._loaded.clear()
    twice(sources[0])  # used now
    monkeypatch.setenv("HOAD_CACHE_SIZE", str(int(5.5 * size)))
    library._loaded.clear()
    cache._sizes.clear()
    twice(number(18))
    kept = [source for source in sources if made[source].exists()]
    assert kept[0] == sources[0]
    assert kept[1:] == sources[-len(kept) + 1 :]
    assert 3 <= len(kept) <= 5
    found = cache.statistics()
    assert found.bytes <= found.limit == int(5.5 * size)
    assert found.bytes == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def test_the_size_stays_bounded(folder, monkeypatch):
    limit = 4 * entry(folder).stat().st_size
    monkeypatch.setenv("HOAD_CACHE_SIZE", str(limit))
    for k in range(20, 30):
        assert twice(number(k)) == 42.0
        assert cache.statistics().bytes <= limit


def test_no_room_at_all_still_compiles(folder, monkeypatch):
    monkeypatch.setenv("HOAD_CACHE_SIZE", "0")
    assert twice(number(31)) == 42.0
    assert cache.statistics().bytes == 0


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MB", 512_000_000), ("1000000", 10**6), ("1.5 gb", 1_500_000_000), ("20k", 20_000), ("2T", 2 * 10**12), ("0", 0)],
)
def test_sizes_in_words(monkeypatch, text, size):
    monkeypatch.setenv("HOAD_CACHE_SIZE", text)
    assert settings.cache_size() == size
    for wrong in ("many", "5 MiB", "-1", "1e6", "nan"):
        monkeypatch.setenv("HOAD_CACHE_SIZE", wrong)
        with pytest.raises(SettingError, match="HOAD_CACHE_SIZE"):
            settings.cache_size()


# ---------------------------------------------------------------------------------------------------------------------
# What a user sees and does


def test_clear_removes_entries_and_nothing_else(folder, compiled):
    own = folder / "notes.txt"
    own.write_text("mine")
    inside = entry(folder).parent / "more.txt"
    inside.write_text("mine, too")
    found = cache.statistics()
    assert (found.entries, found.refused) == (2, "")
    assert cache.clear() == (2, found.bytes)
    assert set(folder.rglob("*")) == {own, inside, inside.parent}
    assert cache.clear() == (0, 0)
    assert twice() == 42.0
    assert len(compiled) == 1


def test_clear_of_what_others_can_write_is_refused(folder):
    folder.chmod(0o777)
    assert "written by others" in cache.statistics().refused
    assert "written by others" in report.rows()["cache"]
    with pytest.raises(UntrustedError, match="written by others"):
        cache.clear()
    assert content(folder) == [".json", ".so"]


def test_nothing_is_made_by_looking(monkeypatch, tmp_path):
    forget(monkeypatch, tmp_path / "absent")
    assert cache.statistics() == cache.Statistics(tmp_path / "absent", 0, 0, 512_000_000)
    assert cache.clear() == (0, 0)
    assert not (tmp_path / "absent").exists()


def test_the_report(folder, monkeypatch):
    rows = report.rows()
    assert list(rows) == ["C compiler", "flags", "vector maths", "OpenMP", "threads", "cache"]
    assert rows["flags"] == " ".join(capabilities().flags)
    assert rows["vector maths"] == f"{len(capabilities().vector_functions)} functions"
    assert rows["cache"].startswith(f"{folder}: 2 entries, ")
    assert rows["cache"].endswith("of at most 512 MB")
    monkeypatch.setenv("HOAD_CACHE_SIZE", "huge")
    assert "HOAD_CACHE_SIZE is 'huge'" in report.rows()["cache"]


def test_the_default_folder_is_the_users(monkeypatch):
    import platformdirs

    monkeypatch.delenv("HOAD_CACHE_DIR", raising=False)
    assert settings.cache_path() == Path(platformdirs.user_cache_dir("hoad"))
    monkeypatch.setenv("HOAD_CACHE_DIR", "~/somewhere")
    assert settings.cache_path() == Path.home() / "somewhere"


def test_a_wrong_setting_is_told_by_the_first_call(monkeypatch):
    monkeypatch.setenv("HOAD_CACHE_SIZE", "much")
    with pytest.raises(SettingError, match="HOAD_CACHE_SIZE"):
        hoad.compile(lambda x: np.sin(x) * 2.125)(np.ones(3))
