"""What a box recorded, as it came: from the demo's hour, and from the reaction job.

Tape.rows       decisions, alarms, audit: (when, OutboxRow)
Tape.readings   one for each poll: (when, ReadingRow)
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from banksman import records
from banksman.deciding.decision import Decision
from banksman.store.rows import Kind, OutboxRow, ReadingRow
from banksman.wire.messages import AlarmMessage, AuditMessage, Priority, ReadingsMessage
from banksman_drivers.ports import Reading
from benchmarks.cloud.feeder import decision as fed_decision
from benchmarks.headline.hour import Stage
from benchmarks.headline.journal import Journal
from benchmarks.headline.made_time import MadeClock

NODE = "bench"
WALL_NS = 1_780_000_000_000_000_000
RAMP_MAX = 1000  # as benchmarks/reaction/simulator/modbus.c
LOW, HIGH = 100, 900


class Tape:
    """A recording; times in seconds from its begin."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.readings: list[tuple[float, ReadingRow]] = []
        self.rows: list[tuple[float, OutboxRow]] = []

    @property
    def json_bytes(self) -> int:
        """Every poll as its JSON, nothing else."""
        return sum(len(row.payload) for _, row in self.readings)

    def reading(self, at_s: float, message: ReadingsMessage) -> None:
        """A poll."""
        row = ReadingRow(
            len(self.readings) + 1, message.id, message.device, records.to_json(message)
        )
        self.readings.append((at_s, row))

    def row(
        self, at_s: float, kind: Kind, priority: Priority, name: str, payload: bytes, wall_ns: int
    ) -> None:
        """A decision, an alarm or an audit entry."""
        number = len(self.rows) + 1
        self.rows.append((at_s, OutboxRow(number, priority, kind, name, payload, wall_ns)))


class TapeOutbox:
    """A tape as a box's outbox: at ``now_s`` there is what was recorded before it."""

    def __init__(self, tape: Tape) -> None:
        self.now_s = 0.0
        self._tape = tape
        self._reading_times = [at_s for at_s, _ in tape.readings]
        self._row_times = [at_s for at_s, _ in tape.rows]
        self._rows_taken: set[int] = set()
        self._readings_taken = 0

    def _rows(self) -> list[OutboxRow]:
        there = self._tape.rows[: bisect_right(self._row_times, self.now_s)]
        return [row for _, row in there if row.row_id not in self._rows_taken]

    async def next_rows(
        self, channel: str, limit: int, classes: Collection[Priority], newest: bool = False
    ) -> Sequence[OutboxRow]:
        """By class, then age."""
        del channel
        turn = -1 if newest else 1
        rows = [row for row in self._rows() if row.priority in classes]
        return sorted(rows, key=lambda row: (row.priority, turn * row.row_id))[:limit]

    async def fail_rows(self, channel: str, row_ids: Sequence[int]) -> None:
        """Nothing fails here."""

    async def acknowledge_rows(self, channel: str, row_ids: Sequence[int]) -> None:
        """Sent."""
        del channel
        self._rows_taken.update(row_ids)

    async def readings_after(
        self, channel: str, after: int | None, limit: int
    ) -> Sequence[ReadingRow]:
        """Positions begin at 1."""
        del channel
        begin = self._readings_taken if after is None else after
        end = min(begin + limit, bisect_right(self._reading_times, self.now_s))
        return [row for _, row in self._tape.readings[begin:end]]

    async def acknowledge_readings(
        self, channel: str, position: int, after: int | None = None
    ) -> None:
        """Sent up to there; in order, for a tape has no backlog."""
        del channel, after
        self._readings_taken = position

    def readings_front(self, channel: str) -> int | None:
        """Nothing goes ahead here."""
        del channel
        return None

    def rows_owed(self, channel: str) -> dict[Priority, int]:
        """By class."""
        del channel
        owed = dict.fromkeys(Priority, 0)
        for row in self._rows():
            owed[row.priority] += 1
        return owed

    def readings_owed(self, channel: str) -> int:
        """Polls."""
        del channel
        return bisect_right(self._reading_times, self.now_s) - self._readings_taken

    def listen(self, callback: object) -> None:
        """Nobody waits: the bench asks."""

    def stretch(self, factor: float) -> None:
        """A tape has room."""


