"""Records that cannot be written as JSON: set aside as far as words tell them, counted, and told.

Rules of this file
- A fault of a driver's or of ours (a text that is no Unicode, a number without end) must neither
  stop the recording of everything else nor go by unseen.
- What is left of the record is its representation, cut at `WORDS_MOST`: among what does not open
  (aside.py), under its id.
- A flood of them is counted whole; of the first of each power of ten people are told in log and
  audit, and `KEPT_MOST` of a run are kept.
"""

from __future__ import annotations

import logging

from banksman.store.aside import Unread
from banksman.store.intake import Drops, Intake
from banksman.store.pending import Pending

CANNOT = (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
WORDS_MOST = 4000
WHY_MOST = 200
KEPT_MOST = 200

log = logging.getLogger(__name__)


class Unencodable:
    """One thread's. ``what`` names its counter, as in ``rows_unencodable``."""

    def __init__(self, what: str, intake: Intake, pending: Pending, drops: Drops) -> None:
        self._counter = f"{what}_unencodable"
        self._intake = intake
        self._pending = pending
        self._drops = drops
        self._count = 0
        self._tell_at = 1

    def put(self, name: str, kind: str, record: object, error: Exception) -> None:
        """``record`` could not be written, for ``error``."""
        self._count += 1
        self._drops.add(self._counter)
        why = _plain(str(error))[:WHY_MOST]
        if self._count <= KEPT_MOST:
            words = _words(record)[:WORDS_MOST]
            reason = f"the {kind} cannot be written as JSON: {why}"
            self._pending.unread(Unread("intake", _plain(name), reason, words.encode()))
            self._intake.call()
        if self._count >= self._tell_at:
            self._tell_at *= 10
            count = str(self._count)
            log.error("the %s %s cannot be written as JSON (%s so far): %s", kind, name, count, why)
            details = {"kind": kind, "record": _plain(name), "why": why, "count": count}
            self._intake.put_audit("record_unencodable", "store", details)


def _words(record: object) -> str:
    try:
        return _plain(repr(record))
    except CANNOT:
        return type(record).__name__


def _plain(text: str) -> str:
    """Text that any encoder takes."""
    return text.encode("utf-8", "backslashreplace").decode()
