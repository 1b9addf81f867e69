"""What the interlock forbids is held safe, and what it did is told. Control thread.

- Observe mode writes nothing, the safe state included.
- A reset frees outputs and restarts nothing: they stay safe until someone commands them anew.
"""

from __future__ import annotations

from collections.abc import Callable

from banksman.control.act import Act
from banksman.control.interlock import Change, Interlock, told_as
from banksman.control.ports import AlarmSignal, LatchStore, RecordQueue
from banksman.wire.messages import Priority


class Holding:
    """Between the interlock, which is pure, and those who must hear of it."""

    def __init__(
        self,
        interlock: Interlock,
        act: Act,
        records: RecordQueue,
        alarms: AlarmSignal,
        latches: LatchStore,
        mono_ns: Callable[[], int],
    ) -> None:
        self._interlock = interlock
        self._act = act
        self._records = records
        self._alarms = alarms
        self._latches = latches
        self._mono_ns = mono_ns

    def sense(self, now_ns: int) -> None:
        """Let the interlock look at its causes and force what it blocks."""
        for change in self._interlock.sense(now_ns):
            self._note(change)
        self._force(now_ns)

    def trip(self, name: str, cause: str, now_ns: int) -> None:
        """A decision trips. KeyError if there is no such trip."""
        for change in self._interlock.trip(name, cause):
            self._note(change)
        self._force(now_ns)

    def disarm(self, why: str) -> None:
        """Every output safe until a person resets it: the box may not act. Empty: it may again."""
        for change in self._interlock.disarm(why):
            self._note(change)
        self._force(self._mono_ns())

    def reset(self, trip: str, by: str) -> None:
        """A person resets a process trip. KeyError: no such trip; ResetRefused: why not."""
        self._note(self._interlock.reset(trip, by, "page"))
        self._force(self._mono_ns())

    def _note(self, change: Change) -> None:
        """Record a trip or a reset, tell people, and remember the latches durably."""
        # First of all the latch: whoever can read of a trip may rely on its outliving a kill.
        self._latches.save_latches(self._interlock.latched())
        details = {"trip": change.trip, "cause": change.cause}
        self._records.put_audit(f"interlock {change.event}", change.by, details)
        key = f"trip.{change.trip}"
        if change.event == "tripped":
            text = told_as(self._interlock.trips[change.trip].spec.label, change.cause)
            self._alarms.raise_alarm(key, text, Priority.CRITICAL, change.trip)
        else:
            self._alarms.clear_alarm(key)

    def _force(self, now_ns: int) -> None:
        if self._interlock.mode == "observe":
            return
        blocked = self._interlock.blocked()
        if blocked or self._act.forcing:
            self._act.force(blocked, now_ns)
