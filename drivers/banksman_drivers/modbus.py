"""Modbus TCP: PLCs, remote I/O and transmitters, on pymodbus.

``modbus_device.py`` says what all Modbus devices do. On this wire a device is lost when it cannot
be connected, closes, does not answer in time, or sends garbage, another unit's or another
function's answer; an answer to another transaction is skipped and counted (``modbus_link.py``).
Nothing is retried within a poll: the next poll is the retry.
"""

from __future__ import annotations

from banksman_drivers.modbus_device import ModbusDriver
from banksman_drivers.modbus_line import Line
from banksman_drivers.modbus_link import Link
from banksman_drivers.ports import Ticks
from banksman_drivers.settings.modbus import ModbusTcpSettings


class ModbusTcpDriver(ModbusDriver):
    """One Modbus TCP device; see ``ModbusDriver``."""

    def __init__(self, settings: ModbusTcpSettings, ticks: Ticks) -> None:
        super().__init__(settings, "modbus_tcp", ticks)
        self._host = settings.host
        self._port = settings.port

    async def _open(self) -> Line:
        link = Link(self._host, self._port, self._timeout_s, self._ticks)
        await link.open()
        return link
