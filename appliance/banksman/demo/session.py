"""``banksman demo run``: prepare the folder, run the demo until a signal, and say what happens."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from banksman.demo import camera, endpoint
from banksman.demo.orchestra import SOCKET, Demo
from banksman.demo.prepare import HOST, LONGEST_NAME, Ports, prepare
from banksman.errors import BanksmanError
from banksman_drivers.fake.plant.control import ask

PROBE_S = 2.0


class DemoFailed(BanksmanError):
    """The demo could not be started; the message says which part and what to do."""


def run_demo(
    folder: Path, web_port: int, seconds: float | None, *, with_camera: bool = True
) -> int:
    """Run the demo; returns its exit code. Raises DemoFailed."""
    try:
        return asyncio.run(_run(folder, web_port, seconds, with_camera and camera.is_installed()))
    except OSError as error:
        raise DemoFailed(str(error)) from error


async def _run(folder: Path, web_port: int, seconds: float | None, with_camera: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    if await _answers(folder / SOCKET):
        raise DemoFailed(f"a demo already runs in {folder}; end it, or give another --folder")
    with_endpoint = endpoint.is_installed()
    folder, ports, notes = prepare(
        folder, Ports(web=web_port), endpoint=with_endpoint, camera=with_camera
    )
    for note in notes:
        _say(note)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    beside = endpoint.command(folder, HOST, ports.cloud) if with_endpoint else ()
    teacher = camera.command(folder, folder / LONGEST_NAME) if with_camera else ()
    demo = Demo(folder, ports, _say, endpoint_command=beside, camera_command=teacher)
    code = await demo.run(stop)
    _say("ended; the records stay in " + str(folder / "store"))
    return code


async def _answers(socket: Path) -> bool:
    try:
        await ask(socket, {"command": "status"}, PROBE_S)
    except (OSError, TimeoutError, ValueError):
        return False
    return True


def _say(line: str) -> None:
    print(f"demo: {line}", flush=True)
