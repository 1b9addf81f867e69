"""The exposition, read back by a strict parser of the text format 0.0.4."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.clock import ManualClock
from banksman.control.snapshot import HistogramView
from banksman.telemetry.metrics import MEDIA_TYPE, exposition, family, histogram
from banksman.web.fake import FakeAppliance
from banksman.web.reading import watched_of
from banksman.web.views import Moment, status_of
from banksman.wire.messages import Priority

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
TYPES = ("counter", "gauge", "histogram")
Families = dict[str, tuple[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]]]


def parse(text: str) -> Families:
    """Read the format; raises AssertionError on whatever Prometheus would refuse or mistake."""
    assert text.endswith("\n")
    families: Families = {}
    current = ""
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert re.fullmatch(NAME, current)
            assert current not in families, f"{current} comes twice"
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current
            assert kind in TYPES
            families[name] = (kind, {})
        else:
            match = SAMPLE.fullmatch(line)
            assert match, f"not a sample: {line}"
            name, value = match.group(1), float(match.group(match.lastindex or 0))
            kind, samples = families[current]
            stem = re.sub("_(bucket|sum|count)$", "", name) if kind == "histogram" else name
            assert stem == current, f"{name} stands under {current}"
            labels = tuple(sorted(re.findall(LABEL, match.group(2) or "")))
            assert len({label for label, _ in labels}) == len(labels)
            assert (name, labels) not in samples, f"{line} comes twice"
            assert kind != "counter" or (name.endswith("_total") and value >= 0)
            samples[(name, labels)] = value
    return families


@pytest.fixture
def appliance() -> FakeAppliance:
    return FakeAppliance(ManualClock())


def text_of(appliance: FakeAppliance) -> str:
    moment = Moment("Hall 2", 1_000_000_000, 0, "boot", "synchronised", {"streams_cut": 2})
    return "".join(exposition(watched_of(status_of(appliance, moment))))


def values_of(families: Families, name: str) -> dict[str, float]:
    return {
        ",".join(value for _, value in labels): number
        for (_, labels), number in families[f"banksman_{name}"][1].items()
    }


def test_the_whole_exposition_is_well_formed(appliance: FakeAppliance) -> None:
    families = parse(text_of(appliance))
    assert all(name.startswith("banksman_") for name in families)
    assert "version=0.0.4" in MEDIA_TYPE


def test_decisions_are_counted_by_type_and_by_source(appliance: FakeAppliance) -> None:
    families = parse(text_of(appliance))
    assert values_of(families, "decisions_total")["quality_control"] == 902
    assert values_of(families, "decisions_by_source_total")["safe_default"] == 3


def test_a_counter_that_nobody_knows_becomes_a_metric_of_its_own(
    appliance: FakeAppliance,
) -> None:
    families = parse(text_of(appliance))
    assert values_of(families, "web_streams_cut_total") == {"": 2}
    assert values_of(families, "commands_refused_total") == {"": 2}
    assert values_of(families, "dropped_total") == {"records": 0}


def test_sizes_are_bytes_and_times_are_seconds(appliance: FakeAppliance) -> None:
    families = parse(text_of(appliance))
    assert values_of(families, "store_size_bytes") == {"": pytest.approx(184.2e6)}
    assert values_of(families, "sensor_age_seconds")["plc.parts"] == pytest.approx(0.04)
    assert values_of(families, "device_round_trip_seconds")["plc"] == pytest.approx(640e-6)


def test_a_lost_sensor_has_a_quality_and_no_value(appliance: FakeAppliance) -> None:
    appliance.lose("agv", "gone")
    families = parse(text_of(appliance))
    assert values_of(families, "sensor_quality")["agv.speed"] == 0
    assert not [key for key in values_of(families, "sensor_value") if "agv.speed" in key]
    assert values_of(families, "device_connected")["agv"] == 0


def test_outbox_trips_and_alarms_are_there(appliance: FakeAppliance) -> None:
    appliance.trip("oven_overheat", "too hot")
    appliance.alarm("a", "text", Priority.CRITICAL)
    appliance.alarm("b", "text", Priority.NORMAL, under="a")
    families = parse(text_of(appliance))
    assert values_of(families, "outbox_depth")["background"] == 410
    assert values_of(families, "trip_latched")["process,oven_overheat"] == 1
    assert values_of(families, "alarms_active")["critical"] == 1
    assert values_of(families, "alarms_active")["normal"] == 0
    assert values_of(families, "alarms_folded")["normal"] == 1
    assert values_of(families, "alarms_unacknowledged")["critical"] == 1
    assert values_of(families, "link_up") == {"": 1}


def test_a_histogram_ends_in_infinity_and_agrees_with_its_count() -> None:
    view = HistogramView((0.001, 0.01, math.inf), (3, 5, 6), 0.25, 6, 0.001, 0.1, 0.2)
    families = parse(histogram("x_seconds", "X.", view))
    samples = families["banksman_x_seconds"][1]
    buckets = [
        (dict(labels)["le"], number)
        for (name, labels), number in samples.items()
        if name.endswith("_bucket")
    ]
    assert buckets == [("0.001", 3), ("0.01", 5), ("+Inf", 6)]
    assert samples[("banksman_x_seconds_count", ())] == 6
    assert samples[("banksman_x_seconds_sum", ())] == 0.25


def test_an_empty_histogram_is_well_formed() -> None:
    view = HistogramView((), (), 0.0, 0, math.nan, math.nan, 0.0)
    assert parse(histogram("x_seconds", "X.", view))


@given(st.text(max_size=40))
def test_hostile_label_text_stays_inside_its_quotes(text: str) -> None:
    families = parse(family("x", "gauge", "X.", [({"label": text}, 1)]))
    [(_, labels)] = families["banksman_x"][1]
    assert re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), labels[0][1]) == text


@given(st.floats(allow_nan=False))
def test_every_number_is_read_back_as_it_was(value: float) -> None:
    families = parse(family("x", "gauge", "X.", [({}, value)]))
    assert list(families["banksman_x"][1].values()) == [value]
