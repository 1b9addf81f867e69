"""What a measured link is used for: the table, read for the state of now. Pure.

    LinkState, metered --Policy.plan--> Plan(what goes, how, when; how much may be asked)

Rules of this file
- The table is the config's; nothing here knows a number of it.
- Not measured yet means thin: the first row of the table holds until a transfer has told more.
- A row is left only when the goodput is a tenth beyond its bound: a link at 5 Mbit/s must not
  change its mind with every batch. The first choice is made at once.
- What may be asked of the cloud is a share of all decisions, so that a box lives without it.
- A reliability that nobody knows (a start, another interface) changes nothing: the store keeps what
  it kept before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from banksman.config.schema_sync import Compression, ProfileSettings, SyncSettings
from banksman.sync.link import LinkState
from banksman.wire.messages import Priority

HYSTERESIS = 0.1
CLOUD_SHARE_LEAST = 0.1
CLOUD_SHARE_MOST = 0.3
BATCH_S = 8.0  # a batch shall take about so long: the link stays full, and a break costs little
BATCH_BYTES_LEAST = 16 * 1024
BATCH_BYTES_MOST = 1024 * 1024
LEVELS: Mapping[Compression, int] = {"medium": 3, "high": 9, "highest": 17}


class Plan(msgspec.Struct, frozen=True):
    """What holds now.

    ``lowest``: the lowest class that is sent by right; lower ones go only over ``idle`` capacity.
    ``rows``: so many waiting rows are sent at once; fewer wait ``interval_s``. ``bytes_most``:
    what a batch may have on the wire. ``retention``: times the store's quota and times to
    live; the store shrinks lazily (`store.stretch`).
    """

    profile: str
    lowest: Priority
    level: int
    rows: int
    interval_s: float
    idle: bool
    bytes_most: int
    cloud_share: float
    retention: float
    metered: bool
    stale: bool


class Policy:
    """Reads the table. It remembers the row it was in, and whether the link was reliable."""

    def __init__(self, settings: SyncSettings, unreliable: bool = False) -> None:
        """``unreliable``: as it was before the start."""
        self._settings = settings
        self._row: int | None = None
        self._unreliable = unreliable

    def plan(self, state: LinkState, metered: bool) -> Plan:
        """What holds for this state of the link."""
        settings = self._settings
        goodput = state.goodput_mbit
        if goodput is not None:
            self._row = _row(settings.profiles, goodput, self._row)
        profile = settings.profiles[self._row or 0]
        if state.reliability is not None:
            self._unreliable = state.reliability < settings.reliable_above
        return Plan(
            profile=profile.name,
            lowest=Priority[profile.lowest.upper()],
            level=LEVELS[profile.compression],
            rows=profile.batch,
            interval_s=profile.interval_s,
            idle=not metered,
            bytes_most=batch_bytes(goodput),
            cloud_share=cloud_share(settings, state),
            retention=settings.retention_grows_by if self._unreliable else 1.0,
            metered=metered,
            stale=state.stale,
        )


def _row(profiles: Sequence[ProfileSettings], goodput: float, before: int | None) -> int:
    """The table's row for a goodput; ``before`` is kept near its bounds."""
    found = max(
        (index for index, profile in enumerate(profiles) if goodput >= profile.over_mbit), default=0
    )
    if before is None or found == before:
        return found
    if found > before:
        while found > before and goodput < profiles[found].over_mbit * (1 + HYSTERESIS):
            found -= 1
    else:
        while found < before and goodput > profiles[found + 1].over_mbit * (1 - HYSTERESIS):
            found += 1
    return found


def batch_bytes(goodput_mbit: float | None) -> int:
    """What a batch may have: what the link carries in `BATCH_S`, within bounds."""
    if goodput_mbit is None:
        return 4 * BATCH_BYTES_LEAST
    carried = goodput_mbit * 1e6 / 8 * BATCH_S
    return int(min(BATCH_BYTES_MOST, max(BATCH_BYTES_LEAST, carried)))


def cloud_share(settings: SyncSettings, state: LinkState) -> float:
    """Which share of decisions may be asked of the cloud, 0..1."""
    trip_ms, goodput = state.round_trip_ms, state.goodput_mbit
    if trip_ms is not None and trip_ms > settings.local_above_ms:
        return 0.0
    if goodput is None or goodput <= settings.local_below_mbit:
        return CLOUD_SHARE_LEAST
    if goodput >= settings.cloud_above_mbit:
        return CLOUD_SHARE_MOST
    way = settings.cloud_above_mbit - settings.local_below_mbit
    part = (goodput - settings.local_below_mbit) / way
    return CLOUD_SHARE_LEAST + part * (CLOUD_SHARE_MOST - CLOUD_SHARE_LEAST)


class Asking:
    """Keeps the questions to the cloud within their share of all decisions.

    A token bucket (Turner 1986) whose clock is the number of decisions: each of them brings
    ``share`` of a token, each question takes one, and what is not used is kept up to ``burst``.
    So of any N decisions in a row at most ``share * N + burst`` are asked, however quiet it was.
    """

    def __init__(self, burst: float = 3.0) -> None:
        self._burst = self._tokens = burst
        self._decided = 0
        self.share = CLOUD_SHARE_LEAST  # of now; set by the main loop
        self.asked = 0
        self.kept_local = 0

    def may_ask(self, decided: int) -> bool:
        """Whether one more may be asked, after ``decided`` decisions since the start; counts it.

        The control thread only.
        """
        share = self.share
        gained = share * max(0, decided - self._decided)
        self._decided = max(self._decided, decided)
        self._tokens = min(self._burst, self._tokens + gained)
        if share <= 0 or self._tokens < 1:
            self.kept_local += 1
            return False
        self._tokens -= 1
        self.asked += 1
        return True
