"""Chips that share a bus: fair turns, one that dies alone, a stuck line, an adapter that goes."""

import asyncio
import math
import threading
import time

import pytest

from banksman_drivers.fake.i2c_chips import (
    FakeAds1115,
    FakeBme280,
    FakeLm75,
    FakeMcp23017,
    FakeTmp117,
)
from banksman_drivers.ports import Command, CommandFailed, Unsupported

TEMPERATURE = {"name": "it", "channel": "temperature", "unit": "degC"}
LAMP = {"name": "lamp", "channel": "gpa0", "safe": False}


def command(output, value=True, within_s=5.0):
    return Command("c1", output, value, time.monotonic_ns() + int(within_s * 1e9), "test")


def threads():
    return [thread.name for thread in threading.enumerate()].count("bus-1")


async def test_all_chips_of_a_bus_share_one_thread_and_one_opening(floor, until):
    floor.put(0x48, FakeTmp117(20.0))
    floor.put(0x49, FakeLm75(30.0))
    warm = floor.make("tmp117", 0x48, point=[TEMPERATURE])
    hot = floor.make("lm75", 0x49, point=[TEMPERATURE])
    ears = [floor.start(warm), floor.start(hot)]
    assert [(await ear.good())[0].value for ear in ears] == [20.0, 30.0]
    await until(lambda: threads() == 1, "one thread; one of a test before may be ending")
    assert floor.bus.opened == 1


async def test_the_thread_ends_with_the_last_chip_and_closes_the_bus(floor, until):
    floor.put(0x48, FakeTmp117())
    floor.put(0x49, FakeLm75())
    drivers = [
        floor.make("tmp117", 0x48, point=[TEMPERATURE]),
        floor.make("lm75", 0x49, point=[TEMPERATURE]),
    ]
    ears = [floor.start(driver) for driver in drivers]
    for ear in ears:
        await ear.good()
    await floor.stop(drivers[0])
    await ears[1].good()
    await floor.stop(drivers[1])
    assert (floor.bus.opened, floor.bus.closed) == (1, 1)
    await until(lambda: threads() == 0, "the thread has ended")


async def test_a_lost_chip_degrades_its_own_readings_and_no_others(floor):
    seat = floor.put(0x48, FakeTmp117())
    floor.put(0x49, FakeLm75(21.5))
    lost = floor.make("tmp117", 0x48, point=[TEMPERATURE])
    well = floor.make("lm75", 0x49, point=[TEMPERATURE])
    ears = [floor.start(lost), floor.start(well)]
    for ear in ears:
        await ear.good()
    seat.absent = True
    (bad,) = await ears[0].bad()
    assert math.isnan(bad.value)
    seen = len(ears[1].batches)
    (good,) = await ears[1].good()
    assert good.value == 21.5
    assert "nobody answers at 0x48" in lost.health().message
    assert well.health().state == "connected"
    assert all(reading.value == 21.5 for batch in ears[1].batches[seen:] for reading in batch)
    seat.absent = False
    await ears[0].good()
    assert lost.health().reconnects == 1
    assert well.health().reconnects == 0


async def test_another_chip_in_its_place_is_refused_until_the_right_one_is_back(floor):
    seat = floor.put(0x48, FakeTmp117(20.0))
    floor.put(0x49, FakeLm75())
    driver = floor.make("tmp117", 0x48, point=[TEMPERATURE])
    beside = floor.make("lm75", 0x49, point=[TEMPERATURE])
    ear = floor.start(driver)
    floor.start(beside)
    await ear.good()
    right, seat.model = seat.model, FakeLm75(50.0)
    await ear.bad()
    await ear.wait(lambda: "is no TMP117" in driver.health().message)
    seat.model = right
    assert (await ear.good())[0].value == 20.0


async def test_garbage_never_becomes_a_value_and_never_ends_the_driver(floor):
    seat = floor.put(0x48, FakeTmp117(20.0))
    floor.put(0x49, FakeLm75())
    driver = floor.make("tmp117", 0x48, point=[TEMPERATURE])
    ear = floor.start(driver)
    await ear.good()
    seat.garbage = True
    await ear.bad()
    seen = len(ear.batches)
    await ear.wait(lambda: len(ear.batches) > seen + 1)
    assert all(math.isnan(reading.value) for batch in ear.batches[seen:] for reading in batch)
    seat.garbage = False
    assert (await ear.good())[0].value == 20.0


