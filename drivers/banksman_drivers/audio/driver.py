"""A capture card as a device: bursts of each channel at audio rates, through ALSA.

Rules of this file
- Lives on the control loop; libasound is called on the thread ``audio-ID`` only (listening.py).
- Reports that the loop cannot take in time are dropped, oldest first, and counted.

    | what happens | what becomes of the readings |
    |---|---|
    | no such card, unplugged, in use, other format or rate | lost: BAD, opened anew with back-off |
    | no sample for `lost_after_ms` | lost: BAD, opened anew |
    | libasound does not come back | lost: BAD until it does |
    | the ring ran over | the burst is cut there, UNCERTAIN; counted in health |
    | clipped, muted, or of an odd rate | UNCERTAIN; muted is a fault (telling.py) |
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from banksman_drivers.audio import alsa
from banksman_drivers.audio.card import OpenHandle, open_handle
from banksman_drivers.audio.listening import WAIT_S, Gone, Listening, Report
from banksman_drivers.bridge import Bridge
from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.points import sensors_of
from banksman_drivers.ports import (
    Command,
    DeviceHealth,
    Driver,
    OutputInfo,
    SensorInfo,
    Sink,
    Ticks,
    Unsupported,
)
from banksman_drivers.settings.audio import AudioSettings

REPORTS_MAX = 64
LOOK_S = 0.25


class AudioDriver(Driver):
    """One card. Raises Unsupported, with the remedy, where libasound is missing.

    ``open_it`` opens another PCM than the settings name: a fake in a test's hands.
    """

    def __init__(
        self, settings: AudioSettings, ticks: Ticks, open_it: OpenHandle = open_handle
    ) -> None:
        alsa.must_be_there(settings.id)
        self.id = settings.id
        self._settings = settings
        self._ticks = ticks
        self._condition = Condition(settings.id, "audio", ticks)
        self._listening = Listening(settings, ticks, open_it)

    def sensors(self) -> Sequence[SensorInfo]:
        """Every declared point, in the order of the config."""
        return sensors_of(self.id, self._settings.points)

    def outputs(self) -> Sequence[OutputInfo]:
        """A capture card has none."""
        return []

    def health(self) -> DeviceHealth:
        """The card's condition now."""
        return self._condition.health()

    async def apply(self, command: Command) -> None:
        """Raises Unsupported: a capture card takes no commands."""
        raise Unsupported(f"{self.id} is a capture card and has no output {command.output}")

    async def run(self, sink: Sink) -> None:
        """Listen, for ever; see the port."""
        beat = BadBeat(sink, self.sensors(), self._ticks)
        beat.arm()

        def take(report: Report) -> None:
            self._take(report, sink, beat, bridge.dropped)

        bridge: Bridge[Report] = Bridge(take, REPORTS_MAX)
        self._listening.alive_ns = self._ticks.mono_ns()
        listening = asyncio.create_task(bridge.run(self._listening.work, f"audio-{self.id}"))
        try:
            while not listening.done():
                await asyncio.wait({listening}, timeout=LOOK_S)
                self._mind_thread(beat)
            listening.result()
        finally:
            beat.stop()
            listening.cancel()
            await asyncio.wait({listening})  # the bridge bounds it
            beat.stop()
            self._condition.fault = ""
            self._condition.say("starting", "not running")
            if not listening.cancelled():
                listening.result()  # a thread that did not end is named

    def _mind_thread(self, beat: BadBeat) -> None:
        """A thread that libasound holds reports nothing, so it is reported from here."""
        held_s = (self._ticks.mono_ns() - self._listening.alive_ns) / 1e9
        if not self._condition.lost and held_s > self._settings.lost_after_ms / 1e3 + WAIT_S:
            self._lose(f"{self._settings.card} does not come back from a read; plug it anew", beat)

    def _lose(self, message: str, beat: BadBeat) -> None:
        self._condition.errors += 1
        self._condition.fault = ""
        self._condition.say("lost", f"{self.id}: {message}")
        beat.start()

    def _take(self, report: Report, sink: Sink, beat: BadBeat, dropped: int) -> None:
        if isinstance(report, Gone):
            self._lose(report.message, beat)
            return
        condition = self._condition
        if not condition.connected:
            beat.stop()
        condition.requests = report.periods
        condition.polls_skipped = report.overruns
        condition.fault = report.fault
        late = f"; {dropped} bursts dropped, the control loop was too slow" if dropped else ""
        condition.say("connected", report.message + late)
        for burst in report.bursts:
            sink.burst(burst)
