"""What the guard tells: its events and its state, as immutable values for any thread."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

# The order of enum event_kind in core.h.
EventKind = Literal[
    "opened",  # an e-stop input opened
    "closed",  # it closed and stayed so for its debounce time
    "unknown",  # it cannot be read: its writer died, or it sent garbage
    "pressed",  # the reset button, debounced
    "released",
    "tripped",  # the latch fell in; outputs went to their safe states
    "reset",  # the latch was cleared by the reset input's release
    "reset_refused",
    "discrepancy",  # the channels of a pair disagreed for too long
    "agreed",  # both were seen open again: neither contact is welded
    "lease_expired",  # nobody renewed: outputs went to their safe states
    "lease_renewed",
    "output_blocked",  # its reader does not read; tried again as soon as it does
    "output_failed",
    "output_written",  # after blocked or failed
]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)

# The order of enum counter in core.h.
COUNTERS = (
    "edges",
    "garbage_bytes",
    "edges_lost",
    "trips",
    "resets",
    "resets_refused",
    "leases_expired",
    "commands_refused",
    "toggles_missed",
    "writes",
    "writes_blocked",
    "writes_failed",
    "events_dropped",
    "wakes",
)


class CauseCode(enum.IntEnum):
    """Why the latch fell in (enum cause in core.h)."""

    NONE = 0
    OPEN = 1
    UNKNOWN = 2
    DISCREPANCY = 3
    COMMAND = 4
    RESTORED = 5


class SetResult(enum.IntEnum):
    """What became of a command to an output (enum result in core.h)."""

    PENDING = 0
    DONE = 1
    REFUSED_LATCHED = 2
    REFUSED_LEASE = 3
    NOT_WRITTEN = 4


class GuardEvent(msgspec.Struct, frozen=True, gc=False):
    """Something happened. ``name``: the input or output; ``text``: in words, for people."""

    kind: EventKind
    name: str
    text: str
    mono_ns: int


class GuardLatency(msgspec.Struct, frozen=True, gc=False):
    """Edge seen -> outputs written, of the trips since start. For GPIO from the kernel's edge."""

    count: int
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float


class GuardState(msgspec.Struct, frozen=True):
    """The guard as it last published itself.

    ``inputs``: True closed (a reset: pressed), False open, None unknown.
    ``outputs``: the level that is out, None where a write failed and it is unknown.
    ``commanded``: what was asked for; a toggling output is held while this differs from safe.
    """

    inputs: Mapping[str, bool | None]
    outputs: Mapping[str, bool | None]
    commanded: Mapping[str, bool]
    discrepant: tuple[str, ...]
    failing: Mapping[str, str]
    latched: bool
    cause: str
    lease_ok: bool
    realtime: bool
    realtime_message: str
    memory_locked: bool
    counters: Mapping[str, int]
    latency: GuardLatency
