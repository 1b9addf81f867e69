"""Builds the control thread's parts from a loaded config; names no concrete driver or backend."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from banksman.alarms import AlarmDesk
from banksman.clock import Clock
from banksman.config.load import LoadedConfig, reload_rules
from banksman.config.schema_deciding import ActionSettings, DecisionSettings
from banksman.control.act import Act
from banksman.control.devices import DeviceWatch
from banksman.control.following import of_losses
from banksman.control.interlock import (
    DISARMED,
    Condition,
    Interlock,
    PermissiveSpec,
    TripSpec,
)
from banksman.control.loop import ControlLoop
from banksman.control.nudge import Nudge
from banksman.control.pace import Culprit, Pace
from banksman.control.point import Action, Alert, PointSpec
from banksman.control.ports import CloudPort, RecordQueue
from banksman.control.stream import Stream, StreamTable, WatchedStream
from banksman.control.view import View
from banksman.control_thread import ControlThread
from banksman.deciding.cache import ScoreCache
from banksman.deciding.condition import Condition as Compiled
from banksman.deciding.condition import compile_condition
from banksman.deciding.decide import DecisionPoint, join_inputs
from banksman.deciding.decision import NO_ACTION
from banksman.deciding.rules import RuleBook
from banksman.deciding.wording import worded
from banksman.store.store import Store
from banksman.wire.messages import Priority
from banksman_drivers.ports import Burst, Driver, SensorInfo
from banksman_inference.ports import Model

LATCHES_KEY = "latched trips"
LATCHES_LOST = "a damaged database no longer says whether it was latched: look at the machine"


class Extras(msgspec.Struct, frozen=True):
    """What else the control thread's parts are joined to.

    ``watchers`` and ``burst_watchers``: sensor -> who is told (`WatchedStream`). ``judges``:
    device -> the version of the model that makes its readings. ``fed_by``: device -> the devices
    whose readings or pictures it lives on.
    """

    records: RecordQueue
    watchers: Mapping[str, Callable[[Stream], None]] = {}
    burst_watchers: Mapping[str, Callable[[Burst], None]] = {}
    judges: Mapping[str, Callable[[], str]] = {}
    fed_by: Mapping[str, frozenset[str]] = {}


class ControlParts:
    """The control thread and everything on it; models and cloud port are given."""

    def __init__(
        self,
        loaded: LoadedConfig,
        clock: Clock,
        store: Store,
        alarms: AlarmDesk,
        drivers: Sequence[Driver],
        latched: Mapping[str, str],
        models: Mapping[str, Model],
        cloud: CloudPort | None,
        extras: Extras | None = None,
    ) -> None:
        config = loaded.config
        self._loaded = loaded
        self._models = models
        sensors = [info for driver in drivers for info in driver.sensors()]
        extras = extras or Extras(store.records)
        self._judges = extras.judges
        self._labels = {info.id: info.label for info in sensors}
        table = StreamTable([_stream(info, extras) for info in sensors])
        interlock = Interlock(
            config.node.mode,
            [info for driver in drivers for info in driver.outputs()],
            self._trips(table, drivers),
            [
                PermissiveSpec(item.output, self._condition(compiled, table), item.reason)
                for item, compiled in zip(config.permissives, loaded.permissives, strict=True)
            ],
            latched,
        )
        act = self.act = Act(drivers, alarms, clock.mono_ns)
        culprit = Culprit()
        points, rules_version = self.reload()
        links = {device.id: link for device in config.devices if (link := device.link())}
        watch = DeviceWatch(drivers, act, alarms, of_losses(drivers, links, extras.fed_by))
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
            records=extras.records,
            alarms=alarms,
            latches=_Latches(store),
            cloud=cloud,
            next_id=store.ids.next,
            culprit=culprit,
            call_later=_call_later,
            look_at_devices=watch.look,
        )
        self.view = View(config.node.id, clock, self.loop, act, drivers)

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

    def disarm(self, why: str) -> None:
        """Put every output safe, or with an empty text let a person free them; any thread."""
        self.thread.post(lambda: self.loop.holding.disarm(why))

    def note(self, event: str, by: str, details: dict[str, str]) -> None:
        """Audit what a person did on the page; from any thread."""
        self.thread.post(lambda: self.loop.note_audit(event, by, details))

    def _point(self, item: DecisionSettings, book: RuleBook) -> PointSpec:
        deciding = self._loaded.config.deciding
        rules = book.for_point(item.name) if item.rules else None
        model = self._models[item.model] if item.model is not None else None
        devices = [name.partition(".")[0] for name in item.on]
        judge = next((device for device in devices if device in self._judges), None)
        # By its frame a decision finds its picture again.
        more = [] if judge is None else [f"{judge}.frame"]
        return PointSpec(
            point=DecisionPoint(
                name=item.name,
                type=item.type,
                inputs=join_inputs(rules, model, [*item.inputs, *more]),
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
            each=item.each,
            sure=item.confidence,
            version=self._judges[judge] if judge is not None else None,
        )

    def _flag(self, sensor: str, table: StreamTable) -> Condition:
        """The condition that a flag is set."""
        catalogue = self._loaded.inventory.catalogue
        return self._condition(compile_condition(f"{sensor} == 1", catalogue, "", sensor), table)

    def _condition(self, compiled: Compiled, table: StreamTable) -> Condition:
        catalogue = self._loaded.inventory.catalogue
        text = worded(compiled.text, catalogue, self._labels)
        names = tuple(worded(name, catalogue, self._labels) for name in compiled.inputs)
        return Condition(text, table.inputs(compiled.inputs), compiled, names)

    def _trips(self, table: StreamTable, drivers: Sequence[Driver]) -> list[TripSpec]:
        guards = [driver for driver in drivers if driver.id == "guard"]
        return [
            TripSpec(
                name=item.name,
                kind=item.kind,
                label=item.label,
                outputs=tuple(item.outputs),
                cause=(
                    self._condition(self._loaded.causes[item.name], table)
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
                guard_cause=(lambda: guards[0].health().message) if guards else None,
            )
            for item in self._loaded.config.trips
        ]


def _stream(info: SensorInfo, extras: Extras) -> Stream:
    watch, watch_burst = extras.watchers.get(info.id), extras.burst_watchers.get(info.id)
    if watch is not None or watch_burst is not None:
        return WatchedStream(info.id, info.unit, info.stale_ms, watch, watch_burst)
    return Stream(info.id, info.unit, info.stale_ms)


def _call_later(seconds: float, function: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, function)


class _Latches:
    """Keeps latched trips in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save_latches(self, latched: dict[str, str]) -> None:
        """Queue them; of several saves the last one stands."""
        self._store.save_state(LATCHES_KEY, msgspec.json.encode(latched))


def load_latches(store: Store, trips: Sequence[str]) -> dict[str, str]:
    """Name -> cause, of those of ``trips`` that were latched when the daemon last ran.

    Unknown means stopped: where the record is damaged, each of ``trips`` counts as latched.
    """
    saved = store.load_state(LATCHES_KEY)
    lost = dict.fromkeys(trips, LATCHES_LOST)
    if saved is None:
        return lost if store.state_lost else {}
    try:
        latched = msgspec.json.decode(saved, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return lost
    return {n: cause for n, cause in latched.items() if n in trips or n == DISARMED}


def _make_action(settings: ActionSettings) -> Action:
    alert, nudge = settings.alert, settings.nudge
    return Action(
        name=settings.name,
        writes=tuple((write.output, write.value) for write in settings.writes),
        trip=settings.trip,
        alert=Alert(alert.text, Priority[alert.priority.upper()]) if alert is not None else None,
        work_order=settings.work_order or "",
        nudge=(
            Nudge(
                nudge.output,
                nudge.reads,
                nudge.step,
                nudge.low,
                nudge.high,
                round(nudge.min_interval_s * 1e9),
            )
            if nudge is not None
            else None
        ),
    )
