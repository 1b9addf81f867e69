"""A serial port that is not there: a pseudo-terminal under a udev-like name, with a device on it.

Rules of this file
- What the device sends is what its UART would: if the driver has set another baud rate than the
  device's, the bits are sampled at the wrong times and other bytes come out.
- It is plugged and unplugged as a USB adapter is: the name comes and goes, and whoever has the
  port open is hung up on.
- A line that takes no more loses bytes, as a real one does; they are counted.
- On the loop that it was made on; nothing waits.

    pty = SerialPty(folder / "usb-scale", baud=9600)
    pty.plug()                         # folder/usb-scale -> /dev/pts/7
    pty.faults = LineFaults(cut_bytes=5)
    pty.send(b"S S     12.34 g\\r\\n")   # "S S  ", and no more
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sys
import termios
import tty
from collections.abc import Callable
from pathlib import Path

import msgspec

READ_BYTES = 4096
_OSPEED = 5  # index of the output speed in termios.tcgetattr
_SPEEDS = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if name[0] == "B" and name[1:].isdigit()
}


class LineFaults(msgspec.Struct, frozen=True):
    """What goes wrong with what the device sends, until taken away again.

    ``cut_bytes``: no more than this of each message; ``noise`` comes before each; ``deaf``: what
    the driver sends does not arrive; ``mute``: what the device sends does not.
    """

    cut_bytes: int | None = None
    noise: bytes = b""
    deaf: bool = False
    mute: bool = False


class SerialPty:
    """One end of a line with a device on it. ``on_line`` is called with each line that comes."""

    def __init__(
        self,
        path: Path,
        baud: int = 9600,
        on_line: Callable[[bytes], None] | None = None,
    ) -> None:
        self.path = path
        self.baud = baud
        self.faults = LineFaults()
        self.dropped_bytes = 0
        self.on_line = on_line
        self._ends: tuple[int, int] | None = None  # ours, and the driver's kept open
        self._heard = bytearray()

    @property
    def plugged(self) -> bool:
        """Whether the port is there."""
        return self._ends is not None

    @property
    def users(self) -> int:
        """How many file descriptors of this process have the port open, but our own."""
        if self._ends is None:
            return 0
        name = os.ttyname(self._ends[1])
        count = 0
        for link in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                count += str(link.readlink()) == name
        return count - 1

    @property
    def unread_bytes(self) -> int:
        """What was sent and the driver has not taken yet."""
        if self._ends is None:
            return 0
        count = fcntl.ioctl(self._ends[1], termios.FIONREAD, b"\0" * 4)
        return int.from_bytes(count, sys.byteorder)

    def plug(self) -> None:
        """Be there, with nothing on the line."""
        ours, theirs = os.openpty()
        # Raw from the start: a terminal would echo to the device what the device has said.
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        self._ends = (ours, theirs)
        asyncio.get_running_loop().add_reader(ours, self._read)
        self.path.symlink_to(os.ttyname(theirs))

    def unplug(self) -> None:
        """Be gone."""
        if self._ends is None:
            return
        ours, theirs = self._ends
        self._ends = None
        self._heard.clear()
        self.path.unlink(missing_ok=True)
        asyncio.get_running_loop().remove_reader(ours)
        os.close(theirs)
        os.close(ours)

    def send(self, message: bytes) -> None:
        """Put a message on the line, as the faults leave it."""
        if self._ends is None or self.faults.mute:
            return
        data = self.faults.noise + message[: self.faults.cut_bytes]
        speed = _SPEEDS.get(termios.tcgetattr(self._ends[0])[_OSPEED], self.baud)
        if speed != self.baud:
            data = sampled(data, self.baud, speed)
        try:
            sent = os.write(self._ends[0], data)
        except BlockingIOError:
            sent = 0
        self.dropped_bytes += len(data) - sent

    def _read(self) -> None:
        if self._ends is None:
            return
        try:
            data = os.read(self._ends[0], READ_BYTES)
        except BlockingIOError:
            return
        if self.faults.deaf or self.on_line is None:
            return
        self._heard += data
        *lines, rest = bytes(self._heard).replace(b"\r", b"\n").split(b"\n")
        self._heard = bytearray(rest[-READ_BYTES:])
        for line in filter(None, lines):
            self.on_line(line)


def sampled(data: bytes, sent_baud: int, read_baud: int) -> bytes:
    """What a UART at ``read_baud`` makes of ``data`` sent at ``sent_baud``: 8 bits, no parity.

    The line idles high; a start bit is low, eight bits follow from the lowest, a stop bit is
    high. The reader waits for a falling edge and looks at the middle of each of its own bits.
    """
    line = [1, 1]
    for byte in data:
        line += [0, *(byte >> place & 1 for place in range(8)), 1]
    line += [1] * 24
    step = sent_baud / read_baud
    seen = bytearray()
    at = 0.0
    while at < len(line) - 1:
        if line[int(at)] == 1 and line[int(at) + 1] == 0:
            start = int(at) + 1
            places = [int(start + (place + 0.5) * step) for place in range(1, 10)]
            bits = [line[place] if place < len(line) else 1 for place in places]
            seen.append(sum(bit << place for place, bit in enumerate(bits[:8])))
            at = start + 9.5 * step  # in the stop bit, whatever it was
        else:
            at = int(at) + 1
    return bytes(seen)
