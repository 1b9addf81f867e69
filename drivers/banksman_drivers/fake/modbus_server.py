"""A small Modbus TCP server that misbehaves on demand: for tests, trials and drills.

Rules of this file
- Raw bytes on sockets, so that it can send what no library would.
- ``memory`` is what the device holds, ``faults`` is how it misbehaves from the next request on;
  both may be changed at any time on the server's loop.
- One connection is served in order. Everything it keeps is bounded.

    server = ModbusServer()
    server.memory.holding[0] = 42
    await server.start()                    # 127.0.0.1, a free port: server.port
    server.faults = Faults(delay_s=0.3)
    await server.until(lambda: server.requests > 5)
    await server.stop()
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from banksman_drivers.fake.modbus_memory import Memory, Write

WRITES_KEPT = 10_000
HELD_ANSWERS_MAX = 1000

Script = Callable[[bytes], Sequence[bytes]]


class Faults(msgspec.Struct, frozen=True):
    """How the server misbehaves; the default is not at all.

    ``script`` gets each request frame and returns the bytes to send in place of an answer.
    """

    delay_s: float = 0.0  # every answer comes this much later
    silent: bool = False  # takes requests and never answers
    exception: int | None = None  # refuses every request with this code, writes included
    garbage: bytes | None = None  # sends these bytes in place of the answer
    truncate: int | None = None  # sends only so many bytes of the answer
    unit_id: int | None = None  # answers name this unit
    tid_shift: int = 0  # answers name this much later a transaction
    twice: bool = False  # sends each answer twice
    held_back: int = 0  # sends each answer only after so many later requests
    piece_bytes: int = 0  # sends in pieces of so many bytes; 0: whole
    hang_up: bool = False  # closes the connection after the answer
    script: Script | None = None


def misbehave(request: bytes, answer: bytes, faults: Faults) -> list[bytes]:
    """The frames to send for ``answer``, both whole frames with their headers. Pure."""
    if faults.script is not None:
        return list(faults.script(request))
    if faults.silent:
        return []
    if faults.garbage is not None:
        return [faults.garbage]
    tid, protocol, length, unit = struct.unpack_from(">HHHB", answer)
    tid = (tid + faults.tid_shift) & 0xFFFF
    unit = unit if faults.unit_id is None else faults.unit_id
    frame = struct.pack(">HHHB", tid, protocol, length, unit) + answer[7:]
    frame = frame[: faults.truncate]
    return [frame, frame] if faults.twice else [frame]


class ModbusServer:
    """The server. ``port`` is known once started; ``writes`` holds the newest writes taken."""

    def __init__(self, memory: Memory | None = None) -> None:
        self.memory = memory or Memory()
        self.faults = Faults()
        self.port = 0
        self.requests = 0
        self.accepted = 0
        self.writes: deque[Write] = deque(maxlen=WRITES_KEPT)
        self.last_request = b""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._writers)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one, or the one had before."""
        self._server = await asyncio.start_server(self._connected, host, port or self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and close every connection; ``start`` opens the same port again."""
        if self._server is not None:
            self._server.close()
            self._server = None
        handlers = tuple(self._handlers)
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)

    def hang_up(self) -> None:
        """Close every connection at once, as a pulled cable and a restart would."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when ``condition`` holds; it is looked at after every request and connection."""
        while not condition():
            self._news.clear()
            await self._news.wait()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio's own handler tasks log a cancellation as an error.
        task = asyncio.create_task(self._attend(reader, writer))
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.add(writer)
        self._news.set()
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.close()
            self._news.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held: deque[bytes] = deque(maxlen=HELD_ANSWERS_MAX)
        while True:
            head = await reader.readexactly(6)
            request = head + await reader.readexactly(int.from_bytes(head[4:], "big"))
            self.requests += 1
            self.last_request = request
            answer = self._answer(request)
            self._news.set()
            if self.faults.delay_s:
                await asyncio.sleep(self.faults.delay_s)
            held.append(b"".join(misbehave(request, answer, self.faults)))
            while len(held) > self.faults.held_back:
                await self._send(writer, held.popleft())
            if self.faults.hang_up:
                return

    def _answer(self, request: bytes) -> bytes:
        if self.faults.exception is not None:
            pdu = bytes((request[7] | 0x80, self.faults.exception))
        else:
            before = self.memory.last_write
            pdu = self.memory.answer(request[7:])
            after = self.memory.last_write
            if after is not None and after is not before:
                self.writes.append(after)
        return request[:4] + struct.pack(">HB", len(pdu) + 1, request[6]) + pdu

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        step = self.faults.piece_bytes or max(1, len(data))
        for start in range(0, len(data), step):
            writer.write(data[start : start + step])
            await writer.drain()
            # Each piece is to be a segment of its own, read on its own.
            await asyncio.sleep(0)
