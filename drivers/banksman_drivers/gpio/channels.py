"""What the lines of a chip mean: contacts, counters, belts, stations. Pure.

Rules of this file
- A channel takes edges (``edge``) and levels that were read (``look``) of its lines, by their place
  among its ``lines``, and gives its sensors' values.
- What it is told as ``high`` is the wire's level; which level means what is the channel's business.
- ``edge`` and ``settle`` answer whether something changed that must be told at once.
- A value is a number and whether it is doubtful. Nothing here is BAD: lines that cannot be read
  are the session's business, which then tells nothing and calls ``forget``.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence

from banksman_drivers.gpio.debounce import Debounce
from banksman_drivers.gpio.parts import PartTracker
from banksman_drivers.gpio.quadrature import Quadrature
from banksman_drivers.settings.gpio import (
    GpioCounter,
    GpioEncoder,
    GpioPoint,
    GpioSettings,
    GpioStation,
    Pull,
)

Value = tuple[float, bool]


class Channel(abc.ABC):
    """One thing that is wired to lines, or follows from others. ``due_ns``: see Debounce."""

    lines: tuple[int, ...] = ()
    pull: Pull = "none"

    @property
    def dropped(self) -> int:
        """What it could not keep, for want of room."""
        return 0

    @property
    def due_ns(self) -> int | None:
        """When `settle` has something to say."""
        return None

    def edge(self, place: int, high: bool, at_ns: int) -> bool:  # noqa: ARG002  no lines, no edges
        """Take an edge of the line at ``place``; True if it is to be told at once."""
        return False

    def look(self, levels: Sequence[bool], now_ns: int) -> bool:  # noqa: ARG002  as above
        """Take the levels of all its lines; True if that changed something."""
        return False

    def settle(self, now_ns: int) -> bool:  # noqa: ARG002  only contacts bounce
        """A debounce window may have ended; True if that changed something."""
        return False

    def forget(self) -> None:  # noqa: B027  what has no lines knows nothing of them
        """The chip was lost: the next levels are first ones."""

    @abc.abstractmethod
    def values(self, now_ns: int) -> list[Value]:
        """Its sensors' values."""


class OneLine(Channel):
    """What hangs on a single debounced line."""

    def __init__(self, settings: GpioPoint | GpioCounter) -> None:
        self.lines = (settings.line,)
        self.pull = settings.pull
        self._active = settings.active == "high"
        self._debounce = Debounce(int(settings.debounce_ms * 1e6))

    @property
    def due_ns(self) -> int | None:
        """When a debounce window ends."""
        return self._debounce.due_ns

    def edge(self, place: int, high: bool, at_ns: int) -> bool:  # noqa: ARG002  it has one line
        """See Channel."""
        return self._debounce.tell(high == self._active, at_ns) and self.turned()

    def look(self, levels: Sequence[bool], now_ns: int) -> bool:
        """See Channel."""
        return self.edge(0, levels[0], now_ns)

    def settle(self, now_ns: int) -> bool:
        """See Channel."""
        return self._debounce.settle(now_ns) and self.turned()

    def forget(self) -> None:
        """See Channel."""
        self._debounce.forget()

    @property
    def active(self) -> bool:
        """The believed level; False before any is known."""
        return bool(self._debounce.level)

    @abc.abstractmethod
    def turned(self) -> bool:
        """The line became active, or ceased to be; True if that is to be told at once."""


class Contact(OneLine):
    """A flag. Its ``stations`` learn of each time it becomes active."""

    def __init__(self, settings: GpioPoint) -> None:
        super().__init__(settings)
        self.stations: list[Station] = []

    def turned(self) -> bool:
        """A part has come to an eye, perhaps; told at once in any case."""
        if self.active:
            for station in self.stations:
                station.see()
        return True

    def values(self, now_ns: int) -> list[Value]:  # noqa: ARG002  a level has no age
        """1 while active."""
        return [(float(self.active), False)]


