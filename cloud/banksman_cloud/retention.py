"""What the endpoint forgets, and never forgets: by kind, by age and by bytes; all of it counted.

    --keep readings=400,50000   400 days, and 50 000 MB at the most      --keep audit=0   for ever

Rules of this file
- Old is what both clocks call old, the node's and ours: a box whose clock stands in 1970 loses
  nothing for it.
- Over the bytes the oldest goes first, by arrival.
- Never: what somebody still waits for. The records of an alarm that is active or that nobody has
  acknowledged, orders without a result before their time is over, pieces of an upload that still
  come, and what stands in shadows, registry and alarms: the newest state of each.
- In small transactions, so that no box waits long behind the cleaning; each may be the last.
- A record that its box sends once more after it was deleted is kept once more, for as long again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from banksman_cloud.errors import SettingsError
from banksman_cloud.kinds import Kind
from banksman_cloud.storage.port import Session

DAY_NS = 86_400 * 10**9
ROWS_A_STEP = 400
LOOKED_AT_A_STEP = 4_000
UPLOAD_QUIET_NS = 14 * DAY_NS  # pieces whose rest does not come
LAST_KEY = "retention.last_ns"
KINDS = ("readings", *(kind.word for kind in Kind), "order")


class Keep(msgspec.Struct, frozen=True):
    """How long and how much of a kind; 0: no limit."""

    days: float = 0.0
    mb: float = 0.0


# What cannot be made again and is small stays; the rest a year and a bit.
DEFAULTS: Mapping[str, Keep] = {
    "readings": Keep(400),
    "picture": Keep(100),
    "shadow": Keep(400),
    "result": Keep(400),
    "order": Keep(400),
}


class Swept(msgspec.Struct, frozen=True):
    """What was deleted of a kind: now, or in all. ``last_ns``: when."""

    rows: int = 0
    bytes: int = 0
    last_ns: int = 0


class Step(msgspec.Struct, frozen=True):
    """One transaction's work. ``digests``: of pictures that may have no row any more."""

    swept: Swept = Swept()
    digests: tuple[str, ...] = ()


def parse_keep(options: Sequence[str]) -> dict[str, Keep]:
    """The defaults with what the options say. Raises SettingsError."""
    rules = dict(DEFAULTS)
    for option in options:
        kind, _, text = option.partition("=")
        days, _, mb = text.partition(",")
        if kind not in KINDS:
            raise SettingsError(f"--keep {option}: a kind is one of {', '.join(KINDS)}")
        try:
            keep = Keep(float(days), float(mb or 0))
        except ValueError:
            keep = Keep(-1)
        if not (0 <= keep.days <= 1e6 and 0 <= keep.mb <= 1e9):
            raise SettingsError(f"--keep {option}: write {kind}=DAYS or {kind}=DAYS,MEGABYTES")
        rules[kind] = keep
    return rules


# One step each. The statements are written once for both databases (storage/port.py).

_OPEN_ALARM = (
    "NOT EXISTS (SELECT 1 FROM alarm WHERE alarm.node_no = record.node_no "
    "AND alarm.key = record.type AND (alarm.active = 1 OR alarm.acknowledged = 0))"
)


def old_records(db: Session, kind: Kind, before_ns: int) -> Step:
    """Records of a kind from before that time."""
    held = f" AND {_OPEN_ALARM}" if kind is Kind.ALARM else ""
    rows = db.all(
        "SELECT seq, node_no, id, length(body) FROM record WHERE kind = :kind "  # noqa: S608  ours
        f"AND wall_ns < :before AND arrived_ns < :before{held} ORDER BY wall_ns, seq LIMIT :most",
        kind=int(kind),
        before=before_ns,
        most=ROWS_A_STEP,
    )
    return _drop_records(db, kind, rows)


def early_records(db: Session, kind: Kind, before_seq: int) -> Step:
    """Records of a kind that arrived before that one."""
    held = f" AND {_OPEN_ALARM}" if kind is Kind.ALARM else ""
    rows = db.all(
        "SELECT seq, node_no, id, length(body) FROM record WHERE kind = :kind "  # noqa: S608  ours
        f"AND seq < :before{held} ORDER BY seq LIMIT :most",
        kind=int(kind),
        before=before_seq,
        most=ROWS_A_STEP,
    )
    return _drop_records(db, kind, rows)


def _drop_records(db: Session, kind: Kind, rows: Sequence[tuple[int, int, str, int]]) -> Step:
    size = sum(row[3] for row in rows)
    digests: list[str] = []
    for seq, no, name, _ in rows:
        db.run("DELETE FROM record WHERE seq = :seq", seq=seq)
        if kind is Kind.PICTURE:
            found = db.one(
                "SELECT sha256, size FROM picture WHERE node_no = :no AND id = :id", no=no, id=name
            )
            if found is not None:
                digests.append(found[0])
                size += found[1]
            db.run("DELETE FROM picture WHERE node_no = :no AND id = :id", no=no, id=name)
    return Step(Swept(len(rows), size), tuple(digests))


