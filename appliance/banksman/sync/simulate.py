"""What the policy would do on a recorded link: meter, table and schedule as they run, no sockets.

Rules of this file
- The same at every run with the same ``seed``: the box's own `LinkMeter`, `Policy`, `Schedule` and
  `Prober` decide; only the link and the plant are modelled.
- The link: a transfer takes a round trip and its bytes over the rate. Of all transfers the trace's
  share ``loss`` fails, drawn one by one: somewhere on the way it goes silent, is given up as the
  courier gives up, and comes again. Its bytes and its time are spent; so are those of one that
  takes longer than the courier waits at most. Over 0 Mbit/s nothing leaves.
- Bytes while the trace is metered count against the config's budget of hour and day, from midnight
  at the first line on.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from banksman.config.schema_services import StoreSettings
from banksman.config.schema_sync import SyncSettings
from banksman.sync.budget import Budget
from banksman.sync.courier import SOON_LEAST_S, WITHIN_LEAST_S, WITHIN_MOST_S
from banksman.sync.link import STATE_S, LinkMeter
from banksman.sync.plant import Plant, Queue
from banksman.sync.policy import Plan, Policy
from banksman.sync.probe import Prober
from banksman.sync.schedule import Schedule, Turn
from banksman.sync.standing import NOBODY_MOST_S
from banksman.sync.trace import Point, Trace
from banksman.wire.messages import Priority

ROW_BYTES = 90  # of a row on the wire, about; see parcel.FOLD
READING_BYTES = 20


class Step(msgspec.Struct, frozen=True):
    """The state after `STATE_S`. ``sent_bytes`` since the step before; None: not known.

    ``failed``: transfers that failed in this step. ``oldest_s``: how long the oldest critical row
    has waited by then. ``…_late``: rows since the start that were not delivered in time.
    """

    at_s: float
    link_mbit: float
    measured_mbit: float | None
    round_trip_ms: float | None
    reliability: float | None
    profile: str
    critical_waiting: int
    important_waiting: int
    normal_waiting: int
    background_waiting: int
    sent_bytes: int
    cloud_share: float
    retention: float
    critical_delay_s: float  # the longest of those that arrived in this step
    budget_left_bytes: int | None = None  # of a metered link
    metered: bool = False
    failed: int = 0
    oldest_s: float = 0.0
    critical_late: int = 0
    important_late: int = 0


class _Outcome(msgspec.Struct, frozen=True):
    arrived: bool
    took_s: float


class Simulation:
    """One run; ``run`` it once. ``metered``: all of it, whatever the trace says."""

    def __init__(
        self,
        trace: Sequence[Point],
        settings: SyncSettings,
        plant: Plant,
        metered: bool = False,
        *,
        seed: int = 1,
        store: StoreSettings | None = None,
    ) -> None:
        """``store`` has the deadlines; None: the defaults."""
        self._trace = Trace(trace)
        self._always = metered
        self._meter = LinkMeter()
        self._policy = Policy(settings)
        self._start_s = self._trace.start_s
        self._schedule = Schedule(settings, self._start_s)
        self._budget = Budget(settings.metered_hour_mb, settings.metered_day_mb)
        self._prober = Prober.of(settings)
        store = StoreSettings() if store is None else store
        deadlines_s = {
            Priority.CRITICAL: store.critical_deadline_s,
            Priority.IMPORTANT: store.important_deadline_s,
        }
        self._queues = {
            which: Queue(rate, deadlines_s.get(which)) for which, rate in plant.rates().items()
        }
        self._chance = random.Random(seed)  # noqa: S311  the link's luck is no secret
        self._sent = self._failed = 0
        self._delay_s = 0.0
        self._bulk_free_s = self._urgent_free_s = self._start_s

    def run(self, tail_s: float = 60.0) -> list[Step]:
        """Steps until ``tail_s`` after the last line."""
        steps: list[Step] = []
        end_s = self._trace.end_s + tail_s
        now_s = self._start_s
        while now_s < end_s:
            self._meter.tick(now_s)
            plan = self._policy.plan(self._meter.state, self._is_metered(now_s))
            sent, failed, self._delay_s = self._sent, self._failed, 0.0
            for tenth in range(int(STATE_S)):
                self._second(plan, now_s + tenth)
            now_s += STATE_S
            steps.append(self._step(now_s, plan, self._sent - sent, self._failed - failed))
        return steps

    def _second(self, plan: Plan, now_s: float) -> None:
        for queue in self._queues.values():
            queue.make()
        self._urgent(now_s)
        while self._bulk_free_s < now_s + 1:
            at_s = max(now_s, self._bulk_free_s)
            whole = {which: queue.waiting for which, queue in self._queues.items()}
            turn = self._schedule.turn(plan, whole, self._left(at_s), at_s)
            if isinstance(turn, Turn):
                self._bulk_free_s = at_s + self._bulk(turn, at_s)
                continue
            size = self._prober.due(plan, self._meter.state, at_s)
            if size is not None:
                self._bulk_free_s = at_s + self._transfer(size, at_s, WITHIN_LEAST_S).took_s
            break

    def _urgent(self, now_s: float) -> None:
        queue = self._queues[Priority.CRITICAL]
        count = queue.waiting
        if not count or self._urgent_free_s > now_s:
            return
        oldest_s = queue.oldest_s()
        outcome = self._transfer(count * ROW_BYTES, now_s, SOON_LEAST_S)
        if not outcome.arrived:
            self._urgent_free_s = now_s + outcome.took_s + NOBODY_MOST_S["urgent"]
            return
        queue.take(count)
        self._delay_s = max(self._delay_s, oldest_s + outcome.took_s)

    def _bulk(self, turn: Turn, now_s: float) -> float:
        """Send one batch; how long it took."""
        room = turn.bytes_most
        took: dict[Priority, int] = {}
        sizes: dict[Priority, int] = {}
        for which in turn.classes:
            each = READING_BYTES if which is Priority.BACKGROUND else ROW_BYTES
            took[which] = min(self._queues[which].waiting, room // each)
            sizes[which] = took[which] * each
            room -= sizes[which]
        outcome = self._transfer(sum(sizes.values()), now_s, WITHIN_LEAST_S)
        if not outcome.arrived:
            self._schedule.again(turn.classes)
            return outcome.took_s
        self._schedule.sent(sizes, now_s)
        for which, count in took.items():
            self._queues[which].take(count)
        return outcome.took_s

    def _transfer(self, size: int, now_s: float, patience_s: float) -> _Outcome:
        """Try it; ``patience_s`` is how long silence is borne."""
        point = self._trace.at(now_s)
        per_s = point.mbit * 1e6 / 8
        if not per_s:
            self._meter.failed(now_s)
            self._failed += 1
            return _Outcome(arrived=False, took_s=patience_s)
        self._sent += size
        if self._is_metered(now_s):
            self._budget.spend(self._wall_ns(now_s), size)
        trip_s = point.round_trip_ms / 1e3
        took_s = max(trip_s + size / per_s, 1e-3)
        broken, share = self._chance.random() < point.loss, self._chance.random()
        if broken or took_s > WITHIN_MOST_S:
            self._meter.failed(now_s)
            self._failed += 1
            spent_s = share * took_s + patience_s if broken else WITHIN_MOST_S
            return _Outcome(arrived=False, took_s=min(spent_s, WITHIN_MOST_S))
        self._meter.succeeded(now_s + took_s, size, took_s, trip_s)
        return _Outcome(arrived=True, took_s=took_s)

    def _is_metered(self, now_s: float) -> bool:
        return self._always or self._trace.at(now_s).metered

    def _left(self, now_s: float) -> int | None:
        return self._budget.left_bytes(self._wall_ns(now_s)) if self._is_metered(now_s) else None

    def _wall_ns(self, now_s: float) -> int:
        return round((now_s - self._start_s) * 1e9)

    def _step(self, now_s: float, plan: Plan, sent_bytes: int, failed: int) -> Step:
        state, queues = self._meter.state, self._queues
        return Step(
            at_s=now_s,
            link_mbit=self._trace.at(now_s).mbit,
            measured_mbit=state.goodput_mbit,
            round_trip_ms=state.round_trip_ms,
            reliability=state.reliability,
            profile=plan.profile,
            critical_waiting=queues[Priority.CRITICAL].waiting,
            important_waiting=queues[Priority.IMPORTANT].waiting,
            normal_waiting=queues[Priority.NORMAL].waiting,
            background_waiting=queues[Priority.BACKGROUND].waiting,
            sent_bytes=sent_bytes,
            cloud_share=plan.cloud_share,
            retention=plan.retention,
            critical_delay_s=self._delay_s,
            budget_left_bytes=self._left(now_s),
            metered=self._is_metered(now_s),
            failed=failed,
            oldest_s=queues[Priority.CRITICAL].oldest_s(),
            critical_late=queues[Priority.CRITICAL].late,
            important_late=queues[Priority.IMPORTANT].late,
        )
