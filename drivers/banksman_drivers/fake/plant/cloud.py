"""A stand-in for the cloud endpoint: it answers questions about bearings after a think.

    GET  /healthz     200 ok
    POST /v1/decide   {"id", "type", "point", "inputs", "actions", ...}
                      -> {"id", "action", "confidence", "reason", "model_version"}

``advise`` is the pure part. The server around it is bounded: a head and a body of 64 kB,
sixteen callers, ten seconds of silence. Loopback only; the demo's data needs no login.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

BYTES_MAX = 65_536
CALLERS_MAX = 16
SILENCE_S = 10.0
THINK_S = 0.06
MODEL_VERSION = "bearing-advice-1"
# ISO 10816-3, group 1, rigid: the ends of zones B and C.
WATCH_MM_S = 4.5
ACT_MM_S = 7.1


class BadQuestion(ValueError):
    """The question lacks what an answer needs."""


def advise(question: object) -> dict[str, Any]:
    """Answer one question with one of its own actions; raises BadQuestion naming the lack."""
    if not isinstance(question, dict):
        raise BadQuestion("a question is a JSON object")
    actions, inputs = question.get("actions"), question.get("inputs")
    if not isinstance(actions, list) or not actions:
        raise BadQuestion("actions is empty: nothing to choose from")
    if not isinstance(inputs, dict) or not isinstance(question.get("id"), str):
        raise BadQuestion("id or inputs is missing")
    wanted, confidence, reason = _judge(inputs)
    if wanted not in actions:
        wanted, confidence = _mildest(actions), 0.5
    return {
        "id": question["id"],
        "action": wanted,
        "confidence": confidence,
        "reason": reason,
        "model_version": MODEL_VERSION,
    }


def _judge(inputs: Mapping[str, Any]) -> tuple[str, float, str]:
    rms = inputs.get("vib.rms")
    if isinstance(rms, bool) or not isinstance(rms, int | float) or not math.isfinite(rms):
        return "none", 0.5, "no vibration value came with the question"
    if rms >= ACT_MM_S:
        return "stop_press", 0.93, f"{rms:.1f} mm/s is zone D of ISO 10816-3: damage is likely"
    if rms >= WATCH_MM_S:
        share = (rms - WATCH_MM_S) / (ACT_MM_S - WATCH_MM_S)
        reason = f"{rms:.1f} mm/s is zone C of ISO 10816-3: run on, fit a bearing this week"
        return "plan_service", round(0.84 + 0.1 * share, 3), reason
    return "none", 0.72, f"{rms:.1f} mm/s has left zone A of ISO 10816-3, and may stay in B"


def _mildest(actions: Sequence[Any]) -> str:
    return "none" if "none" in actions else str(actions[0])


class CloudStandIn:
    """The HTTP server; ``answered`` counts questions."""

    def __init__(self, host: str, port: int, think_s: float = THINK_S) -> None:
        self._address = (host, port)
        self._think_s = think_s
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.StreamWriter] = set()
        self.answered = 0

    async def start(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._converse, *self._address, limit=BYTES_MAX)

    async def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._callers):
                writer.close()
            await self._server.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._callers) >= CALLERS_MAX:
            writer.close()
            return
        self._callers.add(writer)
        try:
            while head := await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SILENCE_S):
                method, path, length = _read_head(head)
                body = await asyncio.wait_for(reader.readexactly(length), SILENCE_S)
                status, answer = await self._answer(method, path, body)
                payload = json.dumps(answer).encode()
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(payload)}\r\n\r\n".encode()
                    + payload
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass  # gone, over-long or silent: hang up
        except (ValueError, ConnectionError):
            pass  # no HTTP, or gone
        finally:
            self._callers.discard(writer)
            writer.close()

    async def _answer(self, method: str, path: str, body: bytes) -> tuple[str, dict[str, Any]]:
        if (method, path) == ("GET", "/healthz"):
            return "200 OK", {"status": "ok"}
        if (method, path) != ("POST", "/v1/decide"):
            return "404 Not Found", {"error": f"no {method} {path} here"}
        try:
            answer = advise(json.loads(body))
        except (ValueError, RecursionError) as refused:
            return "400 Bad Request", {"error": str(refused)}
        await asyncio.sleep(self._think_s)
        self.answered += 1
        return "200 OK", answer


def _read_head(head: bytes) -> tuple[str, str, int]:
    """Method, path and body length; raises ValueError when it is no HTTP request."""
    request, *fields = head.decode("latin-1").split("\r\n")
    method, path, _version = request.split(" ")
    length = 0
    for field in fields:
        name, _, value = field.partition(":")
        if name.strip().lower() == "content-length":
            length = int(value)
    if not 0 <= length <= BYTES_MAX:
        raise ValueError("the body is too long")
    return method, path, length
