"""How far commissioning is, as page, API and command see it. Values only."""

from __future__ import annotations

from typing import Literal

import msgspec

from banksman.errors import BanksmanError
from banksman.vision.choice import Choice

Kind = Literal["good", "defect"]
Phase = Literal["idle", "collecting", "collected", "fitting", "fitted", "trial"]


class CommissionRefused(BanksmanError, ValueError):
    """This step cannot be done now; the message says why and what would do."""


class TrialCounts(msgspec.Struct):
    """What the candidate said of the frames since the trial began."""

    seen: int = 0
    warnings: int = 0
    criticals: int = 0
    failed: int = 0


class CommissionView(msgspec.Struct, frozen=True):
    """How far it is, for people. ``proven``: see `choice`."""

    station: str
    phase: Phase
    what: Kind
    label: str
    wanted: int
    good: int
    defects: dict[str, int]
    passed_over: int
    progress: float
    doing: str
    problem: str
    good_scores: tuple[float, ...]
    defect_scores: tuple[float, ...]
    choices: tuple[Choice, ...]
    candidate: str
    warning: float | None
    critical: float | None
    trial: TrialCounts
    in_use: str
    before: str
    no_picture: str = ""  # why none comes from the camera
    remarks: tuple[str, ...] = ()  # on the good parts, before anything is learnt of them
