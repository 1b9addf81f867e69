"""From READY to the exit code, armed and in observe mode."""

import signal


async def test_ready_then_watchdog_then_stopping_is_said_and_the_exit_code_is_0(box):
    await box.start()
    assert "STATUS=armed" in box.said[0]
    await box.until(lambda: box.said.count("WATCHDOG=1") >= 2, "the watchdog is petted")

    assert await box.stop() == 0

    await box.until(lambda: "STOPPING=1" in box.said[-1], "STOPPING is said last")


async def test_ctrl_c_ends_it_as_sigterm_does(box):
    await box.start()
    box.signal(signal.SIGINT)
    assert await box.ended() == 0


async def test_a_value_over_its_limit_opens_the_valve_and_below_closes_it(box, plc):
    await box.start()
    plc.memory.holding[0] = 501
    await box.until(lambda: plc.memory.coils[0] == 1, "the valve opens")
    decision = await box.until_decision("open_valve")
    assert decision["reason"] == "the level is 501, over 500"
    assert decision["mode"] == "armed"

    plc.memory.holding[0] = 500
    await box.until(lambda: plc.memory.coils[0] == 0, "the valve closes")


async def test_after_sigterm_the_outputs_are_in_their_safe_state(box, plc):
    plc.memory.holding[0] = 600
    await box.start()
    await box.until(lambda: plc.memory.coils[0] == 1, "the valve opens")

    assert await box.stop() == 0

    assert plc.memory.coils[0] == 0
    assert plc.writes[-1].table == "coils"


async def test_armed_it_feeds_the_watchdog_register_until_it_ends(box, plc):
    await box.start()
    await box.until(lambda: plc.memory.holding[10] >= 3, "the register counts")
    await box.stop()
    fed = plc.memory.holding[10]
    await box.start()
    await box.until(lambda: plc.memory.holding[10] != fed, "the register counts again")


async def test_in_observe_mode_it_decides_and_records_and_writes_nothing(box, plc):
    box.write(mode="observe")
    plc.memory.coils[0] = 1  # somebody else's valve
    await box.start()
    closed = await box.until_decision("close_valve")
    plc.memory.holding[0] = 600
    opened = await box.until_decision("open_valve")
    for decision in (closed, opened):
        assert decision.get("mode", "observe") == "observe"

    assert await box.stop() == 0

    assert not plc.writes
    assert plc.memory.coils[0] == 1
    assert plc.memory.holding[10] == 0, "a watchdog register that moves is a promise to act"
