"""Watches the store's condition: what people must know of becomes an alarm, and a box that cannot
record does not act.

Rules of this file
- `verdict` is pure: a status and the settings in, alarms out, by key.
- Where nothing that may go is left, or the memory that stands in for a refusing disk is half full
  of what is never shed, the outputs are put safe: the trip `store.full` latches over all of them.
  It is reset like any process trip, by a person, and only with room again. ADR 0009.
- An alarm is raised when its condition begins and cleared when it ends, never in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from banksman.config.schema_services import StoreSettings
from banksman.control.ports import AlarmSignal
from banksman.status import StoreStatus
from banksman.store.given_up import GivenUpBook, is_loss
from banksman.wire.messages import Priority

LOOK_S = 1.0
# Half of what the memory holds for rows that are never shed: the other half is for the stop itself.
PRECIOUS_MAX = 0.5
# What pauses this long is over: shedding, faults of a driver.
CALM_LOOKS = 600
CAUSE = "store"


class Condition(msgspec.Struct, frozen=True):
    """One that holds now."""

    text: str
    priority: Priority


def shed_rows(dropped: Mapping[str, int]) -> int:
    """How many records that nobody had acknowledged were given up for room or for their age."""
    return sum(count for what, count in dropped.items() if is_loss(what))


def unencodable(dropped: Mapping[str, int]) -> int:
    """How many records could not be written as what they are."""
    return sum(count for what, count in dropped.items() if what.endswith("_unencodable"))


def why_no_record(status: StoreStatus) -> str:
    """Why the box can record no more, or empty."""
    if status.full:
        return "the store is full of records that are never shed"
    if status.precious_in_memory >= PRECIOUS_MAX:
        return f"the disk takes no records and memory fills: {status.message}"
    return ""


def conditions(status: StoreStatus, settings: StoreSettings) -> dict[str, Condition]:
    """What holds, by the alarm's key; shedding is the watch's own."""
    found: dict[str, Condition] = {}
    why = why_no_record(status)
    if why:
        found["store.full"] = Condition(
            f"{why}: connect the uplink, raise [store] quota_mb, or free the disk",
            Priority.CRITICAL,
        )
    if status.unreadable:
        found["store.unreadable"] = Condition(
            f"{status.unreadable} stored records do not open (key lost, or tampered with), or "
            "could not be written at all; they are set aside, see docs/operate/records.md",
            Priority.IMPORTANT,
        )
    for name, deadline_s in (
        ("critical", settings.critical_deadline_s),
        ("important", settings.important_deadline_s),
    ):
        waits_s = status.waits_s.get(name, 0)
        if waits_s > deadline_s:
            found[f"store.overdue.{name}"] = Condition(
                f"{name} records wait for {waits_s} s to be delivered, over {deadline_s:g} s: "
                "look at broker and uplink",
                Priority.IMPORTANT,
            )
    return found


class Losses:
    """An alarm for what is counted: it holds while the count grows, and a while longer."""

    def __init__(self, key: str, count: Callable[[Mapping[str, int]], int], text: str) -> None:
        """``text`` holds the count as ``{}``."""
        self._key = key
        self._count_of = count
        self._text = text
        self._count = self._calm = 0

    def begin(self, dropped: Mapping[str, int]) -> None:
        """So much had gone before this start: no news."""
        self._count = self._count_of(dropped)

    def look(self, dropped: Mapping[str, int]) -> dict[str, Condition]:
        """What holds now; call it once each look."""
        count = self._count_of(dropped)
        if count > self._count:
            self._count, self._calm = count, CALM_LOOKS
        elif self._calm:
            self._calm -= 1
        if not self._calm:
            return {}
        return {self._key: Condition(self._text.format(count), Priority.IMPORTANT)}


SHED = (
    "{} records and readings were given up for room or age so far, the least urgent "
    "first: connect the uplink or raise [store] quota_mb"
)
UNENCODABLE = (
    "{} records or polls could not be written since the start (a driver gave what is no text or no "
    "number): what is left of them is set aside; the audit names the first, please report it"
)


class StoreWatch:
    """See the rules above; main loop."""

    def __init__(
        self,
        status: Callable[[], StoreStatus],
        settings: StoreSettings,
        alarms: AlarmSignal,
        disarm: Callable[[str], None],
        book: GivenUpBook | None = None,
    ) -> None:
        """``disarm`` is told why the box may not act any more, and by an empty text when it may.

        ``book`` keeps and reports what was given up.
        """
        self._status = status
        self._settings = settings
        self._alarms = alarms
        self._disarm = disarm
        self._holding: set[str] = set()
        self._why = ""
        self._book = book
        self._losses = (
            Losses("store.shed", shed_rows, SHED),
            Losses("store.unencodable", unencodable, UNENCODABLE),
        )
        if book is not None:
            self._losses[0].begin(book.totals)

    async def run(self) -> None:
        """Look once a second until cancelled."""
        try:
            while True:
                self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            self.look()  # what went in the last second is counted, too

    def look(self) -> None:
        """Compare what holds now with what held before."""
        status = self._status()
        if self._book is not None:
            self._book.look(status.dropped)
        found = conditions(status, self._settings)
        for losses in self._losses:
            found |= losses.look(status.dropped)
        for key in self._holding - found.keys():
            self._alarms.clear_alarm(key)
        for key in found.keys() - self._holding:
            condition = found[key]
            self._alarms.raise_alarm(key, condition.text, condition.priority, CAUSE)
        self._holding = set(found)
        why = why_no_record(status)
        if bool(why) != bool(self._why):
            self._disarm(why)
        self._why = why