class Counter(OneLine):
    """Pulses. The first level is none; the count outlives a lost chip, not a restart."""

    def __init__(self, settings: GpioCounter) -> None:
        super().__init__(settings)
        self._settings = settings
        self._pulses = 0

    def turned(self) -> bool:
        """A pulse begins or ends; told with the next report."""
        self._pulses += self.active
        return False

    def values(self, now_ns: int) -> list[Value]:  # noqa: ARG002  a count has no age
        """The scaled count."""
        return [(self._pulses * self._settings.scale + self._settings.offset, False)]


class Belt(Channel):
    """An encoder; its stations follow it."""

    def __init__(self, settings: GpioEncoder) -> None:
        self.lines = (settings.line_a, settings.line_b)
        self.pull = settings.pull
        self.stations: list[Station] = []
        self._mm = settings.mm_per_count
        self._quadrature = Quadrature()
        self._doubted = False  # edges were missed since the values were last told

    @property
    def position_mm(self) -> float:
        """Where the belt is, from wherever it was at the start."""
        return self._quadrature.count * self._mm

    def edge(self, place: int, high: bool, at_ns: int) -> bool:
        """See Channel."""
        missed = self._quadrature.missed
        moved = self._quadrature.edge(place, high, at_ns)
        if self._quadrature.missed != missed:
            self._doubt()
        urgent = False
        if moved:
            position_mm = self.position_mm
            for station in self.stations:
                urgent = station.move(position_mm) or urgent
        return urgent

    def look(self, levels: Sequence[bool], now_ns: int) -> bool:
        """See Channel."""
        if not self._quadrature.look((levels[0], levels[1]), now_ns):
            return False
        self._doubt()
        return True

    def forget(self) -> None:
        """See Channel."""
        self._quadrature.forget()
        self._doubt()

    def values(self, now_ns: int) -> list[Value]:
        """Position, speed, direction, missed edges."""
        quadrature = self._quadrature
        turn = -1 if self._mm < 0 else 1
        position = (self.position_mm, self._doubted)
        self._doubted = False
        return [
            position,
            (quadrature.counts_per_s(now_ns) * self._mm, False),
            (float(quadrature.direction(now_ns) * turn), False),
            (float(quadrature.missed), False),
        ]

    def _doubt(self) -> None:
        self._doubted = True
        for station in self.stations:
            station.tracker.doubt()


class Station(Channel):
    """A place down a belt; it has no line of its own."""

    def __init__(self, settings: GpioStation, belt: Belt) -> None:
        self.tracker = PartTracker(settings.distance_mm, settings.length_mm)
        self._belt = belt
        self._here: Value = (0.0, False)

    @property
    def dropped(self) -> int:
        """Parts that were too many between eye and station."""
        return self.tracker.dropped

    def see(self) -> None:
        """The eye saw a part."""
        self.tracker.see(self._belt.position_mm)

    def move(self, position_mm: float) -> bool:
        """The belt moved; True if a part came or went."""
        self.tracker.move(position_mm)
        present, doubtful = self.tracker.at_station(position_mm)
        before, self._here = self._here, (float(present), doubtful)
        return before[0] != self._here[0]

    def values(self, now_ns: int) -> list[Value]:  # noqa: ARG002  it follows the belt, not the time
        """1 while a part is there."""
        self.move(self._belt.position_mm)
        return [self._here]


def make_channels(settings: GpioSettings) -> list[Channel]:
    """The device's channels, in the order of its sensors."""
    belts = {encoder.name: Belt(encoder) for encoder in settings.encoders}
    contacts = {point.name: Contact(point) for point in settings.points}
    stations = [_station(each, belts, contacts) for each in settings.stations]
    counters = [Counter(counter) for counter in settings.counters]
    return [*counters, *belts.values(), *contacts.values(), *stations]


def _station(
    settings: GpioStation, belts: Mapping[str, Belt], contacts: Mapping[str, Contact]
) -> Station:
    belt = belts[settings.encoder]
    station = Station(settings, belt)
    belt.stations.append(station)
    contacts[settings.eye].stations.append(station)
    return station
