"""Whose turn it is: which classes the next batch carries, or how long until one is due. Pure.

    waiting rows by class, Plan, budget --Schedule.turn--> Turn(classes, bytes, why) | wait

Rules of this file
- Critical rows are not here: they go at once, on a way of their own (`uplink`).
- A class of the table is due with enough rows, or when its interval is over.
- Lower classes go over idle capacity: when nothing of the table is due and bytes cost nothing.
  A backlog then goes batch after batch; what dribbles in waits for the interval.
- On a metered link they go only as a probe, and only when nothing has measured the link lately:
  bounded, rare, and made of rows that must go up anyway.
- A class over its bucket, or a metered link over its budget, waits.
- While a class has a backlog, what is fresh of every open class is due each `LIVE_S` (over a
  metered link each interval), with a share of the link of its own: see `live`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import msgspec

from banksman.config.schema_sync import SyncSettings
from banksman.sync.budget import Bucket
from banksman.sync.policy import BATCH_S, Plan
from banksman.wire.messages import Priority

BULK = (Priority.IMPORTANT, Priority.NORMAL, Priority.BACKGROUND)
BACKLOG_ROWS = 100
BACKLOG_READINGS = 2_000  # a block full: by exception a message takes a byte, and its head 600
LOOK_AGAIN_S = 5.0
LIVE_S = 1.0
LIVE_SHARE = 0.25  # of what the link, or a class's bucket, carries
LIVE_BYTES_LEAST = 8 * 1024


class Turn(msgspec.Struct, frozen=True):
    """The next batch: its classes, highest first, and what it may have on the wire."""

    classes: tuple[Priority, ...]
    bytes_most: int
    probe: bool = False


class Schedule:
    """See the rules above."""

    def __init__(self, settings: SyncSettings, now_s: float) -> None:
        self._probe_s = settings.probe_s
        self._probe_bytes = int(settings.probe_kb * 1000)
        self._buckets = {
            Priority.IMPORTANT: Bucket(settings.important_kbit, now_s),
            Priority.NORMAL: Bucket(settings.normal_kbit, now_s),
            Priority.BACKGROUND: Bucket(settings.background_kbit, now_s),
        }
        self._live_buckets = {
            Priority.IMPORTANT: Bucket(settings.important_kbit * LIVE_SHARE, now_s),
            Priority.NORMAL: Bucket(settings.normal_kbit * LIVE_SHARE, now_s),
            Priority.BACKGROUND: Bucket(settings.background_kbit * LIVE_SHARE, now_s),
        }
        self._live_s = -math.inf
        self._since_s: dict[Priority, float] = {}
        self._probed_s: float | None = None

    def limit(self, kbit: Mapping[Priority, float], now_s: float) -> None:
        """Other bounds of classes from now on; 0: none."""
        for which, rate in kbit.items():
            self._buckets[which].limit(rate, now_s)
            self._live_buckets[which].limit(rate * LIVE_SHARE, now_s)

    def turn(
        self, plan: Plan, waiting: Mapping[Priority, int], left_bytes: int | None, now_s: float
    ) -> Turn | float:
        """The next batch, or for how many seconds none is due unless something comes."""
        for each in BULK:
            if not waiting.get(each, 0):
                self._since_s.pop(each, None)
            else:
                self._since_s.setdefault(each, now_s)
        if plan.metered and left_bytes == 0:
            return LOOK_AGAIN_S
        most = plan.bytes_most
        if plan.metered and left_bytes is not None:
            most = min(most, left_bytes)
        waits: list[float] = [LOOK_AGAIN_S]
        by_right = [each for each in BULK if each <= plan.lowest]
        due = tuple(
            each for each in by_right if self._due(each, plan.rows, plan, waiting, now_s, waits)
        )
        if due:
            return Turn(due, most)
        lower = [each for each in BULK if each > plan.lowest]
        if plan.idle:
            due = tuple(
                each
                for each in lower
                if self._due(each, _backlog(each, plan), plan, waiting, now_s, waits)
            )
            if due:
                return Turn(due, most)
        elif plan.stale and any(waiting.get(each, 0) for each in lower):
            since_s = self._probed_s
            if since_s is None or now_s - since_s >= self._probe_s:
                self._probed_s = now_s
                classes = tuple(each for each in lower if waiting.get(each, 0))
                return Turn(classes, min(most, self._probe_bytes), probe=True)
        return max(0.01, min(waits))

    def live_turn(
        self, plan: Plan, waiting: Mapping[Priority, int], left_bytes: int | None, now_s: float
    ) -> Turn | float | None:
        """What goes beside a backlog now, or for how long nothing does; None: there is none."""
        if plan.metered and left_bytes == 0:
            return LOOK_AGAIN_S
        open_to = [each for each in BULK if each <= plan.lowest or plan.idle]
        if not any(waiting.get(each, 0) > _backlog(each, plan) for each in open_to):
            return None
        every_s = plan.interval_s if plan.metered else LIVE_S
        wait_s = self._live_s + every_s - now_s
        if wait_s > 0:
            return wait_s
        classes = tuple(
            each
            for each in open_to
            if waiting.get(each, 0) and not self._live_buckets[each].wait_s(now_s)
        )
        if not classes:
            return LIVE_S
        self._live_s = now_s
        most = max(LIVE_BYTES_LEAST, int(plan.bytes_most / BATCH_S * every_s * LIVE_SHARE))
        most = min(most, plan.bytes_most)
        if plan.metered and left_bytes is not None:
            most = min(most, left_bytes)
        return Turn(classes, most)

    def sent_live(self, sizes: Mapping[Priority, int], now_s: float) -> None:
        """So many bytes of each class went beside the backlog: no interval of it begins anew."""
        for which, size in sizes.items():
            if which in self._buckets:
                self._buckets[which].take(now_s, size)
                self._live_buckets[which].take(now_s, size)

    def _due(
        self,
        which: Priority,
        rows: int,
        plan: Plan,
        waiting: Mapping[Priority, int],
        now_s: float,
        waits: list[float],
    ) -> bool:
        count = waiting.get(which, 0)
        if not count:
            return False
        held_s = self._buckets[which].wait_s(now_s)
        if count < rows:
            held_s = max(held_s, self._since_s[which] + plan.interval_s - now_s)
        if held_s > 0:
            waits.append(held_s)
        return held_s <= 0

    def sent(self, sizes: Mapping[Priority, int], now_s: float) -> None:
        """So many bytes of each class went: their intervals begin anew."""
        for which, size in sizes.items():
            if which in self._buckets:
                self._buckets[which].take(now_s, size)
                self._since_s[which] = now_s

    def again(self, classes: Collection[Priority]) -> None:
        """They were not delivered after all: they wait for nothing more."""
        for which in classes:
            if which in self._buckets:
                self._since_s[which] = -math.inf


def _backlog(which: Priority, plan: Plan) -> int:
    """From how many on they do not wait for their interval."""
    most = BACKLOG_READINGS if which is Priority.BACKGROUND else BACKLOG_ROWS
    return max(plan.rows, most)
