"""Replay: a recording played back at its true pace, or faster, as if its device were here.

Rules of this file
- Files are read and decompressed on a worker thread; the control loop only hands over.
- Rows that are due together go out in batches of at most 64 readings, and the loop breathes
  between them, whatever the speed.
- A reading carries the time at which it was due, not the time at which we came to it.

    | what happens to the recording | what becomes of the device |
    |---|---|
    | missing, not one, too few columns, no such array | Unsupported at construction |
    | a broken line | skipped and counted, told in health |
    | unreadable or damaged on the way | lost: BAD at once, begun anew after a back-off |
    | its end, with ``loop`` | begins again, one of its own gaps later |
    | its end, without | lost, "finished": BAD each second from then on |
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from banksman_drivers.back_off import BackOff
from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.points import judge, sensors_of
from banksman_drivers.ports import (
    Burst,
    Command,
    DeviceHealth,
    DeviceLost,
    Driver,
    OutputInfo,
    Quality,
    Reading,
    SensorInfo,
    Sink,
    Ticks,
    Unsupported,
)
from banksman_drivers.replay_bursts import BurstRecording, Samples
from banksman_drivers.replay_csv import CsvRecording, Row
from banksman_drivers.replay_pace import Playback
from banksman_drivers.settings.base import PointSettings
from banksman_drivers.settings.replay import ReplaySettings

BATCH_READINGS = 64
BACK_OFF_FIRST_S = 0.05
BACK_OFF_MOST_S = 60.0

T = TypeVar("T")


class ReplayDriver(Driver):
    """One recording. Raises Unsupported when the file cannot be played."""

    def __init__(self, settings: ReplaySettings, ticks: Ticks) -> None:
        self.id = settings.id
        self._settings = settings
        self._ticks = ticks
        self._condition = Condition(settings.id, "replay", ticks)
        self._playback: Playback | None = None
        self._epoch_ns = 0  # what the loop's clock and the box's differ by
        path = Path(settings.file)
        self._csv: CsvRecording | None = None
        self._bursts: BurstRecording | None = None
        try:
            if settings.format == "csv":
                self._csv = CsvRecording(path, len(settings.points))
            else:
                self._bursts = BurstRecording(
                    path, settings.array, len(settings.points), settings.scale
                )
        except Unsupported as error:
            raise Unsupported(f"{settings.id}: {error}") from error

    def sensors(self) -> Sequence[SensorInfo]:
        """Every declared point."""
        return sensors_of(self.id, self._settings.points)

    def outputs(self) -> Sequence[OutputInfo]:
        """A recording has none."""
        return []

    def health(self) -> DeviceHealth:
        """The recording's condition now."""
        return self._condition.health()

    async def apply(self, command: Command) -> None:
        """Raises Unsupported: a recording takes no commands."""
        raise Unsupported(f"{self.id} is a recording and has no output {command.output}")

    async def run(self, sink: Sink) -> None:
        """Play; see the port."""
        beat = BadBeat(sink, self.sensors(), self._ticks)
        beat.arm()
        back_off = BackOff(BACK_OFF_FIRST_S, BACK_OFF_MOST_S)
        try:
            while True:
                try:
                    await self._play(sink, beat)
                    break
                except DeviceLost as error:
                    self._condition.lose(str(error))
                    beat.start()
                await asyncio.sleep(back_off.next_s())
            self._condition.say("lost", f"{self.id}: the recording is finished{self._remarks()}")
            beat.start()
            await asyncio.get_running_loop().create_future()
        finally:
            beat.stop()
            self._condition.say("starting", "not running")

    async def _play(self, sink: Sink, beat: BadBeat) -> None:
        now_s = asyncio.get_running_loop().time()
        self._epoch_ns = self._ticks.mono_ns() - round(now_s * 1e9)
        self._playback = playback = Playback(self._settings.speed, now_s)
        while True:
            if self._csv is not None:
                await self._play_rows(self._csv, playback, sink, beat)
            elif self._bursts is not None:
                await self._play_bursts(self._bursts, playback, sink, beat)
            if not self._settings.loop:
                return
            playback.again()

    async def _play_rows(
        self, recording: CsvRecording, playback: Playback, sink: Sink, beat: BadBeat
    ) -> None:
        loop = asyncio.get_running_loop()
        rows = _Chunks(recording.chunks())
        try:
            while chunk := await rows.next():
                batch: list[Reading] = []
                for row in chunk:
                    now_s = loop.time()
                    due_s = playback.due_s(row.stamp_s, now_s)
                    if batch and (due_s > now_s or len(batch) >= BATCH_READINGS):
                        self._deliver(batch, sink, beat)
                        batch = []
                        await asyncio.sleep(0)
                    if due_s > now_s:
                        await asyncio.sleep(due_s - loop.time())
                    batch += self._readings(row, self._mono_ns(due_s))
                self._deliver(batch, sink, beat)
        finally:
            rows.close()

    async def _play_bursts(
        self, recording: BurstRecording, playback: Playback, sink: Sink, beat: BadBeat
    ) -> None:
        loop = asyncio.get_running_loop()
        bursts = _Chunks(_judged(recording.chunks(), self._settings.points))
        number = 0
        try:
            while chunk := await bursts.next():
                for samples, qualities in chunk:
                    due_s = playback.due_s(number * self._settings.interval_s, loop.time())
                    number += 1
                    await asyncio.sleep(max(0.0, due_s - loop.time()))
                    self._well(beat)
                    mono_ns = self._mono_ns(due_s)
                    points = zip(self._settings.points, samples, qualities, strict=False)
                    for point, axis, quality in points:
                        sink.burst(
                            Burst(
                                sensor=f"{self.id}.{point.name}",
                                samples=axis,
                                rate_hz=self._settings.rate_hz,
                                unit=point.unit,
                                quality=quality,
                                mono_ns=mono_ns,
                            )
                        )
        finally:
            bursts.close()

    def _readings(self, row: Row, mono_ns: int) -> list[Reading]:
        scale = self._settings.scale
        batch = []
        for point, raw in zip(self._settings.points, row.values, strict=True):
            value = raw * scale
            quality = judge(point, value, value)
            shown = math.nan if quality is Quality.BAD else value
            batch.append(Reading(f"{self.id}.{point.name}", shown, point.unit, quality, mono_ns))
        return batch

    def _deliver(self, batch: list[Reading], sink: Sink, beat: BadBeat) -> None:
        self._well(beat)
        sink.readings(batch)

    def _well(self, beat: BadBeat) -> None:
        beat.stop()
        self._condition.requests += 1
        self._condition.say("connected", f"playing{self._remarks()}")

    def _remarks(self) -> str:
        broken = self._csv.broken if self._csv is not None else 0
        told = f"; {broken} broken lines skipped" if broken else ""
        if self._playback is not None and self._playback.standstills:
            told += f"; put off {self._playback.standstills} times, the box stood still"
        return told

    def _mono_ns(self, due_s: float) -> int:
        """The due time on the box's clock; never later than that clock's own time."""
        return min(self._ticks.mono_ns(), self._epoch_ns + round(due_s * 1e9))


def _judged(
    chunks: Generator[list[Samples]], points: Sequence[PointSettings]
) -> Generator[list[tuple[Samples, list[Quality]]]]:
    """Judge every burst where it is read: on the worker thread."""
    for chunk in chunks:
        yield [
            (
                samples,
                [
                    judge(point, float(np.min(axis)), float(np.max(axis)))
                    for point, axis in zip(points, samples, strict=False)
                ],
            )
            for samples in chunk
        ]


class _Chunks(Generic[T]):
    """Takes a generator's items on a worker thread; closing never waits for that thread."""

    def __init__(self, items: Generator[T]) -> None:
        self._items = items
        self._busy = threading.Lock()
        self._closed = False

    async def next(self) -> T | None:
        """The next item, None after the last."""
        return await asyncio.to_thread(self._next)

    def close(self) -> None:
        """Close the generator now, or as soon as the thread has left it."""
        self._closed = True
        if self._busy.acquire(blocking=False):
            self._items.close()
            self._busy.release()

    def _next(self) -> T | None:
        with self._busy:
            item = None if self._closed else next(self._items, None)
            if self._closed:
                self._items.close()
            return item
