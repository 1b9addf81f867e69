"""Builds the uplink: the parts of `banksman.sync` joined to this box. Nothing is started here."""

from __future__ import annotations

import asyncio
import importlib.util
import ssl
import sys
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from banksman.clock import Clock
from banksman.config.load import LoadedConfig
from banksman.control.ports import AlarmSignal
from banksman.control.view import View
from banksman.desk import Desk
from banksman.errors import SyncUnavailable
from banksman.status import IdentityStatus
from banksman.store.sealing import Seal
from banksman.store.store import Store
from banksman.sync.beat import Beat
from banksman.sync.bulk import Bulk
from banksman.sync.certificate import CertificateKeeper, Sender
from banksman.sync.courier import Courier
from banksman.sync.deeds import Renew, deeds
from banksman.sync.going import Going
from banksman.sync.link import LinkMeter
from banksman.sync.orders import Note, OrderBook
from banksman.sync.parts import Parts
from banksman.sync.pictures import PictureLane, PictureSource
from banksman.sync.policy import Asking, Policy
from banksman.sync.probe import Prober
from banksman.sync.schedule import BULK, Schedule
from banksman.sync.settable import settable
from banksman.sync.shadow import Shadow
from banksman.sync.spending import Spending
from banksman.sync.standing import Standing
from banksman.sync.thinned import ThinnedTally
from banksman.sync.thinning import Thinning
from banksman.sync.transport import Transport
from banksman.sync.uplink import Uplink
from banksman.sync.watch import LinkWatch
from banksman.wire.uplink import Heartbeat, LinkReport, Registration
from banksman_drivers.board.read import capabilities_of, read_board
from banksman_drivers.file_tree import Tree


def make_uplink(
    loaded: LoadedConfig,
    clock: Clock,
    store: Store,
    view: View,
    desk: Desk,
    alarms: AlarmSignal,
    asking: Asking,
    tls: Callable[[], ssl.SSLContext | None] = lambda: None,
    pictures: PictureSource | None = None,
    note: Note = lambda _event, _by, _details: None,
    renew: Renew | None = None,
    seal: Seal | None = None,
) -> Uplink:
    """Everything that sends records up; ``seal`` seals what it keeps of pictures meanwhile.

    Raises SyncUnavailable with the remedy.
    """
    if importlib.util.find_spec("zstandard") is None:
        raise SyncUnavailable(
            "[sync] needs the library zstandard: pip install 'banksman[sync]', or enabled = false"
        )
    config = loaded.config
    settings, node, url = config.sync, config.node.id, config.cloud.url or ""
    token = config.cloud.token_file

    def mono_s() -> float:
        return clock.mono_ns() / 1e9

    def hurry() -> None:
        schedule.again(BULK)
        uplink.try_anew()

    def hold(values: Mapping[str, float]) -> None:
        spending.limit(values["metered_hour_mb"], values["metered_day_mb"])
        schedule.limit({which: values[f"{which.name.lower()}_kbit"] for which in BULK}, mono_s())

    meter, schedule, table = LinkMeter(), Schedule(settings, mono_s()), settable(settings)
    spending = Spending(
        settings.metered_hour_mb,
        settings.metered_day_mb,
        clock.wall_ns,
        store.load_state,
        store.save_state,
    )
    token_file = None if token is None else loaded.folder / token
    transport = Transport(url, mono_s, token_file=token_file, tls=tls)
    courier = Courier(transport, meter, node, clock, mono_s, spending.spend)
    orders = deeds(desk, hurry, renew)
    beat = Beat(
        courier,
        _registration(loaded, clock, view, {"orders": list(orders), "settable": table}),
        _heartbeat(clock, store, view, desk, mono_s),
        partial(_reported, view, version("banksman")),
        OrderBook(node, clock, store.ids.next, orders, store.load_state, store.save_state, note),
        Shadow(node, store.ids.next, table, store.load_state, store.save_state, hold),
        settings.heartbeat_s,
        clock.wall_ns,
    )
    lane = None
    if pictures is not None:
        from banksman.vision.rungs import fitted

        going = Going(Path(config.store.folder) / "going", seal)
        lane = PictureLane(courier, node, pictures, going, clock, fitted)
    uplink = Uplink(
        Parts(
            outbox=store,
            transport=transport,
            courier=courier,
            meter=meter,
            policy=Policy(settings, unreliable=store.stretched > 1.0),
            standing=Standing(mono_s()),
            bulk=Bulk(store, schedule, Thinning(settings), clock.wall_ns),
            prober=Prober.of(settings),
            beat=beat,
            watch=LinkWatch([link.rule() for link in config.links]),
            asking=asking,
            spending=spending,
            alarms=alarms,
            mono_s=mono_s,
            peer=urlsplit(url).hostname or "",
            pictures=lane,
            thinned=ThinnedTally(store.load_state, store.save_state),
        )
    )
    return uplink


