"""The five steps together: a reading in, a command out, a record kept."""

import math

import pytest

from banksman.deciding.decision import Verdict
from banksman.errors import ConfigError, ResetRefused
from banksman_drivers.ports import CommandFailed, Quality, Reading
from banksman_inference.fake import FakeModel

pytestmark = pytest.mark.asyncio


async def test_a_reading_becomes_a_command_at_the_output(make_bench):
    bench = make_bench()
    await bench.see(20.0)
    assert bench.hand.applied == [("plc.heater", True), ("plc.horn", False)]
    await bench.see(90.0)
    assert bench.hand.applied[2:] == [("plc.heater", False), ("plc.horn", True)]


async def test_an_unchanged_decision_commands_nothing_again(make_bench):
    bench = make_bench()
    for _ in range(5):
        await bench.see(20.0)
    assert len(bench.hand.applied) == 2


async def test_an_unchanged_decision_is_counted_each_time_and_recorded_once_a_minute(make_bench):
    bench = make_bench()
    for _ in range(5):
        await bench.see(20.0)
    assert bench.loop.counters["decisions_source_rule"] == 5
    assert len(bench.notes.decisions) == 1
    await bench.see(20.0, after_s=61)
    assert len(bench.notes.decisions) == 2


async def test_a_decision_carries_all_that_an_audit_needs(make_bench):
    bench = make_bench()
    await bench.see(90.0)
    decision = bench.notes.decisions[0]
    assert decision.id == "n1-1-1"
    assert decision.node == "n1"
    assert decision.rule == "hot"
    assert decision.action == "cool"
    assert decision.inputs == {"plc.heat": 90.0}
    assert decision.boot_id == bench.clock.boot_id
    assert decision.clock_quality == "synchronised"
    assert decision.wall_ns == bench.clock.wall_ns()
    assert decision.mono_ns == bench.clock.mono_ns()
    assert decision.rules_version == bench.loop.accounts.rules_version
    assert (decision.sync, decision.review, decision.mode) == (False, False, "armed")


async def test_observe_mode_decides_and_records_and_writes_nothing(make_bench):
    bench = make_bench(mode="observe")
    await bench.see(90.0)
    assert bench.hand.applied == []
    assert bench.notes.decisions[0].mode == "observe"
    assert bench.loop.counters["commands_refused"] == 2
    assert "oven.cool" in bench.notes.alarms


async def test_observe_mode_forces_nothing_even_when_a_trip_holds(make_bench):
    bench = make_bench(mode="observe")
    await bench.see(250.0)
    bench.loop.tick(bench.clock.mono_ns())
    await bench.settle()
    assert "trip.oven" in bench.notes.alarms
    assert bench.hand.applied == []


async def test_the_alarm_of_a_trip_says_its_label_and_what_stopped_it(make_bench):
    bench = make_bench()
    await bench.see(250.0)
    assert bench.notes.alarms["trip.oven"] == "Oven overheats: plc.heat > '200 degC'"


async def test_the_failed_write_of_one_output_does_not_restart_another_that_was_reset(make_bench):
    bench = make_bench()
    await bench.see(20.0)
    bench.loop.interlock.trip("oven", "pressed")
    bench.loop.holding.sense(bench.clock.mono_ns())
    await bench.settle()
    bench.loop.holding.reset("oven", "ann")
    bench.hand.applied.clear()
    bench.act.doubt("plc")  # the horn, which is no run permit, must be confirmed anew
    await bench.see(21.0)
    assert bench.hand.applied == [("plc.heater", False), ("plc.horn", False)]


async def test_a_device_that_comes_back_gets_its_horn_and_not_its_run_permit(make_bench):
    bench = make_bench()
    await bench.see(20.0)
    bench.act.lost("plc")
    bench.hand.applied.clear()
    bench.act.connected("plc")
    await bench.see(21.0)
    assert bench.hand.applied == [("plc.heater", False), ("plc.horn", False)]


