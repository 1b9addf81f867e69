"""Ordinary GPIO lines as a driver: buttons, lamps, sirens, counters, encoders.

Rules of this file
- It only hands over: the chip has a thread of its own (`session`), edges are counted where they
  arrive (`desk`), and what they mean is pure (`channels`).
- Its outputs are supervised by nobody: they keep their level when this process is killed, so none
  of them may be a run permit. Those belong to the guard.
- In observe mode no output line is opened, and every command fails with that reason.

    gpiozero's thread ──edge──► desk ──news──► bridge ──► readings
    control loop ──job──► gpio-ID ──written and read back──► the command's future
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Sequence
from functools import partial

from banksman_drivers.back_off import BackOff
from banksman_drivers.bridge import Bridge
from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.gpio.channels import make_channels
from banksman_drivers.gpio.desk import Desk, News
from banksman_drivers.gpio.session import Job, OpenChip, Session, make_safe
from banksman_drivers.lives import run_lives
from banksman_drivers.points import judge, sensors_of
from banksman_drivers.ports import (
    Command,
    CommandExpired,
    CommandFailed,
    DeviceHealth,
    DeviceLost,
    Driver,
    DriverError,
    OutputInfo,
    Quality,
    Reading,
    SensorInfo,
    Sink,
    Ticks,
    Unsupported,
    Value,
)
from banksman_drivers.settings.gpio import GpioOutput, GpioSettings

BACK_OFF_FIRST_S = 0.1
NEWS_MOST = 64  # of what the loop has not taken: older ones are dropped, no count is lost
CONFIRM_S = 2.0  # a line takes microseconds, one behind USB milliseconds


class GpioDriver(Driver):
    """Lines of one chip. ``open_chip`` gives the real one or a fake; it runs on a thread."""

    def __init__(
        self, settings: GpioSettings, ticks: Ticks, open_chip: OpenChip, driving: bool = True
    ) -> None:
        self.id = settings.id
        self._settings = settings
        self._ticks = ticks
        self._open_chip = open_chip
        self._driving = driving
        self._points = settings.sensor_points()
        self._sensors = sensors_of(settings.id, self._points)
        self._outputs = {f"{settings.id}.{output.name}": output for output in settings.outputs}
        self._condition = Condition(settings.id, "gpio", ticks)
        self._back_off = BackOff(BACK_OFF_FIRST_S, settings.back_off_max_ms / 1e3)
        self._channels = make_channels(settings)
        self._desk = Desk(self._channels, int(settings.report_ms * 1e6), ticks)
        self._session: Session | None = None
        self._bridge: Bridge[News] | None = None
        self._dropped = 0  # news of earlier sessions that the loop did not take in time

    def sensors(self) -> Sequence[SensorInfo]:
        """Counters, encoders, contacts, stations."""
        return self._sensors

    def outputs(self) -> Sequence[OutputInfo]:
        """Every declared output; nobody supervises it."""
        return [
            OutputInfo(id=name, safe=output.safe, label=output.label, supervision="none")
            for name, output in self._outputs.items()
        ]

    def health(self) -> DeviceHealth:
        """The device's condition now."""
        return self._condition.health()

    async def run(self, sink: Sink) -> None:
        """Open the chip, deliver, open it again; see the port."""
        await run_lives(
            self._live, sink, self._sensors, self._condition, self._back_off, self._ticks
        )

    async def _live(self, sink: Sink, beat: BadBeat) -> None:
        """One session's life; ends with DeviceLost or by cancellation."""
        bridge = Bridge(partial(self._deliver, sink, beat), NEWS_MOST)
        self._bridge = bridge
        session = self._make_session()
        working = asyncio.create_task(bridge.run(session.work, f"gpio-{self.id}"))
        self._session = session
        try:
            await asyncio.shield(working)
        finally:
            self._session = self._bridge = None
            self._dropped += bridge.dropped
            session.stop()
            if not working.done():
                # Only its thread knows when the lines are safe and given back.
                working.cancel()
                await asyncio.wait([working])
                if not working.cancelled() and (problem := working.exception()) is not None:
                    raise problem

    def _make_session(self) -> Session:
        return Session(
            self._settings,
            self._channels,
            self._desk,
            self._open_chip,
            self._ticks,
            self._driving,
        )

    def _deliver(self, sink: Sink, beat: BadBeat, news: News) -> None:
        if not self._condition.connected:
            beat.stop()
            self._back_off.reset()
        self._condition.say("connected", self._message())
        self._condition.requests += 1
        batch = []
        for point, info, (value, doubtful) in zip(
            self._points, self._sensors, news.values, strict=True
        ):
            quality = judge(point, value, value)
            if doubtful:
                quality = min(quality, Quality.UNCERTAIN)
            batch.append(Reading(info.id, value, info.unit, quality, news.at_ns))
        if batch:
            sink.readings(batch)

    def _message(self) -> str:
        dropped = self._dropped + (0 if self._bridge is None else self._bridge.dropped)
        parts = sum(channel.dropped for channel in self._channels)
        told = [
            "connected" if self._driving or not self._outputs else "connected; opens no outputs"
        ]
        if merged := self._desk.merged + dropped:
            told.append(f"{merged} changes came too fast to be told one by one")
        if parts:
            told.append(f"{parts} parts were too many to be followed")
        return "; ".join(told)

    def apply(self, command: Command) -> Awaitable[None]:
        """Hand the value to the chip's thread at once; see the port."""
        output = self._outputs.get(command.output)
        if output is None:
            raise Unsupported(f"{self.id} has no output {command.output}")
        value = _as_flag(command.output, command.value)
        if self._ticks.mono_ns() > command.expires_mono_ns:
            raise CommandExpired(f"{command.output}: the command came too late; nothing written")
        session = self._session
        if not self._driving:
            raise CommandFailed(f"{command.output}: observe mode opens no outputs")
        if session is None:
            raise CommandFailed(f"{command.output}: {self._condition.health().message}")
        return self._submit(session, output, value, command.expires_mono_ns)

    def _submit(
        self, session: Session, output: GpioOutput, value: bool, expires_ns: int | None
    ) -> Awaitable[None]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def settle(problem: DriverError | None) -> None:
            if future.done():
                return
            if problem is None:
                future.set_result(None)
            else:
                future.set_exception(problem)

        def done(problem: DriverError | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits
                loop.call_soon_threadsafe(settle, problem)

        began_ns = self._ticks.mono_ns()
        session.submit(Job(output, value, expires_ns, done))
        return self._confirmed(future, output, began_ns)

    async def _confirmed(
        self, future: asyncio.Future[None], output: GpioOutput, began_ns: int
    ) -> None:
        try:
            await asyncio.wait_for(future, CONFIRM_S)
        except TimeoutError:
            self._condition.errors += 1
            raise CommandFailed(
                f"{self.id}.{output.name}: the chip did not confirm it within {CONFIRM_S:g} s"
            ) from None
        except CommandFailed:
            self._condition.errors += 1
            raise
        self._condition.round_trip_us = (self._ticks.mono_ns() - began_ns) / 1e3

    async def to_safe(self) -> None:
        """Write every output's safe state, through a session of its own if none runs."""
        if not self._outputs or not self._driving:
            return
        session = self._session
        if session is None:
            await self._safe_once()
            return
        results = await asyncio.gather(
            *(self._submit(session, each, each.safe, None) for each in self._outputs.values()),
            return_exceptions=True,
        )
        missed = [str(result) for result in results if isinstance(result, BaseException)]
        if missed:
            raise CommandFailed(f"{self.id}: not in their safe state: {'; '.join(missed)}")

    async def _safe_once(self) -> None:
        missed: list[str] = []

        def work(_: Bridge[None]) -> None:
            chip = self._open_chip(self._settings.chip)
            try:
                missed.extend(make_safe(chip, self.id, self._outputs.values()))
            finally:
                chip.close()

        try:
            await Bridge[None](lambda _: None, 1).run(work, f"gpio-{self.id}-safe")
        except DeviceLost as error:
            names = ", ".join(self._outputs)
            raise CommandFailed(f"{names}: not in their safe state: {error}") from error
        if missed:
            raise CommandFailed(f"{self.id}: not in their safe state: {'; '.join(missed)}")


def _as_flag(output: str, value: Value) -> bool:
    if isinstance(value, str) or math.isnan(value) or value not in (0, 1):
        raise CommandFailed(f"{output}: a GPIO output takes true or false, not {value!r}")
    return bool(value)
