"""A real store, a real endpoint on SQLite, the uplink between them, and a line that can be cut."""

from __future__ import annotations

import asyncio
import inspect
import random
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import shaped_link

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.config.schema_sync import SyncSettings
from banksman.status import SyncStatus
from banksman.store.sealing import Seal
from banksman.store.store import Store
from banksman.sync.beat import Beat
from banksman.sync.bulk import Bulk
from banksman.sync.courier import Courier
from banksman.sync.going import Going
from banksman.sync.link import LinkMeter
from banksman.sync.orders import Done, OrderBook
from banksman.sync.parts import Parts
from banksman.sync.pictures import PictureLane, PictureSource
from banksman.sync.policy import Asking, Policy
from banksman.sync.probe import Prober
from banksman.sync.schedule import Schedule
from banksman.sync.settable import settable
from banksman.sync.shadow import Shadow
from banksman.sync.spending import Spending
from banksman.sync.standing import Standing
from banksman.sync.thinned import ThinnedTally
from banksman.sync.thinning import Thinning
from banksman.sync.transport import Transport
from banksman.sync.uplink import Uplink
from banksman.sync.watch import LinkWatch
from banksman.wire.blocks import unpack
from banksman.wire.messages import AlarmMessage, AuditMessage, Priority
from banksman.wire.uplink import Heartbeat, Registration
from banksman_cloud.answering import Adviser
from banksman_cloud.endpoint import Endpoint
from banksman_cloud.server import Listener, Server, Site, bind
from banksman_cloud.storage.sqlite import SqliteEngine
from banksman_cloud.web.callers import DeveloperIdentity
from banksman_drivers.links.values import InterfaceFacts
from banksman_drivers.ports import Quality, Reading

