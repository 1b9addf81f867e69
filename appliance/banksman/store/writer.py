"""The store thread: the only writer of the database.

Rules of this file
- Natural group commit without linger: while one commit waits for the disk the next entries
  gather, and all of them go into the next one. An idle store commits a decision at once.
- Readings are folded as one block each ``block_s``, or sooner when there are many.
- A fault makes the store degraded, not dead: records gather in bounded memory, the database is
  closed, and is opened and tried again with back-off until it works.
- A damaged file is set aside at once and a new one begun, fed from memory and then from the
  damaged one (recovery.py).
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping

from banksman.store.accepting import Acceptor
from banksman.store.ageing import waiting_s
from banksman.store.blocks import pack
from banksman.store.database import Fault, fault_of, file_number
from banksman.store.delivered import NOTHING
from banksman.store.ledger import Ledger, Work
from banksman.store.meters import CommitMeter
from banksman.store.opening import Opened, open_ledger, replace_ledger
from banksman.store.parts import FOLD_AT_ROWS, Parts
from banksman.store.recovery import Recovery
from banksman.store.room import Keeper
from banksman.wire.messages import Priority

ROWS_A_BLOCK = 1024
TICK_NS = 1_000_000_000
BACK_OFF_MIN_NS = 100_000_000
BACK_OFF_MAX_NS = 5_000_000_000

log = logging.getLogger(__name__)


class Writer:
    """See the rules above. ``fault`` is empty while all is well; ``ledger`` is None if not."""

    def __init__(
        self,
        parts: Parts,
        keeper: Keeper,
        block_s: float,
        let_go: Callable[[], None],
        arrived: Callable[[], None],
        spool_turns: Callable[[], int],
    ) -> None:
        """``let_go`` makes readers close the file; ``arrived`` tells of new durable rows.

        ``spool_turns`` counts what the spool thread does: ``heartbeat`` grows only while both
        threads go on.
        """
        self._parts = parts
        self._clock = parts.clock
        self._pending = parts.pending
        self._acceptor = Acceptor(parts)
        self._keeper = keeper
        self._block_ns = round(block_s * 1e9)
        self._let_go = let_go
        self._arrived = arrived
        self._spool_turns = spool_turns
        self._spool_seen = -1
        self._stop = threading.Event()
        self._suspected: Fault | None = None
        self._fold_at_ns = self._clock.mono_ns() + self._block_ns
        self._tick_at_ns = self._clock.mono_ns()
        self._retry_at_ns = 0
        self._back_off_ns = BACK_OFF_MIN_NS
        self._more = False
        self.ledger: Ledger | None = None
        self.fault = ""
        self.recovery = Recovery(parts)
        self.waits_s: Mapping[Priority, int] = {}
        self.commits = 0
        self.heartbeat = 0
        self.meter = CommitMeter()
        self.stored_behind: Mapping[str, int] = {}
        try:
            self._take_up(parts.opened)
        except Fault as fault:
            self._degrade(fault)

    def run(self) -> None:
        """The thread. Ends after ``stop``, with everything durable that can be."""
        while not self._stop.is_set():
            self._acceptor.take(self._wait_s())
            self.step()
            turns = self._spool_turns()
            if turns != self._spool_seen:
                self._spool_seen = turns
                self.heartbeat += 1
        while self._acceptor.take(0.0):
            self.step()
        self._finish()

    def stop(self) -> None:
        """Ask the thread to write what is there and end."""
        self._stop.set()
        self._parts.intake.call()

    def suspect(self, fault: Fault) -> None:
        """Somebody found the file damaged; any thread."""
        self._suspected = fault
        self._parts.intake.call()

    def _wait_s(self) -> float:
        if self._more or (self.ledger is not None and self._pending.is_urgent()):
            return 0.0
        due_ns = min(self._fold_at_ns, self._tick_at_ns)
        if self.ledger is None:
            due_ns = self._retry_at_ns
        return min(max(due_ns - self._clock.mono_ns(), 1_000_000), TICK_NS) / 1e9

    def step(self) -> None:
        """Do what is due. Never raises."""
        try:
            if self._suspected is not None:
                fault, self._suspected = self._suspected, None
                if fault.file == file_number(self._parts.path):
                    raise fault  # noqa: TRY301  one place handles damage, wherever found
            now_ns = self._clock.mono_ns()
            if self.ledger is None:
                if now_ns < self._retry_at_ns:
                    return
                self._reopen()
            if self.ledger is not None:
                self._do_due(self.ledger, now_ns)
                self._recovered()
        except Fault as fault:
            self._handle(fault)
        except sqlite3.Error as error:
            self._handle(fault_of(error, self._parts.path))
        except OSError as error:
            self._handle(Fault(f"{self._parts.path.parent} cannot be used: {error}"))
        except Exception as error:
            log.exception("the store thread goes on after an error of its own")
            self._handle(Fault(f"the store made an error, please report it: {error!r}"))

    def _do_due(self, ledger: Ledger, now_ns: int) -> None:
        if self._pending.is_urgent():
            self._commit(ledger, self._work())
        self._more = False
        if now_ns >= self._fold_at_ns or self._parts.tail.unfolded_count() >= FOLD_AT_ROWS:
            self._more = self._fold(ledger)
            if not self._more:
                self._fold_at_ns = now_ns + self._block_ns
        self._more = self._take_in(ledger) or self._more
        if now_ns >= self._tick_at_ns:
            self._tick(ledger)
            if not self._more:
                self._tick_at_ns = now_ns + TICK_NS

    def _work(self) -> Work:
        work = self._pending.work()
        work.age_s = self._parts.age.now_s()
        return work

    def _take_in(self, ledger: Ledger) -> bool:
        """Take one more batch out of a damaged file; True while there is more."""
        if self.recovery.rescue is None:
            return False
        if self.recovery.step(ledger):
            return True
        self._count_behind(ledger)
        self.recovery.over()
        self._arrived()
        return False

    def _commit(self, ledger: Ledger, work: Work) -> None:
        if not work:
            return
        begun_ns = self._clock.mono_ns()
        try:
            ledger.write(work)
        except BaseException:
            self._pending.undone(work)
            raise
        self.meter.note(self._clock.mono_ns() - begun_ns)
        self.commits += 1
        self._pending.done(work)
        if work.rows:
            self._arrived()

    def _fold(self, ledger: Ledger) -> bool:
        """Put one block of readings into the database; True when more wait for it."""
        parts = self._parts
        parts.spool.seal()
        rows = parts.tail.unfolded(ROWS_A_BLOCK)
        if rows:
            work = self._work()
            work.blocks = pack(rows)
            self._commit(ledger, work)
            self._count_behind(ledger)  # first: what is owed must not seem to fall
            parts.tail.mark_folded(ledger.folded)
            parts.mark.folded(rows[-1])
        # Should this fail, the rows are known by their positions and it is done next time.
        with contextlib.suppress(OSError):
            parts.spool.clear_sealed(ledger.folded)
        return len(rows) == ROWS_A_BLOCK

    def _tick(self, ledger: Ledger) -> None:
        """Once a second: acknowledgements and cursors, room, figures."""
        self._commit(ledger, self._work())
        delivered = dict(self._parts.memory.delivered)
        cursors = {channel: each.position for channel, each in delivered.items()}
        age_s = self._parts.age.now_s()
        self._more = self._keeper.step(ledger, cursors, age_s) or self._more
        self._count_behind(ledger)
        self.waits_s = waiting_s(ledger, age_s)
        self.meter.settle()
        if not self._parts.spool.is_open:
            with contextlib.suppress(OSError):
                found, _ = self._parts.spool.open()
                # Left by an earlier run, and too late: newer ones have been folded.
                self._parts.drops.add("readings_orphaned", len(found))

    def _count_behind(self, ledger: Ledger) -> None:
        delivered = self._parts.memory.delivered
        self.stored_behind = {
            channel: ledger.readings_owed(delivered.get(channel, NOTHING))
            for channel in self._parts.channels
        }

    # Faults.

    def _handle(self, fault: Fault) -> None:
        if self.ledger is not None:
            with contextlib.suppress(sqlite3.Error):
                self.ledger.close()
            self.ledger = None
        try:
            if fault.corrupt and self._clock.mono_ns() >= self._retry_at_ns:
                self._let_go()
                parts = self._parts
                self._take_up(
                    replace_ledger(
                        parts.path, parts.channels, self._clock.wall_ns(), fault, parts.seal
                    )
                )
                # A medium that damages each new file at once must not be filled with them.
                self._retry_at_ns = self._clock.mono_ns() + BACK_OFF_MAX_NS
            else:
                self._degrade(fault)
        except Fault as second:
            self._degrade(second)

    def _degrade(self, fault: Fault) -> None:
        self._more = False
        if str(fault) != self.fault:
            log.error("the store is degraded and keeps records in memory: %s", fault)
        self.fault = str(fault)
        self._retry_at_ns = self._clock.mono_ns() + self._back_off_ns
        self._back_off_ns = min(2 * self._back_off_ns, BACK_OFF_MAX_NS)
        self._arrived()

    def _recovered(self) -> None:
        if self.fault:
            log.warning("the store works again")
        self.fault, self._back_off_ns = "", BACK_OFF_MIN_NS

    def _reopen(self) -> None:
        self._let_go()
        parts = self._parts
        self._take_up(open_ledger(parts.path, parts.channels, self._clock.wall_ns(), parts.seal))

    def _take_up(self, opened: Opened) -> None:
        """Go on with this ledger. Raises Fault when there is none or the epoch is not durable."""
        parts = self._parts
        if opened.set_aside:
            self.recovery.remember(opened)
        if opened.ledger is None:
            raise opened.fault or Fault(f"{parts.path} cannot be opened")
        try:
            parts.epoch.save()
            self._count_behind(opened.ledger)
        except OSError as error:
            opened.ledger.close()
            raise Fault(f"{parts.path.parent} cannot be written: {error}") from error
        except Fault:
            opened.ledger.close()
            raise
        self.ledger = opened.ledger
        parts.age.found(opened.ledger.contents.age_s)
        self.recovery.begin(opened.ledger)
        # An error may have been told of a commit that was durable after all.
        parts.tail.mark_folded(self.ledger.folded)

    # The end.

    def _finish(self) -> None:
        """Make everything durable that can be, and close."""
        try:
            if self.ledger is None:
                self._reopen()
            if self.ledger is not None:
                while self._pending.is_urgent():
                    self._commit(self.ledger, self._work())
                # Twice at the end: once for each of the spool's two files.
                while self._fold(self.ledger):
                    continue
                self._fold(self.ledger)
                self._commit(self.ledger, self._work())
                self.ledger.close()
        except (Fault, sqlite3.Error, OSError) as error:
            rows = len(self._pending.rows())
            log.error("the store ends with %d records unwritten: %s", rows, error)
        self.ledger = None
