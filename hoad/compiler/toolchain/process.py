"""Compilers as child processes: within a time limit, with bounded output, and nothing of them left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hoad.errors import NoCompilerError

__all__ = ["TimeLimitError", "ended", "run"]

KEPT = 65536
"""Characters of output that are kept; the rest is read and dropped, so that a compiler cannot fill the memory."""

ASK = 0.1
"""Seconds after which it is asked whether the compiler has ended, where something that it left running keeps the pipe open."""


class TimeLimitError(NoCompilerError):
    """A compiler did not end in time."""


def run(
    command: Sequence[str], *, limit: float, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Exit status and output (both streams) of a command.

    Parameters
    ----------
    command : sequence of str
    limit : float
        Seconds after which the command and every process it has started are killed.
    folder : Path, optional
        Working directory.
    environment : mapping, optional
        Variables beside those of this process.

    Raises
    ------
    NoCompilerError
        If the command cannot be started; :class:`TimeLimitError` if it does not end in time.
    """
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
            start_new_session=True,  # one group, so that the limit reaches what the compiler starts, and Ctrl-C comes to us
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NoCompilerError(f"{command[0]} cannot be started: {error}") from error
    output: list[bytes] = []
    reader = threading.Thread(target=_drain, args=(process, output), daemon=True)
    try:
        reader.start()
        end = time.monotonic() + limit
        while reader.is_alive() and process.poll() is None and time.monotonic() < end:
            reader.join(min(ASK, max(0.0, end - time.monotonic())))  # at once when the process ends and closes the pipe
        status = process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        _kill(process)
        raise TimeLimitError(f"{command[0]} did not end within {limit:g} seconds and was stopped") from None
    except BaseException:
        _kill(process)
        raise
    reader.join(ASK)  # a process that the compiler left running may hold the pipe open
    return status, b"".join(output).decode("utf-8", "replace")


def ended(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"ended with exit code {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def _drain(process: subprocess.Popen[bytes], output: list[bytes]) -> None:
    stream = process.stdout
    assert stream is not None
    room = KEPT
    with suppress(OSError, ValueError), stream:
        while part := os.read(stream.fileno(), 65536):
            if room > 0:
                output.append(part[:room])
                room -= len(part)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole group; the process has not been waited for, so its number is still its own."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(5.0)
