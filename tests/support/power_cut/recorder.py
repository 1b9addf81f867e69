"""Runs below the shim: a store that takes records, and says in the diary what it may claim.

Usage: ``recorder.py FOLDER SCRIPT``; the claims are writes to FOLDER/claims, so the diary has
them in their place among the writes of the database. ``D id``: this decision is in the database.
``R position id``: readings up to here are in blocks. ``S number``: this small value was saved.
``T id``: it is about to be acknowledged. ``A id``: its acknowledgement is in the database.

Faults are set by writing to the file that $POWER_CUT_FAULTS names.
"""

from __future__ import annotations

import asyncio
import errno
import os
import struct
import sys
import time
from pathlib import Path

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.deciding.decision import Decision
from banksman.store.sealing import load_seal
from banksman.store.store import Store
from banksman.wire.messages import Priority
from banksman_drivers.ports import Quality, Reading

PATIENCE_S = 60.0


class Recorder:
    """A store at work, and its claims."""

    def __init__(self, folder: Path) -> None:
        self.clock = SystemClock()
        self.store = Store.open(
            StoreSettings(folder=str(folder), block_s=0.1, free_floor_mb=0),
            "press",
            self.clock,
            seal=load_seal(os.environ),
        )
        self._claims = os.open(folder / "claims", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._claimed: set[str] = set()
        self._position = 0
        self._number = 0
        self.store.start()

    def claim(self, *words: object) -> None:
        os.write(self._claims, (" ".join(map(str, words)) + "\n").encode())

    def decide(self, size: int = 200) -> str:
        """Put a decision; returns its id."""
        decision = Decision(
            self.store.ids.next(), "press", "quality_control", "oven", self.clock.wall_ns(),
            self.clock.mono_ns(), self.clock.boot_id, "unknown", 1.0, "none", 0.9, "rule",
            "x" * size, {"plc.p0": 1.0}, "v1", "r", None, False, False, "observe",
        )  # fmt: skip
        self.store.records.put_decision(decision, Priority.NORMAL)
        return decision.id

    def read(self) -> None:
        """Put one poll's readings."""
        batch = tuple(
            Reading(f"plc.p{n}", self._number + n / 7, "mm", Quality.GOOD, self.clock.mono_ns())
            for n in range(10)
        )
        self._number += 1
        self.store.records.put_readings("plc", batch)

    def look(self) -> None:
        """Claim what the database shows by now and nobody waits to write any more."""
        shown = self.store._reader.newest("decision", 50)
        waiting = {row.id for row in self.store._parts.pending.rows()}
        for row in shown:
            if row.id not in self._claimed and row.id not in waiting:
                self._claimed.add(row.id)
                self.claim("D", row.id)
        ledger = self.store._writer.ledger
        position = ledger.folded if ledger is not None else 0
        if position > self._position:
            self._position = position
            self.claim("R", position)

    def until(self, holds: object, what: str) -> None:
        """Wait for a condition. Raises TimeoutError with the status."""
        ends = time.monotonic() + PATIENCE_S
        while not holds():  # type: ignore[operator]
            if time.monotonic() > ends:
                raise TimeoutError(f"{what}: {self.store.status()}")
            self.look()
            time.sleep(0.002)

    def until_kept(self, *ids: str) -> None:
        self.until(lambda: self._claimed.issuperset(ids), "kept")

    def save(self, number: int) -> None:
        """Save a small value, wait until the database has it, and claim it."""
        self.store.save_state("latches", b"%d" % number)
        pending = self.store._parts.pending
        self.until(lambda: not pending.state and self.store.status().state == "ok", "saved")
        before = self.store.status().commits
        self.decide()  # a commit after it: then its own is over
        self.until(lambda: self.store.status().commits > before, "saved and over")
        self.claim("S", number)

    def acknowledge(self) -> None:
        """Acknowledge half of what is owed, and claim it once it is struck off."""
        rows = asyncio.run(self.store.next_rows("mqtt", 20))[::2]
        for row in rows:
            self.claim("T", row.id)
        asyncio.run(self.store.acknowledge_rows("mqtt", [row.row_id for row in rows]))
        pending = self.store._parts.pending
        self.until(lambda: not pending.acknowledged("mqtt"), "acknowledged")
        for row in rows:
            self.claim("A", row.id)


def set_faults(write: int = 0, sync: int = 0, opening: int = 0, room: int = 0) -> None:
    with Path(os.environ["POWER_CUT_FAULTS"]).open("r+b") as file:
        file.write(struct.pack("=4i", write, sync, opening, room))


def plain(recorder: Recorder) -> None:
    """Everything a day has, and enough of it that the log is folded into the database."""
    for number in range(60):
        ids = [recorder.decide(12_000) for _ in range(8)]
        recorder.read()
        recorder.until_kept(*ids)
        if number % 10 == 0:
            recorder.save(number)
        if number % 15 == 7:
            recorder.acknowledge()


def failing(recorder: Recorder, **faults: int) -> None:
    """Some fault for a while, again and again, and all well in between."""
    for _ in range(6):
        recorder.until_kept(*[recorder.decide() for _ in range(5)])
        recorder.read()
        set_faults(**faults)
        late = [recorder.decide(12_000) for _ in range(3)]
        recorder.until(lambda: recorder.store.status().state != "ok", "noticed")
        recorder.read()
        set_faults()
        recorder.until_kept(*late)
        recorder.save(7)


def failing_sync(recorder: Recorder) -> None:
    """fsync says that the medium fails."""
    failing(recorder, sync=errno.EIO)


def failing_write(recorder: Recorder) -> None:
    """Writes say it."""
    failing(recorder, write=errno.EIO)


def full(recorder: Recorder) -> None:
    """The disk has room for the first few pages only; a write may end in their middle."""
    failing(recorder, room=5000)


def read_only(recorder: Recorder) -> None:
    """The card has turned read-only."""
    failing(recorder, write=errno.EROFS, opening=errno.EROFS)


SCRIPTS = {each.__name__: each for each in (plain, failing_sync, failing_write, full, read_only)}


def main(folder: str, script: str) -> None:
    recorder = Recorder(Path(folder))
    SCRIPTS[script](recorder)
    recorder.store.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
