"""What goes out: JSON, and problems (RFC 9457) that say what was wrong and what to do."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from banksman.wire.problems import PROBLEM_TYPE, Refusal

T = TypeVar("T")
BODY_BYTES_MAX = 1024 * 1024  # of everything but ingest
BODY_WITHIN_S = 30.0


def json_reply(value: Any, status: int = 200) -> web.Response:
    """A JSON document."""
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, content_type="application/json")


def problem_reply(refusal: Refusal) -> web.Response:
    """A problem. The connection ends where a body may be left unread."""
    return web.Response(
        body=msgspec.json.encode(refusal.body()),
        status=refusal.status,
        content_type=PROBLEM_TYPE,
        headers=refusal.headers,
    )


def later(kind: str, detail: str, seconds: int, status: int = 429) -> Refusal:
    """Not now; ``Retry-After`` says when."""
    return Refusal(
        status, kind, detail, "Wait as Retry-After says.", {"Retry-After": str(max(1, seconds))}
    )


async def bytes_of(request: web.Request, limit: int) -> bytes:
    """The body. Raises Refusal (400, 408, 413) without reading more than ``limit`` bytes."""
    declared = request.content_length
    if declared is not None and declared > limit:
        raise too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for part in request.content.iter_any():
                size += len(part)
                if size > limit:
                    raise too_large(limit)
                parts.append(part)
    except TimeoutError:
        raise Refusal(408, "too-slow", f"the body took over {BODY_WITHIN_S:g} s") from None
    except web.RequestPayloadError as error:
        raise Refusal(400, "torn", f"the body breaks off: {error}") from None
    return b"".join(parts)


async def json_of(request: web.Request, kind: type[T]) -> T:
    """A JSON body of this type. Raises Refusal (400, 408, 413)."""
    data = await bytes_of(request, BODY_BYTES_MAX)
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Refusal(
            400, "bad-body", f"the body is no {kind.__name__}: {error}", "See /api."
        ) from None


def too_large(limit: int) -> Refusal:
    """The body has more bytes than are taken."""
    return Refusal(
        413, "too-large", f"a body has at most {limit} bytes here", "Cut it in two.",
        {"Connection": "close"},
    )  # fmt: skip
