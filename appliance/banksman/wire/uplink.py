"""What box and endpoint say to each other over HTTPS. The appliance is always the one that calls.

    PUT  /v1/node        Registration   -> 204            who I am, once a start and when it changes
    POST /v1/ingest      Batch          -> Receipt        records; repeats are known by their ids
    POST /v1/heartbeat   Heartbeat      -> Orders         how I am; what shall I do?
    POST /v1/decide      AskMessage     -> AnswerMessage  a decision, within the deadline
    GET  /healthz                       -> 200            is anybody there?

    GET  /v1/uploads/ID                 -> UploadState    how much of a picture is there?
    PUT  /v1/uploads/ID?at=…  piece     -> UploadState    the next piece; 409: go on from ``here``

Rules of this file
- As in `messages`: it imports nothing of ours; fields are added with a default, none is renamed.
- Bodies of ingest are msgpack, compressed with zstd (``Content-Encoding: zstd``); all others JSON.
- An item that a Receipt names, taken or refused, is never sent again. Without a Receipt the whole
  batch is sent again, cut as the box likes: ids alone tell what is new.
- 429 and 503 carry ``Retry-After``; 413 means "cut it in two"; 401 and 403 end sending until the
  box has another certificate.
- Who speaks is told by the client certificate, never by what stands in a body.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from banksman.wire.messages import Priority

ItemKind = Literal["decision", "alarm", "audit", "readings", "picture", "shadow", "result"]
BATCH_BYTES_MAX = 4 * 1024 * 1024  # decompressed; larger ones get 413
BATCH_ITEMS_MAX = 5_000
PICTURE_BYTES_MAX = 16 * 1024 * 1024  # as it goes up; larger ones stay on the box
PIECE_BYTES_MAX = 1024 * 1024


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """One record on its way up.

    ``body`` by ``kind``: the JSON of its message (decision, alarm, audit, shadow, result); a
    packed block of readings; a picture's JPEG or WebP. ``last_id`` ends the run of ids that a
    readings block covers, ``id`` begins it.
    """

    id: str
    kind: ItemKind
    priority: Priority
    wall_ns: int
    body: bytes
    last_id: str = ""


class Batch(msgspec.Struct, frozen=True, omit_defaults=True):
    """Records of one node, oldest first within each priority.

    ``sent_wall_ns``, ``sent_mono_ns`` and ``clock_quality`` let the endpoint judge a box whose
    clock is wrong. ``padding`` is passed over: with it a batch without items measures an idle link.
    """

    node: str
    boot_id: str
    sent_wall_ns: int
    sent_mono_ns: int
    clock_quality: str
    items: list[Item]
    padding: bytes = b""


class RefusedItem(msgspec.Struct, frozen=True):
    """An item that cannot be stored whenever it comes; the box sets it aside and says so."""

    id: str
    why: str


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True):
    """All items but the refused ones are durable at the endpoint; ``repeated`` already were."""

    taken: int
    repeated: int = 0
    refused: list[RefusedItem] = []


class UploadState(msgspec.Struct, frozen=True):
    """How far a picture has come. ``done``: it is whole, checked and durable."""

    id: str
    here: int
    done: bool = False


class Registration(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a node is. ``hardware`` is its board profile, ``capabilities`` what follows from it."""

    node: str
    site: str
    location: str
    version: str
    mode: str
    started_wall_ns: int
    hardware: dict[str, Any] = {}
    capabilities: dict[str, Any] = {}
    devices: list[dict[str, Any]] = []


class LinkReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """The uplink as the box has measured it; None: not known yet."""

    interface: str = ""
    metered: bool = False
    goodput_mbit: float | None = None
    round_trip_ms: float | None = None
    reliability: float | None = None
    profile: str = ""


class Heartbeat(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a node is now. ``outbox``: rows waiting, by priority; ``behind``: readings waiting.

    ``shadow_version`` is the desired version that the box has carried out last. ``next_s``: when
    the box means to send the next one; 0: it does not say.
    """

    node: str
    wall_ns: int
    mono_ns: int
    boot_id: str
    mode: str
    ready: bool
    uptime_s: float
    summary: str = ""
    outbox: dict[str, int] = {}
    behind: int = 0
    dropped: dict[str, int] = {}
    alarms_active: int = 0
    latched: list[str] = []
    link: LinkReport = LinkReport()
    shadow_version: int = 0
    next_s: float = 0.0


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """A command to the node; carried out at most once, never after ``expires_wall_ns``.

    ``node``: whom it is for; ``by``: who gave it. Both empty: an older endpoint does not say.
    """

    id: str
    name: str
    expires_wall_ns: int
    arguments: dict[str, Any] = {}
    node: str = ""
    by: str = ""


class OrderResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of an order; goes up as an item of kind ``result``."""

    id: str
    order: str
    node: str
    wall_ns: int
    outcome: Literal["done", "failed", "expired", "refused", "unknown_name"]
    message: str = ""
    details: dict[str, Any] = {}


class Desired(msgspec.Struct, frozen=True):
    """The state that the cloud wants: the whole of it, with its version."""

    version: int
    values: dict[str, Any]


class ShadowReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state that the box reports: only what changed since report ``since``.

    ``since`` 0 carries the whole state. ``removed`` names what is no more.
    """

    id: str
    node: str
    wall_ns: int
    version: int
    since: int
    values: dict[str, Any] = {}
    removed: list[str] = []


class Orders(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a heartbeat. ``desired`` only when it is newer than the box's version.

    ``next_s``: when the endpoint would like the next heartbeat; the box bounds it. ``wall_ns``: the
    endpoint's time, by which orders expire; 0: it does not say.
    """

    orders: list[Order] = []
    desired: Desired | None = None
    resend_shadow: bool = False
    next_s: float | None = None
    wall_ns: int = 0
