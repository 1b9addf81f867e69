"""A GPIO chip of the kernel's gpio-sim: real lines for the driver, and the wire's end for the test.

    chip = SimulatedChip.make("floor", lines=8)      # /dev/gpiochipN
    chip.drive(3, 1)                                 # what a switch does: the driver sees an edge
    chip.level(4)                                    # what a relay sees
    chip.unplug(); chip.plug()                       # as a chip behind USB that goes and comes back

A line that somebody requests with a bias takes it: an input asked for with pull-down reads 0 until
it is driven again, and a released output falls back to its pull. Kernel documentation:
admin-guide/gpio/gpio-sim.rst.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/sys/kernel/config/gpio-sim")


class SimulatedChip:
    """One chip with one bank. Needs root, configfs and the module gpio-sim."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bank = folder / "bank0"

    @classmethod
    def make(cls, name: str, lines: int, names: dict[int, str] | None = None) -> SimulatedChip:
        """A live chip; ``names`` are its lines' names."""
        chip = cls(ROOT / name)
        if chip._folder.exists():  # of a test that failed in the middle
            chip.remove()
        chip._bank.mkdir(parents=True)
        (chip._bank / "num_lines").write_text(str(lines))
        (chip._bank / "label").write_text(name)
        for offset, line in (names or {}).items():
            (chip._bank / f"line{offset}").mkdir()
            (chip._bank / f"line{offset}" / "name").write_text(line)
        chip.plug()
        return chip

    @property
    def path(self) -> str:
        """Its character device, as a config names it; another one after each ``plug``."""
        return f"/dev/{(self._bank / 'chip_name').read_text().strip()}"

    def drive(self, offset: int, level: int) -> None:
        """Put a level on a line from outside."""
        (self._line(offset) / "pull").write_text("pull-up" if level else "pull-down")

    def level(self, offset: int) -> int:
        """The level on a line, whoever drives it."""
        return int((self._line(offset) / "value").read_text())

    def number(self, offset: int) -> int:
        """The line's number among all lines of the kernel, as its trace names it."""
        for chip in Path("/sys/class/gpio").glob("gpiochip*"):
            if (chip / "label").read_text().strip() == self._folder.name:
                return int((chip / "base").read_text()) + offset
        raise LookupError(f"no chip is called {self._folder.name}")

    def level_file(self, offset: int) -> Path:
        """Where ``level`` is read, for a watcher that reads it a thousand times a second."""
        return self._line(offset) / "value"

    def plug(self) -> None:
        """Let the kernel find the chip."""
        (self._folder / "live").write_text("1")

    def unplug(self) -> None:
        """Take the chip away, whoever holds its lines."""
        (self._folder / "live").write_text("0")

    def remove(self) -> None:
        """Forget the chip, plugged or not."""
        if (self._folder / "live").read_text().strip() == "1":
            self.unplug()
        for line in self._bank.glob("line*"):
            line.rmdir()
        self._bank.rmdir()
        self._folder.rmdir()

    def _line(self, offset: int) -> Path:
        device = (self._folder / "dev_name").read_text().strip()
        chip = (self._bank / "chip_name").read_text().strip()
        return Path("/sys/devices/platform") / device / chip / f"sim_gpio{offset}"
