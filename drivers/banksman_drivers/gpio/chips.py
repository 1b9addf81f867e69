"""The kernel's GPIO chips and lines, asked through the character device (uAPI v2).

Rules of this file
- Straight through ``ioctl``, without a library: three stable structures of ``linux/gpio.h`` serve
  `banksman gpio`, the check that a chip is still there, and the search by label, on boxes that
  have neither gpiozero nor libgpiod. Kernel 5.10 or later.
- Asking is free of side effects: no line is taken, so it works beside a running daemon.
- Structures and flags: ``Documentation/userspace-api/gpio/chardev.rst`` and ``linux/gpio.h``.

    gpiochip_info          | name 32 | label 32 | lines u32 |
    gpio_v2_line_info      | name 32 | consumer 32 | offset u32 | attributes u32 | flags u64 |
                           | 10 x (id u32, -, value u64) | - |
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec

from banksman_drivers.ports import DeviceLost

CHIP_INFO = struct.Struct("=32s32sI")
LINE_INFO = struct.Struct("=32s32sIIQ" + "I4xQ" * 10 + "16x")
GET_CHIP_INFO = 0x8044B401
GET_LINE_INFO = 0xC100B405
ATTRIBUTE_DEBOUNCE = 3

FLAG_USED, FLAG_OUTPUT = 1 << 0, 1 << 3
FLAGS = {
    1 << 1: "active-low",
    1 << 4: "rising",
    1 << 5: "falling",
    1 << 6: "open-drain",
    1 << 7: "open-source",
    1 << 8: "pull-up",
    1 << 9: "pull-down",
    1 << 10: "no-bias",
    1 << 11: "realtime-clock",
    1 << 12: "hardware-clock",
}
FOLDER = Path("/dev")
_CHIP = re.compile(r"gpiochip(\d+)$")


class ChipInfo(msgspec.Struct, frozen=True):
    """A chip: its file, the kernel's name and label for it, and how many lines it has."""

    path: str
    name: str
    label: str
    lines: int


class LineInfo(msgspec.Struct, frozen=True):
    """A line. ``consumer``: who holds it; empty: nobody. ``flags``: as FLAGS names them."""

    line: int
    name: str
    direction: str
    used: bool
    consumer: str
    flags: tuple[str, ...]


def list_chips(folder: Path = FOLDER) -> list[ChipInfo]:
    """Every chip that may be opened, by number. Raises DeviceLost when that is none."""
    paths = sorted(
        (path for path in folder.glob("gpiochip*") if not path.is_symlink()), key=chip_number
    )
    chips: list[ChipInfo] = []
    refusals: list[DeviceLost] = []
    for path in paths:
        try:
            chips.append(open_and_ask(path))
        except DeviceLost as error:
            refusals.append(error)
    if chips:
        return chips
    if refusals:
        raise refusals[0]
    raise DeviceLost(
        f"there is no GPIO chip ({folder}/gpiochip*): this machine has none, or its kernel driver"
        " is not loaded"
    )


def open_and_ask(path: Path) -> ChipInfo:
    """One chip. Raises DeviceLost."""
    with open_chip(path) as fd:
        return chip_info(fd, path)


def list_lines(path: Path) -> list[LineInfo]:
    """Every line of a chip. Raises DeviceLost."""
    with open_chip(path) as fd:
        try:
            return [_line_info(fd, line) for line in range(chip_info(fd, path).lines)]
        except OSError as error:
            raise explained(path, error) from error


def find_chip(name: str, folder: Path = FOLDER) -> Path:
    """The chip that a path, a udev link, a number or a label means. Raises DeviceLost.

    Labels survive what numbers do not: the header of a Pi 5 was gpiochip4 and became gpiochip0.
    """
    if name.isascii() and name.isdigit():
        return folder / f"gpiochip{name}"
    if name.startswith("/"):
        return Path(os.path.realpath(name))
    found = [chip for chip in list_chips(folder) if chip.label == name]
    if len(found) == 1:
        return Path(found[0].path)
    if not found:
        there = ", ".join(chip.label for chip in list_chips(folder))
        raise DeviceLost(f"no GPIO chip has the label {name!r}; there are: {there}")
    many = ", ".join(chip.path for chip in found)
    raise DeviceLost(f"{many} all have the label {name!r}: name one by a udev link")


