"""A serial port as a file descriptor that the control loop watches: read and written, no thread.

Rules of this file
- Opening and closing may take a USB adapter milliseconds, so they happen on a worker thread; all
  else is non-blocking on the loop. pyserial sets the line; the bytes go past it.
- A turn of the loop reads a bounded piece, so a flood of bytes never holds the loop.
- Nobody else may open the port meanwhile: TIOCEXCL for all programs, a lock for those that ask.
- What the line does not take at once waits in a bounded buffer; what does not fit is refused.
- Closing drops what was not sent: a line that is held by flow control must not hold us.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import termios
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from banksman_drivers.ports import CommandFailed, DeviceLost
from banksman_drivers.settings.serial_base import SerialBase

if TYPE_CHECKING:
    import serial

READ_BYTES = 256  # forty short messages at most: a millisecond of parsing and deciding
WRITE_MAX_BYTES = 4096
BY_ID = Path("/dev/serial/by-id")
_PARITIES = {"none": "N", "even": "E", "odd": "O"}
_CC = 6  # index of the control characters in termios.tcgetattr


class Port:
    """An open port. ``lost`` is set to a DeviceLost when it goes away."""

    def __init__(self, line: serial.Serial, name: str) -> None:
        self.name = name
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._line = line
        self._fd: int = line.fileno()
        self._waiting = bytearray()
        self._take: Callable[[bytes], None] | None = None

    @classmethod
    async def open(cls, settings: SerialBase) -> Port:
        """Open the port of ``settings``. Raises DeviceLost, saying what to do."""
        opening = asyncio.get_running_loop().run_in_executor(None, _open, settings)
        try:
            line = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unused)
            raise
        return cls(line, settings.port)

    def start(self, take: Callable[[bytes], None]) -> None:
        """Call ``take`` with what comes, as it comes."""
        self._take = take
        self._loop.add_reader(self._fd, self._read)

    def write(self, data: bytes) -> None:
        """Send without waiting. Raises CommandFailed when the line takes no more."""
        if self.lost.done():
            raise CommandFailed(f"{self.name} is gone")
        if len(self._waiting) + len(data) > WRITE_MAX_BYTES:
            raise CommandFailed(
                f"{self.name} takes no more: is the device on, and flow control as it has it?"
            )
        first = not self._waiting
        self._waiting += data
        if first:
            self._write()

    async def close(self) -> None:
        """Give the port back. Nothing is taken any more from the moment this is called."""
        self._take = None
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        if self.lost.done():
            self.lost.exception()
        else:
            self.lost.cancel()
        closing = self._loop.run_in_executor(None, _close, self._line)
        await asyncio.shield(closing)  # whoever is cancelled here: the thread ends by itself

    def _read(self) -> None:
        try:
            data = os.read(self._fd, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(f"reading failed: {error.strerror}")
            return
        if not data:
            self._lose("it was unplugged or its other end closed")
        elif self._take is not None:
            self._take(data)

    def _write(self) -> None:
        try:
            sent = os.write(self._fd, self._waiting)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._lose(f"writing failed: {error.strerror}")
            return
        del self._waiting[:sent]
        if self._waiting:
            self._loop.add_writer(self._fd, self._write)
        else:
            self._loop.remove_writer(self._fd)

    def _lose(self, why: str) -> None:
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        if not self.lost.done():
            self.lost.set_exception(DeviceLost(f"port {self.name}: {why}; check plug and cable"))


def _open(settings: SerialBase) -> serial.Serial:
    import serial

    try:
        line = serial.Serial(
            settings.port,
            baudrate=settings.baud,
            bytesize=settings.data_bits,
            parity=_PARITIES[settings.parity],
            stopbits=settings.stop_bits,
            rtscts=settings.flow == "rts_cts",
            xonxoff=settings.flow == "xon_xoff",
            timeout=0,
            exclusive=True,
        )
    except (OSError, ValueError, termios.error) as error:  # SerialException is an OSError
        raise DeviceLost(f"cannot open {settings.port}: {_remedy(error)}") from error
    try:
        fd = line.fileno()
        fcntl.ioctl(fd, termios.TIOCEXCL)
        # pyserial asks for reads that return nothing at once; then an unplugged port looks silent.
        attributes = termios.tcgetattr(fd)
        attributes[_CC][termios.VMIN] = 1
        attributes[_CC][termios.VTIME] = 0
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
    except (OSError, termios.error) as error:
        line.close()
        raise DeviceLost(f"cannot set up {settings.port}: {error}") from error
    return line


def _close(line: serial.Serial) -> None:
    with contextlib.suppress(OSError, termios.error):  # an unplugged port cannot be tidied
        termios.tcflush(line.fileno(), termios.TCOFLUSH)
        fcntl.ioctl(line.fileno(), termios.TIOCNXCL)
    with contextlib.suppress(OSError, termios.error):
        line.close()


def _close_unused(opening: asyncio.Future[serial.Serial]) -> None:
    """The port was opened for somebody who has gone."""
    if not opening.cancelled() and opening.exception() is None:
        _close(opening.result())


def _remedy(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if isinstance(error, FileNotFoundError) or number == 2:
        there = sorted(path.name for path in BY_ID.iterdir()) if BY_ID.is_dir() else []
        found = ", ".join(there[:8]) or "none"
        return f"it is not there; ports by udev name now: {found}"
    if number == 13:
        return "not permitted; add the user to the group dialout"
    if number == 16 or "lock" in str(error):
        return "another program has it open; end that program (fuser names it)"
    return f"{error}; is it a serial port, and can it do this baud rate?"
