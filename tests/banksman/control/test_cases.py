"""Parts as cases: each defective one is acted on and recorded; nothing is surer than they are."""

import math

import msgspec
import pytest

from banksman.control.nudge import Nudge
from banksman.control.point import Action
from banksman_drivers.ports import Quality, Reading


@pytest.fixture
def line(make_bench):
    """The bench, with ``plc.door`` in the part's counter's place."""

    class Line(make_bench):
        def use(self, **spec):
            points = [msgspec.structs.replace(each, **spec) for each in self.points(RULES)[0]]
            self.loop.load_points(points, "v")
            return self

        async def part(self, number, heat, after_s=0.1, quality=Quality.GOOD):
            self.clock.advance(after_s)
            now_ns = self.clock.mono_ns()
            batch = [
                Reading("plc.door", number, "flag", quality, now_ns),
                Reading("plc.heat", heat, "degC", Quality.GOOD, now_ns),
            ]
            self.loop.readings(batch)
            await self.settle()

    return Line()


RULES = """
[[rule]]
name = "hot"
point = "oven"
when = "plc.heat > '80 degC'"
then = "cool"
priority = 10

[[rule]]
name = "fine"
point = "oven"
when = "True"
then = "none"
"""


async def test_the_next_part_is_acted_on_again_by_a_verdict_like_the_last(line):
    line.use(each="plc.door")
    await line.part(1, 90.0)
    await line.part(1, 91.0)
    assert line.hand.applied == [("plc.heater", False), ("plc.horn", True)]
    await line.part(2, 92.0)
    assert len(line.hand.applied) == 4
    assert [decision.action for decision in line.notes.decisions] == ["cool", "cool"]


async def test_without_cases_an_unchanged_verdict_stays_quiet(line):
    line.use()
    await line.part(1, 90.0)
    await line.part(2, 91.0)
    assert len(line.hand.applied) == 2
    assert len(line.notes.decisions) == 1


async def test_good_parts_are_recorded_by_exception(line):
    line.use(each="plc.door")
    for number in range(5):
        await line.part(number, 20.0)
    assert len(line.notes.decisions) == 1


async def test_the_alert_of_one_part_is_not_cleared_by_the_next_one_like_it(line):
    line.use(each="plc.door")
    await line.part(1, 90.0)
    raised = line.notes.alarms["oven.cool"]
    line.notes.clear_alarm = lambda key: pytest.fail(f"{key} was cleared")
    await line.part(2, 90.0)
    assert line.notes.alarms["oven.cool"] == raised


async def test_a_counter_that_cannot_be_read_makes_no_new_case(line):
    line.use(each="plc.door")
    await line.part(1, 90.0)
    await line.part(math.nan, 90.0, quality=Quality.BAD)
    assert len(line.hand.applied) == 2


async def test_a_reload_of_the_rules_repeats_no_part(line):
    line.use(each="plc.door")
    await line.part(1, 90.0)
    line.use(each="plc.door")
    await line.part(1, 90.0)
    assert len(line.hand.applied) == 2


async def test_no_decision_is_surer_than_what_was_seen(line):
    line.use(sure="plc.door")
    await line.part(0.4, 90.0)
    (decision,) = line.notes.decisions
    assert decision.confidence == pytest.approx(0.4)
    assert decision.review
    assert "plc.door is 0.40" in decision.reason


async def test_a_confidence_that_cannot_be_read_is_none(line):
    line.use(sure="plc.door")
    await line.part(math.nan, 90.0, quality=Quality.BAD)
    assert line.notes.decisions[-1].confidence == 0.0


async def test_each_doubtful_part_is_put_before_a_person(line):
    line.use(each="plc.door", sure="plc.door")
    for number in (0.1, 0.2, 0.3):
        await line.part(number, 20.0)
    assert [decision.review for decision in line.notes.decisions] == [True] * 3


async def test_a_decision_names_the_model_that_looked(line):
    line.use(version=lambda: "castings-4")
    await line.part(1, 90.0)
    assert line.notes.decisions[-1].model_version == "castings-4"


class TestNudge:
    """``plc.heat`` stands for the setpoint's reading; the heater takes the number."""

    @pytest.fixture
    def nudged(self, line):
        nudge = Nudge("plc.heater", "plc.heat", -5.0, 82.0, 100.0, 10_000_000_000)
        line.loop._actions["cool"] = Action("cool", nudge=nudge)
        return line.use(each="plc.door")

    async def test_a_nudge_is_one_step_from_where_the_setpoint_is_now(self, nudged):
        await nudged.part(1, 95.0)
        assert nudged.hand.applied == [("plc.heater", 90.0)]

    async def test_nudges_keep_their_interval(self, nudged):
        await nudged.part(1, 95.0)
        await nudged.part(2, 95.0, after_s=1)
        await nudged.part(3, 95.0, after_s=10)
        assert nudged.hand.applied == [("plc.heater", 90.0)] * 2
        assert nudged.loop.counters["nudges_held"] == 1

    async def test_a_nudge_never_leaves_its_bounds(self, nudged):
        await nudged.part(1, 84.0)
        await nudged.part(2, 200.0, after_s=20)
        assert nudged.hand.applied == [("plc.heater", 82.0)]

    async def test_where_nobody_could_judge_the_part_nothing_is_nudged(self, line):
        """The safe action of a lost camera may be one that nudges: its nudge is not taken."""
        nudge = Nudge("plc.heater", "plc.door", -5.0, 82.0, 100.0, 10_000_000_000)
        line.loop._actions["cool"] = Action("cool", writes=(("plc.horn", True),), nudge=nudge)
        (spec,) = line.points(RULES)[0]
        line.use(each="plc.door", point=msgspec.structs.replace(spec.point, safe_action="cool"))
        await line.part(95.0, math.nan)
        assert line.notes.decisions[-1].source == "safe_default"
        assert ("plc.horn", True) in line.hand.applied
        assert ("plc.heater", 90.0) not in line.hand.applied
        assert (line.loop.counters["nudges_held"], line.loop.counters["nudges"]) == (1, 0)
        await line.part(96.0, 90.0)
        assert ("plc.heater", 91.0) in line.hand.applied

    async def test_a_tripped_setpoint_is_not_nudged(self, nudged):
        nudged.loop.interlock.trip("oven", "the test says so")
        nudged.loop.tick(nudged.clock.mono_ns())
        await nudged.part(1, 95.0)
        assert ("plc.heater", 90.0) not in nudged.hand.applied
        assert nudged.loop.counters["nudges"] == 0

    async def test_observing_nudges_nothing(self, make_bench, nudged):
        nudged.loop.interlock.mode = "observe"
        await nudged.part(1, 95.0)
        assert nudged.hand.applied == []
