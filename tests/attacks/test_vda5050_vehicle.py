"""A vehicle, or somebody who pretends to be one, that sends what no vehicle should."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.ports import Quality
from banksman_drivers.vda5050_vehicle import Vehicle

SECOND = 1_000_000_000
GOOD = {
    "headerId": 1,
    "timestamp": "2025-01-31T13:37:00.000Z",
    "version": "2.1.0",
    "manufacturer": "acme",
    "serialNumber": "7",
    "orderId": "",
    "orderUpdateId": 0,
    "lastNodeId": "",
    "lastNodeSequenceId": 0,
    "nodeStates": [],
    "edgeStates": [],
    "driving": True,
    "actionStates": [],
    "batteryState": {"batteryCharge": 80.0, "charging": False},
    "operatingMode": "AUTOMATIC",
    "errors": [],
    "safetyState": {"eStop": "NONE", "fieldViolation": False},
}


def encoded(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


@pytest.fixture
def vehicle() -> Vehicle:
    return Vehicle("forklift", "acme", "7", 3 * SECOND, None)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00\xff\xfe garbage", id="no text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"null", id="null"),
        pytest.param(encoded()[:-5], id="truncated"),
        pytest.param(b"[" * 100_000, id="nested without end"),
        pytest.param(
            b'{"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}", id="nested in an unknown field"
        ),
        pytest.param(encoded(driving="yes"), id="text for a flag"),
        pytest.param(encoded(headerId="1"), id="text for a number"),
        pytest.param(encoded(headerId=10**40), id="a number of forty digits"),
        pytest.param(encoded(timestamp="yesterday"), id="no time"),
        pytest.param(encoded(timestamp="9999999-01-01T00:00:00Z"), id="a far year"),
        pytest.param(encoded(batteryState=None), id="no battery"),
        pytest.param(encoded(errors={"a": 1}), id="errors that are no list"),
        pytest.param(json.dumps({"headerId": 1}).encode(), id="almost nothing"),
        pytest.param(b'{"headerId": NaN}', id="NaN, which is no JSON"),
    ],
)
def test_a_broken_state_is_counted_and_changes_nothing(vehicle, payload):
    assert vehicle.take_state(payload, False, SECOND) is None
    assert vehicle.ignored["malformed"] == 1
    assert vehicle.state is None


@given(st.binary(max_size=300))
def test_any_bytes_are_ignored_without_an_error(noise):
    vehicle = Vehicle("forklift", "acme", "7", 3 * SECOND, None)
    assert vehicle.take_state(noise, False, SECOND) is None
    assert vehicle.take_connection(noise) is False
    assert vehicle.ignored["malformed"] == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.sampled_from(sorted(GOOD)), json_values)
def test_a_field_of_any_value_never_breaks_the_readings(field, value):
    vehicle = Vehicle("forklift", "acme", "7", 3 * SECOND, None)
    vehicle.take_state(encoded(**{field: value}), False, SECOND)
    batch = vehicle.readings(SECOND, True)
    assert all(
        math.isfinite(one.value) or (one.quality is Quality.BAD and math.isnan(one.value))
        for one in batch
    )


def test_an_infinite_charge_is_a_bad_reading_and_not_a_value(vehicle):
    payload = encoded().replace(b"80.0", b"1e999")
    vehicle.take_state(payload, False, SECOND)
    battery = next(
        one for one in vehicle.readings(SECOND, True) if one.sensor == "forklift.battery"
    )
    assert battery.quality is Quality.BAD


def test_a_message_of_another_serial_number_is_counted_and_ignored(vehicle):
    assert vehicle.take_state(encoded(serialNumber="8"), False, SECOND) is None
    assert vehicle.take_state(encoded(manufacturer="evil"), False, SECOND) is None
    assert vehicle.ignored["foreign"] == 2


def test_a_replayed_state_is_old(vehicle):
    assert vehicle.take_state(encoded(headerId=5), False, SECOND)
    assert vehicle.take_state(encoded(headerId=5, driving=False), False, SECOND) is None
    assert vehicle.take_state(encoded(headerId=4, driving=False), False, SECOND) is None
    assert vehicle.ignored["old"] == 2
    assert vehicle.state.driving is True


def test_a_retained_state_may_be_from_last_year_and_is_ignored(vehicle):
    assert vehicle.take_state(encoded(), True, SECOND) is None
    assert vehicle.ignored["retained"] == 1


def test_a_vehicle_that_restarted_counts_from_zero_and_is_believed_by_its_later_time(vehicle):
    assert vehicle.take_state(encoded(headerId=900), False, SECOND)
    later = "2025-01-31T13:38:00.000Z"
    assert vehicle.take_state(encoded(headerId=0, timestamp=later), False, SECOND)


def test_a_vehicle_whose_clock_fell_back_is_believed_after_it_says_online_again(vehicle):
    assert vehicle.take_state(encoded(headerId=900), False, SECOND)
    earlier = "1970-01-01T00:00:01.000Z"
    assert vehicle.take_state(encoded(headerId=0, timestamp=earlier), False, SECOND) is None
    assert vehicle.take_connection(encoded(connectionState="ONLINE"))
    assert vehicle.take_state(encoded(headerId=1, timestamp=earlier), False, SECOND)


def test_one_absurd_header_id_does_not_lock_the_vehicle_out(vehicle):
    assert vehicle.take_state(encoded(headerId=2**31), False, SECOND)
    later = "2025-01-31T13:37:00.100Z"
    assert vehicle.take_state(encoded(headerId=2, timestamp=later), False, SECOND)


def test_a_state_is_believed_again_after_the_silence_of_the_stale_limit(vehicle):
    assert vehicle.take_state(encoded(headerId=900), False, SECOND)
    assert vehicle.take_state(encoded(headerId=1), False, 5 * SECOND)


def test_an_unknown_connection_state_is_malformed(vehicle):
    assert vehicle.take_connection(encoded(connectionState="MAYBE")) is False
    assert vehicle.ignored["malformed"] == 1


def test_states_do_not_make_an_offline_vehicle_online(vehicle):
    vehicle.take_connection(encoded(connectionState="CONNECTIONBROKEN"))
    vehicle.take_state(encoded(), False, SECOND)
    assert not vehicle.connected(SECOND)


@pytest.mark.parametrize("version", ["1.1.0", "3.0.0", "", "two", "20.0.0"])
def test_a_message_of_another_major_version_is_refused_and_the_version_named(vehicle, version):
    assert vehicle.take_state(encoded(version=version), False, SECOND) is None
    assert vehicle.ignored["malformed"] == 1
    assert repr(version) in vehicle.broken


@pytest.mark.parametrize("version", ["2.0.0", "2.1.0", "2.2", "V2.0.0"])
def test_every_minor_of_our_major_version_is_understood(vehicle, version):
    assert vehicle.take_state(encoded(version=version), False, SECOND)


def test_a_refusal_of_a_long_message_is_kept_short(vehicle):
    vehicle.take_state(encoded(version="x" * 100_000), False, SECOND)
    assert len(vehicle.broken) <= 200


def test_messages_in_any_wrong_order_leave_the_newest_in_place(vehicle):
    order = [5, 3, 9, 9, 7, 10, 4]
    taken = [
        number for number in order if vehicle.take_state(encoded(headerId=number), False, SECOND)
    ]
    assert taken == [5, 9, 10]
    assert vehicle.ignored["old"] == 4


def test_a_header_id_that_wraps_round_is_believed_by_its_later_time(vehicle):
    assert vehicle.take_state(encoded(headerId=2**32 - 1), False, SECOND)
    later = "2025-01-31T13:37:00.100Z"
    assert vehicle.take_state(encoded(headerId=0, timestamp=later), False, SECOND)


def test_a_vehicle_that_is_no_longer_listened_to_is_known_for_nothing(vehicle):
    vehicle.take_connection(encoded(connectionState="OFFLINE"))
    vehicle.take_state(encoded(headerId=9), False, SECOND)
    vehicle.forget()
    assert not vehicle.connected(SECOND)
    assert vehicle.take_state(encoded(headerId=1), False, SECOND)
    assert vehicle.connected(SECOND)
