"""Builds the watches of machines, and lets them listen to the sensors of other devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from banksman.alarms import AlarmDesk
from banksman.clock import Clock
from banksman.config.schema import Config
from banksman.control.stream import Stream
from banksman.control_parts import Extras
from banksman.maintenance.normals import NormalBook
from banksman.maintenance.ringing import CHATTER_WINDOWS, alarm_keys
from banksman.maintenance.shelf import RunShelf
from banksman.maintenance.turns import Turns
from banksman.maintenance.watch import Watch
from banksman.store.store import Store
from banksman_drivers.ports import Burst

T = TypeVar("T")


def make_watches(config: Config, clock: Clock, store: Store, alarms: AlarmDesk) -> list[Watch]:
    """A watch for each ``[[machine]]``, with what it had learned before."""
    turns = Turns()
    shelves: dict[str, RunShelf] = {}
    watches = []
    for machine in config.machines:
        kind = machine.kind or machine.id
        if kind not in shelves:
            runs = f"runs of {kind}"
            shelves[kind] = RunShelf(kind, _keeper(store, runs), store.load_state(runs))
        key = f"baselines of {machine.id}"
        save, saved = _keeper(store, key), store.load_state(key)
        former = f"normals of {machine.id}"
        normals = NormalBook(_keeper(store, former), store.load_state(former))
        for alarm in alarm_keys(machine.id):
            alarms.pace(alarm, CHATTER_WINDOWS * machine.window_s)
        shelf = shelves[kind]
        watches.append(Watch(machine, clock, alarms, save, saved, shelf, turns, normals))
    return watches


def _keeper(store: Store, key: str) -> Callable[[bytes], None]:
    return lambda value: store.save_state(key, value)


def let_listen(watches: Sequence[Watch], extras: Extras) -> Extras:
    """``extras`` with these listeners beside those that it has."""
    readings: dict[str, list[Callable[[Stream], None]]] = {
        sensor: [listener] for sensor, listener in extras.watchers.items()
    }
    bursts: dict[str, list[Callable[[Burst], None]]] = {
        sensor: [listener] for sensor, listener in extras.burst_watchers.items()
    }
    for watch in watches:
        for sensor in watch.listens_to():
            readings.setdefault(sensor, []).append(watch.on_reading)
        for sensor in watch.bursts_from():
            bursts.setdefault(sensor, []).append(watch.on_burst)
    fed_by = {
        watch.id: frozenset(
            name.partition(".")[0] for name in (*watch.listens_to(), *watch.bursts_from())
        )
        for watch in watches
    }
    return msgspec.structs.replace(
        extras,
        watchers=_joined(readings),
        burst_watchers=_joined(bursts),
        fed_by={**extras.fed_by, **fed_by},
    )


def _joined(listeners: Mapping[str, list[Callable[[T], None]]]) -> dict[str, Callable[[T], None]]:
    return {sensor: _each(listed) for sensor, listed in listeners.items()}


def _each(listeners: Sequence[Callable[[T], None]]) -> Callable[[T], None]:
    def tell(news: T) -> None:
        for listener in listeners:
            listener(news)

    return listeners[0] if len(listeners) == 1 else tell
