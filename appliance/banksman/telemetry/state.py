"""Which newest values are worth a message: report by exception. Pure.

Rules of this file
- A sensor is told when its quality or text changes, when a flag flips, or when its value has left
  the dead band around what was told last (so a slow drift is seen too).
- Nothing is kept for later: after a broken link, `forget` makes everything worth telling anew,
  and what is told then is the newest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from banksman.control.snapshot import SensorView, Snapshot
from banksman.wire.messages import AlarmMessage

DEAD_BAND = 0.001  # of the value told last: a thousandth, below what plots show
_encode = msgspec.json.Encoder().encode


class StateMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """The newest value of one sensor; null while there is none."""

    value: float | None
    quality: str
    unit: str
    wall_ns: int
    stale: bool = False
    text: str = ""


class NodeState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The newest mode, e-stop or alarm state of the node; ``text`` says it in words."""

    value: str | int
    wall_ns: int
    text: str = ""


class StateReport:
    """Remembers what was told last."""

    def __init__(self) -> None:
        self._sensors: dict[str, tuple[float, str, bool, str]] = {}
        self._node: dict[str, tuple[str | int, str]] = {}

    def forget(self) -> None:
        """Nothing has been told: the next `changes` are everything."""
        self._sensors.clear()
        self._node.clear()

    def changes(
        self, snapshot: Snapshot, alarms: Sequence[AlarmMessage]
    ) -> Iterator[tuple[str, bytes]]:
        """(name, JSON) of everything that has changed enough. Taken means told."""
        for sensor in snapshot.sensors:
            if self._moved(sensor):
                yield sensor.id, _sensor_json(sensor, snapshot.wall_ns)
        for name, value, text in _node_states(snapshot, alarms):
            if self._node.get(name) != (value, text):
                self._node[name] = (value, text)
                yield name, _encode(NodeState(value, snapshot.wall_ns, text))

    def untell(self, name: str) -> None:
        """It was not sent after all: tell its newest value next time."""
        self._sensors.pop(name, None)
        self._node.pop(name, None)

    def _moved(self, sensor: SensorView) -> bool:
        now = (sensor.value, sensor.quality, sensor.stale, sensor.text)
        told = self._sensors.get(sensor.id)
        if told is not None and told[1:] == now[1:] and not _left_band(told[0], now[0]):
            return False
        self._sensors[sensor.id] = now
        return True


def _left_band(told: float, now: float) -> bool:
    if math.isfinite(told) and math.isfinite(now):
        return abs(now - told) > abs(told) * DEAD_BAND
    return math.isfinite(told) != math.isfinite(now)


def _sensor_json(sensor: SensorView, wall_ns: int) -> bytes:
    usable = math.isfinite(sensor.value) and sensor.quality != "bad"
    return _encode(
        StateMessage(
            value=sensor.value if usable else None,
            quality=sensor.quality,
            unit=sensor.unit,
            wall_ns=wall_ns - _age_ns(sensor.age_ms),
            stale=sensor.stale,
            text=sensor.text,
        )
    )


def _age_ns(age_ms: float) -> int:
    return round(age_ms * 1e6) if math.isfinite(age_ms) else 0


def _node_states(
    snapshot: Snapshot, alarms: Sequence[AlarmMessage]
) -> Iterator[tuple[str, str | int, str]]:
    yield "mode", snapshot.mode, ""
    stops = [trip for trip in snapshot.trips if trip.kind == "estop" and trip.latched]
    yield "estop", "tripped" if stops else "clear", "; ".join(trip.cause for trip in stops)
    own = [alarm for alarm in alarms if not alarm.under]
    yield "alarms", len(own), own[0].text if own else ""
