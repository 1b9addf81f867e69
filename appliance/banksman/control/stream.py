"""One sensor's recent past: a ring of readings and the features rules may name.

Rules of this file
- Pure: readings and their times come in, numbers go out.
- Updating costs a few hundred nanoseconds, because every reading of every device pays it on
  the control thread. What costs more (extremes of the window) is computed when asked for.
- A BAD reading changes no feature: it only says that the value may not be used.

    readings   .  .  .  . x .  .            x = far from the baseline
    score      ___________/\\____           0..1, against the baseline *before* the reading
    mean, std  exponentially weighted over the window, so a burst of x moves them slowly
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from banksman_drivers.ports import Burst, Quality, Reading

RING_READINGS = 10_000
WINDOW_READINGS = 100
# Weight of a new reading, so that the baseline's memory equals that of a WINDOW_READINGS mean.
ALPHA = 2.0 / (WINDOW_READINGS + 1)
# A deviation of this many standard deviations scores 0.39, twice as many 0.86.
SCORE_SIGMA = 2.5
# Too short a baseline knows no normal: scores stay 0 until this many readings.
WARM_UP_READINGS = 20

NAN = math.nan


class Stream:
    """The ring and features of one sensor. ``value`` is NaN while there is none to use."""

    __slots__ = (
        "_crest",
        "_deviation",
        "_index",
        "_kurtosis",
        "_peak",
        "_rms",
        "_times_ns",
        "_times_view",
        "_values",
        "_values_view",
        "_variance",
        "count",
        "good_mono_ns",
        "last",
        "mean",
        "mono_ns",
        "quality",
        "rate",
        "sensor",
        "stale_ns",
        "text",
        "unit",
        "value",
    )

    def __init__(self, sensor: str, unit: str, stale_ms: float) -> None:
        self.sensor = sensor
        self.unit = unit
        self.stale_ns = int(stale_ms * 1e6)
        self.value = NAN
        self.quality = Quality.BAD
        self.text = ""  # the newest that came with a reading
        self.last = NAN  # the newest usable value, however old
        self.mono_ns = 0  # of the newest reading, whatever its quality; 0: never read
        self.good_mono_ns = 0  # of the newest usable one
        self.count = 0  # usable readings so far
        self.mean = NAN
        self.rate = 0.0
        self._variance = 0.0
        self._deviation = 0.0  # squared, in variances of the baseline before the newest reading
        # Untouched pages of the ring take no memory, so a thousand idle sensors are cheap.
        self._values: npt.NDArray[np.float64] = np.empty(RING_READINGS)
        self._times_ns: npt.NDArray[np.int64] = np.empty(RING_READINGS, dtype=np.int64)
        # Writing one element through a view costs a third of writing it through numpy.
        self._values_view = self._values.data.cast("B").cast("d")
        self._times_view = self._times_ns.data.cast("B").cast("q")
        self._index = 0
        self._rms = self._peak = self._crest = self._kurtosis = NAN

    def update(self, value: float, quality: Quality, mono_ns: int) -> None:
        """Take one reading. A NaN or BAD one makes the value unusable and nothing else.

        A reading that is not newer than the last (a clock that jumped, a repeated answer) still
        replaces the value, but gives no rate.
        """
        self.mono_ns = mono_ns
        if quality is Quality.BAD or value - value != 0.0:  # the latter: NaN and infinity
            self.value = NAN
            self.quality = Quality.BAD
            return
        count = self.count
        if count:
            delta = value - self.mean
            if count >= WARM_UP_READINGS:
                variance = self._variance
                # Below the resolution of a double the spread is rounding, not a baseline.
                floor = 1e-18 * (self.mean * self.mean) + 1e-300
                self._deviation = delta * delta / (variance if variance > floor else floor)
            elapsed_ns = mono_ns - self.good_mono_ns
            if elapsed_ns > 0:
                slope = (value - self.last) * 1e9 / elapsed_ns
                self.rate += 0.25 * (slope - self.rate)
            weight = ALPHA if count > WINDOW_READINGS else 1.0 / (count + 1)
            step = weight * delta
            self.mean += step
            self._variance = (1.0 - weight) * (self._variance + delta * step)
        else:
            self.mean = value
        index = self._index
        self._values_view[index] = value
        self._times_view[index] = mono_ns
        self._index = index + 1 if index + 1 < RING_READINGS else 0
        self.count = count + 1
        self.value = self.last = value
        self.quality = quality
        self.good_mono_ns = mono_ns

    @property
    def score(self) -> float:
        """How far the newest reading was from its baseline, 0..1."""
        squares = min(self._deviation, 1e4)
        return 1.0 - math.exp(-0.5 * squares / (SCORE_SIGMA * SCORE_SIGMA))

    def update_burst(self, burst: Burst) -> None:
        """Take a burst: its root mean square becomes the reading, the rest become features."""
        samples = burst.samples
        usable = samples.size > 1 and bool(np.isfinite(samples).all())
        if not usable or burst.quality is Quality.BAD:
            self._rms = self._peak = self._crest = self._kurtosis = NAN
            self.update(NAN, Quality.BAD, burst.mono_ns)
            return
        centred = samples.astype(np.float64) - float(samples.mean())
        squares = centred * centred
        mean_square = float(squares.mean())
        self._rms = math.sqrt(mean_square)
        self._peak = float(np.abs(centred).max())
        self._crest = self._peak / self._rms if self._rms else NAN
        self._kurtosis = (
            float((squares * squares).mean()) / (mean_square * mean_square) if mean_square else NAN
        )
        self.update(self._rms, burst.quality, burst.mono_ns)

    def window(self, readings: int = WINDOW_READINGS) -> npt.NDArray[np.float64]:
        """The newest values, oldest first, shape (n,), n <= readings; a copy."""
        taken = min(readings, self.count, RING_READINGS)
        return self._values[np.arange(self._index - taken, self._index)]

    def times_ns(self, readings: int = WINDOW_READINGS) -> npt.NDArray[np.int64]:
        """The monotonic times that belong to `window`."""
        taken = min(readings, self.count, RING_READINGS)
        return self._times_ns[np.arange(self._index - taken, self._index)]

    def fault(self, now_ns: int) -> str:
        """Empty when the value may be used now, otherwise what is wrong with it, in words."""
        if not self.mono_ns:
            return "never read"
        if self.value != self.value:
            return "bad quality"
        if now_ns - self.good_mono_ns > self.stale_ns:
            return f"stale for {(now_ns - self.good_mono_ns) / 1e9:.1f} s"
        return ""

    def getter(self, feature: str) -> Callable[[int], float]:
        """A function of the time that reads one feature; ``feature`` as in deciding/features.py."""
        simple: dict[str, Callable[[int], float]] = {
            "": lambda _: self.value,
            "mean": lambda _: self.mean,
            "std": lambda _: math.sqrt(self._variance) if self._variance > 0 else 0.0,
            "low": lambda _: float(self.window().min()) if self.count else NAN,
            "high": lambda _: float(self.window().max()) if self.count else NAN,
            "rate": lambda _: self.rate,
            "score": lambda _: self.score,
            "age": lambda now_ns: (now_ns - self.good_mono_ns) / 1e9 if self.good_mono_ns else NAN,
            "rms": lambda _: self._rms,
            "peak": lambda _: self._peak,
            "crest": lambda _: self._crest,
            "kurtosis": lambda _: self._kurtosis,
        }
        return simple[feature]


class WatchedStream(Stream):
    """A stream that tells listeners of each reading, or burst; the others pay nothing for it.

    ``watch`` and ``watch_burst`` are called on the control thread in the middle of a batch: they
    must return at once and deliver nothing themselves.
    """

    __slots__ = ("doubts", "watch", "watch_burst")

    def __init__(
        self,
        sensor: str,
        unit: str,
        stale_ms: float,
        watch: Callable[[Stream], None] | None = None,
        watch_burst: Callable[[Burst], None] | None = None,
    ) -> None:
        super().__init__(sensor, unit, stale_ms)
        self.watch = watch
        self.watch_burst = watch_burst
        self.doubts: dict[str, Quality] = {}  # sensors in doubt; shared by those of one table

    def doubt(self, quality: Quality, reason: str) -> bool:
        """Its readings are at most of this quality from now on; whether that is less than before.

        Whoever listens to its samples, and found a flaw in them, says so.
        """
        lower = quality < self.doubts.get(self.sensor, Quality.GOOD)
        self.doubts[self.sensor] = quality
        self.text = reason
        self.quality = min(self.quality, quality)
        if self.quality is Quality.BAD:
            self.value = NAN
        return lower

    def believe(self) -> None:
        """What comes is sound again."""
        if self.doubts.pop(self.sensor, None) is not None:
            self.text = ""

    def update(self, value: float, quality: Quality, mono_ns: int) -> None:
        """As of `Stream`, and tell."""
        if self.doubts:
            quality = min(quality, self.doubts.get(self.sensor, quality))
        super().update(value, quality, mono_ns)
        if self.watch is not None:
            self.watch(self)

    def update_burst(self, burst: Burst) -> None:
        """As of `Stream`, and tell."""
        super().update_burst(burst)
        if self.watch_burst is not None:
            self.watch_burst(burst)


class StreamTable:
    """Every sensor's stream by id. Readings of unknown sensors are counted and dropped."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self.streams = {stream.sensor: stream for stream in streams}
        self.doubts: dict[str, Quality] = {}  # the most that readings of these sensors are
        self.unknown = 0
        for stream in streams:
            if isinstance(stream, WatchedStream):
                stream.doubts = self.doubts

    def update(self, batch: Sequence[Reading]) -> None:
        """Take the readings of one poll."""
        streams = self.streams
        for reading in batch:
            stream = streams.get(reading.sensor)
            if stream is None:
                self.unknown += 1
            else:
                stream.update(reading.value, reading.quality, reading.mono_ns)
                if reading.text:
                    stream.text = reading.text

    def as_believed(self, batch: Sequence[Reading]) -> Sequence[Reading]:
        """The readings with the quality that is left to those in doubt."""
        doubts = self.doubts
        if not any(reading.sensor in doubts for reading in batch):
            return batch
        return [
            msgspec.structs.replace(each, quality=min(each.quality, doubts[each.sensor]))
            if each.sensor in doubts
            else each
            for each in batch
        ]

    def inputs(self, names: Sequence[str]) -> Inputs:
        """Compile the features of one decision point, in the order of ``names``.

        Raises KeyError naming a feature that no sensor has.
        """
        return Inputs(tuple(names), [self._split(name) for name in names])

    def _split(self, name: str) -> tuple[Stream, str]:
        if name in self.streams:
            return self.streams[name], ""
        sensor, _, feature = name.rpartition(".")
        return self.streams[sensor], feature


