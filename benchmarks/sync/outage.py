"""sync.outage_*: a day without a network, then a link of 1 Mbit/s.

The box's store holds 24 h of ten readings a second (ten sensors polled each second) and a decision
each minute, filled in fast time. The readings are noise of full precision, exact, so that
nothing but the link decides how fast they go: with dead bands there would be next to no backlog.
Meanwhile the sensors are polled and a critical alarm is raised twice a second. The endpoint runs as
it ships; all bytes pass a relay (`relay.py`) that counts them.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from banksman.config.schema_sync import SyncSettings
from banksman.sync.schedule import BACKLOG_READINGS, LIVE_S
from banksman.wire.messages import ReadingsMessage
from banksman_drivers.ports import Quality, Reading
from benchmarks.cloud.running import RunningEndpoint
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import REST_S, Pressure, loaded_note
from benchmarks.stats import percentile
from benchmarks.sync.box import Box, Server, until
from benchmarks.sync.relay import Relay

HOURS = 24
SENSORS = 10
MBIT = 1.0
DELAY_S = 0.04
ALARM_EVERY_S = 0.5
QUIET_S = 1.0  # without a byte: nothing is on its way
SETTLE_S = 3.0  # a rate is taken from a backlog under way, not from its begin and end
DRAIN_WITHIN_S = 240.0
LIVE = "live"  # the device whose readings are taken while the backlog drains
LIVE_WITHIN_S = LIVE_S + 2.0


class Drained(msgspec.Struct, frozen=True):
    """One outage. ``share`` of the link's rate while the backlog drained.

    ``ages_s``: of each reading taken meanwhile, when it was durable at the endpoint.
    """

    first_s: float
    waits_s: list[float]
    ages_s: list[float]
    share: float
    drained_s: float
    backlog_bytes: int
    lost: int


def fill(box: Box, hours: float, seed: int) -> tuple[int, int]:
    """The outage in fast time, readings as old as they would be: (polls, rows)."""
    chance = random.Random(seed)
    seconds = round(hours * 3600)
    begin_ns = box.clock.mono_ns() - seconds * 10**9
    for second in range(seconds):
        at_ns = begin_ns + second * 10**9 + chance.randrange(10**6)
        box.put_readings("plc", poll("plc", chance, at_ns))
        if second % 60 == 0:
            box.put_audit({"minute": str(second // 60)})
    return seconds, -(-seconds // 60)


def poll(device: str, chance: random.Random, at_ns: int) -> tuple[Reading, ...]:
    """One poll of all sensors."""
    return tuple(
        Reading(f"{device}.sensor_{n}", 20 + 5 * chance.random(), "", Quality.GOOD, at_ns)
        for n in range(SENSORS)
    )


def measure(context: Context) -> list[Figure]:
    """Two outages; each lasts a minute, whatever the machine does."""
    idle, loaded = Pressure(), Pressure()
    runs: list[Drained] = []
    rounds = min(2, context.rounds)
    for number in range(rounds):
        context.say(f"outage {number + 1} of {rounds}")
        folder = context.work / f"outage-{number}"
        hours = 12.0 if context.quick else HOURS
        idle.rest(REST_S)
        runs.append(asyncio.run(outage(folder, hours, number, loaded)))
    return figures(runs, idle.pct, loaded_note(loaded.pct))


async def outage(folder: Path, hours: float, seed: int, pressure: Pressure) -> Drained:
    """Fill, let the link return, and watch it drain."""
    box = Box(folder / "store", SyncSettings(enabled=True))
    line = Server()
    try:
        made = await asyncio.to_thread(fill, box, hours, seed)
        with RunningEndpoint(folder / "cloud") as endpoint:
            relay = Relay(int(endpoint.url.rstrip("/").rpartition(":")[2]), MBIT, DELAY_S)
            await line.call(relay.__aenter__())
            await line.call(relay.down())
            box.start_uplink(relay.port)
            await until(lambda: box.status.state == "down", 30, "the outage is seen")
            raised = {box.put_alarm("outage"): time.time_ns()}
            try:
                with pressure:
                    return await drain(
                        box, relay, line, folder / "cloud" / "cloud.db", raised, made
                    )
            finally:
                await box.stop_uplink()
                await line.call(relay.__aexit__(None, None, None))
    finally:
        line.stop()
        await box.close()


async def drain(
    box: Box,
    relay: Relay,
    line: Server,
    database: Path,
    raised: dict[str, int],
    made: tuple[int, int],
) -> Drained:
    """The link returns: how soon the first alarm, how fast the rest, how long what is new waits."""
    owed, rows = made
    chance, taken = random.Random(1), list[int]()
    await line.call(relay.up())
    returned_ns, returned_s = time.time_ns(), time.monotonic()
    marks: list[tuple[float, int]] = []
    first = next(iter(raised))
    # What is less than a block waits for its interval: it is no backlog any more.
    while (
        box.store.readings_owed("cloud") > BACKLOG_READINGS
        and time.monotonic() - returned_s < DRAIN_WITHIN_S
    ):
        marks.append((time.monotonic(), relay.up_way.passed_bytes))
        raised[box.put_alarm(f"live_{len(raised)}")] = time.time_ns()
        number = Reading(f"{LIVE}.number", len(taken), "", Quality.GOOD, box.clock.mono_ns())
        taken.append(time.time_ns())
        box.put_readings(LIVE, (number, *poll(LIVE, chance, number.mono_ns)))
        await asyncio.sleep(ALARM_EVERY_S)
    drained_s, drained_ns = time.monotonic() - returned_s, time.time_ns()
    await until(lambda: alarms_at(database) == len(raised), 60, "all alarms are there")
    # Cut off on its way, a message that arrived would still count as owed.
    await until(quiet(relay), 60, "nothing is on its way")
    await box.stop_uplink()
    arrived, ids, blocks, live = found(database)
    # The last ones have no backlog to wait for: they go with the next batch, whenever that is due.
    judged = [at_ns for at_ns in taken if at_ns < drained_ns - LIVE_WITHIN_S * 1e9]
    left = box.store.readings_owed("cloud") + sum(box.store.rows_owed("cloud").values())
    steady = [mark for mark in marks if mark[0] > returned_s + SETTLE_S][:-2] or marks
    span_s, size = steady[-1][0] - steady[0][0], steady[-1][1] - steady[0][1]
    return Drained(
        first_s=(arrived[first] - returned_ns) / 1e9,
        waits_s=[(arrived[name] - at_ns) / 1e9 for name, at_ns in raised.items() if name != first],
        ages_s=[(live.get(n, math.inf) - at_ns) / 1e9 for n, at_ns in enumerate(judged)],
        share=size / span_s / (MBIT * 1e6 / 8),
        drained_s=drained_s,
        backlog_bytes=size,
        lost=owed + rows + len(raised) + len(taken) - blocks - ids - left,
    )


def quiet(relay: Relay) -> Callable[[], bool]:
    """A condition: no byte has passed up for `QUIET_S`."""
    passed, since_s = relay.up_way.passed_bytes, time.monotonic()

    def holds() -> bool:
        nonlocal passed, since_s
        if relay.up_way.passed_bytes != passed:
            passed, since_s = relay.up_way.passed_bytes, time.monotonic()
        return time.monotonic() - since_s > QUIET_S

    return holds


def alarms_at(database: Path) -> int:
    """How many there are."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM record WHERE kind = 1").fetchone()
    return int(count)


