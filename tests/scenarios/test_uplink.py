"""The whole daemon and the real endpoint: what was recorded meanwhile arrives when it comes."""

import asyncio
import contextlib
import os
import sqlite3
import sys

import msgspec
import pytest

from banksman.wire.blocks import unpack

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
