"""The parts of an expression, and how two of them meet: in one unit, or not at all.

    '25 mm' < plc.way    the literal is told in mm at load: 25.0
    a.way < b.way        where their units differ, b is converted at run time
    t.a - t.b            temperatures: only in one unit, since a difference is no temperature

Pure: what is wrong comes back as a Fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from banksman.deciding.syntax import Fault
from banksman.deciding.units import NO_UNIT, Unit, convert, product

Kind = Literal["number", "flag", "truth", "unknown"]


class Operand(msgspec.Struct, frozen=True):
    """A part of an expression. ``literal``: its number when it is known at load.

    ``rigid``: arithmetic on temperatures, which means something only in that very unit.
    ``arithmetic``: it may leave the finite numbers at run time.
    """

    code: str
    kind: Kind
    shown: str
    unit: Unit = NO_UNIT
    literal: float | None = None
    rigid: bool = False
    arithmetic: bool = False

    @property
    def bare(self) -> bool:
        """A plain number as the author wrote it."""
        return self.literal is not None and not self.unit.text


UNKNOWN = Operand("0.0", "unknown", "?")


def literal(value: float, unit: Unit) -> Operand:
    """A number or quantity as the author wrote it."""
    shown = f"{value:g} {unit.text}".strip()
    return Operand(_number(value), "number", shown, unit, literal=value)


def lead_of(operands: Sequence[Operand]) -> Operand:
    """The one whose unit the others are told in: the first that is not a literal."""
    return next((operand for operand in operands if operand.literal is None), operands[0])


def in_one_unit(operands: Sequence[Operand], verb: str) -> tuple[list[str], list[Fault]]:
    """The sources of all in the unit of their lead, and what stands against it."""
    lead = lead_of(operands)
    told = [_told_in(operand, lead, verb) for operand in operands]
    codes = [code for code in told if isinstance(code, str)]
    return codes, [fault for fault in told if isinstance(fault, Fault)]


def calculate(left: Operand, right: Operand, mark: str) -> tuple[Operand, list[Fault]]:
    """``left mark right`` of two numbers, mark one of + - * /."""
    if left.literal is not None and right.literal is not None:
        return _fold(left, right, left.literal, right.literal, mark)
    if mark in "+-":
        codes, faults = in_one_unit([left, right], "add")
        unit = lead_of([left, right]).unit
    else:
        codes, faults = [left.code, right.code], _may_multiply(left, right, mark)
        unit = _scaled_unit(left, right, mark)
    if faults:
        return UNKNOWN, faults
    rigid = left.rigid or right.rigid or unit.ambiguous
    code = f"({codes[0]} {mark} {codes[1]})"
    shown = f"({left.shown} {mark} {right.shown})"
    return Operand(code, "number", shown, unit, rigid=rigid, arithmetic=True), []


def _scaled_unit(left: Operand, right: Operand, mark: str) -> Unit:
    if right.bare:
        return left.unit
    if left.bare and mark == "*":
        return right.unit
    return product(left.unit, right.unit, 1 if mark == "*" else -1)


def _may_multiply(left: Operand, right: Operand, mark: str) -> list[Fault]:
    hot = next((operand for operand in (left, right) if operand.unit.offset), None)
    if hot is None or right.bare or (left.bare and mark == "*"):
        return []
    message = f"{hot.shown} is in {hot.unit.text}, whose zero is arbitrary: {mark} has no meaning"
    return [Fault(message, "multiply or divide it by a bare number only")]


def _fold(
    left: Operand, right: Operand, a: float, b: float, mark: str
) -> tuple[Operand, list[Fault]]:
    """Arithmetic on literals is done at load, and only on bare ones."""
    if left.unit.text or right.unit.text:
        message = f"{left.shown} {mark} {right.shown} calculates with two quantities"
        return UNKNOWN, [Fault(message, "write the result")]
    if mark == "/" and b == 0.0:
        return UNKNOWN, [Fault("divides by zero", "divide by a number other than 0")]
    value = {"+": a + b, "-": a - b, "*": a * b}[mark] if mark != "/" else a / b
    if value - value != 0.0:
        return UNKNOWN, [Fault("a number is too large", "at most 1.7e308")]
    return literal(value, NO_UNIT), []


def _told_in(operand: Operand, lead: Operand, verb: str) -> str | Fault:
    unit, target = operand.unit, lead.unit
    if bool(unit.text) != bool(target.text) and (operand.bare or lead.bare):
        number, sensor = (operand, lead) if operand.bare else (lead, operand)
        return Fault(
            f"{sensor.shown} is in {sensor.unit.text}, the number {number.shown} has no unit",
            f"write '{number.shown} {sensor.unit.text}'",
        )
    if not unit.converts_to(target):
        return Fault(
            f"cannot {verb} {lead.shown} in {target.text or 'no unit'}"
            f" and {operand.shown} in {unit.text or 'no unit'}",
            f"use a unit that converts to {target.text}" if target.text else "drop the unit",
        )
    if unit.same_scale(target):
        return _guarded(operand)
    if unit.ambiguous and (verb == "add" or operand.rigid or lead.rigid):
        return Fault(
            f"{operand.shown} in {unit.text} meets {lead.shown} in {target.text}",
            f"in sums and differences of temperatures write all in {target.text}",
        )
    if operand.literal is not None:
        return _number(convert(operand.literal, unit, target))
    scale = float(f"{unit.factor / target.factor:.15g}")
    shift = float(f"{(unit.offset - target.offset) / target.factor:.15g}")
    code = f"({operand.code} * {_number(scale)} + {_number(shift)})"
    return _guarded(msgspec.structs.replace(operand, code=code, arithmetic=True))


def _number(value: float) -> str:
    return repr(value) if value >= 0 else f"({value!r})"


def _guarded(operand: Operand) -> str:
    """Source that calls out_of_range() where arithmetic has left the finite numbers."""
    if not operand.arithmetic:
        return operand.code
    return f"(t if (t := {operand.code}) - t == 0.0 else out_of_range())"