def old_blocks(db: Session, before_ns: int) -> Step:
    """Blocks of readings from before that time, node by node."""
    rows: list[tuple[int, int]] = []
    for (no,) in db.all("SELECT no FROM node ORDER BY no"):
        rows += db.all(
            "SELECT seq, length(body) FROM block WHERE node_no = :no AND wall_ns < :before "
            "AND arrived_ns < :before ORDER BY wall_ns LIMIT :most",
            no=no,
            before=before_ns,
            most=ROWS_A_STEP - len(rows),
        )
        if len(rows) >= ROWS_A_STEP:
            break
    return _drop_blocks(db, rows)


def early_blocks(db: Session, before_seq: int) -> Step:
    """Blocks that arrived before that one."""
    rows: list[tuple[int, int]] = db.all(
        "SELECT seq, length(body) FROM block WHERE seq < :before ORDER BY seq LIMIT :most",
        before=before_seq,
        most=ROWS_A_STEP,
    )
    return _drop_blocks(db, rows)


def _drop_blocks(db: Session, rows: Sequence[tuple[int, int]]) -> Step:
    for seq, _ in rows:
        db.run("DELETE FROM block WHERE seq = :seq", seq=seq)
    return Step(Swept(len(rows), sum(size for _, size in rows)))


def old_orders(db: Session, before_ns: int, now_ns: int) -> Step:
    """Orders that have ended, by their result or their time."""
    rows = db.all(
        "SELECT seq, length(arguments) FROM orders WHERE made_ns < :before "
        "AND (outcome <> '' OR expires_ns < :now) ORDER BY seq LIMIT :most",
        before=before_ns,
        now=now_ns,
        most=ROWS_A_STEP,
    )
    for seq, _ in rows:
        db.run("DELETE FROM orders WHERE seq = :seq", seq=seq)
    return Step(Swept(len(rows), sum(size for _, size in rows)))


def quiet_uploads(db: Session, now_ns: int) -> Step:
    """Uploads of which nothing has come for two weeks; their box begins them anew."""
    rows = db.all(
        "SELECT node_no, id, here FROM upload WHERE heard_ns < :before LIMIT :most",
        before=now_ns - UPLOAD_QUIET_NS,
        most=ROWS_A_STEP,
    )
    for no, name, _ in rows:
        for table in ("upload_piece", "upload"):
            db.run(f"DELETE FROM {table} WHERE node_no = :no AND id = :id", no=no, id=name)  # noqa: S608  ours
    return Step(Swept(len(rows), sum(here for _, _, here in rows)))


# Over how many bytes: a walk from the newest on.


def walk(db: Session, kind: str, from_seq: int) -> list[tuple[int, int]]:
    """(seq, bytes) of the next rows of a kind that arrived before ``from_seq``, newest first."""
    if kind == "readings":
        return db.all(
            "SELECT seq, length(body) FROM block WHERE seq < :seq ORDER BY seq DESC LIMIT :most",
            seq=from_seq,
            most=LOOKED_AT_A_STEP,
        )
    size = "length(record.body)"
    join = ""
    if kind == Kind.PICTURE.word:
        size = "length(record.body) + picture.size"
        join = "JOIN picture ON picture.node_no = record.node_no AND picture.id = record.id "
    return db.all(
        f"SELECT record.seq, {size} FROM record {join}"  # noqa: S608  ours
        "WHERE record.kind = :kind AND record.seq < :seq ORDER BY record.seq DESC LIMIT :most",
        kind=int(Kind[kind.upper()]),
        seq=from_seq,
        most=LOOKED_AT_A_STEP,
    )


# Counts


def note(db: Session, kind: str, swept: Swept, now_ns: int) -> None:
    """Add to what was deleted of a kind."""
    db.insert_new("swept", ("kind", "rows", "bytes", "last_ns"), [(kind, 0, 0, now_ns)])
    db.run(
        "UPDATE swept SET rows = rows + :rows, bytes = bytes + :bytes, last_ns = :now "
        "WHERE kind = :kind",
        kind=kind,
        rows=swept.rows,
        bytes=swept.bytes,
        now=now_ns,
    )


def swept_in_all(db: Session) -> dict[str, Swept]:
    """What was deleted since this database was made."""
    rows = db.all("SELECT kind, rows, bytes, last_ns FROM swept ORDER BY kind")
    return {kind: Swept(rows_, size, last_ns) for kind, rows_, size, last_ns in rows}


def last_sweep_ns(db: Session) -> int:
    """When somebody has begun to sweep last; 0: never."""
    row = db.one("SELECT value FROM setting WHERE key = :key", key=LAST_KEY)
    return 0 if row is None else int(row[0])


def unnamed(db: Session, digests: Sequence[str]) -> list[str]:
    """Those digests that no picture has any more."""
    return [
        digest
        for digest in dict.fromkeys(digests)
        if db.one("SELECT 1 FROM picture WHERE sha256 = :digest LIMIT 1", digest=digest) is None
    ]
