"""Consequential alarms: what follows from another alarm is told under it and rings nobody. Pure.

ISA-18.2 (IEC 62682) names it suppression by design: one loss rings once, however much hangs on it.
Everything under it is recorded and shown all the same.

    device.plc     ____|~~~~~~~~~~~~~~~~~~~|_______________________
    press          _____|~~~~~~~~~~~~~~~~~~~~|_____________________   under device.plc: silent
    hopper.scale   _____|~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~   outlasts it: rings
                                              <-- within_s -->|

Rules of this file
- Whoever raises an alarm says what it may follow from (`Follows`). It goes under the first of
  those that holds, or under what that one is under itself: there is one level.
- Never under a less urgent one: nothing critical is folded away.
- What only shares a cause with another (``beside``) goes under it if that one turned up TOGETHER_NS
  before at most: two units of a bus that fail an hour apart are two losses.
- The cause may turn up a moment later than what follows from it, JUST_BEFORE_NS at most. What has
  rung for longer had a cause of its own.
- With its cause over, a consequence ends too, ``within_s`` at the latest. Else it rings like new.
"""

from __future__ import annotations

from collections.abc import Mapping

from banksman.control.ports import NOTHING, Follows
from banksman.wire.messages import AlarmMessage

JUST_BEFORE_NS = 2_000_000_000
TOGETHER_NS = 5_000_000_000

Alarms = Mapping[str, AlarmMessage]


class Consequences:
    """What each alarm of a book may follow from. The book forgets keys that leave it."""

    def __init__(self) -> None:
        self._follows: dict[str, tuple[Follows, int]] = {}  # and when it was raised
        self._gone_ns: dict[str, int] = {}  # since when the cause is over

    def raised(self, key: str, follows: Follows, mono_ns: int) -> None:
        """The alarm ``key`` is raised anew."""
        self._follows[key] = (follows, mono_ns)
        self._gone_ns.pop(key, None)

    def again(self, key: str, follows: Follows, mono_ns: int) -> None:
        """It holds still: what it follows from may have changed since."""
        _, raised_ns = self._follows.get(key, (follows, mono_ns))
        self._follows[key] = (follows, raised_ns)

    def forget(self, key: str) -> None:
        """The alarm is over."""
        self._follows.pop(key, None)
        self._gone_ns.pop(key, None)

    def above(self, key: str, priority: int, alarms: Alarms, mono_ns: int) -> str:
        """The key of the alarm that ``key`` belongs under now; empty: it stands for itself."""
        follows, _ = self._of(key)
        together = [
            other
            for other in follows.beside
            if other in self._follows and mono_ns - self._follows[other][1] <= TOGETHER_NS
        ]
        for cause in (*follows.keys, *together):
            found = alarms.get(cause)
            if found is not None and found.under:
                found = alarms.get(found.under)
            if found is None or not found.active or found.key == key:
                continue
            if found.priority <= priority:
                return found.key
        return ""

    def below(self, cause: AlarmMessage, alarms: Alarms, mono_ns: int) -> list[AlarmMessage]:
        """What rang just before ``cause`` and follows from it, with all that is under that."""
        if cause.under:
            return []
        fresh = {
            alarm.key
            for alarm in alarms.values()
            if alarm.active and not alarm.under and alarm.key != cause.key
            and cause.priority <= alarm.priority
            and self._just_before(alarm.key, cause.key, mono_ns)
        }  # fmt: skip
        return [alarms[key] for key in fresh] + [
            alarm for alarm in alarms.values() if alarm.under in fresh
        ]

    def outlasts(self, alarm: AlarmMessage, alarms: Alarms, mono_ns: int) -> bool:
        """Whether ``alarm``, which is under another, holds for too long after that one."""
        cause = alarms.get(alarm.under)
        if cause is not None and cause.active:
            self._gone_ns.pop(alarm.key, None)
            return False
        follows, _ = self._of(alarm.key)
        since_ns = self._gone_ns.setdefault(alarm.key, mono_ns)
        return mono_ns - since_ns >= follows.within_s * 1e9

    def _just_before(self, key: str, cause: str, mono_ns: int) -> bool:
        follows, raised_ns = self._of(key)
        near = mono_ns - raised_ns <= JUST_BEFORE_NS
        return near and cause in (*follows.keys, *follows.beside)

    def _of(self, key: str) -> tuple[Follows, int]:
        return self._follows.get(key, (NOTHING, 0))
