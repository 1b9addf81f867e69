"""One output of a Modbus device: a value becomes a write request, its echo is the proof.

Rules of this file
- A write is confirmed only by an echo that names the same address and the same value (for
  several registers or coils: the same count). Anything else is a failed command.
- An echo says that the device took the value, not that it holds it: with ``readback`` the
  register is read back and compared in every bit that is the output's own. Function 23 reads
  back in the very transaction that writes.
- A bit field is written by mask (function 22): the other bits of its register are never ours to
  write, and reading and writing them back would undo what the PLC did in between.
- Messages start with the output's id, and say what it takes.

    | the output is | auto | single | multiple | read_write |
    |---|---|---|---|---|
    | a coil | 5 | 5 | 15 | |
    | one register | 6 | 6 | 16 | 23 |
    | several registers | 16 | | 16 | 23 |
    | bits of a register | 22 | | | |
"""

from __future__ import annotations

import struct
from collections.abc import Awaitable

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    WriteMultipleCoilsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import (
    MaskWriteRegisterRequest,
    ReadHoldingRegistersRequest,
    ReadWriteMultipleRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from banksman_drivers.modbus_codec import encode, mask_of
from banksman_drivers.modbus_line import Line
from banksman_drivers.modbus_link import Answer, Refused
from banksman_drivers.modbus_plan import WORDS
from banksman_drivers.ports import CommandFailed, DeviceLost, Unsupported, Value
from banksman_drivers.settings.modbus import ModbusOutput
from banksman_drivers.settings.modbus_values import field_of


class RemoteOutput:
    """A coil or holding register that we write. ``id`` is ``device.point``."""

    def __init__(self, device: str, unit_id: int, settings: ModbusOutput) -> None:
        self.id = f"{device}.{settings.name}"
        self.settings = settings
        self._unit_id = unit_id
        if settings.scale == 0:
            raise Unsupported(f"{self.id}: scale 0 cannot be undone; write another scale")
        if settings.table == "coil" and settings.type != "bit":
            raise Unsupported(f'{self.id}: a coil holds one bit; write type = "bit"')
        if settings.address + WORDS[settings.type] > 65536:
            raise Unsupported(f"{self.id}: a {settings.type} there ends past register 65535")
        for flaw in settings.function_flaws(()):
            raise Unsupported(f"{self.id}: {flaw.message}; {flaw.remedy}")
        self._mask = mask_of(settings)
        self._is_field = field_of(settings.bit, settings.bits) is not None
        try:
            encode(settings, settings.safe)
        except ValueError as error:
            raise Unsupported(f"{self.id}: its safe state: {error}") from error
        # Both requests of a coil are made once: making one costs as much as sending it.
        self._coils = {
            raw: self._coil(raw) for raw in (b"\x00\x00", b"\x00\x01") if settings.table == "coil"
        }

    def write(self, link: Line, value: Value, expires_mono_ns: int | None) -> Awaitable[None]:
        """Send ``value`` as soon as the line is free, which may be now; await its confirmation.

        Raises: CommandFailed, now or when awaited, or CommandExpired when its turn came too late.
        """
        try:
            raw = encode(self.settings, value)
        except ValueError as error:
            raise CommandFailed(f"{self.id} {error}; nothing was written") from error
        request, echo = self._coils.get(raw) or self._registers(raw)
        return self._confirmed(link, link.ask(request, expires_mono_ns), raw, echo)

    async def _confirmed(
        self, link: Line, answering: Awaitable[Answer], raw: bytes, echo: bytes
    ) -> None:
        try:
            answer = await answering
            if answer.body != echo:
                raise CommandFailed(
                    f"{self.id}: the device confirmed something else ({answer.body.hex()}, not"
                    f" {echo.hex()}); its state is unknown"
                )
            if self.settings.readback:
                await self._read_back(link, raw)
        except Refused as error:
            raise CommandFailed(f"{self.id}: the device refused: {error}") from error
        except DeviceLost as error:
            raise CommandFailed(f"{self.id}: not confirmed: {error}") from error

    def _coil(self, raw: bytes) -> tuple[ModbusPDU, bytes]:
        """The write request, and the body of the answer that confirms it."""
        address, unit = self.settings.address, self._unit_id
        on = raw != b"\x00\x00"
        if self.settings.write_with == "multiple":
            many = WriteMultipleCoilsRequest(address=address, bits=[on], dev_id=unit)
            return many, struct.pack(">HH", address, 1)
        coil = WriteSingleCoilRequest(address=address, bits=[on], dev_id=unit)
        return coil, struct.pack(">HH", address, 0xFF00 if on else 0)

    def _registers(self, raw: bytes) -> tuple[ModbusPDU, bytes]:
        address, unit = self.settings.address, self._unit_id
        words = list(struct.unpack(f">{len(raw) // 2}H", raw))
        how = self.settings.write_with
        if self._is_field:
            keep = int.from_bytes(self._mask, "big") ^ 0xFFFF
            masked = MaskWriteRegisterRequest(
                address=address, and_mask=keep, or_mask=words[0], dev_id=unit
            )
            return masked, struct.pack(">HHH", address, keep, words[0])
        if how == "read_write":
            both = ReadWriteMultipleRegistersRequest(
                read_address=address,
                read_count=len(words),
                write_address=address,
                write_registers=words,
                dev_id=unit,
            )
            return both, bytes((len(raw),)) + raw
        if len(words) == 1 and how != "multiple":
            one = WriteSingleRegisterRequest(address=address, registers=words, dev_id=unit)
            return one, struct.pack(">HH", address, words[0])
        many = WriteMultipleRegistersRequest(address=address, registers=words, dev_id=unit)
        return many, struct.pack(">HH", address, len(words))

    async def _read_back(self, link: Line, raw: bytes) -> None:
        address = self.settings.address
        if self.settings.table == "coil":
            coil = ReadCoilsRequest(address=address, count=1, dev_id=self._unit_id)
            body = (await link.ask(coil)).body
            held = len(body) == 2 and body[0] == 1 and body[1] & 1 == raw[1]
        else:
            count = len(raw) // 2
            words = ReadHoldingRegistersRequest(address=address, count=count, dev_id=self._unit_id)
            body = (await link.ask(words)).body
            held = body[:1] == bytes((len(raw),)) and self._own(body[1:]) == raw
        if not held:
            raise CommandFailed(
                f"{self.id}: the device confirmed the write and does not hold it (read back"
                f" {body.hex()}); check whether its program writes there, too"
            )

    def _own(self, registers: bytes) -> bytes:
        """The registers with every bit cleared that is not the output's own."""
        if len(registers) != len(self._mask):
            return b""
        return bytes(byte & mask for byte, mask in zip(registers, self._mask, strict=True))
