"""A GPIO chip as the kernel shows it, for programs in processes of their own (kernel_gpio.c)."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

CHIP = "/dev/gpiochip7"
LINES = 32
# Flags of linux/gpio.h.
INPUT, OUTPUT, RISING, FALLING = 1 << 2, 1 << 3, 1 << 4, 1 << 5
PULL_UP, PULL_DOWN, NO_BIAS = 1 << 8, 1 << 9, 1 << 10
ATTRIBUTE_VALUES = 2


def build(folder: Path) -> Path:
    """The library for LD_PRELOAD."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: apt install gcc")
    target = folder / "kernel_gpio.so"
    options = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    source = Path(__file__).with_suffix(".c")
    subprocess.run([compiler, *options, str(source), "-o", str(target), "-ldl"], check=True)
    return target


class KernelGpio:
    """The chip's outside world: levels, edges, who holds a line, and what was asked of it."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "LD_PRELOAD": str(library), "FAKE_GPIO": str(folder)}
        self._sequence = dict.fromkeys(range(LINES), 0)
        for line in range(LINES):
            self.set(line, False)
            os.mkfifo(folder / f"{line}.edges")

    def set(self, line: int, high: bool) -> None:
        """A level, without an edge. Never half written: programs look at any time."""
        new = self.folder / f"{line}.new"
        new.write_text(str(int(high)))
        new.rename(self.folder / f"{line}.level")

    def level(self, line: int) -> bool:
        return (self.folder / f"{line}.level").read_text() == "1"

    def edge(self, line: int, high: bool, *, leader: int | None = None, skip: int = 0) -> int:
        """A level with its edge; ``leader``: the first line of the request. Its time."""
        # The time first: a level is never seen before its edge was.
        at_ns = time.monotonic_ns()
        self.set(line, high)
        self._sequence[line] += 1 + skip
        number = self._sequence[line]
        kind = 1 if high else 2
        fifo = os.open(self.folder / f"{leader or line}.edges", os.O_RDWR)
        os.write(fifo, struct.pack("=QIIII24x", at_ns, kind, line, number, number))
        # Open until it was read: a FIFO whose last descriptor closes forgets what is in it.
        os.close(fifo)
        return at_ns

    def hold(self, line: int, who: str) -> None:
        """Somebody else holds the line."""
        (self.folder / f"{line}.busy").write_text(who)

    def unplug(self) -> None:
        (self.folder / "unplugged").touch()

    def plug(self) -> None:
        (self.folder / "unplugged").unlink()

    def log(self) -> list[tuple[str, ...]]:
        """("get", line, flags, attribute, values) and ("set", line, level), in their order."""
        file = self.folder / "log"
        return (
            [tuple(line.split()) for line in file.read_text().splitlines()] if file.exists() else []
        )
