"""One I2C bus and its one thread: opened, shared by its chips, given up, opened anew.

Rules of this file
- The thread lives while anybody serves a chip on the bus, and is named after it (``bus-1``).
- Turns go by earliest deadline, one transfer a turn: no chip starves another, and the FIFO of an
  accelerometer is emptied in time while an ADC converts beside it.
- A transfer blocks for 100 ms at most (port.py), a command waits for that one transfer.
- When every chip has failed since anything worked, it is the bus: closed, opened anew after a
  back-off, and left again at the first transfer that times out. What Linux can do about a line that
  a chip holds low (nine clocks, i2c_recover_bus) the adapter's driver does by itself, where its
  pins allow it; user space can only try again and tell the operator.

    loop     attach ... order ............. detach
    thread        open  turn turn turn turn  safe states, close
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future

from banksman_drivers.bridge import STOP_S, Bridge, ThreadStuck
from banksman_drivers.i2c.asks import Answer, Ask, Steps
from banksman_drivers.i2c.faults import BusFault, BusWatch
from banksman_drivers.i2c.port import OpenPort, open_port
from banksman_drivers.i2c.reports import Gone, Report
from banksman_drivers.i2c.station import NEVER_NS, ORDERS_MOST, Order, Station
from banksman_drivers.i2c.wire import Wire
from banksman_drivers.ports import CommandFailed, Ticks, Unsupported

REPORTS_MOST = 256
REST_MOST_S = 0.25

Take = Callable[[Report], None]
Delivery = tuple[Station, Report]


class I2cBus:
    """One bus device. Made once for each path; `I2cBuses` sees to that."""

    def __init__(self, path: str, ticks: Ticks, open_port: OpenPort = open_port) -> None:
        self.path = path
        self.given_up = 0  # how often it was closed to be opened anew
        self._ticks = ticks
        self._open_port = open_port
        self._takes: dict[Station, Take] = {}  # the loop's book of who is here
        self._changing = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None
        self._link: Bridge[Delivery] | None = None
        # Shared with the thread: appended here, taken there.
        self._moves: deque[tuple[Station, bool, Future[None]]] = deque()
        self._wake = threading.Event()
        # The thread's own.
        self._stations: list[Station] = []
        self._wire: Wire | None = None
        self._watch = BusWatch()
        self._suspect = False
        self._resume_ns = 0
        self._closed_because = "not opened yet"

    @property
    def dropped(self) -> int:
        """Reports that the control loop was too slow for."""
        return 0 if self._link is None else self._link.dropped

    @contextlib.asynccontextmanager
    async def serving(
        self, station: Station, take: Take
    ) -> AsyncGenerator[asyncio.Task[None], None]:
        """Have the station served; ``take`` gets its reports on this loop until the end.

        Yields the thread's task: it ends by an error of ours only. Raises ThreadStuck at the end if
        the thread does not let go.
        """
        async with self._changing:
            running = self._start()
            self._takes[station] = take
            self._move(station, joins=True)
        try:
            yield running
        finally:
            del self._takes[station]
            async with self._changing:
                await self._leave(station, running)

    async def order(
        self,
        station: Station,
        what: str,
        steps: Callable[[], Steps[None]],
        safe: bool = False,
        expires_mono_ns: int | None = None,
    ) -> None:
        """Have the steps done, the next thing that the chip does. Raises CommandFailed."""
        if len(station.orders) >= ORDERS_MOST:
            raise CommandFailed(f"{what}: {ORDERS_MOST} commands wait for the chip already")
        running = self._running
        if running is None:
            raise CommandFailed(f"{what}: its bus {self.path} is not served")
        done: Future[None] = Future()
        station.orders.append(Order(what, steps, safe, expires_mono_ns, done))
        self._wake.set()
        confirmed = asyncio.wrap_future(done)
        await asyncio.wait({confirmed, running}, return_when=asyncio.FIRST_COMPLETED)
        if not confirmed.done():
            confirmed.cancel()
            raise CommandFailed(f"{what}: the thread of {self.path} has ended; nobody confirmed it")
        confirmed.result()

    def _start(self) -> asyncio.Task[None]:
        if self._running is None or self._running.done():
            link = self._link = Bridge(self._deliver, REPORTS_MOST)
            name = f"bus-{self.path.rpartition('-')[2]}"
            self._running = asyncio.create_task(link.run(self._work, name))
        return self._running

    def _move(self, station: Station, joins: bool) -> Future[None]:
        moved: Future[None] = Future()
        self._moves.append((station, joins, moved))
        self._wake.set()
        return moved

    async def _leave(self, station: Station, running: asyncio.Task[None]) -> None:
        if running.done():
            return  # its error went to whoever awaited it
        if not self._takes:
            running.cancel()
            self._wake.set()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            self._running = None
            return
        left = asyncio.wrap_future(self._move(station, joins=False))
        await asyncio.wait({left, running}, timeout=STOP_S, return_when=asyncio.FIRST_COMPLETED)
        if not left.done() and not running.done():
            raise ThreadStuck(f"the thread of {self.path} does not let {station.device} go")

    def _deliver(self, delivery: Delivery) -> None:
        station, report = delivery
        take = self._takes.get(station)
        if take is not None:
            take(report)

    # --- what follows runs on the bus's thread ------------------------------------------------

    def _work(self, link: Bridge[Delivery]) -> None:
        try:
            while not link.stopping:
                self._admit()
                now_ns = self._ticks.mono_ns()
                if self._wire is None and not self._open(now_ns, link):
                    self._rest(self._resume_ns - now_ns)
                    continue
                ready = [each for each in self._stations if each.due_ns() <= now_ns]
                if ready:
                    self._turn(min(ready, key=lambda each: each.deadline_ns(now_ns)), link)
                else:
                    due_ns = min((each.due_ns() for each in self._stations), default=NEVER_NS)
                    self._rest(due_ns - now_ns)
        finally:
            self._admit()
            for station in tuple(self._stations):
                self._dismiss(station)
            self._close()

    def _admit(self) -> None:
        while self._moves:
            station, joins, moved = self._moves.popleft()
            if joins:
                self._stations.append(station)
            else:
                self._dismiss(station)
            if moved.set_running_or_notify_cancel():
                moved.set_result(None)

    def _dismiss(self, station: Station) -> None:
        if station in self._stations:
            self._stations.remove(station)
            station.finish(self._transfer)

    def _open(self, now_ns: int, link: Bridge[Delivery]) -> bool:
        if now_ns < self._resume_ns:
            for station in self._stations:
                station.refuse(self._closed_because)
            return False
        if not self._stations:
            return False
        try:
            self._wire = Wire(self._open_port(self.path), self._ticks)
        except OSError as error:
            self._give_up(f"the bus {self.path} cannot be opened: {error}", link)
            return False
        self._watch.reopened()
        for station in self._stations:
            station.retry_now()
        return True

    def _turn(self, station: Station, link: Bridge[Delivery]) -> None:
        report = station.turn(self._transfer)
        if report is None:
            return
        if not isinstance(report, Gone):
            link.put((station, report))
            return
        addresses = {each.address for each in self._stations}
        held = self._suspect and self._watch.line_held(station.address)
        if held or self._watch.all_failed(addresses):
            verdict = self._watch.verdict(addresses)
            message = f"the bus {self.path}: {verdict}" if verdict else report.message
            self._give_up(message, link)
        else:
            link.put((station, report))

    def _transfer(self, address: int, ask: Ask) -> Answer:
        if self._wire is None:
            raise BusFault("adapter", self._closed_because)
        try:
            answer = self._wire.transfer(address, ask)
        except BusFault as fault:
            self._watch.bad(address, fault.kind)
            raise
        self._watch.good()
        self._suspect = False
        return answer

    def _give_up(self, message: str, link: Bridge[Delivery]) -> None:
        """Close the bus, tell everybody, and try again when the first of them would."""
        self.given_up += 1
        self._close()
        self._suspect = True
        self._closed_because = message
        waits_ns = []
        for station in self._stations:
            link.put((station, station.lose(message)))
            waits_ns.append(station.due_ns())
        self._resume_ns = min(waits_ns, default=0)

    def _close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            with contextlib.suppress(OSError):  # a descriptor of an adapter that was unplugged
                wire.close()

    def _rest(self, wait_ns: int) -> None:
        self._wake.wait(min(REST_MOST_S, max(0.0, wait_ns / 1e9)))
        self._wake.clear()


class I2cBuses:
    """Every bus of this box, each once. Raises Unsupported for two chips at one address."""

    def __init__(self, ticks: Ticks, open_port: OpenPort = open_port) -> None:
        self._ticks = ticks
        self._open_port = open_port
        self._buses: dict[str, I2cBus] = {}
        self._taken: dict[tuple[str, int], str] = {}

    def claim(self, path: str, address: int, device: str) -> I2cBus:
        """The bus at ``path``, with this address taken by ``device``."""
        other = self._taken.setdefault((path, address), device)
        if other != device:
            raise Unsupported(
                f"{device}: {other} is at 0x{address:02x} of {path} already; one chip each"
            )
        bus = self._buses.get(path)
        if bus is None:
            bus = self._buses[path] = I2cBus(path, self._ticks, self._open_port)
        return bus
