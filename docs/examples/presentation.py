"""What the examples share and what is not their subject: the command line, the colours and the look of the axes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

BLUE, ORANGE, GREEN, PURPLE, RED, GREY = "#2a5ea8", "#d9772b", "#3a8f5c", "#7a4fa3", "#b8383d", "#8a8f98"
DATA = Path(__file__).parent / "data"


def command_line(description: str, name: str, argv: Sequence[str] | None) -> argparse.Namespace:
    """The two options of every example: ``--quick`` for a reduced run, ``--out`` for where the figure goes."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a reduced run, a few seconds long")
    parser.add_argument("--out", type=Path, default=Path(f"{name}.png"), help="where the figure goes")
    return parser.parse_args(argv)


def canvas(columns: int, title: str, *, height: float = 3.7, width: float = 10.0, rows: int = 1) -> tuple[Figure, Any]:
    """A figure and its axes, without frames above and to the right, over a light grid."""
    drawing = Figure(figsize=(width, height), layout="constrained")
    panels = drawing.subplots(rows, columns, squeeze=False)
    drawing.suptitle(title, fontsize=11, color="#333333")
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, which="major", color="#e4e6ea", linewidth=0.8)
        axes.set_axisbelow(True)
    return drawing, panels.reshape(-1)


def label(axes: Any, title: str, **properties: Any) -> None:
    """Title, axis labels and limits."""
    axes.set_title(title, fontsize=10)
    axes.set(**properties)


def legend(axes: Any, **options: Any) -> None:
    """A legend without a frame."""
    axes.legend(**{"frameon": False, "fontsize": 8.5, **options})


def legend_below(drawing: Figure, axes: Any, **options: Any) -> None:
    """One legend for the whole figure, in a row below it, with the entries of ``axes``."""
    handles, labels = axes.get_legend_handles_labels()
    options = {"frameon": False, "fontsize": 9, "ncols": len(labels), **options}
    drawing.legend(handles, labels, loc="outside lower center", **options)


def save(drawing: Figure, out: Path) -> None:
    """Write the figure, with a palette of 128 colours to keep the file small, and say where it is."""
    drawn = BytesIO()
    drawing.savefig(drawn, dpi=100, format="png")
    Image.open(drawn).convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE).save(out, format="png", optimize=True)
    print(f"figure saved: {out}")
