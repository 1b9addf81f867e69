"""The reject at its encoder position: the belt stops, turns back, and is lost sight of."""

import pytest

from banksman.clock import ManualClock
from banksman.config.schema_vision import RejectSettings
from banksman.control.stream import Stream
from banksman.vision.gate import Gate
from banksman_drivers.ports import Quality

STALE_MS = 1000
TURN_NS = 100_000_000


class Belt:
    """An encoder that tells each 100 ms; the gate is 100 mm down the belt, a part 20 mm long."""

    def __init__(self):
        self.clock = ManualClock()
        self.stream = Stream("belt.position", "mm", STALE_MS)
        self.told = []
        settings = RejectSettings(encoder="belt.position", distance_mm=100, length_mm=20)
        self.gate = Gate(settings, self.clock, lambda: self.told.append(self.gate.state))

    def at(self, *positions):
        """The belt goes there; the state at each place."""
        states = []
        for position in positions:
            self.clock.advance(TURN_NS / 1e9)
            self.stream.update(position, Quality.GOOD, self.clock.mono_ns())
            self.gate.watch(self.stream)
            states.append(self.gate.state)
        return states

    def silent(self, seconds):
        """The encoder says nothing; time goes by."""
        self.clock.advance(seconds)
        self.gate.look()
        return self.gate.state

    def mark(self):
        """A part that was filmed just now shall leave."""
        return self.gate.mark(self.clock.mono_ns())


@pytest.fixture
async def belt():
    made = Belt()
    made.at(0.0)
    return made


async def test_a_belt_that_stands_keeps_its_parts_for_as_long_as_it_stands(belt):
    belt.mark()
    belt.at(60.0)
    assert belt.at(*[60.0] * 600) == [False] * 600
    assert belt.at(99.0, 100.0, 119.0, 120.0) == [False, True, True, False]
    assert (belt.gate.parts.passed, belt.gate.parts.lost, belt.gate.fault) == (1, 0, "")


async def test_a_belt_that_stops_with_a_part_at_the_gate_holds_the_gate(belt):
    belt.mark()
    assert belt.at(*[110.0] * 50) == [True] * 50


async def test_a_part_that_turns_back_before_the_camera_and_passes_twice_is_rejected_once(belt):
    belt.at(30.0)
    belt.mark()
    assert belt.at(50.0, 40.0, 20.0) == [False] * 3  # back before the camera: it is seen anew
    belt.at(30.0)
    assert belt.mark() == "marked"
    assert belt.at(129.0, 130.0, 149.0, 150.0) == [False, True, True, False]
    assert (belt.gate.parts.passed, belt.gate.parts.lost) == (1, 0)


async def test_a_belt_that_trembles_before_the_camera_marks_its_part_once(belt):
    belt.at(30.0)
    assert belt.mark() == "marked"
    belt.at(31.0, 30.5, 32.0)
    assert belt.mark() == "same part"
    assert belt.at(130.0, 150.0) == [True, False]
    assert belt.gate.parts.passed == 1


async def test_a_belt_that_turns_back_at_the_gate_opens_it_again_for_its_part(belt):
    belt.mark()
    assert belt.at(105.0, 95.0, 105.0, 125.0) == [True, False, True, False]


async def test_without_its_encoder_a_part_cannot_be_rejected_which_is_told_and_counted(belt):
    belt.mark()
    belt.at(40.0)
    assert belt.silent(0.9) is False
    assert belt.silent(0.2) is None
    assert belt.gate.parts.lost == 1
    assert belt.gate.fault == "a marked part cannot be rejected: where the belt is is not known"


async def test_an_encoder_that_comes_back_is_believed_when_everything_has_passed(belt):
    belt.mark()
    belt.silent(5.0)
    assert belt.at(500.0, 619.0) == [None, None]
    assert "cannot be rejected" in belt.gate.fault
    assert belt.at(620.0) == [False]
    assert belt.gate.fault == ""
    belt.mark()
    assert belt.at(720.0) == [True]


async def test_an_encoder_that_says_bad_is_a_lost_one(belt):
    belt.mark()
    belt.stream.update(float("nan"), Quality.BAD, belt.clock.mono_ns())
    belt.gate.watch(belt.stream)
    assert belt.gate.state is None


async def test_a_part_that_is_marked_while_the_encoder_is_lost_is_counted(belt):
    belt.silent(5.0)
    assert belt.mark() == "nowhere"
    assert belt.mark() == "nowhere"
    assert belt.gate.fault.startswith("2 marked parts cannot be rejected")


async def test_a_verdict_that_comes_when_its_part_has_passed_says_so(belt):
    exposed_ns = belt.clock.mono_ns()
    belt.at(60.0, 130.0)
    assert belt.gate.mark(exposed_ns) == "late"
    assert "had passed the gate" in belt.gate.fault
    assert belt.at(149.0, 150.0) == [None, False]


async def test_a_part_is_rejected_where_it_was_when_it_was_filmed_whatever_the_look_took(belt):
    exposed_ns = belt.clock.mono_ns()
    belt.at(10.0, 35.0)
    assert belt.gate.mark(exposed_ns) == "marked"
    assert belt.at(99.0, 100.0) == [False, True]


async def test_each_change_is_told_once(belt):
    import asyncio

    belt.mark()
    for place in (50.0, 100.0, 110.0, 120.0, 130.0):
        belt.at(place)
        await asyncio.sleep(0)
    belt.mark()
    belt.silent(5.0)
    await asyncio.sleep(0)
    assert belt.told == [True, False, None]
