"""A camera as the kernel shows it, for programs in processes of their own (kernel_v4l2.c)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

# linux/v4l2-controls.h
EXPOSURE_AUTO, EXPOSURE_ABSOLUTE = 0x009A0901, 0x009A0902
AUTO_WHITE_BALANCE, WHITE_BALANCE_TEMPERATURE = 0x0098090C, 0x0098091A


def build(folder: Path) -> Path:
    """The library for LD_PRELOAD."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: apt install gcc")
    target = folder / "kernel_v4l2.so"
    options = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    source = Path(__file__).with_suffix(".c")
    subprocess.run([compiler, *options, str(source), "-o", str(target), "-ldl"], check=True)
    return target


class KernelV4l2:
    """The camera's outside world."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.device = folder / "video"
        self.environment = {**os.environ, "LD_PRELOAD": str(library), "FAKE_V4L2": str(folder)}
        self._folder = folder
        self.plug()

    def plug(self) -> None:
        self.device.touch()

    def unplug(self) -> None:
        self.device.unlink()

    def stall(self) -> None:
        (self._folder / "stall").touch()

    def go_on(self) -> None:
        (self._folder / "stall").unlink()

    def skip_a_frame(self) -> None:
        (self._folder / "skip").touch()

    def log(self) -> list[tuple[str, ...]]:
        """What was asked of the camera, in its order."""
        return [tuple(line.split()) for line in (self._folder / "log").read_text().splitlines()]
