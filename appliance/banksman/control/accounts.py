"""The account of verdicts that were acted on: counted each, recorded when they say anything new.

It runs a moment after the command is on its way (afterwards.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from banksman.clock import Clock
from banksman.control.histogram import Histogram
from banksman.control.point import Point
from banksman.control.ports import RecordQueue
from banksman.deciding.decision import Decision, Event, Mode, Verdict

RECENT_DECISIONS = 100
# An input beyond its plausible range is usable, but the verdict built on it is less sure.
UNCERTAIN_FACTOR = 0.7


class Accounts:
    """Every decision goes through `put`. Control thread."""

    def __init__(
        self,
        node: str,
        mode: Mode,
        clock: Clock,
        records: RecordQueue,
        record_every_ns: int,
        next_id: Callable[[], str],
        counters: dict[str, int],
    ) -> None:
        self.latency = Histogram()
        self.recent: deque[Decision] = deque(maxlen=RECENT_DECISIONS)
        self.rules_version = ""
        self._node = node
        self._mode = mode
        self._clock = clock
        self._records = records
        self._record_every_ns = record_every_ns
        self._next_id = next_id
        self._counters = counters

    def put(
        self, point: Point, event: Event, verdict: Verdict, decision_id: str, latency_ns: int
    ) -> None:
        """Count a verdict that was acted on, and record it if it says anything new."""
        self.latency.add(latency_ns)
        self._count(point, verdict)
        review = _sure(point, verdict) < point.spec.point.review_below
        if point.worth_recording(verdict, review, event.mono_ns, self._record_every_ns):
            self._record(point, event, verdict, decision_id, latency_ns)

    def _record(
        self, point: Point, event: Event, verdict: Verdict, decision_id: str, latency_ns: int
    ) -> None:
        spec = point.spec.point
        confidence, reason = _sure(point, verdict), verdict.reason
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
            model_version=verdict.model_version or _judged_by(point),
            sync=confidence < spec.sync_below,
            review=confidence < spec.review_below,
            mode=self._mode,
        )
        self._counters["decisions_recorded"] += 1
        self.recent.append(decision)
        self._records.put_decision(decision, point.spec.priority)

    def _count(self, point: Point, verdict: Verdict) -> None:
        counters = self._counters
        for key in (
            f"decisions_type_{point.spec.point.type}",
            f"decisions_source_{verdict.source}",
        ):
            counters[key] = counters.get(key, 0) + 1
        if verdict.source == "safe_default":
            counters["decisions_failed"] += 1


def _sure(point: Point, verdict: Verdict) -> float:
    """The verdict's confidence, less where an input is uncertain or is not sure of itself."""
    confidence = verdict.confidence
    if point.sure is not None:
        sure = point.sure.value
        confidence = min(confidence, sure) if sure >= 0.0 else 0.0  # NaN: nobody is sure
    return confidence * (UNCERTAIN_FACTOR if point.inputs.uncertain() else 1.0)


def _judged_by(point: Point) -> str | None:
    return point.spec.version() if point.spec.version is not None else None
