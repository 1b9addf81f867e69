"""Everything the box remembers, behind one door: journal, outbox, readings, small values.

Rules of this file
- Two threads of its own. ``spool`` turns readings into bytes and puts them where the death of
  the process does not reach; ``store`` is the one writer of SQLite. Nothing here waits for
  either but ``stop``.
- What goes out has the id it was first given, whatever restarts between.
- It works with any disk: full, read-only, failing or lying. ``status`` says how well.

    control thread -> records -+-> spool thread -> spool file, tail -> readings_after
                               +-> store thread -> SQLite -----------> next_rows, decisions
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from banksman.clock import Clock
from banksman.config.schema_services import StoreSettings
from banksman.errors import StoreError
from banksman.status import OldestRow, StoreStatus
from banksman.store.ageing import Ends
from banksman.store.answers import Answers
from banksman.store.aside import Unread
from banksman.store.database import CHECK_AT_OPEN_MB, Fault
from banksman.store.delivered import NOTHING
from banksman.store.folder import open_folder
from banksman.store.given_up import STATE_KEY as GIVEN_UP_KEY
from banksman.store.given_up import decoded, is_loss
from banksman.store.parts import Parts, build
from banksman.store.reader import Reader
from banksman.store.room import MB, Keeper, file_bytes
from banksman.store.rows import OutboxRow, ReadingRow
from banksman.store.sealing import Seal
from banksman.store.spooler import Spooler
from banksman.store.stretch import STATE_KEY as STRETCH_KEY
from banksman.store.stretch import Stretch
from banksman.store.writer import Writer
from banksman.wire.messages import AlarmMessage, AuditMessage, Priority

__all__ = ["OutboxRow", "ReadingRow", "Store", "StoreError"]

log = logging.getLogger(__name__)


def _ttl_days(settings: StoreSettings) -> dict[Priority, float]:
    return {
        Priority.IMPORTANT: settings.important_ttl_days,
        Priority.NORMAL: settings.normal_ttl_days,
        Priority.BACKGROUND: settings.background_ttl_days,
    }


class Store(Answers):
    """See the rules above. Made by ``open``; ``start`` it, and ``stop`` it in the end.

    ``epoch`` has grown since the last open and is durable before ``open`` returns (on a disk
    that refuses even that it leaps, so that ids stay unique). ``ids`` gives ids of this epoch
    to whoever makes messages; ``records`` is the control loop's queue.
    """

    def __init__(self, lock: int, parts: Parts, settings: StoreSettings) -> None:
        """Use ``open``."""
        self._lock = lock
        self._settings = settings
        self._ends = Ends(
            {
                Priority.CRITICAL: settings.critical_deadline_s,
                Priority.IMPORTANT: settings.important_deadline_s,
            },
            _ttl_days(settings),
        )
        self._listeners: list[Callable[[], None]] = []
        self._threads: list[threading.Thread] = []
        self._stop_check = threading.Event()
        self._keeper = Keeper(
            settings.quota_mb,
            settings.free_floor_mb,
            parts.drops,
            _ttl_days(settings),
            Stretch(parts.memory.state.get(STRETCH_KEY)),
            lambda kept: self.save_state(STRETCH_KEY, kept),
        )
        for what, count in decoded(parts.memory.state.get(GIVEN_UP_KEY)).totals.items():
            if is_loss(what):
                parts.drops.add(what, count)  # a restart begins no count anew
        reader = Reader(parts.path, self._suspect, parts.seal, self._unread)
        spooler = Spooler(parts, settings.spool_ms / 1e3, self._tell)
        writer = Writer(
            parts,
            self._keeper,
            settings.block_s,
            let_go=reader.close,
            arrived=self._tell,
            spool_turns=lambda: spooler.turns,
        )
        super().__init__(parts, reader, writer)
        self._spooler = spooler
        self.epoch = parts.epoch.number
        self.ids = parts.ids
        self.records = parts.intake

    @classmethod
    def open(
        cls,
        settings: StoreSettings,
        node: str,
        clock: Clock,
        channels: Sequence[str] = ("mqtt",),
        seal: Seal | None = None,
    ) -> Store:
        """Open or make the folder, and repair what a crash or a bad disk has left.

        ``channels`` are those that must acknowledge every row and reading; without any,
        everything is kept for the page only and makes way when room is needed. ``seal``: the keys
        that payloads are sealed with; without, they are not.
        Raises StoreError when the folder cannot be had at all or another daemon uses it.
        """
        folder = Path(settings.folder)
        lock = open_folder(folder)
        try:
            parts = build(folder, node, clock, channels, settings.queue_batches, seal or Seal())
            return cls(lock, parts, settings)
        except BaseException:
            os.close(lock)
            raise

    def start(self) -> None:
        """Start the threads ``spool`` and ``store`` (and for a large file ``store-check``)."""
        work = [("spool", self._spooler.run), ("store", self._writer.run)]
        self._threads = [threading.Thread(target=run, name=n, daemon=True) for n, run in work]
        if file_bytes(self._parts.path) > CHECK_AT_OPEN_MB * MB:
            check = threading.Thread(
                target=self._reader.check, args=(self._stop_check,), name="store-check", daemon=True
            )
            check.start()
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Write what is there and end; False when that took longer than ``timeout_s``."""
        self._stop_check.set()
        self._reader.close()
        self._spooler.stop()
        if self._threads:
            spool, store = self._threads
            # One after the other: the last readings must be spooled before the last fold.
            spool.join(timeout_s / 2)
            self._writer.stop()
            store.join(timeout_s / 2)
            if spool.is_alive() or store.is_alive():
                return False
        else:
            self._spooler.run()
            self._writer.stop()
            self._writer.run()
        self._reader.close()
        self._parts.spool.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        return True

    def listen(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever there are new rows or readings to send.

        It is called from the store's threads, up to a hundred times a second, and must return
        at once: ``loop.call_soon_threadsafe(event.set)`` is what it is for.
        """
        self._listeners.append(callback)

    def _tell(self) -> None:
        for callback in self._listeners:
            try:
                callback()
            except Exception:
                # A broken listener is told in full; it must end neither the writer nor the others.
                log.exception("a listener of the store failed")

    def _suspect(self, fault: Fault) -> None:
        self._writer.suspect(fault)

    def _unread(self, unread: Unread) -> None:
        """What the reading side found that does not open; any thread."""
        self._parts.pending.unread(unread)
        self.records.call()

    # Writing; any thread, never waits.

    def put_alarm(self, alarm: AlarmMessage) -> None:
        """Keep an alarm's newest state, durably at once."""
        alarms = self._parts.memory.alarms
        if alarm.active or not alarm.acknowledged:
            alarms[alarm.key] = alarm
        else:
            alarms.pop(alarm.key, None)
        self.records.put_alarm(alarm)

    def put_audit(self, audit: AuditMessage) -> None:
        """Keep an audit entry, durably at once."""
        self.records.put_audit_message(audit)

    def save_state(self, key: str, value: bytes) -> None:
        """Keep a small value; of several saves of one key the last one stands."""
        self._parts.memory.state[key] = value
        self._parts.pending.state[key] = value
        self.records.call()

    def load_state(self, key: str) -> bytes | None:
        """The value saved last, durable yet or not."""
        return self._parts.memory.state.get(key)

    @property
    def state_lost(self) -> bool:
        """Whether this start found small values that could not be read: nobody knows them."""
        return self._parts.memory.state_lost

    def stretch(self, factor: float) -> None:
        """Keep records, delivered or not, for ``factor`` times the quota and their times to live.

        Growth holds at once. What shrinks gives up copies of what was delivered, and nothing that
        is still owed. It is kept over a restart. The disk's floor holds all the same.
        """
        self._keeper.stretch.want(factor)

    @property
    def stretched(self) -> float:
        """What `stretch` asked for last, before a restart perhaps."""
        return self._keeper.stretch.wanted

    # Condition.

    def status(self) -> StoreStatus:
        """The store's condition now; any thread, microseconds."""
        writer, parts = self._writer, self._parts
        faults = [text for text in (writer.holding.fault, self._spooler.fault) if text]
        messages = list(faults)
        if self._keeper.full:
            messages.append(
                "no room is left and all that remains is never shed: connect the uplink, or "
                "raise [store] quota_mb, or free space on the disk"
            )
        recovery = writer.holding.recovery
        rescue, set_aside = recovery.rescue, recovery.set_aside
        if rescue is not None:
            messages.append(f"records are being read out of {rescue.name}")
        oldest = self._oldest()
        messages += [f"a damaged database was set aside as {name}" for name in set_aside]
        return StoreStatus(
            state="degraded" if faults else "ok",
            message="; ".join(messages),
            epoch=self.epoch,
            durable_mark=parts.mark.id,
            outbox_depth=self._outbox_depth(),
            readings_behind={channel: self._behind(channel) for channel in parts.channels},
            size_mb=(file_bytes(parts.path) + parts.spool.size()) / MB,
            free_mb=self._keeper.room.free_on_disk / MB,
            quota_mb=self._settings.quota_mb,
            stretch=self._keeper.stretch.held,
            oldest=oldest,
            commits=writer.commits,
            commit_p50_ms=writer.meter.p50_ms,
            commit_p99_ms=writer.meter.p99_ms,
            queue_depth=self.records.depth(),
            dropped=parts.drops.counts(),
            set_aside=set_aside,
            unreadable=writer.ledger.aside if writer.ledger is not None else 0,
            sealing=parts.seal.name,
            full=self._keeper.full,
            waits_s={name: row.waits_s for name, row in oldest.items()},
            precious_in_memory=parts.pending.precious,
            heartbeat=writer.heartbeat,
        )

    def _oldest(self) -> dict[str, OldestRow]:
        writer, stretch = self._writer, self._keeper.stretch.held
        return {
            each.name.lower(): self._ends.of(each, row, writer.looked_age_s, stretch)
            for each, row in writer.oldest.items()
        }

    def _outbox_depth(self) -> dict[str, int]:
        """Rows awaiting acknowledgement by the channel that lags most."""
        ledger = self._writer.ledger
        depth = dict.fromkeys((priority.name.lower() for priority in Priority), 0)
        if ledger is not None:
            for owed in ledger.depth.values():
                for priority, count in owed.items():
                    name = priority.name.lower()
                    depth[name] = max(depth[name], count)
        for row in self._unwritten():
            depth[row.priority.name.lower()] += 1
        return depth

    def readings_owed(self, channel: str) -> int:
        """How many readings messages ``channel`` has not acknowledged; any thread."""
        return self._behind(channel)

    def _behind(self, channel: str) -> int:
        delivered = self._parts.memory.delivered.get(channel, NOTHING)
        behind = self._parts.tail.owed(delivered)
        if behind is None:
            unfolded = self._parts.tail.unfolded_owed(delivered)
            behind = self._writer.holding.stored_behind.get(channel, 0) + unfolded
        return behind
