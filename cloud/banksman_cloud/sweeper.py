"""Sweeps out what the rules of retention do not keep, once an hour, step by step.

    age:   step(before) until nothing of the kind is older
    bytes: walk from the newest until the limit is reached; step(before that one) until none is left

Rules of this file
- With several workers one sweeps at a time, and no more than one an hour: the time of the last
  sweep stands in the database.
- Files of pictures go after the rows that named them, and only once they are an hour old: one that
  a batch is just bringing again is found by that batch and must not vanish under it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial

from banksman_cloud.errors import CloudError
from banksman_cloud.kinds import Kind
from banksman_cloud.pictures import PictureFolder
from banksman_cloud.retention import (
    DAY_NS,
    LAST_KEY,
    Keep,
    Step,
    Swept,
    early_blocks,
    early_records,
    last_sweep_ns,
    note,
    old_blocks,
    old_orders,
    old_records,
    quiet_uploads,
    unnamed,
    walk,
)
from banksman_cloud.storage.port import Engine, Session

EVERY_S = 3600.0
FIRST_S = 60.0
BREATH_S = 0.05  # between two steps: boxes go first
LOCK = "retention"

log = logging.getLogger(__name__)


class Sweeper:
    """See the rules above."""

    def __init__(
        self,
        engine: Engine,
        rules: Mapping[str, Keep],
        now_ns: Callable[[], int],
        pictures: PictureFolder | None = None,
        breath_s: float = BREATH_S,
    ) -> None:
        self.rules = rules
        self._engine = engine
        self._now_ns = now_ns
        self._pictures = pictures
        self._breath_s = breath_s

    async def run(self) -> None:
        """Sweep until cancelled."""
        wait_s = FIRST_S
        while True:
            await asyncio.sleep(wait_s)
            wait_s = EVERY_S
            try:
                swept = await self.sweep()
            except CloudError as error:
                log.error("retention: %s", error)
                continue
            for kind, each in swept.items():
                log.info("retention: %d of kind %s deleted, %d bytes", each.rows, kind, each.bytes)

    async def sweep(self) -> dict[str, Swept]:
        """One sweep, if none was within the hour; what it deleted. Raises Unavailable."""
        now_ns = self._now_ns()
        if not await self._engine.write(lambda db: _begin(db, now_ns)):
            return {}
        swept: dict[str, Swept] = {}
        for kind, keep in self.rules.items():
            rows, size = 0, 0
            for step in self._steps_of(kind, keep, now_ns):
                found = await self._until_done(kind, step)
                rows, size = rows + found.rows, size + found.bytes
            before = await self._over_the_bytes(kind, keep)
            if before is not None:
                found = await self._until_done(kind, _earlier(kind, before))
                rows, size = rows + found.rows, size + found.bytes
            if rows:
                swept[kind] = Swept(rows, size, now_ns)
        return swept

    def _steps_of(self, kind: str, keep: Keep, now_ns: int) -> list[Callable[[Session], Step]]:
        before_ns = now_ns - round(keep.days * DAY_NS)
        steps: list[Callable[[Session], Step]] = []
        if kind == Kind.PICTURE.word:
            steps.append(lambda db: quiet_uploads(db, now_ns))
        if not keep.days:
            return steps
        if kind == "readings":
            return [lambda db: old_blocks(db, before_ns)]
        if kind == "order":
            return [lambda db: old_orders(db, before_ns, now_ns)]
        which = Kind[kind.upper()]
        return [*steps, lambda db: old_records(db, which, before_ns)]

    async def _until_done(self, kind: str, step: Callable[[Session], Step]) -> Swept:
        """Step after step until one finds nothing."""
        rows, size = 0, 0

        def work(db: Session) -> Step:
            db.lock(LOCK)
            done = step(db)
            if done.swept.rows:
                note(db, kind, done.swept, self._now_ns())
            return done

        while True:
            done = await self._engine.write(work)
            if not done.swept.rows:
                return Swept(rows, size)
            rows, size = rows + done.swept.rows, size + done.swept.bytes
            if done.digests and self._pictures is not None:
                digests = done.digests
                gone = await self._engine.read(partial(unnamed, digests=digests))
                await asyncio.to_thread(self._pictures.forget, gone, self._now_ns())
            await asyncio.sleep(self._breath_s)

    async def _over_the_bytes(self, kind: str, keep: Keep) -> int | None:
        """The oldest row that there is still room for; None: there is room for all."""
        if not keep.mb or kind == "order":
            return None
        left, at = int(keep.mb * 1e6), 2**62
        while True:
            place = at
            rows = await self._engine.read(partial(walk, kind=kind, from_seq=place))
            if not rows:
                return None
            for seq, size in rows:
                left -= size
                if left < 0:
                    return seq + 1
                at = seq


def _earlier(kind: str, before: int) -> Callable[[Session], Step]:
    if kind == "readings":
        return lambda db: early_blocks(db, before)
    which = Kind[kind.upper()]
    return lambda db: early_records(db, which, before)


def _begin(db: Session, now_ns: int) -> bool:
    """Whether nobody has swept within the hour; notes that we do."""
    db.lock(LOCK)
    before_ns = last_sweep_ns(db)
    if before_ns and now_ns - before_ns < EVERY_S * 0.9e9:
        return False
    db.insert_new("setting", ("key", "value"), [(LAST_KEY, b"0")])
    db.run(
        "UPDATE setting SET value = :value WHERE key = :key",
        key=LAST_KEY,
        value=str(now_ns).encode(),
    )
    return True
