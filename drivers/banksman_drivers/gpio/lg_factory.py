"""gpiozero's lgpio factory for any chip, and without what lgpio does badly in a daemon.

Rules of this file; each mends something that was seen in lgpio 0.2.2 or gpiozero 2.0.1
- lgpio holds the interpreter lock in every call, and sleeps 100 ms in closing a chip. So reads,
  writes and closing go to its C functions through ctypes, which lets go of the lock.
- gpiozero opens an output as an input first and sets its level afterwards. Here direction and level
  are one request, and a pin that is closed gives its line back instead of turning it into an input.
- lgpio makes a FIFO in the working folder when it is imported, readable by the group. It gets
  a private folder, which is removed at once.
- gpiozero keeps pins by number across chips, and asks for a Pi's revision. Here each chip has its
  own, and the lines of the chip are the board (`line_board`).
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from banksman_drivers.gpio.chips import chip_info, chip_number, find_chip, open_chip
from banksman_drivers.gpio.line_board import LineBoard
from banksman_drivers.gpio.zero_chip import ZeroChip
from banksman_drivers.ports import DeviceLost

_HANDLE_MASK = 0xFFFF  # lgpio.py keeps the chip's number above it


def load_lgpio() -> ModuleType:
    """lgpio, imported with its FIFO out of the way. Raises ImportError or OSError."""
    if "lgpio" in sys.modules:
        return sys.modules["lgpio"]
    spec = importlib.util.find_spec("lgpio")
    if spec is None or spec.loader is None:
        raise ImportError("No module named 'lgpio'", name="lgpio")
    module = importlib.util.module_from_spec(spec)
    before = os.environ.get("LG_WD")
    with tempfile.TemporaryDirectory(prefix="banksman-lgpio-") as folder:

        def open_there(name: str, mode: str) -> IO[Any]:
            return (Path(folder) / name).open(mode)

        # lgpio.py opens by a bare name what its C side made in $LG_WD.
        vars(module)["open"] = open_there
        os.environ["LG_WD"] = folder
        sys.modules["lgpio"] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules["lgpio"]
            raise
        finally:
            os.environ.pop("LG_WD")
            if before is not None:
                os.environ["LG_WD"] = before
    return module


lgpio = load_lgpio()
# After it: gpiozero would import lgpio itself.
_pins = importlib.import_module("gpiozero.pins.lgpio")
_local = importlib.import_module("gpiozero.pins.local")

_library = ctypes.CDLL(sys.modules["_lgpio"].__file__)


def open_lgpio_chip(name: str) -> ZeroChip:
    """Open a chip by path, udev link or label. Raises DeviceLost."""
    path = find_chip(name)
    with open_chip(path) as fd:
        lines = chip_info(fd, path).lines
        probe_fd = os.dup(fd)
    try:
        factory = LineFactory(chip_number(path), lines, probe_fd, path)
    except lgpio.error as error:
        os.close(probe_fd)
        raise DeviceLost(f"{path}: {error}; check that nobody unplugged it") from error
    return ZeroChip(factory, str(path), (lgpio.error,), factory.probe)


class LineFactory(_pins.LGPIOFactory):  # type: ignore[misc, name-defined]  # not typed
    """Pins of one chip. ``probe_fd`` is an fd of the chip, which closing the factory closes."""

    _handle: int | None  # gpiozero's: None once closed

    def __init__(self, chip: int, lines: int, probe_fd: int, path: Path) -> None:
        super().__init__(chip=chip)
        self.handle = (self._handle or 0) & _HANDLE_MASK  # as lgpio's C functions take it
        self.pins: dict[Any, Any] = {}
        self._reservations: dict[Any, list[Any]] = defaultdict(list)
        self._res_lock = threading.Lock()
        self._board = LineBoard(lines)
        self._probe_fd = probe_fd
        self._path = path
        self.pin_class = LinePin

    def probe(self) -> None:
        """Ask the kernel whether the chip is there. Raises DeviceLost."""
        chip_info(self._probe_fd, self._path)

    def close(self) -> None:
        """Give all lines and the chip back."""
        if self._handle is None:
            return
        for pin in self.pins.values():
            pin.close()
        self.pins.clear()
        self._handle = None
        os.close(self._probe_fd)
        _library.lgGpiochipClose(self.handle)

    def _get_board_info(self) -> LineBoard:
        return self._board


class LinePin(_pins.LGPIOPin):  # type: ignore[misc, name-defined]  # not typed
    """One line; nothing is asked of the kernel before its direction is known."""

    def __init__(self, factory: LineFactory, info: Any) -> None:
        _local.LocalPiPin.__init__(self, factory, info)
        self._pwm = None
        self._bounce = None
        self._callback: Any = None
        self._edges = lgpio.BOTH_EDGES

    def output_with_state(self, state: bool) -> None:
        """Direction and level in one request."""
        number, handle = self._number, self.factory.handle
        _checked(_library.lgGpioClaimOutput(handle, 0, number, int(state)))

    def close(self) -> None:
        """Give the line back; the chip decides what becomes of its level."""
        if self.factory._handle is None:
            return
        self.when_changed = None
        _library.lgGpioFree(self.factory.handle, self._number)

    def _call_when_changed(self, _chip: int, _line: int, level: int, kernel_ns: int) -> None:
        # One may be under way while the pin is closed. gpiozero's would raise, and with it end
        # lgpio's only thread, and every edge of this process.
        reference = self._when_changed
        handler = None if reference is None else reference()
        if handler is not None:
            handler(kernel_ns / 1e9, level)

    def _disable_event_detect(self) -> None:
        # gpiozero's asks for the line anew, as an input without edges; it is given back anyway.
        callback, self._callback = self._callback, None
        if callback is not None:
            callback.cancel()

    def _get_state(self) -> bool:
        return bool(_checked(_library.lgGpioRead(self.factory.handle, self._number)))

    def _set_state(self, value: float) -> None:
        handle, number = self.factory.handle, self._number
        _checked(_library.lgGpioWrite(handle, number, int(bool(value))))


def _checked(status: int) -> int:
    if status < 0:
        raise lgpio.error(lgpio.error_text(status))
    return status
