"""Who opens and closes the port of a bus: for the first who needs it, until the last has left.

Rules of this file
- Opening and closing go on a thread that may wait; nobody opens while it is being closed.
- All who need it at once share one attempt and its outcome.
- An attempt that ends when nobody wants the port any more closes it again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from banksman_drivers.modbus_port import SerialLine
from banksman_drivers.ports import DeviceLost


class PortKeeper:
    """Keeps one port. ``on_open`` gets it and ``on_close`` the reason, both on the loop."""

    def __init__(
        self,
        open_line: Callable[[], SerialLine],
        on_open: Callable[[SerialLine], None],
        on_close: Callable[[str], None],
    ) -> None:
        self.port: SerialLine | None = None
        self._open_line = open_line
        self._on_open = on_open
        self._on_close = on_close
        self._holders = 0
        self._opening: asyncio.Task[str] | None = None
        self._closing: asyncio.Future[None] | None = None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the port: once open it stays so until the last holder leaves."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                self.close("the bus was given up")

    async def open(self) -> None:
        """See that the port is open. Raises DeviceLost saying why it is not."""
        if self.port is not None:
            return
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open_once())
        problem = await asyncio.shield(self._opening)
        if problem:
            raise DeviceLost(problem)

    def close(self, problem: str) -> None:
        """Close the port, if it is open; ``on_close`` is told why."""
        port, self.port = self.port, None
        if port is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(port.fd)
            self._closing = loop.run_in_executor(None, port.close)
            self._on_close(problem)

    async def _open_once(self) -> str:
        """The reason why it is not open, empty if it is."""
        loop = asyncio.get_running_loop()
        try:
            if self._closing is not None:
                await self._closing
            port = await loop.run_in_executor(None, self._open_line)
        except DeviceLost as error:
            return str(error)
        finally:
            self._opening = None
        self.port = port
        if not self._holders:
            self.close("the bus was given up")
            return "the bus was given up"
        self._on_open(port)
        return ""
