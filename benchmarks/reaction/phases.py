"""What is measured in a session, phase by phase. Each phase is watched by the Pressure it is given.

steady   no stimulus: polls/s, CPU, memory
react    the value changes at random times: decide = value served -> coil written
outage   the broker is away and the peer is killed in the middle: what is lost, and how soon
         the coil follows again

    broker   ======|                                   |==========
    peer     ================|X|==================================
    lost     none may be      ^ only the newest here     none may be
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from benchmarks.pressure import Pressure
from benchmarks.reaction.peer import Peer
from benchmarks.reaction.session import Session, first_time
from benchmarks.reaction.simulator import Step

# Gaps far over a poll and any peer's answer, and random, so that steps meet every phase of a poll.
STEP_GAP_MS = (30, 90)
CALM_GAP_MS = (500, 1500)
SAMPLE_S = 0.5
FOLLOW_MAX_S = 20.0
DRAIN_S = 120.0
DRAIN_QUIET_S = 15.0


class Steady(msgspec.Struct, frozen=True):
    """A peer at rest. ``cpu_pct`` is of one core; ``rss_mb`` the largest seen."""

    polls_s: float
    cpu_pct: float
    rss_mb: float


class Reactions(msgspec.Struct, frozen=True):
    """``decide_ms`` of every step that was answered."""

    decide_ms: tuple[float, ...]
    missed: int


class Kill(msgspec.Struct, frozen=True):
    """When it was killed, the last reading it can have seen, and how soon the coil followed."""

    mono_ns: int
    last_seen: int
    follows_s: float


class Outage(msgspec.Struct, frozen=True):
    """Which readings were lost around the kill, and how soon it acted again.

    ``lost_below_mark`` counts every lost reading except those between the durable mark and the
    kill; of these ``lost_age_ms`` is the age of the oldest at the kill (0: none was lost).
    """

    served: int
    missed_steps: int
    lost_below_mark: int
    lost_above_mark: int
    lost_age_ms: float
    repeated: int
    repeated_with_other_id: int
    follows_s: float


def steady(run: Session, seconds: float, pressure: Pressure) -> Steady:
    """Watch it for a while without any stimulus."""
    with pressure:
        before, used, since_s = run.plant.mark(), run.peer.usage(), time.monotonic()
        rss_mb = largest_rss_mb(run.peer, seconds)
        after, used_after, elapsed_s = (
            run.plant.mark(),
            run.peer.usage(),
            time.monotonic() - since_s,
        )
    return Steady(
        polls_s=(after.reads - before.reads) * 1e9 / (after.mono_ns - before.mono_ns),
        cpu_pct=(used_after.cpu_s - used.cpu_s) / elapsed_s * 100,
        rss_mb=rss_mb,
    )


def react(run: Session, steps: int, pressure: Pressure) -> Reactions:
    """Change the value ``steps`` times and take how long the coil took."""
    with pressure:
        run.plant.begin_steps(steps, STEP_GAP_MS)
        taken = run.plant.end_steps(timeout_s=steps * 0.2 + 30)
    return reactions(taken)


def reactions(steps: Sequence[Step]) -> Reactions:
    """Only a step that was served and answered has a time; the others are missed."""
    answered = [step for step in steps if not step.missed and step.decide_ms >= 0]
    return Reactions(tuple(step.decide_ms for step in answered), sum(step.missed for step in steps))


def outage(
    run: Session, seconds: float, durable_mark: Callable[[], str], pressure: Pressure
) -> Outage:
    """Take the broker away for ``seconds``, kill the peer in the middle and start it again.

    ``durable_mark`` asks the peer for the id below which it claims to lose nothing; it is asked
    just before the kill.
    """
    with pressure:
        first = run.plant.mark().sequence + 1
        run.broker.stop()
        gone_s = time.monotonic()
        run.plant.begin_steps(1_000_000, CALM_GAP_MS, timeout_ms=3000)
        time.sleep(seconds / 2)
        missed = sum(step.missed for step in run.plant.end_steps(timeout_s=0))

        mark_id = durable_mark()
        kill = kill_and_follow(run)
        time.sleep(max(0.0, gone_s + seconds - time.monotonic()))
        last = run.plant.mark().sequence
        run.broker.start()
        wait_for_backlog(run, first, last)

    missing = run.subscriber.missing(first, last)
    mark = run.subscriber.highest_up_to(mark_id) if mark_id else 0
    above = [number for number in missing if mark < number <= kill.last_seen]
    return Outage(
        served=last - first + 1,
        missed_steps=missed,
        lost_below_mark=len(missing) - len(above),
        lost_above_mark=len(above),
        lost_age_ms=_age_ms(run, above, kill.mono_ns),
        repeated=run.subscriber.repeated,
        repeated_with_other_id=run.subscriber.repeated_with_other_id,
        follows_s=kill.follows_s,
    )


def kill_and_follow(run: Session) -> Kill:
    """SIGKILL the peer, start it again at once, and change the value: how soon does it follow?"""
    killed = run.plant.mark()
    run.peer.kill()
    last_seen = run.plant.mark().sequence
    run.peer.start()
    run.plant.begin_steps(1, (0, 0), timeout_ms=int(FOLLOW_MAX_S * 1000))
    follow = run.plant.end_steps(timeout_s=FOLLOW_MAX_S + 10)
    # A step that was never followed reports its timeout, which misses any target.
    follows_s = follow[0].reaction_ms / 1e3 if follow else FOLLOW_MAX_S
    return Kill(killed.mono_ns, last_seen, follows_s)


def wait_for_backlog(run: Session, first: int, last: int) -> None:
    """Until nothing of first..last is missing, or nothing more of it comes."""
    began_s = quiet_since_s = time.monotonic()
    left = last - first + 1
    while left and time.monotonic() - began_s < DRAIN_S:
        if time.monotonic() - quiet_since_s > DRAIN_QUIET_S:
            return
        time.sleep(SAMPLE_S)
        now_left = len(run.subscriber.missing(first, last))
        if now_left != left:
            left, quiet_since_s = now_left, time.monotonic()


def largest_rss_mb(peer: Peer, seconds: float) -> float:
    """The most memory that the peer's tree held within the next ``seconds``."""
    until_s, rss_mb = time.monotonic() + seconds, 0.0
    while time.monotonic() < until_s:
        time.sleep(SAMPLE_S)
        rss_mb = max(rss_mb, peer.usage().rss_mb)
    return rss_mb


def settle(run: Session, seconds: float) -> None:
    """Let caches, connections and a discovery message pass before anything is measured."""
    before = run.subscriber.arrived()
    time.sleep(seconds)
    first_time(lambda: run.subscriber.arrived() > before, run.peer)


def _age_ms(run: Session, lost: Sequence[int], killed_mono_ns: int) -> float:
    if not lost:
        return 0.0
    return max(0, killed_mono_ns - run.plant.served_mono_ns(lost[0])) / 1e6
