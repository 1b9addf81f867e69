"""The live stream: Server-Sent Events of everything that changes, encoded once for all clients.

    snapshot   a whole Status, first of all                      {"node": …, "sensors": […], …}
    delta      changed sections, DELTA_S apart                   {"mono_ns": …, "sensors": […]}
    decision   each new decision, within WATCH_S
    trips      trips, permissives and outputs, within WATCH_S, when a trip changes
    alarms     the whole list, within WATCH_S, when it changes

- A client that does not keep up (QUEUE_MESSAGES behind) is cut; its page reconnects and gets
  a fresh snapshot. At most MAX_CLIENTS are served; the next is told to come back.
- Without clients nothing is computed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from banksman.control.snapshot import Snapshot
from banksman.web.ports import Appliance
from banksman.web.replies import encode
from banksman.web.views import Status, delta_of
from banksman.wire.problems import Refusal

WATCH_S = 0.1
DELTA_S = 0.5
MAX_CLIENTS = 16
QUEUE_MESSAGES = 64
RETRY_MS = 2000


class Stream:
    """One client's bounded queue. ``alive`` tells whether it may still listen."""

    def __init__(self, alive: Callable[[], bool]) -> None:
        self.alive = alive
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE_MESSAGES)

    def offer(self, message: bytes) -> bool:
        """Queue a message without waiting; false when the client is too far behind."""
        if self._queue.full():
            return False
        self._queue.put_nowait(message)
        return True

    def close(self) -> None:
        """End it: what is queued is of no use any more."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (message := await self._queue.get()) is not None:
            yield message


class EventHub:
    """Watches the appliance while anyone listens. ``status`` builds the whole document."""

    def __init__(self, appliance: Appliance, status: Callable[[], Status]) -> None:
        self.cut = 0
        self.refused = 0
        self._appliance = appliance
        self._status = status
        self._streams: dict[Stream, Callable[[], None]] = {}
        self._listened = asyncio.Event()
        self._shown: Status | None = None
        self._watched: Snapshot | None = None
        self._decided: frozenset[str] = frozenset()

    @property
    def clients(self) -> int:
        """How many listen now."""
        return len(self._streams)

    def join(self, alive: Callable[[], bool], cut: Callable[[], None]) -> Stream:
        """Begin to listen; ``cut`` is called when the client must go. Raises Refusal."""
        if len(self._streams) >= MAX_CLIENTS:
            self.refused += 1
            raise Refusal(
                503,
                "too-many-streams",
                f"{MAX_CLIENTS} pages are open already",
                "Close a page elsewhere; this one tries again by itself.",
                {"Retry-After": "5"},
            )
        if self._shown is None:
            self._shown = self._status()
            self._watch(self._appliance.snapshot())
        stream = Stream(alive)
        first = f"retry: {RETRY_MS}\n".encode() + message_of("snapshot", self._shown)
        stream.offer(first)
        self._streams[stream] = cut
        self._listened.set()
        return stream

    def leave(self, stream: Stream) -> None:
        """Stop listening; harmless when it was cut already."""
        self._streams.pop(stream, None)
        if not self._streams:
            self._listened.clear()
            self._shown = None

    async def run(self) -> None:
        """Watch and tell until cancelled."""
        steps = round(DELTA_S / WATCH_S)
        while True:
            await self._listened.wait()
            for step in range(steps):
                await asyncio.sleep(WATCH_S)
                if self._shown is None:
                    break
                self._tell_urgent(self._shown)
                if step == steps - 1:
                    self._tell_delta(self._shown)

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        for stream in list(self._streams):
            stream.close()

    def _watch(self, snapshot: Snapshot) -> None:
        self._watched = snapshot
        self._decided = frozenset(decision.id for decision in snapshot.recent)

    def _tell_urgent(self, shown: Status) -> None:
        snapshot = self._appliance.snapshot()
        if snapshot is not self._watched:
            for decision in snapshot.recent:
                if decision.id not in self._decided:
                    self._send("decision", decision)
            self._watch(snapshot)
            if snapshot.trips != shown.trips:
                self._send(
                    "trips",
                    {
                        "trips": snapshot.trips,
                        "permissives": snapshot.permissives,
                        "outputs": snapshot.outputs,
                    },
                )
        alarms = tuple(self._appliance.alarms())
        if alarms != shown.alarms:
            self._send("alarms", {"alarms": alarms})

    def _tell_delta(self, shown: Status) -> None:
        self._shown = self._status()
        self._send("delta", delta_of(shown, self._shown))
        for stream in [stream for stream in self._streams if not stream.alive()]:
            self._end(stream)

    def _send(self, event: str, value: Any) -> None:
        message = message_of(event, value)
        for stream in [stream for stream in self._streams if not stream.offer(message)]:
            self.cut += 1
            self._end(stream)

    def _end(self, stream: Stream) -> None:
        cut = self._streams[stream]
        self.leave(stream)
        stream.close()
        cut()


def message_of(event: str, value: Any) -> bytes:
    """One event on the wire; JSON has no raw line breaks, so it is one data line."""
    return b"event: " + event.encode() + b"\ndata: " + encode(value) + b"\n\n"
