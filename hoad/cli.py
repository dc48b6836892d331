"""The ``hoad`` command: derivatives of a function in a Python file, at a point in a .npy file, from the shell.

What a user can get wrong ends in one line on standard error and exit code 2; ``--out`` appears complete or not at all.
Standard output carries results only: what the user's own code prints goes to standard error.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import importlib.metadata
import importlib.util
import inspect
import os
import platform
import subprocess
import sys
import sysconfig
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, NoReturn

import numpy as np

import hoad
from hoad.atomic import write_atomically
from hoad.compiler.toolchain import report
from hoad.errors import CommandError, DerivativeMismatchError, HoadError

__all__ = ["main"]

SUCCESS, MISMATCH, FAULT, INTERRUPTED = 0, 1, 2, 130
MODES = ("reverse-over-forward", "forward-over-reverse", "reverse-over-reverse")
EXAMPLE = "expected FILE.py:function, for example loss.py:f"


# ---------------------------------------------------------------------------------------------------------------------
# The function: FILE.py:f


def load_function(target: str) -> Callable[..., Any]:
    """The function that ``FILE.py:name`` names; the name may have dots."""
    file, colon, name = target.rpartition(":")
    if not colon or not file or not name:
        raise CommandError(f"{target!r} does not name a function: {EXAMPLE}.")
    module = run_file(Path(file))
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise CommandError(f"{file} has no function {name!r}. {suggestion(module, name)}")
        found = getattr(found, part)
    if not callable(found):
        raise CommandError(f"{file}:{name} is of type {type(found).__name__}, expected a function. {suggestion(module, name)}")
    return found


def run_file(path: Path) -> ModuleType:
    """The module made by running a Python file as ``import`` would, without a bytecode cache."""
    try:
        source = path.read_bytes()
    except FileNotFoundError:
        raise CommandError(f"{path} does not exist: {EXAMPLE}.") from None
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}.") from None
    name = path.stem if path.stem not in sys.modules else f"__hoad_{path.stem}__"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        with redirect_stdout(sys.stderr):
            exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)
    except SystemExit as exit:
        raise CommandError(
            f"{path} ended the program with sys.exit({exit.code!r}) while it was imported. "
            'Put what it does as a script under if __name__ == "__main__":.'
        ) from exit
    except Exception as error:
        raise CommandError(f"{described(error, path)} (while importing {path})") from error
    return module


def suggestion(module: ModuleType, name: str) -> str:
    """Names of the module that may have been meant."""
    public = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    own = [key for key in public if getattr(getattr(module, key), "__module__", None) == module.__name__]
    if close := [key for key in difflib.get_close_matches(name, public) if key != name]:
        return f"Did you mean {' or '.join(close)}?"
    return f"It defines {', '.join(own[:10])}." if own else "It defines no functions."


def check_one_argument(f: Callable[..., Any], target: str, where: str) -> None:
    """Refuse a function that cannot be called with the point alone."""
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):  # some compiled callables have none
        return
    try:
        signature.bind(None)
    except TypeError as error:
        raise CommandError(
            f"{target} takes {signature}, but it is called with one argument, the content of {where}: {error}. "
            "Give the others default values, or put several arrays into one .npz, which arrives as a dict."
        ) from None


# ---------------------------------------------------------------------------------------------------------------------
# Arrays in: .npy, or .npz for a dict of arrays


def load_point(file: str) -> Any:
    """The floating-point array of a .npy file, or the dict of arrays of a .npz file."""
    found = read_arrays(file)
    if isinstance(found, dict):
        return {key: floating(value, f"{file}[{key!r}]") for key, value in found.items()}
    return floating(found, file)


def read_arrays(file: str) -> Any:
    """What ``numpy.load`` finds, without pickles, as an array or a dict of arrays."""
    try:
        with open(file, "rb") as stream:
            start = stream.read(6)
    except FileNotFoundError:
        raise CommandError(f"{file} does not exist, expected an array written by numpy.save.") from None
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}.") from None
    if not start.startswith((b"\x93NUMPY", b"PK")):
        content = "is empty" if not start else f"starts with {start!r}"
        raise CommandError(f"{file} is not a .npy or .npz file (it {content}). Write it with numpy.save or numpy.savez.")
    try:
        with open(file, "rb") as stream:  # np.load on a name leaves a damaged .npz open
            found = np.load(stream, allow_pickle=False)
            return found if isinstance(found, np.ndarray) else {key: found[key] for key in found.files}
    except Exception as error:  # NumPy, zipfile and zlib have a dozen ways to say that a file is damaged
        raise CommandError(f"{file} cannot be read as a .npy or .npz file: {one_line(error)}") from error


def floating(array: Any, where: str) -> np.ndarray:
    """The array in native byte order, if it has derivatives."""
    if not isinstance(array, np.ndarray):
        raise CommandError(f"{where} is not an array. Write the file with numpy.savez.")
    if array.dtype.kind not in "fc":
        raise CommandError(
            f"{where} has dtype {array.dtype}, expected a real or complex floating dtype: derivatives with respect to "
            "integers and booleans do not exist. Save x.astype(float)."
        )
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def check_direction(v: Any, x: Any, v_file: str, x_file: str) -> None:
    """Refuse a direction that has not the names and shapes of the point."""
    if isinstance(v, dict) != isinstance(x, dict):
        kinds = ["a dict of arrays (.npz)" if isinstance(each, dict) else "a single array" for each in (v, x)]
        raise CommandError(f"{v_file} holds {kinds[0]}, expected {kinds[1]} as in {x_file}.")
    if isinstance(x, dict):
        if v.keys() != x.keys():
            raise CommandError(f"{v_file} holds the arrays {sorted(v)}, expected {sorted(x)} as in {x_file}.")
        for key in x:
            check_direction(v[key], x[key], f"{v_file}[{key!r}]", f"{x_file}[{key!r}]")
    elif v.shape != x.shape:
        raise CommandError(f"{v_file} has shape {v.shape}, expected {x.shape}: the shape of {x_file}.")


# ---------------------------------------------------------------------------------------------------------------------
# Arrays out: complete or not at all


def check_writable(file: str, container: bool) -> None:
    """Find out before the work whether its result could be written."""
    path = Path(file)
    if path.is_dir():
        raise CommandError(f"cannot write {file}: it is a directory. Name a file in it, for example {path / 'hv.npy'}.")
    if not path.parent.is_dir():
        raise CommandError(f"cannot write {file}: the directory {path.parent} does not exist.")
    if not os.access(path if special(path) else path.parent, os.W_OK):
        raise CommandError(f"cannot write {file}: no permission.")
    expected, other = (".npz", ".npy") if container else (".npy", ".npz")
    if path.suffix == other:
        what = "a dict of arrays" if container else "a single array"
        raise CommandError(f"the result is {what}, which {file} cannot hold. Name it {path.with_suffix(expected)}.")


def special(path: Path) -> bool:
    """Whether the path is a device, a pipe or a socket, which is written to and never replaced."""
    return path.exists() and not path.is_file()


def save(file: str, result: Any) -> None:
    """Write an array as .npy, a dict of arrays as .npz."""

    def write(stream: BinaryIO) -> None:
        if isinstance(result, dict):
            np.savez(stream, **result)
        else:
            np.save(stream, result, allow_pickle=False)

    try:
        if special(Path(file)):
            with open(file, "wb") as stream:
                write(stream)
        else:
            write_atomically(file, write)
    except OSError as error:
        raise CommandError(f"cannot write {file}: {error.strerror or one_line(error)}.") from error


# ---------------------------------------------------------------------------------------------------------------------
# Progress and errors


@contextmanager
def working(what: str, f: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """``f``, whose evaluations are counted by a progress bar when a person is watching and half a second has passed."""
    try:
        from tqdm import tqdm
    except ImportError:
        tqdm = None
    if tqdm is None or not sys.stderr.isatty():
        with redirect_stdout(sys.stderr):
            yield f
        return

    evaluations = 0
    done = threading.Event()

    def show() -> None:
        if done.wait(0.5):
            return
        layout = "{desc}: {n_fmt} evaluations of the function, {elapsed}"
        with tqdm(desc=what, bar_format=layout, leave=False, file=sys.stderr) as bar:
            while not done.wait(0.1):
                bar.n = evaluations
                bar.refresh()

    @functools.wraps(f)
    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal evaluations
        evaluations += 1
        return f(*args, **kwargs)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        with redirect_stdout(sys.stderr):
            yield counted
    finally:
        done.set()
        thread.join()


def one_line(error: BaseException) -> str:
    """The message of an exception without line breaks; its type if there is no message."""
    return " ".join(str(error).split()) or type(error).__name__


def described(error: BaseException, file: Path | None = None) -> str:
    """Where in the user's code, what type, what message."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    message = one_line(error)
    if not isinstance(error, HoadError) and message != type(error).__name__:
        message = f"{type(error).__name__}: {message}"
    where = location(error, file)
    return f"{where}: {message}" if where else message


