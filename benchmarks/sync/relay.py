"""A line between a box and its endpoint: so many bits a second, so much delay, and scissors.

    box --TCP--> [ rate | delay | counts ] --TCP--> endpoint        each way for itself

Rules of this file
- All connections share the rate of a way and take turns, packet by packet, as over a fair router;
  the line holds at most `BUFFER_S` of what waits.
- Down: nobody listens, and what is open is silent until it is reset when the line returns: what a
  box sees of a radio that comes back.
- ``swallow``: connections are taken, and every byte on any of them is gone, and so is what would
  come over them later: what a box sees of a router that has forgotten it. ``lasts`` draws how many
  bytes a connection carries up until it is reset.
- Counted is what passes, whatever it is: HTTP, TLS, padding. Heads of TCP and IP are not.
- The kernels we test on have no netem, so delay is made here (docs/benchmarks.md).

    async with Relay(to_port=8090, mbit=1.0, delay_s=0.02) as relay: ...  # relay.port
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Callable
from types import TracebackType

PACKET = 1_448  # bytes of TCP in an Ethernet frame
TURN_S = 0.004  # a fast line passes more at a time: fewer wake-ups
BUFFER_S = 0.1


class Way:
    """One direction. ``passed_bytes`` since the start."""

    def __init__(self, mbit: float, delay_s: float) -> None:
        self.passed_bytes = 0
        self.delay_s = delay_s
        self._per_s = mbit * 1e6 / 8
        self._free_s = 0.0
        self._turn = asyncio.Lock()

    @property
    def most(self) -> int:
        """How much one turn takes."""
        return max(PACKET, int(self._per_s * TURN_S)) if self._per_s else 256 * 1024

    async def admit(self, size: int) -> float:
        """Wait for a turn; the loop's time at which the bytes arrive."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            if self._per_s:
                ahead_s = self._free_s - loop.time() - BUFFER_S
                if ahead_s > 0:
                    await asyncio.sleep(ahead_s)
                self._free_s = max(self._free_s, loop.time()) + size / self._per_s
            else:
                self._free_s = loop.time()
            self.passed_bytes += size
            return self._free_s + self.delay_s


class Wire:
    """One connection. ``dead``: what comes over it is gone. ``left``: bytes up until it breaks."""

    def __init__(self, writer: asyncio.StreamWriter, left: int | None) -> None:
        self.writer = writer
        self.dead = False
        self.left = left


class Relay:
    """See the rules above. ``mbit`` 0 is no limit. Use as an asynchronous context.

    ``to_port`` may be changed: connections made from then on go there.
    """

    def __init__(self, to_port: int, mbit: float = 0.0, delay_s: float = 0.0) -> None:
        """``delay_s`` is one way's: half of a round trip."""
        self.port = 0
        self.cuts = 0
        self.swallow = False
        self.lasts: Callable[[], int] | None = None
        self.wires: dict[Wire, None] = {}  # in the order in which they were made
        self.to_port = to_port
        self._mbit = mbit
        self._delay_s = delay_s
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = asyncio.Event()

    async def __aenter__(self) -> Relay:
        self.up_way = Way(self._mbit, self._delay_s)
        self.down_way = Way(self._mbit, self._delay_s)
        await self.up()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.down()
        self._reset_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def up(self) -> None:
        """The line is there; what was open before is reset."""
        self._reset_all()
        self._open.set()
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, "127.0.0.1", self.port, limit=256 * 1024
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """The line is gone: no connection is made, and those that are pass nothing."""
        self._open.clear()
        if self._server is not None:
            self._server.close()
            self._server = None

    async def flap(self) -> None:
        """Gone and back at once: every connection breaks."""
        self.cuts += 1
        await self.down()
        await self.up()

    def break_one(self, chance: random.Random) -> bool:
        """Reset a connection that is drawn; whether there was one."""
        if not self.wires:
            return False
        self.cuts += 1
        self._reset(chance.choice(list(self.wires)).writer)
        return True

    @property
    def passed_bytes(self) -> int:
        """Both ways."""
        return self.up_way.passed_bytes + self.down_way.passed_bytes

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        ends = [writer]
        wire = Wire(writer, None if self.lasts is None else self.lasts())
        self.wires[wire] = None
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.to_port)
            ends.append(far)
            self._writers.update(ends)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, far, self.up_way, wire))
                pumps.create_task(self._pump(far_reader, writer, self.down_way, wire))
        except (OSError, ExceptionGroup):
            self._reset(writer)
        except asyncio.CancelledError:
            # The relay ends: asyncio's own callback takes a cancelled connection for a fault.
            self._reset(writer)
        finally:
            del self.wires[wire]
            for end in ends:
                self._writers.discard(end)
                end.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way, wire: Wire
    ) -> None:
        """Pass on what comes, each piece when it is due."""
        due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        deliver = asyncio.create_task(_deliver(due, writer))
        try:
            while data := await reader.read(way.most):
                await self._open.wait()
                wire.dead = wire.dead or self.swallow
                if wire.dead:
                    continue
                if wire.left is not None and way is self.up_way:
                    wire.left -= len(data)
                    if wire.left <= 0:
                        self.cuts += 1
                        raise ConnectionResetError("the line breaks, as was asked for")
                due.put_nowait((await way.admit(len(data)), data))
            due.put_nowait((0.0, b""))
            await deliver
        finally:
            deliver.cancel()

    def _reset_all(self) -> None:
        for writer in list(self._writers):
            self._reset(writer)

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


async def _deliver(due: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while True:
        at_s, data = await due.get()
        if not data:
            writer.write_eof()
            return
        wait_s = at_s - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        writer.write(data)
        await writer.drain()
