"""A made-up hour of an uplink: wired, then a modem with a tunnel in it, then wired again."""

from __future__ import annotations

import math

from banksman.status import SyncHistory

EVERY_MS = 5_000
POINTS = 720


def an_hour(until_ms: int) -> SyncHistory:
    """States that end at this wall time, the same ones at every call."""
    states, profiles = [], []
    goodput: list[float | None] = []
    trips: list[float | None] = []
    for at in range(POINTS):
        wave = math.sin(at / 9.0) + 0.4 * math.sin(at * 1.7)
        wired = not 250 <= at < 520
        state = "down" if 380 <= at < 425 else "up"
        states.append(state)
        profiles.append("wide" if wired else "thin")
        known = state == "up"
        goodput.append(round(48 + 6 * wave if wired else 3.1 + wave, 2) if known else None)
        trips.append(round(12 + wave if wired else 140 + 30 * wave, 1) if known else None)
    return SyncHistory(
        wall_ms=[until_ms - EVERY_MS * (POINTS - 1 - at) for at in range(POINTS)],
        state=states,
        profile=profiles,
        goodput_mbit=goodput,
        round_trip_ms=trips,
        reliability=[1.0 if state == "up" else 0.6 for state in states],
    )
