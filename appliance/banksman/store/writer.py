"""The store thread: the only writer of the database.

Rules of this file
- Natural group commit without linger: while one commit waits for the disk the next entries
  gather, and all of them go into the next one. An idle store commits a decision at once.
- Readings are folded as one block each ``block_s``, or sooner when there are many.
- What goes wrong with the database is the holding's (holding.py): here work is tried again.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping

from banksman.store.accepting import Acceptor
from banksman.store.ageing import oldest_rows
from banksman.store.blocks import pack
from banksman.store.database import Fault, fault_of, file_number
from banksman.store.holding import Holding
from banksman.store.ledger import Ledger, Oldest, Work
from banksman.store.meters import CommitMeter
from banksman.store.parts import FOLD_AT_ROWS, Parts
from banksman.store.room import Keeper
from banksman.wire.messages import Priority

ROWS_A_BLOCK = 1024
TICK_NS = 1_000_000_000

log = logging.getLogger(__name__)


class Writer:
    """See the rules above. ``holding`` tells how it stands with the database."""

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
        self._arrived = arrived
        self._spool_turns = spool_turns
        self._spool_seen = -1
        self._stop = threading.Event()
        self._suspected: Fault | None = None
        self._fold_at_ns = self._clock.mono_ns() + self._block_ns
        self._tick_at_ns = self._clock.mono_ns()
        self._more = False
        self.holding = Holding(parts, let_go, arrived)
        self.oldest: Mapping[Priority, Oldest] = {}
        self.looked_age_s = 0  # of the box, when the oldest were looked up
        self.commits = self.heartbeat = 0
        self.meter = CommitMeter()

    @property
    def ledger(self) -> Ledger | None:
        """The open database; None while there is none."""
        return self.holding.ledger

    def run(self) -> None:
        """The thread. Ends after ``stop``, with everything durable that can be."""
        while not self._stop.is_set():
            self._acceptor.take(self._wait_s())
            self.step()
            seen, self._spool_seen = self._spool_seen, self._spool_turns()
            self.heartbeat += seen != self._spool_seen
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
        closed = self.ledger is None
        if self._more or (not closed and self._pending.is_urgent()):
            return 0.0
        due_ns = self.holding.retry_at_ns if closed else min(self._fold_at_ns, self._tick_at_ns)
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
                if now_ns < self.holding.retry_at_ns:
                    return
                self.holding.reopen()
            if self.ledger is not None:
                self._do_due(self.ledger, now_ns)
                self.holding.works()
        except Fault as fault:
            self._fail(fault)
        except sqlite3.Error as error:
            self._fail(fault_of(error, self._parts.path))
        except OSError as error:
            self._fail(Fault(f"{self._parts.path.parent} cannot be used: {error}"))
        except Exception as error:
            log.exception("the store thread goes on after an error of its own")
            self._fail(Fault(f"the store made an error, please report it: {error!r}"))

    def _fail(self, fault: Fault) -> None:
        self._more = False
        self.holding.handle(fault)

    def _do_due(self, ledger: Ledger, now_ns: int) -> None:
        if self._pending.is_urgent():
            self._commit(ledger, self._work())
        self._more = False
        if now_ns >= self._fold_at_ns or self._parts.tail.unfolded_count() >= FOLD_AT_ROWS:
            self._more = self._fold(ledger)
            if not self._more:
                self._fold_at_ns = now_ns + self._block_ns
        self._more = self.holding.take_in(ledger) or self._more
        if now_ns >= self._tick_at_ns:
            self._tick(ledger)
            if not self._more:
                self._tick_at_ns = now_ns + TICK_NS

    def _work(self) -> Work:
        work = self._pending.work()
        work.age_s = self._parts.age.now_s()
        return work

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
            self.holding.count_behind(ledger)  # first: what is owed must not seem to fall
            parts.tail.mark_folded(ledger.folded)
            parts.mark.folded(rows[-1])
        # Should this fail, the rows are known by their positions and it is done next time.
        with contextlib.suppress(OSError):
            parts.spool.clear_sealed(ledger.folded)
        return len(rows) == ROWS_A_BLOCK

    def _tick(self, ledger: Ledger) -> None:
        """Once a second: acknowledgements and cursors, room, figures."""
        self._commit(ledger, self._work())
        delivered = dict(self._parts.memory.delivered).items()
        cursors = {channel: each.position for channel, each in delivered}
        age_s = self._parts.age.now_s()
        self._more = self._keeper.step(ledger, cursors, age_s) or self._more
        self.holding.count_behind(ledger)
        self.oldest, self.looked_age_s = oldest_rows(ledger), age_s
        self.meter.settle()
        if not self._parts.spool.is_open:
            with contextlib.suppress(OSError):
                found, _ = self._parts.spool.open()
                # Left by an earlier run, and too late: newer ones have been folded.
                self._parts.drops.add("readings_orphaned", len(found))

    # The end.

    def _finish(self) -> None:
        """Make everything durable that can be, and close."""
        try:
            if self.ledger is None:
                self.holding.reopen()
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
            log.error("%d records stay unwritten: %s", len(self._pending.rows()), error)
        self.holding.ledger = None
