"""The whole daemon as a child process, between real parts: PLC, notify socket, FIFOs, broker.

The PLC is the shipped fake on the test's own loop. Every daemon is ended by its pid. Conditions
are awaited; each limit is generous, because the machine may be slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from banksman_drivers.fake.modbus_memory import Memory
from banksman_drivers.fake.modbus_server import ModbusServer
from banksman_drivers.guard.available import why_not_available

LIMIT_S = 40.0
LEVEL, START, WATCHDOG, VALVE = 0, 1, 10, 0
PASSWORD = "correct horse battery"

RULES = """\
[[rule]]
name = "over"
point = "limit"
when = "plc.level > 500"
then = "open_valve"
priority = 1
reason = "the level is {plc.level}, over 500"

[[rule]]
name = "under"
point = "limit"
when = "True"
then = "close_valve"
"""

CONFIG = """\
[node]
id = "box"
site = "Works 2"
location = "line 4"
mode = "{mode}"

[store]
folder = "{folder}/store"
free_floor_mb = 0.0

[web]
port = {page}
socket = "{folder}/page.sock"

[[device]]
driver = "modbus_tcp"
id = "plc"
host = "127.0.0.1"
port = {plc}
poll_ms = 20
timeout_ms = 400
back_off_max_ms = 200
watchdog = {{ address = 10, period_ms = 50 }}
point = [
  {{ name = "level", table = "holding", address = 0 }},
  {{ name = "start", table = "holding", address = 1, unit = "flag" }},
]
output = [{{ name = "valve", table = "coil", address = 0, safe = false, run_permit = true }}]

[[action]]
name = "open_valve"
writes = [{{ output = "plc.valve", value = true }}]

[[action]]
name = "close_valve"
writes = [{{ output = "plc.valve", value = false }}]

