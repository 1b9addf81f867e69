"""How far commissioning is, put together of its parts. Pure."""

from __future__ import annotations

import msgspec

from banksman.vision.candidate import Candidate
from banksman.vision.choice import choices
from banksman.vision.collecting import Collecting
from banksman.vision.commission_view import CommissionView, Phase, TrialCounts
from banksman.vision.workshop_port import Learnt


class Stage(msgspec.Struct):
    """Where it is. ``progress``: 0 to 1 of what it is ``doing``; ``problem``: the newest."""

    phase: Phase = "idle"
    progress: float = 0.0
    doing: str = ""
    problem: str = ""


def view_of(
    station: str, stage: Stage, taken: Collecting, candidate: Candidate, learnt: Learnt | None
) -> CommissionView:
    """As of now."""
    trial, shelf = candidate.trial, candidate.shelf
    limits = trial.candidate.limits if trial is not None else None
    good = tuple(float(each) for each in learnt.good_scores) if learnt is not None else ()
    bad = tuple(float(each) for each in learnt.defect_scores) if learnt is not None else ()
    problems = (stage.problem, taken.problem, candidate.problem, trial.problem if trial else "")
    return CommissionView(
        station=station,
        phase=stage.phase,
        what=taken.what,
        label=taken.label,
        wanted=taken.wanted,
        good=taken.good,
        defects=dict(taken.defects),
        passed_over=taken.passed_over,
        progress=stage.progress,
        doing=stage.doing,
        problem=next((each for each in problems if each), ""),
        good_scores=good,
        defect_scores=bad,
        choices=tuple(choices(good, bad)),
        candidate=trial.name if trial is not None else "",
        warning=limits.warning if limits is not None else None,
        critical=limits.critical if limits is not None else None,
        trial=msgspec.structs.replace(trial.counts) if trial is not None else TrialCounts(),
        in_use=shelf.in_use,
        before=shelf.before,
    )
