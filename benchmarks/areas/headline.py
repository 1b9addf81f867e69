"""headline.*: what a newcomer asks first.

The figures of the demo hour in fast time (share of decisions made locally, mean decision latency,
forklift reaction) belong here as well.
"""

from __future__ import annotations

from benchmarks.context import Context
from benchmarks.figure import Figure, figure
from benchmarks.pressure import Pressure
from benchmarks.reaction import phases
from benchmarks.reaction.peers import banksman
from benchmarks.reaction.recipe import PeerMissing
from benchmarks.reaction.session import session

POLL_MS = 10
KILLS = 5
SETTLE_S = 3.0


def measure(context: Context) -> list[Figure]:
    """All figures of the area."""
    return [restart_to_acting(context)]


def restart_to_acting(context: Context) -> Figure:
    """SIGKILL, start again at once, and the PLC's value changes: seconds until the coil follows."""
    follows_s: list[float] = []
    note = ""
    pressure = Pressure()
    try:
        with session(banksman.prepare, context.work / "restart", context.cache, POLL_MS) as run:
            for number in range(1 if context.quick else KILLS):
                context.say(f"kill {number + 1}")
                phases.settle(run, SETTLE_S)
                with pressure:
                    follows_s.append(phases.kill_and_follow(run).follows_s)
    except PeerMissing as missing:
        note = str(missing)
    return figure(
        "headline.restart_to_acting", "s", follows_s, direction="lower", n=len(follows_s),
        pressure_pct=pressure.pct, note=note,
    )  # fmt: skip
