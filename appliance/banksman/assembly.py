"""The only place that builds and names things: config in, a daemon's parts out.

Rules of this file
- No other file names a concrete driver or backend.
- Built in the order in which things need each other; nothing is started here.
- In observe mode the guard watches its inputs and opens no output at all.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from banksman.alarms import AlarmDesk
from banksman.clock import Clock
from banksman.config.load import LoadedConfig, reload_rules
from banksman.config.schema import ActionSettings, Config, DecisionSettings, ModelSettings
from banksman.control.act import Act
from banksman.control.devices import DeviceWatch
from banksman.control.interlock import Condition, Interlock, PermissiveSpec, TripSpec
from banksman.control.loop import ControlLoop
from banksman.control.pace import Culprit, Pace
from banksman.control.point import Action, Alert, PointSpec
from banksman.control.stream import Stream, StreamTable
from banksman.control.view import View
from banksman.control_thread import ControlThread
from banksman.daemon import Parts
from banksman.deciding.cache import ScoreCache
from banksman.deciding.condition import Condition as Compiled
from banksman.deciding.condition import compile_condition
from banksman.deciding.decide import DecisionPoint, join_inputs
from banksman.deciding.decision import NO_ACTION
from banksman.deciding.rules import RuleBook
from banksman.desk import Desk
from banksman.errors import NotArmable
from banksman.security.accounts import Accounts
from banksman.status import Versions
from banksman.store.store import Store
from banksman.sync.cloud_port import HttpCloudPort
from banksman.telemetry.mqtt import Telemetry
from banksman.telemetry.webhook import Webhooks
from banksman.web.server import WebServer
from banksman.wire.messages import Priority
from banksman_drivers.fake.device import FakeDriver
from banksman_drivers.guard.available import why_not_available
from banksman_drivers.guard.driver import GuardDriver
from banksman_drivers.guard.values import GuardEvent
from banksman_drivers.modbus import ModbusTcpDriver
from banksman_drivers.ports import Driver
from banksman_drivers.replay import ReplayDriver
from banksman_drivers.settings import (
    DeviceSettings,
    FakeSettings,
    ModbusTcpSettings,
    ReplaySettings,
)
from banksman_drivers.vda5050 import Vda5050Driver
from banksman_inference.fake import FakeModel
from banksman_inference.numpy_head import NumpyHead
from banksman_inference.ports import Model
from banksman_watchdog.systemd import SystemdNotify, watchdog_timeout_s

log = logging.getLogger(__name__)

LATCHES_KEY = "latched trips"
QUIET_EVENTS = frozenset({"lease_renewed", "closed", "pressed", "released"})
# Alarms of these kinds tell of the process itself, so they end with it.
OF_THE_PROCESS = frozenset({"job", "driver", "output", "watchdog"})


async def assemble(loaded: LoadedConfig, clock: Clock) -> Parts:
    """Build every part. Raises NotArmable, StoreError, or an error of a driver with its remedy."""
    config = loaded.config
    folder = Path(config.store.folder)
    store = Store.open(config.store, config.node.id, clock)
    saved = _load_latches(store)
    desk_alarms = AlarmDesk(config.node.id, clock, store.ids, store.put_alarm)
    desk_alarms.restore(await store.alarms())
    _clear_outlived(desk_alarms, saved)
    drivers = make_drivers(config, clock, latched_estop=_estop_cause(config, saved))
    _refuse_unarmable(config, drivers)
    core = _Core(loaded, clock, store, desk_alarms, drivers, saved)
    webhooks = Webhooks(config.webhooks, clock)
    desk_alarms.listen(webhooks.put)
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
        versions=core.versions,
        load_points=core.reload,
        mono_ns=clock.mono_ns,
    )
    server = WebServer(
        config.web,
        desk,
        Accounts(folder, clock, _announce),
        clock,
        folder,
        site=config.node.site,
        note=core.note,
        announce=_announce,
    )
    jobs: dict[str, Callable[[], Coroutine[None, None, None]]] = {}
    if config.mqtt.host is not None:
        jobs["telemetry"] = telemetry.run
    if config.webhooks:
        jobs["webhooks"] = webhooks.run
    if core.cloud is not None:
        jobs["cloud"] = core.cloud.run
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
        services=[server],
        jobs=jobs,
    )


def make_drivers(config: Config, clock: Clock, *, latched_estop: str = "") -> list[Driver]:
    """A driver for each device and the guard. ``latched_estop`` restores the guard's latch."""
    drivers: list[Driver] = []
    if config.guard is not None:
        settings = config.guard
        if config.node.mode == "observe":
            settings = settings.model_copy(update={"outputs": []})
        drivers.append(GuardDriver(settings, clock, _log_guard, bool(latched_estop), latched_estop))
    drivers += [_make_driver(device, clock) for device in config.devices]
    return drivers


