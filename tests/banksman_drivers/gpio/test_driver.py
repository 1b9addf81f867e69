"""The driver as the control loop sees it, on the shipped chip under the real gpiozero."""

import errno
import time

import pytest

from banksman_drivers.ports import CommandExpired, CommandFailed, Quality

EYE, PULSES, A, B, LAMP, SIREN = 17, 4, 5, 6, 22, 23
POINT = {"name": "eye", "line": EYE, "debounce_ms": 0}
BELT = {"name": "belt", "line_a": A, "line_b": B, "mm_per_count": 0.5}
OUTPUT = {"name": "lamp", "line": LAMP, "safe": False}
FORWARD = ((A, True), (B, True), (A, False), (B, False))


def run_belt(board, cycles):
    for _ in range(cycles):
        for line, high in FORWARD:
            board.drive(line, high)


async def test_the_first_level_is_a_reading_and_no_edge(board, start):
    board.drive(EYE, True)
    board.drive(PULSES, True)
    bench = await start(point=[POINT], counter=[{"name": "pieces", "line": PULSES}])
    assert bench.values("eye") == [1.0]
    assert bench.values("pieces") == [0.0]


@pytest.mark.parametrize(("active", "pull", "value"), [("low", "up", 0.0), ("low", "down", 1.0)])
async def test_an_undriven_line_has_the_level_of_its_pull(start, active, pull, value):
    bench = await start(point=[POINT | {"active": active, "pull": pull}])
    assert bench.values("eye") == [value]


async def test_an_edge_is_told_at_once_with_the_time_it_had(board, start):
    bench = await start(point=[POINT], poll_ms=60_000)
    before_ns = time.monotonic_ns()
    board.drive(EYE, True)
    after_ns = time.monotonic_ns()
    assert before_ns <= await bench.reads("eye", 1.0) <= after_ns


async def test_a_pulse_shorter_than_a_turn_of_the_loop_is_told_as_two_changes(board, start):
    bench = await start(point=[POINT], poll_ms=60_000, report_ms=1000)
    board.drive(EYE, True)
    board.drive(EYE, False)
    await bench.reads("eye", 1.0)
    await bench.reads("eye", 0.0)
    assert bench.values("eye") == [0.0, 1.0, 0.0]


async def test_a_level_that_no_edge_told_is_found_by_the_next_poll(board, start):
    bench = await start(point=[POINT])
    board.lose_edge(EYE, True)
    await bench.reads("eye", 1.0)


async def test_what_a_bounce_settled_on_is_told_without_a_further_edge(board, start):
    bench = await start(point=[POINT | {"debounce_ms": 20}], poll_ms=60_000)
    board.drive(EYE, True)
    board.drive(EYE, False)
    await bench.reads("eye", 1.0)
    await bench.reads("eye", 0.0)


async def test_a_flood_of_changes_is_merged_and_no_pulse_of_it_lost(board, start):
    counter = {"name": "pieces", "line": PULSES, "scale": 2.0, "offset": 100.0}
    bench = await start(point=[POINT], counter=[counter])
    for _ in range(5000):
        board.drive(EYE, True)
        board.drive(PULSES, True)
        board.drive(EYE, False)
        board.drive(PULSES, False)
    await bench.reads("pieces", 10_100.0)
    assert len(bench.sink.batches) < 2000
    assert "too fast" in bench.driver.health().message


async def test_a_belt_tells_position_speed_direction_and_nothing_missed(board, start):
    bench = await start(encoder=[BELT])
    run_belt(board, 100)
    await bench.reads("belt_position", 200.0)
    batch = bench.newest
    assert bench.of(batch, "belt_speed").value > 0
    assert bench.of(batch, "belt_direction").value == 1.0
    assert bench.of(batch, "belt_missed").value == 0.0


async def test_a_belt_that_is_wired_the_other_way_is_turned_by_a_negative_step(board, start):
    bench = await start(encoder=[BELT | {"mm_per_count": -0.5}])
    run_belt(board, 10)
    await bench.reads("belt_position", -20.0)
    assert bench.of(bench.newest, "belt_direction").value == -1.0


