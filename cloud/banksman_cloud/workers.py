"""Several workers on the same sockets: started, watched, and replaced when one dies.

    parent: binds, holds a pipe --+--> worker   accepts from the inherited sockets
                                  +--> worker
                                  '--> …        the pipe breaks with the parent: all end

A connection that waits on a socket when its worker dies is accepted by another; one that was
accepted is lost, and its box asks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence

AGAIN_S = 0.5
STOP_WITHIN_S = 15.0
READY = b"R"


class Workers:
    """``command`` is a worker's, to which the numbers of its file descriptors are added."""

    def __init__(
        self, command: Sequence[str], count: int, sockets: Sequence[socket.socket]
    ) -> None:
        self.restarts = 0
        self._command = command
        self._count = count
        self._sockets = sockets
        self._ending = asyncio.Event()

    async def run(self, ready: Callable[[], None]) -> int:
        """Run until a signal; the exit code. ``ready`` is called once all have started."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ending.set)
        leash, held = os.pipe()
        heard, told = os.pipe()
        started = asyncio.create_task(self._until_started(heard, ready))
        try:
            async with asyncio.TaskGroup() as tasks:
                keepers = [tasks.create_task(self._keep(leash, told)) for _ in range(self._count)]
            return max(task.result() for task in keepers)
        finally:
            started.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await started
            for end in (leash, held, heard, told):
                os.close(end)

    async def _keep(self, leash: int, told: int) -> int:
        """Keep one worker running; its exit code if it could not start at all."""
        came_up = False
        while True:
            process = await self._start(leash, told)
            code = await self._until_ended(process)
            if self._ending.is_set():
                return 0
            if not came_up and code > 0:
                # It said why on stderr; another try would say the same.
                self._ending.set()
                return code
            came_up = True
            self.restarts += 1
            print(f"banksman-cloud: a worker ended ({code}); another is started", file=sys.stderr)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), AGAIN_S)

    async def _start(self, leash: int, told: int) -> asyncio.subprocess.Process:
        numbers = [sock.fileno() for sock in self._sockets]
        return await asyncio.create_subprocess_exec(
            *self._command,
            "--sockets",
            ",".join(map(str, numbers)),
            "--leash",
            str(leash),
            "--told",
            str(told),
            pass_fds=[*numbers, leash, told],
            start_new_session=True,  # Ctrl-C reaches the parent, which ends them in order
        )

    async def _until_ended(self, process: asyncio.subprocess.Process) -> int:
        ended = asyncio.create_task(process.wait())
        ending = asyncio.create_task(self._ending.wait())
        try:
            await asyncio.wait({ended, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                process.terminate()
                try:
                    await asyncio.wait_for(asyncio.shield(ended), STOP_WITHIN_S)
                except TimeoutError:
                    process.kill()
            return await ended
        finally:
            ending.cancel()

    async def _until_started(self, heard: int, ready: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        pipe = os.fdopen(os.dup(heard), "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            await reader.readexactly(self._count)
            ready()
            while await reader.read(1):
                continue  # replacements
        finally:
            transport.close()