def chip_number(path: Path) -> int:
    """The N of gpiochipN, which lgpio asks for. Raises DeviceLost if it is none."""
    match = _CHIP.search(path.name)
    if match is None:
        raise DeviceLost(f"{path} is no GPIO chip: banksman gpio list shows those there are")
    return int(match[1])


@contextlib.contextmanager
def open_chip(path: Path) -> Iterator[int]:
    """An fd of the chip for as long as the block runs. Raises DeviceLost."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise explained(path, error) from error
    try:
        if not stat.S_ISCHR(os.fstat(fd).st_mode):
            raise DeviceLost(f"{path} is no device: banksman gpio list shows those there are")
        yield fd
    finally:
        os.close(fd)


def chip_info(fd: int, path: Path) -> ChipInfo:
    """What the kernel says of an open chip. Raises DeviceLost, also for a chip that has gone."""
    buffer = bytearray(CHIP_INFO.size)
    try:
        fcntl.ioctl(fd, GET_CHIP_INFO, buffer)
    except OSError as error:
        raise explained(path, error) from error
    name, label, lines = CHIP_INFO.unpack(buffer)
    return ChipInfo(str(path), _text(name), _text(label), lines)


def explained(path: Path, error: OSError, line: int | None = None) -> DeviceLost:
    """A foreign error in words, with what to do."""
    where = str(path) if line is None else f"{path}:{line}"
    remedy = {
        errno.EACCES: "this user may not open it: add it to the group that owns it (gpio)",
        errno.EPERM: "this user may not open it: add it to the group that owns it (gpio)",
        errno.ENOENT: "there is no such chip: banksman gpio list shows those there are",
        errno.ENODEV: "it has gone: plug it in again, or look at its cable",
        errno.EBUSY: "another program holds this line: banksman gpio list shows which",
        errno.EINVAL: "the chip has no such line, or cannot do that with it",
        errno.ENXIO: "the line cannot tell edges: its chip has no interrupt for it",
        errno.ENOTTY: "it is no GPIO chip, or the kernel is older than 5.10",
    }.get(error.errno or 0, "check the chip and its wiring")
    return DeviceLost(f"{where}: {error.strerror}; {remedy}")


def line_info(buffer: bytes | bytearray) -> LineInfo:
    """What ``gpio_v2_line_info`` says. Any bytes of the right size make some answer."""
    name, consumer, line, count, flags, *rest = LINE_INFO.unpack(buffer)
    words = [word for bit, word in FLAGS.items() if flags & bit]
    attributes = zip(rest[0::2], rest[1::2], strict=True)
    for _, (kind, value) in zip(range(count), attributes, strict=False):
        if kind == ATTRIBUTE_DEBOUNCE:
            words.append(f"debounce-{value & 0xFFFFFFFF}us")
    return LineInfo(
        line=line,
        name=_text(name),
        direction="output" if flags & FLAG_OUTPUT else "input",
        used=bool(flags & FLAG_USED),
        consumer=_text(consumer),
        flags=tuple(words),
    )


def _line_info(fd: int, line: int) -> LineInfo:
    buffer = bytearray(LINE_INFO.size)
    LINE_INFO.pack_into(buffer, 0, b"", b"", line, 0, 0, *[0] * 20)
    fcntl.ioctl(fd, GET_LINE_INFO, buffer)
    return line_info(buffer)


def _text(raw: bytes) -> str:
    """Names come from device trees and other programs: a terminal must not obey them."""
    text = raw.split(b"\0", 1)[0].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)
