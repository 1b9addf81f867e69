"""What was given up or thinned: counted over restarts, and reported by period. Main loop.

Rules of this file
- Counted by class (`normal_shed`, `readings_expired`, `readings_thinned`), for as long as the store
  lives: a restart begins no count anew.
- Reported, so that the endpoint and the auditor hear of it: one record for each period and class,
  never one for each row. A period ends when nothing more went for `QUIET_NS`, or after
  `LONGEST_NS`; a restart does not end it.
- Bounded: `CLASSES_MAX` classes, of each an open period.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

STATE_KEY = "store.given_up"
QUIET_NS = 600 * 10**9
LONGEST_NS = 3600 * 10**9
CLASSES_MAX = 64
THINNED = "readings_thinned"


class Period(msgspec.Struct, frozen=True):
    """So many of a class went between two wall times."""

    from_wall_ns: int
    to_wall_ns: int
    count: int

    def over(self, wall_ns: int) -> bool:
        """Whether it is to be reported now; a clock that jumped back ends it, too."""
        quiet, lasts = wall_ns - self.to_wall_ns, wall_ns - self.from_wall_ns
        return quiet >= QUIET_NS or lasts >= LONGEST_NS or quiet < 0


class GivenUp(msgspec.Struct, frozen=True):
    """``totals``: since the store was made; ``open``: periods that are not reported yet."""

    totals: dict[str, int] = {}
    open: dict[str, Period] = {}


def is_loss(what: str) -> bool:
    """Whether this counter of the store is of records that somebody still waited for."""
    return what.endswith(("_shed", "_full", "_expired"))


def decoded(saved: bytes | None) -> GivenUp:
    """What was saved; nothing where that cannot be read."""
    try:
        return msgspec.json.decode(saved or b"{}", type=GivenUp)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return GivenUp()


def with_more(known: GivenUp, counts: Mapping[str, int], wall_ns: int) -> GivenUp:
    """Take up what has grown. ``counts`` are totals; what is less than known teaches nothing."""
    totals, periods = dict(known.totals), dict(known.open)
    for what, total in counts.items():
        more = total - totals.get(what, 0)
        if more <= 0 or (what not in totals and len(totals) >= CLASSES_MAX):
            continue
        totals[what] = total
        begun = periods.get(what, Period(wall_ns, wall_ns, 0))
        periods[what] = Period(begun.from_wall_ns, wall_ns, begun.count + more)
    return GivenUp(totals, periods)


class GivenUpBook:
    """See the rules above; main loop. ``report`` is told (event, by, details) of each period."""

    def __init__(
        self,
        load: Callable[[str], bytes | None],
        save: Callable[[str, bytes], None],
        wall_ns: Callable[[], int],
        report: Callable[[str, str, dict[str, str]], None],
        thinned: Callable[[], int] = lambda: 0,
    ) -> None:
        """``thinned``: how many readings went up thinned, over restarts."""
        self._known = decoded(load(STATE_KEY))
        self._save = save
        self._wall_ns = wall_ns
        self._report = report
        self._thinned = thinned

    @property
    def totals(self) -> Mapping[str, int]:
        """How many of each class have gone so far."""
        return self._known.totals

    def look(self, dropped: Mapping[str, int]) -> None:
        """Take up the store's counters, and report the periods that are over."""
        wall_ns = self._wall_ns()
        counts = {what: count for what, count in dropped.items() if is_loss(what)}
        over = {w: p for w, p in self._known.open.items() if p.over(wall_ns)}
        left = {w: p for w, p in self._known.open.items() if w not in over}
        known = GivenUp(self._known.totals, left)
        known = with_more(known, counts | {THINNED: self._thinned()}, wall_ns)
        if known == self._known:
            return
        self._known = known
        for what, period in over.items():
            event = "readings_thinned" if what == THINNED else "records_given_up"
            self._report(event, "store", details(what, period, known.totals[what]))
        # Last: whoever dies in between reports a period twice rather than never.
        self._save(STATE_KEY, msgspec.json.encode(known))


def details(what: str, period: Period, total: int) -> dict[str, str]:
    """A period in words for the audit."""
    return {
        "class": what,
        "count": str(period.count),
        "from_wall_ns": str(period.from_wall_ns),
        "to_wall_ns": str(period.to_wall_ns),
        "total": str(total),
    }
