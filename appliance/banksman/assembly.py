"""The only place that builds and names things: config in, a daemon's parts out.

Rules of this file
- `assembly_models` alone names the backends, `assembly_drivers` alone the drivers.
- Built in the order in which things need each other; nothing is started here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import ssl
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from banksman.alarms import AlarmDesk
from banksman.assembly_drivers import make_drivers
from banksman.assembly_sync import decided, make_uplink, show_identity
from banksman.clock import Clock
from banksman.clock_watch import watch_clock
from banksman.config.load import LoadedConfig
from banksman.config.schema import Config
from banksman.control.interlock import DISARMED_LABEL, told_as
from banksman.control.snapshot import Snapshot
from banksman.control_parts import ControlParts, Extras, load_latches
from banksman.control_thread import ControlThread
from banksman.daemon import Parts, Service
from banksman.desk import Desk
from banksman.errors import NotArmable
from banksman.guard_news import GuardNews
from banksman.logs import log_alarm
from banksman.security.accounts import Accounts
from banksman.status import SyncHistory, SyncStatus, Versions
from banksman.store.given_up import GivenUpBook
from banksman.store.sealing import Seal, load_seal
from banksman.store.store import Store
from banksman.store.watch import StoreWatch
from banksman.sync.cloud_port import HttpCloudPort
from banksman.sync.pictures import PictureSource
from banksman.sync.policy import Asking
from banksman.telemetry.mqtt import Telemetry
from banksman.telemetry.webhook import Webhooks
from banksman.web.operating import Note
from banksman.web.ports import Machines, Quality
from banksman.web.server import WebServer
from banksman.wire.messages import Priority
from banksman_drivers.board.read import board_name
from banksman_drivers.file_tree import Tree
from banksman_drivers.guard.available import why_not_available
from banksman_drivers.ports import Driver
from banksman_inference.ports import Model
from banksman_watchdog.systemd import SystemdNotify, watchdog_timeout_s

if TYPE_CHECKING:
    from banksman_inference.crash_watch import CrashWatch

log = logging.getLogger(__name__)

SETTLE_S = 30.0
SHELVES_S = 2.0


async def assemble(loaded: LoadedConfig, clock: Clock) -> Parts:
    """Build every part. Raises NotArmable, StoreError, or an error of a driver with its remedy."""
    config = loaded.config
    folder = Path(config.store.folder)
    # A row is owed to every channel, so a box without a broker must owe it to none.
    channels = ["mqtt"] if config.mqtt.host is not None else []
    syncs = config.sync.enabled and config.cloud.url is not None
    if syncs:
        channels.append("cloud")
    seal = load_seal(os.environ)
    log.info("records on the disk: %s", seal.name or "not sealed, for there is no key")
    store = Store.open(config.store, config.node.id, clock, channels, seal)
    saved = load_latches(store, [trip.name for trip in config.trips])
    desk_alarms = AlarmDesk(config.node.id, clock, store.ids, store.put_alarm)
    desk_alarms.restore(await store.alarms())
    labels = {trip.name: trip.label for trip in config.trips}
    for trip, cause in saved.items():
        text = told_as(labels.get(trip, DISARMED_LABEL), cause)
        desk_alarms.raise_alarm(f"trip.{trip}", text, Priority.CRITICAL, trip)
    news = GuardNews(desk_alarms)
    drivers = make_drivers(config, clock, news.take, _estop_cause(config, saved))
    _refuse_unarmable(config, drivers)

    def note(event: str, by: str, details: dict[str, str]) -> None:
        core.note(event, by, details)

    crashes = _watch_crashes(config, folder, clock)
    vision = _make_vision(loaded, clock, store, drivers, note, desk_alarms, seal, crashes)
    drivers += vision.stations
    watched = _make_watches(config, clock, store, desk_alarms, vision.extras)
    drivers += watched.watches
    models, refusals = await asyncio.to_thread(_load_models, loaded, folder, crashes)
    for name, why in refusals.items():
        desk_alarms.raise_alarm(f"model.{name}", why, Priority.IMPORTANT, name)
    board = board_name(Tree())
    to_control = _Late()
    identity = await show_identity(loaded, clock, desk_alarms)
    cloud = _make_cloud(config, clock, to_control.post, identity.tls)
    extras = watched.extras
    core = ControlParts(loaded, clock, store, desk_alarms, drivers, saved, models, cloud, extras)
    news.act = core.act
    to_control.thread = core.thread
    webhooks = Webhooks(config.webhooks, clock)
    desk_alarms.listen(webhooks.put)
    desk_alarms.listen(log_alarm)
    for alarm in desk_alarms.active():
        # What waited for delivery died with the old process; receivers know repeats by their id.
        webhooks.put(alarm)
    telemetry = Telemetry(
        config.mqtt,
        config.node.id,
        store,
        desk_alarms,
        lambda: core.view.newest,
        clock,
        version("banksman"),
    )
    desk = Desk(
        view=core.view,
        thread=core.thread,
        loop=core.loop,
        store=store,
        alarms=desk_alarms,
        link=telemetry.status,
        versions=partial(_versions, models, board, version("banksman")),
        load_points=core.reload,
        mono_ns=clock.mono_ns,
        sync=lambda: uplink.status() if uplink is not None else SyncStatus(),
        identity=identity.status,
        sync_history=lambda at: uplink.history(at) if uplink is not None else SyncHistory(),
    )
    asking = Asking()
    uplink = (
        make_uplink(
            *(loaded, clock, store, core.view, desk, desk_alarms, asking, identity.tls),
            pictures=vision.pictures,
            note=core.note,
            renew=identity.renew,
            seal=seal,
        )
        if syncs
        else None
    )
    if uplink is None:
        store.stretch(1.0)  # nobody measures a link, so nobody would ever ask for less again
    if cloud is not None and uplink is not None:
        cloud.way = uplink
        cloud.may_ask = lambda: asking.may_ask(decided(core.view))
    server = WebServer(
        config.web,
        desk,
        Accounts(folder, clock, _announce),
        clock,
        folder,
        site=config.node.site,
        note=core.note,
        quality=vision.quality,
        machines=watched.desk(lambda: core.view.newest, core.note),
        announce=_announce,
    )
    jobs: dict[str, Callable[[], Coroutine[None, None, None]]] = {
        "alarms": lambda: _keep_alarms(desk_alarms),
        "clock": lambda: watch_clock(clock, core.note),
        **vision.jobs,
        **identity.jobs,
        "store": StoreWatch(
            *(store.status, config.store, desk_alarms, core.disarm),
            GivenUpBook(
                *(store.load_state, store.save_state, clock.wall_ns, core.note),
                thinned=lambda: desk.sync_status().readings_thinned,
            ),
        ).run,
    }
    if config.mqtt.host is not None:
        jobs["telemetry"] = telemetry.run
    if config.webhooks:
        jobs["webhooks"] = webhooks.run
    if cloud is not None:
        jobs["cloud"] = cloud.run
    if uplink is not None:
        jobs["sync"] = uplink.run
        identity.join(uplink)
    return Parts(
        node=config.node.id,
        clock=clock,
        store=store,
        thread=core.thread,
        view=core.view,
        desk=desk,
        alarms=desk_alarms,
        notify=SystemdNotify(),
        watchdog_s=watchdog_timeout_s(os.environ, os.getpid()),
        services=[*vision.services, server],
        jobs=jobs,
    )


async def _keep_alarms(alarms: AlarmDesk) -> None:
    """Clear restored alarms whose condition nobody has seen again; end shelves and chatter."""
    restored_until_s = asyncio.get_running_loop().time() + SETTLE_S
    settled = False
    while True:
        await asyncio.sleep(SHELVES_S)
        alarms.elapse()
        if not settled and asyncio.get_running_loop().time() >= restored_until_s:
            alarms.settle()
            settled = True


def _estop_cause(config: Config, latched: Mapping[str, str]) -> str:
    """Why the guard must start latched, or empty."""
    causes = [
        latched[trip.name] for trip in config.trips if trip.kind == "estop" and trip.name in latched
    ]
    return causes[0] if causes else ""


def _refuse_unarmable(config: Config, drivers: Sequence[Driver]) -> None:
    """Armed mode with real outputs needs the native guard."""
    why = why_not_available()
    real = [info.id for driver in drivers for info in driver.outputs() if info.real]
    if config.node.mode == "armed" and real and why is not None:
        raise NotArmable(
            f'armed mode is refused: {why}. Until then set mode = "observe" under [node]'
        )


def _watch_crashes(config: Config, folder: Path, clock: Clock) -> CrashWatch | None:
    """A box without models and inspections is spared the import, and keeps its own stacks."""
    if not config.models and not config.inspections:
        return None
    from banksman.assembly_models import watch_crashes

    return watch_crashes(folder, clock.wall_ns())


def _load_models(
    loaded: LoadedConfig, folder: Path, crashes: CrashWatch | None
) -> tuple[dict[str, Model], dict[str, str]]:
    """The models of decision points by name, and why some of them were refused."""
    settings = loaded.config.models
    refusals: dict[str, str] = {}
    if not settings:
        return {}, refusals
    from banksman.assembly_models import ModelLoader, this_board

    tell, board = refusals.__setitem__, this_board()
    with ModelLoader(loaded.folder, folder, tell, board, crashes) as loader:
        return {item.name: loader.model(item) for item in settings}, refusals


class _VisionParts(msgspec.Struct, frozen=True):
    """Visual quality control as the rest of the daemon meets it."""

    extras: Extras
    stations: Sequence[Driver] = ()
    quality: Quality | None = None
    pictures: PictureSource | None = None
    services: Sequence[Service] = ()
    jobs: Mapping[str, Callable[[], Coroutine[None, None, None]]] = {}


def _make_vision(
    loaded: LoadedConfig,
    clock: Clock,
    store: Store,
    drivers: Sequence[Driver],
    note: Note,
    alarms: AlarmDesk,
    seal: Seal,
    crashes: CrashWatch | None,
) -> _VisionParts:
    """A box without an ``[[inspection]]`` is spared the import."""
    if not loaded.config.inspections:
        return _VisionParts(Extras(store.records))
    from banksman.assembly_vision import Vision

    vision = Vision(loaded, clock, store, drivers, note, alarms, seal, crashes)
    return _VisionParts(
        vision.extras(store.records),
        tuple(vision.stations.values()),
        vision.desk,
        vision.uploads,
        [vision],
        {"vision": vision.run},
    )


class _Watched(msgspec.Struct, frozen=True):
    """The machines that are watched, as the rest of the daemon meets them."""

    extras: Extras
    watches: Sequence[Driver] = ()
    desk: Callable[[Callable[[], Snapshot], Note], Machines | None] = lambda _snapshot, _note: None


def _make_watches(
    config: Config, clock: Clock, store: Store, alarms: AlarmDesk, extras: Extras
) -> _Watched:
    """A box without a ``[[machine]]`` is spared the import."""
    if not config.machines:
        return _Watched(extras)
    from banksman.assembly_maintenance import let_listen, make_watches
    from banksman.maintenance.desk import MachineDesk

    watches = make_watches(config, clock, store, alarms)
    return _Watched(
        let_listen(watches, extras),
        watches,
        lambda snapshot, note: MachineDesk(watches, snapshot, note),
    )


def _make_cloud(
    config: Config,
    clock: Clock,
    to_control: Callable[[Callable[[], None]], None],
    tls: Callable[[], ssl.SSLContext | None],
) -> HttpCloudPort | None:
    if config.cloud.url is None:
        return None
    return HttpCloudPort(config.cloud, config.node.id, clock, to_control, tls)


def _announce(line: str) -> None:
    """Print on the console only: the setup code must not reach a log that leaves the box."""
    print(line, file=sys.stderr, flush=True)


def _versions(models: Mapping[str, Model], board: str, release: str, rules: str) -> Versions:
    return Versions(
        banksman=release,
        python=platform.python_version(),
        rules=rules,
        guard=why_not_available() or "native",
        models={model.id: model.version for model in models.values()},
        board=board,
    )


class _Late:
    """Posts to a control thread that is built after those who post to it."""

    def __init__(self) -> None:
        self.thread: ControlThread | None = None

    def post(self, function: Callable[[], None]) -> None:
        """Run it on the control thread soon."""
        if self.thread is not None:
            self.thread.post(function)
