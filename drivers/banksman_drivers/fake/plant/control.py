"""A Unix socket that takes one JSON command a line and answers one line: the demo's levers.

    -> {"command": "jam"}
    <- {"ok": true, "message": "a part jams on the conveyor"}

A thin driver: what a command does is the handler's. Bounded: a line of 4 kB, eight callers,
ten seconds a line.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

LINE_BYTES_MAX = 4096
LINE_WITHIN_S = 10.0
CALLERS_MAX = 8

Request = dict[str, Any]
Handler = Callable[[Request], Awaitable[Request]]


class BadCommand(ValueError):
    """The command is unknown or lacks something; the message says what would be right."""


class ControlServer:
    """Answers on ``path``, readable by its owner only."""

    def __init__(self, path: Path, handler: Handler) -> None:
        self._path = path
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen, replacing the socket that a killed process left."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(
            self._converse, self._path, limit=LINE_BYTES_MAX
        )
        self._path.chmod(0o600)

    async def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._callers):
                writer.close()
            await self._server.wait_closed()
            self._path.unlink(missing_ok=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._callers) >= CALLERS_MAX:
            writer.close()
            return
        self._callers.add(writer)
        try:
            while line := await asyncio.wait_for(reader.readline(), LINE_WITHIN_S):
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (TimeoutError, ValueError, ConnectionError):
            pass  # silent, over-long or gone: hang up
        finally:
            self._callers.discard(writer)
            writer.close()

    async def _answer(self, line: bytes) -> Request:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return {"ok": False, "message": "not one line of JSON"}
        if not isinstance(request, dict):
            return {"ok": False, "message": 'not an object like {"command": "status"}'}
        try:
            return {"ok": True, **await self._handler(request)}
        except BadCommand as refused:
            return {"ok": False, "message": str(refused)}


async def ask(path: Path, request: Request, within_s: float = LINE_WITHIN_S) -> Request:
    """Send one command and wait for its answer; raises OSError when nobody answers in time."""
    async with asyncio.timeout(within_s):
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            line = await reader.readline()
        finally:
            writer.close()
    answer = json.loads(line) if line else None
    if not isinstance(answer, dict):
        raise ConnectionError(f"{path} hung up without an answer")
    return answer
