"""Five thousand slow sensors of 79 machines at 1 Hz beside the control loop: cost and lateness.

- ``slow_control_p99``: by how much a loop that wakes each 5 ms, and takes every reading as the
  control loop does, is late, p99; beside the same loop with the readings and the watches at rest.
- ``slow_core_share``: of one core for all of it: streams, vectors, windows, verdicts.

Windows of five seconds, twelve times as often as the default, so that a short run holds two of
each machine. Learned as in the daemon; no device and no store.
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
from banksman.maintenance.shelf import RunShelf
from banksman.maintenance.turns import Turns
from banksman.maintenance.watch import Watch
from banksman_drivers.ports import Quality
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.maintenance.fleet import SEED, SWITCH_S, TICK_S, Quiet, forget
from benchmarks.pressure import Pressure
from benchmarks.stats import percentiles

MACHINES, SENSORS_EACH = 79, 64
WINDOW_S = 5.0
RUN_S, QUICK_RUN_S = 12.0, 1.5


class Run(msgspec.Struct, frozen=True):
    """``late_ms`` of each tick; ``core_pct`` of one core; ``given`` readings."""

    late_ms: tuple[float, ...]
    core_pct: float
    given: int


def measure(context: Context) -> list[Figure]:
    """The same loop with nothing to do, and with all readings."""
    seconds = QUICK_RUN_S if context.quick else RUN_S
    context.say(f"maintenance.slow: {MACHINES * SENSORS_EACH} sensors, {seconds:g} s a run")
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with Pressure() as pressure:
            idle = [asyncio.run(_run(seconds / 2, busy=False)) for _ in range(context.rounds)]
            busy = [asyncio.run(_run(seconds, busy=True)) for _ in range(context.rounds)]
    finally:
        sys.setswitchinterval(before_s)
    given = sum(run.given for run in busy)
    share = [run.core_pct for run in busy]
    return [
        figure(
            "maintenance.slow_control_p99", "ms", percentiles([run.late_ms for run in busy], 99),
            direction="lower", n=sum(len(run.late_ms) for run in busy), pressure_pct=pressure.pct,
            peer="watches at rest", peer_values=percentiles([run.late_ms for run in idle], 99),
            note="lateness of a 5 ms loop in the same process, 5 056 slow sensors at 1 Hz judged",
        ),
        figure(
            "maintenance.slow_core_share", "%", share, direction="lower", n=given,
            pressure_pct=pressure.pct, target=Target("value", 100.0),
            note="of one core: 79 machines of 64 slow sensors at 1 Hz, windows of 5 s",
        ),
    ]  # fmt: skip


async def _run(seconds: float, *, busy: bool) -> Run:
    clock, quiet, turns = SystemClock(), Quiet(), Turns()
    watches = [
        Watch(_settings(number), clock, quiet, forget, None, RunShelf("", forget, None), turns)
        for number in range(MACHINES)
    ]
    streams = [
        WatchedStream(each.sensor, "", 1e4, watch=watch.on_reading)
        for watch in watches
        for each in watch.settings.slow
    ]
    values = np.random.default_rng(SEED).normal(50.0, 1.0, len(streams)).tolist()
    tasks = [asyncio.create_task(watch.run(quiet)) for watch in watches]
    await asyncio.sleep(0.5)  # until every thread is there
    late_ms: list[float] = []
    given, start_s, cpu_s = 0, time.monotonic(), time.process_time()
    while (now_s := time.monotonic() - start_s) < seconds:
        due_s = (len(late_ms) + 1) * TICK_S + start_s
        if busy:
            until = round(now_s * len(streams))
            mono_ns = clock.mono_ns()
            for number in range(given, until):
                place = number % len(streams)
                streams[place].update(values[number % len(values)], Quality.GOOD, mono_ns)
            given = until
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        late_ms.append(max(0.0, (time.monotonic() - due_s) * 1e3))
    core_pct = (time.process_time() - cpu_s) / (time.monotonic() - start_s) * 100.0
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return Run(tuple(late_ms), core_pct, given)


def _settings(number: int) -> MachineSettings:
    sensors = [{"sensor": f"plc{number}.p{place}"} for place in range(SENSORS_EACH)]
    return MachineSettings.model_validate(
        {"id": f"machine{number}", "window_s": WINDOW_S, "slow": sensors}
    )
