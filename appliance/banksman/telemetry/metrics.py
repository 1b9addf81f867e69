"""The Prometheus text (exposition format 0.0.4) of everything we count. Pure.

- Prefix ``banksman_``, base units (seconds, bytes, ratios), counters end in ``_total``.
- One family is one piece of text, so that a caller may pause between them.
- A sensor in words has no number: a NaN value is left out, its quality is always there.
- Snapshot counters named ``decisions_type_x``, ``decisions_source_x`` and ``dropped_x`` become
  labels; any other becomes ``banksman_<name>_total``.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from banksman.control.snapshot import HistogramView, OutputView, SensorView, TripView
from banksman.status import IdentityStatus, LinkStatus, Readiness, StoreStatus, SyncStatus, Versions
from banksman.wire.messages import AlarmMessage, Priority
from banksman_drivers.ports import DeviceHealth

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
QUALITIES = {"bad": 0, "uncertain": 1, "good": 2}
LABELLED = {
    "decisions_type_": ("decisions_total", "type", "Decisions made, by type."),
    "decisions_source_": ("decisions_by_source_total", "source", "Decisions made, by source."),
    "dropped_": ("dropped_total", "what", "Dropped in the control loop, by what."),
}
Row = tuple[Mapping[str, str], float]


class Watched(msgspec.Struct, frozen=True):
    """What the metrics are made of."""

    node: str
    mode: str
    clock_quality: str
    loop_silent: bool
    readiness: Readiness
    versions: Versions
    link: LinkStatus
    sync: SyncStatus
    identity: IdentityStatus
    store: StoreStatus
    trips: Sequence[TripView]
    alarms: Sequence[AlarmMessage]
    outputs: Sequence[OutputView]
    sensors: Sequence[SensorView]
    devices: Sequence[DeviceHealth]
    histograms: Mapping[str, HistogramView]
    counters: Mapping[str, int]


def exposition(watched: Watched) -> Iterator[str]:
    """Yield every family as text."""
    yield from _box(watched)
    yield from _sensors(watched.sensors)
    yield from _outputs(watched.outputs)
    yield from _devices(watched.devices)
    yield from _interlock(watched.trips, watched.alarms)
    yield from _link(watched.link)
    yield from _sync(watched.sync)
    yield from _identity(watched.identity)
    yield from _store(watched.store)
    for name, view in watched.histograms.items():
        yield histogram(f"{_word(name)}_seconds", f"{_words(name)} in seconds.", view)
    yield from _counters(watched.counters)


def family(name: str, kind: str, about: str, rows: Iterable[Row]) -> str:
    """One family; empty text when it has no rows."""
    lines = [f"banksman_{name}{_labels(labels)} {_number(value)}\n" for labels, value in rows]
    if not lines:
        return ""
    return f"# HELP banksman_{name} {about}\n# TYPE banksman_{name} {kind}\n" + "".join(lines)


def histogram(name: str, about: str, view: HistogramView) -> str:
    """A histogram family; its last bucket is +Inf and equals its count."""
    head = f"# HELP banksman_{name} {about}\n# TYPE banksman_{name} histogram\n"
    buckets = [
        f'banksman_{name}_bucket{{le="{_number(bound)}"}} {count}\n'
        for bound, count in zip(view.bounds_s, view.counts, strict=True)
        if math.isfinite(bound)
    ]
    total = view.counts[-1] if view.counts else 0
    return (
        head
        + "".join(buckets)
        + f'banksman_{name}_bucket{{le="+Inf"}} {total}\n'
        + f"banksman_{name}_sum {_number(view.sum_s)}\nbanksman_{name}_count {total}\n"
    )


def _box(watched: Watched) -> Iterator[str]:
    versions = watched.versions
    about = {
        "node": watched.node,
        "version": versions.banksman,
        "python": versions.python,
        "rules": versions.rules,
        "guard": versions.guard,
    }
    yield family("info", "gauge", "What runs here.", [(about, 1)])
    yield family("ready", "gauge", "1: does its job.", [({}, watched.readiness.ready)])
    yield family("armed", "gauge", "1: writes outputs.", [({}, watched.mode == "armed")])
    yield family("loop_silent", "gauge", "1: control loop quiet.", [({}, watched.loop_silent)])
    synchronised = watched.clock_quality == "synchronised"
    yield family(
        "clock_synchronised", "gauge", "1: wall time may be trusted.", [({}, synchronised)]
    )


def _sensors(sensors: Sequence[SensorView]) -> Iterator[str]:
    def rows(values: Iterable[float]) -> list[Row]:
        return [
            ({"sensor": sensor.id}, value)
            for sensor, value in zip(sensors, values, strict=True)
            if not math.isnan(value)
        ]

    yield family(
        "sensor_value",
        "gauge",
        "Newest value in the sensor's own unit.",
        [
            ({"sensor": sensor.id, "unit": sensor.unit}, sensor.value)
            for sensor in sensors
            if not math.isnan(sensor.value)
        ],
    )
    qualities = (QUALITIES.get(sensor.quality.lower(), 0) for sensor in sensors)
    yield family("sensor_quality", "gauge", "0 bad, 1 uncertain, 2 good.", rows(qualities))
    yield family("sensor_stale", "gauge", "1: too old to use.", rows(s.stale for s in sensors))
    ages = (sensor.age_ms / 1e3 for sensor in sensors)
    yield family("sensor_age_seconds", "gauge", "Since the newest reading.", rows(ages))
    scores = (sensor.score for sensor in sensors)
    yield family("sensor_anomaly_ratio", "gauge", "Anomaly score, 0 to 1.", rows(scores))
    counts = (sensor.count for sensor in sensors)
    yield family("sensor_readings_total", "counter", "Readings taken.", rows(counts))


def _outputs(outputs: Sequence[OutputView]) -> Iterator[str]:
    def rows(values: Iterable[float]) -> list[Row]:
        return [({"output": o.id}, value) for o, value in zip(outputs, values, strict=True)]

    forced = (bool(output.forced_by) for output in outputs)
    yield family("output_forced", "gauge", "1: held in its safe state.", rows(forced))
    supervised = (output.supervision != "none" for output in outputs)
    yield family("output_supervised", "gauge", "0: outlives the daemon.", rows(supervised))
    writes = (output.writes for output in outputs)
    yield family("output_writes_total", "counter", "Writes confirmed.", rows(writes))


def _devices(devices: Sequence[DeviceHealth]) -> Iterator[str]:
    def rows(values: Iterable[float]) -> list[Row]:
        return [({"device": d.id}, value) for d, value in zip(devices, values, strict=True)]

    connected = (device.state == "connected" for device in devices)
    yield family("device_connected", "gauge", "1: it answers.", rows(connected))
    requests = (device.requests for device in devices)
    yield family("device_requests_total", "counter", "Requests sent.", rows(requests))
    errors = (device.errors for device in devices)
    yield family("device_errors_total", "counter", "Requests that failed.", rows(errors))
    reconnects = (device.reconnects for device in devices)
    yield family("device_reconnects_total", "counter", "Connections made anew.", rows(reconnects))
    trips_s = (device.round_trip_us / 1e6 for device in devices)
    yield family("device_round_trip_seconds", "gauge", "Newest round trip.", rows(trips_s))


def _interlock(trips: Sequence[TripView], alarms: Sequence[AlarmMessage]) -> Iterator[str]:
    latched: list[Row] = [({"trip": t.name, "kind": t.kind}, t.latched) for t in trips]
    yield family("trip_latched", "gauge", "1: latched.", latched)
    active = dict.fromkeys(Priority, 0)
    unseen = dict.fromkeys(Priority, 0)
    folded = dict.fromkeys(Priority, 0)
    for alarm in alarms:
        active[alarm.priority] += alarm.active and not alarm.under
        folded[alarm.priority] += alarm.active and bool(alarm.under)
        unseen[alarm.priority] += not alarm.acknowledged
    yield family("alarms_active", "gauge", "Alarms whose condition holds.", _by_priority(active))
    yield family("alarms_folded", "gauge", "Active, follow from another.", _by_priority(folded))
    yield family("alarms_unacknowledged", "gauge", "Alarms nobody has seen.", _by_priority(unseen))


def _by_priority(counts: Mapping[Priority, int]) -> list[Row]:
    return [({"priority": priority.name.lower()}, count) for priority, count in counts.items()]


def _link(link: LinkStatus) -> Iterator[str]:
    yield family("link_up", "gauge", "1: the telemetry link is up.", [({}, link.state == "up")])
    trip_s = link.round_trip_ms / 1e3
    yield family("link_round_trip_seconds", "gauge", "Publish to acknowledge.", [({}, trip_s)])
    yield family("link_in_flight", "gauge", "Messages under way.", [({}, link.in_flight)])
    for name, count in (
        ("published", link.published),
        ("acknowledged", link.acknowledged),
        ("reconnects", link.reconnects),
        ("dropped", link.dropped),
    ):
        yield family(f"link_{name}_total", "counter", f"Link: {name}.", [({}, count)])


def _sync(sync: SyncStatus) -> Iterator[str]:
    if sync.state == "off":
        return
    yield family("sync_up", "gauge", "1: the endpoint takes records.", [({}, sync.state == "up")])
    if sync.profile:
        profile = {"profile": sync.profile, "interface": sync.interface}
        yield family("sync_profile_info", "gauge", "The profile that holds.", [(profile, 1)])
    for name, about, value in (
        ("goodput_bits_per_second", "Measured goodput.", _times(sync.goodput_mbit, 1e6)),
        ("round_trip_seconds", "Measured round trip.", _times(sync.round_trip_ms, 1e-3)),
        ("reliability_ratio", "Good transfers of all.", sync.reliability),
        ("metered", "1: bytes cost money.", sync.metered),
        ("budget_left_bytes", "What is left on a metered link.", sync.budget_left_bytes),
        ("readings_waiting", "Reading messages not sent up yet.", sync.readings_waiting),
    ):
        yield family(f"sync_{name}", "gauge", about, [] if value is None else [({}, value)])
    waiting: list[Row] = [({"priority": name}, rows) for name, rows in sync.rows_waiting.items()]
    yield family("sync_rows_waiting", "gauge", "Rows not sent up yet.", waiting)
    for name, count in (
        ("records", sync.records_sent),
        ("readings", sync.readings_sent),
        ("batches", sync.batches),
        ("wire_bytes", sync.wire_bytes),
        ("repeated", sync.repeated),
        ("refused", sync.refused),
        ("failed", sync.failed),
        ("kept_local", sync.kept_local),
        ("readings_thinned", sync.readings_thinned),
    ):
        yield family(f"sync_{name}_total", "counter", f"Uplink: {_words(name)}.", [({}, count)])


def _identity(identity: IdentityStatus) -> Iterator[str]:
    if not identity.ends_wall_ns:
        return
    ends_s = identity.ends_wall_ns / 1e9
    yield family("certificate_ends_timestamp_seconds", "gauge", "When it ends.", [({}, ends_s)])
    failures: list[Row] = [({}, identity.failures)]
    yield family("certificate_renewal_failures", "gauge", "Since the last success.", failures)


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _store(store: StoreStatus) -> Iterator[str]:
    yield family("store_ok", "gauge", "1: records are durable.", [({}, store.state == "ok")])
    depth: list[Row] = [({"priority": name}, rows) for name, rows in store.outbox_depth.items()]
    yield family("outbox_depth", "gauge", "Rows awaiting acknowledgement.", depth)
    behind: list[Row] = [({"channel": name}, n) for name, n in store.readings_behind.items()]
    yield family("readings_behind", "gauge", "Reading messages not acknowledged.", behind)
    for name, megabytes in (
        ("size", store.size_mb),
        ("free", store.free_mb),
        ("quota", store.quota_mb),
    ):
        yield family(f"store_{name}_bytes", "gauge", f"Store: {name}.", [({}, megabytes * 1e6)])
    yield family(
        "store_queue_depth", "gauge", "Records not yet written.", [({}, store.queue_depth)]
    )
    yield family("store_commits_total", "counter", "Transactions.", [({}, store.commits)])
    quantiles: list[Row] = [
        ({"quantile": "0.5"}, store.commit_p50_ms / 1e3),
        ({"quantile": "0.99"}, store.commit_p99_ms / 1e3),
    ]
    yield family("store_commit_seconds", "gauge", "Commit time by quantile.", quantiles)
    yield family("store_full", "gauge", "1: only what is never shed.", [({}, store.full)])
    yield family("store_unreadable", "gauge", "Records set aside.", [({}, store.unreadable)])
    yield family("store_sealed", "gauge", "1: payloads are sealed.", [({}, bool(store.sealing))])
    waits: list[Row] = [({"priority": name}, waits_s) for name, waits_s in store.waits_s.items()]
    yield family("outbox_wait_seconds", "gauge", "Age of the oldest row owed.", waits)
    dropped: list[Row] = [({"why": name}, count) for name, count in store.dropped.items()]
    yield family("store_dropped_total", "counter", "Records dropped, by reason.", dropped)


def _counters(counters: Mapping[str, int]) -> Iterator[str]:
    labelled: defaultdict[str, list[Row]] = defaultdict(list)
    for name, count in counters.items():
        for prefix, (_, label, _) in LABELLED.items():
            if name.startswith(prefix):
                labelled[prefix].append(({label: name.removeprefix(prefix)}, count))
                break
        else:
            yield family(f"{_word(name)}_total", "counter", f"{_words(name)}.", [({}, count)])
    for prefix, rows in labelled.items():
        total, _, about = LABELLED[prefix]
        yield family(total, "counter", about, rows)


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return (
        str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    )


def _word(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def _words(name: str) -> str:
    return _word(name).replace("_", " ").capitalize()
