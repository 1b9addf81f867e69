"""A bus on a pseudo-terminal: what units do to it, and what becomes of their readings."""

import struct

import pytest

from banksman_drivers.fake.modbus_rtu_server import RtuFaults, RtuLine
from banksman_drivers.modbus_rtu_frame import crc16
from banksman_drivers.ports import CommandExpired, CommandFailed, Quality, Unsupported
from banksman_drivers.settings.modbus import ModbusOutput, ModbusPoint, ModbusWatchdog

LAMP = ModbusOutput(name="lamp", safe=False, table="coil", address=3)
SPEED = ModbusOutput(name="speed", safe=0, table="holding", address=5, type="uint16")
TWO_BLOCKS = [ModbusPoint(name=f"r{n}", table="holding", address=n) for n in (0, 2)]


def framed(head):
    return head + crc16(head)


async def test_a_poll_reads_what_is_declared_and_nothing_else(bench, line):
    bench.unit(3, point=TWO_BLOCKS)
    batch = await bench.sinks[3].good()
    assert {r.sensor: r.value for r in batch} == {"u3.r0": 300, "u3.r2": 302}
    asked = {frame[:-2] for frame in line.requests}
    assert asked == {bytes((3, 3, 0, 0, 0, 1)), bytes((3, 3, 0, 2, 0, 1))}


async def test_units_of_one_port_share_it_and_each_has_its_own_readings(bench, line):
    for unit in (1, 2, 9):
        bench.unit(unit)
    for unit in (1, 2, 9):
        batch = await bench.sinks[unit].good()
        assert [(r.sensor, r.value) for r in batch] == [(f"u{unit}.r0", unit * 100)]
    assert set(line.asked) == {1, 2, 9}


async def test_a_silent_unit_is_lost_and_the_others_are_not(bench, line):
    bench.unit(1)
    bench.unit(2, timeout_ms=30)
    await bench.sinks[2].good()
    line.faults[2] = RtuFaults(silent=True)
    await bench.lost(2)
    assert "no answer of unit 2 within 30 ms" in bench.drivers[2].health().message
    for _ in range(20):
        await bench.sinks[1].good()
    assert bench.drivers[1].health().errors == 0


async def test_a_unit_that_answers_again_comes_back(bench, line):
    line.faults[2] = RtuFaults(silent=True)
    bench.unit(1)
    bench.unit(2, timeout_ms=200)
    await bench.lost(2)
    line.faults.clear()
    await bench.sinks[2].good()
    assert bench.drivers[2].health().state == "connected"


async def test_one_request_that_was_not_heard_is_repeated_and_loses_nobody(bench, line):
    bench.unit(2, timeout_ms=400)
    await bench.sinks[2].good()
    line.faults[2] = RtuFaults(deaf=1)
    await line.until(lambda: line.faults[2].deaf == 0)
    await bench.sinks[2].good()
    assert bench.drivers[2].health().reconnects == 0
    assert "requests repeated: 1" in bench.drivers[2].health().message
    assert all(r.quality is Quality.GOOD for batch in bench.sinks[2].batches for r in batch)


@pytest.mark.parametrize(
    "faults",
    [
        RtuFaults(noise=b"\x00\xff\x03"),
        RtuFaults(noise_after=b"\x00\xff"),
        RtuFaults(noise=framed(bytes((4, 3, 2, 9, 9)))),
        RtuFaults(piece_bytes=1),
    ],
    ids=["noise before", "noise after", "another unit's answer before", "single bytes"],
)
async def test_what_lies_around_an_answer_does_it_no_harm(bench, line, faults):
    line.faults[3] = faults
    bench.unit(3)
    for _ in range(5):
        assert [r.value for r in await bench.sinks[3].good()] == [300]
    assert bench.drivers[3].health().errors == 0


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        (RtuFaults(wrong_crc=True), "but 7 bytes that are none"),
        (RtuFaults(truncate=4), "but 4 bytes that are none"),
        (RtuFaults(unit_id=4), "but 7 bytes that are none"),
        (RtuFaults(silent=True), "check its number, its power and the two wires"),
        (RtuFaults(delay_s=0.1), "it answers later than that: raise timeout_ms"),
    ],
    ids=["wrong checksum", "half a frame", "another unit", "silence", "late"],
)
async def test_what_is_no_answer_loses_the_unit_and_says_what_came(bench, line, faults, told):
    line.faults[3] = faults
    bench.unit(3, timeout_ms=60)
    while told not in bench.drivers[3].health().message:
        await bench.sinks[3].until(lambda batch: True)
    line.faults.clear()
    await bench.sinks[3].good()