class _Recorder(Journal):
    """The journal of a made hour that keeps all on a tape."""

    def __init__(self, node: str, clock: MadeClock) -> None:
        super().__init__(node, clock)
        self.tape = Tape(node)
        self._clock = clock
        self._begin_ns = clock.mono_ns()

    def put_decision(self, decision: Decision, priority: Priority) -> None:
        """Keep it."""
        self.decisions.append(decision)
        message = records.decision_message(decision)
        self._row("decision", priority, message.id, message.wall_ns, message)

    def put_readings(self, device: str, batch: Sequence[Reading]) -> None:
        """Keep them."""
        self.readings += len(batch)
        clock = self._clock
        stamp = records.Stamp(
            self.ids.next(), self.tape.node, device, clock.boot_id,
            clock.wall_ns() - clock.mono_ns(), self.ids.next,
        )  # fmt: skip
        for message in records.readings_messages(batch, stamp):
            self.tape.reading(self._now_s(), message)

    def put_audit(self, event: str, by: str, details: dict[str, str]) -> None:
        """Keep it."""
        clock = self._clock
        message = AuditMessage(
            self.ids.next(), self.tape.node, event, by, clock.wall_ns(), clock.mono_ns(),
            clock.boot_id, details,
        )  # fmt: skip
        self._row("audit", Priority.IMPORTANT, message.id, message.wall_ns, message)

    def put_alarm(self, alarm: AlarmMessage) -> None:
        """Keep it."""
        self._row("alarm", alarm.priority, alarm.id, alarm.wall_ns, alarm)

    def _row(
        self, kind: Kind, priority: Priority, name: str, wall_ns: int, message: records.Wire
    ) -> None:
        self.tape.row(self._now_s(), kind, priority, name, records.to_json(message), wall_ns)

    def _now_s(self) -> float:
        return (self._clock.mono_ns() - self._begin_ns) / 1e9


class _Recording(Stage):
    recorder: _Recorder

    def make_journal(self, node: str, clock: MadeClock) -> Journal:
        """One that keeps a tape."""
        self.recorder = _Recorder(node, clock)
        return self.recorder


def plant_tape(folder: Path, seed: int, seconds: float) -> Tape:
    """The demo's plant: press, oven, belt, gauge, hopper, vibration, forklift, guard."""
    stage = _Recording(folder, seed, seconds)
    stage.run()
    return stage.recorder.tape


def reaction_tape(seed: int, seconds: float) -> Tape:
    """The reaction job: ten registers each 10 ms, a step and its decision each second or so."""
    chance = random.Random(seed)
    tape = Tape(NODE)
    value, number, next_step_s = LOW, 0, 0.5
    for poll in range(1, round(seconds * 100) + 1):
        at_s = poll * 0.01 + chance.random() * 1e-4
        number += 1
        if at_s >= next_step_s:
            value = HIGH if value == LOW else LOW
            next_step_s += 0.5 + chance.random()
            item = fed_decision(NODE, number)
            message = msgspec.json.decode(item.body)
            wall_ns = message["wall_ns"] = WALL_NS + round(at_s * 1e9)
            body = msgspec.json.encode(message)
            tape.row(at_s, "decision", Priority.NORMAL, item.id, body, wall_ns)
            number += 1
        values: dict[str, float | None] = {"seq": float(poll), "value": float(value)}
        values |= {f"r{n}": float((poll + n * 7) % RAMP_MAX) for n in range(3, 10)}
        at_ns = round(at_s * 1e9)
        tape.reading(
            at_s,
            ReadingsMessage(
                f"{NODE}-7-{number}", NODE, "plc", WALL_NS + at_ns, at_ns, "boot-1", values
            ),
        )
    return tape
