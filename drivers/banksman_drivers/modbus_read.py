"""All reads of one Modbus device: the planned requests, and what becomes of their answers.

Rules of this file
- Requests and decoders are built once. A request that is refused, or whose answer has another
  size than asked for, makes its own points BAD and leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from banksman_drivers.condition import Condition
from banksman_drivers.modbus_codec import BlockDecoder
from banksman_drivers.modbus_link import Link, Refused
from banksman_drivers.modbus_plan import Table, plan
from banksman_drivers.ports import Reading, Ticks
from banksman_drivers.settings import ModbusPoint

REQUEST: dict[Table, type[ModbusPDU]] = {
    "coil": ReadCoilsRequest,
    "discrete": ReadDiscreteInputsRequest,
    "holding": ReadHoldingRegistersRequest,
    "input": ReadInputRegistersRequest,
}


class Reads:
    """The reads. ``trouble`` names the first request of the last poll that went wrong."""

    def __init__(
        self,
        device: str,
        unit_id: int,
        points: Sequence[ModbusPoint],
        condition: Condition,
        ticks: Ticks,
    ) -> None:
        self.trouble = ""
        self._device = device
        self._condition = condition
        self._ticks = ticks
        self._reads = [
            (
                REQUEST[block.table](address=block.address, count=block.count, dev_id=unit_id),
                BlockDecoder(device, block),
            )
            for block in plan(device, points)
        ]

    def __len__(self) -> int:
        return len(self._reads)

    async def poll(self, link: Link) -> list[Reading]:
        """Every reading of one poll, oldest first. Raises DeviceLost."""
        batch: list[Reading] = []
        trouble = ""
        condition = self._condition
        for request, decoder in self._reads:
            condition.requests += 1
            try:
                answer = await link.ask(request)
            except Refused as refusal:
                problem = str(refusal)
            else:
                body = answer.body
                if len(body) == decoder.size + 1 and body[0] == decoder.size:
                    batch += decoder.decode(body[1:], answer.mono_ns)
                    continue
                problem = f"{len(body)} bytes came where {decoder.size + 1} were due"
            condition.errors += 1
            batch += decoder.bad(self._ticks.mono_ns())
            if not trouble:
                trouble = f"{self._device}: {decoder.block}: {problem}; check the point's address"
        condition.round_trip_us = link.round_trip_ns / 1e3
        self.trouble = trouble
        return batch
