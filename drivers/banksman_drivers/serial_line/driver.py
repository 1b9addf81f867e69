"""A device on a serial line of its own: opened, listened to, asked, and opened again.

Rules of this file
- What the device says is its dialect's business (`dialect`), one opened port's life the session's
  (`session`), the bytes the port's (`port`). Here is what outlives them.
- What goes wrong, and what it does:

    | what happens | what becomes of it |
    |---|---|
    | the port is not there, is taken, goes away | lost: all BAD at once, retried with back-off |
    | no answer, or silence of a device that should speak | lost, as above |
    | a frame that cannot be read | all BAD but the counts, until one can be; counted |
    | an order without answer | failed, and the port is opened anew |
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from banksman_drivers.back_off import BackOff
from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.lives import run_lives
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
from banksman_drivers.serial_line.dialect import Dialect, Order
from banksman_drivers.serial_line.port import Port
from banksman_drivers.serial_line.session import Session, Tally
from banksman_drivers.settings.serial_base import SerialBase

BACK_OFF_FIRST_S = 0.1
BAD_IN_ROW = 3  # one glitch of a cable alarms nobody


class SerialDriver(Driver):
    """One device. Raises Unsupported when pyserial is missing.

    ``poll_s`` is the time between two questions, for a dialect that asks.
    """

    def __init__(
        self,
        settings: SerialBase,
        kind: str,
        dialect: Dialect,
        ticks: Ticks,
        poll_s: float = 1.0,
    ) -> None:
        try:
            import serial  # noqa: F401  found missing at the start, not when a port is opened
        except ImportError as error:
            raise Unsupported(
                f"{settings.id}: pyserial is not installed: pip install 'banksman[serial]'"
            ) from error
        self.id = settings.id
        self._settings = settings
        self._dialect = dialect
        self._ticks = ticks
        self._poll_s = poll_s
        self._condition = Condition(settings.id, kind, ticks)
        self._back_off = BackOff(BACK_OFF_FIRST_S, settings.back_off_max_ms / 1e3)
        self._tally = Tally()
        self._bad_in_row = 0
        self._session: Session | None = None
        self._outputs = {
            f"{settings.id}.{output.name}": output for output in settings.declared_outputs()
        }

    def sensors(self) -> Sequence[SensorInfo]:
        """Every declared point, in the order of the config."""
        return sensors_of(self.id, self._settings.declared_points())

    def outputs(self) -> Sequence[OutputInfo]:
        """Every declared output; nothing drops them when this box dies."""
        return [
            OutputInfo(id=name, safe=output.safe, label=output.label, supervision="none")
            for name, output in self._outputs.items()
        ]

    def health(self) -> DeviceHealth:
        """The device's condition now."""
        return self._condition.health()

    async def run(self, sink: Sink) -> None:
        """Open, deliver, open again; see the port."""
        await run_lives(
            self._live, sink, self.sensors(), self._condition, self._back_off, self._ticks
        )

    def apply(self, command: Command) -> Awaitable[None]:
        """Tell the device, and await that it confirms; see the port."""
        if command.output not in self._outputs:
            raise Unsupported(f"{self.id} has no output {command.output}")
        if self._ticks.mono_ns() > command.expires_mono_ns:
            raise CommandExpired(f"{command.output}: the command came too late; nothing written")
        session = self._session
        if session is None:
            raise CommandFailed(f"{command.output}: {self._condition.health().message}")
        order = self._dialect.order(command.output, command.value)
        return self._counted(session.carry_out(order, command.expires_mono_ns))

    async def to_safe(self) -> None:
        """Tell every output's safe state; a port is opened for it if none is."""
        orders = [
            order
            for output in self.outputs()
            if (order := self._dialect.order(output.id, output.safe)).data
        ]
        if not orders:
            return
        session = self._session
        if session is not None:
            await self._all(session, orders)
            return
        try:
            port = await Port.open(self._settings)
        except DeviceLost as error:
            names = ", ".join(order.output for order in orders)
            raise CommandFailed(f"{names}: not confirmed safe: {error}") from error
        own = Session(
            port, self._settings, self._dialect, self._tally, self._ticks, lambda *_: None
        )
        try:
            own.begin()
            await self._all(own, orders)
        finally:
            own.end()
            await port.close()

    async def _all(self, session: Session, orders: Sequence[Order]) -> None:
        missed = []
        for order in orders:
            try:
                await session.carry_out(order, None)
            except CommandFailed as error:
                missed.append(str(error))
        if missed:
            raise CommandFailed(
                f"{self.id}: not confirmed in their safe state: {'; '.join(missed)}"
            )

    async def _counted(self, writing: Awaitable[None]) -> None:
        try:
            await writing
        except CommandFailed:
            self._condition.errors += 1
            raise

    async def _live(self, sink: Sink, beat: BadBeat) -> None:
        """One opened port's life; always ends with DeviceLost."""
        port = await Port.open(self._settings)

        def deliver(readings: Sequence[Reading], flaw: str | None) -> None:
            beat.stop()
            self._told(flaw)
            if readings:
                sink.readings(readings)

        session = self._session = Session(
            port, self._settings, self._dialect, self._tally, self._ticks, deliver
        )
        try:
            await session.live(self._poll_s)
        finally:
            self._session = None
            session.end()
            await port.close()

    def _told(self, flaw: str | None) -> None:
        condition = self._condition
        condition.requests = self._tally.requests + self._tally.frames
        condition.round_trip_us = self._tally.round_trip_us
        condition.polls_skipped = self._tally.polls_skipped
        if flaw:
            condition.errors += 1
            self._bad_in_row += 1
            if self._bad_in_row >= BAD_IN_ROW:
                condition.fault = f"{self.id}: {flaw} ({self._dialect.bad_frames} bad frames)"
            return
        if flaw is not None:
            self._bad_in_row = 0
            condition.fault = ""
        self._back_off.reset()
        if not condition.connected:
            condition.say("connected", "connected")
