"""The whole daemon and the real endpoint: what was recorded meanwhile arrives when it comes."""

import asyncio
import contextlib
import os
import secrets
import sqlite3
import sys

import msgspec
import pytest

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.store.store import Store
from banksman.wire.blocks import unpack
from banksman.wire.messages import AuditMessage
from benchmarks.sync.relay import Relay

SYNC = """\
[cloud]
url = "http://127.0.0.1:{port}"

[sync]
enabled = true
heartbeat_s = 1

[[sync.profile]]
name = "all"
over_mbit = 0
lowest = "background"
compression = "medium"
batch = 1
interval_s = 0.2
"""


TRIP = """\
[[trip]]
name = "flood"
kind = "process"
cause = "plc.level > 900"
outputs = ["plc.valve"]
"""
BACKLOG = 100  # records of 8 kB that do not compress much: well over ten seconds of the thin line
THIN_MBIT = 0.4


class Endpoint:
    """`banksman-cloud run` as a child; its records are read from its database."""

    def __init__(self, folder, port: int) -> None:
        self._folder, self.port = folder, port
        self._child = None

    async def start(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "banksman_cloud.cli", "run", "--folder", str(self._folder)),
            *("--listen", f"127.0.0.1:{self.port}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(os.environ),
        )
        async with asyncio.timeout(40):
            line = await self._child.stdout.readline()
        assert b"boxes and page" in line

    async def kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            await child.wait()

    def _rows(self, statement: str) -> list[tuple]:
        place = f"file:{self._folder / 'cloud.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(place, uri=True)) as connection:
            return connection.execute(statement).fetchall()

    def decisions(self) -> list[str]:
        return [row[0] for row in self._rows("SELECT id FROM record WHERE kind = 0")]

    def arrivals(self) -> list[tuple[int, str]]:
        """(when, text) of every record, in the order in which they came."""
        rows = self._rows("SELECT arrived_ns, body FROM record ORDER BY arrived_ns")
        return [(arrived_ns, bytes(body).decode()) for arrived_ns, body in rows]

    def readings(self) -> list[str]:
        """Ids of readings within the runs of their blocks."""
        ids = []
        for epoch, first, last, body in self._rows("SELECT epoch, first, last, body FROM block"):
            for line in unpack(body):
                message_id = msgspec.json.decode(line)["id"]
                _, own_epoch, number = message_id.rsplit("-", 2)
                if int(own_epoch) == epoch and first <= int(number) <= last:
                    ids.append(message_id)
        return ids

    def nodes(self) -> list[str]:
        return [row[0] for row in self._rows("SELECT name FROM node")]


@pytest.fixture
async def endpoint(tmp_path, free_port_2):
    made = Endpoint(tmp_path / "cloud", free_port_2)
    yield made
    await made.kill()


@pytest.fixture
def free_port_2():
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


async def test_a_box_that_was_alone_and_killed_brings_all_it_recorded_to_the_endpoint_once(
    box, endpoint
):
    box.write(SYNC.format(port=endpoint.port))
    await box.start()
    await box.until_status(
        lambda status: (
            status["sync"]["state"] == "down" and status["sync"]["readings_waiting"] > 30
        ),
        "a backlog gathers while nobody is there",
    )
    await box.kill()
    await box.start()

    await endpoint.start()

    status = await box.until_status(
        lambda status: (
            status["sync"]["state"] == "up"
            and status["sync"]["readings_sent"] > 60
            and not any(status["sync"]["rows_waiting"].values())
        ),
        "the backlog is sent",
    )
    assert status["readiness"]["ready"], "the endpoint is no condition of the work"
    assert endpoint.nodes() == ["box"]
    decided = {each["id"] for each in (await box.get("/api/v1/decisions?limit=100"))["decisions"]}
    await box.until(lambda: decided <= set(endpoint.decisions()), "every decision is there")
    found = endpoint.readings()
    assert len(found) == len(set(found)), "no reading is there twice"

    await endpoint.kill()
    await box.until_status(lambda status: status["sync"]["state"] == "down", "it is gone again")
    behind = set(found)
    await endpoint.start()
    await box.until(lambda: len(endpoint.readings()) > len(behind) + 50, "it goes on")
    found = endpoint.readings()
    assert len(found) == len(set(found)), "no reading is there twice"
    assert await box.stop() == 0


async def backlog(folder, until) -> None:
    """Audit entries that an earlier run could not send."""
    settings = StoreSettings(folder=str(folder), free_floor_mb=0)
    store = Store.open(settings, "box", SystemClock(), ("cloud",))
    store.start()
    for number in range(BACKLOG):
        store.put_audit(
            AuditMessage(
                store.ids.next(), "box", "old", "anna", 1, 2, "boot",
                {"number": str(number), "noise": secrets.token_hex(4000)},
            )
        )  # fmt: skip
    await until(lambda: sum(store.rows_owed("cloud").values()) == BACKLOG, "durable")
    assert store.stop()


async def test_a_critical_record_passes_a_backlog_that_drains_over_a_thin_line(
    box, plc, endpoint, until
):
    await backlog(box.store, until)
    await endpoint.start()
    async with Relay(endpoint.port, mbit=THIN_MBIT, delay_s=0.05) as relay:
        box.write(TRIP, SYNC.format(port=relay.port))
        await box.start()
        await box.until(lambda: any('"old"' in text for _, text in endpoint.arrivals()), "drains")

        plc.memory.holding[0] = 950

        def alarms() -> list[int]:
            return [at for at, text in endpoint.arrivals() if '"key":"trip.flood"' in text]

        await box.until(alarms, "the alarm is at the endpoint")
        (first, *_) = alarms()
        behind = {text for at, text in endpoint.arrivals() if at <= first and '"old"' in text}
        assert 0 < len(behind) < BACKLOG, "most of the backlog was before it and comes after it"
        await box.until(
            lambda: sum('"old"' in text for _, text in endpoint.arrivals()) == BACKLOG, "all came"
        )
        assert await box.stop() == 0
