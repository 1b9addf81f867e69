"""What an area is given: how long it may take, where it may write, and a way to say how it goes."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

REPO = Path(__file__).resolve().parents[1]


class Context(msgspec.Struct, frozen=True):
    """One run of the benchmarks.

    ``cache`` keeps what is dear to make again (compiled simulators, an installed Node-RED) and
    is outside git; ``work`` is emptied after the run. ``quick`` is for seeing that it runs: one
    short round, whose figures are not for keeping.
    """

    quick: bool
    cache: Path
    work: Path
    repo: Path = REPO

    @property
    def rounds(self) -> int:
        """How often each thing is measured; the median counts."""
        return 1 if self.quick else 3

    def say(self, text: str) -> None:
        """Tell the person who waits."""
        print(f"  {text}", file=sys.stderr, flush=True)
