"""The loop's state as immutable values: the only way that state leaves the control thread.

A new Snapshot is published a few times a second by one attribute assignment, which is
atomic in CPython; readers on other threads keep whichever they took.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from banksman.deciding.decision import Decision, Mode
from banksman_drivers.ports import DeviceHealth, Value


class SensorView(msgspec.Struct, frozen=True, gc=False):
    """A sensor's newest reading; ``age_ms`` since it was taken, ``score`` 0..1.

    ``text`` is the newest that came with one: a scanned code.
    """

    id: str
    label: str
    unit: str
    value: float
    quality: str
    age_ms: float
    stale: bool
    mean: float
    rate: float
    score: float
    count: int
    text: str = ""


class OutputView(msgspec.Struct, frozen=True, gc=False):
    """An output: what was last confirmed, whether it is forced safe, and who supervises it."""

    id: str
    label: str
    value: Value | None
    safe: Value
    supervision: str
    run_permit: bool
    forced_by: str
    error: str
    writes: int


class TripView(msgspec.Struct, frozen=True, gc=False):
    """A trip of the interlock. ``causes`` hold now; ``cause`` is what latched it."""

    name: str
    kind: str
    label: str
    latched: bool
    cause: str
    causes: tuple[str, ...]
    reset_by: str
    outputs: tuple[str, ...]


class PermissiveView(msgspec.Struct, frozen=True, gc=False):
    """A condition that must hold before an output may leave its safe state."""

    output: str
    reason: str
    satisfied: bool


class HistogramView(msgspec.Struct, frozen=True, gc=False):
    """Cumulative counts per upper bound (seconds), Prometheus style; the last bound is +inf."""

    bounds_s: tuple[float, ...]
    counts: tuple[int, ...]
    sum_s: float
    count: int
    p50_s: float
    p99_s: float
    max_s: float


class Snapshot(msgspec.Struct, frozen=True):
    """Everything a person may want to see of the control loop."""

    mono_ns: int
    wall_ns: int
    mode: Mode
    node: str
    rules_version: str
    sensors: tuple[SensorView, ...] = ()
    outputs: tuple[OutputView, ...] = ()
    devices: tuple[DeviceHealth, ...] = ()
    trips: tuple[TripView, ...] = ()
    permissives: tuple[PermissiveView, ...] = ()
    recent: tuple[Decision, ...] = ()
    # name -> histogram: "decision_latency" (reading arrived -> verdict), "actuation_latency"
    # (reading arrived -> output confirmed), "loop_lateness", "lease_margin".
    histograms: Mapping[str, HistogramView] = {}
    # name -> count: batches, readings, decisions_<type>, decisions_local, decisions_cloud,
    # decisions_safe_default, commands, commands_refused, commands_failed, dropped_<what> …
    counters: Mapping[str, int] = {}
    late_culprit: str = ""
    heartbeat: int = 0
