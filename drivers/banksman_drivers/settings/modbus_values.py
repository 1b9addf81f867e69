"""What a Modbus value may be: types, the order of words and bytes, bit fields.

    0x11223344    word_order    byte_order    letters   on the wire
                  high_first    high_first    ABCD      11 22 33 44
                  low_first     high_first    CDAB      33 44 11 22
                  high_first    low_first     BADC      22 11 44 33
                  low_first     low_first     DCBA      44 33 22 11

Values of 64 bits likewise: ABCDEFGH, GHEFCDAB, BADCFEHG, HGFEDCBA.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from banksman_drivers.settings.base import Flaw

ModbusType = Literal[
    "bit",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "float32",
    "uint64",
    "int64",
    "float64",
    "bcd16",
    "bcd32",
]


# How many registers a value takes; a type that is not here takes one.
REGISTERS = {
    "uint32": 2,
    "int32": 2,
    "float32": 2,
    "bcd32": 2,
    "uint64": 4,
    "int64": 4,
    "float64": 4,
}
INTEGERS = {
    "uint16": (0, 2**16 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint32": (0, 2**32 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint64": (0, 2**64 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "bcd16": (0, 9_999),
    "bcd32": (0, 99_999_999),
}
ALL_BITS = 0xFFFF  # of one register
UNSIGNED_BITS = {"bit": 16, "uint16": 16, "uint32": 32, "uint64": 64}

WordOrder = Annotated[
    Literal["high_first", "low_first"], Field(description="of values over several registers")
]
ByteOrder = Annotated[
    Literal["high_first", "low_first"],
    Field(description="within each register; Modbus says high_first, some makers do not"),
]
BitNumber = Annotated[int, Field(ge=0, le=63)]
Bit = Annotated[BitNumber | None, Field(description="only this bit of the value; 0 is the lowest")]
Bits = Annotated[
    Annotated[list[BitNumber], Field(min_length=2, max_length=2)] | None,
    Field(description="only these bits of the value, from the lowest to the highest: [4, 7]"),
]


def field_of(bit: int | None, bits: Sequence[int] | None) -> tuple[int, int] | None:
    """The lowest bit and the width of a bit field; None where the whole value counts."""
    if bits is not None:
        return bits[0], bits[1] - bits[0] + 1
    return None if bit is None else (bit, 1)


def field_flaws(
    path: tuple[str | int, ...],
    table: str,
    kind: str,
    bit: int | None,
    bits: Sequence[int] | None,
) -> Iterator[Flaw]:
    """What is wrong with a bit field; ``path`` is that of its point or output."""
    field = field_of(bit, bits)
    if field is None:
        return
    key = "bit" if bits is None else "bits"
    own = (*path, key)
    if bit is not None and bits is not None:
        yield Flaw(own, "stands beside bit", "one of the two")
    room = UNSIGNED_BITS.get(kind)
    if table in ("coil", "discrete"):
        yield Flaw(own, f"a {table} is one bit itself", f"drop {key}")
    elif room is None:
        yield Flaw(own, f"picks bits of {kind}", 'type = "uint16", "uint32" or "uint64"')
    elif field[1] < 1 or field[0] + field[1] > room:
        yield Flaw(own, f"do not lie in {kind}", f"0 to {room - 1}, the lower one first")


WriteWith = Annotated[
    Literal["auto", "single", "multiple", "read_write"],
    Field(
        description="function of the write. auto: 5 or 6 for one coil or register, 16 for several,"
        " 22 for a bit field; single: 5 or 6; multiple: 15 or 16; read_write: 23, which reads back"
    ),
]
