"""What the endpoint may set on this box: by name, within the config's own bounds."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman.config.schema_sync import SyncSettings
from banksman.sync.link import LinkState
from banksman.sync.policy import Policy
from banksman.sync.schedule import Schedule, Turn
from banksman.sync.settable import judge, settable
from banksman.sync.shadow import Shadow
from banksman.wire.messages import Priority
from banksman.wire.uplink import Desired

OWN = SyncSettings(heartbeat_s=20, metered_hour_mb=5)
TABLE = settable(OWN)
MEASURED = LinkState(0.0, goodput_mbit=1.0, round_trip_ms=None, reliability=None, stale=False)


class Box:
    def __init__(self) -> None:
        self.state: dict[str, bytes] = {}
        self.held: dict[str, float] = {}

    def shadow(self, table=TABLE) -> Shadow:
        return Shadow(
            "n", lambda: "n-1-1", table, self.state.get, self.state.__setitem__, self.held.update
        )


@pytest.fixture
def box() -> Box:
    return Box()


def reported(shadow: Shadow) -> dict:
    return msgspec.json.decode(shadow.item({}, 1).body)["values"]


def test_bounds_and_units_are_those_of_the_config():
    beat = TABLE["heartbeat_s"]
    assert (beat.least, beat.most, beat.unit, beat.value) == (1, 3600, "s", 20)


def test_a_desired_value_holds_over_restarts_until_it_is_desired_no_more(box):
    shadow = box.shadow()
    assert box.held["metered_hour_mb"] == 5, "the config's"
    shadow.desire(Desired(1, {"metered_hour_mb": 2}))
    assert box.held["metered_hour_mb"] == 2
    box.held.clear()
    again = box.shadow()
    assert box.held == {
        "heartbeat_s": 20, "metered_hour_mb": 2, "metered_day_mb": 100, "important_kbit": 0,
        "normal_kbit": 0, "background_kbit": 0,
    }  # fmt: skip
    again.desire(Desired(2, {}))
    assert box.held["metered_hour_mb"] == 5


def test_an_older_desired_state_changes_nothing(box):
    shadow = box.shadow()
    shadow.desire(Desired(3, {"heartbeat_s": 60}))
    shadow.desire(Desired(2, {"heartbeat_s": 600}))
    assert shadow.desired == {"heartbeat_s": 60}


def test_what_is_not_taken_is_told_with_the_reason_and_the_rest_is_taken(box):
    shadow = box.shadow()
    shadow.desire(Desired(1, {"heartbeat_s": 0, "armed": True, "metered_day_mb": 7}))
    told = reported(shadow)
    assert told["desired_ignored"] == ["armed"]
    assert told["desired_refused"] == {"heartbeat_s": "it is not 1 to 3600 s"}
    assert told["set.metered_day_mb"] == 7
    assert box.held["heartbeat_s"] == 20


def test_what_was_taken_and_is_beyond_todays_bounds_holds_no_more(box):
    box.shadow().desire(Desired(1, {"heartbeat_s": 3000}))
    narrow = {"heartbeat_s": msgspec.structs.replace(TABLE["heartbeat_s"], most=100.0)}
    assert box.shadow(narrow).desired == {}
    assert box.held["heartbeat_s"] == 20


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.none())
)


@given(st.dictionaries(st.sampled_from([*TABLE, "armed", "quota_mb"]), VALUES))
def test_nothing_passes_its_bounds(wanted):
    taken, refused = judge(TABLE, wanted)
    assert set(taken) | set(refused) == set(wanted) & set(TABLE)
    for name, value in taken.items():
        assert math.isfinite(value)
        assert TABLE[name].least <= value <= TABLE[name].most


def test_what_a_class_takes_of_a_link_is_set_and_what_it_owes_stays_owed():
    schedule, thin = (
        Schedule(SyncSettings(), 0.0),
        Policy(SyncSettings()).plan(MEASURED, metered=False),
    )
    readings = {Priority.BACKGROUND: 5_000}
    assert isinstance(schedule.turn(thin, readings, None, 0.0), Turn)
    schedule.limit({Priority.BACKGROUND: 8.0}, 0.0)  # 1 000 bytes a second
    schedule.sent({Priority.BACKGROUND: 64 * 1024 + 4_000}, 0.0)  # its burst, and 4 s of it
    assert schedule.turn(thin, readings, None, 0.0) == 4.0
    schedule.limit({Priority.BACKGROUND: 16.0}, 0.0)
    assert schedule.turn(thin, readings, None, 0.0) == 2.0
    schedule.limit({Priority.BACKGROUND: 0.0}, 0.0)
    assert isinstance(schedule.turn(thin, readings, None, 0.0), Turn)