async def test_a_missed_edge_is_counted_and_makes_the_position_uncertain_once(board, start):
    bench = await start(encoder=[BELT])
    board.lose_edge(A, True)
    await bench.reads("belt_missed", 1.0)
    assert bench.of(bench.newest, "belt_position").quality is Quality.UNCERTAIN
    await bench.reads("belt_missed", 1.0)
    assert bench.of(bench.newest, "belt_position").quality is Quality.GOOD


async def test_a_part_that_the_eye_saw_is_at_the_station_when_the_belt_has_gone_so_far(
    board, start
):
    station = {
        "name": "reject",
        "encoder": "belt",
        "eye": "eye",
        "distance_mm": 100,
        "length_mm": 10,
    }
    bench = await start(point=[POINT], encoder=[BELT], station=[station], poll_ms=60_000)
    board.drive(EYE, True)
    board.drive(EYE, False)
    run_belt(board, 49)  # 98 mm
    await bench.reads("belt_position", 98.0)
    assert bench.values("reject") == [0.0]
    run_belt(board, 1)
    await bench.reads("reject", 1.0)
    assert bench.of(bench.newest, "belt_position").value == 100.0
    run_belt(board, 5)
    await bench.reads("reject", 0.0)


async def test_an_output_is_opened_at_its_safe_level_in_one_operation(board, start):
    outputs = [OUTPUT, {"name": "siren", "line": SIREN, "safe": True, "active": "low"}]
    await start(output=outputs, point=[POINT])
    assert [(event.what, event.high) for event in board.history[LAMP]] == [("claimed", False)]
    assert [(event.what, event.high) for event in board.history[SIREN]] == [("claimed", False)]


async def test_a_command_drives_the_wire(board, start):
    bench = await start(point=[POINT], output=[OUTPUT | {"active": "low"}])
    await bench.apply("lamp", True)
    assert board.level(LAMP) is False
    await bench.apply("lamp", 0)
    assert board.level(LAMP) is True


@pytest.mark.parametrize("value", ["on", 2, 0.5, float("nan")])
async def test_a_value_that_is_no_level_is_refused(board, start, value):
    bench = await start(point=[POINT], output=[OUTPUT])
    with pytest.raises(CommandFailed, match=r"io\.lamp"):
        await bench.apply("lamp", value)
    assert len(board.history[LAMP]) == 1


async def test_an_output_that_something_else_drives_fails_its_command(board, start):
    bench = await start(point=[POINT], output=[OUTPUT])
    board.shorts[LAMP] = False
    with pytest.raises(CommandFailed, match="short circuit"):
        await bench.apply("lamp", True)
    assert bench.driver.health().errors == 1


async def test_a_write_that_the_chip_refuses_fails_and_names_the_output(board, start):
    bench = await start(point=[POINT], output=[OUTPUT])
    board.failing[LAMP] = errno.EIO
    with pytest.raises(CommandFailed, match=r"io\.lamp.*line 22"):
        await bench.apply("lamp", True)


async def test_a_command_that_is_too_late_at_the_chip_writes_nothing(board, start):
    bench = await start(point=[POINT], output=[OUTPUT])
    with pytest.raises(CommandExpired, match=r"io\.lamp"):
        await bench.apply("lamp", True, within_ns=-1)
    assert len(board.history[LAMP]) == 1


async def test_observe_mode_opens_no_output_and_says_so(board, start):
    bench = await start(driving=False, point=[POINT], output=[OUTPUT])
    assert not board.history[LAMP]
    with pytest.raises(CommandFailed, match="observe mode"):
        await bench.apply("lamp", True)
    await bench.driver.to_safe()
    assert not board.history[LAMP]
    assert "opens no outputs" in bench.driver.health().message


async def test_outputs_are_supervised_by_nobody(start):
    bench = await start(point=[POINT], output=[OUTPUT])
    info = bench.driver.outputs()[0]
    assert (info.supervision, info.run_permit) == ("none", False)


async def test_the_end_writes_outputs_safe_and_gives_every_line_back(board, start):
    bench = await start(point=[POINT], output=[OUTPUT])
    await bench.apply("lamp", True)
    await bench.end()
    assert [event.what for event in board.history[LAMP]][-2:] == ["set", "freed"]
    assert board.history[LAMP][-2].high is False
    assert board.idle


