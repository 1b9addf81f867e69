"""A GPIO chip that ships for trials and tests: the test drives its lines, each keeps its history.

Rules of this file
- It stands under gpiozero, in the place of lgpio: devices, pins and callbacks are the real ones.
- An undriven input has the level of its pull; a line read as output has the level it was set to,
  unless something outside ``shorts`` it.
- Edges are called back on the thread of who drives, as lgpio does it on its own.
- It can be unplugged and plugged in, and single lines can fail or be held by somebody else.

    board = FakeGpioChip()
    driver = GpioDriver(settings, clock, board.open)
    board.drive(17, True)
    board.history[22][-1].high
    board.unplug()
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import defaultdict, deque
from typing import Any, Literal

import msgspec
from gpiozero.exc import PinInvalidFunction, PinSetInput
from gpiozero.pins.pi import PiFactory, PiPin

from banksman_drivers.gpio.line_board import LineBoard
from banksman_drivers.gpio.zero_chip import ZeroChip
from banksman_drivers.ports import DeviceLost

HISTORY_KEPT = 10_000


class Event(msgspec.Struct, frozen=True):
    """What became of a line. ``claimed``: opened with this first level; None as input."""

    mono_ns: int
    what: Literal["claimed", "set", "freed"]
    high: bool | None


class FakeGpioChip:
    """The board, which outlives every opening of it. ``failing``: line -> errno of its writes."""

    def __init__(self, lines: int = 32) -> None:
        self.lines = lines
        self.failing: dict[int, int] = {}
        self.busy: set[int] = set()
        self.shorts: dict[int, bool] = {}
        self.history: dict[int, deque[Event]] = defaultdict(lambda: deque(maxlen=HISTORY_KEPT))
        self.opened = 0  # how often; 0 of them open: `idle`
        self._plugged = True
        self._outside: dict[int, bool] = {}
        self._held: dict[int, FakePin] = {}
        self._lock = threading.RLock()

    def open(self, name: str) -> ZeroChip:
        """What a driver opens. Raises DeviceLost while unplugged."""
        if not self._plugged:
            raise DeviceLost(f"{name}: there is no such chip; plug it in")
        self.opened += 1
        return ZeroChip(FakeFactory(self), name, (), self.probe)

    @property
    def idle(self) -> bool:
        """Whether no line is held."""
        return not self._held

    def drive(self, line: int, high: bool, at_s: float | None = None) -> None:
        """Put a level on an input, as of ``at_s`` of the monotonic clock, else as of now."""
        with self._lock:
            pin = self._held.get(line)
            before = self.level(line)
            self._outside[line] = high
            if before == high or pin is None or not self._plugged:
                return
        pin.tell(time.monotonic() if at_s is None else at_s, high)

    def lose_edge(self, line: int, high: bool) -> None:
        """Put a level on an input with no edge, as a kernel whose buffer ran over."""
        with self._lock:
            self._outside[line] = high

    def unplug(self) -> None:
        """Pull it out: nothing answers, no edge comes."""
        self._plugged = False

    def plug(self) -> None:
        """Plug it in again: outputs have forgotten their level."""
        self._plugged = True

    def level(self, line: int) -> bool:
        """The wire's level."""
        with self._lock:
            if line in self.shorts:
                return self.shorts[line]
            pin = self._held.get(line)
            if pin is not None and pin.is_output:
                return pin.set_high
            return self._outside.get(line, pin is not None and pin.pull == "up")

    def probe(self) -> None:
        """Raise OSError when unplugged."""
        if not self._plugged:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    def claim(self, pin: FakePin, line: int, first: bool | None) -> None:
        """A pin takes a line; None as input."""
        self.probe()
        if line in self.busy:
            raise OSError(errno.EBUSY, "GPIO busy")
        with self._lock:
            self._held[line] = pin
        self._note(line, "claimed", first)

    def put(self, line: int, high: bool) -> None:
        """A pin sets its output."""
        self.probe()
        if line in self.failing:
            raise OSError(self.failing[line], os.strerror(self.failing[line]))
        self._note(line, "set", high)

    def free(self, line: int) -> None:
        """A pin gives its line back."""
        with self._lock:
            if self._held.pop(line, None) is not None:
                self._note(line, "freed", None)

    def _note(self, line: int, what: Literal["claimed", "set", "freed"], high: bool | None) -> None:
        self.history[line].append(Event(time.monotonic_ns(), what, high))


class FakePin(PiPin):  # type: ignore[misc]  # gpiozero is not typed
    """A pin of gpiozero whose wire is the board's."""

    def __init__(self, factory: FakeFactory, info: Any) -> None:
        super().__init__(factory, info)
        self.is_output = False
        self.set_high = False
        self._pull = "floating"
        self._edges = "both"
        self._telling = False

    def close(self) -> None:
        """Give the line back."""
        self.when_changed = None
        self.factory.board.free(self._number)

    def tell(self, at_s: float, high: bool) -> None:
        """An edge."""
        if self._telling:
            self._call_when_changed(at_s, high)

    def output_with_state(self, state: bool) -> None:
        """Direction and level at once."""
        self.factory.board.claim(self, self._number, bool(state))
        self.is_output, self.set_high = True, bool(state)

    def _get_function(self) -> str:
        return "output" if self.is_output else "input"

    def _set_function(self, value: str) -> None:
        if value != "input":
            raise PinInvalidFunction("outputs are opened with their level: output_with_state")
        self.factory.board.claim(self, self._number, None)
        self.is_output = False

    def _get_state(self) -> bool:
        self.factory.board.probe()
        return bool(self.factory.board.level(self._number))

    def _set_state(self, value: float) -> None:
        if not self.is_output:
            raise PinSetInput(f"cannot set state of pin {self!r}")
        self.factory.board.put(self._number, bool(value))
        self.set_high = bool(value)

    def _get_pull(self) -> str:
        return self._pull

    def _set_pull(self, value: str) -> None:
        self._pull = value

    def _get_edges(self) -> str:
        return self._edges

    def _set_edges(self, value: str) -> None:
        self._edges = value

    def _enable_event_detect(self) -> None:
        self._telling = True

    def _disable_event_detect(self) -> None:
        self._telling = False


class FakeFactory(PiFactory):  # type: ignore[misc]  # gpiozero is not typed
    """One opening of the board."""

    def __init__(self, board: FakeGpioChip) -> None:
        super().__init__()
        self.board = board
        self.pin_class = FakePin

    def _get_board_info(self) -> LineBoard:
        return LineBoard(self.board.lines)

    @staticmethod
    def ticks() -> float:
        """As lgpio's: seconds of the monotonic clock."""
        return time.monotonic()

    @staticmethod
    def ticks_diff(later: float, earlier: float) -> float:
        """As lgpio's."""
        return later - earlier
