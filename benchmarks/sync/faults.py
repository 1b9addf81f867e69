"""sync.lost, sync.duplicated: links that flap, endpoints and boxes that are killed, all at once.

A box in a process of its own, with a backlog from before, records rows and readings and says which
are durable; what is fresh goes beside the backlog. Several times a second something breaks: one of
its connections (a lane's), the whole line, now and then a process of the endpoint or the box
itself. Which and when, a generator draws whose seed is in the figures' note. In the end everything
is left alone until nothing waits, and the endpoint's database is compared with what the box had
said.

``lost``: rows that were durable and are not there, readings missing from within a start's run or
below its durable mark. ``duplicated``: rows or readings that are there twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import msgspec

from banksman.config.schema_sync import SyncSettings
from banksman.wire.blocks import unpack
from banksman_drivers.ports import Quality, Reading
from benchmarks.cloud.running import RunningEndpoint
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import REST_S, Pressure, loaded_note
from benchmarks.sync.box import Box, until
from benchmarks.sync.boxed import SETTINGS
from benchmarks.sync.relay import Relay

SECONDS = 20.0
PAUSE_S = (0.05, 0.6)
VICTIMS = {"connection": 6, "line": 4, "endpoint": 1, "box": 1}  # how often, by one another
QUIET_WITHIN_S = 120.0
READY_WITHIN_S = 30.0
BACKLOG = 20_000  # polls
MBIT = 2.0


class Told:
    """What a box has said to be durable, over all its starts."""

    def __init__(self) -> None:
        self.rows: set[str] = set()
        self.marks: dict[int, int] = {}  # epoch -> sequence

    def hear(self, line: str) -> None:
        """One line of its output; a torn one is passed over."""
        if not line.endswith("\n"):
            return
        kind, _, name = line.strip().partition(" ")
        _, _, number = name.rpartition("-")
        if kind == "row":
            self.rows.add(name)
        elif kind == "mark" and number.isdigit():
            epoch = int(name.split("-")[-2])
            self.marks[epoch] = max(self.marks.get(epoch, 0), int(number))


class Boxed:
    """The box's process; ``kill`` and ``start`` as often as one likes."""

    def __init__(self, folder: Path, port: int, told: Told) -> None:
        self._command = [sys.executable, "-m", "benchmarks.sync.boxed", str(folder), str(port)]
        self._told = told
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        process = self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None and self._reader is not None:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            self._process = None

    def _read(self, process: subprocess.Popen[str]) -> None:
        if process.stdout is not None:
            with process.stdout as lines:
                for line in lines:
                    self._told.hear(line)


async def fill(folder: Path, polls: int) -> None:
    """A backlog of an earlier start: poll n has the value n, and noise beside it."""
    chance = random.Random(1)
    box = Box(folder, SyncSettings.model_validate(SETTINGS))
    for number in range(1, polls + 1):
        values = {"n": float(number), "noise": chance.random()}
        now_ns = box.clock.mono_ns()
        batch = [Reading(f"plc.{k}", v, "", Quality.GOOD, now_ns) for k, v in values.items()]
        box.put_readings("plc", tuple(batch))
    await box.close()


class Outcome(msgspec.Struct, frozen=True):
    """What a run of faults cost."""

    lost: int
    duplicated: int
    records: int
    faults: str


class Scene:
    """The box, its line and the endpoint: ``hurt`` one of them."""

    def __init__(self, folder: Path, boxed: Boxed, relay: Relay, endpoint: RunningEndpoint) -> None:
        self.endpoint = endpoint
        self.hurts = dict.fromkeys(VICTIMS, 0)
        self._folder = folder
        self._boxed = boxed
        self._relay = relay

    async def hurt(self, victim: str, chance: random.Random) -> None:
        """Break it, and begin it anew where it does not come again by itself."""
        self.hurts[victim] += 1
        match victim:
            case "connection":
                self._relay.break_one(chance)
            case "line":
                await self._relay.flap()
            case "endpoint":
                self.endpoint.kill_a_worker(chance)
                await asyncio.to_thread(self.endpoint.__exit__, None, None, None)
                self.endpoint = RunningEndpoint(self._folder / "cloud")
                await asyncio.to_thread(self.endpoint.__enter__)
                self._relay.to_port = _port(self.endpoint)
            case "box":
                await asyncio.to_thread(self._boxed.kill)
                self._boxed.start()

    def words(self) -> str:
        """What broke how often."""
        return ", ".join(f"{victim} {count}" for victim, count in self.hurts.items())


