"""A board whose files are moved away and back."""

from __future__ import annotations

from pathlib import Path

from banksman_drivers.board.driver import BoardDriver
from banksman_drivers.settings.board import BoardPoint, BoardSettings
from batch_sink import Ticks
from driver_rigs.base import Rig


class BoardRig(Rig):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.root = folder / "root"
        self.away = folder / "away"

    async def begin(self) -> None:
        volt = self.root / "sys/class/hwmon/hwmon1"
        volt.mkdir(parents=True)
        (volt / "name").write_text("rpi_volt\n")
        (volt / "in0_lcrit_alarm").write_text("1\n")
        (volt / "level").write_text("12000\n")
        settings = BoardSettings(
            driver="board",
            id="device",
            root=str(self.root),
            poll_ms=5,
            point=[
                BoardPoint(
                    name="level",
                    value="file",
                    path="sys/class/hwmon/hwmon1/level",
                    scale=0.001,
                    unit="kg",
                ),
                BoardPoint(name="door", value="undervoltage"),
            ],
        )
        self.driver = BoardDriver(settings, Ticks())

    async def lose(self) -> None:
        self.root.rename(self.away)

    async def restore(self) -> None:
        self.away.rename(self.root)
