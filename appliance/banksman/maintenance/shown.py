"""A machine as page, API and command line see it: values only, made by showing.py.

Rules of this file
- What is not known is NaN here and null in JSON; a latest hour that is null is "never".
- It imports little: a box without a machine describes its API, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from banksman.maintenance.degradation import Crossing
from banksman.maintenance.findings import Finding
from banksman.maintenance.iso20816 import Severity


class MachineBrief(msgspec.Struct, frozen=True):
    """One machine at a glance. ``verdict``: unknown, normal, warning or alarm.

    ``blind``: no sensor gave anything in the newest window, and what is said is older than it.
    ``hours`` left with their 80 % interval; null: unknown, and ``hours_reason`` says why.
    ``bursts_dropped`` gave way to newer ones; ``bursts_skipped`` were bad, too short or flawed.
    ``since_s``: when it left its normal. ``change``: what its slow sensors just did together.
    ``growth`` of its vibration for good, 0.5 being half as loud again. ``hours_run`` since new;
    ``runs`` of its kind until they failed are known.
    """

    id: str
    label: str
    condition: str
    wall_ns: int | None
    state: str | None
    verdict: str
    what: str
    sigmas: float
    score: float
    scored: str
    learned: float
    blind: bool
    fault: str
    fault_certainty: str
    fault_confidence: float
    zone: str
    hours: float | None
    hours_low: float
    hours_high: float
    hours_reason: str
    bursts_dropped: int
    bursts_skipped: int
    since_s: float = math.nan
    change: str = ""
    growth: float = 0.0
    hours_run: float = 0.0
    runs: int = 0


class FlawShown(msgspec.Struct, frozen=True):
    """What is wrong with samples, and what may not be concluded from them."""

    kind: str
    forbids: Sequence[str]
    reason: str


class SpectrumShown(msgspec.Struct, frozen=True):
    """Point k is the highest line up to (k + 1) * ``step_hz``."""

    step_hz: float
    values: Sequence[float]


class EnvelopeDrawn(msgspec.Struct, frozen=True):
    """How strongly the band from ``low_hz`` to ``high_hz`` pulsates, over the noise beside it."""

    low_hz: float
    high_hz: float
    spectrum: SpectrumShown


class SensorShown(msgspec.Struct, frozen=True):
    """One vibration sensor. ``finding.peaks`` are the lines that its name rests on.

    ``speed_told``: where ``shaft_hz`` is from. ``first``: the newest burst's first 50 lines, each
    alone.
    """

    sensor: str
    unit: str
    words: str
    finding: Finding
    severity: Severity
    flaws: Sequence[FlawShown]
    shaft_hz: float | None
    speed_told: str
    first: SpectrumShown
    spectrum: SpectrumShown
    envelope: EnvelopeDrawn | None


class RowShown(msgspec.Struct, frozen=True):
    """One of the things that are watched: how far it is from its normal, the ``version``-th."""

    name: str
    verdict: str
    sigmas: float
    version: int


class TrendShown(msgspec.Struct, frozen=True):
    """The newest windows of one row: its band, its limit and when that would be reached.

    ``low`` to ``high``: what lasts beyond is an alarm. ``forecast`` counts from the last point.
    """

    name: str
    state: str
    unit: str
    wall_ms: Sequence[float]
    levels: Sequence[float]
    low: float
    centre: float
    high: float
    limit: float | None
    forecast: Crossing | None


class VersionShown(msgspec.Struct, frozen=True):
    """A former normal that is kept; seconds since 1970, ``why`` it ended in words."""

    number: int
    began_s: float
    ended_s: float
    why: str


class MachineShown(msgspec.Struct, frozen=True):
    """Everything of one machine; ``version``: of its normal, ``versions``: former ones."""

    brief: MachineBrief
    sensors: Sequence[SensorShown]
    rows: Sequence[RowShown]
    trends: Sequence[TrendShown]
    version: int = 1
    version_since_s: float | None = None
    versions: Sequence[VersionShown] = ()