async def test_a_stuck_line_loses_every_chip_says_what_to_do_and_heals_by_itself(floor):
    floor.put(0x48, FakeTmp117(20.0))
    floor.put(0x49, FakeLm75(30.0))
    drivers = [
        floor.make("tmp117", 0x48, point=[TEMPERATURE]),
        floor.make("lm75", 0x49, point=[TEMPERATURE]),
    ]
    ears = [floor.start(driver) for driver in drivers]
    for ear in ears:
        await ear.good()
    floor.bus.stuck = True
    for ear in ears:
        await ear.bad()
    for ear, driver in zip(ears, drivers, strict=True):
        await ear.wait(lambda driver=driver: "the bus /dev/i2c-1" in driver.health().message)
        assert "a line is held low" in driver.health().message
        assert "power the sensors off and on" in driver.health().message
    opened = floor.bus.opened
    await ears[0].wait(lambda: floor.bus.opened > opened)
    floor.bus.stuck = False
    assert [(await ear.good())[0].value for ear in ears] == [20.0, 30.0]
    assert floor.bus.opened == floor.bus.closed + 1
    await ears[0].wait(lambda: "given up and opened anew" in drivers[0].health().message)


async def test_a_stuck_bus_is_asked_once_for_each_try_not_once_for_each_chip(floor):
    drivers = []
    for address in (0x48, 0x49, 0x4A, 0x4B):
        floor.put(address, FakeTmp117())
        drivers.append(floor.make("tmp117", address, point=[TEMPERATURE]))
    ears = [floor.start(driver) for driver in drivers]
    for ear in ears:
        await ear.good()
    floor.bus.stuck = True
    for ear in ears:
        await ear.bad()
    await ears[0].wait(lambda: "the bus /dev/i2c-1" in drivers[0].health().message)
    opened = floor.bus.opened
    transfers = floor.bus.transfers
    await ears[0].wait(lambda: floor.bus.opened >= opened + 3)
    asked = floor.bus.transfers - transfers
    assert asked <= floor.bus.opened - opened + 1


async def test_an_adapter_that_is_unplugged_is_found_again(floor):
    floor.put(0x48, FakeTmp117(20.0))
    driver = floor.make("tmp117", 0x48, point=[TEMPERATURE])
    ear = floor.start(driver)
    await ear.good()
    floor.bus.unplugged = True
    await ear.bad()
    await ear.wait(lambda: "cannot be opened" in driver.health().message)
    floor.bus.unplugged = False
    assert (await ear.good())[0].value == 20.0


async def test_a_slow_conversion_does_not_hold_the_bus(floor):
    floor.put(0x48, FakeAds1115(floor.ticks, [1, 2, 3, 4]))
    floor.put(0x49, FakeLm75())
    volts = [{"name": f"a{n}", "channel": f"a{n}", "unit": "V", "stale_ms": 3000} for n in range(4)]
    slow = floor.make("ads1115", 0x48, rate_hz=8, poll_ms=700, point=volts)
    quick = floor.make("lm75", 0x49, point=[TEMPERATURE])
    quick_ear = floor.start(quick)
    await quick_ear.good()
    await floor.start(slow).good()
    turns = list(floor.bus.order)
    polling = turns[turns.index(0x48) :]
    between = polling[: len(polling) - polling[::-1].index(0x48)]
    assert 0x49 in between


async def test_a_greedy_chip_leaves_the_others_their_turns(floor):
    for address in (0x48, 0x49, 0x4A):
        floor.put(address, FakeTmp117())
    greedy = [
        floor.make("tmp117", address, poll_ms=1, point=[TEMPERATURE]) for address in (0x48, 0x49)
    ]
    modest = floor.make("tmp117", 0x4A, poll_ms=50, point=[TEMPERATURE])
    for driver in greedy:
        floor.start(driver)
    ear = floor.start(modest)
    for _ in range(4):
        await ear.good()
    assert modest.health().state == "connected"


# --- outputs --------------------------------------------------------------------------------


async def test_a_command_is_confirmed_by_the_pin(floor):
    chip = FakeMcp23017()
    floor.put(0x20, chip)
    driver = floor.make(
        "mcp23017", 0x20, output=[LAMP], point=[{"name": "in", "channel": "gpb0", "unit": "flag"}]
    )
    ear = floor.start(driver)
    await ear.good()
    await driver.apply(command("mcp23017_20.lamp"))
    assert chip.drives(0) is True
    await driver.apply(command("mcp23017_20.lamp", value=False))
    assert chip.drives(0) is False


async def test_a_value_that_is_neither_on_nor_off_is_not_written(floor):
    floor.put(0x20, FakeMcp23017())
    driver = floor.make("mcp23017", 0x20, output=[LAMP])
    with pytest.raises(CommandFailed, match="neither on nor off"):
        await driver.apply(command("mcp23017_20.lamp", value=1.0))


async def test_a_chip_that_comes_back_is_in_its_safe_state_not_in_its_last(floor, until):
    chip = FakeMcp23017()
    seat = floor.put(0x20, chip)
    driver = floor.make("mcp23017", 0x20, output=[LAMP])
    floor.start(driver)
    await until(lambda: driver.health().state == "connected", "connected")
    await driver.apply(command("mcp23017_20.lamp"))
    seat.absent = True
    await until(lambda: driver.health().state == "lost", "lost")
    seat.absent = False
    await until(lambda: driver.health().state == "connected", "connected again")
    assert chip.drives(0) is False


