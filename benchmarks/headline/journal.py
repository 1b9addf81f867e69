"""Stands where the store stands: keeps decisions, counts readings and bytes, forgets the rest."""

from __future__ import annotations

from collections.abc import Sequence

from banksman.clock import Clock
from banksman.deciding.decision import Decision, Source
from banksman.records import IdSource
from banksman.wire.messages import AlarmMessage, Priority
from banksman_drivers.ports import Reading
from benchmarks.headline.traffic import Traffic

LOCAL: frozenset[Source] = frozenset(("rule", "model", "combined"))


class Journal:
    """What ``ControlParts`` and the alarms need of a store; control thread only."""

    def __init__(self, node: str, clock: Clock) -> None:
        self.ids = IdSource(node, epoch=1)
        self.decisions: list[Decision] = []
        self.readings = 0
        self.traffic = Traffic(node, clock, self.ids.next)

    @property
    def records(self) -> Journal:
        """It is its own queue."""
        return self

    def put_decision(self, decision: Decision, priority: Priority) -> None:
        """Keep it."""
        del priority
        self.decisions.append(decision)
        self.traffic.decision(decision)

    def put_readings(self, device: str, batch: Sequence[Reading]) -> None:
        """Count them."""
        self.readings += len(batch)
        self.traffic.readings(device, batch)

    def put_audit(self, event: str, by: str, details: dict[str, str]) -> None:
        """Count it."""
        self.traffic.audit(event, by, details)

    def put_alarm(self, alarm: AlarmMessage) -> None:
        """Count it."""
        self.traffic.alarm(alarm)

    def save_state(self, key: str, value: bytes) -> None:
        """Not needed: nothing restarts here."""


def changes(decisions: Sequence[Decision]) -> list[Decision]:
    """Those that differ from the one before at their point, without the repeats of each minute.

    The journal writes a verdict that stays the same once a minute. All of these are local, so
    counting them would flatter whoever counts.
    """
    kept: list[Decision] = []
    newest: dict[str, tuple[object, ...]] = {}
    for each in decisions:
        essence = (each.action, each.source, each.rule, each.model_version, each.review)
        if newest.get(each.point) != essence:
            newest[each.point] = essence
            kept.append(each)
    return kept


def local_pct(decisions: Sequence[Decision]) -> float:
    """The share that rules or models of the box decided; no safe default is among them."""
    return 100 * sum(each.source in LOCAL for each in decisions) / len(decisions)
