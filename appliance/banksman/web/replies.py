"""Bodies in and out: JSON by msgspec, and errors as problems (RFC 9457) with a remedy."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from banksman.wire.problems import PROBLEM_TYPE, Refusal

T = TypeVar("T")
BODY_MAX_BYTES = 16 * 1024
BODY_WITHIN_S = 10.0
_ENCODER = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    """JSON of any value of ours; NaN and infinity become null."""
    return _ENCODER.encode(value)


def json_reply(value: Any, status: int = 200) -> web.Response:
    """Answer with a JSON document."""
    return web.Response(body=encode(value), status=status, content_type="application/json")


def problem_reply(refusal: Refusal) -> web.Response:
    """Answer with a problem."""
    return web.Response(
        body=encode(refusal.body()),
        status=refusal.status,
        content_type=PROBLEM_TYPE,
        headers=refusal.headers,
    )


async def body_of(request: web.Request, kind: type[T]) -> T:
    """Read and check a JSON body; raises Refusal (400, 408, 413, 415)."""
    if request.content_type != "application/json":
        raise Refusal(
            415,
            "not-json",
            "the body is not application/json",
            "Send Content-Type: application/json.",
        )
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            raw = await request.read()
    except TimeoutError:
        raise Refusal(408, "too-slow", "the body did not arrive in time") from None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Refusal(400, "bad-body", str(error), "See /api for what is expected.") from None