async def test_a_refusal_makes_its_own_points_bad_and_leaves_the_unit_connected(bench):
    points = [*TWO_BLOCKS, ModbusPoint(name="none", table="holding", address=77)]
    bench.unit(3, point=points)
    batch = await bench.sinks[3].until(lambda batch: True)
    assert [r.quality for r in batch] == [Quality.GOOD, Quality.GOOD, Quality.BAD]
    assert "illegal data address" in bench.drivers[3].health().message


async def test_a_write_goes_before_the_polls_that_wait(bench, line):
    for unit in range(1, 9):
        bench.unit(unit, poll_ms=1, output=[LAMP])
        await bench.sinks[unit].good()
    before = len(line.requests)
    await bench.drivers[5].apply(bench.command("u5.lamp", True))
    written = [frame[1] for frame in list(line.requests)[before:]].index(5)
    # One request may be under way, and one read before the first write tells an echo apart.
    assert written <= 2
    assert line.units[5].coils[3] == 1


async def test_commands_of_every_kind_reach_their_unit(bench, line):
    outputs = [
        LAMP,
        SPEED,
        ModbusOutput(name="bit", safe=False, table="holding", address=6, bit=2),
        ModbusOutput(name="level", safe=0, table="holding", address=8, type="float32"),
        ModbusOutput(
            name="both", safe=0, table="holding", address=7, type="uint16", write_with="read_write"
        ),
    ]
    driver = bench.unit(3, output=outputs)
    await bench.sinks[3].good()
    line.units[3].holding[6] = 0xF0
    for name, value in [("lamp", 1), ("speed", 42), ("bit", 1), ("level", 1.5), ("both", 9)]:
        await driver.apply(bench.command(f"u3.{name}", value))
    holding = line.units[3].holding
    assert line.units[3].coils[3] == 1
    assert (holding[5], holding[6], holding[7]) == (42, 0xF4, 9)
    assert struct.pack(">HH", holding[8], holding[9]) == struct.pack(">f", 1.5)
    assert {frame[1] for frame in line.requests} >= {3, 5, 6, 16, 22, 23}


async def test_a_command_to_a_lost_unit_fails_at_once_with_the_reason(bench, line):
    line.faults[3] = RtuFaults(silent=True)
    driver = bench.unit(3, timeout_ms=20, output=[LAMP], back_off_max_ms=60_000)
    await bench.lost(3)
    with pytest.raises(CommandFailed, match=r"u3\.lamp: u3: no answer of unit 3"):
        await driver.apply(bench.command("u3.lamp", True))


async def test_a_write_that_is_never_confirmed_fails(bench, line):
    driver = bench.unit(3, timeout_ms=20, output=[LAMP], poll_ms=3_600_000)
    await bench.sinks[3].good()
    line.faults[3] = RtuFaults(silent=True)
    with pytest.raises(CommandFailed, match="not confirmed: no answer of unit 3"):
        await driver.apply(bench.command("u3.lamp", True))


async def test_a_command_that_expires_while_it_waits_is_not_written(bench, line):
    driver = bench.unit(3, output=[LAMP], poll_ms=3_600_000)
    await bench.sinks[3].good()
    line.faults[2] = RtuFaults(silent=True)
    bench.unit(2, timeout_ms=2000)
    await line.until(lambda: line.asked[2] > 0)
    with pytest.raises(CommandExpired):
        await driver.apply(bench.command("u3.lamp", True, within_s=0.02))
    assert not line.writes


async def test_an_adapter_that_echoes_is_found_out_before_it_confirms_a_write(bench, line):
    line.echo = True
    driver = bench.unit(3, start=False, output=[LAMP])
    with pytest.raises(CommandFailed, match="write echo = true"):
        await driver.to_safe()
    assert not line.writes


async def test_an_adapter_that_echoes_a_dead_unit_confirms_nothing(bench, line):
    line.echo = True
    driver = bench.unit(7, start=False, output=[LAMP], echo=True, timeout_ms=20)
    del line.units[7]
    with pytest.raises(CommandFailed, match="not confirmed"):
        await driver.to_safe()


