"""What the kernel itself saw: its trace of GPIO levels that were set and I2C registers written.

A line's level tells nothing of what it was a moment ago; the kernel's trace tells each write,
whoever made it, in its order. Kernel documentation: trace/events.rst; gpio:gpio_value, smbus:*.
"""

from __future__ import annotations

import re
from pathlib import Path

INSTANCES = Path("/sys/kernel/tracing/instances")
LEVEL_SET = re.compile(r"gpio_value: (\d+) set (\d)")
SMBUS = re.compile(r"smbus_(?:write|read): i2c-\d+ a=([0-9a-f]+) .*? c=([0-9a-f]+) ")
BLOCK_WRITTEN = re.compile(
    r"smbus_write: i2c-\d+ a=([0-9a-f]+) f=\S+ c=([0-9a-f]+) I2C_BLOCK_DATA l=\d+ \[([0-9a-f-]*)\]"
)


def held(word: str) -> bool:
    """Whether this process has something open whose name holds ``word``."""
    for fd in Path("/proc/self/fd").iterdir():
        try:
            if word in str(fd.readlink()):
                return True
        except FileNotFoundError:  # closed meanwhile, as the folder's own
            continue
    return False


class KernelTrace:
    """A trace buffer of its own, of some events. Needs root and tracefs."""

    def __init__(self, name: str, *events: str) -> None:
        self._folder = INSTANCES / name
        if self._folder.exists():  # of a test that failed in the middle
            self._folder.rmdir()
        self._folder.mkdir()
        for event in events:
            (self._folder / "events" / event / "enable").write_text("1")

    def levels(self, line: int) -> list[bool]:
        """Every level that a line (by its global number) was set to, oldest first."""
        found = LEVEL_SET.findall(self._text())
        return [level == "1" for number, level in found if int(number) == line]

    def blocks(self, address: int, register: int) -> list[bytes]:
        """Every block that was written to registers of a chip, oldest first."""
        found = BLOCK_WRITTEN.findall(self._text())
        return [
            bytes.fromhex(data.replace("-", ""))[1:]  # the first byte counts the others
            for where, what, data in found
            if (int(where, 16), int(what, 16)) == (address, register)
        ]

    def transfers(self, address: int) -> int:
        """How often a chip was read or written."""
        return sum(int(where, 16) == address for where, _ in SMBUS.findall(self._text()))

    def close(self) -> None:
        """Give the buffer back."""
        self._folder.rmdir()

    def _text(self) -> str:
        return (self._folder / "trace").read_text()
