"""Modbus RTU against the shipped line on a pseudo-terminal; losing it is pulling the adapter."""

from __future__ import annotations

import asyncio

from banksman_drivers.fake.modbus_memory import Memory
from banksman_drivers.fake.modbus_rtu_server import RtuFaults, RtuLine
from banksman_drivers.modbus_rtu import Buses, ModbusRtuDriver
from banksman_drivers.ports import Value
from banksman_drivers.settings.modbus import ModbusOutput, ModbusPoint
from banksman_drivers.settings.modbus_rtu import ModbusRtuSettings
from batch_sink import Ticks
from driver_rigs.base import Rig


class ModbusRtuRig(Rig):
    port = ""  # of the driver; the fake line's own, unless a bench names another

    async def begin(self) -> None:
        self.line = RtuLine(self.folder / "rs485")
        memory = self.line.units[3] = Memory()
        memory.holding[0] = 12
        memory.discrete[0] = 1
        memory.coils[0] = 0
        self.line.plug()
        settings = ModbusRtuSettings(
            driver="modbus_rtu",
            id="device",
            port=self.port or self.line.port,
            unit_id=3,
            baud=115_200,
            parity="none",
            poll_ms=5,
            back_off_max_ms=50,
            timeout_ms=1000,
            point=[
                ModbusPoint(name="level", unit="kg", table="holding", address=0),
                ModbusPoint(name="door", unit="flag", table="discrete", address=0, type="bit"),
            ],
            output=[ModbusOutput(name="lamp", safe=False, table="coil", address=0)],
        )
        self.bus = Buses(Ticks()).of(settings)
        self.driver = ModbusRtuDriver(settings, self.bus, Ticks())

    async def lose(self) -> None:
        self.line.unplug()

    async def restore(self) -> None:
        self.line.plug()

    async def end(self) -> None:
        self.line.unplug()

    def refuse_commands(self) -> None:
        self.line.faults[3] = RtuFaults(exception=4)

    def written(self) -> list[Value]:
        return [bool(write.values[0]) for _, write in self.line.writes]

    async def closed(self) -> None:
        while self.bus.is_open:
            await asyncio.sleep(0)
