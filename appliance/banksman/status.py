"""The conditions of the services behind the loop, as immutable values for page, metrics and CLI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class LinkStatus(msgspec.Struct, frozen=True):
    """The telemetry link. ``state``: off (not configured), connecting, up, down."""

    state: str = "off"
    peer: str = ""
    message: str = ""
    since_mono_ns: int = 0
    round_trip_ms: float = 0.0
    in_flight: int = 0
    published: int = 0
    acknowledged: int = 0
    reconnects: int = 0
    dropped: int = 0


class OldestRow(msgspec.Struct, frozen=True):
    """A row of the outbox. In seconds: how long it has waited, what is left of its deadline (less
    than 0: overdue) and of its life; None: there is none. ``id`` empty: it stands in a bundle.
    """

    id: str
    kind: str
    channel: str  # that has not acknowledged it
    waits_s: int
    attempts: int  # in vain
    size_bytes: int  # on the disk
    deadline_s: int | None = None
    lives_s: int | None = None


class StoreStatus(msgspec.Struct, frozen=True):
    """The local store. ``durable_mark`` is the id below which nothing is lost at SIGKILL."""

    state: str = "off"  # ok, degraded (running in memory), off
    message: str = ""
    epoch: int = 0
    durable_mark: str = ""
    outbox_depth: Mapping[str, int] = {}  # priority name -> rows awaiting acknowledgement
    readings_behind: Mapping[str, int] = {}  # channel -> reading messages not yet acknowledged
    size_mb: float = 0.0
    free_mb: float = 0.0
    quota_mb: float = 0.0
    commits: int = 0
    commit_p50_ms: float = 0.0
    commit_p99_ms: float = 0.0
    queue_depth: int = 0
    dropped: Mapping[str, int] = {}  # what was dropped and why -> how often
    set_aside: tuple[str, ...] = ()  # corrupt files that were moved away at start
    unreadable: int = 0  # rows that do not open (key lost, tampered with), kept aside
    sealing: str = ""  # how payloads are sealed on the disk; empty: they are not
    full: bool = False  # what is never shed has filled the quota
    waits_s: Mapping[str, int] = {}  # priority name -> how long the oldest row has waited
    precious_in_memory: float = 0.0  # 0..1: room of a refusing disk's stand-in that is taken
    heartbeat: int = 0  # turns of the writer thread: proof of progress
    stretch: float = 1.0  # so many times quota and times to live hold for what waits
    oldest: Mapping[str, OldestRow] = {}  # priority name -> its row that has waited longest


class ThinnedPeriod(msgspec.Struct, frozen=True):
    """Readings of a time that went up as least, most and mean: so many messages."""

    from_wall_ns: int
    to_wall_ns: int
    readings: int


class SyncStatus(msgspec.Struct, frozen=True):
    """The uplink. ``state``: off (not configured), connecting, up, down, denied; None: unknown."""

    state: str = "off"
    peer: str = ""
    message: str = ""
    interface: str = ""
    metered: bool = False
    profile: str = ""
    goodput_mbit: float | None = None
    round_trip_ms: float | None = None
    reliability: float | None = None  # 0..1
    stale: bool = True  # nothing has measured the goodput lately
    cloud_share: float = 0.0  # of all decisions, at most so many may be asked of the cloud
    retention: float = 1.0  # times the store's quota
    rows_waiting: Mapping[str, int] = {}  # class -> rows
    readings_waiting: int = 0
    records_sent: int = 0
    readings_sent: int = 0
    batches: int = 0
    repeated: int = 0  # items that the endpoint had already
    refused: int = 0  # items that the endpoint will never take
    failed: int = 0  # requests without a good answer
    set_aside: int = 0  # too large for something in between; kept here
    wire_bytes: int = 0
    budget_left_bytes: int | None = None  # over a metered link; None: no limit
    kept_local: int = 0  # questions that were not asked, for their share was used up
    readings_thinned: int = 0  # messages, over restarts: outside the dead bands' promise
    thinned: Sequence[ThinnedPeriod] = ()  # when those were read, newest first


class SyncHistory(msgspec.Struct, frozen=True):
    """The uplink's last hour as columns of the same length, a state every 5 s, oldest first.

    ``state`` as in SyncStatus; ``profile`` is the row of the policy's table. None: not known, or
    nobody answered then.
    """

    wall_ms: Sequence[int] = ()
    state: Sequence[str] = ()
    profile: Sequence[str] = ()
    goodput_mbit: Sequence[float | None] = ()
    round_trip_ms: Sequence[float | None] = ()
    reliability: Sequence[float | None] = ()  # 0..1


class InspectionStatus(msgspec.Struct, frozen=True):
    """One station of visual quality control. ``bundle`` empty: none is in use, and ``why_none``.

    Counts are since the start: ``failed`` frames could not be judged, of ``missed`` parts there was
    no picture in time, ``reject_lost`` marks could not be followed to the gate.
    """

    id: str
    label: str
    camera: str
    bundle: str = ""
    why_none: str = ""
    warning: float | None = None  # rarity from which a part is doubtful
    critical: float | None = None
    backend: str = ""  # what its network runs on
    backend_why: str = ""  # which others do not serve, and why
    inspect_p50_ms: float = 0.0  # of the newest inspections
    inspect_p99_ms: float = 0.0
    inspected: int = 0
    warnings: int = 0  # of those: doubtful
    criticals: int = 0  # of those: critical
    failed: int = 0
    missed: int = 0
    frames_skipped: int = 0
    handed_late: int = 0
    codes_failed: int = 0  # frames whose codes could not be read, as the reader broke
    parts: int = 0
    reject_waiting: int = 0
    reject_passed: int = 0
    reject_lost: int = 0
    pictures: int = 0  # kept on the disk
    pictures_mb: float = 0.0
    pictures_dropped: int = 0
    pictures_waiting: int = 0  # not sent up yet
    review_waiting: int = 0  # wait for a person, as the box was not sure of them
    passes_waiting: int = 0  # wait for a person, drawn by chance from those that passed
    review_hidden: int = 0  # wait, and the list has no room for them
    passes_drawn: int = 0
    examples: int = 0  # with a person's answer, to learn from


class IdentityStatus(msgspec.Struct, frozen=True):
    """The box's certificate at its endpoint.

    ``state``: off (plain HTTP, or no endpoint), none (not enrolled), good, due (being renewed),
    short (renewal fails and the end is near), ended, clock (ours is wrong), damaged.
    """

    state: str = "off"
    node: str = ""
    serial: str = ""
    message: str = ""
    ends_wall_ns: int = 0
    renew_wall_ns: int = 0  # when it is due
    renewals: int = 0  # since the start
    failures: int = 0  # since the last success


class Readiness(msgspec.Struct, frozen=True):
    """Whether the appliance does its job; ``reasons`` say why not."""

    ready: bool
    reasons: tuple[str, ...] = ()


class Versions(msgspec.Struct, frozen=True):
    """What runs here."""

    banksman: str
    python: str
    rules: str
    guard: str
    models: Mapping[str, str] = {}
    commit: str = ""
    board: str = ""  # empty: not known; `banksman board` tells more
