"""What is wrong within a GPIO device's table, told before anything is plugged in."""

import pytest
from pydantic import ValidationError

from banksman_drivers.settings.gpio import GpioSettings

POINT = {"name": "eye", "line": 17}
BELT = {"name": "belt", "line_a": 5, "line_b": 6, "mm_per_count": 0.5}
STATION = {
    "name": "reject",
    "encoder": "belt",
    "eye": "eye",
    "distance_mm": 100,
    "length_mm": 10,
}


@pytest.fixture
def flaws():
    def told(**tables):
        settings = GpioSettings.model_validate({"driver": "gpio", "id": "io"} | tables)
        return {flaw.path: f"{flaw.message}; {flaw.remedy}" for flaw in settings.flaws()}

    return told


def test_a_whole_line_has_no_flaw(flaws):
    counter = {"name": "pieces", "line": 4}
    output = {"name": "lamp", "line": 22, "safe": False}
    tables = {"point": [POINT], "encoder": [BELT], "station": [STATION]}
    assert flaws(**tables, counter=[counter], output=[output]) == {}


def test_a_run_permit_is_sent_to_the_guard(flaws):
    output = {"name": "motor", "line": 22, "safe": False, "run_permit": True}
    told = flaws(output=[output])
    assert "outlive" in told["output", 0, "run_permit"]
    assert "[guard]" in told["output", 0, "run_permit"]


def test_two_users_of_one_line_are_named(flaws):
    output = {"name": "lamp", "line": 5, "safe": False}
    told = flaws(encoder=[BELT], output=[output])
    assert "encoder belt (A)" in told["output", 0, "line"]


def test_both_channels_of_an_encoder_on_one_line_are_told(flaws):
    assert ("encoder", 0, "line_b") in flaws(encoder=[BELT | {"line_b": 5}])


def test_a_station_needs_its_encoder_and_its_eye(flaws):
    told = flaws(point=[POINT], encoder=[BELT], station=[STATION | {"encoder": "x", "eye": "y"}])
    assert told["station", 0, "encoder"].endswith("one of: belt")
    assert told["station", 0, "eye"].endswith("one of: eye")


def test_sensors_of_different_tables_may_not_share_a_name(flaws):
    told = flaws(point=[POINT | {"name": "belt_speed"}], encoder=[BELT])
    assert "belt_speed" in told["encoder", 0, "name"]


@pytest.mark.parametrize(
    ("table", "entry", "option"),
    [
        ("counter", {"name": "pieces", "line": 4, "scale": 0}, "scale"),
        ("encoder", BELT | {"mm_per_count": 0}, "mm_per_count"),
    ],
)
def test_a_factor_of_nought_is_told(flaws, table, entry, option):
    assert (table, 0, option) in flaws(**{table: [entry]})


@pytest.mark.parametrize("safe", ["off", 0.5])
def test_a_safe_state_is_true_or_false(safe):
    with pytest.raises(ValidationError):
        GpioSettings.model_validate(
            {"driver": "gpio", "id": "io", "output": [{"name": "x", "line": 1, "safe": safe}]}
        )


def test_sensors_come_in_the_order_in_which_they_are_offered():
    settings = GpioSettings.model_validate(
        {
            "driver": "gpio",
            "id": "io",
            "point": [POINT],
            "encoder": [BELT],
            "station": [STATION],
            "counter": [{"name": "litres", "line": 4, "unit": "l"}],
        }
    )
    assert [(offer.name, offer.unit) for offer in settings.sensor_offers()] == [
        ("litres", "l"),
        ("belt_position", "mm"),
        ("belt_speed", "mm/s"),
        ("belt_direction", ""),
        ("belt_missed", ""),
        ("eye", "flag"),
        ("reject", "flag"),
    ]
