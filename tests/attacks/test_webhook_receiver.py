"""A webhook receiver that means harm: it may waste its own time, never ours or our secrets."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from banksman.clock import ManualClock
from banksman.config.schema_services import WebhookSettings
from banksman.telemetry.webhook import Webhook
from banksman.wire.messages import AlarmMessage, Priority
from banksman_drivers.back_off import BackOff

ALERT = AlarmMessage(
    id="n-1-1",
    node="n",
    key="jam",
    text="t",
    priority=Priority.CRITICAL,
    active=True,
    acknowledged=False,
    wall_ns=1,
    mono_ns=1,
    boot_id="b",
)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"\x00\xff garbage\r\n\r\n", id="no HTTP"),
        pytest.param(b"HTTP/1.1 999999 X\r\n\r\n", id="absurd status"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", id="negative length"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000 + b"\r\n", id="endless headers"),
        pytest.param(b"", id="it hangs up"),
        pytest.param(
            b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:9/steal\r\nContent-Length: 0\r\n\r\n",
            id="a redirect elsewhere",
        ),
    ],
)
async def test_a_mad_answer_is_a_failure_that_is_tried_again(until, answer):
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65_536))
        good = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
        writer.write(answer if len(heard) == 1 else good)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hook = Webhook(
        WebhookSettings(url=f"http://127.0.0.1:{port}/"), ManualClock(), BackOff(0.01, 0.02)
    )
    async with aiohttp.ClientSession() as session:
        task = asyncio.create_task(hook.run(session))
        hook.put(ALERT)
        await until(lambda: hook.status().delivered == 1, "the delivery after the mad answer")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    server.close()
    assert hook.status().retries == 1


async def test_a_receiver_that_never_answers_is_given_up_in_time(until):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hook = Webhook(
        WebhookSettings(url=f"http://127.0.0.1:{port}/", timeout_s=0.1),
        ManualClock(),
        BackOff(0.01, 0.02),
    )
    async with aiohttp.ClientSession() as session:
        task = asyncio.create_task(hook.run(session))
        hook.put(ALERT)
        await until(lambda: hook.status().retries >= 2, "it is given up and tried again")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    server.close()
    assert "no answer within 0.1 s" in hook.status().message
