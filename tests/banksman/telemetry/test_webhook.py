from __future__ import annotations

import asyncio
import itertools
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable

import aiohttp
import msgspec
import pytest
from aiohttp import web

from banksman.clock import ManualClock
from banksman.config.schema_services import WebhookSettings
from banksman.telemetry.alerts import AlertQueue
from banksman.telemetry.webhook import Webhook, Webhooks
from banksman.wire.messages import AlarmMessage, Priority
from banksman_drivers.back_off import BackOff

numbers = itertools.count(1)


def alert(priority: Priority = Priority.IMPORTANT, key: str = "jam") -> AlarmMessage:
    return AlarmMessage(
        id=f"n-1-{next(numbers)}",
        node="n",
        key=key,
        text="belt jammed",
        priority=priority,
        active=True,
        acknowledged=False,
        wall_ns=1,
        mono_ns=1,
        boot_id="b",
    )


class Receiver:
    """Somebody's real HTTP endpoint; answers the statuses in turn, then 200."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], dict[str, object]]] = []
        self.statuses: list[int] = []
        self.hold: asyncio.Event | None = None

    async def start(self) -> str:
        app = web.Application()
        app.router.add_post("/secret-path", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{port}/secret-path"

    async def stop(self) -> None:
        if self.hold is not None:
            self.hold.set()
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.json()))
        if self.hold is not None:
            await self.hold.wait()
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    one.url = await one.start()
    yield one
    await one.stop()


@pytest.fixture
async def start_hook() -> AsyncIterator[Callable[..., Webhook]]:
    tasks: list[asyncio.Task[None]] = []
    async with aiohttp.ClientSession() as session:

        def start(url: str, limit: int = 500, **settings: object) -> Webhook:
            hook = Webhook(
                WebhookSettings(url=url, **settings), ManualClock(), BackOff(0.01, 0.05), limit
            )
            tasks.append(asyncio.create_task(hook.run(session)))
            return hook

        yield start
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_alert_is_posted_with_its_id_and_the_token(
    receiver, start_hook, until, tmp_path, caplog
):
    caplog.set_level(logging.DEBUG)
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    hook = start_hook(receiver.url, token_file=str(token))
    message = alert()
    hook.put(message)
    await until(lambda: hook.status().delivered == 1, "the delivery")
    ((headers, body),) = receiver.requests
    assert headers["Idempotency-Key"] == message.id == body["id"]
    assert headers["Authorization"] == "Bearer s3cret"
    assert body["text"] == "belt jammed"
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("status", [500, 503, 429, 401, 403, 404, 302])
async def test_a_failure_is_tried_again_with_the_same_id(receiver, start_hook, until, status):
    receiver.statuses = [status, status]
    hook = start_hook(receiver.url)
    hook.put(alert())
    await until(lambda: hook.status().delivered == 1, "the delivery")
    assert len({headers["Idempotency-Key"] for headers, _ in receiver.requests}) == 1
    assert len(receiver.requests) == 3
    assert hook.status().retries == 2


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_an_alert_that_will_never_be_taken_does_not_hold_up_the_next(
    receiver, start_hook, until, status
):
    receiver.statuses = [status]
    hook = start_hook(receiver.url)
    hook.put(alert())
    hook.put(alert())
    await until(lambda: hook.status().delivered == 1, "the second")
    assert hook.status().refused == 1
    assert hook.status().waiting == 0


async def test_alerts_of_an_outage_come_most_urgent_first_when_it_ends(
    free_port, start_hook, until
):
    hook = start_hook(f"http://127.0.0.1:{free_port}/")
    for priority in (Priority.NORMAL, Priority.CRITICAL, Priority.IMPORTANT, Priority.CRITICAL):
        hook.put(alert(priority))
    await until(lambda: hook.status().retries >= 2, "some tries")
    heard = []

    async def take(request: web.Request) -> web.Response:
        heard.append((await request.json())["priority"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", free_port).start()
    await until(lambda: hook.status().delivered == 4, "all")
    await runner.cleanup()
    assert heard == sorted(heard)


async def test_neither_token_nor_path_shows_in_log_or_status(
    free_port, start_hook, until, tmp_path, caplog
):
    caplog.set_level(logging.DEBUG)
    token = tmp_path / "token"
    token.write_text("s3cret")
    hook = start_hook(f"http://127.0.0.1:{free_port}/secret-path", token_file=str(token))
    hook.put(alert())
    await until(lambda: hook.status().retries >= 1, "a failure")
    shown = caplog.text + str(hook.status())
    assert "127.0.0.1" in shown
    assert "s3cret" not in shown
    assert "secret-path" not in shown


async def test_a_missing_token_file_is_a_failure_that_can_be_repaired(
    receiver, start_hook, until, tmp_path
):
    token = tmp_path / "token"
    hook = start_hook(receiver.url, token_file=str(token))
    hook.put(alert())
    await until(lambda: hook.status().retries >= 1, "a failure")
    assert receiver.requests == []
    token.write_text("s3cret")
    await until(lambda: hook.status().delivered == 1, "the delivery")


async def test_alerts_put_by_other_threads_before_and_after_the_start_are_delivered(
    receiver, start_hook, until
):
    hook = start_hook(receiver.url)
    hook.put(alert())
    threads = [threading.Thread(target=hook.put, args=(alert(),)) for _ in range(5)]
    for thread in threads:
        thread.start()
    await until(lambda: hook.status().delivered == 6, "all six")
    for thread in threads:
        thread.join()


async def test_an_address_that_is_down_does_not_hold_up_another(receiver, free_port, until):
    hooks = Webhooks(
        [WebhookSettings(url=f"http://127.0.0.1:{free_port}/"), WebhookSettings(url=receiver.url)],
        ManualClock(),
    )
    task = asyncio.create_task(hooks.run())
    hooks.put(alert())
    await until(lambda: hooks.status()[1].delivered == 1, "the one that works")
    assert hooks.status()[0].waiting == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_full_queue_drops_the_oldest_of_the_least_urgent_and_counts_it():
    queue = AlertQueue(3)
    critical, first, second = alert(Priority.CRITICAL), alert(), alert()
    background = alert(Priority.BACKGROUND)
    for one in (critical, first, second, background):
        queue.put(one)
    assert queue.dropped[Priority.BACKGROUND] == 1
    third = alert()
    queue.put(third)
    assert queue.dropped[Priority.IMPORTANT] == 1
    order = []
    while (one := queue.first()) is not None:
        order.append(one)
        queue.done(one)
    assert order == [critical, second, third]


def test_an_alert_that_gave_way_while_it_was_posted_takes_no_other_with_it():
    queue = AlertQueue(1)
    posted, newer = alert(), alert()
    queue.put(posted)
    assert queue.first() is posted
    queue.put(newer)
    queue.done(posted)
    assert queue.first() is newer
    assert json.dumps(queue.dropped[Priority.IMPORTANT]) == "1"


@pytest.mark.parametrize(
    ("change", "waiting"),
    [
        ({}, 1),
        ({"under": "device.plc"}, 0),
        ({"under": "device.plc", "wall_ns": 2}, 1),
        ({"under": "device.plc", "active": False, "wall_ns": 2}, 1),
    ],
    ids=["rings", "follows from another", "rang and went under another", "is over"],
)
def test_what_follows_from_another_alarm_pages_nobody_and_its_end_is_told(change, waiting):
    hooks = Webhooks([WebhookSettings(url="http://127.0.0.1:9")], ManualClock())
    hooks.put(msgspec.structs.replace(alert(), raised_wall_ns=1, acknowledged=True, **change))
    assert hooks.status()[0].waiting == waiting
