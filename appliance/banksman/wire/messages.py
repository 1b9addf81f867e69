"""The messages that leave the box: one contract for broker, cloud and page.

Rules of this file
- It imports nothing of ours, so device and cloud share it and cannot drift.
- Fields may be added with a default; none is renamed, retyped or removed.
- Every message has an id ``node-epoch-sequence`` that a repeat keeps, so replays are
  idempotent. The epoch grows by one at each start of the daemon.
- Times: ``wall_ns`` since 1970 UTC and ``mono_ns`` since the boot named by ``boot_id``.
"""

from __future__ import annotations

import enum
from typing import Literal

import msgspec


class Priority(enum.IntEnum):
    """Who goes first over a thin link; CRITICAL is never shed."""

    CRITICAL = 0
    IMPORTANT = 1
    NORMAL = 2
    BACKGROUND = 3


class ReadingsMessage(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The readings of one poll of one device. ``values`` holds null for a BAD reading.

    ``quality`` names only the points that are not GOOD, ``texts`` those whose value stands for
    words (a scanned code).
    """

    id: str
    node: str
    device: str
    wall_ns: int
    mono_ns: int
    boot_id: str
    values: dict[str, float | None]
    quality: dict[str, Literal["bad", "uncertain"]] = {}
    texts: dict[str, str] = {}


class PointSummary(msgspec.Struct, frozen=True, gc=False):
    """A point over an interval: how many good numbers it had, between what, and their mean.

    ``bad`` counts messages without a good number. Without any the rest is null.
    """

    count: int
    bad: int
    least: float | None
    most: float | None
    mean: float | None


class ReadingsSummary(msgspec.Struct, frozen=True):
    """Old readings of one device, thinned for a thin link: an interval of wall time.

    It stands for ``messages`` ReadingsMessages with ids from ``id`` to ``last_id``.
    """

    id: str
    last_id: str
    node: str
    device: str
    wall_ns: int
    until_ns: int
    boot_id: str
    messages: int
    points: dict[str, PointSummary]


class DecisionMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One decision with its reason in words. See ``banksman.deciding.decision.Decision``."""

    id: str
    node: str
    type: str
    point: str
    wall_ns: int
    mono_ns: int
    boot_id: str
    clock_quality: str
    latency_us: float
    action: str
    confidence: float
    source: str
    reason: str
    inputs: dict[str, float | None]
    rules_version: str
    rule: str | None = None
    model_version: str | None = None
    sync: bool = False
    review: bool = False
    mode: str = "observe"


# An alarm whose key begins so is a work order: it holds until a person says done.
WORK_ORDERS = "work_order."


class AlarmMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """An alarm's newest state: raised, acknowledged, cleared.

    ``acknowledged``: it waits for no person, since one has seen it or it is ``under`` another.
    """

    id: str
    node: str
    key: str
    text: str
    priority: Priority
    active: bool
    acknowledged: bool
    wall_ns: int
    mono_ns: int
    boot_id: str
    cause: str = ""
    by: str = ""
    raised_wall_ns: int = 0
    count: int = 1
    shelved_until_wall_ns: int = 0  # 0: not shelved
    under: str = ""  # the key of the alarm that it follows from; empty: it stands for itself


class AuditMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something a person or the daemon did that must stay traceable: reset, reload, arm, login."""

    id: str
    node: str
    event: str
    by: str
    wall_ns: int
    mono_ns: int
    boot_id: str
    details: dict[str, str] = {}


class AskMessage(msgspec.Struct, frozen=True):
    """A question to the cloud: what shall be done about this event?"""

    id: str
    node: str
    type: str
    point: str
    wall_ns: int
    deadline_ms: float
    inputs: dict[str, float | None]
    actions: list[str]


class AnswerMessage(msgspec.Struct, frozen=True):
    """The cloud's answer; ``action`` is one of the asked-for actions."""

    id: str
    action: str
    confidence: float
    reason: str
    model_version: str | None = None
