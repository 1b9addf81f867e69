"""Between the bytes of Modbus registers and values in units: compiled once, run at each poll.

Rules of this file
- Pure: bytes and a time in, readings out; a value in, bytes out.
- value = raw * scale + offset, and back: raw = (value - offset) / scale, rounded for integers.
- A register is two bytes, high byte first, always. The order of the words of a wider value
  differs between makers and is declared:

    0x11223344   high_first  11 22 33 44     low_first  33 44 11 22

- What cannot be a value (NaN, infinite) is BAD; what is out of the plausible range UNCERTAIN.
- No dispatch by type at run time: a block becomes one ``struct`` format, or a few where
  points overlap ("lanes") or want their words turned round.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable, Sequence
from operator import itemgetter

import msgspec

from banksman_drivers.modbus_plan import BIT_TABLES, WORDS, Block
from banksman_drivers.ports import Quality, Reading, Value
from banksman_drivers.settings.modbus import ModbusOutput, ModbusPoint, ModbusType

FORMAT: dict[ModbusType, str] = {
    "bit": "H",
    "uint16": "H",
    "int16": "h",
    "uint32": "I",
    "int32": "i",
    "float32": "f",
    "uint64": "Q",
    "int64": "q",
    "float64": "d",
}
FLOATS: tuple[ModbusType, ...] = ("float32", "float64")

Raws = Callable[[bytes], Sequence[float]]


class _Lane(msgspec.Struct):
    """Points that one struct format takes from the payload, and the places they go to."""

    format: str = ">"
    end: int = 0
    slots: list[int] = []
    turned: list[int] = []  # the payload's byte indices with the words in the right order


class BlockDecoder:
    """Decodes the answers to one block. ``size`` is the payload it wants, in bytes."""

    def __init__(self, device: str, block: Block) -> None:
        self.block = block
        is_bits = block.table in BIT_TABLES
        self.size = (block.count + 7) // 8 if is_bits else block.count * 2
        self._raws = _bits(block) if is_bits else _registers(block)
        # Bounds stay finite, so that one comparison also sends NaN and infinity aside.
        huge = sys.float_info.max
        self._rows = tuple(
            (
                f"{device}.{point.name}",
                point.unit,
                point.scale,
                point.offset,
                -huge if point.low is None else point.low,
                huge if point.high is None else point.high,
            )
            for point in block.points
        )

    def decode(self, payload: bytes, mono_ns: int) -> list[Reading]:
        """The readings of a payload of ``size`` bytes that had arrived at ``mono_ns``."""
        good = Quality.GOOD
        batch = []
        rows = zip(self._rows, self._raws(payload), strict=True)
        for (sensor, unit, scale, offset, low, high), raw in rows:
            value = raw * scale + offset
            if low <= value <= high:
                batch.append(Reading(sensor, value, unit, good, mono_ns))
            else:
                batch.append(_doubtful(sensor, value, unit, mono_ns))
        return batch

    def bad(self, mono_ns: int) -> list[Reading]:
        """The block's readings when the device refused it."""
        return [Reading(row[0], math.nan, row[1], Quality.BAD, mono_ns) for row in self._rows]


def _doubtful(sensor: str, value: float, unit: str, mono_ns: int) -> Reading:
    if math.isfinite(value):
        return Reading(sensor, value, unit, Quality.UNCERTAIN, mono_ns)
    return Reading(sensor, math.nan, unit, Quality.BAD, mono_ns)


def _bits(block: Block) -> Raws:
    # Modbus packs bits low bit first from the first byte on: one little-endian number.
    shifts = [point.address - block.address for point in block.points]

    def raws(payload: bytes) -> Sequence[float]:
        bits = int.from_bytes(payload, "little")
        return [bits >> shift & 1 for shift in shifts]

    return raws


def _registers(block: Block) -> Raws:
    lanes = _lanes(block)
    unpackers = [
        (
            None if lane.turned == list(range(block.count * 2)) else itemgetter(*lane.turned),
            struct.Struct(lane.format).unpack_from,
            lane.slots,
        )
        for lane in lanes
    ]
    flags = [slot for slot, point in enumerate(block.points) if point.type == "bit"]
    if len(unpackers) == 1 and unpackers[0][0] is None and not flags:
        return unpackers[0][1]
    width = len(block.points)

    def raws(payload: bytes) -> Sequence[float]:
        found: list[float] = [0.0] * width
        for turn, unpack, slots in unpackers:
            words = payload if turn is None else bytes(turn(payload))
            for slot, raw in zip(slots, unpack(words), strict=True):
                found[slot] = raw
        for slot in flags:
            found[slot] = 1 if found[slot] else 0
        return found

    return raws


def _lanes(block: Block) -> list[_Lane]:
    """Share the points among as few lanes as possible, so that no lane overlaps itself."""
    lanes: list[_Lane] = []
    for slot, point in enumerate(block.points):
        start = (point.address - block.address) * 2
        lane = next((lane for lane in lanes if lane.end <= start), None)
        if lane is None:
            lane = _Lane(turned=list(range(block.count * 2)), slots=[])
            lanes.append(lane)
        lane.format += "x" * (start - lane.end) + FORMAT[point.type]
        lane.end = start + WORDS[point.type] * 2
        lane.slots.append(slot)
        if point.word_order == "low_first":
            lane.turned[start : lane.end] = _turn(lane.turned[start : lane.end])
    return lanes


def _turn(items: list[int]) -> list[int]:
    """Reverse the order of pairs: the words of a value, each two bytes."""
    pairs = [items[index : index + 2] for index in range(0, len(items), 2)]
    return [item for pair in reversed(pairs) for item in pair]


def encode(target: ModbusOutput | ModbusPoint, value: Value) -> bytes:
    """The registers, high byte first, that hold ``value``; a bit is one register of 0 or 1.

    Raises: ValueError saying what the output takes, when it cannot take this value.
    """
    if target.type == "bit":
        return struct.pack(">H", _flag(value))
    if isinstance(value, str) or (isinstance(value, bool) and target.type in FLOATS):
        raise ValueError(f"takes a number ({target.type}), not {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"takes a finite number, not {value!r}")
    raw = (value - target.offset) / target.scale
    try:
        packed = struct.pack(
            f">{FORMAT[target.type]}", raw if target.type in FLOATS else round(raw)
        )
    except (struct.error, OverflowError) as error:
        raise ValueError(f"takes what fits a {target.type}; {value!r} does not") from error
    if target.word_order == "low_first":
        packed = bytes(packed[index] for index in _turn(list(range(len(packed)))))
    return packed


def _flag(value: Value) -> int:
    if isinstance(value, str) or value not in (0, 1):
        raise ValueError(f"takes true or false, not {value!r}")
    return int(value)
