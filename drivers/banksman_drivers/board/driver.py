"""The board as an ordinary device, so that rules and alarms can use its state.

Rules of this file
- Files are read on a thread of its own, at a slow pace; the control loop only takes the numbers.
- A value that the board does not tell (the under-voltage of a PC) is BAD, and health says so; the
  device is lost when nothing at all can be read.
- It has no outputs and writes nothing.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from banksman_drivers.board.cpu import parse_meminfo
from banksman_drivers.board.state import cpu_temperature_c, read_supply, read_temperatures
from banksman_drivers.board.values import Supply
from banksman_drivers.bridge import Bridge
from banksman_drivers.condition import BadBeat, Condition
from banksman_drivers.file_tree import Tree
from banksman_drivers.points import judge, sensors_of
from banksman_drivers.ports import (
    Command,
    DeviceHealth,
    Driver,
    OutputInfo,
    Quality,
    Reading,
    SensorInfo,
    Sink,
    Ticks,
    Unsupported,
)
from banksman_drivers.settings.board import BoardPoint, BoardSettings

Values = tuple[float | None, ...]

MIB = 1 << 20


class BoardDriver(Driver):
    """This box. One look each ``poll_ms``."""

    def __init__(self, settings: BoardSettings, ticks: Ticks) -> None:
        self.id = settings.id
        self._settings = settings
        self._points = tuple(settings.board_points())
        self._ticks = ticks
        self._condition = Condition(settings.id, "board", ticks)

    def sensors(self) -> Sequence[SensorInfo]:
        """Every declared point, else the usual ones."""
        return sensors_of(self.id, self._points)

    def outputs(self) -> Sequence[OutputInfo]:
        """It has none."""
        return []

    def health(self) -> DeviceHealth:
        """The condition now."""
        return self._condition.health()

    async def apply(self, command: Command) -> None:
        """Raises Unsupported: the board takes no commands."""
        raise Unsupported(f"{self.id} is this board and has no output {command.output}")

    async def run(self, sink: Sink) -> None:
        """Look at the board at its pace; see the port."""
        beat = BadBeat(sink, self.sensors(), self._ticks)
        beat.arm()
        # Depth 1: an older look is worth nothing once there is a newer one.
        bridge: Bridge[Values] = Bridge(lambda values: self._take(values, sink, beat), depth=1)
        try:
            await bridge.run(self._look, f"board-{self.id}")
        finally:
            beat.stop()
            self._condition.say("starting", "not running")

    def _look(self, bridge: Bridge[Values]) -> None:
        """The thread: read, hand over, wait."""
        tree = Tree(Path(self._settings.root))
        while not bridge.stopping:
            bridge.put(read_points(tree, Path(self._settings.disk), self._points))
            bridge.wait(self._settings.poll_ms / 1e3)

    def _take(self, values: Values, sink: Sink, beat: BadBeat) -> None:
        """One look, on the control loop."""
        self._condition.requests += 1
        silent = [
            point.name for point, value in zip(self._points, values, strict=True) if value is None
        ]
        if len(silent) == len(values):
            was_lost = self._condition.lost
            self._condition.errors += 1
            told = f"{self.id}: nothing of {', '.join(silent)} can be read under "
            self._condition.say("lost", told + self._settings.root)
            if not was_lost:  # else it beats already
                beat.start()
            return
        beat.stop()
        remark = f"; this board does not tell {', '.join(silent)}" if silent else ""
        self._condition.say("connected", f"connected{remark}")
        now = self._ticks.mono_ns()
        batch = []
        for point, value in zip(self._points, values, strict=True):
            shown = math.nan if value is None else value
            quality = judge(point, shown, shown)
            shown = math.nan if quality is Quality.BAD else shown
            batch.append(Reading(f"{self.id}.{point.name}", shown, point.unit, quality, now))
        sink.readings(batch)


def read_points(tree: Tree, disk: Path, points: Sequence[BoardPoint]) -> Values:
    """One look: the points' values, None for what is not told. Reads files; never raises."""
    wanted = {point.value for point in points}
    supply = read_supply(tree) if wanted & {"undervoltage", "throttled"} else Supply()
    found: dict[str, float | bool | None] = {
        "undervoltage": supply.undervoltage,
        "throttled": supply.throttled,
    }
    if "cpu_temperature" in wanted:
        found["cpu_temperature"] = cpu_temperature_c(read_temperatures(tree))
    if "memory_free" in wanted:
        found["memory_free"] = parse_meminfo(tree.text("proc/meminfo") or "").free_mib
    if "disk_free" in wanted:
        found["disk_free"] = _disk_free_mib(disk)
    values: list[float | None] = []
    for point in points:
        number = found.get(point.value)
        if point.value == "file" and point.path is not None:
            raw = tree.number(point.path)
            number = None if raw is None else raw * point.scale
        values.append(None if number is None else float(number))
    return tuple(values)


def _disk_free_mib(disk: Path) -> float | None:
    """What an ordinary program may still write there."""
    try:
        state = os.statvfs(disk)
    except (OSError, ValueError):
        return None
    return state.f_bavail * state.f_frsize / MIB
