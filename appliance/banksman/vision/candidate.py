"""The bundle that a station may get next: built, on trial, put in use, and taken back again.

Rules of this file
- Until a person confirms, the bundle in use decides; a trial only looks on and counts.
- The methods are the main loop's; building and loading run on the commissioning's own thread.
"""

from __future__ import annotations

from collections.abc import Callable

from banksman.vision.bundle_shelf import BundleShelf
from banksman.vision.choice import Choice, choose
from banksman.vision.commission_view import CommissionRefused
from banksman.vision.in_use import InUse
from banksman.vision.inspection import Thresholds
from banksman.vision.low_thread import LowThread
from banksman.vision.trial import Trial
from banksman.vision.workshop_port import Learnt, Workshop
from banksman_inference.ports import InferenceError

STOP_RATIO = 0.1  # of the rate of doubtful parts, unless a person chooses otherwise


class Candidate:
    """One station's. ``use`` puts a loaded bundle in use at the station."""

    def __init__(
        self,
        station: str,
        shelf: BundleShelf,
        workshop: Workshop,
        thread: LowThread,
        use: Callable[[InUse], None],
        fixed: str,
    ) -> None:
        """``fixed``: why no other bundle can be put in use, if the config names one."""
        self.trial: Trial | None = None
        self.problem = ""
        self.shelf = shelf
        self._station = station
        self._workshop = workshop
        self._thread = thread
        self._use = use
        self._fixed = fixed

    async def save(self, learnt: Learnt, rate: float, stop_rate: float | None) -> Choice:
        """Build a bundle for these false-stop rates and try it. Raises CommissionRefused."""
        if self._fixed:
            raise CommissionRefused(self._fixed)
        good = [float(each) for each in learnt.good_scores]
        bad = [float(each) for each in learnt.defect_scores]
        try:
            warning = choose(good, bad, rate)
            critical = choose(good, bad, rate * STOP_RATIO if stop_rate is None else stop_rate)
        except ValueError as error:
            raise CommissionRefused(str(error)) from None
        limits = Thresholds(warning.threshold, max(warning.threshold, critical.threshold))
        about = (
            f"{len(good)} good parts and {len(bad)} defects of station {self._station}; "
            f"false stops {warning.false_stops.count} of {warning.false_stops.of}"
        )
        name = self.shelf.next_name()
        self.problem = ""

        def build() -> InUse:
            path = self.shelf.add(name, self._workshop.build(learnt, name, limits, about))
            return self._workshop.load(path)

        try:
            loaded = await self._thread.run(build)
        except (InferenceError, OSError, ValueError) as error:
            self.problem = str(error)
            raise CommissionRefused(f"the bundle could not be made: {error}") from None
        self.trial = Trial(name, loaded)
        return warning

    def drop(self) -> None:
        """End the trial; the bundle stays on the shelf until there is no room."""
        self.trial, self.problem = None, ""

    async def confirm(self) -> str:
        """Put the candidate in use. Returns its name. Raises CommissionRefused."""
        trial = self.trial
        if trial is None:
            raise CommissionRefused("there is no bundle on trial: save one first")
        await self._put_in_use(trial.name)
        self.trial = None
        self._use(trial.candidate)
        return trial.name

    async def roll_back(self) -> str:
        """Put the bundle before in use again. Returns its name. Raises CommissionRefused."""
        name = self.shelf.before
        if not name or self._fixed:
            raise CommissionRefused(self._fixed or "there is no bundle to go back to")
        try:
            loaded = await self._thread.run(lambda: self._workshop.load(self.shelf.path(name)))
        except InferenceError as error:
            raise CommissionRefused(str(error)) from None
        await self._put_in_use(name)
        self._use(loaded)
        return name

    async def _put_in_use(self, name: str) -> None:
        try:
            await self._thread.run(lambda: self.shelf.use(name))
        except OSError as error:
            raise CommissionRefused(f"it could not be put in use: {error}") from None
