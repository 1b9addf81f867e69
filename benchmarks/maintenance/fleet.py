"""A hundred vibration sensors beside the control loop: what they cost, and whether they hurt it.

- ``control_p99_busy``: by how much a loop that wakes each 5 ms is late, p99, while ten watches of
  ten sensors work in the same process; beside the same loop with the watches at rest.
- ``fleet_core_share``: of one core for all of them. Each sensor gives a second of 25.6 kHz every
  ten seconds, as a multiplexed card does; bearings are named, zones told.
- ``fleet_dropped``: bursts that were not judged, because newer ones had come. None may be.
- ``continuous_sensors``: how many sensors that never pause, 25.6 kHz each, one core hears: every
  second of each is described, named and zoned. A hundred want so many cores over this.

The switch interval is the daemon's. No device and no store: the lateness is the watches' own.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Sequence

import msgspec
import numpy as np

from banksman.clock import Clock, SystemClock
from banksman.config.schema_maintenance import MachineSettings
from banksman.control.ports import NOTHING, Follows
from banksman.maintenance.hearing import Hearing
from banksman.maintenance.normals import NormalBook
from banksman.maintenance.shelf import RunShelf
from banksman.maintenance.turns import Turns
from banksman.maintenance.watch import Watch
from banksman.wire.messages import Priority
from banksman_drivers.ports import Burst, Quality, Reading
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure
from benchmarks.stats import percentiles

MACHINES, SENSORS_EACH = 10, 10
RATE_HZ, SAMPLES = 25_600.0, 25_600
EVERY_S = 10.0
TICK_S = 0.005
RUN_S, QUICK_RUN_S = 10.0, 1.5
SWITCH_S = 0.0005
SEED = 5
CONTINUOUS_S = 20


class Run(msgspec.Struct, frozen=True):
    """``late_ms`` of each tick; ``core_pct`` of one core; ``dropped`` and ``judged`` bursts."""

    late_ms: tuple[float, ...]
    core_pct: float
    dropped: int
    given: int


class Quiet:
    """Where alarms and readings go."""

    def raise_alarm(
        self, key: str, text: str, priority: Priority, cause: str, follows: Follows = NOTHING
    ) -> None:
        """Nobody is told."""

    def reword_alarm(self, key: str, text: str) -> None:
        """Nobody is told."""

    def clear_alarm(self, key: str) -> None:
        """Nobody is told."""

    def readings(self, batch: Sequence[Reading]) -> None:
        """Nobody decides."""

    def burst(self, burst: Burst) -> None:
        """A watch gives none."""


def measure(context: Context) -> list[Figure]:
    """The same loop beside watches at rest, and at work."""
    seconds = QUICK_RUN_S if context.quick else RUN_S
    context.say(f"maintenance.fleet: {MACHINES * SENSORS_EACH} sensors, {seconds:g} s a run")
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with Pressure() as pressure:
            heard = [_continuous(CONTINUOUS_S // (5 if context.quick else 1))]
            heard += [_continuous(CONTINUOUS_S) for _ in range(context.rounds - 1)]
            runs = [
                (asyncio.run(_run(seconds, busy=False)), asyncio.run(_run(seconds, busy=True)))
                for _ in range(context.rounds)
            ]
    finally:
        sys.setswitchinterval(before_s)
    idle, busy = [run for run, _ in runs], [run for _, run in runs]
    ticks = sum(len(run.late_ms) for run in busy)
    share = [work.core_pct - rest.core_pct for rest, work in runs]
    given = sum(run.given for run in busy)
    return [
        figure(
            "maintenance.control_p99_busy", "ms", percentiles([run.late_ms for run in busy], 99),
            direction="lower", n=ticks, pressure_pct=pressure.pct,
            target=Target("excess", 1.0), peer="watches at rest",
            peer_values=percentiles([run.late_ms for run in idle], 99),
            note="lateness of a 5 ms loop in the same process, 100 sensors heard and judged",
        ),
        figure(
            "maintenance.fleet_core_share", "%", share, direction="lower", n=given,
            pressure_pct=pressure.pct, target=Target("value", 100.0),
            note="of one core: 100 sensors, each a second of 25.6 kHz every 10 s, bearings named",
        ),
        figure(
            "maintenance.fleet_dropped", "", [float(run.dropped) for run in busy],
            direction="lower", n=given, pressure_pct=pressure.pct, target=Target("value", 0.0),
            worst=True, note="bursts that were not judged",
        ),
        figure(
            "maintenance.continuous_sensors", "", heard, direction="higher",
            n=CONTINUOUS_S * context.rounds, pressure_pct=pressure.pct,
            note="25.6 kHz without a pause each, heard and named by one core",
        ),
    ]  # fmt: skip


def _continuous(seconds: int) -> float:
    """Seconds of one sensor that a core hears in a second of its time."""
    settings = _settings(0)
    hearing = Hearing(settings, settings.vibration[0])
    random = np.random.default_rng(SEED)
    bursts = [
        Burst(
            hearing.name, random.normal(0, 0.1, SAMPLES).astype(np.float32), RATE_HZ, "gn",
            Quality.GOOD, (number + 1) * 1_000_000_000,
        )
        for number in range(seconds)
    ]  # fmt: skip
    began_s = time.thread_time()
    for burst in bursts:
        hearing.take(burst, None)
    return seconds / (time.thread_time() - began_s)


def forget(_: bytes) -> None:
    """Nothing is kept."""


class Fleet:
    """Watches of a hundred vibration sensors; their bursts as a multiplexed card gives them."""

    def __init__(self, clock: Clock, alarms: Quiet, turns: Turns) -> None:
        shelf = RunShelf("fleet", forget, None)
        self.watches = [
            Watch(
                _settings(number),
                clock,
                alarms,
                forget,
                None,
                shelf,
                turns,
                NormalBook(forget, None),
            )
            for number in range(MACHINES)
        ]
        self.given = 0
        self._clock = clock
        random = np.random.default_rng(SEED)
        self._samples = random.normal(0, 0.1, (4, SAMPLES)).astype(np.float32)

    @property
    def seconds(self) -> float:
        """How far it has been fed."""
        return self.given * EVERY_S / (MACHINES * SENSORS_EACH)

    def feed(self, now_s: float) -> None:
        """Give what is due ``now_s`` after the start."""
        while self.given * EVERY_S <= now_s * MACHINES * SENSORS_EACH:
            watch = self.watches[self.given % MACHINES]
            place = self.given // MACHINES % SENSORS_EACH
            samples = self._samples[self.given % len(self._samples)]
            sensor, mono_ns = watch.settings.vibration[place].sensor, self._clock.mono_ns()
            watch.on_burst(Burst(sensor, samples, RATE_HZ, "gn", Quality.GOOD, mono_ns))
            self.given += 1


async def _run(seconds: float, *, busy: bool) -> Run:
    clock, quiet = SystemClock(), Quiet()
    fleet = Fleet(clock, quiet, Turns())
    watches = fleet.watches
    tasks = [asyncio.create_task(watch.run(quiet)) for watch in watches]
    await asyncio.sleep(0.2)  # until every thread is there
    late_ms: list[float] = []
    start_s, cpu_s = time.monotonic(), time.process_time()
    while (now_s := time.monotonic() - start_s) < seconds:
        due_s = (len(late_ms) + 1) * TICK_S + start_s
        if busy:
            fleet.feed(now_s)
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        late_ms.append(max(0.0, (time.monotonic() - due_s) * 1e3))
    core_pct = (time.process_time() - cpu_s) / (time.monotonic() - start_s) * 100.0
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    dropped = sum(watch.bursts_dropped for watch in watches)
    return Run(tuple(late_ms), core_pct, dropped, fleet.given)


def _settings(number: int) -> MachineSettings:
    return MachineSettings.model_validate(
        {
            "id": f"machine{number}",
            "window_s": 1.0,
            "speed_rpm": 1797,
            "group": 2,
            "foundation": "rigid",
            "vibration": [
                {"sensor": f"acc{number}.{place}", "bearing": "6205"}
                for place in range(SENSORS_EACH)
            ],
        }
    )
