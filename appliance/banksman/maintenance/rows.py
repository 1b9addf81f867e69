"""What of one machine is watched: one row for each thing that has a normal of its own. Pure.

Rules of this file
- A slow sensor has up to three rows: its level; its level for this time of day; and how far it is
  from what the other sensors let expect. The last two are NaN until day and others are known.
- A vibration sensor has a row for each of its levels (levels.py). Quieter than normal is worth a
  look at most (a loose sensor, an idle machine), and so is one band alone.

    rows  [ heat, amps | heat for this time of day, … | heat given the others, … | acc.x rms, … ]
            level        daily                          beyond                     heard
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from banksman.config.schema_maintenance import MachineSettings
from banksman.maintenance.deviation import Verdict
from banksman.maintenance.levels import BANDS, LEVEL_NAMES, LEVELS, LOUD

Kind = Literal["level", "daily", "beyond", "loud", "shape", "band"]

# 2.5 of it are a quarter more, the least change that ISO 20816-1 calls significant.
LOUDER_FLOOR = math.log(1.25) / 2.5


class Row(msgspec.Struct, frozen=True):
    """One row; ``floor`` is the least sigma that matters, in its unit."""

    name: str
    sensor: str
    kind: Kind
    floor: float


class RowTable:
    """The rows of one machine, in their order, and where each part of them lies."""

    def __init__(self, machine: MachineSettings) -> None:
        slow = machine.slow
        self.slow = [each.sensor for each in slow]
        self.heard = [each.sensor for each in machine.vibration]
        together = slow if len(slow) > 1 else []
        self.rows: tuple[Row, ...] = (
            *(Row(each.sensor, each.sensor, "level", each.floor) for each in slow),
            *(
                Row(f"{each.sensor} for this time of day", each.sensor, "daily", each.floor)
                for each in slow
            ),
            *(
                Row(f"{each.sensor} given the others", each.sensor, "beyond", each.floor)
                for each in together
            ),
            *(
                Row(f"{sensor} {level}", sensor, kind_of(level), LOUDER_FLOOR)
                for sensor in self.heard
                for level in LEVEL_NAMES
            ),
        )
        self.names = tuple(row.name for row in self.rows)
        count = len(slow)
        self.level = slice(0, count)
        self.daily = slice(count, 2 * count)
        self.beyond = slice(2 * count, 2 * count + len(together))
        self.vibration = slice(self.beyond.stop, len(self.rows))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def floors(self) -> npt.NDArray[np.float64]:
        """The least sigma of each row."""
        return np.array([row.floor for row in self.rows])

    @property
    def ceilings(self) -> npt.NDArray[np.int8]:
        """The most that each row may be called, (2, rows): above its normal, and below it."""
        above = [Verdict.WARNING if row.kind == "band" else Verdict.ALARM for row in self.rows]
        below = [
            Verdict.WARNING if row.kind in ("loud", "shape", "band") else Verdict.ALARM
            for row in self.rows
        ]
        return np.array([above, below], dtype=np.int8)

    @property
    def basic(self) -> npt.NDArray[np.bool_]:
        """Rows whose normal is learned from the first: the others wait for day and vectors."""
        return np.array([row.kind not in ("daily", "beyond") for row in self.rows], dtype=np.bool_)

    @property
    def early(self) -> npt.NDArray[np.bool_]:
        """Rows that may be judged before all is learned: vibration does not follow the day."""
        heard = [row.kind not in ("level", "daily", "beyond") for row in self.rows]
        return np.array(heard, dtype=np.bool_)

    def levels_heard(self, table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The vibration rows of (rows,) as (sensors, LEVELS)."""
        return table[self.vibration].reshape(len(self.heard), LEVELS)


def kind_of(level: str) -> Kind:
    """The kind of a vibration level."""
    if level in BANDS:
        return "band"
    return "loud" if level in LOUD else "shape"
