"""The demo as one thing: broker, plant and daemon started in order, and ended in reverse.

mosquitto   owned here: `banksman demo broker-off` ends it, `restore` starts it again
plant       answers the other levers on its own socket (`plant.sock`)
camera      where its libraries are installed: draws caps, and teaches the station that sees them
endpoint    where it is installed: receives the daemon's records and answers its questions
daemon      in the same terminal; when it ends, the demo ends with its exit code
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from banksman.demo.children import Child, find_mosquitto
from banksman.demo.prepare import HOST, Ports
from banksman_drivers.fake.plant.control import BadCommand, ControlServer, Request

SOCKET: Final = "demo.sock"
NO_BROKER: Final = (
    "mosquitto is not installed: there is no forklift and no telemetry; "
    "install it with `apt install mosquitto`"
)
BROKER_AGAIN_S: Final = 2.0
BROKER_OFF_MAX_S: Final = 86_400.0


class Demo:
    """One run of the demo in one prepared folder. ``say`` prints a line for people."""

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        say: Callable[[str], None],
        daemon_command: Sequence[str] = (),
        mosquitto: str | None = None,
        endpoint_command: Sequence[str] = (),
        camera_command: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._say = say
        program = mosquitto if mosquitto is not None else find_mosquitto()
        self._broker: Child | None = None
        if program:
            serve = [program, "-c", str(folder / "mosquitto.conf")]
            self._broker = Child("broker", serve, folder / "broker.log", changes_user=True)
        self._broker_wanted = True
        self._broker_back: asyncio.TimerHandle | None = None
        self._broker_turn = asyncio.Event()
        options = {
            "--folder": folder,
            "--modbus-port": ports.modbus,
            "--mqtt-port": ports.mqtt if program else 0,
            "--cloud-port": 0 if endpoint_command else ports.cloud,
        }
        plant = [sys.executable, "-m", "banksman_drivers.fake.plant"]
        plant += [str(word) for pair in options.items() for word in pair]
        self._plant = Child("plant", plant, folder / "plant.log")
        default = (sys.executable, "-m", "banksman.cli", "run", "--config")
        command = daemon_command or (*default, str(folder / "appliance.toml"))
        self._daemon = Child("daemon", command, None)
        self._endpoint: Child | None = None
        if endpoint_command:
            self._endpoint = Child("endpoint", endpoint_command, folder / "endpoint.log")
        self._camera: Child | None = None
        if camera_command:
            self._camera = Child("camera", camera_command, folder / "camera.log")
        self._control = ControlServer(folder / SOCKET, self.command)
        self._ports = ports

    async def run(self, stop: asyncio.Event) -> int:
        """Run until ``stop`` or until the daemon or the plant ends; returns the exit code.

        Raises ChildFailed when the plant does not start.
        """
        keeper = asyncio.create_task(self._keep_broker())
        try:
            await self._plant.start(says="READY")
            if self._endpoint is not None:
                await self._endpoint.start()
            if self._camera is not None:
                await self._camera.start(says="READY")
            await self._control.start()
            self._tell()
            await self._daemon.start()
            return await self._until(stop)
        finally:
            await self._daemon.stop()
            if self._camera is not None:
                await self._camera.stop()
            await self._control.stop()
            await self._plant.stop()
            if self._endpoint is not None:
                await self._endpoint.stop()
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            if self._broker is not None:
                await self._broker.stop()

    async def _until(self, stop: asyncio.Event) -> int:
        ends = {
            asyncio.create_task(stop.wait()): "stop",
            asyncio.create_task(self._daemon.wait()): "daemon",
            asyncio.create_task(self._plant.wait()): "plant",
        }
        done, pending = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        who = {ends[task] for task in done}
        if "stop" in who:
            return 0
        if "daemon" in who:
            return await self._daemon.wait()
        self._say(f"the plant has ended unasked; see {self._folder / 'plant.log'}")
        return 1

    async def _keep_broker(self) -> None:
        """Hold the broker in the wanted state; one that dies unasked is started again."""
        broker = self._broker
        if broker is None:
            self._say(NO_BROKER)
            return
        while True:
            self._broker_turn.clear()
            if not self._broker_wanted:
                await broker.stop()
                await self._broker_turn.wait()
                continue
            await broker.start()
            ended = asyncio.create_task(broker.wait())
            turned = asyncio.create_task(self._broker_turn.wait())
            try:
                await asyncio.wait({ended, turned}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ended.cancel()
                turned.cancel()
            if self._broker_wanted and not broker.running:
                self._say(f"the broker has ended; see {self._folder / 'broker.log'}")
                await asyncio.sleep(BROKER_AGAIN_S)

    async def command(self, request: Request) -> Request:
        """Do one of the demo's own commands; raises BadCommand."""
        name = request.get("command")
        if name == "status":
            running = self._broker is not None and self._broker.running
            status = {
                "broker": "missing" if self._broker is None else "on" if running else "off",
                "daemon_pid": self._daemon.pid,
                "plant_pid": self._plant.pid,
                "page": f"http://{HOST}:{self._ports.web}/",
            }
            return {"message": "the demo runs", "status": status}
        if name not in ("broker-off", "broker-on"):
            raise BadCommand(f"no command {name!r}; there are broker-off, broker-on, status")
        if self._broker is None:
            raise BadCommand(NO_BROKER)
        seconds = _seconds(request.get("seconds"))
        self._turn_broker(on=name == "broker-on")
        if name == "broker-on":
            return {"message": "the broker is back"}
        if seconds is None:
            return {"message": "the broker is gone until it is restored"}
        loop = asyncio.get_running_loop()
        self._broker_back = loop.call_later(seconds, lambda: self._turn_broker(on=True))
        return {"message": f"the broker is gone for {seconds:g} s"}

    def _turn_broker(self, *, on: bool) -> None:
        if self._broker_back is not None:
            self._broker_back.cancel()
            self._broker_back = None
        if on != self._broker_wanted:
            self._broker_wanted = on
            self._broker_turn.set()

    def _tell(self) -> None:
        ports = self._ports
        self._say(
            f"the page is http://{HOST}:{ports.web}/; its first password takes the code below"
        )
        if self._endpoint is not None:
            self._say(f"the fleet page of its endpoint is http://{HOST}:{ports.cloud}/")
        if self._camera is not None:
            self._say("its camera is taught within a minute, once: see Quality control on the page")
        cloud = "the endpoint" if self._endpoint is not None else "its stand-in of a cloud"
        self._say(
            f"the plant speaks Modbus TCP on {ports.modbus}, MQTT on {ports.mqtt}; {cloud} HTTP"
            f" on {ports.cloud}"
        )
        self._say("the line starts by itself in a few seconds; `banksman demo --help` has levers")


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadCommand(f"seconds: {value!r} is no number")
    if not 0 < value <= BROKER_OFF_MAX_S:
        raise BadCommand(f"seconds: {value:g} is not over 0 and up to {BROKER_OFF_MAX_S:g}")
    return float(value)
