"""The camera driver over the shipped fake camera."""

from __future__ import annotations

from collections.abc import Mapping

from banksman_drivers.camera.driver import CameraDriver
from banksman_drivers.fake.camera import FakeCamera
from banksman_drivers.settings.camera import CAMERA_POINTS, CameraSettings
from batch_sink import Ticks
from driver_rigs.base import Rig

FORETOLD = {"frozen": 0.0, "dark": 0.0}


class CameraRig(Rig):
    expected: Mapping[str, tuple[float | None, str]] = {
        f"device.{each.name}": (FORETOLD.get(each.name), each.unit) for each in CAMERA_POINTS
    }

    async def begin(self) -> None:
        settings = CameraSettings(
            driver="camera",
            id="device",
            source="fake:",
            width=64,
            height=48,
            fps=50,
            report_ms=50,
            lost_after_ms=4000,
        )
        self.camera = FakeCamera()
        self.driver = CameraDriver(settings, Ticks(), self.camera.open)

    async def lose(self) -> None:
        self.camera.lose("cable pulled")

    async def restore(self) -> None:
        self.camera.restore()

    async def closed(self) -> None:
        assert self.camera.closed == self.camera.opened
