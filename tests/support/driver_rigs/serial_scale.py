"""A scale with MT-SICS on a pseudo-terminal."""

from __future__ import annotations

import asyncio

from banksman_drivers.fake.serial_scale import FakeScale
from banksman_drivers.serial_line.make import make_serial
from banksman_drivers.settings.scale import ScalePoint, ScaleSettings
from batch_sink import Ticks
from driver_rigs.base import Rig


class ScaleRig(Rig):
    async def begin(self) -> None:
        self.scale = FakeScale(self.folder / "usb-scale")
        self.scale.load = 12.0
        self.scale.plug()
        settings = ScaleSettings(
            driver="scale",
            id="device",
            port=str(self.folder / "usb-scale"),
            protocol="mt_sics",
            poll_ms=5,
            back_off_max_ms=50,
            point=[
                ScalePoint(name="level", unit="kg", field="weight"),
                ScalePoint(name="door", unit="flag", field="stable"),
            ],
        )
        self.driver = make_serial(settings, Ticks(), lambda: 0)

    async def lose(self) -> None:
        self.scale.unplug()

    async def restore(self) -> None:
        self.scale.plug()

    async def end(self) -> None:
        self.scale.unplug()

    async def closed(self) -> None:
        while self.scale.pty.users:
            await asyncio.sleep(0.001)
