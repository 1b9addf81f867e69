"""sync.bytes_*: what goes over the wire, beside sending every reading as JSON.

Two tapes (`tape.py`): an hour of the demo's plant, half an hour of the reaction job. Each is played
in made time to the box's own policy, schedule, packing and HTTP client, which send to the shipped
endpoint through a relay that counts every byte of TCP both ways: batches, heads, receipts,
heartbeats, and the padding that measures the link. The peer is the bare JSON of each poll, without
a head, which nobody could send so; with an HTTP head each it would be twice as much.

What the endpoint then holds is compared with the tape: decisions byte for byte, readings by their
dead bands.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec

from banksman.clock import SystemClock
from banksman.config.schema_sync import SyncSettings
from banksman.sync.bulk import Bulk
from banksman.sync.courier import Courier, Delivered
from banksman.sync.link import LinkMeter
from banksman.sync.parcel import Parcel, fill
from banksman.sync.policy import Policy
from banksman.sync.probe import Prober
from banksman.sync.schedule import Schedule
from banksman.sync.thinning import Thinning
from banksman.sync.transport import Transport
from banksman.wire.blocks import unpack
from banksman.wire.messages import Priority, ReadingsMessage
from banksman.wire.uplink import Heartbeat, LinkReport
from benchmarks.cloud.running import RunningEndpoint
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import REST_S, Pressure, loaded_note
from benchmarks.sync.relay import Relay
from benchmarks.sync.tape import Tape, TapeOutbox, plant_tape, reaction_tape

STEP_S = 0.25
LINK_MBIT = 50.0
ROUND_TRIP_S = 0.02
TARGET_PCT = 95.0
# What an engineer would write for the demo's instruments: their accuracy, no more. What is not
# named (flags, counters, codes) is exact.
BANDS = [
    {"sensor": "plc.conveyor_speed", "absolute": 2.5},
    {"sensor": "plc.conveyor_current", "absolute": 0.1},
    {"sensor": "plc.press_force", "absolute": 0.75},
    {"sensor": "plc.oven_temperature", "absolute": 0.5},
    {"sensor": "plc.part_dimension", "absolute": 0.005},
    {"sensor": "plc.hopper_*", "absolute": 0.1},
    {"sensor": "vib.rms", "absolute": 0.1},
    {"sensor": "vib.peak", "absolute": 0.3},
    {"sensor": "vib.kurtosis", "absolute": 0.1},
    {"sensor": "vib.bearing_temperature", "absolute": 0.3},
    {"sensor": "agv1.x", "absolute": 0.05},
    {"sensor": "agv1.y", "absolute": 0.05},
]


class Played(msgspec.Struct, frozen=True):
    """One tape. ``worst``: the largest distance of a reading, in dead bands; over 1 breaks it."""

    wire_bytes: int
    json_bytes: int
    batches: int
    probes: int
    polls: int
    rows: int
    worst: float
    wrong_rows: int
    missing: int

    @property
    def less_pct(self) -> float:
        """Below the bare JSON."""
        return 100 * (1 - self.wire_bytes / self.json_bytes)


class Player:
    """Plays a tape to the box's own parts."""

    def __init__(self, tape: Tape, settings: SyncSettings, port: int) -> None:
        self.now_s = 0.0
        self.batches = self.probes = 0
        self.thinning = Thinning(settings)
        self.outbox = TapeOutbox(tape)
        self._tape = tape
        self._settings = settings
        clock = self._clock = SystemClock()
        self._meter = LinkMeter()  # of the made link
        self._policy = Policy(settings)
        self._bulk = Bulk(self.outbox, Schedule(settings, 0.0), self.thinning, clock.wall_ns)
        self._prober = Prober.of(settings)
        self.transport = Transport(f"http://127.0.0.1:{port}", lambda: clock.mono_ns() / 1e9)
        self._courier = Courier(
            self.transport, LinkMeter(), tape.node, clock, lambda: clock.mono_ns() / 1e9, _ignore
        )

    async def play(self, seconds: float) -> None:
        """All of it, and what is left at the end."""
        beat_s = 0.0
        async with self.transport:
            while self.now_s < seconds:
                self.now_s += STEP_S
                self.outbox.now_s = self.now_s
                self._meter.tick(self.now_s)
                if self.now_s >= beat_s:
                    beat_s = self.now_s + self._settings.heartbeat_s
                    await self._beat()
                await self._turn()
            self.now_s += 86_400.0
            self.outbox.now_s = self.now_s
            while self.outbox.readings_owed("") or any(self.outbox.rows_owed("").values()):
                self.now_s += 60.0
                await self._turn()

    async def _turn(self) -> None:
        plan = self._policy.plan(self._meter.state, metered=False)
        urgent = await self._bulk.rows((Priority.CRITICAL,), 200)
        if urgent:
            await self._send(fill(urgent, (), 64 * 1024, plan.level), plan.level)
        found = await self._bulk.gather(plan, None, self.now_s)
        if isinstance(found, tuple):
            await self._send(found, plan.level)
            return
        size = self._prober.due(plan, self._meter.state, self.now_s)
        if size is not None:
            self.probes += 1
            await self._courier.deliver((), plan.level, size)
            self._carried(size)

    async def _send(self, parcel: Parcel, level: int) -> None:
        fate = await self._courier.deliver([entry.item for entry in parcel], level)
        if not isinstance(fate, Delivered) or fate.refused:
            raise RuntimeError(f"the endpoint did not take a batch: {fate}")
        self.batches += 1
        self._carried(sum(entry.wire_bytes for entry in parcel))
        await self.outbox.acknowledge_rows("", [e.row_id for e in parcel if e.row_id is not None])
        positions = [e.position for e in parcel if e.position is not None]
        if positions:
            await self.outbox.acknowledge_readings("", max(positions))

    def _carried(self, size: int) -> None:
        took_s = ROUND_TRIP_S + size * 8 / 1e6 / LINK_MBIT
        self._meter.succeeded(self.now_s, size, took_s, ROUND_TRIP_S)

    async def _beat(self) -> None:
        clock = self._clock
        link = LinkReport("eth0", False, LINK_MBIT, 20.0, 1.0, "wide")
        heartbeat = Heartbeat(
            self._tape.node, clock.wall_ns(), clock.mono_ns(), clock.boot_id, "armed", True,
            self.now_s, "", {"critical": 0, "important": 0, "normal": 0, "background": 0}, 100,
            {}, 0, [], link,
        )  # fmt: skip
        await self._courier.call("POST", "/v1/heartbeat", msgspec.json.encode(heartbeat))


