"""Visual quality control without a camera, for `fake_page`: drawn pictures, steps that work.

Everything it shows could have come from a real one; nothing is learnt.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from banksman.clock import Clock
from banksman.status import InspectionStatus
from banksman.vision.answers import AnswerCounts
from banksman.vision.choice import choices
from banksman.vision.commission_view import CommissionRefused, CommissionView, Phase, TrialCounts
from banksman.vision.exhibit import Answer, Exhibit, Heat
from banksman.vision.inspection import Picture, Region
from banksman.vision.jpeg import to_jpeg
from banksman.vision.part_list import PartShown, part_list
from banksman.vision.rates import Rates, rates_of
from banksman.wire.messages import Priority

STATION = "caps"
WIDTH, HEIGHT = 320, 240
MINUTE_NS = 60_000_000_000
# severity, defect, score, confidence, action, review, answer
Case = tuple[str, str, float, float, str, bool, Answer]
CASES: tuple[Case, ...] = (
    ("critical", "scratch", 4.6, 0.99, "stop_line", False, ""),
    ("warning", "hole", 2.2, 0.41, "reject_part", True, ""),
    ("pass", "", 1.9, 0.52, "none", True, ""),
    ("warning", "stain", 2.7, 0.83, "reject_part", False, "defect"),
    ("warning", "", 2.1, 0.38, "reject_part", True, "good"),
    ("unknown", "", math.nan, 0.0, "reject_part", True, ""),
    ("drawn", "", 0.7, 0.95, "none", False, ""),
)


class FakeQuality:
    """Implements `web.ports.Quality` for one station."""

    def __init__(self, clock: Clock) -> None:
        self.done: list[str] = []
        self.commission = FakeCommissioner()
        self._clock = clock
        self._jpegs: dict[str, bytes] = {}
        self._exhibits: dict[str, Exhibit] = {}
        for number, case in enumerate(CASES):
            exhibit = _exhibit(number, case, clock.wall_ns() - number * 3 * MINUTE_NS)
            self._exhibits[exhibit.id] = exhibit
            self._jpegs[exhibit.id] = to_jpeg(_draw(case[1]), 90)

    def inspections(self) -> Sequence[InspectionStatus]:
        """One station at work."""
        kept = self._exhibits.values()
        return [
            InspectionStatus(
                id=STATION, label="Caps", camera="cam1", bundle="caps-3", warning=2.0,
                critical=3.1, backend="litert-xnnpack",
                backend_why="tensorrt: the engine could not be built", inspect_p50_ms=21.4,
                inspect_p99_ms=26.9, inspected=18_204, failed=3, missed=1, frames_skipped=212,
                parts=18_204, reject_waiting=1, reject_passed=61, pictures=len(self._exhibits),
                pictures_mb=0.4, review_waiting=sum(e.waits and not e.drawn for e in kept),
                passes_waiting=sum(e.waits and e.drawn for e in kept), passes_drawn=91,
                review_hidden=0, warnings=212, criticals=31, examples=2,
            )
        ]  # fmt: skip

    def rates(self) -> Sequence[Rates]:
        """From the answers."""
        gone = AnswerCounts(stops=4, stops_wrong=1, doubts=37, doubts_wrong=9, drawn=212)
        return [rates_of(STATION, "caps-3", self._exhibits.values(), gone)]

    def exhibits(
        self,
        station: str | None,
        waiting: bool,
        limit: int,
        before: str | None,
        passes: bool = False,
    ) -> Sequence[Exhibit]:
        """All of them."""
        if station not in (None, STATION):
            raise KeyError(station)
        found = [each for each in self._exhibits.values() if each.waits or not waiting]
        found = [each for each in found if each.drawn or not passes]
        ids = [each.id for each in found]
        return found[ids.index(before) + 1 if before in ids else 0 :][:limit]

    async def picture(self, exhibit_id: str) -> bytes:
        """One of the drawn ones."""
        return self._jpegs[exhibit_id]

    async def answer(self, exhibit_id: str, answer: Answer, label: str, by: str) -> Exhibit:
        """Take it."""
        answered = msgspec.structs.replace(
            self._exhibits[exhibit_id],
            answer=answer,
            answer_label=label,
            answered_by=by,
            answered_wall_ns=self._clock.wall_ns(),
        )
        self._exhibits[exhibit_id] = answered
        self.note("review answered", by, {"decision": exhibit_id})
        return answered

    def commissioning(self, station: str) -> FakeCommissioner:
        """The only one."""
        if station != STATION:
            raise KeyError(station)
        return self.commission

    async def commission_view(self, station: str) -> CommissionView:
        """Of the only one."""
        return self.commissioning(station).view()

    async def parts(self, station: str) -> Sequence[PartShown]:
        """As many as were taken."""
        return self.commissioning(station).parts()

    async def part_picture(self, station: str, part: str) -> bytes:
        """A cap; every seventh good one has a stain."""
        if part not in {each.id for each in self.commissioning(station).parts()}:
            raise KeyError(part)
        stain = "stain" if int(part.rpartition("-")[2]) % 7 == 0 else ""
        return to_jpeg(_draw("scratch" if part.startswith("defect") else stain), 90)

    async def live(self, station: str) -> bytes:
        """A cap."""
        self.commissioning(station)
        return to_jpeg(_draw(""), 90)

    def note(self, event: str, by: str, details: dict[str, str]) -> None:  # noqa: ARG002  the contract
        """Remember the event's name."""
        self.done.append(event)


