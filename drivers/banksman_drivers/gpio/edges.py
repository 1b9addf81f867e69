"""Edges of lines as they come, through the kernel's character device: for `banksman gpio watch`.

Rules of this file
- Lines are taken as inputs while they are watched, so one that somebody holds cannot be.
- Times are the kernel's, of CLOCK_MONOTONIC, taken in the interrupt.
- A gap in a line's sequence numbers means that the kernel's buffer ran over: it is told.
- It blocks, and is for a command only; nothing of the daemon may call it.

    gpio_v2_line_request   | 64 offsets u32 | consumer 32 | flags u64, attributes | lines u32 |
                           | buffer u32 | - | fd s32 |
    gpio_v2_line_event     | time u64 | 1 rising, 2 falling u32 | offset u32 | sequence u32 |
                           | sequence of the line u32 | - |
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from banksman_drivers.gpio.chips import explained, open_chip
from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.gpio import Pull

REQUEST = struct.Struct("=256s32sQI20x240xII20xi")
EVENT = struct.Struct("=QIIII24x")
VALUES = struct.Struct("=QQ")
GET_LINE = 0xC250B407
GET_VALUES = 0xC010B40E
INPUT_BOTH_EDGES = 1 << 2 | 1 << 4 | 1 << 5
PULL_FLAGS: Mapping[Pull, int] = {"up": 1 << 8, "down": 1 << 9, "none": 0}
RISING = 1
CONSUMER = b"banksman-watch"
LINES_MOST = 64
EVENTS_AT_ONCE = 64


class Edge(msgspec.Struct, frozen=True):
    """A change of a line. ``lost``: so many edges of it were lost just before."""

    path: str
    line: int
    high: bool
    mono_ns: int
    lost: int = 0


class Watch:
    """Lines of one chip, taken as inputs until closed."""

    def __init__(self, path: Path, lines: Sequence[int], pull: Pull) -> None:
        """Raises DeviceLost."""
        self.path = path
        self._lines = tuple(lines)
        self._sequence: dict[int, int] = {}
        if not 0 < len(lines) <= LINES_MOST:
            raise DeviceLost(f"{path}: at most {LINES_MOST} lines of a chip at once")
        request = bytearray(
            REQUEST.pack(
                struct.pack(f"={len(lines)}I", *lines),
                CONSUMER,
                INPUT_BOTH_EDGES | PULL_FLAGS[pull],
                0,
                len(lines),
                0,
                -1,
            )
        )
        with open_chip(path) as chip_fd:
            try:
                fcntl.ioctl(chip_fd, GET_LINE, request)
            except OSError as error:
                raise explained(path, error, lines[0] if len(lines) == 1 else None) from error
        self.fd: int = REQUEST.unpack(request)[-1]

    def levels(self) -> dict[int, bool]:
        """The lines' levels now. Raises DeviceLost."""
        values = bytearray(VALUES.pack(0, (1 << len(self._lines)) - 1))
        try:
            fcntl.ioctl(self.fd, GET_VALUES, values)
        except OSError as error:
            raise explained(self.path, error) from error
        bits = VALUES.unpack(values)[0]
        return {line: bool(bits >> place & 1) for place, line in enumerate(self._lines)}

    def read(self) -> list[Edge]:
        """Wait for edges. Raises DeviceLost when the chip goes."""
        try:
            raw = os.read(self.fd, EVENT.size * EVENTS_AT_ONCE)
        except OSError as error:
            raise explained(self.path, error) from error
        if not raw:
            raise DeviceLost(f"{self.path} has gone: plug it in again, or look at its cable")
        return self.parse(raw)

    def parse(self, raw: bytes) -> list[Edge]:
        """The whole events in ``raw``; half a one at its end is none."""
        edges = []
        whole = len(raw) - len(raw) % EVENT.size
        for at_ns, kind, line, _, sequence in EVENT.iter_unpack(raw[:whole]):
            expected = self._sequence.get(line, 0) + 1
            self._sequence[line] = sequence
            lost = sequence - expected & 0xFFFFFFFF
            edges.append(Edge(str(self.path), line, kind == RISING, at_ns, lost))
        return edges

    def close(self) -> None:
        """Give the lines back."""
        os.close(self.fd)


@contextlib.contextmanager
def watching(lines: Mapping[Path, Sequence[int]], pull: Pull) -> Iterator[list[Watch]]:
    """A `Watch` for each chip, for as long as the block runs. Raises DeviceLost."""
    with contextlib.ExitStack() as opened:
        watches = []
        for path, numbers in lines.items():
            watch = Watch(path, numbers, pull)
            opened.callback(watch.close)
            watches.append(watch)
        yield watches


def edges_of(watches: Sequence[Watch]) -> Iterator[Edge]:
    """Edges of all, as they come, for ever. Raises DeviceLost."""
    by_fd = {watch.fd: watch for watch in watches}
    while True:
        for fd in select.select(list(by_fd), [], [])[0]:
            yield from by_fd[fd].read()
