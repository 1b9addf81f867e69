"""One decision point at work: its compiled inputs, its last verdict, its open question.

triggered -> due? -> event -> decide (pure) -> verdict | question to the cloud
"""

from __future__ import annotations

import asyncio

import msgspec

from banksman.control.stream import Inputs
from banksman.deciding.decide import DecisionPoint
from banksman.deciding.decision import Event, Verdict
from banksman.wire.messages import Priority
from banksman_drivers.ports import Value


class Alert(msgspec.Struct, frozen=True):
    """What people are told when an action is taken."""

    text: str
    priority: Priority


class Action(msgspec.Struct, frozen=True):
    """What a verdict may do."""

    name: str
    writes: tuple[tuple[str, Value], ...] = ()
    trip: str | None = None
    alert: Alert | None = None


class PointSpec(msgspec.Struct, frozen=True):
    """A decision point as configured; ``on`` are the sensors that trigger it."""

    point: DecisionPoint
    on: frozenset[str]
    priority: Priority
    min_interval_ns: int


class Question:
    """A question to the cloud that waits: its event, when its reading arrived, its timer."""

    __slots__ = ("arrival_ns", "event", "timer")

    def __init__(self, event: Event, arrival_ns: int) -> None:
        self.event = event
        self.arrival_ns = arrival_ns
        self.timer: asyncio.TimerHandle | None = None


class Point:
    """The state of one decision point. The control loop owns it."""

    __slots__ = (
        "acted",
        "alert_key",
        "decided_ns",
        "inputs",
        "known",
        "question",
        "recorded",
        "recorded_ns",
        "spec",
    )

    def __init__(self, spec: PointSpec, inputs: Inputs) -> None:
        self.spec = spec
        self.inputs = inputs
        self.decided_ns: int | None = None
        self.question: Question | None = None
        self.acted = ""  # the action taken last
        self.recorded: tuple[object, ...] = ()  # what made the last record worth keeping
        self.recorded_ns = 0
        self.alert_key = ""
        self.known = False  # every input was read once, or waited for long enough

    def due(self, now_ns: int) -> bool:
        """Whether enough time has passed since the last decision."""
        interval_ns = self.spec.min_interval_ns
        return not interval_ns or self.decided_ns is None or now_ns - self.decided_ns >= interval_ns

    def event(self, now_ns: int) -> Event:
        """The inputs as they are now."""
        point = self.spec.point
        return Event(
            point=point.name,
            type=point.type,
            names=self.inputs.names,
            values=self.inputs.values(now_ns),
            faults=self.inputs.faults(now_ns),
            mono_ns=now_ns,
        )

    def worth_recording(self, verdict: Verdict, review: bool, now_ns: int, every_ns: int) -> bool:
        """Report by exception: a verdict like the last one is kept only every ``every_ns``."""
        essence = (verdict.action, verdict.source, verdict.rule, verdict.model_version, review)
        if essence == self.recorded and now_ns - self.recorded_ns < every_ns:
            return False
        self.recorded, self.recorded_ns = essence, now_ns
        return True
