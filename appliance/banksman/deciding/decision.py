"""The values of deciding: an Event in, a Verdict judged, a Decision recorded.

    Event --rules, model--> Verdict --stamped by the control loop--> Decision

All are immutable and know no clock: the control loop gives every time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

DecisionType = Literal[
    "forklift_navigation",
    "inventory_alert",
    "quality_control",
    "security_response",
    "process_control",
    "maintenance_advice",
]
Source = Literal["rule", "model", "combined", "cloud", "safe_default"]
Mode = Literal["observe", "armed"]

NO_ACTION = "none"


class Event(msgspec.Struct, frozen=True, gc=False):
    """Something to decide about: the inputs of one decision point at one instant.

    ``values`` stand in the order of ``names``, NaN where there is none. ``faults`` is None when
    every input may be used, otherwise one string per input: empty, or what is wrong with it
    ("stale for 2.1 s", "bad quality", "never read").
    """

    point: str
    type: DecisionType
    names: tuple[str, ...]
    values: Sequence[float]
    faults: Sequence[str] | None
    mono_ns: int


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What rules and model say about an event, with the reason in words."""

    action: str
    confidence: float
    source: Source
    reason: str
    rule: str | None = None
    model_version: str | None = None


class Decision(msgspec.Struct, frozen=True, gc=False):
    """A verdict with everything needed to understand and audit it later.

    ``latency_us`` runs from the arrival of the reading to the verdict. ``sync`` asks for early
    upload and ``review`` for a person's judgement; both follow from confidence and limits.
    """

    id: str
    node: str
    type: DecisionType
    point: str
    wall_ns: int
    mono_ns: int
    boot_id: str
    clock_quality: str
    latency_us: float
    action: str
    confidence: float
    source: Source
    reason: str
    inputs: Mapping[str, float]
    rules_version: str
    rule: str | None
    model_version: str | None
    sync: bool
    review: bool
    mode: Mode