async def test_a_write_that_failed_is_commanded_again_by_the_next_decision(make_bench):
    bench = make_bench()
    bench.hand.error = CommandFailed("no echo")
    await bench.see(90.0)
    bench.hand.error = None
    await bench.see(91.0)
    assert ("plc.horn", True) in bench.hand.applied


ADVICE = """
[[rule]]
name = "hot"
point = "oven"
when = "plc.heat > '80 degC'"
then = "mend"
definitive = true
confidence = 0.95

[[rule]]
name = "fine"
point = "oven"
when = "True"
then = "warm"
definitive = true
confidence = 0.9
"""


async def test_an_advice_opens_one_work_order_that_outlives_its_cause(make_bench):
    bench = make_bench(rules=ADVICE)
    for heat in (90.0, 91.0, 20.0):
        await bench.see(heat)
    text = bench.notes.alarms["work_order.oven.mend"]
    assert text.startswith("Clean the fan: ")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
async def test_an_input_that_is_no_number_takes_the_safe_action(make_bench, bad):
    bench = make_bench()
    await bench.see(20.0)
    await bench.see(bad)
    decision = bench.notes.decisions[-1]
    assert (decision.action, decision.source) == ("cool", "safe_default")
    assert "plc.heat" in decision.reason
    assert decision.review


async def test_an_uncertain_input_lowers_the_confidence_and_says_so(make_bench):
    bench = make_bench()
    await bench.see(20.0, Quality.UNCERTAIN)
    decision = bench.notes.decisions[0]
    assert decision.confidence == pytest.approx(0.9 * 0.7)
    assert decision.sync
    assert "plc.heat is uncertain" in decision.reason


async def test_a_sensor_that_falls_silent_takes_the_safe_action_without_any_reading(make_bench):
    bench = make_bench()
    await bench.see(20.0)
    bench.clock.advance(1.5)
    bench.loop.tick(bench.clock.mono_ns())
    await bench.settle()
    assert bench.hand.applied[-1] == ("plc.horn", True)
    assert "stale" in bench.notes.decisions[-1].reason


async def test_a_trip_stops_the_output_whatever_the_rules_say_and_survives_in_the_latches(
    make_bench,
):
    bench = make_bench()
    await bench.see(20.0)
    await bench.see(250.0)
    assert bench.notes.latched == {"oven": "plc.heat > '200 degC'"}
    assert "trip.oven" in bench.notes.alarms
    await bench.see(20.0)
    assert ("plc.heater", True) not in bench.hand.applied[2:]


async def test_a_reset_restarts_nothing_until_a_decision_changes(make_bench):
    bench = make_bench()
    await bench.see(250.0)
    await bench.see(20.0)
    bench.loop.holding.reset("oven", "ann")
    await bench.see(21.0)
    assert ("plc.heater", True) not in bench.hand.applied
    await bench.see(90.0)
    await bench.see(20.0)
    assert ("plc.heater", True) in bench.hand.applied


async def test_a_reset_with_its_cause_still_true_is_refused(make_bench):
    bench = make_bench()
    await bench.see(250.0)
    with pytest.raises(ResetRefused):
        bench.loop.holding.reset("oven", "ann")
    assert bench.notes.latched


async def test_the_alert_of_an_action_clears_when_the_decision_changes(make_bench):
    bench = make_bench()
    await bench.see(90.0)
    assert "too hot" in bench.notes.alarms["oven.cool"]
    await bench.see(20.0)
    assert "oven.cool" not in bench.notes.alarms


async def test_a_model_that_raises_takes_the_safe_action_and_names_the_model(make_bench):
    def broken(_):
        raise RuntimeError("bad weights")

    model = FakeModel("m1", ["plc.heat"], broken)
    bench = make_bench(rules="", model=model, model_action="cool")
    await bench.see(20.0)
    decision = bench.notes.decisions[0]
    assert decision.source == "safe_default"
    assert "bad weights" in decision.reason