async def test_a_brown_out_is_noticed_and_never_takes_an_output_back_on(floor, until):
    chip = FakeMcp23017()
    floor.put(0x20, chip)
    driver = floor.make("mcp23017", 0x20, output=[LAMP])
    floor.start(driver)
    await until(lambda: driver.health().state == "connected", "connected")
    await driver.apply(command("mcp23017_20.lamp"))
    chip.power_cycle()
    await until(lambda: driver.health().reconnects == 1, "started anew")
    assert [level for pin, level in chip.history if pin == 0] == [False, True, None, False]


async def test_an_output_that_is_on_goes_safe_when_the_driver_ends(floor, until):
    chip = FakeMcp23017()
    floor.put(0x20, chip)
    driver = floor.make("mcp23017", 0x20, output=[LAMP])
    floor.start(driver)
    await until(lambda: driver.health().state == "connected", "connected")
    await driver.apply(command("mcp23017_20.lamp"))
    await floor.stop(driver)
    assert chip.drives(0) is False


async def test_a_command_that_nobody_waits_for_any_more_does_not_follow_its_successor(floor, until):
    chip = FakeMcp23017()
    floor.put(0x20, chip)
    driver = floor.make("mcp23017", 0x20, output=[LAMP])
    floor.start(driver)
    await until(lambda: driver.health().state == "connected", "connected")
    asking = asyncio.ensure_future(driver.apply(command("mcp23017_20.lamp")))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await driver.apply(command("mcp23017_20.lamp", value=False))
    assert chip.drives(0) is False


async def test_commands_to_a_stuck_bus_fail_and_name_the_output(floor, until):
    floor.put(0x20, FakeMcp23017())
    driver = floor.make("mcp23017", 0x20, output=[LAMP])
    floor.start(driver)
    await until(lambda: driver.health().state == "connected", "connected")
    floor.bus.stuck = True
    with pytest.raises(CommandFailed, match=r"mcp23017_20\.lamp"):
        await driver.apply(command("mcp23017_20.lamp"))


async def test_observe_mode_drives_no_pin(floor, until):
    chip = FakeMcp23017()
    floor.put(0x20, chip)
    driver = floor.make("mcp23017", 0x20, drive=False, output=[LAMP])
    floor.start(driver)
    await until(lambda: driver.health().state == "connected", "connected")
    await driver.to_safe()
    await floor.stop(driver)
    await driver.to_safe()
    assert not chip.history
    assert not {register for _, register, _ in floor.bus.writes} & {0x00, 0x14}


async def test_to_safe_without_a_running_driver_opens_the_bus_and_closes_it(floor):
    chip = FakeMcp23017()
    floor.put(0x20, chip)
    driver = floor.make("mcp23017", 0x20, output=[{**LAMP, "safe": True}])
    await driver.to_safe()
    assert chip.drives(0) is True
    assert (floor.bus.opened, floor.bus.closed) == (1, 1)


async def test_to_safe_before_the_first_poll_of_a_running_driver_uses_its_turn(floor):
    chip = FakeMcp23017()
    floor.put(0x20, chip)
    driver = floor.make("mcp23017", 0x20, output=[LAMP])
    floor.start(driver)
    await asyncio.sleep(0)
    await driver.to_safe()
    assert chip.drives(0) is False
    await floor.stop(driver)
    assert (floor.bus.opened, floor.bus.closed) == (1, 1)


async def test_to_safe_without_a_bus_says_so_at_once(floor):
    floor.put(0x20, FakeMcp23017())
    floor.bus.unplugged = True
    driver = floor.make("mcp23017", 0x20, output=[LAMP])
    with pytest.raises(CommandFailed, match="cannot be opened"):
        await driver.to_safe()


async def test_two_devices_at_one_address_are_refused_at_the_start(floor):
    floor.make("tmp117", 0x48, point=[TEMPERATURE])
    with pytest.raises(Unsupported, match="0x48"):
        floor.make("lm75", 0x48, point=[TEMPERATURE])


async def test_a_range_of_the_point_makes_doubt_and_a_range_of_the_chip_makes_bad(floor):
    model = FakeBme280()
    floor.put(0x76, model)
    driver = floor.make(
        "bme280",
        0x76,
        poll_ms=20,
        point=[
            {"name": "t", "channel": "temperature", "unit": "degC", "high": 20},
            {"name": "p", "channel": "pressure", "unit": "Pa"},
        ],
    )
    ear = floor.start(driver)
    await ear.wait(lambda: ear.batches)
    assert [reading.quality.name for reading in ear.batches[-1]] == ["UNCERTAIN", "GOOD"]
    model.raw = (0, 519888, 27000)
    await ear.wait(lambda: ear.batches[-1][1].quality.name == "BAD")
    assert math.isnan(ear.batches[-1][1].value)
