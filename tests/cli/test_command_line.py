"""The ``hoad`` command as a shell sees it: results in files, one line per fault, exit codes, nothing half written."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hoad
from hoad import cli
from hoad.compiler.toolchain import compilers, report

FUNCTIONS = """
import time
import numpy as np
import hoad

def cubes(x):
    return np.sum(x**3)

def chatty(x):
    print("called")
    return np.sum(x**3)

def layers(p):
    return np.sum((p["W"] @ p["b"]) ** 2)

def vector(x):
    return 2 * x

ruleless = np.frompyfunc(abs, 1, 1)
def unsupported(x):
    return np.sum(ruleless(x))

def converts(x):
    return float(x[0])

def raises(x):
    raise ValueError("first line\\nsecond line")

def leaves(x):
    raise SystemExit(7)

def two(x, y):
    return np.sum(x * y)

def slow(x):
    print("sleeping", flush=True)
    time.sleep(1.5)
    return np.sum(x**3)

def text(x):
    return "1.0"

@hoad.custom_jvp
def wrong_square(x):
    return x**2

@wrong_square.defjvp
def _(primals, tangents):
    return primals[0] ** 2, 3 * primals[0] * tangents[0]

def mismatched(x):
    return np.sum(wrong_square(x))

constant = 3
"""


def line_of(code):
    """Line of ``code`` in the file with the functions."""
    return FUNCTIONS[: FUNCTIONS.index(code)].count("\n") + 1


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A directory with functions and arrays, which is the current one; the process forgets what ran from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    Path("loss.py").write_text(FUNCTIONS)
    Path("syntax.py").write_text("def f(x:\n    pass\n")
    Path("imports.py").write_text("\nimport no_such_module\n")
    Path("exits.py").write_text("import sys\nsys.exit(3)\n")
    np.save("x.npy", np.array([1.0, 2.0, 3.0]))
    np.save("v.npy", np.array([1.0, 0.0, -1.0]))
    np.save("short.npy", np.ones(2))
    np.save("integers.npy", np.arange(3))
    np.save("objects.npy", np.array([1, "a"], dtype=object), allow_pickle=True)
    np.savez("p.npz", W=np.eye(2), b=np.array([1.0, 2.0]))
    np.savez("other.npz", W=np.eye(2), c=np.ones(2))
    np.savez("narrow.npz", W=np.eye(2), b=np.ones(3))
    np.savez("counts.npz", W=np.eye(2), b=np.arange(2))
    Path("text.npy").write_text("1 2 3")
    Path("empty.npy").write_bytes(b"")
    Path("damaged.npy").write_bytes(Path("x.npy").read_bytes()[:-5])
    Path("damaged.npz").write_bytes(Path("p.npz").read_bytes()[:100])
    yield tmp_path
    sys.modules.pop("loss", None)


def command(*words):
    """The words that start hoad in another process, warnings being errors."""
    return [sys.executable, "-W", "error", "-m", "hoad.cli", *map(str, words)]


def environment(**extra):
    return {**os.environ, "PYTHONPATH": str(Path(hoad.__file__).parents[1]), **extra}


def run(*words, **options):
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=60, env=environment(), **options)


def hvp(function="loss.py:cubes", at="x.npy", along="v.npy", out="hv.npy"):
    return ["hvp", function, "--at", at, "--along", along, "--out", out]


# ---------------------------------------------------------------------------------------------------------------------
# What works


@pytest.mark.parametrize("mode", ["reverse-over-forward", "forward-over-reverse", "reverse-over-reverse"])
def test_hvp_writes_the_product_and_says_nothing(files, mode):
    done = run(*hvp(), "--mode", mode)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    np.testing.assert_array_equal(np.load("hv.npy"), [6.0, 0.0, -18.0])  # H = diag(6 x)


def test_containers_come_and_go_as_npz(files):
    np.savez("v.npz", W=np.zeros((2, 2)), b=np.array([1.0, 1.0]))
    done = run(*hvp("loss.py:layers", "p.npz", "v.npz", "hv.npz"))
    assert (done.returncode, done.stderr) == (0, "")
    with np.load("hv.npz") as result:
        # f = |W b|²: H v = (2 (W b) vᵀ + 2 (W v) bᵀ, 2 Wᵀ W v) for v along b
        b, v = np.array([1.0, 2.0]), np.ones(2)
        np.testing.assert_array_equal(result["W"], 2 * (np.outer(b, v) + np.outer(v, b)))
        np.testing.assert_array_equal(result["b"], 2 * v)


def test_standard_output_is_free_of_what_the_users_code_prints(files):
    done = run("trace", "loss.py:chatty", "--at", "x.npy", "--dot")
    assert done.returncode == 0
    assert done.stdout.startswith("digraph")
    assert "called" in done.stderr
    assert "called" not in done.stdout


def test_check_agrees(files):
    done = run("check", "loss.py:cubes", "--at", "x.npy", "--order", 3)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "loss.py:cubes: all derivatives up to order 3 agree at x.npy\n"


def test_check_finds_a_wrong_rule_and_returns_one(files):
    done = run("check", "loss.py:mismatched", "--at", "x.npy", "--order", 3)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"hoad: loss\.py:mismatched: derivative of order 1, mode .*: got .*, expected .*\n", done.stderr)


def test_trace_prints_the_evaluation_trace(files):
    done = run("trace", "loss.py:cubes", "--at", "x.npy")
    assert (done.returncode, done.stderr) == (0, "")
    assert "x ** 3" in done.stdout
    assert "36" in done.stdout  # 1 + 8 + 27


def test_trace_prints_the_expression(files):
    sympy = pytest.importorskip("sympy", reason="--sympy needs SymPy")
    done = run("trace", "loss.py:cubes", "--at", "x.npy", "--sympy")
    assert (done.returncode, done.stderr) == (0, "")
    a, b, c = sympy.symbols("x_0 x_1 x_2")
    assert sympy.simplify(sympy.sympify(done.stdout) - (a**3 + b**3 + c**3)) == 0


def test_info_tells_versions_compiler_and_kinds(files):
    done = run("info")
    assert (done.returncode, done.stderr) == (0, "")
    rows = dict(re.split(r"  +", line, maxsplit=1) for line in done.stdout.splitlines())
    assert rows["NumPy"] == np.__version__
    assert rows["hoad"].startswith(hoad.__version__)
    total, *counts = map(int, re.findall(r"\d+", rows["functions"]))
    assert total == sum(counts) > 100
    assert "elementwise" in rows["functions"]
    assert {"Python", "SciPy", "optree", "backends", "C compiler", "threads", "cache"} <= rows.keys()


def test_info_without_a_compiler(files, monkeypatch):
    monkeypatch.setattr(compilers, "_candidates", lambda: iter(()))
    monkeypatch.setattr(compilers, "_known", {})
    assert report.rows()["C compiler"].startswith("no C compiler works (none is installed)")


def test_the_cache_is_emptied(files, monkeypatch):
    monkeypatch.setenv("HOAD_CACHE_DIR", str(files / "kept"))
    done = run("cache", "clear")
    assert (done.returncode, done.stdout) == (0, f"{files / 'kept'}: 0 entries removed, 0 bytes\n")
    entry = files / "kept" / "ab" / f"{'ab':0<40}-{'0' * 64}.so"
    entry.parent.mkdir(mode=0o700, parents=True)
    entry.write_bytes(bytes(12345))
    entry.parents[1].chmod(0o700)
    assert re.search(r"kept: \d+ entr(y|ies), 1\d\.\d+ kB of at most 512 MB", run("info").stdout)
    size = [p.stat().st_size for p in (files / "kept").rglob("*") if p.is_file()]
    removed = "1 entry" if len(size) == 1 else f"{len(size)} entries"
    assert run("cache", "clear").stdout == f"{files / 'kept'}: {removed} removed, {sum(size) / 1000:.4g} kB\n"
    assert list((files / "kept").iterdir()) == []
    (files / "kept").chmod(0o777)
    done = run("cache", "clear")
    assert (done.returncode, done.stdout) == (2, "")
    assert "can be written by others" in done.stderr


def test_a_cupy_that_crashes_does_not_take_info_down(files, monkeypatch):
    Path("cupy.py").write_text("import os\nos.abort()\n")
    monkeypatch.setenv("PYTHONPATH", str(files))
    monkeypatch.syspath_prepend(files)
    assert cli.cupy_state() == "installed, but no device answers"


def test_version_and_help(files):
    assert run("--version").stdout == f"hoad {hoad.__version__}\n"
    for words in (["--help"], ["hvp", "--help"]):
        done = run(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: hoad")


def test_neighbours_of_the_file_can_be_imported_and_nothing_is_left_behind(files):
    Path("sub").mkdir()
    Path("sub/scale.py").write_text("factor = 2.0\n")
    Path("sub/main.py").write_text("import numpy as np\nfrom scale import factor\nf = lambda x: factor * np.sum(x**2)\n")
    assert run(*hvp("sub/main.py:f")).returncode == 0
    np.testing.assert_array_equal(np.load("hv.npy"), [4.0, 0.0, -4.0])
    assert not list(Path("sub").glob("__pycache__/main*"))


# ---------------------------------------------------------------------------------------------------------------------
# What a user can get wrong: one line, exit code 2

FAULTS = {
    "no such file": (
        hvp("nope.py:cubes"),
        r"nope\.py does not exist: expected FILE\.py:function, for example loss\.py:f\.",
    ),
    "no function named": (hvp("loss.py"), r"'loss\.py' does not name a function: expected FILE\.py:function, .*"),
    "file is a directory": (hvp(".:f"), r"cannot read \.: Is a directory\."),
    "syntax error": (
        hvp("syntax.py:f"),
        r"syntax\.py:1: SyntaxError: '\(' was never closed \(while importing syntax\.py\)",
    ),
    "failing import": (
        hvp("imports.py:f"),
        r"imports\.py:2: ModuleNotFoundError: No module named 'no_such_module' \(while importing imports\.py\)",
    ),
    "import that exits": (
        hvp("exits.py:f"),
        r"exits\.py ended the program with sys\.exit\(3\) while it was imported\. .*",
    ),
    "misspelt function": (hvp("loss.py:cube"), r"loss\.py has no function 'cube'\. Did you mean cubes\?"),
    "missing function": (hvp("loss.py:zzz"), r"loss\.py has no function 'zzz'\. It defines cubes, chatty, layers, .*"),
    "not a function": (hvp("loss.py:constant"), r"loss\.py:constant is of type int, expected a function\. .*"),
    "two arguments": (
        hvp("loss.py:two"),
        r"loss\.py:two takes \(x, y\), but it is called with one argument, the content of x\.npy: .*",
    ),
    "missing point": (hvp(at="no.npy"), r"no\.npy does not exist, expected an array written by numpy\.save\."),
    "point is a directory": (hvp(at="."), r"cannot read \.: Is a directory\."),
    "integers": (
        hvp(at="integers.npy"),
        r"integers\.npy has dtype int64, expected a real or complex .*\. Save x\.astype\(float\)\.",
    ),
    "integers in a container": (
        hvp("loss.py:layers", "counts.npz", "p.npz", "hv.npz"),
        r"counts\.npz\['b'\] has dtype int64, expected .*",
    ),
    "text for an array": (
        hvp(at="text.npy"),
        r"text\.npy is not a \.npy or \.npz file \(it starts with b'1 2 3'\)\. .*",
    ),
    "empty file": (hvp(at="empty.npy"), r"empty\.npy is not a \.npy or \.npz file \(it is empty\)\. .*"),
    "damaged array": (hvp(at="damaged.npy"), r"damaged\.npy cannot be read as a \.npy or \.npz file: .*"),
    "damaged container": (hvp(at="damaged.npz"), r"damaged\.npz cannot be read as a \.npy or \.npz file: .*"),
    "pickled objects": (hvp(at="objects.npy"), r"objects\.npy cannot be read .*: Object arrays cannot be loaded .*"),
    "wrong shape of v": (
        hvp(along="short.npy"),
        r"short\.npy has shape \(2,\), expected \(3,\): the shape of x\.npy\.",
    ),
    "array for a container": (
        hvp(along="p.npz"),
        r"p\.npz holds a dict of arrays \(\.npz\), expected a single array as in x\.npy\.",
    ),
    "other names": (
        hvp("loss.py:layers", "p.npz", "other.npz"),
        r"other\.npz holds the arrays \['W', 'c'\], expected \['W', 'b'\] as in p\.npz\.",
    ),
    "wrong shape in a container": (
        hvp("loss.py:layers", "p.npz", "narrow.npz"),
        r"narrow\.npz\['b'\] has shape \(3,\), expected \(2,\): the shape of p\.npz\['b'\]\.",
    ),
    "not scalar": (
        hvp("loss.py:vector"),
        r"hvp needs a function that returns a scalar, but it returned shape \(3,\)\. .*",
    ),
    "returns text": (hvp("loss.py:text"), r".*the function returned str.*"),
    "unsupported function": (
        hvp("loss.py:unsupported"),
        rf"loss\.py:{line_of('ruleless(x)')}: abs \(vectorized\) has no derivative rule\. .*",
    ),
    "unsupported function in trace": (
        ["trace", "loss.py:unsupported", "--at", "x.npy"],
        rf"loss\.py:{line_of('ruleless(x)')}: abs \(vectorized\) has no derivative rule\. .*",
    ),
    "conversion": (hvp("loss.py:converts"), rf"loss\.py:{line_of('float(x')}: float\(x\) .*would drop its derivative\. .*"),
    "exception of the user": (
        hvp("loss.py:raises"),
        rf"loss\.py:{line_of('raise ValueError')}: ValueError: first line second line",
    ),
    "exit in the function": (hvp("loss.py:leaves"), r"loss\.py:leaves ended the program with sys\.exit\(7\)"),
    "out is a directory": (
        hvp(out="."),
        r"cannot write \.: it is a directory\. Name a file in it, for example hv\.npy\.",
    ),
    "out in no directory": (hvp(out="no/hv.npy"), r"cannot write no/hv\.npy: the directory no does not exist\."),
    "full device": (hvp(out="/dev/full"), r"cannot write /dev/full: No space left on device\."),
    "container into .npy": (
        hvp("loss.py:layers", "p.npz", "p.npz"),
        r"the result is a dict of arrays, which hv\.npy cannot hold\. Name it hv\.npz\.",
    ),
    "array into .npz": (
        hvp(out="hv.npz"),
        r"the result is a single array, which hv\.npz cannot hold\. Name it hv\.npy\.",
    ),
    "bad order": (
        ["check", "loss.py:cubes", "--at", "x.npy", "--order", "0"],
        r"argument --order: '0' is not an order, .*",
    ),
    "bad mode": ([*hvp(), "--mode", "sideways"], r"argument --mode: invalid choice: 'sideways' .*\(hoad hvp --help\)"),
    "no command": ([], r"the following arguments are required: COMMAND \(hoad --help\)"),
    "no point": (["check", "loss.py:cubes"], r"the following arguments are required: --at \(hoad check --help\)"),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("as_a_process", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_fault_is_one_line_and_exit_code_two(files, capfd, name, as_a_process):
    words, expected = FAULTS[name]
    if "/dev/full" in words and not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    before = sorted(files.iterdir())
    if as_a_process:
        done = run(*words)
        code, out, err = done.returncode, done.stdout, done.stderr
    else:
        code = cli.main([str(word) for word in words])
        out, err = capfd.readouterr()
    assert (code, out) == (2, ""), err
    assert re.fullmatch(f"hoad: {expected}\n", err), err  # . matches no line break: exactly one line
    assert sorted(files.iterdir()) == before


def test_traceback_on_request(files):
    done = run(*hvp("loss.py:raises"), "--traceback")
    assert done.returncode == 2
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert 'raise ValueError("first line' in done.stderr
    assert done.stderr.endswith(f"\nhoad: loss.py:{line_of('raise ValueError')}: ValueError: first line second line\n")


def test_no_permission_to_write(files, monkeypatch, capsys):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere, so a mode would not do
    assert cli.main(hvp()) == 2
    assert capsys.readouterr().err == "hoad: cannot write hv.npy: no permission.\n"


def test_a_missing_optional_package_is_named(files, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sympy", None)
    assert cli.main(["trace", "loss.py:cubes", "--at", "x.npy", "--sympy"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hoad: this needs the package sympy: pip install sympy\n")


def test_a_fault_of_hoad_is_not_blamed_on_the_user(files, monkeypatch, capsys):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(hoad, "hvp", broken)
    monkeypatch.setattr(cli, "in_library", lambda file: True)  # this test file stands in for hoad's
    assert cli.main(hvp()) == 2
    message = "ZeroDivisionError: division by zero (raised inside hoad, working on loss.py:cubes; --traceback shows where)"
    assert capsys.readouterr().err == f"hoad: {message}\n"


# ---------------------------------------------------------------------------------------------------------------------
# The result appears completely or not at all


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("failing", ["save", "fsync", "replace"])
def test_a_failing_write_changes_nothing(files, monkeypatch, capsys, existing, failing):
    if existing:
        Path("hv.npy").write_bytes(b"the old result")
    before = contents(files)

    def fails(*args, **kwargs):
        if failing == "save":
            args[0].write(b"half of ")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*{"save": (np, "save"), "fsync": (os, "fsync"), "replace": (os, "replace")}[failing], fails)
    assert cli.main(hvp()) == 2
    assert capsys.readouterr().err == "hoad: cannot write hv.npy: No space left on device.\n"
    assert contents(files) == before


def test_an_interruption_while_writing_changes_nothing(files, monkeypatch, capsys):
    Path("hv.npy").write_bytes(b"the old result")
    before = contents(files)

    def interrupted(stream, *args, **kwargs):
        stream.write(b"half of ")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", interrupted)
    assert cli.main(hvp()) == 130
    assert capsys.readouterr().err == "hoad: interrupted\n"
    assert contents(files) == before


def test_the_old_result_stands_until_the_new_one_is_complete(files, monkeypatch):
    Path("hv.npy").write_bytes(b"the old result")
    replace = os.replace
    seen = []

    def watched(source, target):
        seen.append((Path(target).read_bytes(), np.load(source).shape, Path(source).parent == Path(target).parent))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    assert cli.main(hvp()) == 0
    assert seen == [(b"the old result", (3,), True)]
    assert np.load("hv.npy").shape == (3,)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_follow_the_umask_or_the_file_that_was_there(files):
    old = os.umask(0o027)
    try:
        assert cli.main(hvp()) == 0
        assert stat.S_IMODE(os.stat("hv.npy").st_mode) == 0o640
        os.chmod("hv.npy", 0o604)
        assert cli.main(hvp()) == 0
        assert stat.S_IMODE(os.stat("hv.npy").st_mode) == 0o604
    finally:
        os.umask(old)


@pytest.mark.skipif(os.name != "posix", reason="symbolic links and devices of POSIX")
def test_links_and_devices_are_written_through(files):
    Path("target.npy").write_bytes(b"the old result")
    Path("hv.npy").symlink_to("target.npy")
    assert cli.main(hvp()) == 0
    assert Path("hv.npy").is_symlink()
    assert np.load("target.npy").shape == (3,)
    assert cli.main(hvp(out="/dev/null")) == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_the_name_is_kept_as_given(files):
    assert cli.main(hvp(out="result")) == 0
    assert np.load("result").shape == (3,)
    assert not Path("result.npy").exists()


# ---------------------------------------------------------------------------------------------------------------------
# Terminals, pipes and signals


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_an_interrupt_ends_with_130_and_one_line(files):
    process = subprocess.Popen(
        command(*hvp("loss.py:slow")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background may inherit "ignore"
    )
    assert process.stderr.readline() == "sleeping\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "hoad: interrupted\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_behind_standard_output(files):
    with open("/dev/full", "w") as full:
        done = subprocess.run(command("info"), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, env=environment())
    assert (done.returncode, done.stderr) == (2, "hoad: cannot write to standard output: No space left on device.\n")


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_reader_that_stops_early_is_no_fault(files):
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as closed:
        done = subprocess.run(command("info"), stdout=closed, stderr=subprocess.PIPE, text=True, timeout=60, env=environment())
    assert (done.returncode, done.stderr) == (0, "")


def terminal_output(words):
    """What a terminal on standard error receives."""
    pty = pytest.importorskip("pty", reason="terminals of POSIX")
    termios = pytest.importorskip("termios", reason="terminals of POSIX")
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))  # a new one has no columns, on which tqdm draws nothing
    process = subprocess.Popen(command(*words), stdout=subprocess.DEVNULL, stderr=slave, env=environment())
    os.close(slave)
    received = b""
    try:
        while chunk := os.read(master, 4096):
            received += chunk
    except OSError:  # Linux reports a closed terminal as an error
        pass
    os.close(master)
    assert process.wait(timeout=60) == 0
    return received.decode()


def test_progress_shows_on_a_terminal_and_only_there(files):
    pytest.importorskip("tqdm", reason="progress bars need tqdm")
    assert "hvp: 1 evaluations of the function" in terminal_output(hvp("loss.py:slow"))
    assert terminal_output(hvp()) == ""  # quick work shows none
    assert run(*hvp("loss.py:slow")).stderr == "sleeping\n"


def test_the_command_imports_no_optional_package(files):
    question = "import hoad.cli, sys; print(*{'tqdm', 'sympy', 'cupy', 'matplotlib', 'mpmath'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout == "\n"