async def test_a_declared_echo_is_passed_over(bench, line):
    line.echo = True
    driver = bench.unit(3, echo=True, output=[LAMP])
    for _ in range(5):
        assert [r.value for r in await bench.sinks[3].good()] == [300]
    await driver.apply(bench.command("u3.lamp", True))
    assert line.units[3].coils[3] == 1


async def test_a_declared_echo_that_is_none_is_told(bench):
    bench.unit(3, echo=True, timeout_ms=30)
    await bench.lost(3)
    assert "drop echo if it has none" in bench.drivers[3].health().message


async def test_pulling_the_adapter_loses_every_unit_and_says_so(bench, line):
    for unit in (1, 2):
        bench.unit(unit)
        await bench.sinks[unit].good()
    line.unplug()
    for unit in (1, 2):
        await bench.lost(unit)
        assert "is the adapter plugged in?" in bench.drivers[unit].health().message
    line.plug()
    for unit in (1, 2):
        await bench.sinks[unit].good()


async def test_an_adapter_that_comes_later_is_taken_then(bench, line):
    line.unplug()
    bench.unit(3)
    await bench.lost(3)
    line.plug()
    await bench.sinks[3].good()


async def test_the_watchdog_register_is_fed_over_the_bus(bench, line):
    bench.unit(3, watchdog=ModbusWatchdog(address=9, period_ms=10))
    await line.until(lambda: len(line.writes) >= 5)
    fed = [write.values[0] for unit, write in line.writes if write.address == 9]
    assert fed == list(range(1, len(fed) + 1))


async def test_the_watchdog_register_is_not_fed_where_nothing_may_be_written(bench, line):
    driver = bench.unit(3, start=False, watchdog=ModbusWatchdog(address=9, period_ms=10))
    driver.feed(False)
    bench.start(3)
    for _ in range(20):
        await bench.sinks[3].good()
    assert not line.writes


async def test_to_safe_opens_the_bus_by_itself_and_leaves_it(bench, line):
    driver = bench.unit(3, start=False, output=[SPEED.model_copy(update={"safe": 7.0}), LAMP])
    await driver.to_safe()
    assert line.units[3].holding[5] == 7
    assert not bench.buses.of(bench.settings(3)).is_open


async def test_to_safe_works_beside_running_units(bench, line):
    driver = bench.unit(3, output=[LAMP.model_copy(update={"safe": True})])
    bench.unit(4)
    await bench.sinks[3].good()
    await driver.to_safe()
    assert line.units[3].coils[3] == 1
    await bench.sinks[4].good()


async def test_two_devices_that_see_the_line_differently_are_refused(bench):
    bench.unit(1)
    with pytest.raises(Unsupported, match="baud is 9600, and u1 on the same port has 115200"):
        bench.unit(2, baud=9600)


async def test_a_port_that_another_program_uses_is_told(bench, line, tmp_path):
    bench.unit(1)
    await bench.sinks[1].good()
    other = type(bench)(line)
    other.unit(2)
    await other.lost(2)
    assert "is in use by another program" in other.drivers[2].health().message
    await other.stop(2)


async def test_a_port_that_is_no_serial_line_is_told(bench, line, tmp_path):
    (tmp_path / "file").write_text("")
    line.port = str(tmp_path / "file")
    bench.unit(3)
    await bench.lost(3)
    assert "file cannot be opened: Could not configure port" in bench.drivers[3].health().message


async def test_a_port_that_cannot_turn_a_line_round_says_so(bench):
    bench.unit(3, rs485=True)  # a pseudo-terminal has no driver enable
    await bench.lost(3)
    assert "cannot turn an RS-485 line round by itself" in bench.drivers[3].health().message


async def test_bytes_that_nobody_asked_for_are_counted_and_do_no_harm(bench, line):
    bench.unit(3, poll_ms=20)
    await bench.sinks[3].good()
    bus = bench.buses.of(bench.settings(3))
    for _ in range(5):
        line.say(b"\x03\x03\x02\x11\x11\x00\x00")
        assert [r.value for r in await bench.sinks[3].good()] == [300]
    assert bus.strays > 0


def test_a_line_without_a_loop_is_only_a_name(tmp_path):
    assert RtuLine(tmp_path / "rs485").port == str(tmp_path / "rs485")