def _make_driver(settings: DeviceSettings, clock: Clock) -> Driver:
    if isinstance(settings, ModbusTcpSettings):
        return ModbusTcpDriver(settings, clock)
    if isinstance(settings, ReplaySettings):
        return ReplayDriver(settings, clock)
    if isinstance(settings, FakeSettings):
        return FakeDriver(settings, clock)
    return Vda5050Driver(settings, clock, clock.wall_ns)


class _Core:
    """The control thread and everything on it."""

    def __init__(
        self,
        loaded: LoadedConfig,
        clock: Clock,
        store: Store,
        alarms: AlarmDesk,
        drivers: Sequence[Driver],
        latched: Mapping[str, str],
    ) -> None:
        config = loaded.config
        self._loaded = loaded
        self._store = store
        self._models = {model.name: _make_model(model, loaded.folder) for model in config.models}
        sensors = [info for driver in drivers for info in driver.sensors()]
        table = StreamTable([Stream(info.id, info.unit, info.stale_ms) for info in sensors])
        interlock = Interlock(
            config.node.mode,
            [info for driver in drivers for info in driver.outputs()],
            self._trips(table),
            [
                PermissiveSpec(item.output, _condition(compiled, table), item.reason)
                for item, compiled in zip(config.permissives, loaded.permissives, strict=True)
            ],
            latched,
        )
        act = Act(drivers, alarms, clock.mono_ns)
        culprit = Culprit()
        self.cloud = _make_cloud(config, clock, self._post)
        points, rules_version = self.reload()
        self.loop = ControlLoop(
            node=config.node.id,
            clock=clock,
            streams=table,
            interlock=interlock,
            act=act,
            points=points,
            actions={action.name: _make_action(action) for action in config.actions},
            rules_version=rules_version,
            cache=ScoreCache(
                config.deciding.cache_entries,
                config.deciding.cache_ttl_s,
                config.deciding.cache_digits,
            ),
            record_every_ns=round(config.deciding.record_every_s * 1e9),
            records=store.records,
            alarms=alarms,
            latches=_Latches(store),
            cloud=self.cloud,
            next_id=store.ids.next,
            culprit=culprit,
        )
        self.view = View(config.node.id, clock, self.loop, act, drivers)
        watch = DeviceWatch(drivers, act, alarms)

        def tick(now_ns: int) -> None:
            watch.look()
            self.loop.tick(now_ns)

        pace = Pace(clock.mono_ns, tick, lambda now_ns: self.view.publish(now_ns, pace), culprit)
        self.thread = ControlThread(
            self.loop, act, pace, drivers, alarms, armed=config.node.mode == "armed"
        )

    def reload(self) -> tuple[Sequence[PointSpec], str]:
        """Read the rules file and make the decision points. Raises ConfigError."""
        config = self._loaded.config
        book = reload_rules(self._loaded)
        return [self._point(item, book) for item in config.decisions], book.version

    def versions(self, rules: str) -> Versions:
        """What runs here."""
        return Versions(
            banksman=version("banksman"),
            python=platform.python_version(),
            rules=rules,
            guard=why_not_available() or "native",
            models={model.id: model.version for model in self._models.values()},
        )

    def note(self, event: str, by: str, details: dict[str, str]) -> None:
        """Audit what a person did on the page; from any thread."""
        self._post(lambda: self.loop.note_audit(event, by, details))

    def _post(self, function: Callable[[], None]) -> None:
        self.thread.post(function)

    def _point(self, item: DecisionSettings, book: RuleBook) -> PointSpec:
        deciding = self._loaded.config.deciding
        rules = book.for_point(item.name) if item.rules else None
        model = self._models[item.model] if item.model is not None else None
        return PointSpec(
            point=DecisionPoint(
                name=item.name,
                type=item.type,
                inputs=join_inputs(rules, model, item.inputs),
                safe_action=item.safe_action,
                rules=rules,
                model=model,
                alarm_above=item.alarm_above,
                model_action=item.model_action or NO_ACTION,
                ask_cloud=item.ask_cloud,
                deadline_ms=item.deadline_ms,
                sync_below=deciding.sync_below,
                review_below=deciding.review_below,
            ),
            on=frozenset(item.on),
            priority=Priority[item.priority.upper()],
            min_interval_ns=round(item.min_interval_ms * 1e6),
        )

    def _flag(self, sensor: str, table: StreamTable) -> Condition:
        """The condition that a flag is set."""
        catalogue = self._loaded.inventory.catalogue
        return _condition(compile_condition(f"{sensor} == 1", catalogue, "", sensor), table)

    def _trips(self, table: StreamTable) -> list[TripSpec]:
        return [
            TripSpec(
                name=item.name,
                kind=item.kind,
                label=item.label,
                outputs=tuple(item.outputs),
                cause=(
                    _condition(self._loaded.causes[item.name], table)
                    if item.name in self._loaded.causes
                    else None
                ),
                guard_latch=(self._flag("guard.latched", table) if item.kind == "estop" else None),
                reset_input=(
                    self._flag(item.reset_input, table)
                    if item.reset_input and item.kind == "process"
                    else None
                ),
                reset_text=item.reset_input or "",
            )
            for item in self._loaded.config.trips
        ]


