"""What the control loop needs of the rest of the daemon, as contracts.

The loop knows no disk, no network and no clock; assembly hands it these. Every call returns
at once and never raises; what cannot be taken is counted by the one who drops it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from banksman.deciding.decision import Decision, Event, Verdict
from banksman.wire.messages import Priority
from banksman_drivers.ports import Reading


class Follows(msgspec.Struct, frozen=True):
    """The keys of alarms that this one may follow from, and how long it may outlast them.

    ``beside``: keys of alarms that have one cause with this one if both turn up together.
    """

    keys: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    within_s: float = 10.0


NOTHING = Follows()


class AlarmSignal(Protocol):
    """Where the loop raises and clears conditions that people must know of (any thread)."""

    def raise_alarm(
        self, key: str, text: str, priority: Priority, cause: str, follows: Follows = NOTHING
    ) -> None:
        """The condition ``key`` holds; repeats count up and do not ring again.

        What follows from another alarm that holds is told under it and rings nobody.
        """

    def clear_alarm(self, key: str) -> None:
        """The condition ``key`` holds no more."""


class RecordQueue(Protocol):
    """The bounded queue in front of the store (control thread only)."""

    def put_readings(self, device: str, batch: Sequence[Reading]) -> None:
        """Keep one poll's readings."""

    def put_decision(self, decision: Decision, priority: Priority) -> None:
        """Keep a decision, durably at once."""

    def put_audit(self, event: str, by: str, details: dict[str, str]) -> None:
        """Keep what a person or the interlock did, durably at once."""


class LatchStore(Protocol):
    """Remembers latched trips over restarts."""

    def save_latches(self, latched: dict[str, str]) -> None:
        """Persist trip name -> cause; durable soon, order kept. Returns at once."""


class CloudPort(Protocol):
    """Asks the cloud for a decision. Lives on the main loop; ``ask`` is called from control."""

    def up(self) -> bool:
        """Whether the link is believed up, so that asking is worth the wait."""

    def ask(self, event: Event, actions: Sequence[str], deadline_ms: float, reply: Reply) -> None:
        """Send the question. ``reply`` is called once, on the control thread, unless too late."""


class Reply(Protocol):
    """Takes the cloud's verdict on the control thread; None when it failed."""

    def __call__(self, verdict: Verdict | None) -> None:
        """Take it."""
