"""The PLC and the vibration transmitter on Modbus TCP, as one pymodbus server.

A thin driver: every request reads the model's values of this moment and every write reaches
the model at once; there is no copy that could be old. Lives on the plant's event loop.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Protocol

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from banksman_drivers.fake.plant.registers import REGISTERS, UNIT_IDS, Register, Table

# Function code -> table. 22 (mask write) and 23 (read and write) act on holding registers.
TABLES: dict[int, Table] = {
    1: "coil", 5: "coil", 15: "coil",
    2: "discrete",
    3: "holding", 6: "holding", 16: "holding", 22: "holding", 23: "holding",
    4: "input",
}  # fmt: skip


class Process(Protocol):
    """What the server needs of the model."""

    def values(self) -> dict[str, float]:
        """Every value by ``device.point``."""

    def write(self, name: str, value: float) -> None:
        """Take an output value."""


class PlcServer:
    """Serves the register map; ``stop`` closes every connection as a pulled plug would."""

    def __init__(self, process: Process, host: str, port: int) -> None:
        self._process = process
        self._address = (host, port)
        self._server: ModbusTcpServer | None = None
        self._tables: dict[tuple[str, Table], tuple[Register, ...]] = {}
        for register in REGISTERS:
            key = (register.device, register.table)
            self._tables[key] = (*self._tables.get(key, ()), register)
        self.writes = 0

    @property
    def serving(self) -> bool:
        """Whether it listens now."""
        return self._server is not None

    async def start(self) -> None:
        """Listen; does nothing when it does already. Raises OSError if the port is taken."""
        if self._server is not None:
            return
        server = ModbusTcpServer(self._devices(), address=self._address)
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            host, port = self._address
            raise OSError(f"{host}:{port} cannot be listened on; give another port") from error
        self._server = server

    async def stop(self) -> None:
        """Close the listener and every connection; does nothing when it does not listen."""
        server, self._server = self._server, None
        if server is not None:
            await server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus leaves it untyped

    def _devices(self) -> list[SimDevice]:
        devices = [
            SimDevice(
                id=unit_id,
                simdata=(
                    [SimData(0, count=16, values=False, datatype=DataType.BITS)],
                    [SimData(0, count=16, values=False, datatype=DataType.BITS)],
                    [SimData(0, count=self._size(device, "holding"), datatype=DataType.REGISTERS)],
                    [SimData(0, count=self._size(device, "input"), datatype=DataType.REGISTERS)],
                ),
                action=functools.partial(self._serve, device),
            )
            for device, unit_id in UNIT_IDS.items()
        ]
        nobody = SimDevice(
            id=0, simdata=[SimData(0, count=256, datatype=DataType.REGISTERS)], action=_no_such_unit
        )
        return [*devices, nobody]

    def _size(self, device: str, table: Table) -> int:
        registers = self._tables.get((device, table), ())
        return max((register.address + register.words for register in registers), default=1)

    async def _serve(
        self,
        device: str,
        function: int,
        _start: int,
        address: int,
        _count: int,
        memory: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Called by pymodbus before each access: refreshes ``memory``, passes writes on."""
        registers = self._tables.get((device, TABLES[function]), ())
        if written is not None and not self._take(registers, address, written):
            return ExcCodes.ILLEGAL_ADDRESS
        values = self._process.values()
        for register in registers:
            words = register.encode(values[register.id])
            if register.type == "bit":
                word, bit = divmod(register.address, 16)
                memory[word] = memory[word] & ~(1 << bit) | words[0] << bit
            else:
                memory[register.address : register.address + register.words] = words
        return None

    def _take(
        self, registers: Sequence[Register], address: int, written: Sequence[int | bool]
    ) -> bool:
        """Pass a write on to the model: all of it, or nothing when an address is not ours."""
        by_address = {register.address: register for register in registers}
        wanted = [by_address.get(address + index) for index in range(len(written))]
        found = [register for register in wanted if register is not None]
        if len(found) < len(wanted):
            return False
        for register, raw in zip(found, written, strict=True):
            self._process.write(register.name, register.decode([int(raw)]))
        self.writes += 1
        return True


async def _no_such_unit(
    _function: int,
    _start: int,
    _address: int,
    _count: int,
    _memory: list[int],
    _written: list[int] | list[bool] | None,
) -> ExcCodes | None:
    """Answer for every unit that is not there, as a gateway does."""
    return ExcCodes.GATEWAY_NO_RESPONSE
