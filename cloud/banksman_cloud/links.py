"""How a node's link was over its last heartbeats: a short track, kept beside its row.

Rules of this file
- A point a heartbeat, at most POINTS_MAX: an hour at the usual beat, longer over a metered link.
- Its time is this endpoint's, so that gaps are times in which nothing came.
"""

from __future__ import annotations

import math

import msgspec

from banksman.wire.uplink import LinkReport
from banksman_cloud.storage.port import Session

POINTS_MAX = 120


class LinkPoint(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The link when a heartbeat came; None: the node did not know."""

    heard_ms: int
    goodput_mbit: float | None
    round_trip_ms: float | None
    reliability: float | None


_TRACK = msgspec.msgpack.Decoder(list[LinkPoint])


def add_point(db: Session, no: int, link: LinkReport, now_ns: int) -> None:
    """Keep what a heartbeat told; the oldest point gives way."""
    point = LinkPoint(
        now_ns // 1_000_000,
        _short(link.goodput_mbit),
        _short(link.round_trip_ms),
        _short(link.reliability),
    )
    track = [*links_of(db, no), point][-POINTS_MAX:]
    db.run(
        "UPDATE node SET links = :links WHERE no = :no", no=no, links=msgspec.msgpack.encode(track)
    )


def links_of(db: Session, no: int) -> list[LinkPoint]:
    """The track, oldest first."""
    row = db.one("SELECT links FROM node WHERE no = :no", no=no)
    return [] if row is None or row[0] is None else _TRACK.decode(row[0])


def _short(value: float | None) -> float | None:
    """Four digits are more than these figures are worth; a node may say nonsense."""
    return float(f"{value:.4g}") if value is not None and math.isfinite(value) else None
