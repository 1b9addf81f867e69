"""The whole daemon and the real endpoint: what operators order and desire, and what comes of it."""

import asyncio
import contextlib
import os
import socket
import sys
import time

import pytest

from banksman_cloud.endpoint import Endpoint
from banksman_cloud.storage.sqlite import SqliteEngine

SYNC = """\
[cloud]
url = "http://127.0.0.1:{port}"

[sync]
enabled = true
heartbeat_s = 1
"""
NODE = "box"


@contextlib.asynccontextmanager
async def running(folder, port: int):
    """`banksman-cloud run` as a child, and its database beside it, as its own commands do."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "banksman_cloud.cli", "run", "--folder", str(folder)),
        *("--listen", f"127.0.0.1:{port}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=dict(os.environ),
    )
    engine = SqliteEngine(folder / "cloud.db", alone=False)
    try:
        async with asyncio.timeout(40):
            assert b"boxes and page" in await child.stdout.readline()
        await engine.open()
        yield Endpoint(engine, time.time_ns)
    finally:
        await engine.close()
        child.kill()
        await child.wait()


async def until(holds, what: str) -> None:
    """Await a condition that has to be asked for."""
    try:
        async with asyncio.timeout(60):
            while not await holds():
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"did not happen within 60 s: {what}")


@pytest.fixture
def port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


async def test_orders_are_carried_out_once_each_audited_and_never_after_their_expiry(
    box, port, tmp_path
):
    box.write(SYNC.format(port=port))
    await box.start()
    async with running(tmp_path / "cloud", port) as endpoint:

        async def states() -> dict[str, str]:
            found = (await endpoint.details(NODE)).orders
            return {one.order.name: one.state for one in found}

        async def known() -> bool:
            return any(node.registration for node in await endpoint.nodes())

        await until(known, "the box has registered")
        for name in ("ping", "send_diagnosis", "sync_now", "renew_certificate"):
            await endpoint.order(NODE, name, {}, 600, "anna")

        async def answered() -> bool:
            return set((await states()).values()) <= {"done", "failed"}

        await until(answered, "every order has its result")
        assert await states() == {
            "ping": "done",
            "send_diagnosis": "done",
            "sync_now": "done",
            "renew_certificate": "failed",
        }, "a box that speaks plain HTTP has no certificate"
        (told,) = [
            one.details
            for one in (await endpoint.details(NODE)).orders
            if one.order.name == "send_diagnosis"
        ]
        assert told["sync"]["state"] == "up"
        entries = (await box.get("/api/v1/audit?limit=100"))["entries"]
        ordered = [entry for entry in entries if entry["event"].startswith("order ")]
        assert len(ordered) == 4, "each order is in the box's audit once"
        assert all(entry["by"].startswith("anna by order order-") for entry in ordered)

        assert await box.stop() == 0
        late = await endpoint.order(NODE, "reload_rules", {}, 0.5, "anna")

        async def over() -> bool:
            return time.time_ns() > late.expires_wall_ns

        await until(over, "its time passes while the box is off")
        await box.start()
        await endpoint.order(NODE, "ping", {}, 600, "anna")

        async def pinged() -> bool:
            newest = (await endpoint.details(NODE)).orders[0]
            return newest.order.name == "ping" and newest.state == "done"

        await until(pinged, "the one in its time is carried out")
        (state,) = [one for one in (await endpoint.details(NODE)).orders if one.order.id == late.id]
        assert (state.state, state.sent_count) == ("expired", 0)


async def test_a_desired_value_holds_and_is_reported_with_those_that_are_not_taken(
    box, port, tmp_path
):
    box.write(SYNC.format(port=port))
    await box.start()
    async with running(tmp_path / "cloud", port) as endpoint:

        async def known() -> bool:
            return any(node.registration for node in await endpoint.nodes())

        await until(known, "the box has registered")
        (node,) = await endpoint.nodes()
        assert (node.registration.site, node.registration.location) == ("Works 2", "line 4")
        offered = node.registration.capabilities["settable"]
        assert set(offered) == {
            "heartbeat_s", "metered_hour_mb", "metered_day_mb", "important_kbit", "normal_kbit",
            "background_kbit",
        }  # fmt: skip
        await endpoint.desire(NODE, {"metered_day_mb": 7, "heartbeat_s": 2}, "anna")

        async def reported() -> bool:
            values = (await endpoint.details(NODE)).shadow.reported.values
            return values.get("desired_version") == 1 and values.get("set.metered_day_mb") == 7

        await until(reported, "the box says what it has taken")

        async def devices() -> bool:
            values = (await endpoint.details(NODE)).shadow.reported.values
            return values.get("device.plc") == "connected"

        await until(devices, "its devices stand in the shadow")

        async def slower() -> bool:
            (now,) = await endpoint.nodes()
            return now.heartbeat is not None and now.heartbeat.next_s == 2

        await until(slower, "its heart beats as desired")

        async def remembered() -> bool:
            return "up" in (await box.get("/api/v1/sync/history"))["state"]

        await until(remembered, "the link's history has a state in which it was up")
    assert await box.stop() == 0
