"""The order of measuring: peers take turns within each round, so that whatever else the machine
does disturbs all alike. A peer that cannot run is noted and the others go on.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from benchmarks.context import Context
from benchmarks.pressure import REST_S, Pressure
from benchmarks.reaction import phases
from benchmarks.reaction.load import Load
from benchmarks.reaction.peers import banksman, cloop, nodered, pyloop
from benchmarks.reaction.recipe import PeerMissing, Prepare
from benchmarks.reaction.session import Session, session
from benchmarks.reaction.tally import Tally
from benchmarks.stats import percentile

OURS = "banksman"
PEERS: Mapping[str, Prepare] = {
    OURS: banksman.prepare,
    "pyloop": pyloop.prepare,
    "nodered": nodered.prepare,
    "cloop": cloop.prepare,
}
POLL_MS = 10
FAST_POLL_MS = 1
STATUS_S = 5.0


class Lengths(msgspec.Struct, frozen=True):
    """How long each phase takes; the p99 of 300 steps is its fourth largest."""

    settle_s: float = 4.0
    steady_s: float = 8.0
    steps: int = 300
    fast_s: float = 10.0
    outage_s: float = 60.0
    short_outage_s: float = 10.0


QUICK = Lengths(settle_s=2.0, steady_s=3.0, steps=40, fast_s=3.0, outage_s=10.0)


def run_rounds(context: Context) -> Tally:
    """Measure everything; the tally has one value for each round."""
    tally = Tally()
    lengths = QUICK if context.quick else Lengths()
    turns: list[tuple[str, str, Callable[[Tally, str, Session, Lengths], None], int]] = [
        *((f"side by side: {name}", name, side_by_side, POLL_MS) for name in PEERS),
        ("1 ms poll", OURS, fast, FAST_POLL_MS),
        ("under load", OURS, busy, POLL_MS),
        ("broker away, SIGKILL in the middle", OURS, broken, POLL_MS),
    ]
    for number in range(context.rounds):
        for title, name, turn, poll_ms in turns:
            context.say(f"round {number + 1} of {context.rounds}: {title}")
            folder = context.work / f"{number}-{turn.__name__}-{name}"
            _attempt(tally, name, turn, folder, context.cache, poll_ms, lengths)
        # The promise is for a long outage; further kills after short ones meet other instants.
        lengths = msgspec.structs.replace(lengths, outage_s=lengths.short_outage_s)
    return tally


def side_by_side(tally: Tally, name: str, run: Session, lengths: Lengths) -> None:
    """At rest, then reacting."""
    phases.settle(run, lengths.settle_s)
    calm = phases.steady(run, lengths.steady_s, tally.pressure("steady"))
    tally.add(name, "cpu_pct", calm.cpu_pct)
    tally.add(name, "rss_mb", calm.rss_mb)
    tally.add(name, "start_s", run.poll_s)
    _react(tally, name, "decide", run, lengths.steps, tally.pressure("decide"))


def fast(tally: Tally, name: str, run: Session, lengths: Lengths) -> None:
    """How many of 1000 polls a second it holds."""
    phases.settle(run, lengths.settle_s)
    calm = phases.steady(run, lengths.fast_s, tally.pressure("fast"))
    tally.add(name, "polls_s", calm.polls_s, round(calm.polls_s * lengths.fast_s))


def busy(tally: Tally, name: str, run: Session, lengths: Lengths) -> None:
    """Reacting while pages, scraper, outbox and model are busy."""
    assert run.recipe.page_url is not None
    phases.settle(run, lengths.settle_s)
    tally.pressure("busy").rest(REST_S)
    with Load(run.recipe.page_url, run.broker) as load:
        _react(tally, name, "busy", run, lengths.steps, tally.pressure("loaded"))
    # A load that reached nobody would flatter the figure.
    if not load.events or not load.requests:
        raise PeerMissing(f"its page answered {load.requests} requests, {load.events} live events")


def broken(tally: Tally, name: str, run: Session, lengths: Lengths) -> None:
    """The broker away, and a SIGKILL in the middle."""
    phases.settle(run, lengths.settle_s)
    seen = phases.outage(run, lengths.outage_s, lambda: durable_mark(run), tally.pressure("broken"))
    tally.add(name, "lost_below_mark", seen.lost_below_mark, seen.served)
    tally.add(name, "lost_above_mark", seen.lost_above_mark, seen.served)
    tally.add(name, "lost_age_ms", seen.lost_age_ms, seen.served)
    tally.add(name, "missed_steps", seen.missed_steps)
    tally.add(name, "repeated_with_other_id", seen.repeated_with_other_id, seen.repeated)
    tally.add(name, "follows_s", seen.follows_s)


def durable_mark(run: Session) -> str:
    """What the daemon's status says: the id below which it claims to lose nothing."""
    url = f"{run.recipe.page_url}/api/v1/status"
    with urllib.request.urlopen(url, timeout=STATUS_S) as answer:
        return str(json.load(answer)["store"]["durable_mark"])


def _react(
    tally: Tally, name: str, kind: str, run: Session, steps: int, pressure: Pressure
) -> None:
    seen = phases.react(run, steps, pressure)
    for percent in (50, 99):
        value = percentile(seen.decide_ms, percent)
        tally.add(name, f"{kind}_p{percent}_ms", value, len(seen.decide_ms))
    tally.add(name, f"{kind}_missed", seen.missed, steps)


def _attempt(
    tally: Tally,
    name: str,
    turn: Callable[[Tally, str, Session, Lengths], None],
    folder: Path,
    cache: Path,
    poll_ms: int,
    lengths: Lengths,
) -> None:
    try:
        with session(PEERS[name], folder, cache, poll_ms, standin=turn is busy) as run:
            turn(tally, name, run, lengths)
    except (PeerMissing, OSError) as error:
        tally.missing[name] = f"{turn.__name__}: {error}"
