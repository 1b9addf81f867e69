"""Connections that say nothing, little, or too much at once."""

from __future__ import annotations

import asyncio

from cloud_batches import decision, packed

from banksman_cloud.web.turnstile import A_NODE_MAX


async def closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionError:
        return True


async def test_a_connection_that_asks_nothing_is_cut(site, wire):
    site.site.gate.doors.head_within_s = 0.05
    async with wire() as line:
        assert await closed(line.reader)
    assert site.site.gate.doors.cut == 1


async def test_a_head_that_never_ends_is_cut(site, wire):
    site.site.gate.doors.head_within_s = 0.2
    async with wire() as line:
        await line.send(b"POST /v1/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        assert await closed(line.reader)
    assert site.site.gate.doors.cut == 1


async def test_who_has_asked_once_is_not_cut(site, wire):
    async with wire() as line:
        await line.send(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert await line.status() == 200
        assert site.site.gate.doors.connections == 1
        assert site.site.gate.doors.cut == 0


async def test_connections_beyond_bounds_are_refused_and_the_others_served(site, wire):
    site.site.gate.doors._connections_max = 2
    async with wire() as first, wire() as second:
        for line in (first, second):
            await line.send(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert await line.status() == 200
        async with wire() as third:
            assert await closed(third.reader)
    assert site.site.gate.doors.refused == 1


async def test_a_head_that_is_too_long_is_refused(site, wire):
    async with wire() as line:
        await line.head(X_Long="x" * 20_000)
        assert await line.status() == 400


async def test_one_node_cannot_fill_the_room(site, wire):
    body = packed(decision(1))
    lines = [wire() for _ in range(A_NODE_MAX)]
    for line in lines:
        await line.__aenter__()
        await line.head(X_Banksman_Node="press-3", Content_Length=str(len(body)))
    # Each is inside, and its body does not come.
    while site.turnstile.batches < A_NODE_MAX:
        await asyncio.sleep(0)
    mine, _, headers = await site.ingest(body, **{"X-Banksman-Node": "press-3"})
    others, _, _ = await site.ingest(
        packed(decision(1), node="other"), **{"X-Banksman-Node": "other"}
    )
    assert (mine, others) == (429, 200)
    assert int(headers["Retry-After"]) >= 1
    for line in lines:
        await line.__aexit__()


async def test_what_hangs_up_in_the_middle_gives_its_room_back(site, wire):
    async with wire() as line:
        await line.head(Content_Length="1000000")
        while site.turnstile.batches < 1:
            await asyncio.sleep(0)
    while site.turnstile.batches:
        await asyncio.sleep(0)
    assert site.turnstile.bytes_held == 0
