"""Getting to know a Modbus device: who it says it is, and which addresses it answers.

Rules of this file
- It asks and believes; it guesses nothing. What a device does not tell is left out.
- Only reading functions and the identification are used (Application Protocol V1.1b3: 6.1 to
  6.4, 6.21). Reading may still clear a latch or a counter in some device: who asks bounds it.
- Every walk is bounded by the number of addresses asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from banksman_drivers.modbus_ask import Asker, Silent
from banksman_drivers.modbus_link import Refused
from banksman_drivers.modbus_plan import BIT_TABLES, READ_FUNCTION, Table
from banksman_drivers.ports import DeviceLost

# Names of the objects 0 to 6: table in 6.21 of the Application Protocol.
OBJECTS = (
    "vendor",
    "product_code",
    "revision",
    "vendor_url",
    "product_name",
    "model_name",
    "application_name",
)
IDENTIFY = 0x2B
READ_DEVICE_ID = 0x0E
BASIC, REGULAR = 1, 2
ANSWERS_MAX = 16  # of one identification; a device that always has more is not asked for ever
TEXT_MAX = 120
# A gateway's words for: there is nobody behind me of that number.
NOBODY = (10, 11)


class Span(msgspec.Struct, frozen=True):
    """Addresses that answered, with what they held: bits or registers."""

    address: int
    values: tuple[int, ...]

    @property
    def last(self) -> int:
        """The last of them."""
        return self.address + len(self.values) - 1


def is_there(asker: Asker, unit: int) -> tuple[bool, dict[str, str]]:
    """Whether a unit answers, and what it says of itself. Raises DeviceLost with the line.

    A refusal is an answer too, unless a gateway tells that nobody is there. Some devices say
    nothing to functions they have not, so a silent one is asked for its holding register 0 as well.
    """
    try:
        return True, identify(asker, unit)
    except Refused as refusal:
        return refusal.code not in NOBODY, {}
    except Silent:
        pass
    try:
        asker.ask(unit, _read("holding", 0, 1))
    except Refused as refusal:
        return refusal.code not in NOBODY, {}
    except Silent:
        return False, {}
    return True, {}


def identify(asker: Asker, unit: int) -> dict[str, str]:
    """The identification objects by name. Raises Refused when the device has no such function."""
    found = _objects(asker, unit, BASIC)
    try:
        found |= _objects(asker, unit, REGULAR)
    except (Refused, Silent):
        return found  # the regular objects need not be there
    return found


def _objects(asker: Asker, unit: int, level: int) -> dict[str, str]:
    found: dict[str, str] = {}
    first = 0
    for _ in range(ANSWERS_MAX):
        data = asker.ask(unit, bytes((IDENTIFY, READ_DEVICE_ID, level, first)))
        objects, more = parse_objects(data)
        found |= objects
        if more is None or more <= first:
            break
        first = more
    return found


def parse_objects(data: bytes) -> tuple[dict[str, str], int | None]:
    """The objects of one answer, and from which to ask on (None: that was all).

        [ 14 ][ level ][ conformity ][ more ][ next ][ count ]  [ id ][ length ][ text ] …

    Raises DeviceLost for what is no such answer. What is not text is shown as ``?``.
    """
    if len(data) < 6 or data[0] != READ_DEVICE_ID:
        raise DeviceLost("its identification is not one")
    found: dict[str, str] = {}
    at = 6
    for _ in range(data[5]):
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            raise DeviceLost("its identification is cut short")
        number, size = data[at], data[at + 1]
        text = data[at + 2 : at + 2 + min(size, TEXT_MAX)].decode("ascii", "replace")
        name = OBJECTS[number] if number < len(OBJECTS) else f"object_{number}"
        found[name] = "".join(c if c.isprintable() and c.isascii() else "?" for c in text).strip()
        at += 2 + size
    return found, data[4] if data[3] == 0xFF else None


def walk(asker: Asker, unit: int, table: Table, first: int, last: int) -> Iterator[list[Span]]:
    """Which addresses from ``first`` to ``last`` answer; yields all so far after each request.

    A block that is refused is halved until single addresses are left. Ends early when the device
    has not got the function. Raises DeviceLost.
    """
    limit = 2000 if table in BIT_TABLES else 125
    spans: list[Span] = []
    waiting = [(start, min(start + limit - 1, last)) for start in range(first, last + 1, limit)]
    waiting.reverse()
    while waiting:
        start, end = waiting.pop()
        try:
            spans = _joined([*spans, Span(start, read(asker, unit, table, start, end - start + 1))])
        except Refused as refusal:
            if refusal.code == 1:
                return
            if end > start:
                middle = (start + end) // 2
                waiting += [(middle + 1, end), (start, middle)]
        yield spans


def read(asker: Asker, unit: int, table: Table, address: int, count: int) -> tuple[int, ...]:
    """The bits or registers. Raises Refused, DeviceLost (as well when too few come)."""
    data = payload(asker, unit, table, address, count)
    if table in BIT_TABLES:
        bits = int.from_bytes(data, "little")
        return tuple(bits >> place & 1 for place in range(count))
    return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, 2 * count, 2))


def payload(asker: Asker, unit: int, table: Table, address: int, count: int) -> bytes:
    """The bytes of the bits or registers, as they came. Raises as ``read``."""
    data = asker.ask(unit, _read(table, address, count))
    size = (count + 7) // 8 if table in BIT_TABLES else count * 2
    if len(data) != size + 1 or data[0] != size:
        raise DeviceLost(f"{table} {address}: {len(data)} bytes came where {size + 1} were due")
    return data[1:]


def _read(table: Table, address: int, count: int) -> bytes:
    return bytes((READ_FUNCTION[table],)) + address.to_bytes(2, "big") + count.to_bytes(2, "big")


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Spans in order, those that touch made one."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda each: each.address):
        if joined and joined[-1].last + 1 == span.address:
            joined[-1] = Span(joined[-1].address, joined[-1].values + span.values)
        else:
            joined.append(span)
    return joined
