"""From a batch's bytes to records that can be kept, or to the reason why not. Pure.

    msgpack --decode--> items --check, one by one--> Checked(records, alarms, blocks, …, refused)

Rules of this file
- What cannot be read as a batch at all is `BadBatch`: nothing of it is kept. What is wrong
  with one item refuses that item by its id and keeps its neighbours.
- A kind that this version does not know is refused, not misread: a newer box sets it aside.
- Nothing is trusted: lengths, numbers, texts and the ids within bodies are all bounded.
- `check` handles a few hundred items at a time, so that the caller can let others run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from banksman.wire.messages import AlarmMessage, AuditMessage, DecisionMessage
from banksman.wire.uplink import (
    BATCH_ITEMS_MAX,
    OrderResult,
    RefusedItem,
    ShadowReport,
)
from banksman_cloud.ids import Number, number_of
from banksman_cloud.kinds import Kind

WALL_NS_MAX = 2**63 - 1
MESSAGE_BYTES_MAX = 64 * 1024
BLOCK_BYTES_MAX = 1024 * 1024
TYPE_CHARS_MAX = 200
WORDS_CHARS_MAX = 2_000
WHY_CHARS_MAX = 200


class BadBatch(ValueError):
    """The bytes are no batch; ``kind`` tells problems apart, ``status`` is HTTP's."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class RawItem(msgspec.Struct, frozen=True, gc=False):
    """An ``uplink.Item`` whose kind and priority may be anything."""

    id: str
    kind: str
    priority: int
    wall_ns: int
    body: bytes
    last_id: str = ""


class RawBatch(msgspec.Struct, frozen=True):
    """An ``uplink.Batch`` whose items are still to be checked."""

    node: str
    boot_id: str
    sent_wall_ns: int
    sent_mono_ns: int
    clock_quality: str
    items: list[RawItem]


class Record(msgspec.Struct, frozen=True, gc=False):
    """Something with an id of its own. ``words`` is what a text search looks at."""

    id: str
    number: Number
    kind: Kind
    type: str
    priority: int
    wall_ns: int
    words: str
    body: bytes


class Alarm(msgspec.Struct, frozen=True):
    """An alarm's state beside its record."""

    record: Record
    message: AlarmMessage


class Block(msgspec.Struct, frozen=True, gc=False):
    """A block of readings that covers ``first`` to ``last`` of ``epoch``."""

    epoch: int
    first: int
    last: int
    wall_ns: int
    body: bytes


class Picture(msgspec.Struct, frozen=True):
    """A picture beside its record, whose own body is empty. ``jpeg`` is None once it is a file."""

    record: Record
    sha256: str
    size: int
    jpeg: bytes | None


class Report(msgspec.Struct, frozen=True):
    """A shadow report beside its record."""

    record: Record
    report: ShadowReport


class Result(msgspec.Struct, frozen=True):
    """What came of an order, beside its record."""

    record: Record
    result: OrderResult


class Checked(msgspec.Struct):
    """What of a batch can be kept, and what cannot."""

    sent_wall_ns: int = 0
    plain: list[Record] = []
    alarms: list[Alarm] = []
    blocks: list[Block] = []
    pictures: list[Picture] = []
    reports: list[Report] = []
    results: list[Result] = []
    refused: list[RefusedItem] = []

    @property
    def count(self) -> int:
        """How many can be kept."""
        lists = (self.plain, self.alarms, self.blocks, self.pictures, self.reports, self.results)
        return sum(len(items) for items in lists)


class ItemRefused(ValueError):
    """Why one item cannot be kept."""


_BATCH = msgspec.msgpack.Decoder(RawBatch)
_DECISION = msgspec.json.Decoder(DecisionMessage)
_ALARM = msgspec.json.Decoder(AlarmMessage)
_AUDIT = msgspec.json.Decoder(AuditMessage)
_REPORT = msgspec.json.Decoder(ShadowReport)
_RESULT = msgspec.json.Decoder(OrderResult)


def decode(data: bytes, node: str) -> RawBatch:
    """The batch. Raises BadBatch; ``node`` is who sends it, empty where only the batch tells."""
    try:
        batch = _BATCH.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadBatch(400, "no-batch", f"the body is no batch: {_short(error)}") from None
    if node and batch.node != node:
        raise BadBatch(403, "other-node", f"the batch is of another node than its sender, {node}")
    if len(batch.items) > BATCH_ITEMS_MAX:
        raise BadBatch(
            413, "too-many-items", f"{len(batch.items)} items, at most {BATCH_ITEMS_MAX} are taken"
        )
    if not 0 <= batch.sent_wall_ns <= WALL_NS_MAX:
        raise BadBatch(400, "no-batch", "sent_wall_ns is no time")
    return batch


