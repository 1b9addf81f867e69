"""What the page needs of the daemon, as one contract. All calls come from the main loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from banksman.control.snapshot import Snapshot
from banksman.errors import Problem
from banksman.status import (
    IdentityStatus,
    LinkStatus,
    Readiness,
    StoreStatus,
    SyncHistory,
    SyncStatus,
    Versions,
)
from banksman.wire.messages import AlarmMessage, AuditMessage, DecisionMessage

if TYPE_CHECKING:
    from banksman.maintenance.attending import Word
    from banksman.maintenance.shown import MachineBrief, MachineShown
    from banksman.status import InspectionStatus
    from banksman.vision.commission_view import CommissionView
    from banksman.vision.exhibit import Answer, Exhibit
    from banksman.vision.part_list import PartShown
    from banksman.vision.rates import Rates


class Appliance(Protocol):
    """The running daemon as page, API and metrics see it."""

    def snapshot(self) -> Snapshot:
        """The control loop's newest state."""

    def store_status(self) -> StoreStatus:
        """The store's newest state."""

    def identity_status(self) -> IdentityStatus:
        """The box's certificate at its endpoint."""

    def sync_status(self) -> SyncStatus:
        """The uplink's newest state."""

    def sync_history(self) -> SyncHistory:
        """The link's last hour, a state every 5 s."""

    def link_status(self) -> LinkStatus:
        """The telemetry link's newest state."""

    def versions(self) -> Versions:
        """What runs here."""

    def readiness(self) -> Readiness:
        """Whether it does its job."""

    def alarms(self) -> Sequence[AlarmMessage]:
        """Alarms that are active or not yet acknowledged, most urgent first."""

    def history(self, sensor: str) -> Sequence[tuple[int, float]]:
        """(wall_ns, value) of the last minutes, at most 600 points, oldest first."""

    async def decisions(self, limit: int, before: str | None) -> Sequence[DecisionMessage]:
        """Recorded decisions, newest first; ``before`` is an id to page on from."""

    async def audit(self, limit: int) -> Sequence[AuditMessage]:
        """Recorded audit entries, newest first."""

    async def acknowledge(self, key: str, by: str) -> AlarmMessage:
        """A person has seen this alarm. Raises KeyError when there is none."""

    async def shelve(self, key: str, by: str, minutes: float) -> AlarmMessage:
        """Let this alarm ring nobody for so long; 0: no longer. Raises KeyError, ShelfRefused."""

    async def reset_trip(self, name: str, by: str) -> None:
        """A person resets a process trip. Raises ResetRefused, KeyError."""

    async def reload_rules(self, by: str) -> Sequence[Problem]:
        """Load the rules file anew; with problems the old rules stay."""


class Commissioner(Protocol):
    """One station's commissioning; every step may raise CommissionRefused."""

    def view(self) -> CommissionView:
        """How far it is."""

    def collect(self, what: Literal["good", "defect"], label: str, wanted: int) -> None:
        """Take so many parts from now on."""

    def collect_folder(self, what: Literal["good", "defect"], label: str, folder: str) -> None:
        """Take the pictures of a folder, in the background."""

    def pause(self) -> None:
        """Take no more for now, or end the learning."""

    def fit(self) -> None:
        """Learn, in the background."""

    async def save(self, rate: float, stop_rate: float | None = None) -> object:
        """Build a bundle for these false-stop rates and try it."""

    async def confirm(self) -> str:
        """Put it in use."""

    async def roll_back(self) -> str:
        """Put the one before in use again."""

    async def drop(self) -> None:
        """Forget the parts."""

    async def remove_part(self, part: str) -> None:
        """Learn from this one no more. KeyError, OSError."""

    async def put_part_back(self, part: str) -> None:
        """Learn from it again. KeyError, OSError."""


class Quality(Protocol):
    """Visual quality control as page and API see it."""

    def inspections(self) -> Sequence[InspectionStatus]:
        """Every station."""

    def rates(self) -> Sequence[Rates]:
        """How often each is wrong."""

    def exhibits(
        self,
        station: str | None,
        waiting: bool,
        limit: int,
        before: str | None,
        passes: bool = False,
    ) -> Sequence[Exhibit]:
        """Kept pictures, newest first; what waits, most urgent first. KeyError: no such station."""

    async def picture(self, exhibit_id: str) -> bytes:
        """A JPEG. KeyError."""

    async def answer(self, exhibit_id: str, answer: Answer, label: str, by: str) -> Exhibit:
        """A person's word on one. KeyError, OSError."""

    def commissioning(self, station: str) -> Commissioner:
        """One station's. KeyError."""

    async def commission_view(self, station: str) -> CommissionView:
        """How far it is, whether pictures come, and what is odd about the parts. KeyError."""

    async def parts(self, station: str) -> Sequence[PartShown]:
        """Its parts to learn from, the oddest good ones first. KeyError."""

    async def part_picture(self, station: str, part: str) -> bytes:
        """A small JPEG of one. KeyError."""

    async def live(self, station: str) -> bytes:
        """What its camera shows now, a JPEG. KeyError, NoPicture."""

    def note(self, event: str, by: str, details: dict[str, str]) -> None:
        """For the audit."""


class Machines(Protocol):
    """The machines that are watched, as page and API see them."""

    def machines(self) -> Sequence[MachineBrief]:
        """Every machine."""

    async def machine(self, name: str) -> MachineShown:
        """One with its spectra and trends. KeyError."""

    def say(self, name: str, word: Word, by: str) -> MachineBrief:
        """A person's word: the present is well, it failed, a part is new. KeyError."""

    async def go_back(self, name: str, number: int, by: str) -> MachineBrief:
        """A person wants its former normal of that number. KeyError, VersionRefused."""
