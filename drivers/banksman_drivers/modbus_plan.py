"""Which requests read a device: as few as possible, and never a register nobody declared.

Rules of this file
- Pure. Points go in, blocks come out; nothing is read here.
- Only registers that touch or overlap are read together: an undeclared gap may be a register
  whose reading resets a counter, or one that makes the device refuse the whole request.
- One request reads at most 125 registers or 2000 bits (Modbus Application Protocol V1.1b3,
  6.1 to 6.4), and a point is never split over two.

    declared   40 41 42 .. 44 44+1          one point of two registers at 44
    blocks     [40 41 42]  [44 45]          two requests
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import msgspec

from banksman_drivers.ports import Unsupported
from banksman_drivers.settings.modbus import ModbusPoint
from banksman_drivers.settings.modbus_values import REGISTERS, ModbusType

Table = Literal["coil", "discrete", "holding", "input"]

REGISTERS_MAX = 125
BITS_MAX = 2000
BIT_TABLES: tuple[Table, ...] = ("coil", "discrete")
READ_FUNCTION: dict[Table, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
WORDS: dict[ModbusType, int] = {kind: REGISTERS.get(kind, 1) for kind in get_args(ModbusType)}


class Block(msgspec.Struct, frozen=True):
    """One read request: ``count`` registers (or bits) of ``table`` from ``address``."""

    table: Table
    address: int
    count: int
    points: tuple[ModbusPoint, ...]

    def __str__(self) -> str:
        if self.count == 1:
            return f"{self.table} {self.address}"
        return f"{self.table} {self.address} to {self.address + self.count - 1}"


def plan(device: str, points: Iterable[ModbusPoint]) -> list[Block]:
    """Group ``points`` into blocks, ordered by table and address.

    Raises: Unsupported naming the point that no request can read.
    """
    ordered = sorted(points, key=lambda point: (point.table, point.address, _size(device, point)))
    blocks: list[Block] = []
    run: list[ModbusPoint] = []
    end = 0
    for point in ordered:
        after = point.address + _size(device, point)
        if run and _joins(run, end, after, point):
            run.append(point)
            end = max(end, after)
            continue
        if run:
            blocks.append(_block(run, end))
        run, end = [point], after
    if run:
        blocks.append(_block(run, end))
    return blocks


def _joins(run: Sequence[ModbusPoint], end: int, after: int, point: ModbusPoint) -> bool:
    first = run[0]
    limit = BITS_MAX if first.table in BIT_TABLES else REGISTERS_MAX
    return (
        point.table == first.table
        and point.address <= end
        and max(end, after) - first.address <= limit
    )


def _block(run: Sequence[ModbusPoint], end: int) -> Block:
    return Block(run[0].table, run[0].address, end - run[0].address, tuple(run))


def _size(device: str, point: ModbusPoint) -> int:
    if point.table in BIT_TABLES:
        # uint16 is the type of a point that names none: one bit of a bit table, too.
        if point.type not in ("bit", "uint16"):
            raise Unsupported(
                f"{device}.{point.name}: a {point.table} holds one bit, not a {point.type};"
                ' write type = "bit" or choose table = "holding" or "input"'
            )
        return 1
    size = WORDS[point.type]
    if point.address + size > 65536:
        raise Unsupported(
            f"{device}.{point.name}: a {point.type} at {point.address} would end past the last"
            f" register, 65535; the highest address for it is {65536 - size}"
        )
    return size
