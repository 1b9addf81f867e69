"""drivers.vda5050_*: a vehicle's state at the broker to our startPause, with one and with twenty.

A real broker, the drivers in a process of their own, and a bare paho echo that answers the same
state through the same broker in between. Every vehicle tells its state about twenty times a second
meanwhile, which is as busy as vehicles get. No rules or records take part: the whole daemon's
figure is ``forklift.*`` of the headline.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.context import Context
from benchmarks.drivers.agvs.stopwatch import ECHO_IN, ECHO_OUT, Stopwatch
from benchmarks.figure import Figure, Target, figure
from benchmarks.headline import echo
from benchmarks.pressure import Pressure
from benchmarks.reaction.broker import Broker, BrokerMissing
from benchmarks.stats import percentiles

FLEET = 20
GAP_S = (0.045, 0.055)  # over a delayed acknowledgement of 40 ms
START_TRIES = 10
PEER = "paho echo"


class Run(msgspec.Struct, frozen=True):
    """One run: milliseconds of the pauses and the echoes, what it cost, and what never came."""

    pause_ms: list[float]
    echo_ms: list[float]
    missed: int
    cpu_pct: float
    resident_kb: int


def measure(context: Context) -> list[Figure]:
    """All figures; without mosquitto they are empty and say so."""
    count = 40 if context.quick else 150
    runs: dict[int, list[Run]] = {1: [], FLEET: []}
    pressure = {vehicles: Pressure() for vehicles in runs}
    missing = ""
    try:
        for number in range(context.rounds):
            for vehicles, done in runs.items():
                context.say(f"vda5050: {vehicles} vehicles, round {number + 1}")
                done.append(_one(vehicles, count, number, pressure[vehicles]))
    except BrokerMissing as error:
        missing = str(error)
    figures: list[Figure] = []
    for vehicles, name in ((1, "drivers.vda5050_pause"), (FLEET, "drivers.vda5050_fleet_pause")):
        done = runs[vehicles]
        note = missing or f"{vehicles} at 20 states/s; {sum(run.missed for run in done)} missed"
        for percent, excess_ms in ((50, 1.0), (99, 2.0)):
            figures.append(
                figure(
                    f"{name}_p{percent}",
                    "ms",
                    percentiles([run.pause_ms for run in done], percent),
                    direction="lower",
                    n=sum(len(run.pause_ms) for run in done),
                    target=Target("excess", excess_ms),
                    peer=PEER,
                    peer_values=percentiles([run.echo_ms for run in done], percent),
                    pressure_pct=pressure[vehicles].pct,
                    note=note,
                )
            )
    return figures + _costs(runs, pressure[FLEET], missing)


def _costs(runs: dict[int, list[Run]], pressure: Pressure, missing: str) -> list[Figure]:
    """What a connection of its own for each vehicle costs."""
    each_kb = [
        (many.resident_kb - one.resident_kb) / (FLEET - 1)
        for one, many in zip(runs[1], runs[FLEET], strict=False)
    ]
    return [
        figure("drivers.vda5050_fleet_cpu", "% of a core", [run.cpu_pct for run in runs[FLEET]],
               direction="lower", n=len(runs[FLEET]), target=Target("value", 20.0),
               pressure_pct=pressure.pct, note=missing or f"{FLEET} vehicles at 20 states/s"),
        figure("drivers.vda5050_vehicle_memory", "kB", each_kb, direction="lower", n=len(each_kb),
               target=Target("value", 512.0), pressure_pct=pressure.pct,
               note=missing or "each further vehicle, its connection included"),
    ]  # fmt: skip


def _one(vehicles: int, count: int, seed: int, pressure: Pressure) -> Run:
    rng = random.Random(seed)
    pauses: list[float | None] = []
    echoes: list[float | None] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Broker(Path(folder)) as broker,
        _process(echo.__file__, str(broker.port), ECHO_IN, ECHO_OUT),
        _process(
            "-m", "benchmarks.drivers.agvs.answerer", str(broker.port), str(vehicles)
        ) as drivers,
        Stopwatch(broker.port, vehicles) as watch,
    ):
        _come_up(watch, vehicles)
        with pressure:
            began_s, (began_cpu_s, _) = time.monotonic(), _usage(drivers)
            for number in range(count):
                timed = number % vehicles
                watch.rest(rng.uniform(*GAP_S), timed)
                echoes.append(watch.echo())
                watch.rest(rng.uniform(*GAP_S), timed)
                pauses.append(watch.pause(f"agv{timed}"))
            cpu_s, resident_kb = _usage(drivers)
            took_s = time.monotonic() - began_s
    pause_ms = [value for value in pauses if value is not None]
    return Run(
        pause_ms,
        [value for value in echoes if value is not None],
        count - len(pause_ms),
        (cpu_s - began_cpu_s) / took_s * 100,
        resident_kb,
    )


def _come_up(watch: Stopwatch, vehicles: int) -> None:
    """Until every driver and the echo have answered. Raises TimeoutError."""
    for serial in (f"agv{number}" for number in range(vehicles)):
        if not any(watch.pause(serial) is not None for _ in range(START_TRIES)):
            raise TimeoutError(f"the driver of {serial} never asked for a pause")
    if not any(watch.echo() is not None for _ in range(START_TRIES)):
        raise TimeoutError("the echo never answered")


@contextlib.contextmanager
def _process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process of ours, ended with the block."""
    with subprocess.Popen(
        [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            yield child
        finally:
            child.terminate()


def _usage(child: subprocess.Popen[str]) -> tuple[float, int]:
    """CPU seconds and resident kilobytes, as the drivers' process tells them."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("\n")
    child.stdin.flush()
    cpu_s, resident_kb = child.stdout.readline().split()
    return float(cpu_s), int(resident_kb)
