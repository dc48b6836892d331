"""Programs as graphs: DOT text, and SVG through Graphviz."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from hoad.compiler import table
from hoad.errors import CommandError

if TYPE_CHECKING:
    from hoad.compiler.program import Program

__all__ = ["to_dot", "to_svg"]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def to_dot(program: Program) -> str:
    lines = ["digraph program {", "  rankdir=LR;", '  node [shape=ellipse, fontname="sans-serif"];']
    for i, name in enumerate(program.names):
        lines.append(f"  n{i} [label={_quoted(name)}, shape=box];")
    for step in program.steps:
        for out in step.outputs:
            lines.append(f"  n{out} [label={_quoted(f'{program.label(out)} = {table.formula(program, step)}')}];")
    lines += [f"  n{a} -> n{b};" for a, b in program.edges]
    for slot, _ in program.outputs:
        if slot is not None:
            lines.append(f"  n{slot} [peripheries=2];")
    return "\n".join([*lines, "}"]) + "\n"


def to_svg(program: Program) -> str:
    found = shutil.which("dot")
    if found is None:
        raise CommandError("to_svg needs the dot program of Graphviz, which was not found. Install Graphviz, or use to_dot().")
    done = subprocess.run([found, "-Tsvg"], input=to_dot(program), capture_output=True, text=True, check=True, timeout=60)
    return done.stdout