def check(items: Sequence[RawItem], into: Checked) -> None:
    """Sort ``items`` into ``into``; never raises."""
    for item in items:
        try:
            _sort(item, into)
        except (ItemRefused, msgspec.MsgspecError, ValueError, RecursionError) as error:
            into.refused.append(RefusedItem(item.id, _short(error)))


def _sort(item: RawItem, into: Checked) -> None:
    number = number_of(item.id)
    if not 0 <= item.wall_ns <= WALL_NS_MAX or not 0 <= item.priority <= 3:
        raise ItemRefused("its time or priority is out of range")
    limit = BLOCK_BYTES_MAX if item.kind == "readings" else MESSAGE_BYTES_MAX
    if item.kind != "picture" and len(item.body) > limit:
        raise ItemRefused(f"its body has {len(item.body)} bytes, at most {limit} are kept")
    match item.kind:
        case "decision":
            decision = _DECISION.decode(item.body)
            words = f"{decision.point} {decision.action} {decision.rule or ''} {decision.reason}"
            into.plain.append(_record(item, number, Kind.DECISION, decision, decision.type, words))
        case "alarm":
            alarm = _ALARM.decode(item.body)
            words = f"{alarm.key} {alarm.text} {alarm.cause}"
            record = _record(item, number, Kind.ALARM, alarm, alarm.key, words)
            into.alarms.append(Alarm(record, alarm))
        case "audit":
            audit = _AUDIT.decode(item.body)
            words = " ".join((audit.event, audit.by, *audit.details.values()))
            into.plain.append(_record(item, number, Kind.AUDIT, audit, audit.event, words))
        case "readings":
            into.blocks.append(_block(item, number))
        case "picture":
            record = _bare(item, number, Kind.PICTURE, picture_type(item.body), "", b"")
            digest = hashlib.sha256(item.body).hexdigest()
            into.pictures.append(Picture(record, digest, len(item.body), item.body))
        case "shadow":
            report = _REPORT.decode(item.body)
            _check_versions(report)
            record = _record(item, number, Kind.SHADOW, report, "reported", "")
            into.reports.append(Report(record, report))
        case "result":
            result = _RESULT.decode(item.body)
            words = f"{result.order} {result.outcome} {result.message}"
            record = _record(item, number, Kind.RESULT, result, result.outcome, words)
            into.results.append(Result(record, result))
        case _:
            raise ItemRefused(f"its kind {_printable(item.kind)} is not known here")


def picture_type(body: bytes) -> str:
    """What a picture is by its first bytes. Raises ItemRefused."""
    if body.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "webp"
    raise ItemRefused("its body is no JPEG and no WebP")


def _record(
    item: RawItem,
    number: Number,
    kind: Kind,
    message: DecisionMessage | AlarmMessage | AuditMessage | ShadowReport | OrderResult,
    kind_of_it: str,
    words: str,
) -> Record:
    if message.id != item.id:
        raise ItemRefused("its body has another id")
    return _bare(item, number, kind, kind_of_it, words, item.body)


def _bare(
    item: RawItem, number: Number, kind: Kind, kind_of_it: str, words: str, body: bytes
) -> Record:
    if len(kind_of_it) > TYPE_CHARS_MAX:
        raise ItemRefused(f"its type has over {TYPE_CHARS_MAX} characters")
    # PostgreSQL keeps no NUL in a text.
    return Record(
        id=item.id,
        number=number,
        kind=kind,
        type=kind_of_it.replace("\0", " "),
        priority=item.priority,
        wall_ns=item.wall_ns,
        words=words[:WORDS_CHARS_MAX].casefold().replace("\0", " "),
        body=body,
    )


def _block(item: RawItem, number: Number) -> Block:
    last = number_of(item.last_id or item.id)
    if last.epoch != number.epoch or last.sequence < number.sequence:
        raise ItemRefused("its last_id does not end a run that its id begins")
    if not item.body:
        raise ItemRefused("its body is empty")
    return Block(number.epoch, number.sequence, last.sequence, item.wall_ns, item.body)


def _check_versions(report: ShadowReport) -> None:
    if not 0 <= report.since <= report.version <= WALL_NS_MAX:
        raise ItemRefused("its versions are out of order")


def _short(error: BaseException) -> str:
    return _printable(str(error) or type(error).__name__)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:WHY_CHARS_MAX])
