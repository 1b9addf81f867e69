"""The Prometheus text of visual quality control: figures of each station. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from banksman.status import InspectionStatus
from banksman.telemetry.metrics import family

# Field of InspectionStatus -> (name, kind, what it counts).
FIGURES = (
    ("inspected", "inspection_looks_total", "counter", "Frames judged."),
    ("warnings", "inspection_doubtful_total", "counter", "Of those doubtful."),
    ("criticals", "inspection_critical_total", "counter", "Of those critical."),
    ("failed", "inspection_failed_total", "counter", "Frames that could not be judged."),
    ("missed", "inspection_missed_total", "counter", "Parts without a picture in time."),
    ("frames_skipped", "inspection_frames_skipped_total", "counter", "Frames passed over."),
    ("handed_late", "inspection_handed_late_total", "counter", "Findings nobody took in time."),
    (
        "codes_failed",
        "inspection_codes_failed_total",
        "counter",
        "Frames whose codes broke the reader.",
    ),
    ("parts", "inspection_parts_total", "counter", "Parts, or findings without a trigger."),
    ("reject_waiting", "inspection_reject_waiting", "gauge", "Marked parts on their way."),
    ("reject_passed", "inspection_rejected_total", "counter", "Marked parts that left."),
    ("reject_lost", "inspection_reject_lost_total", "counter", "Marks that were lost."),
    ("pictures", "inspection_pictures", "gauge", "Pictures kept."),
    ("pictures_dropped", "inspection_pictures_dropped_total", "counter", "Pictures let go."),
    ("pictures_waiting", "inspection_pictures_waiting", "gauge", "Pictures not sent up."),
    ("review_waiting", "inspection_review_waiting", "gauge", "Pictures that wait for a person."),
    ("passes_waiting", "inspection_passes_waiting", "gauge", "Drawn passes that wait for one."),
    ("review_hidden", "inspection_review_hidden", "gauge", "Wait beyond the list's bound."),
    ("passes_drawn", "inspection_passes_drawn_total", "counter", "Passes drawn by chance."),
    ("examples", "inspection_examples", "gauge", "Pictures with a person's answer."),
)


def inspection_families(stations: Sequence[InspectionStatus]) -> Iterator[str]:
    """Yield every family as text; none without stations."""
    if not stations:
        return
    bundles = [
        ({"inspection": each.id, "camera": each.camera, "bundle": each.bundle}, bool(each.bundle))
        for each in stations
    ]
    yield family("inspection_bundle_in_use", "gauge", "1: a bundle looks.", bundles)
    backends = [
        ({"inspection": each.id, "camera": each.camera, "backend": each.backend}, 1.0)
        for each in stations
        if each.backend
    ]
    yield family("inspection_backend_info", "gauge", "What the network runs on.", backends)
    took = [
        ({"inspection": each.id, "quantile": quantile}, value / 1e3)
        for each in stations
        for quantile, value in (("0.5", each.inspect_p50_ms), ("0.99", each.inspect_p99_ms))
    ]
    yield family("inspection_seconds", "gauge", "Time of the newest inspections.", took)
    for field, name, kind, about in FIGURES:
        rows = [({"inspection": each.id}, float(getattr(each, field))) for each in stations]
        yield family(name, kind, about, rows)
