"""Modbus RTU frames: a request as bytes, and its answer found in whatever came over the wire.

Rules of this file
- Pure, and source of all numbers: Modbus over Serial Line V1.02, 2.5.1 (frame, silence, CRC) and
  the Application Protocol V1.1b3 (sizes).
- An answer is a frame with our unit, our function and exactly the size that was asked for, or the
  unit's refusal, each with its right CRC. RTU has no transaction number, so nothing less will do.
- Such a frame is looked for at every place, because a line without bias puts noise before it.
  At most 16 places are checked at a time: noise may cost no more.

    [ unit ][ function ][ data ][ CRC low ][ CRC high ]        at most 256 bytes
    silence of 3.5 characters before and after; 1.75 ms where the line is faster than 19 200
"""

from __future__ import annotations

import struct

import msgspec

FRAME_MAX = 256
TRIES_MAX = 16
REFUSAL_SIZE = 5
FAST_BAUD = 19_200
FAST_SILENCE_S = 0.00175
READS = (1, 2, 3, 4)


def _table() -> tuple[int, ...]:
    found = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
        found.append(value)
    return tuple(found)


_CRC = _table()


def crc16(data: bytes) -> bytes:
    """The CRC of a frame as it follows on the wire, low byte first (polynomial 0xA001)."""
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _CRC[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")


class Question(msgspec.Struct, frozen=True):
    """A request frame and the size of the answer that is due, CRC included."""

    frame: bytes
    answer_size: int

    @property
    def unit(self) -> int:
        """Who is asked."""
        return self.frame[0]

    @property
    def function(self) -> int:
        """What is asked."""
        return self.frame[1]

    @property
    def tells_from_echo(self) -> bool:
        """Whether an answer to it can be told from its own echo: not of 5, 6 and 22."""
        return self.function not in (5, 6, 22)


def question(unit: int, function: int, body: bytes) -> Question:
    """The frame of a request. Raises ValueError for a function whose answer has no known size."""
    head = bytes((unit, function)) + body
    return Question(head + crc16(head), 4 + _body_size(function, body))


def _body_size(function: int, body: bytes) -> int:
    if function in (1, 2):
        return 1 + (int.from_bytes(body[2:4], "big") + 7) // 8
    if function in (3, 4, 23):
        return 1 + int.from_bytes(body[2:4], "big") * 2
    if function in (5, 6, 15, 16):
        return 4
    if function == 22:
        return 6
    raise ValueError(f"function {function} has no answer of a known size")


class Found(msgspec.Struct, frozen=True):
    """An answer: ``function`` has its highest bit set in a refusal; ``end`` is where it ends."""

    function: int
    body: bytes
    start: int
    end: int


def find(asked: Question, heard: bytes) -> Found | None:
    """The first whole answer to ``asked`` in what was ``heard``."""
    unit, function = asked.unit, asked.function
    counted = asked.answer_size - REFUSAL_SIZE if function in (1, 2, 3, 4, 23) else None
    start = heard.find(unit)
    tries = 0
    while 0 <= start <= len(heard) - REFUSAL_SIZE and tries < TRIES_MAX:
        second = heard[start + 1]
        end = 0
        if second == function and (counted is None or heard[start + 2] == counted):
            end = start + asked.answer_size
        elif second == function | 0x80:
            end = start + REFUSAL_SIZE
        if start < end <= len(heard):
            tries += 1
            if crc16(heard[start : end - 2]) == heard[end - 2 : end]:
                return Found(second, heard[start + 2 : end - 2], start, end)
        start = heard.find(unit, start + 1)
    return None


def probe_of(unit: int, write: Question) -> Question:
    """A read of the very place that ``write`` writes: its answer cannot be an echo of either."""
    function = 1 if write.function in (5, 15) else 3
    return question(unit, function, write.frame[2:4] + struct.pack(">H", 1))


class Wire(msgspec.Struct, frozen=True):
    """How long things take on a line: ``char_bits`` counts start, data, parity and stop bits."""

    baud: int
    char_bits: int

    def seconds(self, size: int) -> float:
        """The time that ``size`` bytes need."""
        return size * self.char_bits / self.baud

    @property
    def silence_s(self) -> float:
        """What must lie between two frames: 3.5 characters, or 1.75 ms on a fast line."""
        return FAST_SILENCE_S if self.baud > FAST_BAUD else self.seconds(1) * 3.5
