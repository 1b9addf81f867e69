"""The dialect of any other instrument: values where the config says they stand.

Rules of this file
- A message that lacks one of its values makes that point BAD and nothing else; one whose checksum
  is wrong, or that has none of them, is a bad frame.
- While an order waits for its answer, a message that begins as the answer does is that answer.
"""

from __future__ import annotations

import functools
import operator
import re
import struct

from banksman_drivers.ports import Value
from banksman_drivers.serial_line.dialect import BAD, Dialect, Heard, Order, Shown
from banksman_drivers.serial_line.framing import (
    Framer,
    GapFramer,
    LengthFramer,
    LineFramer,
    MarkedFramer,
)
from banksman_drivers.settings.serial_text import (
    BINARY,
    SerialFrame,
    SerialPoint,
    SerialTextSettings,
)

_NUMBER = re.compile(rb"\s*([-+]?) *([0-9]{1,15}(?:\.[0-9]{0,15})?(?:[eE][-+]?[0-9]{1,2})?)")


class TextDialect(Dialect):
    """One instrument."""

    def __init__(self, settings: SerialTextSettings) -> None:
        keyed = [
            (point.name if point.field == "value" else point.field, point)
            for point in settings.points
        ]
        super().__init__(settings.id, keyed)
        self._settings = settings
        self._values = [point for point in settings.points if point.field == "value"]
        self._outputs = {f"{settings.id}.{output.name}": output for output in settings.outputs}
        self.framer = framer_of(settings.frame)

    def ask(self) -> bytes:
        """As configured."""
        return self._settings.ask.encode("latin-1", "replace")

    def heard(self, data: bytes, mono_ns: int) -> Heard:
        """One message."""
        kind = self._settings.frame.checksum
        body = data
        if kind != "none":
            body = data[:-1]
            if checksum(kind, body, self._settings.frame.by == "stx_etx") != data[-1:]:
                return self.broken("wrong checksum: check baud rate and cable")
        fields = {point.name: _shown(point, body) for point in self._values}
        if fields and all(shown is BAD for shown in fields.values()):
            return self.broken(f"{body[:40]!r} has none of the values")
        return Heard(self._readings({**fields, **self.counts()}, mono_ns))

    def order(self, output: str, value: Value) -> Order:
        """The message of the output's state."""
        settings = self._outputs[output]
        words = settings.on if value else settings.off
        return Order(output, words.encode("latin-1", "replace"))

    def verdict(self, order: Order, data: bytes) -> str | None:
        """Whether the message begins as the answer does, or as a refusal."""
        output = self._outputs[order.output]
        if data.startswith(output.answer.encode("latin-1", "replace")):
            return ""
        refusal = output.refusal.encode("latin-1", "replace")
        if refusal and data.startswith(refusal):
            return f"the device answered {data[:40]!r}"
        return None


def framer_of(frame: SerialFrame) -> Framer:
    """The framer that the config asks for."""
    if frame.by == "stx_etx":
        return MarkedFramer(frame.longest_bytes, trailer=0 if frame.checksum == "none" else 1)
    if frame.by == "length":
        start = frame.start.encode("latin-1", "replace")
        return LengthFramer(frame.longest_bytes, frame.length, frame.length_at, start)
    return LineFramer(frame.longest_bytes) if frame.by == "line" else GapFramer(frame.longest_bytes)


def checksum(kind: str, body: bytes, marked: bool) -> bytes:
    """The byte that belongs behind ``body``; between marks it covers ETX too."""
    covered = body + b"\x03" if marked else body
    whole = functools.reduce(operator.xor, covered, 0) if kind == "xor" else sum(covered)
    return bytes([whole & 0xFF])


def _shown(point: SerialPoint, body: bytes) -> Shown:
    raw = _number(point, body) if point.type == "text" else _binary(point, body)
    return BAD if raw is None else Shown(raw * point.scale + point.offset)


def _number(point: SerialPoint, body: bytes) -> float | None:
    if point.after:
        _, found, body = body.partition(point.after.encode("latin-1", "replace"))
        if not found:
            return None
    if point.separator:
        columns = body.split(point.separator.encode("latin-1", "replace"))
        if point.column >= len(columns):
            return None
        body = columns[point.column]
    number = _NUMBER.match(body)
    return None if number is None else float(number[1] + number[2])


def _binary(point: SerialPoint, body: bytes) -> float | None:
    layout = (">" if point.byte_order == "big" else "<") + BINARY[point.type]
    if point.at + struct.calcsize(layout) > len(body):
        return None
    return float(struct.unpack_from(layout, body, point.at)[0])
