"""Pictures on their way up, piece by piece: what a broken link has carried is not carried again.

    source --most urgent--> full picture --fit--> `Going`, kept until the endpoint has it all
    GET  /v1/uploads/ID                  -> UploadState(here): from where to go on
    PUT  /v1/uploads/ID?at=here&…  piece -> UploadState(here, done)

Rules of this file
- One picture at a time, one piece at a time: a piece is what the link carries in a few seconds.
- What was begun is finished with the very same bytes, over restarts too (`going`).
- By right only what is as urgent as the table's classes; the rest when nothing else waits. Over a
  metered link never without budget.
- A picture that the endpoint refuses for ever is told to the source as sent, and counted.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import quote, urlencode

import msgspec

from banksman.clock import Clock
from banksman.sync.courier import Courier, Delivered, Fate, Trouble, fate_of
from banksman.sync.going import Going
from banksman.sync.policy import Plan
from banksman.sync.transport import NoAnswer
from banksman.wire.messages import Priority
from banksman.wire.uplink import PICTURE_BYTES_MAX, UploadState

LOOK_EVERY_S = 5.0
BUDGET_AGAIN_S = 60.0
PIECE_MOST = 512 * 1024
TRIES_MOST = 5  # with a sum that does not fit
CARRY_S = 20.0  # a picture is made as small as the link carries in this time
WANTED_LEAST = 6_000
UNKNOWN_MBIT = 0.05
FOR_EVER = (400, 404, 415, 422)

log = logging.getLogger(__name__)


class Note(Protocol):
    """A picture that waits. ``id`` is node-epoch-sequence."""

    @property
    def id(self) -> str:
        """On its way up."""

    @property
    def priority(self) -> Priority:
        """Who goes first."""

    @property
    def wall_ns(self) -> int:
        """When it was taken."""


class PictureSource(Protocol):
    """Who keeps the full pictures. Main loop; nothing of it blocks."""

    def waiting(self) -> Sequence[Note]:
        """Those that were not sent."""

    async def read(self, picture_id: str) -> bytes | None:
        """The full picture; None when it has given way meanwhile."""

    async def sent(self, picture_id: str) -> None:
        """The endpoint has it, or will never take it."""


class _Going(msgspec.Struct):
    """The one on its way. ``here``: what the endpoint has; None: not asked yet."""

    id: str
    priority: Priority
    wall_ns: int
    data: bytes
    sha256: str
    here: int | None = None
    tries: int = 0


class PictureLane:
    """See the rules above. The main loop; ``going`` keeps what is on its way."""

    def __init__(
        self,
        courier: Courier,
        node: str,
        source: PictureSource,
        going: Going,
        clock: Clock,
        fit: Callable[[bytes, int], bytes],
    ) -> None:
        """``fit`` makes a picture of at most so many bytes, about; on a worker thread."""
        self.sent = self.refused = 0
        self._courier = courier
        self._node = node
        self._source = source
        self._kept = going
        self._clock = clock
        self._fit = fit
        self._going: _Going | None = None

    async def step(
        self, plan: Plan, goodput_mbit: float | None, quiet: bool, left_bytes: int | None
    ) -> Fate | float:
        """One request, or for how many seconds there is nothing to do.

        ``quiet``: nothing else waits. ``left_bytes``: a metered link's budget; None: no limit.
        """
        if left_bytes is not None and left_bytes <= 0:
            return BUDGET_AGAIN_S
        if self._going is None:
            self._going = await self._begin(plan, goodput_mbit, quiet)
        going = self._going
        if going is None or not _may(plan, going.priority, quiet):
            return LOOK_EVERY_S
        try:
            return await self._request(going, plan, left_bytes)
        except NoAnswer as none:
            going.here = None
            return Trouble(str(none), none.reached)

    async def _begin(self, plan: Plan, goodput_mbit: float | None, quiet: bool) -> _Going | None:
        """The most urgent one that may go, its bytes on disk before the first of them leaves."""
        waiting = [note for note in self._source.waiting() if _may(plan, note.priority, quiet)]
        if not waiting:
            return None
        note = min(waiting, key=lambda each: (each.priority, each.wall_ns))
        data = await asyncio.to_thread(self._kept.read, note.id)
        if data is None:
            full = await self._source.read(note.id)
            if full is None:
                await self._source.sent(note.id)
                return None
            data = await asyncio.to_thread(self._fit, full, wanted_bytes(goodput_mbit))
            if len(data) > PICTURE_BYTES_MAX:
                await self._give_up(note.id, f"it has {len(data)} bytes")
                return None
            await asyncio.to_thread(self._kept.write, note.id, data)
        digest = hashlib.sha256(data).hexdigest()
        return _Going(note.id, note.priority, note.wall_ns, data, digest)

    async def _request(self, going: _Going, plan: Plan, left_bytes: int | None) -> Fate:
        path = f"/v1/uploads/{quote(going.id, safe='')}"
        if going.here is None:
            query = urlencode({"node": self._node, "sha256": going.sha256})
            answer = await self._courier.call("GET", f"{path}?{query}", b"")
        else:
            most = min(PIECE_MOST, plan.bytes_most)
            if left_bytes is not None:
                most = max(1, min(most, left_bytes))
            query = urlencode(
                {
                    "node": self._node,
                    "at": going.here,
                    "size": len(going.data),
                    "sha256": going.sha256,
                    "priority": int(going.priority),
                    "wall_ns": max(0, going.wall_ns),
                    "sent_wall_ns": max(0, self._clock.wall_ns()),
                }
            )
            piece = going.data[going.here : going.here + most]
            content = "application/octet-stream"
            answer = await self._courier.call("PUT", f"{path}?{query}", piece, content)
        if answer.status in FOR_EVER:
            await self._give_up(going.id, f"the endpoint answers with status {answer.status}")
            self._going = None
            return Delivered((), 0)
        if answer.status not in (200, 409):
            going.here = None
            fate = fate_of(answer, ())
            return fate if not isinstance(fate, Delivered) else Trouble("no state came", True)
        return await self._heard(going, answer.body)

    async def _heard(self, going: _Going, body: bytes) -> Fate:
        try:
            state = msgspec.json.decode(body, type=UploadState)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            going.here = None
            return Trouble("the answer is no upload's state: is something else between?", True)
        if state.done:
            await self._finish(going.id)
            self.sent += 1
            self._going = None
        else:
            going.tries += state.here == 0 and bool(going.here)
            going.here = min(max(0, state.here), len(going.data))
            if going.tries >= TRIES_MOST:
                await self._give_up(going.id, "its bytes never arrive whole")
                self._going = None
        return Delivered((), 0)

    async def _finish(self, picture_id: str) -> None:
        await self._source.sent(picture_id)
        await asyncio.to_thread(self._kept.remove, picture_id)

    async def _give_up(self, picture_id: str, why: str) -> None:
        self.refused += 1
        log.error("picture %s stays on this box only: %s", picture_id, why)
        await self._finish(picture_id)


def wanted_bytes(goodput_mbit: float | None) -> int:
    """What a picture may have over a link; not measured yet: little."""
    carried = (goodput_mbit or UNKNOWN_MBIT) * 1e6 / 8 * CARRY_S
    return max(WANTED_LEAST, int(carried))


def _may(plan: Plan, priority: Priority, quiet: bool) -> bool:
    return priority <= plan.lowest or (plan.idle and quiet)
