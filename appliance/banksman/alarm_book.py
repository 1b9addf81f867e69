"""Alarms: what holds, what a person has not yet seen, and nothing forgotten in between.

Pure: ids and times are arguments. `banksman.alarms.AlarmDesk` is the one that every thread calls.

    raise ---> active, ringing --acknowledge--> active, seen --clear--> gone
                   |                                              ^
                   +--clear--> cleared, still ringing --acknowledge+

Rules of this file
- An alarm leaves the book when it is both cleared and acknowledged: an alert waits for a person.
- Raising what holds already counts up and rings nobody, unless it became more urgent.
- Bounded: when full, the least urgent goes, cleared before active, oldest first. Critical alarms
  have room of their own and never give way to others. What is dropped is counted.
- What comes and goes all the time is held (chatter.py): one alarm, not a hundred. Trips and what
  is told once for all (work orders) are not.
- Restored alarms may no longer hold: `settle` clears those that nobody has raised again.
- A shelved alarm (ISA-18.2) rings nobody until its time is over, SHELF_MAX_S at most; its condition
  is watched all the same, and if it holds then, it rings like new. More urgent than when it was
  shelved, it rings at once. Trips cannot be shelved: they wait for a reset.
- A consequence of another alarm (consequences.py) is told under it and rings nobody; it leaves
  as soon as it is cleared, and rings like new if it outlasts its cause.
- A work order is an alarm that holds until a person says done, which is to acknowledge it; neither
  a restart nor the end of what caused it closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from banksman.chatter import Chatter
from banksman.consequences import Consequences
from banksman.control.ports import NOTHING, Follows
from banksman.errors import ShelfRefused
from banksman.wire.messages import WORK_ORDERS, AlarmMessage, Priority
from banksman_drivers.words import printable

ALARMS_MAX = 1000
TEXT_MAX_CHARS = 500
SHELF_MAX_S = 12 * 3600.0
TRIPS = "trip."


class Moment(msgspec.Struct, frozen=True, gc=False):
    """Id and time of one change."""

    id: str
    wall_ns: int
    mono_ns: int


class AlarmBook:
    """Every alarm that holds or waits for a person, by key."""

    def __init__(
        self,
        node: str,
        boot_id: str,
        restored: Iterable[AlarmMessage] = (),
        limit: int = ALARMS_MAX,
    ) -> None:
        """``restored``: the newest message of each alarm, as the store has kept them."""
        self.dropped = 0
        self._node = node
        self._boot_id = boot_id
        self._limit = limit
        self._alarms: dict[str, AlarmMessage] = {}
        self._unconfirmed: set[str] = set()
        self._chatter = Chatter()
        self._consequences = Consequences()
        self.restore(restored)

    def restore(self, restored: Iterable[AlarmMessage]) -> None:
        """Take alarms of an earlier run, unless they were raised anew already."""
        for alarm in sorted(restored, key=_urgency):
            waits = alarm.active or not alarm.acknowledged
            if waits and alarm.key not in self._alarms and self._make_room(alarm.priority):
                self._alarms[alarm.key] = alarm
                if not alarm.key.startswith(WORK_ORDERS):
                    self._unconfirmed.add(alarm.key)

    def raise_alarm(
        self,
        key: str,
        text: str,
        priority: Priority,
        cause: str,
        moment: Moment,
        follows: Follows = NOTHING,
    ) -> AlarmMessage | None:
        """The condition holds. Returns the change, None when it held already.

        After a change call `fold`: others may have rung that follow from this one.
        """
        self._unconfirmed.discard(key)
        text = printable(text, TEXT_MAX_CHARS)
        known = self._alarms.get(key)
        shelved = known is not None and known.shelved_until_wall_ns > 0
        if known is not None and (known.active or shelved) and priority >= known.priority:
            self._alarms[key] = msgspec.structs.replace(
                known, count=known.count + 1, text=text, active=True
            )
            self._chatter.again(key)
            self._consequences.again(key, follows, moment.mono_ns)
            return None
        if not key.startswith((TRIPS, WORK_ORDERS)):
            self._chatter.raised(key, moment.mono_ns)
        self._consequences.raised(key, follows, moment.mono_ns)
        # What waits for a person from before goes on waiting.
        seen = known is None or known.acknowledged
        now_ns = moment.mono_ns
        under = self._consequences.above(key, priority, self._alarms, now_ns) if seen else ""
        alarm = AlarmMessage(
            id=moment.id,
            node=self._node,
            key=key,
            text=text,
            priority=priority if known is None else min(priority, known.priority),
            active=True,
            acknowledged=bool(under),
            wall_ns=moment.wall_ns,
            mono_ns=moment.mono_ns,
            boot_id=self._boot_id,
            cause=cause,
            raised_wall_ns=known.raised_wall_ns if known and known.active else moment.wall_ns,
            count=1 if known is None else known.count + 1,
            under=under,
        )
        if known is not None or self._make_room(priority):
            self._alarms[key] = alarm
            return alarm
        self._consequences.forget(key)
        if priority is not Priority.CRITICAL:
            return None
        return alarm  # a critical one is told even where the book has no room to keep it

    def fold(self, key: str, moments: Callable[[], Moment]) -> list[AlarmMessage]:
        """Put under ``key`` what rang just before it and follows from it; the changes."""
        cause = self._alarms.get(key)
        if cause is None:
            return []
        below = self._consequences.below(cause, self._alarms, moments().mono_ns)
        return [self._put_under(alarm, key, moments()) for alarm in below]

    def end_folds(self, moments: Callable[[], Moment]) -> list[AlarmMessage]:
        """Let ring what outlasts the alarm that it was under; the changes."""
        now_ns = moments().mono_ns
        changes = []
        for known in tuple(self._alarms.values()):
            if not known.under or known.key in self._unconfirmed:
                continue
            if self._consequences.outlasts(known, self._alarms, now_ns):
                key = self._consequences.above(known.key, known.priority, self._alarms, now_ns)
                changes.append(self._put_under(known, key, moments()))
        return changes

    def reword(self, key: str, text: str) -> None:
        """What is shown of an alarm while it holds: nobody rings, nothing is counted or sent."""
        known = self._alarms.get(key)
        if known is not None and known.active:
            text = printable(text, TEXT_MAX_CHARS)
            self._alarms[key] = msgspec.structs.replace(known, text=text)

    def clear_alarm(self, key: str, moment: Moment) -> AlarmMessage | None:
        """The condition holds no more. Returns the change, None when there is nothing to clear."""
        self._unconfirmed.discard(key)
        known = self._alarms.get(key)
        if known is None or not known.active or self._chatter.holds(key, moment.mono_ns):
            return None
        return self._change(known, moment, active=False, acknowledged=known.acknowledged)

    def acknowledge(self, key: str, by: str, moment: Moment) -> AlarmMessage:
        """A person has seen it. Raises KeyError when there is no such alarm.

        A second acknowledgement changes nothing and returns the alarm as it stands.
        """
        known = self._alarms[key]
        if known.acknowledged:
            return known
        # Nobody is left to clear a restored alarm that did not come again: seen is then enough.
        done = key in self._unconfirmed or key.startswith(WORK_ORDERS)
        active = known.active and not done
        return self._change(known, moment, active=active, acknowledged=True, by=by)

    def shelve(self, key: str, by: str, seconds: float, moment: Moment) -> AlarmMessage:
        """Let it ring nobody for so long; whoever shelves it has seen it.

        Raises KeyError when there is no such alarm, ShelfRefused where that may not be.
        """
        known = self._alarms[key]
        if key.startswith(TRIPS):
            raise ShelfRefused(
                f"{key} is a trip, which cannot be shelved: clear its cause and reset"
            )
        if not 0 < seconds <= SHELF_MAX_S:
            most_h = SHELF_MAX_S / 3600
            raise ShelfRefused(f"{seconds:g} s: an alarm is shelved for up to {most_h:g} h")
        until_ns = moment.wall_ns + round(seconds * 1e9)
        known = msgspec.structs.replace(known, shelved_until_wall_ns=until_ns)
        return self._change(known, moment, active=known.active, acknowledged=True, by=by)

    def end_shelves(self, moments: Callable[[], Moment], *, key: str = "") -> list[AlarmMessage]:
        """Take from the shelf what has been there long enough, or ``key``; the changes."""
        now_ns = moments().wall_ns
        changes = []
        for known in tuple(self._alarms.values()):
            until_ns = known.shelved_until_wall_ns
            # A clock that was set back must not keep an alarm silent for years.
            over = until_ns <= now_ns or until_ns - now_ns > SHELF_MAX_S * 1e9
            if until_ns and (over or known.key == key):
                back = msgspec.structs.replace(known, shelved_until_wall_ns=0)
                quiet = not known.active or bool(known.under)
                change = self._change(back, moments(), active=known.active, acknowledged=quiet)
                changes.append(change)
        return changes

    def calm(self, moments: Callable[[], Moment]) -> list[AlarmMessage]:
        """Clear what has chattered and was quiet for long enough since."""
        calmed = self._chatter.calmed(moments().mono_ns)
        changes = [self.clear_alarm(key, moments()) for key in calmed]
        return [change for change in changes if change is not None]

    def pace(self, key: str, within_s: float) -> None:
        """Three raisings of ``key`` within so long are chatter; see chatter.py."""
        self._chatter.pace(key, round(within_s * 1e9))

    def settle(self, moments: Callable[[], Moment]) -> list[AlarmMessage]:
        """Clear restored alarms that nobody has raised again since the start."""
        keys = sorted(self._unconfirmed)
        changes = [self.clear_alarm(key, moments()) for key in keys]
        return [change for change in changes if change is not None]

    def active(self) -> tuple[AlarmMessage, ...]:
        """Alarms that hold, most urgent first, then those that only wait for a person."""
        return tuple(sorted(self._alarms.values(), key=_urgency))

    def _change(
        self, known: AlarmMessage, moment: Moment, *, active: bool, acknowledged: bool, by: str = ""
    ) -> AlarmMessage:
        alarm = msgspec.structs.replace(
            known,
            id=moment.id,
            wall_ns=moment.wall_ns,
            mono_ns=moment.mono_ns,
            boot_id=self._boot_id,
            active=active,
            acknowledged=acknowledged,
            by=by or known.by,
        )
        if active or not acknowledged or alarm.shelved_until_wall_ns:
            self._alarms[known.key] = alarm
        else:
            del self._alarms[known.key]
            self._consequences.forget(known.key)
        return alarm

    def _put_under(self, known: AlarmMessage, key: str, moment: Moment) -> AlarmMessage:
        """Put ``known`` under another alarm; empty: it stands for itself and rings."""
        known = msgspec.structs.replace(known, under=key)
        return self._change(known, moment, active=known.active, acknowledged=bool(key))

    def _make_room(self, priority: Priority) -> bool:
        """Whether an alarm of this priority finds room, pushing a lesser one out if need be."""
        critical = priority is Priority.CRITICAL
        rivals = [
            alarm
            for alarm in self._alarms.values()
            if (alarm.priority is Priority.CRITICAL) == critical
        ]
        if len(rivals) < self._limit:
            return True
        least = max(rivals, key=_dispensable)
        self.dropped += 1
        if least.priority < priority or (critical and least.active):
            return False
        del self._alarms[least.key]
        self._unconfirmed.discard(least.key)
        self._consequences.forget(least.key)
        return True


def _urgency(alarm: AlarmMessage) -> tuple[bool, bool, int, bool, int, str]:
    quiet = alarm.shelved_until_wall_ns > 0
    seen = alarm.acknowledged
    return (quiet, not alarm.active, alarm.priority, seen, -alarm.raised_wall_ns, alarm.key)


def _dispensable(alarm: AlarmMessage) -> tuple[int, bool, bool, int]:
    return (alarm.priority, not alarm.active, alarm.acknowledged, -alarm.raised_wall_ns)
