"""What is printed: nothing that a device, a bundle or a label says can steer a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from banksman_drivers.words import printable

LINE_CHARS_MAX = 2000


def show(lines: Iterable[str]) -> None:
    """Print each on a line of its own, at once; what does not print is shown as ``?``."""
    for line in lines:
        print(printable(line, LINE_CHARS_MAX), flush=True)


def show_json(document: bytes) -> None:
    """Print a JSON document for people and programs, every other letter escaped."""
    print(json.dumps(json.loads(document), indent=2))


def show_error(words: str) -> None:
    """Print what went wrong, which may be several lines, on stderr."""
    lines = [printable(line, LINE_CHARS_MAX) for line in f"banksman: {words}".split("\n")]
    print("\n".join(lines), file=sys.stderr)
