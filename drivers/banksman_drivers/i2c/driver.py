"""An I2C chip as a device: its thread's reports go to the sink, commands go to its thread.

Rules of this file
- Lives on the control loop; every transfer is made on the bus's thread (bus.py).
- A chip that was reset or replaced is started anew without a restart; its outputs are then in their
  safe state, and what the control loop believed of them is void (the device was lost).

    | what happens | what becomes of the readings |
    |---|---|
    | nobody answers at the address, or not the chip that the config names | lost: BAD, retried |
    | a line is held low | all chips of the bus lost: BAD, the bus is opened anew |
    | the chip was reset (supply) | lost, started anew |
    | a value outside the chip's own range | that point BAD |
    | a value at the end of the chip's range, or out of the point's | UNCERTAIN |
    | the FIFO ran over | the burst is cut there, UNCERTAIN; counted in health |
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.i2c.bus import I2cBus, I2cBuses
from banksman_drivers.i2c.make import make_chip, make_collector
from banksman_drivers.i2c.reports import Gone, Report
from banksman_drivers.i2c.station import Station
from banksman_drivers.points import sensors_of
from banksman_drivers.ports import (
    Command,
    CommandExpired,
    CommandFailed,
    DeviceHealth,
    Driver,
    OutputInfo,
    SensorInfo,
    Sink,
    Ticks,
    Unsupported,
)
from banksman_drivers.settings.i2c import I2cSettings


class I2cDriver(Driver):
    """One chip. Without ``drive`` (observe mode) it never drives a pin.

    Raises Unsupported when its address is taken, or it lacks what it needs.
    """

    def __init__(
        self, settings: I2cSettings, ticks: Ticks, buses: I2cBuses, drive: bool = True
    ) -> None:
        self.id = settings.id
        self._settings = settings
        self._ticks = ticks
        self._condition = Condition(settings.id, "i2c", ticks)
        self._chip = make_chip(settings, drive)
        self._channels = {f"{self.id}.{output.name}": output for output in settings.outputs}
        self._bus: I2cBus = buses.claim(settings.bus, settings.address, settings.id)
        self._drive = drive
        self._served = False
        self._station = Station(settings, self._chip, make_collector(settings), ticks)

    def sensors(self) -> Sequence[SensorInfo]:
        """Every declared point, in the order of the config."""
        return sensors_of(self.id, self._settings.points)

    def outputs(self) -> Sequence[OutputInfo]:
        """Every declared output. They outlive us: the chip watches nobody."""
        return [
            OutputInfo(id=name, safe=output.safe, label=output.label, supervision="none")
            for name, output in self._channels.items()
        ]

    def health(self) -> DeviceHealth:
        """The device's condition now."""
        return self._condition.health()

    async def run(self, sink: Sink) -> None:
        """Have the chip served by its bus; see the port."""
        beat = BadBeat(sink, self.sensors(), self._ticks)
        beat.arm()

        def take(report: Report) -> None:
            self._take(report, sink, beat)

        self._station.polling = self._served = True
        try:
            async with self._bus.serving(self._station, take) as running:
                await asyncio.shield(running)
        finally:
            self._served = False
            beat.stop()
            self._condition.say("starting", "not running")

    async def apply(self, command: Command) -> None:
        """Write one pin; ends when it was read back. See the port."""
        output = self._channels.get(command.output)
        if output is None:
            raise Unsupported(f"{self.id} has no output {command.output}")
        if not isinstance(command.value, bool):
            raise CommandFailed(f"{command.output}: {command.value!r} is neither on nor off")
        if self._ticks.mono_ns() > command.expires_mono_ns:
            raise CommandExpired(f"{command.output}: the command came too late; nothing written")
        if not self._condition.connected:
            raise CommandFailed(f"{command.output}: {self._condition.health().message}")
        on = command.value
        self._condition.requests += 1
        try:
            await self._bus.order(
                self._station,
                command.output,
                lambda: self._chip.write(output.channel, on),
                expires_mono_ns=command.expires_mono_ns,
            )
        except CommandFailed:
            self._condition.errors += 1
            raise

    async def to_safe(self) -> None:
        """Every output to its safe state, opening the bus if it is not served. See the port.

        In observe mode none is ours, and nothing is written.
        """
        if not self._channels or not self._drive:
            return
        if self._served:
            await self._order_safe()
            return
        self._station.polling = False
        async with self._bus.serving(self._station, lambda _: None):
            await self._order_safe()

    async def _order_safe(self) -> None:
        names = ", ".join(self._channels)
        try:
            await self._bus.order(self._station, names, self._chip.make_safe, safe=True)
        except CommandFailed as error:
            raise CommandFailed(
                f"{self.id}: not confirmed in their safe state: {error};"
                " stop the equipment by its own means and look"
            ) from error

    def _remarks(self) -> str:
        told = ""
        if self._bus.dropped:
            told += f"; {self._bus.dropped} reports dropped, the control loop was too slow"
        if self._bus.given_up:
            told += f"; {self._bus.path} was given up and opened anew {self._bus.given_up} times"
        return told

    def _take(self, report: Report, sink: Sink, beat: BadBeat) -> None:
        condition = self._condition
        if isinstance(report, Gone):
            condition.errors += 1
            condition.say("lost", f"{self.id}: {report.message}")
            beat.start()
            return
        condition.requests += report.transfers
        condition.round_trip_us = report.round_trip_us
        condition.polls_skipped = report.skipped
        if not condition.connected:
            beat.stop()
        condition.say("connected", report.message + self._remarks())
        if report.readings:
            sink.readings(report.readings)
        for burst in report.bursts:
            sink.burst(burst)
