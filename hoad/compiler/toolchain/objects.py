"""One call of a compiler: a source in, a shared library out, and a reason if there is none."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from hoad.compiler.toolchain.flags import SUFFIX
from hoad.compiler.toolchain.process import ended, run
from hoad.compiler.toolchain.settings import compile_timeout
from hoad.errors import NoCompilerError

__all__ = ["compile_object", "shortened"]

FULL = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS") if hasattr(errno, name))


def compile_object(
    command: Sequence[str], flags: Sequence[str], source: str, folder: Path, libraries: Sequence[str], limit: float | None = None
) -> Path:
    """Compile a source in a folder of its own; the library is whole as far as can be seen without loading it.

    Raises
    ------
    NoCompilerError
        If that fails.
    OSError
        If the source cannot be written, or the disk is full.
    """
    (folder / "kernel.c").write_text(source, encoding="utf-8")
    made = folder / f"kernel{SUFFIX}"
    made.unlink(missing_ok=True)
    status, output = run(
        [*command, *flags, "kernel.c", "-o", made.name, *libraries],
        limit=limit or compile_timeout(),
        folder=folder,
        environment={"TMPDIR": str(folder), "PWD": str(folder)},
    )
    if status != 0:
        for number in FULL:
            if os.strerror(number) in output:
                raise OSError(number, os.strerror(number), str(folder))
        raise NoCompilerError(f"{shlex.join(command)} {ended(status)}: {shortened(output)}")
    if not made.is_file() or made.is_symlink():
        raise NoCompilerError(f"{shlex.join(command)} ended well, but made no library: {shortened(output)}")
    if reason := _defect(made.read_bytes()):
        raise NoCompilerError(f"{shlex.join(command)} ended well, but made something that is no library: {reason}")
    return made


def _defect(content: bytes) -> str:
    """What is wrong with a library, before the system's loader meets it; empty if nothing is seen.

    A file of ELF whose parts lie beyond its end would be mapped, and then end the process by a signal.
    """
    if sys.platform == "win32":
        return "" if content.startswith(b"MZ") else f"it starts with {content[:4]!r}"
    if sys.platform == "darwin":
        return "" if content[:4] in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe") else f"it starts with {content[:4]!r}"
    if not content.startswith(b"\x7fELF") or len(content) < 64:
        return f"it starts with {content[:4]!r} and has {len(content)} bytes"
    wide, order = content[4] == 2, "little" if content[5] == 1 else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(content[at : at + size], order)  # type: ignore[arg-type]

    size = 8 if wide else 4
    segments, sections = number(32 if wide else 28, size), number(40 if wide else 32, size)
    segment, count, section, more = (number((54 if wide else 42) + 2 * k, 2) for k in range(4))
    if max(segments + segment * count, sections + section * more) > len(content):
        return "it is cut off"
    for k in range(count):
        at = segments + k * segment
        start, length = number(at + (8 if wide else 4), size), number(at + (32 if wide else 16), size)
        if start + length > len(content):
            return "it is cut off"
    return ""


def shortened(output: str) -> str:
    """The first lines of what a compiler said that are about an error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    chosen = [line for line in lines if "error" in line.lower() or "space" in line.lower()] or lines
    text = " | ".join(chosen[:3])[:400]
    return "".join(c if c.isprintable() else "?" for c in text) or "it said nothing"
