"""What the guard's events mean to the rest of the box: doubt, alarms, and lines in the log.

Rules of this file
- Control thread only; every call returns at once.
- What the guard dropped is no longer believed to be on.
- Two channels that disagree are an alarm of their own, raised whether or not a trip has latched
  already: a welded contact mostly shows when the other channel has tripped, and the trip's
  own text then says only which circuit opened. It clears when both were seen open.
- A chattering contact must not fill the disk: ten lines a second, the rest is counted.
"""

from __future__ import annotations

import logging

from banksman.control.act import Act
from banksman.control.ports import AlarmSignal
from banksman.wire.messages import Priority
from banksman_drivers.guard.values import GuardEvent

log = logging.getLogger(__name__)

QUIET_EVENTS = frozenset({"lease_renewed", "closed", "pressed", "released", "agreed"})
DROPPING_EVENTS = frozenset({"lease_expired", "tripped"})
LINES_PER_S = 10


class GuardNews:
    """Takes the guard's events. ``act`` follows, because it is built of the drivers."""

    def __init__(self, alarms: AlarmSignal) -> None:
        self.act: Act | None = None
        self._alarms = alarms
        self._second = 0
        self._lines = 0

    def take(self, event: GuardEvent) -> None:
        """One event."""
        if event.kind in DROPPING_EVENTS and self.act is not None:
            self.act.doubt("guard")
        if event.kind == "discrepancy":
            key = f"guard.discrepancy.{event.name}"
            self._alarms.raise_alarm(key, event.text, Priority.CRITICAL, "guard")
        elif event.kind == "agreed":
            self._alarms.clear_alarm(f"guard.discrepancy.{event.name}")
        self._log(event)

    def _log(self, event: GuardEvent) -> None:
        second = event.mono_ns // 1_000_000_000
        if second != self._second:
            if self._lines > LINES_PER_S:
                log.warning("guard: %d more events in that second", self._lines - LINES_PER_S)
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines > LINES_PER_S:
            return
        level = logging.INFO if event.kind in QUIET_EVENTS else logging.WARNING
        log.log(level, "guard: %s", event.text)
