"""Between the bytes of Modbus registers and values in units: compiled once, run at each poll.

Rules of this file
- Pure: bytes and a time in, readings out; a value in, bytes out.
- value = raw * scale + offset, and back: raw = (value - offset) / scale, rounded for integers.
- The order of words and of the bytes within them differs between makers and is declared:
  ``settings/modbus_values.py`` has the table.
- A bit field is cut out of the raw value, before the scale. BCD holds a decimal digit in each
  four bits; any other digit makes the reading BAD.
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
from banksman_drivers.settings.modbus import ModbusOutput, ModbusPoint
from banksman_drivers.settings.modbus_values import ModbusType, field_of

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
    "bcd16": "H",
    "bcd32": "I",
}
BCD: tuple[ModbusType, ...] = ("bcd16", "bcd32")
FLOATS: tuple[ModbusType, ...] = ("float32", "float64")

Raws = Callable[[bytes], Sequence[float]]


class _Lane(msgspec.Struct):
    """Points that one struct format takes from the payload, and the places they go to."""

    format: str = ">"
    end: int = 0
    slots: list[int] = []
    turned: list[int] = []  # the payload's byte indices, words and bytes in the right order


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
    found_fixes = ((slot, _fix(point)) for slot, point in enumerate(block.points))
    fixes = [(slot, fix) for slot, fix in found_fixes if fix is not None]
    if len(unpackers) == 1 and unpackers[0][0] is None and not fixes:
        return unpackers[0][1]
    width = len(block.points)

    def raws(payload: bytes) -> Sequence[float]:
        found: list[float] = [0.0] * width
        for turn, unpack, slots in unpackers:
            words = payload if turn is None else bytes(turn(payload))
            for slot, raw in zip(slots, unpack(words), strict=True):
                found[slot] = raw
        for slot, fix in fixes:
            found[slot] = fix(int(found[slot]))
        return found

    return raws


def _fix(point: ModbusPoint) -> Callable[[int], float] | None:
    """What is left to do with a point's raw value after unpacking; None: nothing."""
    field = field_of(point.bit, point.bits)
    if field is not None:
        low, mask = field[0], (1 << field[1]) - 1
        return lambda raw: raw >> low & mask
    if point.type == "bit":
        return lambda raw: 1 if raw else 0
    return _from_bcd if point.type in BCD else None


def _from_bcd(raw: int) -> float:
    digits = f"{raw:x}"
    return int(digits) if digits.isdecimal() else math.nan


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
        lane.turned[start : lane.end] = _turn(point, lane.turned[start : lane.end])
    return lanes


def _turn(target: ModbusOutput | ModbusPoint, items: list[int]) -> list[int]:
    """The places of a value's bytes from its highest byte to its lowest, or back: it is its own
    inverse.
    """
    pairs = [items[index : index + 2] for index in range(0, len(items), 2)]
    if target.word_order == "low_first":
        pairs.reverse()
    if target.byte_order == "low_first":
        pairs = [pair[::-1] for pair in pairs]
    return [item for pair in pairs for item in pair]


def encode(target: ModbusOutput | ModbusPoint, value: Value) -> bytes:
    """The registers, as they go over the wire, that hold ``value``; a bit is one of 0 or 1.

    Of a bit field the other bits are 0: `mask_of` says which are its own.

    Raises: ValueError saying what the output takes, when it cannot take this value.
    """
    field = field_of(target.bit, target.bits)
    kind = target.type
    if target.bit is not None or (kind == "bit" and field is None):
        flag = _flag(value) << (field[0] if field else 0)
        return _arranged(target, struct.pack(f">{FORMAT[kind]}", flag))
    if isinstance(value, str) or (isinstance(value, bool) and kind in FLOATS):
        raise ValueError(f"takes a number ({kind}), not {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"takes a finite number, not {value!r}")
    raw = (value - target.offset) / target.scale
    try:
        whole = raw if kind in FLOATS else _whole(target, round(raw), field)
        packed = struct.pack(f">{FORMAT[kind]}", whole)
    except (struct.error, OverflowError) as error:
        room = kind if field is None else f"field of {field[1]} bits"
        raise ValueError(f"takes what fits a {room}; {value!r} does not") from error
    return _arranged(target, packed)


def mask_of(target: ModbusOutput | ModbusPoint) -> bytes:
    """The registers with a 1 in every bit that is the target's own, as they go over the wire."""
    field = field_of(target.bit, target.bits)
    size = WORDS[target.type] * 2
    if field is None:
        return b"\xff" * size
    return _arranged(target, ((1 << field[1]) - 1 << field[0]).to_bytes(size, "big"))


def _whole(target: ModbusOutput | ModbusPoint, raw: int, field: tuple[int, int] | None) -> int:
    """The integer as its register holds it. Raises OverflowError when it has no room."""
    if target.type in BCD:
        digits = WORDS[target.type] * 4
        if not 0 <= raw < 10**digits:
            raise OverflowError
        return int(str(raw), 16)
    if field is None:
        return raw
    if not 0 <= raw < 1 << field[1]:
        raise OverflowError
    return raw << field[0]


def _arranged(target: ModbusOutput | ModbusPoint, packed: bytes) -> bytes:
    return bytes(packed[index] for index in _turn(target, list(range(len(packed)))))


def _flag(value: Value) -> int:
    if isinstance(value, str) or value not in (0, 1):
        raise ValueError(f"takes true or false, not {value!r}")
    return int(value)
