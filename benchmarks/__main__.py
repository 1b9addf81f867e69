"""`python -m benchmarks [--area NAME] [--quick]`: measure, print the table, keep the figures.

An area is a module ``benchmarks/areas/NAME.py`` with ``measure(context) -> list[Figure]``, found
by its name: a new area needs no other file to change. Every figure's name starts with its area.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Protocol, cast

import msgspec

from benchmarks import results, table
from benchmarks.context import REPO, Context
from benchmarks.figure import Figure

AREAS = REPO / "benchmarks" / "areas"
LATEST = REPO / "benchmarks" / "results" / "latest.json"
PAGE = REPO / "docs" / "benchmarks.md"


class Area(Protocol):
    """What an area's module owes."""

    def measure(self, context: Context) -> list[Figure]:
        """Measure everything of this area; a missing peer leaves a figure with a note."""


def area_names(folder: Path = AREAS) -> list[str]:
    """Every area there is, by the files that are there."""
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def measure(name: str, context: Context) -> list[Figure]:
    """The figures of one area. Raises ValueError for one that is named after another area."""
    area = cast("Area", importlib.import_module(f"benchmarks.areas.{name}"))
    figures = area.measure(context)
    for figure in figures:
        if figure.name.partition(".")[0] != name:
            raise ValueError(f"{figure.name} was measured by {name}; its name must start with it")
    return figures


def main(argv: list[str] | None = None) -> int:
    """Run the areas asked for; returns 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--area", choices=area_names(), help="measure this one, keep the others")
    parser.add_argument("--quick", action="store_true", help="one short round; keeps nothing")
    parser.add_argument("--docs", action="store_true", help="only write the table of docs/ anew")
    arguments = parser.parse_args(argv)
    if arguments.docs:
        PAGE.write_text(table.replaced(PAGE.read_text(), table.markdown(results.load(LATEST))))
        return 0
    names = [arguments.area] if arguments.area else area_names()
    provenance = {
        "machine": results.machine(),
        "commit": results.commit(REPO),
        "when": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="banksman-bench-") as work:
        context = Context(arguments.quick, REPO / ".cache" / "benchmarks", Path(work))
        for name in names:
            print(f"{name}:", file=sys.stderr, flush=True)
            measured = measure(name, context)
            figures += measured
            if not arguments.quick:  # kept area by area: a later failure loses nothing
                document = results.merged(results.load(LATEST), [name], measured, provenance)
                results.save(LATEST, document)
    print(table.text([msgspec.to_builtins(figure) for figure in figures]))
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
