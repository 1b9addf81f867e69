"""Teaching a station what good looks like, from the first part to a bundle in use.

    idle ── collect ──► collecting ──► collected ── fit ──► fitting ──► fitted ── save ──► trial
     ▲                      ▲  pause ─┘   │ more parts                                      │
     └────── drop ──────────┴─────────────┘                      confirm ──► in use ◄───────┘

Rules of this file
- It writes no output and changes no verdict: until a person confirms, the bundle in use decides.
- A trial looks at the same frames silently, after the bundle in use has had its say, and counts.
- What was taken is on the disk at once: after a restart one goes on from there.
- The methods are for the main loop; frames come on the station's looking thread; learning runs on
  a thread of its own, at low priority, and can be ended.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping

from banksman.vision.bundle_shelf import BundleShelf
from banksman.vision.candidate import Candidate
from banksman.vision.choice import Choice
from banksman.vision.collecting import Collecting
from banksman.vision.commission_shown import Stage, view_of
from banksman.vision.commission_view import (
    CommissionRefused,
    CommissionView,
    Kind,
    Phase,
)
from banksman.vision.in_use import InUse
from banksman.vision.inspection import PictureRefused, Region
from banksman.vision.low_thread import LowThread
from banksman.vision.parts_folder import (
    PartsFolder,
    PictureFiles,
)
from banksman.vision.workshop_port import Learnt, Workshop
from banksman_drivers.ports import Frame
from banksman_inference.ports import InferenceError

GOOD_MIN = 20

log = logging.getLogger(__name__)


class Ended(Exception):
    """The person ended the learning."""


class Commissioning:
    """One station's. ``use`` puts a loaded bundle in use at the station."""

    def __init__(
        self,
        station: str,
        region: Region | None,
        triggered: bool,
        parts: PartsFolder,
        shelf: BundleShelf,
        workshop: Workshop,
        use: Callable[[InUse], None],
        fixed: str = "",
    ) -> None:
        """``fixed``: why no other bundle can be put in use, if the config names one."""
        self._station = station
        self._collecting = Collecting(region, triggered, parts, self._collected)
        self._workshop = workshop
        self._thread = LowThread("commission")
        self._candidate = Candidate(station, shelf, workshop, self._thread, use, fixed)
        self._stage = Stage()
        if self._collecting.good or self._collecting.defects:
            self._stage.phase = "collected"
        self._learnt: Learnt | None = None
        self._rarities: dict[str, float] = {}
        self._end = threading.Event()
        self._work: asyncio.Task[None] | None = None

    def view(self) -> CommissionView:
        """How far it is."""
        return view_of(self._station, self._stage, self._collecting, self._candidate, self._learnt)

    # -- the steps -------------------------------------------------------------------------------

    def collect(self, what: Kind, label: str, wanted: int) -> None:
        """Take so many parts from now on. Raises CommissionRefused."""
        self._refuse_while("fitting")
        self._collecting.begin(what, label, wanted)
        self._begin_collecting()

    def collect_folder(self, what: Kind, label: str, folder: str) -> None:
        """Take the pictures of a folder, in the background. Raises CommissionRefused."""
        self._refuse_while("fitting")
        files = self._collecting.begin_folder(what, label, folder)
        self._begin_collecting()
        self._end.clear()
        self._work = asyncio.get_running_loop().create_task(self._copy(files))

    def _begin_collecting(self) -> None:
        self._stage.problem = ""
        self._learnt = None
        self._candidate.drop()
        self._stage.phase = "collecting"

    def pause(self) -> None:
        """Take no more for now, or end the learning."""
        if self._stage.phase == "collecting":
            self._end.set()
            self._collecting.stop()
        elif self._stage.phase == "fitting":
            self._end.set()

    @property
    def rarities(self) -> Mapping[str, float]:
        """How odd the newest learning found each part that it held out, by the part's id."""
        return self._rarities

    async def remove_part(self, part: str) -> None:
        """Learn from this part no more. Raises CommissionRefused, KeyError, OSError."""
        await self._change_parts(lambda: self._collecting.remove(part))

    async def put_part_back(self, part: str) -> None:
        """It was all right. Raises CommissionRefused, KeyError where none was removed, OSError."""
        await self._change_parts(lambda: self._collecting.put_back(part))

    async def _change_parts(self, change: Callable[[], None]) -> None:
        """What was learnt is of other parts then."""
        self._refuse_while("fitting")
        self._refuse_while("collecting")
        await self._thread.run(change)
        self._learnt = None
        self._candidate.drop()
        taken = self._collecting.good or self._collecting.defects
        self._stage.phase, self._stage.problem = "collected" if taken else "idle", ""

    async def drop(self) -> None:
        """Forget all parts and what was learnt; the bundle in use stays. CommissionRefused."""
        self._refuse_while("fitting")
        self._learnt, self._rarities = None, {}
        self._candidate.drop()
        await self._thread.run(self._collecting.clear)
        self._stage.phase, self._stage.problem = "idle", ""

    def fit(self) -> None:
        """Learn, in the background. Raises CommissionRefused."""
        self._refuse_while("fitting")
        if self._collecting.reads_folder:
            raise CommissionRefused("a folder is being read; wait, or pause it first")
        good = self._collecting.good
        if good < GOOD_MIN:
            raise CommissionRefused(
                f"{good} good parts are too few: at least {GOOD_MIN}, and 100 are better"
            )
        self._collecting.stop()
        self._candidate.drop()
        self._end.clear()
        self._stage.progress, self._stage.doing, self._stage.problem = 0.0, "learning", ""
        self._stage.phase = "fitting"
        self._work = asyncio.get_running_loop().create_task(self._learn())

    async def save(self, rate: float, stop_rate: float | None = None) -> Choice:
        """Build a bundle for these false-stop rates and try it. Raises CommissionRefused."""
        if self._learnt is None:
            raise CommissionRefused("nothing was learnt yet: take parts and learn first")
        chosen = await self._candidate.save(self._learnt, rate, stop_rate)
        self._stage.phase = "trial"
        return chosen

    async def confirm(self) -> str:
        """Put the candidate in use. Returns its name. Raises CommissionRefused."""
        name = await self._candidate.confirm()
        self._stage.phase = "collected" if self._collecting.good else "idle"
        return name

    async def roll_back(self) -> str:
        """Put the bundle before in use again. Returns its name. Raises CommissionRefused."""
        return await self._candidate.roll_back()

    async def close(self) -> None:
        """End what runs."""
        self._end.set()
        self._collecting.stop()
        if self._work is not None:
            await asyncio.gather(self._work, return_exceptions=True)
        self._thread.close()

    # -- frames; the looking thread --------------------------------------------------------------

    def offer(self, frame: Frame) -> None:
        """A usable frame of the station."""
        trial = self._candidate.trial
        if trial is not None:
            trial.look(frame.image)
        self._collecting.take(frame)

    # -- inside ----------------------------------------------------------------------------------

    async def _copy(self, files: PictureFiles) -> None:
        await self._thread.run(lambda: self._collecting.copy(files, self._end))
        self._collected()

    def _collected(self) -> None:
        """No more parts are taken; any thread."""
        if self._stage.phase == "collecting":
            self._stage.phase = "collected"

    async def _learn(self) -> None:
        def progress(done: int, total: int, what: str) -> None:
            if self._end.is_set():
                raise Ended
            self._stage.progress, self._stage.doing = done / max(1, total), what

        def work() -> Learnt:
            parts = self._collecting.parts
            ids.extend(parts.ids())
            return self._workshop.fit(
                parts.files("good"), parts.files("defect"), parts.labels(), progress
            )

        ids: list[str] = []
        try:
            self._learnt = await self._thread.run(work)
            scores = (*self._learnt.good_scores, *self._learnt.defect_scores)
            self._rarities = dict(zip(ids, map(float, scores), strict=False))
            self._stage.phase = "fitted"
        except Ended:
            self._stage.phase, self._stage.problem = "collected", "the learning was ended"
        except (PictureRefused, InferenceError, ValueError, OSError) as error:
            self._stage.phase, self._stage.problem = "collected", str(error)
        except Exception as error:
            log.exception("learning for %s broke", self._station)
            self._stage.phase, self._stage.problem = (
                "collected",
                f"the learning broke: {error!r}. Report this",
            )
        self._stage.progress, self._stage.doing = 0.0, ""

    def _refuse_while(self, phase: Phase) -> None:
        if self._stage.phase == phase:
            raise CommissionRefused(f"it is {phase}; wait, or end that first")