class Shown(msgspec.Struct, frozen=True):
    """How this box shows its endpoint who it is: ``tls`` of now, and what looks after it."""

    tls: Callable[[], ssl.SSLContext | None]
    status: Callable[[], IdentityStatus]
    join: Callable[[Sender], None]  # who sends by it
    jobs: Mapping[str, Callable[[], Coroutine[None, None, None]]] = {}
    renew: Renew | None = None  # before it is due


async def show_identity(loaded: LoadedConfig, clock: Clock, alarms: AlarmSignal) -> Shown:
    """Load the box's certificate where an HTTPS endpoint asks for one."""
    config = loaded.config
    if config.cloud.url is None or not config.cloud.url.startswith("https://"):
        return Shown(lambda: None, IdentityStatus, lambda _sender: None)
    keeper = CertificateKeeper(
        config.identity_file(),
        config.cloud.url,
        config.node.id,
        alarms,
        wall_s=lambda: clock.wall_ns() / 1e9,
        mono_s=lambda: clock.mono_ns() / 1e9,
    )
    await asyncio.to_thread(keeper.load)
    return Shown(
        keeper.context, keeper.status, keeper.join, {"certificate": keeper.run}, keeper.renew_now
    )


def decided(view: View) -> int:
    """How many decisions were made since the start."""
    counters = view.newest.counters
    names = ("decisions_local", "decisions_cloud", "decisions_safe_default")
    return sum(counters.get(name, 0) for name in names)


def _registration(
    loaded: LoadedConfig, clock: Clock, view: View, takes: Mapping[str, Any]
) -> Callable[[], Registration]:
    """Who this box is and what it may be told. The board is read once: it does not change."""
    board = read_board(Tree(), [path for path in sys.path if Path(path).is_absolute()])
    hardware: dict[str, Any] = msgspec.to_builtins(board)
    capabilities: dict[str, Any] = msgspec.to_builtins(capabilities_of(board))
    capabilities |= msgspec.to_builtins(takes)
    started_wall_ns, release = clock.wall_ns(), version("banksman")
    node = loaded.config.node
    devices = [
        {
            "id": device.id,
            "driver": device.driver,
            "label": device.label,
            # Another unit is another start: the endpoint hears of it before the first number.
            "units": {offer.name: offer.unit for offer in device.sensor_offers()},
        }
        for device in loaded.config.devices
    ]

    def make() -> Registration:
        return Registration(
            node=node.id,
            site=node.site,
            location=node.location,
            version=release,
            mode=view.newest.mode,
            started_wall_ns=started_wall_ns,
            hardware=hardware,
            capabilities=capabilities,
            devices=devices,
        )

    return make


def _heartbeat(
    clock: Clock, store: Store, view: View, desk: Desk, mono_s: Callable[[], float]
) -> Callable[[LinkReport, int], Heartbeat]:
    begun_s = mono_s()

    def make(link: LinkReport, shadow_version: int) -> Heartbeat:
        snapshot, readiness, kept = view.newest, desk.readiness(), store.status()
        return Heartbeat(
            node=snapshot.node,
            wall_ns=clock.wall_ns(),
            mono_ns=clock.mono_ns(),
            boot_id=clock.boot_id,
            mode=snapshot.mode,
            ready=readiness.ready,
            uptime_s=mono_s() - begun_s,
            summary="; ".join(readiness.reasons)[:500],
            outbox={which.name.lower(): n for which, n in store.rows_owed("cloud").items()},
            behind=store.readings_owed("cloud"),
            dropped=dict(kept.dropped),
            alarms_active=sum(alarm.active for alarm in desk.alarms()),
            latched=[trip.name for trip in snapshot.trips if trip.latched],
            link=link,
            shadow_version=shadow_version,
        )

    return make


def _reported(view: View, release: str) -> Mapping[str, Any]:
    """The state that the shadow shows; what changes often belongs into the heartbeat.

    ``release`` is handed in: to ask the installed package for it reads and parses a file, and this
    is asked for several times a second.
    """
    snapshot = view.newest
    return {
        "mode": snapshot.mode,
        "rules_version": snapshot.rules_version,
        "version": release,
        "latched": sorted(trip.name for trip in snapshot.trips if trip.latched),
        # A fault is no number of its own here: what it is stands in its alarm.
        **{f"device.{one.id}": "faulty" if one.fault else one.state for one in snapshot.devices},
    }
