"""Turns of heavy work: of all machines on a box, so many are worked at a time.

Rules of this file
- Ten threads that all want the interpreter make the control loop wait for ten of them; one makes
  it wait for one. So what takes tens of milliseconds is done in turns, in small pieces.
- Whoever waits for a turn holds nothing. Between two pieces others get theirs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

TURNS = 1


class Turns:
    """Shared by all watches of a box; any thread."""

    def __init__(self, turns: int = TURNS) -> None:
        self._free = threading.BoundedSemaphore(turns)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Do one piece of work in here."""
        with self._free:
            yield
