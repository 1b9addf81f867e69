"""Commands, the watchdog register and the safe state."""

import asyncio

import pytest

from banksman_drivers.fake.modbus_server import Faults
from banksman_drivers.ports import CommandExpired, CommandFailed, Unsupported
from banksman_drivers.settings.modbus import ModbusOutput, ModbusPoint, ModbusWatchdog

MASKED = ModbusOutput(name="masked", safe=0, table="holding", address=7, bits=[4, 7])
BIT = ModbusOutput(name="bit", safe=False, table="holding", address=7, bit=2)
LAMP15 = ModbusOutput(name="lamp15", safe=False, table="coil", address=3, write_with="multiple")
SPEED16 = ModbusOutput(
    name="speed16", safe=0, table="holding", address=10, type="uint16", write_with="multiple"
)
SPEED23 = ModbusOutput(
    name="speed23", safe=0, table="holding", address=10, type="uint16", write_with="read_write"
)
SENSOR = ModbusPoint(name="r0", table="holding", address=0)
LAMP = ModbusOutput(name="lamp", safe=False, table="coil", address=3)
SPEED = ModbusOutput(name="speed", safe=0, table="holding", address=10, type="uint16")
LEVEL = ModbusOutput(
    name="level", safe=0.0, table="holding", address=12, type="float32", word_order="low_first"
)


async def ready(bench, *outputs, **options):
    plc = bench([SENSOR], outputs, **options)
    await plc.sink.good()
    return plc


@pytest.mark.parametrize(
    ("output", "value", "written"),
    [
        (LAMP, True, ("coils", 3, (1,))),
        (LAMP, 0.0, ("coils", 3, (0,))),
        (SPEED, 1500.0, ("holding", 10, (1500,))),
        (LEVEL, 123.456, ("holding", 12, (0xE979, 0x42F6))),
    ],
)
async def test_a_command_is_written_as_its_output_says(bench, server, output, value, written):
    plc = await ready(bench, output)
    await plc.driver.apply(plc.command(f"plc.{output.name}", value))
    write = server.writes[-1]
    assert (write.table, write.address, write.values) == written


@pytest.mark.parametrize(
    ("output", "value", "function", "table", "written"),
    [
        (LAMP15, True, 15, "coils", (3, 1)),
        (SPEED16, 1500, 16, "holding", (10, 1500)),
        (SPEED23, 1500, 23, "holding", (10, 1500)),
        (MASKED, 9, 22, "holding", (7, 0xF9F)),
        (BIT, True, 22, "holding", (7, 0xF0F | 4)),
        (BIT, False, 22, "holding", (7, 0xF0B)),
    ],
)
async def test_a_command_is_written_with_the_function_its_output_names(
    bench, server, output, value, function, table, written
):
    server.memory.holding[7] = 0xF0F
    plc = await ready(bench, output, poll_ms=3_600_000)
    await plc.driver.apply(plc.command(f"plc.{output.name}", value))
    assert server.last_request[7] == function
    address, held = written
    assert getattr(server.memory, table)[address] == held


async def test_a_bit_field_is_read_back_in_its_own_bits_only(bench, server):
    server.memory.holding[7] = 0xF0F
    plc = await ready(bench, MASKED.model_copy(update={"readback": True}), poll_ms=3_600_000)
    await plc.driver.apply(plc.command("plc.masked", 9))
    assert server.memory.holding[7] == 0xF9F


async def test_function_23_that_reads_back_another_value_fails_the_command(bench, server):
    plc = await ready(bench, SPEED23, poll_ms=3_600_000)
    server.faults = Faults(
        script=lambda request: [request[:4] + b"\x00\x05" + request[6:8] + b"\x02\x00\x01"]
    )
    with pytest.raises(CommandFailed, match="confirmed something else"):
        await plc.driver.apply(plc.command("plc.speed23", 5))


async def test_a_device_without_mask_write_refuses_a_bit_and_nothing_is_written(bench, server):
    plc = await ready(bench, BIT, poll_ms=3_600_000)
    server.faults = Faults(exception=1)
    with pytest.raises(CommandFailed, match="illegal function"):
        await plc.driver.apply(plc.command("plc.bit", True))
    assert not server.writes


async def test_a_write_that_follows_from_a_poll_goes_before_the_next_poll(bench, server):
    plc = bench([SENSOR], [LAMP], poll_ms=3_600_000)
    done = []

    def act(batch):
        done.append(asyncio.ensure_future(plc.driver.apply(plc.command("plc.lamp", True))))

    plc.sink.on_batch = act
    await plc.sink.good()
    await done[0]
    assert server.memory.coils[3] == 1
    assert server.requests == 2


async def test_a_write_waits_for_the_request_under_way_and_not_for_the_whole_poll(bench, server):
    points = [ModbusPoint(name=f"r{n}", table="holding", address=n) for n in (0, 2, 4, 6, 8)]
    plc = bench(points, [LAMP])
    server.faults = Faults(delay_s=0.01)
    before = server.requests
    await server.until(lambda: server.requests == before + 1)
    await plc.driver.apply(plc.command("plc.lamp", True))
    assert server.requests - before <= 4


