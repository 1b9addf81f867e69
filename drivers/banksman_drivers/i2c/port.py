"""The bus device as Linux gives it: the part of smbus2's class that we use, and how it is opened.

Rules of this file
- Blocks: used on the bus's own thread only.
- smbus2 is imported when a bus is opened: a box without I2C need not have it.
- The adapter's time-out is set to 100 ms (I2C_TIMEOUT, linux/i2c-dev.h). Left at the kernel's
  second, one line held low would take a second for each transfer of each chip.
"""

from __future__ import annotations

import fcntl
import importlib.util
from collections.abc import Callable, Sequence
from typing import Protocol

from banksman_drivers.ports import Unsupported

I2C_TIMEOUT = 0x0702  # linux/i2c-dev.h, in units of 10 ms
TIMEOUT_10MS = 10
FUNC_I2C = 0x00000001  # linux/i2c.h: raw messages with a repeated start


class Port(Protocol):
    """What we use of ``smbus2.SMBus``, and `read_each`. Calls raise OSError with the errno."""

    @property
    def funcs(self) -> int:
        """What the adapter can do (I2C_FUNC_*)."""

    def read_byte(self, i2c_addr: int) -> int:
        """One byte from where the chip's register pointer stands."""

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        """SMBus read byte."""

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        """SMBus write byte."""

    def read_word_data(self, i2c_addr: int, register: int) -> int:
        """SMBus read word; what came first is its low byte."""

    def write_word_data(self, i2c_addr: int, register: int, value: int) -> None:
        """SMBus write word; its low byte goes first."""

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        """Registers in a row, 32 at most."""

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: Sequence[int]) -> None:
        """Registers in a row, 32 at most."""

    def read_each(self, i2c_addr: int, register: int, length: int, count: int) -> bytes:
        """``count`` block reads of the same registers, in one raw transfer."""

    def close(self) -> None:
        """Let go of the bus device."""


OpenPort = Callable[[str], Port]


def require_smbus2(device: str) -> None:
    """Raises Unsupported, at the start and not at the first poll, where smbus2 is missing."""
    if importlib.util.find_spec("smbus2") is None:
        raise Unsupported(
            f"{device}: I2C needs smbus2, which is not installed; pip install 'banksman[i2c]'"
        )


def open_port(path: str) -> Port:
    """Open a bus. Raises OSError."""
    from smbus2 import SMBus, i2c_msg

    class LinuxBus(SMBus):
        """smbus2's bus with a FIFO's reads."""

        def read_each(self, i2c_addr: int, register: int, length: int, count: int) -> bytes:
            messages = []
            for _ in range(count):
                messages.append(i2c_msg.write(i2c_addr, (register,)))
                messages.append(i2c_msg.read(i2c_addr, length))
            self.i2c_rdwr(*messages)
            return b"".join(bytes(message) for message in messages[1::2])

    bus = LinuxBus()
    try:
        bus.open(path)
        fcntl.ioctl(bus.fd or -1, I2C_TIMEOUT, TIMEOUT_10MS)
    except OSError:
        bus.close()
        raise
    return bus
