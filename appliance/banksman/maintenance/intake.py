"""What other devices tell a machine's watch, noted on the control thread, taken on the watch's own.

Rules of this file
- Noting costs a microsecond and judges nothing. A BAD reading is NaN and no reading.
- Bounded: the newest bursts and loads win; bursts that gave way are counted.
- What may not be believed of a slow sensor is no part of a vector (slow.py).
"""

from __future__ import annotations

import math
import threading
from collections import deque

import numpy as np

from banksman.config.schema_maintenance import MachineSettings
from banksman.control.stream import Stream
from banksman.maintenance.rarity import Floats
from banksman.maintenance.slow import SlowSense, SlowWindow
from banksman_drivers.ports import Burst, Quality

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
        self._heard = [each.sensor for each in settings.vibration]
        self._senses = {sensor: SlowSense() for sensor in self._slow}
        self._newest = dict.fromkeys(self._slow, (math.nan, 0))
        self._flawed: set[str] = set()  # slow sensors of whose last window nothing is concluded
        self._tacho = None if settings.tacho is None else settings.tacho.sensor
        self._bursts_most = BURSTS_WAITING * len(self.bursts_from())
        self._lock = threading.Lock()
        self._bursts: deque[Burst] = deque()
        self._loads: deque[float] = deque(maxlen=LOADS_WAITING)

    def listens_to(self) -> set[str]:
        """Sensors whose readings it wants; of those with bursts, to know their streams."""
        more = (self._load, self._speed)
        return {*self._slow, *self._heard, *(each for each in more if each is not None)}

    def bursts_from(self) -> set[str]:
        """Sensors whose bursts it wants."""
        return {*self._heard, *(each for each in (self._tacho,) if each is not None)}

    def reading(self, stream: Stream) -> None:
        """Note one; the control thread."""
        name, value = stream.sensor, stream.value
        sense = self._senses.get(name)
        if sense is not None:
            uncertain = stream.quality is Quality.UNCERTAIN
            with self._lock:
                sense.note(value, stream.mono_ns, uncertain=uncertain)
                self._newest[name] = (math.nan if uncertain else value, stream.mono_ns)
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

    def window(self, now_ns: int) -> dict[str, SlowWindow]:
        """Each slow sensor's window that ends; the next begins."""
        with self._lock:
            told = {name: sense.take(now_ns) for name, sense in self._senses.items()}
            self._flawed = {name for name, window in told.items() if window.flaws}
        return told

    def newest(self, since_ns: int) -> Floats:
        """Each slow sensor's newest reading, NaN where it is older than that, or in doubt."""
        with self._lock:
            newest = [
                value if mono_ns >= since_ns and name not in self._flawed else math.nan
                for name, (value, mono_ns) in self._newest.items()
            ]
        return np.array(newest)