async def test_an_expired_command_is_not_written(bench, server):
    plc = await ready(bench, LAMP)
    with pytest.raises(CommandExpired, match=r"plc\.lamp.*nothing written"):
        await plc.driver.apply(plc.command("plc.lamp", True, within_s=-0.001))
    assert not server.writes


async def test_a_command_that_expires_while_it_waits_for_its_turn_is_not_written(bench, server):
    plc = await ready(bench, LAMP, timeout_ms=5000)
    server.faults = Faults(delay_s=0.1)
    before = server.requests
    await server.until(lambda: server.requests > before)
    with pytest.raises(CommandExpired):
        await plc.driver.apply(plc.command("plc.lamp", True, within_s=0.01))
    assert not server.writes


async def test_a_command_to_a_lost_device_fails_at_once_with_the_reason(bench, server):
    plc = await ready(bench, LAMP)
    await server.stop()
    await plc.sink.bad()
    with pytest.raises(CommandFailed, match=r"plc\.lamp: plc: no connection|closed"):
        await plc.driver.apply(plc.command("plc.lamp", True))


async def test_a_command_under_way_fails_when_the_connection_goes(bench, server):
    plc = await ready(bench, LAMP, poll_ms=3_600_000, timeout_ms=60_000)
    server.faults = Faults(silent=True, hang_up=True)
    with pytest.raises(CommandFailed, match="not confirmed: it closed the connection"):
        await plc.driver.apply(plc.command("plc.lamp", True))


async def test_every_command_in_the_queue_fails_when_the_connection_goes(bench, server):
    plc = await ready(bench, LAMP, SPEED, poll_ms=3_600_000, timeout_ms=60_000)
    server.faults = Faults(silent=True)
    before = server.requests
    waiting = [
        asyncio.create_task(plc.driver.apply(plc.command("plc.lamp", True))),
        asyncio.create_task(plc.driver.apply(plc.command("plc.speed", 1))),
    ]
    await server.until(lambda: server.requests > before)
    server.hang_up()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in found] == [CommandFailed, CommandFailed]


async def test_a_refused_write_fails_with_the_devices_reason(bench, server):
    plc = await ready(bench, LAMP)
    server.faults = Faults(exception=4)
    with pytest.raises(CommandFailed, match=r"plc\.lamp: the device refused: device failure"):
        await plc.driver.apply(plc.command("plc.lamp", True))


async def test_an_echo_of_another_value_is_no_confirmation(bench, server):
    plc = await ready(bench, SPEED, poll_ms=3_600_000)
    server.faults = Faults(script=lambda request: [request[:-1] + b"\x63"])
    with pytest.raises(CommandFailed, match="confirmed something else"):
        await plc.driver.apply(plc.command("plc.speed", 5))


async def test_a_write_that_is_not_confirmed_in_time_fails(bench, server):
    plc = await ready(bench, SPEED, poll_ms=3_600_000, timeout_ms=30)
    server.faults = Faults(silent=True)
    with pytest.raises(CommandFailed, match="not confirmed: no answer within 30 ms"):
        await plc.driver.apply(plc.command("plc.speed", 5))


@pytest.mark.parametrize("output", [LAMP, SPEED, LEVEL], ids=lambda output: output.name)
async def test_a_read_back_that_agrees_confirms(bench, server, output):
    plc = await ready(bench, output.model_copy(update={"readback": True}))
    await plc.driver.apply(plc.command(f"plc.{output.name}", 1))
    assert server.writes[-1].address == output.address


@pytest.mark.parametrize("output", [LAMP, SPEED], ids=lambda output: output.name)
async def test_a_read_back_that_differs_fails_the_command(bench, server, output):
    plc = await ready(bench, output.model_copy(update={"readback": True}), poll_ms=3_600_000)

    def forgetful(request):
        # Confirms the write, and shows the old value when read.
        if request[7] in (5, 6):
            return [request]
        size = b"\x01\x00" if request[7] == 1 else b"\x02\x00\x00"
        return [request[:4] + (len(size) + 2).to_bytes(2, "big") + request[6:8] + size]

    server.faults = Faults(script=forgetful)
    with pytest.raises(CommandFailed, match="does not hold it"):
        await plc.driver.apply(plc.command(f"plc.{output.name}", 1))


@pytest.mark.parametrize(("value", "complaint"), [(70_000, "fits a uint16"), ("go", "a number")])
async def test_a_value_that_does_not_fit_fails_and_nothing_is_written(
    bench, server, value, complaint
):
    plc = await ready(bench, SPEED)
    with pytest.raises(CommandFailed, match=complaint):
        await plc.driver.apply(plc.command("plc.speed", value))
    assert not server.writes


