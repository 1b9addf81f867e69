"""Machines without a plant, for `fake_page`: real judges on made-up readings and bursts.

The spindle learned its normal, then a spot on its outer race began to be struck and it gets worse;
the pump is still learning.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from banksman.clock import Clock
from banksman.config.schema_maintenance import MachineSettings
from banksman.errors import VersionRefused
from banksman.maintenance.attending import Word
from banksman.maintenance.hearing import Hearing
from banksman.maintenance.judging import Judge
from banksman.maintenance.levels import LEVELS
from banksman.maintenance.points import Told
from banksman.maintenance.showing import brief_of, shown_of
from banksman.maintenance.shown import MachineBrief, MachineShown, VersionShown
from banksman_drivers.ports import Burst, Quality

SPINDLE = MachineSettings.model_validate(
    {
        "id": "spindle", "label": "Press spindle", "learn_windows": 40, "settle_windows": 3,
        "slow": [
            {"sensor": "bearing.vibration", "floor": 0.05, "limit": 7.1},
            {"sensor": "plc.hydraulic_pressure", "floor": 0.5},
        ],
        "vibration": [{"sensor": "acc.x", "bearing": "6205"}],
        "speed_rpm": 1797, "group": 2, "foundation": "rigid",
    }
)  # fmt: skip
PUMP = MachineSettings.model_validate(
    {
        "id": "pump", "label": "Cooling pump", "learn_windows": 240,
        "slow": [{"sensor": "plc.hydraulic_pressure"}],
    }
)  # fmt: skip
UNITS = {"bearing.vibration": "mm/s", "plc.hydraulic_pressure": "bar"}
HEALTHY, WORN = 70, 50  # windows of a minute
RATE_HZ = 12_000.0
STRIKES_HZ = 107.4  # of a 6205's outer race at 1797 1/min
WINDOW_NS = 60_000_000_000

FORMER = VersionShown(1, 1_690_000_000.0, 1_699_000_000.0, "a part was replaced")


class FakeMachines:
    """Implements `web.ports.Machines`."""

    def __init__(self, clock: Clock) -> None:
        self.said: list[tuple[str, Word, str]] = []
        self.went_back: list[tuple[str, int, str]] = []
        self._clock = clock
        self._told: dict[str, Told] = {}

    def machines(self) -> Sequence[MachineBrief]:
        """Both."""
        return [self._brief(SPINDLE), self._brief(PUMP)]

    async def machine(self, name: str) -> MachineShown:
        """One. KeyError."""
        brief = self._brief({"spindle": SPINDLE, "pump": PUMP}[name])
        shown = shown_of(brief, self._told[name], UNITS)
        return msgspec.structs.replace(shown, versions=[FORMER], version=FORMER.number + 1)

    def say(self, name: str, word: Word, by: str) -> MachineBrief:
        """Learn anew. KeyError."""
        settings = {"spindle": SPINDLE, "pump": PUMP}[name]
        self.said.append((name, word, by))
        self._told[name] = _live(settings, 0, 1, self._clock.wall_ns())
        return self._brief(settings)

    async def go_back(self, name: str, number: int, by: str) -> MachineBrief:
        """To the only former one. KeyError, VersionRefused."""
        settings = {"spindle": SPINDLE, "pump": PUMP}[name]
        if number != FORMER.number:
            raise VersionRefused(f"normal {number} is not kept; kept are: {FORMER.number}")
        self.went_back.append((name, number, by))
        return self._brief(settings)

    def _brief(self, settings: MachineSettings) -> MachineBrief:
        if settings.id not in self._told:
            healthy, worn = (HEALTHY, WORN) if settings is SPINDLE else (33, 0)
            self._told[settings.id] = _live(settings, healthy, worn, self._clock.wall_ns())
        return brief_of(settings, self._told[settings.id], "", 0, 0)


def _live(settings: MachineSettings, healthy: int, worn: int, end_ns: int) -> Told:
    """So many windows of good life, and so many of wear."""
    judge, chance = Judge(settings), np.random.default_rng(7)
    hearings = [Hearing(settings, each) for each in settings.vibration]
    quiet = np.log(np.linspace(0.4, 0.1, LEVELS))
    for number in range(healthy + worn):
        wear = max(0, number - healthy) / WORN
        slow = {
            "bearing.vibration": 2.1 + 3.4 * wear + chance.normal(0, 0.06),
            "plc.hydraulic_pressure": 163.0 + chance.normal(0, 0.4),
        }
        slow = {each.sensor: slow[each.sensor] for each in settings.slow}
        heard = [quiet + 1.1 * wear + chance.normal(0, 0.02, LEVELS) for _ in hearings]
        wall_ns = end_ns - (healthy + worn - 1 - number) * WINDOW_NS
        judgement = judge.judge("loaded", slow, heard, wall_ns / 1e9)
    for hearing in hearings:
        for second in range(2):
            hearing.take(_burst(chance, 0.9 if worn > 1 else 0.0, second), None)
    told = tuple(hearing.newest for hearing in hearings if hearing.newest is not None)
    return Told(judgement, told, judge.normal.learned(), end_ns, False, judge.rows())


def _burst(chance: np.random.Generator, strength: float, second: int) -> Burst:
    """A second of a turning shaft in noise; ``strength`` of what the strikes ring at 3.2 kHz."""
    count = int(RATE_HZ)
    time_s = np.arange(count) / RATE_HZ
    samples = chance.normal(0, 0.05, count) + 0.06 * np.sin(2 * np.pi * 1797 / 60 * time_s)
    ring = np.exp(-np.arange(150) / 22) * np.sin(2 * np.pi * 3200 / RATE_HZ * np.arange(150))
    for strike in range(int(STRIKES_HZ) - 2):
        at = int((strike + chance.normal(0, 0.004)) * RATE_HZ / STRIKES_HZ) % (count - 150)
        samples[at : at + 150] += strength * ring
    mono_ns = (second + 1) * 2_000_000_000
    return Burst("acc.x", samples.astype(np.float32), RATE_HZ, "g", Quality.GOOD, mono_ns)
