"""drivers.encoder_*: how many edges of a belt's encoder a second the way behind the kernel holds.

A thread turns an encoder on the shipped chip as fast as it is let: each edge goes through
gpiozero's pin and its callback, is decoded, counted and timed, and reported every 10 ms through the
bridge to a control loop with all five steps. The peer is gpiozero's own RotaryEncoder on the same
chip, which counts cycles and tells neither time nor what was missed.

    thread ── pin ── gpiozero's callback ── decoder ──every 10 ms── bridge ── control loop
    └───────────────── timed until the last position has arrived ─────────────────────┘

What the kernel and lgpio add stands in none of these figures: they want a chip. The bench test
tests/hardware/test_gpio_loopback.py has them on a real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from banksman.clock import SystemClock
from banksman_drivers.ports import Burst, Quality, Reading
from banksman_drivers.settings.gpio import GpioSettings
from benchmarks.context import Context
from benchmarks.control_bench import SENSORS, make_loop
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import Pressure

if TYPE_CHECKING:
    from banksman_drivers.fake.gpio_chip import FakeGpioChip

A, B = 5, 6
# 2 m/s at 0.25 mm an edge are 8 000/s; twice that leaves room for the rest of the box.
ENOUGH_PER_S = 16_000
QUARTERS = ((A, True), (B, True), (A, False), (B, False))


class Floor:
    """A sink that runs the five steps of a loop of its own beside each report."""

    def __init__(self) -> None:
        self.newest: dict[str, float] = {}
        self.news = asyncio.Event()
        self._control = make_loop()

    def readings(self, batch: Sequence[Reading]) -> None:
        now_ns = batch[0].mono_ns
        self._control.readings([Reading(each, 1.0, "", Quality.GOOD, now_ns) for each in SENSORS])
        self.newest = {reading.sensor: reading.value for reading in batch}
        self.news.set()

    def burst(self, burst: Burst) -> None:
        raise NotImplementedError


def measure(context: Context) -> list[Figure]:
    """Edges a second, ours beside gpiozero's own; and what was lost of them."""
    try:
        import gpiozero  # noqa: F401  is it there?
    except ImportError:
        note = "gpiozero is not installed: pip install 'banksman[gpio]'"
        return [
            figure("drivers.encoder_edges_per_s", "1/s", [], direction="higher", n=0,
                   pressure_pct=None, target=Target("value", ENOUGH_PER_S), note=note)
        ]  # fmt: skip
    context.say("encoder: edges of a belt through gpiozero to the control loop")
    cycles = 2_000 if context.quick else 25_000
    ours: list[float] = []
    theirs: list[float] = []
    lost: list[float] = []
    with Pressure() as pressure:
        for _ in range(context.rounds):
            rate, missing = asyncio.run(_ours(cycles))
            ours.append(rate)
            lost.append(missing)
            theirs.append(_gpiozero(cycles))
    edges = 4 * cycles * context.rounds
    return [
        figure(
            "drivers.encoder_edges_per_s",
            "1/s",
            ours,
            direction="higher",
            n=edges,
            pressure_pct=pressure.pct,
            target=Target("value", ENOUGH_PER_S),
            peer="gpiozero RotaryEncoder",
            peer_values=theirs,
            note="behind the kernel: pin, callback, decoder, report; one thread turns it",
        ),
        figure(
            "drivers.encoder_edges_lost",
            "",
            lost,
            direction="lower",
            n=edges,
            pressure_pct=pressure.pct,
            target=Target("value", 0),
            worst=True,
        ),
    ]


async def _ours(cycles: int) -> tuple[float, float]:
    from banksman_drivers.fake.gpio_chip import FakeGpioChip
    from banksman_drivers.gpio.driver import GpioDriver

    board = FakeGpioChip()
    encoder = {"name": "belt", "line_a": A, "line_b": B, "mm_per_count": 1.0}
    settings = GpioSettings.model_validate({"driver": "gpio", "id": "io", "encoder": [encoder]})
    floor = Floor()
    driver = GpioDriver(settings, SystemClock(), board.open)
    running = asyncio.create_task(driver.run(floor))
    await floor.news.wait()
    began_s = time.perf_counter()
    turning = threading.Thread(target=_turn, args=(board, cycles))
    turning.start()
    try:
        while turning.is_alive() or floor.newest["io.belt_position"] != 4.0 * cycles:
            floor.news.clear()
            await floor.news.wait()
            if not turning.is_alive() and time.perf_counter() - began_s > 60:
                break
        seconds = time.perf_counter() - began_s
    finally:
        turning.join()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    gone = abs(4.0 * cycles - floor.newest["io.belt_position"])
    return 4 * cycles / seconds, gone + floor.newest["io.belt_missed"]


def _gpiozero(cycles: int) -> float:
    from gpiozero import RotaryEncoder

    from banksman_drivers.fake.gpio_chip import FakeFactory, FakeGpioChip

    board = FakeGpioChip()
    with RotaryEncoder(A, B, max_steps=0, pin_factory=FakeFactory(board)):
        began_s = time.perf_counter()
        _turn(board, cycles)
        return 4 * cycles / (time.perf_counter() - began_s)


def _turn(board: FakeGpioChip, cycles: int) -> None:
    for _ in range(cycles):
        for line, high in QUARTERS:
            board.drive(line, high)
