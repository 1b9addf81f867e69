"""What a chip asks of its bus, one transfer each. Values only.

Rules of this file
- A chip is a set of generators: each yields an ask and is sent the answer. So a chip's file holds
  no input or output, no clock and no thread, and the bus may serve another chip between two asks.
- 8-bit registers are read by byte or by block, 16-bit registers by word: the two are different
  SMBus transfers, and Linux' i2c-stub keeps them apart.

    Steps     yield ReadBlock(0xF7, 8)  ->  Answer(data)   ->  ...  ->  return Values(...)
    bus       one transfer                  one transfer
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import msgspec

T = TypeVar("T")

BLOCK_BYTES = 32  # SMBus 3.1, 6.5.7


class ReadByte(msgspec.Struct, frozen=True, gc=False):
    """SMBus read byte. Answered by one byte."""

    register: int


class ReadWord(msgspec.Struct, frozen=True, gc=False):
    """SMBus read word. Answered by two bytes, most significant first, as such chips send them."""

    register: int


class ReadBlock(msgspec.Struct, frozen=True, gc=False):
    """I2C block read of ``size`` registers in a row, 32 at most."""

    register: int
    size: int


class ReadEach(msgspec.Struct, frozen=True, gc=False):
    """``count`` block reads of the same registers: each takes one entry out of a FIFO.

    Answered by all of them in a row. Goes out as few raw I2C transfers as the adapter can do.
    """

    register: int
    size: int
    count: int


class WriteByte(msgspec.Struct, frozen=True, gc=False):
    """SMBus write byte."""

    register: int
    value: int


class WriteWord(msgspec.Struct, frozen=True, gc=False):
    """SMBus write word; the most significant byte goes first."""

    register: int
    value: int


class WriteBlock(msgspec.Struct, frozen=True, gc=False):
    """I2C block write: registers in a row in one transfer."""

    register: int
    data: bytes


class Pause(msgspec.Struct, frozen=True, gc=False):
    """Go on not before this time has passed; the bus serves others meanwhile."""

    seconds: float


Ask = ReadByte | ReadWord | ReadBlock | ReadEach | WriteByte | WriteWord | WriteBlock | Pause


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a transfer gave. The chip took part at some time between the two, monotonic."""

    data: bytes
    before_ns: int
    after_ns: int


Steps = Generator[Ask, Answer, T]


def word(answer: Answer) -> int:
    """A 16-bit register, unsigned."""
    return int.from_bytes(answer.data, "big")


def signed_word(answer: Answer) -> int:
    """A 16-bit register, two's complement."""
    return int.from_bytes(answer.data, "big", signed=True)
