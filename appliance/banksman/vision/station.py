"""A station: one look at one camera, reached as if it were a device.

    camera ─ newest ─| looking thread: inspect, judge |─ finding ─| debounce, readings: control loop
                                                                    ▲ reject: mark the newest part

Rules of this file
- Control thread, but for `use`, `watch_frames`, `status`. A finding becomes one batch of readings,
  handed to the loop in one call: rules, interlock, act and Decision follow as for any device.
- What cannot be judged is told BAD, at once and each 0.5 s while it lasts: no bundle, a bundle that
  was refused, a camera that is lost, frozen or black, an inspection that fails. The reason is an
  alarm (state "lost" without a bundle, else a fault); everything else of the box goes on.
- ``at_reject`` goes on telling of parts on their way while the camera is away: it is not among what
  a lost camera makes BAD.
- With a trigger the newest verdict is told again each 0.5 s: it stands until the next part comes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from banksman.config.schema_vision import (
    CODE_POINT,
    REJECT_OUTPUT,
    REJECT_POINT,
    InspectionSettings,
)
from banksman.control.stream import Stream
from banksman.status import InspectionStatus
from banksman.vision.finding import CodesRead, Finding, Tally, Told
from banksman.vision.gate import Gate
from banksman.vision.in_use import Using
from banksman.vision.inspection import Picture
from banksman.vision.looking import Looking, missed
from banksman.vision.one_each_turn import OneEachTurn
from banksman.vision.pace import Pace
from banksman.vision.part_trigger import PartTrigger, triggers_of
from banksman.vision.severity import Severity
from banksman.vision.silence import Silence
from banksman.vision.station_info import outputs_of, sensors_of, status_of
from banksman.vision.telling import teller_of
from banksman_drivers.bridge import Bridge
from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.ports import (
    Camera,
    Command,
    DeviceHealth,
    Driver,
    Frame,
    OutputInfo,
    SensorInfo,
    Sink,
    Ticks,
    Unsupported,
)

BEAT_S = 0.5
DEPTH = 16
RECENT = 3


class Station(Driver):
    """See the rules above."""

    def __init__(
        self,
        settings: InspectionSettings,
        camera: Camera,
        ticks: Ticks,
        *,
        using: Using | None = None,
        codes: Callable[[Picture], tuple[str, ...]] | None = None,
    ) -> None:
        self.id = settings.id
        self.settings = settings
        self.tally = Tally()
        self._camera, self._ticks = camera, ticks
        self.using = using or Using()
        self._condition = Condition(settings.id, "inspection", ticks)
        self._teller = teller_of(settings)
        triggers = triggers_of(settings)
        self._trigger = None if triggers is None else PartTrigger(triggers)
        self._gate = (
            None if settings.reject is None else Gate(settings.reject, ticks, self._tell_gate)
        )
        self._looking = Looking(
            camera,
            ticks,
            self.tally,
            lambda: self.using.now,
            triggers=triggers,
            period_ns=round(1e9 / settings.most_per_s) if settings.most_per_s else 0,
            codes=codes,
        )
        self._sink: Sink | None = None
        self._beat: BadBeat | None = None
        self._bridge: Bridge[Told] | None = None
        self._recent: deque[Finding] = deque(maxlen=RECENT)
        self._passed: Callable[[Finding], None] = lambda _: None
        self._pace = Pace()
        self._unjudged = ""
        self._arrived = OneEachTurn(self._take)
        self._last_ns = ticks.mono_ns()
        stale_ms = settings.stale_ms if triggers is None else None
        self._silence = Silence(
            settings.id, self.using, camera, self._condition, self._teller, stale_ms
        )

    # -- any thread ------------------------------------------------------------------------------

    def watch_frames(self, offer: Callable[[Frame], None]) -> None:
        """Tell this one of each usable frame, on the looking thread, before it is looked at."""
        self._looking.offer = offer

    def watch_passes(self, passed: Callable[[Finding], None]) -> None:
        """Tell this one of each finding that passed, on the control thread, once it is told."""
        self._passed = passed

    def status(self) -> InspectionStatus:
        """Its figures, for page and metrics."""
        return status_of(
            self.settings, self.using, self.tally, self._teller.part, self._gate, self._pace
        )

    # -- the driver ------------------------------------------------------------------------------

    def sensors(self) -> Sequence[SensorInfo]:
        """Every reading."""
        return sensors_of(self.settings)

    def outputs(self) -> Sequence[OutputInfo]:
        """The mark on the newest part, where there is a gate."""
        return outputs_of(self.settings)

    def health(self) -> DeviceHealth:
        """Its condition now."""
        return self._condition.health()

    def apply(self, command: Command) -> asyncio.Future[None]:
        """Mark the newest part, or leave it. Raises Unsupported for any other output."""
        if self._gate is None or command.output != f"{self.id}.{REJECT_OUTPUT}":
            raise Unsupported(f"{self.id} has no output {command.output}")
        if command.value is True:
            self._gate.mark(self._recent[-1].exposed_ns if self._recent else self._last_ns)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def run(self, sink: Sink) -> None:
        """Look until cancelled."""
        gate_point = f"{self.id}.{REJECT_POINT[0]}"
        told = [info for info in self.sensors() if info.id != gate_point]
        self._sink, self._beat = sink, BadBeat(sink, told, self._ticks)
        self._bridge = Bridge(self._arrived.put, DEPTH)
        self._arrived.clear()
        beating = asyncio.get_running_loop().create_task(self._watch())
        try:
            await self._bridge.run(self._looking.work, f"inspect-{self.id}")
        finally:
            beating.cancel()
            self._beat.stop()
            if self._gate is not None:
                self._gate.stop()
            self._condition.say("starting", "not running")

    # -- what others tell it; control thread, in the middle of a batch --------------------------

    def on_trigger(self, stream: Stream) -> None:
        """The trigger's sensor has a reading: a rise is a part."""
        finding = None if self._trigger is None else self._trigger.take(stream)
        if finding is not None and self._bridge is not None:
            self.tally.missed += 1
            asyncio.get_running_loop().call_soon(self._arrived.put, finding)

    def on_belt(self, stream: Stream) -> None:
        """The encoder has a reading."""
        if self._gate is not None and self._sink is not None:
            self._gate.watch(stream)

    def finding(self, frame: int) -> Finding | None:
        """A recent finding by its frame."""
        return next((each for each in self._recent if each.frame == frame), None)

    # -- inside ----------------------------------------------------------------------------------

    def _take(self, told: Told) -> None:
        """Tell a finding in one batch, or codes in one of their own."""
        if self._sink is None or self._beat is None or self.using.now is None:
            return
        if isinstance(told, CodesRead):
            self._teller.read(told.codes)
            self._tell_one(CODE_POINT[0])
        else:
            self._take_finding(told, self._beat)

    def _take_finding(self, finding: Finding, beat: BadBeat) -> None:
        self._last_ns = self._ticks.mono_ns()
        self._recent.append(finding)
        self._teller.take(finding)
        self._silence.end(beat)
        self._condition.requests += 1
        self._condition.round_trip_us = finding.took_ns / 1e3
        failed = finding.severity is None
        if finding.inspection is not None:
            self._pace.add(finding.took_ns)
        self.tally.warnings += finding.severity is Severity.WARNING
        self.tally.criticals += finding.severity is Severity.CRITICAL
        self._condition.errors += failed
        self._unjudged = f"{self.id}: {finding.why}" if failed else ""
        self._condition.fault = self._fault()
        self._condition.say(
            "connected", self._condition.fault or f"looks with {self.using.version}"
        )
        self._tell()
        if finding.severity is Severity.PASS:
            self._passed(finding)

    async def _watch(self) -> None:
        """Notice what no finding tells: silence, a lost camera, no bundle."""
        while True:
            await asyncio.sleep(BEAT_S)
            if self._bridge is not None and self._bridge.dropped > self.tally.handed_late:
                self.tally.handed_late = self._bridge.dropped
                self._arrived.put(missed(0, self._ticks.mono_ns()))
            if self._gate is not None:
                self._gate.look()
            if self.using.now is None:
                self._last_ns = self._ticks.mono_ns()  # nobody looks: a new bundle is not late
            why = self._silence.reason(self._ticks.mono_ns() - self._last_ns)
            if why:
                self._silence.begin(why, self._beat)
            else:
                if self._trigger is not None:
                    self._stand()
                self._condition.fault = self._fault()
            self._tell_gate()

    def _fault(self) -> str:
        """The newest part that nobody could judge, or marked ones that nobody can follow."""
        lost = self._gate.fault if self._gate is not None else ""
        return self._unjudged or (f"{self.id}: {lost}" if lost else "")

    def _stand(self) -> None:
        """A triggered station waits and all is well: what was told last stands."""
        if self._silence.end(self._beat):
            self._unjudged = ""
        if not self._fault():
            self._condition.say("connected", f"looks with {self.using.version}; waits for a part")
        self._tell()

    def _tell(self) -> None:
        if self._sink is not None:
            state = self._gate.state if self._gate is not None else False
            self._sink.readings(self._teller.batch(state, self._ticks.mono_ns()))

    def _tell_gate(self) -> None:
        if self._gate is not None:
            self._tell_one(REJECT_POINT[0])

    def _tell_one(self, point: str) -> None:
        if self._sink is not None:
            state = self._gate.state if self._gate is not None else False
            self._sink.readings(self._teller.one(point, state, self._ticks.mono_ns()))
