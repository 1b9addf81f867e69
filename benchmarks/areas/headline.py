"""headline.*: what a newcomer asks first: who decides, how fast, and what after a crash.

What each figure means and how it is counted stands in docs/benchmarks.md.
"""

from __future__ import annotations

from benchmarks.context import Context
from benchmarks.figure import Figure, Target, figure
from benchmarks.headline.figures import of_holds, of_hours
from benchmarks.headline.forklift import Holds, holds
from benchmarks.headline.hour import HOUR_S, run_hour
from benchmarks.pressure import Pressure
from benchmarks.reaction import phases
from benchmarks.reaction.broker import BrokerMissing
from benchmarks.reaction.peers import banksman
from benchmarks.reaction.recipe import PeerMissing
from benchmarks.reaction.session import session

# Long enough for the first worn bearing, which is what the cloud is asked about.
QUICK_HOUR_S = HOUR_S / 2
HOLDS = 200
QUICK_HOLDS = 20
POLL_MS = 10
KILLS = 5
SETTLE_S = 3.0
FOLLOW_S = 1.0


def measure(context: Context) -> list[Figure]:
    """All figures of the area, about six minutes."""
    return [*demo_hour(context), *forklift_reaction(context), restart_to_acting(context)]


def demo_hour(context: Context) -> list[Figure]:
    """The demo's hour in made time, another history in each round."""
    pressure = Pressure()
    hours = []
    for number in range(context.rounds):
        context.say(f"hour {number + 1} of {context.rounds}")
        seconds = QUICK_HOUR_S if context.quick else HOUR_S
        with pressure:
            hours.append(run_hour(context.work / f"hour-{number}", number + 1, seconds))
    return of_hours(hours, pressure.pct)


def forklift_reaction(context: Context) -> list[Figure]:
    """The whole daemon and a real broker, a fresh pair in each round."""
    pressure = Pressure()
    runs: list[Holds] = []
    missing = ""
    for number in range(context.rounds):
        context.say(f"forklift {number + 1} of {context.rounds}")
        count = QUICK_HOLDS if context.quick else HOLDS
        try:
            runs.append(holds(context.work / f"forklift-{number}", count, number, pressure))
        except (PeerMissing, BrokerMissing) as error:
            missing = str(error)
    return of_holds(runs, pressure.pct, missing)


def restart_to_acting(context: Context) -> Figure:
    """SIGKILL, start again at once, and the PLC's value changes: seconds until the coil follows."""
    follows_s: list[float] = []
    note = "the story has 15 minutes here; systemd adds RestartSec and the run of banksman safe"
    pressure = Pressure()
    try:
        with session(banksman.prepare, context.work / "restart", context.cache, POLL_MS) as run:
            for number in range(1 if context.quick else KILLS):
                context.say(f"kill {number + 1}")
                phases.settle(run, SETTLE_S)
                with pressure:
                    follows_s.append(phases.kill_and_follow(run).follows_s)
    except (PeerMissing, BrokerMissing) as missing:
        note = str(missing)
    return figure(
        "headline.restart_to_acting", "s", follows_s, direction="lower", n=len(follows_s),
        pressure_pct=pressure.pct, target=Target("value", FOLLOW_S), note=note,
    )  # fmt: skip
