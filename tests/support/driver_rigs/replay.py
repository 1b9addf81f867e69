"""A recording that is moved away and back."""

from __future__ import annotations

from pathlib import Path

from banksman_drivers.replay import ReplayDriver
from banksman_drivers.settings.base import PointSettings
from banksman_drivers.settings.replay import ReplaySettings
from batch_sink import Ticks
from driver_rigs.base import Rig


class ReplayRig(Rig):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.file = folder / "tape.csv"
        self.away = folder / "away.csv"

    async def begin(self) -> None:
        self.file.write_text("t,level,door\n0,12,1\n0.005,12,1\n")
        settings = ReplaySettings(
            driver="replay",
            id="device",
            file=str(self.file),
            loop=True,
            point=[PointSettings(name="level", unit="kg"), PointSettings(name="door", unit="flag")],
        )
        self.driver = ReplayDriver(settings, Ticks())

    async def lose(self) -> None:
        self.file.rename(self.away)

    async def restore(self) -> None:
        self.away.rename(self.file)
