"""What goes from a file that was set aside into the one in its place. The store thread only.

    at once        from memory: small values, open alarms, cursors, readings still in the tail
    step by step   from the damaged file: what is still owed, and readings (taking_in.py)

Rules of this file
- A rescue is remembered among the small values until it is through: a restart begins it anew.
"""

from __future__ import annotations

import logging

import msgspec

from banksman.records import to_json
from banksman.store.ledger import Ledger
from banksman.store.opening import Opened
from banksman.store.parts import Parts
from banksman.store.taking_in import RESCUE, Rescue, Unfinished, unfinished

SET_ASIDE_SHOWN = 8

log = logging.getLogger(__name__)


class Recovery:
    """``set_aside``: names of the files, newest last. ``rescue``: one that is being read out."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.rescue: Rescue | None = None
        self.set_aside: tuple[str, ...] = ()

    def remember(self, opened: Opened) -> None:
        """Give the new file what memory knows of the one that was set aside."""
        self.set_aside = (*self.set_aside, opened.set_aside)[-SET_ASIDE_SHOWN:]
        log.error("%s; set aside as %s, a new one is begun", opened.reason, opened.set_aside)
        parts = self._parts
        for key, value in list(parts.memory.state.items()):
            parts.pending.state.setdefault(key, value)
        for key, alarm in list(parts.memory.alarms.items()):
            parts.pending.set_alarm(key, to_json(alarm))
        for channel, delivered in list(parts.memory.delivered.items()):
            parts.pending.set_delivered(channel, delivered)
        parts.tail.unfold()
        ordinal = opened.remains.ordinal if opened.remains is not None else 0
        todo = Unfinished(opened.set_aside, parts.tail.floor + 1, ordinal)
        self._note(msgspec.json.encode(todo))
        self.rescue = None

    def begin(self, ledger: Ledger) -> None:
        """Begin, or begin anew after a restart, to read the file that was set aside last."""
        parts = self._parts
        wanted = unfinished(parts.memory.state)
        if wanted is None or self.rescue is not None:
            return
        # Numbering goes on, so that rescued blocks find their places before the new ones.
        ledger.ordinal = max(ledger.ordinal, wanted.ordinal)
        path = parts.path.with_name(wanted.name)
        if path.exists():
            self.rescue = Rescue(path, parts.channels, wanted.before, parts.drops)

    def step(self, ledger: Ledger) -> bool:
        """Take in one more batch; False when there is none. Raises Fault."""
        return self.rescue is not None and self.rescue.step(ledger)

    def over(self) -> None:
        """Everything is in the new file."""
        done, self.rescue = self.rescue, None
        if done is not None:
            log.warning(
                "out of %s came %d records and %d readings", done.name, done.rows, done.readings
            )
            self._note(b"")

    def _note(self, value: bytes) -> None:
        self._parts.memory.state[RESCUE] = self._parts.pending.state[RESCUE] = value
