"""Keeps the database within its quota and the disk above its floor.

Rules of this file
- What is delivered goes first: blocks that every channel has read, then acknowledged rows.
- Then the lowest priority, oldest first: blocks (BACKGROUND), what is set aside, BACKGROUND, NORMAL
  and IMPORTANT decisions.
- CRITICAL decisions, alarms and audit entries are never shed. When only those are left they are
  bundled (bundles.py), and when that is not enough ``full`` says so: a person is told, and the
  outputs are put safe (watch.py).
- What has outlived its class goes whether room is needed or not (ageing.py).
- Over an unreliable link more is kept, and longer: quota and times to live are stretched. So there
  is more room for what waits, and the copies of what was delivered, which go first, stay here
  longer: people ask the box when the endpoint cannot be reached. When the link is well again the
  copies go at once, and what is owed keeps the room it has until it is delivered (stretch.py). The
  disk's floor knows no stretch.
- In small transactions, so that a decision never waits long behind the cleaning.
- The newest block stays, because numbering goes on from it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from banksman.store.ageing import Expiry
from banksman.store.coalescing import coalesce, drop_delivered
from banksman.store.intake import Drops
from banksman.store.ledger import Ledger
from banksman.store.rows import EPOCH_SHIFT, Lane
from banksman.store.stretch import Stretch
from banksman.wire.messages import Priority

MB = 1_000_000
BLOCKS_A_STEP = 8
ROWS_A_STEP = 400
SCAN_ROWS = 4000
VACUUM_PAGES = 1000
ALL_READ = (1 << (EPOCH_SHIFT + 25)) - 1
NEVER_S = 1 << 62
ASIDE = """
DELETE FROM aside WHERE (place, name) IN (
    SELECT place, name FROM aside
    WHERE place IN ('blocks', 'spool') OR place = 'journal' AND meta <> ''
    AND json_extract(meta, '$[0]') = 0 AND json_extract(meta, '$[1]') <> 0
    ORDER BY place, name LIMIT ?
)
"""


class Room(NamedTuple):
    """How much there is, in bytes. ``used`` leaves out pages that may be used again."""

    used: int
    free_on_disk: int

    def needed(self, quota: int, floor: int) -> int:
        """How many bytes must go for both bounds to hold."""
        return max(self.used - quota, floor - self.free_on_disk, 0)


def measure(ledger: Ledger) -> Room:
    """Look at the database and its disk. Raises sqlite3.Error, OSError."""
    (pages,) = ledger.connection.execute("PRAGMA page_count").fetchone()
    (spare,) = ledger.connection.execute("PRAGMA freelist_count").fetchone()
    (page_bytes,) = ledger.connection.execute("PRAGMA page_size").fetchone()
    disk = os.statvfs(ledger.path.parent)
    return Room((pages - spare) * page_bytes, disk.f_bavail * disk.f_frsize)


def file_bytes(path: Path) -> int:
    """The database with its log on the disk."""
    total = 0
    for name in (path.name, f"{path.name}-wal"):
        try:
            total += path.with_name(name).stat().st_size
        except OSError:
            continue
    return total


class Keeper:
    """Makes room step by step; the store thread only."""

    def __init__(
        self,
        quota_mb: float,
        floor_mb: float,
        drops: Drops,
        ttl_days: Mapping[Priority, float] | None = None,
        stretch: Stretch | None = None,
        save: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        """``ttl_days``: how long a class is kept; a class that is not there has no end.

        ``save`` keeps the stretch over a restart.
        """
        self._quota = int(quota_mb * MB)
        self._floor = int(floor_mb * MB)
        self._drops = drops
        self._expiry = Expiry(ttl_days or {})
        self._scanned = self._seen = self._pass_rows = 0
        self._fruitless_at: int | None = None
        self.room = Room(0, 0)
        self.full = False
        self.stretch = stretch or Stretch()
        self._save = save

    def step(self, ledger: Ledger, cursors: Mapping[str, int], age_s: int = 0) -> bool:
        """One small step if room is needed; True when a further step is wanted at once.

        Raises Fault, sqlite3.Error, OSError.
        """
        everyone_read = min((cursors.get(name, 0) for name in ledger.channels), default=ALL_READ)
        wanted = self.stretch.wanted  # once: another thread may set it meanwhile
        expired = self._expire(ledger, age_s, everyone_read, wanted)
        self.room = measure(ledger)
        fits = not self._needed(wanted)
        self.stretch.settle(
            wanted, fits and not self._overdue(ledger, age_s, everyone_read, wanted)
        )
        kept = self.stretch.to_save()
        if kept is not None:
            self._save(kept)
        if fits:
            self.full = False
            return expired
        went = (
            self._blocks(ledger, everyone_read, "readings_pruned")
            or self._acknowledged(ledger)
            or bool(drop_delivered(ledger))
        )
        if not self._needed(self.stretch.held):
            self.full = False
            return went or expired
        went = (
            went
            or self._blocks(ledger, ALL_READ, self._shed_name(ledger))
            or self._aside(ledger)
            or self._shed_decisions(ledger, Priority.BACKGROUND)
            or self._shed_decisions(ledger, Priority.NORMAL)
            or self._shed_decisions(ledger, Priority.IMPORTANT)
        )
        if self.room.free_on_disk < self._floor:
            went = self._give_back(ledger) or went
        if not went and self._coalesce(ledger):
            return True  # whether that was enough the next step sees
        if not went:
            # It stays so until there is room: the few readings that can be shed meanwhile are none.
            self.full = True
        return went

    def _coalesce(self, ledger: Ledger) -> bool:
        count = coalesce(ledger)
        self._drops.add("rows_bundled", count)
        return bool(count)

    def _needed(self, times: float) -> int:
        return self.room.needed(int(self._quota * times), self._floor)

    @staticmethod
    def _shed_name(ledger: Ledger) -> str:
        return "readings_shed" if ledger.channels else "readings_pruned"

    def _expire(self, ledger: Ledger, age_s: int, everyone_read: int, wanted: float) -> bool:
        held = self.stretch.held
        gone = False
        for up_to, times, what in (
            (everyone_read, wanted, "readings_pruned"),
            (ALL_READ, held, "readings_expired"),
        ):
            before_s = self._expiry.block_before_s(age_s, times)
            gone = (before_s > 0 and self._blocks(ledger, up_to, what, before_s)) or gone
        for priority in self._expiry.classes:
            rows = self._expiry.rows(ledger, priority, age_s, held)
            if rows:
                with ledger.transaction() as connection:
                    paid = self._delete(connection, ledger, rows)
                ledger.paid(paid)
                self._drops.add(f"{priority.name.lower()}_expired", len(rows))
                gone = True
        return gone

    def _overdue(self, ledger: Ledger, age_s: int, everyone_read: int, wanted: float) -> bool:
        """Whether something still owed has outlived what is wanted: it lives by what is held."""
        return self.stretch.held > wanted and (
            self._expiry.block_waits(ledger, everyone_read, age_s, wanted)
            or any(self._expiry.rows(ledger, each, age_s, wanted) for each in self._expiry.classes)
        )

    def _blocks(self, ledger: Ledger, up_to: int, what: str, before_s: int = NEVER_S) -> bool:
        with ledger.transaction() as connection:
            gone = connection.execute(
                "DELETE FROM blocks WHERE first IN (SELECT first FROM blocks "
                "WHERE first < (SELECT max(first) FROM blocks) ORDER BY first LIMIT ?1) "
                "AND last <= ?2 AND kept_s < ?3 RETURNING last - first + 1",
                (BLOCKS_A_STEP, up_to, before_s),
            ).fetchall()
        self._drops.add(what, sum(count for (count,) in gone))
        return bool(gone)

    def _acknowledged(self, ledger: Ledger) -> bool:
        """Delete rows that nobody waits for, going through the journal from its old end.

        After a fruitless pass it goes on only when enough has been acknowledged since: a tenth of
        what a pass looks at, so that a long journal is not read over and over for a few rows.
        """
        fruitless_at, enough = self._fruitless_at, min(ROWS_A_STEP, 1 + self._pass_rows // 10)
        if fruitless_at is not None and ledger.acknowledged < fruitless_at + enough:
            return False
        owed_by = " OR ".join("channel = ?" for _ in ledger.channels) or "0"
        with ledger.transaction() as connection:
            rows = connection.execute(
                "SELECT row_id, priority FROM journal WHERE row_id > ? ORDER BY row_id LIMIT ?",
                (self._scanned, SCAN_ROWS),
            ).fetchall()
            free: list[tuple[int, int]] = []
            for row_id, priority in rows:
                self._scanned, self._seen = row_id, self._seen + 1
                owed = connection.execute(
                    f"SELECT 1 FROM owed WHERE ({owed_by}) "  # noqa: S608  only question marks
                    "AND priority = ? AND row_id = ?",
                    (*ledger.channels, priority, row_id),
                ).fetchone()
                if owed is None:
                    free.append((row_id, priority))
                if len(free) == ROWS_A_STEP:
                    break
            self._delete(connection, ledger, free)
        self._drops.add("rows_pruned", len(free))
        if not free and len(rows) == SCAN_ROWS:
            return True  # nothing in this stretch, but the journal goes on
        if free:
            self._fruitless_at = None
        else:
            self._scanned, self._fruitless_at = 0, ledger.acknowledged
            self._pass_rows, self._seen = self._seen, 0
        return bool(free)

    def _aside(self, ledger: Ledger) -> bool:
        """What does not open gives way to what does, but for what is never shed either."""
        with ledger.transaction() as connection:
            gone = connection.execute(ASIDE, (ROWS_A_STEP,)).rowcount
        ledger.aside -= gone
        self._drops.add("aside_shed", gone)
        return bool(gone)

    def _shed_decisions(self, ledger: Ledger, priority: Priority) -> bool:
        with ledger.transaction() as connection:
            shed: list[tuple[int, int]] = []
            for channel in ledger.channels:
                shed = connection.execute(
                    "SELECT row_id, priority FROM owed JOIN journal USING (row_id, priority) "
                    "WHERE channel = ? AND priority = ? AND kind = ? ORDER BY row_id LIMIT ?",
                    (channel, int(priority), int(Lane.DECISION), ROWS_A_STEP),
                ).fetchall()
                if shed:
                    break
            paid = self._delete(connection, ledger, shed)
        ledger.paid(paid)
        self._drops.add(f"{priority.name.lower()}_shed", len(shed))
        return bool(shed)

    @staticmethod
    def _delete(
        connection: sqlite3.Connection, ledger: Ledger, rows: Sequence[tuple[int, int]]
    ) -> list[tuple[str, int]]:
        """Take rows out, owed or not; returns (channel, class) of what was owed."""
        connection.executemany("DELETE FROM journal WHERE row_id = ?", [(r,) for r, _ in rows])
        return [
            (channel, priority)
            for channel in ledger.known_channels
            for row_id, priority in rows
            if connection.execute(
                "DELETE FROM owed WHERE channel = ? AND priority = ? AND row_id = ?",
                (channel, priority, row_id),
            ).rowcount
        ]

    @staticmethod
    def _give_back(ledger: Ledger) -> bool:
        """Return unused pages to a disk that is nearly full."""
        connection = ledger.connection
        (spare,) = connection.execute("PRAGMA freelist_count").fetchone()
        if not spare:
            return False
        connection.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        (left,) = connection.execute("PRAGMA freelist_count").fetchone()
        return bool(left < spare)
