"""How long records wait: deadlines that are told of, and times to live that are kept.

Rules of this file
- Age is the time for which the box has recorded since, not a difference of wall clocks: a clock
  that jumps ten years expires nothing, and neither does a box that was switched off.
- Critical decisions, alarms and audit entries have no time to live. The others go when it is over,
  delivered or not, oldest first, counted.
- A class's rows have one deadline from their birth, so the oldest is always the one that is due
  first: the order of the outbox is by earliest deadline within its class.
- The store thread only.
"""

from __future__ import annotations

from collections.abc import Mapping

from banksman.clock import Clock
from banksman.status import OldestRow
from banksman.store.ledger import Ledger, Oldest
from banksman.store.rows import KINDS, Lane
from banksman.wire.messages import Priority

ROWS_A_STEP = 400
DAY_S = 86_400


class Age:
    """Seconds for which this box has recorded, over restarts; any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base_s = 0
        self._begun_ns = clock.mono_ns()

    def found(self, stored_s: int) -> None:
        """The database shows so much already."""
        self._base_s = max(self._base_s, stored_s - self._run_s())

    def now_s(self) -> int:
        """The age now."""
        return self._base_s + self._run_s()

    def _run_s(self) -> int:
        return (self._clock.mono_ns() - self._begun_ns) // 1_000_000_000


class Expiry:
    """Takes out what has outlived its class, a step at a time.

    ``ttl_days``: class -> days; a class that is not there lives for ever. Readings are BACKGROUND.
    """

    def __init__(self, ttl_days: Mapping[Priority, float]) -> None:
        self._ttl_s = {each: round(days * DAY_S) for each, days in ttl_days.items()}

    def rows(
        self, ledger: Ledger, priority: Priority, age_s: int, stretch: float = 1.0
    ) -> list[tuple[int, int]]:
        """(row id, class) of the oldest decisions that nobody shall wait for any more.

        ``stretch``: times the time to live.
        """
        before_s = age_s - round(self._ttl_s[priority] * stretch)
        if before_s <= 0:
            return []
        for channel in ledger.channels:
            # Ages grow with row ids: where the oldest is young enough, all are.
            found = ledger.connection.execute(
                "SELECT j.row_id, j.kept_s FROM owed o JOIN journal j ON j.row_id = o.row_id "
                "WHERE o.channel = ? AND o.priority = ? AND j.kind = 0 ORDER BY o.row_id LIMIT ?",
                (channel, int(priority), ROWS_A_STEP),
            ).fetchall()
            old = [(row_id, int(priority)) for row_id, kept_s in found if kept_s < before_s]
            if old:
                return old
        return []

    @property
    def classes(self) -> tuple[Priority, ...]:
        """Those that have a time to live, lowest first."""
        return tuple(sorted(self._ttl_s, reverse=True))

    def block_before_s(self, age_s: int, stretch: float = 1.0) -> int:
        """Blocks kept before this age are over, delivered or not; 0 for none."""
        ttl_s = self._ttl_s.get(Priority.BACKGROUND)
        return 0 if ttl_s is None else max(0, age_s - round(ttl_s * stretch))

    def block_waits(
        self, ledger: Ledger, everyone_read: int, age_s: int, stretch: float = 1.0
    ) -> bool:
        """Whether the oldest block that somebody has not read is over."""
        before_s = self.block_before_s(age_s, stretch)
        if before_s <= 0:
            return False
        found = ledger.connection.execute(
            "SELECT kept_s FROM blocks WHERE first >= "
            "(SELECT ifnull(max(first), 0) FROM blocks WHERE first <= ?1) AND last > ?1 "
            "ORDER BY first LIMIT 1",
            (everyone_read,),
        ).fetchone()
        return found is not None and found[0] < before_s


def oldest_rows(ledger: Ledger) -> dict[Priority, Oldest]:
    """The row of each class that has waited longest; classes without one are left out."""
    oldest: dict[Priority, Oldest] = {}
    for priority in Priority:
        for channel in ledger.channels:
            if ledger.depth[channel][priority]:
                found = ledger.oldest(channel, priority)
                before = oldest.get(priority)
                if found is not None and (before is None or found.kept_s < before.kept_s):
                    oldest[priority] = found
    return oldest


class Ends:
    """When a row's time is over, by the config: told of, or kept. Any thread; pure."""

    def __init__(
        self, deadlines_s: Mapping[Priority, float], ttl_days: Mapping[Priority, float]
    ) -> None:
        self._deadlines_s = deadlines_s
        self._ttl_days = ttl_days

    def of(self, priority: Priority, row: Oldest, age_s: int, stretch: float) -> OldestRow:
        """How it stands with a row at this age of the box."""
        waits_s = max(0, age_s - row.kept_s)
        deadline_s = self._deadlines_s.get(priority)
        mortal = row.kind == KINDS[Lane.DECISION]
        ttl_days = self._ttl_days.get(priority) if mortal else None
        return OldestRow(
            id=row.id,
            kind=row.kind,
            channel=row.channel,
            waits_s=waits_s,
            attempts=row.attempts,
            size_bytes=row.size_bytes,
            deadline_s=None if deadline_s is None else round(deadline_s) - waits_s,
            lives_s=None if ttl_days is None else round(ttl_days * DAY_S * stretch) - waits_s,
        )
