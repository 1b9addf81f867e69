"""Makes the Snapshot: the control thread's state as immutable values for everyone else."""

from __future__ import annotations

from collections.abc import Sequence

from banksman.clock import Clock
from banksman.control.act import Act
from banksman.control.loop import ControlLoop
from banksman.control.pace import Pace
from banksman.control.snapshot import SensorView, Snapshot
from banksman.control.stream import Stream
from banksman_drivers.ports import Driver, Quality

RECENT_SHOWN = 50


def sensor_view(stream: Stream, label: str, now_ns: int) -> SensorView:
    """One sensor as people see it."""
    age_ns = now_ns - stream.good_mono_ns if stream.good_mono_ns else -1
    return SensorView(
        id=stream.sensor,
        label=label,
        unit=stream.unit,
        value=stream.value,
        quality=stream.quality.name.lower(),
        age_ms=age_ns / 1e6,
        stale=age_ns < 0 or age_ns > stream.stale_ns,
        mean=stream.mean,
        rate=stream.rate,
        score=stream.score,
        count=stream.count,
        text="" if stream.quality is Quality.BAD else stream.text,
    )


class View:
    """Publishes snapshots. ``newest`` is replaced by one assignment, which is atomic."""

    def __init__(
        self,
        node: str,
        clock: Clock,
        loop: ControlLoop,
        act: Act,
        drivers: Sequence[Driver],
    ) -> None:
        self._node = node
        self._clock = clock
        self._loop = loop
        self._act = act
        self._drivers = drivers
        self._labels = {info.id: info.label for driver in drivers for info in driver.sensors()}
        self.newest = Snapshot(
            mono_ns=clock.mono_ns(),
            wall_ns=clock.wall_ns(),
            mode=loop.interlock.mode,
            node=node,
            rules_version=loop.accounts.rules_version,
        )

    def publish(self, now_ns: int, pace: Pace) -> None:
        """Make the newest snapshot; called on the control thread."""
        loop = self._loop
        trips, permissives = loop.interlock.views()
        counters = {
            **loop.counters,
            **self._act.counters,
            "dropped_unknown_sensor": loop.streams.unknown,
        }
        self.newest = Snapshot(
            mono_ns=now_ns,
            wall_ns=self._clock.wall_ns(),
            mode=loop.interlock.mode,
            node=self._node,
            rules_version=loop.accounts.rules_version,
            sensors=tuple(
                sensor_view(stream, self._labels.get(sensor) or sensor, now_ns)
                for sensor, stream in loop.streams.streams.items()
            ),
            outputs=self._act.views(),
            devices=tuple(driver.health() for driver in self._drivers),
            trips=trips,
            permissives=permissives,
            recent=tuple(loop.accounts.recent)[-RECENT_SHOWN:],
            histograms={
                "decision_latency": loop.accounts.latency.view(),
                "actuation_latency": self._act.latency.view(),
                "loop_lateness": pace.lateness.view(),
            },
            counters=counters,
            late_culprit=pace.late_culprit,
            heartbeat=pace.ticks,
        )