class Inputs:
    """The compiled inputs of one decision point or condition: values and faults, fast."""

    __slots__ = ("_ageing", "_getters", "_plain", "_streams", "names", "sensors")

    def __init__(self, names: tuple[str, ...], sources: Sequence[tuple[Stream, str]]) -> None:
        self.names = names
        self._streams = [stream for stream, _ in sources]
        self.sensors = frozenset(stream.sensor for stream in self._streams)
        self._plain = all(feature == "" for _, feature in sources)
        self._getters = [stream.getter(feature) for stream, feature in sources]
        # The age feature is what a rule asks of a silent sensor, so silence is no fault of it.
        self._ageing = [feature == "age" for _, feature in sources]

    def values(self, now_ns: int) -> list[float]:
        """The values in the order of ``names``; NaN where there is none."""
        if self._plain:
            return [stream.value for stream in self._streams]
        return [getter(now_ns) for getter in self._getters]

    def faults(self, now_ns: int) -> list[str] | None:
        """None when every input may be used; otherwise what is wrong, input by input."""
        for stream, ageing in zip(self._streams, self._ageing, strict=True):
            value = stream.value
            if not ageing and (value != value or now_ns - stream.good_mono_ns > stream.stale_ns):
                break
        else:
            return None
        return [
            "" if ageing and stream.good_mono_ns else stream.fault(now_ns)
            for stream, ageing in zip(self._streams, self._ageing, strict=True)
        ]

    def known(self) -> bool:
        """Whether each input was read at least once, well or badly."""
        return all(stream.mono_ns for stream in self._streams)

    def uncertain(self) -> str:
        """The first input whose newest reading is only UNCERTAIN, or empty."""
        for stream in self._streams:
            if stream.quality is Quality.UNCERTAIN:
                return stream.sensor
        return ""
