"""How often healthy streams ring anybody: the shipped chain with default settings, in made time.

As the daemon wires it (attending.py, watch.py): readings at 1 Hz, vectors of a tenth of a window to
`Judge.vector`, the window's medians to `Judge.judge`, its judgement to `Ringing`. Every ring
counts: warning, alarm, change, fault; what the desk holds back of it (chatter, shelving) is not
taken off. Machines of 64 sensors, worked through by as many processes as there are cores.

- ``healthy_rings``: rings an hour of 5 000 healthy streams together, in the hours after they have
  learned with default settings; kinds of noise by turns, machine by machine. Scaled up from the
  streams that are simulated.
- ``healthy_rings_KIND``: the same, had all 5 000 been of this kind: where it comes from.
- ``shifted_found``: the share of these machines that ring "act now" within half an hour after one
  stream shifts for good by 1.6 times its healthy range and 5 sigmas: who rings nobody is no good.

    gaussian, heavy (t of 2.5), minute and slow (autocorrelated with 60 s and 20 min), quantised,
    daily (a sine of the day, 8 sigmas)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.config.schema_maintenance import MachineSettings
from banksman.control.ports import NOTHING, Follows
from banksman.maintenance.judging import WINDOW_VECTORS, Judge
from banksman.maintenance.ringing import Ringing
from banksman.wire.messages import Priority
from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.pressure import REST_S, Pressure, loaded_note

Floats = npt.NDArray[np.float64]

KINDS = ("gaussian", "heavy", "minute", "slow", "quantised", "daily")
STREAMS = 5_000
SENSORS_EACH = 64
MACHINES_EACH, QUICK_MACHINES_EACH = 4, 1  # of each kind
# What hours of the day and the other sensors let expect is judged from the second day after on.
COUNTED_H, QUICK_COUNTED_H = 60, 1
SHIFT_WINDOWS = 30
DAY_S = 86_400.0
MEMORY_S = {"minute": 60.0, "slow": 1_200.0}
DAILY_SIGMAS = 8.0
START_S = 1_700_000_000.0
SEED = 11


class Rung(msgspec.Struct, frozen=True):
    """One ring, as the desk is told of it."""

    key: str
    text: str
    priority: Priority
    cause: str
    follows: Follows


class Rings:
    """The alarm desk's place: keeps what rings."""

    def __init__(self) -> None:
        self.rung: list[Rung] = []

    def raise_alarm(
        self, key: str, text: str, priority: Priority, cause: str, follows: Follows = NOTHING
    ) -> None:
        """Somebody is rung."""
        self.rung.append(Rung(key, text, priority, cause, follows))

    def reword_alarm(self, key: str, text: str) -> None:
        """Rings nobody."""

    def clear_alarm(self, key: str) -> None:
        """Rings nobody."""

    @property
    def urgent(self) -> int:
        """How many said "act now"."""
        return sum(each.priority is Priority.CRITICAL for each in self.rung)

    def by_what(self) -> Counter[str]:
        """How many of each: a verdict, a change, a fault."""
        names = (each.key.split(".", 2) for each in self.rung)
        return Counter(parts[2] if len(parts) > 2 else "verdict" for parts in names)


class Healthy:
    """Readings of the healthy sensors of one machine, all of one kind, second by second."""

    def __init__(self, kind: str, sensors: int, random: np.random.Generator) -> None:
        self._kind = kind
        self._random = random
        self._phase = random.uniform(0.0, 2.0 * np.pi, sensors)
        self._slow = random.standard_normal(sensors)

    def next(self, wall_s: float, seconds: int) -> Floats:
        """The readings from ``wall_s`` on, (seconds, sensors)."""
        shape = (seconds, len(self._phase))
        if self._kind == "heavy":
            return self._random.standard_t(2.5, shape)
        values = self._random.standard_normal(shape)
        if self._kind in MEMORY_S:
            return self._remembered(values, MEMORY_S[self._kind])
        if self._kind == "quantised":
            return np.round(values)
        if self._kind == "daily":
            turn = 2.0 * np.pi * (wall_s + np.arange(seconds)) / DAY_S
            return values + DAILY_SIGMAS * np.sin(turn[:, None] + self._phase)
        return values

    def _remembered(self, steps: Floats, memory_s: float) -> Floats:
        kept = np.exp(-1.0 / memory_s)
        steps *= np.sqrt(1.0 - kept * kept)
        for second, step in enumerate(steps):
            self._slow = steps[second] = kept * self._slow + step
        return steps


