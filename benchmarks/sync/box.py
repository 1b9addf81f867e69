"""A box without a plant: the real store and the real uplink, on the bench's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from banksman.clock import SystemClock
from banksman.config.schema_services import StoreSettings
from banksman.config.schema_sync import SyncSettings
from banksman.control.ports import NOTHING, Follows
from banksman.status import SyncStatus
from banksman.store.store import Store
from banksman.sync.beat import Beat
from banksman.sync.bulk import Bulk
from banksman.sync.courier import Courier
from banksman.sync.link import LinkMeter
from banksman.sync.orders import OrderBook
from banksman.sync.outbox import CHANNEL
from banksman.sync.parts import Parts
from banksman.sync.policy import Asking, Policy
from banksman.sync.probe import Prober
from banksman.sync.schedule import Schedule
from banksman.sync.shadow import Shadow
from banksman.sync.spending import Spending
from banksman.sync.standing import Standing
from banksman.sync.thinning import Thinning
from banksman.sync.transport import Transport
from banksman.sync.uplink import Uplink
from banksman.sync.watch import LinkWatch
from banksman.wire.messages import AlarmMessage, AuditMessage, Priority
from banksman.wire.uplink import Heartbeat, Registration
from banksman_drivers.links.values import InterfaceFacts
from banksman_drivers.ports import Reading

NODE = "bench"
QUEUE_MOST = 10_000
LOOK_S = 0.02


class Quiet:
    """Who hears of alarms: nobody. ``raised`` keeps their keys."""

    def __init__(self) -> None:
        self.raised: set[str] = set()

    def raise_alarm(
        self, key: str, text: str, priority: Priority, cause: str, follows: Follows = NOTHING
    ) -> None:
        """Note it."""
        del text, priority, cause, follows
        self.raised.add(key)

    def clear_alarm(self, key: str) -> None:
        """Nobody looks."""


class Box:
    """A store in ``folder``; ``start_uplink`` begins to send to a port of loopback."""

    def __init__(self, folder: Path, settings: SyncSettings, metered: bool = False) -> None:
        self.clock = SystemClock()
        self.settings = settings
        self.store = Store.open(
            # A day comes in seconds: more may wait for the disk than ever would on a floor.
            StoreSettings(folder=str(folder), free_floor_mb=0, queue_batches=1_000_000),
            NODE,
            self.clock,
            (CHANNEL,),
        )
        self.store.start()
        self._facts = InterfaceFacts("bench0", "modem" if metered else "ethernet", True, True)
        self.uplink: Uplink | None = None
        self._task: asyncio.Task[None] | None = None

    def put_readings(self, device: str, batch: tuple[Reading, ...]) -> None:
        """One poll; waits where the disk is behind."""
        while self.store.records.depth() > QUEUE_MOST:
            time.sleep(0.001)
        self.store.records.put_readings(device, batch)

    def put_alarm(self, key: str) -> str:
        """A critical row; its id."""
        clock, name = self.clock, self.store.ids.next()
        self.store.put_alarm(
            AlarmMessage(
                name, NODE, key, "too hot", Priority.CRITICAL, True, False, clock.wall_ns(),
                clock.mono_ns(), clock.boot_id,
            )
        )  # fmt: skip
        return name

    def put_audit(self, details: dict[str, str]) -> str:
        """An important row; its id."""
        clock, name = self.clock, self.store.ids.next()
        self.store.put_audit(
            AuditMessage(
                name, NODE, "bench", "bench", clock.wall_ns(), clock.mono_ns(), clock.boot_id,
                details,
            )
        )  # fmt: skip
        return name

    def start_uplink(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Send from now on; on the running loop. ``tls`` shows who the box is."""
        scheme = "http" if tls is None else "https"
        self.uplink = Uplink(self._parts(f"{scheme}://127.0.0.1:{port}", tls))
        self._task = asyncio.get_running_loop().create_task(self.uplink.run())

    async def stop_uplink(self) -> None:
        """Send no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def close(self) -> None:
        """Stop both."""
        await self.stop_uplink()
        await asyncio.to_thread(self.store.stop)

    @property
    def status(self) -> SyncStatus:
        """The uplink's; raises RuntimeError before it began."""
        if self.uplink is None:
            raise RuntimeError("the uplink was not started")
        return self.uplink.status()

    def idle(self) -> bool:
        """Nothing waits to be sent."""
        owed = self.store.rows_owed(CHANNEL)
        return not any(owed.values()) and not self.store.readings_owed(CHANNEL)

    def _parts(self, url: str, tls: ssl.SSLContext | None) -> Parts:
        clock, settings, store = self.clock, self.settings, self.store

        def mono_s() -> float:
            return clock.mono_ns() / 1e9

        meter = LinkMeter()
        spending = Spending(
            settings.metered_hour_mb, settings.metered_day_mb, clock.wall_ns, store.load_state,
            store.save_state,
        )  # fmt: skip
        transport = Transport(url, mono_s, tls=lambda: tls)
        courier = Courier(transport, meter, NODE, clock, mono_s, spending.spend)
        state: dict[str, Any] = {"mode": "observe"}
        beat = Beat(
            courier,
            lambda: Registration(NODE, "hall", "hall", "1", "observe", 1),
            lambda link, version: Heartbeat(
                NODE, clock.wall_ns(), clock.mono_ns(), clock.boot_id, "observe", True, 1.0,
                link=link, shadow_version=version,
            ),
            lambda: state,
            OrderBook(NODE, clock, store.ids.next, {}, store.load_state, store.save_state),
            Shadow(NODE, store.ids.next, {}, store.load_state, store.save_state),
            settings.heartbeat_s,
            clock.wall_ns,
        )  # fmt: skip
        return Parts(
            outbox=store,
            transport=transport,
            courier=courier,
            meter=meter,
            policy=Policy(settings),
            standing=Standing(mono_s()),
            bulk=Bulk(store, Schedule(settings, mono_s()), Thinning(settings), clock.wall_ns),
            prober=Prober.of(settings),
            beat=beat,
            watch=LinkWatch((), lambda: [self._facts]),
            asking=Asking(),
            spending=spending,
            alarms=Quiet(),
            mono_s=mono_s,
            peer="127.0.0.1",
        )


async def until(holds: Callable[[], bool], within_s: float, what: str) -> None:
    """Await a condition. Raises TimeoutError naming it."""
    try:
        async with asyncio.timeout(within_s):
            # Threads of the store and another process make it true: there is no event.
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise TimeoutError(f"did not happen within {within_s:g} s: {what}") from None


class Server:
    """A loop of its own for `Relay` and its likes: the box's work does not delay them."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="relay", daemon=True)
        self._thread.start()

    async def call(self, work: Any) -> Any:
        """Run a coroutine there and await its result here."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    def stop(self) -> None:
        """End the loop."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
