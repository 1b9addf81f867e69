"""A trial: a bundle that looks at the same frames as the one in use, silently, and is counted."""

from __future__ import annotations

from banksman.vision.commission_view import TrialCounts
from banksman.vision.in_use import InUse
from banksman.vision.inspection import Picture
from banksman.vision.severity import Severity, judge


class Trial:
    """One candidate. ``problem``: why it could not judge a frame, the newest; empty: it could."""

    def __init__(self, name: str, candidate: InUse) -> None:
        self.name = name
        self.candidate = candidate
        self.counts = TrialCounts()
        self.problem = ""

    def look(self, picture: Picture) -> None:
        """Look at a frame; the station's looking thread. Never raises."""
        counts, candidate = self.counts, self.candidate
        counts.seen += 1
        try:
            seen = candidate.looker.inspect(picture)
            severity = judge(seen.score, seen.label, seen.confidence, candidate.limits)
        except Exception as error:  # noqa: BLE001  a candidate may do anything; only it is told of it
            counts.failed += 1
            self.problem = str(error) or repr(error)
            return
        counts.warnings += severity is Severity.WARNING
        counts.criticals += severity is Severity.CRITICAL
