"""What other devices tell a machine's watch, noted on the control thread, taken on the watch's own.

Rules of this file
- Noting costs a microsecond and judges nothing. A BAD reading is NaN and no reading.
- Bounded: the newest bursts and loads win; bursts that gave way are counted.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence

import numpy as np

from banksman.config.schema_maintenance import MachineSettings
from banksman.control.stream import Stream
from banksman.maintenance.gathering import Gathering
from banksman.maintenance.rarity import Floats
from banksman_drivers.ports import Burst

BURSTS_WAITING = 4  # of each sensor
LOADS_WAITING = 4096  # readings of the load; the oldest go


class Intake:
    """The readings and bursts of one machine."""

    def __init__(self, settings: MachineSettings) -> None:
        self.bursts_dropped = 0
        self.speed_rpm = math.nan
        self._load = None if settings.load is None else settings.load.sensor
        self._speed = settings.speed
        self._slow = [each.sensor for each in settings.slow]
        self._gatherings = {sensor: Gathering() for sensor in self._slow}
        self._newest = dict.fromkeys(self._slow, (math.nan, 0))
        self._bursts_most = BURSTS_WAITING * len(settings.vibration)
        self._lock = threading.Lock()
        self._bursts: deque[Burst] = deque()
        self._loads: deque[float] = deque(maxlen=LOADS_WAITING)

    def listens_to(self) -> set[str]:
        """Sensors whose readings it wants."""
        more = (self._load, self._speed)
        return {*self._slow, *(each for each in more if each is not None)}

    def reading(self, stream: Stream) -> None:
        """Note one; the control thread."""
        name, value = stream.sensor, stream.value
        gathering = self._gatherings.get(name)
        if gathering is not None:
            with self._lock:
                gathering.add(value)
                self._newest[name] = (value, stream.mono_ns)
        if name == self._load:
            self._loads.append(value)
        if name == self._speed:
            self.speed_rpm = value

    def burst(self, burst: Burst) -> None:
        """Note one; with too many waiting the oldest goes."""
        with self._lock:
            self._bursts.append(burst)
            if len(self._bursts) > self._bursts_most:
                self._bursts.popleft()
                self.bursts_dropped += 1

    def next_burst(self) -> Burst | None:
        """The oldest that waits."""
        with self._lock:
            return self._bursts.popleft() if self._bursts else None

    def next_load(self) -> float | None:
        """The oldest reading of the load that waits; NaN: it was a bad one."""
        try:
            return self._loads.popleft()
        except IndexError:
            return None

    def window(self) -> dict[str, float]:
        """Each slow sensor's level in the window that ends, NaN for none; the next begins."""
        with self._lock:
            return {name: gathering.take() for name, gathering in self._gatherings.items()}

    def newest(self, since_ns: int) -> Floats:
        """Each slow sensor's newest reading, NaN where it is older than that."""
        with self._lock:
            newest: Sequence[tuple[float, int]] = list(self._newest.values())
        return np.array([value if mono_ns >= since_ns else math.nan for value, mono_ns in newest])
