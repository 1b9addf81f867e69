"""What ports.py promises, asked of every driver."""

import asyncio
import re
import time

import pytest

from banksman_drivers.ports import Command, CommandExpired, CommandFailed, Quality, Unsupported


def all_good(batch):
    return all(reading.quality is Quality.GOOD for reading in batch)


def command(output="device.lamp", value=True, within_s=5.0):
    return Command("c1", output, value, time.monotonic_ns() + int(within_s * 1e9), "test")


async def test_sensors_are_named_after_their_device_and_fixed(rig):
    before = list(rig.driver.sensors())
    rig.start()
    await rig.sink.until(all_good)
    assert [sensor.id for sensor in before] == list(rig.expected)
    assert list(rig.driver.sensors()) == before


async def test_outputs_are_named_after_their_device_and_fixed(rig):
    before = list(rig.driver.outputs())
    rig.start()
    await rig.sink.until(all_good)
    assert all(output.id.startswith("device.") for output in before)
    assert list(rig.driver.outputs()) == before


async def test_a_batch_holds_every_sensor_with_its_unit(rig):
    rig.start()
    batch = await rig.sink.until(all_good)
    assert {r.sensor: r.unit for r in batch} == {
        sensor: unit for sensor, (_, unit) in rig.expected.items()
    }
    for reading in batch:
        value, _ = rig.expected[reading.sensor]
        assert value is None or reading.value == value


async def test_times_never_go_back_nor_lie_in_the_future(rig):
    rig.start()
    for _ in range(5):
        await rig.sink.until(all_good)
    times = [reading.mono_ns for batch in rig.sink.batches for reading in batch]
    assert times == sorted(times)
    assert times[-1] <= time.monotonic_ns()


async def test_a_running_device_is_connected_in_health(rig):
    rig.start()
    await rig.sink.until(all_good)
    health = rig.driver.health()
    assert (health.id, health.state) == ("device", "connected")
    assert health.requests > 0


async def test_a_lost_device_says_bad_for_every_sensor_at_least_each_second(rig):
    rig.start()
    await rig.sink.until(all_good)
    await rig.lose()
    first = await rig.sink.until(rig.all_bad)
    second = await rig.sink.until(rig.all_bad)
    for batch in (first, second):
        assert [reading.sensor for reading in batch] == list(rig.expected)
    assert second[0].mono_ns - first[0].mono_ns <= 1_000_000_000


async def test_a_lost_device_tells_people_which_and_why(rig):
    rig.start()
    await rig.sink.until(all_good)
    await rig.lose()
    await rig.sink.until(rig.all_bad)
    health = rig.driver.health()
    assert health.state == "lost"
    assert health.message.startswith("device: ")


async def test_a_lost_device_comes_back_without_a_restart(rig):
    rig.start()
    await rig.sink.until(all_good)
    await rig.lose()
    await rig.sink.until(rig.all_bad)
    await rig.restore()
    await rig.sink.until(all_good)
    assert rig.driver.health().state == "connected"
    assert rig.driver.health().reconnects == 1


async def test_run_ends_by_cancellation_and_closes_its_connection(rig):
    rig.start()
    await rig.sink.until(all_good)
    task = rig.task
    await rig.cancel()
    assert task.cancelled()
    await rig.closed()


async def test_a_cancelled_driver_delivers_no_more(rig):
    rig.start()
    await rig.sink.until(all_good)
    await rig.cancel()
    count = len(rig.sink.batches)
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert len(rig.sink.batches) == count


async def test_a_driver_can_be_run_again_after_its_cancellation(rig):
    rig.start()
    await rig.sink.until(all_good)
    await rig.cancel()
    again = len(rig.sink.batches)
    rig.start()
    began_ns = (await rig.sink.until(all_good))[0].mono_ns
    # Long enough for a beat of BAD readings that nobody stopped to show.
    await rig.sink.until(lambda batch: batch[0].mono_ns > began_ns + 700_000_000)
    assert all(all_good(batch) for batch in rig.sink.batches[again:])


async def test_a_driver_that_does_not_run_does_not_call_itself_connected(rig):
    rig.start()
    await rig.sink.until(all_good)
    await rig.cancel()
    assert rig.driver.health().state == "starting"


async def test_an_output_that_does_not_exist_is_unsupported(rig):
    rig.start()
    await rig.sink.until(all_good)
    with pytest.raises(Unsupported, match=r"device\.siren"):
        await rig.driver.apply(command("device.siren"))


async def test_a_command_reaches_its_output(acting_rig):
    acting_rig.start()
    await acting_rig.sink.until(all_good)
    await acting_rig.driver.apply(command(acting_rig.output))
    assert acting_rig.written() == [True]


async def test_an_expired_command_is_not_written(acting_rig):
    acting_rig.start()
    await acting_rig.sink.until(all_good)
    with pytest.raises(CommandExpired, match=re.escape(acting_rig.output)):
        await acting_rig.driver.apply(command(acting_rig.output, within_s=-0.001))
    assert acting_rig.written() == []


async def test_a_refused_command_fails_and_names_its_output(acting_rig):
    acting_rig.start()
    await acting_rig.sink.until(all_good)
    acting_rig.refuse_commands()
    with pytest.raises(CommandFailed, match=re.escape(acting_rig.output)):
        await acting_rig.driver.apply(command(acting_rig.output))
    assert acting_rig.written() == []


async def test_a_command_to_a_lost_device_fails(acting_rig):
    acting_rig.start()
    await acting_rig.sink.until(all_good)
    await acting_rig.lose()
    await acting_rig.sink.until(acting_rig.all_bad)
    with pytest.raises(CommandFailed, match=re.escape(acting_rig.output)):
        await acting_rig.driver.apply(command(acting_rig.output))
    assert acting_rig.written() == []


async def test_every_output_declares_its_safe_state_and_takes_it(acting_rig):
    await acting_rig.driver.to_safe()
    assert acting_rig.written() == acting_rig.safe_writes()


async def test_to_safe_of_a_lost_device_names_the_output_that_it_could_not_reach(acting_rig):
    acting_rig.start()
    await acting_rig.sink.until(all_good)
    await acting_rig.lose()
    await acting_rig.sink.until(acting_rig.all_bad)
    with pytest.raises(CommandFailed, match=re.escape(acting_rig.output)):
        await acting_rig.driver.to_safe()
