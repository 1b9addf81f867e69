"""The whole demo as a person runs it: real broker, plant and daemon, levers from a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from banksman.commands.client import Client
from banksman.demo import endpoint
from banksman.demo.children import find_mosquitto
from banksman.demo.levers import pull, restore, status
from banksman.demo.prepare import Ports
from banksman.errors import NotReachable
from banksman_drivers.guard.available import why_not_available

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(
        find_mosquitto() is None, reason="mosquitto is not installed (apt install mosquitto)"
    ),
    pytest.mark.skipif(
        why_not_available() is not None, reason="the native guard is not built (make setup)"
    ),
]

RUN = ("plc.conveyor_running", "plc.press_running")
BANKSMAN = (sys.executable, "-m", "banksman.cli", "demo")


class WholeDemo:
    """`banksman demo run` in a process of its own."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process, log: Path) -> None:
        self.folder = folder
        self.log = log
        self.process = process

    async def do(self, *levers: str) -> None:
        for lever in levers:
            await asyncio.to_thread(pull, self.folder, lever)

    async def restore(self, what: str) -> None:
        await asyncio.to_thread(restore, self.folder, what)

    async def sees(self, condition: Callable[[dict[str, Any], dict[str, float]], object]) -> None:
        """Wait until status and values satisfy the condition."""
        async with asyncio.timeout(30):
            while True:
                try:
                    found = (await asyncio.to_thread(status, self.folder))["status"]
                    if condition(found, found["values"]):
                        return
                except NotReachable:
                    assert self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.05)

    async def runs(self) -> None:
        await self.sees(lambda _, values: all(values[name] for name in RUN))

    async def stands(self) -> None:
        await self.sees(lambda _, values: not any(values[name] for name in RUN))


def lives(child: psutil.Process) -> bool:
    """Ended is ended, also where nobody has asked for its exit status."""
    try:
        return child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.asynccontextmanager
async def started(tmp_path: Path, free_ports: Ports, *more: str) -> AsyncIterator[WholeDemo]:
    folder = tmp_path / "run"
    words = ("run", "--folder", str(folder), "--port", str(free_ports.web), *more)
    with (tmp_path / "demo.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*BANKSMAN, *words, stdout=log, stderr=log)
    demo = WholeDemo(folder, process, tmp_path / "demo.log")
    try:
        await demo.runs()
        yield demo
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            await process.wait()


@pytest.fixture
async def demo(tmp_path: Path, free_ports: Ports) -> AsyncIterator[WholeDemo]:
    # The camera's station learns for a minute at its first start.
    async with started(tmp_path, free_ports, "--no-camera") as demo:
        yield demo


async def test_the_line_starts_by_itself_and_the_forklift_drives_its_round(demo):
    await demo.sees(lambda status, values: status["forklift_driving"] and values["plc.supervised"])


async def test_a_jam_stops_the_line_until_it_is_cleared_reset_and_started(demo):
    await demo.sees(lambda _, values: values["plc.parts_total"] > 0)
    await demo.do("jam")
    await demo.stands()
    await demo.restore("jam")
    await demo.do("start")
    await demo.stands()  # started without a reset: nothing runs
    await demo.do("reset-button")
    await demo.stands()  # reset without a start: nothing runs
    await demo.do("start")
    await demo.runs()


async def test_an_open_door_stops_the_press_pauses_the_forklift_and_sounds_the_siren(demo):
    await demo.do("door")
    await demo.sees(
        lambda status, values: (
            status["forklift_paused"]
            and values["plc.siren"]
            and values["plc.beacon"]
            and not values["plc.press_running"]
            and values["plc.conveyor_running"]
        )
    )
    await demo.restore("door")
    await demo.sees(
        lambda status, values: not status["forklift_paused"] and not values["plc.siren"]
    )
    await demo.sees(lambda _, values: not values["plc.press_running"])
    await demo.do("start")
    await demo.runs()


async def test_an_estop_is_reset_only_at_the_machine_and_after_its_release(demo):
    await demo.do("estop")
    await demo.sees(lambda _, values: not values["plc.permit_closed"])
    await demo.stands()
    await demo.do("reset-button", "estop-release", "start")
    await demo.stands()
    await demo.do("reset-button", "start")
    await demo.runs()


async def test_a_plc_that_was_away_is_not_restarted_by_its_return(demo):
    await demo.do("plc-off")
    await demo.stands()
    await demo.restore("plc-off")
    await demo.sees(lambda _, values: values["plc.supervised"])
    await demo.stands()
    await demo.do("start")
    await demo.runs()


async def test_a_plc_that_is_away_rings_once_with_what_it_caused_under_it(demo, free_ports):
    client = Client(f"http://127.0.0.1:{free_ports.web}", None)

    async def alarms() -> dict[str, dict[str, Any]]:
        told = await asyncio.to_thread(client.get, "/api/v1/alarms")
        return {alarm["key"]: alarm for alarm in told["alarms"] if alarm["active"]}

    await demo.do("plc-off")
    expected = {"device.vib", "device.press", "hopper.check_scale", "press_bearing.plan_service"}
    async with asyncio.timeout(30):
        while not expected <= (found := await alarms()).keys():
            await asyncio.sleep(0.05)
    assert {found[key].get("under") for key in expected} == {"device.plc"}
    ringing = {key for key, alarm in found.items() if not alarm["acknowledged"]}
    assert ringing & {"device.plc", *expected} == {"device.plc"}
    await demo.restore("plc-off")
    async with asyncio.timeout(30):
        while expected & (await alarms()).keys():
            await asyncio.sleep(0.05)


async def test_a_killed_daemon_stops_the_plant_and_ends_the_demo(demo):
    found = (await asyncio.to_thread(status, demo.folder))["status"]
    psutil.Process(found["daemon_pid"]).kill()
    async with asyncio.timeout(30):
        assert await demo.process.wait() == 128 + signal.SIGKILL


async def test_sigterm_ends_every_process_with_0(demo):
    children = psutil.Process(demo.process.pid).children(recursive=True)
    assert len(children) == 4 + endpoint.is_installed()
    demo.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(30):
        assert await demo.process.wait() == 0
    assert not any(lives(child) for child in children)


async def test_sigterm_ends_a_demo_whose_station_learns(tmp_path, free_ports):
    async with started(tmp_path, free_ports) as demo:
        children = psutil.Process(demo.process.pid).children(recursive=True)
        demo.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await demo.process.wait() == 0
    assert not any(lives(child) for child in children)


async def test_a_second_demo_in_the_same_folder_is_refused(demo):
    process = await asyncio.create_subprocess_exec(
        *BANKSMAN, "run", "--folder", str(demo.folder),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert "already runs" in errors.decode()
    await demo.runs()


async def test_the_status_of_the_demo_is_json_on_request(demo):
    process = await asyncio.create_subprocess_exec(
        *BANKSMAN, "status", "--json", "--folder", str(demo.folder),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert json.loads(output)["status"]["broker"] == "on"
