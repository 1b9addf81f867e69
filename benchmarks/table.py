"""The figures as a table: aligned for the terminal, Markdown for docs/benchmarks.md. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

HEAD = ("figure", "value", "unit", "target", "met", "peer", "ratio", "spread", "runs", "pressure")
BEGIN = "<!-- figures: written by `python -m benchmarks --docs`, not by hand -->"
END = "<!-- end of figures -->"


class MarkersMissing(ValueError):
    """The page has lost the two comments between which the table stands."""


def rows(figures: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """One row of texts for each figure."""
    return [
        (
            each["name"],
            _number(each["value"]),
            each["unit"],
            each["target"] or "-",
            {True: "yes", False: "NO", None: "-"}[each["met"]],
            f"{each['peer']} {_number(each['peer_value'])}" if each["peer"] else "-",
            _number(each["ratio"]),
            "-" if each["spread"] is None else f"{each['spread'] * 100:.0f} %",
            str(each["runs"]),
            "-" if each["pressure_pct"] is None else f"{each['pressure_pct']:.0f} %",
        )
        for each in figures
    ]


def text(figures: Sequence[Mapping[str, Any]]) -> str:
    """Aligned columns; notes stand below their table."""
    lines = [HEAD, *rows(figures)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([*table, *_notes(figures)])


def markdown(document: Mapping[str, Any]) -> str:
    """The table with what it was measured on."""
    machine = document["machine"]
    cells = [HEAD, tuple("---" for _ in HEAD), *rows(document["figures"])]
    return "\n".join(
        [
            f"Measured {document['when']} at commit `{document['commit']}` on {machine['cpu']}, "
            f"{machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}.",
            "",
            *(f"| {' | '.join(line)} |" for line in cells),
            "",
            *(f"- {note}" for note in _notes(document["figures"])),
        ]
    ).rstrip()


def replaced(page: str, table: str) -> str:
    """The page with the table between its markers. Raises MarkersMissing without them."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise MarkersMissing(f"the page needs the lines {BEGIN!r} and {END!r} around its table")
    return f"{head}{BEGIN}\n\n{table}\n\n{END}{tail}"


def _notes(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    notes = [f"{each['name']}: {each['note']}" for each in figures if each.get("note")]
    older = {
        f"{each['name'].partition('.')[0]}.*: measured {each.get('when', 'in the same run')}"
        f" at {each.get('commit', 'the same commit')}"
        for each in figures
        if "commit" in each or "when" in each
    }
    return notes + sorted(older)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
