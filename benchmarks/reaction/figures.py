"""What the tally of all rounds amounts to: the figures and their targets. Pure."""

from __future__ import annotations

from benchmarks.figure import Direction, Figure, Target, figure
from benchmarks.pressure import loaded_note
from benchmarks.reaction.tally import Tally

OURS = "banksman"
# 1000 polls/s, less what a stopwatch of 10 s may count short at its ends.
POLLS_S = 1000 * 0.995


def figures(tally: Tally) -> list[Figure]:
    """Every figure of the area; one whose peer is missing says so in its note."""
    busy = loaded_note(tally.pressure("loaded").pct)
    return [
        _compared(tally, "decide_p50", "decide_p50_ms", "decide", "pyloop", Target("ratio", 1.4)),
        _compared(
            tally, "decide_p50_vs_nodered", "decide_p50_ms", "decide", "nodered",
            Target("ratio", 1 / 8),
        ),
        _compared(tally, "decide_p50_vs_cloop", "decide_p50_ms", "decide", "cloop", None),
        _compared(tally, "decide_p99", "decide_p99_ms", "decide", "pyloop", Target("excess", 1.0)),
        _compared(
            tally, "decide_p99_prize", "decide_p99_ms", "decide", "cloop", Target("ratio", 8.0)
        ),
        _own(
            tally, "decide_missed_steps", "decide_missed", "decide", "steps", Target("value", 0),
            worst=True,
        ),
        _compared(tally, "cpu", "cpu_pct", "steady", "pyloop", Target("ratio", 2.5), unit="%"),
        _own(
            tally, "polls_held", "polls_s", "fast", "polls/s", Target("value", POLLS_S), "higher"
        ),
        _own(tally, "busy_p50", "busy_p50_ms", "busy", "ms", None, note=busy),
        _own(tally, "busy_p99", "busy_p99_ms", "busy", "ms", Target("value", 5.0), note=busy),
        _own(
            tally, "outage_lost_below_mark", "lost_below_mark", "broken", "readings",
            Target("value", 0), worst=True,
        ),
        _own(
            tally, "outage_lost_age", "lost_age_ms", "broken", "ms", Target("value", 20.0),
            worst=True,
        ),
        _own(
            tally, "outage_lost_above_mark", "lost_above_mark", "broken", "readings", None,
            worst=True,
        ),
        _own(
            tally, "outage_repeated_with_other_id", "repeated_with_other_id", "broken",
            "readings", Target("value", 0), worst=True,
        ),
        _own(
            tally, "outage_missed_steps", "missed_steps", "broken", "steps", Target("value", 0),
            worst=True,
        ),
        _own(tally, "restart_to_follow", "follows_s", "broken", "s", Target("value", 1.0)),
    ]  # fmt: skip


def _own(
    tally: Tally,
    name: str,
    kind: str,
    phase: str,
    unit: str,
    target: Target | None,
    direction: Direction = "lower",
    *,
    worst: bool = False,
    note: str = "",
) -> Figure:
    return figure(
        f"reaction.{name}",
        unit,
        tally.values(OURS, kind),
        worst=worst,
        direction=direction,
        n=tally.samples(OURS, kind),
        pressure_pct=tally.pressure(phase).pct,
        target=target,
        note=_note(tally, kind, OURS) or note,
    )


def _compared(
    tally: Tally,
    name: str,
    kind: str,
    phase: str,
    peer: str,
    target: Target | None,
    unit: str = "ms",
) -> Figure:
    return figure(
        f"reaction.{name}",
        unit,
        tally.values(OURS, kind),
        direction="lower",
        n=tally.samples(OURS, kind),
        pressure_pct=tally.pressure(phase).pct,
        target=target,
        peer=peer,
        peer_values=tally.values(peer, kind),
        note=_note(tally, kind, OURS, peer),
    )


def _note(tally: Tally, kind: str, *peers: str) -> str:
    return "; ".join(
        f"{peer} could not be measured ({tally.missing.get(peer, 'nothing answered')})"
        for peer in peers
        if not tally.values(peer, kind)
    )