class FakeCommissioner:
    """Each step succeeds at once."""

    def __init__(self) -> None:
        self.phase: Phase = "idle"
        self.good = 0
        self.defects: dict[str, int] = {}
        self.removed: list[str] = []
        self._in_use, self._before = f"{STATION}-3", f"{STATION}-2"
        self._chosen: tuple[float, float] | None = None

    def view(self) -> CommissionView:
        """How far it is."""
        learnt = self.phase in ("fitted", "trial")
        chance = np.random.default_rng(3)
        good = tuple(chance.exponential(0.4343, self.good).tolist()) if learnt else ()
        bad = tuple(chance.normal(3.4, 0.8, sum(self.defects.values())).tolist()) if learnt else ()
        return CommissionView(
            station=STATION, phase=self.phase, what="good", label="", wanted=0,
            good=self.good - sum(each.startswith("good") for each in self.removed),
            defects=self.defects, passed_over=0, progress=0.0, doing="", problem="",
            good_scores=good, defect_scores=bad, choices=tuple(choices(good, bad)),
            candidate=f"{STATION}-4" if self._chosen else "",
            warning=self._chosen[0] if self._chosen else None,
            critical=self._chosen[1] if self._chosen else None,
            trial=TrialCounts(412, 5, 1, 0) if self._chosen else TrialCounts(),
            in_use=self._in_use, before=self._before,
        )  # fmt: skip

    def collect(self, what: Literal["good", "defect"], label: str, wanted: int) -> None:
        """All of them at once."""
        if what == "good":
            self.good += wanted
        else:
            self.defects = {**self.defects, label: self.defects.get(label, 0) + wanted}
        self.phase, self._chosen = "collected", None

    def collect_folder(self, what: Literal["good", "defect"], label: str, folder: str) -> None:  # noqa: ARG002  the contract
        """As if ten lay there."""
        self.collect(what, label, 10)

    def pause(self) -> None:
        """Nothing runs."""

    def fit(self) -> None:
        """Learnt."""
        if not self.good:
            raise CommissionRefused("0 good parts are too few: at least 20, and 100 are better")
        self.phase = "fitted"

    async def save(self, rate: float, stop_rate: float | None = None) -> object:
        """On trial."""
        high = rate / 10 if stop_rate is None else stop_rate
        self._chosen = (-math.log10(rate), -math.log10(high))
        self.phase = "trial"
        return None

    async def confirm(self) -> str:
        """In use."""
        self._before, self._in_use = self._in_use, f"{STATION}-4"
        self.phase, self._chosen = "collected", None
        return self._in_use

    async def roll_back(self) -> str:
        """The one before."""
        self._in_use, self._before = self._before, self._in_use
        return self._in_use

    async def drop(self) -> None:
        """Nothing taken."""
        self.phase, self.good, self.defects, self._chosen = "idle", 0, {}, None
        self.removed = []

    def parts(self) -> list[PartShown]:
        """Every seventh good one is odd."""
        ids = [f"good-{number + 1:04}" for number in range(self.good)]
        ids += [
            f"defect-{label}-{number + 1:04}"
            for label, times in self.defects.items()
            for number in range(times)
        ]
        far = {each: 4.0 - place / 50 for place, each in enumerate(ids[6::7])}
        there = [each for each in ids if each not in self.removed]
        return part_list(there, self.removed, {}, far)

    async def remove_part(self, part: str) -> None:
        """If it is there."""
        if part not in {each.id for each in self.parts() if not each.removed}:
            raise KeyError(part)
        self.removed.append(part)
        self.phase, self._chosen = "collected", None

    async def put_part_back(self, part: str) -> None:
        """If it was removed."""
        if part not in self.removed:
            raise KeyError(part)
        self.removed.remove(part)


