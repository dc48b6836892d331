"""Print, and write for the documentation, the worst error of each derivative on its domain.

``python -m tests.accuracy`` prints a table; ``--json docs/accuracy.json`` also writes what the table of functions shows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .references import REFERENCES


def domain_of(reference) -> str:
    """The domain in words."""
    parts = []
    for d in reference.domain:
        parts.append("{" + ", ".join(f"{v:g}" for v in d) + "}" if isinstance(d, list) else f"[{d[0]:g}, {d[1]:g}]")
    return " x ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only functions whose name contains one of these")
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for reference in REFERENCES:
        if options.names and not any(n in reference.name for n in options.names):
            continue
        worst = reference.worst(options.points)
        errors = {n: float(f"{error:.2g}") for n, (error, _) in worst.items()}
        row = {"name": reference.name, "argument": reference.argument, "domain": domain_of(reference), "errors": errors}
        rows.append({**row, "limit": reference.limit, "reason": reference.reason})
        shown = "  ".join(f"d{n} {error:9.3g} at {[float(f'{x:.6g}') for x in point]}" for n, (error, point) in worst.items())
        over = "   OVER" if max(errors.values()) > reference.limit else ""
        print(f"{reference.id:38s} {row['domain']:40s} {shown}{over}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"points": options.points, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
