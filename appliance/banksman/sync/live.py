"""What goes beside a backlog, so that nothing fresh waits behind what is old. Main loop.

    readings   |--delivered--|-------- backlog --------|--delivered--|--fresh-->
                             bulk lane from here on    begin         live lane from here on

Rules of this file
- Only while some open class has a backlog (`Schedule.live_turn`); else the bulk lane has it all.
- Readings beyond ``begin``, the newest one a moment before that backlog was seen, are this lane's;
  the bulk lane ends at it. Of rows it takes each open class's newest, the bulk lane the oldest.
- It has a share of the link. Where more comes than that carries, it begins anew at the newest and
  leaves a gap to the bulk lane: what is fresh is never older than a turn or two.
- Nothing here is remembered over a restart: what was delivered is the store's to know.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import zip_longest

from banksman.store.rows import OutboxRow, ReadingRow
from banksman.sync.outbox import CHANNEL, Outbox
from banksman.sync.parcel import BLOCK_MESSAGES_MAX, Parcel, fill
from banksman.sync.policy import Plan
from banksman.sync.schedule import LOOK_AGAIN_S, Schedule, Turn
from banksman.sync.thinning import Form
from banksman.wire.messages import Priority

ROWS_MOST = 100  # of a class
FRONTS = 3  # looks, one each `schedule.LIVE_S` at least while the link is not up


class Live:
    """See the rules above. ``rows_away``: rows that are on their way by it."""

    def __init__(
        self,
        outbox: Outbox,
        schedule: Schedule,
        form: Callable[[Plan], Form],
        waiting: Callable[[], Mapping[Priority, int]],
        skipped: Collection[int],
    ) -> None:
        """``waiting``: what waits of each class, on its way or not; ``skipped``: rows left out."""
        self.rows_away: frozenset[int] = frozenset()
        self._outbox = outbox
        self._schedule = schedule
        self._form = form
        self._waiting = waiting
        self._skipped = skipped
        self._begin: int | None = None
        self._fronts: deque[int] = deque(maxlen=FRONTS)
        self._fell_behind = False

    def behind(self, readings: Sequence[ReadingRow]) -> Sequence[ReadingRow]:
        """Those that are the bulk lane's: none, and this lane has no more to be ahead of."""
        if self._begin is None:
            return readings
        begin = self._begin
        old = [row for row in readings if row.position <= begin]
        if readings and not old:
            self._begin = None
            return readings
        return old

    def look(self) -> None:
        """Remember how far readings have come, so that what comes from now on is fresh."""
        front = self._outbox.readings_front(CHANNEL)
        if front is not None:
            self._fronts.append(front)

    async def gather(
        self,
        plan: Plan,
        left_bytes: int | None,
        now_s: float,
        flying: Parcel,
        messages_most: int = BLOCK_MESSAGES_MAX,
    ) -> Parcel | float:
        """The next parcel, or for how many seconds there is none; ``flying``: the bulk lane's.

        ``messages_most`` bounds a block.
        """
        turn = self._schedule.live_turn(plan, self._waiting(), left_bytes, now_s)
        if turn is None:
            self._begin = None  # the bulk lane closes what gap is left
            return LOOK_AGAIN_S
        if not isinstance(turn, Turn):
            return turn
        rows = await self._rows(turn.classes, flying)
        readings, begin = await self._readings(turn.classes)
        half = turn.bytes_most // 2 if readings else turn.bytes_most
        parcel = await asyncio.to_thread(fill, rows, (), half, plan.level)
        left = turn.bytes_most - sum(entry.wire_bytes for entry in parcel)
        parcel += await asyncio.to_thread(
            fill,
            (),
            readings,
            max(1, left),
            plan.level,
            messages_most,
            self._form(plan),
            begin,
        )
        self._fell_behind = sum(entry.messages for entry in parcel) < len(readings)
        sizes: dict[Priority, int] = {}
        for entry in parcel:
            sizes[entry.item.priority] = sizes.get(entry.item.priority, 0) + entry.wire_bytes
        self._schedule.sent_live(sizes, now_s)
        return parcel or 1.0

    async def _rows(self, classes: Sequence[Priority], flying: Parcel) -> list[OutboxRow]:
        """The newest of each class, class by class in turns: none takes the others' room."""
        away = {entry.row_id for entry in flying if entry.row_id is not None}
        newest = [
            await self._outbox.next_rows(CHANNEL, ROWS_MOST, (which,), newest=True)
            for which in classes
        ]
        rows = [row for turn in zip_longest(*newest) for row in turn if row is not None]
        return [r for r in rows if r.row_id not in away and r.row_id not in self._skipped]

    async def _readings(
        self, classes: Sequence[Priority]
    ) -> tuple[Sequence[ReadingRow], int | None]:
        """What is fresh, and from where on it was read."""
        if Priority.BACKGROUND not in classes:
            return (), None
        if self._fell_behind and self._fronts:
            self._begin = self._fronts[-1]
        elif self._begin is None and self._fronts:
            self._begin = self._fronts[0]
        begin = self._begin
        if begin is None:
            return (), None
        return await self._outbox.readings_after(CHANNEL, begin, BLOCK_MESSAGES_MAX), begin
