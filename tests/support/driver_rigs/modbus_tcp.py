"""Modbus TCP against the shipped server."""

from __future__ import annotations

from banksman_drivers.fake.modbus_server import Faults, ModbusServer
from banksman_drivers.modbus import ModbusTcpDriver
from banksman_drivers.ports import Value
from banksman_drivers.settings.modbus import ModbusOutput, ModbusPoint, ModbusTcpSettings
from batch_sink import Ticks
from driver_rigs.base import Rig


class ModbusTcpRig(Rig):
    async def begin(self) -> None:
        self.server = ModbusServer()
        self.server.memory.holding[0] = 12
        self.server.memory.discrete[0] = 1
        self.server.memory.coils[0] = 0
        await self.server.start()
        settings = ModbusTcpSettings(
            driver="modbus_tcp",
            id="device",
            host="127.0.0.1",
            port=self.server.port,
            poll_ms=5,
            back_off_max_ms=50,
            point=[
                ModbusPoint(name="level", unit="kg", table="holding", address=0),
                ModbusPoint(name="door", unit="flag", table="discrete", address=0, type="bit"),
            ],
            output=[ModbusOutput(name="lamp", safe=False, table="coil", address=0)],
        )
        self.driver = ModbusTcpDriver(settings, Ticks())

    async def lose(self) -> None:
        await self.server.stop()

    async def restore(self) -> None:
        await self.server.start()

    async def end(self) -> None:
        await self.server.stop()

    def refuse_commands(self) -> None:
        self.server.faults = Faults(exception=4)

    def written(self) -> list[Value]:
        return [bool(write.values[0]) for write in self.server.writes]

    async def closed(self) -> None:
        await self.server.until(lambda: self.server.connections == 0)
