"""The bounded queue in front of the store: where the control thread leaves its records.

Rules of this file
- No call waits, raises or touches a disk: the control loop has microseconds for it. The C
  queues used here neither give up the interpreter lock nor take one that others hold long; what is
  put into them counts for no garbage collection.
- Bounded: beyond the limit the newest goes and is counted. CRITICAL decisions, alarms and
  audit entries have as much room again.
- Waking a thread costs the caller a call of the kernel, and on a busy box its processor. So
  readings do not wake theirs for each batch: it comes round every few milliseconds while they
  flow, and is called only out of its sleep. It looks after decisions that are not critical, too;
  critical ones, alarms and audit entries wake the store thread at once, and so does whatever comes
  while no readings flow.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue

import msgspec

from banksman.clock import Clock
from banksman.deciding.decision import Decision
from banksman.records import IdSource
from banksman.store.rows import Entry
from banksman.wire.messages import AlarmMessage, AuditMessage, Priority
from banksman_drivers.ports import Reading


class Batch(msgspec.Struct, frozen=True, gc=False):
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
        self._entries: deque[Entry] = deque()
        self._sleeping = False
        self._called = False
        self.batch_calls: SimpleQueue[None] = SimpleQueue()
        self._entry_calls: SimpleQueue[None] = SimpleQueue()

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
        if len(self._entries) >= (2 * self._limit if precious else self._limit):
            self._drops.add(drop)
            return
        self._entries.append(entry)
        if precious or self._sleeping:
            self.call()

    def call(self) -> None:
        """Make the store thread come and look, if it was not called already."""
        if not self._called:
            self._called = True
            self._entry_calls.put(None)

    # The store thread's side.

    def take_entries(self, limit: int, wait_s: float = 0.0) -> list[Entry]:
        """At most ``limit`` entries, oldest first; waits for the first, or for a call."""
        if wait_s and not self._entries:
            with contextlib.suppress(Empty):
                self._entry_calls.get(timeout=wait_s)
        # First: whatever is put from here on calls anew.
        self._called = False
        entries = self._entries
        return [entries.popleft() for _ in range(min(limit, len(entries)))]

    # The spool thread's side.

    def take_batches(self, limit: int) -> list[Batch]:
        """At most ``limit`` batches, oldest first."""
        batches = self._batches
        return [batches.popleft() for _ in range(min(limit, len(batches)))]

    def came_round(self) -> None:
        """Call the store thread for what nobody has called it for."""
        if self._entries:
            self.call()

    def sleep(self) -> bool:
        """Ask to be called at the next batch; False when there is one already."""
        self._sleeping = True
        if self._batches:
            self._sleeping = False
            return False
        self.came_round()  # what was put just before nobody else would call for
        return True

    def depth(self) -> int:
        """How much waits here."""
        return len(self._batches) + len(self._entries)
