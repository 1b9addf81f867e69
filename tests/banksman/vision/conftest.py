"""A station on a real camera driver with the fake camera; a looker that says what it is told."""

import asyncio
import contextlib
import threading

import numpy as np
import pytest

from banksman.clock import SystemClock
from banksman.config.schema_vision import InspectionSettings
from banksman.control.stream import Stream
from banksman.vision.in_use import InUse, Using
from banksman.vision.inspection import Inspection, Region, Timings
from banksman.vision.severity import Limits
from banksman.vision.station import Station
from banksman_drivers.camera.driver import CameraDriver
from banksman_drivers.fake.camera import FakeCamera
from banksman_drivers.ports import Quality
from banksman_drivers.settings.camera import CameraSettings

LIMIT_S = 20.0


class Looker:
    """Scores each picture by its own brightness map: the fake camera's hole is rare."""

    def __init__(self):
        self.error = None
        self.seen = 0
        self.score = None
        self.label = ""
        self.confidence = 0.95
        self.hold = threading.Event()
        self.hold.set()

    def inspect(self, picture):
        assert self.hold.wait(LIMIT_S)
        self.seen += 1
        if self.error is not None:
            raise self.error
        score = self.score
        if score is None:
            score = 4.0 if (picture[..., 1] < 50).mean() > 0.002 else 0.5
        height, width = picture.shape[:2]
        return Inspection(
            score=score,
            anomaly=score,
            defect=float("nan"),
            label=self.label,
            confidence=self.confidence,
            heat=np.ones((4, 4), np.float32),
            region=Region(0, 0, width, height),
            timings=Timings(1, 2, 3, 4),
        )


class Notebook:
    """A sink that keeps batches, and does with each what the test says."""

    def __init__(self):
        self.batches = []
        self.then = lambda batch: None

    def readings(self, batch):
        self.batches.append(list(batch))
        self.then(self.values())

    def burst(self, burst):
        raise AssertionError(burst)

    def values(self):
        """point -> value of the newest batch."""
        return {reading.sensor.partition(".")[2]: reading.value for reading in self.batches[-1]}

    def newest(self, point):
        """The newest reading of one point."""
        for batch in reversed(self.batches):
            for reading in batch:
                if reading.sensor.partition(".")[2] == point:
                    return reading
        return None


class Leaping(SystemClock):
    """A clock that runs, and can be put forward: nobody has to wait for a part on its way."""

    def __init__(self):
        super().__init__()
        self.ahead_ns = 0

    def mono_ns(self):
        return super().mono_ns() + self.ahead_ns

    def leap(self, seconds):
        self.ahead_ns += round(seconds * 1e9)


class Line:
    """Camera, station and what they tell."""

    def __init__(self, looker=None, **options):
        self.clock = Leaping()
        self.fake = FakeCamera()
        self.looker = looker or Looker()
        self.notes = Notebook()
        self.camera = CameraDriver(
            CameraSettings(
                driver="camera", id="cam1", source="fake:", width=64, height=48, fps=50,
                report_ms=50, lost_after_ms=4000, frozen_after_ms=200,
            ),
            self.clock,
            self.fake.open,
        )  # fmt: skip
        settings = InspectionSettings.model_validate(
            {"id": "caps", "camera": "cam1", "stale_ms": 60_000.0, **options}
        )
        self.station = Station(settings, self.camera, self.clock, using=Using(self.in_use()))

    def in_use(self, version="caps-1"):
        return InUse(self.looker, Limits(2.0, 3.0), version)

    def trigger(self, value):
        stream = Stream("plc.eye", "flag", 1000)
        stream.update(value, Quality.GOOD, self.clock.mono_ns())
        self.station.on_trigger(stream)

    async def until(self, holds, what):
        try:
            async with asyncio.timeout(LIMIT_S):
                while not holds():
                    await asyncio.sleep(0.005)
        except TimeoutError:
            pytest.fail(f"did not happen: {what}; newest {self.notes.batches[-3:]}")

    async def until_told(self, point, value):
        def holds():
            told = self.notes.newest(point)
            return told is not None and told.quality is Quality.GOOD and told.value == value

        await self.until(holds, f"{point} is {value}")

    async def until_bad(self, point):
        def holds():
            told = self.notes.newest(point)
            return told is not None and told.quality is Quality.BAD

        await self.until(holds, f"{point} is bad")

    @contextlib.asynccontextmanager
    async def running(self):
        class Deaf:
            def readings(self, batch): ...

        tasks = [
            asyncio.create_task(self.camera.run(Deaf())),
            asyncio.create_task(self.station.run(self.notes)),
        ]
        try:
            yield self
        finally:
            self.fake.restore()
            self.looker.hold.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def make_line():
    return Line