def location(error: BaseException, file: Path | None) -> str | None:
    """``file:line`` of the innermost frame in the user's code."""
    steps = [(step.filename, step.lineno) for step in traceback.extract_tb(error.__traceback__)]
    own = [f"{name}:{line}" for name, line in steps if name == str(file) or not in_library(name)]
    return own[-1] if own else None


def in_library(file: str) -> bool:
    """Whether a source file belongs to Python, to hoad or to an installed package."""
    paths = sysconfig.get_paths()
    homes = [Path(hoad.__file__).parent, *(Path(paths[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib"))]
    return file.startswith("<") or any(Path(file).is_relative_to(home) for home in homes)


# ---------------------------------------------------------------------------------------------------------------------
# The commands


def command_hvp(options: argparse.Namespace) -> int:
    """``hoad hvp``: the Hessian-vector product, into a file."""
    f, x = function_and_point(options)
    v = load_point(options.along)
    check_direction(v, x, options.along, options.at)
    check_writable(options.out, isinstance(x, dict))
    with working("hvp", f) as counted:
        result = hoad.hvp(counted, x, v, mode=options.mode)
    save(options.out, result)
    return SUCCESS


def command_check(options: argparse.Namespace) -> int:
    """``hoad check``: every mode against every other, order by order."""
    f, x = function_and_point(options)
    try:
        with working("check", f) as counted:
            hoad.check_derivatives(counted, (x,), order=options.order, modes="all")
    except DerivativeMismatchError as error:
        if options.traceback:
            traceback.print_exc()
        say(f"{options.function}: {one_line(error)}")
        return MISMATCH
    show(f"{options.function}: all derivatives up to order {options.order} agree at {options.at}")
    return SUCCESS


def command_trace(options: argparse.Namespace) -> int:
    """``hoad trace``: the steps of the function, as a table, a graph or a formula."""
    f, x = function_and_point(options)
    with working("trace", f) as counted:
        program = hoad.trace(counted)(x)
        text = program.to_dot() if options.dot else program.to_sympy() if options.sympy else program
    show(str(text))
    return SUCCESS


def function_and_point(options: argparse.Namespace) -> tuple[Callable[..., Any], Any]:
    """What FILE.py:f and --at name."""
    x = load_point(options.at)  # first, because it is quick and runs nobody's code
    f = load_function(options.function)
    check_one_argument(f, options.function, options.at)
    return f, x


def command_info(options: argparse.Namespace) -> int:
    """``hoad info``: what this installation has to work with."""
    kinds = Counter(str(function.kind) for function in hoad.registry())
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    rows = {
        "hoad": f"{hoad.__version__} in {Path(hoad.__file__).parent}",
        "Python": f"{platform.python_version()} ({platform.python_implementation()}) on {platform.platform()}",
        **{name: version(name) for name in ("NumPy", "SciPy", "optree")},
        "optional": ", ".join(f"{name} {version(name)}" for name in ("tqdm", "sympy", "matplotlib")),
        "backends": f"NumPy; CuPy {cupy_state()}",
        **report.rows(),
        "functions": f"{sum(kinds.values())}: {counts}",
    }
    width = max(map(len, rows))
    show("\n".join(f"{title:<{width}}  {text}" for title, text in rows.items()))
    return SUCCESS


def version(package: str) -> str:
    """Version of an installed package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def answer(*command: str) -> str | None:
    """First line that a program prints, or None if it fails; a broken installation cannot take this process down."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, stdin=subprocess.DEVNULL)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return next(iter(done.stdout.splitlines()), "")


def cupy_state() -> str:
    """Whether CuPy is there, and a device for it."""
    if importlib.util.find_spec("cupy") is None:
        return "not installed"
    question = (
        "import importlib; cupy = importlib.import_module('cupy'); r = cupy.cuda.runtime; "
        "print(cupy.__version__, 'on', ', '.join("
        "r.getDeviceProperties(i)['name'].decode() for i in range(r.getDeviceCount())))"
    )
    return answer(sys.executable, "-c", question) or "installed, but no device answers"


def command_cache(options: argparse.Namespace) -> int:
    """``hoad cache clear``: remove all compiled code that is kept."""
    try:
        show(report.cleared())
    except OSError as error:
        raise CommandError(f"nothing was removed from the cache: {one_line(error)}.") from error
    return SUCCESS


# ---------------------------------------------------------------------------------------------------------------------
# The command line


class Parser(argparse.ArgumentParser):
    """A parser that reports a wrong command line like every other fault."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse."""
        raise CommandError(f"{message} ({self.prog} --help)")


def positive(text: str) -> int:
    """An order of differentiation."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not an order, expected 1, 2, 3 …")
    return int(text)


def parser() -> Parser:
    """The command line."""
    top = Parser(prog="hoad", description="Exact derivatives of NumPy functions from the shell.", allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"hoad {hoad.__version__}")
    top.set_defaults(traceback=False)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    on_function = Parser(add_help=False)
    on_function.add_argument("function", metavar="FILE.py:f", help="a function of one argument in a Python file")
    on_function.add_argument("--at", metavar="X", required=True, help="the point: .npy, or .npz for a dict of arrays")
    on_function.add_argument("--traceback", action="store_true", help="show the full traceback of an error")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str, shared: Sequence[Parser]) -> Parser:
        added: Parser = commands.add_parser(name, help=text, description=text, parents=list(shared), allow_abbrev=False)
        added.set_defaults(run=run)
        return added

    hvp = command("hvp", command_hvp, "Hessian of f at X times V, written to a file.", [on_function])
    hvp.add_argument("--along", metavar="V", required=True, help="the direction, with the shape of the point")
    hvp.add_argument("--out", metavar="HV", required=True, help="where H v goes; written completely or not at all")
    hvp.add_argument("--mode", choices=MODES, default=MODES[0], help="the composition of modes; all give the same numbers")

    check = command("check", command_check, "Compare all ways to differentiate f at X; exit code 1 if two disagree.", [on_function])
    check.add_argument("--order", type=positive, default=2, help="highest order of derivative (2)")

    trace = command("trace", command_trace, "Steps of f at X with their values and derivatives.", [on_function])
    form = trace.add_mutually_exclusive_group()
    form.add_argument("--dot", action="store_true", help="the graph, for Graphviz")
    form.add_argument("--sympy", action="store_true", help="the expression, by SymPy")

    command("info", command_info, "Versions, backends, compiler, threads, cache, and how many functions hoad knows.", [])

    kept = command("cache", command_cache, "Compiled code that is kept from one process to the next.", [])
    kept.add_argument("action", choices=["clear"], help="remove it all, and tell how much it was")
    return top


def show(text: str) -> None:
    """Print a result, unless its reader (``head``, for example) has seen enough."""
    try:
        print(text, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries, and fails, again at exit
        if not isinstance(error, BrokenPipeError):
            raise CommandError(f"cannot write to standard output: {error.strerror}.") from error


def say(message: str) -> None:
    """One line on standard error."""
    print(f"hoad: {message}", file=sys.stderr)


def fault(error: BaseException, options: argparse.Namespace | None) -> int:
    """Report an exception as one line, after the traceback if that was asked for."""
    if options is not None and options.traceback:
        traceback.print_exception(error)
    if isinstance(error, CommandError):
        say(one_line(error))
        return FAULT
    target = getattr(options, "function", None)
    file = Path(target.rpartition(":")[0]) if target else None
    message = described(error, file)
    if isinstance(error, ModuleNotFoundError) and location(error, file) is None:
        message = f"this needs the package {error.name}: pip install {error.name}"
    elif not isinstance(error, HoadError) and location(error, file) is None:
        message += f" (raised inside hoad, working on {target or 'nothing of yours'}; --traceback shows where)"
    say(message)
    return FAULT


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code of one ``hoad`` command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after ``hoad``; those of the process by default.

    Returns
    -------
    int
        0 for success, 1 for derivatives that disagree, 2 for a fault, which is one line on standard error, 130 for
        an interruption.

    Examples
    --------
    >>> from hoad.cli import main
    >>> main(["--version"])
    hoad 0.1.0
    0
    """
    options = None
    try:
        options = parser().parse_args(argv)
        return options.run(options)
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except SystemExit as exit:  # --help and --version, or sys.exit in the user's function
        if options is None:
            return exit.code if isinstance(exit.code, int) else SUCCESS
        say(f"{options.function} ended the program with sys.exit({exit.code!r})")
        return FAULT
    except Exception as error:
        return fault(error, options)


if __name__ == "__main__":
    sys.exit(main())
