"""Searching what all nodes have recorded: by node, kind, type, time and text, page by page.

Rules of this file
- Newest first, by the node's time and then by arrival; a page's cursor is the place of the last
  row that was looked at, so that nothing is shown twice or passed over while new rows come.
- A search looks at SCAN_MAX rows at most and then answers with what it has found and a cursor to go
  on from, so no search holds the database for long, however rare its words are.
- A text matches where each of its words stands somewhere in the record's words, whatever the
  case. Nothing in it is a pattern.
"""

from __future__ import annotations

from typing import Any

import msgspec

from banksman_cloud.kinds import Kind
from banksman_cloud.storage.port import Session

PAGE_MAX = 200
SCAN_MAX = 20_000
WORDS_MAX = 8
TEXT_CHARS_MAX = 200
_LATEST_NS = 2**63 - 1


class BadSearch(ValueError):
    """What was asked for cannot be searched; the message says why."""


class Search(msgspec.Struct, frozen=True):
    """What to look for; empty or None asks for all. ``until_ns`` is not within."""

    kind: Kind
    node: str = ""
    type: str = ""
    text: str = ""
    since_ns: int = 0
    until_ns: int = _LATEST_NS
    cursor: str = ""
    limit: int = 100


class Found(msgspec.Struct, frozen=True):
    """One record: who sent it, when it came, and its message as the node wrote it."""

    node: str
    arrived_ns: int
    wall_ns: int
    message: msgspec.Raw


class Page(msgspec.Struct, frozen=True):
    """A page of them. ``cursor`` leads on; empty when there is no more."""

    found: list[Found]
    cursor: str


def search(db: Session, wanted: Search) -> Page:
    """One page. Raises BadSearch."""
    words = wanted.text.casefold().split()
    if len(wanted.text) > TEXT_CHARS_MAX or len(words) > WORDS_MAX:
        raise BadSearch(f"text has at most {WORDS_MAX} words, {TEXT_CHARS_MAX} characters in all")
    limit = max(1, min(wanted.limit, PAGE_MAX))
    at_ns, at_seq = _place(wanted)
    values: dict[str, Any] = {
        "kind": int(wanted.kind),
        "node": wanted.node,
        "since": wanted.since_ns,
        "at_ns": at_ns,
        "at_seq": at_seq,
    }
    looked_at = _LOOKED_AT_OF_NODE if wanted.node else _LOOKED_AT
    rows = db.all(
        _hits(looked_at, len(words), by_type=bool(wanted.type)),
        **values,
        type=wanted.type,
        **{f"word{place}": word for place, word in enumerate(words)},
        scan=SCAN_MAX,
        most=limit + 1,
    )
    found = [
        Found(node, arrived_ns, wall_ns, msgspec.Raw(body or b"null"))
        for _, wall_ns, arrived_ns, node, body in rows[:limit]
    ]
    if len(rows) > limit:
        return Page(found, _cursor(rows[limit - 1]))
    # It may have ended because it had looked at enough, and not because there is no more.
    last = db.one(f"{looked_at} OFFSET :passed", **values, scan=1, passed=SCAN_MAX - 1)
    return Page(found, "" if last is None else f"{last[3]}-{last[0]}")


_LOOKED_AT = (
    "SELECT seq, node_no, type, wall_ns, words FROM record "
    "WHERE kind = :kind AND wall_ns >= :since AND (wall_ns, seq) < (:at_ns, :at_seq) "
    "ORDER BY wall_ns DESC, seq DESC LIMIT :scan"
)
_LOOKED_AT_OF_NODE = _LOOKED_AT.replace(
    "WHERE", "WHERE node_no = (SELECT no FROM node WHERE name = :node) AND"
)


def _hits(looked_at: str, words: int, *, by_type: bool) -> str:
    """The statement. The two databases have no common name for "contains", but for "replace"."""
    conditions = ["looked.type = :type"] if by_type else []
    conditions += [f"replace(looked.words, :word{n}, '') <> looked.words" for n in range(words)]
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    parts = [
        "SELECT looked.seq, looked.wall_ns, record.arrived_ns, node.name, record.body FROM",
        f"({looked_at}) AS looked JOIN record ON record.seq = looked.seq",
        f"JOIN node ON node.no = looked.node_no {where}",
        "ORDER BY looked.wall_ns DESC, looked.seq DESC LIMIT :most",
    ]
    return " ".join(parts)


def _place(wanted: Search) -> tuple[int, int]:
    """The place that the page begins behind. Raises BadSearch."""
    for ns in (wanted.since_ns, wanted.until_ns):
        if not 0 <= ns <= _LATEST_NS:
            raise BadSearch("a time is in nanoseconds since 1970")
    if not wanted.cursor:
        return wanted.until_ns, 0
    wall_ns, _, seq = wanted.cursor.partition("-")
    if not (_is_place(wall_ns) and _is_place(seq)):
        raise BadSearch("the cursor is not one of ours")
    return int(wall_ns), int(seq)


def _is_place(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _LATEST_NS


def _cursor(row: tuple[Any, ...]) -> str:
    return f"{row[1]}-{row[0]}"