class Chain:
    """One machine from reading to ring, with nothing set but its sensors."""

    def __init__(self, kind: str, number: int) -> None:
        # A quantised sensor's resolution is what its floor is for: half a step.
        floor = {"floor": 0.5} if kind == "quantised" else {}
        names = [f"{kind}{number}.s{place}" for place in range(SENSORS_EACH)]
        self.settings = MachineSettings.model_validate(
            {"id": f"{kind}{number}", "slow": [{"sensor": name, **floor} for name in names]}
        )
        self.rings = Rings()
        self.wall_s = START_S
        self._names = names
        self._source = Healthy(kind, SENSORS_EACH, np.random.default_rng([SEED, number]))
        self._judge = Judge(self.settings)
        self._ringing = Ringing(self.settings.id, self.settings.id, self.rings)

    def window(self, shift: Floats | float = 0.0) -> Floats:
        """One window: judged and told. Returns its levels, (sensors,)."""
        window_s = self.settings.window_s
        values = self._source.next(self.wall_s, round(window_s)) + shift
        for vector in _medians(values.reshape(WINDOW_VECTORS, -1, SENSORS_EACH)):
            self.wall_s += window_s / WINDOW_VECTORS
            self._judge.vector("loaded", vector, self.wall_s)
        level = _medians(values[None])[0]
        slow = dict(zip(self._names, level.tolist(), strict=True))
        self._ringing.tell(self._judge.judge("loaded", slow, [], self.wall_s))
        return np.asarray(level)

    def shifted_found(self, usual: Floats) -> bool:
        """Whether it rings "act now" after one of its streams has shifted for good."""
        shift = np.zeros(SENSORS_EACH)
        first = usual[:, 0]
        sigma = 1.4826 * np.median(np.abs(first - np.median(first)))
        shift[0] = 1.6 * np.ptp(first) + 5.0 * max(sigma, self.settings.slow[0].floor)
        before = self.rings.urgent
        for _ in range(SHIFT_WINDOWS):
            self.window(shift)
        return self.rings.urgent > before


def _medians(parts: Floats) -> Floats:
    """Of an even number of readings each: (parts, readings, sensors) to (parts, sensors)."""
    ordered = np.sort(parts, axis=1)
    half = parts.shape[1] // 2
    return np.asarray(0.5 * (ordered[:, half - 1] + ordered[:, half]))


class Counted(msgspec.Struct, frozen=True):
    """What some machines rang."""

    machines: int
    stream_hours: float
    told: Counter[str]
    found: int

    @property
    def rings(self) -> int:
        """Of any kind."""
        return self.told.total()

    @property
    def per_hour(self) -> float:
        """Rings an hour of STREAMS streams."""
        return self.rings / self.stream_hours * STREAMS


def together(parts: Sequence[Counted]) -> Counted:
    """Their sums."""
    return Counted(
        sum(each.machines for each in parts),
        sum(each.stream_hours for each in parts),
        sum((each.told for each in parts), Counter()),
        sum(each.found for each in parts),
    )


def measure(context: Context) -> list[Figure]:
    """Rings an hour of all kinds together and of each."""
    machines = QUICK_MACHINES_EACH if context.quick else MACHINES_EACH
    hours = QUICK_COUNTED_H if context.quick else COUNTED_H
    streams = machines * len(KINDS) * SENSORS_EACH
    context.say(f"maintenance.healthy: {streams} streams, learned by default, then {hours} h")
    resting, loaded = Pressure(), Pressure()
    resting.rest(REST_S)
    places = [(kind, number) for kind in KINDS for number in range(machines)]
    with loaded, ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        asked = [pool.submit(counted, kind, number, hours) for kind, number in places]
        parts = [each.result() for each in asked]
    kinds = {
        kind: together(
            [part for place, part in zip(places, parts, strict=True) if place[0] == kind]
        )
        for kind in KINDS
    }
    every = together(parts)
    told = ", ".join(f"{what} {count}" for what, count in sorted(every.told.items())) or "none"
    figures = [
        figure(
            "maintenance.healthy_rings", "1/h", [every.per_hour], direction="lower",
            n=round(every.stream_hours), pressure_pct=resting.pct, target=Target("value", 6.0),
            note=f"{STREAMS} streams together; in {every.stream_hours:g} stream-hours: {told};"
            f" {loaded_note(loaded.pct)}",
        ),
        figure(
            "maintenance.healthy_shifted_found", "%", [100.0 * every.found / every.machines],
            direction="higher", n=every.machines, pressure_pct=resting.pct,
            target=Target("value", 99.0),
            note="of the same machines, one stream shifted for good: act now within half an hour",
        ),
    ]  # fmt: skip
    figures += [
        figure(
            f"maintenance.healthy_rings_{kind}", "1/h", [each.per_hour], direction="lower",
            n=round(each.stream_hours), pressure_pct=resting.pct,
            note=f"were all {STREAMS} of this kind; {each.rings} rings",
        )
        for kind, each in kinds.items()
    ]  # fmt: skip
    return figures


def counted(kind: str, number: int, hours: int) -> Counted:
    """What one machine of a kind rings in the hours after it has learned."""
    chain = Chain(kind, number)
    settings = chain.settings
    learned = settings.settle_windows + settings.learn_windows
    usual = np.stack([chain.window() for _ in range(learned)])
    chain.rings.rung.clear()
    for _ in range(round(hours * 3600.0 / settings.window_s)):
        chain.window()
    rings = chain.rings.by_what()
    found = chain.shifted_found(usual)
    return Counted(1, hours * SENSORS_EACH, rings, int(found))
