"""A machine's alarms: what people are told of its verdict and of what just changed.

    verdict  unknown, normal | warning      | alarm      | warning        | normal
    alarm    -                 raised, look   rings anew   keeps, new words cleared

Rules of this file
- One alarm for the verdict (`machine.ID`), one for a change point (`machine.ID.change`), one for a
  fault that has a name (`machine.ID.fault`); suspected and nameless ones are shown only.
- More urgent rings anew; less urgent does not: the alarm keeps its priority until it is over, and
  only its words follow. So does how far it is, window by window, without ringing.
- A change rings when it is rare enough (together.py), and holds until it is over.
- What stood when the box was stopped stands on from its start: it rings nobody anew (`resume`).
- Holding of what chatters, acknowledging and shelving are the desk's (banksman.alarms).
"""

from __future__ import annotations

from typing import Protocol

from banksman.control.ports import NOTHING, Follows
from banksman.maintenance.deviation import Verdict
from banksman.maintenance.findings import Finding
from banksman.maintenance.normal import Worst
from banksman.maintenance.standing import Judgement, change_words
from banksman.wire.messages import Priority

TOLD = {Verdict.WARNING: "look at it", Verdict.ALARM: "act now"}
# What flaps as fast as it can needs seven windows from one ringing to the next: five out, two in
# (deviation.py). Three ringings within so many windows are chatter; a minute holds none of them.
CHATTER_WINDOWS = 30


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


def alarm_keys(machine: str) -> tuple[str, str, str]:
    """Of every alarm that a machine may raise."""
    key = f"machine.{machine}"
    return key, f"{key}.change", f"{key}.fault"


class Ringing:
    """The alarms of one machine."""

    def __init__(self, machine: str, label: str, alarms: Alarms) -> None:
        self._machine = machine
        self._label = label
        self._key, self._change_key, self._fault_key = alarm_keys(machine)
        self._alarms = alarms
        self._rung = Verdict.NORMAL  # the most that was rung since it was well
        self._held: set[str] = set()  # keys of what else rings

    def resume(self, stands: Worst) -> None:
        """What stood before the start of the daemon holds on, until windows say otherwise."""
        if stands.verdict in TOLD:
            self._tell_verdict(stands.verdict, stands.what)

    def tell(self, judgement: Judgement, finding: Finding | None = None) -> None:
        """Take the verdict of one window, and the worst finding of its vibration sensors."""
        if judgement.verdict in TOLD:
            self._tell_verdict(judgement.verdict, judgement.what)
        else:
            self._alarms.clear_alarm(self._key)
            self._rung = Verdict.NORMAL
        changed, fault = "", ""
        change = judgement.change
        if change is not None and (change.rings or self._change_key in self._held):
            changed = f"{change_words(change)}; look at it"
        if finding is not None and finding.certainty == "named":
            fault = f"{finding.words}: {finding.reason}; plan its repair"
        self._hold(self._change_key, changed, Priority.NORMAL)
        self._hold(self._fault_key, fault, Priority.IMPORTANT)

    def _tell_verdict(self, verdict: Verdict, what: str) -> None:
        text = f"{self._label}: {what}; {TOLD[verdict]}"
        if verdict > self._rung:
            urgent = verdict is Verdict.ALARM
            priority = Priority.CRITICAL if urgent else Priority.NORMAL
            self._alarms.raise_alarm(self._key, text, priority, self._machine)
            self._rung = verdict
        else:
            self._alarms.reword_alarm(self._key, text)

    def _hold(self, key: str, told: str, priority: Priority) -> None:
        """An alarm that holds while there is something to tell."""
        text = f"{self._label}: {told}"
        if told and key in self._held:
            self._alarms.reword_alarm(key, text)
        elif told:
            self._alarms.raise_alarm(key, text, priority, self._machine)
            self._held.add(key)
        elif key in self._held:
            self._alarms.clear_alarm(key)
            self._held.discard(key)
