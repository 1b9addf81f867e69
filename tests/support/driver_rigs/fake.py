"""The shipped fake, as its own rig."""

from __future__ import annotations

from banksman_drivers.fake.device import FakeDriver
from banksman_drivers.ports import Value
from banksman_drivers.settings.base import OutputSettings, PointSettings
from banksman_drivers.settings.fake import FakeSettings
from batch_sink import Ticks
from driver_rigs.base import Rig


class FakeRig(Rig):
    async def begin(self) -> None:
        settings = FakeSettings(
            driver="fake",
            id="device",
            poll_ms=5,
            point=[PointSettings(name="level", unit="kg"), PointSettings(name="door", unit="flag")],
            output=[OutputSettings(name="lamp", safe=False)],
        )
        self.fake = FakeDriver(settings, Ticks())
        self.fake.set("level", 12.0)
        self.fake.set("door", 1)
        self.driver = self.fake

    async def lose(self) -> None:
        self.fake.lose("cable pulled")

    async def restore(self) -> None:
        self.fake.restore()

    def refuse_commands(self) -> None:
        self.fake.failing["device.lamp"] = "bulb broken"

    def written(self) -> list[Value]:
        return [applied.value for applied in self.fake.history["device.lamp"]]
