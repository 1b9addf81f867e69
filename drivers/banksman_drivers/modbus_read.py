"""All reads of one Modbus device: the planned requests, and what becomes of their answers.

Rules of this file
- Requests and decoders are built once. A request that is refused, or whose answer has another
  size than asked for, makes its own points BAD and leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from banksman_drivers.condition import Condition
from banksman_drivers.modbus_codec import BlockDecoder
from banksman_drivers.modbus_line import Line
from banksman_drivers.modbus_link import Answer, Refused
from banksman_drivers.modbus_plan import Table, plan
from banksman_drivers.ports import Reading, Ticks
from banksman_drivers.settings.modbus import ModbusPoint

# Gets the readings of one poll, or why there are none.
Deliver = Callable[[list[Reading] | Exception], None]

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

    def begin(self, link: Line, deliver: Deliver) -> None:
        """Read everything once; ``deliver`` gets the whole poll, oldest first, or DeviceLost.

        It is called from the socket's own callback, so that what the readings cause goes out at
        once; it must not raise.
        """
        self._step(link, deliver, 0, [], "")

    def _step(
        self, link: Line, deliver: Deliver, index: int, batch: list[Reading], trouble: str
    ) -> None:
        if index == len(self._reads):
            self._condition.round_trip_us = link.round_trip_ns / 1e3
            self.trouble = trouble
            deliver(batch)
            return
        request, decoder = self._reads[index]
        self._condition.requests += 1

        def take(outcome: Answer | Exception) -> None:
            problem = ""
            if isinstance(outcome, Answer):
                body = outcome.body
                if len(body) == decoder.size + 1 and body[0] == decoder.size:
                    batch.extend(decoder.decode(body[1:], outcome.mono_ns))
                else:
                    problem = f"{len(body)} bytes came where {decoder.size + 1} were due"
            elif isinstance(outcome, Refused):
                problem = str(outcome)
            else:
                deliver(outcome)
                return
            if problem:
                self._condition.errors += 1
                batch.extend(decoder.bad(self._ticks.mono_ns()))
                problem = f"{self._device}: {decoder.block}: {problem}; check the point's address"
            self._step(link, deliver, index + 1, batch, trouble or problem)

        link.send(request, take)
