"""What a place that pictures come from owes the camera's thread.

Rules of this file
- A source lives on one thread. Whatever it waits for ends within `settings.lost_after_ms`, or is
  waited for with ``pause``, so that the thread ends soon after it was told to.
- Its errors are `DeviceLost` (open it anew) and `Finished` (there is no more). No message
  of a source holds a password, nor an address with one in it.

    grab()      the frame is taken, its time is known            cheap
    picture()   it is unpacked into an array of its own          dear; skipped over `most_fps`
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from banksman_drivers.ports import DeviceLost
from banksman_drivers.settings.camera import CameraSettings

Image = npt.NDArray[np.uint8]

# What the stamps of a source mean; clock.py makes times of them.
Stamps = Literal["monotonic", "stream", "none"]


class Finished(DeviceLost):
    """The recording is over and shall not begin again."""


class Pause(Protocol):
    """How a source waits; `banksman_drivers.bridge.Bridge` is one."""

    @property
    def stopping(self) -> bool:
        """Whether the thread shall end now."""

    def wait(self, seconds: float) -> bool:
        """Wait; True, at once, when the thread shall end."""


class Source(Protocol):
    """An open camera, file or folder."""

    @property
    def stamps(self) -> Stamps:
        """What `stamp_ns` counts from: the box's own clock, the stream's start, or nothing."""

    @property
    def stamp_ns(self) -> int | None:
        """The source's time of the frame that was grabbed last; None where it knows none."""

    @property
    def remarks(self) -> Sequence[str]:
        """What people should know: the size in use, what the camera would not do."""

    def grab(self, pause: Pause) -> bool:
        """Wait for the next frame; False when told to end. Raises DeviceLost, Finished."""

    def picture(self) -> Image | None:
        """The grabbed frame, BGR, in memory that nobody else writes; None if it is broken."""

    def close(self) -> None:
        """Let go of the device. Never raises."""


Open = Callable[[CameraSettings], Source]
