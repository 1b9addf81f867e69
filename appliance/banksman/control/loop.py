"""The hot path, and the map of it: `handle` names every step from a reading to a command.

    reading -> stream -> interlock senses -> decide -> interlock permits -> act -> record

Rules of this file
- Everything here runs on the control thread. There is no queue on the way.
- A step that raises ends in the decision point's declared safe default, with the reason said
  and counted; it never ends the loop and never guesses.
- A question to the cloud has a deadline of its own; when it passes, the safe default is taken.
- Commands go out when a decision changes, and again only if their write failed. So a reset of
  the interlock restarts nothing by itself.
- Records are put on a bounded queue a moment after the command is on its way.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from banksman.clock import Clock
from banksman.control.act import Act
from banksman.control.afterwards import Afterwards, CallLater
from banksman.control.following import of_alert
from banksman.control.histogram import Histogram
from banksman.control.interlock import Change, Interlock, told_as
from banksman.control.nudge import Nudge
from banksman.control.pace import Culprit
from banksman.control.point import Action, Point, PointSpec, Question
from banksman.control.ports import AlarmSignal, CloudPort, LatchStore, RecordQueue
from banksman.control.stream import Stream, StreamTable
from banksman.deciding.cache import ScoreCache
from banksman.deciding.decide import Ask, decide, safe_default
from banksman.deciding.decision import NO_ACTION, Decision, Event, Verdict
from banksman.wire.messages import WORK_ORDERS, Priority
from banksman_drivers.ports import Burst, Reading, Value

RECENT_DECISIONS = 100
# A point whose inputs are unusable decides again this often, so that silence is acted on.
SILENCE_NS = 1_000_000_000
# Devices come up one after the other. Until each input of a point was read once, or for this
# long, it decides nothing: every output is still in its safe state, and nobody is alarmed.
START_UP_NS = 3_000_000_000
# An input beyond its plausible range is usable, but the verdict built on it is less sure.
UNCERTAIN_FACTOR = 0.7


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
        self._node = node
        self._started_ns = clock.mono_ns()
        self._clock = clock
        self.streams = streams
        self.interlock = interlock
        self.act = act
        self._actions = actions
        self._cache = cache
        self._record_every_ns = record_every_ns
        self._records = records
        self._alarms = alarms
        self._latches = latches
        self._cloud = cloud
        self._next_id = next_id
        self._culprit = culprit
        self._look_at_devices = look_at_devices
        self._afterwards = Afterwards(call_later)
        self.latency = Histogram()
        self.recent: deque[Decision] = deque(maxlen=RECENT_DECISIONS)
        self.counters: dict[str, int] = dict.fromkeys(
            ("batches", "readings", "bursts", "commands_refused", "decisions_recorded",
             "decisions_failed", "cloud_late", "cloud_coalesced", "step_errors", "nudges",
             "nudges_held"),
            0,
        )  # fmt: skip
        self.rules_version = rules_version
        self._nudged_ns: dict[str, int] = {}
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
                self._drop_question(before)
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
        self._points, self.rules_version = fresh, rules_version

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
        self.sense_interlock(burst.mono_ns)
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
        self.sense_interlock(arrival_ns)
        self._decide_all(triggered, arrival_ns)
        if waiting:
            # What nobody decides on waits until the command has left.
            self._afterwards.put(self.streams.update, waiting)
        device = batch[0].sensor.partition(".")[0]
        self._afterwards.put(self._records.put_readings, device, batch)
        self._culprit.note(device, self._clock.mono_ns() - arrival_ns)

    def sense_interlock(self, now_ns: int) -> None:
        """Let the interlock look at its causes and force what it blocks."""
        for change in self.interlock.sense(now_ns):
            self.note_change(change)
        self._hold_blocked(now_ns)

    def finish(self) -> None:
        """Put down what still waits to be counted and recorded: the loop is about to end."""
        self._afterwards.run()

    def tick(self, now_ns: int) -> None:
        """Notice silence, a few times a second: what is stale has no reading to trigger it."""
        self.sense_interlock(now_ns)
        for point in self._points:
            if point.decided_ns is not None and now_ns - point.decided_ns < SILENCE_NS:
                continue
            if self._is_known(point, now_ns) and point.inputs.faults(now_ns) is not None:
                point.decided_ns = now_ns
                self._decide(point, now_ns)

    def note_change(self, change: Change) -> None:
        """Record a trip or a reset, tell people, and remember the latches durably."""
        # First of all the latch: whoever can read of a trip may rely on its outliving a kill.
        self._latches.save_latches(self.interlock.latched())
        details = {"trip": change.trip, "cause": change.cause}
        self._records.put_audit(f"interlock {change.event}", change.by, details)
        key = f"trip.{change.trip}"
        if change.event == "tripped":
            text = told_as(self.interlock.trips[change.trip].spec.label, change.cause)
            self._alarms.raise_alarm(key, text, Priority.CRITICAL, change.trip)
        else:
            self._alarms.clear_alarm(key)

    def disarm(self, why: str) -> None:
        """Every output safe until a person resets it: the box may not act. Empty: it may again."""
        for change in self.interlock.disarm(why):
            self.note_change(change)
        self._hold_blocked(self._clock.mono_ns())

    def note_audit(self, event: str, by: str, details: dict[str, str]) -> None:
        """Record what a person did."""
        self._records.put_audit(event, by, details)

    def reset(self, trip: str, by: str) -> None:
        """A person on the authenticated page resets a process trip.

        Raises KeyError (no such trip), ResetRefused (why not).
        """
        self.note_change(self.interlock.reset(trip, by, "page"))
        self._hold_blocked(self._clock.mono_ns())

    def _hold_blocked(self, now_ns: int) -> None:
        """Force what is blocked safe; observe mode writes nothing, the safe state included."""
        if self.interlock.mode == "observe":
            return
        blocked = self.interlock.blocked()
        if blocked or self.act.forcing:
            self.act.force(blocked, now_ns)

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

    def _ask(self, point: Point, event: Event, arrival_ns: int) -> None:
        spec = point.spec.point
        if self._cloud is None or not self._cloud.up():
            why = "no local answer and the cloud cannot be reached"
            self._conclude(point, event, safe_default(spec, why), arrival_ns)
            return
        question = point.question = Question(event, arrival_ns)
        question.timer = asyncio.get_running_loop().call_later(
            spec.deadline_ms / 1e3, self._answer, point, question, None
        )
        self._cloud.ask(
            event,
            (NO_ACTION, *self._actions),
            spec.deadline_ms,
            lambda verdict: self._answer(point, question, verdict),
        )

    def _answer(self, point: Point, question: Question, verdict: Verdict | None) -> None:
        if point.question is not question:
            self.counters["cloud_late"] += 1
            return
        self._drop_question(point)
        if verdict is None:
            deadline_ms = point.spec.point.deadline_ms
            verdict = safe_default(
                point.spec.point, f"the cloud gave no usable answer within {deadline_ms:g} ms"
            )
        self._conclude(point, question.event, verdict, question.arrival_ns)

    def _drop_question(self, point: Point) -> None:
        question, point.question = point.question, None
        if question is not None and question.timer is not None:
            question.timer.cancel()

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

    def _write_failed(self, action: Action) -> bool:
        needs = self.act.needs
        return any(needs(output, value) for output, value in action.writes)

    def _take(
        self,
        point: Point,
        action: Action | None,
        verdict: Verdict,
        decision_id: str,
        arrival_ns: int,
        changed: bool,
    ) -> None:
        tells = action is not None and action.alert is not None
        alert_key = f"{point.spec.point.name}.{verdict.action}" if tells else ""
        if changed and point.alert_key and point.alert_key != alert_key:
            self._alarms.clear_alarm(point.alert_key)
            point.alert_key = ""
        if action is None:
            return
        if action.trip is not None and changed:
            for change in self.interlock.trip(action.trip, verdict.reason):
                self.note_change(change)
            self._hold_blocked(arrival_ns)
        for output, value in action.writes:
            if not changed and not self.act.needs(output, value):
                continue  # only what failed is repeated: another may have been tripped and reset
            self._command(output, value, decision_id, arrival_ns)
        if action.nudge is not None and changed:
            self._nudge(action.nudge, decision_id, arrival_ns)
        if action.alert is not None and changed:
            point.alert_key = alert_key
            text = f"{action.alert.text}: {verdict.reason}"
            self._look_at_devices()  # a loss is told before what follows from it
            follows = of_alert(point, action, verdict, arrival_ns)
            priority = action.alert.priority
            self._alarms.raise_alarm(alert_key, text, priority, decision_id, follows)
        if action.work_order and changed:
            key = f"{WORK_ORDERS}{point.spec.point.name}.{action.name}"
            text = f"{action.work_order}: {verdict.reason}"
            self._alarms.raise_alarm(key, text, Priority.NORMAL, decision_id)

    def _command(self, output: str, value: Value, decision_id: str, arrival_ns: int) -> bool:
        """Send a command if the interlock permits it; whether it does."""
        command = self.act.command(output, value, decision_id, arrival_ns)
        if self.interlock.permit(command):
            self.counters["commands_refused"] += 1
            return False
        self.act.request(command, arrival_ns)
        return True

    def _nudge(self, nudge: Nudge, decision_id: str, arrival_ns: int) -> None:
        """Move a setpoint by one bounded step, from where it is now; unknown: not at all."""
        stream = self.streams.streams[nudge.reads]
        known = not stream.fault(arrival_ns)
        now = stream.value if known else math.nan
        target = nudge.target(now, self._nudged_ns.get(nudge.output), arrival_ns)
        if target is None:
            self.counters["nudges_held"] += 1
        elif self._command(nudge.output, target, decision_id, arrival_ns):
            self._nudged_ns[nudge.output] = arrival_ns
            self.counters["nudges"] += 1

    def _account(
        self, point: Point, event: Event, verdict: Verdict, decision_id: str, latency_ns: int
    ) -> None:
        """Count a verdict that was acted on, and record it if it says anything new."""
        self.latency.add(latency_ns)
        self._count(point, verdict)
        review = self._sure(point, verdict) < point.spec.point.review_below
        if point.worth_recording(verdict, review, event.mono_ns, self._record_every_ns):
            self._record(point, event, verdict, decision_id, latency_ns)

    def _record(
        self, point: Point, event: Event, verdict: Verdict, decision_id: str, latency_ns: int
    ) -> None:
        spec = point.spec.point
        confidence, reason = self._sure(point, verdict), verdict.reason
        if confidence < verdict.confidence and (uncertain := point.inputs.uncertain()):
            reason = f"{reason}; {uncertain} is uncertain"
        if point.sure is not None and point.sure.value < verdict.confidence:
            reason = f"{reason}; {point.sure.sensor} is {point.sure.value:.2f}"
        decision = Decision(
            id=decision_id or self._next_id(),
            node=self._node,
            type=spec.type,
            point=spec.name,
            wall_ns=self._clock.wall_ns(),
            mono_ns=event.mono_ns,
            boot_id=self._clock.boot_id,
            clock_quality=self._clock.quality(),
            latency_us=latency_ns / 1e3,
            action=verdict.action,
            confidence=confidence,
            source=verdict.source,
            reason=reason,
            inputs=dict(zip(event.names, event.values, strict=True)),
            rules_version=self.rules_version,
            rule=verdict.rule,
            model_version=verdict.model_version or self._judged_by(point),
            sync=confidence < spec.sync_below,
            review=confidence < spec.review_below,
            mode=self.interlock.mode,
        )
        self.counters["decisions_recorded"] += 1
        self.recent.append(decision)
        self._records.put_decision(decision, point.spec.priority)

    def _sure(self, point: Point, verdict: Verdict) -> float:
        """The verdict's confidence, less where an input is uncertain or is not sure of itself."""
        confidence = verdict.confidence
        if point.sure is not None:
            sure = point.sure.value
            confidence = min(confidence, sure) if sure >= 0.0 else 0.0  # NaN: nobody is sure
        return confidence * (UNCERTAIN_FACTOR if point.inputs.uncertain() else 1.0)

    def _judged_by(self, point: Point) -> str | None:
        return point.spec.version() if point.spec.version is not None else None

    def _count(self, point: Point, verdict: Verdict) -> None:
        counters = self.counters
        for key in (
            f"decisions_type_{point.spec.point.type}",
            f"decisions_source_{verdict.source}",
        ):
            counters[key] = counters.get(key, 0) + 1
        if verdict.source == "safe_default":
            counters["decisions_failed"] += 1
