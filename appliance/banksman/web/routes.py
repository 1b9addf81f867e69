"""The route table's row: what is served, to whom, and what the API description says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from banksman.web.callers import Access, Caller

Handler = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]


class Query(msgspec.Struct, frozen=True):
    """A query parameter."""

    name: str
    schema: Mapping[str, Any]
    description: str


class Route(msgspec.Struct, frozen=True):
    """One row. ``reply`` and ``body`` are msgspec types; routes without a summary are not API."""

    method: str
    path: str
    access: Access
    handler: Handler
    summary: str = ""
    reply: Any = None
    body: Any = None
    status: int = 200
    media: str = "application/json"
    queries: tuple[Query, ...] = ()
    refusals: tuple[int, ...] = ()
