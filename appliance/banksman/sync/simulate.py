"""What the policy would do on a recorded link: meter, table and schedule as they run, no sockets.

    trace.csv: time_s, Mbit/s, round trip ms, loss (0..1)     one line holds until the next

Rules of this file
- Pure, and the same at every run: the box's own `LinkMeter`, `Policy` and `Schedule` decide; only
  the link and the plant are modelled.
- The link: a batch takes a round trip and its bytes over what the loss leaves of the rate; over a
  link of 0 Mbit/s, or of loss 1, it fails after `GIVE_UP_S`.
- The plant makes rows of each class and readings evenly.
- A metered link has the config's budget of hour and day, from midnight at the first line on.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence

import msgspec

from banksman.config.schema_sync import SyncSettings
from banksman.errors import TraceUnreadable
from banksman.sync.budget import Budget
from banksman.sync.link import STATE_S, LinkMeter
from banksman.sync.policy import Plan, Policy
from banksman.sync.probe import Prober
from banksman.sync.schedule import Schedule, Turn
from banksman.wire.messages import Priority

POINTS_MAX = 200_000
SPAN_MAX_S = 32 * 86_400.0
GIVE_UP_S = 8.0
ROW_BYTES = 90  # of a row on the wire, about; see parcel.FOLD
READING_BYTES = 20


class Point(msgspec.Struct, frozen=True):
    """The link from ``at_s`` on."""

    at_s: float
    mbit: float
    round_trip_ms: float
    loss: float


class Plant(msgspec.Struct, frozen=True):
    """What is made each second."""

    critical: float = 0.01
    important: float = 0.05
    normal: float = 0.5
    readings: float = 10.0


class Step(msgspec.Struct, frozen=True):
    """The state after `STATE_S`. ``sent_bytes`` since the step before; None: not known."""

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


def read_trace(lines: Iterable[str], name: str = "trace") -> list[Point]:
    """The points of a CSV. Raises TraceUnreadable naming the line."""
    points: list[Point] = []
    for number, cells in enumerate(csv.reader(lines), 1):
        if not cells or cells[0].lstrip().startswith("#"):
            continue
        try:
            values = [float(cell) for cell in cells]
        except ValueError:
            if not points and number == 1:
                continue  # the names of the columns
            raise TraceUnreadable(f"{name}:{number}: not four numbers: {cells[:4]}") from None
        points.append(_point(values, points, f"{name}:{number}"))
        if len(points) > POINTS_MAX:
            raise TraceUnreadable(f"{name}: over {POINTS_MAX} lines; thin it out")
    if not points:
        raise TraceUnreadable(f"{name}: empty; each line is time_s, Mbit/s, round trip ms, loss")
    if points[-1].at_s - points[0].at_s > SPAN_MAX_S:
        raise TraceUnreadable(f"{name}: over {SPAN_MAX_S / 86_400:g} days; cut it")
    return points


def _point(values: Sequence[float], before: Sequence[Point], where: str) -> Point:
    if len(values) != 4 or not all(map(math.isfinite, values)):
        raise TraceUnreadable(f"{where}: four numbers: time_s, Mbit/s, round trip ms, loss")
    at_s, mbit, trip_ms, loss = values
    if not (0 <= mbit <= 1e6 and 0 <= trip_ms <= 1e6 and 0 <= loss <= 1):
        raise TraceUnreadable(f"{where}: Mbit/s and ms are not negative, loss is 0 to 1")
    if before and at_s <= before[-1].at_s:
        raise TraceUnreadable(f"{where}: time does not grow")
    return Point(at_s, mbit, trip_ms, loss)


class Simulation:
    """One run; ``run`` it once."""

    def __init__(
        self,
        trace: Sequence[Point],
        settings: SyncSettings,
        plant: Plant,
        metered: bool = False,
    ) -> None:
        self._trace = trace
        self._times = [point.at_s for point in trace]
        self._plant = plant
        self._metered = metered
        self._meter = LinkMeter()
        self._policy = Policy(settings)
        self._start_s = trace[0].at_s
        self._schedule = Schedule(settings, self._start_s)
        self._budget = Budget(settings.metered_hour_mb, settings.metered_day_mb)
        self._prober = Prober.of(settings)
        self._waiting = dict.fromkeys(Priority, 0.0)
        self._sent = 0
        self._delay_s = 0.0
        self._critical_since_s: float | None = None
        self._bulk_free_s = self._start_s
        self._urgent_free_s = self._start_s

    def run(self, tail_s: float = 60.0) -> list[Step]:
        """Steps until ``tail_s`` after the last line."""
        steps: list[Step] = []
        end_s = self._times[-1] + tail_s
        now_s = self._start_s
        while now_s < end_s:
            self._meter.tick(now_s)
            plan = self._policy.plan(self._meter.state, self._metered)
            sent, self._delay_s = self._sent, 0.0
            for tenth in range(int(STATE_S)):
                self._second(plan, now_s + tenth)
            now_s += STATE_S
            steps.append(self._step(now_s, plan, self._sent - sent))
        return steps

    def _second(self, plan: Plan, now_s: float) -> None:
        plant = self._plant
        for which, rate in (
            (Priority.CRITICAL, plant.critical),
            (Priority.IMPORTANT, plant.important),
            (Priority.NORMAL, plant.normal),
            (Priority.BACKGROUND, plant.readings),
        ):
            self._waiting[which] += rate
        self._urgent(now_s)
        while self._bulk_free_s < now_s + 1:
            at_s = max(now_s, self._bulk_free_s)
            whole = {which: int(count) for which, count in self._waiting.items()}
            turn = self._schedule.turn(plan, whole, self._left(at_s), at_s)
            if not isinstance(turn, Turn):
                size = self._prober.due(plan, self._meter.state, at_s)
                if size is not None:
                    self._bulk_free_s = at_s + (self._transfer(size, at_s) or GIVE_UP_S)
                break
            self._bulk_free_s = at_s + self._bulk(turn, at_s)

    def _urgent(self, now_s: float) -> None:
        count = int(self._waiting[Priority.CRITICAL])
        if not count:
            return
        if self._critical_since_s is None:
            self._critical_since_s = now_s
        if self._urgent_free_s > now_s:
            return
        took_s = self._transfer(count * ROW_BYTES, now_s)
        if took_s is None:
            self._urgent_free_s = now_s + 1.0
            return
        self._waiting[Priority.CRITICAL] -= count
        self._delay_s = max(self._delay_s, now_s + took_s - self._critical_since_s)
        self._critical_since_s = None

    def _bulk(self, turn: Turn, now_s: float) -> float:
        """Send one batch; how long it took."""
        room = turn.bytes_most
        took: dict[Priority, int] = {}
        sizes: dict[Priority, int] = {}
        for which in turn.classes:
            each = READING_BYTES if which is Priority.BACKGROUND else ROW_BYTES
            took[which] = min(int(self._waiting[which]), room // each)
            sizes[which] = took[which] * each
            room -= sizes[which]
        spent_s = self._transfer(sum(sizes.values()), now_s)
        if spent_s is None:
            self._schedule.again(turn.classes)
            return GIVE_UP_S
        self._schedule.sent(sizes, now_s)
        for which, count in took.items():
            self._waiting[which] -= count
        return spent_s

    def _transfer(self, size: int, now_s: float) -> float | None:
        point = self._trace[max(0, bisect_right(self._times, now_s) - 1)]
        rate = point.mbit * 1e6 / 8 * (1 - point.loss)
        if rate <= 0:
            self._meter.failed(now_s)
            return None
        trip_s = point.round_trip_ms / 1e3
        took_s = trip_s + size / rate
        self._meter.succeeded(now_s + took_s, size, took_s, trip_s)
        self._sent += size
        if self._metered:
            self._budget.spend(self._wall_ns(now_s), size)
        return max(took_s, 1e-3)

    def _left(self, now_s: float) -> int | None:
        return self._budget.left_bytes(self._wall_ns(now_s)) if self._metered else None

    def _wall_ns(self, now_s: float) -> int:
        return round((now_s - self._start_s) * 1e9)

    def _step(self, now_s: float, plan: Plan, sent_bytes: int) -> Step:
        state = self._meter.state
        waiting = self._waiting
        return Step(
            at_s=now_s,
            link_mbit=self._trace[max(0, bisect_right(self._times, now_s) - 1)].mbit,
            measured_mbit=state.goodput_mbit,
            round_trip_ms=state.round_trip_ms,
            reliability=state.reliability,
            profile=plan.profile,
            critical_waiting=int(waiting[Priority.CRITICAL]),
            important_waiting=int(waiting[Priority.IMPORTANT]),
            normal_waiting=int(waiting[Priority.NORMAL]),
            background_waiting=int(waiting[Priority.BACKGROUND]),
            sent_bytes=sent_bytes,
            cloud_share=plan.cloud_share,
            retention=plan.retention,
            critical_delay_s=self._delay_s,
            budget_left_bytes=self._left(now_s),
        )
