"""The spool thread: readings become bytes, reach the spool within milliseconds, and go live.

Rules of this file
- A thread of its own because fsync on a card can take 100 ms, and a killed process may lose
  20 ms of readings at most: nothing here waits for SQLite.
- It encodes at most ``BATCHES_A_STRETCH`` batches (under a millisecond) before a write gives
  the interpreter lock away.
- Ids are given here, so that they grow with the positions: an uplink may name a run of readings
  by its first and last id alone.
- A spool that cannot be written is tried again each second; the readings stay in memory and
  go to the database.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from queue import Empty

from banksman.records import Stamp, readings_messages, to_json
from banksman.store.framing import frame, frames
from banksman.store.intake import Batch
from banksman.store.parts import FOLD_AT_ROWS, Parts
from banksman.store.rows import ReadingRow, base_of, spool_place
from banksman.store.unencodable import CANNOT, Unencodable

BATCHES_A_STRETCH = 64
RETRY_NS = 1_000_000_000
SLEEP_S = 1.0
# A frame that carries nothing: whoever reads it back passes over position 0.
PROBE = frame(0, b"")

log = logging.getLogger(__name__)


class Spooler:
    """See the rules above."""

    def __init__(self, parts: Parts, period_s: float, arrived: Callable[[], None]) -> None:
        self._node = parts.node
        self._ids = parts.ids
        self._clock = parts.clock
        self._intake = parts.intake
        self._spool = parts.spool
        self._seal = parts.seal
        self._tail = parts.tail
        self._mark = parts.mark
        self._drops = parts.drops
        self._unencodable = Unencodable("readings", parts.intake, parts.pending, parts.drops)
        self._period_s = period_s
        self._arrived = arrived
        self._position = base_of(parts.epoch.number)
        self._retry_at_ns = 0
        self.fault = parts.spool_fault
        self.turns = 0
        self._stop = threading.Event()

    def run(self) -> None:
        """The thread. Ends, with the queue empty, after ``stop``."""
        while not self._stop.is_set():
            self.turns += 1
            flowing = self.flush()
            self._intake.came_round()
            if flowing:
                self._stop.wait(self._period_s)
                continue
            if self.fault:
                # Without readings nothing else would find out that the disk works again.
                self._spooled(PROBE, 0)
            if self._intake.sleep():
                with contextlib.suppress(Empty):
                    self._intake.batch_calls.get(timeout=SLEEP_S)
        while self.flush():
            continue

    def stop(self) -> None:
        """Ask the thread to empty the queue and end."""
        self._stop.set()
        self._intake.batch_calls.put(None)

    def flush(self) -> bool:
        """Take what is there, encode and spool it; False when there was nothing."""
        batches = self._intake.take_batches(BATCHES_A_STRETCH)
        taken = bool(batches)
        while batches:
            offset_ns = self._clock.wall_ns() - self._clock.mono_ns()
            rows = [row for batch in batches for row in self._rows(batch, offset_ns)]
            if rows:
                self._keep(rows)
            batches = self._intake.take_batches(BATCHES_A_STRETCH)
        if taken:
            self._arrived()
        return taken

    def _rows(self, batch: Batch, offset_ns: int) -> list[ReadingRow]:
        stamp = Stamp(
            self._ids.next(),
            self._node,
            batch.device,
            self._clock.boot_id,
            offset_ns,
            self._ids.next,
        )
        rows: list[ReadingRow] = []
        try:
            for message in readings_messages(batch.readings, stamp):
                payload = to_json(message)
                rows.append(ReadingRow(self._position + 1, message.id, batch.device, payload))
                self._position += 1
        except CANNOT as error:
            # A driver's bug must not stop the recording of every other device.
            self._unencodable.put(stamp.id, f"poll of {batch.device}", batch.readings, error)
        return rows

    def _keep(self, rows: list[ReadingRow]) -> None:
        seal = self._seal.seal
        data = frames((row.position, seal(row.payload, spool_place(row.position))) for row in rows)
        spooled = self._spooled(data, rows[-1].position)
        self._drops.add("readings_memory_full", self._tail.append(rows))
        if spooled:
            self._mark.spooled(rows[-1])
        else:
            self._mark.missed(rows[-1])
        if self._tail.unfolded_count() >= FOLD_AT_ROWS:
            self._intake.call()

    def _spooled(self, data: bytes, newest: int) -> bool:
        now_ns = self._clock.mono_ns()
        if now_ns < self._retry_at_ns:
            return False
        try:
            self._spool.append(data, newest)
        except OSError as error:
            self._retry_at_ns = now_ns + RETRY_NS
            if not self.fault:
                log.error("readings cannot be spooled: %s", error)
            self.fault = f"readings cannot be spooled: {error}"
            return False
        self.fault, self._retry_at_ns = "", 0
        return True
