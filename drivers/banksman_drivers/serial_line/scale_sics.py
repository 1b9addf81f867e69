"""The dialect of MT-SICS scales: asked for the weight, told to tare and to zero.

Rules of this file
- A command counts as done when the scale says so, with its own word: ``T S``, ``Z A``.
- A scale that is busy has no weight for the moment: BAD, and no bad frame.
- After an order without answer the scale is told to cancel what it still waits for (``@``; the
  tare stays), so that a late answer is never taken for the one of a later order.
"""

from __future__ import annotations

from banksman_drivers.ports import Value
from banksman_drivers.serial_line.dialect import Dialect, Heard, Order
from banksman_drivers.serial_line.framing import LineFramer
from banksman_drivers.serial_line.scale_fields import weight_fields
from banksman_drivers.serial_line.sics import ERRORS, SicsError, parse
from banksman_drivers.settings.scale import ScaleSettings

LINE_MAX = 128
_WORDS = {"tare": "T", "zero": "Z"}


class SicsDialect(Dialect):
    """One MT-SICS scale."""

    def __init__(self, settings: ScaleSettings) -> None:
        super().__init__(settings.id, [(point.field, point) for point in settings.points])
        self.framer = LineFramer(LINE_MAX)
        self._settings = settings
        self._units: dict[str, str] = {point.field: point.unit for point in settings.points}
        self._actions = {
            f"{settings.id}.{output.name}": _WORDS[output.action] for output in settings.outputs
        }

    def hello(self, unanswered: bool) -> bytes:
        """Cancel what nobody waits for any more; start the scale's own sending."""
        start = b"SIR\r\n" if self._settings.command == "SIR" else b""
        return (b"@\r\n" if unanswered else b"") + start

    def ask(self) -> bytes:
        """One question each poll, unless the scale sends by itself."""
        command = self._settings.command
        return b"" if command == "SIR" else f"{command}\r\n".encode()

    def heard(self, data: bytes, mono_ns: int) -> Heard:
        """One line."""
        try:
            answer = parse(data)
        except SicsError as error:
            return self.broken(str(error))
        if answer.word in ERRORS:
            return self.broken(ERRORS[answer.word])
        if answer.word != "S" or answer.weight is None:
            return Heard(asked=False)
        try:
            fields = weight_fields(answer.weight, self._units)
        except ValueError as error:
            return self.broken(str(error))
        return Heard(self._readings({**fields, **self.counts()}, mono_ns))

    def order(self, output: str, value: Value) -> Order:
        """Tare or zero for true; false is what it is without being told."""
        word = self._actions[output]
        return Order(output, f"{word}\r\n".encode() if value else b"", word)

    def verdict(self, order: Order, data: bytes) -> str | None:
        """The line that begins with the order's own word, or a refusal of any command."""
        try:
            answer = parse(data)
        except SicsError:
            return None
        if answer.word in ERRORS:
            return answer.refusal
        if answer.word != order.word:
            return None
        done = answer.status == "A" if order.word == "Z" else answer.status in ("S", "A")
        return "" if done else answer.refusal or f"the scale answered {answer.status}"
