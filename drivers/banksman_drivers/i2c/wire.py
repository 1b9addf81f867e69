"""Asks become transfers: the only file that talks to the port. Blocks; the bus's thread only.

    ReadEach   S addr W reg  Sr addr R d0..d5  Sr addr W reg  Sr addr R d0..d5 ... P

An adapter takes 42 messages in one go (I2C_RDWR_IOCTL_MAX_MSGS): 21 FIFO entries. One that knows
only SMBus (a USB dongle, i2c-stub) gets a block read for each entry.
"""

from __future__ import annotations

from banksman_drivers.i2c.asks import (
    Answer,
    Ask,
    Pause,
    ReadBlock,
    ReadByte,
    ReadEach,
    ReadWord,
    WriteBlock,
    WriteByte,
    WriteWord,
)
from banksman_drivers.i2c.faults import BusFault, bus_fault
from banksman_drivers.i2c.port import FUNC_I2C, Port
from banksman_drivers.ports import Ticks

EACH_MOST = 21


class Wire:
    """One open bus. ``transfers`` counts them."""

    def __init__(self, port: Port, ticks: Ticks) -> None:
        self.transfers = 0
        self._port = port
        self._ticks = ticks
        self._raw = bool(port.funcs & FUNC_I2C)

    def transfer(self, address: int, ask: Ask) -> Answer:
        """Do one transfer. Raises BusFault."""
        self.transfers += 1
        before_ns = self._ticks.mono_ns()
        try:
            data = self._do(address, ask)
        except OSError as error:
            raise bus_fault(error, address) from error
        return Answer(data, before_ns, self._ticks.mono_ns())

    def close(self) -> None:
        """Let go of the bus device."""
        self._port.close()

    def _do(self, address: int, ask: Ask) -> bytes:
        port = self._port
        match ask:
            case ReadByte(register):
                return bytes((port.read_byte_data(address, register),))
            case ReadWord(register):
                # SMBus sends the low byte first, these chips the high one.
                return port.read_word_data(address, register).to_bytes(2, "little")
            case ReadBlock(register, size):
                return _exactly(address, port.read_i2c_block_data(address, register, size), size)
            case ReadEach():
                return self._each(address, ask)
            case WriteByte(register, value):
                port.write_byte_data(address, register, value)
            case WriteWord(register, value):
                port.write_word_data(address, register, value >> 8 | (value & 0xFF) << 8)
            case WriteBlock(register, data):
                port.write_i2c_block_data(address, register, list(data))
            case Pause():
                raise TypeError("a pause is no transfer")
        return b""

    def _each(self, address: int, ask: ReadEach) -> bytes:
        parts = []
        if not self._raw:
            for _ in range(ask.count):
                got = self._port.read_i2c_block_data(address, ask.register, ask.size)
                parts.append(_exactly(address, got, ask.size))
            return b"".join(parts)
        left = ask.count
        while left > 0:
            now = min(left, EACH_MOST)
            got_now = self._port.read_each(address, ask.register, ask.size, now)
            parts.append(_exactly(address, got_now, ask.size * now))
            left -= now
        return b"".join(parts)


def _exactly(address: int, got: bytes | list[int], size: int) -> bytes:
    if len(got) != size:
        raise BusFault("line", f"0x{address:02x} sent {len(got)} bytes where {size} were asked for")
    return bytes(got)