def _exhibit(number: int, case: Case, wall_ns: int) -> Exhibit:
    severity, defect, score, confidence, action, review, answer = case
    known = severity != "unknown"
    rows, columns = np.mgrid[:14, :14]
    warmth = np.exp(-((rows - 5.5) ** 2 + (columns - 8.0) ** 2) / 6.0)
    levels = (warmth * 255 * min(1.0, score / 3.0 if known else 0.0)).astype(np.uint8)
    drawn = severity == "drawn"
    why = (
        "it passed, and was drawn by chance: one pass in 200 is looked at by a person"
        if drawn
        else f"caps.anomaly is {score:.2f}"
        if known
        else "rule defect cannot be told: caps.severity has bad quality"
    )
    return Exhibit(
        id=f"press-line-2-41-{900 - number}", picture_id=f"press-line-2-41-p{number}",
        station=STATION, wall_ns=wall_ns, point="" if drawn else "cap_quality",
        priority=Priority.BACKGROUND if drawn else Priority.NORMAL, drawn=drawn,
        action=action, reason=why, confidence=confidence, review=review,
        severity="pass" if drawn else severity,
        bundle="caps-3", width=WIDTH, height=HEIGHT, size_bytes=9000,
        score=score if known else None, warning=2.0, critical=3.1,
        label=defect, sure_of_label=confidence,
        region=Region(0, 0, WIDTH, HEIGHT),
        heat=Heat(14, 14, base64.b64encode(levels.tobytes()).decode()) if known else None,
        answer=answer, answer_label=defect if answer == "defect" else "",
        answered_by="operator" if answer else "",
    )  # fmt: skip


def _draw(defect: str) -> Picture:
    """A cap on a belt, and what is wrong with it."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] - np.array([HEIGHT / 2, WIDTH / 2])[:, None, None]
    noise = np.random.default_rng(len(defect)).normal(0, 1.2, (HEIGHT, WIDTH))
    reach = np.hypot(rows, columns)
    grey = np.where(reach < 80, 185 - reach / 4, 74) + noise
    spots = {
        "scratch": np.abs(rows + columns * 0.6 - 8) < 3,
        "hole": np.hypot(rows + 25, columns - 22) < 9,
        "stain": np.hypot(rows + 25, columns - 22) < 26,
    }
    if defect:
        grey = np.where(spots[defect] & (reach < 76), 58, grey)
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:] = grey.clip(0, 255)[..., None]
    return picture