def found(database: Path) -> tuple[dict[str, int], int, int, dict[int, int]]:
    """When each alarm arrived, how many rows and readings messages are there.

    And when each live one arrived, by its number.
    """
    from banksman.wire.blocks import unpack

    live: dict[int, int] = {}

    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        arrived = dict(connection.execute("SELECT id, arrived_ns FROM record WHERE kind = 1"))
        (rows,) = connection.execute("SELECT count(*) FROM record WHERE kind < 3").fetchone()
        messages = 0
        blocks = connection.execute("SELECT first, last, body, arrived_ns FROM block")
        for first, last, body, arrived_ns in blocks:
            for line in unpack(body):
                message = msgspec.json.decode(line, type=ReadingsMessage)
                if first <= int(message.id.rpartition("-")[2]) <= last:
                    messages += 1
                    if message.device == LIVE:
                        live[int(message.values["number"] or 0)] = arrived_ns
    return arrived, int(rows), messages, live


def figures(runs: list[Drained], pressure_pct: float | None, own: str) -> list[Figure]:
    """The table's lines."""
    backlog = (
        f"{HOURS} h of {SENSORS} readings a second over {MBIT:g} Mbit/s and "
        f"{2e3 * DELAY_S:g} ms: {runs[0].backlog_bytes / 1e6:.1f} MB up; {own}"
    )
    waits = [percentile(run.waits_s, 99) or 0.0 for run in runs]
    count = sum(len(run.waits_s) for run in runs)
    return [
        figure(
            "sync.outage_first_critical", "s", [run.first_s for run in runs], direction="lower",
            n=len(runs), pressure_pct=pressure_pct, target=Target("value", 2.0), worst=True,
            note=f"from the link's return until it is durable at the endpoint; {backlog}",
        ),
        figure(
            "sync.outage_drain", "%", [100 * run.share for run in runs], direction="higher",
            n=len(runs), pressure_pct=pressure_pct, target=Target("value", 90.0),
            note=f"of the link's rate, while the backlog drained; {backlog}",
        ),
        figure(
            "sync.outage_drained", "s", [run.drained_s for run in runs], direction="lower",
            n=len(runs), pressure_pct=pressure_pct,
            note="exact readings of noise, the worst case; dead bands make it a fraction",
        ),
        figure(
            "sync.outage_live_p99", "s", waits, direction="lower", n=count,
            pressure_pct=pressure_pct, target=Target("value", 2.0),
            note="a critical alarm raised while the backlog drains, until it is durable at the "
            "endpoint; the table sends no other class by right over such a link",
        ),
        figure(
            "sync.live_age_s", "s", [max(run.ages_s, default=math.inf) for run in runs],
            direction="lower", n=sum(len(run.ages_s) for run in runs), pressure_pct=pressure_pct,
            target=Target("value", LIVE_WITHIN_S), worst=True,
            note="the oldest of all readings taken while the backlog drains, when it is durable at "
            f"the endpoint; sent each {LIVE_S:g} s",
        ),
        figure(
            "sync.outage_lost", "records", [float(abs(run.lost)) for run in runs],
            direction="lower", n=count, pressure_pct=pressure_pct, target=Target("value", 0.0),
            worst=True, note="rows and readings missing or doubled at the endpoint afterwards",
        ),
    ]  # fmt: skip
