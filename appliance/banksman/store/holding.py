"""Holds the open database, lets go of it at a fault, and has it back as soon as can be.

    open --fault--> degraded --retry, with back-off--> open
      '--damaged--> set aside, a new one begun, fed from memory and then from the old one

Rules of this file
- The store thread only.
- A fault makes the store degraded, not dead: meanwhile records gather in bounded memory.
- A damaged file is set aside at once (recovery.py), but not one new file after another: a medium
  that damages each of them must not be filled with them.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Mapping

from banksman.store.database import Fault
from banksman.store.delivered import NOTHING
from banksman.store.ledger import Ledger
from banksman.store.opening import Opened, open_ledger, replace_ledger
from banksman.store.parts import Parts
from banksman.store.recovery import Recovery

BACK_OFF_MIN_NS = 100_000_000
BACK_OFF_MAX_NS = 5_000_000_000

log = logging.getLogger(__name__)


class Holding:
    """See the rules above. ``fault`` is empty while all is well; ``ledger`` is None if not.

    ``stored_behind``: stored readings that each channel has not delivered.
    """

    def __init__(
        self, parts: Parts, let_go: Callable[[], None], arrived: Callable[[], None]
    ) -> None:
        """``let_go`` makes readers close the file; ``arrived`` tells of a change to look at."""
        self._parts = parts
        self._clock = parts.clock
        self._let_go = let_go
        self._arrived = arrived
        self._back_off_ns = BACK_OFF_MIN_NS
        self.retry_at_ns = 0
        self.ledger: Ledger | None = None
        self.fault = ""
        self.recovery = Recovery(parts)
        self.stored_behind: Mapping[str, int] = {}
        try:
            self._take_up(parts.opened)
        except Fault as fault:
            self.degrade(fault)

    def count_behind(self, ledger: Ledger) -> None:
        """Bring ``stored_behind`` up to date."""
        delivered = self._parts.memory.delivered
        self.stored_behind = {
            channel: ledger.readings_owed(delivered.get(channel, NOTHING))
            for channel in self._parts.channels
        }

    def take_in(self, ledger: Ledger) -> bool:
        """Take one more batch out of a damaged file; True while there is more."""
        recovery = self.recovery
        if recovery.rescue is None:
            return False
        if recovery.step(ledger):
            return True
        self.count_behind(ledger)
        recovery.over()
        self._arrived()
        return False

    def handle(self, fault: Fault) -> None:
        """Let go of the database; a damaged one has its place taken at once."""
        if self.ledger is not None:
            with contextlib.suppress(sqlite3.Error):
                self.ledger.close()
            self.ledger = None
        try:
            if fault.corrupt and self._clock.mono_ns() >= self.retry_at_ns:
                self._let_go()
                parts = self._parts
                self._take_up(
                    replace_ledger(
                        parts.path, parts.channels, self._clock.wall_ns(), fault, parts.seal
                    )
                )
                self.retry_at_ns = self._clock.mono_ns() + BACK_OFF_MAX_NS
            else:
                self.degrade(fault)
        except Fault as second:
            self.degrade(second)

    def degrade(self, fault: Fault) -> None:
        """Go on without it for a while."""
        if str(fault) != self.fault:
            log.error("the store is degraded and keeps records in memory: %s", fault)
        self.fault = str(fault)
        self.retry_at_ns = self._clock.mono_ns() + self._back_off_ns
        self._back_off_ns = min(2 * self._back_off_ns, BACK_OFF_MAX_NS)
        self._arrived()

    def works(self) -> None:
        """Something was written: all is well."""
        if self.fault:
            log.warning("the store works again")
        self.fault, self._back_off_ns = "", BACK_OFF_MIN_NS

    def reopen(self) -> None:
        """Try to have it back. Raises Fault."""
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
            self.count_behind(opened.ledger)
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
