"""What telemetry needs of the store, as a contract. All calls come from the main loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from banksman.wire.messages import AlarmMessage


class Row(Protocol):
    """One message of the outbox; ``payload`` is its JSON, ``kind`` its topic's last word."""

    @property
    def row_id(self) -> int:
        """The store's number of it."""

    @property
    def kind(self) -> str:
        """decision, alarm or audit."""

    @property
    def payload(self) -> bytes:
        """JSON with id and time."""


class ReadingsRow(Protocol):
    """One readings message; ``position`` grows with age."""

    @property
    def position(self) -> int:
        """Its place in the order of all readings."""

    @property
    def device(self) -> str:
        """Whose readings."""

    @property
    def payload(self) -> bytes:
        """JSON with id and time."""


class Backlog(Protocol):
    """The outbox and the readings, from the side of one channel.

    ``next_rows`` gives the oldest rows by priority, those again that are not acknowledged yet.
    """

    def listen(self, callback: Callable[[], None]) -> None:
        """Call back (from any thread) when there is something new."""

    async def next_rows(self, channel: str, limit: int) -> Sequence[Row]:
        """The first rows that this channel has not acknowledged, most urgent first."""

    async def acknowledge_rows(self, channel: str, row_ids: Sequence[int]) -> None:
        """These need not be sent again."""

    async def readings_after(
        self, channel: str, after: int | None, limit: int
    ) -> Sequence[ReadingsRow]:
        """Readings beyond a position, oldest first; None: beyond what was acknowledged."""

    async def acknowledge_readings(self, channel: str, position: int) -> None:
        """Everything up to this position need not be sent again."""


class Alarms(Protocol):
    """Who knows the alarms."""

    def active(self) -> tuple[AlarmMessage, ...]:
        """Alarms that hold or wait for a person, most urgent first."""