async def test_a_question_to_the_cloud_is_answered_and_acted_on(make_bench, make_cloud):
    cloud = make_cloud()
    bench = make_bench(rules="", cloud=cloud, ask_cloud=True)
    await bench.see(20.0)
    assert bench.notes.decisions == []
    _, actions, reply = cloud.asked[0]
    assert set(actions) == {"none", "cool", "warm", "stop", "mend"}
    reply(Verdict("warm", 0.9, "cloud", "cloud: fine"))
    await bench.settle()
    assert bench.notes.decisions[0].source == "cloud"
    assert ("plc.heater", True) in bench.hand.applied


async def test_without_a_link_the_safe_action_is_taken_at_once(make_bench, make_cloud):
    cloud = make_cloud(up=False)
    bench = make_bench(rules="", cloud=cloud, ask_cloud=True)
    await bench.see(20.0)
    assert cloud.asked == []
    assert "cannot be reached" in bench.notes.decisions[0].reason


async def test_a_cloud_that_gives_no_usable_answer_ends_in_the_safe_action(make_bench, make_cloud):
    cloud = make_cloud()
    bench = make_bench(rules="", cloud=cloud, ask_cloud=True)
    await bench.see(20.0)
    cloud.asked[0][2](None)
    assert bench.notes.decisions[0].action == "cool"


async def test_an_answer_after_the_deadline_is_counted_and_changes_nothing(make_bench, make_cloud):
    cloud = make_cloud()
    bench = make_bench(rules="", cloud=cloud, ask_cloud=True)
    await bench.see(20.0)
    reply = cloud.asked[0][2]
    reply(None)
    reply(Verdict("warm", 0.9, "cloud", "late"))
    assert bench.loop.counters["cloud_late"] == 1
    assert [decision.action for decision in bench.notes.decisions] == ["cool"]


async def test_readings_that_come_while_the_cloud_is_asked_do_not_ask_again(make_bench, make_cloud):
    cloud = make_cloud()
    bench = make_bench(rules="", cloud=cloud, ask_cloud=True)
    await bench.see(20.0)
    await bench.see(21.0)
    assert len(cloud.asked) == 1
    assert bench.loop.counters["cloud_coalesced"] == 1


async def test_new_rules_are_taken_between_two_readings_and_repeat_no_command(make_bench):
    bench = make_bench()
    await bench.see(20.0)
    points, version = bench.points(
        "[[rule]]\nname='r'\npoint='oven'\nwhen='True'\nthen='warm'\ndefinitive=true\nconfidence=1.0\n"
    )
    bench.loop.load_points(points, version)
    await bench.see(90.0)
    assert len(bench.hand.applied) == 2
    assert bench.notes.decisions[-1].rules_version == version


async def test_rules_that_do_not_load_leave_the_old_ones_in_force(make_bench):
    bench = make_bench()
    with pytest.raises(ConfigError):
        bench.points("[[rule]]\nname='r'\npoint='oven'\nwhen='plc.heet > 3'\nthen='warm'\n")
    await bench.see(90.0)
    assert bench.notes.decisions[0].rule == "hot"


async def test_every_reading_is_kept_even_of_a_sensor_that_decides_nothing(make_bench):
    bench = make_bench()
    now_ns = bench.clock.mono_ns()
    bench.loop.readings([Reading("plc.door", 1.0, "flag", Quality.GOOD, now_ns)])
    assert bench.notes.readings[0][0] == "plc"
    assert bench.notes.decisions == []


async def test_what_is_in_doubt_is_recorded_with_the_quality_that_is_left_to_it(make_bench):
    bench = make_bench()
    bench.table.doubts["plc.heat"] = Quality.UNCERTAIN
    await bench.see(20.0)
    ((_, (reading,)),) = bench.notes.readings
    assert (reading.value, reading.quality) == (20.0, Quality.UNCERTAIN)
