"""The registers and coils of a made-up Modbus device, and the answers it owes by the book.

Rules of this file
- Pure: a request PDU in (function code and data), the answer PDU out. No frames, no sockets.
- An address that nobody set does not exist: reading or writing it is an illegal data address.
- Functions 1 to 6, 15, 16, 22, 23 and 43/14, with the limits and refusals of the Application
  Protocol V1.1b3; every other function is refused as illegal.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import msgspec

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
IDENTITY_BYTES_MAX = 244  # a PDU of 253 bytes less the heads
READS = {1: ("coils", 2000), 2: ("discrete", 2000), 3: ("holding", 125), 4: ("inputs", 125)}


class Write(msgspec.Struct, frozen=True):
    """One write that was taken: coils as 0 or 1."""

    table: str
    address: int
    values: tuple[int, ...]


class _Refusal(Exception):
    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(str(code))


class Memory:
    """Four tables by address. ``last_write`` is the newest one taken."""

    def __init__(self) -> None:
        self.coils: dict[int, int] = {}
        self.discrete: dict[int, int] = {}
        self.holding: dict[int, int] = {}
        self.inputs: dict[int, int] = {}
        self.last_write: Write | None = None
        self.identity: dict[int, bytes] = {}  # objects by number; empty: it has no function 43

    def answer(self, pdu: bytes) -> bytes:
        """The answer to a request, a refusal included; never raises."""
        function = pdu[0] if pdu else 0
        try:
            if function in READS:
                return bytes((function,)) + self._read(function, pdu[1:])
            if function in (5, 6):
                return bytes((function,)) + self._write_one(function, pdu[1:])
            if function in (15, 16):
                return bytes((function,)) + self._write_many(function, pdu[1:])
            if function == 22:
                return bytes((function,)) + self._write_masked(pdu[1:])
            if function == 23:
                return bytes((function,)) + self._write_and_read(pdu[1:])
            if function == 43 and self.identity:
                return bytes((function,)) + self._identify(pdu[1:])
        except _Refusal as refusal:
            return bytes((function | 0x80, refusal.code))
        except struct.error:
            return bytes((function | 0x80, ILLEGAL_VALUE))
        return bytes((function | 0x80, ILLEGAL_FUNCTION))

    def _identify(self, data: bytes) -> bytes:
        """Function 43/14: the objects of a level, from one on, as many as fit."""
        kind, level, first = struct.unpack(">BBB", data)
        if kind != 14 or level not in (1, 2, 3):
            raise _Refusal(ILLEGAL_VALUE)
        last = {1: 2, 2: 0x7F, 3: 0xFF}[level]
        body, count, more = b"", 0, 0
        for number in sorted(each for each in self.identity if first <= each <= last):
            text = self.identity[number]
            if len(body) + len(text) + 2 > IDENTITY_BYTES_MAX:
                more = number
                break
            body += bytes((number, len(text))) + text
            count += 1
        return bytes((14, level, 0x80 | level, 0xFF if more else 0, more, count)) + body

    def _table(self, name: str) -> dict[int, int]:
        tables = {"coils": self.coils, "discrete": self.discrete, "holding": self.holding}
        return tables.get(name, self.inputs)

    def _read(self, function: int, data: bytes) -> bytes:
        address, count = struct.unpack(">HH", data)
        name, most = READS[function]
        if not 1 <= count <= most:
            raise _Refusal(ILLEGAL_VALUE)
        table = self._table(name)
        try:
            values = [table[at] for at in range(address, address + count)]
        except KeyError:
            raise _Refusal(ILLEGAL_ADDRESS) from None
        if function in (1, 2):
            packed = sum(bool(value) << place for place, value in enumerate(values))
            size = (count + 7) // 8
            return bytes((size,)) + packed.to_bytes(size, "little")
        return struct.pack(f">B{count}H", count * 2, *values)

    def _write_one(self, function: int, data: bytes) -> bytes:
        address, value = struct.unpack(">HH", data)
        if function == 5:
            if value not in (0, 0xFF00):
                raise _Refusal(ILLEGAL_VALUE)
            self._store("coils", address, [int(value == 0xFF00)])
        else:
            self._store("holding", address, [value])
        return data

    def _write_many(self, function: int, data: bytes) -> bytes:
        address, count, size = struct.unpack_from(">HHB", data)
        body = data[5:]
        if function == 15:
            right, most = (count + 7) // 8, 1968
        else:
            right, most = count * 2, 123
        if not 1 <= count <= most or size != right or len(body) != size:
            raise _Refusal(ILLEGAL_VALUE)
        if function == 15:
            packed = int.from_bytes(body, "little")
            self._store("coils", address, [packed >> place & 1 for place in range(count)])
        else:
            self._store("holding", address, struct.unpack(f">{count}H", body))
        return data[:4]

    def _write_masked(self, data: bytes) -> bytes:
        address, keep, put = struct.unpack(">HHH", data)
        if address not in self.holding:
            raise _Refusal(ILLEGAL_ADDRESS)
        value = self.holding[address] & keep | put & ~keep & 0xFFFF
        self._store("holding", address, [value])
        return data

    def _write_and_read(self, data: bytes) -> bytes:
        read_at, read_count, address, count, size = struct.unpack_from(">HHHHB", data)
        body = data[9:]
        if not (1 <= read_count <= 125 and 1 <= count <= 121):
            raise _Refusal(ILLEGAL_VALUE)
        if size != count * 2 or len(body) != size:
            raise _Refusal(ILLEGAL_VALUE)
        if any(at not in self.holding for at in range(read_at, read_at + read_count)):
            raise _Refusal(ILLEGAL_ADDRESS)
        self._store("holding", address, struct.unpack(f">{count}H", body))
        return self._read(3, data[:4])

    def _store(self, name: str, address: int, values: Sequence[int]) -> None:
        table = self._table(name)
        if any(at not in table for at in range(address, address + len(values))):
            raise _Refusal(ILLEGAL_ADDRESS)
        for place, value in enumerate(values):
            table[address + place] = value
        self.last_write = Write(name, address, tuple(values))
