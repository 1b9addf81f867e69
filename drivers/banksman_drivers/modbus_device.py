"""A Modbus device on any wire: what it is asked, and what becomes of it when it does not answer.

Rules of this file
- One poll reads every block of the plan and goes to the sink in one call.
- Polls keep a fixed schedule; a write waits for the request under way at most, never for the
  next poll.
- What goes wrong, and what it does:

    | what the device does | what becomes of it |
    |---|---|
    | cannot be reached, does not answer in time | lost: all BAD at once, retried |
    | answers what is wrong for its wire (the line's file says what) | lost, as above |
    | refuses a request (exception), or sends too few bytes | that request's points BAD |
    | sends NaN, infinity / a value out of its range | BAD / UNCERTAIN |

- Nothing is written unasked but the watchdog register, and that only as ``feed`` says.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from functools import partial

from banksman_drivers.back_off import BackOff
from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.lives import run_lives
from banksman_drivers.modbus_line import Line
from banksman_drivers.modbus_read import Reads
from banksman_drivers.modbus_watchdog import WatchdogRegister
from banksman_drivers.modbus_write import RemoteOutput
from banksman_drivers.pace import Pace, start_of
from banksman_drivers.points import sensors_of
from banksman_drivers.ports import (
    Command,
    CommandExpired,
    CommandFailed,
    DeviceHealth,
    DeviceLost,
    Driver,
    OutputInfo,
    Reading,
    SensorInfo,
    Sink,
    Ticks,
    Unsupported,
)
from banksman_drivers.settings.modbus import ModbusBase

BACK_OFF_FIRST_S = 0.05


class ModbusDriver(Driver):
    """One Modbus device. Raises Unsupported when a point or output cannot exist.

    Its watchdog register is fed until ``feed(False)``: for where nothing may be written (observe).
    The PLC then drops its outputs, as it would if we had died.
    """

    def __init__(self, settings: ModbusBase, kind: str, ticks: Ticks) -> None:
        self.id = settings.id
        # Over only when a whole poll came in: a device that connects and fails is not well.
        self.back_off = BackOff(BACK_OFF_FIRST_S, settings.back_off_max_ms / 1e3)
        self._settings = settings
        self._ticks = ticks
        self._timeout_s = settings.timeout_ms / 1e3
        self._condition = Condition(settings.id, kind, ticks)
        self._reads = Reads(settings.id, settings.unit_id, settings.points, self._condition, ticks)
        self._watchdog = (
            None
            if settings.watchdog is None
            else WatchdogRegister(settings.watchdog, settings.unit_id, self._condition)
        )
        self._outputs = {
            output.id: output
            for output in (
                RemoteOutput(settings.id, settings.unit_id, each) for each in settings.outputs
            )
        }
        self._link: Line | None = None
        self._polled_s = 0.0

    def feed(self, feeding: bool) -> None:
        """Feed the watchdog register from now on, or not."""
        if self._watchdog is not None:
            self._watchdog.feeding = feeding

    def sensors(self) -> Sequence[SensorInfo]:
        """Every declared point, in the order of the config."""
        return sensors_of(self.id, self._settings.points)

    def outputs(self) -> Sequence[OutputInfo]:
        """Every declared output; supervised when the PLC has a watchdog register."""
        return [
            OutputInfo(
                id=output.id,
                safe=output.settings.safe,
                label=output.settings.label,
                supervision="watchdog_register" if self._watchdog else "none",
                run_permit=output.settings.run_permit,
            )
            for output in self._outputs.values()
        ]

    def health(self) -> DeviceHealth:
        """The device's condition now."""
        return self._condition.health()

    async def run(self, sink: Sink) -> None:
        """Connect, poll, reconnect; see the port."""
        await run_lives(
            self._live, sink, self.sensors(), self._condition, self.back_off, self._ticks
        )

    def apply(self, command: Command) -> Awaitable[None]:
        """Send the write at once if the line is free; await its confirmation. See the port."""
        output = self._outputs.get(command.output)
        if output is None:
            raise Unsupported(f"{self.id} has no output {command.output}")
        if self._ticks.mono_ns() > command.expires_mono_ns:
            raise CommandExpired(f"{command.output}: the command came too late; nothing written")
        link = self._link
        if link is None:
            raise CommandFailed(f"{command.output}: {self._condition.health().message}")
        self._condition.requests += 1
        return self._counted(output.write(link, command.value, command.expires_mono_ns))

    async def _counted(self, writing: Awaitable[None]) -> None:
        try:
            await writing
        except CommandFailed:
            self._condition.errors += 1
            raise

    async def to_safe(self) -> None:
        """Write every output's safe state, over a connection of its own if none is open.

        A connection that goes on the way is opened anew once for each output; a device that
        is gone then is given up, so that the others of the box need not wait for it.
        """
        missed: list[str] = []
        own: list[Line] = []
        gone: str | None = None
        try:
            for output in self._outputs.values():
                if gone is not None:
                    missed.append(f"{output.id}: {gone}")
                    continue
                try:
                    await self._make_safe(output, own)
                except DeviceLost as error:
                    gone = str(error)
                    missed.append(f"{output.id}: {gone}")
                except CommandFailed as error:
                    missed.append(str(error))
        finally:
            for link in own:
                link.close()
        if missed:
            raise CommandFailed(
                f"{self.id}: not confirmed in their safe state: {'; '.join(missed)};"
                " stop the equipment by its own means and look"
            )

    async def _make_safe(self, output: RemoteOutput, own: list[Line]) -> None:
        for last in (False, True):
            link = self._link or (own[-1] if own else None)
            if link is None or link.problem is not None:
                link = await self._open()
                own.append(link)
            try:
                await output.write(link, output.settings.safe, None)
            except CommandFailed as error:
                if link.problem is None:
                    raise
                if last:
                    raise DeviceLost(link.problem) from error
            else:
                return

    @abc.abstractmethod
    async def _open(self) -> Line:
        """A line to the device. Raises DeviceLost saying why there is none."""

    def _patience_s(self) -> float:
        """How old the last whole poll may be while we count as making progress."""
        return self._settings.poll_ms / 1e3 + self._timeout_s * max(1, len(self._reads))

    async def _live(self, sink: Sink, beat: BadBeat) -> None:
        """One connection's life; always ends with DeviceLost."""
        link = self._link = await self._open()
        feeding = None
        try:
            if self._watchdog is not None:
                self._polled_s = asyncio.get_running_loop().time()
                feeding = asyncio.create_task(self._watchdog.feed(link, self._progress))
            if self._reads:
                await self._poll(link, sink, beat)
            beat.stop()
            self._well("connected; it has no points to poll")
            raise DeviceLost(await asyncio.shield(link.died))
        finally:
            self._link = None
            link.close()
            if feeding is not None:
                feeding.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await feeding

    async def _poll(self, link: Line, sink: Sink, beat: BadBeat) -> None:
        loop = asyncio.get_running_loop()
        period_s = self._settings.poll_ms / 1e3
        pace = Pace(period_s, start_of(self.id, period_s, loop.time()))
        skipped_before = self._condition.polls_skipped
        while True:
            polled: asyncio.Future[None] = loop.create_future()
            self._reads.begin(link, partial(self._deliver, sink, beat, polled))
            await polled
            self._condition.polls_skipped = skipped_before + pace.skipped
            # Even a late poll lets go once, so that a write it has caused goes first.
            await asyncio.sleep(max(0.0, pace.next_s(loop.time()) - loop.time()))

    def _deliver(
        self,
        sink: Sink,
        beat: BadBeat,
        polled: asyncio.Future[None],
        outcome: list[Reading] | Exception,
    ) -> None:
        """One poll's end: its readings to the sink at once, from the socket's own callback."""
        if polled.done():
            return
        if isinstance(outcome, Exception):
            polled.set_exception(outcome)
            return
        self._polled_s = asyncio.get_running_loop().time()
        if not self._condition.connected:
            beat.stop()
        self._well(self._reads.trouble or "connected")
        try:
            sink.readings(outcome)
        except Exception as error:  # noqa: BLE001  a broken sink ends `run` with its error, not the socket
            polled.set_exception(error)
        else:
            polled.set_result(None)

    def _well(self, message: str) -> None:
        self.back_off.reset()
        if self._watchdog is not None and self._watchdog.trouble:
            message = f"{message}; {self._watchdog.trouble}"
        self._condition.say("connected", message)

    def _progress(self) -> bool:
        """Whether a whole poll came in lately, as far as there is anything to poll."""
        age_s = asyncio.get_running_loop().time() - self._polled_s
        return not self._reads or age_s <= self._patience_s()