[[decision]]
name = "limit"
type = "process_control"
on = ["plc.level"]
safe_action = "close_valve"
"""


class Ended(NamedTuple):
    """A command that has run."""

    code: int
    out: str
    err: str


class Box:
    """One box's folder, and the daemon that runs on it now."""

    def __init__(self, folder: Path, plc_port: int, page_port: int) -> None:
        self.folder = folder
        self.config = folder / "appliance.toml"
        self.rules = folder / "rules.toml"
        self.store = folder / "store"
        self.socket = folder / "page.sock"
        self.url = f"http://127.0.0.1:{page_port}"
        self.said: list[str] = []  # messages on the notify socket, oldest first
        self.environment: dict[str, str] = {}
        self._ports = {"plc": plc_port, "page": page_port}
        self._log = folder / "daemon.log"
        self._child: asyncio.subprocess.Process | None = None
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.setblocking(False)
        self._notify.bind(str(folder / "notify"))
        asyncio.get_running_loop().add_reader(self._notify, self._hear)
        self._page = aiohttp.ClientSession(self.url, cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.write()

    def write(self, *extra: str, mode: str = "armed", rules: str = RULES) -> None:
        """Write config and rules; ``extra`` are further tables."""
        text = CONFIG.format(mode=mode, folder=self.folder, **self._ports)
        self.config.write_text("\n".join((text, *extra)))
        self.rules.write_text(rules)

    async def launch(self) -> None:
        """Start a daemon, whatever becomes of it."""
        self.said.clear()
        environment = os.environ | {
            "NOTIFY_SOCKET": str(self.folder / "notify"),
            "WATCHDOG_USEC": "2000000",
            **self.environment,
        }
        with self._log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "banksman.cli", "run", "--config", str(self.config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    async def start(self) -> None:
        """Start a daemon and wait for its READY."""
        await self.launch()
        await self.until(lambda: any("READY=1" in text for text in self.said), "READY is said")

    async def ended(self) -> int:
        """The exit code of the daemon, once it has ended."""
        assert self._child is not None
        async with asyncio.timeout(LIMIT_S):
            return await self._child.wait()

    async def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        """SIGKILL."""
        self.signal(signal.SIGKILL)
        await self.ended()

    def signal(self, number: signal.Signals) -> None:
        assert self._child is not None
        self._child.send_signal(number)

    def log(self) -> str:
        """All that the daemons of this box have said on their console."""
        return self._log.read_text()

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Await a condition of this process's own things."""

        async def answer() -> object:
            return holds()

        await self._until(answer, what, 0.005)

    async def until_status(self, holds: Callable[[dict[str, Any]], object], what: str) -> Any:
        """Await a condition of the daemon's status; returns that status."""
        status: dict[str, Any] = {}

        async def answer() -> object:
            nonlocal status
            status = await self.get("/api/v1/status")
            return holds(status)

        await self._until(answer, what, 0.02)
        return status

    async def until_trip(self, name: str, *, latched: bool) -> None:
        """Await a trip's latch or its release."""

        def holds(status: dict[str, Any]) -> bool:
            return {trip["name"]: trip["latched"] for trip in status["trips"]}[name] is latched

        await self.until_status(holds, f"trip {name} latched is {latched}")

    async def until_decision(self, action: str) -> dict[str, Any]:
        """Await that a decision for this action is the newest one on the disk; returns it."""
        newest: list[dict[str, Any]] = []

        async def answer() -> object:
            newest[:] = (await self.get("/api/v1/decisions?limit=1"))["decisions"]
            return newest and newest[0]["action"] == action

        await self._until(answer, f"the decision {action} is recorded", 0.02)
        return newest[0]

    async def until_points(self, wanted: dict[str, str]) -> None:
        """Await that each decision point's newest decision on the disk is for this action."""

        async def answer() -> object:
            newest: dict[str, str] = {}
            for decision in (await self.get("/api/v1/decisions?limit=100"))["decisions"]:
                newest.setdefault(decision["point"], decision["action"])
            return all(newest.get(point) == action for point, action in wanted.items())

        await self._until(answer, f"recorded: {wanted}", 0.02)

    async def until_audit(self, event: str) -> None:
        """Await that the newest audit entry on the disk is this one."""

        async def answer() -> object:
            entries = (await self.get("/api/v1/audit?limit=1"))["entries"]
            return entries and entries[0]["event"] == event

        await self._until(answer, f"audited: {event}", 0.02)

    async def _until(
        self, answer: Callable[[], Awaitable[object]], what: str, pause_s: float
    ) -> None:
        try:
            async with asyncio.timeout(LIMIT_S):
                while not await answer():
                    if self._child is not None and self._child.returncode is not None:
                        pytest.fail(f"the daemon has ended before: {what}\n{self.log()}")
                    await asyncio.sleep(pause_s)
        except TimeoutError:
            pytest.fail(f"did not happen within {LIMIT_S:g} s: {what}\n{self.log()}")

    async def get(self, path: str) -> Any:
        """The JSON of a GET that succeeds."""
        async with self._page.get(path) as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()

    async def post(self, path: str, body: Any = None, csrf: str = "") -> tuple[int, Any]:
        """(status, JSON) of a POST."""
        headers = {"X-CSRF-Token": csrf} if csrf else {}
        async with self._page.post(path, json=body, headers=headers) as reply:
            return reply.status, await reply.json()

    async def log_in(self) -> str:
        """Set the password with the console's code and log in; returns the CSRF token."""
        codes = re.findall(r"Setup code .*: (\S+) ", self.log())
        body = {"code": codes[-1], "password": PASSWORD}
        status, session = await self.post("/api/v1/session/setup", body)
        assert status == 200, session
        return session["csrf"]

    async def command(self, *words: str) -> Ended:
        """Run a command of the command line to its end."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "banksman.cli", *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | self.environment,
        )
        try:
            async with asyncio.timeout(LIMIT_S):
                out, err = await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return Ended(child.returncode or 0, out.decode(), err.decode())

    async def close(self) -> None:
        """End what still runs."""
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.wait()
        asyncio.get_running_loop().remove_reader(self._notify)
        self._notify.close()
        await self._page.close()

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.said.append(self._notify.recv(4096).decode())


@pytest.fixture
async def plc() -> AsyncIterator[ModbusServer]:
    """A PLC with a level, a start button, a valve and a watchdog register."""
    memory = Memory()
    memory.holding.update({LEVEL: 0, START: 0, WATCHDOG: 0})
    memory.coils[VALVE] = 0
    server = ModbusServer(memory)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def box(tmp_path: Path, plc: ModbusServer, free_port: int) -> AsyncIterator[Box]:
    """A box wired to the PLC; its daemon is not started yet."""
    made = Box(tmp_path, plc.port, free_port)
    yield made
    await made.close()


class Wires:
    """The plant's ends of the guard's FIFOs. They outlive the daemon, as wires do."""

    GUARD = """\
[guard]
lease_ms = 2000
priority = 0

[[guard.input]]
name = "estop"
kind = "estop"
source = "fifo:{folder}/estop"
debounce_ms = 1

[[guard.input]]
name = "reset"
kind = "reset"
source = "fifo:{folder}/reset"
debounce_ms = 1

[[guard.output]]
name = "permit"
target = "fifo:{folder}/permit"
safe = false

[[trip]]
name = "estop"
kind = "estop"
guard_inputs = ["estop"]
reset_input = "guard.reset"
outputs = ["guard.permit", "plc.valve"]

[[action]]
name = "give_permit"
writes = [{{ output = "guard.permit", value = true }}]

[[decision]]
name = "start_panel"
type = "process_control"
on = ["plc.start"]
safe_action = "none"
"""
    RULES = """
[[rule]]
name = "start pressed"
point = "start_panel"
when = "plc.start == 1"
then = "give_permit"

[[rule]]
name = "start not pressed"
point = "start_panel"
when = "True"
then = "none"
"""

    def __init__(self, folder: Path) -> None:
        self.tables = self.GUARD.format(folder=folder)
        self.rules = RULES + self.RULES
        self.permit = b""  # every level that came out, oldest first
        for name in ("estop", "reset", "permit"):
            os.mkfifo(folder / name, 0o600)
        # Both ends of the inputs: a wire is there whether or not somebody listens to it.
        self._inputs = {
            name: os.open(folder / name, os.O_RDWR | os.O_NONBLOCK) for name in ("estop", "reset")
        }
        self._permit = os.open(folder / "permit", os.O_RDONLY | os.O_NONBLOCK)

    def tell(self, name: str, level: int) -> None:
        """Put a level on an input."""
        os.write(self._inputs[name], b"%d" % level)

    def permitted(self) -> bool:
        """Whether the newest level of the permit is on."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._permit, 4096):
                self.permit += data
        return self.permit.endswith(b"1")

    def close(self) -> None:
        for end in (*self._inputs.values(), self._permit):
            os.close(end)


@pytest.fixture
def wires(tmp_path: Path) -> Iterator[Wires]:
    """E-stop, reset button and permit line of a guard, with the config that goes with them."""
    if (reason := why_not_available()) is not None:
        pytest.skip(reason)
    made = Wires(tmp_path)
    yield made
    made.close()