async def run_faults(folder: Path, seconds: float, seed: int) -> Outcome:
    """One run."""
    chance = random.Random(seed)
    told = Told()
    loop = asyncio.get_running_loop()
    await fill(folder / "store", BACKLOG)
    endpoint = RunningEndpoint(folder / "cloud")
    await asyncio.to_thread(endpoint.__enter__)
    async with contextlib.AsyncExitStack() as stack:
        relay = await stack.enter_async_context(Relay(_port(endpoint), MBIT, 0.002))
        boxed = Boxed(folder / "store", relay.port, told)
        scene = Scene(folder, boxed, relay, endpoint)
        stack.callback(lambda: scene.endpoint.__exit__(None, None, None))
        boxed.start()
        try:
            await until(lambda: len(told.rows) > 0, READY_WITHIN_S, "the box records")
            ends_s = loop.time() + seconds
            while loop.time() < ends_s:
                await asyncio.sleep(chance.uniform(*PAUSE_S))
                (victim,) = chance.choices(list(VICTIMS), list(VICTIMS.values()))
                await scene.hurt(victim, chance)
        finally:
            await asyncio.to_thread(boxed.kill)
        await _rest(folder / "store", relay.port)
    return judge(folder / "cloud" / "cloud.db", told, f"seed {seed}: {scene.words()}")


def _port(endpoint: RunningEndpoint) -> int:
    return int(endpoint.url.rstrip("/").rpartition(":")[2])


async def _rest(folder: Path, port: int) -> None:
    """The box once more, recording nothing, until nothing waits."""
    box = Box(folder, SyncSettings.model_validate(SETTINGS))
    try:
        box.start_uplink(port)
        await until(box.idle, QUIET_WITHIN_S, "nothing waits any more")
    finally:
        await box.close()


def judge(database: Path, told: Told, faults: str) -> Outcome:
    """Compare what is there with what was told."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = Counter(name for (name,) in connection.execute("SELECT id FROM record"))
        blocks = connection.execute("SELECT epoch, first, last, body FROM block").fetchall()
    numbers: dict[int, Counter[int]] = {}
    newest: dict[int, int] = {}
    for epoch, first, last, body in blocks:
        for line in unpack(body):
            message = msgspec.json.decode(line)
            sequence = int(message["id"].rpartition("-")[2])
            if first <= sequence <= last:
                numbers.setdefault(epoch, Counter())[round(message["values"]["n"])] += 1
                newest[epoch] = max(newest.get(epoch, 0), sequence)
    lost = sum(name not in rows for name in told.rows)
    lost += sum(newest.get(epoch, 0) < mark for epoch, mark in told.marks.items())
    lost += sum(max(found) - len(found) for found in numbers.values())
    twice = sum(count - 1 for count in rows.values())
    twice += sum(count - 1 for found in numbers.values() for count in found.values())
    records = len(rows) + sum(map(len, numbers.values()))
    return Outcome(lost, twice, records, faults)


def measure(context: Context) -> list[Figure]:
    """A run in each round."""
    idle, loaded = Pressure(), Pressure()
    runs: list[Outcome] = []
    for number in range(context.rounds):
        seed = secrets.randbits(32)
        context.say(f"faults {number + 1} of {context.rounds}, seed {seed}")
        folder = context.work / f"faults-{number}"
        idle.rest(REST_S)
        with loaded:
            seconds = SECONDS / 3 if context.quick else SECONDS
            runs.append(asyncio.run(run_faults(folder, seconds, seed)))
    note = f"{'; '.join(run.faults for run in runs)}; {loaded_note(loaded.pct)}"
    counted = {
        "lost": [float(run.lost) for run in runs],
        "duplicated": [float(run.duplicated) for run in runs],
    }
    return [
        figure(
            f"sync.{name}", "records", values, direction="lower",
            n=sum(run.records for run in runs), pressure_pct=idle.pct,
            target=Target("value", 0.0), worst=True, note=note,
        )
        for name, values in counted.items()
    ]  # fmt: skip
