"""A machine's alarms: what people are told of its verdict and of what just changed.

    verdict  unknown, normal | warning      | alarm      | warning        | normal
    alarm    -                 raised, look   rings anew   keeps, new words cleared

Rules of this file
- One alarm for the verdict (`machine.ID`), one for a change point (`machine.ID.change`).
- More urgent rings anew; less urgent does not: the alarm keeps its priority until it is over, and
  only its words follow. So does how far it is, window by window, without ringing.
- What stood when the box was stopped stands on from its start: it rings nobody anew (`resume`).
- Holding of what chatters, acknowledging and shelving are the desk's (banksman.alarms).
"""

from __future__ import annotations

from typing import Protocol

from banksman.control.ports import NOTHING, Follows
from banksman.maintenance.deviation import Verdict
from banksman.maintenance.normal import Worst
from banksman.maintenance.standing import Judgement, change_words
from banksman.wire.messages import Priority

TOLD = {Verdict.WARNING: "look at it", Verdict.ALARM: "act now"}


class Alarms(Protocol):
    """What it needs of the alarm desk; any thread."""

    def raise_alarm(
        self, key: str, text: str, priority: Priority, cause: str, follows: Follows = NOTHING
    ) -> None:
        """The condition ``key`` holds; rings where it did not hold, or was less urgent."""

    def reword_alarm(self, key: str, text: str) -> None:
        """What is shown of ``key`` while it holds; it rings nobody."""

    def clear_alarm(self, key: str) -> None:
        """The condition ``key`` holds no more."""


class Ringing:
    """The alarms of one machine."""

    def __init__(self, machine: str, label: str, alarms: Alarms) -> None:
        self._machine = machine
        self._label = label
        self._key = f"machine.{machine}"
        self._alarms = alarms
        self._rung = Verdict.NORMAL  # the most that was rung since it was well
        self._changed = False

    def resume(self, stands: Worst) -> None:
        """What stood before the start of the daemon holds on, until windows say otherwise."""
        if stands.verdict in TOLD:
            self._tell_verdict(stands.verdict, stands.what)

    def tell(self, judgement: Judgement) -> None:
        """Take the verdict of one window."""
        if judgement.verdict in TOLD:
            self._tell_verdict(judgement.verdict, judgement.what)
        else:
            self._alarms.clear_alarm(self._key)
            self._rung = Verdict.NORMAL
        self._tell_change(judgement)

    def _tell_verdict(self, verdict: Verdict, what: str) -> None:
        text = f"{self._label}: {what}; {TOLD[verdict]}"
        if verdict > self._rung:
            urgent = verdict is Verdict.ALARM
            priority = Priority.CRITICAL if urgent else Priority.NORMAL
            self._alarms.raise_alarm(self._key, text, priority, self._machine)
            self._rung = verdict
        else:
            self._alarms.reword_alarm(self._key, text)

    def _tell_change(self, judgement: Judgement) -> None:
        key = f"{self._key}.change"
        if judgement.change is None:
            if self._changed:
                self._alarms.clear_alarm(key)
            self._changed = False
            return
        text = f"{self._label}: {change_words(judgement.change)}; look at it"
        if self._changed:
            self._alarms.reword_alarm(key, text)
        else:
            self._alarms.raise_alarm(key, text, Priority.NORMAL, self._machine)
        self._changed = True