def _ignore(_size: int) -> None:
    """No budget."""


async def played(folder: Path, tape: Tape, seconds: float, settings: SyncSettings) -> Played:
    """Play it, and look at what the endpoint has."""
    with RunningEndpoint(folder) as endpoint:
        async with Relay(int(endpoint.url.rstrip("/").rpartition(":")[2])) as relay:
            player = Player(tape, settings, relay.port)
            await player.play(seconds)
            wire_bytes = relay.passed_bytes
        worst, missing = distance(folder / "cloud.db", tape, player.thinning)
        return Played(
            wire_bytes=wire_bytes,
            json_bytes=tape.json_bytes,
            batches=player.batches,
            probes=player.probes,
            polls=len(tape.readings),
            rows=len(tape.rows),
            worst=worst,
            wrong_rows=wrong_rows(folder / "cloud.db", tape),
            missing=missing,
        )


def wrong_rows(database: Path, tape: Tape) -> int:
    """Decisions, alarms and audit that are not at the endpoint byte for byte, each once."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        there = dict(connection.execute("SELECT id, body FROM record WHERE kind < 3"))
        (count,) = connection.execute("SELECT count(*) FROM record WHERE kind < 3").fetchone()
    sent = {row.id: row.payload for _, row in tape.rows}
    wrong = sum(1 for name, payload in sent.items() if there.get(name) != payload)
    return wrong + abs(int(count) - len(sent))


def distance(database: Path, tape: Tape, thinning: Thinning) -> tuple[float, int]:
    """The worst reading, in its dead bands (an exact one that differs: infinite); missing polls."""
    decoder = msgspec.json.Decoder(ReadingsMessage)
    back: dict[str, ReadingsMessage] = {}
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        for (body,) in connection.execute("SELECT body FROM block"):
            for line in unpack(body):
                message = decoder.decode(line)
                back[message.id] = message
    worst, missing = 0.0, 0
    for _, row in tape.readings:
        sent = decoder.decode(row.payload)
        found = back.get(sent.id)
        if found is None or found.quality != sent.quality or found.texts != sent.texts:
            missing += 1
            continue
        for point, value in sent.values.items():
            other = found.values.get(point)
            if value is None or other is None:
                missing += value is not other
                continue
            off, band = abs(other - value), thinning.band_of(sent.device, point).around(value)
            if off:
                worst = max(worst, off / band if band else float("inf"))
    return worst, missing


def measure(context: Context) -> list[Figure]:
    """Both tapes, with the bands and without any. Bytes are counted, not timed: once is enough."""
    idle, loaded = Pressure(), Pressure()
    hour_s, job_s = (600.0, 60.0) if context.quick else (3600.0, 1800.0)
    banded = SyncSettings.model_validate({"enabled": True, "band": BANDS})
    exact = SyncSettings(enabled=True)
    plant: list[Played] = []
    plain: list[Played] = []
    job: list[Played] = []

    def run(name: str, tape: Tape, seconds: float, settings: SyncSettings) -> Played:
        return asyncio.run(played(context.work / name, tape, seconds, settings))

    idle.rest(REST_S)
    with loaded:
        tape = plant_tape(context.work / "tape", 1, hour_s)
        plant.append(run("plant", tape, hour_s, banded))
        plain.append(run("plain", tape, hour_s, exact))
        job.append(run("job", reaction_tape(1, job_s), job_s, exact))
    return figures(plant, plain, job, idle.pct, loaded_note(loaded.pct))


def figures(
    plant: list[Played],
    plain: list[Played],
    job: list[Played],
    pressure_pct: float | None,
    own: str,
) -> list[Figure]:
    """The table's lines."""
    every = [*plant, *plain, *job]

    def less(name: str, runs: list[Played], note: str, target: Target | None) -> Figure:
        return figure(
            f"sync.bytes_{name}", "%", [run.less_pct for run in runs], direction="higher",
            n=sum(run.polls for run in runs), pressure_pct=pressure_pct, target=target,
            note=f"{note}; {_words(runs[0])}; {own}",
        )  # fmt: skip

    def none(
        name: str, unit: str, of: Callable[[Played], float], limit: float, note: str
    ) -> Figure:
        return figure(
            f"sync.bytes_{name}", unit, [of(run) for run in every], direction="lower",
            n=sum(run.polls + run.rows for run in every), pressure_pct=pressure_pct,
            target=Target("value", limit), worst=True, note=f"{note}; {own}",
        )  # fmt: skip

    at_least = Target("value", TARGET_PCT)
    return [
        less(
            "plant_less", plant, "an hour of the demo's plant, dead bands of its instruments'"
            " accuracy", at_least,
        ),
        less("plant_exact_less", plain, "the same hour without a dead band", None),
        less("reaction_less", job, "the reaction job, no dead band", at_least),
        none(
            "worst_reading", "bands", lambda run: run.worst, 1.0,
            "the largest distance of any reading at the endpoint from what was read, in dead bands",
        ),
        none(
            "wrong_rows", "rows", lambda run: float(run.wrong_rows), 0.0,
            "decisions, alarms and audit that are not at the endpoint once and byte for byte",
        ),
        none(
            "missing_readings", "polls", lambda run: float(run.missing), 0.0,
            "polls without their message, quality or texts at the endpoint",
        ),
    ]  # fmt: skip


def _words(run: Played) -> str:
    return (
        f"{run.wire_bytes / 1e6:.2f} MB of TCP instead of {run.json_bytes / 1e6:.1f} MB of bare "
        f"JSON, in {run.batches} batches with {run.probes} probes of the link"
    )
