"""A device that ships for trials and tests: its sensors hold what they are told.

Rules of this file
- A sensor that nobody told anything is BAD: the fake does not make values up.
- Outputs take any value and keep their timed history.
- It can be lost, slow or failing, as a real device can, and obeys the same contract.
- Control loop's thread only, except ``health``.

    device = FakeDriver(settings, clock)
    device.set("temperature", 21.5)
    device.lose("cable pulled")
    device.restore()
    device.history["bench.siren"][-1].value
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Sequence

import msgspec

from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.pace import Pace
from banksman_drivers.points import judge, sensors_of
from banksman_drivers.ports import (
    Command,
    CommandExpired,
    CommandFailed,
    DeviceHealth,
    Driver,
    OutputInfo,
    Quality,
    Reading,
    SensorInfo,
    Sink,
    Ticks,
    Unsupported,
    Value,
)
from banksman_drivers.settings.fake import FakeSettings

HISTORY_KEPT = 10_000


class Applied(msgspec.Struct, frozen=True):
    """One value that an output took. ``cause`` is the command's, or ``to_safe``."""

    mono_ns: int
    value: Value
    cause: str


class FakeDriver(Driver):
    """The fake. ``delay_s`` slows every command down; ``failing`` makes outputs refuse."""

    def __init__(self, settings: FakeSettings, ticks: Ticks) -> None:
        self.id = settings.id
        self.delay_s = 0.0
        self.failing: dict[str, str] = {}  # output id -> what it complains of
        self.history: dict[str, deque[Applied]] = {
            f"{settings.id}.{output.name}": deque(maxlen=HISTORY_KEPT)
            for output in settings.outputs
        }
        self._settings = settings
        self._ticks = ticks
        self._condition = Condition(settings.id, "fake", ticks)
        self._points = {point.name: point for point in settings.points}
        self._told: dict[str, tuple[float, Quality]] = {}
        self._lost_because: str | None = None
        self._turned = asyncio.Event()  # lost or restored

    def set(self, point: str, value: float, quality: Quality | None = None) -> None:
        """Let ``point`` hold ``value`` from the next poll on.

        Its quality follows from NaN and its range, unless given. Raises Unsupported.
        """
        if point not in self._points:
            raise Unsupported(f"{self.id} has no point {point}")
        judged = judge(self._points[point], value, value) if quality is None else quality
        self._told[point] = (float(value), judged)

    def lose(self, because: str = "the fake was told to be lost") -> None:
        """Be lost until restored."""
        self._lost_because = because
        self._turned.set()

    def restore(self) -> None:
        """Be back."""
        self._lost_because = None
        self._turned.set()

    def sensors(self) -> Sequence[SensorInfo]:
        """Every declared point."""
        return sensors_of(self.id, self._settings.points)

    def outputs(self) -> Sequence[OutputInfo]:
        """Every declared output; none is real."""
        return [
            OutputInfo(
                id=f"{self.id}.{output.name}",
                safe=output.safe,
                label=output.label,
                supervision="none",
                run_permit=output.run_permit,
                real=False,
            )
            for output in self._settings.outputs
        ]

    def health(self) -> DeviceHealth:
        """The device's condition now."""
        return self._condition.health()

    async def run(self, sink: Sink) -> None:
        """Deliver what the sensors hold each ``poll_ms``; see the port."""
        beat = BadBeat(sink, self.sensors(), self._ticks)
        loop = asyncio.get_running_loop()
        try:
            while True:
                skipped_before = self._condition.polls_skipped
                pace = Pace(self._settings.poll_ms / 1e3, loop.time())
                while self._lost_because is None:
                    beat.stop()
                    self._condition.say("connected", "connected")
                    self._condition.requests += 1
                    if self._points:
                        sink.readings(self._batch())
                    self._condition.polls_skipped = skipped_before + pace.skipped
                    await self._sleep_until(pace.next_s(loop.time()))
                self._condition.errors += 1
                self._condition.say("lost", f"{self.id}: {self._lost_because}")
                beat.start()
                while self._lost_because is not None:
                    self._turned.clear()
                    await self._turned.wait()
        finally:
            beat.stop()
            self._condition.say("starting", "not running")

    async def apply(self, command: Command) -> None:
        """Take the value into the output's history; see the port."""
        if command.output not in self.history:
            raise Unsupported(f"{self.id} has no output {command.output}")
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        now = self._ticks.mono_ns()
        if now > command.expires_mono_ns:
            raise CommandExpired(f"{command.output}: the command came too late; nothing written")
        self._take(command.output, Applied(now, command.value, command.cause))

    async def to_safe(self) -> None:
        """Take every output to its safe state."""
        missed = []
        for output in self.outputs():
            try:
                self._take(output.id, Applied(self._ticks.mono_ns(), output.safe, "to_safe"))
            except CommandFailed as error:
                missed.append(str(error))
        if missed:
            raise CommandFailed("; ".join(missed))

    def _take(self, output: str, applied: Applied) -> None:
        if self._lost_because is not None:
            raise CommandFailed(f"{output}: {self._lost_because}")
        if output in self.failing:
            raise CommandFailed(f"{output}: {self.failing[output]}")
        self.history[output].append(applied)

    def _batch(self) -> list[Reading]:
        now = self._ticks.mono_ns()
        untold = (math.nan, Quality.BAD)
        batch = []
        for name, point in self._points.items():
            value, quality = self._told.get(name, untold)
            batch.append(Reading(f"{self.id}.{name}", value, point.unit, quality, now))
        return batch

    async def _sleep_until(self, deadline_s: float) -> None:
        """Wait for the next poll, or for being lost."""
        if self._lost_because is not None:
            return
        self._turned.clear()
        wait_s = max(0.0, deadline_s - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(wait_s):
                await self._turned.wait()
        except TimeoutError:
            return