def _condition(compiled: Compiled, table: StreamTable) -> Condition:
    return Condition(compiled.text, table.inputs(compiled.inputs), compiled)


class _Latches:
    """Keeps latched trips in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save_latches(self, latched: dict[str, str]) -> None:
        """Queue them; of several saves the last one stands."""
        self._store.save_state(LATCHES_KEY, msgspec.json.encode(latched))


def _load_latches(store: Store) -> dict[str, str]:
    saved = store.load_state(LATCHES_KEY)
    return msgspec.json.decode(saved, type=dict[str, str]) if saved else {}


def _clear_outlived(alarms: AlarmDesk, latched: Mapping[str, str]) -> None:
    """Clear restored alarms whose condition ended with the old process."""
    for alarm in alarms.active():
        kind, _, name = alarm.key.partition(".")
        if kind in OF_THE_PROCESS or (kind == "trip" and name not in latched):
            alarms.clear_alarm(alarm.key)


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


def _make_model(settings: ModelSettings, folder: Path) -> Model:
    if settings.backend == "fake" or settings.file is None:
        return FakeModel(settings.name, settings.inputs)
    return NumpyHead(settings.name, settings.inputs, folder / settings.file)


def _make_action(settings: ActionSettings) -> Action:
    alert = settings.alert
    return Action(
        name=settings.name,
        writes=tuple((write.output, write.value) for write in settings.writes),
        trip=settings.trip,
        alert=Alert(alert.text, Priority[alert.priority.upper()]) if alert is not None else None,
    )


def _make_cloud(
    config: Config, clock: Clock, to_control: Callable[[Callable[[], None]], None]
) -> HttpCloudPort | None:
    if config.cloud.url is None:
        return None
    return HttpCloudPort(config.cloud, config.node.id, clock, to_control)


def _announce(line: str) -> None:
    """Print on the console only: the setup code must not reach a log that leaves the box."""
    print(line, file=sys.stderr, flush=True)


def _log_guard(event: GuardEvent) -> None:
    level = logging.INFO if event.kind in QUIET_EVENTS else logging.WARNING
    log.log(level, "guard: %s", event.text)
