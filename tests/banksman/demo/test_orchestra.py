"""The demo as one thing: its children come, obey and go."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from banksman.demo.children import Child, ChildFailed, find_mosquitto
from banksman.demo.levers import LeverRefused, pull, restore, status
from banksman.demo.orchestra import Demo
from banksman.demo.prepare import Ports
from banksman.errors import NotReachable

# Stands in for the daemon: `Demo` takes whatever command it is given.
SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]

needs_mosquitto = pytest.mark.skipif(
    find_mosquitto() is None, reason="mosquitto is not installed (apt install mosquitto)"
)


class Running:
    """A demo in this process, and what it has said."""

    def __init__(self, prepared: tuple[Path, Ports], mosquitto: str | None = None) -> None:
        self.folder, ports = prepared
        self.said: list[str] = []
        self.stop = asyncio.Event()
        demo = Demo(self.folder, ports, self.said.append, SLEEPER, mosquitto)
        self.task = asyncio.create_task(demo.run(self.stop))

    async def status(self) -> dict[str, object]:
        answer = await asyncio.to_thread(status, self.folder)
        found: dict[str, object] = answer["status"]
        return found

    async def up(self) -> dict[str, object]:
        """Wait until every part answers."""
        async with asyncio.timeout(20):
            while True:
                try:
                    found = await self.status()
                except NotReachable:
                    found = {}
                if found.get("daemon_pid"):
                    return found
                assert not self.task.done()
                await asyncio.sleep(0.05)


@pytest.fixture
async def demo(prepared) -> AsyncIterator[Running]:
    running = Running(prepared)
    await running.up()
    yield running
    running.stop.set()
    await asyncio.gather(running.task, return_exceptions=True)


def children_of(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.broker
@needs_mosquitto
async def test_it_starts_broker_plant_and_daemon_and_ends_them_all(prepared):
    running = Running(prepared)
    await running.up()
    children = children_of(os.getpid())
    assert len(children) == 4  # and the leash that stays with the broker
    running.stop.set()
    assert await running.task == 0
    assert not any(child.is_running() for child in children)


async def test_it_says_where_the_page_and_the_plant_are(demo, prepared):
    said = "\n".join(demo.said)
    assert f"http://127.0.0.1:{prepared[1].web}/" in said
    assert str(prepared[1].modbus) in said


@pytest.mark.broker
@needs_mosquitto
async def test_the_broker_goes_and_comes_back_on_command(demo, until):
    async def broker() -> object:
        return (await demo.status())["broker"]

    async with asyncio.timeout(20):
        while await broker() != "on":
            await asyncio.sleep(0.05)
        await asyncio.to_thread(pull, demo.folder, "broker-off")
        while await broker() != "off":
            await asyncio.sleep(0.05)
        await asyncio.to_thread(restore, demo.folder, "broker-off")
        while await broker() != "on":
            await asyncio.sleep(0.05)


@pytest.mark.broker
@needs_mosquitto
async def test_a_timed_broker_outage_ends_by_itself(demo):
    await asyncio.to_thread(pull, demo.folder, "broker-off", 0.3)
    seen = set()
    async with asyncio.timeout(20):
        while not seen >= {"off", "on"}:
            now = (await demo.status())["broker"]
            if now == "off" or "off" in seen:
                seen.add(now)
            await asyncio.sleep(0.02)


@pytest.mark.broker
@needs_mosquitto
async def test_restore_of_everything_brings_the_broker_back(demo):
    await asyncio.to_thread(pull, demo.folder, "jam")
    await asyncio.to_thread(pull, demo.folder, "broker-off")
    async with asyncio.timeout(20):
        while (await demo.status())["broker"] != "off":
            await asyncio.sleep(0.02)
        await asyncio.to_thread(restore, demo.folder, None)
        while (await demo.status())["broker"] != "on":
            await asyncio.sleep(0.02)
    assert (await demo.status())["incidents"] == []


async def test_without_mosquitto_the_demo_runs_and_says_what_to_install(prepared):
    running = Running(prepared, mosquitto="")
    assert (await running.up())["broker"] == "missing"
    assert any("apt install mosquitto" in line for line in running.said)
    with pytest.raises(LeverRefused, match="apt install mosquitto"):
        await asyncio.to_thread(pull, running.folder, "broker-off")
    running.stop.set()
    assert await running.task == 0


async def test_the_levers_reach_the_plant(demo):
    await asyncio.to_thread(pull, demo.folder, "door")
    assert (await demo.status())["incidents"] == ["door"]
    await asyncio.to_thread(restore, demo.folder, "door")
    assert (await demo.status())["incidents"] == []


async def test_a_dead_plant_ends_the_demo_and_is_named(prepared):
    running = Running(prepared)
    found = await running.up()
    os.kill(int(str(found["plant_pid"])), signal.SIGKILL)
    assert await running.task == 1
    assert "plant.log" in running.said[-1]


async def test_the_exit_code_of_the_daemon_is_that_of_the_demo(prepared):
    folder, ports = prepared
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    assert await Demo(folder, ports, lambda _: None, command).run(asyncio.Event()) == 3


async def test_a_plant_that_cannot_start_is_named_with_its_log(prepared):
    folder, ports = prepared
    (folder / "estop.fifo").touch()
    demo = Demo(folder, ports, lambda _: None, SLEEPER)
    with pytest.raises(ChildFailed, match=r"plant did not start; see .*plant\.log"):
        await demo.run(asyncio.Event())
    assert "estop.fifo is no FIFO" in (folder / "plant.log").read_text()


async def test_a_killed_demo_leaves_no_orphans(prepared, until):
    folder, ports = prepared
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from banksman.demo.orchestra import Demo\n"
        "from banksman.demo.prepare import Ports\n"
        f"demo = Demo(Path({str(folder)!r}), {ports!r}, print, {SLEEPER!r})\n"
        "asyncio.run(demo.run(asyncio.Event()))\n"
    )
    with (folder / "demo.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdout=log, stderr=log
        )
    wanted = 4 if find_mosquitto() else 2
    await until(lambda: len(children_of(process.pid)) == wanted)
    await until(lambda: "up" in (folder / "demo.log").read_text())
    children = children_of(process.pid)
    process.kill()
    await process.wait()
    await until(lambda: not any(_lives(child) for child in children))


def _lives(child: psutil.Process) -> bool:
    try:
        return child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_child_that_ignores_sigterm_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("banksman.demo.children.TERM_WITHIN_S", 0.2)
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); "
    child = Child("mule", [sys.executable, "-c", code + "time.sleep(600)"], tmp_path / "log")
    await child.start(says="up")
    await child.stop()
    assert await child.wait() == 128 + signal.SIGKILL


async def test_no_demo_is_said_with_how_to_start_one(tmp_path):
    with pytest.raises(NotReachable, match="banksman demo run"):
        await asyncio.to_thread(status, tmp_path)


def test_mosquitto_is_found_where_debian_puts_it(monkeypatch):
    if not Path("/usr/sbin/mosquitto").exists():
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    monkeypatch.setenv("PATH", "/nowhere")
    assert shutil.which("mosquitto") is None
    assert find_mosquitto() == "/usr/sbin/mosquitto"