NODE = "press"
LIMIT_S = 60.0
QUICK = {
    "enabled": True,
    "heartbeat_s": 1,
    "profile": [
        {
            "name": "all",
            "over_mbit": 0,
            "lowest": "background",
            "compression": "medium",
            "batch": 1,
            "interval_s": 0.1,
        }
    ],
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end of a run which links were real: a skip among thousands is not seen."""
    terminalreporter.write_line(f"shaped links: {shaped_link.summary()}")


@pytest.fixture
def until() -> Callable[[Callable[[], object], str], Awaitable[None]]:
    """Await a condition, asynchronous or not: ``await until(rig.idle, "all is sent")``."""

    async def wait(holds: Callable[[], object], what: str) -> None:
        try:
            async with asyncio.timeout(LIMIT_S):
                while True:
                    found = holds()
                    if await found if inspect.isawaitable(found) else found:
                        return
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pytest.fail(f"did not happen within {LIMIT_S:g} s: {what}")

    return wait


class Cloud:
    """The real endpoint on a port of its own; it can be stopped and begun again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Server | None = None
        self.engine: SqliteEngine | None = None
        self.endpoint: Endpoint | None = None
        self.port = 0

    async def start(self) -> None:
        self.engine = SqliteEngine(self._folder / "cloud.db")
        await self.engine.open()
        self.endpoint = Endpoint(self.engine, time.time_ns)
        site = Site(self.endpoint, DeveloperIdentity(), Adviser.load(None), time.time_ns)
        sock = bind("127.0.0.1", self.port)
        self.port = sock.getsockname()[1]
        self._server = Server([Listener(sock, site.routes, site.gate)])
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()
            self._server = None
        if self.engine is not None:
            await self.engine.close()
            self.engine = None

    async def rows(self, statement: str) -> list[tuple]:
        assert self.engine is not None
        return await self.engine.read(lambda db: db.all(statement))

    async def record_ids(self) -> list[str]:
        """Ids of rows, in the order of arrival."""
        return [
            row[0] for row in await self.rows("SELECT id FROM record WHERE kind < 3 ORDER BY rowid")
        ]

    async def reading_ids(self) -> list[str]:
        """Ids of readings that a reader of the blocks finds: only those within each run."""
        ids = []
        blocks = "SELECT epoch, first, last, body FROM block ORDER BY epoch, first"
        for epoch, first, last, body in await self.rows(blocks):
            for line in unpack(bytes(body)):
                message_id = msgspec.json.decode(line)["id"]
                _, own_epoch, number = message_id.rsplit("-", 2)
                if int(own_epoch) == epoch and first <= int(number) <= last:
                    ids.append(message_id)
        return ids


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    made = Cloud(tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    settings = StoreSettings(folder=str(tmp_path / "store"), free_floor_mb=0, block_s=0.1)
    made = Store.open(settings, NODE, SystemClock(), ("cloud",))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def until_owed(store: Store) -> Callable[[str, list[str]], None]:
    """Wait until rows are durable and owed, so that "nothing waits" means what it says."""
    news = threading.Event()
    store.listen(news.set)

    def wait(kind: str, ids: list[str]) -> None:
        for _ in range(round(LIMIT_S / 0.1)):
            news.clear()
            there = {row.id for row in store._reader.newest(kind, len(ids) + 100)}
            passing = {row.id for row in store._parts.pending.rows()}
            if there.issuperset(ids) and passing.isdisjoint(ids):
                return
            news.wait(0.1)
        pytest.fail("the store did not write its rows")

    return wait


@pytest.fixture
def put_audit(store: Store, until_owed) -> Callable[..., list[str]]:
    """Rows of class IMPORTANT: ``put_audit(3)`` returns their ids."""

    def put(count: int = 1, details: str = "") -> list[str]:
        ids = []
        for _ in range(count):
            ids.append(store.ids.next())
            store.put_audit(
                AuditMessage(ids[-1], NODE, "reset", "anna", 1, 2, "boot", {"why": details})
            )
        until_owed("audit", ids)
        return ids

    return put


@pytest.fixture
def put_alarm(store: Store, until_owed) -> Callable[[], str]:
    """A CRITICAL row; returns its id."""

    def put() -> str:
        message_id = store.ids.next()
        store.put_alarm(
            AlarmMessage(
                message_id, NODE, "hot", "too hot", Priority.CRITICAL, True, False, 1, 2, "boot"
            )
        )
        until_owed("alarm", [message_id])
        return message_id

    return put


@pytest.fixture
def put_readings(store: Store) -> Callable[[int], None]:
    """``put_readings(100)`` polls of the PLC, of numbers that no packing makes small."""
    chance = random.Random(7)
    count = 0

    def put(polls: int) -> None:
        nonlocal count
        for _ in range(polls):
            count += 1
            reading = Reading("plc.noise", chance.random(), "", Quality.GOOD, count)
            store.records.put_readings("plc", (reading,))

    return put


class Alarms:
    """Who hears of alarms."""

    def __init__(self) -> None:
        self.raised: dict[str, str] = {}

    def raise_alarm(self, key: str, text: str, priority: Priority, cause: str) -> None:
        self.raised[key] = text

    def clear_alarm(self, key: str) -> None:
        self.raised.pop(key, None)


class Rig:
    """An uplink at work, and what it is made of."""

    def __init__(
        self,
        store: Store,
        url: str,
        settings: SyncSettings,
        metered: bool,
        pictures: PictureSource | None,
        going: Going,
        fit: Callable[[bytes, int], bytes],
        tls: Callable[[], ssl.SSLContext | None],
    ) -> None:
        clock = SystemClock()
        self.alarms = Alarms()
        self.meter = LinkMeter()
        self.done: list[str] = []
        facts = InterfaceFacts("wwan0" if metered else "eth0", "modem" if metered else "ethernet",
                               True, True)  # fmt: skip

        def mono_s() -> float:
            return clock.mono_ns() / 1e9

        async def ping(order) -> str:
            self.done.append(order.id)
            return Done("pong")

        spending = Spending(
            settings.metered_hour_mb, settings.metered_day_mb, clock.wall_ns,
            store.load_state, store.save_state,
        )  # fmt: skip
        transport = Transport(url, mono_s, tls=tls)
        courier = Courier(transport, self.meter, NODE, clock, mono_s, spending.spend)
        beat = Beat(
            courier,
            lambda: Registration(NODE, "hall", "hall", "1", "observe", 1),
            lambda link, version: Heartbeat(
                NODE, clock.wall_ns(), 1, "boot", "observe", True, 1.0, link=link,
                shadow_version=version,
            ),
            lambda: {"mode": "observe"},
            OrderBook(NODE, clock, store.ids.next, {"ping": ping}, store.load_state,
                      store.save_state),
            Shadow(NODE, store.ids.next, settable(settings), store.load_state, store.save_state),
            settings.heartbeat_s,
            clock.wall_ns,
        )  # fmt: skip
        self.standing = Standing(mono_s())
        self.lane = None
        if pictures is not None:
            self.lane = PictureLane(courier, NODE, pictures, going, clock, fit)
        self.uplink = Uplink(
            Parts(
                outbox=store,
                transport=transport,
                courier=courier,
                meter=self.meter,
                policy=Policy(settings, unreliable=store.stretched > 1.0),
                standing=self.standing,
                bulk=Bulk(store, Schedule(settings, mono_s()), Thinning(settings), clock.wall_ns),
                prober=Prober.of(settings),
                beat=beat,
                watch=LinkWatch((), lambda: [facts]),
                asking=Asking(),
                spending=spending,
                alarms=self.alarms,
                mono_s=mono_s,
                peer="127.0.0.1",
                pictures=self.lane,
                thinned=ThinnedTally(store.load_state, store.save_state),
            )
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self.uplink.run())

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            assert not task.done(), task.exception()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def status(self) -> SyncStatus:
        return self.uplink.status()

    def idle(self) -> bool:
        """Nothing waits."""
        status = self.status
        return not any(status.rows_waiting.values()) and not status.readings_waiting


@pytest.fixture
async def make_rig(store: Store, tmp_path: Path) -> AsyncIterator[Callable[..., Rig]]:
    """Start an uplink: ``make_rig(port)``."""
    made: list[Rig] = []

    def make(
        port: int = 0,
        *,
        url: str = "",
        metered: bool = False,
        start: bool = True,
        pictures: PictureSource | None = None,
        fit: Callable[[bytes, int], bytes] = lambda picture, _most: picture,
        seal: Seal | None = None,
        tls: Callable[[], ssl.SSLContext | None] = lambda: None,
        **settings: object,
    ) -> Rig:
        chosen = SyncSettings.model_validate(QUICK | settings)
        url = url or f"http://127.0.0.1:{port}"
        going = Going(tmp_path / "going", seal)
        rig = Rig(store, url, chosen, metered, pictures, going, fit, tls)
        made.append(rig)
        if start:
            rig.start()
        return rig

    yield make
    for rig in made:
        await rig.stop()


class Line:
    """A TCP line to the endpoint, with scissors. ``cut_after``: bytes up, then the fault."""

    def __init__(self, to_port: int) -> None:
        self.to_port = to_port
        self.port = 0
        self.fault = (
            ""  # drop: nothing is accepted; reset: RST; stall: bytes vanish; mute: no answers
        )
        self.cut_after: int | None = None
        self.cut_each: int | None = None  # bytes up of each connection, then RST
        self.close_after_back: int | None = None  # bytes of answers; then the line is closed
        self.cuts = 0
        self.held = asyncio.Event()  # "hold": a large body is stuck on its way
        self.let_go = asyncio.Event()
        self.taken = 0
        self.puts: list[str] = []
        self.stall_after_pieces: int | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Nobody listens any more, and what was open breaks."""
        self.let_go.set()
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            self._reset(writer)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        far = None
        try:
            if self.fault == "reset":
                self._reset(writer)
                return
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.to_port)
            self._writers.add(far)
            await asyncio.gather(self._up(reader, far, writer), self._back(far_reader, writer))
        except OSError:
            pass
        finally:
            for each in (writer, far):
                if each is not None:
                    self._writers.discard(each)
                    each.close()
            self._tasks.discard(task)

    async def _up(self, reader, far, near) -> None:
        own = 0
        while data := await reader.read(4096):
            self.taken += len(data)
            own += len(data)
            if self.cut_each is not None and own >= self.cut_each:
                self.cuts += 1
                self._reset(near)
                far.close()
                return
            if data.startswith(b"PUT "):  # requests on a connection take turns with answers
                self.puts.append(data.partition(b" HTTP/")[0].decode())
                if self.stall_after_pieces is not None and "at=" in self.puts[-1]:
                    self.stall_after_pieces -= 1
                    if self.stall_after_pieces < 0:
                        self.fault = "stall"
            if self.cut_after is not None and self.taken >= self.cut_after:
                self.cut_after, self.taken = None, 0
                self.cuts += 1
                self._reset(near)
                far.close()
                return
            if self.fault == "stall":
                continue
            if self.fault == "hold" and len(data) == 4096:
                self.held.set()
                await self.let_go.wait()
            far.write(data)
            await far.drain()
        far.close()

    async def _back(self, reader, near) -> None:
        while data := await reader.read(4096):
            if self.fault == "mute":
                self.cuts += 1
                self._reset(near)
                return
            if self.close_after_back is not None:
                self.close_after_back -= len(data)
                if self.close_after_back <= 0:
                    near.write(data[: len(data) + self.close_after_back])
                    self.close_after_back = None
                    self.cuts += 1
                    near.close()
                    return
            near.write(data)
            await near.drain()
        near.close()

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


@pytest.fixture
async def line(cloud: Cloud) -> AsyncIterator[Line]:
    made = Line(cloud.port)
    await made.start()
    yield made
    await made.down()
