"""reaction.*: sense, decide and act through the wire, side by side with peers in one run.

What each figure means and how to repeat it alone stands in docs/benchmarks.md.
"""

from __future__ import annotations

from benchmarks.context import Context
from benchmarks.figure import Figure
from benchmarks.reaction.figures import figures
from benchmarks.reaction.rounds import run_rounds


def measure(context: Context) -> list[Figure]:
    """All figures of the area: about a quarter of an hour, or three minutes with --quick."""
    return figures(run_rounds(context))
