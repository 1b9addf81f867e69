"""The hot path, and the map of it: `handle` names every step from a reading to a command.

    reading -> stream -> interlock senses -> decide -> interlock permits -> act -> record

Rules of this file
- Everything here runs on the control thread. There is no queue on the way.
- A step that raises ends in the decision point's declared safe default, with the reason said
  and counted; it never ends the loop and never guesses.
- A question to the cloud has a deadline of its own; when it passes, the safe default is taken.
- What a step does stands in a file of its own: `holding` (the interlock), `taking` (actions),
  `questions` (the cloud), `accounts` (records). Their calls are bound once, at the start.
- Records are put on a bounded queue a moment after the command is on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from banksman.clock import Clock
from banksman.control.accounts import Accounts
from banksman.control.act import Act
from banksman.control.afterwards import Afterwards, CallLater
from banksman.control.holding import Holding
from banksman.control.interlock import Interlock
from banksman.control.pace import Culprit
from banksman.control.point import Action, Point, PointSpec
from banksman.control.ports import AlarmSignal, CloudPort, LatchStore, RecordQueue
from banksman.control.questions import Questions
from banksman.control.stream import Stream, StreamTable
from banksman.control.taking import Taking
from banksman.deciding.cache import ScoreCache
from banksman.deciding.decide import Ask, decide, safe_default
from banksman.deciding.decision import Event, Verdict
from banksman_drivers.ports import Burst, Reading

# A point whose inputs are unusable decides again this often, so that silence is acted on.
SILENCE_NS = 1_000_000_000
# Devices come up one after the other. Until each input of a point was read once, or for this
# long, it decides nothing: every output is still in its safe state, and nobody is alarmed.
START_UP_NS = 3_000_000_000


class ControlLoop:
    """The five steps. Implements ``banksman_drivers.ports.Sink``."""

    def __init__(
        self,
        *,
        node: str,
        clock: Clock,
        streams: StreamTable,
        interlock: Interlock,
        act: Act,
        points: Sequence[PointSpec],
        actions: Mapping[str, Action],
        rules_version: str,
        cache: ScoreCache,
        record_every_ns: int,
        records: RecordQueue,
        alarms: AlarmSignal,
        latches: LatchStore,
        cloud: CloudPort | None,
        next_id: Callable[[], str],
        culprit: Culprit,
        call_later: CallLater,
        look_at_devices: Callable[[], None] = lambda: None,
    ) -> None:
        """``call_later`` is that of the event loop it will run on."""
        self._started_ns = clock.mono_ns()
        self._clock = clock
        self.streams = streams
        self.interlock = interlock
        self.act = act
        self._actions = actions
        self._cache = cache
        self._records = records
        self._next_id = next_id
        self._culprit = culprit
        self._afterwards = Afterwards(call_later)
        self.counters: dict[str, int] = dict.fromkeys(
            ("batches", "readings", "bursts", "commands_refused", "decisions_recorded",
             "decisions_failed", "cloud_late", "cloud_coalesced", "step_errors", "nudges",
             "nudges_held"),
            0,
        )  # fmt: skip
        self.holding = Holding(interlock, act, records, alarms, latches, clock.mono_ns)
        self.accounts = Accounts(
            node, interlock.mode, clock, records, record_every_ns, next_id, self.counters
        )
        taking = Taking(
            streams, interlock, self.holding, act, alarms, self.counters, look_at_devices
        )
        self._questions = Questions(cloud, actions, self.counters, self._conclude)
        self._sense = self.holding.sense
        self._take = taking.take
        self._write_failed = taking.write_failed
        self._account = self.accounts.put
        self._ask = self._questions.ask
        self._points: list[Point] = []
        # Sensors that points or the interlock look at, and the points that each triggers.
        self._wires: dict[str, tuple[Stream, tuple[Point, ...]]] = {}
        self.load_points(points, rules_version)

    def load_points(self, points: Sequence[PointSpec], rules_version: str) -> None:
        """Take new decision points atomically: between two batches, on this thread.

        Raises KeyError, with the old points kept, if an input names no sensor of this box.
        """
        fresh = [self._point(spec) for spec in points]
        acted = {point.spec.point.name: point for point in self._points}
        for point in fresh:
            before = acted.get(point.spec.point.name)
            if before is not None:
                # What is on its way stays known, so a reload repeats no command.
                point.acted, point.alert_key = before.acted, before.alert_key
                point.known = before.known
                point.case.go_on(before.case)
                self._questions.drop(before)
        looked_at = self.interlock.sensors.union(
            *(point.spec.looked_at | point.inputs.sensors for point in fresh)
        )
        self._wires = {
            sensor: (
                self.streams.streams[sensor],
                tuple(point for point in fresh if sensor in point.spec.on),
            )
            for sensor in looked_at
        }
        self._points, self.accounts.rules_version = fresh, rules_version

    def _point(self, spec: PointSpec) -> Point:
        streams = self.streams.streams
        return Point(
            spec,
            self.streams.inputs(spec.point.inputs),
            None if spec.each is None else streams[spec.each],
            None if spec.sure is None else streams[spec.sure],
        )

    def readings(self, batch: Sequence[Reading]) -> None:
        """Take the readings of one poll. Never raises."""
        if batch:
            self.counters["readings"] += len(batch)
            self.handle(batch)

    def burst(self, burst: Burst) -> None:
        """Take one burst: its root mean square goes the way of every reading. Never raises."""
        self.counters["bursts"] += 1
        stream = self.streams.streams.get(burst.sensor)
        if stream is None:
            self.streams.unknown += 1
            return
        stream.update_burst(burst)
        reading = Reading(burst.sensor, stream.value, burst.unit, stream.quality, burst.mono_ns)
        self._sense(burst.mono_ns)
        wire = self._wires.get(burst.sensor)
        self._decide_all(wire[1] if wire is not None else (), burst.mono_ns)
        self._records.put_readings(burst.sensor.partition(".")[0], (reading,))

    def handle(self, batch: Sequence[Reading]) -> None:
        """The five steps for the readings of one poll of one device."""
        arrival_ns = batch[-1].mono_ns
        self.counters["batches"] += 1
        triggered: list[Point] = []
        waiting: list[Reading] = []
        for reading in batch:
            wire = self._wires.get(reading.sensor)
            if wire is None:
                waiting.append(reading)
                continue
            stream, points = wire
            stream.update(reading.value, reading.quality, reading.mono_ns)
            if reading.text:
                stream.text = reading.text
            # The readings of one poll belong together: a point decides once for all of them.
            triggered += [point for point in points if point not in triggered]
        self._sense(arrival_ns)
        self._decide_all(triggered, arrival_ns)
        if waiting:
            # What nobody decides on waits until the command has left.
            self._afterwards.put(self.streams.update, waiting)
        device = batch[0].sensor.partition(".")[0]
        told = self.streams.as_believed(batch) if self.streams.doubts else batch
        self._afterwards.put(self._records.put_readings, device, told)
        self._culprit.note(device, self._clock.mono_ns() - arrival_ns)

    def finish(self) -> None:
        """Put down what still waits to be counted and recorded: the loop is about to end."""
        self._afterwards.run()

    def tick(self, now_ns: int) -> None:
        """Notice silence, a few times a second: what is stale has no reading to trigger it."""
        self._sense(now_ns)
        for point in self._points:
            if point.decided_ns is not None and now_ns - point.decided_ns < SILENCE_NS:
                continue
            if self._is_known(point, now_ns) and point.inputs.faults(now_ns) is not None:
                point.decided_ns = now_ns
                self._decide(point, now_ns)

    def note_audit(self, event: str, by: str, details: dict[str, str]) -> None:
        """Record what a person did."""
        self._records.put_audit(event, by, details)

    def _decide_all(self, points: Sequence[Point], arrival_ns: int) -> None:
        for point in points:
            if point.due(arrival_ns) and self._is_known(point, arrival_ns):
                point.decided_ns = arrival_ns
                self._decide(point, arrival_ns)

    def _is_known(self, point: Point, now_ns: int) -> bool:
        if not point.known:
            point.known = point.inputs.known() or now_ns - self._started_ns >= START_UP_NS
        return point.known

    def _decide(self, point: Point, arrival_ns: int) -> None:
        if point.question is not None:
            self.counters["cloud_coalesced"] += 1
            return
        event = point.event(arrival_ns)
        try:
            verdict = decide(point.spec.point, event, self._cache)
        except Exception as error:  # noqa: BLE001  whatever breaks, the declared safe default is taken
            self.counters["step_errors"] += 1
            verdict = safe_default(point.spec.point, f"deciding failed: {error!r}")
        if isinstance(verdict, Ask):
            self._ask(point, event, arrival_ns)
        else:
            self._conclude(point, event, verdict, arrival_ns)

    def _conclude(self, point: Point, event: Event, verdict: Verdict, arrival_ns: int) -> None:
        """Act on a verdict first, then stamp and record it."""
        latency_ns = self._clock.mono_ns() - arrival_ns
        decision_id = ""
        changed = verdict.action != point.acted or point.case.is_new()
        action = self._actions.get(verdict.action)
        if changed or (action is not None and self._write_failed(action)):
            decision_id = self._next_id()
            point.acted = verdict.action
            point.case.acted()
            self._take(point, action, verdict, decision_id, arrival_ns, changed)
        self._afterwards.put(self._account, point, event, verdict, decision_id, latency_ns)
