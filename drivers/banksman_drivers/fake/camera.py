"""A camera over a conveyor, for trials and tests: parts pass, and it fails on demand.

Rules of this file
- It stands where a real source stands: the driver's thread, clock and judge are the real ones.
- Every picture is drawn, with a sensor's noise in it, so no two are alike, unless frozen.
- `noisy`, `defect` and the faults may be set from any thread; they hold from the next picture on.

    camera = FakeCamera(fps=30)
    driver = CameraDriver(settings, clock, camera.open)
    camera.defect = "scratch"      # every part that passes has one
    camera.fault = "freeze"        # or black, repeat, stall, hang, broken; None: well
    camera.lose("cable pulled")
    camera.restore()

    ┌──────────────────────────┐
    │ ░░░░░░(  part  )░░░░░░░░ │   the belt moves by SPEED pictures' widths in a second
    └──────────────────────────┘
"""

from __future__ import annotations

import threading
from typing import Literal

import numpy as np

from banksman_drivers.camera.due import Due
from banksman_drivers.camera.source import Image, Pause, Stamps
from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.camera import CameraSettings

Fault = Literal["freeze", "black", "repeat", "stall", "hang", "broken"]
Defect = Literal["scratch", "hole", "stain"]

WIDTH, HEIGHT, FPS = 320, 240, 25.0
SPEED = 0.5
TURN_S = 0.05
NOISE = 6
REPEATED = 3


class Scene:
    """What passes under the camera: one part in the middle of each picture's width of belt."""

    def __init__(self, width: int, height: int, seed: int = 0) -> None:
        self._size = (height, width)
        self._chance = np.random.default_rng(seed)
        rows, columns = np.ogrid[:height, :width]
        self._rows, self._columns = rows - height / 2, columns - width / 2
        self._radius = min(height, width) / 3
        self._belt = (70 + 10 * ((columns // 16 + rows // 16) % 2)).astype(np.int16)

    def draw(self, at_s: float, defect: Defect | None, noise: int = NOISE) -> Image:
        """The picture ``at_s`` seconds after the belt was started; noise in grey levels."""
        height, width = self._size
        shift = round(at_s * SPEED * width) % width
        columns = (self._columns - shift + width / 2) % width - width / 2
        grey = np.roll(self._belt, shift, axis=1)
        inside = columns**2 + self._rows**2 < self._radius**2
        grey = np.where(inside, np.int16(180), grey)
        if defect is not None:
            grey = np.where(inside & self._spoilt(defect, columns), np.int16(40), grey)
        if noise:
            grey = grey + self._chance.integers(-noise, noise + 1, self._size, np.int16)
        image = np.empty((height, width, 3), np.uint8)
        image[:] = grey.clip(0, 255)[..., np.newaxis]
        return image

    def _spoilt(self, defect: Defect, columns: np.ndarray) -> np.ndarray:
        reach = self._radius
        if defect == "scratch":
            return np.abs(columns - self._rows) < reach / 12
        centre = reach / 3
        size = reach / 8 if defect == "hole" else reach / 3
        return (columns - centre) ** 2 + (self._rows + centre) ** 2 < size**2


class FakeCamera:
    """The camera in one's hands. It may be opened again and again, as the real one is."""

    def __init__(self, seed: int = 0) -> None:
        self.fault: Fault | None = None
        self.defect: Defect | None = None
        self.noise = NOISE
        self.opened = 0
        self.closed = 0
        self._seed = seed
        self._lost_because: str | None = None
        self._free = threading.Event()

    def open(self, settings: CameraSettings) -> FakeSource:
        """A source, as `opening.open_source` gives it. Raises DeviceLost while it is lost."""
        self.check()
        self.opened += 1
        return FakeSource(self, settings, self._seed)

    def lose(self, because: str = "the fake was told to be lost") -> None:
        """Be lost until restored."""
        self._lost_because = because

    def restore(self) -> None:
        """Be well again; whoever hangs comes back."""
        self._lost_because = None
        self.fault = None
        self._free.set()

    def check(self) -> None:
        """Raises DeviceLost while it is lost."""
        if self._lost_because is not None:
            raise DeviceLost(self._lost_because)

    def hang(self) -> None:
        """Hold the calling thread, whatever it is told, until restored."""
        self._free.clear()
        while self.fault == "hang":
            self._free.wait(TURN_S)


class FakeSource:
    """One opening of the fake."""

    stamps: Stamps = "monotonic"

    def __init__(self, camera: FakeCamera, settings: CameraSettings, seed: int) -> None:
        self.stamp_ns: int | None = None
        self.remarks: list[str] = ["a fake"]
        self._camera = camera
        self._scene = Scene(settings.width or WIDTH, settings.height or HEIGHT, seed)
        self._fps = settings.fps or FPS
        self._due = Due()
        self._number = 0
        self._kept: list[Image] = []

    def grab(self, pause: Pause) -> bool:
        """Wait for the next picture's time."""
        while self._camera.fault == "stall":
            self._camera.check()
            if pause.wait(TURN_S):
                return False
        if self._camera.fault == "hang":
            self._camera.hang()
        self.stamp_ns = self._due.wait(round(self._number * 1e9 / self._fps), pause)
        self._number += 1
        self._camera.check()
        return self.stamp_ns is not None

    def picture(self) -> Image | None:
        """Draw what is under the camera, or what its fault shows instead."""
        fault = self._camera.fault
        if fault == "broken":
            return None
        if fault in ("freeze", "repeat") and self._kept:
            turns = REPEATED if fault == "repeat" else 1
            return self._kept[-1 - self._number % min(turns, len(self._kept))].copy()
        at_s = self._number / self._fps
        image = self._scene.draw(at_s, self._camera.defect, self._camera.noise)
        if fault == "black":
            image //= 32
        self._kept = [*self._kept[1 - REPEATED :], image.copy()]
        return image

    def close(self) -> None:
        """Be closed."""
        self._camera.closed += 1
