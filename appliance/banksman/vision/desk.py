"""Quality control as page, API and commands see it: stations, exhibits, reviews, commissioning.

Main loop only; what touches the disk runs on a work thread. It decides nothing: an answer is a
person's word on a decision that was made, kept as an example to learn from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from banksman.status import InspectionStatus
from banksman.vision.cabinet import Cabinet
from banksman.vision.commission_view import CommissionView
from banksman.vision.commissioning import Commissioning
from banksman.vision.evidence import Evidence
from banksman.vision.exhibit import LABEL_CHARS, Answer, Exhibit
from banksman.vision.rates import Rates, rates_of
from banksman.vision.showing import Showing
from banksman.vision.station import Station

Note = Callable[[str, str, dict[str, str]], None]


class StationParts(msgspec.Struct, frozen=True):
    """What belongs to one station."""

    station: Station
    kept: Cabinet
    examples: Cabinet
    commissioning: Commissioning
    showing: Showing


class QualityDesk:
    """``note`` takes (event, by, details) for the audit and returns at once."""

    def __init__(
        self,
        stations: Mapping[str, StationParts],
        evidence: Evidence,
        wall_ns: Callable[[], int],
        note: Note,
    ) -> None:
        self._stations = stations
        self._evidence = evidence
        self._wall_ns = wall_ns
        self._note = note

    def inspections(self) -> Sequence[InspectionStatus]:
        """Every station with its figures."""
        return [
            msgspec.structs.replace(
                each.station.status(),
                pictures=len(each.kept),
                pictures_mb=each.kept.size_bytes / 1e6,
                pictures_dropped=each.kept.dropped + self._evidence.dropped[name],
                pictures_waiting=sum(not one.sent for one in each.kept.exhibits()),
                review_waiting=sum(one.waits for one in each.kept.exhibits()),
                examples=len(each.examples),
            )
            for name, each in self._stations.items()
        ]

    def rates(self) -> Sequence[Rates]:
        """How often each is wrong, as far as people have looked."""
        return [rates_of(name, each.kept.exhibits()) for name, each in self._stations.items()]

    def exhibits(
        self, station: str | None, waiting: bool, limit: int, before: str | None
    ) -> Sequence[Exhibit]:
        """Kept pictures, newest first; ``before`` is an id to page on from. KeyError: no such."""
        names = list(self._stations) if station is None else [station]
        found = [one for name in names for one in self._stations[name].kept.exhibits()]
        found.sort(key=lambda each: (-each.wall_ns, each.id))
        if waiting:
            found = [each for each in found if each.waits]
        if before is not None:
            ids = [each.id for each in found]
            found = found[ids.index(before) + 1 :] if before in ids else []
        return found[:limit]

    async def picture(self, exhibit_id: str) -> bytes:
        """The JPEG of one. Raises KeyError."""
        parts = self._of(exhibit_id)
        return await asyncio.to_thread(parts.kept.picture, exhibit_id)

    async def answer(self, exhibit_id: str, answer: Answer, label: str, by: str) -> Exhibit:
        """A person says what it was; kept with its picture as an example. KeyError, OSError."""
        parts = self._of(exhibit_id)
        now_ns = self._wall_ns()

        def write() -> Exhibit:
            jpeg = parts.kept.picture(exhibit_id)
            answered = parts.kept.change(
                exhibit_id,
                answer=answer,
                answer_label=label[:LABEL_CHARS] if answer == "defect" else "",
                answered_by=by,
                answered_wall_ns=now_ns,
            )
            if answer:
                parts.examples.put(answered, jpeg)
            else:
                parts.examples.take_away(exhibit_id)
            return answered

        answered = await asyncio.to_thread(write)
        details = {"decision": exhibit_id, "answer": answer, "station": answered.station}
        self._note("review answered", by, details)
        return answered

    def commissioning(self, station: str) -> Commissioning:
        """One station's. Raises KeyError."""
        return self._stations[station].commissioning

    async def commission_view(self, station: str) -> CommissionView:
        """How far it is, whether pictures come, and what is odd about the parts. KeyError."""
        parts = self._stations[station]
        remarks = await asyncio.to_thread(parts.showing.remarks)
        return msgspec.structs.replace(
            parts.commissioning.view(), no_picture=parts.showing.no_picture(), remarks=remarks
        )

    async def live(self, station: str) -> bytes:
        """What the station's camera shows of its region now, a JPEG. KeyError, NoPicture."""
        return await asyncio.to_thread(self._stations[station].showing.live)

    def note(self, event: str, by: str, details: dict[str, str]) -> None:
        """For the audit."""
        self._note(event, by, details)

    def _of(self, exhibit_id: str) -> StationParts:
        for parts in self._stations.values():
            try:
                parts.kept.get(exhibit_id)
            except KeyError:
                continue
            return parts
        raise KeyError(exhibit_id)
