"""Attacks: somebody else answers. Nothing is acknowledged that was not kept, nothing runs away."""

import asyncio

import msgspec
import pytest

LIAR = {
    "garbage": b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n\x00\xff\xfe{{{[",
    "no http at all": b"\x16\x03\x01 220 mail.plant ESMTP\r\n",
    "a login page": b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
    "a redirect": b"HTTP/1.1 307 No\r\nLocation: /v1/ingest\r\nContent-Length: 0\r\n\r\n",
    "a body without end": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 * 1024 * 1024),
    "a zip bomb": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20000,
    "an error": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    "not found": b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
    "a bad request": b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n",
    "busy for ever": b"HTTP/1.1 429 No\r\nRetry-After: 999999\r\nContent-Length: 0\r\n\r\n",
    "a wrong Retry-After": b"HTTP/1.1 503 No\r\nRetry-After: -1e309\r\nContent-Length: 0\r\n\r\n",
}  # fmt: skip


def reply(value) -> bytes:
    body = msgspec.json.encode(value)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


RECEIPTS = {
    "too few": {"taken": 0},
    "too many": {"taken": 10**9},
    "below zero": {"taken": -1, "repeated": 2},
    "of another box": {"taken": 0, "refused": [{"id": "other-1-1", "why": "no"}]},
    "of a wrong type": {"taken": "1"},
    "nested": [[[[[[]]]]]],
}


@pytest.fixture
async def liar():
    """Answers every request with the same bytes: ``await liar(answer)`` is its port."""
    servers, writers = [], []

    async def start(answer: bytes) -> tuple[int, list[bytes]]:
        asked: list[bytes] = []

        async def serve(reader, writer) -> None:
            writers.append(writer)
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                asked.append(head.split(b"\r\n")[0])
                writer.write(answer)
                await writer.drain()
            except (OSError, asyncio.IncompleteReadError):
                pass
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1], asked

    yield start
    for server in servers:
        server.close()
    for writer in writers:
        writer.transport.abort()


@pytest.mark.parametrize("answer", LIAR.values(), ids=LIAR)
async def test_an_answer_that_is_none_acknowledges_nothing(
    liar, make_rig, put_alarm, until, answer, store
):
    port, asked = await liar(answer)
    put_alarm()
    rig = make_rig(port)

    await until(lambda: any(b"/v1/ingest" in line for line in asked), "a batch was offered")
    await until(lambda: rig.status.failed >= 2, "the answers were judged")

    assert rig.status.state == "down"
    assert rig.status.records_sent == 0
    assert rig.status.rows_waiting["critical"] == 1
    assert all(line.split()[1].startswith(b"/v1/") for line in asked)


@pytest.mark.parametrize("receipt", RECEIPTS.values(), ids=RECEIPTS)
async def test_a_receipt_that_does_not_fit_acknowledges_nothing(
    liar, make_rig, put_alarm, until, receipt
):
    port, asked = await liar(reply(receipt))
    put_alarm()
    rig = make_rig(port)

    await until(lambda: any(b"/v1/ingest" in line for line in asked), "a batch was offered")
    await until(lambda: rig.status.failed >= 2, "the answers were judged")

    assert rig.status.rows_waiting["critical"] == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_ends_sending_and_is_an_alarm(
    liar, make_rig, put_audit, put_alarm, until, status
):
    port, asked = await liar(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
    put_audit(3)
    rig = make_rig(port)
    await until(lambda: rig.status.state == "denied", "the refusal is seen")
    await until(lambda: "sync.denied" in rig.alarms.raised, "people are told")
    asked_by_now = len(asked)

    put_alarm()
    await until(lambda: rig.status.rows_waiting["critical"] == 1, "there would be more to send")

    assert len(asked) <= asked_by_now + 2, "no more than what was on its way already"
    assert rig.status.rows_waiting["important"] == 3


async def test_something_in_between_that_takes_nothing_large_does_not_stop_the_small(
    liar, make_rig, put_audit, until
):
    port, _ = await liar(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
    put_audit(4)
    rig = make_rig(port)

    await until(lambda: rig.status.set_aside == 4, "each row was offered alone and passed over")

    assert rig.status.rows_waiting["important"] == 4, "and every one of them is kept"
    assert "sync.too_large" in rig.alarms.raised
