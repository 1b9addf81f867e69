"""Known runs to failure of one kind of machine, shared by all of that kind on this box.

Rules of this file
- Any thread. RUNS_MAX are kept; then the oldest goes, and is counted.
- Machines compare where they have as many vibration sensors: the others' runs are left out.
- What the store kept and nobody can read is not there: "unknown" is then the answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from banksman.maintenance.life import LifeBook, Run
from banksman.maintenance.wearing import KeptRun, kept_run, known_run

RUNS_MAX = 30


class KeptShelf(msgspec.Struct, frozen=True):
    """What the store keeps of one kind."""

    runs: list[KeptRun]


class RunShelf:
    """The runs of one kind. ``save`` keeps them, ``saved`` are those kept before."""

    def __init__(self, kind: str, save: Callable[[bytes], None], saved: bytes | None) -> None:
        self.kind = kind
        self.dropped = 0
        self._save = save
        self._lock = threading.Lock()
        self._runs = _read(saved)
        self._books: dict[int, LifeBook] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def add(self, run: Run) -> None:
        """One more machine of this kind ran until it failed."""
        with self._lock:
            self._runs.append(run)
            if len(self._runs) > RUNS_MAX:
                del self._runs[0]
                self.dropped += 1
            self._books.clear()
            kept = KeptShelf([kept_run(each) for each in self._runs])
        self._save(msgspec.msgpack.encode(kept))

    def book(self, looks: int) -> LifeBook:
        """The runs of machines that are described by so many looks."""
        with self._lock:
            if looks not in self._books:
                runs = [run for run in self._runs if run.looks.shape[1] == looks]
                self._books[looks] = LifeBook(runs)
            return self._books[looks]


def _read(saved: bytes | None) -> list[Run]:
    if saved is None:
        return []
    try:
        kept = msgspec.msgpack.decode(saved, type=KeptShelf)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return []
    runs = [known_run(each) for each in kept.runs[-RUNS_MAX:]]
    return [run for run in runs if run is not None]