async def test_a_chip_that_comes_back_has_its_outputs_safe_until_commanded_anew(board, start):
    bench = await start(point=[POINT], output=[OUTPUT])
    await bench.apply("lamp", True)
    board.unplug()
    await bench.sink.until(lambda batch: batch[0].quality is Quality.BAD)
    board.plug()
    await bench.ready()
    assert board.level(LAMP) is False


async def test_counts_outlive_a_lost_chip_and_its_return_is_no_pulse(board, start):
    bench = await start(counter=[{"name": "pieces", "line": PULSES}], encoder=[BELT])
    board.drive(PULSES, True)
    run_belt(board, 2)
    await bench.reads("belt_position", 4.0)
    board.unplug()
    await bench.sink.until(lambda batch: batch[0].quality is Quality.BAD)
    board.drive(PULSES, False)
    board.lose_edge(A, True)
    board.plug()
    await bench.ready()
    last = bench.sink.batches[-1]
    values = [bench.of(last, name).value for name in ("pieces", "belt_position", "belt_missed")]
    assert values == [1.0, 4.0, 0.0]


async def test_a_line_that_another_program_holds_is_lost_with_the_remedy(board, start):
    board.busy.add(EYE)
    bench = await start(wait=False, point=[POINT], output=[OUTPUT])
    await bench.sink.until(lambda batch: batch[0].quality is Quality.BAD)
    health = bench.driver.health()
    assert health.state == "lost"
    assert "banksman gpio list" in health.message
    board.busy.clear()
    await bench.ready()


async def test_a_half_opened_chip_gives_all_its_lines_back(board, start):
    board.busy.add(EYE)
    bench = await start(wait=False, point=[POINT], output=[OUTPUT])
    await bench.sink.until(lambda batch: batch[0].quality is Quality.BAD)
    await bench.end()
    assert board.idle


async def test_one_output_that_cannot_be_written_does_not_keep_the_others_from_their_safe_state(
    board, start
):
    bench = await start(point=[POINT], output=[OUTPUT, OUTPUT | {"name": "siren", "line": SIREN}])
    await bench.apply("lamp", True)
    await bench.apply("siren", True)
    board.failing[LAMP] = errno.EIO
    with pytest.raises(CommandFailed, match=r"io\.lamp"):
        await bench.driver.to_safe()
    assert board.history[SIREN][-1].high is False
    await bench.apply("siren", True)
    await bench.end()
    assert [event.high for event in board.history[SIREN]][-2:] == [False, None]
    with pytest.raises(CommandFailed, match=r"io\.lamp: .*line 22"):
        await bench.driver.to_safe()
    assert [event.what for event in board.history[SIREN]][-3:] == ["claimed", "set", "freed"]


async def test_parts_that_are_too_many_are_told_on_the_devices_line(board, start):
    station = {"name": "far", "encoder": "belt", "eye": "eye", "distance_mm": 900, "length_mm": 1}
    bench = await start(point=[POINT], encoder=[BELT], station=[station])
    for _ in range(1003):
        board.drive(EYE, True)
        board.drive(EYE, False)
    board.drive(PULSES, True)
    await bench.sink.until(lambda _: "3 parts were too many" in bench.driver.health().message)


async def test_to_safe_beside_a_running_driver_goes_through_it(board, start):
    bench = await start(point=[POINT], output=[OUTPUT])
    await bench.apply("lamp", True)
    await bench.driver.to_safe()
    assert board.level(LAMP) is False
    assert board.opened == 1


async def test_commands_that_wait_when_the_chip_goes_are_answered(board, start, until):
    bench = await start(point=[POINT], output=[OUTPUT])
    board.unplug()
    with pytest.raises(CommandFailed, match=r"io\.lamp"):
        await bench.apply("lamp", True)


async def test_an_edge_with_another_clocks_time_carries_ours(board, start):
    bench = await start(point=[POINT], poll_ms=60_000)
    first_ns = bench.sink.batches[-1][0].mono_ns
    board.drive(EYE, True, at_s=1.7e9)  # seconds since 1970
    assert first_ns <= await bench.reads("eye", 1.0) < 10**18