async def test_an_output_that_does_not_exist_is_unsupported(bench):
    plc = await ready(bench, LAMP)
    with pytest.raises(Unsupported, match=r"plc has no output plc\.siren"):
        await plc.driver.apply(plc.command("plc.siren", True))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"scale": 0.0, "type": "uint16"}, "scale 0"),
        ({"table": "coil", "type": "uint16"}, "a coil holds one bit"),
        ({"address": 65535, "type": "uint32"}, "past register 65535"),
        ({"safe": "off"}, "its safe state: takes true or false"),
        ({"write_with": "single", "type": "uint32"}, "single writes one register"),
        ({"write_with": "read_write", "table": "coil"}, "function 23 writes registers"),
        ({"bit": 3, "type": "uint32"}, "a mask write reaches one register"),
        ({"bit": 3, "write_with": "multiple", "safe": False}, "by mask .function 22. only"),
    ],
)
async def test_an_output_that_cannot_exist_is_found_at_construction(bench, changes, complaint):
    output = ModbusOutput(**({"name": "o", "safe": 0, "table": "holding", "address": 0} | changes))
    with pytest.raises(Unsupported, match=rf"plc\.o: .*{complaint}"):
        bench([], [output], start=False)


async def test_outputs_are_supervised_only_with_a_watchdog_register(bench):
    permit = LAMP.model_copy(update={"run_permit": True})
    bare = bench([], [permit], start=False).driver.outputs()[0]
    fed = bench([], [permit], ModbusWatchdog(address=19), start=False).driver.outputs()[0]
    assert (bare.supervision, bare.run_permit) == ("none", True)
    assert fed.supervision == "watchdog_register"


async def test_the_watchdog_register_counts_up_and_stops_with_the_driver(bench, server):
    plc = bench([SENSOR], [LAMP], ModbusWatchdog(address=19, period_ms=10))
    await server.until(lambda: len(server.writes) == 5)
    await plc.stop()
    await server.until(lambda: server.connections == 0)
    fed = [write.values[0] for write in server.writes if write.address == 19]
    assert fed == list(range(1, len(fed) + 1))


async def test_the_watchdog_goes_on_from_its_count_after_a_reconnect(bench, server):
    bench([SENSOR], [LAMP], ModbusWatchdog(address=19, period_ms=10))
    await server.until(lambda: len(server.writes) == 3)
    server.hang_up()
    await server.until(lambda: server.accepted == 2 and len(server.writes) > 5)
    fed = [write.values[0] for write in server.writes]
    assert fed == sorted(set(fed))


async def test_the_watchdog_is_not_fed_where_nothing_may_be_written(bench, server):
    plc = bench([SENSOR], [LAMP], ModbusWatchdog(address=19, period_ms=10), start=False)
    plc.driver.feed(False)
    plc.start()
    for _ in range(20):
        await plc.sink.good()
    assert not server.writes
    plc.driver.feed(True)
    await server.until(lambda: len(server.writes) > 0)


async def test_a_refused_watchdog_register_is_named_in_health(bench, server):
    plc = bench([SENSOR], [LAMP], ModbusWatchdog(address=99, period_ms=10))
    while "watchdog register 99 refused" not in plc.driver.health().message:
        await plc.sink.good()
    assert plc.driver.health().state == "connected"


async def test_to_safe_connects_by_itself_writes_every_safe_state_and_leaves(bench, server):
    on = [LAMP.model_copy(update={"safe": True}), SPEED.model_copy(update={"safe": 7.0})]
    plc = bench([SENSOR], on, start=False)
    await plc.driver.to_safe()
    assert server.memory.coils[3] == 1
    assert server.memory.holding[10] == 7
    await server.until(lambda: server.connections == 0)


async def test_to_safe_uses_the_open_connection_of_a_running_driver(bench, server):
    plc = await ready(bench, LAMP)
    await plc.driver.to_safe()
    assert server.accepted == 1
    assert server.writes[-1].values == (0,)


async def test_to_safe_writes_the_rest_when_one_output_is_refused_and_names_it(bench, server):
    wrong = LAMP.model_copy(update={"name": "wrong", "address": 50})
    plc = bench([], [wrong, LAMP.model_copy(update={"safe": True})], start=False)
    with pytest.raises(CommandFailed, match=r"plc\.wrong: .*illegal data address"):
        await plc.driver.to_safe()
    assert server.memory.coils[3] == 1


async def test_to_safe_of_an_unreachable_device_names_every_output(bench, server):
    await server.stop()
    plc = bench([], [LAMP, SPEED], start=False)
    with pytest.raises(CommandFailed, match=r"plc\.lamp: .*plc\.speed: "):
        await plc.driver.to_safe()


async def test_to_safe_connects_anew_when_the_connection_goes_between_two_outputs(bench, server):
    plc = bench([], [LAMP.model_copy(update={"safe": True}), SPEED], start=False)
    server.faults = Faults(hang_up=True)
    await plc.driver.to_safe()
    assert server.accepted == 2
    assert len(server.writes) == 2


async def test_to_safe_gives_a_silent_device_up_after_two_tries_and_names_every_output(
    bench, server
):
    plc = bench([], [LAMP, SPEED, LEVEL], start=False, timeout_ms=20)
    server.faults = Faults(silent=True)
    with pytest.raises(CommandFailed, match=r"plc\.lamp: .*plc\.speed: .*plc\.level: "):
        await plc.driver.to_safe()
    assert server.requests == 2
