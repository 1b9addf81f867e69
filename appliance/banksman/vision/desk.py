"""Quality control as page, API and commands see it: stations, exhibits, reviews, commissioning.

Main loop only; what touches the disk runs on a work thread. It decides nothing: an answer is a
person's word on a decision that was made, kept as an example to learn from.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Mapping, Sequence

import msgspec

from banksman.status import InspectionStatus
from banksman.vision.answers import AnswerBook
from banksman.vision.cabinet import Cabinet
from banksman.vision.commission_view import CommissionView
from banksman.vision.commissioning import Commissioning
from banksman.vision.evidence import Evidence
from banksman.vision.exhibit import LABEL_CHARS, Answer, Exhibit
from banksman.vision.part_list import PartShown, part_list
from banksman.vision.passes import PassDraw
from banksman.vision.rates import Rates, rates_of
from banksman.vision.review_list import listed, newest_first, urgent_first
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
    answers: AnswerBook
    draw: PassDraw


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
        return [self._status(name, each) for name, each in self._stations.items()]

    def _status(self, name: str, parts: StationParts) -> InspectionStatus:
        waiting = parts.kept.waiting()
        shown = listed(waiting, parts.station.settings.evidence.review_most)
        passes = sum(one.drawn for one in shown)
        return msgspec.structs.replace(
            parts.station.status(),
            pictures=len(parts.kept),
            pictures_mb=parts.kept.size_bytes / 1e6,
            pictures_dropped=parts.kept.dropped + self._evidence.dropped[name],
            pictures_waiting=parts.kept.unsent,
            review_waiting=len(shown) - passes,
            passes_waiting=passes,
            review_hidden=len(waiting) - len(shown),
            passes_drawn=parts.draw.drawn,
            examples=len(parts.examples),
        )

    def rates(self) -> Sequence[Rates]:
        """How often each one's bundle in use is wrong, as far as people have looked."""
        return [
            rates_of(name, bundle, each.kept.exhibits(), each.answers.of(bundle))
            for name, each in self._stations.items()
            for bundle in (each.station.using.version,)
        ]

    def exhibits(
        self,
        station: str | None,
        waiting: bool,
        limit: int,
        before: str | None,
        passes: bool = False,
    ) -> Sequence[Exhibit]:
        """Kept pictures, newest first; those that wait for a person, most urgent first.

        ``before`` is an id to page on from; ``passes``: only those drawn by chance. KeyError: no
        such station.
        """
        stations = list(self._stations.values()) if station is None else [self._stations[station]]
        order = urgent_first if waiting else newest_first
        found: list[Exhibit] = []
        for each in stations:
            most = each.station.settings.evidence.review_most
            found += listed(each.kept.waiting(), most) if waiting else each.kept.exhibits()
        if passes:
            found = [each for each in found if each.drawn]
        if before is not None:
            last = self._last(before)
            found = [each for each in found if last is not None and order(each) > order(last)]
        return heapq.nsmallest(limit, found, key=order)

    def _last(self, exhibit_id: str) -> Exhibit | None:
        """The last one of a page, answered meanwhile or not; None: it is gone."""
        try:
            return self._of(exhibit_id).kept.get(exhibit_id)
        except KeyError:
            return None

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

    async def parts(self, station: str) -> Sequence[PartShown]:
        """What it shall learn from, one by one, the oddest good ones first. KeyError."""
        of = self._stations[station]

        def look() -> Sequence[PartShown]:
            of.showing.remarks()
            folder, rarities = of.showing.parts, of.commissioning.rarities
            return part_list(folder.ids(), folder.ids(removed=True), rarities, of.showing.unusual())

        return await asyncio.to_thread(look)

    async def part_picture(self, station: str, part: str) -> bytes:
        """A small JPEG of one. KeyError."""
        try:
            return await asyncio.to_thread(self._stations[station].showing.thumbnail, part)
        except (OSError, ValueError):
            raise KeyError(part) from None

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
