"""A machine's watch, reached as if it were a device: readings and bursts in, its condition out.

    other devices ─ reading, burst ─| noted |─ thread machine-ID: hear, judge ─| readings: the loop

Rules of this file
- Control thread, but for `_work`. What arrives is only noted (intake.py); nothing is judged on the
  loop.
- A verdict is told at once and again each 0.5 s while it stands; before the first window it is BAD,
  and so is what nobody knows (hours left, mostly). A window without any reading says BAD.
- What it finds wrong with a sensor's samples or readings lowers the quality of that sensor's
  readings, for rules, page and records, until what comes is sound again.
- Warning and alarm are alarms for people, too; they clear with the verdict's hysteresis.
- What was learned goes to the store every few minutes and at the end; at once, when a tenth more of
  a normal is learned or a person said something. The card is not worn by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from banksman.clock import Clock
from banksman.config.schema_maintenance import MACHINE_POINTS, MachineSettings
from banksman.control.stream import Stream, WatchedStream
from banksman.maintenance.attending import STALE_WINDOWS, Attending, Word
from banksman.maintenance.integrity import Doubt
from banksman.maintenance.normals import NormalBook, Version
from banksman.maintenance.points import Told, batch, worst_finding
from banksman.maintenance.ringing import Alarms, Ringing
from banksman.maintenance.shelf import RunShelf
from banksman.maintenance.turns import Turns
from banksman_drivers.bridge import Bridge
from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.ports import (
    Burst,
    Command,
    DeviceHealth,
    Driver,
    OutputInfo,
    Reading,
    SensorInfo,
    Sink,
    Unsupported,
)

REST_S = 0.1  # of the thread between two looks
SAVE_S = 300.0

Doubts = tuple[Doubt, ...]  # every one that holds


class Watch(Driver):
    """See the rules above. ``save`` keeps what was learned, ``saved`` is what was kept before."""

    def __init__(
        self,
        settings: MachineSettings,
        clock: Clock,
        alarms: Alarms,
        save: Callable[[bytes], None],
        saved: bytes | None,
        shelf: RunShelf,
        turns: Turns,
        normals: NormalBook,
    ) -> None:
        """Raises ValueError for a bearing that nobody knows."""
        self.id = settings.id
        self.settings = settings
        self.newest: Told | None = None
        self._clock = clock
        self._attending = Attending(settings, shelf, turns, save, saved, normals)
        self._ringing = Ringing(settings.id, settings.label or settings.id, alarms)
        self._condition = Condition(settings.id, "machine", clock)
        self._sink: Sink | None = None
        self._beat: BadBeat | None = None
        self._streams: dict[str, WatchedStream] = {}  # of the sensors that it wants

    # -- what other devices and people tell ------------------------------------------------------

    def listens_to(self) -> set[str]:
        """Sensors whose readings it wants."""
        return self._attending.intake.listens_to()

    def bursts_from(self) -> set[str]:
        """Sensors whose bursts it wants."""
        return self._attending.intake.bursts_from()

    def on_reading(self, stream: Stream) -> None:
        """Note a reading; the control thread."""
        if isinstance(stream, WatchedStream):
            self._streams.setdefault(stream.sensor, stream)
        self._attending.intake.reading(stream)

    def on_burst(self, burst: Burst) -> None:
        """Note a burst; the control thread."""
        self._attending.intake.burst(burst)

    def say(self, word: Word) -> None:
        """A person says that the present is well, that it failed, or that it is new; any thread."""
        self._attending.say(word)

    def go_back(self, number: int) -> None:
        """A person wants a former normal; any thread. Raises VersionRefused."""
        self._attending.go_back(number)

    @property
    def versions(self) -> tuple[Version, ...]:
        """Its former normals, the oldest first."""
        return self._attending.normals.versions

    @property
    def bursts_dropped(self) -> int:
        """Bursts that gave way to newer ones."""
        return self._attending.intake.bursts_dropped

    @property
    def bursts_skipped(self) -> int:
        """Bursts that came and were not judged: bad, too short, or flawed."""
        return self._attending.bursts_skipped

    # -- as a device -----------------------------------------------------------------------------

    def sensors(self) -> Sequence[SensorInfo]:
        """Of every machine the same."""
        stale_ms = STALE_WINDOWS * self.settings.window_s * 1e3
        machine = self.settings.label or self.id
        return [
            SensorInfo(f"{self.id}.{name}", unit, f"{machine}: {label}", stale_ms=stale_ms)
            for name, unit, label in MACHINE_POINTS
        ]

    def outputs(self) -> Sequence[OutputInfo]:
        """None."""
        return ()

    async def apply(self, command: Command) -> None:
        """Refuse: it has no outputs."""
        raise Unsupported(f"{command.output}: a machine's watch has no outputs")

    def health(self) -> DeviceHealth:
        """Its condition now."""
        return self._condition.health()

    async def run(self, sink: Sink) -> None:
        """Judge until cancelled."""
        self._sink = sink
        self._beat = BadBeat(sink, self.sensors(), self._clock)
        self._beat.start()
        self._condition.say("starting", f"{self.id}: waits for its first window")
        self._ringing.resume(self._attending.stands())
        bridge: Bridge[Told | Doubts] = Bridge(self._take, depth=4)
        try:
            await bridge.run(self._work, f"machine-{self.id}")
        finally:
            self._doubt(())
            self._beat.stop()
            self._sink = None
            self._condition.say("starting", "not running")

    def _take(self, news: Told | Doubts) -> None:
        if isinstance(news, tuple):
            self._doubt(news)
            return
        told = self.newest = news
        self._doubt(told.doubts)
        self._condition.requests += 1
        if self._sink is None or self._beat is None:
            return
        if told.blind:
            reasons = [f"{doubt.sensor}: {doubt.reason}" for doubt in told.doubts]
            self._condition.lose(
                f"no reading of it may be believed: {'; '.join(reasons)}"
                if reasons
                else "none of its sensors gave a reading for a window; see their devices"
            )
            self._beat.start()
            return
        self._beat.stop()
        self._condition.say("connected", told.judgement.what)
        self._sink.readings(batch(self.id, told, self._clock.mono_ns()))
        self._ringing.tell(told.judgement, worst_finding([heard.finding for heard in told.heard]))

    def _doubt(self, doubts: Doubts) -> None:
        """Lower the quality of what is in doubt, and lift it where that is over."""
        doubted = {doubt.sensor: doubt for doubt in doubts}
        for sensor, stream in self._streams.items():
            doubt = doubted.get(sensor)
            if doubt is None:
                stream.believe()
            elif stream.doubt(doubt.quality, doubt.reason) and self._sink is not None:
                # The flaw was found after the reading: it is told once more, as what it is.
                told = (sensor, stream.value, stream.unit, stream.quality, stream.mono_ns)
                self._sink.readings([Reading(*told, doubt.reason)])

    # -- its thread ------------------------------------------------------------------------------

    def _work(self, bridge: Bridge[Told | Doubts]) -> None:
        attending, clock = self._attending, self._clock
        window_ns, save_ns = round(self.settings.window_s * 1e9), round(SAVE_S * 1e9)
        due_ns = clock.mono_ns() + window_ns
        kept_ns = clock.mono_ns()
        doubts: Doubts = ()
        while not bridge.wait(REST_S):
            attending.look(clock.mono_ns(), clock.wall_ns())
            if attending.doubts != doubts:
                doubts = attending.doubts
                bridge.put(doubts)
            now_ns = clock.mono_ns()
            if now_ns < due_ns:
                continue
            # After a stall of ours the missed windows are not made up.
            due_ns = max(due_ns + window_ns, now_ns)
            bridge.put(attending.window(now_ns, clock.wall_ns()))
            if attending.came_further() or now_ns - kept_ns >= save_ns:
                kept_ns = now_ns
                attending.keep()
        attending.keep()
