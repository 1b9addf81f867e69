"""Someone tries to fill, block or break the server."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest

from banksman.clock import ManualClock
from banksman.web import doorkeeper, events
from banksman.web.fake_page import FakePage

Client = aiohttp.ClientSession
Send = Callable[[bytes], Awaitable[bytes]]
Until = Callable[..., Awaitable[None]]


async def alive(client: Client) -> bool:
    async with asyncio.timeout(10), client.get("/healthz") as answer:
        return answer.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/%2e%2e/security/accounts.py",
        "/static/....//server.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/app.js%00.html",
        "/static/..\\server.py",
        "/static/",
        "/static/.",
    ],
)
async def test_no_path_leads_out_of_the_pages_own_files(send_raw: Send, path: str) -> None:
    answer = await send_raw(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.split()[1] in {b"400", b"404"}
    assert b"root:" not in answer
    assert b"import" not in answer


async def test_a_huge_body_is_refused_and_the_server_lives(client: Client) -> None:
    body = b'{"password": "' + b"x" * 1_000_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    async with client.post("/api/v1/session", data=body, headers=headers) as answer:
        assert answer.status == 413
    assert await alive(client)


async def test_a_compressed_body_is_not_blown_up(client: Client) -> None:
    bomb = zlib.compress(b'{"password": "' + b"x" * 50_000_000 + b'"}')[:10_000]
    headers = {"Content-Type": "application/json", "Content-Encoding": "deflate"}
    async with client.post("/api/v1/session", data=bomb, headers=headers) as answer:
        assert answer.status == 400


async def test_deeply_nested_json_is_refused(client: Client) -> None:
    headers = {"Content-Type": "application/json"}
    async with client.post("/api/v1/session", data=b"[" * 16_000, headers=headers) as answer:
        assert answer.status == 400
    assert await alive(client)


async def test_a_huge_header_is_refused(send_raw: Send) -> None:
    raw = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"
    assert (await send_raw(raw))[:12] in {b"HTTP/1.1 400", b"HTTP/1.0 400", b""}


async def test_very_many_headers_are_refused(send_raw: Send) -> None:
    many = b"".join(b"X%d: y\r\n" % number for number in range(500))
    answer = await send_raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + many + b"\r\n")
    assert answer[:12] in {b"HTTP/1.1 400", b"HTTP/1.0 400", b""}


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 200,  # TLS to plain HTTP
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_garbage_is_refused_and_the_server_lives(
    client: Client, send_raw: Send, raw: bytes
) -> None:
    answer = await send_raw(raw)
    assert answer == b"" or answer.split()[1] == b"400"
    assert await alive(client)


async def test_line_breaks_in_a_parameter_make_no_header(
    client: Client, operator: SimpleNamespace
) -> None:
    path = "/api/v1/trips/x%0d%0aSet-Cookie:%20planted=1/reset"
    async with client.post(path, headers=operator.headers) as answer:
        assert answer.status == 404
        assert "Set-Cookie" not in answer.headers


async def test_a_request_that_never_ends_is_cut_and_blocks_nobody(
    page: FakePage, client: Client
) -> None:
    page.server.doorkeeper.head_within_s = 0.3
    pairs = [await asyncio.open_connection("127.0.0.1", page.server.port) for _ in range(20)]
    for _, writer in pairs:
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    assert await alive(client)
    async with asyncio.timeout(20):
        for reader, writer in pairs:
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.close()
    assert page.server.doorkeeper.cut == 20


async def test_a_second_request_that_never_ends_is_cut_too(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("banksman.web.server.KEEP_ALIVE_S", 0.3)
    async with FakePage(clock, tmp_path) as page:
        reader, writer = await asyncio.open_connection("127.0.0.1", page.server.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b'{"alive":true}')
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: loc")
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()


async def test_the_head_of_a_stream_takes_no_place(page: FakePage, client: Client) -> None:
    async with client.head("/api/v1/events") as answer:
        assert answer.status == 405
    assert page.server._hub.clients == 0


async def test_a_silent_connection_is_cut_too(page: FakePage, until: Until) -> None:
    page.server.doorkeeper.head_within_s = 0.1
    _, writer = await asyncio.open_connection("127.0.0.1", page.server.port)
    await until(lambda: page.server.doorkeeper.cut == 1, "the silent connection was cut")
    assert page.server.doorkeeper.connections == 0
    writer.close()


async def test_a_body_that_never_ends_is_given_up(
    page: FakePage, monkeypatch: pytest.MonkeyPatch, send_raw: Send
) -> None:
    monkeypatch.setattr("banksman.web.replies.BODY_WITHIN_S", 0.1)
    answer = await send_raw(
        b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\nConnection: close\r\n\r\n{"
    )
    assert answer.split()[1] == b"408"


async def test_connections_are_bounded_and_the_next_works_when_they_are_gone(
    page: FakePage, client: Client, until: Until
) -> None:
    pairs = [
        await asyncio.open_connection("127.0.0.1", page.server.port)
        for _ in range(doorkeeper.MAX_PER_CLIENT + 5)
    ]
    await until(lambda: page.server.doorkeeper.refused == 5, "five too many were refused")
    for _, writer in pairs:
        writer.close()
    await until(lambda: page.server.doorkeeper.connections == 0, "the places are free again")
    assert await alive(client)


async def test_streams_are_bounded_and_the_next_is_told_to_come_back(
    page: FakePage, client: Client
) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(page.url, connector=connector) as flood:
        opened = [await flood.get("/api/v1/events") for _ in range(events.MAX_CLIENTS)]
        assert all(answer.status == 200 for answer in opened)
        async with flood.get("/api/v1/events") as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "5"
        assert await alive(client)
        for answer in opened:
            answer.close()


async def test_a_listener_that_does_not_read_is_cut_and_holds_up_nobody(
    page: FakePage, client: Client, until: Until
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", page.server.port, limit=1)
    writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    hub = page.server._hub
    await until(lambda: hub.clients == 1, "it listens")
    long = "x" * 200_000

    def flood() -> bool:
        page.appliance.decide("quality_control", "p", "none", long, "rule", 0.9)
        return hub.cut == 1

    await until(flood, "it was cut")
    assert hub.clients == 0
    assert await alive(client)
    writer.close()


async def test_malformed_requests_write_no_tracebacks_into_the_log(page, send_raw, caplog):
    host = f"Host: 127.0.0.1:{page.server.port}".encode()
    lengths = b"\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    for raw in (b"\x16\x03\x01garbage\r\n\r\n", b"POST / HTTP/1.1\r\n" + host + lengths):
        assert b" 400 " in (await send_raw(raw)).split(b"\r\n")[0]
    assert caplog.records == []
