"""Five thousand slow sensors of 79 machines at 1 Hz beside the control loop: cost and lateness.

- ``slow_control_p99``: by how much a loop that wakes each 5 ms, and takes every reading as the
  control loop does, is late, p99; beside the same loop with the readings and the watches at rest.
- ``slow_core_share``: of one core for all of it: streams, vectors, windows, verdicts.
- ``slow_judged``: of these machines, those that are judged at the end: normals, vectors and change
  points are known from the start (kept in the store before), so that the dear path is what runs.
- ``held_control_p99``, ``held_core_share``: the same with the hundred vibration sensors of fleet.py
  besides. What is left of the core is the headroom.

Windows of five seconds, twelve times as often as the default, so that a short run holds several of
each machine: the default costs less. No device and no store.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

import msgspec
import numpy as np

from banksman.clock import SystemClock
from banksman.config.schema_maintenance import MachineSettings
from banksman.control.stream import WatchedStream
from banksman.maintenance.attending import Kept
from banksman.maintenance.change import SPAN
from banksman.maintenance.deviation import OF, Verdict
from banksman.maintenance.judging import WINDOW_VECTORS, Judge
from banksman.maintenance.normals import NormalBook
from banksman.maintenance.scorer_kept import sealed
from banksman.maintenance.shelf import RunShelf
from banksman.maintenance.turns import Turns
from banksman.maintenance.watch import Watch
from banksman_drivers.ports import Quality
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.maintenance.fleet import SEED, SWITCH_S, TICK_S, Fleet, Quiet, forget
from benchmarks.pressure import Pressure
from benchmarks.stats import percentiles

MACHINES, SENSORS_EACH = 79, 64
WINDOW_S = 5.0
LEARN_WINDOWS = 40
PRELOADED_WINDOWS = 3 * LEARN_WINDOWS  # levels, vectors, and what lies beyond them
# Change points are watched when SPAN vectors in a row are there, verdicts told of OF windows.
WARM_S, QUICK_WARM_S = max(SPAN * WINDOW_S / WINDOW_VECTORS, OF * WINDOW_S) + 1.0, 6.0
RUN_S, QUICK_RUN_S = 8.0, 1.5
MEAN, SIGMA = 50.0, 1.0


class Run(msgspec.Struct, frozen=True):
    """``late_ms`` of each tick; ``core_pct`` of one core; ``given`` readings."""

    late_ms: tuple[float, ...]
    core_pct: float
    given: int


def measure(context: Context) -> list[Figure]:
    """One loop at rest, then with all readings, then with bursts as well."""
    seconds = QUICK_RUN_S if context.quick else RUN_S
    warm_s = QUICK_WARM_S if context.quick else WARM_S
    context.say(f"maintenance.slow: {MACHINES * SENSORS_EACH} sensors, {seconds:g} s a run")
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with Pressure() as pressure:
            plant = Plant()
            rest, slow, both = asyncio.run(plant.runs(seconds, warm_s, context.rounds))
    finally:
        sys.setswitchinterval(before_s)
    quiet_p99 = percentiles([run.late_ms for run in rest], 99)
    figures = []
    for name, runs, words in (
        ("slow", slow, "79 machines of 64 slow sensors at 1 Hz, windows of 5 s, judged"),
        ("held", both, "5 056 slow sensors at 1 Hz and 100 of 25.6 kHz bursts, judged"),
    ):
        figures += [
            figure(
                f"maintenance.{name}_control_p99", "ms",
                percentiles([run.late_ms for run in runs], 99), direction="lower",
                n=sum(len(run.late_ms) for run in runs), pressure_pct=pressure.pct,
                target=Target("excess", 1.0), peer="watches at rest", peer_values=quiet_p99,
                note=f"lateness of a 5 ms loop in the same process: {words}",
            ),
            figure(
                f"maintenance.{name}_core_share", "%", [run.core_pct for run in runs],
                direction="lower", n=sum(run.given for run in runs), pressure_pct=pressure.pct,
                target=Target("value", 100.0), note=f"of one core: {words}",
            ),
        ]  # fmt: skip
    figures.append(
        figure(
            "maintenance.slow_judged", "%", [plant.judged_pct], direction="higher", n=MACHINES,
            pressure_pct=pressure.pct, target=Target("value", 100.0),
            note="machines that are judged in these runs, from a normal that was kept",
        )
    )  # fmt: skip
    return figures


class Plant:
    """The machines, with the normal that the store kept of them; all alike."""

    def __init__(self) -> None:
        self._clock, quiet, turns = SystemClock(), Quiet(), Turns()
        self._quiet = quiet
        saved, shelf = kept(), RunShelf("", forget, None)
        self._watches = [
            Watch(
                _settings(number),
                self._clock,
                quiet,
                forget,
                saved,
                shelf,
                turns,
                NormalBook(forget, None),
            )
            for number in range(MACHINES)
        ]
        self._fleet = Fleet(self._clock, quiet, turns)
        self._streams = [
            WatchedStream(each.sensor, "", 1e4, watch=watch.on_reading)
            for watch in self._watches
            for each in watch.settings.slow
        ]
        random = np.random.default_rng(SEED)
        self._values = random.normal(MEAN, SIGMA, len(self._streams) - 1).tolist()
        self._given = 0

    @property
    def judged_pct(self) -> float:
        """Of the slow machines, those with a verdict."""
        newest = [watch.newest for watch in self._watches]
        judged = [
            told is not None and told.judgement.verdict is not Verdict.UNKNOWN for told in newest
        ]
        return 100.0 * sum(judged) / MACHINES

    async def runs(
        self, seconds: float, warm_s: float, rounds: int
    ) -> tuple[list[Run], list[Run], list[Run]]:
        """At rest, with slow readings, and with bursts too."""
        watches = [*self._watches, *self._fleet.watches]
        tasks = [asyncio.create_task(watch.run(self._quiet)) for watch in watches]
        await asyncio.sleep(0.5)  # until every thread is there
        rest = [await self._run(seconds / 2) for _ in range(rounds)]
        await self._run(warm_s, slow=True)
        slow = [await self._run(seconds, slow=True) for _ in range(rounds)]
        both = [await self._run(seconds, slow=True, bursts=True) for _ in range(rounds)]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        return rest, slow, both

    async def _run(self, seconds: float, *, slow: bool = False, bursts: bool = False) -> Run:
        late_ms: list[float] = []
        begun, bursts_begun = self._given, self._fleet.given
        start_s, cpu_s = time.monotonic(), time.process_time()
        burst_s = self._fleet.seconds
        while (now_s := time.monotonic() - start_s) < seconds:
            due_s = (len(late_ms) + 1) * TICK_S + start_s
            if slow:
                self._feed(begun + round(now_s * len(self._streams)))
            if bursts:
                self._fleet.feed(burst_s + now_s)
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            late_ms.append(max(0.0, (time.monotonic() - due_s) * 1e3))
        core_pct = (time.process_time() - cpu_s) / (time.monotonic() - start_s) * 100.0
        given = self._given - begun + self._fleet.given - bursts_begun
        return Run(tuple(late_ms), core_pct, given)

    def _feed(self, until: int) -> None:
        mono_ns = self._clock.mono_ns()
        for number in range(self._given, until):
            value = self._values[number % len(self._values)]
            self._streams[number % len(self._streams)].update(value, Quality.GOOD, mono_ns)
        self._given = until


def kept() -> bytes:
    """What the store has of a machine that has learned all there is to learn."""
    judge = Judge(_settings(0))
    names, random = judge.table.slow, np.random.default_rng(SEED)
    wall_s = time.time() - PRELOADED_WINDOWS * WINDOW_S
    for _ in range(PRELOADED_WINDOWS):
        readings = random.normal(MEAN, SIGMA, (WINDOW_VECTORS, SENSORS_EACH))
        for vector in readings:
            wall_s += WINDOW_S / WINDOW_VECTORS
            judge.vector("loaded", vector, wall_s)
        levels = np.median(readings[: round(WINDOW_S)], axis=0).tolist()
        judge.judge("loaded", dict(zip(names, levels, strict=True)), [], wall_s)
    scores = sealed(names, judge.scorer)
    return msgspec.msgpack.encode(Kept(judge.saved(), None, scores))


def _settings(number: int) -> MachineSettings:
    # Of all machines the same names: one kept normal fits each; the streams are their own.
    sensors = [{"sensor": f"plc.p{place}"} for place in range(SENSORS_EACH)]
    return MachineSettings.model_validate(
        {
            "id": f"machine{number}",
            "window_s": WINDOW_S,
            "learn_windows": LEARN_WINDOWS,
            "settle_windows": 0,
            "slow": sensors,
        }
    )
