"""What gpiozero asks of a board, answered for any GPIO chip: its lines, by number.

gpiozero asks a Raspberry Pi's revision for its header and knows only those pins. A Jetson has
none, nor has an expander on USB, and a Compute Module has lines beyond the header. So our factories
bring this board, and a pin is called by its line number.
"""

from __future__ import annotations

from collections.abc import Iterator

from gpiozero import PinInfo


class LineBoard:
    """A board of ``lines`` lines without a header."""

    def __init__(self, lines: int) -> None:
        self._lines = lines

    def find_pin(self, name: int | str) -> Iterator[tuple[None, PinInfo]]:
        """The pin of a line number, or of the name that it got from here."""
        number = int(str(name).removeprefix("GPIO"))
        if 0 <= number < self._lines:
            yield None, self._pin(number)

    @staticmethod
    def _pin(number: int) -> PinInfo:
        name = f"GPIO{number}"
        names = frozenset({number, name})
        return PinInfo(number, name, names, "", 1, number + 1, frozenset({"gpio"}))
