import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp

from banksman.clock import ManualClock
from banksman.web.fake_page import CASES, FakePage
from banksman.wire.messages import Priority

Client = aiohttp.ClientSession


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, dict]]:
    name = ""
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def until(stream: AsyncIterator[tuple[str, dict]], wanted: str) -> dict:
    async with asyncio.timeout(20):
        async for name, value in stream:
            if name == wanted:
                return value
    raise AssertionError(f"the stream ended without {wanted}")


async def test_a_listener_first_gets_the_whole_status(client: Client) -> None:
    async with client.get("/api/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        name, value = await anext(events(answer))
    assert name == "snapshot"
    assert value["node"] == "press-line-2"


async def test_what_changes_follows_and_nothing_else(
    page: FakePage, client: Client, clock: ManualClock
) -> None:
    async with client.get("/api/v1/events") as answer:
        stream = events(answer)
        await until(stream, "snapshot")
        page.appliance.override("plc.oven_temperature", 250.0)
        clock.advance(1)
        page.appliance.advance(0.0)
        delta = await until(stream, "delta")
        while "sensors" not in delta:
            delta = await until(stream, "delta")
    oven = next(one for one in delta["sensors"] if one["id"] == "plc.oven_temperature")
    assert oven["value"] == 250.0
    assert "versions" not in delta


async def test_a_decision_is_told_once(page: FakePage, client: Client) -> None:
    async with client.get("/api/v1/events") as answer:
        stream = events(answer)
        await until(stream, "snapshot")
        first = page.appliance.decide(*CASES[0])
        assert (await until(stream, "decision"))["id"] == first.id
        second = page.appliance.decide(*CASES[1])
        assert (await until(stream, "decision"))["id"] == second.id


async def test_a_trip_is_told_with_the_outputs_that_it_holds(
    page: FakePage, client: Client
) -> None:
    async with client.get("/api/v1/events") as answer:
        stream = events(answer)
        await until(stream, "snapshot")
        page.appliance.trip("oven_overheat", "oven over 230 degC")
        told = await until(stream, "trips")
    assert next(one for one in told["trips"] if one["name"] == "oven_overheat")["latched"]
    assert [o["id"] for o in told["outputs"] if o["forced_by"] == "oven_overheat"] == [
        "plc.oven_heater"
    ]


async def test_an_alarm_is_told_with_the_whole_list(page: FakePage, client: Client) -> None:
    page.appliance.alarm("a", "first", Priority.NORMAL)
    async with client.get("/api/v1/events") as answer:
        stream = events(answer)
        await until(stream, "snapshot")
        page.appliance.alarm("b", "second", Priority.CRITICAL)
        told = await until(stream, "alarms")
    assert [alarm["key"] for alarm in told["alarms"]] == ["b", "a"]


async def test_stopping_the_server_ends_the_streams(page: FakePage, client: Client) -> None:
    async with client.get("/api/v1/events") as answer:
        stream = events(answer)
        await until(stream, "snapshot")
        async with asyncio.timeout(20):
            await page.server.stop()
            rest = [name async for name, _ in stream]
    assert "snapshot" not in rest


async def test_a_listener_that_leaves_frees_its_place(page: FakePage, client: Client) -> None:
    async with client.get("/api/v1/events") as answer:
        await anext(events(answer))
        assert page.server._hub.clients == 1
    async with asyncio.timeout(20):
        while page.server._hub.clients:
            await asyncio.sleep(0.01)
