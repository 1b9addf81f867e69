"""The interlock: what it forbids, how it latches and who may reset it."""

import pytest

from banksman.control.interlock import Condition, Interlock, PermissiveSpec, TripSpec
from banksman.control.stream import Stream, StreamTable
from banksman.errors import ResetRefused
from banksman_drivers.ports import Command, OutputInfo, Quality

SECOND_NS = 1_000_000_000
RUN = OutputInfo("plc.run", safe=False, label="", supervision="watchdog_register", run_permit=True)
HORN = OutputInfo("plc.horn", safe=False, label="", supervision="none")


class Over:
    """A test in the shape that ``deciding`` compiles: the first value is over a limit."""

    def __init__(self, limit):
        self.limit = limit

    def evaluate(self, values):
        return values[0] > self.limit


class Plant:
    """A box with a heat sensor, a door, a button and the guard's latch."""

    def __init__(self, mode="armed", latched=None, reset_input=False):
        names = ("plc.heat", "plc.door", "plc.button", "guard.latched")
        self.table = StreamTable([Stream(name, "", 1000) for name in names])
        self.now_ns = SECOND_NS
        self.interlock = Interlock(
            mode,
            [RUN, HORN],
            [
                TripSpec(
                    "hot", "process", "", ("plc.run",),
                    cause=self.condition("plc.heat", 200),
                    reset_input=self.condition("plc.button", 0.5) if reset_input else None,
                ),
                TripSpec(
                    "estop", "estop", "", ("plc.run",),
                    guard_latch=self.condition("guard.latched", 0.5),
                    reset_text="the button at the cabinet",
                ),
            ],
            [PermissiveSpec("plc.run", self.condition("plc.door", 0.5), "the door is open")],
            latched or {},
        )  # fmt: skip

    def condition(self, sensor, limit):
        return Condition(f"{sensor} > {limit}", self.table.inputs([sensor]), Over(limit))

    def see(self, quality=Quality.GOOD, **values):
        self.now_ns += 100_000_000
        known = {"heat": "plc.heat", "door": "plc.door", "button": "plc.button"}
        for name, value in values.items():
            sensor = known.get(name, "guard.latched")
            self.table.streams[sensor].update(value, quality, self.now_ns)
        return self.interlock.sense(self.now_ns)

    def well(self):
        return self.see(heat=20.0, door=1.0, button=0.0, latched=0.0)

    def command(self, output, value):
        return self.interlock.permit(Command("c", output, value, 10**18, "test"))


def test_a_healthy_plant_may_run():
    plant = Plant()
    plant.well()
    assert plant.command("plc.run", True) == ""


def test_before_anything_is_known_the_output_is_blocked_and_nothing_is_latched():
    plant = Plant()
    assert plant.interlock.sense(SECOND_NS) == []
    assert "never read" in plant.command("plc.run", True)
    assert plant.interlock.latched() == {}


def test_a_command_towards_the_safe_state_is_always_permitted():
    plant = Plant()
    assert plant.command("plc.run", False) == ""


def test_an_output_outside_the_trip_stays_free():
    plant = Plant()
    plant.well()
    plant.see(heat=300.0)
    assert plant.command("plc.horn", True) == ""


def test_observe_mode_writes_nothing_not_even_the_safe_state():
    plant = Plant(mode="observe")
    plant.well()
    assert "observe" in plant.command("plc.run", False)


def test_a_trip_stays_latched_when_its_cause_is_gone():
    plant = Plant()
    plant.well()
    assert [change.trip for change in plant.see(heat=300.0)] == ["hot"]
    assert plant.see(heat=20.0) == []
    assert "trip hot" in plant.command("plc.run", True)


def test_a_trip_is_reset_on_the_page_only_when_its_cause_is_clear():
    plant = Plant()
    plant.well()
    plant.see(heat=300.0)
    with pytest.raises(ResetRefused, match=r"plc\.heat > 200"):
        plant.interlock.reset("hot", "ann", "page")
    plant.see(heat=20.0)
    assert plant.interlock.reset("hot", "ann", "page").by == "ann"
    assert plant.command("plc.run", True) == ""


def test_a_reset_is_refused_while_the_cause_cannot_be_read():
    plant = Plant()
    plant.well()
    plant.see(heat=300.0)
    plant.see(heat=20.0, quality=Quality.BAD)
    with pytest.raises(ResetRefused, match="unknown"):
        plant.interlock.reset("hot", "ann", "page")


def test_what_is_not_latched_cannot_be_reset():
    plant = Plant()
    plant.well()
    with pytest.raises(ResetRefused, match="nothing to reset"):
        plant.interlock.reset("hot", "ann", "page")


@pytest.mark.parametrize("way", ["page", "input"])
def test_an_estop_trip_is_never_reset_from_the_page_or_a_process_input(way):
    plant = Plant()
    plant.well()
    plant.see(latched=1.0)
    plant.see(latched=0.0, quality=Quality.BAD)
    with pytest.raises(ResetRefused, match="the button at the cabinet"):
        plant.interlock.reset("estop", "ann", way)


def test_an_estop_trip_follows_the_guards_latch_down_and_up():
    plant = Plant()
    plant.well()
    assert [change.event for change in plant.see(latched=1.0)] == ["tripped"]
    assert [change.event for change in plant.see(latched=0.0)] == ["reset"]


def test_a_guard_that_falls_silent_stops_the_outputs_without_latching():
    plant = Plant()
    plant.well()
    plant.now_ns += 2 * SECOND_NS
    plant.interlock.sense(plant.now_ns)
    assert "stale" in plant.interlock.blocked()["plc.run"]
    assert plant.interlock.latched() == {}


def test_a_latched_trip_survives_a_restart():
    before = Plant()
    before.well()
    before.see(heat=300.0)
    after = Plant(latched=before.interlock.latched())
    after.well()
    assert "trip hot" in after.command("plc.run", True)


def test_a_reset_input_acts_on_release_and_not_on_press():
    plant = Plant(reset_input=True)
    plant.well()
    plant.see(heat=300.0)
    plant.see(heat=20.0)
    assert plant.see(button=1.0) == []
    assert [change.event for change in plant.see(button=0.0)] == ["reset"]


def test_a_reset_input_found_pressed_and_released_before_the_cause_is_clear_resets_nothing():
    plant = Plant(reset_input=True)
    plant.well()
    plant.see(heat=300.0, button=1.0)
    assert plant.see(button=0.0) == []
    assert "hot" in plant.interlock.latched()


def test_a_button_that_cannot_be_read_is_no_release():
    plant = Plant(reset_input=True)
    plant.well()
    plant.see(heat=300.0)
    plant.see(heat=20.0, button=1.0)
    plant.see(button=0.0, quality=Quality.BAD)
    assert plant.see(button=0.0) == []


def test_an_open_door_blocks_and_says_why():
    plant = Plant()
    plant.well()
    plant.see(door=0.0)
    assert plant.command("plc.run", True) == "not permitted: the door is open"


def test_a_trip_asked_for_by_a_decision_latches_once():
    plant = Plant()
    plant.well()
    assert len(plant.interlock.trip("hot", "jam seen")) == 1
    assert plant.interlock.trip("hot", "jam seen") == []


def test_an_estop_trip_without_a_guard_blocks_for_ever():
    interlock = Interlock("armed", [RUN], [TripSpec("estop", "estop", "", ("plc.run",))], [], {})
    interlock.sense(SECOND_NS)
    assert "no guard watches it" in interlock.blocked()["plc.run"]
