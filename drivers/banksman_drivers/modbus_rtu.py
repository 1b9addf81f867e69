"""Modbus RTU: units on a serial line, RS-485 most of all, that share one port.

``modbus_device.py`` says what all Modbus devices do. Devices with the same ``port`` share its bus
(``modbus_bus.py``): each has its own readings, health and back-off. On this wire a unit is lost
when it does not answer in time, wrong checksums and half frames included, after as many
repetitions as ``retries`` says; and all units are when the port is gone. What is no answer to what
was asked (noise, another unit's or a late answer) is passed over and counted.
"""

from __future__ import annotations

from banksman_drivers.modbus_bus import Bus
from banksman_drivers.modbus_device import ModbusDriver
from banksman_drivers.modbus_line import Line
from banksman_drivers.modbus_port import require_pyserial
from banksman_drivers.ports import Sink, Ticks, Unsupported
from banksman_drivers.settings.modbus_rtu import ModbusRtuSettings


class Buses:
    """The buses of one box, by port. Made once, where the drivers are."""

    def __init__(self, ticks: Ticks) -> None:
        self._ticks = ticks
        self._buses: dict[str, tuple[Bus, ModbusRtuSettings]] = {}

    def of(self, settings: ModbusRtuSettings) -> Bus:
        """The bus of a device. Raises Unsupported if another device sees the line differently."""
        if settings.port not in self._buses:
            self._buses[settings.port] = (Bus(settings, self._ticks), settings)
        bus, first = self._buses[settings.port]
        for flaw in settings.line_flaws(first):
            raise Unsupported(f"{settings.id}: {flaw.path[0]} {flaw.message}; {flaw.remedy}")
        return bus


class ModbusRtuDriver(ModbusDriver):
    """One unit of a bus; see ``ModbusDriver``. Raises Unsupported without pyserial, too."""

    def __init__(self, settings: ModbusRtuSettings, bus: Bus, ticks: Ticks) -> None:
        require_pyserial(settings.id)
        super().__init__(settings, "modbus_rtu", ticks)
        self._unit_id = settings.unit_id
        self._retries = settings.retries
        self._bus = bus

    async def run(self, sink: Sink) -> None:
        """Poll, and look for a unit that is lost; see the port."""
        with self._bus.held():
            await super().run(sink)

    async def to_safe(self) -> None:
        """Write every output's safe state; see ``ModbusDriver``."""
        with self._bus.held():
            await super().to_safe()

    async def _open(self) -> Line:
        return await self._bus.session(self._unit_id, self._timeout_s, self._retries)

    def _well(self, message: str) -> None:
        """What a line suffers shows long before a unit is lost on it."""
        repeats, strays = self._bus.repeats[self._unit_id], self._bus.strays
        if repeats or strays:
            message = f"{message}; requests repeated: {repeats}; stray bytes on the line: {strays}"
        super()._well(message)

    def _patience_s(self) -> float:
        """On a shared bus each request of a poll may have to wait for all the others' turns."""
        turns_s = self._bus.waited_s * max(1, len(self._reads))
        return super()._patience_s() + turns_s
