"""The bounded queue in front of the store: where the control thread leaves its records.

Rules of this file
- No call waits, raises or touches a disk: the control loop has microseconds for it. The C
  queues used here neither give up the interpreter lock nor take one that others hold long.
- Bounded: beyond the limit the newest goes and is counted. CRITICAL decisions, alarms and
  audit entries have as much room again.
- Readings do not wake their thread for each batch: it comes round every few milliseconds
  while readings flow and is called only out of its sleep.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from queue import SimpleQueue
from typing import NamedTuple

from banksman.clock import Clock
from banksman.deciding.decision import Decision
from banksman.records import IdSource
from banksman.store.rows import Entry
from banksman.wire.messages import AlarmMessage, AuditMessage, Priority
from banksman_drivers.ports import Reading


class Batch(NamedTuple):
    """One poll of one device."""

    device: str
    readings: Sequence[Reading]


class Drops:
    """What was dropped and why, counted; any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def add(self, what: str, count: int = 1) -> None:
        """``count`` more of ``what`` are gone."""
        if count:
            with self._lock:
                self._counts[what] = self._counts.get(what, 0) + count

    def counts(self) -> Mapping[str, int]:
        """A copy."""
        with self._lock:
            return dict(self._counts)


class Intake:
    """Implements ``banksman.control.ports.RecordQueue``."""

    def __init__(self, node: str, ids: IdSource, clock: Clock, limit: int, drops: Drops) -> None:
        self._node = node
        self._ids = ids
        self._clock = clock
        self._limit = limit
        self._drops = drops
        self._batches: deque[Batch] = deque()
        self._sleeping = False
        # None is a call to come and look.
        self.batch_calls: SimpleQueue[None] = SimpleQueue()
        self.entries: SimpleQueue[Entry | None] = SimpleQueue()

    # The control thread's side.

    def put_readings(self, device: str, batch: Sequence[Reading]) -> None:
        """Keep one poll's readings."""
        if len(self._batches) >= self._limit:
            self._drops.add("readings_queue_full")
            return
        self._batches.append(Batch(device, batch))
        if self._sleeping:
            self._sleeping = False
            self.batch_calls.put(None)

    def put_decision(self, decision: Decision, priority: Priority) -> None:
        """Keep a decision, durably at once."""
        self._put(Entry(decision, priority), "decisions_queue_full")

    def put_audit(self, event: str, by: str, details: dict[str, str]) -> None:
        """Keep what a person or the interlock did, durably at once."""
        self.put_audit_message(
            AuditMessage(
                id=self._ids.next(),
                node=self._node,
                event=event,
                by=by,
                wall_ns=self._clock.wall_ns(),
                mono_ns=self._clock.mono_ns(),
                boot_id=self._clock.boot_id,
                details=details,
            )
        )

    # Any thread's side.

    def put_alarm(self, alarm: AlarmMessage) -> None:
        """Keep an alarm's newest state, durably at once."""
        self._put(Entry(alarm, alarm.priority), "alarms_queue_full")

    def put_audit_message(self, audit: AuditMessage) -> None:
        """Keep an audit entry that has its id already."""
        self._put(Entry(audit, Priority.IMPORTANT), "audit_queue_full")

    def _put(self, entry: Entry, drop: str) -> None:
        precious = entry.priority is Priority.CRITICAL or not isinstance(entry.message, Decision)
        if self.entries.qsize() >= (2 * self._limit if precious else self._limit):
            self._drops.add(drop)
        else:
            self.entries.put(entry)

    def call(self) -> None:
        """Make the store thread come and look, if nothing waits for it already."""
        if self.entries.empty():
            self.entries.put(None)

    # The spool thread's side.

    def take_batches(self, limit: int) -> list[Batch]:
        """At most ``limit`` batches, oldest first."""
        batches = self._batches
        return [batches.popleft() for _ in range(min(limit, len(batches)))]

    def sleep(self) -> bool:
        """Ask to be called at the next batch; False when there is one already."""
        self._sleeping = True
        if self._batches:
            self._sleeping = False
            return False
        return True

    def depth(self) -> int:
        """How much waits here."""
        return len(self._batches) + self.entries.qsize()
