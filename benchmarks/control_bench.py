"""A control loop with nothing behind it: what the five steps themselves cost."""

from __future__ import annotations

import itertools
import time

from banksman.clock import SystemClock
from banksman.control.act import Act
from banksman.control.interlock import Interlock
from banksman.control.loop import ControlLoop
from banksman.control.pace import Culprit
from banksman.control.point import Action, PointSpec
from banksman.control.ports import NOTHING, Follows
from banksman.control.stream import Stream, StreamTable
from banksman.deciding.cache import ScoreCache
from banksman.deciding.decide import DecisionPoint, join_inputs
from banksman.deciding.decision import Decision
from banksman.deciding.features import Catalogue
from banksman.deciding.rulefile import load_rules
from banksman.wire.messages import Priority
from banksman_drivers.ports import Quality, Reading

FEATURES = 15
RULES = 10
SENSORS = tuple(f"plc.s{number}" for number in range(FEATURES))


class Nothing:
    """Takes records, alarms and latches, and forgets them: the store has figures of its own."""

    def put_readings(self, device: str, batch: object) -> None:
        """Forget."""

    def put_decision(self, decision: Decision, priority: Priority) -> None:
        """Forget."""

    def put_audit(self, event: str, by: str, details: dict[str, str]) -> None:
        """Forget."""

    def save_latches(self, latched: dict[str, str]) -> None:
        """Forget."""

    def raise_alarm(
        self, key: str, text: str, priority: Priority, cause: str, follows: Follows = NOTHING
    ) -> None:
        """Forget."""

    def clear_alarm(self, key: str) -> None:
        """Forget."""


def rules_text() -> str:
    """Ten rows of two comparisons each over the fifteen features; only the last one matches."""
    rows = [
        f"[[rule]]\nname = 'row{row}'\npoint = 'bench'\n"
        f"when = '{SENSORS[row]} > 900 and {SENSORS[row + 5]} < 0'\n"
        "then = 'act'\ndefinitive = true\nconfidence = 0.9\n"
        for row in range(RULES - 1)
    ]
    last = "[[rule]]\nname = 'last'\npoint = 'bench'\nwhen = 'True'\nthen = 'none'\n"
    return "".join(rows) + last + "definitive = true\nconfidence = 0.9\n"


def make_loop() -> ControlLoop:
    """A loop of one decision point over all features, with nothing behind it."""
    clock, nothing = SystemClock(), Nothing()
    catalogue = Catalogue.of_sensors((sensor, "") for sensor in SENSORS)
    book = load_rules(rules_text(), "rules.toml", catalogue, {"bench": "act"}, ["act"])
    rules = book.for_point("bench")
    point = DecisionPoint(
        name="bench",
        type="process_control",
        inputs=join_inputs(rules, None, SENSORS),
        rules=rules,
        safe_action="act",
    )
    numbers = itertools.count()
    return ControlLoop(
        node="bench",
        clock=clock,
        streams=StreamTable([Stream(sensor, "", 1000) for sensor in SENSORS]),
        interlock=Interlock("armed", [], [], [], {}),
        act=Act([], nothing, clock.mono_ns),
        points=[PointSpec(point, frozenset(SENSORS), Priority.NORMAL, 0)],
        actions={"act": Action("act")},
        rules_version=book.version,
        cache=ScoreCache(),
        record_every_ns=60_000_000_000,
        records=nothing,
        alarms=nothing,
        latches=nothing,
        cloud=None,
        next_id=lambda: f"bench-1-{next(numbers)}",
        culprit=Culprit(),
        call_later=lambda _, function: function(),
    )


def five_steps_us(events: int) -> list[float]:
    """The duration of each of ``events`` whole turns: 15 readings in, one decision out."""
    loop = make_loop()
    durations_us = []
    for number in range(events):
        now_ns = time.monotonic_ns()
        batch = [
            Reading(sensor, float(number % 97), "", Quality.GOOD, now_ns) for sensor in SENSORS
        ]
        began_ns = time.perf_counter_ns()
        loop.readings(batch)
        durations_us.append((time.perf_counter_ns() - began_ns) / 1e3)
    return durations_us


def stream_readings_per_s(readings: int) -> float:
    """How many readings the stream step alone takes in a second, from batches of one poll."""
    table = StreamTable([Stream(sensor, "", 1000) for sensor in SENSORS])
    batches = [
        [
            Reading(sensor, float(poll % 97), "", Quality.GOOD, poll * 1_000_000)
            for sensor in SENSORS
        ]
        for poll in range(1, readings // FEATURES + 1)
    ]
    began_ns = time.perf_counter_ns()
    for batch in batches:
        table.update(batch)
    return len(batches) * FEATURES / ((time.perf_counter_ns() - began_ns) / 1e9)
